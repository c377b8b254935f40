/* The OpenAPI 3.1 document: operations from the table of routes, statuses with their codes from base/err.def, parameters and
 * schemas from openapi_schemas.json. Built once when the surface is created. */
#include "api/embedded.h"
#include "api/routes.h"
#include "base/cleanup.h"

#include <stdio.h>

/* What any request can be answered with, whatever its route: by the server's framing, by a server in trouble, and 403 for a
 * key that was sent from a web page. */
static const char always[] = "400 403 408 413 414 417 421 431 500 503";
static const char keyed[] = "401 429";
static const char json_body[] = "415";

/* Calls `each` for every word; the words are statuses or names. */
static void words(struct jw *w, const char *list, void (*each)(struct jw *w, struct str word)) {
    struct str rest = str_of(list), word;
    while (!str_empty(rest)) {
        str_cut(rest, ' ', &word, &rest);
        if (!str_empty(word)) each(w, word);
    }
}

static void write_ref(struct jw *w, const char *where, struct str name) {
    _cleanup_(buf_done) struct buf ref = {0};
    buf_printf(&ref, "#/components/%s/%.*s", where, STR_ARG(name));
    jw_open(w, '{');
    jw_kstr(w, "$ref", buf_view(&ref));
    jw_close(w, '}');
}

static void write_param(struct jw *w, struct str name) { write_ref(w, "parameters", name); }

/* E402 is ours, O402 the same in the other product's shape. */
static void write_error_ref(struct jw *w, const struct route *r, struct str status) {
    char name[16];
    snprintf(name, sizeof name, "%c%.*s", path_is_openai(str_of(r->pattern)) ? 'O' : 'E', STR_ARG(status));
    jw_key_str(w, status);
    write_ref(w, "responses", str_of(name));
}

static void write_content(struct jw *w, const char *type, const char *schema) {
    jw_key(w, "content");
    jw_open(w, '{');
    jw_key(w, type);
    jw_open(w, '{');
    if (schema) {
        jw_key(w, "schema");
        write_ref(w, "schemas", str_of(schema));
    }
    jw_close(w, '}');
    jw_close(w, '}');
}

