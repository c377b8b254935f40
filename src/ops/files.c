/* The drive as operations: listing, opening, signing, deleting, uploading. Bytes move on the files pool, facts by commands. */
#include "base/hash.h"
#include "base/id.h"
#include "core/generation.h"
#include "media/media.h"
#include "ops/change.h"

#include <stdlib.h>
#include <unistd.h>

static void write_file(struct jw *w, const struct asset *a, const char *modified_key) {
    jw_open(w, '{');
    jw_kstr(w, "path", a->path);
    jw_kstr(w, "drive_path", a->path);
    jw_ki64(w, "size", a->bytes);
    jw_kstr(w, "media_type", a->type);
    jw_kstr(w, "sha256", a->sha256);
    jw_kstr(w, "asset_id", a->head.id);
    jw_kopt(w, "generation_id", a->generation);
    view_time(w, modified_key, a->created_at);
    jw_close(w, '}');
}

static void run_list(struct read *r, struct db *db) {
    const struct asset **rows;
    size_t n;
    err e = query_drive(db, spot_of(&r->caller, r->path), r->id, r->list.limit, &r->arena, &rows, &n);
    if (e) {
        read_fail(r, e, "The drive could not be listed.");
        return;
    }
    struct jw w = {.out = &r->json};
    jw_open(&w, '{');
    jw_kz(&w, "object", "list");
    jw_key(&w, "files");
    jw_open(&w, '[');
    for (size_t i = 0; i < n; i++) write_file(&w, rows[i], "modified_at");
    jw_close(&w, ']');
    jw_key(&w, "next_after");
    if (n && (int64_t)n == r->list.limit) jw_str(&w, rows[n - 1]->path);
    else jw_null(&w);
    jw_close(&w, '}');
}

void ops_drive_list(struct ops *o, const struct caller *c, struct str prefix, struct str after, int64_t limit, ops_done *done, void *arg) {
    struct read *r = read_new(o, c, run_list, done, arg);
    r->path = arena_dup(&r->arena, prefix);
    r->id = arena_dup(&r->arena, after);
    r->list.limit = limit <= 0 ? 50 : limit > LIMIT_PAGE ? LIMIT_PAGE : limit;
    read_start(r);
}

static err asset_kept(struct db *db, struct arena *a, struct str id, const struct asset **out) {
    const struct asset *asset = NULL;
    TRY(QUERY_RECORD(db, asset, id, a, &asset));
    if (asset->deleted_at) return E_NOT_FOUND;
    *out = asset;
    return OK;
}

err asset_at(struct db *db, struct arena *a, struct drive_spot p, const struct asset **out) {
    const struct drive_path *shown = NULL;
    TRY(QUERY_RECORD(db, drive_path, drive_path_id(a, p), a, &shown));
    return shown->asset.len ? asset_kept(db, a, shown->asset, out) : E_NOT_FOUND;
}

err asset_named(struct db *db, struct arena *a, const struct caller *c, struct str id, const struct asset **out) {
    const struct asset *asset = NULL;
    TRY(asset_kept(db, a, id, &asset));
    if (!is_in_drive(asset, c)) return E_NOT_FOUND;
    *out = asset;
    return OK;
}

static void open_asset(struct read *r, const struct asset *a) {
    struct why why = {};
    int fd = -1;
    int64_t bytes = 0;
    err e = drive_blob_open(r->o->o.drive, a->blob, &why, &fd, &bytes);
    if (!e && bytes != a->bytes) {
        close(fd);
        e = why_set(&why, E_CORRUPT, "The stored file is %lld bytes long but should be %lld.", (long long)bytes, (long long)a->bytes);
    }
    if (e) {
        read_fail(r, e, "%s", why_text(&why));
        return;
    }
    r->answer.fd = fd;
    r->answer.bytes = bytes;
    r->answer.type = a->type;
    r->answer.etag = a->sha256;
    r->answer.path = r->path;
    r->answer.modified_at = a->created_at;
    r->answer.inline_ok = media_type_is_inline(a->type);
}

static void run_open(struct read *r, struct db *db) {
    const struct asset *a = NULL;
    err e = asset_at(db, &r->arena, spot_of(&r->caller, r->path), &a);
    if (e) read_fail(r, e, e == E_NOT_FOUND ? "There is no file '%.*s' in this drive." : "The file '%.*s' could not be read.", STR_ARG(r->path));
    else open_asset(r, a);
}

