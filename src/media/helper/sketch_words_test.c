/* What the renderer understands of a prompt; the drawings' own syntax; that boxes keep apart. No helper process here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "media/helper/pen.h"
#include "media/helper/sketch_words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* "2 blue cat; 1 - bicycle | dusk hills": what was understood, in one line. */
static void describe(const char *prompt, char *out, size_t size) {
    static struct plan p;
    size_t n = 0;
    sketch_read_prompt(str_of(prompt), &p);
    *out = 0;
    for (int i = 0; i < p.subject_count; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%d %s %s", i ? "; " : "", p.subjects[i].count, *p.subjects[i].colour ? p.subjects[i].colour : "-", p.subjects[i].noun->name);
    n += (size_t)snprintf(out + n, size - n, " | %s %s%s%s%s", sketch_time_name(p.time), sketch_setting_name(p.setting), p.rain ? " rain" : "", p.snow ? " snow" : "", p.fog ? " fog" : "");
    if (*p.text) snprintf(out + n, size - n, " [%s]", p.text);
}

static const struct { const char *prompt, *want; } prompts[] = {
    {"a red bicycle and two blue cats", "1 red bicycle; 2 blue cat | day hills"},
    {"Two BLUE cats, one red bicycle.", "2 blue cat; 1 red bicycle | day hills"},
    {"a big shiny red old bicycle at dusk", "1 red bicycle | dusk hills"},
    {"the bicycle is red", "1 red bicycle | day hills"},
    {"three cats, all of them black", "3 black cat | day hills"},
    {"a car painted light blue", "1 light blue car | day hills"},
    {"a dark green car", "1 dark green car | day hills"},
    {"a sky blue car", "1 sky blue car | day hills"},
    {"a car under a pink sky", "1 - car | day hills"},
    {"a cat on a red sofa", "1 - cat | day hills"},
    {"a red and white umbrella", "1 red umbrella | day hills"},
    {"a pair of brown shoes", "2 brown shoe | day room"},
    {"a dozen apples", "12 - apple | day room"},
    {"half a dozen apples", "6 - apple | day room"},
    {"two dozen apples", "24 - apple | day room"},
    {"twenty-four stars", "24 - star | night hills"},
    {"99 red balloons", "24 red balloon | day hills"},
    {"a few birds", "3 - bird | day hills"},
    {"cats", "3 - cat | day hills"},
    {"4 green cacti in the desert at noon", "4 green cactus | day desert"},
    {"a house without trees", "1 - house | day hills"},
    {"no cats, only a dog", "1 - dog | day hills"},
    {"an apple tree", "1 - tree | day hills"},
    {"an orange on a table", "1 - orange; 1 - table | day room"},
    {"an orange cat", "1 orange cat | day hills"},
    {"two oranges", "2 - orange | day room"},
    {"a red balloon and a blue balloon", "1 red balloon; 1 blue balloon | day hills"},
    {"a cat. the cat is black", "1 black cat | day hills"},
    {"a lighthouse by the ocean at midnight in the fog", "1 - lighthouse | night sea fog"},
    {"a boat", "1 - boat | day sea"},
    {"a snowman in the snow", "1 - snowman | day snow snow"},
    {"a castle at golden hour in the rain", "1 - castle | dusk hills rain"},
    {"a hot air balloon at sunrise", "1 - balloon | dawn hills"},
    {"a golden crown", "1 golden crown | day room"},
    {"a robot on a blue background", "1 - robot | day plain"},
    {"a sign \"OPEN 24 cats\"", " | day hills [OPEN 24 cats]"},
    {"it's a dog's life, a 'red car' say", "1 - dog | day hills [red car]"},
    {"a sign saying \xe2\x80\x9c" "Caf\xc3\xa9\xe2\x80\x9d", " | day hills [Caf\xc3\xa9]"},
    {"an unclosed \"quote with a cat", "1 - cat | day hills"},
    {"democracy", " | day hills"},
    {"", " | day hills"},
    {"\xff\xfe\"\xff\"", " | day hills"},
};

static void test_prompts(void **state) {
    (void)state;
    char got[2048];
    for (size_t i = 0; i < sizeof prompts / sizeof *prompts; i++) {
        describe(prompts[i].prompt, got, sizeof got);
        if (strcmp(got, prompts[i].want)) fail_msg("\"%s\"\n  understood as: %s\n  instead of:    %s", prompts[i].prompt, got, prompts[i].want);
    }
}

/* Every noun is found by each of its words, in singular as one and in plural as three, and by nothing else. */
static void test_every_noun(void **state) {
    (void)state;
    static struct plan p;
    char prompt[80];
    assert_true(sketch_noun_count >= 40);
    for (size_t i = 0; i < sketch_noun_count; i++) {
        struct str rest = str_of(sketch_nouns[i].words), word;
        while (rest.len) {
            str_cut(rest, ' ', &word, &rest);
            snprintf(prompt, sizeof prompt, "two green %.*s", STR_ARG(word));
            for (char *c = prompt; *c; c++)
                if (*c == '_') *c = ' ';
            sketch_read_prompt(str_of(prompt), &p);
            if (p.subject_count != 1 || p.subjects[0].noun != &sketch_nouns[i] || p.subjects[0].count != 2 || strcmp(p.subjects[0].colour, "green"))
                fail_msg("\"%s\" is not two green %s", prompt, sketch_nouns[i].name);
        }
    }
}

static void test_every_colour(void **state) {
    (void)state;
    static struct plan p;
    char prompt[80];
    assert_true(sketch_colour_count >= 20);
    for (size_t i = 0; i < sketch_colour_count; i++) {
        snprintf(prompt, sizeof prompt, "a %s house", sketch_colours[i].word);
        for (char *c = prompt; *c; c++)
            if (*c == '_') *c = ' ';
        sketch_read_prompt(str_of(prompt), &p);
        struct rgb want = rgb_hex(sketch_colours[i].hex);
        if (p.subject_count != 1 || fabs(p.subjects[0].main.r - want.r) > 0.001 || fabs(p.subjects[0].main.b - want.b) > 0.001) fail_msg("%s", prompt);
    }
}

/* The drawings are a language of their own; a slip in one ends this test. */
static void test_drawings(void **state) {
    (void)state;
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, 100, 100);
    cairo_t *cr = cairo_create(s);
    for (size_t i = 0; i < sketch_noun_count; i++) {
        struct box e = pen_extent(cr, sketch_nouns[i].art);
        if (!(e.w > 20 && e.w < 200 && e.h > 20 && e.h < 200)) fail_msg("%s has an extent of %f x %f", sketch_nouns[i].name, e.w, e.h);
        struct pen p = {.cr = cr, .main = {1, 0, 0}, .accent = {0, 1, 0}, .light = 1, .seed = 1};
        pen_draw(&p, sketch_nouns[i].art, e, (struct box){0, 0, 100, 100}, i % 2);
        assert_int_equal(cairo_status(cr), CAIRO_STATUS_SUCCESS);
    }
    cairo_destroy(cr);
    cairo_surface_destroy(s);
}

