#include "engine/route.h"

#include <stdio.h>
#include <stdlib.h>

enum { WINDOW = 20, OPENS_AT = 5, PROBE_EVERY_MS = 10000, DETAIL = 200, PAUSED_AGAIN_S = 60 };

struct track {
    char *provider, *model;
    uint32_t bad;      /* the last WINDOW outcomes, the newest in bit 0; set: a failure */
    int seen;
    bool open;
    msec probe_at;
    uint64_t told, failed[FAIL_COUNT];
    micros declared, reported;
    msec failed_at;
    enum failure last;
    char detail[DETAIL];
};
struct rest {
    char *provider;
    msec until;
};
struct routes {
    struct track *tracks;
    size_t count;
    struct rest *rests; /* few, too */
    size_t rest_count;
    char **paused; /* few: searched in order */
    size_t paused_count;
};

struct routes *routes_create(void) {
    struct routes *r = calloc(1, sizeof *r);
    must(r);
    return r;
}

void routes_destroy(struct routes *r) {
    if (!r) return;
    for (size_t i = 0; i < r->count; i++) {
        free(r->tracks[i].provider);
        free(r->tracks[i].model);
    }
    for (size_t i = 0; i < r->paused_count; i++) free(r->paused[i]);
    for (size_t i = 0; i < r->rest_count; i++) free(r->rests[i].provider);
    free(r->rests);
    free(r->tracks);
    free(r->paused);
    free(r);
}

static char *keep(struct str s) {
    char *text = malloc(s.len + 1);
    must(text);
    if (s.len) memcpy(text, s.ptr, s.len);
    text[s.len] = 0;
    return text;
}

/* --- pauses --- */

static size_t find_paused(const struct routes *r, struct str kind, struct str name) {
    for (size_t i = 0; i < r->paused_count; i++) {
        struct str p = str_of(r->paused[i]);
        if (p.len == kind.len + 1 + name.len && str_starts(p, kind) && p.ptr[kind.len] == '/' && str_eq(str_skip(p, kind.len + 1), name)) return i;
    }
    return r->paused_count;
}

bool routes_paused(const struct routes *r, const char *kind, struct str name) { return find_paused(r, str_of(kind), name) < r->paused_count; }

void routes_pause(struct routes *r, struct str what, bool on) {
    struct str kind, name;
    str_cut(what, '/', &kind, &name);
    size_t at = find_paused(r, kind, name);
    if (on == (at < r->paused_count)) return;
    if (!on) {
        free(r->paused[at]);
        r->paused[at] = r->paused[--r->paused_count];
        return;
    }
    r->paused = realloc(r->paused, (r->paused_count + 1) * sizeof *r->paused);
    must(r->paused);
    r->paused[r->paused_count++] = keep(what);
}

/* --- rests --- */

static struct rest *find_rest(const struct routes *r, struct str provider) {
    for (size_t i = 0; i < r->rest_count; i++)
        if (str_is(provider, r->rests[i].provider)) return &r->rests[i];
    return NULL;
}

void routes_rest(struct routes *r, struct str provider, msec until) {
    struct rest *rest = find_rest(r, provider);
    if (!rest) {
        r->rests = realloc(r->rests, (r->rest_count + 1) * sizeof *r->rests);
        must(r->rests);
        rest = &r->rests[r->rest_count++];
        *rest = (struct rest){.provider = keep(provider)};
    }
    if (until > rest->until) rest->until = until;
}

static bool rests(const struct routes *r, struct str provider, msec now) {
    const struct rest *rest = find_rest(r, provider);
    return rest && rest->until > now;
}

/* --- breakers --- */

static struct track *find(const struct routes *r, struct str provider, struct str model) {
    for (size_t i = 0; i < r->count; i++)
        if (str_is(model, r->tracks[i].model) && str_is(provider, r->tracks[i].provider)) return &r->tracks[i];
    return NULL;
}

static struct track *track_of(struct routes *r, struct str provider, struct str model) {
    struct track *t = find(r, provider, model);
    if (t) return t;
    r->tracks = realloc(r->tracks, (r->count + 1) * sizeof *r->tracks);
    must(r->tracks);
    t = &r->tracks[r->count++];
    *t = (struct track){.provider = keep(provider), .model = keep(model)};
    return t;
}

static bool is_the_providers(enum failure f) {
    return f == FAIL_AUTH || f == FAIL_QUOTA || f == FAIL_TRANSIENT || f == FAIL_GONE || f == FAIL_RATE_LIMIT;
}

static void close_breaker(struct track *t) {
    t->open = false;
    t->bad = 0;
    t->seen = 0;
}

