/* Members of bodies and parameters of queries, read by their rules; see exchange.h. */
#include "api/exchange.h"
#include "base/cleanup.h"
#include "base/limits.h"

#include <stdio.h>

/* Names from outside are quoted only as far as a sentence can bear. */
static struct str brief(struct str s) { return str_head(s, 60); }

static err bad_field(struct why *why, const char *name, const char *sentence) {
    err e = why_set(why, E_INVALID, "%s: %s", name, sentence);
    if (why) snprintf(why->field, sizeof why->field, "%s", name);
    return e;
}

err body_only(const struct json *body, const char *const *names, struct why *why) {
    for (const struct json *m = body->child; m; m = m->next) {
        const char *const *n = names;
        while (*n && !str_is(m->key, *n)) n++;
        if (*n) continue;
        char known[300] = "";
        size_t used = 0;
        for (n = names; *n && used < sizeof known; n++)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", *n);
        why_set(why, E_INVALID, "The body has a member \"%.*s\" that this call does not know; it takes %s.",
                STR_ARG(brief(m->key)), known);
        if (why) snprintf(why->field, sizeof why->field, "%.*s", STR_ARG(brief(m->key)));
        return E_INVALID;
    }
    return OK;
}

err body_text(const struct json *body, const char *name, bool required, size_t max, struct why *why, struct str *out) {
    const struct json *m = json_get(body, name);
    struct str s;
    if (!m || m->type == JSON_NULL) return required ? bad_field(why, name, "It is missing, and this call needs it.") : OK;
    if (!json_as_str(m, &s)) return bad_field(why, name, "It must be a string.");
    if (required && str_empty(s)) return bad_field(why, name, "It must not be empty.");
    if (s.len > max) return bad_field(why, name, "It is longer than this call takes.");
    *out = s;
    return OK;
}

static err bounded(const char *name, int64_t v, int64_t min, int64_t max, struct why *why, int64_t *out) {
    if (v < min || v > max) {
        char sentence[120];
        snprintf(sentence, sizeof sentence, "It must be from %lld to %lld.", (long long)min, (long long)max);
        return bad_field(why, name, sentence);
    }
    *out = v;
    return OK;
}

err body_int(const struct json *body, const char *name, int64_t min, int64_t max, struct why *why, int64_t *out) {
    const struct json *m = json_get(body, name);
    int64_t v;
    if (!m || m->type == JSON_NULL) return OK;
    if (m->type != JSON_NUMBER || !json_as_i64(m, &v)) return bad_field(why, name, "It must be a whole number.");
    return bounded(name, v, min, max, why, out);
}

err body_words(const struct json *body, const char *name, uint32_t max, struct arena *a, struct why *why, struct str *out) {
    const struct json *m = json_get(body, name);
    if (!m || m->type == JSON_NULL) return OK;
    if (m->type != JSON_ARRAY) return bad_field(why, name, "It must be an array of strings.");
    if (m->count > max) return bad_field(why, name, "It has more elements than this call takes.");
    struct str words = {0}, word;
    for (const struct json *e = m->child; e; e = e->next) {
        if (!json_as_str(e, &word)) return bad_field(why, name, "It must be an array of strings.");
        if (!word.len || memchr(word.ptr, ' ', word.len)) return bad_field(why, name, "Each of its strings is one word.");
        words = arena_printf(a, "%.*s%s%.*s", STR_ARG(words), words.len ? " " : "", STR_ARG(word));
    }
    *out = words;
    return OK;
}

err body_usd(const struct json *body, const char *name, int rule, struct why *why, micros *out) {
    const struct json *usd = json_get(body, name);
    bool absent = !usd || usd->type == JSON_NULL;
    if (absent && !(rule & USD_REQUIRED)) return OK;
    if (absent) return bad_field(why, name, "The amount is missing; send a decimal number of dollars such as 10 or \"0.5\".");
    if (usd->type != JSON_NUMBER && usd->type != JSON_STRING) return bad_field(why, name, "It must be a decimal number of dollars such as 10 or \"0.5\".");
    micros amount;
    if (micros_read_usd(usd->text, &amount))
        return bad_field(why, name, "It is not an amount; send a plain decimal number of dollars with at most six decimals, such as 10 or \"0.5\".");
    if (rule == USD_NOT_ZERO ? !amount : amount <= 0) return bad_field(why, name, rule == USD_NOT_ZERO ? "The amount must not be zero." : "The amount must be above zero.");
    *out = amount;
    return OK;
}

static err read_time(const char *name, struct str text, struct why *why, msec *out) {
    if (iso_time_read(text, out)) return OK;
    return bad_field(why, name, "It must be a moment as in 2026-11-22T08:30:00Z, or a day (UTC) as in 2026-11-22.");
}

