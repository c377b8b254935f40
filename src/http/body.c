/* Bodies: what a handler asks for, and the bytes on their way to it. The confirmation that a waiting client asked for (`Expect`)
 * is sent here and nowhere else, so it leaves only when the handler wants the body and its length is acceptable. */
#include "http/conn.h"

static void begin_body(struct http_req *r, int64_t max) {
    struct conn *c = r->conn;
    must(r->owner == OWNER_HANDLER && c->state == CONN_WAIT && r->sink_kind == SINK_NONE);
    r->max = max;
    r->received = 0;
    if (r->head.content_length > max) {
        r->fail = E_TOO_LARGE;
    } else if (r->head.expect_continue) {
        r->head.expect_continue = false;
        if (!c->in.len) conn_send(c, STR("HTTP/1.1 100 Continue\r\n\r\n"), false);
    }
    conn_enter(c, CONN_BODY);
}

void http_read_body(struct http_req *r, int64_t max, void (*done)(void *arg, struct http_req *r, struct str body), void *arg) {
    begin_body(r, max);
    r->sink_kind = SINK_WHOLE;
    r->whole = done;
    r->sink.arg = arg;
    buf_clear(&r->body);
    if (!r->conn->processing) conn_continue(r->conn);
}

void http_stream_body(struct http_req *r, int64_t max, const struct http_sink *sink) {
    begin_body(r, max);
    r->sink_kind = SINK_PIECES;
    r->sink = *sink;
    if (!r->conn->processing) conn_continue(r->conn);
}

void http_resume_body(struct http_req *r) {
    struct conn *c = r->conn;
    if (c->state == CONN_BODY) r->resume_asked = true;
    if (c->state != CONN_PAUSED) return;
    conn_enter(c, CONN_BODY);
    conn_continue(c);
}

static void deliver(struct conn *c, struct str piece) {
    struct http_req *r = c->req;
    if (r->sink_kind == SINK_WHOLE) {
        /* The told length is reserved only up to 64 KB: beyond, memory follows the bytes that really came. */
        if (!r->body.len && r->head.content_length > 0)
            buf_reserve(&r->body, (size_t)(r->head.content_length < READ_BYTES ? r->head.content_length : READ_BYTES));
        buf_add(&r->body, piece.ptr, piece.len);
        return;
    }
    r->resume_asked = false;
    bool more = r->sink.chunk(r->sink.arg, r, piece);
    if (!more && c->req == r && c->state == CONN_BODY && !r->resume_asked) conn_enter(c, CONN_PAUSED);
}

static void deliver_end(struct conn *c) {
    struct http_req *r = c->req;
    enum sink_kind kind = r->sink_kind;
    r->sink_kind = SINK_NONE; /* from here on on_gone tells, not the sink */
    conn_enter(c, CONN_WAIT);
    if (kind == SINK_WHOLE) r->whole(r->sink.arg, r, buf_view(&r->body));
    else r->sink.end(r->sink.arg, r, true);
}

bool body_step(struct conn *c, struct str *in) {
    struct http_req *r = c->req;
    struct str piece = {};
    if (r->fail) {
        reply_error(c, r->fail, "The body is larger than is taken here.");
        return true;
    }
    switch (parser_next(&c->parser, in, &piece)) {
    case PARSE_BODY:
        r->received += (int64_t)piece.len;
        if (r->received > r->max) r->fail = E_TOO_LARGE;
        else deliver(c, piece);
        return true;
    case PARSE_END:
        deliver_end(c);
        return true;
    case PARSE_BAD:
        reply_error(c, c->parser.bad, c->parser.why);
        return true;
    case PARSE_MORE:
    case PARSE_HEAD:
        break;
    }
    return false;
}

bool skip_step(struct conn *c, struct str *in) {
    struct str piece = {};
    switch (parser_next(&c->parser, in, &piece)) {
    case PARSE_BODY:
        c->lingered += (int64_t)piece.len;
        return true;
    case PARSE_END:
        if (c->server->draining && !in->len) {
            conn_close(c);
            return false;
        }
        conn_enter(c, CONN_IDLE);
        return true;
    case PARSE_BAD:
        conn_close(c);
        return false;
    case PARSE_MORE:
    case PARSE_HEAD:
        break;
    }
    return false;
}
