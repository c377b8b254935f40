/* Where a file comes from: its record and those of the files it was made of, back to what was uploaded. Everything is read from what settling
 * committed and signed on the way out, so a record cannot be forged in the store and nothing is stored twice. */
#include "base/hash.h"
#include "base/id.h"
#include "ops/notary.h"
#include "ops/ops_int.h"

struct link_of_chain {
    const struct asset *a;
    const struct generation *g; /* NULL: it was uploaded */
    const struct attempt *t;    /* the one that made it; NULL: none is known */
    const struct json *files;   /* its parents: [{input, asset, ..}] or NULL */
    bool withheld;              /* of a book that the caller's key does not read */
};
struct chain {
    struct link_of_chain at[LIMIT_LINEAGE];
    size_t n;
    bool cut; /* there were more */
};

/* A key reads one book of its project; an operator reads all. */
static bool may_see(const struct caller *c, const struct asset *a) { return is_operator(c) || is_in_drive(a, c); }

static err add(struct chain *chain, struct read *r, struct db *db, const struct asset *a) {
    for (size_t i = 0; i < chain->n; i++)
        if (str_eq(chain->at[i].a->head.id, a->head.id)) return OK;
    if (chain->n == LIMIT_LINEAGE) {
        chain->cut = true;
        return OK;
    }
    struct link_of_chain *l = &chain->at[chain->n++];
    *l = (struct link_of_chain){.a = a, .withheld = !may_see(&r->caller, a)};
    if (l->withheld || !a->generation.len) return OK;
    TRY(QUERY_RECORD(db, generation, a->generation, &r->arena, &l->g));
    const struct attempt **attempts;
    size_t n;
    TRY(query_attempts(db, a->generation, &r->arena, &attempts, &n));
    for (size_t i = 0; i < n; i++)
        if (!l->t || str_is(attempts[i]->state, "completed")) l->t = attempts[i];
    struct json *files = NULL;
    if (l->g->files.len && json_parse(l->g->files, &r->arena, NULL, &files)) return E_CORRUPT;
    l->files = files;
    return OK;
}

/* Breadth first: at[0] is the file itself, what it was made of follows. */
static err follow(struct chain *chain, struct read *r, struct db *db, const struct asset *root) {
    TRY(add(chain, r, db, root));
    for (size_t i = 0; i < chain->n; i++)
        for (const struct json *f = chain->at[i].files ? chain->at[i].files->child : NULL; f; f = f->next) {
            struct str id;
            const struct asset *a = NULL;
            if (!json_as_str(json_get(f, "asset"), &id)) continue;
            TRY(QUERY_RECORD(db, asset, id, &r->arena, &a));
            if (!str_eq(a->project, root->project)) return E_CORRUPT;
            TRY(add(chain, r, db, a));
        }
    return OK;
}

static const struct asset *asset_of(const struct chain *chain, struct str id) {
    for (size_t i = 0; i < chain->n; i++)
        if (str_eq(chain->at[i].a->head.id, id)) return chain->at[i].a;
    return NULL;
}

