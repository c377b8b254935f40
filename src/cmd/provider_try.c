/* puras provider try and record: one real call on a loop of its own, every message shown with the key masked. */
#include "cmd/provider.h"

#include "base/cleanup.h"
#include "base/decode.h"
#include "cmd/inputs.h"
#include "io/loop.h"
#include "io/upstream.h"
#include "media/media.h"
#include "provider/wire.h"

#include <stdlib.h>

enum { TRY_FILES_MAX = 16, TRY_FILE_BYTES = 64 * 1024 * 1024, TRY_REPLY_BYTES = 64 * 1024 * 1024, SHOWN_BYTES = 4000, RECORDED_STRING = 64 };

struct try {
    struct cli *c;
    struct try_options *o;
    struct described d;
    const struct endpoint *e;
    struct provider_call call;
    struct call_file files[TRY_FILES_MAX];
    struct buf bytes[TRY_FILES_MAX];
    struct loop *loop;
    struct upstream *up;
    struct buf test;        /* steps of the recorded test */
    /* the request under way */
    struct buf body;        /* whole, holes filled */
    struct upstream_answer answer;
    struct arena a;         /* of one exchange */
    struct str url;
    bool done;
};

/* --- the call --- */

static void add_file(struct try *t, struct str input, struct str path, int64_t index) {
    if (t->call.file_count == TRY_FILES_MAX) return;
    size_t i = t->call.file_count++;
    struct call_file *f = &t->files[i];
    *f = (struct call_file){.input = input, .index = index};
    if (str_starts(path, STR("http://")) || str_starts(path, STR("https://"))) {
        f->url = path;
        f->type = STR("image/png");
        f->name = STR("file");
        return;
    }
    char *z = arena_strz(&t->c->a, path);
    if (!read_whole_file(z, TRY_FILE_BYTES, &t->bytes[i])) {
        t->call.file_count--;
        return;
    }
    struct sniffed s = media_sniff(buf_view(&t->bytes[i]));
    const char *slash = strrchr(z, '/');
    f->type = s.type ? str_of(s.type) : STR("application/octet-stream");
    f->name = str_of(slash ? slash + 1 : z);
    f->bytes = (int64_t)t->bytes[i].len;
    f->inline_bytes = endpoint_info(t->e)->files != FILES_UPLOAD;
}

static err take_files(struct try *t, const struct json *inputs, struct why *why) {
    const struct model *m = t->call.spec;
    for (size_t i = 0; i < m->input_count; i++) {
        const struct json *given = m->inputs[i].type == INPUT_FILE ? json_get_str(inputs, m->inputs[i].name) : NULL;
        int64_t index = 0;
        for (const struct json *j = given && given->type == JSON_ARRAY ? given->child : given; j; j = given->type == JSON_ARRAY ? j->next : NULL) {
            size_t before = t->call.file_count;
            if (j->type == JSON_STRING) add_file(t, m->inputs[i].name, j->text, index++);
            if (t->call.file_count == before)
                return why_set(why, E_INVALID, "The file of input `%.*s` cannot be read; give -i %.*s=PATH of a file of this machine, or a link.", STR_ARG(m->inputs[i].name), STR_ARG(m->inputs[i].name));
        }
    }
    return OK;
}

static const struct route_spec *find_route(const struct model *m, struct str provider, const char *model, const struct json *inputs) {
    for (size_t i = 0; i < m->route_count; i++)
        if (str_eq(m->routes[i].provider, provider) && (!model || str_is(m->routes[i].model, model)) && catalog_route_holds(m, i, inputs)) return &m->routes[i];
    return NULL;
}

