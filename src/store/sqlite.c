/* SQLite behind struct db: WAL, full sync, statements prepared once. The writer takes the database with `begin immediate` before
 * it loads, so nothing can change between load and save and there are no conflicts.
 *
 * The writer also does the checkpoints, between batches: SQLite's own automatic ones ignore a failed fsync. */
#include "base/cleanup.h"
#include "base/limits.h"
#include "store/internal.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CACHED = 160,
    WAL_CHECKPOINT_PAGES = 4000, /* 16 MB: a checkpoint copies each page once, however often it was written meanwhile */
    WAL_RESTART_PAGES = 16000,   /* readers kept the log from starting over: wait for them once */
    BUSY_MS = 5000,
};

struct cached {
    const char *sql; /* the literal */
    sqlite3_stmt *stmt;
    int index[SQL_MAX_PARAMS]; /* where $1.. landed */
};

struct sqlite_db {
    struct db db;
    sqlite3 *h;
    sqlite3_stmt *load[REC_COUNT], *insert[REC_COUNT], *update[REC_COUNT];
    struct cached cached[CACHED];
    int cached_n;
    int wal_pages;   /* pages in the log after the last commit */
    int wal_due;     /* a checkpoint is due when there are that many */
    bool locked; /* holds store->write_lock */
};

static bool disk_is_full(struct sqlite_db *s, int rc) {
    if ((rc & 0xff) == SQLITE_FULL) return true;
    if ((rc & 0xff) != SQLITE_IOERR || rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC) return false;
    int e = sqlite3_system_errno(s->h);
    return e == ENOSPC || e == EDQUOT;
}

static err failed(struct sqlite_db *s, const char *doing) {
    int rc = sqlite3_extended_errcode(s->h);
    err code;
    const char *hint = "";
    if (disk_is_full(s, rc)) code = E_STORAGE_FULL, hint = " Free some space; the server goes on by itself.";
    else switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: code = E_STALE; break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: code = E_CORRUPT, hint = " Restore the folder from a backup."; break;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM: code = E_IO, hint = " Check the owner and the permissions of its folder."; break;
    case SQLITE_IOERR: code = E_IO; break;
    default: code = E_INTERNAL;
    }
    return why_set(&s->db.why, code, "The database %s failed while %s: %s.%s", s->db.store->path, doing, sqlite3_errmsg(s->h), hint);
}

static struct sqlite_db *of(struct db *db) { return (struct sqlite_db *)db; }

static void close_db(struct db *db) {
    struct sqlite_db *s = of(db);
    for (int t = 0; t < REC_COUNT; t++) {
        sqlite3_finalize(s->load[t]);
        sqlite3_finalize(s->insert[t]);
        sqlite3_finalize(s->update[t]);
    }
    for (int i = 0; i < s->cached_n; i++) sqlite3_finalize(s->cached[i].stmt);
    sqlite3_close(s->h);
    free(s);
}

static err ready(struct db *db) { return OK; }

static err prepare(struct sqlite_db *s, const char *sql, sqlite3_stmt **out) {
    if (sqlite3_prepare_v3(s->h, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL)) return failed(s, "preparing a statement");
    return OK;
}

static err cached(struct sqlite_db *s, const char *sql, struct cached **out) {
    for (int i = 0; i < s->cached_n; i++)
        if (s->cached[i].sql == sql) {
            *out = &s->cached[i];
            return OK;
        }
    must(s->cached_n < CACHED);
    _cleanup_(freep) char *text = sql_expand(sql);
    struct cached *c = &s->cached[s->cached_n];
    TRY(prepare(s, text, &c->stmt));
    for (int i = 0; i < SQL_MAX_PARAMS; i++) {
        char name[8];
        snprintf(name, sizeof name, "$%d", i + 1);
        c->index[i] = sqlite3_bind_parameter_index(c->stmt, name);
    }
    c->sql = sql;
    s->cached_n++;
    *out = c;
    return OK;
}

