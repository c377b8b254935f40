/* Reads the words of a song into its plan: style, key, tempo, instruments, title and the form that fills the asked length.
 * Called by tune_compose. Takes any bytes, nothing fails. */
#include "media/helper/tune.h"
#include "media/helper/tune_words.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct words {
    struct tune_text style, about; /* the style input; everything that was said */
};

static void read_words(const struct tune_inputs *in, struct words *w) {
    char *all = malloc(TUNE_TEXT_BYTES * 4);
    must(all);
    size_t n = 0;
    const struct str parts[] = {in->style, in->prompt, in->description, in->title};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t take = parts[i].len < TUNE_TEXT_BYTES - 1 ? parts[i].len : TUNE_TEXT_BYTES - 1;
        if (take) memcpy(all + n, parts[i].ptr, take);
        n += take;
        all[n++] = ',';
    }
    tune_fold(str_n(all, n), &w->about);
    tune_fold(in->style, &w->style);
    free(all);
}

static const struct tune_style *choose_style(const struct words *w, const struct tune_text *negative) {
    static const struct { const char *words, *style; } moods[] = {
        {"epic heroic battle adventure fantasy anthem dragon knight war hero", "cinematic"}, {"baby children kids toy sleepy music_box", "lullaby"},
        {"party celebration birthday", "disco"}, {"dance workout gym running", "electronic"}, {"space floating sleep", "ambient"}, {"wedding romantic", "classical"},
        {"rainy coffee cafe", "lofi"}, {"summer beach", "reggae"}, {"horse road highway truck", "country"}, {"beat beats", "hip-hop"},
        {"calm peaceful serene relaxing dreamy", "ambient"}, {"saxophone sax", "jazz"}, {"violin cello piano", "classical"}, {"guitar", "folk"}};
    const struct tune_style *best = NULL;
    double most = 0;
    for (size_t i = 0; i < tune_style_count; i++) {
        double score = 4 * tune_count(&w->style, tune_styles[i].words) + tune_count(&w->about, tune_styles[i].words);
        if (score > most && !tune_find(negative, tune_styles[i].words)) {
            most = score;
            best = &tune_styles[i];
        }
    }
    for (size_t i = 0; !best && i < sizeof moods / sizeof *moods; i++)
        for (size_t k = 0; k < tune_style_count && tune_find(&w->about, moods[i].words); k++)
            if (!strcmp(tune_styles[k].name, moods[i].style) && !tune_find(negative, tune_styles[k].words)) best = &tune_styles[k];
    return best ? best : &tune_styles[0];
}

/* "F# minor", "in a minor", "key of c": where a key is said it is kept. -1: none is. */
static int read_key(const struct tune_text *t, bool *out_minor, bool *out_mode_said) {
    static const struct { const char *name; int tonic; } keys[] = {
        {"c", 0}, {"c#", 1}, {"db", 1}, {"d", 2}, {"d#", 3}, {"eb", 3}, {"e", 4}, {"f", 5}, {"f#", 6}, {"gb", 6}, {"g", 7}, {"g#", 8}, {"ab", 8}, {"a", 9}, {"a#", 10}, {"bb", 10}, {"b", 11}};
    static const struct { const char *word; int tonic; } spelt[] = {{"sharp", 1}, {"flat", -1}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        for (int minor = 0; minor < 2; minor++) {
            const char *mode = minor ? "minor" : "major";
            char e[48];
            snprintf(e, sizeof e, " %s %s ", keys[i].name, mode);
            int tonic = strstr(t->at, e) ? keys[i].tonic : -1;
            for (int k = 0; k < 2 && tonic < 0; k++) {
                snprintf(e, sizeof e, " %s %s %s ", keys[i].name, spelt[k].word, mode);
                if (strstr(t->at, e)) tonic = (keys[i].tonic + spelt[k].tonic + 12) % 12;
            }
            if (tonic >= 0) return *out_minor = minor, *out_mode_said = true, tonic;
        }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char e[48];
        snprintf(e, sizeof e, " key of %s ", keys[i].name);
        if (strstr(t->at, e)) return keys[i].tonic;
    }
    return -1;
}

