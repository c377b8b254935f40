/* What the reader takes and refuses, exact numbers, paths, and both writers. */
#include "base/json.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static struct arena arena;

static int free_arena(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

/* Parses a copy that ends exactly at its last byte, so that the sanitizer sees any read past it. */
static err parse(struct str text, struct why *why, struct json **out) {
    char *exact = malloc(text.len ? text.len : 1);
    if (text.len) memcpy(exact, text.ptr, text.len);
    err e = json_parse(str_n(exact, text.len), &arena, why, out);
    if (e) {
        free(exact);
        return e;
    }
    /* views of the input must outlive this function: the copy moves into the arena and is parsed again there */
    struct str kept = arena_dup(&arena, text);
    free(exact);
    return json_parse(kept, &arena, why, out);
}

static struct json *good(const char *text) {
    struct json *j = NULL;
    struct why why = {};
    err e = parse(str_of(text), &why, &j);
    if (e) fail_msg("%s: %s", text, why_text(&why));
    return j;
}

static void expect_text(struct buf *b, const char *want) {
    assert_string_equal(b->ptr, want);
    buf_done(b);
}

static void takes_every_kind(void **state) {
    (void)state;
    struct json *j = good(" {\"a\" : [1, -2.5e+3 ,true,false,null], \"b\":{}, \"\":\"x\", \"c\":[] }\r\n\t");
    assert_true(json_is(j, JSON_OBJECT));
    assert_int_equal(j->count, 4);
    const struct json *a = json_get(j, "a");
    assert_int_equal(a->count, 5);
    assert_true(str_is(json_at(a, 1)->text, "-2.5e+3"));
    bool v = false;
    assert_true(json_as_bool(json_at(a, 2), &v) && v);
    assert_true(json_as_bool(json_at(a, 3), &v) && !v);
    assert_false(json_as_bool(json_at(a, 4), &v));
    assert_true(json_is(json_at(a, 4), JSON_NULL));
    assert_null(json_at(a, 5));
    assert_null(json_at(j, 0));
    assert_true(json_is(json_get(j, "b"), JSON_OBJECT));
    struct str s = {};
    assert_true(json_as_str(json_get(j, ""), &s) && str_is(s, "x"));
    assert_false(json_as_str(a, &s));
    assert_null(json_get(j, "d"));
    assert_null(json_get(json_get(j, "d"), "e"));
    assert_null(json_get(a, "a"));
    for (int i = 0; i < 6; i++) {
        static const char *const scalars[] = {"0", "\"\"", "true", "null", "[]", " -0.0 "};
        good(scalars[i]);
    }
}

struct bad_case {
    struct str text;
    err e;
    const char *says; /* a part of the sentence */
};
#define BAD(literal, sentence) {{literal, sizeof(literal) - 1}, E_BAD_JSON, sentence}

static const struct bad_case bad_cases[] = {
    BAD("", "empty"), BAD(" \n", "ends at byte 2"), BAD("\xEF\xBB\xBF{}", "byte order mark"), BAD("{} x", "byte 3: the value is complete"),
    BAD("1 2", "byte 2"), BAD("{}\0", "byte 2"), BAD("{}{}", "more follows"), BAD("]", "byte 0: a value was expected, but there is ']'"),
    /* numbers */
    BAD("+1", "a value was expected"), BAD("01", "needless 0"), BAD("-01", "needless 0"), BAD("00", "needless 0"), BAD("1.", "behind the point"),
    BAD(".5", "a value was expected"), BAD("-", "a digit"), BAD("-a", "a digit"), BAD("1e", "exponent"), BAD("1e+", "exponent"),
    BAD("1.e1", "behind the point"), BAD("0x10", "byte 1"), BAD("1_000", "byte 1"), BAD("NaN", "a value"), BAD("Infinity", "a value"),
    BAD("-Infinity", "a digit"), BAD("1,5", "byte 1"), BAD("- 1", "a digit"),
    /* words */
    BAD("True", "a value"), BAD("tru", "the rest of"), BAD("nul", "the rest of"), BAD("nulL", "a value"), BAD("truex", "byte 4"),
    BAD("undefined", "a value"),
    /* structure */
    BAD("[1,]", "byte 2: a comma stands before the end of the array"), BAD("{\"a\":1,}", "byte 6: a comma"), BAD("[,1]", "a value"),
    BAD("[1,,2]", "a value"), BAD("[1 2]", "',' or ']'"), BAD("{\"a\" 1}", "':'"), BAD("{\"a\":1 \"b\":2}", "',' or '}'"),
    BAD("{a:1}", "a key in quotes"), BAD("{'a':1}", "a key in quotes"), BAD("{1:1}", "a key in quotes"), BAD("{\"a\":}", "a value"),
    BAD("{\"a\"}", "':'"), BAD("{,}", "a key in quotes"), BAD("[1}", "',' or ']'"), BAD("{\"a\":1]", "',' or '}'"), BAD("[", "ends at byte 1"),
    BAD("[1", "inside the array that begins at byte 0"), BAD("{\"a\":1", "inside the object that begins at byte 0"),
    BAD("// c\n1", "a value"), BAD("[1/**/]", "',' or ']'"), BAD("[1]\f", "more follows"), BAD("\xC2\xA0" "1", "a value"), BAD("[\0]", "a value"),
    /* strings */
    BAD("\"abc", "inside the string that begins at byte 0"), BAD("\"abc\\", "inside the string"), BAD("\"abc\\\"", "inside the string"),
    BAD("'a'", "a value"), BAD("\"a\nb\"", "byte 2: a control byte"), BAD("\"a\tb\"", "control byte"), BAD("\"a\0b\"", "byte 2: a control byte"),
    BAD("\"12345678901\x1f\"", "byte 12: a control byte"), BAD("\"\\x41\"", "makes no escape"), BAD("\"\\u12\"", "four hex digits"),
    BAD("\"\\u123g\"", "four hex digits"), BAD("\"\\U0041\"", "makes no escape"), BAD("\"\\\xC3\xA4\"", "makes no escape"),
    BAD("\"\\\n\"", "makes no escape"), BAD("\"\\u0000\"", "byte 1: a string holds the character NUL"), BAD("{\"\\u0000\":1}", "NUL"),
    BAD("\"\\ud800\"", "byte 1: a high surrogate"), BAD("\"\\ud800x\"", "high surrogate"), BAD("\"\\ud800\\u0041\"", "high surrogate"),
    BAD("\"\\ud800\\ud800\"", "high surrogate"), BAD("\"ab\\udc00\"", "byte 3: a low surrogate"), BAD("\"\\udFFF\\ud800\"", "low surrogate"),
    BAD("\"\\ud83d\\\"", "inside the string"), BAD("\"\\ud83d\\ude0\"", "high surrogate"),
    /* UTF-8 */
    BAD("\"\x80\"", "byte 1: the bytes are not UTF-8"), BAD("\"a\xC3\"", "not UTF-8"), BAD("\"\xC0\xAF\"", "not UTF-8"),
    BAD("\"\xE0\x80\xAF\"", "not UTF-8"), BAD("\"\xED\xA0\x80\"", "not UTF-8"), BAD("\"\xF4\x90\x80\x80\"", "not UTF-8"),
    BAD("\"\xF8\x88\x80\x80\x80\"", "not UTF-8"), BAD("\"\xFF\"", "not UTF-8"), BAD("\"\xE2\x82", "not UTF-8"), BAD("{\"\xFE\":1}", "not UTF-8"),
    /* duplicates, also under an escape and at depth */
    BAD("{\"a\":1,\"a\":2}", "byte 0: the object that begins there has the key \"a\" twice"),
    BAD("{\"a\":1,\"b\":2,\"\\u0061\":2}", "\"a\" twice"), BAD("[{\"x\":[{\"\":1,\"\":1}]}]", "byte 7"),
    BAD("{\"a\":{\"b\":{\"c\":1,\"d\":1,\"c\":1}}}", "\"c\" twice"),
    /* bounded exponents */
    {{"1e1000000000", 12}, E_LIMIT, "exponent"}, {{"[1,9E-00001000000000]", 21}, E_LIMIT, "byte 3"},
    {{"10e999999999", 12}, E_LIMIT, "exponent"}, {{"0.1e-999999999", 14}, E_LIMIT, "exponent"},
    {{"1e18446744073709551616", 22}, E_LIMIT, "exponent"}, {{"-1e-99999999999999999999", 24}, E_LIMIT, "exponent"},
};

static void refuses_bad_text(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad_cases / sizeof *bad_cases; i++) {
        const struct bad_case *c = &bad_cases[i];
        struct why why = {};
        struct json *j = (struct json *)&why;
        err e = parse(c->text, &why, &j);
        if (e != c->e) fail_msg("case %zu, %.*s: %s", i, STR_ARG(c->text), err_name(e));
        assert_ptr_equal(j, &why); /* untouched on failure */
        if (!strstr(why.detail, c->says)) fail_msg("case %zu, %.*s: says \"%s\", not \"%s\"", i, STR_ARG(c->text), why.detail, c->says);
        assert_true(str_is_utf8(str_of(why.detail)));
        assert_int_equal(json_parse(c->text, &arena, NULL, &j), c->e); /* without a why too */
        assert_int_equal(why.code, c->e);
    }
}

