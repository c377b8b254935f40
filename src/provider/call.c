/* What templates and programs may ask of a call: its inputs apart, the stand-ins of its files, what the route makes of them. */
#include "provider/describe.h"

#include "base/hash.h"
#include "catalog/undeclared.h"

#include <stdio.h>

enum { TOKEN_HEX = 16 };

void calling_start(struct calling *k, const struct endpoint *e, const struct provider_call *c, const struct evaluator *ev, struct arena *a, struct why *why) {
    *k = (struct calling){.e = e, .c = c, .ev = ev, .a = a, .why = why};
    /* Nobody outside knows key and reference together, so nobody can write a stand-in into a prompt. */
    char hex[SHA256_HEX + 1];
    sha256_hex(arena_printf(a, "stand-in\n%.*s\n%.*s\n%.*s", STR_ARG(c->key), STR_ARG(c->our_ref), STR_ARG(c->inputs)), hex);
    k->token = arena_dup(a, str_n(hex, TOKEN_HEX));
}

/* --- trees --- */

static struct json *new_node(struct arena *a, enum json_type type, struct str key, struct str text) {
    struct json *j = arena_new(a, struct json);
    *j = (struct json){.type = type, .key = key, .text = text};
    return j;
}

static void add_member(struct json *object, struct json *m) {
    struct json **tail = &object->child;
    while (*tail) tail = &(*tail)->next;
    *tail = m;
    object->count++;
}

/* A copy without its siblings; members that are null are left out when asked for. */
static struct json *copy(struct arena *a, const struct json *j, bool drop_nulls) {
    struct json *to = arena_new(a, struct json), **tail = &to->child;
    *to = *j;
    to->next = to->child = NULL;
    to->count = 0;
    for (const struct json *c = j->type == JSON_OBJECT || j->type == JSON_ARRAY ? j->child : NULL; c; c = c->next) {
        if (drop_nulls && j->type == JSON_OBJECT && c->type == JSON_NULL) continue;
        *tail = copy(a, c, drop_nulls);
        tail = &(*tail)->next;
        to->count++;
    }
    return to;
}

/* --- files --- */

static struct str token(const struct calling *k, size_t file) { return arena_printf(k->a, "@puras-file-%zu-%.*s@", file, STR_ARG(k->token)); }

int token_at(const struct calling *k, struct str text, size_t at, size_t *out_len) {
    static const char prefix[] = "@puras-file-";
    struct str rest = str_skip(text, at);
    if (!str_starts(rest, str_of(prefix))) return -1;
    size_t n = sizeof prefix - 1, file = 0;
    for (; n < rest.len && rest.ptr[n] >= '0' && rest.ptr[n] <= '9' && file < 1000; n++) file = file * 10 + (size_t)(rest.ptr[n] - '0');
    struct str tail = arena_printf(k->a, "-%.*s@", STR_ARG(k->token));
    if (!str_starts(str_skip(rest, n), tail) || file >= k->c->file_count) return -1;
    *out_len = n + tail.len;
    return (int)file;
}

/* What stands in the inputs for a file. */
static struct str file_value(const struct calling *k, size_t i) {
    const struct call_file *f = &k->c->files[i];
    if (f->url.len && !f->inline_bytes) return f->url;
    bool bare = k->e->info.files == FILES_BASE64 || k->e->info.files == FILES_PART;
    if (bare) return token(k, i);
    return arena_printf(k->a, "data:%.*s;base64,%.*s", STR_ARG(f->type), STR_ARG(token(k, i)));
}

static const struct input_spec *spec_of(const struct calling *k, struct str name) {
    const struct model *m = k->c->spec;
    for (size_t i = 0; m && i < m->input_count; i++)
        if (str_eq(m->inputs[i].name, name)) return &m->inputs[i];
    return NULL;
}

/* One text, or a list of them. A value without facts about its files (a check of the catalog) stays as it is. */
static struct json *file_input(const struct calling *k, const struct json *given, const struct input_spec *s) {
    struct json *list = new_node(k->a, JSON_ARRAY, given->key, (struct str){});
    for (size_t i = 0; i < k->c->file_count; i++)
        if (str_eq(k->c->files[i].input, given->key)) add_member(list, new_node(k->a, JSON_STRING, (struct str){}, file_value(k, i)));
    if (!list->count) return copy(k->a, given, false);
    bool many = given->type == JSON_ARRAY || (s && s->max > 1);
    if (many) return list;
    list->child->key = given->key;
    return list->child;
}

