/* The files of a call, before it is admitted: found, resolved on a reader, links to other servers fetched, inline ones stored in the
 * drive. The call's price and route have been checked before anything is fetched or written; what came into the drive for a call that is
 * refused after all stays an ordinary file there, named by its content, and serves the next try. What did not come into the drive leaves
 * the disk at once: a full drive must not fill it with what nobody owns. */
#include "ops/gather.h"

#include "core/caps.h"
#include "core/ledger.h"

#include "ops/intake.h"

#include "ops/links.h"

#include <stdlib.h>

struct gathering {
    struct wait *wait;
    struct ops *o;
    const struct model *model; /* its catalog version stays on the shelf */
    struct arena arena;
    struct submission s;       /* copied into the arena */
    micros price;
    msec now;
    struct files_in files;
    struct output outputs[FILES_MAX];
    char random[2 * FILES_MAX][ID_LEN + 1];
    bool owned[FILES_MAX];     /* in the drive, or perhaps in it */
    err code;
    struct why why;
    size_t fetches;            /* links under way */
    size_t commits;            /* asset_puts under way */
    gathered_fn *done;
};

static void drop_work(void *arg) {
    struct gathering *g = arg;
    for (size_t i = 0; i < g->files.n; i++)
        if (g->outputs[i].blob.len && !g->owned[i] && drive_blob_delete(g->o->o.drive, g->outputs[i].blob)) continue; /* the sweep finds it */
}

static void dropped(void *arg) {
    struct gathering *g = arg;
    ops_intake_drop(g->files.intake);
    arena_done(&g->arena);
    free(g);
}

static void finish(struct gathering *g) {
    struct arena *a = &g->arena;
    struct gathered out = {.code = g->code, .why = &g->why, .files = STR("")};
    if (!g->code) {
        struct json *inputs = NULL;
        struct str text = files_rewrite(&g->files, g->s.inputs, a);
        out.files = files_json(&g->files, a);
        out.code = json_parse(text, a, &g->why, &inputs);
        g->s.inputs = inputs;
    }
    out.submission = &g->s;
    g->done(g->wait, &out);
    bool left = false;
    for (size_t i = 0; i < g->files.n; i++) left |= g->outputs[i].blob.len && !g->owned[i];
    if (!left || files_run(g->o, drop_work, dropped, g)) dropped(g);
}

/* One file on its way into the drive. */
struct putting {
    struct gathering *g;
    size_t i;
};

static void fail(struct gathering *g, err code, const struct why *why) {
    if (g->code) return;
    g->code = code;
    g->why = *why;
    g->why.code = code;
}

static void put_done(void *arg, const struct outcome *o) {
    struct putting *p = arg;
    struct gathering *g = p->g;
    if (o->code) fail(g, o->code, &o->why);
    if (o->code == E_DRIVE_FULL || o->code == E_STORAGE_FULL || o->code == E_NOT_FOUND) g->owned[p->i] = false; /* surely refused */
    if (--g->commits == 0) finish(g);
}

static void put_all(struct gathering *g) {
    g->commits = 1; /* ours, until all are sent */
    for (size_t i = 0; i < g->files.n && !g->code; i++) {
        if (!file_is_new(&g->files.list[i])) continue;
        struct putting *p = arena_new(&g->arena, struct putting);
        *p = (struct putting){g, i};
        struct command cmd = {.kind = CMD_ASSET_PUT, .at = io_now(g->o->io)};
        cmd.asset_put = (struct cmd_asset_put){.project = str_of(g->wait->caller.project), .book = str_of(g->wait->caller.book), .path = g->files.list[i].path, .output = g->outputs[i]};
        g->code = committer_submit(g->o->o.committer, &cmd, put_done, p);
        if (g->code) why_set(&g->why, g->code, "The call's files could not be stored now; nothing was charged. Try again in a second.");
        else g->owned[i] = true, g->commits++;
    }
    if (--g->commits == 0) finish(g);
}

static void store_work(void *arg) {
    struct gathering *g = arg;
    g->code = files_store(g->o->o.drive, &g->files, g->random, &g->arena, &g->why, g->outputs);
}

static void stored(void *arg) {
    struct gathering *g = arg;
    if (g->code) finish(g);
    else put_all(g);
}

