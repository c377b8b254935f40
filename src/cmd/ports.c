/* What the engine and ops ask of the server: scans on readers, beats on their own thread, routes from the catalog, upkeep. */
#include "cmd/desk.h"
#include "cmd/hooks.h"
#include "cmd/watch.h"

#include "base/cleanup.h"
#include "base/limits.h"

#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

static err submit(void *self, const struct command *c, committed_fn *done, void *arg) {
    struct server *s = self;
    return committer_submit(s->committer, c, done, arg);
}

/* --- scans --- */

struct scanning {
    struct server *server;
    struct scan *scan;
};

static void run_scan(struct db *db, void *arg) { scan_run(db, ((struct scanning *)arg)->scan); }

static void run_node(void *arg) {
    struct scanning *x = arg;
    struct scan *s = x->scan;
    if (s->kind == SCAN_BEAT) s->code = store_node_beat(x->server->store, &x->server->node, NULL);
    else s->code = store_nodes_lapsed(x->server->store, &x->server->node, &s->arena, &s->ids, &s->id_count);
    if (s->kind == SCAN_LAPSED && store_nodes_live(x->server->store, &s->nodes)) s->nodes = 0; /* the part stays as it was */
}

static void scanned(void *arg) {
    struct scanning *x = arg;
    struct scan *s = x->scan;
    free(x);
    s->done(s);
}

static void scan(void *self, struct scan *s) {
    struct server *server = self;
    struct scanning *x = calloc(1, sizeof *x);
    must(x);
    *x = (struct scanning){.server = server, .scan = s};
    bool about_nodes = s->kind == SCAN_BEAT || s->kind == SCAN_LAPSED;
    err e = about_nodes ? pool_run(server->beats, run_node, scanned, x) : readers_run(server->readers, run_scan, scanned, x);
    if (!e) return; /* s->code is the thread's to write: a lost E_FENCED would be taken for a heartbeat */
    s->code = e;
    loop_post(server->loop, scanned, x); /* too busy: the next tick asks again */
}

static void fenced(void *self) {
    struct server *s = self;
    log_event(&s->log, LOG_ERROR, "server.fenced", "\"node\":\"%s\"", s->node.id);
    _exit(err_info(E_FENCED)->exit_status);
}

struct engine_port server_engine_port(struct server *s) {
    return (struct engine_port){.self = s, .submit = submit, .scan = scan, .route = desk_next, .traits = desk_traits, .other_route = desk_other, .open_route = desk_open, .cost = desk_cost, .lane = desk_lane, .fenced = fenced};
}

bool server_slot(void *self) { return engine_has_slot(((struct server *)self)->engine); }

bool server_may_act(void *self) { return engine_may_act(((struct server *)self)->engine); }

/* --- what operators see --- */

static void lag_metrics(const struct engine_stats *e, struct buf *out) {
    buf_printf(out, "# HELP puras_poll_lag_seconds From the moment a poll of a provider was due to its answer.\n# TYPE puras_poll_lag_seconds histogram\n");
    for (int i = 0; i < ENGINE_LAGS; i++)
        buf_printf(out, "puras_poll_lag_seconds_bucket{le=\"%g\"} %llu\n", (double)engine_lags[i] / 1000, (unsigned long long)e->lag.within[i]);
    buf_printf(out, "puras_poll_lag_seconds_bucket{le=\"+Inf\"} %llu\npuras_poll_lag_seconds_sum %g\npuras_poll_lag_seconds_count %llu\n", (unsigned long long)e->lag.count,
               (double)e->lag.sum / 1000, (unsigned long long)e->lag.count);
}

