/* How a value is found in a reply: paths with lists in them, headers, programs, constants. */
#include "provider/describe.h"

#include <stdio.h>

/* --- paths --- */

static bool is_name_byte(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80 || (c && strchr("_-$@:/+", c));
}

static err bad_path(struct why *why, struct str path, size_t at, const char *problem) {
    return why_set(why, E_INVALID, "the path `%.*s` cannot be read at byte %zu: %s.", STR_ARG(str_head(path, 80)), at, problem);
}

/* "[0]", "[*]" or "[\"a name\"]"; *at stands on the bracket and is left behind its end. */
static err read_bracket(struct str path, size_t *at, struct why *why, struct path_step *out) {
    size_t from = *at + 1, end = from;
    if (from < path.len && path.ptr[from] == '"') {
        for (end = from + 1; end < path.len && path.ptr[end] != '"';) end++;
        if (end + 1 >= path.len || path.ptr[end + 1] != ']') return bad_path(why, path, end, "a quoted name ends with \"]");
        *out = (struct path_step){.kind = STEP_NAME, .name = str_n(path.ptr + from + 1, end - from - 1)};
        *at = end + 2;
        return OK;
    }
    while (end < path.len && path.ptr[end] != ']') end++;
    struct str inside = str_n(path.ptr + from, end - from);
    int64_t index;
    if (end == path.len) return bad_path(why, path, end, "']' was expected");
    if (str_is(inside, "*") || !inside.len) *out = (struct path_step){.kind = STEP_ALL};
    else if (str_to_i64(inside, &index) && index >= 0 && index < UINT32_MAX) *out = (struct path_step){.kind = STEP_INDEX, .index = (uint32_t)index};
    else return bad_path(why, path, from, "a whole number or * was expected behind '['");
    *at = end + 1;
    return OK;
}

err path_parse(struct str text, struct arena *a, struct why *why, const struct path_step **out, size_t *out_count) {
    if (!text.len) return why_set(why, E_INVALID, "a path is empty; it looks like data.images[0].url.");
    struct path_step *steps = arena_array(a, struct path_step, DESCRIBE_STEPS_MAX);
    size_t n = 0, at = text.ptr[0] == '.';
    bool start = true;
    while (at < text.len) {
        if (n == DESCRIBE_STEPS_MAX) return bad_path(why, text, at, "it has too many steps");
        if (text.ptr[at] == '[') {
            TRY(read_bracket(text, &at, why, &steps[n++]));
            start = false;
            continue;
        }
        if (!start && text.ptr[at++] != '.') return bad_path(why, text, at - 1, "'.' or '[' was expected");
        size_t end = at;
        while (end < text.len && is_name_byte((unsigned char)text.ptr[end])) end++;
        if (end == at) return bad_path(why, text, at, "a name was expected");
        steps[n++] = (struct path_step){.kind = STEP_NAME, .name = str_n(text.ptr + at, end - at)};
        at = end;
        start = false;
    }
    *out = steps;
    *out_count = n;
    return OK;
}

static void add_value(struct values *out, const struct json *j) {
    if (j && j->type != JSON_NULL && out->count < DESCRIBE_VALUES_MAX) out->at[out->count++] = j;
}

static size_t count_below(const struct json *j, const struct path_step *steps, size_t count) {
    for (size_t i = 0; i < count && j; i++) {
        if (steps[i].kind == STEP_NAME) j = json_get_str(j, steps[i].name);
        else if (steps[i].kind == STEP_INDEX) j = json_at(j, steps[i].index);
        else {
            size_t n = 0;
            if (json_is(j, JSON_ARRAY) || json_is(j, JSON_OBJECT))
                for (const struct json *c = j->child; c && n < DESCRIBE_VALUES_MAX; c = c->next) n += count_below(c, steps + i + 1, count - i - 1);
            return n;
        }
    }
    return j != NULL;
}

static void walk(const struct json *j, const struct path_step *steps, size_t count, struct values *out) {
    for (size_t i = 0; i < count && j; i++) {
        if (steps[i].kind == STEP_NAME) j = json_get_str(j, steps[i].name);
        else if (steps[i].kind == STEP_INDEX) j = json_at(j, steps[i].index);
        else {
            if (json_is(j, JSON_ARRAY) || json_is(j, JSON_OBJECT))
                for (const struct json *c = j->child; c; c = c->next) walk(c, steps + i + 1, count - i - 1, out);
            return;
        }
    }
    add_value(out, j);
}

void path_walk(const struct json *root, const struct path_step *steps, size_t count, struct arena *a, struct values *out) {
    size_t n = count_below(root, steps, count);
    *out = (struct values){.at = arena_array(a, const struct json *, (n < DESCRIBE_VALUES_MAX ? n : DESCRIBE_VALUES_MAX) + 1)};
    walk(root, steps, count, out);
}

/* --- reading --- */

static void read_path(struct doc *d, const struct json *node, struct expr *out) {
    struct why why = {};
    if (path_parse(node->text, d->arena, &why, &out->steps, &out->step_count)) doc_problem(d, node, "%s", why.detail);
    out->kind = EXPR_PATH;
    out->text = node->text;
}

