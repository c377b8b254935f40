/* The engine's memory of one generation it works on, and the table of all of them. Private to engine/. */
#pragma once
#include "engine/engine.h"
#include "engine/permit.h"
#include "engine/route.h"

struct task {
    struct task *next;          /* in its bucket */
    struct engine *engine;
    char id[ID_LEN + 1];
    char step[16];              /* as committed */
    int64_t attempt;
    char *project, *kind, *provider, *route, *our_ref, *their_ref;
    char *catalog, *model, *url_path, *trace;
    int64_t outputs_wanted;
    char *inputs;               /* freed once the provider has them */
    char *files;                /* kept: a price may count what came in */
    char *reply;                /* what result_seen kept */
    char *heard_ref;            /* what the provider called the work in a webhook, while its answer to the submit is missing */
    msec deadline_at, created_at;
    msec submit_lost_at;        /* when a submit's answer was lost, for lookup_settles_after */
    bool cancel_wanted, cancel_asked;
    bool sent_by_us;            /* step "sending" was committed by this process: the submit has not left before */
    bool billed;                /* the answer under way says that the provider bills the failure */
    bool refetched;             /* a dead link was asked for anew once */
    bool calling;               /* an effect is under way */
    bool commanding;            /* a command is under way */
    bool late;                  /* it passed its deadline at the provider: asked after until deadline_at, for a file that nobody pays */
    uint64_t walked;            /* the last walk over this node's work that saw it, or that it came into */
    bool gone;                  /* terminal or taken over: freed when neither is under way */
    int polls, tries;
    msec unread_since;          /* by the monotonic clock */
    int missing, unread;        /* answers in a row: that it knows no such work; that did not bring the result it says it has */
    msec poked_at;  /* by the monotonic clock */
    struct permit_wait permit;  /* in the queue of its provider */
    struct { int64_t amount, rate, unit, quantity, outputs; bool known, asked, measured; } cost; /* what the route's table says of its inputs */
    micros reported;            /* what the provider says it took; 0: nothing yet */
    char *lane;                 /* where it waits, or is counted as out until it gives that back */
    bool granted, queued, passed; /* the permit for its next submit is there; is waited for; its breaker has let it pass */
    bool probes;                /* as the one that finds out whether an open breaker may close */
    bool polling;               /* its turn for one request that is no submit has come */
    bool inside;                /* it holds a place among the requests under way: of permit.room in the lane `inside_of` */
    char *inside_of;
    char stage[48];             /* last told, and when */
    int64_t percent;
    msec stage_at;
    msec due;                   /* when `wake` should fire, or the task was poked */
    struct timer *wake, *deadline;
    struct call call;           /* of the effect under way */
    struct command command;     /* the command under way, rebuilt from `pending` fields below when it must be sent again */
    struct arena held;          /* strings of `command`: outputs and reply survive a refused commit */
};

struct tasks {
    struct task **buckets;
    size_t bucket_count, count;
};
void tasks_done(struct tasks *t);
struct task *tasks_find(const struct tasks *t, struct str id);
struct task *tasks_add(struct tasks *t, struct str id);
void tasks_remove(struct tasks *t, struct task *task); /* frees it */

void task_set(char **slot, struct str value);
struct str task_str(const char *slot);

struct engine {
    struct engine_options o;
    char node[ID_LEN + 1];
    struct tasks tasks;
    bool running, draining;
    int64_t late;               /* tasks that only wait for a late result: they take no slot */
    int64_t calls, claims;      /* effects and claims under way */
    msec beat_boot;             /* boot clock of the last successful beat's start */
    struct scan scans[SCAN_BEAT + 1];
    bool scanning[SCAN_BEAT + 1], scan_again[SCAN_BEAT + 1];
    char work_after[ID_LEN + 1];        /* where the walk over this node's work goes on: a page at a tick ... */
    bool work_rush, work_restart;       /* ... or at once to the end, when there is some that no task stands for */
    uint64_t walks;                     /* begun so far */
    struct adoption *adopting, *adoptions_read; /* chunks of dead nodes' work whose commit is under way; that were read and wait */
    int adoptions;
    struct timer *tick, *beat_tick, *permit_tick;
    msec permit_at;             /* when permit_tick fires */
    struct engine_stats stats;
};

bool task_waits(const struct task *t);  /* for the renderer: its work was not begun */

/* step.c: does what the committed step asks for; safe to call at any time. */
void task_act(struct task *t);
bool task_goes_late(struct task *t);   /* its deadline has passed, and a provider has the work: it is asked after */
void task_release(struct task *t);     /* marks it gone, frees it once nothing is under way */
void task_command(struct task *t);     /* sends t->command */
void act_later(struct task *t, msec delay);
void task_hear_ref(struct task *t, struct str their_ref); /* the provider calls the work so, although its answer is missing */
void task_poke(struct task *t);        /* polls now, when that is what it waits for */


/* gate.c: permits and breakers, around what leaves for a provider. */
bool gate_submit(struct task *t);      /* true: now. Otherwise the task acts again when its turn has come */
void gate_sent(struct task *t);        /* the submit leaves: the next one asks again */
bool gate_request(struct task *t);     /* like gate_submit, for a request that is no submit */
bool gate_fetch(struct task *t);       /* like gate_submit, for outputs */
void gate_answered(struct task *t);    /* whatever it was is over, and makes room for another */
void gate_follow(struct task *t);      /* its step is another: work found or taken over counts as out there, what is done there no more */
void gate_leave(struct task *t);       /* its work there is over, or it no longer wants to go */
void gate_told(struct task *t, enum failure f, struct str detail, msec retry_after); /* how a submit or an attempt went */
void gate_stop(struct engine *e);
/* cost.c: what an attempt costs the operator. Asked while the inputs are still there. */
void cost_learn(struct task *t);
micros cost_booked(struct task *t, micros reported, int64_t measured, int64_t outputs);

/* scan.c */
void engine_scan(struct engine *e, enum scan_kind kind);
void engine_timers_start(struct engine *e);
void engine_timers_stop(struct engine *e);
void adoptions_forget(struct engine *e);
const struct attempt *adopted_attempt(const struct engine *e, const struct generation *g);
void engine_take(struct engine *e, const struct generation *g, const struct attempt *a);
