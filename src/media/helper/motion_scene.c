/* A scene from words that lives: sky, clouds, land and things are drawn once, each on a sheet of its own, and moved; see motion.h.
 * Sheets that are farther away move less. Where the hour changes, there are two sets of sheets, and one fades into the other. */
#include "media/helper/motion.h"
#include "base/err.h"
#include "base/json.h"
#include "media/helper/pen.h"

#include <math.h>
#include <stdlib.h>

enum manner { STANDS, DRIVES, FLIES, FLUTTERS, RISES, HANGS, DRIFTS, SAILS, SWIMS, WALKS, HOPS, SWAYS, ROLLS, SHINES };

static const struct { const char *noun; enum manner manner; int faces; } manners[] = {
    {"bicycle", DRIVES, 1}, {"car", DRIVES, 1}, {"truck", DRIVES, 1}, {"train", DRIVES, -1}, {"boat", SAILS, 1}, {"plane", FLIES, 1}, {"rocket", RISES, 0},
    {"balloon", HANGS, 0}, {"cat", WALKS, 0}, {"dog", WALKS, 0}, {"bird", FLIES, 1}, {"duck", SAILS, 1}, {"fish", SWIMS, -1}, {"whale", SWIMS, -1}, {"horse", WALKS, 1},
    {"rabbit", HOPS, 0}, {"penguin", WALKS, 0}, {"butterfly", FLUTTERS, 0}, {"tree", SWAYS, 0}, {"pine", SWAYS, 0}, {"flower", SWAYS, 0}, {"sun", SHINES, 0}, {"moon", SHINES, 0},
    {"star", SHINES, 0}, {"cloud", DRIFTS, 0}, {"person", WALKS, 0}, {"robot", WALKS, 0}, {"heart", HANGS, 0}, {"ball", ROLLS, 0}, {"kite", FLIES, 0}, {"leaf", FLUTTERS, 0},
    {"candle", SWAYS, 0}, {"snowman", SWAYS, 0}};

struct sprite {
    const struct subject *subject;
    struct box box;              /* in the scene */
    enum manner manner;
    int faces;
    double phase, pace;          /* of its own */
    cairo_surface_t *sheet[2];   /* at the first and the last hour */
    double pad;                  /* around it in the sheet, in pixels of the scene */
};

enum layer { LAYER_SKY, LAYER_CLOUDS, LAYER_LAND, LAYERS };

struct scene {
    struct plan plans[2];        /* the second where time passes */
    const struct motion_plan *m;
    int w, h, sets;
    uint64_t seed;
    double detail;               /* pixels of a sheet for one of the scene */
    double horizon, light;
    struct box lettering;
    PangoContext *fonts;
    cairo_surface_t *layers[2][LAYERS];
    struct sprite sprites[SKETCH_MAX_BOXES];
    int sprite_count;
    bool abstract;
};

static struct canvas canvas_on(const struct scene *s, cairo_surface_t *sheet, int set) {
    struct canvas c = {.cr = cairo_create(sheet), .w = s->w, .h = s->h, .seed = s->seed, .plan = &s->plans[set], .horizon = s->horizon, .light = s->light};
    cairo_scale(c.cr, s->detail, s->detail);
    return c;
}

static cairo_surface_t *sheet_new(const struct scene *s, double w, double h) {
    cairo_surface_t *sheet = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, (int)ceil(w * s->detail), (int)ceil(h * s->detail));
    must(cairo_surface_status(sheet) == CAIRO_STATUS_SUCCESS);
    return sheet;
}

static void draw_layers(struct scene *s, int set) {
    static void (*const draw[LAYERS])(struct canvas *c) = {sketch_sky, sketch_clouds, sketch_land};
    for (int i = 0; i < LAYERS; i++) {
        s->layers[set][i] = sheet_new(s, s->w, s->h);
        struct canvas c = canvas_on(s, s->layers[set][i], set);
        if (s->abstract) {
            if (i == LAYER_SKY) sketch_abstract(&c);
        } else draw[i](&c);
        for (int side = -1; i == LAYER_CLOUDS && side <= 1; side += 2) { /* what sticks out on one side comes in on the other */
            cairo_translate(c.cr, side * s->w * (side > 0 ? 2 : 1), 0);
            draw[i](&c);
        }
        cairo_destroy(c.cr);
    }
}