static void refuses_every_truncation(void **state) {
    (void)state;
    static const char text[] = "{\"k\\n\\ud83d\\ude00\":[1.5e-3,{\"\xC3\xA4\xF0\x9F\x98\x80\":true,\"n\":null}, \"x\\\\\",-0],\"f\":false}";
    good(text);
    for (size_t n = 0; n < sizeof text - 1; n++) {
        struct json *j;
        struct why why = {};
        if (parse(str_n(text, n), &why, &j) != E_BAD_JSON) fail_msg("taken when cut at %zu", n);
        if (!strstr(why.detail, "byte")) fail_msg("cut at %zu: %s", n, why.detail);
    }
}

static err parse_nested(int depth, char open, struct json **out) {
    struct buf b = {};
    for (int i = 0; i < depth; i++) buf_z(&b, open == '[' ? "[" : "{\"a\":");
    if (open == '{') buf_c(&b, '1');
    for (int i = 0; i < depth; i++) buf_c(&b, open == '[' ? ']' : '}');
    err e = parse(buf_view(&b), NULL, out);
    buf_done(&b);
    return e;
}

static void bounds_depth(void **state) {
    (void)state;
    struct json *j;
    for (const char *open = "[{"; *open; open++) {
        assert_int_equal(parse_nested(LIMIT_JSON_DEPTH, *open, &j), OK);
        assert_int_equal(parse_nested(LIMIT_JSON_DEPTH + 1, *open, &j), E_LIMIT);
        assert_int_equal(parse_nested(50000, *open, &j), E_LIMIT);
    }
    struct buf b = {}; /* the bound is on depth, not on how many brackets were opened */
    buf_c(&b, '[');
    for (int i = 0; i < 1000; i++) buf_z(&b, i ? ",[{}]" : "[{}]");
    buf_c(&b, ']');
    assert_int_equal(parse(buf_view(&b), NULL, &j), OK);
    buf_done(&b);
}