void ops_drive_open(struct ops *o, const struct caller *c, struct str path, ops_done *done, void *arg) {
    struct read *r = read_new(o, c, run_open, done, arg);
    struct answer a = answer_of(OK);
    err e = drive_path_clean(path, &r->arena, &a.why, &r->path);
    if (e) {
        read_fail(r, e, "%s", why_text(&a.why));
        a = r->answer;
        done(arg, &a);
        arena_done(&r->arena);
        free(r);
        return;
    }
    read_start(r);
}

/* The link names the asset, of whichever book: a file replaced since stays reachable, a deleted one does not. */
static void run_open_signed(struct read *r, struct db *db) {
    const struct asset *a = NULL;
    err e = asset_kept(db, &r->arena, r->id, &a);
    if (!e && !str_is(a->project, r->caller.project)) e = E_NOT_FOUND;
    if (e) read_fail(r, e, e == E_NOT_FOUND ? "The file '%.*s' has been deleted." : "The file '%.*s' could not be read.", STR_ARG(r->path));
    else open_asset(r, a);
}

void ops_drive_open_signed(struct ops *o, struct str path, struct str query, ops_done *done, void *arg) {
    _cleanup_(arena_done) struct arena arena = {};
    struct answer a = answer_of(OK);
    struct signed_link link = {};
    err e = sign_check(o->o.signer, path, query, io_now(o->io), &arena, &a.why, &link);
    if (e) {
        a.code = a.why.code = e;
        done(arg, &a);
        return;
    }
    struct caller c = {};
    snprintf(c.project, sizeof c.project, "%.*s", STR_ARG(link.project));
    struct read *r = read_new(o, &c, run_open_signed, done, arg);
    r->id = arena_dup(&r->arena, link.asset);
    r->path = arena_dup(&r->arena, link.path);
    read_start(r);
}

static void run_open_named(struct read *r, struct db *db) {
    const struct asset *a = NULL;
    err e = asset_named(db, &r->arena, &r->caller, r->id, &a);
    if (e) read_fail(r, e, e == E_NOT_FOUND ? "The file '%.*s' has been deleted." : "The file '%.*s' could not be read.", STR_ARG(r->id));
    else open_asset(r, a);
}

void ops_asset_open(struct ops *o, const struct caller *c, struct str asset, ops_done *done, void *arg) {
    struct read *r = read_new(o, c, run_open_named, done, arg);
    r->id = arena_dup(&r->arena, asset);
    r->path = r->id;
    read_start(r);
}

static void run_sign(struct read *r, struct db *db) {
    const struct asset *a = NULL;
    err e = asset_at(db, &r->arena, spot_of(&r->caller, r->path), &a);
    if (e) {
        read_fail(r, e, e == E_NOT_FOUND ? "There is no file '%.*s' in this drive." : "The file '%.*s' could not be read.", STR_ARG(r->path));
        return;
    }
    struct signed_link link = {.project = a->project, .asset = a->head.id, .path = r->path, .expires_at = r->now + r->ttl_s * MS_SECOND};
    struct buf url = {};
    sign_link(r->signer, &link, str_of(r->url), &url);
    struct jw w = {.out = &r->json};
    jw_open(&w, '{');
    jw_kstr(&w, "path", r->path);
    jw_kstr(&w, "signed_url", buf_view(&url));
    jw_ki64(&w, "expires_in", r->ttl_s);
    jw_close(&w, '}');
    buf_done(&url);
}

static err check_signing(struct str path, int64_t *ttl_s, struct arena *a, struct why *why, struct str *out_clean) {
    if (!*ttl_s) *ttl_s = LIMIT_SIGNED_URL_DEFAULT_S;
    TRY(drive_path_clean(path, a, why, out_clean));
    if (*ttl_s >= LIMIT_SIGNED_URL_MIN_S && *ttl_s <= LIMIT_SIGNED_URL_MAX_S) return OK;
    snprintf(why->field, sizeof why->field, "ttl");
    return why_set(why, E_INVALID, "ttl is a number of seconds from %d to %d.", LIMIT_SIGNED_URL_MIN_S, LIMIT_SIGNED_URL_MAX_S);
}

