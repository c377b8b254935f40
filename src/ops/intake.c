/* See intake.h. The filter runs on the loop, decoding, hashing and writing on the files pool, one piece of work at a time; what waits between
 * the two is bounded, and whoever feeds is held back. */
#include "ops/intake.h"
#include "ops/inputs.h"

#include "base/decode.h"
#include "base/hash.h"
#include "base/spool.h"

#include <stdlib.h>

enum { WAITING_BYTES = 512 * 1024, HEAD_BYTES = 4096, LONG_STRINGS = 2 * FILES_MAX };

/* A string on its way to the disk. */
struct intake_file {
    struct drive_file file;
    bool begun, kept, readable;
    err code; /* of decoding: told when it is used as a file */
    struct decoder decoder;
    struct hasher *hasher;
    char sha256[SHA256_HEX + 1], head[HEAD_BYTES];
    size_t head_len;
    int64_t bytes;
    char random[ID_LEN + 1];
};

/* Work for the pool: bytes of one string, or its end. */
struct load {
    uint32_t id;
    size_t len;
    bool end;
};
struct batch {
    struct buf bytes, pieces; /* struct load, one behind the other */
};

struct intake {
    struct ops *o;
    int refs;
    struct spool *spool;
    struct intake_file *files[LONG_STRINGS]; /* by number, from 1; in place: a thread reads in it while the next one is begun */
    uint32_t count;
    struct batch waiting, writing;
    bool busy, paused, ending;
    int64_t counted; /* of o->intake_bytes */
    err code; /* of the pool's thread while it is busy */
    struct why why;
    err bad; /* the body ended too early */
    struct why bad_why;
    struct buf decoded;
    struct str text;
    void (*ready)(void *arg);
    void (*done)(void *arg, err code, const struct why *why);
    void *arg;
};

/* --- life --- */

static void batch_done(struct batch *b) {
    buf_done(&b->bytes);
    buf_done(&b->pieces);
}

static void free_work(void *arg) {
    struct intake *i = arg;
    for (uint32_t n = 0; n < i->count; n++)
        if (i->files[n]->begun && !i->files[n]->kept) drive_file_drop(&i->files[n]->file);
}

static void freed(void *arg) {
    struct intake *i = arg;
    for (uint32_t n = 0; n < i->count; n++) {
        hasher_freep(&i->files[n]->hasher);
        free(i->files[n]);
    }
    spool_free(i->spool);
    batch_done(&i->waiting);
    batch_done(&i->writing);
    buf_done(&i->decoded);
    free(i);
}

struct intake *intake_ref(struct intake *i) {
    if (i) i->refs++;
    return i;
}

static void unref(struct intake *i) {
    if (--i->refs) return;
    i->o->intake_bytes -= i->counted;
    if (i->count && !files_run(i->o, free_work, freed, i)) return;
    free_work(i);
    freed(i);
}

void ops_intake_drop(struct intake *i) {
    if (!i) return;
    i->ready = NULL;
    i->done = NULL;
    unref(i);
}

/* --- on the files pool --- */

static void begin_file(struct intake *i, struct intake_file *f, struct str first) {
    f->readable = true;
    decoder_begin(&f->decoder, decode_guess(str_head(first, SPOOL_HEAD_BYTES)));
    if (f->decoder.as == DECODE_RAW || f->decoder.as == DECODE_HEX) decoder_begin(&f->decoder, DECODE_BASE64); /* files come in no other form */
    f->hasher = hasher_new();
    i->code = drive_file_begin(i->o->o.drive, f->random, &i->why, &f->file);
    f->begun = !i->code;
}

/* The name of the whole string is the hash of what was sent, decoded or not. */
static void take_bytes(struct intake *i, struct intake_file *f, struct str data) {
    if (!f->hasher) begin_file(i, f, data);
    hasher_add(f->hasher, data.ptr, data.len);
    if (!f->readable || i->code) return;
    buf_clear(&i->decoded);
    f->readable = decoder_feed(&f->decoder, data, &i->decoded, NULL) == OK;
    if (!f->readable || !i->decoded.len) return;
    size_t more = HEAD_BYTES - f->head_len < i->decoded.len ? HEAD_BYTES - f->head_len : i->decoded.len;
    memcpy(f->head + f->head_len, i->decoded.ptr, more);
    f->head_len += more;
    f->bytes += (int64_t)i->decoded.len;
    i->code = drive_file_write(&f->file, buf_view(&i->decoded), &i->why);
}

static void end_file(struct intake *i, struct intake_file *f) {
    uint8_t digest[SHA256_LEN];
    buf_clear(&i->decoded);
    if (f->readable && !i->code) f->readable = decoder_end(&f->decoder, &i->decoded, NULL) == OK;
    if (f->readable && !i->code && i->decoded.len) {
        f->bytes += (int64_t)i->decoded.len;
        i->code = drive_file_write(&f->file, buf_view(&i->decoded), &i->why);
    }
    if (!f->hasher) return;
    hasher_end(f->hasher, digest);
    f->hasher = NULL;
    hex_encode(digest, SHA256_LEN, f->sha256);
}

static void write_work(void *arg) {
    struct intake *i = arg;
    struct str bytes = buf_view(&i->writing.bytes);
    for (size_t at = 0; at < i->writing.pieces.len && !i->code; at += sizeof(struct load)) {
        struct load p;
        memcpy(&p, i->writing.pieces.ptr + at, sizeof p);
        if (p.end) end_file(i, i->files[p.id - 1]);
        else take_bytes(i, i->files[p.id - 1], str_head(bytes, p.len));
        bytes = str_skip(bytes, p.len);
    }
}