static void draw_sprite(struct scene *s, struct sprite *sp, int set) {
    struct subject *sub = &s->plans[set].subjects[0] + (sp->subject - s->plans[0].subjects);
    bool night = s->plans[set].time == TIME_NIGHT;
    sp->pad = fmax(sp->box.w, sp->box.h) * 0.06 + 2;
    sp->sheet[set] = sheet_new(s, sp->box.w + 2 * sp->pad, sp->box.h + 2 * sp->pad);
    cairo_t *cr = cairo_create(sp->sheet[set]);
    cairo_scale(cr, s->detail, s->detail);
    struct pen pen = {.cr = cr, .main = sub->main, .accent = sub->accent, .light = s->light, .night = night ? 1 : 0, .seed = s->seed + (uint64_t)(sp->phase * 1000)};
    int heading = s->m->heading ? s->m->heading : 1;
    pen_draw(&pen, sub->noun->art, pen_extent(cr, sub->noun->art), (struct box){sp->pad, sp->pad, sp->box.w, sp->box.h}, sp->faces * heading < 0);
    cairo_destroy(cr);
}

/* Smaller than in a still picture, and away from the edges: there must be room to move, and the camera comes nearer. */
static struct box room_to_move(const struct scene *s, const struct subject *sub, struct box b) {
    double keep = 0.80, cx = s->w / 2.0 + (b.x + b.w / 2 - s->w / 2.0) * 0.86, foot = b.y + b.h, middle = s->h / 2.0;
    bool air = sub->noun->place == PLACE_SKY || s->plans[0].setting == SETTING_SPACE;
    if (air) foot = middle + (b.y + b.h / 2 - middle) * 0.82 + b.h * keep / 2;
    else if (foot > s->h * 0.60) foot = s->h * 0.60 + (foot - s->h * 0.60) * 0.76;
    return (struct box){cx - b.w * keep / 2, foot - b.h * keep, b.w * keep, b.h * keep};
}

static void cast_sprites(struct scene *s) {
    struct dice d = dice_of(s->seed, "cast");
    for (int i = 0; i < s->plans[0].subject_count; i++)
        for (int k = 0; k < s->plans[0].subjects[i].count; k++) {
            struct sprite sp = {.subject = &s->plans[0].subjects[i], .manner = STANDS};
            sp.box = room_to_move(s, sp.subject, sp.subject->boxes[k]);
            sp.phase = dice_in(&d, 0, 2 * M_PI);
            sp.pace = dice_in(&d, 0.85, 1.2);
            for (size_t n = 0; n < sizeof manners / sizeof *manners; n++)
                if (!strcmp(manners[n].noun, sp.subject->noun->name)) sp.manner = manners[n].manner, sp.faces = manners[n].faces;
            int at = s->sprite_count++; /* far things first: by their feet */
            for (; at > 0 && s->sprites[at - 1].box.y + s->sprites[at - 1].box.h > sp.box.y + sp.box.h; at--) s->sprites[at] = s->sprites[at - 1];
            s->sprites[at] = sp;
        }
    for (int i = 0; i < s->sprite_count; i++)
        for (int set = 0; set < s->sets; set++) draw_sprite(s, &s->sprites[i], set);
}

