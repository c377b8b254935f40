/* A project's secrets: sealed before they come here, replaced as a whole, forgotten on request. Names become environment
 * variables of whatever runs for the project, so those that would change how a program starts are refused. */
#include "core/rules.h"

static struct str secret_id(struct workset *w, const struct cmd_secret *s) {
    return arena_printf(workset_arena(w), "%.*s/%.*s", STR_ARG(s->project), STR_ARG(s->name));
}

void secret_want(const struct command *c, struct workset *w, int round) {
    if (round) return;
    want(w, REC_project, c->secret.project);
    want(w, REC_secret, secret_id(w, &c->secret));
}

static bool is_name(struct str s) {
    if (!s.len || s.len > 64 || (s.ptr[0] >= '0' && s.ptr[0] <= '9')) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
    }
    return !str_is(s, "PATH") && !str_starts(s, STR("LD_")) && !str_starts(s, STR("PYTHON")) && !str_starts(s, STR("PURAS_"));
}

err secret_put_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_secret *s = &c->secret;
    if (!is_name(s->name))
        return why_set(&out->why, E_INVALID, "A secret's name has letters, digits and underscores, at most 64, and is not PATH, LD_*, PYTHON* or PURAS_*.");
    if (!WS_GET(w, project, s->project)) return why_set(&out->why, E_NOT_FOUND, "There is no such project.");
    struct str id = secret_id(w, s);
    struct secret *r = WS_GET(w, secret, id) ? WS_EDIT(w, secret, id) : WS_INSERT(w, secret, id);
    r->project = s->project;
    r->name = s->name;
    r->sealed = s->sealed;
    r->updated_at = c->at;
    r->deleted_at = 0;
    return OK;
}

err secret_delete_apply(const struct command *c, struct workset *w, struct outcome *out) {
    struct str id = secret_id(w, &c->secret);
    const struct secret *known = WS_GET(w, secret, id);
    if (!known || known->deleted_at) return why_set(&out->why, E_NOT_FOUND, "There is no secret of that name.");
    struct secret *r = WS_EDIT(w, secret, id);
    r->sealed = STR("");
    r->deleted_at = c->at;
    return OK;
}
