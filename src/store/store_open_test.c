/* Opening: what a person may have done to the folder or the database, and the sentence that answers. And a disk that fills up. */
#include "store/testbed.h"

#include "base/limits.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static enum engine engine;

static int setup(void **state) {
    struct bench *b = calloc(1, sizeof *b);
    bench_fresh(b, engine);
    *state = b;
    return 0;
}

static int teardown(void **state) {
    bench_close(*state);
    free(*state);
    return 0;
}

static err try_open(struct bench *b, bool create, bool folder, struct why *why) {
    struct store *s = NULL;
    *why = (struct why){};
    err e = store_open(&(struct store_options){.url = b->url, .create = create, .folder = folder ? b->folder : NULL}, why, &s);
    if (e && !why->detail[0]) fail_msg("%s without a sentence", err_name(e));
    if (e) assert_true(why->detail[strlen(why->detail) - 1] == '.' || strstr(why->detail, "puras") || strstr(why->detail, "does not answer"));
    store_close(s);
    return e;
}

static void write_file(const char *folder, const char *name, const void *p, size_t n) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && write(fd, p, n) == (ssize_t)n);
    close(fd);
}

static void opens_again(void **state) {
    struct bench *b = *state;
    struct why why;
    assert_int_equal(try_open(b, true, true, &why), OK);
    assert_int_equal(try_open(b, true, true, &why), OK);
    assert_int_equal(try_open(b, false, true, &why), OK);
}

static void absent_is_not_made_unasked(void **state) {
    struct why why;
    assert_int_equal(try_open(*state, false, true, &why), E_NOT_FOUND);
}

static void second_server_is_turned_away(void **state) {
    struct bench *b = *state;
    struct why why;
    struct store *s;
    assert_int_equal(store_open(&(struct store_options){.url = b->url, .create = true, .folder = b->folder}, &why, &s), OK);
    assert_int_equal(try_open(b, true, true, &why), E_CONFLICT);
    assert_non_null(strstr(why.detail, "Another puras server"));
    store_close(s);
    assert_int_equal(try_open(b, true, true, &why), OK);
}

/* The next server of a folder goes on under the name of the last one, whose fence fails from then on; without the folder's lock it may not. */
static void a_restart_keeps_the_name(void **state) {
    struct bench *b = *state;
    struct store *s;
    struct why why = {};
    struct node_view first, again, other;
    struct store_options o = {.url = b->url, .create = true, .folder = b->folder};
    assert_int_equal(store_open(&o, &why, &s), OK);
    assert_int_equal(store_node_resume(s, STR("one"), &why, &first), OK);
    assert_string_equal(first.id, "one");
    store_close(s);
    assert_int_equal(store_open(&o, &why, &s), OK);
    assert_int_equal(store_node_resume(s, STR("two"), &why, &again), OK);
    assert_string_equal(again.id, "one");
    assert_int_equal(again.epoch, first.epoch + 1);
    assert_int_equal(store_node_beat(s, &first, NULL), E_FENCED);
    assert_int_equal(store_node_beat(s, &again, NULL), OK);
    store_close(s);
    o.folder = NULL;
    assert_int_equal(store_open(&o, &why, &s), OK);
    assert_int_equal(store_node_resume(s, STR("two"), &why, &other), OK);
    assert_string_equal(other.id, "two");
    store_close(s);
}

static void newer_database_is_left_alone(void **state) {
    struct bench *b = *state;
    struct why why;
    bench_open(b);
    bench_sql(b, "insert into schema_version (id, applied_at) values (1000, 0)");
    db_close(b->db);
    b->db = NULL;
    seat_close(&b->a);
    assert_int_equal(try_open(b, true, true, &why), E_NEWER);
    assert_non_null(strstr(why.detail, "newer puras"));
}

/* The migration ran and the note of it was lost in a crash: it runs again without harm. */
static void migration_without_its_note_runs_again(void **state) {
    struct bench *b = *state;
    struct why why;
    bench_ready(b);
    bench_sql(b, "delete from schema_version");
    assert_int_equal(try_open(b, true, false, &why), OK);
    assert_int_equal(BENCH_GET(b, account, PROJECT "/live")->available, START);
}

/* --- a database that an older version made --- */

