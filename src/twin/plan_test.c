/* What the twin makes of inputs, and what it can be told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "twin/plan.h"

#include <stdio.h>

static const struct twin_file picture = {.input = {"image", 5}, .type = "image/png", .width = 900, .height = 600};
static const struct twin_file speech = {.input = {"audio", 5}, .type = "audio/mpeg", .duration_ms = 2345};

static void expect_members(struct str got, const char *want, const char *row) {
    struct arena a = {};
    struct json *seen, *wanted;
    assert_int_equal(json_parse(got, &a, NULL, &seen), OK);
    assert_int_equal(json_parse(str_of(want), &a, NULL, &wanted), OK);
    for (const struct json *m = wanted->child; m; m = m->next) {
        const struct json *s = json_get_str(seen, m->key);
        if (!s || !str_eq(s->text, m->text) || s->type != m->type || s->boolean != m->boolean) fail_msg("%s: expected %s, seen %.*s", row, want, STR_ARG(got));
    }
    arena_done(&a);
}

static void test_plans(void **state) {
    static const struct {
        const char *kind, *inputs, *model, *want;
        const struct twin_file *file;
        int64_t outputs;
    } rows[] = {
        {"image", "{}", "twin-picture", "{\"width\":1024,\"height\":1024,\"format\":\"png\",\"prompt\":\"a quiet harbour at dusk\"}", NULL, 1},
        {"image", "{\"size\":\"1000x701\",\"n\":3,\"format\":\"jpeg\"}", "twin-picture", "{\"width\":1000,\"height\":701,\"format\":\"jpeg\"}", NULL, 3},
        {"image", "{\"size\":{\"width\":300,\"height\":200}}", "twin-picture", "{\"width\":300,\"height\":200}", NULL, 1},
        {"image", "{\"size\":\"2048*1024\",\"output_format\":\"webp\"}", "twin-picture", "{\"width\":2048,\"height\":1024,\"format\":\"webp\"}", NULL, 1},
        {"image", "{\"image_size\":\"landscape_16_9\"}", "twin-picture", "{\"width\":1024,\"height\":576}", NULL, 1},
        {"image", "{\"resolution\":\"2K\"}", "twin-picture", "{\"width\":2048,\"height\":2048}", NULL, 1},
        {"image", "{\"size\":\"4K\",\"aspect_ratio\":\"1:1\"}", "twin-picture", "{\"width\":4096,\"height\":4096}", NULL, 1},
        {"image", "{\"resolution\":\"4K\",\"aspect_ratio\":\"16:9\"}", "twin-picture", "{\"width\":4096,\"height\":2304}", NULL, 1},
        {"image", "{\"aspect_ratio\":\"auto\"}", "twin-picture", "{\"width\":1256,\"height\":840}", &picture, 1},
        {"image", "{\"width\":9000,\"height\":3000}", "twin-picture", "{\"width\":4096,\"height\":1365}", NULL, 1},
        {"video", "{}", "twin-film", "{\"width\":1280,\"height\":720,\"frames\":60,\"fps\":12,\"sound\":false}", NULL, 1},
        {"video", "{\"duration\":3.5,\"resolution\":\"480p\",\"audio\":true}", "twin-film", "{\"width\":854,\"height\":480,\"frames\":42,\"sound\":true}", NULL, 1},
        {"video", "{\"seconds\":\"8\",\"resolution\":\"4k\",\"ratio\":\"9:16\"}", "twin-film", "{\"width\":2160,\"height\":3840,\"frames\":96}", NULL, 1},
        {"video", "{\"resolution\":\"1080P\",\"sound\":\"on\"}", "twin-film", "{\"width\":1620,\"height\":1080,\"sound\":true}", &picture, 1},
        {"video", "{\"size\":\"7680x4320\"}", "twin-film", "{\"width\":3840,\"height\":2160}", NULL, 1},
        {"video", "{\"duration\":100000}", "twin-film", "{\"frames\":7200}", NULL, 1},
        {"video", "{\"duration\":5}", "twin-film", "{\"frames\":28,\"sound\":true}", &speech, 1},
        {"audio", "{\"prompt\":\"x\"}", "twin-sound", "{\"duration_ms\":10000,\"format\":\"mp3\"}", NULL, 1},
        {"audio", "{\"prompt\":\"x\",\"duration\":\"2.5s\",\"format\":\"wav\"}", "twin-sound", "{\"duration_ms\":2500,\"format\":\"wav\"}", NULL, 1},
        {"audio", "{\"prompt\":\"x\",\"music_length_ms\":3000}", "twin-sound", "{\"duration_ms\":3000}", NULL, 1},
        {"audio", "{\"text\":\"hello\",\"voice\":\"nobody\",\"response_format\":\"opus\",\"speed\":1.5}", "twin-voice", "{\"text\":\"hello\",\"format\":\"ogg\",\"speed\":1.500}", NULL, 1},
        {"audio", "{\"input\":\"hello\",\"output_format\":\"pcm_44100\",\"speed\":9}", "twin-voice", "{\"text\":\"hello\",\"format\":\"wav\"}", NULL, 1},
        {"video", "{\"twin\":\"wrong-type\"}", "twin-picture", "{\"format\":\"png\"}", NULL, 1},
        {"image", "{\"prompt\":\"a [twin: wrong-type] b\"}", "twin-sound", "{\"duration_ms\":10000}", NULL, 1},
        {"video", "{\"duration\":9,\"twin\":{\"length\":\"2s\"}}", "twin-film", "{\"frames\":24}", NULL, 1},
        {"image", "{\"n\":3,\"twin\":\"fewer 2\"}", "twin-picture", "{}", NULL, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a = {};
        struct why why = {};
        struct twin_plan p;
        struct twin_call c = {.kind = str_of(rows[i].kind), .inputs = str_of(rows[i].inputs), .files = rows[i].file, .file_count = rows[i].file != NULL,
                              .media_input = rows[i].file == &speech ? STR("audio") : STR("")};
        if (twin_plan(&c, &a, &why, &p)) fail_msg("%s: %s", rows[i].inputs, why_text(&why));
        assert_string_equal(p.model, rows[i].model);
        expect_members(p.inputs, rows[i].want, rows[i].inputs);
        assert_int_equal(p.outputs, rows[i].outputs);
        arena_done(&a);
    }
}

static void test_transcript(void **state) {
    struct arena a = {};
    struct why why = {};
    struct twin_plan p;
    struct twin_call c = {.kind = STR("text"), .inputs = STR("{}"), .files = &speech, .file_count = 1};
    struct json *words;
    assert_int_equal(twin_plan(&c, &a, &why, &p), OK);
    assert_null(p.model);
    assert_int_equal(json_parse(p.words, &a, NULL, &words), OK);
    assert_true(words->count > 5);
    assert_true(str_is(json_get(json_at(words, words->count - 1), "end")->text, "2.345"));
    assert_true(p.text.len && str_is(p.language, "en"));
    arena_done(&a);
}

/* The helper is given pictures it can read; a mask is no picture of anything. */
static void test_files(void **state) {
    struct arena a = {};
    struct why why = {};
    struct twin_plan p;
    const struct twin_file files[] = {picture, {.input = STR("mask"), .type = "image/png", .width = 5, .height = 5}, speech, {.input = STR("x"), .type = "image/avif"},
                                      {.input = STR("references"), .type = "image/jpeg"}};
    struct twin_call c = {.kind = STR("image"), .inputs = STR("{}"), .files = files, .file_count = 5};
    assert_int_equal(twin_plan(&c, &a, &why, &p), OK);
    const char *want[] = {"image", NULL, NULL, NULL, "image"};
    for (size_t i = 0; i < 5; i++) assert_true(want[i] ? p.names[i] && !strcmp(want[i], p.names[i]) : !p.names[i]);
    arena_done(&a);
}

