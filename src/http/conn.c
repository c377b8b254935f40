/* A connection: reads when its state wants bytes, and drives them through parser, handler and answer. See conn.h for the states.
 *
 * Must always hold: bytes of the next request are not looked at before the answer to the present one has left. */
#include "http/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

msec server_now(struct http_server *s) { return s->now = io_mono(s->io); }

static bool reads(const struct conn *c) {
    switch (c->state) {
    case CONN_IDLE:
    case CONN_HEAD:
    case CONN_BODY:
    case CONN_SKIP:
    case CONN_LINGER:
        return true;
    case CONN_WAIT:
    case CONN_PAUSED:
    case CONN_ANSWER:
    case CONN_SSE:
    case CONN_CLOSED:
        break;
    }
    return false;
}

void conn_enter(struct conn *c, enum conn_state state) {
    struct http_stats *stats = &c->server->stats;
    if (c->state == CONN_WAIT) stats->parked--;
    if (state == CONN_WAIT) stats->parked++;
    c->state = state;
    c->renew = true;
}

static void on_poll(uv_poll_t *handle, int status, int events);
static void want(struct conn *c, int events) {
    if (events == c->events) return;
    c->events = events;
    if (events) must(uv_poll_start(&c->poll, events, on_poll) == 0);
    else uv_poll_stop(&c->poll);
}

/* While nobody reads, bytes in the socket must not wake the loop, but the peer's leaving must. */
static int watch(const struct conn *c) { return c->half_closed ? 0 : c->held ? UV_DISCONNECT : UV_READABLE; }

void conn_settle(struct conn *c) {
    if (c->state == CONN_CLOSED || c->processing) return;
    if (c->broken) {
        conn_lost(c);
        return;
    }
    bool pending = conn_pending(c);
    if (reads(c)) c->held = false;
    int events = reads(c) ? UV_READABLE : watch(c);
    enum wait_class w = WAIT_NOTHING;
    switch (c->state) {
    case CONN_IDLE:
        w = WAIT_IDLE;
        break;
    case CONN_HEAD:
        w = WAIT_HEAD;
        break;
    case CONN_BODY:
    case CONN_SKIP:
        w = WAIT_BODY;
        break;
    case CONN_LINGER:
        w = WAIT_LINGER;
        break;
    case CONN_WAIT:
        if (c->half_closed) w = WAIT_HALF_CLOSED;
        break;
    case CONN_ANSWER:
        w = WAIT_STALL;
        events = UV_WRITABLE;
        break;
    case CONN_SSE:
        w = pending ? WAIT_STALL : c->half_closed ? WAIT_HALF_CLOSED : WAIT_HEARTBEAT;
        if (pending) events = UV_WRITABLE;
        break;
    case CONN_PAUSED:
    case CONN_CLOSED:
        break;
    }
    deadline_settle(c, w);
    c->renew = false;
    want(c, events);
}

/* --- the ready queue: connections that go on without anything having come from their socket --- */

static void run_ready(struct http_server *s);
static void on_again(uv_idle_t *idle) { run_ready(idle->data); }

void server_turn(struct http_server *s) {
    if (!uv_is_active((uv_handle_t *)&s->again)) must(uv_idle_start(&s->again, on_again) == 0);
}

void conn_continue(struct conn *c) {
    if (c->ready || c->state == CONN_CLOSED) return;
    struct http_server *s = c->server;
    c->ready = true;
    c->queue.prev = s->ready.last;
    c->queue.next = NULL;
    if (s->ready.last) s->ready.last->queue.next = c;
    else s->ready.first = c;
    s->ready.last = c;
    s->ready_count++;
    server_turn(s);
}

static void leave_ready(struct conn *c) {
    if (!c->ready) return;
    struct http_server *s = c->server;
    if (c->queue.prev) c->queue.prev->queue.next = c->queue.next;
    else s->ready.first = c->queue.next;
    if (c->queue.next) c->queue.next->queue.prev = c->queue.prev;
    else s->ready.last = c->queue.prev;
    s->ready_count--;
    c->ready = false;
    c->queue = (struct link){};
}

