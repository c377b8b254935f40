/* What each committed step asks for, and what each effect's answer means.
 *
 * Must always hold:
 *  - at most one effect and one command of a task are under way, and never an effect while a command is: what an effect may
 *    assume has been committed.
 *  - a submit to a provider that knows no idempotency leaves only in the process that committed "sending" just before; anyone
 *    who finds "sending" later looks up instead (a blind resubmit would be paid twice).
 *  - an answer is acted on by a command only; memory follows the published record. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "core/generation.h"
#include "base/plant.h"
#include "engine/task.h"

#include <stdio.h>
#include <stdlib.h>

enum { COMMAND_RETRY_MS = 500, LEASE_WAIT_MS = 250, CATALOG_WAIT_MS = 250, BACKOFF_MS = 1000, BACKOFF_MAX_MS = 60000, LOOKUP_EVERY_MS = 10000, STAGE_EVERY_MS = 1000, POKE_EVERY_MS = 1000 };

static struct traits traits_of(const struct task *t) {
    struct engine *e = t->engine;
    struct route_names names = {task_str(t->catalog), task_str(t->model), task_str(t->provider), task_str(t->route)};
    return e->o.port.traits(e->o.port.self, &names);
}

/* A failure by our key or our balance there is another try's business only where another route stands ready. */
static bool has_other_route(const struct task *t) {
    struct engine *e = t->engine;
    struct route_names names = {task_str(t->catalog), task_str(t->model), task_str(t->provider), task_str(t->route)};
    return !e->o.port.other_route || e->o.port.other_route(e->o.port.self, &names, task_str(t->inputs));
}

static void free_when_idle(struct task *t) {
    if (!t->gone || t->calling || t->commanding) return;
    struct engine *e = t->engine;
    bool was_full = !t->late && (int64_t)e->tasks.count - e->late + e->claims >= e->o.slots;
    if (t->late) e->late--;
    e->o.io->ops->timer_stop(e->o.io, t->wake);
    e->o.io->ops->timer_stop(e->o.io, t->deadline);
    gate_leave(t);
    tasks_remove(&e->tasks, t);
    if (e->running && was_full) engine_scan(e, SCAN_PENDING); /* what was passed over for want of a slot */
}

/* What runs on this machine ends when nobody wants it: its slot is somebody else's. What has left for a provider has left. */
static void end_run(struct task *t) {
    struct io *io = t->engine->o.io;
    if (t->calling && (t->call.kind == CALL_RENDER || (t->call.kind == CALL_SUBMIT && traits_of(t).program))) io->ops->unwanted(io, &t->call);
}

void task_release(struct task *t) {
    if (PLANTED(poll_after_terminal)) return;
    t->gone = true;
    end_run(t);
    if (!t->calling) gate_leave(t);
    free_when_idle(t);
}

static void woke(void *arg) {
    struct task *t = arg;
    t->wake = NULL;
    task_act(t);
}

void act_later(struct task *t, msec delay) {
    struct io *io = t->engine->o.io;
    io->ops->timer_stop(io, t->wake);
    t->due = io_mono(io) + delay;
    t->wake = io->ops->timer_start(io, delay, woke, t);
}

/* Doubles from `first` to `max`, with a quarter of jitter so that a herd does not come back as one. */
static msec backoff(struct task *t, int tries, msec first, msec max) {
    msec wait = first;
    while (tries-- > 0 && wait < max) wait *= 2;
    if (wait > max) wait = max;
    uint8_t r;
    t->engine->o.io->ops->random(t->engine->o.io, &r, 1);
    return wait - wait / 4 + wait / 2 * r / 255;
}

/* Work that was found, after a start or with another node's death: thousands are found at once, and must not be asked after at once. */
static msec first_wait_of(struct task *t, const struct traits *traits) {
    uint16_t r;
    if (t->sent_by_us) return traits->first_wait;
    t->engine->o.io->ops->random(t->engine->o.io, &r, sizeof r);
    return traits->first_wait * r / UINT16_MAX;
}

/* --- commands --- */

static void command_resend(void *arg) {
    struct task *t = arg;
    t->wake = NULL;
    t->commanding = false;
    if (t->gone) free_when_idle(t);
    else task_command(t);
}

