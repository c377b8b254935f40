/* What operators see of providers: the list behind GET /v1/providers, and the metrics. */
#include "cmd/desk.h"

#include "base/cleanup.h"

struct figures {
    uint64_t told, failed[FAIL_COUNT];
    int routes, open;
    struct route_health worst; /* the one that failed last */
    int64_t waiting, running;
    micros declared, reported;
    msec held_until;
};

static struct figures figures_of(const struct desk *d, struct str provider) {
    struct figures f = {};
    struct route_health h;
    struct lane_view l;
    for (size_t i = 0; routes_health(d->routes, i, &h); i++) {
        if (!str_eq(h.provider, provider)) continue;
        f.routes++;
        f.open += h.open;
        f.told += h.told;
        f.declared += h.cost_declared;
        f.reported += h.cost_reported;
        for (int k = 0; k < FAIL_COUNT; k++) f.failed[k] += h.failed[k];
        if (h.failed_at > f.worst.failed_at) f.worst = h;
    }
    for (size_t i = 0; permits_lane(d->permits, i, &l); i++) {
        struct str name, endpoint;
        str_cut(l.provider, '/', &name, &endpoint);
        if (!str_eq(name, provider)) continue;
        f.waiting += l.waiting;
        f.running += l.out;
        if (l.held_until > f.held_until) f.held_until = l.held_until;
    }
    return f;
}

static void write_time(struct jw *w, const char *key, msec at) {
    _cleanup_(buf_done) struct buf text = {};
    jw_key(w, key);
    if (at) {
        time_write_iso(&text, at);
        jw_str(w, buf_view(&text));
    } else jw_null(w);
}

static const char *key_word(const struct desk *d, const struct provider_info *p) {
    static const char *const words[] = {[KEY_MISSING] = "missing", [KEY_SET] = "set", [KEY_ENV] = "environment", [KEY_BROKEN] = "unreadable"};
    return p->needs_key ? words[keyring_find(d->keyring, p->name, p->key_env, NULL)] : "not_needed";
}

static int64_t models_of(const struct catalog *c, struct str provider) {
    int64_t n = 0;
    for (size_t i = 0; i < catalog_count(c); i++) {
        const struct model *m = catalog_model(c, i);
        bool has = false;
        for (size_t k = 0; k < m->route_count && !has; k++) has = str_eq(m->routes[k].provider, provider);
        n += has;
    }
    return n;
}

static void write_failures(struct jw *w, const struct figures *f) {
    jw_key(w, "failures");
    jw_open(w, '{');
    for (int k = FAIL_NONE + 1; k < FAIL_COUNT; k++)
        if (f->failed[k]) jw_ki64(w, failure_name((enum failure)k), (int64_t)f->failed[k]);
    jw_close(w, '}');
    jw_key(w, "last_failure");
    if (!f->worst.failed_at) {
        jw_null(w);
        return;
    }
    jw_open(w, '{');
    write_time(w, "at", f->worst.failed_at);
    jw_kz(w, "class", failure_name(f->worst.last));
    jw_kstr(w, "route", f->worst.model);
    jw_kstr(w, "detail", f->worst.last_detail);
    jw_close(w, '}');
}

static void write_broken(struct jw *w, const struct desk *d, struct str provider) {
    struct route_health h;
    jw_key(w, "open_routes");
    jw_open(w, '[');
    for (size_t i = 0; routes_health(d->routes, i, &h); i++)
        if (h.open && str_eq(h.provider, provider)) jw_str(w, h.model);
    jw_close(w, ']');
}