static void bounds_nodes(void **state) {
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        struct buf b = {};
        buf_c(&b, '[');
        for (int i = 0; i < LIMIT_JSON_NODES - 1 + extra; i++) buf_z(&b, i ? ",1" : "1"); /* the array is a node too */
        buf_c(&b, ']');
        struct json *j = NULL;
        struct why why = {};
        assert_int_equal(parse(buf_view(&b), &why, &j), extra ? E_LIMIT : OK);
        if (extra) assert_non_null(strstr(why.detail, "100000 values"));
        else assert_int_equal(j->count, LIMIT_JSON_NODES - 1);
        buf_done(&b);
    }
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Keys of one length whose first, middle and last bytes agree, so that the one-bit filter never helps. */
static void finds_duplicates_in_large_objects(void **state) {
    (void)state;
    for (int dup = 0; dup < 2; dup++) {
        struct buf b = {};
        buf_c(&b, '{');
        for (int i = 0; i < 50000; i++) buf_printf(&b, "%s\"k%05d-%05d-\":%d", i ? "," : "", i, dup && i == 49999 ? 7 : i, i);
        if (dup) buf_z(&b, ",\"k00007-00007-\":1");
        buf_c(&b, '}');
        struct json *j = NULL;
        struct why why = {};
        double from = seconds();
        assert_int_equal(parse(buf_view(&b), &why, &j), dup ? E_BAD_JSON : OK);
        assert_true(seconds() - from < 2.0); /* pairwise comparing takes over a billion steps, and here with a sanitizer */
        if (dup) assert_non_null(strstr(why.detail, "k00007-00007-"));
        buf_done(&b);
    }
    /* each size around the change of method, the duplicate at each place */
    for (int size = 2; size < 70; size++) {
        for (int twin = 0; twin < size - 1; twin++) {
            struct buf b = {};
            for (int i = 0; i < size; i++) buf_printf(&b, "%c\"%d\":0", i ? ',' : '{', i == size - 1 ? twin : i);
            buf_c(&b, '}');
            struct json *j;
            assert_int_equal(json_parse(buf_view(&b), &arena, NULL, &j), E_BAD_JSON);
            buf_done(&b);
        }
    }
}

