/* The client against a scripted server: what is retried, what is not, what leaves and what an error becomes. */
#include "client/client.h"
#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

#include <cmocka.h>

/* Accepts one connection per script entry, reads one request, writes the entry (NULL: closes without a word). */
struct server {
    int fd, port, arrivals;
    const char *const *script;
    struct buf requests;
    pthread_t thread;
};

static void read_request(struct server *s, int fd) {
    char piece[4096];
    struct buf in = {0};
    size_t want = SIZE_MAX;
    while (in.len < want) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n <= 0) break;
        buf_add(&in, piece, (size_t)n);
        const char *end = strstr(in.ptr, "\r\n\r\n");
        if (!end) continue;
        const char *length = strcasestr(in.ptr, "content-length:");
        want = (size_t)(end + 4 - in.ptr) + (length && length < end ? (size_t)strtol(length + 15, NULL, 10) : 0);
    }
    buf_str(&s->requests, buf_view(&in));
    buf_done(&in);
}

static void *serve(void *arg) {
    struct server *s = arg;
    for (int i = 0; s->script[i]; i++) {
        int fd = accept(s->fd, NULL, NULL);
        if (fd < 0) break;
        s->arrivals++;
        read_request(s, fd);
        if (strcmp(s->script[i], "close") != 0) must(write(fd, s->script[i], strlen(s->script[i])) > 0);
        shutdown(fd, SHUT_RDWR);
        close(fd);
    }
    return NULL;
}

