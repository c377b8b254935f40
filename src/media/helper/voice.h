/* The local model `voice`: a text is spoken by espeak-ng. Here is what can be said without it: which language, which voice, and what
 * of the text is handed over. Pure but for voice_job.c. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum { VOICE_MAX_CHARS = 5000, VOICE_MAX_S = 1200 };

/* A language that can be asked for. */
struct voice_language {
    const char *code;    /* "pt-br" */
    const char *program; /* what espeak-ng calls it */
    const char *aliases; /* blank-separated, may be empty */
};
extern const struct voice_language voice_languages[];
extern const int voice_language_count;

/* A speaker: a variant of espeak-ng, pitch 0..99 and words a minute. */
struct voice_preset {
    const char *name, *variant;
    int pitch, words_a_minute;
};
extern const struct voice_preset voice_presets[];
extern const int voice_preset_count;
/* "de+f3" for every pair: language * voice_preset_count + preset; NULL at the end. */
extern const char *const voice_words[];

struct voice_inputs {
    struct str text;
    int language, preset; /* indexes */
    bool detected;
    int64_t speed;        /* thousandths */
    char format[8];       /* mp3, wav, ogg */
};
/* E_INVALID with a sentence in `why`. */
[[nodiscard]] err voice_read_inputs(struct str json, struct arena *a, struct why *why, struct voice_inputs *out);
/* By script, then by the commonest words and letters; English when nothing tells. Any well-formed UTF-8. */
int voice_detect(struct str text);
/* The text as the program gets it: nothing in it is a command to it any more. */
void voice_clean(struct str text, struct buf *out);
int64_t voice_count_words(struct str text); /* an estimate where words are not set apart */