static void command_done(void *arg, const struct outcome *o) {
    struct task *t = arg;
    struct engine *e = t->engine;
    t->commanding = false;
    switch ((int)o->code) {
    case OK:
        if (t->command.kind == CMD_SETTLE) e->stats.settled++;
        if (t->command.kind == CMD_ATTEMPT_FAILED) {
            if (o->retry) e->stats.retried++;
            else e->stats.failed++;
        }
        arena_done(&t->held);
        if (t->late) t->gone = true; /* its file is kept */
        break;
    case E_AGAIN:
    case E_UNAVAILABLE:
    case E_STORAGE_FULL:
        if (t->gone || !e->running) break;
        e->o.io->ops->timer_stop(e->o.io, t->wake);
        t->wake = e->o.io->ops->timer_start(e->o.io, COMMAND_RETRY_MS, command_resend, t);
        t->commanding = true; /* it is still under way: what it says has happened, and nothing else may be done before */
        return;
    default: /* stale: somebody else works on it, or it has ended */
        e->stats.stale++;
        arena_done(&t->held);
        t->gone = true;
    }
    if (t->gone) free_when_idle(t);
    else task_act(t);
}

void task_command(struct task *t) {
    struct engine *e = t->engine;
    t->command.at = io_now(e->o.io);
    t->commanding = true;
    err r = e->o.port.submit(e->o.port.self, &t->command, command_done, t);
    if (!r) return;
    struct outcome refused = {.code = E_AGAIN};
    command_done(t, &refused);
}

static struct cmd_step *step_command(struct task *t, enum command_kind kind) {
    t->command = (struct command){.kind = kind};
    t->command.step = (struct cmd_step){.generation = str_of(t->id), .node = str_of(t->engine->node), .attempt = t->attempt, .measured = -1};
    return &t->command.step;
}

/* What comes from a provider, as the store takes it: a command with other text would be refused, and sent again, for ever. */
static struct str storable(struct task *t, struct str s) {
    char *out = arena_bytes(&t->held, s.len + 1);
    for (size_t i = 0, n; i < s.len; i += n) {
        n = utf8_length((const unsigned char *)s.ptr + i, s.len - i);
        bool good = n && s.ptr[i];
        if (good) memcpy(out + i, s.ptr + i, n);
        else out[i] = '?', n = 1;
    }
    out[s.len] = 0;
    return str_n(out, s.len);
}

/* told: how long the provider asks to be left alone; wait: how long the generation waits, 0: as its attempts grow. */
static void fail_attempt_then(struct task *t, enum failure failure, struct str detail, bool may_retry, msec told, msec wait, micros cost) {
    gate_told(t, failure, detail, told);
    struct cmd_step *s = step_command(t, CMD_ATTEMPT_FAILED);
    s->failure = failure;
    s->detail = storable(t, detail);
    s->billed = t->billed;
    s->cost_micros = t->billed ? cost_booked(t, cost, -1, 1) : cost;
    s->may_retry = may_retry;
    s->patient = failure == FAIL_RATE_LIMIT || (failure == FAIL_TRANSIENT && t->probes);
    s->retry_at = io_now(t->engine->o.io) + (wait ? wait : backoff(t, (int)t->attempt - 1, BACKOFF_MS, BACKOFF_MAX_MS));
    task_command(t);
}

static void fail_attempt(struct task *t, enum failure failure, struct str detail, bool may_retry, msec told, micros cost) {
    fail_attempt_then(t, failure, detail, may_retry, told, told, cost);
}

static void settle(struct task *t, const struct call_result *r) {
    struct cmd_step *s = step_command(t, CMD_SETTLE);
    int64_t count = r->hidden ? 0 : r->output_count;
    struct output *outputs = arena_array(&t->held, struct output, (size_t)count + 1);
    for (int64_t i = 0; i < count; i++) {
        const struct output *from = &r->outputs[i];
        outputs[i] = (struct output){.asset = arena_dup(&t->held, from->asset), .blob = arena_dup(&t->held, from->blob),
                                     .ext = arena_dup(&t->held, from->ext), .type = arena_dup(&t->held, from->type),
                                     .kind = arena_dup(&t->held, from->kind), .sha256 = arena_dup(&t->held, from->sha256),
                                     .facts = arena_dup(&t->held, from->facts), .bytes = from->bytes};
    }
    s->outputs = outputs;
    s->output_count = count;
    if (r->hidden) {
        s->hidden = r->output_count;
        s->detail = storable(t, r->detail);
    }
    s->measured = r->measured;
    s->result = arena_dup(&t->held, r->result);
    s->late = t->late;
    s->cost_micros = cost_booked(t, r->cost_micros, r->measured, r->output_count);
    task_command(t);
}

