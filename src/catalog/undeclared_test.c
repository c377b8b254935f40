/* Which undeclared inputs pass, and whether the list knows every name by which the shipped catalog's providers charge. */
#include "base/cleanup.h"
#include "catalog/catalog.h"
#include "catalog/undeclared.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct { const char *member; bool unsafe; } safety[] = {
    {"\"enable_safety_checker\":false", true},
    {"\"enableSafetyChecker\":\"false\"", true},
    {"\"Enable-Safety-Checker\":0", true},
    {"\"enable_safety_checker\":true", false},
    {"\"enable_safety_checker\":null", false},
    {"\"disable_safety_checker\":true", true},
    {"\"disable_safety_checker\":false", false},
    {"\"disable_safety\":true", true},
    {"\"safety_tolerance\":6", true},
    {"\"safety_tolerance\":\"5\"", true},
    {"\"safety_tolerance\":\"2\"", false},
    {"\"safety_tolerance\":[1]", true},
    {"\"safety_filter_level\":\"block_only_high\"", true},
    {"\"safety_filter_level\":\"block_low_and_above\"", false},
    {"\"safety_settings\":[{\"category\":\"HARM_CATEGORY_HARASSMENT\",\"threshold\":\"BLOCK_NONE\"}]", true},
    {"\"safetySettings\":[]", true},
    {"\"moderation\":\"low\"", true},
    {"\"moderation\":\"auto\"", false},
    {"\"contentModeration\":{\"publicFigureThreshold\":\"low\"}", true},
    {"\"person_generation\":\"allow_all\"", true},
    {"\"personGeneration\":\"dont_allow\"", false},
    {"\"safety_identifier\":\"u_5e88\"", false},
    {"\"nsfw_checker\":false", true},
    {"\"parameters\":{\"personGeneration\":\"allow_all\"}", true},
    {"\"extra\":[{\"more\":{\"disable_safety_checker\":true}}]", true},
    {"\"extra\":[{\"more\":{\"disable_safety_checker\":false}}]", false},
    {"\"prompt\":\"safety_tolerance\"", false},
    {"\"seed\":7", false},
};

static void what_turns_checks_down_is_found(void **) {
    struct arena a = {};
    for (size_t i = 0; i < sizeof safety / sizeof *safety; i++) {
        struct json *j = NULL;
        assert_int_equal(json_parse(arena_printf(&a, "{%s}", safety[i].member), &a, NULL, &j), OK);
        if ((undeclared_unsafe(j->child) != NULL) != safety[i].unsafe) fail_msg("%s", safety[i].member);
    }
    arena_done(&a);
    assert_true(undeclared_is_refused(STR("safety_settings")));
    assert_false(undeclared_is_refused(STR("moderation")));
    assert_false(undeclared_is_refused(STR("prompt")));
}

static void costly_names_are_known_in_any_spelling(void **) {
    static const char *const yes[] = {"n", "N", "num_images", "numImages", "num-images", "durationSeconds", "generateAudio", "serviceTier", "quality", "music_length_ms"};
    static const char *const no[] = {"", "nn", "seed", "num_inference_steps", "negative_prompt", "image", "audio_url", "a_name_that_is_longer_than_any_that_is_listed_num_images_and_goes_on"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!undeclared_is_costly(str_of(yes[i]))) fail_msg("%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (undeclared_is_costly(str_of(no[i]))) fail_msg("%s", no[i]);
}

/* --- the shipped catalog --- */

static int missed(struct str name, const char *where) {
    /* Places in which some provider carries what is priced, and which mean something else elsewhere. */
    static const char *const elsewhere[] = {"aspect_ratio"};
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (str_is(name, elsewhere[i])) return 0;
    if (undeclared_is_costly(name)) return 0;
    print_error("%s: `%.*s` is charged by, and undeclared.def does not know it\n", where, STR_ARG(name));
    return 1;
}

/* The last word of a place: "max_images" of "sequential_image_generation_options.max_images". */
static int missed_place(struct str path, const char *slug) {
    struct str name = {};
    while (path.len) str_cut(path, '.', &name, &path);
    return missed(name, slug);
}

static int missed_places(const struct json *entry, const char *slug) {
    static const char *const keys[] = {"path", "width", "height", "query"};
    int n = 0;
    struct str path;
    if (entry->type == JSON_STRING) return missed_place(entry->text, slug);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_as_str(json_get(entry, keys[i]), &path)) n += missed_place(path, slug);
    return n;
}

/* Each name under which a slug takes what its price depends on, and each under which a route tells a provider: another slug that does not declare it would sell it
 * for nothing. Texts and files are what is made, not how much of it. */
static int missed_by_model(const struct model *m) {
    int n = 0;
    for (size_t i = 0; i < m->input_count; i++) {
        const struct input_spec *s = &m->inputs[i];
        if (!catalog_priced(m, i) || s->type == INPUT_TEXT || s->type == INPUT_FILE) continue;
        n += missed(s->name, m->slug.ptr);
        for (size_t k = 0; k < s->alias_count; k++) n += missed(s->aliases[k], m->slug.ptr);
        for (size_t k = 0; k < m->route_count; k++) {
            const struct json *entry = json_get_str(m->routes[k].carries, s->name);
            if (entry) n += missed_places(entry, m->slug.ptr);
        }
    }
    return n;
}