static const char happy[] = "happy joyful cheerful uplifting bright fun sunny upbeat feel_good playful birthday celebration joy smile optimistic";
static const char sad[] = "sad melancholic melancholy lonely heartbreak heartbroken tears mournful sorrow blue grief goodbye gloomy depressing nostalgic crying";
static const char dark[] = "dark evil haunting horror scary ominous sinister tense spooky creepy gothic villain mysterious";
static const char calm[] = "calm peaceful soft gentle quiet relaxing serene tender mellow soothing lullaby sleepy hushed dreamy intimate chill";
static const char wild[] = "energetic powerful aggressive intense wild hard loud driving anthemic explosive furious epic";

static void choose_key(struct tune_plan *p, const struct words *w, struct dice *d) {
    bool minor = false, said = false;
    int tonic = read_key(&w->about, &minor, &said);
    double brightness = tune_count(&w->about, happy) - tune_count(&w->about, sad) - tune_count(&w->about, dark);
    p->mode = p->style->modes[dice_next(d) % 4];
    p->bright = brightness > 0;
    p->dark = brightness < 0;
    bool minor_like = p->mode == MODE_MINOR || p->mode == MODE_DORIAN || p->mode == MODE_PHRYGIAN;
    if (p->bright && minor_like) p->mode = MODE_MAJOR;
    if (p->dark && !minor_like) p->mode = MODE_MINOR;
    static const enum tune_mode named[] = {MODE_DORIAN, MODE_MIXOLYDIAN, MODE_LYDIAN, MODE_PHRYGIAN};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (tune_find(&w->about, tune_mode_name(named[i]))) p->mode = named[i];
    if (tune_find(&w->about, "minor")) said = minor = true;
    else if (tune_find(&w->about, "major")) said = true, minor = false;
    if (said) p->mode = minor ? MODE_MINOR : MODE_MAJOR;
    /* Keys that hands like: players of these instruments would choose them too. */
    static const int liked[] = {0, 2, 4, 5, 7, 9, 10, 11, 3, 8};
    int drawn = liked[dice_next(d) % (sizeof liked / sizeof *liked)];
    p->tonic = tonic >= 0 ? tonic : drawn;
    static const char *const flats[] = {"C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B"};
    static const char *const sharps[] = {"C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"};
    minor_like = p->mode != MODE_MAJOR && p->mode != MODE_LYDIAN && p->mode != MODE_MIXOLYDIAN;
    bool sharp = minor_like ? p->tonic != 3 && p->tonic != 10 : p->tonic == 6;
    snprintf(p->key, sizeof p->key, "%s %s", sharp ? sharps[p->tonic] : flats[p->tonic], tune_mode_name(p->mode));
}

/* "120 bpm" or "120bpm" in the words; 0 when nothing is said. */
static int read_bpm(const struct tune_text *t) {
    for (const char *at = t->at; *at; at++) {
        int bpm = 0, digits = 0;
        if (at == t->at || at[-1] != ' ') continue;
        while (isdigit((unsigned char)at[digits]) && digits < 4) bpm = bpm * 10 + at[digits++] - '0';
        const char *rest = at + digits + (at[digits] == ' ');
        if (digits && !strncmp(rest, "bpm ", 4) && bpm >= 40 && bpm <= 220) return bpm;
    }
    return 0;
}