static void accept(struct task *t, const struct call_result *r) {
    struct cmd_step *s = step_command(t, CMD_ACCEPTED);
    s->their_ref = storable(t, r->their_ref);
    task_command(t);
}

static void see_result(struct task *t, const struct call_result *r) {
    struct cmd_step *s = step_command(t, CMD_RESULT_SEEN);
    s->reply = arena_dup(&t->held, r->reply);
    s->cost_micros = r->cost_micros;
    task_command(t);
}

static void leave_unresolved(struct task *t, struct str detail) {
    struct cmd_step *s = step_command(t, CMD_UNRESOLVED);
    s->detail = storable(t, arena_printf(&t->held, "%.*s Its price stays held until the deadline, and is given back then unless the file has come.", STR_ARG(detail)));
    task_command(t);
}

/* Nobody can be asked, and nothing can come any more: to wait for the deadline would only keep its caller waiting. */
static void give_up(struct task *t) {
    struct cmd_step *s = step_command(t, CMD_RESOLVE);
    s->detail = STR("The provider's answer was lost on the way and cannot be asked for again; whether the provider took money for it is not known. Nothing was charged, and the "
                    "call can be made again.");
    task_command(t);
}

/* --- answers --- */

static void call(struct task *t, enum call_kind kind);
static bool is_passing(enum failure f) { return f == FAIL_TRANSIENT || f == FAIL_RATE_LIMIT; }

static void answered_render(struct task *t, const struct call_result *r) {
    if (!r->code) settle(t, r);
    else fail_attempt(t, r->failure, r->detail, is_passing(r->failure), r->retry_after, r->cost_micros);
}

/* Also when the answer was lost: by the name that the provider has called back with. */
static bool accept_heard(struct task *t) {
    struct call_result heard = {.their_ref = task_str(t->heard_ref)};
    if (!heard.their_ref.len) return false;
    accept(t, &heard);
    task_set(&t->heard_ref, STR(""));
    return true;
}

static void confirm_cancel(struct task *t) {
    step_command(t, CMD_CANCEL_CONFIRMED);
    task_command(t);
}

static void answered_submit(struct task *t, const struct call_result *r) {
    if (r->code == E_CANCELLED && t->cancel_wanted) {
        confirm_cancel(t);
        return;
    }
    if (!r->code) {
        gate_told(t, FAIL_NONE, STR(""), 0);
        if (r->state == CALL_FINISHED) see_result(t, r);
        else accept(t, r);
        return;
    }
    if (!r->answer_lost) {
        /* by our key or balance there, by this host, or because the model is not there any more: the same again is no use */
        bool here = r->failure == FAIL_AUTH || r->failure == FAIL_QUOTA || r->failure == FAIL_SANDBOX || r->failure == FAIL_GONE;
        bool at_once = here || (t->attempt == 1 && is_passing(r->failure) && has_other_route(t)); /* the next route need not wait */
        fail_attempt_then(t, r->failure, r->detail, !here || has_other_route(t), r->retry_after, at_once ? 1 : r->retry_after, r->cost_micros);
        return;
    }
    gate_told(t, FAIL_TRANSIENT, STR("The answer to a submit was lost."), 0);
    struct traits traits = traits_of(t);
    t->submit_lost_at = io_now(t->engine->o.io);
    t->tries++;
    if (accept_heard(t)) return;
    if (traits.local || traits.idempotent || traits.has_lookup) act_later(t, backoff(t, t->tries - 1, BACKOFF_MS, BACKOFF_MAX_MS));
    else leave_unresolved(t, STR("The provider's answer to the submit was lost; whether it took the work is not known."));
}

