/* Answers: head and body in one buffer and one write. Also the server's own errors, which have the form that every error of
 * this program has. */
#include "http/conn.h"

#include <unistd.h>

static const char *reason(int status) {
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Status";
    }
}

static bool has_body(int status) { return status != 204 && status != 304; }

/* Whatever a value is made of, it cannot end its line. */
static void in_one_line(struct buf *b, size_t from) {
    for (size_t i = from; i < b->len; i++)
        if ((unsigned char)b->ptr[i] < ' ' || b->ptr[i] == 0x7f) b->ptr[i] = ' ';
}

/* length -1: the end of the connection ends the body. */
void reply_head(struct http_req *r, int status, const char *content_type, int64_t length, struct buf *out) {
    struct conn *c = r->conn;
    buf_reserve(out, 320 + r->extra.len);
    buf_add(out, "HTTP/1.1 ", 9);
    buf_i64(out, status);
    buf_c(out, ' ');
    buf_z(out, reason(status));
    buf_add(out, "\r\nDate: ", 8);
    buf_str(out, server_date(c->server));
    if (content_type && has_body(status)) {
        buf_add(out, "\r\nContent-Type: ", 16);
        size_t from = out->len;
        buf_z(out, content_type);
        in_one_line(out, from);
    }
    if (length >= 0 && has_body(status)) {
        buf_add(out, "\r\nContent-Length: ", 18);
        buf_i64(out, length);
    }
    buf_add(out, "\r\nX-Request-Id: ", 16);
    buf_str(out, id_str(&r->id));
    buf_add(out, "\r\n", 2);
    buf_str(out, buf_view(&r->extra));
    if (c->close_after) buf_z(out, "Connection: close\r\n");
    else if (r->head.minor == 0) buf_z(out, "Connection: keep-alive\r\n");
    buf_add(out, "\r\n", 2);
}

/* Whether the connection can be kept is decided here, before the head is written. */
static void decide_what_follows(struct conn *c, struct http_req *r) {
    const struct parser *p = &c->parser;
    bool unread = p->phase != PHASE_END;
    c->skip_after = p->phase == PHASE_LENGTH && p->left <= SKIP_BYTES && !r->head.expect_continue;
    c->linger_after = unread && !c->skip_after;
    c->close_after = c->linger_after || !r->head.keep_alive || c->server->draining || (c->half_closed && !c->in.len);
}

/* May the handler answer? Not when the server has ended the request meanwhile. */
static bool take(struct http_req *r, int status) {
    if (r->owner != OWNER_HANDLER) return false;
    must(!r->status && (r->conn->state == CONN_WAIT || r->conn->state == CONN_BODY || r->conn->state == CONN_PAUSED));
    r->owner = OWNER_SERVER;
    r->sink_kind = SINK_NONE;
    r->status = status;
    decide_what_follows(r->conn, r);
    return true;
}

static bool is_token(const char *z) {
    for (; *z; z++)
        if (*z <= ' ' || *z >= 0x7f || *z == ':') return false;
    return true;
}

void http_add_header(struct http_req *r, const char *name, struct str value) {
    must(*name && is_token(name));
    buf_z(&r->extra, name);
    buf_add(&r->extra, ": ", 2);
    size_t from = r->extra.len;
    buf_str(&r->extra, value);
    in_one_line(&r->extra, from);
    buf_add(&r->extra, "\r\n", 2);
}

static void send_answer(struct conn *c, struct http_req *r, const char *content_type, struct str body) {
    struct buf *out = &c->server->scratch;
    buf_clear(out);
    reply_head(r, r->status, content_type, (int64_t)body.len, out);
    if (!has_body(r->status) || str_is(r->head.method, "HEAD")) body.len = 0;
    bool apart = body.len > READ_BYTES; /* a large body is not copied a second time */
    if (!apart) buf_str(out, body);
    conn_enter(c, CONN_ANSWER);
    conn_send(c, buf_view(out), apart);
    if (apart) conn_send(c, body, false);
    answer_go(c);
}

void http_reply(struct http_req *r, int status, const char *content_type, struct str body) {
    if (take(r, status)) send_answer(r->conn, r, content_type, body);
}

void http_drop(struct http_req *r) {
    if (!take(r, 499)) return;
    r->conn->broken = true;
    conn_enter(r->conn, CONN_ANSWER);
    answer_go(r->conn);
}

void http_reply_file(struct http_req *r, int status, const char *content_type, int fd, int64_t offset, int64_t len) {
    if (!take(r, status)) {
        close(fd);
        return;
    }
    struct conn *c = r->conn;
    struct buf *out = &c->server->scratch;
    buf_clear(out);
    reply_head(r, status, content_type, len, out);
    r->file = fd; /* closed when the request is given back */
    r->file_at = offset;
    r->file_left = has_body(status) && !str_is(r->head.method, "HEAD") ? len : 0;
    conn_enter(c, CONN_ANSWER);
    conn_send(c, buf_view(out), r->file_left > 0);
    answer_go(c);
}

static void error_body(struct buf *b, err code, const char *detail, const struct id *id) {
    static const char *const retry[] = {[RETRY_never] = "never", [RETRY_same_key] = "same_key", [RETRY_after] = "after"};
    const struct err_info *e = err_info(code);
    if (!detail) detail = e->text;
    /* All of it is text of this program, without anything to be escaped. */
    buf_printf(b, "{\"detail\":\"%s\",\"code\":\"%s\",\"message\":\"%s\",\"charged_micros\":0,\"retry\":\"%s\",\"request_id\":\"%s\"}", detail,
               e->code, detail, retry[e->retry], id->hex);
}

void reply_error(struct conn *c, err code, const char *detail) {
    struct http_req *r = c->req;
    conn_tell_handler(c);
    r->status = err_info(code)->http_status;
    r->code = err_info(code)->code;
    c->close_after = c->linger_after = true;
    c->skip_after = false;
    buf_clear(&r->extra);
    struct buf body = {};
    error_body(&body, code, detail, &r->id);
    send_answer(c, r, "application/json", buf_view(&body));
    buf_done(&body);
}

void reply_refuse(struct http_server *s, int fd, const char *detail) {
    s->stats.refused++;
    struct id id = io_new_id(s->io);
    struct buf body = {}, *out = &s->scratch;
    error_body(&body, E_AGAIN, detail, &id);
    buf_clear(out);
    buf_printf(out, "HTTP/1.1 503 Service Unavailable\r\nDate: %.*s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n",
               STR_ARG(server_date(s)), body.len);
    buf_printf(out, "X-Request-Id: %s\r\nRetry-After: 1\r\nConnection: close\r\n\r\n", id.hex);
    buf_str(out, buf_view(&body));
    buf_done(&body);
    /* Once, without waiting: an empty socket takes it. What the peer sent already is read, so that closing does not reset. */
    if (send(fd, out->ptr, out->len, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
        shutdown(fd, SHUT_WR);
        for (int i = 0; i < 8 && recv(fd, s->read, READ_BYTES, MSG_DONTWAIT) > 0; i++) {}
    }
    close(fd);
}
