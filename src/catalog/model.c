/* Reads one model document, and writes a model for /v1/models. */
#include "catalog/model.h"
#include "catalog/near.h"
#include "catalog/number.h"

#include <stdio.h>

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

/* Dollars per unit may be fractions of a micro: 0.00028 micros and the like are kept in thousandths. */
static void read_unit(struct doc *d, const struct json *j, struct route_spec *out) {
    if (doc_decimal(d, j, "unit_micros", 3, &out->unit_nanos) && (out->unit_nanos <= 0 || out->unit_nanos > MICROS_MAX))
        doc_problem(d, json_get(j, "unit_micros"), "`unit_micros` must be what one billable unit costs, in micros: more than 0.");
}

static void read_status(struct doc *d, const struct json *j, struct str *out) {
    if (!doc_text(d, j, "status", MODEL_NAME_BYTES, out)) return;
    if (!str_is(*out, "verified") && !str_is(*out, "documented") && !str_is(*out, "guess"))
        doc_problem(d, json_get(j, "status"), "`status: %.*s` is not known; it is verified, documented or guess.", STR_ARG(*out));
}

static void read_route(struct doc *d, const struct json *j, struct compiled *c, size_t i, struct route_spec *out) {
    static const char *const keys[] = {"provider", "model", "endpoint", "cost",   "request", "carries", "status", "unit_micros",
                                       "margin",   "when",  "about",    "source", "date",    NULL};
    if (!doc_is(d, j, JSON_OBJECT, "route")) return;
    doc_keys(d, j, keys, "a route");
    struct str ignored;
    if (doc_need(d, j, "provider", "the route")) doc_text(d, j, "provider", MODEL_NAME_BYTES, &out->provider);
    if (doc_need(d, j, "model", "the route")) doc_text(d, j, "model", 200, &out->model);
    doc_text(d, j, "endpoint", MODEL_NAME_BYTES, &out->endpoint);
    doc_text(d, j, "request", MODEL_PROGRAM_BYTES, &out->request);
    read_status(d, j, &out->status);
    read_unit(d, j, out);
    const struct json *when = json_get(j, "when");
    if (when) when_read(d, &c->inputs, when, false, &c->whens[i]);
    out->carries = json_get(j, "carries");
    if (out->carries) doc_is(d, out->carries, JSON_OBJECT, "carries");
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
    out->line = doc_line(d, j);
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
    c->whens = arena_array(d->arena, struct when, n + 1);
    const struct json *j = list->child;
    for (size_t i = 0; i < n; i++, j = j->next) read_route(d, j, c, i, &routes[i]);
    out->routes = routes;
    out->route_count = n;
}

static void read_refusals(struct doc *d, const struct json *doc, struct compiled *c) {
    static const char *const keys[] = {"when", "why", NULL};
    const struct json *list = json_get(doc, "refuse");
    if (!list || !doc_is(d, list, JSON_ARRAY, "refuse")) return;
    c->refusals = arena_array(d->arena, struct refusal, list->count + 1);
    for (const struct json *j = list->child; j; j = j->next) {
        struct refusal *r = &c->refusals[c->refusal_count];
        if (!doc_is(d, j, JSON_OBJECT, "refuse")) continue;
        doc_keys(d, j, keys, "`refuse`");
        const struct json *when = doc_need(d, j, "when", "what is refused");
        if (when) when_read(d, &c->inputs, when, false, &r->when);
        if (doc_need(d, j, "why", "what is refused")) doc_text(d, j, "why", REFUSAL_BYTES, &r->why);
        if (r->when.count) c->refusal_count++;
    }
}

const struct refusal *compiled_refusal(const struct compiled *c, const struct value *values) {
    for (size_t i = 0; i < c->refusal_count; i++)
        if (when_holds(&c->refusals[i].when, &c->inputs, values)) return &c->refusals[i];
    return NULL;
}

bool catalog_route_holds(const struct model *m, size_t route, const struct json *inputs) {
    const struct compiled *c = model_compiled(m);
    if (route >= m->route_count) return false;
    const struct when *w = &c->whens[route];
    for (size_t i = 0; i < w->count; i++) {
        const struct input_spec *s = &m->inputs[w->conds[i].input];
        const struct json *given = json_get_str(inputs, s->name);
        struct value v = {};
        if (given && value_read(s, given, &v)) return false;
        if (!given) v = c->inputs.defaults[w->conds[i].input];
        if (!cond_holds(&w->conds[i], s, &v)) return false;
    }
    return true;
}

