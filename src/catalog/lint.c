/* Proves the prices of a model: takes every combination of the values at which something can change, and looks at each.
 *
 * For one input these are: all values of a bool or enum, both ends of a range, both sides of every boundary that a condition
 * of the price or of a cost names (of files: of how many there are), the default, and its absence where it may be absent. */
#include "catalog/model.h"
#include "catalog/number.h"
#include "catalog/undeclared.h"

#include <stdio.h>

enum { LINT_POINTS_MAX = 200000 };

struct candidates { struct value *values; size_t count, cap; };

struct lint {
    struct doc *doc;
    const struct model *model;
    const struct compiled *c;
    struct arena arena;
    struct candidates *inputs; /* one per input; an input that does not matter has its default alone */
    struct value *point;       /* one value per input */
    bool *hit;                 /* rows of the price that some point matches */
    bool **cost_hit;           /* the same per route */
    bool *below;               /* routes already reported */
    bool too_large;
    micros most;               /* the largest price of all points */
    bool (*each)(void *arg, struct str inputs); /* catalog_points */
    void *arg;
};

static void add(struct lint *l, const struct input_spec *s, struct candidates *c, struct value v) {
    for (size_t i = 0; i < c->count; i++)
        if (value_same(s, &c->values[i], &v)) return;
    if (c->count == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 8;
        struct value *more = arena_array(&l->arena, struct value, cap);
        if (c->count) memcpy(more, c->values, c->count * sizeof *more);
        c->values = more;
        c->cap = cap;
    }
    c->values[c->count++] = v;
}

static void add_number(struct lint *l, const struct input_spec *s, struct candidates *c, int64_t n) {
    if (value_allowed(s, n)) add(l, s, c, (struct value){.given = true, .n = n});
}

/* The values on the step at n and to both sides of it. */
static void add_around(struct lint *l, const struct input_spec *s, struct candidates *c, int64_t n) {
    int64_t least = s->has_min ? s->min : 0, step = s->has_step ? s->step : 1;
    int64_t on = least + (n - least) / step * step;
    add_number(l, s, c, on - step);
    add_number(l, s, c, on);
    add_number(l, s, c, on + step);
}

static void add_size(struct lint *l, const struct input_spec *s, struct candidates *c, int64_t w, int64_t h) {
    if (size_check(s, w, h)) return;
    add(l, s, c, (struct value){.given = true, .n = w * h, .width = (int32_t)w, .height = (int32_t)h});
}

/* The largest sizes of at most that many pixels, and the next ones, for a narrow, a square and a wide picture. */
static void add_pixels(struct lint *l, const struct input_spec *s, struct candidates *c, int64_t pixels) {
    int64_t step = s->has_step ? s->step : 1, least = s->has_min && s->min > 1 ? s->min : 1, most = s->has_max ? s->max : 65536;
    int64_t root = 1;
    while (root < most && (root + 1) * (root + 1) <= pixels) root++;
    int64_t widths[] = {least, root, most};
    for (size_t i = 0; i < 3; i++) {
        int64_t w = widths[i] / step * step;
        if (w < least) w += step;
        int64_t h = pixels / w / step * step;
        add_size(l, s, c, w, h);
        add_size(l, s, c, w, h + step);
    }
}

static void add_files(struct lint *l, const struct input_spec *s, struct candidates *c, int64_t n) {
    if (n < 1 || n > s->max) return;
    struct json *list = arena_new(&l->arena, struct json), *files = arena_array(&l->arena, struct json, (size_t)n);
    for (int64_t i = 0; i < n; i++) files[i] = (struct json){.type = JSON_STRING, .text = STR("x"), .next = i + 1 < n ? &files[i + 1] : NULL};
    *list = (struct json){.type = JSON_ARRAY, .child = files, .count = (uint32_t)n};
    add(l, s, c, (struct value){.given = true, .n = n, .json = n == 1 ? files : list});
}

/* beside: what lies to both sides of a value that it names, too; of a range always. */
static void add_from_cond(struct lint *l, const struct cond *cond, int input, bool beside, struct candidates *c) {
    const struct input_spec *s = &l->c->inputs.specs[input];
    if (cond->input != input) return;
    for (size_t v = 0; v < cond->value_count; v++) {
        add(l, s, c, cond->values[v]);
        if (beside && (s->type == INPUT_INT || s->type == INPUT_NUMBER || s->type == INPUT_SECONDS)) add_around(l, s, c, cond->values[v].n);
    }
    if (cond->kind != COND_RANGE) return;
    void (*both)(struct lint *, const struct input_spec *, struct candidates *, int64_t) =
        s->type == INPUT_SIZE ? add_pixels : s->type == INPUT_FILE ? add_files : add_around;
    if (cond->has_min) both(l, s, c, cond->min), both(l, s, c, cond->min - 1);
    if (cond->has_max) both(l, s, c, cond->max), both(l, s, c, cond->max + 1);
}

