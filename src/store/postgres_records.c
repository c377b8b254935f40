/* Loading, locking and saving a batch's records on PostgreSQL, a statement per table and step, all tables of a step in one
 * round trip.
 *
 * Which further records a batch needs is only known once some are loaded, yet locks must be taken in one order or two nodes
 * wait for each other. So records are first read without locks; then, when all keys are known, every existing row is locked in
 * order of (table, id). Rows that many batches want at once, the projects and their balances, are read only then, under their
 * lock, and never retried; of the others the lock's answer shows the version, and another one than was read is a conflict. So is one
 * that was absent and is there by then: a call repeated on another node would find the balance that it changed, and not itself. */
#include "store/postgres.h"

#include <stdlib.h>

static bool read_late(enum rec_type t) { return t == REC_project || t == REC_account; }

static void remember(struct pg_db *pg, struct rec_key key, int64_t version) {
    if (pg->loaded_n == pg->loaded_cap) {
        pg->loaded_cap = pg->loaded_cap ? pg->loaded_cap * 2 : 256;
        pg->loaded = realloc(pg->loaded, pg->loaded_cap * sizeof *pg->loaded);
        must(pg->loaded);
    }
    pg->loaded[pg->loaded_n++] = (struct pg_version){key, version};
}

/* The keys are sorted; where in them is `id`? */
static size_t find_key(const struct rec_key *keys, size_t n, struct str id) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int c = str_cmp(keys[mid].id, id);
        if (!c) return mid;
        if (c < 0) low = mid + 1;
        else high = mid;
    }
    return n;
}

static err take_records(struct pg_pending *p, PGresult *res) {
    const struct rec_info *info = rec_info(p->type);
    struct arena *a = workset_arena(p->w);
    bool *found = arena_array(a, bool, p->n + 1);
    for (int row = 0; row < PQntuples(res); row++) {
        size_t at = find_key(p->keys, p->n, pg_cell_str(res, row, 0));
        must(at < p->n && !found[at]);
        found[at] = true;
        union record_any r;
        r.head.id = p->keys[at].id;
        r.head.version = pg_cell_int(res, row, 1);
        for (int i = 0; i < info->field_count; i++) {
            const struct rec_field *f = &info->fields[i];
            if (f->kind == FIELD_STR) *record_str(&r.head, f) = arena_dup(a, pg_cell_str(res, row, i + 2));
            else *record_i64(&r.head, f) = pg_cell_int(res, row, i + 2);
        }
        workset_fill(p->w, p->keys[at], &r.head);
        if (!read_late(p->type)) remember(p->pg, p->keys[at], r.head.version);
    }
    for (size_t i = 0; i < p->n; i++) {
        if (found[i]) continue;
        workset_fill(p->w, p->keys[i], NULL);
        if (!read_late(p->type)) remember(p->pg, p->keys[i], 0);
    }
    return OK;
}

static void push_ids(struct pg_db *pg, const struct rec_key *keys, size_t n) {
    pg_params_begin(pg);
    pg_array_begin(pg, false, n);
    for (size_t i = 0; i < n; i++) pg_array_str(pg, keys[i].id);
    pg_array_end(pg);
}

/* The run of keys of one type that starts at `from`. */
static size_t run_of(const struct rec_key *keys, size_t n, size_t from) {
    size_t end = from;
    while (end < n && keys[end].type == keys[from].type) end++;
    return end - from;
}

static err push_loads(struct pg_db *pg, struct workset *w, bool late) {
    const struct rec_key *keys;
    size_t n = workset_unfilled(w, &keys), count;
    for (size_t i = 0; i < n; i += count) {
        count = run_of(keys, n, i);
        enum rec_type t = keys[i].type;
        if (read_late(t) != late) continue;
        push_ids(pg, keys + i, count);
        TRY(pg_push(pg, late ? &pg->load_locked[t] : &pg->load[t],
                    (struct pg_pending){.take = take_records, .w = w, .type = t, .keys = keys + i, .n = count}));
    }
    return OK;
}

err pg_load(struct db *db, struct workset *w) {
    struct pg_db *pg = pg_of(db);
    TRY(push_loads(pg, w, false));
    return pg->queued ? pg_finish(pg) : OK;
}

