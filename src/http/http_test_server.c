/* See http_test_server.h. */
#include "http/http_test_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- handlers; the path says which --- */

static void on_gone(void *arg, struct http_req *r) {
    struct test_server *t = arg;
    if (t->parked == r) t->parked = NULL;
    if (t->stream == r) t->stream = NULL;
    atomic_fetch_add(&t->gone, 1);
}

static void echo(void *arg, struct http_req *r, struct str body) { http_reply(r, 200, "text/plain", body); }

/* Counts the body and pauses after each piece; a timer goes on. */
struct counting {
    struct test_server *t;
    struct http_req *r;
    int64_t bytes;
    struct timer *timer;
};
static void resume(void *arg) {
    struct counting *c = arg;
    c->timer = NULL;
    http_resume_body(c->r);
}
static bool count_piece(void *arg, struct http_req *r, struct str data) {
    struct counting *c = arg;
    c->bytes += (int64_t)data.len;
    atomic_fetch_add(&c->t->paused, 1);
    struct io *io = loop_io(c->t->loop);
    c->timer = io->ops->timer_start(io, 1, resume, c);
    return false;
}
static void count_end(void *arg, struct http_req *r, bool ok) {
    struct counting c = *(struct counting *)arg;
    free(arg);
    struct io *io = loop_io(c.t->loop);
    io->ops->timer_stop(io, c.timer);
    if (ok) http_reply(r, 200, "text/plain", arena_printf(http_arena(r), "%lld", (long long)c.bytes));
    else atomic_fetch_add(&c.t->ended_badly, 1);
}

static bool fill(void *arg, struct http_req *r, struct buf *out) {
    struct test_server *t = arg;
    atomic_fetch_add(&t->fills, 1);
    int left = atomic_load(&t->stream_events);
    if (left < 0) {
        t->stream = NULL;
        return false;
    }
    if (!left) return true;
    atomic_fetch_sub(&t->stream_events, 1);
    buf_z(out, "data: ");
    for (size_t i = 0; i < t->event_bytes; i++) buf_c(out, 'x');
    buf_printf(out, "%d\n\n", left);
    return true;
}

static void reply_file(struct http_req *r, int64_t promised) {
    int fd = memfd_create("file", MFD_CLOEXEC);
    enum { SIZE = 8 * 1024 * 1024 };
    static char block[65536];
    for (size_t i = 0; i < sizeof block; i++) block[i] = (char)('a' + i % 26);
    for (int i = 0; i < SIZE / (int)sizeof block; i++) must(write(fd, block, sizeof block) == sizeof block);
    http_reply_file(r, 200, "application/octet-stream", fd, 26, promised);
}

static void late_echo(void *arg) {
    struct test_server *t = arg;
    struct http_req *r = t->parked;
    t->parked = NULL;
    if (r) http_read_body(r, 1000, echo, NULL);
}

static void on_head(void *arg, struct http_req *r) {
    struct test_server *t = arg;
    struct str path = http_path(r);
    atomic_fetch_add(&t->heads, 1);
    if (str_is(path, "/echo")) {
        http_on_gone(r, on_gone, t);
        http_read_body(r, 1000, echo, NULL);
    } else if (str_is(path, "/late-echo")) {
        http_on_gone(r, on_gone, t);
        t->parked = r;
        loop_io(t->loop)->ops->timer_start(loop_io(t->loop), 10, late_echo, t);
    } else if (str_is(path, "/count")) {
        struct counting *c = calloc(1, sizeof *c);
        *c = (struct counting){.t = t, .r = r};
        http_stream_body(r, 4 * 1024 * 1024, &(struct http_sink){count_piece, count_end, c});
    } else if (str_is(path, "/park")) {
        t->parked = r;
        http_on_gone(r, on_gone, t);
    } else if (str_is(path, "/refuse")) {
        http_reply(r, 401, "text/plain", STR("no"));
    } else if (str_is(path, "/remote")) {
        http_reply(r, 200, "text/plain", http_remote(r));
    } else if (str_is(path, "/sse")) {
        t->stream = r;
        http_on_gone(r, on_gone, t);
        http_sse_begin(r, fill, t);
    } else if (str_is(path, "/file")) {
        reply_file(r, 8 * 1024 * 1024 - 26);
    } else if (str_is(path, "/short-file")) {
        reply_file(r, 9 * 1024 * 1024);
    } else if (str_is(path, "/nothing")) {
        http_reply(r, 204, NULL, (struct str){});
    } else if (str_is(path, "/big")) {
        size_t n = 4 * 1024 * 1024;
        char *big = malloc(n);
        memset(big, 'b', n);
        http_reply(r, 200, "text/plain", str_n(big, n));
        free(big);
    } else if (str_is(path, "/evil-header")) {
        http_add_header(r, "X-Evil", STR("a\r\nSet-Cookie: b"));
        http_reply(r, 200, "text/plain", STR("x"));
    } else {
        struct str test = http_header(r, "X-Test");
        http_reply(r, 200, "text/plain",
                   arena_printf(http_arena(r), "%.*s %.*s ?%.*s [%.*s]", STR_ARG(http_method(r)), STR_ARG(path), STR_ARG(http_query(r)),
                                STR_ARG(test)));
    }
}