/* --- the end of requests and connections --- */

void request_over(struct conn *c) {
    struct http_req *r = c->req;
    struct http_server *s = c->server;
    if (!r) return;
    bool seen = r->status || c->parser.phase != PHASE_HEAD;
    if (seen && s->o.on_done) s->o.on_done(s->o.arg, r, r->status ? r->status : 499, r->sent, server_now(s) - r->received_at);
    void (*over)(void *arg, bool whole) = r->over;
    void *over_arg = r->over_arg;
    bool whole = r->handed_over;
    c->req = NULL;
    request_give(s, r);
    if (over) over(over_arg, whole);
}

void conn_tell_handler(struct conn *c) {
    struct http_req *r = c->req;
    if (!r || r->owner != OWNER_HANDLER) return;
    r->owner = OWNER_SERVER;
    if (r->sink_kind == SINK_PIECES) r->sink.end(r->sink.arg, r, false);
    else if (r->gone) r->gone(r->gone_arg, r);
}

static void on_closed(uv_handle_t *handle) {
    struct conn *c = handle->data;
    struct http_server *s = c->server;
    free(c);
    server_conn_freed(s);
}

void conn_close(struct conn *c) {
    if (c->state == CONN_CLOSED) return;
    struct http_server *s = c->server;
    conn_enter(c, CONN_CLOSED);
    request_over(c);
    deadline_set(c, WAIT_NOTHING, 0);
    leave_ready(c);
    if (c->all.prev) c->all.prev->all.next = c->all.next;
    else s->all.first = c->all.next;
    if (c->all.next) c->all.next->all.prev = c->all.prev;
    else s->all.last = c->all.prev;
    if (c->counted) addr_counts_drop(&s->counts, &c->peer);
    s->stats.open--;
    buf_done(&c->in);
    buf_done(&c->out);
    uv_close((uv_handle_t *)&c->poll, on_closed);
    close(c->fd);
}

void conn_lost(struct conn *c) {
    if (c->state == CONN_CLOSED) return;
    conn_tell_handler(c);
    conn_close(c);
}

void conn_linger(struct conn *c) {
    shutdown(c->fd, SHUT_WR);
    buf_done(&c->in);
    c->lingered = 0;
    conn_enter(c, CONN_LINGER);
}

/* --- from bytes to requests --- */

static void begin_request(struct conn *c) {
    struct http_req *r = c->req = request_take(c->server);
    r->conn = c;
    r->received_at = c->server->now;
    r->id = io_new_id(c->server->io);
    c->close_after = c->linger_after = c->skip_after = false;
    parser_begin(&c->parser, &r->head);
    conn_enter(c, CONN_HEAD);
}

static bool head_step(struct conn *c, struct str *in) {
    struct http_req *r = c->req;
    struct str piece;
    switch (parser_next(&c->parser, in, &piece)) {
    case PARSE_HEAD:
        break;
    case PARSE_BAD:
        reply_error(c, c->parser.bad, c->parser.why);
        return true;
    case PARSE_MORE:
    case PARSE_BODY:
    case PARSE_END:
        return false;
    }
    struct http_server *s = c->server;
    s->stats.requests++;
    if (r->head.authority.len && !server_owns_host(s, r->head.authority)) {
        reply_error(c, E_MISDIRECTED, "The request is for another host.");
        return true;
    }
    r->owner = OWNER_HANDLER;
    conn_enter(c, CONN_WAIT);
    s->o.on_head(s->o.arg, r);
    return true;
}

