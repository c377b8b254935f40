/* See effects.h. */
#include "media/helper/effects.h"

#include <math.h>

static double turn(double v) { return v - floor(v); }

static int number_of(int w, int h, double per_unit, double amount) {
    double area = (double)w * h / (fmin(w, h) * fmin(w, h));
    return (int)(per_unit * fmin(area, 4) * amount);
}

void effect_rain(cairo_t *cr, int w, int h, uint64_t seed, double t, double speed, double amount) {
    struct dice d = dice_of(seed, "rain drops");
    double unit = fmin(w, h) / 1000.0;
    int n = number_of(w, h, 210, amount);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    for (int layer = 0; layer < 2; layer++) { /* far and fine, near and fast */
        cairo_set_line_width(cr, fmax(0.7, (layer ? 3.2 : 1.8) * unit));
        cairo_set_source_rgba(cr, 0.88, 0.93, 1, layer ? 0.62 : 0.40);
        for (int i = 0; i < n / (layer + 1); i++) {
            double x0 = dice_unit(&d), y0 = dice_unit(&d), fall = (layer ? 1.9 : 1.35) * dice_in(&d, 0.85, 1.15) * speed;
            double len = (layer ? 74 : 44) * unit, y = turn(y0 + t * fall) * (h + 2 * len) - len, x = turn(x0 + 0.12 * t * fall) * (w + len) - len * 0.5;
            cairo_move_to(cr, x, y);
            cairo_line_to(cr, x + len * 0.13, y + len);
        }
        cairo_stroke(cr);
    }
}

void effect_snow(cairo_t *cr, int w, int h, uint64_t seed, double t, double speed, double amount) {
    struct dice d = dice_of(seed, "snow flakes");
    double unit = fmin(w, h) / 1000.0;
    int n = number_of(w, h, 230, amount);
    for (int i = 0; i < n; i++) {
        double near = pow(dice_unit(&d), 2), x0 = dice_unit(&d), y0 = dice_unit(&d), sway = dice_in(&d, 0.6, 1.6), phase = dice_in(&d, 0, 6.3);
        double r = fmax(0.7, (2 + 7 * near) * unit), y = turn(y0 + t * speed * (0.10 + 0.20 * near)) * (h + 4 * r) - 2 * r;
        double x = turn(x0 + 0.03 * t * speed) * (w + 4 * r) - 2 * r + sin(t * sway * speed + phase) * (8 + 26 * near) * unit;
        cairo_set_source_rgba(cr, 1, 1, 1, 0.55 + 0.4 * near);
        cairo_arc(cr, x, y, r, 0, 2 * M_PI);
        cairo_fill(cr);
    }
}

void effect_sparkle(cairo_t *cr, int w, int h, uint64_t seed, double t, double speed, double amount) {
    struct dice d = dice_of(seed, "sparkles");
    double unit = fmin(w, h) / 1000.0;
    int n = number_of(w, h, 46, amount);
    cairo_set_operator(cr, CAIRO_OPERATOR_ADD);
    for (int i = 0; i < n; i++) {
        double x = dice_unit(&d) * w, y = dice_unit(&d) * h, phase = dice_unit(&d), size = dice_in(&d, 12, 42) * unit, rate = dice_in(&d, 0.5, 1.1);
        double life = turn(phase + t * speed * rate), k = pow(sin(life * M_PI), 3);
        double hop = floor(phase + t * speed * rate); /* it comes again somewhere else */
        x = turn(x / w + hop * 0.381966) * w, y = turn(y / h + hop * 0.618034) * h;
        double r = size * k;
        if (r < 0.5) continue;
        cairo_set_source_rgba(cr, 1, 0.95, 0.75, 0.9 * k);
        cairo_move_to(cr, x, y - r);
        for (int a = 0; a < 4; a++) {
            double u = a * M_PI / 2, v = u + M_PI / 4, z = u + M_PI / 2;
            (void)u;
            cairo_line_to(cr, x + sin(v) * r * 0.16, y - cos(v) * r * 0.16);
            cairo_line_to(cr, x + sin(z) * r, y - cos(z) * r);
        }
        cairo_fill(cr);
        cairo_pattern_t *g = cairo_pattern_create_radial(x, y, 0, x, y, r * 0.7);
        cairo_pattern_add_color_stop_rgba(g, 0, 1, 0.9, 0.6, 0.5 * k);
        cairo_pattern_add_color_stop_rgba(g, 1, 1, 0.9, 0.6, 0);
        cairo_set_source(cr, g);
        cairo_arc(cr, x, y, r * 0.7, 0, 2 * M_PI);
        cairo_fill(cr);
        cairo_pattern_destroy(g);
    }
    cairo_set_operator(cr, CAIRO_OPERATOR_OVER);
}

