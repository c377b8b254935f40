/* See ops_double.h. */
#include "api/ops_double.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void write_file(struct ops *o, const char *name, struct str bytes) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", o->folder, name);
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    must(fd >= 0 && write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    close(fd);
}

struct ops *double_create(struct loop *l) {
    struct ops *o = calloc(1, sizeof *o);
    must(o);
    o->loop = l;
    snprintf(o->folder, sizeof o->folder, "/tmp/puras-api-XXXXXX");
    must(mkdtemp(o->folder) != NULL);
    write_file(o, "a.png", STR("abcdefghijklmnopqrstuvwxyz"));
    write_file(o, "page.html", STR("<script>"));
    write_file(o, "empty", STR(""));
    return o;
}

void double_destroy(struct ops *o) {
    static const char *const names[] = {"a.png", "page.html", "empty"};
    char path[128];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", o->folder, names[i]);
        unlink(path);
    }
    rmdir(o->folder);
    free(o);
}

static void say(ops_done *done, void *arg, const char *json) { done(arg, &(struct answer){.fd = -1, .json = str_of(json)}); }
static void fail(ops_done *done, void *arg, err code, const char *detail) {
    struct answer a = {.code = code, .fd = -1};
    why_set(&a.why, code, "%s", detail);
    done(arg, &a);
}

/* --- keys --- */

struct late {
    ops_caller_done *done;
    void *arg;
    struct caller caller;
};
static void late(void *arg) {
    struct late *l = arg;
    l->done(l->arg, OK, NULL, &l->caller);
    free(l);
}

bool caller_may(const struct caller *c, const char *scope) { return !c->scopes[0] || strstr(c->scopes, scope); }

void ops_authenticate(struct ops *o, struct str secret, ops_caller_done *done, void *arg) {
    struct caller c = {.project = DOUBLE_PROJECT, .key = "12345678", .book = "live"};
    struct str who, scopes;
    if (str_cut(secret, ':', &who, &scopes)) snprintf(c.scopes, sizeof c.scopes, "%.*s", STR_ARG(scopes));
    secret = who;
    if (str_is(secret, "admin"))
        c.kind = KEY_ADMIN;
    else if (str_is(secret, "live") || str_is(secret, "later"))
        c.kind = KEY_LIVE;
    else if (str_is(secret, "hasclass") || str_is(secret, "toooften")) {
        c.kind = KEY_LIVE;
        snprintf(c.key, sizeof c.key, "%.*s", STR_ARG(secret));
    }
    else if (str_is(secret, "test")) {
        c.kind = KEY_TEST;
        c.book = "test";
    } else {
        struct why why = {0};
        why_set(&why, E_UNAUTHENTICATED, "That key is not known here.");
        done(arg, E_UNAUTHENTICATED, &why, NULL);
        return;
    }
    if (str_is(secret, "later")) {
        struct late *l = calloc(1, sizeof *l);
        must(l);
        *l = (struct late){done, arg, c};
        loop_post(o->loop, late, l);
    } else
        done(arg, OK, NULL, &c);
}

err ops_rate(struct ops *o, const struct caller *c, bool generates, struct str model, struct why *why, struct rate *out) {
    if (strcmp(c->key, "hasclass") && strcmp(c->key, "toooften")) return OK;
    *out = (struct rate){.limit = str_is(model, "echo") ? 30 : generates ? 20 : 120, .remaining = 7, .reset_s = 50};
    if (!strcmp(c->key, "hasclass")) return OK;
    out->remaining = 0;
    out->retry_after_s = why->retry_after_s = 4;
    return why_set(why, E_RATE_LIMITED, "Too often.");
}

/* --- generations --- */

struct wait {
    struct ops *o;
    struct timer *timer;
    enum view view;
    char id[33];
    ops_done *done;
    void *arg;
};

static void time_up(void *arg) {
    struct wait *w = arg;
    struct answer a = {.fd = -1, .generation = str_of(w->id)};
    if (w->view == VIEW_MEDIA) {
        a.code = E_STILL_RUNNING;
        why_set(&a.why, E_STILL_RUNNING, "It is still running.");
    } else {
        a.json = STR("{\"status\":\"processing\"}");
    }
    atomic_fetch_sub(&w->o->parked, 1);
    w->done(w->arg, &a);
    free(w);
}

