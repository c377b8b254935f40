/* What only running the programs can show: that they compile, and that each route states what the price says. */
#include "provider/describe.h"

#include "catalog/number.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINT_RUNS_MAX = 20000 }; /* points of one route at which its request is built */

/* --- programs --- */

struct programs {
    const struct evaluator *ev;
    struct doc d;
    struct arena a;
};

#define UNRUN ". as $model | . as $slug | . as $kind | . as $our_ref | . as $webhook | . as $files | if true then empty else "

/* Compiled and not run: what it needs of a reply is not there. */
static void check_program(void *arg, struct str program, int line, const char *where) {
    struct programs *p = arg;
    struct why why = {};
    struct str out;
    if (p->ev->run(p->ev->self, arena_printf(&p->a, UNRUN "(%.*s\n) end", STR_ARG(program)), STR("null"), &p->a, &why, &out))
        doc_problem_line(&p->d, line, "the program in `%s` does not compile: %s", where, why_text(&why));
}

static void join_program(void *arg, struct str program, int line, const char *where) {
    buf_printf(arg, ", (%.*s\n)", STR_ARG(program));
}

/* All of a description at once; one by one only when something is wrong. */
static void check_programs(const struct provider *from, const struct evaluator *ev, struct problems *out) {
    struct programs p = {.ev = ev, .d = {.problems = out, .file = from->file}};
    struct buf all = {};
    struct str ignored;
    describe_programs(from, join_program, &all);
    if (all.len) {
        struct str text = arena_printf(&p.a, UNRUN "(null%.*s) end", STR_ARG(buf_view(&all)));
        if (ev->run(ev->self, text, STR("null"), &p.a, NULL, &ignored)) describe_programs(from, check_program, &p);
    }
    buf_done(&all);
    arena_done(&p.a);
}

/* --- routes --- */

struct pointing {
    const struct model *m;
    const struct route_spec *r;
    size_t route;
    const struct endpoint *e;
    const struct evaluator *ev;
    struct doc *d;
    struct arena a;
    struct call_file files[64];
    size_t file_count;
    size_t runs;
    bool said[64]; /* inputs already reported */
    bool guarded;  /* the check of what a caller could add was made */
};

/* "5", 5, 5.0 and "5s" are one. */
static struct str plain_number(struct str s, struct arena *a) {
    if (str_ends(s, STR("s")) && s.len > 1 && s.ptr[0] >= '0' && s.ptr[0] <= '9') s.len--;
    struct json *j = NULL;
    if (json_parse(s, a, NULL, &j) || j->type != JSON_NUMBER) return s;
    struct buf b = {};
    json_number_write(&b, s);
    struct str out = arena_dup(a, buf_view(&b));
    buf_done(&b);
    return out;
}

static bool same(struct str a, struct str b, struct arena *arena) { return str_ieq(a, b) || str_eq(plain_number(a, arena), plain_number(b, arena)); }

static struct str at_path(struct pointing *p, const struct json *body, struct str path, bool *out_readable) {
    const struct path_step *steps;
    size_t count;
    struct values found;
    *out_readable = !path_parse(path, &p->a, NULL, &steps, &count);
    if (!*out_readable) return (struct str){};
    path_walk(body, steps, count, &p->a, &found);
    return found.count ? json_plain(found.at[0], &p->a) : (struct str){};
}

static struct str in_body(struct pointing *p, const struct json *body, struct str path, bool *out_readable) {
    struct str text = at_path(p, body, path, out_readable);
    return text.len || !*out_readable ? text : at_path(p, body, arena_printf(&p->a, "input.%.*s", STR_ARG(path)), out_readable);
}

static struct str in_query(struct pointing *p, struct str url, struct str name) {
    struct str path, rest, one, key, value;
    str_cut(url, '?', &path, &rest);
    while (rest.len) {
        str_cut(rest, '&', &one, &rest);
        str_cut(one, '=', &key, &value);
        if (str_eq(key, name)) return value;
    }
    return (struct str){};
}

static void make_file(struct pointing *p, const struct input_spec *s, int64_t index) {
    if (p->file_count == sizeof p->files / sizeof *p->files) return;
    struct str type = str_is(s->file_kind, "image") ? STR("image/png") : str_is(s->file_kind, "video") ? STR("video/mp4") : STR("audio/mpeg");
    struct call_file *f = &p->files[p->file_count++];
    *f = (struct call_file){.input = s->name, .index = index, .type = type, .name = STR("sample"), .bytes = 1000};
    if (p->e->info.files == FILES_URL || p->e->info.files == FILES_UPLOAD) f->url = STR("https://files.invalid/sample");
    else f->inline_bytes = true;
}

