/* One easy handle of libcurl behind a small face; see client.h. The reuse of connections is left to curl where a repeat does no
 * harm. A request that changes something and carries no idempotency key always gets a fresh connection, because curl itself
 * resends a POST whose reused connection closes unanswered. */
#include "client/client.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/id.h"
#include "client/sse.h"

#include <poll.h>
#include <curl/curl.h>
#include <errno.h>
#include <sys/random.h>
#include <time.h>

enum { REPLY_BYTES = 64 << 20, TRIES = 3, CONNECT_MS = 10000, STALL_S = 60 };

struct client {
    CURL *curl;
    char *base, *key;
    msec timeout, retry_pause;
    int watched; /* 0: none; standard input is never it */
};

void client_watch(struct client *c, int fd) { c->watched = fd > 0 ? fd : 0; }

static int look_at_watched(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up) {
    const struct client *c = arg;
    struct pollfd p = {.fd = c->watched, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

void client_new_key(char out[33]) {
    uint8_t bytes[16];
    must(getrandom(bytes, sizeof bytes, 0) == sizeof bytes);
    hex_encode(bytes, sizeof bytes, out);
}

static void percent(struct buf *b, struct str s, const char *keep) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr(keep, c));
        if (plain) buf_c(b, (char)c);
        else buf_printf(b, "%%%02X", c);
    }
}
void url_add_path(struct buf *b, struct str path) { percent(b, path, "-._~/"); }
void url_add_value(struct buf *b, struct str value) { percent(b, value, "-._~"); }

err client_create(const struct client_options *o, struct why *why, struct client **out) {
    const char *base = o->base ? o->base : getenv("PURAS_API_BASE");
    const char *key = o->key ? o->key : getenv("PURAS_API_KEY");
    if (!base || !*base) base = "http://127.0.0.1:8080";
    struct str b = str_of(base);
    while (str_ends(b, STR("/"))) b.len--;
    if (!str_starts(b, STR("http://")) && !str_starts(b, STR("https://")))
        return why_set(why, E_INVALID, "The server's address \"%.100s\" must begin with http:// or https://; set PURAS_API_BASE.", base);
    for (const char *p = key; p && *p; p++)
        if (*p <= ' ' || *p >= 127) return why_set(why, E_INVALID, "The API key in PURAS_API_KEY has a blank or a foreign character in it; copy it again.");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct client *c = calloc(1, sizeof *c);
    must(c);
    c->curl = curl_easy_init();
    must(c->curl);
    c->base = strndup(b.ptr, b.len);
    c->key = key && *key ? strdup(key) : NULL;
    c->timeout = o->timeout ? o->timeout : 10 * MS_MINUTE;
    c->retry_pause = o->retry_pause ? o->retry_pause : 200;
    *out = c;
    return OK;
}

void client_destroy(struct client *c) {
    if (!c) return;
    curl_easy_cleanup(c->curl);
    free(c->base);
    free(c->key);
    free(c);
}
void client_destroyp(struct client **c) { client_destroy(*c); }
const char *client_base(const struct client *c) { return c->base; }
bool client_has_key(const struct client *c) { return c->key != NULL; }

/* --- one exchange --- */

/* Where an answer's bytes go. Errors are always kept as text, whatever the receiver. */
struct sink {
    CURL *curl;
    struct buf text;
    int fd;                    /* download: bytes of a 2xx go here, otherwise -1 */
    int64_t bytes;
    int write_errno;
    struct hasher *hasher;
    struct sse *sse;           /* events: bytes of a 2xx go here */
    client_on_event *on_event;
    void *arg;
    bool stopped;              /* the receiver ended it */
    int64_t date;
};

static bool write_all(struct sink *s, const char *p, size_t n) {
    while (n) {
        ssize_t w = write(s->fd, p, n);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) {
            s->write_errno = errno;
            return false;
        }
        p += w;
        n -= (size_t)w;
    }
    return true;
}