#define GEN_0001                                                                                                                   \
    "insert into generation (id, version, project, book, key, seq, model, kind, catalog, state, step, inputs, output_path, price_from, " \
    "price_rate, price_unit, price_quantity, price_fixed, price_outputs, if_unmeasured, price_row, quoted_micros, hold_micros, "      \
    "billed_micros, created_at, started_at, finished_at, deadline_at, waits_until, node, attempts, events, outputs, needs, cancel_at, " \
    "error_code, error_detail, result) values ('%s', 3, '" PROJECT "', 'live', 'livekey1', %d, 'a/x', 'image', 'v1', '%s', '', '{}', '', " \
    "'call', 100, 1, 1, 0, 1, 0, '{}', 100, %d, %d, 5, 0, %d, 0, 0, '', 0, 0, 0, 0, 0, '', '', '')"
#define TRANSFER_0001 "insert into transfer (id, version, project, book, seq, generation, purpose, debit, credit, amount, created_at, author, reason) values "

/* As an older program has it open: nothing is migrated. */
static struct db *old_open(struct bench *b, struct store *old) {
    struct why why = {};
    struct db *db;
    *old = (struct store){.sqlite = engine == ENGINE_SQLITE, .url = b->url, .path = engine == ENGINE_SQLITE ? b->url + 7 : NULL, .lock_fd = -1};
    pthread_mutex_init(&old->write_lock, NULL);
    assert_int_equal(db_open(old, true, &why, &db), OK);
    return db;
}

static void old_close(struct store *old, struct db *db) {
    db_close(db);
    pthread_mutex_destroy(&old->write_lock);
}

static void old_sql(struct db *db, const char *sql) {
    if (db->ops->script(db, sql)) fail_msg("%s: %s", sql, db->why.detail);
}

/* The first migration alone, and the books of a project with a call that is done and one that waits. */
static void make_0001(struct bench *b) {
    struct store old;
    struct why why = {};
    struct db *db = old_open(b, &old);
    char done[2000], waits[2000];
    int64_t version;
    assert_int_equal(store_migrate_to(db, 1, &why), OK);
    snprintf(done, sizeof done, GEN_0001, GEN, 1, "completed", 0, 100, 9);
    snprintf(waits, sizeof waits, GEN_0001, GEN2, 2, "pending", 100, 0, 0);
    const char *const rows[] = {
        "insert into project (id, version, name, created_at, seq, usage_seq, pending, running, run_limit, drive_bytes, drive_reserved, drive_limit) "
        "values ('" PROJECT "', 4, 'old', 1, 2, 1, 1, 0, 3, 0, 0, 0)",
        "insert into account (id, version, project, book, available, held, seq) values ('" PROJECT "/live', 5, '" PROJECT "', 'live', 800, 100, 4)",
        "insert into api_key (id, version, project, kind, hash, name, created_at, revoked_at) values ('livekey1', 1, '" PROJECT "', 'live', 'hash', 'old', 1, 0)",
        done, waits,
        TRANSFER_0001 "('topup:1', 1, '" PROJECT "', 'live', 1, '', 'top_up', 'platform/live/top_ups', '" PROJECT "/live/available', 1000, 1, 'ann', '')",
        TRANSFER_0001 "('" GEN ":hold', 1, '" PROJECT "', 'live', 2, '" GEN "', 'hold', '" PROJECT "/live/available', '" PROJECT "/live/held', 100, 1, '', '')",
        TRANSFER_0001 "('" GEN ":capture', 1, '" PROJECT "', 'live', 3, '" GEN "', 'capture', '" PROJECT "/live/held', 'platform/live/revenue', 100, 1, '', '')",
        TRANSFER_0001 "('" GEN2 ":hold', 1, '" PROJECT "', 'live', 4, '" GEN2 "', 'hold', '" PROJECT "/live/available', '" PROJECT "/live/held', 100, 1, '', '')",
        "insert into usage_event (id, version, project, book, seq, key, model, kind, provider, billed_micros, cost_micros, unit, quantity, price_row, created_at) "
        "values ('" GEN "', 1, '" PROJECT "', 'live', 1, 'livekey1', 'a/x', 'image', 'local', 100, 0, 'call', 1, '{}', 9)",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) old_sql(db, rows[i]);
    assert_int_equal(store_schema_version(db, &version), OK);
    assert_int_equal(version, 1);
    assert_int_not_equal(db->ops->script(db, "select metadata from generation"), OK); /* it is an old one indeed */
    old_close(&old, db);
}

