/* Numbered migrations, forward only. Each runs in a transaction of its own, without data; what old rows need follows it in pieces (fill.c); that it
 * was applied is noted in the next one. Every statement of a migration can run twice, so a crash between the two, or two nodes that start at
 * once, do no harm. While a node of an older program serves, nothing is applied. */
#include "base/cleanup.h"
#include "base/limits.h"
#include "store/internal.h"

enum { TRIES = 5 };

static const char make_version_table[] =
    "create table if not exists schema_version (id bigint not null primary key, applied_at bigint not null)";

/* One node at a time: of two that start at once the later one would build a large index anew, and keep the first from writing when that one serves. */
static const char one_by_one[] = "select id from schema_version for update; ";

/* What stands in capitals in a migration. */
static void dialect(struct buf *b, const char *text, bool sqlite) {
    static const struct {
        const char *word, *sqlite, *postgres;
    } words[] = {
        {"TEXT_KEY", "text", "text collate \"C\""},
        {"TEXT", "text", "text"},
        {"CLUSTERED", "without rowid", ""},
        {"ABSENT", "", "if not exists"},
    };
    while (*text) {
        size_t i = 0, n = sizeof words / sizeof *words;
        while (i < n && strncmp(text, words[i].word, strlen(words[i].word))) i++;
        if (i == n) {
            buf_c(b, *text++);
            continue;
        }
        buf_z(b, sqlite ? words[i].sqlite : words[i].postgres);
        text += strlen(words[i].word);
    }
}

/* Which of our tables are there: the note of versions, and one that any other program may have too. */
static err tables(struct db *db, bool *out_versions, bool *out_others) {
    struct arena a = {};
    struct sql_rows rows;
    err e = db->store->sqlite
                ? db_run(db, "select name from sqlite_master where type = 'table'", NULL, 0, &a, &rows, NULL)
                : db_run(db, "select table_name::text from information_schema.tables where table_schema = current_schema()", NULL, 0, &a, &rows, NULL);
    if (!e) {
        *out_versions = *out_others = false;
        for (size_t i = 0; i < rows.n; i++) {
            struct str name = sql_row(&rows, i)->s;
            if (str_is(name, "schema_version")) *out_versions = true;
            for (int t = 0; t < REC_COUNT; t++)
                if (str_is(name, rec_info((enum rec_type)t)->table)) *out_others = true;
            if (db->store->sqlite && !str_starts(name, STR("sqlite_"))) *out_others = true;
        }
    }
    arena_done(&a);
    return e;
}

err store_schema_version(struct db *db, int64_t *out) {
    bool ours, others;
    TRY(tables(db, &ours, &others));
    if (!ours) {
        if (others)
            return why_set(&db->why, E_CORRUPT, "The database %s has tables of another program. Name an empty one.",
                           db->store->sqlite ? db->store->path : "of the URL");
        *out = 0;
        return OK;
    }
    struct arena a = {};
    struct sql_rows rows;
    err e = db_run(db, "select coalesce(max(id), 0) from schema_version", NULL, 0, &a, &rows, NULL);
    if (!e) *out = sql_row(&rows, 0)->i;
    arena_done(&a);
    return e;
}

static int64_t newest(void) {
    int64_t n = 0;
    for (const struct migration *m = store_migrations; m->number; m++) n = m->number;
    return n;
}

static err apply(struct db *db, const struct migration *m) {
    _cleanup_(buf_done) struct buf text = {};
    if (!db->store->sqlite) buf_z(&text, one_by_one);
    dialect(&text, m->text, db->store->sqlite);
    TRY(db->ops->script(db, text.ptr));
    if (m->number == 10) TRY(store_fill_drives(db));
    return db_run(db, "insert into schema_version (id, applied_at) values ($1, $2) on conflict (id) do nothing",
                  SQL_PARAMS(SQL_INT(m->number), SQL_INT(db->store->now ? db->store->now(db->store->now_arg) : 0)), NULL, NULL, NULL);
}

/* A node that serves with an older program writes rows as they were before: what it reserves, this one would give back elsewhere. A node of this
 * program serves only when all is applied, so the version is looked at once more after the nodes. */
static err check_alone(struct db *db, int64_t target) {
    enum { NAMED = 3 };
    _cleanup_(arena_done) struct arena a = {};
    _cleanup_(buf_done) struct buf names = {};
    struct sql_rows nodes;
    int64_t version;
    TRY(store_nodes_serving(db, &a, &nodes));
    if (!nodes.n) return OK;
    TRY(store_schema_version(db, &version));
    if (version >= target) return OK;
    for (size_t i = 0; i < nodes.n && i < NAMED; i++) buf_printf(&names, "%s%.*s", i ? ", " : "", STR_ARG(sql_row(&nodes, i)->s));
    if (nodes.n > NAMED) buf_printf(&names, " and %zu more", nodes.n - NAMED);
    return why_set(&db->why, E_CONFLICT, "The tables have version %lld and this program needs %lld, but older programs still serve on the database: node %s. Stop all nodes, then start "
                   "the new program; a node that was killed counts for %d seconds.", (long long)version, (long long)target, names.ptr, LIMIT_LEASE_MS / 1000);
}

static err migrate(struct db *db, int64_t target) {
    int64_t version;
    TRY(store_schema_version(db, &version));
    if (version > newest())
        return why_set(&db->why, E_NEWER, "The database was written by a newer puras (its tables have version %lld, this program knows %lld). "
                       "Install the newer version again.", (long long)version, (long long)newest());
    if (version >= target) return OK;
    if (version) TRY(check_alone(db, target));
    else TRY(db->ops->script(db, make_version_table));
    for (const struct migration *m = store_migrations; m->number; m++)
        if (m->number > version && m->number <= target) TRY(apply(db, m));
    return OK;
}

/* Another node may make the same tables at this moment; then the database refuses one of the two, which looks again. */
err store_migrate_to(struct db *db, int64_t target, struct why *why) {
    err e = OK;
    for (int i = 0; i < TRIES; i++) {
        e = migrate(db, target);
        bool raced = !db->store->sqlite && (e == E_STALE || e == E_INTERNAL);
        if (!raced) break;
    }
    if (e && why) *why = db->why;
    return e;
}

err store_migrate(struct db *db, struct why *why) { return store_migrate_to(db, newest(), why); }