/* The question failed, not the work: it is asked until the deadline. Only where the provider has finished, or its answer cannot be read, asking on
 * is asking for the same. */
static void poll_failed(struct task *t, const struct call_result *r, const struct traits *traits) {
    bool same = r->done_there || r->code == E_DESCRIPTION || r->code == E_BAD_JSON;
    msec now = io_mono(t->engine->o.io);
    if (same && !t->unread++) t->unread_since = now;
    if (!same || t->unread < LIMIT_RESULT_TRIES || now - t->unread_since < LIMIT_RESULT_MS) {
        act_later(t, r->retry_after ? r->retry_after : backoff(t, t->tries++, traits->poll_every, traits->poll_max));
        return;
    }
    struct str detail = arena_printf(&t->held, "%s: %.*s", r->done_there ? "The provider says that the work is done and does not give out its result" : "What the provider says of the work cannot be read",
                                     STR_ARG(str_head_text(r->detail, 300)));
    fail_attempt(t, r->done_there ? FAIL_OUTPUT_LOST : FAIL_UNCLASSIFIED, detail, false, 0, r->cost_micros);
}

static void answered_poll(struct task *t, const struct call_result *r) {
    struct traits traits = traits_of(t);
    if (r->code) {
        poll_failed(t, r, &traits);
        return;
    }
    t->tries = t->unread = 0;
    if (r->state == CALL_NOT_FOUND && ++t->missing < LIMIT_GONE_ANSWERS) { /* a copy of theirs that lags behind says so too */
        act_later(t, backoff(t, t->missing, traits.poll_every, BACKOFF_MAX_MS));
        return;
    }
    t->missing = 0;
    bool over = r->state == CALL_NOT_FOUND || r->state == CALL_STOPPED;
    if (over && str_is(STEP_RESULT, t->step)) { /* it was done, and its result is not to be had any more */
        fail_attempt(t, FAIL_OUTPUT_LOST, STR("The provider made an output and does not give it out any more. Nothing was charged."), false, 0, r->cost_micros);
        return;
    }
    if (r->their_ref.len) task_set(&t->their_ref, r->their_ref); /* told again by the next poll, should this process end */
    switch (r->state) {
    case CALL_RUNNING: act_later(t, backoff(t, t->polls++ / 8, traits.poll_every, traits.poll_max)); break;
    case CALL_FINISHED:
        if (str_is(STEP_RESULT, t->step)) { /* a fresh link for a dead one */
            task_set(&t->reply, r->reply);
            act_later(t, 0);
        } else see_result(t, r);
        break;
    case CALL_NOT_FOUND: fail_attempt(t, FAIL_GONE, STR("The provider no longer knows this work. Nothing was charged."), false, 0, r->cost_micros); break;
    case CALL_STOPPED:
        if (t->cancel_wanted && r->failure == FAIL_NONE) confirm_cancel(t);
        else { /* a provider that stops unasked has failed */
            enum failure f = r->failure ? r->failure : FAIL_UNCLASSIFIED;
            fail_attempt(t, f, r->detail, is_passing(f), r->retry_after, r->cost_micros);
        }
        break;
    }
}

static void answered_fetch(struct task *t, const struct call_result *r) {
    struct traits traits = traits_of(t);
    t->tries++;
    if (!r->code) settle(t, r);
    else if (r->failure != FAIL_OUTPUT_LOST && is_passing(r->failure)) act_later(t, backoff(t, t->tries - 1, BACKOFF_MS, BACKOFF_MAX_MS));
    else if (r->failure == FAIL_OUTPUT_LOST && !t->refetched && t->their_ref && !traits.local) {
        t->refetched = true;
        task_set(&t->reply, STR("")); /* no link left: task_act asks the provider for a fresh one */
        act_later(t, 0);
    } else fail_attempt(t, r->failure ? r->failure : FAIL_OUTPUT_LOST, r->detail, false, 0, r->cost_micros);
}

