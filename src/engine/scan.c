/* Scans: the regular, durable way in which work is found. A wake-up only makes a scan run sooner. */
#include "base/limits.h"
#include "core/generation.h"
#include "base/plant.h"
#include "engine/task.h"

#include <stddef.h>
#include <stdlib.h>

enum { DEFER_MS = 5000, ADOPTIONS = 8 }; /* chunks that are committed together */

static void scan_done(struct scan *s);

void engine_scan(struct engine *e, enum scan_kind kind) {
    if (!e->running || (e->draining && kind != SCAN_BEAT)) return;
    if (e->scanning[kind]) {
        e->scan_again[kind] = true;
        return;
    }
    int64_t limit = LIMIT_ADOPT_CHUNK;
    if (kind == SCAN_PENDING) {
        limit = e->o.slots - (int64_t)e->tasks.count + e->late - e->claims;
        if (limit <= 0 || !engine_may_act(e)) return; /* the next task that ends, or the next tick, asks again */
    }
    if (kind == SCAN_WORK && e->o.scan_rows) limit = e->o.scan_rows;
    if (kind == SCAN_WORK && e->work_restart) {
        e->work_after[0] = 0;
        e->work_rush = true;
        e->work_restart = false;
    }
    if (kind == SCAN_WORK && !e->work_after[0]) e->walks++;
    struct scan *s = &e->scans[kind];
    arena_reset(&s->arena);
    *s = (struct scan){.kind = kind, .after = kind == SCAN_WORK ? str_of(e->work_after) : STR(""), .arena = s->arena, .limit = limit, .now = io_now(e->o.io), .node = str_of(e->node), .done = scan_done, .arg = e};
    if (kind == SCAN_BEAT) s->now = e->o.io->ops->boot(e->o.io); /* counted from before the beat left */
    e->scanning[kind] = true;
    e->stats.scans++;
    e->o.port.scan(e->o.port.self, s);
}

struct claim {
    struct engine *engine;
    char generation[ID_LEN + 1];
};

static void claimed(void *arg, const struct outcome *o) {
    struct claim *c = arg;
    c->engine->claims--;
    if (!o->code) c->engine->stats.attempts++;
    free(c); /* refused: another node was faster, or the project's slots are taken; the next scan sees */
}

static void ignore(void *arg, const struct outcome *o) {}

/* What cannot be handed over now makes room for what can: the oldest of a project are looked at first, and they must not be these alone. */
static void defer(struct engine *e, const struct generation *g) {
    struct command cmd = {.kind = CMD_DEFER, .at = io_now(e->o.io)};
    cmd.step = (struct cmd_step){.generation = g->head.id, .retry_at = cmd.at + DEFER_MS};
    if (e->o.port.submit(e->o.port.self, &cmd, ignore, e)) return; /* the next scan does it */
}

static void claim(struct engine *e, const struct work *w, struct arena *a) {
    struct str provider, route;
    const struct generation *g = w->generation;
    err r = e->o.port.route(e->o.port.self, w, a, &provider, &route);
    if (r) {
        if (r != E_UNAVAILABLE) defer(e, g);
        return;
    }
    struct claim *c = calloc(1, sizeof *c);
    must(c);
    c->engine = e;
    struct command cmd = {.kind = CMD_CLAIM, .at = io_now(e->o.io)};
    cmd.step = (struct cmd_step){.generation = g->head.id, .node = str_of(e->node), .attempt = g->attempts + 1, .provider = provider, .route = route};
    e->claims++;
    if (e->o.port.submit(e->o.port.self, &cmd, claimed, c)) {
        e->claims--;
        free(c);
    }
}

/* One chunk of a dead node's work, from its reading to its commit: the scan holds what was read. */
struct adoption {
    struct adoption *next; /* of those that are being committed, or wait until others are */
    struct engine *engine;
    struct scan scan;
    char dead[ID_LEN + 1], after[ID_LEN + 1];
};

static void scan_dead(struct engine *e, struct str node, struct str after);

static void adoption_free(struct adoption *x) {
    arena_done(&x->scan.arena);
    free(x);
}