/* Whoever opens a page has its key: a call that could not be paid, or is of another model, brings no files into the drive. */
static err may_bring(struct gathering *g, struct db *db) {
    const struct caller *c = &g->wait->caller;
    const struct api_key *k = NULL;
    const struct key_day *today = NULL;
    const struct account *account = NULL;
    if (c->kind != KEY_PUB) return OK;
    err e = QUERY_RECORD(db, api_key, str_of(c->key), &g->arena, &k);
    if (!e) e = QUERY_RECORD(db, account, account_id(&g->arena, str_of(c->project), str_of(c->book)), &g->arena, &account);
    if (e) return why_set(&g->why, e == E_NOT_FOUND ? E_UNAUTHENTICATED : e, "The API key could not be checked now; nothing was charged. Try again in a second.");
    e = QUERY_RECORD(db, key_day, key_day_id(&g->arena, str_of(c->key), g->now), &g->arena, &today);
    if (e && e != E_NOT_FOUND) return why_set(&g->why, e, "What the key has spent could not be read now; nothing was charged. Try again in a second.");
    TRY(key_may_run(k, g->model->slug, &g->why));
    TRY(key_may_spend(k, today, g->price, g->now, &g->why));
    return ledger_covers(account, g->price, &g->why);
}

static void resolve_work(struct db *db, void *arg) {
    struct gathering *g = arg;
    g->code = may_bring(g, db);
    if (!g->code) g->code = files_resolve(db, &g->wait->caller, &g->files, &g->arena, &g->why);
}

static bool has(const struct gathering *g, enum file_from from) {
    for (size_t i = 0; i < g->files.n; i++)
        if (g->files.list[i].from == from) return true;
    return false;
}

static void store(struct gathering *g) {
    if (g->code || (!has(g, FROM_DATA) && !has(g, FROM_INTAKE))) {
        if (!g->code && has(g, FROM_ELSEWHERE)) put_all(g);
        else finish(g);
        return;
    }
    err e = files_run(g->o, store_work, stored, g); /* from here on g belongs to the pool's thread */
    if (!e) return;
    g->code = why_set(&g->why, e, "The server is busy with other files; nothing was charged. Try again in a second.");
    finish(g);
}

static void fetched(void *arg, struct file_in *f, err code, const struct why *why) {
    struct gathering *g = arg;
    if (code) fail(g, code, why);
    if (--g->fetches == 0) store(g);
}

static void resolved(void *arg) {
    struct gathering *g = arg;
    if (!g->code && g->o->draining && has(g, FROM_ELSEWHERE))
        g->code = why_set(&g->why, E_UNAVAILABLE, "The server is stopping and takes no new work; nothing was charged. Try again in a moment.");
    for (size_t i = 0; i < g->files.n && !g->code; i++) {
        if (g->files.list[i].from != FROM_ELSEWHERE) continue;
        g->fetches++;
        link_fetch(g->o, &g->files.list[i], g->random + 2 * i, &g->arena, &g->outputs[i], fetched, g);
    }
    if (!g->fetches) store(g);
}

static struct submission copy(const struct submission *s, struct arena *a) {
    struct submission c = *s;
    struct str *const texts[] = {&c.model, &c.kind, &c.output_path, &c.output_url_path, &c.idempotency_key, &c.route, &c.request_hash, &c.quote_id, &c.metadata, &c.end_user, &c.trace};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) *texts[i] = arena_dup(a, *texts[i]);
    struct buf text = {};
    struct json *inputs = NULL;
    json_write(&text, s->inputs);
    struct str own = arena_dup(a, buf_view(&text));
    buf_done(&text);
    must(json_parse_how(own, JSON_SPOOLS, a, NULL, NULL, &inputs) == OK); /* it was read from the same text a moment ago */
    c.inputs = inputs;
    return c;
}

bool gather_needed(const struct model *m, const struct json *inputs) {
    for (size_t i = 0; i < m->input_count; i++) {
        const struct input_spec *s = &m->inputs[i];
        if (s->type != INPUT_FILE) continue;
        if (json_get_str(inputs, s->name)) return true;
        for (size_t k = 0; k < s->alias_count; k++)
            if (json_get_str(inputs, s->aliases[k])) return true;
    }
    return false;
}

void gather(struct wait *w, const struct model *m, const struct submission *s, micros price, gathered_fn *done) {
    struct gathering *g = calloc(1, sizeof *g);
    must(g);
    *g = (struct gathering){.wait = w, .o = w->o, .model = m, .price = price, .now = io_now(w->o->io), .done = done};
    g->s = copy(s, &g->arena);
    for (size_t i = 0; i < 2 * FILES_MAX; i++) {
        struct id id = io_new_id(w->o->io);
        memcpy(g->random[i], id.hex, sizeof id.hex);
    }
    g->files.intake = intake_ref(s->intake); /* the caller may go meanwhile */
    g->code = files_find(w->o, &w->caller, m, g->s.inputs, &g->arena, &g->why, &g->files);
    if (g->code) {
        finish(g);
        return;
    }
    err e = readers_run(w->o->o.readers, resolve_work, resolved, g); /* from here on g belongs to the reader's thread */
    if (!e) return;
    g->code = why_set(&g->why, e, "The server has too many reads waiting; nothing was charged. Try again in a second.");
    finish(g);
}
