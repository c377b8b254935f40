/* The places a prompt can name, from the horizon to the viewer's feet. Called by sketch_back.c. */
#include "media/helper/sketch_scenery.h"

#include <math.h>

/* A rolling line across the picture, closed at the bottom. `rough` 0: soft hills, 1: dunes with crests. */
static void ridge_path(struct canvas *c, double y, double height, double waves, struct dice *d) {
    double a = dice_in(d, 0, 6.28), b = dice_in(d, 0, 6.28);
    cairo_move_to(c->cr, -2, c->h + 2);
    for (int i = 0; i <= 48; i++) {
        double t = i / 48.0, v = sin(t * waves * 6.28 + a) * 0.6 + sin(t * waves * 14.1 + b) * 0.25;
        cairo_line_to(c->cr, t * (c->w + 4) - 2, y - height * (0.5 + v * 0.6));
    }
    cairo_line_to(c->cr, c->w + 2, c->h + 2);
    cairo_close_path(c->cr);
}

static void ridge(struct canvas *c, double y, double height, double waves, struct rgb top, struct rgb low, struct dice *d) {
    ridge_path(c, y, height, waves, d);
    source_down(c->cr, y - height, y + height * 2.5, top, low);
    cairo_fill(c->cr);
}

static void ground(struct canvas *c, struct rgb far_, struct rgb near_) {
    if (c->plan->has_ground_colour) near_ = rgb_mix(c->plan->ground_colour, near_, 0.2), far_ = rgb_mix(c->plan->ground_colour, far_, 0.35);
    cairo_rectangle(c->cr, 0, c->horizon, c->w, c->h - c->horizon);
    source_down(c->cr, c->horizon, c->h, far_, near_);
    cairo_fill(c->cr);
}

/* Short strokes that grow toward the viewer: grass, ripples of sand, cracks of ice. */
static void strokes(struct canvas *c, double from, struct rgb colour, double lean, double rise, int n, const char *stream) {
    struct dice d = dice_of(c->seed, stream);
    double unit = fmin(c->w, c->h) / 1000.0, depth = fmax(c->h - from, 1);
    for (int i = 0; i < n; i++) {
        double t = dice_unit(&d), y = from + depth * t, x = dice_unit(&d) * c->w, s = unit * (7 + 22 * t);
        cairo_set_source_rgba(c->cr, colour.r, colour.g, colour.b, dice_in(&d, 0.25, 0.6));
        cairo_set_line_width(c->cr, fmax(0.5, unit * (0.9 + 1.5 * t)));
        for (int k = -1; k <= 1; k++) {
            cairo_move_to(c->cr, x + k * s * 0.25, y);
            cairo_line_to(c->cr, x + k * s * (0.25 + lean), y - s * rise * (k ? 0.8 : 1));
        }
        cairo_stroke(c->cr);
    }
}

static void pine_row(struct canvas *c, double y, double height, double step, struct rgb colour, bool round, struct dice *d) {
    cairo_set_source_rgb(c->cr, colour.r, colour.g, colour.b);
    for (double x = -step * dice_unit(d); x < c->w + step; x += step * dice_in(d, 0.6, 1.3)) {
        double h = height * dice_in(d, 0.65, 1.15), w = h * (round ? 0.30 : 0.24);
        if (round) {
            cairo_rectangle(c->cr, x - w * 0.12, y - h * 0.6, w * 0.24, h * 0.6 + 2);
            cairo_new_sub_path(c->cr);
            cairo_arc(c->cr, x, y - h * 0.72, w, 0, 2 * M_PI);
            cairo_new_sub_path(c->cr);
            cairo_arc(c->cr, x - w * 0.6, y - h * 0.52, w * 0.75, 0, 2 * M_PI);
            cairo_new_sub_path(c->cr);
            cairo_arc(c->cr, x + w * 0.6, y - h * 0.52, w * 0.75, 0, 2 * M_PI);
        } else {
            for (int k = 0; k < 3; k++) {
                double base = y - h * 0.26 * k + (k ? 0 : 2), ww = w * (1 - 0.25 * k);
                cairo_move_to(c->cr, x - ww, base);
                cairo_line_to(c->cr, x, base - h * 0.5);
                cairo_line_to(c->cr, x + ww, base);
                cairo_close_path(c->cr);
            }
        }
        cairo_fill(c->cr);
    }
}