static void server_start(struct server *s, const char *const *script) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    *s = (struct server){.script = script, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    must(bind(s->fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(s->fd, 8) == 0);
    must(getsockname(s->fd, (struct sockaddr *)&a, &n) == 0);
    s->port = ntohs(a.sin_port);
    must(pthread_create(&s->thread, NULL, serve, s) == 0);
}

/* Ends the thread also when fewer connections came than the script has. */
static void server_stop(struct server *s) {
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
}

static struct client *client_for(const struct server *s, const char *key) {
    char base[64];
    snprintf(base, sizeof base, "http://127.0.0.1:%d/", s->port);
    struct client *c = NULL;
    struct why why;
    struct client_options o = {.base = base, .key = key, .timeout = 5000, .retry_pause = 1};
    assert_int_equal(client_create(&o, &why, &c), OK);
    return c;
}

#define OK_JSON "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 08:30:00 GMT\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{\"a\":[1,2]}"
#define CUT "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{\"a\""
#define BUSY "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

static const struct {
    const char *name, *method, *key;
    const char *script[5];
    int arrivals;
    err code;
} RETRIES[] = {
    {"answered at once", "POST", "k", {OK_JSON, NULL}, 1, OK},
    {"lost without a word", "POST", "k", {"close", OK_JSON, NULL}, 2, OK},
    {"cut in the answer", "POST", "k", {CUT, CUT, OK_JSON, NULL}, 3, OK},
    {"three tries, no more", "POST", "k", {"close", "close", "close", OK_JSON, NULL}, 3, E_UNAVAILABLE},
    {"no key, no retry", "POST", NULL, {"close", OK_JSON, NULL}, 1, E_UNAVAILABLE},
    {"no key, no retry of a read", "GET", NULL, {"close", OK_JSON, NULL}, 1, E_UNAVAILABLE},
    {"an answer is an answer", "POST", "k", {BUSY, OK_JSON, NULL}, 1, E_UPSTREAM},
};

static void retries_only_with_a_key(void **state) {
    for (size_t i = 0; i < sizeof RETRIES / sizeof *RETRIES; i++) {
        struct server s;
        server_start(&s, RETRIES[i].script);
        _cleanup_(client_destroyp) struct client *c = client_for(&s, NULL);
        _cleanup_(arena_done) struct arena a = {0};
        struct client_reply reply;
        struct why why = {0};
        struct client_request r = {.method = RETRIES[i].method, .path = "/x", .body = STR("{}"), .idempotency_key = RETRIES[i].key};
        if (!strcmp(r.method, "GET")) r.body = STR("");
        err e = client_request(c, &r, &a, &why, &reply);
        server_stop(&s);
        if (e != RETRIES[i].code || s.arrivals != RETRIES[i].arrivals)
            fail_msg("%s: %s after %d arrivals: %s", RETRIES[i].name, err_name(e), s.arrivals, why.detail);
        int named = 0;
        for (const char *p = s.requests.ptr; p && (p = strstr(p, "Idempotency-Key: k\r\n")); p++) named++;
        assert_int_equal(named, RETRIES[i].key ? s.arrivals : 0);
        buf_done(&s.requests);
    }
}

static void errors_become_ours(void **state) {
    static const char body[] = "{\"detail\":\"Too little.\",\"code\":\"insufficient_credits\",\"charged_micros\":0,\"field\":\"usd\",\"missing_micros\":7}";
    char answer[512];
    snprintf(answer, sizeof answer, "HTTP/1.1 402 Payment Required\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", sizeof body - 1, body);
    const char *const script[] = {answer, NULL};
    struct server s;
    server_start(&s, script);
    _cleanup_(client_destroyp) struct client *c = client_for(&s, NULL);
    _cleanup_(arena_done) struct arena a = {0};
    struct client_reply reply;
    struct why why = {0};
    struct client_request r = {.method = "POST", .path = "/x", .body = STR("{}")};
    assert_int_equal(client_request(c, &r, &a, &why, &reply), E_INSUFFICIENT_CREDIT);
    assert_string_equal(why.detail, "Too little.");
    assert_string_equal(why.field, "usd");
    assert_non_null(strstr(why.facts, "\"missing_micros\":7"));
    assert_int_equal(reply.status, 402);
    server_stop(&s);
    buf_done(&s.requests);
}

static void sends_the_key_and_no_proxy(void **state) {
    const char *const script[] = {OK_JSON, NULL};
    struct server s;
    server_start(&s, script);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    _cleanup_(client_destroyp) struct client *c = client_for(&s, "puras_live_12345678.secret");
    _cleanup_(arena_done) struct arena a = {0};
    struct client_reply reply;
    struct why why = {0};
    struct client_request r = {.method = "GET", .path = "/v1/balance"};
    assert_int_equal(client_request(c, &r, &a, &why, &reply), OK);
    assert_int_equal(reply.date, 1795336200);
    assert_int_equal(json_get(reply.json, "a")->count, 2);
    server_stop(&s);
    assert_non_null(strstr(s.requests.ptr, "GET /v1/balance HTTP/1.1\r\n"));
    assert_non_null(strstr(s.requests.ptr, "Authorization: Bearer puras_live_12345678.secret\r\n"));
    assert_null(strstr(s.requests.ptr, "Expect:"));
    buf_done(&s.requests);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static bool to_text(void *arg, const struct client_event *e) {
    buf_printf(arg, "%.*s:%.*s ", STR_ARG(e->id), STR_ARG(e->type));
    return !str_is(e->type, "completed");
}

static void reads_a_stream_from_a_place(void **state) {
    const char *const script[] = {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n: hi\n\nid: 3\nevent: progress\ndata: {}\n\n"
                                  "id: 4\nevent: completed\ndata: {}\n\nid: 5\nevent: never\ndata: {}\n\n", NULL};
    struct server s;
    server_start(&s, script);
    _cleanup_(client_destroyp) struct client *c = client_for(&s, NULL);
    struct buf text = {0};
    struct why why = {0};
    assert_int_equal(client_events(c, "/e", "2", 5000, 5000, to_text, &text, &why), OK);
    assert_string_equal(text.ptr, "3:progress 4:completed ");
    server_stop(&s);
    assert_non_null(strstr(s.requests.ptr, "Last-Event-ID: 2\r\n"));
    buf_done(&s.requests);
    buf_done(&text);
}

static void downloads_whole_files_only(void **state) {
    const char *const script[] = {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", CUT,
                                  "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", NULL};
    struct server s;
    server_start(&s, script);
    _cleanup_(client_destroyp) struct client *c = client_for(&s, NULL);
    _cleanup_(fclosep) FILE *f = tmpfile();
    int64_t bytes = -1;
    char sha256[65] = "";
    struct why why = {0};
    assert_int_equal(client_download(c, "/f", fileno(f), &why, &bytes, sha256), OK);
    assert_int_equal(bytes, 3);
    assert_string_equal(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(client_download(c, "/f", fileno(f), &why, &bytes, sha256), E_UNAVAILABLE);
    assert_int_not_equal(client_download(c, "/f", fileno(f), &why, &bytes, sha256), OK);
    server_stop(&s);
    buf_done(&s.requests);
}

static void uploads_the_bytes(void **state) {
    const char *const script[] = {OK_JSON, NULL};
    struct server s;
    server_start(&s, script);
    _cleanup_(client_destroyp) struct client *c = client_for(&s, NULL);
    _cleanup_(arena_done) struct arena a = {0};
    _cleanup_(fclosep) FILE *f = tmpfile();
    fputs("hello", f);
    rewind(f);
    struct client_reply reply;
    struct why why = {0};
    assert_int_equal(client_upload(c, "/f", fileno(f), 5, "text/plain", &a, &why, &reply), OK);
    server_stop(&s);
    assert_non_null(strstr(s.requests.ptr, "PUT /f HTTP/1.1\r\n"));
    assert_non_null(strstr(s.requests.ptr, "Content-Type: text/plain\r\n"));
    assert_non_null(strstr(s.requests.ptr, "\r\n\r\nhello"));
    buf_done(&s.requests);
}

static void refuses_what_cannot_be_sent(void **state) {
    struct client *c = NULL;
    struct why why = {0};
    assert_int_equal(client_create(&(struct client_options){.base = "ftp://x"}, &why, &c), E_INVALID);
    assert_int_equal(client_create(&(struct client_options){.base = "http://x", .key = "a\r\nX: y"}, &why, &c), E_INVALID);
    assert_null(c);
    struct buf b = {0};
    url_add_path(&b, STR("a b/\xc3\xa4?#"));
    url_add_value(&b, STR("/&="));
    assert_string_equal(b.ptr, "a%20b/%C3%A4%3F%23%2F%26%3D");
    buf_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retries_only_with_a_key),    cmocka_unit_test(errors_become_ours),         cmocka_unit_test(sends_the_key_and_no_proxy),
        cmocka_unit_test(reads_a_stream_from_a_place), cmocka_unit_test(downloads_whole_files_only), cmocka_unit_test(uploads_the_bytes),
        cmocka_unit_test(refuses_what_cannot_be_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