static void every_shipped_name_is_known(void **) {
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s/catalog", getenv("PURAS_SOURCE"));
    const char *folders[] = {folder};
    struct problems p = {};
    struct catalog *c = NULL;
    assert_int_equal(catalog_read(folders, 1, &p, &c), OK);
    int n = 0;
    for (size_t i = 0; i < catalog_count(c); i++) n += missed_by_model(catalog_model(c, i));
    assert_true(catalog_count(c) > 100);
    assert_int_equal(n, 0);
    catalog_destroy(c);
    problems_done(&p);
}

/* --- what the providers' documents say --- */

/* Whether a name of a provider's counts or measures something. */
static bool sounds_costly(struct str name) {
    static const char *const parts[] = {"num_", "number_of", "Number", "count", "Count", "amount", "uration", "econds", "esolution", "quality", "rames", "fps", "tier", "batch", "generate_audio", "generateAudio",
                                        "amples", "mages", "width", "height", "pixel", "length", "size", "Size"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (memmem(name.ptr, name.len, parts[i], strlen(parts[i]))) return true;
    return false;
}

static bool is_innocent(struct str name) {
    static const char *const names[] = {
        "num_inference_steps", "output_quality", "num_speakers",                                       /* effort, packing, a hint: no provider in the list charges by them */
        "input_images", "reference_images", "referenceImages", "keyframes",                            /* files that are given */
        "file_size", "generated_images", "series_images", "input_seconds", "output_seconds", "total_seconds", "audio_length", "music_duration", "music_size", "video_width", "video_height",
        "audio_size", "word_count", "images", "generatedSamples", "success_count", "failed_count", "input_image_count", "account", "amount",
        "candidatesTokenCount", "promptTokenCount", "totalTokenCount", "raiMediaFilteredCount",        /* what replies tell */
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_is(name, names[i])) return true;
    return false;
}

/* Counts names that are members of something, `name:` and `"name":`, and, in the tables of the twin, `name*:`. */
static int missed_in_text(struct str text, const char *path) {
    int n = 0;
    for (size_t i = 0; i < text.len; i++) {
        size_t from = i;
        while (i < text.len && (isalnum((unsigned char)text.ptr[i]) || text.ptr[i] == '_')) i++;
        struct str name = str_n(text.ptr + from, i - from), rest = str_skip(text, i);
        if (str_starts(rest, STR("*"))) rest = str_skip(rest, 1);
        if (str_starts(rest, STR("\""))) rest = str_skip(rest, 1);
        if (!name.len || !str_starts(rest, STR(":")) || !sounds_costly(name) || is_innocent(name) || undeclared_is_costly(name)) continue;
        print_error("%s: `%.*s` sounds as if it were charged by: what a caller could ask for belongs into undeclared.def, what only replies tell into is_innocent\n", path, STR_ARG(name));
        n++;
    }
    return n;
}

static int missed_in_file(const char *path) {
    _cleanup_(fclosep) FILE *f = fopen(path, "r");
    assert_non_null(f);
    struct buf b = {};
    for (size_t n = 1; n;) {
        buf_reserve(&b, 65536);
        n = fread(b.ptr + b.len, 1, 65536, f);
        b.len += n;
    }
    int missed = missed_in_text(buf_view(&b), path);
    buf_done(&b);
    return missed;
}

/* Names that begin like that, at the top of the folder and one below it. */
static int missed_in_folder(const char *folder, const char *begins, const char *ends, int depth, int *files) {
    struct dirent **list;
    int n = scandir(folder, &list, NULL, alphasort), missed = 0;
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX];
        struct str name = str_of(list[i]->d_name);
        snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
        if (list[i]->d_type == DT_DIR && name.ptr[0] != '.' && !depth) missed += missed_in_folder(path, begins, ends, 1, files);
        else if (str_starts(name, str_of(begins)) && str_ends(name, str_of(ends))) missed += missed_in_file(path), ++*files;
        free(list[i]);
    }
    free(list);
    return missed;
}

static void every_documented_name_is_known(void **) {
    char wire[PATH_MAX], twin[PATH_MAX];
    int files = 0, faces = 0;
    snprintf(wire, sizeof wire, "%s/tests/wire", getenv("PURAS_SOURCE"));
    snprintf(twin, sizeof twin, "%s/src/twin", getenv("PURAS_SOURCE"));
    assert_int_equal(missed_in_folder(wire, "", ".yaml", 0, &files) + missed_in_folder(twin, "face_", ".c", 1, &faces), 0);
    assert_true(files > 30 && faces > 5);
    /* the test itself can see */
    assert_int_equal(missed_in_text(STR("{\"num_pictures\": 4} film_seconds*:i1..6 seed:i \"num_images\": 1"), "made up"), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_turns_checks_down_is_found),
        cmocka_unit_test(costly_names_are_known_in_any_spelling),
        cmocka_unit_test(every_shipped_name_is_known),
        cmocka_unit_test(every_documented_name_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