struct scene *scene_new(struct str prompt, const struct motion_plan *m, int w, int h, uint64_t seed, PangoContext *fonts) {
    struct scene *s = calloc(1, sizeof *s);
    must(s);
    *s = (struct scene){.m = m, .w = w, .h = h, .seed = seed, .fonts = fonts, .sets = m->time_passes ? 2 : 1};
    double nearest = 1;
    for (int i = 0; i <= 40; i++) nearest = fmax(nearest, motion_view(m, i / 40.0, i / 10.0).zoom);
    s->detail = fmin(1.7, nearest * fmax(1, motion_margin(m, 5, (double)w / h)) * 1.02);
    sketch_read_prompt(prompt, &s->plans[0]);
    struct plan *p = &s->plans[0];
    s->abstract = !p->subject_count && !p->setting_named;
    if (m->time_passes) p->time = m->time_from;
    p->rain = p->rain || m->rain > 0; /* a grey sky; what falls is drawn upon the frame */
    struct dice d = dice_of(seed, "light");
    struct canvas c = {.cr = NULL, .w = w, .h = h, .seed = seed, .plan = p, .light = dice_next(&d) & 1 ? 1 : -1};
    cairo_surface_t *none = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
    c.cr = cairo_create(none);
    sketch_place(&c, p);
    cairo_destroy(c.cr);
    cairo_surface_destroy(none);
    s->horizon = c.horizon, s->light = c.light, s->lettering = c.lettering;
    s->plans[1] = *p;
    if (m->time_passes) s->plans[1].time = m->time_to;
    for (int i = 0; i < s->sets; i++) draw_layers(s, i);
    cast_sprites(s);
    return s;
}

void scene_free(struct scene *s) {
    if (!s) return;
    for (int set = 0; set < s->sets; set++) {
        for (int i = 0; i < LAYERS; i++) cairo_surface_destroy(s->layers[set][i]);
        for (int i = 0; i < s->sprite_count; i++) cairo_surface_destroy(s->sprites[i].sheet[set]);
    }
    free(s);
}

bool scene_has_subject(const struct scene *s) { return !s->abstract; }
const struct plan *scene_plan(const struct scene *s) { return &s->plans[0]; }

static void paint_sheet(struct scene *s, cairo_t *cr, cairo_surface_t *const sheets[2], double x, double y, double fade) {
    for (int set = 0; set < s->sets; set++) {
        double alpha = set ? fade : 1;
        if (alpha <= 0.003 || (s->sets == 2 && !set && fade >= 0.997)) continue;
        cairo_save(cr);
        cairo_translate(cr, x, y);
        cairo_scale(cr, 1 / s->detail, 1 / s->detail);
        cairo_set_source_surface(cr, sheets[set], 0, 0);
        cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_BILINEAR);
        cairo_paint_with_alpha(cr, alpha);
        cairo_restore(cr);
    }
}

static double wrap(double x, double span) { return x - span * floor(x / span); }

/* A layer at a distance: 0 infinitely far, 1 where the things are. */
static void paint_layer(struct scene *s, cairo_t *cr, enum layer i, struct view v, double margin, double depth, double shift, double fade) {
    struct view far = {exp(log(v.zoom) * depth), v.x * depth, v.y * depth, v.turn};
    cairo_surface_t *const sheets[2] = {s->layers[0][i], s->layers[s->sets - 1][i]};
    cairo_save(cr);
    motion_look(cr, far, margin, s->w, s->h);
    if (i == LAYER_CLOUDS) { /* they go round */
        double x = wrap(shift, s->w);
        paint_sheet(s, cr, sheets, x, 0, fade);
        paint_sheet(s, cr, sheets, x - s->w, 0, fade);
    } else paint_sheet(s, cr, sheets, 0, 0, fade);
    cairo_restore(cr);
}

