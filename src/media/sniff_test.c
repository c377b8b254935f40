/* Types come from bytes: every listed type, every lie that was thought of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "media/media.h"

#include <stdlib.h>

struct sample {
    const char *what;
    struct str bytes;
    const char *ext; /* NULL: unknown */
};

static const struct sample samples[] = {
    {"png", {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1", 24}, "png"},
    {"png signature with another first chunk", {"\x89PNG\r\n\x1a\n\0\0\0\rHTML\0\0\0\1\0\0\0\1", 24}, NULL},
    {"jpeg", {"\xff\xd8\xff\xe0\0\x10JFIF", 10}, "jpg"},
    {"gif", {"GIF89a\1\0\1\0", 10}, "gif"},
    {"webp", {"RIFF\x24\0\0\0WEBPVP8 ", 16}, "webp"},
    {"wav", {"RIFF\x24\0\0\0WAVEfmt ", 16}, "wav"},
    {"riff of another kind", {"RIFF\x24\0\0\0AVI LIST", 16}, NULL},
    {"ogg", {"OggS\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x13OpusHead", 36}, "ogg"},
    {"ogg video", {"OggS\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x13\x80theora", 36}, "ogv"},
    {"flac", {"fLaC\0\0\0\x22", 8}, "flac"},
    {"mp3 with a tag", {"ID3\4\0\0\0\0\0\0", 10}, "mp3"},
    {"two bytes of mp3 sync in nothing", {"\xff\xfb\x90\x64\0\0\0\0\0\0\0\0", 12}, NULL},
    {"mp4", {"\0\0\0\x18" "ftypisom\0\0\2\0", 16}, "mp4"},
    {"mov", {"\0\0\0\x18" "ftypqt  \0\0\2\0", 16}, "mov"},
    {"m4a", {"\0\0\0\x18" "ftypM4A \0\0\2\0", 16}, "m4a"},
    {"a brand that is not listed", {"\0\0\0\x18" "ftypavif\0\0\2\0", 16}, NULL},
    {"webm", {"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\x82\x84webm", 16}, "webm"},
    {"mkv", {"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\x82\x88matroska", 20}, "mkv"},
    {"pdf", {"%PDF-1.7\n", 9}, "pdf"},
    {"json object", {" {\"a\": 1}", 9}, "json"},
    {"json array", {"[1,2]", 5}, "json"},
    {"braces that are no json", {"{hello}", 7}, "txt"},
    {"text", {"caf\xc3\xa9 au lait", 13}, "txt"},
    {"text cut inside a character", {"caf\xc3", 4}, "txt"},
    {"latin-1", {"caf\xe9 au lait", 12}, NULL},
    {"zero bytes", {"\0\0\0\0", 4}, NULL},
    {"nothing", {"", 0}, NULL},
    {"html", {"<!DOCTYPE html><title>x</title>", 31}, "html"},
    {"html in capitals behind blanks", {" \r\n\t<HTML>", 10}, "html"},
    {"html behind a comment", {"<!-- a --><script>x</script>", 28}, "html"},
    {"html behind a byte order mark", {"\xef\xbb\xbf<html>", 9}, "html"},
    {"only an unfinished comment", {"<!-- <script>", 13}, "html"},
    {"a script after some text", {"hello <script>alert(1)</script>", 31}, "html"},
    {"svg", {"<svg xmlns='http://www.w3.org/2000/svg'/>", 41}, "svg"},
    {"svg behind declarations", {"<?xml version='1.0'?><!-- x --><!DOCTYPE svg><svg>", 50}, "svg"},
    {"svg behind an entity definition", {"<!DOCTYPE x [<!ENTITY a 'b'>]><svg>", 35}, "svg"},
    {"xml that is neither", {"<?xml version='1.0'?><note/>", 28}, "txt"},
    {"a word that only begins like a tag", {"<headline", 9}, "txt"},
    {"gif that is also script (polyglot)", {"GIF89a/*<svg onload=alert(1)>*/=1;", 34}, "gif"},
    {"jpeg that carries html", {"\xff\xd8\xff\xfe\0\x20<html><script>alert(1)</script>", 37}, "jpg"},
    {"pdf behind html", {"<html>%PDF-1.7", 14}, "html"},
    {"zip", {"PK\3\4\x14\0\0\0", 8}, NULL},
    {"elf", {"\x7f" "ELF\2\1\1\0", 8}, NULL},
    {"text with an escape from a terminal", {"a\x1b[31mb", 7}, "txt"},
    {"text with a bell", {"a\ab", 3}, NULL},
};

static void test_samples(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct sniffed s = media_sniff(samples[i].bytes);
        if ((samples[i].ext == NULL) != (s.type == NULL) || (s.type && strcmp(s.ext, samples[i].ext)))
            fail_msg("%s: read as %s instead of %s", samples[i].what, s.type ? s.ext : "unknown", samples[i].ext ? samples[i].ext : "unknown");
    }
}

/* Two whole frames are needed, at the distance the first one names. */
static void test_mp3_frames(void **state) {
    (void)state;
    char two[1000] = {0};
    memcpy(two, "\xff\xfb\x90\x64", 4); /* 128 kbit/s, 44.1 kHz: 417 bytes */
    memcpy(two + 417, "\xff\xfb\x90\x64", 4);
    assert_string_equal(media_sniff(str_n(two, sizeof two)).ext, "mp3");
    two[417] = 0;
    assert_null(media_sniff(str_n(two, sizeof two)).type);
}

/* Every shorter head must be read without looking past its end; the sanitizer watches. */
static void test_truncated(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        for (size_t n = 0; n < samples[i].bytes.len; n++) {
            char *copy = malloc(n ? n : 1);
            memcpy(copy, samples[i].bytes.ptr, n);
            media_sniff(str_n(copy, n));
            media_measure(str_n(copy, n));
            free(copy);
        }
}

static void test_may_be(void **state) {
    (void)state;
    static const struct { const char *kind, *type, *wanted; bool may; } rows[] = {
        {"image", "image/png", "image", true},      {"audio", "audio/mpeg", "image", false},        {"video", "video/mp4", "image", false},
        {"vector", "image/svg+xml", "image", true}, {"document", "text/html", "image", false},      {"file", "application/octet-stream", "image", true},
        {"image", "image/png", "video", false},     {"image", "image/gif", "video", true},          {"image", "image/webp", "video", true},
        {"audio", "audio/mpeg", "video", false},    {"video", "video/x-matroska", "video", true},   {"vector", "image/svg+xml", "video", false},
        {"video", "video/mp4", "audio", true},      {"image", "image/jpeg", "audio", false},        {"data", "application/json", "audio", false},
        {"text", "text/plain", "audio", false},     {"file", "audio/x-thing", "audio", true},       {"data", "application/json", "text", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (media_may_be(str_of(rows[i].kind), str_of(rows[i].type), str_of(rows[i].wanted)) != rows[i].may) fail_msg("%s for %s", rows[i].type, rows[i].wanted);
}

static void test_inline(void **state) {
    (void)state;
    static const char *const yes[] = {"image/png", "image/jpeg", "image/webp", "image/gif", "audio/mpeg", "video/mp4", "video/webm"};
    static const char *const no[] = {"image/svg+xml", "text/html", "application/pdf", "application/json", "text/plain", "video/x-matroska", "image/png; x", ""};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) assert_true(media_type_is_inline(str_of(yes[i])));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) assert_false(media_type_is_inline(str_of(no[i])));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples), cmocka_unit_test(test_mp3_frames), cmocka_unit_test(test_truncated), cmocka_unit_test(test_may_be), cmocka_unit_test(test_inline)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
