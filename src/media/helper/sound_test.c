/* Songs and speech through the real helper, judged by ffmpeg as an independent decoder and meter. argv[1] is puras-media. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "media/media.h"

#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *program;

struct rig {
    struct helper *h;
    char dir[64], out[80];
    struct render_answer a;
    int told, last_percent;
    bool fell;
    char stages[400];
};

static int setup(void **state) {
    struct rig *r = calloc(1, sizeof *r);
    struct why why = {0};
    struct helper_options o = {.program = program, .at_once = 2};
    snprintf(r->dir, sizeof r->dir, "%s", "/tmp/puras-sound-XXXXXX");
    if (!mkdtemp(r->dir)) return -1;
    snprintf(r->out, sizeof r->out, "%s/out", r->dir);
    if (helper_start(&o, &why, &r->h)) return fprintf(stderr, "%s\n", why_text(&why)), -1;
    *state = r;
    return 0;
}

static int teardown(void **state) {
    struct rig *r = *state;
    helper_stop(r->h);
    unlink(r->out);
    rmdir(r->dir);
    free(r);
    return 0;
}

static void stage(void *arg, const char *name, int percent) {
    struct rig *r = arg;
    r->told++;
    r->fell |= percent < r->last_percent;
    r->last_percent = percent;
    if (!strstr(r->stages, name)) snprintf(r->stages + strlen(r->stages), sizeof r->stages - strlen(r->stages), "%s,", name);
}

static void render(struct rig *r, const char *model, const char *inputs, uint64_t seed) {
    struct render_job j = {.model = model, .inputs = str_of(inputs), .seed = seed, .out_path = r->out, .timeout = 120000, .stage = stage, .stage_arg = r};
    r->told = r->last_percent = 0;
    r->stages[0] = 0;
    helper_render(r->h, &j, &r->a);
}

static void make(struct rig *r, const char *model, const char *inputs, uint64_t seed) {
    render(r, model, inputs, seed);
    if (r->a.code) fail_msg("%s: %s", inputs, r->a.detail);
}

/* What ffmpeg or ffprobe says of the file at `path`, both ways. "@" stands for the path among the arguments. */
static char *ask(const char *path, const char *const *args) {
    char *text = calloc(1, 65536), *argv[24];
    int pipes[2], n = 0, status = 0;
    posix_spawn_file_actions_t actions;
    pid_t pid;
    size_t len = 0;
    ssize_t got;
    assert_non_null(text);
    for (; args[n]; n++) argv[n] = (char *)(uintptr_t)(strcmp(args[n], "@") ? args[n] : path);
    argv[n] = NULL;
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 2);
    assert_int_equal(posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(pipes[1]);
    while (len < 65535 && (got = read(pipes[0], text + len, 65535 - len)) > 0) len += (size_t)got;
    close(pipes[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status) fail_msg("%s: %s", argv[0], text);
    return text;
}

static double after_last(const char *text, const char *mark) {
    const char *at = NULL;
    for (const char *p = text; (p = strstr(p, mark)); p++) at = p;
    assert_non_null(at);
    return strtod(at + strlen(mark), NULL);
}

/* Decoded and metered: seconds, LUFS, highest sample. */
static void meter(const char *path, double *out_s, double *out_lufs, double *out_peak) {
    static const char *const args[] = {"ffmpeg", "-hide_banner", "-nostdin", "-i", "@", "-map", "0:a", "-af", "ebur128=peak=sample", "-f", "null", "-", NULL};
    char *text = ask(path, args);
    const char *time = text;
    for (const char *p = text; (p = strstr(p, "time=")); p++) time = p;
    int h = 0, m = 0;
    double s = 0;
    assert_int_equal(sscanf(time, "time=%d:%d:%lf", &h, &m, &s), 3);
    *out_s = h * 3600 + m * 60 + s;
    *out_lufs = after_last(text, "I:");
    *out_peak = after_last(text, "Peak:");
    free(text);
}

static void near(double got, double want, double by, const char *what) {
    if (!(fabs(got - want) <= by)) fail_msg("%s: %.2f is not %.2f +-%.2f", what, got, want, by);
}

static struct json *scene(const struct rig *r, struct arena *a) {
    struct json *j = NULL;
    assert_int_equal(json_parse(str_of(r->a.scene), a, NULL, &j), OK);
    return j;
}

static const char *const PROBE[] = {"ffprobe", "-v", "error", "-show_entries", "format_tags:stream=codec_name,width,height:stream_disposition=attached_pic", "@", NULL};

static void test_song(void **state) {
    struct rig *r = *state;
    struct arena arena = {0};
    struct str lyrics;
    double s, lufs, peak;
    make(r, "tune", "{\"prompt\":\"a happy pop song about a red boat at sea\",\"title\":\"Red; Boat: 'n \\\"Sea\\\" %s $(id)\",\"duration\":14}", 1);
    assert_string_equal(r->a.type, "audio/mpeg");
    assert_int_equal(r->a.duration_ms, 14000);
    assert_false(r->fell);
    assert_true(r->told >= 5 && r->last_percent >= 90);
    assert_string_equal(r->stages, "composing,playing,mastering,drawing the cover,encoding,");
    meter(r->out, &s, &lufs, &peak);
    near(s, 14, 0.5, "duration");
    near(lufs, -16, 2, "loudness");
    assert_true(peak < -0.5);
    struct json *j = scene(r, &arena);
    assert_true(json_get(j, "instruments")->count >= 3);
    assert_true(json_as_str(json_get(j, "lyrics"), &lyrics) && lyrics.len > 40);
    const struct json *sections = json_get(j, "sections");
    near(strtod(json_get(json_at(sections, sections->count - 1), "end_s")->text.ptr, NULL), 14, 0.001, "end");
    char *text = ask(r->out, PROBE);
    assert_non_null(strstr(text, "title=Red; Boat: 'n \"Sea\" %s $(id)\n"));
    assert_non_null(strstr(text, "artist=puras\n"));
    assert_non_null(strstr(text, "genre=pop\n"));
    assert_non_null(strstr(text, "lyrics-und=["));
    assert_non_null(strstr(text, "codec_name=mjpeg"));
    assert_non_null(strstr(text, "width=640"));
    assert_non_null(strstr(text, "attached_pic=1"));
    free(text);
    arena_done(&arena);
}

/* The loudest and the softest style, as WAV: exactly as many samples as asked for. */
static void test_loudness(void **state) {
    struct rig *r = *state;
    static const char *const styles[] = {"metal", "ambient", "classical"};
    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++) {
        char inputs[160];
        double s, lufs, peak;
        snprintf(inputs, sizeof inputs, "{\"prompt\":\"%s\",\"duration\":10.5,\"format\":\"wav\",\"instrumental\":true}", styles[i]);
        make(r, "tune", inputs, 3);
        assert_string_equal(r->a.type, "audio/wav");
        assert_true(r->a.bytes > 463050 * 4 && r->a.bytes < 463050 * 4 + 400);
        meter(r->out, &s, &lufs, &peak);
        near(s, 10.5, 0.01, inputs);
        near(lufs, -16, 2, inputs);
        assert_true(peak <= -1);
        assert_non_null(strstr(r->a.scene, "\"lyrics\":null"));
    }
}

