/* The caller's files on their way out: opened once, given as links or as bytes that are read and encoded while the request is sent. */
#include "engine/remote_int.h"

#include <errno.h>
#include <stdlib.h>

enum { READ_BYTES = 192 * 1024 }; /* a multiple of 3, so that pieces of base64 join without padding */

static struct str name_of(struct errand *e, struct str input, struct str type) {
    struct str kind, ending;
    if (!str_cut(type, '/', &kind, &ending)) ending = STR("bin");
    if (str_is(ending, "jpeg")) ending = STR("jpg");
    if (str_is(ending, "mpeg") && str_is(kind, "audio")) ending = STR("mp3");
    return arena_printf(&e->arena, "%.*s.%.*s", STR_ARG(input), STR_ARG(ending));
}

static err open_one(struct errand *e, size_t i) {
    struct call_file *f = &e->files[i];
    struct source *s = &e->sources[i];
    struct why why = {};
    err r = drive_blob_open(e->r->o.drive, s->blob, &why, &s->fd, &f->bytes);
    if (r == E_NOT_FOUND) return why_set(&e->why, r, "The file of input `%.*s` was deleted before the provider could be given it.", STR_ARG(f->input));
    if (r) return why_set(&e->why, r, "%s", why_text(&why));
    return OK;
}

/* A link where the provider can follow it, else the bytes. */
static void hand_over(struct errand *e, size_t i) {
    const struct endpoint_info *info = endpoint_info(e->plan.endpoint);
    struct call_file *f = &e->files[i];
    struct source *s = &e->sources[i];
    bool link = info->files == FILES_URL && e->r->reachable && s->path.len;
    f->inline_bytes = !link && info->files != FILES_UPLOAD;
    if (!link) return;
    struct signed_link l = {.project = e->call->project, .asset = s->asset, .path = s->path, .expires_at = e->call->deadline_at};
    struct buf url = {};
    sign_link(e->r->o.signer, &l, str_of(e->r->o.public_url), &url);
    f->url = arena_dup(&e->arena, buf_view(&url));
    buf_done(&url);
}

void sources_open(struct errand *e) {
    struct json *list = NULL;
    if (!e->call->files.len) return;
    e->code = json_parse(e->call->files, &e->arena, &e->why, &list);
    for (const struct json *j = list ? list->child : NULL; j && !e->code; j = j->next) {
        size_t i = e->pc.file_count;
        struct call_file *f = &e->files[i];
        struct source *s = &e->sources[i];
        if (i == REMOTE_FILES_MAX || !json_as_str(json_get(j, "input"), &f->input) || !json_as_str(json_get(j, "blob"), &s->blob)) {
            e->code = why_set(&e->why, E_INVALID, "There are more input files than a provider is given.");
            return;
        }
        (void)json_as_str(json_get(j, "asset"), &s->asset);
        (void)json_as_str(json_get(j, "path"), &s->path);
        (void)json_as_str(json_get(j, "type"), &f->type);
        for (size_t k = 0; k < i; k++) f->index += str_eq(e->files[k].input, f->input);
        f->name = name_of(e, f->input, f->type);
        e->pc.file_count++;
        e->code = open_one(e, i);
        hand_over(e, i);
    }
}

void sources_close(struct errand *e) {
    for (size_t i = 0; i < REMOTE_FILES_MAX; i++) {
        if (e->sources[i].fd >= 0) close(e->sources[i].fd);
        e->sources[i].fd = -1;
    }
}

/* --- bodies with holes --- */

static size_t encode(const uint8_t *in, size_t n, char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *at = out;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t left = (uint32_t)(n - i), v = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);
        *at++ = digits[v >> 18];
        *at++ = digits[v >> 12 & 63];
        *at++ = left > 1 ? digits[v >> 6 & 63] : '=';
        *at++ = left > 2 ? digits[v & 63] : '=';
    }
    return (size_t)(at - out);
}

static const struct body_part *part_of(const struct feed *f) { return &f->parts[f->at]; }

/* On a thread: the next piece of the file that stands in the hole. */
static void load(struct errand *e) {
    struct feed *f = &e->feed;
    const struct body_part *p = part_of(f);
    int64_t left = e->files[p->file].bytes - f->file_at;
    size_t want = left < READ_BYTES ? (size_t)left : READ_BYTES, got = 0;
    if (!f->chunk) must(f->chunk = malloc(READ_BYTES / 3 * 4 + READ_BYTES));
    char *raw = p->encoding == HOLE_BASE64 ? f->chunk + READ_BYTES / 3 * 4 : f->chunk;
    while (got < want) {
        ssize_t n = pread(e->sources[p->file].fd, raw + got, want - got, f->file_at + (int64_t)got);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            f->broken = true;
            return;
        }
        got += (size_t)n;
    }
    f->file_at += (int64_t)got;
    f->chunk_at = 0;
    f->chunk_len = p->encoding == HOLE_BASE64 ? encode((const uint8_t *)raw, got, f->chunk) : got;
}

static void loaded(struct errand *e) {
    e->feed.loading = false;
    if (e->sending) upstream_resume(e->sending);
}

static size_t give(struct str from, size_t *at, char *buf, size_t n) {
    size_t left = from.len - *at, take = left < n ? left : n;
    if (take) memcpy(buf, from.ptr + *at, take);
    *at += take;
    return take;
}

int64_t feed_read(void *arg, char *buf, size_t n) {
    struct errand *e = arg;
    struct feed *f = &e->feed;
    size_t done = 0;
    if (f->broken) return -1;
    if (f->loading) return UPSTREAM_PAUSE; /* the thread has the rest of *f */
    while (done < n && f->at < f->count) {
        const struct body_part *p = part_of(f);
        done += give(p->text, &f->text_at, buf + done, n - done);
        if (f->text_at < p->text.len) break;
        if (p->file >= 0 && f->chunk_at == f->chunk_len && f->file_at < e->files[p->file].bytes) {
            f->loading = true;
            errand_think(e, e->r->writers, load, loaded);
            return done ? (int64_t)done : UPSTREAM_PAUSE;
        }
        if (p->file >= 0) done += give(str_n(f->chunk, f->chunk_len), &f->chunk_at, buf + done, n - done);
        bool all = p->file < 0 || (f->chunk_at == f->chunk_len && f->file_at == e->files[p->file].bytes);
        if (!all) continue;
        f->at++;
        f->text_at = f->chunk_at = f->chunk_len = 0;
        f->file_at = 0;
    }
    return (int64_t)done;
}
