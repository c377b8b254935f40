/* What operators and projects set: keys with their policies, limits of projects, corrections of a book, secrets. One operation each;
 * what may be set is decided behind them. */
#include "api/routes.h"
#include "base/cleanup.h"
#include "base/limits.h"

#include <stdio.h>

enum { NAME_BYTES = 200, ID_BYTES = 128, WORDS_MAX = 64, SECRET_BYTES = 16 * 1024, PROVIDER_KEY_BYTES = 4096, DAY_S = 24 * 3600, LONGEST_S = 3650 * DAY_S };

/* --- keys --- */

void account_keys(struct exchange *x) {
    struct why why = {0};
    struct str project = {0};
    if (param_text(x, "project", ID_BYTES, &why, &project)) {
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_keys(exchange_ops(x), &x->caller, project, done_ok, x);
}

/* When it ends: a moment, or so many seconds from now. */
static err read_expiry(struct exchange *x, struct why *why, msec *out) {
    int64_t in_s = 0;
    msec at = 0;
    TRY(body_time(x->body, "expires_at", why, &at));
    TRY(body_int(x->body, "expires_in_s", 1, LONGEST_S, why, &in_s));
    if (at && in_s) {
        snprintf(why->field, sizeof why->field, "expires_in_s");
        return why_set(why, E_INVALID, "expires_in_s: Say when the key ends with expires_at or with expires_in_s, not with both.");
    }
    *out = in_s ? io_now(x->api->o.io) + in_s * MS_SECOND : at;
    return OK;
}

static err read_policy(struct exchange *x, struct why *why, struct key_policy *out) {
    TRY(body_words(x->body, "scopes", WORDS_MAX, &x->arena, why, &out->scopes));
    TRY(body_words(x->body, "models", WORDS_MAX, &x->arena, why, &out->models));
    TRY(body_words(x->body, "origins", WORDS_MAX, &x->arena, why, &out->origins));
    TRY(body_usd(x->body, "call_cap_usd", USD_ABOVE_ZERO, why, &out->call_cap));
    TRY(body_usd(x->body, "day_cap_usd", USD_ABOVE_ZERO, why, &out->day_cap));
    TRY(body_text(x->body, "rate_class", false, 15, why, &out->rate_class));
    return read_expiry(x, why, &out->expires_at);
}

void account_key_create(struct exchange *x) {
    static const char *const known[] = {"project", "kind", "name", "scopes", "models", "origins", "call_cap_usd", "day_cap_usd", "rate_class", "expires_at", "expires_in_s", NULL};
    struct why why = {0};
    struct str project = {0}, kind = {0}, name = {0};
    struct key_policy policy = {0};
    if (body_only(x->body, known, &why) || body_text(x->body, "project", false, ID_BYTES, &why, &project) ||
        body_text(x->body, "kind", true, 32, &why, &kind) || body_text(x->body, "name", false, NAME_BYTES, &why, &name) ||
        read_policy(x, &why, &policy)) {
        answer_error(x, &why);
        return;
    }
    if (!str_is(kind, "live") && !str_is(kind, "test") && !str_is(kind, "admin") && !str_is(kind, "pub") && !str_is(kind, "pubtest")) {
        why_set(&why, E_INVALID, "kind: It must be live, test, admin, pub or pubtest.");
        snprintf(why.field, sizeof why.field, "kind");
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_key_create(exchange_ops(x), &x->caller, project, kind, name, &policy, done_created, x);
}

void account_key_rotate(struct exchange *x) {
    static const char *const known[] = {"overlap_s", "expires_at", "expires_in_s", NULL};
    struct why why = {0};
    struct key_policy policy = {.rotates = x->param, .overlap_s = DAY_S};
    if (body_only(x->body, known, &why) || body_int(x->body, "overlap_s", 0, 365 * DAY_S, &why, &policy.overlap_s) ||
        read_expiry(x, &why, &policy.expires_at)) {
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_key_create(exchange_ops(x), &x->caller, STR(""), STR(""), STR(""), &policy, done_created, x);
}

void account_key_revoke(struct exchange *x) {
    exchange_ref(x);
    ops_key_revoke(exchange_ops(x), &x->caller, x->param, done_ok, x);
}

/* --- limits and corrections --- */

void account_project_set(struct exchange *x) {
    static const char *const known[] = {"run_limit", "drive_limit", "retention_days", NULL};
    struct why why = {0};
    int64_t run_limit = -1, drive_limit = -1, days = -1; /* stay as they are */
    if (body_only(x->body, known, &why) || body_int(x->body, "run_limit", 1, 100000, &why, &run_limit) ||
        body_int(x->body, "drive_limit", 0, INT64_MAX / 4, &why, &drive_limit) ||
        body_int(x->body, "retention_days", 0, LIMIT_RETENTION_DAYS, &why, &days)) {
        answer_error(x, &why);
        return;
    }
    if (run_limit < 0 && drive_limit < 0 && days < 0) {
        answer_fail(x, E_INVALID, "The body sets nothing; it takes run_limit, drive_limit and retention_days.");
        return;
    }
    exchange_ref(x);
    ops_project_set(exchange_ops(x), &x->caller, x->param, run_limit, drive_limit, days, done_ok, x);
}

void account_adjust(struct exchange *x) {
    static const char *const known[] = {"project", "book", "usd", "reason", NULL};
    struct why why = {0};
    struct str project = {0}, book = {0}, reason = {0};
    micros amount = 0;
    if (body_only(x->body, known, &why) || body_text(x->body, "project", false, ID_BYTES, &why, &project) ||
        body_text(x->body, "book", true, 8, &why, &book) || body_text(x->body, "reason", true, 500, &why, &reason) ||
        body_usd(x->body, "usd", USD_NOT_ZERO, &why, &amount)) {
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_adjust(exchange_ops(x), &x->caller, project, book, amount, x->idempotency_key, reason, done_ok, x);
}

/* --- secrets: what comes in never goes out again --- */

void account_secrets(struct exchange *x) {
    exchange_ref(x);
    ops_secrets(exchange_ops(x), &x->caller, done_ok, x);
}

void account_secret_put(struct exchange *x) {
    static const char *const known[] = {"name", "value", NULL};
    struct why why = {0};
    struct str name = {0}, value = {0};
    if (body_only(x->body, known, &why) || body_text(x->body, "name", true, 64, &why, &name) ||
        body_text(x->body, "value", true, SECRET_BYTES, &why, &value)) {
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_secret_put(exchange_ops(x), &x->caller, name, value, done_ok, x);
}

void account_secret_delete(struct exchange *x) {
    exchange_ref(x);
    ops_secret_delete(exchange_ops(x), &x->caller, x->param, done_ok, x);
}

/* --- service tokens --- */

void account_token_create(struct exchange *x) {
    static const char *const known[] = {"job_id", "ttl_s", "scopes", NULL};
    struct why why = {0};
    struct str job = {0}, scopes = {0};
    int64_t ttl = 0;
    if (body_only(x->body, known, &why) || body_text(x->body, "job_id", false, JOB_MAX, &why, &job) || body_int(x->body, "ttl_s", 60, 86400, &why, &ttl) ||
        body_words(x->body, "scopes", 8, &x->arena, &why, &scopes)) {
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_token_create(exchange_ops(x), &x->caller, job, ttl, scopes, done_created, x);
}

/* --- providers: the operator's keys, likewise --- */

void account_providers(struct exchange *x) {
    exchange_ref(x);
    ops_providers(exchange_ops(x), &x->caller, done_ok, x);
}

void account_provider_key_put(struct exchange *x) {
    static const char *const known[] = {"key", NULL};
    struct why why = {0};
    struct str key = {0};
    if (body_only(x->body, known, &why) || body_text(x->body, "key", true, PROVIDER_KEY_BYTES, &why, &key)) {
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_provider_key_put(exchange_ops(x), &x->caller, x->param, key, done_ok, x);
}

void account_provider_key_delete(struct exchange *x) {
    exchange_ref(x);
    ops_provider_key_delete(exchange_ops(x), &x->caller, x->param, done_ok, x);
}

void account_pause(struct exchange *x) {
    static const char *const known[] = {"provider", "model", "paused", NULL};
    struct why why = {0};
    struct str provider = {0}, model = {0};
    const struct json *paused = json_get(x->body, "paused");
    if (body_only(x->body, known, &why) || body_text(x->body, "provider", false, ID_BYTES, &why, &provider) ||
        body_text(x->body, "model", false, NAME_BYTES, &why, &model)) {
        answer_error(x, &why);
        return;
    }
    if (!paused || paused->type != JSON_BOOL) {
        snprintf(why.field, sizeof why.field, "paused");
        why_set(&why, E_INVALID, "paused: It must be true or false.");
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_pause(exchange_ops(x), &x->caller, provider, model, paused->boolean, done_ok, x);
}
