/* Differential fuzzing of the JSON reader: what we take, yajl takes and reads alike; what we write, we read back; the canonical
 * form is a fixed point. We refuse more than yajl (duplicates, surrogates, NUL, bounds), so the reverse is not asked. */
#include "base/json.h"

#include <stdlib.h>
#include <yajl/yajl_parse.h>

/* yajl's events, written as JSON again in the order they came. */
static int on_null(void *w) { return jw_null(w), 1; }
static int on_bool(void *w, int v) { return jw_bool(w, v), 1; }
static int on_number(void *w, const char *p, size_t n) { return jw_raw(w, str_n(p, n)), 1; }
static int on_string(void *w, const unsigned char *p, size_t n) { return jw_str(w, str_n(p, n)), 1; }
static int on_key(void *w, const unsigned char *p, size_t n) { return jw_key_str(w, str_n(p, n)), 1; }
static int on_map(void *w) { return jw_open(w, '{'), 1; }
static int on_map_end(void *w) { return jw_close(w, '}'), 1; }
static int on_array(void *w) { return jw_open(w, '['), 1; }
static int on_array_end(void *w) { return jw_close(w, ']'), 1; }

static const yajl_callbacks callbacks = {
    .yajl_null = on_null, .yajl_boolean = on_bool, .yajl_number = on_number, .yajl_string = on_string, .yajl_start_map = on_map,
    .yajl_map_key = on_key, .yajl_end_map = on_map_end, .yajl_start_array = on_array, .yajl_end_array = on_array_end,
};

static void yajl_reads_alike(struct str text, struct str ours) {
    struct buf theirs = {};
    struct jw w = {.out = &theirs};
    yajl_handle h = yajl_alloc(&callbacks, NULL, &w);
    must(h);
    must(yajl_parse(h, (const unsigned char *)text.ptr, text.len) == yajl_status_ok);
    must(yajl_complete_parse(h) == yajl_status_ok);
    yajl_free(h);
    must(str_eq(buf_view(&theirs), ours));
    buf_done(&theirs);
}

typedef void writer(struct buf *b, const struct json *j);

static void reads_back(const struct json *j, writer *write) {
    struct arena a = {};
    struct buf once = {}, twice = {};
    struct json *again;
    struct why why;
    write(&once, j);
    must(json_parse(buf_view(&once), &a, &why, &again) == OK);
    write(&twice, again);
    must(str_eq(buf_view(&once), buf_view(&twice)));
    buf_done(&once);
    buf_done(&twice);
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena a = {};
    struct json *j;
    struct why why = {};
    struct str text = str_n(data, size);
    err e = json_parse(text, &a, &why, &j);
    if (e) {
        must((e == E_BAD_JSON || e == E_LIMIT) && strstr(why.detail, "byte") && str_is_utf8(str_of(why.detail)));
    } else {
        struct buf b = {};
        json_write(&b, j);
        yajl_reads_alike(text, buf_view(&b));
        buf_done(&b);
        reads_back(j, json_write);
        reads_back(j, json_write_canonical);
        const struct json *found;
        if (j->type == JSON_STRING) (void)!json_path(j, j->text, &why, &found);
    }
    arena_done(&a);
    return 0;
}
