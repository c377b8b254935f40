/* Reads one endpoint of a description. */
#include "provider/describe.h"

#include "catalog/number.h"

#include <stdio.h>

/* A key of the endpoint, or of the whole description when the endpoint does not state its own. */
static const struct json *pick(const struct json *doc, const struct json *top, const char *key) {
    const struct json *own = json_get(doc, key);
    return own ? own : json_get(top, key);
}

static bool word_of(struct doc *d, const struct json *node, const char *key, const char *const *words, int *out) {
    if (!doc_is(d, node, JSON_STRING, key)) return false;
    struct buf all = {};
    for (int i = 0; words[i]; i++) {
        if (str_is(node->text, words[i])) {
            *out = i;
            buf_done(&all);
            return true;
        }
        buf_printf(&all, "%s%s", i ? ", " : "", words[i]);
    }
    doc_problem(d, node, "`%s: %.*s` is not known; it is one of %.*s.", key, STR_ARG(str_head(node->text, 40)), STR_ARG(buf_view(&all)));
    buf_done(&all);
    return false;
}

/* --- auth, files, pace, idempotency --- */

static void read_auth(struct doc *d, const struct json *node, struct auth *out) {
    static const char *const keys[] = {"scheme", "name", "format", NULL};
    static const char *const schemes[] = {"none", "bearer", "header", "query", "basic", "kling-jwt", "google-key", NULL};
    int scheme = 0;
    if (!node || !doc_is(d, node, JSON_OBJECT, "auth")) return;
    doc_keys(d, node, keys, "auth");
    const struct json *word = doc_need(d, node, "scheme", "auth");
    if (!word || !word_of(d, word, "scheme", schemes, &scheme)) return;
    out->scheme = (enum auth_scheme)scheme;
    doc_text(d, node, "name", 100, &out->name);
    template_read(d, json_get(node, "format"), "format", ALLOW_KEY, &out->format);
    bool named = out->scheme == AUTH_HEADER || out->scheme == AUTH_QUERY;
    if (named && !out->name.len) doc_problem(d, node, "auth by %s needs `name`.", schemes[scheme]);
    if (out->scheme == AUTH_HEADER && !out->format.count) doc_problem(d, node, "auth by header needs `format`, such as \"Key {key}\".");
}

static void read_request(struct doc *d, const struct json *node, const char *where, const char *method, unsigned allow, struct request_spec *out);

static void read_files(struct doc *d, const struct json *node, struct endpoint *out) {
    static const char *const keys[] = {"as", "max_inline", "request", "upload", "value", "about", NULL};
    static const char *const words[] = {"url", "data", "base64", "part", "upload", NULL};
    int as = 0;
    if (!node || !doc_is(d, node, JSON_OBJECT, "files")) return;
    doc_keys(d, node, keys, "files");
    const struct json *word = doc_need(d, node, "as", "files");
    if (word) word_of(d, word, "as", words, &as);
    out->info.files = as;
    doc_bytes(d, node, "max_inline", &out->info.max_inline);
    const struct json *request = json_get(node, "request"), *upload = json_get(node, "upload"), *value = json_get(node, "value");
    if (as != FILES_UPLOAD) {
        if (request || upload || value) doc_problem(d, node, "`request`, `upload` and `value` belong to `as: upload`.");
        return;
    }
    read_request(d, request, "files.request", "POST", ALLOW_FILE, &out->upload_request);
    out->info.upload_in_two = request != NULL;
    if (doc_need(d, node, "upload", "files")) read_request(d, upload, "files.upload", NULL, ALLOW_FILE | ALLOW_REPLY, &out->upload);
    if (doc_need(d, node, "value", "files")) expr_read(d, value, "value", &out->upload_value);
}

