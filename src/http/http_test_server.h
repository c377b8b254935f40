/* For the tests: a server on port 0 whose loop runs in a thread, handlers that do one thing each, and a client that speaks raw
 * bytes. */
#pragma once
#include "http/http.h"
#include "io/loop.h"

#include <pthread.h>
#include <stdatomic.h>

struct test_server {
    struct loop *loop;
    struct http_server *server;
    struct http_options options;
    struct http_deadlines deadlines;
    pthread_t thread;
    int port;
    atomic_int gone, ended_badly, paused, drained, heads, fills;
    atomic_int last_status; /* as told to on_done */
    _Atomic int64_t last_bytes;
    struct http_req *parked; /* loop's thread only */
    struct http_req *stream;
    atomic_int stream_events; /* events to give, then the stream waits; negative: it is over */
    size_t event_bytes;       /* size of each, 0: small */
};

/* Deadlines of seconds; configure (or NULL) may shorten them and change the options before the start. */
void test_server_start(struct test_server *t, void (*configure)(struct test_server *t));
void test_server_stop(struct test_server *t);
void test_server_post(struct test_server *t, void (*fn)(void *arg)); /* with t, on the loop's thread */
struct http_stats test_server_stats(struct test_server *t);          /* asked on the loop's thread */

int test_connect(struct test_server *t);
void test_send(int fd, const void *bytes, size_t len);
void test_say(int fd, const char *text);
/* Reads until the connection ends, `enough` bytes came, or 3 s are over. NUL-terminated; the caller frees. */
char *test_read(int fd, size_t enough, size_t *out_len);
/* Reads one answer by its Content-Length. head_only: of HEAD. NULL when the connection ended before. */
char *test_answer(int fd, bool head_only);
int test_status(const char *answer); /* 0: not an answer */
bool test_ended(int fd);             /* the peer closes within 3 s without another byte */
bool test_wait(atomic_int *value, int at_least);
