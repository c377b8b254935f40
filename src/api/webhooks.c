/* Webhooks out as resources of a project: made, changed, rotated, tested, deleted; what was told, and telling it once more. */
#include "api/routes.h"
#include "base/limits.h"

/* Headers that carry signatures, of any of the schemes. */
static const char *const signed_by[] = {"webhook-id", "webhook-timestamp", "webhook-signature", "x-fal-webhook-request-id", "x-fal-webhook-user-id", "x-fal-webhook-timestamp",
                                        "x-fal-webhook-signature"};
enum { SIGNED_BY = sizeof signed_by / sizeof *signed_by };

enum { WORDS_MAX = 8, OVERLAP_MAX_S = 7 * 24 * 3600, OVERLAP_S = 24 * 3600 };

static err read_set(struct exchange *x, bool fresh, struct why *why, struct webhook_set *out) {
    TRY(body_text(x->body, "url", fresh, LIMIT_URL_BYTES, why, &out->url));
    TRY(body_words(x->body, "events", WORDS_MAX, &x->arena, why, &out->events));
    return body_words(x->body, "books", WORDS_MAX, &x->arena, why, &out->books);
}

void webhooks_list(struct exchange *x) {
    exchange_ref(x);
    ops_webhooks(exchange_ops(x), &x->caller, done_ok, x);
}

void webhooks_create(struct exchange *x) {
    static const char *const known[] = {"url", "events", "books", NULL};
    struct why why = {0};
    struct webhook_set set = {0};
    if (body_only(x->body, known, &why) || read_set(x, true, &why, &set)) {
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_webhook_create(exchange_ops(x), &x->caller, &set, done_created, x);
}

void webhooks_get(struct exchange *x) {
    exchange_ref(x);
    ops_webhook_get(exchange_ops(x), &x->caller, x->param, done_ok, x);
}

void webhooks_set(struct exchange *x) {
    static const char *const known[] = {"url", "events", "books", "state", NULL};
    struct why why = {0};
    struct webhook_set set = {0};
    if (body_only(x->body, known, &why) || read_set(x, false, &why, &set) || body_text(x->body, "state", false, 16, &why, &set.state)) {
        answer_error(x, &why);
        return;
    }
    if (!set.url.len && !set.events.len && !set.books.len && !set.state.len) {
        answer_fail(x, E_INVALID, "The body changes nothing; it takes url, events, books and state.");
        return;
    }
    exchange_ref(x);
    ops_webhook_set(exchange_ops(x), &x->caller, x->param, &set, done_ok, x);
}

void webhooks_delete(struct exchange *x) {
    exchange_ref(x);
    ops_webhook_delete(exchange_ops(x), &x->caller, x->param, done_ok, x);
}

static bool read_overlap(struct exchange *x, int64_t *out) {
    static const char *const known[] = {"overlap_s", NULL};
    struct why why = {0};
    *out = OVERLAP_S;
    if (!body_only(x->body, known, &why) && !body_int(x->body, "overlap_s", 0, OVERLAP_MAX_S, &why, out)) return true;
    answer_error(x, &why);
    return false;
}

void webhooks_secret(struct exchange *x) {
    int64_t overlap;
    if (!read_overlap(x, &overlap)) return;
    exchange_ref(x);
    ops_webhook_secret(exchange_ops(x), &x->caller, overlap, done_ok, x);
}

void webhooks_rotate(struct exchange *x) {
    int64_t overlap;
    if (!read_overlap(x, &overlap)) return;
    exchange_ref(x);
    ops_webhook_rotate(exchange_ops(x), &x->caller, x->param, overlap, done_ok, x);
}

void webhooks_test(struct exchange *x) {
    exchange_ref(x);
    ops_webhook_test(exchange_ops(x), &x->caller, x->param, done_ok, x);
}

void webhooks_deliveries(struct exchange *x) {
    struct why why = {0};
    struct list_query *q = arena_new(&x->arena, struct list_query);
    if (param_page(x, &why, q)) {
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_webhook_messages(exchange_ops(x), &x->caller, x->param, q, done_ok, x);
}

void webhooks_redeliver(struct exchange *x) {
    exchange_ref(x);
    ops_webhook_again(exchange_ops(x), &x->caller, x->param, done_ok, x);
}

/* --- and in --- */

void hooks_take(struct exchange *x) {
    struct hook_in h = {.body = x->bytes};
    struct hook_header headers[SIGNED_BY];
    str_cut(x->param, '/', &h.provider, &h.token);
    for (size_t i = 0; i < SIGNED_BY; i++) headers[i] = (struct hook_header){str_of(signed_by[i]), http_header(x->req, signed_by[i])};
    h.headers = headers;
    h.header_count = SIGNED_BY;
    exchange_ref(x);
    ops_hook(exchange_ops(x), &h, done_ok, x);
}
