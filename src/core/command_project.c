/* Rules about projects, keys, credit and the catalog: create_project, create_key, revoke_key, top_up, publish_catalog. */
#include "base/limits.h"
#include "core/ledger.h"
#include "core/rules.h"

void create_project_want(const struct command *c, struct workset *w, int round) {
    if (round) return;
    want(w, REC_project, c->create_project.id);
    ledger_want_account(w, c->create_project.id, STR("live"));
    ledger_want_account(w, c->create_project.id, STR("test"));
}

static void open_book(struct workset *w, struct str project, struct str book) {
    struct account *a = WS_INSERT(w, account, account_id(workset_arena(w), project, book));
    a->project = project;
    a->book = book;
}

err create_project_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_create_project *n = &c->create_project;
    if (str_empty(n->id)) return why_set(&out->why, E_INVALID, "A project needs an id.");
    if (n->run_limit < 0 || n->drive_limit < 0)
        return why_set(&out->why, E_INVALID, "A project's limits cannot be below zero.");
    if (WS_GET(w, project, n->id)) return why_set(&out->why, E_EXISTS, "There is a project of that id already.");
    struct project *p = WS_INSERT(w, project, n->id);
    p->name = n->name;
    p->created_at = c->at;
    p->run_limit = n->run_limit ? n->run_limit : LIMIT_RUNNING_PER_PROJECT;
    p->drive_limit = n->drive_limit;
    open_book(w, n->id, STR("live"));
    open_book(w, n->id, STR("test"));
    return OK;
}

void create_key_want(const struct command *c, struct workset *w, int round) {
    if (round) return;
    want(w, REC_api_key, c->create_key.prefix);
    want(w, REC_api_key, c->create_key.replaces);
    want(w, REC_project, c->create_key.project);
}

/* Rotation: the key before goes on for a while, so that callers can change over. */
static err retire(const struct cmd_create_key *n, struct workset *w, struct api_key *k, struct why *why) {
    if (str_empty(n->replaces)) return OK;
    if (str_eq(n->replaces, n->prefix)) return why_set(why, E_INVALID, "A key cannot replace itself.");
    if (n->old_expires_at <= 0) return why_set(why, E_INVALID, "A rotation says until when the key before stays valid.");
    const struct api_key *old = WS_GET(w, api_key, n->replaces);
    if (!old || !str_eq(old->project, n->project)) return why_set(why, E_NOT_FOUND, "There is no such key to rotate.");
    if (old->revoked_at) return why_set(why, E_CONFLICT, "The key to rotate is revoked.");
    k->replaces = n->replaces;
    struct api_key *edit = WS_EDIT(w, api_key, n->replaces);
    if (!edit->expires_at || edit->expires_at > n->old_expires_at) edit->expires_at = n->old_expires_at;
    return OK;
}

err create_key_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_create_key *n = &c->create_key;
    bool publishable = str_is(n->kind, "pub") || str_is(n->kind, "pubtest");
    if (!publishable && !str_is(n->kind, "admin") && !str_is(n->kind, "live") && !str_is(n->kind, "test"))
        return why_set(&out->why, E_INVALID, "A key is of kind admin, live, test, pub or pubtest.");
    if (publishable && (str_empty(n->models) || str_empty(n->origins) || n->day_cap <= 0))
        return why_set(&out->why, E_INVALID, "A publishable key can be read by everyone who opens the page: it needs the models it may run, the origins it may be sent "
                                             "from, and what it may spend a day.");
    if (n->call_cap < 0 || n->day_cap < 0) return why_set(&out->why, E_INVALID, "A cap cannot be below zero.");
    if (str_empty(n->prefix) || str_empty(n->hash))
        return why_set(&out->why, E_INVALID, "A key needs a prefix and the hash of its secret.");
    if (!WS_GET(w, project, n->project)) return why_set(&out->why, E_NOT_FOUND, "There is no such project.");
    const struct api_key *known = WS_GET(w, api_key, n->prefix);
    if (known) {
        bool same = str_eq(known->hash, n->hash) && str_eq(known->project, n->project) && str_eq(known->kind, n->kind);
        return same ? OK : why_set(&out->why, E_EXISTS, "There is a key of that prefix already.");
    }
    struct api_key *k = WS_INSERT(w, api_key, n->prefix);
    k->project = n->project;
    k->kind = n->kind;
    k->hash = n->hash;
    k->name = n->name;
    k->created_at = c->at;
    k->scopes = n->scopes;
    k->models = n->models;
    k->origins = n->origins;
    k->rate_class = n->rate_class;
    k->expires_at = n->expires_at;
    k->call_cap = n->call_cap;
    k->day_cap = n->day_cap;
    return retire(n, w, k, &out->why);
}

