/* Conditions on a reply, and the rules that give a failure its class. */
#include "provider/describe.h"

#include <stdio.h>

static void read_status(struct doc *d, const struct json *j, struct cond *out) {
    int64_t n;
    bool wild = json_is(j, JSON_STRING) && j->text.len == 3 && j->text.ptr[0] >= '1' && j->text.ptr[0] <= '5' && str_is(str_skip(j->text, 1), "xx");
    if (out->range_count == sizeof out->lows / sizeof *out->lows) {
        doc_problem(d, j, "a rule names at most %zu statuses.", sizeof out->lows / sizeof *out->lows);
    } else if (wild) {
        out->lows[out->range_count] = (uint16_t)((j->text.ptr[0] - '0') * 100);
        out->highs[out->range_count++] = (uint16_t)((j->text.ptr[0] - '0') * 100 + 99);
    } else if (json_as_i64(j, &n) && n >= 100 && n <= 599) {
        out->lows[out->range_count] = out->highs[out->range_count] = (uint16_t)n;
        out->range_count++;
    } else {
        doc_problem(d, j, "`status` must be numbers from 100 to 599, 4xx or 5xx.");
    }
}

static const struct str *read_words(struct doc *d, const struct json *j, const char *key, size_t *out_count) {
    if (!j) return NULL;
    struct str *words = arena_array(d->arena, struct str, j->count + 1);
    size_t n = 0;
    for (const struct json *c = j->type == JSON_ARRAY ? j->child : j; c; c = j->type == JSON_ARRAY ? c->next : NULL) {
        if (c->type == JSON_OBJECT || c->type == JSON_ARRAY) doc_problem(d, c, "`%s` must be a list of texts, numbers, true or false.", key);
        else words[n++] = json_plain(c, d->arena);
    }
    *out_count = n;
    return words;
}

static void read_cond(struct doc *d, const struct json *j, const char *where, struct cond *out) {
    const struct json *status = json_get(j, "status"), *at = json_get(j, "at");
    if (status && status->type == JSON_ARRAY)
        for (const struct json *c = status->child; c; c = c->next) read_status(d, c, out);
    else if (status) read_status(d, status, out);
    expr_read(d, at, "at", &out->at);
    out->is = read_words(d, json_get(j, "is"), "is", &out->is_count);
    out->has = read_words(d, json_get(j, "has"), "has", &out->has_count);
    out->not = read_words(d, json_get(j, "not"), "not", &out->not_count);
    out->exists_given = doc_bool(d, j, "exists", &out->exists);
    bool tests = out->is_count || out->has_count || out->not_count || out->exists_given;
    if (tests && !at) doc_problem(d, j, "%s compares something and does not say what: `at` is missing.", where);
    if (at && !tests) doc_problem(d, at, "%s has `at` and nothing to compare with: is, has, not or exists.", where);
    if (!tests && !out->range_count) doc_problem(d, j, "%s is empty: it needs `status`, or `at` with is, has, not or exists.", where);
}

void conds_read(struct doc *d, const struct json *node, const char *where, struct conds *out) {
    static const char *const keys[] = {"status", "at", "is", "has", "not", "exists", NULL};
    *out = (struct conds){};
    if (!node) return;
    const struct json *first = node->type == JSON_ARRAY ? node->child : node;
    struct cond *list = arena_array(d->arena, struct cond, node->count + 1);
    for (const struct json *c = first; c; c = node->type == JSON_ARRAY ? c->next : NULL) {
        if (!doc_is(d, c, JSON_OBJECT, where)) continue;
        doc_keys(d, c, keys, where);
        read_cond(d, c, where, &list[out->count++]);
    }
    out->list = list;
}

