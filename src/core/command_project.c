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
    want(w, REC_project, c->create_key.project);
}

err create_key_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_create_key *n = &c->create_key;
    if (!str_is(n->kind, "admin") && !str_is(n->kind, "live") && !str_is(n->kind, "test"))
        return why_set(&out->why, E_INVALID, "A key is of kind admin, live or test.");
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
    return OK;
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
