/* The parts of the server that are pure: what bodies are held against, forms, signatures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "twin/wire.h"

#include <stdio.h>

static void test_check(void **state) {
    static const char words[] = "prompt*:s1..5 n:i1..4 ratio:s=16:9|9:16 seconds:d3..15|auto on:b url:u list:U1..2 scale:n0..1 size:z any:o area:z100..400|square";
    static const struct { const char *body; int fault; const char *field; } rows[] = {
        {"{\"prompt\":\"x\"}", -1, ""},
        {"{\"prompt\":\"x\",\"n\":4,\"ratio\":\"16:9\",\"seconds\":\"15\",\"on\":true,\"url\":\"https://a\",\"list\":[\"data:x\",\"http://b\"],\"scale\":0.5,\"size\":{},\"any\":[1]}", -1, ""},
        {"{\"prompt\":\"x\",\"seconds\":\"auto\",\"n\":null}", -1, ""},
        {"{\"prompt\":\"\\u00e4\\u00f6\\u00fc\\u00df\\u00e9\"}", -1, ""}, /* characters, not bytes */
        {"{}", FAULT_MISSING, "prompt"},
        {"{\"prompt\":null}", FAULT_MISSING, "prompt"},
        {"{\"prompt\":7}", FAULT_TYPE, "prompt"},
        {"{\"prompt\":\"\"}", FAULT_VALUE, "prompt"},
        {"{\"prompt\":\"sixsix\"}", FAULT_VALUE, "prompt"},
        {"{\"prompt\":\"x\",\"n\":\"2\"}", FAULT_TYPE, "n"},
        {"{\"prompt\":\"x\",\"n\":1.5}", FAULT_TYPE, "n"},
        {"{\"prompt\":\"x\",\"n\":0}", FAULT_VALUE, "n"},
        {"{\"prompt\":\"x\",\"n\":5}", FAULT_VALUE, "n"},
        {"{\"prompt\":\"x\",\"ratio\":\"1:1\"}", FAULT_VALUE, "ratio"},
        {"{\"prompt\":\"x\",\"ratio\":16}", FAULT_TYPE, "ratio"},
        {"{\"prompt\":\"x\",\"seconds\":5}", FAULT_TYPE, "seconds"},
        {"{\"prompt\":\"x\",\"seconds\":\"2\"}", FAULT_VALUE, "seconds"},
        {"{\"prompt\":\"x\",\"seconds\":\"5s\"}", FAULT_VALUE, "seconds"},
        {"{\"prompt\":\"x\",\"on\":\"true\"}", FAULT_TYPE, "on"},
        {"{\"prompt\":\"x\",\"url\":\"ftp://a\"}", FAULT_TYPE, "url"},
        {"{\"prompt\":\"x\",\"url\":[\"https://a\"]}", FAULT_TYPE, "url"},
        {"{\"prompt\":\"x\",\"list\":\"https://a\"}", FAULT_TYPE, "list"},
        {"{\"prompt\":\"x\",\"list\":[]}", FAULT_VALUE, "list"},
        {"{\"prompt\":\"x\",\"list\":[\"http://a\",\"http://b\",\"http://c\"]}", FAULT_VALUE, "list"},
        {"{\"prompt\":\"x\",\"scale\":2}", FAULT_VALUE, "scale"},
        {"{\"prompt\":\"x\",\"size\":5}", FAULT_TYPE, "size"},
        {"{\"prompt\":\"x\",\"area\":{\"width\":10,\"height\":40}}", -1, ""},
        {"{\"prompt\":\"x\",\"area\":\"square\"}", -1, ""},
        {"{\"prompt\":\"x\",\"area\":\"landscape\"}", FAULT_VALUE, "area"},
        {"{\"prompt\":\"x\",\"area\":{\"width\":10,\"height\":41}}", FAULT_VALUE, "area"},
        {"{\"prompt\":\"x\",\"area\":{\"width\":-10,\"height\":-10}}", FAULT_VALUE, "area"},
        {"{\"prompt\":\"x\",\"area\":{\"width\":10}}", FAULT_VALUE, "area"},
        {"{\"prompt\":\"x\",\"more\":1}", FAULT_UNKNOWN, "more"},
        {"[]", FAULT_TYPE, "body"},
        {"\"x\"", FAULT_TYPE, "body"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a = {};
        struct json *j;
        struct fault f = {.what = -1};
        assert_int_equal(json_parse(str_of(rows[i].body), &a, NULL, &j), OK);
        bool good = check_only(j, words, &f);
        if (good != (rows[i].fault < 0) || (!good && ((int)f.what != rows[i].fault || strcmp(f.field, rows[i].field)))) fail_msg("%s: %d %s %s", rows[i].body, f.what, f.field, f.sentence);
        if (rows[i].fault == FAULT_UNKNOWN) assert_true(check(j, words, &f));
        arena_done(&a);
    }
    struct fault f;
    assert_false(check(NULL, words, &f));
}

