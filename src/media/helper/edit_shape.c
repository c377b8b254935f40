/* What the model `edit` does to a picture's shape and light: several into one, crops, turns, tone, frame, caption; see edit.h. */
#include "media/helper/edit.h"
#include "base/err.h"
#include "media/helper/effects.h"

#include <math.h>
#include <pango/pangocairo.h>
#include <stdlib.h>

static void replace(struct picture *p, struct picture by) {
    picture_done(p);
    *p = by;
}

static void put(struct picture *onto, const struct picture *p, int x0, int y0) {
    for (int y = 0; y < p->h && y0 + y < onto->h; y++)
        if (y0 + y >= 0)
            memcpy(onto->px + (size_t)(y0 + y) * (size_t)onto->w + (size_t)x0, p->px + (size_t)y * (size_t)p->w, (size_t)(p->w < onto->w - x0 ? p->w : onto->w - x0) * 4);
}

static void inset(struct picture *onto, const struct picture *p, int nth, int count, int corner) {
    double share = count > 2 ? 0.26 : 0.36, k = fmin(onto->w * share / p->w, onto->h * share / p->h);
    int w = (int)fmax(1, p->w * k), h = (int)fmax(1, p->h * k), margin = (onto->w < onto->h ? onto->w : onto->h) / 28, at = corner + nth;
    int rim = (onto->w < onto->h ? onto->w : onto->h) / 160 + 1;
    int x = at & 1 ? margin : onto->w - w - margin, y = at & 2 ? margin : onto->h - h - margin;
    struct picture small = picture_scaled(p, 0, 0, p->w, p->h, w, h);
    cairo_surface_t *to = picture_surface(onto), *from = picture_surface(&small);
    cairo_t *cr = cairo_create(to);
    for (int i = 6; i > 0; i--) {
        cairo_set_source_rgba(cr, 0, 0, 0, 0.055);
        cairo_rectangle(cr, x - rim - i * rim * 0.5, y - rim - i * rim * 0.3, w + 2 * rim + i * rim, h + 2 * rim + i * rim);
        cairo_fill(cr);
    }
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_rectangle(cr, x - rim, y - rim, w + 2 * rim, h + 2 * rim);
    cairo_fill(cr);
    cairo_set_source_surface(cr, from, x, y);
    cairo_paint(cr);
    cairo_destroy(cr);
    cairo_surface_destroy(from);
    cairo_surface_flush(to);
    cairo_surface_destroy(to);
    picture_done(&small);
}

/* Rows or columns of pictures, each scaled to its cell, with a narrow white joint. */
void edit_compose(const struct picture *in, int count, const struct edit_plan *plan, struct picture *out) {
    enum edit_layout l = plan->layout;
    if (l == LAYOUT_NONE) l = count > 2 ? LAYOUT_GRID : LAYOUT_ROW;
    if (l == LAYOUT_INSET) {
        *out = picture_copy(&in[0]);
        for (int i = 1; i < count; i++) inset(out, &in[i], i - 1, count, plan->corner);
        return;
    }
    int columns = l == LAYOUT_ROW ? count : l == LAYOUT_COLUMN ? 1 : 2, rows = (count + columns - 1) / columns;
    /* Side by side all have the first one's height, one above the other its width; in a grid all have its size. */
    int w[EDIT_PICTURES], h[EDIT_PICTURES], joint = (in[0].w < in[0].h ? in[0].w : in[0].h) / 90 + 2, x = 0, y = 0;
    int64_t total_w = 0, total_h = 0;
    for (int i = 0; i < count; i++) {
        w[i] = l == LAYOUT_ROW ? (int)fmax(1, (double)in[i].w * in[0].h / in[i].h) : in[0].w;
        h[i] = l == LAYOUT_COLUMN ? (int)fmax(1, (double)in[i].h * in[0].w / in[i].w) : in[0].h;
        total_w += w[i] + joint, total_h += h[i] + joint;
    }
    total_w = l == LAYOUT_ROW ? total_w - joint : (int64_t)columns * (in[0].w + joint) - joint;
    total_h = l == LAYOUT_COLUMN ? total_h - joint : (int64_t)rows * (in[0].h + joint) - joint;
    double k = fmin(1, fmin((double)EDIT_MAX_SIDE / (double)total_w, (double)EDIT_MAX_SIDE / (double)total_h));
    *out = picture_new((int)fmax(1, (double)total_w * k), (int)fmax(1, (double)total_h * k));
    joint = (int)(joint * k);
    for (int i = 0; i < count; i++) {
        bool last = i + 1 == count, row_ends = l == LAYOUT_COLUMN || (l == LAYOUT_GRID && (i % 2 || last)), ends = l == LAYOUT_ROW && last;
        int cw = (int)fmax(1, w[i] * k), ch = (int)fmax(1, h[i] * k);
        if (l == LAYOUT_GRID && last && i % 2 == 0) cw = out->w; /* an odd one is as wide as the row */
        if (row_ends || ends) cw = out->w - x;
        if (l == LAYOUT_ROW || (l == LAYOUT_COLUMN && last) || (l == LAYOUT_GRID && i / 2 + 1 == rows)) ch = out->h - y;
        struct picture cell = picture_cover(&in[i], cw < 1 ? 1 : cw, ch < 1 ? 1 : ch);
        put(out, &cell, x, y);
        x += cw + joint;
        if (row_ends) x = 0, y += ch + joint;
        picture_done(&cell);
    }
}

