/* One text with files in it as base64, written to a file without a name: a reader finds and opens the files, a thread of the files pool
 * writes, the caller sends it by descriptor. */
#include "ops/ops_int.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

enum { RAW = 48 * 1024, ENCODED = RAW / 3 * 4 + 8 }; /* a multiple of three: only the last piece of a file is padded */

struct assembly {
    struct ops *o;
    struct arena arena;
    struct piece *pieces;
    int *fds;
    size_t n;
    int out;
    int64_t bytes;
    struct answer answer;
    ops_done *done;
    void *arg;
};

static void assembly_free(struct assembly *m) {
    for (size_t i = 0; i < m->n; i++)
        if (m->fds[i] >= 0) close(m->fds[i]);
    arena_done(&m->arena);
    free(m);
}

static bool write_all(struct assembly *m, const char *p, size_t n) {
    m->bytes += (int64_t)n;
    while (n) {
        ssize_t w = write(m->out, p, n);
        if (w < 0) return false;
        p += w;
        n -= (size_t)w;
    }
    return true;
}

/* As much as there is, up to RAW bytes. */
static ssize_t fill(int fd, uint8_t *raw) {
    size_t have = 0;
    while (have < RAW) {
        ssize_t got = read(fd, raw + have, RAW - have);
        if (got < 0) return got;
        if (!got) break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

static bool write_encoded(struct assembly *m, int fd, uint8_t *raw, char *encoded) {
    ssize_t got;
    while ((got = fill(fd, raw)) > 0) {
        int n = EVP_EncodeBlock((unsigned char *)encoded, raw, (int)got);
        if (!write_all(m, encoded, (size_t)n)) return false;
        if (got < RAW) break;
    }
    return got >= 0;
}

static void work(void *arg) {
    struct assembly *m = arg;
    _cleanup_(freep) uint8_t *raw = malloc(RAW);
    _cleanup_(freep) char *encoded = malloc(ENCODED);
    must(raw && encoded);
    m->out = open(drive_tmp(m->o->o.drive), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    bool good = m->out >= 0;
    for (size_t i = 0; good && i < m->n; i++) {
        good = write_all(m, m->pieces[i].text.ptr, m->pieces[i].text.len);
        if (good && m->fds[i] >= 0) good = write_encoded(m, m->fds[i], raw, encoded);
    }
    if (good) return;
    why_set(&m->answer.why, E_STORAGE_FULL, "The answer could not be put together for want of space on the server's disk. The files are in the drive.");
    m->answer.code = E_STORAGE_FULL;
}

static void finished(void *arg) {
    struct assembly *m = arg;
    m->answer.fd = m->answer.code ? -1 : TAKE_FD(m->out);
    m->answer.bytes = m->bytes;
    m->done(m->arg, &m->answer); /* the descriptor is the receiver's */
    if (m->out >= 0) close(m->out);
    assembly_free(m);
}

static void run_find(struct read *r, struct db *db) {
    struct assembly *m = r->arg;
    for (size_t i = 0; i < m->n; i++) {
        const struct asset *a = NULL;
        struct why why = {};
        int64_t bytes;
        if (!m->pieces[i].asset.len) continue;
        err e = asset_named(db, &r->arena, &r->caller, m->pieces[i].asset, &a);
        if (!e) e = drive_blob_open(r->o->o.drive, a->blob, &why, &m->fds[i], &bytes);
        if (!e) continue;
        read_fail(r, e, e == E_NOT_FOUND ? "A file of the answer has been deleted." : "A file of the answer could not be read.");
        return;
    }
}

static void found(void *arg, const struct answer *a) {
    struct assembly *m = arg;
    if (a->code) m->answer = *a;
    err e = a->code ? a->code : files_run(m->o, work, finished, m);
    if (!e) return;
    if (!a->code) {
        m->answer.code = e;
        why_set(&m->answer.why, e, "The server is too busy to put the answer together; the files are in the drive.");
    }
    finished(m);
}

void ops_assemble(struct ops *o, const struct caller *c, const struct piece *pieces, size_t n, ops_done *done, void *arg) {
    must(n <= PIECES_MAX);
    struct assembly *m = calloc(1, sizeof *m);
    must(m);
    *m = (struct assembly){.o = o, .n = n, .out = -1, .answer = answer_of(OK), .done = done, .arg = arg};
    m->pieces = arena_array(&m->arena, struct piece, n + 1);
    m->fds = arena_array(&m->arena, int, n + 1);
    for (size_t i = 0; i < n; i++) {
        m->pieces[i] = (struct piece){.text = arena_dup(&m->arena, pieces[i].text), .asset = arena_dup(&m->arena, pieces[i].asset)};
        m->fds[i] = -1;
    }
    read_start(read_new(o, c, run_find, found, m));
}
