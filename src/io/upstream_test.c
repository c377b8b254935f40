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
    s = get(&w, "/folded");
    assert_string_equal(s.body, "ok");
    assert_string_equal(s.header, "x-b=2"); /* the blank line was not the end of the head */
    s = get(&w, "/echo");
    assert_string_equal(s.header, "x-mixed-case=some value");
    assert_int_equal(atomic_load(&w.peer.connections), 1); /* one connection served them all */
    assert_int_equal(upstream_stats(w.up).open, 0);
    world_close(&w);
}


/* --- the guard --- */

/* Ways to write a loopback address that some reader somewhere takes for one. Returns how many; those that need a name are only such
 * as /etc/hosts knows, so that no test asks a resolver. */
static int spellings(char out[][80], int max) {
    static const char *const fixed[] = {
        "localhost", "LOCALHOST", "LocalHost", "localhost.", "localhost%2e", "%6cocalhost", "127.0.0.1.", "127.0.0.1%2e", "127.0.0.1..", "127。0。0。1", "①②⑦.⓪.⓪.①", "127.0.0.1%00", "127.0.0.1%20", "0", "0.", "00", "0x0", "0.0",
        "0.0.0.0", "0x0.0", "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::0001]", "[0::1]", "[::0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::FFFF:7F00:0001]",
        "[0:0:0:0:0:ffff:127.0.0.1]", "[0:0:0:0:0:ffff:7f00:0001]", "[::127.0.0.1]", "[::7f00:1]", "[::ffff:0:127.0.0.1]", "[::ffff:0:0]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]",
        "[2002:7f00:0001::1]", "[2001:0:7f00:1::]", "[2001::80ff:fffe]", "[::1%25lo]", "[::1%lo]", "[fe80::1%25lo]", "[fe80::1]", "user@127.0.0.1", "example.com@127.0.0.1", "127.0.0.1@example.com", "127.0.0.1#@example.com", "example.com\\@127.0.0.1",
        "4294967296", "6425673729", "0x17f000001", "127.0.0.257", "127.0.0.0x101", "0x100000001", "127.-1.0.1", "127.0.0.1,8.8.8.8", "127.0.0.1;", "127.0.0.1 ", " 127.0.0.1", "127.0.0.1\t", "127.0.0.1\r\n", "[127.0.0.1]", "[::1].", "[::1]a",
    };
    static const char *const parts[] = {"%u", "0%o", "0x%x", "0X%X", "00%o", "0x0%x", "0x0000%x"};
    enum { FORMS = sizeof parts / sizeof *parts };
    static const unsigned hosts[][4] = {{127, 0, 0, 1}, {127, 0, 0, 2}, {127, 1, 2, 3}, {127, 255, 255, 254}};
    int n = 0;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) snprintf(out[n++], 80, "%s", fixed[i]);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    for (size_t h = 0; h < 4; h++) {
        const unsigned *p = hosts[h], tails[] = {p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3], p[1] << 16 | p[2] << 8 | p[3], p[2] << 8 | p[3], p[3]};
        for (int cut = 0; cut < 4; cut++) /* a, a.bcd, a.b.cd, a.b.c.d: how many parts stand alone */
            for (int f = 0; f < FORMS; f++)
                for (int g = 0; g < FORMS; g += cut ? 1 : FORMS) {
                    if (n == max) return n;
                    int len = 0;
                    for (int i = 0; i < cut; i++) {
                        len += snprintf(out[n] + len, 80 - (size_t)len, parts[i % 2 ? g : f], p[i]);
                        out[n][len++] = '.';
                    }
                    snprintf(out[n++] + len, 80 - (size_t)len, parts[g], tails[cut]);
                }
    }
#pragma GCC diagnostic pop
    return n;
}
enum { SPELLINGS_MAX = 800 };

