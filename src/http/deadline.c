/* Who has waited too long. Every class of waiting has one length, so its list is ordered by itself: entering is an append, and a
 * tick of the server looks at the heads only. Called by conn.c on each change of state and by the server's tick. */
#include "http/conn.h"

static void unlink_waiting(struct conn *c) {
    if (c->wait == WAIT_NOTHING) return;
    struct conn_list *list = &c->server->waits[c->wait];
    if (c->waiting.prev) c->waiting.prev->waiting.next = c->waiting.next;
    else list->first = c->waiting.next;
    if (c->waiting.next) c->waiting.next->waiting.prev = c->waiting.prev;
    else list->last = c->waiting.prev;
    c->waiting = (struct link){};
    c->wait = WAIT_NOTHING;
}

void deadline_set(struct conn *c, enum wait_class w, msec at) {
    unlink_waiting(c);
    if (w == WAIT_NOTHING) return;
    struct conn_list *list = &c->server->waits[w];
    c->wait = w;
    c->deadline = at;
    c->waiting.prev = list->last;
    if (list->last) list->last->waiting.next = c;
    else list->first = c;
    list->last = c;
}

void deadline_settle(struct conn *c, enum wait_class w) {
    if (w == c->wait && !(c->renew && w != WAIT_STALL)) return;
    const struct http_deadlines *d = &c->server->limit;
    msec now = c->server->now;
    switch (w) {
    case WAIT_NOTHING:
    case WAIT_COUNT:
        deadline_set(c, WAIT_NOTHING, 0);
        return;
    case WAIT_IDLE:
        deadline_set(c, w, now + d->idle);
        return;
    case WAIT_HEAD:
        deadline_set(c, w, c->req->received_at + d->header);
        return;
    case WAIT_BODY:
        c->grace = true;
        deadline_set(c, w, now + d->body_grace);
        return;
    case WAIT_STALL:
        c->mark = conn_acknowledged(c);
        deadline_set(c, w, now + d->stall);
        return;
    case WAIT_HEARTBEAT:
        deadline_set(c, w, now + d->heartbeat);
        return;
    case WAIT_LINGER:
        deadline_set(c, w, now + d->linger);
        return;
    case WAIT_HALF_CLOSED:
        deadline_set(c, w, now + d->half_closed);
        return;
    }
}

static int64_t body_received(const struct conn *c) { return c->req ? c->req->received : c->lingered; }

static void timed_out(struct conn *c) { c->server->stats.timeouts++; }

/* A span of a body is over: did enough come in it? */
static void body_span(struct conn *c) {
    struct http_server *s = c->server;
    int64_t received = body_received(c);
    if (c->grace || received - c->mark >= s->limit.bytes_per_s * s->limit.body_grace / MS_SECOND) {
        c->grace = false;
        c->mark = received;
        deadline_set(c, WAIT_BODY, s->now + s->limit.body_grace);
        return;
    }
    timed_out(c);
    if (c->state == CONN_SKIP) conn_close(c);
    else reply_error(c, E_TIMEOUT, "The body arrives too slowly.");
}

static void stall_span(struct conn *c) {
    struct http_server *s = c->server;
    int64_t acknowledged = conn_acknowledged(c);
    if (acknowledged - c->mark >= s->limit.bytes_per_s * s->limit.stall / MS_SECOND) {
        c->mark = acknowledged;
        deadline_set(c, WAIT_STALL, s->now + s->limit.stall);
        return;
    }
    timed_out(c);
    /* What the peer does not take must not stay in the kernel either. */
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    conn_lost(c);
}

static void expire(struct conn *c) {
    switch (c->wait) {
    case WAIT_NOTHING:
    case WAIT_COUNT:
        return;
    case WAIT_HEAD:
        timed_out(c);
        reply_error(c, E_TIMEOUT, "The head of the request arrives too slowly.");
        return;
    case WAIT_BODY:
        body_span(c);
        return;
    case WAIT_STALL:
        stall_span(c);
        return;
    case WAIT_HEARTBEAT:
        sse_heartbeat(c);
        return;
    case WAIT_IDLE:
        timed_out(c);
        conn_close(c);
        return;
    case WAIT_LINGER:
        conn_close(c);
        return;
    case WAIT_HALF_CLOSED:
        conn_lost(c);
        return;
    }
}

void deadline_expire(struct http_server *s) {
    for (int w = 0; w < WAIT_COUNT; w++) {
        /* A connection that waits again in the same list stands behind all that are due now, or the loop ends there. */
        for (struct conn *c; (c = s->waits[w].first) && c->deadline <= s->now;) expire(c);
    }
}
