/* Reads the declared inputs of a model. */
#include "catalog/model.h"
#include "catalog/near.h"
#include "catalog/number.h"

#include <stdio.h>

static const char *const type_words[] = {"text", "int", "number", "seconds", "bool", "enum", "size", NULL};
static const char *const file_words[] = {"image", "video", "audio", NULL};

const char *input_type_name(enum input_type t) { return t == INPUT_FILE ? "file" : type_words[t]; }
int input_decimals(enum input_type t) { return t == INPUT_NUMBER || t == INPUT_SECONDS ? 3 : 0; }

static int word_index(const char *const *list, struct str word) {
    for (int i = 0; list[i]; i++)
        if (str_is(word, list[i])) return i;
    return -1;
}

/* --- names --- */

static bool is_name(struct str s, bool alias) {
    if (!s.len || s.len > MODEL_NAME_BYTES) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (alias && c >= 'A' && c <= 'Z');
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '_' || (alias && c == '-')))) return false;
    }
    return true;
}

static size_t hash(struct str s) { /* FNV-1a: the names are the model's own, only lookups are foreign */
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)s.ptr[i]) * 1099511628211u;
    return (size_t)(h ^ (h >> 32));
}

static struct input_name *slot(const struct inputs *in, struct str name) {
    size_t i = hash(name) & in->mask;
    while (in->names[i].input >= 0 && !str_eq(in->names[i].name, name)) i = (i + 1) & in->mask;
    return &in->names[i];
}

int inputs_find(const struct inputs *in, struct str name) { return slot(in, name)->input; }

int inputs_named(const struct inputs *in, struct str name) {
    int i = inputs_find(in, name);
    return i >= 0 && str_eq(in->specs[i].name, name) ? i : -1;
}

static void add_name(struct doc *d, struct inputs *in, int input, struct str name, const struct json *at) {
    struct input_name *s = slot(in, name);
    if (s->input >= 0) {
        struct str other = in->specs[s->input].name;
        doc_problem(d, at, "the name `%.*s` of input `%.*s` is taken by input `%.*s`.", STR_ARG(name), STR_ARG(in->specs[input].name),
                    STR_ARG(other));
        return;
    }
    *s = (struct input_name){name, input};
}

static void build_names(struct doc *d, const struct json *list, struct inputs *in) {
    size_t slots = 8, names = 0;
    for (size_t i = 0; i < in->count; i++) names += 1 + in->specs[i].alias_count;
    if (names > MODEL_NAMES_MAX) {
        doc_problem(d, list, "the inputs have %zu names and aliases; at most %d are allowed.", names, MODEL_NAMES_MAX);
        in->count = names = 0;
    }
    while (slots < names * 2) slots *= 2;
    in->mask = slots - 1;
    in->names = arena_array(d->arena, struct input_name, slots);
    for (size_t i = 0; i < slots; i++) in->names[i].input = -1;
    const struct json *at = list ? list->child : NULL;
    for (size_t i = 0; i < in->count; i++, at = at->next) add_name(d, in, (int)i, in->specs[i].name, at);
    at = list ? list->child : NULL;
    for (size_t i = 0; i < in->count; i++, at = at->next)
        for (size_t k = 0; k < in->specs[i].alias_count; k++) add_name(d, in, (int)i, in->specs[i].aliases[k], at);
}

/* --- lists of words --- */

static struct str *read_words(struct doc *d, const struct json *list, const char *key, bool names, size_t max, size_t *out_count) {
    *out_count = 0;
    if (!doc_is(d, list, JSON_ARRAY, key)) return NULL;
    if (list->count > max) {
        doc_problem(d, list, "`%s` has %u entries; at most %zu are allowed.", key, list->count, max);
        return NULL;
    }
    struct str *words = arena_array(d->arena, struct str, list->count + 1);
    size_t n = 0;
    for (const struct json *e = list->child; e; e = e->next) {
        char digits[DECIMAL_TEXT];
        struct str word = e->text;
        int64_t number;
        if (!names && e->type == JSON_NUMBER && decimal_read(e->text, 3, &number) == DECIMAL_OK) {
            word = arena_dup(d->arena, str_n(digits, decimal_write(number, 3, digits)));
        } else if (!doc_is(d, e, JSON_STRING, key)) {
            continue;
        }
        if (names ? !is_name(word, true) : (!word.len || word.len > MODEL_NAME_BYTES)) {
            doc_problem(d, e, "`%.*s` cannot stand in `%s`: 1 to %d %s.", STR_ARG(str_head(word, 40)), key, MODEL_NAME_BYTES,
                        names ? "letters, digits, _ and -, beginning with a letter" : "bytes");
            continue;
        }
        bool twice = false;
        for (size_t i = 0; i < n; i++) twice |= str_eq(words[i], word);
        if (twice) doc_problem(d, e, "`%.*s` stands twice in `%s`.", STR_ARG(word), key);
        else words[n++] = word;
    }
    *out_count = n;
    return words;
}

