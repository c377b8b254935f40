/* Reading, linting and publishing models. */
#include "catalog/catalog.h"

#include "base/hash.h"
#include "catalog/fixture.h"
#include "catalog/near.h"
#include "catalog/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* --- numbers --- */

static void reads_decimals(void **state) {
    static const struct { const char *text; int decimals; enum decimal result; int64_t n; } table[] = {
        {"0", 3, DECIMAL_OK, 0}, {"-0", 3, DECIMAL_OK, 0}, {"0.000", 0, DECIMAL_OK, 0}, {"0e999999999", 0, DECIMAL_OK, 0},
        {"5", 3, DECIMAL_OK, 5000}, {"5.0", 3, DECIMAL_OK, 5000}, {"5e0", 3, DECIMAL_OK, 5000}, {"0.005", 3, DECIMAL_OK, 5},
        {"5e-3", 3, DECIMAL_OK, 5}, {"5e-4", 3, DECIMAL_FINE, 0}, {"-1.25", 3, DECIMAL_OK, -1250}, {"1.2345", 3, DECIMAL_FINE, 0},
        {"1200E-2", 0, DECIMAL_OK, 12}, {"100", 0, DECIMAL_OK, 100}, {"1e3", 0, DECIMAL_OK, 1000}, {"1E+3", 0, DECIMAL_OK, 1000},
        {"10.010", 3, DECIMAL_OK, 10010}, {"999999999999999999", 0, DECIMAL_OK, 999999999999999999},
        {"1000000000000000000", 0, DECIMAL_RANGE, 0}, {"-1e18", 0, DECIMAL_RANGE, 0}, {"1e308", 3, DECIMAL_RANGE, 0},
        {"123456789012345678901", 0, DECIMAL_RANGE, 0}, {"1e-308", 3, DECIMAL_FINE, 0}, {"1e99999999999999999999", 3, DECIMAL_RANGE, 0},
        {"0.1234567890123456789", 3, DECIMAL_FINE, 0}, {"", 3, DECIMAL_BAD, 0}, {"-", 3, DECIMAL_BAD, 0}, {"+1", 3, DECIMAL_BAD, 0},
        {"01", 3, DECIMAL_BAD, 0}, {".5", 3, DECIMAL_BAD, 0}, {"5.", 3, DECIMAL_BAD, 0}, {"5e", 3, DECIMAL_BAD, 0}, {"5e+", 3, DECIMAL_BAD, 0},
        {"5 ", 3, DECIMAL_BAD, 0}, {"1,5", 3, DECIMAL_BAD, 0}, {"0x5", 3, DECIMAL_BAD, 0}, {"inf", 3, DECIMAL_BAD, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int64_t n = 77;
        enum decimal d = decimal_read(str_of(table[i].text), table[i].decimals, &n);
        if (d != table[i].result || n != (d ? 77 : table[i].n)) fail_msg("%s: %d, %lld", table[i].text, d, (long long)n);
    }
    char text[DECIMAL_TEXT];
    static const struct { int64_t n; int decimals; const char *text; } out[] = {
        {0, 3, "0"}, {5000, 3, "5"}, {5250, 3, "5.25"}, {5, 3, "0.005"}, {-1250, 3, "-1.25"}, {42, 0, "42"}, {1048576, 6, "1.048576"},
        {INT64_MIN, 0, "-9223372036854775808"}, {100, 0, "100"},
    };
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        assert_int_equal(decimal_write(out[i].n, out[i].decimals, text), strlen(out[i].text));
        assert_string_equal(text, out[i].text);
    }
}

static void measures_distance(void **state) {
    assert_int_equal(near_distance(STR("kling"), STR("kling")), 0);
    assert_int_equal(near_distance(STR("klnig"), STR("kling")), 1);
    assert_int_equal(near_distance(STR("kitten"), STR("sitting")), 3);
    assert_int_equal(near_distance(STR(""), STR("abc")), 3);
    assert_int_equal(near_score(STR("abc"), STR("xyz")), NEAR_FAR);
    char name[NEAR_MAX + 2];
    memset(name, 'a', sizeof name);
    assert_int_equal(near_distance(str_n(name, sizeof name), STR("a")), NEAR_FAR);
}

/* --- lint: each file has one fault, found in that line with those words --- */

#define HEAD "slug: a/b\nkind: video\n"
#define CALL "price: {unit: call, rate_table: [{micros: 1}]}\n"
#define SECONDS "inputs:\n  d: {type: seconds, default: 5, min: 1, max: 9, step: 1, price: true}\n  a: {type: bool, default: false, price: true}\n"

