/* The engine's face: start and stop, and what published records mean for the tasks of this node. */
#include "base/limits.h"
#include "core/generation.h"
#include "engine/task.h"

#include <stdlib.h>

struct engine *engine_create(const struct engine_options *o) {
    struct engine *e = calloc(1, sizeof *e);
    must(e);
    must(o->node.len == ID_LEN && o->slots > 0);
    e->o = *o;
    memcpy(e->node, o->node.ptr, ID_LEN);
    e->o.node = str_of(e->node);
    return e;
}

void engine_destroy(struct engine *e) {
    if (!e) return;
    engine_timers_stop(e);
    gate_stop(e);
    for (size_t i = 0; i < e->tasks.bucket_count; i++)
        for (struct task *t = e->tasks.buckets[i]; t; t = t->next) {
            e->o.io->ops->timer_stop(e->o.io, t->wake);
            e->o.io->ops->timer_stop(e->o.io, t->deadline);
        }
    tasks_done(&e->tasks);
    adoptions_forget(e);
    for (int k = 0; k <= SCAN_BEAT; k++) arena_done(&e->scans[k].arena);
    free(e);
}

void engine_start(struct engine *e) {
    e->running = true;
    engine_timers_start(e);
    engine_scan(e, SCAN_BEAT); /* the first beat's success opens the door for effects and starts the other scans */
}

void engine_drain(struct engine *e) { e->draining = true; }

static bool is_at_submit(const struct task *t) {
    bool leaves = str_is(STEP_SENDING, t->step) && t->sent_by_us && !t->tries; /* committed, and waits for its place */
    return t->commanding || (t->calling ? t->call.kind == CALL_SUBMIT : leaves && !t->gone && !t->late);
}

bool engine_drained(const struct engine *e) {
    for (size_t i = 0; i < e->tasks.bucket_count; i++)
        for (const struct task *t = e->tasks.buckets[i]; t; t = t->next)
            if (is_at_submit(t)) return false;
    return true;
}

void engine_stop(struct engine *e) {
    e->running = false;
    engine_timers_stop(e);
    gate_stop(e);
}

bool engine_has_slot(const struct engine *e) {
    return e->running && !e->draining && (int64_t)e->tasks.count - e->late + e->claims < e->o.slots && engine_may_act(e);
}

bool engine_may_act(const struct engine *e) {
    if (!e->running || !e->beat_boot) return false;
    return e->o.io->ops->boot(e->o.io) - e->beat_boot < LIMIT_LEASE_MS / 2;
}

struct engine_stats engine_stats(const struct engine *e) {
    struct engine_stats s = e->stats;
    s.tasks = (int64_t)e->tasks.count;
    s.calls = e->calls;
    s.beat_age = e->beat_boot ? e->o.io->ops->boot(e->o.io) - e->beat_boot : -1;
    return s;
}

/* Whoever comes first ends what is late: this node, another one's scan, or an operator. The task only needs to learn of it. */
struct expiry {
    struct engine *engine;
    char generation[ID_LEN + 1];
};

static void deadline_fired(void *arg);

static void expired(void *arg, const struct outcome *o) {
    struct expiry *x = arg;
    struct engine *e = x->engine;
    struct task *t = e->running ? tasks_find(&e->tasks, str_of(x->generation)) : NULL;
    free(x);
    if (!t || t->gone || t->late) return;
    if (generation_is_terminal(str_of(o->state)) || o->code == E_NOT_FOUND) task_release(t);
    else t->deadline = e->o.io->ops->timer_start(e->o.io, MS_SECOND, deadline_fired, t); /* not stored, or too early by the store's account */
}

static void deadline_fired(void *arg) {
    struct task *t = arg;
    struct engine *e = t->engine;
    struct expiry *x = calloc(1, sizeof *x);
    must(x);
    x->engine = e;
    memcpy(x->generation, t->id, sizeof x->generation);
    t->deadline = NULL;
    struct command cmd = {.kind = CMD_EXPIRE, .at = io_now(e->o.io)};
    cmd.expire = (struct cmd_expire){.generation = str_of(x->generation), .waited = task_waits(t)};
    if (!e->o.port.submit(e->o.port.self, &cmd, expired, x)) return;
    struct outcome refused = {.code = E_AGAIN};
    expired(x, &refused);
}

