/* Quotes and generations: the routes that spend. A waiting caller is parked with ops/ and costs its exchange. */
#include "api/routes.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/limits.h"

#include <stdio.h>

enum { OUTPUT_URL_PATH_BYTES = 256, QUOTE_ID_BYTES = 2048, WEBHOOK_URL_BYTES = 2048 };

/* --- parking --- */

static void parked_done(void *arg, const struct answer *a);

/* The current state of a generation whose wait has run out, for a caller that understands an unfinished answer. */
static void ask_once_more(struct exchange *x, struct str id) {
    id = arena_dup(&x->arena, id); /* the answer's strings end with its callback */
    x->once_more = x->waiting = true;
    exchange_ref(x);
    struct wait *w = ops_wait(exchange_ops(x), &x->caller, id, 0, VIEW_GENERATION, 0, parked_done, x);
    if (x->waiting) x->wait = w;
}

static bool takes_unfinished(const struct exchange *x) { return x->prefer.async || !strcmp(x->route->method, "GET"); }

/* A page gets the token by which it may read what it submitted. */
static struct str with_read_token(struct exchange *x, const struct answer *a) {
    if (x->caller.kind != KEY_PUB || !strcmp(x->route->method, "GET") || strcmp(x->route->pattern, "/v1/generations") != 0 || a->json.len < 2) return a->json;
    _cleanup_(buf_done) struct buf json = {0}, token = {0};
    ops_read_token(exchange_ops(x), &x->caller, a->generation, &token);
    buf_str(&json, str_head(a->json, a->json.len - 1));
    buf_printf(&json, ",\"read_token\":\"%.*s\"}", STR_ARG(buf_view(&token)));
    return arena_dup(&x->arena, buf_view(&json));
}

/* 202 says: go on asking there. */
static void answer_accepted(struct exchange *x, const struct answer *a) {
    if (!str_empty(a->generation)) {
        http_add_header(x->req, "Location",
                        arena_printf(&x->arena, "%s/v1/generations/%.*s", x->api->public_url, STR_ARG(a->generation)));
        if (x->prefer.async) http_add_header(x->req, "Preference-Applied", STR("respond-async"));
    }
    answer_json(x, 202, with_read_token(x, a));
}

static void parked_done(void *arg, const struct answer *a) {
    struct exchange *x = arg;
    bool is_get = !strcmp(x->route->method, "GET");
    generate_answered(x, a);
    if (!x->req) {
        exchange_unref(x);
        return;
    }
    if (a->code == E_STILL_RUNNING && takes_unfinished(x) && !x->once_more) {
        ask_once_more(x, a->generation);
    } else if (a->code) {
        answer_ops_error(x, a);
    } else {
        if (a->replayed) http_add_header(x->req, "Idempotent-Replayed", STR("true"));
        /* The state asked for after a wait is a generation, whatever the call would have answered: never a plain 200. */
        if (!is_get && (x->once_more || !a->terminal))
            answer_accepted(x, a);
        else
            answer_json(x, 200, with_read_token(x, a));
    }
    exchange_unref(x);
}

/* POST /v1/generations without a wait: committed is all that was asked for. */
static void committed_done(void *arg, const struct answer *a) {
    struct exchange *x = arg;
    generate_answered(x, a);
    if (x->req && a->code) {
        answer_ops_error(x, a);
    } else if (x->req) {
        if (a->replayed) http_add_header(x->req, "Idempotent-Replayed", STR("true"));
        answer_accepted(x, a);
    }
    exchange_unref(x);
}

/* --- answers that may have been lost ---
 *
 * A caller without an idempotency key who lost his answer sends the same once more. Two kinds of callers say enough for it to be told from a
 * second wish: programs that run on a service token never repeat by themselves, so the same body again from the same job is a repeat as long as
 * the first answer did not arrive; OpenAI's clients repeat by themselves, and count. */

struct delivery {
    struct ops *ops;
    struct caller caller;
    char route[64], key[160], generation[40];
};

static void sent(void *arg, bool whole) {
    struct delivery *d = arg;
    if (whole) ops_delivered(d->ops, &d->caller, str_of(d->route), str_of(d->key), str_of(d->generation));
    free(d);
}

