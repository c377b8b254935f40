/* Any bytes as a model file: read, linted, and when sound published, read back and quoted. */
#include "catalog/model.h"
#include "catalog/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_problems(const struct problems *p) {
    if (!p->count) must(!p->text.len);
    else must(p->text.len && str_starts(buf_view(&p->text), STR("fuzz.yaml")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena = {};
    struct problems p = {};
    struct catalog *c = NULL, *again = NULL;
    err e = catalog_read_text(STR("fuzz.yaml"), str_n(data, size), &p, &c);
    must((e == OK) == (p.count == 0));
    check_problems(&p);
    if (!e) {
        struct why why = {};
        must(catalog_parse(catalog_content(c), &why, &again) == OK);
        must(str_eq(catalog_content(c), catalog_content(again)));
        must(str_eq(catalog_sha256(c), catalog_sha256(again)));
        struct quote q;
        struct str stored;
        err quoted = catalog_quote(c, catalog_model(c, 0), NULL, NULL, 0, &arena, &why, &q, &stored);
        must(quoted ? why.detail[0] != 0 : q.amount >= 0 && q.amount <= MICROS_MAX);
        struct buf b = {};
        model_write(catalog_model(again, 0), true, &(struct jw){.out = &b});
        struct json *row;
        must(json_parse(buf_view(&b), &arena, &why, &row) == OK);
        buf_done(&b);
    }
    catalog_destroy(c);
    catalog_destroy(again);
    problems_done(&p);
    arena_done(&arena);
    return 0;
}
