/* Double entry: the only place that writes transfers and balances. */
#include "core/ledger.h"

#include "base/plant.h"

struct str account_id(struct arena *a, struct str project, struct str book) {
    char *p = arena_bytes(a, project.len + book.len + 2);
    memcpy(p, project.ptr, project.len);
    p[project.len] = '/';
    memcpy(p + project.len + 1, book.ptr, book.len);
    p[project.len + 1 + book.len] = 0;
    return str_n(p, project.len + 1 + book.len);
}

struct str transfer_id(struct arena *a, struct str generation, const char *purpose) {
    return arena_printf(a, "%.*s:%s", STR_ARG(generation), purpose);
}

void ledger_want_account(struct workset *w, struct str project, struct str book) {
    if (str_empty(project) || str_empty(book)) return;
    workset_want(w, (struct rec_key){REC_account, account_id(workset_arena(w), project, book)});
}

void ledger_want_generation(struct workset *w, struct str generation) {
    const struct generation *g = WS_GET(w, generation, generation);
    if (g) ledger_want_account(w, g->project, g->book);
}

enum side { SIDE_TOP_UPS, SIDE_AVAILABLE, SIDE_HELD, SIDE_REVENUE, SIDE_ADJUSTMENTS };

static struct str side_name(struct arena *a, const struct account *account, enum side side) {
    switch (side) {
    case SIDE_TOP_UPS:
        return arena_printf(a, "platform/%.*s/top_ups", STR_ARG(account->book));
    case SIDE_REVENUE:
        return arena_printf(a, "platform/%.*s/revenue", STR_ARG(account->book));
    case SIDE_ADJUSTMENTS:
        return arena_printf(a, "platform/%.*s/adjustments", STR_ARG(account->book));
    case SIDE_AVAILABLE:
        return arena_printf(a, "%.*s/available", STR_ARG(account->head.id));
    case SIDE_HELD:
        return arena_printf(a, "%.*s/held", STR_ARG(account->head.id));
    }
    must(!"a side of the ledger");
}

/* Where each kind of transfer takes from and gives to. */
static const struct purpose {
    const char *name;
    enum side debit, credit;
} TOP_UP = {"top_up", SIDE_TOP_UPS, SIDE_AVAILABLE}, HOLD = {"hold", SIDE_AVAILABLE, SIDE_HELD},
  CAPTURE = {"capture", SIDE_HELD, SIDE_REVENUE}, RELEASE = {"release", SIDE_HELD, SIDE_AVAILABLE},
  GIVE = {"adjust", SIDE_ADJUSTMENTS, SIDE_AVAILABLE}, TAKE_BACK = {"adjust", SIDE_AVAILABLE, SIDE_ADJUSTMENTS};

static void balance_add(struct account *account, enum side side, micros amount) {
    if (side == SIDE_AVAILABLE) must(!micros_add(account->available, amount, &account->available));
    if (side == SIDE_HELD) must(!micros_add(account->held, amount, &account->held));
}

/* One transfer and its effect on the account. A movement of nothing is none. */
static struct transfer *move(struct workset *w, struct account *account, struct str id, const struct purpose *p,
                             micros amount, msec at) {
    must(amount > 0);
    struct arena *a = workset_arena(w);
    struct transfer *t = WS_INSERT(w, transfer, id);
    t->project = account->project;
    t->book = account->book;
    t->seq = ++account->seq;
    t->purpose = str_of(p->name);
    t->debit = side_name(a, account, p->debit);
    t->credit = side_name(a, account, p->credit);
    t->amount = amount;
    t->created_at = at;
    balance_add(account, p->debit, -amount);
    balance_add(account, p->credit, amount);
    must_unplanted(account->available >= 0 && account->held >= 0);
    return t;
}

static void move_for(struct workset *w, struct account *account, const struct generation *g, const struct purpose *p,
                     micros amount, msec at) {
    if (amount) move(w, account, transfer_id(workset_arena(w), g->head.id, p->name), p, amount, at)->generation = g->head.id;
}

static bool same_top_up(const struct transfer *t, const struct cmd_top_up *c) {
    return str_eq(t->purpose, STR("top_up")) && str_eq(t->project, c->project) && str_eq(t->book, c->book) &&
           t->amount == c->amount;
}

