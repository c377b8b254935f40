/* Thumbnails, optimized copies and posters: made of a drive file when somebody first asks to see it, kept as records of their own.
 * They never delay, fail or bill a generation; who waits longer than five seconds, or asks for what cannot be made, gets the
 * original.
 *
 * Two requests at once may both make the same copy: the first commit wins, the other's blob is swept. */
#include "base/hash.h"
#include "base/id.h"
#include "media/media.h"
#include "ops/ops_int.h"

#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000 };

struct making {
    struct ops *o;
    struct arena arena;      /* the loop's, and the reader's before the loop has its answer */
    struct arena made_arena; /* the pool's thread's: the loop may lose patience while it is at work */
    struct str folder, role, path;
    struct signed_link link;
    const char *book;        /* of the key, where there is one */
    const struct asset *asset;
    const struct derived *made;
    enum read_want want;
    char random[ID_LEN + 1];
    struct read_answer read;
    struct answer answer;
    struct answer opened; /* what the pool's thread opened; the loop may have given up meanwhile */
    struct cmd_derived put;
    struct timer *patience;
    ops_done *done;
    void *arg;
    bool answered, keyed;
};

static void making_free(struct making *m) {
    m->o->io->ops->timer_stop(m->o->io, m->patience);
    arena_done(&m->arena);
    arena_done(&m->made_arena);
    free(m);
}

static void answer_once(struct making *m) {
    if (m->answered) return;
    m->answered = true;
    m->done(m->arg, &m->answer);
}

/* The original's link, with what is left of this one's time. */
static void redirect(struct making *m, err code, const char *sentence) {
    if (m->answered) return;
    struct buf url = {};
    struct signed_link original = m->link;
    original.folder = STR("");
    sign_link(m->o->o.signer, &original, str_of(m->o->o.public_url), &url);
    m->answer = answer_of(code);
    snprintf(m->answer.why.detail, sizeof m->answer.why.detail, "%s", sentence);
    m->answer.path = arena_dup(&m->arena, buf_view(&url));
    buf_done(&url);
    answer_once(m);
}

static void open_made(const struct making *m, struct str blob, struct str type, struct str etag, struct answer *out) {
    *out = answer_of(OK);
    err e = drive_blob_open(m->o->o.drive, blob, &out->why, &out->fd, &out->bytes);
    if (e) {
        out->code = out->why.code = e;
        out->fd = -1;
        return;
    }
    out->type = type;
    out->etag = etag;
    out->modified_at = m->asset->created_at;
    out->inline_ok = true;
    out->path = m->path;
}

static void committed(void *arg, const struct outcome *o) {
    struct making *m = arg;
    if (o->code && o->code != E_EXISTS) {
        if (m->opened.fd >= 0) close(m->opened.fd);
        redirect(m, E_UNAVAILABLE, "The copy could not be stored now.");
    } else if (str_is(m->put.state, "refused")) redirect(m, E_MEDIA_TYPE, "No such copy can be made of this file.");
    else if (m->answered) {
        if (m->opened.fd >= 0) close(m->opened.fd); /* it came too late for this one; the next finds it made */
    } else {
        m->answer = m->opened;
        answer_once(m);
    }
    making_free(m);
}

static void make_work(void *arg) {
    struct making *m = arg;
    struct why why = {};
    int64_t bytes;
    int fd = -1;
    char tmp[400], sha256[65];
    err e = drive_blob_open(m->o->o.drive, m->asset->blob, &why, &fd, &bytes);
    if (e) {
        m->read.code = e;
        return;
    }
    snprintf(tmp, sizeof tmp, "%s/%s", drive_tmp(m->o->o.drive), m->random);
    struct read_job job = {.fd = fd, .want = m->want, .out_path = tmp, .timeout = 0};
    helper_read(m->o->o.helper, &job, &m->read);
    close(fd);
    if (m->read.code) return;
    struct str blob = arena_printf(&m->made_arena, "derived/%.2s/1-%s", m->random + 30, m->random);
    m->read.code = drive_adopt(m->o->o.drive, tmp, blob, &why, sha256, &bytes);
    if (m->read.code) return;
    m->put = (struct cmd_derived){.state = STR("made"), .blob = blob, .type = str_of(m->read.out_type), .bytes = bytes, .width = m->read.out_width, .height = m->read.out_height};
    open_made(m, blob, m->put.type, arena_dup(&m->made_arena, str_of(sha256)), &m->opened);
}