bool catalog_cost(const struct model *m, size_t route, const struct json *inputs, struct quote *out) {
    const struct compiled *c = model_compiled(m);
    const struct rates *r = route < m->route_count ? c->costs[route] : NULL;
    struct value values[MODEL_INPUTS_MAX] = {};
    struct due due;
    if (!r) return false;
    for (size_t i = 0; i < m->input_count; i++) {
        const struct json *given = json_get_str(inputs, m->inputs[i].name);
        if (!given || value_read(&m->inputs[i], given, &values[i])) values[i] = c->inputs.defaults[i];
    }
    if (rates_due(r, &c->inputs, values, rates_parts(r, values), &due)) return false;
    *out = (struct quote){.amount = due.amount, .rate = r->rows[due.row].rate, .unit = unit_info(r->unit)->parts, .quantity = due.parts, .outputs = due.outputs,
                          .per_output = r->outputs >= 0, .from = str_of(source_name(r->source)), .if_unmeasured = due.amount};
    return true;
}

/* As published: the condition stands before the rate, whatever the order in the file. */
static struct str rate_table_text(struct arena *a, const struct json *price) {
    const struct json *table = json_get(price, "rate_table");
    struct buf b = {};
    struct jw w = {.out = &b};
    jw_open(&w, '[');
    for (const struct json *row = table ? table->child : NULL; row; row = row->next) {
        const struct json *when = json_get(row, "when"), *rate = json_get(row, "micros"), *round = json_get(row, "round"), *max = json_get(row, "max");
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
        if (max) jw_kraw(&w, "max", max->text);
        jw_close(&w, '}');
    }
    jw_close(&w, ']');
    struct str text = arena_dup(a, buf_view(&b));
    buf_done(&b);
    return text;
}

static void read_end(struct doc *d, const struct json *doc, struct model *out) {
    if (doc_text(d, doc, "ended", MODEL_NAME_BYTES, &out->ended)) {
        bool date = out->ended.len == 10;
        for (size_t i = 0; date && i < 10; i++) date = i == 4 || i == 7 ? out->ended.ptr[i] == '-' : out->ended.ptr[i] >= '0' && out->ended.ptr[i] <= '9';
        if (!date) doc_problem(d, json_get(doc, "ended"), "`ended` must be the day on which the model ended, such as 2026-10-22.");
    }
    doc_text(d, doc, "successor", NEAR_MAX, &out->successor);
}

/* What /v1/models shows where the inputs do not say it. */
static void read_shown(struct doc *d, const struct json *doc) {
    const struct json *ratios = json_get(doc, "aspect_ratios"), *durations = json_get(doc, "durations");
    if (ratios) doc_is(d, ratios, JSON_ARRAY, "aspect_ratios");
    if (durations) doc_is(d, durations, JSON_ARRAY, "durations");
    int64_t limit;
    if (doc_decimal(d, doc, "prompt_limit", 0, &limit) && limit < 1) doc_problem(d, json_get(doc, "prompt_limit"), "`prompt_limit` must be more than 0.");
}

bool model_read(struct doc *d, const struct json *doc, struct model *out) {
    static const char *const keys[] = {"slug", "kind", "title", "about", "inputs", "price", "refuse", "routes", "deadline", "estimated_time",
                                       "max_bytes", "concurrency", "examples", "source", "date", "ended", "successor",
                                       "aspect_ratios", "durations", "prompt_limit", NULL};
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
    doc_duration(d, doc, "deadline", &out->deadline_ms);
    doc_duration(d, doc, "estimated_time", &out->estimated_ms);
    doc_bytes(d, doc, "max_bytes", &out->max_bytes);
    const struct json *at_once = json_get(doc, "concurrency");
    if (at_once && (!json_as_i64(at_once, &out->concurrency) || out->concurrency < 1 || out->concurrency > 100000))
        doc_problem(d, at_once, "`concurrency` must be a number from 1 to 100000: how many of the model run at once.");
    const struct json *examples = json_get(doc, "examples");
    if (examples) doc_is(d, examples, JSON_ARRAY, "examples");
    read_end(d, doc, out);
    read_shown(d, doc);
    inputs_read(d, json_get(doc, "inputs"), &c->inputs);
    read_refusals(d, doc, c);
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

struct model_counts model_counts(const struct model *m) {
    const struct compiled *c = model_compiled(m);
    const struct rates *r = &c->price;
    struct model_counts out = {.measured = r->source == FROM_MEASURED};
    if (r->source == FROM_INPUT && r->unit == UNIT_SECOND) out.length = c->inputs.specs[r->input].name;
    if (r->source == FROM_MEDIA) out.media = c->inputs.specs[r->input].name;
    if (r->outputs >= 0) out.outputs = c->inputs.specs[r->outputs].name;
    return out;
}

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
    if (s->min_pixels) jw_ki64(w, "min_pixels", s->min_pixels);
    if (s->max_pixels) jw_ki64(w, "max_pixels", s->max_pixels);
    if (s->max_ratio) write_number(w, "max_ratio", s->max_ratio, 3);
    if (s->word_count) write_words(w, "words", s->words, s->word_count);
    if (s->max_chars) jw_ki64(w, "max_chars", s->max_chars);
    if (s->value_count) write_words(w, "values", s->values, s->value_count);
    write_words(w, "aliases", s->aliases, s->alias_count);
    jw_kbool(w, "price", s->price);
    jw_kopt(w, "about", s->about);
    jw_close(w, '}');
}