/* image=@in.png is the file's path here, not its text. */
static void name_files(struct try *t, const struct model *m) {
    for (int i = 0; i < t->o->inputs.count; i++) {
        struct str key, value;
        if (!str_cut(str_of(t->o->inputs.at[i]), '=', &key, &value) || !str_starts(value, STR("@"))) continue;
        for (size_t k = 0; k < m->input_count; k++)
            if (m->inputs[k].type == INPUT_FILE && str_eq(m->inputs[k].name, key))
                t->o->inputs.at[i] = arena_printf(&t->c->a, "%.*s=%.*s", STR_ARG(key), STR_ARG(str_skip(value, 1))).ptr;
    }
}

static err take_call(struct try *t, struct why *why) {
    const struct provider_info *info = provider_info(t->d.provider);
    struct arena *a = &t->c->a;
    struct buf body = {};
    struct json *root = NULL, *inputs = NULL;
    struct quote quote;
    const struct model *m = catalog_find(t->d.catalog, str_of(t->o->slug));
    if (!m) return why_set(why, E_UNKNOWN_MODEL, "There is no slug `%.100s` in the catalog; a folder with it can be named with --catalog.", t->o->slug);
    name_files(t, m);
    err e = inputs_body(t->o->slug, &t->o->inputs, &body, why);
    buf_c(&body, '}');
    struct str text = arena_dup(a, buf_view(&body));
    buf_done(&body);
    if (e) return e;
    TRY(json_parse(text, a, why, &root));
    TRY(catalog_require(m, json_get(root, "inputs"), why));
    TRY(catalog_quote(t->d.catalog, m, json_get(root, "inputs"), NULL, 0, a, why, &quote, &t->call.inputs));
    TRY(json_parse(t->call.inputs, a, why, &inputs));
    const struct route_spec *r = find_route(m, info->name, t->o->model, inputs);
    if (!r) return why_set(why, E_NO_ROUTE, "The slug `%.100s` has no route to %.*s for these inputs.", t->o->slug, STR_ARG(info->name));
    t->e = provider_endpoint(t->d.provider, r->endpoint);
    const char *key = info->key_env.len ? getenv(arena_strz(a, info->key_env)) : NULL;
    if (info->needs_key && !key)
        return why_set(why, E_NO_PROVIDER_KEY, "The key of %.*s is not set: put it into the environment variable %.*s.", STR_ARG(info->name), STR_ARG(info->key_env));
    struct id ref = io_new_id(loop_io(t->loop));
    t->call = (struct provider_call){.slug = m->slug, .kind = m->kind, .model = r->model, .our_ref = arena_dup(a, id_str(&ref)), .inputs = t->call.inputs, .spec = m, .route = r,
                                     .key = str_of(key), .files = t->files, .upload = SIZE_MAX};
    return take_files(t, inputs, why);
}

/* --- showing --- */

static void show(struct try *t, const char *sign, struct str text) {
    struct str masked = provider_mask(t->e, &t->call, text, &t->a), line;
    struct str rest = str_head(masked, SHOWN_BYTES);
    while (rest.len) {
        str_cut(rest, '\n', &line, &rest);
        printf("%s %s\n", sign, safe_text(&t->a, line));
    }
    if (masked.len > SHOWN_BYTES) printf("%s ... %zu bytes in all\n", sign, masked.len);
}

static void show_request(struct try *t, const struct request *r) {
    show(t, ">", arena_printf(&t->a, "%.*s %.*s", STR_ARG(r->method), STR_ARG(r->url)));
    for (size_t i = 0; i < r->header_count; i++)
        show(t, ">", r->headers[i].secret ? arena_printf(&t->a, "%.*s: ***", STR_ARG(r->headers[i].name)) : arena_printf(&t->a, "%.*s: %.*s", STR_ARG(r->headers[i].name), STR_ARG(r->headers[i].value)));
    struct str body = wire_body(r, t->files, &t->a);
    if (body.len) show(t, ">", arena_printf(&t->a, "\n%.*s", STR_ARG(body)));
}

static bool is_text(struct str s) { return str_is_utf8(s) && !memchr(s.ptr ? s.ptr : "", 0, s.len); }

