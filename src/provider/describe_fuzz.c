/* Any bytes as a description: read, and when sound used for every request and for a few replies. */
#include "provider/describe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stands for jq: gives back what it was asked, so that whatever follows a program is reached. */
static err echo(void *self, struct str program, struct str input, struct arena *a, struct why *why, struct str *out) {
    *out = arena_printf(a, "%.*s\n", STR_ARG(input));
    return OK;
}

static void check_request(const struct provider_info *info, const struct request *r) {
    must(str_starts(r->url, STR("http://")) || str_starts(r->url, STR("https://")));
    must(r->origin.len && str_starts(r->url, r->origin));
    for (size_t i = 0; i < r->url.len; i++) must((unsigned char)r->url.ptr[i] > 0x20 || !r->foreign);
    for (size_t i = 0; i < r->header_count; i++) {
        must(!r->foreign || !r->headers[i].secret);
        for (size_t k = 0; k < r->headers[i].value.len; k++) must(r->headers[i].value.ptr[k] != '\n' && r->headers[i].value.ptr[k] != '\r');
    }
}

static void use(const struct provider *p, const struct endpoint *e, const struct evaluator *ev) {
    static const char *const replies[] = {"{}", "[]", "null", "{\"id\":\"r\",\"status\":\"done\",\"url\":\"https://x.test/a\",\"error\":{\"message\":\"m\"}}",
                                          "{\"images\":[{\"url\":{\"$spool\":1,\"bytes\":9,\"head\":\"data:\"}}],\"code\":5}"};
    const struct call_file file = {.input = STR("image"), .type = STR("image/png"), .name = STR("a.png"), .bytes = 10, .inline_bytes = true};
    const struct provider_call c = {.slug = STR("a/b"), .kind = STR("image"), .model = STR("m"), .our_ref = STR("g"), .inputs = STR("{\"image\":\"x\",\"n\":1}"), .files = &file, .file_count = 1,
                                    .key = STR("access:secret"), .now = 1800000000000, .their_ref = STR("{\"ref\":\"1\",\"u\":\"https://evil.test/\"}"), .upload = 0, .upload_reply = STR("{\"a\":1}")};
    struct arena a = {};
    for (int ask = ASK_SUBMIT; ask <= ASK_UPLOAD; ask++) {
        struct request r;
        struct reading reading;
        struct why why = {};
        if (!provider_request(e, (enum ask)ask, &c, ev, &a, &why, &r)) check_request(&p->info, &r);
        for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
            struct json *body = NULL;
            must(json_parse_how(str_of(replies[i]), JSON_SPOOLS, &a, &why, NULL, &body) == OK);
            const struct reply_in in = {.status = i == 3 ? 422 : 200, .body = body};
            err failed = provider_reply(e, (enum ask)ask, &c, &in, STR("images[0]"), ev, &a, &why, &reading);
            must(failed || reading.output_count <= 16);
        }
        arena_reset(&a);
    }
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena a = {};
    struct problems problems = {};
    struct provider_doc doc;
    struct provider p;
    const struct evaluator ev = {echo, NULL};
    err e = catalog_read_provider(STR("fuzz.yaml"), str_n(data, size), &a, &problems, &doc);
    must((e == OK) == (problems.count == 0));
    if (!e) {
        struct doc d = {.arena = &a, .problems = &problems, .file = STR("fuzz.yaml"), .lines = true};
        bool sound = describe_read(&d, &doc, &p);
        must(sound == (problems.count == 0));
        for (size_t i = 0; sound && i < p.endpoint_count; i++)
            if (p.endpoints[i].info.protocol != PROTOCOL_COMMAND) use(&p, &p.endpoints[i], &ev);
    }
    problems_done(&problems);
    arena_done(&a);
    return 0;
}
