/* The steps of a live attempt: claim, sending, accepted, progress, result_seen, unresolved.
 *
 *   opened -> sending -> accepted -> result      opened -> result, sending -> result: answered at once
 *             sending -> unresolved -> accepted, result
 *
 * A step that was taken already is taken again without a change, because its sender may not have learnt of the commit. What
 * does not fit is E_STALE: the sender forgets the generation. */
#include "base/limits.h"
#include "core/generation.h"
#include "core/rules.h"

void claim_want(const struct command *c, struct workset *w, int round) {
    if (round == 0) want(w, REC_generation, c->step.generation);
    const struct generation *g = round == 1 ? WS_GET(w, generation, c->step.generation) : NULL;
    if (!g) return;
    want(w, REC_project, g->project);
    want_model_load(w, g->model, g->model_limit);
    want_newest_attempt(w, c->step.generation);
}

static bool claimed_before(const struct cmd_step *s, struct workset *w, const struct generation *g) {
    if (!str_eq(g->state, GEN_PROCESSING) || !str_eq(g->node, s->node) || !str_eq(g->step, STEP_OPENED) ||
        g->attempts != s->attempt)
        return false;
    const struct attempt *a = WS_GET(w, attempt, attempt_id(workset_arena(w), g->head.id, g->attempts));
    return str_eq(a->provider, s->provider) && str_eq(a->route, s->route);
}

err claim_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_step *s = &c->step;
    const struct generation *seen = WS_GET(w, generation, s->generation);
    if (!seen) return why_set(&out->why, E_NOT_FOUND, "There is no such generation.");
    outcome_of(out, seen);
    if (claimed_before(s, w, seen)) return OK;
    if (!str_eq(seen->state, GEN_PENDING))
        return why_set(&out->why, E_CONFLICT, "The generation is not pending, it is %.*s.", STR_ARG(seen->state));
    if (s->attempt && s->attempt != seen->attempts + 1) return why_set(&out->why, E_CONFLICT, "Another attempt is due.");
    if (seen->waits_until > c->at) return why_set(&out->why, E_CONFLICT, "The generation waits before its next attempt.");
    if (seen->deadline_at && seen->deadline_at <= c->at)
        return why_set(&out->why, E_CONFLICT, "The generation is past its deadline.");
    const struct project *p = WS_GET(w, project, seen->project);
    if (p->running >= p->run_limit) return why_set(&out->why, E_CONFLICT, "The project runs as many generations as it may.");
    if (!model_has_slot(w, seen->model, seen->model_limit))
        return why_set(&out->why, E_CONFLICT, "As many generations of the model run as it allows.");
    struct generation *g = WS_EDIT(w, generation, s->generation);
    attempt_open(w, g, WS_EDIT(w, project, g->project), s->node, s->provider, s->route, c->at);
    generation_check(w, g);
    outcome_of(out, g);
    return OK;
}

void defer_want(const struct command *c, struct workset *w, int round) {
    if (round == 0) want(w, REC_generation, c->step.generation);
}

err defer_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_step *s = &c->step;
    const struct generation *seen = WS_GET(w, generation, s->generation);
    if (!seen) return why_set(&out->why, E_NOT_FOUND, "There is no such generation.");
    outcome_of(out, seen);
    if (!str_eq(seen->state, GEN_PENDING)) return why_set(&out->why, E_CONFLICT, "The generation is not pending, it is %.*s.", STR_ARG(seen->state));
    if (seen->waits_until >= s->retry_at) return OK;
    WS_EDIT(w, generation, s->generation)->waits_until = s->retry_at;
    return OK;
}

void step_want(const struct command *c, struct workset *w, int round) {
    if (round) return;
    want(w, REC_generation, c->step.generation);
    if (c->step.attempt > 0) want(w, REC_attempt, attempt_id(workset_arena(w), c->step.generation, c->step.attempt));
}

static err out_of_order(struct why *why, const struct generation *g, const char *step) {
    return why_set(why, E_STALE, "The attempt cannot go from %.*s to %s.", STR_ARG(g->step), step);
}

err sending_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct generation *seen;
    const struct attempt *a;
    TRY(attempt_live(w, &c->step, &out->why, &seen, &a));
    if (str_eq(seen->step, STEP_OPENED)) {
        struct attempt *edit;
        seen = attempt_step(w, c->step.generation, STEP_SENDING, &edit);
        edit->sent_at = c->at;
    } else if (!str_eq(seen->step, STEP_SENDING)) {
        return out_of_order(&out->why, seen, "sending");
    }
    outcome_of(out, seen);
    return OK;
}

err accepted_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct generation *seen;
    const struct attempt *a;
    TRY(attempt_live(w, &c->step, &out->why, &seen, &a));
    if (str_eq(seen->step, STEP_SENDING) || str_eq(seen->step, STEP_UNRESOLVED)) {
        struct attempt *edit;
        struct generation *g = attempt_step(w, c->step.generation, STEP_ACCEPTED, &edit);
        edit->their_ref = c->step.their_ref;
        event_add(w, g, STR("accepted"), NULL, c->at);
        seen = g;
    } else if (!str_eq(seen->step, STEP_ACCEPTED) || !str_eq(a->their_ref, c->step.their_ref)) {
        return out_of_order(&out->why, seen, "accepted");
    }
    outcome_of(out, seen);
    return OK;
}

err unresolved_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct generation *seen;
    const struct attempt *a;
    TRY(attempt_live(w, &c->step, &out->why, &seen, &a));
    if (str_eq(seen->step, STEP_SENDING)) {
        struct attempt *edit;
        struct generation *g = attempt_step(w, c->step.generation, STEP_UNRESOLVED, &edit);
        edit->error_detail = c->step.detail;
        const struct event_more more[] = {{"detail", STR("confirming with provider")}, {}};
        event_add(w, g, STR("unresolved"), more, c->at);
        seen = g;
    } else if (!str_eq(seen->step, STEP_UNRESOLVED)) {
        return out_of_order(&out->why, seen, "unresolved");
    }
    outcome_of(out, seen);
    return OK;
}

err result_seen_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_step *s = &c->step;
    const struct generation *seen;
    const struct attempt *a;
    TRY(attempt_live(w, s, &out->why, &seen, &a));
    bool again = str_eq(seen->step, STEP_RESULT);
    if (str_eq(seen->step, STEP_OPENED) && !attempt_is_local(a)) return out_of_order(&out->why, seen, "result");
    if (!again || !str_eq(a->reply, s->reply)) { /* another reply while fetching: fresh links in place of dead ones */
        struct attempt *edit;
        struct generation *g = attempt_step(w, s->generation, STEP_RESULT, &edit);
        edit->reply = s->reply;
        if (s->cost_micros) edit->cost_micros = s->cost_micros;
        if (!again) event_add(w, g, STR("result"), NULL, c->at);
        seen = g;
    }
    outcome_of(out, seen);
    return OK;
}

err progress_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct generation *seen;
    const struct attempt *a;
    TRY(attempt_live(w, &c->step, &out->why, &seen, &a));
    if (seen->events < LIMIT_EVENTS) {
        struct generation *g = WS_EDIT(w, generation, c->step.generation);
        struct str type = str_empty(c->step.type) ? STR("progress") : c->step.type;
        event_add_raw(w, g, type, str_empty(c->step.payload) ? STR("{}") : c->step.payload, c->at);
        seen = g;
    }
    outcome_of(out, seen);
    return OK;
}
