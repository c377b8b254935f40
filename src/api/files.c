/* The drive over HTTP: files in and out as raw bytes, lists, links. Foreign bytes are served so that no browser runs them.
 */
#include "api/form.h"
#include "api/routes.h"
#include "base/cleanup.h"
#include "base/limits.h"

/* --- reading --- */

struct file_facts {
    struct str etag;     /* with its quotes */
    struct str modified; /* as HTTP writes dates */
    msec modified_at;    /* whole seconds, as a header can say it */
};

/* RFC 9110 section 13.2.2. 0: go on; otherwise 304 or 412. */
static int precondition(struct http_req *r, const struct file_facts *f) {
    msec at;
    if (http_has_header(r, "If-Match")) {
        if (!etag_listed(http_header(r, "If-Match"), f->etag, false)) return 412;
    } else if (http_date_read(http_header(r, "If-Unmodified-Since"), &at) && f->modified_at > at) {
        return 412;
    }
    if (http_has_header(r, "If-None-Match")) {
        if (etag_listed(http_header(r, "If-None-Match"), f->etag, true)) return 304;
    } else if (http_date_read(http_header(r, "If-Modified-Since"), &at) && f->modified_at <= at) {
        return 304;
    }
    return 0;
}

/* A range counts on GET only, and behind If-Range only while the file is still the one the caller began with. */
static enum range wanted_range(struct http_req *r, const struct file_facts *f, int64_t size, int64_t *from, int64_t *len) {
    if (!str_is(http_method(r), "GET") || !http_has_header(r, "Range")) return RANGE_WHOLE;
    if (http_has_header(r, "If-Range")) {
        struct str tag = str_trim(http_header(r, "If-Range"));
        if (!str_eq(tag, f->etag) && !str_eq(tag, f->modified)) return RANGE_WHOLE;
    }
    return range_parse(http_header(r, "Range"), size, from, len);
}

/* Both forms of the name: a plain one for old readers, the exact one behind it. */
static struct str disposition(struct arena *mem, struct str path, bool inline_ok) {
    _cleanup_(buf_done) struct buf plain = {0}, exact = {0};
    struct str name = path;
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] == '/') name = str_skip(path, i + 1);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        buf_c(&plain, c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '%' ? c : '_');
    }
    http_percent_encode(&exact, name, "-._~");
    return arena_printf(mem, "%s; filename=\"%.*s\"; filename*=UTF-8''%.*s", inline_ok ? "inline" : "attachment",
                        STR_ARG(buf_view(&plain)), STR_ARG(buf_view(&exact)));
}

static void file_headers(struct exchange *x, const struct answer *a, const struct file_facts *f) {
    struct http_req *r = x->req;
    answer_headers(x->api, r);
    http_add_header(r, "ETag", f->etag);
    http_add_header(r, "Last-Modified", f->modified);
    http_add_header(r, "Accept-Ranges", STR("bytes"));
    http_add_header(r, "Cache-Control",
                    STR("private, no-cache")); /* a path can be overwritten, a deleted file is gone at once */
    if (x->caller.kind == KEY_NONE) http_add_header(r, "Access-Control-Allow-Origin", STR("*")); /* who has the link may have the file, a page too */
    http_add_header(r, "Content-Security-Policy", STR("default-src 'none'; sandbox"));
    http_add_header(r, "Content-Disposition", disposition(&x->arena, str_empty(a->path) ? x->param : a->path, a->inline_ok));
}

