/* Permits and breakers between a task and its provider: asked before anything leaves, told what came of it. Who may not go yet waits in its lane or for
 * the next probe, and acts again when its turn has come. */
#include "engine/task.h"

#include "base/limits.h"
#include "base/time.h"
#include "core/generation.h"

#include <stddef.h>

enum { PAUSED_LOOK_MS = 1000 };

static struct route_names names_of(const struct task *t) {
    return (struct route_names){task_str(t->catalog), task_str(t->model), task_str(t->provider), task_str(t->route)};
}

static bool is_local(const struct task *t) {
    struct route_names names = names_of(t);
    return t->engine->o.port.traits(t->engine->o.port.self, &names).local;
}

static struct str lane_of(const struct task *t) {
    struct engine *e = t->engine;
    struct route_names names = names_of(t);
    return e->o.port.lane ? e->o.port.lane(e->o.port.self, &names) : STR("");
}

/* --- the clock of those who wait --- */

static void arm(struct engine *e);

static void ticked(void *arg) {
    struct engine *e = arg;
    e->permit_tick = NULL;
    if (!e->running) return;
    permits_turn(e->o.permits, io_mono(e->o.io));
    arm(e);
}

static void arm(struct engine *e) {
    msec next = permits_next(e->o.permits), now = io_mono(e->o.io);
    if (!next || !e->running || (e->permit_tick && e->permit_at <= next)) return;
    e->o.io->ops->timer_stop(e->o.io, e->permit_tick);
    e->permit_at = next;
    e->permit_tick = e->o.io->ops->timer_start(e->o.io, next > now ? next - now : 0, ticked, e);
}

void gate_stop(struct engine *e) {
    e->o.io->ops->timer_stop(e->o.io, e->permit_tick);
    e->permit_tick = NULL;
}

void engine_rethink(struct engine *e) {
    if (!e->running) return;
    if (e->o.permits) arm(e);
    engine_scan(e, SCAN_PENDING);
}

/* --- one task --- */

static void granted(struct permit_wait *w) {
    struct task *t = (struct task *)((char *)w - offsetof(struct task, permit));
    if (w->enters) {
        t->inside = true;
    } else {
        t->granted = true;
        t->queued = false;
    }
    task_act(t);
}

void gate_answered(struct task *t) {
    if (!t->inside) return;
    t->inside = false;
    permits_back(t->engine->o.permits, task_str(t->inside_of), t->permit.room);
}

/* A place among the requests of a lane that are under way, or it is waited for. What is held goes back with the answer, or with the wish. */
static bool enter(struct task *t, struct str lane, enum permit_room room, int64_t most) {
    if (t->inside) return true;
    task_set(&t->inside_of, lane);
    t->permit.room = room;
    t->permit.granted = granted;
    return t->inside = permits_enter(t->engine->o.permits, lane, room, most, &t->permit);
}

void gate_leave(struct task *t) {
    struct permits *p = t->engine->o.permits;
    if (!p) return;
    permits_leave(p, &t->permit);
    if (!t->calling) gate_answered(t);
    if (t->lane && !t->queued) permits_give(p, task_str(t->lane));
    task_set(&t->lane, STR(""));
    t->granted = t->queued = false;
    arm(t->engine);
}

/* A permit is there, or it is waited for. */
static bool take(struct task *t) {
    struct engine *e = t->engine;
    if (t->lane) gate_leave(t); /* the submit before it was counted, this is another */
    struct str lane = lane_of(t);
    if (!lane.len) return t->granted = true;
    task_set(&t->lane, lane);
    t->permit.granted = granted;
    t->granted = permits_take(e->o.permits, lane, io_mono(e->o.io), &t->permit);
    t->queued = !t->granted;
    arm(e);
    return t->granted;
}

/* Nothing has left for the route yet, and it is broken or paused: the attempt ends, and the next one takes the route that is open. Says nothing of the route. */
static bool moved_on(struct task *t, struct str why) {
    struct engine *e = t->engine;
    struct route_names names = names_of(t);
    if (!str_is(STEP_OPENED, t->step) || !e->o.port.open_route || t->attempt >= LIMIT_PATIENT_ATTEMPTS - 1 || !e->o.port.open_route(e->o.port.self, &names, task_str(t->inputs))) return false;
    t->command = (struct command){.kind = CMD_ATTEMPT_FAILED};
    t->command.step = (struct cmd_step){.generation = str_of(t->id), .node = str_of(e->node), .attempt = t->attempt, .failure = FAIL_TRANSIENT, .may_retry = true, .patient = true, .measured = -1,
                                        .detail = why, .retry_at = io_now(e->o.io)};
    task_command(t);
    return true;
}

