/* Everybody but the singer and the drummer: bass, chords, pad, the extra line and the second voice. Called by tune_compose.
 *
 * A bass bar in sixteenths: r root, 5 fifth, o octave, w the next step of a walk, a the note that leads to the next root; '-' holds
 * on, '.' is silence. A chord bar: X x o strike (loud to soft), '-' holds on, '.' lets go after the strike has rung; arpeggios
 * name the chord's voices from the lowest, 0 to 3. */
#include "media/helper/tune.h"

#include <stdlib.h>

struct player {
    struct tune_song *song;
    const struct tune_harmony *harmony;
    const struct tune_plan *p;
    struct dice d;
    int voices[4]; /* the last chord as it was laid out, for the next to lie near */
    int voice_count;
    int walk;
};

static int steps_of_bar(const struct tune_plan *p) { return p->beats * 4; }
static const struct tune_chord *chord_at(const struct player *b, int bar, int step) { return &b->harmony->chords[bar][step * 2 >= steps_of_bar(b->p)]; }

static void play(struct player *b, enum tune_part part, int bar, int step, int length, int key, double force) {
    int from = tune_tick(b->p, bar, step), to = tune_tick(b->p, bar, step + length);
    tune_add_note(b->song, part, from + (int)dice_in(&b->d, 0, 7), (to - from) * 94 / 100, key, force * dice_in(&b->d, 0.92, 1.05));
}

static bool is_full(enum tune_kind k) { return k == SECTION_CHORUS; }

static int bass_key(int pitch_class) {
    int key = 24 + pitch_class;
    return key < 28 ? key + 12 : key; /* the lowest string of a bass is E */
}

static int bass_note(struct player *b, char what, const struct tune_chord *c, const struct tune_chord *next) {
    int root = bass_key(c->root), to = bass_key(next->root);
    if (what == 'o') return root + 12;
    if (what == '5') return root + c->tones[2];
    if (what == 'a') return to + (dice_next(&b->d) & 1 ? 1 : -1) * (dice_next(&b->d) % 3 ? 1 : 2);
    if (what == 'w') {
        b->walk++;
        int to_go = b->walk < 3 ? b->walk : 2;
        return root + c->tones[to_go];
    }
    b->walk = 0;
    return root;
}

static void play_bass(struct player *b, const struct tune_section *x) {
    const char *pattern = b->p->style->bass[is_full(x->kind)];
    double force = 88 * tune_loudness_of(b->p, x->kind);
    int steps = steps_of_bar(b->p), half = steps / 2;
    for (int bar = x->first_bar + (x->kind == SECTION_INTRO ? x->bars / 2 : 0); bar < x->first_bar + x->bars; bar++) {
        bool change = chord_at(b, bar, 0)->root != chord_at(b, bar, half)->root;
        for (int i = 0, length; i < steps; i += length) {
            /* Where the chord changes within the bar its root is struck, whatever the pattern does there. */
            char what = change && i == half && pattern[i] != 'w' ? 'r' : pattern[i];
            for (length = 1; i + length < steps && pattern[i + length] == '-' && !(change && i + length == half); length++) {
            }
            if (what == '.' || what == '-') continue;
            const struct tune_chord *next = i + length >= steps ? chord_at(b, bar + 1, 0) : chord_at(b, bar, i + length);
            play(b, PART_BASS, bar, i, length, bass_note(b, what, chord_at(b, bar, i), next), force);
        }
    }
}

/* Lays a chord out near the one before, so that voices move little. `low` is where the lowest voice may begin. */
static void lay_out(struct player *b, const struct tune_chord *c, int low) {
    int best[4] = {0}, best_count = 0, least = 1 << 20;
    for (int inversion = 0; inversion < c->count; inversion++)
        for (int octave = 0; octave < 2; octave++) {
            int keys[4], n = c->count > 4 ? 4 : c->count, moved = 0;
            for (int i = 0; i < n; i++) {
                int tone = (inversion + i) % c->count, key = c->root + c->tones[tone];
                while (key < (i ? keys[i - 1] + 1 : low + octave * 6)) key += 12;
                while (i && key - 12 > keys[i - 1]) key -= 12;
                keys[i] = key;
            }
            if (b->voice_count) for (int i = 0; i < n; i++) moved += abs(keys[i] - b->voices[i < b->voice_count ? i : b->voice_count - 1]);
            else moved = inversion * 4 + octave;
            moved += keys[0] - low > 12 ? 40 : 0;
            if (moved >= least) continue;
            least = moved;
            best_count = n;
            memcpy(best, keys, sizeof best);
        }
    b->voice_count = best_count;
    memcpy(b->voices, best, sizeof best);
}

