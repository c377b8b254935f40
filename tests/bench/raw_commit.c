/* The yardstick of durable submits: a bare loop on SQLite that writes what one submit writes (the same tables, indexes, columns,
 * widths, log mode and batches), and reads, decides and answers nothing.
 *
 *   raw_commit FILE BATCH SECONDS [ROWS]  makes FILE; BATCH submits per transaction; at most ROWS submits
 *   raw_commit --flush FILE SECONDS       4 KB appended and synced, over and over: what a flush costs here
 *
 * Prints one line of JSON. The schema comes from the store itself, so it cannot drift from the server's. */
#include "base/err.h"
#include "base/hash.h"
#include "store/store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHECKPOINT_PAGES = 4000, SAMPLES_MAX = 4 << 20 }; /* the checkpoints are the server's too: between batches */

static const char project[] = "019a0000000000000123456789abcdef", node[] = "019a0000000000000000000000000001";
static const char catalog[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct samples {
    float *us;
    size_t n;
} samples;

static void sample(double began) {
    if (samples.n < SAMPLES_MAX) samples.us[samples.n++] = (float)((seconds() - began) * 1e6);
}

static int by_size(const void *a, const void *b) { return (*(const float *)a > *(const float *)b) - (*(const float *)a < *(const float *)b); }

static double percentile(double p) { return samples.n ? (double)samples.us[(size_t)(p * (double)(samples.n - 1))] : 0; }

static _Noreturn void give_up(const char *what, const char *why) {
    fprintf(stderr, "raw_commit: %s: %s\n", what, why);
    exit(1);
}

static void check(sqlite3 *db, int rc, const char *what) {
    if (rc != SQLITE_OK && rc != SQLITE_DONE) give_up(what, sqlite3_errmsg(db));
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
    sqlite3_stmt *st = NULL;
    check(db, sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL), sql);
    return st;
}

static void text(sqlite3_stmt *st, int at, const char *value) { sqlite3_bind_text(st, at, value, -1, SQLITE_STATIC); }

static void step(sqlite3 *db, sqlite3_stmt *st, const char *what) {
    check(db, sqlite3_step(st), what);
    sqlite3_reset(st);
}

/* The statements of one submit, with what is the same in all of them bound once. */
struct loop {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *fence, *generation, *transfer, *event, *account, *project;
    int64_t done, now;
    int pages;
    char id[33], transfer_id[48], event_id[48], inputs[128], held[64], available[64];
};

static const char insert_generation[] =
    "insert into generation (id, version, project, book, key, seq, model, kind, catalog, state, step, inputs, output_path, price_from, "
    "price_rate, price_unit, price_quantity, price_fixed, price_outputs, if_unmeasured, price_row, quoted_micros, hold_micros, "
    "billed_micros, created_at, started_at, finished_at, deadline_at, waits_until, node, attempts, events, outputs, needs, cancel_at, "
    "error_code, error_detail, result) values (?1, 1, ?2, 'live', 'abcdefgh', ?3, 'test/nothing', 'text', ?4, 'pending', '', ?5, '', "
    "'call', 1000, 1, 1, 1, 1, 0, '{\"index\":0,\"when\":{},\"micros\":1000,\"unit\":\"call\",\"quantity\":1,\"from\":\"call\",\"why\":"
    "\"row 1: no condition; 1 call at 1000 micros each\"}', 1000, 1000, 0, ?6, 0, 0, ?7, 0, '', 0, 1, 0, 1000000, 0, '', '', '') "
    "on conflict (id) do nothing";
static const char insert_transfer[] =
    "insert into transfer (id, version, project, book, seq, generation, purpose, debit, credit, amount, created_at, author, reason) "
    "values (?1, 1, ?2, 'live', ?3, ?4, 'hold', ?5, ?6, 1000, ?7, '', '') on conflict (id) do nothing";
