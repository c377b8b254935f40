/* err, str, arena, buf, money, time, id, hash and log. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/money.h"
#include "base/str.h"
#include "base/time.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void expect_text(struct buf *b, const char *want) {
    assert_string_equal(b->ptr, want);
    buf_done(b);
}

/* --- err --- */

static void errors_are_a_sound_list(void **state) {
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        const struct err_info *info = err_info((err)i);
        assert_int_equal(err_by_code(info->code), i); /* so no word stands for two outcomes */
        assert_string_equal(err_name((err)i), info->name);
        assert_true(info->http_status >= 200 && info->http_status < 600);
        assert_true((info->exit_status == 0) == (i == OK));
        assert_true(info->text[0] >= 'A' && info->text[0] <= 'Z' && info->text[strlen(info->text) - 1] == '.');
    }
    assert_int_equal(OK, 0);
    assert_int_equal(err_by_code("no such word"), E_INTERNAL);
}

static void why_is_filled_once_and_fits(void **state) {
    (void)state;
    assert_int_equal(why_set(NULL, E_INVALID, "x"), E_INVALID);
    struct why why = {};
    why.code = E_AGAIN;
    assert_string_equal(why_text(&why), err_info(E_AGAIN)->text);
    assert_int_equal(why_set(&why, E_INVALID, "%s is %d.", "this", 7), E_INVALID);
    assert_string_equal(why_text(&why), "this is 7.");
    assert_int_equal(why_set(&why, E_IO, "Then: %s", why.detail), E_IO); /* its own sentence as an argument */
    assert_string_equal(why_text(&why), "Then: this is 7.");
    assert_int_equal(why.code, E_IO);
    char longer[2000];
    for (size_t shift = 0; shift < 4; shift++) { /* a cut never splits a character */
        struct buf b = {};
        for (size_t i = 0; i < shift; i++) buf_c(&b, 'x');
        while (b.len < sizeof longer - 8) buf_z(&b, "\xF0\x9F\x98\x80");
        why_set(&why, E_INVALID, "%s", b.ptr);
        size_t n = strlen(why.detail);
        assert_true(n < sizeof why.detail && n > sizeof why.detail - 5);
        assert_true(str_is_utf8(str_of(why.detail)));
        buf_done(&b);
    }
}

static void facts_are_json(void **state) {
    (void)state;
    struct why why = {};
    why_fact_int(NULL, "a", 1);
    why_fact_str(NULL, "a", "b");
    why_fact_int(&why, "required_micros", INT64_MIN);
    why_fact_str(&why, "name", "q\"u\\o\nte\xC3\xA4");
    why_fact_str(&why, "broken", "\xFF");
    assert_string_equal(why.facts, "\"required_micros\":-9223372036854775808,\"name\":\"q\\\"u\\\\ote\xC3\xA4\"");
    char huge[400];
    memset(huge, 'x', sizeof huge);
    huge[399] = 0;
    why_fact_str(&why, "huge", huge); /* dropped whole */
    assert_null(strstr(why.facts, "huge"));
    for (int i = 0; i < 100; i++) why_fact_int(&why, "many", i);
    struct buf b = {};
    buf_printf(&b, "[{%s}]", why.facts);
    assert_true(strlen(why.facts) < sizeof why.facts);
    assert_true(str_ends(buf_view(&b), STR("}]")));
    for (char *p = b.ptr; (p = strstr(p, "\"many\":")); p += 7) assert_true(p[7] >= '0' && p[7] <= '9');
    buf_done(&b);
}

/* True when `fn` ended its process by the abort of must(). */
static bool aborts(void (*fn)(void)) {
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 2);
        signal(SIGABRT, SIG_DFL);
        fn();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void break_must(void) { must(1 + 1 == 3); }
static void keep_must(void) { must(1 + 1 == 2); }
static void price_negative(void) {
    micros m;
    (void)!micros_price(-1, 1, 1, &m);
}
static void price_per_nothing(void) {
    micros m;
    (void)!micros_price(1, 1, 0, &m);
}
static void ask_unknown_err(void) { (void)err_name(ERR_COUNT); }

static void what_must_hold_ends_the_process(void **state) {
    (void)state;
    assert_true(aborts(break_must));
    assert_false(aborts(keep_must));
    assert_true(aborts(price_negative));
    assert_true(aborts(price_per_nothing));
    assert_true(aborts(ask_unknown_err));
}

/* --- str --- */

