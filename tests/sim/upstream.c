/* The outside world of the simulator: four kinds of provider, their moods, and what must be true of everyone who calls them.
 *
 *   local    renders here; may be run any number of times
 *   idem     knows our reference: the same submit again is the same work
 *   lookup   does not, but can be asked for it
 *   blind    neither
 *   sync     neither, and its answer is the result */
#include "base/cleanup.h"
#include "base/limits.h"
#include "core/generation.h"
#include "world.h"

#include <stdio.h>

static const char *const providers[] = {"local", "idem", "lookup", "blind", "sync"};
enum { PROVIDERS = sizeof providers / sizeof *providers };
enum { LISTED_WITHIN_MS = 60000, WORK_MS = 20000, TERMINAL_GRACE_MS = 5000 };

const char *upstream_provider(uint64_t pick) { return providers[pick % PROVIDERS]; }

struct traits upstream_traits(void *self, const struct route_names *r) {
    struct str provider = r->provider;
    struct traits t = {.first_wait = 500, .poll_every = 1000, .poll_max = 15000, .lookup_settles_after = 120000, .can_cancel = true};
    t.local = str_is(provider, "local");
    t.idempotent = str_is(provider, "idem");
    t.has_lookup = str_is(provider, "lookup");
    t.at_once = str_is(provider, "sync");
    return t;
}

static struct upstream_work *find(struct world *w, struct str ref) {
    for (int i = w->work_count - 1; i >= 0; i--)
        if (str_is(ref, w->works[i].ref)) return &w->works[i];
    return NULL;
}

static struct upstream_work *begin(struct world *w, const struct call *c, msec now) {
    if (w->work_count == WORKS_MAX) {
        BROKEN(w, "the run is longer than the upstream's memory");
        return &w->works[0];
    }
    struct upstream_work *k = &w->works[w->work_count];
    *k = (struct upstream_work){.submits = 1, .visible_at = now + (msec)draw(w, LISTED_WITHIN_MS), .done_at = now + (msec)draw(w, WORK_MS)};
    snprintf(k->ref, sizeof k->ref, "%.*s", STR_ARG(c->our_ref));
    snprintf(k->their, sizeof k->their, "theirs-%d", w->work_count++);
    snprintf(k->generation, sizeof k->generation, "%.*s", STR_ARG(c->generation));
    static const enum failure ends[] = {FAIL_MODERATION, FAIL_CALLER, FAIL_TRANSIENT, FAIL_UNCLASSIFIED, FAIL_QUOTA};
    k->fails = !w->calm && chance(w, 15);
    k->failure = ends[draw(w, 5)];
    return k;
}

/* What the caller must have committed before this call may leave (docs/ARCHITECTURE.md, one path of a call). */
static void check_committed(struct world *w, const struct call *c) {
    _cleanup_(arena_done) struct arena a = {};
    struct node *n = c->engine_ref;
    const struct generation *g = world_generation(w, c->generation, &a);
    if (!g) {
        BROKEN(w, "an effect left for generation %.*s, which is not in the books", STR_ARG(c->generation));
        return;
    }
    msec now = io_now(fake_io_io(w->fake));
    if (generation_is_terminal(g->state)) {
        if (c->kind == CALL_POLL && !c->late && now - g->finished_at > TERMINAL_GRACE_MS) BROKEN(w, "generation %.*s was polled %lld ms after it had ended", STR_ARG(c->generation), (long long)(now - g->finished_at));
        return;
    }
    bool local = str_is(c->provider, "local");
    if (c->kind == CALL_SUBMIT && !local && str_eq(g->step, STEP_OPENED) && str_is(g->node, n->id))
        BROKEN(w, "generation %.*s was submitted before that step was committed", STR_ARG(c->generation));
    if (c->kind == CALL_FETCH && !str_eq(g->step, STEP_RESULT) && str_is(g->node, n->id))
        BROKEN(w, "generation %.*s was fetched before its result was committed", STR_ARG(c->generation));
}

static void fail(struct call_result *r, err code, enum failure failure, const char *detail) {
    r->code = code;
    r->failure = failure;
    r->detail = str_of(detail);
}

static void submit(struct world *w, const struct call *c, struct call_result *r, enum fault f) {
    msec now = io_now(fake_io_io(w->fake));
    uint64_t mood = w->calm || w->o.sweep_at ? 100 : draw(w, 100);
    if (f == FAULT_ERROR || mood < 6) {
        fail(r, E_UPSTREAM, mood % 2 ? FAIL_RATE_LIMIT : FAIL_TRANSIENT, "the provider is busy");
        return;
    }
    if (mood < 9) {
        fail(r, E_UPSTREAM, FAIL_MODERATION, "the provider refuses the prompt");
        r->sent = true;
        return;
    }
    bool lost = f == FAULT_ANSWER_LOST || mood < 15;
    r->sent = true;
    if (lost && chance(w, 40)) { /* it never arrived */
        r->answer_lost = true;
        fail(r, E_UPSTREAM, FAIL_TRANSIENT, "no answer");
        return;
    }
    struct upstream_work *k = find(w, c->our_ref);
    if (k && str_is(c->provider, "idem")) k->submits++;
    else if (k) {
        k->submits++;
        BROKEN(w, "%.*s received the submit %s twice: it would be paid twice", STR_ARG(c->provider), k->ref);
    } else k = begin(w, c, now);
    r->their_ref = str_of(k->their);
    r->state = CALL_RUNNING;
    if (str_is(c->provider, "sync")) {
        r->state = CALL_FINISHED;
        r->reply = STR("{\"url\":\"https://upstream.example/file\"}");
        k->done_at = now;
    }
    if (lost) {
        r->answer_lost = true;
        fail(r, E_UPSTREAM, FAIL_TRANSIENT, "no answer");
    }
}