static void refused_directly(void **state) {
    static char table[SPELLINGS_MAX][80];
    int n = spellings(table, SPELLINGS_MAX), guarded = 0;
    assert_true(n >= 500);
    struct world w;
    world_open(&w, (struct upstream_options){});
    for (int i = 0; i < n; i++)
        for (int policy = EGRESS_PROVIDER; policy <= EGRESS_TENANT; policy++) {
            _cleanup_(arena_done) struct arena a = {};
            struct seen s = {};
            struct str url = arena_printf(&a, "http://%s:%d/ok", table[i], w.peer.port);
            struct upstream_ask ask = {.policy = (enum egress)policy, .url = url, .timeout = 10000};
            if (policy == EGRESS_PROVIDER) ask.origin = url; /* a description's own base, which lists no private address */
            run(&w, &ask, &s);
            if ((s.code != E_EGRESS && s.code != E_INVALID) || s.sent) fail_msg("%s under policy %d: %s %s", table[i], policy, err_name(s.code), s.why);
            guarded += s.code == E_EGRESS;
        }
    assert_int_equal(atomic_load(&w.peer.connections), 0);
    assert_true(guarded > 1200); /* most of them were refused for their address, not for their spelling */
    world_close(&w);
}

/* The same spellings do lead somewhere: with the guard told to let loopback pass, they arrive. */
static void spelled_right(void **state) {
    static char table[SPELLINGS_MAX][80];
    int n = spellings(table, SPELLINGS_MAX), arrived = 0;
    struct world w;
    world_open(&w, (struct upstream_options){.allow_loopback = true});
    peer_close(&w.peer);
    peer_open(&w.peer, "0.0.0.0");
    for (int i = 0; i < n; i++) {
        _cleanup_(arena_done) struct arena a = {};
        struct seen s = {};
        struct upstream_ask ask = {.policy = EGRESS_TENANT, .url = arena_printf(&a, "http://%s:%d/ok", table[i], w.peer.port), .timeout = 10000};
        run(&w, &ask, &s);
        arrived += s.code == OK && s.status == 200;
    }
    assert_true(arrived > 400);
    world_close(&w);
}

static void refused_behind_a_redirect(void **state) {
    static char table[SPELLINGS_MAX][80];
    int n = spellings(table, SPELLINGS_MAX);
    struct egress_address allowed;
    struct peer canary = {};
    peer_open(&canary, "0.0.0.0");
    struct world w;
    world_open(&w, (struct upstream_options){});
    assert_int_equal(egress_address_read(w.local, NULL, &allowed), OK);
    upstream_destroy(w.up);
    w.up = upstream_create(&(struct upstream_options){.loop = w.loop, .allowed = &allowed, .allowed_count = 1});
    for (int i = 0; i < n; i++) {
        _cleanup_(arena_done) struct arena a = {};
        struct seen s = {};
        if (strpbrk(table[i], " \t\r\n")) continue; /* would end the header */
        static const int how[] = {301, 302, 303, 307, 308};
        struct upstream_ask ask = {.policy = i % 2 ? EGRESS_TENANT : EGRESS_FOUND, .timeout = 10000,
                                   .url = arena_printf(&a, "%s/%d/http://%s:%d/ok", w.origin_text, how[i % 5], table[i], canary.port)};
        if (strpbrk(table[i], "#\\") || (unsigned char)table[i][0] > 0x7f) ask.url = arena_printf(&a, "%s/302/http://127.0.0.1:%d/ok", w.origin_text, canary.port);
        run(&w, &ask, &s);
        if (s.code != E_EGRESS && s.code != E_INVALID) fail_msg("a redirect to %s: %s %s %d", table[i], err_name(s.code), s.why, s.status);
        assert_true(s.sent); /* the first hop was */
    }
    assert_int_equal(atomic_load(&canary.connections), 0);
    assert_true(atomic_load(&w.peer.arrivals) > 400);
    world_close(&w);
    peer_close(&canary);
}

