#include "ops/notary.h"

#include "base/arena.h"
#include "base/hash.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* As somebody else would: with what is published and nothing else. */
static bool verifies(struct str jws, struct str keys, int which, struct arena *a, struct str *payload) {
    struct json *set = NULL;
    assert_int_equal(json_parse(keys, a, NULL, &set), OK);
    const struct json *key = json_get(set, "keys")->child;
    for (int i = 0; i < which; i++) key = key->next;
    struct str x, head, rest, body, sig;
    assert_true(json_as_str(json_get(key, "x"), &x));
    if (!str_cut(jws, '.', &head, &rest) || !str_cut(rest, '.', &body, &sig)) return false;
    uint8_t public[64], signature[128], *text = arena_bytes(a, body.len + 4);
    size_t n, public_n, text_n;
    if (sig.len > 100 || !base64url_decode(x, public, &public_n) || !base64url_decode(sig, signature, &n) || !base64url_decode(body, text, &text_n)) return false;
    *payload = str_n((const char *)text, text_n);
    return n == crypto_sign_BYTES && public_n == crypto_sign_PUBLICKEYBYTES &&
           crypto_sign_verify_detached(signature, (const uint8_t *)jws.ptr, (size_t)(sig.ptr - jws.ptr) - 1, public) == 0;
}

static void signs_so_that_others_can_check(void **state) {
    struct notary *n = notary_create(STR("master"));
    struct arena a = {};
    struct buf jws = {}, keys = {};
    struct str payload;
    buf_z(&jws, "before"); /* it is appended */
    size_t from = jws.len;
    notary_sign(n, STR("{\"sha256\":\"ab\"}"), &jws);
    notary_keys(n, &keys);
    struct str signed_text = str_skip(buf_view(&jws), from);
    assert_true(verifies(signed_text, buf_view(&keys), 0, &a, &payload));
    assert_true(str_is(payload, "{\"sha256\":\"ab\"}"));
    for (size_t i = from; i < jws.len; i++) { /* no byte of it can be another, the last one's spare bits aside */
        char was = jws.ptr[i];
        jws.ptr[i] = was == 'A' ? 'Q' : 'A';
        if (verifies(signed_text, buf_view(&keys), 0, &a, &payload)) fail_msg("byte %zu can be changed", i - from);
        jws.ptr[i] = was;
    }
    buf_done(&jws);
    buf_done(&keys);
    arena_done(&a);
    notary_destroy(n);
}

static void goes_on_publishing_the_key_before(void **state) {
    struct notary *old = notary_create(STR("old")), *now = notary_create(STR("new"));
    struct arena a = {};
    struct buf by_old = {}, by_now = {}, keys = {};
    struct str payload;
    notary_accept(now, STR("old"));
    notary_sign(old, STR("{}"), &by_old);
    notary_sign(now, STR("{}"), &by_now);
    notary_keys(now, &keys);
    assert_true(verifies(buf_view(&by_now), buf_view(&keys), 0, &a, &payload));
    assert_true(verifies(buf_view(&by_old), buf_view(&keys), 1, &a, &payload));
    assert_false(verifies(buf_view(&by_old), buf_view(&keys), 0, &a, &payload));
    assert_false(str_eq(notary_key_id(old), notary_key_id(now)));
    buf_done(&by_old);
    buf_done(&by_now);
    buf_done(&keys);
    arena_done(&a);
    notary_destroy(old);
    notary_destroy(now);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(signs_so_that_others_can_check), cmocka_unit_test(goes_on_publishing_the_key_before)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