static void read_pace(struct doc *d, const struct json *node, struct endpoint_info *out) {
    static const char *const keys[] = {"first", "every", "max", NULL};
    out->pace_first = out->pace_every = 2 * MS_SECOND;
    out->pace_max = 15 * MS_SECOND;
    if (!node || !doc_is(d, node, JSON_OBJECT, "pace")) return;
    doc_keys(d, node, keys, "pace");
    doc_duration(d, node, "first", &out->pace_first);
    doc_duration(d, node, "every", &out->pace_every);
    if (!doc_duration(d, node, "max", &out->pace_max) && out->pace_max < out->pace_every) out->pace_max = out->pace_every;
    if (out->pace_every < 100) doc_problem(d, node, "`every` of the pace must be at least 0.1s.");
    if (out->pace_max < out->pace_every) doc_problem(d, node, "`max` of the pace is below `every`.");
}

static void read_idempotency(struct doc *d, const struct json *node, struct endpoint *out) {
    static const char *const keys[] = {"header", "field", NULL};
    struct str field = {};
    if (!node || !doc_is(d, node, JSON_OBJECT, "idempotency")) return;
    doc_keys(d, node, keys, "idempotency");
    bool header = doc_text(d, node, "header", 100, &out->idempotency_header);
    struct why why = {};
    if (doc_text(d, node, "field", 200, &field)) {
        if (path_parse(field, d->arena, &why, &out->idempotency_field, &out->idempotency_steps)) doc_problem(d, node, "%s", why.detail);
        for (size_t i = 0; i < out->idempotency_steps; i++)
            if (out->idempotency_field[i].kind != STEP_NAME) doc_problem(d, node, "`field` of idempotency is names with dots between, without brackets.");
    }
    if (header == (field.len > 0)) doc_problem(d, node, "`idempotency` needs either `header` or `field`.");
    out->info.idempotent = true;
}

/* --- requests and replies --- */

static void read_url(struct doc *d, const struct json *node, const char *where, unsigned allow, struct request_spec *out) {
    const struct json *path = json_get(node, "path"), *url = json_get(node, "url");
    if (!path == !url) {
        doc_problem(d, node, "`%s` needs either `path`, which is joined to `base`, or `url`.", where);
        return;
    }
    template_read(d, path ? path : url, path ? "path" : "url", allow, &out->url);
    template_read(d, json_get(node, "otherwise"), "otherwise", allow, &out->otherwise);
    if (out->otherwise.count && (path || !str_starts(out->otherwise.source, STR("/")))) doc_problem(d, json_get(node, "otherwise"), "`otherwise` is a path that begins with a slash, beside `url`.");
    if (path && (!out->url.count || !str_starts(out->url.source, STR("/")))) doc_problem(d, path, "`path` must begin with a slash.");
    struct str source = out->url.source;
    out->whole = url && !str_starts(source, STR("/"));
    if (out->whole && !str_starts(source, STR("{")) && !str_starts(source, STR("https://")) && !str_starts(source, STR("http://")))
        doc_problem(d, url, "`url` must begin with http://, https://, a slash or a name in braces.");
}

static void read_request(struct doc *d, const struct json *node, const char *where, const char *method, unsigned allow, struct request_spec *out) {
    static const char *const keys[] = {"method", "path", "url", "otherwise", "query", "headers", "body", "request", "part", "fields", "reply", "stopped", "running_when",
                                       "done_when", "settles_after", "absence_is_proof", "timeout", "about", NULL};
    static const char *const bodies[] = {"json", "form", "multipart", "none", "file", NULL};
    if (!node || !doc_is(d, node, JSON_OBJECT, where)) return;
    doc_keys(d, node, keys, where);
    int body = method && str_is(str_of(method), "GET") ? BODY_NONE : BODY_JSON;
    const struct json *word = json_get(node, "body"), *program = json_get(node, "request");
    if (word) word_of(d, word, "body", bodies, &body);
    else if (!program && !str_is(str_of(where), "submit")) body = BODY_NONE;
    out->given = true;
    out->body = (enum body_kind)body;
    out->method = method ? str_of(method) : body == BODY_FILE ? STR("PUT") : STR("POST");
    if (doc_text(d, node, "method", 10, &out->method) && !str_is(out->method, "GET") && !str_is(out->method, "POST") && !str_is(out->method, "PUT") &&
        !str_is(out->method, "DELETE") && !str_is(out->method, "PATCH"))
        doc_problem(d, json_get(node, "method"), "`method` is one of GET, POST, PUT, PATCH, DELETE.");
    if (body == BODY_FILE && !(allow & ALLOW_FILE)) doc_problem(d, word, "`body: file` belongs to uploads.");
    read_url(d, node, where, allow, out);
    pairs_read(d, json_get(node, "query"), "query", allow, &out->query);
    pairs_read(d, json_get(node, "headers"), "headers", allow, &out->headers);
    pairs_read(d, json_get(node, "fields"), "fields", allow, &out->fields);
    doc_text(d, node, "part", 100, &out->part);
    if (doc_text(d, node, "request", DESCRIBE_PROGRAM_BYTES, &out->program)) out->program_line = doc_line(d, program);
    if (str_is(str_trim(out->program), ".input") && str_is(str_of(where), "submit")) out->program = (struct str){};
}

