/* Reads rate tables, for prices and for costs alike, and says what they come to. */
#include "catalog/model.h"
#include "catalog/near.h"
#include "catalog/number.h"

#include <stdio.h>

static const struct unit_info units[UNIT_COUNT] = {
    [UNIT_CALL] = {"call", 1, 0, "call", "calls", NULL, 0},
    [UNIT_IMAGE] = {"image", 1, 0, "image", "images", NULL, 0},
    [UNIT_SECOND] = {"second", 1000, 3, "second", "seconds", "seconds", 3},
    [UNIT_MEGAPIXEL] = {"megapixel", 1000000, 6, "megapixel", "megapixels", "megapixels", 6},
    [UNIT_KCHAR] = {"kchar", 1000, 3, "thousand characters", "thousand characters", "characters", 0},
};
static const char *const unit_words[] = {"call", "image", "second", "megapixel", "kchar", NULL};

const struct unit_info *unit_info(enum unit u) { return &units[u]; }

const char *source_name(enum source s) {
    static const char *const names[] = {"call", "input", "measured", "media"};
    return names[s];
}

/* --- conditions --- */

bool cond_holds(const struct cond *c, const struct input_spec *spec, const struct value *v) {
    switch (c->kind) {
    case COND_GIVEN: return v->given == c->given;
    case COND_RANGE: return v->given && (!c->has_min || v->n >= c->min) && (!c->has_max || v->n <= c->max);
    case COND_ONE_OF:
        for (size_t i = 0; v->given && i < c->value_count; i++)
            if (value_same(spec, &c->values[i], v)) return true;
        return false;
    }
    return false;
}

static bool has_range(enum input_type t) { return t == INPUT_INT || t == INPUT_NUMBER || t == INPUT_SECONDS || t == INPUT_SIZE || t == INPUT_FILE; }

/* {min: 5, max: 10} or {present: true} */
static bool read_cond_object(struct doc *d, const struct input_spec *spec, const struct json *j, struct cond *out) {
    static const char *const keys[] = {"min", "max", "present", NULL};
    doc_keys(d, j, keys, "a condition");
    const struct json *present = json_get(j, "present");
    if (present && j->count == 1) {
        out->kind = COND_GIVEN;
        return doc_bool(d, j, "present", &out->given);
    }
    if (present || !j->count) {
        doc_problem(d, j, "a condition is a value, a list, {min: , max: } or {present: true}.");
        return false;
    }
    if (!has_range(spec->type)) {
        doc_problem(d, j, "a range means nothing for input `%.*s` of type %s.", STR_ARG(spec->name), input_type_name(spec->type));
        return false;
    }
    out->kind = COND_RANGE;
    out->has_min = doc_decimal(d, j, "min", input_decimals(spec->type), &out->min);
    out->has_max = doc_decimal(d, j, "max", input_decimals(spec->type), &out->max);
    if (out->has_min && out->has_max && out->min > out->max) {
        doc_problem(d, j, "the range for `%.*s` ends before it begins.", STR_ARG(spec->name));
        return false;
    }
    return out->has_min || out->has_max;
}

static bool read_cond_value(struct doc *d, const struct input_spec *spec, const struct json *j, struct value *out) {
    enum misread m = value_read(spec, j, out);
    if (!m) return true;
    char text[400];
    value_complain(spec, m, j, text, sizeof text);
    doc_problem(d, j, "the condition can never hold: input `%.*s` %s.", STR_ARG(spec->name), text);
    return false;
}

