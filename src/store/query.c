/* Lists and look-ups for people: what query.h promises, page by page. Engine's work is in query_work.c, the audit in audit.c. */
#include "store/query.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "store/query_rows.h"

#include <stdio.h>

err query_run(struct db *db, const char *sql, const struct sql_value *params, size_t n, struct arena *a, struct sql_rows *rows) {
    TRY(db->ops->ready(db));
    err e = db_run(db, sql, params, n, a, rows, NULL);
    if (e == E_UNAVAILABLE && !db->ops->ready(db)) e = db_run(db, sql, params, n, a, rows, NULL); /* the connection was old */
    return e;
}

err query_records(struct db *db, enum rec_type type, const char *sql, const struct sql_value *params, size_t n, struct arena *a,
                  void ***out, size_t *out_n) {
    struct sql_rows rows;
    TRY(query_run(db, sql, params, n, a, &rows));
    void **records = arena_array(a, void *, rows.n + 1);
    for (size_t i = 0; i < rows.n; i++) {
        struct rec_head *r = arena_alloc(a, rec_info(type)->size);
        record_from_cells(type, sql_row(&rows, i), r);
        records[i] = r;
    }
    *out = records;
    *out_n = rows.n;
    return OK;
}

static int64_t page_limit(int64_t limit) { return limit > 0 && limit < LIMIT_EVENTS ? limit : LIMIT_EVENTS; }
static msec end_of(msec until) { return until > 0 ? until : INT64_MAX; }
static int64_t before(const struct page *p) { return p->before_seq > 0 ? p->before_seq : INT64_MAX; }

/* One text per type; the literal's address is the statement's key. */
static const char *const by_id[REC_COUNT] = {
#define RECORD(name, fields) [REC_##name] = "select @" #name " from " #name " where id = $1",
#include "core/records.def"
#undef RECORD
};

err query_record(struct db *db, struct rec_key key, struct arena *a, const struct rec_head **out) {
    void **rows;
    size_t n;
    TRY(query_records(db, key.type, by_id[key.type], SQL_PARAMS(SQL_STR(key.id)), a, &rows, &n));
    if (!n) return E_NOT_FOUND;
    *out = rows[0];
    return OK;
}

/* What a member's text may look like within metadata as it is stored; each '' when nothing is asked for. */
struct like { struct str text, number, last; };

static void like_write(struct buf *b, struct str json) {
    for (size_t i = 0; i < json.len; i++) {
        if (strchr("%_\\", json.ptr[i])) buf_c(b, '\\');
        buf_c(b, json.ptr[i]);
    }
}

static struct str like_one(struct arena *a, struct str name, struct str value, const char *behind) {
    _cleanup_(buf_done) struct buf b = {}, json = {};
    struct jw w = {.out = &json};
    jw_str(&w, name);
    buf_c(&b, '%');
    like_write(&b, buf_view(&json));
    buf_c(&b, ':');
    buf_clear(&json);
    w = (struct jw){.out = &json};
    if (*behind) buf_str(&json, value);
    else jw_str(&w, value);
    like_write(&b, buf_view(&json));
    buf_printf(&b, "%s%%", behind);
    return arena_dup(a, buf_view(&b));
}

static struct like like_of(const struct page *p, struct arena *a) {
    if (str_empty(p->meta_name)) return (struct like){};
    return (struct like){like_one(a, p->meta_name, p->meta_value, ""), like_one(a, p->meta_name, p->meta_value, ","), like_one(a, p->meta_name, p->meta_value, "}")};
}

#define META_LIKE(text, number, last) "(" text " = '' or metadata like " text " escape '\\' or metadata like " number " escape '\\' or metadata like " last " escape '\\')"