static struct wait *park(struct ops *o, const char *id, msec wait, enum view view, ops_done *done, void *arg) {
    struct wait *w = calloc(1, sizeof *w);
    must(w);
    *w = (struct wait){.o = o, .view = view, .done = done, .arg = arg};
    snprintf(w->id, sizeof w->id, "%s", id);
    struct io *io = loop_io(o->loop);
    if (wait >= 0) w->timer = io->ops->timer_start(io, wait, time_up, w);
    atomic_fetch_add(&o->parked, 1);
    return w;
}

void ops_abandon(struct wait *w) {
    struct io *io = loop_io(w->o->loop);
    io->ops->timer_stop(io, w->timer);
    atomic_fetch_add(&w->o->abandoned, 1);
    atomic_fetch_sub(&w->o->parked, 1);
    free(w);
}

static void echo(const struct caller *c, const struct submission *s, struct buf *out) {
    struct jw w = {.out = out};
    jw_open(&w, '{');
    jw_kstr(&w, "model", s->model);
    jw_key(&w, "inputs");
    if (s->inputs) {
        struct buf inputs = {0};
        json_write(&inputs, s->inputs);
        jw_raw(&w, buf_view(&inputs));
        buf_done(&inputs);
    } else
        jw_null(&w);
    jw_kstr(&w, "kind", s->kind);
    jw_kstr(&w, "output_path", s->output_path);
    jw_kstr(&w, "output_url_path", s->output_url_path);
    jw_kstr(&w, "idempotency_key", s->idempotency_key);
    if (s->webhook_url.len) jw_kstr(&w, "webhook_url", s->webhook_url);
    jw_kstr(&w, "route", s->route);
    jw_kstr(&w, "request_hash", s->request_hash);
    jw_kstr(&w, "quote_id", s->quote_id);
    jw_ki64(&w, "max_micros", s->max_micros);
    jw_kraw(&w, "metadata", s->metadata);
    jw_kstr(&w, "end_user", s->end_user);
    jw_kstr(&w, "trace", s->trace);
    jw_ki64(&w, "ttl", s->ttl_s);
    jw_ki64(&w, "wait", s->wait);
    jw_kz(&w, "view", s->view == VIEW_MEDIA ? "media" : "generation");
    jw_kz(&w, "book", c->book);
    jw_close(&w, '}');
}

struct wait *ops_submit(struct ops *o, const struct caller *c, const struct submission *s, ops_done *done, void *arg) {
    atomic_fetch_add(&o->submits, 1);
    struct answer a = {.fd = -1};
    if (str_is(s->model, "slow") && s->wait) return park(o, DOUBLE_RUNNING, 20, s->view, done, arg);
    if (str_is(s->model, "parked")) return park(o, DOUBLE_RUNNING, -1, s->view, done, arg);
    if (str_is(s->model, "poor")) {
        a.code = why_set(&a.why, E_INSUFFICIENT_CREDIT, "This costs 10000 micros and 4000 are there.");
        why_fact_int(&a.why, "missing_micros", 6000);
    } else if (str_is(s->model, "busy")) {
        a.code = why_set(&a.why, E_AGAIN, "Too much waits.");
        a.why.retry_after_s = 3;
    } else if (str_is(s->model, "brief")) {
        a.code = E_AGAIN; /* neither a sentence nor a time */
    } else if (str_is(s->model, "refused")) {
        a.code = E_REFUSED; /* no sentence of its own */
        a.generation = STR(DOUBLE_DONE);
    } else if (str_is(s->model, "wordy")) {
        a.code = E_INVALID;
        memset(a.why.detail, 'w', sizeof a.why.detail - 1);
    }
    struct buf json = {0};
    if (!a.code) {
        echo(c, s, &json);
        a.json = buf_view(&json);
        a.generation = STR(DOUBLE_DONE);
        a.terminal = s->wait != 0;
        a.replayed = str_is(s->idempotency_key, "again");
    }
    done(arg, &a);
    buf_done(&json);
    return NULL;
}