static void answered_lookup(struct task *t, const struct call_result *r) {
    struct traits traits = traits_of(t);
    msec now = io_now(t->engine->o.io);
    if (!t->submit_lost_at) t->submit_lost_at = now;
    if (!r->code && (r->state == CALL_RUNNING || r->state == CALL_FINISHED)) accept(t, r);
    else if (!r->code && r->state == CALL_NOT_FOUND && traits.absence_is_proof)
        fail_attempt(t, FAIL_TRANSIENT, STR("The provider never received the submit."), true, 0, 0);
    else if (!r->code && r->state == CALL_NOT_FOUND && str_is(STEP_SENDING, t->step) && now - t->submit_lost_at >= traits.lookup_settles_after)
        leave_unresolved(t, STR("The provider's answer to the submit was lost and it does not list the work."));
    else act_later(t, backoff(t, t->tries++, BACKOFF_MS, LOOKUP_EVERY_MS));
}

static void answered_cancel(struct task *t, const struct call_result *r) {
    if (!r->code && r->state == CALL_STOPPED) confirm_cancel(t);
    else act_later(t, 0); /* not confirmed: it completes and is captured, and /cancel said so */
}

/* --- late: the generation has ended at its deadline, and the provider is at work for it --- */

static void set_step(struct task *t, struct str step) {
    memset(t->step, 0, sizeof t->step);
    memcpy(t->step, step.ptr, step.len);
}

static bool is_with_provider(const struct task *t) {
    struct str step = str_of(t->step);
    return str_eq(step, STEP_ACCEPTED) || str_eq(step, STEP_RESULT) || (str_eq(step, STEP_SENDING) && t->calling);
}

bool task_goes_late(struct task *t) {
    struct engine *e = t->engine;
    if (t->gone || t->commanding || !is_with_provider(t) || traits_of(t).local || e->late >= LIMIT_LATE) return false;
    bool full = (int64_t)e->tasks.count - e->late + e->claims >= e->o.slots;
    t->late = true;
    e->late++;
    t->deadline_at = io_now(e->o.io) + LIMIT_LATE_MS;
    e->o.io->ops->timer_stop(e->o.io, t->deadline);
    t->deadline = NULL;
    if (full) engine_scan(e, SCAN_PENDING);
    task_act(t);
    return true;
}

static void late_finished(struct task *t, const struct call_result *r) {
    task_set(&t->reply, r->reply);
    set_step(t, STEP_RESULT);
    t->tries = 0;
    act_later(t, 0);
}

/* Nothing is written on the way: what is forgotten with this process cost its caller nothing. */
static void late_answered(struct task *t, const struct call *c, const struct call_result *r) {
    enum { LATE_FETCHES = 5 };
    struct traits traits = traits_of(t);
    bool finished = !r->code && r->state == CALL_FINISHED, running = !r->code && r->state == CALL_RUNNING;
    if (c->kind == CALL_SUBMIT && running) {
        task_set(&t->their_ref, r->their_ref);
        set_step(t, STEP_ACCEPTED);
        act_later(t, traits.first_wait);
    } else if ((c->kind == CALL_SUBMIT || c->kind == CALL_POLL) && finished) {
        late_finished(t, r);
    } else if (c->kind == CALL_POLL && (r->code || running)) {
        if (r->their_ref.len) task_set(&t->their_ref, r->their_ref);
        act_later(t, backoff(t, t->polls++ / 8, traits.poll_every, traits.poll_max));
    } else if (c->kind == CALL_FETCH && !r->code && !r->hidden && r->output_count > 0) {
        settle(t, r);
    } else if (c->kind == CALL_FETCH && r->code && is_passing(r->failure) && t->tries++ < LATE_FETCHES) {
        act_later(t, backoff(t, t->tries, BACKOFF_MS, BACKOFF_MAX_MS));
    } else {
        task_release(t);
    }
}

static void act_late(struct task *t) {
    if (io_now(t->engine->o.io) >= t->deadline_at) task_release(t);
    else if (str_is(STEP_RESULT, t->step)) {
        if (gate_fetch(t)) call(t, CALL_FETCH);
    } else if (!str_is(STEP_ACCEPTED, t->step)) task_release(t);
    else if (gate_request(t)) call(t, CALL_POLL);
}

static void count_lag(struct task *t) {
    struct engine_stats *s = &t->engine->stats;
    msec lag = io_mono(t->engine->o.io) - t->due;
    for (int i = 0; i < ENGINE_LAGS; i++) s->lag.within[i] += lag <= engine_lags[i];
    s->lag.count++;
    s->lag.sum += lag;
}