static void serve(struct exchange *x, const struct answer *a, int *fd) {
    struct http_req *r = x->req;
    _cleanup_(buf_done) struct buf date = {0};
    time_write_http(&date, a->modified_at);
    const struct file_facts f = {
        .etag = arena_printf(&x->arena, "\"%.*s\"", STR_ARG(a->etag)),
        .modified = arena_dup(&x->arena, buf_view(&date)),
        .modified_at = a->modified_at / MS_SECOND * MS_SECOND,
    };
    int64_t from = 0, len = a->bytes;
    int refusal = precondition(r, &f);
    if (refusal == 412) {
        answer_fail(x, E_PRECONDITION, "The file has changed: it is not the one the request's conditions name.");
        return;
    }
    if (refusal == 304) {
        file_headers(x, a, &f);
        http_reply(r, 304, NULL, STR(""));
        exchange_release(x);
        return;
    }
    enum range range = wanted_range(r, &f, a->bytes, &from, &len);
    if (range == RANGE_BEYOND) {
        http_add_header(r, "Content-Range", arena_printf(&x->arena, "bytes */%lld", (long long)a->bytes));
        answer_fail(x, E_RANGE, "The range lies outside the file, which has %lld bytes.", (long long)a->bytes);
        return;
    }
    file_headers(x, a, &f);
    if (range == RANGE_PART)
        http_add_header(r, "Content-Range",
                        arena_printf(&x->arena, "bytes %lld-%lld/%lld", (long long)from, (long long)(from + len - 1),
                                     (long long)a->bytes));
    const char *type = str_empty(a->type) ? "application/octet-stream" : arena_strz(&x->arena, a->type);
    http_reply_file(r, range == RANGE_PART ? 206 : 200, type, TAKE_FD(*fd), from, len);
    exchange_release(x);
}

static void opened(void *arg, const struct answer *a) {
    struct exchange *x = arg;
    _cleanup_(closep) int fd = a->code ? -1 : a->fd;
    if (x->req && a->code)
        answer_ops_error(x, a);
    else if (x->req)
        serve(x, a, &fd);
    exchange_unref(x);
}

void files_get(struct exchange *x) {
    exchange_ref(x);
    /* the signature covers the path as it stands in the link, percent-encoded */
    struct str raw = str_skip(http_path(x->req), sizeof "/v1/drive/files/" - 1);
    if (x->caller.kind == KEY_NONE)
        ops_drive_open_signed(exchange_ops(x), arena_dup(&x->arena, raw), arena_dup(&x->arena, http_query(x->req)), opened, x);
    else
        ops_drive_open(exchange_ops(x), &x->caller, x->param, opened, x);
}

/* Where no copy can be shown, the original can: its link stands in the answer. */
static void opened_derived(void *arg, const struct answer *a) {
    struct exchange *x = arg;
    if (!a->code || !a->path.len) {
        opened(arg, a);
        return;
    }
    if (x->req) {
        http_add_header(x->req, "Location", a->path);
        http_add_header(x->req, "Cache-Control", STR("private, max-age=5"));
        http_reply(x->req, 302, NULL, STR(""));
        exchange_release(x);
    }
    exchange_unref(x);
}

static void get_derived(struct exchange *x, const char *folder) {
    struct str raw = str_skip(http_path(x->req), sizeof "/v1/drive//" - 1 + strlen(folder));
    exchange_ref(x);
    ops_drive_open_derived(exchange_ops(x), &x->caller, str_of(folder), x->caller.kind == KEY_NONE ? arena_dup(&x->arena, raw) : x->param, arena_dup(&x->arena, http_query(x->req)), opened_derived, x);
}

void files_get_thumbnail(struct exchange *x) { get_derived(x, "thumbnails"); }
void files_get_optimized(struct exchange *x) { get_derived(x, "optimized"); }

