/* One hop as libcurl sees it: its options, and the callbacks, which note what they see and say go on or stop. */
#include "io/upstream_int.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum { LONG_PIECE = 128 * 1024 }; /* of a long answer: libcurl reads 16 KB at a time otherwise */
enum { REDIRECT_BODY_MAX = 64 * 1024 }; /* of a redirect: read for the sake of the connection, up to here */

/* --- where it goes --- */

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *at) {
    struct upstream_request *r = arg;
    const char *what = r->tunnel ? NULL : egress_refuses(&r->rule, &at->addr); /* the proxy is the operator's choice */
    if (what) {
        r->refused = what;
        return CURL_SOCKET_BAD;
    }
    r->tried = true;
    return socket(at->family, at->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->protocol);
}

/* The connection may be one that another request of this policy has opened, with exceptions of its own. */
static int before_request(void *arg, char *ip, char *local_ip, int port, int local_port) {
    struct upstream_request *r = arg;
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } at = {};
    if (inet_pton(AF_INET, ip, &at.four.sin_addr) == 1) {
        at.four.sin_family = AF_INET;
        at.four.sin_port = htons((uint16_t)port);
    } else if (inet_pton(AF_INET6, ip, &at.six.sin6_addr) == 1) {
        at.six.sin6_family = AF_INET6;
        at.six.sin6_port = htons((uint16_t)port);
    }
    const char *what = r->tunnel ? NULL : egress_refuses(&r->rule, &at.any);
    if (what) r->refused = what, r->tried = false;
    if (what || r->cancelled) return CURL_PREREQFUNC_ABORT;
    r->sent = true;
    r->moved_at = io_mono(r->u->io);
    return CURL_PREREQFUNC_OK;
}

/* --- the answer's head --- */

static struct str lower(struct arena *a, struct str s) {
    char *z = arena_strz(a, s);
    for (size_t i = 0; i < s.len; i++)
        if (z[i] >= 'A' && z[i] <= 'Z') z[i] += 'a' - 'A';
    return str_n(z, s.len);
}

static const struct str *header_of(const struct upstream_request *r, const char *name) {
    for (size_t i = 0; i < r->header_count; i++)
        if (str_is(r->headers[i].name, name)) return &r->headers[i].value;
    return NULL;
}

static bool follows(const struct upstream_request *r) {
    bool reads = str_is(r->method, "GET") || str_is(r->method, "HEAD");
    if (r->ask.stays) return false;
    if (r->status == 303) return true;
    return reads && (r->status == 301 || r->status == 302 || r->status == 307 || r->status == 308);
}

static bool head_is_whole(struct upstream_request *r) {
    long status = 0;
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200) return true; /* an interim answer; the next head replaces it */
    r->status = (int)status;
    r->headed = true;
    const struct str *location = header_of(r, "location"), *said = header_of(r, "content-length");
    if (location && follows(r)) {
        r->location = *location;
        return true;
    }
    int64_t length;
    if (!said || header_of(r, "transfer-encoding") || !str_to_i64(*said, &length) || length < 0) length = -1;
    if (length > r->ask.max_bytes && !str_is(r->method, "HEAD")) {
        request_fail(r, E_LIMIT, "The answer of %.*s has %lld bytes; at most %lld are taken.", STR_ARG(str_head(r->url.host, 100)), (long long)length, (long long)r->ask.max_bytes);
        return false;
    }
    if (!r->ask.on_head || r->ask.on_head(r->ask.arg, r->status, r->headers, r->header_count, length)) return true;
    request_fail(r, E_LIMIT, "The answer of %.*s was not wanted.", STR_ARG(str_head(r->url.host, 100)));
    return false;
}