/* A link that writes means no file, whatever stands at its path. In a file's place it names the drive: that of the key which signed it. */
#define PUT_FOLDER STR("put")
static const struct put_drive {
    enum key_kind kind;
    const char *book, *asset;
} put_drives[] = {{KEY_LIVE, "live", "00000000000000000000000000000001"}, {KEY_TEST, "test", "00000000000000000000000000000002"}};
enum { PUT_DRIVES = sizeof put_drives / sizeof *put_drives };

void ops_drive_sign_put(struct ops *o, const struct caller *c, struct str path, int64_t ttl_s, ops_done *done, void *arg) {
    _cleanup_(arena_done) struct arena arena = {};
    _cleanup_(buf_done) struct buf url = {}, json = {};
    struct answer a = answer_of(OK);
    struct str clean;
    a.code = check_signing(path, &ttl_s, &arena, &a.why, &clean);
    if (!a.code) {
        struct signed_link link = {.project = str_of(c->project), .path = clean, .folder = PUT_FOLDER, .expires_at = io_now(o->io) + ttl_s * MS_SECOND};
        for (int i = 0; i < PUT_DRIVES; i++)
            if (!strcmp(put_drives[i].book, c->book)) link.asset = str_of(put_drives[i].asset);
        struct jw w = {.out = &json};
        sign_link(o->o.signer, &link, str_of(o->o.public_url), &url);
        jw_open(&w, '{');
        jw_kstr(&w, "path", clean);
        jw_kstr(&w, "signed_url", buf_view(&url));
        jw_ki64(&w, "expires_in", ttl_s);
        jw_kz(&w, "method", "PUT");
        jw_close(&w, '}');
        a.json = buf_view(&json);
    }
    done(arg, &a);
}

err ops_drive_put_link(struct ops *o, struct str path, struct str query, struct arena *a, struct why *why, struct caller *out_caller, struct str *out_path) {
    struct signed_link link = {};
    TRY(sign_check_in(o->o.signer, PUT_FOLDER, path, query, io_now(o->io), a, why, &link));
    const struct put_drive *drive = NULL;
    for (int i = 0; i < PUT_DRIVES; i++)
        if (str_is(link.asset, put_drives[i].asset)) drive = &put_drives[i];
    if (!drive) return why_set(why, E_BAD_SIGNATURE, "The link does not say which drive it writes to; ask for a new one.");
    struct caller c = {.kind = drive->kind, .book = drive->book};
    snprintf(c.project, sizeof c.project, "%.*s", STR_ARG(link.project));
    *out_caller = c;
    *out_path = link.path;
    return OK;
}

void ops_drive_sign(struct ops *o, const struct caller *c, struct str path, int64_t ttl_s, ops_done *done, void *arg) {
    _cleanup_(arena_done) struct arena arena = {};
    struct answer a = answer_of(OK);
    struct str clean;
    err e = check_signing(path, &ttl_s, &arena, &a.why, &clean);
    if (e) {
        a.code = a.why.code = e;
        done(arg, &a);
        return;
    }
    struct read *r = read_new(o, c, run_sign, done, arg);
    r->path = arena_dup(&r->arena, clean);
    r->ttl_s = ttl_s;
    read_start(r);
}

void ops_drive_delete(struct ops *o, const struct caller *c, struct str path, ops_done *done, void *arg) {
    _cleanup_(arena_done) struct arena arena = {};
    struct answer a = answer_of(OK);
    struct str clean;
    err e = drive_path_clean(path, &arena, &a.why, &clean);
    if (e) {
        a.code = a.why.code = e;
        done(arg, &a);
        return;
    }
    struct command cmd = {.kind = CMD_ASSET_DELETE, .at = io_now(o->io)};
    cmd.asset_delete = (struct cmd_asset_delete){.project = str_of(c->project), .book = str_of(c->book), .path = clean};
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "path", clean);
    jw_kbool(&w, "deleted", true);
    jw_close(&w, '}');
    change(o, &cmd, &json, done, arg);
}

/* --- one file by its name --- */

struct asset_deletion {
    struct ops *o;
    struct caller caller;
    ops_done *done;
    void *arg;
};

static void run_find_asset(struct read *r, struct db *db) {
    const struct asset *a = NULL;
    err e = asset_named(db, &r->arena, &r->caller, r->id, &a);
    if (e) read_fail(r, e, e == E_NOT_FOUND ? "There is no such file in this drive." : "The file could not be read now; try again in a second.");
    else r->answer.path = a->path; /* empty: another file is shown there */
}

