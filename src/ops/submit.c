/* Submit: the one way in for every surface. Canonical inputs and quote come from the catalog, everything that decides happens in
 * one command; the caller is answered after its commit, or parked until the generation ends. */
#include "base/hash.h"
#include "ops/gather.h"
#include "ops/quote.h"
#include "ops/scopes.h"

#include <stdlib.h>

static void refuse(struct ops *o, ops_done *done, void *arg, const struct why *why) {
    o->refused++;
    struct answer a = answer_of(why->code);
    a.why = *why;
    done(arg, &a);
}

/* No sentence from a rule knows more than the numbers; the surface adds what to do. */
static void finish_refusal(struct wait *w, const struct outcome *out) {
    w->o->refused++;
    w->refused = true;
    struct answer a = answer_of(out->code);
    a.why = out->why;
    a.why.code = out->code;
    if (out->code == E_AGAIN || out->code == E_STORAGE_FULL) a.why.retry_after_s = 1;
    wait_answer(w, &a);
}

static void replay(struct wait *w, struct str generation) {
    w->replayed = true;
    if (!str_is(generation, w->generation)) wait_rename(w, generation);
    if (w->abandoned) {
        wait_park(w); /* frees it */
        return;
    }
    wait_clock(w);
    wait_read(w); /* it may have ended long ago */
}

static void committed(void *arg, const struct outcome *out) {
    struct wait *w = arg;
    if (out->code) {
        finish_refusal(w, out);
        return;
    }
    if (out->replayed) {
        replay(w, str_of(out->generation));
        return;
    }
    w->o->submitted++;
    bool ready = w->failed || w->ready.len;
    if (ready && (w->ready_terminal || !w->wait)) {
        struct answer a = answer_of(OK);
        if (w->failed) answer_why(&a, &w->why);
        a.terminal = w->ready_terminal;
        a.json = buf_view(&w->ready);
        wait_answer(w, &a);
    } else if (!w->wait) wait_read(w);
    else wait_park(w);
}

static err check_key(struct str key, struct why *why) {
    if (key.len > LIMIT_IDEMPOTENCY_KEY_BYTES) return why_set(why, E_INVALID, "The Idempotency-Key is longer than %d bytes.", LIMIT_IDEMPOTENCY_KEY_BYTES);
    for (size_t i = 0; i < key.len; i++)
        if (key.ptr[i] < 0x21 || key.ptr[i] > 0x7e) return why_set(why, E_INVALID, "The Idempotency-Key may hold visible ASCII characters only.");
    return OK;
}

static err check_kind(struct str kind, struct why *why) {
    static const char *const kinds[] = {"", "auto", "image", "video", "audio", "text"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_is(kind, kinds[i])) return OK;
    if (why) snprintf(why->field, sizeof why->field, "kind");
    return why_set(why, E_INVALID, "kind is one of image, video, audio, text or auto.");
}

/* The key's namespace is (project, book, route); foreign projects cannot meet, and the same key on two routes is two keys. Each publishable
 * key has one of its own: whoever opens the page could name a key of the project's servers, and be shown or spoil what they asked for. */
static struct str idempotency_id(struct arena *a, const struct caller *c, const struct submission *s) {
    if (!s->idempotency_key.len) return STR("");
    const char *own = c->kind == KEY_PUB ? c->key : "";
    struct str text = arena_printf(a, "%s|%s|%s%s%.*s|%.*s", c->project, c->book, own, own[0] ? "|" : "", STR_ARG(s->route), STR_ARG(s->idempotency_key));
    char *hex = arena_bytes(a, SHA256_HEX + 1);
    sha256_hex(text, hex);
    return str_n(hex, SHA256_HEX);
}

