/* An open store: its URL, the folder's lock, the connections it hands out. */
#include "base/cleanup.h"
#include "base/limits.h"
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { CHECK_WHOLE_BELOW = 8 * 1024 * 1024 }; /* larger files are checked by `ledger audit`, not at every start */

err db_open(struct store *s, bool writer, struct why *why, struct db **out) {
    return s->sqlite ? sqlite_open(s, writer, why, out) : postgres_open(s, writer, why, out);
}

bool store_is_sqlite(const struct store *s) { return s->sqlite; }

err store_db(struct store *s, struct why *why, struct db **out) { return db_open(s, false, why, out); }

void db_close(struct db *db) {
    if (db) db->ops->close(db);
}

/* Held until the store closes; the kernel gives it back when the process dies, however it dies. */
static err lock_folder(struct store *s, struct why *why) {
    if (!s->folder) return OK;
    char path[4096];
    if (snprintf(path, sizeof path, "%s/lock", s->folder) >= (int)sizeof path)
        return why_set(why, E_INVALID, "The name of the data folder is too long.");
    _cleanup_(closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        if (errno == ENOSPC || errno == EDQUOT)
            return why_set(why, E_STORAGE_FULL, "There is no space left for the folder %s. Free some and start again.", s->folder);
        if (errno == ENOENT) return why_set(why, E_NOT_FOUND, "There is no folder %s.", s->folder);
        return why_set(why, E_IO, "The folder %s cannot be written (%s). Check its owner and permissions, and that the disk is not "
                       "mounted read-only.", s->folder, strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno == EWOULDBLOCK)
            return why_set(why, E_CONFLICT, "Another puras server is using the folder %s. Stop it first, or choose another folder.", s->folder);
        return why_set(why, E_IO, "The folder %s cannot be locked: %s.", s->folder, strerror(errno));
    }
    s->lock_fd = TAKE_FD(fd);
    return OK;
}

static err not_ours(const struct store *s, struct why *why) {
    return why_set(why, E_CORRUPT, "The file %s is not a database of puras, or it is damaged. Restore it from a backup, or choose another "
                   "folder.", s->path);
}

/* Reads the first bytes before SQLite does: it would make a new database of anything empty and a riddle of anything else. */
static err check_file(struct store *s, bool create, struct why *why, int64_t *out_bytes, bool *out_has_log) {
    /* made here and not by SQLite, so that nobody else may read it; its log gets the same mode */
    _cleanup_(closep) int fd = open(s->path, create ? O_RDONLY | O_CREAT | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0600);
    *out_bytes = 0;
    if (fd < 0) {
        if (errno == ENOSPC || errno == EDQUOT)
            return why_set(why, E_STORAGE_FULL, "There is no space left for the database %s. Free some and start again.", s->path);
        if (errno == ENOENT) return why_set(why, E_NOT_FOUND, "There is no database at %s. `puras serve` makes one.", s->path);
        return why_set(why, E_IO, "The database %s cannot be opened (%s). Check its owner and permissions.", s->path, strerror(errno));
    }
    static const char magic[16] = "SQLite format 3";
    char head[100];
    struct stat st;
    if (fstat(fd, &st)) return why_set(why, E_IO, "The database %s cannot be read: %s.", s->path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return not_ours(s, why);
    *out_bytes = st.st_size;
    if (st.st_size == 0) return create ? OK : not_ours(s, why);
    if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head || memcmp(head, magic, sizeof magic)) return not_ours(s, why);
    *out_has_log = head[18] == 2;
    return OK;
}

/* Ours always have a write-ahead log (a copy from a backup may not). One without is looked at before the writer turns the log on:
 * the database of another program stays as it is. */
static err check_owner(struct store *s, struct why *why) {
    struct db *db = NULL;
    int64_t version;
    if (db_open(s, false, NULL, &db)) return OK; /* the writer's own opening says why */
    err e = store_schema_version(db, &version);
    if (e == E_CORRUPT && why) *why = db->why;
    db_close(db);
    return e == E_CORRUPT ? e : OK;
}