struct wait *ops_wait(struct ops *o, const struct caller *c, struct str id, msec wait, enum view view, int64_t ttl_s,
                      ops_done *done, void *arg) {
    struct answer a = {.fd = -1, .generation = id};
    if (str_is(id, DOUBLE_DONE)) {
        struct arena mem = {0};
        a.terminal = true;
        a.json = arena_printf(&mem, "{\"status\":\"completed\",\"ttl\":%lld}", (long long)ttl_s);
        done(arg, &a);
        arena_done(&mem);
        return NULL;
    }
    if (!str_is(id, DOUBLE_RUNNING)) {
        fail(done, arg, E_NOT_FOUND, "There is no such generation.");
        return NULL;
    }
    return park(o, DOUBLE_RUNNING, wait > 20 ? 20 : wait, view, done, arg);
}

void ops_list(struct ops *o, const struct caller *c, const struct list_query *q, ops_done *done, void *arg) {
    struct arena mem = {0};
    say(done, arg,
        arena_printf(&mem, "{\"before\":%lld,\"limit\":%lld,\"state\":\"%.*s\",\"model\":\"%.*s\",\"end_user\":\"%.*s\",\"key\":\"%.*s\",\"since\":%lld,\"until\":%lld}",
                     (long long)q->before_seq, (long long)q->limit, STR_ARG(q->state), STR_ARG(q->model), STR_ARG(q->end_user), STR_ARG(q->key),
                     (long long)q->since, (long long)q->until)
            .ptr);
    arena_done(&mem);
}
void ops_resolve(struct ops *o, const struct caller *c, struct str id, ops_done *done, void *arg) { ops_cancel(o, c, id, done, arg); }
void ops_cancel(struct ops *o, const struct caller *c, struct str id, ops_done *done, void *arg) {
    if (str_is(id, DOUBLE_DONE))
        fail(done, arg, E_CONFLICT, "It has ended already.");
    else
        say(done, arg, "{\"cancel_requested\":true}");
}

void ops_deliver(struct ops *o, const struct caller *c, struct str id, struct str url_path, ops_done *done, void *arg) {
    if (str_is(url_path, "nowhere")) fail(done, arg, E_OUTPUT_HIDDEN, "No file stands there.");
    else ops_cancel(o, c, id, done, arg);
}

/* Events 1 and 2 are there at once, 3 to 5 come 20 ms later. */
struct event_stream {
    struct ops *o;
    struct timer *timer;
    int64_t after, there;
    void (*wake)(void *arg);
    void *arg;
};
static void more_events(void *arg) {
    struct event_stream *s = arg;
    s->timer = NULL;
    s->there = 5;
    s->wake(s->arg);
}
void ops_events(struct ops *o, const struct caller *c, struct str id, int64_t after, void (*wake)(void *arg),
                ops_stream_done *done, void *arg) {
    if (!str_is(id, DOUBLE_EVENTS)) {
        struct why why = {0};
        why_set(&why, E_NOT_FOUND, "There is no such generation.");
        done(arg, E_NOT_FOUND, &why, NULL);
        return;
    }
    struct event_stream *s = calloc(1, sizeof *s);
    must(s);
    struct io *io = loop_io(o->loop);
    *s = (struct event_stream){.o = o, .after = after, .there = 2, .wake = wake, .arg = arg};
    s->timer = io->ops->timer_start(io, 20, more_events, s);
    done(arg, OK, NULL, s);
}
bool event_stream_fill(struct event_stream *s, struct buf *out) {
    for (; s->after < s->there; s->after++) buf_printf(out, "id: %lld\nevent: step\ndata: {}\n\n", (long long)s->after + 1);
    return s->there < 5;
}
void event_stream_close(struct event_stream *s) {
    struct io *io = loop_io(s->o->loop);
    io->ops->timer_stop(io, s->timer);
    atomic_fetch_add(&s->o->closed, 1);
    free(s);
}

/* --- prices, money, projects and keys --- */