static void exceptions(void **state) {
    _cleanup_(arena_done) struct arena a = {};
    struct world w;
    world_open(&w, (struct upstream_options){});
    struct str url = arena_printf(&a, "http://localhost:%d/ok", w.peer.port), other = arena_printf(&a, "127.0.0.1:%d", w.peer.port + 1);
    struct upstream_ask ask = {.policy = EGRESS_PROVIDER, .url = url, .origin = url, .private_addresses = &w.local, .private_count = 1};
    struct seen s = {};
    run(&w, &ask, &s);
    assert_int_equal(s.code, OK);
    /* The pool holds a connection to it now; whoever may not go there may not use it either. */
    ask.private_addresses = &other;
    struct seen t = {};
    run(&w, &ask, &t);
    assert_int_equal(t.code, E_EGRESS);
    assert_false(t.sent);
    assert_non_null(strstr(t.why, "a loopback address"));
    assert_int_equal(atomic_load(&w.peer.arrivals), 1);
    /* A provider's request stays where its description says. */
    struct upstream_ask astray = ask_for(&w, "/ok", &a);
    astray.origin = STR("https://api.example");
    struct seen u = {};
    run(&w, &astray, &u);
    assert_int_equal(u.code, E_EGRESS);
    astray.credential_origins = &w.origin;
    astray.credential_origin_count = 1;
    struct seen v = {};
    run(&w, &astray, &v);
    assert_int_equal(v.code, OK);
    /* A link in a reply: with the private addresses of its provider where the origin is the same, without elsewhere. */
    struct upstream_ask found = ask_for(&w, "/ok", &a);
    found.policy = EGRESS_FOUND;
    struct seen x = {};
    run(&w, &found, &x);
    assert_int_equal(x.code, OK);
    found.origin = STR("http://127.0.0.1:1");
    struct seen y = {};
    run(&w, &found, &y);
    assert_int_equal(y.code, E_EGRESS);
    found.policy = EGRESS_TENANT;
    found.origin = w.origin;
    struct seen z = {};
    run(&w, &found, &z);
    assert_int_equal(z.code, E_EGRESS);
    assert_int_equal((int)upstream_stats(w.up).refused, 4);
    world_close(&w);
}

/* --- redirects --- */

