/* See picture.h. Called by the models edit and motion, behind the walls. */
#include "media/helper/picture.h"
#include "base/err.h"
#include "media/helper/read_image.h"

#include <math.h>
#include <stdlib.h>

struct picture picture_new(int w, int h) {
    struct picture p = {w, h, malloc((size_t)w * (size_t)h * 4)};
    must(p.px);
    memset(p.px, 255, (size_t)w * (size_t)h * 4);
    return p;
}

void picture_done(struct picture *p) {
    free(p->px);
    p->px = NULL;
}

struct picture picture_copy(const struct picture *p) {
    struct picture c = picture_new(p->w, p->h);
    memcpy(c.px, p->px, (size_t)p->w * (size_t)p->h * 4);
    return c;
}

cairo_surface_t *picture_surface(const struct picture *p) {
    return cairo_image_surface_create_for_data((unsigned char *)p->px, CAIRO_FORMAT_RGB24, p->w, p->h, p->w * 4);
}

struct picture picture_scaled(const struct picture *p, double x, double y, double pw, double ph, int w, int h) {
    struct picture out = picture_new(w, h);
    cairo_surface_t *from = picture_surface(p), *to = picture_surface(&out);
    cairo_t *cr = cairo_create(to);
    cairo_scale(cr, w / pw, h / ph);
    cairo_set_source_surface(cr, from, -x, -y);
    cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
    cairo_pattern_set_filter(cairo_get_source(cr), w < pw * 0.75 ? CAIRO_FILTER_GOOD : CAIRO_FILTER_BILINEAR);
    cairo_paint(cr);
    cairo_destroy(cr);
    cairo_surface_destroy(to);
    cairo_surface_destroy(from);
    return out;
}

struct picture picture_cover(const struct picture *p, int w, int h) {
    double k = fmax((double)w / p->w, (double)h / p->h), pw = w / k, ph = h / k;
    return picture_scaled(p, (p->w - pw) / 2, (p->h - ph) / 2, pw, ph, w, h);
}

bool picture_load(struct job *j, int file, int longest, struct picture *out) {
    enum { BYTES_MAX = 64 << 20 };
    const char *type = j->files[file].type;
    struct buf bytes = {0};
    struct why why = {0};
    struct image_head head;
    struct pixels px;
    if (!job_read_file(j, file, BYTES_MAX, &bytes)) return false;
    err e = image_head(type, buf_view(&bytes), &why, &head);
    if (!e) e = image_pixels(type, buf_view(&bytes), longest, &why, &px);
    buf_done(&bytes);
    if (e == E_MEDIA_TYPE)
        job_fail(j, WIRE_INVALID, "The file of the input %s is no picture that can be read: PNG, JPEG, WebP and GIF are.", j->files[file].name);
    else if (e) job_fail(j, e == E_INVALID ? WIRE_INVALID : WIRE_FAILED, "%s", why_text(&why));
    if (e) return false;
    if (!pixels_orient(&px, head.orientation)) {
        job_fail(j, WIRE_FAILED, "There was no memory for a picture of that size.");
        return false;
    }
    *out = picture_new(px.w, px.h);
    for (size_t i = 0; i < (size_t)px.w * (size_t)px.h; i++) {
        const unsigned char *s = px.rgba + i * 4;
        int a = s[3], white = (255 - a) * 255;
        out->px[i] = px_of((s[0] * a + white) / 255, (s[1] * a + white) / 255, (s[2] * a + white) / 255);
    }
    pixels_done(&px);
    return true;
}

/* One line of n pixels, `step` apart, averaged over 2 * radius + 1; the ends repeat. */
static void blur_line(const uint32_t *from, uint32_t *to, int n, int step, int radius) {
    int r = 0, g = 0, b = 0, width = 2 * radius + 1;
    uint32_t scale = (1u << 16) / (uint32_t)width;
    for (int i = -radius; i <= radius; i++) {
        uint32_t p = from[(size_t)(i < 0 ? 0 : i >= n ? n - 1 : i) * (size_t)step];
        r += px_r(p), g += px_g(p), b += px_b(p);
    }
    for (int i = 0; i < n; i++) {
        to[(size_t)i * (size_t)step] = ((uint32_t)r * scale + 32768) >> 16 << 16 | ((uint32_t)g * scale + 32768) >> 16 << 8 | ((uint32_t)b * scale + 32768) >> 16;
        int in = i + radius + 1, out = i - radius;
        uint32_t add = from[(size_t)(in >= n ? n - 1 : in) * (size_t)step], sub = from[(size_t)(out < 0 ? 0 : out) * (size_t)step];
        r += px_r(add) - px_r(sub), g += px_g(add) - px_g(sub), b += px_b(add) - px_b(sub);
    }
}

void picture_blur(struct picture *p, int radius) {
    if (radius < 1) return;
    struct picture t = picture_new(p->w, p->h);
    for (int pass = 0; pass < 3; pass++) {
        for (int y = 0; y < p->h; y++) blur_line(p->px + (size_t)y * (size_t)p->w, t.px + (size_t)y * (size_t)p->w, p->w, 1, radius);
        for (int x = 0; x < p->w; x++) blur_line(t.px + x, p->px + x, p->h, p->w, radius);
    }
    picture_done(&t);
}

/* Sums over rectangles of a strip of rows, so that the mean of any square costs four look-ups. */
struct sums {
    uint32_t *c[3];
    uint64_t *square;
    int w, rows;
};