static const struct { const char *file; int line; const char *phrase; } faults[] = {
    /* YAML itself */
    {"", 1, "the file is empty"},
    {"slug: a/b\n\tkind: x\n", 2, "not valid YAML"},
    {HEAD CALL "title: \"open\n", 0, "not valid YAML"},
    {HEAD CALL "kind: video\n", 4, "the key `kind` stands twice; the first is in line 2"},
    {HEAD "title: &t x\n" CALL, 3, "anchors (`&t`) are not allowed"},
    {HEAD "title: *t\n" CALL, 3, "aliases (`*t`) are not allowed"},
    {HEAD "title: !!str x\n" CALL, 3, "tags (`tag:yaml.org,2002:str`) are not allowed"},
    {HEAD CALL "<<: {title: x}\n", 4, "merge keys"},
    {HEAD CALL "? [a]\n: b\n", 4, "a key must be plain text"},
    {HEAD CALL "title:\n", 4, "a value is missing"},
    {HEAD CALL "title: yes\n", 4, "`yes` means different things"},
    {HEAD CALL "title: True\n", 4, "`True` means different things"},
    {HEAD CALL "title: 0777\n", 4, "`0777` means different things"},
    {HEAD CALL "title: 1:30\n", 4, "`1:30` means different things"},
    {HEAD CALL "title: 1_000\n", 4, "`1_000` means different things"},
    {HEAD CALL "title: 1e3\n", 4, "`1e3` means different things"},
    {HEAD CALL "title: \"a\\0b\"\n", 4, "a NUL"},
    {HEAD CALL "title: x\xff\n", 0, "not valid YAML"},
    {HEAD CALL "---\n" HEAD CALL, 4, "a second document begins here"},
    {HEAD CALL "examples: [[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]\n", 4, "nested more than 16 deep"},
    {"- a\n", 1, "`model` must be a mapping, not a list"},
    /* the model */
    {"kind: video\n" CALL, 1, "`slug` is missing in the model"},
    {"slug: a/b\n" CALL, 1, "`kind` is missing in the model"},
    {HEAD, 1, "`price` is missing in the model"},
    {HEAD CALL "titel: x\n", 4, "unknown key `titel` in a model; did you mean `title`?"},
    {HEAD CALL "zzzzzz: x\n", 4, "unknown key `zzzzzz` in a model."},
    {HEAD CALL "title: 4\n", 4, "`title` must be text, not a number. Put it in quotes"},
    {HEAD CALL "title: ''\n", 4, "`title` is empty"},
    {"slug: a\nkind: video\n" CALL, 1, "must look like family/variant"},
    {"slug: a/b/c\nkind: video\n" CALL, 1, "must look like family/variant"},
    {"slug: A/b\nkind: video\n" CALL, 1, "must look like family/variant"},
    {"slug: /b\nkind: video\n" CALL, 1, "must look like family/variant"},
    {"slug: a/b\nkind: movie\n" CALL, 2, "`kind: movie` is not known"},
    {HEAD CALL "deadline: 0\n", 4, "`deadline` must be a time of more than 0"},
    {HEAD CALL "deadline: -5s\n", 4, "`deadline` must be a time of more than 0"},
    {HEAD CALL "deadline: 8000h\n", 4, "`deadline` must be a time of more than 0"},
    {HEAD CALL "estimated_time: soon\n", 4, "`estimated_time` must be a time"},
    {HEAD CALL "max_bytes: 0\n", 4, "`max_bytes` must be a number of bytes"},
    {HEAD CALL "max_bytes: 999GB\n", 4, "`max_bytes` must be a number of bytes"},
    {HEAD CALL "examples: {}\n", 4, "`examples` must be a list, not a mapping"},
    /* inputs */
    {HEAD CALL "inputs: []\n", 4, "`inputs` must be a mapping, not a list"},
    {HEAD CALL "inputs:\n  x: text\n", 5, "`input` must be a mapping, not text"},
    {HEAD CALL "inputs:\n  x: {name: y, type: text}\n", 5, "its name stands before the colon"},
    {HEAD CALL "inputs:\n  X: {type: text}\n", 5, "`X` is not a name for an input"},
    {HEAD CALL "inputs:\n  x: {}\n", 5, "needs either `type` or `file`"},
    {HEAD CALL "inputs:\n  x: {type: text, file: image}\n", 5, "not both"},
    {HEAD CALL "inputs:\n  x: {type: strin}\n", 5, "`type: strin` is not known"},
    {HEAD CALL "inputs:\n  x: {type: boll}\n", 5, "did you mean bool?"},
    {HEAD CALL "inputs:\n  x: {file: picture}\n", 5, "`file: picture` is not known; it is one of image, video, audio"},
    {HEAD CALL "inputs:\n  x: {type: text, requird: true}\n", 5, "unknown key `requird` in an input; did you mean `required`?"},
    {HEAD CALL "inputs:\n  x: {type: text, required: 1}\n", 5, "`required` must be true or false, not a number"},
    {HEAD CALL "inputs:\n  x: {type: text, max: 5}\n", 5, "`max` means nothing for input `x` of type text"},
    {HEAD CALL "inputs:\n  x: {type: bool, values: [a]}\n", 5, "`values` means nothing for input `x` of type bool"},
    {HEAD CALL "inputs:\n  x: {file: image, default: a.png}\n", 5, "`default` means nothing for input `x` of type file"},
    {HEAD CALL "inputs:\n  x: {type: enum}\n", 5, "input `x` needs `values`"},
    {HEAD CALL "inputs:\n  x: {type: enum, values: [a, b, a]}\n", 5, "`a` stands twice in `values`"},
    {HEAD CALL "inputs:\n  x: {type: enum, values: [a, on]}\n", 5, "`on` means different things"},
    {HEAD CALL "inputs:\n  x: {type: int, default: 5, max: 4}\n", 5, "`default` of input `x` must be a whole number from 0 to 4, not 5"},
    {HEAD CALL "inputs:\n  x: {type: int, default: 5, max: 10, step: 2}\n", 5, "in steps of 2, not 5"},
    {HEAD CALL "inputs:\n  x: {type: int, min: 5, max: 4}\n", 5, "`max` of input `x` is below its `min`"},
    {HEAD CALL "inputs:\n  x: {type: int, max: 5, step: 2}\n", 5, "`max` of input `x` is not on its `step`"},
    {HEAD CALL "inputs:\n  x: {type: int, step: 0}\n", 5, "`step` of input `x` must be more than 0"},
    {HEAD CALL "inputs:\n  x: {type: int, max: 1.5}\n", 5, "`max` must be a whole number"},
    {HEAD CALL "inputs:\n  x: {type: seconds, max: 1.2345}\n", 5, "`max` may have at most 3 decimals"},
    {HEAD CALL "inputs:\n  x: {type: bool, default: maybe}\n", 5, "must be true or false, not \"maybe\""},
    {HEAD CALL "inputs:\n  x: {type: size, default: big}\n", 5, "must be a size such as"},
    {HEAD CALL "inputs:\n  x: {type: size, default: 100x100, min_pixels: 10001}\n", 5, "at least 10001 pixels in all"},
    {HEAD CALL "inputs:\n  x: {type: size, max: 10, min_pixels: 101}\n", 5, "no size has `min_pixels` of `x`: its sides have at most 10"},
    {HEAD CALL "inputs:\n  x: {type: size, min_pixels: 10, max_pixels: 9}\n", 5, "`max_pixels` of `x` leaves no size"},
    {HEAD CALL "inputs:\n  x: {type: size, max_ratio: 0.5}\n", 5, "`max_ratio` of `x` is how often"},
    {HEAD CALL "inputs:\n  x: {type: int, max_pixels: 5}\n", 5, "`max_pixels` means nothing for input `x` of type int"},
    {HEAD CALL "inputs:\n  x: {type: enum, values: [a], words: [b]}\n", 5, "`words` means nothing for input `x` of type enum"},
    {HEAD CALL "inputs:\n  x: {type: seconds, words: [auto]}\n", 5, "`words` of input `x` count as its largest value, so it needs `max`"},
    {HEAD CALL "inputs:\n  x: {type: size, default: 100x100, max: 64}\n", 5, "each side at most 64"},
    {HEAD CALL "inputs:\n  x: {type: int, required: true, default: 1}\n", 5, "is required and has a default"},
    {HEAD CALL "inputs:\n  x: {type: int, aliases: y}\n", 5, "`aliases` must be a list, not text"},
    {HEAD CALL "inputs:\n  x: {type: int, aliases: ['a b']}\n", 5, "`a b` cannot stand in `aliases`"},
    {HEAD CALL "inputs:\n  x: {type: int, aliases: [y]}\n  y: {type: int}\n", 5, "the name `y` of input `x` is taken by input `y`"},
    {HEAD CALL "inputs:\n  x: {type: int, aliases: [z]}\n  y: {type: int, aliases: [z]}\n", 6, "the name `z` of input `y` is taken by input `x`"},
    {HEAD CALL "inputs:\n  x: {type: int, aliases: [x]}\n", 5, "is taken by input `x`"},
    {HEAD CALL "inputs:\n  x: {type: text, max_chars: 0}\n", 5, "`max_chars` must be from 1"},
    /* prices */
    {HEAD "price: 5\n", 3, "`price` must be a mapping, not a number"},
    {HEAD "price: {rate_table: [{micros: 1}]}\n", 3, "`unit` is missing in `price`"},
    {HEAD "price: {unit: secnd, rate_table: [{micros: 1}]}\n", 3, "did you mean second?"},
    {HEAD "price: {unit: call}\n", 3, "`rate_table` is missing in the price"},
    {HEAD "price: {unit: call, rate_table: []}\n", 3, "`rate_table` has 0 rows"},
    {HEAD "price: {unit: call, rate_table: [{}]}\n", 3, "`micros` is missing in the row"},
    {HEAD "price: {unit: call, rate_table: [{micros: -1}]}\n", 3, "must be a whole number of micros from 0 up (1 USD is 1000000), not -1"},
    {HEAD "price: {unit: call, rate_table: [{micros: 0.5}]}\n", 3, "not 0.5"},
    {HEAD "price: {unit: call, rate_table: [{micros: \"5\"}]}\n", 3, "`micros` must be a number, not text"},
    {HEAD "price: {unit: call, rate_table: [{micros: 99999999999999999999}]}\n", 3, "must be a whole number of micros"},
    {HEAD "price: {unit: call, rate_table: [{micro: 1, micros: 1}]}\n", 3, "unknown key `micro` in a row; did you mean `micros`?"},
    {HEAD "price: {unit: call, quantity: {measured: seconds, max: 1}, rate_table: [{micros: 1}]}\n", 3, "takes no `quantity`"},
    {HEAD "price: {unit: call, outputs: {input: n}, rate_table: [{micros: 1}]}\n", 3, "does not count `outputs`"},
    {HEAD "price: {unit: second, rate_table: [{micros: 1}]}\n", 3, "needs `quantity`"},
    {HEAD "price: {unit: second, quantity: {}, rate_table: [{micros: 1}]}\n", 3, "needs one of `input`, `measured` and `media`"},
    {HEAD "price: {unit: second, quantity: {input: d}, rate_table: [{micros: 1}]}\n", 3, "names input `d`, which is not declared"},
    {HEAD "price: {unit: second, quantity: {measured: seconds}, if_unmeasured: 0, rate_table: [{micros: 1}]}\n", 3, "`max` is missing"},
    {HEAD "price: {unit: second, quantity: {measured: seconds, max: 0}, if_unmeasured: 0, rate_table: [{micros: 1}]}\n", 3, "`max` must be more than 0"},
    {HEAD "price: {unit: second, quantity: {measured: seconds, max: 5}, rate_table: [{micros: 1}]}\n", 3, "`if_unmeasured` is missing"},
    {HEAD "price: {unit: second, quantity: {measured: seconds, max: 5}, if_unmeasured: 6, rate_table: [{micros: 1}]}\n", 3, "more than the most this price can hold, 5"},
    {HEAD "price: {unit: second, quantity: {measured: pixels, max: 5}, if_unmeasured: 0, rate_table: [{micros: 1}]}\n", 3, "measures seconds, not `pixels`"},
    {HEAD "price: {unit: second, quantity: {media: x, max: 5}, if_unmeasured: 0, rate_table: [{micros: 1}]}\n", 3, "not a declared file input"},
    {HEAD "price: {unit: call, if_unmeasured: 0, rate_table: [{micros: 1}]}\n", 3, "means something only for a price whose quantity is measured"},
    {HEAD "price: {unit: call, rate_table: [{micros: 1, round: off}]}\n", 3, "`off` means different things"},
    {HEAD "price: {unit: call, rate_table: [{micros: 1, round: half}]}\n", 3, "`round` is up, down or nearest, not `half`"},
    {HEAD "price: {unit: call, rate_table: [{micros: 1, round: down}]}\n", 3, "`round: down` needs a quantity that comes from an input"},
    {HEAD "inputs: {f: {file: audio}}\nprice: {unit: second, quantity: {media: f, max: 5}, if_unmeasured: 0, rate_table: [{micros: 1}]}\n", 4, "must be required"},
    {HEAD "inputs: {f: {file: image, required: true}}\nprice: {unit: second, quantity: {media: f, max: 5}, if_unmeasured: 0, rate_table: [{micros: 1}]}\n", 4, "cannot come from a file of kind image"},
    {HEAD "inputs: {d: {type: seconds, default: 1, min: 1, max: 5}}\nprice: {unit: second, quantity: {input: d}, rate_table: [{micros: 1}]}\n", 4, "not declared with `price: true`"},
    {HEAD "inputs: {d: {type: seconds, default: 1, min: 1, price: true}}\nprice: {unit: second, quantity: {input: d}, rate_table: [{micros: 1}]}\n", 4, "which needs `max`"},
    {HEAD "inputs: {d: {type: seconds, default: 1, max: 5, price: true}}\nprice: {unit: second, quantity: {input: d}, rate_table: [{micros: 1}]}\n", 4, "needs a `min` above 0"},
    {HEAD "inputs: {d: {type: seconds, min: 1, max: 5, price: true}}\nprice: {unit: second, quantity: {input: d}, rate_table: [{micros: 1}]}\n", 4, "must be required or have a default"},
    {HEAD "inputs: {d: {type: number, default: 1, min: 1, max: 5, price: true}}\nprice: {unit: second, quantity: {input: d}, rate_table: [{micros: 1}]}\n", 4, "from an input of type seconds or int; `d` is of type number"},
    {HEAD "inputs: {t: {type: text, required: true, price: true}}\nprice: {unit: kchar, quantity: {input: t}, rate_table: [{micros: 1}]}\n", 4, "needs `max_chars`"},
    {HEAD "inputs: {t: {type: text, required: true, max_chars: 9, price: true}}\nprice: {unit: kchar, quantity: {input: t, han: 9}, rate_table: [{micros: 1}]}\n", 4, "`han` is 1 to 4"},
    {HEAD "price: {unit: kchar, quantity: {measured: characters, max: 9, han: 2}, if_unmeasured: 0, rate_table: [{micros: 1}]}\n", 3, "`han` needs a quantity that is the characters of an input"},
    {HEAD "inputs: {n: {type: int, default: 1, min: 1, max: 99, price: true}}\nprice: {unit: image, outputs: {input: n}, rate_table: [{micros: 1}]}\n", 4, "from at least 1 to at most 16"},
    {HEAD "inputs: {n: {type: int, default: 0, max: 4, price: true}}\nprice: {unit: image, outputs: {input: n}, rate_table: [{micros: 1}]}\n", 4, "from at least 1 to at most 16"},
    {HEAD SECONDS "price: {unit: second, quantity: {input: d, max: 5}, rate_table: [{micros: 1}]}\n", 6, "is the input's own `max`"},
    {HEAD "inputs: {d: {type: seconds, default: 1, min: 1, max: 99999999999, price: true}}\nprice: {unit: second, quantity: {input: d}, rate_table: [{micros: 1000000000}]}\n", 4, "passes all bounds for d 99999999999"},
    /* rows and conditions */
    {HEAD SECONDS "price:\n  unit: call\n  rate_table:\n    - {when: {a: true}, micros: 2}\n", 9, "the last row has a condition"},
    {HEAD SECONDS "price:\n  unit: call\n  rate_table:\n    - {micros: 2}\n    - {micros: 3}\n", 9, "row 1 has no condition, so the rows behind it are never reached"},
    {HEAD SECONDS "price:\n  unit: call\n  rate_table:\n    - {when: {}, micros: 2}\n    - {micros: 3}\n", 9, "`when` is empty"},
    {HEAD SECONDS "price:\n  unit: call\n  rate_table:\n    - {when: {b: true}, micros: 2}\n    - {micros: 3}\n", 9, "`when` names `b`, which is not a declared input"},
    {HEAD "inputs:\n  a: {type: bool, default: false, aliases: [sound], price: true}\nprice:\n  unit: call\n  rate_table:\n    - {when: {sound: true}, micros: 2}\n    - {micros: 3}\n", 8, "`when` names `sound`, an alias; write `a`"},
    {HEAD "inputs:\n  a: {type: bool, default: false}\nprice:\n  unit: call\n  rate_table:\n    - {when: {a: true}, micros: 2}\n    - {micros: 3}\n", 8, "not declared with `price: true`"},
    {HEAD SECONDS "price:\n  unit: call\n  rate_table:\n    - {when: {a: loud}, micros: 2}\n    - {micros: 3}\n", 9, "the condition can never hold: input `a` must be true or false"},
    {HEAD SECONDS "price:\n  unit: call\n  rate_table:\n    - {when: {d: 11}, micros: 2}\n    - {micros: 3}\n", 9, "can never hold"},
    {HEAD SECONDS "price:\n  unit: call\n  rate_table:\n    - {when: {a: []}, micros: 2}\n    - {micros: 3}\n", 9, "the list of values for `a` is empty"},
    {HEAD SECONDS "price:\n  unit: call\n  rate_table:\n    - {when: {a: {min: 1}}, micros: 2}\n    - {micros: 3}\n", 9, "a range means nothing for input `a` of type bool"},
    {HEAD SECONDS "price:\n  unit: call\n  rate_table:\n    - {when: {d: {min: 5, max: 4}}, micros: 2}\n    - {micros: 3}\n", 9, "ends before it begins"},
    {HEAD SECONDS "price:\n  unit: call\n  rate_table:\n    - {when: {d: {from: 5}}, micros: 2}\n    - {micros: 3}\n", 9, "unknown key `from` in a condition"},
    {HEAD SECONDS "price:\n  unit: call\n  rate_table:\n    - {when: {d: {min: 5, present: true}}, micros: 2}\n    - {micros: 3}\n", 9, "a condition is a value, a list"},
    {HEAD "inputs: {f: {file: image, price: true}}\nprice:\n  unit: call\n  rate_table:\n    - {when: {f: x}, micros: 2}\n    - {micros: 3}\n", 7, "{present: true} or {present: false}, and how many"},
    {HEAD "inputs: {f: {file: image, max: 3, price: true}}\nprice:\n  unit: call\n  rate_table:\n    - {when: {f: {min: 4}}, micros: 2}\n    - {micros: 3}\n", 7, "row 1 of the price is never reached"},
    /* what only the walk over all combinations finds */
    {HEAD SECONDS "price:\n  unit: call\n  rate_table:\n    - {when: {d: {min: 4}}, micros: 2}\n    - {when: {d: {max: 2}}, micros: 2}\n    - {when: {d: 5}, micros: 2}\n    - {micros: 3}\n", 11, "row 3 of the price is never reached"},
    {HEAD SECONDS "price:\n  unit: call\n  rate_table:\n    - {when: {a: true}, micros: 2}\n    - {when: {a: false}, micros: 3}\n    - {micros: 4}\n", 11, "row 3 of the price is never reached"},
    {HEAD SECONDS "price:\n  unit: call\n  rate_table:\n    - {when: {d: {min: 5.2, max: 5.8}}, micros: 2}\n    - {micros: 4}\n", 9, "row 1 of the price is never reached"},
    {HEAD SECONDS "price:\n  unit: call\n  rate_table:\n    - {when: {a: {present: true}}, micros: 2}\n    - {micros: 4}\n", 10, "row 2 of the price is never reached"},
    {HEAD "inputs:\n  s: {type: size, default: 64x64, min: 64, max: 128, price: true}\nprice:\n  unit: call\n  rate_table:\n    - {when: {s: {min: 16385}}, micros: 2}\n    - {micros: 4}\n", 8, "row 1 of the price is never reached"},
    {HEAD SECONDS "price: {unit: second, quantity: {input: d}, rate_table: [{when: {a: true}, micros: 2, max: 5}, {micros: 1}]}\n", 6, "`max` of a row needs a quantity that is measured"},
    {HEAD SECONDS "price: {unit: second, quantity: {measured: seconds, max: 9}, if_unmeasured: 1, rate_table: [{when: {a: true}, micros: 2, max: 9}, {micros: 1}]}\n", 6, "less than that of `quantity`"},
    /* calls that are refused */
    {HEAD CALL "refuse: {}\n", 4, "`refuse` must be a list, not a mapping"},
    {HEAD CALL "refuse: [{when: {x: 1}, why: Never.}]\n", 4, "`when` names `x`, which is not a declared input"},
    {HEAD SECONDS CALL "refuse:\n  - {when: {a: true}}\n", 8, "`why` is missing in what is refused"},
    {HEAD SECONDS CALL "refuse:\n  - {why: Never.}\n", 8, "`when` is missing in what is refused"},
    {HEAD SECONDS "price:\n  unit: call\n  rate_table:\n    - {when: {a: true}, micros: 2}\n    - {micros: 4}\nrefuse:\n  - {when: {a: true}, why: Never.}\n", 9, "row 1 of the price is never reached"},
    /* routes */
    {HEAD CALL "routes: {}\n", 4, "`routes` must be a list, not a mapping"},
    {HEAD CALL "routes:\n  - {provider: p}\n", 5, "`model` is missing in the route"},
    {HEAD CALL "routes:\n  - {provider: p, model: m, costs: 1}\n", 5, "unknown key `costs` in a route; did you mean `cost`?"},
    {HEAD CALL "routes:\n  - {provider: p, model: m, margin: none}\n", 5, "the only word for `margin` is loss"},
    {HEAD CALL "routes:\n  - {provider: p, model: m, cost: {unit: call, rate_table: [{micros: 2}]}}\n", 5, "route p costs 2 micros and is priced at 1 for every call"},
    {HEAD SECONDS "price: {unit: second, quantity: {input: d}, rate_table: [{micros: 10}]}\nroutes:\n"
                  "  - {provider: p, model: m, cost: {unit: second, rate_table: [{when: {a: true, d: {min: 7}}, micros: 11}, {micros: 9}]}}\n",
     8, "route p costs 99 micros and is priced at 90 for d 9, a true"},
    {HEAD SECONDS "price: {unit: second, quantity: {input: d}, rate_table: [{micros: 10}]}\nroutes:\n"
                  "  - {provider: p, model: m, cost: {unit: call, rate_table: [{micros: 11}]}}\n", 8, "route p costs 11 micros and is priced at 10 for d 1"},
    {HEAD SECONDS "price: {unit: second, quantity: {input: d}, rate_table: [{micros: 10}]}\nroutes:\n"
                  "  - provider: p\n    model: m\n    cost:\n      unit: call\n      rate_table:\n"
                  "        - {when: {d: {max: 9}}, micros: 1}\n        - {micros: 1}\n", 14, "row 2 of the cost is never reached"},
    {HEAD "inputs: {f: {file: image, required: true, max: 4, price: true}}\nprice: {unit: call, rate_table: [{when: {f: {max: 2}}, micros: 5}, {micros: 7}]}\nroutes:\n"
          "  - {provider: p, model: m, cost: {unit: call, rate_table: [{when: {f: {min: 2}}, micros: 6}, {micros: 2}]}}\n", 6, "route p costs 6 micros and is priced at 5 for f of 2 files"},
    {HEAD "price: {unit: second, quantity: {measured: seconds, max: 9}, if_unmeasured: 1, rate_table: [{micros: 10}]}\nroutes:\n"
          "  - {provider: p, model: m, cost: {unit: call, rate_table: [{micros: 1}]}}\n", 5, "the margin cannot be proved"},
    {HEAD CALL "routes:\n  - {provider: p, model: m, request: '# safety_settings\n\n      (.rest | {seed, moderation}) + {a: \"\\\"safety_settings\", safety_settings: [], safetySettings: .rest.safety_settings}'}\n", 5,
     "hands on `safety_settings`, by which a provider's safety checks are turned down"},
    /* two files */
    {HEAD CALL "---8<---\n" "kind: text\n\nslug: a/b\n" CALL, -3, "1.yaml:3: the slug `a/b` is taken; it stands in 0.yaml:1."},
};

