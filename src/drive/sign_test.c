/* Signed links and sealed tokens: what was signed comes back, and any change of any byte is refused. */
#include "drive/drive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PROJECT "01a202605fbb00000000000000000001"
#define ASSET   "01a202605fbbffffffffffffffffffff"
#define COUNT(a) (sizeof(a) / sizeof *(a))

static const msec now = 1795336200123, expires = 1795339800999;
static struct arena arena;
static struct signer *signer;

static int set_up(void **state) {
    (void)state;
    signer = signer_create(STR("master key one, 32 bytes or more"));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    signer_destroy(signer);
    arena_done(&arena);
    return 0;
}

static struct str link_to(const struct signer *s, struct str path, struct str public_url) {
    struct buf b = {};
    sign_link(s, &(struct signed_link){STR(PROJECT), STR(ASSET), path, expires}, public_url, &b);
    struct str url = arena_dup(&arena, buf_view(&b));
    buf_done(&b);
    return url;
}

/* As ops/ does: the request's path behind the route, and its query. */
static err check(const struct signer *s, struct str url, msec at, struct why *why, struct signed_link *out) {
    struct str prefix = STR("https://media.example/v1/drive/files/"), path, query;
    assert_true(str_starts(url, prefix));
    str_cut(str_skip(url, prefix.len), '?', &path, &query);
    return sign_check(s, path, query, at, &arena, why, out);
}

static struct str example(struct str path) { return link_to(signer, path, STR("https://media.example")); }

