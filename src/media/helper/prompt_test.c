/* What prompts of the models edit and motion are understood to ask for, and the MP4 writer's refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "media/helper/edit_plan.h"
#include "media/helper/motion_plan.h"
#include "media/helper/mp4.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The plan in one line. */
static void edit_line(const char *prompt, char out[400]) {
    struct edit_plan e;
    int n = 0;
    edit_read_prompt(str_of(prompt), &e);
    out[0] = 0;
#define ADD(...) n += snprintf(out + n, 400 - (size_t)n, __VA_ARGS__)
    for (int i = 0; i < e.style_count; i++) ADD("%s;", edit_style_name(e.styles[i]));
    if (e.layout) ADD("%s;", edit_layout_name(e.layout));
    if (fabs(e.brightness) > 0.001) ADD("light%c;", e.brightness > 0 ? '+' : '-');
    if (fabs(e.contrast) > 0.001) ADD("contrast%c;", e.contrast > 0 ? '+' : '-');
    if (fabs(e.saturation) > 0.001) ADD("colour%c;", e.saturation > 0 ? '+' : '-');
    if (fabs(e.warmth) > 0.001) ADD("warm%c;", e.warmth > 0 ? '+' : '-');
    if (e.tint_name) ADD("tint %s;", e.tint_name);
    if (e.crop_w > 0) ADD("crop %g:%g;", e.crop_w, e.crop_h);
    if (e.zoom > 0) ADD("middle;");
    if (e.turns || fabs(e.tilt) > 0.01) ADD("turn %d %+.0f;", e.turns, e.tilt);
    if (e.mirror) ADD("mirror;");
    if (e.flip) ADD("flip;");
    if (e.frame) ADD("%s;", e.polaroid ? "polaroid" : "frame");
    if (e.night) ADD("night;");
    if (e.rain) ADD("rain;");
    if (e.snow) ADD("snow;");
    if (*e.add) ADD("add %s;", e.add);
    if (*e.caption) ADD("\"%s\"%d;", e.caption, e.caption_at);
    if (!e.understood) ADD("?");
#undef ADD
}

