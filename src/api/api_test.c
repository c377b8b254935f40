/* The surface over real sockets: the HTTP server, this room, and a stand-in for the operations (ops_double.c). */
#include "api/api_test.h"
#include "api/ops_double.h"
#include "api/routes.h"
#include "base/cleanup.h"
#include "base/hash.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

/* --- the server under test --- */

static struct loop *loop;
static struct http_server *server;
static struct api *api;
static struct ops *ops;
static pthread_t thread;
static int port;

static void *run(void *arg) {
    loop_run(loop);
    return NULL;
}
static void stop(void *arg) {
    http_server_destroy(server);
    loop_stop(loop);
}

static int start_all(void **state) {
    struct why why = {0};
    loop = loop_create();
    ops = double_create(loop);
    api = api_create(
        &(struct api_options){.ops = ops, .io = loop_io(loop), .public_url = "http://puras.test/", .version = "9.9"});
    struct http_options o = {.loop = loop, .listen = "127.0.0.1:0", .fd = -1, .on_head = api_handle, .arg = api};
    if (http_server_create(&o, &why, &server)) return -1;
    port = http_server_port(server);
    return pthread_create(&thread, NULL, run, NULL);
}
static int stop_all(void **state) {
    loop_post(loop, stop, NULL);
    pthread_join(thread, NULL);
    loop_destroy(loop);
    api_destroy(api);
    double_destroy(ops);
    return 0;
}

/* --- a client that says exactly what it is told --- */

static int dial(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}
static void send_all(int fd, struct str s) {
    while (s.len) {
        ssize_t n = send(fd, s.ptr, s.len, MSG_NOSIGNAL);
        if (n <= 0) return; /* an early refusal may close while we still write */
        s = str_skip(s, (size_t)n);
    }
}
static struct buf receive_all(int fd) {
    struct buf b = {0};
    char part[4096];
    ssize_t n;
    while ((n = recv(fd, part, sizeof part, 0)) > 0) buf_add(&b, part, (size_t)n);
    buf_c(&b, 0);
    b.len--;
    close(fd);
    return b;
}

void response_done(struct response *r) { buf_done(&r->all); }

struct response ask_bytes(const char *method, const char *target, const char *headers, struct str body) {
    struct buf out = {0};
    buf_printf(&out, "%s %s HTTP/1.1\r\nHost: puras.test\r\nConnection: close\r\n%s", method, target, headers);
    if (body.ptr) buf_printf(&out, "Content-Length: %zu\r\n", body.len);
    buf_z(&out, "\r\n");
    if (body.ptr) buf_str(&out, body);
    int fd = dial();
    send_all(fd, buf_view(&out));
    buf_done(&out);
    struct response r = {.all = receive_all(fd)};
    r.status = r.all.len > 12 ? (int)strtol(r.all.ptr + 9, NULL, 10) : 0;
    char *end = strstr(r.all.ptr, "\r\n\r\n");
    if (end) r.body = str_n(end + 4, r.all.len - (size_t)(end + 4 - r.all.ptr));
    return r;
}
static struct response ask(const char *method, const char *target, const char *headers, const char *body) {
    return ask_bytes(method, target, headers, str_of(body));
}
static void wait_for(atomic_int *counter, int value) {
    for (int i = 0; i < 4000 && atomic_load(counter) != value; i++) nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    assert_int_equal(atomic_load(counter), value);
}

/* --- tables --- */

void check_rows(const struct row *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const struct row *t = &rows[i];
        struct response r = ask(t->method, t->target, t->headers, t->body);
        bool good =
            r.status == t->status && (!t->has || strstr(r.all.ptr, t->has)) && (!t->lacks || !strstr(r.all.ptr, t->lacks));
        if (r.status >= 400 && strcmp(t->method, "HEAD") != 0) {
            /* Every error is an object whose first member is the sentence, complete before byte 500. */
            const char *code = r.body.ptr ? strstr(r.body.ptr, "\",\"code\":") : NULL;
            good = good && str_starts(r.body, STR("{\"detail\":\"")) && code && code - r.body.ptr < 500;
        }
        if (!good)
            fail_msg("row %zu: %s %s\nwanted %d %s, got:\n%s", i, t->method, t->target, t->status, t->has ? t->has : "",
                     r.all.ptr);
        response_done(&r);
    }
}

static void test_paths(void **state) {
    static const struct row rows[] = {
        {"GET", "/", "", NULL, 404, "\"code\":\"not_found\"", NULL},
        {"GET", "/v1", LIVE, NULL, 404, NULL, NULL},
        {"GET", "/v1/generations/", LIVE, NULL, 404, NULL, NULL},
        {"GET", "/v1/models/", LIVE, NULL, 404, NULL, NULL},
        {"GET", "/v1/keys/a/b", LIVE, NULL, 404, NULL, NULL},
        {"GET", "/v1/balances", LIVE, NULL, 404, NULL, NULL},
        {"GET", "/V1/balance", LIVE, NULL, 404, NULL, NULL},
        {"POST", "/v1/balance", LIVE, "{}", 405, "Allow: GET, HEAD\r\n", NULL},
        {"PUT", "/v1/generations", LIVE, "{}", 405, "Allow: POST, GET, HEAD\r\n", NULL},
        {"DELETE", "/v1/generations/" A "/events", LIVE, NULL, 405, "Allow: GET\r\n", NULL},
        {"HEAD", "/v1/generations/" A "/events", LIVE, NULL, 405, "Allow: GET\r\n", NULL},
        {"OPTIONS", "/v1/generations", "Origin: https://evil.test\r\n", NULL, 405, "Allow: ", "Access-Control"},
        {"OPTIONS", "/v1/drive/files/a.png", "", NULL, 405, "Allow: GET, HEAD, PUT, DELETE\r\n", NULL},
        {"GET", "/v1/models/puras/sketch", LIVE, NULL, 200, "\"slug\":\"puras/sketch\"", NULL},
        {"GET", "/v1/models/puras%2Fsketch", LIVE, NULL, 200, "\"slug\":\"puras/sketch\"", NULL},
        {"GET", "/v1/models/no/such", LIVE, NULL, 404, NULL, NULL},
        {"GET", "/v1/models/%zz", LIVE, NULL, 400, NULL, NULL},
        {"GET", "/v1/models/%00", LIVE, NULL, 400, NULL, NULL},
        {"GET", "/v1/models?kind=video", LIVE, NULL, 200, "\"kind\":\"video\",\"slug\":\"\"", NULL},
        {"GET", "/v1/generations/XYZ", LIVE, NULL, 404, NULL, NULL},
        {"GET", "/v1/generations/cccccccccccccccccccccccccccccccc", LIVE, NULL, 404, NULL, NULL},
        {"DELETE", "/v1/keys/12345678", ADMIN, NULL, 200, "\"prefix\":\"12345678\"", NULL},
        {"POST", "/v1/keys/12345678/revoke", ADMIN, "", 200, "\"prefix\":\"12345678\"", NULL},
        {"GET", "/health", "", NULL, 200, "{\"status\":\"ok\"}", NULL},
        {"HEAD", "/healthz", "", NULL, 200, "Content-Length: 15\r\n", "status\""},
        {"GET", "/readyz", "", NULL, 503, "\"readiness\":{\"status\":\"not_ready\",\"warnings\":[\"w\"]}}", NULL},
        {"GET", "/metrics", "", NULL, 200, "puras_x 1", NULL},
        {"GET", "/v1/pricing", "", NULL, 200, "{\"models\":[]}", NULL},
        {"GET", "/v1/billing/balance", TEST, NULL, 200, "\"book\":\"test\"", NULL},
        {"GET", "/v1/balance", LIVE, NULL, 200, "Cache-Control: no-store\r\n", NULL},
        {"GET", "/v1/balance", LIVE, NULL, 200, "Server-Timing: total;dur=", NULL},
        {"GET", "/v1/balance", LIVE, NULL, 200, "X-Content-Type-Options: nosniff\r\n", NULL},
    };
    CHECK(rows);
}

