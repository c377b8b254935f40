#include "model.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void model_fail(struct model *m, const char *format, ...) {
    if (m->fault[0]) return;
    va_list args;
    va_start(args, format);
    vsnprintf(m->fault, sizeof m->fault, format, args);
    va_end(args);
}

/* Counted out in whole units and a rest, each rounded as on paper: the rest costs its share, and a started micro is a micro. */
int64_t model_amount(const struct model_price *p, int64_t quantity, int64_t outputs) {
    int64_t whole = quantity / p->unit, rest = quantity % p->unit;
    int64_t amount = whole * p->rate;
    int64_t share = rest * p->rate; /* the simulator keeps rates and units small enough for this to fit */
    amount += share / p->unit;
    if (share % p->unit) amount++;
    return amount * outputs;
}

void model_top_up(struct model *m, int account, int64_t amount) { m->top_ups[account] += amount; }

struct model_call *model_find(struct model *m, const char *id) {
    for (int i = m->call_count - 1; i >= 0; i--)
        if (!strcmp(m->calls[i].id, id)) return &m->calls[i];
    return NULL;
}

void model_asked(struct model *m, const char *id, int account, int64_t day, bool limited, int path, const struct model_price *p) {
    if (model_find(m, id)) return;
    if (m->call_count == MODEL_CALLS) {
        model_fail(m, "the run is longer than the model's memory");
        return;
    }
    struct model_call *c = &m->calls[m->call_count++];
    *c = (struct model_call){.account = account, .day = day, .limited = limited, .path = path, .price = *p, .parts = -1};
    snprintf(c->id, sizeof c->id, "%s", id);
    c->quoted = model_amount(p, p->quantity, p->outputs);
}

static void expect(const struct model *m, int account, int64_t *available, int64_t *held);

void model_told(struct model *m, const char *id) {
    struct model_call *c = model_find(m, id);
    if (c) c->told = true;
}

void model_look(struct model *m) {
    m->running = 0;
    for (int i = 0; i < m->call_count; i++) m->calls[i].seen = false;
}

void model_seen_all(struct model *m) {
    for (int i = 0; i < m->call_count; i++) {
        const struct model_call *c = &m->calls[i];
        if (c->told && !c->seen) model_fail(m, "call %s was answered, but the books do not have it", c->id);
        if (c->state != MODEL_ASKED && !c->seen) model_fail(m, "call %s has vanished from the books", c->id);
    }
}

void model_delivered(struct model *m, const char *id, int64_t stored, int64_t parts) {
    struct model_call *c = model_find(m, id);
    if (!c) return; /* its caller has not been told yet */
    c->delivered = true;
    c->stored = stored;
    c->parts = parts;
}

static int64_t bill(const struct model_call *c) {
    int64_t outputs = 1;
    if (c->price.per_output) outputs = c->stored < c->price.outputs ? c->stored : c->price.outputs;
    int64_t amount;
    if (!c->price.measured) amount = model_amount(&c->price, c->price.quantity, outputs);
    else if (c->parts >= 0) amount = model_amount(&c->price, c->parts, outputs);
    else amount = c->price.if_unmeasured;
    return amount < c->quoted ? amount : c->quoted;
}

static int64_t paid(const struct model_call *c) { return c->state == MODEL_COMPLETED ? bill(c) : 0; }

static void expect(const struct model *m, int account, int64_t *available, int64_t *held) {
    *available = m->top_ups[account];
    *held = 0;
    for (int i = 0; i < m->call_count; i++) {
        const struct model_call *c = &m->calls[i];
        if (c->account != account) continue;
        if (c->state == MODEL_ASKED) continue;
        *available -= c->state == MODEL_LIVE ? c->quoted : paid(c);
        if (c->state == MODEL_LIVE) *held += c->quoted;
    }
}

void model_see_call(struct model *m, const struct model_row *row) {
    struct model_call *c = model_find(m, row->id);
    if (!c) {
        model_fail(m, "call %s is in the books, but nobody was told of it", row->id);
        return;
    }
    c->seen = true;
    if (c->limited && !strcmp(row->state, "processing")) m->running++;
    bool completed = !strcmp(row->state, "completed");
    bool unpaid = !strcmp(row->state, "failed") || !strcmp(row->state, "cancelled");
    if (c->final[0] && strcmp(c->final, row->state)) model_fail(m, "call %s had ended as %s and is %s now", c->id, c->final, row->state);
    if (completed || unpaid) snprintf(c->final, sizeof c->final, "%s", row->state);
    c->state = completed ? MODEL_COMPLETED : unpaid ? MODEL_ENDED_UNPAID : MODEL_LIVE;
    if (completed && !c->delivered) model_fail(m, "call %s completed, but no provider delivered", c->id);
    int64_t held = c->state == MODEL_LIVE ? c->quoted : 0;
    if (row->held != held) model_fail(m, "call %s (%s) holds %lld micros, expected %lld", c->id, row->state, (long long)row->held, (long long)held);
    if (row->billed != paid(c)) model_fail(m, "call %s (%s) was billed %lld micros, expected %lld", c->id, row->state, (long long)row->billed, (long long)paid(c));
}

void model_see_spent(struct model *m, int account, int64_t day, int64_t spent, int64_t cap) {
    int64_t should = 0;
    for (int i = 0; i < m->call_count; i++) {
        const struct model_call *c = &m->calls[i];
        if (c->account == account && c->day == day && c->state != MODEL_ASKED) should += c->state == MODEL_LIVE ? c->quoted : paid(c);
    }
    if (spent != should) model_fail(m, "the key of account %d has spent %lld on day %lld, expected %lld", account, (long long)spent, (long long)day, (long long)should);
    if (spent > cap) model_fail(m, "the key of account %d has spent %lld on day %lld, more than %lld", account, (long long)spent, (long long)day, (long long)cap);
}

void model_see_load(struct model *m, int64_t running, int64_t limit) {
    if (m->running > limit) model_fail(m, "%lld calls of a model run that allows %lld", (long long)m->running, (long long)limit);
    if (running != m->running) model_fail(m, "the books count %lld running calls of the limited model, there are %lld", (long long)running, (long long)m->running);
}

void model_see_path(struct model *m, int account, int path, const char *id) {
    if (id[0]) {
        const struct model_call *c = model_find(m, id);
        if (!c || c->account != account || c->path != path || c->state != MODEL_COMPLETED) model_fail(m, "path %d of account %d shows a file of call %s, which put none there", path, account, id);
        return;
    }
    for (int i = 0; i < m->call_count; i++) {
        const struct model_call *c = &m->calls[i];
        if (c->account == account && c->path == path && c->state == MODEL_COMPLETED) model_fail(m, "path %d of account %d shows nothing, and call %s put a file there", path, account, c->id);
    }
}

void model_see_account(struct model *m, int account, int64_t available, int64_t held) {
    int64_t should_available, should_held;
    expect(m, account, &should_available, &should_held);
    if (available < 0) model_fail(m, "account %d is overdrawn: %lld", account, (long long)available);
    if (available != should_available || held != should_held)
        model_fail(m, "account %d: available %lld and held %lld, expected %lld and %lld", account, (long long)available, (long long)held, (long long)should_available, (long long)should_held);
}