static void hills(struct canvas *c, const struct light *l) {
    struct dice d = dice_of(c->seed, "hills");
    double H = c->horizon;
    struct rgb blue = rgb_mix(lit(l, "7fa3b8"), l->low, 0.45), mid = rgb_mix(lit(l, "7fae7c"), l->low, 0.25), near_ = lit(l, "7db35c");
    ridge(c, H, H * 0.20, 1.1, blue, rgb_mix(blue, l->low, 0.4), &d);
    ridge(c, H + c->h * 0.005, H * 0.11, 1.7, mid, rgb_mix(mid, l->low, 0.3), &d);
    pine_row(c, H + c->h * 0.004, c->h * 0.035, c->w * 0.09, rgb_mix(mid, lit(l, "2f5d3a"), 0.55), true, &d);
    ground(c, near_, lit(l, "5a8f45"));
    strokes(c, H + c->h * 0.01, lit(l, "3d6f33"), 0.15, 0.9, 150, "grass");
    strokes(c, H + c->h * 0.03, lit(l, "a9cf7c"), 0.15, 0.8, 70, "grass in light");
}

static void waves(struct canvas *c, double from, double to, const struct light *l) {
    struct dice d = dice_of(c->seed, "waves");
    double unit = fmin(c->w, c->h) / 1000.0;
    struct rgb crest = rgb_mix(lit(l, "d8eef0"), l->low, 0.3);
    for (int i = 0; i < 120; i++) {
        double t = dice_unit(&d), y = from + (to - from) * t * t, x = dice_unit(&d) * c->w, s = unit * (14 + 70 * t);
        cairo_set_source_rgba(c->cr, crest.r, crest.g, crest.b, dice_in(&d, 0.2, 0.55));
        cairo_set_line_width(c->cr, fmax(0.5, unit * (1 + 2 * t)));
        cairo_move_to(c->cr, x - s, y);
        cairo_curve_to(c->cr, x - s * 0.4, y - s * 0.16, x + s * 0.4, y + s * 0.12, x + s, y);
        cairo_stroke(c->cr);
    }
}

static void sea(struct canvas *c, const struct light *l) {
    bool beach = false;
    for (int i = 0; i < c->plan->subject_count; i++) beach |= c->plan->subjects[i].noun->place == PLACE_GROUND;
    double shore = beach ? c->horizon + (c->h - c->horizon) * 0.34 : c->h;
    struct dice d = dice_of(c->seed, "sea");
    double water_low = c->plan->subject_count ? 0 : 1e9; /* water down to where boats swim */
    for (int i = 0; beach && i < c->plan->subject_count; i++)
        for (int k = 0; c->plan->subjects[i].noun->place == PLACE_WATER && k < c->plan->subjects[i].count; k++)
            water_low = fmax(water_low, c->plan->subjects[i].boxes[k].y + c->plan->subjects[i].boxes[k].h);
    if (beach && water_low > 0) shore = fmin(fmax(shore, water_low + c->h * 0.015), c->h);
    struct rgb far_ = rgb_mix(lit(l, "4f97b8"), l->low, 0.35), near_ = lit(l, "1f6c95");
    ridge(c, c->horizon, c->horizon * 0.05, 1.4, rgb_mix(lit(l, "6f8fa6"), l->low, 0.5), far_, &d);
    ground(c, far_, near_);
    double x = c->w * (c->light < 0 ? 0.2 : 0.8);
    cairo_save(c->cr);
    cairo_rectangle(c->cr, 0, c->horizon, c->w, c->h - c->horizon);
    cairo_clip(c->cr);
    glow(c->cr, x, c->horizon, (c->h - c->horizon) * 1.1, l->low, 0.55);
    cairo_restore(c->cr);
    waves(c, c->horizon + 2, shore, l);
    if (!beach) return;
    ridge_path(c, shore + c->h * 0.01, c->h * 0.03, 1.2, &d);
    source_down(c->cr, shore, c->h, lit(l, "ecd9a6"), lit(l, "d3b275"));
    cairo_fill_preserve(c->cr);
    cairo_set_source_rgba(c->cr, 1, 1, 1, 0.55);
    cairo_set_line_width(c->cr, fmax(1, c->h * 0.006));
    cairo_stroke(c->cr);
    strokes(c, shore + c->h * 0.04, lit(l, "b8935a"), 1.2, 0.08, 50, "sand");
}

