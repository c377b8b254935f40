/* TLS and HTTP/2, against nginx: certificates, sessions, many requests on one connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "io/loop.h"
#include "io/upstream.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

struct nginx {
    char dir[64], ca[96];
    int port;
    pid_t pid;
};

/* A certificate for localhost that signs itself. */
static void make_certificate(const struct nginx *n) {
    char path[128];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");
    X509_add_ext(cert, names, -1);
    X509_EXTENSION_free(names);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    FILE *f = fopen(n->ca, "w");
    assert_true(f && PEM_write_X509(f, cert) && fclose(f) == 0);
    snprintf(path, sizeof path, "%s/key.pem", n->dir);
    f = fopen(path, "w");
    assert_true(f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) && fclose(f) == 0);
    X509_free(cert);
    EVP_PKEY_free(key);
}

/* A port that was free a moment ago. */
static int free_port(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    must(bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    close(fd);
    return ntohs(at.sin_port);
}

static bool listens(int port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool yes = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
    close(fd);
    return yes;
}

static void nginx_start(struct nginx *n) {
    *n = (struct nginx){.dir = "/tmp/puras-nginx-XXXXXX"};
    assert_non_null(mkdtemp(n->dir));
    snprintf(n->ca, sizeof n->ca, "%s/cert.pem", n->dir);
    make_certificate(n);
    n->port = free_port();
    char conf[128];
    snprintf(conf, sizeof conf, "%s/nginx.conf", n->dir);
    FILE *f = fopen(conf, "w");
    assert_non_null(f);
    fprintf(f, "daemon off; master_process off; pid %s/pid; error_log stderr crit; events {}\n"
               "http { access_log off; client_body_temp_path %s; proxy_temp_path %s; fastcgi_temp_path %s; uwsgi_temp_path %s; scgi_temp_path %s;\n"
               "ssl_session_cache builtin; keepalive_requests 100000; http2_max_concurrent_streams 64;\n"
               "server { listen 127.0.0.1:%d ssl http2; ssl_certificate %s; ssl_certificate_key %s/key.pem;\n"
               "location / { default_type text/plain; return 200 \"$server_protocol $ssl_session_reused $connection $request_method $content_length\"; } } }\n",
            n->dir, n->dir, n->dir, n->dir, n->dir, n->dir, n->port, n->ca, n->dir);
    fclose(f);
    char *argv[] = {"timeout", "60", "/usr/sbin/nginx", "-e", "stderr", "-p", n->dir, "-c", conf, NULL}, *env[] = {NULL};
    if (access("/usr/sbin/nginx", X_OK)) fail_msg("/usr/sbin/nginx is not there; install nginx-light");
    must(posix_spawn(&n->pid, "/usr/bin/timeout", NULL, NULL, argv, env) == 0); /* it outlives no test that was cut short */
    for (int i = 0; i < 600 && !listens(n->port); i++) poll(NULL, 0, 5);
}

static void nginx_stop(struct nginx *n) {
    kill(n->pid, SIGTERM);
    waitpid(n->pid, NULL, 0);
    static const char *const names[] = {"cert.pem", "key.pem", "nginx.conf", "pid"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", n->dir, names[i]);
        unlink(path);
    }
    rmdir(n->dir);
}

struct world {
    struct nginx nginx;
    struct loop *loop;
    struct upstream *up;
    int left;
    err code;
    bool sent;
    char why[480], body[60][96];
    int bodies;
    int64_t give;
};

static void done(void *arg, const struct upstream_answer *a) {
    struct world *w = arg;
    w->code = a->code;
    w->sent = a->sent;
    snprintf(w->why, sizeof w->why, "%s", a->code ? why_text(&a->why) : "");
    if (w->bodies < 60) snprintf(w->body[w->bodies++], sizeof w->body[0], "%.*s", STR_ARG(a->body));
    if (--w->left == 0) loop_stop(w->loop);
}

static void world_open(struct world *w, bool trusting) {
    *w = (struct world){.loop = loop_create()};
    nginx_start(&w->nginx);
    w->up = upstream_create(&(struct upstream_options){.loop = w->loop, .ca_file = trusting ? w->nginx.ca : NULL});
}
static void world_close(struct world *w) {
    upstream_destroy(w->up);
    loop_destroy(w->loop);
    nginx_stop(&w->nginx);
}

static void run(struct world *w, const char *host, struct upstream_ask ask, int times) {
    _cleanup_(arena_done) struct arena a = {};
    struct str here = arena_printf(&a, "127.0.0.1:%d", w->nginx.port);
    ask.policy = EGRESS_PROVIDER;
    ask.url = ask.origin = arena_printf(&a, "https://%s:%d/", host, w->nginx.port);
    ask.private_addresses = &here;
    ask.private_count = 1;
    ask.done = done;
    ask.arg = w;
    ask.timeout = 20000;
    w->bodies = 0;
    w->left = times;
    for (int i = 0; i < times; i++) upstream_send(w->up, &ask);
    loop_run(w->loop);
    assert_int_equal(upstream_stats(w->up).open, 0);
}

static int connections(const struct world *w) {
    int64_t seen[60];
    int n = 0;
    for (int i = 0; i < w->bodies; i++) {
        char protocol[16], reused[4];
        long long connection = 0;
        if (sscanf(w->body[i], "%15s %3[r.] %lld", protocol, reused, &connection) != 3) fail_msg("%s", w->body[i]);
        int k = 0;
        while (k < n && seen[k] != connection) k++;
        if (k == n) seen[n++] = connection;
    }
    return n;
}

static void certificates(void **state) {
    struct world w;
    world_open(&w, true);
    run(&w, "localhost", (struct upstream_ask){}, 1);
    if (w.code) fail_msg("%s", w.why);
    assert_true(str_starts(str_of(w.body[0]), STR("HTTP/2.0 ")));
    run(&w, "127.0.0.1", (struct upstream_ask){}, 1); /* the same server under a name that its certificate does not have */
    assert_int_equal(w.code, E_UPSTREAM);
    assert_non_null(strstr(w.why, "no valid certificate"));
    assert_false(w.sent);
    world_close(&w);
    world_open(&w, false); /* nobody vouches for it */
    run(&w, "localhost", (struct upstream_ask){}, 1);
    assert_int_equal(w.code, E_UPSTREAM);
    assert_false(w.sent);
    world_close(&w);
}

static int64_t read_some(void *arg, char *buf, size_t n) {
    struct world *w = arg;
    int64_t part = w->give < 1000 ? w->give : 1000;
    memset(buf, 'z', (size_t)part);
    w->give -= part;
    return part;
}

static void many_on_one(void **state) {
    struct world w;
    world_open(&w, true);
    run(&w, "localhost", (struct upstream_ask){}, 60); /* the server takes 64 on one */
    assert_int_equal(w.code, OK);
    int used = connections(&w);
    if (used > 2) fail_msg("60 requests took %d connections", used);
    /* On connections of their own, all of them; after the first their TLS session is known. */
    run(&w, "localhost", (struct upstream_ask){.fresh = true, .method = STR("POST"), .body = STR("abc")}, 10);
    assert_int_equal(w.code, OK);
    assert_int_equal(connections(&w), 10);
    assert_non_null(strstr(w.body[9], " POST 3"));
    int reused = 0;
    for (int i = 0; i < 10; i++) reused += strstr(w.body[i], " r ") != NULL;
    assert_true(reused >= 5);
    w.give = 100000;
    run(&w, "localhost", (struct upstream_ask){.method = STR("PUT"), .body_read = read_some, .body_bytes = 100000}, 1);
    assert_int_equal(w.code, OK);
    assert_non_null(strstr(w.body[0], " PUT 100000"));
    assert_true(str_starts(str_of(w.body[0]), STR("HTTP/1.1 "))); /* HTTP/2 is for what has no body */
    run(&w, "localhost", (struct upstream_ask){.method = STR("POST")}, 1);
    assert_true(str_starts(str_of(w.body[0]), STR("HTTP/2.0 ")));
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates),
        cmocka_unit_test(many_on_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
