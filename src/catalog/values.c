/* Canonical values: what a caller wrote for a declared input, as one exact value. Also reads the values that stand in a model's
 * own file, so that a default or a condition means what the same text means from a caller. */
#include "catalog/model.h"
#include "catalog/number.h"

#include <stdio.h>

/* --- reading --- */

/* Implicit: quantities and counts are never negative unless the model says so. */
static enum misread check_range(const struct input_spec *s, int64_t n) {
    int64_t least = s->has_min ? s->min : 0;
    if (n < least || (s->has_max && n > s->max)) return VALUE_OUT_OF_RANGE;
    if (s->has_step && (n - least) % s->step) return VALUE_OFF_STEP;
    return VALUE_OK;
}

bool value_allowed(const struct input_spec *s, int64_t n) { return check_range(s, n) == VALUE_OK; }

/* A size in pixels, anything else in its own units. */
static int64_t largest(const struct input_spec *s) {
    if (s->type != INPUT_SIZE) return s->max;
    int64_t side = s->has_max ? s->max : 65536;
    return s->max_pixels && s->max_pixels < side * side ? s->max_pixels : side * side;
}

struct value value_of_word(const struct input_spec *s, size_t i) { return (struct value){.given = true, .n = largest(s), .word = (int32_t)i + 1}; }

static bool read_word(const struct input_spec *s, const struct json *j, struct value *out) {
    for (size_t i = 0; j->type == JSON_STRING && i < s->word_count; i++) {
        if (!str_eq(s->words[i], j->text)) continue;
        *out = value_of_word(s, i);
        return true;
    }
    return false;
}

static enum misread read_number(const struct input_spec *s, const struct json *j, struct value *out) {
    struct str text = j->text;
    if (j->type != JSON_NUMBER && j->type != JSON_STRING) return VALUE_UNREADABLE;
    if (j->type == JSON_STRING && s->type == INPUT_SECONDS && str_ends(text, STR("s"))) text.len--;
    int64_t n;
    switch (decimal_read(text, input_decimals(s->type), &n)) {
    case DECIMAL_OK: break;
    case DECIMAL_RANGE: return VALUE_OUT_OF_RANGE;
    case DECIMAL_FINE: return VALUE_OFF_STEP;
    default: return VALUE_UNREADABLE;
    }
    enum misread m = check_range(s, n);
    if (!m) *out = (struct value){.given = true, .n = n};
    return m;
}

static enum misread read_bool(const struct json *j, struct value *out) {
    int64_t n;
    if (j->type == JSON_BOOL) n = j->boolean;
    else if (j->type == JSON_STRING && (str_is(j->text, "true") || str_is(j->text, "false"))) n = str_is(j->text, "true");
    else if (j->type != JSON_NUMBER && j->type != JSON_STRING) return VALUE_UNREADABLE;
    else if (decimal_read(j->text, 0, &n) != DECIMAL_OK || n < 0 || n > 1) return VALUE_UNREADABLE;
    *out = (struct value){.given = true, .n = n};
    return VALUE_OK;
}

/* A number may stand for a value that is written as one: resolution 720 for "720". */
static enum misread read_enum(const struct input_spec *s, const struct json *j, struct value *out) {
    char digits[DECIMAL_TEXT];
    struct str text = j->text;
    if (j->type == JSON_NUMBER) {
        int64_t n;
        if (decimal_read(text, 3, &n) != DECIMAL_OK) return VALUE_UNREADABLE;
        text = str_n(digits, decimal_write(n, 3, digits));
    } else if (j->type != JSON_STRING) {
        return VALUE_UNREADABLE;
    }
    for (size_t i = 0; i < s->value_count; i++) {
        if (!str_eq(s->values[i], text)) continue;
        *out = (struct value){.given = true, .n = (int64_t)i};
        return VALUE_OK;
    }
    return VALUE_UNREADABLE;
}