static void forest(struct canvas *c, const struct light *l) {
    struct dice d = dice_of(c->seed, "forest");
    double H = c->horizon;
    for (int k = 0; k < 3; k++) {
        struct rgb g = rgb_mix(lit(l, k == 0 ? "7ea590" : k == 1 ? "4c7f5f" : "2d5c40"), l->low, 0.42 - 0.18 * k);
        pine_row(c, H + c->h * 0.012 * k, H * (0.46 - 0.04 * k), c->w * (0.05 + 0.012 * k), g, k == 1, &d);
    }
    ground(c, lit(l, "4f7a42"), lit(l, "36592f"));
    strokes(c, H + c->h * 0.02, lit(l, "24451f"), 0.2, 0.9, 160, "fern");
    strokes(c, H + c->h * 0.02, lit(l, "86ad5c"), 0.2, 0.7, 60, "moss");
}

static void skyline(struct canvas *c, double y, double height, double width, struct rgb colour, bool windows, struct dice *d) {
    for (double x = -width * dice_unit(d); x < c->w;) {
        double w = width * dice_in(d, 0.7, 1.5), h = height * dice_in(d, 0.4, 1.0);
        source_down(c->cr, y - h, y, colour, rgb_scale(colour, 0.86));
        cairo_rectangle(c->cr, x, y - h, w + 1, h + 2);
        cairo_fill(c->cr);
        double step = w / 5;
        for (double wy = y - h + step; windows && wy < y - step * 0.5; wy += step * 1.5)
            for (int k = 0; k < 4; k++) {
                bool on = dice_unit(d) < (c->plan->time == TIME_NIGHT ? 0.5 : c->plan->time == TIME_DUSK ? 0.35 : 0.12);
                if (on) cairo_set_source_rgba(c->cr, 1, 0.86, 0.48, 0.92);
                else cairo_set_source_rgba(c->cr, 0.1, 0.13, 0.25, 0.28);
                cairo_rectangle(c->cr, x + step * (0.7 + k), wy, step * 0.55, step * 0.8);
                cairo_fill(c->cr);
            }
        x += w;
    }
}

static void city(struct canvas *c, const struct light *l) {
    struct dice d = dice_of(c->seed, "city");
    double H = c->horizon;
    skyline(c, H, H * 0.72, c->w * 0.075, rgb_mix(lit(l, "93a3b8"), l->low, 0.5), false, &d);
    skyline(c, H, H * 0.52, c->w * 0.10, rgb_mix(lit(l, "74839c"), l->low, 0.15), true, &d);
    ground(c, lit(l, "8c8b90"), lit(l, "626168"));
    double kerb = c->horizon + (c->h - c->horizon) * 0.10;
    cairo_rectangle(c->cr, 0, c->horizon, c->w, kerb - c->horizon);
    source_down(c->cr, c->horizon, kerb, lit(l, "c9c4ba"), lit(l, "aaa59c"));
    cairo_fill(c->cr);
    struct rgb paint = lit(l, "efe9d2");
    cairo_set_source_rgba(c->cr, paint.r, paint.g, paint.b, 0.75);
    double y = c->horizon + (c->h - c->horizon) * 0.62, dash = c->w * 0.11;
    for (double x = -dash * 0.3; x < c->w; x += dash * 1.7) {
        cairo_move_to(c->cr, x, y);
        cairo_rel_line_to(c->cr, dash, 0);
        cairo_rel_line_to(c->cr, dash * 0.06, c->h * 0.012);
        cairo_rel_line_to(c->cr, -dash, 0);
        cairo_close_path(c->cr);
    }
    cairo_fill(c->cr);
}

static void desert(struct canvas *c, const struct light *l) {
    struct dice d = dice_of(c->seed, "desert");
    double H = c->horizon;
    struct rgb mesa = rgb_mix(lit(l, "b9674a"), l->low, 0.4);
    for (int i = 0; i < 3; i++) {
        double x = c->w * dice_unit(&d), w = c->w * dice_in(&d, 0.08, 0.2), h = H * dice_in(&d, 0.12, 0.26);
        cairo_move_to(c->cr, x - w, H + 2);
        cairo_line_to(c->cr, x - w * 0.7, H - h);
        cairo_line_to(c->cr, x + w * 0.7, H - h);
        cairo_line_to(c->cr, x + w, H + 2);
        source_down(c->cr, H - h, H, mesa, rgb_mix(mesa, l->low, 0.4));
        cairo_fill(c->cr);
    }
    ridge(c, H, H * 0.10, 0.8, lit(l, "e6bd7c"), lit(l, "d8a45e"), &d);
    ground(c, lit(l, "ebc585"), lit(l, "d09a55"));
    ridge(c, H + (c->h - H) * 0.5, c->h * 0.07, 0.6, lit(l, "edcb90"), lit(l, "cf9851"), &d);
    strokes(c, H + c->h * 0.02, lit(l, "b57e3f"), 1.5, 0.06, 80, "ripples");
}

