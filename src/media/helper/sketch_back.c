/* What is behind and in front of the things: sky, land, weather. Called by sketch.c in that order. */
#include "media/helper/sketch_scenery.h"

#include <math.h>

struct light sketch_light(const struct canvas *c) {
    static const struct { const char *top, *mid, *low, *tint; double amount; } t[] = {
        [TIME_DAY] = {"4f9fd8", "9fd0ec", "e4f3f2", "fff6dc", 0.04},
        [TIME_DAWN] = {"7398cf", "f0b2ad", "fde2b4", "f6a98f", 0.22},
        [TIME_DUSK] = {"43346f", "cf5673", "fab45c", "b8476a", 0.34},
        [TIME_NIGHT] = {"090e2a", "18244f", "31447c", "141d4c", 0.58}};
    const struct plan *p = c->plan;
    struct light l = {rgb_hex(t[p->time].top), rgb_hex(t[p->time].mid), rgb_hex(t[p->time].low), rgb_hex(t[p->time].tint), t[p->time].amount};
    if (p->setting == SETTING_SPACE) l.top = rgb_hex("07081c"), l.mid = rgb_hex("191444"), l.low = rgb_hex("3a2260");
    if (p->has_sky_colour) {
        double dark = p->time == TIME_NIGHT ? 0.55 : p->time == TIME_DUSK ? 0.25 : 0;
        struct rgb s = rgb_mix(p->sky_colour, (struct rgb){0.03, 0.04, 0.12}, dark);
        l.top = rgb_mix(s, (struct rgb){0, 0, 0.1}, 0.15), l.mid = s, l.low = rgb_mix(s, (struct rgb){1, 1, 0.95}, 0.35 * (1 - dark));
    }
    if (p->rain || p->fog) {
        struct rgb grey = rgb_scale(rgb_hex("aab3bd"), p->time == TIME_NIGHT ? 0.25 : p->time == TIME_DAY ? 1 : 0.75);
        l.top = rgb_mix(l.top, grey, 0.55), l.mid = rgb_mix(l.mid, grey, 0.5), l.low = rgb_mix(l.low, grey, 0.4);
    }
    return l;
}

struct rgb lit(const struct light *l, const char *hex) { return rgb_mix(rgb_hex(hex), l->tint, l->amount); }

void source_down(cairo_t *cr, double y1, double y2, struct rgb a, struct rgb b) {
    cairo_pattern_t *g = cairo_pattern_create_linear(0, y1, 0, y2);
    cairo_pattern_add_color_stop_rgb(g, 0, a.r, a.g, a.b);
    cairo_pattern_add_color_stop_rgb(g, 1, b.r, b.g, b.b);
    cairo_set_source(cr, g);
    cairo_pattern_destroy(g);
}

void glow(cairo_t *cr, double x, double y, double r, struct rgb c, double alpha) {
    cairo_pattern_t *g = cairo_pattern_create_radial(x, y, 0, x, y, r);
    cairo_pattern_add_color_stop_rgba(g, 0, c.r, c.g, c.b, alpha);
    cairo_pattern_add_color_stop_rgba(g, 0.5, c.r, c.g, c.b, alpha * 0.35);
    cairo_pattern_add_color_stop_rgba(g, 1, c.r, c.g, c.b, 0);
    cairo_set_source(cr, g);
    cairo_rectangle(cr, x - r, y - r, 2 * r, 2 * r);
    cairo_fill(cr);
    cairo_pattern_destroy(g);
}

static bool has(const struct canvas *c, const char *noun) {
    for (int i = 0; i < c->plan->subject_count; i++)
        if (!strcmp(c->plan->subjects[i].noun->name, noun)) return true;
    return false;
}

static void sky_gradient(struct canvas *c, const struct light *l) {
    cairo_pattern_t *g = cairo_pattern_create_linear(0, 0, 0, c->horizon);
    cairo_pattern_add_color_stop_rgb(g, 0, l->top.r, l->top.g, l->top.b);
    cairo_pattern_add_color_stop_rgb(g, 0.6, l->mid.r, l->mid.g, l->mid.b);
    cairo_pattern_add_color_stop_rgb(g, 1, l->low.r, l->low.g, l->low.b);
    cairo_set_source(c->cr, g);
    cairo_paint(c->cr);
    cairo_pattern_destroy(g);
}