static void test_keys(void **state) {
    static const struct row rows[] = {
        {"GET", "/v1/balance", "", NULL, 401, "WWW-Authenticate: Bearer", NULL},
        {"GET", "/v1/balance", "Authorization: Bearer live\r\n", NULL, 200, NULL, NULL},
        {"GET", "/v1/balance", "Authorization: bearer   live\r\n", NULL, 200, NULL, NULL},
        {"GET", "/v1/balance", "X-API-Key: live\r\n", NULL, 200, NULL, NULL},
        {"GET", "/v1/balance", "X-API-Key: later\r\n", NULL, 200, NULL, NULL},
        {"GET", "/v1/balance", "Authorization: Bearer live\r\nX-API-Key: live\r\n", NULL, 200, NULL, NULL},
        {"GET", "/v1/balance", "Authorization: Bearer live\r\nX-API-Key: test\r\n", NULL, 400, "two different keys", NULL},
        {"GET", "/v1/balance", "Authorization: Basic bGl2ZQ==\r\n", NULL, 401, "WWW-Authenticate: Bearer", NULL},
        {"GET", "/v1/balance", "Authorization: live\r\n", NULL, 401, NULL, NULL},
        {"GET", "/v1/balance", "Authorization: Bearer \r\n", NULL, 401, NULL, NULL},
        {"GET", "/v1/balance", "X-API-Key:\r\n", NULL, 401, NULL, NULL},
        {"GET", "/v1/balance", "X-API-Key: wrong\r\n", NULL, 401, "That key is not known here.", NULL},
        {"GET", "/v1/balance?api_key=live", "", NULL, 401, NULL, NULL},
        /* a secret key in a web page */
        {"GET", "/v1/balance", LIVE "Origin: https://a.test\r\n", NULL, 403, "\"code\":\"forbidden\"", "Access-Control"},
        {"GET", "/v1/pricing", LIVE "Origin: https://a.test\r\n", NULL, 403, NULL, NULL},
        {"GET", "/v1/pricing", "Origin: https://a.test\r\n", NULL, 200, NULL, "Access-Control"},
        /* scopes */
        {"GET", "/v1/ledger/audit", LIVE, NULL, 403, "admin key", NULL},
        {"GET", "/v1/ledger/audit", TEST, NULL, 403, NULL, NULL},
        {"GET", "/v1/ledger/audit", ADMIN, NULL, 200, "\"ok\":true", NULL},
        {"GET", "/v1/lineage?path=a.png", LIVE, NULL, 200, "\"path\":\"a.png\"", NULL},
        {"GET", "/v1/lineage", LIVE, NULL, 400, "one of path", NULL},
        {"GET", "/v1/lineage?path=a&sha256=b", LIVE, NULL, 400, "one of path", NULL},
        {"GET", "/v1/lineage?asset=x", LIVE, NULL, 400, "\"field\":\"asset\"", NULL},
        {"GET", "/v1/lineage?sha256=x", LIVE, NULL, 400, "\"field\":\"sha256\"", NULL},
        {"GET", "/v1/lineage?path=a.png", "", NULL, 401, NULL, NULL},
        {"GET", "/.well-known/puras-lineage.json", "", NULL, 200, "\"keys\"", NULL},
        {"GET", "/v1/projects", LIVE, NULL, 403, NULL, NULL},
        {"GET", "/v1/projects", ADMIN, NULL, 200, NULL, NULL},
        {"POST", "/v1/projects", ADMIN, "{\"name\":\"n\"}", 201, "\"id\":\"p\"", NULL},
        {"POST", "/v1/keys", ADMIN, "{\"kind\":\"live\"}", 201, "\"key\":\"k\"", NULL},
        {"POST", "/v1/keys", ADMIN, "{\"kind\":\"root\"}", 400, "\"field\":\"kind\"", NULL},
        {"GET", "/v1/keys", TEST, NULL, 403, NULL, NULL},
        {"POST", "/v1/top-up", LIVE, "{\"usd\":1}", 403, NULL, NULL},
        {"POST", "/v1/generations", ADMIN, "{\"model\":\"echo\"}", 403, "\"code\":\"forbidden\"", NULL},
        {"POST", "/v1/media/generate", ADMIN, "{\"model\":\"echo\"}", 403, NULL, NULL},
    };
    CHECK(rows);
}