static void rows_are_kept(struct bench *b) {
    int64_t version;
    assert_int_equal(store_schema_version(b->a.store->admin, &version), OK);
    int64_t newest = 0;
    for (const struct migration *m = store_migrations; m->number; m++) newest = m->number;
    assert_int_equal(version, newest);
    const struct generation *g = BENCH_GET(b, generation, GEN);
    assert_true(g->head.version == 3 && g->billed_micros == 100 && str_empty(g->metadata) && !g->model_limit);
    const struct api_key *k = BENCH_GET(b, api_key, "livekey1");
    assert_true(str_is(k->name, "old") && str_empty(k->scopes) && !k->expires_at && !k->day_cap);
    assert_true(BENCH_GET(b, project, PROJECT)->run_limit == 3 && !BENCH_GET(b, project, PROJECT)->retention_days);
    assert_true(str_empty(BENCH_GET(b, usage_event, GEN)->end_user));
    bench_sound(b);
}

static void older_database_is_brought_forward(void **state) {
    struct bench *b = *state;
    make_0001(b);
    bench_open(b);
    rows_are_kept(b);
    struct command cancel = cmd_cancel(PROJECT), key = cmd_create_key("capped01", PROJECT, "live"), c = cmd_submit("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
    cancel.cancel.generation = STR(GEN2);
    seat_ok(&b->a, cancel);
    key.create_key.day_cap = 900;
    seat_ok(&b->a, key);
    c.submit.key = STR("capped01");
    c.submit.quote.amount = 900;
    c.submit.model_limit = 1;
    c.submit.node = STR(NODE);
    c.submit.provider = STR("local");
    c.submit.needs_bytes = 0;
    seat_ok(&b->a, c);
    assert_int_equal(BENCH_GET(b, model_load, "puras/sketch")->running, 1);
    assert_int_equal(BENCH_GET(b, account, PROJECT "/live")->available, 0);
    bench_sound(b);
}

/* The later migrations ran, whole or in part, and its note was lost. */
static void later_migrations_without_their_note_run_again(void **state) {
    static const char *const undone[] = {NULL, "drop table secret", "alter table generation drop column trace", "drop index usage_event_time",
                                         "alter table generation drop column metadata", "drop table key_day", "drop table pause"};
    for (size_t i = 0; i < sizeof undone / sizeof *undone; i++) {
        struct bench b;
        bench_fresh(&b, engine);
        make_0001(&b);
        bench_open(&b);
        db_close(b.db);
        b.db = NULL;
        bench_sql(&b, "delete from schema_version where id >= 2");
        if (undone[i]) bench_sql(&b, undone[i]);
        assert_int_equal(store_node_stop(b.a.store, &b.a.node), OK);
        seat_close(&b.a);
        bench_open(&b);
        rows_are_kept(&b);
        seat_ok(&b.a, cmd_top_up("topup:7", "live", 7));
        bench_close(&b);
    }
}

/* --- files that were made when the two books of a project had one drive --- */

enum { OLD_FILES = 450 }; /* more than are brought forward at once */

/* Of three files one is live, of 10 bytes each. One more of each book is deleted, and one of each was replaced at its path. A live call waits, and a test call. */
static void make_one_drive(struct bench *b) {
    struct store old;
    struct db *db = old_open(b, &old);
    struct buf sql = {};
    buf_printf(&sql, GEN_0001 ";", "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", 3, "pending", 100, 0, 0);
    buf_z(&sql, "update generation set needs = 100 where seq = 3; update generation set book = 'test', needs = 200 where id = '" GEN2 "';"
                "update project set drive_bytes = 4520, drive_reserved = 300");
    for (int i = 0; i < OLD_FILES + 4; i++) {
        const char *generation = i % 3 ? GEN2 : i % 2 ? "" : GEN;
        bool deleted = i >= OLD_FILES && i < OLD_FILES + 2, replaced = i >= OLD_FILES + 2;
        char path[40] = "";
        if (!replaced) snprintf(path, sizeof path, "f/%d.png", i);
        buf_printf(&sql, "; insert into asset (id, version, project, generation, n, path, blob, bytes, sha256, type, kind, facts, created_at, deleted_at) values "
                   "('%032d', 1, '" PROJECT "', '%s', 1, '%s', 'b', 10, '', 'image/png', 'image', '{}', 1, %d)", i, generation, path, deleted);
        if (replaced) continue;
        buf_printf(&sql, "; insert into drive_path (id, version, project, path, asset, updated_at) values ('" PROJECT "/%s', 1, '" PROJECT "', '%s', '", path, path);
        if (!deleted) buf_printf(&sql, "%032d", i);
        buf_z(&sql, "', 1)");
    }
    buf_c(&sql, 0);
    old_sql(db, sql.ptr);
    buf_done(&sql);
    old_close(&old, db);
}

static void old_files_go_to_the_drive_of_their_book(void **state) {
    struct bench *b = *state;
    make_0001(b);
    make_one_drive(b);
    bench_open(b);
    for (int again = 0; again < 2; again++) {
        for (int i = 0; i < OLD_FILES + 4; i++) {
            const struct asset *a = NULL;
            assert_int_equal(QUERY_RECORD(b->db, asset, arena_printf(&b->arena, "%032d", i), &b->arena, &a), OK);
            if (!str_is(a->book, i % 3 ? "test" : "live")) fail_msg("file %d is of the book %.*s", i, STR_ARG(a->book));
        }
        const struct asset **rows;
        size_t live, test;
        assert_int_equal(query_drive(b->db, (struct drive_spot){STR(PROJECT), STR("live"), STR("")}, STR(""), 1000, &b->arena, &rows, &live), OK);
        assert_int_equal(query_drive(b->db, (struct drive_spot){STR(PROJECT), STR("test"), STR("")}, STR(""), 1000, &b->arena, &rows, &test), OK);
        assert_true(live == 150 && test == 300);
        const struct project *p = BENCH_GET(b, project, PROJECT);
        if (p->drive_bytes != 1510 || p->test_drive_bytes != 3010) fail_msg("%lld and %lld bytes", (long long)p->drive_bytes, (long long)p->test_drive_bytes);
        assert_true(p->drive_reserved == 100 && p->test_drive_reserved == 200);
        struct str found = bench_audit(b).text; /* the rows' money is not what it should be */
        if (memmem(found.ptr, found.len, "drive", 5) || memmem(found.ptr, found.len, "asset", 5)) fail_msg("%.*s", STR_ARG(found));
        if (again) break;
        db_close(b->db); /* the note was lost, or a crash fell between two pieces: what is done stays done */
        b->db = NULL;
        bench_sql(b, "delete from schema_version where id >= 10");
        assert_int_equal(store_node_stop(b->a.store, &b->a.node), OK);
        seat_close(&b->a);
        bench_open(b);
    }
}

/* The columns that later migrations bring are not there yet when old files are moved. */
static void old_files_are_moved_by_the_columns_of_then(void **state) {
    struct bench *b = *state;
    struct store old;
    struct why why = {};
    struct sql_rows rows;
    make_0001(b);
    struct db *db = old_open(b, &old);
    assert_int_equal(store_migrate_to(db, 10, &why), OK);
    make_one_drive(b);
    old_sql(db, "alter table asset rename column facts to later");
    assert_int_equal(store_fill_drives(db), OK);
    assert_int_equal(db_run(db, "select id from asset where book = 'test'", NULL, 0, &b->arena, &rows, NULL), OK);
    assert_int_equal(rows.n, (OLD_FILES + 4) / 3 * 2);
    old_close(&old, db);
}

/* An older program ran once more after a crash in the middle: its newer file takes the path from one that was moved before. */
static void an_old_path_is_taken_twice(void **state) {
    struct bench *b = *state;
    make_0001(b);
    make_one_drive(b);
    bench_open(b);
    const char *newer = "00000000000000000000000000009999", *older = "00000000000000000000000000000001";
    bench_sql(b, arena_printf(&b->arena, "insert into asset (id, version, project, generation, n, path, blob, bytes, sha256, type, kind, facts, created_at, deleted_at) values "
                              "('%s', 1, '" PROJECT "', '" GEN2 "', 1, 'f/1.png', 'b', 10, '', 'image/png', 'image', '{}', 2, 0); "
                              "insert into drive_path (id, version, project, path, asset, updated_at) values ('" PROJECT "/f/1.png', 1, '" PROJECT "', 'f/1.png', '%s', 2); "
                              "update project set drive_bytes = drive_bytes + 10", newer, newer).ptr);
    assert_int_equal(store_fill_drives(b->a.store->admin), OK);
    const struct drive_path *path = BENCH_GET(b, drive_path, PROJECT ":test/f/1.png");
    assert_true(path && str_is(path->asset, newer));
    assert_true(str_is(BENCH_GET(b, asset, newer)->book, "test") && str_empty(BENCH_GET(b, asset, older)->path));
    assert_true(BENCH_GET(b, project, PROJECT)->test_drive_bytes == 3020 && BENCH_GET(b, project, PROJECT)->drive_bytes == 1510);
}

static void *fill(void *arg) {
    struct db *db = arg;
    return store_fill_drives(db) ? db : NULL;
}

/* Until somebody's statement waits for a lock. */
static void somebody_waits(struct bench *b, struct db *db) {
    for (int i = 0; i < 500; i++) {
        struct sql_rows rows;
        assert_int_equal(db_run(db, "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()", NULL, 0, &b->arena, &rows, NULL), OK);
        if (rows.n) return;
        poll(NULL, 0, 10);
    }
    fail_msg("nobody waits for a lock");
}

/* Two nodes start at once: one has brought the rows forward and serves, the other still does it. What the one commits between two statements of the
 * other is counted once. */
static void rows_are_brought_forward_beside_a_node_that_serves(void **state) {
    static const char *const theirs[] = {
        /* a test call ends; a file is deleted */
        "update project set test_drive_reserved = 0, version = version + 1; update generation set state = 'failed'",
        "update project set drive_bytes = 0, version = version + 1; update asset set deleted_at = 9, version = version + 1",
    };
    struct bench *b = *state;
    struct store other;
    bench_ready(b);
    struct db *db = old_open(b, &other);
    struct command call = cmd_submit(GEN);
    call.submit.key = STR("testkey1"), call.submit.book = STR("test");
    seat_ok(&b->a, call);
    for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++) {
        pthread_t thread;
        void *failed;
        if (i)
            bench_sql(b, "insert into asset (id, version, project, generation, n, path, blob, bytes, sha256, type, kind, facts, created_at, deleted_at) values "
                         "('a1', 1, '" PROJECT "', '" GEN "', 1, '', 'b', 10, '', 'image/png', 'image', '{}', 1, 0); update project set drive_bytes = 10 where id = '" PROJECT "'");
        PGconn *node = PQconnectdb(b->url);
        PQclear(PQexec(node, "begin"));
        PGresult *res = PQexec(node, theirs[i]);
        assert_int_equal(PQresultStatus(res), PGRES_COMMAND_OK);
        PQclear(res);
        assert_int_equal(pthread_create(&thread, NULL, fill, db), 0);
        somebody_waits(b, b->db);
        PQclear(PQexec(node, "commit"));
        PQfinish(node);
        pthread_join(thread, &failed);
        assert_null(failed);
        const struct project *p = BENCH_GET(b, project, PROJECT);
        if (p->drive_reserved || p->test_drive_reserved) fail_msg("%lld and %lld bytes are reserved", (long long)p->drive_reserved, (long long)p->test_drive_reserved);
        if (p->drive_bytes || p->test_drive_bytes) fail_msg("%lld and %lld bytes are stored", (long long)p->drive_bytes, (long long)p->test_drive_bytes);
    }
    old_close(&other, db);
}

