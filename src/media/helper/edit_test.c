/* The model edit: what it is told to do is what is in the pixels. argv[1] is the helper. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "media/helper/rig_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Red, green, blue and grey quarters with a ramp of light across. */
static uint32_t quarters(int x, int y, int w, int h) {
    uint32_t v = 90 + (uint32_t)(x * 120 / w);
    if (x < w / 2) return y < h / 2 ? v << 16 | 0x2020 : v << 8 | 0x200020;
    return y < h / 2 ? v | 0x202000 : v << 16 | v << 8 | v;
}
static uint32_t dark(int x, int y, int w, int h) {
    (void)x, (void)y, (void)w, (void)h;
    return 0x303840;
}

struct facts { double luma, red, green, blue, spread; };
static struct facts facts_in(const struct pixels *p, double x0, double y0, double x1, double y1) {
    struct facts f = {0};
    double n = 0, square = 0;
    for (int y = (int)(y0 * p->h); y < (int)(y1 * p->h); y++)
        for (int x = (int)(x0 * p->w); x < (int)(x1 * p->w); x++, n++) {
            const unsigned char *c = p->rgba + ((size_t)y * (size_t)p->w + (size_t)x) * 4;
            double l = 0.3 * c[0] + 0.59 * c[1] + 0.11 * c[2];
            f.red += c[0], f.green += c[1], f.blue += c[2], f.luma += l, square += l * l;
        }
    f.red /= n, f.green /= n, f.blue /= n, f.luma /= n;
    f.spread = sqrt(fmax(0, square / n - f.luma * f.luma));
    return f;
}
static struct facts facts_of(const struct pixels *p) { return facts_in(p, 0, 0, 1, 1); }

static struct pixels edit(struct rig *r, const char *prompt, const char *picture, const char *applied) {
    char inputs[400], out[128], file[160];
    snprintf(file, sizeof file, "image=%s", picture);
    snprintf(inputs, sizeof inputs, "{\"prompt\":\"%s\",\"format\":\"png\"}", prompt);
    struct render_answer a = rig_render(r, "edit", inputs, 5, (const char *[]){file}, 1, out);
    if (a.code) fail_msg("%s: %s", prompt, a.detail);
    if (!strstr(a.scene, applied)) fail_msg("%s: %s", prompt, a.scene);
    struct pixels p = rig_pixels(out, "image/png");
    assert_int_equal(p.w, a.width);
    assert_int_equal(p.h, a.height);
    return p;
}

static void test_tones(void **state) {
    struct rig *r = *state;
    char in[128];
    rig_picture(r, 160, 120, quarters, in);
    struct pixels before = rig_pixels(in, "image/jpeg");
    struct facts b = facts_of(&before);
    static const struct { const char *prompt, *applied; char what; double sign; } t[] = {
        {"brighter", "\"brighter\"", 'l', 1}, {"much darker", "\"darker\"", 'l', -1}, {"more contrast", "\"more contrast\"", 's', 1}, {"flat and soft, low contrast", "\"less contrast\"", 's', -1},
        {"warmer", "\"warmer\"", 'w', 1}, {"cooler", "\"cooler\"", 'w', -1}, {"a strong blue tint", "\"tint blue\"", 'w', -1}, {"at night", "\"night\"", 'l', -1},
        {"snow", "\"snow\"", 'l', 1}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct pixels p = edit(r, t[i].prompt, in, t[i].applied);
        struct facts f = facts_of(&p);
        double d = t[i].what == 'l' ? f.luma - b.luma : t[i].what == 's' ? f.spread - b.spread : (f.red - f.blue) - (b.red - b.blue);
        if (d * t[i].sign < 1.5) fail_msg("%s: changed by %.2f", t[i].prompt, d);
        assert_true(p.w == 160 && p.h == 120);
        pixels_done(&p);
    }
    pixels_done(&before);
}

