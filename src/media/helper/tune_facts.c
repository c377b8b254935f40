/* What the song is, as the scene of the answer. Called by tune_job.c. */
#include "media/helper/tune.h"
#include "base/json.h"

#include <stdio.h>

static void number(struct jw *w, const char *key, double v, int digits) {
    char text[40];
    snprintf(text, sizeof text, "%.*f", digits, v);
    jw_kraw(w, key, str_of(text));
}

static void write_sections(struct jw *w, const struct tune_plan *p) {
    jw_key(w, "sections");
    jw_open(w, '[');
    for (int i = 0; i < p->section_count; i++) {
        const struct tune_section *x = &p->sections[i];
        jw_open(w, '{');
        jw_kz(w, "name", tune_kind_name(x->kind));
        number(w, "start_s", (double)tune_bar_ms(p, x->first_bar) / 1000, 3);
        number(w, "end_s", (double)tune_section_end_ms(p, x) / 1000, 3);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

/* Each instrument once, though two parts may play it. */
static void write_instruments(struct jw *w, const struct tune_song *s) {
    jw_key(w, "instruments");
    jw_open(w, '[');
    for (int part = 0; part < PART_COUNT; part++) {
        bool said = !tune_part_plays(s, part);
        for (int k = 0; k < part && !said && part != PART_DRUMS; k++) said = tune_part_plays(s, k) && s->plan.programs[k] == s->plan.programs[part];
        if (!said) jw_z(w, part == PART_DRUMS ? (s->plan.style->full.snare ? "drums" : "percussion") : tune_program_name(s->plan.programs[part]));
    }
    jw_close(w, ']');
}

static void write_lines(struct jw *w, const struct tune_lyrics *l) {
    jw_key(w, "lines");
    jw_open(w, '[');
    for (int i = 0; i < l->line_count; i++) {
        jw_open(w, '{');
        number(w, "start_s", (double)l->lines[i].start_ms / 1000, 2);
        jw_kstr(w, "text", l->lines[i].text);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

static void write_all(const struct tune_song *s, const struct tune_lyrics *l, uint64_t seed, double lufs, double peak, size_t lyrics, bool lines, struct buf *out) {
    const struct tune_plan *p = &s->plan;
    struct jw w = {.out = out};
    buf_clear(out);
    jw_open(&w, '{');
    jw_kz(&w, "title", p->title);
    jw_kz(&w, "style", p->style->name);
    jw_kz(&w, "key", p->key);
    jw_ki64(&w, "tempo_bpm", p->tempo);
    jw_ki64(&w, "beats_per_bar", p->beats);
    number(&w, "duration_s", (double)p->duration_ms / 1000, 3);
    write_sections(&w, p);
    write_instruments(&w, s);
    number(&w, "loudness_lufs", lufs, 1);
    number(&w, "peak_dbfs", peak, 1);
    jw_ki64(&w, "seed", (int64_t)(seed & INT64_MAX));
    jw_key(&w, "lyrics");
    if (l->text.len) jw_str(&w, str_head(l->text, lyrics));
    else jw_null(&w);
    if (lyrics < l->text.len) jw_kbool(&w, "lyrics_cut", true);
    if (lines && l->line_count) write_lines(&w, l);
    jw_close(&w, '}');
}

void tune_write_facts(const struct tune_song *s, const struct tune_lyrics *l, uint64_t seed, double lufs, double peak, size_t room, struct buf *out) {
    size_t lyrics = l->text.len;
    write_all(s, l, seed, lufs, peak, lyrics, true, out);
    if (out->len >= room) write_all(s, l, seed, lufs, peak, lyrics, false, out);
    while (out->len >= room && lyrics) {
        lyrics = lyrics * 7 / 8;
        while (lyrics && !str_is_utf8(str_head(l->text, lyrics))) lyrics--;
        write_all(s, l, seed, lufs, peak, lyrics, false, out);
    }
}