static void redirects(void **state) {
    struct world w;
    world_open(&w, (struct upstream_options){});
    struct peer other = {};
    peer_open(&other, "127.0.0.1");
    static const struct {
        const char *method;
        int how, status;
        const char *then; /* the method that arrives; NULL: not followed */
    } rows[] = {
        {"GET", 301, 200, "GET "}, {"GET", 302, 200, "GET "}, {"GET", 303, 200, "GET "}, {"GET", 307, 200, "GET "}, {"GET", 308, 200, "GET "}, {"GET", 304, 304, NULL}, {"GET", 300, 300, NULL},
        {"POST", 301, 301, NULL}, {"POST", 302, 302, NULL}, {"POST", 303, 200, "GET "}, {"POST", 307, 307, NULL}, {"POST", 308, 308, NULL}, {"PUT", 303, 200, "GET "}, {"DELETE", 307, 307, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_(arena_done) struct arena a = {};
        struct upstream_ask ask = ask_for(&w, "", &a);
        ask.method = str_of(rows[i].method);
        struct upstream_header h = {STR("Content-Type"), STR("text/plain")};
        ask.headers = &h;
        ask.header_count = 1;
        if (ask.method.ptr[0] == 'P') ask.body = STR("payload");
        ask.url = arena_printf(&a, "%s/%d/%s/echo", w.origin_text, rows[i].how, w.origin_text);
        struct seen s = {};
        run(&w, &ask, &s);
        if (s.code || s.status != rows[i].status) fail_msg("%s %d: %s %s %d", rows[i].method, rows[i].how, err_name(s.code), s.why, s.status);
        if (!rows[i].then) continue;
        assert_true(str_starts(str_of(s.body), str_of(rows[i].then)));
        assert_true(str_ends(str_of(s.url), STR("/echo")));
        if (ask.method.ptr[0] == 'P') assert_null(strstr(s.body, "payload")), assert_null(strstr(s.body, "Content-Type"));
    }
    static const int stays[] = {301, 302, 303, 307, 308};
    for (size_t i = 0; i < 2 * sizeof stays / sizeof *stays; i++) {
        _cleanup_(arena_done) struct arena a = {};
        struct upstream_ask ask = ask_for(&w, "", &a);
        ask.method = i % 2 ? STR("POST") : STR("GET");
        ask.stays = true;
        ask.url = arena_printf(&a, "%s/%d/%s/echo", w.origin_text, stays[i / 2], w.origin_text);
        struct seen s = {};
        run(&w, &ask, &s);
        assert_int_equal(s.status, stays[i / 2]);
    }
    struct seen s = get(&w, "/loop");
    assert_int_equal(s.code, E_UPSTREAM);
    assert_non_null(strstr(s.why, "more than 3 times"));
    /* A provider's request is not led to another server. */
    _cleanup_(arena_done) struct arena a = {};
    s = get(&w, arena_printf(&a, "/302/http://127.0.0.1:%d/ok", other.port).ptr);
    assert_int_equal(s.code, E_EGRESS);
    assert_int_equal(atomic_load(&other.connections), 0);
    world_close(&w);
    peer_close(&other);
}

static void credentials(void **state) {
    _cleanup_(arena_done) struct arena a = {};
    struct world w;
    world_open(&w, (struct upstream_options){.allow_loopback = true});
    struct peer other = {};
    peer_open(&other, "127.0.0.1");
    struct str there = arena_printf(&a, "http://127.0.0.1:%d", other.port);
    struct upstream_header secret = {STR("Authorization"), STR("Bearer s3cret")}, open = {STR("X-Open"), STR("yes")};
    const struct {
        const char *path;
        bool listed, arrives;
    } rows[] = {
        {"/echo", false, true},
        {arena_printf(&a, "/302/%s/echo", w.origin_text).ptr, false, true},
        {arena_printf(&a, "/302/%.*s/echo", STR_ARG(there)).ptr, false, false},
        {arena_printf(&a, "/302/%.*s/echo", STR_ARG(there)).ptr, true, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct upstream_ask ask = ask_for(&w, rows[i].path, &a);
        ask.policy = EGRESS_FOUND;
        ask.headers = &open;
        ask.secret_headers = &secret;
        ask.header_count = ask.secret_header_count = 1;
        ask.credential_origins = &there;
        ask.credential_origin_count = rows[i].listed;
        struct seen s = {};
        run(&w, &ask, &s);
        assert_int_equal(s.code, OK);
        assert_non_null(strstr(s.body, "X-Open: yes"));
        if ((strstr(s.body, "s3cret") != NULL) != rows[i].arrives) fail_msg("row %zu: %s", i, s.body);
    }
    world_close(&w);
    peer_close(&other);
}

/* --- was it sent? --- */

static void sent_or_not(void **state) {
    static const struct {
        const char *url; /* NULL: the peer's path */
        const char *path;
        err code;
        bool sent;
        int status;
    } rows[] = {
        {NULL, "/ok", OK, true, 200},
        {NULL, "/half", E_UPSTREAM, true, 200},
        {NULL, "/hang", E_UPSTREAM, true, 0},
        {NULL, "/silent", E_DEADLINE, true, 0},
        {"http://127.0.0.1:1/closed", NULL, E_UPSTREAM, false, 0},
        {"http://10.255.255.1/guarded", NULL, E_EGRESS, false, 0},
        {"https://127.0.0.1:%d/no-tls-there", NULL, E_DEADLINE, false, 0}, /* the peer waits for the rest of a request */
        {"nonsense", NULL, E_INVALID, false, 0},
    };
    struct world w;
    world_open(&w, (struct upstream_options){.allow_loopback = true});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_(arena_done) struct arena a = {};
        struct seen s = {};
        struct upstream_ask ask = ask_for(&w, rows[i].path ? rows[i].path : "", &a);
        ask.policy = EGRESS_TENANT;
        ask.method = STR("POST");
        ask.timeout = 300;
        if (rows[i].url) ask.url = str_of(rows[i].url);
        if (i == 6) ask.url = arena_printf(&a, "https://127.0.0.1:%d/no-tls-there", w.peer.port);
        run(&w, &ask, &s);
        if (s.code != rows[i].code || s.sent != rows[i].sent || s.status != rows[i].status)
            fail_msg("row %zu: %s, sent %d, status %d: %s", i, err_name(s.code), s.sent, s.status, s.why);
        assert_true(!s.code || strlen(s.why) > 20);
    }
    assert_int_equal((int)upstream_stats(w.up).requests, 8);
    assert_int_equal(upstream_stats(w.up).open, 0);
    world_close(&w);
}

/* What libcurl does by itself when a reused connection closes unanswered, and that `fresh` keeps it from doing it. */
static void never_twice(void **state) {
    _cleanup_(arena_done) struct arena a = {};
    struct world w;
    world_open(&w, (struct upstream_options){});
    struct upstream_ask post = ask_for(&w, "/tired", &a);
    post.method = STR("POST");
    post.body = STR("{}");
    assert_int_equal(get(&w, "/ok").code, OK);
    struct seen s = {};
    run(&w, &post, &s);
    assert_int_equal(s.code, OK);
    assert_int_equal(atomic_load(&w.peer.arrivals), 3); /* /ok, then the post twice: this is what must not happen to a submit */
    assert_int_equal(get(&w, "/ok").code, OK);
    post.fresh = true;
    struct seen t = {};
    run(&w, &post, &t);
    assert_int_equal(t.code, OK);
    assert_int_equal(atomic_load(&w.peer.arrivals), 5);
    post.url = arena_printf(&a, "%s/hang", w.origin_text);
    struct seen u = {};
    run(&w, &post, &u);
    assert_int_equal(u.code, E_UPSTREAM);
    assert_true(u.sent);
    assert_int_equal(atomic_load(&w.peer.arrivals), 6); /* once */
    assert_int_equal(get(&w, "/ok").code, OK);
    world_close(&w);
}

/* --- bounds --- */

static bool upstream_head(void *arg, int status, const struct upstream_header *h, size_t n, int64_t length) {
    struct seen *s = arg;
    s->heads++;
    s->length = length;
    if (s->cancel_at == s->heads) {
        upstream_cancel(s->r);
        loop_stop(s->w->loop);
    }
    return !s->refuse_head;
}
static bool upstream_piece(void *arg, struct str piece) {
    struct seen *s = arg;
    s->pieces++;
    s->given += (int64_t)piece.len;
    if (s->pieces == s->pause_at) {
        upstream_pause(s->r);
        loop_stop(s->w->loop);
    }
    return s->give <= 0 || s->given < s->give;
}

static void bounds(void **state) {
    static const struct {
        const char *path, *why;
        int64_t max;
        err code;
    } rows[] = {
        {"/bytes/1000", "", 1000, OK},
        {"/bytes/1001", "has 1001 bytes; at most 1000", 1000, E_LIMIT},
        {"/chunked", "longer than the 6 bytes", 6, E_LIMIT},
        {"/chunked", "", 7, OK},
        {"/bytes/1048577", "at most 1048576", 0, E_LIMIT},
        {"/headers/120", "", 0, OK},
        {"/headers/200", "head of the answer", 0, E_LIMIT},
        {"/header/60000", "", 0, OK},
        {"/header/70000", "head of the answer", 0, E_LIMIT},
    };
    struct world w;
    world_open(&w, (struct upstream_options){});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_(arena_done) struct arena a = {};
        struct seen s = {};
        struct upstream_ask ask = ask_for(&w, rows[i].path, &a);
        ask.max_bytes = rows[i].max;
        run(&w, &ask, &s);
        if (s.code != rows[i].code || !strstr(s.why, rows[i].why)) fail_msg("%s: %s %s", rows[i].path, err_name(s.code), s.why);
    }
    _cleanup_(arena_done) struct arena a = {};
    struct upstream_ask ask = ask_for(&w, "/bytes/500000", &a);
    ask.on_head = upstream_head;
    ask.on_body = upstream_piece;
    struct seen s = {.refuse_head = true}, t = {.give = 100};
    run(&w, &ask, &s);
    assert_int_equal(s.code, E_LIMIT);
    assert_int_equal(s.length, 500000);
    assert_int_equal(s.pieces, 0);
    run(&w, &ask, &t);
    assert_int_equal(t.code, E_LIMIT);
    assert_int_equal(t.pieces, 1);
    world_close(&w);
}