static const char *ok_text(struct str status) {
    static const struct {
        const char *status, *text;
    } texts[] = {
        {"200", "Done."},
        {"201", "Created."},
        {"202", "Accepted: it goes on; ask at Location."},
        {"206", "The range that was asked for."},
        {"302", "The file itself; no such copy can be made of it."},
        {"304", "The caller has this file."},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (str_is(status, texts[i].status)) return texts[i].text;
    return "Done.";
}

/* 202 is always a generation; whatever else succeeds is the route's own answer. */
static void write_ok(struct jw *w, const struct route *r) {
    struct str rest = str_of(r->ok), status;
    while (!str_empty(rest)) {
        str_cut(rest, ' ', &status, &rest);
        bool accepted = str_is(status, "202");
        jw_key_str(w, status);
        jw_open(w, '{');
        jw_kz(w, "description", ok_text(status));
        if (!str_is(status, "302") && !str_is(status, "304"))
            write_content(w, r->answer ? "application/json" : r->type, accepted ? "Generation" : r->answer);
        jw_close(w, '}');
    }
}

static void write_security(struct jw *w, const struct route *r) {
    static const char *const schemes[] = {"bearer", "apiKey", "signedLink"};
    int n = r->who == WHO_PUBLIC ? 0 : r->who == WHO_LINK ? 3 : 2;
    jw_key(w, "security");
    jw_open(w, '[');
    for (int i = 0; i < n; i++) {
        jw_open(w, '{');
        jw_kraw(w, schemes[i], STR("[]"));
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

static void write_request(struct jw *w, const struct route *r) {
    static const char *const types[] = {[TAKES_JSON] = "application/json", [TAKES_FILE] = "application/octet-stream", [TAKES_FORM] = "multipart/form-data", [TAKES_EITHER] = "application/json"};
    if (r->takes == TAKES_NOTHING || r->takes == TAKES_ANYTHING || r->takes == TAKES_BYTES) return;
    jw_key(w, "requestBody");
    jw_open(w, '{');
    jw_kbool(w, "required", true);
    write_content(w, types[r->takes], r->request);
    jw_close(w, '}');
}

static const char *who_text(enum who who) {
    switch (who) {
    case WHO_PUBLIC:
        return "Public.";
    case WHO_ANY:
        return "Any key.";
    case WHO_RUN:
        return "A live or a test key.";
    case WHO_OWN:
        return "A live or an admin key.";
    case WHO_FUND:
        return "An admin key (the live book) or a test key (its own test book).";
    case WHO_ADMIN:
        return "An admin key.";
    case WHO_LINK:
        return "Any key, or a signed link.";
    }
    return "";
}

static void write_operation(struct jw *w, const struct route *r) {
    char method[8] = "";
    for (size_t i = 0; r->method[i] && i < sizeof method - 1; i++) method[i] = (char)(r->method[i] | 0x20);
    jw_key(w, method);
    jw_open(w, '{');
    jw_kz(w, "operationId", r->id);
    jw_kz(w, "summary", r->summary);
    char text[200];
    bool kinds = r->scope && !strcmp(r->scope, "generate");
    snprintf(text, sizeof text, "%s%s%s%s", who_text(r->who), r->scope ? " A key with scopes needs `" : "", r->scope ? r->scope : "", kinds ? ":...`." : r->scope ? "`." : "");
    jw_kz(w, "description", text);
    jw_key(w, "tags");
    jw_open(w, '[');
    jw_z(w, r->tag);
    jw_close(w, ']');
    write_security(w, r);
    if (r->params) {
        jw_key(w, "parameters");
        jw_open(w, '[');
        words(w, r->params, write_param);
        jw_close(w, ']');
    }
    write_request(w, r);
    jw_key(w, "responses");
    jw_open(w, '{');
    write_ok(w, r);
    /* One list may name what another has already; JSON members must not repeat. */
    static const char *const order[] = {"400", "401", "402", "403", "404", "408", "409", "412", "413", "414", "415",
                                        "416", "417", "421", "422", "429", "431", "500", "502", "503", "504", "507"};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        bool has = strstr(always, order[i]) || (r->errors && strstr(r->errors, order[i])) ||
                   (r->who != WHO_PUBLIC && strstr(keyed, order[i])) ||
                   (r->takes != TAKES_NOTHING && strstr(json_body, order[i]));
        if (has) write_error_ref(w, r, str_of(order[i]));
    }
    jw_close(w, '}');
    jw_close(w, '}');
}

static void write_paths(struct jw *w) {
    jw_key(w, "paths");
    jw_open(w, '{');
    for (int i = 0; i < api_routes_count; i++) {
        const char *pattern = api_routes[i].pattern;
        bool seen = false;
        for (int k = 0; k < i; k++) seen |= !strcmp(api_routes[k].pattern, pattern);
        if (seen) continue;
        _cleanup_(buf_done) struct buf path = {0}; /* OpenAPI has no word for "the rest": {path...} becomes {path} */
        for (const char *p = pattern; *p; p++)
            if (*p != '.' || !strchr(p, '}')) buf_c(&path, *p);
        jw_key_str(w, buf_view(&path));
        jw_open(w, '{');
        for (int k = i; k < api_routes_count; k++)
            if (!strcmp(api_routes[k].pattern, pattern)) write_operation(w, &api_routes[k]);
        jw_close(w, '}');
    }
    jw_close(w, '}');
}

/* Each status with every code that comes with it, so that neither can be forgotten. */
static void write_responses_of(struct jw *w, char prefix, const char *schema) {
    for (int status = 400; status < 600; status++) {
        _cleanup_(buf_done) struct buf text = {0};
        for (int e = 1; e < ERR_COUNT; e++)
            if (err_info((err)e)->http_status == status)
                buf_printf(&text, "%s`%s`: %s", text.len ? " " : "", err_info((err)e)->code, err_info((err)e)->text);
        if (!text.len) continue;
        char name[16];
        snprintf(name, sizeof name, "%c%d", prefix, status);
        jw_key(w, name);
        jw_open(w, '{');
        jw_kstr(w, "description", buf_view(&text));
        write_content(w, "application/json", schema);
        jw_close(w, '}');
    }
}

static void write_responses(struct jw *w) {
    jw_key(w, "responses");
    jw_open(w, '{');
    write_responses_of(w, 'E', "Error");
    write_responses_of(w, 'O', "OpenAIError");
    jw_close(w, '}');
}

static void write_components(struct jw *w) {
    struct str inner = str_of(openapi_schemas); /* {"parameters":{...},"schemas":{...}}: its members become ours */
    inner = str_n(inner.ptr + 1, inner.len - 2);
    jw_key(w, "components");
    jw_open(w, '{');
    jw_kraw(w, "securitySchemes",
            STR("{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},\"apiKey\":{\"type\":\"apiKey\",\"in\":\"header\","
                "\"name\":\"X-API-Key\"},"
                "\"signedLink\":{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"sig\"}}"));
    write_responses(w);
    buf_c(w->out, ',');
    buf_str(w->out, inner);
    jw_close(w, '}');
}

void openapi_write(const char *public_url, const char *version, struct buf *out) {
    struct jw w = {.out = out};
    jw_open(&w, '{');
    jw_kz(&w, "openapi", "3.1.0");
    jw_key(&w, "info");
    jw_open(&w, '{');
    jw_kz(&w, "title", "puras");
    jw_kz(&w, "version", version);
    jw_kz(&w, "description",
          "Run any media model with one call. Every error is one JSON object that begins with `detail`. HEAD is answered "
          "wherever GET is, event streams "
          "excepted. Other methods on a known path answer 405 with Allow, unknown paths 404. A request that carries a key "
          "and an Origin header is refused "
          "with 403. JSON bodies are UTF-8 objects of at most 1 MiB (not counting strings over 64 KiB where a call generates), 64 levels and 100000 values, without duplicate keys.");
    jw_close(&w, '}');
    jw_key(&w, "servers");
    jw_open(&w, '[');
    jw_open(&w, '{');
    jw_kz(&w, "url", public_url);
    jw_close(&w, '}');
    jw_close(&w, ']');
    write_paths(&w);
    write_components(&w);
    jw_close(&w, '}');
}
