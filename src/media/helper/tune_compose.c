/* Puts a song together: plan, chords, melody, band, drums; then the notes in order and none of them over another of its kind.
 * Called by tune_job.c. */
#include "media/helper/tune.h"

#include <stdlib.h>

int tune_tick(const struct tune_plan *p, int bar, int step) {
    int at = (bar * p->beats * 4 + step) * TUNE_STEP;
    bool late = p->style->swing16 ? step % 2 == 1 : step % 4 == 2;
    return at + (late ? (p->style->swing16 ? TUNE_STEP : 2 * TUNE_STEP) * p->style->swing / 100 : 0);
}

double tune_loudness_of(const struct tune_plan *p, enum tune_kind k) {
    static const double of[] = {[SECTION_INTRO] = 0.80, [SECTION_VERSE] = 0.88, [SECTION_CHORUS] = 1.04, [SECTION_BRIDGE] = 0.86, [SECTION_END] = 0.92};
    return of[k] * (0.4 + 0.6 * p->energy);
}

void tune_add_note(struct tune_song *s, enum tune_part part, int tick, int length, int key, double velocity) {
    if (key < 12 || key > 115) return;
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 1024;
        s->notes = realloc(s->notes, s->cap * sizeof *s->notes);
        must(s->notes);
    }
    int v = velocity < 12 ? 12 : velocity > 127 ? 127 : (int)velocity;
    s->notes[s->count++] = (struct tune_note){.tick = tick < 0 ? 0 : tick, .length = length < 20 ? 20 : length, .part = (uint8_t)part, .key = (uint8_t)key, .velocity = (uint8_t)v};
}

static int compare(const void *x, const void *y) {
    const struct tune_note *a = x, *b = y;
    if (a->tick != b->tick) return a->tick < b->tick ? -1 : 1;
    if (a->part != b->part) return a->part < b->part ? -1 : 1;
    return a->key - b->key;
}

/* A key that is struck again ends the note before it; the same key twice at once is one note. */
static void untangle(struct tune_song *s) {
    size_t kept = 0;
    int32_t last[PART_COUNT][128];
    memset(last, -1, sizeof last);
    qsort(s->notes, s->count, sizeof *s->notes, compare);
    for (size_t i = 0; i < s->count; i++) {
        struct tune_note n = s->notes[i];
        int32_t *before = &last[n.part][n.key];
        if (*before >= 0) {
            struct tune_note *b = &s->notes[*before];
            if (n.tick - b->tick < 20) continue;
            if (b->tick + b->length > n.tick) b->length = n.tick - b->tick;
        }
        *before = (int32_t)kept;
        s->notes[kept++] = n;
    }
    s->count = kept;
    for (size_t i = 0; i < kept; i++)
        if (s->notes[i].tick + s->notes[i].length > s->end_tick) s->end_tick = s->notes[i].tick + s->notes[i].length;
}

void tune_compose(const struct tune_inputs *in, struct tune_song *out) {
    struct tune_harmony *h = calloc(1, sizeof *h);
    must(h);
    *out = (struct tune_song){0};
    tune_make_plan(in, &out->plan);
    tune_harmonise(&out->plan, in->seed, h);
    tune_play_melody(out, h, in->seed);
    tune_play_band(out, h, in->seed);
    tune_play_drums(out, in->seed);
    untangle(out);
    free(h);
}

void tune_song_done(struct tune_song *s) {
    free(s->notes);
    *s = (struct tune_song){0};
}

bool tune_part_plays(const struct tune_song *s, enum tune_part part) {
    for (size_t i = 0; i < s->count; i++)
        if (s->notes[i].part == part) return true;
    return false;
}
