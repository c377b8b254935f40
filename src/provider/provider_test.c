/* Descriptions: what is refused and where, requests, replies. Programs and whole providers are the business of tests/wire. */
#include "provider/describe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const char MODEL[] =
    "slug: made/up\n"
    "kind: image\n"
    "inputs:\n"
    "  image:  {file: image}\n"
    "  images: {file: image, max: 3}\n"
    "  n:      {type: int, default: 1, min: 1, max: 4, price: true}\n"
    "price: {unit: image, outputs: {input: n}, rate_table: [{micros: 1000}]}\n"
    "routes:\n"
    "  - {provider: made, model: owner/app v1}\n";

static const char QUEUE[] =
    "provider: made\n"                                                            /* 1 */
    "base: https://api.made.test/v1\n"                                            /* 2 */
    "hosts: [\"https://*.cdn.made.test\"]\n"                                      /* 3 */
    "status: documented\n"                                                        /* 4 */
    "auth: {scheme: header, name: Authorization, format: \"Key {key}\"}\n"        /* 5 */
    "key: {env: MADE_KEY}\n"                                                      /* 6 */
    "limits: {concurrency: 4, rate: 10/s, polls: 600/m}\n"                        /* 7 */
    "files: {as: data, max_inline: 5MB}\n"                                        /* 8 */
    "errors:\n"                                                                   /* 9 */
    "  - {status: [422], at: \"detail[0].type\", is: [policy], class: moderation, billed: true}\n" /* 10 */
    "  - {status: 4xx, at: message, has: [balance], class: quota}\n"              /* 11 */
    "protocol: queue\n"                                                           /* 12 */
    "submit:\n"                                                                   /* 13 */
    "  path: /run/{model}\n"                                                      /* 14 */
    "  query: {hook: \"{webhook}\", ref: \"{our_ref}\"}\n"                        /* 15 */
    "  reply: {ref: id, keep: {status_url: urls.get, stage: stage}}\n"            /* 16 */
    "poll:\n"                                                                     /* 17 */
    "  url: \"{status_url}\"\n"                                                   /* 18 */
    "  reply: {status: status, progress: progress, position: place, keep: {file: file_id}}\n" /* 19 */
    "statuses: {QUEUED: waiting, RUNNING: running, DONE: done, FAILED: failed, CANCELED: cancelled}\n" /* 20 */
    "result: {path: \"/files/{file}\", query: {q: \"a b&{ref}\"}}\n"              /* 21 */
    "cancel: {method: PUT, path: \"/cancel/{ref}\", stopped: {status: [200], at: status, is: [CANCELED]}}\n" /* 22 */
    "lookup: {path: \"/find?ref={our_ref}\", reply: {ref: \"items[0].id\"}, settles_after: 90s}\n" /* 23 */
    "outputs: {files: \"images[*].url\", expires: 1h, cost: {header: X-Units, each_micros: 2.5}, meta: {seed: seed}}\n"; /* 24 */

struct rig {
    struct arena a;
    struct why why;
    struct problems problems;
    struct catalog *catalog;
    struct providers *providers;
    const struct endpoint *e;
    struct provider_call call;
    struct call_file files[3];
};