void ops_models(struct ops *o, struct str kind, struct str slug, ops_done *done, void *arg) {
    struct arena mem = {0};
    if (str_is(slug, "no/such"))
        fail(done, arg, E_UNKNOWN_MODEL, "There is no such model.");
    else
        say(done, arg, arena_printf(&mem, "{\"kind\":\"%.*s\",\"slug\":\"%.*s\"}", STR_ARG(kind), STR_ARG(slug)).ptr);
    arena_done(&mem);
}
void ops_pricing(struct ops *o, ops_done *done, void *arg) { say(done, arg, "{\"models\":[]}"); }
void ops_quote(struct ops *o, const struct caller *c, struct str model, const struct json *inputs, ops_done *done,
               void *arg) {
    struct arena mem = {0};
    say(done, arg, arena_printf(&mem, "{\"model\":\"%.*s\",\"count\":%u}", STR_ARG(model), inputs ? inputs->count : 0).ptr);
    arena_done(&mem);
}
void ops_balance(struct ops *o, const struct caller *c, ops_done *done, void *arg) {
    say(done, arg, c->kind == KEY_TEST ? "{\"book\":\"test\"}" : "{\"book\":\"live\"}");
}
void ops_usage(struct ops *o, const struct caller *c, const struct list_query *q, ops_done *done, void *arg) {
    ops_list(o, c, q, done, arg);
}
void ops_ledger(struct ops *o, const struct caller *c, const struct list_query *q, ops_done *done, void *arg) {
    ops_list(o, c, q, done, arg);
}
void ops_lineage(struct ops *o, const struct caller *c, struct str path, struct str asset, struct str sha256, ops_done *done, void *arg) {
    struct arena mem = {0};
    say(done, arg, arena_printf(&mem, "{\"path\":\"%.*s\",\"asset\":\"%.*s\",\"sha256\":\"%.*s\"}", STR_ARG(path), STR_ARG(asset), STR_ARG(sha256)).ptr);
    arena_done(&mem);
}
void ops_lineage_keys(struct ops *o, struct buf *out) { buf_z(out, "{\"keys\":[]}"); }
void ops_audit(struct ops *o, const struct caller *c, ops_done *done, void *arg) { say(done, arg, "{\"ok\":true}"); }
void ops_top_up(struct ops *o, const struct caller *c, struct str project, micros amount, struct str key, struct str reason,
                ops_done *done, void *arg) {
    struct arena mem = {0};
    say(done, arg,
        arena_printf(&mem, "{\"amount_micros\":%lld,\"project\":\"%.*s\",\"key\":\"%.*s\",\"reason\":\"%.*s\"}",
                     (long long)amount, STR_ARG(project), STR_ARG(key), STR_ARG(reason))
            .ptr);
    arena_done(&mem);
}
void ops_projects(struct ops *o, const struct caller *c, ops_done *done, void *arg) { say(done, arg, "{\"projects\":[]}"); }
void ops_project_create(struct ops *o, const struct caller *c, struct str name, ops_done *done, void *arg) {
    say(done, arg, "{\"id\":\"p\"}");
}
void ops_keys(struct ops *o, const struct caller *c, struct str project, ops_done *done, void *arg) {
    say(done, arg, "{\"keys\":[]}");
}
void ops_key_create(struct ops *o, const struct caller *c, struct str project, struct str kind, struct str name,
                    const struct key_policy *policy, ops_done *done, void *arg) {
    struct arena mem = {0};
    say(done, arg,
        arena_printf(&mem, "{\"key\":\"k\",\"class\":\"%.*s\",\"scopes\":\"%.*s\",\"models\":\"%.*s\",\"call\":%lld,\"day\":%lld,\"expires\":%lld,\"rotates\":\"%.*s\",\"overlap\":%lld}",
                     STR_ARG(policy->rate_class), STR_ARG(policy->scopes), STR_ARG(policy->models), (long long)policy->call_cap, (long long)policy->day_cap,
                     (long long)(policy->expires_at > 1900000000000 ? policy->expires_at : policy->expires_at > 0), STR_ARG(policy->rotates),
                     (long long)policy->overlap_s)
            .ptr);
    arena_done(&mem);
}
void ops_project_set(struct ops *o, const struct caller *c, struct str id, int64_t run_limit, int64_t drive_limit, int64_t retention_days, ops_done *done,
                     void *arg) {
    struct arena mem = {0};
    say(done, arg, arena_printf(&mem, "{\"id\":\"%.*s\",\"set\":[%lld,%lld,%lld]}", STR_ARG(id), (long long)run_limit, (long long)drive_limit, (long long)retention_days).ptr);
    arena_done(&mem);
}
void ops_adjust(struct ops *o, const struct caller *c, struct str project, struct str book, micros amount, struct str key, struct str reason, ops_done *done,
                void *arg) {
    struct arena mem = {0};
    say(done, arg,
        arena_printf(&mem, "{\"amount_micros\":%lld,\"project\":\"%.*s\",\"book\":\"%.*s\",\"key\":\"%.*s\",\"reason\":\"%.*s\"}", (long long)amount, STR_ARG(project),
                     STR_ARG(book), STR_ARG(key), STR_ARG(reason))
            .ptr);
    arena_done(&mem);
}
void ops_usage_sums(struct ops *o, const struct caller *c, struct str group, msec since, msec until, ops_done *done, void *arg) {
    struct arena mem = {0};
    say(done, arg, arena_printf(&mem, "{\"group\":\"%.*s\",\"since\":%lld,\"until\":%lld}", STR_ARG(group), (long long)since, (long long)until).ptr);
    arena_done(&mem);
}
void ops_secrets(struct ops *o, const struct caller *c, ops_done *done, void *arg) { say(done, arg, "{\"secrets\":[]}"); }
void ops_secret_put(struct ops *o, const struct caller *c, struct str name, struct str value, ops_done *done, void *arg) {
    struct arena mem = {0};
    say(done, arg, arena_printf(&mem, "{\"name\":\"%.*s\",\"bytes\":%zu}", STR_ARG(name), value.len).ptr);
    arena_done(&mem);
}
void ops_secret_delete(struct ops *o, const struct caller *c, struct str name, ops_done *done, void *arg) {
    struct arena mem = {0};
    say(done, arg, arena_printf(&mem, "{\"name\":\"%.*s\",\"deleted\":true}", STR_ARG(name)).ptr);
    arena_done(&mem);
}
void ops_hook(struct ops *o, const struct hook_in *h, ops_done *done, void *arg) { say(done, arg, "{\"received\":true}"); }
void ops_webhooks(struct ops *o, const struct caller *c, ops_done *done, void *arg) { say(done, arg, "{\"webhooks\":[]}"); }
void ops_webhook_get(struct ops *o, const struct caller *c, struct str id, ops_done *done, void *arg) { say(done, arg, "{\"id\":\"w\"}"); }
void ops_webhook_create(struct ops *o, const struct caller *c, const struct webhook_set *set, ops_done *done, void *arg) {
    struct arena mem = {0};
    say(done, arg, arena_printf(&mem, "{\"url\":\"%.*s\",\"events\":\"%.*s\"}", STR_ARG(set->url), STR_ARG(set->events)).ptr);
    arena_done(&mem);
}
void ops_webhook_rotate(struct ops *o, const struct caller *c, struct str id, int64_t overlap_s, ops_done *done, void *arg) {
    struct arena mem = {0};
    say(done, arg, arena_printf(&mem, "{\"id\":\"%.*s\",\"overlap\":%lld}", STR_ARG(id), (long long)overlap_s).ptr);
    arena_done(&mem);
}
void ops_webhook_secret(struct ops *o, const struct caller *c, int64_t overlap_s, ops_done *done, void *arg) {
    char text[64];
    snprintf(text, sizeof text, "{\"secret\":\"whsec_x\",\"overlap\":%lld}", (long long)overlap_s);
    say(done, arg, text);
}
void ops_webhook_set(struct ops *o, const struct caller *c, struct str id, const struct webhook_set *set, ops_done *done, void *arg) {
    struct arena mem = {0};
    say(done, arg, arena_printf(&mem, "{\"id\":\"%.*s\",\"state\":\"%.*s\"}", STR_ARG(id), STR_ARG(set->state)).ptr);
    arena_done(&mem);
}
void ops_webhook_delete(struct ops *o, const struct caller *c, struct str id, ops_done *done, void *arg) { say(done, arg, "{\"deleted\":true}"); }
void ops_webhook_test(struct ops *o, const struct caller *c, struct str id, ops_done *done, void *arg) { say(done, arg, "{\"state\":\"waiting\"}"); }
void ops_webhook_messages(struct ops *o, const struct caller *c, struct str id, const struct list_query *q, ops_done *done, void *arg) { say(done, arg, "{\"deliveries\":[]}"); }
void ops_webhook_again(struct ops *o, const struct caller *c, struct str message, ops_done *done, void *arg) {
    struct arena mem = {0};
    say(done, arg, arena_printf(&mem, "{\"again\":\"%.*s\"}", STR_ARG(message)).ptr);
    arena_done(&mem);
}
void ops_providers(struct ops *o, const struct caller *c, ops_done *done, void *arg) { say(done, arg, "{\"providers\":[]}"); }
void ops_provider_key_put(struct ops *o, const struct caller *c, struct str provider, struct str key, ops_done *done, void *arg) {
    struct arena mem = {0};
    say(done, arg, arena_printf(&mem, "{\"provider\":\"%.*s\",\"bytes\":%zu}", STR_ARG(provider), key.len).ptr);
    arena_done(&mem);
}
void ops_provider_key_delete(struct ops *o, const struct caller *c, struct str provider, ops_done *done, void *arg) {
    struct arena mem = {0};
    say(done, arg, arena_printf(&mem, "{\"provider\":\"%.*s\",\"key_set\":false}", STR_ARG(provider)).ptr);
    arena_done(&mem);
}
void ops_pause(struct ops *o, const struct caller *c, struct str provider, struct str model, bool on, ops_done *done, void *arg) {
    struct arena mem = {0};
    say(done, arg, arena_printf(&mem, "{\"provider\":\"%.*s\",\"model\":\"%.*s\",\"paused\":%s}", STR_ARG(provider), STR_ARG(model), on ? "true" : "false").ptr);
    arena_done(&mem);
}
void ops_key_revoke(struct ops *o, const struct caller *c, struct str prefix, ops_done *done, void *arg) {
    struct arena mem = {0};
    say(done, arg, arena_printf(&mem, "{\"prefix\":\"%.*s\"}", STR_ARG(prefix)).ptr);
    arena_done(&mem);
}

