/* PostgreSQL behind struct db: one connection in pipeline mode, prepared statements, everything binary.
 *
 * A batch costs a round trip per step (begin + fence + load, further loads, locks, save, commit), whatever its size. The
 * transaction runs at the database's default isolation; at READ COMMITTED the locks and the versions keep it correct, above
 * that the database's own refusals (40001) are conflicts like any other. */
#include "store/postgres.h"

#include "base/cleanup.h"

#include <endian.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { TYPE_INT8 = 20, TYPE_INT4 = 23, TYPE_TEXT = 25, TYPE_INT8_ARRAY = 1016, TYPE_TEXT_ARRAY = 1009 };
enum { ANSWER_MS = 20000 }; /* longer than the server's own time-outs: past it the network has swallowed the answer */

/* --- failures --- */

static err lost(struct pg_db *pg) {
    pg->lost = true;
    const char *text = pg->conn ? PQerrorMessage(pg->conn) : "";
    return why_set(&pg->db.why, E_UNAVAILABLE, "The connection to the database was lost. %.300s", text);
}

static bool one_of(const char *state, const char *list) { return strstr(list, state) != NULL; }

static err classify(const char *state) {
    if (one_of(state, "40001 40P01 23505 55P03 57014")) return E_STALE;
    if (one_of(state, "53100")) return E_STORAGE_FULL;
    if (!strncmp(state, "08", 2) || !strncmp(state, "53", 2) || !strncmp(state, "57P", 3) || one_of(state, "25P03 25006"))
        return E_UNAVAILABLE;
    if (!strncmp(state, "22", 2)) return E_INVALID;
    return E_INTERNAL;
}

static err refused(struct pg_db *pg, PGresult *res) {
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE), *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    if (!state) return lost(pg);
    return why_set(&pg->db.why, classify(state), "The database refused a statement: %.300s (%s).", text ? text : "no reason", state);
}

/* --- parameters --- */

void pg_params_begin(struct pg_db *pg) {
    buf_clear(&pg->bytes);
    pg->params = 0;
}

static void param_open(struct pg_db *pg, Oid type) {
    must(pg->params < PG_MAX_PARAMS);
    pg->type[pg->params] = type;
    pg->offset[pg->params] = pg->bytes.len;
}

static void param_close(struct pg_db *pg) {
    pg->length[pg->params] = (int)(pg->bytes.len - pg->offset[pg->params]);
    pg->params++;
}

static void put32(struct pg_db *pg, uint32_t v) {
    uint32_t be = htobe32(v);
    buf_add(&pg->bytes, &be, 4);
}

static void put64(struct pg_db *pg, int64_t v) {
    uint64_t be = htobe64((uint64_t)v);
    buf_add(&pg->bytes, &be, 8);
}

void pg_param(struct pg_db *pg, const struct sql_value *v) {
    param_open(pg, v->is_int ? TYPE_INT8 : TYPE_TEXT);
    if (v->is_int) put64(pg, v->i);
    else buf_str(&pg->bytes, v->s);
    param_close(pg);
}

void pg_array_begin(struct pg_db *pg, bool ints, size_t n) {
    param_open(pg, ints ? TYPE_INT8_ARRAY : TYPE_TEXT_ARRAY);
    put32(pg, 1); /* dimensions */
    put32(pg, 0); /* no nulls */
    put32(pg, ints ? TYPE_INT8 : TYPE_TEXT);
    put32(pg, (uint32_t)n);
    put32(pg, 1); /* first index */
}

void pg_array_str(struct pg_db *pg, struct str s) {
    put32(pg, (uint32_t)s.len);
    buf_str(&pg->bytes, s);
}

void pg_array_int(struct pg_db *pg, int64_t v) {
    put32(pg, 8);
    put64(pg, v);
}

void pg_array_end(struct pg_db *pg) { param_close(pg); }

struct str pg_cell_str(PGresult *res, int row, int col) {
    return str_n(PQgetvalue(res, row, col), (size_t)PQgetlength(res, row, col));
}

int64_t pg_cell_int(PGresult *res, int row, int col) {
    uint64_t be;
    uint32_t be4;
    if (PQgetlength(res, row, col) == 4) { /* a literal */
        memcpy(&be4, PQgetvalue(res, row, col), 4);
        return (int32_t)be32toh(be4);
    }
    must(PQgetlength(res, row, col) == 8);
    memcpy(&be, PQgetvalue(res, row, col), 8);
    return (int64_t)be64toh(be);
}

/* --- the pipeline --- */