static void add_from_rates(struct lint *l, const struct rates *r, int input, struct candidates *c) {
    for (size_t i = 0; i < r->row_count; i++)
        for (size_t k = 0; k < r->rows[i].cond_count; k++) add_from_cond(l, &r->rows[i].conds[k], input, true, c);
}

static void add_from_when(struct lint *l, const struct when *w, int input, struct candidates *c) {
    for (size_t i = 0; i < w->count; i++) add_from_cond(l, &w->conds[i], input, false, c);
}

static void add_ends(struct lint *l, const struct input_spec *s, struct candidates *c) {
    int64_t least = s->has_min ? s->min : 0;
    for (size_t i = 0; i < s->word_count; i++) add(l, s, c, value_of_word(s, i));
    switch (s->type) {
    case INPUT_BOOL:
    case INPUT_ENUM:
        for (int64_t n = 0; n < (s->type == INPUT_BOOL ? 2 : (int64_t)s->value_count); n++) add(l, s, c, (struct value){.given = true, .n = n});
        break;
    case INPUT_INT:
    case INPUT_NUMBER:
    case INPUT_SECONDS:
        add_number(l, s, c, least);
        if (s->has_max) add_number(l, s, c, s->max);
        break;
    case INPUT_SIZE: {
        int64_t step = s->has_step ? s->step : 1, most = (s->has_max ? s->max : 65536) / step * step;
        least = ((least > 1 ? least : 1) + step - 1) / step * step;
        add_size(l, s, c, least, least);
        add_size(l, s, c, most, most);
        if (s->min_pixels) add_pixels(l, s, c, s->min_pixels);
        if (s->max_pixels) add_pixels(l, s, c, s->max_pixels);
        break;
    }
    case INPUT_TEXT:
        add(l, s, c, (struct value){.given = true, .n = 1, .text = STR("x")});
        if (s->max_chars) add(l, s, c, (struct value){.given = true, .n = s->max_chars, .text = STR("x")});
        break;
    case INPUT_FILE: break;
    }
}

static void collect(struct lint *l, int input) {
    const struct inputs *in = &l->c->inputs;
    const struct input_spec *s = &in->specs[input];
    struct candidates *c = &l->inputs[input];
    if (!s->price) {
        add(l, s, c, in->defaults[input]);
        return;
    }
    add_ends(l, s, c);
    if (s->type == INPUT_FILE) add_files(l, s, c, 1);
    if (s->has_default) add(l, s, c, in->defaults[input]);
    else if (!s->required) add(l, s, c, (struct value){});
    add_from_rates(l, &l->c->price, input, c);
    for (size_t i = 0; i < l->model->route_count; i++)
        if (l->c->costs[i]) add_from_rates(l, l->c->costs[i], input, c);
    for (size_t i = 0; i < l->model->route_count; i++) add_from_when(l, &l->c->whens[i], input, c);
    for (size_t i = 0; i < l->c->refusal_count; i++) add_from_when(l, &l->c->refusals[i].when, input, c);
}

/* "audio true, duration 5" */
static void say_point(struct lint *l, struct buf *b) {
    for (size_t i = 0; i < l->c->inputs.count; i++) {
        const struct input_spec *s = &l->c->inputs.specs[i];
        if (!s->price) continue;
        if (b->len) buf_z(b, ", ");
        buf_str(b, s->name);
        if (!l->point[i].given) buf_z(b, " absent");
        else if (s->type == INPUT_FILE && l->point[i].n > 1) buf_printf(b, " of %lld files", (long long)l->point[i].n);
        else if (s->type == INPUT_FILE) buf_z(b, " given");
        else if (s->type == INPUT_TEXT) buf_printf(b, " of %lld characters", (long long)l->point[i].n);
        else {
            buf_c(b, ' ');
            buf_str(b, value_text(&l->arena, s, &l->point[i]));
        }
    }
    if (!b->len) buf_z(b, "every call");
}

