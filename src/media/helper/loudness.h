/* How loud a sound is to people, and making it as loud as asked: ITU-R BS.1770 gated loudness and a limiter. Pure.
 *
 * Samples are interleaved floats, 1.0 is full scale; one or two channels. Used by the local models `tune` and `voice`. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct sound {
    float *samples; /* frames * channels */
    size_t frames;
    int channels, rate;
};

enum { LOUDNESS_SILENT = -200 }; /* what silence, and sound too short for a block of 400 ms, reads */

/* Integrated loudness in LUFS: K-weighted, blocks of 400 ms every 100 ms, gated at -70 and at 10 LU below the mean. */
double loudness_of(const struct sound *s);
double peak_dbfs(const struct sound *s); /* the highest sample; LOUDNESS_SILENT for silence */
void sound_gain(struct sound *s, double db);
/* Nothing stays above the ceiling: the gain falls before a peak comes and recovers slowly after it. False without memory. */
bool sound_limit(struct sound *s, double ceiling_db);
/* Gain and limiter in turns until the loudness is the target within 0.1 LU or the limiter holds it back. Sound too short to be
 * measured is brought to the ceiling. False without memory. */
bool sound_normalise(struct sound *s, double target_lufs, double ceiling_db);
/* Multiplies by a cosine from 1 down to 0 over [from, frames), or up from 0 over [0, to). */
void sound_fade_out(struct sound *s, size_t from);
void sound_fade_in(struct sound *s, size_t to);