/* --- one input --- */

static bool read_type(struct doc *d, const struct json *j, struct input_spec *out) {
    const struct json *type = json_get(j, "type"), *file = json_get(j, "file");
    if (!type == !file) {
        doc_problem(d, j, "input `%.*s` needs either `type` or `file`%s.", STR_ARG(out->name), type ? ", not both" : "");
        return false;
    }
    const struct json *word = type ? type : file;
    const char *key = type ? "type" : "file";
    const char *const *words = type ? type_words : file_words;
    if (!doc_is(d, word, JSON_STRING, key)) return false;
    int i = word_index(words, word->text);
    if (i < 0) {
        const char *near = near_word(word->text, words);
        doc_problem(d, word, "`%s: %.*s` is not known%s%s%s; it is one of %s.", key, STR_ARG(str_head(word->text, 40)),
                    near ? ", did you mean " : "", near ? near : "", near ? "?" : "",
                    type ? "text, int, number, seconds, bool, enum, size" : "image, video, audio");
        return false;
    }
    out->type = type ? (enum input_type)i : INPUT_FILE;
    if (file) out->file_kind = word->text;
    return true;
}

/* Which of the further keys mean anything for a type. */
static void check_keys_of_type(struct doc *d, const struct json *j, const struct input_spec *s) {
    static const struct { const char *key; unsigned types; } allowed[] = {
        {"min", 1u << INPUT_INT | 1u << INPUT_NUMBER | 1u << INPUT_SECONDS | 1u << INPUT_SIZE},
        {"step", 1u << INPUT_INT | 1u << INPUT_NUMBER | 1u << INPUT_SECONDS | 1u << INPUT_SIZE},
        {"max", 1u << INPUT_INT | 1u << INPUT_NUMBER | 1u << INPUT_SECONDS | 1u << INPUT_SIZE | 1u << INPUT_FILE},
        {"values", 1u << INPUT_ENUM},
        {"words", 1u << INPUT_INT | 1u << INPUT_NUMBER | 1u << INPUT_SECONDS | 1u << INPUT_SIZE},
        {"min_pixels", 1u << INPUT_SIZE},
        {"max_pixels", 1u << INPUT_SIZE},
        {"max_ratio", 1u << INPUT_SIZE},
        {"max_chars", 1u << INPUT_TEXT},
        {"default", ~(1u << INPUT_FILE)},
    };
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        const struct json *m = json_get(j, allowed[i].key);
        if (m && !(allowed[i].types >> s->type & 1))
            doc_problem(d, m, "`%s` means nothing for input `%.*s` of type %s.", allowed[i].key, STR_ARG(s->name), input_type_name(s->type));
    }
}

/* Both sides together. */
static void read_area(struct doc *d, const struct json *j, struct input_spec *s) {
    int64_t side = s->has_max ? s->max : 65536;
    bool most = doc_decimal(d, j, "max_pixels", 0, &s->max_pixels);
    if (doc_decimal(d, j, "max_ratio", 3, &s->max_ratio) && s->max_ratio < 1000)
        doc_problem(d, json_get(j, "max_ratio"), "`max_ratio` of `%.*s` is how often the shorter side goes into the longer: 1 or more.", STR_ARG(s->name));
    if (doc_decimal(d, j, "min_pixels", 0, &s->min_pixels) && s->min_pixels > side * side)
        doc_problem(d, json_get(j, "min_pixels"), "no size has `min_pixels` of `%.*s`: its sides have at most %lld.", STR_ARG(s->name), (long long)side);
    if (most && (s->max_pixels < 1 || s->max_pixels < s->min_pixels))
        doc_problem(d, json_get(j, "max_pixels"), "`max_pixels` of `%.*s` leaves no size.", STR_ARG(s->name));
}

static void read_bounds(struct doc *d, const struct json *j, struct input_spec *s) {
    int decimals = input_decimals(s->type);
    s->has_min = doc_decimal(d, j, "min", decimals, &s->min);
    s->has_max = doc_decimal(d, j, "max", decimals, &s->max);
    s->has_step = doc_decimal(d, j, "step", decimals, &s->step);
    if (s->has_step && s->step <= 0) {
        doc_problem(d, json_get(j, "step"), "`step` of input `%.*s` must be more than 0.", STR_ARG(s->name));
        s->has_step = false;
    }
    int64_t least = s->has_min ? s->min : 0;
    if (s->has_max && least > s->max) {
        doc_problem(d, json_get(j, "max"), "`max` of input `%.*s` is below its `min`%s.", STR_ARG(s->name), s->has_min ? "" : ", which is 0");
        s->has_max = false;
    }
    if (s->has_max && s->has_step && s->type != INPUT_SIZE && (s->max - least) % s->step)
        doc_problem(d, json_get(j, "max"), "`max` of input `%.*s` is not on its `step`.", STR_ARG(s->name));
    if (s->type == INPUT_SIZE && s->has_max && s->max > 65536)
        doc_problem(d, json_get(j, "max"), "a side of `%.*s` has at most 65536 pixels.", STR_ARG(s->name));
    if (s->type == INPUT_SIZE) read_area(d, j, s);
    if (s->type == INPUT_FILE) {
        if (!s->has_max) s->max = 1;
        else if (s->max < 1 || s->max > 64) doc_problem(d, json_get(j, "max"), "`max` of a file input is how many files it takes: 1 to 64.");
        s->has_max = true;
    }
}

