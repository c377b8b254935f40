/* The composer without a synthesiser: form, keys, tempo, melodies, notes, the MIDI file, lyrics, tags and the facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "media/helper/tune.h"
#include "media/helper/tune_tags.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct made {
    struct arena arena;
    struct tune_inputs in;
    struct tune_song song;
    struct tune_lyrics lyrics;
};

static struct made *make(const char *inputs, uint64_t seed) {
    struct made *m = calloc(1, sizeof *m);
    struct why why = {0};
    assert_non_null(m);
    if (tune_read_inputs(str_of(inputs), seed, &m->arena, &why, &m->in)) fail_msg("%s: %s", inputs, why_text(&why));
    tune_compose(&m->in, &m->song);
    tune_make_lyrics(&m->in, &m->song.plan, &m->arena, &m->lyrics);
    return m;
}

static void drop(struct made *m) {
    tune_song_done(&m->song);
    arena_done(&m->arena);
    free(m);
}

static void test_inputs(void **state) {
    (void)state;
    static const char *const bad[] = {"", "[]", "{}", "{\"prompt\":5}", "{\"prompt\":\"\"}", "{\"prompt\":\"x\",\"duration\":9}", "{\"prompt\":\"x\",\"duration\":241}",
                                      "{\"prompt\":\"x\",\"duration\":\"long\"}", "{\"prompt\":\"x\",\"duration\":-20}", "{\"prompt\":\"x\",\"tempo\":500}", "{\"prompt\":\"x\",\"tempo\":\"fast\"}",
                                      "{\"prompt\":\"x\",\"format\":\"flac\"}", "{\"prompt\":\"x\",\"instrumental\":\"maybe\"}", "{\"lyrics\":\"la la\",\"instrumental\":true}", "{\"prompt\":\"a\\u0000b\"}"};
    struct arena a = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct why why = {0};
        struct tune_inputs in;
        if (!tune_read_inputs(str_of(bad[i]), 1, &a, &why, &in)) fail_msg("accepted: %s", bad[i]);
        assert_true(strlen(why_text(&why)) > 10);
    }
    struct tune_inputs in;
    assert_int_equal(tune_read_inputs(STR("{\"style\":\"rock\",\"duration\":\"30.5s\",\"tempo\":121,\"format\":\"wav\",\"vocal_gender\":\"f\"}"), 1, &a, NULL, &in), OK);
    assert_int_equal(in.duration_ms, 30500);
    assert_int_equal(in.tempo, 121);
    assert_string_equal(in.format, "wav");
    arena_done(&a);
}

/* Every style at every length: the sections fill the song, the band is at least three, every note ends within the file. */
static void check_song(const struct made *m, const char *what) {
    const struct tune_plan *p = &m->song.plan;
    int next = 0, kinds = 0, parts = 0;
    for (int i = 0; i < p->section_count; i++) {
        const struct tune_section *x = &p->sections[i];
        if (x->first_bar != next || x->bars < (x->kind == SECTION_END ? 0 : 1)) fail_msg("%s: section %d", what, i);
        next += x->bars;
        kinds |= 1 << x->kind;
    }
    if (next != p->bars || p->sections[0].kind != SECTION_INTRO || p->sections[p->section_count - 1].kind != SECTION_END) fail_msg("%s: form", what);
    if ((kinds & 0x17) != 0x17) fail_msg("%s: sections are missing", what);
    int64_t ring = p->duration_ms - tune_bar_ms(p, p->bars);
    if (ring < 1400 || ring > 1600 + tune_bar_ms(p, 1)) fail_msg("%s: the last chord rings %lld ms", what, (long long)ring);
    for (int part = 0; part < PART_COUNT; part++) parts += tune_part_plays(&m->song, part);
    if (parts < 3 || !tune_part_plays(&m->song, PART_LEAD) || !tune_part_plays(&m->song, PART_BASS)) fail_msg("%s: %d parts", what, parts);
    int32_t until[PART_COUNT][128] = {0}, limit = (int32_t)(p->duration_ms * p->tempo * TUNE_PPQ / 60000) + TUNE_PPQ;
    for (size_t i = 0; i < m->song.count; i++) {
        const struct tune_note *n = &m->song.notes[i];
        if (n->key > 127 || n->velocity < 1 || n->velocity > 127 || n->length < 1 || n->tick < 0) fail_msg("%s: note %zu", what, i);
        if (n->tick < until[n->part][n->key]) fail_msg("%s: key %d of part %d is struck while it sounds", what, n->key, n->part);
        if (n->tick + n->length > limit) fail_msg("%s: a note outlives the song", what);
        until[n->part][n->key] = n->tick + n->length;
    }
}