/* Nobody changes tables under a node that serves with an older program; one that was stopped, or is not heard of any more, is no obstacle, and neither is
 * one that the folder's lock proves dead. */
static void older_nodes_have_to_be_stopped(void **state) {
    enum { SERVES, SILENT, STOPPED, CASES };
    struct bench *b = *state;
    struct why why;
    bench_open(b);
    for (int i = 0; i < CASES; i++) {
        int64_t version;
        bench_sql(b, "delete from schema_version where id > 10");
        assert_int_equal(store_node_beat(b->a.store, &b->a.node, NULL), OK);
        if (i == SILENT && engine == ENGINE_POSTGRES) bench_sql(b, "update beat set at = at - 15000");
        if (i == STOPPED) assert_int_equal(store_node_stop(b->a.store, &b->a.node), OK);
        assert_int_equal(try_open(b, true, i == SILENT, &why), i == SERVES ? E_CONFLICT : OK);
        if (i == SERVES) assert_non_null(strstr(why.detail, "older programs still serve on the database: node " NODE ". Stop all nodes"));
        assert_int_equal(store_schema_version(b->a.store->admin, &version), OK);
        assert_true((version == 10) == (i == SERVES));
    }
}

static void foreign_tables_are_left_alone(void **state) {
    struct bench *b = *state;
    struct why why;
    bench_open(b);
    bench_sql(b, "drop table schema_version");
    assert_int_equal(try_open(b, true, false, &why), E_CORRUPT);
    assert_non_null(strstr(why.detail, "another program"));
}