static void small_stars(struct canvas *c, double to, int n) {
    struct dice d = dice_of(c->seed, "small stars");
    double unit = fmin(c->w, c->h) / 1000.0;
    for (int i = 0; i < n; i++) {
        double x = dice_unit(&d) * c->w, y = dice_unit(&d) * to, r = fmax(0.5, dice_in(&d, 0.7, 2.3) * unit);
        cairo_set_source_rgba(c->cr, 1, 0.97, 0.86, dice_in(&d, 0.35, 0.95));
        cairo_arc(c->cr, x, y, r, 0, 2 * M_PI);
        cairo_fill(c->cr);
    }
}

static void puff(struct canvas *c, double x, double y, double s, struct rgb colour, double alpha, struct dice *d) {
    cairo_save(c->cr);
    cairo_rectangle(c->cr, 0, 0, c->w, y - s * 0.06);
    cairo_clip(c->cr);
    for (int i = 0; i < 6; i++) {
        double t = i / 5.0 - 0.5, r = s * (0.34 - 0.42 * t * t + dice_in(d, 0, 0.07));
        cairo_new_sub_path(c->cr);
        cairo_arc(c->cr, x + t * s * 2, y - r * 0.6, r, 0, 2 * M_PI);
    }
    cairo_pattern_t *g = cairo_pattern_create_linear(0, y - s * 0.5, 0, y + s * 0.2);
    cairo_pattern_add_color_stop_rgba(g, 0, colour.r, colour.g, colour.b, alpha);
    cairo_pattern_add_color_stop_rgba(g, 1, colour.r, colour.g, colour.b, alpha * 0.25);
    cairo_set_source(c->cr, g);
    cairo_fill(c->cr);
    cairo_pattern_destroy(g);
    cairo_restore(c->cr);
}

static void sky_lamp(struct canvas *c) {
    enum time_of_day t = c->plan->time;
    double unit = fmin(c->w, c->h), x = c->w * (c->light < 0 ? 0.2 : 0.8);
    if (t == TIME_NIGHT && !has(c, "moon")) {
        double y = c->horizon * 0.22, r = unit * 0.055;
        glow(c->cr, x, y, r * 5, rgb_hex("cfd8f5"), 0.5);
        cairo_set_source_rgb(c->cr, 0.96, 0.94, 0.84);
        cairo_arc(c->cr, x, y, r, 0, 2 * M_PI);
        cairo_fill(c->cr);
        cairo_set_source_rgba(c->cr, 0.80, 0.79, 0.74, 0.6);
        cairo_arc(c->cr, x - r * 0.3, y - r * 0.2, r * 0.22, 0, 2 * M_PI);
        cairo_arc(c->cr, x + r * 0.3, y + r * 0.35, r * 0.15, 0, 2 * M_PI);
        cairo_fill(c->cr);
    } else if (t != TIME_NIGHT && !has(c, "sun") && !(c->plan->rain || c->plan->fog)) {
        bool low = t != TIME_DAY;
        double y = low ? c->horizon * 0.97 : c->horizon * 0.16, r = unit * (low ? 0.10 : 0.06);
        glow(c->cr, x, y, r * (low ? 6 : 5), rgb_hex(t == TIME_DUSK ? "ffd27a" : "fff3c4"), low ? 0.85 : 0.7);
        struct rgb s = rgb_hex(t == TIME_DUSK ? "ffdf8e" : t == TIME_DAWN ? "fff2cf" : "fffbe6");
        cairo_set_source_rgb(c->cr, s.r, s.g, s.b);
        cairo_arc(c->cr, x, y, r, 0, 2 * M_PI);
        cairo_fill(c->cr);
    }
}

static void clouds(struct canvas *c) {
    enum time_of_day t = c->plan->time;
    struct dice d = dice_of(c->seed, "clouds");
    struct rgb white = t == TIME_NIGHT ? rgb_hex("4d5f99") : t == TIME_DUSK ? rgb_hex("f6a08b") : t == TIME_DAWN ? rgb_hex("fbe3dc") : rgb_hex("ffffff");
    int n = has(c, "cloud") ? 0 : c->plan->rain ? 9 : 5;
    for (int i = 0; i < n; i++) {
        double s = fmin(c->w, c->h) * dice_in(&d, 0.08, 0.17), x = dice_unit(&d) * c->w, y = c->horizon * dice_in(&d, 0.12, 0.8);
        puff(c, x, y, s, white, t == TIME_NIGHT ? 0.3 : 0.62, &d);
    }
}

