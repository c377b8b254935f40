/* Words of a caller's text, for plain matching: small letters, digits and bytes past ASCII, each between single blanks. */
#pragma once
#include "base/str.h"

enum { TUNE_TEXT_BYTES = 4096 };
struct tune_text {
    char at[TUNE_TEXT_BYTES]; /* " a slow song in f# minor " */
};
void tune_fold(struct str s, struct tune_text *out); /* what is longer is cut */
/* How often the expressions stand there, each later mention counting a little less; those after "no", "not", "without" do not. */
double tune_count(const struct tune_text *t, const char *words);
/* Where the first stands; NULL when none does. */
const char *tune_find(const struct tune_text *t, const char *words);
