/* The camera of the motion models, and what goes over a finished frame; see motion.h. */
#include "media/helper/effects.h"
#include "media/helper/motion.h"
#include "base/err.h"

#include <math.h>
#include <stdlib.h>

double motion_ease(const struct motion_plan *m, double u) {
    u = fmin(1, fmax(0, u));
    return m->smooth ? u * u * (3 - 2 * u) * 0.7 + u * 0.3 : u;
}

/* Unsteady as a hand: a few tones without a common period. */
static double tremor(double t, double phase) { return sin(t * 6.1 + phase) * 0.5 + sin(t * 11.3 + phase * 2.3) * 0.3 + sin(t * 17.9 + phase * 0.7) * 0.2; }

struct view motion_view(const struct motion_plan *m, double u, double seconds) {
    double zoom = 0, x = 0, y = 0, turn = 0;
    for (int i = 0; i < m->move_count; i++) {
        const struct move *v = &m->moves[i];
        double k = motion_ease(m, (u - v->from) / fmax(v->to - v->from, 1e-6)), t = seconds * v->rate;
        bool now = u >= v->from && u <= v->to;
        switch (v->kind) {
        case MOVE_ZOOM: zoom += v->amount * (v->amount > 0 ? k : k - 1); break; /* out: begins near, ends as wide as it goes */
        case MOVE_X: x += v->amount * (k - 0.5); break;
        case MOVE_Y: y += v->amount * (k - 0.5); break;
        case MOVE_TURN: turn += v->amount * k; break;
        case MOVE_SHAKE:
            if (now) x += 0.016 * v->amount * tremor(t * 1.6, 0), y += 0.020 * v->amount * tremor(t * 1.6, 2), turn += 0.012 * v->amount * tremor(t * 1.3, 4);
            break;
        case MOVE_PULSE:
            if (now) zoom += 0.07 * v->amount * (0.5 - 0.5 * cos(t * 2 * M_PI * 0.9));
            break;
        case MOVE_SWAY:
            if (now) turn += 0.07 * v->amount * sin(t * 2 * M_PI * 0.4), x += 0.012 * v->amount * sin(t * 2 * M_PI * 0.4);
            break;
        case MOVE_FLOAT:
            if (now) y += 0.045 * v->amount * sin(t * 2 * M_PI * 0.28), x += 0.02 * v->amount * sin(t * 2 * M_PI * 0.17), turn += 0.01 * sin(t * 2 * M_PI * 0.21);
            break;
        case MOVE_ORBIT:
            x += 0.16 * v->amount * (k - 0.5), zoom += 0.10 * v->amount * sin(k * M_PI), turn += 0.05 * v->amount * (k - 0.5);
            break;
        }
    }
    return (struct view){exp(zoom), x, y, turn};
}

double motion_margin(const struct motion_plan *m, double duration, double aspect) {
    double need = 1;
    for (int i = 0; i <= 120; i++) {
        struct view v = motion_view(m, i / 120.0, duration * i / 120);
        double c = fabs(cos(v.turn)), s = fabs(sin(v.turn)), half_w = (c * aspect + s) / 2 / aspect, half_h = (s * aspect + c) / 2;
        need = fmax(need, fmax((half_w + fabs(v.x)) * 2, (half_h + fabs(v.y)) * 2) / v.zoom);
    }
    return fmin(need * 1.002, 2.1);
}

void motion_look(cairo_t *cr, struct view v, double margin, int w, int h) {
    double z = v.zoom * margin;
    cairo_translate(cr, w / 2.0, h / 2.0);
    cairo_rotate(cr, v.turn);
    cairo_scale(cr, z, z);
    cairo_translate(cr, -w / 2.0 - v.x * w / z, -h / 2.0 - v.y * h / z);
}

static double between(double a, double b, double u) { return a + (b - a) * u; }

static void towards(struct picture *p, int colour, double amount) {
    int k = (int)(256 * fmin(1, fmax(0, amount))), add = colour * k;
    if (k <= 0) return;
    for (size_t i = 0; i < (size_t)p->w * (size_t)p->h; i++) {
        uint32_t q = p->px[i];
        p->px[i] = px_of((px_r(q) * (256 - k) + add) >> 8, (px_g(q) * (256 - k) + add) >> 8, (px_b(q) * (256 - k) + add) >> 8);
    }
}

