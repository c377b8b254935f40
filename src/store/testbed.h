/* An empty database of either engine for one test, and a committer without a thread on it. Linked into tests only. PostgreSQL is
 * reached through PURAS_TEST_PG (tests/with_pg.sh sets it); PURAS_TEST_PG_ISOLATION, when set, is its default isolation.
 * Making the tables takes PostgreSQL longer than most tests take, so a schema that a test gave back whole is emptied and used again. */
#pragma once
#include "core/fixture.h"
#include "store/committer.h"
#include "store/query.h"

enum engine { ENGINE_SQLITE, ENGINE_POSTGRES };

struct seat { /* one server: a store, its node, its committer */
    struct store *store;
    struct node_view node;
    struct committer *c;
    int published, done, fatal;
    err fatal_code;
    struct outcome last;
};

struct bench {
    enum engine engine;
    char folder[64];
    char url[1024];
    int schema; /* PostgreSQL's; 0: SQLite, or not to be used again */
    msec now;
    struct seat a;
    struct db *db; /* a read connection */
    struct arena arena;
};

void bench_make(struct bench *b, enum engine e);  /* nothing is opened yet */
void bench_fresh(struct bench *b, enum engine e); /* the same without a table in it, for tests of opening, and of schemas they change */
void bench_open(struct bench *b);  /* with the node NODE in seat a, and a read connection */
void bench_ready(struct bench *b); /* and two projects, keys and credit, as bed_ready has them */
void bench_close(struct bench *b);

void seat_open(struct bench *b, struct seat *s, const char *url, const char *node, bool threaded);
void seat_close(struct seat *s);
/* Submits, steps until nothing waits, drains; fails the test unless done was called once for each. */
void seat_batch(struct seat *s, const struct command *c, size_t n, struct outcome *out);
struct outcome seat_run(struct seat *s, struct command c);
struct outcome seat_ok(struct seat *s, struct command c);
void seat_bring(struct seat *s, const char *where); /* like bed_bring */

const void *bench_get(struct bench *b, enum rec_type type, const char *id); /* NULL: absent */
#define BENCH_GET(b, name, id) ((const struct name *)bench_get((b), REC_##name, (id)))
struct audit bench_audit(struct bench *b);
void bench_sound(struct bench *b); /* the audit finds nothing */
/* Runs a statement as nobody should. */
void bench_sql(struct bench *b, const char *sql);
