/* See wire.h. */
#include "twin/wire.h"

#include <stdio.h>

struct str text_of(const struct json *j, const char *name) {
    struct str s;
    return json_as_str(json_get(j, name), &s) ? s : STR("");
}

struct str quoted(struct arena *a, struct str s) {
    struct buf b = {};
    struct jw w = {.out = &b};
    jw_str(&w, s);
    s = arena_dup(a, buf_view(&b));
    buf_done(&b);
    return s;
}

struct word { struct str name; bool required; char type; struct str rest; };

static struct word read_word(struct str s) {
    struct word w = {};
    struct str how = {};
    (void)str_cut(s, ':', &w.name, &how);
    if (str_ends(w.name, STR("*"))) w.required = true, w.name.len--;
    must(how.len);
    w.type = how.ptr[0];
    w.rest = str_skip(how, 1);
    return w;
}

static bool is_link(struct str s) { return str_starts(s, STR("http://")) || str_starts(s, STR("https://")) || str_starts(s, STR("data:")); }

static bool has_type(const struct json *j, char type) {
    struct str s;
    int64_t n;
    bool b;
    switch (type) {
    case 's': case 'd': return json_as_str(j, &s);
    case 'i': return j->type == JSON_NUMBER && json_as_i64(j, &n);
    case 'n': return j->type == JSON_NUMBER;
    case 'b': return json_as_bool(j, &b);
    case 'u': return json_as_str(j, &s) && is_link(s);
    case 'U':
        if (!json_is(j, JSON_ARRAY)) return false;
        for (const struct json *e = j->child; e; e = e->next)
            if (!json_as_str(e, &s) || !is_link(s)) return false;
        return true;
    case 'z': return json_is(j, JSON_OBJECT) || json_as_str(j, &s);
    default: return true;
    }
}

static bool sides(const struct json *size, int64_t *w, int64_t *h) {
    return json_as_i64(json_get(size, "width"), w) && json_as_i64(json_get(size, "height"), h) && *w > 0 && *h > 0 && *w <= 65536 && *h <= 65536;
}

/* The number that a range speaks of: itself, a text's length or its number, a list's count, a size's pixels. */
static bool measure(const struct json *j, char type, int64_t *out) {
    int64_t w, h;
    if (type == 'z') return sides(j, &w, &h) && (*out = w * h, true);
    if (type == 'i') return json_as_i64(j, out);
    if (type == 'd') return str_to_i64(j->text, out);
    if (type == 'U') return *out = j->count, true;
    if (type == 'n') {
        struct str whole, part;
        (void)str_cut(j->text, '.', &whole, &part);
        return str_to_i64(whole, out);
    }
    return *out = (int64_t)str_code_points(j->text), true;
}

bool gpt_size(int64_t w, int64_t h) {
    return w > 0 && h > 0 && w % 16 == 0 && h % 16 == 0 && w <= 3 * h && h <= 3 * w && w <= 3840 && h <= 3840 && w * h >= 655360 && w * h <= 8294400;
}

static bool one_of(struct str list, struct str s) {
    struct str one;
    for (bool more = list.len > 0; more;) {
        more = str_cut(list, '|', &one, &list);
        if (str_eq(one, s)) return true;
    }
    return false;
}

static bool allowed(const struct json *j, const struct word *w) {
    struct str range, values = {}, low, high;
    int64_t n, a, b;
    if (!w->rest.len) return true;
    if (w->rest.ptr[0] == '=') return json_is(j, JSON_OBJECT) || one_of(str_skip(w->rest, 1), j->text);
    (void)str_cut(w->rest, '|', &range, &values);
    if (values.len && one_of(values, j->text)) return true;
    must(str_cut(range, '.', &low, &high) && str_to_i64(low, &a) && str_to_i64(str_skip(high, 1), &b));
    return measure(j, w->type, &n) && n >= a && n <= b;
}

static bool fault(struct fault *out, int what, struct str field, const char *text, struct str more) {
    out->what = what;
    snprintf(out->field, sizeof out->field, "%.*s", STR_ARG(field));
    snprintf(out->sentence, sizeof out->sentence, "%s: %.*s%.*s", text, STR_ARG(field), STR_ARG(more));
    return false;
}

bool check(const struct json *body, const char *words, struct fault *out) {
    struct str rest = str_of(words), one;
    if (!json_is(body, JSON_OBJECT)) return fault(out, FAULT_TYPE, STR("body"), "This is no JSON object", STR(""));
    for (bool more = rest.len > 0; more;) {
        more = str_cut(rest, ' ', &one, &rest);
        if (!one.len) continue;
        struct word w = read_word(one);
        const struct json *j = json_get_str(body, w.name);
        if (!j || json_is(j, JSON_NULL)) {
            if (w.required) return fault(out, FAULT_MISSING, w.name, "A field is required", STR(""));
            continue;
        }
        if (!has_type(j, w.type)) return fault(out, FAULT_TYPE, w.name, "The wrong type", STR(""));
        if (!allowed(j, &w)) return fault(out, FAULT_VALUE, w.name, "Not one of the values allowed", w.rest);
    }
    return true;
}

bool check_only(const struct json *body, const char *words, struct fault *out) {
    if (!check(body, words, out)) return false;
    for (const struct json *m = body->child; m; m = m->next) {
        struct str rest = str_of(words), one;
        bool known = false;
        for (bool more = rest.len > 0; more && !known;) {
            more = str_cut(rest, ' ', &one, &rest);
            known = one.len && str_eq(read_word(one).name, m->key);
        }
        if (!known && !str_is(m->key, "twin")) return fault(out, FAULT_UNKNOWN, m->key, "Unknown parameter", STR(""));
    }
    return true;
}
