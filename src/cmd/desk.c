#include "cmd/desk.h"
#include "cmd/proof.h"
#include "cmd/watch.h"

#include "base/cleanup.h"

#include <stdlib.h>

enum { LOOK_EVERY_MS = 500, WALLS_AGAIN_MS = 10000, SUNSET_WARNED_DAYS = 30, RESEAL_ROWS = 100, SENT_MOST = 65536 /* more than a lane bounds */ };

static struct desk *desk_of(void *self) { return ((struct server *)self)->desk; }
static msec now_of(const struct desk *d) { return io_now(loop_io(d->server->loop)); }

/* --- the choice --- */

static bool has_key(void *self, const struct provider_info *p) {
    enum key_source s = keyring_find(((struct desk *)self)->keyring, p->name, p->key_env, NULL);
    return s == KEY_SET || s == KEY_ENV;
}

static struct route_ask ask_of(struct desk *d, const struct catalog *c, const struct model *m) {
    return (struct route_ask){.model = m, .providers = atlas_providers(d->atlas, c, NULL), .has_key = has_key, .self = d, .now = now_of(d)};
}

/* A test key's calls are made on this machine: by the model itself where it is a local one, else by the twin in its place. */
static void test_route(const struct model *m, struct str *out_provider, struct str *out_route) {
    for (size_t i = 0; i < m->route_count; i++) {
        if (!str_is(m->routes[i].provider, "local")) continue;
        *out_provider = m->routes[i].provider;
        *out_route = m->routes[i].model;
        return;
    }
    *out_provider = STR("twin");
    *out_route = m->slug;
}

static err live_route(struct desk *d, const struct route_ask *ask, struct why *why, struct str *out_provider, struct str *out_route, bool *out_busy) {
    const struct route_spec *r;
    TRY(routes_pick(d->routes, ask, why, &r, out_busy));
    *out_provider = r->provider;
    *out_route = r->model;
    return OK;
}

err desk_route(void *self, const struct route_call *c, struct why *why, struct str *out_provider, struct str *out_route, bool *out_busy) {
    struct desk *d = desk_of(self);
    _cleanup_(arena_done) struct arena a = {};
    struct json *inputs = NULL;
    *out_busy = false;
    if (str_is(c->book, "test")) {
        test_route(c->model, out_provider, out_route);
        return OK;
    }
    struct route_ask ask = ask_of(d, shelf_current(d->server->shelf), c->model);
    if (!json_parse(c->inputs, &a, NULL, &inputs)) ask.inputs = inputs;
    return live_route(d, &ask, why, out_provider, out_route, out_busy);
}

err desk_next(void *self, const struct work *w, struct arena *a, struct str *out_provider, struct str *out_route) {
    struct desk *d = desk_of(self);
    const struct generation *g = w->generation;
    const struct catalog *c = shelf_find(d->server->shelf, g->catalog); /* the version it was admitted with */
    if (!c) watch_want(d->server->watch, g->catalog);
    const struct model *m = c ? catalog_find(c, g->model) : NULL;
    struct json *inputs = NULL;
    bool busy = false;
    if (!m) return c ? E_NO_ROUTE : E_UNAVAILABLE;
    if (str_is(g->book, "test")) {
        test_route(m, out_provider, out_route);
        return OK;
    }
    struct route_ask ask = ask_of(d, c, m);
    ask.tried = w->tried;
    ask.tried_count = w->tried_count;
    if (!json_parse(g->inputs, a, NULL, &inputs)) ask.inputs = inputs;
    TRY(live_route(d, &ask, NULL, out_provider, out_route, &busy));
    return busy ? E_AGAIN : OK;
}

bool desk_other(void *self, const struct route_names *r, struct str inputs) {
    struct desk *d = desk_of(self);
    _cleanup_(arena_done) struct arena a = {};
    struct place p;
    struct json *j = NULL;
    if (!atlas_find(d->atlas, r, &p)) return false;
    struct route_ask ask = ask_of(d, p.catalog, p.model);
    if (!json_parse(inputs, &a, NULL, &j)) ask.inputs = j;
    return routes_another(d->routes, &ask, r->provider, r->route);
}