static void read_mapping(struct doc *d, const struct json *node, const char *where, struct expr *out) {
    static const struct { const char *key; enum expr_kind kind; } kinds[] = {{"header", EXPR_HEADER}, {"jq", EXPR_JQ}, {"text", EXPR_TEXT}, {"kept", EXPR_KEPT}};
    static const char *const keys[] = {"header", "jq", "text", "kept", NULL};
    if (node->count != 1) {
        doc_problem(d, node, "`%s` needs one of {header: ..}, {jq: ..}, {text: ..}, {kept: ..}, a path, or a list of these.", where);
        return;
    }
    doc_keys(d, node, keys, where);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!doc_text(d, node, kinds[i].key, DESCRIBE_PROGRAM_BYTES, &out->text)) continue;
        out->kind = kinds[i].kind;
        out->line = doc_line(d, node->child);
        if (out->kind != EXPR_HEADER) continue;
        char *small = arena_strz(d->arena, out->text);
        for (char *c = small; *c; c++)
            if (*c >= 'A' && *c <= 'Z') *c += 32;
        out->text = str_of(small);
    }
}

void expr_read(struct doc *d, const struct json *node, const char *where, struct expr *out) {
    *out = (struct expr){.line = doc_line(d, node)};
    if (!node) return;
    if (node->type == JSON_STRING) read_path(d, node, out);
    else if (node->type == JSON_OBJECT) read_mapping(d, node, where, out);
    else if (node->type == JSON_ARRAY && node->count && node->count <= DESCRIBE_STEPS_MAX) {
        struct expr *list = arena_array(d->arena, struct expr, node->count);
        for (const struct json *c = node->child; c; c = c->next) {
            if (c->type == JSON_ARRAY) doc_problem(d, c, "`%s` is a list within a list.", where);
            else expr_read(d, c, where, &list[out->list_count++]);
        }
        out->kind = EXPR_FIRST;
        out->list = list;
    } else {
        doc_problem(d, node, "`%s` must be a path such as data.images[0].url, a list of paths, or {header: ..}, {jq: ..}, {text: ..}.", where);
    }
}

bool expr_runs(const struct expr *x) {
    if (x->kind == EXPR_JQ) return true;
    for (size_t i = 0; i < x->list_count; i++)
        if (expr_runs(&x->list[i])) return true;
    return false;
}

/* --- programs --- */

static err run_program(struct str program, struct view *v, struct why *why, struct values *out) {
    if (!v->body) return OK;
    if (!v->ev) return why_set(why, E_DESCRIPTION, "The description has a program, and nobody is here to run it.");
    if (!v->input.len) {
        struct buf b = {};
        json_write(&b, v->body);
        v->input = arena_dup(v->a, buf_view(&b));
        buf_done(&b);
    }
    struct str lines, line;
    TRY(v->ev->run(v->ev->self, program, v->input, v->a, why, &lines));
    out->at = arena_array(v->a, const struct json *, DESCRIBE_VALUES_MAX);
    while (lines.len) {
        struct json *j = NULL;
        str_cut(lines, '\n', &line, &lines);
        if (!line.len) continue;
        TRY(json_parse_how(line, JSON_SPOOLS, v->a, why, NULL, &j)); /* long strings pass through programs as what stands for them */
        add_value(out, j);
    }
    return OK;
}

/* --- evaluating --- */

static const struct json *text_node(struct arena *a, struct str text) {
    struct json *j = arena_new(a, struct json);
    *j = (struct json){.type = JSON_STRING, .text = text};
    return j;
}

static void one_value(struct view *v, struct str text, struct values *out) {
    out->at = arena_array(v->a, const struct json *, 1);
    add_value(out, text_node(v->a, text));
}

err expr_all(const struct expr *x, struct view *v, struct why *why, struct values *out) {
    *out = (struct values){};
    switch (x->kind) {
    case EXPR_NONE: return OK;
    case EXPR_PATH: path_walk(v->body, x->steps, x->step_count, v->a, out); return OK;
    case EXPR_TEXT: one_value(v, x->text, out); return OK;
    case EXPR_JQ: return run_program(x->text, v, why, out);
    case EXPR_HEADER:
        for (size_t i = 0; i < v->header_count && !out->count; i++)
            if (str_ieq(v->headers[i].name, x->text)) one_value(v, v->headers[i].value, out);
        return OK;
    case EXPR_KEPT: {
        const struct json *j = json_get_str(ref_parse(v->their_ref, v->a), x->text);
        out->at = arena_array(v->a, const struct json *, 1);
        add_value(out, j);
        return OK;
    }
    case EXPR_FIRST:
        for (size_t i = 0; i < x->list_count && !out->count; i++) TRY(expr_all(&x->list[i], v, why, out));
        return OK;
    }
    return OK;
}

err expr_one(const struct expr *x, struct view *v, struct why *why, const struct json **out) {
    struct values all;
    TRY(expr_all(x, v, why, &all));
    *out = all.count ? all.at[0] : NULL;
    return OK;
}

struct str json_plain(const struct json *j, struct arena *a) {
    if (!j || j->type == JSON_NULL) return (struct str){};
    if (j->type == JSON_STRING || j->type == JSON_NUMBER) return j->text;
    if (j->type == JSON_BOOL) return j->boolean ? STR("true") : STR("false");
    struct buf b = {};
    json_write(&b, j);
    struct str text = arena_dup(a, buf_view(&b));
    buf_done(&b);
    return text;
}

err expr_text(const struct expr *x, struct view *v, struct why *why, struct str *out) {
    const struct json *j;
    TRY(expr_one(x, v, why, &j));
    *out = json_plain(j, v->a);
    return OK;
}