static void test_bodies(void **state) {
    static const struct row rows[] = {
        {"POST", "/v1/quote", LIVE, "", 400, "\"code\":\"bad_json\"", NULL},
        {"POST", "/v1/quote", LIVE, "{", 400, "\"code\":\"bad_json\"", NULL},
        {"POST", "/v1/quote", LIVE, "[]", 400, "\"code\":\"bad_json\"", NULL},
        {"POST", "/v1/quote", LIVE, "null", 400, "\"code\":\"bad_json\"", NULL},
        {"POST", "/v1/quote", LIVE, "{\"model\":\"m\",\"model\":\"n\"}", 400, "\"code\":\"bad_json\"", NULL},
        {"POST", "/v1/quote", LIVE, "{\"model\":\"\xff\"}", 400, "\"code\":\"bad_json\"", NULL},
        {"POST", "/v1/quote", LIVE, "{\"model\":\"\\ud800\"}", 400, "\"code\":\"bad_json\"", NULL},
        {"POST", "/v1/quote", LIVE, "{\"model\":\"m\"}x", 400, "\"code\":\"bad_json\"", NULL},
        {"POST", "/v1/quote", LIVE, "{\"model\":\"m\",\"inputs\":{\"a\":1}}", 200, "\"model\":\"m\",\"count\":1", NULL},
        {"POST", "/v1/quote", LIVE, "{\"model\":\"m\",\"inputs\":null}", 200, "\"count\":0", NULL},
        {"POST", "/v1/quote", LIVE, "{\"model\":\"m\",\"inputs\":[5]}", 400, "\"field\":\"inputs\"", NULL},
        {"POST", "/v1/quote", LIVE, "{\"model\":\"m\",\"extra\":1}", 400,
         "\"extra\\\" that this call does not know; it takes model, inputs.", NULL},
        {"POST", "/v1/quote", LIVE, "{}", 400, "\"field\":\"model\"", NULL},
        {"POST", "/v1/quote", LIVE, "{\"model\":7}", 400, "\"field\":\"model\"", NULL},
        {"POST", "/v1/quote", LIVE, "{\"model\":\"\"}", 400, "\"field\":\"model\"", NULL},
        {"POST", "/v1/quote", LIVE, "{\"model\":\"a\\u0000b\"}", 400, "\"code\":\"bad_json\"", NULL},
        {"POST", "/v1/quote", LIVE "Content-Type: application/json; charset=utf-8\r\n", "{\"model\":\"m\"}", 200, NULL,
         NULL},
        {"POST", "/v1/quote", LIVE "Content-Type: text/plain\r\n", "{\"model\":\"m\"}", 415,
         "\"code\":\"unsupported_media_type\"", NULL},
        {"POST", "/v1/quote", LIVE "Content-Encoding: gzip\r\n", "{\"model\":\"m\"}", 415, NULL, NULL},
        {"POST", "/v1/quote", LIVE "Idempotency-Key: a b\r\n", "{\"model\":\"m\"}", 400, "Idempotency-Key", NULL},
        {"POST", "/v1/quote", LIVE "Idempotency-Key:\r\n", "{\"model\":\"m\"}", 400, "Idempotency-Key", NULL},
        {"POST", "/v1/top-up", ADMIN, "{\"usd\":10}", 200, "\"amount_micros\":10000000,", NULL},
        {"POST", "/v1/top-up", TEST, "{\"usd\":\"0.672\"}", 200, "\"amount_micros\":672000,", NULL},
        {"POST", "/v1/top-up", ADMIN "Idempotency-Key: k1\r\n", "{\"usd\":0.000001,\"project\":\"p\",\"reason\":\"r\"}", 200,
         "\"amount_micros\":1,\"project\":\"p\",\"key\":\"k1\",\"reason\":\"r\"", NULL},
        {"POST", "/v1/top-up", TEST, "{\"usd\":1,\"project\":\"p\"}", 403, NULL, NULL},
        {"POST", "/v1/top-up", TEST, "{\"usd\":1,\"project\":\"" DOUBLE_PROJECT "\"}", 200, NULL, NULL},
        {"POST", "/v1/top-up", ADMIN, "{\"usd\":0}", 400, "\"field\":\"usd\"", NULL},
        {"POST", "/v1/top-up", ADMIN, "{\"usd\":-1}", 400, "\"field\":\"usd\"", NULL},
        {"POST", "/v1/top-up", ADMIN, "{\"usd\":0.0000001}", 400, "\"field\":\"usd\"", NULL},
        {"POST", "/v1/top-up", ADMIN, "{\"usd\":1e308}", 400, "\"field\":\"usd\"", NULL},
        {"POST", "/v1/top-up", ADMIN, "{\"usd\":null}", 400, "\"field\":\"usd\"", NULL},
        {"POST", "/v1/top-up", ADMIN, "{\"usd\":true}", 400, "\"field\":\"usd\"", NULL},
        {"POST", "/v1/top-up", ADMIN, "{}", 400, "\"field\":\"usd\"", NULL},
        {"POST", "/v1/generations", LIVE, "{\"model\":\"echo\",\"max_micros\":0}", 400, "\"field\":\"max_micros\"", NULL},
        {"POST", "/v1/generations", LIVE, "{\"model\":\"echo\",\"max_micros\":1.5}", 400, "\"field\":\"max_micros\"", NULL},
        {"POST", "/v1/generations", LIVE, "{\"model\":\"echo\",\"max_micros\":\"5\"}", 400, "\"field\":\"max_micros\"",
         NULL},
        {"POST", "/v1/generations", LIVE, "{\"model\":\"echo\",\"url_ttl\":29}", 400, "from 30 to 2592000", NULL},
        {"POST", "/v1/generations", LIVE, "{\"model\":\"echo\",\"urlttl\":29}", 400, "\"field\":\"urlttl\"", NULL},
        {"POST", "/v1/drive/sign", LIVE, "{\"path\":\"a.png\",\"ttl\":60}", 200, "{\"path\":\"a.png\",\"expires_in\":60}",
         NULL},
        {"POST", "/v1/drive/sign", LIVE, "{\"path\":\"" DOUBLE_PROJECT "/a.png\",\"workspace_id\":\"" DOUBLE_PROJECT "\"}",
         200, "{\"path\":\"a.png\",\"expires_in\":0}", NULL},
        {"POST", "/v1/drive/sign", LIVE, "{\"path\":\"a.png\",\"ttl\":5}", 400, "\"field\":\"ttl\"", NULL},
        {"POST", "/v1/drive/sign", LIVE, "{\"path\":\"a.png\",\"workspace_id\":\"other\"}", 403,
         "\"field\":\"workspace_id\"", NULL},
    };
    CHECK(rows);
}

