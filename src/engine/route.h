/* Which route an attempt takes: a table in memory of how routes have done lately and of what an operator has paused. Pure: time, keys and
 * descriptions are handed in. One node's own view; every node makes its own experience.
 *
 * A route is (provider, its name for the model). Its breaker opens when 5 of the last 20 things said of it were failures that the provider
 * caused; from then on one call in 10 s passes as a probe, and the first good one closes it. */
#pragma once
#include "core/command.h"
#include "provider/provider.h"

struct routes;
struct routes *routes_create(void);
void routes_destroy(struct routes *r);

/* provider/<name> or model/<slug>, as in the record `pause`. */
void routes_pause(struct routes *r, struct str what, bool on);
bool routes_paused(const struct routes *r, const char *kind, struct str name);

/* How a submit or a whole attempt went. Failures of the caller, of moderation and those nobody understood say nothing about the route. */
void routes_tell(struct routes *r, struct str provider, struct str model, enum failure f, struct str detail, msec now);
/* The provider asks to be left alone until then (429): its routes are taken when there is no other. */
void routes_rest(struct routes *r, struct str provider, msec until);
/* What a work cost by the route's table, and by the provider's own word. */
void routes_cost(struct routes *r, struct str provider, struct str model, micros declared, micros reported);
/* May a submit leave for it now? False at an open breaker, but for its probes: a true one then is the probe, so ask once for each submit. */
bool routes_gate(struct routes *r, struct str provider, struct str model, msec now);
/* When a closed gate lets the next probe pass; 0: it is open to all. */
msec routes_gate_opens(const struct routes *r, struct str provider, struct str model);

/* What stands between a call and a route, the lastingly worst first. */
enum bar { BAR_NONE, BAR_OTHER_CALLS, BAR_NO_DESCRIPTION, BAR_GUESS, BAR_SUNSET, BAR_PAUSED, BAR_MODEL_PAUSED, BAR_NO_KEY, BAR_REFUSED, BAR_BREAKER };
struct route_ask {
    const struct model *model;
    const struct json *inputs;         /* canonical; NULL: not known, then every route is for the call */
    const struct providers *providers; /* of the model's catalog version */
    bool (*has_key)(void *self, const struct provider_info *p);
    void *self;
    const struct attempt *const *tried; /* the attempts before, may be none */
    size_t tried_count;
    msec now;
};
enum bar routes_bar(const struct routes *r, const struct route_ask *ask, size_t route);
/* The first route in order that nothing bars; before those that this generation tried, and those whose provider asks to be left alone, the others. E_NO_ROUTE or E_NO_PROVIDER_KEY with a sentence that says what to do. *out_busy: its breaker is open (all
 * that are not barred otherwise are broken): the call may wait for it, and must not be opened now. */
[[nodiscard]] err routes_pick(const struct routes *r, const struct route_ask *ask, struct why *why, const struct route_spec **out, bool *out_busy);
/* Whether behind this route there is another one to try, when it failed by auth or quota. Those before it were barred, or refused us too. */
bool routes_another(const struct routes *r, const struct route_ask *ask, struct str provider, struct str model);

/* What operators see of a route. */
struct route_health {
    struct str provider, model;
    bool open;
    int failures, seen;          /* of the last 20 */
    uint64_t told, failed[FAIL_COUNT];
    micros cost_declared, cost_reported; /* of works of which both are known */
    msec failed_at;
    struct str last_detail; enum failure last;
};
/* i from 0 until false; in the order in which they were first told of. */
bool routes_health(const struct routes *r, size_t i, struct route_health *out);