static const struct named_expr *read_named(struct doc *d, const struct json *node, const char *where, size_t *out_count) {
    *out_count = 0;
    if (!node || !doc_is(d, node, JSON_OBJECT, where)) return NULL;
    if (node->count > DESCRIBE_PAIRS_MAX) {
        doc_problem(d, node, "`%s` has %u entries; at most %d are allowed.", where, node->count, DESCRIBE_PAIRS_MAX);
        return NULL;
    }
    struct named_expr *list = arena_array(d->arena, struct named_expr, node->count + 1);
    for (const struct json *c = node->child; c; c = c->next) {
        list[*out_count].name = c->key;
        expr_read(d, c, where, &list[(*out_count)++].value);
    }
    return list;
}

static void read_reply(struct doc *d, const struct json *node, const char *where, struct reply_spec *out) {
    static const char *const keys[] = {"ref", "keep", "status", "progress", "position", "message", "stage", "done", "error", NULL};
    if (!node || !doc_is(d, node, JSON_OBJECT, where)) return;
    doc_keys(d, node, keys, where);
    const struct { const char *key; struct expr *out; } exprs[] = {
        {"ref", &out->ref}, {"status", &out->status}, {"progress", &out->progress}, {"position", &out->position}, {"message", &out->message},
        {"stage", &out->stage}, {"done", &out->done}, {"error", &out->error}};
    for (size_t i = 0; i < sizeof exprs / sizeof *exprs; i++) expr_read(d, json_get(node, exprs[i].key), exprs[i].key, exprs[i].out);
    out->keep = read_named(d, json_get(node, "keep"), "keep", &out->keep_count);
}

static void read_statuses(struct doc *d, const struct json *node, struct endpoint *out) {
    static const char *const words[] = {"waiting", "running", "done", "failed", "cancelled", NULL};
    if (!node || !doc_is(d, node, JSON_OBJECT, "statuses")) return;
    struct status_word *list = arena_array(d->arena, struct status_word, node->count + 1);
    for (const struct json *c = node->child; c; c = c->next) {
        int state = 0;
        if (!word_of(d, c, "statuses", words, &state)) continue;
        list[out->status_count++] = (struct status_word){c->key, (enum reply_state)state};
    }
    out->statuses = list;
}

/* --- outputs --- */

static void read_cost(struct doc *d, const struct json *node, struct outputs_spec *out) {
    static const char *const keys[] = {"usd", "micros", "units", "header", "each_micros", NULL};
    if (!node || !doc_is(d, node, JSON_OBJECT, "cost")) return;
    doc_keys(d, node, keys, "cost");
    expr_read(d, json_get(node, "usd"), "usd", &out->usd);
    expr_read(d, json_get(node, "micros"), "micros", &out->micros);
    expr_read(d, json_get(node, "units"), "units", &out->units);
    if (json_get(node, "header")) {
        struct json header = *json_get(node, "header"), *one = arena_new(d->arena, struct json);
        header.next = NULL;
        *one = (struct json){.type = JSON_STRING, .text = header.text};
        char *small = arena_strz(d->arena, header.text);
        for (char *c = small; *c; c++)
            if (*c >= 'A' && *c <= 'Z') *c += 32;
        out->units = (struct expr){.kind = EXPR_HEADER, .text = str_of(small)};
    }
    int64_t each;
    if (doc_decimal(d, node, "each_micros", 6, &each)) out->each_nanos = each;
    int ways = (out->usd.kind != EXPR_NONE) + (out->micros.kind != EXPR_NONE) + (out->units.kind != EXPR_NONE);
    if (ways != 1) doc_problem(d, node, "`cost` needs one of usd, micros, units, header.");
}