static bool has_files(const struct calling *k, struct str name) {
    for (size_t i = 0; i < k->c->file_count; i++)
        if (str_eq(k->c->files[i].input, name)) return true;
    return false;
}

static err split_inputs(struct calling *k) {
    struct json *all = NULL, *inputs = new_node(k->a, JSON_OBJECT, STR("inputs"), (struct str){}), *rest = new_node(k->a, JSON_OBJECT, STR("rest"), (struct str){});
    if (k->split) return OK;
    TRY(json_parse(k->c->inputs.len ? k->c->inputs : STR("{}"), k->a, k->why, &all));
    for (const struct json *m = all->type == JSON_OBJECT ? all->child : NULL; m; m = m->next) {
        const struct input_spec *s = spec_of(k, m->key);
        if (!s && k->c->spec && undeclared_is_costly(m->key)) continue;
        bool file = has_files(k, m->key) || (s && s->type == INPUT_FILE);
        add_member(s ? inputs : rest, file ? file_input(k, m, s) : copy(k->a, m, false));
    }
    struct json *files = new_node(k->a, JSON_ARRAY, STR("files"), (struct str){});
    for (size_t i = 0; i < k->c->file_count; i++) {
        const struct call_file *f = &k->c->files[i];
        struct json *one = new_node(k->a, JSON_OBJECT, (struct str){}, (struct str){});
        add_member(one, new_node(k->a, JSON_STRING, STR("input"), f->input));
        add_member(one, new_node(k->a, JSON_NUMBER, STR("index"), arena_printf(k->a, "%lld", (long long)f->index)));
        add_member(one, new_node(k->a, JSON_STRING, STR("type"), f->type));
        add_member(one, new_node(k->a, JSON_NUMBER, STR("bytes"), arena_printf(k->a, "%lld", (long long)f->bytes)));
        add_member(one, new_node(k->a, JSON_STRING, STR("name"), f->name));
        add_member(one, new_node(k->a, JSON_STRING, STR("value"), file_value(k, i)));
        add_member(files, one);
    }
    k->inputs = inputs;
    k->rest = rest;
    k->files = files;
    k->split = true;
    return OK;
}

/* --- programs --- */

static void bind(struct json *call, struct calling *k, const char *name, struct str value) {
    if (value.len) add_member(call, new_node(k->a, JSON_STRING, str_of(name), value));
}

/* The call as programs see it. */
static err call_object(struct calling *k, struct json **out) {
    TRY(split_inputs(k));
    struct json *call = new_node(k->a, JSON_OBJECT, (struct str){}, (struct str){});
    bind(call, k, "model", k->c->model);
    bind(call, k, "slug", k->c->slug);
    bind(call, k, "kind", k->c->kind);
    bind(call, k, "our_ref", k->c->our_ref);
    bind(call, k, "webhook", k->c->webhook);
    add_member(call, copy(k->a, k->inputs, false));
    add_member(call, copy(k->a, k->rest, false));
    add_member(call, copy(k->a, k->files, false));
    *out = call;
    return OK;
}

static err evaluate(struct calling *k, struct str program, const struct json *input, const struct json **out) {
    if (!k->ev) return why_set(k->why, E_DESCRIPTION, "The description has a program, and nobody is here to run it.");
    struct buf b = {};
    json_write(&b, input);
    struct str lines, line, more, text = arena_dup(k->a, buf_view(&b));
    buf_done(&b);
    TRY(k->ev->run(k->ev->self, program, text, k->a, k->why, &lines));
    str_cut(lines, '\n', &line, &more);
    if (!str_trim(line).len || str_trim(more).len) {
        return why_set(k->why, E_DESCRIPTION, "The program for the request to `%.*s` must give one value; it gave %s.", STR_ARG(k->e->provider->info.name),
                       line.len ? "several" : "none");
    }
    struct json *j = NULL;
    TRY(json_parse(line, k->a, k->why, &j));
    *out = copy(k->a, j, true);
    return OK;
}

