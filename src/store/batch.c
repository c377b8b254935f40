/* One batch: load -> apply -> save -> commit, and everything that may go wrong on the way.
 *
 * Must always hold:
 *  - nothing a rule produced leaves this file before the commit is known.
 *  - a retry starts from the unchanged commands and freshly loaded records.
 *  - one command never makes another of its batch fail: what the database refuses is halved until the one is alone. */
#include "base/limits.h"
#include "base/plant.h"
#include "store/command_copy.h"
#include "store/committer.h"

#include <poll.h>

enum {
    DOWN_WAIT_MS = 200,
    DOWN_TRIES = 25,     /* 5 s without a database: what waits is answered E_UNAVAILABLE */
    RESOLVE_TRIES = 150, /* 30 s, two leases: then another node has long adopted our work */
};

/* How far a pass came; decides what its failure means. */
enum phase { PHASE_BEFORE_COMMIT, PHASE_COMMIT, PHASE_DELIVERED };

static err hooked(struct committer *c, enum committer_point p) { return c->hook ? c->hook(c->hook_arg, p) : OK; }

static err open_db(struct committer *c, struct why *why) {
    if (c->db) return c->db->ops->ready(c->db);
    return db_open(c->o.store, true, why, &c->db);
}

/* For our row's batch_seq. On PostgreSQL a backend that still holds the row is waited for. */
static err read_seq(struct committer *c, int64_t *out) {
    struct arena a = {};
    struct sql_rows rows;
    const char *sql = c->o.store->sqlite ? "select batch_seq from node where id = $1 and epoch = $2"
                                         : "select batch_seq from node where id = $1 and epoch = $2 for update";
    err e = db_run(c->db, sql, SQL_PARAMS(SQL_STR(str_of(c->o.node.id)), SQL_INT(c->o.node.epoch)), &a, &rows, NULL);
    if (!e && !rows.n) e = why_set(&c->db->why, E_FENCED, "Another server has taken over the work of this one.");
    if (!e) *out = sql_row(&rows, 0)->i;
    arena_done(&a);
    return e;
}

static err load(struct committer *c, struct batch *b) {
    const struct db_ops *ops = c->db->ops;
    for (int round = 0; round < COMMAND_ROUNDS; round++) {
        for (size_t i = 0; i < b->n; i++) command_want(&b->items[i]->command, b->w, round);
        TRY(ops->load(c->db, b->w));
    }
    return ops->lock(c->db, b->w);
}

static size_t text_bytes(const struct rec_change *c) {
    const struct rec_info *info = rec_info(c->type);
    size_t n = c->record->id.len;
    for (int i = 0; i < info->field_count; i++) n += info->fields[i].kind == FIELD_STR ? record_str(c->record, &info->fields[i])->len : 8;
    return n;
}

/* A transaction stays under so many rows and bytes; the guess made when the batch was taken may have been too low. */
static bool too_large(const struct batch *b) {
    if (b->n <= 1) return false;
    if (b->changes_n >= LIMIT_BATCH_ROWS) return true;
    size_t bytes = 0;
    for (size_t i = 0; i < b->changes_n; i++) bytes += text_bytes(&b->changes[i]);
    return bytes >= LIMIT_BATCH_BYTES;
}

static err apply(struct committer *c, struct batch *b) {
    for (size_t i = 0; i < b->n; i++) command_apply(&b->items[i]->command, b->w, &b->outcomes[i]);
    b->changes_n = workset_changes(b->w, &b->changes);
    return too_large(b) ? E_LIMIT : OK;
}

static err commit(struct committer *c, enum phase *phase) {
    *phase = PHASE_COMMIT;
    TRY(hooked(c, POINT_BEFORE_COMMIT));
    TRY(c->db->ops->commit(c->db));
    return hooked(c, POINT_AFTER_COMMIT);
}

/* One pass over the batch. After a failure the transaction is rolled back. */
static err pass(struct committer *c, struct batch *b, enum phase *phase, struct why *why) {
    *phase = PHASE_BEFORE_COMMIT;
    b->changes_n = 0;
    workset_reset(b->w);
    err e = open_db(c, why);
    if (!e && c->batch_seq < 0) e = read_seq(c, &c->batch_seq);
    if (e) {
        if (c->db) *why = c->db->why;
        return e;
    }
    const struct db_ops *ops = c->db->ops;
    struct fence fence = {str_of(c->o.node.id), c->o.node.epoch, c->batch_seq};
    e = ops->begin(c->db, DB_WRITE, PLANTED(stale_adoption) ? NULL : &fence);
    if (!e) e = load(c, b);
    if (!e) e = hooked(c, POINT_LOADED);
    if (!e) e = apply(c, b);
    if (!e && !b->changes_n && c->o.store->sqlite) { /* all refused or replayed: what they saw is committed, nothing to flush */
        ops->rollback(c->db);
        return OK;
    }
    if (!e) e = ops->save(c->db, b->changes, b->changes_n);
    if (!e && PLANTED(answer_before_commit)) {
        committer_deliver(c, b);
        *phase = PHASE_DELIVERED;
        if (commit(c, &(enum phase){0})) ops->rollback(c->db);
        else c->batch_seq++;
        return OK;
    }
    if (!e) e = commit(c, phase);
    if (!e && !PLANTED(stale_adoption)) c->batch_seq++;
    if (e) {
        *why = c->db->why;
        ops->rollback(c->db);
    }
    return e;
}