/* Makes or refreshes the task of a processing generation of ours. attempt NULL: not in this batch; a scan brings it. */
void engine_take(struct engine *e, const struct generation *g, const struct attempt *a) {
    struct task *t = tasks_find(&e->tasks, g->head.id);
    if (t && (t->gone || t->late)) return; /* an effect of its former life is still under way; the next scan finds it again */
    if (!t && !a) a = adopted_attempt(e, g);
    if (!t && !a) {
        e->work_restart = true;
        engine_scan(e, SCAN_WORK);
        return;
    }
    if (!t) {
        t = tasks_add(&e->tasks, g->head.id);
        t->engine = e;
        t->walked = e->walks;
        t->deadline_at = g->deadline_at;
        t->created_at = g->created_at;
        task_set(&t->project, g->project);
        task_set(&t->kind, g->kind);
        task_set(&t->inputs, g->inputs);
        task_set(&t->files, g->files);
        task_set(&t->catalog, g->catalog);
        task_set(&t->model, g->model);
        task_set(&t->url_path, g->url_path);
        task_set(&t->trace, g->trace);
        t->outputs_wanted = g->price_outputs;
        msec left = g->deadline_at - io_now(e->o.io);
        t->deadline = e->o.io->ops->timer_start(e->o.io, left > 0 ? left : 0, deadline_fired, t);
    }
    if (a) {
        if (a->n != t->attempt) {
            t->polls = t->tries = t->missing = t->unread = 0;
            t->cost.asked = t->cost.known = false;
            t->sent_by_us = t->cancel_asked = t->refetched = false;
        }
        t->attempt = a->n;
        t->reported = a->cost_micros;
        task_set(&t->provider, a->provider);
        task_set(&t->route, a->route);
        task_set(&t->our_ref, a->our_ref);
        task_set(&t->their_ref, a->their_ref);
        task_set(&t->reply, a->reply);
    }
    must(g->step.len < sizeof t->step);
    memset(t->step, 0, sizeof t->step);
    memcpy(t->step, g->step.ptr, g->step.len);
    if (g->cancel_at) t->cancel_wanted = true;
    gate_follow(t);
    task_act(t);
}

static const struct attempt *attempt_in(const struct rec_change *changes, size_t n, const struct generation *g) {
    const struct attempt *newest = NULL;
    for (size_t i = 0; i < n; i++) {
        if (changes[i].type != REC_attempt) continue;
        const struct attempt *a = (const struct attempt *)changes[i].record;
        if (str_eq(a->generation, g->head.id) && a->n == g->attempts) newest = a;
    }
    return newest;
}

/* Every change of what waits or runs changes its project's record: that alone tells whether a scan could find anything. A model
 * with a limit of its own may have made room for any project. */
static bool may_have_work(const struct rec_change *c) {
    if (c->type == REC_model_load) return true;
    if (c->type != REC_project) return false;
    const struct project *p = (const struct project *)c->record;
    return p->pending > 0 && p->running < p->run_limit;
}

void engine_published(struct engine *e, const struct rec_change *changes, size_t n) {
    if (!e->running) return;
    bool room = false;
    for (size_t i = 0; i < n; i++) {
        room |= may_have_work(&changes[i]);
        if (changes[i].type != REC_generation) continue;
        const struct generation *g = (const struct generation *)changes[i].record;
        struct task *t = tasks_find(&e->tasks, g->head.id);
        if (str_eq(g->state, GEN_PROCESSING) && str_is(g->node, e->node)) {
            engine_take(e, g, attempt_in(changes, n, g));
        } else if (t && !t->late && !(str_is(g->error_code, err_info(E_DEADLINE)->code) && task_goes_late(t))) {
            task_release(t);
        }
    }
    if (room) engine_scan(e, SCAN_PENDING);
}

static struct task *without_answer(const struct engine *e, struct str generation, int64_t attempt) {
    struct task *t = e->running ? tasks_find(&e->tasks, generation) : NULL;
    bool open = t && !t->gone && !t->late && t->attempt == attempt && (str_is(STEP_SENDING, t->step) || str_is(STEP_UNRESOLVED, t->step));
    return open ? t : NULL;
}

bool engine_wants_ref(const struct engine *e, struct str generation, int64_t attempt) { return without_answer(e, generation, attempt) != NULL; }

void engine_hear_ref(struct engine *e, struct str generation, int64_t attempt, struct str their_ref) {
    struct task *t = without_answer(e, generation, attempt);
    if (t) task_hear_ref(t, their_ref);
}

void engine_poke(struct engine *e, struct str generation) {
    struct task *t = e->running ? tasks_find(&e->tasks, generation) : NULL;
    if (t) task_poke(t);
}