static void show_answer(struct try *t) {
    const struct upstream_answer *w = &t->answer;
    show(t, "<", arena_printf(&t->a, "%d after %lld ms", w->status, (long long)w->took));
    for (size_t i = 0; i < w->header_count; i++) show(t, "<", arena_printf(&t->a, "%.*s: %.*s", STR_ARG(w->headers[i].name), STR_ARG(w->headers[i].value)));
    if (is_text(w->body)) show(t, "<", arena_printf(&t->a, "\n%.*s", STR_ARG(w->body)));
    else printf("< %zu bytes\n", w->body.len);
    printf("\n");
}

/* --- one exchange --- */

static void finished(void *arg, const struct upstream_answer *answer) {
    struct try *t = arg;
    t->answer = *answer;
    struct upstream_header *headers = arena_array(&t->a, struct upstream_header, answer->header_count + 1);
    for (size_t i = 0; i < answer->header_count; i++)
        headers[i] = (struct upstream_header){arena_dup(&t->a, answer->headers[i].name), arena_dup(&t->a, answer->headers[i].value)};
    t->answer.headers = headers;
    t->answer.body = arena_dup(&t->a, answer->body);
    t->done = true;
    loop_stop(t->loop);
}

static void run_until_done(struct try *t) {
    t->done = false;
    while (!t->done) loop_run(t->loop);
}

static void base64_add(struct buf *b, struct str s) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < s.len; i += 3) {
        size_t n = s.len - i < 3 ? s.len - i : 3;
        uint32_t v = (uint32_t)(unsigned char)s.ptr[i] << 16 | (n > 1 ? (uint32_t)(unsigned char)s.ptr[i + 1] << 8 : 0) | (n > 2 ? (unsigned char)s.ptr[i + 2] : 0);
        buf_c(b, digits[v >> 18]);
        buf_c(b, digits[v >> 12 & 63]);
        buf_c(b, n > 1 ? digits[v >> 6 & 63] : '=');
        buf_c(b, n > 2 ? digits[v & 63] : '=');
    }
}

static void fill_body(struct try *t, const struct request *r) {
    buf_clear(&t->body);
    for (size_t i = 0; i < r->body_count; i++) {
        buf_str(&t->body, r->body[i].text);
        if (r->body[i].file < 0) continue;
        struct str bytes = buf_view(&t->bytes[r->body[i].file]);
        if (r->body[i].encoding == HOLE_BASE64) base64_add(&t->body, bytes);
        else buf_str(&t->body, bytes);
    }
}

static void send_request(struct try *t, const struct request *r) {
    const struct provider_info *info = provider_info(t->d.provider);
    struct upstream_header *open = arena_array(&t->a, struct upstream_header, r->header_count + 1), *secret = arena_array(&t->a, struct upstream_header, r->header_count + 1);
    size_t opens = 0, secrets = 0;
    for (size_t i = 0; i < r->header_count; i++) {
        struct upstream_header h = {r->headers[i].name, r->headers[i].value};
        if (r->headers[i].secret) secret[secrets++] = h;
        else open[opens++] = h;
    }
    fill_body(t, r);
    const struct upstream_ask ask = {
        .policy = r->foreign ? EGRESS_FOUND : EGRESS_PROVIDER, .method = r->method, .url = r->url, .origin = r->origin, .private_addresses = info->private_addresses,
        .private_count = info->private_count, .credential_origins = info->hosts, .credential_origin_count = info->host_count, .headers = open, .header_count = opens,
        .secret_headers = secret, .secret_header_count = secrets, .body = buf_view(&t->body), .body_bytes = (int64_t)t->body.len, .fresh = r->fresh_connection,
        .timeout = r->timeout, .stall = r->timeout, .max_bytes = TRY_REPLY_BYTES, .done = finished, .arg = t};
    upstream_send(t->up, &ask);
    run_until_done(t);
}

/* --- recording --- */

