/* The simulator's world: the production engine, committer and rules of one or two nodes on one database, a virtual clock, a
 * scripted upstream, callers, and faults drawn from a seed. Everything is single-threaded and follows from the options. */
#pragma once
#include "engine/engine.h"
#include "io/fake.h"
#include "bounds.h"
#include "model.h"
#include "store/query.h"
#include "store/store.h"

/* The key of account 0 may spend that much a day; of one model that many run at once, over all projects. */
enum { DAY_CAP = 1500000, MODEL_LIMIT = 2 };
#define LIMITED_MODEL "lookup"
/* Paths that calls of all projects and books want their files under. */
enum { PATHS = 4 };
#define SHARED_PATH "shared/%d.png"

enum { NODES_MAX = 2, PROJECTS = 3, WORKS_MAX = 8192, KEYS_MAX = 4096 };

/* Faults at the n-th point of the sweep, or drawn. */
enum fault { FAULT_NONE, FAULT_CRASH_BEFORE, FAULT_CRASH_AFTER, FAULT_ERROR, FAULT_ANSWER_LOST, FAULT_KINDS };

struct options {
    uint64_t seed;
    int nodes, calls, batch_max;
    int fault_percent;           /* of each commit and effect that goes wrong */
    int crash_percent;           /* of those that take the node down */
    int pause_percent;           /* chance per second that a node stands still for longer than its lease */
    bool verbose;
    int64_t sweep_at;            /* > 0: only the n-th point fails, with sweep_fault */
    enum fault sweep_fault;
};

struct world;
struct node {
    struct io io;                /* first: the engine's door; guards what fires after a crash or during a pause */
    struct world *world;
    int index;
    int64_t life;                /* counts starts; what belongs to an earlier life is dropped */
    bool up, declared_dead;
    char id[ID_LEN + 1];
    struct node_view view;
    msec paused_until;
    struct committer *committer;
    struct engine *engine;
    struct bounds bounds;
    bool tick_due;
};

/* What the upstream was asked to do. */
struct upstream_work {
    char ref[64], their[32];
    char generation[ID_LEN + 1];
    int submits;                 /* arrivals for this reference */
    msec visible_at, done_at;
    bool fails, stopped, link_died, handed;
    enum failure failure;
};

struct world {
    struct options o;
    struct fake_io *fake;
    struct store *store;
    struct db *db;
    struct node nodes[NODES_MAX];
    struct model model;
    struct upstream_work works[WORKS_MAX];
    int work_count;
    bool calm;                   /* no more faults */
    int64_t points;              /* commits and effects so far */
    int64_t submitted;
    char projects[PROJECTS][ID_LEN + 1];
    struct {
        char key[80], generation[ID_LEN + 1];
    } keys[KEYS_MAX];
    int key_count;
    char folder[64];
    int64_t outcomes[2], live;   /* completed, unpaid, neither, at the last look */
};

struct world *world_create(const struct options *o);
void world_destroy(struct world *w);
void world_run(struct world *w);   /* to the end of the calm phase, or the first fault the model sees */

uint64_t draw(struct world *w, uint64_t below);
bool chance(struct world *w, int percent);
enum fault next_fault(struct world *w);
void say(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define BROKEN(w, ...) model_fail(&(w)->model, __VA_ARGS__)

/* node.c */
void node_start(struct node *n);
void node_crash(struct node *n);
struct node *node_any(struct world *w); /* one that is up, or NULL */
err node_submit(struct node *n, const struct command *c, committed_fn *done, void *arg);

/* upstream.c */
void upstream_answer(void *self, struct fake_io *f, const struct call *c, uint64_t call_id);
void upstream_unwanted(void *self, struct fake_io *f, const struct call *c, uint64_t call_id);
struct traits upstream_traits(void *self, const struct route_names *r);
const char *upstream_provider(uint64_t pick);

/* callers.c */
void callers_start(struct world *w);

/* check.c */
void world_check(struct world *w, bool at_the_end);
const struct generation *world_generation(struct world *w, struct str id, struct arena *a);
