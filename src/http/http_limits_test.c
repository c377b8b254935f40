/* docs/HTTP.md, the lines about time, numbers and streams. Each test has a server of its own with deadlines in milliseconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "http/http_test_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static void expect_status(int fd, int status) {
    char *answer = test_answer(fd, false);
    if (test_status(answer) != status) fail_msg("expected %d, got %s", status, answer ? answer : "nothing");
    free(answer);
}

static void short_header(struct test_server *t) { t->deadlines.header = 60; }
static void line_44_slow_heads(void **state) {
    struct test_server t;
    test_server_start(&t, short_header);
    int silent = test_connect(&t);
    test_say(silent, "GET / HTTP/1.1\r\nHo");
    expect_status(silent, 408);
    assert_true(test_ended(silent));
    close(silent);
    /* Drip: every byte comes well within the deadline, the head does not. */
    int drip = test_connect(&t), said = 0;
    const char *bytes = "GET / HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    char byte;
    while (bytes[said] && recv(drip, &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 1) {
        test_send(drip, bytes + said++, 1);
        usleep(5000);
    }
    assert_true(said < 60);
    expect_status(drip, 408);
    close(drip);
    assert_int_equal(test_server_stats(&t).timeouts, 2);
    /* A head in time, in pieces, is none the worse. */
    int fine = test_connect(&t);
    test_say(fine, "GET / HTTP/1.1\r\nHo");
    usleep(10000);
    test_say(fine, "st: a\r\n\r\n");
    expect_status(fine, 200);
    close(fine);
    test_server_stop(&t);
}

static void short_body(struct test_server *t) {
    t->deadlines.body_grace = 50;
    t->deadlines.bytes_per_s = 1000; /* 50 bytes in each span of 50 ms */
}
static void line_45_slow_bodies(void **state) {
    struct test_server t;
    test_server_start(&t, short_body);
    int fd = test_connect(&t);
    test_say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc");
    expect_status(fd, 408);
    assert_true(test_ended(fd));
    close(fd);
    assert_int_equal(atomic_load(&t.gone), 1); /* http_read_body: told by on_gone */
    fd = test_connect(&t);
    test_say(fd, "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc");
    expect_status(fd, 408);
    close(fd);
    assert_int_equal(atomic_load(&t.ended_badly), 1); /* http_stream_body: told by end */
    /* Framing is not progress: chunk sizes that drip one by one are nothing but zeros. */
    fd = test_connect(&t);
    test_say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;");
    char byte;
    for (int i = 0; i < 200 && recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 1; i++) {
        test_say(fd, "xxxxxxxxxx");
        usleep(2000);
    }
    expect_status(fd, 408);
    close(fd);
    /* Fast enough. */
    fd = test_connect(&t);
    test_say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    char block[50];
    memset(block, 'y', sizeof block);
    for (int i = 0; i < 20; i++) {
        test_send(fd, block, sizeof block);
        usleep(8000);
    }
    expect_status(fd, 200);
    close(fd);
    test_server_stop(&t);
}

static void short_idle(struct test_server *t) { t->deadlines.idle = 60; }
static void line_46_idle_connections(void **state) {
    struct test_server t;
    test_server_start(&t, short_idle);
    int never = test_connect(&t), after = test_connect(&t), parked = test_connect(&t);
    test_say(parked, "GET /park HTTP/1.1\r\nHost: a\r\n\r\n");
    for (int i = 0; i < 4; i++) { /* each request starts the span anew */
        test_say(after, GET);
        expect_status(after, 200);
        usleep(25000);
    }
    assert_true(test_ended(never));
    assert_true(test_ended(after));
    char byte;
    assert_int_equal(recv(parked, &byte, 1, MSG_DONTWAIT), -1); /* a parked request is not idle */
    close(never);
    close(after);
    close(parked);
    test_server_stop(&t);
}

