/* A node of the simulated fleet: the real engine and committer behind a door that drops what belongs to an earlier life. A crash
 * forgets all memory; the database and the upstream stay. */
#include "base/cleanup.h"
#include "base/limits.h"
#include "core/generation.h"
#include "store/committer.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

/* --- the door: everything passes through the shared virtual clock, guarded by the node's life --- */

struct guard {
    struct node *node;
    int64_t life;
    void (*fire)(void *arg);
    void *arg;
    struct timer *inner;
};

static struct io *shared(struct node *n) { return fake_io_io(n->world->fake); }
static struct node *node_of(struct io *io) { return (struct node *)io; }
static msec io_now_(struct io *io) { return io_now(shared(node_of(io))); }
static msec io_mono_(struct io *io) { return io_mono(shared(node_of(io))); }
static msec io_boot_(struct io *io) { return shared(node_of(io))->ops->boot(shared(node_of(io))); }
static void io_random_(struct io *io, void *out, size_t n) { shared(node_of(io))->ops->random(shared(node_of(io)), out, n); }

static void guard_fired(void *arg) {
    struct guard *g = arg;
    struct node *n = g->node;
    if (n->life == g->life && n->paused_until > io_now(shared(n))) { /* it stands still: later, all at once */
        g->inner = shared(n)->ops->timer_start(shared(n), n->paused_until - io_now(shared(n)), guard_fired, g);
        return;
    }
    g->inner = NULL;
    if (n->life != g->life) return; /* its engine may still hold it, and stops it when it is buried */
    g->fire(g->arg);
    free(g);
}

/* A dead node's code may still be on the stack: what it starts belongs to no life. */
static int64_t life_of(const struct node *n) { return n->up ? n->life : -1; }

static struct guard *after(struct node *n, msec delay, void (*fire)(void *arg), void *arg) {
    struct guard *g = calloc(1, sizeof *g);
    must(g);
    *g = (struct guard){.node = n, .life = life_of(n), .fire = fire, .arg = arg};
    g->inner = shared(n)->ops->timer_start(shared(n), delay, guard_fired, g);
    return g;
}

static struct timer *io_timer_start(struct io *io, msec delay, void (*fire)(void *arg), void *arg) { return (struct timer *)after(node_of(io), delay, fire, arg); }

static void io_timer_stop(struct io *io, struct timer *t) {
    struct guard *g = (struct guard *)t;
    if (!g) return;
    shared(g->node)->ops->timer_stop(shared(g->node), g->inner);
    free(g);
}

struct call_guard {
    struct node *node;
    int64_t life;
    const struct call *call;
    call_done_fn *done;
    void *arg;
};

static void call_came_back(void *arg, const struct call *c, const struct call_result *r) {
    struct call_guard *g = arg;
    if (g->node->life == g->life) g->done(g->arg, g->call, r);
    free(g);
}

static void no_stage(void *arg, const struct call *c, struct str stage, int64_t percent) {}

static void io_call_(struct io *io, const struct call *c, call_stage_fn *stage, call_done_fn *done, void *arg) {
    struct node *n = node_of(io);
    struct call_guard *g = calloc(1, sizeof *g);
    must(g);
    *g = (struct call_guard){.node = n, .life = life_of(n), .call = c, .done = done, .arg = arg};
    struct call marked = *c;
    marked.engine_ref = n; /* the upstream checks what this node had committed */
    shared(n)->ops->call(shared(n), &marked, no_stage, call_came_back, g);
}

static void io_unwanted(struct io *io, const struct call *c) {
    struct node *n = node_of(io);
    struct call marked = *c;
    marked.engine_ref = n;
    shared(n)->ops->unwanted(shared(n), &marked);
}

static const struct io_ops door = {.now = io_now_, .mono = io_mono_, .boot = io_boot_, .random = io_random_, .timer_start = io_timer_start, .timer_stop = io_timer_stop, .call = io_call_, .unwanted = io_unwanted};

/* --- commits --- */