static void finds_each_fault(void **state) {
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct problems p = {};
        struct catalog *c = NULL;
        err e = fixture_catalog(faults[i].file, &p, &c);
        char place[32];
        snprintf(place, sizeof place, faults[i].line > 0 ? "0.yaml:%d: " : faults[i].line ? "1.yaml:" : "0.yaml", faults[i].line);
        const char *text = p.text.ptr ? p.text.ptr : "";
        if (e != E_INVALID || c || p.count != 1 || strncmp(text, place, strlen(place)) || !strstr(text, faults[i].phrase) || strchr(text, '\n') != text + strlen(text) - 1)
            fail_msg("case %zu, wanted %s%s in\n%s\ngot %d: %s", i, place, faults[i].phrase, faults[i].file, p.count, text);
        size_t n = strlen(text);
        if (n < 2 || !strchr(".?", text[n - 2]) || text[n - 1] != '\n') fail_msg("not a sentence: %s", text);
        problems_done(&p);
    }
}

static void collects_several(void **state) {
    struct problems p = {};
    struct catalog *c = NULL;
    err e = fixture_catalog("slug: A\nkind: movie\nfoo: 1\ninputs:\n  x: {type: nix}\n  y: {type: int, max: -1}\nprice: {unit: call, rate_table: []}\n"
                            "---8<---\nslug: b/b\n", &p, &c);
    assert_int_equal(e, E_INVALID);
    assert_int_equal(p.count, 8);
    static const char *const places[] = {"0.yaml:1:", "0.yaml:2:", "0.yaml:3:", "0.yaml:5:", "0.yaml:6:", "0.yaml:7:", "1.yaml:1: `kind`", "1.yaml:1: `price`"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (!strstr(p.text.ptr, places[i])) fail_msg("%s is missing in\n%s", places[i], p.text.ptr);
    problems_done(&p);
}

static void accepts_costs_within_the_price(void **state) {
    struct problems p = {};
    struct catalog *c = NULL;
    err e = fixture_catalog(HEAD SECONDS
                            "price: {unit: second, quantity: {input: d}, rate_table: [{when: {a: true}, micros: 20}, {micros: 10}]}\n"
                            "routes:\n  - {provider: p, model: m, cost: {unit: second, rate_table: [{when: {a: true}, micros: 20}, {micros: 9}]}}\n"
                            "  - {provider: q, model: m, margin: loss, cost: {unit: call, rate_table: [{micros: 5000}]}}\n",
                            &p, &c);
    if (e) fail_msg("%s", p.text.ptr);
    assert_int_equal(catalog_model(c, 0)->route_count, 2);
    assert_true(str_is(catalog_model(c, 0)->routes[1].provider, "q"));
    assert_int_equal(json_get(catalog_model(c, 0)->routes[0].raw, "cost")->type, JSON_OBJECT);
    static const struct { size_t route; const char *inputs; micros cost; } costs[] = {
        {0, "{\"d\":4,\"a\":true}", 80}, {0, "{\"d\":4,\"a\":false,\"more\":1}", 36}, {0, "{\"d\":4}", 36}, {1, "{\"d\":9}", 5000},
    };
    struct arena a = {};
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
        struct json *inputs;
        struct quote q;
        assert_int_equal(json_parse(str_of(costs[i].inputs), &a, NULL, &inputs), OK);
        assert_true(catalog_cost(catalog_model(c, 0), costs[i].route, inputs, &q));
        assert_int_equal(q.amount, costs[i].cost);
        assert_false(catalog_cost(catalog_model(c, 0), 2, inputs, &q));
    }
    arena_done(&a);
    catalog_destroy(c);
    problems_done(&p);
}

