/* A prompt as words, for the models that look for words they know (edit, motion). Any bytes are fine; nothing fails. */
#pragma once
#include "base/str.h"
#include "media/helper/plan.h"

enum { PROMPT_WORDS = 500, PROMPT_WORD_BYTES = 24 };

struct prompt {
    char word[PROMPT_WORDS][PROMPT_WORD_BYTES]; /* lower case; "," and "." for marks; a hyphen parts words */
    bool quoted_here[PROMPT_WORDS + 1];         /* a quotation stood before this word */
    int count;
    char quoted[SKETCH_TEXT_BYTES + 1];         /* what stood in quotation marks, UTF-8, lines by \n; its words are not in `word` */
};
void prompt_read(struct str text, struct prompt *out);

/* Where a phrase stands ("black_and_white" is three words), from word `from` on; -1: nowhere, or only behind a word that denies it. */
int prompt_find(const struct prompt *p, const char *phrase, int from);
/* The first word of any phrase in a blank-separated list; -1: none. */
int prompt_any(const struct prompt *p, const char *phrases);
bool prompt_has(const struct prompt *p, const char *phrases);
/* How strongly it is asked for, by the words before and behind: 0.5 slightly, 1, 1.7 very. */
double prompt_degree(const struct prompt *p, int at);
/* The colour named within `before` words before or `behind` words behind; false: none, or a mark lies between. */
bool prompt_colour(const struct prompt *p, int at, int before, int behind, struct rgb *out, const char **out_name);
/* A number at that word: 15, 2.5, three. */
bool prompt_number(const struct prompt *p, int at, double *out);
