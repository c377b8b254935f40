/* Turns due work into effects, and their events into commands. One loop, no thread of its own, never blocks.
 *
 * The engine owns nothing durable: what it has in memory may vanish at any instant. Each task mirrors one generation that this
 * node works on; what to do next follows from the committed step alone (core/generation.h), so start-up, adoption and the
 * regular scan are one and the same. It learns of work in two ways: records published after a commit (a hint, fast) and scans
 * (the truth, regular).
 *
 * Everything it needs from the world stands in two tables: struct io (effects, time) and struct engine_port (commands, scans). */
#pragma once
#include "base/log.h"
#include "io/io.h"
#include "store/store.h"

/* What a provider promises about its submits; decides how a lost answer is settled. */
struct traits {
    bool unknown;           /* the catalog version is not here yet: ask again in a moment */
    bool local;             /* made on this machine: an interrupted attempt simply runs again */
    bool idempotent;        /* the provider knows our reference: the same submit may be sent again */
    bool has_lookup;        /* it can be asked whether it knows our reference */
    bool absence_is_proof;  /* and a "no" means it never arrived */
    bool can_cancel;
    bool program;           /* a program of this machine: a run that nobody wants is ended, and nothing of it is left anywhere */
    bool at_once;           /* the answer to the submit is the result: what is lost with it never comes */
    msec first_wait, poll_every, poll_max;
    msec lookup_settles_after;
};

/* A question to the store, answered on a reader and handed back on the loop. The asker owns it; the answer lives in arena. */
enum scan_kind {
    SCAN_PENDING,   /* oldest pending generations of projects with a free slot, fewest running first */
    SCAN_WORK,      /* processing generations of `node` with their newest attempt */
    SCAN_DEADLINES, /* ids of live generations past their deadline */
    SCAN_LAPSED,    /* marks lapsed nodes dead, ids of dead nodes that still own work */
    SCAN_BEAT,      /* this node's heartbeat */
};
struct work {
    const struct generation *generation;
    const struct attempt *attempt; /* NULL: none yet */
    const struct attempt *const *tried; /* SCAN_PENDING: all before, oldest first */
    size_t tried_count;
};
struct scan {
    enum scan_kind kind;
    struct str node;
    struct str after; /* SCAN_WORK: the page behind this id; empty: the first */
    msec now;
    int64_t limit;
    struct arena arena;
    err code;
    struct work *work;
    size_t work_count;
    struct str *ids;
    size_t id_count;
    int64_t nodes; /* SCAN_LAPSED: how many are alive; 0: not known */
    void (*done)(struct scan *s);
    void *arg;
};

/* Answers a SCAN_PENDING, SCAN_WORK or SCAN_DEADLINES on a reader's thread; the other two are the node's (store_node_beat,
 * store_nodes_lapsed). */
struct db;
void scan_run(struct db *db, struct scan *s);

/* The names by which records know what an attempt runs on. */
struct route_names { struct str catalog, model, provider, route; };

struct engine_port {
    void *self;
    err (*submit)(void *self, const struct command *c, committed_fn *done, void *arg);
    void (*scan)(void *self, struct scan *s); /* calls s->done later, on the loop */
    /* The route of the next attempt, behind those that were tried. E_NO_ROUTE, E_NO_PROVIDER_KEY; E_AGAIN: none just now; E_UNAVAILABLE: not known yet. */
    err (*route)(void *self, const struct work *w, struct arena *a, struct str *out_provider, struct str *out_route);
    struct traits (*traits)(void *self, const struct route_names *r);
    /* Whether another route stands ready for a generation whose route just failed by our key or our balance there. NULL: yes. */
    bool (*other_route)(void *self, const struct route_names *r, struct str inputs);
    /* Whether another route could be taken at once, by a generation that waits before this one's open breaker. NULL: none. */
    bool (*open_route)(void *self, const struct route_names *r, struct str inputs);
    /* What a route's cost table says of these inputs; false: it states none. NULL: none does. */
    bool (*cost)(void *self, const struct route_names *r, struct str inputs, struct quote *out);
    /* The lane of permits a route's requests go through; may be empty: none is kept. NULL: no route has one. */
    struct str (*lane)(void *self, const struct route_names *r);
    /* A heartbeat found that another node has taken over: nothing this one still does counts. */
    void (*fenced)(void *self);
};

struct engine_options {
    struct io *io;
    struct engine_port port;
    struct str node;
    int slots;          /* tasks of this node at once */
    int64_t scan_rows;  /* of one SCAN_WORK, 0: LIMIT_ADOPT_CHUNK */
    msec scan_every;    /* LIMIT_WAKE_SCAN_MS where other nodes may add work */
    struct permits *permits; /* may be NULL: nothing is bounded */
    struct routes *routes;   /* likewise: every route is sound */
    struct logger *log; /* may be NULL */
};

struct engine;
struct engine *engine_create(const struct engine_options *o);
void engine_destroy(struct engine *e);
void engine_start(struct engine *e);  /* first beat, first scans */
/* Takes no more work and starts no more effects, but for submits whose leaving is committed. What a submit that has left is answered is still committed: a
 * provider that cannot be asked would never tell it again. */
void engine_drain(struct engine *e);
bool engine_drained(const struct engine *e); /* no such submit, and no commit, is under way */
void engine_stop(struct engine *e);   /* acts on nothing any more */

/* After each commit, with the records it changed (committer_options.published). */
void engine_published(struct engine *e, const struct rec_change *changes, size_t n);

/* A key, a pause or a limit has changed, or another node has come or gone: what waits for a permit or a route is looked at again. */
void engine_rethink(struct engine *e);
/* A provider called back: its work is looked after now, and not when the next poll is due. */
void engine_poke(struct engine *e, struct str generation);
/* Whether the answer to this attempt's submit is missing here; then the name that the provider gives the work by calling back is as good: it is asked
 * after by that name, and what it says then counts. */
bool engine_wants_ref(const struct engine *e, struct str generation, int64_t attempt);
void engine_hear_ref(struct engine *e, struct str generation, int64_t attempt, struct str their_ref);
bool engine_has_slot(const struct engine *e);
/* True while the last successful heartbeat is younger than half a lease. */
bool engine_may_act(const struct engine *e);
enum { ENGINE_LAGS = 8 };
static const msec engine_lags[ENGINE_LAGS] = {10, 50, 100, 250, 500, 1000, 2000, 10000}; /* upper bounds; a lag counts in each that it keeps to */
struct engine_stats {
    int64_t tasks, calls;       /* now */
    uint64_t attempts, settled, failed, retried, stale, adopted, scans;
    msec beat_age;
    /* From the moment at which a poll was due to its answer: how far the node is behind the pace that descriptions declare. */
    struct { uint64_t within[ENGINE_LAGS], count; msec sum; } lag;
};
struct engine_stats engine_stats(const struct engine *e);