static void strings_compare_and_cut(void **state) {
    (void)state;
    struct str none = {}, head, rest;
    assert_true(str_eq(none, STR("")));
    assert_true(str_is(STR("ab"), "ab") && !str_is(STR("ab"), "abc") && !str_is(STR("a\0b"), "a"));
    assert_true(str_cmp(STR("a"), STR("b")) < 0 && str_cmp(STR("b"), STR("a")) > 0 && str_cmp(STR("a"), STR("a")) == 0);
    assert_true(str_cmp(STR("a"), STR("ab")) < 0 && str_cmp(none, STR("a")) < 0 && str_cmp(STR("\xFF"), STR("a")) > 0);
    assert_true(str_ieq(STR("Content-TYPE"), STR("content-type")) && !str_ieq(STR("[a"), STR("{a")));
    assert_true(str_starts(STR("abc"), STR("ab")) && !str_starts(STR("a"), STR("ab")) && str_starts(none, none));
    assert_true(str_ends(STR("abc"), STR("bc")) && !str_ends(STR("c"), STR("bc")) && str_ends(STR("x"), none));
    assert_true(str_is(str_skip(STR("abc"), 1), "bc") && str_skip(STR("abc"), 9).len == 0 && str_skip(none, 3).len == 0);
    assert_true(str_is(str_head(STR("abc"), 2), "ab") && str_head(STR("abc"), 9).len == 3);
    assert_true(str_is(str_trim(STR(" \t a b\t ")), "a b") && str_trim(STR(" \t")).len == 0);
    assert_true(str_cut(STR("a=b=c"), '=', &head, &rest) && str_is(head, "a") && str_is(rest, "b=c"));
    assert_true(str_cut(STR("a="), '=', &head, &rest) && str_is(head, "a") && rest.len == 0);
    assert_true(!str_cut(STR("abc"), '=', &head, &rest) && str_is(head, "abc") && rest.len == 0);
    assert_true(!str_cut(none, '=', &head, &rest) && head.len == 0 && rest.len == 0);
    assert_true(str_eq_secret(STR("abc"), STR("abc")) && str_eq_secret(none, STR("")));
    assert_false(str_eq_secret(STR("abc"), STR("abd")) || str_eq_secret(STR("abc"), STR("ab")) || str_eq_secret(STR("xbc"), STR("abc")));
}

static void whole_numbers_read_strictly(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } cases[] = {
        {"0", true, 0}, {"-0", true, 0}, {"17", true, 17}, {"-17", true, -17}, {"007", true, 7}, {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN}, {"9223372036854775808", false, 0}, {"-9223372036854775809", false, 0},
        {"99999999999999999999", false, 0}, {"", false, 0}, {"-", false, 0}, {"+1", false, 0}, {" 1", false, 0}, {"1 ", false, 0}, {"1.0", false, 0},
        {"0x1", false, 0}, {"--1", false, 0}, {"1-", false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t v = 99;
        bool ok = str_to_i64(str_of(cases[i].text), &v);
        if (ok != cases[i].ok || v != (ok ? cases[i].want : 99)) fail_msg("\"%s\" reads as %lld", cases[i].text, (long long)v);
    }
}

static void utf8_is_told_from_the_rest(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        size_t points;
    } cases[] = {
        {"", true, 0}, {"abc", true, 3}, {"\xC2\x80", true, 1}, {"\xDF\xBF", true, 1}, {"\xE0\xA0\x80", true, 1}, {"\xED\x9F\xBF", true, 1},
        {"\xEE\x80\x80", true, 1}, {"\xEF\xBF\xBF", true, 1}, {"\xF0\x90\x80\x80", true, 1}, {"\xF4\x8F\xBF\xBF", true, 1},
        {"a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z", true, 5}, {"\x80", false, 0}, {"\xBF", false, 0}, {"\xC0\x80", false, 0}, {"\xC1\xBF", false, 0},
        {"\xC2", false, 0}, {"\xC2\x41", false, 0}, {"\xE0\x9F\xBF", false, 0}, {"\xE2\x82", false, 0}, {"\xED\xA0\x80", false, 0},
        {"\xED\xBF\xBF", false, 0}, {"\xF0\x8F\xBF\xBF", false, 0}, {"\xF0\x9F\x98", false, 0}, {"\xF4\x90\x80\x80", false, 0},
        {"\xF5\x80\x80\x80", false, 0}, {"\xFE", false, 0}, {"\xFF", false, 0}, {"ok\xC3", false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (str_is_utf8(str_of(cases[i].text)) != cases[i].ok) fail_msg("case %zu", i);
        if (cases[i].ok) assert_int_equal(str_code_points(str_of(cases[i].text)), cases[i].points);
    }
    assert_int_equal(utf8_length((const unsigned char *)"", 0), 0);
    struct str text = STR("a\xC3\xA4\xE4\xB8\x96\xF0\x9F\x98\x80z");
    static const size_t heads[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t n = 0; n < sizeof heads / sizeof *heads; n++) assert_int_equal(str_head_text(text, n).len, heads[n]);
}