/* --- drive --- */

void ops_drive_list(struct ops *o, const struct caller *c, struct str prefix, struct str after, int64_t limit,
                    ops_done *done, void *arg) {
    struct arena mem = {0};
    say(done, arg,
        arena_printf(&mem, "{\"prefix\":\"%.*s\",\"after\":\"%.*s\",\"limit\":%lld}", STR_ARG(prefix), STR_ARG(after),
                     (long long)limit)
            .ptr);
    arena_done(&mem);
}

static void open_file(struct ops *o, struct str path, ops_done *done, void *arg) {
    char full[256];
    struct stat st;
    snprintf(full, sizeof full, "%s/%.*s", o->folder, STR_ARG(path));
    if (memchr(path.ptr, '/', path.len)) {
        fail(done, arg, E_BAD_PATH, "That is not a path in the drive.");
        return;
    }
    int fd = open(full, O_RDONLY);
    if (fd < 0) {
        fail(done, arg, E_NOT_FOUND, "There is no such file.");
        return;
    }
    must(fstat(fd, &st) == 0);
    bool image = str_ends(path, STR(".png"));
    done(arg, &(struct answer){.fd = fd,
                               .bytes = st.st_size,
                               .type = image ? STR("image/png") : STR("text/html"),
                               .etag = STR(DOUBLE_SHA),
                               .path = path,
                               .modified_at = 784111777123,
                               .inline_ok = image});
}
void ops_drive_open(struct ops *o, const struct caller *c, struct str path, ops_done *done, void *arg) {
    open_file(o, path, done, arg);
}
bool ops_origin_allowed(struct ops *o, const struct caller *c, struct str origin) { return str_is(origin, "https://app.example"); }
void ops_read_token(struct ops *o, const struct caller *c, struct str generation, struct buf *out) { buf_printf(out, "read-%.*s", STR_ARG(generation)); }
err ops_may_read(struct ops *o, const struct caller *c, struct str generation, struct str read_token, struct why *why) {
    return str_starts(read_token, STR("read-")) ? OK : why_set(why, E_NOT_FOUND, "There is no such generation.");
}
void ops_token_create(struct ops *o, const struct caller *c, struct str job, int64_t ttl_s, struct str scopes, ops_done *done, void *arg) {
    say(done, arg, "{\"token\":\"puras_svc_x\"}");
}
void ops_delivered(struct ops *o, const struct caller *c, struct str route, struct str idempotency_key, struct str generation) {}
void ops_asset_open(struct ops *o, const struct caller *c, struct str asset, ops_done *done, void *arg) {
    open_file(o, asset, done, arg);
}
void ops_assemble(struct ops *o, const struct caller *c, const struct piece *pieces, size_t n, ops_done *done, void *arg) {
    fail(done, arg, E_NOT_FOUND, "There is no such file.");
}
void ops_drive_open_signed(struct ops *o, struct str path, struct str query, ops_done *done, void *arg) {
    if (str_is(query, "exp=1&kid=k&sig=good"))
        open_file(o, path, done, arg);
    else
        fail(done, arg, E_BAD_SIGNATURE, "The link is not valid.");
}
void ops_drive_open_derived(struct ops *o, const struct caller *c, struct str folder, struct str path, struct str query, ops_done *done, void *arg) {
    if (c->kind != KEY_NONE || str_is(query, "exp=1&kid=k&sig=good")) {
        open_file(o, path, done, arg);
    } else if (str_is(query, "exp=1&kid=k&sig=none")) {
        struct answer a = {.code = E_MEDIA_TYPE, .why.code = E_MEDIA_TYPE, .fd = -1, .path = STR("http://here/v1/drive/files/a?exp=1")};
        done(arg, &a);
    } else {
        fail(done, arg, E_BAD_SIGNATURE, "The link is not valid.");
    }
}
void ops_drive_sign(struct ops *o, const struct caller *c, struct str path, int64_t ttl_s, ops_done *done, void *arg) {
    struct arena mem = {0};
    say(done, arg, arena_printf(&mem, "{\"path\":\"%.*s\",\"expires_in\":%lld}", STR_ARG(path), (long long)ttl_s).ptr);
    arena_done(&mem);
}
void ops_asset_delete(struct ops *o, const struct caller *c, struct str asset, ops_done *done, void *arg) { ops_drive_delete(o, c, asset, done, arg); }
void ops_drive_sign_put(struct ops *o, const struct caller *c, struct str path, int64_t ttl_s, ops_done *done, void *arg) { ops_drive_sign(o, c, path, ttl_s, done, arg); }
err ops_drive_put_link(struct ops *o, struct str path, struct str query, struct arena *a, struct why *why, struct caller *out_caller, struct str *out_path) {
    return why_set(why, E_BAD_SIGNATURE, "The link is not valid.");
}
void ops_drive_delete(struct ops *o, const struct caller *c, struct str path, ops_done *done, void *arg) {
    say(done, arg, "{\"deleted\":true}");
}