static const char insert_event[] =
    "insert into event (id, version, generation, n, at, type, payload) values (?1, 1, ?2, 1, ?3, 'submitted', "
    "'{\"state\":\"pending\",\"quoted_micros\":1000}') on conflict (id) do nothing";
static const char update_account[] =
    "update account set version = version + 1, project = ?2, book = 'live', available = available - ?3, held = held + ?3, "
    "seq = seq + ?4 where id = ?1";
static const char update_project[] =
    "update project set version = version + 1, name = 'bench', created_at = ?2, seq = seq + ?3, usage_seq = 0, pending = pending + ?3, "
    "running = 0, run_limit = 0, drive_bytes = 0, drive_reserved = drive_reserved + ?3 * 1000000, drive_limit = 0 where id = ?1";

static int count_pages(void *arg, sqlite3 *db, const char *name, int pages) {
    ((struct loop *)arg)->pages = pages;
    return SQLITE_OK;
}

static void open_loop(struct loop *l, const char *path) {
    check(NULL, sqlite3_open_v2(path, &l->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL), "open");
    check(l->db, sqlite3_exec(l->db, "pragma journal_mode = wal; pragma synchronous = full; pragma cache_size = -16000; pragma temp_store = memory", NULL, NULL, NULL), "pragma");
    sqlite3_wal_hook(l->db, count_pages, l);
    snprintf(l->available, sizeof l->available, "%s/live/available", project);
    snprintf(l->held, sizeof l->held, "%s/live/held", project);
    char start[900];
    snprintf(start, sizeof start,
             "insert into node values ('%s', 1, 0, 'alive', 0); insert into project (id, version, name, created_at, seq, usage_seq, pending, "
             "running, run_limit, drive_bytes, drive_reserved, drive_limit) values ('%s', 1, 'bench', 0, 0, 0, 0, 0, 0, 0, 0, 0);"
             "insert into account values ('%s/live', 1, '%s', 'live', 1000000000000, 0, 0)", node, project, project, project);
    check(l->db, sqlite3_exec(l->db, start, NULL, NULL, NULL), "first rows");
    l->begin = prepare(l->db, "begin immediate");
    l->commit = prepare(l->db, "commit");
    l->fence = prepare(l->db, "update node set batch_seq = batch_seq + 1 where id = ?1 and epoch = 1 and state = 'alive'");
    l->generation = prepare(l->db, insert_generation);
    l->transfer = prepare(l->db, insert_transfer);
    l->event = prepare(l->db, insert_event);
    l->account = prepare(l->db, update_account);
    l->project = prepare(l->db, update_project);
    text(l->fence, 1, node);
    text(l->generation, 2, project);
    text(l->generation, 4, catalog);
    text(l->transfer, 2, project);
    text(l->transfer, 5, l->available);
    text(l->transfer, 6, l->held);
    text(l->project, 1, project);
    text(l->account, 2, project);
    static char account[64];
    snprintf(account, sizeof account, "%s/live", project);
    text(l->account, 1, account);
}

static void one_submit(struct loop *l) {
    int64_t n = ++l->done;
    /* as the server's ids: the milliseconds first, then chance */
    snprintf(l->id, sizeof l->id, "%012llx%08lx%012llx", (long long)l->now, random() & 0xffffffff, (long long)n);
    snprintf(l->transfer_id, sizeof l->transfer_id, "%s:hold", l->id);
    snprintf(l->event_id, sizeof l->event_id, "%s/000001", l->id);
    snprintf(l->inputs, sizeof l->inputs, "{\"prompt\":\"three red balloons over a harbour at dusk, number %016llx\"}", (long long)n);
    text(l->generation, 1, l->id);
    sqlite3_bind_int64(l->generation, 3, n);
    text(l->generation, 5, l->inputs);
    sqlite3_bind_int64(l->generation, 6, l->now);
    sqlite3_bind_int64(l->generation, 7, l->now + 600000);
    text(l->transfer, 1, l->transfer_id);
    sqlite3_bind_int64(l->transfer, 3, n);
    text(l->transfer, 4, l->id);
    sqlite3_bind_int64(l->transfer, 7, l->now);
    text(l->event, 1, l->event_id);
    text(l->event, 2, l->id);
    sqlite3_bind_int64(l->event, 3, l->now);
    step(l->db, l->generation, "generation");
    step(l->db, l->transfer, "transfer");
    step(l->db, l->event, "event");
}