void routes_tell(struct routes *r, struct str provider, struct str model, enum failure f, struct str detail, msec now) {
    struct track *t = track_of(r, provider, model);
    t->told++;
    t->failed[f]++;
    if (f != FAIL_NONE) {
        t->failed_at = now;
        t->last = f;
        snprintf(t->detail, sizeof t->detail, "%.*s", STR_ARG(str_head(detail, DETAIL - 1)));
    }
    if (f != FAIL_NONE && !is_the_providers(f)) return;
    if (f == FAIL_NONE && t->open) close_breaker(t);
    t->bad = (t->bad << 1 | (f != FAIL_NONE)) & ((1u << WINDOW) - 1);
    if (t->seen < WINDOW) t->seen++;
    if (t->open || __builtin_popcount(t->bad) < OPENS_AT) return;
    t->open = true;
    t->probe_at = now + PROBE_EVERY_MS;
}

void routes_cost(struct routes *r, struct str provider, struct str model, micros declared, micros reported) {
    struct track *t = track_of(r, provider, model);
    if (__builtin_add_overflow(t->declared, declared, &t->declared)) t->declared = INT64_MAX;
    if (__builtin_add_overflow(t->reported, reported, &t->reported)) t->reported = INT64_MAX;
}

bool routes_gate(struct routes *r, struct str provider, struct str model, msec now) {
    struct track *t = find(r, provider, model);
    if (!t || !t->open) return true;
    if (now < t->probe_at) return false;
    t->probe_at = now + PROBE_EVERY_MS;
    return true;
}

msec routes_gate_opens(const struct routes *r, struct str provider, struct str model) {
    const struct track *t = find(r, provider, model);
    return t && t->open ? t->probe_at : 0;
}

/* --- the choice --- */

static bool was_refused(const struct route_ask *ask, const struct route_spec *route) {
    for (size_t i = 0; i < ask->tried_count; i++) {
        const struct attempt *a = ask->tried[i];
        enum failure f = failure_by_name(a->failure);
        if ((f == FAIL_AUTH || f == FAIL_QUOTA || f == FAIL_SANDBOX || f == FAIL_GONE) && str_eq(a->provider, route->provider) && str_eq(a->route, route->model)) return true;
    }
    return false;
}

static bool was_tried(const struct route_ask *ask, const struct route_spec *route) {
    for (size_t i = 0; i < ask->tried_count; i++)
        if (str_eq(ask->tried[i]->provider, route->provider) && str_eq(ask->tried[i]->route, route->model)) return true;
    return false;
}

static bool is_guess(const struct provider_info *p, const struct route_spec *route) {
    return route->status.len ? str_is(route->status, "guess") : p->status == DESCRIPTION_GUESS;
}

enum bar routes_bar(const struct routes *r, const struct route_ask *ask, size_t i) {
    const struct route_spec *route = &ask->model->routes[i];
    if (ask->inputs && !catalog_route_holds(ask->model, i, ask->inputs)) return BAR_OTHER_CALLS;
    if (routes_paused(r, "model", ask->model->slug)) return BAR_MODEL_PAUSED;
    if (routes_paused(r, "provider", route->provider)) return BAR_PAUSED;
    if (str_is(route->provider, "local")) return BAR_NONE;
    const struct provider *p = ask->providers ? providers_find(ask->providers, route->provider) : NULL;
    const struct provider_info *info = p ? provider_info(p) : NULL;
    if (!info) return BAR_NO_DESCRIPTION;
    if (is_guess(info, route)) return BAR_GUESS;
    if (info->sunset_at && info->sunset_at <= ask->now) return BAR_SUNSET;
    if (info->needs_key && !ask->has_key(ask->self, info)) return BAR_NO_KEY;
    if (was_refused(ask, route)) return BAR_REFUSED;
    msec opens = routes_gate_opens(r, route->provider, route->model);
    return opens > ask->now ? BAR_BREAKER : BAR_NONE;
}

/* The other providers whose key would do, as "A key of x or y would do as well." */
static void other_keys(const struct routes *r, const struct route_ask *ask, const struct route_spec *but, char *out, size_t size) {
    size_t n = 0;
    *out = 0;
    for (size_t i = 0; i < ask->model->route_count && n < size; i++) {
        const struct route_spec *route = &ask->model->routes[i];
        if (route == but || str_eq(route->provider, but->provider) || routes_bar(r, ask, i) != BAR_NO_KEY) continue;
        n += (size_t)snprintf(out + n, size - n, "%s%.*s", n ? " or " : " A key of ", STR_ARG(route->provider));
    }
    if (n && n < size) snprintf(out + n, size - n, " would do as well.");
}