void generate_answered(struct exchange *x, const struct answer *a) {
    x->waiting = false;
    x->wait = NULL;
    if (!x->delivery || !x->req || a->code == E_STILL_RUNNING || str_empty(a->generation)) return;
    snprintf(x->delivery->generation, sizeof x->delivery->generation, "%.*s", STR_ARG(a->generation));
    http_on_sent(x->req, sent, TAKE(x->delivery));
}

/* How this caller's repeats are known; REPEAT_KEY: he sends keys, or not at all. */
static enum repeat repeat_of(const struct exchange *x) {
    int64_t count;
    if (x->idempotency_key.len || x->prefer.async) return REPEAT_KEY;
    if (x->caller.service || x->service_header) return REPEAT_UNDELIVERED;
    if (!path_is_openai(http_path(x->req)) || !str_to_i64(str_trim(http_header(x->req, "X-Stainless-Retry-Count")), &count)) return REPEAT_KEY;
    return count > 0 ? REPEAT_UNDELIVERED : REPEAT_NEVER;
}

static void know_by_body(struct exchange *x, struct submission *s) {
    s->repeat = repeat_of(x);
    if (s->repeat == REPEAT_KEY) return;
    s->idempotency_key = arena_printf(&x->arena, "body:%s:%s:%.*s", x->caller.key, x->caller.job, STR_ARG(s->request_hash));
    x->delivery = calloc(1, sizeof *x->delivery);
    must(x->delivery);
    *x->delivery = (struct delivery){.ops = exchange_ops(x), .caller = x->caller};
    snprintf(x->delivery->route, sizeof x->delivery->route, "%.*s", STR_ARG(s->route));
    snprintf(x->delivery->key, sizeof x->delivery->key, "%.*s", STR_ARG(s->idempotency_key));
}

void generate_run(struct exchange *x, struct submission *s, struct str canonical, ops_done *done) {
    char hash[SHA256_HEX + 1];
    struct buf text = {0};
    buf_printf(&text, "%s %s\n", x->route->method, x->route->pattern);
    if (canonical.len) buf_str(&text, canonical);
    else json_write_canonical(&text, x->body);
    sha256_hex(buf_view(&text), hash);
    buf_done(&text);
    s->request_hash = arena_dup(&x->arena, str_of(hash));
    s->route = arena_printf(&x->arena, "%s %s", x->route->method, x->route->pattern);
    s->idempotency_key = x->idempotency_key;
    s->intake = x->intake;
    know_by_body(x, s);
    struct str trace;
    if (traceparent_read(http_header(x->req, "traceparent"), &trace)) s->trace = arena_dup(&x->arena, trace);

    x->waiting = true;
    exchange_ref(x); /* the operation's */
    exchange_ref(x); /* ours: the answer may come inside the call and drop all the others */
    struct wait *w = ops_submit(exchange_ops(x), &x->caller, s, done, x);
    if (x->waiting && x->req) x->wait = w;
    exchange_unref(x);
}

/* What the caller agrees to pay, how long links live, and whom it wants told. Other members may be ignored where clients send more than they need; a
 * bound of the price never. */
static err read_terms(const struct exchange *x, struct submission *s, struct why *why) {
    TRY(body_int(x->body, "max_micros", 1, MICROS_MAX, why, &s->max_micros));
    TRY(body_text(x->body, "quote_id", false, QUOTE_ID_BYTES, why, &s->quote_id));
    TRY(body_text(x->body, "webhook_url", false, WEBHOOK_URL_BYTES, why, &s->webhook_url));
    return body_int(x->body, "url_ttl", LIMIT_SIGNED_URL_MIN_S, LIMIT_SIGNED_URL_MAX_S, why, &s->ttl_s);
}

/* Whom the caller acts for, and what he wants to see again. Callers of the one-call route send members of their own: what is of
 * another type there is not ours. */