static void write_parents(struct jw *w, const struct chain *chain, const struct link_of_chain *l) {
    jw_key(w, "parents");
    jw_open(w, '[');
    for (const struct json *f = l->files ? l->files->child : NULL; f; f = f->next) {
        struct str id, input = {};
        const struct asset *a = json_as_str(json_get(f, "asset"), &id) ? asset_of(chain, id) : NULL;
        (void)json_as_str(json_get(f, "input"), &input);
        if (!a) continue; /* beyond the bound; `complete` says so */
        jw_open(w, '{');
        jw_kstr(w, "input", input);
        jw_kstr(w, "asset", a->head.id);
        jw_kstr(w, "sha256", a->sha256);
        jw_kopt(w, "generation", a->generation);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

/* The text that is signed. */
static void write_record(struct jw *w, const struct chain *chain, const struct link_of_chain *l, const struct notary *notary) {
    const struct asset *a = l->a;
    const struct generation *g = l->g;
    jw_open(w, '{');
    jw_ki64(w, "v", 1);
    jw_kstr(w, "key_id", notary_key_id(notary));
    jw_kstr(w, "asset", a->head.id);
    jw_kstr(w, "sha256", a->sha256);
    jw_ki64(w, "bytes", a->bytes);
    jw_kstr(w, "media_type", a->type);
    jw_kstr(w, "project", a->project);
    jw_kz(w, "origin", g ? "generation" : "upload");
    view_time(w, "made_at", a->created_at);
    if (g) {
        char hash[SHA256_HEX + 1];
        sha256_hex(g->inputs, hash);
        jw_kstr(w, "generation", g->head.id);
        jw_kstr(w, "book", g->book);
        jw_kstr(w, "model", g->model);
        jw_kstr(w, "kind", g->kind);
        jw_kz(w, "inputs_sha256", hash);
        jw_kraw(w, "price_row", g->price_row);
        jw_ki64(w, "billed_micros", g->billed_micros);
        jw_kstr(w, "provider", l->t ? l->t->provider : STR(""));
        jw_kstr(w, "route", l->t ? l->t->route : STR(""));
        jw_kstr(w, "catalog", g->catalog);
    }
    write_parents(w, chain, l);
    jw_close(w, '}');
}

static void write_link(struct jw *w, struct read *r, const struct chain *chain, const struct link_of_chain *l) {
    const struct notary *notary = r->o->o.notary;
    jw_open(w, '{');
    jw_kstr(w, "asset", l->a->head.id);
    jw_kstr(w, "drive_path", l->a->deleted_at || l->withheld ? STR("") : l->a->path);
    jw_kbool(w, "deleted", l->a->deleted_at != 0);
    if (l->withheld) jw_kraw(w, "record", STR("null"));
    else {
        struct buf record = {}, jws = {};
        struct jw rw = {.out = &record};
        write_record(&rw, chain, l, notary);
        notary_sign(notary, buf_view(&record), &jws);
        jw_kraw(w, "record", buf_view(&record));
        jw_kstr(w, "jws", buf_view(&jws));
        buf_done(&record);
        buf_done(&jws);
    }
    jw_close(w, '}');
}

/* Each generation once, however many files of it are in the chain; of one book, for the other's money is of another kind. */
static void write_total(struct jw *w, const struct chain *chain) {
    struct str book = chain->at[0].g ? chain->at[0].g->book : STR("");
    micros total = 0;
    int64_t count = 0;
    for (size_t i = 0; i < chain->n; i++) {
        const struct generation *g = chain->at[i].g;
        bool seen = !g || !str_eq(g->book, book);
        for (size_t k = 0; !seen && k < i; k++) seen = chain->at[k].g && str_eq(chain->at[k].g->head.id, g->head.id);
        if (seen) continue;
        total += g->billed_micros;
        count++;
    }
    jw_ki64(w, "generations", count);
    view_money(w, "total", total);
}

/* By its own name, by the path that shows it, or by its bytes. */
static err find(struct read *r, struct db *db, const struct asset **out) {
    const struct caller *c = &r->caller;
    const struct asset *a = NULL;
    if (r->kind.len) TRY(query_asset_of_bytes(db, str_of(c->project), is_operator(c) ? STR("") : str_of(c->book), r->kind, &r->arena, &a));
    else if (r->id.len) TRY(QUERY_RECORD(db, asset, r->id, &r->arena, &a));
    else TRY(asset_at(db, &r->arena, spot_of(c, r->path), &a));
    if (!may_see(c, a)) return E_NOT_FOUND;
    *out = a;
    return OK;
}

static void say_missing(struct read *r) {
    if (r->kind.len)
        read_fail(r, E_NOT_FOUND, "No file in this project has these bytes: it was not made or uploaded here, or something has changed a byte of it since.");
    else if (r->id.len) read_fail(r, E_NOT_FOUND, "There is no asset %.*s in this project that this key may read.", STR_ARG(r->id));
    else read_fail(r, E_NOT_FOUND, "There is no file '%.*s' in this drive.", STR_ARG(r->path));
}

static void run_lineage(struct read *r, struct db *db) {
    const struct asset *root = NULL;
    err e = find(r, db, &root);
    struct chain *chain = arena_new(&r->arena, struct chain);
    if (!e && root->deleted_at) {
        read_fail(r, E_NOT_FOUND, "The file with the sha256 %.*s has been deleted from this drive; what was made of it still names it.", STR_ARG(root->sha256));
        return;
    }
    if (!e) e = follow(chain, r, db, root);
    if (e == E_NOT_FOUND) {
        say_missing(r);
        return;
    }
    if (e) {
        read_fail(r, e, "Where the file comes from could not be read.");
        return;
    }
    struct jw w = {.out = &r->json};
    jw_open(&w, '{');
    jw_kz(&w, "object", "lineage");
    jw_kstr(&w, "asset", root->head.id);
    jw_kstr(&w, "sha256", root->sha256);
    jw_kbool(&w, "complete", !chain->cut);
    write_total(&w, chain);
    jw_key(&w, "chain");
    jw_open(&w, '[');
    for (size_t i = 0; i < chain->n; i++) write_link(&w, r, chain, &chain->at[i]);
    jw_close(&w, ']');
    jw_close(&w, '}');
}

void ops_lineage(struct ops *o, const struct caller *c, struct str path, struct str asset, struct str sha256, ops_done *done, void *arg) {
    struct why why = {};
    _cleanup_(arena_done) struct arena a = {};
    struct str clean = {};
    if (path.len && drive_path_clean(path, &a, &why, &clean)) {
        answer_err(done, arg, why.code, "%s", why_text(&why));
        return;
    }
    struct read *r = read_new(o, c, run_lineage, done, arg);
    r->path = arena_dup(&r->arena, clean);
    r->id = arena_dup(&r->arena, asset);
    r->kind = arena_dup(&r->arena, sha256);
    read_start(r);
}

void ops_lineage_keys(struct ops *o, struct buf *out) { notary_keys(o->o.notary, out); }
