/* A song as a standard MIDI file: one track for the tempo, one for each part that plays. No word of a caller goes into it.
 * Called by tune_job.c. */
#include "media/helper/tune.h"

#include <stdlib.h>

static void be16(struct buf *b, unsigned v) { buf_add(b, (unsigned char[]){(unsigned char)(v >> 8), (unsigned char)v}, 2); }
static void be32(struct buf *b, uint32_t v) {
    be16(b, v >> 16);
    be16(b, v & 0xffff);
}

/* Seven bits a byte, the last without its top bit. */
static void variable(struct buf *b, uint32_t v) {
    for (int shift = 28; shift > 0; shift -= 7)
        if (v >> shift) buf_c(b, (char)(0x80 | (v >> shift & 0x7f)));
    buf_c(b, (char)(v & 0x7f));
}

static void event(struct buf *b, uint32_t wait, int status, int x, int y) {
    variable(b, wait);
    buf_add(b, (unsigned char[]){(unsigned char)status, (unsigned char)x, (unsigned char)y}, 3);
}

static void track(struct buf *out, const struct buf *events) {
    buf_add(out, "MTrk", 4);
    be32(out, (uint32_t)events->len + 4);
    buf_str(out, buf_view(events));
    buf_add(out, "\x00\xff\x2f\x00", 4);
}

struct moment {
    int32_t tick;
    bool on;
    uint8_t key, velocity;
};

/* Ends before beginnings, so that a note struck again at once is not cut. */
static int compare(const void *x, const void *y) {
    const struct moment *a = x, *b = y;
    if (a->tick != b->tick) return a->tick < b->tick ? -1 : 1;
    if (a->on != b->on) return a->on ? 1 : -1;
    return a->key - b->key;
}

static void write_part(const struct tune_song *s, enum tune_part part, struct buf *out) {
    /* Volume, place from left to right, room. */
    static const unsigned char mix[PART_COUNT][3] = {[PART_LEAD] = {104, 64, 52}, [PART_COMP] = {82, 44, 40}, [PART_PAD] = {66, 84, 64}, [PART_BASS] = {98, 64, 12},
                                                     [PART_EXTRA] = {70, 98, 58}, [PART_HARMONY] = {80, 30, 56}, [PART_DRUMS] = {98, 64, 26}};
    int channel = part == PART_DRUMS ? 9 : (int)part;
    struct moment *m = calloc(s->count * 2 + 1, sizeof *m);
    struct buf events = {0};
    size_t n = 0;
    int32_t now = 0;
    must(m);
    for (size_t i = 0; i < s->count; i++) {
        const struct tune_note *x = &s->notes[i];
        if (x->part != part) continue;
        m[n++] = (struct moment){x->tick, true, x->key, x->velocity};
        m[n++] = (struct moment){x->tick + x->length, false, x->key, 0};
    }
    qsort(m, n, sizeof *m, compare);
    if (n && part != PART_DRUMS) buf_add(&events, (unsigned char[]){0, (unsigned char)(0xc0 | channel), (unsigned char)s->plan.programs[part]}, 3);
    if (n) event(&events, 0, 0xb0 | channel, 7, mix[part][0]), event(&events, 0, 0xb0 | channel, 10, mix[part][1]), event(&events, 0, 0xb0 | channel, 91, mix[part][2]);
    for (size_t i = 0; i < n; i++) {
        event(&events, (uint32_t)(m[i].tick - now), (m[i].on ? 0x90 : 0x80) | channel, m[i].key, m[i].velocity);
        now = m[i].tick;
    }
    if (n) track(out, &events);
    buf_done(&events);
    free(m);
}

void tune_write_smf(const struct tune_song *s, struct buf *out) {
    struct buf events = {0};
    unsigned tracks = 1;
    uint32_t beat_us = 60000000U / (uint32_t)s->plan.tempo;
    for (int part = 0; part < PART_COUNT; part++) tracks += tune_part_plays(s, part);
    buf_add(out, "MThd", 4);
    be32(out, 6);
    be16(out, 1);
    be16(out, tracks);
    be16(out, TUNE_PPQ);
    buf_add(&events, (unsigned char[]){0, 0xff, 0x58, 4, (unsigned char)s->plan.beats, 2, 24, 8}, 8);
    buf_add(&events, (unsigned char[]){0, 0xff, 0x51, 3, (unsigned char)(beat_us >> 16), (unsigned char)(beat_us >> 8), (unsigned char)beat_us}, 7);
    track(out, &events);
    buf_done(&events);
    for (int part = 0; part < PART_COUNT; part++) write_part(s, part, out);
}