/* Everything that can be refused without the store. */
static err prepare(struct ops *o, const struct caller *c, const struct submission *s, struct arena *a, struct why *why, const struct model **out_model,
                   struct cmd_submit *out) {
    struct cmd_submit cmd = {.project = str_of(c->project), .book = str_of(c->book), .key = str_of(c->key), .request_hash = s->request_hash, .max_micros = s->max_micros};
    if (o->draining) return why_set(why, E_UNAVAILABLE, "The server is stopping and takes no new work; nothing was charged. Try again in a moment.");
    if (is_operator(c)) return why_set(why, E_FORBIDDEN, "An admin key does not generate; use the project's live or test key.");
    const struct model *m;
    TRY(model_named(shelf_current(o->o.shelf), s->model, why, &m));
    TRY(scopes_allow_type(c, model_type(m), why));
    TRY(check_kind(s->kind, why));
    if (s->kind_required && !str_eq(s->kind, m->kind)) {
        if (why) snprintf(why->field, sizeof why->field, "model");
        return why_set(why, E_INVALID, "%.*s makes %.*s and this call is for %.*s. Nothing was charged.", STR_ARG(m->slug), STR_ARG(m->kind), STR_ARG(s->kind));
    }
    TRY(check_key(s->idempotency_key, why));
    TRY(files_only_spooled(m, s->inputs, why));
    TRY(catalog_quote(shelf_current(o->o.shelf), m, s->inputs, NULL, 0, a, why, &cmd.quote, &cmd.inputs));
    if (s->quote_id.len) TRY(quote_honour(o, s->quote_id, m, cmd.inputs, a, why, &cmd.quote));
    if (s->output_path.len && c->kind == KEY_PUB) {
        if (why) snprintf(why->field, sizeof why->field, "output_path");
        return why_set(why, E_FORBIDDEN, "A publishable key does not say where a file goes: it could write over others. Leave output_path out. Nothing was charged.");
    }
    if (s->output_path.len) {
        err e = drive_path_clean(s->output_path, a, why, &cmd.output_path);
        if (e && why) snprintf(why->field, sizeof why->field, "output_path");
        if (e) return e;
    }
    if (s->webhook_url.len) TRY(webhook_of_call(o, c, s->webhook_url, a, why, &cmd));
    bool busy = false;
    TRY(o->o.route(o->o.engine, &(struct route_call){m, cmd.book, cmd.inputs}, why, &cmd.provider, &cmd.route, &busy));
    if (busy) cmd.provider = cmd.route = STR(""); /* it waits for its route */
    TRY(catalog_require(m, s->inputs, why));
    cmd.model = m->slug;
    cmd.kind = m->kind;
    cmd.catalog = catalog_sha256(shelf_current(o->o.shelf));
    cmd.idempotency = idempotency_id(a, c, s);
    cmd.repeat = s->repeat;
    cmd.needs_bytes = m->max_bytes;
    cmd.model_limit = m->concurrency;
    cmd.metadata = s->metadata;
    cmd.end_user = s->end_user;
    cmd.trace = s->trace;
    cmd.url_path = s->output_url_path;
    bool local = str_is(cmd.provider, "local"); /* which counts its model's deadline from the beginning of its render */
    cmd.deadline_at = io_now(o->io) + m->deadline_ms + (local ? LIMIT_RENDER_WAIT_MS : 0);
    cmd.pending_limit = LIMIT_PENDING_PER_PROJECT;
    *out_model = m;
    *out = cmd;
    return OK;
}

static struct wait *wait_for(struct ops *o, const struct caller *c, const struct submission *s, struct str generation, ops_done *done, void *arg) {
    struct wait *w = wait_new(o, c, generation, done, arg);
    w->view = s->view;
    w->ttl_s = s->ttl_s;
    w->wait = s->wait < LIMIT_WAIT_MS ? s->wait : LIMIT_WAIT_MS;
    w->url_path_given = s->output_url_path.len > 0;
    snprintf(w->kind_wanted, sizeof w->kind_wanted, "%.*s", STR_ARG(s->kind));
    return w;
}

/* --- a repeat that would be refused today --- */

