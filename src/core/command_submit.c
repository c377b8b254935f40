/* submit: one commit that claims the idempotency key, reserves drive space, holds the price and makes the generation. */
#include "base/id.h"
#include "base/limits.h"
#include "core/caps.h"
#include "core/generation.h"
#include "core/ledger.h"
#include "base/plant.h"
#include "core/rules.h"

void submit_want(const struct command *c, struct workset *w, int round) {
    const struct cmd_submit *s = &c->submit;
    if (round == 0) {
        want(w, REC_api_key, s->key);
        want(w, REC_project, s->project);
        ledger_want_account(w, s->project, s->book);
        want(w, REC_idempotency, s->idempotency);
        want(w, REC_generation, s->generation);
        want(w, REC_key_day, key_day_id(workset_arena(w), s->key, c->at));
        want(w, REC_key_fault, key_fault_id(workset_arena(w), s->key, c->at));
        want_model_load(w, s->model, s->model_limit);
        if (s->webhook.len) webhook_call_want(w, s);
    } else if (round == 1) { /* the generation that answers a replay */
        const struct idempotency *known = WS_GET(w, idempotency, s->idempotency);
        if (known) want(w, REC_generation, known->generation);
    }
}

/* words: separated by blanks; `family/` at the end of a word stands for all of that family. */
static bool is_listed(struct str words, struct str slug) {
    struct str word;
    while (words.len) {
        str_cut(words, ' ', &word, &words);
        if (str_eq(word, slug) || (str_ends(word, STR("/")) && word.len > 1 && str_starts(slug, word))) return true;
    }
    return false;
}

err key_may_run(const struct api_key *k, struct str model, struct why *why) {
    if (!k->models.len || is_listed(k->models, model)) return OK;
    return why_set(why, E_FORBIDDEN, "This API key is not allowed to run `%.*s`.", STR_ARG(model));
}

static err check_key(const struct cmd_submit *s, msec at, struct workset *w, struct why *why) {
    const struct api_key *k = WS_GET(w, api_key, s->key);
    if (!k || k->revoked_at || !str_eq(k->project, s->project))
        return why_set(why, E_UNAUTHENTICATED, "The API key is not known, or it was revoked.");
    if (k->expires_at && k->expires_at <= at) return why_set(why, E_UNAUTHENTICATED, "The API key has expired; use its successor.");
    TRY(key_may_run(k, s->model, why));
    /* the books stay apart: a test key never moves live money, nor the other way round */
    bool test = str_is(k->kind, "test") || str_is(k->kind, "pubtest");
    if (!str_is(k->kind, "admin") && !str_is(s->book, test ? "test" : "live"))
        return why_set(why, E_FORBIDDEN, "A %.*s key cannot use the %.*s book.", STR_ARG(k->kind), STR_ARG(s->book));
    return OK;
}

static err replay(struct workset *w, struct str generation, struct outcome *out) {
    const struct generation *g = WS_GET(w, generation, generation);
    if (!g) return why_set(&out->why, E_CORRUPT, "The generation that this idempotency key made is missing.");
    outcome_of(out, g);
    outcome_money(out, w, g->project, g->book);
    out->replayed = true;
    return OK;
}

static bool same_call(const struct generation *g, const struct cmd_submit *s) {
    return str_eq(g->project, s->project) && str_eq(g->book, s->book) && str_eq(g->key, s->key) &&
           str_eq(g->model, s->model) && str_eq(g->inputs, s->inputs) && g->quoted_micros == s->quote.amount;
}

/* True when the call was made before, and *out_code is its answer. */
static bool answered_before(const struct command *c, struct workset *w, struct outcome *out, err *out_code) {
    const struct cmd_submit *s = &c->submit;
    const struct idempotency *known = WS_GET(w, idempotency, s->idempotency);
    bool counts = s->repeat == REPEAT_KEY || (s->repeat == REPEAT_UNDELIVERED && known && !known->delivered_at);
    if (known && counts && known->expires_at > c->at) {
        bool same = str_eq(known->request_hash, s->request_hash) && str_eq(known->project, s->project);
        *out_code = same ? replay(w, known->generation, out)
                         : why_set(&out->why, E_KEY_REUSED,
                                   "The idempotency key was used for a different request; use a new key for a new request.");
        return true;
    }
    const struct generation *g = WS_GET(w, generation, s->generation);
    if (!g) return false;
    *out_code = same_call(g, s) ? replay(w, s->generation, out)
                                : why_set(&out->why, E_CONFLICT, "The generation's id belongs to another call.");
    return true;
}