/* --- arena, buf --- */

static void arenas_hand_out_and_forget(void **state) {
    (void)state;
    struct arena a = {};
    arena_reset(&a);
    for (size_t size = 0; size < 30000; size = size * 3 / 2 + 1) {
        char *odd = arena_bytes(&a, 3);
        memset(odd, 0xEE, 3);
        char *p = arena_alloc(&a, size);
        assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++) assert_int_equal(p[i], 0);
        memset(p, 0xEE, size); /* so that a reused byte that is not zeroed shows */
        assert_int_equal((unsigned char)odd[2], 0xEE);
    }
    assert_true(a.used > 30000);
    arena_reset(&a);
    assert_int_equal(a.used, 0);
    int64_t *numbers = arena_array(&a, int64_t, 500);
    for (int i = 0; i < 500; i++) assert_int_equal(numbers[i], 0);
    struct str s = arena_dup(&a, STR("abc"));
    assert_string_equal(s.ptr, "abc");
    assert_int_equal(arena_dup(&a, (struct str){}).len, 0);
    assert_string_equal(arena_strz(&a, str_head(STR("hello world"), 5)), "hello");
    s = arena_printf(&a, "%d-%s", 5, "x");
    assert_true(str_is(s, "5-x") && s.ptr[s.len] == 0);
    char *big = arena_bytes(&a, 100000);
    memset(big, 1, 100000);
    arena_reset(&a);
    arena_done(&a);
    assert_null(a.blocks);
    assert_string_equal(arena_strz(&a, STR("again")), "again");
    arena_done(&a);
    big = arena_bytes(&a, 100000); /* the only block is a large one: not kept */
    memset(big, 1, 100000);
    arena_reset(&a);
    assert_null(a.blocks);
    arena_done(&a);
}

static void buffers_grow(void **state) {
    (void)state;
    struct buf b = {};
    buf_clear(&b);
    for (int i = 0; i < 1000; i++) {
        buf_c(&b, 'a');
        assert_int_equal(b.ptr[b.len], 0);
    }
    assert_int_equal(strlen(b.ptr), 1000);
    buf_clear(&b);
    assert_string_equal(b.ptr, "");
    buf_str(&b, (struct str){});
    buf_str(&b, STR("x"));
    buf_z(&b, "yz");
    buf_i64(&b, 0);
    buf_c(&b, ' ');
    buf_i64(&b, INT64_MIN);
    buf_c(&b, ' ');
    buf_i64(&b, INT64_MAX);
    assert_string_equal(b.ptr, "xyz0 -9223372036854775808 9223372036854775807");
    buf_clear(&b);
    for (int n = 250; n < 260; n++) { /* around the first size */
        struct buf c = {};
        buf_printf(&c, "%*d|", n, 7);
        assert_int_equal(c.len, n + 1);
        assert_int_equal(c.ptr[n], '|');
        buf_add(&c, "tail", 4);
        assert_true(str_ends(buf_view(&c), STR("|tail")));
        buf_done(&c);
    }
    buf_done(&b);
    assert_null(b.ptr);
}

static void scopes_release(void **state) {
    (void)state;
    int kept, closed;
    {
        _cleanup_(closep) int fd = open("/dev/null", O_RDONLY);
        _cleanup_(closep) int other = open("/dev/null", O_RDONLY);
        closed = fd;
        kept = TAKE_FD(other);
        assert_int_equal(other, -1);
        _cleanup_(freep) char *p = malloc(8);
        char *q = TAKE(p);
        assert_null(p);
        free(q);
    }
    assert_int_equal(fcntl(closed, F_GETFD), -1);
    assert_int_not_equal(fcntl(kept, F_GETFD), -1);
    close(kept);
}

/* --- money --- */