static err read_labels(struct exchange *x, bool strict, struct submission *s, struct why *why) {
    const struct json *metadata = json_get(x->body, "metadata"), *user = json_get(x->body, "end_user");
    if (strict || json_is(user, JSON_STRING)) TRY(body_text(x->body, "end_user", false, END_USER_BYTES, why, &s->end_user));
    if (strict) TRY(body_object(x->body, "metadata", why, &metadata));
    if (!json_is(metadata, JSON_OBJECT)) return OK;
    if (json_has_spool(metadata)) {
        snprintf(why->field, sizeof why->field, "metadata");
        return why_set(why, E_INVALID, "metadata: It holds a string over %d bytes; at most %d are kept with a generation.", LIMIT_STRING_SPOOL_BYTES, METADATA_BYTES);
    }
    _cleanup_(buf_done) struct buf text = {0};
    json_write(&text, metadata);
    if (text.len > METADATA_BYTES) {
        snprintf(why->field, sizeof why->field, "metadata");
        return why_set(why, E_INVALID, "metadata: It has %zu bytes; at most %d are kept with a generation.", text.len, METADATA_BYTES);
    }
    s->metadata = arena_dup(&x->arena, buf_view(&text));
    return OK;
}

/* --- POST /v1/media/generate --- */

static err read_media(struct exchange *x, struct submission *s, struct why *why) {
    const struct json *persist = json_get(x->body, "persist");
    struct str verb = {0}, job = {0};
    TRY(body_project(x, why));
    TRY(body_text(x->body, "job_id", false, 128, why, &job));
    if (job.len && x->caller.job[0] && !str_is(job, x->caller.job)) {
        snprintf(why->field, sizeof why->field, "job_id");
        return why_set(why, E_FORBIDDEN, "The service token is for the job %s and the body names another. Nothing was charged.", x->caller.job);
    }
    TRY(body_text(x->body, "model", true, MODEL_BYTES, why, &s->model));
    TRY(body_object(x->body, "inputs", why, &s->inputs));
    TRY(body_text(x->body, "kind", false, 32, why, &s->kind));
    TRY(body_text(x->body, "verb", false, 32, why, &verb));
    TRY(body_text(x->body, "output_path", false, LIMIT_PATH_BYTES, why, &s->output_path));
    while (str_starts(s->output_path, STR("/"))) s->output_path = str_skip(s->output_path, 1); /* older callers put one in front */
    TRY(body_text(x->body, "output_url_path", false, OUTPUT_URL_PATH_BYTES, why, &s->output_url_path));
    TRY(read_terms(x, s, why));
    if (persist && persist->type != JSON_BOOL && persist->type != JSON_NULL) {
        snprintf(why->field, sizeof why->field, "persist");
        return why_set(why, E_INVALID, "persist: It must be true or false; the file is stored in the drive either way.");
    }
    TRY(read_labels(x, false, s, why));
    /* The verb of newer clients says the kind in another word; an explicit kind is stronger. */
    if ((str_empty(s->kind) || str_is(s->kind, "auto")) && !str_empty(verb)) s->kind = verb;
    return OK;
}

void generate_media(struct exchange *x) {
    struct why why = {0};
    struct submission *s = arena_new(&x->arena, struct submission);
    if (read_media(x, s, &why)) {
        answer_error(x, &why);
        return;
    }
    if (x->prefer.async && !x->prefer.wait_s) {
        s->view = VIEW_GENERATION; /* nothing is finished yet that could be shown as the finished dictionary */
        s->wait = 0;
        generate_run(x, s, STR(""), committed_done);
        return;
    }
    s->view = VIEW_MEDIA;
    s->wait = x->prefer.has_wait ? x->prefer.wait_s * MS_SECOND : LIMIT_WAIT_MS;
    generate_run(x, s, STR(""), parked_done);
}

/* --- POST /v1/generations --- */