/* What is run of a program as it stands in a file; the line break ends a comment. */
#define VARIABLES ".model as $model | .slug as $slug | .kind as $kind | .our_ref as $our_ref | .webhook as $webhook | .files as $files | "
struct str route_program_text(struct str program, struct arena *a) { return arena_printf(a, VARIABLES "(.inputs + {rest: .rest}) | (%.*s\n)", STR_ARG(program)); }
struct str call_program_text(struct str program, struct arena *a) { return arena_printf(a, VARIABLES "(%.*s\n)", STR_ARG(program)); }

err calling_input(struct calling *k, const struct json **out) {
    struct json *call;
    if (!k->input) {
        TRY(call_object(k, &call));
        struct str program = k->c->route ? k->c->route->request : (struct str){};
        if (program.len) {
            TRY(evaluate(k, route_program_text(program, k->a), call, &k->input));
        } else {
            struct json *both = copy(k->a, k->rest, false);
            for (const struct json *m = k->inputs->child; m; m = m->next) add_member(both, copy(k->a, m, false));
            k->input = both;
        }
    }
    *out = k->input;
    return OK;
}

/* With what the route makes of the inputs. */
static err whole_call(struct calling *k, struct json **out) {
    const struct json *input;
    TRY(calling_input(k, &input));
    TRY(call_object(k, out));
    struct json *member = copy(k->a, input, false);
    member->key = STR("input");
    add_member(*out, member);
    return OK;
}

err provider_call_text(const struct endpoint *e, const struct provider_call *c, const struct evaluator *ev, struct arena *a, struct why *why, struct str *out) {
    struct calling k;
    struct json *call;
    struct buf b = {};
    calling_start(&k, e, c, ev, a, why);
    TRY(whole_call(&k, &call));
    json_write(&b, call);
    *out = arena_dup(a, buf_view(&b));
    buf_done(&b);
    return OK;
}

err calling_run(struct calling *k, struct str program, const struct json **out) {
    struct json *call;
    TRY(whole_call(k, &call));
    if (k->c->upload < k->c->file_count) {
        struct json *file = copy(k->a, json_at(k->files, (uint32_t)k->c->upload), false);
        file->key = STR("file");
        add_member(call, file);
    }
    if (k->c->their_ref.len) {
        struct json *kept = copy(k->a, ref_parse(k->c->their_ref, k->a), false);
        bind(call, k, "ref", json_plain(json_get(kept, "ref"), k->a));
        kept->key = STR("kept");
        add_member(call, kept);
    }
    return evaluate(k, call_program_text(program, k->a), call, out);
}

/* Sets a member below the tree, making the mappings on the way. */
static err put(struct calling *k, struct json *tree, const struct path_step *steps, size_t count, struct str value) {
    for (size_t i = 0; i < count; i++) {
        if (tree->type != JSON_OBJECT) return why_set(k->why, E_DESCRIPTION, "The request to `%.*s` has no place for its reference.", STR_ARG(k->e->provider->info.name));
        struct json *m = tree->child;
        while (m && !str_eq(m->key, steps[i].name)) m = m->next;
        if (!m) add_member(tree, m = new_node(k->a, JSON_OBJECT, steps[i].name, (struct str){}));
        if (i + 1 == count) {
            struct json *next = m->next;
            *m = (struct json){.type = JSON_STRING, .key = steps[i].name, .text = value, .next = next};
        }
        tree = m;
    }
    return OK;
}

err calling_body(struct calling *k, const struct request_spec *s, enum ask ask, const struct json **out) {
    const struct json *value = NULL;
    *out = NULL;
    if (s->body == BODY_NONE || s->body == BODY_FILE || (s->part.len && !s->program.len)) return OK;
    if (s->program.len) TRY(calling_run(k, s->program, &value));
    else if (ask == ASK_SUBMIT) TRY(calling_input(k, &value));
    if (value && ask == ASK_SUBMIT && k->e->idempotency_steps) {
        struct json *tree = copy(k->a, value, false);
        TRY(put(k, tree, k->e->idempotency_field, k->e->idempotency_steps, k->c->our_ref));
        value = tree;
    }
    *out = value;
    return OK;
}

