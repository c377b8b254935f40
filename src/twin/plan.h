/* What the twin makes for a call: from its canonical inputs a job of the media helper, of the pixels, length, sound and number that
 * were asked and that the price counts. Pure; engine/local.c carries it out.
 *
 * Bounds, beyond which a file is made smaller and nothing is refused: pictures of 4096 pixels a side, films of 3840 pixels a side
 * and 3840 by 2160 in all, ten minutes, 600 characters of speech. Films have 12 frames a second. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "twin/mood.h"

/* An input file and what was found in it. */
struct twin_file {
    struct str input;
    const char *type;            /* "image/png", sniffed; "": unknown */
    int64_t width, height, duration_ms;
};
struct twin_call {
    struct str slug, kind, inputs; /* inputs as stored: JSON, defaults written in */
    struct str length_input;       /* what the price takes for the length; empty: nothing */
    struct str outputs_input;      /* how many; empty: `n` */
    struct str media_input;        /* the file whose length is priced; empty: none */
    const struct twin_file *files;
    size_t file_count;
    struct twin_mood told;         /* besides what stands in the inputs */
};
struct twin_plan {
    const char *model;           /* of the media helper; NULL: kind text, which is below */
    struct str inputs;           /* for it */
    const char *const *names;    /* of each file: what the helper is to take it for; NULL: not handed over */
    int64_t outputs;
    struct str text, language, words; /* words: JSON list of {text, start, end} */
    struct twin_mood mood;
};
/* E_INVALID with a sentence: words for the twin that it does not know. */
[[nodiscard]] err twin_plan(const struct twin_call *c, struct arena *a, struct why *why, struct twin_plan *out);