/* --- a version --- */

static const char three[] = "slug: b/two\nkind: text\nprice: {unit: call, rate_table: [{micros: 1000}]}\n---8<---\n"
                            "slug: a/one\nkind: video\ntitle: \"One \\\"1\\\" \u00e9\"\ninputs:\n"
                            "  z: {type: seconds, default: 5s, min: 1.0, max: 9, price: true, about: how long}\n"
                            "  a: {type: enum, values: [1080p, 720], default: 720, price: true}\n"
                            "  p: {type: text, default: 'no'}\n"
                            "price:\n  quantity: {input: z}\n  unit: second\n  rate_table:\n    - {micros: 2, when: {a: 1080p}}\n    - {micros: 1}\n"
                            "routes: [{provider: local, model: sketch, request: '.rest + {a: .a}'}]\n"
                            "deadline: 1.5m\nestimated_time: 20\nmax_bytes: 5MB\nsource: https://example.com/prices\ndate: 2026-04-01\n"
                            "---8<---\nslug: b/one\nkind: image\nprice: {unit: image, rate_table: [{micros: 10}]}\n";

static void publishes_and_reads_back(void **state) {
    struct problems p = {};
    struct catalog *c = NULL, *again = NULL;
    err e = fixture_catalog(three, &p, &c);
    if (e) fail_msg("%s", p.text.ptr);
    struct why why = {};
    e = catalog_parse(catalog_content(c), &why, &again);
    if (e) fail_msg("%s", why.detail);
    assert_true(str_eq(catalog_content(c), catalog_content(again)));
    assert_true(str_eq(catalog_sha256(c), catalog_sha256(again)));
    char hex[SHA256_HEX + 1];
    sha256_hex(catalog_content(c), hex);
    assert_true(str_is(catalog_sha256(c), hex));
    assert_int_equal(catalog_count(c), 3);
    for (int k = 0; k < 2; k++) {
        struct catalog *v = k ? again : c;
        const struct model *m = catalog_model(v, 0);
        assert_true(str_is(m->slug, "a/one"));
        assert_true(str_is(catalog_model(v, 1)->slug, "b/one"));
        assert_true(str_is(catalog_model(v, 2)->slug, "b/two"));
        assert_null(catalog_model(v, 3));
        assert_ptr_equal(catalog_find(v, STR("b/two")), catalog_model(v, 2));
        assert_null(catalog_find(v, STR("b/tw")));
        assert_null(catalog_find(v, STR("")));
        assert_true(str_is(m->title, "One \"1\" \u00e9"));
        assert_int_equal(m->deadline_ms, 90000);
        assert_int_equal(m->estimated_ms, 20000);
        assert_int_equal(m->max_bytes, 5000000);
        assert_true(str_is(m->unit, "second"));
        assert_true(str_is(m->rate_table, "[{\"when\":{\"a\":\"1080p\"},\"micros\":2},{\"micros\":1}]"));
        assert_int_equal(m->input_count, 3);
        assert_true(str_is(m->inputs[0].name, "z")); /* the order of the file */
        assert_true(str_is(m->inputs[0].default_text, "5"));
        assert_int_equal(m->inputs[0].min, 1000);
        assert_true(str_is(m->inputs[1].default_text, "720"));
        assert_true(str_is(m->inputs[2].default_text, "no"));
        assert_int_equal(m->route_count, 1);
        struct buf b = {};
        struct jw w = {.out = &b};
        model_write(m, m->route_count > 0, &w);
        struct arena a = {};
        struct json *row;
        assert_int_equal(json_parse(buf_view(&b), &a, &why, &row), OK);
        assert_true(str_is(json_get(row, "id")->text, "a/one"));
        assert_true(str_is(json_get(row, "model_id")->text, "a/one"));
        assert_int_equal(json_get(row, "rate_table")->count, 2);
        assert_int_equal(json_get(row, "inputs")->count, 3);
        arena_done(&a);
        buf_done(&b);
    }
    assert_int_equal(catalog_model(c, 0)->line, 1);
    assert_true(str_ends(catalog_model(c, 0)->file, STR("/1.yaml")));
    catalog_destroy(c);
    catalog_destroy(again);
    problems_done(&p);
}

