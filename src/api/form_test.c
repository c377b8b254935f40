/* Forms as tables, each fed whole and byte by byte: what came out must not depend on how it was cut. */
#include "api/form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void boundaries(void **state) {
    static const struct {
        const char *type, *boundary;
    } rows[] = {
        {"multipart/form-data; boundary=abc", "abc"},
        {"Multipart/Form-Data;boundary=abc", "abc"},
        {"multipart/form-data; charset=utf-8; boundary=\"a b\"", "a b"},
        {"multipart/form-data; boundary=a;x=y", "a"},
        {"multipart/form-data; BOUNDARY=----WebKitFormBoundary7MA4", "----WebKitFormBoundary7MA4"},
        {"multipart/form-data; boundary=0123456789012345678901234567890123456789012345678901234567890123456789", "0123456789012345678901234567890123456789012345678901234567890123456789"},
        {"multipart/form-data; boundary=01234567890123456789012345678901234567890123456789012345678901234567890", NULL},
        {"multipart/form-data; boundary=", NULL},
        {"multipart/form-data; boundary=\"a", NULL},
        {"multipart/form-data; boundary=\"a \"", NULL},
        {"multipart/form-data; boundary=a*b", NULL},
        {"multipart/form-data", NULL},
        {"multipart/mixed; boundary=a", NULL},
        {"application/json", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[FORM_BOUNDARY + 1] = "";
        bool good = form_boundary(str_of(rows[i].type), out);
        if (good != (rows[i].boundary != NULL)) fail_msg("%s", rows[i].type);
        if (good) assert_string_equal(out, rows[i].boundary);
    }
}

static err on_file(void *arg, struct str name, struct str filename, struct why *why) {
    buf_printf(arg, "<%.*s>", STR_ARG(filename));
    return OK;
}
static bool on_data(void *arg, struct str piece) {
    buf_str(arg, piece);
    return piece.len < 3; /* large pieces are too much for it */
}
static err on_field(void *arg, struct str name, struct str value, struct why *why) {
    buf_printf(arg, "[%.*s=%.*s]", STR_ARG(name), STR_ARG(value));
    return str_is(value, "bad") ? why_set(why, E_BAD_PATH, "no") : OK;
}

static err feed(const char *boundary, struct str bytes, size_t step, struct buf *out) {
    struct form *f = malloc(sizeof *f);
    const struct form_sink sink = {.file = on_file, .data = on_data, .field = on_field, .arg = out};
    struct why why = {0};
    bool waits = false;
    err e = OK;
    assert_non_null(f);
    form_begin(f, boundary, &sink);
    for (size_t at = 0; at < bytes.len && !e; at += step) e = form_feed(f, str_head(str_skip(bytes, at), step), &why, &waits);
    if (!e) e = form_end(f, &why);
    if (e) assert_true(strlen(why.detail) > 1);
    free(f);
    return e;
}

#define FILE_HEAD "Content-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n"
#define PATH_HEAD "Content-Disposition: form-data; name=\"path\"\r\n\r\n"

