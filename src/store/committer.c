/* The queue in front of the database and the way back: commands in, batches out, results drained on the caller's thread.
 *
 * The writer takes everything that waits as soon as it is free; there are no timers, so a command alone costs one flush and a
 * busy server fills its batches by itself. Without a thread the very same steps run in committer_step. */
#include "store/committer.h"

#include "base/limits.h"
#include "store/command_copy.h"

#include <poll.h>
#include <stdlib.h>

enum {
    SPARES = 4,
    FULL_WAIT_MS = 100,
    FULL_PROBATION = 10, /* without a reserve to measure by, new work is let in again after that many waits */
};

bool is_new_work(enum command_kind k) { return k == CMD_SUBMIT || k == CMD_ASSET_PUT || k == CMD_DERIVED_PUT; }

/* --- batches --- */

static size_t batch_max(const struct committer *c) {
    return c->o.batch_max && c->o.batch_max < LIMIT_BATCH_COMMANDS ? c->o.batch_max : LIMIT_BATCH_COMMANDS;
}

struct batch *committer_batch(struct committer *c) {
    pthread_mutex_lock(&c->lock);
    struct batch *b = c->spare;
    if (b) {
        c->spare = b->next;
        c->spare_n--;
    }
    pthread_mutex_unlock(&c->lock);
    if (!b) {
        b = calloc(1, sizeof *b);
        must(b);
        b->w = workset_create();
        b->items = malloc(batch_max(c) * sizeof *b->items);
        b->outcomes = malloc(batch_max(c) * sizeof *b->outcomes);
        must(b->items && b->outcomes);
    }
    b->n = b->changes_n = 0;
    b->next = NULL;
    return b;
}

static void batch_free(struct batch *b) {
    workset_destroy(b->w);
    free(b->items);
    free(b->outcomes);
    free(b);
}

void committer_recycle(struct committer *c, struct batch *b) {
    pthread_mutex_lock(&c->lock);
    bool keep = c->spare_n < SPARES;
    if (keep) {
        b->next = c->spare;
        c->spare = b;
        c->spare_n++;
    }
    pthread_mutex_unlock(&c->lock);
    if (!keep) batch_free(b);
}

void committer_deliver(struct committer *c, struct batch *b) {
    uint64_t refused = 0;
    for (size_t i = 0; i < b->n; i++) refused += b->outcomes[i].code != OK;
    b->next = NULL;
    pthread_mutex_lock(&c->lock);
    c->stats.batches++;
    c->stats.commands += b->n;
    c->stats.refused += refused;
    if (b->n > c->stats.max_batch) c->stats.max_batch = b->n;
    *c->finished_last = b;
    c->finished_last = &b->next;
    pthread_mutex_unlock(&c->lock);
    if (c->o.wake) c->o.wake(c->o.wake_arg);
}

/* With code OK it only keeps the items: the death has been announced. */
void committer_die(struct committer *c, err code, const char *text, struct item **left, size_t n) {
    pthread_mutex_lock(&c->lock);
    c->dead = true;
    if (code) c->left_code = code == E_FENCED ? E_UNAVAILABLE : E_UNKNOWN;
    for (size_t i = 0; i < n; i++) {
        left[i]->next = c->unanswered;
        c->unanswered = left[i];
    }
    pthread_mutex_unlock(&c->lock);
    if (code && c->o.fatal) c->o.fatal(c->o.arg, code, text);
}

void committer_drain(struct committer *c) {
    pthread_mutex_lock(&c->lock);
    struct batch *b = c->finished;
    c->finished = NULL;
    c->finished_last = &c->finished;
    pthread_mutex_unlock(&c->lock);
    for (struct batch *next; b; b = next) {
        next = b->next;
        if (c->o.published && b->changes_n) c->o.published(c->o.arg, b->changes, b->changes_n);
        for (size_t i = 0; i < b->n; i++) {
            struct item *item = b->items[i];
            if (item->done) item->done(item->arg, &b->outcomes[i]);
            free(item);
        }
        committer_recycle(c, b);
    }
}

/* --- the writer --- */

/* Called with the lock held. At least one; then as long as the transaction stays within its bounds. */
static size_t take(struct committer *c, struct item **out, size_t max) {
    size_t n = 0, rows = 0, bytes = 0;
    while (c->first && n < max) {
        rows += command_rows(&c->first->command);
        bytes += c->first->bytes;
        if (n && (rows > LIMIT_BATCH_ROWS - 20 || bytes > LIMIT_BATCH_BYTES)) break;
        out[n++] = c->first;
        c->first = c->first->next;
    }
    if (!c->first) c->last = &c->first;
    c->queued -= (int64_t)n;
    return n;
}