static void sums_are_checked(void **state) {
    (void)state;
    micros m = 7;
    assert_int_equal(micros_add(1, 2, &m), OK);
    assert_int_equal(m, 3);
    assert_int_equal(micros_sub(1, 2, &m), OK);
    assert_int_equal(m, -1);
    assert_int_equal(micros_add(INT64_MAX, 1, &m), E_LIMIT);
    assert_int_equal(micros_sub(INT64_MIN, 1, &m), E_LIMIT);
    assert_int_equal(m, -1);
}

static void prices_round_up_once(void **state) {
    (void)state;
    static const struct {
        micros rate;
        int64_t quantity, unit;
        err e;
        micros want;
    } cases[] = {
        {134400, 5000, 1000, OK, 672000}, {201600, 5000, 1000, OK, 1008000}, {10000, 1, 1, OK, 10000}, {0, 5, 1, OK, 0}, {5, 0, 1, OK, 0},
        {1, 1, 1000, OK, 1}, {1, 1000, 1000, OK, 1}, {1, 1001, 1000, OK, 2}, {3, 333, 1000, OK, 1}, {3, 334, 1000, OK, 2}, {7, 999999, 1000000, OK, 7},
        {7, 1000001, 1000000, OK, 8}, {MICROS_MAX, 1, 1, OK, MICROS_MAX}, {MICROS_MAX, 2, 2, OK, MICROS_MAX}, {MICROS_MAX, 2, 1, E_LIMIT, 0},
        {MICROS_MAX, INT64_MAX, 1, E_LIMIT, 0}, {INT64_MAX, INT64_MAX, 1, E_LIMIT, 0}, {INT64_MAX, INT64_MAX, INT64_MAX, E_LIMIT, 0},
        {1, INT64_MAX, INT64_MAX, OK, 1}, {1, 1, INT64_MAX, OK, 1}, {MICROS_MAX, 1000001, 1000000, E_LIMIT, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        micros m = -7;
        err e = micros_price(cases[i].rate, cases[i].quantity, cases[i].unit, &m);
        if (e != cases[i].e || m != (e ? -7 : cases[i].want)) fail_msg("case %zu: %s, %lld", i, err_name(e), (long long)m);
    }
}

static void amounts_write_exactly(void **state) {
    (void)state;
    static const struct {
        micros m;
        const char *usd, *credits;
    } cases[] = {
        {0, "0", "0"}, {672000, "0.672", "67.2"}, {1, "0.000001", "0.0001"}, {-1, "-0.000001", "-0.0001"}, {1000000, "1", "100"},
        {10000, "0.01", "1"}, {-1500000, "-1.5", "-150"}, {123456789, "123.456789", "12345.6789"}, {1000010, "1.00001", "100.001"},
        {MICROS_MAX, "1000000000", "100000000000"}, {INT64_MIN, "-9223372036854.775808", "-922337203685477.5808"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf usd = {}, credits = {};
        micros_write_usd(&usd, cases[i].m);
        micros_write_credits(&credits, cases[i].m);
        expect_text(&usd, cases[i].usd);
        expect_text(&credits, cases[i].credits);
    }
}

static void dollars_read_exactly(void **state) {
    (void)state;
    static const struct {
        const char *text;
        micros want;
    } good[] = {
        {"10", 10000000}, {"0.672", 672000}, {"0", 0}, {"-0", 0}, {"-0.5", -500000}, {"-1.000001", -1000001}, {"0.000001", 1}, {"1.5", 1500000},
        {"1.500000", 1500000}, {"1000000000", MICROS_MAX}, {"-1000000000.000000", -MICROS_MAX}, {"999999999.999999", MICROS_MAX - 1},
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        micros m = 99;
        if (micros_read_usd(str_of(good[i].text), &m) || m != good[i].want) fail_msg("%s reads as %lld", good[i].text, (long long)m);
        struct buf b = {};
        micros_write_usd(&b, m);
        micros again = 99;
        assert_int_equal(micros_read_usd(buf_view(&b), &again), OK);
        assert_int_equal(again, m);
        buf_done(&b);
    }
    static const char *const bad[] = {
        "", "-", ".", "-.", ".5", "5.", "-.5", "1.2.3", "1e3", "1E3", "+1", " 1", "1 ", "1,5", "$5", "5$", "0x1", "1.-5", "1.+5", "--1", "1.0000001",
        "0.0000000", "nan", "inf", "NaN", "1000000000.000001", "-1000000000.000001", "1000000001", "9223372036854775807", "99999999999999999999",
        "1. 5", "1.5 ", "1_0", "ten", "1.a", "\xEF\xBC\x91",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        micros m = 99;
        if (micros_read_usd(str_of(bad[i]), &m) != E_INVALID || m != 99) fail_msg("\"%s\" reads as %lld", bad[i], (long long)m);
    }
    micros m = 99;
    assert_int_equal(micros_read_usd(STR("1\0"), &m), E_INVALID);
    assert_int_equal(micros_read_usd(STR("1.\0"), &m), E_INVALID);
}

/* --- time, id --- */

static void moments_write(void **state) {
    (void)state;
    static const struct {
        msec at;
        const char *iso, *http;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT"},
        {1795336200123, "2026-11-22T08:30:00.123Z", "Sun, 22 Nov 2026 08:30:00 GMT"},
        {951782400000, "2000-02-29T00:00:00.000Z", "Tue, 29 Feb 2000 00:00:00 GMT"},
        {-1, "1969-12-31T23:59:59.999Z", "Wed, 31 Dec 1969 23:59:59 GMT"},
        {-1000, "1969-12-31T23:59:59.000Z", "Wed, 31 Dec 1969 23:59:59 GMT"},
        {253402300799999, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 GMT"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf iso = {}, http = {};
        time_write_iso(&iso, cases[i].at);
        time_write_http(&http, cases[i].at);
        expect_text(&iso, cases[i].iso);
        expect_text(&http, cases[i].http);
    }
    struct buf b = {};
    time_write_iso(&b, INT64_MAX); /* no calendar has it, but nothing breaks */
    time_write_http(&b, INT64_MIN);
    assert_true(b.len > 0);
    buf_done(&b);
}

static void ids_sort_by_age(void **state) {
    (void)state;
    uint8_t low[10] = {}, high[10];
    memset(high, 0xFF, sizeof high);
    struct id a = id_make(1795336200123, high), b = id_make(1795336200124, low);
    assert_string_equal(a.hex, "01a202605fbbffffffffffffffffffff");
    assert_true(id_is(id_str(&a)) && id_is(id_str(&b)));
    assert_true(str_cmp(id_str(&a), id_str(&b)) < 0);
    assert_true(id_is(STR("0123456789abcdef0123456789abcdef")));
    static const char *const bad[] = {"", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef0", "0123456789ABCDEF0123456789abcdef",
                                      "0123456789abcdef0123456789abcdeg", "0123456789abcdef-123456789abcdef"};
    for (size_t i = 0; i < COUNT(bad); i++) assert_false(id_is(str_of(bad[i])));
}

static void hex_goes_both_ways(void **state) {
    (void)state;
    uint8_t bytes[256], back[256];
    char hex[513];
    for (int i = 0; i < 256; i++) bytes[i] = (uint8_t)i;
    hex_encode(bytes, 256, hex);
    assert_int_equal(strlen(hex), 512);
    assert_true(hex_decode(str_of(hex), back));
    assert_memory_equal(bytes, back, 256);
    assert_true(hex_decode(STR("aBFf"), back) && back[0] == 0xAB && back[1] == 0xFF);
    assert_false(hex_decode(STR("abc"), back) || hex_decode(STR("0g"), back) || hex_decode(STR("g0"), back) || hex_decode(STR("\0\0"), back));
    hex_encode("", 0, hex);
    assert_string_equal(hex, "");
}

/* --- hash --- */

static void hashes_match_published_vectors(void **state) {
    (void)state;
    char hex[65];
    sha256_hex(STR("abc"), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_hex((struct str){}, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    uint8_t mac[SHA256_LEN];
    hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), mac); /* RFC 4231, case 2 */
    hex_encode(mac, sizeof mac, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    hmac_sha256((struct str){}, (struct str){}, mac);
    hex_encode(mac, sizeof mac, hex);
    assert_string_equal(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void streaming_hash_is_the_same(void **state) {
    (void)state;
    char data[10000];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (char)(i * 31);
    uint8_t whole[SHA256_LEN], pieces[SHA256_LEN];
    sha256(str_n(data, sizeof data), whole);
    struct hasher *h = hasher_new();
    for (size_t at = 0, n = 1; at < sizeof data; at += n, n = n * 2) {
        if (n > sizeof data - at) n = sizeof data - at;
        hasher_add(h, data + at, n);
    }
    hasher_end(h, pieces);
    assert_memory_equal(whole, pieces, SHA256_LEN);
    _cleanup_(hasher_freep) struct hasher *dropped = hasher_new();
    hasher_add(dropped, "x", 1);
}

static void base64url_has_one_spelling(void **state) {
    (void)state;
    static const struct {
        const char *bytes, *text;
    } cases[] = {{"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"},
                 {"\xFB\xFF\xBF", "-_-_"}, {"\xFF", "_w"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = strlen(cases[i].bytes), back_len = 99;
        char text[16];
        uint8_t back[16];
        base64url_encode(cases[i].bytes, n, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(strlen(text), BASE64URL_LEN(n));
        assert_true(base64url_decode(str_of(text), back, &back_len));
        assert_int_equal(back_len, n);
        assert_memory_equal(back, cases[i].bytes, n);
    }
    static const char *const bad[] = {"Z", "Zg==", "Zh", "Zm9", "Zm+v", "Zm/v", "Zm9v ", " Zm9v", "Zm9vY", "_x", "Zm\n9"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint8_t out[16];
        size_t n;
        if (base64url_decode(str_of(bad[i]), out, &n)) fail_msg("\"%s\" decodes", bad[i]);
    }
    uint8_t out[4];
    size_t n;
    assert_false(base64url_decode(STR("Z\0"), out, &n));
}

/* --- log --- */

static int64_t fixed_now(void *arg) { return *(int64_t *)arg; }

static void log_lines_are_json(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int64_t now = 1795336200123;
    struct logger l = {.fd = ends[1], .least = LOG_INFO, .now = fixed_now, .now_arg = &now};
    char quoted[64];
    log_event(NULL, LOG_ERROR, "a.b", NULL);
    log_event(&l, LOG_DEBUG, "too.quiet", NULL);
    log_event(&l, LOG_INFO, "server.start", NULL);
    log_event(&l, LOG_ERROR, "x.y", "\"n\":%d,\"s\":%s", 5, log_quote("a\"b\\c\n\x01\x7f\xC3\xA4\xFF", quoted, sizeof quoted));
    close(ends[1]);
    char text[1024] = {};
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    close(ends[0]);
    static const char want[] = "{\"ts\":\"2026-11-22T08:30:00.123Z\",\"level\":\"info\",\"ev\":\"server.start\"}\n"
                               "{\"ts\":\"2026-11-22T08:30:00.123Z\",\"level\":\"error\",\"ev\":\"x.y\",\"n\":5,"
                               "\"s\":\"a\\\"b\\\\c\\u000a\\u0001\\u007f\xC3\xA4\\ufffd\"}\n";
    assert_string_equal(text, want);
    assert_int_equal(l.dropped, 0);
}

static void a_full_log_disk_stops_nothing(void **state) {
    (void)state;
    int64_t now = 0;
    _cleanup_(closep) int full = open("/dev/full", O_WRONLY);
    assert_true(full >= 0);
    struct logger l = {.fd = full, .now = fixed_now, .now_arg = &now};
    log_event(&l, LOG_ERROR, "a.b", NULL);
    log_event(&l, LOG_ERROR, "a.b", NULL);
    assert_int_equal(l.dropped, 2);
}

static void quoting_stays_json_when_cut(void **state) {
    (void)state;
    static const char text[] = "\xF0\x9F\x98\x80\"\xC3\xA4\\\x01\xFF\xE2\x82\xAC" "end of the text";
    for (uint32_t size = 3; size < 64; size++) {
        char *out = malloc(size); /* exact, for the sanitizer */
        struct arena a = {};
        struct json *j = NULL;
        assert_ptr_equal(log_quote(text, out, size), out);
        assert_true(strlen(out) < size);
        assert_int_equal(json_parse(str_of(out), &a, NULL, &j), OK);
        assert_true(json_is(j, JSON_STRING));
        arena_done(&a);
        free(out);
    }
}

int main(void) {
#define T(name) cmocka_unit_test(name)
    const struct CMUnitTest tests[] = {
        T(errors_are_a_sound_list), T(why_is_filled_once_and_fits), T(facts_are_json), T(what_must_hold_ends_the_process),
        T(strings_compare_and_cut), T(whole_numbers_read_strictly), T(utf8_is_told_from_the_rest), T(arenas_hand_out_and_forget),
        T(buffers_grow), T(scopes_release), T(sums_are_checked), T(prices_round_up_once), T(amounts_write_exactly), T(dollars_read_exactly),
        T(moments_write), T(ids_sort_by_age), T(hex_goes_both_ways), T(hashes_match_published_vectors), T(streaming_hash_is_the_same),
        T(base64url_has_one_spelling), T(log_lines_are_json), T(a_full_log_disk_stops_nothing), T(quoting_stays_json_when_cut),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