/* The bytes stay where they are until the statement is reset: every caller resets before it returns. */
static void bind_str(sqlite3_stmt *st, int at, struct str v) {
    sqlite3_bind_text(st, at, v.ptr ? v.ptr : "", (int)v.len, SQLITE_STATIC);
}

static struct str column_str(sqlite3_stmt *st, int col, struct arena *a) {
    const void *p = sqlite3_column_text(st, col);
    return arena_dup(a, str_n(p ? p : "", (size_t)sqlite3_column_bytes(st, col)));
}

static err collect(struct sqlite_db *s, sqlite3_stmt *st, struct arena *a, struct sql_rows *out) {
    size_t cap = 0;
    struct sql_rows rows = {.cols = sqlite3_column_count(st)};
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        if (!out) continue;
        if (rows.n == cap) {
            size_t more = cap ? cap * 2 : 16;
            struct sql_value *cells = arena_array(a, struct sql_value, more * (size_t)rows.cols);
            if (cap) memcpy(cells, rows.cells, cap * (size_t)rows.cols * sizeof *cells);
            rows.cells = cells;
            cap = more;
        }
        struct sql_value *row = rows.cells + rows.n++ * (size_t)rows.cols;
        for (int i = 0; i < rows.cols; i++) {
            if (sqlite3_column_type(st, i) == SQLITE_INTEGER) row[i] = SQL_INT(sqlite3_column_int64(st, i));
            else row[i] = SQL_STR(column_str(st, i, a));
        }
    }
    if (rc != SQLITE_DONE) return failed(s, "running a statement");
    if (out) *out = rows;
    return OK;
}

static err run(struct db *db, const char *sql, const struct sql_value *params, size_t n, struct arena *a, struct sql_rows *rows,
               int64_t *changed) {
    struct sqlite_db *s = of(db);
    struct cached *c;
    TRY(cached(s, sql, &c));
    must(n <= SQL_MAX_PARAMS);
    for (size_t i = 0; i < n; i++) {
        if (!c->index[i]) continue;
        if (params[i].is_int) sqlite3_bind_int64(c->stmt, c->index[i], params[i].i);
        else bind_str(c->stmt, c->index[i], params[i].s);
    }
    err e = collect(s, c->stmt, a, rows);
    sqlite3_reset(c->stmt);
    if (!e && changed) *changed = sqlite3_changes64(s->h);
    return e;
}

/* Statement by statement: "add column" has no "if not exists" here, so a column that is there already is passed over. */
static bool run_script(sqlite3 *h, const char *sql) {
    while (*sql) {
        sqlite3_stmt *st = NULL;
        const char *start = sql;
        int rc = sqlite3_prepare_v2(h, sql, -1, &st, &sql);
        bool known = rc && !strncmp(sqlite3_errmsg(h), "duplicate column name", 21);
        if (known) { /* refused as a whole: its end has to be found by hand; migrations keep ';' out of their comments */
            const char *end = strchr(start, ';');
            sql = end ? end + 1 : start + strlen(start);
            continue;
        }
        if (!rc && st) rc = sqlite3_step(st) == SQLITE_DONE ? SQLITE_OK : SQLITE_ERROR;
        sqlite3_finalize(st);
        if (rc) return false;
    }
    return true;
}

static err script(struct db *db, const char *sql) {
    struct sqlite_db *s = of(db);
    if (sqlite3_exec(s->h, "begin immediate", NULL, NULL, NULL)) return failed(s, "changing its tables");
    if (!run_script(s->h, sql) || sqlite3_exec(s->h, "commit", NULL, NULL, NULL)) {
        err e = failed(s, "changing its tables");
        db->ops->rollback(db);
        return e;
    }
    return OK;
}

static void unlock(struct sqlite_db *s) {
    if (!s->locked) return;
    s->locked = false;
    pthread_mutex_unlock(&s->db.store->write_lock);
}

static void rollback(struct db *db) {
    struct sqlite_db *s = of(db);
    if (!sqlite3_get_autocommit(s->h)) sqlite3_exec(s->h, "rollback", NULL, NULL, NULL);
    unlock(s);
}

