/* The public library: include/puras.h over client/. Strings that leave belong to the result or to the caller, never to the client. */
#include "base/cleanup.h"
#include "client/follow.h"
#include <puras.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

struct puras { struct client *client; };

/* Members as they were set; `file` ones have a local path until they are uploaded. */
struct member { char *name, *json, *file; };
struct puras_inputs { struct member *members; size_t count; };

/* A result and everything it points to. */
struct result { puras_result shown; struct arena arena; };

/* --- errors --- */

static void copy(char *to, size_t size, const char *from) { snprintf(to, size, "%s", from ? from : ""); }

static bool fail(puras_error *error, const struct why *why, int status, const char *generation) {
    if (!error) return false;
    const struct err_info *info = err_info(why->code);
    *error = (puras_error){.http_status = status, .charged_micros = why->charged_micros, .can_retry = info->retry != RETRY_never, .retry_after_s = why->retry_after_s};
    copy(error->code, sizeof error->code, info->code);
    copy(error->message, sizeof error->message, why_text(why));
    copy(error->field, sizeof error->field, why->field);
    copy(error->generation_id, sizeof error->generation_id, generation);
    const char *named = strstr(why->facts, "\"generation_id\":\"");
    if (named && !error->generation_id[0]) snprintf(error->generation_id, sizeof error->generation_id, "%.32s", named + 17);
    return false;
}

static bool fail_with(puras_error *error, err code, const char *sentence) {
    struct why why = {0};
    why_set(&why, code, "%s", sentence);
    return fail(error, &why, 0, NULL);
}

/* --- the client --- */

puras *puras_open(const char *base, const char *key, puras_error *error) {
    struct client_options o = {.base = base, .key = key};
    struct why why = {0};
    struct client *c = NULL;
    if (client_create(&o, &why, &c)) {
        fail(error, &why, 0, NULL);
        return NULL;
    }
    puras *p = calloc(1, sizeof *p);
    must(p);
    p->client = c;
    return p;
}

void puras_close(puras *p) {
    if (!p) return;
    client_destroy(p->client);
    free(p);
}

static bool call(puras *p, const char *method, const char *path, struct str body, const char *key, struct arena *a, struct json **out, puras_error *error) {
    struct client_request r = {.method = method, .path = path, .body = body, .idempotency_key = key};
    struct client_reply reply = {0};
    struct why why = {0};
    if (client_request(p->client, &r, a, &why, &reply)) return fail(error, &why, reply.status, NULL);
    if (!reply.json) return fail_with(error, E_UPSTREAM, "The server's answer is not JSON; is it a puras server?");
    if (out) *out = reply.json;
    return true;
}

/* --- inputs --- */

static char *dup_z(const char *z) {
    char *made = strdup(z ? z : "");
    must(made);
    return made;
}

puras_inputs *puras_inputs_new(void) {
    puras_inputs *in = calloc(1, sizeof *in);
    must(in);
    return in;
}

static void member_free(struct member *m) {
    free(m->name);
    free(m->json);
    free(m->file);
}

void puras_inputs_free(puras_inputs *in) {
    if (!in) return;
    for (size_t i = 0; i < in->count; i++) member_free(&in->members[i]);
    free(in->members);
    free(in);
}

/* replaces: members of that name go; otherwise only those that are no files. */
static void put(puras_inputs *in, const char *name, char *json, char *file) {
    size_t kept = 0;
    for (size_t i = 0; i < in->count; i++) {
        bool same = !strcmp(in->members[i].name, name) && !(file && in->members[i].file);
        if (same) member_free(&in->members[i]);
        else in->members[kept++] = in->members[i];
    }
    in->members = realloc(in->members, (kept + 1) * sizeof *in->members);
    must(in->members);
    in->members[kept] = (struct member){.name = dup_z(name), .json = json, .file = file};
    in->count = kept + 1;
}

static char *json_of(void (*write)(struct jw *w, const void *value), const void *value) {
    _cleanup_(buf_done) struct buf b = {0};
    struct jw w = {.out = &b};
    write(&w, value);
    return dup_z(b.ptr);
}

static void write_text(struct jw *w, const void *value) { jw_z(w, value ? value : ""); }
static void write_integer(struct jw *w, const void *value) { jw_i64(w, *(const int64_t *)value); }
static void write_bool(struct jw *w, const void *value) { jw_bool(w, *(const bool *)value); }

void puras_text(puras_inputs *in, const char *name, const char *value) { put(in, name, json_of(write_text, value), NULL); }
void puras_integer(puras_inputs *in, const char *name, int64_t value) { put(in, name, json_of(write_integer, &value), NULL); }
void puras_bool(puras_inputs *in, const char *name, bool value) { put(in, name, json_of(write_bool, &value), NULL); }
void puras_json(puras_inputs *in, const char *name, const char *json) { put(in, name, dup_z(json), NULL); }
void puras_file(puras_inputs *in, const char *name, const char *local_path) { put(in, name, NULL, dup_z(local_path)); }