struct sent {
    struct node *node;
    int64_t life;
    enum command_kind kind;
    char generation[ID_LEN + 1];
    committed_fn *done;
    void *arg;
};

static void came_back(void *arg, const struct outcome *o) {
    struct sent *s = arg;
    struct world *w = s->node->world;
    if (s->node->life == s->life) {
        _cleanup_(arena_done) struct arena a = {};
        if (!o->code && s->kind == CMD_SUBMIT && !world_generation(w, str_of(o->generation), &a))
            BROKEN(w, "a caller was told of generation %s before it was committed", o->generation);
        if (!o->code && s->node->declared_dead) BROKEN(w, "%s of a node that was declared dead was accepted", command_name(s->kind));
        s->done(s->arg, o);
    } else if (s->kind == CMD_SUBMIT) { /* its caller lives on, and only knows that the connection broke */
        struct outcome lost = {.code = E_UNAVAILABLE};
        s->done(s->arg, &lost);
    }
    free(s);
}

/* One turn of the committer: whatever waits is one batch. The fault of this commit is drawn before it. */
static err commit_hook(void *arg, enum committer_point p);

static void turn_soon(struct node *n);

static void turn(void *arg) {
    struct node *n = arg;
    struct world *w = n->world;
    n->tick_due = false;
    enum fault f = next_fault(w);
    if (f == FAULT_CRASH_BEFORE) {
        say(w, "node %d crashes before a commit", n->index);
        node_crash(n);
        return;
    }
    committer_step(n->committer);
    if (f == FAULT_CRASH_AFTER || f == FAULT_ANSWER_LOST) {
        say(w, "node %d crashes after a commit", n->index);
        node_crash(n);
        return;
    }
    if (committer_stats(n->committer).queued) turn_soon(n);
    committer_drain(n->committer);
}

static void turn_soon(struct node *n) {
    if (n->tick_due) return;
    n->tick_due = true;
    after(n, (msec)draw(n->world, 4), turn, n);
}

err node_submit(struct node *n, const struct command *c, committed_fn *done, void *arg) {
    if (!n->up) return E_UNAVAILABLE;
    struct sent *s = calloc(1, sizeof *s);
    must(s);
    *s = (struct sent){.node = n, .life = n->life, .kind = c->kind, .done = done, .arg = arg};
    if (!n->world->calm && n->world->o.sweep_at == 0 && chance(n->world, n->world->o.fault_percent / 4 + (n->world->o.fault_percent > 0))) {
        free(s);
        return E_AGAIN; /* the queue is full */
    }
    err e = committer_submit(n->committer, c, came_back, s);
    if (e) free(s);
    else turn_soon(n);
    return e;
}

static err port_submit(void *self, const struct command *c, committed_fn *done, void *arg) { return node_submit(self, c, done, arg); }

static void published(void *arg, const struct rec_change *changes, size_t n) {
    struct node *node = arg;
    if (node->up) engine_published(node->engine, changes, n);
}

static void wake(void *arg) {}

static void fatal(void *arg, err code, const char *text) {
    struct node *n = arg;
    say(n->world, "node %d must end: %s", n->index, text);
    after(n, 0, (void (*)(void *))node_crash, n);
}

/* --- scans --- */

struct looking {
    struct node *node;
    struct scan *scan;
};

static void look(void *arg) {
    struct looking *l = arg;
    struct node *n = l->node;
    struct world *w = n->world;
    struct scan *s = l->scan;
    free(l);
    if (s->kind == SCAN_BEAT) s->code = store_node_beat(w->store, &n->view, NULL);
    else if (s->kind == SCAN_LAPSED) {
        s->code = store_nodes_lapsed(w->store, &n->view, &s->arena, &s->ids, &s->id_count);
        for (size_t i = 0; i < s->id_count; i++)
            for (int k = 0; k < w->o.nodes; k++)
                if (str_is(s->ids[i], w->nodes[k].id)) w->nodes[k].declared_dead = true;
    } else scan_run(w->db, s);
    s->done(s);
}

