/* The door to other people's servers, against real sockets on loopback (upstream_peer.h says how its paths behave). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "io/egress.h"
#include "io/loop.h"
#include "io/upstream.h"
#include "io/upstream_peer.h"

#include <stdio.h>
#include <stdlib.h>

struct world {
    struct loop *loop;
    struct upstream *up;
    struct peer peer;
    struct str local;   /* "127.0.0.1:PORT" of the peer, for private_addresses */
    struct str origin;  /* "http://127.0.0.1:PORT" */
    char text[32], origin_text[64];
};

/* What came of one request. */
struct seen {
    struct world *w;
    struct upstream_request *r;
    bool done;
    err code;
    bool sent;
    int status, heads, pieces, reads;
    int64_t bytes, length;
    char why[480], body[4096], url[512], header[64];
    /* what the callbacks do */
    int pause_at, cancel_at;
    bool refuse_head;
    int64_t give, given;
    int pause_reads;
};

static void upstream_done(void *arg, const struct upstream_answer *a) {
    struct seen *s = arg;
    assert_false(s->done);
    s->done = true;
    s->code = a->code;
    s->sent = a->sent;
    s->status = a->status;
    s->bytes = a->bytes;
    snprintf(s->why, sizeof s->why, "%s", a->code ? why_text(&a->why) : "");
    snprintf(s->body, sizeof s->body, "%.*s", STR_ARG(a->body));
    snprintf(s->url, sizeof s->url, "%.*s", STR_ARG(a->url));
    for (size_t i = 0; i < a->header_count; i++)
        if (str_starts(a->headers[i].name, STR("x-"))) snprintf(s->header, sizeof s->header, "%.*s=%.40s", STR_ARG(a->headers[i].name), a->headers[i].value.ptr);
    loop_stop(s->w->loop);
}

static void world_open(struct world *w, struct upstream_options o) {
    *w = (struct world){.loop = loop_create()};
    peer_open(&w->peer, "127.0.0.1");
    snprintf(w->text, sizeof w->text, "127.0.0.1:%d", w->peer.port);
    snprintf(w->origin_text, sizeof w->origin_text, "http://%s", w->text);
    w->local = str_of(w->text);
    w->origin = str_of(w->origin_text);
    o.loop = w->loop;
    w->up = upstream_create(&o);
}
static void world_close(struct world *w) {
    upstream_destroy(w->up);
    loop_flush(w->loop);
    loop_destroy(w->loop);
    peer_close(&w->peer);
}

/* To the peer, under the policy of a provider whose base it is. */
static struct upstream_ask ask_for(struct world *w, const char *path, struct arena *a) {
    return (struct upstream_ask){.policy = EGRESS_PROVIDER, .method = STR("GET"), .url = arena_printf(a, "%s%s", w->origin_text, path), .origin = w->origin,
                                 .private_addresses = &w->local, .private_count = 1, .timeout = 10000};
}
static void run(struct world *w, struct upstream_ask *ask, struct seen *s) {
    s->w = w;
    ask->done = upstream_done;
    ask->arg = s;
    s->r = upstream_send(w->up, ask);
    assert_false(s->done);
    loop_run(w->loop);
    assert_true(s->done);
}
static struct seen get(struct world *w, const char *path) {
    _cleanup_(arena_done) struct arena a = {};
    struct seen s = {};
    struct upstream_ask ask = ask_for(w, path, &a);
    run(w, &ask, &s);
    return s;
}

static void answers(void **state) {
    struct world w;
    world_open(&w, (struct upstream_options){});
    struct seen s = get(&w, "/ok");
    assert_int_equal(s.code, OK);
    assert_int_equal(s.status, 200);
    assert_string_equal(s.body, "hello");
    assert_true(s.sent);
    s = get(&w, "/status/503");
    assert_int_equal(s.code, OK);
    assert_int_equal(s.status, 503);
    s = get(&w, "/chunked");
    assert_string_equal(s.body, "abcdefg");
    s = get(&w, "/early");
    assert_int_equal(s.status, 200);
    assert_string_equal(s.body, "late");
    assert_string_equal(s.header, "x-final=yes");
    s = get(&w, "/echo");
    assert_string_equal(s.header, "x-mixed-case=some value");
    assert_int_equal(atomic_load(&w.peer.connections), 1); /* one connection served them all */
    assert_int_equal(upstream_stats(w.up).open, 0);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