static void held_back(void **state) {
    _cleanup_(arena_done) struct arena a = {};
    struct world w;
    world_open(&w, (struct upstream_options){});
    struct upstream_ask ask = ask_for(&w, "/bytes/1000000", &a);
    struct seen s = {.w = &w, .pause_at = 2};
    ask.on_body = upstream_piece;
    ask.done = upstream_done;
    ask.arg = &s;
    ask.stall = 30;
    s.r = upstream_send(w.up, &ask);
    loop_run(w.loop);
    int64_t held = s.given;
    assert_int_equal(s.pieces, 2);
    struct io *io = loop_io(w.loop);
    io->ops->timer_start(io, 120, (void (*)(void *))loop_stop, w.loop); /* four times the stall: who holds back himself does not stall */
    loop_run(w.loop);
    assert_int_equal(s.given, held);
    assert_false(s.done);
    upstream_resume(s.r);
    loop_run(w.loop);
    assert_true(s.done);
    assert_int_equal(s.code, OK);
    assert_int_equal(s.given, 1000000);
    world_close(&w);
}

/* --- time --- */

static int64_t read_for_ever(void *arg, char *buf, size_t n) {
    memset(buf, 'x', n);
    return (int64_t)n;
}

static void out_of_time(void **state) {
    _cleanup_(arena_done) struct arena a = {};
    struct world w;
    world_open(&w, (struct upstream_options){});
    static const struct {
        const char *path, *why;
        msec timeout, stall;
    } rows[] = {
        {"/silent", "did not finish within 1 s", 60, 30000},
        {"/silent", "did not finish", 80, 20}, /* to wait for an answer is no stall */
        {"/stall", "Nothing moved", 10000, 40},
        {"/stall", "did not finish", 60, 30000},
        {"/deaf", "Nothing moved", 10000, 60},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct seen s = {};
        struct upstream_ask ask = ask_for(&w, rows[i].path, &a);
        ask.timeout = rows[i].timeout;
        ask.stall = rows[i].stall;
        if (str_is(str_of(rows[i].path), "/deaf")) {
            ask.method = STR("PUT");
            ask.body_read = read_for_ever;
            ask.body_bytes = 1LL << 30;
        }
        run(&w, &ask, &s);
        if (s.code != E_DEADLINE || !strstr(s.why, rows[i].why)) fail_msg("row %zu: %s %s", i, err_name(s.code), s.why);
        assert_true(s.sent);
    }
    world_close(&w);
}