static void snow(struct canvas *c, const struct light *l) {
    struct dice d = dice_of(c->seed, "snow");
    double H = c->horizon;
    struct rgb far_ = rgb_mix(lit(l, "b9cfe2"), l->low, 0.4);
    ridge(c, H, H * 0.24, 0.9, rgb_mix(far_, l->mid, 0.25), far_, &d);
    pine_row(c, H + c->h * 0.01, H * 0.16, c->w * 0.06, rgb_mix(lit(l, "5b7f86"), l->low, 0.2), false, &d);
    ridge(c, H + c->h * 0.02, c->h * 0.05, 1.1, lit(l, "eaf1f7"), lit(l, "d3e0ec"), &d);
    ground(c, lit(l, "e8f0f6"), lit(l, "c6d6e6"));
    strokes(c, H + c->h * 0.03, lit(l, "9fb7cd"), 1.3, 0.08, 70, "drifts");
}

void scenery_land(struct canvas *c, const struct light *l) {
    switch (c->plan->setting) {
    case SETTING_SEA: sea(c, l); break;
    case SETTING_FOREST: forest(c, l); break;
    case SETTING_CITY: city(c, l); break;
    case SETTING_DESERT: desert(c, l); break;
    case SETTING_SNOW: snow(c, l); break;
    default: hills(c, l);
    }
}

static void window_with_view(struct canvas *c, const struct light *l) {
    double s = fmin(c->w * 0.30, c->horizon * 0.62), x = c->light < 0 ? c->w * 0.06 : c->w * 0.94 - s, y = c->horizon * 0.12;
    cairo_rectangle(c->cr, x, y, s, s);
    source_down(c->cr, y, y + s, l->top, l->low);
    cairo_fill(c->cr);
    cairo_save(c->cr);
    cairo_rectangle(c->cr, x, y, s, s);
    cairo_clip(c->cr);
    struct rgb hill = lit(l, "7db35c");
    cairo_set_source_rgb(c->cr, hill.r, hill.g, hill.b);
    cairo_arc(c->cr, x + s * 0.3, y + s * 1.25, s * 0.5, 0, 2 * M_PI);
    cairo_arc(c->cr, x + s * 0.9, y + s * 1.35, s * 0.55, 0, 2 * M_PI);
    cairo_fill(c->cr);
    if (c->plan->time == TIME_NIGHT) glow(c->cr, x + s * 0.7, y + s * 0.3, s * 0.3, rgb_hex("f3ecc8"), 0.9);
    cairo_restore(c->cr);
    struct rgb frame = lit(l, "f3ead8");
    cairo_set_source_rgb(c->cr, frame.r, frame.g, frame.b);
    cairo_set_line_width(c->cr, s * 0.05);
    cairo_rectangle(c->cr, x, y, s, s);
    cairo_move_to(c->cr, x + s / 2, y);
    cairo_line_to(c->cr, x + s / 2, y + s);
    cairo_move_to(c->cr, x, y + s / 2);
    cairo_line_to(c->cr, x + s, y + s / 2);
    cairo_stroke(c->cr);
}