static void asset_found(void *arg, const struct answer *a) {
    struct asset_deletion *d = arg;
    if (a->code) d->done(d->arg, a);
    else {
        struct buf json = {};
        struct jw w = {.out = &json};
        struct command cmd = {.kind = CMD_ASSET_DELETE, .at = io_now(d->o->io)};
        cmd.asset_delete = (struct cmd_asset_delete){.project = str_of(d->caller.project), .book = str_of(d->caller.book), .path = a->path, .asset = a->generation};
        jw_open(&w, '{');
        jw_kstr(&w, "path", a->path);
        jw_kbool(&w, "deleted", true);
        jw_close(&w, '}');
        change(d->o, &cmd, &json, d->done, d->arg);
    }
    free(d);
}

void ops_asset_delete(struct ops *o, const struct caller *c, struct str asset, ops_done *done, void *arg) {
    struct asset_deletion *d = calloc(1, sizeof *d);
    must(d);
    *d = (struct asset_deletion){.o = o, .caller = *c, .done = done, .arg = arg};
    struct read *r = read_new(o, c, run_find_asset, asset_found, d);
    r->id = arena_dup(&r->arena, asset);
    r->answer.generation = r->id; /* the answer's only name for it */
    read_start(r);
}

/* --- uploads --- */

/* The same figures as when the file is stored, where they are looked at for good: others may have come in between. */
static void run_room(struct read *r, struct db *db) {
    struct str id = str_of(r->caller.project);
    const struct project *p = NULL;
    const struct asset *shown = NULL;
    err e = QUERY_RECORD(db, project, id, &r->arena, &p);
    if (!e && r->path.len) e = asset_at(db, &r->arena, spot_of(&r->caller, r->path), &shown);
    if (e == E_NOT_FOUND && p) e = OK;
    if (e) {
        read_fail(r, e, e == E_NOT_FOUND ? "There is no such project." : "The space of the drive could not be read.");
        return;
    }
    int64_t used = drive_used(p, str_of(r->caller.book)) - (shown && !shown->generation.len ? shown->bytes : 0);
    int64_t left = !p->drive_limit ? INT64_MAX : used < p->drive_limit ? p->drive_limit - used : 0;
    r->answer.bytes = left;
    if (r->length <= left && (!p->drive_limit || used <= p->drive_limit)) return;
    if (r->length >= 0)
        read_fail(r, E_DRIVE_FULL, "The file has %lld bytes and the project's drive has %lld left; delete files first.", (long long)r->length, (long long)left);
    else read_fail(r, E_DRIVE_FULL, "The project's drive is full; delete files first.");
    if (r->length >= 0) why_fact_int(&r->answer.why, "needs_bytes", r->length);
    why_fact_int(&r->answer.why, "used_bytes", used);
    why_fact_int(&r->answer.why, "limit_bytes", p->drive_limit);
}

void ops_drive_room(struct ops *o, const struct caller *c, struct str path, int64_t length, ops_done *done, void *arg) {
    struct read *r = read_new(o, c, run_room, done, arg);
    struct why why = {};
    r->length = length;
    /* a path that is none is refused by the upload itself */
    if (path.len && drive_path_clean(path, &r->arena, &why, &r->path)) r->path = STR("");
    read_start(r);
}

/* Pieces are handed to the files pool one after another; at most two wait, so a slow disk slows the sender. */
struct upload {
    struct ops *o;
    struct caller caller;
    struct arena arena;
    struct str path, folder, blob; /* without a path it gets a name of its own in the folder, */
    char suffix[12];               /* ending so where the bytes tell none */
    char asset[ID_LEN + 1], random[ID_LEN + 1], sha256[SHA256_HEX + 1];
    struct drive_file file;
    struct buf waiting, writing; /* what came in, what the pool writes now */
    uint8_t head[4096];
    size_t head_len;
    int64_t room, taken; /* bytes that fit, bytes that came */
    bool only_new;
    struct str only_if;
    bool busy, ending, last, aborted, paused, begun; /* last: the pool's piece is the end; set while it is idle */
    bool failed; /* the loop's own knowledge of `code`, which is the pool's while busy */
    err code;
    struct why why;
    ops_upload_ready *ready;
    void *ready_arg;
    ops_done *done;
    void *arg;
};

