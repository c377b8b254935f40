/* An MP4 file from H.264 and AAC as encoders write them to a pipe. ffmpeg's own writer needs to go back in its file for an index at
 * the front, which a pipe cannot; and exact lengths are easier said here. Pure. */
#pragma once
#include "base/err.h"
#include "base/buf.h"

struct mp4_film {
    struct str h264;  /* Annex B, one slice group a frame, no reordering */
    int w, h, fps;
    int frames;       /* as many as must be in it */
    struct str aac;   /* ADTS; empty: silent */
    int rate, channels;
    int64_t samples;  /* of sound to be played; the encoder's lead-in of 1024 lies before them */
    struct str comment; /* for the metadata; empty: none */
};
/* The index comes first. E_INVALID when the streams are not what they should be. */
[[nodiscard]] err mp4_write(const struct mp4_film *f, struct why *why, struct buf *out);