/* Every style changes the picture and keeps its size; grey ones are grey. */
static void test_styles(void **state) {
    struct rig *r = *state;
    char in[128];
    rig_picture(r, 120, 90, quarters, in);
    static const char *const styles[] = {"watercolour", "oil painting", "pencil", "charcoal", "ink", "pixel art", "poster", "pop art", "comic", "sepia", "black and white", "noir",
                                         "vintage", "neon", "blur", "dreamy", "halftone", "mosaic", "emboss", "negative"};
    struct pixels before = rig_pixels(in, "image/jpeg");
    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++) {
        char applied[60];
        snprintf(applied, sizeof applied, "\"style %s\"", styles[i]);
        struct pixels p = edit(r, styles[i], in, applied);
        double d = 0, grey = 0;
        assert_true(p.w == 120 && p.h == 90);
        for (int k = 0; k < 120 * 90; k++) {
            for (int c = 0; c < 3; c++) d += abs(p.rgba[k * 4 + c] - before.rgba[k * 4 + c]);
            grey += abs(p.rgba[k * 4] - p.rgba[k * 4 + 1]) + abs(p.rgba[k * 4 + 1] - p.rgba[k * 4 + 2]);
        }
        if (d / (120 * 90 * 3) < 3) fail_msg("%s: changed by %.2f", styles[i], d / (120 * 90 * 3));
        if (!strcmp(styles[i], "black and white") || !strcmp(styles[i], "noir")) assert_true(grey / (120 * 90) < 0.5);
        pixels_done(&p);
    }
    pixels_done(&before);
}

static void test_shapes(void **state) {
    struct rig *r = *state;
    char in[128];
    rig_picture(r, 160, 120, quarters, in);
    static const struct { const char *prompt, *applied; int w, h; char corner; } t[] = { /* what is at the upper left afterwards */
        {"mirror", "\"mirror\"", 160, 120, 'b'}, {"flip vertically", "\"flip\"", 160, 120, 'g'}, {"rotate 90 degrees", "\"rotate 90\"", 120, 160, 'g'},
        {"rotate 90 degrees left", "\"rotate 270\"", 120, 160, 'b'}, {"rotate 180 degrees", "\"rotate 180\"", 160, 120, 'e'}, {"crop to a square", "\"crop\"", 120, 120, 'r'},
        {"crop to 16:9", "\"crop\"", 160, 90, 'r'}, {"a frame in white", "\"frame\"", 160, 120, 'r'}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct pixels p = edit(r, t[i].prompt, in, t[i].applied);
        struct facts f = facts_in(&p, 0.2, 0.2, 0.4, 0.4);
        char is = f.red > f.green + 30 && f.red > f.blue + 30 ? 'r' : f.green > f.red + 30 ? 'g' : f.blue > f.red + 30 ? 'b' : 'e';
        if (p.w != t[i].w || p.h != t[i].h || is != t[i].corner) fail_msg("%s: %dx%d %c", t[i].prompt, p.w, p.h, is);
        pixels_done(&p);
    }
    struct pixels p = edit(r, "a frame in white", in, "\"frame\"");
    assert_true(facts_in(&p, 0.01, 0.01, 0.03, 0.9).luma > 200);
    pixels_done(&p);
}

/* A caption lies where it is asked for; its characters are letters, never markup. */
static void test_caption(void **state) {
    struct rig *r = *state;
    char in[128];
    rig_picture(r, 320, 200, dark, in);
    struct pixels foot = edit(r, "caption \\\"<b>HELLO</b>\\\"", in, "\"text\":\"<b>HELLO</b>\""), top = edit(r, "caption \\\"HELLO\\\" at the top", in, "\"caption\"");
    assert_true(facts_in(&foot, 0.1, 0.75, 0.9, 1).spread > 25);
    assert_true(facts_in(&foot, 0, 0, 1, 0.4).spread < 5);
    assert_true(facts_in(&top, 0.1, 0, 0.9, 0.25).spread > 25);
    assert_true(facts_in(&top, 0, 0.6, 1, 1).spread < 5);
    pixels_done(&foot);
    pixels_done(&top);
    struct pixels added = edit(r, "add a yellow balloon", in, "\"added\":[\"balloon\"]");
    assert_true(facts_of(&added).red > 50 && facts_of(&added).spread > 10);
    pixels_done(&added);
}