err query_generations(struct db *db, struct str project, const struct page *p, struct arena *a, const struct generation ***out, size_t *n) {
    struct like l = like_of(p, a);
    return query_records(db, REC_generation,
                         "select @generation from generation where project = $1 and seq < $2 and ($3 = '' or state = $3) and "
                         "($4 = '' or model = $4) and ($5 = '' or book = $5) and ($6 = '' or end_user = $6) and ($7 = '' or key = $7) and "
                         "created_at >= $8 and created_at < $9 and " META_LIKE("$11", "$12", "$13") " order by seq desc limit $10",
                         SQL_PARAMS(SQL_STR(project), SQL_INT(before(p)), SQL_STR(p->state), SQL_STR(p->model), SQL_STR(p->book),
                                    SQL_STR(p->end_user), SQL_STR(p->key), SQL_INT(p->since), SQL_INT(end_of(p->until)),
                                    SQL_INT(page_limit(p->limit)), SQL_STR(l.text), SQL_STR(l.number), SQL_STR(l.last)),
                         a, (void ***)out, n);
}

err query_events(struct db *db, struct str generation, int64_t after_n, int64_t limit, struct arena *a, const struct event ***out, size_t *n) {
    struct str from = arena_printf(a, "%.*s/%06lld", STR_ARG(generation), (long long)after_n);
    struct str to = arena_printf(a, "%.*s0", STR_ARG(generation)); /* '0' follows '/' */
    return query_records(db, REC_event, "select @event from event where id > $1 and id < $2 order by id limit $3",
                         SQL_PARAMS(SQL_STR(from), SQL_STR(to), SQL_INT(page_limit(limit))), a, (void ***)out, n);
}

err query_attempts(struct db *db, struct str generation, struct arena *a, const struct attempt ***out, size_t *n) {
    struct str from = arena_printf(a, "%.*s.", STR_ARG(generation)), to = arena_printf(a, "%.*s/", STR_ARG(generation));
    return query_records(db, REC_attempt, "select @attempt from attempt where id > $1 and id < $2 order by n",
                         SQL_PARAMS(SQL_STR(from), SQL_STR(to)), a, (void ***)out, n);
}

err query_assets_of(struct db *db, struct str generation, struct arena *a, const struct asset ***out, size_t *n) {
    return query_records(db, REC_asset, "select @asset from asset where generation = $1 and generation <> '' order by n",
                         SQL_PARAMS(SQL_STR(generation)), a, (void ***)out, n);
}

err query_asset_of_bytes(struct db *db, struct str project, struct str book, struct str sha256, struct arena *a, const struct asset **out) {
    const struct asset **rows;
    size_t n;
    TRY(query_records(db, REC_asset,
                      "select @asset from asset where project = $1 and sha256 = $2 and ($3 = '' or book = $3) order by case when deleted_at = 0 then 0 else 1 end, "
                      "case when generation <> '' then 0 else 1 end, created_at desc, id limit 1",
                      SQL_PARAMS(SQL_STR(project), SQL_STR(sha256), SQL_STR(book)), a, (void ***)&rows, &n));
    if (!n) return E_NOT_FOUND;
    *out = rows[0];
    return OK;
}

err query_usage(struct db *db, struct str project, const struct page *p, struct arena *a, const struct usage_event ***out, size_t *n) {
    struct like l = like_of(p, a);
    return query_records(db, REC_usage_event,
                         "select @usage_event from usage_event where project = $1 and seq < $2 and ($3 = '' or model = $3) and "
                         "($4 = '' or book = $4) and ($5 = '' or end_user = $5) and ($6 = '' or key = $6) and created_at >= $7 and "
                         "created_at < $8 and " META_LIKE("$10", "$11", "$12") " order by seq desc limit $9",
                         SQL_PARAMS(SQL_STR(project), SQL_INT(before(p)), SQL_STR(p->model), SQL_STR(p->book), SQL_STR(p->end_user),
                                    SQL_STR(p->key), SQL_INT(p->since), SQL_INT(end_of(p->until)), SQL_INT(page_limit(p->limit)), SQL_STR(l.text), SQL_STR(l.number), SQL_STR(l.last)),
                         a, (void ***)out, n);
}

static err transfers_of(struct db *db, struct str project, struct str book, const struct page *p, struct arena *a,
                        const struct transfer ***out, size_t *n) {
    return query_records(db, REC_transfer,
                         "select @transfer from transfer where project = $1 and book = $2 and seq < $3 order by seq desc limit $4",
                         SQL_PARAMS(SQL_STR(project), SQL_STR(book), SQL_INT(before(p)), SQL_INT(page_limit(p->limit))), a, (void ***)out, n);
}