static bool take_line(struct upstream_request *r, struct str line) {
    if (r->headed) return true; /* trailers */
    r->header_bytes += line.len;
    struct str name, value, end = line;
    while (end.len && (end.ptr[end.len - 1] == '\r' || end.ptr[end.len - 1] == '\n')) end.len--;
    if (str_starts(end, STR("HTTP/"))) {
        r->header_count = 0;
        return true;
    }
    if (!end.len) return head_is_whole(r);
    if (r->header_count == LIMIT_UPSTREAM_HEADERS || r->header_bytes > LIMIT_UPSTREAM_HEADER_BYTES) {
        request_fail(r, E_LIMIT, "The head of the answer of %.*s is too large.", STR_ARG(str_head(r->url.host, 100)));
        return false;
    }
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t' || !str_cut(end, ':', &name, &value)) return true;
    r->headers[r->header_count++] = (struct upstream_header){lower(&r->arena, str_trim(name)), arena_dup(&r->arena, str_trim(value))};
    return true;
}

static size_t on_line(char *p, size_t size, size_t n, void *arg) {
    struct upstream_request *r = arg;
    r->moved_at = io_mono(r->u->io);
    r->begun = true;
    return !r->cancelled && take_line(r, str_n(p, size * n)) ? size * n : 0;
}

/* --- bodies --- */

static size_t on_piece(char *p, size_t size, size_t n, void *arg) {
    struct upstream_request *r = arg;
    size_t len = size * n;
    if (r->cancelled) return 0;
    if (r->paused) {
        r->held_answer = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    r->moved_at = io_mono(r->u->io);
    if (r->location.len) {
        r->dropped += (int64_t)len;
        return r->dropped > REDIRECT_BODY_MAX ? 0 : len;
    }
    r->bytes += (int64_t)len;
    if (r->bytes > r->ask.max_bytes) {
        request_fail(r, E_LIMIT, "The answer of %.*s is longer than the %lld bytes that are taken.", STR_ARG(str_head(r->url.host, 100)), (long long)r->ask.max_bytes);
        return 0;
    }
    if (!r->ask.on_body) buf_add(&r->body, p, len);
    else if (!r->ask.on_body(r->ask.arg, str_n(p, len))) {
        request_fail(r, E_LIMIT, "The answer of %.*s was not wanted any further.", STR_ARG(str_head(r->url.host, 100)));
        return 0;
    }
    return len;
}

static size_t on_read(char *p, size_t size, size_t n, void *arg) {
    struct upstream_request *r = arg;
    if (r->cancelled) return CURL_READFUNC_ABORT;
    int64_t got = r->ask.body_read(r->ask.arg, p, size * n);
    r->moved_at = io_mono(r->u->io);
    if (got == UPSTREAM_PAUSE) {
        r->held_body = true;
        return CURL_READFUNC_PAUSE;
    }
    if (got >= 0) return (size_t)got;
    request_fail(r, E_IO, "The body of the request could not be read.");
    return CURL_READFUNC_ABORT;
}

static int on_progress(void *arg, curl_off_t total_down, curl_off_t down, curl_off_t total_up, curl_off_t up) {
    struct upstream_request *r = arg;
    if (up != r->uploaded) r->moved_at = io_mono(r->u->io);
    r->uploaded = up;
    return r->cancelled;
}

/* --- options --- */

static bool is_framing(struct str name) {
    static const char *const names[] = {"host", "content-length", "transfer-encoding", "connection", "expect", "keep-alive", "upgrade", "te", "proxy-authorization", "proxy-connection"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_ieq(name, str_of(names[i]))) return true;
    return false;
}

static void add_line(struct upstream_request *r, const char *line) {
    struct curl_slist *more = curl_slist_append(r->lines, line);
    must(more);
    r->lines = more;
}

static void add_headers(struct upstream_request *r, const struct upstream_header *h, size_t n, bool *typed) {
    for (size_t i = 0; i < n; i++) {
        bool of_body = str_ieq(str_head(h[i].name, 8), STR("content-"));
        if (is_framing(h[i].name) || (r->bodiless && of_body)) continue;
        if (str_ieq(h[i].name, STR("content-type"))) *typed = true;
        struct str value = str_trim(h[i].value);
        add_line(r, arena_printf(&r->arena, value.len ? "%.*s: %.*s" : "%.*s;", STR_ARG(h[i].name), STR_ARG(value)).ptr);
    }
}

static void set_headers(struct upstream_request *r) {
    bool typed = false;
    curl_slist_free_all(r->lines);
    r->lines = NULL;
    add_headers(r, r->ask.headers, r->ask.header_count, &typed);
    if (r->ask.secret_header_count && request_is_home(r)) add_headers(r, r->ask.secret_headers, r->ask.secret_header_count, &typed);
    add_line(r, "Expect:"); /* libcurl waits a second for its answer otherwise */
    if (!typed) add_line(r, "Content-Type:");
    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->lines);
}

