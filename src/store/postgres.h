/* What postgres.c (connection, pipeline, statements) and postgres_records.c (load, lock, save) share. */
#pragma once
#include "base/buf.h"
#include "store/internal.h"

#include <libpq-fe.h>

enum { PG_CACHED = 160, PG_MAX_PARAMS = 64, PG_QUEUE = 4 * REC_COUNT + 8 };

/* A prepared statement; its name on the server is its address here. */
struct pg_stmt {
    const char *literal; /* key of the cache, NULL for generated ones */
    char *sql;
    int64_t connection;  /* prepared on that one */
};

/* Something sent whose answer has not been read. */
struct pg_pending {
    err (*take)(struct pg_pending *p, PGresult *res); /* NULL: only errors matter */
    struct pg_db *pg;
    struct pg_stmt *prepares; /* not NULL: this is the preparation of it */
    struct workset *w;        /* records */
    enum rec_type type;
    const struct rec_key *keys;
    size_t n;                 /* keys, or rows expected to change */
    struct arena *arena;      /* rows */
    struct sql_rows *rows;
    int64_t *changed;
};

struct pg_version {
    struct rec_key key;
    int64_t version;
};

struct pg_db {
    struct db db;
    PGconn *conn;
    int64_t connection; /* counts connects; statements prepared on an older one are prepared again */
    bool lost;
    bool patient;       /* in a transaction without a bound on its statements */
    struct pg_stmt load[REC_COUNT], load_locked[REC_COUNT], lock[REC_COUNT], insert[REC_COUNT], update[REC_COUNT];
    struct pg_stmt cached[PG_CACHED];
    int cached_n;
    struct pg_pending queue[2 * PG_QUEUE]; /* each may bring its preparation */
    int queued;
    struct pg_version *loaded; /* read without a lock in this transaction */
    size_t loaded_n, loaded_cap;
    /* parameters of the statement being built */
    struct buf bytes;
    size_t offset[PG_MAX_PARAMS];
    int length[PG_MAX_PARAMS];
    Oid type[PG_MAX_PARAMS];
    int params;
};

static inline struct pg_db *pg_of(struct db *db) { return (struct pg_db *)db; }

/* Parameters of the next push. */
void pg_params_begin(struct pg_db *pg);
void pg_param(struct pg_db *pg, const struct sql_value *v);
void pg_array_begin(struct pg_db *pg, bool ints, size_t n);
void pg_array_str(struct pg_db *pg, struct str s);
void pg_array_int(struct pg_db *pg, int64_t v);
void pg_array_end(struct pg_db *pg);

/* Sends the statement with the parameters built; its answer is read by the next pg_finish. */
err pg_push(struct pg_db *pg, struct pg_stmt *st, struct pg_pending what);
/* Reads every answer that is due; the first failure counts. */
err pg_finish(struct pg_db *pg);
struct str pg_cell_str(PGresult *res, int row, int col);
int64_t pg_cell_int(PGresult *res, int row, int col);

err pg_load(struct db *db, struct workset *w);
err pg_lock(struct db *db, struct workset *w);
err pg_save(struct db *db, const struct rec_change *changes, size_t n);
