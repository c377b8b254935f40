/* The models that make films, looked at with ffprobe and ffmpeg as a stranger would. argv[1] is the helper. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "media/helper/rig_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A white square in the middle of grey, a fifth of the height. */
static uint32_t square(int x, int y, int w, int h) {
    int half = h / 10;
    return abs(x - w / 2) < half && abs(y - h / 2) < half ? 0xf0f0f0 : 0x404040;
}

static struct render_answer film(struct rig *r, const char *model, const char *inputs, uint64_t seed, const char *picture, char out[128]) {
    char file[160];
    snprintf(file, sizeof file, "image=%s", picture ? picture : "");
    struct render_answer a = rig_render(r, model, inputs, seed, (const char *[]){file}, picture ? 1 : 0, out);
    if (a.code) fail_msg("%s %s: %s", model, inputs, a.detail);
    return a;
}

static void test_facts(void **state) {
    struct rig *r = *state;
    static const struct { const char *inputs; int w, h, fps, frames; bool audio; } t[] = {
        {"{\"prompt\":\"a red car drives\",\"duration\":1,\"size\":\"160x90\"}", 160, 90, 24, 24, false},
        {"{\"prompt\":\"a boat\",\"duration\":\"2.5\",\"size\":\"128x72\",\"fps\":12,\"audio\":true}", 128, 72, 12, 30, true},
        {"{\"prompt\":\"two birds\",\"duration\":1.3,\"size\":\"66x64\",\"fps\":60}", 66, 64, 60, 78, false},
        {"{\"prompt\":\"rain\",\"duration\":1,\"resolution\":\"360p\",\"aspect_ratio\":\"9:16\",\"fps\":15,\"audio\":true}", 360, 640, 15, 15, true}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char out[128], want[300];
        struct buf said = {0};
        struct render_answer a = film(r, "motion-t2v", t[i].inputs, 5, NULL, out);
        assert_true(a.width == t[i].w && a.height == t[i].h);
        assert_string_equal(a.type, "video/mp4");
        assert_string_equal(r->last_stage, "writing");
        assert_true(r->last_percent >= 97 && r->stages >= 3);
        rig_ask(&said, (const char *[]){"ffprobe", "-v", "error", "-count_packets", "-select_streams", "v", "-show_entries", "stream=codec_name,width,height,pix_fmt,r_frame_rate,nb_read_packets", "-of", "csv=p=0", out, NULL});
        snprintf(want, sizeof want, "h264,%d,%d,yuv420p,%d/1,%d\n", t[i].w, t[i].h, t[i].fps, t[i].frames);
        assert_string_equal(said.ptr, want);
        rig_ask(&said, (const char *[]){"ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", out, NULL});
        assert_true(fabs(strtod(said.ptr, NULL) - (double)t[i].frames / t[i].fps) < 1.0 / t[i].fps);
        assert_true(llabs(a.duration_ms - 1000LL * t[i].frames / t[i].fps) <= 1);
        rig_ask(&said, (const char *[]){"ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", "stream=codec_name,sample_rate,channels", "-of", "csv=p=0", out, NULL});
        assert_string_equal(said.ptr, t[i].audio ? "aac,48000,2\n" : "");
        rig_ask(&said, (const char *[]){"ffmpeg", "-v", "warning", "-i", out, "-f", "null", "-", NULL}); /* nothing to complain about */
        assert_string_equal(said.ptr, "");
        buf_done(&said);
    }
}

/* Sound is there, is quiet, and ends with the film. */
static void test_sound(void **state) {
    struct rig *r = *state;
    char out[128];
    struct buf pcm = {0};
    film(r, "motion-t2v", "{\"prompt\":\"waves by the sea, birds\",\"duration\":2,\"size\":\"64x64\",\"fps\":12,\"audio\":true}", 5, NULL, out);
    rig_ask(&pcm, (const char *[]){"ffmpeg", "-v", "error", "-i", out, "-f", "s16le", "-ac", "1", "-ar", "8000", "-", NULL});
    size_t n = pcm.len / 2;
    double square_sum = 0, peak = 0;
    assert_true(n > 15900 && n < 16400);
    for (size_t i = 0; i < n; i++) {
        int16_t v;
        memcpy(&v, pcm.ptr + i * 2, 2);
        square_sum += (double)v * v;
        peak = fmax(peak, abs(v));
    }
    double db = 10 * log10(square_sum / (double)n / (32768.0 * 32768));
    assert_true(db > -50 && db < -14);
    assert_true(peak < 30000);
    buf_done(&pcm);
}