static void test_every_style(void **state) {
    (void)state;
    static const int seconds[] = {10, 11, 17, 30, 60, 133, 240};
    for (size_t i = 0; i < tune_style_count; i++)
        for (size_t k = 0; k < sizeof seconds / sizeof *seconds; k++) {
            char inputs[160];
            snprintf(inputs, sizeof inputs, "{\"prompt\":\"a %s song about rain\",\"duration\":%d}", tune_styles[i].name, seconds[k]);
            struct made *m = make(inputs, 3 + i * 7 + k);
            assert_string_equal(m->song.plan.style->name, tune_styles[i].name);
            check_song(m, inputs);
            drop(m);
        }
}

/* Odd wishes: any tempo with any length. */
static void test_extremes(void **state) {
    (void)state;
    static const char *const cases[] = {"{\"prompt\":\"waltz\",\"tempo\":40,\"duration\":10}", "{\"prompt\":\"pop\",\"tempo\":40,\"duration\":10}", "{\"prompt\":\"waltz\",\"tempo\":220,\"duration\":240}",
                                        "{\"prompt\":\"pop\",\"tempo\":220,\"duration\":240}", "{\"prompt\":\"pop\",\"tempo\":220,\"duration\":10}", "{\"prompt\":\"jazz\",\"tempo\":60,\"duration\":10.001}",
                                        "{\"title\":\"\\ud83d\\ude00\"}", "{\"prompt\":\"\\u0645\\u0631\\u062d\\u0628\\u0627\"}"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct made *m = make(cases[i], 5);
        check_song(m, cases[i]);
        if (m->in.tempo) assert_int_equal(m->song.plan.tempo, m->in.tempo);
        drop(m);
    }
}