void scenery_room(struct canvas *c, const struct light *l) {
    struct light in = *l;
    in.amount *= 0.8; /* there is a lamp somewhere */
    struct rgb wall = lit(&in, "cfd9cf"), wall_low = lit(&in, "e6e4d2");
    source_down(c->cr, 0, c->horizon, wall, wall_low);
    cairo_paint(c->cr);
    double step = fmax(c->w, c->h) / 26.0;
    cairo_set_source_rgba(c->cr, 1, 1, 1, 0.10);
    for (double x = step * 0.5; x < c->w; x += step * 2) cairo_rectangle(c->cr, x, 0, step, c->horizon);
    cairo_fill(c->cr);
    window_with_view(c, &in);
    glow(c->cr, c->w * (c->light < 0 ? 0.3 : 0.7), c->horizon * 0.5, c->w * 0.6, rgb_hex(c->plan->time == TIME_NIGHT ? "ffcf8a" : "fff6d8"), 0.35);
    ground(c, lit(&in, "b98a58"), lit(&in, "8f6138"));
    struct dice d = dice_of(c->seed, "planks");
    struct rgb seam = lit(&in, "6d4726");
    cairo_set_source_rgba(c->cr, seam.r, seam.g, seam.b, 0.55);
    cairo_set_line_width(c->cr, fmax(0.6, fmin(c->w, c->h) * 0.002));
    double depth = c->h - c->horizon;
    for (int i = 1; i < 6; i++) {
        double y = c->horizon + depth * pow(i / 6.0, 1.5);
        cairo_move_to(c->cr, 0, y);
        cairo_line_to(c->cr, c->w, y);
        double x = dice_unit(&d) * c->w, y2 = c->horizon + depth * pow((i + 1) / 6.0, 1.5);
        cairo_move_to(c->cr, x, y);
        cairo_line_to(c->cr, x, y2);
    }
    cairo_stroke(c->cr);
    struct rgb edge = lit(&in, "d9b07c");
    cairo_set_source_rgb(c->cr, edge.r, edge.g, edge.b);
    cairo_rectangle(c->cr, 0, c->horizon, c->w, fmax(1, c->h * 0.006));
    cairo_fill(c->cr);
}

void scenery_plain(struct canvas *c, const struct light *l) {
    struct rgb base = c->plan->has_sky_colour ? c->plan->sky_colour : rgb_hex("ece5d8");
    if (c->plan->time != TIME_DAY) base = rgb_mix(base, l->top, c->plan->time == TIME_NIGHT ? 0.70 : 0.28);
    source_down(c->cr, 0, c->h, rgb_mix(base, (struct rgb){1, 1, 1}, 0.10), rgb_scale(base, 0.92));
    cairo_paint(c->cr);
    glow(c->cr, c->w * (c->light < 0 ? 0.36 : 0.64), c->h * 0.4, fmax(c->w, c->h) * 0.55, rgb_mix(base, (struct rgb){1, 1, 1}, 0.5), 0.55);
}

void scenery_space(struct canvas *c, const struct light *l) {
    struct dice d = dice_of(c->seed, "nebula");
    static const char *const tints[] = {"6f3fb0", "2f6fc0", "c04f8f", "2f9aa0", "8f4fd0"};
    for (int i = 0; i < 5; i++)
        glow(c->cr, dice_unit(&d) * c->w, dice_unit(&d) * c->h, fmin(c->w, c->h) * dice_in(&d, 0.25, 0.5), rgb_hex(tints[i]), dice_in(&d, 0.25, 0.5));
    double r = fmin(c->w, c->h) * dice_in(&d, 0.10, 0.15), x = c->light < 0 ? c->w - r * 1.1 : r * 1.1, y = c->h * dice_in(&d, 0.70, 0.85);
    cairo_arc(c->cr, x, y, r, 0, 2 * M_PI);
    source_down(c->cr, y - r, y + r, rgb_hex("d8a06f"), rgb_hex("7a4560"));
    cairo_fill(c->cr);
    cairo_save(c->cr);
    cairo_translate(c->cr, x, y);
    cairo_rotate(c->cr, -0.35);
    cairo_scale(c->cr, 1, 0.28);
    cairo_arc(c->cr, 0, 0, r * 1.5, 0, 2 * M_PI);
    cairo_restore(c->cr);
    cairo_set_source_rgba(c->cr, 0.95, 0.85, 0.70, 0.55);
    cairo_set_line_width(c->cr, r * 0.08);
    cairo_stroke(c->cr);
    (void)l;
}

void scenery_moon_ground(struct canvas *c, const struct light *l) {
    struct dice d = dice_of(c->seed, "craters");
    ridge(c, c->horizon, c->h * 0.04, 1.0, rgb_hex("8d8aa0"), rgb_hex("55526c"), &d);
    for (int i = 0; i < 9; i++) {
        double t = dice_unit(&d), x = dice_unit(&d) * c->w, y = c->horizon + (c->h - c->horizon) * (0.15 + 0.8 * t), r = c->w * (0.015 + 0.04 * t);
        cairo_save(c->cr);
        cairo_translate(c->cr, x, y);
        cairo_scale(c->cr, r, r * 0.3);
        cairo_arc(c->cr, 0, 0, 1, 0, 2 * M_PI);
        cairo_restore(c->cr);
        cairo_set_source_rgba(c->cr, 0.2, 0.18, 0.32, 0.45);
        cairo_fill(c->cr);
    }
    (void)l;
}