bool desk_open(void *self, const struct route_names *r, struct str inputs) {
    struct desk *d = desk_of(self);
    _cleanup_(arena_done) struct arena a = {};
    struct place p;
    struct json *j;
    const struct route_spec *found;
    bool busy;
    if (!atlas_find(d->atlas, r, &p)) return false;
    struct route_ask ask = ask_of(d, p.catalog, p.model);
    if (!json_parse(inputs, &a, NULL, &j)) ask.inputs = j;
    return !routes_pick(d->routes, &ask, NULL, &found, &busy) && !busy && found != p.route;
}

bool desk_cost(void *self, const struct route_names *r, struct str inputs, struct quote *out) {
    struct desk *d = desk_of(self);
    _cleanup_(arena_done) struct arena a = {};
    struct place p;
    struct json *j;
    return atlas_find(d->atlas, r, &p) && !json_parse(inputs, &a, NULL, &j) && catalog_cost(p.model, (size_t)(p.route - p.model->routes), j, out);
}

struct traits desk_traits(void *self, const struct route_names *r) {
    struct desk *d = desk_of(self);
    struct place p;
    if (str_is(r->provider, "local") || str_is(r->provider, "twin")) return (struct traits){.local = true, .poll_every = 1000, .poll_max = 30000};
    if (!atlas_find(d->atlas, r, &p)) {
        if (!shelf_find(d->server->shelf, r->catalog)) watch_want(d->server->watch, r->catalog);
        return (struct traits){.unknown = true, .poll_every = 1000, .poll_max = 30000};
    }
    const struct endpoint_info *e = endpoint_info(p.endpoint);
    return (struct traits){.idempotent = e->idempotent, .has_lookup = e->has_lookup, .absence_is_proof = e->absence_is_proof, .can_cancel = e->can_cancel, .program = e->protocol == PROTOCOL_COMMAND, .at_once = e->protocol == PROTOCOL_SYNC,
                           .first_wait = e->pace_first, .poll_every = e->pace_every, .poll_max = e->pace_max, .lookup_settles_after = e->lookup_settles_after};
}

static bool same_limits(const struct provider_limits *l, const struct provider_info *p) {
    return l->concurrency == p->concurrency && l->rate_count == p->rate_count && l->rate_per == p->rate_per && l->poll_count == p->poll_count && l->poll_per == p->poll_per;
}

/* One lane a provider, and one of its own for an endpoint with other limits. The newest description decides what they are. */
struct str desk_lane(void *self, const struct route_names *r) {
    struct desk *d = desk_of(self);
    struct place p;
    if (str_is(r->provider, "local") || str_is(r->provider, "twin") || !atlas_find(d->atlas, r, &p)) return STR("");
    const struct providers *newest = atlas_providers(d->atlas, shelf_current(d->server->shelf), NULL);
    const struct provider *now = newest ? providers_find(newest, r->provider) : NULL;
    const struct endpoint *e = now ? provider_endpoint(now, p.route->endpoint) : NULL;
    if (!e) now = p.provider, e = p.endpoint;
    const struct provider_limits *l = &endpoint_info(e)->limits;
    bool own = p.route->endpoint.len && !same_limits(l, provider_info(now));
    snprintf(d->lane, sizeof d->lane, "%.*s%s%.*s", STR_ARG(r->provider), own ? "/" : "", STR_ARG(own ? p.route->endpoint : STR("")));
    const struct permit_limits limits = {.concurrency = l->concurrency, .rate_count = l->rate_count, .rate_per = l->rate_per, .poll_count = l->poll_count, .poll_per = l->poll_per};
    permits_declare(d->permits, str_of(d->lane), &limits);
    return str_of(d->lane);
}

err desk_key(void *arg, const struct provider_info *p, struct arena *a, struct why *why, struct str *out) {
    struct str key;
    enum key_source from = keyring_find(desk_of(arg)->keyring, p->name, p->key_env, &key);
    if (from != KEY_SET && from != KEY_ENV)
        return why_set(why, E_NO_PROVIDER_KEY, "This server has no key of %.*s; `puras providers set-key %.*s` sets one. Nothing was charged.", STR_ARG(p->name), STR_ARG(p->name));
    *out = arena_dup(a, key);
    return OK;
}

static err find_program(void *arg, const struct call *c, struct why *why, struct command_plan *out) {
    struct place p;
    struct route_names names = {c->catalog, c->model, c->provider, c->route};
    if (!atlas_find(desk_of(arg)->atlas, &names, &p) || !p.endpoint) return why_set(why, E_NO_ROUTE, "The catalog has no such route any more. Nothing was charged.");
    *out = (struct command_plan){.endpoint = p.endpoint, .model = p.model, .route = p.route};
    return OK;
}

