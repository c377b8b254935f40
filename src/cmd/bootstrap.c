/* What an empty folder needs before the first call: the folder itself, a master key, a project with keys and first credit.
 *
 * credentials.json is written and synced before anything it names is committed, and everything it names is committed by commands
 * that may be repeated: a crash in between leaves either nothing or something the next start completes. */
#include "cmd/server.h"

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { FIRST_LIVE_USD = 10, FIRST_TEST_USD = 100, SMALL_FILE = 8192 };

err folder_prepare(const char *path, struct why *why) {
    char part[512];
    size_t n = strlen(path);
    if (!n || n >= sizeof part) return why_set(why, E_INVALID, "The data folder's path is empty or too long.");
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i]) continue;
        char keep = part[i];
        part[i] = 0;
        if (mkdir(part, 0700) && errno != EEXIST)
            return why_set(why, E_IO, "The folder %s cannot be made: %s. Choose another with --data, or give the server's user the right to write there.", part, strerror(errno));
        part[i] = keep;
    }
    struct stat st;
    if (stat(path, &st) || !S_ISDIR(st.st_mode)) return why_set(why, E_IO, "%s is not a folder. Choose another with --data.", path);
    if (access(path, W_OK | X_OK)) return why_set(why, E_IO, "The folder %s cannot be written by this user (%s). Nothing was changed.", path, strerror(errno));
    return OK;
}