static void run_known(struct read *r, struct db *db) {
    const struct idempotency *i = NULL;
    err e = QUERY_RECORD(db, idempotency, r->id, &r->arena, &i);
    if (e && e != E_NOT_FOUND) read_fail(r, e, "Whether this call was made before could not be read now; repeat it with the same Idempotency-Key.");
    else if (e || i->expires_at <= r->now || i->delivered_at || !str_eq(i->request_hash, r->path)) r->answer.code = E_NOT_FOUND;
    else r->answer.generation = i->generation;
}

static void known_was_read(void *arg, const struct answer *a) {
    struct wait *w = arg;
    if (!a->code) {
        replay(w, a->generation);
        return;
    }
    struct answer refusal = *a;
    if (a->code == E_NOT_FOUND) answer_why(&refusal, &w->why);
    w->refused = true;
    w->o->refused++;
    wait_answer(w, &refusal);
}

/* What was quoted and paid once is answered from the first call, also when the catalog, the price or a file has changed since:
 * "nothing was charged" would be a lie. */
static void refuse_unless_known(struct wait *w, const struct submission *s, err code, const struct why *why) {
    w->why = *why;
    w->why.code = code;
    if (!s->idempotency_key.len || s->repeat == REPEAT_NEVER) {
        struct answer refusal = answer_of(code);
        answer_why(&refusal, &w->why);
        w->refused = true;
        w->o->refused++;
        wait_answer(w, &refusal);
        return;
    }
    struct read *r = read_new(w->o, &w->caller, run_known, known_was_read, w);
    r->id = idempotency_id(&r->arena, &w->caller, s);
    r->path = arena_dup(&r->arena, s->request_hash);
    read_start(r);
}

static err check_size(const struct cmd_submit *cmd, struct why *why) {
    if (cmd->inputs.len <= LIMIT_INPUTS_BYTES) return OK;
    return why_set(why, E_TOO_LARGE, "The inputs are %zu bytes; at most %d are kept. Upload files to the drive and name them by path.", cmd->inputs.len, LIMIT_INPUTS_BYTES);
}

static void answer_not_stored(struct wait *w, err e) {
    struct answer answer = answer_of(e);
    why_set(&answer.why, e, e == E_STORAGE_FULL ? "The server's disk is full: no new work is taken until there is space. Nothing was charged."
                                                : "The server has too much work waiting to be stored; nothing was charged. Try again in a second.");
    answer.why.retry_after_s = 1;
    w->o->refused++;
    w->refused = true;
    wait_answer(w, &answer);
}

/* On its way, or w has been answered. */
static void hand_over(struct wait *w, struct cmd_submit *submit) {
    struct ops *o = w->o;
    struct command cmd = {.kind = CMD_SUBMIT, .at = io_now(o->io), .submit = *submit};
    cmd.submit.generation = str_of(w->generation);
    if (submit->provider.len && o->o.slot(o->o.engine)) cmd.submit.node = o->o.node;
    err e = committer_submit(o->o.committer, &cmd, committed, w);
    if (e) answer_not_stored(w, e);
}

/* Its files are in the drive: priced once more, by what stands there now, and sent. */
static void gathered(struct wait *w, const struct gathered *g) {
    _cleanup_(arena_done) struct arena a = {};
    struct why why = {};
    struct cmd_submit cmd = {};
    const struct model *m;
    err e = g->code;
    if (e) why = *g->why;
    else e = prepare(w->o, &w->caller, g->submission, &a, &why, &m, &cmd);
    if (!e) e = check_size(&cmd, &why);
    cmd.files = g->files;
    if (w->abandoned && !e) e = E_CANCELLED; /* nobody waits, and nothing was begun */
    if (e) refuse_unless_known(w, g->submission, e, &why);
    else hand_over(w, &cmd);
}

