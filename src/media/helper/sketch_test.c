/* The renderer through the real helper: what the scene claims is looked for in the decoded pixels. argv[1] is puras-media. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "media/helper/sketch_prompts.h"
#include "media/media.h"

#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct picture {
    struct render_answer answer;
    cairo_surface_t *surface;
    struct arena arena;
    struct json *scene;
};

static const char *program;
static struct helper *helper;
static char dir[64], out_path[96];

static int setup(void **state) {
    (void)state;
    struct why why = {0};
    struct helper_options o = {.program = program, .at_once = 2};
    snprintf(dir, sizeof dir, "%s", "/tmp/puras-sketch-XXXXXX");
    if (!mkdtemp(dir)) return -1;
    snprintf(out_path, sizeof out_path, "%s/out", dir);
    if (helper_start(&o, &why, &helper)) return fprintf(stderr, "%s\n", why_text(&why)), -1;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    helper_stop(helper);
    unlink(out_path);
    rmdir(dir);
    return 0;
}

static struct render_answer render(const char *prompt, const char *size, const char *format, uint64_t seed) {
    struct buf b = {0};
    struct jw w = {.out = &b};
    struct render_answer a;
    jw_open(&w, '{');
    jw_kz(&w, "prompt", prompt);
    jw_kz(&w, "size", size);
    jw_kz(&w, "format", format);
    jw_close(&w, '}');
    struct render_job j = {.model = "sketch", .inputs = buf_view(&b), .seed = seed, .out_path = out_path, .timeout = 60000};
    helper_render(helper, &j, &a);
    buf_done(&b);
    if (a.code) fail_msg("\"%s\": %s %s", prompt, err_name(a.code), a.detail);
    return a;
}

static void picture_done(struct picture *p) {
    cairo_surface_destroy(p->surface);
    arena_done(&p->arena);
    free(p);
}

static struct picture *paint(const char *prompt, const char *size, uint64_t seed) {
    struct picture *p = calloc(1, sizeof *p);
    p->answer = render(prompt, size, "png", seed);
    p->surface = cairo_image_surface_create_from_png(out_path);
    assert_int_equal(cairo_surface_status(p->surface), CAIRO_STATUS_SUCCESS);
    cairo_surface_flush(p->surface);
    assert_int_equal(json_parse(str_of(p->answer.scene), &p->arena, NULL, &p->scene), OK);
    return p;
}

static uint32_t pixel(const struct picture *p, int x, int y) {
    uint32_t v;
    memcpy(&v, cairo_image_surface_get_data(p->surface) + (size_t)y * (size_t)cairo_image_surface_get_stride(p->surface) + (size_t)x * 4, 4);
    return v & 0xffffff;
}

/* Families of colour as people name them; grey is the one that has no hue. */
enum family { RED, ORANGE, YELLOW, GREEN, CYAN, BLUE, PURPLE, PINK, BROWN, BLACK, WHITE, GREY, FAMILIES };
static const char *const family_names[] = {"red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "brown", "black", "white", "grey"};

/* Hue in degrees, chroma and value. */
static void split(uint32_t rgb, double *hue, double *chroma, double *max, double *min) {
    double r = (rgb >> 16 & 255) / 255.0, g = (rgb >> 8 & 255) / 255.0, b = (rgb & 255) / 255.0;
    *max = fmax(r, fmax(g, b));
    *min = fmin(r, fmin(g, b));
    double c = *chroma = *max - *min;
    *hue = c == 0 ? 0 : *max == r ? fmod((g - b) / c + 6, 6) * 60 : *max == g ? ((b - r) / c + 2) * 60 : ((r - g) / c + 4) * 60;
}

static enum family family_of(uint32_t rgb) {
    double hue, c, max, min;
    split(rgb, &hue, &c, &max, &min);
    if (max < 0.24) return BLACK;
    if (c < 0.13) return max > 0.75 ? WHITE : max < 0.30 ? BLACK : GREY;
    if (hue >= 10 && hue < 45 && max < 0.68) return BROWN;
    if (hue >= 330 || hue < 10) return min > 0.42 ? PINK : hue >= 330 && hue < 345 && max > 0.75 ? PINK : RED;
    return hue < 40 ? ORANGE : hue < 66 ? YELLOW : hue < 160 ? GREEN : hue < 195 ? CYAN : hue < 250 ? BLUE : hue < 300 ? PURPLE : PINK;
}

/* The same family, or the same hue in light or shade: pink in shade is what a table of families calls red. */
static bool is_like(uint32_t rgb, uint32_t want) {
    double h1, c1, h2, c2, max, max2, min;
    if (family_of(rgb) == family_of(want)) return true;
    split(rgb, &h1, &c1, &max, &min);
    split(want, &h2, &c2, &max2, &min);
    double d = fabs(h1 - h2);
    return c2 >= 0.13 && c1 >= 0.13 && fmin(d, 360 - d) < 14 && fabs(max - max2) < 0.35;
}

static void box_of(const struct json *j, int64_t out[4]) {
    for (uint32_t i = 0; i < 4; i++) assert_true(json_as_i64(json_at(j, i), &out[i]));
}

static double luma_of(const struct picture *p) {
    double sum = 0;
    int w = cairo_image_surface_get_width(p->surface), h = cairo_image_surface_get_height(p->surface), n = 0;
    for (int y = 0; y < h; y += 3)
        for (int x = 0; x < w; x += 3, n++) {
            uint32_t v = pixel(p, x, y);
            sum += 0.299 * (v >> 16 & 255) + 0.587 * (v >> 8 & 255) + 0.114 * (v & 255);
        }
    return sum / n;
}

/* In every box the family of the subject's colour is the largest. Returns the number of boxes where it is not. */
static int check_colour(const struct picture *p, const char *prompt, const struct json *subject) {
    struct str rgb;
    char text[8] = "";
    assert_true(json_as_str(json_get(subject, "colour_rgb"), &rgb) && rgb.len == 7);
    memcpy(text, rgb.ptr + 1, 6);
    uint32_t named = (uint32_t)strtoul(text, NULL, 16);
    enum family want = family_of(named);
    int wrong = 0;
    for (const struct json *b = json_get(subject, "boxes")->child; b; b = b->next) {
        int64_t v[4], tally[FAMILIES] = {0}, best = 0;
        box_of(b, v);
        for (int64_t y = v[1]; y < v[1] + v[3]; y++)
            for (int64_t x = v[0]; x < v[0] + v[2]; x++) tally[is_like(pixel(p, (int)x, (int)y), named) ? want : family_of(pixel(p, (int)x, (int)y))]++;
        for (int i = 0; i < FAMILIES; i++)
            if (tally[i] > tally[best]) best = i;
        if (best != (int64_t)want || tally[want] * 4 < v[2] * v[3])
            wrong += printf("\"%s\": a %s box is mostly %s (%d%% against %d%%)\n", prompt, family_names[want], family_names[best],
                            (int)(100 * tally[best] / (v[2] * v[3])), (int)(100 * tally[want] / (v[2] * v[3]))) > 0;
    }
    return wrong;
}

static void check_boxes(const struct picture *p, const char *prompt) {
    int64_t all[128][4];
    int n = 0;
    for (const struct json *s = json_get(p->scene, "subjects")->child; s; s = s->next)
        for (const struct json *b = json_get(s, "boxes")->child; b; b = b->next) box_of(b, all[n++]);
    for (int i = 0; i < n; i++) {
        assert_true(all[i][0] >= 0 && all[i][1] >= 0 && all[i][2] > 0 && all[i][3] > 0);
        assert_true(all[i][0] + all[i][2] <= p->answer.width && all[i][1] + all[i][3] <= p->answer.height);
        for (int k = 0; k < i; k++)
            if (all[i][0] < all[k][0] + all[k][2] && all[k][0] < all[i][0] + all[i][2] && all[i][1] < all[k][1] + all[k][3] && all[k][1] < all[i][1] + all[i][3])
                fail_msg("\"%s\": boxes %d and %d overlap", prompt, k, i);
    }
}

static void check_string(const struct picture *p, const char *prompt, const char *key, const char *want) {
    struct str s;
    if (!want) {
        assert_true(json_is(json_get(p->scene, key), JSON_NULL));
    } else if (!json_as_str(json_get(p->scene, key), &s) || !str_is(s, want)) {
        fail_msg("\"%s\": %s is not %s in %s", prompt, key, want, p->answer.scene);
    }
}

static void test_fixed_prompts(void **state) {
    (void)state;
    int wrong = 0;
    for (int i = 0; i < FIXED_PROMPTS; i++) {
        const struct fixed_prompt *f = &fixed_prompts[i];
        char size[32];
        snprintf(size, sizeof size, "%dx%d", f->w, f->h);
        struct picture *p = paint(f->prompt, size, f->seed);
        assert_int_equal(cairo_image_surface_get_width(p->surface), f->w);
        assert_int_equal(cairo_image_surface_get_height(p->surface), f->h);
        check_string(p, f->prompt, "time_of_day", f->time_of_day);
        check_string(p, f->prompt, "setting", f->setting);
        check_string(p, f->prompt, "text", f->text);
        const struct json *s = json_get(p->scene, "subjects")->child;
        for (const struct expected_subject *e = f->subjects; e < f->subjects + 4 && e->name; e++, s = s->next) {
            struct str name = {0}, colour = {0};
            int64_t count = 0;
            assert_true(s && json_as_str(json_get(s, "name"), &name) && json_as_i64(json_get(s, "count"), &count));
            if (!str_is(name, e->name) || count != e->count || json_get(s, "boxes")->count != (uint32_t)e->count) fail_msg("\"%s\": %s", f->prompt, p->answer.scene);
            if (e->colour) assert_true(json_as_str(json_get(s, "colour"), &colour) && str_is(colour, e->colour));
            wrong += check_colour(p, f->prompt, s);
        }
        assert_null(s);
        check_boxes(p, f->prompt);
        picture_done(p);
    }
    assert_int_equal(wrong, 0);
}

/* The commonest colours on the thinnest, the roundest and the busiest drawings, in every place that has a colour of its own. */
static void test_colours(void **state) {
    (void)state;
    static const char *const colours[] = {"red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "grey"};
    static const char *const nouns[] = {"bicycle", "cat", "bird", "boat", "castle", "house", "guitar", "key", "umbrella", "chair", "train", "person", "fish", "clock"};
    static const char *const places[] = {"", " in the desert at dusk", " by the sea", " in the snow", " in a room", " at night", " in a forest", " on a plain background"};
    char prompt[128];
    int k = 0, wrong = 0;
    for (size_t n = 0; n < sizeof nouns / sizeof *nouns; n++)
        for (size_t c = 0; c < sizeof colours / sizeof *colours; c++, k++) {
            snprintf(prompt, sizeof prompt, "a %s %s%s", colours[c], nouns[n], places[(size_t)k % (sizeof places / sizeof *places)]);
            struct picture *p = paint(prompt, "256x256", (uint64_t)k);
            wrong += check_colour(p, prompt, json_get(p->scene, "subjects")->child);
            picture_done(p);
        }
    assert_int_equal(wrong, 0);
}

static void test_time_of_day(void **state) {
    (void)state;
    static const char *const places[] = {"", " by the sea", " in the forest", " in the city", " in the desert", " in the snow", " in a room", " on a plain background", ", freedom of thought"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char day[96], night[96];
        snprintf(day, sizeof day, "%s%s at noon", i == 8 ? "an idea" : "a cat", places[i]);
        snprintf(night, sizeof night, "%s%s at night", i == 8 ? "an idea" : "a cat", places[i]);
        struct picture *a = paint(day, "256x192", 3), *b = paint(night, "256x192", 3);
        if (luma_of(b) > luma_of(a) * 0.7) fail_msg("%s: day %.0f, night %.0f", places[i], luma_of(a), luma_of(b));
        check_string(b, night, "time_of_day", "night");
        picture_done(a);
        picture_done(b);
    }
}

static struct str whole_file(struct arena *a) {
    FILE *f = fopen(out_path, "rb");
    char *p = arena_bytes(a, 1 << 22);
    size_t n = fread(p, 1, 1 << 22, f);
    fclose(f);
    return str_n(p, n);
}

static void test_determinism_and_seed(void **state) {
    (void)state;
    struct arena a = {0};
    struct str one, two, three;
    static const char prompt[] = "three red apples and a green cup, \"hi\"";
    struct render_answer r1 = render(prompt, "200x160", "png", 7);
    one = whole_file(&a);
    struct render_answer r2 = render(prompt, "200x160", "png", 7);
    two = whole_file(&a);
    struct render_answer r3 = render(prompt, "200x160", "png", 8);
    three = whole_file(&a);
    assert_true(str_eq(one, two));
    assert_string_equal(r1.scene, r2.scene);
    assert_false(str_eq(one, three));
    assert_string_not_equal(r1.scene, r3.scene); /* other places */
    struct json *s1, *s3;
    assert_int_equal(json_parse(str_of(r1.scene), &a, NULL, &s1), OK);
    assert_int_equal(json_parse(str_of(r3.scene), &a, NULL, &s3), OK);
    static const char *const facts[] = {"subject", "colours", "count", "time_of_day", "setting", "text"};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) { /* the same facts */
        struct buf x = {0}, y = {0};
        json_write(&x, json_get(s1, facts[i]));
        json_write(&y, json_get(s3, facts[i]));
        assert_true(str_eq(buf_view(&x), buf_view(&y)));
        buf_done(&x);
        buf_done(&y);
    }
    arena_done(&a);
}

static void test_sizes_and_formats(void **state) {
    (void)state;
    static const struct { const char *size, *format, *type; int w, h; } cases[] = {
        {"64x64", "png", "image/png", 64, 64}, {"2048x64", "png", "image/png", 2048, 64}, {"64x2048", "webp", "image/webp", 64, 2048}, {"640x360", "jpeg", "image/jpeg", 640, 360},
        {"333x777", "webp", "image/webp", 333, 777}, {"2048x2048", "png", "image/png", 2048, 2048}, {"1001x67", "jpeg", "image/jpeg", 1001, 67}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct render_answer a = render("24 yellow stars and five blue fish in the sea \"words\"", cases[i].size, cases[i].format, 1);
        assert_string_equal(a.type, cases[i].type); /* helper.c compared it and the dimensions with the file's bytes */
        assert_int_equal(a.width, cases[i].w);
        assert_int_equal(a.height, cases[i].h);
    }
}

/* Pixels of dark ink in the lower part, where the lettering stands. */
static int ink(const char *text) {
    char prompt[256];
    snprintf(prompt, sizeof prompt, "a yellow sun on a white background \"%s\"", text);
    struct picture *p = paint(prompt, "512x512", 1);
    int n = 0;
    for (int y = 512 * 3 / 4; y < 512; y++)
        for (int x = 60; x < 452; x++) n += family_of(pixel(p, x, y)) == BLACK;
    check_string(p, prompt, "text", text);
    picture_done(p);
    return n;
}

/* Were it read as markup, the tags would vanish, and broken ones would leave nothing at all. */
static void test_text_is_never_markup(void **state) {
    (void)state;
    assert_true(ink("<b></b>") > 200);
    assert_true(ink("<span size='1'>X</span>") > 400);
    assert_true(ink("<b") > 100);
    assert_true(ink("&amp;&lt;") > 200);
    assert_true(ink("&#0; <unknown/>") > 200);
}

/* Whatever script: no other font file is wanted, which would end the child. */
static void test_text_of_any_script(void **state) {
    (void)state;
    static const char *const texts[] = {"\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96\xe7\x95\x8c", "\xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
                                        "\xe0\xa4\xa8\xe0\xa4\xae\xe0\xa4\xb8\xe0\xa5\x8d\xe0\xa4\xa4\xe0\xa5\x87", "\xf0\x9f\x98\x80\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80", "\xed\x95\x9c\xea\xb8\x80",
                                        "\xe0\xb8\xaa\xe0\xb8\xa7\xe0\xb8\xb1\xe0\xb8\xaa\xe0\xb8\x94\xe0\xb8\xb5", "\xf0\x92\x80\x80\xf0\x93\x80\x80", "\xe2\x80\xaexyz\xe2\x80\xac", "a\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85",
                                        "\xef\xbf\xbd\xf4\x8f\xbf\xbf", "\xe1\x9e\x97\xe1\x9e\xb6\xe1\x9e\x9f\xe1\x9e\xb6", "\xe0\xae\xa4\xe0\xae\xae\xe0\xae\xbf\xe0\xae\xb4\xe0\xaf\x8d",
                                        "\xe0\xba\xa5\xe0\xba\xb2\xe0\xba\xa7", "\xe1\x80\x99\xe1\x80\xbc\xe1\x80\x94\xe1\x80\xba", "\xe0\xbd\x96\xe0\xbd\xbc\xe0\xbd\x91", "\xe2\x88\x91\xe2\x9c\x93\xe2\x98\x83\xe2\x99\xab"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char prompt[256];
        snprintf(prompt, sizeof prompt, "a cat \"%s\"", texts[i]);
        render(prompt, "256x256", "png", i);
        render(prompt, "1500x300", "jpeg", i);
    }
}

static void test_abstract(void **state) {
    (void)state;
    struct picture *p = paint("the smell of an idea", "256x256", 1), *q = paint("jurisprudence", "256x256", 1);
    assert_true(json_is(json_get(p->scene, "subject"), JSON_NULL));
    assert_int_equal(json_get(p->scene, "subjects")->count, 0);
    int differ = 0;
    bool seen[FAMILIES] = {0};
    for (int y = 0; y < 256; y += 4)
        for (int x = 0; x < 256; x += 4) {
            differ += pixel(p, x, y) != pixel(q, x, y);
            seen[family_of(pixel(p, x, y))] = true;
        }
    assert_true(differ > 1000); /* the words decide */
    int families = 0;
    for (int i = 0; i < FAMILIES; i++) families += seen[i];
    assert_true(families >= 3);
    picture_done(p);
    picture_done(q);
}

/* The fullest scene still fits its answer. */
static void test_fullest_scene(void **state) {
    (void)state;
    struct render_answer a = render("24 light yellow butterflies, 24 pale turquoise lighthouses, 24 bright magenta umbrellas, 24 dark chocolate mushrooms, 24 cats, 24 dogs, "
                                    "24 boats, 24 stars \"\x01\x02\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\"",
                                    "2048x2048", "jpeg", 1);
    assert_true(strlen(a.scene) > 2000);
}

int main(int argc, char **argv) {
    if (argc < 2) return fputs("usage: sketch_test PURAS-MEDIA\n", stderr), 2;
    program = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed_prompts), cmocka_unit_test(test_colours), cmocka_unit_test(test_time_of_day), cmocka_unit_test(test_determinism_and_seed),
        cmocka_unit_test(test_sizes_and_formats), cmocka_unit_test(test_text_is_never_markup), cmocka_unit_test(test_text_of_any_script), cmocka_unit_test(test_abstract),
        cmocka_unit_test(test_fullest_scene)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