static void test_moods(void **state) {
    struct twin_mood m = {};
    struct why why = {};
    assert_int_equal(twin_mood_read(STR("slow 250ms, fail transient 2, busy 3 2s, lose, fewer 2"), &why, &m), OK);
    assert_true(m.any && m.slow == 250 && !strcmp(m.fail, "transient") && m.fail_times == 2 && m.busy == 3 && m.busy_for == 2000 && m.lose == 1 && m.fewer == 2);
    assert_int_equal(twin_mood_read(STR("wrong-type, length 7, twice, late 3s, forged, expire, done-then-fail, die 2"), &why, &m), OK);
    assert_true(m.wrong_type && m.length == 7000 && m.twice && m.late == 3000 && m.forged && m.expire && m.done_then_fail && m.die == 2 && m.slow == 250);
    assert_int_equal(twin_mood_read(STR(" , "), &why, &m), OK);
    static const char *const bad[] = {"explode", "slow", "slow soon", "slow -1", "slow 3s 4s", "slow 999999999999999999999", "fail", "fail badly", "fail transient x",
                                      "fail transient 1 2", "lose x", "busy x", "busy 1 soon", "busy 1 1s 1s", "fewer -1", "wrong-type 1", "twice 2", "late", "die 1 2", "length"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct twin_mood none = {};
        if (twin_mood_read(str_of(bad[i]), &why, &none) != E_INVALID) fail_msg("%s was read", bad[i]);
        assert_non_null(strstr(why_text(&why), "docs/TWIN.md"));
    }
}

static void test_finding(void **state) {
    static const struct { const char *json; bool any; err e; } rows[] = {
        {"{}", false, OK}, {"not json", false, OK}, {"not json [twin: slow 1s]", true, OK}, {"{\"twin\":\"slow 1s\"}", true, OK},
        {"{\"twin\":{\"slow\":1,\"twice\":true,\"expire\":false}}", true, OK}, {"{\"twin\":7}", false, OK}, {"{\"a\":{\"b\":\"x [twin: slow 1s\"}}", false, OK},
        {"{\"a\":{\"b\":\"x [twin: slow 1s] [twin: twice]\"}}", true, OK}, {"{\"twin\":\"no\"}", true, E_INVALID}, {"[twin: no]", true, E_INVALID}, {"{\"twin\":{\"slow\":{}}}", true, E_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a = {};
        struct twin_mood m = {};
        assert_int_equal(twin_mood_find(str_of(rows[i].json), &a, NULL, &m), rows[i].e);
        if (m.any != rows[i].any) fail_msg("%s", rows[i].json);
        arena_done(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plans), cmocka_unit_test(test_transcript), cmocka_unit_test(test_files), cmocka_unit_test(test_moods),
                                       cmocka_unit_test(test_finding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