static bool read_cond(struct doc *d, const struct inputs *in, const struct json *j, bool priced, struct cond *out) {
    out->input = inputs_find(in, j->key);
    if (out->input < 0) {
        doc_problem(d, j, "`when` names `%.*s`, which is not a declared input.", STR_ARG(str_head(j->key, 60)));
        return false;
    }
    const struct input_spec *spec = &in->specs[out->input];
    if (!str_eq(spec->name, j->key)) {
        doc_problem(d, j, "`when` names `%.*s`, an alias; write `%.*s`.", STR_ARG(j->key), STR_ARG(spec->name));
        return false;
    }
    if (priced && !spec->price) {
        doc_problem(d, j, "`when` names input `%.*s`, which is not declared with `price: true`.", STR_ARG(spec->name));
        return false;
    }
    if (j->type == JSON_OBJECT) return read_cond_object(d, spec, j, out);
    if (spec->type == INPUT_FILE) {
        doc_problem(d, j, "the conditions on file `%.*s` are {present: true} or {present: false}, and how many there are, as {min: 2}.", STR_ARG(spec->name));
        return false;
    }
    out->kind = COND_ONE_OF;
    bool list = j->type == JSON_ARRAY;
    out->value_count = list ? j->count : 1;
    if (!out->value_count) {
        doc_problem(d, j, "the list of values for `%.*s` is empty.", STR_ARG(spec->name));
        return false;
    }
    struct value *values = arena_array(d->arena, struct value, out->value_count);
    out->values = values;
    bool ok = true;
    const struct json *e = list ? j->child : j;
    for (size_t i = 0; i < out->value_count; i++, e = e->next) ok &= read_cond_value(d, spec, e, &values[i]);
    return ok;
}

/* --- texts of a row, written once --- */

static void say_parts(struct buf *b, const struct input_spec *spec, int64_t n) {
    char text[DECIMAL_TEXT];
    decimal_write(n, input_decimals(spec->type), text);
    buf_z(b, text);
    if (spec->type == INPUT_SIZE) buf_z(b, " pixels");
    if (spec->type == INPUT_FILE) buf_z(b, n == 1 ? " file" : " files");
}

static void say_cond(struct buf *b, struct arena *a, const struct inputs *in, const struct cond *c) {
    const struct input_spec *spec = &in->specs[c->input];
    buf_str(b, spec->name);
    switch (c->kind) {
    case COND_GIVEN: buf_z(b, c->given ? " is given" : " is not given"); break;
    case COND_ONE_OF:
        buf_z(b, " is ");
        for (size_t i = 0; i < c->value_count; i++) {
            if (i) buf_z(b, i + 1 == c->value_count ? " or " : ", ");
            buf_str(b, value_text(a, spec, &c->values[i]));
        }
        break;
    case COND_RANGE:
        buf_z(b, c->has_min && c->has_max ? " is from " : c->has_min ? " is at least " : " is at most ");
        if (c->has_min) say_parts(b, spec, c->min);
        if (c->has_min && c->has_max) buf_z(b, " to ");
        if (c->has_max) say_parts(b, spec, c->max);
        break;
    }
}

static void write_row_texts(struct doc *d, const struct inputs *in, enum unit unit, size_t index, const struct json *when, struct row *row) {
    struct buf b = {}, text = {};
    struct jw w = {.out = &b};
    jw_open(&w, '{');
    jw_ki64(&w, "index", (int64_t)index);
    jw_key(&w, "when");
    if (when) json_write_canonical(&b, when), w.comma = true;
    else jw_raw(&w, STR("{}"));
    jw_ki64(&w, "micros", row->rate);
    jw_kz(&w, "unit", units[unit].name);
    row->head = arena_dup(d->arena, buf_view(&b));
    buf_printf(&text, "row %zu: ", index + 1);
    for (size_t i = 0; i < row->cond_count; i++) {
        if (i) buf_z(&text, " and ");
        say_cond(&text, d->arena, in, &row->conds[i]);
    }
    buf_z(&text, row->cond_count ? "; " : "no condition; ");
    buf_clear(&b);
    w = (struct jw){.out = &b};
    jw_str(&w, buf_view(&text));
    row->why = arena_dup(d->arena, str_n(b.ptr + 1, b.len - 2)); /* without its quotes */
    buf_done(&b);
    buf_done(&text);
}

/* --- rows --- */

void when_read(struct doc *d, const struct inputs *in, const struct json *when, bool priced, struct when *out) {
    if (!doc_is(d, when, JSON_OBJECT, "when")) return;
    if (!when->count) {
        doc_problem(d, when, "`when` is empty; leave it out where it always holds.");
        return;
    }
    struct cond *conds = arena_array(d->arena, struct cond, when->count);
    size_t n = 0;
    for (const struct json *c = when->child; c; c = c->next) n += read_cond(d, in, c, priced, &conds[n]);
    *out = (struct when){conds, n};
}