void edit_crop(struct picture *p, const struct edit_plan *plan) {
    double w = p->w, h = p->h;
    if (plan->crop_w > 0) {
        double aspect = plan->crop_w / plan->crop_h;
        if (w / h > aspect) w = h * aspect;
        else h = w / aspect;
    }
    if (plan->zoom > 0) w *= plan->zoom, h *= plan->zoom;
    int cw = (int)fmax(EDIT_MIN_SIDE, lround(w)), ch = (int)fmax(EDIT_MIN_SIDE, lround(h));
    if (cw > p->w) cw = p->w;
    if (ch > p->h) ch = p->h;
    if (cw == p->w && ch == p->h) return;
    replace(p, picture_scaled(p, (p->w - cw) / 2, (p->h - ch) / 2, cw, ch, cw, ch));
}

static void quarter(struct picture *p) {
    struct picture t = picture_new(p->h, p->w);
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) t.px[(size_t)x * (size_t)t.w + (size_t)(p->h - 1 - y)] = p->px[(size_t)y * (size_t)p->w + (size_t)x];
    replace(p, t);
}

/* By a few degrees: enlarged until no corner shows. */
static void tilt(struct picture *p, double degrees) {
    struct picture t = picture_new(p->w, p->h);
    double a = degrees * M_PI / 180, aspect = fmax((double)p->w / p->h, (double)p->h / p->w), k = fabs(cos(a)) + aspect * fabs(sin(a));
    cairo_surface_t *from = picture_surface(p), *to = picture_surface(&t);
    cairo_t *cr = cairo_create(to);
    cairo_translate(cr, p->w / 2.0, p->h / 2.0);
    cairo_rotate(cr, a);
    cairo_scale(cr, k, k);
    cairo_set_source_surface(cr, from, -p->w / 2.0, -p->h / 2.0);
    cairo_paint(cr);
    cairo_destroy(cr);
    cairo_surface_destroy(from);
    cairo_surface_flush(to);
    cairo_surface_destroy(to);
    replace(p, t);
}

void edit_turn(struct picture *p, const struct edit_plan *plan) {
    for (int i = 0; i < plan->turns; i++) quarter(p);
    if (fabs(plan->tilt) > 0.01) tilt(p, plan->tilt);
    for (int y = 0; plan->mirror && y < p->h; y++)
        for (int x = 0; x < p->w / 2; x++) {
            uint32_t *a = p->px + (size_t)y * (size_t)p->w + (size_t)x, *b = p->px + (size_t)(y + 1) * (size_t)p->w - (size_t)x - 1, t = *a;
            *a = *b, *b = t;
        }
    for (int y = 0; plan->flip && y < p->h / 2; y++)
        for (int x = 0; x < p->w; x++) {
            uint32_t *a = p->px + (size_t)y * (size_t)p->w + (size_t)x, *b = p->px + (size_t)(p->h - 1 - y) * (size_t)p->w + (size_t)x, t = *a;
            *a = *b, *b = t;
        }
}