/* The tempo the words want, then the one near to it with which the last bar ends best before the end of the file. */
static void choose_tempo(struct tune_plan *p, const struct tune_inputs *in, const struct words *w, struct dice *d) {
    double t = dice_in(d, p->style->tempo_low, p->style->tempo_high), low = p->style->tempo_low, high = p->style->tempo_high;
    double mood = 1;
    if (tune_find(&w->about, "slow slowly adagio largo downtempo")) mood *= 0.82;
    if (tune_find(&w->about, "fast quick uptempo up_tempo speedy allegro presto racing")) mood *= 1.18;
    if (p->bright || tune_find(&w->about, wild)) mood *= 1.06;
    if (p->dark || tune_find(&w->about, calm)) mood *= 0.92;
    int said = in->tempo ? in->tempo : read_bpm(&w->about);
    p->tempo = said ? said : (int)lround(fmin(fmax(t * mood, low * fmin(mood, 1)), high * fmax(mood, 1)));
    p->energy = 0.85 + (tune_find(&w->about, wild) ? 0.2 : 0) - (tune_find(&w->about, calm) ? 0.25 : 0) + (p->bright ? 0.05 : 0);
    p->beats = tune_find(&w->about, "waltz 3_4 three_four") ? 3 : p->style->beats;
    /* Fewer than five bars are no song: count in halves of them, or in beats. */
    if (p->beats == 4 && p->duration_ms * p->tempo / 60000 < 4 * 6) p->beats = 2;
    if ((p->duration_ms - 1500) * p->tempo / 60000 < 3 * p->beats) p->beats = 1;
    int best = p->tempo;
    double miss = 1e9;
    for (int bpm = p->tempo - (said ? 0 : 4); bpm <= p->tempo + (said ? 0 : 4); bpm++) {
        double bar = p->beats * 60000.0 / bpm, ring = fmin(fmax(bar, 1800), 3600), left = (double)p->duration_ms - 1500;
        double rest = (double)p->duration_ms - floor(left / bar) * bar, off = fabs(rest - ring) + 40 * abs(bpm - p->tempo);
        if (off < miss) {
            miss = off;
            best = bpm;
        }
    }
    p->tempo = best;
    p->bars = (int)(((double)p->duration_ms - 1500) / (p->beats * 60000.0 / best));
    if (p->bars < 3) p->bars = 3;
    if (p->bars > TUNE_MAX_BARS - 1) p->bars = TUNE_MAX_BARS - 1;
}

static void choose_band(struct tune_plan *p, const struct words *w, const struct tune_text *negative) {
    /* Instruments by name: who can carry a tune leads, who cannot accompanies. */
    static const struct { const char *words; int program; enum tune_part part; } named[] = {
        {"violin violins", 40, PART_LEAD}, {"viola", 41, PART_LEAD}, {"cello", 42, PART_LEAD}, {"flute", 73, PART_LEAD}, {"clarinet", 71, PART_LEAD}, {"oboe", 68, PART_LEAD},
        {"trumpet", 56, PART_LEAD}, {"trombone", 57, PART_LEAD}, {"sax saxophone", 66, PART_LEAD}, {"harmonica", 22, PART_LEAD}, {"fiddle", 110, PART_LEAD}, {"whistle recorder", 74, PART_LEAD},
        {"pan_flute", 75, PART_LEAD}, {"bagpipe bagpipes", 109, PART_LEAD}, {"sitar", 104, PART_LEAD}, {"koto", 107, PART_LEAD}, {"music_box", 10, PART_LEAD}, {"celesta", 8, PART_LEAD},
        {"vibraphone", 11, PART_LEAD}, {"marimba", 12, PART_LEAD}, {"xylophone", 13, PART_LEAD}, {"bells", 14, PART_EXTRA}, {"electric_piano rhodes", 4, PART_COMP}, {"piano", 0, PART_COMP},
        {"organ", 16, PART_PAD}, {"church_organ", 19, PART_PAD}, {"accordion", 21, PART_COMP}, {"ukulele", 24, PART_COMP}, {"electric_guitar", 27, PART_COMP},
        {"acoustic_guitar", 25, PART_COMP}, {"harp", 46, PART_COMP}, {"banjo", 105, PART_EXTRA}, {"strings", 48, PART_PAD}, {"choir", 52, PART_PAD}, {"horn horns", 60, PART_EXTRA}, {"brass", 61, PART_EXTRA}};
    bool taken[PART_DRUMS] = {0};
    memcpy(p->programs, p->style->programs, sizeof p->programs);
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        enum tune_part part = named[i].part;
        if (!tune_find(&w->about, named[i].words) || tune_find(negative, named[i].words)) continue;
        if (taken[part]) part = part == PART_LEAD ? PART_HARMONY : PART_EXTRA;
        if (taken[part]) continue;
        p->programs[part] = named[i].program;
        taken[part] = true;
    }
    bool unwanted = tune_find(negative, "drums drum percussion beat") || strstr(w->about.at, " no drum") || strstr(w->about.at, " without drum") || strstr(w->about.at, " no percussion");
    p->drums = !unwanted;
}