static void test_edit_words(void **state) {
    (void)state;
    static const struct { const char *prompt, *plan; } t[] = {
        {"Make it a watercolour painting", "watercolour;"},
        {"turn this into an oil painting", "oil painting;"},
        {"a charcoal sketch", "charcoal;"},
        {"pencil sketch, slightly darker", "pencil;light-;"},
        {"8-bit pixel art", "pixel art;"},
        {"BLACK AND WHITE with more contrast", "black and white;contrast+;"},
        {"less saturated and cooler", "colour-;warm-;"},
        {"much warmer, vivid", "colour+;warm+;"},
        {"a blue tint", "tint blue;"},
        {"make it green", "tint green;"},
        {"no frame, sepia", "sepia;"},
        {"sepia without rain", "sepia;"},
        {"sepia, then vintage", "sepia;vintage;"},
        {"neon trim", "neon;"},
        {"crop to a square", "crop 1:1;"},
        {"crop to 16:9", "crop 16:9;"},
        {"crop to the centre", "middle;"},
        {"rotate 90 degrees", "turn 1 +0;"},
        {"rotate left", "turn 3 +0;"},
        {"rotate by 180 degrees", "turn 2 +0;"},
        {"rotate 12 degrees counterclockwise", "turn 0 -12;"},
        {"turn it upside down", "turn 2 +0;"},
        {"mirror it", "mirror;"},
        {"flip vertically", "flip;"},
        {"a golden frame", "warm+;frame;"},
        {"polaroid", "vintage;polaroid;"},
        {"side by side", "side by side;"},
        {"stack them", "stacked;"},
        {"a 2x2 grid", "grid;"},
        {"picture in picture", "picture in picture;"},
        {"at night in the snow", "night;snow;"},
        {"caption \"Hello, world\"", "\"Hello, world\"0;"},
        {"a title \xe2\x80\x9cSepia neon\xe2\x80\x9d at the top", "\"Sepia neon\"-1;"},
        {"say 'it's fine'", "\"it's fine\"0;"},
        {"add a red balloon and two birds. make it darker", "light-;add a red balloon and two birds ;"},
        {"what a day", "watercolour;?"},
        {"", "watercolour;?"},
        {"\"unclosed", "watercolour;?"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char got[400];
        edit_line(t[i].prompt, got);
        if (strcmp(got, t[i].plan)) fail_msg("\"%s\": %s, not %s", t[i].prompt, got, t[i].plan);
    }
}

static void motion_line(const char *prompt, bool drawn, char out[400]) {
    static const char *const names[] = {"zoom", "x", "y", "turn", "shake", "pulse", "sway", "float", "orbit"};
    static const char *const hours[] = {"day", "dawn", "dusk", "night"};
    struct motion_plan m;
    int n = 0;
    motion_read_prompt(str_of(prompt), &m);
    if (drawn) motion_keep_camera(&m);
    out[0] = 0;
#define ADD(...) n += snprintf(out + n, 400 - (size_t)n, __VA_ARGS__)
    for (int i = 0; i < m.move_count; i++) ADD("%s%c%g-%g;", names[m.moves[i].kind], m.moves[i].amount > 0 ? '+' : '-', m.moves[i].from, m.moves[i].to);
    if (m.speed < 0.9) ADD("slow;");
    if (m.speed > 1.1) ADD("quick;");
    if (m.rain > 0) ADD("rain;");
    if (m.snow > 0) ADD("snow;");
    if (m.sparkle > 0) ADD("sparkle;");
    if (m.fade_in) ADD("in%d;", m.fade_in);
    if (m.fade_out) ADD("out%d;", m.fade_out);
    if (m.time_passes) ADD("%s>%s;", hours[m.time_from], hours[m.time_to]);
    if (m.heading) ADD("heads%+d;", m.heading);
    if (!m.understood) ADD("?");
#undef ADD
}

static void test_motion_words(void **state) {
    (void)state;
    static const struct { const char *prompt; bool drawn; const char *plan; } t[] = {
        {"zoom in", false, "zoom+0-1;"},
        {"slowly zoom out", false, "zoom-0-1;slow;"},
        {"the camera pulls back quickly", false, "zoom-0-1;quick;"},
        {"pan left", false, "x-0-1;"},
        {"pan to the right", false, "x+0-1;"},
        {"tilt up", false, "y-0-1;"},
        {"zoom in, then pan left", false, "zoom+0-0.5;x-0.5-1;"},
        {"it spins slowly", false, "turn+0-1;slow;"},
        {"rotate 30 degrees counterclockwise", false, "turn-0-1;"},
        {"shaky handheld", false, "shake+0-1;"},
        {"gentle rain", false, "slow;rain;"},
        {"no rain but snow", false, "snow;"},
        {"sparkles and fade to white", false, "sparkle;out2;"},
        {"fade in", false, "in1;"},
        {"from day to night", false, "day>night;"},
        {"the sun sets", false, "day>dusk;"},
        {"static camera", false, ""},
        {"a car moves left", true, "heads-1;"},
        {"a ball spins", true, ""},
        {"a dog runs, the camera pans left", true, "x-0-1;"},
        {"a nice picture", false, "?"},
        {"", false, "?"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char got[400];
        motion_line(t[i].prompt, t[i].drawn, got);
        if (strcmp(got, t[i].plan)) fail_msg("\"%s\": %s, not %s", t[i].prompt, got, t[i].plan);
    }
}

/* Adverbs change how far it goes. */
static void test_degrees(void **state) {
    (void)state;
    struct motion_plan slow, usual, quick;
    motion_read_prompt(STR("slowly zoom in"), &slow);
    motion_read_prompt(STR("zoom in"), &usual);
    motion_read_prompt(STR("zoom in very quickly"), &quick);
    assert_true(slow.moves[0].amount < usual.moves[0].amount * 0.8);
    assert_true(quick.moves[0].amount > usual.moves[0].amount * 1.4);
    struct edit_plan a, b;
    edit_read_prompt(STR("slightly brighter"), &a);
    edit_read_prompt(STR("much brighter"), &b);
    assert_true(a.brightness * 2 < b.brightness);
}

static void test_mp4(void **state) {
    (void)state;
    static const char film[] = "\0\0\0\1\x67\x64\x00\x1e\xac\0\0\1\x68\xee\x3c\0\0\1\x65\x88\x80\x10\0\0\1\x41\x9a\x02";
    struct mp4_film f = {.h264 = str_n(film, sizeof film - 1), .w = 64, .h = 64, .fps = 24, .frames = 2};
    struct why why = {0};
    struct buf out = {0};
    assert_int_equal(mp4_write(&f, &why, &out), OK);
    struct str s = buf_view(&out);
    assert_memory_equal(s.ptr + 4, "ftypisom", 8);
    /* The index stands before the samples, and the first offset in it leads to the first sample: its length, then its bytes. */
    size_t moov = 0, mdat = 0, stco = 0;
    for (size_t i = 0; i + 4 < s.len; i++) {
        if (!moov && !memcmp(s.ptr + i, "moov", 4)) moov = i;
        if (!mdat && !memcmp(s.ptr + i, "mdat", 4)) mdat = i;
        if (!stco && !memcmp(s.ptr + i, "stco", 4)) stco = i;
    }
    assert_true(moov && moov < stco && stco < mdat);
    const unsigned char *o = (const unsigned char *)s.ptr + stco + 12;
    size_t at = (size_t)o[0] << 24 | (size_t)o[1] << 16 | (size_t)o[2] << 8 | o[3];
    assert_int_equal(at, mdat + 4);
    assert_memory_equal(s.ptr + at, "\0\0\0\4\x65\x88\x80\x10\0\0\0\3\x41\x9a\x02", 15);
    out.len = 0;
    f.frames = 3;
    assert_int_equal(mp4_write(&f, &why, &out), E_INVALID);
    f.frames = 2, f.aac = STR("not sound at all"), f.rate = 48000, f.channels = 2, f.samples = 4000;
    assert_int_equal(mp4_write(&f, &why, &out), E_INVALID);
    f.h264 = STR("\0\0\1\x65\x88");
    assert_int_equal(mp4_write(&f, &why, &out), E_INVALID);
    assert_int_equal(out.len, 0);
    buf_done(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_edit_words), cmocka_unit_test(test_motion_words), cmocka_unit_test(test_degrees), cmocka_unit_test(test_mp4)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
