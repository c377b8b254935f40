/* Chords: a style's progression laid out over every section, with cadences where sections end. Called by tune_compose.
 *
 * A progression is bars separated by blanks; a bar is one chord, or two with a comma between. A chord is a degree 1-7 of the scale,
 * 'b' before it when flattened, and what stands on it: nothing (the scale's own triad), 7 (the scale's own seventh chord), M major,
 * m minor, d dominant seventh, h half-diminished, s suspended fourth. */
#include "media/helper/tune.h"

#include <stdlib.h>

static struct tune_chord read_chord(const char **at, const struct tune_plan *p) {
    static const struct { char mark; int tones[4]; int count; } qualities[] = {
        {'M', {0, 4, 7}, 3}, {'m', {0, 3, 7}, 3}, {'d', {0, 4, 7, 10}, 4}, {'h', {0, 3, 6, 10}, 4}, {'s', {0, 5, 7}, 3}};
    const int *scale = tune_scales[p->mode];
    struct tune_chord c = {0};
    bool flat = **at == 'b';
    if (flat) (*at)++;
    int degree = *(*at)++ - '1', steps[7];
    /* "b7" means the flattened seventh of a major scale; where the scale has it already it stays. */
    int major = tune_scales[MODE_MAJOR][degree], root = flat ? (scale[degree] < major ? scale[degree] : major - 1) : scale[degree];
    for (int i = 0; i < 7; i++) steps[i] = (scale[(degree + i) % 7] - scale[degree] + 12) % 12;
    c.root = (p->tonic + root) % 12;
    c.tones[1] = steps[2];
    c.tones[2] = steps[4];
    c.tones[3] = steps[6];
    c.count = **at == '7' ? 4 : 3;
    if (**at == '7') (*at)++;
    for (size_t i = 0; i < sizeof qualities / sizeof *qualities; i++)
        if (**at == qualities[i].mark) {
            (*at)++;
            memcpy(c.tones, qualities[i].tones, sizeof qualities[i].tones);
            c.count = qualities[i].count;
            break;
        }
    return c;
}

static int read_progression(const char *text, const struct tune_plan *p, struct tune_chord out[16][2]) {
    int n = 0;
    while (*text && n < 16) {
        out[n][0] = out[n][1] = read_chord(&text, p);
        if (*text == ',') {
            text++;
            out[n][1] = read_chord(&text, p);
        }
        n++;
        while (*text == ' ') text++;
    }
    return n;
}

static struct tune_chord chord_of(const char *text, const struct tune_plan *p) { return read_chord(&text, p); }

bool tune_chord_has(const struct tune_chord *c, int key) {
    for (int i = 0; i < c->count; i++)
        if ((c->root + c->tones[i] - key % 12 + 24) % 12 == 0) return true;
    return false;
}

static bool minor_like(enum tune_mode m) { return m == MODE_MINOR || m == MODE_DORIAN || m == MODE_PHRYGIAN; }

void tune_harmonise(const struct tune_plan *p, uint64_t seed, struct tune_harmony *out) {
    struct dice d = dice_of(seed, "harmony");
    bool minor = minor_like(p->mode);
    const struct tune_style *s = p->style;
    const char *verse = s->verse[minor][dice_next(&d) & 1], *chorus = s->chorus[minor][dice_next(&d) & 1];
    const char *bridge = minor ? (dice_next(&d) & 1 ? "6 3 4 5M" : "4 1 6 5M") : (dice_next(&d) & 1 ? "6 3 4 5" : "2 6 4 5");
    bool blues = !strcmp(s->name, "blues"), ambient = !strcmp(s->name, "ambient");
    struct tune_chord prog[16][2], home = chord_of(blues && !minor ? "1d" : "1", p);
    struct tune_chord half = chord_of(s->pentatonic && minor ? "7" : minor ? "5M" : blues ? "5d" : "5", p);
    for (int i = 0; i < p->section_count; i++) {
        const struct tune_section *x = &p->sections[i];
        bool last = i + 1 == p->section_count;
        const char *text = x->kind == SECTION_CHORUS || last ? chorus : x->kind == SECTION_BRIDGE ? bridge : verse;
        int n = read_progression(text, p, prog), end = x->first_bar + x->bars;
        for (int b = 0; b < x->bars; b++) memcpy(out->chords[x->first_bar + b], prog[b % n], sizeof prog[0]);
        /* Into a chorus: the dominant in the last half bar, unless the progression was cut in a good place already. */
        if (!last && !ambient && x->bars > 1 && p->sections[i + 1].kind == SECTION_CHORUS && !tune_chord_has(&out->chords[end - 1][1], half.root)) out->chords[end - 1][1] = half;
    }
    int bars = p->bars;
    if (bars >= 2 && !ambient) out->chords[bars - 1][0] = chord_of("4", p), out->chords[bars - 1][1] = half;
    out->chords[bars][0] = out->chords[bars][1] = home;
}