static void what_was_signed_comes_back(void **state) {
    (void)state;
    static const struct {
        struct str path;
        const char *in_url;
    } cases[] = {
        {{"media/12b5.png", 14}, "media/12b5.png"}, {{"a b/c?d#e%f&g=h+i.png", 21}, "a%20b/c%3Fd%23e%25f%26g%3Dh%2Bi.png"},
        {{"\xC3\xA4\\~-._.mp4", 11}, "%C3%A4%5C~-._.mp4"}, {{"x", 1}, "x"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str url = example(cases[i].path);
        struct signed_link l = {};
        struct why why = {};
        struct str start = arena_printf(&arena, "https://media.example/v1/drive/files/%s?exp=1795339800&kid=", cases[i].in_url);
        if (!str_starts(url, start)) fail_msg("%.*s", STR_ARG(url));
        if (check(signer, url, now, &why, &l)) fail_msg("%.*s: %s", STR_ARG(url), why_text(&why));
        assert_true(str_is(l.project, PROJECT) && str_is(l.asset, ASSET) && str_eq(l.path, cases[i].path));
        assert_int_equal(l.expires_at, 1795339800000);
    }
    assert_true(str_starts(link_to(signer, STR("x"), STR("http://127.0.0.1:8080/")), STR("http://127.0.0.1:8080/v1/drive/files/x?")));
    assert_true(str_eq(example(STR("x")), example(STR("x"))));
}

static void expiry_is_kept(void **state) {
    (void)state;
    struct str url = example(STR("x"));
    struct signed_link l = {.expires_at = 7};
    struct why why = {};
    assert_int_equal(check(signer, url, 1795339800000, &why, &l), E_BAD_SIGNATURE);
    assert_non_null(strstr(why.detail, "expired"));
    assert_int_equal(l.expires_at, 7);
    assert_int_equal(check(signer, url, INT64_MAX, &why, &l), E_BAD_SIGNATURE);
    assert_int_equal(check(signer, url, 1795339799999, &why, &l), OK);
    assert_int_equal(check(signer, url, 0, &why, &l), OK); /* the signature alone */
}

static void refused(struct str url) {
    struct signed_link l = {.expires_at = 7};
    struct why why = {};
    err e = check(signer, url, now, &why, &l);
    if (e != E_BAD_SIGNATURE) fail_msg("%s: %.*s", err_name(e), STR_ARG(url));
    assert_int_equal(l.expires_at, 7);
    assert_non_null(strstr(why.detail, "changed"));
}

static void every_changed_byte_is_refused(void **state) {
    (void)state;
    struct str url = example(STR("m\xC3\xA4 dia/12b5.png"));
    size_t from = strlen("https://media.example/v1/drive/files/");
    char *text = arena_strz(&arena, url);
    for (size_t i = from; i < url.len; i++) {
        char was = text[i];
        for (int c = 0; c < 256; c++) {
            if ((char)c == was) continue;
            text[i] = (char)c;
            refused(str_n(text, url.len));
        }
        text[i] = was;
    }
    for (size_t i = from; i < url.len; i++) { /* without each byte, and with each byte twice */
        struct str head = str_head(url, i);
        refused(arena_printf(&arena, "%.*s%s", STR_ARG(head), url.ptr + i + 1));
        refused(arena_printf(&arena, "%.*s%c%s", STR_ARG(head), url.ptr[i], url.ptr + i));
        refused(head);
    }
    struct signed_link l;
    assert_int_equal(check(signer, str_n(text, url.len), now, NULL, &l), OK);
}

static void the_query_has_one_form(void **state) {
    (void)state;
    struct str url = example(STR("a.png")), exp, kid, sig, path, query;
    str_cut(url, '?', &path, &query);
    str_cut(query, '&', &exp, &query);
    str_cut(query, '&', &kid, &sig);
    static const char *const forms[] = { /* E, K and S stand for the three parameters as they were */
        "K&S&E", "K&E&S", "E&S&K", "E&K", "E&S", "K&S",     /* another order, one is missing */
        "E&K&S&", "&E&K&S", "E&&K&S",                       /* empty ones */
        "E&K&S&download=1", "v=1&E&K&S", "E&K&x&S",         /* others */
        "E&E&K&S", "E&K&S&S", "E&K&S=", "E;K;S", "E?K&S", "",
    };
    for (size_t i = 0; i < COUNT(forms); i++) {
        struct buf changed = {};
        for (const char *c = forms[i]; *c; c++) {
            if (*c == 'E') buf_str(&changed, exp);
            else if (*c == 'K') buf_str(&changed, kid);
            else if (*c == 'S') buf_str(&changed, sig);
            else buf_c(&changed, *c);
        }
        refused(arena_printf(&arena, "%.*s?%.*s", STR_ARG(path), STR_ARG(buf_view(&changed))));
        buf_done(&changed);
    }
    /* another spelling of the same path, a later time, another link's parameters */
    struct str other = example(STR("b.png")), other_path, other_query;
    str_cut(other, '?', &other_path, &other_query);
    refused(arena_printf(&arena, "https://media.example/v1/drive/files/%%61.png%s", strchr(url.ptr, '?')));
    refused(arena_printf(&arena, "%.*s?%s", STR_ARG(path), other_query.ptr));
    refused(arena_printf(&arena, "%.*s?exp=01795339800%s", STR_ARG(path), strchr(url.ptr, '&')));
    refused(arena_printf(&arena, "%.*s?exp=9795339800%s", STR_ARG(path), strchr(url.ptr, '&')));
    struct signed_link l;
    assert_int_equal(sign_check(signer, (struct str){}, (struct str){}, now, &arena, NULL, &l), E_BAD_SIGNATURE);
}

static void each_field_is_signed(void **state) {
    (void)state;
    static const struct signed_link links[] = {
        {{PROJECT, 32}, {ASSET, 32}, {"p", 1}, 1795339800000},  {{ASSET, 32}, {PROJECT, 32}, {"p", 1}, 1795339800000},
        {{PROJECT, 32}, {PROJECT, 32}, {"p", 1}, 1795339800000}, {{PROJECT, 32}, {ASSET, 32}, {"q", 1}, 1795339800000},
        {{PROJECT, 32}, {ASSET, 32}, {"p", 1}, 1795339801000},
    };
    struct buf seen[COUNT(links)] = {};
    for (size_t i = 0; i < COUNT(links); i++) {
        sign_link(signer, &links[i], (struct str){}, &seen[i]);
        struct str mac = str_skip(buf_view(&seen[i]), seen[i].len - 42);
        for (size_t k = 0; k < i; k++) assert_false(str_ends(buf_view(&seen[k]), mac));
    }
    for (size_t i = 0; i < COUNT(links); i++) buf_done(&seen[i]);
}

static void two_keys_are_valid_during_a_rotation(void **state) {
    (void)state;
    struct signer *next = signer_create(STR("master key two")), *strange = signer_create(STR("master key three"));
    struct str old_link = example(STR("x")), new_link = link_to(next, STR("x"), STR("https://media.example"));
    struct signed_link l;
    assert_int_equal(check(next, old_link, now, NULL, &l), E_BAD_SIGNATURE);
    signer_accept(next, STR("master key one, 32 bytes or more"));
    assert_int_equal(check(next, old_link, now, NULL, &l), OK);
    assert_int_equal(check(next, new_link, now, NULL, &l), OK);
    assert_int_equal(check(signer, new_link, now, NULL, &l), E_BAD_SIGNATURE);
    assert_int_equal(check(strange, old_link, now, NULL, &l), E_BAD_SIGNATURE);
    assert_true(str_eq(link_to(next, STR("x"), STR("https://media.example")), new_link)); /* the newer one signs */

    struct buf token = {};
    struct str payload;
    token_seal(signer, "quote", STR("{}"), &token);
    assert_int_equal(token_open(next, "quote", buf_view(&token), &arena, NULL, &payload), OK);
    assert_int_equal(token_open(strange, "quote", buf_view(&token), &arena, NULL, &payload), E_BAD_SIGNATURE);
    buf_done(&token);
    signer_destroy(next);
    signer_destroy(strange);
    signer_destroy(NULL);
}

static void tokens_open_for_their_purpose(void **state) {
    (void)state;
    static const struct str payloads[] = {{"", 0}, {"x", 1}, {"{\"micros\":672000}", 17}, {"\0\xFF.\n", 4}};
    for (size_t i = 0; i < COUNT(payloads); i++) {
        struct buf b = {};
        struct str payload = {};
        buf_z(&b, "in front:"); /* it appends */
        token_seal(signer, "quote", payloads[i], &b);
        struct str token = str_skip(buf_view(&b), 9);
        assert_true(str_starts(token, STR("v1.")) && strlen(b.ptr) == b.len);
        assert_int_equal(token_open(signer, "quote", token, &arena, NULL, &payload), OK);
        assert_true(str_eq(payload, payloads[i]));
        assert_int_equal(token_open(signer, "read", token, &arena, NULL, &payload), E_BAD_SIGNATURE);
        assert_int_equal(token_open(signer, "quot", token, &arena, NULL, &payload), E_BAD_SIGNATURE);
        buf_done(&b);
    }
}

static void changed_tokens_are_refused(void **state) {
    (void)state;
    struct buf b = {};
    token_seal(signer, "quote", STR("some payload"), &b);
    struct str untouched = STR("untouched"), payload = untouched;
    for (size_t i = 0; i < b.len; i++) {
        char was = b.ptr[i];
        for (int c = 0; c < 256; c++) {
            if ((char)c == was) continue;
            b.ptr[i] = (char)c;
            if (token_open(signer, "quote", buf_view(&b), &arena, NULL, &payload) != E_BAD_SIGNATURE) fail_msg("byte %zu as 0x%02x", i, c);
        }
        b.ptr[i] = was;
        assert_int_equal(token_open(signer, "quote", str_head(buf_view(&b), i), &arena, NULL, &payload), E_BAD_SIGNATURE);
    }
    struct why why = {};
    buf_c(&b, 'A');
    assert_int_equal(token_open(signer, "quote", buf_view(&b), &arena, &why, &payload), E_BAD_SIGNATURE);
    assert_true(why.detail[0]);
    assert_true(str_eq(payload, untouched));
    buf_done(&b);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_was_signed_comes_back), T(expiry_is_kept), T(every_changed_byte_is_refused), T(the_query_has_one_form), T(each_field_is_signed),
        T(two_keys_are_valid_during_a_rotation), T(tokens_open_for_their_purpose), T(changed_tokens_are_refused),
    };
    return cmocka_run_group_tests_name("sign", tests, NULL, NULL);
}