static void one_batch(struct loop *l, int batch) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    l->now = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    step(l->db, l->begin, "begin");
    step(l->db, l->fence, "fence");
    for (int i = 0; i < batch; i++) one_submit(l);
    sqlite3_bind_int64(l->project, 2, l->now);
    sqlite3_bind_int(l->project, 3, batch);
    sqlite3_bind_int64(l->account, 3, 1000LL * batch);
    sqlite3_bind_int(l->account, 4, batch);
    step(l->db, l->project, "project");
    step(l->db, l->account, "account");
    step(l->db, l->commit, "commit");
    if (l->pages < CHECKPOINT_PAGES) return;
    check(l->db, sqlite3_wal_checkpoint_v2(l->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL), "checkpoint");
    l->pages = 0;
}

static void make_schema(const char *path) {
    char url[600];
    snprintf(url, sizeof url, "sqlite:%s", path);
    struct store *s = NULL;
    struct why why = {};
    if (store_open(&(struct store_options){.url = url, .create = true, .reserve_bytes = -1}, &why, &s)) give_up(path, why_text(&why));
    store_close(s);
}

static int commits(const char *path, int batch, double length, int64_t rows) {
    struct loop l = {};
    make_schema(path);
    open_loop(&l, path);
    double start = seconds(), end = start + length;
    while (seconds() < end && l.done < rows) {
        double began = seconds();
        one_batch(&l, batch);
        sample(began);
    }
    double took = seconds() - start;
    qsort(samples.us, samples.n, sizeof *samples.us, by_size);
    printf("{\"batch\": %d, \"submits\": %lld, \"rate\": %.0f, \"batch_p50_us\": %.0f, \"batch_p99_us\": %.0f}\n", batch, (long long)l.done,
           (double)l.done / took, percentile(0.5), percentile(0.99));
    sqlite3_stmt *all[] = {l.begin, l.commit, l.fence, l.generation, l.transfer, l.event, l.account, l.project};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) sqlite3_finalize(all[i]);
    check(l.db, sqlite3_close(l.db), "close");
    return 0;
}

static int flushes(const char *path, double length) {
    static char page[4096];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) give_up(path, "cannot be made");
    double end = seconds() + length;
    while (seconds() < end) {
        double began = seconds();
        if (write(fd, page, sizeof page) != sizeof page || fdatasync(fd)) give_up(path, "cannot be written");
        sample(began);
    }
    close(fd);
    unlink(path);
    qsort(samples.us, samples.n, sizeof *samples.us, by_size);
    printf("{\"flushes\": %zu, \"p50_us\": %.0f, \"p99_us\": %.0f}\n", samples.n, percentile(0.5), percentile(0.99));
    return 0;
}

int main(int argc, char **argv) {
    samples.us = malloc(SAMPLES_MAX * sizeof *samples.us);
    if (!samples.us) return 1;
    if (argc == 4 && !strcmp(argv[1], "--flush")) return flushes(argv[2], strtod(argv[3], NULL));
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: raw_commit FILE BATCH SECONDS [ROWS] | raw_commit --flush FILE SECONDS\n");
        return 2;
    }
    long batch = strtol(argv[2], NULL, 10);
    if (batch < 1 || batch > 1000) give_up("BATCH", "1 to 1000");
    return commits(argv[1], (int)batch, strtod(argv[3], NULL), argc == 5 ? strtoll(argv[4], NULL, 10) : INT64_MAX);
}
