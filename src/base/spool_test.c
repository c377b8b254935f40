/* The filter of long strings, the decoder of files in text, and reading with repairs. */
#include "base/cleanup.h"
#include "base/decode.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct target {
    struct buf bytes; /* each string, then | */
    uint32_t ends;
    err refuse;
};

static err take(void *self, uint32_t id, struct str piece, struct why *why) {
    struct target *t = self;
    assert_int_equal(id, t->ends + 1);
    assert_true(piece.len > 0);
    if (t->refuse) return why_set(why, t->refuse, "No room.");
    buf_str(&t->bytes, piece);
    return OK;
}

static err end(void *self, uint32_t id, uint32_t bytes, struct why *why) {
    struct target *t = self;
    assert_int_equal(id, ++t->ends);
    buf_c(&t->bytes, '|');
    return OK;
}

/* Filters `body` in pieces of `step` bytes; the text that is left goes into *text. */
static err filter(struct str body, size_t step, struct spool_options o, struct target *t, struct buf *text, uint32_t *repairs, struct why *why) {
    _cleanup_(spool_freep) struct spool *s = NULL;
    struct str left;
    o.sink = (struct spool_sink){t, take, end};
    s = spool_new(&o);
    for (struct str rest = body; rest.len; rest = str_skip(rest, step)) TRY(spool_feed(s, str_head(rest, step), why));
    TRY(spool_end(s, why, &left));
    buf_str(text, left);
    if (repairs) *repairs = spool_repairs(s);
    return OK;
}

struct row {
    const char *body, *text, *bytes;
};

/* Every cut gives the same. Kept are 8 bytes. */
static void rows_hold(const struct row *rows, size_t n, bool repair) {
    for (size_t i = 0; i < n; i++)
        for (size_t step = 1; step <= strlen(rows[i].body) + 1; step++) {
            struct target t = {0};
            struct buf text = {};
            struct why why = {0};
            err e = filter(str_of(rows[i].body), step, (struct spool_options){.keep = 8, .repair = repair}, &t, &text, NULL, &why);
            if (e) fail_msg("%s in steps of %zu: %s", rows[i].body, step, why_text(&why));
            if (!str_is(buf_view(&text), rows[i].text)) fail_msg("%s in steps of %zu: %s", rows[i].body, step, text.ptr);
            if (!str_is(buf_view(&t.bytes), rows[i].bytes)) fail_msg("%s in steps of %zu: bytes %s", rows[i].body, step, t.bytes.ptr ? t.bytes.ptr : "");
            buf_done(&text);
            buf_done(&t.bytes);
        }
}