static double strength(char c) { return c == 'X' ? 1.12 : c == 'o' ? 0.72 : 0.92; }

/* Until the next strike, the middle of the bar when the chord changes there, or the longest a style lets ring. */
static int ring(const struct player *b, const char *pattern, int bar, int i, int most) {
    int steps = steps_of_bar(b->p), length = 1;
    while (i + length < steps && (pattern[i + length] == '.' || pattern[i + length] == '-') && length < most) length++;
    int half = steps / 2;
    if (i < half && i + length > half && chord_at(b, bar, 0)->root != chord_at(b, bar, half)->root) length = half - i;
    return length;
}

static void strike(struct player *b, enum tune_part part, const struct tune_chord *c, int bar, int i, int length, double force) {
    const struct tune_style *s = b->p->style;
    int low = s->comp == COMP_STRUM ? 48 : 52, late = 0;
    if (s->comp == COMP_POWER) {
        int root = bass_key(c->root) + 12, keys[3] = {root, root + 7, root + 12};
        for (int k = 0; k < 3; k++) play(b, part, bar, i, length, keys[k], force);
        return;
    }
    lay_out(b, c, low);
    if (s->comp == COMP_STRUM && i % 4 == 0) play(b, part, bar, i, length, b->voices[0] - 12 >= 40 ? b->voices[0] - 12 : b->voices[0], force * 0.9);
    for (int k = 0; k < b->voice_count; k++) {
        /* A hand over strings: down on the beat, up after it. */
        int n = s->comp == COMP_STRUM && i % 4 ? b->voice_count - 1 - k : k, from = tune_tick(b->p, bar, i) + late, to = tune_tick(b->p, bar, i + length);
        late += s->comp == COMP_STRUM ? 9 : s->comp == COMP_BLOCK ? 2 : 0;
        tune_add_note(b->song, part, from, (to - from) * 94 / 100, b->voices[n], force * dice_in(&b->d, 0.9, 1.05));
    }
}

static void play_chords(struct player *b, const struct tune_section *x) {
    const struct tune_style *s = b->p->style;
    const char *pattern = s->comp_pattern[is_full(x->kind)];
    double force = (s->comp == COMP_POWER ? 78 : 72) * tune_loudness_of(b->p, x->kind);
    int steps = steps_of_bar(b->p), longest = s->comp == COMP_STAB ? 2 : s->comp == COMP_POWER ? 4 : 16;
    for (int bar = x->first_bar; bar < x->first_bar + x->bars; bar++)
        for (int i = 0; i < steps; i++) {
            char c = pattern[i];
            if (c == '.' || c == '-') continue;
            if (s->comp != COMP_ARPEGGIO) {
                strike(b, PART_COMP, chord_at(b, bar, i), bar, i, ring(b, pattern, bar, i, longest), force * strength(c));
                continue;
            }
            lay_out(b, chord_at(b, bar, i), 50);
            int voice = c - '0', key = voice < b->voice_count ? b->voices[voice] : b->voices[0] + 12;
            play(b, PART_COMP, bar, i, i + 4 < steps ? 4 : steps - i, key, force * (i % 4 ? 0.86 : 1));
        }
}

/* Long chords under everything: from the second half of the verse on, softly; in choruses, bridges and the end fully. */
static void play_pad(struct player *b, const struct tune_section *x, bool always) {
    double force = (x->kind == SECTION_CHORUS ? 62 : 52) * tune_loudness_of(b->p, x->kind);
    int steps = steps_of_bar(b->p), half = steps / 2;
    int first = x->kind == SECTION_VERSE && x->nth == 0 && !always ? x->first_bar + x->bars / 2 : x->first_bar;
    struct player pad = *b;
    pad.voice_count = 0;
    for (int bar = first; bar < x->first_bar + x->bars; bar++) {
        bool change = memcmp(chord_at(b, bar, 0), chord_at(b, bar, half), sizeof(struct tune_chord)) != 0;
        for (int i = 0; i < steps; i += half) {
            if (i && !change) break;
            lay_out(&pad, chord_at(b, bar, i), 55);
            for (int k = 0; k < pad.voice_count; k++) play(&pad, PART_PAD, bar, i, change ? half : steps, pad.voices[k], force);
        }
    }
    b->d = pad.d;
}