#define TYPE "multipart/form-data; boundary=b1"
static void test_parts(void **state) {
    struct part p[3];
    struct str form = STR("--b1\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na \r\n-- boat\r\n"
                          "--b1\r\nContent-Type: image/png\r\nContent-Disposition: form-data; filename=\"a.png\"; name=\"image[]\"\r\n\r\n\x89PNG\0\r\n\r\n"
                          "--b1\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--b1--\r\n");
    assert_int_equal(parts_read(STR(TYPE), form, p, 3), 3);
    assert_true(str_is(p[0].name, "prompt") && str_is(p[0].bytes, "a \r\n-- boat") && !p[0].filename.len);
    assert_true(str_is(p[1].name, "image[]") && str_is(p[1].filename, "a.png") && str_is(p[1].type, "image/png") && p[1].bytes.len == 7);
    assert_true(str_is(p[2].name, "empty") && !p[2].bytes.len);
    assert_int_equal(parts_read(STR("multipart/form-data; boundary=\"b1\""), form, p, 3), 3);
    static const char *const bad[][2] = {{TYPE, ""}, {TYPE, "--b1"}, {TYPE, "--b1\r\n"}, {TYPE, "--b2\r\n\r\nx\r\n--b2--"}, {TYPE, "--b1\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nnever ends"},
                                         {"application/json", "--b1--"}, {"multipart/form-data", "--b1--"}, {"multipart/form-data; boundary=", "----"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parts_read(str_of(bad[i][0]), str_of(bad[i][1]), p, 3) >= 0) fail_msg("%s | %s", bad[i][0], bad[i][1]);
    assert_int_equal(parts_read(STR(TYPE), STR("--b1--"), p, 3), 0);
    /* cut anywhere it is no form, and nothing beyond it is read */
    for (size_t n = 0; n + 4 < form.len; n++) assert_int_equal(parts_read(STR(TYPE), str_head(form, n), p, 3), -1);
}

/* The vectors of Standard Webhooks and of Kling's documents. */
static void test_signatures(void **state) {
    struct arena a = {};
    static const struct { const char *secret; const char *id; msec at; const char *body, *want; } rows[] = {
        {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{\"test\": 2432232314}", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct signer_keys k = {};
        struct str key;
        assert_true(base64_read(str_of(rows[i].secret), &a, &key));
        memcpy(k.hmac, key.ptr, key.len);
        k.hmac_len = key.len;
        assert_true(str_is(sign_standard(&k, str_of(rows[i].id), rows[i].at * 1000, str_of(rows[i].body), &a), rows[i].want));
    }
    arena_done(&a);
}

static void test_tokens(void **state) {
    static const char vector[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJBS3Rlc3QwMDAxIiwiZXhwIjoxODAwMDAxODAwLCJuYmYiOjE3OTk5OTk5OTV9.KAplryQbBd9_f4i_p8mwasT0P6-fCtSJrD8EMr-zXJ4";
    struct arena a = {};
    const char *problem;
    struct str secret = STR("SKtest-secret-0001");
    assert_true(jwt_check(str_of(vector), secret, 1800000000000, &a, &problem));
    assert_false(jwt_check(str_of(vector), STR("another"), 1800000000000, &a, &problem));
    assert_false(jwt_check(str_of(vector), secret, 1799999994000, &a, &problem)); /* too early */
    assert_false(jwt_check(str_of(vector), secret, 1800001800000, &a, &problem)); /* too late */
    for (size_t i = 0; i + 1 < sizeof vector; i++) { /* no byte may change */
        char text[sizeof vector];
        memcpy(text, vector, sizeof vector);
        text[i] = text[i] == 'A' ? 'Q' : 'A';
        if (text[i] != vector[i] && jwt_check(str_of(text), secret, 1800000000000, &a, &problem)) fail_msg("byte %zu", i);
    }
    static const char *const bad[] = {"", ".", "..", "a.b", "a.b.c", "e30.e30.", "....", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(jwt_check(str_of(bad[i]), secret, 0, &a, &problem));
    arena_done(&a);
}

static void test_base64(void **state) {
    struct arena a = {};
    struct str out;
    static const char *const bad[] = {"", "A", "AAA", "AA!=", "====", "A===", "AAAA\n"};
    assert_true(base64_read(STR("aGVsbG8="), &a, &out) && str_is(out, "hello"));
    assert_true(str_is(base64_of(STR("hello"), &a), "aGVsbG8="));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (base64_read(str_of(bad[i]), &a, &out)) fail_msg("%s", bad[i]);
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_check), cmocka_unit_test(test_parts), cmocka_unit_test(test_signatures), cmocka_unit_test(test_tokens), cmocka_unit_test(test_base64)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