static struct pg_pending *expect(struct pg_db *pg, struct pg_pending what) {
    must(pg->queued < 2 * PG_QUEUE);
    what.pg = pg;
    pg->queue[pg->queued] = what;
    return &pg->queue[pg->queued++];
}

err pg_push(struct pg_db *pg, struct pg_stmt *st, struct pg_pending what) {
    if (pg->lost || !pg->conn) return lost(pg);
    char name[32];
    snprintf(name, sizeof name, "s%zx", (size_t)((char *)st - (char *)pg));
    if (st->connection != pg->connection) {
        if (!PQsendPrepare(pg->conn, name, st->sql, pg->params, pg->type)) return lost(pg);
        expect(pg, (struct pg_pending){.prepares = st});
        st->connection = pg->connection; /* taken back when the answer says else */
    }
    const char *values[PG_MAX_PARAMS];
    int formats[PG_MAX_PARAMS];
    for (int i = 0; i < pg->params; i++) {
        values[i] = pg->bytes.ptr ? pg->bytes.ptr + pg->offset[i] : "";
        formats[i] = 1;
    }
    if (!PQsendQueryPrepared(pg->conn, name, pg->params, values, pg->length, formats, 1)) return lost(pg);
    expect(pg, what);
    return OK;
}

/* The next result, or NULL at the end of one statement's; *out_lost when the connection is gone. */
static PGresult *next_result(struct pg_db *pg, bool *out_lost) {
    while (PQisBusy(pg->conn)) {
        struct pollfd p = {.fd = PQsocket(pg->conn), .events = POLLIN};
        if (poll(&p, 1, pg->patient ? -1 : ANSWER_MS) == 0 || !PQconsumeInput(pg->conn)) {
            *out_lost = true;
            return NULL;
        }
    }
    PGresult *res = PQgetResult(pg->conn);
    if (PQstatus(pg->conn) == CONNECTION_BAD) *out_lost = true;
    return res;
}

static err take_one(struct pg_db *pg, struct pg_pending *p, PGresult *res) {
    switch (PQresultStatus(res)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK: return p->take ? p->take(p, res) : OK;
    case PGRES_PIPELINE_ABORTED:
        if (p->prepares) p->prepares->connection = 0;
        return E_STALE; /* an earlier failure has said why */
    default:
        if (p->prepares) p->prepares->connection = 0;
        return refused(pg, res);
    }
}

err pg_finish(struct pg_db *pg) {
    int n = pg->queued;
    pg->queued = 0;
    if (pg->lost || !pg->conn || !PQpipelineSync(pg->conn)) return lost(pg);
    err first = OK;
    bool gone = false;
    for (int i = 0; i < n; i++) {
        PGresult *res = next_result(pg, &gone);
        if (!res) return lost(pg);
        err e = take_one(pg, &pg->queue[i], res);
        PQclear(res);
        if (e && !first) first = e;
        if (gone) return first && first != E_UNAVAILABLE ? (lost(pg), first) : lost(pg);
        while ((res = next_result(pg, &gone))) PQclear(res);
        if (gone) return lost(pg);
    }
    PGresult *sync = next_result(pg, &gone);
    bool synced = PQresultStatus(sync) == PGRES_PIPELINE_SYNC;
    PQclear(sync);
    return synced && !gone ? first : lost(pg);
}

/* --- one statement --- */

static err take_rows(struct pg_pending *p, PGresult *res) {
    if (p->changed) *p->changed = strtoll(PQcmdTuples(res), NULL, 10);
    if (!p->rows) return OK;
    int n = PQntuples(res), cols = PQnfields(res);
    struct sql_value *cells = arena_array(p->arena, struct sql_value, (size_t)n * (size_t)cols + 1);
    for (int r = 0; r < n; r++)
        for (int c = 0; c < cols; c++) {
            struct sql_value *v = &cells[r * cols + c];
            if (PQftype(res, c) == TYPE_INT8 || PQftype(res, c) == TYPE_INT4) *v = SQL_INT(PQgetisnull(res, r, c) ? 0 : pg_cell_int(res, r, c));
            else *v = SQL_STR(arena_dup(p->arena, pg_cell_str(res, r, c)));
        }
    *p->rows = (struct sql_rows){.n = (size_t)n, .cols = cols, .cells = cells};
    return OK;
}

static struct pg_stmt *cached(struct pg_db *pg, const char *literal) {
    for (int i = 0; i < pg->cached_n; i++)
        if (pg->cached[i].literal == literal) return &pg->cached[i];
    must(pg->cached_n < PG_CACHED);
    struct pg_stmt *st = &pg->cached[pg->cached_n++];
    st->literal = literal;
    st->sql = sql_expand(literal);
    return st;
}

