/* The owner: create and destroy, what published records mean for parked callers, errors as JSON, readiness and metrics. */
#include "ops/links.h"

#include <stdlib.h>

enum { LOOKS_AT_ONCE = 200 };

size_t bucket(struct str id, size_t buckets) {
    uint64_t h = 1469598103934665603u; /* FNV-1a */
    for (size_t i = 0; i < id.len; i++) h = (h ^ (unsigned char)id.ptr[i]) * 1099511628211u;
    return (size_t)(h ^ h >> 32) % buckets;
}

struct answer answer_of(err code) { return (struct answer){.code = code, .why = {.code = code}, .fd = -1}; }

void answer_why(struct answer *a, const struct why *why) {
    a->code = why->code;
    a->why = *why;
}

void answer_err(ops_done *done, void *arg, err code, const char *format, ...) {
    struct answer a = answer_of(code);
    va_list args;
    va_start(args, format);
    vsnprintf(a.why.detail, sizeof a.why.detail, format, args);
    va_end(args);
    done(arg, &a);
}

/* Looks for what other nodes ended. Each look goes on where the last one stopped, so that everybody has a turn. */
static void look(void *arg) {
    struct ops *o = arg;
    o->look = o->io->ops->timer_start(o->io, LIMIT_WAKE_SCAN_MS, look, o);
    int budget = LOOKS_AT_ONCE;
    for (size_t n = 0; n < WAIT_BUCKETS && budget > 0; n++)
        for (struct wait *w = o->waits[o->look_at++ % WAIT_BUCKETS], *next; w; w = next) {
            next = w->next;
            if (w->stage == WAIT_PARKED && !w->abandoned) {
                wait_read(w);
                budget--;
            }
        }
}

struct ops *ops_create(const struct ops_options *options) {
    struct ops *o = calloc(1, sizeof *o);
    must(o);
    o->o = *options;
    o->io = loop_io(options->loop);
    o->makers = pool_create(options->loop, "copies", LIMIT_READS_AT_ONCE, 256);
    o->files = pool_create(options->loop, "files", 4, LIMIT_COMMIT_QUEUE);
    o->keys = calloc(KEY_BUCKETS, sizeof *o->keys);
    o->waits = calloc(WAIT_BUCKETS, sizeof *o->waits);
    o->streams = calloc(WAIT_BUCKETS, sizeof *o->streams);
    must(o->keys && o->waits && o->streams);
    if (options->upstream) o->outbox = outbox_create(o);
    if (options->other_nodes) o->look = o->io->ops->timer_start(o->io, LIMIT_WAKE_SCAN_MS, look, o);
    return o;
}

void ops_stop(struct ops *o) {
    o->draining = true; /* no new fetches */
    links_stop(o);
    outbox_stop(o->outbox);
    pool_destroy(o->makers);
    pool_destroy(o->files);
    o->makers = o->files = NULL;
}

void ops_destroy(struct ops *o) {
    if (!o) return;
    o->io->ops->timer_stop(o->io, o->look);
    outbox_destroy(o->outbox);
    deliveries_end(o);
    waits_end(o, E_UNAVAILABLE);
    streams_end(o);
    pool_destroy(o->makers);
    pool_destroy(o->files);
    keys_done(o);
    free(o->keys);
    free(o->waits);
    free(o->streams);
    free(o);
}

void ops_published(struct ops *o, const struct rec_change *changes, size_t n) {
    keys_published(o, changes, n);
    waits_published(o, changes, n);
    streams_published(o, changes, n);
    outbox_published(o->outbox, changes, n);
}

void ops_drain(struct ops *o) {
    o->draining = true;
    links_stop(o);
    waits_end(o, E_STILL_RUNNING);
    streams_end(o);
}

