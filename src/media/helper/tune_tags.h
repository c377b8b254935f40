/* Title, artist and the rest as bytes at the head of a sound file. Written here, so that no word of a caller is an argument or a
 * tag syntax of another program. */
#pragma once
#include "base/buf.h"
#include "media/helper/tune.h"

/* ID3 2.4 for the front of an MP3: title, artist, genre, tempo, key, length, lyrics with and without times, cover (JPEG). */
void tune_write_id3(const struct tune_plan *p, const struct tune_lyrics *l, struct str cover, struct buf *out);
/* The head of a WAV file of 16-bit samples, with title, artist and genre when `p` is not NULL. The samples follow. */
void tune_write_wav(const struct tune_plan *p, int channels, int rate, size_t frames, struct buf *out);