static void port_scan(void *self, struct scan *s) {
    struct node *n = self;
    struct looking *l = calloc(1, sizeof *l);
    must(l);
    *l = (struct looking){.node = n, .scan = s};
    after(n, (msec)draw(n->world, 5), look, l);
}

static err port_route(void *self, const struct work *w, struct arena *a, struct str *out_provider, struct str *out_route) {
    *out_provider = arena_dup(a, w->generation->model); /* the simulator's models are named after their provider */
    *out_route = STR("nothing");
    return OK;
}

static struct str port_lane(void *self, const struct route_names *r) { return str_is(r->provider, "local") ? STR("") : r->provider; }

static void port_fenced(void *self) {
    struct node *n = self;
    say(n->world, "node %d learns that it was replaced", n->index);
    node_crash(n);
}

/* --- life --- */

void node_start(struct node *n) {
    struct world *w = n->world;
    n->io.ops = &door;
    n->life++;
    n->up = true;
    struct id id = io_new_id(&n->io);
    memcpy(n->id, id.hex, sizeof n->id);
    n->declared_dead = n->tick_due = false;
    n->paused_until = 0;
    if (store_node_start(w->store, id_str(&id), NULL, &n->view)) {
        BROKEN(w, "a node could not start");
        return;
    }
    struct committer_options co = {.store = w->store, .node = n->view, .batch_max = (size_t)w->o.batch_max, .wake = wake, .fatal = fatal, .published = published, .arg = n};
    n->committer = committer_create(&co);
    committer_hook(n->committer, commit_hook, n);
    n->bounds = bounds_make();
    struct engine_options eo = {.io = &n->io, .node = str_of(n->id), .slots = 64, .scan_rows = 2, .scan_every = LIMIT_WAKE_SCAN_MS,
                                .port = {.self = n, .submit = port_submit, .scan = port_scan, .route = port_route, .traits = upstream_traits, .lane = port_lane, .fenced = port_fenced},
                                .permits = n->bounds.permits, .routes = n->bounds.routes};
    n->engine = engine_create(&eo);
    engine_start(n->engine);
    say(w, "node %d starts as %s", n->index, n->id);
}

/* The remains of a crashed node, freed once nothing of it is on the stack any more. */
struct remains {
    struct committer *committer;
    struct engine *engine;
    struct bounds bounds;
};

static void bury(void *arg) {
    struct remains *r = arg;
    committer_destroy(r->committer);
    engine_destroy(r->engine);
    bounds_free(&r->bounds);
    free(r);
}

static void start_again(void *arg) { node_start(arg); }

void node_crash(struct node *n) {
    if (!n->up) return;
    struct world *w = n->world;
    struct remains *r = calloc(1, sizeof *r);
    must(r);
    *r = (struct remains){.committer = n->committer, .engine = n->engine, .bounds = n->bounds};
    n->up = false; /* from here on nothing of it fires */
    n->life++;
    n->committer = NULL;
    n->engine = NULL;
    shared(n)->ops->timer_start(shared(n), 0, bury, r);
    shared(n)->ops->timer_start(shared(n), 1 + (msec)draw(w, w->o.nodes > 1 && !w->calm ? 40000 : 3000), start_again, n);
}

struct node *node_any(struct world *w) {
    int first = (int)draw(w, (uint64_t)w->o.nodes);
    for (int i = 0; i < w->o.nodes; i++) {
        struct node *n = &w->nodes[(first + i) % w->o.nodes];
        if (n->up && n->paused_until <= io_now(fake_io_io(w->fake))) return n;
    }
    return NULL;
}

/* The commit itself: refused before it was sent, or sent and its answer lost. */
static err commit_hook(void *arg, enum committer_point p) {
    struct node *n = arg;
    struct world *w = n->world;
    if (p == POINT_LOADED || w->calm || w->o.sweep_at || !chance(w, w->o.fault_percent)) return OK;
    say(w, "node %d: the commit's answer is lost %s it was sent", n->index, p == POINT_BEFORE_COMMIT ? "before" : "after");
    return E_UNKNOWN;
}
