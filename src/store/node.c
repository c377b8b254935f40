/* The node's row, its beat, and whose work is left behind.
 *
 * The row (epoch, batch_seq, state) is touched by every batch; the beat is a row of its own so that the two never wait for each
 * other. PostgreSQL measures the beat with its own clock. On SQLite the folder's lock proves that every other node is dead. */
#include "base/limits.h"
#include "store/internal.h"
#include "store/query.h"

#include <stdio.h>

/* One transaction on the admin connection; tried again when it met another or the connection had gone, since each of these may
 * happen twice. */
typedef err admin_fn(struct store *s, struct db *db, void *arg);
static err in_transaction(struct store *s, admin_fn *fn, void *arg, struct why *why) {
    struct db *db = s->admin;
    err e = E_STALE;
    pthread_mutex_lock(&s->admin_lock);
    for (int i = 0; i < LIMIT_BATCH_TRIES && (e == E_STALE || e == E_UNAVAILABLE || e == E_UNKNOWN); i++) {
        e = db->ops->ready(db);
        if (!e) e = db->ops->begin(db, DB_WRITE, NULL);
        if (!e) e = fn(s, db, arg);
        if (!e) e = db->ops->commit(db);
        if (e) db->ops->rollback(db);
    }
    if (e == E_UNKNOWN) e = why_set(&db->why, E_UNAVAILABLE, "The connection to the database was lost.");
    if (e && why) *why = db->why;
    pthread_mutex_unlock(&s->admin_lock);
    return e;
}

/* Milliseconds since 1970 by the clock that all nodes share. */
static err clock_of(struct store *s, struct db *db, int64_t *out) {
    if (s->sqlite) {
        *out = s->now ? s->now(s->now_arg) : 0;
        return OK;
    }
    struct arena a = {};
    struct sql_rows rows;
    err e = db_run(db, "select (extract(epoch from clock_timestamp()) * 1000)::bigint", NULL, 0, &a, &rows, NULL);
    if (!e) *out = sql_row(&rows, 0)->i;
    arena_done(&a);
    return e;
}

struct start {
    struct str id;
    bool resumes;
    char name[33];
    int64_t epoch;
};

static err last_name(struct db *db, struct start *n) {
    struct arena a = {};
    struct sql_rows rows;
    err e = db_run(db, "select id from node order by started_at desc, id desc limit 1", NULL, 0, &a, &rows, NULL);
    if (!e && rows.n && sql_row(&rows, 0)->s.len < sizeof n->name) {
        snprintf(n->name, sizeof n->name, "%.*s", STR_ARG(sql_row(&rows, 0)->s));
        n->id = str_of(n->name);
    }
    arena_done(&a);
    return e;
}

static err start(struct store *s, struct db *db, void *arg) {
    struct start *n = arg;
    struct arena a = {};
    struct sql_rows rows;
    int64_t now;
    TRY(clock_of(s, db, &now));
    if (n->resumes) TRY(last_name(db, n));
    err e = db_run(db,
                   "insert into node (id, epoch, batch_seq, state, started_at) values ($1, 1, 0, 'alive', $2) on conflict (id) "
                   "do update set epoch = node.epoch + 1, batch_seq = 0, state = 'alive', started_at = $2 returning epoch",
                   SQL_PARAMS(SQL_STR(n->id), SQL_INT(now)), &a, &rows, NULL);
    if (!e && rows.n == 1) n->epoch = sql_row(&rows, 0)->i;
    arena_done(&a);
    TRY(e);
    return db_run(db, "insert into beat (id, at) values ($1, $2) on conflict (id) do update set at = $2",
                  SQL_PARAMS(SQL_STR(n->id), SQL_INT(now)), NULL, NULL, NULL);
}

static err start_as(struct store *s, struct str id, bool resumes, struct why *why, struct node_view *out) {
    if (id.len == 0 || id.len >= sizeof out->id) return why_set(why, E_INVALID, "A node's id has 1 to 32 characters.");
    struct start n = {.id = id, .resumes = resumes};
    TRY(in_transaction(s, start, &n, why));
    snprintf(out->id, sizeof out->id, "%.*s", STR_ARG(n.id));
    out->epoch = n.epoch;
    return OK;
}

