/* The drummer: the style's groove, a fill where a section ends, a crash where the next begins. Called by tune_compose. */
#include "media/helper/tune.h"

enum { KICK = 36, CRASH = 49, SNARE = 38, TOM_HIGH = 50, TOM_MIDDLE = 47, TOM_LOW = 43 };

static double strength(char c) { return c == 'X' ? 108 : c == 'x' ? 88 : c == 'o' ? 56 : 0; }

static void hit(struct tune_song *s, struct dice *d, int bar, int step, int key, double force) {
    int late = (int)dice_in(d, 0, 6);
    tune_add_note(s, PART_DRUMS, tune_tick(&s->plan, bar, step) + late, TUNE_STEP, key, force * dice_in(d, 0.9, 1.06));
}

static void line(struct tune_song *s, struct dice *d, const char *pattern, int key, int bar, int to, double force) {
    for (int i = 0; pattern && i < to; i++)
        if (strength(pattern[i]) > 0) hit(s, d, bar, i, key, strength(pattern[i]) * force);
}

/* Half a bar of snare and toms, falling. */
static void fill(struct tune_song *s, struct dice *d, int bar, int from, int steps, double force) {
    static const int down[] = {SNARE, SNARE, TOM_HIGH, TOM_HIGH, TOM_MIDDLE, TOM_MIDDLE, TOM_LOW, TOM_LOW};
    int density = 1 + (int)(dice_next(d) % 3);
    for (int i = from; i < steps; i++)
        if (i % 2 == 0 || dice_next(d) % 4 < (uint64_t)density) hit(s, d, bar, i, down[(i - from) * 8 / (steps - from)], (70 + 30.0 * (i - from) / (steps - from)) * force);
}

static void play_section(struct tune_song *s, struct dice *d, const struct tune_section *x) {
    const struct tune_plan *p = &s->plan;
    const struct tune_groove *g = x->kind == SECTION_CHORUS ? &p->style->full : &p->style->quiet;
    int steps = p->beats * 4, from = x->kind == SECTION_INTRO ? x->bars / 2 : 0;
    double force = tune_loudness_of(p, x->kind);
    bool fills = g->snare != NULL && p->energy > 0.7;
    for (int b = from; b < x->bars; b++) {
        int bar = x->first_bar + b, to = steps;
        bool last = b == x->bars - 1 && x->kind != SECTION_END && x->bars > 1;
        if (last && fills) to = steps - (steps > 8 ? steps / 2 : 2);
        if (last && fills) fill(s, d, bar, to, steps, force);
        line(s, d, g->kick, KICK, bar, last ? steps : to, force);
        line(s, d, g->snare, g->snare_key, bar, to, force * 0.95);
        line(s, d, g->hat, g->hat_key, bar, to, force * 0.68);
        line(s, d, g->extra, g->extra_key, bar, to, force * 0.72);
        if (b == 0 && x->kind == SECTION_CHORUS && fills) hit(s, d, bar, 0, CRASH, 88 * force);
    }
}

void tune_play_drums(struct tune_song *s, uint64_t seed) {
    const struct tune_plan *p = &s->plan;
    struct dice d = dice_of(seed, "drums");
    if (!p->drums) return;
    for (int i = 0; i < p->section_count; i++) play_section(s, &d, &p->sections[i]);
    if (!p->style->full.kick) return;
    hit(s, &d, p->bars, 0, KICK, 92 * p->energy);
    if (p->style->full.snare) hit(s, &d, p->bars, 0, CRASH, 84 * p->energy);
}