static err load(struct rig *r, const char *model, const char *description) {
    char folder[] = "/tmp/puras-provider-XXXXXX", path[64];
    must(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/m.yaml", folder);
    FILE *f = fopen(path, "w");
    must(f && fputs(model, f) >= 0 && !fclose(f));
    err e = catalog_read_with((const char *const[]){folder}, 1, STR("p.yaml"), str_of(description), &r->problems, &r->catalog);
    if (!e) e = providers_compile(r->catalog, &r->problems, &r->providers);
    unlink(path);
    rmdir(folder);
    if (e) return e;
    const struct model *m = catalog_find(r->catalog, STR("made/up"));
    r->e = provider_endpoint(providers_find(r->providers, STR("made")), STR(""));
    r->call = (struct provider_call){.slug = m->slug, .kind = m->kind, .model = m->routes[0].model, .our_ref = STR("gen_1"), .inputs = STR("{\"n\":2,\"prompt\":\"x\"}"),
                                     .spec = m, .route = &m->routes[0], .key = STR("id:secret-value"), .now = 1800000000000, .files = r->files, .upload = SIZE_MAX};
    return OK;
}

static void unload(struct rig *r) {
    providers_destroy(r->providers);
    catalog_destroy(r->catalog);
    problems_done(&r->problems);
    arena_done(&r->a);
    *r = (struct rig){};
}

static struct rig loaded(const char *description) {
    struct rig r = {};
    if (load(&r, MODEL, description)) fail_msg("%s", r.problems.text.ptr);
    return r;
}

/* The text with its first `from` replaced; on the heap. */
static char *edited(const char *text, const char *from, const char *to) {
    const char *at = strstr(text, from);
    if (!at) fail_msg("`%s` is not in the text", from);
    struct buf b = {};
    buf_add(&b, text, (size_t)(at - text));
    buf_z(&b, to);
    buf_z(&b, at + strlen(from));
    return b.ptr;
}

/* --- what is refused --- */

static void says_file_line_and_sentence(void **state) {
    static const struct { const char *from, *to, *place, *said; } table[] = {
        {"base: https", "bases: https", "p.yaml:1: ", "`base` is missing"},
        {"base: https", "base: ftp", "p.yaml:2: ", "`base` must be an address"},
        {"https://api.made.test/v1", "https://u:p@api.made.test", "p.yaml:2: ", "`base` must be an address"},
        {"https://api.made.test/v1", "https://api.made.test?x=1", "p.yaml:2: ", "`base` must be an address"},
        {"\"https://*.cdn.made.test\"", "\"https://cdn.made.test/path\"", "p.yaml:3: ", "origins"},
        {"status: documented", "status: proven", "p.yaml:4: ", "verified, documented or guess"},
        {"scheme: header", "scheme: oauth", "p.yaml:5: ", "one of none, bearer"},
        {"format: \"Key {key}\"", "about: x", "p.yaml:5: ", "unknown key `about` in auth"},
        {"Key {key}", "Key {kee}", "p.yaml:5: ", ""},
        {"key: {env: MADE_KEY}\n", "", "p.yaml:1: ", "`key: {env: NAME"},
        {"rate: 10/s", "rate: \"10\"", "p.yaml:7: ", "10/s, 600/m"},
        {"rate: 10/s", "rate: 0/s", "p.yaml:7: ", "10/s, 600/m"},
        {"concurrency: 4", "concurrency: 0", "p.yaml:7: ", "from 1"},
        {"as: data", "as: link", "p.yaml:8: ", "url, data, base64, part, upload"},
        {"as: data", "as: data, value: x", "p.yaml:8: ", "belong to `as: upload`"},
        {"as: data", "as: upload", "p.yaml:8: ", "`upload` is missing"},
        {"class: moderation", "class: refused", "p.yaml:10: ", "caller, moderation, auth"},
        {"class: moderation, ", "", "p.yaml:10: ", "`class` is missing"},
        {"class: moderation, billed: true", "class: moderation, lost: true", "p.yaml:10: ", "its class is transient"},
        {"status: [422]", "status: [42]", "p.yaml:10: ", "100 to 599"},
        {"detail[0].type", "detail[x].type", "p.yaml:10: ", "a whole number"},
        {"at: message, has: [balance], ", "has: [balance], ", "p.yaml:11: ", "`at` is missing"},
        {"at: message, has: [balance]", "at: message", "p.yaml:11: ", "nothing to compare"},
        {"protocol: queue", "protocol: que", "p.yaml:12: ", "sync, queue, operation, command"},
        {"protocol: queue", "protocol: sync", "p.yaml:", "mean nothing where the answer"},
        {"/run/{model}", "run/{model}", "p.yaml:14: ", "begin with a slash"},
        {"/run/{model}", "/run/{modle}", "p.yaml:14: ", "names nothing"},
        {"/run/{model}", "/run/{key}", "p.yaml:14: ", "would show the credential"},
        {"/run/{model}", "/run/{model", "p.yaml:14: ", "is not closed"},
        {"/run/{model}", "/run/{file.name}", "p.yaml:14: ", "names nothing"},
        {"  path: /run/{model}\n", "", "p.yaml:13: ", "either `path`"},
        {"ref: id, keep", "keep", "p.yaml:13: ", "`reply.ref` is missing"},
        {"{ref: id,", "{ref: 5,", "p.yaml:16: ", "must be a path"},
        {"{ref: id,", "{ref: {jq: .id, text: x},", "p.yaml:16: ", "needs one of"},
        {"{ref: id,", "{reff: id,", "p.yaml:16: ", "did you mean `ref`"},
        {"{status_url}", "{status_uri}", "p.yaml:18: ", "names nothing"},
        {"reply: {status: status, progress", "reply: {progress", "p.yaml:17: ", "`reply.status` is missing"},
        {"DONE: done, ", "", "p.yaml:20: ", "means done"},
        {"DONE: done", "DONE: ready", "p.yaml:20: ", "one of waiting, running"},
        {"method: PUT", "method: HEAD", "p.yaml:22: ", "one of GET, POST"},
        {"settles_after: 90s", "settles_after: soon", "p.yaml:23: ", "must be a time"},
        {"expires: 1h", "expires: 0", "p.yaml:24: ", "must be a time"},
        {"each_micros: 2.5", "usd: x", "p.yaml:24: ", "one of usd, micros"},
        {"outputs: {", "outputs: {encoding: base32, ", "p.yaml:24: ", "url, base64, base64url, hex"},
        {"files: {as", "private: [localhost]\nfiles: {as", "p.yaml:8: ", "in figures"},
        {"files: {as", "private: [\"10.0.0.5:99999\"]\nfiles: {as", "p.yaml:8: ", "in figures"},
        {"files: {as", "sunset: 2027-02-30\nfiles: {as", "p.yaml:8: ", "must be a day"},
        {"files: {as", "webhook: {signature: hmac}\nfiles: {as", "p.yaml:8: ", "fal, standard, google, none"},
        {"files: {as", "pace: {every: 5s, max: 2s}\nfiles: {as", "p.yaml:8: ", "below `every`"},
        {"files: {as", "idempotency: {header: X, field: y}\nfiles: {as", "p.yaml:8: ", "either `header` or `field`"},
        {"files: {as", "colour: red\nfiles: {as", "p.yaml:8: ", "unknown key `colour`"},
        {"provider: made\n", "provider: local\n", "p.yaml:1: ", "this server itself"},
        {"provider: made\n", "provider: Made\n", "p.yaml:1: ", "small letters"},
        {"provider: made\n", "provider: other\n", "m.yaml:9: ", "no description of that name"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct rig r = {};
        char *text = edited(QUEUE, table[i].from, table[i].to);
        err e = load(&r, MODEL, text);
        const char *said = r.problems.text.ptr ? r.problems.text.ptr : "";
        if (!e || !strstr(said, table[i].place) || !strstr(said, table[i].said)) fail_msg("%s -> %s: %s", table[i].from, table[i].to, said);
        free(text);
        unload(&r);
    }
}

static void a_published_version_keeps_its_descriptions(void **state) {
    struct rig r = loaded(QUEUE), again = {};
    struct why why = {};
    assert_int_equal(catalog_parse(catalog_content(r.catalog), &why, &again.catalog), OK);
    assert_true(str_eq(catalog_sha256(r.catalog), catalog_sha256(again.catalog)));
    assert_int_equal(catalog_provider_count(again.catalog), 1);
    assert_int_equal(providers_compile(again.catalog, &again.problems, &again.providers), OK);
    char *text = edited(QUEUE, "expires: 1h", "expires: 2h");
    struct rig other = loaded(text);
    assert_false(str_eq(catalog_sha256(r.catalog), catalog_sha256(other.catalog)));
    free(text);
    unload(&r);
    unload(&again);
    unload(&other);
}

/* --- requests --- */

static struct str url_of(struct rig *r, enum ask ask) {
    struct request out;
    if (provider_request(r->e, ask, &r->call, NULL, &r->a, &r->why, &out)) return (struct str){};
    return out.url;
}

static void is(struct str have, const char *want) {
    if (!str_is(have, want)) fail_msg("`%.*s` and not `%s`", STR_ARG(have), want);
}

static void writes_addresses(void **state) {
    struct rig r = loaded(QUEUE);
    is(url_of(&r, ASK_SUBMIT), "https://api.made.test/v1/run/owner/app%20v1?ref=gen_1");
    r.call.webhook = STR("https://gw.test/h?a=1&b=2");
    is(url_of(&r, ASK_SUBMIT), "https://api.made.test/v1/run/owner/app%20v1?hook=https%3A%2F%2Fgw.test%2Fh%3Fa%3D1%26b%3D2&ref=gen_1");
    is(url_of(&r, ASK_LOOKUP), "https://api.made.test/v1/find?ref=gen_1");
    r.call.their_ref = STR("{\"ref\":\"a/b?c#d%\",\"status_url\":\"https://eu1.cdn.made.test/s/1?x=%20y\",\"file\":7}");
    is(url_of(&r, ASK_POLL), "https://eu1.cdn.made.test/s/1?x=%20y");
    is(url_of(&r, ASK_CANCEL), "https://api.made.test/v1/cancel/a/b%3Fc%23d%25");
    is(url_of(&r, ASK_RESULT), "https://api.made.test/v1/files/7?q=a%20b%26a%2Fb%3Fc%23d%25");
    unload(&r);
}

static void sends_nothing_elsewhere(void **state) {
    struct rig r = loaded(QUEUE);
    static const struct { const char *ref; err code; } table[] = {
        {"{\"ref\":\"1\",\"status_url\":\"https://evil.test/s\"}", E_EGRESS},
        {"{\"ref\":\"1\",\"status_url\":\"http://api.made.test/s\"}", E_EGRESS},
        {"{\"ref\":\"1\",\"status_url\":\"https://api.made.test:8443/s\"}", E_EGRESS},
        {"{\"ref\":\"1\",\"status_url\":\"https://cdn.made.test/s\"}", E_EGRESS},
        {"{\"ref\":\"1\",\"status_url\":\"https://cdn.made.test.evil.test/s\"}", E_EGRESS},
        {"{\"ref\":\"1\",\"status_url\":\"https://xcdn.made.test/s\"}", E_EGRESS},
        {"{\"ref\":\"1\",\"status_url\":\"https://api.made.test@evil.test/s\"}", E_DESCRIPTION},
        {"{\"ref\":\"1\",\"status_url\":\"https://api.made.test\\\\@evil.test/s\"}", OK}, /* a path to any reader that matters, and the guard reads it again */
        {"{\"ref\":\"1\",\"status_url\":\"file:///etc/passwd\"}", E_DESCRIPTION},
        {"{\"ref\":\"1\",\"status_url\":\"https://api.made.test/v1/../admin\"}", E_DESCRIPTION},
        {"{\"ref\":\"1\"}", E_DESCRIPTION},
        {"{\"ref\":\"1\",\"status_url\":\"https://a.b.cdn.made.test/s\"}", OK},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct request out;
        r.call.their_ref = str_of(table[i].ref);
        err e = provider_request(r.e, ASK_POLL, &r.call, NULL, &r.a, &r.why, &out);
        if (e != table[i].code) fail_msg("%s: %s, %s", table[i].ref, err_name(e), why_text(&r.why));
    }
    unload(&r);
}

static const struct header_out *header(const struct request *q, const char *name) {
    for (size_t i = 0; i < q->header_count; i++)
        if (str_ieq(q->headers[i].name, str_of(name))) return &q->headers[i];
    return NULL;
}

static void states_the_credential_and_hides_it(void **state) {
    static const struct { const char *auth, *key, *header, *value, *query; } table[] = {
        {"{scheme: header, name: Authorization, format: \"Key {key}\"}", "id:secret-value", "Authorization", "Key id:secret-value", ""},
        {"{scheme: bearer}", "secret-value", "Authorization", "Bearer secret-value", ""},
        {"{scheme: google-key}", "secret-value", "x-goog-api-key", "secret-value", ""},
        {"{scheme: basic}", "user:pass-word", "Authorization", "Basic dXNlcjpwYXNzLXdvcmQ=", ""},
        {"{scheme: query, name: api key}", "secret/value", NULL, NULL, "api%20key=secret%2Fvalue"},
        {"{scheme: none}", "", NULL, NULL, ""},
        {"{scheme: kling-jwt}", "AKtest0001:SKtest-secret-0001", "Authorization",
         "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJBS3Rlc3QwMDAxIiwiZXhwIjoxODAwMDAxODAwLCJuYmYiOjE3OTk5OTk5OTV9.KAplryQbBd9_f4i_p8mwasT0P6-fCtSJrD8EMr-zXJ4", ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char *text = edited(QUEUE, "{scheme: header, name: Authorization, format: \"Key {key}\"}", table[i].auth);
        struct rig r = loaded(text);
        struct request q;
        r.call.key = str_of(table[i].key);
        assert_int_equal(provider_request(r.e, ASK_SUBMIT, &r.call, NULL, &r.a, &r.why, &q), OK);
        const struct header_out *h = table[i].header ? header(&q, table[i].header) : NULL;
        if (table[i].header) is(h->value, table[i].value), assert_true(h->secret);
        if (table[i].query[0]) assert_non_null(strstr(arena_strz(&r.a, q.url), table[i].query));
        struct str shown = provider_mask(r.e, &r.call, arena_printf(&r.a, "%.*s %.*s", STR_ARG(q.url), STR_ARG(h ? h->value : STR(""))), &r.a);
        if (table[i].key[0] && (strstr(arena_strz(&r.a, shown), "secret") || strstr(arena_strz(&r.a, shown), "pass-word") || strstr(arena_strz(&r.a, shown), "KAplry")))
            fail_msg("shown: %.*s", STR_ARG(shown));
        r.call.key = STR("");
        err e = provider_request(r.e, ASK_SUBMIT, &r.call, NULL, &r.a, &r.why, &q);
        assert_int_equal(e, table[i].key[0] ? E_NO_PROVIDER_KEY : OK);
        r.call.key = STR("a\r\nX: y");
        if (table[i].key[0]) assert_int_equal(provider_request(r.e, ASK_SUBMIT, &r.call, NULL, &r.a, &r.why, &q), E_NO_PROVIDER_KEY);
        free(text);
        unload(&r);
    }
}

static struct str flat(struct rig *r, const struct request *q) {
    struct buf b = {};
    for (size_t i = 0; i < q->body_count; i++) {
        buf_str(&b, q->body[i].text);
        if (q->body[i].file >= 0) buf_printf(&b, "<%d %s>", q->body[i].file, q->body[i].encoding == HOLE_RAW ? "raw" : "base64");
    }
    struct str out = b.len ? arena_dup(&r->a, buf_view(&b)) : (struct str){};
    buf_done(&b);
    return out;
}

static void leaves_holes_for_files(void **state) {
    static const struct { const char *as, *body; int64_t bytes; } table[] = {
        {"data", "{\"prompt\":\"x\",\"image\":\"data:image/png;base64,<0 base64>\",\"images\":[\"data:image/webp;base64,<1 base64>\",\"data:image/png;base64,<2 base64>\"],\"n\":2}", 0},
        {"base64", "{\"prompt\":\"x\",\"image\":\"<0 base64>\",\"images\":[\"<1 base64>\",\"<2 base64>\"],\"n\":2}", 0},
        {"url", "{\"prompt\":\"x\",\"image\":\"https://f.test/0\",\"images\":[\"https://f.test/1\",\"https://f.test/2\"],\"n\":2}", 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct buf as = {};
        buf_printf(&as, "as: %s", table[i].as);
        char *text = edited(QUEUE, "as: data", as.ptr);
        struct rig r = loaded(text);
        struct request q;
        bool url = !strcmp(table[i].as, "url");
        r.files[0] = (struct call_file){.input = STR("image"), .type = STR("image/png"), .name = STR("a.png"), .bytes = 1000, .inline_bytes = !url};
        r.files[1] = (struct call_file){.input = STR("images"), .type = STR("image/webp"), .name = STR("b.webp"), .bytes = 1, .inline_bytes = !url};
        r.files[2] = (struct call_file){.input = STR("images"), .type = STR("image/png"), .name = STR("c.png"), .bytes = 3, .index = 1, .inline_bytes = !url};
        for (int k = 0; url && k < 3; k++) r.files[k].url = arena_printf(&r.a, "https://f.test/%d", k);
        r.call.files = r.files;
        r.call.file_count = 3;
        r.call.inputs = STR("{\"image\":{\"drive_path\":\"a.png\"},\"images\":[{\"drive_path\":\"b\"},{\"drive_path\":\"c\"}],\"n\":2,\"prompt\":\"x\"}");
        assert_int_equal(provider_request(r.e, ASK_SUBMIT, &r.call, NULL, &r.a, &r.why, &q), OK);
        is(flat(&r, &q), table[i].body);
        int64_t text_bytes = 0, hole_bytes = url ? 0 : 1336 + 4 + 4;
        for (size_t k = 0; k < q.body_count; k++) text_bytes += (int64_t)q.body[k].text.len;
        assert_int_equal(q.body_bytes, text_bytes + hole_bytes);
        r.files[0].bytes = 5000001;
        assert_int_equal(provider_request(r.e, ASK_SUBMIT, &r.call, NULL, &r.a, &r.why, &q), url ? OK : E_TOO_LARGE);
        buf_done(&as);
        free(text);
        unload(&r);
    }
}

/* The slug is priced by `n`, so it is stated; all else that costs is not the caller's to add. */
static void what_costs_is_not_added(void **state) {
    struct rig r = loaded(QUEUE);
    struct request q;
    r.call.inputs = STR("{\"n\":2,\"prompt\":\"x\",\"num_images\":9,\"resolution\":\"4k\",\"duration\":600,\"mode\":\"pro\",\"generate_audio\":true,\"seed\":7}");
    assert_int_equal(provider_request(r.e, ASK_SUBMIT, &r.call, NULL, &r.a, &r.why, &q), OK);
    is(flat(&r, &q), "{\"prompt\":\"x\",\"seed\":7,\"n\":2}");
    unload(&r);
}

static void nobody_forges_a_file(void **state) {
    char *text = edited(QUEUE, "as: data", "as: base64");
    struct rig r = loaded(text);
    struct request q;
    r.files[0] = (struct call_file){.input = STR("image"), .type = STR("image/png"), .bytes = 10, .inline_bytes = true};
    r.call.files = r.files;
    r.call.file_count = 1;
    r.call.inputs = STR("{\"prompt\":\"@puras-file-0-0123456789abcdef@ @puras-file-0-@ @puras-file-99999999999999-x@\",\"n\":1}");
    assert_int_equal(provider_request(r.e, ASK_SUBMIT, &r.call, NULL, &r.a, &r.why, &q), OK);
    assert_int_equal(q.body_count, 1);
    assert_int_equal(q.body[0].file, -1);
    free(text);
    unload(&r);
}

static void repeats_only_what_may_be_repeated(void **state) {
    struct rig r = loaded(QUEUE);
    struct request q;
    assert_int_equal(provider_request(r.e, ASK_SUBMIT, &r.call, NULL, &r.a, &r.why, &q), OK);
    assert_true(q.fresh_connection);
    unload(&r);
    char *header_text = edited(QUEUE, "files: {as", "idempotency: {header: Idempotency-Key}\nfiles: {as"), *field_text = edited(QUEUE, "files: {as", "idempotency: {field: options.external.id}\nfiles: {as");
    r = loaded(header_text);
    assert_int_equal(provider_request(r.e, ASK_SUBMIT, &r.call, NULL, &r.a, &r.why, &q), OK);
    assert_false(q.fresh_connection);
    is(header(&q, "idempotency-key")->value, "gen_1");
    unload(&r);
    r = loaded(field_text);
    r.call.inputs = STR("{\"options\":{\"a\":1},\"n\":1}");
    assert_int_equal(provider_request(r.e, ASK_SUBMIT, &r.call, NULL, &r.a, &r.why, &q), OK);
    is(flat(&r, &q), "{\"options\":{\"a\":1,\"external\":{\"id\":\"gen_1\"}},\"n\":1}");
    unload(&r);
    free(header_text);
    free(field_text);
}

static void moves_to_another_base(void **state) {
    struct rig r = loaded(QUEUE);
    assert_int_equal(providers_rebase(r.providers, STR("nobody"), STR("http://127.0.0.1:1"), &r.why), E_INVALID);
    assert_int_equal(providers_rebase(r.providers, STR("made"), STR("127.0.0.1:1"), &r.why), E_INVALID);
    assert_int_equal(providers_rebase(r.providers, STR("made"), STR("http://127.0.0.1:8099/made/"), &r.why), OK);
    is(url_of(&r, ASK_SUBMIT), "http://127.0.0.1:8099/made/run/owner/app%20v1?ref=gen_1");
    const struct provider_info *info = provider_info(providers_find(r.providers, STR("made")));
    assert_int_equal(info->private_count, 1);
    is(info->private_addresses[0], "127.0.0.1:8099");
    r.call.their_ref = STR("{\"ref\":\"1\",\"status_url\":\"https://api.made.test/v1/s/1\"}");
    is(url_of(&r, ASK_POLL), "http://127.0.0.1:8099/made/s/1");
    r.call.their_ref = STR("{\"ref\":\"1\",\"status_url\":\"https://api.made.test/v10/s/1\"}");
    is(url_of(&r, ASK_POLL), "http://127.0.0.1:8099/made/v10/s/1");
    r.call.their_ref = STR("{\"ref\":\"1\",\"status_url\":\"https://api.made.test.evil.test/v1/s/1\"}");
    assert_int_equal(url_of(&r, ASK_POLL).len, 0);
    unload(&r);
}

/* --- replies --- */

static err reply(struct rig *r, enum ask ask, int status, const char *body, const char *url_path, struct reading *out) {
    struct json *j = NULL;
    const struct header_out headers[] = {{.name = STR("x-units"), .value = STR("3")}, {.name = STR("retry-after"), .value = STR("7")}};
    if (body && json_parse_how(str_of(body), JSON_SPOOLS, &r->a, &r->why, NULL, &j)) fail_msg("%s: %s", body, why_text(&r->why));
    const struct reply_in in = {.status = status, .headers = headers, .header_count = 2, .body = j};
    return provider_reply(r->e, ask, &r->call, &in, str_of(url_path), NULL, &r->a, &r->why, out);
}

static void reads_states(void **state) {
    static const struct { enum ask ask; int status; const char *body; enum reply_state state; bool unknown; int64_t percent; const char *stage, *ref; } table[] = {
        {ASK_SUBMIT, 200, "{\"id\":\"r1\",\"urls\":{\"get\":\"https://api.made.test/v1/s\"}}", REPLY_WAITING, false, -1, "", "{\"ref\":\"r1\",\"status_url\":\"https://api.made.test/v1/s\"}"},
        {ASK_SUBMIT, 202, "{\"id\":17}", REPLY_WAITING, false, -1, "", "17"},
        {ASK_SUBMIT, 200, "{\"id\":\"{}\"}", REPLY_WAITING, false, -1, "", "{\"ref\":\"{}\"}"},
        {ASK_POLL, 200, "{\"status\":\"QUEUED\",\"place\":3}", REPLY_WAITING, false, -1, "3 in the provider's queue", ""},
        {ASK_POLL, 200, "{\"status\":\"RUNNING\",\"progress\":0.427}", REPLY_RUNNING, false, 42, "RUNNING", ""},
        {ASK_POLL, 200, "{\"status\":\"running\",\"progress\":\"55%\"}", REPLY_RUNNING, false, 55, "running", ""},
        {ASK_POLL, 200, "{\"status\":\"RUNNING\",\"progress\":101}", REPLY_RUNNING, false, -1, "RUNNING", ""},
        {ASK_POLL, 200, "{\"status\":\"PONDERING\"}", REPLY_RUNNING, true, -1, "PONDERING", ""},
        {ASK_POLL, 200, "{}", REPLY_RUNNING, true, -1, "", ""},
        {ASK_POLL, 200, "{\"status\":\"DONE\",\"file_id\":9}", REPLY_DONE, false, 100, "DONE", "{\"ref\":\"old\",\"file\":9,\"status_url\":\"u\"}"},
        {ASK_POLL, 200, "{\"status\":\"CANCELED\"}", REPLY_CANCELLED, false, -1, "CANCELED", ""},
        {ASK_POLL, 200, "{\"status\":\"FAILED\",\"message\":\"it broke\"}", REPLY_FAILED, false, -1, "FAILED", ""},
        {ASK_CANCEL, 200, "{\"status\":\"CANCELED\"}", REPLY_CANCELLED, false, -1, "", ""},
        {ASK_CANCEL, 200, "{\"status\":\"RUNNING\"}", REPLY_RUNNING, false, -1, "", ""},
        {ASK_CANCEL, 404, "{}", REPLY_NOT_FOUND, false, -1, "", ""},
        {ASK_CANCEL, 500, "{}", REPLY_RUNNING, false, -1, "", ""},
        {ASK_LOOKUP, 200, "{\"items\":[{\"id\":\"r9\"}]}", REPLY_WAITING, false, -1, "", "r9"},
        {ASK_LOOKUP, 200, "{\"items\":[]}", REPLY_NOT_FOUND, false, -1, "", ""},
        {ASK_LOOKUP, 404, "{}", REPLY_NOT_FOUND, false, -1, "", ""},
        {ASK_LOOKUP, 500, "{}", REPLY_FAILED, false, -1, "", ""},
    };
    struct rig r = loaded(QUEUE);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct reading out;
        r.call.their_ref = table[i].ask == ASK_SUBMIT ? STR("") : STR("{\"ref\":\"old\",\"status_url\":\"u\"}");
        if (reply(&r, table[i].ask, table[i].status, table[i].body, "", &out)) fail_msg("%zu: %s", i, why_text(&r.why));
        if (out.state != table[i].state || out.unknown_status != table[i].unknown || out.percent != table[i].percent || !str_is(out.stage, table[i].stage) ||
            !str_is(out.ref, table[i].ref))
            fail_msg("%zu: state %d, unknown %d, percent %lld, stage `%.*s`, ref `%.*s`", i, out.state, out.unknown_status, (long long)out.percent, STR_ARG(out.stage), STR_ARG(out.ref));
    }
    struct reading out;
    assert_int_equal(reply(&r, ASK_SUBMIT, 200, "{\"odd\":1,\"more\":2}", "", &out), E_DESCRIPTION);
    assert_non_null(strstr(why_text(&r.why), "odd, more"));
    unload(&r);
}

static void tells_where_files_might_stand(void **state) {
    static const struct { const char *body; size_t count; const char *paths; } table[] = {
        {"{\"a\":{\"b\":[{\"href\":\"https://cdn.test/x\"},{\"href\":\"http://cdn.test/y\"}]}}", 2, "a.b[0].href a.b[1].href "},
        {"{\"a\":\"data:image/png;base64,AAAA\",\"b\":{\"$spool\":1,\"bytes\":70000,\"head\":\"iVBOR\"}}", 2, "a b "},
        {"[\"https://cdn.test/x\"]", 1, "[0] "},
        {"{\"odd name\":{\"x\":\"https://cdn.test/x\"},\"b\":\"https://cdn.test/y\"}", 2, "b "},
        {"{\"a\":\"https://cdn.test/1\",\"b\":\"https://cdn.test/2\",\"c\":\"https://cdn.test/3\",\"d\":\"https://cdn.test/4\"}", 4, "a b c "},
        /* the provider's own addresses, this server's, what the caller gave, and words */
        {"{\"get\":\"https://api.made.test/v1/s/1\",\"file\":\"https://api.made.test/v1/s/1.png?x=/\"}", 1, "file "},
        {"{\"hook\":\"https://gw.test/v1/hooks/made/t\",\"near\":\"https://gw.test.evil.test/a\"}", 1, "near "},
        {"{\"input\":{\"image\":\"https://cdn.test/in.png\"},\"inputs\":[\"data:,x\"],\"x\":{\"input\":\"https://cdn.test/in.png\"}}", 0, ""},
        {"{\"words\":\"see https://cdn.test\",\"n\":3,\"none\":null,\"ftp\":\"ftp://cdn.test/x\"}", 0, ""},
    };
    struct rig r = loaded(QUEUE);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct json *j;
        struct output_hints h;
        char paths[256] = "";
        if (json_parse_how(str_of(table[i].body), JSON_SPOOLS, &r.a, &r.why, NULL, &j)) fail_msg("%s", why_text(&r.why));
        output_hints(providers_at(r.providers, 0), j, STR("https://gw.test"), &r.a, &h);
        for (size_t k = 0; k < h.path_count; k++) snprintf(paths + strlen(paths), sizeof paths - strlen(paths), "%.*s ", STR_ARG(h.paths[k]));
        if (h.count != table[i].count || strcmp(paths, table[i].paths) != 0) fail_msg("%s: %zu, %s", table[i].body, h.count, paths);
    }
    struct output_hints none;
    output_hints(providers_at(r.providers, 0), NULL, STR(""), &r.a, &none);
    assert_int_equal(none.count + none.path_count, 0);
    unload(&r);
}

static void classifies_failures(void **state) {
    static const struct { int status; const char *body; enum failure failure; bool billed; const char *message; } table[] = {
        {400, "{\"error\":{\"message\":\"no\\nsuch\"}}", FAIL_CALLER, false, "no such"}, {401, "{\"detail\":\"who\"}", FAIL_AUTH, false, "who"},
        {402, "{}", FAIL_QUOTA, false, "without saying why"}, {403, "{\"message\":\"Your Balance is low\"}", FAIL_QUOTA, false, "Balance"},
        {404, "{}", FAIL_GONE, false, ""}, {408, "{}", FAIL_TRANSIENT, false, ""}, {409, "{}", FAIL_UNCLASSIFIED, false, ""}, {410, "{}", FAIL_GONE, false, ""},
        {422, "{\"detail\":[{\"type\":\"policy\",\"msg\":\"refused\"}]}", FAIL_MODERATION, true, "refused"},
        {422, "{\"detail\":[{\"type\":\"missing\",\"msg\":\"prompt\"}]}", FAIL_CALLER, false, "prompt"}, {429, "{}", FAIL_RATE_LIMIT, false, ""},
        {451, "{}", FAIL_MODERATION, false, ""}, {500, "{}", FAIL_TRANSIENT, false, ""}, {501, "{}", FAIL_UNCLASSIFIED, false, ""}, {503, "{}", FAIL_TRANSIENT, false, ""},
        {524, "{}", FAIL_TRANSIENT, false, ""}, {302, "{}", FAIL_UNCLASSIFIED, false, ""}, {400, "{\"message\":\"key id:secret-value is bad\"}", FAIL_CALLER, false, "key *** is bad"},
    };
    struct rig r = loaded(QUEUE);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct reading out;
        assert_int_equal(reply(&r, ASK_POLL, table[i].status, table[i].body, "", &out), OK);
        if (out.state != REPLY_FAILED || out.failure != table[i].failure || out.billed != table[i].billed || out.retry_after != 7000 ||
            !strstr(arena_strz(&r.a, out.message), table[i].message))
            fail_msg("%zu: %s, billed %d, `%.*s`", i, failure_name(out.failure), out.billed, STR_ARG(out.message));
    }
    unload(&r);
}

/* However long a text is, and wherever it is cut. */
static void shows_no_part_of_the_credential(void **state) {
    struct rig r = loaded(QUEUE);
    for (int before = 380; before < 402; before++) {
        struct reading out;
        assert_int_equal(reply(&r, ASK_POLL, 400, arena_printf(&r.a, "{\"message\":\"%0*d id:secret-value\"}", before, 0).ptr, "", &out), OK);
        if (strstr(arena_strz(&r.a, out.message), "id:")) fail_msg("%d: %.*s", before, STR_ARG(out.message));
    }
    struct reading out;
    assert_int_equal(reply(&r, ASK_POLL, 200, "{\"status\":\"RUNNING with id:secret-value\"}", "", &out), OK);
    is(out.stage, "RUNNING with ***");
    unload(&r);
}

static void finds_outputs_in_the_order_callers_know(void **state) {
    static const struct { const char *kind, *body, *path, *first; size_t count; bool warned; } table[] = {
        {"image", "{\"images\":[{\"url\":\"https://a/1\"},{\"url\":\"https://a/2\"}],\"url\":\"https://a/3\"}", "", "https://a/1", 2, false},
        {"image", "{\"outputs\":[{\"asset\":{\"url\":\"https://a/9\"}}],\"images\":[\"https://a/1\"]}", "outputs[0].asset.url", "https://a/9", 1, false},
        {"image", "{\"images\":[\"https://a/1\"]}", "outputs[0].url", "https://a/1", 1, true},
        {"image", "{\"images\":[\"https://a/1\"]}", "out puts", "https://a/1", 1, true},
        {"image", "{\"image\":{\"url\":\"https://a/1\"},\"video\":{\"url\":\"https://a/2\"}}", "", "https://a/1", 1, false},
        {"video", "{\"images\":[\"https://a/1\"],\"video\":{\"url\":\"https://a/2\"}}", "", "https://a/2", 1, false},
        {"video", "{\"images\":[\"https://a/1\"]}", "", "https://a/1", 1, false},
        {"audio", "{\"audio_url\":\"https://a/1\",\"video_url\":\"https://a/2\"}", "", "https://a/1", 1, false},
        {"audio", "{\"video_url\":\"https://a/2\",\"url\":\"https://a/3\"}", "", "https://a/2", 1, false},
        {"image", "{\"url\":\"https://a/3\",\"deep\":{\"url\":\"https://a/4\"}}", "", "https://a/3", 1, false},
        {"image", "{\"a\":{\"b\":{\"c\":{\"file_url\":\"https://a/5\"}}}}", "", "https://a/5", 1, false},
        {"image", "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"file_url\":\"https://a/5\"}}}}}}", "", "", 0, false},
        {"image", "{\"images\":[],\"note\":\"none\"}", "", "", 0, false},
    };
    char *text = edited(QUEUE, "files: \"images[*].url\", ", "");
    struct rig r = loaded(text);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct reading out;
        r.call.kind = str_of(table[i].kind);
        assert_int_equal(reply(&r, ASK_RESULT, 200, table[i].body, table[i].path, &out), OK);
        if (out.output_count != table[i].count || (out.output_count && !str_is(out.outputs[0].url, table[i].first)) || (out.path_warning.len > 0) != table[i].warned)
            fail_msg("%zu: %zu outputs, `%.*s`, warning `%.*s`", i, out.output_count, STR_ARG(out.output_count ? out.outputs[0].url : STR("")), STR_ARG(out.path_warning));
        assert_int_equal(out.links_expire_in, 3600000);
        assert_int_equal(out.cost_micros, 8); /* 3 units of 2.5, rounded up */
    }
    free(text);
    unload(&r);
}