/* The file "small" has room for ten bytes, "full" for none. */
void ops_drive_room(struct ops *o, const struct caller *c, struct str path, int64_t length, ops_done *done, void *arg) {
    struct answer a = {.bytes = str_is(path, "small") ? 10 : INT64_MAX, .fd = -1};
    if (str_is(path, "full") || length > a.bytes) a.code = why_set(&a.why, E_DRIVE_FULL, "The drive is full.");
    done(arg, &a);
}

struct upload {
    struct ops *o;
    int64_t room;
    struct timer *timer;
    bool slow;
    struct buf bytes;
    char place[128];
    ops_upload_ready *ready;
    void *arg;
};
static void upload_again(void *arg) {
    struct upload *u = arg;
    u->timer = NULL;
    u->ready(u->arg);
}
err ops_upload_begin(struct ops *o, const struct caller *c, struct str path, int64_t length, int64_t room,
                     ops_upload_ready *ready, void *arg, struct why *why, struct upload **out) {
    struct upload *u = calloc(1, sizeof *u);
    must(u);
    *u = (struct upload){.o = o, .room = room, .slow = str_is(path, "slow"), .ready = ready, .arg = arg};
    *out = u;
    return OK;
}
void ops_upload_only(struct upload *u, bool only_new, struct str only_if) {}
err ops_upload_place(struct upload *u, struct str path, struct str filename, struct why *why) {
    if (str_is(path, "..")) return why_set(why, E_BAD_PATH, "That is not a path in the drive.");
    snprintf(u->place, sizeof u->place, "%.*s|%.*s", STR_ARG(path), STR_ARG(filename));
    if (str_starts(path, STR("slow"))) u->slow = true;
    return OK;
}
err ops_upload_fits(const struct upload *u, struct why *why) {
    return (int64_t)u->bytes.len <= u->room ? OK : why_set(why, E_DRIVE_FULL, "The drive has no more room.");
}
bool ops_upload_write(struct upload *u, struct str data) {
    buf_str(&u->bytes, data);
    struct io *io = loop_io(u->o->loop);
    if (u->slow) u->timer = io->ops->timer_start(io, 1, upload_again, u);
    return !u->slow;
}
static void upload_free(struct upload *u) {
    struct io *io = loop_io(u->o->loop);
    io->ops->timer_stop(io, u->timer);
    buf_done(&u->bytes);
    free(u);
}
void ops_upload_end(struct upload *u, ops_done *done, void *arg) {
    struct arena mem = {0};
    uint32_t sum = 0;
    for (size_t i = 0; i < u->bytes.len; i++) sum = sum * 31 + (unsigned char)u->bytes.ptr[i];
    say(done, arg, arena_printf(&mem, "{\"size\":%zu,\"sum\":%u,\"place\":\"%s\"}", u->bytes.len, sum, u->place).ptr);
    arena_done(&mem);
    upload_free(u);
}
void ops_upload_abort(struct upload *u) {
    atomic_fetch_add(&u->o->aborted, 1);
    upload_free(u);
}

