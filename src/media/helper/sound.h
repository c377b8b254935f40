/* Sound on its way to a file: samples out of a synthesiser, 16-bit samples into an encoder. For the jobs that make sound. */
#pragma once
#include "media/helper/job.h"
#include "media/helper/loudness.h"

/* 16-bit little-endian samples, rounded, never wrapping; appended. */
void sound_to_pcm(const struct sound *s, struct buf *out);
/* ffmpeg as encoder of raw 16-bit samples from its stdin. */
extern const struct tool_spec sound_mp3_encoder, sound_ogg_encoder;
/* Runs one over the whole sound, at `bits` a second, and appends what comes out. The stage goes from `from` to `to` percent. False,
 * and the job has failed, when it could not. */
bool sound_encode(struct job *j, struct tool *encoder, const struct sound *s, int bits, int from, int to, struct buf *out);