static bool outdoors(const struct canvas *c) {
    enum setting s = c->plan->setting;
    return s != SETTING_ROOM && s != SETTING_PLAIN && s != SETTING_SPACE;
}

void sketch_sky(struct canvas *c) {
    struct light l = sketch_light(c);
    if (c->plan->setting == SETTING_ROOM) scenery_room(c, &l);
    if (c->plan->setting == SETTING_PLAIN) scenery_plain(c, &l);
    if (c->plan->setting == SETTING_SPACE) {
        sky_gradient(c, &l);
        scenery_space(c, &l);
        small_stars(c, c->horizon, 260);
    }
    if (!outdoors(c)) return;
    sky_gradient(c, &l);
    if (c->plan->time == TIME_NIGHT) small_stars(c, c->horizon, 130);
    sky_lamp(c);
}

void sketch_clouds(struct canvas *c) {
    if (outdoors(c)) clouds(c);
}

void sketch_land(struct canvas *c) {
    struct light l = sketch_light(c);
    if (outdoors(c)) scenery_land(c, &l);
    if (c->plan->setting == SETTING_SPACE && c->horizon < c->h) scenery_moon_ground(c, &l);
}

/* Edges a little darker, so that the eye stays inside. */
void sketch_corners(struct canvas *c) {
    cairo_pattern_t *g = cairo_pattern_create_radial(c->w / 2.0, c->h / 2.0, fmin(c->w, c->h) * 0.45, c->w / 2.0, c->h / 2.0, hypot(c->w, c->h) * 0.56);
    cairo_pattern_add_color_stop_rgba(g, 0, 0.05, 0.03, 0.12, 0);
    cairo_pattern_add_color_stop_rgba(g, 1, 0.05, 0.03, 0.12, 0.24);
    cairo_set_source(c->cr, g);
    cairo_paint(c->cr);
    cairo_pattern_destroy(g);
}

void sketch_background(struct canvas *c) {
    sketch_sky(c);
    sketch_clouds(c);
    sketch_land(c);
    sketch_corners(c);
}

void sketch_weather(struct canvas *c) {
    struct dice d = dice_of(c->seed, "weather");
    double unit = fmin(c->w, c->h) / 1000.0, area = (double)c->w * c->h / (unit * unit * 1e6);
    int n = (int)(260 * fmin(area, 4));
    bool flakes = c->plan->snow && c->plan->setting != SETTING_ROOM;
    if (c->plan->rain && c->plan->setting != SETTING_ROOM) {
        cairo_set_line_width(c->cr, fmax(0.6, 1.5 * unit));
        cairo_set_source_rgba(c->cr, 0.90, 0.95, 1, 0.55);
        for (int i = 0; i < n; i++) {
            double x = dice_in(&d, -0.05, 1.05) * c->w, y = dice_unit(&d) * c->h, len = dice_in(&d, 18, 42) * unit;
            cairo_move_to(c->cr, x, y);
            cairo_line_to(c->cr, x + len * 0.22 * c->light, y + len);
        }
        cairo_stroke(c->cr);
    }
    for (int i = 0; flakes && i < n; i++) {
        double r = fmax(0.5, dice_in(&d, 1.2, 4.6) * unit);
        cairo_set_source_rgba(c->cr, 1, 1, 1, dice_in(&d, 0.5, 0.95));
        cairo_arc(c->cr, dice_unit(&d) * c->w, dice_unit(&d) * c->h, r, 0, 2 * M_PI);
        cairo_fill(c->cr);
    }
    if (c->plan->fog) {
        double v = c->plan->time == TIME_NIGHT ? 0.35 : 0.92;
        cairo_pattern_t *g = cairo_pattern_create_linear(0, c->horizon * 0.4, 0, c->h);
        cairo_pattern_add_color_stop_rgba(g, 0, v, v, v * 1.02, 0);
        cairo_pattern_add_color_stop_rgba(g, 0.45, v, v, v * 1.02, 0.28);
        cairo_pattern_add_color_stop_rgba(g, 1, v, v, v * 1.02, 0.12);
        cairo_set_source(c->cr, g);
        cairo_paint(c->cr);
        cairo_pattern_destroy(g);
    }
}
