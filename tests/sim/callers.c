/* Those who call: they submit with prices of every shape, repeat calls whose answer they lost, cancel, pay in, and try what is not
 * theirs. */
#include "base/cleanup.h"
#include "base/hash.h"
#include "core/generation.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

struct asked {
    struct world *world;
    char generation[ID_LEN + 1], key[80];
    int account;
    struct model_price price;
    int64_t amount;
    int tries;
    struct str project, book;
    const char *provider;
    bool foreign_key;
};

static const char *const books[] = {"live", "test"};

static struct model_price draw_price(struct world *w) {
    struct model_price p = {.rate = 1 + (int64_t)draw(w, 50000), .unit = 1, .quantity = 1, .outputs = 1};
    switch (draw(w, 4)) {
    case 0: break;                                                     /* per call */
    case 1:                                                            /* per image */
        p.outputs = 1 + (int64_t)draw(w, 4);
        p.per_output = true;
        break;
    case 2:                                                            /* per second of input, odd parts so that rounding shows */
        p.unit = 1000;
        p.quantity = 1 + (int64_t)draw(w, 15000);
        break;
    case 3:                                                            /* measured afterwards */
        p.unit = 1000;
        p.quantity = 1 + (int64_t)draw(w, 15000);
        p.measured = true;
        p.if_unmeasured = (int64_t)draw(w, 1000);
        break;
    }
    return p;
}

static void send(struct asked *x);

static void again(void *arg) { send(arg); }

static void answered(void *arg, const struct outcome *o) {
    struct asked *x = arg;
    struct world *w = x->world;
    if (!o->code) {
        model_told(&w->model, o->generation);
        if (x->foreign_key) BROKEN(w, "a key of another project was let in");
        for (int i = 0; x->key[0] && i < w->key_count; i++)
            if (!strcmp(w->keys[i].key, x->key) && strcmp(w->keys[i].generation, o->generation))
                BROKEN(w, "the idempotency key %s made generation %s and %s", x->key, w->keys[i].generation, o->generation);
        if (x->key[0] && w->key_count < KEYS_MAX) {
            snprintf(w->keys[w->key_count].key, sizeof w->keys[0].key, "%s", x->key);
            snprintf(w->keys[w->key_count++].generation, ID_LEN + 1, "%s", o->generation);
        }
    }
    bool lost = !w->calm && chance(w, 15); /* the caller never learns, and asks again with the same key */
    if ((o->code == E_AGAIN || o->code == E_UNAVAILABLE || lost) && x->key[0] && x->tries < 6) {
        fake_io_io(w->fake)->ops->timer_start(fake_io_io(w->fake), 200 + (msec)draw(w, 2000), again, x);
        return;
    }
    free(x);
}

/* The books may hold a call that nobody was told of: its answer died with a node. The model learns of it before the commit can
 * happen, and forgets it when the books do not know it. */