static void call_done(void *arg, const struct call *c, const struct call_result *r) {
    struct task *t = arg;
    t->calling = false;
    t->engine->calls--;
    gate_answered(t);
    if (c->kind == CALL_POLL && t->due) count_lag(t);
    if (t->gone || !t->engine->running) {
        free_when_idle(t);
        return;
    }
    if (t->commanding) return; /* only under a planted bug: a task is never both */
    if (t->late) {
        late_answered(t, c, r);
        return;
    }
    t->billed = r->billed;
    switch (c->kind) {
    case CALL_RENDER: answered_render(t, r); break;
    case CALL_SUBMIT: answered_submit(t, r); break;
    case CALL_POLL: answered_poll(t, r); break;
    case CALL_FETCH: answered_fetch(t, r); break;
    case CALL_LOOKUP: answered_lookup(t, r); break;
    case CALL_CANCEL: answered_cancel(t, r); break;
    }
}

static void nothing_done(void *arg, const struct outcome *o) {}

/* A stage is for people: it neither waits for its commit nor is it repeated. A new one is told at once, its percent once a second:
 * each is a row that is kept. */
static void call_stage(void *arg, const struct call *c, struct str stage, int64_t percent) {
    struct task *t = arg;
    msec now = io_mono(t->engine->o.io);
    bool same = str_is(str_head(stage, sizeof t->stage - 1), t->stage);
    bool soon = now - t->stage_at < STAGE_EVERY_MS && percent < 100;
    if (t->gone || (same && (soon || percent == t->percent))) return;
    snprintf(t->stage, sizeof t->stage, "%.*s", STR_ARG(str_head(stage, sizeof t->stage - 1)));
    t->stage_at = now;
    t->percent = percent;
    _cleanup_(buf_done) struct buf payload = {};
    struct jw w = {.out = &payload};
    jw_open(&w, '{');
    jw_kstr(&w, "stage", str_head(stage, 80));
    if (percent >= 0) jw_ki64(&w, "percent", percent);
    jw_close(&w, '}');
    struct command cmd = {.kind = CMD_PROGRESS, .at = io_now(t->engine->o.io)};
    cmd.step = (struct cmd_step){.generation = str_of(t->id), .node = str_of(t->engine->node), .attempt = t->attempt, .type = STR("progress"), .payload = buf_view(&payload)};
    if (t->engine->o.port.submit(t->engine->o.port.self, &cmd, nothing_done, NULL)) return; /* the queue is full: progress is the first to go */
}

/* --- what the step asks for --- */

static void call(struct task *t, enum call_kind kind) {
    struct engine *e = t->engine;
    t->call = (struct call){.kind = kind, .generation = str_of(t->id), .project = task_str(t->project), .attempt = t->attempt,
                            .provider = task_str(t->provider), .route = task_str(t->route), .our_ref = task_str(t->our_ref),
                            .their_ref = task_str(t->their_ref), .kind_wanted = task_str(t->kind), .inputs = task_str(t->inputs), .files = task_str(t->files),
                            .reply = task_str(t->reply), .catalog = task_str(t->catalog), .model = task_str(t->model), .url_path = task_str(t->url_path),
                            .trace = task_str(t->trace), .outputs_wanted = t->outputs_wanted, .late = t->late, .deadline_at = t->deadline_at, .engine_ref = t};
    t->calling = true;
    if (kind == CALL_SUBMIT) gate_sent(t);
    e->calls++;
    e->o.io->ops->call(e->o.io, &t->call, call_stage, call_done, t);
}

static void act_opened(struct task *t, const struct traits *traits) {
    if (traits->local) {
        call(t, CALL_RENDER);
    } else if (!gate_submit(t)) {
        return;
    } else if (PLANTED(effect_before_commit)) {
        call(t, CALL_SUBMIT);
    } else {
        t->sent_by_us = true;
        step_command(t, CMD_SENDING);
        task_command(t);
    }
}