/* Long texts are cut, so that a test stays readable: what they hold does not matter to it. */
static void write_short(struct jw *w, const struct json *j) {
    bool object = j->type == JSON_OBJECT;
    if (j->type == JSON_STRING) jw_str(w, str_head(j->text, j->text.len > 2000 ? RECORDED_STRING : j->text.len));
    else if (j->type == JSON_NUMBER) jw_raw(w, j->text);
    else if (j->type == JSON_BOOL) jw_bool(w, j->boolean);
    else if (j->type == JSON_NULL) jw_null(w);
    else {
        jw_open(w, object ? '{' : '[');
        for (const struct json *c = j->child; c; c = c->next) {
            if (object) jw_key_str(w, c->key);
            write_short(w, c);
        }
        jw_close(w, object ? '}' : ']');
    }
}

/* As a quoted YAML scalar on one line; JSON's escapes are YAML's. */
static void yaml_text(struct buf *b, struct str s) { jw_str(&(struct jw){.out = b}, s); }

/* The reference, and what was kept beside it. */
static void record_ref(struct try *t, const struct reading *r, struct buf *b) {
    struct json *ref = NULL;
    struct str name = r->ref;
    if (!name.len) return;
    bool kept = !json_parse(r->ref, &t->a, NULL, &ref) && ref->type == JSON_OBJECT && json_as_str(json_get(ref, "ref"), &name);
    buf_z(b, ", ref: ");
    yaml_text(b, provider_mask(t->e, &t->call, name, &t->a));
    if (!kept || ref->count < 2) return;
    const char *between = ", keep: {";
    for (const struct json *m = ref->child; m; m = m->next) {
        if (str_is(m->key, "ref")) continue;
        buf_printf(b, "%s%.*s: ", between, STR_ARG(m->key));
        yaml_text(b, provider_mask(t->e, &t->call, m->text, &t->a)); /* texts and numbers alone are kept */
        between = ", ";
    }
    buf_z(b, "}");
}

static void record_outputs(const struct reading *r, struct buf *b) {
    static const char *const encodings[] = {[ENC_RAW] = "raw", [ENC_BASE64] = "base64", [ENC_BASE64URL] = "base64url", [ENC_HEX] = "hex", [ENC_DATA_URI] = "data_uri"};
    for (size_t i = 0; i < r->output_count; i++) {
        const struct output_ref *o = &r->outputs[i];
        buf_z(b, i ? ", " : ", outputs: [");
        if (o->url.len) yaml_text(b, o->url);
        else if (o->spool.len && o->encoding == ENC_RAW) buf_z(b, "{body: true}");
        else buf_printf(b, "{encoding: %s}", encodings[o->encoding]); /* what it holds was cut */
    }
    if (r->output_count) buf_z(b, "]");
}

static void record(struct try *t, enum ask ask, const struct reply_in *in, const struct reading *r) {
    static const char *const words[] = {"submit", "poll", "result", "cancel", "lookup", "upload_request", "upload"};
    static const char *const states[] = {"waiting", "running", "done", "failed", "cancelled", "not_found"};
    struct provider_call call = t->call;
    struct request request;
    struct buf *b = &t->test;
    if (!t->o->record) return;
    call.key = STR("test-key"); /* the real one must not get into a file, however it is written */
    if (provider_request(t->e, ask, &call, &t->d.ev, &t->a, NULL, &request)) return;
    buf_printf(b, "      - ask: %s\n        request: {method: %.*s, url: ", words[ask], STR_ARG(request.method));
    yaml_text(b, request.url);
    struct str text = wire_body(&request, t->files, &t->a);
    struct json *parsed = NULL;
    if (text.len && !json_parse(text, &t->a, NULL, &parsed)) {
        buf_z(b, ", json: ");
        yaml_text(b, text);
    }
    buf_printf(b, "}\n        reply: {status: %d", t->answer.status);
    if (in->body) {
        struct buf json = {};
        write_short(&(struct jw){.out = &json}, in->body);
        buf_z(b, ", json: ");
        yaml_text(b, provider_mask(t->e, &t->call, buf_view(&json), &t->a));
        buf_done(&json);
    } else if (t->answer.body.len) {
        buf_z(b, ", file: {type: application/octet-stream}");
    }
    buf_printf(b, "}\n        reading: {state: %s", states[r->state]);
    if (r->state == REPLY_FAILED) buf_printf(b, ", failure: %s", failure_name(r->failure));
    struct reply_in written = *in; /* headers are not: what stands in them cannot be asked of the test */
    struct reading bare = {};
    written.header_count = 0;
    if (!provider_reply(t->e, ask, &t->call, &written, (struct str){}, &t->d.ev, &t->a, NULL, &bare)) {
        record_ref(t, &bare, b);
        record_outputs(&bare, b);
        if (bare.cost_micros) buf_printf(b, ", cost_micros: %lld", (long long)bare.cost_micros);
    }
    buf_z(b, "}\n");
}