bool when_holds(const struct when *w, const struct inputs *in, const struct value *values) {
    for (size_t i = 0; i < w->count; i++)
        if (!cond_holds(&w->conds[i], &in->specs[w->conds[i].input], &values[w->conds[i].input])) return false;
    return true;
}

static enum rounding read_round(struct doc *d, const struct json *j, const struct rates *r) {
    static const char *const words[] = {"up", "down", "nearest", NULL};
    const struct json *round = json_get(j, "round");
    if (!round || !doc_is(d, round, JSON_STRING, "round")) return ROUND_UP;
    int i = 0;
    while (words[i] && !str_is(round->text, words[i])) i++;
    if (!words[i]) {
        doc_problem(d, round, "`round` is up, down or nearest, not `%.*s`.", STR_ARG(str_head(round->text, 40)));
        return ROUND_UP;
    }
    if (i != ROUND_UP && (r->source != FROM_INPUT || r->outputs >= 0)) /* settle computes what is measured later, and rounds up */
        doc_problem(d, round, "`round: %s` needs a quantity that comes from an input, and one output.", words[i]);
    return (enum rounding)i;
}

/* A provider makes less in some cases than in others: what is measured beyond that is not held and not billed. */
static void read_row_max(struct doc *d, const struct json *j, const struct rates *r, struct row *out) {
    const struct json *max = json_get(j, "max");
    if (!max || !doc_decimal(d, j, "max", units[r->unit].max_decimals, &out->max)) return;
    if (r->source != FROM_MEASURED && r->source != FROM_MEDIA) doc_problem(d, max, "`max` of a row needs a quantity that is measured.");
    else if (out->max <= 0 || out->max >= r->max) doc_problem(d, max, "`max` of a row must be more than 0 and less than that of `quantity`.");
}

static void read_row(struct doc *d, const struct inputs *in, const struct json *j, size_t index, size_t count, const struct rates *r,
                     struct row *out) {
    static const char *const keys[] = {"when", "micros", "round", "max", NULL};
    out->line = doc_line(d, j);
    if (!doc_is(d, j, JSON_OBJECT, "row")) return;
    doc_keys(d, j, keys, "a row");
    const struct json *when = json_get(j, "when");
    struct when read = {};
    if (when) when_read(d, in, when, true, &read);
    out->conds = read.conds;
    out->cond_count = read.count;
    if (doc_need(d, j, "micros", "the row")) doc_micros(d, j, "micros", &out->rate);
    out->rounding = read_round(d, j, r);
    read_row_max(d, j, r, out);
    bool last = index + 1 == count;
    if (last && when) doc_problem(d, j, "the last row has a condition; it must hold for every input that no other row took.");
    if (!last && !when) doc_problem(d, j, "row %zu has no condition, so the rows behind it are never reached.", index + 1);
    write_row_texts(d, in, r->unit, index, when, out);
}

static void read_rows(struct doc *d, const struct inputs *in, const struct json *node, struct rates *out) {
    const struct json *table = doc_need(d, node, "rate_table", "the price");
    if (!table || !doc_is(d, table, JSON_ARRAY, "rate_table")) return;
    if (!table->count || table->count > MODEL_ROWS_MAX) {
        doc_problem(d, table, "`rate_table` has %u rows; 1 to %d are allowed.", table->count, MODEL_ROWS_MAX);
        return;
    }
    struct row *rows = arena_array(d->arena, struct row, table->count);
    const struct json *j = table->child;
    for (size_t i = 0; i < table->count; i++, j = j->next) read_row(d, in, j, i, table->count, out, &rows[i]);
    out->rows = rows;
    out->row_count = table->count;
}

/* --- quantity and outputs --- */

/* The input that `at` names, which must have a value in every call and change the price. */
static int read_input_name(struct doc *d, const struct inputs *in, const struct json *at, const char *what) {
    if (!doc_is(d, at, JSON_STRING, "input")) return -1;
    int i = inputs_named(in, at->text);
    if (i < 0) {
        doc_problem(d, at, "%s names input `%.*s`, which is not declared.", what, STR_ARG(str_head(at->text, 60)));
        return -1;
    }
    const struct input_spec *s = &in->specs[i];
    if (!s->price) doc_problem(d, at, "%s names input `%.*s`, which is not declared with `price: true`.", what, STR_ARG(s->name));
    if (!s->required && !s->has_default)
        doc_problem(d, at, "%s names input `%.*s`, which must be required or have a default.", what, STR_ARG(s->name));
    return i;
}