static err read_generation(struct exchange *x, struct submission *s, struct why *why) {
    static const char *const known[] = {"model", "inputs", "kind", "output_path", "output_url_path", "max_micros", "quote_id", "url_ttl", "webhook_url", "metadata", "end_user", NULL};
    TRY(body_only(x->body, known, why));
    TRY(body_text(x->body, "model", true, MODEL_BYTES, why, &s->model));
    TRY(body_object(x->body, "inputs", why, &s->inputs));
    TRY(body_text(x->body, "kind", false, 32, why, &s->kind));
    TRY(body_text(x->body, "output_path", false, LIMIT_PATH_BYTES, why, &s->output_path));
    TRY(body_text(x->body, "output_url_path", false, OUTPUT_URL_PATH_BYTES, why, &s->output_url_path));
    TRY(read_labels(x, true, s, why));
    return read_terms(x, s, why);
}

void generate_submit(struct exchange *x) {
    struct why why = {0};
    struct submission *s = arena_new(&x->arena, struct submission);
    if (read_generation(x, s, &why)) {
        answer_error(x, &why);
        return;
    }
    s->view = VIEW_GENERATION;
    s->wait = x->prefer.has_wait ? x->prefer.wait_s * MS_SECOND : 0;
    generate_run(x, s, STR(""), s->wait ? parked_done : committed_done);
}

/* --- reading and cancelling --- */

static bool is_generation(struct exchange *x) {
    if (id_is(x->param)) return true;
    answer_fail(x, E_NOT_FOUND, "There is no generation of that id; an id has 32 lower-case hex digits.");
    return false;
}

void generate_get(struct exchange *x) {
    struct why why = {0};
    int64_t wait = 0, ttl = 0;
    if (!is_generation(x)) return;
    if (param_int(x, "wait", 0, LIMIT_WAIT_MS / MS_SECOND, &why, &wait) ||
        param_int(x, "url_ttl", LIMIT_SIGNED_URL_MIN_S, LIMIT_SIGNED_URL_MAX_S, &why, &ttl)) {
        answer_error(x, &why);
        return;
    }
    x->waiting = true;
    exchange_ref(x);
    exchange_ref(x);
    struct wait *w = ops_wait(exchange_ops(x), &x->caller, x->param, wait * MS_SECOND, VIEW_GENERATION, ttl, parked_done, x);
    if (x->waiting && x->req) x->wait = w;
    exchange_unref(x);
}

void generate_list(struct exchange *x) {
    struct why why = {0};
    struct list_query *q = arena_new(&x->arena, struct list_query);
    if (param_list(x, &why, q) || param_text(x, "status", 32, &why, &q->state) || param_text(x, "state", 32, &why, &q->state)) {
        answer_error(x, &why);
        return;
    }
    static const char *const states[] = {"", "pending", "processing", "completed", "failed", "cancelled"};
    size_t i = 0, n = sizeof states / sizeof *states;
    while (i < n && !str_is(q->state, states[i])) i++;
    if (i == n) {
        why_set(&why, E_INVALID, "state: It must be pending, processing, completed, failed or cancelled.");
        snprintf(why.field, sizeof why.field, "state");
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_list(exchange_ops(x), &x->caller, q, done_ok, x);
}

void generate_cancel(struct exchange *x) {
    if (!is_generation(x)) return;
    exchange_ref(x);
    ops_cancel(exchange_ops(x), &x->caller, x->param, done_ok, x);
}

void generate_deliver(struct exchange *x) {
    static const char *const known[] = {"output_url_path", NULL};
    struct why why = {0};
    struct str path = {0};
    if (!is_generation(x)) return;
    if (body_only(x->body, known, &why) || body_text(x->body, "output_url_path", false, OUTPUT_URL_PATH_BYTES, &why, &path)) {
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_deliver(exchange_ops(x), &x->caller, x->param, path, done_ok, x);
}

void generate_resolve(struct exchange *x) {
    if (!is_generation(x)) return;
    exchange_ref(x);
    ops_resolve(exchange_ops(x), &x->caller, x->param, done_ok, x);
}

void generate_quote(struct exchange *x) {
    static const char *const known[] = {"model", "inputs", NULL};
    struct why why = {0};
    struct str model = {0};
    const struct json *inputs = NULL;
    if (body_only(x->body, known, &why) || body_text(x->body, "model", true, MODEL_BYTES, &why, &model) ||
        body_object(x->body, "inputs", &why, &inputs)) {
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_quote(exchange_ops(x), &x->caller, model, inputs, done_ok, x);
}