static err too_much(struct why *why, const char *what, micros cap, micros spent, micros amount, int64_t retry_after_s) {
    why_set(why, E_SPEND_CAP, "This call costs %lld micros; the key may spend %lld %s and has spent %lld. Nothing was charged.", (long long)amount,
            (long long)cap, what, (long long)spent);
    why_fact_int(why, "cap_micros", cap);
    why_fact_int(why, "spent_micros", spent);
    why_fact_int(why, "required_micros", amount);
    if (why) why->retry_after_s = retry_after_s;
    return E_SPEND_CAP;
}

err key_may_spend(const struct api_key *k, const struct key_day *today, micros amount, msec at, struct why *why) {
    micros spent = today ? today->spent : 0;
    if (k->call_cap && amount > k->call_cap) {
        why_set(why, E_SPEND_CAP, "This call costs %lld micros and the key may spend %lld on one call. Nothing was charged.", (long long)amount, (long long)k->call_cap);
        why_fact_int(why, "cap_micros", k->call_cap);
        why_fact_int(why, "required_micros", amount);
        if (why) why->stays = true;
        return E_SPEND_CAP;
    }
    if (k->day_cap && amount > k->day_cap - spent && !PLANTED(day_cap_ignored))
        return too_much(why, "a day (UTC)", k->day_cap, spent, amount, (MS_DAY - at % MS_DAY) / MS_SECOND + 1);
    return OK;
}

static err check_caps(const struct command *c, struct workset *w, struct why *why) {
    const struct cmd_submit *s = &c->submit;
    return key_may_spend(WS_GET(w, api_key, s->key), WS_GET(w, key_day, key_day_id(workset_arena(w), s->key, c->at)), s->quote.amount, c->at, why);
}

/* Counted when the price is held; what is not captured is counted out again when the generation ends. */
static void count_day(const struct command *c, struct workset *w) {
    const struct cmd_submit *s = &c->submit;
    if (!WS_GET(w, api_key, s->key)->day_cap) return;
    struct str id = key_day_id(workset_arena(w), s->key, c->at);
    bool known = WS_GET(w, key_day, id);
    struct key_day *d = known ? WS_EDIT(w, key_day, id) : WS_INSERT(w, key_day, id);
    d->project = s->project;
    d->key = s->key;
    d->day = c->at / MS_DAY;
    d->spent += s->quote.amount;
}

/* Refused content that its provider bills is the operator's cost, and a way to hurt him. */
static err check_faults(const struct command *c, struct workset *w, struct why *why) {
    const struct key_fault *f = WS_GET(w, key_fault, key_fault_id(workset_arena(w), c->submit.key, c->at));
    if (!f || f->count < LIMIT_BILLED_FAILURES) return OK;
    why_set(why, E_TOO_MANY_FAILURES,
            "%lld calls of this key were refused within the hour by providers that bill refusals; nothing was charged for them, and the next are taken in the hour that follows.",
            (long long)f->count);
    if (why) why->retry_after_s = (MS_HOUR - c->at % MS_HOUR) / MS_SECOND + 1;
    return E_TOO_MANY_FAILURES;
}

static err check_limits(const struct cmd_submit *s, const struct project *p, struct why *why) {
    if (s->max_micros > 0 && s->quote.amount > s->max_micros) {
        why_set(why, E_PRICE_CHANGED, "The price is now %lld micros and the call allows at most %lld; quote it again.",
                (long long)s->quote.amount, (long long)s->max_micros);
        why_fact_int(why, "quoted_micros", s->quote.amount);
        why_fact_int(why, "max_micros", s->max_micros);
        return E_PRICE_CHANGED;
    }
    if (s->pending_limit > 0 && p->pending >= s->pending_limit) {
        why_set(why, E_RATE_LIMITED, "%lld generations of the project wait already; submit more when some have run.",
                (long long)p->pending);
        why_fact_int(why, "pending", p->pending);
        if (why) why->retry_after_s = 1;
        return E_RATE_LIMITED;
    }
    int64_t used = drive_used(p, s->book);
    if (p->drive_limit && (used > p->drive_limit || s->needs_bytes > p->drive_limit - used)) {
        why_set(why, E_DRIVE_FULL,
                "The result may need %lld bytes and the project's drive has %lld left; delete files first.",
                (long long)s->needs_bytes, (long long)(used < p->drive_limit ? p->drive_limit - used : 0));
        why_fact_int(why, "needs_bytes", s->needs_bytes);
        why_fact_int(why, "used_bytes", used);
        why_fact_int(why, "limit_bytes", p->drive_limit);
        return E_DRIVE_FULL;
    }
    return OK;
}

