/* How an attempt ends: attempt_failed (again, or over) and settle (the outputs are stored: bill, assets, usage). */
#include "base/json.h"
#include "base/limits.h"
#include "core/generation.h"
#include "core/ledger.h"
#include "base/plant.h"
#include "core/rules.h"
#include "core/webhook.h"

/* --- attempt_failed --- */

void attempt_failed_want(const struct command *c, struct workset *w, int round) {
    step_want(c, w, round);
    if (round != 1) return;
    want_ending(w, c->step.generation);
    const struct generation *g = WS_GET(w, generation, c->step.generation);
    if (g && c->step.billed) want(w, REC_key_fault, key_fault_id(workset_arena(w), g->key, c->at));
}

static void count_fault(struct workset *w, const struct generation *g, const struct cmd_step *s, msec at) {
    struct str id = key_fault_id(workset_arena(w), g->key, at);
    if (!s->billed || str_empty(id)) return;
    bool known = WS_GET(w, key_fault, id);
    struct key_fault *f = known ? WS_EDIT(w, key_fault, id) : WS_INSERT(w, key_fault, id);
    f->project = g->project;
    f->key = g->key;
    f->hour = at / MS_HOUR;
    f->count++;
    f->cost += s->cost_micros;
}

static bool may_pass(enum failure f) {
    return f == FAIL_TRANSIENT || f == FAIL_RATE_LIMIT || f == FAIL_AUTH || f == FAIL_QUOTA || f == FAIL_GONE || f == FAIL_SANDBOX;
}

static bool is_due_again(const struct cmd_step *s, const struct generation *g) {
    return s->may_retry && may_pass(s->failure) && g->attempts < (s->patient ? LIMIT_PATIENT_ATTEMPTS : LIMIT_ATTEMPTS) && !g->cancel_at &&
           (!g->deadline_at || s->retry_at < g->deadline_at);
}

static struct str failure_str(enum failure f) { return str_of(failure_name(f)); }

static void book_failure(struct attempt *a, const struct cmd_step *s, enum failure failure) {
    a->failure = failure_str(failure);
    a->error_detail = s->detail;
    if (s->cost_micros) a->cost_micros = s->cost_micros;
}

/* processing -> pending; the hold stays, the slot is given back. */
static void wait_for_retry(struct workset *w, struct generation *g, const struct cmd_step *s, msec at) {
    struct project *p = WS_EDIT(w, project, g->project);
    book_failure(attempt_end(w, g, GEN_FAILED, at), s, s->failure);
    if (PLANTED(slot_kept_on_retry)) p->running--;
    else running_add(w, g, p, -1);
    p->pending++;
    g->state = GEN_PENDING;
    g->node = STR("");
    g->waits_until = s->retry_at;
    if (PLANTED(hold_twice_on_retry))
        WS_EDIT(w, account, account_id(workset_arena(w), g->project, g->book))->available -= g->hold_micros;
    const struct event_more more[] = {{"failure", failure_str(s->failure)}, {"retry_at", .number = s->retry_at}, {}};
    event_add(w, g, STR("retrying"), more, at);
    generation_check(w, g);
}

/* Ends the generation after its last attempt. One whose caller wanted it cancelled is cancelled: that is what was asked for.
 */
static void end_failed(struct workset *w, struct generation *g, const struct cmd_step *s, enum failure failure, msec at) {
    struct attempt *a = WS_EDIT(w, attempt, attempt_id(workset_arena(w), g->head.id, g->attempts));
    book_failure(a, s, failure);
    struct str detail = s->detail;
    if (str_empty(detail)) detail = str_of(err_info(failure_err(failure))->text);
    struct ending e = {.state = GEN_FAILED, .attempt = GEN_FAILED, .code = failure_err(failure), .detail = detail};
    if (g->cancel_at) e = (struct ending){.state = GEN_CANCELLED, .attempt = GEN_FAILED};
    generation_end(w, g, &e, at);
}

/* The attempt ended in this very way already: its sender did not learn of the commit. */
static const struct generation *ended_before(const struct cmd_step *s, struct workset *w, struct str outcome) {
    const struct generation *g = WS_GET(w, generation, s->generation);
    if (!g || s->attempt < 1 || g->attempts != s->attempt || str_eq(g->state, GEN_PROCESSING)) return NULL;
    const struct attempt *a = WS_GET(w, attempt, attempt_id(workset_arena(w), g->head.id, s->attempt));
    return a && str_eq(a->state, outcome) ? g : NULL;
}

