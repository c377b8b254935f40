/* A caller's inputs to canonical inputs and a price. Runs on every call: it allocates from the caller's arena alone, and writes
 * only what differs from call to call; the rest of each row's text was written when the catalog was read. */
#include "catalog/model.h"
#include "catalog/number.h"
#include "catalog/undeclared.h"

#include <stdio.h>

struct quoting {
    const struct model *model;
    const struct compiled *c;
    struct why *why;
    struct value values[MODEL_INPUTS_MAX];
    const struct json *given[MODEL_INPUTS_MAX]; /* the member that a value came from, NULL for defaults */
};

/* The first `most` bytes without a half character at their end: the caller's own keys may be long and of any script. */
static struct str whole_head(struct str s, size_t most) {
    if (s.len <= most) return s;
    while (most && ((unsigned char)s.ptr[most] & 0xC0) == 0x80) most--;
    return str_head(s, most);
}

static void set_field(struct why *why, struct str name) {
    if (!why) return;
    struct str s = whole_head(name, sizeof why->field - 1);
    memcpy(why->field, s.ptr, s.len);
    why->field[s.len] = 0;
}

/* A buffer in the arena that never grows; `size` is proved to be enough by the bounds it was computed from. */
static struct buf fixed(struct arena *a, size_t size) { return (struct buf){.ptr = arena_bytes(a, size), .cap = size}; }

/* --- canonical values --- */

static err refuse_value(struct quoting *q, int i, const struct json *member, enum misread m) {
    const struct input_spec *s = &q->c->inputs.specs[i];
    bool free_form = s->type == INPUT_TEXT || s->type == INPUT_FILE;
    err code = free_form && (!s->price || m == VALUE_TOO_LONG) ? E_INVALID : E_UNPRICEABLE;
    if (!q->why) return code;
    char text[360];
    value_complain(s, m, member, text, sizeof text);
    set_field(q->why, member->key);
    return why_set(q->why, code, "The input `%.*s` %s.", STR_ARG(member->key), text);
}

static err take_value(struct quoting *q, int i, const struct json *member) {
    const struct input_spec *s = &q->c->inputs.specs[i];
    struct value v;
    enum misread m = value_read(s, member, &v);
    if (m) return refuse_value(q, i, member, m);
    if (q->given[i] && !value_same(s, &q->values[i], &v)) {
        set_field(q->why, member->key);
        return why_set(q->why, E_UNPRICEABLE, "The inputs `%.*s` and `%.*s` are two names for the same thing and have different values; give one.",
                       STR_ARG(q->given[i]->key), STR_ARG(member->key));
    }
    if (q->given[i] && !str_eq(member->key, s->name)) return OK; /* said already; the canonical name's own spelling is kept */
    q->values[i] = v;
    q->given[i] = member;
    return OK;
}

static err refuse_missing(struct why *why, const struct input_spec *s) {
    if (!why) return E_INVALID;
    const char *example = "";
    char number[DECIMAL_TEXT + 2];
    switch (s->type) {
    case INPUT_TEXT: example = "\"a red bicycle\""; break;
    case INPUT_BOOL: example = "true"; break;
    case INPUT_SIZE: {
        char size[DECIMAL_TEXT];
        size_example(s, size, sizeof size);
        snprintf(number, sizeof number, "\"%s\"", size);
        example = number;
        break;
    }
    case INPUT_ENUM: break;
    case INPUT_FILE: example = str_is(s->file_kind, "image")   ? "\"https://example.com/picture.png\""
                               : str_is(s->file_kind, "video") ? "\"https://example.com/clip.mp4\""
                                                               : "\"https://example.com/sound.mp3\""; break;
    default:
        decimal_write(s->has_min ? s->min : s->has_max ? s->max : 0, input_decimals(s->type), number);
        example = number;
    }
    char what[200];
    value_describe(s, what, sizeof what);
    set_field(why, s->name);
    if (s->type == INPUT_ENUM)
        return why_set(why, E_INVALID, "The input `%.*s` is missing: %s; for example {\"%.*s\": \"%.*s\"}.", STR_ARG(s->name), what,
                       STR_ARG(s->name), STR_ARG(s->values[0]));
    return why_set(why, E_INVALID, "The input `%.*s` is missing: %s; for example {\"%.*s\": %s}.", STR_ARG(s->name), what, STR_ARG(s->name),
                   example);
}

