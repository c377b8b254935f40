#include "ops/vault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void opens_what_it_sealed(void **state) {
    struct vault *v = vault_create(STR("master"));
    struct arena a = {};
    static const uint8_t nonce[24] = {1, 2, 3};
    const char *texts[] = {"", "x", "a longer secret, with \xC3\xA4 and \n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf sealed = {};
        struct str plain;
        vault_seal(v, nonce, STR("project/NAME"), str_of(texts[i]), &sealed);
        assert_int_equal(vault_open(v, STR("project/NAME"), buf_view(&sealed), &a, &plain), OK);
        assert_true(str_is(plain, texts[i]));
        buf_done(&sealed);
    }
    arena_done(&a);
    vault_destroy(v);
}

static void refuses_what_was_changed_or_moved(void **state) {
    struct vault *v = vault_create(STR("master")), *other = vault_create(STR("another"));
    struct arena a = {};
    static const uint8_t nonce[24] = {9};
    struct buf sealed = {};
    struct str plain;
    vault_seal(v, nonce, STR("p/N"), STR("secret"), &sealed);
    assert_int_equal(vault_open(v, STR("p/M"), buf_view(&sealed), &a, &plain), E_CORRUPT);
    assert_int_equal(vault_open(v, STR("q/N"), buf_view(&sealed), &a, &plain), E_CORRUPT);
    assert_int_equal(vault_open(other, STR("p/N"), buf_view(&sealed), &a, &plain), E_CORRUPT);
    for (size_t i = 0; i < sealed.len; i++) { /* every byte matters */
        sealed.ptr[i] ^= 1;
        assert_int_equal(vault_open(v, STR("p/N"), buf_view(&sealed), &a, &plain), E_CORRUPT);
        sealed.ptr[i] ^= 1;
    }
    for (size_t n = 0; n < sealed.len; n++) assert_int_equal(vault_open(v, STR("p/N"), str_n(sealed.ptr, n), &a, &plain), E_CORRUPT);
    assert_null(memmem(sealed.ptr, sealed.len, "secret", 6));
    buf_done(&sealed);
    arena_done(&a);
    vault_destroy(v);
    vault_destroy(other);
}

static void opens_what_an_older_key_sealed_and_seals_anew(void **state) {
    struct vault *old = vault_create(STR("old")), *v = vault_create(STR("new"));
    struct arena a = {};
    static const uint8_t nonce[24] = {7};
    struct buf sealed = {}, again = {};
    struct str plain = {};
    vault_seal(old, nonce, STR("p/N"), STR("secret"), &sealed);
    assert_int_equal(vault_open(v, STR("p/N"), buf_view(&sealed), &a, &plain), E_CORRUPT);
    assert_false(vault_is_old(v, STR("p/N"), buf_view(&sealed)));
    vault_accept(v, STR("old"));
    assert_int_equal(vault_open(v, STR("p/N"), buf_view(&sealed), &a, &plain), OK);
    assert_true(str_is(plain, "secret") && vault_is_old(v, STR("p/N"), buf_view(&sealed)));
    assert_false(vault_is_old(v, STR("p/M"), buf_view(&sealed)));
    vault_seal(v, nonce, STR("p/N"), plain, &again);
    assert_false(vault_is_old(v, STR("p/N"), buf_view(&again)));
    assert_int_equal(vault_open(old, STR("p/N"), buf_view(&again), &a, &plain), E_CORRUPT);
    buf_done(&sealed);
    buf_done(&again);
    arena_done(&a);
    vault_destroy(old);
    vault_destroy(v);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(opens_what_it_sealed), cmocka_unit_test(refuses_what_was_changed_or_moved), cmocka_unit_test(opens_what_an_older_key_sealed_and_seals_anew)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