static struct str version_of(const char *files, char *hex) {
    struct problems p = {};
    struct catalog *c = NULL;
    err e = fixture_catalog(files, &p, &c);
    if (e) fail_msg("%s", p.text.ptr);
    memcpy(hex, catalog_sha256(c).ptr, SHA256_HEX);
    catalog_destroy(c);
    problems_done(&p);
    return str_n(hex, SHA256_HEX);
}

static void names_versions_by_content(void **state) {
    char a[64], b[64];
    static const char one[] = "slug: a/b\nkind: text\nprice: {unit: call, rate_table: [{micros: 10}]}\n";
    assert_true(str_eq(version_of(one, a), version_of("# other words\nprice:\n  rate_table:\n    - micros: 10\n  unit: 'call'\nkind: text\nslug: a/b\n", b)));
    assert_false(str_eq(version_of(one, a), version_of("slug: a/b\nkind: text\nprice: {unit: call, rate_table: [{micros: 11}]}\n", b)));
}

static void refuses_foreign_content(void **state) {
    static const struct { const char *text; err code; } table[] = {
        {"", E_BAD_JSON}, {"{}", E_CORRUPT}, {"{\"format\":2,\"models\":[]}", E_CORRUPT}, {"{\"format\":1,\"models\":{}}", E_CORRUPT},
        {"{\"format\":1,\"models\":[1]}", E_CORRUPT}, {"{\"format\":1,\"models\":[{\"slug\":\"a/b\"}]}", E_CORRUPT},
        {"{\"format\":1,\"models\":[{\"slug\":\"a/b\",\"kind\":\"text\",\"inputs\":{},\"price\":{\"unit\":\"call\",\"rate_table\":[{\"micros\":1}]}}]}", E_CORRUPT},
        {"{\"format\":1,\"models\":[{\"slug\":\"a/b\",\"kind\":\"text\",\"inputs\":[{}],\"price\":{\"unit\":\"call\",\"rate_table\":[{\"micros\":1}]}}]}", E_CORRUPT},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct why why = {};
        struct catalog *c = NULL;
        assert_int_equal(catalog_parse(str_of(table[i].text), &why, &c), table[i].code);
        assert_null(c);
        assert_true(why.detail[0]);
    }
}