static void read_outputs(struct doc *d, const struct json *node, struct endpoint *e) {
    static const char *const keys[] = {"files", "body", "encoding", "type", "expires", "expires_at", "credentials", "text", "words", "language_code", "meta", "cost", NULL};
    static const char *const encodings[] = {"url", "base64", "base64url", "hex", NULL};
    struct outputs_spec *out = &e->outputs;
    if (!node || !doc_is(d, node, JSON_OBJECT, "outputs")) return;
    doc_keys(d, node, keys, "outputs");
    expr_read(d, json_get(node, "files"), "files", &out->files);
    expr_read(d, json_get(node, "text"), "text", &out->text);
    expr_read(d, json_get(node, "words"), "words", &out->words);
    expr_read(d, json_get(node, "language_code"), "language_code", &out->language_code);
    expr_read(d, json_get(node, "expires_at"), "expires_at", &out->expires_at);
    doc_bool(d, node, "body", &out->body);
    doc_bool(d, node, "credentials", &e->info.credentials_on_downloads);
    doc_text(d, node, "type", 100, &out->type);
    doc_duration_to(d, node, "expires", 90, &e->info.links_live);
    out->meta = read_named(d, json_get(node, "meta"), "meta", &out->meta_count);
    read_cost(d, json_get(node, "cost"), out);
    const struct json *encoding = json_get(node, "encoding");
    int i = 0;
    if (encoding && word_of(d, encoding, "encoding", encodings, &i)) {
        static const enum output_encoding values[] = {ENC_RAW, ENC_BASE64, ENC_BASE64URL, ENC_HEX};
        out->encoding = values[i];
        out->encoded = i > 0;
    }
}

/* --- the whole --- */

static bool is_kept(const struct endpoint *e, struct str name) {
    const struct reply_spec *replies[] = {&e->submit_reply, &e->poll_reply, &e->lookup_reply};
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < replies[i]->keep_count; k++)
            if (str_eq(replies[i]->keep[k].name, name)) return true;
    return false;
}

static void check_names(struct doc *d, const struct endpoint *e, const struct template *t) {
    for (size_t i = 0; i < t->count; i++)
        if (t->parts[i].kind == NAME_KEPT && !is_kept(e, t->parts[i].name))
            doc_problem_line(d, t->line, "`{%.*s}` names nothing: no `keep` of the endpoint has it, and it is none of {ref}, {model}, {base}, {slug}, {kind}, {our_ref}, {webhook}, {app}.",
                             STR_ARG(str_head(t->parts[i].name, 60)));
}

static void check_request(struct doc *d, const struct endpoint *e, const struct request_spec *s) {
    check_names(d, e, &s->url);
    check_names(d, e, &s->otherwise);
    for (size_t i = 0; i < s->query.count; i++) check_names(d, e, &s->query.list[i].value);
    for (size_t i = 0; i < s->headers.count; i++) check_names(d, e, &s->headers.list[i].value);
    for (size_t i = 0; i < s->fields.count; i++) check_names(d, e, &s->fields.list[i].value);
}

static bool reply_runs(const struct reply_spec *s) {
    const struct expr *exprs[] = {&s->ref, &s->status, &s->progress, &s->position, &s->message, &s->stage, &s->done, &s->error};
    for (size_t i = 0; i < sizeof exprs / sizeof *exprs; i++)
        if (expr_runs(exprs[i])) return true;
    for (size_t i = 0; i < s->keep_count; i++)
        if (expr_runs(&s->keep[i].value)) return true;
    return conds_run(&s->running_when) || conds_run(&s->done_when);
}