/* A figure of its own over the chorus: four notes of the chord, high, in an order that the seed chooses once. */
static void play_extra(struct player *b, const struct tune_section *x, const int order[4], int every) {
    double force = 58 * tune_loudness_of(b->p, x->kind);
    int steps = steps_of_bar(b->p);
    struct player high = *b;
    high.voice_count = 0;
    for (int bar = x->first_bar; bar < x->first_bar + x->bars; bar++)
        for (int i = 0, k = 0; i < steps; i += every, k++) {
            lay_out(&high, chord_at(b, bar, i), 64);
            int voice = order[k % 4];
            play(&high, PART_EXTRA, bar, i, every, voice < high.voice_count ? high.voices[voice] : high.voices[0] + 12, force * (i % 8 ? 0.88 : 1));
        }
    b->d = high.d;
}

/* Later choruses: the melody again, the nearest tone of the chord at least a third below. */
static void play_harmony(struct player *b, const struct tune_section *x) {
    int from = tune_tick(b->p, x->first_bar, 0), to = tune_tick(b->p, x->first_bar + x->bars, 0) - TUNE_STEP / 2, bar_ticks = b->p->beats * TUNE_PPQ;
    size_t count = b->song->count;
    for (size_t i = 0; i < count; i++) {
        struct tune_note n = b->song->notes[i];
        if (n.part != PART_LEAD || n.tick < from || n.tick >= to) continue;
        int bar = n.tick / bar_ticks, step = n.tick % bar_ticks / TUNE_STEP, key = n.key - 3;
        while (key > n.key - 12 && !tune_chord_has(chord_at(b, bar, step), key)) key--;
        tune_add_note(b->song, PART_HARMONY, n.tick, n.length, key, n.velocity * 0.72);
    }
}

/* The last chord rings with everybody who has played. */
static void play_last(struct player *b) {
    const struct tune_chord *c = &b->harmony->chords[b->p->bars][0];
    int steps = tune_ring_steps(b->p), bar = b->p->bars;
    double force = 84 * tune_loudness_of(b->p, SECTION_END);
    play(b, PART_BASS, bar, 0, steps, bass_key(c->root), force);
    lay_out(b, c, 50);
    for (int k = 0; k < b->voice_count; k++) tune_add_note(b->song, PART_COMP, tune_tick(b->p, bar, 0) + k * 18, steps * TUNE_STEP, b->voices[k], force * 0.85);
    lay_out(b, c, 56);
    for (int k = 0; k < b->voice_count; k++) play(b, PART_PAD, bar, 0, steps, b->voices[k], force * 0.7);
}

void tune_play_band(struct tune_song *song, const struct tune_harmony *h, uint64_t seed) {
    struct player b = {.song = song, .harmony = h, .p = &song->plan, .d = dice_of(seed, "band")};
    static const int orders[4][4] = {{0, 1, 2, 3}, {2, 1, 0, 1}, {0, 2, 1, 2}, {3, 2, 1, 0}};
    const int *order = orders[dice_next(&b.d) % 4];
    int every = b.p->style->density > 50 && b.p->beats != 3 ? 2 : 4;
    bool small = b.p->section_count < 6;
    for (int i = 0; i < b.p->section_count; i++) {
        const struct tune_section *x = &b.p->sections[i];
        play_chords(&b, x);
        play_bass(&b, x);
        if (x->kind != SECTION_INTRO || b.p->style->comp == COMP_ARPEGGIO) play_pad(&b, x, small);
        if (x->kind == SECTION_CHORUS && (x->nth > 0 || small || b.p->style->density < 50)) play_extra(&b, x, order, every);
        if (x->kind == SECTION_CHORUS && x->nth > 0) play_harmony(&b, x);
    }
    play_last(&b);
}
