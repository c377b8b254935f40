/* Any JSON as a caller's inputs, for models with an input of each type: either an error that names a field, or a price within
 * bounds whose stored inputs are JSON and quote the same. */
#include "catalog/catalog.h"

#include "base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const files[] = {
    "slug: f/all\nkind: image\ninputs:\n"
    "  a: {type: text, aliases: [b], max_chars: 20, price: true}\n  c: {type: int, min: -3, max: 99, step: 3, aliases: [d]}\n"
    "  e: {type: number, max: 2.5, step: 0.25}\n  f: {type: seconds, default: 5, min: 1, max: 15, words: [auto], price: true}\n"
    "  g: {type: bool, default: false, aliases: [h], price: true}\n  i: {type: enum, values: [x, y, 1, 2.5], default: x, price: true}\n"
    "  j: {type: size, default: 64x64, max: 4096, min_pixels: 100, max_pixels: 9000000, max_ratio: 16, words: [auto, own], aliases: [k], price: true}\n  l: {file: image, max: 2, aliases: [m], price: true}\n"
    "  n: {type: int, default: 1, min: 1, max: 4, price: true}\n"
    "price:\n  unit: second\n  quantity: {input: f}\n  outputs: {input: n}\n  rate_table:\n"
    "    - {when: {g: true, i: [x, 1]}, micros: 7}\n    - {when: {l: {present: true}, f: {min: 3, max: 9}}, micros: 11}\n"
    "    - {when: {j: {max: 1000000}}, micros: 13}\n    - {when: {a: hello}, micros: 17}\n    - {micros: 1000}\n"
    "refuse:\n  - {when: {g: true, i: y}, why: Not together.}\n  - {when: {l: {min: 2}}, why: Not two.}\n",
    "slug: f/kchar\nkind: audio\ninputs: {a: {type: text, required: true, max_chars: 3000, aliases: [b], price: true}}\n"
    "price: {unit: kchar, quantity: {input: a}, rate_table: [{micros: 30001, round: nearest}]}\n",
    "slug: f/pixel\nkind: image\ninputs: {j: {type: size, required: true, min: 16, max: 4096, step: 16, price: true}}\n"
    "price: {unit: megapixel, quantity: {input: j}, rate_table: [{micros: 2001}]}\n",
};
enum { FILES = sizeof files / sizeof *files };

/* The largest price of each file above. */
static const micros most[FILES] = {60000, 90003, 33571};

static const struct catalog *load(int i) {
    static struct catalog *loaded[FILES];
    if (loaded[i]) return loaded[i];
    struct problems p = {};
    must(catalog_read_text(STR("fuzz.yaml"), str_of(files[i]), &p, &loaded[i]) == OK);
    problems_done(&p);
    return loaded[i];
}

static void quote_one(const struct catalog *c, micros bound, const struct json *inputs, struct arena *a) {
    const struct model *m = catalog_model(c, 0);
    struct why why = {};
    struct quote q, again;
    struct str stored, stored2;
    err e = catalog_quote(c, m, inputs, NULL, 0, a, &why, &q, &stored);
    if (e) {
        must(e == E_INVALID || e == E_UNPRICEABLE);
        must(why.code == e && why.field[0] && why.detail[0] && strlen(why.detail) < sizeof why.detail);
        must(str_is_utf8(str_of(why.detail)) || strlen(why.detail) + 1 == sizeof why.detail);
        return;
    }
    must(q.amount >= 0 && q.amount <= bound && q.outputs >= 1);
    must(stored.len <= LIMIT_INPUTS_BYTES);
    struct json *read, *row;
    must(json_parse(stored, a, &why, &read) == OK);
    must(json_parse(q.row, a, &why, &row) == OK);
    must(catalog_quote(c, m, read, NULL, 0, a, &why, &again, &stored2) == OK);
    must(again.amount == q.amount && str_eq(stored, stored2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena a = {};
    struct json *inputs;
    if (json_parse(str_n(data, size), &a, NULL, &inputs) == OK)
        for (int i = 0; i < FILES; i++) quote_one(load(i), most[i], inputs, &a);
    arena_done(&a);
    return 0;
}