/* The provider holds the operator to account, whose key it is. */
static err refuse_unsafe(struct quoting *q, const struct json *member, const struct json *unsafe) {
    set_field(q->why, member->key.len ? member->key : unsafe->key); /* a name may be empty, a field is not */
    return why_set(q->why, E_INVALID, "The input `%.*s` turns a provider's own safety checks down, which %.*s does not offer; leave it out.",
                   STR_ARG(whole_head(unsafe->key, 60)), STR_ARG(q->model->slug));
}

/* Told of the first of its inputs that the caller named, in the caller's word for it. */
static err refuse_together(struct quoting *q, const struct refusal *r) {
    const struct json *member = NULL;
    for (size_t i = 0; i < r->when.count && !member; i++) member = q->given[r->when.conds[i].input];
    set_field(q->why, member ? member->key : q->c->inputs.specs[r->when.conds[0].input].name);
    return why_set(q->why, E_UNPRICEABLE, "%.*s", STR_ARG(r->why));
}

static err read_inputs(struct quoting *q, const struct json *inputs) {
    const struct inputs *in = &q->c->inputs;
    memcpy(q->values, in->defaults, in->count * sizeof *q->values);
    memset(q->given, 0, in->count * sizeof *q->given);
    if (inputs && inputs->type != JSON_OBJECT) {
        set_field(q->why, STR("inputs"));
        return why_set(q->why, E_INVALID, "`inputs` must be an object, such as {\"prompt\": \"a red bicycle\"}.");
    }
    for (const struct json *m = inputs ? inputs->child : NULL; m; m = m->next) {
        int i = inputs_find(in, m->key);
        if (i >= 0) TRY(take_value(q, i, m));
        const struct json *unsafe = i < 0 ? undeclared_unsafe(m) : NULL;
        if (unsafe) return refuse_unsafe(q, m, unsafe);
    }
    for (size_t i = 0; i < in->count; i++) /* what the price does not need is asked for when the call is made */
        if (in->specs[i].required && in->specs[i].price && !q->given[i]) return refuse_missing(q->why, &in->specs[i]);
    const struct refusal *refusal = compiled_refusal(q->c, q->values);
    return refusal ? refuse_together(q, refusal) : OK;
}

err catalog_require(const struct model *m, const struct json *inputs, struct why *why) {
    for (size_t i = 0; i < m->input_count; i++) {
        const struct input_spec *s = &m->inputs[i];
        if (!s->required) continue;
        bool given = json_get_str(inputs, s->name) != NULL;
        for (size_t k = 0; k < s->alias_count && !given; k++) given = json_get_str(inputs, s->aliases[k]) != NULL;
        if (!given) return refuse_missing(why, s);
    }
    return OK;
}

/* --- the stored form --- */

static err write_inputs(struct quoting *q, const struct json *inputs, struct arena *a, struct str *out) {
    const struct inputs *in = &q->c->inputs;
    const struct json *longest = NULL;
    size_t bound = 64, most = 0; /* braces, and what the writer reserves ahead */
    for (size_t i = 0; i < in->count; i++)
        if (q->values[i].given) bound += value_bound(&in->specs[i], &q->values[i]);
    for (const struct json *m = inputs ? inputs->child : NULL; m; m = m->next) {
        size_t n = json_bound(m);
        if (n > most) most = n, longest = m;
        bound += n;
    }
    struct buf b = fixed(a, bound);
    const char *start = b.ptr;
    struct jw w = {.out = &b};
    size_t files = 0;
    jw_open(&w, '{');
    for (size_t i = 0; i < in->count; i++) {
        if (!q->values[i].given) continue;
        size_t before = b.len;
        jw_key_str(&w, in->specs[i].name);
        value_write(&w, &in->specs[i], &q->values[i]);
        if (in->specs[i].type == INPUT_FILE) files += b.len - before;
    }
    for (const struct json *m = inputs ? inputs->child : NULL; m; m = m->next) {
        if (inputs_find(in, m->key) >= 0) continue;
        jw_key_str(&w, m->key);
        json_write(&b, m);
        w.comma = true;
    }
    jw_close(&w, '}');
    must(b.ptr == start);
    if (b.len - files > LIMIT_INPUTS_BYTES && longest) { /* files may stand inline; who keeps the call moves them into the drive first */
        set_field(q->why, longest->key);
        return why_set(q->why, E_INVALID, "The inputs have %zu bytes; at most %d are kept with a call. The longest is `%.*s`.", b.len,
                       LIMIT_INPUTS_BYTES, STR_ARG(whole_head(longest->key, 60)));
    }
    *out = buf_view(&b);
    return OK;
}

/* --- quantity and row --- */