static void decodes_strings(void **state) {
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"\"\"", ""},
        {"\"plain text that is longer than one word of the scan\"", "plain text that is longer than one word of the scan"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e4\\u20AC\\uFFFF\"", "A\xC3\xA4\xE2\x82\xAC\xEF\xBF\xBF"},
        {"\"x\\ud83d\\ude00y\\uDBFF\\uDFFF\"", "x\xF0\x9F\x98\x80y\xF4\x8F\xBF\xBF"},
        {"\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\x7f\"", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\x7f"},
        {"\"\\\\u0041\"", "\\u0041"},
        {"\"1234567\\n12345678\\t\"", "1234567\n12345678\t"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str s = {};
        assert_true(json_as_str(good(cases[i].text), &s));
        if (!str_is(s, cases[i].want)) fail_msg("%s decodes to %.*s", cases[i].text, STR_ARG(s));
    }
    /* every byte at every place of a scanned word */
    for (int at = 0; at < 20; at++) {
        for (int c = 0; c < 256; c++) {
            char text[24];
            memset(text, 'a', sizeof text);
            text[0] = text[22] = '"';
            text[1 + at] = (char)c;
            struct json *j;
            bool ok = json_parse(str_n(text, 23), &arena, NULL, &j) == OK;
            if (ok != (c >= 0x20 && c < 0x80 && c != '"' && c != '\\')) fail_msg("byte 0x%02x at %d: %s", c, at, ok ? "taken" : "refused");
        }
    }
}

static void reads_whole_numbers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool whole;
        int64_t want;
    } cases[] = {
        {"5", true, 5}, {"5.0", true, 5}, {"5e0", true, 5}, {"5.000e+00", true, 5}, {"0.5e1", true, 5}, {"50e-1", true, 5}, {"0.0005E4", true, 5},
        {"-5", true, -5}, {"0", true, 0}, {"-0", true, 0}, {"-0.0e7", true, 0}, {"0e999999999", true, 0}, {"1e3", true, 1000}, {"1200e-2", true, 12},
        {"5.5", false, 0}, {"1e-1", false, 0}, {"0.1", false, 0}, {"1201e-2", false, 0}, {"1e308", false, 0}, {"1e999999999", false, 0},
        {"1e-999999999", false, 0}, {"9223372036854775807", true, INT64_MAX}, {"9223372036854775808", false, 0},
        {"-9223372036854775808", true, INT64_MIN}, {"-9223372036854775809", false, 0}, {"9223372036854775807.0", true, INT64_MAX},
        {"9.223372036854775807e18", true, INT64_MAX}, {"9.223372036854775808e18", false, 0}, {"1e18", true, 1000000000000000000},
        {"1e19", false, 0}, {"10000000000000000000", false, 0}, {"9007199254740993", true, 9007199254740993},
        {"true", false, 0}, {"\"5\"", false, 0}, {"[5]", false, 0}, {"null", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t v = 42;
        bool whole = json_as_i64(good(cases[i].text), &v);
        if (whole != cases[i].whole || v != (whole ? cases[i].want : 42)) fail_msg("%s reads as %lld", cases[i].text, (long long)v);
    }
    int64_t v;
    assert_false(json_as_i64(NULL, &v));
}