void ops_error_json(const struct why *why, struct str request_id, struct buf *out) {
    static const char *const retries[] = {[RETRY_never] = "never", [RETRY_same_key] = "same_key", [RETRY_after] = "after"};
    const struct err_info *info = err_info(why->code);
    struct jw w = {.out = out};
    jw_open(&w, '{');
    jw_kz(&w, "detail", why_text(why));
    jw_kz(&w, "code", info->code);
    jw_kz(&w, "message", why_text(why));
    jw_ki64(&w, "charged_micros", why->charged_micros);
    jw_kz(&w, "retry", retries[why_retry(why)]);
    jw_key(&w, "retry_after_s");
    if (why->retry_after_s) jw_i64(&w, why->retry_after_s);
    else jw_null(&w);
    jw_kstr(&w, "request_id", request_id);
    if (why->field[0]) jw_kz(&w, "field", why->field);
    if (why->facts[0]) {
        buf_c(out, ',');
        buf_z(out, why->facts);
    }
    jw_close(&w, '}');
}

void ops_ready(struct ops *o, ops_done *done, void *arg) {
    struct committer_stats c = committer_stats(o->o.committer);
    _cleanup_(buf_done) struct buf warnings = {};
    bool ready = !o->draining && !c.storage_full;
    if (o->draining) buf_z(&warnings, "\"The server is draining: it takes no new work.\"");
    if (c.storage_full) buf_printf(&warnings, "%s\"The disk is full: new work is refused until there is space; running work goes on.\"", warnings.len ? "," : "");
    if (o->o.warnings) {
        _cleanup_(buf_done) struct buf more = {};
        if (!o->o.warnings(o->o.engine, &more)) ready = false;
        if (more.len) {
            if (warnings.len) buf_c(&warnings, ',');
            buf_str(&warnings, buf_view(&more));
        }
    }
    _cleanup_(buf_done) struct buf json = {};
    buf_printf(&json, "{\"status\":\"%s\",\"catalog\":\"%.*s\",\"node\":\"%.*s\",\"private_addresses\":%lld,\"warnings\":[%.*s]}", ready ? "ready" : "not_ready",
               STR_ARG(catalog_sha256(shelf_current(o->o.shelf))), STR_ARG(o->o.node), (long long)o->o.private_addresses, STR_ARG(buf_view(&warnings)));
    struct answer a = answer_of(ready ? OK : E_UNAVAILABLE);
    a.json = buf_view(&json);
    done(arg, &a);
}

void ops_metrics(struct ops *o, struct buf *out) {
    struct committer_stats c = committer_stats(o->o.committer);
    const struct {
        const char *name, *type, *help;
        int64_t value;
    } rows[] = {
        {"puras_submits_total", "counter", "Generations submitted.", (int64_t)o->submitted},
        {"puras_submits_refused_total", "counter", "Submits refused.", (int64_t)o->refused},
        {"puras_callers_parked", "gauge", "Callers waiting for a generation.", (int64_t)o->parked},
        {"puras_uploads_total", "counter", "Files uploaded.", (int64_t)o->uploads},
        {"puras_commit_batches_total", "counter", "Transactions committed.", (int64_t)c.batches},
        {"puras_commit_commands_total", "counter", "Commands applied.", (int64_t)c.commands},
        {"puras_commit_refused_total", "counter", "Commands refused by their rule.", (int64_t)c.refused},
        {"puras_commit_conflicts_total", "counter", "Batches rolled back because another node was faster.", (int64_t)c.conflicts},
        {"puras_commit_batch_commands_max", "gauge", "Most commands in one transaction so far.", (int64_t)c.max_batch},
        {"puras_commit_queue", "gauge", "Commands waiting for the committer.", c.queued},
        {"puras_storage_full", "gauge", "1 while the disk is full.", c.storage_full},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %lld\n", rows[i].name, rows[i].help, rows[i].name, rows[i].type, rows[i].name, (long long)rows[i].value);
    outbox_metrics(o->outbox, out);
    if (o->o.metrics) o->o.metrics(o->o.engine, out);
}