/* One grey frame at that time: how many bright pixels, where their middle lies, how bright all is. */
struct seen { int bright; double x, y, mean; };
static struct seen look(const char *path, double second, int w, int h) {
    struct buf grey = {0};
    struct seen s = {0};
    char at[16];
    snprintf(at, sizeof at, "%.3f", second);
    rig_ask(&grey, (const char *[]){"ffmpeg", "-v", "error", "-ss", at, "-i", path, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", "-", NULL});
    assert_int_equal(grey.len, w * h);
    for (int i = 0; i < w * h; i++) {
        int v = (unsigned char)grey.ptr[i];
        s.mean += v;
        if (v > 170) s.bright++, s.x += i % w, s.y += i / w;
    }
    s.mean /= w * h;
    if (s.bright) s.x /= s.bright, s.y /= s.bright;
    buf_done(&grey);
    return s;
}

/* The camera does what the verbs say: measured on a square in the middle. */
static void test_camera(void **state) {
    struct rig *r = *state;
    char in[128];
    rig_picture(r, 320, 180, square, in);
    static const struct { const char *prompt; char what; double low, high; } t[] = { /* last frame against the first */
        {"zoom in", 'a', 1.5, 4}, {"zoom in very slowly", 'a', 1.1, 1.6}, {"zoom in very quickly", 'a', 3, 9}, {"zoom out", 'a', 0.2, 0.7}, {"pan right", 'x', -60, -12},
        {"pan left", 'x', 12, 60}, {"pan up", 'y', 8, 60}, {"pan down", 'y', -60, -8}, {"static camera, rotate nothing", 'a', 0.95, 1.05}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char inputs[200], out[128];
        snprintf(inputs, sizeof inputs, "{\"prompt\":\"%s\",\"duration\":1,\"size\":\"160x90\",\"fps\":12}", t[i].prompt);
        film(r, "motion-i2v", inputs, 5, in, out);
        struct seen a = look(out, 0, 160, 90), b = look(out, 0.88, 160, 90);
        double d = t[i].what == 'a' ? (double)b.bright / a.bright : t[i].what == 'x' ? b.x - a.x : b.y - a.y;
        if (!a.bright || d < t[i].low || d > t[i].high) fail_msg("%s: %d at %.0f,%.0f to %d at %.0f,%.0f", t[i].prompt, a.bright, a.x, a.y, b.bright, b.x, b.y);
    }
}

static void test_effects(void **state) {
    struct rig *r = *state;
    char in[128], out[128];
    rig_picture(r, 320, 180, square, in);
    static const struct { const char *prompt; double first, last; } t[] = { /* how bright it is to be, against the still picture; 0: much darker */
        {"static camera, fade in", 0, 1}, {"static camera, fade out", 1, 0}, {"static camera, from day to night", 1, 0.5}, {"static camera, snow", 1.05, 1.05}};
    film(r, "motion-i2v", "{\"prompt\":\"static camera\",\"duration\":1,\"size\":\"160x90\",\"fps\":12}", 5, in, out);
    double still = look(out, 0.5, 160, 90).mean;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char inputs[200];
        snprintf(inputs, sizeof inputs, "{\"prompt\":\"%s\",\"duration\":1,\"size\":\"160x90\",\"fps\":12}", t[i].prompt);
        film(r, "motion-i2v", inputs, 5, in, out);
        double a = look(out, 0, 160, 90).mean / still, b = look(out, 0.88, 160, 90).mean / still;
        if (fabs(a - t[i].first) > 0.27 || fabs(b - t[i].last) > 0.27 || (t[i].first > 1.01 && a < 1.01)) fail_msg("%s: %.2f to %.2f", t[i].prompt, a, b);
    }
}

/* The same again is the same bytes; another seed, another prompt, another film. */
static void test_same_seed(void **state) {
    struct rig *r = *state;
    static const struct { const char *prompt; uint64_t seed; } t[] = {{"a dog runs in the snow", 7}, {"a dog runs in the snow", 7}, {"a dog runs in the snow", 8}, {"a dog runs at night", 7}};
    struct buf bytes[4] = {0};
    for (int i = 0; i < 4; i++) {
        char inputs[200], out[128];
        snprintf(inputs, sizeof inputs, "{\"prompt\":\"%s\",\"duration\":1,\"size\":\"96x64\",\"fps\":12,\"audio\":true}", t[i].prompt);
        film(r, "motion-t2v", inputs, t[i].seed, NULL, out);
        rig_read(out, &bytes[i]);
    }
    assert_true(str_eq(buf_view(&bytes[0]), buf_view(&bytes[1])));
    assert_false(str_eq(buf_view(&bytes[0]), buf_view(&bytes[2])));
    assert_false(str_eq(buf_view(&bytes[0]), buf_view(&bytes[3])));
    for (int i = 0; i < 4; i++) buf_done(&bytes[i]);
}

static uint32_t red(int x, int y, int w, int h) {
    (void)h;
    return (uint32_t)(150 + 90 * x / w) << 16 | (uint32_t)(20 + y % 16) << 8 | 30;
}

/* References give their colours to a drawn scene, or are the film; a reference film is read by its own tool. */
static void test_references(void **state) {
    struct rig *r = *state;
    char in[128], out[128], clip[128], video[160], image[160];
    struct buf rgb = {0};
    rig_picture(r, 200, 112, red, in);
    snprintf(image, sizeof image, "image=%s", in);
    struct render_answer a = film(r, "motion-r2v", "{\"prompt\":\"a blue whale\",\"duration\":1,\"size\":\"96x64\",\"fps\":12}", 5, in, out);
    assert_non_null(strstr(a.scene, "text after reference images"));
    rig_ask(&rgb, (const char *[]){"ffmpeg", "-v", "error", "-ss", "0.5", "-i", out, "-frames:v", "1", "-vf", "scale=1:1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-", NULL});
    assert_int_equal(rgb.len, 3);
    assert_true((unsigned char)rgb.ptr[0] > (unsigned char)rgb.ptr[2] + 40); /* a sea that is red */
    film(r, "motion-t2v", "{\"prompt\":\"a red car drives\",\"duration\":1,\"size\":\"96x64\",\"fps\":12}", 5, NULL, clip);
    snprintf(video, sizeof video, "video=%s", clip);
    a = rig_render(r, "motion-r2v", "{\"prompt\":\"with falling petals\",\"duration\":1,\"size\":\"96x64\",\"fps\":12}", 5, (const char *[]){image, video}, 2, out);
    assert_int_equal(a.code, OK);
    assert_non_null(strstr(a.scene, "\"source\":\"reference video\""));
    assert_non_null(strstr(a.scene, "petals"));
    buf_done(&rgb);
}

static void test_refusals(void **state) {
    struct rig *r = *state;
    static const char *const bad[] = {"{}", "{\"prompt\":\"x\",\"duration\":0.5}", "{\"prompt\":\"x\",\"duration\":16}", "{\"prompt\":\"x\",\"duration\":\"long\"}", "{\"prompt\":\"x\",\"fps\":11}",
                                      "{\"prompt\":\"x\",\"fps\":61}", "{\"prompt\":\"x\",\"size\":\"101x100\"}", "{\"prompt\":\"x\",\"size\":\"4000x100\"}", "{\"prompt\":\"x\",\"size\":\"1920x1920\"}",
                                      "{\"prompt\":\"x\",\"resolution\":\"4k\"}", "{\"prompt\":\"x\",\"aspect_ratio\":\"1:9\"}"};
    char out[128], in[128], file[160];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct render_answer a = rig_render(r, "motion-t2v", bad[i], 5, NULL, 0, out);
        if (a.code != E_INVALID || strlen(a.detail) < 15) fail_msg("%s: %s %s", bad[i], err_name(a.code), a.detail);
    }
    assert_int_equal(rig_render(r, "motion-i2v", "{\"prompt\":\"zoom in\"}", 5, NULL, 0, out).code, E_INVALID);
    assert_int_equal(rig_render(r, "motion-r2v", "{\"prompt\":\"zoom in\"}", 5, NULL, 0, out).code, E_INVALID);
    static const char broken[] = "\0\0\0\x18" "ftypmp42\0\0\0\0mp42isom\0\0\0\x08moov\0\0\0\x10mdatabcdefgh", playlist[] = "#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n";
    static const struct { const char *bytes; size_t n; } files[] = {{broken, sizeof broken - 1}, {playlist, sizeof playlist - 1}, {"GIF89a", 6}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        rig_file(r, files[i].bytes, files[i].n, in);
        snprintf(file, sizeof file, "video=%s", in);
        struct render_answer a = rig_render(r, "motion-r2v", "{\"prompt\":\"zoom in\",\"duration\":1,\"size\":\"64x64\"}", 5, (const char *[]){file}, 1, out);
        if (a.code != E_INVALID || !strstr(a.detail, "reference video")) fail_msg("%zu: %s %s", i, err_name(a.code), a.detail);
    }
}

int main(int argc, char **argv) {
    if (argc < 2) return fputs("usage: motion_test PURAS-MEDIA\n", stderr), 2;
    rig_program = argv[1];
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_facts), cmocka_unit_test(test_sound), cmocka_unit_test(test_camera), cmocka_unit_test(test_effects),
                                       cmocka_unit_test(test_same_seed), cmocka_unit_test(test_references), cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