static void read_from_input(struct doc *d, const struct inputs *in, const struct json *at, struct rates *r) {
    int i = read_input_name(d, in, at, "`quantity`");
    if (i < 0) return;
    const struct input_spec *s = &in->specs[i];
    bool fits = (r->unit == UNIT_SECOND && (s->type == INPUT_SECONDS || s->type == INPUT_INT)) ||
                (r->unit == UNIT_MEGAPIXEL && s->type == INPUT_SIZE) || (r->unit == UNIT_KCHAR && s->type == INPUT_TEXT);
    if (!fits) {
        static const char *const wanted[] = {[UNIT_SECOND] = "seconds or int", [UNIT_MEGAPIXEL] = "size", [UNIT_KCHAR] = "text"};
        doc_problem(d, at, "a price per %s takes its quantity from an input of type %s; `%.*s` is of type %s.", units[r->unit].name,
                    wanted[r->unit], STR_ARG(s->name), input_type_name(s->type));
        return;
    }
    bool bounded = s->type == INPUT_TEXT ? s->max_chars > 0 : s->has_max;
    if (!bounded)
        doc_problem(d, at, "`quantity` comes from input `%.*s`, which needs `%s`.", STR_ARG(s->name), s->type == INPUT_TEXT ? "max_chars" : "max");
    if ((s->type == INPUT_SECONDS || s->type == INPUT_INT) && (!s->has_min || s->min <= 0))
        doc_problem(d, at, "`quantity` comes from input `%.*s`, which needs a `min` above 0.", STR_ARG(s->name));
    if (s->type == INPUT_INT && s->has_max && s->max > 1000000000) {
        doc_problem(d, at, "`max` of input `%.*s` is too large to be a number of seconds.", STR_ARG(s->name));
        return;
    }
    r->source = FROM_INPUT;
    r->input = i;
    r->scale = r->unit == UNIT_SECOND && s->type == INPUT_INT ? 1000 : 1;
}

/* How many characters the provider counts for one that is Chinese. */
static void read_han(struct doc *d, const struct json *q, const struct rates *base, struct rates *r) {
    const struct json *han = json_get(q, "han");
    if (!han) return;
    if (base) doc_problem(d, han, "`han` is stated in the price; a cost counts as the price does.");
    else if (r->unit != UNIT_KCHAR || r->source != FROM_INPUT) doc_problem(d, han, "`han` needs a quantity that is the characters of an input.");
    else if (doc_decimal(d, q, "han", 0, &r->han) && (r->han < 1 || r->han > 4)) doc_problem(d, han, "`han` is 1 to 4.");
}

static void read_max(struct doc *d, const struct json *q, struct rates *r) {
    if (!doc_need(d, q, "max", "the quantity, which is known only later")) return;
    if (doc_decimal(d, q, "max", units[r->unit].max_decimals, &r->max) && r->max <= 0)
        doc_problem(d, json_get(q, "max"), "`max` must be more than 0.");
}

static void read_measured(struct doc *d, const struct json *q, const struct json *word, struct rates *r) {
    r->source = FROM_MEASURED;
    if (!doc_is(d, word, JSON_STRING, "measured")) return;
    if (!str_is(word->text, units[r->unit].measured)) {
        doc_problem(d, word, "a price per %s measures %s, not `%.*s`.", units[r->unit].name, units[r->unit].measured,
                    STR_ARG(str_head(word->text, 40)));
        return;
    }
    read_max(d, q, r);
}

