/* What a project's drives show: asset_put, asset_delete, and the path records behind settle. Which names are paths was
 * decided before a command is made. */
#include "base/plant.h"
#include "core/rules.h"

static bool is_test(struct str book) {
    must(str_is(book, "live") || str_is(book, "test"));
    return str_is(book, "test");
}

struct str drive_path_id(struct arena *a, struct drive_spot p) {
    return arena_printf(a, "%.*s%s/%.*s", STR_ARG(p.project), is_test(p.book) && !PLANTED(one_drive) ? ":test" : "", STR_ARG(p.path));
}

static int64_t at_least_zero(int64_t n) { return n > 0 ? n : 0; }

static void count(int64_t *counter, int64_t change) {
    must_simulated(*counter >= 0 && *counter + change >= 0);
    *counter = at_least_zero(at_least_zero(*counter) + change);
}

void drive_stored(struct project *p, struct str book, int64_t change) { count(is_test(book) ? &p->test_drive_bytes : &p->drive_bytes, change); }
void drive_reserved(struct project *p, struct str book, int64_t change) { count(is_test(book) ? &p->test_drive_reserved : &p->drive_reserved, change); }

int64_t drive_used(const struct project *p, struct str book) {
    bool test = is_test(book);
    return at_least_zero(test ? p->test_drive_bytes : p->drive_bytes) + at_least_zero(test ? p->test_drive_reserved : p->drive_reserved);
}

static struct str record_of(struct workset *w, struct drive_spot p) { return drive_path_id(workset_arena(w), p); }

void want_path(struct workset *w, struct drive_spot p, int round) {
    struct str id = record_of(w, p);
    if (round == 1) want(w, REC_drive_path, id);
    const struct drive_path *d = round == 2 ? WS_GET(w, drive_path, id) : NULL;
    if (d) want(w, REC_asset, d->asset);
}

bool path_is_loaded(struct workset *w, struct drive_spot p) { return workset_knows(w, REC_drive_path, record_of(w, p)); }

bool path_shows(struct workset *w, struct drive_spot p) {
    if (str_empty(p.path) || !path_is_loaded(w, p)) return false;
    const struct drive_path *d = WS_GET(w, drive_path, record_of(w, p));
    return d && !str_empty(d->asset);
}

static void bury(struct workset *w, struct asset *a, msec at) {
    must(!a->deleted_at);
    a->deleted_at = at;
    drive_stored(WS_EDIT(w, project, a->project), a->book, -a->bytes);
}

/* What an upload to this path gives back: the upload that stood there. What a generation made stays with it. */
static const struct asset *replaced_upload(struct workset *w, struct drive_spot p) {
    const struct drive_path *d = WS_GET(w, drive_path, record_of(w, p));
    const struct asset *a = d ? WS_GET(w, asset, d->asset) : NULL;
    return a && str_empty(a->generation) ? a : NULL;
}

/* The last writer of a path wins. What it replaces is shown by no path any more: made by a generation it stays, counted, reachable
 * by that; an upload would be out of everybody's reach, so it is deleted. */
static void show(struct workset *w, struct asset *a, msec at) {
    struct str id = record_of(w, (struct drive_spot){a->project, a->book, a->path});
    const struct drive_path *seen = WS_GET(w, drive_path, id);
    struct drive_path *d = seen ? WS_EDIT(w, drive_path, id) : WS_INSERT(w, drive_path, id);
    if (!str_empty(d->asset)) {
        struct asset *replaced = WS_EDIT(w, asset, d->asset);
        replaced->path = STR("");
        if (str_empty(replaced->generation)) bury(w, replaced, at);
    }
    d->project = a->project;
    d->path = a->path;
    d->asset = a->head.id;
    d->updated_at = at;
}

struct asset *asset_add(struct workset *w, const struct output *o, struct drive_spot p, msec at) {
    must(o->bytes >= 0 && !str_empty(p.path));
    struct asset *a = WS_INSERT(w, asset, o->asset);
    a->project = p.project;
    a->book = p.book;
    a->path = p.path;
    a->blob = o->blob;
    a->bytes = o->bytes;
    a->sha256 = o->sha256;
    a->type = o->type;
    a->kind = o->kind;
    a->facts = o->facts;
    a->created_at = at;
    show(w, a, at);
    drive_stored(WS_EDIT(w, project, p.project), p.book, o->bytes);
    return a;
}

static struct drive_spot put_spot(const struct cmd_asset_put *n) { return (struct drive_spot){n->project, n->book, n->path}; }

/* Decided with the commit: between two writers who both looked before, one is refused. */
static err check_conditions(struct workset *w, const struct cmd_asset_put *n, struct why *why) {
    const struct drive_path *d = WS_GET(w, drive_path, record_of(w, put_spot(n)));
    const struct asset *shown = d && !str_empty(d->asset) ? WS_GET(w, asset, d->asset) : NULL;
    if (n->only_new && shown) return why_set(why, E_PRECONDITION, "There is a file at that path already, and the request was to write only a new one. Nothing was changed.");
    if (str_empty(n->only_if) || (shown && (str_is(n->only_if, "*") || str_eq(n->only_if, shown->sha256)))) return OK;
    return why_set(why, E_PRECONDITION, shown ? "The file at that path is not the one that the request names. Nothing was changed." : "There is no file at that path to replace. Nothing was changed.");
}

