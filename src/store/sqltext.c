/* SQL text made from the records' descriptions, once per connection. A column is added in core/records.def and in a migration
 * and nowhere else. */
#include "base/buf.h"
#include "store/db.h"

#include <stdio.h>

struct str *record_str(const struct rec_head *r, const struct rec_field *f) { return (struct str *)((char *)r + f->offset); }
int64_t *record_i64(const struct rec_head *r, const struct rec_field *f) { return (int64_t *)((char *)r + f->offset); }

void record_from_cells(enum rec_type type, const struct sql_value *cells, struct rec_head *out) {
    const struct rec_info *info = rec_info(type);
    out->id = cells[0].s;
    out->version = cells[1].i;
    for (int i = 0; i < info->field_count; i++) {
        const struct rec_field *f = &info->fields[i];
        if (f->kind == FIELD_STR) *record_str(out, f) = cells[i + 2].s;
        else *record_i64(out, f) = cells[i + 2].i;
    }
}

/* id, version and the fields, each behind `prefix` ("generation." or ""). */
static void columns(struct buf *b, const struct rec_info *info, const char *prefix) {
    buf_printf(b, "%sid, %sversion", prefix, prefix);
    for (int i = 0; i < info->field_count; i++) buf_printf(b, ", %s%s", prefix, info->fields[i].name);
}

static const char *array_type(const struct rec_field *f) { return f->kind == FIELD_STR ? "text[]" : "bigint[]"; }

static bool is_word(char c) { return (c >= 'a' && c <= 'z') || c == '_'; }

char *sql_expand(const char *text) {
    struct buf b = {};
    for (const char *p = text; *p;) {
        if (*p != '@') {
            buf_c(&b, *p++);
            continue;
        }
        const char *name = ++p;
        while (is_word(*p)) p++;
        int type = 0;
        while (type < REC_COUNT && !str_is(str_n(name, (size_t)(p - name)), rec_info((enum rec_type)type)->table)) type++;
        must(type < REC_COUNT);
        char prefix[64];
        snprintf(prefix, sizeof prefix, "%s.", rec_info((enum rec_type)type)->table);
        columns(&b, rec_info((enum rec_type)type), prefix);
    }
    return b.ptr;
}

static char *select_text(enum rec_type type, const char *where) {
    struct buf b = {};
    buf_z(&b, "select ");
    columns(&b, rec_info(type), "");
    buf_printf(&b, " from %s where %s", rec_info(type)->table, where);
    return b.ptr;
}

char *sql_load_one(enum rec_type type) { return select_text(type, "id = ?1"); }

char *sql_load_many(enum rec_type type, bool lock) {
    return select_text(type, lock ? "id = any($1::text[]) order by id for update" : "id = any($1::text[])");
}

char *sql_lock_many(enum rec_type type) {
    struct buf b = {};
    buf_printf(&b, "select id, version from %s where id = any($1::text[]) order by id for update", rec_info(type)->table);
    return b.ptr;
}

static void insert_head(struct buf *b, const struct rec_info *info) {
    buf_printf(b, "insert into %s (", info->table);
    columns(b, info, "");
    buf_z(b, ") ");
}

char *sql_insert_one(enum rec_type type) {
    const struct rec_info *info = rec_info(type);
    struct buf b = {};
    insert_head(&b, info);
    buf_z(&b, "values (?1, 1");
    for (int i = 0; i < info->field_count; i++) buf_printf(&b, ", ?%d", i + 2);
    buf_z(&b, ") on conflict (id) do nothing");
    return b.ptr;
}

char *sql_update_one(enum rec_type type) {
    const struct rec_info *info = rec_info(type);
    struct buf b = {};
    buf_printf(&b, "update %s set version = ?2 + 1", info->table);
    for (int i = 0; i < info->field_count; i++) buf_printf(&b, ", %s = ?%d", info->fields[i].name, i + 3);
    buf_z(&b, " where id = ?1 and version = ?2");
    return b.ptr;
}

char *sql_insert_many(enum rec_type type) {
    const struct rec_info *info = rec_info(type);
    struct buf b = {};
    insert_head(&b, info);
    buf_z(&b, "select s.id, 1");
    for (int i = 0; i < info->field_count; i++) buf_printf(&b, ", s.%s", info->fields[i].name);
    buf_z(&b, " from unnest($1::text[]");
    for (int i = 0; i < info->field_count; i++) buf_printf(&b, ", $%d::%s", i + 2, array_type(&info->fields[i]));
    buf_z(&b, ") as s (id");
    for (int i = 0; i < info->field_count; i++) buf_printf(&b, ", %s", info->fields[i].name);
    buf_z(&b, ") on conflict (id) do nothing");
    return b.ptr;
}

char *sql_update_many(enum rec_type type) {
    const struct rec_info *info = rec_info(type);
    struct buf b = {};
    buf_printf(&b, "update %s as t set version = s.version + 1", info->table);
    for (int i = 0; i < info->field_count; i++) buf_printf(&b, ", %s = s.%s", info->fields[i].name, info->fields[i].name);
    buf_z(&b, " from unnest($1::text[], $2::bigint[]");
    for (int i = 0; i < info->field_count; i++) buf_printf(&b, ", $%d::%s", i + 3, array_type(&info->fields[i]));
    buf_z(&b, ") as s (id, version");
    for (int i = 0; i < info->field_count; i++) buf_printf(&b, ", %s", info->fields[i].name);
    buf_z(&b, ") where t.id = s.id and t.version = s.version");
    return b.ptr;
}
