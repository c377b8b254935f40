/* The tune itself: a motif for the verse, one for the chorus, one for the bridge; each stated, answered, varied and brought to a
 * cadence, over the chords. Verses repeat the first verse with small changes, choruses repeat the chorus: that is what makes a song.
 * Called by tune_compose. */
#include "media/helper/tune.h"

#include <stdlib.h>

enum { MAX_NOTES = 18, PHRASE = 4 };

/* One bar of it: where notes begin (in steps), how long they are, and how far each lies from the first, in steps of the scale. */
struct motif {
    int count;
    int at[MAX_NOTES], length[MAX_NOTES], rise[MAX_NOTES];
};

struct singer {
    struct tune_song *song;
    const struct tune_harmony *harmony;
    const struct tune_plan *p;
    struct dice d;
    int scale[7], scale_count; /* semitones above the tonic */
    int low, high;
    int last; /* key of the last note */
};

static int steps_of_bar(const struct tune_plan *p) { return p->beats * 4; }

/* A rhythm: notes on strong places are likely, on weak ones by density, on sixteenths by syncopation; a rest before the next bar. */
static void draw_rhythm(struct singer *s, int density, int syncopation, struct motif *m) {
    int steps = steps_of_bar(s->p), close = steps - 2;
    bool on[16] = {0};
    for (int i = 0; i < steps; i++) {
        double chance = i == 0 ? 88 : i % 4 == 0 ? 45 + density / 2.0 : i % 2 == 0 ? density * 0.75 : syncopation * 0.22;
        if (i >= close) chance *= 0.4;
        on[i] = dice_in(&s->d, 0, 100) < chance;
    }
    /* Pushed: the strong note comes an eighth early. */
    if (dice_in(&s->d, 0, 100) < syncopation && steps > 8) on[8] = false, on[6] = true;
    if (!on[0] && !on[2]) on[dice_next(&s->d) & 1 ? 0 : 2] = true;
    m->count = 0;
    for (int i = 0; i < steps && m->count < MAX_NOTES; i++)
        if (on[i]) m->at[m->count++] = i;
    for (int i = 0; i < m->count; i++) {
        int next = i + 1 < m->count ? m->at[i + 1] : steps, n = next - m->at[i];
        m->length[i] = n > 6 && i + 1 < m->count ? 6 : n;
    }
}

/* Mostly steps, some leaps; a leap is answered the other way; the line comes back from where it went. */
static void draw_line(struct singer *s, int arch, struct motif *m) {
    int at = 0, move = 0;
    for (int i = 0; i < m->count; i++) {
        m->rise[i] = at;
        double x = dice_unit(&s->d);
        int up = dice_unit(&s->d) < (i < m->count / 2 ? 0.5 + 0.22 * arch : 0.5 - 0.25 * arch) ? 1 : -1;
        if (abs(move) > 1) move = move > 0 ? -1 : 1;
        else move = x < 0.12 ? 0 : x < 0.70 ? up : x < 0.90 ? 2 * up : (3 + (int)(dice_next(&s->d) & 1)) * up;
        if (at + move > 6 || at + move < -5) move = -move;
        at += move;
    }
}

static int key_of(const struct singer *s, int degree) {
    int n = s->scale_count, octave = degree >= 0 ? degree / n : -((n - 1 - degree) / n);
    return 60 + s->p->tonic + octave * 12 + s->scale[degree - octave * n];
}

static int degree_near(const struct singer *s, int key) {
    int best = 0;
    for (int d = -3 * s->scale_count; d <= 4 * s->scale_count; d++)
        if (abs(key_of(s, d) - key) < abs(key_of(s, best) - key)) best = d;
    return best;
}

/* The chord's own tone that is nearest, `from` itself if it is one. */
static int chord_tone_near(const struct tune_chord *c, int from) {
    for (int by = 0; by < 7; by++) {
        if (tune_chord_has(c, from - by)) return from - by;
        if (tune_chord_has(c, from + by)) return from + by;
    }
    return from;
}

/* A passing note must not rub against a tone that the chord has raised or lowered: G over E major in A minor becomes G sharp. */
static int agree(const struct singer *s, const struct tune_chord *c, int key) {
    static const int sides[] = {1, -1};
    if (tune_chord_has(c, key)) return key;
    for (int i = 0; i < 2; i++) {
        int other = key + sides[i], above = ((other - s->p->tonic) % 12 + 12) % 12;
        bool in_scale = false;
        for (int k = 0; k < 7; k++) in_scale |= tune_scales[s->p->mode][k] == above;
        if (tune_chord_has(c, other) && !in_scale) return other;
    }
    return key;
}

