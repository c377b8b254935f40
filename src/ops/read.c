/* Reads: a query on a reader's thread, its answer on the loop; the lists every surface shows. */
#include "ops/ops_int.h"

#include <stdlib.h>

struct read *read_new(struct ops *o, const struct caller *c, void (*run)(struct read *, struct db *), ops_done *done, void *arg) {
    struct read *r = calloc(1, sizeof *r);
    must(r);
    *r = (struct read){.o = o, .run = run, .done = done, .arg = arg, .answer = answer_of(OK), .now = io_now(o->io), .signer = o->o.signer};
    if (c) r->caller = *c;
    snprintf(r->url, sizeof r->url, "%s", o->o.public_url);
    return r;
}

void read_fail(struct read *r, err code, const char *format, ...) {
    r->answer.code = r->answer.why.code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(r->answer.why.detail, sizeof r->answer.why.detail, format, args);
    va_end(args);
}

static void run(struct db *db, void *arg) {
    struct read *r = arg;
    r->run(r, db);
}

static void finish(void *arg) {
    struct read *r = arg;
    if (!r->answer.code) r->answer.json = buf_view(&r->json);
    r->done(r->arg, &r->answer);
    buf_done(&r->json);
    arena_done(&r->arena);
    free(r);
}

void read_start(struct read *r) {
    err e = readers_run(r->o->o.readers, run, finish, r);
    if (!e) return;
    read_fail(r, e, "The server has too many reads waiting; try again in a second.");
    r->answer.why.retry_after_s = 1;
    finish(r);
}

static void begin_list(struct read *r, struct jw *w, const char *name) {
    *w = (struct jw){.out = &r->json};
    jw_open(w, '{');
    jw_kz(w, "object", "list");
    jw_key(w, name);
    jw_open(w, '[');
}

/* next: the seq to ask before, null at the end. */
static void end_list(struct read *r, struct jw *w, size_t n, int64_t last_seq) {
    jw_close(w, ']');
    jw_key(w, "next_before");
    if ((int64_t)n == r->list.limit && n) jw_i64(w, last_seq);
    else jw_null(w);
    jw_close(w, '}');
}

static struct page page_of(const struct read *r) {
    return (struct page){.before_seq = r->list.before_seq, .limit = r->list.limit, .state = r->list.state, .model = r->list.model, .end_user = r->list.end_user,
                         .key = r->list.key, .meta_name = r->list.meta_name, .meta_value = r->list.meta_value, .since = r->list.since, .until = r->list.until,
                         .book = is_operator(&r->caller) ? STR("") : str_of(r->caller.book)};
}

/* The store finds the text anywhere in metadata; the member is one of its own. */
static bool is_meant(struct read *r, struct str metadata) {
    struct json *j = NULL;
    struct str value;
    if (!r->list.meta_name.len) return true;
    if (json_parse(metadata, &r->arena, NULL, &j)) return false;
    const struct json *m = json_get_str(j, r->list.meta_name);
    bool plain;
    if (json_as_bool(m, &plain)) return str_is(r->list.meta_value, plain ? "true" : "false");
    if (json_is(m, JSON_NUMBER)) return str_eq(m->text, r->list.meta_value);
    return json_as_str(m, &value) && str_eq(value, r->list.meta_value);
}

static void run_list(struct read *r, struct db *db) {
    struct page page = page_of(r);
    const struct generation **rows;
    size_t n;
    err e = query_generations(db, str_of(r->caller.project), &page, &r->arena, &rows, &n);
    if (e) {
        read_fail(r, e, "The generations could not be read.");
        return;
    }
    struct jw w;
    begin_list(r, &w, "generations");
    for (size_t i = 0; i < n; i++) {
        const struct asset **assets = NULL;
        size_t asset_count = 0;
        if (!is_meant(r, rows[i]->metadata)) continue;
        if (rows[i]->outputs && query_assets_of(db, rows[i]->head.id, &r->arena, &assets, &asset_count)) asset_count = 0;
        struct shown s = {.g = rows[i], .assets = assets, .asset_count = asset_count, .signer = r->signer, .public_url = str_of(r->url), .now = r->now, .ttl_s = r->ttl_s};
        view_generation(&w, &s);
    }
    end_list(r, &w, n, n ? rows[n - 1]->seq : 0);
}

static void run_usage(struct read *r, struct db *db) {
    struct page page = page_of(r);
    const struct usage_event **rows;
    size_t n;
    err e = query_usage(db, str_of(r->caller.project), &page, &r->arena, &rows, &n);
    if (e) {
        read_fail(r, e, "The usage events could not be read.");
        return;
    }
    struct jw w;
    begin_list(r, &w, "usage_events");
    for (size_t i = 0; i < n; i++) {
        const struct usage_event *u = rows[i];
        if (!is_meant(r, u->metadata)) continue;
        jw_open(&w, '{');
        jw_kstr(&w, "id", u->head.id);
        jw_kstr(&w, "generation_id", u->head.id);
        jw_ki64(&w, "seq", u->seq);
        view_time(&w, "created_at", u->created_at);
        jw_kstr(&w, "project_id", u->project);
        jw_kstr(&w, "workspace_id", u->project);
        jw_kstr(&w, "book", u->book);
        jw_kstr(&w, "key", u->key);
        jw_kstr(&w, "model", u->model);
        jw_kstr(&w, "kind", u->kind);
        jw_kstr(&w, "provider", u->provider);
        view_money(&w, "billed", u->billed_micros);
        jw_ki64(&w, "upstream_cost_micros", u->cost_micros);
        jw_kopt(&w, "end_user", u->end_user);
        if (u->metadata.len) jw_kraw(&w, "metadata", u->metadata);
        jw_kstr(&w, "unit", u->unit);
        jw_ki64(&w, "quantity", u->quantity);
        jw_kraw(&w, "price_row", u->price_row);
        jw_close(&w, '}');
    }
    end_list(r, &w, n, n ? rows[n - 1]->seq : 0);
}