static void sharpen(struct picture *p, double amount) {
    struct picture soft = picture_copy(p);
    picture_blur(&soft, 1);
    int k = (int)(256 * amount);
    for (size_t i = 0; i < (size_t)p->w * (size_t)p->h; i++) {
        uint32_t a = p->px[i], b = soft.px[i];
        p->px[i] = px_of(px_r(a) + ((px_r(a) - px_r(b)) * k >> 8), px_g(a) + ((px_g(a) - px_g(b)) * k >> 8), px_b(a) + ((px_b(a) - px_b(b)) * k >> 8));
    }
    picture_done(&soft);
}

void edit_apply_tone(struct picture *p, const struct edit_plan *plan) {
    unsigned char t[256];
    double gamma = pow(2, -1.5 * plan->brightness), c = plan->contrast;
    for (int i = 0; i < 256; i++) {
        double v = pow(i / 255.0, gamma) + 0.08 * plan->brightness, s = v - 0.5;
        v = 0.5 + s * (1 + c * 0.8);
        t[i] = (unsigned char)px_clamp((int)(v * 255 + 0.5));
    }
    int saturation = (int)(256 * fmax(0, 1 + plan->saturation)), tint = (int)(256 * plan->tint_amount);
    int tr = (int)(plan->tint.r * 255), tg = (int)(plan->tint.g * 255), tb = (int)(plan->tint.b * 255), tl = (tr * 77 + tg * 151 + tb * 28) >> 8;
    bool curve = fabs(plan->brightness) > 0.001 || fabs(c) > 0.001;
    for (size_t i = 0; i < (size_t)p->w * (size_t)p->h; i++) {
        int r = px_r(p->px[i]), g = px_g(p->px[i]), b = px_b(p->px[i]), l = px_luma(p->px[i]);
        r = l + ((r - l) * saturation >> 8), g = l + ((g - l) * saturation >> 8), b = l + ((b - l) * saturation >> 8);
        if (tint) { /* the tint's own lightness moves to that of the place */
            int k = l < tl ? l * 256 / (tl + 1) : 256, lift = l > tl ? (l - tl) * 256 / (256 - tl) : 0;
            int cr = (tr * k >> 8) + ((255 - tr) * lift >> 8), cg = (tg * k >> 8) + ((255 - tg) * lift >> 8), cb = (tb * k >> 8) + ((255 - tb) * lift >> 8);
            r += (cr - r) * tint >> 8, g += (cg - g) * tint >> 8, b += (cb - b) * tint >> 8;
        }
        p->px[i] = curve ? px_of(t[px_clamp(r)], t[px_clamp(g)], t[px_clamp(b)]) : px_of(r, g, b);
    }
    if (fabs(plan->warmth) > 0.001) effect_warm(p, plan->warmth * 1.6);
    if (plan->night) effect_night(p, 0.75);
    if (plan->sharpness > 0) sharpen(p, plan->sharpness * 1.6);
    if (plan->vignette) picture_vignette(p, 0.85);
}

void edit_weather(struct picture *p, const struct edit_plan *plan, uint64_t seed) {
    cairo_surface_t *s = picture_surface(p);
    cairo_t *cr = cairo_create(s);
    if (plan->rain) effect_rain(cr, p->w, p->h, seed, 1, 1, 1.3);
    if (plan->snow) effect_snow(cr, p->w, p->h, seed, 1, 1, 1.6);
    cairo_destroy(cr);
    cairo_surface_flush(s);
    cairo_surface_destroy(s);
}

