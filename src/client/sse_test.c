#include "client/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static bool collect(void *arg, const struct client_event *e) {
    struct buf *b = arg;
    buf_printf(b, "[%.*s|%.*s|%.*s]", STR_ARG(e->id), STR_ARG(e->type), STR_ARG(e->data));
    return !str_is(e->data, "stop");
}

static const struct {
    const char *name, *stream, *events;
    bool goes_on;
} CASES[] = {
    {"one event", "id: 1\nevent: started\ndata: {}\n\n", "[1|started|{}]", true},
    {"no type is message", "data: a\n\n", "[|message|a]", true},
    {"lines are joined", "data: a\ndata: b\n\n", "[|message|a\nb]", true},
    {"the id stays, the type does not", "id: 7\nevent: x\ndata: a\n\ndata: b\n\n", "[7|x|a][7|message|b]", true},
    {"no data, no event", "event: x\n\ndata: a\n\n", "[|message|a]", true},
    {"heartbeats are skipped", ": beat\n\n:\n\ndata: a\n\n", "[|message|a]", true},
    {"CR and CRLF end lines", "data: a\r\n\r\ndata: b\r\rdata: c\n\n", "[|message|a][|message|b][|message|c]", true},
    {"one blank is taken off", "data:  a\n\ndata:b\n\n", "[|message| a][|message|b]", true},
    {"an unfinished event is not shown", "data: a\n", "", true},
    {"empty data is data", "data\n\n", "[|message|]", true},
    {"unknown fields are skipped", "retry: 5\nfoo: bar\ndata: a\n\n", "[|message|a]", true},
    {"the receiver ends it", "data: stop\n\ndata: after\n\n", "[|message|stop]", false},
};

/* However the bytes are cut, the events are the same. */
static void reads_events(void **state) {
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct str stream = str_of(CASES[i].stream);
        for (size_t cut = 1; cut <= stream.len; cut++) {
            struct sse s = {0};
            struct buf events = {0};
            bool on = true;
            for (size_t at = 0; at < stream.len && on; at += cut) on = sse_feed(&s, str_head(str_skip(stream, at), cut), collect, &events);
            if (!str_is(buf_view(&events), CASES[i].events))
                fail_msg("%s, in pieces of %zu: %.*s", CASES[i].name, cut, STR_ARG(buf_view(&events)));
            assert_int_equal(on, CASES[i].goes_on);
            buf_done(&events);
            sse_done(&s);
        }
    }
}

static void bounds_hold(void **state) {
    char piece[4096];
    memset(piece, 'a', sizeof piece);
    struct sse line = {0}, data = {0};
    struct buf events = {0};
    bool on = true;
    size_t fed = 0;
    for (; on && fed < 4 << 20; fed += sizeof piece) on = sse_feed(&line, str_n(piece, sizeof piece), collect, &events);
    assert_false(on);
    assert_true(line.line.len <= SSE_EVENT_BYTES);
    on = true;
    for (fed = 0; on && fed < 4 << 20; fed += 1000) {
        on = sse_feed(&data, STR("data: "), collect, &events) && sse_feed(&data, str_n(piece, 1000), collect, &events) && sse_feed(&data, STR("\n"), collect, &events);
    }
    assert_false(on);
    assert_int_equal(events.len, 0);
    sse_done(&line);
    sse_done(&data);
    buf_done(&events);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_events), cmocka_unit_test(bounds_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
