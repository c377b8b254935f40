/* See exchange.h. Counting, and the one place where answers are written. */
#include "api/exchange.h"

#include "api/routes.h"
#include "base/cleanup.h"

#include <stdio.h>

static void gone(void *arg, struct http_req *r);

struct exchange *exchange_create(struct api *a, struct http_req *r, const struct route *route) {
    struct exchange *x = calloc(1, sizeof *x);
    must(x != NULL);
    *x = (struct exchange){.api = a, .req = r, .route = route, .refs = 1};
    http_set_user(r, x);
    http_on_gone(r, gone, x);
    return x;
}

void exchange_ref(struct exchange *x) { x->refs++; }

void exchange_unref(struct exchange *x) {
    if (--x->refs) return;
    must(!x->wait && !x->stream && !x->upload);
    free(x->delivery);
    openai_done(x);
    arena_done(&x->arena);
    free(x);
}

/* What only makes sense while somebody listens. Abandoning a wait takes its answer away, and with it the reference. */
static void let_go(struct exchange *x) {
    if (x->stream) event_stream_close(TAKE(x->stream));
    if (x->upload) ops_upload_abort(TAKE(x->upload));
    ops_intake_drop(TAKE(x->intake));
    if (x->wait) {
        ops_abandon(TAKE(x->wait));
        x->waiting = false;
        exchange_unref(x);
    }
}

static void gone(void *arg, struct http_req *r) {
    struct exchange *x = arg;
    x->req = NULL;
    let_go(x);
    exchange_unref(x);
}

void exchange_release(struct exchange *x) {
    if (!x->req) return;
    x->req = NULL; /* the server's alone from here on */
    let_go(x);
    exchange_unref(x);
}

/* --- answers --- */

void answer_headers(struct api *a, struct http_req *r) {
    msec took = io_mono(a->o.io) - http_received_at(r);
    http_add_header(r, "X-Content-Type-Options", STR("nosniff"));
    const struct exchange *x = http_user(r);
    if (x && x->origin.len) {
        http_add_header(r, "Access-Control-Allow-Origin", x->origin);
        http_add_header(r, "Access-Control-Expose-Headers", STR("X-Request-Id, Retry-After, Location, Idempotent-Replayed, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"));
        http_add_header(r, "Vary", STR("Origin"));
    }
    http_add_header(r, "Server-Timing", arena_printf(http_arena(r), "total;dur=%lld", (long long)(took < 0 ? 0 : took)));
    struct str trace;
    if (traceparent_read(http_header(r, "traceparent"), &trace)) http_add_header(r, "traceparent", trace);
}

/* A failure of the server's own is written down with its sentence; the access log is the business of whoever runs the
 * server. */
static void log_failure(struct api *a, struct http_req *r, const struct why *why) {
    char detail[600];
    if (!a->o.log || err_info(why->code)->http_status != 500) return;
    log_event(a->o.log, LOG_ERROR, "api.failed", "\"request_id\":\"%.*s\",\"err\":\"%s\",\"detail\":%s",
              STR_ARG(http_request_id(r)), err_name(why->code), log_quote(why_text(why), detail, sizeof detail));
}

static void reply_json(struct api *a, struct http_req *r, int status, struct str json) {
    answer_headers(a, r);
    http_add_header(r, "Cache-Control", STR("no-store"));
    http_reply(r, status, "application/json", json);
}