static void test_words(void **state) {
    (void)state;
    static const struct { const char *inputs, *style, *key; int tempo_low, tempo_high, beats; } cases[] = {
        {"{\"prompt\":\"a slow sad blues\"}", "blues", NULL, 60, 100, 4}, {"{\"prompt\":\"a jazz song in F# minor\"}", "jazz", "F# minor", 100, 160, 4},
        {"{\"prompt\":\"a viennese waltz\"}", "waltz", NULL, 115, 175, 3}, {"{\"prompt\":\"heavy metal about a fast train\"}", "metal", NULL, 140, 210, 4},
        {"{\"prompt\":\"ambient for sleep\"}", "ambient", NULL, 48, 78, 4}, {"{\"prompt\":\"techno, 128 bpm\"}", "electronic", NULL, 128, 128, 4},
        {"{\"prompt\":\"lo-fi hip hop beats to study to\"}", "lofi", NULL, 60, 90, 4}, {"{\"prompt\":\"not rock but folk\"}", "folk", NULL, 80, 120, 4},
        {"{\"style\":\"bossa nova\",\"title\":\"Rock\",\"prompt\":\"x\"}", "latin", NULL, 100, 140, 4}, {"{\"prompt\":\"an epic metal song\"}", "metal", NULL, 140, 190, 4},
        {"{\"prompt\":\"an epic battle\"}", "cinematic", NULL, 76, 125, 4}, {"{\"prompt\":\"rock or jazz\",\"negative_tags\":\"rock\"}", "jazz", NULL, 100, 160, 4},
        {"{\"prompt\":\"something in B flat major\"}", "pop", "Bb major", 90, 135, 4}, {"{\"prompt\":\"d dorian funk\"}", "funk", NULL, 90, 125, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint64_t seed = 1; seed < 4; seed++) {
            struct made *m = make(cases[i].inputs, seed);
            const struct tune_plan *p = &m->song.plan;
            if (strcmp(p->style->name, cases[i].style)) fail_msg("%s: %s", cases[i].inputs, p->style->name);
            if (cases[i].key && strcmp(p->key, cases[i].key)) fail_msg("%s: %s", cases[i].inputs, p->key);
            if (p->tempo < cases[i].tempo_low || p->tempo > cases[i].tempo_high || p->beats != cases[i].beats) fail_msg("%s: %d bpm, %d beats", cases[i].inputs, p->tempo, p->beats);
            drop(m);
        }
    for (uint64_t seed = 1; seed < 6; seed++) {
        struct made *happy = make("{\"prompt\":\"a happy pop song\"}", seed), *sad = make("{\"prompt\":\"a sad pop song\"}", seed);
        assert_int_equal(happy->song.plan.mode, MODE_MAJOR);
        assert_int_equal(sad->song.plan.mode, MODE_MINOR);
        assert_true(happy->song.plan.tempo > sad->song.plan.tempo);
        drop(happy);
        drop(sad);
    }
}

static void test_band(void **state) {
    (void)state;
    struct made *m = make("{\"prompt\":\"folk with a flute and a harp, no drums\"}", 2);
    assert_int_equal(m->song.plan.programs[PART_LEAD], 73);
    assert_int_equal(m->song.plan.programs[PART_COMP], 46);
    assert_false(tune_part_plays(&m->song, PART_DRUMS));
    drop(m);
    m = make("{\"prompt\":\"rock\",\"negative_tags\":\"drums\"}", 2);
    assert_false(tune_part_plays(&m->song, PART_DRUMS));
    drop(m);
    m = make("{\"prompt\":\"rock\"}", 2);
    assert_true(tune_part_plays(&m->song, PART_DRUMS));
    drop(m);
}

static size_t melody(const struct made *m, uint8_t *keys, size_t max) {
    size_t n = 0;
    for (size_t i = 0; i < m->song.count && n < max; i++)
        if (m->song.notes[i].part == PART_LEAD) keys[n++] = m->song.notes[i].key;
    return n;
}

/* The same seed gives the same bytes; other seeds another melody, not merely the same one in another key. */
static void test_seeds(void **state) {
    (void)state;
    static const char inputs[] = "{\"prompt\":\"a pop song about the sea in C major\",\"duration\":40}";
    uint8_t keys[2][400] = {0};
    size_t counts[2];
    for (uint64_t seed = 10; seed < 20; seed++) {
        struct buf bytes[3] = {0};
        for (int k = 0; k < 3; k++) {
            struct made *m = make(inputs, k == 2 ? seed + 1 : seed);
            tune_write_smf(&m->song, &bytes[k]);
            if (k) counts[k - 1] = melody(m, keys[k - 1], 400);
            drop(m);
        }
        assert_true(str_eq(buf_view(&bytes[0]), buf_view(&bytes[1])));
        assert_false(str_eq(buf_view(&bytes[0]), buf_view(&bytes[2])));
        bool differs = counts[0] != counts[1];
        for (size_t i = 1; i < counts[0] && !differs; i++) differs = keys[0][i] - keys[0][i - 1] != keys[1][i] - keys[1][i - 1];
        assert_true(differs);
        for (int k = 0; k < 3; k++) buf_done(&bytes[k]);
    }
}

/* It sounds like a tune: in the scale for the most part, small steps for the most part, home at the end, choruses alike. */
static void test_melody(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed < 12; seed++) {
        struct made *m = make("{\"prompt\":\"a pop song in C major\",\"duration\":60}", seed);
        uint8_t keys[800];
        size_t n = melody(m, keys, 800), inside = 0, steps = 0;
        int low = 127, high = 0;
        for (size_t i = 0; i < n; i++) {
            inside += strchr("024579;", "0123456789:;"[keys[i] % 12]) != NULL;
            steps += i && abs(keys[i] - keys[i - 1]) <= 5;
            low = keys[i] < low ? keys[i] : low;
            high = keys[i] > high ? keys[i] : high;
        }
        assert_true(n > 60);
        assert_true(inside * 100 >= n * 95);
        assert_true(steps * 100 >= n * 70);
        assert_true(high - low <= 24 && high - low >= 5);
        assert_int_equal(keys[n - 1] % 12, 0);
        drop(m);
    }
}

