#include "store/testbed.h"

#include <ftw.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <unistd.h>

static void pg_exec(const char *sql) {
    PGconn *conn = PQconnectdb(getenv("PURAS_TEST_PG"));
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    PGresult *res = PQexec(conn, sql);
    if (PQresultStatus(res) != PGRES_COMMAND_OK) fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(res);
    PQfinish(conn);
}

static msec bench_now(void *arg) { return ((struct bench *)arg)->now; }

/* Schemas of this process that no test holds. */
static int idle[8], idles;

static void pg_empty(int schema) {
    char sql[512];
    snprintf(sql, sizeof sql,
             "do $$ declare t text; begin for t in select tablename from pg_tables where schemaname = 't%d_%d' and tablename <> 'schema_version' loop "
             "execute format('delete from t%d_%d.%%I', t); end loop; end $$",
             (int)getpid(), schema, (int)getpid(), schema);
    pg_exec(sql);
}

static void make(struct bench *b, enum engine e, bool fresh) {
    static int schemas;
    *b = (struct bench){.engine = e, .now = 1000000};
    snprintf(b->folder, sizeof b->folder, "/tmp/puras-store.XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    if (e == ENGINE_SQLITE) {
        snprintf(b->url, sizeof b->url, "sqlite:%s/puras.db", b->folder);
        return;
    }
    const char *base = getenv("PURAS_TEST_PG"), *isolation = getenv("PURAS_TEST_PG_ISOLATION");
    if (!base) fail_msg("PURAS_TEST_PG is not set: run the test through tests/with_pg.sh");
    int n = fresh || !idles ? 0 : idle[--idles];
    if (n) {
        pg_empty(n);
    } else {
        char sql[128];
        n = ++schemas;
        snprintf(sql, sizeof sql, "create schema t%d_%d", (int)getpid(), n);
        pg_exec(sql);
    }
    b->schema = fresh ? 0 : n;
    snprintf(b->url, sizeof b->url, "%s%coptions=-csearch_path%%3Dt%d_%d%%20-cdefault_transaction_isolation%%3D%s", base,
             strchr(base, '?') ? '&' : '?', (int)getpid(), n, isolation ? isolation : "read%5C%20committed");
}

void bench_make(struct bench *b, enum engine e) { make(b, e, false); }
void bench_fresh(struct bench *b, enum engine e) { make(b, e, true); }

static void published(void *arg, const struct rec_change *changes, size_t n) {
    struct seat *s = arg;
    for (size_t i = 0; i < n; i++) assert_true(changes[i].record->id.len > 0 && changes[i].record->version >= 0);
    s->published += (int)n;
}

static void fatal(void *arg, err code, const char *text) {
    struct seat *s = arg;
    assert_true(text && text[0]);
    s->fatal++;
    s->fatal_code = code;
}

void seat_open(struct bench *b, struct seat *s, const char *url, const char *node, bool threaded) {
    struct why why = {};
    *s = (struct seat){};
    struct store_options o = {.url = url, .create = true, .now = bench_now, .now_arg = b};
    if (store_open(&o, &why, &s->store)) fail_msg("%s", why_text(&why));
    if (store_node_start(s->store, str_of(node), &why, &s->node)) fail_msg("%s", why_text(&why));
    struct committer_options co = {.store = s->store, .node = s->node, .threaded = threaded, .fatal = fatal, .published = published, .arg = s};
    s->c = committer_create(&co);
}

void seat_close(struct seat *s) {
    committer_destroy(s->c);
    store_close(s->store);
    *s = (struct seat){};
}

void bench_open(struct bench *b) {
    struct why why = {};
    seat_open(b, &b->a, b->url, NODE, false);
    if (store_db(b->a.store, &why, &b->db)) fail_msg("%s", why_text(&why));
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) { return remove(path); }

