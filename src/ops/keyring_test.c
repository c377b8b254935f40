#include "ops/keyring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t nonce[24] = {5};

/* As it stands in the database; key NULL: forgotten. */
static struct provider_key record(struct vault *v, struct arena *a, const char *provider, int64_t version, const char *key) {
    struct provider_key k = {.head = {str_of(provider), version}, .updated_at = 7, .deleted_at = key ? 0 : 8};
    struct buf sealed = {};
    if (key) {
        vault_seal(v, nonce, keyring_name(str_of(provider), a), str_of(key), &sealed);
        k.sealed = arena_dup(a, buf_view(&sealed));
    }
    buf_done(&sealed);
    return k;
}

static const char *found(const struct keyring *k, const char *provider, const char *env) {
    static const char *const words[] = {[KEY_MISSING] = "missing", [KEY_SET] = "set ", [KEY_ENV] = "env ", [KEY_BROKEN] = "broken"};
    static char text[100];
    struct str key = {};
    enum key_source s = keyring_find(k, str_of(provider), str_of(env), &key);
    snprintf(text, sizeof text, "%s%.*s", words[s], STR_ARG(key));
    return text;
}

static void follows_what_is_stored(void **state) {
    struct vault *v = vault_create(STR("master")), *other = vault_create(STR("another"));
    struct keyring *k = keyring_create(v);
    struct arena a = {};
    unsetenv("PURAS_RING_TEST");
    assert_string_equal(found(k, "fal", "PURAS_RING_TEST"), "missing");
    assert_string_equal(found(k, "fal", ""), "missing");
    setenv("PURAS_RING_TEST", "from outside", 1);
    assert_string_equal(found(k, "fal", "PURAS_RING_TEST"), "env from outside");
    struct provider_key first = record(v, &a, "fal", 1, "one"), second = record(v, &a, "fal", 2, "two"), third = record(v, &a, "fal", 3, NULL);
    assert_true(keyring_put(k, &first));
    assert_string_equal(found(k, "fal", "PURAS_RING_TEST"), "set one"); /* what was set comes first */
    assert_int_equal(keyring_set_at(k, STR("fal")), 7);
    assert_true(keyring_put(k, &second));
    assert_false(keyring_put(k, &second));
    assert_false(keyring_put(k, &first)); /* read before, come after */
    assert_string_equal(found(k, "fal", ""), "set two");
    assert_string_equal(found(k, "fa", ""), "missing");
    assert_true(keyring_put(k, &third));
    assert_string_equal(found(k, "fal", "PURAS_RING_TEST"), "env from outside");
    assert_int_equal(keyring_set_at(k, STR("fal")), 0);
    struct provider_key foreign = record(other, &a, "fal", 4, "four"), moved = record(v, &a, "fal", 1, "moved");
    moved.head.id = STR("replicate");
    assert_true(keyring_put(k, &foreign) && keyring_put(k, &moved));
    assert_string_equal(found(k, "fal", "PURAS_RING_TEST"), "broken"); /* and never another's in its place */
    assert_string_equal(found(k, "replicate", ""), "broken");
    arena_done(&a);
    keyring_destroy(k);
    vault_destroy(v);
    vault_destroy(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(follows_what_is_stored)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
