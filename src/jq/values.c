/* See values.h, and jq.h for what programs see. */
#include "jq/values.h"

#include "base/limits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MARK "\xEF\xB7\x90" /* U+FDD0 */
#define END_MARK "\xEF\xB7\x91"
enum { MARK_LEN = sizeof MARK - 1, EXACT_DIGITS = 15, DOUBLE_TEXT = 32 };

/* A string that lies elsewhere is, to a program, its head, MARK, "s17:2000000" and END_MARK: whatever asks how it begins gets an answer. */
struct spooled_text {
    struct spooled_text *next;
    struct str seen; /* all of the above */
    const struct json *is;
};
static const double WHOLE_EXACT = 9007199254740992.0;

const char values_prelude[] =
    "def puras_tostring: tostring; def puras_tonumber: tonumber; "
    "def tostring: if type == \"string\" and startswith(\"" MARK "\") then .[1:-1] else puras_tostring end; "
    "def tonumber: if type == \"string\" and startswith(\"" MARK "\") then (.[1:-1] | puras_tonumber) else puras_tonumber end; ";

/* --- numbers --- */

/* The shortest text that reads back as d; d is finite. */
static struct str double_text(double d, char out[DOUBLE_TEXT]) {
    if (d == floor(d) && fabs(d) <= WHOLE_EXACT) {
        int n = snprintf(out, DOUBLE_TEXT, "%.0f", d == 0 ? 0.0 : d);
        return str_n(out, (size_t)n);
    }
    for (int digits = EXACT_DIGITS;; digits++) {
        int n = snprintf(out, DOUBLE_TEXT, "%.*g", digits, d);
        if (digits == 17 || strtod(out, NULL) == d) return str_n(out, (size_t)n);
    }
}

static bool is_same_number(struct str a, struct str b) {
    struct buf x = {}, y = {};
    json_number_write(&x, a);
    json_number_write(&y, b);
    bool same = str_eq(buf_view(&x), buf_view(&y));
    buf_done(&x);
    buf_done(&y);
    return same;
}

/* Few digits and a small exponent: a double holds such a number and writes it back. Decides nearly all of them. */
static bool is_easy(struct str text) {
    size_t digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == 'e' || text.ptr[i] == 'E') return text.len - i <= 3 && digits <= EXACT_DIGITS; /* up to e99 or e-9 */
        digits += text.ptr[i] >= '0' && text.ptr[i] <= '9';
    }
    return digits <= EXACT_DIGITS;
}

static jv marked(struct str text) {
    jv s = jv_string_sized(MARK, MARK_LEN);
    s = jv_string_append_buf(s, text.ptr, (int)text.len);
    return jv_string_append_buf(s, END_MARK, MARK_LEN);
}

static jv number_in(struct exact *x, struct str text) {
    char z[64], back[DOUBLE_TEXT];
    char *copy = text.len < sizeof z ? memcpy(z, text.ptr, text.len) : arena_strz(x->arena, text);
    if (copy == z) z[text.len] = 0;
    double d = strtod(copy, NULL);
    if (is_easy(text)) return jv_number(d);
    if (isfinite(d) && is_same_number(double_text(d, back), text)) return jv_number(d);
    if (!isnormal(d) || d == floor(d)) return marked(text);
    for (size_t i = 0; i < x->count; i++)
        if (x->near[i].near == d) return is_same_number(x->near[i].text, text) ? jv_number(d) : marked(text); /* two of them, one double */
    if (x->count == x->room) {
        size_t room = x->room ? x->room * 2 : 16;
        if (room > 1024) return marked(text); /* the search above shall stay cheap */
        struct near_number *more = arena_array(x->arena, struct near_number, room);
        if (x->count) memcpy(more, x->near, x->count * sizeof *more);
        x->near = more, x->room = room;
    }
    x->near[x->count++] = (struct near_number){d, text};
    return jv_number(d);
}

static void number_out(const struct exact *x, double d, struct buf *b) {
    char text[DOUBLE_TEXT];
    if (isnan(d)) {
        buf_z(b, "null");
        return;
    }
    for (size_t i = 0; i < x->count; i++)
        if (x->near[i].near == d) {
            buf_str(b, x->near[i].text);
            return;
        }
    if (isinf(d)) d = d > 0 ? 1.7976931348623157e308 : -1.7976931348623157e308; /* as jq does */
    buf_str(b, double_text(d, text));
}

/* --- text --- */

static const char *find_mark(struct str s) {
    const char *at = memmem(s.ptr, s.len, MARK, MARK_LEN - 1); /* what both marks begin with */
    while (at && (size_t)(s.ptr + s.len - at) >= MARK_LEN && at[2] != MARK[2] && at[2] != END_MARK[2])
        at = memmem(at + 1, (size_t)(s.ptr + s.len - at - 1), MARK, MARK_LEN - 1);
    return at && (size_t)(s.ptr + s.len - at) >= MARK_LEN ? at : NULL;
}