/* Whole or not at all: temporary file, fsync, rename, fsync of the folder. */
static err file_write(const char *folder, const char *name, struct str text, struct why *why) {
    char tmp[FILE_PATH_MAX], path[FILE_PATH_MAX];
    snprintf(tmp, sizeof tmp, "%s/.%s.tmp", folder, name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    _cleanup_(closep) int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    _cleanup_(closep) int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    errno = 0;
    if (fd >= 0 && dir >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len && !fsync(fd) && !rename(tmp, path) && !fsync(dir)) return OK;
    int e = errno ? errno : ENOSPC; /* a short write */
    if (fd >= 0) unlink(tmp);
    if (e == ENOSPC || e == EDQUOT) return why_set(why, E_STORAGE_FULL, "%s cannot be written: %s. Free some space and start again.", path, strerror(e));
    return why_set(why, E_IO, "%s cannot be written: %s.", path, strerror(e));
}

/* E_NOT_FOUND when it does not exist. */
static err file_read(const char *path, char *out, size_t size, struct why *why) {
    _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? E_NOT_FOUND : why_set(why, E_IO, "%s cannot be read: %s.", path, strerror(errno));
    ssize_t n = read(fd, out, size - 1);
    if (n < 0 || n == (ssize_t)size - 1) return why_set(why, E_IO, "%s cannot be read or is too long.", path);
    out[n] = 0;
    return OK;
}

static void random_hex(struct server *s, char *out, size_t bytes) {
    struct io *io = loop_io(s->loop);
    uint8_t random[64];
    must(bytes <= sizeof random);
    io->ops->random(io, random, bytes);
    hex_encode(random, bytes, out);
}

static err key_of_text(const char *path, const char *text, struct why *why, char out_hex[65]) {
    struct str key = str_trim(str_n(text, strcspn(text, "\r\n")));
    uint8_t bytes[32];
    if (key.len != 64 || !hex_decode(key, bytes)) return why_set(why, E_CORRUPT, "The master key in %s is not 64 hexadecimal digits. Signed links and quotes depend on it; restore it from a backup.", path);
    explicit_bzero(bytes, sizeof bytes);
    memcpy(out_hex, key.ptr, 64);
    out_hex[64] = 0;
    return OK;
}

err master_key_file(const char *path, struct why *why, char out_hex[65]) {
    char text[SMALL_FILE];
    err e = file_read(path, text, sizeof text, why);
    if (e == E_NOT_FOUND) return why_set(why, E_IO, "--old-master-key names %s, which does not exist.", path);
    return e ? e : key_of_text(path, text, why, out_hex);
}

err master_key_read(struct server *s, struct why *why, char out_hex[65]) {
    const char *given = getenv("PURAS_MASTER_KEY_FILE");
    char path[FILE_PATH_MAX], text[SMALL_FILE], hex[65];
    snprintf(path, sizeof path, "%s/master.key", s->data_full);
    err e = file_read(given ? given : path, text, sizeof text, why);
    if (e == E_NOT_FOUND && given) return why_set(why, E_IO, "PURAS_MASTER_KEY_FILE names %s, which does not exist.", given);
    if (e == E_NOT_FOUND) {
        random_hex(s, hex, 32);
        snprintf(text, sizeof text, "%s\n", hex);
        TRY(file_write(s->data_full, "master.key", str_of(text), why));
    } else if (e) return e;
    return key_of_text(given ? given : path, text, why, out_hex);
}

/* --- commands before the loop runs --- */

/* They wait in the queue together and so become one transaction: the first start costs one flush instead of six. */
struct first_records {
    struct server *s;
    int left;
    struct outcome bad; /* the first refusal, if any */
};

static void record_done(void *arg, const struct outcome *o) {
    struct first_records *x = arg;
    if (o->code && o->code != E_EXISTS && !x->bad.code) x->bad = *o;
    if (!--x->left) loop_stop(x->s->loop);
}

static err record_add(struct first_records *x, const struct command *c, struct why *why) {
    err e = committer_submit(x->s->committer, c, record_done, x);
    if (e) return why_set(why, e, "The first records could not be stored.");
    x->left++;
    return OK;
}

static err records_commit(struct first_records *x, struct why *why) {
    while (x->left) loop_run(x->s->loop);
    if (x->bad.code && why) {
        *why = x->bad.why;
        why->code = x->bad.code;
    }
    return x->bad.code;
}

static bool copy_member(const struct json *doc, const char *name, char *out, size_t size) {
    struct str s;
    if (!json_as_str(json_get(doc, name), &s) || s.len >= size) return false;
    memcpy(out, s.ptr, s.len);
    out[s.len] = 0;
    return true;
}

static err credentials_read(struct server *s, struct why *why, struct credentials *out) {
    char path[FILE_PATH_MAX], text[SMALL_FILE];
    snprintf(path, sizeof path, "%s/credentials.json", s->data_full);
    TRY(file_read(path, text, sizeof text, why));
    _cleanup_(arena_done) struct arena a = {};
    struct json *doc = NULL;
    struct credentials c = {};
    if (json_parse(str_of(text), &a, NULL, &doc) || !copy_member(doc, "project", c.project, sizeof c.project) || !copy_member(doc, "admin_key", c.admin_key, sizeof c.admin_key) ||
        !copy_member(doc, "live_key", c.live_key, sizeof c.live_key) || !copy_member(doc, "test_key", c.test_key, sizeof c.test_key) || !id_is(str_of(c.project)))
        return why_set(why, E_CORRUPT, "%s cannot be read as credentials. Move it away; keys made with `puras keys create` keep working.", path);
    *out = c;
    return OK;
}

/* Written only when it changes: a server that is started again on a full disk still has work to settle. */
err credentials_write_url(struct server *s, const struct credentials *c, struct why *why) {
    char text[1024], path[640], had[SMALL_FILE];
    int n = snprintf(text, sizeof text, "{\n  \"url\": \"%s\",\n  \"project\": \"%s\",\n  \"admin_key\": \"%s\",\n  \"live_key\": \"%s\",\n  \"test_key\": \"%s\"\n}\n",
                     s->public_url, c->project, c->admin_key, c->live_key, c->test_key);
    snprintf(path, sizeof path, "%s/credentials.json", s->data_full);
    if (!file_read(path, had, sizeof had, NULL) && !strcmp(had, text)) return OK;
    return file_write(s->data_full, "credentials.json", str_n(text, (size_t)n), why);
}

static err create_key(struct first_records *x, const struct credentials *c, const char *key, const char *kind, struct why *why) {
    const char *prefix = strrchr(key, '_'), *dot = strchr(key, '.');
    if (!prefix || !dot || dot - prefix != 9) return why_set(why, E_CORRUPT, "credentials.json holds a key that is not well formed.");
    char hash[65];
    sha256_hex(str_of(dot + 1), hash);
    struct command cmd = {.kind = CMD_CREATE_KEY, .at = io_now(loop_io(x->s->loop))};
    cmd.create_key = (struct cmd_create_key){.prefix = str_n(prefix + 1, 8), .project = str_of(c->project), .kind = str_of(kind), .hash = str_of(hash), .name = STR("made at the first start")};
    return record_add(x, &cmd, why);
}

static err top_up(struct first_records *x, const struct credentials *c, const char *book, int64_t usd, struct why *why) {
    char id[64];
    snprintf(id, sizeof id, "topup:first-%s-%s", book, c->project);
    struct command cmd = {.kind = CMD_TOP_UP, .at = io_now(loop_io(x->s->loop))};
    cmd.top_up = (struct cmd_top_up){.transfer = str_of(id), .project = str_of(c->project), .book = str_of(book), .author = STR("puras"), .reason = STR("to start with"), .amount = usd * MICROS_PER_USD};
    return record_add(x, &cmd, why);
}

static err database_is_used(struct server *s, const char *project, struct why *why, bool *out_used, bool *out_has_ours) {
    _cleanup_(arena_done) struct arena a = {};
    struct db *db = NULL;
    TRY(store_db(s->store, why, &db));
    const struct project **rows;
    size_t n = 0;
    err e = query_projects(db, &a, &rows, &n);
    *out_used = n > 0;
    *out_has_ours = false;
    for (size_t i = 0; i < n; i++) *out_has_ours |= str_is(rows[i]->head.id, project);
    db_close(db);
    return e ? why_set(why, e, "The projects in the database could not be read.") : OK;
}

/* Each of these finds itself when it was committed before. */
static err first_records(struct server *s, const struct credentials *c, struct why *why) {
    struct first_records x = {.s = s};
    struct command cmd = {.kind = CMD_CREATE_PROJECT, .at = io_now(loop_io(s->loop))};
    cmd.create_project = (struct cmd_create_project){.id = str_of(c->project), .name = STR("default"), .run_limit = LIMIT_RUNNING_PER_PROJECT, .drive_limit = LIMIT_DRIVE_BYTES};
    err e = record_add(&x, &cmd, why);
    if (!e) e = create_key(&x, c, c->admin_key, "admin", why);
    if (!e) e = create_key(&x, c, c->live_key, "live", why);
    if (!e) e = create_key(&x, c, c->test_key, "test", why);
    if (!e) e = top_up(&x, c, "live", FIRST_LIVE_USD, why);
    if (!e) e = top_up(&x, c, "test", FIRST_TEST_USD, why);
    err committed = records_commit(&x, e ? NULL : why); /* waited for even then: x ends here */
    return e ? e : committed;
}

err credentials_prepare(struct server *s, struct why *why, struct credentials *out, bool *out_first) {
    struct credentials c = {};
    struct io *io = loop_io(s->loop);
    err e = credentials_read(s, why, &c);
    if (e && e != E_NOT_FOUND) return e;
    bool have = !e, used, ours;
    TRY(database_is_used(s, c.project, why, &used, &ours));
    if (used && !ours) { /* a further node on a shared database: its keys were given out elsewhere */
        *out = c;
        *out_first = false;
        return OK;
    }
    if (!have) {
        struct id project = io_new_id(io);
        struct new_key admin = new_key_make(io, STR("admin")), live = new_key_make(io, STR("live")), test = new_key_make(io, STR("test"));
        memcpy(c.project, project.hex, sizeof c.project);
        memcpy(c.admin_key, admin.text, sizeof c.admin_key);
        memcpy(c.live_key, live.text, sizeof c.live_key);
        memcpy(c.test_key, test.text, sizeof c.test_key);
        TRY(credentials_write_url(s, &c, why));
    }
    TRY(first_records(s, &c, why));
    *out = c;
    *out_first = !ours;
    return OK;
}