struct wait *ops_submit(struct ops *o, const struct caller *c, const struct submission *s, ops_done *done, void *arg) {
    _cleanup_(arena_done) struct arena a = {};
    struct why why = {};
    const struct model *m;
    struct cmd_submit cmd = {};
    bool files = false;
    err e = prepare(o, c, s, &a, &why, &m, &cmd);
    if (!e) files = gather_needed(m, s->inputs);
    if (!e && !files) e = check_size(&cmd, &why); /* with files it is what is left when they are in the drive */
    bool repeatable = s->idempotency_key.len && s->repeat != REPEAT_NEVER && !o->draining && !check_key(s->idempotency_key, NULL) && !check_kind(s->kind, NULL);
    if (e && !repeatable) {
        why.code = e;
        refuse(o, done, arg, &why);
        return NULL;
    }
    struct id id = io_new_id(o->io);
    struct wait *w = wait_for(o, c, s, id_str(&id), done, arg);
    bool answered = false;
    w->answered = &answered;
    if (e) refuse_unless_known(w, s, e, &why);
    else if (files) gather(w, m, s, cmd.quote.amount, gathered);
    else hand_over(w, &cmd);
    if (answered) return NULL;
    w->answered = NULL;
    return w;
}

/* A change of a generation that is answered with the generation: cancel and resolve. */
struct ending_call {
    struct ops *o;
    struct caller caller;
    char generation[ID_LEN + 1];
    ops_done *done;
    void *arg;
};

static void ending_committed(void *arg, const struct outcome *out) {
    struct ending_call *c = arg;
    if (out->code) {
        struct answer a = answer_of(out->code);
        a.why = out->why;
        a.why.code = out->code;
        c->done(c->arg, &a);
    } else (void)ops_wait(c->o, &c->caller, str_of(c->generation), 0, VIEW_GENERATION, 0, c->done, c->arg);
    free(c);
}

static struct ending_call *ending_new(struct ops *o, const struct caller *caller, struct str id, ops_done *done, void *arg) {
    struct ending_call *c = calloc(1, sizeof *c);
    must(c);
    *c = (struct ending_call){.o = o, .caller = *caller, .done = done, .arg = arg};
    memcpy(c->generation, id.ptr, ID_LEN);
    return c;
}

static void send_change(struct ending_call *c, const struct command *cmd) {
    err e = committer_submit(c->o->o.committer, cmd, ending_committed, c);
    if (!e) return;
    answer_err(c->done, c->arg, e, "The change could not be stored now; try again in a second.");
    free(c);
}

static void noted(void *arg, const struct outcome *out) {} /* lost: the next such call is answered from this one, for nothing */

void ops_delivered(struct ops *o, const struct caller *c, struct str route, struct str idempotency_key, struct str generation) {
    _cleanup_(arena_done) struct arena a = {};
    const struct submission s = {.route = route, .idempotency_key = idempotency_key};
    struct command cmd = {.kind = CMD_DELIVERED, .at = io_now(o->io)};
    cmd.delivered = (struct cmd_delivered){.idempotency = idempotency_id(&a, c, &s), .generation = generation};
    if (committer_submit(o->o.committer, &cmd, noted, o)) return;
}

void ops_cancel(struct ops *o, const struct caller *caller, struct str id, ops_done *done, void *arg) {
    if (!id_is(id)) {
        answer_err(done, arg, E_NOT_FOUND, "There is no such generation: an id has 32 hexadecimal digits.");
        return;
    }
    struct ending_call *c = ending_new(o, caller, id, done, arg);
    struct command cmd = {.kind = CMD_CANCEL, .at = io_now(o->io)};
    cmd.cancel = (struct cmd_cancel){.generation = id, .project = is_operator(caller) ? STR("") : str_of(c->caller.project),
                                      .book = is_operator(caller) ? STR("") : str_of(caller->book)};
    send_change(c, &cmd);
}

void ops_resolve(struct ops *o, const struct caller *caller, struct str id, ops_done *done, void *arg) {
    if (!id_is(id)) {
        answer_err(done, arg, E_NOT_FOUND, "There is no such generation: an id has 32 hexadecimal digits.");
        return;
    }
    struct ending_call *c = ending_new(o, caller, id, done, arg);
    struct command cmd = {.kind = CMD_RESOLVE, .at = io_now(o->io)};
    cmd.step.generation = id;
    send_change(c, &cmd);
}