static bool outputs_run(const struct outputs_spec *o) {
    const struct expr *exprs[] = {&o->files, &o->text, &o->words, &o->language_code, &o->usd, &o->micros, &o->units, &o->expires_at};
    for (size_t i = 0; i < sizeof exprs / sizeof *exprs; i++)
        if (expr_runs(exprs[i])) return true;
    for (size_t i = 0; i < o->meta_count; i++)
        if (expr_runs(&o->meta[i].value)) return true;
    return false;
}

/* Neither building a poll nor reading its reply runs a program. A route's own program may be needed for {input.X}. */
static bool poll_is_simple(const struct endpoint *e) {
    bool asks = template_uses(&e->poll.url, NAME_INPUT);
    for (size_t i = 0; i < e->poll.query.count; i++) asks |= template_uses(&e->poll.query.list[i].value, NAME_INPUT);
    return !asks && !e->poll.program.len && !reply_runs(&e->poll_reply) && !conds_run(&e->failed_when) && !rules_run(&e->errors) &&
           !expr_runs(&e->error_message) && !expr_runs(&e->retry_after) && (e->info.has_result || !outputs_run(&e->outputs));
}

static void read_command(struct doc *d, const struct json *doc, struct endpoint *out) {
    const struct json *list = doc_need(d, doc, "command", "the endpoint");
    if (!list || !doc_is(d, list, JSON_ARRAY, "command")) return;
    struct str *words = arena_array(d->arena, struct str, list->count + 1);
    for (const struct json *c = list->child; c; c = c->next) {
        if (doc_is(d, c, JSON_STRING, "command")) words[out->info.command_count++] = c->text;
    }
    if (!out->info.command_count || !str_starts(words[0], STR("/"))) doc_problem(d, list, "`command` is a list: the program with its whole path, then its arguments.");
    out->info.command = words;
}

static void check_protocol(struct doc *d, const struct json *doc, const struct endpoint *e) {
    bool asynchronous = e->info.protocol == PROTOCOL_QUEUE || e->info.protocol == PROTOCOL_OPERATION;
    if (!e->submit.given) doc_problem(d, doc, "`submit` is missing in the endpoint.");
    if (asynchronous && !e->poll.given) doc_problem(d, doc, "`poll` is missing: a %s endpoint is asked for its state.", e->info.protocol == PROTOCOL_QUEUE ? "queue" : "operation");
    if (!asynchronous && (e->poll.given || e->result.given)) doc_problem(d, doc, "`poll` and `result` mean nothing where the answer to `submit` is the result.");
    if (asynchronous && e->submit.given && e->submit_reply.ref.kind == EXPR_NONE)
        doc_problem(d, json_get(doc, "submit"), "`reply.ref` is missing in `submit`: without a reference nobody can ask for the work.");
    if (e->info.protocol == PROTOCOL_QUEUE && e->poll.given && e->poll_reply.status.kind == EXPR_NONE && !e->poll_reply.done_when.count)
        doc_problem(d, json_get(doc, "poll"), "`reply.status` is missing in `poll`.");
    if (e->info.protocol == PROTOCOL_QUEUE && e->poll_reply.status.kind != EXPR_NONE && !e->status_count)
        doc_problem(d, doc, "`statuses` is missing: it says which of the provider's words means waiting, running, done, failed.");
    bool ends = e->poll_reply.done_when.count > 0;
    for (size_t i = 0; i < e->status_count; i++) ends |= e->statuses[i].state == REPLY_DONE;
    if (e->info.protocol == PROTOCOL_QUEUE && e->status_count && !ends) doc_problem(d, json_get(doc, "statuses"), "no word of `statuses` means done.");
    if (e->info.protocol == PROTOCOL_OPERATION && e->poll.given && e->poll_reply.done.kind == EXPR_NONE)
        doc_problem(d, json_get(doc, "poll"), "`reply.done` is missing in `poll`.");
}