static bool is_ending(struct committer *c) {
    pthread_mutex_lock(&c->lock);
    bool ending = c->ending;
    pthread_mutex_unlock(&c->lock);
    return ending;
}

/* The connection went away while the commit was under way. Our row tells: each commit counts it up by one. */
static err resolve(struct committer *c, bool *out_happened) {
    for (int i = 0; i < RESOLVE_TRIES && !(i && is_ending(c)); i++) {
        if (i) poll(NULL, 0, DOWN_WAIT_MS);
        int64_t seq;
        err e = c->db->ops->ready(c->db);
        if (!e) e = read_seq(c, &seq);
        if (e == E_FENCED) return e;
        if (e) {
            c->db->ops->rollback(c->db);
            continue;
        }
        if (seq != c->batch_seq && seq != c->batch_seq + 1) return E_FENCED;
        *out_happened = seq == c->batch_seq + 1;
        return OK;
    }
    return E_UNKNOWN;
}

/* The same answer for all of them, and nothing written. */
static bool answer_all(struct committer *c, struct batch *b, err code, const struct why *why) {
    b->changes_n = 0;
    for (size_t i = 0; i < b->n; i++) {
        b->outcomes[i] = (struct outcome){.code = code, .why = {.code = code}};
        if (why && why->code == code) b->outcomes[i].why = *why;
    }
    committer_deliver(c, b);
    return true;
}

static bool halves(struct committer *c, struct batch *b) {
    size_t half = b->n / 2, rest = b->n - half;
    bool alive = batch_run(c, b->items, half);
    if (alive) alive = batch_run(c, b->items + half, rest);
    else committer_die(c, OK, NULL, b->items + half, rest);
    committer_recycle(c, b);
    return alive;
}

static bool die(struct committer *c, struct batch *b, err code, const struct why *why) {
    committer_die(c, code, why->detail[0] ? why->detail : err_info(code)->text, b->items, b->n);
    committer_recycle(c, b);
    return false;
}

/* New work is turned away, so that the space of the reserve is left for what runs. False when nobody is left in the batch. */
static bool without_new_work(struct committer *c, struct batch *b, const struct why *why) {
    struct batch *refused = committer_batch(c);
    size_t kept = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (is_new_work(b->items[i]->command.kind)) refused->items[refused->n++] = b->items[i];
        else b->items[kept++] = b->items[i];
    }
    b->n = kept;
    if (refused->n) (void)answer_all(c, refused, E_STORAGE_FULL, why);
    else committer_recycle(c, refused);
    if (kept) return true;
    committer_recycle(c, b);
    return false;
}

static void give_up_reserve(struct committer *c) {
    pthread_mutex_lock(&c->lock);
    c->storage_full = true;
    c->full_waits = 0;
    pthread_mutex_unlock(&c->lock);
    reserve_release(c->o.store);
    (void)c->db->ops->tend(c->db, true);
}

static void count(struct committer *c, uint64_t conflicts, uint64_t retries) {
    pthread_mutex_lock(&c->lock);
    c->stats.conflicts += conflicts;
    c->stats.retries += retries;
    pthread_mutex_unlock(&c->lock);
}

bool batch_run(struct committer *c, struct item **items, size_t n) {
    struct batch *b = committer_batch(c);
    memcpy(b->items, items, n * sizeof *items);
    b->n = n;
    int tries = 0, downs = 0, fulls = 0;
    if (c->storage_full && !without_new_work(c, b, NULL)) return true; /* it was queued before that was known */
    for (;;) {
        enum phase phase;
        struct why why = {};
        bool happened = false;
        err e = pass(c, b, &phase, &why);
        if (phase == PHASE_DELIVERED) return true;
        if (e == E_UNKNOWN) {
            e = resolve(c, &happened);
            if (!e && happened) c->batch_seq++;
            if (e == E_UNKNOWN) why_set(&why, e, "The database has not answered for too long; whether the last commit happened is not known.");
        } else if (!e) {
            happened = true;
        } else if (phase == PHASE_COMMIT && e != E_STALE && e != E_STORAGE_FULL) {
            return die(c, b, e, &why); /* the disk failed us: what is on it only a new start can tell */
        }
        if (happened) {
            committer_deliver(c, b);
            return true;
        }
        switch (e) {
        case OK:
        case E_STALE:
            count(c, 1, tries + 1 < LIMIT_BATCH_TRIES);
            if (++tries < LIMIT_BATCH_TRIES) continue;
            return b->n > 1 ? halves(c, b) : answer_all(c, b, E_AGAIN, NULL);
        case E_LIMIT: return halves(c, b);
        case E_STORAGE_FULL:
            if (fulls++) return answer_all(c, b, e, &why);
            give_up_reserve(c);
            if (!without_new_work(c, b, &why)) return true;
            continue;
        case E_UNAVAILABLE:
            if (++downs > DOWN_TRIES || is_ending(c)) return answer_all(c, b, e, &why);
            poll(NULL, 0, DOWN_WAIT_MS);
            continue;
        case E_FENCED:
        case E_UNKNOWN:
        case E_CORRUPT: return die(c, b, e, &why);
        default: return b->n > 1 ? halves(c, b) : answer_all(c, b, e, &why);
        }
    }
}
