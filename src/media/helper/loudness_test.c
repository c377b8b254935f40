/* The loudness meter against sines whose loudness is known, and the limiter against its ceiling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "media/helper/loudness.h"

#include <math.h>
#include <stdlib.h>

static struct sound sine(int channels, int rate, double hertz, double db, double seconds) {
    struct sound s = {.frames = (size_t)(seconds * rate), .channels = channels, .rate = rate};
    s.samples = calloc(s.frames * (size_t)channels, sizeof(float));
    assert_non_null(s.samples);
    for (size_t i = 0; i < s.frames; i++)
        for (int c = 0; c < channels; c++) s.samples[i * (size_t)channels + (size_t)c] = (float)(pow(10, db / 20) * sin(2 * M_PI * hertz * (double)i / rate));
    return s;
}

static void near(double got, double want, double by) {
    if (!(fabs(got - want) <= by)) fail_msg("%.3f is not %.3f +-%.3f", got, want, by);
}

/* EBU Tech 3341: a sine at 1 kHz of -23 dBFS in both channels is -23 LUFS; one channel alone is 3 dB less. The weights at 100 Hz
 * and 10 kHz are those of the standard's filter. */
static void test_sines(void **state) {
    (void)state;
    static const struct { int channels, rate; double hertz, db, want; } cases[] = {
        {2, 48000, 997, -23, -23.0}, {2, 44100, 997, -23, -23.0}, {2, 22050, 997, -23, -23.0}, {1, 48000, 997, -23, -26.01},
        {2, 44100, 997, -33, -33.0}, {2, 48000, 997, 0, 0.0}, {2, 48000, 100, -20, -21.88}, {2, 48000, 10000, -20, -16.66}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sound s = sine(cases[i].channels, cases[i].rate, cases[i].hertz, cases[i].db, 5);
        near(loudness_of(&s), cases[i].want, 0.1);
        near(peak_dbfs(&s), cases[i].db, 0.1);
        free(s.samples);
    }
}

/* Both gates: 10 s of tone, 10 s of near silence and 10 s 20 LU below read as the tone alone. */
static void test_gates(void **state) {
    (void)state;
    struct sound s = sine(2, 44100, 997, -23, 30);
    size_t third = s.frames / 3 * 2;
    for (size_t i = third; i < 2 * third; i++) s.samples[i] *= 0.0001F;
    for (size_t i = 2 * third; i < 3 * third; i++) s.samples[i] *= 0.1F;
    near(loudness_of(&s), -23, 0.15);
    free(s.samples);
}

static void test_short_and_silent(void **state) {
    (void)state;
    struct sound s = sine(1, 22050, 440, -12, 0.2), none = {0};
    none.channels = 2, none.rate = 44100;
    assert_true(loudness_of(&s) <= LOUDNESS_SILENT);
    assert_true(loudness_of(&none) <= LOUDNESS_SILENT && peak_dbfs(&none) <= LOUDNESS_SILENT);
    assert_true(sound_normalise(&s, -18, -1) && sound_normalise(&none, -18, -1));
    near(peak_dbfs(&s), -1, 0.1); /* too short to measure: to the ceiling */
    sound_gain(&s, -300);
    for (size_t i = 0; i < s.frames; i++) s.samples[i] = 0;
    assert_true(sound_normalise(&s, -18, -1));
    assert_true(peak_dbfs(&s) <= LOUDNESS_SILENT);
    free(s.samples);
}

/* Clicks 30 dB above a tone: the ceiling holds, the tone away from them is as it was, and no gain changes in a step. */
static void test_limiter(void **state) {
    (void)state;
    struct sound s = sine(2, 44100, 220, -20, 2), before = sine(2, 44100, 220, -20, 2);
    for (int k = 0; k < 3; k++) s.samples[(20000 + 20000 * k) * 2 + k % 2] = k == 1 ? -3.0F : 2.5F;
    s.samples[0] = 2, s.samples[s.frames * 2 - 1] = -2;
    assert_true(sound_limit(&s, -1));
    assert_true(peak_dbfs(&s) <= -1);
    assert_true(peak_dbfs(&s) > -1.1);
    near(s.samples[2 * 19000], before.samples[2 * 19000], 0.002);
    double last = 1;
    for (size_t i = 19000; i < 30000; i++) {
        if (fabsf(before.samples[2 * i]) < 0.02F || i == 20000) continue;
        double gain = s.samples[2 * i] / before.samples[2 * i];
        assert_true(fabs(gain - last) < 0.12 && gain <= 1.001);
        last = gain;
    }
    free(s.samples);
    free(before.samples);
}

static void test_normalise(void **state) {
    (void)state;
    static const double levels[] = {-60, -30, -16, -1};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        struct sound s = sine(2, 44100, 997, levels[i], 3);
        assert_true(sound_normalise(&s, -16, -1));
        near(loudness_of(&s), -16, 0.15);
        assert_true(peak_dbfs(&s) <= -1);
        free(s.samples);
    }
}

static void test_fades(void **state) {
    (void)state;
    struct sound s = sine(2, 44100, 997, -6, 1);
    sound_fade_out(&s, 22050);
    sound_fade_in(&s, 441);
    near(s.samples[s.frames * 2 - 1], 0, 1e-6);
    near(s.samples[0], 0, 1e-6);
    near(peak_dbfs(&s), -6, 0.1);
    free(s.samples);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sines), cmocka_unit_test(test_gates), cmocka_unit_test(test_short_and_silent),
                                       cmocka_unit_test(test_limiter), cmocka_unit_test(test_normalise), cmocka_unit_test(test_fades)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