static void filters(void **state) {
    static const struct row rows[] = {
        {"{}", "{}", ""},
        {"[\"12345678\"]", "[\"12345678\"]", ""},
        {"[\"123456789\"]", "[{\"$spool\":1,\"bytes\":9,\"head\":\"123456789\"}]", "123456789|"},
        {"{\"a\":\"123456789\",\"b\":[\"x\",\"abcdefghij\"]}",
         "{\"a\":{\"$spool\":1,\"bytes\":9,\"head\":\"123456789\"},\"b\":[\"x\",{\"$spool\":2,\"bytes\":10,\"head\":\"abcdefghij\"}]}", "123456789|abcdefghij|"},
        {"{\"long key stays\":1,\"x\":{\"another long key\":[{\"and again one\":\"y\"}]}}", "{\"long key stays\":1,\"x\":{\"another long key\":[{\"and again one\":\"y\"}]}}", ""},
        {"[\"a\\\"b\\\\\",\"\\\\\"]", "[\"a\\\"b\\\\\",\"\\\\\"]", ""},
        {"[\"aaaaaaaaaa\\\"\\/\\n\\t\\u0041\\u00e4\\u20AC\\ud83d\\ude00z\"]",
         "[{\"$spool\":1,\"bytes\":25,\"head\":\"aaaaaaaaaa\\\"/\\n\\tA\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z\"}]", "aaaaaaaaaa\"/\n\tA\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z|"},
        {"[\"\\u0041\\u0041\\\\\\\\\\\\\"]", "[{\"$spool\":1,\"bytes\":5,\"head\":\"AA\\\\\\\\\\\\\"}]", "AA\\\\\\|"},
        {"{\"$spool\":1,\"bytes\":2,\"head\":\"x\"}", "{\"\\u0024spool\":1,\"bytes\":2,\"head\":\"x\"}", ""},
        {"[\"$spool\",\"\\u0024spool\"]", "[\"\\u0024spool\",{\"$spool\":1,\"bytes\":6,\"head\":\"\\u0024spool\"}]", "$spool|"},
        {"\"0123456789012345678901234567890123456789012345678901234567890123456789\"",
         "{\"$spool\":1,\"bytes\":70,\"head\":\"0123456789012345678901234567890123456789012345678901234567890123\"}",
         "0123456789012345678901234567890123456789012345678901234567890123456789|"},
        {"not JSON, but \"a text with quotes\"", "not JSON, but {\"$spool\":1,\"bytes\":18,\"head\":\"a text with quotes\"}", "a text with quotes|"},
        {"]]]}}{\"k123456789\":\"v123456789\"}", "]]]}}{\"k123456789\":{\"$spool\":1,\"bytes\":10,\"head\":\"v123456789\"}}", "v123456789|"},
    };
    static const struct row repaired[] = {
        {"[\"aaaaaaaaaa\\ud83d\\u0041\\ude00\\u0000\"]", "[{\"$spool\":1,\"bytes\":20,\"head\":\"aaaaaaaaaa\xef\xbf\xbd" "A\xef\xbf\xbd\xef\xbf\xbd\"}]",
         "aaaaaaaaaa\xef\xbf\xbd" "A\xef\xbf\xbd\xef\xbf\xbd|"},
        {"[\"aaaaaaaaaa\\ud83d\"]", "[{\"$spool\":1,\"bytes\":13,\"head\":\"aaaaaaaaaa\xef\xbf\xbd\"}]", "aaaaaaaaaa\xef\xbf\xbd|"},
    };
    rows_hold(rows, sizeof rows / sizeof *rows, false);
    rows_hold(rows, sizeof rows / sizeof *rows, true);
    rows_hold(repaired, sizeof repaired / sizeof *repaired, true);
}

