/* Between sketch_words.c and its tables. */
#pragma once
#include "media/helper/plan.h"

enum word_kind {
    WORD_NONE, WORD_NUMBER, WORD_DOZEN, WORD_HALF, WORD_ARTICLE, WORD_NOT, WORD_BE, WORD_BREAK, WORD_AND, WORD_OF, WORD_SHADE,
    WORD_TIME, WORD_SETTING, WORD_BACKGROUND, WORD_SKY, WORD_FLOOR, WORD_RAIN, WORD_SNOW, WORD_FOG
};
struct known_word {
    const char *word;
    enum word_kind kind;
    int value;
};
extern const struct known_word sketch_words[];
extern const size_t sketch_word_count;
extern const struct colour_word sketch_colours[];
extern const size_t sketch_colour_count;