/* What is known about the file that the price depends on: its length or its pixels; the maximum while nothing is known. */
static err media_parts(struct quoting *q, const struct media_fact *facts, size_t fact_count, int64_t *out, bool *out_known) {
    const struct rates *r = &q->c->price;
    int64_t sum = 0;
    bool known = false, whole = true;
    for (size_t i = 0; i < fact_count; i++) {
        const struct media_fact *f = &facts[i];
        if (inputs_find(&q->c->inputs, f->input) != r->input) continue;
        int64_t n = f->duration_ms;
        if (r->unit == UNIT_MEGAPIXEL && (f->width < 0 || f->height < 0 || __builtin_mul_overflow(f->width, f->height, &n))) n = 0;
        if (n <= 0 || __builtin_add_overflow(sum, n, &sum)) whole = false; /* one of several could not be measured */
        known = true;
    }
    *out_known = known && whole;
    *out = *out_known ? sum : r->max;
    if (*out <= r->max) return OK;
    const struct input_spec *s = &q->c->inputs.specs[r->input];
    char have[DECIMAL_TEXT], most[DECIMAL_TEXT];
    const struct unit_info *u = unit_info(r->unit);
    decimal_write(*out, u->decimals, have);
    decimal_write(r->max, u->decimals, most);
    set_field(q->why, s->name);
    return why_set(q->why, E_UNPRICEABLE, "The file in `%.*s` has %s %s; this model takes at most %s.", STR_ARG(s->name), have, u->many, most);
}

static void add_number(struct buf *b, int64_t n, int decimals) {
    char text[DECIMAL_TEXT];
    buf_add(b, text, decimal_write(n, decimals, text));
}

/* The row for people: what was fixed when the catalog was read, and the numbers of this call. */
static struct str row_text(const struct rates *r, const struct due *due, bool known, struct arena *a) {
    const struct row *row = &r->rows[due->row];
    const struct unit_info *u = unit_info(r->unit);
    struct buf b = fixed(a, row->head.len + row->why.len + 320);
    const char *start = b.ptr;
    bool later = !known && (r->source == FROM_MEASURED || r->source == FROM_MEDIA);
    int64_t parts = r->unit == UNIT_IMAGE ? due->outputs : due->parts;
    buf_str(&b, row->head);
    buf_str(&b, STR(",\"quantity\":"));
    add_number(&b, parts, u->decimals);
    buf_str(&b, STR(",\"from\":\""));
    buf_z(&b, source_name(r->source));
    buf_str(&b, STR("\",\"why\":\""));
    buf_str(&b, row->why);
    if (later) buf_str(&b, STR("at most "));
    if (r->unit != UNIT_IMAGE && r->outputs >= 0) {
        add_number(&b, due->outputs, 0);
        buf_str(&b, due->outputs == 1 ? STR(" output of ") : STR(" outputs of "));
    }
    add_number(&b, parts, u->decimals);
    buf_c(&b, ' ');
    buf_z(&b, parts == u->parts ? u->one : u->many);
    buf_str(&b, STR(" at "));
    add_number(&b, row->rate, 0);
    buf_str(&b, STR(" micros each"));
    if (later) buf_str(&b, STR(", billed as measured"));
    buf_str(&b, STR("\"}"));
    must(b.ptr == start);
    return buf_view(&b);
}

err catalog_quote(const struct catalog *c, const struct model *m, const struct json *inputs, const struct media_fact *facts,
                  size_t fact_count, struct arena *a, struct why *why, struct quote *out_quote, struct str *out_inputs) {
    (void)c; /* a model knows all that its price needs; the version is named so that a caller cannot mix two */
    struct quoting q;
    q.model = m;
    q.c = model_compiled(m);
    q.why = why;
    const struct rates *r = &q.c->price;
    TRY(read_inputs(&q, inputs));
    int64_t parts = rates_parts(r, q.values);
    bool known = false;
    if (r->source == FROM_MEDIA) TRY(media_parts(&q, facts, fact_count, &parts, &known));
    struct due due;
    if (rates_due(r, &q.c->inputs, q.values, parts, &due))
        return why_set(why, E_UNPRICEABLE, "The price of this call passes all bounds.");
    struct str stored;
    TRY(write_inputs(&q, inputs, a, &stored));
    *out_quote = (struct quote){
        .amount = due.amount,
        .rate = r->rows[due.row].rate,
        .unit = unit_info(r->unit)->parts,
        .quantity = due.parts,
        .outputs = due.outputs,
        .per_output = r->unit == UNIT_IMAGE || r->outputs >= 0,
        .from = str_of(source_name(r->source)),
        .if_unmeasured = r->if_unmeasured,
        .row = row_text(r, &due, known, a),
    };
    *out_inputs = stored;
    return OK;
}
