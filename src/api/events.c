/* GET /v1/generations/{id}/events: a cursor over the committed events of one generation. What was missed is read again by
 * Last-Event-ID; a slow reader costs nothing but its place. */
#include "api/routes.h"
#include "base/limits.h"

static void wake(void *arg) {
    struct exchange *x = arg;
    if (x->req && x->streaming) http_sse_wake(x->req);
}

static bool fill(void *arg, struct http_req *r, struct buf *out) {
    struct exchange *x = arg;
    if (event_stream_fill(x->stream, out)) return true;
    exchange_release(x); /* the server sends what is in `out` and ends; nobody calls us again */
    return false;
}

static void opened(void *arg, err code, const struct why *why, struct event_stream *s) {
    struct exchange *x = arg;
    if (!x->req) {
        if (s && !code) event_stream_close(s);
    } else if (code) {
        struct why w = why ? *why : (struct why){0};
        w.code = code;
        answer_error(x, &w);
    } else {
        x->stream = s;
        x->streaming = true;
        answer_headers(x->api, x->req);
        http_sse_begin(x->req, fill, x);
    }
    exchange_unref(x);
}

void events_stream(struct exchange *x) {
    struct why why = {0};
    int64_t after = 0;
    if (!id_is(x->param)) {
        answer_fail(x, E_NOT_FOUND, "There is no generation of that id; an id has 32 lower-case hex digits.");
        return;
    }
    struct str last = str_trim(http_header(x->req, "Last-Event-ID"));
    if (!str_empty(last) && (!str_to_i64(last, &after) || after < 0)) {
        answer_fail(x, E_BAD_REQUEST, "The Last-Event-ID header must be the number of an event that was received.");
        return;
    }
    if (str_empty(last) && param_int(x, "after", 0, INT64_MAX, &why, &after)) {
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_events(exchange_ops(x), &x->caller, x->param, after, wake, opened, x);
}
