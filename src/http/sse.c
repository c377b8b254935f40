/* Event streams. A subscriber is a cursor of its handler: it is asked for more only when everything before has left, so a slow
 * reader costs one queue of what fill gave at once, never a backlog. The end of the connection ends the stream. */
#include "http/conn.h"

void http_sse_begin(struct http_req *r, bool (*fill)(void *arg, struct http_req *r, struct buf *out), void *arg) {
    if (r->owner != OWNER_HANDLER) return;
    struct conn *c = r->conn;
    must(!r->status && c->state == CONN_WAIT);
    r->status = 200;
    r->fill = fill;
    r->fill_arg = arg;
    c->close_after = true;
    c->linger_after = c->parser.phase != PHASE_END;
    c->skip_after = false;
    http_add_header(r, "Cache-Control", STR("no-store"));
    http_add_header(r, "X-Accel-Buffering", STR("no")); /* nginx would hold events back */
    struct buf *out = &c->server->scratch;
    buf_clear(out);
    reply_head(r, 200, "text/event-stream", -1, out);
    conn_enter(c, CONN_SSE);
    conn_send(c, buf_view(out), false);
    conn_continue(c);
    if (!c->broken) conn_settle(c); /* a broken one is ended from the ready queue: the handler is on the stack */
}

void http_sse_wake(struct http_req *r) {
    if (r->conn->state == CONN_SSE) conn_continue(r->conn);
}

static void stream_over(struct conn *c) {
    c->req->owner = OWNER_SERVER;
    conn_enter(c, CONN_ANSWER);
    answer_go(c);
}

void sse_pump(struct conn *c) {
    struct http_req *r = c->req;
    if (c->broken || conn_pending(c)) {
        conn_settle(c);
        return;
    }
    if (c->server->draining || str_is(r->head.method, "HEAD")) {
        if (c->server->draining) conn_send(c, STR("retry: 2000\n\n"), false); /* another start of the server will be there by then */
        conn_tell_handler(c);
        stream_over(c);
        return;
    }
    struct buf *events = &c->server->events;
    for (size_t turn = 0; !conn_pending(c) && !c->broken;) {
        buf_clear(events);
        bool more = r->fill(r->fill_arg, r, events);
        if (events->len) {
            conn_send(c, buf_view(events), false);
            c->renew = true; /* the next heartbeat is due counted from here */
        }
        if (!more) {
            stream_over(c);
            return;
        }
        if (!events->len) break;
        turn += events->len;
        if (turn > SSE_TURN_BYTES) { /* others have their turn */
            conn_continue(c);
            break;
        }
    }
    conn_settle(c);
}

void sse_heartbeat(struct conn *c) {
    conn_send(c, STR(":\n\n"), false);
    c->renew = true;
    conn_settle(c);
}
