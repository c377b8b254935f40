/* An HTTP/1.1 server that knows no route (docs/HTTP.md). llhttp reads heads, libuv tells when; deadlines, limits and
 * back-pressure are ours. Everything runs on the loop's thread.
 *
 * Life of a request: on_head is called once the head is complete and clean. It answers at once (http_reply...), or names a sink
 * for the body (http_read_body / http_stream_body) and returns. Later, from any callback on the loop, exactly one answer is
 * given. A parked request costs its struct and the socket.
 *
 * For its handler a request ends in exactly one of these ways, and http_req must not be touched afterwards:
 *   - it calls http_reply or http_reply_file (the server finishes alone; on_gone does not come any more);
 *   - its event stream ends: fill returned false;
 *   - its sink is told end(ok = false): the body was cut off, too slow, unreadable or too large (the server answers; on_gone
 *     does not come);
 *   - on_gone: the peer left or was cut off while the request was parked, while http_read_body was reading (the server has
 *     answered 408, 413 or 400 where it could), or while an event stream was open. Without an on_gone it ends silently.
 * None of these comes before on_head, http_read_body, http_stream_body or http_sse_begin has returned. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

#include <netinet/in.h>

struct loop;
struct http_server;
struct http_req;

/* Bounds in time, and in bytes per second where time alone says nothing. 0 in a member: what limits.h says. */
struct http_deadlines {
    msec header;       /* from the first byte of a request to the end of its head */
    msec idle;         /* between requests */
    msec body_grace;   /* after which, and in each such span from then on, a body must come at bytes_per_s */
    msec stall;        /* a reader slower than bytes_per_s over this span while bytes wait is cut */
    int64_t bytes_per_s;
    msec heartbeat;    /* of event streams */
    msec linger;       /* reading on after an early answer, so that the peer can read it */
    msec half_closed;  /* a peer that closed its sending side while its request is parked counts as gone after this */
    msec drain;
};

struct http_options {
    struct loop *loop;
    const char *listen;            /* "127.0.0.1:8080", "[::1]:8080", port 0 picks one; ignored when fd >= 0 */
    int fd;                        /* a listening socket handed over (socket activation), or -1 */
    const char *const *own_hosts;  /* NULL-terminated: hosts an absolute-form target may name besides the listen address */
    const char *const *proxies;    /* addresses whose X-Forwarded-* is believed, or NULL */
    void (*on_head)(void *arg, struct http_req *r);
    void *arg;
    /* For the access log, once per request, NULL: none. status 499: the peer left before an answer was begun. bytes: all that
     * was handed to the socket, took: from the first byte of the request. */
    void (*on_done)(void *arg, struct http_req *r, int status, int64_t bytes, msec took);
    const struct http_deadlines *deadlines; /* NULL: limits.h */
    int connections, connections_per_address; /* caps; 0: limits.h. Loopback and the proxies are not counted per address ... */
    bool count_loopback;                      /* ... unless a test asks for it */
};
[[nodiscard]] err http_server_create(const struct http_options *o, struct why *why, struct http_server **out);
int http_server_port(const struct http_server *s);
/* Stops accepting, closes idle connections, ends event streams; done is called when the last connection is gone, which the
 * drain limit enforces. */
void http_server_drain(struct http_server *s, void (*done)(void *arg), void *arg);
void http_server_destroy(struct http_server *s); /* at once; the loop must turn once more for the memory to be freed */
struct http_stats { uint64_t requests, connections, refused, timeouts; int64_t open, parked; };
struct http_stats http_server_stats(const struct http_server *s);

/* The request. Views are valid as long as the request. */
struct arena *http_arena(struct http_req *r);   /* dies with the request */
struct str http_method(const struct http_req *r); /* HEAD stays HEAD; bodies of answers are dropped by the server */
struct str http_path(const struct http_req *r);   /* without query, still percent-encoded */
struct str http_query(const struct http_req *r);  /* behind '?', may be empty */
struct str http_header(const struct http_req *r, const char *name); /* empty when absent; repeated ones joined by ", " */
bool http_has_header(const struct http_req *r, const char *name);
int64_t http_content_length(const struct http_req *r); /* -1: chunked, 0: none */
struct str http_remote(const struct http_req *r);      /* the client's address as text */
struct str http_request_id(const struct http_req *r);  /* 32 hex digits, ours; also sent as X-Request-Id */
msec http_received_at(const struct http_req *r);       /* monotonic */
void http_set_user(struct http_req *r, void *user);
void *http_user(const struct http_req *r);
void http_set_code(struct http_req *r, const char *code); /* what an answer refuses with, for the access log; text that lives for ever */
const char *http_code(const struct http_req *r);         /* NULL: it refuses nothing */
/* The peer went away before the request was answered; called at most once; the request is gone afterwards (see above). */
void http_on_gone(struct http_req *r, void (*fn)(void *arg, struct http_req *r), void *arg);

/* Once an answer was begun and is over: whole says that all of it was handed to a connection that was open. The request is gone by then. */
void http_on_sent(struct http_req *r, void (*fn)(void *arg, bool whole), void *arg);

/* Body: whole (bounded by max; answers 413 itself) ... */
void http_read_body(struct http_req *r, int64_t max, void (*done)(void *arg, struct http_req *r, struct str body), void *arg);
/* ... or piece by piece: chunk returns false to pause until http_resume_body; end(ok) once, ok false when it was cut off
 * or larger than max (413 is answered by the server). */
struct http_sink {
    bool (*chunk)(void *arg, struct http_req *r, struct str data);
    void (*end)(void *arg, struct http_req *r, bool ok);
    void *arg;
};
void http_stream_body(struct http_req *r, int64_t max, const struct http_sink *sink);
void http_resume_body(struct http_req *r);

/* Answers. Headers first, in any number; Date, Connection, X-Request-Id and Content-Length are the server's. Control bytes in a
 * value become spaces. */
void http_add_header(struct http_req *r, const char *name, struct str value);
void http_reply(struct http_req *r, int status, const char *content_type, struct str body); /* body is copied */
/* [offset, offset + len) of a file by sendfile; the fd is the server's from now on. */
void http_reply_file(struct http_req *r, int status, const char *content_type, int fd, int64_t offset, int64_t len);
/* Ends the connection without a byte of an answer: for stand-ins that lose theirs. The request is over as by a reply. */
void http_drop(struct http_req *r);
/* Event stream: a cursor that is read when the socket drains. fill appends complete events to `out` and returns false when the
 * stream is over; nothing appended means wait for http_sse_wake. It is asked only when all it gave before has left, and must not
 * append more than 256 KB at once: it is asked again. Heartbeats are the server's. */
void http_sse_begin(struct http_req *r, bool (*fill)(void *arg, struct http_req *r, struct buf *out), void *arg);
void http_sse_wake(struct http_req *r);

/* Helpers for the rooms above. */
bool http_query_get(struct str query, const char *name, struct arena *a, struct str *out); /* percent-decoded; first one wins */
bool http_percent_decode(struct str s, bool plus_is_space, struct arena *a, struct str *out); /* false on bad or NUL escapes */
void http_percent_encode(struct buf *b, struct str s, const char *keep);