/* Light on the water, and stars that twinkle. */
static void shimmer(struct scene *s, cairo_t *cr, double t, double fade) {
    struct dice d = dice_of(s->seed, "shimmer");
    double unit = fmin(s->w, s->h) / 1000.0, deep = fmin(s->h - s->horizon, s->h * 0.30);
    bool night = s->plans[fade > 0.5 ? s->sets - 1 : 0].time == TIME_NIGHT;
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    for (int i = 0; s->plans[0].setting == SETTING_SEA && i < 60; i++) {
        double k = pow(dice_unit(&d), 1.4), y = s->horizon + deep * (0.04 + 0.9 * k), x = dice_unit(&d) * s->w, phase = dice_in(&d, 0, 6.3), len = (10 + 46 * k) * unit;
        double glint = sin(t * 1.6 + phase);
        if (glint < 0.1) continue;
        x += sin(t * 0.7 + phase) * 18 * unit;
        cairo_set_source_rgba(cr, 1, 1, 1, 0.5 * glint);
        cairo_set_line_width(cr, fmax(0.8, (1.4 + 2 * k) * unit));
        cairo_move_to(cr, x - len, y);
        cairo_curve_to(cr, x - len * 0.3, y + 3 * unit, x + len * 0.3, y - 3 * unit, x + len, y);
        cairo_stroke(cr);
    }
    for (int i = 0; (night || s->plans[0].setting == SETTING_SPACE) && s->plans[0].setting != SETTING_ROOM && i < 26; i++) {
        double x = dice_unit(&d) * s->w, y = dice_unit(&d) * s->horizon * 0.8, phase = dice_in(&d, 0, 6.3), k = 0.5 + 0.5 * sin(t * dice_in(&d, 1.5, 4) + phase), r = (1.2 + 2.4 * k) * unit;
        cairo_set_source_rgba(cr, 1, 0.97, 0.85, 0.2 + 0.7 * k);
        cairo_arc(cr, x, y, fmax(0.6, r), 0, 2 * M_PI);
        cairo_fill(cr);
    }
}

struct pose { double x, y, turn, sx, sy, alpha; bool foot; }; /* offsets in pixels; turned and stretched about its foot or its middle */

static double travelled(const struct scene *s, const struct sprite *sp, double u, double parts) {
    int heading = s->m->heading ? s->m->heading : 1;
    return heading * parts * s->w * pow(s->m->speed, 0.6) * sp->pace * (u - 0.45);
}