static int into_range(const struct singer *s, int key) {
    while (key < s->low) key += 12;
    while (key > s->high) key -= 12;
    return key;
}

static const struct tune_chord *chord_at(const struct singer *s, int bar, int step) { return &s->harmony->chords[bar][step * 2 >= steps_of_bar(s->p)]; }

static void sing(struct singer *s, int bar, int step, int length, int key, double force) {
    const struct tune_plan *p = s->p;
    int from = tune_tick(p, bar, step), to = tune_tick(p, bar, step + length);
    double accent = step == 0 ? 1.06 : step % 4 == 0 ? 1.0 : 0.9;
    tune_add_note(s->song, PART_LEAD, from + (int)dice_in(&s->d, 0, 8), (to - from) * 92 / 100, key, 92 * force * accent * dice_in(&s->d, 0.93, 1.04));
    s->last = key;
}

/* One bar of a motif over the chords there; `lift` degrees higher, upside down when turned. */
static void sing_bar(struct singer *s, const struct motif *m, int bar, int anchor, int lift, bool turned, int from_step, double force) {
    int start = degree_near(s, chord_tone_near(chord_at(s, bar, m->count ? m->at[0] : 0), anchor)) + lift;
    for (int i = 0; i < m->count; i++) {
        if (m->at[i] < from_step) continue;
        const struct tune_chord *c = chord_at(s, bar, m->at[i]);
        int key = key_of(s, start + (turned ? -m->rise[i] : m->rise[i]));
        bool strong = m->at[i] % 8 == 0 || m->length[i] >= 4 || i == m->count - 1;
        key = strong ? chord_tone_near(c, key) : agree(s, c, key);
        if (s->last && abs(key - s->last) > 9) key = strong ? chord_tone_near(c, s->last + (key > s->last ? 7 : -7)) : agree(s, c, key_of(s, degree_near(s, s->last + (key > s->last ? 5 : -5))));
        sing(s, bar, m->at[i], m->length[i], into_range(s, key), force);
    }
}

/* The end of a phrase: a short approach and a long note; home for a full close, open for a half. */
static void sing_cadence(struct singer *s, const struct motif *m, int bar, bool full, double force) {
    int steps = steps_of_bar(s->p), place = steps > 8 && dice_next(&s->d) & 1 ? 8 : steps > 4 ? 4 : 0;
    const struct tune_chord *c = chord_at(s, bar, place);
    int goal = full ? into_range(s, chord_tone_near(c, 60 + s->p->tonic + 12 * ((s->last - 54 - s->p->tonic) / 12))) : chord_tone_near(c, s->last);
    if (!tune_chord_has(c, goal)) goal = chord_tone_near(c, goal);
    goal = into_range(s, goal);
    int degree = degree_near(s, goal), side = s->last >= goal ? 1 : -1;
    for (int i = 0; i < m->count && m->at[i] < place; i++) {
        int left = 0;
        for (int k = i; k < m->count && m->at[k] < place; k++) left++;
        int length = m->at[i] + m->length[i] > place ? place - m->at[i] : m->length[i];
        int key = key_of(s, degree + side * left);
        key = m->at[i] % 8 == 0 ? chord_tone_near(chord_at(s, bar, m->at[i]), key) : agree(s, chord_at(s, bar, m->at[i]), key);
        sing(s, bar, m->at[i], length, into_range(s, key), force * 0.95);
    }
    sing(s, bar, place, steps - place - (steps > 8 ? 2 : 1), goal, force);
}

/* A section's phrases of four bars: the motif, its sequence over the next chord, a contrast, a cadence. `vary` changes details. */
static void sing_section(struct singer *s, const struct tune_section *x, const struct motif m[2], int anchor, bool vary, double force) {
    for (int b = 0; b < x->bars; b++) {
        int in = b % PHRASE, phrase = b / PHRASE, bar = x->first_bar + b;
        bool last = b == x->bars - 1, ends = last || in == PHRASE - 1;
        if (ends && x->bars > 1) {
            sing_cadence(s, &m[1], bar, (phrase & 1) || last, force);
        } else if (in == 0) {
            sing_bar(s, &m[0], bar, anchor, 0, false, 0, force);
        } else if (in == 1) {
            sing_bar(s, &m[phrase & 1 ? 0 : 1], bar, anchor + (phrase & 1 ? 2 : 0), 0, false, 0, force);
        } else {
            bool turned = vary && dice_next(&s->d) & 1;
            sing_bar(s, &m[0], bar, anchor + 2, phrase & 1 ? 2 : 1, turned, 0, force);
        }
    }
}

