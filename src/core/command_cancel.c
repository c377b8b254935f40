/* Ends that nothing was delivered for: cancel, cancel_confirmed, expire, resolve (by an operator, or by the node where nothing can come any more). All release the whole hold. */
#include "core/generation.h"
#include "base/plant.h"
#include "core/rules.h"

static void want_generation(struct workset *w, struct str generation, int round) {
    if (round == 0) want(w, REC_generation, generation);
    if (round != 1) return;
    want_ending(w, generation);
    want_newest_attempt(w, generation);
}

static const struct attempt *live_attempt(struct workset *w, const struct generation *g) {
    if (!str_eq(g->state, GEN_PROCESSING)) return NULL;
    return WS_GET(w, attempt, attempt_id(workset_arena(w), g->head.id, g->attempts));
}

static err has_ended(struct why *why, const struct generation *g) {
    why_set(why, E_CONFLICT, "The generation has ended already: it is %.*s.", STR_ARG(g->state));
    char state[16] = "";
    memcpy(state, g->state.ptr, g->state.len < sizeof state ? g->state.len : sizeof state - 1);
    why_fact_str(why, "state", state);
    return E_CONFLICT;
}

static err answer(struct outcome *out, struct workset *w, const struct generation *g) {
    outcome_of(out, g);
    outcome_money(out, w, g->project, g->book);
    return OK;
}

/* --- cancel --- */

void cancel_want(const struct command *c, struct workset *w, int round) { want_generation(w, c->cancel.generation, round); }

/* Nothing has left for a provider, or the work is our own and has no result yet. */
static bool can_stop_at_once(const struct generation *g, const struct attempt *a) {
    if (!a || str_eq(g->step, STEP_OPENED)) return true;
    return attempt_is_local(a) && !str_eq(g->step, STEP_RESULT);
}

err cancel_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct generation *seen = WS_GET(w, generation, c->cancel.generation);
    bool other_project = seen && c->cancel.project.len && !str_eq(seen->project, c->cancel.project);
    bool other_book = seen && c->cancel.book.len && !str_eq(seen->book, c->cancel.book);
    bool foreign = (other_project && !PLANTED(cross_project_read)) || other_book;
    if (!seen || foreign) return why_set(&out->why, E_NOT_FOUND, "There is no such generation.");
    answer(out, w, seen);
    if (generation_is_terminal(seen->state)) return has_ended(&out->why, seen);
    bool at_once = can_stop_at_once(seen, live_attempt(w, seen));
    if (!at_once && seen->cancel_at) return OK; /* asked before */
    struct generation *g = WS_EDIT(w, generation, c->cancel.generation);
    g->cancel_at = c->at;
    if (at_once)
        generation_end(w, g, &(struct ending){.state = GEN_CANCELLED, .attempt = GEN_CANCELLED}, c->at);
    else
        event_add(w, g, STR("cancelling"), NULL, c->at);
    return answer(out, w, g);
}

/* --- cancel_confirmed --- */

void cancel_confirmed_want(const struct command *c, struct workset *w, int round) {
    step_want(c, w, round);
    if (round == 1) want_ending(w, c->step.generation);
}

static const struct generation *cancelled_before(const struct cmd_step *s, struct workset *w) {
    const struct generation *g = WS_GET(w, generation, s->generation);
    return g && str_eq(g->state, GEN_CANCELLED) && g->attempts == s->attempt ? g : NULL;
}

err cancel_confirmed_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct generation *seen = cancelled_before(&c->step, w);
    const struct attempt *a;
    if (seen) return answer(out, w, seen);
    TRY(attempt_live(w, &c->step, &out->why, &seen, &a));
    if (!seen->cancel_at) return why_set(&out->why, E_STALE, "Nobody asked to cancel the generation.");
    if (str_eq(seen->step, STEP_RESULT)) return why_set(&out->why, E_STALE, "The result is there already: settle it.");
    struct generation *g = WS_EDIT(w, generation, c->step.generation);
    if (c->step.cost_micros) WS_EDIT(w, attempt, a->head.id)->cost_micros = c->step.cost_micros;
    generation_end(w, g, &(struct ending){.state = GEN_CANCELLED, .attempt = GEN_CANCELLED}, c->at);
    return answer(out, w, g);
}

/* --- expire --- */

void expire_want(const struct command *c, struct workset *w, int round) { want_generation(w, c->expire.generation, round); }

err expire_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct generation *seen = WS_GET(w, generation, c->expire.generation);
    if (!seen) return why_set(&out->why, E_NOT_FOUND, "There is no such generation.");
    answer(out, w, seen);
    if (generation_is_terminal(seen->state)) return has_ended(&out->why, seen);
    if (!seen->deadline_at || c->at < seen->deadline_at)
        return why_set(&out->why, E_CONFLICT, "The generation's deadline has not passed.");
    const struct attempt *a = live_attempt(w, seen);
    /* what left may be billed to the operator: the attempt says so, and keeps the cost it knows */
    bool may_cost = a && !attempt_is_local(a) && !str_eq(seen->step, STEP_OPENED);
    bool never_begun = !seen->attempts || (c->expire.waited && !may_cost);
    struct generation *g = WS_EDIT(w, generation, c->expire.generation);
    generation_end(w, g,
                   &(struct ending){.state = GEN_FAILED,
                                    .attempt = may_cost ? STR("unreconciled") : GEN_FAILED,
                                    .code = E_DEADLINE,
                                    .detail = never_begun ? STR("The generation waited for its turn until its deadline, and its work was not begun; nothing was charged.")
                                                          : STR("The generation passed its deadline; nothing was charged.")},
                   c->at);
    return answer(out, w, g);
}

/* --- resolve --- */

void resolve_want(const struct command *c, struct workset *w, int round) { want_generation(w, c->step.generation, round); }

err resolve_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct generation *seen = WS_GET(w, generation, c->step.generation);
    if (!seen) return why_set(&out->why, E_NOT_FOUND, "There is no such generation.");
    answer(out, w, seen);
    if (generation_is_terminal(seen->state)) return has_ended(&out->why, seen);
    if (!str_eq(seen->step, STEP_UNRESOLVED))
        return why_set(&out->why, E_CONFLICT, "Only an unresolved generation is closed by hand; this one is %.*s.",
                       STR_ARG(seen->state));
    if (c->step.attempt && c->step.attempt != seen->attempts)
        return why_set(&out->why, E_CONFLICT, "A newer attempt of the generation has begun.");
    bool by_node = !str_empty(c->step.node); /* which gives up, and knows no more than before */
    if (by_node && !str_eq(c->step.node, seen->node)) return why_set(&out->why, E_STALE, "Another node works on the generation now.");
    struct str detail =
        str_empty(c->step.detail)
            ? STR("Whether the provider took the work could not be found out; an operator closed it, nothing was charged.")
            : c->step.detail;
    struct generation *g = WS_EDIT(w, generation, c->step.generation);
    if (c->step.cost_micros)
        WS_EDIT(w, attempt, attempt_id(workset_arena(w), g->head.id, g->attempts))->cost_micros = c->step.cost_micros;
    struct ending e = {.state = GEN_FAILED, .attempt = by_node ? STR("unreconciled") : GEN_FAILED, .code = E_UPSTREAM, .detail = detail};
    if (by_node && seen->cancel_at) e = (struct ending){.state = GEN_CANCELLED, .attempt = STR("unreconciled")};
    generation_end(w, g, &e, c->at);
    return answer(out, w, g);
}
