/* Work for the engine: each of these is an indexed scan, cheap enough to be asked four times a second. */
#include "base/limits.h"
#include "store/query_rows.h"

/* One whose model runs as often as it may is not due: it would keep others of its project from their turn. */
#define MODEL_FREE                                                                                                                \
    "(generation.model_limit = 0 or not exists (select 1 from model_load where model_load.id = generation.model and "             \
    "model_load.running >= generation.model_limit))"

err query_turns(struct db *db, msec now, int64_t limit, struct arena *a, struct turn **out, size_t *n) {
    struct sql_rows rows;
    TRY(query_run(db,
                  "select id, running, pending, run_limit from project where pending > 0 and running < run_limit and exists (select 1 "
                  "from generation where generation.project = project.id and generation.state = 'pending' and "
                  "generation.waits_until <= $1 and " MODEL_FREE ") order by running, id limit $2",
                  SQL_PARAMS(SQL_INT(now), SQL_INT(limit)), a, &rows));
    struct turn *turns = arena_array(a, struct turn, rows.n + 1);
    for (size_t i = 0; i < rows.n; i++) {
        const struct sql_value *c = sql_row(&rows, i);
        turns[i] = (struct turn){.project = c[0].s, .running = c[1].i, .pending = c[2].i, .run_limit = c[3].i};
    }
    *out = turns;
    *n = rows.n;
    return OK;
}

err query_pending(struct db *db, struct str project, msec now, int64_t limit, struct arena *a, const struct generation ***out, size_t *n) {
    return query_records(db, REC_generation,
                         "select @generation from generation where project = $1 and state = 'pending' and waits_until <= $2 and " MODEL_FREE
                         " order by seq limit $3",
                         SQL_PARAMS(SQL_STR(project), SQL_INT(now), SQL_INT(limit)), a, (void ***)out, n);
}

err query_work_of(struct db *db, struct str node, struct str after, int64_t limit, struct arena *a, const struct generation ***out, size_t *n) {
    return query_records(db, REC_generation, "select @generation from generation where node = $1 and node <> '' and id > $2 order by id limit $3",
                         SQL_PARAMS(SQL_STR(node), SQL_STR(after), SQL_INT(limit)), a, (void ***)out, n);
}

err query_past_deadline(struct db *db, msec now, int64_t limit, struct arena *a, struct str **out, size_t *n) {
    struct sql_rows rows;
    TRY(query_run(db,
                  "select id from generation where state in ('pending', 'processing') and deadline_at > 0 and deadline_at <= $1 "
                  "order by deadline_at, id limit $2",
                  SQL_PARAMS(SQL_INT(now), SQL_INT(limit)), a, &rows));
    struct str *ids = arena_array(a, struct str, rows.n + 1);
    for (size_t i = 0; i < rows.n; i++) ids[i] = sql_row(&rows, i)->s;
    *out = ids;
    *n = rows.n;
    return OK;
}

err query_sent(struct db *db, msec since, int64_t limit, struct arena *a, struct sent_submit **out, size_t *n) {
    struct sql_rows rows;
    TRY(query_run(db,
                  "select attempt.provider, attempt.route, generation.model, attempt.sent_at from attempt join generation on generation.id = "
                  "attempt.generation where attempt.sent_at > 0 and attempt.sent_at > $1 order by attempt.sent_at desc limit $2",
                  SQL_PARAMS(SQL_INT(since), SQL_INT(limit)), a, &rows));
    struct sent_submit *list = arena_array(a, struct sent_submit, rows.n + 1);
    for (size_t i = 0; i < rows.n; i++) {
        const struct sql_value *c = sql_row(&rows, i);
        list[i] = (struct sent_submit){.provider = c[0].s, .route = c[1].s, .model = c[2].s, .at = c[3].i};
    }
    *out = list;
    *n = rows.n;
    return OK;
}

/* A blob's place begins with its attempt's. Until the outputs are settled, only the reply that result_seen kept names those that came inside of it;
 * of a generation whose output its caller's path hides it goes on naming them. An input that was deleted since stays until the call has ended:
 * it may not have been sent yet, and its length may be what is billed. Of the generations only the living are read, by the index of their deadlines
 * (hence || '', which keeps the planner from walking all of a project's), because that question is asked of each deleted file. */
static struct str attempt_of(struct str blob, struct arena *a) {
    struct str generation, rest, n, name;
    if (!str_cut(blob, '/', &generation, &rest) || !str_cut(rest, '/', &n, &name)) return STR("");
    return arena_printf(a, "%.*s.%.*s", STR_ARG(generation), STR_ARG(n));
}

err query_blob_owned(struct db *db, struct str blob, msec now, bool *out) {
    struct arena a = {};
    struct sql_rows rows;
    err e = query_run(db,
                      "select 1 from asset where blob = $1 and deleted_at = 0 union all select 1 from derived join asset on asset.id = "
                      "derived.asset where derived.blob = $1 and asset.deleted_at = 0 union all select 1 from attempt join generation on "
                      "generation.id = attempt.generation where attempt.id = $2 and attempt.n = generation.attempts and "
                      "(generation.node <> '' or (generation.error_code = $3 and generation.finished_at > $4)) and attempt.reply like '%' || $5 || '%' "
                      "union all select 1 from asset join generation on generation.project || '' = asset.project where asset.blob = $1 and asset.deleted_at > 0 and "
                      "generation.deadline_at >= 0 and generation.state in ('pending', 'processing') and generation.files like '%' || $5 || '%' limit 1",
                      SQL_PARAMS(SQL_STR(blob), SQL_STR(attempt_of(blob, &a)), SQL_STR(str_of(err_info(E_OUTPUT_HIDDEN)->code)),
                                 SQL_INT(now - (msec)LIMIT_HIDDEN_DAYS * MS_DAY), SQL_STR(blob)),
                      &a, &rows);
    if (!e) *out = rows.n > 0;
    arena_done(&a);
    return e;
}
