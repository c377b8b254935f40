/* The pen of the renderer `sketch`; see pen.h for the language of the drawings. Called by sketch.c and sketch_place.c. */
#include "media/helper/pen.h"

#include <math.h>
#include <stdlib.h>

struct reader {
    const char *at;
};

static double number(struct reader *r) {
    char *end = NULL;
    double v = strtod(r->at, &end);
    must(end != r->at); /* drawings are tables of this program; a test reads them all */
    r->at = end;
    return v;
}

static void blanks(struct reader *r) {
    while (*r->at == ' ' || *r->at == '\n') r->at++;
}

static void ellipse(cairo_t *cr, double cx, double cy, double rx, double ry) {
    cairo_matrix_t kept;
    cairo_get_matrix(cr, &kept);
    cairo_new_sub_path(cr);
    cairo_translate(cr, cx, cy);
    cairo_scale(cr, rx, ry);
    cairo_arc(cr, 0, 0, 1, 0, 2 * M_PI);
    cairo_close_path(cr);
    cairo_set_matrix(cr, &kept);
}

static void rectangle(cairo_t *cr, double x, double y, double w, double h, double r) {
    cairo_new_sub_path(cr);
    cairo_arc(cr, x + w - r, y + r, r, -M_PI / 2, 0);
    cairo_arc(cr, x + w - r, y + h - r, r, 0, M_PI / 2);
    cairo_arc(cr, x + r, y + h - r, r, M_PI / 2, M_PI);
    cairo_arc(cr, x + r, y + r, r, M_PI, 3 * M_PI / 2);
    cairo_close_path(cr);
}

static void quadratic(cairo_t *cr, double x1, double y1, double x, double y) {
    double x0, y0;
    cairo_get_current_point(cr, &x0, &y0);
    cairo_curve_to(cr, x0 + (x1 - x0) * 2 / 3, y0 + (y1 - y0) * 2 / 3, x + (x1 - x) * 2 / 3, y + (y1 - y) * 2 / 3, x, y);
}

static void read_path(cairo_t *cr, struct reader *r) {
    double v[6];
    cairo_new_path(cr);
    for (blanks(r); *r->at && *r->at != '|'; blanks(r)) {
        char op = *r->at++;
        int want = op == 'M' || op == 'L' ? 2 : op == 'C' ? 6 : op == 'Q' || op == 'E' ? 4 : op == 'R' ? 5 : 0;
        for (int i = 0; i < want; i++) v[i] = number(r);
        switch (op) {
        case 'M': cairo_move_to(cr, v[0], v[1]); break;
        case 'L': cairo_line_to(cr, v[0], v[1]); break;
        case 'C': cairo_curve_to(cr, v[0], v[1], v[2], v[3], v[4], v[5]); break;
        case 'Q': quadratic(cr, v[0], v[1], v[2], v[3]); break;
        case 'E': ellipse(cr, v[0], v[1], v[2], v[3]); break;
        case 'R': rectangle(cr, v[0], v[1], v[2], v[3], v[4]); break;
        default: must(op == 'Z'); cairo_close_path(cr);
        }
    }
}

struct shape {
    char colour;
    bool bare;   /* no outline */
    double line; /* > 0: a line of this width instead of an area */
};

/* The next shape; its path is the current path afterwards. */
static bool read_shape(cairo_t *cr, struct reader *r, struct shape *out) {
    struct shape s = {0};
    blanks(r);
    if (*r->at == '|') r->at++;
    blanks(r);
    if (!*r->at) return false;
    s.colour = *r->at++;
    if (*r->at == '!') {
        s.bare = true;
        r->at++;
    } else if (*r->at == '-') {
        r->at++;
        s.line = number(r);
    }
    read_path(cr, r);
    *out = s;
    return true;
}