static enum misread read_side(struct str text, int64_t *out) {
    switch (decimal_read(text, 0, out)) {
    case DECIMAL_OK: return VALUE_OK;
    case DECIMAL_RANGE: return VALUE_OUT_OF_RANGE;
    case DECIMAL_FINE: return VALUE_OFF_STEP;
    default: return VALUE_UNREADABLE;
    }
}

enum misread size_check(const struct input_spec *s, int64_t w, int64_t h) {
    int64_t least = s->has_min && s->min > 1 ? s->min : 1, most = s->has_max ? s->max : 65536;
    int64_t longer = w > h ? w : h, shorter = w > h ? h : w;
    if (shorter < least || longer > most) return VALUE_OUT_OF_RANGE;
    if (s->has_step && (w % s->step || h % s->step)) return VALUE_OFF_STEP; /* a side is a multiple of its step */
    if (w * h < s->min_pixels || (s->max_pixels && w * h > s->max_pixels)) return VALUE_OUT_OF_RANGE;
    return s->max_ratio && longer * 1000 > shorter * s->max_ratio ? VALUE_OUT_OF_RANGE : VALUE_OK;
}

static enum misread read_size(const struct input_spec *s, const struct json *j, struct value *out) {
    struct str w, h;
    if (j->type == JSON_STRING) {
        if (!str_cut(j->text, 'x', &w, &h)) return VALUE_UNREADABLE;
    } else if (j->type == JSON_OBJECT) {
        const struct json *jw = json_get(j, "width"), *jh = json_get(j, "height");
        if (!jw || !jh || j->count != 2) return VALUE_UNREADABLE;
        bool plain = (jw->type == JSON_NUMBER || jw->type == JSON_STRING) && (jh->type == JSON_NUMBER || jh->type == JSON_STRING);
        if (!plain) return VALUE_UNREADABLE;
        w = jw->text, h = jh->text;
    } else {
        return VALUE_UNREADABLE;
    }
    int64_t width = 0, height = 0;
    enum misread m = read_side(w, &width), m2 = read_side(h, &height);
    if (m || m2) return m == VALUE_UNREADABLE || m2 == VALUE_UNREADABLE ? VALUE_UNREADABLE : m ? m : m2;
    m = size_check(s, width, height);
    if (!m) *out = (struct value){.given = true, .n = width * height, .width = (int32_t)width, .height = (int32_t)height};
    return m;
}

static enum misread read_text(const struct input_spec *s, const struct json *j, struct value *out) {
    if (j->type != JSON_STRING) return VALUE_UNREADABLE;
    int64_t chars = (int64_t)str_code_points(j->text);
    if (s->max_chars ? chars > s->max_chars : j->text.len > LIMIT_PROMPT_BYTES) return VALUE_TOO_LONG;
    if (s->required && !chars) return VALUE_EMPTY;
    *out = (struct value){.given = true, .n = chars, .text = j->text};
    return VALUE_OK;
}

/* One link, path or object that holds one, or a list of them: clients write image_urls: ["..."] also for a single picture. Kept as
 * given; what the objects may say is for those who read files. */
static enum misread read_file(const struct input_spec *s, const struct json *j, struct value *out) {
    int64_t n = 0;
    const struct json *first = j->type == JSON_ARRAY ? j->child : j;
    for (const struct json *f = first; f; f = j->type == JSON_ARRAY ? f->next : NULL, n++) {
        if (f->type != JSON_STRING && f->type != JSON_OBJECT && f->type != JSON_SPOOLED) return VALUE_UNREADABLE;
        if (f->type != JSON_OBJECT ? !f->text.len : !f->count) return VALUE_EMPTY;
    }
    if (!n) return VALUE_EMPTY;
    if (n > s->max) return VALUE_OUT_OF_RANGE;
    *out = (struct value){.given = true, .n = n, .json = j};
    return VALUE_OK;
}