static void poll(struct world *w, const struct call *c, struct call_result *r) {
    struct upstream_work *k = find(w, c->our_ref);
    msec now = io_now(fake_io_io(w->fake));
    if (!k) r->state = CALL_NOT_FOUND;
    else if (k->stopped) r->state = CALL_STOPPED;
    else if (now < k->done_at) r->state = CALL_RUNNING;
    else if (k->fails) {
        r->state = CALL_STOPPED;
        r->failure = k->failure;
        r->detail = STR("the provider gave up");
    } else {
        r->state = CALL_FINISHED;
        r->reply = STR("{\"url\":\"https://upstream.example/file\"}");
    }
}

/* Hands over the files: as many as asked, or fewer; measured, or not. */
static void deliver(struct world *w, const struct call *c, struct call_result *r, struct output *outputs, char text[][ID_LEN + 1]) {
    char generation[ID_LEN + 1];
    snprintf(generation, sizeof generation, "%.*s", STR_ARG(c->generation));
    const struct model_call *call = model_find(&w->model, generation);
    int64_t asked = call ? call->price.outputs : 1;
    int64_t n = asked > 1 && !w->calm && chance(w, 20) ? asked - 1 : asked;
    for (int64_t i = 0; i < n; i++) {
        struct id asset = io_new_id(fake_io_io(w->fake));
        memcpy(text[i], asset.hex, sizeof asset.hex);
        outputs[i] = (struct output){.asset = str_of(text[i]), .blob = str_of(text[i]), .ext = STR("png"), .type = STR("image/png"), .kind = STR("image"), .sha256 = STR("00"), .facts = STR("{}"), .bytes = 100};
    }
    r->outputs = outputs;
    r->output_count = n;
    r->measured = call && call->price.measured && !chance(w, 20) ? (int64_t)draw(w, (uint64_t)call->price.quantity * 2) : -1;
    r->result = STR("{}");
    if (!c->late) model_delivered(&w->model, call ? call->id : "", n, r->measured); /* what comes late is billed to nobody */
}

static void fetch(struct world *w, const struct call *c, struct call_result *r, enum fault f) {
    struct upstream_work *k = find(w, c->our_ref);
    if (f == FAULT_ERROR || f == FAULT_ANSWER_LOST) fail(r, E_UPSTREAM, FAIL_TRANSIENT, "the download broke off");
    else if (k && !w->calm && !k->link_died && chance(w, 10)) {
        k->link_died = true;
        fail(r, E_UPSTREAM, FAIL_OUTPUT_LOST, "the link has expired");
    }
}

static void lookup(struct world *w, const struct call *c, struct call_result *r) {
    struct upstream_work *k = find(w, c->our_ref);
    bool listed = k && io_now(fake_io_io(w->fake)) >= k->visible_at;
    r->state = listed ? CALL_RUNNING : CALL_NOT_FOUND;
    if (listed) r->their_ref = str_of(k->their);
}

static void cancel(struct world *w, const struct call *c, struct call_result *r) {
    struct upstream_work *k = find(w, c->our_ref);
    r->state = CALL_RUNNING;
    if (!k || io_now(fake_io_io(w->fake)) >= k->done_at || chance(w, 30)) return;
    k->stopped = true;
    r->state = CALL_STOPPED;
}

void upstream_answer(void *self, struct fake_io *fake, const struct call *c, uint64_t call_id) {
    struct world *w = self;
    struct node *n = c->engine_ref;
    struct output outputs[LIMIT_OUTPUTS];
    char ids[LIMIT_OUTPUTS][ID_LEN + 1];
    struct call_result r = {.percent = -1, .measured = -1};
    check_committed(w, c);
    enum fault f = next_fault(w);
    if (f == FAULT_CRASH_BEFORE) {
        say(w, "node %d crashes before an effect", n->index);
        fake_io_answer_at(fake, call_id, 0, &r); /* nobody listens any more */
        node_crash(n);
        return;
    }
    switch (c->kind) {
    case CALL_RENDER:
    case CALL_FETCH: fetch(w, c, &r, f); break;
    case CALL_SUBMIT: submit(w, c, &r, f); break;
    case CALL_POLL:
        if (f == FAULT_ERROR || f == FAULT_ANSWER_LOST) fail(&r, E_UPSTREAM, FAIL_TRANSIENT, "no answer");
        else poll(w, c, &r);
        break;
    case CALL_LOOKUP:
        if (f == FAULT_ERROR || f == FAULT_ANSWER_LOST) fail(&r, E_UPSTREAM, FAIL_TRANSIENT, "no answer");
        else lookup(w, c, &r);
        break;
    case CALL_CANCEL: cancel(w, c, &r); break;
    }
    bool hands_over = (c->kind == CALL_RENDER || c->kind == CALL_FETCH) && !r.code;
    if (hands_over && f != FAULT_CRASH_AFTER) deliver(w, c, &r, outputs, ids);
    if (f == FAULT_CRASH_AFTER) {
        say(w, "node %d crashes after an effect", n->index);
        fake_io_answer_at(fake, call_id, 0, &r);
        node_crash(n);
        return;
    }
    fake_io_answer_at(fake, call_id, (msec)draw(w, c->kind == CALL_RENDER ? 3000 : 800), &r);
}

/* A render that is ended: its answer comes at once, whatever the first would have been, and must not be acted on. */
void upstream_unwanted(void *self, struct fake_io *fake, const struct call *c, uint64_t call_id) {
    struct call_result r = {.percent = -1, .measured = -1};
    fail(&r, E_CANCELLED, FAIL_TRANSIENT, "ended");
    fake_io_answer_at(fake, call_id, 1, &r);
}