/* Transfers are numbered per book. Without a book both are mixed by number; a page is never cut between two of one number,
 * so it may have one row more than asked for. */
err query_transfers(struct db *db, struct str project, const struct page *p, struct arena *a, const struct transfer ***out, size_t *n) {
    if (!str_empty(p->book)) return transfers_of(db, project, p->book, p, a, out, n);
    const struct transfer **live, **test;
    size_t live_n, test_n, i = 0, k = 0, taken = 0, limit = (size_t)page_limit(p->limit);
    TRY(transfers_of(db, project, STR("live"), p, a, &live, &live_n));
    TRY(transfers_of(db, project, STR("test"), p, a, &test, &test_n));
    const struct transfer **rows = arena_array(a, const struct transfer *, live_n + test_n + 1);
    while (i < live_n || k < test_n) {
        const struct transfer *next = k == test_n || (i < live_n && live[i]->seq >= test[k]->seq) ? live[i++] : test[k++];
        if (taken >= limit && next->seq != rows[taken - 1]->seq) break;
        rows[taken++] = next;
    }
    *out = rows;
    *n = taken;
    return OK;
}

err query_keys(struct db *db, struct str project, struct arena *a, const struct api_key ***out, size_t *n) {
    return query_records(db, REC_api_key, "select @api_key from api_key where $1 = '' or project = $1 order by created_at, id",
                         SQL_PARAMS(SQL_STR(project)), a, (void ***)out, n);
}

err query_secrets(struct db *db, struct str project, struct arena *a, const struct secret ***out, size_t *n) {
    struct str from = arena_printf(a, "%.*s/", STR_ARG(project)), to = arena_printf(a, "%.*s0", STR_ARG(project)); /* '0' follows '/' */
    return query_records(db, REC_secret, "select @secret from secret where id > $1 and id < $2 and deleted_at = 0 order by id",
                         SQL_PARAMS(SQL_STR(from), SQL_STR(to)), a, (void ***)out, n);
}

err query_provider_keys(struct db *db, struct arena *a, const struct provider_key ***out, size_t *n) {
    return query_records(db, REC_provider_key, "select @provider_key from provider_key order by id", NULL, 0, a, (void ***)out, n);
}

err query_pauses(struct db *db, struct arena *a, const struct pause ***out, size_t *n) {
    return query_records(db, REC_pause, "select @pause from pause order by id", NULL, 0, a, (void ***)out, n);
}

err query_all_secrets(struct db *db, struct str after, int64_t limit, struct arena *a, const struct secret ***out, size_t *n) {
    return query_records(db, REC_secret, "select @secret from secret where id > $1 and deleted_at = 0 order by id limit $2",
                         SQL_PARAMS(SQL_STR(after), SQL_INT(limit)), a, (void ***)out, n);
}

err query_derived(struct db *db, struct str asset, struct arena *a, const struct derived ***out, size_t *n) {
    struct str from = arena_printf(a, "%.*s:", STR_ARG(asset)), to = arena_printf(a, "%.*s;", STR_ARG(asset)); /* ';' follows ':' */
    return query_records(db, REC_derived, "select @derived from derived where id > $1 and id < $2 order by id",
                         SQL_PARAMS(SQL_STR(from), SQL_STR(to)), a, (void ***)out, n);
}

err query_assets_expired(struct db *db, msec now, int64_t limit, struct arena *a, const struct asset ***out, size_t *n) {
    return query_records(db, REC_asset,
                         "select @asset from project join asset on asset.project = project.id where project.retention_days > 0 and "
                         "asset.deleted_at = 0 and asset.created_at <= $1 - project.retention_days * 86400000 "
                         "order by asset.created_at, asset.id limit $2",
                         SQL_PARAMS(SQL_INT(now), SQL_INT(page_limit(limit))), a, (void ***)out, n);
}

#define USAGE_SUMS(group, order)                                                                                                  \
    "select " group " as what, count(*), cast(sum(billed_micros) as bigint) as billed, cast(sum(cost_micros) as bigint) from "    \
    "usage_event where project = $1 and ($2 = '' or book = $2) and created_at >= $3 and created_at < $4 group by " group          \
    " order by " order " limit $5"

