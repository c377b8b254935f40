/* Canonical inputs and prices, on models written for the purpose. */
#include "catalog/catalog.h"

#include "catalog/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char models[] =
    "slug: t/video\nkind: video\ninputs:\n"
    "  image:    {file: image, required: true, aliases: [image_url, image_urls]}\n"
    "  duration: {type: seconds, default: 5, min: 3, max: 15, step: 1, price: true}\n"
    "  audio:    {type: bool, default: false, aliases: [generate_audio, sound], price: true}\n"
    "price: {unit: second, quantity: {input: duration}, rate_table: [{when: {audio: true}, micros: 201600}, {micros: 134400}]}\n"
    "---8<---\n"
    "slug: t/image\nkind: image\ninputs:\n"
    "  prompt:  {type: text, required: true, max_chars: 10}\n"
    "  size:    {type: size, default: 1024x1024, min: 64, max: 2048, step: 16, aliases: [image_size], price: true}\n"
    "  quality: {type: enum, values: [low, high, hd], default: low, price: true}\n"
    "  n:       {type: int, default: 1, min: 1, max: 4, aliases: [num_images], price: true}\n"
    "  scale:   {type: number, min: -1, max: 2.5, step: 0.25}\n"
    "  seed:    {type: int, max: 2147483647}\n"
    "  year:    {type: enum, values: [1999, '2000']}\n"
    "  guide:   {file: image, max: 3}\n"
    "price:\n  unit: image\n  outputs: {input: n}\n  rate_table:\n"
    "    - {when: {quality: [high, hd], size: {max: 1048576}}, micros: 40000}\n"
    "    - {when: {quality: [high, hd]}, micros: 90000}\n"
    "    - {when: {size: 2048x2048}, micros: 30000}\n"
    "    - {micros: 10000}\n"
    "---8<---\n"
    "slug: t/ref\nkind: video\ninputs:\n"
    "  video:    {file: video, aliases: [video_url], price: true}\n"
    "  duration: {type: int, min: 1, max: 10, required: true, price: true}\n"
    "price:\n  unit: second\n  quantity: {input: duration}\n  rate_table:\n"
    "    - {when: {video: {present: true}, duration: {min: 6}}, micros: 7}\n"
    "    - {when: {video: {present: true}}, micros: 5}\n"
    "    - {micros: 3}\n"
    "---8<---\n"
    "slug: t/collage\nkind: image\ninputs:\n"
    "  image: {file: image, max: 9, aliases: [image_urls], price: true}\n"
    "price:\n  unit: image\n  rate_table:\n"
    "    - {when: {image: {max: 1}}, micros: 10}\n"
    "    - {when: {image: {min: 2, max: 4}}, micros: 40}\n"
    "    - {when: {image: {present: true}}, micros: 90}\n"
    "    - {micros: 1}\n"
    "---8<---\n"
    "slug: t/speech\nkind: audio\ninputs: {text: {type: text, required: true, max_chars: 3000, price: true}}\n"
    "price: {unit: kchar, quantity: {input: text}, rate_table: [{micros: 30001}]}\n"
    "---8<---\n"
    "slug: t/speech-down\nkind: audio\ninputs: {text: {type: text, required: true, max_chars: 3000, price: true}}\n"
    "price: {unit: kchar, quantity: {input: text}, rate_table: [{micros: 30001, round: down}]}\n"
    "---8<---\n"
    "slug: t/speech-near\nkind: audio\ninputs: {text: {type: text, required: true, max_chars: 3000, price: true}}\n"
    "price: {unit: kchar, quantity: {input: text}, rate_table: [{micros: 30500, round: nearest}]}\n"
    "---8<---\n"
    "slug: t/speech-han\nkind: audio\ninputs: {text: {type: text, required: true, max_chars: 3000, price: true}}\n"
    "price: {unit: kchar, quantity: {input: text, han: 2}, rate_table: [{micros: 100000}]}\n"
    "---8<---\n"
    "slug: t/music\nkind: audio\nprice: {unit: second, quantity: {measured: seconds, max: 30}, if_unmeasured: 500, rate_table: [{micros: 100}]}\n"
    "---8<---\n"
    "slug: t/listen\nkind: text\ninputs: {audio: {file: audio, required: true, aliases: [audio_url]}}\n"
    "price: {unit: second, quantity: {media: audio, max: 3600}, if_unmeasured: 500, rate_table: [{micros: 100}]}\n"
    "---8<---\n"
    "slug: t/upscale\nkind: image\ninputs: {image: {file: image, required: true}}\n"
    "price: {unit: megapixel, quantity: {media: image, max: 16.5}, if_unmeasured: 500, rate_table: [{micros: 2000}]}\n"
    "---8<---\n"
    "slug: t/pixels\nkind: image\ninputs:\n  size: {type: size, default: 1000x1000, max: 4096, price: true}\n  n: {type: int, default: 1, min: 1, max: 3, price: true}\n"
    "price: {unit: megapixel, quantity: {input: size}, outputs: {input: n}, rate_table: [{micros: 2001}]}\n"
    "---8<---\n"
    "slug: t/bounded\nkind: image\ninputs:\n"
    "  size: {type: size, default: 1000x1000, max: 3840, step: 8, min_pixels: 640000, max_pixels: 8294400, max_ratio: 3.5, words: [auto, own], price: true}\n"
    "price: {unit: image, rate_table: [{when: {size: own}, micros: 5}, {when: {size: {max: 1000000}}, micros: 10}, {micros: 20}]}\n"
    "---8<---\n"
    "slug: t/auto\nkind: video\ninputs: {duration: {type: seconds, default: 5, min: 4, max: 15, step: 1, words: [auto], price: true}}\n"
    "price: {unit: second, quantity: {input: duration}, rate_table: [{when: {duration: {min: 11}}, micros: 3}, {micros: 2}]}\n"
    "---8<---\n"
    "slug: t/together\nkind: video\ninputs:\n"
    "  duration: {type: seconds, default: 8, min: 4, max: 8, step: 2, price: true}\n"
    "  lines: {type: enum, values: [720p, 1080p], default: 720p, aliases: [resolution]}\n"
    "  end: {file: image}\n"
    "price: {unit: second, quantity: {input: duration}, rate_table: [{micros: 10}]}\n"
    "refuse:\n"
    "  - {when: {lines: 1080p, duration: {max: 6}}, why: A film of 1080p is 8 seconds long.}\n"
    "  - {when: {lines: 1080p, end: {present: true}}, why: A film of 1080p has no last frame.}\n"
    "---8<---\n"
    "slug: t/follow\nkind: video\ninputs:\n"
    "  video: {file: video, required: true}\n"
    "  whom: {type: enum, values: [image, video], default: video, price: true}\n"
    "price: {unit: second, quantity: {media: video, max: 30}, if_unmeasured: 3000, rate_table: [{when: {whom: image}, micros: 100, max: 10}, {micros: 100}]}\n"
    "---8<---\n"
    "slug: t/tolerant\nkind: image\ninputs: {safety_tolerance: {type: enum, values: [1, 2, 3], aliases: [tolerance_of_safety]}}\nprice: {unit: image, rate_table: [{micros: 1}]}\n"
    "---8<---\n"
    "slug: t/call\nkind: text\nprice: {unit: call, rate_table: [{micros: 1000}]}\n";