static void check_route(struct lint *l, size_t route, const struct due *price) {
    const struct rates *cost = l->c->costs[route];
    struct due due;
    err e = rates_due(cost, &l->c->inputs, l->point, rates_parts(cost, l->point), &due);
    l->cost_hit[route][rates_match(cost, &l->c->inputs, l->point)] = true;
    if (l->c->loss[route] || l->below[route] || (!e && due.amount <= price->amount)) return;
    l->below[route] = true;
    struct buf point = {};
    say_point(l, &point);
    const struct route_spec *r = &l->model->routes[route];
    if (e)
        doc_problem_line(l->doc, cost->line, "the cost of route %.*s passes all bounds for %.*s.", STR_ARG(r->provider), STR_ARG(buf_view(&point)));
    else
        doc_problem_line(l->doc, cost->line,
                         "route %.*s costs %lld micros and is priced at %lld for %.*s; raise the price, or declare `margin: loss`.",
                         STR_ARG(r->provider), (long long)due.amount, (long long)price->amount, STR_ARG(buf_view(&point)));
    buf_done(&point);
}

static bool check_point(struct lint *l) {
    const struct rates *price = &l->c->price;
    l->hit[rates_match(price, &l->c->inputs, l->point)] = true;
    struct due due;
    if (rates_due(price, &l->c->inputs, l->point, rates_parts(price, l->point), &due)) {
        if (l->too_large) return true;
        l->too_large = true;
        struct buf point = {};
        say_point(l, &point);
        doc_problem_line(l->doc, price->line, "the price passes all bounds for %.*s.", STR_ARG(buf_view(&point)));
        buf_done(&point);
        return true;
    }
    if (due.amount > l->most) l->most = due.amount;
    for (size_t i = 0; i < l->model->route_count; i++)
        if (l->c->costs[i] && when_holds(&l->c->whens[i], &l->c->inputs, l->point)) check_route(l, i, &due);
    return true;
}

static void check_reached(struct lint *l, const struct rates *r, const bool *hit, const char *what) {
    for (size_t i = 0; i < r->row_count; i++)
        if (!hit[i])
            doc_problem_line(l->doc, r->rows[i].line, "row %zu of the %s is never reached: other rows and what is refused take everything it would match.", i + 1, what);
}

/* A price that is measured later is compared with a cost at its maximum only; that proves something only when both grow alike. */
static void check_comparable(struct lint *l) {
    const struct rates *price = &l->c->price;
    for (size_t i = 0; i < l->model->route_count; i++) {
        const struct rates *cost = l->c->costs[i];
        bool later = price->source == FROM_MEASURED || price->source == FROM_MEDIA;
        if (!cost || !later || l->c->loss[i] || (cost->unit == price->unit && cost->source == price->source && cost->max == price->max)) continue;
        doc_problem_line(l->doc, cost->line, "the price is measured and the cost counts something else, so that the margin cannot be proved; "
                                             "state the cost in the price's unit and quantity, or declare `margin: loss`.");
    }
}

static bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

/* The next name in a program, outside of texts and comments. */
static bool next_name(struct str program, size_t *at, struct str *out) {
    for (size_t i = *at; i < program.len; i++) {
        char c = program.ptr[i], end = c == '#' ? '\n' : c == '"' ? '"' : 0;
        if (end) {
            while (++i < program.len && program.ptr[i] != end) i += end == '"' && program.ptr[i] == '\\';
        } else if (is_word(c)) {
            size_t from = i;
            while (i < program.len && is_word(program.ptr[i])) i++;
            *at = i;
            *out = str_n(program.ptr + from, i - from);
            return true;
        }
    }
    return false;
}

/* What no call can bring is not handed on by a program: whoever reads it there believes that it is offered. A program may state a value of its own. */
static void check_handed_on(struct lint *l, const struct route_spec *r) {
    struct str name;
    for (size_t at = 0; next_name(r->request, &at, &name);) {
        bool stated = str_starts(str_trim(str_skip(r->request, at)), STR(":"));
        if (stated || !undeclared_is_refused(name) || inputs_find(&l->c->inputs, name) >= 0) continue;
        doc_problem_line(l->doc, r->line, "the route to %.*s hands on `%.*s`, by which a provider's safety checks are turned down: no call can bring it, unless it is declared as an input.",
                         STR_ARG(r->provider), STR_ARG(name));
    }
}

