/* Tables of header values and what they must be read as. */
#include "api/headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_bearer(void **state) {
    static const struct {
        const char *header, *token;
    } rows[] = {
        {"Bearer abc", "abc"},   {"bearer abc", "abc"}, {"BEARER   abc  ", "abc"},
        {"  Bearer abc", "abc"}, {"Bearer a b", "a b"}, {"Bearer", NULL},
        {"Bearer ", NULL},       {"Basic abc", NULL},   {"", NULL},
        {"Bearerabc", NULL},     {"abc", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str token = {0};
        assert_int_equal(bearer_token(str_of(rows[i].header), &token), rows[i].token != NULL);
        if (rows[i].token) assert_true(str_is(token, rows[i].token));
    }
}

static void test_prefer(void **state) {
    static const struct {
        const char *header;
        bool async, has_wait;
        int64_t wait;
    } rows[] = {
        {"", false, false, 0},
        {"respond-async", true, false, 0},
        {"Respond-Async", true, false, 0},
        {"wait=10", true, true, 10},
        {"wait = 10", true, true, 10},
        {"wait=\"7\"", true, true, 7},
        {"respond-async, wait=5", true, true, 5},
        {"wait=5;foo=bar, respond-async", true, true, 5},
        {"wait=5, wait=9", true, true, 5}, /* the first one counts */
        {"wait=0", true, true, 0},
        {"wait=591", true, true, 590},
        {"wait=99999999999999999999999", true, true, 590},
        {"wait=-1", false, false, 0},
        {"wait=", false, false, 0},
        {"wait", false, false, 0},
        {"wait=1.5", false, false, 0},
        {"return=minimal", false, false, 0},
        {",,;=,", false, false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct prefer p = prefer_parse(str_of(rows[i].header));
        assert_int_equal(p.async, rows[i].async);
        assert_int_equal(p.has_wait, rows[i].has_wait);
        assert_int_equal(p.wait_s, rows[i].wait);
    }
}

static void test_range(void **state) {
    static const struct {
        const char *header;
        int64_t size;
        enum range kind;
        int64_t from, len;
    } rows[] = {
        {"bytes=0-0", 10, RANGE_PART, 0, 1},
        {"bytes=0-9", 10, RANGE_PART, 0, 10},
        {"bytes=0-99", 10, RANGE_PART, 0, 10},
        {"bytes=3-", 10, RANGE_PART, 3, 7},
        {"Bytes= 3 - 5 ", 10, RANGE_PART, 3, 3},
        {"bytes=-3", 10, RANGE_PART, 7, 3},
        {"bytes=-30", 10, RANGE_PART, 0, 10},
        {"bytes=9-9", 10, RANGE_PART, 9, 1},
        {"bytes=10-", 10, RANGE_BEYOND, 0, 0},
        {"bytes=10-12", 10, RANGE_BEYOND, 0, 0},
        {"bytes=-0", 10, RANGE_BEYOND, 0, 0},
        {"bytes=0-", 0, RANGE_BEYOND, 0, 0},
        {"bytes=-1", 0, RANGE_BEYOND, 0, 0},
        {"bytes=99999999999999999999999-", 10, RANGE_BEYOND, 0, 0},
        {"bytes=0-99999999999999999999999", 10, RANGE_PART, 0, 10},
        {"bytes=-99999999999999999999999", 10, RANGE_PART, 0, 10},
        {"bytes=0-1,3-4", 10, RANGE_WHOLE, 0, 0},
        {"bytes=5-4", 10, RANGE_WHOLE, 0, 0},
        {"bytes=", 10, RANGE_WHOLE, 0, 0},
        {"bytes=-", 10, RANGE_WHOLE, 0, 0},
        {"bytes=a-b", 10, RANGE_WHOLE, 0, 0},
        {"bytes=1", 10, RANGE_WHOLE, 0, 0},
        {"bytes=--1", 10, RANGE_WHOLE, 0, 0},
        {"items=0-1", 10, RANGE_WHOLE, 0, 0},
        {"", 10, RANGE_WHOLE, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t from = 0, len = 0;
        assert_int_equal(range_parse(str_of(rows[i].header), rows[i].size, &from, &len), rows[i].kind);
        if (rows[i].kind != RANGE_PART) continue;
        assert_int_equal(from, rows[i].from);
        assert_int_equal(len, rows[i].len);
    }
}

static void test_etags(void **state) {
    static const struct {
        const char *header;
        bool weak_ok, listed;
    } rows[] = {
        {"\"a\"", false, true},
        {"\"b\"", false, false},
        {"\"b\", \"a\"", false, true},
        {"\"b\",\"a\"", false, true},
        {"*", false, true},
        {" * ", false, true},
        {"W/\"a\"", true, true},
        {"W/\"a\"", false, false},
        {"W/\"b\" , W/\"a\"", true, true},
        {"a", true, false},
        {"\"a", true, false},
        {"", true, false},
        {"\"\"", true, false},
        {"\"b\" a \"a\"", true, false},
        {"\"a\"x", true, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(etag_listed(str_of(rows[i].header), STR("\"a\""), rows[i].weak_ok), rows[i].listed);
}

static void test_dates(void **state) {
    msec at;
    assert_true(http_date_read(STR("Thu, 01 Jan 1970 00:00:00 GMT"), &at));
    assert_int_equal(at, 0);
    assert_true(http_date_read(STR("Sun, 06 Nov 1994 08:49:37 GMT"), &at));
    assert_int_equal(at, 784111777LL * 1000);
    for (msec t = 0; t < 4102444800LL * 1000; t += 86400LL * 1000 * 17 + 12345 * 1000) { /* what we write we read */
        struct buf b = {0};
        time_write_http(&b, t);
        assert_true(http_date_read(buf_view(&b), &at));
        assert_int_equal(at, t);
        buf_done(&b);
    }
    static const char *const bad[] = {"",
                                      "Sunday, 06-Nov-94 08:49:37 GMT",
                                      "Sun Nov  6 08:49:37 1994",
                                      "Sun, 06 Nov 1994 08:49:37 CET",
                                      "Sun, 00 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nox 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 24:49:37 GMT",
                                      "Sun, 06 Nov 1994 08:60:37 GMT",
                                      "Sun, 06 Nov 1994 08:49:37 GMTx",
                                      "Sun, 0x Nov 1994 08:49:37 GMT"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(http_date_read(str_of(bad[i]), &at));
}

static void test_idempotency_key(void **state) {
    char longest[257];
    memset(longest, 'k', 256);
    longest[256] = 0;
    assert_true(idempotency_key_ok(STR("a")));
    assert_true(idempotency_key_ok(STR("!~")));
    assert_true(idempotency_key_ok(str_n(longest, 255)));
    assert_false(idempotency_key_ok(str_n(longest, 256)));
    assert_false(idempotency_key_ok(STR("")));
    assert_false(idempotency_key_ok(STR("a b")));
    assert_false(idempotency_key_ok(STR("a\x7f")));
    assert_false(idempotency_key_ok(STR("\xc3\xa9")));
}

static void test_content_type(void **state) {
    assert_true(content_type_is_json(STR("application/json")));
    assert_true(content_type_is_json(STR("Application/JSON; charset=utf-8")));
    assert_true(content_type_is_json(STR(" application/json ;x=y")));
    assert_false(content_type_is_json(STR("text/plain")));
    assert_false(content_type_is_json(STR("application/jsonp")));
    assert_false(content_type_is_json(STR("")));
}

static void test_iso_time(void **state) {
    static const struct {
        const char *text;
        msec at; /* -1: none */
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-22", 1795305600000},
        {"2026-11-22T08:30:00Z", 1795336200000},
        {"2026-11-22t08:30:00.1239z", 1795336200123},
        {"2026-11-22T09:30:00+01:00", 1795336200000},
        {"2026-11-22T00:30:00-08:00", 1795336200000},
        {"2028-02-29", 1835395200000},
        {"2026-02-29", -1}, {"2026-13-01", -1}, {"2026-00-01", -1}, {"2026-01-00", -1}, {"2026-11-31", -1}, {"1969-12-31", -1},
        {"1970-01-01T00:00:00+01:00", -1}, {"2026-11-22T08:30:00", -1}, {"2026-11-22T24:00:00Z", -1}, {"2026-11-22T08:60:00Z", -1},
        {"2026-11-22T08:30:00.Z", -1}, {"2026-11-22T08:30:00+0100", -1}, {"2026-11-22 08:30:00Z", -1}, {"2026-11-22T", -1}, {"+026-11-22", -1},
        {"", -1}, {"now", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        msec at = -1;
        if (iso_time_read(str_of(rows[i].text), &at) != (rows[i].at >= 0) || at != rows[i].at) fail_msg("%s: %lld", rows[i].text, (long long)at);
    }
}

static void test_traceparent(void **state) {
#define IDS "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
    static const struct {
        const char *header;
        bool good;
    } rows[] = {
        {"00-" IDS "-01", true}, {"  00-" IDS "-00 ", true}, {"01-" IDS "-01", true}, {"01-" IDS "-01-more", true},
        {"00-" IDS "-01-more", false}, {"ff-" IDS "-01", false}, {"00-" IDS "-1", false}, {"00-" IDS "-0G", false}, {"00-" IDS, false},
        {"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false}, {"00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false}, {"01-" IDS "-01x", false}, {"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str out = {0};
        if (traceparent_read(str_of(rows[i].header), &out) != rows[i].good) fail_msg("%s", rows[i].header);
        if (rows[i].good) assert_int_equal(out.len, 55);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_iso_time),
        cmocka_unit_test(test_traceparent),
        cmocka_unit_test(test_bearer),       cmocka_unit_test(test_prefer), cmocka_unit_test(test_range),
        cmocka_unit_test(test_etags),        cmocka_unit_test(test_dates),  cmocka_unit_test(test_idempotency_key),
        cmocka_unit_test(test_content_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