struct state { struct catalog *catalog; struct arena arena; };

static int setup(void **state) {
    struct state *s = calloc(1, sizeof *s);
    struct problems p = {};
    if (fixture_catalog(models, &p, &s->catalog)) print_error("%s\n", p.text.ptr);
    assert_int_equal(p.count, 0);
    problems_done(&p);
    *state = s;
    return 0;
}

static int teardown(void **state) {
    struct state *s = *state;
    catalog_destroy(s->catalog);
    arena_done(&s->arena);
    free(s);
    return 0;
}

static err quote(struct state *s, const char *slug, const char *inputs, const struct media_fact *facts, size_t n, struct why *why,
                 struct quote *out, struct str *out_inputs) {
    const struct model *m = catalog_find(s->catalog, str_of(slug));
    assert_non_null(m);
    struct json *j = NULL;
    assert_int_equal(json_parse(str_of(inputs), &s->arena, why, &j), OK);
    return catalog_quote(s->catalog, m, j, facts, n, &s->arena, why, out, out_inputs);
}

/* --- what is accepted --- */

static const struct { const char *slug, *inputs; micros amount; const char *stored; } good[] = {
    /* bounds of a size, both ends of each; words count as the largest */
    {"t/bounded", "{\"size\":\"800x800\"}", 10, "{\"size\":\"800x800\"}"},
    {"t/bounded", "{\"size\":\"2880x2880\"}", 20, "{\"size\":\"2880x2880\"}"},
    {"t/bounded", "{\"size\":{\"width\":3840,\"height\":2160}}", 20, "{\"size\":\"3840x2160\"}"},
    {"t/bounded", "{\"size\":\"2800x800\"}", 20, "{\"size\":\"2800x800\"}"},
    {"t/bounded", "{\"size\":\"auto\"}", 20, "{\"size\":\"auto\"}"},
    {"t/bounded", "{\"size\":\"own\"}", 5, "{\"size\":\"own\"}"},
    {"t/auto", "{\"duration\":\"auto\"}", 45, "{\"duration\":\"auto\"}"},
    {"t/auto", "{\"duration\":\"15\"}", 45, "{\"duration\":15}"},
    {"t/together", "{\"lines\":\"1080p\"}", 80, "{\"duration\":8,\"lines\":\"1080p\"}"},
    {"t/together", "{\"duration\":4,\"end\":\"u\"}", 40, "{\"duration\":4,\"lines\":\"720p\",\"end\":\"u\"}"},
    {"t/follow", "{\"video\":\"v\"}", 3000, "{\"video\":\"v\",\"whom\":\"video\"}"},
    {"t/follow", "{\"video\":\"v\",\"whom\":\"image\"}", 1000, "{\"video\":\"v\",\"whom\":\"image\"}"},
    {"t/tolerant", "{\"safety_tolerance\":3}", 1, "{\"safety_tolerance\":\"3\"}"},
    {"t/tolerant", "{\"tolerance_of_safety\":\"3\"}", 1, "{\"safety_tolerance\":\"3\"}"},
    {"t/call", "{\"safety_tolerance\":\"1\",\"enable_safety_checker\":true}", 1000, "{\"safety_tolerance\":\"1\",\"enable_safety_checker\":true}"},
    {"t/video", "{\"image\":\"u\"}", 672000, "{\"image\":\"u\",\"duration\":5,\"audio\":false}"},
    {"t/video", "{\"image\":\"u\",\"audio\":true}", 1008000, "{\"image\":\"u\",\"duration\":5,\"audio\":true}"},
    {"t/video", "{\"sound\":\"true\",\"image_url\":\"u\"}", 1008000, "{\"image\":\"u\",\"duration\":5,\"audio\":true}"},
    {"t/video", "{\"sound\":1,\"image_url\":\"u\"}", 1008000, "{\"image\":\"u\",\"duration\":5,\"audio\":true}"},
    {"t/video", "{\"sound\":\"1\",\"image_url\":\"u\"}", 1008000, "{\"image\":\"u\",\"duration\":5,\"audio\":true}"},
    {"t/video", "{\"generate_audio\":1.0,\"image_url\":\"u\"}", 1008000, "{\"image\":\"u\",\"duration\":5,\"audio\":true}"},
    {"t/video", "{\"generate_audio\":0,\"image_url\":\"u\"}", 672000, "{\"image\":\"u\",\"duration\":5,\"audio\":false}"},
    {"t/video", "{\"generate_audio\":\"false\",\"image_url\":\"u\"}", 672000, "{\"image\":\"u\",\"duration\":5,\"audio\":false}"},
    {"t/video", "{\"image\":\"u\",\"duration\":\"5\"}", 672000, "{\"image\":\"u\",\"duration\":5,\"audio\":false}"},
    {"t/video", "{\"image\":\"u\",\"duration\":\"5s\"}", 672000, "{\"image\":\"u\",\"duration\":5,\"audio\":false}"},
    {"t/video", "{\"image\":\"u\",\"duration\":5.0}", 672000, "{\"image\":\"u\",\"duration\":5,\"audio\":false}"},
    {"t/video", "{\"image\":\"u\",\"duration\":5e0}", 672000, "{\"image\":\"u\",\"duration\":5,\"audio\":false}"},
    {"t/video", "{\"image\":\"u\",\"duration\":\"0.5e1\"}", 672000, "{\"image\":\"u\",\"duration\":5,\"audio\":false}"},
    {"t/video", "{\"image\":\"u\",\"duration\":50e-1}", 672000, "{\"image\":\"u\",\"duration\":5,\"audio\":false}"},
    {"t/video", "{\"image\":\"u\",\"duration\":5.0000000000000000000000000000}", 672000, "{\"image\":\"u\",\"duration\":5,\"audio\":false}"},
    {"t/video", "{\"image\":\"u\",\"duration\":3}", 403200, "{\"image\":\"u\",\"duration\":3,\"audio\":false}"},
    {"t/video", "{\"image\":\"u\",\"duration\":15}", 2016000, "{\"image\":\"u\",\"duration\":15,\"audio\":false}"},
    /* lists of one link, given twice, all others untouched and in order */
    {"t/video", "{\"image_urls\":[\"u\"]}", 672000, "{\"image\":[\"u\"],\"duration\":5,\"audio\":false}"},
    {"t/video", "{\"image_url\":\"u\",\"image\":[\"u\"]}", 672000, "{\"image\":[\"u\"],\"duration\":5,\"audio\":false}"},
    {"t/video", "{\"duration\":5,\"image\":\"u\",\"sound\":true,\"audio\":1}", 1008000, "{\"image\":\"u\",\"duration\":5,\"audio\":true}"},
    {"t/video", "{\"z\":1.50,\"image\":\"u\",\"a\":{\"y\":[null,1e308],\"x\":\"\\u00e9\\n\\\"\"},\"Duration\":9}", 672000,
     "{\"image\":\"u\",\"duration\":5,\"audio\":false,\"z\":1.50,\"a\":{\"y\":[null,1e308],\"x\":\"\u00e9\\n\\\"\"},\"Duration\":9}"},
    /* per image; lists, ranges over pixels, sizes */
    {"t/image", "{\"prompt\":\"x\"}", 10000, "{\"prompt\":\"x\",\"size\":\"1024x1024\",\"quality\":\"low\",\"n\":1}"},
    {"t/image", "{\"prompt\":\"x\",\"n\":\"3\"}", 30000, "{\"prompt\":\"x\",\"size\":\"1024x1024\",\"quality\":\"low\",\"n\":3}"},
    {"t/image", "{\"prompt\":\"x\",\"num_images\":4,\"quality\":\"hd\"}", 160000, "{\"prompt\":\"x\",\"size\":\"1024x1024\",\"quality\":\"hd\",\"n\":4}"},
    {"t/image", "{\"prompt\":\"x\",\"quality\":\"high\",\"size\":\"1024x1040\"}", 90000, "{\"prompt\":\"x\",\"size\":\"1024x1040\",\"quality\":\"high\",\"n\":1}"},
    {"t/image", "{\"prompt\":\"x\",\"quality\":\"high\",\"image_size\":{\"height\":512,\"width\":2048}}", 40000,
     "{\"prompt\":\"x\",\"size\":\"2048x512\",\"quality\":\"high\",\"n\":1}"},
    {"t/image", "{\"prompt\":\"x\",\"image_size\":{\"height\":\"2048\",\"width\":2048.0}}", 30000,
     "{\"prompt\":\"x\",\"size\":\"2048x2048\",\"quality\":\"low\",\"n\":1}"},
    {"t/image", "{\"prompt\":\"\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\",\"scale\":-0.75,\"seed\":2147483647,\"year\":1999}", 10000,
     "{\"prompt\":\"\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\",\"size\":\"1024x1024\",\"quality\":\"low\",\"n\":1,\"scale\":-0.75,"
     "\"seed\":2147483647,\"year\":\"1999\"}"},
    {"t/image", "{\"prompt\":\"x\",\"year\":\"2000\",\"guide\":[\"a\",\"b\",\"c\"]}", 10000,
     "{\"prompt\":\"x\",\"size\":\"1024x1024\",\"quality\":\"low\",\"n\":1,\"year\":\"2000\",\"guide\":[\"a\",\"b\",\"c\"]}"},
    /* presence and ranges */
    {"t/ref", "{\"duration\":10}", 30, "{\"duration\":10}"},
    {"t/collage", "{}", 1, "{}"},
    {"t/collage", "{\"image\":\"a\"}", 10, "{\"image\":\"a\"}"},
    {"t/collage", "{\"image_urls\":[\"a\"]}", 10, "{\"image\":[\"a\"]}"},
    {"t/collage", "{\"image_urls\":[\"a\",\"b\"]}", 40, "{\"image\":[\"a\",\"b\"]}"},
    {"t/collage", "{\"image\":[\"a\",\"b\",\"c\",\"d\"]}", 40, "{\"image\":[\"a\",\"b\",\"c\",\"d\"]}"},
    {"t/collage", "{\"image\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}", 90, "{\"image\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}"},
    {"t/ref", "{\"duration\":5,\"video_url\":\"v\"}", 25, "{\"video\":\"v\",\"duration\":5}"},
    {"t/ref", "{\"duration\":6,\"video_url\":\"v\"}", 42, "{\"video\":\"v\",\"duration\":6}"},
    /* thousand characters, rounded up, down and to the nearest; code points, not bytes */
    {"t/speech", "{\"text\":\"x\"}", 31, "{\"text\":\"x\"}"},
    {"t/speech", "{\"text\":\"\u00e9\"}", 31, "{\"text\":\"\u00e9\"}"},
    {"t/speech-down", "{\"text\":\"xx\"}", 60, "{\"text\":\"xx\"}"},
    {"t/speech-near", "{\"text\":\"x\"}", 31, "{\"text\":\"x\"}"},
    {"t/speech-near", "{\"text\":\"xxx\"}", 92, "{\"text\":\"xxx\"}"},
    /* a Chinese character is two; kana, an accent, a full stop of that width and what has four bytes without being one are not */
    {"t/speech-han", "{\"text\":\"\u4f60\u597d!\"}", 500, "{\"text\":\"\u4f60\u597d!\"}"},
    {"t/speech-han", "{\"text\":\"\u304b\u00e9\u3002\U0001F600\"}", 400, "{\"text\":\"\u304b\u00e9\u3002\U0001F600\"}"},
    {"t/speech-han", "{\"text\":\"\U00020000\"}", 200, "{\"text\":\"\U00020000\"}"},
    /* known only later: the maximum is held */
    {"t/music", "{}", 3000, "{}"},
    {"t/listen", "{\"audio_url\":\"u\"}", 360000, "{\"audio\":\"u\"}"},
    {"t/upscale", "{\"image\":\"u\"}", 33000, "{\"image\":\"u\"}"},
    {"t/pixels", "{}", 2001, "{\"size\":\"1000x1000\",\"n\":1}"},
    {"t/pixels", "{\"size\":\"1024x1024\",\"n\":2}", 4198, "{\"size\":\"1024x1024\",\"n\":2}"}, /* 2098.2 up, times 2 */
    {"t/call", "{\"anything\":[1]}", 1000, "{\"anything\":[1]}"},
};