enum misread value_read(const struct input_spec *s, const struct json *j, struct value *out) {
    if (read_word(s, j, out)) return VALUE_OK;
    switch (s->type) {
    case INPUT_TEXT: return read_text(s, j, out);
    case INPUT_INT:
    case INPUT_NUMBER:
    case INPUT_SECONDS: return read_number(s, j, out);
    case INPUT_BOOL: return read_bool(j, out);
    case INPUT_ENUM: return read_enum(s, j, out);
    case INPUT_SIZE: return read_size(s, j, out);
    case INPUT_FILE: return read_file(s, j, out);
    }
    return VALUE_UNREADABLE;
}

/* The members in the same order, to any depth that was read. */
static bool same_members(const struct json *a, const struct json *b) {
    if (a->count != b->count) return false;
    for (const struct json *x = a->child, *y = b->child; x; x = x->next, y = y->next)
        if (x->type != y->type || x->boolean != y->boolean || !str_eq(x->key, y->key) || !str_eq(x->text, y->text) || !same_members(x, y)) return false;
    return true;
}

static bool same_file(const struct json *a, const struct json *b) {
    return a->type != JSON_OBJECT ? b->type == a->type && str_eq(a->text, b->text) : b->type == JSON_OBJECT && same_members(a, b);
}

static bool same_files(const struct json *a, const struct json *b) {
    const struct json *x = a->type == JSON_ARRAY ? a->child : a, *y = b->type == JSON_ARRAY ? b->child : b;
    for (;; x = x->next, y = y->next) {
        if (!same_file(x, y)) return false;
        const struct json *xn = a->type == JSON_ARRAY ? x->next : NULL, *yn = b->type == JSON_ARRAY ? y->next : NULL;
        if (!xn || !yn) return !xn && !yn;
    }
}

bool value_same(const struct input_spec *s, const struct value *a, const struct value *b) {
    if (a->given != b->given || a->n != b->n || a->word != b->word) return false;
    if (!a->given || a->word) return true;
    switch (s->type) {
    case INPUT_TEXT: return str_eq(a->text, b->text);
    case INPUT_SIZE: return a->width == b->width && a->height == b->height;
    case INPUT_FILE: return same_files(a->json, b->json);
    default: return true;
    }
}

/* --- writing --- */

static size_t size_text(const struct value *v, char out[DECIMAL_TEXT]) {
    size_t n = decimal_write(v->width, 0, out);
    out[n++] = 'x';
    char h[DECIMAL_TEXT];
    size_t m = decimal_write(v->height, 0, h);
    memcpy(out + n, h, m + 1);
    return n + m;
}

void value_write(struct jw *w, const struct input_spec *s, const struct value *v) {
    char text[DECIMAL_TEXT];
    if (v->word) {
        jw_str(w, s->words[v->word - 1]);
        return;
    }
    switch (s->type) {
    case INPUT_TEXT: jw_str(w, v->text); break;
    case INPUT_INT:
    case INPUT_NUMBER:
    case INPUT_SECONDS: jw_raw(w, str_n(text, decimal_write(v->n, input_decimals(s->type), text))); break;
    case INPUT_BOOL: jw_bool(w, v->n); break;
    case INPUT_ENUM: jw_str(w, s->values[v->n]); break;
    case INPUT_SIZE: jw_str(w, str_n(text, size_text(v, text))); break;
    case INPUT_FILE:
        jw_raw(w, (struct str){});
        json_write(w->out, v->json);
        break;
    }
}

struct str value_text(struct arena *a, const struct input_spec *s, const struct value *v) {
    char text[DECIMAL_TEXT];
    if (v->word) return s->words[v->word - 1];
    switch (s->type) {
    case INPUT_INT:
    case INPUT_NUMBER:
    case INPUT_SECONDS: return arena_dup(a, str_n(text, decimal_write(v->n, input_decimals(s->type), text)));
    case INPUT_BOOL: return v->n ? STR("true") : STR("false");
    case INPUT_ENUM: return s->values[v->n];
    case INPUT_SIZE: return arena_dup(a, str_n(text, size_text(v, text)));
    default: return v->text;
    }
}

