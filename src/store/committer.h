/* What the committer's files share, and the places where a test or the simulator may step in. */
#pragma once
#include "store/internal.h"

/* One queued command; `memory` behind it holds its strings. */
struct item {
    struct item *next;
    struct command command;
    committed_fn *done;
    void *arg;
    size_t bytes;
    _Alignas(max_align_t) char memory[];
};

/* The commands of one transaction. Its workset lives until the results are drained. */
struct batch {
    struct batch *next;
    struct workset *w;
    struct item **items; /* n of the room for `batch_max` */
    struct outcome *outcomes;
    size_t n;
    const struct rec_change *changes;
    size_t changes_n;
};

/* Where a hook is called. An answer but OK is taken as the database's at that place. */
enum committer_point {
    POINT_LOADED,        /* between load and save */
    POINT_BEFORE_COMMIT, /* E_UNKNOWN: the commit is not sent, and the connection is lost */
    POINT_AFTER_COMMIT,  /* E_UNKNOWN: it was sent, and the answer is lost */
};
typedef err committer_hook_fn(void *arg, enum committer_point p);
void committer_hook(struct committer *c, committer_hook_fn *fn, void *arg);

struct committer {
    struct committer_options o;
    struct db *db;
    bool reserve_tried;
    int64_t batch_seq;  /* of our node's row after our last commit; -1: to be read */
    committer_hook_fn *hook;
    void *hook_arg;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;
    struct item *first, **last; /* the queue */
    int64_t queued;
    struct batch *finished, **finished_last; /* committed, not drained */
    struct batch *spare;
    int spare_n;
    bool ending, dead, storage_full;
    int full_waits;     /* rounds since the disk was found full */
    err left_code;      /* what the unanswered are told when the committer goes */
    struct item *unanswered; /* what a fatal failure left behind */
    struct committer_stats stats;
    pthread_t thread;
};

/* batch.c: one batch through load, apply, save and commit, with every retry; its results go to committer_deliver. False when
 * the server must end: c->dead is set, and the items that were not delivered are in c->unanswered. */
bool batch_run(struct committer *c, struct item **items, size_t n);

/* committer.c */
struct batch *committer_batch(struct committer *c);
void committer_deliver(struct committer *c, struct batch *b);
void committer_recycle(struct committer *c, struct batch *b);
void committer_die(struct committer *c, err code, const char *text, struct item **left, size_t n);
bool is_new_work(enum command_kind k);
