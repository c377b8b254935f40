/* The pure parts of reading: EXIF, GIF blocks, PPM, what ffprobe says, scaling and turning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/limits.h"
#include "media/helper/read_bytes.h"
#include "media/helper/read_probe.h"
#include "media/helper/read_scale.h"

#include <stdio.h>
#include <stdlib.h>

static struct str exact(struct str s) { /* so that the sanitizer sees a byte too many */
    char *p = malloc(s.len ? s.len : 1);
    if (s.len) memcpy(p, s.ptr, s.len);
    return str_n(p, s.len);
}
static void drop(struct str s) { free((void *)(uintptr_t)s.ptr); }

static void test_exif(void **state) {
    static const struct { struct str tiff; int orientation; } rows[] = {
        {STR("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"), 6},
        {STR("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0"), 8},
        {STR("II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x01\0\0\0A\0\0\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0"), 3}, /* second entry */
        {STR("II*\0\x08\0\0\0\xff\xff\x12\x01\x03\0\x01\0\0\0\x05\0\0\0"), 5},                              /* more entries than bytes */
        {STR("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0"), 1},                                /* no such orientation */
        {STR("II*\0\x08\0\0\0\x01\0\x12\x01\x04\0\x01\0\0\0\x06\0\0\0"), 1},                                /* another type */
        {STR("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x02\0\0\0\x06\0\0\0"), 1},                                /* two of them */
        {STR("II*\0\xff\xff\xff\xff\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"), 1},                          /* outside */
        {STR("II*\0\x08\0\0\0\0\0"), 1}, {STR("II*\0"), 1}, {STR(""), 1}, {STR("JUNKJUNKJUNKJUNK"), 1}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t cut = 0; cut <= rows[i].tiff.len; cut++) {
            struct str s = exact(str_head(rows[i].tiff, cut));
            int got = exif_orientation(s);
            if (cut == rows[i].tiff.len) assert_int_equal(got, rows[i].orientation);
            assert_in_range(got, 1, 8);
            drop(s);
        }
}

static void test_exif_found(void **state) {
    struct str png = STR("\x89PNG\r\n\x1a\n\0\0\0\x02zzzz12crc!\0\0\0\x03" "eXIfabccrc!");
    struct str jpeg = STR("\xff\xd8\xff\xe0\0\x04zz\xff\xff\xe1\0\x0b" "Exif\0\0abc\xff\xda");
    struct str lying = STR("\x89PNG\r\n\x1a\n\xff\xff\xff\xff" "eXIfabccrc!"), late = STR("\xff\xd8\xff\xda\0\x02\xff\xe1\0\x0b" "Exif\0\0abc");
    (void)state;
    assert_true(str_is(exif_in_png(png), "abc"));
    assert_true(str_is(exif_in_jpeg(jpeg), "abc"));
    assert_int_equal(exif_in_png(lying).len, 0);
    assert_int_equal(exif_in_jpeg(late).len, 0);
    for (size_t cut = 0; cut < png.len; cut++) {
        struct str s = exact(str_head(png, cut)), t = exact(str_head(jpeg, cut));
        assert_int_equal(exif_in_png(s).len, 0);
        if (cut + 2 < jpeg.len) assert_int_equal(exif_in_jpeg(t).len, 0);
        drop(s), drop(t);
    }
}

#define GIF_HEAD "GIF89a\x02\0\x02\0\x80\0\0" "\0\0\0\xff\xff\xff"
#define GIF_DELAY "\x21\xf9\x04\0\x0a\0\0\0"
#define GIF_FRAME "\x2c\0\0\0\0\x02\0\x02\0\0\x02\x02\x44\x01\0"
static void test_gif_walk(void **state) {
    struct str two = STR(GIF_HEAD GIF_DELAY GIF_FRAME GIF_DELAY GIF_FRAME ";"), one = STR(GIF_HEAD GIF_FRAME);
    struct gif_walk w = {0};
    (void)state;
    assert_true(gif_walk(two, 100, &w));
    assert_int_equal(w.frames, 2);
    assert_int_equal(w.duration_ms, 200);
    assert_true(gif_walk(two, 1, &w)); /* one more than the most is enough to know */
    assert_int_equal(w.frames, 2);
    assert_true(gif_walk(one, 100, &w)); /* no trailer */
    assert_int_equal(w.frames, 1);
    for (size_t cut = 0; cut < one.len; cut++) {
        struct str s = exact(str_head(one, cut));
        assert_false(gif_walk(s, 100, &w));
        drop(s);
    }
}