static size_t string_bound(struct str s) {
    size_t n = s.len + (s.len && s.ptr[0] == '$' ? 7 : 2); /* "$spool" is written with an escape */
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c == '"' || c == '\\') n += 5; /* \u001f */
    }
    return n;
}

/* Trees come from the strict reader or from YAML that was checked: their strings are UTF-8 without NUL and only grow by escapes. */
size_t json_bound(const struct json *j) {
    size_t n = (j->key.len ? string_bound(j->key) : 2) + 2; /* quotes, colon, comma */
    switch (j->type) {
    case JSON_NULL:
    case JSON_BOOL: return n + 5;
    case JSON_NUMBER: return n + j->text.len;
    case JSON_STRING: return n + string_bound(j->text);
    case JSON_SPOOLED: return n + 64 + string_bound(j->text); /* as json_write_spool writes it */
    case JSON_ARRAY:
    case JSON_OBJECT:
        n += 2;
        for (const struct json *c = j->child; c; c = c->next) n += json_bound(c);
        return n;
    }
    return n;
}

size_t value_bound(const struct input_spec *s, const struct value *v) {
    size_t n = s->name.len + 4;
    if (v->word) return n + string_bound(s->words[v->word - 1]);
    if (s->type == INPUT_TEXT) return n + string_bound(v->text);
    if (s->type == INPUT_ENUM) return n + string_bound(s->values[v->n]);
    return n + (s->type == INPUT_FILE ? json_bound(v->json) : DECIMAL_TEXT);
}

/* --- saying --- */

struct say { char *out; size_t size, len; };

static void say(struct say *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct say *s, const char *format, ...) {
    if (s->len >= s->size) return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(s->out + s->len, s->size - s->len, format, args);
    va_end(args);
    if (n > 0) s->len += (size_t)n;
}

static void say_number(struct say *s, const struct input_spec *spec, const char *before, int64_t n) {
    char text[DECIMAL_TEXT];
    decimal_write(n, input_decimals(spec->type), text);
    say(s, "%s%s", before, text);
}

static void say_range(struct say *s, const struct input_spec *spec) {
    int64_t least = spec->has_min ? spec->min : 0;
    if (spec->has_max) {
        say_number(s, spec, " from ", least);
        say_number(s, spec, " to ", spec->max);
    } else {
        say_number(s, spec, " from ", least);
        say(s, " up");
    }
    if (spec->has_step) say_number(s, spec, " in steps of ", spec->step);
}

enum { VALUES_SAID = 24, WORDS_SAID = 3 };

void size_example(const struct input_spec *spec, char *out, size_t out_size) {
    int64_t side = 1024;
    if (size_check(spec, side, side)) side = 1;
    while (side < 65536 && size_check(spec, side, side)) side++; /* the smallest square; bounds leave some size, if perhaps no square */
    if (spec->has_default) snprintf(out, out_size, "%.*s", STR_ARG(spec->default_text));
    else snprintf(out, out_size, "%lldx%lld", (long long)side, (long long)side);
}

static void describe_size(struct say *s, const struct input_spec *spec) {
    char example[DECIMAL_TEXT];
    size_example(spec, example, sizeof example);
    say(s, "a size such as \"%s\"", example);
    if (spec->has_min) {
        say(s, ", each side");
        say_range(s, spec);
    } else {
        if (spec->has_max) say_number(s, spec, ", each side at most ", spec->max);
        if (spec->has_step) say_number(s, spec, spec->has_max ? " in steps of " : ", each side a multiple of ", spec->step);
    }
    if (spec->min_pixels && spec->max_pixels) say(s, ", %lld to %lld pixels in all", (long long)spec->min_pixels, (long long)spec->max_pixels);
    else if (spec->min_pixels) say(s, ", at least %lld pixels in all", (long long)spec->min_pixels);
    else if (spec->max_pixels) say(s, ", at most %lld pixels in all", (long long)spec->max_pixels);
    if (!spec->max_ratio) return;
    char ratio[DECIMAL_TEXT];
    decimal_write(spec->max_ratio, 3, ratio);
    say(s, ", the longer side at most %s times the shorter", ratio);
}