static void read_media(struct doc *d, const struct inputs *in, const struct json *q, const struct json *at, struct rates *r) {
    r->source = FROM_MEDIA;
    if (!doc_is(d, at, JSON_STRING, "media")) return;
    int i = inputs_named(in, at->text);
    const struct input_spec *s = i >= 0 ? &in->specs[i] : NULL;
    if (!s || s->type != INPUT_FILE) {
        doc_problem(d, at, "`media` names `%.*s`, which is not a declared file input.", STR_ARG(str_head(at->text, 60)));
        return;
    }
    if (!s->required) doc_problem(d, at, "`media` names file `%.*s`, which must be required.", STR_ARG(s->name));
    bool timed = !str_is(s->file_kind, "image"), seen = !str_is(s->file_kind, "audio");
    if (r->unit == UNIT_KCHAR || (r->unit == UNIT_SECOND && !timed) || (r->unit == UNIT_MEGAPIXEL && !seen)) {
        doc_problem(d, at, "a price per %s cannot come from a file of kind %.*s.", units[r->unit].name, STR_ARG(s->file_kind));
        return;
    }
    r->input = i;
    read_max(d, q, r);
}

static void read_quantity(struct doc *d, const struct inputs *in, const struct json *node, const struct rates *base, struct rates *r) {
    static const char *const keys[] = {"input", "measured", "media", "max", "han", NULL};
    const struct json *q = json_get(node, "quantity");
    if (r->unit == UNIT_CALL || r->unit == UNIT_IMAGE) {
        if (q) doc_problem(d, q, "a price per %s takes no `quantity`.", units[r->unit].name);
        return;
    }
    if (!q && base && base->unit == r->unit) {
        r->source = base->source, r->input = base->input, r->scale = base->scale, r->han = base->han, r->max = base->max;
        return;
    }
    if (!q) {
        doc_problem(d, node, "a price per %s needs `quantity`: where the number of %s comes from.", units[r->unit].name, units[r->unit].many);
        return;
    }
    if (!doc_is(d, q, JSON_OBJECT, "quantity")) return;
    doc_keys(d, q, keys, "`quantity`");
    const struct json *input = json_get(q, "input"), *measured = json_get(q, "measured"), *media = json_get(q, "media");
    if (!!input + !!measured + !!media != 1) {
        doc_problem(d, q, "`quantity` needs one of `input`, `measured` and `media`.");
        return;
    }
    if (input && json_get(q, "max")) doc_problem(d, json_get(q, "max"), "`max` of a quantity from an input is the input's own `max`.");
    if (input) read_from_input(d, in, input, r);
    else if (measured) read_measured(d, q, measured, r);
    else read_media(d, in, q, media, r);
    read_han(d, q, base, r);
}

static void read_outputs(struct doc *d, const struct inputs *in, const struct json *node, const struct rates *base, struct rates *r) {
    static const char *const keys[] = {"input", NULL};
    const struct json *o = json_get(node, "outputs");
    bool countable = r->unit != UNIT_CALL && r->unit != UNIT_KCHAR;
    if (!o) {
        if (base && countable) r->outputs = base->outputs;
        return;
    }
    if (!countable) {
        doc_problem(d, o, "a price per %s does not count `outputs`.", units[r->unit].name);
        return;
    }
    if (!doc_is(d, o, JSON_OBJECT, "outputs")) return;
    doc_keys(d, o, keys, "`outputs`");
    const struct json *name = doc_need(d, o, "input", "`outputs`");
    int i = name ? read_input_name(d, in, name, "`outputs`") : -1;
    if (i < 0) return;
    const struct input_spec *s = &in->specs[i];
    if (s->type != INPUT_INT || !s->has_min || s->min < 1 || !s->has_max || s->max > LIMIT_OUTPUTS) {
        doc_problem(d, name, "`outputs` comes from input `%.*s`, which must be of type int, from at least 1 to at most %d.", STR_ARG(s->name),
                    LIMIT_OUTPUTS);
        return;
    }
    r->outputs = i;
}

static void read_if_unmeasured(struct doc *d, const struct json *node, bool is_cost, struct rates *r) {
    const struct json *j = json_get(node, "if_unmeasured");
    bool later = r->source == FROM_MEASURED || r->source == FROM_MEDIA;
    if (j && (!later || is_cost)) doc_problem(d, j, "`if_unmeasured` means something only for a price whose quantity is measured.");
    else if (later && !is_cost && doc_need(d, node, "if_unmeasured", "the price: what is billed in all when nothing could be measured"))
        doc_micros(d, node, "if_unmeasured", &r->if_unmeasured);
}