static void run_ledger(struct read *r, struct db *db) {
    struct page page = page_of(r);
    if (!page.book.len) page.book = STR("live");
    const struct transfer **rows;
    size_t n;
    err e = query_transfers(db, str_of(r->caller.project), &page, &r->arena, &rows, &n);
    if (e) {
        read_fail(r, e, "The ledger could not be read.");
        return;
    }
    struct jw w;
    begin_list(r, &w, "transfers");
    for (size_t i = 0; i < n; i++) {
        const struct transfer *t = rows[i];
        jw_open(&w, '{');
        jw_kstr(&w, "id", t->head.id);
        jw_ki64(&w, "seq", t->seq);
        view_time(&w, "created_at", t->created_at);
        jw_kstr(&w, "book", t->book);
        jw_kstr(&w, "purpose", t->purpose);
        jw_kstr(&w, "debit", t->debit);
        jw_kstr(&w, "credit", t->credit);
        view_money(&w, "amount", t->amount);
        jw_key(&w, "generation_id");
        if (t->generation.len) jw_str(&w, t->generation);
        else jw_null(&w);
        jw_kopt(&w, "author", t->author);
        jw_kopt(&w, "reason", t->reason);
        jw_close(&w, '}');
    }
    end_list(r, &w, n, n ? rows[n - 1]->seq : 0);
}

static void run_audit(struct read *r, struct db *db) {
    struct audit audit = {};
    err e = query_audit(db, &r->arena, &audit);
    if (e) {
        read_fail(r, e, "The ledger could not be audited.");
        return;
    }
    struct jw w = {.out = &r->json};
    jw_open(&w, '{');
    jw_kbool(&w, "ok", audit.findings == 0 && audit.sum_micros == 0);
    jw_ki64(&w, "findings", audit.findings);
    jw_kstr(&w, "text", audit.text);
    jw_ki64(&w, "sum_micros", audit.sum_micros);
    jw_ki64(&w, "transfers", audit.transfers);
    jw_ki64(&w, "accounts", audit.accounts);
    jw_ki64(&w, "generations", audit.generations);
    jw_ki64(&w, "usage_events", audit.usage_events);
    view_money(&w, "top_ups", audit.top_ups);
    view_money(&w, "revenue", audit.revenue);
    view_money(&w, "available", audit.available);
    view_money(&w, "held", audit.held);
    view_money(&w, "adjustments", audit.adjustments);
    jw_close(&w, '}');
}

static void run_balance(struct read *r, struct db *db) {
    const struct account *account = NULL;
    struct str id = arena_printf(&r->arena, "%s/%s", r->caller.project, r->caller.book);
    err e = QUERY_RECORD(db, account, id, &r->arena, &account);
    if (e) {
        read_fail(r, e, "The project's %s book could not be read.", r->caller.book);
        return;
    }
    struct jw w = {.out = &r->json};
    jw_open(&w, '{');
    jw_key(&w, "credits");
    struct buf number = {};
    micros_write_credits(&number, account->available);
    jw_raw(&w, buf_view(&number));
    buf_done(&number);
    view_money(&w, "available", account->available);
    view_money(&w, "held", account->held);
    jw_key(&w, "balance_usd");
    micros_write_usd(&number, account->available);
    jw_raw(&w, buf_view(&number));
    buf_done(&number);
    jw_kz(&w, "project_id", r->caller.project);
    jw_kz(&w, "workspace_id", r->caller.project);
    jw_kz(&w, "book", r->caller.book);
    jw_kz(&w, "message", account->available > 0 ? "Credit is available." : "The project has no credit left; top it up with POST /v1/top-up or `puras top-up`.");
    jw_key(&w, "purchase_url");
    if (r->o->o.purchase_url) jw_z(&w, r->o->o.purchase_url);
    else jw_null(&w);
    jw_close(&w, '}');
}

static void start_list(struct ops *o, const struct caller *c, const struct list_query *q, void (*run_fn)(struct read *, struct db *), ops_done *done, void *arg) {
    struct read *r = read_new(o, c, run_fn, done, arg);
    r->list = *q;
    r->list.state = arena_dup(&r->arena, q->state);
    r->list.model = arena_dup(&r->arena, q->model);
    r->list.end_user = arena_dup(&r->arena, q->end_user);
    r->list.key = arena_dup(&r->arena, q->key);
    r->list.meta_name = arena_dup(&r->arena, q->meta_name);
    r->list.meta_value = arena_dup(&r->arena, q->meta_value);
    if (r->list.limit <= 0 || r->list.limit > LIMIT_PAGE) r->list.limit = r->list.limit <= 0 ? 50 : LIMIT_PAGE;
    read_start(r);
}

void ops_list(struct ops *o, const struct caller *c, const struct list_query *q, ops_done *done, void *arg) { start_list(o, c, q, run_list, done, arg); }
void ops_usage(struct ops *o, const struct caller *c, const struct list_query *q, ops_done *done, void *arg) { start_list(o, c, q, run_usage, done, arg); }
void ops_ledger(struct ops *o, const struct caller *c, const struct list_query *q, ops_done *done, void *arg) { start_list(o, c, q, run_ledger, done, arg); }
void ops_balance(struct ops *o, const struct caller *c, ops_done *done, void *arg) { read_start(read_new(o, c, run_balance, done, arg)); }
void ops_audit(struct ops *o, const struct caller *c, ops_done *done, void *arg) { read_start(read_new(o, c, run_audit, done, arg)); }