static void short_stall(struct test_server *t) {
    t->deadlines.stall = 60;
    t->deadlines.bytes_per_s = 1000000; /* 60 KB in each span of 60 ms */
}
static int connect_small(struct test_server *t) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), size = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)t->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return fd;
}
static bool wait_timeouts(struct test_server *t, uint64_t n) {
    for (int i = 0; i < 1000; i++) {
        if (test_server_stats(t).timeouts >= n) return true;
        usleep(2000);
    }
    return false;
}
static void line_47_slow_readers(void **state) {
    static const char *const requests[] = {"GET /big HTTP/1.1\r\nHost: a\r\n\r\n", "GET /file HTTP/1.1\r\nHost: a\r\n\r\n"};
    struct test_server t;
    test_server_start(&t, short_stall);
    for (int i = 0; i < 2; i++) {
        int fd = connect_small(&t);
        test_say(fd, requests[i]);
        assert_true(wait_timeouts(&t, (uint64_t)i + 1));
        assert_int_equal(test_server_stats(&t).open, 0);
        close(fd);
    }
    test_server_stop(&t);
}

static void line_48_peers_that_leave(void **state) {
    struct test_server t;
    test_server_start(&t, NULL);
    int fd = test_connect(&t);
    test_say(fd, "GET /park HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(test_wait(&t.heads, 1));
    assert_int_equal(test_server_stats(&t).parked, 1);
    close(fd);
    assert_true(test_wait(&t.gone, 1));
    assert_int_equal(test_server_stats(&t).parked, 0);
    assert_true(test_wait(&t.last_status, 499));
    /* By reset, and with bytes of the next request unread. */
    fd = test_connect(&t);
    test_say(fd, "GET /park HTTP/1.1\r\nHost: a\r\n\r\n" GET);
    assert_true(test_wait(&t.heads, 2));
    usleep(5000);
    test_say(fd, GET);
    usleep(5000);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    close(fd);
    assert_true(test_wait(&t.gone, 2));
    /* Half closed: still answered when the answer comes soon. */
    fd = test_connect(&t);
    test_say(fd, "POST /late-echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    shutdown(fd, SHUT_WR);
    expect_status(fd, 200);
    assert_true(test_ended(fd));
    close(fd);
    fd = test_connect(&t);
    test_say(fd, GET GET);
    shutdown(fd, SHUT_WR);
    expect_status(fd, 200);
    expect_status(fd, 200);
    close(fd);
    assert_int_equal(atomic_load(&t.gone), 2);
    test_server_stop(&t);
}

/* --- event streams --- */

static void wake(void *arg) {
    struct test_server *t = arg;
    if (t->stream) http_sse_wake(t->stream);
}
static void big_events(struct test_server *t) {
    t->event_bytes = 60000;
    t->stream_events = 400;
}
static void line_54_a_stream_waits_for_its_reader(void **state) {
    struct test_server t;
    test_server_start(&t, big_events);
    int fd = connect_small(&t);
    test_say(fd, "GET /sse HTTP/1.1\r\nHost: a\r\n\r\n");
    int asked = -1;
    for (int i = 0; i < 50 && asked != atomic_load(&t.fills); i++) { /* until the sockets are full */
        asked = atomic_load(&t.fills);
        usleep(60000);
    }
    assert_true(asked > 0 && asked < 200); /* 24 MB are to be had; only what sockets hold was asked for */
    assert_int_equal(atomic_load(&t.fills), asked);
    size_t len;
    char *all = test_read(fd, 400 * 60000, &len);
    assert_true(len >= 400 * 60000);
    assert_non_null(strstr(all, "\r\nContent-Type: text/event-stream\r\n"));
    char *last = strstr(all, "\r\n\r\n");
    for (int left = 400; left > 1; left--) { /* none is lost, all in order */
        char end[32];
        snprintf(end, sizeof end, "x%d\n\n", left);
        last = strstr(last, end);
        assert_non_null(last);
    }
    free(all);
    close(fd);
    test_server_stop(&t);
}

static void fast_heartbeat(struct test_server *t) { t->deadlines.heartbeat = 40; }
static void line_55_to_57_streams(void **state) {
    struct test_server t;
    test_server_start(&t, fast_heartbeat);
    int fd = test_connect(&t);
    test_say(fd, "GET /sse HTTP/1.1\r\nHost: a\r\n\r\n");
    char *answer = test_answer(fd, false);
    assert_int_equal(test_status(answer), 200);
    assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
    free(answer);
    answer = test_read(fd, 6, NULL);
    assert_string_equal(answer, ":\n\n:\n\n");
    free(answer);
    atomic_store(&t.stream_events, 1);
    test_server_post(&t, wake);
    answer = test_read(fd, 9, NULL);
    char *event = strstr(answer, "data: 1");
    assert_non_null(event);
    free(answer);
    atomic_store(&t.stream_events, -1);
    test_server_post(&t, wake);
    answer = test_read(fd, 1000, NULL); /* to the end of the connection */
    free(answer);
    assert_true(test_wait(&t.last_status, 200));
    assert_int_equal(atomic_load(&t.gone), 0);
    close(fd);
    /* A subscriber that leaves. */
    atomic_store(&t.stream_events, 0);
    fd = test_connect(&t);
    test_say(fd, "GET /sse HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_status(fd, 200);
    close(fd);
    assert_true(test_wait(&t.gone, 1));
    usleep(50000);
    assert_int_equal(atomic_load(&t.gone), 1);
    test_server_stop(&t);
}

/* --- connections --- */

static void three_connections(struct test_server *t) { t->options.connections = 3; }
static void two_per_address(struct test_server *t) {
    t->options.connections_per_address = 2;
    t->options.count_loopback = true;
}
static void check_cap(void (*configure)(struct test_server *t), int cap, const char *sentence) {
    struct test_server t;
    test_server_start(&t, configure);
    int fd[4];
    for (int i = 0; i < cap; i++) {
        fd[i] = test_connect(&t);
        test_say(fd[i], GET);
        expect_status(fd[i], 200);
    }
    fd[cap] = test_connect(&t);
    char *answer = test_answer(fd[cap], false);
    assert_int_equal(test_status(answer), 503);
    assert_non_null(strstr(answer, sentence));
    assert_non_null(strstr(answer, "\"code\":\"try_again\""));
    free(answer);
    assert_true(test_ended(fd[cap]));
    assert_int_equal(test_server_stats(&t).refused, 1);
    close(fd[cap]);
    close(fd[0]);
    while (test_server_stats(&t).open == cap) usleep(1000);
    fd[0] = test_connect(&t); /* there is room again */
    test_say(fd[0], GET);
    expect_status(fd[0], 200);
    for (int i = 0; i < cap; i++) close(fd[i]);
    test_server_stop(&t);
}
static void line_58_connections_in_all(void **state) { check_cap(three_connections, 3, "as many connections as it takes"); }
static void line_59_connections_per_address(void **state) { check_cap(two_per_address, 2, "Your address"); }

static void one_per_address(struct test_server *t) { t->options.connections_per_address = 1; }
static void line_59_loopback_is_exempt(void **state) {
    struct test_server t;
    test_server_start(&t, one_per_address);
    int a = test_connect(&t), b = test_connect(&t);
    test_say(b, GET);
    expect_status(b, 200);
    close(a);
    close(b);
    test_server_stop(&t);
}

static void line_60_no_descriptor_left(void **state) {
    struct test_server t;
    test_server_start(&t, NULL);
    int before = test_connect(&t);
    test_say(before, GET);
    expect_status(before, 200);
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct rlimit old, low;
    getrlimit(RLIMIT_NOFILE, &old);
    low = old;
    low.rlim_cur = 64;
    setrlimit(RLIMIT_NOFILE, &low);
    int fill[64], n = 0;
    while (n < 64 && (fill[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) n++;
    assert_int_equal(errno, EMFILE);
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)t.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int round = 0; round < 3; round++) { /* the reserve is there again each time */
        assert_int_equal(connect(late, (struct sockaddr *)&sa, sizeof sa), 0);
        char *answer = test_answer(late, false);
        assert_int_equal(test_status(answer), 503);
        assert_non_null(strstr(answer, "no descriptor left"));
        free(answer);
        test_say(before, GET); /* who is there goes on */
        expect_status(before, 200);
        close(late);
        late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(late >= 0);
    }
    while (n) close(fill[--n]);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_int_equal(connect(late, (struct sockaddr *)&sa, sizeof sa), 0);
    test_say(late, GET);
    expect_status(late, 200);
    close(late);
    close(before);
    test_server_stop(&t);
}

static const char *const proxies[] = {"127.0.0.0/8", "10.1.2.3", NULL};
static void behind_proxy(struct test_server *t) { t->options.proxies = proxies; }
static void expect_remote(struct test_server *t, const char *headers, const char *remote) {
    int fd = test_connect(t);
    test_say(fd, "GET /remote HTTP/1.1\r\nHost: a\r\n");
    test_say(fd, headers);
    test_say(fd, "\r\n");
    char *answer = test_answer(fd, false);
    assert_int_equal(test_status(answer), 200);
    assert_string_equal(strstr(answer, "\r\n\r\n") + 4, remote);
    free(answer);
    close(fd);
}
static void line_61_forwarded_for(void **state) {
    struct test_server t;
    test_server_start(&t, NULL);
    expect_remote(&t, "X-Forwarded-For: 1.2.3.4\r\n", "127.0.0.1");
    test_server_stop(&t);
    test_server_start(&t, behind_proxy);
    expect_remote(&t, "", "127.0.0.1");
    expect_remote(&t, "X-Forwarded-For: 1.2.3.4\r\n", "1.2.3.4");
    expect_remote(&t, "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\n", "1.2.3.4"); /* what the client wrote itself is on the left */
    expect_remote(&t, "X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.1.2.3\r\n", "1.2.3.4");
    expect_remote(&t, "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1");
    expect_remote(&t, "X-Forwarded-For: 1.2.3.4:5678\r\n", "1.2.3.4");
    expect_remote(&t, "X-Forwarded-For: 1.2.3.4, nonsense\r\n", "127.0.0.1");
    test_server_stop(&t);
}

static void drained(void *arg) { atomic_fetch_add(&((struct test_server *)arg)->drained, 1); }
static void drain(void *arg) {
    struct test_server *t = arg;
    http_server_drain(t->server, drained, t);
}
static void answer_parked(void *arg) {
    struct test_server *t = arg;
    http_reply(t->parked, 200, "text/plain", STR("at last"));
    t->parked = NULL;
}
static void line_62_draining(void **state) {
    struct test_server t;
    test_server_start(&t, NULL);
    int idle = test_connect(&t), parked = test_connect(&t), stream = test_connect(&t);
    test_say(idle, GET);
    expect_status(idle, 200);
    test_say(parked, "GET /park HTTP/1.1\r\nHost: a\r\n\r\n");
    test_say(stream, "GET /sse HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_status(stream, 200);
    assert_true(test_wait(&t.heads, 3));
    test_server_post(&t, drain);
    assert_true(test_ended(idle));
    char *rest = test_read(stream, 1000, NULL);
    assert_string_equal(rest, "retry: 2000\n\n");
    free(rest);
    assert_int_equal(atomic_load(&t.gone), 1); /* the stream's handler was told */
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)t.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(late, (struct sockaddr *)&sa, sizeof sa), -1);
    close(late);
    assert_int_equal(atomic_load(&t.drained), 0);
    test_server_post(&t, answer_parked);
    char *answer = test_answer(parked, false);
    assert_int_equal(test_status(answer), 200);
    assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
    free(answer);
    assert_true(test_ended(parked));
    assert_true(test_wait(&t.drained, 1));
    close(idle);
    close(parked);
    close(stream);
    test_server_stop(&t);
    assert_int_equal(atomic_load(&t.drained), 1);
}
/* Its head has promised to keep the connection, but while draining nobody else would ever end it. */
static void line_62_an_answer_begun_before(void **state) {
    static const char *const requests[] = {"GET /big HTTP/1.1\r\nHost: a\r\n\r\n", "GET /file HTTP/1.1\r\nHost: a\r\n\r\n"};
    struct test_server t;
    test_server_start(&t, NULL);
    int fds[2];
    for (int i = 0; i < 2; i++) {
        fds[i] = connect_small(&t);
        test_say(fds[i], requests[i]);
    }
    assert_true(test_wait(&t.heads, 2));
    test_server_post(&t, drain);
    for (int i = 0; i < 2; i++) {
        char *answer = test_answer(fds[i], false);
        assert_int_equal(test_status(answer), 200);
        free(answer);
        assert_true(test_ended(fds[i]));
        close(fds[i]);
    }
    assert_true(test_wait(&t.drained, 1));
    test_server_stop(&t);
}
static void short_drain(struct test_server *t) { t->deadlines.drain = 60; }
static void line_62_the_limit_of_draining(void **state) {
    struct test_server t;
    test_server_start(&t, short_drain);
    int fd = test_connect(&t);
    test_say(fd, "GET /park HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(test_wait(&t.heads, 1));
    test_server_post(&t, drain);
    assert_true(test_wait(&t.drained, 1));
    assert_int_equal(atomic_load(&t.gone), 1);
    assert_true(test_ended(fd));
    close(fd);
    test_server_stop(&t);
    test_server_start(&t, NULL); /* and with nobody there */
    test_server_post(&t, drain);
    assert_true(test_wait(&t.drained, 1));
    test_server_stop(&t);
}

static void handed_over(struct test_server *t) {
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    t->options.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(t->options.fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(listen(t->options.fd, 8), 0);
    t->options.listen = NULL;
}
static void line_63_socket_activation(void **state) {
    struct test_server t;
    test_server_start(&t, handed_over);
    int fd = test_connect(&t);
    test_say(fd, GET);
    expect_status(fd, 200);
    close(fd);
    test_server_stop(&t);
}

static void listening_fails_with_a_sentence(void **state) {
    struct loop *l = loop_create();
    struct http_server *s = NULL;
    static const char *const bad[] = {"", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "::1:80", "example.com:80", "1.2.3.4:-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct why why = {};
        assert_int_equal(http_server_create(&(struct http_options){.loop = l, .listen = bad[i], .fd = -1}, &why, &s), E_INVALID);
        assert_non_null(strstr(why.detail, "write it as 127.0.0.1:8080"));
    }
    struct why why = {};
    assert_int_equal(http_server_create(&(struct http_options){.loop = l, .listen = "127.0.0.1:0", .fd = -1}, &why, &s), OK);
    char taken[64];
    snprintf(taken, sizeof taken, "127.0.0.1:%d", http_server_port(s));
    struct http_server *second = NULL;
    assert_int_equal(http_server_create(&(struct http_options){.loop = l, .listen = taken, .fd = -1}, &why, &second), E_IO);
    assert_non_null(strstr(why.detail, taken));
    assert_null(second);
    static const char *const bad_proxies[] = {"10.0.0.0/33", NULL};
    assert_int_equal(http_server_create(&(struct http_options){.loop = l, .listen = "127.0.0.1:0", .fd = -1, .proxies = bad_proxies}, &why, &second),
                     E_INVALID);
    http_server_destroy(s);
    loop_destroy(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_44_slow_heads),
        cmocka_unit_test(line_45_slow_bodies),
        cmocka_unit_test(line_46_idle_connections),
        cmocka_unit_test(line_47_slow_readers),
        cmocka_unit_test(line_48_peers_that_leave),
        cmocka_unit_test(line_54_a_stream_waits_for_its_reader),
        cmocka_unit_test(line_55_to_57_streams),
        cmocka_unit_test(line_58_connections_in_all),
        cmocka_unit_test(line_59_connections_per_address),
        cmocka_unit_test(line_59_loopback_is_exempt),
        cmocka_unit_test(line_60_no_descriptor_left),
        cmocka_unit_test(line_61_forwarded_for),
        cmocka_unit_test(line_62_draining),
        cmocka_unit_test(line_62_an_answer_begun_before),
        cmocka_unit_test(line_62_the_limit_of_draining),
        cmocka_unit_test(line_63_socket_activation),
        cmocka_unit_test(listening_fails_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
