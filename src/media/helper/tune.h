/* The local model `tune`: words become a plan (style, key, tempo, form, instruments), the plan becomes notes and lyrics, the notes
 * become a standard MIDI file that a synthesiser plays. Everything here but tune_job.c is pure.
 *
 * Always: the same inputs and seed give the same song; the seed moves the melody, never what the words named. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "media/helper/plan.h"

enum {
    TUNE_PPQ = 480,           /* ticks of a beat */
    TUNE_STEP = TUNE_PPQ / 4, /* ticks of a sixteenth, the grid of all patterns */
    TUNE_MAX_BARS = 360,
    TUNE_MAX_SECTIONS = 8,
    TUNE_MAX_TONES = 5,
    TUNE_TITLE_BYTES = 120,
    TUNE_MIN_S = 10,
    TUNE_MAX_S = 240,
    TUNE_MAX_LYRICS = 5000, /* characters */
    TUNE_MAX_LINES = 400,
};

/* What the caller sent, read and in bounds. */
struct tune_inputs {
    struct str prompt, style, title, lyrics, description, negative;
    bool instrumental;
    int64_t duration_ms;
    int tempo; /* 0: by style */
    uint64_t seed;
    char format[8]; /* mp3, wav */
};
/* E_INVALID with a sentence in `why`. The strings are views of the arena or of `json`. */
[[nodiscard]] err tune_read_inputs(struct str json, uint64_t seed, struct arena *a, struct why *why, struct tune_inputs *out);

/* Numbers with up to three decimals, also in quotes; further digits are dropped. */
struct json;
bool tune_read_thousandths(const struct json *j, int64_t *out);

/* Scales as semitones above the tonic. */
enum tune_mode { MODE_MAJOR, MODE_MINOR, MODE_DORIAN, MODE_MIXOLYDIAN, MODE_LYDIAN, MODE_PHRYGIAN, MODE_COUNT };
const char *tune_mode_name(enum tune_mode m);
extern const int tune_scales[MODE_COUNT][7];

/* The voices of the band; each has its own MIDI channel. */
enum tune_part { PART_LEAD, PART_COMP, PART_PAD, PART_BASS, PART_EXTRA, PART_HARMONY, PART_DRUMS, PART_COUNT };

/* One bar in sixteenths: X loud, x plain, o soft, . none. */
struct tune_groove {
    const char *kick, *snare, *hat, *extra; /* NULL: not played */
    int snare_key, hat_key, extra_key;      /* General MIDI percussion */
};
enum tune_comp { COMP_BLOCK, COMP_STAB, COMP_STRUM, COMP_ARPEGGIO, COMP_POWER };

struct tune_style {
    const char *name;
    const char *words;           /* what names it, blank-separated, '_' inside an expression of several words */
    int tempo_low, tempo_high;
    int beats;                   /* of a bar */
    int swing;                   /* how late the second of two eighths (swing16: sixteenths) comes, in percent of it */
    bool swing16;
    enum tune_mode modes[4];     /* drawn among, so that one may stand twice */
    const char *verse[2][2], *chorus[2][2]; /* progressions, see tune_harmony.c; [0] in major-like modes, [1] in minor-like */
    struct tune_groove quiet, full;         /* verse, chorus */
    const char *bass[2];         /* verse, chorus: see tune_band.c */
    enum tune_comp comp;
    const char *comp_pattern[2];
    int programs[PART_DRUMS];    /* General MIDI instruments, from 0 */
    int density, syncopation;    /* of the melody, 0..100 */
    int lead_low;                /* lowest note of the melody */
    bool pentatonic;
};
extern const struct tune_style tune_styles[];
extern const size_t tune_style_count;
const char *tune_program_name(int program);

enum tune_kind { SECTION_INTRO, SECTION_VERSE, SECTION_CHORUS, SECTION_BRIDGE, SECTION_END };
const char *tune_kind_name(enum tune_kind k);
struct tune_section {
    enum tune_kind kind;
    int first_bar, bars;
    int nth; /* of its kind, from 0 */
};