static void quotes_what_it_should(void **state) {
    struct state *s = *state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct why why = {};
        struct quote q;
        struct str stored;
        err e = quote(s, good[i].slug, good[i].inputs, NULL, 0, &why, &q, &stored);
        if (e) fail_msg("%s %s: %s", good[i].slug, good[i].inputs, why_text(&why));
        if (q.amount != good[i].amount || !str_is(stored, good[i].stored))
            fail_msg("%s %s:\n  %lld %.*s\n  %lld %s", good[i].slug, good[i].inputs, (long long)q.amount, STR_ARG(stored),
                     (long long)good[i].amount, good[i].stored);
        /* what was stored quotes the same and is stored the same */
        struct quote q2;
        struct str again;
        assert_int_equal(quote(s, good[i].slug, arena_strz(&s->arena, stored), NULL, 0, &why, &q2, &again), OK);
        assert_int_equal(q2.amount, q.amount);
        assert_true(str_eq(stored, again));
        struct json *row;
        assert_int_equal(json_parse(q.row, &s->arena, &why, &row), OK);
        arena_reset(&s->arena);
    }
}

/* --- what is refused --- */

static const struct { const char *slug, *inputs; err code; const char *field, *phrase; } bad[] = {
    {"t/video", "{\"image\":\"u\",\"duration\":null}", E_UNPRICEABLE, "duration", "not null"},
    {"t/video", "{\"image\":\"u\",\"duration\":-1}", E_UNPRICEABLE, "duration", "from 3 to 15 in steps of 1, not -1"},
    {"t/video", "{\"image\":\"u\",\"duration\":2}", E_UNPRICEABLE, "duration", "not 2"},
    {"t/video", "{\"image\":\"u\",\"duration\":16}", E_UNPRICEABLE, "duration", "not 16"},
    {"t/video", "{\"image\":\"u\",\"duration\":5.5}", E_UNPRICEABLE, "duration", "steps of 1"},
    {"t/video", "{\"image\":\"u\",\"duration\":5.0001}", E_UNPRICEABLE, "duration", "steps of 1"},
    {"t/video", "{\"image\":\"u\",\"duration\":1e308}", E_UNPRICEABLE, "duration", "not 1e308"},
    {"t/video", "{\"image\":\"u\",\"duration\":\"1e99999999999999999999\"}", E_UNPRICEABLE, "duration", "1e999"},
    {"t/video", "{\"image\":\"u\",\"duration\":\"5e-99999999999999999999\"}", E_UNPRICEABLE, "duration", "5e-9"},
    {"t/video", "{\"image\":\"u\",\"duration\":\"Infinity\"}", E_UNPRICEABLE, "duration", "\"Infinity\""},
    {"t/video", "{\"image\":\"u\",\"duration\":\"nan\"}", E_UNPRICEABLE, "duration", "\"nan\""},
    {"t/video", "{\"image\":\"u\",\"duration\":\"abc\"}", E_UNPRICEABLE, "duration", "\"abc\""},
    {"t/video", "{\"image\":\"u\",\"duration\":\"\"}", E_UNPRICEABLE, "duration", "\"\""},
    {"t/video", "{\"image\":\"u\",\"duration\":\"s\"}", E_UNPRICEABLE, "duration", "\"s\""},
    {"t/video", "{\"image\":\"u\",\"duration\":\" 5\"}", E_UNPRICEABLE, "duration", "\" 5\""},
    {"t/video", "{\"image\":\"u\",\"duration\":\"05\"}", E_UNPRICEABLE, "duration", "\"05\""},
    {"t/video", "{\"image\":\"u\",\"duration\":\"0x5\"}", E_UNPRICEABLE, "duration", "\"0x5\""},
    {"t/video", "{\"image\":\"u\",\"duration\":\"5m\"}", E_UNPRICEABLE, "duration", "\"5m\""},
    {"t/video", "{\"image\":\"u\",\"duration\":[5]}", E_UNPRICEABLE, "duration", "a list of 1"},
    {"t/video", "{\"image\":\"u\",\"duration\":{}}", E_UNPRICEABLE, "duration", "an object"},
    {"t/video", "{\"image\":\"u\",\"duration\":true}", E_UNPRICEABLE, "duration", "not true"},
    {"t/video", "{\"image\":\"u\",\"audio\":null}", E_UNPRICEABLE, "audio", "true or false, not null"},
    {"t/video", "{\"image\":\"u\",\"sound\":2}", E_UNPRICEABLE, "sound", "not 2"},
    {"t/video", "{\"image\":\"u\",\"audio\":-1}", E_UNPRICEABLE, "audio", "not -1"},
    {"t/video", "{\"image\":\"u\",\"audio\":\"yes\"}", E_UNPRICEABLE, "audio", "\"yes\""},
    {"t/video", "{\"image\":\"u\",\"audio\":0.5}", E_UNPRICEABLE, "audio", "not 0.5"},
    {"t/video", "{\"image\":\"u\",\"audio\":[]}", E_UNPRICEABLE, "audio", "a list of 0"},
    {"t/video", "{\"image\":\"u\",\"audio\":true,\"sound\":false}", E_UNPRICEABLE, "sound", "`audio` and `sound`"},
    {"t/video", "{\"image\":\"u\",\"generate_audio\":0,\"sound\":\"1\"}", E_UNPRICEABLE, "sound", "`generate_audio` and `sound`"},
    {"t/video", "{\"image\":\"u\",\"image_url\":\"v\"}", E_UNPRICEABLE, "image_url", "`image` and `image_url`"},
    {"t/video", "{\"image\":null}", E_INVALID, "image", "one image, not null"},
    {"t/video", "{\"image\":\"\"}", E_INVALID, "image", "it is empty"},
    {"t/video", "{\"image\":[]}", E_INVALID, "image", "it is empty"},
    {"t/video", "{\"image\":[\"\"]}", E_INVALID, "image", "it is empty"},
    {"t/video", "{\"image\":[\"a\",\"b\"]}", E_INVALID, "image", "a list of 2"},
    {"t/video", "{\"image_urls\":[1]}", E_INVALID, "image_urls", "a list of 1"},
    {"t/video", "[]", E_INVALID, "inputs", "must be an object"},
    {"t/video", "\"image\"", E_INVALID, "inputs", "must be an object"},
    {"t/image", "{\"prompt\":5}", E_INVALID, "prompt", "text of at most 10 characters, not 5"},
    {"t/image", "{\"prompt\":\"\"}", E_INVALID, "prompt", "it is empty"},
    {"t/image", "{\"prompt\":\"12345678901\"}", E_INVALID, "prompt", "it has 11 characters"},
    {"t/image", "{\"prompt\":\"x\",\"size\":\"1024\"}", E_UNPRICEABLE, "size", "\"1024\""},
    {"t/together", "{\"resolution\":\"1080p\",\"duration\":6}", E_UNPRICEABLE, "resolution", "A film of 1080p is 8 seconds long."},
    {"t/together", "{\"duration\":\"4s\",\"lines\":\"1080p\"}", E_UNPRICEABLE, "lines", "8 seconds"},
    {"t/together", "{\"lines\":\"1080p\",\"end\":\"u\"}", E_UNPRICEABLE, "lines", "no last frame"},
    {"t/bounded", "{\"size\":\"800x792\"}", E_UNPRICEABLE, "size", "640000 to 8294400 pixels in all, the longer side at most 3.5 times the shorter, auto, or own, not \"800x792\""},
    {"t/bounded", "{\"size\":\"2888x2880\"}", E_UNPRICEABLE, "size", "8294400 pixels in all"},
    {"t/bounded", "{\"size\":\"2808x800\"}", E_UNPRICEABLE, "size", "3.5 times"},
    {"t/bounded", "{\"size\":\"800x2808\"}", E_UNPRICEABLE, "size", "3.5 times"},
    {"t/bounded", "{\"size\":\"3848x2000\"}", E_UNPRICEABLE, "size", "each side at most 3840 in steps of 8"},
    {"t/bounded", "{\"size\":\"4294967296x4294967296\"}", E_UNPRICEABLE, "size", "each side at most 3840"},
    {"t/bounded", "{\"size\":\"Auto\"}", E_UNPRICEABLE, "size", "a size such as \"1000x1000\""},
    {"t/auto", "{\"duration\":\"long\"}", E_UNPRICEABLE, "duration", "from 4 to 15 in steps of 1, or auto, not"},
    {"t/image", "{\"prompt\":\"x\",\"size\":\"0x0\"}", E_UNPRICEABLE, "size", "\"0x0\""},
    {"t/image", "{\"prompt\":\"x\",\"size\":\"-64x64\"}", E_UNPRICEABLE, "size", "\"-64x64\""},
    {"t/image", "{\"prompt\":\"x\",\"size\":\"2064x64\"}", E_UNPRICEABLE, "size", "each side from 64 to 2048"},
    {"t/image", "{\"prompt\":\"x\",\"size\":\"1000x1000\"}", E_UNPRICEABLE, "size", "in steps of 16"},
    {"t/image", "{\"prompt\":\"x\",\"size\":\"64x64x64\"}", E_UNPRICEABLE, "size", "x64x64"},
    {"t/image", "{\"prompt\":\"x\",\"size\":\"1e999x64\"}", E_UNPRICEABLE, "size", "1e999x64"},
    {"t/image", "{\"prompt\":\"x\",\"size\":[64,64]}", E_UNPRICEABLE, "size", "a list of 2"},
    {"t/image", "{\"prompt\":\"x\",\"size\":64}", E_UNPRICEABLE, "size", "not 64"},
    {"t/image", "{\"prompt\":\"x\",\"size\":{\"width\":64}}", E_UNPRICEABLE, "size", "an object"},
    {"t/image", "{\"prompt\":\"x\",\"image_size\":{\"width\":64,\"height\":null}}", E_UNPRICEABLE, "image_size", "an object"},
    {"t/image", "{\"prompt\":\"x\",\"size\":{\"width\":64,\"height\":64,\"depth\":64}}", E_UNPRICEABLE, "size", "an object"},
    {"t/image", "{\"prompt\":\"x\",\"size\":\"64x128\",\"image_size\":\"128x64\"}", E_UNPRICEABLE, "image_size", "`size` and `image_size`"},
    {"t/image", "{\"prompt\":\"x\",\"quality\":\"HD\"}", E_UNPRICEABLE, "quality", "low, high or hd, not \"HD\""},
    {"t/image", "{\"prompt\":\"x\",\"quality\":1}", E_UNPRICEABLE, "quality", "not 1"},
    {"t/image", "{\"prompt\":\"x\",\"n\":0}", E_UNPRICEABLE, "n", "not 0"},
    {"t/image", "{\"prompt\":\"x\",\"n\":5}", E_UNPRICEABLE, "n", "not 5"},
    {"t/image", "{\"prompt\":\"x\",\"n\":\"1s\"}", E_UNPRICEABLE, "n", "\"1s\""},
    {"t/image", "{\"prompt\":\"x\",\"scale\":0.3}", E_UNPRICEABLE, "scale", "from -1 to 2.5 in steps of 0.25, not 0.3"},
    {"t/image", "{\"prompt\":\"x\",\"seed\":-1}", E_UNPRICEABLE, "seed", "from 0 to 2147483647, not -1"},
    {"t/image", "{\"prompt\":\"x\",\"seed\":123456789012345678901234567890}", E_UNPRICEABLE, "seed", "not 1234567890123"},
    {"t/image", "{\"prompt\":\"x\",\"seed\":1.5}", E_UNPRICEABLE, "seed", "not 1.5"},
    {"t/image", "{\"prompt\":\"x\",\"guide\":[\"a\",\"b\",\"c\",\"d\"]}", E_INVALID, "guide", "a list of 1 to 3"},
    {"t/call", "{\"safety_tolerance\":3}", E_INVALID, "safety_tolerance", "safety checks down, which t/call does not offer"},
    {"t/call", "{\"\":{\"safety_tolerance\":3}}", E_INVALID, "safety_tolerance", "safety checks down"},
    {"t/call", "{\"extra\":{\"safety_tolerance\":3}}", E_INVALID, "extra", "The input `safety_tolerance` turns"},
    {"t/tolerant", "{\"safety_tolerance\":4}", E_UNPRICEABLE, "safety_tolerance", "1, 2 or 3"},
    {"t/tolerant", "{\"disable_safety_checker\":true}", E_INVALID, "disable_safety_checker", "safety checks down"},
    {"t/ref", "{\"video\":\"v\"}", E_INVALID, "duration", "{\"duration\": 1}"},
    {"t/ref", "{\"duration\":5,\"video\":null}", E_UNPRICEABLE, "video", "not null"},
    {"t/ref", "{\"duration\":5,\"video\":\"\"}", E_UNPRICEABLE, "video", "it is empty"},
    {"t/speech", "{\"text\":null}", E_UNPRICEABLE, "text", "not null"},
};

