/* Where calls are handed to providers: the table of routes, permits, keys and descriptions of one server, and what others ask of them. Private to cmd/. */
#pragma once
#include "cmd/server.h"
#include "engine/atlas.h"
#include "engine/permit.h"
#include "engine/route.h"
#include "ops/keyring.h"

struct desk {
    struct server *server;
    struct atlas *atlas;
    struct routes *routes;
    struct permits *permits;
    struct keyring *keyring;
    struct timer *tick;      /* where other nodes may change keys and pauses */
    struct reading_desk *reading;
    msec walls_again_at;     /* monotonic: until then the answer about the walls for programs stands */
    char lane[200];          /* what desk_lane answered last */
};
/* After store, shelf and vault, before the engine. Takes the --provider-base options, and reads keys, pauses and what was sent lately. */
[[nodiscard]] err desk_start(struct server *s, struct why *why);
/* Once the engine is there: what the clock brings, and what an older master key had sealed is sealed anew. */
void desk_run(struct desk *d);
void desk_stop(struct desk *d); /* its clock */
void desk_free(struct desk *d); /* after the engine, before the shelf */
void desk_published(struct desk *d, const struct rec_change *changes, size_t n);

/* struct engine_port; self is the server */
err desk_next(void *self, const struct work *w, struct arena *a, struct str *out_provider, struct str *out_route);
struct traits desk_traits(void *self, const struct route_names *r);
bool desk_other(void *self, const struct route_names *r, struct str inputs);
bool desk_open(void *self, const struct route_names *r, struct str inputs);
bool desk_cost(void *self, const struct route_names *r, struct str inputs, struct quote *out);
struct str desk_lane(void *self, const struct route_names *r);

/* struct remote_options; arg is the server */
err desk_key(void *arg, const struct provider_info *p, struct arena *a, struct why *why, struct str *out);

/* A loop_call_fn for the kinds that lead to providers: over the network, or to a program of this machine. */
void desk_call(void *self, const struct call *c, call_stage_fn *stage, call_done_fn *done, void *arg);
void desk_unwanted(void *self, const struct call *c); /* a program of this machine is ended; what has left for a provider goes on */

/* struct ops_options; self is the server */
err desk_route(void *self, const struct route_call *c, struct why *why, struct str *out_provider, struct str *out_route, bool *out_busy);
bool desk_enabled(void *self, const struct model *m);
bool desk_knows(void *self, struct str provider);
err desk_key_fits(void *self, struct str provider, bool webhook, struct str key, struct why *why);
void desk_write(void *self, struct jw *w);
void desk_metrics(struct desk *d, struct buf *out);
void desk_warnings(struct desk *d, struct buf *out);
