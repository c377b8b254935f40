#include "catalog/doc.h"

#include "catalog/near.h"
#include "catalog/number.h"

#include <stdio.h>

void problems_done(struct problems *p) {
    buf_done(&p->text);
    *p = (struct problems){};
}

int doc_line(const struct doc *d, const struct json *at) { return d->lines && at ? ((const struct node *)at)->line : 0; }

static bool is_bad(const struct doc *d, const struct json *at) { return d->lines && ((const struct node *)at)->bad; }

__attribute__((format(printf, 3, 0)))
static void report(struct doc *d, int line, const char *format, va_list args) {
    d->found++;
    struct problems *p = d->problems;
    p->count++;
    if (p->count > CATALOG_PROBLEMS_MAX) return;
    buf_str(&p->text, d->file);
    if (line) buf_printf(&p->text, ":%d", line);
    buf_z(&p->text, ": ");
    buf_vprintf(&p->text, format, args);
    buf_c(&p->text, '\n');
}

void doc_problem_line(struct doc *d, int line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    report(d, line, format, args);
    va_end(args);
}

void doc_problem(struct doc *d, const struct json *at, const char *format, ...) {
    if (at && is_bad(d, at)) { /* said already; only remember that the document is not sound */
        d->found++;
        return;
    }
    va_list args;
    va_start(args, format);
    report(d, doc_line(d, at), format, args);
    va_end(args);
}

static const char *type_name(enum json_type t) {
    switch (t) {
    case JSON_NULL: return "nothing";
    case JSON_BOOL: return "true or false";
    case JSON_NUMBER: return "a number";
    case JSON_STRING: case JSON_SPOOLED: return "text";
    case JSON_ARRAY: return "a list";
    case JSON_OBJECT: return "a mapping";
    }
    return "a value";
}

bool doc_is(struct doc *d, const struct json *j, enum json_type type, const char *name) {
    if (j->type == type && !is_bad(d, j)) return true;
    doc_problem(d, j, "`%s` must be %s, not %s.%s", name, type_name(type), type_name(j->type),
                type == JSON_STRING && j->type != JSON_NULL ? " Put it in quotes if it is meant as text." : "");
    return false;
}

void doc_keys(struct doc *d, const struct json *object, const char *const *known, const char *where) {
    for (const struct json *m = object->child; m; m = m->next) {
        bool found = false;
        for (const char *const *k = known; *k && !found; k++) found = str_is(m->key, *k);
        if (found) continue;
        const char *near = near_word(m->key, known);
        if (near) doc_problem(d, m, "unknown key `%.*s` in %s; did you mean `%s`?", STR_ARG(str_head(m->key, 60)), where, near);
        else doc_problem(d, m, "unknown key `%.*s` in %s.", STR_ARG(str_head(m->key, 60)), where);
    }
}

bool doc_text(struct doc *d, const struct json *object, const char *key, size_t max_bytes, struct str *out) {
    const struct json *j = json_get(object, key);
    if (!j || !doc_is(d, j, JSON_STRING, key)) return false;
    if (!j->text.len) return doc_problem(d, j, "`%s` is empty.", key), false;
    if (j->text.len > max_bytes) {
        doc_problem(d, j, "`%s` has %zu bytes; at most %zu are allowed.", key, j->text.len, max_bytes);
        return false;
    }
    *out = j->text;
    return true;
}

bool doc_bool(struct doc *d, const struct json *object, const char *key, bool *out) {
    const struct json *j = json_get(object, key);
    if (!j || !doc_is(d, j, JSON_BOOL, key)) return false;
    *out = j->boolean;
    return true;
}

bool doc_decimal(struct doc *d, const struct json *object, const char *key, int decimals, int64_t *out) {
    const struct json *j = json_get(object, key);
    if (!j || !doc_is(d, j, JSON_NUMBER, key)) return false;
    switch (decimal_read(j->text, decimals, out)) {
    case DECIMAL_OK: return true;
    case DECIMAL_FINE:
        if (decimals) doc_problem(d, j, "`%s` may have at most %d decimals.", key, decimals);
        else doc_problem(d, j, "`%s` must be a whole number.", key);
        return false;
    default: doc_problem(d, j, "`%s` is out of range.", key); return false;
    }
}

bool doc_micros(struct doc *d, const struct json *object, const char *key, micros *out) {
    const struct json *j = json_get(object, key);
    if (!j || !doc_is(d, j, JSON_NUMBER, key)) return false;
    int64_t n;
    if (decimal_read(j->text, 0, &n) != DECIMAL_OK || n < 0 || n > MICROS_MAX) {
        doc_problem(d, j, "`%s` must be a whole number of micros from 0 up (1 USD is 1000000), not %.*s.", key,
                    STR_ARG(str_head(j->text, 40)));
        return false;
    }
    *out = n;
    return true;
}

const struct json *doc_need(struct doc *d, const struct json *object, const char *key, const char *where) {
    const struct json *j = json_get(object, key);
    if (!j) doc_problem(d, object, "`%s` is missing in %s.", key, where);
    return j;
}

bool doc_duration(struct doc *d, const struct json *object, const char *key, int64_t *out) { return doc_duration_to(d, object, key, 7, out); }

bool doc_duration_to(struct doc *d, const struct json *object, const char *key, int days, int64_t *out) {
    const struct json *j = json_get(object, key);
    if (!j) return false;
    int64_t factor = 1, n;
    struct str text = j->text;
    if (j->type == JSON_STRING && text.len) {
        char unit = text.ptr[text.len - 1];
        factor = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : unit == 'd' ? 24 * 3600 : 0;
        text.len--;
    }
    bool readable = (j->type == JSON_NUMBER || j->type == JSON_STRING) && factor && decimal_read(text, 3, &n) == DECIMAL_OK;
    if (!readable || n <= 0 || n > days * 24LL * 3600 * 1000 / factor) {
        doc_problem(d, j, "`%s` must be a time of more than 0 and at most %d days: a number of seconds, or 90s, 10m, 1h.", key, days);
        return false;
    }
    *out = n * factor;
    return true;
}

bool doc_bytes(struct doc *d, const struct json *object, const char *key, int64_t *out) {
    static const struct { struct str name; int64_t factor; } scales[] = {
        {{"KB", 2}, 1000}, {{"MB", 2}, 1000000}, {{"GB", 2}, 1000000000}, {{"", 0}, 1}};
    const struct json *j = json_get(object, key);
    if (!j) return false;
    size_t i = 0;
    while (!str_ends(j->text, scales[i].name)) i++;
    struct str text = str_head(j->text, j->text.len - scales[i].name.len);
    int64_t n;
    bool readable = (j->type == JSON_NUMBER || j->type == JSON_STRING) && decimal_read(text, 0, &n) == DECIMAL_OK;
    if (!readable || n <= 0 || n > LIMIT_DRIVE_BYTES / scales[i].factor) {
        doc_problem(d, j, "`%s` must be a number of bytes from 1 to %lld, or 500KB, 32MB, 2GB.", key, (long long)LIMIT_DRIVE_BYTES);
        return false;
    }
    *out = n * scales[i].factor;
    return true;
}