static int write_record(struct try *t) {
    struct buf b = {};
    struct buf day = {};
    if (!t->o->record) return 0;
    time_write_iso(&day, t->call.now);
    buf_printf(&b, "# Recorded from one real call.\nprovider: %.*s\nsource: recorded with puras provider record\ndate: %.10s\ntests:\n  - name: %s, recorded\n    call:\n      slug: %s\n      inputs: ",
               STR_ARG(provider_info(t->d.provider)->name), day.ptr, t->o->slug, t->o->slug);
    yaml_text(&b, t->call.inputs);
    buf_z(&b, "\n      our_ref: ");
    yaml_text(&b, t->call.our_ref);
    buf_z(&b, "\n    steps:\n");
    buf_str(&b, buf_view(&t->test));
    FILE *f = fopen(t->o->record, "wx");
    bool ok = f && fwrite(b.ptr, 1, b.len, f) == b.len;
    if (f && fclose(f)) ok = false;
    buf_done(&b);
    buf_done(&day);
    if (!ok) return cli_say(t->c, E_IO, "%s cannot be written; it must not be there already.", t->o->record);
    printf("recorded in %s\n", t->o->record);
    return 0;
}

/* --- the course of a call --- */

/* One request, shown; *out is what it means. `memory` outlives the exchange. */
static err exchange(struct try *t, enum ask ask, struct arena *memory, struct why *why, struct reading *out) {
    struct request r;
    struct json *body = NULL;
    arena_reset(&t->a);
    t->call.now = io_now(loop_io(t->loop));
    TRY(provider_request(t->e, ask, &t->call, &t->d.ev, &t->a, why, &r));
    show_request(t, &r);
    send_request(t, &r);
    if (t->answer.code) return why_set(why, t->answer.code, "%s", why_text(&t->answer.why));
    show_answer(t);
    struct header_out *headers = arena_array(&t->a, struct header_out, t->answer.header_count + 1);
    for (size_t i = 0; i < t->answer.header_count; i++) headers[i] = (struct header_out){.name = t->answer.headers[i].name, .value = t->answer.headers[i].value};
    bool json = !json_parse(arena_dup(memory, t->answer.body), memory, NULL, &body); /* its texts are kept past the exchange */
    struct reply_in in = {.status = t->answer.status, .headers = headers, .header_count = t->answer.header_count, .body = json ? body : NULL};
    if (!json && is_text(t->answer.body)) in.text = str_head(t->answer.body, 1000);
    if (!json && t->answer.status < 300) in.body_spool = STR("body");
    TRY(provider_reply(t->e, ask, &t->call, &in, (struct str){}, &t->d.ev, memory, why, out));
    if (ask == ASK_UPLOAD_REQUEST || ask == ASK_UPLOAD) {
        struct str value;
        TRY(provider_uploaded(t->e, &t->call, &in, &t->d.ev, memory, why, &value));
        if (value.len) t->files[t->call.upload].url = value;
        t->call.upload_reply = json ? arena_dup(memory, t->answer.body) : (struct str){};
    }
    record(t, ask, &in, out);
    if (out->ref.len) t->call.their_ref = arena_dup(memory, out->ref);
    return OK;
}