static void refuses_what_it_should(void **state) {
    struct state *s = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct why why = {};
        struct quote q = {.amount = -7};
        struct str stored = {};
        err e = quote(s, bad[i].slug, bad[i].inputs, NULL, 0, &why, &q, &stored);
        if (e != bad[i].code || strcmp(why.field, bad[i].field) || !strstr(why.detail, bad[i].phrase))
            fail_msg("%s %s: %s field=%s %s", bad[i].slug, bad[i].inputs, err_name(e), why.field, why.detail);
        assert_int_equal(why.code, e);
        assert_int_equal(q.amount, -7);
        assert_null(stored.ptr);
        assert_int_equal(quote(s, bad[i].slug, bad[i].inputs, NULL, 0, NULL, &q, &stored), e); /* a caller may not want to know why */
        arena_reset(&s->arena);
    }
}

/* A price is quoted without what it does not depend on; the call itself needs all. */
static void asks_for_the_rest_at_the_call(void **state) {
    static const struct {
        const char *slug, *inputs, *field, *phrase;
    } rows[] = {
        {"t/video", "{}", "image", "for example {\"image\": \"https://example.com/picture.png\"}"},
        {"t/image", "{}", "prompt", "{\"prompt\": \"a red bicycle\"}"},
        {"t/video", "{\"image_urls\":[\"a\"]}", NULL, NULL},
        {"t/image", "{\"prompt\":\"x\"}", NULL, NULL},
    };
    struct state *s = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct why why = {};
        struct quote q;
        struct str stored;
        struct json *inputs;
        assert_int_equal(quote(s, rows[i].slug, rows[i].inputs, NULL, 0, &why, &q, &stored), OK);
        assert_int_equal(json_parse(str_of(rows[i].inputs), &s->arena, NULL, &inputs), OK);
        err e = catalog_require(catalog_find(s->catalog, str_of(rows[i].slug)), inputs, &why);
        assert_int_equal(e, rows[i].field ? E_INVALID : OK);
        if (e && (strcmp(why.field, rows[i].field) || !strstr(why.detail, rows[i].phrase))) fail_msg("%s %s: %s", rows[i].slug, rows[i].inputs, why.detail);
        arena_reset(&s->arena);
    }
}

