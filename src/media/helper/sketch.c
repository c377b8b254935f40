/* The renderer `sketch` from inputs to pixels and scene; see sketch.h. Called by the media helper's job, the contact sheet and
 * the fuzzer. */
#include "media/helper/sketch.h"
#include "base/json.h"
#include "base/limits.h"
#include "media/helper/pen.h"
#include "media/helper/sketch_scenery.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static err read_size(struct str s, struct why *why, struct sketch_inputs *out) {
    struct str w, h;
    int64_t a = 0, b = 0;
    if (!str_cut(s, 'x', &w, &h) || !str_to_i64(w, &a) || !str_to_i64(h, &b))
        return why_set(why, E_INVALID, "The size \"%.*s\" could not be read; write it as 1024x1024.", (int)(s.len < 40 ? s.len : 40), s.ptr);
    if (a < SKETCH_MIN_SIDE || b < SKETCH_MIN_SIDE || a > SKETCH_MAX_SIDE || b > SKETCH_MAX_SIDE)
        return why_set(why, E_INVALID, "Each side of a picture is %d to %d pixels.", SKETCH_MIN_SIDE, SKETCH_MAX_SIDE);
    out->w = (int)a;
    out->h = (int)b;
    return OK;
}

static err read_format(struct str s, struct why *why, struct sketch_inputs *out) {
    static const char *const known[][2] = {{"png", "png"}, {"jpeg", "jpeg"}, {"jpg", "jpeg"}, {"webp", "webp"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_is(s, known[i][0])) return snprintf(out->format, sizeof out->format, "%s", known[i][1]), OK;
    return why_set(why, E_INVALID, "The format is one of png, jpeg and webp.");
}

err sketch_read_inputs(struct str text, uint64_t seed, struct arena *a, struct why *why, struct sketch_inputs *out) {
    struct sketch_inputs in = {.w = 1024, .h = 1024, .seed = seed, .format = "png"};
    struct json *root = NULL;
    struct str s;
    TRY(json_parse(text, a, why, &root));
    const struct json *prompt = json_get(root, "prompt"), *size = json_get(root, "size"), *format = json_get(root, "format");
    if (!json_as_str(prompt, &in.prompt)) return why_set(why, E_INVALID, "A prompt is needed: what is to be drawn.");
    if (in.prompt.len > LIMIT_PROMPT_BYTES) return why_set(why, E_INVALID, "The prompt is longer than %d bytes.", LIMIT_PROMPT_BYTES);
    if (json_as_str(size, &s)) TRY(read_size(s, why, &in));
    if (json_as_str(format, &s)) TRY(read_format(s, why, &in));
    *out = in;
    return OK;
}

/* What a thing throws on the ground it stands on. */
static void shadow(struct canvas *c, struct box b) {
    double cx = b.x + b.w / 2 - c->light * b.w * 0.10, cy = b.y + b.h * 0.985, rx = b.w * 0.56, ry = fmax(b.w * 0.075, 1);
    cairo_save(c->cr);
    cairo_translate(c->cr, cx, cy);
    cairo_scale(c->cr, rx, ry);
    glow(c->cr, 0, 0, 1, (struct rgb){0.05, 0.03, 0.12}, 0.62);
    cairo_restore(c->cr);
}

/* Things on water: a ripple and a dim reflection instead of a shadow. */
static void ripple(struct canvas *c, struct box b, struct rgb colour) {
    double cx = b.x + b.w / 2, cy = b.y + b.h;
    cairo_save(c->cr);
    cairo_translate(c->cr, cx, cy);
    cairo_scale(c->cr, b.w * 0.5, fmax(b.w * 0.07, 1));
    glow(c->cr, 0, 0, 1, rgb_scale(colour, 0.6), 0.5);
    cairo_restore(c->cr);
    cairo_set_source_rgba(c->cr, 1, 1, 1, 0.55);
    cairo_set_line_width(c->cr, fmax(0.6, b.w * 0.012));
    for (int i = 0; i < 3; i++) {
        double w = b.w * (0.56 - 0.1 * i), y = cy + b.w * 0.022 * (i - 0.4);
        cairo_move_to(c->cr, cx - w, y);
        cairo_curve_to(c->cr, cx - w * 0.4, y + w * 0.05, cx + w * 0.4, y - w * 0.04, cx + w, y);
    }
    cairo_stroke(c->cr);
}

static bool swims(const struct plan *p, const struct subject *s) { return p->setting == SETTING_SEA && s->noun->place == PLACE_WATER; }

static void draw_one(struct canvas *c, const struct subject *s, struct box extent, int k) {
    struct box b = s->boxes[k];
    struct dice d = dice_of(c->seed, s->noun->name);
    for (int i = 0; i < k; i++) dice_next(&d);
    bool night = c->plan->time == TIME_NIGHT, standing = s->noun->place != PLACE_SKY && c->plan->setting != SETTING_SPACE;
    double luma = 0.3 * s->main.r + 0.59 * s->main.g + 0.11 * s->main.b;
    if (night && luma < 0.4) glow(c->cr, b.x + b.w / 2, b.y + b.h / 2, hypot(b.w, b.h) * 0.55, rgb_hex("8fa6d8"), 0.35);
    if (swims(c->plan, s)) {
        /* below: drawn after it, over its keel */
    } else if (standing) shadow(c, b);
    /* Letters and faces of clocks must not be mirrored; few drawings care, the ones that do are symmetric. */
    bool mirrored = dice_next(&d) & 1;
    struct pen pen = {.cr = c->cr, .main = s->main, .accent = s->accent, .light = c->light, .night = night ? 1 : 0, .seed = dice_next(&d) >> 20};
    pen_draw(&pen, s->noun->art, extent, b, mirrored);
    if (swims(c->plan, s)) ripple(c, b, s->main);
}

static void draw_subjects(struct canvas *c, const struct plan *p) {
    /* Far things first. */
    struct { const struct subject *s; int k; } order[SKETCH_MAX_BOXES];
    int n = 0;
    for (int i = 0; i < p->subject_count; i++)
        for (int k = 0; k < p->subjects[i].count; k++) {
            double foot = p->subjects[i].boxes[k].y + p->subjects[i].boxes[k].h;
            int at = n++;
            for (; at > 0 && order[at - 1].s->boxes[order[at - 1].k].y + order[at - 1].s->boxes[order[at - 1].k].h > foot; at--) order[at] = order[at - 1];
            order[at].s = &p->subjects[i];
            order[at].k = k;
        }
    for (int i = 0; i < n; i++) draw_one(c, order[i].s, pen_extent(c->cr, order[i].s->noun->art), order[i].k);
}

static void write_subject(struct jw *w, const struct subject *s) {
    char rgb[8];
    snprintf(rgb, sizeof rgb, "#%02x%02x%02x", (int)lround(s->main.r * 255) & 255, (int)lround(s->main.g * 255) & 255, (int)lround(s->main.b * 255) & 255);
    jw_open(w, '{');
    jw_kz(w, "name", s->noun->name);
    jw_key(w, "colour");
    if (*s->colour) jw_z(w, s->colour);
    else jw_null(w);
    jw_kz(w, "colour_rgb", rgb);
    jw_ki64(w, "count", s->count);
    jw_key(w, "boxes");
    jw_open(w, '[');
    for (int k = 0; k < s->count; k++) {
        double x = floor(s->boxes[k].x), y = floor(s->boxes[k].y);
        jw_open(w, '[');
        jw_i64(w, (int64_t)x);
        jw_i64(w, (int64_t)y);
        jw_i64(w, (int64_t)fmax(1, floor(s->boxes[k].x + s->boxes[k].w) - x));
        jw_i64(w, (int64_t)fmax(1, floor(s->boxes[k].y + s->boxes[k].h) - y));
        jw_close(w, ']');
    }
    jw_close(w, ']');
    jw_close(w, '}');
}

/* `subject`, `colours` and `count` sum up what `subjects` says in full. */
static void write_scene(const struct plan *p, uint64_t seed, char out[SKETCH_SCENE_BYTES]) {
    struct buf b = {0};
    struct jw w = {.out = &b};
    int count = 0;
    jw_open(&w, '{');
    jw_key(&w, "subject");
    if (p->subject_count) jw_z(&w, p->subjects[0].noun->name);
    else jw_null(&w);
    jw_key(&w, "colours");
    jw_open(&w, '[');
    for (int i = 0; i < p->subject_count; i++) {
        if (*p->subjects[i].colour) jw_z(&w, p->subjects[i].colour);
        count += p->subjects[i].count;
    }
    jw_close(&w, ']');
    jw_ki64(&w, "count", count);
    jw_key(&w, "subjects");
    jw_open(&w, '[');
    for (int i = 0; i < p->subject_count; i++) write_subject(&w, &p->subjects[i]);
    jw_close(&w, ']');
    jw_kz(&w, "time_of_day", sketch_time_name(p->time));
    jw_key(&w, "setting");
    if (p->subject_count || p->setting_named) jw_z(&w, sketch_setting_name(p->setting));
    else jw_null(&w);
    jw_key(&w, "weather");
    if (p->rain || p->snow || p->fog) jw_z(&w, p->rain ? "rain" : p->snow ? "snow" : "fog");
    else jw_null(&w);
    jw_key(&w, "text");
    if (*p->text) jw_z(&w, p->text);
    else jw_null(&w);
    jw_ki64(&w, "seed", (int64_t)(seed & INT64_MAX));
    jw_close(&w, '}');
    must(b.len < SKETCH_SCENE_BYTES); /* SKETCH_MAX_BOXES and SKETCH_TEXT_BYTES are chosen so */
    memcpy(out, b.ptr, b.len + 1);
    buf_done(&b);
}

cairo_surface_t *sketch_draw(const struct sketch_inputs *in, PangoContext *fonts, char scene[SKETCH_SCENE_BYTES]) {
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, in->w, in->h);
    if (cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS) {
        cairo_surface_destroy(surface);
        return NULL;
    }
    struct plan *plan = malloc(sizeof *plan);
    must(plan);
    sketch_read_prompt(in->prompt, plan);
    struct dice d = dice_of(in->seed, "light");
    struct canvas c = {.cr = cairo_create(surface), .w = in->w, .h = in->h, .seed = in->seed, .plan = plan};
    c.light = dice_next(&d) & 1 ? 1 : -1;
    sketch_place(&c, plan);
    if (plan->subject_count || plan->setting_named) {
        sketch_background(&c);
        draw_subjects(&c, plan);
    } else {
        sketch_abstract(&c);
    }
    sketch_weather(&c);
    sketch_lettering(&c, fonts);
    write_scene(plan, in->seed, scene);
    cairo_destroy(c.cr);
    cairo_surface_flush(surface);
    free(plan);
    return surface;
}