static void missing_column_is_noticed(void **state) {
    struct bench *b = *state;
    struct why why;
    bench_open(b);
    bench_sql(b, "alter table asset rename column facts to fiction");
    assert_int_equal(try_open(b, true, false, &why), E_CORRUPT);
}

static void odd_urls(void **state) {
    static const char *const urls[] = {"", "sqlite:", "mysql://x", "puras.db", "postgres:/x"};
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct why why;
        snprintf(b->url, sizeof b->url, "%s", urls[i]);
        assert_int_equal(try_open(b, true, false, &why), E_INVALID);
    }
}

/* --- SQLite --- */

static void damaged_files(void **state) {
    struct bench *b = *state;
    struct why why;
    char text[5000];
    memset(text, 'x', sizeof text);
    write_file(b->folder, "puras.db", text, sizeof text); /* anything */
    assert_int_equal(try_open(b, true, true, &why), E_CORRUPT);
    memcpy(text, "SQLite format 3", 16); /* the right beginning, nothing behind it */
    write_file(b->folder, "puras.db", text, sizeof text);
    assert_int_equal(try_open(b, true, true, &why), E_CORRUPT);
    write_file(b->folder, "puras.db", text, 40); /* cut off */
    assert_int_equal(try_open(b, true, true, &why), E_CORRUPT);
    write_file(b->folder, "puras.db", text, 0); /* an empty file is a new database */
    assert_int_equal(try_open(b, false, true, &why), E_CORRUPT);
    assert_int_equal(try_open(b, true, true, &why), OK);
    char path[128], page[4096];
    snprintf(path, sizeof path, "%s/puras.db", b->folder); /* pages overwritten in the middle */
    memset(page, 0xa5, sizeof page);
    int fd = open(path, O_WRONLY);
    for (int i = 2; i < 6; i++) assert_int_equal(pwrite(fd, page, sizeof page, 4096 * i), sizeof page);
    close(fd);
    assert_int_equal(try_open(b, true, true, &why), E_CORRUPT);
}