static void keeps_number_text(void **state) {
    (void)state;
    static const char *const texts[] = {"123456789012345678901234567890.123456789012345678901234567890", "0.1000", "1E400", "-0"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct json *j = good(texts[i]);
        assert_true(str_is(j->text, texts[i]));
        struct buf b = {};
        json_write(&b, j);
        expect_text(&b, texts[i]);
    }
}

static void writes_numbers_in_normal_form(void **state) {
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"5", "5"}, {"5.0", "5"}, {"5e0", "5"}, {"0.5e1", "5"}, {"500e-2", "5"}, {"-5.00", "-5"}, {"0", "0"}, {"-0", "0"}, {"0.000e-5", "0"},
        {"-0e999999999", "0"}, {"0.1", "0.1"}, {"1e-1", "0.1"}, {"10e-2", "0.1"}, {"12.340", "12.34"}, {"1234e-2", "12.34"}, {"0.000001", "0.000001"},
        {"1e-6", "0.000001"}, {"1e-7", "1e-7"}, {"0.00000012", "1.2e-7"}, {"1e20", "100000000000000000000"}, {"1e21", "1e+21"},
        {"123456789012345678901", "123456789012345678901"}, {"1234567890123456789012", "1.234567890123456789012e+21"},
        {"100000000000000000000.5", "100000000000000000000.5"}, {"1e308", "1e+308"}, {"1.0E+308", "1e+308"}, {"10e307", "1e+308"}, {"0.01e310", "1e+308"},
        {"1e999999999", "1e+999999999"}, {"1e-999999999", "1e-999999999"}, {"10e-1000000000", "1e-999999999"}, {"0e99999999999999999999", "0"}, {"0.01e1000000001", "1e+999999999"},
        {"9007199254740993", "9007199254740993"}, {"0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {};
        json_write_canonical(&b, good(cases[i].text));
        if (!str_is(buf_view(&b), cases[i].want)) fail_msg("%s becomes %s, not %s", cases[i].text, b.ptr, cases[i].want);
        struct buf again = {};
        json_write_canonical(&again, good(b.ptr));
        assert_string_equal(again.ptr, b.ptr);
        buf_done(&again);
        buf_done(&b);
    }
}

