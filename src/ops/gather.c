/* The files of a call, before it is admitted: found, resolved on a reader, inline ones stored in the drive. The call's price and
 * route have been checked before anything is written; what was stored for a call that is refused after all stays an ordinary file
 * of the drive, named by its content, and serves the next try. */
#include "ops/gather.h"

#include <stdlib.h>

struct gathering {
    struct wait *wait;
    struct ops *o;
    const struct model *model; /* its catalog version stays on the shelf */
    struct arena arena;
    struct submission s;       /* copied into the arena */
    struct files_in files;
    struct output outputs[FILES_MAX];
    char random[2 * FILES_MAX][ID_LEN + 1];
    err code;
    struct why why;
    size_t commits;            /* asset_puts under way */
    gathered_fn *done;
};

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
    arena_done(&g->arena);
    free(g);
}

static void put_done(void *arg, const struct outcome *o) {
    struct gathering *g = arg;
    if (o->code && !g->code) {
        g->code = o->code;
        g->why = o->why;
        g->why.code = o->code;
    }
    if (--g->commits == 0) finish(g);
}

static void put_all(struct gathering *g) {
    g->commits = 1; /* ours, until all are sent */
    for (size_t i = 0; i < g->files.n && !g->code; i++) {
        if (g->files.list[i].from != FROM_DATA) continue;
        struct command cmd = {.kind = CMD_ASSET_PUT, .at = io_now(g->o->io)};
        cmd.asset_put = (struct cmd_asset_put){.project = str_of(g->wait->caller.project), .path = g->files.list[i].path, .output = g->outputs[i]};
        g->code = committer_submit(g->o->o.committer, &cmd, put_done, g);
        if (g->code) why_set(&g->why, g->code, "The call's files could not be stored now; nothing was charged. Try again in a second.");
        else g->commits++;
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

static void resolve_work(struct db *db, void *arg) {
    struct gathering *g = arg;
    g->code = files_resolve(db, &g->wait->caller, &g->files, &g->arena, &g->why);
}

static void resolved(void *arg) {
    struct gathering *g = arg;
    bool inline_ones = false;
    for (size_t i = 0; i < g->files.n; i++) inline_ones |= g->files.list[i].from == FROM_DATA;
    if (g->code || !inline_ones) {
        finish(g);
        return;
    }
    err e = pool_run(g->o->files, store_work, stored, g); /* from here on g belongs to the pool's thread */
    if (!e) return;
    g->code = why_set(&g->why, e, "The server is busy with other files; nothing was charged. Try again in a second.");
    finish(g);
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
    must(json_parse(own, a, NULL, &inputs) == OK); /* it was read from the same text a moment ago */
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

void gather(struct wait *w, const struct model *m, const struct submission *s, gathered_fn *done) {
    struct gathering *g = calloc(1, sizeof *g);
    must(g);
    *g = (struct gathering){.wait = w, .o = w->o, .model = m, .done = done};
    g->s = copy(s, &g->arena);
    for (size_t i = 0; i < 2 * FILES_MAX; i++) {
        struct id id = io_new_id(w->o->io);
        memcpy(g->random[i], id.hex, sizeof id.hex);
    }
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