static void upload_free(struct upload *u) {
    if (u->begun) drive_file_drop(&u->file);
    buf_done(&u->waiting);
    buf_done(&u->writing);
    arena_done(&u->arena);
    free(u);
}

err files_run(struct ops *o, void (*work)(void *arg), void (*done)(void *arg), void *arg) {
    return o->files ? pool_run(o->files, work, done, arg) : E_UNAVAILABLE;
}

static void pump(struct upload *u);

static void write_work(void *arg) {
    struct upload *u = arg;
    if (!u->begun) {
        u->code = drive_file_begin(u->o->o.drive, u->random, &u->why, &u->file);
        u->begun = !u->code;
    }
    if (!u->code && u->writing.len) u->code = drive_file_write(&u->file, buf_view(&u->writing), &u->why);
    if (!u->code && u->last) u->code = drive_file_keep(u->o->o.drive, &u->file, u->blob, &u->why, u->sha256);
}

static void drop_blob(void *arg) {
    struct upload *u = arg;
    if (drive_blob_delete(u->o->o.drive, u->blob)) return; /* the sweep finds it */
}
static void blob_dropped(void *arg) { upload_free(arg); }

/* A refused file leaves the disk at once: a full drive must not fill it with what nobody owns. Where the outcome is not certain it
 * stays for the sweep. */
static void upload_committed(void *arg, const struct answer *a) {
    struct upload *u = arg;
    if (!a->code) u->o->uploads++;
    u->done(u->arg, a);
    bool refused = a->code == E_DRIVE_FULL || a->code == E_STORAGE_FULL || a->code == E_NOT_FOUND || a->code == E_PRECONDITION;
    if (!refused || files_run(u->o, drop_blob, blob_dropped, u)) upload_free(u);
}

static void upload_store(struct upload *u) {
    struct sniffed s = media_sniff(str_n(u->head, u->head_len));
    struct media_facts facts = media_measure(str_n(u->head, u->head_len));
    struct command cmd = {.kind = CMD_ASSET_PUT, .at = io_now(u->o->io)};
    if (!u->path.len) u->path = arena_printf(&u->arena, "%.*s/%s.%s", STR_ARG(u->folder), u->asset, s.type ? s.ext : u->suffix[0] ? u->suffix : "bin");
    struct str facts_json = facts.width ? arena_printf(&u->arena, "{\"width\":%lld,\"height\":%lld}", (long long)facts.width, (long long)facts.height) : STR("{}");
    cmd.asset_put = (struct cmd_asset_put){.project = str_of(u->caller.project), .book = str_of(u->caller.book), .path = u->path,
                                           .output = {.asset = str_of(u->asset), .blob = u->blob, .ext = s.type ? str_of(s.ext) : STR("bin"),
                                                      .type = s.type ? str_of(s.type) : STR("application/octet-stream"), .kind = s.type ? str_of(s.kind) : STR("file"),
                                                      .sha256 = str_n(u->sha256, 64), .facts = facts_json, .bytes = u->file.bytes},
                                           .only_new = u->only_new, .only_if = u->only_if};
    struct asset shown = {.head.id = str_of(u->asset), .path = u->path, .bytes = u->file.bytes, .type = cmd.asset_put.output.type,
                          .sha256 = cmd.asset_put.output.sha256, .created_at = cmd.at};
    struct buf json = {};
    struct jw w = {.out = &json};
    write_file(&w, &shown, "modified_at");
    change(u->o, &cmd, &json, upload_committed, u);
}

static void written(void *arg) {
    struct upload *u = arg;
    u->busy = false;
    u->failed = u->code != OK;
    buf_clear(&u->writing);
    if (u->aborted) {
        upload_free(u);
        return;
    }
    if (u->ending && (u->code || u->last)) {
        if (!u->code) upload_store(u);
        else {
            struct answer a = answer_of(u->code);
            a.why = u->why;
            a.why.code = u->code;
            u->done(u->arg, &a);
            upload_free(u);
        }
        return;
    }
    pump(u);
    if (u->paused && !u->ending) {
        u->paused = false;
        u->ready(u->ready_arg);
    }
}

static void pump(struct upload *u) {
    if (u->busy || (!u->waiting.len && !u->ending)) return;
    struct buf swap = u->writing;
    u->writing = u->waiting;
    u->waiting = swap;
    u->last = u->ending;
    u->busy = true;
    err e = files_run(u->o, write_work, written, u);
    if (!e) return;
    u->code = e;
    loop_post(u->o->o.loop, written, u);
}

