/* Prices, money, projects, and the server's own pages: one operation each. */
#include "api/routes.h"
#include "base/cleanup.h"
#include "base/limits.h"

#include <stdio.h>

enum { NAME_BYTES = 200 };

/* --- prices and models --- */

void account_pricing(struct exchange *x) {
    exchange_ref(x);
    ops_pricing(exchange_ops(x), done_ok, x);
}

void account_models(struct exchange *x) {
    struct why why = {0};
    struct str kind = {0};
    if (param_text(x, "kind", 32, &why, &kind) || (!kind.len && param_text(x, "model_type", 32, &why, &kind))) {
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_models(exchange_ops(x), kind, STR(""), done_ok, x);
}

/* An unknown model is a wrong argument to a call (400) but a missing page as a path (404). */
static void model_done(void *arg, const struct answer *a) {
    struct answer copy = *a;
    if (copy.code == E_UNKNOWN_MODEL) copy.code = E_NOT_FOUND;
    done_ok(arg, &copy);
}

void account_model(struct exchange *x) {
    exchange_ref(x);
    ops_models(exchange_ops(x), STR(""), x->param, model_done, x);
}

/* --- money --- */

void account_balance(struct exchange *x) {
    exchange_ref(x);
    ops_balance(exchange_ops(x), &x->caller, done_ok, x);
}

void account_usage(struct exchange *x) {
    static const char *const single[] = {"before", "limit", "model", "end_user", "key", "metadata", NULL};
    struct why why = {0};
    struct str group = {0}, other;
    struct list_query *q = arena_new(&x->arena, struct list_query);
    err e = param_text(x, "group", 16, &why, &group);
    if (!e) e = param_list(x, &why, q);
    for (int i = 0; !e && !str_empty(group) && single[i]; i++)
        if (http_query_get(http_query(x->req), single[i], &x->arena, &other)) {
            snprintf(why.field, sizeof why.field, "%s", single[i]);
            e = why_set(&why, E_INVALID, "%s: Sums are of everything from since to until; leave %s out, or leave group out.", single[i], single[i]);
        }
    if (e) {
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    if (str_empty(group)) ops_usage(exchange_ops(x), &x->caller, q, done_ok, x);
    else ops_usage_sums(exchange_ops(x), &x->caller, group, q->since, q->until, done_ok, x);
}

void account_ledger(struct exchange *x) {
    struct why why = {0};
    struct list_query *q = arena_new(&x->arena, struct list_query);
    if (param_page(x, &why, q)) {
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_ledger(exchange_ops(x), &x->caller, q, done_ok, x);
}

void account_audit(struct exchange *x) {
    exchange_ref(x);
    ops_audit(exchange_ops(x), &x->caller, done_ok, x);
}

void account_top_up(struct exchange *x) {
    static const char *const known[] = {"usd", "project", "reason", NULL};
    struct why why = {0};
    struct str project = {0}, reason = {0};
    micros amount = 0;
    if (body_only(x->body, known, &why) || body_text(x->body, "project", false, 128, &why, &project) ||
        body_text(x->body, "reason", false, 500, &why, &reason) || body_usd(x->body, "usd", USD_ABOVE_ZERO | USD_REQUIRED, &why, &amount)) {
        answer_error(x, &why);
        return;
    }
    if (x->caller.kind == KEY_TEST && !str_empty(project) && !str_is(project, x->caller.project)) {
        answer_fail(x, E_FORBIDDEN, "A test key fills the test book of its own project only; leave project out.");
        return;
    }
    exchange_ref(x);
    ops_top_up(exchange_ops(x), &x->caller, project, amount, x->idempotency_key, reason, done_ok, x);
}

/* --- projects --- */

void account_projects(struct exchange *x) {
    exchange_ref(x);
    ops_projects(exchange_ops(x), &x->caller, done_ok, x);
}

void account_project_create(struct exchange *x) {
    static const char *const known[] = {"name", NULL};
    struct why why = {0};
    struct str name = {0};
    if (body_only(x->body, known, &why) || body_text(x->body, "name", true, NAME_BYTES, &why, &name)) {
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_project_create(exchange_ops(x), &x->caller, name, done_created, x);
}

/* --- the server itself --- */

void status_health(struct exchange *x) { answer_json(x, 200, STR("{\"status\":\"ok\"}")); }

/* Not ready is an error like any other, with the full report as one more member. */
static void ready_done(void *arg, const struct answer *a) {
    struct exchange *x = arg;
    if (x->req && a->code) {
        _cleanup_(buf_done) struct buf body = {0};
        struct why why = a->why;
        why.code = a->code;
        ops_error_json(&why, http_request_id(x->req), &body);
        if (!str_empty(a->json) && body.len && body.ptr[body.len - 1] == '}') {
            body.len--;
            buf_z(&body, ",\"readiness\":");
            buf_str(&body, a->json);
            buf_c(&body, '}');
        }
        answer_json(x, err_info(a->code)->http_status, buf_view(&body));
    } else if (x->req) {
        answer_json(x, 200, a->json);
    }
    exchange_unref(x);
}

void status_ready(struct exchange *x) {
    exchange_ref(x);
    ops_ready(exchange_ops(x), ready_done, x);
}

void status_metrics(struct exchange *x) {
    _cleanup_(buf_done) struct buf text = {0};
    ops_metrics(exchange_ops(x), &text);
    answer_headers(x->api, x->req);
    http_add_header(x->req, "Cache-Control", STR("no-store"));
    http_reply(x->req, 200, "text/plain; version=0.0.4; charset=utf-8", buf_view(&text));
    exchange_release(x);
}

void status_openapi(struct exchange *x) { answer_json(x, 200, buf_view(&x->api->openapi)); }