void adoptions_forget(struct engine *e) {
    for (struct adoption *x = e->adoptions_read; x; x = e->adoptions_read) {
        e->adoptions_read = x->next;
        adoption_free(x);
    }
}

/* The attempt of a generation that is being adopted: nobody but the dead node could have changed it. */
const struct attempt *adopted_attempt(const struct engine *e, const struct generation *g) {
    for (const struct adoption *x = e->adopting; x; x = x->next)
        for (size_t low = 0, high = x->scan.work_count; low < high;) { /* in order of their ids */
            size_t mid = low + (high - low) / 2;
            const struct work *w = &x->scan.work[mid];
            int order = str_cmp(g->head.id, w->generation->head.id);
            if (!order) return w->attempt && w->attempt->n == g->attempts ? w->attempt : NULL;
            if (order < 0) high = mid;
            else low = mid + 1;
        }
    return NULL;
}

static void adopt(struct engine *e, struct adoption *x);

static void adoption_over(struct adoption *x) {
    struct engine *e = x->engine;
    struct adoption **at = &e->adopting, *next = e->adoptions_read;
    while (*at != x) at = &(*at)->next;
    *at = x->next;
    e->adoptions--;
    adoption_free(x);
    if (!next || !e->running) return;
    e->adoptions_read = next->next;
    adopt(e, next);
}

static void adopted(void *arg, const struct outcome *o) {
    struct adoption *x = arg;
    if (!o->code) x->engine->stats.adopted += (uint64_t)o->moved;
    adoption_over(x);
}

/* The next chunk is read while this one is committed. What is refused is found again by the next beat. */
static void adopt(struct engine *e, struct adoption *x) {
    const struct scan *s = &x->scan;
    struct str ids[LIMIT_ADOPT_CHUNK];
    int64_t n = 0;
    while (n < (int64_t)s->work_count && n < LIMIT_ADOPT_CHUNK) ids[n] = s->work[n].generation->head.id, n++;
    if (n == LIMIT_ADOPT_CHUNK) scan_dead(e, str_of(x->dead), ids[n - 1]);
    struct command cmd = {.kind = CMD_ADOPT, .at = io_now(e->o.io)};
    cmd.adopt = (struct cmd_adopt){.node = str_of(e->node), .dead = s->node, .generations = ids, .count = n};
    x->next = e->adopting;
    e->adopting = x;
    e->adoptions++;
    if (e->o.port.submit(e->o.port.self, &cmd, adopted, x)) adoption_over(x);
}

static void dead_work(struct scan *s) {
    struct adoption *x = (struct adoption *)((char *)s - offsetof(struct adoption, scan));
    struct engine *e = x->engine;
    if (s->code || !s->work_count || !e->running || e->draining) {
        adoption_free(x);
    } else if (e->adoptions < ADOPTIONS) {
        adopt(e, x);
    } else {
        x->next = e->adoptions_read;
        e->adoptions_read = x;
    }
}

/* Takes over what a dead node left, chunk by chunk. */
static void scan_dead(struct engine *e, struct str node, struct str after) {
    struct adoption *x = calloc(1, sizeof *x);
    must(x && node.len <= ID_LEN && after.len <= ID_LEN);
    x->engine = e;
    memcpy(x->dead, node.ptr, node.len);
    memcpy(x->after, after.ptr, after.len);
    x->scan = (struct scan){.kind = SCAN_WORK, .limit = LIMIT_ADOPT_CHUNK, .now = io_now(e->o.io), .node = str_of(x->dead), .after = str_of(x->after), .done = dead_work, .arg = e};
    e->o.port.scan(e->o.port.self, &x->scan);
}

static void expire(struct engine *e, struct str generation) {
    struct command cmd = {.kind = CMD_EXPIRE, .at = io_now(e->o.io)};
    const struct task *t = tasks_find(&e->tasks, generation);
    cmd.expire = (struct cmd_expire){.generation = generation, .waited = t && task_waits(t)};
    if (e->o.port.submit(e->o.port.self, &cmd, ignore, e)) return; /* the next tick tries again */
}

