/* HTTP to other people's servers: libcurl's multi interface on the loop. Everything on the loop's thread.
 *
 * Three policies decide where a request may go, on the real address of the socket (io/egress.h); each has its own connection pool.
 * Redirects are followed by hand, at most three, each through the guard: GET and HEAD wherever they lead, any other method only for 303,
 * as GET; every other redirect is an answer like any other. Credentials never leave the origins they are for. The environment's proxies
 * are not used. A request ends in exactly one done. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/time.h"

struct loop;
struct upstream;
enum egress {
    EGRESS_PROVIDER, /* base of a description: public, or the private addresses that it lists; the origins below only */
    EGRESS_FOUND,    /* links in replies: public, or the same origin as `origin` (then with its private addresses) */
    EGRESS_TENANT,   /* what callers name: public only */
};
struct upstream_options {
    struct loop *loop;
    const char *ca_file;  /* NULL: the system's */
    const char *proxy;    /* http://host:port for CONNECT, or NULL; we resolve and check, it connects to the address */
    int connections;      /* in all; 0: LIMIT_UPSTREAM_CONNECTIONS */
    const struct egress_address *allowed; size_t allowed_count; /* the operator's exceptions for FOUND and TENANT */
    bool allow_loopback;  /* tests of TENANT and FOUND only */
};
struct upstream *upstream_create(const struct upstream_options *o);
void upstream_destroy(struct upstream *u); /* requests under way are forgotten: done is not called */

struct upstream_header { struct str name, value; };
struct upstream_answer;
struct upstream_ask {
    enum egress policy;
    struct str method, url, origin;
    const struct str *private_addresses; size_t private_count; /* "127.0.0.1:8188", "10.0.0.5" */
    const struct str *credential_origins; size_t credential_origin_count; /* secret headers go to these and `origin` only; so do PROVIDER's requests. As egress_same_origin reads them */
    const struct upstream_header *headers; size_t header_count; /* those of the framing (host, content-length, transfer-encoding, connection, expect) are ours and left out */
    const struct upstream_header *secret_headers; size_t secret_header_count;
    struct str body;              /* in memory, or ... */
    int64_t body_bytes;           /* ... from body_read when set: its length, which must be known */
    /* Fills buf, returns bytes, 0 at the end, -1 on failure, UPSTREAM_PAUSE: call upstream_resume when there is more. Must not block. */
    int64_t (*body_read)(void *arg, char *buf, size_t n);
    bool stays;                   /* no redirect is followed: it is the answer */
    bool fresh;                   /* on a connection of its own, so that it is never sent twice */
    msec timeout;                 /* of the whole; 0: 60 s */
    msec stall;                   /* no byte of request or answer moves for so long; the wait for the answer's first byte is timeout's; 0: 30 s */
    int64_t max_bytes;            /* of the answer's body; 0: 1 MB */
    bool long_answer;             /* it is likely to be: read in large pieces */
    /* Called when status and headers are there (of the last hop), then for each piece. on_body NULL: the body is collected. A false ends the
     * request with E_LIMIT; upstream_pause holds the body back (from the next piece on). */
    bool (*on_head)(void *arg, int status, const struct upstream_header *headers, size_t n, int64_t length /* -1 */);
    bool (*on_body)(void *arg, struct str piece);
    void (*done)(void *arg, const struct upstream_answer *a);
    void *arg;
};
enum { UPSTREAM_PAUSE = -2 };
struct upstream_answer {
    err code;                     /* OK: an HTTP answer came whole, whatever its status. E_EGRESS: the guard refused; E_INVALID: the link cannot be read; E_UPSTREAM, E_DEADLINE, E_LIMIT; E_IO: body_read failed */
    struct why why;               /* a sentence that names the server, never the whole link */
    bool sent;                    /* the first byte of the request may have left */
    int status;                   /* also when what followed it failed; 0: none came */
    const struct upstream_header *headers; size_t header_count; /* names in small letters */
    struct str body;              /* when it was collected */
    int64_t bytes;
    struct str url;               /* after redirects */
    msec took;
};
struct upstream_request;
/* Copies what it needs; never calls back before it returns. Requests end with done, which may send, cancel and resume others. */
struct upstream_request *upstream_send(struct upstream *u, const struct upstream_ask *ask);
void upstream_cancel(struct upstream_request *r); /* before done, which is not called any more; from anywhere but other threads */
void upstream_pause(struct upstream_request *r);  /* the answer's body */
void upstream_resume(struct upstream_request *r); /* either body */
struct upstream_stats { uint64_t requests, refused, failed; int64_t open; };
struct upstream_stats upstream_stats(const struct upstream *u);
