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

    /* Always in the context's own font: its fonts are open already. Other sizes come from scaling. */
    PangoLayout *layout = pango_layout_new(fonts);
    pango_layout_set_text(layout, c->plan->text, -1);
    pango_layout_set_alignment(layout, PANGO_ALIGN_CENTER);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    PangoRectangle r = {0};
    double scale = b.h * 0.64 / 64;
    for (int i = 0; i < 30; i++, scale *= 0.88) { /* the largest that fits */
        pango_layout_set_width(layout, (int)(b.w * 0.92 / scale * PANGO_SCALE));
        pango_layout_get_pixel_extents(layout, NULL, &r);
        if (r.height * scale <= b.h * 0.88 && r.width * scale <= b.w * 0.94) break;
    }
    cairo_save(c->cr);
    cairo_rectangle(c->cr, b.x, b.y, b.w, b.h);
    cairo_clip(c->cr);
    cairo_set_source_rgb(c->cr, 0.20, 0.14, 0.12);
    cairo_translate(c->cr, b.x + b.w * 0.04, b.y + (b.h - r.height * scale) / 2);
    cairo_scale(c->cr, scale, scale);
    cairo_move_to(c->cr, 0, 0);
    pango_cairo_show_layout(c->cr, layout);
    cairo_restore(c->cr);
    g_object_unref(layout);
}