static void wake(void *arg) {
    struct try *t = arg;
    t->done = true;
    loop_stop(t->loop);
}

static void wait_ms(struct try *t, msec ms) {
    struct io *io = loop_io(t->loop);
    io->ops->timer_start(io, ms, wake, t);
    run_until_done(t);
}

static err upload_all(struct try *t, struct arena *memory, struct why *why) {
    struct reading r;
    for (size_t i = 0; i < t->call.file_count; i++) {
        if (endpoint_info(t->e)->files != FILES_UPLOAD || t->files[i].url.len) continue;
        t->call.upload = i;
        err e = exchange(t, ASK_UPLOAD_REQUEST, memory, why, &r); /* not every provider has this step */
        if (e && e != E_DESCRIPTION) return e;
        TRY(exchange(t, ASK_UPLOAD, memory, why, &r));
        if (!t->files[i].url.len) return why_set(why, E_UPSTREAM, "The upload gave no value to use in the call.");
    }
    t->call.upload = SIZE_MAX;
    return OK;
}

static err until_ended(struct try *t, struct arena *memory, struct why *why, struct reading *r) {
    const struct endpoint_info *info = endpoint_info(t->e);
    struct io *io = loop_io(t->loop);
    msec end = io_mono(io) + t->o->timeout_s * MS_SECOND, pace = info->pace_first;
    TRY(upload_all(t, memory, why));
    TRY(exchange(t, ASK_SUBMIT, memory, why, r));
    for (int polls = 0; r->state == REPLY_WAITING || r->state == REPLY_RUNNING; polls++) {
        if (io_mono(io) > end) return why_set(why, E_DEADLINE, "The provider is not done after %lld seconds.", (long long)t->o->timeout_s);
        wait_ms(t, pace);
        pace = polls < 7 || pace * 2 > info->pace_max ? info->pace_every : pace * 2;
        TRY(exchange(t, ASK_POLL, memory, why, r));
    }
    if (r->state == REPLY_DONE && info->has_result && !r->output_count) TRY(exchange(t, ASK_RESULT, memory, why, r));
    return OK;
}

/* The link's file becomes the answer's body. */
static err fetch(struct try *t, struct str url, struct why *why) {
    const struct provider_info *info = provider_info(t->d.provider);
    const struct endpoint_info *endpoint = endpoint_info(t->e);
    struct upstream_header key[4];
    struct request r;
    struct upstream_ask ask = {.policy = EGRESS_FOUND, .method = STR("GET"), .url = url, .timeout = 10 * MS_MINUTE, .max_bytes = TRY_REPLY_BYTES * 16LL, .done = finished, .arg = t,
                               .origin = info->base, .private_addresses = info->private_addresses, .private_count = info->private_count};
    if (endpoint->credentials_on_downloads && !provider_request(t->e, endpoint->protocol == PROTOCOL_SYNC ? ASK_SUBMIT : ASK_POLL, &t->call, &t->d.ev, &t->a, NULL, &r)) {
        for (size_t i = 0; i < r.header_count && ask.secret_header_count < sizeof key / sizeof *key; i++)
            if (r.headers[i].secret) key[ask.secret_header_count++] = (struct upstream_header){r.headers[i].name, r.headers[i].value};
        ask.secret_headers = key;
        ask.credential_origins = info->hosts;
        ask.credential_origin_count = info->host_count;
    }
    upstream_send(t->up, &ask);
    run_until_done(t);
    if (t->answer.code || t->answer.status != 200) return why_set(why, E_OUTPUT_LOST, "The output could not be fetched: %d %s", t->answer.status, why_text(&t->answer.why));
    return OK;
}

