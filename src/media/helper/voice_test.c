/* Speech without a speech program: languages, voices, and what of a hostile text reaches the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "media/helper/voice.h"

#include <stdio.h>

static void test_detect(void **state) {
    (void)state;
    static const struct { const char *text, *code; } cases[] = {
        {"Hello, this is the first sentence of a story.", "en"}, {"Das ist ein Test, und ich bin nicht sicher.", "de"}, {"Bonjour, je ne sais pas pourquoi il est l\u00e0.", "fr"},
        {"Hola, \u00bfc\u00f3mo est\u00e1 usted? Muy bien, gracias.", "es"}, {"Ciao, come stai? Questo non \u00e8 un gioco.", "it"}, {"Ol\u00e1, voc\u00ea n\u00e3o est\u00e1 em casa.", "pt"},
        {"Goedemorgen, het is niet ver van hier naar de stad.", "nl"}, {"Dzie\u0144 dobry, jak si\u0119 masz?", "pl"}, {"\u041f\u0440\u0438\u0432\u0435\u0442, \u044d\u0442\u043e \u0442\u0435\u0441\u0442.", "ru"},
        {"\u041f\u0440\u0438\u0432\u0456\u0442, \u0446\u0435 \u0457\u0457 \u0434\u0456\u043c.", "uk"}, {"Merhaba, nas\u0131ls\u0131n? Bu \u00e7ok g\u00fczel.", "tr"}, {"Hej, jag heter Anna och det \u00e4r en bra dag.", "sv"},
        {"\u3053\u3093\u306b\u3061\u306f\u4e16\u754c", "ja"}, {"\u4f60\u597d\u4e16\u754c", "zh"}, {"\uc548\ub155\ud558\uc138\uc694", "ko"}, {"\u0645\u0631\u062d\u0628\u0627", "ar"}, {"\u05e9\u05dc\u05d5\u05dd", "he"},
        {"\u0393\u03b5\u03b9\u03ac \u03c3\u03bf\u03c5", "el"}, {"\u0928\u092e\u0938\u094d\u0924\u0947", "hi"}, {"\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "th"}, {"12345", "en"}, {"", "en"}, {"\xf0\x9f\x98\x80", "en"},
        {"A test.", "en"}, {"Wait a moment!", "en"}, {"A man and a dog.", "en"}, {"A short sentence for a test.", "en"}, {"As a rule, a car is a good idea.", "en"},
        {"Open a door for a guest.", "en"}, {"Please call me at noon.", "en"}, {"Say no more.", "en"}, {"Die in a fire", "en"}, {"No way!", "en"}, {"I do.", "en"}, {"Dear me", "en"},
        {"Los Angeles is on fire", "en"}, {"She is in La Paz", "en"}, {"A la carte", "en"}, {"Hola", "es"}, {"Buenos d\u00edas, se\u00f1ora", "es"}, {"Ciao a tutti", "it"}, {"Bom dia", "pt"},
        {"Guten Morgen", "de"}, {"Wo ist der Bahnhof?", "de"}, {"Ich liebe dich", "de"}, {"Je t'aime", "fr"}, {"O\u00f9 est la gare ?", "fr"}, {"Il gatto \u00e8 sul tavolo", "it"}, {"Ik hou van je", "nl"},
        {"Jag \u00e4lskar dig", "sv"}, {"Kocham ci\u0119", "pl"}, {"Gdzie jest dworzec?", "pl"},
        {"He said \u041f\u0440\u0438\u0432\u0435\u0442 to me and left the room.", "en"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = voice_languages[voice_detect(str_of(cases[i].text))].code;
        if (strcmp(got, cases[i].code)) fail_msg("%s: %s, not %s", cases[i].text, got, cases[i].code);
    }
}

/* The command line takes words of one list only; it must name what the two tables name. */
static void test_words(void **state) {
    (void)state;
    assert_true(voice_preset_count >= 8);
    for (int l = 0; l < voice_language_count; l++)
        for (int p = 0; p < voice_preset_count; p++) {
            char want[80];
            snprintf(want, sizeof want, "%s+%s", voice_languages[l].program, voice_presets[p].variant);
            assert_string_equal(voice_words[l * voice_preset_count + p], want);
        }
    assert_null(voice_words[voice_language_count * voice_preset_count]);
}