err store_node_start(struct store *s, struct str id, struct why *why, struct node_view *out) { return start_as(s, id, false, why, out); }
err store_node_resume(struct store *s, struct str id, struct why *why, struct node_view *out) { return start_as(s, id, s->sqlite && s->lock_fd >= 0, why, out); }

static err beat(struct store *s, struct db *db, void *arg) {
    const struct node_view *me = arg;
    int64_t now, changed;
    TRY(clock_of(s, db, &now));
    TRY(db_run(db, "update beat set at = $2 where id = $1 and exists (select 1 from node where node.id = $1 and epoch = $3 and state = 'alive')",
               SQL_PARAMS(SQL_STR(str_of(me->id)), SQL_INT(now), SQL_INT(me->epoch)), NULL, NULL, &changed));
    return changed == 1 ? OK : why_set(&db->why, E_FENCED, "Another server has taken over the work of this one.");
}

err store_node_beat(struct store *s, const struct node_view *me, struct why *why) {
    return in_transaction(s, beat, (void *)me, why);
}

static err stop(struct store *s, struct db *db, void *arg) {
    const struct node_view *me = arg;
    return db_run(db, "update node set state = 'dead' where id = $1 and epoch = $2",
                  SQL_PARAMS(SQL_STR(str_of(me->id)), SQL_INT(me->epoch)), NULL, NULL, NULL);
}

err store_node_stop(struct store *s, const struct node_view *me) { return in_transaction(s, stop, (void *)me, NULL); }

struct lapse {
    const struct node_view *me;
    struct arena *a;
    struct sql_rows dead;
};

#define FIND_LAPSED                                                                                                     \
    "select id from node where state = 'alive' and id <> $1 and not exists (select 1 from beat where beat.id = node.id " \
    "and beat.at >= $2) order by id"
static const char find_lapsed[] = FIND_LAPSED, find_lapsed_locked[] = FIND_LAPSED " for update";

/* The lapsed node's row is locked before it is marked, so a batch of it that is being committed is waited for: afterwards
 * every fence of that node fails. */
static err lapse(struct store *s, struct db *db, void *arg) {
    struct lapse *l = arg;
    struct sql_rows lapsed = {};
    int64_t now;
    TRY(clock_of(s, db, &now));
    /* the folder's lock is ours: whoever held it before is gone */
    const msec heard_before = s->sqlite && s->lock_fd >= 0 ? INT64_MAX : now - LIMIT_LEASE_MS;
    const struct sql_value params[] = {SQL_STR(str_of(l->me->id)), SQL_INT(heard_before)};
    TRY(db_run(db, s->sqlite ? find_lapsed : find_lapsed_locked, params, 2, l->a, &lapsed, NULL));
    for (size_t i = 0; i < lapsed.n; i++)
        TRY(db_run(db, "update node set state = 'dead' where id = $1", SQL_PARAMS(SQL_STR(sql_row(&lapsed, i)->s)), NULL, NULL, NULL));
    return db_run(db, "select id from node where state = 'dead' and exists (select 1 from generation where generation.node = node.id and "
                  "generation.node <> '') order by id", NULL, 0, l->a, &l->dead, NULL);
}

err store_nodes_lapsed(struct store *s, const struct node_view *me, struct arena *a, struct str **out_ids, size_t *out_n) {
    struct lapse l = {.me = me, .a = a};
    TRY(in_transaction(s, lapse, &l, NULL));
    struct str *ids = arena_array(a, struct str, l.dead.n + 1);
    for (size_t i = 0; i < l.dead.n; i++) ids[i] = sql_row(&l.dead, i)->s;
    *out_ids = ids;
    *out_n = l.dead.n;
    return OK;
}

static err live(struct store *s, struct db *db, void *arg) {
    struct arena a = {};
    struct sql_rows rows;
    err e = db_run(db, "select count(*) from node where state = 'alive'", NULL, 0, &a, &rows, NULL);
    if (!e && rows.n == 1) *(int64_t *)arg = sql_row(&rows, 0)->i;
    arena_done(&a);
    return e;
}

err store_nodes_live(struct store *s, int64_t *out_count) { return in_transaction(s, live, out_count, NULL); }