static void takes_bytes_in_replies(void **state) {
    static const struct { const char *encoding, *body; enum output_encoding is; const char *spool, *data; } table[] = {
        {"url", "{\"images\":[{\"url\":\"data:image/png;base64,AAAA\"}]}", ENC_DATA_URI, "", "data:image/png;base64,AAAA"},
        {"base64", "{\"images\":[{\"url\":\"AAAA\"}]}", ENC_BASE64, "", "AAAA"},
        {"hex", "{\"images\":[{\"url\":\"00ff\"}]}", ENC_HEX, "", "00ff"},
        {"base64", "{\"images\":[{\"url\":{\"$spool\":4,\"bytes\":70000,\"head\":\"iVBOR\"}}]}", ENC_BASE64, "4", ""},
        {"hex", "{\"images\":[{\"url\":{\"$spool\":0,\"bytes\":70000,\"head\":\"4944\"}}]}", ENC_HEX, "0", ""},
        {"url", "{\"images\":[{\"url\":{\"$spool\":1,\"bytes\":70000,\"head\":\"data:image/png;base64,\"}}]}", ENC_DATA_URI, "1", ""},
        {"url", "{\"images\":[{\"url\":\"/view?filename=a.png\"}]}", ENC_RAW, "", ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct buf to = {};
        struct reading out;
        buf_printf(&to, "outputs: {encoding: %s, ", table[i].encoding);
        char *text = edited(QUEUE, "outputs: {", to.ptr);
        struct rig r = loaded(text);
        assert_int_equal(reply(&r, ASK_RESULT, 200, table[i].body, "", &out), OK);
        assert_int_equal(out.output_count, 1);
        if (out.outputs[0].encoding != table[i].is || !str_is(out.outputs[0].spool, table[i].spool) || !str_is(out.outputs[0].inline_data, table[i].data))
            fail_msg("%zu: encoding %d, spool `%.*s`, data `%.*s`", i, out.outputs[0].encoding, STR_ARG(out.outputs[0].spool), STR_ARG(out.outputs[0].inline_data));
        if (i == 6) is(out.outputs[0].url, "https://api.made.test/v1/view?filename=a.png");
        buf_done(&to);
        free(text);
        unload(&r);
    }
}

static void waits_as_long_as_it_is_told(void **state) {
    static const struct { const char *value; msec wait; } table[] = {
        {"12", 12000}, {"1.5", 1500}, {"31s", 31000}, {"0.5s", 500}, {"320ms", 320}, {"Fri, 15 Jan 2027 08:00:30 GMT", 30000}, {"Fri, 15 Jan 2027 07:00:00 GMT", 0},
        {"soon", 0}, {"-5", 0}, {"999999999", 86400000}, {"", 0}, {"Fri, 99 Jan 2027 08:00:30 GMT", 0}, {"31.123456789s", 31123},
    };
    char *text = edited(QUEUE, "errors:\n", "retry_after: error.wait\nerrors:\n");
    struct rig r = loaded(text);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct json *j = NULL;
        struct reading out;
        struct str body = arena_printf(&r.a, "{\"error\":{\"wait\":\"%s\"}}", table[i].value);
        assert_int_equal(json_parse(body, &r.a, NULL, &j), OK);
        const struct reply_in in = {.status = 429, .body = j};
        assert_int_equal(provider_reply(r.e, ASK_POLL, &r.call, &in, STR(""), NULL, &r.a, &r.why, &out), OK);
        if (out.retry_after != table[i].wait) fail_msg("%s: %lld", table[i].value, (long long)out.retry_after);
    }
    free(text);
    unload(&r);
}