void asset_put_want(const struct command *c, struct workset *w, int round) {
    const struct cmd_asset_put *n = &c->asset_put;
    if (round == 0) {
        want(w, REC_project, n->project);
        want(w, REC_asset, n->output.asset);
    }
    /* the path is known at once; what it shows, one round later */
    if (round < 2) want_path(w, put_spot(n), round + 1);
}

err asset_put_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_asset_put *n = &c->asset_put;
    const struct project *p = WS_GET(w, project, n->project);
    if (!p) return why_set(&out->why, E_NOT_FOUND, "There is no such project.");
    if (str_empty(n->path)) return why_set(&out->why, E_BAD_PATH, "A file in the drive needs a path.");
    const struct asset *known = WS_GET(w, asset, n->output.asset);
    if (known) {
        bool same = str_eq(known->project, n->project) && str_eq(known->book, n->book) && str_eq(known->sha256, n->output.sha256);
        return same ? OK : why_set(&out->why, E_CONFLICT, "The asset's id belongs to another file.");
    }
    TRY(check_conditions(w, n, &out->why));
    const struct asset *replaced = replaced_upload(w, put_spot(n));
    int64_t used = drive_used(p, n->book) - (replaced ? replaced->bytes : 0);
    if (p->drive_limit && (used > p->drive_limit || n->output.bytes > p->drive_limit - used)) {
        why_set(&out->why, E_DRIVE_FULL,
                "The file has %lld bytes and the project's drive has %lld left; delete files first.",
                (long long)n->output.bytes, (long long)(used < p->drive_limit ? p->drive_limit - used : 0));
        why_fact_int(&out->why, "needs_bytes", n->output.bytes);
        why_fact_int(&out->why, "used_bytes", used);
        why_fact_int(&out->why, "limit_bytes", p->drive_limit);
        return E_DRIVE_FULL;
    }
    asset_add(w, &n->output, put_spot(n), c->at);
    return OK;
}

static struct drive_spot delete_spot(const struct cmd_asset_delete *n) { return (struct drive_spot){n->project, n->book, n->path}; }

void asset_delete_want(const struct command *c, struct workset *w, int round) {
    const struct cmd_asset_delete *n = &c->asset_delete;
    if (round == 0) {
        want(w, REC_project, n->project);
        want(w, REC_asset, n->asset);
    }
    if (round < 2) want_path(w, delete_spot(n), round + 1);
}

err asset_delete_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_asset_delete *n = &c->asset_delete;
    struct str id = record_of(w, delete_spot(n));
    const struct drive_path *seen = WS_GET(w, drive_path, id);
    const struct asset *named = WS_GET(w, asset, n->asset);
    bool ours = named && str_eq(named->project, n->project) && str_eq(named->book, n->book);
    if (ours && str_empty(named->path) && str_empty(n->path) && !named->deleted_at) {
        bury(w, WS_EDIT(w, asset, n->asset), c->at); /* replaced before: no path shows it */
        return OK;
    }
    if (!seen || str_empty(seen->asset) || (n->asset.len && !str_eq(seen->asset, n->asset))) return why_set(&out->why, E_NOT_FOUND, "There is no file at that path.");
    bury(w, WS_EDIT(w, asset, seen->asset), c->at);
    struct drive_path *d = WS_EDIT(w, drive_path, id);
    d->asset = STR("");
    d->updated_at = c->at;
    return OK;
}

/* --- derived files --- */

static struct str derived_id(struct workset *w, const struct cmd_derived *d) {
    return arena_printf(workset_arena(w), "%.*s:%.*s", STR_ARG(d->asset), STR_ARG(d->role));
}

void derived_want(const struct command *c, struct workset *w, int round) {
    if (round) return;
    want(w, REC_asset, c->derived.asset);
    want(w, REC_derived, derived_id(w, &c->derived));
}

/* The first one stays: whoever made the same later drops his blob. The same blob again is the first one whose answer was lost. */
err derived_put_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_derived *d = &c->derived;
    const struct asset *a = WS_GET(w, asset, d->asset);
    if (!a || a->deleted_at) return why_set(&out->why, E_NOT_FOUND, "The file that this was made of is gone.");
    struct str id = derived_id(w, d);
    const struct derived *known = WS_GET(w, derived, id);
    if (known && str_eq(known->state, d->state) && str_eq(known->blob, d->blob)) return OK;
    if (known) return why_set(&out->why, E_EXISTS, "It was made already.");
    struct derived *r = WS_INSERT(w, derived, id);
    r->asset = d->asset;
    r->role = d->role;
    r->state = d->state;
    r->blob = d->blob;
    r->type = d->type;
    r->bytes = d->bytes;
    r->width = d->width;
    r->height = d->height;
    r->created_at = c->at;
    return OK;
}