struct box pen_extent(cairo_t *cr, const char *art) {
    struct reader r = {art};
    struct shape s;
    double x1 = 1e9, y1 = 1e9, x2 = -1e9, y2 = -1e9;
    cairo_save(cr);
    cairo_identity_matrix(cr);
    while (read_shape(cr, &r, &s)) {
        double a, b, c, d, half = s.line > 0 ? s.line / 2 : s.bare ? 0 : 0.7;
        cairo_path_extents(cr, &a, &b, &c, &d);
        x1 = fmin(x1, a - half), y1 = fmin(y1, b - half), x2 = fmax(x2, c + half), y2 = fmax(y2, d + half);
    }
    cairo_new_path(cr);
    cairo_restore(cr);
    return (struct box){x1, y1, x2 - x1, y2 - y1};
}

static struct rgb colour_of(const struct pen *p, char letter) {
    static const struct { char letter; const char *hex; } fixed[] = {
        {'k', "2b2730"}, {'w', "fbf7ee"}, {'s', "eab98f"}, {'b', "86552f"}, {'g', "4c9140"}, {'y', "f8cd4c"}, {'t', "8f9aa6"},
        {'r', "d8443c"}, {'p', "f0a0ae"}, {'u', "c4e4f1"}, {'o', "f08a35"}, {'n', "dcbd8d"}};
    struct rgb white = {1, 1, 1}, ink = {0.10, 0.07, 0.13};
    double luma = 0.3 * p->main.r + 0.59 * p->main.g + 0.11 * p->main.b;
    switch (letter) {
    case 'm': return p->main;
    case 'd': return rgb_mix(p->main, ink, luma > 0.85 ? 0.12 : 0.20);
    case 'l': return rgb_mix(p->main, white, luma < 0.2 ? 0.10 : 0.26);
    case 'a': return p->accent;
    }
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (fixed[i].letter == letter) return rgb_hex(fixed[i].hex);
    must(false);
    return white;
}

static double noise(uint64_t seed, double t) {
    return sin(t * 1.7 + (double)(seed % 97)) * 0.6 + sin(t * 4.1 + (double)(seed / 97 % 89)) * 0.4;
}

void pen_outline(cairo_t *cr, struct rgb colour, double width, double wobble, uint64_t seed) {
    cairo_path_t *kept = cairo_copy_path(cr), *flat = cairo_copy_path_flat(cr);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    for (int pass = 0; pass < 2; pass++) {
        cairo_new_path(cr);
        for (int i = 0; i < flat->num_data; i += flat->data[i].header.length) {
            const cairo_path_data_t *d = &flat->data[i];
            if (d->header.type == CAIRO_PATH_CLOSE_PATH) {
                cairo_close_path(cr);
                continue;
            }
            double x = d[1].point.x, y = d[1].point.y, k = wobble > 0 ? 0.11 / wobble : 0;
            double dx = wobble * noise(seed + (uint64_t)pass * 31, (x + y * 0.7) * k);
            double dy = wobble * noise(seed + 17 + (uint64_t)pass * 31, (y - x * 0.6) * k);
            if (d->header.type == CAIRO_PATH_MOVE_TO) cairo_move_to(cr, x + dx, y + dy);
            else cairo_line_to(cr, x + dx, y + dy);
        }
        cairo_set_source_rgba(cr, colour.r, colour.g, colour.b, pass ? 0.45 : 0.92);
        cairo_set_line_width(cr, pass ? width * 0.6 : width);
        cairo_stroke(cr);
    }
    cairo_new_path(cr);
    cairo_append_path(cr, kept);
    cairo_path_destroy(kept);
    cairo_path_destroy(flat);
}

/* Diagonal strokes on the side away from the light, inside the current path, which is kept. */
static void hatch(struct pen *p, struct rgb colour, struct box e) {
    double step = 3.4, side = p->light < 0 ? 1 : -1;
    double x1 = side > 0 ? e.x + e.w * 0.60 : e.x, x2 = side > 0 ? e.x + e.w : e.x + e.w * 0.40;
    struct rgb ink = rgb_mix(colour, (struct rgb){0.08, 0.05, 0.12}, 0.55);
    cairo_path_t *kept = cairo_copy_path(p->cr);
    cairo_save(p->cr);
    cairo_clip(p->cr);
    cairo_set_line_width(p->cr, 0.55);
    cairo_set_source_rgba(p->cr, ink.r, ink.g, ink.b, 0.30);
    int i = 0;
    for (double y = e.y - e.w * 0.5; y < e.y + e.h + e.w; y += step, i++) {
        double in = (noise(p->seed, i * 1.3) + 1) * 0.10 * e.w;
        double from = side > 0 ? x1 + in : x1, to = side > 0 ? x2 : x2 - in;
        cairo_move_to(p->cr, from, y);
        cairo_line_to(p->cr, to, y - (to - from) * 0.8 * side);
    }
    cairo_stroke(p->cr);
    cairo_restore(p->cr);
    cairo_append_path(p->cr, kept);
    cairo_path_destroy(kept);
}

