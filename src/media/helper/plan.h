/* What a prompt asks for, before any pixel: the renderer's own vocabulary and the plan that sketch_words.c reads out of a prompt. */
#pragma once
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SKETCH_MIN_SIDE = 64,
    SKETCH_MAX_SIDE = 2048,
    SKETCH_MAX_COUNT = 24,   /* of one subject */
    SKETCH_MAX_SUBJECTS = 8,
    SKETCH_MAX_BOXES = 96,   /* of all subjects, so that the scene fits its answer */
    SKETCH_TEXT_BYTES = 160, /* lettering */
    SKETCH_SCENE_BYTES = 4096,
};

struct rgb {
    double r, g, b; /* 0..1 */
};
struct rgb rgb_hex(const char *hex); /* "d8443c" */
struct rgb rgb_mix(struct rgb a, struct rgb b, double t); /* t=0: a */
struct rgb rgb_scale(struct rgb a, double k);

/* A small deterministic generator (splitmix64); every use names its own stream so that adding a detail moves nothing else. */
struct dice {
    uint64_t state;
};
struct dice dice_of(uint64_t seed, const char *stream);
uint64_t dice_next(struct dice *d);
double dice_unit(struct dice *d);                       /* 0 <= x < 1 */
double dice_in(struct dice *d, double low, double high);

enum place { PLACE_GROUND, PLACE_SKY, PLACE_WATER };
enum time_of_day { TIME_DAY, TIME_DAWN, TIME_DUSK, TIME_NIGHT };
enum setting {
    SETTING_HILLS, SETTING_SEA, SETTING_FOREST, SETTING_CITY, SETTING_DESERT, SETTING_SNOW, SETTING_ROOM, SETTING_PLAIN,
    SETTING_SPACE, SETTING_COUNT
};

struct noun {
    const char *name;
    const char *words;  /* every word for it, blank-separated, '_' inside an expression of several words */
    const char *colour; /* its own colour when the prompt names none */
    enum place place;
    enum setting home;  /* where it stands when the prompt names no setting */
    double size;        /* height among the others of its place; 1 is a person */
    const char *art;    /* drawing, see pen.h */
};
extern const struct noun sketch_nouns[];
extern const size_t sketch_noun_count;

struct colour_word {
    const char *word, *hex;
};

struct box {
    double x, y, w, h;
};

struct subject {
    const struct noun *noun;
    int count;
    bool plural, counted;      /* how the count was said */
    char colour[32];           /* as named; empty: none was */
    struct rgb main, accent;
    bool has_accent;
    struct box boxes[SKETCH_MAX_COUNT];
};

struct plan {
    struct subject subjects[SKETCH_MAX_SUBJECTS];
    int subject_count;
    enum time_of_day time;
    enum setting setting;
    bool time_named, setting_named;
    bool rain, snow, fog, stars;
    bool has_sky_colour, has_ground_colour;
    struct rgb sky_colour, ground_colour; /* "a pink sky", "on a yellow background" */
    struct rgb palette[4];                /* colours named that belong to nothing; for the abstract composition */
    int palette_count;
    char text[SKETCH_TEXT_BYTES + 1];     /* lettering, UTF-8 */
    uint64_t words_hash;
};
/* Reads a prompt; any bytes are fine, nothing fails. */
void sketch_read_prompt(struct str prompt, struct plan *out);
const char *sketch_time_name(enum time_of_day t);
const char *sketch_setting_name(enum setting s);