static void answer_failed(struct outcome *out, const struct generation *g) {
    outcome_of(out, g);
    out->retry = str_eq(g->state, GEN_PENDING);
    out->retry_at = g->waits_until;
}

err attempt_failed_apply(const struct command *c, struct workset *w, struct outcome *out) {
    struct cmd_step s = c->step;
    if (s.failure == FAIL_NONE) s.failure = FAIL_UNCLASSIFIED; /* a failure without a class still is one */
    const struct generation *seen = ended_before(&s, w, GEN_FAILED);
    if (seen) {
        answer_failed(out, seen);
        return OK;
    }
    const struct attempt *a;
    TRY(attempt_live(w, &s, &out->why, &seen, &a));
    struct generation *g = WS_EDIT(w, generation, s.generation);
    count_fault(w, g, &s, c->at);
    if (is_due_again(&s, g))
        wait_for_retry(w, g, &s, c->at);
    else
        end_failed(w, g, &s, s.failure, c->at);
    answer_failed(out, g);
    outcome_money(out, w, g->project, g->book);
    return OK;
}

/* --- settle --- */

/* The path that an output has by itself; n from 1. */
static struct str own_path(struct workset *w, const struct generation *g, const struct output *o, int64_t n) {
    struct arena *a = workset_arena(w);
    const char *dot = str_empty(o->ext) ? "" : ".";
    if (n == 1) return arena_printf(a, "media/%.*s%s%.*s", STR_ARG(g->head.id), dot, STR_ARG(o->ext));
    return arena_printf(a, "media/%.*s-%lld%s%.*s", STR_ARG(g->head.id), (long long)n, dot, STR_ARG(o->ext));
}

static struct drive_spot spot_of(const struct generation *g, struct str path) { return (struct drive_spot){g->project, g->book, path}; }

static int64_t outputs_before(const struct generation *g, const struct cmd_step *s) { return s->late || s->delivers ? g->outputs : 0; }

/* Where the output is shown. Late outputs never take the path the caller named, and delivered ones not when a file stands there: another may have it by
 * now, and it is the newer one. */
static struct str output_path(struct workset *w, const struct generation *g, const struct cmd_step *s, int64_t i) {
    int64_t n = outputs_before(g, s) + i + 1;
    bool taken = s->late || (s->delivers && path_shows(w, spot_of(g, g->output_path)));
    if (n == 1 && !taken && !str_empty(g->output_path)) return g->output_path;
    return own_path(w, g, &s->outputs[i], n);
}

void settle_want(const struct command *c, struct workset *w, int round) {
    const struct cmd_step *s = &c->step;
    step_want(c, w, round);
    if (round == 0) {
        for (int64_t i = 0; (s->late || s->delivers) && i < s->output_count; i++) want(w, REC_asset, s->outputs[i].asset);
        return;
    }
    const struct generation *g = WS_GET(w, generation, s->generation);
    if (!g) return;
    if (round == 1) {
        want_ending(w, s->generation);
        if (s->late || s->delivers) want_newest_attempt(w, s->generation);
    }
    for (int64_t i = 0; i < s->output_count; i++) want_path(w, spot_of(g, output_path(w, g, s, i)), round);
    if (!s->delivers || !s->output_count) return; /* which of the two the first one takes is known when both are loaded */
    if (!str_empty(g->output_path)) want_path(w, spot_of(g, g->output_path), round);
    want_path(w, spot_of(g, own_path(w, g, &s->outputs[0], g->outputs + 1)), round);
}

/* The paths follow from the generation as it was loaded. A command of the same batch may have submitted it or added outputs;
 * the settle then comes again in a later batch. */
static err paths_loaded(struct workset *w, const struct generation *g, const struct cmd_step *s, struct why *why) {
    for (int64_t i = 0; i < s->output_count; i++)
        if (!path_is_loaded(w, spot_of(g, output_path(w, g, s, i))))
            return why_set(why, E_AGAIN, "The generation changed in the same instant; try again.");
    return OK;
}