void rates_read(struct doc *d, const struct inputs *in, const struct json *node, const struct rates *base, struct rates *out) {
    static const char *const price_keys[] = {"unit", "quantity", "rate_table", "outputs", "if_unmeasured", NULL};
    *out = (struct rates){.outputs = -1, .scale = 1, .han = 1, .line = doc_line(d, node)};
    const char *what = base ? "`cost`" : "`price`";
    if (!doc_is(d, node, JSON_OBJECT, base ? "cost" : "price")) return;
    doc_keys(d, node, price_keys, what);
    struct str word;
    const struct json *unit = doc_need(d, node, "unit", what);
    if (!unit || !doc_text(d, node, "unit", MODEL_NAME_BYTES, &word)) return;
    int u = 0;
    while (unit_words[u] && !str_is(word, unit_words[u])) u++;
    if (!unit_words[u]) {
        const char *near = near_word(word, unit_words);
        doc_problem(d, unit, "`unit: %.*s` is not known%s%s%s; it is one of call, image, second, megapixel, kchar.", STR_ARG(word),
                    near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
        return;
    }
    out->unit = (enum unit)u;
    read_outputs(d, in, node, base, out);
    read_quantity(d, in, node, base, out);
    read_if_unmeasured(d, node, base != NULL, out);
    read_rows(d, in, node, out);
}

/* --- what it comes to --- */

size_t rates_match(const struct rates *r, const struct inputs *in, const struct value *values) {
    for (size_t i = 0; i + 1 < r->row_count; i++) {
        const struct row *row = &r->rows[i];
        size_t k = 0;
        while (k < row->cond_count && cond_holds(&row->conds[k], &in->specs[row->conds[k].input], &values[row->conds[k].input])) k++;
        if (k == row->cond_count) return i;
    }
    return r->row_count - 1; /* the last row has no condition */
}

/* The blocks of Unicode that hold Chinese characters: radicals, the two signs that repeat one or stand for zero, and the ideographs. */
static bool is_han(uint32_t c) {
    return (c >= 0x2E80 && c <= 0x2FDF) || c == 0x3005 || c == 0x3007 || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF);
}

/* Of UTF-8 as the reader of JSON lets it through; Chinese characters have three bytes or four. */
static int64_t han_count(struct str s) {
    int64_t n = 0;
    const unsigned char *p = (const unsigned char *)s.ptr;
    for (size_t i = 0; i + 2 < s.len; i++) {
        if (p[i] >= 0xF0 && i + 3 < s.len)
            n += is_han((p[i] & 7u) << 18 | (p[i + 1] & 63u) << 12 | (p[i + 2] & 63u) << 6 | (p[i + 3] & 63u));
        else if (p[i] >= 0xE0 && p[i] < 0xF0) n += is_han((p[i] & 15u) << 12 | (p[i + 1] & 63u) << 6 | (p[i + 2] & 63u));
    }
    return n;
}

int64_t rates_parts(const struct rates *r, const struct value *values) {
    switch (r->source) {
    case FROM_INPUT: return values[r->input].n * r->scale + (r->han > 1 ? (r->han - 1) * han_count(values[r->input].text) : 0);
    case FROM_MEASURED:
    case FROM_MEDIA: return r->max;
    case FROM_CALL: break;
    }
    return 1;
}

/* Other ways of rounding than up, which is core's own. One output, see read_round. */
static err round_amount(enum rounding how, micros rate, int64_t parts, int64_t unit, micros *out) {
    __int128 product = (__int128)rate * parts;
    __int128 amount = how == ROUND_DOWN ? product / unit : (2 * product + unit) / (2 * (__int128)unit);
    if (amount > MICROS_MAX) return E_LIMIT;
    *out = (micros)amount;
    return OK;
}

err rates_due(const struct rates *r, const struct inputs *in, const struct value *values, int64_t parts, struct due *out) {
    struct due due = {.row = rates_match(r, in, values), .parts = parts, .outputs = r->outputs >= 0 ? values[r->outputs].n : 1};
    const struct row *row = &r->rows[due.row];
    int64_t unit = units[r->unit].parts;
    if (row->max && due.parts > row->max) due.parts = row->max;
    if (row->rounding == ROUND_UP) TRY(price_amount(row->rate, due.parts, unit, due.outputs, &due.amount));
    else TRY(round_amount(row->rounding, row->rate, due.parts, unit, &due.amount));
    *out = due;
    return OK;
}