/* What stands in the inputs is a file for one of the made-up ones, or several are. */
static void make_files(struct pointing *p, const struct json *inputs) {
    p->file_count = 0;
    for (const struct json *m = inputs->child; m; m = m->next)
        for (size_t i = 0; i < p->m->input_count; i++) {
            const struct input_spec *s = &p->m->inputs[i];
            int64_t count = m->type == JSON_ARRAY ? m->count : 1;
            for (int64_t n = 0; s->type == INPUT_FILE && str_eq(s->name, m->key) && n < count; n++) make_file(p, s, n);
        }
}

static void complain(struct pointing *p, size_t input, struct str inputs, const char *format, ...) __attribute__((format(printf, 4, 5)));
static void complain(struct pointing *p, size_t input, struct str inputs, const char *format, ...) {
    char text[300];
    if (p->said[input]) return;
    p->said[input] = true;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    doc_problem_line(p->d, p->r->line, "the price depends on `%.*s`, and the route to %.*s %s for %.*s; say where in `carries`.", STR_ARG(p->m->inputs[input].name),
                     STR_ARG(p->r->provider), text, STR_ARG(str_head(inputs, 160)));
}

static bool file_stands(struct pointing *p, const struct json *j) {
    if (!j) return false;
    if (j->type == JSON_STRING) {
        for (size_t i = 0; i + 12 <= j->text.len; i++)
            if (!memcmp(j->text.ptr + i, "@puras-file-", 12)) return true;
        return str_is(j->text, "https://files.invalid/sample");
    }
    for (const struct json *c = j->type == JSON_OBJECT || j->type == JSON_ARRAY ? j->child : NULL; c; c = c->next)
        if (file_stands(p, c)) return true;
    return false;
}

static struct str mapped(struct pointing *p, const struct json *entry, struct str value) {
    const struct json *values = json_get(entry, "values");
    const struct json *to = values ? json_get_str(values, value) : NULL;
    int64_t thousandths, scale;
    if (to) return json_plain(to, &p->a);
    if (!json_as_i64(json_get(entry, "scale"), &scale) || scale < 1 || scale > 1000000 || decimal_read(value, 3, &thousandths) != DECIMAL_OK) return value;
    int64_t n;
    if (__builtin_mul_overflow(thousandths, scale, &n)) return value;
    return arena_printf(&p->a, "%lld.%03lld", (long long)(n / 1000), (long long)(n % 1000));
}

static bool size_stands(struct pointing *p, const struct json *body, const struct json *entry, struct str value) {
    struct str w, h, path;
    bool readable;
    if (!str_cut(value, 'x', &w, &h)) return false;
    if (json_as_str(json_get(entry, "width"), &path) && !same(in_body(p, body, path, &readable), w, &p->a)) return false;
    return json_as_str(json_get(entry, "height"), &path) && same(in_body(p, body, path, &readable), h, &p->a);
}

/* {width, height} in place of "1024x768". */
static bool object_has(struct pointing *p, const struct json *body, struct str path, struct str value) {
    struct str w, h;
    bool readable;
    return str_cut(value, 'x', &w, &h) && same(in_body(p, body, arena_printf(&p->a, "%.*s.width", STR_ARG(path)), &readable), w, &p->a) &&
           same(in_body(p, body, arena_printf(&p->a, "%.*s.height", STR_ARG(path)), &readable), h, &p->a);
}

static bool is_word(const struct input_spec *s, struct str value) {
    for (size_t i = 0; i < s->word_count; i++)
        if (str_eq(s->words[i], value)) return true;
    return false;
}

static void check_input(struct pointing *p, size_t i, const struct json *inputs, struct str text, const struct json *body, struct str url) {
    const struct input_spec *s = &p->m->inputs[i];
    const struct json *entry = json_get_str(p->r->carries, s->name), *given = json_get_str(inputs, s->name);
    struct str value = json_plain(given, &p->a), path = s->name, about, there;
    bool readable = true, fixed = false;
    if (entry && entry->type == JSON_STRING) path = entry->text;
    if (json_is(entry, JSON_OBJECT)) json_as_str(json_get(entry, "path"), &path);
    if (json_as_bool(json_get(entry, "fixed"), &fixed) && fixed) {
        if (!json_as_str(json_get(entry, "about"), &about)) complain(p, i, text, "pins it without a reason: `about` is missing");
        return;
    }
    if (s->type == INPUT_SIZE && given && object_has(p, body, path, value)) return;
    if (json_get(entry, "width") && given && is_word(s, value)) {
        if (!json_as_str(json_get(entry, "word"), &path))
            complain(p, i, text, "does not say where `%.*s` stands, by `word` beside `width`,", STR_ARG(str_head(value, 40)));
    } else if (json_get(entry, "width")) {
        if (given && !size_stands(p, body, entry, value)) complain(p, i, text, "does not carry %.*s", STR_ARG(str_head(value, 40)));
        return;
    }
    if (s->type == INPUT_FILE) {
        if (given && !file_stands(p, body)) complain(p, i, text, "does not carry the file");
        return;
    }
    if (json_as_str(json_get(entry, "query"), &path)) there = in_query(p, url, path);
    else if (json_get(entry, "url")) there = url;
    else there = in_body(p, body, path, &readable);
    if (!readable) complain(p, i, text, "names the place `%.*s`, which cannot be read", STR_ARG(str_head(path, 60)));
    struct str wanted = given ? mapped(p, entry, value) : (struct str){};
    bool in_url = json_get(entry, "url") != NULL, found = false;
    for (size_t k = 0; in_url && wanted.len && k + wanted.len <= url.len && !found; k++) found = !memcmp(url.ptr + k, wanted.ptr, wanted.len);
    if (in_url ? given && !found : given ? !same(there, wanted, &p->a) : there.len > 0)
        complain(p, i, text, "carries `%.*s` at `%.*s` in place of `%.*s`", STR_ARG(str_head(there, 40)), STR_ARG(str_head(path, 60)), STR_ARG(str_head(wanted, 40)));
}