static uint32_t be(const unsigned char *p, int n) {
    uint32_t v = 0;
    while (n--) v = v << 8 | *p++;
    return v;
}

/* Reads a track to its end: every event whole, every note-on ended, the end at the end. Returns the number of notes. */
static int read_track(const unsigned char *p, const unsigned char *end, int32_t *out_tempo, int32_t *out_ticks) {
    bool on[16][128] = {0};
    int notes = 0;
    *out_ticks = 0;
    while (p < end) {
        int32_t wait = 0;
        do wait = wait << 7 | (*p & 0x7f);
        while (*p++ & 0x80 && p < end);
        *out_ticks += wait;
        int status = *p++, channel = status & 15;
        if (status == 0xff) {
            int type = *p++, length = *p++;
            if (type == 0x51) *out_tempo = (int32_t)be(p, 3);
            p += length;
            if (type == 0x2f) break;
        } else if (status >> 4 == 0xc) {
            assert_true(*p++ < 128);
        } else {
            int key = *p++, value = *p++;
            assert_true(key < 128 && value < 128 && status >= 0x80);
            if (status >> 4 == 9) assert_false(on[channel][key]), on[channel][key] = true, notes++;
            if (status >> 4 == 8) assert_true(on[channel][key]), on[channel][key] = false;
        }
    }
    assert_ptr_equal(p, end);
    for (int c = 0; c < 16; c++)
        for (int k = 0; k < 128; k++) assert_false(on[c][k]);
    return notes;
}

static void test_smf(void **state) {
    (void)state;
    for (size_t i = 0; i < tune_style_count; i++) {
        char inputs[100];
        struct buf b = {0};
        snprintf(inputs, sizeof inputs, "{\"prompt\":\"%s\",\"duration\":45}", tune_styles[i].name);
        struct made *m = make(inputs, i);
        tune_write_smf(&m->song, &b);
        const unsigned char *p = (const unsigned char *)b.ptr, *end = p + b.len;
        assert_memory_equal(p, "MThd\0\0\0\6\0\1", 10);
        int tracks = (int)be(p + 10, 2), notes = 0;
        int32_t tempo = 0, ticks;
        assert_int_equal(be(p + 12, 2), TUNE_PPQ);
        p += 14;
        for (; tracks; tracks--) {
            assert_true(end - p > 8 && !memcmp(p, "MTrk", 4));
            uint32_t length = be(p + 4, 4);
            assert_true(length <= (uint32_t)(end - p - 8));
            notes += read_track(p + 8, p + 8 + length, &tempo, &ticks);
            p += 8 + length;
        }
        assert_ptr_equal(p, end);
        assert_int_equal(notes, m->song.count);
        assert_int_equal(tempo, 60000000 / m->song.plan.tempo);
        buf_done(&b);
        drop(m);
    }
}

static const char *last_word(struct str s) {
    const char *p = s.ptr + s.len;
    while (p > s.ptr && p[-1] != ' ') p--;
    return p;
}