static size_t on_body(char *p, size_t one, size_t n, void *arg) {
    struct sink *s = arg;
    n *= one;
    long status = 0;
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
    bool good = status >= 200 && status < 300;
    if (good && s->sse) {
        if (sse_feed(s->sse, str_n(p, n), s->on_event, s->arg)) return n;
        s->stopped = true;
        return 0;
    }
    if (good && s->fd >= 0) {
        if (!write_all(s, p, n)) return 0;
        hasher_add(s->hasher, p, n);
        s->bytes += (int64_t)n;
        return n;
    }
    if (s->text.len + n > REPLY_BYTES) return 0;
    buf_add(&s->text, p, n);
    return n;
}

static size_t on_header(char *p, size_t one, size_t n, void *arg) {
    struct sink *s = arg;
    struct str line = str_trim(str_n(p, one * n)), name, value;
    if (str_cut(line, ':', &name, &value) && str_ieq(name, STR("date"))) {
        char date[64];
        snprintf(date, sizeof date, "%.*s", STR_ARG(str_trim(str_head(value, sizeof date - 1))));
        for (size_t i = strlen(date); i > 0 && (date[i - 1] == '\r' || date[i - 1] == '\n'); i--) date[i - 1] = 0;
        time_t t = curl_getdate(date, NULL);
        s->date = t == (time_t)-1 ? 0 : t;
    }
    return one * n;
}

static bool same_origin(const struct client *c, const char *url) {
    size_t n = strlen(c->base);
    return strncmp(url, c->base, n) == 0 && (url[n] == '/' || url[n] == '?' || !url[n]);
}

static struct curl_slist *headers_of(const struct client *c, const char *url, const struct client_request *r) {
    struct curl_slist *list = NULL;
    char line[1024];
    /* curl would add these on its own account */
    list = curl_slist_append(list, "Expect:");
    if (c->key && same_origin(c, url)) {
        snprintf(line, sizeof line, "Authorization: Bearer %s", c->key);
        list = curl_slist_append(list, line);
    }
    if (r->body.len) list = curl_slist_append(list, "Content-Type: application/json");
    if (r->idempotency_key) {
        snprintf(line, sizeof line, "Idempotency-Key: %s", r->idempotency_key);
        list = curl_slist_append(list, line);
    }
    for (const char *const *h = r->headers; h && *h; h++) list = curl_slist_append(list, *h);
    return list;
}

static struct str url_of(const struct client *c, const char *path, struct arena *a) {
    bool whole = strncmp(path, "http://", 7) == 0 || strncmp(path, "https://", 8) == 0;
    return whole ? arena_dup(a, str_of(path)) : arena_printf(a, "%s%s%s", c->base, path[0] == '/' ? "" : "/", path);
}

static void prepare(struct client *c, const char *url, const struct client_request *r, struct curl_slist *headers, struct sink *s) {
    CURL *h = c->curl;
    bool reads = !strcmp(r->method, "GET") || !strcmp(r->method, "HEAD");
    curl_easy_reset(h); /* keeps connections */
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_PROXY, ""); /* none, also none from the environment */
    curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_USERAGENT, "puras-cli");
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, reads || r->idempotency_key ? 0L : 1L);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, s);
    if (!strcmp(r->method, "HEAD")) curl_easy_setopt(h, CURLOPT_NOBODY, 1L);
    else if (strcmp(r->method, "GET") != 0 && (strcmp(r->method, "PUT") != 0 || r->body.len)) {
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, r->body.len ? r->body.ptr : "");
        curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, r->method);
    }
    s->curl = h;
}

/* True when the connection was refused or went away, so that the answer, if there was one, is not known. */
static bool is_lost(CURLcode code) {
    return code == CURLE_COULDNT_CONNECT || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING ||
           code == CURLE_PARTIAL_FILE;
}