enum { UPLOAD_WAITING_BYTES = 512 * 1024 };

err ops_upload_begin(struct ops *o, const struct caller *c, struct str path, int64_t length, int64_t room, ops_upload_ready *ready, void *arg, struct why *why, struct upload **out) {
    if (o->draining) return why_set(why, E_UNAVAILABLE, "The server is stopping and takes no new files.");
    if (length > LIMIT_UPLOAD_BYTES) return why_set(why, E_TOO_LARGE, "A file may have %lld bytes; this one has %lld.", (long long)LIMIT_UPLOAD_BYTES, (long long)length);
    if (committer_stats(o->o.committer).storage_full) return why_set(why, E_STORAGE_FULL, "The server's disk is full: no new files are taken until there is space.");
    struct upload *u = calloc(1, sizeof *u);
    must(u);
    *u = (struct upload){.o = o, .caller = *c, .room = room, .ready = ready, .ready_arg = arg};
    err e = path.len ? drive_path_clean(path, &u->arena, why, &u->path) : OK;
    if (e) {
        upload_free(u);
        return e;
    }
    u->folder = STR("uploads");
    struct id asset = io_new_id(o->io), random = io_new_id(o->io);
    memcpy(u->asset, asset.hex, sizeof u->asset);
    memcpy(u->random, random.hex, sizeof u->random);
    u->blob = arena_printf(&u->arena, "up/%.2s/1-%s", u->random + 30, u->random);
    *out = u;
    return OK;
}

void ops_upload_only(struct upload *u, bool only_new, struct str only_if) {
    u->only_new = only_new;
    u->only_if = arena_dup(&u->arena, only_if);
}

/* The ending of a file's name when it is a plain one: a few letters and digits. */
static void ending_of(struct str filename, char out[12]) {
    size_t dot = filename.len, n = 0;
    while (dot > 0 && filename.ptr[dot - 1] != '.') dot--;
    if (!dot || filename.len - dot > 8) return;
    char ending[12] = "";
    for (; dot + n < filename.len; n++) {
        char c = filename.ptr[dot + n];
        if (c >= 'A' && c <= 'Z') c |= 0x20;
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) return;
        ending[n] = c;
    }
    memcpy(out, ending, sizeof ending);
}

err ops_upload_place(struct upload *u, struct str path, struct str filename, struct why *why) {
    struct str folder = path, clean;
    ending_of(filename, u->suffix);
    if (path.len && !str_ends(path, STR("/"))) return drive_path_clean(path, &u->arena, why, &u->path);
    u->path = STR("");
    if (str_ends(folder, STR("/"))) folder.len--;
    if (!folder.len) folder = STR("uploads");
    TRY(drive_path_clean(folder, &u->arena, why, &clean));
    /* the name that comes behind it has to fit too */
    if (clean.len + 1 + ID_LEN + sizeof u->suffix > LIMIT_PATH_BYTES) return why_set(why, E_BAD_PATH, "The folder's path is too long for a file in it.");
    u->folder = clean;
    return OK;
}

err ops_upload_fits(const struct upload *u, struct why *why) {
    if (u->taken <= u->room) return OK;
    why_set(why, E_DRIVE_FULL, "The file has more than the %lld bytes that the project's drive has left; delete files first.", (long long)u->room);
    why_fact_int(why, "left_bytes", u->room);
    return E_DRIVE_FULL;
}

bool ops_upload_write(struct upload *u, struct str data) {
    u->taken += (int64_t)data.len;
    if (u->taken > u->room) return true;
    if (u->head_len < sizeof u->head) {
        size_t n = sizeof u->head - u->head_len < data.len ? sizeof u->head - u->head_len : data.len;
        memcpy(u->head + u->head_len, data.ptr, n);
        u->head_len += n;
    }
    if (!u->failed) buf_str(&u->waiting, data); /* after a failure the rest is taken and forgotten; the end tells */
    pump(u);
    u->paused = u->waiting.len > UPLOAD_WAITING_BYTES;
    return !u->paused;
}

void ops_upload_end(struct upload *u, ops_done *done, void *arg) {
    u->done = done;
    u->arg = arg;
    u->ending = true;
    pump(u);
}

void ops_upload_abort(struct upload *u) {
    u->aborted = true;
    if (!u->busy) upload_free(u);
}
