/* Rows that a migration brings into its new columns: in transactions of a few hundred rows, since a migration itself changes none. All of it
 * can run twice, and beside a node that has been through it already and serves: each piece first locks the projects whose counters it changes,
 * then what it counts, tables in the order in which the committer locks them. Its statements name the columns that they use, because the
 * tables lack what later migrations add. */
#include "base/cleanup.h"
#include "core/drive.h"
#include "store/internal.h"

enum { AT_ONCE = 200 };

/* Writers of SQLite have the database to themselves. */
#define LOCKING(db, table, sql) ((db)->store->sqlite ? sql : sql " for update of " table)

struct old_asset {
    struct str id, project, path;
    int64_t bytes;
    bool deleted;
};

/* What a node of before left at the path in the test drive while this was not yet done: the file that is moved is newer. */
static err free_path(struct db *db, struct str path) {
    TRY(db_run(db, "update asset set path = '', version = version + 1 where id in (select asset from drive_path where id = $1 and asset <> '')", SQL_PARAMS(SQL_STR(path)), NULL,
               NULL, NULL));
    return db_run(db, "delete from drive_path where id = $1", SQL_PARAMS(SQL_STR(path)), NULL, NULL, NULL);
}

/* One file that a test call made: it goes from the one drive of old to that of the test book, with its path and its bytes. */
static err move_asset(struct db *db, const struct old_asset *file, struct arena *a) {
    int64_t changed;
    TRY(db_run(db, "update asset set book = 'test', version = version + 1 where id = $1 and book = 'live'", SQL_PARAMS(SQL_STR(file->id)), NULL, NULL, &changed));
    if (!changed || file->deleted) return OK;
    TRY(db_run(db, "update project set drive_bytes = drive_bytes - $1, test_drive_bytes = test_drive_bytes + $1, version = version + 1 where id = $2",
               SQL_PARAMS(SQL_INT(file->bytes), SQL_STR(file->project)), NULL, NULL, NULL));
    if (str_empty(file->path)) return OK;
    struct str from = drive_path_id(a, (struct drive_spot){file->project, STR("live"), file->path}), to = drive_path_id(a, (struct drive_spot){file->project, STR("test"), file->path});
    TRY(free_path(db, to));
    return db_run(db, "update drive_path set id = $1, version = version + 1 where id = $2 and asset = $3", SQL_PARAMS(SQL_STR(to), SQL_STR(from), SQL_STR(file->id)), NULL, NULL,
                  NULL);
}

/* The next rows behind *after. */
static err move_assets(struct db *db, struct arena *a, struct str *after, bool *more) {
    const char *lock = LOCKING(db, "project", "select id from project where id in (select project from asset where id > $1 order by id limit $2) order by id");
    const char *next = LOCKING(db, "asset", "select asset.id, asset.project, asset.path, asset.bytes, asset.deleted_at, coalesce(generation.book, 'live') from asset "
                                            "left join generation on generation.id = asset.generation where asset.id > $1 order by asset.id limit $2");
    struct sql_rows rows;
    TRY(db_run(db, lock, SQL_PARAMS(SQL_STR(*after), SQL_INT(AT_ONCE)), a, &rows, NULL));
    TRY(db_run(db, next, SQL_PARAMS(SQL_STR(*after), SQL_INT(AT_ONCE)), a, &rows, NULL));
    for (size_t i = 0; i < rows.n; i++) {
        const struct sql_value *cells = sql_row(&rows, i);
        const struct old_asset file = {.id = cells[0].s, .project = cells[1].s, .path = cells[2].s, .bytes = cells[3].i, .deleted = cells[4].i != 0};
        if (str_is(cells[5].s, "test")) TRY(move_asset(db, &file, a));
        *after = file.id;
    }
    *more = rows.n == AT_ONCE;
    return OK;
}

static int64_t needs_of(const struct sql_rows *sums, struct str project, const char *book) {
    for (size_t i = 0; i < sums->n; i++) {
        const struct sql_value *cells = sql_row(sums, i);
        if (str_eq(cells[0].s, project) && str_is(cells[1].s, book)) return cells[2].i;
    }
    return 0;
}

/* What running calls of each book reserve, counted anew. Under the lock of its project no call begins or ends. */
static err count_reservations(struct db *db, struct arena *a, struct str *after, bool *more) {
    const char *lock = LOCKING(db, "project", "select id from project where id > $1 order by id limit $2");
    struct sql_rows projects, sums;
    TRY(db_run(db, lock, SQL_PARAMS(SQL_STR(*after), SQL_INT(AT_ONCE)), a, &projects, NULL));
    *more = projects.n == AT_ONCE;
    if (!projects.n) return OK;
    struct str first = sql_row(&projects, 0)->s, last = sql_row(&projects, projects.n - 1)->s;
    TRY(db_run(db, "select project, book, cast(sum(needs) as bigint) from generation where project >= $1 and project <= $2 and state in ('pending', 'processing') "
                   "group by project, book", SQL_PARAMS(SQL_STR(first), SQL_STR(last)), a, &sums, NULL));
    for (size_t i = 0; i < projects.n; i++) {
        struct str id = sql_row(&projects, i)->s;
        TRY(db_run(db, "update project set drive_reserved = $1, test_drive_reserved = $2, version = version + 1 where id = $3 and (drive_reserved <> $1 or test_drive_reserved <> $2)",
                   SQL_PARAMS(SQL_INT(needs_of(&sums, id, "live")), SQL_INT(needs_of(&sums, id, "test")), SQL_STR(id)), NULL, NULL, NULL));
    }
    *after = last;
    return OK;
}

static err in_pieces(struct db *db, err (*piece)(struct db *db, struct arena *a, struct str *after, bool *more)) {
    _cleanup_(arena_done) struct arena kept = {}; /* the texts of *after: one a piece */
    struct str after = STR("");
    for (bool more = true; more;) {
        _cleanup_(arena_done) struct arena a = {};
        err e = db->ops->begin(db, DB_MIGRATE, NULL);
        if (!e) e = piece(db, &a, &after, &more);
        if (!e) e = db->ops->commit(db);
        else db->ops->rollback(db);
        if (e) return e;
        after = arena_dup(&kept, after);
    }
    return OK;
}

err store_fill_drives(struct db *db) {
    TRY(in_pieces(db, move_assets));
    return in_pieces(db, count_reservations);
}
