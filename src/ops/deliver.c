/* Deliver: the file of a generation that its caller's own output_url_path hides (RULES C6), found by another path, or by the description as it is
 * now. It was billed when it was made; nothing here moves money.
 *
 *   read the generation and its attempt -> look into the kept answer and fetch -> settle -> answer with the generation
 *                                          a dead link: ask the provider once for its answer of now, and fetch that
 *
 * It runs on whichever node is asked: the kept answer and the drive are everyone's. Two at once both fetch, and the second finds the first's file.
 * It is a caller's own request and no work of the engine: nothing of it is resumed, and no permit is asked for one download and one poll. */
#include "core/generation.h"
#include "ops/ops_int.h"

#include <stdlib.h>

enum { DELIVERIES_AT_ONCE = 8 }; /* of a project, on a node */

struct delivery {
    struct delivery *next, **back;
    struct ops *o;
    struct caller caller;
    struct arena arena;         /* records and texts; no thread but one works on it at a time */
    const struct generation *g;
    const struct attempt *a;
    struct call call;
    struct command command;
    char id[ID_LEN + 1];
    struct str url_path;
    bool refreshed;
    ops_done *done;
    void *arg;
};

static void delivery_free(struct delivery *d) {
    *d->back = d->next;
    if (d->next) d->next->back = d->back;
    arena_done(&d->arena);
    free(d);
}

void deliveries_end(struct ops *o) {
    while (o->deliveries) {
        struct delivery *d = o->deliveries;
        answer_err(d->done, d->arg, E_UNAVAILABLE, "The server is stopping; nothing more was charged. Try again in a moment.");
        delivery_free(d);
    }
}

/* From the store: also when somebody else was faster. */
static void show(struct delivery *d) {
    (void)ops_wait(d->o, &d->caller, str_of(d->id), 0, VIEW_GENERATION, 0, d->done, d->arg);
    delivery_free(d);
}

static void fail(struct delivery *d, const struct why *why) {
    struct answer a = answer_of(why->code);
    a.why = *why;
    why_fact_str(&a.why, "generation_id", d->id);
    d->done(d->arg, &a);
    delivery_free(d);
}

/* --- settle --- */

static void settled(void *arg, const struct outcome *out) {
    struct delivery *d = arg;
    struct why why = out->why;
    why.code = out->code;
    if (out->code) fail(d, &why);
    else show(d);
}

static void settle(struct delivery *d, const struct call_result *r) {
    struct output *outputs = arena_array(&d->arena, struct output, (size_t)r->output_count + 1);
    for (int64_t i = 0; i < r->output_count; i++) {
        const struct output *from = &r->outputs[i];
        outputs[i] = (struct output){.asset = arena_dup(&d->arena, from->asset), .blob = arena_dup(&d->arena, from->blob), .ext = arena_dup(&d->arena, from->ext),
                                     .type = arena_dup(&d->arena, from->type), .kind = arena_dup(&d->arena, from->kind),
                                     .sha256 = arena_dup(&d->arena, from->sha256), .facts = arena_dup(&d->arena, from->facts), .bytes = from->bytes};
    }
    d->command = (struct command){.kind = CMD_SETTLE, .at = io_now(d->o->io)};
    d->command.step = (struct cmd_step){.generation = d->g->head.id, .attempt = d->g->attempts, .outputs = outputs, .output_count = r->output_count, .measured = -1,
                                        .result = arena_dup(&d->arena, r->result), .delivers = true};
    err e = committer_submit(d->o->o.committer, &d->command, settled, d);
    if (!e) return;
    struct why why = {};
    why_set(&why, e, "The file was fetched and could not be stored now; nothing more was charged. Try again in a second.");
    fail(d, &why);
}

/* --- fetch --- */

static void fetched(void *arg, const struct call *c, const struct call_result *r);
static void asked(void *arg, const struct call *c, const struct call_result *r);
static void no_stage(void *arg, const struct call *c, struct str stage, int64_t percent) {}

static void call(struct delivery *d, enum call_kind kind, struct str reply, call_done_fn *done) {
    d->call.kind = kind;
    d->call.reply = reply;
    d->call.deadline_at = io_now(d->o->io) + LIMIT_WAIT_MS;
    d->o->io->ops->call(d->o->io, &d->call, no_stage, done, d);
}

/* What a call says ends with what a failed generation costs, which is not what this one cost. */
static struct str without_price(struct str s) {
    struct str price = STR("Nothing was charged.");
    return str_trim(str_ends(s, price) ? str_head(s, s.len - price.len) : s);
}

static void fetch_failed(struct delivery *d, const struct call_result *r) {
    struct why why = {};
    bool passing = r->failure == FAIL_TRANSIENT || r->failure == FAIL_RATE_LIMIT || r->failure == FAIL_AUTH;
    if (r->failure == FAIL_OUTPUT_LOST)
        why_set(&why, E_OUTPUT_LOST, "%.*s The provider does not give the file out any more. It was billed when it was made; the server's operator can correct that.",
                STR_ARG(str_head_text(without_price(r->detail), 250)));
    else
        why_set(&why, r->code == E_AGAIN || r->code == E_UNAVAILABLE || r->code == E_STORAGE_FULL ? r->code : E_UPSTREAM, "%.*s Nothing more was charged.%s",
                STR_ARG(str_head_text(without_price(r->detail), 300)), passing ? " Try again in a moment." : "");
    fail(d, &why);
}