static void refuses_too_much(void **state) {
    struct state *s = *state;
    struct buf b = {};
    buf_z(&b, "{\"a\":1,\"prompts\":\"");
    for (int i = 0; i < 70000; i++) buf_c(&b, 'x');
    buf_z(&b, "\"}");
    struct why why = {};
    struct quote q;
    struct str stored;
    assert_int_equal(quote(s, "t/call", b.ptr, NULL, 0, &why, &q, &stored), E_INVALID);
    assert_string_equal(why.field, "prompts");
    buf_done(&b);
}

/* --- the figures of a quote --- */

static void fills_the_quote(void **state) {
    struct state *s = *state;
    struct why why = {};
    struct quote q;
    struct str stored;
    assert_int_equal(quote(s, "t/video", "{\"image\":\"u\"}", NULL, 0, &why, &q, &stored), OK);
    assert_int_equal(q.rate, 134400);
    assert_int_equal(q.unit, 1000);
    assert_int_equal(q.quantity, 5000);
    assert_int_equal(q.outputs, 1);
    assert_false(q.per_output);
    assert_true(str_is(q.from, "input"));
    assert_true(str_is(q.row, "{\"index\":1,\"when\":{},\"micros\":134400,\"unit\":\"second\",\"quantity\":5,\"from\":\"input\","
                              "\"why\":\"row 2: no condition; 5 seconds at 134400 micros each\"}"));
    assert_int_equal(quote(s, "t/image", "{\"prompt\":\"x\",\"quality\":\"hd\",\"n\":2}", NULL, 0, &why, &q, &stored), OK);
    assert_true(q.per_output);
    assert_int_equal(q.outputs, 2);
    assert_int_equal(q.quantity, 1);
    assert_true(str_is(q.from, "call"));
    assert_true(str_is(q.row, "{\"index\":0,\"when\":{\"quality\":[\"high\",\"hd\"],\"size\":{\"max\":1048576}},\"micros\":40000,\"unit\":\"image\","
                              "\"quantity\":2,\"from\":\"call\",\"why\":\"row 1: quality is high or hd and size is at most 1048576 pixels; "
                              "2 images at 40000 micros each\"}"));
    assert_int_equal(quote(s, "t/music", "{}", NULL, 0, &why, &q, &stored), OK);
    assert_true(str_is(q.from, "measured"));
    assert_int_equal(q.quantity, 30000);
    assert_int_equal(q.if_unmeasured, 500);
    assert_non_null(strstr(q.row.ptr, "at most 30 seconds at 100 micros each, billed as measured"));
    assert_int_equal(quote(s, "t/pixels", "{\"n\":2}", NULL, 0, &why, &q, &stored), OK);
    assert_true(q.per_output);
    assert_non_null(strstr(q.row.ptr, "2 outputs of 1 megapixel at 2001 micros each"));
    assert_int_equal(quote(s, "t/ref", "{\"duration\":7,\"video\":\"v\"}", NULL, 0, &why, &q, &stored), OK);
    assert_non_null(strstr(q.row.ptr, "row 1: video is given and duration is at least 6; 7 seconds at 7 micros each"));
}