static void knows_what_it_costs(void **state) {
    static const struct { const char *cost, *body; micros is; } table[] = {
        {"{usd: cost}", "{\"cost\":0.672}", 672000},       {"{usd: cost}", "{\"cost\":\"0.0000001\"}", 1}, {"{micros: cost}", "{\"cost\":5}", 5},
        {"{units: cost, each_micros: 0.0001}", "{\"cost\":4200000000}", 420000}, {"{units: cost, each_micros: 10000}", "{\"cost\":3.0}", 30000},
        {"{usd: cost}", "{\"cost\":-1}", 0}, {"{usd: cost}", "{\"cost\":\"free\"}", 0}, {"{usd: cost}", "{}", 0}, {"{usd: cost}", "{\"cost\":1e30}", 0},
        {"{usd: cost}", "{\"cost\":0.123456789012345678901234567890}", 123457},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct buf to = {};
        struct reading out;
        buf_printf(&to, "cost: %s", table[i].cost);
        char *text = edited(QUEUE, "cost: {header: X-Units, each_micros: 2.5}", to.ptr);
        struct rig r = loaded(text);
        assert_int_equal(reply(&r, ASK_RESULT, 200, table[i].body, "", &out), OK);
        if (out.cost_micros != table[i].is) fail_msg("%s of %s: %lld", table[i].cost, table[i].body, (long long)out.cost_micros);
        buf_done(&to);
        free(text);
        unload(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_file_line_and_sentence),
        cmocka_unit_test(a_published_version_keeps_its_descriptions),
        cmocka_unit_test(writes_addresses),
        cmocka_unit_test(sends_nothing_elsewhere),
        cmocka_unit_test(states_the_credential_and_hides_it),
        cmocka_unit_test(leaves_holes_for_files),
        cmocka_unit_test(what_costs_is_not_added),
        cmocka_unit_test(nobody_forges_a_file),
        cmocka_unit_test(repeats_only_what_may_be_repeated),
        cmocka_unit_test(moves_to_another_base),
        cmocka_unit_test(reads_states),
        cmocka_unit_test(classifies_failures),
        cmocka_unit_test(shows_no_part_of_the_credential),
        cmocka_unit_test(finds_outputs_in_the_order_callers_know),
        cmocka_unit_test(tells_where_files_might_stand),
        cmocka_unit_test(takes_bytes_in_replies),
        cmocka_unit_test(waits_as_long_as_it_is_told),
        cmocka_unit_test(knows_what_it_costs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