static struct pose pose_of(const struct scene *s, const struct sprite *sp, double u, double t) {
    const struct motion_plan *m = s->m;
    struct pose p = {.sx = 1, .sy = 1, .alpha = 1};
    double k = m->speed, h = sp->box.h, beat = t * k * 2 * M_PI;
    switch (sp->manner) {
    case DRIVES: p.x = travelled(s, sp, u, 0.75), p.y = -fabs(sin(beat * 2.1 + sp->phase)) * h * 0.018, p.turn = 0.012 * sin(beat * 1.7 + sp->phase), p.foot = true; break;
    case FLIES: p.x = travelled(s, sp, u, 0.6), p.y = sin(beat * 0.5 + sp->phase) * h * 0.10, p.turn = 0.06 * sin(beat * 0.5 + sp->phase + 1), p.sy = 1 + 0.05 * sin(beat * 2 + sp->phase); break;
    case FLUTTERS: p.x = travelled(s, sp, u, 0.25) + sin(beat * 0.6 + sp->phase) * h * 0.3, p.y = sin(beat * 0.9 + sp->phase) * h * 0.25, p.sx = 0.55 + 0.45 * fabs(sin(beat * 2.2 + sp->phase)); break;
    case RISES: p.y = -(m->rise || m->busy ? pow(u, 1.8) * s->h * 1.1 : sin(beat * 0.4) * h * 0.05), p.x = sin(t * 31) * h * 0.004; break;
    case HANGS: p.y = sin(beat * 0.3 + sp->phase) * h * 0.07, p.x = sin(beat * 0.21 + sp->phase) * h * 0.08, p.turn = 0.05 * sin(beat * 0.27 + sp->phase); break;
    case DRIFTS: p.x = travelled(s, sp, u, 0.18); break;
    case SAILS: p.x = travelled(s, sp, u, 0.36), p.y = sin(beat * 0.42 + sp->phase) * h * 0.022, p.turn = 0.05 * sin(beat * 0.36 + sp->phase), p.foot = true; break;
    case SWIMS: p.x = travelled(s, sp, u, 0.5), p.y = sin(beat * 0.6 + sp->phase) * h * 0.09, p.turn = 0.06 * cos(beat * 0.6 + sp->phase); break;
    case WALKS:
        if (m->busy) p.x = travelled(s, sp, u, 0.5), p.y = -fabs(sin(beat * 1.3 + sp->phase)) * h * 0.06, p.turn = 0.06 * sin(beat * 1.3 + sp->phase);
        else p.sy = 1 + 0.018 * sin(beat * 0.5 + sp->phase), p.turn = 0.015 * sin(beat * 0.3 + sp->phase);
        p.foot = true;
        break;
    case HOPS: p.x = m->busy || m->jumps ? travelled(s, sp, u, 0.4) : 0, p.y = -fabs(sin(beat * 0.9 + sp->phase)) * h * 0.16, p.foot = true; break;
    case SWAYS: p.turn = (0.02 + 0.02 * m->speed) * sin(beat * 0.33 + sp->phase), p.foot = true; break;
    case ROLLS: p.x = travelled(s, sp, u, 0.6), p.turn = p.x / fmax(sp->box.w / 2, 1); break;
    case SHINES: p.sx = p.sy = 1 + 0.035 * sin(beat * 0.5 + sp->phase), p.turn = 0.08 * sin(beat * 0.2 + sp->phase); break;
    case STANDS: break;
    }
    if (m->jumps && sp->manner != HOPS && sp->manner != STANDS) p.y -= fabs(sin(beat * 0.8 + sp->phase)) * h * 0.28;
    if (m->dances && sp->subject->noun->place == PLACE_GROUND) p.turn += 0.16 * sin(beat * 0.9 + sp->phase), p.y -= fabs(sin(beat * 0.9 + sp->phase)) * h * 0.08, p.foot = true;
    if (m->spins && sp->manner != STANDS && sp->manner != SWAYS) p.turn += beat * 0.4;
    if (m->grows) p.sx *= 0.45 + 0.65 * u, p.sy *= 0.45 + 0.65 * u, p.foot = true;
    if (m->rise && (sp->subject->noun->place == PLACE_SKY || sp->manner == HANGS) && sp->manner != RISES) p.y -= m->rise * (u - 0.4) * s->h * 0.5 * pow(k, 0.5);
    return p;
}

static void shadow(cairo_t *cr, const struct sprite *sp, const struct pose *p) {
    double lift = fmin(1, fmax(0, -p->y / fmax(sp->box.h, 1))), cx = sp->box.x + sp->box.w / 2 + p->x, cy = sp->box.y + sp->box.h * 0.985;
    cairo_save(cr);
    cairo_translate(cr, cx, cy);
    cairo_scale(cr, sp->box.w * 0.54 * (1 - lift * 0.5), fmax(sp->box.w * 0.07, 1));
    cairo_pattern_t *g = cairo_pattern_create_radial(0, 0, 0, 0, 0, 1);
    cairo_pattern_add_color_stop_rgba(g, 0, 0.05, 0.03, 0.12, 0.55 * (1 - lift * 0.7));
    cairo_pattern_add_color_stop_rgba(g, 1, 0.05, 0.03, 0.12, 0);
    cairo_set_source(cr, g);
    cairo_arc(cr, 0, 0, 1, 0, 2 * M_PI);
    cairo_fill(cr);
    cairo_pattern_destroy(g);
    cairo_restore(cr);
}