static void to_grey(struct picture *p, double amount) {
    int k = (int)(256 * amount);
    if (k <= 0) return;
    for (size_t i = 0; i < (size_t)p->w * (size_t)p->h; i++) {
        uint32_t q = p->px[i];
        int l = px_luma(q);
        p->px[i] = px_of(px_r(q) + ((l - px_r(q)) * k >> 8), px_g(q) + ((l - px_g(q)) * k >> 8), px_b(q) + ((l - px_b(q)) * k >> 8));
    }
}

/* Rows go to and fro; never farther than the row is long. */
static void wave(struct picture *p, double seconds, double speed) {
    struct picture from = picture_copy(p);
    double depth = p->w * 0.008;
    for (int y = 0; y < p->h; y++) {
        int shift = (int)lround(depth * (sin(y * 18.0 / p->h + seconds * 3.2 * speed) + 0.5 * sin(y * 41.0 / p->h - seconds * 4.7 * speed)));
        int lift = (int)lround(p->h * 0.004 * sin(y * 9.0 / p->h + seconds * 2.3 * speed)), sy = y + lift < 0 ? 0 : y + lift >= p->h ? p->h - 1 : y + lift;
        const uint32_t *row = from.px + (size_t)sy * (size_t)p->w;
        for (int x = 0; x < p->w; x++) {
            int sx = x + shift;
            p->px[(size_t)y * (size_t)p->w + (size_t)x] = row[sx < 0 ? -sx < p->w ? -sx : 0 : sx >= p->w ? 2 * p->w - 2 - sx >= 0 ? 2 * p->w - 2 - sx : 0 : sx];
        }
    }
    picture_done(&from);
}

static double pulse_at(double seconds, double every, double length) {
    double t = fmod(seconds, every);
    return t < length ? pow(1 - t / length, 2) : 0;
}

static void particles(struct picture *p, const struct motion_plan *m, double seconds, uint64_t seed) {
    cairo_surface_t *s = picture_surface(p);
    cairo_t *cr = cairo_create(s);
    double k = m->speed;
    if (m->fog > 0) effect_fog(cr, p->w, p->h, seed, seconds, k, m->fog);
    if (m->bubbles > 0) effect_bubbles(cr, p->w, p->h, seed, seconds, k, m->bubbles);
    if (m->petals > 0) effect_petals(cr, p->w, p->h, seed, seconds, k, m->petals, m->petal_colour);
    if (m->snow > 0) effect_snow(cr, p->w, p->h, seed, seconds, k, m->snow);
    if (m->rain > 0) effect_rain(cr, p->w, p->h, seed, seconds, k, m->rain);
    if (m->sparkle > 0) effect_sparkle(cr, p->w, p->h, seed, seconds, k, m->sparkle);
    cairo_destroy(cr);
    cairo_surface_flush(s);
    cairo_surface_destroy(s);
}

void motion_effects(struct picture *p, const struct motion_plan *m, double u, double seconds, double duration, uint64_t seed) {
    double e = motion_ease(m, u), fade = fmin(1.2, duration * 0.3), short_side = p->w < p->h ? p->w : p->h;
    if (m->wave) wave(p, seconds, m->speed);
    double blur = m->focus_in ? 1 - fmin(1, u / 0.6) : m->focus_out ? fmax(0, (u - 0.4) / 0.6) : 0;
    if (blur > 0.02) picture_blur(p, (int)(short_side / 28 * blur));
    double night = between(m->night_from, m->night_to, e), warm = between(m->warm_from, m->warm_to, e) + (m->time_passes ? 0.5 * sin(e * M_PI) : 0);
    if (warm > 0.01) effect_warm(p, warm);
    if (night > 0.01) effect_night(p, night);
    to_grey(p, between(m->grey_from, m->grey_to, e));
    particles(p, m, seconds, seed);
    if (m->lightning) towards(p, 255, 0.75 * fmax(pulse_at(seconds + 1.1, 2.3, 0.35), pulse_at(seconds + 0.9, 2.3, 0.12)));
    if (m->flash) towards(p, 255, 0.9 * pulse_at(seconds, 1 / m->speed, 0.25));
    if (m->fade_in && seconds < fade) towards(p, m->fade_in == FADE_WHITE ? 255 : 0, 1 - seconds / fade);
    if (m->fade_out && seconds > duration - fade) towards(p, m->fade_out == FADE_WHITE ? 255 : 0, (seconds - (duration - fade)) / fade);
}
