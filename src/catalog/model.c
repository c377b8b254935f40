/* Reads one model document, and writes a model for /v1/models. */
#include "catalog/model.h"
#include "catalog/near.h"
#include "catalog/number.h"

#include <stdio.h>

/* --- durations and sizes of files --- */

/* A number of seconds, or text with a unit: 90, 90s, 10m, 1h. */
static bool read_duration(struct doc *d, const struct json *object, const char *key, int64_t *out) {
    const struct json *j = json_get(object, key);
    if (!j) return false;
    int64_t factor = 1, n;
    struct str text = j->text;
    if (j->type == JSON_STRING && text.len) {
        char unit = text.ptr[text.len - 1];
        factor = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : 0;
        text.len--;
    }
    bool readable = (j->type == JSON_NUMBER || j->type == JSON_STRING) && factor && decimal_read(text, 3, &n) == DECIMAL_OK;
    if (!readable || n <= 0 || n > 7LL * 24 * 3600 * 1000 / factor) {
        doc_problem(d, j, "`%s` must be a time of more than 0 and at most 7 days: a number of seconds, or 90s, 10m, 1h.", key);
        return false;
    }
    *out = n * factor;
    return true;
}

/* A number of bytes, or text with a unit: 500KB, 32MB, 2GB (powers of ten). */
static bool read_bytes(struct doc *d, const struct json *object, const char *key, int64_t *out) {
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

/* --- the parts of a document --- */

static bool is_slug_part(struct str s) {
    if (!s.len) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!word && (i == 0 || (c != '-' && c != '.' && c != '_'))) return false;
    }
    return true;
}

static void read_slug(struct doc *d, const struct json *doc, struct model *out) {
    const struct json *j = doc_need(d, doc, "slug", "the model");
    struct str family, variant;
    if (!j || !doc_text(d, doc, "slug", NEAR_MAX, &out->slug)) return;
    if (!str_cut(out->slug, '/', &family, &variant) || !is_slug_part(family) || !is_slug_part(variant))
        doc_problem(d, j, "`slug: %.*s` must look like family/variant, in small letters, digits, `-`, `.` and `_`.", STR_ARG(out->slug));
    out->line = doc_line(d, j);
}

struct kind { const char *name; int64_t deadline_ms, max_bytes; };
static const struct kind kinds[] = {
    {"image", 10 * 60 * 1000, 64000000}, {"video", 30 * 60 * 1000, 1000000000}, {"audio", 10 * 60 * 1000, 100000000}, {"text", 10 * 60 * 1000, 1000000}};

static void read_kind(struct doc *d, const struct json *doc, struct model *out) {
    const struct json *j = doc_need(d, doc, "kind", "the model");
    if (!j || !doc_text(d, doc, "kind", MODEL_NAME_BYTES, &out->kind)) return;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!str_is(out->kind, kinds[i].name)) continue;
        out->deadline_ms = kinds[i].deadline_ms;
        out->max_bytes = kinds[i].max_bytes;
        return;
    }
    doc_problem(d, j, "`kind: %.*s` is not known; it is one of image, video, audio, text.", STR_ARG(out->kind));
}

static void read_route(struct doc *d, const struct json *j, struct compiled *c, size_t i, struct route_spec *out) {
    static const char *const keys[] = {"provider", "model", "cost", "request", "margin", "about", "source", "date", NULL};
    if (!doc_is(d, j, JSON_OBJECT, "route")) return;
    doc_keys(d, j, keys, "a route");
    struct str ignored;
    if (doc_need(d, j, "provider", "the route")) doc_text(d, j, "provider", MODEL_NAME_BYTES, &out->provider);
    if (doc_need(d, j, "model", "the route")) doc_text(d, j, "model", 200, &out->model);
    doc_text(d, j, "request", MODEL_PROGRAM_BYTES, &ignored);
    doc_text(d, j, "about", MODEL_TEXT_BYTES, &ignored);
    doc_text(d, j, "source", MODEL_TEXT_BYTES, &ignored);
    doc_text(d, j, "date", MODEL_NAME_BYTES, &ignored);
    const struct json *cost = json_get(j, "cost"), *margin = json_get(j, "margin");
    if (cost) {
        struct rates *rates = arena_new(d->arena, struct rates);
        rates_read(d, &c->inputs, cost, &c->price, rates);
        c->costs[i] = rates;
    }
    if (margin && doc_is(d, margin, JSON_STRING, "margin")) {
        if (!str_is(margin->text, "loss")) doc_problem(d, margin, "the only word for `margin` is loss: the price may lie below the cost.");
        else c->loss[i] = true;
    }
    out->raw = j;
}