/* --- bodies that are sent --- */

static int64_t read_piece(void *arg, char *buf, size_t n) {
    struct seen *s = arg;
    s->reads++;
    if (s->pause_reads && s->reads % s->pause_reads == 0) {
        upstream_resume(s->r);
        return UPSTREAM_PAUSE;
    }
    if (s->reads == s->cancel_at) return -1;
    int64_t left = s->give - s->given, part = left < 100 ? left : 100;
    memset(buf, 'b', (size_t)part);
    s->given += part;
    return part;
}

static void sent_bodies(void **state) {
    _cleanup_(arena_done) struct arena a = {};
    struct world w;
    world_open(&w, (struct upstream_options){});
    struct upstream_ask ask = ask_for(&w, "/echo", &a);
    ask.method = STR("PUT");
    ask.body_read = read_piece;
    ask.body_bytes = 2500;
    for (int pause = 0; pause < 4; pause++) {
        if (pause == 1) continue; /* would never give anything */
        struct seen s = {.give = 2500, .pause_reads = pause};
        run(&w, &ask, &s);
        assert_int_equal(s.code, OK);
        assert_true(str_starts(str_of(s.body), STR("PUT /echo HTTP/1.1\r\n")));
        assert_non_null(strstr(s.body, "Content-Length: 2500\r\n"));
        assert_null(strstr(s.body, "Expect"));
        assert_int_equal(strlen(strstr(s.body, "\r\n\r\n") + 4), 2500);
    }
    struct seen broken = {.give = 2500, .cancel_at = 3};
    run(&w, &ask, &broken);
    assert_int_equal(broken.code, E_IO);
    struct seen empty = {};
    struct upstream_ask post = ask_for(&w, "/echo", &a);
    post.method = STR("POST");
    run(&w, &post, &empty);
    assert_non_null(strstr(empty.body, "Content-Length: 0\r\n"));
    assert_null(strstr(empty.body, "Content-Type"));
    world_close(&w);
}