static struct quote quote_of(const struct generation *g) {
    return (struct quote){.amount = g->quoted_micros,
                          .rate = g->price_rate,
                          .unit = g->price_unit,
                          .quantity = g->price_quantity,
                          .outputs = g->price_outputs,
                          .per_output = !g->price_fixed,
                          .from = g->price_from,
                          .if_unmeasured = g->if_unmeasured,
                          .row = g->price_row};
}

static int64_t outputs_billed(const struct generation *g, int64_t stored) {
    if (g->price_fixed && g->price_outputs == 1) return 1;
    return stored < g->price_outputs ? stored : g->price_outputs;
}

/* The price's unit as people say it, from the row they are shown. */
static struct str unit_name(struct workset *w, const struct generation *g) {
    struct json *row;
    struct str unit;
    if (json_parse(g->price_row, workset_arena(w), NULL, &row) || !json_as_str(json_get(row, "unit"), &unit))
        return STR("call");
    return unit;
}

static void write_usage(struct workset *w, const struct generation *g, const struct attempt *a, const struct cmd_step *s,
                        int64_t stored, msec at) {
    bool measured = str_eq(g->price_from, STR("measured")) || str_eq(g->price_from, STR("media"));
    int64_t quantity = !measured ? g->price_quantity : s->measured < 0 ? 0 : s->measured;
    struct usage_event *u = WS_INSERT(w, usage_event, g->head.id);
    u->project = g->project;
    u->book = g->book;
    u->seq = ++WS_EDIT(w, project, g->project)->usage_seq;
    u->key = g->key;
    u->model = g->model;
    u->kind = g->kind;
    u->provider = a->provider;
    u->billed_micros = g->billed_micros;
    u->cost_micros = a->cost_micros;
    u->unit = unit_name(w, g);
    if (__builtin_mul_overflow(quantity, outputs_billed(g, stored), &u->quantity)) u->quantity = INT64_MAX;
    u->price_row = g->price_row;
    u->metadata = g->metadata;
    u->end_user = g->end_user;
    u->created_at = at;
}

static void store_outputs(struct workset *w, const struct generation *g, const struct cmd_step *s, msec at) {
    int64_t before = outputs_before(g, s);
    for (int64_t i = 0; i < s->output_count; i++) {
        struct asset *a = asset_add(w, &s->outputs[i], spot_of(g, output_path(w, g, s, i)), at);
        a->generation = g->head.id;
        a->n = before + i + 1;
    }
}

/* The generation's money and state stay as they are: only its files grow, and its owner is told. */
static void add_after_end(struct workset *w, struct generation *g, const struct cmd_step *s, struct str event, msec at) {
    store_outputs(w, g, s, at);
    g->outputs += s->output_count;
    const struct event_more more[] = {{"asset", s->outputs[0].asset}, {"outputs", .number = s->output_count}, {}};
    event_add(w, g, event, more, at);
    webhooks_tell(w, WS_GET(w, project, g->project), g, HOOK_LATE, at);
    generation_check(w, g);
}

/* A result that came after the end: the file is kept and announced, nobody pays. */
static err settle_late(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_step *s = &c->step;
    const struct generation *seen = WS_GET(w, generation, s->generation);
    if (!seen) return why_set(&out->why, E_NOT_FOUND, "There is no such generation.");
    if (!generation_is_terminal(seen->state)) return why_set(&out->why, E_STALE, "The generation has not ended: settle it.");
    outcome_of(out, seen);
    if (!s->output_count || WS_GET(w, asset, s->outputs[0].asset)) return OK;
    TRY(paths_loaded(w, seen, s, &out->why));
    struct generation *g = WS_EDIT(w, generation, s->generation);
    add_after_end(w, g, s, STR("late_output"), c->at);
    outcome_of(out, g);
    return OK;
}

static bool is_hidden(const struct generation *g) {
    return str_eq(g->state, GEN_COMPLETED) && str_is(g->error_code, err_info(E_OUTPUT_HIDDEN)->code);
}

/* How many files were billed when they were hidden; of a measured price that is not known. */
static int64_t files_owed(const struct generation *g) {
    bool measured = str_eq(g->price_from, STR("measured")) || str_eq(g->price_from, STR("media"));
    if (g->price_fixed || measured || g->quoted_micros <= 0 || g->price_outputs < 2) return 1;
    int64_t each = g->quoted_micros / g->price_outputs;
    return each > 0 ? g->billed_micros / each : 1;
}