/* After the disk was found full: is there room again? */
static void look_for_room(struct committer *c) {
    pthread_mutex_lock(&c->lock);
    bool full = c->storage_full;
    int waits = ++c->full_waits;
    pthread_mutex_unlock(&c->lock);
    if (!full) return;
    bool room = c->o.store->sqlite && reserve_wanted(c->o.store) ? reserve_make(c->o.store) == OK : waits >= FULL_PROBATION;
    if (!room) return;
    pthread_mutex_lock(&c->lock);
    c->storage_full = false;
    pthread_mutex_unlock(&c->lock);
}

/* Between batches, when their results are on their way already. */
static bool tend(struct committer *c) {
    if (!c->db) return true;
    err e = c->db->ops->tend(c->db, false);
    if (e && e != E_STORAGE_FULL && e != E_STALE) {
        committer_die(c, e, c->db->why.detail, NULL, 0);
        return false;
    }
    if (!c->storage_full && !c->reserve_tried) {
        c->reserve_tried = true;
        (void)reserve_make(c->o.store);
    }
    return true;
}

bool committer_step(struct committer *c) {
    struct item *items[LIMIT_BATCH_COMMANDS];
    if (c->storage_full) look_for_room(c);
    pthread_mutex_lock(&c->lock);
    size_t n = c->dead ? 0 : take(c, items, batch_max(c));
    pthread_mutex_unlock(&c->lock);
    if (!n) return false;
    if (batch_run(c, items, n)) tend(c);
    return true;
}

static void *writer(void *arg) {
    struct committer *c = arg;
    for (;;) {
        pthread_mutex_lock(&c->lock);
        while (!c->first && !c->ending && !c->dead && !c->storage_full) pthread_cond_wait(&c->work, &c->lock);
        bool stop = c->ending || c->dead, idle = !c->first;
        pthread_mutex_unlock(&c->lock);
        if (stop) return NULL;
        if (!idle) {
            committer_step(c);
            continue;
        }
        poll(NULL, 0, FULL_WAIT_MS); /* the disk is full: look now and then */
        look_for_room(c);
    }
}

/* --- for callers --- */

struct committer *committer_create(const struct committer_options *o) {
    struct committer *c = calloc(1, sizeof *c);
    must(c);
    c->o = *o;
    c->batch_seq = -1;
    c->last = &c->first;
    c->finished_last = &c->finished;
    c->left_code = E_UNAVAILABLE;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->work, NULL);
    if (o->threaded) must(!pthread_create(&c->thread, NULL, writer, c));
    return c;
}

void committer_hook(struct committer *c, committer_hook_fn *fn, void *arg) {
    c->hook = fn;
    c->hook_arg = arg;
}

static err may_enter(const struct committer *c, enum command_kind k) {
    if (c->dead || c->ending) return E_UNAVAILABLE;
    if (c->storage_full && is_new_work(k)) return E_STORAGE_FULL;
    return c->queued >= LIMIT_COMMIT_QUEUE ? E_AGAIN : OK;
}

err committer_submit(struct committer *c, const struct command *cmd, committed_fn *done, void *arg) {
    size_t bytes = command_copy_bytes(cmd);
    struct item *item = malloc(sizeof *item + bytes);
    must(item);
    item->next = NULL;
    item->done = done;
    item->arg = arg;
    item->bytes = bytes;
    err e = command_copy(cmd, item->memory, &item->command);
    if (!e) {
        pthread_mutex_lock(&c->lock);
        e = may_enter(c, cmd->kind);
        if (!e) {
            bool was_empty = !c->first;
            *c->last = item;
            c->last = &item->next;
            c->queued++;
            if (was_empty) pthread_cond_signal(&c->work);
        }
        pthread_mutex_unlock(&c->lock);
    }
    if (e) free(item);
    return e;
}

static void answer_list(struct item *items, err code) {
    for (struct item *next; items; items = next) {
        next = items->next;
        struct outcome o = {.code = code, .why = {.code = code}};
        if (items->done) items->done(items->arg, &o);
        free(items);
    }
}

void committer_destroy(struct committer *c) {
    if (!c) return;
    pthread_mutex_lock(&c->lock);
    c->ending = true;
    pthread_cond_signal(&c->work);
    pthread_mutex_unlock(&c->lock);
    if (c->o.threaded) pthread_join(c->thread, NULL);
    committer_drain(c);
    answer_list(c->unanswered, c->left_code);
    answer_list(c->first, E_UNAVAILABLE);
    for (struct batch *b = c->spare, *next; b; b = next) {
        next = b->next;
        batch_free(b);
    }
    db_close(c->db);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->work);
    free(c);
}

struct committer_stats committer_stats(const struct committer *c) {
    pthread_mutex_t *lock = (pthread_mutex_t *)&c->lock;
    pthread_mutex_lock(lock);
    struct committer_stats s = c->stats;
    s.queued = c->queued;
    s.storage_full = c->storage_full;
    pthread_mutex_unlock(lock);
    return s;
}
