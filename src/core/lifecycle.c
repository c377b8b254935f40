/* The life of a generation as the rules write it: events, attempts, and the one way it ends. Called by the command_*.c
 * files. */
#include "base/cleanup.h"
#include "base/json.h"
#include "core/caps.h"
#include "core/generation.h"
#include "core/ledger.h"
#include "base/plant.h"
#include "core/rules.h"
#include "core/webhook.h"

struct str attempt_id(struct arena *a, struct str generation, int64_t n) {
    return arena_printf(a, "%.*s.%lld", STR_ARG(generation), (long long)n);
}

/* --- read sets --- */

void want_ending(struct workset *w, struct str generation) {
    const struct generation *g = WS_GET(w, generation, generation);
    if (!g) return;
    want(w, REC_project, g->project);
    want_model_load(w, g->model, g->model_limit);
    want(w, REC_key_day, key_day_id(workset_arena(w), g->key, g->created_at));
    ledger_want_generation(w, generation);
}

/* --- counters --- */

void want_model_load(struct workset *w, struct str model, int64_t limit) {
    if (limit) want(w, REC_model_load, model);
}

bool model_has_slot(struct workset *w, struct str model, int64_t limit) {
    if (!limit || PLANTED(model_limit_ignored)) return true;
    const struct model_load *l = WS_GET(w, model_load, model);
    return !l || l->running < limit;
}

void running_add(struct workset *w, const struct generation *g, struct project *p, int64_t change) {
    p->running += change;
    if (!g->model_limit) return;
    bool known = WS_GET(w, model_load, g->model);
    struct model_load *l = known ? WS_EDIT(w, model_load, g->model) : WS_INSERT(w, model_load, g->model);
    l->running += change;
    must_unplanted(l->running >= 0);
}

struct str key_day_id(struct arena *a, struct str key, msec at) {
    if (str_empty(key)) return STR("");
    return arena_printf(a, "%.*s/%lld", STR_ARG(key), (long long)(at / MS_DAY));
}

struct str key_fault_id(struct arena *a, struct str key, msec at) {
    if (str_empty(key)) return STR("");
    return arena_printf(a, "%.*s/%lld", STR_ARG(key), (long long)(at / MS_HOUR));
}

/* Only keys with a cap have the record; submit makes it. */
void key_day_add(struct workset *w, const struct generation *g, micros change) {
    struct str id = key_day_id(workset_arena(w), g->key, g->created_at);
    if (PLANTED(spending_kept) || !change || str_empty(id) || !WS_GET(w, key_day, id)) return;
    struct key_day *d = WS_EDIT(w, key_day, id);
    d->spent += change;
    must_unplanted(d->spent >= 0);
}

void want_newest_attempt(struct workset *w, struct str generation) {
    const struct generation *g = WS_GET(w, generation, generation);
    if (g && g->attempts) want(w, REC_attempt, attempt_id(workset_arena(w), generation, g->attempts));
}

/* --- events --- */

void event_add_raw(struct workset *w, struct generation *g, struct str type, struct str payload, msec at) {
    int64_t n = ++g->events;
    struct event *e = WS_INSERT(w, event, arena_printf(workset_arena(w), "%.*s/%06lld", STR_ARG(g->head.id), (long long)n));
    e->generation = g->head.id;
    e->n = n;
    e->at = at;
    e->type = type;
    e->payload = payload;
}

static const struct attempt *newest_attempt(struct workset *w, const struct generation *g) {
    return g->attempts ? WS_GET(w, attempt, attempt_id(workset_arena(w), g->head.id, g->attempts)) : NULL;
}

void event_add(struct workset *w, struct generation *g, struct str type, const struct event_more *more, msec at) {
    _cleanup_(buf_done) struct buf text = {};
    struct jw json = {.out = &text};
    const struct attempt *a = newest_attempt(w, g);
    jw_open(&json, '{');
    jw_kstr(&json, "state", g->state);
    if (a) {
        jw_ki64(&json, "attempt", a->n);
        jw_kstr(&json, "provider", a->provider);
    }
    for (; more && more->key; more++) {
        if (more->text.ptr)
            jw_kstr(&json, more->key, more->text);
        else
            jw_ki64(&json, more->key, more->number);
    }
    jw_close(&json, '}');
    event_add_raw(w, g, type, arena_dup(workset_arena(w), buf_view(&text)), at);
}

/* --- attempts --- */

bool attempt_is_local(const struct attempt *a) { return str_eq(a->provider, STR("local")) || str_eq(a->provider, STR("twin")); }

void attempt_open(struct workset *w, struct generation *g, struct project *p, struct str node, struct str provider,
                  struct str route, msec at) {
    must(generation_may_go(g->state, GEN_PROCESSING) && !str_empty(node));
    struct attempt *a = WS_INSERT(w, attempt, attempt_id(workset_arena(w), g->head.id, g->attempts + 1));
    a->generation = g->head.id;
    a->n = ++g->attempts;
    a->provider = provider;
    a->route = route;
    a->state = STEP_OPENED;
    a->our_ref = a->head.id;
    a->opened_at = at;
    g->state = GEN_PROCESSING;
    g->step = STEP_OPENED;
    g->node = node;
    g->waits_until = 0;
    if (!g->started_at) g->started_at = at;
    p->pending--;
    running_add(w, g, p, 1);
    must_unplanted(p->pending >= 0);
    event_add(w, g, STR("started"), NULL, at);
}

static err stale(struct why *why, const char *reason) { return why_set(why, E_STALE, "%s", reason); }

