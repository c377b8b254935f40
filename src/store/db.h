/* One connection to the database, whichever engine: the face that sqlite.c and postgres.c put on.
 *
 * Must always hold:
 *  - a connection is used by one thread at a time.
 *  - every column is text or bigint and never null, so a value is bytes or an int64 and nothing else.
 *  - commit answers OK (durable), E_STALE (surely not, try again), E_STORAGE_FULL (surely not), E_UNKNOWN (the connection was
 *    lost; the node's row tells) or, on SQLite, anything else: the disk failed us and the process must end.
 *  - after a failure of anything but commit the caller rolls back; rollback never fails. */
#pragma once
#include "base/arena.h"
#include "core/workset.h"
#include "store/store.h"

struct sql_value {
    bool is_int;
    struct str s;
    int64_t i;
};
#define SQL_STR(text) ((struct sql_value){.s = (text)})
#define SQL_INT(number) ((struct sql_value){.is_int = true, .i = (number)})
#define SQL_PARAMS(...) (const struct sql_value[]){__VA_ARGS__}, sizeof((const struct sql_value[]){__VA_ARGS__}) / sizeof(struct sql_value)
enum { SQL_MAX_PARAMS = 16 };

struct sql_rows {
    size_t n;
    int cols;
    struct sql_value *cells; /* n * cols */
};
static inline const struct sql_value *sql_row(const struct sql_rows *r, size_t i) { return r->cells + i * (size_t)r->cols; }

/* Who may write: the node's row must look like this, or the batch is fenced. */
struct fence {
    struct str node;
    int64_t epoch, batch_seq;
};

enum db_mode {
    DB_WRITE,
    DB_READ,    /* several statements see one moment */
    DB_MIGRATE, /* DB_WRITE whose statements take as long as they need, as those of `script` may */
};

struct db_ops {
    void (*close)(struct db *db);
    /* Connects again when the connection is gone. E_UNAVAILABLE, E_IO. */
    err (*ready)(struct db *db);
    err (*begin)(struct db *db, enum db_mode mode, const struct fence *fence); /* E_FENCED here or at the next load */
    err (*load)(struct db *db, struct workset *w); /* fills what may be read before the locks */
    err (*lock)(struct db *db, struct workset *w); /* the rest, and every row of the set stays as it is until the end */
    err (*save)(struct db *db, const struct rec_change *changes, size_t n); /* E_STALE unless all rows were as loaded */
    err (*commit)(struct db *db);
    void (*rollback)(struct db *db);
    /* One statement; `sql` is a literal, its address is the key of the cache. $1, $2... are parameters, @generation stands for
     * that record's columns. rows and changed may be NULL. */
    err (*run)(struct db *db, const char *sql, const struct sql_value *params, size_t n, struct arena *a, struct sql_rows *rows,
               int64_t *changed);
    err (*script)(struct db *db, const char *sql); /* several statements in a transaction of their own, without a bound on their time */
    err (*tend)(struct db *db, bool hard);         /* upkeep between batches: checkpoints; hard: make room on a full disk */
};

struct db {
    const struct db_ops *ops;
    struct store *store;
    bool writer;
    struct why why; /* of the last failure */
};

/* Opens without `store`'s locks; used by store.c for every connection it hands out. */
err sqlite_open(struct store *s, bool writer, struct why *why, struct db **out);
err postgres_open(struct store *s, bool writer, struct why *why, struct db **out);
err db_open(struct store *s, bool writer, struct why *why, struct db **out);

static inline err db_run(struct db *db, const char *sql, const struct sql_value *params, size_t n, struct arena *a,
                         struct sql_rows *rows, int64_t *changed) {
    return db->ops->run(db, sql, params, n, a, rows, changed);
}

/* --- SQL text from the records' descriptions (sqltext.c); the caller frees --- */
char *sql_expand(const char *text);                        /* @name -> its columns */
char *sql_load_one(enum rec_type type);                    /* where id = ? */
char *sql_insert_one(enum rec_type type);                  /* ?1 id, ?2.. fields */
char *sql_update_one(enum rec_type type);                  /* ?1 id, ?2 version, ?3.. fields */
char *sql_load_many(enum rec_type type, bool lock);        /* $1 text[] */
char *sql_lock_many(enum rec_type type);                   /* $1 text[]; id, version */
char *sql_insert_many(enum rec_type type);                 /* $1 ids, $2.. fields, all arrays */
char *sql_update_many(enum rec_type type);                 /* $1 ids, $2 versions, $3.. fields, all arrays */

/* A buffer that holds a record of any type. */
union record_any {
    struct rec_head head;
#define RECORD(name, fields) struct name name;
#include "core/records.def"
#undef RECORD
};
/* Cells id, version, fields... become the struct; strings stay where they are. */
void record_from_cells(enum rec_type type, const struct sql_value *cells, struct rec_head *out);
struct str *record_str(const struct rec_head *r, const struct rec_field *f);
int64_t *record_i64(const struct rec_head *r, const struct rec_field *f);