/* --- what a caller could say over the route --- */

static bool is_input(const struct model *m, struct str name) {
    for (size_t i = 0; i < m->input_count; i++) {
        const struct input_spec *s = &m->inputs[i];
        if (str_eq(s->name, name)) return true;
        for (size_t k = 0; k < s->alias_count; k++)
            if (str_eq(s->aliases[k], name)) return true;
    }
    return false;
}

/* The model, or a place that `carries` names: image_size.width is in image_size. */
static bool is_guarded(struct pointing *p, const struct json *member) {
    if (str_eq(json_plain(member, &p->a), p->r->model)) return true;
    for (const struct json *e = p->r->carries ? p->r->carries->child : NULL; e; e = e->next) {
        struct str path = {}, name, rest;
        if (e->type == JSON_STRING) path = e->text;
        else if (!json_as_str(json_get(e, "path"), &path)) json_as_str(json_get(e, "width"), &path);
        str_cut(path, '.', &name, &rest);
        if (path.len && str_eq(name, member->key)) return true;
    }
    return false;
}

/* Members of the body, and of the object in it that some providers put the inputs into. With `w` each is written with another value, else it is
 * looked for in the body that came of that. */
static void each_guarded(struct pointing *p, const struct json *body, const struct json *other, struct jw *w, struct str *out_changed) {
    for (const struct json *c = json_is(body, JSON_OBJECT) ? body->child : NULL; c; c = c->next) {
        const struct json *now = other ? json_get_str(other, c->key) : NULL;
        if (c->type == JSON_OBJECT && str_is(c->key, "input")) each_guarded(p, c, now, w, out_changed);
        if (is_input(p->m, c->key) || file_stands(p, c) || !is_guarded(p, c)) continue;
        if (w) {
            jw_key_str(w, c->key);
            jw_z(w, "puras-other");
        } else if (!now || !str_eq(json_plain(now, &p->a), json_plain(c, &p->a))) {
            *out_changed = c->key;
        }
    }
}

/* Inputs that nobody declared pass through: none of them may change the model or what was paid for. */
static void check_guarded(struct pointing *p, struct provider_call c, const struct json *body) {
    struct why why = {};
    const struct json *other = NULL;
    struct calling k;
    struct buf b = {};
    struct str changed = {}, ignored;
    buf_str(&b, str_head(c.inputs, c.inputs.len - 1));
    struct jw w = {.out = &b, .comma = c.inputs.len > 2};
    each_guarded(p, body, NULL, &w, &ignored);
    buf_c(&b, '}');
    c.inputs = arena_dup(&p->a, buf_view(&b));
    buf_done(&b);
    calling_start(&k, p->e, &c, p->ev, &p->a, &why);
    if (calling_body(&k, &p->e->submit, ASK_SUBMIT, &other)) return; /* a program that refuses it is as good */
    each_guarded(p, body, other, NULL, &changed);
    if (changed.len)
        doc_problem_line(p->d, p->r->line, "an input `%.*s` that a caller adds changes what the route to %.*s states there; let the program state its own last.", STR_ARG(changed),
                         STR_ARG(p->r->provider));
}