static void beat_done(struct engine *e, const struct scan *s) {
    if (s->code == E_FENCED) e->o.port.fenced(e->o.port.self);
    if (s->code) return; /* effects end by themselves once half a lease has passed */
    bool first = e->beat_boot == 0;
    e->beat_boot = s->now;
    engine_scan(e, SCAN_LAPSED);
    if (!first) return;
    e->work_restart = true;
    engine_scan(e, SCAN_WORK);
    engine_scan(e, SCAN_PENDING);
    engine_scan(e, SCAN_DEADLINES);
}

/* One of this node's generations, as the store has it. */
static void own_work(struct engine *e, const struct work *w) {
    struct task *t = tasks_find(&e->tasks, w->generation->head.id);
    if (t) t->walked = e->walks;
    if (!t) {
        engine_take(e, w->generation, w->attempt);
    } else if (w->generation->cancel_at && !t->cancel_wanted) { /* asked through another node; all else here may be older than what the task knows */
        t->cancel_wanted = true;
        task_act(t);
    }
}

/* Renders of what was this node's before the walk began and is not any more: ended or taken over through another node, whose commits are not published
 * here. Other effects are short, or find it out by their next command. */
static void end_unseen_renders(struct engine *e) {
    for (size_t i = 0; i < e->tasks.bucket_count; i++)
        for (struct task *t = e->tasks.buckets[i]; t; t = t->next)
            if (t->calling && !t->gone && t->call.kind == CALL_RENDER && t->walked < e->walks) task_release(t);
}

static void work_walked(struct engine *e, const struct scan *s) {
    bool full = (int64_t)s->work_count >= s->limit;
    memset(e->work_after, 0, sizeof e->work_after);
    if (full) memcpy(e->work_after, s->work[s->work_count - 1].generation->head.id.ptr, ID_LEN);
    else e->work_rush = false;
    if (!full) end_unseen_renders(e);
    if (e->work_rush) e->scan_again[SCAN_WORK] = true;
}

static void scan_done(struct scan *s) {
    struct engine *e = s->arg;
    e->scanning[s->kind] = false;
    if (!e->running || (e->draining && s->kind != SCAN_BEAT)) return;
    if (s->kind == SCAN_BEAT) beat_done(e, s);
    else if (!s->code) {
        for (size_t i = 0; i < s->work_count; i++) {
            const struct work *w = &s->work[i];
            if (s->kind == SCAN_PENDING) claim(e, w, &s->arena);
            else own_work(e, w);
        }
        if (s->kind == SCAN_WORK) work_walked(e, s);
        if (s->nodes && e->o.permits) permits_share(e->o.permits, s->nodes);
        for (size_t i = 0; i < s->id_count; i++) {
            if (s->kind == SCAN_LAPSED) scan_dead(e, s->ids[i], STR(""));
            else expire(e, s->ids[i]);
        }
    }
    if (e->scan_again[s->kind]) {
        e->scan_again[s->kind] = false;
        engine_scan(e, s->kind);
    }
}

static void ticked(void *arg) {
    struct engine *e = arg;
    e->tick = e->o.io->ops->timer_start(e->o.io, e->o.scan_every, ticked, e);
    engine_scan(e, SCAN_PENDING);
    engine_scan(e, SCAN_DEADLINES);
    engine_scan(e, SCAN_WORK);
}

static void beat_ticked(void *arg) {
    struct engine *e = arg;
    e->beat_tick = e->o.io->ops->timer_start(e->o.io, LIMIT_BEAT_MS, beat_ticked, e);
    engine_scan(e, SCAN_BEAT);
}

void engine_timers_start(struct engine *e) {
    e->tick = e->o.io->ops->timer_start(e->o.io, e->o.scan_every, ticked, e);
    e->beat_tick = e->o.io->ops->timer_start(e->o.io, LIMIT_BEAT_MS, beat_ticked, e);
}

void engine_timers_stop(struct engine *e) {
    e->o.io->ops->timer_stop(e->o.io, e->tick);
    e->o.io->ops->timer_stop(e->o.io, e->beat_tick);
    e->tick = e->beat_tick = NULL;
}