static err has_room(struct workset *w, const struct generation *g, const struct cmd_step *s, struct why *why) {
    const struct project *p = WS_GET(w, project, g->project);
    int64_t bytes = 0, left = p->drive_limit - drive_used(p, g->book);
    for (int64_t i = 0; i < s->output_count; i++) bytes += s->outputs[i].bytes;
    if (!p->drive_limit || bytes <= left) return OK;
    return why_set(why, E_DRIVE_FULL, "The file has %lld bytes and the project's drive has %lld left; delete files first and deliver it again, for nothing more.", (long long)bytes,
                   (long long)(left > 0 ? left : 0));
}

/* What the caller's own path hid was found by another one. It was billed when it was made; whoever comes second finds it done. */
static err settle_hidden(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_step *s = &c->step;
    const struct generation *seen = WS_GET(w, generation, s->generation);
    if (!seen) return why_set(&out->why, E_NOT_FOUND, "There is no such generation.");
    outcome_of(out, seen);
    if (str_eq(seen->state, GEN_COMPLETED) && str_empty(seen->error_code)) return OK;
    if (!is_hidden(seen)) return why_set(&out->why, E_CONFLICT, "There is nothing to deliver: the generation is %.*s.", STR_ARG(seen->state));
    must(s->output_count > 0);
    if (WS_GET(w, asset, s->outputs[0].asset)) return OK;
    if (seen->outputs + s->output_count > LIMIT_OUTPUTS) return why_set(&out->why, E_CONFLICT, "The generation has as many files as one can have.");
    TRY(has_room(w, seen, s, &out->why));
    TRY(paths_loaded(w, seen, s, &out->why));
    struct generation *g = WS_EDIT(w, generation, s->generation);
    g->result = s->result;
    if (g->outputs + s->output_count >= files_owed(g)) g->error_code = g->error_detail = STR(""); /* otherwise another path may give the others */
    add_after_end(w, g, s, STR("delivered"), c->at);
    outcome_of(out, g);
    return OK;
}

static void complete(struct workset *w, struct generation *g, const struct cmd_step *s, msec at) {
    struct quote q = quote_of(g);
    int64_t stored = s->output_count ? s->output_count : s->hidden ? s->hidden : 1; /* a text has no file and is one output */
    micros bill;
    must(!price_bill(&q, &(struct price_facts){s->measured, stored}, g->hold_micros, &bill));
    store_outputs(w, g, s, at);
    struct attempt *a = WS_EDIT(w, attempt, attempt_id(workset_arena(w), g->head.id, g->attempts));
    if (s->cost_micros) a->cost_micros = s->cost_micros;
    g->result = s->result;
    struct ending e = {.state = GEN_COMPLETED, .attempt = GEN_COMPLETED, .capture = bill, .outputs = s->output_count};
    if (s->hidden) e.code = E_OUTPUT_HIDDEN, e.detail = s->detail;
    generation_end(w, g, &e, at);
    write_usage(w, g, a, s, stored, at);
}

err settle_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_step *s = &c->step;
    must(s->output_count >= 0 && s->output_count <= LIMIT_OUTPUTS && s->hidden >= 0 && (!s->hidden || !s->output_count));
    if (s->late) return settle_late(c, w, out);
    if (s->delivers) return settle_hidden(c, w, out);
    const struct generation *seen = ended_before(s, w, GEN_COMPLETED);
    if (seen) {
        outcome_of(out, seen);
        outcome_money(out, w, seen->project, seen->book);
        return OK;
    }
    const struct attempt *a;
    TRY(attempt_live(w, s, &out->why, &seen, &a));
    if (!str_eq(seen->step, STEP_RESULT) && !attempt_is_local(a))
        return why_set(&out->why, E_STALE, "The attempt has no result to settle; it is at %.*s.", STR_ARG(seen->step));
    TRY(paths_loaded(w, seen, s, &out->why));
    struct generation *g = WS_EDIT(w, generation, s->generation);
    if (!s->output_count && !s->hidden && !str_is(g->kind, "text")) {
        struct cmd_step lost = *s;
        lost.detail = STR("The provider reported success and gave no output.");
        end_failed(w, g, &lost, FAIL_UNCLASSIFIED, c->at);
    } else {
        complete(w, g, s, c->at);
    }
    outcome_of(out, g);
    outcome_money(out, w, g->project, g->book);
    return OK;
}