static void sent_headers(void **state) {
    _cleanup_(arena_done) struct arena a = {};
    struct world w;
    world_open(&w, (struct upstream_options){});
    struct upstream_header h[] = {{STR("Content-Type"), STR("application/json")}, {STR("Host"), STR("evil.example")}, {STR("content-length"), STR("99")}, {STR("Transfer-Encoding"), STR("chunked")},
                                  {STR("traceparent"), STR("00-1-2-01")}, {STR("X-Empty"), STR("")}};
    struct upstream_ask ask = ask_for(&w, "/echo", &a);
    ask.method = STR("PATCH");
    ask.body = STR("{}");
    ask.headers = h;
    ask.header_count = sizeof h / sizeof *h;
    struct seen s = {};
    run(&w, &ask, &s);
    assert_int_equal(s.code, OK);
    static const char *const there[] = {"PATCH /echo", "Content-Type: application/json\r\n", "Content-Length: 2\r\n", "traceparent: 00-1-2-01\r\n", "X-Empty:\r\n", "User-Agent: puras\r\n", "\r\n\r\n{}"};
    static const char *const not_there[] = {"evil", "chunked", ": 99", "Expect"};
    for (size_t i = 0; i < sizeof there / sizeof *there; i++) assert_non_null(strstr(s.body, there[i]));
    for (size_t i = 0; i < sizeof not_there / sizeof *not_there; i++) assert_null(strstr(s.body, not_there[i]));
    static const struct upstream_header bad[] = {{STR("X"), STR("a\r\nY: b")}, {STR("X\r\nY"), STR("a")}, {STR(""), STR("a")}, {STR("X Y"), STR("a")}, {STR("X:"), STR("a")}, {{"X\0", 2}, STR("a")}, {STR("X"), {"a\0b", 3}}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct seen t = {};
        ask.headers = &bad[i];
        ask.header_count = 1;
        run(&w, &ask, &t);
        assert_int_equal(t.code, E_INVALID);
        assert_false(t.sent);
    }
    struct seen m = {};
    ask.header_count = 0;
    ask.method = STR("GET /\r\nX: y");
    run(&w, &ask, &m);
    assert_int_equal(m.code, E_INVALID);
    assert_int_equal(atomic_load(&w.peer.arrivals), 1);
    world_close(&w);
}

/* --- ends --- */

static void cancelled(void **state) {
    _cleanup_(arena_done) struct arena a = {};
    struct world w;
    world_open(&w, (struct upstream_options){});
    struct io *io = loop_io(w.loop);
    for (int when = 0; when < 3; when++) {
        struct seen s = {.w = &w, .cancel_at = when == 1};
        struct upstream_ask ask = ask_for(&w, when == 1 ? "/bytes/500000" : "/silent", &a);
        ask.done = upstream_done;
        ask.on_head = upstream_head;
        ask.on_body = upstream_piece;
        ask.arg = &s;
        s.r = upstream_send(w.up, &ask);
        if (when == 0) upstream_cancel(s.r); /* before it has begun */
        if (when == 1) loop_run(w.loop);     /* from within its own callback */
        io->ops->timer_start(io, 40, (void (*)(void *))loop_stop, w.loop);
        loop_run(w.loop);
        if (when == 2) upstream_cancel(s.r); /* while it waits */
        io->ops->timer_start(io, 20, (void (*)(void *))loop_stop, w.loop);
        loop_run(w.loop);
        assert_false(s.done);
        assert_int_equal(s.pieces, 0);
        assert_int_equal(upstream_stats(w.up).open, 0);
    }
    assert_int_equal(get(&w, "/ok").code, OK);
    struct seen left = {.w = &w};
    struct upstream_ask ask = ask_for(&w, "/silent", &a), more = ask_for(&w, "/ok", &a);
    ask.done = more.done = upstream_done;
    ask.arg = more.arg = &left;
    upstream_send(w.up, &ask);
    io->ops->timer_start(io, 20, (void (*)(void *))loop_stop, w.loop);
    loop_run(w.loop);
    upstream_send(w.up, &more); /* one under way and one not begun when the end comes */
    world_close(&w);
    assert_false(left.done);
}

/* Many at once, over handles and connections that serve again and again. */
struct crowd {
    struct world *w;
    int started, ended;
    struct upstream_ask ask;
};
enum { CROWD = 2000, AT_ONCE = 50 };
static void crowd_done(void *arg, const struct upstream_answer *a) {
    struct crowd *c = arg;
    assert_int_equal(a->code, OK);
    assert_true(str_is(a->body, "hello"));
    if (++c->ended == CROWD) loop_stop(c->w->loop);
    if (c->started < CROWD) c->started++, upstream_send(c->w->up, &c->ask);
}
static void crowds(void **state) {
    _cleanup_(arena_done) struct arena a = {};
    struct world w;
    world_open(&w, (struct upstream_options){});
    struct crowd c = {.w = &w, .ask = ask_for(&w, "/ok", &a)};
    c.ask.done = crowd_done;
    c.ask.arg = &c;
    while (c.started < AT_ONCE) c.started++, upstream_send(w.up, &c.ask);
    loop_run(w.loop);
    assert_int_equal(c.ended, CROWD);
    assert_true(atomic_load(&w.peer.connections) <= AT_ONCE);
    world_close(&w);
}