static void sums_fill(struct sums *s, const struct picture *p, int y0) {
    size_t row = (size_t)s->w;
    for (int k = 0; k < 3; k++) memset(s->c[k], 0, row * 4);
    memset(s->square, 0, row * 8);
    for (int y = 0; y + 1 < s->rows; y++) {
        int sy = y0 + y < 0 ? 0 : y0 + y >= p->h ? p->h - 1 : y0 + y;
        const uint32_t *from = p->px + (size_t)sy * (size_t)p->w;
        uint32_t r = 0, g = 0, b = 0;
        uint64_t q = 0;
        size_t at = (size_t)(y + 1) * row;
        s->c[0][at] = s->c[1][at] = s->c[2][at] = 0, s->square[at] = 0;
        for (int x = 0; x < p->w; x++) {
            int l = px_luma(from[x]);
            r += (uint32_t)px_r(from[x]), g += (uint32_t)px_g(from[x]), b += (uint32_t)px_b(from[x]), q += (uint64_t)(l * l);
            size_t i = at + (size_t)x + 1;
            s->c[0][i] = s->c[0][i - row] + r, s->c[1][i] = s->c[1][i - row] + g, s->c[2][i] = s->c[2][i - row] + b;
            s->square[i] = s->square[i - row] + q;
        }
    }
}

#define AREA(a) ((a)[i11] - (a)[i01] - (a)[i10] + (a)[i00])

/* The mean of the calmest of the four squares that meet in (x, y); y counts in the strip. */
static uint32_t calmest(const struct sums *s, int x, int y, int radius, int pw) {
    double best = 1e18;
    uint32_t colour = 0;
    for (int k = 0; k < 4; k++) {
        int x0 = k & 1 ? x : x - radius, y0 = k & 2 ? y : y - radius, x1 = x0 + radius + 1, y1 = y0 + radius + 1;
        if (x0 < 0) x0 = 0;
        if (x1 > pw) x1 = pw;
        size_t w = (size_t)s->w, i00 = (size_t)y0 * w + (size_t)x0, i01 = (size_t)y0 * w + (size_t)x1, i10 = (size_t)y1 * w + (size_t)x0, i11 = (size_t)y1 * w + (size_t)x1;
        double n = (double)(x1 - x0) * (y1 - y0), r = AREA(s->c[0]) / n, g = AREA(s->c[1]) / n, b = AREA(s->c[2]) / n;
        double l = r * 0.301 + g * 0.59 + b * 0.109, v = (double)AREA(s->square) / n - l * l;
        if (v >= best) continue;
        best = v;
        colour = px_of((int)(r + 0.5), (int)(g + 0.5), (int)(b + 0.5));
    }
    return colour;
}

void picture_smooth(struct picture *p, int radius) {
    enum { STRIP = 128 };
    struct picture from = picture_copy(p);
    struct sums s = {.w = p->w + 1, .rows = STRIP + 2 * radius + 2};
    size_t n = (size_t)s.w * (size_t)s.rows;
    for (int k = 0; k < 3; k++) must(s.c[k] = malloc(n * 4));
    must(s.square = malloc(n * 8));
    for (int y0 = 0; y0 < p->h; y0 += STRIP) {
        sums_fill(&s, &from, y0 - radius);
        for (int y = 0; y < STRIP && y0 + y < p->h; y++)
            for (int x = 0; x < p->w; x++) p->px[(size_t)(y0 + y) * (size_t)p->w + (size_t)x] = calmest(&s, x, y + radius, radius, p->w);
    }
    for (int k = 0; k < 3; k++) free(s.c[k]);
    free(s.square);
    picture_done(&from);
}

unsigned char *picture_edges(const struct picture *p) {
    size_t w = (size_t)p->w, n = w * (size_t)p->h;
    unsigned char *luma = malloc(n), *out = calloc(n, 1);
    must(luma && out);
    for (size_t i = 0; i < n; i++) luma[i] = (unsigned char)px_luma(p->px[i]);
    for (int y = 1; y + 1 < p->h; y++)
        for (int x = 1; x + 1 < p->w; x++) {
            const unsigned char *c = luma + (size_t)y * w + (size_t)x, *u = c - w, *d = c + w;
            int gx = u[1] + 2 * c[1] + d[1] - u[-1] - 2 * c[-1] - d[-1], gy = d[-1] + 2 * d[0] + d[1] - u[-1] - 2 * u[0] - u[1];
            out[(size_t)y * w + (size_t)x] = (unsigned char)px_clamp((abs(gx) + abs(gy)) / 4);
        }
    free(luma);
    return out;
}

void picture_grain(struct picture *p, int amount, uint64_t seed) {
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            uint32_t *q = p->px + (size_t)y * (size_t)p->w + (size_t)x;
            int n = (px_noise(x, y, (uint32_t)seed) + px_noise(x / 2, y / 2, (uint32_t)seed + 1) - 255) * amount / 255;
            *q = px_of(px_r(*q) + n, px_g(*q) + n, px_b(*q) + n);
        }
}

void picture_vignette(struct picture *p, double amount) {
    double cx = p->w / 2.0, cy = p->h / 2.0;
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            double dx = (x - cx) / cx, dy = (y - cy) / cy, d = dx * dx + dy * dy;
            int k = (int)(256 * (1 - amount * fmin(1, fmax(0, d - 0.35) * 0.75)));
            uint32_t *q = p->px + (size_t)y * (size_t)p->w + (size_t)x;
            *q = px_of(px_r(*q) * k >> 8, px_g(*q) * k >> 8, px_b(*q) * k >> 8);
        }
}

void picture_mix(struct picture *p, const struct picture *with, double amount) {
    int a = (int)(256 * amount), b = 256 - a;
    for (size_t i = 0; i < (size_t)p->w * (size_t)p->h; i++) {
        uint32_t u = p->px[i], v = with->px[i];
        p->px[i] = px_of((px_r(u) * b + px_r(v) * a) >> 8, (px_g(u) * b + px_g(v) * a) >> 8, (px_b(u) * b + px_b(v) * a) >> 8);
    }
}