static err explain(const struct client *c, CURLcode code, const struct sink *s, struct why *why) {
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
        return why_set(why, E_UNAVAILABLE, "No server answers at %s. Start one with `puras serve --data DIR`, or set PURAS_API_BASE to where it is.", c->base);
    case CURLE_OPERATION_TIMEDOUT:
        return why_set(why, E_UNAVAILABLE, "The server at %s took too long to answer.", c->base);
    case CURLE_WRITE_ERROR:
        if (s->write_errno) return why_set(why, E_IO, "The file could not be written: %s.", strerror(s->write_errno));
        return why_set(why, E_TOO_LARGE, "The server's answer is larger than this client takes.");
    case CURLE_URL_MALFORMAT:
        return why_set(why, E_INVALID, "The server's address %s cannot be read; set PURAS_API_BASE to something like http://127.0.0.1:8080.", c->base);
    default:
        if (is_lost(code)) return why_set(why, E_UNAVAILABLE, "The connection to %s was lost before the answer was complete.", c->base);
        return why_set(why, E_UNAVAILABLE, "The call to %s failed: %s.", c->base, curl_easy_strerror(code));
    }
}

/* The server's error object, as our own. */
static err server_error(int status, const struct json *j, struct why *why) {
    struct str code = {0}, detail = {0}, field = {0};
    const struct json *inner = json_is(json_get(j, "error"), JSON_OBJECT) ? json_get(j, "error") : j;
    json_as_str(json_get(inner, "code"), &code);
    char word[64];
    snprintf(word, sizeof word, "%.*s", STR_ARG(code));
    err e = code.len ? err_by_code(word) : E_INTERNAL;
    if (e == OK) e = E_INTERNAL;
    if (!json_as_str(json_get(inner, "detail"), &detail) || !detail.len)
        return why_set(why, code.len ? e : E_UPSTREAM, "The server answered with status %d and no sentence that says why; is it a puras server?", status);
    why_set(why, e, "%.*s", STR_ARG(str_head(detail, 470)));
    if (!why) return e;
    if (json_as_str(json_get(inner, "field"), &field)) snprintf(why->field, sizeof why->field, "%.*s", STR_ARG(field));
    json_as_i64(json_get(inner, "retry_after_s"), &why->retry_after_s);
    json_as_i64(json_get(inner, "charged_micros"), &why->charged_micros);
    static const char *const facts[] = {"required_micros", "available_micros", "missing_micros"};
    int64_t amount;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        if (json_as_i64(json_get(inner, facts[i]), &amount)) why_fact_int(why, facts[i], amount);
    struct str id;
    char text[64];
    if (json_as_str(json_get(inner, "generation_id"), &id)) {
        snprintf(text, sizeof text, "%.*s", STR_ARG(id));
        why_fact_str(why, "generation_id", text);
    }
    return e;
}

static err finish(struct client *c, CURLcode code, struct sink *s, struct arena *a, struct why *why, struct client_reply *out) {
    if (code && !s->stopped) return explain(c, code, s, why);
    long status = 0;
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    out->status = (int)status;
    out->date = s->date;
    out->body = arena_dup(a, buf_view(&s->text));
    out->json = NULL;
    if (out->body.len && json_parse(out->body, a, NULL, &out->json)) out->json = NULL;
    return status >= 200 && status < 300 ? OK : server_error((int)status, out->json, why);
}

static void pause_for(msec ms) {
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&t, &t) < 0 && errno == EINTR) {}
}

err client_request(struct client *c, const struct client_request *r, struct arena *a, struct why *why, struct client_reply *out) {
    struct str url = url_of(c, r->path, a);
    struct client_reply reply = {0};
    err e = E_UNAVAILABLE;
    msec wait = c->retry_pause;
    for (int try = 1; try <= TRIES; try++, wait *= 2) {
        if (try > 1) pause_for(wait);
        struct sink s = {.fd = -1};
        struct curl_slist *headers = headers_of(c, url.ptr, r);
        prepare(c, url.ptr, r, headers, &s);
        curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, (long)c->timeout);
        CURLcode code = curl_easy_perform(c->curl);
        reply.tries = try;
        e = finish(c, code, &s, a, why, &reply);
        buf_done(&s.text);
        curl_slist_free_all(headers);
        if (!is_lost(code) || !r->idempotency_key) break;
    }
    *out = reply;
    return e;
}