static void test_large_bodies(void **state) {
    struct buf big = {0};
    buf_z(&big, "{\"model\":\"m\",\"inputs\":{\"a\":\"");
    while (big.len < 1024 * 1024) buf_z(&big, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    buf_z(&big, "\"}}");
    struct response r = ask_bytes("POST", "/v1/quote", LIVE, buf_view(&big));
    assert_int_equal(r.status, 413);
    response_done(&r);
    /* of unknown length: the limit is met while reading */
    struct buf chunked = {0};
    buf_printf(&chunked, "%zx\r\n", big.len);
    buf_str(&chunked, buf_view(&big));
    buf_z(&chunked, "\r\n0\r\n\r\n");
    int fd = dial();
    send_all(fd,
             STR("POST /v1/quote HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" LIVE "Transfer-Encoding: chunked\r\n\r\n"));
    send_all(fd, buf_view(&chunked));
    r = (struct response){.all = receive_all(fd)};
    assert_non_null(strstr(r.all.ptr, " 413 "));
    response_done(&r);
    buf_done(&chunked);
    /* too deep is a fault of the document */
    buf_clear(&big);
    buf_z(&big, "{\"inputs\":");
    for (int i = 0; i < 100; i++) buf_c(&big, '[');
    for (int i = 0; i < 100; i++) buf_c(&big, ']');
    buf_c(&big, '}');
    r = ask_bytes("POST", "/v1/quote", LIVE, buf_view(&big));
    assert_int_equal(r.status, 400);
    assert_non_null(strstr(r.all.ptr, "\"code\":\"bad_json\""));
    response_done(&r);
    buf_done(&big);
}

static void test_generations(void **state) {
    static const struct row rows[] = {
        {"POST", "/v1/generations", LIVE,
         "{\"model\":\"echo\",\"inputs\":{\"b\":2,\"a\":1},\"kind\":\"image\",\"output_path\":\"x.png\",\"max_micros\":5,"
         "\"quote_id\":\"q\",\"url_ttl\":30}",
         202,
         "{\"model\":\"echo\",\"inputs\":{\"b\":2,\"a\":1},\"kind\":\"image\",\"output_path\":\"x.png\",\"output_url_path\":"
         "\"\",\"idempotency_key\":\"\",\"route\":\"POST /v1/generations\"",
         NULL},
        {"POST", "/v1/generations", LIVE, "{\"model\":\"echo\",\"webhook_url\":\"https://a.test/h\"}", 202, "\"webhook_url\":\"https://a.test/h\"", NULL},
        {"POST", "/v1/generations", LIVE, "{\"model\":\"echo\",\"webhook_url\":7}", 400, "webhook_url", NULL},
        {"POST", "/v1/generations", LIVE, "{\"model\":\"echo\"}", 202,
         "Location: http://puras.test/v1/generations/" A "\r\n", "Preference-Applied"},
        {"POST", "/v1/generations", LIVE, "{\"model\":\"echo\"}", 202,
         "\"wait\":0,\"view\":\"generation\",\"book\":\"live\"", "Idempotent-Replayed"},
        {"POST", "/v1/generations", TEST, "{\"model\":\"echo\"}", 202, "\"book\":\"test\"", NULL},
        {"POST", "/v1/generations", LIVE "Prefer: wait=7\r\n", "{\"model\":\"echo\"}", 200, "\"wait\":7000,", NULL},
        {"POST", "/v1/generations", LIVE "Prefer: wait=7\r\n", "{\"model\":\"slow\"}", 202, "{\"status\":\"processing\"}",
         NULL},
        {"POST", "/v1/generations", LIVE "Prefer: wait=9999\r\n", "{\"model\":\"echo\"}", 200, "\"wait\":590000,", NULL},
        {"POST", "/v1/generations", LIVE "Prefer: wait=0\r\n", "{\"model\":\"slow\"}", 202, "\"wait\":0,", NULL},
        {"POST", "/v1/generations", LIVE "Idempotency-Key: again\r\n", "{\"model\":\"echo\"}", 202,
         "Idempotent-Replayed: true\r\n", NULL},
        {"POST", "/v1/generations", LIVE "Idempotency-Key: k!~\r\n", "{\"model\":\"echo\"}", 202,
         "\"idempotency_key\":\"k!~\"", NULL},
        {"POST", "/v1/generations", LIVE, "{\"model\":\"poor\"}", 402, "\"missing_micros\":6000", NULL},
        {"POST", "/v1/generations", LIVE, "{\"model\":\"busy\"}", 503, "Retry-After: 3\r\n", NULL},
        {"POST", "/v1/generations", LIVE, "{\"model\":\"brief\"}", 503, "Retry-After: 1\r\n", NULL},
        {"POST", "/v1/generations", LIVE, "{\"model\":\"refused\"}", 422, "\"generation_id\":\"" A "\"", NULL},
        {"POST", "/v1/generations", LIVE, "{\"model\":\"wordy\"}", 400, "wwwwww\",\"code\":\"invalid_argument\"", NULL},
        {"GET", "/v1/generations/" A, LIVE, NULL, 200, "\"status\":\"completed\",\"ttl\":0", NULL},
        {"GET", "/v1/generations/" A "?url_ttl=60", LIVE, NULL, 200, "\"ttl\":60", NULL},
        {"GET", "/v1/generations/" A "?url_ttl=6", LIVE, NULL, 400, "\"field\":\"url_ttl\"", NULL},
        {"GET", "/v1/generations/" B, LIVE, NULL, 200, "\"status\":\"processing\"", NULL},
        {"GET", "/v1/generations/" B "?wait=5", LIVE, NULL, 200, "\"status\":\"processing\"", "Location"},
        {"GET", "/v1/generations/" B "?wait=591", LIVE, NULL, 400, "from 0 to 590", NULL},
        {"GET", "/v1/generations/" B "?wait=x", LIVE, NULL, 400, "\"field\":\"wait\"", NULL},
        {"GET", "/v1/generations?limit=7&before=9&state=failed&model=puras%2Fsketch", LIVE, NULL, 200,
         "{\"before\":9,\"limit\":7,\"state\":\"failed\",\"model\":\"puras/sketch\",", NULL},
        {"GET", "/v1/generations", LIVE, NULL, 200, "{\"before\":0,\"limit\":50,", NULL},
        {"GET", "/v1/generations?limit=201", LIVE, NULL, 400, "\"field\":\"limit\"", NULL},
        {"GET", "/v1/generations?limit=0", LIVE, NULL, 400, "\"field\":\"limit\"", NULL},
        {"GET", "/v1/generations?state=done", LIVE, NULL, 400, "\"field\":\"state\"", NULL},
        {"GET", "/v1/generations?before=99999999999999999999", LIVE, NULL, 400, "\"field\":\"before\"", NULL},
        {"POST", "/v1/generations/" B "/cancel", LIVE, NULL, 200, "\"cancel_requested\":true", NULL},
        {"POST", "/v1/generations/" B "/resolve", LIVE, NULL, 403, "\"code\":\"forbidden\"", NULL},
        {"POST", "/v1/generations/" B "/resolve", ADMIN, NULL, 200, NULL, NULL},
        {"POST", "/v1/generations/" A "/resolve", ADMIN, NULL, 409, "\"code\":\"conflict\"", NULL},
        {"POST", "/v1/generations/" B "/cancel", LIVE, "anything", 200, NULL, NULL},
        {"POST", "/v1/generations/" A "/cancel", LIVE, "", 409, "\"code\":\"conflict\"", NULL},
        {"POST", "/v1/generations/a/cancel", LIVE, "", 404, NULL, NULL},
        {"GET", "/v1/usage_events?limit=3", LIVE, NULL, 200, "\"limit\":3,", NULL},
        {"GET", "/v1/ledger?before=4", LIVE, NULL, 200, "{\"before\":4,", NULL},
    };
    CHECK(rows);
}

static void test_media(void **state) {
    static const struct row rows[] = {
        {"POST", "/v1/media/generate", LIVE,
         "{\"model\":\"echo\",\"output_url_path\":\"a.b\",\"persist\":false,\"job_id\":null,\"verb\":null,\"kind\":\"auto\","
         "\"new\":[1]}",
         200, "\"kind\":\"auto\",\"output_path\":\"\",\"output_url_path\":\"a.b\"", NULL},
        {"POST", "/v1/media/generate", LIVE, "{\"model\":\"echo\",\"webhook_url\":\"https://a.test/h\"}", 200, "\"webhook_url\":\"https://a.test/h\"", NULL},
        {"POST", "/v1/media/generate", LIVE, "{\"model\":\"echo\"}", 200, "\"wait\":590000,\"view\":\"media\"", NULL},
        {"POST", "/v1/media/generate", LIVE, "{\"model\":\"echo\",\"verb\":\"video\"}", 200, "\"kind\":\"video\"", NULL},
        {"POST", "/v1/media/generate", LIVE, "{\"model\":\"echo\",\"verb\":\"video\",\"kind\":\"image\"}", 200,
         "\"kind\":\"image\"", NULL},
        {"POST", "/v1/media/generate", LIVE, "{\"model\":\"echo\",\"project_id\":\"" DOUBLE_PROJECT "\"}", 200, NULL, NULL},
        {"POST", "/v1/media/generate", LIVE, "{\"model\":\"echo\",\"workspace_id\":\"" DOUBLE_PROJECT "\"}", 200, NULL,
         NULL},
        {"POST", "/v1/media/generate", LIVE, "{\"model\":\"echo\",\"workspace_id\":null}", 200, NULL, NULL},
        {"POST", "/v1/media/generate", LIVE, "{\"model\":\"echo\",\"workspace_id\":\"w\"}", 403,
         "\"field\":\"workspace_id\"", NULL},
        {"POST", "/v1/media/generate", LIVE, "{\"model\":\"echo\",\"project_id\":\"p\"}", 403, "\"field\":\"project_id\"",
         NULL},
        {"POST", "/v1/media/generate", LIVE, "{\"model\":\"echo\",\"persist\":\"yes\"}", 400, "\"field\":\"persist\"", NULL},
        {"POST", "/v1/media/generate", LIVE, "{\"model\":\"echo\",\"inputs\":\"x\"}", 400, "\"field\":\"inputs\"", NULL},
        /* without Prefer a wait that ran out is an error that names the generation, never a 202 */
        {"POST", "/v1/media/generate", LIVE, "{\"model\":\"slow\"}", 504, "Generation " B " is still running", NULL},
        {"POST", "/v1/media/generate", LIVE, "{\"model\":\"slow\"}", 504, "\"generation_id\":\"" B "\"", "HTTP/1.1 202"},
        {"POST", "/v1/media/generate", LIVE "Prefer: wait=1\r\n", "{\"model\":\"slow\"}", 202, "{\"status\":\"processing\"}",
         NULL},
        {"POST", "/v1/media/generate", LIVE "Prefer: wait=1\r\n", "{\"model\":\"slow\"}", 202,
         "Location: http://puras.test/v1/generations/" B "\r\n", NULL},
        {"POST", "/v1/media/generate", LIVE "Prefer: respond-async\r\n", "{\"model\":\"echo\"}", 202,
         "\"wait\":0,\"view\":\"generation\"", NULL},
        {"POST", "/v1/media/generate", LIVE "Prefer: respond-async\r\n", "{\"model\":\"echo\"}", 202,
         "Preference-Applied: respond-async\r\n", NULL},
        {"POST", "/v1/media/generate", LIVE "Prefer: wait=1\r\n", "{\"model\":\"echo\"}", 200,
         "\"wait\":1000,\"view\":\"media\"", NULL},
    };
    CHECK(rows);
}

/* The hash covers method, route and canonical body: order and spelling of numbers do not matter, anything else does. */
static void test_request_hash(void **state) {
    static const struct {
        const char *target, *body;
        bool same;
    } rows[] = {
        {"/v1/generations", "{\"model\":\"echo\",\"inputs\":{\"a\":1,\"b\":2}}", true},
        {"/v1/generations", "{ \"inputs\": {\"b\":2,\"a\":1}, \"model\":\"echo\"}", true},
        {"/v1/generations", "{\"model\":\"echo\",\"inputs\":{\"a\":1,\"b\":3}}", false},
        {"/v1/media/generate", "{\"model\":\"echo\",\"inputs\":{\"a\":1,\"b\":2}}", false},
    };
    char hex[SHA256_HEX + 1], needle[128];
    sha256_hex(STR("POST /v1/generations\n{\"inputs\":{\"a\":1,\"b\":2},\"model\":\"echo\"}"), hex);
    snprintf(needle, sizeof needle, "\"request_hash\":\"%s\"", hex);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct response r = ask("POST", rows[i].target, LIVE, rows[i].body);
        assert_int_equal(strstr(r.all.ptr, needle) != NULL, rows[i].same);
        response_done(&r);
    }
}