/* The picture becomes smaller inside its frame, so that the size stays. */
void edit_frame(struct picture *p, const struct edit_plan *plan) {
    double unit = p->w < p->h ? p->w : p->h, side = unit * (plan->polaroid ? 0.055 : 0.06), foot = plan->polaroid ? unit * 0.17 : side;
    int w = (int)fmax(1, p->w - 2 * side), h = (int)fmax(1, p->h - side - foot), x = (int)side, y = (int)side;
    struct picture in = picture_cover(p, w, h);
    cairo_surface_t *to = picture_surface(p), *from = picture_surface(&in);
    cairo_t *cr = cairo_create(to);
    struct rgb c = plan->frame_colour, dark = rgb_scale(c, 0.72), light = rgb_mix(c, (struct rgb){1, 1, 1}, 0.35);
    cairo_set_source_rgb(cr, c.r, c.g, c.b);
    cairo_paint(cr);
    /* Light falls from the upper left: the frame's outer edge and the step down to the picture. */
    double bevel = fmax(1, side * 0.10);
    cairo_set_line_width(cr, bevel);
    cairo_set_source_rgb(cr, light.r, light.g, light.b);
    cairo_move_to(cr, bevel / 2, p->h);
    cairo_line_to(cr, bevel / 2, bevel / 2);
    cairo_line_to(cr, p->w, bevel / 2);
    cairo_stroke(cr);
    cairo_set_source_rgb(cr, dark.r, dark.g, dark.b);
    cairo_rectangle(cr, x - bevel / 2, y - bevel / 2, w + bevel, h + bevel);
    cairo_stroke(cr);
    cairo_set_source_surface(cr, from, x, y);
    cairo_paint(cr);
    cairo_set_source_rgba(cr, 0, 0, 0, 0.25);
    cairo_set_line_width(cr, bevel * 0.7);
    cairo_move_to(cr, x, y + h);
    cairo_line_to(cr, x, y);
    cairo_line_to(cr, x + w, y);
    cairo_stroke(cr);
    cairo_destroy(cr);
    cairo_surface_destroy(from);
    cairo_surface_flush(to);
    cairo_surface_destroy(to);
    picture_done(&in);
}

/* White letters with a dark rim on a soft shade, as subtitles and posters have them. Plain text only, never markup. */
void edit_caption(struct picture *p, const struct edit_plan *plan, PangoContext *fonts) {
    if (!*plan->caption || !fonts) return;
    double box_w = p->w * 0.90, box_h = p->h * (plan->polaroid ? 0.12 : 0.26), scale = fmin(p->w, p->h) * (plan->polaroid ? 0.055 : 0.085) / 64;
    PangoRectangle r = {0};
    PangoLayout *layout = pango_layout_new(fonts);
    pango_layout_set_text(layout, plan->caption, -1);
    pango_layout_set_alignment(layout, PANGO_ALIGN_CENTER);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    for (int i = 0; i < 40; i++, scale *= 0.9) {
        pango_layout_set_width(layout, (int)(box_w / scale * PANGO_SCALE));
        pango_layout_get_pixel_extents(layout, NULL, &r);
        if (r.height * scale <= box_h) break;
    }
    double margin = p->h * (plan->polaroid ? 0.025 : 0.05), h = r.height * scale;
    double y = plan->polaroid ? p->h - margin - h : plan->caption_at < 0 ? margin : plan->caption_at > 0 ? (p->h - h) / 2 : p->h - margin - h;
    cairo_surface_t *s = picture_surface(p);
    cairo_t *cr = cairo_create(s);
    if (!plan->polaroid) {
        double from = y - h * 0.7, to = y + h * 1.7;
        cairo_pattern_t *g = cairo_pattern_create_linear(0, from, 0, to);
        cairo_pattern_add_color_stop_rgba(g, 0, 0, 0, 0, plan->caption_at < 0 ? 0.5 : 0);
        cairo_pattern_add_color_stop_rgba(g, 0.5, 0, 0, 0, 0.5);
        cairo_pattern_add_color_stop_rgba(g, 1, 0, 0, 0, plan->caption_at == 0 ? 0.5 : 0);
        cairo_set_source(cr, g);
        cairo_rectangle(cr, 0, plan->caption_at < 0 ? 0 : from, p->w, plan->caption_at == 0 ? p->h - from : plan->caption_at < 0 ? to : to - from);
        cairo_fill(cr);
        cairo_pattern_destroy(g);
    }
    cairo_translate(cr, p->w * 0.05, y);
    cairo_scale(cr, scale, scale);
    cairo_move_to(cr, 0, 0);
    if (plan->polaroid) cairo_set_source_rgb(cr, 0.16, 0.15, 0.2);
    else {
        pango_cairo_layout_path(cr, layout);
        cairo_set_source_rgba(cr, 0, 0, 0, 0.8);
        cairo_set_line_width(cr, 9);
        cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
        cairo_stroke(cr);
        cairo_set_source_rgb(cr, 1, 0.99, 0.95);
    }
    cairo_move_to(cr, 0, 0);
    pango_cairo_show_layout(cr, layout);
    cairo_destroy(cr);
    cairo_surface_flush(s);
    cairo_surface_destroy(s);
    g_object_unref(layout);
}