static void test_ppm(void **state) {
    static const struct { struct str file; bool good; } rows[] = {
        {STR("P6\n2 1\n255\nabcdef"), true}, {STR("P6\n2 1\n255\nabcde"), false}, {STR("P6\n2 1\n255\nabcdefg"), false}, {STR("P6\n0 1\n255\n"), false},
        {STR("P6\n-2 1\n255\nabcdef"), false}, {STR("P6\n4097 1\n255\n"), false}, {STR("P6\n99999999999 1\n255\n"), false}, {STR("P6\n2 1\n65535\nabcdef"), false},
        {STR("P5\n2 1\n255\nabcdef"), false}, {STR("P6\n2"), false}, {STR("P6\n"), false}, {STR(""), false}};
    struct ppm p = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str s = exact(rows[i].file);
        assert_int_equal(ppm_read(s, 4096, &p), rows[i].good);
        if (rows[i].good) assert_true(p.w == 2 && p.h == 1 && p.rgb[5] == 'f');
        drop(s);
    }
}

#define VIDEO "{\"codec_type\":\"video\",\"codec_name\":\"h264\",\"width\":320,\"height\":240,\"avg_frame_rate\":\"30000/1001\",\"nb_frames\":\"60\",\"duration\":\"2.002\"}"
#define AUDIO "{\"codec_type\":\"audio\",\"codec_name\":\"aac\",\"channels\":2,\"sample_rate\":\"48000\"}"
#define ASKED(streams, format) "{\"streams\":[" streams "],\"format\":{" format "}}"
static void test_probe(void **state) {
    struct probe_facts f;
    struct why why = {0};
    (void)state;
    assert_int_equal(probe_read(STR(ASKED(VIDEO "," AUDIO, "\"duration\":\"2.0029\"")), &why, &f), OK);
    assert_true(f.has_audio && f.has_video && !f.has_cover);
    assert_int_equal(f.width, 320);
    assert_int_equal(f.height, 240);
    assert_int_equal(f.duration_ms, 2002);
    assert_int_equal(f.frames, 60);
    assert_int_equal(f.rate_milli, 29970);
    assert_int_equal(f.channels, 2);
    assert_int_equal(f.sample_rate, 48000);
    assert_string_equal(f.video_codec, "h264");
    assert_string_equal(f.audio_codec, "aac");
    /* Turned; without a count of frames; its duration only with the track. */
    assert_int_equal(probe_read(STR(ASKED("{\"codec_type\":\"video\",\"codec_name\":\"x\\\"y\",\"width\":320,\"height\":240,\"avg_frame_rate\":\"0/0\",\"r_frame_rate\":\"25/1\","
                                          "\"duration\":\"4\",\"side_data_list\":[{\"rotation\":-90}]}", "")), &why, &f), OK);
    assert_int_equal(f.width, 240);
    assert_int_equal(f.frames, 100);
    assert_int_equal(f.duration_ms, 4000);
    assert_string_equal(f.video_codec, "unknown");
    /* A cover is no video. */
    assert_int_equal(probe_read(STR(ASKED(AUDIO ",{\"codec_type\":\"video\",\"width\":600,\"height\":600,\"disposition\":{\"attached_pic\":1}}", "")), &why, &f), OK);
    assert_true(f.has_cover && !f.has_video && !f.width);
}

static void test_probe_refuses(void **state) {
    static const char *const bad[] = {
        "", "{", "[]", "{}", ASKED("", ""), ASKED("{\"codec_type\":\"subtitle\"}", ""), ASKED("{\"codec_type\":\"video\",\"width\":0,\"height\":240}", ""),
        ASKED("{\"codec_type\":\"video\",\"width\":-320,\"height\":240}", ""), ASKED("{\"codec_type\":\"video\",\"width\":99999,\"height\":99999}", ""),
        ASKED("{\"codec_type\":\"video\",\"width\":9223372036854775807,\"height\":9223372036854775807}", ""),
        ASKED("{\"codec_type\":\"audio\",\"channels\":0,\"sample_rate\":\"48000\"}", ""), ASKED("{\"codec_type\":\"audio\",\"channels\":1000,\"sample_rate\":\"48000\"}", ""),
        ASKED("{\"codec_type\":\"audio\",\"channels\":2,\"sample_rate\":\"99999999\"}", ""), ASKED(AUDIO, "\"duration\":\"99999999999999999999999999.5\""),
        ASKED(AUDIO, "\"duration\":\"86400.001\""), ASKED(AUDIO, "\"nb_streams\":33")};
    struct probe_facts f;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct why why = {0};
        if (probe_read(str_of(bad[i]), &why, &f) != E_INVALID) fail_msg("%s", bad[i]);
        assert_true(strlen(why.detail) > 20);
    }
    struct buf b = {0};
    buf_z(&b, "{\"streams\":[" AUDIO);
    for (int i = 0; i < LIMIT_READ_TRACKS; i++) buf_z(&b, "," AUDIO);
    buf_z(&b, "],\"format\":{}}");
    assert_int_equal(probe_read(buf_view(&b), NULL, &f), E_INVALID);
    buf_done(&b);
}