static void forms(void **state) {
    static const struct {
        const char *form;
        err code;
        const char *out;
    } rows[] = {
        {"--b\r\n" FILE_HEAD "abc\r\n--b--\r\n", OK, "<a.png>abc"},
        {"--b\r\n" FILE_HEAD "\r\n--b--", OK, "<a.png>"},
        {"--b\r\n" FILE_HEAD "abc\r\n--b\r\n" PATH_HEAD "in/\r\n--b--\r\nepilogue --b\r\n", OK, "<a.png>abc[path=in/]"},
        {"a preamble\r\n--b \t\r\n" PATH_HEAD "x\r\n--b\r\n" FILE_HEAD "abc\r\n--b--\r\n", OK, "[path=x]<a.png>abc"},
        /* what only looks like the mark is the file's */
        {"--b\r\n" FILE_HEAD "\r\n-\r\n--\r\n--a\r\r\n--\r\r\n--b--", OK, "<a.png>\r\n-\r\n--\r\n--a\r\r\n--\r"},
        {"--b\r\n" FILE_HEAD "--b\r\n--b--", OK, "<a.png>--b"},
        {"--b\r\ncontent-disposition:form-data;filename=\"q\\\"\\\\.x\" ; name=file\r\n\r\nx\r\n--b--", OK, "<q\"\\.x>x"},
        {"--b\r\nContent-Disposition: form-data; name=file\r\n\r\nx\r\n--b--", OK, "<>x"},
        {"", E_BAD_REQUEST, ""},
        {"--b--", E_BAD_REQUEST, ""},
        {"--b\r\n" PATH_HEAD "x\r\n--b--", E_BAD_REQUEST, "[path=x]"},
        {"--b\r\n" PATH_HEAD "bad\r\n--b--", E_BAD_PATH, "[path=bad]"},
        {"--b\r\n" FILE_HEAD "abc", E_BAD_REQUEST, NULL},
        {"--b\r\n" FILE_HEAD "abc\r\n--b-", E_BAD_REQUEST, "<a.png>abc"},
        {"--b\r\n" FILE_HEAD "abc\r\n--bc", E_BAD_REQUEST, "<a.png>abc"},
        {"--b\r\n" FILE_HEAD "a\r\n--b\r\n" FILE_HEAD "b\r\n--b--", E_BAD_REQUEST, "<a.png>a"},
        {"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--", E_BAD_REQUEST, ""},
        {"--b\r\n\r\nx\r\n--b--", E_BAD_REQUEST, ""},
        {"--b\r\nContent-Disposition: attachment; name=file\r\n\r\nx\r\n--b--", E_BAD_REQUEST, ""},
        {"--b\r\nContent-Disposition: form-data; filename=x\r\n\r\nx\r\n--b--", E_BAD_REQUEST, ""},
        {"--b\r\nContent-Disposition: form-data; name=\"file\r\n\r\nx\r\n--b--", E_BAD_REQUEST, ""},
        {"--b\r\n" PATH_HEAD "\xff\r\n--b\r\n" FILE_HEAD "\r\n--b--", E_BAD_REQUEST, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t step = 1; step < 100; step += 17) {
            struct buf out = {0};
            err e = feed("b", str_of(rows[i].form), step, &out);
            buf_c(&out, 0);
            if (e != rows[i].code) fail_msg("row %zu by %zu: %d", i, step, e);
            if (rows[i].out) assert_string_equal(out.ptr, rows[i].out);
            buf_done(&out);
        }
    }
}

static void bounds(void **state) {
    struct buf form = {0}, out = {0};
    buf_z(&form, "--b\r\n" PATH_HEAD);
    for (int i = 0; i <= FORM_FIELD_BYTES; i++) buf_c(&form, 'x');
    buf_z(&form, "\r\n--b--");
    assert_int_equal(feed("b", buf_view(&form), 1000, &out), E_TOO_LARGE);
    buf_clear(&form);
    buf_z(&form, "--b\r\nX: ");
    for (int i = 0; i <= FORM_HEAD_BYTES; i++) buf_c(&form, 'x');
    assert_int_equal(feed("b", buf_view(&form), 1000, &out), E_TOO_LARGE);
    buf_clear(&form);
    for (int i = 0; i <= FORM_PARTS; i++) buf_z(&form, "--b\r\n" PATH_HEAD "x\r\n");
    assert_int_equal(feed("b", buf_view(&form), 1000, &out), E_TOO_LARGE);
    buf_clear(&form);
    const char *longest = "0123456789012345678901234567890123456789012345678901234567890123456789";
    buf_printf(&form, "--%s\r\n" FILE_HEAD "x\r\n--%s--", longest, longest);
    assert_int_equal(feed(longest, buf_view(&form), 7, &out), OK);
    buf_done(&form);
    buf_done(&out);
}

static void a_slow_file_is_said_to_be_slow(void **state) {
    struct buf out = {0};
    const struct form_sink sink = {.file = on_file, .data = on_data, .field = on_field, .arg = &out};
    struct form *f = malloc(sizeof *f);
    bool waits = true;
    assert_non_null(f);
    form_begin(f, "b", &sink);
    assert_int_equal(form_feed(f, STR("--b\r\n" FILE_HEAD "ab"), NULL, &waits), OK);
    assert_false(waits);
    assert_int_equal(form_feed(f, STR("abcdef"), NULL, &waits), OK);
    assert_true(waits);
    free(f);
    buf_done(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(boundaries), cmocka_unit_test(forms), cmocka_unit_test(bounds), cmocka_unit_test(a_slow_file_is_said_to_be_slow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