/* Long bodies: kept whole; what is real about them is tested with the real operations. */
struct intake {
    struct buf bytes;
    void *arg;
};
err ops_intake_begin(struct ops *o, void (*ready)(void *arg), void *arg, struct why *why, struct intake **out) {
    struct intake *i = calloc(1, sizeof *i);
    must(i);
    i->arg = arg;
    *out = i;
    return OK;
}
err ops_intake_feed(struct intake *i, struct str piece, struct why *why, bool *waits) {
    buf_str(&i->bytes, piece);
    return i->bytes.len > 1024 * 1024 ? why_set(why, E_TOO_LARGE, "The JSON is too long.") : OK;
}
void ops_intake_end(struct intake *i, void (*done)(void *arg, err code, const struct why *why)) { done(i->arg, OK, NULL); }
err ops_intake_read(struct intake *i, struct arena *a, struct why *why, struct json **out) {
    if (!i->bytes.len) return why_set(why, E_BAD_JSON, "The body is empty.");
    return json_parse(arena_dup(a, buf_view(&i->bytes)), a, why, out);
}
void ops_intake_drop(struct intake *i) {
    if (!i) return;
    buf_done(&i->bytes);
    free(i);
}

/* --- the server itself --- */

void ops_ready(struct ops *o, ops_done *done, void *arg) {
    struct answer a = {.code = E_UNAVAILABLE, .fd = -1, .json = STR("{\"status\":\"not_ready\",\"warnings\":[\"w\"]}")};
    done(arg, &a);
}
void ops_metrics(struct ops *o, struct buf *out) { buf_z(out, "puras_x 1\n"); }
void ops_error_json(const struct why *why, struct str request_id, struct buf *out) {
    struct jw w = {.out = out};
    jw_open(&w, '{');
    jw_kz(&w, "detail", why_text(why));
    jw_kz(&w, "code", err_info(why->code)->code);
    jw_kstr(&w, "request_id", request_id);
    jw_kz(&w, "field", why->field);
    if (why->facts[0]) jw_kraw(&w, "facts", STR("true")), buf_c(out, ','), buf_z(out, why->facts);
    jw_close(&w, '}');
}