static err explain(const struct routes *r, const struct route_ask *ask, enum bar bar, const struct route_spec *route, struct why *why) {
    struct str slug = ask->model->slug, provider = route ? route->provider : STR("");
    const struct provider *p = route && ask->providers ? providers_find(ask->providers, provider) : NULL;
    struct str title = p && provider_info(p)->title.len ? provider_info(p)->title : provider, env = p ? provider_info(p)->key_env : STR("");
    char others[100] = "";
    switch (bar) {
    case BAR_NO_KEY:
        other_keys(r, ask, route, others, sizeof others);
        if (why) snprintf(why->field, sizeof why->field, "model");
        return why_set(why, E_NO_PROVIDER_KEY,
                       "%.*s is made by %.*s, and this server has no key for it. Its operator sets one with `puras providers set-key %.*s`%s%.*s%s.%s Nothing was charged.",
                       STR_ARG(slug), STR_ARG(title), STR_ARG(provider), env.len ? " or with " : "", STR_ARG(env), env.len ? " in the server's environment" : "", others);
    case BAR_MODEL_PAUSED:
        if (why) why->passes = true, why->retry_after_s = PAUSED_AGAIN_S;
        return why_set(why, E_NO_ROUTE, "The operator of this server has paused %.*s; try again later. Nothing was charged.", STR_ARG(slug));
    case BAR_PAUSED:
        if (why) why->passes = true, why->retry_after_s = PAUSED_AGAIN_S;
        return why_set(why, E_NO_ROUTE, "The operator of this server has paused %.*s, which makes %.*s; try again later. Nothing was charged.", STR_ARG(title), STR_ARG(slug));
    case BAR_SUNSET:
        return why_set(why, E_NO_ROUTE, "%.*s has ended the interface by which this server made %.*s. Nothing was charged; GET /v1/models lists what runs.", STR_ARG(title), STR_ARG(slug));
    case BAR_GUESS:
        return why_set(why, E_NO_ROUTE, "How %.*s makes %.*s could not be confirmed, so live keys may not run it; a test key does. Nothing was charged.", STR_ARG(title), STR_ARG(slug));
    case BAR_OTHER_CALLS:
        return why_set(why, E_NO_ROUTE, "No route of this server takes %.*s with these inputs; see its inputs at GET /v1/models. Nothing was charged.", STR_ARG(slug));
    case BAR_REFUSED:
        return why_set(why, E_NO_ROUTE, "Every provider of %.*s has refused this server's key or credit, or does not know the model any more; its operator sees which with `puras providers`. Nothing was charged.", STR_ARG(slug));
    default:
        return why_set(why, E_NO_ROUTE, "No route leads to %.*s on this server: it is priced, but nothing here can run it. Nothing was charged.", STR_ARG(slug));
    }
}

static err explain_ended(const struct model *m, struct why *why) {
    if (m->successor.len)
        return why_set(why, E_NO_ROUTE, "%.*s was ended by its provider on %.*s; %.*s takes its place. Nothing was charged.", STR_ARG(m->slug), STR_ARG(m->ended), STR_ARG(m->successor));
    return why_set(why, E_NO_ROUTE, "%.*s was ended by its provider on %.*s. Nothing was charged; GET /v1/models lists what runs.", STR_ARG(m->slug), STR_ARG(m->ended));
}

err routes_pick(const struct routes *r, const struct route_ask *ask, struct why *why, const struct route_spec **out, bool *out_busy) {
    const struct model *m = ask->model;
    const struct route_spec *broken = NULL, *worst_route = NULL, *again = NULL;
    enum bar worst = BAR_NONE;
    for (size_t i = 0; i < m->route_count; i++) {
        enum bar bar = routes_bar(r, ask, i);
        if (bar == BAR_NONE && (was_tried(ask, &m->routes[i]) || rests(r, m->routes[i].provider, ask->now))) { /* another goes first */
            if (!again) again = &m->routes[i];
            continue;
        }
        if (bar == BAR_NONE) {
            *out = &m->routes[i];
            *out_busy = false;
            return OK;
        }
        if (bar == BAR_BREAKER) {
            if (!broken) broken = &m->routes[i];
        } else if (bar > worst) { /* what is told is what is nearest to running */
            worst = bar;
            worst_route = &m->routes[i];
        }
    }
    if (again) {
        *out = again;
        *out_busy = false;
        return OK;
    }
    if (broken) {
        *out = broken;
        *out_busy = true;
        return OK;
    }
    if (!m->route_count && m->ended.len) return explain_ended(m, why);
    return explain(r, ask, worst, worst_route, why);
}

bool routes_another(const struct routes *r, const struct route_ask *ask, struct str provider, struct str model) {
    bool behind = false;
    for (size_t i = 0; i < ask->model->route_count; i++) {
        const struct route_spec *s = &ask->model->routes[i];
        bool is_it = str_eq(s->provider, provider) && str_eq(s->model, model);
        behind |= is_it;
        if (!behind || is_it) continue;
        enum bar bar = routes_bar(r, ask, i);
        if (bar == BAR_NONE || bar == BAR_BREAKER) return true;
    }
    return false;
}

bool routes_health(const struct routes *r, size_t i, struct route_health *out) {
    if (i >= r->count) return false;
    const struct track *t = &r->tracks[i];
    *out = (struct route_health){.provider = str_of(t->provider), .model = str_of(t->model), .open = t->open, .failures = __builtin_popcount(t->bad), .seen = t->seen,
                                 .told = t->told, .cost_declared = t->declared, .cost_reported = t->reported, .failed_at = t->failed_at, .last_detail = str_of(t->detail), .last = t->last};
    memcpy(out->failed, t->failed, sizeof out->failed);
    return true;
}