err query_usage_sums(struct db *db, const struct usage_range *r, struct arena *a, struct usage_sum **out, size_t *n) {
    static const char *const texts[] = {
        [USAGE_BY_MODEL] = USAGE_SUMS("model", "billed desc, what"), [USAGE_BY_KEY] = USAGE_SUMS("key", "billed desc, what"),
        [USAGE_BY_END_USER] = USAGE_SUMS("end_user", "billed desc, what"), [USAGE_BY_DAY] = USAGE_SUMS("created_at / 86400000", "what")};
    struct sql_rows rows;
    TRY(query_run(db, texts[r->by],
                  SQL_PARAMS(SQL_STR(r->project), SQL_STR(r->book), SQL_INT(r->since), SQL_INT(end_of(r->until)), SQL_INT(LIMIT_EVENTS)), a, &rows));
    struct usage_sum *sums = arena_array(a, struct usage_sum, rows.n + 1);
    for (size_t i = 0; i < rows.n; i++) {
        const struct sql_value *c = sql_row(&rows, i);
        struct str group = c[0].s;
        if (r->by == USAGE_BY_DAY) {
            _cleanup_(buf_done) struct buf day = {};
            time_write_iso(&day, c[0].i * MS_DAY);
            group = arena_dup(a, str_n(day.ptr, 10));
        }
        sums[i] = (struct usage_sum){.group = group, .events = c[1].i, .billed_micros = c[2].i, .cost_micros = c[3].i};
    }
    *out = sums;
    *n = rows.n;
    return OK;
}

err query_projects(struct db *db, struct arena *a, const struct project ***out, size_t *n) {
    return query_records(db, REC_project, "select @project from project order by created_at, id", NULL, 0, a, (void ***)out, n);
}

/* The first id behind every id that begins with `prefix`: the last byte counted up. Ids are UTF-8 and compared by bytes. */
static struct str behind(struct arena *a, struct str prefix) {
    struct str end = arena_dup(a, prefix);
    ((unsigned char *)end.ptr)[end.len - 1]++;
    return end;
}

/* A prefix that ends in a character above 127 has no such neighbour that is text; then the range ends with the drive, and
 * what does not begin with the prefix is left out here. */
err query_drive(struct db *db, struct drive_spot below, struct str after, int64_t limit, struct arena *a, const struct asset ***out, size_t *n) {
    struct str prefix = below.path;
    struct str from = drive_path_id(a, (struct drive_spot){below.project, below.book, str_cmp(after, prefix) > 0 ? after : prefix});
    struct str whole = drive_path_id(a, below);
    bool narrow = (unsigned char)whole.ptr[whole.len - 1] < 127;
    struct str to = behind(a, narrow ? whole : drive_path_id(a, (struct drive_spot){below.project, below.book, STR("")}));
    bool exclude = !str_empty(after) && str_cmp(after, prefix) >= 0;
    TRY(query_records(db, REC_asset,
                      "select @asset from drive_path join asset on asset.id = drive_path.asset where drive_path.id >= $1 and "
                      "drive_path.id < $2 and drive_path.id <> $3 and drive_path.asset <> '' and asset.deleted_at = 0 order by drive_path.id limit $4",
                      SQL_PARAMS(SQL_STR(from), SQL_STR(to), SQL_STR(exclude ? from : STR("")), SQL_INT(page_limit(limit))), a, (void ***)out, n));
    if (narrow) return OK;
    size_t kept = 0;
    while (kept < *n && str_starts((*out)[kept]->path, prefix)) kept++;
    *n = kept; /* sorted, and the range began with the prefix: what fits comes first */
    return OK;
}

err query_newest_catalog(struct db *db, struct arena *a, const struct catalog_version **out) {
    void **rows;
    size_t n;
    TRY(query_records(db, REC_catalog_version, "select @catalog_version from catalog_version order by published_at desc, id limit 1", NULL, 0,
                      a, &rows, &n));
    if (!n) return E_NOT_FOUND;
    *out = rows[0];
    return OK;
}