#define FILE_A "/v1/drive/files/a.png"
static void test_files(void **state) {
    static const struct row rows[] = {
        {"GET", FILE_A, LIVE, NULL, 200, "\r\n\r\nabcdefghijklmnopqrstuvwxyz", NULL},
        {"GET", FILE_A, LIVE, NULL, 200, "Content-Type: image/png\r\n", NULL},
        {"GET", FILE_A, LIVE, NULL, 200, "ETag: \"" DOUBLE_SHA "\"\r\n", NULL},
        {"GET", FILE_A, LIVE, NULL, 200, "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n", NULL},
        {"GET", FILE_A, LIVE, NULL, 200, "Accept-Ranges: bytes\r\n", NULL},
        {"GET", FILE_A, LIVE, NULL, 200, "X-Content-Type-Options: nosniff\r\n", NULL},
        {"GET", FILE_A, LIVE, NULL, 200, "Content-Security-Policy: default-src 'none'; sandbox\r\n", NULL},
        {"GET", FILE_A, LIVE, NULL, 200, "Content-Disposition: inline; filename=\"a.png\"; filename*=UTF-8''a.png\r\n",
         NULL},
        {"GET", FILE_A, LIVE, NULL, 200, "Cache-Control: private, no-cache\r\n", "no-store"},
        {"GET", "/v1/drive/files/page.html", LIVE, NULL, 200, "Content-Disposition: attachment; ", NULL},
        {"GET", "/v1/drive/files/none", LIVE, NULL, 404, "\"code\":\"not_found\"", NULL},
        {"GET", "/v1/drive/files/%2e%2e/x", LIVE, NULL, 400, "\"code\":\"bad_path\"", NULL},
        {"GET", "/v1/drive/files/empty", LIVE, NULL, 200, "Content-Length: 0\r\n", NULL},
        {"HEAD", FILE_A, LIVE, NULL, 200, "Content-Length: 26\r\n", "abcdef"},
        {"HEAD", FILE_A, LIVE "Range: bytes=0-1\r\n", NULL, 200, "Content-Length: 26\r\n", "Content-Range"},
        /* ranges */
        {"GET", FILE_A, LIVE "Range: bytes=0-2\r\n", NULL, 206, "Content-Range: bytes 0-2/26\r\n", NULL},
        {"GET", FILE_A, LIVE "Range: bytes=0-2\r\n", NULL, 206, "\r\n\r\nabc", "abcd"},
        {"GET", FILE_A, LIVE "Range: bytes=23-\r\n", NULL, 206, "\r\n\r\nxyz", NULL},
        {"GET", FILE_A, LIVE "Range: bytes=-2\r\n", NULL, 206, "\r\n\r\nyz", NULL},
        {"GET", FILE_A, LIVE "Range: bytes=20-99\r\n", NULL, 206, "Content-Range: bytes 20-25/26\r\n", NULL},
        {"GET", FILE_A, LIVE "Range: bytes=26-\r\n", NULL, 416, "Content-Range: bytes */26\r\n", NULL},
        {"GET", FILE_A, LIVE "Range: bytes=-0\r\n", NULL, 416, "\"code\":\"range_not_satisfiable\"", NULL},
        {"GET", "/v1/drive/files/empty", LIVE "Range: bytes=0-\r\n", NULL, 416, "Content-Range: bytes */0\r\n", NULL},
        {"GET", FILE_A, LIVE "Range: bytes=0-1,3-4\r\n", NULL, 200, "Content-Length: 26\r\n", "Content-Range"},
        {"GET", FILE_A, LIVE "Range: lines=0-1\r\n", NULL, 200, "Content-Length: 26\r\n", NULL},
        {"GET", FILE_A, LIVE "Range: bytes=0-1\r\nIf-Range: \"" DOUBLE_SHA "\"\r\n", NULL, 206, NULL, NULL},
        {"GET", FILE_A, LIVE "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n", NULL, 200, NULL, NULL},
        {"GET", FILE_A, LIVE "Range: bytes=0-1\r\nIf-Range: W/\"" DOUBLE_SHA "\"\r\n", NULL, 200, NULL, NULL},
        {"GET", FILE_A, LIVE "Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n", NULL, 206, NULL, NULL},
        {"GET", FILE_A, LIVE "Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n", NULL, 200, NULL, NULL},
        /* conditions */
        {"GET", FILE_A, LIVE "If-None-Match: \"" DOUBLE_SHA "\"\r\n", NULL, 304, "ETag: ", "abcdef"},
        {"GET", FILE_A, LIVE "If-None-Match: \"x\", W/\"" DOUBLE_SHA "\"\r\n", NULL, 304, NULL, NULL},
        {"HEAD", FILE_A, LIVE "If-None-Match: *\r\n", NULL, 304, NULL, NULL},
        {"GET", FILE_A, LIVE "If-None-Match: \"x\"\r\n", NULL, 200, NULL, NULL},
        {"GET", FILE_A, LIVE "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", NULL, 304, NULL, NULL},
        {"GET", FILE_A, LIVE "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", NULL, 200, NULL, NULL},
        {"GET", FILE_A, LIVE "If-None-Match: \"x\"\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", NULL, 200, NULL,
         NULL},
        {"GET", FILE_A, LIVE "If-Match: \"" DOUBLE_SHA "\"\r\n", NULL, 200, NULL, NULL},
        {"GET", FILE_A, LIVE "If-Match: \"x\"\r\n", NULL, 412, "\"code\":\"precondition_failed\"", NULL},
        {"GET", FILE_A, LIVE "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", NULL, 412, NULL, NULL},
        /* links */
        {"GET", FILE_A "?exp=1&kid=k&sig=good", "", NULL, 200, "abcdef", NULL},
        {"GET", FILE_A "?exp=1&kid=k&sig=good", "Origin: https://a.test\r\n", NULL, 200, "Access-Control-Allow-Origin: *", NULL},
        {"HEAD", FILE_A "?exp=1&kid=k&sig=good", "", NULL, 200, "Content-Length: 26\r\n", NULL},
        {"GET", FILE_A "?exp=2&kid=k&sig=good", "", NULL, 403, "\"code\":\"bad_signature\"", NULL},
        {"GET", FILE_A, "", NULL, 401, NULL, NULL},
        /* changed where no signature is read any more: a bad link all the same */
        {"GET", FILE_A "?exp=1&kid=k&sjg=good", "", NULL, 403, "\"code\":\"bad_signature\"", NULL},
        {"GET", FILE_A "?exp=1&kid=k", "", NULL, 403, "\"code\":\"bad_signature\"", NULL},
        {"GET", FILE_A "Xexp=1&kid=k&sig=good", "", NULL, 403, "\"code\":\"bad_signature\"", NULL},
        {"GET", FILE_A "%2X?exp=1&kid=k&sig=bad", "", NULL, 403, "\"code\":\"bad_signature\"", NULL},
        {"GET", FILE_A "%2X", LIVE, NULL, 400, "\"code\":\"bad_request\"", NULL},
        {"DELETE", FILE_A "?exp=1&kid=k&sig=good", "", NULL, 401, NULL, NULL},
        {"PUT", FILE_A "?exp=1&kid=k&sig=good", "", "x", 401, NULL, NULL},
        /* the rest of the drive */
        {"GET", "/v1/drive?prefix=a%2Fb&after=c&limit=9", LIVE, NULL, 200,
         "{\"prefix\":\"a/b\",\"after\":\"c\",\"limit\":9}", NULL},
        {"GET", "/v1/drive?limit=1000", LIVE, NULL, 400, "\"field\":\"limit\"", NULL},
        {"DELETE", FILE_A, LIVE, NULL, 200, "\"deleted\":true", NULL},
        {"PUT", "/v1/drive/files/new", LIVE, "abc", 201, "{\"size\":3,\"sum\":96354,", NULL},
        {"PUT", "/v1/drive/files/new", LIVE, "", 201, "{\"size\":0,", NULL},
        {"PUT", "/v1/drive/files/full", LIVE, "abc", 507, "\"code\":\"drive_full\"", NULL},
        {"PUT", "/v1/drive/files/small", LIVE, "0123456789", 201, "{\"size\":10,", NULL},
        {"PUT", "/v1/drive/files/small", LIVE, "0123456789a", 507, "\"code\":\"drive_full\"", NULL},
        {"PUT", "/v1/drive/files/new", LIVE "Content-Range: bytes 0-1/3\r\n", "ab", 400, NULL, NULL},
        {"PUT", "/v1/drive/files/new", LIVE "Content-Encoding: gzip\r\n", "ab", 415, NULL, NULL},
    };
    CHECK(rows);
}

