/* HTTP to other people's servers: libcurl's multi interface on the loop. Everything on the loop's thread.
 *
 * Three policies decide where a request may go, on the real address of the socket (io/egress.h); each has its own connection pool.
 * Redirects are followed by hand, at most three, each through the guard; credentials never leave the origins they are for. The
 * environment's proxies are not used. A request ends in exactly one done. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/time.h"

struct loop;
struct upstream;
enum egress {
    EGRESS_PROVIDER, /* base of a description: public, or the private addresses that it lists; same origin only */
    EGRESS_FOUND,    /* links in replies: public, or the same origin as `origin` (then with its private addresses) */
    EGRESS_TENANT,   /* what callers name: public only */
};
struct upstream_options {
    struct loop *loop;
    const char *ca_file;  /* NULL: the system's */
    const char *proxy;    /* http://host:port for CONNECT, or NULL; we resolve and check, it connects to the address */
    int connections;      /* in all; 0: 4096 */
    bool allow_loopback;  /* tests of TENANT and FOUND only */
};
struct upstream *upstream_create(const struct upstream_options *o);
void upstream_destroy(struct upstream *u);

struct upstream_header { struct str name, value; };
/* A body source: fills buf, returns bytes, 0 at the end, -1 on failure. Called on the loop; must not block (files: preloaded by a pool, see pause). */
struct upstream_ask {
    enum egress policy;
    struct str method, url, origin;
    const struct str *private_addresses; size_t private_count; /* "127.0.0.1:8188", "10.0.0.5" */
    const struct str *credential_origins; size_t credential_origin_count; /* headers marked secret go to these and `origin` only */
    const struct upstream_header *headers; size_t header_count;
    const struct upstream_header *secret_headers; size_t secret_header_count;
    struct str body;              /* in memory, or ... */
    int64_t body_bytes;           /* ... from body_read when set; -1: chunked is never sent, so it must be known */
    int64_t (*body_read)(void *arg, char *buf, size_t n); /* UPSTREAM_PAUSE: call upstream_resume when there is more */
    bool fresh;                   /* on a connection of its own */
    msec timeout;                 /* of the whole; 0: 60 s */
    msec stall;                   /* no byte for so long; 0: 30 s */
    int64_t max_bytes;            /* of the answer's body; 0: 1 MB */
    /* Called when status and headers are there (of the last hop), then for each piece. on_body NULL: the body is collected. A false ends the
     * request with E_LIMIT; upstream_pause holds the body back. */
    bool (*on_head)(void *arg, int status, const struct upstream_header *headers, size_t n, int64_t length /* -1 */);
    bool (*on_body)(void *arg, struct str piece);
    void (*done)(void *arg, const struct upstream_answer *a);
    void *arg;
};
enum { UPSTREAM_PAUSE = -2 };
struct upstream_answer {
    err code;                     /* OK: an HTTP answer came whole, whatever its status. E_EGRESS: the guard refused; E_UPSTREAM, E_DEADLINE, E_LIMIT */
    struct why why;
    bool sent;                    /* the first byte of the request may have left */
    int status;
    const struct upstream_header *headers; size_t header_count; /* names in small letters */
    struct str body;              /* when it was collected */
    int64_t bytes;
    struct str url;               /* after redirects */
    msec took;
};
struct upstream_request;
struct upstream_request *upstream_send(struct upstream *u, const struct upstream_ask *ask); /* copies what it needs; never calls back before it returns */
void upstream_cancel(struct upstream_request *r); /* done is not called any more */
void upstream_pause(struct upstream_request *r);  /* the answer's body */
void upstream_resume(struct upstream_request *r);
struct upstream_stats { uint64_t requests, refused, failed; int64_t open; };
struct upstream_stats upstream_stats(const struct upstream *u);