static void set_body(struct upstream_request *r) {
    CURL *c = r->easy;
    bool reads = r->ask.body_read && !r->bodiless;
    bool wants = str_is(r->method, "POST") || str_is(r->method, "PUT") || str_is(r->method, "PATCH");
    if (reads) {
        curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(c, CURLOPT_READDATA, r);
        curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->ask.body_bytes);
    } else if (!r->bodiless && (r->ask.body.len || wants)) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->ask.body.len);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->ask.body.len ? r->ask.body.ptr : "");
    } else if (str_is(r->method, "HEAD")) curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    else curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
    if (!str_is(r->method, "HEAD")) curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method.ptr);
    if (!reads && !r->ask.body.len) return;
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, r);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
}

static void set_route(struct upstream_request *r) {
    CURL *c = r->easy;
    curl_easy_setopt(c, CURLOPT_PROXY, r->tunnel ? r->u->o.proxy : ""); /* empty: none, whatever the environment says */
    curl_easy_setopt(c, CURLOPT_NOPROXY, "");
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, r);
    curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(c, CURLOPT_PREREQDATA, r);
    if (!r->tunnel) return;
    curl_easy_setopt(c, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_slist_free_all(r->connect);
    r->connect = curl_slist_append(NULL, r->connect_to);
    curl_easy_setopt(c, CURLOPT_CONNECT_TO, r->connect);
}

/* HTTP/2 carries requests without a body whose answer is collected. libcurl 7.88 turns in circles, or breaks off, when a body meets a full
 * window and the server has answered already, and keeps what a paused stream is sent in memory, where a connection of its own would hold
 * the sender back. */
static bool may_share(const struct upstream_request *r) {
    int64_t body = r->bodiless ? 0 : r->ask.body_read ? r->ask.body_bytes : (int64_t)r->ask.body.len;
    return !r->ask.on_body && body == 0;
}

void request_configure(struct upstream_request *r) {
    CURL *c = r->easy;
    curl_easy_reset(c); /* keeps the share and the connections */
    curl_easy_setopt(c, CURLOPT_PRIVATE, r);
    curl_easy_setopt(c, CURLOPT_URL, r->url.text.ptr);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, may_share(r) ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L); /* a look-up that nobody waits for any more is left to itself; joining it would block the loop */
    curl_easy_setopt(c, CURLOPT_USERAGENT, "puras");
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)LIMIT_UPSTREAM_CONNECT_MS);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_line);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, r);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_piece);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
    if (r->ask.long_answer) curl_easy_setopt(c, CURLOPT_BUFFERSIZE, (long)LONG_PIECE);
    if (r->u->o.ca_file) curl_easy_setopt(c, CURLOPT_CAINFO, r->u->o.ca_file);
    curl_easy_setopt(c, CURLOPT_CAPATH, NULL); /* with a folder beside the file libcurl would read the certificates anew for each connection */
    /* Rather on a connection that is being made than on one more: it may carry many. */
    curl_easy_setopt(c, CURLOPT_PIPEWAIT, (long)(r->url.tls && !r->ask.fresh && may_share(r)));
    if (r->ask.fresh) {
        curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
    }
    set_body(r);
    set_headers(r);
    set_route(r);
}