static err take_versions(struct pg_pending *p, PGresult *res) {
    const struct pg_version *v = p->pg->loaded + p->n, *end = p->pg->loaded + p->pg->loaded_n;
    int row = 0, rows = PQntuples(res);
    for (; v < end && v->key.type == p->type; v++) {
        bool there = row < rows && str_eq(v->key.id, pg_cell_str(res, row, 0));
        if (there != (v->version > 0) || (there && v->version != pg_cell_int(res, row, 1))) break;
        row += there;
    }
    if (row == rows && (v == end || v->key.type != p->type)) return OK;
    return why_set(&p->pg->db.why, E_STALE, "A %s changed between load and lock.", rec_info(p->type)->table);
}

static int by_key(const void *a, const void *b) {
    const struct pg_version *x = a, *y = b;
    if (x->key.type != y->key.type) return x->key.type < y->key.type ? -1 : 1;
    return str_cmp(x->key.id, y->key.id);
}

/* The late types come first in the order of tables, so their locks are first too. */
err pg_lock(struct db *db, struct workset *w) {
    struct pg_db *pg = pg_of(db);
    _Static_assert(REC_project == 0 && REC_account == 1, "the types that are read late come first");
    TRY(push_loads(pg, w, true));
    if (pg->loaded_n > 1) qsort(pg->loaded, pg->loaded_n, sizeof *pg->loaded, by_key);
    for (size_t i = 0, end; i < pg->loaded_n; i = end) {
        enum rec_type t = pg->loaded[i].key.type;
        for (end = i; end < pg->loaded_n && pg->loaded[end].key.type == t;) end++;
        pg_params_begin(pg);
        pg_array_begin(pg, false, end - i);
        for (size_t k = i; k < end; k++) pg_array_str(pg, pg->loaded[k].key.id);
        pg_array_end(pg);
        TRY(pg_push(pg, &pg->lock[t], (struct pg_pending){.take = take_versions, .type = t, .n = i}));
    }
    return pg->queued ? pg_finish(pg) : OK;
}

static err take_count(struct pg_pending *p, PGresult *res) {
    if (strtoull(PQcmdTuples(res), NULL, 10) == p->n) return OK;
    return why_set(&p->pg->db.why, E_STALE, "A %s changed between load and save.", rec_info(p->type)->table);
}

static err push_save(struct pg_db *pg, enum rec_type type, bool insert, const struct rec_head *const *records, size_t n) {
    const struct rec_info *info = rec_info(type);
    pg_params_begin(pg);
    pg_array_begin(pg, false, n);
    for (size_t r = 0; r < n; r++) pg_array_str(pg, records[r]->id);
    pg_array_end(pg);
    if (!insert) {
        pg_array_begin(pg, true, n);
        for (size_t r = 0; r < n; r++) pg_array_int(pg, records[r]->version);
        pg_array_end(pg);
    }
    for (int i = 0; i < info->field_count; i++) {
        const struct rec_field *f = &info->fields[i];
        pg_array_begin(pg, f->kind == FIELD_I64, n);
        for (size_t r = 0; r < n; r++) {
            if (f->kind == FIELD_STR) pg_array_str(pg, *record_str(records[r], f));
            else pg_array_int(pg, *record_i64(records[r], f));
        }
        pg_array_end(pg);
    }
    return pg_push(pg, insert ? &pg->insert[type] : &pg->update[type],
                   (struct pg_pending){.take = take_count, .type = type, .n = n});
}

err pg_save(struct db *db, const struct rec_change *changes, size_t n) {
    struct pg_db *pg = pg_of(db);
    if (!n) return OK;
    const struct rec_head **some = malloc(n * sizeof *some);
    must(some);
    err e = OK;
    for (size_t i = 0, end; i < n && !e; i = end) {
        for (end = i; end < n && changes[end].type == changes[i].type;) end++;
        for (int insert = 1; insert >= 0 && !e; insert--) {
            size_t count = 0;
            for (size_t k = i; k < end; k++)
                if ((changes[k].record->version == 0) == insert) some[count++] = changes[k].record;
            if (count) e = push_save(pg, changes[i].type, insert, some, count);
        }
    }
    free(some);
    return e ? e : pg_finish(pg);
}