static void finds_near_slugs(void **state) {
    struct problems p = {};
    struct catalog *c = NULL;
    static const char *const slugs[] = {"kuaishou/kling-v3-i2v", "kuaishou/kling-v3-t2v", "google/veo-3-t2v", "puras/sketch"};
    struct buf files = {};
    for (int i = 0; i < 4; i++)
        buf_printf(&files, "%sslug: %s\nkind: text\nprice: {unit: call, rate_table: [{micros: 1}]}\n", i ? "---8<---\n" : "", slugs[i]);
    assert_int_equal(fixture_catalog(files.ptr, &p, &c), OK);
    static const struct { const char *typed; size_t n; const char *best; } table[] = {
        {"kuaishou/kling-v3-i2w", 2, "kuaishou/kling-v3-i2v"}, {"kling-v3-t2v", 3, "kuaishou/kling-v3-t2v"},
        {"kling/kling-v3-i2v", 3, "kuaishou/kling-v3-i2v"},    {"sketh", 1, "puras/sketch"},
        {"puras/scetch", 1, "puras/sketch"},                   {"zzzzzzzzzz", 0, NULL},
        {"", 0, NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct str near[3];
        size_t n = catalog_near(c, str_of(table[i].typed), near, 3);
        if ((n > 0) != (table[i].n > 0) || (n && !str_is(near[0], table[i].best)))
            fail_msg("%s: %zu", table[i].typed, n);
    }
    struct str one[1];
    assert_int_equal(catalog_near(c, STR("kling-v3-t2v"), one, 1), 1);
    assert_true(str_is(one[0], "kuaishou/kling-v3-t2v"));
    assert_int_equal(catalog_near(c, STR("kling-v3-t2v"), one, 0), 0);
    catalog_destroy(c);
    problems_done(&p);
    buf_done(&files);
}

static void names_a_missing_folder(void **state) {
    struct problems p = {};
    struct catalog *c = NULL;
    const char *folders[] = {"/nonexistent/catalog"};
    assert_int_equal(catalog_read(folders, 1, &p, &c), E_INVALID);
    assert_int_equal(p.count, 1);
    assert_non_null(strstr(p.text.ptr, "/nonexistent/catalog: the folder cannot be read: No such file"));
    problems_done(&p);
}

/* --- what is shipped --- */

static void ships_sound_models(void **state) {
    const char *source = getenv("PURAS_SOURCE");
    assert_non_null(source);
    char shipped[512], tests[512];
    snprintf(shipped, sizeof shipped, "%s/catalog/", source);
    snprintf(tests, sizeof tests, "%s/tests/catalog", source);
    const char *folders[] = {shipped, tests};
    struct problems p = {};
    struct catalog *c = NULL;
    if (catalog_read(folders, 2, &p, &c)) fail_msg("%s", p.text.ptr);
    static const struct { const char *slug, *inputs; micros amount; bool routed; } table[] = {
        {"kuaishou/kling-v3-i2v", "{\"image_url\":\"u\",\"duration\":5}", 672000, true},
        {"kuaishou/kling-v3-i2v", "{\"image_url\":\"u\",\"duration\":5,\"generate_audio\":true}", 1008000, true},
        {"puras/sketch", "{\"prompt\":\"a red bicycle\"}", 10000, true},
        {"puras/sketch", "{\"text\":\"a red bicycle\",\"num_images\":4,\"image_size\":\"2048x64\",\"output_format\":\"webp\"}", 40000, true},
        {"test/nothing", "{}", 1000, true},
        {"kuaishou/kling-v3-t2v", "{\"prompt\":\"rainy alley\",\"duration\":5}", 672000, true},
        {"google/veo-3-t2v", "{\"prompt\":\"thunder\",\"duration\":4,\"generate_audio\":true}", 1920000, true},
        {"google/veo-3-fast-i2v", "{\"image_url\":\"u\",\"duration\":\"4s\"}", 480000, true},
        {"bytedance/seedance-2-fast-t2v", "{\"prompt\":\"x\",\"duration\":5}", 1451400, true},
        {"bytedance/seedream-v4-edit", "{\"image_url\":\"u\",\"prompt\":\"give it neon trim\"}", 36000, true},
        {"openai/gpt-image-2", "{\"prompt\":\"x\",\"size\":\"1024x1024\",\"quality\":\"high\"}", 264000, true},
        {"openai/gpt-image-2", "{\"prompt\":\"x\",\"size\":\"1024x1536\",\"quality\":\"low\",\"n\":2}", 48000, true},
        {"openai/sora-2", "{\"prompt\":\"x\"}", 480000, false},
    };
    struct arena a = {};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct model *m = catalog_find(c, str_of(table[i].slug));
        assert_non_null(m);
        assert_int_equal(m->route_count > 0, table[i].routed);
        struct json *inputs;
        struct why why = {};
        assert_int_equal(json_parse(str_of(table[i].inputs), &a, &why, &inputs), OK);
        struct quote q;
        struct str stored;
        if (catalog_quote(c, m, inputs, NULL, 0, &a, &why, &q, &stored)) fail_msg("%s", why.detail);
        assert_int_equal(q.amount, table[i].amount);
    }
    arena_done(&a);
    struct why why = {};
    struct catalog *again = NULL;
    assert_int_equal(catalog_parse(catalog_content(c), &why, &again), OK);
    assert_true(str_eq(catalog_sha256(c), catalog_sha256(again)));
    catalog_destroy(again);
    catalog_destroy(c);
    problems_done(&p);
}