static void read_exchange(struct doc *d, const struct json *doc, struct endpoint *out) {
    const struct json *submit = json_get(doc, "submit"), *poll = json_get(doc, "poll"), *result = json_get(doc, "result"), *cancel = json_get(doc, "cancel"),
                      *lookup = json_get(doc, "lookup");
    struct endpoint_info *info = &out->info;
    read_request(d, submit, "submit", "POST", 0, &out->submit);
    read_reply(d, json_get(submit, "reply"), "submit.reply", &out->submit_reply);
    read_request(d, poll, "poll", "GET", 0, &out->poll);
    read_reply(d, json_get(poll, "reply"), "poll.reply", &out->poll_reply);
    conds_read(d, json_get(poll, "running_when"), "running_when", &out->poll_reply.running_when);
    conds_read(d, json_get(poll, "done_when"), "done_when", &out->poll_reply.done_when);
    read_request(d, result, "result", "GET", 0, &out->result);
    read_request(d, cancel, "cancel", "POST", 0, &out->cancel);
    conds_read(d, json_get(cancel, "stopped"), "stopped", &out->stopped);
    read_request(d, lookup, "lookup", "GET", 0, &out->lookup);
    read_reply(d, json_get(lookup, "reply"), "lookup.reply", &out->lookup_reply);
    if (lookup && out->lookup_reply.ref.kind == EXPR_NONE) doc_problem(d, lookup, "`reply.ref` is missing in `lookup`.");
    info->lookup_settles_after = 120 * MS_SECOND;
    if (lookup) doc_duration(d, lookup, "settles_after", &info->lookup_settles_after);
    if (lookup) doc_bool(d, lookup, "absence_is_proof", &info->absence_is_proof);
    info->has_lookup = lookup != NULL;
    info->can_cancel = cancel != NULL;
    info->has_result = result != NULL;
    info->submit_timeout = info->protocol == PROTOCOL_SYNC ? 10 * MS_MINUTE : info->timeout;
    if (submit) doc_duration(d, submit, "timeout", &info->submit_timeout);
}

bool endpoint_read(struct doc *d, const struct json *doc, const struct json *top, struct str name, struct endpoint *out) {
    static const char *const protocols[] = {"sync", "queue", "operation", "command", NULL};
    int protocol = 0;
    *out = (struct endpoint){.name = name, .line = doc_line(d, doc)};
    const struct json *word = doc_need(d, doc, "protocol", "the endpoint");
    if (word) word_of(d, word, "protocol", protocols, &protocol);
    out->info.protocol = (enum protocol)protocol;
    out->info.timeout = protocol == PROTOCOL_COMMAND ? 10 * MS_MINUTE : 60 * MS_SECOND;
    const struct json *timeout = json_get(doc, "timeout") ? doc : top;
    doc_duration(d, timeout, "timeout", &out->info.timeout);
    read_auth(d, pick(doc, top, "auth"), &out->auth);
    pairs_read(d, pick(doc, top, "headers"), "headers", 0, &out->headers);
    read_files(d, pick(doc, top, "files"), out);
    read_pace(d, pick(doc, top, "pace"), &out->info);
    limits_read(d, pick(doc, top, "limits"), &out->info.limits);
    read_idempotency(d, pick(doc, top, "idempotency"), out);
    rules_read(d, pick(doc, top, "errors"), &out->errors);
    expr_read(d, pick(doc, top, "error_message"), "error_message", &out->error_message);
    expr_read(d, pick(doc, top, "retry_after"), "retry_after", &out->retry_after);
    conds_read(d, pick(doc, top, "failed_when"), "failed_when", &out->failed_when);
    read_outputs(d, json_get(doc, "outputs"), out);
    if (protocol == PROTOCOL_COMMAND) {
        read_command(d, doc, out);
        out->info.idempotent = true; /* a run that was cut off leaves nothing anybody pays for */
        return !d->found;
    }
    read_statuses(d, json_get(doc, "statuses"), out);
    read_exchange(d, doc, out);
    if (word) check_protocol(d, doc, out);
    const struct request_spec *all[] = {&out->submit, &out->poll, &out->result, &out->cancel, &out->lookup, &out->upload_request, &out->upload};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) check_request(d, out, all[i]);
    for (size_t i = 0; i < out->headers.count; i++) check_names(d, out, &out->headers.list[i].value);
    check_names(d, out, &out->auth.format);
    out->info.poll_is_simple = poll_is_simple(out);
    return !d->found;
}