static void takes_no_inputs_for_none(void **state) {
    struct state *s = *state;
    struct quote q;
    struct str stored;
    const struct model *m = catalog_find(s->catalog, STR("t/call"));
    assert_int_equal(catalog_quote(s->catalog, m, NULL, NULL, 0, &s->arena, NULL, &q, &stored), OK);
    assert_true(str_is(stored, "{}"));
}

static void uses_facts_about_files(void **state) {
    struct state *s = *state;
    struct why why = {};
    struct quote q;
    struct str stored;
    struct media_fact fact = {.input = STR("audio_url"), .duration_ms = 12345};
    assert_int_equal(quote(s, "t/listen", "{\"audio\":\"u\"}", &fact, 1, &why, &q, &stored), OK);
    assert_int_equal(q.amount, 1235); /* 1234.5 rounded up */
    assert_int_equal(q.quantity, 12345);
    fact.duration_ms = 3600001;
    assert_int_equal(quote(s, "t/listen", "{\"audio\":\"u\"}", &fact, 1, &why, &q, &stored), E_UNPRICEABLE);
    assert_string_equal(why.field, "audio");
    assert_non_null(strstr(why.detail, "3600.001 seconds; this model takes at most 3600"));
    fact.duration_ms = 0; /* could not be measured */
    assert_int_equal(quote(s, "t/listen", "{\"audio\":\"u\"}", &fact, 1, &why, &q, &stored), OK);
    assert_int_equal(q.amount, 360000);
    fact = (struct media_fact){.input = STR("other"), .duration_ms = 1};
    assert_int_equal(quote(s, "t/listen", "{\"audio\":\"u\"}", &fact, 1, &why, &q, &stored), OK);
    assert_int_equal(q.amount, 360000);
    fact = (struct media_fact){.input = STR("image"), .width = 1000, .height = 1501};
    assert_int_equal(quote(s, "t/upscale", "{\"image\":\"u\"}", &fact, 1, &why, &q, &stored), OK);
    assert_int_equal(q.amount, 3002);
    fact.width = fact.height = INT64_MAX;
    assert_int_equal(quote(s, "t/upscale", "{\"image\":\"u\"}", &fact, 1, &why, &q, &stored), OK);
    assert_int_equal(q.amount, 33000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_what_it_should), cmocka_unit_test(refuses_what_it_should), cmocka_unit_test(asks_for_the_rest_at_the_call), cmocka_unit_test(refuses_too_much),
        cmocka_unit_test(fills_the_quote),       cmocka_unit_test(takes_no_inputs_for_none), cmocka_unit_test(uses_facts_about_files),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
