/* The public library without a server: what it refuses before anything leaves, and what an error holds. tests/spec/0820 has the rest. */
#include <puras.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static puras *nobody(void) {
    puras_error error;
    puras *p = puras_open("http://127.0.0.1:1", "puras_live_abcdefgh.0", &error);
    assert_non_null(p);
    return p;
}

static void a_wrong_address_is_refused(void **state) {
    puras_error error;
    static const char *const bad[] = {"127.0.0.1:8080", "ftp://x", "x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(puras_open(bad[i], "k", &error));
        assert_string_equal(error.code, "invalid_argument");
        assert_null(puras_open(bad[i], "k", NULL));
    }
    assert_null(puras_open("http://127.0.0.1:1", "a key", &error));
}

static void nobody_there_is_an_error_and_outputs_stay(void **state) {
    puras *p = nobody();
    puras_error error;
    char id[33] = "untouched";
    puras_result *r = (puras_result *)id;
    puras_inputs *in = puras_inputs_new();
    puras_text(in, "prompt", "x");
    assert_false(puras_submit(p, "a/b", in, NULL, id, &error));
    assert_string_equal(id, "untouched");
    assert_string_equal(error.code, "unavailable");
    assert_true(error.can_retry && error.charged_micros == 0 && error.http_status == 0 && error.message[0]);
    assert_false(puras_run(p, "a/b", in, NULL, &r, NULL));
    assert_ptr_equal(r, id);
    puras_inputs_free(in);
    puras_close(p);
}

static void bad_inputs_do_not_leave(void **state) {
    puras *p = nobody();
    puras_error error;
    char id[33];
    puras_quote quote;
    puras_inputs *in = puras_inputs_new();
    puras_json(in, "size", "{\"width\":");
    assert_false(puras_submit(p, "a/b", in, NULL, id, &error));
    assert_string_equal(error.code, "bad_json");
    assert_string_equal(error.field, "size");
    assert_false(puras_quote_price(p, "a/b", in, &quote, &error));
    assert_string_equal(error.code, "bad_json");
    puras_json(in, "size", "{\"width\":1}"); /* replaces */
    puras_file(in, "image", "/nowhere/a.png");
    assert_false(puras_submit(p, "a/b", in, NULL, id, &error));
    assert_string_equal(error.code, "invalid_argument");
    assert_non_null(strstr(error.message, "/nowhere/a.png"));
    assert_false(puras_upload(p, "/", "a.png", &error));
    assert_non_null(strstr(error.message, "nothing charged"));
    assert_false(puras_download(p, "a.png", "/nowhere/a.png", &error));
    assert_string_equal(error.code, "io");
    puras_inputs_free(in);
    puras_inputs_free(NULL);
    puras_result_free(NULL);
    puras_close(p);
    puras_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_address_is_refused),
        cmocka_unit_test(nobody_there_is_an_error_and_outputs_stay),
        cmocka_unit_test(bad_inputs_do_not_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