static err push_literal(struct pg_db *pg, const char *sql, const struct sql_value *params, size_t n, struct pg_pending what) {
    pg_params_begin(pg);
    for (size_t i = 0; i < n; i++) pg_param(pg, &params[i]);
    return pg_push(pg, cached(pg, sql), what);
}

static err run(struct db *db, const char *sql, const struct sql_value *params, size_t n, struct arena *a, struct sql_rows *rows,
               int64_t *changed) {
    struct pg_db *pg = pg_of(db);
    TRY(push_literal(pg, sql, params, n,
                     (struct pg_pending){.take = take_rows, .arena = a, .rows = rows, .changed = changed}));
    return pg_finish(pg);
}

/* --- transactions --- */

static err take_fence(struct pg_pending *p, PGresult *res) {
    if (!strcmp(PQcmdTuples(res), "1")) return OK;
    return why_set(&p->pg->db.why, E_FENCED, "Another server has taken over the work of this one.");
}

/* An index over all attempts may take minutes to build, and what changes tables waits for whoever reads them, a dump for one. Nobody writes
 * meanwhile (migrate.c), and a connection that is gone shows by its keepalives. */
#define NO_HURRY "set local statement_timeout = 0"
#define LONG_WAIT "set local lock_timeout = 60000"

/* Sent with the first load: one round trip. */
static err begin(struct db *db, enum db_mode mode, const struct fence *f) {
    struct pg_db *pg = pg_of(db);
    pg->loaded_n = 0;
    pg->patient = mode == DB_MIGRATE;
    if (mode == DB_READ) return push_literal(pg, "begin isolation level repeatable read read only", NULL, 0, (struct pg_pending){});
    TRY(push_literal(pg, "begin", NULL, 0, (struct pg_pending){}));
    if (pg->patient) {
        TRY(push_literal(pg, NO_HURRY, NULL, 0, (struct pg_pending){}));
        TRY(push_literal(pg, LONG_WAIT, NULL, 0, (struct pg_pending){}));
    }
    if (!f) return OK;
    return push_literal(
        pg, "update node set batch_seq = batch_seq + 1 where id = $1 and epoch = $2 and batch_seq = $3 and state = 'alive'",
        SQL_PARAMS(SQL_STR(f->node), SQL_INT(f->epoch), SQL_INT(f->batch_seq)), (struct pg_pending){.take = take_fence});
}

static err take_commit(struct pg_pending *p, PGresult *res) {
    if (!strcmp(PQcmdStatus(res), "COMMIT")) return OK;
    return why_set(&p->pg->db.why, E_STALE, "The database rolled the transaction back.");
}

/* Only a conflict is a sure no. Everything else is for the node's row to tell. */
static err commit(struct db *db) {
    struct pg_db *pg = pg_of(db);
    err e = push_literal(pg, "commit", NULL, 0, (struct pg_pending){.take = take_commit});
    if (!e) e = pg_finish(pg);
    pg->patient = false;
    if (!e || (e == E_STALE && !pg->lost)) return e;
    pg->lost = true;
    return E_UNKNOWN;
}

static void drop(struct pg_db *pg) {
    if (pg->conn) PQfinish(pg->conn);
    pg->conn = NULL;
    pg->lost = false;
    pg->queued = 0;
}

static void rollback(struct db *db) {
    struct pg_db *pg = pg_of(db);
    pg->patient = false;
    if (!pg->conn) return;
    if (!pg->lost && pg->queued) (void)pg_finish(pg); /* a begin that nothing followed */
    if (!pg->lost && PQtransactionStatus(pg->conn) == PQTRANS_IDLE) return;
    if (pg->lost || push_literal(pg, "rollback", NULL, 0, (struct pg_pending){}) || pg_finish(pg)) drop(pg);
}

/* --- the connection --- */

/* The first must hold, the second only helps and may be unknown to a database that speaks the same protocol. Time-outs lie
 * below the lease of a node: a stuck statement ends before its node is taken for dead. Writers reach every row by its key. */
static const char session_writer[] = "set client_min_messages = warning; set statement_timeout = 10000; set lock_timeout = 5000; "
                                     "set idle_in_transaction_session_timeout = 10000";
static const char session_reader[] = "set client_min_messages = warning; set statement_timeout = 60000; "
                                     "set default_transaction_read_only = on";
static const char tuning_writer[] = "set jit = off; set plan_cache_mode = force_generic_plan; set enable_seqscan = off";
static const char tuning_reader[] = "set jit = off";
static const char durable[] =
    "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'";