static bool at_point(void *arg, struct str inputs) {
    struct pointing *p = arg;
    struct why why = {};
    struct json *tree = NULL;
    const struct json *body = NULL;
    struct calling k;
    struct request request;
    if (++p->runs > LINT_RUNS_MAX) return false;
    arena_reset(&p->a);
    inputs = arena_dup(&p->a, inputs);
    if (json_parse(inputs, &p->a, NULL, &tree)) return true;
    if (!catalog_route_holds(p->m, p->route, tree)) return true;
    make_files(p, tree);
    const struct provider_call c = {.slug = p->m->slug, .kind = p->m->kind, .model = p->r->model, .our_ref = STR("gen_lint"), .inputs = inputs, .spec = p->m,
                                    .route = p->r, .files = p->files, .file_count = p->file_count, .key = STR("lint:lint-secret"), .now = 1800000000000};
    calling_start(&k, p->e, &c, p->ev, &p->a, &why);
    err e = calling_body(&k, &p->e->submit, ASK_SUBMIT, &body);
    if (!e) e = provider_request(p->e, ASK_SUBMIT, &c, p->ev, &p->a, &why, &request);
    if (e) {
        doc_problem_line(p->d, p->r->line, "the route to %.*s makes no request of %.*s: %s", STR_ARG(p->r->provider), STR_ARG(str_head(inputs, 160)), why_text(&why));
        return false;
    }
    for (size_t i = 0; i < p->m->input_count && i < sizeof p->said / sizeof *p->said; i++)
        if (catalog_priced(p->m, i)) check_input(p, i, tree, inputs, body, request.url);
    if (!p->guarded) check_guarded(p, c, body);
    p->guarded = true;
    return true;
}

static void check_carries(struct doc *d, const struct model *m, const struct route_spec *r) {
    for (const struct json *e = r->carries ? r->carries->child : NULL; e; e = e->next) {
        bool known = false;
        for (size_t i = 0; i < m->input_count && !known; i++) known = str_eq(m->inputs[i].name, e->key);
        if (!known) doc_problem_line(d, r->line, "`carries` names `%.*s`, which is no input of %.*s.", STR_ARG(str_head(e->key, 60)), STR_ARG(m->slug));
    }
}

static void check_route(const struct providers *all, const struct model *m, size_t route, const struct evaluator *ev, struct problems *out) {
    const struct route_spec *r = &m->routes[route];
    const struct provider *to = providers_find(all, r->provider);
    const struct endpoint *e = to ? provider_endpoint(to, r->endpoint) : NULL;
    if (!e || e->info.protocol == PROTOCOL_COMMAND) return;
    struct doc d = {.problems = out, .file = m->file};
    check_carries(&d, m, r);
    struct pointing *p = calloc(1, sizeof *p);
    must(p);
    *p = (struct pointing){.m = m, .r = r, .route = route, .e = e, .ev = ev, .d = &d};
    catalog_points(m, at_point, p);
    arena_done(&p->a);
    free(p);
}

static bool is_trusted(struct str file, struct str trusted) {
    return trusted.len && str_starts(file, trusted) && (file.len == trusted.len || file.ptr[trusted.len] == '/' || str_ends(trusted, STR("/")));
}

/* Whether the programs and routes of that file and provider are to be proved. */
static bool is_wanted(struct str file, struct str provider, struct str trusted, struct str only) {
    return !is_trusted(file, trusted) && (!only.len || str_eq(only, provider));
}

static void collect_programs(const struct providers *all, const struct catalog *c, struct str trusted, struct str only, struct bundle *b) {
    struct arena a = {};
    for (size_t i = 0; i < catalog_count(c); i++) {
        const struct model *m = catalog_model(c, i);
        for (size_t k = 0; k < m->route_count; k++) {
            const struct route_spec *r = &m->routes[k];
            const struct provider *to = is_wanted(m->file, r->provider, trusted, only) ? providers_find(all, r->provider) : NULL;
            const struct endpoint *e = to ? provider_endpoint(to, r->endpoint) : NULL;
            if (e && r->request.len) bundle_add(b, route_program_text(r->request, &a));
            if (e && e->submit.program.len) bundle_add(b, call_program_text(e->submit.program, &a));
        }
    }
    arena_done(&a);
}

err providers_lint(const struct providers *all, const struct catalog *c, const struct evaluator *ev, struct str trusted, struct str only, struct problems *out) {
    int before = out->count;
    for (size_t i = 0; i < all->count; i++) {
        if (is_wanted(all->list[i].file, all->list[i].info.name, trusted, only)) check_programs(&all->list[i], ev, out);
    }
    struct bundle *bundle = bundle_new(ev);
    const struct evaluator bundled = bundle_evaluator(bundle);
    collect_programs(all, c, trusted, only, bundle);
    for (size_t i = 0; i < catalog_count(c); i++) {
        const struct model *m = catalog_model(c, i);
        for (size_t k = 0; k < m->route_count; k++)
            if (is_wanted(m->file, m->routes[k].provider, trusted, only)) check_route(all, m, k, &bundled, out);
    }
    bundle_free(bundle);
    return out->count == before ? OK : E_INVALID;
}
