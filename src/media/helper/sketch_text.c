/* Lettering: what the prompt puts in quotes, on a strip of paper at the foot of the picture. The text is only ever handed to
 * pango as plain text (pango_layout_set_text); markup in it is letters like any other. Called by sketch.c. */
#include "media/helper/pen.h"

#include <math.h>
#include <pango/pangocairo.h>

static void strip_path(struct canvas *c, struct box b) {
    struct dice d = dice_of(c->seed, "strip");
    double n = 14, edge = b.h * 0.05;
    cairo_move_to(c->cr, b.x, b.y + edge);
    for (int i = 1; i <= n; i++) cairo_line_to(c->cr, b.x + b.w * i / n, b.y + edge * dice_in(&d, 0.2, 1));
    for (int i = 0; i <= n; i++) cairo_line_to(c->cr, b.x + b.w * (1 - i / n), b.y + b.h - edge * dice_in(&d, 0.2, 1));
    cairo_close_path(c->cr);
}

void sketch_lettering(struct canvas *c, PangoContext *fonts) {
    struct box b = c->lettering;
    if (b.h <= 0 || !fonts) return;
    double unit = fmin(c->w, c->h), night = c->plan->time == TIME_NIGHT ? 0.25 : 0;
    cairo_save(c->cr);
    cairo_translate(c->cr, unit * 0.008, unit * 0.010);
    strip_path(c, b);
    cairo_set_source_rgba(c->cr, 0.05, 0.03, 0.1, 0.35);
    cairo_fill(c->cr);
    cairo_restore(c->cr);
    strip_path(c, b);
    struct rgb paper = rgb_mix(rgb_hex("fbf3df"), (struct rgb){0.1, 0.1, 0.25}, night);
    cairo_set_source_rgb(c->cr, paper.r, paper.g, paper.b);
    cairo_fill_preserve(c->cr);
    pen_outline(c->cr, rgb_hex("5b4632"), fmax(0.8, unit * 0.003), unit * 0.0015, c->seed);
    cairo_new_path(c->cr);

    PangoLayout *layout = pango_layout_new(fonts);
    PangoFontDescription *font = pango_font_description_from_string("sans bold");
    pango_layout_set_text(layout, c->plan->text, -1);
    pango_layout_set_alignment(layout, PANGO_ALIGN_CENTER);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    int w = 0, h = 0;
    double size = b.h * 0.62;
    for (int i = 0; i < 24; i++, size *= 0.88) { /* the largest that fits */
        pango_font_description_set_absolute_size(font, fmax(size, 3) * PANGO_SCALE);
        pango_layout_set_font_description(layout, font);
        pango_layout_set_width(layout, (int)(b.w * 0.92 * PANGO_SCALE));
        pango_layout_get_pixel_size(layout, &w, &h);
        if (h <= b.h * 0.86 && w <= b.w * 0.94) break;
    }
    cairo_save(c->cr);
    cairo_rectangle(c->cr, b.x, b.y, b.w, b.h);
    cairo_clip(c->cr);
    cairo_set_source_rgb(c->cr, 0.20, 0.14, 0.12);
    cairo_move_to(c->cr, b.x + b.w * 0.04, b.y + (b.h - h) / 2.0);
    pango_cairo_show_layout(c->cr, layout);
    cairo_restore(c->cr);
    pango_font_description_free(font);
    g_object_unref(layout);
}