static void read_routes(struct doc *d, const struct json *doc, struct compiled *c, struct model *out) {
    const struct json *list = json_get(doc, "routes");
    if (!list || !doc_is(d, list, JSON_ARRAY, "routes")) return;
    if (list->count > MODEL_ROUTES_MAX) {
        doc_problem(d, list, "there are %u routes; at most %d are allowed.", list->count, MODEL_ROUTES_MAX);
        return;
    }
    size_t n = list->count;
    struct route_spec *routes = arena_array(d->arena, struct route_spec, n + 1);
    c->costs = arena_array(d->arena, const struct rates *, n + 1);
    c->loss = arena_array(d->arena, bool, n + 1);
    const struct json *j = list->child;
    for (size_t i = 0; i < n; i++, j = j->next) read_route(d, j, c, i, &routes[i]);
    out->routes = routes;
    out->route_count = n;
}

/* As published: the condition stands before the rate, whatever the order in the file. */
static struct str rate_table_text(struct arena *a, const struct json *price) {
    const struct json *table = json_get(price, "rate_table");
    struct buf b = {};
    struct jw w = {.out = &b};
    jw_open(&w, '[');
    for (const struct json *row = table ? table->child : NULL; row; row = row->next) {
        const struct json *when = json_get(row, "when"), *rate = json_get(row, "micros"), *round = json_get(row, "round");
        jw_open(&w, '{');
        if (when) {
            jw_key(&w, "when");
            json_write_canonical(&b, when);
            w.comma = true;
        }
        if (rate) {
            jw_key(&w, "micros");
            json_write_canonical(&b, rate);
            w.comma = true;
        }
        if (round) jw_kstr(&w, "round", round->text);
        jw_close(&w, '}');
    }
    jw_close(&w, ']');
    struct str text = arena_dup(a, buf_view(&b));
    buf_done(&b);
    return text;
}

bool model_read(struct doc *d, const struct json *doc, struct model *out) {
    static const char *const keys[] = {"slug", "kind", "title", "about", "inputs", "price", "routes", "deadline", "estimated_time",
                                       "max_bytes", "concurrency", "examples", "source", "date", NULL};
    if (!doc_is(d, doc, JSON_OBJECT, "model")) return false;
    *out = (struct model){.file = d->file, .line = doc_line(d, doc)};
    doc_keys(d, doc, keys, "a model");
    struct compiled *c = arena_new(d->arena, struct compiled);
    struct str ignored;
    read_slug(d, doc, out);
    read_kind(d, doc, out);
    out->title = out->slug;
    doc_text(d, doc, "title", 200, &out->title);
    doc_text(d, doc, "about", MODEL_TEXT_BYTES, &out->about);
    doc_text(d, doc, "source", MODEL_TEXT_BYTES, &ignored);
    doc_text(d, doc, "date", MODEL_NAME_BYTES, &ignored);
    read_duration(d, doc, "deadline", &out->deadline_ms);
    read_duration(d, doc, "estimated_time", &out->estimated_ms);
    read_bytes(d, doc, "max_bytes", &out->max_bytes);
    const struct json *at_once = json_get(doc, "concurrency");
    if (at_once && (!json_as_i64(at_once, &out->concurrency) || out->concurrency < 1 || out->concurrency > 100000))
        doc_problem(d, at_once, "`concurrency` must be a number from 1 to 100000: how many of the model run at once.");
    const struct json *examples = json_get(doc, "examples");
    if (examples) doc_is(d, examples, JSON_ARRAY, "examples");
    inputs_read(d, json_get(doc, "inputs"), &c->inputs);
    const struct json *price = doc_need(d, doc, "price", "the model");
    if (price) {
        rates_read(d, &c->inputs, price, NULL, &c->price);
        read_routes(d, doc, c, out);
    }
    out->inputs = c->inputs.specs;
    out->input_count = c->inputs.count;
    out->unit = str_of(unit_info(c->price.unit)->name);
    out->rate_table = rate_table_text(d->arena, price);
    c->doc = doc;
    out->price = c;
    return d->found == 0;
}