/* The sink stops after each piece and is called again; nothing is lost or doubled. */
static void test_slow_upload(void **state) {
    struct buf body = {0};
    uint32_t sum = 0;
    for (int i = 0; i < 300000; i++) {
        buf_c(&body, (char)(i * 7));
        sum = sum * 31 + (unsigned char)body.ptr[i];
    }
    char needle[64];
    snprintf(needle, sizeof needle, "{\"size\":300000,\"sum\":%u,", sum);
    struct response r = ask_bytes("PUT", "/v1/drive/files/slow", LIVE, buf_view(&body));
    assert_int_equal(r.status, 201);
    assert_non_null(strstr(r.all.ptr, needle));
    response_done(&r);
    buf_done(&body);
}

/* Of an unknown length: refused by the byte that is too much, with no end in sight. */
static void test_no_room_in_pieces(void **state) {
    static const char *const rest[] = {"0\r\n\r\n", "1\r\na\r\n"};
    static const char *const said[] = {"HTTP/1.1 201", "HTTP/1.1 507"};
    for (int i = 0; i < 2; i++) {
        int fd = dial();
        send_all(fd, STR("PUT /v1/drive/files/small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" LIVE
                         "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n"));
        send_all(fd, str_of(rest[i]));
        char part[512] = "";
        assert_true(recv(fd, part, sizeof part - 1, 0) > 0);
        assert_memory_equal(part, said[i], 12);
        close(fd);
    }
}