/* Paused by the operator since it was claimed, as while it stood in its lane. What says that it leaves, or has left, goes on. */
static bool is_paused(const struct task *t) {
    const struct routes *r = t->engine->o.routes;
    return r && str_is(STEP_OPENED, t->step) && (routes_paused(r, "provider", task_str(t->provider)) || routes_paused(r, "model", task_str(t->model)));
}

bool gate_submit(struct task *t) {
    struct engine *e = t->engine;
    if (t->permit.lane) return false;
    if (is_paused(t)) {
        gate_leave(t);
        if (!moved_on(t, STR("The operator has paused the provider; the next route takes it."))) act_later(t, PAUSED_LOOK_MS);
        return false;
    }
    msec now = io_now(e->o.io);
    msec opens = e->o.routes ? routes_gate_opens(e->o.routes, task_str(t->provider), task_str(t->route)) : 0;
    if (!t->passed && opens > now) {
        gate_leave(t);
        if (!moved_on(t, STR("The provider has failed too often just now; the next route takes it."))) act_later(t, opens - now);
        return false;
    }
    if (e->o.permits && !t->granted && !take(t)) return false;
    t->queued = false;
    if (!t->passed && e->o.routes && !routes_gate(e->o.routes, task_str(t->provider), task_str(t->route), now)) return false;
    if (!t->passed) t->probes = opens > 0;
    t->passed = true;
    return !e->o.permits || enter(t, task_str(t->lane), ROOM_SUBMITS, LIMIT_PROVIDER_REQUESTS);
}

void gate_sent(struct task *t) { t->granted = t->passed = false; }

bool gate_request(struct task *t) {
    struct engine *e = t->engine;
    if (!e->o.permits) return true;
    if (t->permit.lane) return false;
    struct str lane = t->lane ? task_str(t->lane) : lane_of(t);
    msec wait = lane.len && !t->polling && !t->inside ? permits_poll(e->o.permits, lane, io_mono(e->o.io)) : 0;
    t->polling = wait > 0;
    if (!wait) return enter(t, lane, ROOM_QUESTIONS, LIMIT_PROVIDER_REQUESTS);
    act_later(t, wait);
    return false;
}

bool gate_fetch(struct task *t) {
    if (!t->engine->o.permits) return true;
    return !t->permit.lane && enter(t, STR(""), ROOM_QUESTIONS, LIMIT_FETCHES);
}

void gate_follow(struct task *t) {
    struct engine *e = t->engine;
    struct str step = str_of(t->step);
    if (!e->o.permits) return;
    if (str_eq(step, STEP_RESULT)) gate_leave(t); /* nothing of it is at work there any more */
    bool is_there = str_eq(step, STEP_SENDING) || str_eq(step, STEP_ACCEPTED) || str_eq(step, STEP_UNRESOLVED);
    if (!is_there || t->lane || t->granted || is_local(t)) return;
    struct str lane = lane_of(t);
    if (!lane.len) return;
    task_set(&t->lane, lane);
    permits_count(e->o.permits, lane);
}

void gate_told(struct task *t, enum failure f, struct str detail, msec retry_after) {
    struct engine *e = t->engine;
    if (!e->o.routes || is_local(t)) return;
    routes_tell(e->o.routes, task_str(t->provider), task_str(t->route), f, detail, io_now(e->o.io));
    struct str lane = t->lane ? task_str(t->lane) : lane_of(t);
    if (f == FAIL_RATE_LIMIT) routes_rest(e->o.routes, task_str(t->provider), io_now(e->o.io) + (retry_after ? retry_after : MS_SECOND));
    if (f == FAIL_RATE_LIMIT && e->o.permits && lane.len) permits_hold(e->o.permits, lane, io_mono(e->o.io) + (retry_after ? retry_after : MS_SECOND));
}