static void act_sending(struct task *t, const struct traits *traits) {
    if (traits->local) {
        call(t, CALL_RENDER);
    } else if (traits->program && t->cancel_wanted) {
        confirm_cancel(t); /* it does not run, and shall not run again */
    } else if ((t->sent_by_us && t->tries == 0) || traits->idempotent) {
        if (gate_submit(t)) call(t, CALL_SUBMIT);
    } else if (traits->has_lookup) {
        if (gate_request(t)) call(t, CALL_LOOKUP);
    } else leave_unresolved(t, STR("The server stopped while the submit was on its way; whether the provider took it is not known."));
}

static void act_accepted(struct task *t, const struct traits *traits) {
    cost_learn(t);
    task_set(&t->inputs, STR("")); /* the provider has them; a hundred thousand waiting jobs need not keep them */
    if (t->cancel_wanted && !t->cancel_asked && traits->can_cancel) {
        t->cancel_asked = true;
        call(t, CALL_CANCEL);
    } else if (t->polls == 0 && traits->first_wait) {
        t->polls = 1;
        act_later(t, first_wait_of(t, traits));
    } else if (gate_request(t)) {
        call(t, CALL_POLL);
    }
}

static void act_result(struct task *t) {
    if (t->reply || !t->their_ref) {
        if (gate_fetch(t)) call(t, CALL_FETCH);
    } else if (gate_request(t)) call(t, CALL_POLL);
}

/* While the engine drains, what is committed to leave still leaves, and nothing else begins. */
static bool must_rest(const struct task *t) {
    return t->engine->draining && !(str_is(STEP_SENDING, t->step) && t->sent_by_us && !t->tries);
}

void task_act(struct task *t) {
    struct engine *e = t->engine;
    if (must_rest(t)) return;
    if (t->calling && t->cancel_wanted && !t->cancel_asked && !t->gone && traits_of(t).program) {
        t->cancel_asked = true;
        end_run(t);
    }
    if (t->gone || t->calling || t->commanding || t->wake || !e->running) {
        bool cancel_now = t->wake && t->cancel_wanted && !t->cancel_asked && !t->calling && !t->commanding && !t->gone && e->running;
        if (!cancel_now) return;
        e->o.io->ops->timer_stop(e->o.io, t->wake);
        t->wake = NULL;
    }
    if (!engine_may_act(e)) {
        act_later(t, LEASE_WAIT_MS);
        return;
    }
    struct traits traits = traits_of(t);
    if (traits.unknown) {
        act_later(t, CATALOG_WAIT_MS);
        return;
    }
    if (t->late) {
        act_late(t);
        return;
    }
    struct str step = str_of(t->step);
    if (str_eq(step, STEP_OPENED)) act_opened(t, &traits);
    else if (str_eq(step, STEP_SENDING)) act_sending(t, &traits);
    else if (str_eq(step, STEP_ACCEPTED)) act_accepted(t, &traits);
    else if (str_eq(step, STEP_RESULT)) act_result(t);
    else if (str_eq(step, STEP_UNRESOLVED) && traits.at_once && !traits.has_lookup) give_up(t);
    else if (str_eq(step, STEP_UNRESOLVED) && traits.has_lookup && gate_request(t)) call(t, CALL_LOOKUP);
}

/* While the submit is under way its own answer may still come; it is kept until then. */
void task_hear_ref(struct task *t, struct str their_ref) {
    task_set(&t->heard_ref, their_ref);
    bool ours_is_out = str_is(STEP_SENDING, t->step) && t->sent_by_us && !t->tries;
    if (t->calling || t->commanding || ours_is_out || !t->engine->running || t->engine->draining) return;
    t->engine->o.io->ops->timer_stop(t->engine->o.io, t->wake);
    t->wake = NULL;
    (void)accept_heard(t);
}

void task_poke(struct task *t) {
    if (t->gone || t->calling || t->commanding || !t->wake || !str_is(STEP_ACCEPTED, t->step)) return;
    msec now = io_mono(t->engine->o.io);
    if (t->poked_at && now - t->poked_at < POKE_EVERY_MS) return;
    t->poked_at = now;
    t->engine->o.io->ops->timer_stop(t->engine->o.io, t->wake);
    t->wake = NULL;
    t->due = io_mono(t->engine->o.io);
    if (!t->polls) t->polls = 1;
    task_act(t);
}