static void send(struct asked *x) {
    struct world *w = x->world;
    struct node *n = node_any(w);
    x->tries++;
    if (!n) {
        if (x->tries < 30) fake_io_io(w->fake)->ops->timer_start(fake_io_io(w->fake), 1000, again, x);
        else free(x);
        return;
    }
    char hash[SHA256_HEX + 1] = "", request[SHA256_HEX + 1];
    if (x->key[0]) sha256_hex(str_of(x->key), hash);
    sha256_hex(str_of(x->key), request);
    struct id id = io_new_id(fake_io_io(w->fake));
    memcpy(x->generation, id.hex, sizeof x->generation);
    const struct model_price *p = &x->price;
    int path = x->generation[ID_LEN - 1] >= '0' && x->generation[ID_LEN - 1] < '0' + PATHS ? x->generation[ID_LEN - 1] - '0' : -1; /* one call in four */
    char output_path[32] = "";
    if (path >= 0) snprintf(output_path, sizeof output_path, SHARED_PATH, path);
    bool limited = !strcmp(x->provider, LIMITED_MODEL);
    struct command c = {.kind = CMD_SUBMIT, .at = io_now(fake_io_io(w->fake))};
    bool wants_claim = chance(w, 60) && engine_has_slot(n->engine);
    c.submit = (struct cmd_submit){.generation = str_of(x->generation), .project = x->project, .book = x->book, .key = x->foreign_key ? STR("key00009") : x->project,
                                   .idempotency = str_of(hash), .request_hash = str_of(request), .model = str_of(x->provider), .kind = STR("image"), .catalog = STR("sim"), .inputs = STR("{}"), .output_path = str_of(output_path),
                                   .needs_bytes = 1000, .deadline_at = c.at + 600000, .pending_limit = 100000, .node = wants_claim ? str_of(n->id) : STR(""), .provider = str_of(x->provider), .route = STR("nothing"), .model_limit = limited ? MODEL_LIMIT : 0};
    char key[16];
    snprintf(key, sizeof key, "key%05d", x->account);
    if (!x->foreign_key) c.submit.key = str_of(key);
    c.submit.quote = (struct quote){.amount = x->amount, .rate = p->rate, .unit = p->unit, .quantity = p->quantity, .outputs = p->outputs, .per_output = p->per_output,
                                    .from = p->measured ? STR("measured") : STR("input"), .if_unmeasured = p->if_unmeasured, .row = STR("{}")};
    if (price_amount(p->rate, p->quantity, p->unit, p->outputs, &c.submit.quote.amount)) BROKEN(w, "a small price could not be computed");
    x->amount = model_amount(p, p->quantity, p->outputs);
    if (c.submit.quote.amount != x->amount) BROKEN(w, "a price came to %lld micros, expected %lld", (long long)c.submit.quote.amount, (long long)x->amount);
    model_asked(&w->model, x->generation, x->account, c.at / MS_DAY, limited, path, p);
    w->submitted++;
    err e = node_submit(n, &c, answered, x);
    if (e) {
        struct outcome o = {.code = e};
        answered(x, &o);
    }
}

static void ask(struct world *w) {
    struct asked *x = calloc(1, sizeof *x);
    must(x);
    int project = (int)draw(w, PROJECTS), book = (int)draw(w, 2);
    *x = (struct asked){.world = w, .account = project * 2 + book, .price = draw_price(w), .project = str_of(w->projects[project]), .book = str_of(books[book]), .provider = upstream_provider(draw(w, 5))};
    if (chance(w, 60)) snprintf(x->key, sizeof x->key, "key-%llu-%d", (unsigned long long)draw(w, 1000000), x->account);
    x->foreign_key = project != 0 && chance(w, 4); /* the foreign key is project 0's */
    send(x);
}

static void ignored(void *arg, const struct outcome *o) {}

static void foreign_cancel_done(void *arg, const struct outcome *o) {
    if (!o->code) BROKEN((struct world *)arg, "a project cancelled a generation of another");
}

static void cancel_some(struct world *w) {
    struct node *n = node_any(w);
    if (!n || !w->model.call_count) return;
    const struct model_call *call = &w->model.calls[draw(w, (uint64_t)w->model.call_count)];
    bool foreign = chance(w, 30);
    int project = (call->account / 2 + foreign) % PROJECTS;
    struct command c = {.kind = CMD_CANCEL, .at = io_now(fake_io_io(w->fake))};
    c.cancel = (struct cmd_cancel){.generation = str_of(call->id), .project = str_of(w->projects[project]), .book = str_of(books[call->account % 2])};
    if (node_submit(n, &c, foreign ? foreign_cancel_done : ignored, w)) return;
}

static void next_caller(void *arg) {
    struct world *w = arg;
    if (w->submitted >= w->o.calls || w->calm) return;
    uint64_t what = draw(w, 100);
    if (what < 80) ask(w);
    else cancel_some(w);
    struct io *io = fake_io_io(w->fake);
    io->ops->timer_start(io, (msec)draw(w, 1500), next_caller, w);
}

void callers_start(struct world *w) {
    struct io *io = fake_io_io(w->fake);
    for (int i = 0; i < 3; i++) io->ops->timer_start(io, 100 + (msec)draw(w, 1000), next_caller, w);
}