err attempt_live(struct workset *w, const struct cmd_step *s, struct why *why, const struct generation **out_g,
                 const struct attempt **out_a) {
    const struct generation *g = WS_GET(w, generation, s->generation);
    if (!g) return why_set(why, E_NOT_FOUND, "There is no such generation.");
    if (!str_eq(g->state, GEN_PROCESSING)) return stale(why, "The generation is not being processed any more.");
    if (!str_eq(g->node, s->node) && !PLANTED(stale_adoption))
        return stale(why, "Another node works on the generation now.");
    if (g->attempts != s->attempt) return stale(why, "A newer attempt of the generation has begun.");
    const struct attempt *a = newest_attempt(w, g);
    must(a && !a->ended_at);
    *out_g = g;
    *out_a = a;
    return OK;
}

struct generation *attempt_step(struct workset *w, struct str generation, struct str step, struct attempt **out_a) {
    struct generation *g = WS_EDIT(w, generation, generation);
    struct attempt *a = WS_EDIT(w, attempt, attempt_id(workset_arena(w), generation, g->attempts));
    g->step = step;
    a->state = step;
    *out_a = a;
    return g;
}

struct attempt *attempt_end(struct workset *w, struct generation *g, struct str outcome, msec at) {
    struct attempt *a = WS_EDIT(w, attempt, attempt_id(workset_arena(w), g->head.id, g->attempts));
    must(!a->ended_at && !str_empty(outcome));
    a->state = outcome;
    a->ended_at = at;
    g->step = STEP_ENDED;
    return a;
}

/* --- the end --- */

void generation_check(struct workset *w, const struct generation *g) {
    const struct project *p = WS_GET(w, project, g->project);
    bool live = !generation_is_terminal(g->state);
    must_unplanted(g->hold_micros == (live ? g->quoted_micros : 0));
    must_unplanted(g->billed_micros >= 0 && g->billed_micros <= g->quoted_micros && (!live || g->billed_micros == 0));
    must_unplanted(live == !g->finished_at);
    must_unplanted(str_eq(g->state, GEN_PROCESSING) == !str_empty(g->node));
    must_unplanted(p->pending >= 0 && p->running >= 0);
}

static void say_end(struct workset *w, struct generation *g, micros held, msec at) {
    const struct event_more failed[] = {{"error_code", g->error_code},
                                        {"detail", g->error_detail},
                                        {"billed_micros", .number = g->billed_micros},
                                        {"released_micros", .number = held - g->billed_micros},
                                        {}};
    const struct event_more ended[] = {{"outputs", .number = g->outputs},
                                       {"billed_micros", .number = g->billed_micros},
                                       {"released_micros", .number = held - g->billed_micros},
                                       {}};
    event_add(w, g, g->state, str_empty(g->error_code) ? ended : failed, at);
}

/* What happened, and that nothing was charged: whoever wrote the sentence need not know what a caller wants to hear first. */
static struct str detail_of(struct workset *w, const struct ending *e) {
    enum { ROOM = 440 }; /* of an error's sentence, whose end would be cut off on the way */
    struct str d = str_trim(str_empty(e->detail) ? str_of(err_info(e->code)->text) : e->detail);
    if (e->capture || (d.len && memmem(d.ptr, d.len, "harged", 6))) return d;
    size_t n = d.len < ROOM ? d.len : ROOM;
    while (n < d.len && n && ((unsigned char)d.ptr[n] & 0xc0) == 0x80) n--; /* not through a character */
    d = str_head(d, n);
    bool ends = d.len && strchr(".!?", d.ptr[d.len - 1]);
    return arena_printf(workset_arena(w), "%.*s%s Nothing was charged.", STR_ARG(d), ends ? "" : ".");
}

void generation_end(struct workset *w, struct generation *g, const struct ending *e, msec at) {
    must(generation_is_terminal(e->state) && generation_may_go(g->state, e->state));
    struct project *p = WS_EDIT(w, project, g->project);
    micros held = g->hold_micros;
    if (str_eq(g->state, GEN_PENDING)) {
        p->pending--;
    } else {
        running_add(w, g, p, -1);
        attempt_end(w, g, e->attempt, at);
    }
    drive_reserved(p, g->book, -g->needs);
    if (!PLANTED(hold_kept_after_failure) || !str_eq(e->state, GEN_FAILED)) ledger_resolve(w, g, e->capture, at);
    key_day_add(w, g, e->capture - held);
    g->state = e->state;
    g->node = STR("");
    g->waits_until = 0;
    g->finished_at = at;
    g->outputs = e->outputs;
    if (e->code) {
        g->error_code = str_of(err_info(e->code)->code);
        g->error_detail = detail_of(w, e);
    }
    say_end(w, g, held, at);
    webhooks_tell(w, p, g, str_eq(g->state, GEN_COMPLETED) ? HOOK_COMPLETED : str_eq(g->state, GEN_FAILED) ? HOOK_FAILED : HOOK_CANCELLED, at);
    generation_check(w, g);
}

/* --- answers --- */

static void copy(char *to, size_t size, struct str from) {
    must(from.len < size);
    if (from.len) memcpy(to, from.ptr, from.len);
    to[from.len] = 0;
}

void outcome_of(struct outcome *out, const struct generation *g) {
    copy(out->generation, sizeof out->generation, g->head.id);
    copy(out->state, sizeof out->state, g->state);
    copy(out->step, sizeof out->step, g->step);
    out->attempt = g->attempts;
    out->events = g->events;
}

void outcome_money(struct outcome *out, struct workset *w, struct str project, struct str book) {
    const struct account *account = WS_GET(w, account, account_id(workset_arena(w), project, book));
    if (account) out->available = account->available;
}