static void test_lyrics_written(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed < 9; seed++) {
        struct made *m = make("{\"prompt\":\"a happy pop song about my little dog\",\"duration\":60}", seed);
        const struct tune_plan *p = &m->song.plan;
        char *text = arena_strz(&m->arena, m->lyrics.text);
        assert_string_equal(p->theme, "my little dog");
        assert_string_equal(p->title, "My Little Dog");
        assert_non_null(strstr(text, "[Verse 1]\n"));
        assert_non_null(strstr(text, "[Verse 2]\n"));
        assert_non_null(strstr(text, "[Chorus]\n"));
        assert_non_null(strstr(text, "my little dog"));
        assert_null(strchr(text, '%'));
        assert_true(m->lyrics.line_count >= 8);
        for (int i = 0; i < m->lyrics.line_count; i++) {
            const struct tune_line *l = &m->lyrics.lines[i];
            assert_true(l->start_ms >= (i ? m->lyrics.lines[i - 1].start_ms : 0) && l->start_ms < p->duration_ms);
            assert_true(l->text.len > 5 && !strchr("+-%", l->text.ptr[0]));
            /* Couplets end in different words. */
            if (i % 2) assert_string_not_equal(arena_strz(&m->arena, str_of(last_word(l->text))), last_word(m->lyrics.lines[i - 1].text));
        }
        drop(m);
    }
    struct made *m = make("{\"prompt\":\"an instrumental rock tune\"}", 1);
    assert_int_equal(m->lyrics.text.len, 0);
    drop(m);
    m = make("{\"prompt\":\"rock\",\"instrumental\":true}", 1);
    assert_int_equal(m->lyrics.text.len, 0);
    drop(m);
}

static void test_lyrics_given(void **state) {
    (void)state;
    struct made *m = make("{\"style\":\"rock\",\"title\":\"T\",\"lyrics\":\"[Verse]\\nOne\\nTwo\\n\\n[Chorus]\\nThree\\r\\nFour\\n\\n[Bridge]\\nFive\"}", 1);
    assert_string_equal(arena_strz(&m->arena, m->lyrics.text), "[Verse]\nOne\nTwo\n\n[Chorus]\nThree\r\nFour\n\n[Bridge]\nFive");
    assert_int_equal(m->lyrics.line_count, 5);
    assert_true(str_is(m->lyrics.lines[3].text, "Four"));
    const struct tune_plan *p = &m->song.plan;
    assert_int_equal(m->lyrics.lines[0].start_ms, tune_bar_ms(p, p->sections[1].first_bar));
    assert_int_equal(m->lyrics.lines[2].start_ms, tune_bar_ms(p, p->sections[2].first_bar));
    drop(m);
    /* A chorus first waits for the chorus; more blocks than sections share; very many lines are bounded. */
    m = make("{\"style\":\"rock\",\"lyrics\":\"[Chorus]\\nOnly this\"}", 1);
    assert_int_equal(m->lyrics.lines[0].start_ms, tune_bar_ms(&m->song.plan, m->song.plan.sections[2].first_bar));
    drop(m);
    struct buf b = {0};
    buf_z(&b, "{\"duration\":30,\"lyrics\":\"");
    for (int i = 0; i < 900; i++) buf_z(&b, "a\\n\\nb");
    buf_z(&b, "\"}");
    m = make(b.ptr, 1);
    assert_int_equal(m->lyrics.line_count, TUNE_MAX_LINES);
    for (int i = 1; i < m->lyrics.line_count; i++) assert_true(m->lyrics.lines[i].start_ms >= m->lyrics.lines[i - 1].start_ms);
    assert_true(m->lyrics.lines[TUNE_MAX_LINES - 1].start_ms < 30000);
    drop(m);
    buf_done(&b);
}

