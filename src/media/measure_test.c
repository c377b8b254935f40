/* Dimensions from header bytes, and zeros where there are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "media/media.h"

static const struct { const char *what; struct str bytes; int64_t w, h; } samples[] = {
    {"png", {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\4\0\0\0\3\0\b\2\0\0\0", 29}, 1024, 768},
    {"png of no width", {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\3\0\b\2\0\0\0", 29}, 0, 0},
    {"png wider than any", {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff\0\0\3\0\b\2\0\0\0", 29}, 0, 0},
    {"png cut off", {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\4\0", 20}, 0, 0},
    {"jpeg, baseline behind two segments", {"\xff\xd8\xff\xe0\0\4ab\xff\xdb\0\3c\xff\xc0\0\x11\b\1\x2c\2\x58\3", 25}, 600, 300},
    {"jpeg, progressive with fill bytes", {"\xff\xd8\xff\xff\xff\xc2\0\x11\b\0\x10\0\x20\3", 15}, 32, 16},
    {"jpeg whose scan begins first", {"\xff\xd8\xff\xda\0\4ab\xff\xc0\0\x11\b\1\x2c\2\x58\3", 18}, 0, 0},
    {"jpeg with a segment of length 0", {"\xff\xd8\xff\xe0\0\0\xff\xc0\0\x11\b\1\x2c\2\x58\3\0\0", 18}, 0, 0},
    {"gif", {"GIF89a\x40\1\xf0\0", 10}, 320, 240},
    {"webp lossy", {"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0\x30\1\0\x9d\1\x2a\x80\2\xe0\1", 30}, 640, 480},
    {"webp lossless", {"RIFF\x24\0\0\0WEBPVP8L\x18\0\0\0\x2f\x7f\xc2\x77\0\0\0\0\0\0", 31}, 640, 480},
    {"webp extended", {"RIFF\x24\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x7f\2\0\xdf\1\0", 30}, 640, 480},
    {"not a picture", {"{\"width\": 3}", 12}, 0, 0},
};

static void test_samples(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct media_facts f = media_measure(samples[i].bytes);
        if (f.width != samples[i].w || f.height != samples[i].h)
            fail_msg("%s: %lldx%lld", samples[i].what, (long long)f.width, (long long)f.height);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