static err begin(struct db *db, enum db_mode mode, const struct fence *fence) {
    struct sqlite_db *s = of(db);
    if (mode == DB_READ) return run(db, "begin", NULL, 0, NULL, NULL, NULL);
    pthread_mutex_lock(&db->store->write_lock);
    s->locked = true;
    err e = run(db, "begin immediate", NULL, 0, NULL, NULL, NULL);
    if (e) {
        unlock(s);
        return e;
    }
    if (!fence) return OK;
    int64_t changed;
    TRY(run(db,
            "update node set batch_seq = batch_seq + 1 where id = $1 and epoch = $2 and batch_seq = $3 and state = 'alive'",
            SQL_PARAMS(SQL_STR(fence->node), SQL_INT(fence->epoch), SQL_INT(fence->batch_seq)), NULL, NULL, &changed));
    if (changed == 1) return OK;
    return why_set(&db->why, E_FENCED, "Another server has taken over the work of this one.");
}

/* SQLite writes the log at COMMIT, so a full disk shows here: SQLITE_FULL means that a frame could not be written, and the
 * frame that commits is the last one; so it did not happen. Any other failure leaves that open. */
static err commit(struct db *db) {
    struct sqlite_db *s = of(db);
    err e = run(db, "commit", NULL, 0, NULL, NULL, NULL);
    if (e) rollback(db);
    unlock(s);
    return e;
}

static err load_one(struct sqlite_db *s, struct workset *w, struct rec_key key) {
    sqlite3_stmt **st = &s->load[key.type];
    if (!*st) {
        _cleanup_(freep) char *sql = sql_load_one(key.type);
        TRY(prepare(s, sql, st));
    }
    bind_str(*st, 1, key.id);
    int rc = sqlite3_step(*st);
    if (rc == SQLITE_ROW) {
        const struct rec_info *info = rec_info(key.type);
        union record_any r;
        r.head.id = key.id;
        r.head.version = sqlite3_column_int64(*st, 1);
        for (int i = 0; i < info->field_count; i++) {
            const struct rec_field *f = &info->fields[i];
            if (f->kind == FIELD_STR) *record_str(&r.head, f) = column_str(*st, i + 2, workset_arena(w));
            else *record_i64(&r.head, f) = sqlite3_column_int64(*st, i + 2);
        }
        workset_fill(w, key, &r.head);
    } else if (rc == SQLITE_DONE) {
        workset_fill(w, key, NULL);
    }
    err e = rc == SQLITE_ROW || rc == SQLITE_DONE ? OK : failed(s, "reading");
    sqlite3_reset(*st);
    return e;
}

static err load(struct db *db, struct workset *w) {
    const struct rec_key *keys;
    size_t n = workset_unfilled(w, &keys);
    for (size_t i = 0; i < n; i++) TRY(load_one(of(db), w, keys[i]));
    return OK;
}

static err lock(struct db *db, struct workset *w) { return OK; } /* begin immediate locked everything */

static err save_one(struct sqlite_db *s, const struct rec_change *c) {
    const struct rec_info *info = rec_info(c->type);
    bool insert = c->record->version == 0;
    sqlite3_stmt **st = insert ? &s->insert[c->type] : &s->update[c->type];
    if (!*st) {
        _cleanup_(freep) char *sql = insert ? sql_insert_one(c->type) : sql_update_one(c->type);
        TRY(prepare(s, sql, st));
    }
    int at = 1;
    bind_str(*st, at++, c->record->id);
    if (!insert) sqlite3_bind_int64(*st, at++, c->record->version);
    for (int i = 0; i < info->field_count; i++, at++) {
        const struct rec_field *f = &info->fields[i];
        if (f->kind == FIELD_STR) bind_str(*st, at, *record_str(c->record, f));
        else sqlite3_bind_int64(*st, at, *record_i64(c->record, f));
    }
    int rc = sqlite3_step(*st);
    err e = rc == SQLITE_DONE ? OK : failed(s, "writing");
    sqlite3_reset(*st);
    if (!e && sqlite3_changes(s->h) != 1)
        e = why_set(&s->db.why, E_STALE, "A %s changed between load and save.", info->table);
    return e;
}