/* True: the state may take more of what is there. */
static bool step(struct conn *c, struct str *in) {
    switch (c->state) {
    case CONN_IDLE:
        if (!in->len) return false;
        begin_request(c);
        return true;
    case CONN_HEAD:
        return head_step(c, in);
    case CONN_BODY:
        return body_step(c, in);
    case CONN_SKIP:
        return skip_step(c, in);
    case CONN_LINGER:
        c->lingered += (int64_t)in->len;
        in->len = 0;
        if (c->lingered > LINGER_BYTES) conn_close(c);
        return false;
    case CONN_WAIT:
    case CONN_PAUSED:
    case CONN_ANSWER:
    case CONN_SSE:
    case CONN_CLOSED:
        break;
    }
    return false;
}

static void process(struct conn *c, struct str in) {
    c->processing = true;
    while (step(c, &in)) {}
    c->processing = false;
    if (c->state == CONN_CLOSED) return;
    if (in.len && c->state != CONN_LINGER) buf_add(&c->in, in.ptr, in.len);
    conn_settle(c);
}

static void go_on(struct conn *c) {
    if (c->state == CONN_SSE) {
        sse_pump(c);
    } else if (reads(c)) {
        struct buf stash = c->in;
        c->in = (struct buf){};
        process(c, buf_view(&stash));
        buf_done(&stash);
    }
}

static void run_ready(struct http_server *s) {
    int64_t entered = loop_enter(s->loop);
    server_now(s);
    /* As many as wait now: those that queue up again meanwhile let the sockets be looked at first. */
    for (int n = s->ready_count; n > 0 && s->ready.first; n--) {
        struct conn *c = s->ready.first;
        leave_ready(c);
        go_on(c);
    }
    if (!s->ready.first) uv_idle_stop(&s->again);
    server_check_drained(s);
    loop_leave(s->loop, "http.ready", entered);
}

/* --- from the socket --- */

/* Nobody may read now: find out whether the peer left or merely sent more. */
static void look(struct conn *c) {
    char byte;
    ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0) c->held = true;
    else if (n == 0) c->half_closed = true;
    else if (errno != EAGAIN && errno != EINTR) c->broken = true;
    conn_settle(c);
}

static void on_readable(struct conn *c) {
    struct http_server *s = c->server;
    if (!reads(c)) {
        look(c);
        return;
    }
    if (c->in.len) { /* older bytes first; the socket reports again */
        conn_continue(c);
        return;
    }
    for (int round = 0; round < 4 && reads(c) && !c->in.len; round++) {
        ssize_t n = recv(c->fd, s->read, READ_BYTES, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            conn_lost(c);
            return;
        }
        process(c, str_n(s->read, (size_t)n));
        if (n < READ_BYTES) return;
    }
}

static void on_poll(uv_poll_t *handle, int status, int events) {
    struct conn *c = handle->data;
    struct http_server *s = c->server;
    int64_t entered = loop_enter(s->loop);
    server_now(s);
    if (status < 0) {
        conn_lost(c);
    } else {
        if (events & UV_WRITABLE) conn_flush(c);
        if (c->state != CONN_CLOSED && events & UV_READABLE) {
            on_readable(c);
        } else if (c->state != CONN_CLOSED && events & UV_DISCONNECT) {
            c->half_closed = true;
            conn_settle(c);
        }
    }
    loop_leave(s->loop, "http", entered);
}

void conn_open(struct http_server *s, int fd, const struct addr *peer, bool counted) {
    struct conn *c = calloc(1, sizeof *c);
    must(c);
    c->server = s;
    c->fd = fd;
    c->peer = *peer;
    c->counted = counted;
    must(uv_poll_init(loop_uv(s->loop), &c->poll, fd) == 0);
    c->poll.data = c;
    s->open_handles++;
    c->all.prev = s->all.last;
    if (s->all.last) s->all.last->all.next = c;
    else s->all.first = c;
    s->all.last = c;
    s->stats.open++;
    s->stats.connections++;
    conn_enter(c, CONN_IDLE);
    conn_settle(c);
}