static void test_expect(void **state) {
    int fd = dial();
    char part[512] = "";
    send_all(fd, STR("PUT /v1/drive/files/new HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" LIVE
                     "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
    ssize_t n = recv(fd, part, sizeof part - 1, 0);
    assert_true(n > 0);
    assert_memory_equal(part, "HTTP/1.1 100", 12);
    send_all(fd, STR("abc"));
    struct response r = {.all = receive_all(fd)};
    assert_non_null(strstr(r.all.ptr, "{\"size\":3,"));
    response_done(&r);
    /* refused before the body is asked for */
    r = ask("PUT", "/v1/drive/files/full", LIVE "Expect: 100-continue\r\nContent-Length: 3\r\n", NULL);
    assert_int_equal(r.status, 507);
    assert_null(strstr(r.all.ptr, "HTTP/1.1 100"));
    response_done(&r);
    r = ask("PUT", "/v1/drive/files/new", "X-API-Key: wrong\r\nExpect: 100-continue\r\nContent-Length: 3\r\n", NULL);
    assert_int_equal(r.status, 401);
    response_done(&r);
}

static void test_events(void **state) {
    static const struct row rows[] = {
        {"GET", "/v1/generations/" DOUBLE_EVENTS "/events", LIVE, NULL, 200, "Content-Type: text/event-stream", NULL},
        {"GET", "/v1/generations/" DOUBLE_EVENTS "/events", LIVE, NULL, 200, "id: 1\nevent: step\ndata: {}\n\n", NULL},
        {"GET", "/v1/generations/" DOUBLE_EVENTS "/events", LIVE, NULL, 200, "id: 5\n", "id: 6\n"},
        {"GET", "/v1/generations/" DOUBLE_EVENTS "/events", LIVE "Last-Event-ID: 3\r\n", NULL, 200, "id: 4\n", "id: 3\n"},
        {"GET", "/v1/generations/" DOUBLE_EVENTS "/events?after=3", LIVE, NULL, 200, "id: 4\n", "id: 3\n"},
        {"GET", "/v1/generations/" DOUBLE_EVENTS "/events?after=1", LIVE "Last-Event-ID: 4\r\n", NULL, 200, "id: 5\n",
         "id: 4\n"},
        {"GET", "/v1/generations/" DOUBLE_EVENTS "/events", LIVE "Last-Event-ID: x\r\n", NULL, 400, "Last-Event-ID", NULL},
        {"GET", "/v1/generations/" DOUBLE_EVENTS "/events", LIVE "Last-Event-ID: -1\r\n", NULL, 400, NULL, NULL},
        {"GET", "/v1/generations/" A "/events", LIVE, NULL, 404, NULL, NULL},
        {"GET", "/v1/generations/nonsense/events", LIVE, NULL, 404, NULL, NULL},
        {"GET", "/v1/generations/" DOUBLE_EVENTS "/events", "", NULL, 401, NULL, NULL},
    };
    int before = atomic_load(&ops->closed);
    CHECK(rows);
    wait_for(&ops->closed, before + 6);
}

/* Callers that leave: the wait is given up, the upload forgotten, the event stream closed, an answer that comes late falls
 * away. */
static void leave_after(const char *head, atomic_int *until, int value) {
    int fd = dial();
    send_all(fd, str_of(head));
    wait_for(until, value);
    close(fd);
}
static void test_gone(void **state) {
    int abandoned = atomic_load(&ops->abandoned), aborted = atomic_load(&ops->aborted), closed = atomic_load(&ops->closed);
    leave_after("POST /v1/media/generate HTTP/1.1\r\nHost: a\r\n" LIVE "Content-Length: 18\r\n\r\n{\"model\":\"parked\"}",
                &ops->parked, 1);
    wait_for(&ops->abandoned, abandoned + 1);
    wait_for(&ops->parked, 0);

    int fd = dial();
    char part[64];
    send_all(fd, STR("PUT /v1/drive/files/new HTTP/1.1\r\nHost: a\r\n" LIVE
                     "Expect: 100-continue\r\nContent-Length: 10\r\n\r\n"));
    assert_true(recv(fd, part, sizeof part, 0) > 0);
    send_all(fd, STR("abc"));
    close(fd);
    wait_for(&ops->aborted, aborted + 1);

    fd = dial();
    send_all(fd, STR("GET /v1/generations/" DOUBLE_EVENTS "/events HTTP/1.1\r\nHost: a\r\n" LIVE "\r\n"));
    assert_true(recv(fd, part, sizeof part, 0) > 0);
    close(fd);
    wait_for(&ops->closed, closed + 1);

    for (int i = 0; i < 20; i++) { /* gone while its key is looked up */
        fd = dial();
        send_all(fd, STR("GET /v1/balance HTTP/1.1\r\nHost: a\r\nX-API-Key: later\r\n\r\n"));
        struct linger now = {.l_onoff = 1};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(fd);
    }
    struct response r = ask("GET", "/health", "", NULL);
    assert_int_equal(r.status, 200);
    response_done(&r);
}

/* Several requests on one connection each get their own exchange. */
static void test_keep_alive(void **state) {
    int fd = dial();
    send_all(fd, STR("POST /v1/generations HTTP/1.1\r\nHost: a\r\n" LIVE "Content-Length: 16\r\n\r\n{\"model\":\"echo\"}"
                     "GET /v1/balance HTTP/1.1\r\nHost: a\r\n" TEST "\r\n"
                     "GET " FILE_A " HTTP/1.1\r\nHost: a\r\n" LIVE "Range: bytes=0-1\r\n\r\n"
                     "GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    struct response r = {.all = receive_all(fd)};
    const char *at = r.all.ptr;
    static const char *const order[] = {"HTTP/1.1 202", "HTTP/1.1 200", "\"book\":\"test\"", "HTTP/1.1 206", "HTTP/1.1 404"};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        at = strstr(at, order[i]);
        assert_non_null(at);
    }
    response_done(&r);
}

/* --- the document --- */

static void check_refs(const struct json *root, const struct json *j) {
    struct str ref;
    if (json_is(j, JSON_OBJECT) && json_as_str(json_get(j, "$ref"), &ref)) {
        struct str rest = ref, part;
        const struct json *at = root;
        str_cut(rest, '/', &part, &rest);
        assert_true(str_is(part, "#"));
        while (!str_empty(rest)) {
            str_cut(rest, '/', &part, &rest);
            at = json_get_str(at, part);
        }
        if (!at) fail_msg("%.*s leads nowhere", STR_ARG(ref));
    }
    if (j->type == JSON_OBJECT || j->type == JSON_ARRAY)
        for (const struct json *c = j->child; c; c = c->next) check_refs(root, c);
}

static void test_openapi(void **state) {
    _cleanup_(arena_done) struct arena mem = {0};
    struct json *doc;
    struct why why = {0};
    struct response r = ask("GET", "/openapi.json", "", NULL);
    assert_int_equal(r.status, 200);
    if (json_parse(r.body, &mem, &why, &doc)) fail_msg("%s", why_text(&why));
    struct str url;
    assert_true(json_as_str(json_get(json_at(json_get(doc, "servers"), 0), "url"), &url) &&
                str_is(url, "http://puras.test"));
    check_refs(doc, doc);
    for (int i = 0; i < api_routes_count; i++) {
        const struct route *route = &api_routes[i];
        struct buf path = {0}, method = {0};
        for (const char *p = route->pattern; *p; p++)
            if (strncmp(p, "...}", 4) != 0)
                buf_c(&path, *p);
            else
                p += 2;
        for (const char *p = route->method; *p; p++) buf_c(&method, (char)(*p | 0x20));
        const struct json *op = json_get_str(json_get_str(json_get(doc, "paths"), buf_view(&path)), buf_view(&method));
        if (!op) fail_msg("%s %s is not in the document", route->method, route->pattern);
        const struct json *responses = json_get(op, "responses");
        assert_non_null(json_get(responses, "500"));
        assert_int_equal(json_get(responses, "401") != NULL, route->who != WHO_PUBLIC);
        assert_int_equal(json_get(op, "requestBody") != NULL, route->takes == TAKES_JSON || route->takes == TAKES_FILE || route->takes == TAKES_FORM || route->takes == TAKES_EITHER);
        bool declared = !strchr(route->pattern, '{'); /* a path parameter must be declared */
        for (const struct json *p = json_get(op, "parameters") ? json_get(op, "parameters")->child : NULL; p; p = p->next) {
            struct str ref, in;
            assert_true(json_as_str(json_get(p, "$ref"), &ref));
            const struct json *param = json_get_str(json_get(json_get(doc, "components"), "parameters"),
                                                    str_skip(ref, strlen("#/components/parameters/")));
            if (json_as_str(json_get(param, "in"), &in) && str_is(in, "path")) declared = true;
        }
        assert_true(declared);
        buf_done(&path);
        buf_done(&method);
    }
    response_done(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),        cmocka_unit_test(test_keys),        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_scopes),       cmocka_unit_test(test_policies),    cmocka_unit_test(test_rates),    cmocka_unit_test(test_labels),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_large_bodies), cmocka_unit_test(test_generations), cmocka_unit_test(test_media),
        cmocka_unit_test(test_request_hash), cmocka_unit_test(test_files),       cmocka_unit_test(test_slow_upload),
        cmocka_unit_test(test_no_room_in_pieces),
        cmocka_unit_test(test_expect),       cmocka_unit_test(test_events),      cmocka_unit_test(test_gone),
        cmocka_unit_test(test_keep_alive),   cmocka_unit_test(test_openapi),
    };
    return cmocka_run_group_tests(tests, start_all, stop_all);
}