static void made(void *arg) {
    struct making *m = arg;
    err e = m->read.code;
    bool never = e == E_MEDIA_TYPE || e == E_INVALID; /* a damaged file stays one; everything else may pass */
    if (e && !never) {
        redirect(m, e, "The copy could not be made now.");
        making_free(m);
        return;
    }
    if (never) m->put = (struct cmd_derived){.state = STR("refused")};
    m->put.asset = m->asset->head.id;
    m->put.role = m->role;
    struct command cmd = {.kind = CMD_DERIVED_PUT, .at = io_now(m->o->io), .derived = m->put};
    err sent = committer_submit(m->o->o.committer, &cmd, committed, m);
    if (!sent) return;
    struct outcome refused = {.code = sent};
    committed(m, &refused);
}

static void no_patience(void *arg) {
    struct making *m = arg;
    m->patience = NULL;
    redirect(m, E_STILL_RUNNING, "The copy is still being made.");
}

static void run_find(struct db *db, void *arg) {
    struct making *m = arg;
    err e = m->link.asset.len ? QUERY_RECORD(db, asset, m->link.asset, &m->arena, &m->asset) : asset_at(db, &m->arena, (struct drive_spot){m->link.project, str_of(m->book), m->link.path}, &m->asset);
    if (!e) m->link.asset = m->asset->head.id;
    if (!e && (m->asset->deleted_at || !str_eq(m->asset->project, m->link.project))) e = E_NOT_FOUND;
    m->answer.code = m->answer.why.code = e;
    if (e) return;
    bool video = str_is(m->asset->kind, "video");
    bool small = str_is(m->folder, "thumbnails");
    m->want = !small ? READ_OPTIMISED : video || str_is(m->asset->kind, "audio") ? READ_POSTER : READ_THUMBNAIL;
    m->role = m->want == READ_OPTIMISED ? STR("optimized") : m->want == READ_POSTER ? STR("poster") : STR("thumbnail");
    e = QUERY_RECORD(db, derived, arena_printf(&m->arena, "%.*s:%.*s", STR_ARG(m->link.asset), STR_ARG(m->role)), &m->arena, &m->made);
    if (!e && str_is(m->made->state, "made")) open_made(m, m->made->blob, m->made->type, m->made->head.id, &m->answer);
}

static void found(void *arg) {
    struct making *m = arg;
    if (m->answer.code == E_NOT_FOUND) {
        snprintf(m->answer.why.detail, sizeof m->answer.why.detail, m->keyed ? "There is no such file in this drive." : "The file has been deleted.");
        answer_once(m);
    } else if (m->answer.code) answer_once(m);
    else if (m->made && str_is(m->made->state, "made")) answer_once(m);
    else if (m->made) redirect(m, E_MEDIA_TYPE, "No such copy can be made of this file.");
    else if (!pool_run(m->o->makers, make_work, made, m)) {
        m->patience = m->o->io->ops->timer_start(m->o->io, PATIENCE_MS, no_patience, m);
        return;
    } else redirect(m, E_AGAIN, "Too many copies are being made.");
    making_free(m);
}

/* What a key may see, by the path that shows it now; the original's link lives as long as any that is asked for. */
static err find_by_path(struct making *m, const struct caller *c, struct str path) {
    m->keyed = true;
    m->book = c->book;
    m->link.project = arena_dup(&m->arena, str_of(c->project));
    m->link.expires_at = io_now(m->o->io) + LIMIT_SIGNED_URL_DEFAULT_S * MS_SECOND;
    return drive_path_clean(path, &m->arena, &m->answer.why, &m->link.path);
}

void ops_drive_open_derived(struct ops *o, const struct caller *c, struct str folder, struct str path, struct str query, ops_done *done, void *arg) {
    struct making *m = calloc(1, sizeof *m);
    must(m);
    *m = (struct making){.o = o, .done = done, .arg = arg, .answer = answer_of(OK), .opened = answer_of(OK)};
    m->folder = arena_dup(&m->arena, folder);
    struct id random = io_new_id(o->io);
    memcpy(m->random, random.hex, sizeof random.hex);
    err e = c->kind == KEY_NONE ? sign_check_in(o->o.signer, m->folder, path, query, io_now(o->io), &m->arena, &m->answer.why, &m->link) : find_by_path(m, c, path);
    if (!e) {
        m->path = m->link.path = arena_dup(&m->arena, m->link.path);
        e = readers_run(o->o.readers, run_find, found, m);
    }
    if (!e) return;
    m->answer.code = m->answer.why.code = e;
    answer_once(m);
    making_free(m);
}