static void test_clean(void **state) {
    (void)state;
    static const struct { const char *text, *want; } cases[] = {
        {"plain", "plain\n"}, {"[[h@l'oU]]", "[ [h@l'oU] ]\n"}, {"[[[[", "[ [ [ [\n"}, {"[\u200b[x", "[ [x\n"}, {"a\x01" "50P", "a 50P\n"}, {"a\tb\nc\x7f", "a b\nc \n"},
        {"<speak>x</speak>", "<speak>x</speak>\n"}, {"\u202eabc\u2066", "abc\n"}, {"\ue010x", "x\n"}, {"\xf3\xa0\x80\x81t", "t\n"}, {"\u00e9\u4e16", "\u00e9\u4e16\n"}, {"\xff\xc0", "\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {0};
        voice_clean(str_of(cases[i].text), &b);
        assert_string_equal(b.ptr, cases[i].want);
        assert_null(strstr(b.ptr, "[["));
        buf_done(&b);
    }
}

static void test_inputs(void **state) {
    (void)state;
    static const char *const bad[] = {"", "{}", "{\"text\":\"\"}", "{\"text\":\"   \"}", "{\"text\":5}", "{\"text\":\"a\\u0000b\"}", "{\"text\":\"a\",\"voice\":\"nobody\"}",
                                      "{\"text\":\"a\",\"language\":\"../etc\"}", "{\"text\":\"a\",\"speed\":0.4}", "{\"text\":\"a\",\"speed\":2.001}", "{\"text\":\"a\",\"speed\":\"fast\"}", "{\"text\":\"a\",\"format\":\"flac\"}"};
    struct arena a = {0};
    struct voice_inputs in;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct why why = {0};
        if (!voice_read_inputs(str_of(bad[i]), &a, &why, &in)) fail_msg("accepted: %s", bad[i]);
        assert_true(strlen(why_text(&why)) > 10);
    }
    assert_int_equal(voice_read_inputs(STR("{\"prompt\":\"Guten Tag, das ist es\",\"voice\":\"Adam\",\"language\":\"auto\",\"speed\":1.5,\"format\":\"ogg\"}"), &a, NULL, &in), OK);
    assert_string_equal(voice_languages[in.language].code, "de");
    assert_string_equal(voice_presets[in.preset].name, "adam");
    assert_int_equal(in.speed, 1500);
    assert_true(in.detected);
    assert_int_equal(voice_read_inputs(STR("{\"input\":\"x\",\"language\":\"pt_BR\"}"), &a, NULL, &in), OK);
    assert_string_equal(voice_languages[in.language].code, "pt-br");
    assert_false(in.detected);
    struct buf b = {0};
    for (int more = 0; more < 2; more++) {
        buf_clear(&b);
        buf_z(&b, "{\"text\":\"");
        for (int i = 0; i < VOICE_MAX_CHARS + more; i++) buf_z(&b, "\u00e9");
        buf_z(&b, "\"}");
        assert_int_equal(voice_read_inputs(buf_view(&b), &a, NULL, &in), more ? E_INVALID : OK);
    }
    buf_done(&b);
    arena_done(&a);
}

static void test_count(void **state) {
    (void)state;
    assert_int_equal(voice_count_words(STR("It's a well-known fact, 42 of them!")), 7);
    assert_int_equal(voice_count_words(STR("")), 0);
    assert_int_equal(voice_count_words(STR("... -- !")), 0);
    assert_int_equal(voice_count_words(STR("\u4f60\u597d\u4e16\u754c")), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_detect), cmocka_unit_test(test_words), cmocka_unit_test(test_clean), cmocka_unit_test(test_inputs), cmocka_unit_test(test_count)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