static void write_idempotency(const struct command *c, struct workset *w) {
    const struct cmd_submit *s = &c->submit;
    if (str_empty(s->idempotency) || PLANTED(lost_idempotency_row)) return;
    bool known = WS_GET(w, idempotency, s->idempotency);
    struct idempotency *i = known ? WS_EDIT(w, idempotency, s->idempotency) : WS_INSERT(w, idempotency, s->idempotency);
    i->project = s->project;
    i->request_hash = s->request_hash;
    i->generation = s->generation;
    i->created_at = c->at;
    i->expires_at = c->at + (s->repeat == REPEAT_KEY ? (msec)LIMIT_IDEMPOTENCY_DAYS : 1) * MS_DAY;
    i->delivered_at = 0;
}

static struct generation *insert_generation(const struct command *c, struct workset *w, struct project *p) {
    const struct cmd_submit *s = &c->submit;
    const struct quote *q = &s->quote;
    struct generation *g = WS_INSERT(w, generation, s->generation);
    g->project = s->project;
    g->book = s->book;
    g->key = s->key;
    g->seq = ++p->seq;
    g->model = s->model;
    g->kind = s->kind;
    g->catalog = s->catalog;
    g->state = GEN_PENDING;
    g->inputs = s->inputs;
    g->output_path = s->output_path;
    g->price_from = q->from;
    g->price_rate = q->rate;
    g->price_unit = q->unit;
    g->price_quantity = q->quantity;
    g->price_fixed = !q->per_output;
    g->price_outputs = q->outputs;
    g->if_unmeasured = q->if_unmeasured;
    g->price_row = q->row;
    g->quoted_micros = q->amount;
    g->created_at = c->at;
    g->deadline_at = s->deadline_at;
    g->needs = s->needs_bytes;
    g->metadata = s->metadata;
    g->end_user = s->end_user;
    g->trace = s->trace;
    g->url_path = s->url_path;
    g->files = s->files;
    g->model_limit = s->model_limit;
    return g;
}

err submit_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_submit *s = &c->submit;
    must(s->generation.len && s->generation.len <= ID_LEN && s->quote.outputs >= 1 && s->quote.unit > 0 &&
         s->needs_bytes >= 0);
    TRY(check_key(s, c->at, w, &out->why));
    err code;
    if (answered_before(c, w, out, &code)) return code;
    const struct project *seen = WS_GET(w, project, s->project);
    if (!seen) return why_set(&out->why, E_NOT_FOUND, "There is no such project.");
    TRY(check_limits(s, seen, &out->why));
    TRY(check_caps(c, w, &out->why));
    TRY(check_faults(c, w, &out->why));

    struct project *p = WS_EDIT(w, project, s->project);
    bool at_once = !str_empty(s->node) && p->pending == 0 && p->running < p->run_limit && model_has_slot(w, s->model, s->model_limit);
    struct generation *g = insert_generation(c, w, p);
    TRY(ledger_hold(w, g, s->quote.amount, c->at, &out->why));
    if (s->webhook.len) TRY(webhook_call_take(w, s, c->at, &out->why, &g->webhook));
    write_idempotency(c, w);
    count_day(c, w);
    p->pending++;
    drive_reserved(p, g->book, g->needs);
    const struct event_more price[] = {{"quoted_micros", .number = g->quoted_micros}, {}};
    event_add(w, g, STR("submitted"), price, c->at);
    if (at_once) attempt_open(w, g, p, s->node, s->provider, s->route, c->at);
    generation_check(w, g);
    out->claimed = at_once;
    outcome_of(out, g);
    outcome_money(out, w, g->project, g->book);
    return OK;
}

/* --- delivered --- */

void delivered_want(const struct command *c, struct workset *w, int round) {
    if (!round) want(w, REC_idempotency, c->delivered.idempotency);
}

/* Whoever asks the same from now on wants another one. A record that has gone on to a later call is not touched. */
err delivered_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct idempotency *seen = WS_GET(w, idempotency, c->delivered.idempotency);
    if (!seen || !str_eq(seen->generation, c->delivered.generation)) return why_set(&out->why, E_NOT_FOUND, "There is no such call.");
    if (!seen->delivered_at) WS_EDIT(w, idempotency, c->delivered.idempotency)->delivered_at = c->at;
    return OK;
}