static void test_facts(void **state) {
    (void)state;
    struct made *m = make("{\"prompt\":\"a rock song about a \\\"quoted\\\" city\",\"duration\":60}", 4);
    struct buf b = {0};
    struct json *j = NULL;
    struct str s;
    int64_t bpm;
    tune_write_facts(&m->song, &m->lyrics, 4, -16.04, -1.5, 4096, &b);
    assert_true(b.len < 4096);
    assert_int_equal(json_parse(buf_view(&b), &m->arena, NULL, &j), OK);
    assert_true(json_as_str(json_get(j, "style"), &s) && str_is(s, "rock"));
    assert_true(json_as_i64(json_get(j, "tempo_bpm"), &bpm) && bpm == m->song.plan.tempo);
    assert_true(json_get(j, "sections")->count >= 6 && json_get(j, "instruments")->count >= 3);
    assert_true(json_as_str(json_get(j, "lyrics"), &s) && str_eq(s, m->lyrics.text));
    assert_int_equal(json_get(j, "lines")->count, m->lyrics.line_count);
    drop(m);
    /* 5000 characters of four bytes do not fit: what is said is cut at a character, and says so. */
    struct buf in = {0};
    buf_z(&in, "{\"lyrics\":\"");
    for (int i = 0; i < 5000; i++) buf_z(&in, "\xf0\x9f\x98\x80");
    buf_z(&in, "\"}");
    m = make(in.ptr, 4);
    tune_write_facts(&m->song, &m->lyrics, 4, -16, -1, 4096, &b);
    assert_true(b.len < 4096 && b.len > 3000);
    assert_int_equal(json_parse(buf_view(&b), &m->arena, NULL, &j), OK);
    assert_non_null(json_get(j, "lyrics_cut"));
    drop(m);
    buf_done(&in);
    buf_done(&b);
}

static void test_tags(void **state) {
    (void)state;
    struct made *m = make("{\"prompt\":\"rock about stars\",\"title\":\"A & B <c> \\\"d\\\"\"}", 4);
    struct buf b = {0};
    tune_write_id3(&m->song.plan, &m->lyrics, STR("\xff\xd8\xff"), &b);
    const unsigned char *p = (const unsigned char *)b.ptr;
    assert_memory_equal(p, "ID3\4\0\0", 6);
    size_t at = 10, size = (size_t)p[6] << 21 | (size_t)p[7] << 14 | (size_t)p[8] << 7 | p[9];
    int found = 0;
    assert_int_equal(size + 10, b.len);
    while (at < b.len) {
        size_t n = (size_t)p[at + 4] << 21 | (size_t)p[at + 5] << 14 | (size_t)p[at + 6] << 7 | p[at + 7];
        if (!memcmp(p + at, "TIT2", 4)) assert_memory_equal(p + at + 11, "A & B <c> \"d\"", n - 1), found++;
        if (!memcmp(p + at, "TPE1", 4)) assert_memory_equal(p + at + 11, "puras", 5), found++;
        found += !memcmp(p + at, "USLT", 4) || !memcmp(p + at, "SYLT", 4) || !memcmp(p + at, "APIC", 4);
        at += 10 + n;
    }
    assert_int_equal(at, b.len);
    assert_int_equal(found, 5);
    buf_clear(&b);
    tune_write_wav(&m->song.plan, 2, 44100, 1000, &b);
    assert_int_equal((unsigned char)b.ptr[4] | (unsigned char)b.ptr[5] << 8, b.len + 4000 - 8);
    assert_memory_equal(b.ptr + b.len - 8, "data\xa0\x0f\0\0", 8);
    buf_done(&b);
    drop(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inputs), cmocka_unit_test(test_every_style), cmocka_unit_test(test_extremes), cmocka_unit_test(test_words), cmocka_unit_test(test_band),
        cmocka_unit_test(test_seeds), cmocka_unit_test(test_melody), cmocka_unit_test(test_smf), cmocka_unit_test(test_lyrics_written), cmocka_unit_test(test_lyrics_given),
        cmocka_unit_test(test_facts), cmocka_unit_test(test_tags)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