err body_time(const struct json *body, const char *name, struct why *why, msec *out) {
    struct str text = {0};
    TRY(body_text(body, name, false, 40, why, &text));
    return str_empty(text) ? OK : read_time(name, text, why, out);
}

err body_object(const struct json *body, const char *name, struct why *why, const struct json **out) {
    const struct json *m = json_get(body, name);
    if (!m || m->type == JSON_NULL) return OK;
    if (m->type != JSON_OBJECT) return bad_field(why, name, "It must be an object.");
    *out = m;
    return OK;
}

/* The tenant may be named by either of two words or not at all; the key decides who it is. */
static err one_project(const struct exchange *x, const char *name, struct why *why) {
    struct str id = {0};
    TRY(body_text(x->body, name, false, 128, why, &id));
    if (str_empty(id) || str_is(id, x->caller.project)) return OK;
    err e = why_set(why, E_FORBIDDEN, "%s names another project than the key's own; leave it out or send \"%s\".", name,
                    x->caller.project);
    snprintf(why->field, sizeof why->field, "%s", name);
    return e;
}

err body_project(const struct exchange *x, struct why *why) {
    TRY(one_project(x, "project_id", why));
    return one_project(x, "workspace_id", why);
}

/* An empty value is a value that was not given: ?state= lists all. */
err param_text(struct exchange *x, const char *name, size_t max, struct why *why, struct str *out) {
    struct str s;
    if (!http_query_get(http_query(x->req), name, &x->arena, &s) || str_empty(s)) return OK;
    if (s.len > max) return bad_field(why, name, "It is longer than this call takes.");
    if (!str_is_utf8(s)) return bad_field(why, name, "It must be UTF-8.");
    *out = s;
    return OK;
}

err param_int(struct exchange *x, const char *name, int64_t min, int64_t max, struct why *why, int64_t *out) {
    struct str s = {0};
    int64_t v;
    TRY(param_text(x, name, 64, why, &s));
    if (str_empty(s)) return OK;
    if (!str_to_i64(s, &v)) return bad_field(why, name, "It must be a whole number.");
    return bounded(name, v, min, max, why, out);
}

err param_time(struct exchange *x, const char *name, struct why *why, msec *out) {
    struct str text = {0};
    TRY(param_text(x, name, 40, why, &text));
    return str_empty(text) ? OK : read_time(name, text, why, out);
}

/* A name that no list knows is a filter that would silently do nothing. */
static err param_only(struct exchange *x, const char *const *names, struct why *why) {
    struct str pair, name, value, rest = http_query(x->req);
    while (rest.len) {
        str_cut(rest, '&', &pair, &rest);
        str_cut(pair, '=', &name, &value);
        if (!name.len || !http_percent_decode(name, true, &x->arena, &name)) continue;
        const char *const *n = names;
        while (*n && !str_is(name, *n)) n++;
        if (*n) continue;
        char known[200] = "";
        size_t used = 0;
        for (n = names; *n && used < sizeof known; n++) used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", *n);
        if (why) snprintf(why->field, sizeof why->field, "%.*s", STR_ARG(brief(name)));
        return why_set(why, E_INVALID, "This list has no parameter \"%.*s\"; it takes %s.", STR_ARG(brief(name)), known);
    }
    return OK;
}

/* "order:7" */
static err param_metadata(struct exchange *x, struct why *why, struct list_query *out) {
    struct str text = {0};
    TRY(param_text(x, "metadata", 200, why, &text));
    if (!text.len) return OK;
    if (!str_cut(text, ':', &out->meta_name, &out->meta_value) || !out->meta_name.len) return bad_field(why, "metadata", "It must be a member's name, a colon and its value, such as order:7.");
    return OK;
}

err param_page(struct exchange *x, struct why *why, struct list_query *out) {
    out->limit = 50;
    TRY(param_int(x, "before", 1, INT64_MAX, why, &out->before_seq));
    return param_int(x, "limit", 1, LIMIT_PAGE, why, &out->limit);
}

err param_list(struct exchange *x, struct why *why, struct list_query *out) {
    static const char *const names[] = {"before", "limit", "state", "status", "model", "end_user", "key", "metadata", "since", "until", "group", NULL};
    TRY(param_only(x, names, why));
    TRY(param_page(x, why, out));
    TRY(param_metadata(x, why, out));
    TRY(param_text(x, "model", MODEL_BYTES, why, &out->model));
    TRY(param_text(x, "end_user", END_USER_BYTES, why, &out->end_user));
    TRY(param_text(x, "key", 64, why, &out->key));
    TRY(param_time(x, "since", why, &out->since));
    return param_time(x, "until", why, &out->until);
}