static size_t read_fd(char *p, size_t one, size_t n, void *arg) {
    ssize_t got;
    do got = read(*(int *)arg, p, one * n);
    while (got < 0 && errno == EINTR);
    return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

err client_upload(struct client *c, const char *path, int fd, int64_t size, const char *type, struct arena *a, struct why *why, struct client_reply *out) {
    struct str url = url_of(c, path, a);
    char line[200];
    snprintf(line, sizeof line, "Content-Type: %s", type ? type : "application/octet-stream");
    const char *const extra[] = {line, NULL};
    struct client_request r = {.method = "PUT", .path = path, .headers = extra};
    struct sink s = {.fd = -1};
    struct curl_slist *headers = headers_of(c, url.ptr, &r);
    prepare(c, url.ptr, &r, headers, &s);
    curl_easy_setopt(c->curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(c->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
    curl_easy_setopt(c->curl, CURLOPT_READFUNCTION, read_fd);
    curl_easy_setopt(c->curl, CURLOPT_READDATA, &fd);
    curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
    CURLcode code = curl_easy_perform(c->curl);
    struct client_reply reply = {.tries = 1};
    err e = code == CURLE_ABORTED_BY_CALLBACK ? why_set(why, E_IO, "The file could not be read.") : finish(c, code, &s, a, why, &reply);
    buf_done(&s.text);
    curl_slist_free_all(headers);
    *out = reply;
    return e;
}

err client_download(struct client *c, const char *path, int fd, struct why *why, int64_t *out_bytes, char out_sha256[65]) {
    _cleanup_(arena_done) struct arena a = {0};
    struct str url = url_of(c, path, &a);
    struct client_request r = {.method = "GET", .path = path};
    struct sink s = {.fd = fd, .hasher = hasher_new()};
    struct curl_slist *headers = headers_of(c, url.ptr, &r);
    prepare(c, url.ptr, &r, headers, &s);
    curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
    CURLcode code = curl_easy_perform(c->curl);
    struct client_reply reply = {0};
    err e = finish(c, code, &s, &a, why, &reply);
    uint8_t digest[SHA256_LEN];
    hasher_end(s.hasher, digest);
    buf_done(&s.text);
    curl_slist_free_all(headers);
    if (e) return e;
    *out_bytes = s.bytes;
    hex_encode(digest, sizeof digest, out_sha256);
    return OK;
}

err client_events(struct client *c, const char *path, const char *last_id, msec quiet, msec at_most, client_on_event *on_event, void *arg,
                  struct why *why) {
    _cleanup_(arena_done) struct arena a = {0};
    struct str url = url_of(c, path, &a);
    char line[200];
    snprintf(line, sizeof line, "Last-Event-ID: %.100s", last_id ? last_id : "");
    const char *const extra[] = {"Accept: text/event-stream", last_id ? line : NULL, NULL};
    struct client_request r = {.method = "GET", .path = path, .headers = extra};
    _cleanup_(sse_done) struct sse sse = {0};
    struct sink s = {.fd = -1, .sse = &sse, .on_event = on_event, .arg = arg};
    struct curl_slist *headers = headers_of(c, url.ptr, &r);
    prepare(c, url.ptr, &r, headers, &s);
    curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME, (long)(quiet < 1000 ? 1 : quiet / 1000));
    curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, (long)(at_most > 0 ? at_most : 1));
    if (c->watched) {
        curl_easy_setopt(c->curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(c->curl, CURLOPT_XFERINFOFUNCTION, look_at_watched);
        curl_easy_setopt(c->curl, CURLOPT_XFERINFODATA, c);
    }
    CURLcode code = curl_easy_perform(c->curl);
    struct client_reply reply = {0};
    err e = finish(c, code, &s, &a, why, &reply);
    if (code == CURLE_ABORTED_BY_CALLBACK) e = why_set(why, E_UNAVAILABLE, "Interrupted.");
    buf_done(&s.text);
    curl_slist_free_all(headers);
    return e;
}