static void equal_documents_have_equal_bytes(void **state) {
    (void)state;
    static const char *const same[] = {
        "{\"a\":[1,2.50,{\"y\":null,\"x\":\"\\u00e4\\/\"}],\"b\":5,\"ab\":true,\"\":0}",
        " { \"b\" : 5.0 , \"\" : -0, \"ab\":true,\"a\":[ 1e0,25e-1 , {\"x\":\"\xC3\xA4/\",\"y\":null} ] } ",
        "{\"\\u0061b\":true,\"\":0e5,\"a\":[10E-1,2.5,{\"x\":\"\xC3\xA4\\u002f\",\"y\":null}],\"b\":0.5e1}",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct buf b = {};
        json_write_canonical(&b, good(same[i]));
        expect_text(&b, "{\"\":0,\"a\":[1,2.5,{\"x\":\"\xC3\xA4/\",\"y\":null}],\"ab\":true,\"b\":5}");
    }
    static const char *const other[] = {"[1,2]", "[2,1]", "[12]", "[\"1\",2]", "[1,2,null]", "[[1,2]]", "{\"1\":2}", "[1,2.0000000000000000000001]"};
    struct buf seen[8] = {};
    for (size_t i = 0; i < 8; i++) {
        json_write_canonical(&seen[i], good(other[i]));
        for (size_t k = 0; k < i; k++) assert_string_not_equal(seen[i].ptr, seen[k].ptr);
    }
    for (size_t i = 0; i < 8; i++) buf_done(&seen[i]);
    /* more members than the writer sorts on its stack */
    struct buf down = {}, up = {}, a = {}, b = {};
    for (int i = 0; i < 100; i++) {
        buf_printf(&down, "%c\"%d\":%d", i ? ',' : '{', 99 - i, 99 - i);
        buf_printf(&up, "%c\"%d\":%d", i ? ',' : '{', i, i);
    }
    buf_c(&down, '}');
    buf_c(&up, '}');
    json_write_canonical(&a, good(down.ptr));
    json_write_canonical(&b, good(up.ptr));
    assert_string_equal(a.ptr, b.ptr);
    buf_done(&down), buf_done(&up), buf_done(&a), buf_done(&b);
}

static void writing_keeps_order(void **state) {
    (void)state;
    struct buf b = {};
    json_write(&b, good(" {\"z\":[ ],\"a\":{ },\"n\":1.50,\"s\":\"\\u0001\\u001f\\\"\\\\\\b\\f\\n\\r\\t\\/\x7f\"} "));
    expect_text(&b, "{\"z\":[],\"a\":{},\"n\":1.50,\"s\":\"\\u0001\\u001f\\\"\\\\\\b\\f\\n\\r\\t/\x7f\"}");
}