static void refuses(void **state) {
    static const struct { const char *body; err e; const char *says; } rows[] = {
        {"[\"aaaaaaaaaa\\ud83d\"]", E_BAD_JSON, "high surrogate"},
        {"[\"aaaaaaaaaa\\ude00\"]", E_BAD_JSON, "low surrogate"},
        {"[\"aaaaaaaaaa\\u0000\"]", E_BAD_JSON, "NUL"},
        {"[\"aaaaaaaaaa\\x\"]", E_BAD_JSON, "no escape"},
        {"[\"aaaaaaaaaa\\u12g4\"]", E_BAD_JSON, "hex digits"},
        {"[\"aaaaaaaaaa\nb\"]", E_BAD_JSON, "control byte"},
        {"[\"aaaaaaaaaa", E_BAD_JSON, "ends before"},
        {"[\"aaaaaaaaaa\\", E_BAD_JSON, "ends before"},
        {"[\"aaaaaaaaaa\",\"aaaaaaaaaa\",\"aaaaaaaaaa\",\"aaaaaaaaaa\"]", E_LIMIT, "more than 3"},
        {"[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,"
         "55,56,57,58,59,60,61,62,63,64,65,66,67,68,69,70,71,72,73,74,75,76]", E_LIMIT, "longer than 200"},
        {"{\"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
         "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", E_LIMIT, "longer than 200"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t step = 1; step < 20; step++) {
            struct target t = {0};
            struct buf text = {};
            struct why why = {0};
            err e = filter(str_of(rows[i].body), step, (struct spool_options){.keep = 8, .strings = 3, .text = 200}, &t, &text, NULL, &why);
            if (e != rows[i].e || !strstr(why_text(&why), rows[i].says)) fail_msg("%s: %s %s", rows[i].body, err_name(e), why_text(&why));
            buf_done(&text);
            buf_done(&t.bytes);
        }
    struct target t = {.refuse = E_STORAGE_FULL};
    struct buf text = {};
    struct why why = {0};
    assert_int_equal(filter(STR("\"123456789\""), 4, (struct spool_options){.keep = 4}, &t, &text, NULL, &why), E_STORAGE_FULL);
    buf_done(&text);
}

static void whole_bodies(void **state) {
    struct target t = {0};
    struct buf text = {};
    assert_int_equal(filter(STR("\x89PNG\r\n\"{"), 3, (struct spool_options){.whole = true}, &t, &text, NULL, NULL), OK);
    assert_true(str_is(buf_view(&t.bytes), "\x89PNG\r\n\"{|"));
    struct arena a = {0};
    struct json *j;
    uint32_t id, bytes;
    struct str head;
    assert_int_equal(json_parse_how(buf_view(&text), JSON_SPOOLS, &a, NULL, NULL, &j), OK);
    assert_true(json_as_spool(j, &id, &bytes, &head) && id == 1 && bytes == 8);
    buf_clear(&text);
    t.ends = 0;
    assert_int_equal(filter((struct str){}, 3, (struct spool_options){.whole = true}, &t, &text, NULL, NULL), OK);
    assert_int_equal(json_parse_how(buf_view(&text), JSON_SPOOLS, &a, NULL, NULL, &j), OK);
    assert_true(json_as_spool(j, &id, &bytes, &head) && bytes == 0);
    buf_done(&text);
    buf_done(&t.bytes);
    arena_done(&a);
}

/* Megabytes of a string leave nothing behind but the node, whatever the pieces. */
static void long_string(void **state) {
    struct buf body = {}, text = {};
    struct target t = {0};
    buf_z(&body, "{\"b64\":\"");
    for (int i = 0; i < 3000000; i++) buf_c(&body, "ABCDabcd0123+/=="[i % 14]);
    buf_z(&body, "\",\"n\":1}");
    assert_int_equal(filter(buf_view(&body), 60000, (struct spool_options){0}, &t, &text, NULL, NULL), OK);
    assert_true(text.len < 200 && str_ends(buf_view(&text), STR(",\"n\":1}")));
    assert_int_equal(t.bytes.len, 3000001);
    assert_memory_equal(t.bytes.ptr, body.ptr + 8, 3000000);
    buf_done(&body);
    buf_done(&text);
    buf_done(&t.bytes);
}

/* --- nodes --- */

static void nodes(void **state) {
#define NODE "{\"$spool\":3,\"bytes\":70000,\"head\":\"iVBO\\n\"}"
    struct arena a = {0};
    struct json *j;
    struct buf b = {};
    assert_int_equal(json_parse_how(STR("{\"a\":[" NODE "],\"b\":1}"), JSON_SPOOLS, &a, NULL, NULL, &j), OK);
    const struct json *n = json_at(json_get(j, "a"), 0);
    uint32_t id = 0, bytes = 0;
    struct str head = {0};
    assert_true(json_as_spool(n, &id, &bytes, &head));
    assert_int_equal(id, 3);
    assert_int_equal(bytes, 70000);
    assert_true(str_is(head, "iVBO\n"));
    assert_false(json_as_str(n, &head));
    assert_null(json_get(n, "$spool"));
    json_write(&b, j);
    assert_true(str_is(buf_view(&b), "{\"a\":[" NODE "],\"b\":1}"));
    buf_clear(&b);
    /* Without the flag, and in everybody else's spelling, it is plain data, and is never written so that it could be taken for a node. */
    assert_int_equal(json_parse(STR(NODE), &a, NULL, &j), OK);
    assert_true(json_is(j, JSON_OBJECT) && j->count == 3);
    json_write(&b, j);
    assert_true(str_starts(buf_view(&b), STR("{\"\\u0024spool\":3")));
    assert_int_equal(json_parse_how(buf_view(&b), JSON_SPOOLS, &a, NULL, NULL, &j), OK);
    assert_true(json_is(j, JSON_OBJECT) && json_get(j, "$spool"));
    static const char *const bad[] = {"{\"$spool\":}", "{\"$spool\":99999999999,\"bytes\":1,\"head\":\"\"}", "{\"$spool\":1}", "{\"$spool\":1,\"bytes\":1,\"head\":1}",
                                      "{\"$spool\":1,\"bytes\":1,\"head\":\"\",\"x\":1}", "{\"$spool\":"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(json_parse_how(str_of(bad[i]), JSON_SPOOLS, &a, NULL, NULL, &j), E_BAD_JSON);
    buf_done(&b);
    arena_done(&a);
}

/* --- repairs --- */

static void repairs(void **state) {
    static const struct { const char *in, *out; uint32_t count; } rows[] = {
        {"{\"a\":1,\"b\":2,\"a\":[3]}", "{\"a\":[3],\"b\":2}", 1},
        {"{\"a\":1,\"a\":2,\"a\":3}", "{\"a\":3}", 2},
        {"{\"\":1,\"\":2}", "{\"\":2}", 1},
        {"[{\"x\":{\"a\":1,\"a\":2}}]", "[{\"x\":{\"a\":2}}]", 1},
        {"[\"\\ud83d\",\"\\ude00\",\"\\ud83d\\u0041\",\"\\ud83d\\ude00\"]", "[\"\xef\xbf\xbd\",\"\xef\xbf\xbd\",\"\xef\xbf\xbd" "A\",\"\xf0\x9f\x98\x80\"]", 3},
        {"[\"a\\u0000b\"]", "[\"a\xef\xbf\xbd" "b\"]", 1},
        {"[\"a\xff\xc3\",\"\xed\xa0\x80\",\"\xc3\xa4\"]", "[\"a\xef\xbf\xbd\xef\xbf\xbd\",\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"\xc3\xa4\"]", 5},
        {"{\"k\xff\":1,\"k\\udc00\":2}", "{\"k\xef\xbf\xbd\":2}", 3},
        {"\xef\xbb\xbf{\"a\":1}", "{\"a\":1}", 1},
        {"{\"a\":1.50,\"b\":[]}", "{\"a\":1.50,\"b\":[]}", 0},
    };
    static const char *const still_bad[] = {"{\"a\":1,}", "[\"\\x\"]", "[01]", "[\"a\nb\"]", "{\"a\":1} x", "", "[\"\\u12\"]", "[nul]"};
    struct arena a = {0};
    struct json *j;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b = {};
        uint32_t count = 99;
        struct why why = {0};
        if (json_parse_how(str_of(rows[i].in), JSON_REPAIR, &a, &why, &count, &j)) fail_msg("%s: %s", rows[i].in, why_text(&why));
        json_write(&b, j);
        if (!str_is(buf_view(&b), rows[i].out) || count != rows[i].count) fail_msg("%s: %s, %u repairs", rows[i].in, b.ptr, count);
        if (rows[i].count) assert_int_equal(json_parse(str_of(rows[i].in), &a, NULL, &j), E_BAD_JSON);
        buf_done(&b);
    }
    for (size_t i = 0; i < sizeof still_bad / sizeof *still_bad; i++)
        assert_int_equal(json_parse_how(str_of(still_bad[i]), JSON_REPAIR, &a, NULL, NULL, &j), E_BAD_JSON);
    arena_done(&a);
}

/* The bounds hold in repair too, and a large object with many equal keys costs no more than sorting. */
static void repair_bounds(void **state) {
    struct arena a = {0};
    struct json *j;
    struct buf b = {};
    uint32_t count = 0;
    int64_t v = 0;
    for (int i = 0; i <= LIMIT_JSON_DEPTH; i++) buf_c(&b, '[');
    assert_int_equal(json_parse_how(buf_view(&b), JSON_REPAIR, &a, NULL, NULL, &j), E_LIMIT);
    buf_clear(&b);
    buf_c(&b, '{');
    for (int i = 0; i < 50000; i++) buf_printf(&b, "%s\"k%d\":%d", i ? "," : "", i % 1000, i);
    buf_c(&b, '}');
    assert_int_equal(json_parse_how(buf_view(&b), JSON_REPAIR, &a, NULL, &count, &j), OK);
    assert_int_equal(j->count, 1000);
    assert_int_equal(count, 49000);
    assert_true(json_as_i64(json_get(j, "k7"), &v) && v == 49007);
    assert_true(str_is(j->child->key, "k0"));
    buf_done(&b);
    arena_done(&a);
}

/* --- decoding --- */

static void decodes(void **state) {
    static const struct { enum decode_as as; const char *in, *out, *type; } rows[] = {
        {DECODE_BASE64, "", "", ""}, {DECODE_BASE64, "Zg==", "f", ""}, {DECODE_BASE64, "Zm8=", "fo", ""}, {DECODE_BASE64, "Zm9v", "foo", ""},
        {DECODE_BASE64, "Zg", "f", ""}, {DECODE_BASE64, "Zm8", "fo", ""}, {DECODE_BASE64, "Zm9vYmFy", "foobar", ""}, {DECODE_BASE64, " Zm9v\r\nYm\tFy\n", "foobar", ""},
        {DECODE_BASE64, "-_-_+/+/", "\xfb\xff\xbf\xfb\xff\xbf", ""}, {DECODE_BASE64, "Zg==\n", "f", ""}, {DECODE_BASE64, "Zg=", "f", ""},
        {DECODE_HEX, "666f6F", "foo", ""}, {DECODE_HEX, "66 6f\n6f", "foo", ""}, {DECODE_HEX, "", "", ""},
        {DECODE_RAW, "any \"text\"", "any \"text\"", ""},
        {DECODE_DATA_URI, "data:image/png;base64,Zm9v", "foo", "image/png"}, {DECODE_DATA_URI, "DATA:;base64,Zm9v", "foo", ""}, {DECODE_DATA_URI, "data:,a%20b%2C", "a b,", ""},
        {DECODE_DATA_URI, "data:audio/mpeg;codecs=x;base64,Zm8", "fo", "audio/mpeg"}, {DECODE_DATA_URI, "data:text/plain,x,y", "x,y", "text/plain"},
    };
    static const struct { enum decode_as as; const char *in, *says; } bad[] = {
        {DECODE_BASE64, "Zm9vY", "within a byte"}, {DECODE_BASE64, "Zm9!", "byte 3"}, {DECODE_BASE64, "Zg==Zg==", "byte 4"}, 
        {DECODE_BASE64, "Z===", "byte 1"}, {DECODE_BASE64, "Zm\xc3\xa4", "byte 2"}, {DECODE_HEX, "666", "within a byte"}, {DECODE_HEX, "6g", "byte 1"},
        {DECODE_DATA_URI, "data:image/png;base64", "comma"}, {DECODE_DATA_URI, "image/png,xx", "data:"}, {DECODE_DATA_URI, "data:,%2", "within a byte"}, {DECODE_DATA_URI, "data:,%zz", "data URI"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t step = 1; step < 12; step++) {
            struct decoder d;
            struct buf out = {};
            struct why why = {0};
            decoder_begin(&d, rows[i].as);
            for (struct str rest = str_of(rows[i].in); rest.len; rest = str_skip(rest, step))
                if (decoder_feed(&d, str_head(rest, step), &out, &why)) fail_msg("%s: %s", rows[i].in, why_text(&why));
            if (decoder_end(&d, &out, &why)) fail_msg("%s: %s", rows[i].in, why_text(&why));
            if (!str_is(buf_view(&out), rows[i].out)) fail_msg("%s in steps of %zu: %s", rows[i].in, step, out.ptr);
            assert_string_equal(d.type, rows[i].type);
            buf_done(&out);
        }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct decoder d;
        struct buf out = {};
        struct why why = {0};
        decoder_begin(&d, bad[i].as);
        err e = decoder_feed(&d, str_of(bad[i].in), &out, &why);
        if (!e) e = decoder_end(&d, &out, &why);
        if (e != E_INVALID || !strstr(why_text(&why), bad[i].says)) fail_msg("%s: %s", bad[i].in, why_text(&why));
        buf_done(&out);
    }
}

static void guesses(void **state) {
    assert_int_equal(decode_guess(STR("data:image/png;base64,iVBO")), DECODE_DATA_URI);
    assert_int_equal(decode_guess(STR("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk")), DECODE_BASE64);
    assert_int_equal(decode_guess(STR("fffb90c4000000000000000000000000000000000000000049")), DECODE_HEX);
    assert_int_equal(decode_guess(STR("It is a long text, with commas.")), DECODE_RAW);
    assert_int_equal(decode_guess(STR("https://example.net/a")), DECODE_RAW);
    assert_int_equal(decode_guess((struct str){}), DECODE_RAW);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters), cmocka_unit_test(refuses), cmocka_unit_test(whole_bodies), cmocka_unit_test(long_string), cmocka_unit_test(nodes),
        cmocka_unit_test(repairs), cmocka_unit_test(repair_bounds), cmocka_unit_test(decodes), cmocka_unit_test(guesses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
