/* See tune_tags.h. Called by tune_job.c and voice_job.c. */
#include "media/helper/tune_tags.h"

#include <stdio.h>

enum { UTF8 = 3, FRONT_COVER = 3, MILLISECONDS = 2, LYRICS = 1 };

static void be32(struct buf *b, uint32_t v) { buf_add(b, (unsigned char[]){(unsigned char)(v >> 24), (unsigned char)(v >> 16), (unsigned char)(v >> 8), (unsigned char)v}, 4); }

/* Sizes in ID3 2.4 have seven bits a byte, so that no byte looks like the start of sound. */
static void synchsafe(struct buf *b, size_t v) {
    must(v < 1U << 28);
    be32(b, (uint32_t)((v & 0x7f) | (v << 1 & 0x7f00) | (v << 2 & 0x7f0000) | (v << 3 & 0x7f000000)));
}

static void frame(struct buf *out, const char *id, struct str body) {
    buf_add(out, id, 4);
    synchsafe(out, body.len);
    buf_add(out, "\0\0", 2);
    buf_str(out, body);
}

static void text_frame(struct buf *out, const char *id, const char *text) {
    struct buf b = {0};
    buf_c(&b, UTF8);
    buf_z(&b, text);
    frame(out, id, buf_view(&b));
    buf_done(&b);
}

static void lyrics_frames(struct buf *out, const struct tune_lyrics *l) {
    struct buf plain = {0}, timed = {0};
    buf_add(&plain, "\3und", 5); /* encoding, language, an empty description and its end */
    buf_str(&plain, l->text);
    frame(out, "USLT", buf_view(&plain));
    buf_add(&timed, (char[]){UTF8, 'u', 'n', 'd', MILLISECONDS, LYRICS, 0}, 7);
    for (int i = 0; i < l->line_count; i++) {
        buf_str(&timed, l->lines[i].text);
        buf_c(&timed, 0);
        be32(&timed, (uint32_t)l->lines[i].start_ms);
    }
    if (l->line_count) frame(out, "SYLT", buf_view(&timed));
    buf_done(&plain);
    buf_done(&timed);
}

void tune_write_id3(const struct tune_plan *p, const struct tune_lyrics *l, struct str cover, struct buf *out) {
    struct buf frames = {0}, picture = {0};
    char text[32];
    text_frame(&frames, "TIT2", p->title);
    text_frame(&frames, "TPE1", "puras");
    text_frame(&frames, "TCON", p->style->name);
    snprintf(text, sizeof text, "%d", p->tempo);
    text_frame(&frames, "TBPM", text);
    /* At most three letters: the note, and m for all keys with a minor third. */
    snprintf(text, sizeof text, "%.*s%s", (int)strcspn(p->key, " "), p->key, tune_scales[p->mode][2] == 3 ? "m" : "");
    text_frame(&frames, "TKEY", text);
    snprintf(text, sizeof text, "%lld", (long long)p->duration_ms);
    text_frame(&frames, "TLEN", text);
    if (l->text.len) lyrics_frames(&frames, l);
    if (cover.len) {
        buf_c(&picture, UTF8);
        buf_add(&picture, "image/jpeg", 11);
        buf_c(&picture, FRONT_COVER);
        buf_c(&picture, 0);
        buf_str(&picture, cover);
        frame(&frames, "APIC", buf_view(&picture));
    }
    buf_add(out, "ID3\4\0\0", 6);
    synchsafe(out, frames.len);
    buf_str(out, buf_view(&frames));
    buf_done(&frames);
    buf_done(&picture);
}

static void le32(struct buf *b, size_t v) { buf_add(b, (unsigned char[]){(unsigned char)v, (unsigned char)(v >> 8), (unsigned char)(v >> 16), (unsigned char)(v >> 24)}, 4); }
static void le16(struct buf *b, int v) { buf_add(b, (unsigned char[]){(unsigned char)v, (unsigned char)(v >> 8)}, 2); }

static void info(struct buf *out, const char *id, const char *text) {
    size_t n = strlen(text) + 1;
    buf_add(out, id, 4);
    le32(out, n);
    buf_add(out, text, n);
    if (n & 1) buf_c(out, 0);
}

void tune_write_wav(const struct tune_plan *p, int channels, int rate, size_t frames, struct buf *out) {
    struct buf list = {0};
    size_t bytes = frames * (size_t)channels * 2;
    if (p) {
        buf_add(&list, "INFO", 4);
        info(&list, "INAM", p->title);
        info(&list, "IART", "puras");
        info(&list, "IGNR", p->style->name);
    }
    buf_add(out, "RIFF", 4);
    le32(out, 4 + 24 + (list.len ? 8 + list.len : 0) + 8 + bytes);
    buf_add(out, "WAVEfmt ", 8);
    le32(out, 16);
    le16(out, 1); /* PCM */
    le16(out, channels);
    le32(out, (size_t)rate);
    le32(out, (size_t)(rate * channels * 2));
    le16(out, channels * 2);
    le16(out, 16);
    if (list.len) {
        buf_add(out, "LIST", 4);
        le32(out, list.len);
        buf_str(out, buf_view(&list));
    }
    buf_add(out, "data", 4);
    le32(out, bytes);
    buf_done(&list);
}