static struct singer new_singer(struct tune_song *song, const struct tune_harmony *h, uint64_t seed) {
    struct singer s = {.song = song, .harmony = h, .p = &song->plan, .d = dice_of(seed, "melody")};
    const int *scale = tune_scales[s.p->mode];
    bool minor = scale[2] == 3;
    for (int i = 0; i < 7; i++) {
        bool left_out = s.p->style->pentatonic && (minor ? i == 1 || i == 5 : i == 3 || i == 6);
        if (!left_out) s.scale[s.scale_count++] = scale[i];
    }
    s.low = s.p->style->lead_low;
    s.high = s.low + 19;
    /* Low and high voices sing where they sound best. */
    int program = s.p->programs[PART_LEAD];
    if (program == 42 || program == 57 || program == 43) s.low -= 10, s.high -= 9;
    if (program == 73 || program == 10 || program == 8 || program == 74) s.low += 5, s.high += 7;
    return s;
}

/* The same motif with fewer notes, for an introduction. */
static struct motif thinned(const struct motif *m) {
    struct motif t = {0};
    for (int i = 0; i < m->count; i++) {
        if (m->at[i] % 4) continue;
        t.at[t.count] = m->at[i];
        t.rise[t.count] = m->rise[i];
        t.length[t.count] = 4;
        t.count++;
    }
    return t.count ? t : *m;
}

/* What the last bars bring: the hook once more, then the tonic held. */
static void sing_end(struct singer *s, const struct tune_section *x, const struct motif *hook, int anchor, double force) {
    struct motif quiet[2] = {*hook, thinned(hook)};
    struct tune_section most = *x;
    if (most.bars > 1) sing_section(s, &most, quiet, anchor, false, force);
    else if (most.bars == 1) sing_bar(s, &quiet[1], x->first_bar, anchor, 0, false, 0, force);
    const struct tune_chord *home = &s->harmony->chords[s->p->bars][0];
    int tonic = into_range(s, 60 + home->root), other = tonic + 12 <= s->high ? tonic + 12 : tonic - 12;
    if (s->last && abs(other - s->last) < abs(tonic - s->last) && other >= s->low) tonic = other;
    sing(s, s->p->bars, 0, tune_ring_steps(s->p), tonic, force);
}

void tune_play_melody(struct tune_song *song, const struct tune_harmony *h, uint64_t seed) {
    struct singer s = new_singer(song, h, seed);
    const struct tune_style *style = s.p->style;
    struct motif verse[2], chorus[2], bridge[2];
    int middle = (s.low + s.high) / 2 - 2, anchor = middle + (int)(dice_next(&s.d) % 5) - 2;
    for (int i = 0; i < 2; i++) {
        draw_rhythm(&s, style->density, style->syncopation, &verse[i]);
        draw_line(&s, 1, &verse[i]);
        draw_rhythm(&s, style->density * 9 / 10 + 4, style->syncopation, &chorus[i]);
        draw_line(&s, dice_next(&s.d) & 1 ? 1 : -1, &chorus[i]);
        draw_rhythm(&s, style->density * 6 / 10, style->syncopation / 2, &bridge[i]);
        draw_line(&s, -1, &bridge[i]);
    }
    for (int i = 0; i < s.p->section_count; i++) {
        const struct tune_section *x = &s.p->sections[i];
        double force = tune_loudness_of(s.p, x->kind);
        struct motif soft[2] = {thinned(&chorus[0]), thinned(&chorus[1])};
        if (x->kind == SECTION_END) sing_end(&s, x, &chorus[0], anchor + 3, force);
        else if (x->kind == SECTION_CHORUS) sing_section(&s, x, chorus, anchor + 4, x->nth > 0, force);
        else if (x->kind == SECTION_BRIDGE) sing_section(&s, x, bridge, anchor + 2, false, force);
        else if (x->kind == SECTION_VERSE) sing_section(&s, x, verse, anchor, x->nth > 0, force);
        else if (x->bars >= 2) {
            /* The second half of the introduction lets the chorus be heard from afar. */
            struct tune_section half = {.kind = x->kind, .first_bar = x->first_bar + x->bars / 2, .bars = x->bars - x->bars / 2};
            sing_section(&s, &half, soft, anchor, false, force * 0.85);
        }
        s.last = 0;
    }
}