static void database_of_another_program(void **state) {
    struct bench *b = *state;
    struct why why;
    sqlite3 *h;
    assert_int_equal(sqlite3_open(b->url + 7, &h), SQLITE_OK);
    assert_int_equal(sqlite3_exec(h, "create table songs (title)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(h);
    assert_int_equal(try_open(b, true, true, &why), E_CORRUPT);
    assert_non_null(strstr(why.detail, "another program"));
}

/* As somebody who may not write: root may, so the attempt is made by nobody. */
static void read_only_folder(void **state) {
    struct bench *b = *state;
    struct why why;
    assert_int_equal(try_open(b, true, true, &why), OK);
    for (int what = 0; what < 2; what++) { /* the folder with its lock; the database alone */
        pid_t child = fork();
        if (!child) {
            if (!getuid() && setuid(65534)) _exit(9);
            struct store *s;
            struct why w = {};
            err e = store_open(&(struct store_options){.url = b->url, .create = true, .folder = what ? NULL : b->folder}, &w, &s);
            _exit(e == E_IO && strstr(w.detail, "ermission") ? 0 : 1);
        }
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        char path[128];
        snprintf(path, sizeof path, "%s/puras.db", b->folder);
        assert_int_equal(chmod(b->folder, 0755) + chmod(path, 0444), 0);
    }
}

/* A database that may not grow: SQLite itself says that it is full, the reserve is given up, running work ends. */
static void full_database(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    seat_bring(&b->a, "result");
    struct store *s = b->a.store;
    s->folder = strdup(b->folder);
    s->reserve_bytes = 1 << 20;
    assert_int_equal(reserve_make(s), OK);
    char reserve[128];
    snprintf(reserve, sizeof reserve, "%s/reserve", b->folder);
    assert_int_equal(access(reserve, F_OK), 0);
    struct db *db = b->a.c->db;
    struct sql_rows rows;
    assert_int_equal(db_run(db, "pragma max_page_count = 1", NULL, 0, &b->arena, &rows, NULL), OK); /* no page more than it has */
    s->reserve_bytes = INT64_MAX / 2; /* while this is asked for, there is no room for it */
    enum { N = 200 };
    char text[40000];
    memset(text, 'x', sizeof text);
    struct command c[N + 1];
    struct outcome out[N + 1];
    for (int i = 0; i < N; i++) {
        c[i] = cmd_submit(arena_printf(&b->arena, "%032x", i + 1).ptr);
        c[i].submit.needs_bytes = 0;
        c[i].submit.inputs = str_n(text, sizeof text);
    }
    c[N] = cmd_top_up("topup:7", "live", 7); /* needs no new page */
    seat_batch(&b->a, c, N + 1, out);
    for (int i = 0; i < N; i++) assert_int_equal(out[i].code, E_STORAGE_FULL);
    assert_non_null(strstr(out[0].why.detail, "full"));
    assert_int_equal(out[N].code, OK);
    assert_true(committer_stats(b->a.c).storage_full);
    assert_int_equal(committer_submit(b->a.c, &c[0], NULL, NULL), E_STORAGE_FULL);
    assert_int_not_equal(access(reserve, F_OK), 0);
    assert_int_equal(BENCH_GET(b, project, PROJECT)->seq, 1);
    bench_sound(b);
    /* space again: the reserve is back, new work is taken */
    assert_int_equal(db_run(db, "pragma max_page_count = 1000000", NULL, 0, &b->arena, &rows, NULL), OK);
    committer_step(b->a.c);
    assert_true(committer_stats(b->a.c).storage_full);
    s->reserve_bytes = 1 << 20;
    committer_step(b->a.c);
    assert_false(committer_stats(b->a.c).storage_full);
    assert_int_equal(access(reserve, F_OK), 0);
    seat_ok(&b->a, c[0]);
    seat_ok(&b->a, cmd_settle(1, 1));
    bench_sound(b);
}

static void checkpoints_keep_the_log_short(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    char text[60000], path[128];
    memset(text, 'x', sizeof text);
    snprintf(path, sizeof path, "%s/puras.db-wal", b->folder);
    struct stat st;
    off_t longest = 0;
    for (int i = 0; i < 60; i++) {
        struct command c[20];
        struct outcome out[20];
        for (int k = 0; k < 20; k++) {
            c[k] = cmd_submit(arena_printf(&b->arena, "%032x", i * 20 + k + 1).ptr);
            c[k].submit.needs_bytes = 0;
            c[k].submit.quote.amount = 1;
            c[k].submit.inputs = str_n(text, sizeof text);
        }
        seat_batch(&b->a, c, 20, out);
        assert_int_equal(stat(path, &st), 0);
        if (st.st_size > longest) longest = st.st_size;
    }
    assert_true(longest > 8 << 20 && longest < 40 << 20); /* 72 MB were written */
    bench_sound(b);
}

/* --- PostgreSQL --- */

static void wrong_encoding_is_refused(void **state) {
    struct bench *b = *state;
    struct why why;
    PGconn *conn = PQconnectdb(getenv("PURAS_TEST_PG"));
    PQclear(PQexec(conn, "create database latin encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0"));
    char url[1024];
    snprintf(url, sizeof url, "postgresql://puras@/latin?host=%s", PQhost(conn));
    PQfinish(conn);
    snprintf(b->url, sizeof b->url, "%s", url);
    assert_int_equal(try_open(b, true, false, &why), E_INVALID);
    assert_non_null(strstr(why.detail, "UTF8"));
}

/* A session's bound on statements is for batches: a migration may have a large index to build, and then rows to bring forward. */
static void migrations_take_their_time(void **state) {
    static const char slow[] = "select pg_sleep(0.2)";
    struct bench *b = *state;
    bench_open(b);
    struct db *db = b->a.store->admin;
    bench_sql(b, "set statement_timeout = 50");
    bench_sql(b, slow);
    assert_int_equal(db->ops->begin(db, DB_MIGRATE, NULL), OK);
    assert_int_equal(db_run(db, slow, NULL, 0, NULL, NULL, NULL), OK);
    assert_int_equal(db->ops->commit(db), OK);
    assert_int_equal(db->ops->begin(db, DB_WRITE, NULL), OK);
    assert_int_equal(db_run(db, slow, NULL, 0, NULL, NULL, NULL), E_STALE);
    db->ops->rollback(db);
}

static void *migrate(void *arg) {
    struct db *db = arg;
    struct why why = {};
    return store_migrate_to(db, 2, &why) ? db : NULL;
}

/* Two nodes that start at once do not change the tables beside each other. */
static void one_node_changes_the_tables(void **state) {
    struct bench *b = *state;
    struct store first, second;
    pthread_t thread;
    void *failed;
    int64_t version;
    make_0001(b);
    struct db *one = old_open(b, &first), *two = old_open(b, &second);
    assert_int_equal(one->ops->begin(one, DB_MIGRATE, NULL), OK);
    assert_int_equal(db_run(one, "select id from schema_version for update", NULL, 0, NULL, NULL, NULL), OK); /* as in the midst of a script */
    assert_int_equal(pthread_create(&thread, NULL, migrate, two), 0);
    somebody_waits(b, one);
    assert_int_equal(one->ops->commit(one), OK);
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_int_equal(store_schema_version(one, &version), OK);
    assert_int_equal(version, 2);
    old_close(&first, one);
    old_close(&second, two);
}

static void nobody_answers(void **state) {
    struct bench *b = *state;
    struct why why;
    snprintf(b->url, sizeof b->url, "postgresql://puras@/puras?host=%s", b->folder);
    assert_int_equal(try_open(b, true, false, &why), E_UNAVAILABLE);
}

/* Order of ids is order of bytes, whatever the database's own collation. */
static void ids_sort_by_bytes(void **state) {
    struct bench *b = *state;
    bench_open(b);
    struct sql_rows rows;
    assert_int_equal(db_run(b->db, "select count(*) from information_schema.columns where table_schema = current_schema() and column_name = 'id' "
                            "and data_type = 'text' and coalesce(collation_name, '') <> 'C'", NULL, 0, &b->arena, &rows, NULL), OK);
    assert_int_equal(sql_row(&rows, 0)->i, 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
int main(void) {
    const struct CMUnitTest sqlite_tests[] = {
        T(opens_again), T(absent_is_not_made_unasked), T(second_server_is_turned_away), T(a_restart_keeps_the_name), T(newer_database_is_left_alone),
        T(migration_without_its_note_runs_again), T(older_database_is_brought_forward), T(later_migrations_without_their_note_run_again), T(old_files_go_to_the_drive_of_their_book),
        T(old_files_are_moved_by_the_columns_of_then), T(an_old_path_is_taken_twice), T(older_nodes_have_to_be_stopped), T(foreign_tables_are_left_alone), T(missing_column_is_noticed), T(odd_urls),
        T(damaged_files), T(database_of_another_program), T(read_only_folder), T(full_database), T(checkpoints_keep_the_log_short),
    };
    const struct CMUnitTest postgres_tests[] = {
        T(opens_again), T(absent_is_not_made_unasked), T(second_server_is_turned_away), T(newer_database_is_left_alone),
        T(migration_without_its_note_runs_again), T(older_database_is_brought_forward), T(later_migrations_without_their_note_run_again), T(old_files_go_to_the_drive_of_their_book),
        T(old_files_are_moved_by_the_columns_of_then), T(an_old_path_is_taken_twice), T(older_nodes_have_to_be_stopped), T(foreign_tables_are_left_alone), T(missing_column_is_noticed),
        T(rows_are_brought_forward_beside_a_node_that_serves), T(wrong_encoding_is_refused), T(migrations_take_their_time), T(one_node_changes_the_tables), T(nobody_answers), T(ids_sort_by_bytes),
    };
    int failed = 0;
    engine = ENGINE_SQLITE;
    failed += cmocka_run_group_tests_name("opening SQLite", sqlite_tests, NULL, NULL);
    engine = ENGINE_POSTGRES;
    failed += cmocka_run_group_tests_name("opening PostgreSQL", postgres_tests, NULL, NULL);
    return failed;
}