/* As clients of that shape read it; they repeat a call by themselves unless they are told not to, and only what never began may be. */
static void wrap_openai(struct http_req *r, const struct why *why, struct buf *body) {
    static const struct { int status; const char *type; } types[] = {
        {401, "authentication_error"}, {402, "insufficient_quota"}, {403, "permission_error"}, {404, "not_found_error"}, {422, "image_generation_user_error"}, {429, "rate_limit_error"}};
    const struct err_info *info = err_info(why->code);
    const char *type = info->http_status >= 500 ? "server_error" : "invalid_request_error";
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].status == info->http_status) type = types[i].type;
    _cleanup_(buf_done) struct buf ours = {0};
    buf_str(&ours, buf_view(body));
    buf_clear(body);
    struct jw w = {.out = body};
    jw_open(&w, '{');
    jw_key(&w, "error");
    buf_add(body, ours.ptr, ours.len - 1); /* without its last brace */
    w.comma = true;
    jw_kz(&w, "type", type);
    jw_key(&w, "param");
    if (why->field[0]) jw_z(&w, why->field);
    else jw_null(&w);
    jw_close(&w, '}');
    jw_close(&w, '}');
    bool again = why->code == E_AGAIN || why->code == E_UNAVAILABLE || why->code == E_RATE_LIMITED;
    http_add_header(r, "x-should-retry", again ? STR("true") : STR("false"));
}

static void reply_error(struct api *a, struct http_req *r, const struct why *why, struct str allow) {
    _cleanup_(buf_done) struct buf body = {0};
    const struct err_info *info = err_info(why->code);
    struct why told = *why;
    int status = info->http_status;
    /* who is asked to come again is told when */
    enum retry retry = why_retry(why);
    if (!told.retry_after_s && (retry == RETRY_after || (retry == RETRY_same_key && status == 503))) told.retry_after_s = 1;
    ops_error_json(&told, http_request_id(r), &body);
    if (path_is_openai(http_path(r))) wrap_openai(r, &told, &body);
    log_failure(a, r, why);
    http_set_code(r, info->code);
    if (told.retry_after_s > 0)
        http_add_header(r, "Retry-After", arena_printf(http_arena(r), "%lld", (long long)told.retry_after_s));
    if (status == 401) http_add_header(r, "WWW-Authenticate", STR("Bearer realm=\"puras\""));
    if (!str_empty(allow)) http_add_header(r, "Allow", allow);
    reply_json(a, r, status, buf_view(&body));
}

void answer_refused(struct api *a, struct http_req *r, const struct why *why, struct str allow) {
    reply_error(a, r, why, allow);
}

void answer_json(struct exchange *x, int status, struct str json) {
    if (!x->req) return;
    reply_json(x->api, x->req, status, str_empty(json) ? STR("{}") : json);
    exchange_release(x);
}

void answer_error(struct exchange *x, const struct why *why) {
    if (!x->req) return;
    reply_error(x->api, x->req, why, STR(""));
    exchange_release(x);
}

err answer_fail(struct exchange *x, err code, const char *format, ...) {
    struct why why = {.code = code};
    va_list args;
    va_start(args, format);
    vsnprintf(why.detail, sizeof why.detail, format, args);
    va_end(args);
    answer_error(x, &why);
    return code;
}

void answer_ops_error(struct exchange *x, const struct answer *a) {
    struct why why = a->why;
    why.code = a->code;
    if (!str_empty(a->generation)) {
        char id[64];
        snprintf(id, sizeof id, "%.*s", STR_ARG(a->generation));
        if (a->code == E_STILL_RUNNING &&
            !strstr(why.detail, id)) /* this caller may know no id yet: the sentence gives it and says what to do */
            why_set(&why, E_STILL_RUNNING,
                    "Generation %s is still running and goes on; read GET /v1/generations/%s for its result.", id, id);
        if (!strstr(why.facts, "\"generation_id\"")) why_fact_str(&why, "generation_id", id);
    }
    if (a->replayed && x->req) http_add_header(x->req, "Idempotent-Replayed", STR("true"));
    answer_error(x, &why);
}

static void done_with(struct exchange *x, const struct answer *a, int status) {
    if (x->req) {
        if (a->replayed && !a->code) http_add_header(x->req, "Idempotent-Replayed", STR("true"));
        if (a->code)
            answer_ops_error(x, a);
        else
            answer_json(x, status, a->json);
    }
    exchange_unref(x);
}
void done_ok(void *arg, const struct answer *a) { done_with(arg, a, 200); }
void done_created(void *arg, const struct answer *a) { done_with(arg, a, 201); }