static err check_whole(struct store *s, int64_t bytes, struct why *why) {
    if (bytes == 0 || bytes > CHECK_WHOLE_BELOW) return OK;
    struct arena a = {};
    struct sql_rows rows;
    err e = db_run(s->admin, "pragma quick_check(1)", NULL, 0, &a, &rows, NULL);
    bool sound = !e && rows.n == 1 && str_is(sql_row(&rows, 0)->s, "ok");
    arena_done(&a);
    if (sound) return OK;
    return e && e != E_CORRUPT ? e : not_ours(s, why);
}

/* Every table can be read with the columns this program knows. */
static err check_tables(struct store *s, struct why *why) {
    struct workset *w = workset_create();
    for (int t = 0; t < REC_COUNT; t++) workset_want(w, (struct rec_key){(enum rec_type)t, STR("-")});
    err e = s->admin->ops->begin(s->admin, DB_WRITE, NULL);
    if (!e) e = s->admin->ops->load(s->admin, w);
    if (!e) e = s->admin->ops->lock(s->admin, w);
    s->admin->ops->rollback(s->admin);
    if (e == E_INTERNAL) e = why_set(&s->admin->why, E_CORRUPT, "The database lacks tables or columns of puras. Restore it from a backup.");
    if (e && why) *why = s->admin->why;
    workset_destroy(w);
    return e;
}

static err open_all(struct store *s, const struct store_options *o, struct why *why) {
    int64_t bytes = 0;
    bool has_log = true;
    TRY(lock_folder(s, why));
    if (s->sqlite) TRY(check_file(s, o->create, why, &bytes, &has_log));
    if (!has_log) TRY(check_owner(s, why));
    TRY(db_open(s, true, why, &s->admin));
    if (s->sqlite) TRY(check_whole(s, bytes, why));
    if (!o->create) {
        int64_t version = 0;
        err e = store_schema_version(s->admin, &version);
        if (e && why) *why = s->admin->why;
        if (e) return e;
        if (!version) return why_set(why, E_NOT_FOUND, "The database has no tables of puras yet. `puras serve` makes them.");
    }
    TRY(store_migrate(s->admin, why));
    return check_tables(s, why);
}

static bool is_postgres(const char *url) { return !strncmp(url, "postgres://", 11) || !strncmp(url, "postgresql://", 13); }

err store_open(const struct store_options *o, struct why *why, struct store **out) {
    bool sqlite = o->url && !strncmp(o->url, "sqlite:", 7) && o->url[7];
    if (!sqlite && !(o->url && is_postgres(o->url)))
        return why_set(why, E_INVALID, "A database is named sqlite:PATH or postgres://USER@HOST/NAME.");
    struct store *s = calloc(1, sizeof *s);
    must(s);
    s->sqlite = sqlite;
    s->lock_fd = -1;
    s->url = strdup(o->url);
    s->path = sqlite ? strdup(o->url + 7) : NULL;
    s->folder = o->folder ? strdup(o->folder) : NULL;
    s->now = o->now;
    s->now_arg = o->now_arg;
    s->reserve_bytes = o->reserve_bytes ? o->reserve_bytes : LIMIT_RESERVE_FILE_BYTES;
    pthread_mutex_init(&s->write_lock, NULL);
    pthread_mutex_init(&s->admin_lock, NULL);
    err e = open_all(s, o, why);
    if (e) {
        store_close(s);
        return e;
    }
    *out = s;
    return OK;
}

void store_close(struct store *s) {
    if (!s) return;
    db_close(s->admin);
    if (s->lock_fd >= 0) close(s->lock_fd);
    pthread_mutex_destroy(&s->write_lock);
    pthread_mutex_destroy(&s->admin_lock);
    free(s->url);
    free(s->path);
    free(s->folder);
    free(s);
}