static struct buf contents(const char *path) {
    struct buf b = {0};
    char piece[65536];
    size_t n;
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) buf_add(&b, piece, n);
    fclose(f);
    return b;
}

static void test_seeds(void **state) {
    struct rig *r = *state;
    static const uint64_t seeds[] = {8, 8, 9};
    struct buf b[3];
    for (int i = 0; i < 3; i++) {
        make(r, "tune", "{\"prompt\":\"folk in D major\",\"duration\":10}", seeds[i]);
        b[i] = contents(r->out);
    }
    assert_true(str_eq(buf_view(&b[0]), buf_view(&b[1])));
    assert_false(str_eq(buf_view(&b[0]), buf_view(&b[2])));
    for (int i = 0; i < 3; i++) buf_done(&b[i]);
}

static void test_speech(void **state) {
    struct rig *r = *state;
    static const struct { const char *inputs, *language, *type; double low, high; } cases[] = {
        {"{\"text\":\"Good morning, the number is 42.\",\"format\":\"wav\",\"language\":\"en\"}", "en", "audio/wav", 1, 5},
        {"{\"text\":\"Good morning, the number is 42.\",\"format\":\"wav\",\"language\":\"de\"}", "de", "audio/wav", 1, 5},
        {"{\"text\":\"Good morning, the number is 42.\",\"format\":\"wav\",\"language\":\"fr\"}", "fr", "audio/wav", 1, 5},
        {"{\"text\":\"Guten Morgen, das ist ein Test und nicht mehr.\",\"voice\":\"adam\"}", "de", "audio/mpeg", 1.5, 6},
        {"{\"text\":\"Bonjour, je ne sais pas, mais il est l\u00e0.\",\"speed\":0.5,\"format\":\"ogg\"}", "fr", "audio/ogg", 2.5, 10}};
    struct buf files[5];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char want[40];
        double s, lufs, peak;
        make(r, "voice", cases[i].inputs, 1);
        assert_string_equal(r->a.type, cases[i].type);
        snprintf(want, sizeof want, "\"language\":\"%s\"", cases[i].language);
        assert_non_null(strstr(r->a.scene, want));
        meter(r->out, &s, &lufs, &peak);
        if (s < cases[i].low || s > cases[i].high) fail_msg("%s: %.2f s", cases[i].inputs, s);
        near(s, (double)r->a.duration_ms / 1000, 0.15, "said and decoded");
        near(lufs, -18, 2, cases[i].inputs);
        assert_true(peak < -0.5);
        files[i] = contents(r->out);
    }
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < i; k++) assert_false(str_eq(buf_view(&files[i]), buf_view(&files[k])));
    for (int i = 0; i < 5; i++) buf_done(&files[i]);
}