struct tune_plan {
    const struct tune_style *style;
    int tonic; /* 0 is C */
    enum tune_mode mode;
    int tempo, beats;
    int programs[PART_DRUMS];
    bool drums;
    double energy; /* 0.4 hushed .. 1.2 wild */
    bool bright, dark; /* the mood of the words */
    int64_t duration_ms;
    int bars; /* all of them; what remains after the last belongs to its last chord */
    struct tune_section sections[TUNE_MAX_SECTIONS];
    int section_count;
    char title[TUNE_TITLE_BYTES + 1];
    char key[24]; /* "F# minor" */
    char theme[64]; /* what it is about, in a word or three; empty when nothing says so */
};
void tune_make_plan(const struct tune_inputs *in, struct tune_plan *out);
/* Title and theme, from the inputs; see tune_lyrics.c. */
void tune_name(const struct tune_inputs *in, struct tune_plan *p);
/* True when one of `words` (as in tune_style.words) stands in the text without "no" or "without" before it. */
bool tune_says(struct str text, const char *words);
int64_t tune_bar_ms(const struct tune_plan *p, int bar); /* when a bar begins */
int tune_ring_steps(const struct tune_plan *p);             /* sixteenths from the last bar's end to the end of the file */
int64_t tune_section_end_ms(const struct tune_plan *p, const struct tune_section *s);

struct tune_chord {
    int root;                  /* pitch class */
    int tones[TUNE_MAX_TONES]; /* semitones above it, rising from 0 */
    int count;
};
bool tune_chord_has(const struct tune_chord *c, int key);
/* Two chords a bar, one for each half (the same one where it does not change). */
struct tune_harmony {
    struct tune_chord chords[TUNE_MAX_BARS][2];
};
void tune_harmonise(const struct tune_plan *p, uint64_t seed, struct tune_harmony *out);

struct tune_note {
    int32_t tick, length;
    uint8_t part, key, velocity;
};
/* A song ready to be played. The notes are in no order until tune_compose returns; then by tick. */
struct tune_song {
    struct tune_plan plan;
    struct tune_note *notes;
    size_t count, cap;
    int32_t end_tick; /* of the last note at the latest */
};
void tune_compose(const struct tune_inputs *in, struct tune_song *out); /* free with tune_song_done */
void tune_song_done(struct tune_song *s);
bool tune_part_plays(const struct tune_song *s, enum tune_part part);
void tune_add_note(struct tune_song *s, enum tune_part part, int tick, int length, int key, double velocity);
/* The players; each adds its notes. */
void tune_play_melody(struct tune_song *s, const struct tune_harmony *h, uint64_t seed);
void tune_play_band(struct tune_song *s, const struct tune_harmony *h, uint64_t seed);
void tune_play_drums(struct tune_song *s, uint64_t seed);
/* Where a step of a bar lies, with the style's swing. */
int tune_tick(const struct tune_plan *p, int bar, int step);
double tune_loudness_of(const struct tune_plan *p, enum tune_kind k); /* how strongly a section is played, about 1 */

/* Standard MIDI file, format 1. */
void tune_write_smf(const struct tune_song *s, struct buf *out);

struct tune_line {
    struct str text;
    int64_t start_ms;
};
struct tune_lyrics {
    struct str text; /* as it is returned; empty when there is none */
    struct tune_line lines[TUNE_MAX_LINES];
    int line_count;
};
/* The given lyrics laid out over the song, or new ones about the theme; none for an instrumental. */
void tune_make_lyrics(const struct tune_inputs *in, const struct tune_plan *p, struct arena *a, struct tune_lyrics *out);

/* What the song is, as JSON within `room` bytes; what does not fit of the lyrics is left out and says so. */
void tune_write_facts(const struct tune_song *s, const struct tune_lyrics *l, uint64_t seed, double lufs, double peak, size_t room, struct buf *out);