const struct input_spec *model_input(const struct model *m, const char *name) {
    for (size_t i = 0; i < m->input_count; i++)
        if (str_is(m->inputs[i].name, name)) return &m->inputs[i];
    return NULL;
}

static void write_list(struct jw *w, const char *key, const struct json *list) {
    jw_key(w, key);
    json_write(w->out, list);
    w->comma = true;
}

/* Every length there is, when they can be counted. */
static void write_durations(struct jw *w, const struct input_spec *s) {
    enum { DURATIONS_MAX = 60 };
    if (!s || (s->type != INPUT_SECONDS && s->type != INPUT_ENUM && s->type != INPUT_INT)) return;
    int64_t second = s->type == INPUT_SECONDS ? 1000 : 1, least = s->has_min ? s->min : 0, step = s->has_step ? s->step : second;
    if (s->type != INPUT_ENUM && (!s->has_max || (s->max - least) / step > DURATIONS_MAX)) return;
    jw_key(w, "durations");
    jw_open(w, '[');
    char text[DECIMAL_TEXT];
    int64_t ignored;
    for (size_t i = 0; s->type == INPUT_ENUM && i < s->value_count; i++) {
        if (decimal_read(s->values[i], 3, &ignored) == DECIMAL_OK) jw_raw(w, s->values[i]);
        else jw_str(w, s->values[i]);
    }
    for (int64_t n = least; s->type != INPUT_ENUM && n <= s->max; n += step) jw_raw(w, str_n(text, decimal_write(n, input_decimals(s->type), text)));
    jw_close(w, ']');
}

/* What people choose by: stated in the model's file, else read from its inputs. */
static void write_choices(const struct model *m, struct jw *w) {
    const struct json *doc = model_compiled(m)->doc;
    const struct json *ratios = json_get(doc, "aspect_ratios"), *durations = json_get(doc, "durations"), *limit = json_get(doc, "prompt_limit");
    const struct input_spec *ratio = model_input(m, "aspect_ratio"), *duration = model_input(m, "duration"), *prompt = model_input(m, "prompt");
    if (!prompt) prompt = model_input(m, "text");
    if (ratios) write_list(w, "aspect_ratios", ratios);
    else if (ratio && ratio->value_count) write_words(w, "aspect_ratios", ratio->values, ratio->value_count);
    if (durations) write_list(w, "durations", durations);
    else write_durations(w, duration);
    if (limit) jw_kraw(w, "prompt_limit", limit->text);
    else if (prompt && prompt->max_chars) jw_ki64(w, "prompt_limit", prompt->max_chars);
    jw_kopt(w, "ended", m->ended);
    jw_kopt(w, "successor", m->successor);
}

void model_write(const struct model *m, bool enabled, struct jw *w) {
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
    jw_kbool(w, "enabled", enabled);
    jw_kstr(w, "unit", m->unit);
    jw_kraw(w, "rate_table", m->rate_table);
    jw_kz(w, "quantity_from", source_name(c->price.source));
    write_number(w, "deadline_s", m->deadline_ms, 3);
    if (m->estimated_ms) write_number(w, "estimated_time_s", m->estimated_ms, 3);
    if (m->concurrency) jw_ki64(w, "concurrency", m->concurrency);
    write_choices(m, w);
    card_write(m, w);
    jw_key(w, "inputs");
    jw_open(w, '[');
    for (size_t i = 0; i < m->input_count; i++) write_input(w, &m->inputs[i], &c->inputs.defaults[i]);
    jw_close(w, ']');
    const struct json *refuse = json_get(c->doc, "refuse"), *examples = json_get(c->doc, "examples");
    if (refuse) write_list(w, "refuse", refuse);
    if (examples) write_list(w, "examples", examples);
    jw_close(w, '}');
}