void revoke_key_want(const struct command *c, struct workset *w, int round) {
    if (!round) want(w, REC_api_key, c->revoke_key.prefix);
}

err revoke_key_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_revoke_key *n = &c->revoke_key;
    const struct api_key *k = WS_GET(w, api_key, n->prefix);
    bool foreign = k && !str_empty(n->project) && !str_eq(k->project, n->project);
    if (!k || foreign) return why_set(&out->why, E_NOT_FOUND, "There is no such key.");
    if (!k->revoked_at) WS_EDIT(w, api_key, n->prefix)->revoked_at = c->at;
    return OK;
}

void top_up_want(const struct command *c, struct workset *w, int round) {
    if (round) return;
    want(w, REC_transfer, c->top_up.transfer);
    ledger_want_account(w, c->top_up.project, c->top_up.book);
}

err top_up_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_top_up *t = &c->top_up;
    if (str_empty(t->transfer) || str_empty(t->project) || str_empty(t->book))
        return why_set(&out->why, E_INVALID, "A top-up names its transfer, a project and a book.");
    TRY(ledger_top_up(w, t, c->at, &out->why));
    outcome_money(out, w, t->project, t->book);
    return OK;
}

/* --- an operator's corrections --- */

void adjust_want(const struct command *c, struct workset *w, int round) {
    if (round) return;
    want(w, REC_transfer, c->adjust.transfer);
    ledger_want_account(w, c->adjust.project, c->adjust.book);
}

err adjust_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_adjust *a = &c->adjust;
    if (str_empty(a->transfer) || str_empty(a->project) || str_empty(a->book))
        return why_set(&out->why, E_INVALID, "An adjustment names its transfer, a project and a book.");
    if (str_empty(a->reason) || str_empty(a->author)) return why_set(&out->why, E_INVALID, "An adjustment needs a reason and an author.");
    TRY(ledger_adjust(w, a, c->at, &out->why));
    outcome_money(out, w, a->project, a->book);
    return OK;
}

void project_set_want(const struct command *c, struct workset *w, int round) {
    if (!round) want(w, REC_project, c->project_set.id);
}

err project_set_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_project_set *s = &c->project_set;
    if (!WS_GET(w, project, s->id)) return why_set(&out->why, E_NOT_FOUND, "There is no such project.");
    if (s->run_limit == 0) return why_set(&out->why, E_INVALID, "A project must be able to run one generation.");
    if (s->retention_days > LIMIT_RETENTION_DAYS)
        return why_set(&out->why, E_INVALID, "Files are kept for at most %d days, or for ever (0).", LIMIT_RETENTION_DAYS);
    struct project *p = WS_EDIT(w, project, s->id);
    if (s->run_limit > 0) p->run_limit = s->run_limit;
    if (s->drive_limit >= 0) p->drive_limit = s->drive_limit;
    if (s->retention_days >= 0) p->retention_days = s->retention_days;
    return OK;
}

void publish_want(const struct command *c, struct workset *w, int round) {
    if (!round) want(w, REC_catalog_version, c->publish.sha256);
}

err publish_apply(const struct command *c, struct workset *w, struct outcome *out) {
    if (str_empty(c->publish.sha256))
        return why_set(&out->why, E_INVALID, "A catalog version is named by the hash of its content.");
    const struct catalog_version *known = WS_GET(w, catalog_version, c->publish.sha256);
    if (known) { /* named by its content: the same one, perhaps come back after others; the newest publication is what counts */
        if (known->published_at < c->at) WS_EDIT(w, catalog_version, c->publish.sha256)->published_at = c->at;
        return OK;
    }
    struct catalog_version *v = WS_INSERT(w, catalog_version, c->publish.sha256);
    v->content = c->publish.content;
    v->published_at = c->at;
    return OK;
}