/* --- writing --- */

static void write_number(struct jw *w, const char *key, int64_t n, int decimals) {
    char text[DECIMAL_TEXT];
    jw_kraw(w, key, str_n(text, decimal_write(n, decimals, text)));
}

static void write_words(struct jw *w, const char *key, const struct str *words, size_t n) {
    jw_key(w, key);
    jw_open(w, '[');
    for (size_t i = 0; i < n; i++) jw_str(w, words[i]);
    jw_close(w, ']');
}

static void write_input(struct jw *w, const struct input_spec *s, const struct value *preset) {
    int decimals = input_decimals(s->type);
    jw_open(w, '{');
    jw_kstr(w, "name", s->name);
    jw_kz(w, "type", input_type_name(s->type));
    jw_kopt(w, "file", s->file_kind);
    jw_kbool(w, "required", s->required);
    if (preset->given) {
        jw_key(w, "default");
        value_write(w, s, preset);
    }
    if (s->has_min) write_number(w, "min", s->min, decimals);
    if (s->has_max) write_number(w, "max", s->max, decimals);
    if (s->has_step) write_number(w, "step", s->step, decimals);
    if (s->max_chars) jw_ki64(w, "max_chars", s->max_chars);
    if (s->value_count) write_words(w, "values", s->values, s->value_count);
    write_words(w, "aliases", s->aliases, s->alias_count);
    jw_kbool(w, "price", s->price);
    jw_kopt(w, "about", s->about);
    jw_close(w, '}');
}

void model_write(const struct model *m, struct jw *w) {
    const struct compiled *c = model_compiled(m);
    jw_open(w, '{');
    jw_kstr(w, "id", m->slug);
    jw_kz(w, "object", "model");
    jw_ki64(w, "created", 0); /* clients of OpenAI's shape read it; a model here has no birthday */
    struct str family, variant;
    str_cut(m->slug, '/', &family, &variant);
    jw_kstr(w, "owned_by", family);
    jw_kstr(w, "model_id", m->slug);
    jw_kstr(w, "slug", m->slug);
    jw_kstr(w, "kind", m->kind);
    jw_kstr(w, "title", m->title);
    jw_kopt(w, "about", m->about);
    jw_kbool(w, "enabled", m->route_count > 0);
    jw_kstr(w, "unit", m->unit);
    jw_kraw(w, "rate_table", m->rate_table);
    jw_kz(w, "quantity_from", source_name(c->price.source));
    write_number(w, "deadline_s", m->deadline_ms, 3);
    if (m->estimated_ms) write_number(w, "estimated_time_s", m->estimated_ms, 3);
    if (m->concurrency) jw_ki64(w, "concurrency", m->concurrency);
    jw_key(w, "inputs");
    jw_open(w, '[');
    for (size_t i = 0; i < m->input_count; i++) write_input(w, &m->inputs[i], &c->inputs.defaults[i]);
    jw_close(w, ']');
    const struct json *examples = json_get(c->doc, "examples");
    if (examples) {
        jw_key(w, "examples");
        json_write(w->out, examples);
        w->comma = true;
    }
    jw_close(w, '}');
}
