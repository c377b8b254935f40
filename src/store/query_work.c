/* Work for the engine: each of these is an indexed scan, cheap enough to be asked four times a second. */
#include "store/query_rows.h"

err query_turns(struct db *db, msec now, int64_t limit, struct arena *a, struct turn **out, size_t *n) {
    struct sql_rows rows;
    TRY(query_run(db,
                  "select id, running, pending, run_limit from project where pending > 0 and running < run_limit and exists (select 1 "
                  "from generation where generation.project = project.id and generation.state = 'pending' and "
                  "generation.waits_until <= $1) order by running, id limit $2",
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
                         "select @generation from generation where project = $1 and state = 'pending' and waits_until <= $2 "
                         "order by seq limit $3",
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

err query_blob_owned(struct db *db, struct str blob, bool *out) {
    struct arena a = {};
    struct sql_rows rows;
    err e = query_run(db, "select 1 from asset where blob = $1 and deleted_at = 0 limit 1", SQL_PARAMS(SQL_STR(blob)), &a, &rows);
    if (!e) *out = rows.n > 0;
    arena_done(&a);
    return e;
}