static void write_provider(struct jw *w, const struct desk *d, const struct provider_info *p) {
    static const char *const statuses[] = {[DESCRIPTION_VERIFIED] = "verified", [DESCRIPTION_DOCUMENTED] = "documented", [DESCRIPTION_GUESS] = "guess"};
    struct figures f = figures_of(d, p->name);
    jw_open(w, '{');
    jw_kstr(w, "name", p->name);
    jw_kstr(w, "title", p->title);
    jw_kstr(w, "base", p->base);
    jw_kz(w, "status", statuses[p->status]);
    jw_kz(w, "key", key_word(d, p));
    jw_kopt(w, "key_env", p->key_env);
    jw_kopt(w, "key_about", p->key_about);
    jw_kopt(w, "key_url", p->key_url);
    write_time(w, "key_set_at", keyring_set_at(d->keyring, p->name));
    jw_kbool(w, "paused", routes_paused(d->routes, "provider", p->name));
    write_time(w, "sunset_at", p->sunset_at);
    jw_ki64(w, "models", models_of(shelf_current(d->server->shelf), p->name));
    jw_kz(w, "breaker", !f.open ? "closed" : f.open < f.routes ? "partly_open" : "open");
    write_broken(w, d, p->name);
    jw_ki64(w, "running", f.running);
    jw_ki64(w, "waiting", f.waiting);
    jw_ki64(w, "requests", (int64_t)f.told);
    write_failures(w, &f);
    jw_close(w, '}');
}

static const struct providers *current(const struct desk *d) { return atlas_providers(d->atlas, shelf_current(d->server->shelf), NULL); }

void desk_write(void *self, struct jw *w) {
    struct desk *d = ((struct server *)self)->desk;
    const struct providers *all = current(d);
    jw_key(w, "providers");
    jw_open(w, '[');
    for (size_t i = 0; all && i < providers_count(all); i++) write_provider(w, d, provider_info(providers_at(all, i)));
    jw_close(w, ']');
    jw_key(w, "paused_models");
    jw_open(w, '[');
    const struct catalog *c = shelf_current(d->server->shelf);
    for (size_t i = 0; i < catalog_count(c); i++)
        if (routes_paused(d->routes, "model", catalog_model(c, i)->slug)) jw_str(w, catalog_model(c, i)->slug);
    jw_close(w, ']');
}

/* --- metrics --- */

static int64_t told(const struct figures *f) { return (int64_t)f->told; }
static int64_t open_routes(const struct figures *f) { return f->open; }
static int64_t running(const struct figures *f) { return f->running; }
static int64_t waiting(const struct figures *f) { return f->waiting; }
static int64_t declared(const struct figures *f) { return f->declared; }
static int64_t reported(const struct figures *f) { return f->reported; }
static const struct { const char *name, *type, *help; int64_t (*value)(const struct figures *f); } metrics[] = {
    {"puras_provider_requests_total", "counter", "Submits answered and attempts ended, by provider.", told},
    {"puras_provider_open_breakers", "gauge", "Routes whose breaker is open, by provider.", open_routes},
    {"puras_provider_running", "gauge", "Works of this node at the provider.", running},
    {"puras_provider_cost_declared_micros_total", "counter", "What works cost by the catalog's tables, of those whose provider says so too.", declared},
    {"puras_provider_cost_reported_micros_total", "counter", "What the same works cost as their provider reports it.", reported},
    {"puras_provider_waiting", "gauge", "Works of this node that wait for a permit, by provider.", waiting},
};
static const char failures_name[] = "puras_provider_failures_total", failures_help[] = "Failures by provider and class.";

/* Providers that were never asked have no lines. */
void desk_metrics(struct desk *d, struct buf *out) {
    const struct providers *all = current(d);
    for (size_t m = 0; m < sizeof metrics / sizeof *metrics; m++) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metrics[m].name, metrics[m].help, metrics[m].name, metrics[m].type);
        for (size_t i = 0; all && i < providers_count(all); i++) {
            struct str name = provider_info(providers_at(all, i))->name;
            struct figures f = figures_of(d, name);
            if (f.told || f.running || f.waiting) buf_printf(out, "%s{provider=\"%.*s\"} %lld\n", metrics[m].name, STR_ARG(name), (long long)metrics[m].value(&f));
        }
    }
    buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n", failures_name, failures_help, failures_name);
    for (size_t i = 0; all && i < providers_count(all); i++) {
        struct str name = provider_info(providers_at(all, i))->name;
        struct figures f = figures_of(d, name);
        for (int k = FAIL_NONE + 1; k < FAIL_COUNT; k++)
            if (f.failed[k]) buf_printf(out, "%s{provider=\"%.*s\",class=\"%s\"} %lld\n", failures_name, STR_ARG(name), failure_name((enum failure)k), (long long)f.failed[k]);
    }
}