/* --- on the loop --- */

static void pump(struct intake *i);

static void told(struct intake *i) {
    void (*done)(void *arg, err code, const struct why *why) = i->done;
    i->done = NULL;
    i->ending = false;
    i->why.code = i->code;
    if (done) done(i->arg, i->bad ? i->bad : i->code, i->bad ? &i->bad_why : &i->why);
}

static void written(void *arg) {
    struct intake *i = arg;
    i->busy = false;
    buf_clear(&i->writing.bytes);
    buf_clear(&i->writing.pieces);
    pump(i);
    if (i->ending && !i->busy) told(i);
    else if (i->paused && !i->ending && i->ready) {
        i->paused = false;
        i->ready(i->arg);
    }
    unref(i);
}

static void pump(struct intake *i) {
    if (i->busy || !i->waiting.pieces.len) return;
    struct batch swap = i->writing;
    i->writing = i->waiting;
    i->waiting = swap;
    i->busy = true;
    i->refs++;
    err e = files_run(i->o, write_work, written, i);
    if (!e) return;
    i->code = why_set(&i->why, e, "The server is busy with other files; nothing was charged. Try again in a second.");
    loop_post(i->o->o.loop, written, i);
}

static void add_load(struct intake *i, const struct load *p) { buf_add(&i->waiting.pieces, p, sizeof *p); }

static void add_file(struct intake *i) {
    struct intake_file *f = calloc(1, sizeof *f);
    must(f && i->count < LONG_STRINGS);
    struct id id = io_new_id(i->o->io);
    memcpy(f->random, id.hex + ID_LEN - 20, 21); /* the random end of an id */
    i->files[i->count++] = f;
}

static err take(void *self, uint32_t id, struct str piece, struct why *why) {
    struct intake *i = self;
    if (i->o->intake_bytes + (int64_t)piece.len > LIMIT_INTAKE_BYTES)
        return why_set(why, E_STORAGE_FULL, "The server is reading too many inline files at once; nothing was charged. Try again in a moment, or upload the file to the drive first.");
    i->o->intake_bytes += (int64_t)piece.len;
    i->counted += (int64_t)piece.len;
    if (id > i->count) add_file(i);
    buf_str(&i->waiting.bytes, piece);
    add_load(i, &(struct load){.id = id, .len = piece.len});
    return OK;
}

static err end(void *self, uint32_t id, uint32_t bytes, struct why *why) {
    add_load(self, &(struct load){.id = id, .end = true});
    return OK;
}

err ops_intake_begin(struct ops *o, void (*ready)(void *arg), void *arg, struct why *why, struct intake **out) {
    if (o->draining) return why_set(why, E_UNAVAILABLE, "The server is stopping and takes no new work; nothing was charged. Try again in a moment.");
    struct intake *i = calloc(1, sizeof *i);
    must(i);
    *i = (struct intake){.o = o, .refs = 1, .ready = ready, .arg = arg};
    i->spool = spool_new(&(struct spool_options){.sink = {i, take, end}, .strings = LONG_STRINGS});
    *out = i;
    return OK;
}

static err refused(err e, struct why *why) {
    if (e == E_LIMIT) e = E_TOO_LARGE;
    if (why) why->code = e;
    return e;
}

err ops_intake_feed(struct intake *i, struct str piece, struct why *why, bool *waits) {
    if (!i->busy && i->code) {
        *why = i->why;
        return refused(i->code, why);
    }
    err e = spool_feed(i->spool, piece, why);
    if (e) return refused(e, why);
    pump(i);
    i->paused = i->waiting.bytes.len > WAITING_BYTES;
    *waits = i->paused;
    return OK;
}

void ops_intake_end(struct intake *i, void (*done)(void *arg, err code, const struct why *why)) {
    i->done = done;
    i->ending = true;
    err e = spool_end(i->spool, &i->bad_why, &i->text);
    if (e) i->bad = refused(e, &i->bad_why);
    else pump(i);
    if (!i->busy) told(i);
}

static void name(struct intake *i, struct json *j) {
    if (j->type == JSON_SPOOLED && j->spool >= 1 && j->spool <= i->count) j->text = str_of(i->files[j->spool - 1]->sha256);
    for (struct json *c = j->child; c; c = c->next) name(i, c);
}

err ops_intake_read(struct intake *i, struct arena *a, struct why *why, struct json **out) {
    struct json *body = NULL;
    TRY(json_parse_how(arena_dup(a, i->text), JSON_SPOOLS, a, why, NULL, &body));
    name(i, body);
    *out = body;
    return OK;
}

/* --- for whoever makes them files of the drive --- */

bool intake_look(const struct intake *i, uint32_t id, struct str *out_head, int64_t *out_bytes) {
    if (!i || id < 1 || id > i->count || !i->files[id - 1]->readable || !i->files[id - 1]->bytes) return false;
    *out_head = str_n(i->files[id - 1]->head, i->files[id - 1]->head_len);
    *out_bytes = i->files[id - 1]->bytes;
    return true;
}

err intake_keep(struct intake *i, uint32_t id, struct drive *d, struct str blob, struct why *why, char out_sha256[65]) {
    struct intake_file *f = i->files[id - 1];
    if (f->kept) return why_set(why, E_INVALID, "The same inline file is named twice.");
    f->kept = true; /* its temporary name is gone in any case */
    return drive_file_keep(d, &f->file, blob, why, out_sha256);
}