/* What held the loop up: nothing else moves meanwhile. */
static void loop_metrics(const struct loop *l, struct buf *out) {
    struct loop_slow rows[32];
    int n = loop_slow_turns(l, rows, 32);
    buf_printf(out, "# HELP puras_loop_slow_turns_total Turns of the loop that took more than 10 ms, by what they did.\n# TYPE puras_loop_slow_turns_total counter\n");
    for (int i = 0; i < n && i < 32; i++) buf_printf(out, "puras_loop_slow_turns_total{handler=\"%s\"} %lld\n", rows[i].name, (long long)rows[i].turns);
    buf_printf(out, "# HELP puras_loop_longest_turn_ms The longest of them.\n# TYPE puras_loop_longest_turn_ms gauge\n");
    for (int i = 0; i < n && i < 32; i++) buf_printf(out, "puras_loop_longest_turn_ms{handler=\"%s\"} %lld\n", rows[i].name, (long long)rows[i].longest);
}

void server_metrics(void *self, struct buf *out) {
    struct server *s = self;
    struct engine_stats e = engine_stats(s->engine);
    struct http_stats h = http_server_stats(s->http);
    struct upstream_stats u = upstream_stats(s->upstream);
    struct remote_stats p = remote_stats(s->remote);
    const struct {
        const char *name, *type, *help;
        int64_t value;
    } rows[] = {
        {"puras_tasks", "gauge", "Generations this node works on.", e.tasks},
        {"puras_calls", "gauge", "Effects under way.", e.calls},
        {"puras_attempts_total", "counter", "Attempts opened after waiting for a slot.", (int64_t)e.attempts},
        {"puras_settled_total", "counter", "Generations settled by this node.", (int64_t)e.settled},
        {"puras_failed_total", "counter", "Generations that ended as failed here.", (int64_t)e.failed},
        {"puras_retried_total", "counter", "Attempts that failed and are tried again.", (int64_t)e.retried},
        {"puras_stale_total", "counter", "Steps refused because another node was faster.", (int64_t)e.stale},
        {"puras_adopted_total", "counter", "Generations taken over from dead nodes.", (int64_t)e.adopted},
        {"puras_heartbeat_age_ms", "gauge", "Milliseconds since the last successful heartbeat.", e.beat_age},
        {"puras_remote_requests_total", "counter", "Requests to providers that came to an end.", (int64_t)p.requests},
        {"puras_remote_failures_total", "counter", "Of these, those that failed or were refused.", (int64_t)p.failed},
        {"puras_provider_unknown_status_total", "counter", "Replies with a status that their description does not list.", (int64_t)p.unknown_statuses},
        {"puras_downloads", "gauge", "Outputs being fetched.", p.downloads},
        {"puras_downloads_resumed_total", "counter", "Downloads that broke and went on where they had stopped.", (int64_t)p.resumed},
        {"puras_http_requests_total", "counter", "Requests read.", (int64_t)h.requests},
        {"puras_http_connections_total", "counter", "Connections accepted.", (int64_t)h.connections},
        {"puras_http_refused_total", "counter", "Connections and requests refused by the HTTP server itself.", (int64_t)h.refused},
        {"puras_http_timeouts_total", "counter", "Connections cut for being too slow.", (int64_t)h.timeouts},
        {"puras_http_connections", "gauge", "Connections open.", h.open},
        {"puras_upstream_requests_total", "counter", "Requests to other servers.", (int64_t)u.requests},
        {"puras_upstream_refused_total", "counter", "Requests to other servers refused for where they lead.", (int64_t)u.refused},
        {"puras_upstream_failed_total", "counter", "Requests to other servers that got no whole answer.", (int64_t)u.failed},
        {"puras_upstream_open", "gauge", "Requests to other servers under way.", u.open},
        {"puras_log_lines_dropped_total", "counter", "Log lines that could not be written.", (int64_t)s->log.dropped},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %lld\n", rows[i].name, rows[i].help, rows[i].name, rows[i].type, rows[i].name, (long long)rows[i].value);
    lag_metrics(&e, out);
    loop_metrics(s->loop, out);
    desk_metrics(s->desk, out);
    hooks_metrics(s->hooks, out);
}

bool server_warnings(void *self, struct buf *out) {
    struct server *s = self;
    struct statvfs fs;
    if (!engine_may_act(s->engine))
        buf_printf(out, "%s\"No heartbeat reached the database for half a lease: nothing new is started until one does.\"", out->len ? "," : "");
    if (!statvfs(s->data_full, &fs) && (double)fs.f_bavail * (double)fs.f_frsize < 1e9)
        buf_printf(out, "%s\"Less than 1 GB is free in the data folder.\"", out->len ? "," : "");
    if (!helper_pid(s->helper)) buf_printf(out, "%s\"The media helper is not running; local models wait for it.\"", out->len ? "," : "");
    desk_warnings(s->desk, out);
    struct str problems = watch_problems(s->watch), line;
    while (problems.len) {
        char text[400], quoted[900];
        str_cut(problems, '\n', &line, &problems);
        snprintf(text, sizeof text, "The catalog's files are broken and the version before them is served: %.*s", STR_ARG(str_head(line, 300)));
        buf_printf(out, "%s%s", out->len ? "," : "", log_quote(text, quoted, sizeof quoted));
        if (out->len > 4096) break; /* the rest is shown by `puras catalog lint` */
    }
    return !s->draining;
}

/* --- upkeep: once an hour, what has outlived its time --- */

enum { EXPIRED_AT_ONCE = 1000 };

struct owners { struct db *db; msec now; };

static bool blob_owned(void *arg, struct str blob) {
    const struct owners *o = arg;
    bool owned = true; /* in doubt a file stays */
    if (query_blob_owned(o->db, blob, o->now, &owned)) return true;
    return owned;
}

/* Files that their project keeps no longer: found on the upkeep thread, deleted by commands like any other deletion. */
static void find_expired(struct server *s, struct db *db) {
    const struct asset **rows;
    size_t n = 0;
    arena_reset(&s->expired_arena);
    s->expired = NULL;
    s->expired_count = 0;
    if (query_assets_expired(db, io_now(loop_io(s->loop)), EXPIRED_AT_ONCE, &s->expired_arena, &rows, &n)) return;
    s->expired = rows;
    s->expired_count = n;
}

static void delete_ignored(void *arg, const struct outcome *o) {} /* refused: it was replaced or deleted meanwhile */

static void delete_expired(struct server *s) {
    for (size_t i = 0; i < s->expired_count; i++) {
        const struct asset *a = s->expired[i];
        struct command cmd = {.kind = CMD_ASSET_DELETE, .at = io_now(loop_io(s->loop))};
        cmd.asset_delete = (struct cmd_asset_delete){.project = a->project, .book = a->book, .path = a->path, .asset = a->head.id};
        if (committer_submit(s->committer, &cmd, delete_ignored, s)) break; /* the next round goes on */
    }
    if (s->expired_count) log_event(&s->log, LOG_INFO, "drive.expired", "\"files\":%zu", s->expired_count);
    s->expired_count = 0;
}

static void upkeep_work(void *arg) {
    struct server *s = arg;
    struct io *io = loop_io(s->loop);
    int64_t deleted = 0;
    struct db *db = NULL;
    if (store_sweep(s->store, &s->node, io_now(io), LIMIT_BATCH_ROWS / 2, &deleted)) deleted = 0;
    if (store_db(s->store, NULL, &db)) return;
    int64_t files = 0;
    find_expired(s, db);
    struct owners owners = {db, io_now(io)};
    if (drive_sweep(s->drive, owners.now, MS_DAY, blob_owned, &owners, &files)) files = 0;
    db_close(db);
}

static void upkeep_done(void *arg) { delete_expired(arg); }

static void upkeep_due(void *arg) {
    struct server *s = arg;
    struct io *io = loop_io(s->loop);
    s->upkeep_tick = io->ops->timer_start(io, MS_HOUR, upkeep_due, s);
    if (pool_run(s->upkeep, upkeep_work, upkeep_done, s)) return; /* the last round is still at work */
}

void upkeep_start(struct server *s) {
    struct io *io = loop_io(s->loop);
    s->upkeep_tick = io->ops->timer_start(io, MS_MINUTE, upkeep_due, s);
}