/* Made when the first program runs: only then the walls of this host are looked at. Where they do not stand, they are looked at again
 * after a while: the helper may have been late, or somebody has installed what was missing. */
static struct commands *commands_of(struct server *s) {
    msec now = io_mono(loop_io(s->loop));
    if (s->commands && (command_ready(s->commands) || now < s->desk->walls_again_at)) return s->commands;
    command_destroy(s->commands);
    s->desk->walls_again_at = now + WALLS_AGAIN_MS;
    struct command_options o = {.loop = s->loop, .drive = s->drive, .helper = s->helper, .evaluator = proof_evaluator(s->jq), .find = find_program, .arg = s};
    helper_walls(s->helper, &o.walls);
    return s->commands = command_create(&o);
}

static bool is_program(struct server *s, const struct call *c) {
    struct place p;
    struct route_names names = {c->catalog, c->model, c->provider, c->route};
    return atlas_find(s->desk->atlas, &names, &p) && p.endpoint && endpoint_info(p.endpoint)->protocol == PROTOCOL_COMMAND;
}

void desk_call(void *self, const struct call *c, call_stage_fn *stage, call_done_fn *done, void *arg) {
    struct server *s = self;
    if (is_program(s, c)) command_call(commands_of(s), c, stage, done, arg);
    else remote_call(s->remote, c, stage, done, arg);
}

void desk_unwanted(void *self, const struct call *c) {
    struct server *s = self;
    if (is_program(s, c)) command_unwanted(commands_of(s), c);
}

bool desk_enabled(void *self, const struct model *m) {
    struct desk *d = desk_of(self);
    struct route_ask ask = ask_of(d, shelf_current(d->server->shelf), m);
    for (size_t i = 0; i < m->route_count; i++) {
        enum bar bar = routes_bar(d->routes, &ask, i);
        if (bar == BAR_NONE || bar == BAR_BREAKER || bar == BAR_NO_KEY) return true; /* a key is a matter of this server, not of the model */
    }
    return false;
}

bool desk_knows(void *self, struct str provider) {
    struct desk *d = desk_of(self);
    const struct providers *all = atlas_providers(d->atlas, shelf_current(d->server->shelf), NULL);
    return all && providers_find(all, provider);
}

err desk_key_fits(void *self, struct str provider, bool webhook, struct str key, struct why *why) {
    struct desk *d = desk_of(self);
    const struct providers *all = atlas_providers(d->atlas, shelf_current(d->server->shelf), NULL);
    const struct provider *p = all ? providers_find(all, provider) : NULL;
    if (!p) return OK;
    const struct provider_info *info = provider_info(p);
    struct str title = info->title.len ? info->title : provider;
    enum signature kind = provider_signature(p);
    if (!webhook && !info->needs_key) return why_set(why, E_INVALID, "%.*s needs no key; nothing was stored.", STR_ARG(title));
    if (webhook && (kind == SIGNATURE_NONE || kind == SIGNATURE_FAL))
        return why_set(why, E_INVALID, "%.*s signs its webhooks with no secret of yours; nothing was stored.", STR_ARG(title));
    if (webhook && !signature_secret_reads(key))
        return why_set(why, E_INVALID, "The secret for webhooks of %.*s begins with whsec_ and is base64 behind that, as the provider shows it; nothing was stored.", STR_ARG(title));
    return OK;
}

/* --- keys and pauses --- */

static void put_key(struct desk *d, const struct provider_key *k, int64_t version) {
    struct provider_key now = *k;
    now.head.version = version;
    if (keyring_put(d->keyring, &now)) log_event(&d->server->log, LOG_INFO, "provider.key", "\"provider\":\"%.*s\",\"set\":%s", STR_ARG(k->head.id), k->deleted_at ? "false" : "true");
}

void desk_published(struct desk *d, const struct rec_change *changes, size_t n) {
    bool ours = false;
    for (size_t i = 0; i < n; i++) {
        if (changes[i].type == REC_provider_key) put_key(d, (const struct provider_key *)changes[i].record, changes[i].record->version + 1);
        else if (changes[i].type == REC_pause) routes_pause(d->routes, changes[i].record->id, ((const struct pause *)changes[i].record)->since != 0);
        else continue;
        ours = true;
    }
    if (ours && d->server->engine) engine_rethink(d->server->engine);
}