/* --- files --- */

static bool upload(puras *p, const char *local_path, const char *drive_path, struct arena *a, struct str *out_path, puras_error *error) {
    _cleanup_(buf_done) struct buf url = {0};
    _cleanup_(closep) int fd = open(local_path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    struct why why = {0};
    struct client_reply reply = {0};
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        why_set(&why, E_INVALID, "The file %s cannot be read (%s); nothing was sent and nothing charged.", local_path, fd < 0 ? strerror(errno) : "it is no file");
        return fail(error, &why, 0, NULL);
    }
    buf_z(&url, "/v1/drive/files/");
    url_add_path(&url, str_of(drive_path));
    if (client_upload(p->client, url.ptr, fd, st.st_size, NULL, a, &why, &reply)) return fail(error, &why, reply.status, NULL);
    if (out_path && !json_as_str(json_get(reply.json, "path"), out_path)) return fail_with(error, E_UPSTREAM, "The server stored the file and did not say where.");
    return true;
}

bool puras_upload(puras *p, const char *local_path, const char *drive_path, puras_error *error) {
    _cleanup_(arena_done) struct arena a = {0};
    return upload(p, local_path, drive_path, &a, NULL, error);
}

bool puras_download(puras *p, const char *drive_path, const char *local_path, puras_error *error) {
    _cleanup_(buf_done) struct buf url = {0}, part = {0};
    struct why why = {0};
    int64_t bytes;
    char sha256[65];
    buf_z(&url, "/v1/drive/files/");
    url_add_path(&url, str_of(drive_path));
    buf_printf(&part, "%s.part", local_path);
    _cleanup_(closep) int fd = open(part.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    err e = fd < 0 ? why_set(&why, E_IO, "%s cannot be written: %s.", part.ptr, strerror(errno)) : client_download(p->client, url.ptr, fd, &why, &bytes, sha256);
    if (!e && rename(part.ptr, local_path) != 0) e = why_set(&why, E_IO, "%s cannot be written: %s.", local_path, strerror(errno));
    if (!e) return true;
    if (fd >= 0) unlink(part.ptr);
    return fail(error, &why, 0, NULL);
}

bool puras_sign(puras *p, const char *drive_path, int64_t ttl_s, char **out_url, puras_error *error) {
    _cleanup_(arena_done) struct arena a = {0};
    _cleanup_(buf_done) struct buf body = {0};
    struct jw w = {.out = &body};
    struct json *j;
    struct str url;
    jw_open(&w, '{');
    jw_kz(&w, "path", drive_path);
    jw_ki64(&w, "ttl", ttl_s);
    jw_close(&w, '}');
    if (!call(p, "POST", "/v1/drive/sign", buf_view(&body), NULL, &a, &j, error)) return false;
    if (!json_as_str(json_get(j, "signed_url"), &url)) return fail_with(error, E_UPSTREAM, "The server gave no link.");
    *out_url = dup_z(arena_strz(&a, url));
    return true;
}

/* --- bodies --- */

static bool named_before(const puras_inputs *in, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (!strcmp(in->members[k].name, in->members[i].name)) return true;
    return false;
}

static bool write_file(puras *p, const char *local_path, struct jw *w, struct arena *a, puras_error *error) {
    char name[33];
    struct str path = STR("quote");
    const char *dot = strrchr(local_path, '.');
    client_new_key(name);
    if (dot && (strchr(dot, '/') || strlen(dot) > 9 || !str_is_utf8(str_of(dot)))) dot = NULL;
    if (p && !upload(p, local_path, arena_printf(a, "uploads/%s%s", name, dot ? dot : "").ptr, a, &path, error)) return false;
    jw_open(w, '{');
    jw_kstr(w, "drive_path", path);
    jw_close(w, '}');
    return true;
}

/* p NULL: nothing is uploaded, a place stands for each file. */
static bool write_inputs(puras *p, const puras_inputs *in, struct jw *w, struct arena *a, puras_error *error) {
    jw_key(w, "inputs");
    jw_open(w, '{');
    for (size_t i = 0; in && i < in->count; i++) {
        const struct member *m = &in->members[i];
        if (named_before(in, i)) continue;
        jw_key(w, m->name);
        if (!m->file) {
            jw_raw(w, str_of(m->json));
            continue;
        }
        size_t files = 0;
        for (size_t k = i; k < in->count; k++) files += !strcmp(in->members[k].name, m->name);
        if (files > 1) jw_open(w, '[');
        for (size_t k = i; k < in->count; k++)
            if (!strcmp(in->members[k].name, m->name) && !write_file(p, in->members[k].file, w, a, error)) return false;
        if (files > 1) jw_close(w, ']');
    }
    jw_close(w, '}');
    return true;
}

static bool check_json(const puras_inputs *in, puras_error *error) {
    for (size_t i = 0; in && i < in->count; i++) {
        _cleanup_(arena_done) struct arena a = {0};
        struct json *j;
        struct why why = {0};
        if (in->members[i].file || !json_parse(str_of(in->members[i].json), &a, &why, &j)) continue;
        copy(why.field, sizeof why.field, in->members[i].name);
        return fail(error, &why, 0, NULL);
    }
    return true;
}

bool puras_quote_price(puras *p, const char *model, const puras_inputs *in, puras_quote *out, puras_error *error) {
    _cleanup_(arena_done) struct arena a = {0};
    _cleanup_(buf_done) struct buf body = {0};
    struct jw w = {.out = &body};
    struct json *j;
    struct str why = STR(""), id = STR("");
    puras_quote q = {0};
    if (!check_json(in, error)) return false;
    jw_open(&w, '{');
    jw_kz(&w, "model", model);
    if (!write_inputs(NULL, in, &w, &a, error)) return false;
    jw_close(&w, '}');
    if (!call(p, "POST", "/v1/quote", buf_view(&body), NULL, &a, &j, error)) return false;
    if (!json_as_i64(json_get(j, "quoted_micros"), &q.micros)) return fail_with(error, E_UPSTREAM, "The server gave no price.");
    json_as_str(json_get(json_get(j, "row"), "why"), &why);
    json_as_str(json_get(j, "quote_id"), &id);
    snprintf(q.row, sizeof q.row, "%.*s", STR_ARG(why));
    snprintf(q.quote_id, sizeof q.quote_id, "%.*s", STR_ARG(id));
    *out = q;
    return true;
}

bool puras_submit(puras *p, const char *model, const puras_inputs *in, const puras_options *o, char out_id[33], puras_error *error) {
    static const puras_options none;
    _cleanup_(arena_done) struct arena a = {0};
    _cleanup_(buf_done) struct buf body = {0};
    struct jw w = {.out = &body};
    struct json *j;
    struct str id;
    char key[33];
    if (!o) o = &none;
    if (!check_json(in, error)) return false;
    client_new_key(key);
    jw_open(&w, '{');
    jw_kz(&w, "model", model);
    if (!write_inputs(p, in, &w, &a, error)) return false;
    if (o->output_path) jw_kz(&w, "output_path", o->output_path);
    if (o->output_url_path) jw_kz(&w, "output_url_path", o->output_url_path);
    if (o->kind) jw_kz(&w, "kind", o->kind);
    if (o->quote_id) jw_kz(&w, "quote_id", o->quote_id);
    if (o->webhook_url) jw_kz(&w, "webhook_url", o->webhook_url);
    if (o->end_user) jw_kz(&w, "end_user", o->end_user);
    if (o->metadata_json) jw_kraw(&w, "metadata", str_of(o->metadata_json));
    if (o->max_micros) jw_ki64(&w, "max_micros", o->max_micros);
    if (o->url_ttl_s) jw_ki64(&w, "url_ttl", o->url_ttl_s);
    jw_close(&w, '}');
    if (!call(p, "POST", "/v1/generations", buf_view(&body), o->idempotency_key ? o->idempotency_key : key, &a, &j, error)) return false;
    if (!json_as_str(json_get(j, "id"), &id) || id.len > 32) return fail_with(error, E_UPSTREAM, "The server took the call but named no generation.");
    snprintf(out_id, 33, "%.*s", STR_ARG(id));
    return true;
}

/* --- results --- */

static const char *text_of(struct arena *a, const struct json *j, const char *key) {
    struct str s = STR("");
    json_as_str(json_get(j, key), &s);
    return arena_strz(a, s);
}

static int64_t integer_of(const struct json *j, const char *key) {
    int64_t n = 0;
    json_as_i64(json_get(j, key), &n);
    return n;
}

static double number_of(struct arena *a, const struct json *j, const char *key) {
    const struct json *n = json_get(j, key);
    return json_is(n, JSON_NUMBER) ? strtod(arena_strz(a, n->text), NULL) : 0;
}

static puras_result *result_of(const struct json *g) {
    struct result *r = calloc(1, sizeof *r);
    must(r);
    struct arena *a = &r->arena;
    const struct json *list = json_get(g, "outputs");
    size_t n = json_is(list, JSON_ARRAY) ? list->count : 0;
    puras_output *outputs = arena_array(a, puras_output, n + 1);
    const struct json *o = n ? list->child : NULL;
    for (size_t i = 0; i < n; i++, o = o->next)
        outputs[i] = (puras_output){.drive_path = text_of(a, o, "drive_path"), .url = text_of(a, o, "url"), .media_type = text_of(a, o, "media_type"),
                                    .sha256 = text_of(a, o, "sha256"), .bytes = integer_of(o, "file_size"), .width = integer_of(o, "width"),
                                    .height = integer_of(o, "height"), .duration_s = number_of(a, o, "duration")};
    _cleanup_(buf_done) struct buf whole = {0};
    json_write(&whole, g);
    r->shown = (puras_result){.id = text_of(a, g, "id"), .model = text_of(a, g, "model"), .kind = text_of(a, g, "kind"), .text = text_of(a, g, "text"),
                              .quoted_micros = integer_of(g, "quoted_micros"), .billed_micros = integer_of(g, "billed_micros"), .outputs = outputs, .output_count = n,
                              .json = arena_strz(a, buf_view(&whole))};
    return &r->shown;
}

void puras_result_free(puras_result *shown) {
    if (!shown) return;
    struct result *r = (struct result *)shown; /* its first member */
    arena_done(&r->arena);
    free(r);
}

struct told { puras_progress_fn *fn; void *arg; };
static bool on_step(void *arg, const char *stage, int64_t percent) {
    const struct told *t = arg;
    return !t->fn || t->fn(t->arg, stage, (int)percent);
}

/* A generation that did not complete, as an error. */
static bool ended_badly(const struct json *g, const char *status, const char *id, struct arena *a, puras_error *error) {
    struct why why = {0};
    bool cancelled = !strcmp(status, "cancelled");
    err e = cancelled ? E_CANCELLED : err_by_code(text_of(a, json_get(g, "error"), "code"));
    const char *detail = text_of(a, json_get(g, "error"), "detail");
    if (e == OK) e = E_UPSTREAM;
    why_set(&why, e, "%s", *detail ? detail : err_info(e)->text);
    why.charged_micros = integer_of(g, "billed_micros");
    return fail(error, &why, 200, id);
}

bool puras_wait(puras *p, const char *id, const puras_options *o, puras_result **out, puras_error *error) {
    _cleanup_(arena_done) struct arena a = {0};
    struct told told = {o ? o->progress : NULL, o ? o->progress_arg : NULL};
    struct follow f = {.id = id, .at_most = o ? o->timeout_ms : 0, .on_step = on_step, .arg = &told};
    struct why why = {0};
    struct json *g;
    if (client_follow(p->client, &f, &why)) return fail(error, &why, 0, id);
    if (!call(p, "GET", arena_printf(&a, "/v1/generations/%s%s%s", id, o && o->url_ttl_s ? "?url_ttl=" : "",
                                     o && o->url_ttl_s ? arena_printf(&a, "%lld", (long long)o->url_ttl_s).ptr : "").ptr, STR(""), NULL, &a, &g, error))
        return false;
    const char *status = text_of(&a, g, "status");
    if (strcmp(status, "completed") != 0 || json_is(json_get(g, "error"), JSON_OBJECT)) return ended_badly(g, status, id, &a, error);
    *out = result_of(g);
    return true;
}

bool puras_run(puras *p, const char *model, const puras_inputs *in, const puras_options *o, puras_result **out, puras_error *error) {
    char id[33];
    return puras_submit(p, model, in, o, id, error) && puras_wait(p, id, o, out, error);
}

bool puras_cancel(puras *p, const char *id, puras_error *error) {
    _cleanup_(arena_done) struct arena a = {0};
    return call(p, "POST", arena_printf(&a, "/v1/generations/%s/cancel", id).ptr, STR("{}"), NULL, &a, NULL, error);
}

bool puras_deliver(puras *p, const char *id, const char *output_url_path, puras_result **out, puras_error *error) {
    _cleanup_(arena_done) struct arena a = {0};
    _cleanup_(buf_done) struct buf body = {0};
    struct jw w = {.out = &body};
    struct json *g;
    jw_open(&w, '{');
    if (output_url_path) jw_kz(&w, "output_url_path", output_url_path);
    jw_close(&w, '}');
    if (!call(p, "POST", arena_printf(&a, "/v1/generations/%s/deliver", id).ptr, buf_view(&body), NULL, &a, &g, error)) return false;
    *out = result_of(g);
    return true;
}

bool puras_balance(puras *p, int64_t *out_available_micros, int64_t *out_held_micros, puras_error *error) {
    _cleanup_(arena_done) struct arena a = {0};
    struct json *j;
    if (!call(p, "GET", "/v1/balance", STR(""), NULL, &a, &j, error)) return false;
    *out_available_micros = integer_of(j, "available_micros");
    *out_held_micros = integer_of(j, "held_micros");
    return true;
}