/* Whatever a text holds it is read aloud, or refused in a sentence; phonemes and markup are never obeyed. */
static void test_hostile_texts(void **state) {
    struct rig *r = *state;
    static const char *const spoken[] = {
        "{\"text\":\"<speak><audio src='file:///etc/passwd'/>hi</speak>\"}", "{\"text\":\"-w /tmp/puras-escaped --phonout=/tmp/puras-escaped\"}", "{\"text\":\"\\u0001 50P \\u0002 \\u001b[31m a\"}",
        "{\"text\":\"\\ud83d\\ude00 \\u202e \\u05e9\\u05dc\\u05d5\\u05dd \\u0645\\u0631\\u062d\\u0628\\u0627\"}", "{\"text\":\"$(reboot) `id` | ; & %n%n%s\"}", "{\"text\":\"\\ue001\\ue010 a \\ufeff\\ud83c\\uddf8\"}"};
    for (size_t i = 0; i < sizeof spoken / sizeof *spoken; i++) make(r, "voice", spoken[i], 1);
    assert_int_not_equal(access("/tmp/puras-escaped", F_OK), 0);
    /* Read as letters and signs these take much longer than the one word they would be as phonemes. */
    make(r, "voice", "{\"text\":\"[[h@l'oU]]\",\"language\":\"en\",\"format\":\"wav\"}", 1);
    int64_t escaped = r->a.duration_ms;
    make(r, "voice", "{\"text\":\"hello\",\"language\":\"en\",\"format\":\"wav\"}", 1);
    assert_true(escaped > r->a.duration_ms * 3 / 2);
    static const char *const refused[] = {"{\"text\":\"a\\u0000b\"}", "{\"text\":\"\"}", "{}", "{\"text\":\" ... \"}", "{\"text\":\"x\",\"voice\":\"../x\"}", "{\"text\":\"x\",\"language\":\"en+f2 -w x\"}"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        render(r, "voice", refused[i], 1);
        if (r->a.code != E_INVALID || strlen(r->a.detail) < 10) fail_msg("%s: %s %s", refused[i], err_name(r->a.code), r->a.detail);
        assert_int_not_equal(access(r->out, F_OK), 0);
    }
}

/* The longest text: a mixture, and digits that a reader might take for one enormous number. */
static void test_long_texts(void **state) {
    struct rig *r = *state;
    static const char *const parts[] = {"All work and no play. ", "9", "[["};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct buf b = {0};
        buf_z(&b, "{\"speed\":2,\"language\":\"en\",\"text\":\"");
        for (size_t n = 0; n + strlen(parts[i]) <= 5000; n += strlen(parts[i])) buf_z(&b, parts[i]);
        buf_z(&b, "\"}");
        render(r, "voice", b.ptr, 1);
        if (r->a.code && r->a.code != E_INVALID) fail_msg("%s: %s", parts[i], r->a.detail);
        if (i == 0) {
            assert_int_equal(r->a.code, OK);
            assert_true(r->a.duration_ms > 90000 && r->a.duration_ms < 400000);
        }
        buf_done(&b);
    }
}

static void test_hostile_songs(void **state) {
    struct rig *r = *state;
    make(r, "tune", "{\"style\":\"-o audio.driver=file\",\"title\":\"<b>\\u0001\\u202e\\\\\\\"\",\"lyrics\":\"[Verse]\\n-map 0\\n\\u0007\\ud83d\\ude00\\n[Chorus]\\n\\u05e9\",\"duration\":10}", 1);
    char *text = ask(r->out, PROBE);
    assert_non_null(strstr(text, "title=<b>"));
    assert_non_null(strstr(text, "-map 0"));
    free(text);
    static const char *const refused[] = {"{}", "{\"prompt\":\"x\",\"duration\":5}", "{\"prompt\":\"x\",\"duration\":1e9}", "{\"prompt\":\"x\",\"tempo\":0}", "{\"lyrics\":\"x\",\"instrumental\":true}"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        render(r, "tune", refused[i], 1);
        if (r->a.code != E_INVALID || strlen(r->a.detail) < 10) fail_msg("%s: %s %s", refused[i], err_name(r->a.code), r->a.detail);
        assert_int_not_equal(access(r->out, F_OK), 0);
    }
}

int main(int argc, char **argv) {
    if (argc < 2) return fputs("usage: sound_test PURAS-MEDIA\n", stderr), 2;
    program = argv[1];
#define WITH_HELPER(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {WITH_HELPER(test_song), WITH_HELPER(test_loudness), WITH_HELPER(test_seeds), WITH_HELPER(test_speech),
                                       WITH_HELPER(test_hostile_texts), WITH_HELPER(test_long_texts), WITH_HELPER(test_hostile_songs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