err ledger_top_up(struct workset *w, const struct cmd_top_up *c, msec at, struct why *why) {
    struct str id = account_id(workset_arena(w), c->project, c->book);
    const struct account *account = WS_GET(w, account, id);
    if (!account) return why_set(why, E_NOT_FOUND, "There is no such project, or it has no such book.");
    const struct transfer *known = WS_GET(w, transfer, c->transfer);
    if (known) {
        if (same_top_up(known, c)) return OK;
        return why_set(why, E_KEY_REUSED,
                       "The key of this top-up was used for a different one before; use a new key for a new top-up.");
    }
    micros after;
    if (c->amount <= 0) return why_set(why, E_INVALID, "A top-up must be more than nothing.");
    if (c->amount > MICROS_MAX || micros_add(account->available, c->amount, &after) || after > MICROS_MAX)
        return why_set(why, E_INVALID, "With that the account would hold more than a billion dollars, which is the most one may hold.");
    struct transfer *t = move(w, WS_EDIT(w, account, id), c->transfer, &TOP_UP, c->amount, at);
    t->author = c->author;
    t->reason = c->reason;
    return OK;
}

err ledger_adjust(struct workset *w, const struct cmd_adjust *c, msec at, struct why *why) {
    struct str id = account_id(workset_arena(w), c->project, c->book);
    const struct account *account = WS_GET(w, account, id);
    if (!account) return why_set(why, E_NOT_FOUND, "There is no such project, or it has no such book.");
    if (!c->amount || c->amount > MICROS_MAX || c->amount < -MICROS_MAX) return why_set(why, E_INVALID, "An adjustment moves an amount, above or below zero.");
    micros moved = c->amount < 0 ? -c->amount : c->amount, after;
    const struct transfer *known = WS_GET(w, transfer, c->transfer);
    if (known) {
        bool gives = str_ends(known->debit, STR("/adjustments"));
        bool same = str_is(known->purpose, "adjust") && str_eq(known->project, c->project) && str_eq(known->book, c->book) && known->amount == moved &&
                    gives == (c->amount > 0);
        return same ? OK : why_set(why, E_KEY_REUSED, "The key of this adjustment was used for a different one before; use a new key.");
    }
    if (micros_add(account->available, c->amount, &after) || after > MICROS_MAX) return why_set(why, E_LIMIT, "That is more than one account may hold.");
    if (after < 0) {
        why_fact_int(why, "available_micros", account->available);
        return why_set(why, E_INSUFFICIENT_CREDIT, "Only %lld micros are available; an adjustment cannot take more.", (long long)account->available);
    }
    struct transfer *t = move(w, WS_EDIT(w, account, id), c->transfer, c->amount > 0 ? &GIVE : &TAKE_BACK, moved, at);
    t->author = c->author;
    t->reason = c->reason;
    return OK;
}

err ledger_covers(const struct account *account, micros amount, struct why *why) {
    if (account->available >= amount) return OK;
    why_set(why, E_INSUFFICIENT_CREDIT,
            "This call reserves %lld micros and the project's %.*s book has %lld; top it up by at least %lld.",
            (long long)amount, STR_ARG(account->book), (long long)account->available,
            (long long)(amount - account->available));
    why_fact_int(why, "required_micros", amount);
    why_fact_int(why, "available_micros", account->available);
    why_fact_int(why, "missing_micros", amount - account->available);
    return E_INSUFFICIENT_CREDIT;
}

err ledger_hold(struct workset *w, struct generation *g, micros amount, msec at, struct why *why) {
    must(amount >= 0 && amount <= MICROS_MAX && g->hold_micros == 0);
    struct str id = account_id(workset_arena(w), g->project, g->book);
    const struct account *account = WS_GET(w, account, id);
    must(account);
    TRY(ledger_covers(account, amount, why));
    if (amount) move_for(w, WS_EDIT(w, account, id), g, &HOLD, amount, at);
    g->hold_micros = amount;
    return OK;
}

void ledger_resolve(struct workset *w, struct generation *g, micros amount, msec at) {
    micros held = g->hold_micros;
    must(amount >= 0 && amount <= held);
    g->hold_micros = 0;
    g->billed_micros = amount;
    if (!held) return;
    struct account *account = WS_EDIT(w, account, account_id(workset_arena(w), g->project, g->book));
    move_for(w, account, g, &CAPTURE, amount, at);
    if (PLANTED(double_capture)) account->available -= amount;
    move_for(w, account, g, &RELEASE, PLANTED(release_after_capture) ? held : held - amount, at);
}
