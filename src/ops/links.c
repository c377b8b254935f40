#include "ops/links.h"

#include "base/hash.h"
#include "io/upstream.h"
#include "media/media.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINK_WAITING_BYTES = 512 * 1024, LINK_HEAD_BYTES = 4096 };

/* Pieces go to the files pool one after another, as those of an upload do; a slow disk holds the sender back. */
struct link {
    struct link *next, **prev;
    struct ops *o;
    struct file_in *f;
    struct arena *arena;
    struct output *out;
    struct upstream_request *request; /* NULL: it has ended */
    char asset[ID_LEN + 1], random[ID_LEN + 1], sha256[SHA256_HEX + 1];
    struct drive_file file;
    struct buf waiting, writing; /* what came in, what the pool writes now */
    uint8_t head[LINK_HEAD_BYTES];
    size_t head_len;
    bool busy, begun, last, kept, paused;
    err disk;                    /* the pool's while busy */
    struct why disk_why;
    err code;                    /* the loop's */
    struct why why;
    link_done *done;
    void *arg;
};

__attribute__((format(printf, 3, 4))) static void fail(struct link *l, err code, const char *format, ...) {
    if (l->code) return;
    char reason[400];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    l->code = code;
    why_set(&l->why, code, "The input `%.*s` is a link that cannot be taken: %.360s Nothing was charged.", STR_ARG(str_head(l->f->input, 40)), reason);
    snprintf(l->why.field, sizeof l->why.field, "%.*s", STR_ARG(l->f->input));
}

static void end(struct link *l) {
    *l->prev = l->next;
    if (l->next) l->next->prev = l->prev;
    if (l->code && l->begun) drive_file_drop(&l->file); /* one unlink of a temporary file */
    if (!l->kept) l->out->blob = STR("");
    l->done(l->arg, l->f, l->code, &l->why);
    buf_done(&l->waiting);
    buf_done(&l->writing);
    free(l);
}

/* --- to the disk --- */

static void write_work(void *arg) {
    struct link *l = arg;
    if (!l->begun) {
        l->disk = drive_file_begin(l->o->o.drive, l->random + ID_LEN - 20, &l->disk_why, &l->file);
        l->begun = !l->disk;
    }
    if (!l->disk && l->writing.len) l->disk = drive_file_write(&l->file, buf_view(&l->writing), &l->disk_why);
    if (l->disk || !l->last) return;
    l->disk = drive_file_keep(l->o->o.drive, &l->file, l->out->blob, &l->disk_why, l->sha256);
    l->kept = !l->disk;
}

static void pump(struct link *l);

static void written(void *arg) {
    struct link *l = arg;
    l->busy = false;
    buf_clear(&l->writing);
    if (l->disk && !l->code) {
        l->code = l->disk;
        l->why = l->disk_why;
        l->why.code = l->disk;
        if (l->request) upstream_cancel(l->request);
        l->request = NULL;
    }
    if (!l->request && (l->code || l->kept)) {
        if (!l->code) file_describe(l->f, str_n(l->head, l->head_len), l->file.bytes, str_of(l->asset), l->sha256, l->arena, l->out);
        end(l);
        return;
    }
    pump(l);
    if (l->paused && l->request && l->waiting.len <= LINK_WAITING_BYTES) {
        l->paused = false;
        upstream_resume(l->request);
    }
}

static void pump(struct link *l) {
    if (l->busy || (!l->waiting.len && l->request)) return;
    struct buf swap = l->writing;
    l->writing = l->waiting;
    l->waiting = swap;
    l->last = !l->request;
    l->busy = true;
    err e = files_run(l->o, write_work, written, l);
    if (!e) return;
    l->disk = why_set(&l->disk_why, e, "The server is busy with other files; nothing was charged. Try again in a second.");
    loop_post(l->o->o.loop, written, l);
}

/* --- from the network --- */

/* What it is shows in its first bytes; what is not wanted is not fetched any further. */
static bool wanted(struct link *l) {
    struct sniffed s = media_sniff(str_n(l->head, l->head_len));
    if (s.type && str_is(l->f->kind, s.kind)) return true;
    if (s.type) fail(l, E_MEDIA_TYPE, "The input takes %.*s, but what stands there is %s.", STR_ARG(l->f->kind), s.type);
    else fail(l, E_MEDIA_TYPE, "What stands there is no picture, sound or video that is known here.");
    return false;
}

static bool on_head(void *arg, int status, const struct upstream_header *headers, size_t n, int64_t length) {
    struct link *l = arg;
    if (status != 200) fail(l, E_INVALID, "Its server answered %d.", status);
    return status == 200;
}

static bool on_body(void *arg, struct str piece) {
    struct link *l = arg;
    if (l->head_len < sizeof l->head) {
        size_t n = sizeof l->head - l->head_len < piece.len ? sizeof l->head - l->head_len : piece.len;
        memcpy(l->head + l->head_len, piece.ptr, n);
        l->head_len += n;
        if (l->head_len == sizeof l->head && !wanted(l)) return false;
    }
    buf_str(&l->waiting, piece);
    pump(l);
    l->paused = l->waiting.len > LINK_WAITING_BYTES;
    if (l->paused) upstream_pause(l->request);
    return true;
}

static void on_done(void *arg, const struct upstream_answer *a) {
    struct link *l = arg;
    l->request = NULL;
    if (a->code) fail(l, a->code == E_EGRESS ? E_EGRESS : E_INVALID, "%s", why_text(&a->why));
    else if (!a->bytes) fail(l, E_INVALID, "Its server answered with nothing.");
    else if (l->head_len < sizeof l->head && !l->code) (void)wanted(l);
    if (l->busy) return; /* written comes */
    if (l->code) end(l);
    else pump(l);
}

struct link *link_fetch(struct ops *o, struct file_in *f, const char (*random)[ID_LEN + 1], struct arena *a, struct output *out, link_done *done, void *arg) {
    struct link *l = calloc(1, sizeof *l);
    must(l);
    *l = (struct link){.next = o->links, .prev = &o->links, .o = o, .f = f, .arena = a, .out = out, .done = done, .arg = arg};
    if (l->next) l->next->prev = &l->next;
    o->links = l;
    memcpy(l->asset, random[0], sizeof l->asset);
    memcpy(l->random, random[1], sizeof l->random);
    out->blob = arena_printf(a, "up/%.2s/1-%s", l->random + ID_LEN - 2, l->random + ID_LEN - 20);
    struct upstream_ask ask = {.policy = EGRESS_TENANT, .method = STR("GET"), .url = f->text, .timeout = LIMIT_INPUT_LINK_MS, .max_bytes = LIMIT_INPUT_LINK_BYTES,
                               .on_head = on_head, .on_body = on_body, .done = on_done, .arg = l};
    l->request = upstream_send(o->o.upstream, &ask);
    return l;
}

void links_stop(struct ops *o) {
    for (struct link *l = o->links, *next; l; l = next) {
        next = l->next;
        if (!l->code) l->code = why_set(&l->why, E_UNAVAILABLE, "The server is stopping and takes no new work; nothing was charged. Try again in a moment.");
        if (l->request) upstream_cancel(l->request);
        l->request = NULL;
        if (!l->busy) end(l);
    }
}