/* The text with `instead` in the place of every mark. True when one of them belonged to a string that lies elsewhere. */
static bool replace_marks(struct buf *b, struct str s, struct str instead) {
    bool spooled = false;
    for (const char *at; (at = find_mark(s)); s = str_skip(s, (size_t)(at - s.ptr) + MARK_LEN)) {
        buf_add(b, s.ptr, (size_t)(at - s.ptr));
        buf_str(b, instead);
        spooled |= at + MARK_LEN < s.ptr + s.len && at[2] == MARK[2] && at[MARK_LEN] == 's';
    }
    buf_str(b, s);
    return spooled;
}

static jv text_in(struct str s) {
    if (!find_mark(s)) return jv_string_sized(s.ptr ? s.ptr : "", (int)s.len);
    struct buf b = {};
    replace_marks(&b, s, STR("\xEF\xBF\xBD"));
    jv v = jv_string_sized(b.ptr, (int)b.len);
    buf_done(&b);
    return v;
}

static jv spooled_in(struct exact *x, const struct json *j) {
    struct spooled_text *t = arena_new(x->arena, struct spooled_text);
    struct buf b = {};
    replace_marks(&b, j->text, STR("\xEF\xBF\xBD"));
    buf_printf(&b, MARK "s%u:%u" END_MARK, j->spool, j->count);
    *t = (struct spooled_text){.next = x->spooled, .seen = arena_dup(x->arena, buf_view(&b)), .is = j};
    x->spooled = t;
    buf_done(&b);
    return jv_string_sized(t->seen.ptr, (int)t->seen.len);
}

static bool is_number_text(struct str s) {
    struct arena a = {};
    struct json *j = NULL;
    bool yes = json_parse(s, &a, NULL, &j) == OK && json_is(j, JSON_NUMBER);
    arena_done(&a);
    return yes;
}

static void text_out(struct exact *x, struct str s, bool key, struct buf *b) {
    struct jw w = {.out = b};
    if (!find_mark(s)) return jw_str(&w, s);
    for (const struct spooled_text *t = x->spooled; t && !key; t = t->next)
        if (str_eq(t->seen, s)) return json_write_spool(b, t->is->spool, t->is->count, t->is->text);
    if (!key && s.len > 2 * MARK_LEN && str_starts(s, STR(MARK)) && str_ends(s, STR(END_MARK))) {
        struct str number = str_n(s.ptr + MARK_LEN, s.len - 2 * MARK_LEN);
        if (is_number_text(number)) return buf_str(b, number);
    }
    struct buf plain = {};
    if (replace_marks(&plain, s, (struct str){})) x->altered = true;
    jw_str(&w, buf_view(&plain));
    buf_done(&plain);
}

/* --- trees --- */

static jv list_in(struct exact *x, const struct json *j) {
    jv v = jv_array_sized((int)j->count);
    for (const struct json *e = j->child; e; e = e->next) v = jv_array_append(v, values_in(x, e));
    return v;
}

jv values_in(struct exact *x, const struct json *j) {
    switch (j->type) {
    case JSON_NULL: return jv_null();
    case JSON_BOOL: return jv_bool(j->boolean);
    case JSON_NUMBER: return number_in(x, j->text);
    case JSON_STRING: return text_in(j->text);
    case JSON_SPOOLED: return spooled_in(x, j);
    case JSON_ARRAY: return list_in(x, j);
    case JSON_OBJECT: break;
    }
    jv v = jv_object();
    for (const struct json *m = j->child; m; m = m->next) v = jv_object_set(v, text_in(m->key), values_in(x, m));
    return v;
}

static struct str text_of(jv s) { return str_n(jv_string_value(s), (size_t)jv_string_length_bytes(jv_copy(s))); }

static bool object_out(struct exact *x, jv v, size_t most, int depth, struct buf *b);

static bool value_out(struct exact *x, jv v, size_t most, int depth, struct buf *b) {
    bool ok = true, comma = false;
    if (b->len > most || depth > LIMIT_JSON_DEPTH) return false;
    switch (jv_get_kind(v)) {
    case JV_KIND_NULL: case JV_KIND_INVALID: buf_z(b, "null"); break;
    case JV_KIND_FALSE: buf_z(b, "false"); break;
    case JV_KIND_TRUE: buf_z(b, "true"); break;
    case JV_KIND_NUMBER: number_out(x, jv_number_value(v), b); break;
    case JV_KIND_STRING: text_out(x, text_of(v), false, b); break;
    case JV_KIND_ARRAY:
        buf_c(b, '[');
        jv_array_foreach(v, i, e) {
            if (comma) buf_c(b, ',');
            comma = true;
            ok = ok && value_out(x, e, most, depth + 1, b);
            jv_free(e);
        }
        buf_c(b, ']');
        break;
    case JV_KIND_OBJECT: ok = object_out(x, v, most, depth, b); break;
    }
    return ok;
}

static bool object_out(struct exact *x, jv v, size_t most, int depth, struct buf *b) {
    bool ok = true, comma = false;
    buf_c(b, '{');
    jv_object_foreach(v, key, e) {
        if (comma) buf_c(b, ',');
        comma = true;
        text_out(x, text_of(key), true, b);
        buf_c(b, ':');
        ok = ok && value_out(x, e, most, depth + 1, b);
        jv_free(key);
        jv_free(e);
    }
    buf_c(b, '}');
    return ok;
}

bool values_out(struct exact *x, jv v, size_t most, struct buf *b) { return value_out(x, v, most, 0, b) && b->len <= most && !x->altered; }