struct reading_desk {
    struct desk *desk; /* NULL: the desk is gone */
    struct arena arena;
    const struct provider_key **keys;
    const struct pause **pauses;
    size_t key_count, pause_count;
    err code;
};

static void read_all(struct db *db, void *arg) {
    struct reading_desk *r = arg;
    r->code = query_provider_keys(db, &r->arena, &r->keys, &r->key_count);
    if (!r->code) r->code = query_pauses(db, &r->arena, &r->pauses, &r->pause_count);
}

static void take_all(struct desk *d, const struct reading_desk *r) {
    for (size_t i = 0; i < r->key_count; i++) put_key(d, r->keys[i], r->keys[i]->head.version);
    for (size_t i = 0; i < r->pause_count; i++) routes_pause(d->routes, r->pauses[i]->head.id, r->pauses[i]->since != 0);
}

static void look(void *arg);

static void looked(void *arg) {
    struct reading_desk *r = arg;
    struct desk *d = r->desk;
    if (d) {
        d->reading = NULL;
        if (!r->code) take_all(d, r);
    }
    arena_done(&r->arena);
    free(r);
}

/* What another node has stored is used here within a second. */
static void look(void *arg) {
    struct desk *d = arg;
    struct io *io = loop_io(d->server->loop);
    d->tick = io->ops->timer_start(io, LOOK_EVERY_MS, look, d);
    if (d->reading) return;
    struct reading_desk *r = calloc(1, sizeof *r);
    must(r);
    r->desk = d;
    d->reading = r;
    if (!readers_run(d->server->readers, read_all, looked, r)) return;
    d->reading = NULL; /* they are busy: the next look */
    free(r);
}

/* What left in the last windows goes on to count, whoever sent it: a rate does not begin anew with the process. */
static err take_sent(struct desk *d, struct db *db, struct arena *a) {
    const struct catalog *c = shelf_current(d->server->shelf);
    const struct providers *all = c ? atlas_providers(d->atlas, c, NULL) : NULL;
    msec window = all ? providers_longest_window(all) : 0;
    if (!window) return OK;
    struct io *io = loop_io(d->server->loop);
    msec now = io_now(io), mono = io_mono(io);
    struct sent_submit *sent;
    size_t n;
    TRY(query_sent(db, now - window, SENT_MOST, a, &sent, &n));
    while (n--) { /* the oldest first */
        struct str lane = desk_lane(d->server, &(struct route_names){catalog_sha256(c), sent[n].model, sent[n].provider, sent[n].route});
        if (lane.len) permits_sent(d->permits, lane, sent[n].at < now ? mono - (now - sent[n].at) : mono);
    }
    return OK;
}

static err read_now(struct desk *d, struct why *why) {
    struct reading_desk r = {.desk = d};
    struct db *db = NULL;
    TRY(store_db(d->server->store, why, &db));
    read_all(db, &r);
    if (!r.code) r.code = take_sent(d, db, &r.arena);
    db_close(db);
    if (!r.code) take_all(d, &r);
    arena_done(&r.arena);
    return r.code ? why_set(why, r.code, "The providers' keys, or what was sent to them lately, could not be read from the database.") : OK;
}

/* --- a new master key --- */

static void ignore(void *arg, const struct outcome *o) {}

static bool reseal(struct desk *d, struct str type, struct str id, struct str name, struct str sealed) {
    struct vault *v = d->server->vault;
    if (!vault_is_old(v, name, sealed)) return false;
    _cleanup_(arena_done) struct arena a = {};
    _cleanup_(buf_done) struct buf again = {};
    struct io *io = loop_io(d->server->loop);
    struct str plain;
    uint8_t nonce[24];
    if (vault_open(v, name, sealed, &a, &plain)) return false;
    io->ops->random(io, nonce, sizeof nonce);
    vault_seal(v, nonce, name, plain, &again);
    explicit_bzero((char *)plain.ptr, plain.len);
    struct command cmd = {.kind = CMD_RESEAL, .at = io_now(io)};
    cmd.reseal = (struct cmd_reseal){.type = type, .id = id, .before = sealed, .after = buf_view(&again)};
    return !committer_submit(d->server->committer, &cmd, ignore, d);
}