void files_list(struct exchange *x) {
    struct why why = {0};
    struct str prefix = {0}, after = {0};
    int64_t limit = LIMIT_PAGE;
    if (param_text(x, "prefix", LIMIT_PATH_BYTES, &why, &prefix) || param_text(x, "after", LIMIT_PATH_BYTES, &why, &after) ||
        param_int(x, "limit", 1, LIMIT_PAGE, &why, &limit)) {
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_drive_list(exchange_ops(x), &x->caller, prefix, after, limit, done_ok, x);
}

/* --- writing --- */

static void upload_ready(void *arg) {
    struct exchange *x = arg;
    if (x->req) http_resume_body(x->req);
}

/* More came than the drive has left: the answer is given now, and gives the upload up. */
static bool outgrown(struct exchange *x) {
    struct why why = {0};
    err e = ops_upload_fits(x->upload, &why);
    why.code = e;
    if (e) answer_error(x, &why);
    return e != OK;
}

static bool upload_chunk(void *arg, struct http_req *r, struct str data) {
    struct exchange *x = arg;
    bool more = ops_upload_write(x->upload, data);
    return outgrown(x) || more;
}

static void upload_end(void *arg, struct http_req *r, bool ok) {
    struct exchange *x = arg;
    if (!ok) { /* cut off, or too large and answered so by the server: nothing is kept */
        exchange_release(x);
        return;
    }
    exchange_ref(x);
    ops_upload_end(TAKE(x->upload), done_created, x);
}

/* If-None-Match: * and If-Match: * or one entity tag; what else the two could say makes no sense for a file that is written. */
static err read_conditions(struct exchange *x, struct why *why, bool *out_new, struct str *out_if) {
    struct str none = http_header(x->req, "If-None-Match"), match = http_header(x->req, "If-Match");
    bool tag = match.len == 66 && match.ptr[0] == '"' && match.ptr[65] == '"';
    if (none.len && !str_is(none, "*")) return why_set(why, E_INVALID, "If-None-Match takes \"*\" with PUT: write only where there is no file.");
    if (match.len && !tag && !str_is(match, "*")) return why_set(why, E_INVALID, "If-Match takes \"*\" or one ETag of this server with PUT.");
    *out_new = none.len > 0;
    *out_if = tag ? str_n(match.ptr + 1, 64) : match;
    return OK;
}

/* No body is asked for before its space has been looked at: a refused one costs its sender nothing. */
static void put_has_room(void *arg, const struct answer *a) {
    struct exchange *x = arg;
    const struct http_sink sink = {.chunk = upload_chunk, .end = upload_end, .arg = x};
    struct why why = {0};
    if (x->req && a->code) {
        answer_ops_error(x, a);
    } else if (x->req) {
        bool only_new = false;
        struct str only_if = {0};
        why.code = read_conditions(x, &why, &only_new, &only_if);
        if (!why.code) why.code = ops_upload_begin(exchange_ops(x), &x->caller, x->param, http_content_length(x->req), a->bytes, upload_ready, x, &why, &x->upload);
        if (!why.code) ops_upload_only(x->upload, only_new, only_if);
        if (why.code) answer_error(x, &why);
        else http_stream_body(x->req, LIMIT_UPLOAD_BYTES, &sink);
    }
    exchange_unref(x);
}

void files_put(struct exchange *x) {
    if (http_has_header(x->req, "Content-Range")) {
        answer_fail(x, E_BAD_REQUEST, "A file is sent whole; the Content-Range header is not taken with PUT.");
        return;
    }
    exchange_ref(x);
    ops_drive_room(exchange_ops(x), &x->caller, x->param, http_content_length(x->req), put_has_room, x);
}

/* By a link that lets its holder write one path, from a page too; a key does as well. */
void files_put_signed(struct exchange *x) {
    struct why why = {0};
    if (x->caller.kind == KEY_NONE) {
        struct str raw = str_skip(http_path(x->req), sizeof "/v1/drive/put/" - 1);
        why.code = ops_drive_put_link(exchange_ops(x), arena_dup(&x->arena, raw), arena_dup(&x->arena, http_query(x->req)), &x->arena, &why, &x->caller, &x->param);
        if (http_has_header(x->req, "Origin")) x->origin = STR("*");
    }
    if (why.code) answer_error(x, &why);
    else files_put(x);
}

/* --- a form with a file --- */

static err form_file(void *arg, struct str name, struct str filename, struct why *why) {
    struct exchange *x = arg;
    x->filename = arena_dup(&x->arena, filename);
    return ops_upload_place(x->upload, x->path, x->filename, why);
}

static bool form_data(void *arg, struct str piece) {
    struct exchange *x = arg;
    return ops_upload_write(x->upload, piece);
}

/* Where it goes may be said before or behind the file. Fields of other names are other people's. */
static err form_field(void *arg, struct str name, struct str value, struct why *why) {
    struct exchange *x = arg;
    if (!str_is(name, "path")) return OK;
    x->path = arena_dup(&x->arena, value);
    return ops_upload_place(x->upload, x->path, x->filename, why);
}

static bool form_chunk(void *arg, struct http_req *r, struct str bytes) {
    struct exchange *x = arg;
    struct why why = {0};
    bool waits = false;
    err e = form_feed(x->form, bytes, &why, &waits);
    if (!e) return outgrown(x) || !waits;
    why.code = e;
    answer_error(x, &why); /* gives the upload up */
    return true;
}

static void form_over(void *arg, struct http_req *r, bool ok) {
    struct exchange *x = arg;
    struct why why = {0};
    err e = ok ? form_end(x->form, &why) : OK;
    if (!e) {
        upload_end(arg, r, ok);
        return;
    }
    why.code = e;
    answer_error(x, &why);
}

/* How much of a form is its file is not known before it was read. */
static void form_has_room(void *arg, const struct answer *a) {
    struct exchange *x = arg;
    const struct http_sink sink = {.chunk = form_chunk, .end = form_over, .arg = x};
    struct why why = {0};
    if (x->req && a->code) {
        answer_ops_error(x, a);
    } else if (x->req) {
        why.code = ops_upload_begin(exchange_ops(x), &x->caller, STR(""), -1, a->bytes, upload_ready, x, &why, &x->upload);
        if (why.code) answer_error(x, &why);
        else http_stream_body(x->req, LIMIT_UPLOAD_BYTES + FORM_EXTRA_BYTES, &sink);
    }
    exchange_unref(x);
}

void files_upload(struct exchange *x) {
    char boundary[FORM_BOUNDARY + 1];
    if (!form_boundary(http_header(x->req, "Content-Type"), boundary)) {
        answer_fail(x, E_MEDIA_TYPE, "The file comes in a form: send \"Content-Type: multipart/form-data; boundary=...\", or PUT its bytes to /v1/drive/files/<path>.");
        return;
    }
    x->form = arena_new(&x->arena, struct form);
    const struct form_sink parts = {.file = form_file, .data = form_data, .field = form_field, .arg = x};
    form_begin(x->form, boundary, &parts);
    exchange_ref(x);
    ops_drive_room(exchange_ops(x), &x->caller, STR(""), -1, form_has_room, x);
}

void files_delete(struct exchange *x) {
    exchange_ref(x);
    ops_drive_delete(exchange_ops(x), &x->caller, x->param, done_ok, x);
}

void files_delete_asset(struct exchange *x) {
    if (!id_is(x->param)) {
        answer_fail(x, E_NOT_FOUND, "There is no such file; a file's id has 32 lower-case hex digits.");
        return;
    }
    exchange_ref(x);
    ops_asset_delete(exchange_ops(x), &x->caller, x->param, done_ok, x);
}

/* --- links --- */

void files_sign(struct exchange *x) {
    static const char *const known[] = {"path", "ttl", "method", "workspace_id", "project_id", NULL};
    struct why why = {0};
    struct str path = {0}, method = {0};
    int64_t ttl = 0;
    if (body_only(x->body, known, &why) || body_project(x, &why) ||
        body_text(x->body, "path", true, LIMIT_PATH_BYTES + sizeof x->caller.project, &why, &path) ||
        body_int(x->body, "ttl", LIMIT_SIGNED_URL_MIN_S, LIMIT_SIGNED_URL_MAX_S, &why, &ttl) || body_text(x->body, "method", false, 8, &why, &method)) {
        answer_error(x, &why);
        return;
    }
    if (method.len && !str_is(method, "GET") && !str_is(method, "PUT")) {
        snprintf(why.field, sizeof why.field, "method");
        why.code = why_set(&why, E_INVALID, "method: It must be GET, for a link that reads, or PUT, for one that writes.");
        answer_error(x, &why);
        return;
    }
    /* Clients of the older drive put the tenant in front of the path. */
    struct str tenant = str_of(x->caller.project);
    if (!str_empty(tenant) && path.len > tenant.len + 1 && str_starts(path, tenant) && path.ptr[tenant.len] == '/')
        path = str_skip(path, tenant.len + 1);
    exchange_ref(x);
    if (str_is(method, "PUT")) ops_drive_sign_put(exchange_ops(x), &x->caller, path, ttl, done_ok, x);
    else ops_drive_sign(exchange_ops(x), &x->caller, path, ttl, done_ok, x);
}