static bool apart(struct box a, struct box b) {
    return floor(a.x + a.w) <= floor(b.x) || floor(b.x + b.w) <= floor(a.x) || floor(a.y + a.h) <= floor(b.y) || floor(b.y + b.h) <= floor(a.y);
}

static void check_places(const char *prompt, int w, int h, uint64_t seed) {
    static struct plan p;
    struct box all[SKETCH_MAX_BOXES];
    int n = 0;
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, 1);
    sketch_read_prompt(str_of(prompt), &p);
    struct canvas c = {.cr = cairo_create(s), .w = w, .h = h, .seed = seed, .plan = &p};
    sketch_place(&c, &p);
    for (int i = 0; i < p.subject_count; i++)
        for (int k = 0; k < p.subjects[i].count; k++) all[n++] = p.subjects[i].boxes[k];
    for (int i = 0; i < n; i++) {
        if (all[i].x < 0 || all[i].y < 0 || all[i].x + all[i].w > w || all[i].y + all[i].h > h || !(all[i].w > 0) || !(all[i].h > 0))
            fail_msg("\"%s\" %dx%d seed %d: box %d lies outside", prompt, w, h, (int)seed, i);
        for (int k = 0; k < i; k++)
            if (!apart(all[i], all[k])) fail_msg("\"%s\" %dx%d seed %d: boxes %d and %d overlap", prompt, w, h, (int)seed, k, i);
    }
    cairo_destroy(c.cr);
    cairo_surface_destroy(s);
}

static void test_places(void **state) {
    (void)state;
    static const char *const many[] = {"a cat", "24 cats", "24 cats, 24 birds, 24 boats and 24 apples", "a mountain, a flower, a sun, a boat, a key, a cloud, two trees and a person",
                                       "a boat, a duck, a lighthouse and five stars \"with a long text that is set below in several lines of letters\"", "two rockets in space"};
    static const int sizes[][2] = {{64, 64}, {1024, 1024}, {2048, 64}, {64, 2048}, {1280, 720}, {719, 1281}};
    for (size_t i = 0; i < sizeof many / sizeof *many; i++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
            for (uint64_t seed = 0; seed < 12; seed++) check_places(many[i], sizes[k][0], sizes[k][1], seed);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_prompts), cmocka_unit_test(test_every_noun), cmocka_unit_test(test_every_colour), cmocka_unit_test(test_drawings),
                                       cmocka_unit_test(test_places)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