/* More than may connect at once: the others wait in a queue of ours, from which they can be called back. */
static void the_others_wait_their_turn(void **state) {
    enum { WAITING = 300 };
    _cleanup_(arena_done) struct arena a = {};
    struct world w;
    struct upstream_request *sent[WAITING];
    world_open(&w, (struct upstream_options){.connections = 16});
    struct crowd c = {.w = &w, .ask = ask_for(&w, "/ok", &a), .started = CROWD, .ended = CROWD - WAITING + WAITING / 3};
    c.ask.done = crowd_done;
    c.ask.arg = &c;
    for (int i = 0; i < WAITING; i++) sent[i] = upstream_send(w.up, &c.ask);
    for (int i = 2; i < WAITING; i += 3) upstream_cancel(sent[i]);
    loop_run(w.loop);
    assert_int_equal(c.ended, CROWD);
    assert_int_equal(upstream_stats(w.up).open, 0);
    assert_true(atomic_load(&w.peer.connections) <= 8);
    world_close(&w);
}

/* --- proxies --- */

static void proxies(void **state) {
    _cleanup_(arena_done) struct arena a = {};
    struct world w;
    world_open(&w, (struct upstream_options){});
    struct peer proxy = {.proxy = true, .inner = w.peer.port};
    peer_open(&proxy, "127.0.0.1");
    /* The environment's are not used. */
    struct str closed = STR("http://127.0.0.1:1");
    setenv("http_proxy", closed.ptr, 1);
    setenv("all_proxy", closed.ptr, 1);
    assert_int_equal(get(&w, "/ok").code, OK);
    upstream_destroy(w.up);
    w.up = upstream_create(&(struct upstream_options){.loop = w.loop, .proxy = arena_printf(&a, "http://127.0.0.1:%d", proxy.port).ptr});
    assert_int_equal(get(&w, "/ok").code, OK); /* a listed private address: reached without it */
    assert_int_equal(atomic_load(&proxy.connect_count), 0);
    struct upstream_ask ask = {.policy = EGRESS_TENANT, .url = STR("http://8.8.8.8:4711/ok")}, six = {.policy = EGRESS_TENANT, .url = STR("http://[2606:4700::1]/ok")};
    struct seen s = {}, t = {};
    run(&w, &ask, &s);
    assert_int_equal(s.code, OK);
    assert_string_equal(s.body, "hello");
    assert_string_equal(proxy.connects[0], "8.8.8.8:4711");
    run(&w, &six, &t);
    assert_int_equal(t.code, OK);
    assert_string_equal(proxy.connects[1], "[2606:4700::1]:80");
    static const char *const inside[] = {"http://localhost/ok", "http://127.1/ok", "http://0x7f000001/ok", "http://[::ffff:127.0.0.1]/ok", "http://10.0.0.1/ok", "http://169.254.169.254/latest"};
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        struct seen u = {};
        ask.url = str_of(inside[i]);
        run(&w, &ask, &u);
        if (u.code != E_EGRESS) fail_msg("%s: %s %s", inside[i], err_name(u.code), u.why);
    }
    assert_int_equal(atomic_load(&proxy.connect_count), 2);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    world_close(&w);
    peer_close(&proxy);
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(refused_directly),
        cmocka_unit_test(spelled_right),
        cmocka_unit_test(refused_behind_a_redirect),
        cmocka_unit_test(exceptions),
        cmocka_unit_test(redirects),
        cmocka_unit_test(credentials),
        cmocka_unit_test(sent_or_not),
        cmocka_unit_test(never_twice),
        cmocka_unit_test(bounds),
        cmocka_unit_test(held_back),
        cmocka_unit_test(out_of_time),
        cmocka_unit_test(sent_bodies),
        cmocka_unit_test(sent_headers),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(crowds), cmocka_unit_test(the_others_wait_their_turn),
        cmocka_unit_test(proxies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