static void walks_paths(void **state) {
    (void)state;
    const struct json *j = good("{\"outputs\":[{\"asset\":{\"url\":\"u\"}},[1,[2]]],\"x-y\":{\"$z\":3},\"\xC3\xA4\":4,\"n\":null}");
    static const struct {
        const char *path;
        err e;
        const char *want; /* as JSON; NULL: leads nowhere */
    } cases[] = {
        {"outputs[0].asset.url", OK, "\"u\""}, {".outputs[0].asset.url", OK, "\"u\""}, {"outputs[1][1][0]", OK, "2"}, {"outputs[1][0]", OK, "1"},
        {"x-y.$z", OK, "3"}, {"\xC3\xA4", OK, "4"}, {"n", OK, "null"}, {"outputs[00]", OK, "{\"asset\":{\"url\":\"u\"}}"},
        {"outputs[2]", OK, NULL}, {"outputs.asset", OK, NULL}, {"nope", OK, NULL}, {"nope.deeper[3].still", OK, NULL}, {"n.x", OK, NULL},
        {"[0]", OK, NULL}, {".[0]", OK, NULL}, {"outputs[4294967295]", OK, NULL}, {"outputs[4294967296]", OK, NULL},
        {"outputs[99999999999999999999999999]", OK, NULL},
        {"", E_INVALID, NULL}, {"..outputs", E_INVALID, NULL}, {"outputs.", E_INVALID, NULL}, {"outputs..x", E_INVALID, NULL},
        {"outputs[", E_INVALID, NULL}, {"outputs[]", E_INVALID, NULL}, {"outputs[x]", E_INVALID, NULL}, {"outputs[-1]", E_INVALID, NULL},
        {"outputs[1", E_INVALID, NULL}, {"outputs[1]x", E_INVALID, NULL}, {"outputs]", E_INVALID, NULL}, {"outputs.[0]", E_INVALID, NULL},
        {"outputs | first", E_INVALID, NULL}, {"outputs[0] ", E_INVALID, NULL}, {" outputs", E_INVALID, NULL}, {"outputs[*]", E_INVALID, NULL},
        {"nope[", E_INVALID, NULL}, {"a\nb", E_INVALID, NULL}, {"\xFF", E_INVALID, NULL}, {"a,b", E_INVALID, NULL}, {"outputs[\"x\"]", E_INVALID, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct json *at = j;
        struct why why = {};
        err e = json_path(j, str_of(cases[i].path), &why, &at);
        if (e != cases[i].e) fail_msg("%s: %s", cases[i].path, err_name(e));
        if (e) {
            assert_ptr_equal(at, j);
            assert_true(why.detail[0]);
        } else if (cases[i].want) {
            if (!at) fail_msg("%s leads nowhere", cases[i].path);
            struct buf b = {};
            json_write(&b, at);
            expect_text(&b, cases[i].want);
        } else if (at) {
            fail_msg("%s leads somewhere", cases[i].path);
        }
    }
    const struct json *at = NULL;
    assert_int_equal(json_path(j, STR("."), NULL, &at), OK);
    assert_ptr_equal(at, j);
    assert_int_equal(json_path(good("[7]"), STR("[0]"), NULL, &at), OK);
    assert_true(str_is(at->text, "7"));
    assert_int_equal(json_path(NULL, STR("a.b[1]"), NULL, &at), OK);
    assert_null(at);
    assert_int_equal(json_path(j, STR("a\0b"), NULL, &at), E_INVALID);
}

static void streams(void **state) {
    (void)state;
    struct buf b = {};
    struct jw w = {.out = &b};
    jw_open(&w, '{');
    jw_kz(&w, "z", "a\"b");
    jw_kopt(&w, "left out", STR(""));
    jw_kopt(&w, "opt", STR("v"));
    jw_kstr(&w, "empty", (struct str){});
    jw_ki64(&w, "min", INT64_MIN);
    jw_kbool(&w, "t", true);
    jw_kraw(&w, "raw", STR("{\"x\":1}"));
    jw_kraw(&w, "none", (struct str){});
    jw_key(&w, "list");
    jw_open(&w, '[');
    jw_i64(&w, 1);
    jw_null(&w);
    jw_bool(&w, false);
    jw_open(&w, '[');
    jw_close(&w, ']');
    jw_open(&w, '{');
    jw_close(&w, '}');
    jw_raw(&w, STR("2.5"));
    jw_z(&w, "");
    jw_close(&w, ']');
    jw_key_str(&w, STR("a\nb"));
    jw_str(&w, STR("e"));
    jw_close(&w, '}');
    good(b.ptr);
    expect_text(&b, "{\"z\":\"a\\\"b\",\"opt\":\"v\",\"empty\":\"\",\"min\":-9223372036854775808,\"t\":true,\"raw\":{\"x\":1},\"none\":null,"
                    "\"list\":[1,null,false,[],{},2.5,\"\"],\"a\\nb\":\"e\"}");
}

static void writer_repairs_bytes(void **state) {
    (void)state;
#define FFFD "\xEF\xBF\xBD"
    static const struct {
        struct str in;
        const char *want;
    } cases[] = {
        {{"a\0b", 3}, "\"a" FFFD "b\""}, {{"\xFF", 1}, "\"" FFFD "\""}, {{"x\xC3", 2}, "\"x" FFFD "\""},
        {{"\xED\xA0\x80", 3}, "\"" FFFD FFFD FFFD "\""}, {{"\xF0\x9F\x98\x80", 4}, "\"\xF0\x9F\x98\x80\""}, {{"\xC3(", 2}, "\"" FFFD "(\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {};
        struct jw w = {.out = &b};
        jw_str(&w, cases[i].in);
        good(b.ptr);
        expect_text(&b, cases[i].want);
    }
}

int main(void) {
#define T(name) cmocka_unit_test_teardown(name, free_arena)
    const struct CMUnitTest tests[] = {
        T(takes_every_kind), T(refuses_bad_text), T(refuses_every_truncation), T(bounds_depth), T(bounds_nodes),
        T(finds_duplicates_in_large_objects), T(decodes_strings), T(reads_whole_numbers), T(keeps_number_text),
        T(writes_numbers_in_normal_form), T(equal_documents_have_equal_bytes), T(writing_keeps_order), T(walks_paths), T(streams),
        T(writer_repairs_bytes),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