/* What may stand in place of a number or a size. */
static void read_own_words(struct doc *d, const struct json *j, struct input_spec *s) {
    const struct json *words = json_get(j, "words");
    if (!words) return;
    s->words = read_words(d, words, "words", false, MODEL_VALUES_MAX, &s->word_count);
    if (!s->has_max && !s->max_pixels) doc_problem(d, words, "`words` of input `%.*s` count as its largest value, so it needs `max`.", STR_ARG(s->name));
}

static void read_default(struct doc *d, const struct json *j, struct input_spec *s, struct value *out) {
    const struct json *given = json_get(j, "default");
    if (!given || s->type == INPUT_FILE) return;
    enum misread m = value_read(s, given, out);
    if (m) {
        char text[400];
        value_complain(s, m, given, text, sizeof text);
        doc_problem(d, given, "`default` of input `%.*s` %s.", STR_ARG(s->name), text);
        return;
    }
    s->has_default = true;
    s->default_text = value_text(d->arena, s, out);
    if (s->required) doc_problem(d, given, "input `%.*s` is required and has a default; it can have one of them.", STR_ARG(s->name));
}

static void read_input(struct doc *d, const struct json *j, struct input_spec *s, struct value *out_default) {
    static const char *const keys[] = {"name", "type", "file", "required", "aliases", "default", "min", "max", "step",
                                       "values", "words", "min_pixels", "max_pixels", "max_ratio", "max_chars", "price", "about", NULL};
    if (!doc_is(d, j, JSON_OBJECT, "input")) return;
    doc_keys(d, j, keys, "an input");
    const struct json *name = json_get(j, "name");
    if (!json_as_str(name, &s->name) || !is_name(s->name, false)) {
        doc_problem(d, j, "`%.*s` is not a name for an input: 1 to %d small letters, digits and _, beginning with a letter.",
                    STR_ARG(str_head(s->name, 60)), MODEL_NAME_BYTES);
        return;
    }
    if (!read_type(d, j, s)) return;
    doc_bool(d, j, "required", &s->required);
    doc_bool(d, j, "price", &s->price);
    doc_text(d, j, "about", MODEL_TEXT_BYTES, &s->about);
    const struct json *aliases = json_get(j, "aliases"), *values = json_get(j, "values");
    if (aliases) s->aliases = read_words(d, aliases, "aliases", true, MODEL_VALUES_MAX, &s->alias_count);
    check_keys_of_type(d, j, s);
    if (s->type == INPUT_ENUM) {
        if (values) s->values = read_words(d, values, "values", false, MODEL_VALUES_MAX, &s->value_count);
        if (!s->value_count) doc_problem(d, values ? values : j, "input `%.*s` needs `values`, the list of what it can be.", STR_ARG(s->name));
    }
    bool bounded = s->type != INPUT_TEXT && s->type != INPUT_BOOL && s->type != INPUT_ENUM;
    if (bounded) read_bounds(d, j, s);
    if (bounded && s->type != INPUT_FILE) read_own_words(d, j, s);
    if (doc_decimal(d, j, "max_chars", 0, &s->max_chars) && (s->max_chars < 1 || s->max_chars > LIMIT_INPUTS_BYTES))
        doc_problem(d, json_get(j, "max_chars"), "`max_chars` must be from 1 to %d.", LIMIT_INPUTS_BYTES);
    read_default(d, j, s, out_default);
}

void inputs_read(struct doc *d, const struct json *list, struct inputs *out) {
    *out = (struct inputs){};
    size_t n = list && doc_is(d, list, JSON_ARRAY, "inputs") ? list->count : 0;
    if (n > MODEL_INPUTS_MAX) {
        doc_problem(d, list, "there are %zu inputs; at most %d are allowed.", n, MODEL_INPUTS_MAX);
        n = 0;
    }
    out->specs = arena_array(d->arena, struct input_spec, n + 1);
    out->defaults = arena_array(d->arena, struct value, n + 1);
    out->count = n;
    const struct json *j = n ? list->child : NULL;
    int before = d->found;
    for (size_t i = 0; i < n; i++, j = j->next) read_input(d, j, &out->specs[i], &out->defaults[i]);
    if (d->found != before) { /* unnamed or untyped inputs would clash with each other: keep the names that can be used */
        for (size_t i = 0; i < n; i++)
            if (!out->specs[i].name.len) out->specs[i].name = arena_printf(d->arena, "(%zu)", i);
    }
    build_names(d, n ? list : NULL, out);
}
