/* When the prompt names nothing that can be drawn: its words still decide a composition of bands, discs and arcs. The colours
 * and the hour that it names are kept. Called by sketch.c instead of background and subjects. */
#include "media/helper/sketch_scenery.h"
#include "media/helper/pen.h"

#include <math.h>

static const char *const schemes[][5] = {
    {"264653", "2a9d8f", "e9c46a", "f4a261", "e76f51"}, {"355070", "6d597a", "b56576", "e56b6f", "eaac8b"},
    {"0b3954", "087e8b", "bfd7ea", "ff5a5f", "c81d25"}, {"22333b", "5e503f", "c6ac8f", "eae0d5", "d98c5f"},
    {"3d348b", "7678ed", "f7b801", "f18701", "f35b04"}, {"114b5f", "1a936f", "88d498", "c6dabf", "f3e9d2"},
};

static struct rgb pick(struct canvas *c, const char *const *scheme, int i) {
    const struct plan *p = c->plan;
    struct rgb v = p->palette_count && i % 5 < p->palette_count * 2 ? p->palette[i % p->palette_count] : rgb_hex(scheme[i % 5]);
    if (p->palette_count && i % 5 < p->palette_count * 2 && i % 2) v = rgb_mix(v, (struct rgb){1, 1, 1}, 0.25);
    return p->time == TIME_NIGHT ? rgb_mix(v, (struct rgb){0.03, 0.04, 0.12}, 0.6) : v;
}

void sketch_abstract(struct canvas *c) {
    struct light l = sketch_light(c);
    uint64_t seed = c->seed ^ c->plan->words_hash;
    const char *const *scheme = schemes[c->plan->words_hash % (sizeof schemes / sizeof *schemes)];
    struct dice d = dice_of(seed, "abstract");
    double unit = fmin(c->w, c->h);
    struct rgb paper = rgb_mix(rgb_hex("f6efe2"), l.mid, c->plan->time == TIME_DAY ? 0.12 : c->plan->time == TIME_NIGHT ? 0.85 : 0.45);
    source_down(c->cr, 0, c->h, rgb_mix(paper, l.top, 0.15), rgb_mix(paper, l.low, 0.15));
    cairo_paint(c->cr);
    cairo_set_line_width(c->cr, unit * 0.003);
    for (int i = 0; i < 5; i++) { /* bands that roll through the sheet */
        double y = c->h * (0.38 + 0.14 * i), a = dice_in(&d, 0, 6.28), h = c->h * dice_in(&d, 0.05, 0.12);
        struct rgb v = pick(c, scheme, i);
        cairo_move_to(c->cr, -5, c->h + 5);
        for (int k = 0; k <= 40; k++) cairo_line_to(c->cr, c->w * k / 40.0, y + h * sin(k * 0.16 * (1 + 0.2 * i) + a));
        cairo_line_to(c->cr, c->w + 5, c->h + 5);
        cairo_close_path(c->cr);
        source_down(c->cr, y - h, y + c->h * 0.3, v, rgb_mix(v, (struct rgb){0.1, 0.05, 0.2}, 0.25));
        cairo_fill_preserve(c->cr);
        pen_outline(c->cr, rgb_mix(v, (struct rgb){0.1, 0.07, 0.14}, 0.7), fmax(0.8, unit * 0.0025), unit * 0.002, seed + (uint64_t)i);
        cairo_new_path(c->cr);
    }
    int discs = 3 + (int)(c->plan->words_hash % 4);
    for (int i = 0; i < discs; i++) {
        double r = unit * dice_in(&d, 0.04, i ? 0.11 : 0.19), x = c->w * dice_in(&d, 0.12, 0.88), y = c->h * dice_in(&d, 0.12, i ? 0.75 : 0.34);
        struct rgb v = pick(c, scheme, i + 3);
        glow(c->cr, x, y, r * 1.9, v, 0.35);
        cairo_arc(c->cr, x, y, r, 0, 2 * M_PI);
        source_down(c->cr, y - r, y + r, rgb_mix(v, (struct rgb){1, 1, 1}, 0.25), v);
        cairo_fill_preserve(c->cr);
        pen_outline(c->cr, rgb_mix(v, (struct rgb){0.1, 0.07, 0.14}, 0.75), fmax(0.8, unit * 0.003), unit * 0.002, seed + 40 + (uint64_t)i);
        cairo_new_path(c->cr);
        for (int k = 1; k < 4 && i % 2 == 0; k++) {
            cairo_arc(c->cr, x, y, r * (1 + 0.22 * k), dice_in(&d, 0, 3), dice_in(&d, 3.5, 6));
            cairo_set_source_rgba(c->cr, v.r, v.g, v.b, 0.7 - 0.15 * k);
            cairo_set_line_width(c->cr, fmax(0.8, unit * 0.006));
            cairo_stroke(c->cr);
        }
    }
}