static bool prepare(struct lint *l) {
    size_t n = l->c->inputs.count;
    l->inputs = arena_array(&l->arena, struct candidates, n + 1);
    l->point = arena_array(&l->arena, struct value, n + 1);
    l->hit = arena_array(&l->arena, bool, l->c->price.row_count);
    l->below = arena_array(&l->arena, bool, l->model->route_count + 1);
    l->cost_hit = arena_array(&l->arena, bool *, l->model->route_count + 1);
    for (size_t i = 0; i < l->model->route_count; i++)
        if (l->c->costs[i]) l->cost_hit[i] = arena_array(&l->arena, bool, l->c->costs[i]->row_count);
    size_t points = 1;
    for (size_t i = 0; i < n; i++) {
        collect(l, (int)i);
        points *= l->inputs[i].count;
        if (points <= LINT_POINTS_MAX) continue;
        doc_problem_line(l->doc, l->c->price.line, "the inputs that change the price have more than %d combinations, which is more than is checked.",
                         LINT_POINTS_MAX);
        return false;
    }
    return true;
}

static void walk(struct lint *l, bool (*visit)(struct lint *)) {
    size_t n = l->c->inputs.count;
    size_t at[MODEL_INPUTS_MAX] = {};
    for (;;) {
        for (size_t i = 0; i < n; i++) l->point[i] = l->inputs[i].values[at[i]];
        if (!compiled_refusal(l->c, l->point) && !visit(l)) return; /* what is refused has no price */
        size_t i = 0;
        while (i < n && ++at[i] == l->inputs[i].count) at[i++] = 0;
        if (i == n) return;
    }
}

void model_lint(struct doc *d, const struct model *m) {
    struct lint l = {.doc = d, .model = m, .c = model_compiled(m)};
    check_comparable(&l);
    for (size_t i = 0; i < m->route_count; i++) check_handed_on(&l, &m->routes[i]);
    if (prepare(&l)) {
        walk(&l, check_point);
        check_reached(&l, &l.c->price, l.hit, "price");
        for (size_t i = 0; i < m->route_count; i++)
            if (l.c->costs[i]) check_reached(&l, l.c->costs[i], l.cost_hit[i], "cost");
        if (l.c->price.if_unmeasured > l.most)
            doc_problem_line(d, l.c->price.line, "`if_unmeasured` is %lld micros, more than the most this price can hold, %lld.",
                             (long long)l.c->price.if_unmeasured, (long long)l.most);
    }
    arena_done(&l.arena);
}

/* --- the same walk for others --- */

bool catalog_priced(const struct model *m, size_t input) {
    const struct rates *r = &model_compiled(m)->price;
    int i = (int)input;
    if (((r->source == FROM_INPUT || r->source == FROM_MEDIA) && r->input == i) || r->outputs == i) return true;
    for (size_t row = 0; row < r->row_count; row++)
        for (size_t k = 0; k < r->rows[row].cond_count; k++)
            if (r->rows[row].conds[k].input == i) return true;
    return false;
}

/* A required input that no price depends on has some value that it may have. */
static void add_sample(struct lint *l, int input) {
    const struct input_spec *s = &l->c->inputs.specs[input];
    struct candidates *c = &l->inputs[input];
    if (s->type == INPUT_FILE) add_files(l, s, c, 1);
    else add_ends(l, s, c);
    if (c->count) c->count = 1;
    else add(l, s, c, (struct value){});
}

static bool visit_point(struct lint *l) {
    struct buf b = {};
    struct jw w = {.out = &b};
    jw_open(&w, '{');
    for (size_t i = 0; i < l->c->inputs.count; i++) {
        if (!l->point[i].given) continue;
        jw_key_str(&w, l->c->inputs.specs[i].name);
        value_write(&w, &l->c->inputs.specs[i], &l->point[i]);
    }
    jw_close(&w, '}');
    bool more = l->each(l->arg, buf_view(&b));
    buf_done(&b);
    return more;
}

void catalog_points(const struct model *m, bool (*each)(void *arg, struct str inputs), void *arg) {
    struct lint l = {.model = m, .c = model_compiled(m), .each = each, .arg = arg};
    size_t n = l.c->inputs.count, points = 1;
    l.inputs = arena_array(&l.arena, struct candidates, n + 1);
    l.point = arena_array(&l.arena, struct value, n + 1);
    for (size_t i = 0; i < n && points <= LINT_POINTS_MAX; i++) {
        const struct input_spec *s = &l.c->inputs.specs[i];
        bool sample = s->required && !catalog_priced(m, i);
        if (sample) add_sample(&l, (int)i);
        else if (!catalog_priced(m, i)) add(&l, s, &l.inputs[i], l.c->inputs.defaults[i]);
        else collect(&l, (int)i);
        points *= l.inputs[i].count;
    }
    if (points <= LINT_POINTS_MAX) walk(&l, visit_point);
    arena_done(&l.arena);
}