static void fetched(void *arg, const struct call *c, const struct call_result *r) {
    struct delivery *d = arg;
    struct why why = {};
    if (!r->code && r->hidden) {
        why_set(&why, E_OUTPUT_HIDDEN, "%.*s", STR_ARG(r->detail));
        snprintf(why.field, sizeof why.field, "output_url_path");
        fail(d, &why);
    } else if (!r->code) {
        settle(d, r);
    } else if (r->failure == FAIL_OUTPUT_LOST && !d->refreshed && d->a->their_ref.len) {
        d->refreshed = true;
        call(d, CALL_POLL, STR(""), asked);
    } else fetch_failed(d, r);
}

static void asked(void *arg, const struct call *c, const struct call_result *r) {
    struct delivery *d = arg;
    struct call_result lost = {.code = E_OUTPUT_LOST, .failure = FAIL_OUTPUT_LOST, .detail = STR("The link in its answer is dead.")};
    if (!r->code && r->state == CALL_FINISHED) call(d, CALL_FETCH, arena_dup(&d->arena, r->reply), fetched);
    else fetch_failed(d, r->code && r->failure != FAIL_GONE ? r : &lost);
}

/* The description of now, where the catalog still has that route: it may have learnt where such files stand. */
static struct str catalog_for(const struct delivery *d) {
    const struct catalog *now = shelf_current(d->o->o.shelf);
    const struct model *m = catalog_find(now, d->g->model);
    for (size_t i = 0; m && i < m->route_count; i++)
        if (str_eq(m->routes[i].provider, d->a->provider) && str_eq(m->routes[i].model, d->a->route)) return catalog_sha256(now);
    return d->g->catalog;
}

static void begin(struct delivery *d) {
    const struct generation *g = d->g;
    const struct attempt *a = d->a;
    d->call = (struct call){.generation = g->head.id, .project = g->project, .attempt = a->n, .provider = a->provider, .route = a->route, .catalog = catalog_for(d),
                            .model = g->model, .our_ref = a->our_ref, .their_ref = a->their_ref, .kind_wanted = g->kind, .url_path = d->url_path, .inputs = g->inputs,
                            .files = g->files, .outputs_wanted = g->price_outputs};
    call(d, CALL_FETCH, a->reply, fetched);
}

/* --- the beginning --- */

static void run_deliver(struct read *r, struct db *db) {
    struct delivery *d = r->arg;
    const struct generation *g = NULL;
    err e = QUERY_RECORD(db, generation, str_of(d->id), &d->arena, &g);
    if (!e && !is_operator(&r->caller) && (!str_is(g->project, r->caller.project) || !str_is(g->book, r->caller.book))) e = E_NOT_FOUND;
    if (e) {
        read_fail(r, e, e == E_NOT_FOUND ? "There is no generation %s in this project." : "Generation %s could not be read.", d->id);
        return;
    }
    bool hidden = str_eq(g->state, GEN_COMPLETED) && str_is(g->error_code, err_info(E_OUTPUT_HIDDEN)->code);
    if (str_eq(g->state, GEN_COMPLETED) && !hidden) return; /* its files are there */
    if (!hidden) read_fail(r, E_CONFLICT, "There is nothing to deliver: the generation is %.*s.", STR_ARG(g->state));
    else if (r->now > g->finished_at + (msec)LIMIT_HIDDEN_DAYS * MS_DAY)
        read_fail(r, E_CONFLICT, "The provider's answer was kept for %d days and is gone. The generation was billed when it was made; the server's operator can correct that.",
                  LIMIT_HIDDEN_DAYS);
    else {
        e = QUERY_RECORD(db, attempt, arena_printf(&d->arena, "%s.%lld", d->id, (long long)g->attempts), &d->arena, &d->a);
        if (e) read_fail(r, e, "Generation %s could not be read.", d->id);
        else d->g = g;
    }
}

static void was_read(void *arg, const struct answer *a) {
    struct delivery *d = arg;
    struct why why = a->why;
    why.code = a->code;
    if (a->code) fail(d, &why);
    else if (!d->g) show(d);
    else begin(d);
}

void ops_deliver(struct ops *o, const struct caller *c, struct str id, struct str url_path, ops_done *done, void *arg) {
    if (!id_is(id)) {
        answer_err(done, arg, E_NOT_FOUND, "There is no such generation: an id has 32 hexadecimal digits.");
        return;
    }
    if (o->draining) {
        answer_err(done, arg, E_UNAVAILABLE, "The server is stopping; nothing more was charged. Try again in a moment.");
        return;
    }
    int at_once = 0;
    for (const struct delivery *x = o->deliveries; x; x = x->next) at_once += !strcmp(x->caller.project, c->project);
    if (at_once >= DELIVERIES_AT_ONCE) {
        answer_err(done, arg, E_RATE_LIMITED, "%d files of the project are being delivered; nothing more was charged. Try again when one has come.", at_once);
        return;
    }
    struct delivery *d = calloc(1, sizeof *d);
    must(d);
    *d = (struct delivery){.next = o->deliveries, .back = &o->deliveries, .o = o, .caller = *c, .done = done, .arg = arg};
    if (d->next) d->next->back = &d->next;
    o->deliveries = d;
    memcpy(d->id, id.ptr, ID_LEN);
    d->url_path = arena_dup(&d->arena, url_path);
    read_start(read_new(o, c, run_deliver, was_read, d));
}
