/* Scans as queries: what a reader's thread does for SCAN_PENDING, SCAN_WORK and SCAN_DEADLINES. */
#include "engine/engine.h"
#include "store/query.h"

static err with_attempts(struct db *db, struct scan *s, const struct generation **rows, size_t n) {
    s->work = arena_array(&s->arena, struct work, n + 1);
    for (size_t i = 0; i < n; i++) {
        s->work[i].generation = rows[i];
        if (!rows[i]->attempts) continue;
        struct str id = arena_printf(&s->arena, "%.*s.%lld", STR_ARG(rows[i]->head.id), (long long)rows[i]->attempts);
        err e = QUERY_RECORD(db, attempt, id, &s->arena, &s->work[i].attempt);
        if (e && e != E_NOT_FOUND) return e;
    }
    s->work_count = n;
    return OK;
}

static err scan_pending(struct db *db, struct scan *s) {
    struct turn *turns;
    size_t turn_count;
    TRY(query_turns(db, s->now, s->limit, &s->arena, &turns, &turn_count));
    s->work = arena_array(&s->arena, struct work, (size_t)s->limit + 1);
    for (size_t i = 0; i < turn_count && (int64_t)s->work_count < s->limit; i++) {
        const struct generation **rows;
        size_t n;
        int64_t free_slots = turns[i].run_limit - turns[i].running, left = s->limit - (int64_t)s->work_count;
        TRY(query_pending(db, turns[i].project, s->now, free_slots < left ? free_slots : left, &s->arena, &rows, &n));
        for (size_t k = 0; k < n; k++) {
            struct work *w = &s->work[s->work_count++];
            const struct attempt **tried = NULL;
            *w = (struct work){.generation = rows[k]};
            if (!rows[k]->attempts) continue;
            TRY(query_attempts(db, rows[k]->head.id, &s->arena, &tried, &w->tried_count));
            w->tried = tried;
        }
    }
    return OK;
}

void scan_run(struct db *db, struct scan *s) {
    if (s->kind == SCAN_PENDING) s->code = scan_pending(db, s);
    else if (s->kind == SCAN_DEADLINES) s->code = query_past_deadline(db, s->now, s->limit, &s->arena, &s->ids, &s->id_count);
    else {
        const struct generation **rows;
        size_t n;
        s->code = query_work_of(db, s->node, s->after, s->limit, &s->arena, &rows, &n);
        if (!s->code) s->code = with_attempts(db, s, rows, n);
    }
}
