/* Rows that a migration brings into its new columns: in transactions of a few hundred rows, since a migration itself changes none. All of it
 * can run twice, and nobody serves yet while it runs. */
#include "base/cleanup.h"
#include "core/drive.h"
#include "store/internal.h"

enum { AT_ONCE = 200 };

/* One file that a test call made: it goes from the one drive of old to that of the test book, with its path and its bytes. */
static err move_asset(struct db *db, const struct asset *file, struct arena *a) {
    int64_t changed;
    TRY(db_run(db, "update asset set book = 'test', version = version + 1 where id = $1 and book = 'live'", SQL_PARAMS(SQL_STR(file->head.id)), NULL, NULL, &changed));
    if (!changed || file->deleted_at) return OK;
    TRY(db_run(db, "update project set drive_bytes = drive_bytes - $1, test_drive_bytes = test_drive_bytes + $1, version = version + 1 where id = $2",
               SQL_PARAMS(SQL_INT(file->bytes), SQL_STR(file->project)), NULL, NULL, NULL));
    if (str_empty(file->path)) return OK;
    struct str from = drive_path_id(a, (struct drive_spot){file->project, STR("live"), file->path}), to = drive_path_id(a, (struct drive_spot){file->project, STR("test"), file->path});
    return db_run(db, "update drive_path set id = $1, version = version + 1 where id = $2 and asset = $3", SQL_PARAMS(SQL_STR(to), SQL_STR(from), SQL_STR(file->head.id)), NULL,
                  NULL, NULL);
}

/* The next rows behind *after. */
static err move_assets(struct db *db, struct arena *a, struct str *after, bool *more) {
    struct sql_rows rows;
    TRY(db_run(db, "select @asset, coalesce(generation.book, 'live') from asset left join generation on generation.id = asset.generation where asset.id > $1 "
                   "order by asset.id limit $2", SQL_PARAMS(SQL_STR(*after), SQL_INT(AT_ONCE)), a, &rows, NULL));
    for (size_t i = 0; i < rows.n; i++) {
        const struct sql_value *cells = sql_row(&rows, i);
        union record_any file = {};
        record_from_cells(REC_asset, cells, &file.head);
        if (str_is(cells[rows.cols - 1].s, "test")) TRY(move_asset(db, &file.asset, a));
        *after = file.head.id;
    }
    *more = rows.n == AT_ONCE;
    return OK;
}

/* What running test calls have reserved. */
static err move_reservations(struct db *db, struct arena *a, struct str *after, bool *more) {
    struct sql_rows rows;
    TRY(db_run(db, "select project, cast(sum(needs) as bigint) from generation where project > $1 and book = 'test' and state in ('pending', 'processing') group by project "
                   "order by project limit $2", SQL_PARAMS(SQL_STR(*after), SQL_INT(AT_ONCE)), a, &rows, NULL));
    for (size_t i = 0; i < rows.n; i++) {
        const struct sql_value *cells = sql_row(&rows, i);
        TRY(db_run(db, "update project set drive_reserved = drive_reserved + test_drive_reserved - $1, test_drive_reserved = $1, version = version + 1 where id = $2",
                   SQL_PARAMS(SQL_INT(cells[1].i), SQL_STR(cells[0].s)), NULL, NULL, NULL));
        *after = cells[0].s;
    }
    *more = rows.n == AT_ONCE;
    return OK;
}

static err in_pieces(struct db *db, err (*piece)(struct db *db, struct arena *a, struct str *after, bool *more)) {
    _cleanup_(arena_done) struct arena kept = {}; /* the texts of *after: one a piece */
    struct str after = STR("");
    for (bool more = true; more;) {
        _cleanup_(arena_done) struct arena a = {};
        err e = db->ops->begin(db, DB_WRITE, NULL);
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
    return in_pieces(db, move_reservations);
}