void effect_petals(cairo_t *cr, int w, int h, uint64_t seed, double t, double speed, double amount, struct rgb colour) {
    struct dice d = dice_of(seed, "petals");
    double unit = fmin(w, h) / 1000.0;
    int n = number_of(w, h, 44, amount);
    for (int i = 0; i < n; i++) {
        double near = dice_unit(&d), x0 = dice_unit(&d), y0 = dice_unit(&d), phase = dice_in(&d, 0, 6.3), shade = dice_in(&d, -0.2, 0.25);
        double r = (9 + 17 * near) * unit, y = turn(y0 + t * speed * (0.12 + 0.14 * near)) * (h + 4 * r) - 2 * r;
        double x = turn(x0 + t * speed * 0.07) * (w + 4 * r) - 2 * r + sin(t * speed * 1.7 + phase) * 36 * unit;
        struct rgb c = shade < 0 ? rgb_scale(colour, 1 + shade) : rgb_mix(colour, (struct rgb){1, 1, 1}, shade);
        cairo_save(cr);
        cairo_translate(cr, x, y);
        cairo_rotate(cr, phase + t * speed * (1 + near));
        cairo_scale(cr, r, r * (0.25 + 0.4 * fabs(sin(t * speed * 2.2 + phase))));
        cairo_arc(cr, 0, 0, 1, 0, 2 * M_PI);
        cairo_set_source_rgba(cr, c.r, c.g, c.b, 0.92);
        cairo_fill(cr);
        cairo_restore(cr);
    }
}

void effect_bubbles(cairo_t *cr, int w, int h, uint64_t seed, double t, double speed, double amount) {
    struct dice d = dice_of(seed, "bubbles");
    double unit = fmin(w, h) / 1000.0;
    int n = number_of(w, h, 34, amount);
    for (int i = 0; i < n; i++) {
        double x0 = dice_unit(&d), y0 = dice_unit(&d), r = dice_in(&d, 8, 34) * unit, phase = dice_in(&d, 0, 6.3);
        double y = h + 2 * r - turn(y0 + t * speed * dice_in(&d, 0.12, 0.22)) * (h + 4 * r), x = x0 * w + sin(t * speed * 1.4 + phase) * 20 * unit;
        cairo_set_line_width(cr, fmax(0.8, 2 * unit));
        cairo_arc(cr, x, y, r, 0, 2 * M_PI);
        cairo_set_source_rgba(cr, 0.9, 0.97, 1, 0.16);
        cairo_fill_preserve(cr);
        cairo_set_source_rgba(cr, 1, 1, 1, 0.7);
        cairo_stroke(cr);
        cairo_arc(cr, x - r * 0.35, y - r * 0.35, r * 0.18, 0, 2 * M_PI);
        cairo_fill(cr);
    }
}

void effect_fog(cairo_t *cr, int w, int h, uint64_t seed, double t, double speed, double amount) {
    struct dice d = dice_of(seed, "fog");
    for (int i = 0; i < 7; i++) {
        double r = dice_in(&d, 0.35, 0.6) * w, y = dice_in(&d, 0.35, 1) * h, x = turn(dice_unit(&d) + t * speed * dice_in(&d, 0.015, 0.04)) * (w + 2 * r) - r;
        cairo_save(cr);
        cairo_translate(cr, x, y);
        cairo_scale(cr, 1, 0.45);
        cairo_pattern_t *g = cairo_pattern_create_radial(0, 0, 0, 0, 0, r);
        cairo_pattern_add_color_stop_rgba(g, 0, 0.93, 0.94, 0.96, 0.42 * fmin(amount, 2));
        cairo_pattern_add_color_stop_rgba(g, 1, 0.93, 0.94, 0.96, 0);
        cairo_set_source(cr, g);
        cairo_arc(cr, 0, 0, r, 0, 2 * M_PI);
        cairo_fill(cr);
        cairo_pattern_destroy(g);
        cairo_restore(cr);
    }
}

void effect_night(struct picture *p, double amount) {
    int r = (int)(256 * (1 - 0.72 * amount)), g = (int)(256 * (1 - 0.64 * amount)), b = (int)(256 * (1 - 0.42 * amount)), lift = (int)(14 * amount);
    for (size_t i = 0; i < (size_t)p->w * (size_t)p->h; i++) p->px[i] = px_of(px_r(p->px[i]) * r >> 8, px_g(p->px[i]) * g >> 8, (px_b(p->px[i]) * b >> 8) + lift);
}

void effect_warm(struct picture *p, double amount) {
    int r = (int)(256 * (1 + 0.16 * amount)), g = (int)(256 * (1 - 0.02 * fabs(amount))), b = (int)(256 * (1 - 0.30 * amount));
    for (size_t i = 0; i < (size_t)p->w * (size_t)p->h; i++) p->px[i] = px_of(px_r(p->px[i]) * r >> 8, px_g(p->px[i]) * g >> 8, px_b(p->px[i]) * b >> 8);
}