void bench_close(struct bench *b) {
    db_close(b->db);
    if (b->a.store) seat_close(&b->a);
    if (b->schema && idles < (int)(sizeof idle / sizeof *idle)) idle[idles++] = b->schema;
    arena_done(&b->arena);
    nftw(b->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void bench_ready(struct bench *b) {
    bench_open(b);
    const struct command start[] = {
        cmd_create_project(PROJECT), cmd_create_project(FOREIGN), cmd_create_key("livekey1", PROJECT, "live"),
        cmd_create_key("testkey1", PROJECT, "test"), cmd_create_key("foreign1", FOREIGN, "live"), cmd_top_up("topup:1", "live", START),
        cmd_top_up("topup:2", "test", START),
    };
    struct outcome out[sizeof start / sizeof *start];
    seat_batch(&b->a, start, sizeof start / sizeof *start, out);
    for (size_t i = 0; i < sizeof start / sizeof *start; i++) assert_int_equal(out[i].code, OK);
}

struct slot {
    struct outcome *out;
    int calls;
};

static void came(void *arg, const struct outcome *o) {
    struct slot *s = arg;
    *s->out = *o;
    s->calls++;
}

void seat_batch(struct seat *s, const struct command *c, size_t n, struct outcome *out) {
    struct slot *slots = calloc(n, sizeof *slots);
    assert_non_null(slots);
    for (size_t i = 0; i < n; i++) {
        slots[i].out = &out[i];
        assert_int_equal(committer_submit(s->c, &c[i], came, &slots[i]), OK);
    }
    while (committer_step(s->c)) {}
    for (size_t i = 0; i < n; i++) assert_int_equal(slots[i].calls, 0); /* nothing before the drain */
    committer_drain(s->c);
    for (size_t i = 0; i < n; i++) assert_int_equal(slots[i].calls, 1);
    free(slots);
}

struct outcome seat_run(struct seat *s, struct command c) {
    seat_batch(s, &c, 1, &s->last);
    return s->last;
}

struct outcome seat_ok(struct seat *s, struct command c) {
    struct outcome o = seat_run(s, c);
    if (o.code) fail_msg("%s: %s: %s", command_name(c.kind), err_name(o.code), why_text(&o.why));
    return o;
}

void seat_bring(struct seat *s, const char *where) {
    static const char *const steps[] = {"opened", "sending", "accepted", "result", "completed"};
    seat_ok(s, cmd_submit(GEN));
    if (!strcmp(where, "pending")) return;
    seat_ok(s, cmd_claim("fal", 1));
    int target = 0;
    while (target < 5 && strcmp(where, steps[target])) target++;
    if (!strcmp(where, "unresolved") || !strcmp(where, "cancelling")) target = 1;
    assert_true(target < 5);
    if (target >= 1) seat_ok(s, cmd_step(CMD_SENDING, 1));
    if (!strcmp(where, "unresolved")) seat_ok(s, cmd_step(CMD_UNRESOLVED, 1));
    if (!strcmp(where, "cancelling")) seat_ok(s, cmd_cancel(PROJECT));
    if (target >= 2) seat_ok(s, cmd_step(CMD_ACCEPTED, 1));
    if (target >= 3) seat_ok(s, cmd_step(CMD_RESULT_SEEN, 1));
    if (target >= 4) seat_ok(s, cmd_settle(1, 2));
}

const void *bench_get(struct bench *b, enum rec_type type, const char *id) {
    const struct rec_head *r = NULL;
    err e = query_record(b->db, (struct rec_key){type, str_of(id)}, &b->arena, &r);
    if (e && e != E_NOT_FOUND) fail_msg("%s", b->db->why.detail);
    return r;
}

struct audit bench_audit(struct bench *b) {
    struct audit a = {};
    if (query_audit(b->db, &b->arena, &a)) fail_msg("audit: %s", b->db->why.detail);
    return a;
}

void bench_sound(struct bench *b) {
    struct audit a = bench_audit(b);
    if (a.findings) fail_msg("%.*s", STR_ARG(a.text));
    assert_int_equal(a.sum_micros, 0);
}

void bench_sql(struct bench *b, const char *sql) {
    struct db *db = b->a.store->admin;
    if (db->ops->script(db, sql)) fail_msg("%s: %s", sql, db->why.detail);
}
