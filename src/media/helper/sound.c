/* See sound.h. Called by tune_job.c and voice_job.c. */
#include "media/helper/sound.h"

#include <math.h>

#define INPUT "-hide_banner", "-v", "error", "-nostdin", "-protocol_whitelist", "pipe", "-f", "s16le", "-ar", "#0", "-ac", "#1", "-i", "pipe:0"
#define PLAIN "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact", "-threads", "1", "-b:a", "#2"
/* No tags: those are ours to write. Constant bit rate: without a Xing frame, which would need a second look at the beginning,
 * players read the length from it. */
static const char *const MP3_ARGS[] = {INPUT, PLAIN, "-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3", "pipe:1", NULL};
static const char *const OGG_ARGS[] = {INPUT, PLAIN, "-c:a", "libvorbis", "-f", "ogg", "pipe:1", NULL};
const struct tool_spec sound_mp3_encoder = {.program = "ffmpeg", .args = MP3_ARGS}, sound_ogg_encoder = {.program = "ffmpeg", .args = OGG_ARGS};

void sound_to_pcm(const struct sound *s, struct buf *out) {
    size_t n = s->frames * (size_t)s->channels;
    buf_reserve(out, n * 2);
    for (size_t i = 0; i < n; i++) {
        float x = s->samples[i] * 32767.0F;
        int v = x > 32767 ? 32767 : x < -32768 ? -32768 : (int)lrintf(x);
        char two[2] = {(char)v, (char)(v >> 8)};
        memcpy(out->ptr + out->len, two, 2);
        out->len += 2;
    }
    if (out->cap > out->len) out->ptr[out->len] = 0;
}

bool sound_encode(struct job *j, struct tool *encoder, const struct sound *s, int bits, int from, int to, struct buf *out) {
    enum { PIECE = 1 << 16 };
    const int64_t numbers[] = {s->rate, s->channels, bits};
    struct buf pcm = {0};
    sound_to_pcm(s, &pcm);
    bool ok = tool_go(encoder, numbers, 3);
    for (size_t at = 0; ok && at < pcm.len; at += PIECE) {
        ok = tool_write(encoder, pcm.ptr + at, pcm.len - at < PIECE ? pcm.len - at : PIECE);
        job_stage(j, "encoding", from + (int)((size_t)(to - from) * at / pcm.len));
    }
    ok = ok && tool_finish(encoder);
    buf_done(&pcm);
    if (ok) buf_str(out, tool_output(encoder));
    else job_fail(j, WIRE_FAILED, "The sound could not be encoded. %s", encoder->why);
    return ok;
}