static void paint_sprite(struct scene *s, cairo_t *cr, struct sprite *sp, double u, double t, double fade) {
    struct pose p = pose_of(s, sp, u, t);
    bool wet = s->plans[0].setting == SETTING_SEA && sp->subject->noun->place == PLACE_WATER;
    if (sp->subject->noun->place != PLACE_SKY && s->plans[0].setting != SETTING_SPACE && !wet) shadow(cr, sp, &p);
    double cx = sp->box.x + sp->box.w / 2 + p.x, cy = sp->box.y + (p.foot ? sp->box.h : sp->box.h / 2) + p.y;
    cairo_save(cr);
    cairo_translate(cr, cx, cy);
    cairo_rotate(cr, p.turn);
    cairo_scale(cr, p.sx, p.sy);
    paint_sheet(s, cr, sp->sheet, -sp->box.w / 2 - sp->pad, -(p.foot ? sp->box.h : sp->box.h / 2) - sp->pad, fade);
    cairo_restore(cr);
    if (!wet) return;
    for (int i = 0; i < 3; i++) { /* ripples at its keel */
        double k = wrap(t * 0.6 + i / 3.0 + sp->phase, 1), w = sp->box.w * (0.35 + 0.4 * k), y = sp->box.y + sp->box.h + p.y * 0.3 + sp->box.w * 0.03 * k;
        cairo_set_source_rgba(cr, 1, 1, 1, 0.5 * (1 - k));
        cairo_set_line_width(cr, fmax(0.7, sp->box.w * 0.012));
        cairo_move_to(cr, cx - w, y);
        cairo_curve_to(cr, cx - w * 0.4, y + w * 0.06, cx + w * 0.4, y - w * 0.04, cx + w, y);
        cairo_stroke(cr);
    }
}

void scene_draw(struct scene *s, cairo_t *cr, double u, double seconds, struct view v, double margin) {
    double fade = s->sets == 2 ? motion_ease(s->m, u) : 0, k = s->m->speed;
    paint_layer(s, cr, LAYER_SKY, v, margin, s->abstract ? 1 : 0.35, 0, fade);
    if (!s->abstract) {
        paint_layer(s, cr, LAYER_CLOUDS, v, margin, 0.45, seconds * s->w * 0.018 * k * (s->m->time_passes ? 4 : 1), fade);
        paint_layer(s, cr, LAYER_LAND, v, margin, 0.72, 0, fade);
    }
    cairo_save(cr);
    motion_look(cr, (struct view){exp(log(v.zoom) * 0.72), v.x * 0.72, v.y * 0.72, v.turn}, margin, s->w, s->h);
    shimmer(s, cr, seconds * k, fade);
    cairo_restore(cr);
    cairo_save(cr);
    motion_look(cr, v, margin, s->w, s->h);
    for (int i = 0; i < s->sprite_count; i++) paint_sprite(s, cr, &s->sprites[i], u, seconds, fade);
    cairo_restore(cr);
    struct canvas c = {.cr = cr, .w = s->w, .h = s->h};
    sketch_corners(&c);
}

void scene_lettering(struct scene *s, cairo_t *cr, double seconds, double duration) {
    if (s->lettering.h <= 0) return;
    double in = fmin(1, seconds / fmin(0.8, duration * 0.25));
    struct canvas c = {.cr = cr, .w = s->w, .h = s->h, .seed = s->seed, .plan = &s->plans[0], .lettering = s->lettering};
    cairo_push_group(cr);
    sketch_lettering(&c, s->fonts);
    cairo_pop_group_to_source(cr);
    cairo_paint_with_alpha(cr, in);
}

void scene_write(const struct scene *s, struct jw *w) {
    const struct plan *p = &s->plans[0];
    jw_key(w, "subjects");
    jw_open(w, '[');
    for (int i = 0; i < p->subject_count; i++) {
        jw_open(w, '{');
        jw_kz(w, "name", p->subjects[i].noun->name);
        jw_key(w, "colour");
        if (*p->subjects[i].colour) jw_z(w, p->subjects[i].colour);
        else jw_null(w);
        jw_ki64(w, "count", p->subjects[i].count);
        jw_close(w, '}');
    }
    jw_close(w, ']');
    jw_key(w, "setting");
    if (!s->abstract) jw_z(w, sketch_setting_name(p->setting));
    else jw_null(w);
    jw_kz(w, "time_of_day", sketch_time_name(p->time));
    jw_key(w, "text");
    if (*p->text) jw_z(w, p->text);
    else jw_null(w);
}