/* --- points of a price, routes that are taken for some calls --- */

struct points { int count, with_one; struct buf all; };

static bool count_point(void *arg, struct str inputs) {
    struct points *p = arg;
    p->count++;
    p->with_one += strstr(inputs.ptr, "\"n\":1") != NULL;
    buf_str(&p->all, inputs);
    buf_c(&p->all, '\n');
    return true;
}

static const char POINTS[] =
    "slug: a/b\nkind: image\n"
    "inputs:\n"
    "  prompt: {type: text, required: true, max_chars: 900}\n"
    "  image: {file: image}\n"
    "  aspect_ratio: {type: enum, values: [\"1:1\", \"16:9\"], default: \"1:1\"}\n"
    "  duration: {type: seconds, default: 6, min: 4, max: 8, step: 2}\n"
    "  fine: {type: bool, default: false, price: true}\n"
    "  n: {type: int, default: 1, min: 1, max: 3, price: true}\n"
    "price: {unit: image, outputs: {input: n}, rate_table: [{when: {fine: true}, micros: 2}, {micros: 1}]}\n"
    "ended: 2026-10-22\nsuccessor: a/c\n"
    "routes:\n"
    "  - {provider: local, model: x, when: {n: 1, image: {present: false}}}\n"
    "  - {provider: local, model: y}\n"
    "---8<---\n"
    "slug: a/c\nkind: image\ndurations: [5]\nprice: {unit: call, rate_table: [{micros: 1}]}\n";

