/* The bed of sound under a film: a slow pad of a few tones, and what one would hear there: rain, wind, waves, birds, engines. Made
 * from the plan and the seed, quiet. See motion.h. */
#include "media/helper/motion.h"
#include "base/err.h"

#include <math.h>
#include <stdlib.h>

struct bed {
    double wind, waves, rain, birds, crickets, engine, bells;
};

static bool shows(const struct plan *p, const char *noun) {
    for (int i = 0; p && i < p->subject_count; i++)
        if (!strcmp(p->subjects[i].noun->name, noun)) return true;
    return false;
}

static struct bed choose(const struct motion_plan *m, const struct plan *p) {
    struct bed b = {.wind = 0.25 + 0.5 * (m->snow > 0) + 0.3 * (m->petals > 0)};
    bool night = p ? p->time == TIME_NIGHT : m->night_to > 0.5, nature = p && (p->setting == SETTING_HILLS || p->setting == SETTING_FOREST);
    b.waves = p && p->setting == SETTING_SEA ? 1 : m->bubbles > 0 || m->wave ? 0.5 : 0;
    b.rain = fmin(1.5, m->rain);
    b.birds = nature && !night && m->rain <= 0 ? 0.7 : shows(p, "bird") ? 0.8 : 0;
    b.crickets = nature && night ? 0.6 : 0;
    b.engine = shows(p, "car") || shows(p, "truck") || shows(p, "train") || shows(p, "plane") || shows(p, "rocket") ? 0.7 : 0;
    b.bells = m->sparkle > 0 ? 0.8 : 0;
    return b;
}

struct noise { struct dice d; double low, band; };
static double hiss(struct noise *n, double cut) {
    n->low += cut * (dice_in(&n->d, -1, 1) - n->low);
    return n->low;
}

/* A tone that comes and goes; a few partials. */
static double pad(double t, double hz, double phase) {
    double swell = 0.6 + 0.4 * sin(t * 0.5 + phase);
    return swell * (sin(2 * M_PI * hz * t) + 0.4 * sin(4 * M_PI * hz * t + phase) + 0.18 * sin(6 * M_PI * hz * t + 2 * phase) + 0.3 * sin(2 * M_PI * hz * 1.003 * t));
}

/* Short whistled calls at times that the seed chose. */
static double birds(double t, const double *at, int count) {
    double v = 0;
    for (int i = 0; i < count; i++) {
        double x = t - at[i];
        if (x < 0 || x > 0.5) continue;
        double k = fmod(x, 0.17) / 0.12, hz = 2300 + 240 * (i % 5);
        if (k < 1) v += sin(2 * M_PI * (hz * x + 500 * k * k * 0.12)) * sin(k * M_PI) * (0.5 + 0.5 * sin(i * 2.1));
    }
    return v;
}

static double bells(double t, const double *at, int count, double root) {
    double v = 0;
    for (int i = 0; i < count; i++) {
        double x = t - at[i], hz = root * 8 * (1 + (i * 7 % 5) * 0.25);
        if (x >= 0 && x < 1.6) v += sin(2 * M_PI * hz * x) * exp(-x * 3.4) * 0.6;
    }
    return v;
}

int16_t *motion_sound(const struct motion_plan *m, const struct plan *scene, double duration, uint64_t seed, int64_t *out_samples) {
    enum { CALLS = 14 };
    struct bed b = choose(m, scene);
    struct dice d = dice_of(seed, "sound");
    struct noise wind[2] = {{.d = dice_of(seed, "wind l")}, {.d = dice_of(seed, "wind r")}}, wet[2] = {{.d = dice_of(seed, "rain l")}, {.d = dice_of(seed, "rain r")}};
    bool minor = m->night_to > 0.4 || m->rain > 0 || (scene && (scene->time == TIME_NIGHT || scene->time == TIME_DUSK));
    double root = 98 * pow(2, (double)(dice_next(&d) % 8) / 12), chord[4] = {root, root * 1.5, root * (minor ? 2.4 / 1.0 : 2.5), root * 3}, at[CALLS], phase[4];
    int64_t n = llround(duration * FILM_RATE);
    int16_t *out = calloc((size_t)n * 2, sizeof *out);
    must(out);
    for (int i = 0; i < CALLS; i++) at[i] = dice_unit(&d) * duration;
    for (int i = 0; i < 4; i++) phase[i] = dice_in(&d, 0, 6.28);
    for (int64_t i = 0; i < n; i++) {
        double t = (double)i / FILM_RATE, tones = 0, both = 0, ends = fmin(1, fmin(t / 0.4, (duration - t) / 0.6));
        for (int k = 0; k < 4; k++) tones += pad(t, chord[k], phase[k]) / (k + 1.6);
        if (b.birds > 0) both += 0.035 * b.birds * birds(t, at, CALLS / 2);
        if (b.bells > 0) both += 0.05 * b.bells * bells(t, at, CALLS, root);
        if (b.crickets > 0) both += 0.012 * b.crickets * sin(2 * M_PI * 4200 * t) * fmax(0, sin(2 * M_PI * 14 * t)) * (sin(2 * M_PI * 0.9 * t) > 0);
        if (b.engine > 0) both += 0.05 * b.engine * (sin(2 * M_PI * 52 * t) + 0.5 * sin(2 * M_PI * 78 * t + sin(t * 3)) + 0.3 * sin(2 * M_PI * 104 * t)) * (0.7 + 0.3 * sin(t * 2));
        for (int c = 0; c < 2; c++) {
            double v = 0.035 * tones + both, swell = 0.55 + 0.45 * sin(t * 0.9 + c + phase[0]), surf = pow(0.5 + 0.5 * sin(2 * M_PI * t / 4.6 + phase[1] + c * 0.3), 2);
            v += hiss(&wind[c], 0.02 + 0.015 * swell) * (0.30 * b.wind * swell + 0.75 * b.waves * (0.15 + surf));
            if (b.rain > 0) v += (hiss(&wet[c], 0.6) - wet[c].band) * 0.07 * b.rain, wet[c].band += 0.08 * (wet[c].low - wet[c].band);
            out[i * 2 + c] = (int16_t)lround(32000 * tanh(v * ends * 1.1));
        }
    }
    *out_samples = n;
    return out;
}