static struct pixels scaled(int w, int h, int longest, unsigned char (*at)(int x, int y, int c)) {
    struct scale s;
    struct pixels p = {0};
    unsigned char *row = malloc((size_t)w * 4);
    assert_true(scale_begin(&s, w, h, longest));
    for (int y = 0; y < h; y++) {
        struct pixels none;
        assert_false(scale_end(&s, &none));
        for (int i = 0; i < w * 4; i++) row[i] = at(i / 4, y, i % 4);
        scale_row(&s, row);
    }
    assert_true(scale_end(&s, &p));
    scale_done(&s);
    free(row);
    return p;
}

static unsigned char even(int x, int y, int c) { return (unsigned char)(c == 3 ? 255 : 40 * (c + 1)); }
static unsigned char chess(int x, int y, int c) { return c == 3 || (x + y) % 2 ? 255 : 0; }
static unsigned char clear_red(int x, int y, int c) { return c == 0 ? 255 : c == 3 ? (x % 2 ? 255 : 0) : (x % 2 ? 0 : 200); }
static unsigned char left_half(int x, int y, int c) { return c == 3 || x < 500 ? 255 : 0; }

static void test_scale(void **state) {
    static const int sizes[][3] = {{1, 1, 512}, {512, 512, 512}, {513, 512, 512}, {1023, 7, 512}, {7, 1023, 512}, {65535, 1, 512}, {1, 65535, 512}, {1000, 999, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct pixels p = scaled(sizes[i][0], sizes[i][1], sizes[i][2], even);
        assert_true(p.w >= 1 && p.h >= 1 && p.w <= sizes[i][2] && p.h <= sizes[i][2]);
        assert_true(p.w <= sizes[i][0] && p.h <= sizes[i][1]);
        for (int k = 0; k < p.w * p.h; k++) assert_true(p.rgba[k * 4] == 40 && p.rgba[k * 4 + 1] == 80 && p.rgba[k * 4 + 2] == 120 && p.rgba[k * 4 + 3] == 255);
        pixels_done(&p);
    }
    struct pixels p = scaled(256, 256, 64, chess);
    for (int k = 0; k < p.w * p.h; k++) assert_in_range(p.rgba[k * 4], 127, 128);
    pixels_done(&p);
    p = scaled(100, 100, 50, clear_red); /* what is transparent has no colour to give */
    assert_true(p.rgba[0] == 255 && p.rgba[1] == 0 && p.rgba[2] == 0);
    assert_in_range(p.rgba[3], 127, 128);
    pixels_done(&p);
    p = scaled(1000, 10, 100, left_half);
    assert_true(p.rgba[49 * 4] == 255 && p.rgba[50 * 4] == 0);
    pixels_done(&p);
    struct scale s;
    assert_false(scale_begin(&s, 0, 1, 512));
    scale_done(&s);
    assert_false(scale_begin(&s, 65536, 1, 512));
    scale_done(&s);
}

/* A 3 by 2 picture with the values 0 to 5, row by row, in each of the eight ways. */
static void test_orient(void **state) {
    static const struct { int w, h; unsigned char values[6]; } rows[9] = {
        [0] = {3, 2, {0, 1, 2, 3, 4, 5}}, [1] = {3, 2, {0, 1, 2, 3, 4, 5}}, [2] = {3, 2, {2, 1, 0, 5, 4, 3}}, [3] = {3, 2, {5, 4, 3, 2, 1, 0}},
        [4] = {3, 2, {3, 4, 5, 0, 1, 2}}, [5] = {2, 3, {0, 3, 1, 4, 2, 5}}, [6] = {2, 3, {3, 0, 4, 1, 5, 2}}, [7] = {2, 3, {5, 2, 4, 1, 3, 0}},
        [8] = {2, 3, {2, 5, 1, 4, 0, 3}}};
    (void)state;
    for (int o = 0; o < 9; o++) {
        struct pixels p = {3, 2, malloc(24)};
        for (int i = 0; i < 24; i++) p.rgba[i] = (unsigned char)(i / 4);
        assert_true(pixels_orient(&p, o));
        assert_int_equal(p.w, rows[o].w);
        assert_int_equal(p.h, rows[o].h);
        for (int i = 0; i < 6; i++)
            if (p.rgba[i * 4] != rows[o].values[i]) fail_msg("orientation %d, pixel %d: %d", o, i, p.rgba[i * 4]);
        pixels_done(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exif), cmocka_unit_test(test_exif_found), cmocka_unit_test(test_gif_walk), cmocka_unit_test(test_ppm), cmocka_unit_test(test_probe),
        cmocka_unit_test(test_probe_refuses), cmocka_unit_test(test_scale), cmocka_unit_test(test_orient)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