void rules_read(struct doc *d, const struct json *node, struct rules *out) {
    static const char *const keys[] = {"status", "at", "is", "has", "not", "exists", "class", "billed", "lost", "message", "about", NULL};
    *out = (struct rules){};
    if (!node || !doc_is(d, node, JSON_ARRAY, "errors")) return;
    if (node->count > DESCRIBE_RULES_MAX) {
        doc_problem(d, node, "there are %u error rules; at most %d are allowed.", node->count, DESCRIBE_RULES_MAX);
        return;
    }
    struct rule *list = arena_array(d->arena, struct rule, node->count + 1);
    for (const struct json *c = node->child; c; c = c->next) {
        struct rule *r = &list[out->count++];
        struct str word = {}, ignored;
        if (!doc_is(d, c, JSON_OBJECT, "errors")) continue;
        doc_keys(d, c, keys, "an error rule");
        read_cond(d, c, "an error rule", &r->when);
        doc_bool(d, c, "billed", &r->billed);
        doc_bool(d, c, "lost", &r->lost);
        doc_text(d, c, "message", DESCRIBE_TEXT_BYTES, &r->message);
        doc_text(d, c, "about", DESCRIBE_TEXT_BYTES, &ignored);
        if (!doc_need(d, c, "class", "the error rule") || !doc_text(d, c, "class", 40, &word)) continue;
        r->failure = failure_by_name(word);
        bool known = r->failure != FAIL_NONE && r->failure < FAIL_OUTPUT_LOST && str_is(word, failure_name(r->failure));
        if (!known)
            doc_problem(d, json_get(c, "class"), "`class: %.*s` is not known; it is one of caller, moderation, auth, quota, rate_limit, transient, gone, unclassified.",
                        STR_ARG(str_head(word, 40)));
        else if (r->lost && r->failure != FAIL_TRANSIENT)
            doc_problem(d, json_get(c, "lost"), "`lost` means that nobody knows whether the work was taken; its class is transient.");
    }
    out->list = list;
}

bool conds_run(const struct conds *c) {
    for (size_t i = 0; i < c->count; i++)
        if (expr_runs(&c->list[i].at)) return true;
    return false;
}

bool rules_run(const struct rules *r) {
    for (size_t i = 0; i < r->count; i++)
        if (expr_runs(&r->list[i].when.at)) return true;
    return false;
}

/* --- holding --- */

static bool status_in(const struct cond *c, int status) {
    for (size_t i = 0; i < c->range_count; i++)
        if (status >= c->lows[i] && status <= c->highs[i]) return true;
    return !c->range_count;
}

bool cond_explains(const struct cond *c, int status) {
    for (size_t i = 0; i < c->range_count; i++)
        if (status == c->lows[i] && status == c->highs[i]) return true;
    return c->at.kind != EXPR_NONE;
}

static bool contains(struct str text, struct str part) {
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (str_ieq(str_n(text.ptr + i, part.len), part)) return true;
    return false;
}

static bool among(const struct str *words, size_t n, struct str text) {
    for (size_t i = 0; i < n; i++)
        if (str_eq(words[i], text)) return true;
    return false;
}

err cond_holds_for(const struct cond *c, int status, struct view *v, struct why *why, bool *out) {
    struct values found;
    *out = false;
    if (!status_in(c, status)) return OK;
    if (c->at.kind == EXPR_NONE) {
        *out = true;
        return OK;
    }
    TRY(expr_all(&c->at, v, why, &found));
    bool holds = !c->exists_given || c->exists == (found.count > 0);
    if (holds && (c->is_count || c->has_count)) {
        bool any = false;
        for (size_t i = 0; i < found.count && !any; i++) {
            struct str text = json_plain(found.at[i], v->a);
            any = among(c->is, c->is_count, text);
            for (size_t k = 0; k < c->has_count && !any; k++) any = contains(text, c->has[k]);
        }
        holds = any;
    }
    if (holds && c->not_count) holds = found.count && !among(c->not, c->not_count, json_plain(found.at[0], v->a));
    *out = holds;
    return OK;
}

err conds_hold(const struct conds *c, int status, struct view *v, struct why *why, bool *out) {
    *out = false;
    for (size_t i = 0; i < c->count && !*out; i++) TRY(cond_holds_for(&c->list[i], status, v, why, out));
    return OK;
}