static bool plain(struct pg_db *pg, const char *sql) {
    PGresult *res = PQexec(pg->conn, sql);
    bool good = PQresultStatus(res) == PGRES_COMMAND_OK || PQresultStatus(res) == PGRES_TUPLES_OK;
    PQclear(res);
    return good;
}

static void silent(void *arg, const char *message) {}

static err set_up(struct pg_db *pg) {
    const char *encoding = PQparameterStatus(pg->conn, "server_encoding");
    if (!encoding || strcmp(encoding, "UTF8"))
        return why_set(&pg->db.why, E_INVALID, "The database has the encoding %s. Create one with: createdb -E UTF8 -T template0 puras",
                       encoding ? encoding : "unknown");
    if (PQsetClientEncoding(pg->conn, "UTF8") || !plain(pg, pg->db.writer ? session_writer : session_reader)) return lost(pg);
    (void)plain(pg, pg->db.writer ? tuning_writer : tuning_reader);
    if (pg->db.writer) (void)plain(pg, durable);
    return PQenterPipelineMode(pg->conn) ? OK : lost(pg);
}

static err ready(struct db *db) {
    struct pg_db *pg = pg_of(db);
    if (pg->conn && !pg->lost && PQstatus(pg->conn) == CONNECTION_OK) return OK;
    drop(pg);
    /* what stands before dbname are defaults that the URL may override */
    const char *names[] = {"connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
                           "application_name", "client_encoding", "dbname", NULL};
    const char *values[] = {"5", "5", "2", "3", "10000", "puras", "UTF8", db->store->url, NULL};
    pg->conn = PQconnectdbParams(names, values, 1);
    must(pg->conn);
    PQsetNoticeProcessor(pg->conn, silent, NULL);
    pg->connection++;
    err e = OK;
    if (PQstatus(pg->conn) != CONNECTION_OK)
        e = why_set(&db->why, E_UNAVAILABLE, "The database does not answer: %.350s", PQerrorMessage(pg->conn));
    else e = set_up(pg);
    if (e) drop(pg);
    return e;
}

static err script(struct db *db, const char *sql) {
    struct pg_db *pg = pg_of(db);
    TRY(ready(db));
    if (!PQexitPipelineMode(pg->conn)) return lost(pg);
    struct buf text = {};
    buf_printf(&text, "begin; " NO_HURRY "; " LONG_WAIT "; %s; commit", sql);
    PGresult *res = PQexec(pg->conn, text.ptr);
    err e = PQresultStatus(res) == PGRES_COMMAND_OK ? OK : refused(pg, res);
    PQclear(res);
    buf_done(&text);
    if (e && !pg->lost) (void)plain(pg, "rollback");
    return PQenterPipelineMode(pg->conn) ? e : lost(pg);
}

static err tend(struct db *db, bool hard) { return OK; }

static void free_all(struct pg_stmt *st, int n) {
    for (int i = 0; i < n; i++) free(st[i].sql);
}

static void close_db(struct db *db) {
    struct pg_db *pg = pg_of(db);
    drop(pg);
    free_all(pg->load, REC_COUNT);
    free_all(pg->load_locked, REC_COUNT);
    free_all(pg->lock, REC_COUNT);
    free_all(pg->insert, REC_COUNT);
    free_all(pg->update, REC_COUNT);
    free_all(pg->cached, pg->cached_n);
    free(pg->loaded);
    buf_done(&pg->bytes);
    free(pg);
}

static const struct db_ops ops = {
    .close = close_db, .ready = ready, .begin = begin, .load = pg_load, .lock = pg_lock, .save = pg_save, .commit = commit,
    .rollback = rollback, .run = run, .script = script, .tend = tend,
};

err postgres_open(struct store *store, bool writer, struct why *why, struct db **out) {
    struct pg_db *pg = calloc(1, sizeof *pg);
    must(pg);
    pg->db = (struct db){.ops = &ops, .store = store, .writer = writer};
    for (int t = 0; t < REC_COUNT; t++) {
        pg->load[t].sql = sql_load_many((enum rec_type)t, false);
        pg->load_locked[t].sql = sql_load_many((enum rec_type)t, true);
        pg->lock[t].sql = sql_lock_many((enum rec_type)t);
        pg->insert[t].sql = sql_insert_many((enum rec_type)t);
        pg->update[t].sql = sql_update_many((enum rec_type)t);
    }
    err e = ready(&pg->db);
    if (e) {
        if (why) *why = pg->db.why;
        close_db(&pg->db);
        return e;
    }
    *out = &pg->db;
    return OK;
}