/* A secret that is on its way out is left: it ends within days, and only its signatures are missing until then. */
static size_t reseal_webhooks(struct desk *d, struct db *db) {
    _cleanup_(arena_done) struct arena a = {};
    const struct webhook **rows;
    size_t n = RESEAL_ROWS, done = 0;
    char after[40] = "";
    while (n == RESEAL_ROWS && !query_all_webhooks(db, str_of(after), RESEAL_ROWS, &a, &rows, &n)) {
        for (size_t i = 0; i < n; i++)
            done += reseal(d, STR("webhook"), rows[i]->head.id, arena_printf(&a, "webhook/%.*s", STR_ARG(rows[i]->head.id)), rows[i]->secret);
        if (n) snprintf(after, sizeof after, "%.*s", STR_ARG(rows[n - 1]->head.id));
        arena_reset(&a);
    }
    return done;
}

static void reseal_all(struct desk *d) {
    _cleanup_(arena_done) struct arena a = {};
    struct reading_desk r = {.desk = d};
    struct db *db = NULL;
    const struct secret **rows;
    size_t n = RESEAL_ROWS, done = 0;
    char after[200] = "";
    if (store_db(d->server->store, NULL, &db)) return;
    read_all(db, &r);
    for (size_t i = 0; !r.code && i < r.key_count; i++)
        done += reseal(d, STR("provider_key"), r.keys[i]->head.id, keyring_name(r.keys[i]->head.id, &a), r.keys[i]->sealed);
    while (n == RESEAL_ROWS && !query_all_secrets(db, str_of(after), RESEAL_ROWS, &a, &rows, &n)) {
        for (size_t i = 0; i < n; i++) done += reseal(d, STR("secret"), rows[i]->head.id, rows[i]->head.id, rows[i]->sealed);
        if (n) snprintf(after, sizeof after, "%.*s", STR_ARG(rows[n - 1]->head.id));
        arena_reset(&a);
    }
    done += reseal_webhooks(d, db);
    db_close(db);
    arena_done(&r.arena);
    log_event(&d->server->log, LOG_INFO, "vault.resealed", "\"count\":%zu", done);
}

/* --- life --- */

err desk_start(struct server *s, struct why *why) {
    struct desk *d = s->desk = calloc(1, sizeof *d);
    must(d);
    d->server = s;
    d->atlas = atlas_create(s->shelf);
    d->routes = routes_create();
    d->permits = permits_create();
    d->keyring = keyring_create(s->vault);
    for (size_t i = 0; i < s->o.base_count; i++) {
        struct str name, url;
        str_cut(str_of(s->o.bases[i]), '=', &name, &url);
        TRY(atlas_rebase(d->atlas, name, url, why));
    }
    return read_now(d, why);
}

void desk_run(struct desk *d) {
    if (!store_is_sqlite(d->server->store)) look(d);
    if (d->server->o.old_master_key) reseal_all(d);
}

void desk_stop(struct desk *d) {
    if (!d) return;
    struct io *io = loop_io(d->server->loop);
    io->ops->timer_stop(io, d->tick);
    d->tick = NULL;
    if (d->reading) d->reading->desk = NULL;
    d->reading = NULL;
}

void desk_free(struct desk *d) {
    if (!d) return;
    atlas_destroy(d->atlas);
    routes_destroy(d->routes);
    permits_destroy(d->permits);
    keyring_destroy(d->keyring);
    free(d);
}

void desk_warnings(struct desk *d, struct buf *out) {
    struct str name, url;
    for (size_t i = 0, n = atlas_rebased(d->atlas, 0, &name, &url); i < n; i++) {
        atlas_rebased(d->atlas, i, &name, &url);
        buf_printf(out, "%s\"Calls for the provider %.*s go to %.*s, as --provider-base says.\"", out->len ? "," : "", STR_ARG(name), STR_ARG(url));
    }
    const struct providers *all = atlas_providers(d->atlas, shelf_current(d->server->shelf), NULL);
    msec now = now_of(d);
    for (size_t i = 0; all && i < providers_count(all); i++) {
        const struct provider_info *p = provider_info(providers_at(all, i));
        if (!p->sunset_at || p->sunset_at - now > SUNSET_WARNED_DAYS * (msec)MS_DAY) continue;
        buf_printf(out, "%s\"The description of %.*s %s its sunset%s.\"", out->len ? "," : "", STR_ARG(p->name), p->sunset_at > now ? "is within 30 days of" : "is past",
                   p->sunset_at > now ? "; its routes end then" : ": its routes are refused");
    }
}
