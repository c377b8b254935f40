/* Sending: now if the socket takes it, else kept and sent when it is writable; files by sendfile. Called by reply.c and sse.c to
 * begin, by conn.c when there is room. A failed send is noted and acted upon where no handler is on the stack. */
#include "http/conn.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

static bool bytes_pending(const struct conn *c) { return c->out.len > c->out_at; }

bool conn_pending(const struct conn *c) {
    return bytes_pending(c) || (c->req && c->state == CONN_ANSWER && c->req->file_left > 0);
}

/* What the peer's kernel has taken; what merely waits in ours is not progress of a reader. */
int64_t conn_acknowledged(const struct conn *c) {
    int waiting = 0;
    if (ioctl(c->fd, SIOCOUTQ, &waiting)) waiting = 0;
    return c->sent - waiting;
}

static void took(struct conn *c, size_t n) {
    c->sent += (int64_t)n;
    if (c->req) c->req->sent += (int64_t)n;
}

static size_t send_some(struct conn *c, struct str data, bool more_follows) {
    size_t done = 0;
    while (done < data.len) {
        ssize_t n = send(c->fd, data.ptr + done, data.len - done, MSG_NOSIGNAL | MSG_DONTWAIT | (more_follows ? MSG_MORE : 0));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) c->broken = true;
        if (n < 0) break;
        done += (size_t)n;
    }
    took(c, done);
    return done;
}

void conn_send(struct conn *c, struct str data, bool more_follows) {
    if (c->broken) return;
    size_t done = bytes_pending(c) ? 0 : send_some(c, data, more_follows);
    if (!c->broken && done < data.len) buf_add(&c->out, data.ptr + done, data.len - done);
}

static void send_file(struct conn *c) {
    struct http_req *r = c->req;
    for (int64_t turn = FILE_TURN_BYTES; r->file_left > 0 && turn > 0 && !c->broken;) {
        off_t at = r->file_at;
        ssize_t n = sendfile(c->fd, r->file, &at, (size_t)(r->file_left < turn ? r->file_left : turn));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) { /* the file is shorter than was promised: only the end of the connection can say so */
            c->broken = true;
            return;
        }
        took(c, (size_t)n);
        r->file_at += n;
        r->file_left -= n;
        turn -= n;
    }
}

static void answer_over(struct conn *c) {
    /* An answer begun before the draining has promised to keep the connection; nobody would come to end it later. */
    bool broken = c->broken, drained = c->server->draining && !c->close_after && !c->skip_after && !c->in.len;
    /* a peer that has closed its side may have left altogether, which only a later send would show */
    if (c->req) c->req->handed_over = !broken && !conn_pending(c) && !c->half_closed;
    request_over(c);
    if (broken || drained || (c->close_after && !c->linger_after && !c->in.len)) {
        conn_close(c);
    } else if (c->close_after) {
        conn_linger(c);
    } else if (c->skip_after) {
        c->lingered = 0;
        conn_enter(c, CONN_SKIP);
    } else {
        conn_enter(c, CONN_IDLE);
    }
    if (c->in.len && !c->processing) conn_continue(c);
}

void answer_go(struct conn *c) {
    if (!bytes_pending(c) && c->req->file_left > 0 && !c->broken) send_file(c);
    if (c->broken || !conn_pending(c)) answer_over(c);
    conn_settle(c);
}

void conn_flush(struct conn *c) {
    if (c->state != CONN_ANSWER && c->state != CONN_SSE) return;
    if (bytes_pending(c)) {
        c->out_at += send_some(c, str_skip(buf_view(&c->out), c->out_at), c->state == CONN_ANSWER && c->req->file_left > 0);
        if (bytes_pending(c) && !c->broken) return;
        buf_done(&c->out);
        c->out_at = 0;
    }
    if (c->state == CONN_ANSWER) answer_go(c);
    else if (c->broken) conn_settle(c);
    else sse_pump(c);
}