static err save(struct db *db, const struct rec_change *changes, size_t n) {
    for (size_t i = 0; i < n; i++) TRY(save_one(of(db), &changes[i]));
    return OK;
}

static int count_pages(void *arg, sqlite3 *h, const char *name, int pages) {
    struct sqlite_db *s = arg;
    if (pages < s->wal_pages) s->wal_due = WAL_CHECKPOINT_PAGES; /* the log has started over */
    s->wal_pages = pages;
    return SQLITE_OK;
}

static err tend(struct db *db, bool hard) {
    struct sqlite_db *s = of(db);
    if (!hard && s->wal_pages < s->wal_due) return OK;
    int mode = hard || s->wal_pages >= WAL_RESTART_PAGES ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE;
    pthread_mutex_lock(&db->store->write_lock);
    int rc = sqlite3_wal_checkpoint_v2(s->h, NULL, mode, NULL, NULL);
    pthread_mutex_unlock(&db->store->write_lock);
    s->wal_due = s->wal_pages + WAL_CHECKPOINT_PAGES; /* holds while readers keep the log from starting over */
    if (!rc || (rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED) return OK;
    return failed(s, "moving its log into place");
}

static const struct db_ops ops = {
    .close = close_db, .ready = ready, .begin = begin, .load = load, .lock = lock, .save = save, .commit = commit,
    .rollback = rollback, .run = run, .script = script, .tend = tend,
};

static err pragma_is(struct sqlite_db *s, const char *sql, const char *wanted) {
    sqlite3_stmt *st = NULL;
    TRY(prepare(s, sql, &st));
    int rc = sqlite3_step(st);
    const char *got = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
    bool same = got && !strcmp(got, wanted);
    err e = OK;
    if (rc != SQLITE_ROW) e = failed(s, "setting it up");
    else if (!same) e = why_set(&s->db.why, E_IO, "The database %s cannot use a write-ahead log (%s says %s): its file system does not "
                                "support it. Use a local disk.", s->db.store->path, sql, got ? got : "nothing");
    sqlite3_finalize(st);
    return e;
}

static err set_up(struct sqlite_db *s) {
    sqlite3_extended_result_codes(s->h, 1);
    sqlite3_busy_timeout(s->h, BUSY_MS);
    /* Readers are several, each with a cache of its own beside the kernel's: small ones. */
    const char *sizes = s->db.writer ? "pragma synchronous = full; pragma cache_size = -64000; pragma temp_store = memory" : "pragma cache_size = -8000; pragma temp_store = memory";
    if (sqlite3_exec(s->h, sizes, NULL, NULL, NULL))
        return failed(s, "opening");
    if (!s->db.writer) return OK;
    if (sqlite3_db_readonly(s->h, "main") == 1)
        return why_set(&s->db.why, E_IO, "The database %s can only be read. Check the owner and the permissions of the file and its "
                       "folder, and that the disk is not mounted read-only.", s->db.store->path);
    TRY(pragma_is(s, "pragma journal_mode = wal", "wal"));
    sqlite3_wal_hook(s->h, count_pages, s); /* also turns off the automatic checkpoints */
    return OK;
}

err sqlite_open(struct store *store, bool writer, struct why *why, struct db **out) {
    /* SQLite's count of its memory is a lock that every allocation of every connection takes. Only the first call in a process
     * has an effect; later ones are refused, which changes nothing. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    struct sqlite_db *s = calloc(1, sizeof *s);
    must(s);
    s->db = (struct db){.ops = &ops, .store = store, .writer = writer};
    s->wal_due = WAL_CHECKPOINT_PAGES;
    int flags = SQLITE_OPEN_NOMUTEX | (writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    err e = sqlite3_open_v2(store->path, &s->h, flags, NULL) ? failed(s, "opening") : set_up(s);
    if (e) {
        if (why) *why = s->db.why;
        close_db(&s->db);
        return e;
    }
    *out = &s->db;
    return OK;
}