static void on_done(void *arg, struct http_req *r, int status, int64_t bytes, msec took) {
    struct test_server *t = arg;
    must(took >= 0 && http_request_id(r).len == 32);
    atomic_store(&t->last_bytes, bytes);
    atomic_store(&t->last_status, status);
}

/* --- the server's life --- */

static void *run(void *arg) {
    loop_run(((struct test_server *)arg)->loop);
    return NULL;
}

void test_server_start(struct test_server *t, void (*configure)(struct test_server *t)) {
    *t = (struct test_server){.loop = loop_create()};
    t->deadlines = (struct http_deadlines){.header = 2000, .idle = 3000, .body_grace = 2000, .stall = 3000, .heartbeat = 3000,
                                           .linger = 2000, .half_closed = 100, .drain = 2000};
    t->options = (struct http_options){.loop = t->loop, .listen = "127.0.0.1:0", .fd = -1, .on_head = on_head, .arg = t,
                                       .on_done = on_done, .deadlines = &t->deadlines};
    if (configure) configure(t);
    struct why why = {};
    if (http_server_create(&t->options, &why, &t->server)) {
        fprintf(stderr, "%s\n", why_text(&why));
        abort();
    }
    t->port = http_server_port(t->server);
    pthread_create(&t->thread, NULL, run, t);
}

static void stop(void *arg) {
    struct test_server *t = arg;
    http_server_destroy(t->server);
    loop_stop(t->loop);
}

void test_server_stop(struct test_server *t) {
    loop_post(t->loop, stop, t);
    pthread_join(t->thread, NULL);
    loop_destroy(t->loop);
}

void test_server_post(struct test_server *t, void (*fn)(void *arg)) { loop_post(t->loop, fn, t); }

struct asked_stats {
    struct test_server *t;
    struct http_stats stats;
    atomic_int done;
};
static void ask(void *arg) {
    struct asked_stats *a = arg;
    a->stats = http_server_stats(a->t->server);
    atomic_store(&a->done, 1);
}
struct http_stats test_server_stats(struct test_server *t) {
    struct asked_stats a = {.t = t};
    loop_post(t->loop, ask, &a);
    test_wait(&a.done, 1);
    return a.stats;
}

/* --- the client --- */

int test_connect(struct test_server *t) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)t->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    must(fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0);
    return fd;
}

void test_send(int fd, const void *bytes, size_t len) {
    for (const char *p = bytes; len;) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n <= 0) return; /* the server closed: what it answered is what counts */
        p += n;
        len -= (size_t)n;
    }
}

void test_say(int fd, const char *text) { test_send(fd, text, strlen(text)); }

/* 1: bytes, 0: end, -1: reset or nothing for 3 s */
static int more(int fd, struct buf *b, size_t most) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, 3000) != 1) return -1;
    buf_reserve(b, most);
    ssize_t n = recv(fd, b->ptr + b->len, most, 0);
    if (n <= 0) return n < 0 ? -1 : 0;
    b->len += (size_t)n;
    b->ptr[b->len] = 0;
    return 1;
}

char *test_read(int fd, size_t enough, size_t *out_len) {
    struct buf b = {};
    buf_reserve(&b, 1);
    b.ptr[0] = 0;
    while (b.len < enough && more(fd, &b, enough - b.len < 65536 ? enough - b.len : 65536) == 1) {}
    if (out_len) *out_len = b.len;
    return b.ptr;
}

char *test_answer(int fd, bool head_only) {
    struct buf b = {};
    size_t want = 0;
    for (;;) {
        /* One byte at a time until the head is there, so that nothing of the next answer is taken. */
        int got = more(fd, &b, want ? want - b.len : 1);
        if (got != 1) {
            buf_done(&b);
            return NULL;
        }
        if (!want && b.len > 4 && !memcmp(b.ptr + b.len - 4, "\r\n\r\n", 4)) {
            const char *length = strcasestr(b.ptr, "\r\ncontent-length: ");
            want = b.len + (length && !head_only ? strtoul(length + 18, NULL, 10) : 0);
        }
        if (want && b.len >= want) return b.ptr;
    }
}

int test_status(const char *answer) {
    return answer && !strncmp(answer, "HTTP/1.1 ", 9) ? (int)strtol(answer + 9, NULL, 10) : 0;
}

bool test_ended(int fd) {
    char byte;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, 3000) != 1) return false;
    ssize_t n = recv(fd, &byte, 1, 0);
    return n == 0 || (n < 0 && errno == ECONNRESET);
}

bool test_wait(atomic_int *value, int at_least) {
    for (int i = 0; i < 3000; i++) {
        if (atomic_load(value) >= at_least) return true;
        usleep(1000);
    }
    return false;
}