static err output_bytes(struct try *t, const struct output_ref *o, struct buf *out, struct why *why) {
    static const enum decode_as as[] = {[ENC_RAW] = DECODE_RAW, [ENC_BASE64] = DECODE_BASE64, [ENC_BASE64URL] = DECODE_BASE64, [ENC_HEX] = DECODE_HEX, [ENC_DATA_URI] = DECODE_DATA_URI};
    struct decoder d;
    if (o->url.len) TRY(fetch(t, o->url, why));
    decoder_begin(&d, o->url.len ? DECODE_RAW : as[o->encoding]);
    TRY(decoder_feed(&d, o->inline_data.len ? o->inline_data : t->answer.body, out, why));
    return decoder_end(&d, out, why);
}

static err save(struct try *t, const struct output_ref *o, struct why *why) {
    _cleanup_(buf_done) struct buf bytes = {};
    if (!t->o->output) return OK;
    TRY(output_bytes(t, o, &bytes, why));
    FILE *f = fopen(t->o->output, "wb");
    bool ok = f && fwrite(bytes.ptr, 1, bytes.len, f) == bytes.len;
    if (f && fclose(f)) ok = false;
    if (!ok) return why_set(why, E_IO, "%s cannot be written.", t->o->output);
    printf("saved %s, %zu bytes\n", t->o->output, bytes.len);
    return OK;
}

static int tell(struct try *t, const struct reading *r) {
    struct why why = {};
    int status = 0;
    if (r->state == REPLY_DONE) {
        printf("done: %zu output%s\n", r->output_count, r->output_count == 1 ? "" : "s");
        for (size_t i = 0; i < r->output_count; i++) {
            const struct output_ref *o = &r->outputs[i];
            if (o->url.len) printf("  %s\n", safe_text(&t->c->a, o->url));
            else printf("  %zu characters in the reply\n", o->inline_data.len ? o->inline_data.len : t->answer.body.len);
        }
        if (r->text.len) printf("  %s\n", safe_text(&t->c->a, r->text));
        if (r->cost_micros) printf("  the provider says that it cost %s\n", amount_text(&t->c->a, r->cost_micros));
        if (r->output_count && save(t, &r->outputs[0], &why)) status = cli_fail(t->c, &why);
        if (!r->output_count && !r->text.len) status = cli_say(t->c, E_DESCRIPTION, "The reply holds no output that the description finds.");
    } else if (r->state == REPLY_FAILED) {
        status = cli_say(t->c, failure_err(r->failure), "The call failed as %s: %s", failure_name(r->failure), safe_text(&t->c->a, r->message));
    } else {
        printf("cancelled there\n");
    }
    int recorded = write_record(t);
    return status ? status : recorded;
}

static void try_done(struct try *t) {
    upstream_destroy(t->up);
    for (size_t i = 0; i < TRY_FILES_MAX; i++) buf_done(&t->bytes[i]);
    buf_done(&t->body);
    buf_done(&t->test);
    arena_done(&t->a);
    described_done(&t->d);
    if (t->loop) loop_destroy(t->loop);
}

int provider_try(struct cli *c, struct try_options *o) {
    struct try *t = calloc(1, sizeof *t);
    struct why why = {};
    struct reading r = {};
    int status;
    must(t);
    t->c = c;
    t->o = o;
    t->loop = loop_create();
    t->up = upstream_create(&(struct upstream_options){.loop = t->loop});
    if (!described_read(&t->d, o->file, &o->catalogs, &c->a)) {
        fprintf(stderr, "%.*s", STR_ARG(buf_view(&t->d.problems.text)));
        status = cli_say(c, E_INVALID, "%s has problems; nothing was sent.", o->file);
    } else if (take_call(t, &why) || until_ended(t, &c->a, &why, &r)) {
        status = cli_fail(c, &why);
    } else {
        status = tell(t, &r);
    }
    try_done(t);
    free(t);
    return status;
}