static void test_layouts(void **state) {
    struct rig *r = *state;
    char a[128], b[128], out[128], fa[160], fb[160];
    rig_picture(r, 160, 120, quarters, a);
    rig_picture(r, 100, 100, dark, b);
    snprintf(fa, sizeof fa, "image=%s", a);
    snprintf(fb, sizeof fb, "image=%s", b);
    const char *files[] = {fa, fb, fa, fb, fa};
    static const struct { const char *prompt; int count, w_low, w_high, h_low, h_high; } t[] = {
        {"side by side", 2, 278, 290, 120, 120}, {"stacked", 2, 160, 160, 278, 290}, {"in a grid", 4, 320, 330, 240, 250}, {"picture in picture", 2, 160, 160, 120, 120},
        {"sepia", 3, 320, 330, 240, 250}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char inputs[200];
        snprintf(inputs, sizeof inputs, "{\"prompt\":\"%s\"}", t[i].prompt);
        struct render_answer w = rig_render(r, "edit", inputs, 5, files, t[i].count, out);
        if (w.code || w.width < t[i].w_low || w.width > t[i].w_high || w.height < t[i].h_low || w.height > t[i].h_high)
            fail_msg("%s: %s %ldx%ld", t[i].prompt, w.detail, (long)w.width, (long)w.height);
        assert_string_equal(w.type, "image/jpeg"); /* as the first one is */
    }
    assert_int_equal(rig_render(r, "edit", "{\"prompt\":\"grid\"}", 5, files, 5, out).code, E_INVALID);
    struct render_answer w = rig_render(r, "edit", "{\"prompt\":\"sepia\",\"size\":\"64x200\",\"format\":\"webp\"}", 5, files, 1, out);
    assert_true(w.code == OK && w.width == 64 && w.height == 200);
    assert_string_equal(w.type, "image/webp");
    assert_string_equal(r->last_stage, "writing");
    assert_true(r->stages >= 3);
}

static void test_same_seed(void **state) {
    struct rig *r = *state;
    char in[128], file[160], out[3][128];
    struct buf bytes[3] = {0};
    rig_picture(r, 100, 80, quarters, in);
    snprintf(file, sizeof file, "image=%s", in);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rig_render(r, "edit", "{\"prompt\":\"watercolour in the rain\"}", i < 2 ? 7 : 8, (const char *[]){file}, 1, out[i]).code, OK);
        rig_read(out[i], &bytes[i]);
    }
    assert_true(str_eq(buf_view(&bytes[0]), buf_view(&bytes[1])));
    assert_false(str_eq(buf_view(&bytes[0]), buf_view(&bytes[2])));
    for (int i = 0; i < 3; i++) buf_done(&bytes[i]);
}

/* What is no picture, or one too large, is refused with a sentence; nothing is written. */
static void test_refusals(void **state) {
    struct rig *r = *state;
    static const char huge[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\x86\xa0\0\1\x86\xa0\x08\x02\0\0\0\0\0\0\0", gif[] = "GIF89a\xff\xff\xff\xff";
    static const struct { const char *bytes; size_t n; } bad[] = {
        {"hello", 5}, {"<svg xmlns='http://www.w3.org/2000/svg'/>", 41}, {huge, sizeof huge - 1}, {gif, sizeof gif - 1}, {"\xff\xd8\xff\xe0\0\x10JFIF\0", 11}, {"RIFF\x10\0\0\0WEBPVP8 ", 16}, {"", 0}};
    char in[128], file[160], out[128];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rig_file(r, bad[i].bytes, bad[i].n, in);
        snprintf(file, sizeof file, "image=%s", in);
        struct render_answer a = rig_render(r, "edit", "{\"prompt\":\"sepia\"}", 5, (const char *[]){file}, 1, out);
        if (a.code != E_INVALID || strlen(a.detail) < 15) fail_msg("%zu: %s %s", i, err_name(a.code), a.detail);
    }
    rig_picture(r, 20, 20, dark, in);
    snprintf(file, sizeof file, "image=%s", in);
    static const char *const inputs[] = {"{}", "[]", "{\"prompt\":5}", "{\"prompt\":\"x\",\"size\":\"9x9\"}", "{\"prompt\":\"x\",\"size\":\"9000x90\"}", "{\"prompt\":\"x\",\"format\":\"svg\"}"};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) assert_int_equal(rig_render(r, "edit", inputs[i], 5, (const char *[]){file}, 1, out).code, E_INVALID);
    struct render_answer a = rig_render(r, "edit", "{\"prompt\":\"sepia\"}", 5, NULL, 0, out);
    assert_int_equal(a.code, E_INVALID);
    assert_non_null(strstr(a.detail, "image"));
}

int main(int argc, char **argv) {
    if (argc < 2) return fputs("usage: edit_test PURAS-MEDIA\n", stderr), 2;
    rig_program = argv[1];
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tones), cmocka_unit_test(test_styles), cmocka_unit_test(test_shapes), cmocka_unit_test(test_caption),
                                       cmocka_unit_test(test_layouts), cmocka_unit_test(test_same_seed), cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