/* --- references --- */

/* A reference is the provider's word alone, or an object with it and what was kept beside it. */
const struct json *ref_parse(struct str their_ref, struct arena *a) {
    struct json *j = NULL;
    if (str_starts(their_ref, STR("{")) && !json_parse(their_ref, a, NULL, &j) && json_get(j, "ref")) return j;
    j = new_node(a, JSON_OBJECT, (struct str){}, (struct str){});
    if (their_ref.len) add_member(j, new_node(a, JSON_STRING, STR("ref"), their_ref));
    return j;
}

/* --- templates --- */

void escape_write(struct buf *b, struct str s, enum escape escape) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c) != NULL;
        if (c && (escape == ESCAPE_NONE || plain || (escape == ESCAPE_PATH && strchr("/:@,=", c)))) buf_c(b, (char)c);
        else buf_printf(b, "%%%02X", c);
    }
}

static const struct json *below(struct calling *k, const struct json *root, const struct template_part *p) {
    struct values found;
    path_walk(root, p->steps, p->step_count, k->a, &found);
    return found.count ? found.at[0] : NULL;
}

/* "owner/app" of "owner/app/what/it/does" */
static struct str first_parts(struct str s, int n) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '/' && !--n) return str_head(s, i);
    return s;
}

static err template_value(struct calling *k, const struct template_part *p, struct str *out) {
    const struct json *root = NULL;
    *out = (struct str){};
    switch (p->kind) {
    case NAME_NONE: return OK;
    case NAME_MODEL: *out = k->c->model; return OK;
    case NAME_APP: *out = first_parts(k->c->model, 2); return OK;
    case NAME_BASE: *out = k->e->provider->info.base; return OK;
    case NAME_SLUG: *out = k->c->slug; return OK;
    case NAME_KIND: *out = k->c->kind; return OK;
    case NAME_OUR_REF: *out = k->c->our_ref; return OK;
    case NAME_WEBHOOK: *out = k->c->webhook; return OK;
    case NAME_KEY: *out = k->c->key; return OK;
    case NAME_REF:
    case NAME_KEPT:
        if (!k->ref) k->ref = ref_parse(k->c->their_ref, k->a);
        *out = json_plain(json_get_str(k->ref, p->kind == NAME_REF ? STR("ref") : p->name), k->a);
        return OK;
    case NAME_INPUT: TRY(calling_input(k, &root)); break;
    case NAME_INPUTS: TRY(split_inputs(k)); root = k->inputs; break;
    case NAME_REST: TRY(split_inputs(k)); root = k->rest; break;
    case NAME_FILE: TRY(split_inputs(k)); root = json_at(k->files, (uint32_t)k->c->upload); break;
    case NAME_REPLY:
        if (!k->reply && k->c->upload_reply.len) {
            struct json *reply = NULL;
            TRY(json_parse(k->c->upload_reply, k->a, k->why, &reply));
            k->reply = reply;
        }
        root = k->reply;
        break;
    }
    *out = json_plain(below(k, root, p), k->a);
    return OK;
}

static bool is_url(struct str s) { return str_starts(s, STR("http://")) || str_starts(s, STR("https://")); }

/* In a URL a value is escaped by where it stands; one that is a URL itself and stands first is taken whole. */
err template_write(const struct template *t, struct calling *k, enum escape escape, struct buf *out) {
    size_t start = out->len;
    for (size_t i = 0; i < t->count; i++) {
        struct str value;
        if (escape == ESCAPE_QUERY) escape_write(out, t->parts[i].text, escape);
        else buf_str(out, t->parts[i].text);
        TRY(template_value(k, &t->parts[i], &value));
        bool query = escape == ESCAPE_QUERY || (escape == ESCAPE_PATH && memchr(out->ptr ? out->ptr + start : "", '?', out->len - start));
        bool whole = escape == ESCAPE_PATH && out->len == start && is_url(value);
        escape_write(out, value, whole ? ESCAPE_NONE : query ? ESCAPE_QUERY : escape);
    }
    return OK;
}