struct form {
    int at_least; /* bars */
    int count;
    struct { enum tune_kind kind; int units; } at[TUNE_MAX_SECTIONS];
};

/* Sections in bars: the longest form that fits, in units of 8, 4, 2 or 1 bars; the rest makes sections longer by whole units so
 * that phrases stay even, and what is left over goes to the end. */
static void choose_form(struct tune_plan *p) {
    static const struct form forms[] = {
        {72, 8, {{SECTION_INTRO, 1}, {SECTION_VERSE, 2}, {SECTION_CHORUS, 2}, {SECTION_VERSE, 2}, {SECTION_CHORUS, 2}, {SECTION_BRIDGE, 1}, {SECTION_CHORUS, 2}, {SECTION_END, 1}}},
        {8, 6, {{SECTION_INTRO, 1}, {SECTION_VERSE, 2}, {SECTION_CHORUS, 2}, {SECTION_VERSE, 1}, {SECTION_CHORUS, 1}, {SECTION_END, 1}}},
        {0, 4, {{SECTION_INTRO, 1}, {SECTION_VERSE, 1}, {SECTION_CHORUS, 1}, {SECTION_END, 0}}}};
    const struct form *f = forms;
    while (p->bars < f->at_least) f++;
    int bars[TUNE_MAX_SECTIONS] = {0}, units = 0, unit = 8, left, first = 0;
    for (int i = 0; i < f->count; i++) units += f->at[i].units;
    while (unit > 1 && unit * units > p->bars) unit /= 2;
    left = p->bars - unit * units;
    for (int i = 0; i < f->count; i++) bars[i] = f->at[i].units * unit;
    /* Later choruses and verses grow to the length of the first, then all by one unit in turns. */
    for (bool grown = true; grown && left >= unit && f->count > 4;) {
        grown = false;
        for (int i = f->count - 1; i >= 0; i--) {
            enum tune_kind k = f->at[i].kind;
            int step = (k == SECTION_VERSE || k == SECTION_CHORUS) && bars[i] >= 2 * unit ? 2 * unit : unit;
            int most = k == SECTION_VERSE || k == SECTION_CHORUS ? 4 * unit : 2 * unit;
            if (left < step || bars[i] + step > most) continue;
            bars[i] += step;
            left -= step;
            grown = true;
        }
    }
    bars[f->count - 1] += left;
    int nth[SECTION_END + 1] = {0};
    p->section_count = f->count;
    for (int i = 0; i < f->count; i++) {
        enum tune_kind k = f->at[i].kind;
        p->sections[i] = (struct tune_section){k, first, bars[i], nth[k]++};
        first += bars[i];
    }
}

int64_t tune_bar_ms(const struct tune_plan *p, int bar) { return (int64_t)bar * p->beats * 60000 / p->tempo; }

int tune_ring_steps(const struct tune_plan *p) { return (int)((p->duration_ms - tune_bar_ms(p, p->bars)) * p->tempo * 4 / 60000); }

int64_t tune_section_end_ms(const struct tune_plan *p, const struct tune_section *s) {
    return s->kind == SECTION_END ? p->duration_ms : tune_bar_ms(p, s->first_bar + s->bars);
}

void tune_make_plan(const struct tune_inputs *in, struct tune_plan *out) {
    struct words *w = calloc(1, sizeof *w);
    struct tune_text *negative = calloc(1, sizeof *negative);
    must(w && negative);
    struct dice d = dice_of(in->seed, "plan");
    *out = (struct tune_plan){.duration_ms = in->duration_ms};
    read_words(in, w);
    tune_fold(in->negative, negative);
    out->style = choose_style(w, negative);
    choose_key(out, w, &d);
    choose_tempo(out, in, w, &d);
    choose_band(out, w, negative);
    choose_form(out);
    tune_name(in, out);
    free(w);
    free(negative);
}
