/* What operators and projects set: limits, corrections, secrets; and what was used, summed. */
#include "base/hash.h"
#include "ops/change.h"
#include "ops/vault.h"

enum { SECRET_MAX = 16 * 1024 };

void ops_project_set(struct ops *o, const struct caller *c, struct str id, int64_t run_limit, int64_t drive_limit, int64_t retention_days, ops_done *done, void *arg) {
    if (run_limit > 100000 || retention_days > 36500) {
        answer_err(done, arg, E_INVALID, "run_limit is at most 100000 and retention_days at most 36500.");
        return;
    }
    struct command cmd = {.kind = CMD_PROJECT_SET, .at = io_now(o->io)};
    cmd.project_set = (struct cmd_project_set){.id = id, .run_limit = run_limit, .drive_limit = drive_limit, .retention_days = retention_days};
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "id", id);
    if (run_limit >= 0) jw_ki64(&w, "run_limit", run_limit);
    if (drive_limit >= 0) jw_ki64(&w, "drive_limit", drive_limit);
    if (retention_days >= 0) jw_ki64(&w, "retention_days", retention_days);
    jw_close(&w, '}');
    change(o, &cmd, &json, done, arg);
}

void ops_adjust(struct ops *o, const struct caller *c, struct str project, struct str book, micros amount, struct str idempotency_key, struct str reason, ops_done *done, void *arg) {
    if (!str_is(book, "live") && !str_is(book, "test")) {
        answer_err(done, arg, E_INVALID, "book is live or test.");
        return;
    }
    if (!reason.len || reason.len > 500) {
        answer_err(done, arg, E_INVALID, "An adjustment needs a reason of at most 500 bytes; it is kept with the transfer.");
        return;
    }
    _cleanup_(arena_done) struct arena arena = {};
    struct str owner = project.len ? project : str_of(c->project);
    struct id id = io_new_id(o->io);
    struct str name = id_str(&id);
    char hex[SHA256_HEX + 1];
    if (idempotency_key.len) {
        sha256_hex(arena_printf(&arena, "adjust|%.*s|%.*s|%.*s", STR_ARG(owner), STR_ARG(book), STR_ARG(idempotency_key)), hex);
        name = str_n(hex, ID_LEN);
    }
    struct command cmd = {.kind = CMD_ADJUST, .at = io_now(o->io)};
    cmd.adjust = (struct cmd_adjust){.transfer = arena_printf(&arena, "adjust:%.*s", STR_ARG(name)), .project = owner, .book = book, .author = str_of(c->key), .reason = reason, .amount = amount};
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "id", cmd.adjust.transfer);
    jw_kstr(&w, "project_id", owner);
    jw_kstr(&w, "book", book);
    view_money(&w, "amount", amount);
    jw_kstr(&w, "reason", reason);
    jw_kz(&w, "author", c->key);
    jw_close(&w, '}');
    change(o, &cmd, &json, done, arg);
}

/* --- secrets --- */

static void run_secrets(struct read *r, struct db *db) {
    const struct secret **rows;
    size_t n;
    err e = query_secrets(db, str_of(r->caller.project), &r->arena, &rows, &n);
    if (e) {
        read_fail(r, e, "The secrets could not be listed.");
        return;
    }
    struct jw w = {.out = &r->json};
    jw_open(&w, '{');
    jw_kz(&w, "object", "list");
    jw_key(&w, "secrets");
    jw_open(&w, '[');
    for (size_t i = 0; i < n; i++) {
        jw_open(&w, '{');
        jw_kstr(&w, "name", rows[i]->name);
        view_time(&w, "updated_at", rows[i]->updated_at);
        jw_close(&w, '}');
    }
    jw_close(&w, ']');
    jw_close(&w, '}');
}

void ops_secrets(struct ops *o, const struct caller *c, ops_done *done, void *arg) { read_start(read_new(o, c, run_secrets, done, arg)); }

void ops_secret_put(struct ops *o, const struct caller *c, struct str name, struct str value, ops_done *done, void *arg) {
    if (value.len > SECRET_MAX) {
        answer_err(done, arg, E_TOO_LARGE, "A secret has at most %d bytes.", SECRET_MAX);
        return;
    }
    _cleanup_(arena_done) struct arena arena = {};
    _cleanup_(buf_done) struct buf sealed = {};
    uint8_t nonce[24];
    o->io->ops->random(o->io, nonce, sizeof nonce);
    vault_seal(o->o.vault, nonce, arena_printf(&arena, "%s/%.*s", c->project, STR_ARG(name)), value, &sealed);
    struct command cmd = {.kind = CMD_SECRET_PUT, .at = io_now(o->io)};
    cmd.secret = (struct cmd_secret){.project = str_of(c->project), .name = name, .sealed = buf_view(&sealed)};
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "name", name);
    view_time(&w, "updated_at", cmd.at);
    jw_close(&w, '}');
    change(o, &cmd, &json, done, arg);
}

void ops_secret_delete(struct ops *o, const struct caller *c, struct str name, ops_done *done, void *arg) {
    struct command cmd = {.kind = CMD_SECRET_DELETE, .at = io_now(o->io)};
    cmd.secret = (struct cmd_secret){.project = str_of(c->project), .name = name};
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "name", name);
    jw_kbool(&w, "deleted", true);
    jw_close(&w, '}');
    change(o, &cmd, &json, done, arg);
}

/* --- what was used --- */

static const char *const groups[] = {[USAGE_BY_MODEL] = "model", [USAGE_BY_KEY] = "key", [USAGE_BY_END_USER] = "end_user", [USAGE_BY_DAY] = "day"};

static void run_sums(struct read *r, struct db *db) {
    struct usage_range range = {.project = str_of(r->caller.project), .book = is_operator(&r->caller) ? STR("") : str_of(r->caller.book), .since = r->list.since, .until = r->list.until};
    while (!str_is(r->kind, groups[range.by])) range.by++;
    struct usage_sum *rows;
    size_t n;
    err e = query_usage_sums(db, &range, &r->arena, &rows, &n);
    if (e) {
        read_fail(r, e, "The usage could not be summed.");
        return;
    }
    struct jw w = {.out = &r->json};
    jw_open(&w, '{');
    jw_kz(&w, "object", "list");
    jw_kstr(&w, "group", r->kind);
    jw_key(&w, "sums");
    jw_open(&w, '[');
    for (size_t i = 0; i < n; i++) {
        jw_open(&w, '{');
        jw_kstr(&w, groups[range.by], rows[i].group);
        jw_ki64(&w, "events", rows[i].events);
        view_money(&w, "billed", rows[i].billed_micros);
        jw_ki64(&w, "upstream_cost_micros", rows[i].cost_micros);
        jw_ki64(&w, "margin_micros", rows[i].billed_micros - rows[i].cost_micros);
        jw_close(&w, '}');
    }
    jw_close(&w, ']');
    jw_close(&w, '}');
}

void ops_usage_sums(struct ops *o, const struct caller *c, struct str group, msec since, msec until, ops_done *done, void *arg) {
    bool known = false;
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) known |= str_is(group, groups[i]);
    if (!known) {
        answer_err(done, arg, E_INVALID, "group is one of model, key, end_user or day.");
        return;
    }
    struct read *r = read_new(o, c, run_sums, done, arg);
    r->kind = arena_dup(&r->arena, group);
    r->list.since = since;
    r->list.until = until;
    read_start(r);
}