static void describe(struct say *s, const struct input_spec *spec) {
    switch (spec->type) {
    case INPUT_TEXT:
        if (spec->max_chars) say(s, "text of at most %lld characters", (long long)spec->max_chars);
        else say(s, "text of at most %d bytes", LIMIT_PROMPT_BYTES);
        break;
    case INPUT_INT: say(s, "a whole number"); say_range(s, spec); break;
    case INPUT_NUMBER: say(s, "a number"); say_range(s, spec); break;
    case INPUT_SECONDS: say(s, "a number of seconds"); say_range(s, spec); break;
    case INPUT_BOOL: say(s, "true or false"); break;
    case INPUT_ENUM:
        if (spec->value_count > VALUES_SAID) {
            say(s, "one of %zu values such as ", spec->value_count);
            for (size_t i = 0; i < VALUES_SAID / 2; i++) say(s, "%s%.*s", i ? ", " : "", STR_ARG(spec->values[i]));
            say(s, " (GET /v1/models has all)");
            break;
        }
        for (size_t i = 0; i < spec->value_count; i++)
            say(s, "%s%.*s", i == 0 ? "" : i + 1 == spec->value_count ? " or " : ", ", STR_ARG(spec->values[i]));
        break;
    case INPUT_SIZE: describe_size(s, spec); break;
    case INPUT_FILE:
        say(s, "a link or drive path of ");
        if (spec->max > 1) say(s, "%.*s, or a list of 1 to %lld", STR_ARG(spec->file_kind), (long long)spec->max);
        else say(s, "one %.*s", STR_ARG(spec->file_kind));
        break;
    }
}

static void describe_all(struct say *s, const struct input_spec *spec) {
    describe(s, spec);
    size_t n = spec->word_count;
    bool all = n <= WORDS_SAID;
    if (!all) say(s, ", or one of %zu words (GET /v1/models has them) such as", n);
    for (size_t i = 0; i < (all ? n : WORDS_SAID); i++) say(s, "%s%.*s", !all && !i ? " " : all && i + 1 == n ? ", or " : ", ", STR_ARG(spec->words[i]));
}

void value_describe(const struct input_spec *spec, char *out, size_t out_size) {
    *out = 0;
    describe_all(&(struct say){out, out_size, 0}, spec);
}

/* As many whole characters of s as fit, without control characters. */
static void say_excerpt(struct say *s, struct str text, size_t most) {
    size_t n = text.len < most ? text.len : most;
    while (n < text.len && n && ((unsigned char)text.ptr[n] & 0xC0) == 0x80) n--;
    for (size_t i = 0; i < n; i++) say(s, "%c", (unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F ? ' ' : text.ptr[i]);
    if (n < text.len) say(s, "...");
}

void value_complain(const struct input_spec *spec, enum misread m, const struct json *given, char *out, size_t out_size) {
    *out = 0;
    struct say s = {out, out_size, 0};
    say(&s, "must be ");
    describe_all(&s, spec);
    if (m == VALUE_TOO_LONG) {
        say(&s, "; it has %zu %s", spec->max_chars ? str_code_points(given->text) : given->text.len, spec->max_chars ? "characters" : "bytes");
        return;
    }
    if (m == VALUE_EMPTY) {
        say(&s, "; it is empty");
        return;
    }
    switch (given->type) {
    case JSON_NULL: say(&s, ", not null"); break;
    case JSON_BOOL: say(&s, ", not %s", given->boolean ? "true" : "false"); break;
    case JSON_NUMBER: say(&s, ", not "); say_excerpt(&s, given->text, 40); break;
    case JSON_STRING: say(&s, ", not \""); say_excerpt(&s, given->text, 40); say(&s, "\""); break;
    case JSON_ARRAY: say(&s, ", not a list of %u", given->count); break;
    case JSON_OBJECT: say(&s, ", not an object"); break;
    case JSON_SPOOLED: say(&s, ", not a text of %u bytes", given->count); break;
    }
}