err store_nodes_serving(struct db *db, struct arena *a, struct sql_rows *out_ids) {
    struct store *s = db->store;
    int64_t now;
    if (s->sqlite && s->lock_fd >= 0) {
        *out_ids = (struct sql_rows){};
        return OK;
    }
    TRY(clock_of(s, db, &now));
    return db_run(db, "select node.id from node join beat on beat.id = node.id where node.state = 'alive' and beat.at >= $1 order by node.id", SQL_PARAMS(SQL_INT(now - LIMIT_LEASE_MS)),
                  a, out_ids, NULL);
}

/* --- the sweep --- */

struct sweep {
    const struct node_view *me;
    msec now;
    int64_t limit, deleted;
    struct str next; /* in next_buf */
    char next_buf[sizeof((struct store *)0)->sweep_buf];
};

enum { SWEEP_LOOKS_AT = 20 }; /* records looked at for each that may be deleted */

/* Walks the idempotency records by key, a stretch at a time: an index on their expiry would cost every submit. */
static err sweep(struct store *s, struct db *db, void *arg) {
    struct sweep *w = arg;
    struct arena a = {};
    struct sql_rows rows;
    w->deleted = 0;
    w->next = (struct str){};
    err e = db_run(db, "select id, version, expires_at from idempotency where id > $1 order by id limit $2",
                   SQL_PARAMS(SQL_STR(s->sweep_after), SQL_INT(w->limit * SWEEP_LOOKS_AT)), &a, &rows, NULL);
    size_t i = 0;
    for (; !e && i < rows.n && w->deleted < w->limit; i++) {
        const struct sql_value *c = sql_row(&rows, i);
        if (c[2].i >= w->now) continue;
        int64_t changed;
        e = db_run(db, "delete from idempotency where id = $1 and version = $2", SQL_PARAMS(c[0], c[1]), NULL, NULL, &changed);
        if (!e) w->deleted += changed;
    }
    bool end = !e && i == rows.n && (int64_t)rows.n < w->limit * SWEEP_LOOKS_AT;
    if (!e && !end && i > 0) {
        struct str id = sql_row(&rows, i - 1)->s;
        must(id.len < sizeof w->next_buf);
        memcpy(w->next_buf, id.ptr, id.len);
        w->next = str_n(w->next_buf, id.len);
    }
    arena_done(&a);
    TRY(e);
    /* nodes of earlier starts that left nothing behind; their fences fail without a row too */
    TRY(db_run(db,
               "delete from node where state = 'dead' and id <> $1 and started_at < $2 and not exists (select 1 from generation where "
               "generation.node = node.id and generation.node <> '')",
               SQL_PARAMS(SQL_STR(str_of(w->me->id)), SQL_INT(w->now - MS_DAY)), NULL, NULL, NULL));
    TRY(db_run(db, "delete from webhook_message where id in (select id from webhook_message where created_at < $1 order by created_at limit $2)",
               SQL_PARAMS(SQL_INT(w->now - LIMIT_WEBHOOK_KEPT_DAYS * (msec)MS_DAY), SQL_INT(w->limit)), NULL, NULL, NULL));
    TRY(db_run(db, "delete from webhook where state = 'deleted' and changed_at < $1", SQL_PARAMS(SQL_INT(w->now - LIMIT_WEBHOOK_KEPT_DAYS * (msec)MS_DAY)), NULL, NULL, NULL));
    /* what no call names any more; twice as long, because the file of a call may be delivered, and told of, until thirty days after it */
    TRY(db_run(db, "delete from webhook where secret = '' and url <> '' and changed_at < $1", SQL_PARAMS(SQL_INT(w->now - LIMIT_WEBHOOK_NAMED_DAYS * (msec)MS_DAY)), NULL, NULL, NULL));
    return db_run(db, "delete from beat where not exists (select 1 from node where node.id = beat.id)", NULL, 0, NULL, NULL, NULL);
}

err store_sweep(struct store *s, const struct node_view *me, msec now, int64_t limit, int64_t *out_deleted) {
    struct sweep w = {.me = me, .now = now, .limit = limit};
    TRY(in_transaction(s, sweep, &w, NULL));
    pthread_mutex_lock(&s->admin_lock);
    memcpy(s->sweep_buf, w.next_buf, w.next.len);
    s->sweep_after = str_n(s->sweep_buf, w.next.len);
    pthread_mutex_unlock(&s->admin_lock);
    *out_deleted = w.deleted;
    return OK;
}
