/* Private to io/upstream*.c. A lane is one policy's multi handle, and so its pool of connections. Whatever touches a lane is done from
 * the kick, a timer or behind socket_action, never inside one of libcurl's callbacks: those only note and answer. */
#pragma once
#include "base/buf.h"
#include "base/limits.h"
#include "io/egress.h"
#include "io/loop.h"
#include "io/upstream.h"

#include <curl/curl.h>

enum { LANES = EGRESS_TENANT + 1, IDLE_REQUESTS = 64 };

struct lane {
    struct upstream *u;
    CURLM *multi;
    CURLSH *share; /* TLS sessions, so that a fresh connection costs one round trip less */
    uv_timer_t timer;
    int handed, most; /* requests that libcurl has: no more than it may open connections, since it looks for those that wait one by one */
    struct upstream_request *first, *last; /* the others, in their order */
};

struct upstream {
    struct upstream_options o;
    struct loop *loop;
    struct io *io;
    struct lane lanes[LANES];
    struct egress_address *allowed;
    struct watch **watches; /* by descriptor; kept when libcurl lets go, since it watches the same one again a moment later */
    size_t watch_room;
    uv_idle_t kick; /* runs once a turn while anybody is kicked */
    struct upstream_request *first_kicked, **last_kicked;
    struct upstream_request *live, *idle;
    int idle_count, handles; /* of libuv that are still open */
    struct pool *names;      /* with a proxy we look names up ourselves */
    struct upstream_stats stats;
};

struct lookup;
struct upstream_request {
    struct upstream *u;
    struct upstream_request *next, **prev; /* live; next also in idle */
    struct upstream_request *next_kicked;
    struct upstream_request *before, *behind; /* in the lane's queue */
    CURL *easy;
    struct arena arena;
    struct upstream_ask ask;
    struct egress_address *list; /* the operator's, then the ask's */
    /* this hop */
    struct egress_url url;
    struct egress_rule rule;
    struct curl_slist *lines;
    struct str method;
    char connect_to[INET6_ADDRSTRLEN + 16];
    struct curl_slist *connect;
    struct lookup *lookup;
    bool tunnel, bodiless; /* through the proxy; after a 303 */
    bool added, queued;    /* to its lane; in its lane's queue */
    bool tried;            /* an address that the guard let pass */
    const char *refused;   /* what an address was that the guard turned down */
    int hops;
    /* the answer */
    struct upstream_header headers[LIMIT_UPSTREAM_HEADERS];
    size_t header_count, header_bytes;
    int status;
    bool begun, headed;    /* a first byte came; the final head is whole */
    struct str location;   /* of a redirect to be followed */
    int64_t bytes, dropped, uploaded;
    struct buf body;
    /* the end */
    err code;
    struct why why;
    bool sent, kicked, starts, resumes, cancelled, ended;
    bool paused, held_answer, held_body;
    msec began_at, ends_at, moved_at;
    struct timer *timer;
};

/* upstream.c */
void request_hop_ended(struct upstream_request *r, CURLcode result);
void request_fail(struct upstream_request *r, err code, const char *format, ...) __attribute__((format(printf, 3, 4)));
void request_add(struct upstream_request *r);
void request_finish(struct upstream_request *r);
bool request_is_home(const struct upstream_request *r); /* this hop leads to an origin that the ask names */
/* upstream_lanes.c */
void lanes_open(struct upstream *u);
void lane_add(struct lane *l, struct upstream_request *r);
void lane_remove(struct lane *l, struct upstream_request *r); /* nothing when it is not there */
void lanes_close(struct upstream *u); /* frees u once libuv has let go of its handles */
/* upstream_easy.c */
void request_configure(struct upstream_request *r);
/* upstream_names.c: looks up the server's name and picks an address that the rule allows; then request_add or request_finish. */
void request_look_up(struct upstream_request *r);
void lookup_forget(struct upstream_request *r);
