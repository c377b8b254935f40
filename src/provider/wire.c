/* Reads files of wire tests and runs their steps. */
#include "provider/wire_int.h"

#include "catalog/yaml.h"

#include <stdio.h>

enum { WIRE_FILES_MAX = 16 };

/* One test while it runs. */
struct wire_test {
    struct wire_step step;
    const struct provider *provider;
    const struct endpoint *endpoint;
    const struct evaluator *ev;
    struct provider_call call;
    struct route_spec route;
    struct call_file files[WIRE_FILES_MAX];
    struct str url_path, upload_reply;
};

/* --- the call --- */

static struct str text_or(const struct json *object, const char *key, struct str otherwise, struct arena *a) {
    const struct json *j = json_get(object, key);
    return j ? json_plain(j, a) : otherwise;
}

static struct str ext_of(struct str type) {
    static const struct { const char *type, *ext; } table[] = {
        {"image/png", "png"}, {"image/jpeg", "jpg"}, {"image/webp", "webp"}, {"video/mp4", "mp4"}, {"audio/mpeg", "mp3"}, {"audio/wav", "wav"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (str_is(type, table[i].type)) return str_of(table[i].ext);
    return STR("bin");
}

static void finish_file(struct wire_test *t, struct call_file *f, bool inlined) {
    struct arena *a = t->step.a;
    int files = (int)t->endpoint->info.files;
    if (!f->name.len) f->name = arena_printf(a, "%.*s.%.*s", STR_ARG(f->input), STR_ARG(ext_of(f->type)));
    bool linked = files == FILES_URL || files == FILES_UPLOAD;
    f->inline_bytes = inlined || !linked;
    if (f->inline_bytes) f->url = (struct str){};
    else if (!f->url.len) f->url = arena_printf(a, "https://files.test/%.*s-%lld.%.*s", STR_ARG(f->input), (long long)f->index, STR_ARG(ext_of(f->type)));
}

static void given_files(struct wire_test *t, const struct json *list) {
    struct arena *a = t->step.a;
    for (const struct json *j = list->child; j && t->call.file_count < WIRE_FILES_MAX; j = j->next) {
        struct call_file *f = &t->files[t->call.file_count++];
        bool inlined = false;
        *f = (struct call_file){.input = text_or(j, "input", STR("file"), a), .type = text_or(j, "type", STR("image/png"), a), .name = text_or(j, "name", (struct str){}, a),
                                .url = text_or(j, "url", (struct str){}, a), .bytes = 1000};
        json_as_i64(json_get(j, "bytes"), &f->bytes);
        json_as_i64(json_get(j, "index"), &f->index);
        json_as_bool(json_get(j, "inline"), &inlined);
        finish_file(t, f, inlined);
    }
}

/* One made-up file for each text of a file input. */
static void made_files(struct wire_test *t, const struct json *inputs) {
    const struct model *m = t->call.spec;
    for (size_t i = 0; m && i < m->input_count; i++) {
        const struct input_spec *s = &m->inputs[i];
        const struct json *given = s->type == INPUT_FILE ? json_get_str(inputs, s->name) : NULL;
        size_t n = !given ? 0 : given->type == JSON_ARRAY ? given->count : 1;
        for (size_t k = 0; k < n && t->call.file_count < WIRE_FILES_MAX; k++) {
            struct str type = str_is(s->file_kind, "video") ? STR("video/mp4") : str_is(s->file_kind, "audio") ? STR("audio/mpeg") : STR("image/png");
            struct call_file *f = &t->files[t->call.file_count++];
            *f = (struct call_file){.input = s->name, .type = type, .bytes = 1000, .index = (int64_t)k};
            finish_file(t, f, false);
        }
    }
}

static const struct route_spec *find_route(const struct model *m, struct str provider, struct str model, const struct json *inputs) {
    for (size_t i = 0; i < m->route_count; i++)
        if (catalog_route_holds(m, i, inputs) && str_eq(m->routes[i].provider, provider) && (!model.len || str_eq(m->routes[i].model, model))) return &m->routes[i];
    return NULL;
}

static bool take_slug(struct wire_test *t, const struct catalog *c, const struct json *call, struct str model) {
    struct why why = {};
    struct quote quote;
    struct provider_call *p = &t->call;
    p->spec = catalog_find(c, p->slug);
    if (!p->spec) return wire_problem(&t->step, call, "there is no slug `%.*s` in the catalog.", STR_ARG(p->slug)), false;
    struct json *inputs = NULL;
    if (catalog_quote(c, p->spec, wire_json(&t->step, json_get(call, "inputs")), NULL, 0, t->step.a, &why, &quote, &p->inputs) || json_parse(p->inputs, t->step.a, &why, &inputs))
        return wire_problem(&t->step, call, "the inputs are refused: %s", why_text(&why)), false;
    p->route = find_route(p->spec, t->provider->info.name, model, inputs);
    if (!p->route) return wire_problem(&t->step, call, "the slug `%.*s` has no route to %.*s%s%.*s for these inputs.", STR_ARG(p->slug), STR_ARG(t->provider->info.name),
                                       model.len ? " of the model " : "", STR_ARG(model)), false;
    p->kind = p->spec->kind;
    p->model = p->route->model;
    t->endpoint = provider_endpoint(t->provider, p->route->endpoint);
    return true;
}

static void take_bare(struct wire_test *t, const struct json *call) {
    struct provider_call *p = &t->call;
    t->route = (struct route_spec){.provider = t->provider->info.name, .model = p->model, .request = text_or(call, "request", (struct str){}, t->step.a)};
    int64_t unit;
    if (json_as_i64(json_get(call, "unit_micros"), &unit)) t->route.unit_nanos = unit * 1000;
    p->route = &t->route;
    const struct json *inputs = json_get(call, "inputs");
    p->inputs = inputs ? json_plain(inputs, t->step.a) : STR("{}");
}

static bool take_call(struct wire_test *t, const struct catalog *c, const struct json *call, struct str endpoint) {
    static const char *const keys[] = {"slug", "model", "kind", "request", "endpoint", "inputs", "files", "key", "webhook", "our_ref", "their_ref", "now",
                                       "output_url_path", "unit_micros", NULL};
    struct arena *a = t->step.a;
    int64_t now = 1800000000;
    if (call) doc_keys(t->step.d, call, keys, "call");
    json_as_i64(json_get(call, "now"), &now);
    t->call = (struct provider_call){.slug = text_or(call, "slug", (struct str){}, a), .model = text_or(call, "model", (struct str){}, a),
                                     .kind = text_or(call, "kind", STR("image"), a), .our_ref = text_or(call, "our_ref", STR("gen_1"), a),
                                     .webhook = text_or(call, "webhook", (struct str){}, a), .key = text_or(call, "key", STR("test-key"), a),
                                     .their_ref = text_or(call, "their_ref", (struct str){}, a), .now = now * MS_SECOND, .files = t->files, .upload = SIZE_MAX};
    t->url_path = text_or(call, "output_url_path", (struct str){}, a);
    endpoint = text_or(call, "endpoint", endpoint, a);
    t->endpoint = provider_endpoint(t->provider, endpoint);
    if (t->call.slug.len) {
        struct str model = t->call.model;
        if (!take_slug(t, c, call, model)) return false;
        if (json_get(call, "endpoint")) t->endpoint = provider_endpoint(t->provider, endpoint);
    } else {
        take_bare(t, call);
    }
    if (!t->endpoint) return wire_problem(&t->step, call, "the provider has no endpoint `%.*s`.", STR_ARG(endpoint)), false;
    struct json *inputs = NULL;
    const struct json *files = json_get(call, "files");
    if (files) given_files(t, files);
    else if (!json_parse(t->call.inputs, a, NULL, &inputs)) made_files(t, inputs);
    return true;
}

/* --- steps --- */

static bool take_reply(struct wire_test *t, const struct json *node, struct reply_in *out) {
    static const char *const keys[] = {"status", "headers", "json", "text", "file", NULL};
    struct arena *a = t->step.a;
    const struct json *headers = json_get(node, "headers"), *json = json_get(node, "json"), *file = json_get(node, "file");
    int64_t status = 200;
    doc_keys(t->step.d, node, keys, "reply");
    json_as_i64(json_get(node, "status"), &status);
    *out = (struct reply_in){.status = (int)status, .text = text_or(node, "text", (struct str){}, a)};
    struct header_out *list = arena_array(a, struct header_out, (headers ? headers->count : 0) + 1);
    for (const struct json *m = headers ? headers->child : NULL; m; m = m->next)
        list[out->header_count++] = (struct header_out){.name = m->key, .value = json_plain(m, a)};
    if (json) {
        out->body = wire_json(&t->step, json);
        if (!out->body) return false;
    }
    if (file) {
        out->body_spool = text_or(file, "name", STR("body"), a);
        list[out->header_count++] = (struct header_out){.name = STR("content-type"), .value = text_or(file, "type", STR("application/octet-stream"), a)};
    }
    out->headers = list;
    return true;
}

static bool read_ask(struct wire_test *t, const struct json *node, enum ask *out) {
    static const char *const words[] = {"submit", "poll", "result", "cancel", "lookup", "upload_request", "upload", NULL};
    struct str word = text_or(node, "ask", STR("submit"), t->step.a);
    for (int i = 0; words[i]; i++)
        if (str_is(word, words[i])) {
            *out = (enum ask)i;
            return true;
        }
    wire_problem(&t->step, node, "`ask: %.*s` is not known; it is one of submit, poll, result, cancel, lookup, upload_request, upload.", STR_ARG(str_head(word, 40)));
    return false;
}

static void take_uploaded(struct wire_test *t, const struct reply_in *reply, struct str *out) {
    struct why why = {};
    if (provider_uploaded(t->endpoint, &t->call, reply, t->ev, t->step.a, &why, out)) wire_problem(&t->step, NULL, "the uploaded value cannot be read: %s", why_text(&why));
    if (out->len && t->call.upload < t->call.file_count) t->files[t->call.upload].url = *out;
    if (reply->body) t->upload_reply = json_plain(reply->body, t->step.a);
}

static void run_step(struct wire_test *t, const struct json *node) {
    enum ask ask;
    struct why why = {};
    struct request request;
    struct reply_in reply;
    struct reading reading;
    struct str uploaded = {};
    int64_t file = 0;
    const struct json *want = json_get(node, "request"), *comes = json_get(node, "reply"), *read = json_get(node, "reading");
    t->step.line = doc_line(t->step.d, node);
    if (!read_ask(t, node, &ask)) return;
    bool upload = ask == ASK_UPLOAD_REQUEST || ask == ASK_UPLOAD;
    json_as_i64(json_get(node, "file"), &file);
    t->call.upload = upload ? (size_t)file : SIZE_MAX;
    t->call.upload_reply = t->upload_reply;
    if (want || !comes) {
        err e = provider_request(t->endpoint, ask, &t->call, t->ev, t->step.a, &why, &request);
        if (e) wire_problem(&t->step, node, "no request was made: %s", why_text(&why));
        else wire_check_request(&t->step, want, &request, &t->call);
    }
    if (!comes || !take_reply(t, comes, &reply)) return;
    if (provider_reply(t->endpoint, ask, &t->call, &reply, t->url_path, t->ev, t->step.a, &why, &reading)) {
        wire_problem(&t->step, comes, "the reply cannot be read: %s", why_text(&why));
        return;
    }
    if (upload) take_uploaded(t, &reply, &uploaded);
    wire_check_reading(&t->step, read, &reading, uploaded);
    if (reading.ref.len) t->call.their_ref = reading.ref;
}

/* --- files --- */

static void run_test(struct doc *d, const struct providers *p, const struct catalog *c, const struct json *file, const struct json *node, const struct evaluator *ev,
                     struct wire_count *count) {
    static const char *const keys[] = {"name", "call", "steps", "ask", "request", "reply", "reading", "file", "source", "date", "about", NULL};
    struct arena a = {};
    struct wire_test *t = arena_new(&a, struct wire_test);
    t->step = (struct wire_step){.d = d, .a = &a, .test = text_or(node, "name", STR("a test"), &a), .line = doc_line(d, node)};
    t->provider = providers_find(p, text_or(file, "provider", (struct str){}, &a));
    t->ev = ev;
    doc_keys(d, node, keys, "a test");
    count->tests++;
    const struct json *steps = json_get(node, "steps");
    if (!t->provider) wire_problem(&t->step, node, "there is no provider `%.*s` in the catalog.", STR_ARG(text_or(file, "provider", (struct str){}, &a)));
    else if (take_call(t, c, json_get(node, "call"), text_or(file, "endpoint", (struct str){}, &a))) {
        for (const struct json *s = steps ? steps->child : node; s; s = steps ? s->next : NULL) {
            t->step.number++;
            count->steps++;
            run_step(t, s);
        }
    }
    arena_done(&a);
}

err wire_run(const struct providers *p, const struct catalog *c, struct str file, struct str text, const struct evaluator *ev, struct problems *out,
             struct wire_count *count) {
    static const char *const keys[] = {"provider", "endpoint", "source", "date", "about", "tests", NULL};
    struct arena a = {};
    struct doc d = {.arena = &a, .problems = out, .file = file};
    const struct json *root = yaml_read(&d, text), *tests = NULL;
    struct str ignored;
    if (root && doc_is(&d, root, JSON_OBJECT, "wire tests")) {
        doc_keys(&d, root, keys, "a file of wire tests");
        if (doc_need(&d, root, "provider", "the file")) doc_text(&d, root, "provider", 60, &ignored);
        if (doc_need(&d, root, "source", "the file")) doc_text(&d, root, "source", DESCRIBE_TEXT_BYTES, &ignored);
        if (doc_need(&d, root, "date", "the file")) doc_text(&d, root, "date", 40, &ignored);
        tests = doc_need(&d, root, "tests", "the file");
        if (tests && !doc_is(&d, tests, JSON_ARRAY, "tests")) tests = NULL;
    }
    for (const struct json *t = tests ? tests->child : NULL; t; t = t->next) run_test(&d, p, c, root, t, ev, count);
    arena_done(&a);
    return d.found ? E_INVALID : OK;
}