static void walks_the_points_of_a_price(void **state) {
    struct problems p = {};
    struct catalog *c = NULL;
    struct points points = {};
    if (fixture_catalog(POINTS, &p, &c)) fail_msg("%s", p.text.ptr);
    const struct model *m = catalog_find(c, STR("a/b"));
    catalog_points(m, count_point, &points);
    assert_int_equal(points.count, 4); /* fine or not, one or three: both ends */
    assert_int_equal(points.with_one, 2);
    assert_non_null(strstr(points.all.ptr, "{\"prompt\":\"x\",\"aspect_ratio\":\"1:1\",\"duration\":6,\"fine\":true,\"n\":3}"));
    for (size_t i = 0; i < m->input_count; i++) assert_int_equal(catalog_priced(m, i), i >= 4);
    buf_done(&points.all);
    catalog_destroy(c);
    problems_done(&p);
}

static void takes_routes_for_the_calls_they_name(void **state) {
    static const struct { const char *inputs; bool first; } table[] = {
        {"{\"n\":1}", true}, {"{}", true}, {"{\"n\":2}", false}, {"{\"n\":1,\"image\":{\"drive_path\":\"x\"}}", false}, {"{\"n\":\"many\"}", false}};
    struct problems p = {};
    struct catalog *c = NULL;
    struct arena a = {};
    if (fixture_catalog(POINTS, &p, &c)) fail_msg("%s", p.text.ptr);
    const struct model *m = catalog_find(c, STR("a/b"));
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct json *inputs = NULL;
        assert_int_equal(json_parse(str_of(table[i].inputs), &a, NULL, &inputs), OK);
        if (catalog_route_holds(m, 0, inputs) != table[i].first) fail_msg("%s", table[i].inputs);
        assert_true(catalog_route_holds(m, 1, inputs));
        assert_false(catalog_route_holds(m, 2, inputs));
    }
    arena_done(&a);
    catalog_destroy(c);
    problems_done(&p);
}

static void refuses_a_successor_that_is_not_there(void **state) {
    struct problems p = {};
    struct catalog *c = NULL;
    assert_int_equal(fixture_catalog("slug: a/b\nkind: image\nended: 2026-10-22\nsuccessor: a/z\nprice: {unit: call, rate_table: [{micros: 1}]}\n", &p, &c), E_INVALID);
    assert_non_null(strstr(p.text.ptr, "0.yaml:1: `successor: a/z` is no slug"));
    problems_done(&p);
    assert_int_equal(fixture_catalog("slug: a/b\nkind: image\nended: autumn\nprice: {unit: call, rate_table: [{micros: 1}]}\n", &p, &c), E_INVALID);
    assert_non_null(strstr(p.text.ptr, "0.yaml:3: `ended` must be the day"));
    problems_done(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_decimals),           cmocka_unit_test(measures_distance),         cmocka_unit_test(finds_each_fault),
        cmocka_unit_test(collects_several),         cmocka_unit_test(accepts_costs_within_the_price), cmocka_unit_test(publishes_and_reads_back),
        cmocka_unit_test(names_versions_by_content), cmocka_unit_test(refuses_foreign_content),  cmocka_unit_test(finds_near_slugs),
        cmocka_unit_test(names_a_missing_folder),   cmocka_unit_test(ships_sound_models),
        cmocka_unit_test(walks_the_points_of_a_price), cmocka_unit_test(takes_routes_for_the_calls_they_name), cmocka_unit_test(refuses_a_successor_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