static void paint_area(struct pen *p, const struct shape *s, struct rgb c, uint64_t seed) {
    struct rgb white = {1, 0.98, 0.92}, dark = {0.12, 0.08, 0.20}, ink = rgb_mix(c, (struct rgb){0.11, 0.08, 0.14}, 0.80);
    double x1, y1, x2, y2;
    cairo_path_extents(p->cr, &x1, &y1, &x2, &y2);
    double from = p->light < 0 ? x1 : x2, to = p->light < 0 ? x2 : x1;
    cairo_pattern_t *g = cairo_pattern_create_linear(from, y1, from + (to - from) * 0.75, y2);
    /* What is nearly white would turn grey in as much shade as the others take. */
    double night = p->night * (fmin(c.r, fmin(c.g, c.b)) > 0.8 ? 0.3 : 1), shade = fmin(c.r, fmin(c.g, c.b)) > 0.8 ? 0.12 : 0.17;
    struct rgb hi = rgb_mix(c, white, 0.14 * (1 - 0.6 * night)), lo = rgb_mix(c, dark, shade + 0.10 * night), mid = rgb_mix(c, dark, 0.10 * night);
    cairo_pattern_add_color_stop_rgb(g, 0, hi.r, hi.g, hi.b);
    cairo_pattern_add_color_stop_rgb(g, 0.42, mid.r, mid.g, mid.b);
    cairo_pattern_add_color_stop_rgb(g, 1, lo.r, lo.g, lo.b);
    cairo_set_source(p->cr, g);
    cairo_fill_preserve(p->cr);
    cairo_pattern_destroy(g);
    if (!s->bare && (x2 - x1) * (y2 - y1) > 320) hatch(p, c, (struct box){x1, y1, x2 - x1, y2 - y1});
    if (!s->bare) pen_outline(p->cr, ink, 1.15, 0.34, seed);
}

static void paint_line(struct pen *p, const struct shape *s, struct rgb c) {
    struct rgb ink = rgb_mix(c, (struct rgb){0.11, 0.08, 0.14}, 0.80);
    cairo_set_line_join(p->cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(p->cr, CAIRO_LINE_CAP_ROUND);
    bool thick = s->line >= 3;
    if (thick) {
        cairo_set_source_rgb(p->cr, ink.r, ink.g, ink.b);
        cairo_set_line_width(p->cr, s->line);
        cairo_stroke_preserve(p->cr);
    }
    cairo_set_source_rgb(p->cr, c.r, c.g, c.b);
    cairo_set_line_width(p->cr, thick ? s->line - 1.5 : s->line);
    cairo_stroke(p->cr);
}

void pen_draw(struct pen *p, const char *art, struct box extent, struct box box, bool mirrored) {
    struct reader r = {art};
    struct shape s;
    uint64_t seed = p->seed;
    struct pen q = *p;
    if (mirrored) q.light = -q.light;
    cairo_save(p->cr);
    cairo_translate(p->cr, box.x, box.y);
    if (mirrored) {
        cairo_translate(p->cr, box.w, 0);
        cairo_scale(p->cr, -1, 1);
    }
    cairo_scale(p->cr, box.w / extent.w, box.h / extent.h);
    cairo_translate(p->cr, -extent.x, -extent.y);
    cairo_set_tolerance(p->cr, 0.12);
    while (read_shape(p->cr, &r, &s)) {
        struct rgb c = colour_of(p, s.colour);
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        if (s.line > 0) paint_line(&q, &s, c);
        else paint_area(&q, &s, c, seed >> 33);
        cairo_new_path(p->cr);
    }
    cairo_restore(p->cr);
}
