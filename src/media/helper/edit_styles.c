/* The styles of the model `edit`; see edit.h. Each takes a picture and makes it look as if made otherwise. */
#include "media/helper/edit.h"
#include "base/err.h"

#include <math.h>
#include <stdlib.h>

static size_t pixels_of(const struct picture *p) { return (size_t)p->w * (size_t)p->h; }
static int unit(const struct picture *p, int parts) { return (p->w < p->h ? p->w : p->h) / parts < 1 ? 1 : (p->w < p->h ? p->w : p->h) / parts; }

static void saturate(struct picture *p, double k) {
    int m = (int)(256 * k);
    for (size_t i = 0; i < pixels_of(p); i++) {
        int l = px_luma(p->px[i]);
        p->px[i] = px_of(l + ((px_r(p->px[i]) - l) * m >> 8), l + ((px_g(p->px[i]) - l) * m >> 8), l + ((px_b(p->px[i]) - l) * m >> 8));
    }
}

static void curve(struct picture *p, int black, int white, double gamma) {
    unsigned char t[256];
    for (int i = 0; i < 256; i++) t[i] = (unsigned char)px_clamp((int)(black + (white - black) * pow(i / 255.0, gamma) + 0.5));
    for (size_t i = 0; i < pixels_of(p); i++) p->px[i] = px_of(t[px_r(p->px[i])], t[px_g(p->px[i])], t[px_b(p->px[i])]);
}

static void grey(struct picture *p) {
    for (size_t i = 0; i < pixels_of(p); i++) {
        int l = px_luma(p->px[i]);
        p->px[i] = px_of(l, l, l);
    }
}

/* Grey becomes a walk from one colour through another to a third. */
static void toned(struct picture *p, struct rgb dark, struct rgb mid, struct rgb light) {
    uint32_t t[256];
    for (int i = 0; i < 256; i++) {
        struct rgb c = i < 128 ? rgb_mix(dark, mid, i / 128.0) : rgb_mix(mid, light, (i - 128) / 127.0);
        t[i] = px_of((int)(c.r * 255), (int)(c.g * 255), (int)(c.b * 255));
    }
    for (size_t i = 0; i < pixels_of(p); i++) p->px[i] = t[px_luma(p->px[i])];
}

static void darken_edges(struct picture *p, int percent, int threshold) {
    unsigned char *e = picture_edges(p);
    for (size_t i = 0; i < pixels_of(p); i++) {
        int k = 256 - px_clamp((e[i] - threshold) * 4) * percent / 100;
        p->px[i] = px_of(px_r(p->px[i]) * k >> 8, px_g(p->px[i]) * k >> 8, px_b(p->px[i]) * k >> 8);
    }
    free(e);
}

/* The tooth of paper: soft noise at two sizes, and a slow unevenness. */
static void paper(struct picture *p, int amount, uint64_t seed) {
    int coarse = unit(p, 380) + 1;
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            uint32_t *q = p->px + (size_t)y * (size_t)p->w + (size_t)x;
            int n = px_noise(x, y, (uint32_t)seed) + px_noise(x / coarse, y / coarse, (uint32_t)seed + 7) * 2 - 382, k = 256 + n * amount / 382;
            *q = px_of(px_r(*q) * k >> 8, px_g(*q) * k >> 8, px_b(*q) * k >> 8);
        }
}

/* The paint ends before the paper does, on a line that a brush would leave. */
static void unpainted_margin(struct picture *p, uint64_t seed) {
    double m = unit(p, 1) * 0.028, phase = (double)(seed % 628) / 100;
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            double ry = y / m, rx = x / m;
            double wx = m * (0.95 + 0.30 * sin(ry * 0.31 + phase) + 0.22 * sin(ry * 0.83 + 2 * phase) + 0.12 * sin(ry * 2.9) + px_noise(0, y / 2, 5) / 1600.0);
            double wy = m * (0.95 + 0.30 * sin(rx * 0.27 + phase) + 0.22 * sin(rx * 0.91 + 3 * phase) + 0.12 * sin(rx * 3.1) + px_noise(x / 2, 0, 6) / 1600.0);
            double d = fmin(fmin(x / wx, (p->w - 1 - x) / wx), fmin(y / wy, (p->h - 1 - y) / wy));
            if (d >= 1.25) continue;
            int k = (int)(256 * fmin(1, fmax(0, (1.25 - d) / 0.35)));
            uint32_t *q = p->px + (size_t)y * (size_t)p->w + (size_t)x;
            *q = px_of(px_r(*q) + ((251 - px_r(*q)) * k >> 8), px_g(*q) + ((248 - px_g(*q)) * k >> 8), px_b(*q) + ((240 - px_b(*q)) * k >> 8));
        }
}

static void watercolour(struct picture *p, uint64_t seed, double k) {
    picture_smooth(p, (int)(unit(p, 110) * k) + 2);
    picture_smooth(p, unit(p, 260) + 1);
    saturate(p, 1.18);
    curve(p, 34, 255, 0.80);
    darken_edges(p, 30, 4);
    /* Pigment runs together in places. */
    struct picture soft = picture_copy(p);
    picture_blur(&soft, unit(p, 40));
    picture_mix(p, &soft, 0.16);
    picture_done(&soft);
    paper(p, 26, seed);
    unpainted_margin(p, seed);
}

static void oil(struct picture *p, double k) {
    picture_smooth(p, (int)(unit(p, 70) * k) + 2);
    picture_smooth(p, unit(p, 150) + 1);
    saturate(p, 1.28);
    /* Light from the upper left on the ridges of the paint. */
    struct picture from = picture_copy(p);
    for (int y = 1; y < p->h; y++)
        for (int x = 1; x < p->w; x++) {
            size_t i = (size_t)y * (size_t)p->w + (size_t)x;
            int d = px_luma(from.px[i]) - px_luma(from.px[i - (size_t)p->w - 1]), stroke = (px_noise((x + y) / 3, (y - x) / 9 + 4000, 3) - 128) / 14;
            p->px[i] = px_of(px_r(from.px[i]) + d / 2 + stroke, px_g(from.px[i]) + d / 2 + stroke, px_b(from.px[i]) + d / 2 + stroke);
        }
    picture_done(&from);
}

/* Grey divided by its own blurred negative: only changes of light are left, as lines on paper. */
static void dodge(struct picture *p, int radius) {
    grey(p);
    struct picture soft = picture_copy(p);
    picture_blur(&soft, radius);
    for (size_t i = 0; i < pixels_of(p); i++) {
        int l = px_luma(p->px[i]), s = px_luma(soft.px[i]) + 1, v = px_clamp(l * 255 / s);
        p->px[i] = px_of(v, v, v);
    }
    picture_done(&soft);
}

static void pencil(struct picture *p, uint64_t seed, double k) {
    struct picture tone = picture_copy(p);
    grey(&tone);
    picture_blur(&tone, 1);
    dodge(p, unit(p, 90) + 1);
    double step = fmax(2.5, unit(p, 1) / 190.0);
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            size_t i = (size_t)y * (size_t)p->w + (size_t)x;
            int l = px_luma(tone.px[i]), v = px_luma(p->px[i]), n = px_noise(x, y, (uint32_t)seed);
            /* Hatching where it is dark, crossed where it is very dark; the hand is not quite even. */
            double a = fmod((x + y + n / 130.0) / step, 2), b = fmod(x / step * 0.9 - y / step * 1.1 + 4000 + n / 140.0, 2);
            int shade = 0;
            if (l < 165 && a < 1) shade += (165 - l) * 6 / 10;
            if (l < 95 && b < 1) shade += (95 - l) * 7 / 10;
            v = v * v / 255;
            v = v - (int)(shade * (0.6 + n / 640.0) * k) + (n - 128) / 14;
            p->px[i] = px_of(v - 1, v - 3, v - 9);
        }
    picture_done(&tone);
}

static void charcoal(struct picture *p, uint64_t seed) {
    struct picture tone = picture_copy(p);
    picture_blur(&tone, unit(p, 160) + 1);
    dodge(p, unit(p, 45) + 1);
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            size_t i = (size_t)y * (size_t)p->w + (size_t)x;
            int n = px_noise(x, y, (uint32_t)seed) / 2 + px_noise(x / 2, y / 3, (uint32_t)seed + 2) / 2, l = px_luma(tone.px[i]), v = px_luma(p->px[i]);
            int rubbed = l + 40 > n + 30 ? 255 : 120 + l / 2;
            v = (v * v / 255) * rubbed / 255 * (150 + l * 105 / 255) / 255;
            p->px[i] = px_of(v + 6, v + 4, v);
        }
    picture_done(&tone);
}

static void ink(struct picture *p) {
    struct picture fine = picture_copy(p), wide = picture_copy(p);
    picture_blur(&fine, 1);
    picture_blur(&wide, unit(p, 200) + 2);
    for (size_t i = 0; i < pixels_of(p); i++) {
        int d = px_luma(fine.px[i]) * 100 - px_luma(wide.px[i]) * 96, l = px_luma(fine.px[i]);
        int v = px_clamp(255 + (d < 0 ? d / 3 : 0)), solid = px_clamp((l - 46) * 9);
        v = v < solid ? v : solid;
        p->px[i] = px_of(v * 250 / 255 + 3, v * 246 / 255 + 3, v * 234 / 255 + 6);
    }
    picture_done(&fine);
    picture_done(&wide);
}

static void pixel_art(struct picture *p, double k) {
    int block = (int)(unit(p, 88) * k) < 2 ? 2 : (int)(unit(p, 88) * k), w = (p->w + block - 1) / block, h = (p->h + block - 1) / block;
    static const int bayer[4][4] = {{0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}};
    struct picture small = picture_scaled(p, 0, 0, w * block, h * block, w, h);
    saturate(&small, 1.3);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            uint32_t *q = small.px + (size_t)y * (size_t)w + (size_t)x;
            int c[3] = {px_r(*q), px_g(*q), px_b(*q)}, nudge = (bayer[y & 3][x & 3] * 2 - 15) * 20 / 15;
            for (int i = 0; i < 3; i++) c[i] = (px_clamp(c[i] + nudge) * 5 + 127) / 255 * 51;
            *q = px_of(c[0], c[1], c[2]);
        }
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) p->px[(size_t)y * (size_t)p->w + (size_t)x] = small.px[(size_t)(y / block) * (size_t)w + (size_t)(x / block)];
    picture_done(&small);
}

static void levels(struct picture *p, int n) {
    unsigned char t[256];
    for (int i = 0; i < 256; i++) t[i] = (unsigned char)((i * n / 256) * 255 / (n - 1));
    for (size_t i = 0; i < pixels_of(p); i++) p->px[i] = px_of(t[px_r(p->px[i])], t[px_g(p->px[i])], t[px_b(p->px[i])]);
}

static void poster(struct picture *p) {
    picture_smooth(p, unit(p, 90) + 1);
    saturate(p, 1.45);
    levels(p, 4);
    picture_smooth(p, unit(p, 200) + 1);
    darken_edges(p, 75, 10);
}

static void pop_art(struct picture *p, uint64_t seed) {
    static const char *const sets[][3] = {{"3a0ca3", "f72585", "ffe74c"}, {"011f5b", "00a6a6", "ffef5c"}, {"6a040f", "ff6b35", "fff3b0"}, {"10451d", "8ac926", "ffd6ff"}};
    struct picture small = picture_scaled(p, 0, 0, p->w, p->h, (p->w + 1) / 2, (p->h + 1) / 2);
    picture_smooth(&small, unit(&small, 80) + 1);
    curve(&small, -20, 275, 1);
    levels(&small, 4);
    for (int k = 0; k < 4; k++) {
        struct picture one = picture_copy(&small);
        const char *const *set = sets[(k + (int)(seed % 4)) % 4];
        toned(&one, rgb_hex(set[0]), rgb_hex(set[1]), rgb_hex(set[2]));
        int x0 = k & 1 ? p->w - one.w : 0, y0 = k & 2 ? p->h - one.h : 0;
        for (int y = 0; y < one.h; y++) memcpy(p->px + (size_t)(y0 + y) * (size_t)p->w + (size_t)x0, one.px + (size_t)y * (size_t)one.w, (size_t)one.w * 4);
        picture_done(&one);
    }
    picture_done(&small);
}

/* Dots at 45 degrees whose size is the darkness below them. cell in pixels. */
static int dot(int x, int y, double cell, int luma) {
    double u = (x + y) * 0.7071 / cell, v = (x - y) * 0.7071 / cell, du = u - floor(u) - 0.5, dv = v - floor(v) - 0.5;
    double r = sqrt((255 - luma) / 255.0) * 0.68, d = sqrt(du * du + dv * dv);
    return px_clamp((int)(255 * fmin(1, fmax(0, (d - r) * cell * 0.9 + 0.5))));
}

static void comic(struct picture *p) {
    struct picture lines = picture_copy(p);
    picture_smooth(p, unit(p, 100) + 1);
    saturate(p, 1.5);
    for (size_t i = 0; i < pixels_of(p); i++) {
        int l = px_luma(p->px[i]) + 1, step = (l * 5 / 256) * 51 + 40; /* light in steps, colour as it is */
        p->px[i] = px_of(px_r(p->px[i]) * step / l, px_g(p->px[i]) * step / l, px_b(p->px[i]) * step / l);
    }
    ink(&lines);
    double cell = fmax(4, unit(p, 110));
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            size_t i = (size_t)y * (size_t)p->w + (size_t)x;
            int l = px_luma(p->px[i]), k = px_luma(lines.px[i]), d = l < 150 ? 210 + dot(x, y, cell, 150 + l / 3) * 45 / 255 : 255;
            k = k * d / 255;
            p->px[i] = px_of(px_r(p->px[i]) * k / 255, px_g(p->px[i]) * k / 255, px_b(p->px[i]) * k / 255);
        }
    picture_done(&lines);
}

static void sepia(struct picture *p) { toned(p, rgb_hex("1d0f06"), rgb_hex("9a6e42"), rgb_hex("fff1d6")); }

static void noir(struct picture *p, uint64_t seed) {
    grey(p);
    curve(p, -46, 282, 1.25);
    picture_vignette(p, 0.9);
    picture_grain(p, 16, seed);
}

static void vintage(struct picture *p, uint64_t seed) {
    saturate(p, 0.72);
    for (size_t i = 0; i < pixels_of(p); i++)
        p->px[i] = px_of(px_r(p->px[i]) * 212 / 255 + 40, px_g(p->px[i]) * 200 / 255 + 34, px_b(p->px[i]) * 158 / 255 + 44);
    picture_vignette(p, 0.55);
    picture_grain(p, 14, seed);
}

static void neon(struct picture *p, const struct edit_plan *plan, double k) {
    struct picture soft = picture_copy(p), light = picture_new(p->w, p->h);
    picture_smooth(&soft, unit(p, 130) + 1);
    unsigned char *e = picture_edges(&soft);
    int64_t sum = 0;
    for (size_t i = 0; i < pixels_of(p); i++) sum += px_clamp((e[i] - 6) * 5);
    /* Where everything is an edge, the light of each is less, else all of it is white. */
    int mean = (int)(sum / (int64_t)pixels_of(p)), share = mean > 14 ? 256 * 14 / mean : 256;
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            size_t i = (size_t)y * (size_t)p->w + (size_t)x;
            int v = px_clamp((e[i] - 6) * 5) * (share + 256) / 512;
            struct rgb c = plan->neon;
            if (!plan->has_neon) { /* from magenta over blue to cyan along the picture */
                double t = 0.5 + 0.5 * sin(6.283 * (x * 0.9 / p->w + y * 0.5 / p->h));
                c = rgb_mix((struct rgb){1, 0.15, 0.75}, (struct rgb){0.1, 0.85, 1}, t);
            }
            double bright = fmax(c.r, fmax(c.g, c.b)) + 0.01;
            light.px[i] = px_of((int)(v * c.r / bright), (int)(v * c.g / bright), (int)(v * c.b / bright));
        }
    free(e);
    picture_done(&soft);
    struct picture near = picture_copy(&light), far = picture_copy(&light);
    picture_blur(&near, unit(p, 260) + 1);
    picture_blur(&far, unit(p, 60) + 2);
    for (size_t i = 0; i < pixels_of(p); i++) {
        int base = (int)(95 / k), c[3];
        uint32_t a = p->px[i], l = light.px[i], n = near.px[i], f = far.px[i];
        c[0] = px_r(a) * base / 330 + px_r(l) + (px_r(n) * 7 / 4 + px_r(f) * 2) * share / 256;
        c[1] = px_g(a) * base / 345 + px_g(l) + (px_g(n) * 7 / 4 + px_g(f) * 2) * share / 256;
        c[2] = px_b(a) * base / 255 + px_b(l) + (px_b(n) * 7 / 4 + px_b(f) * 2) * share / 256;
        int over = (c[0] > 255 ? c[0] - 255 : 0) + (c[1] > 255 ? c[1] - 255 : 0) + (c[2] > 255 ? c[2] - 255 : 0);
        p->px[i] = px_of(c[0] + over / 4, c[1] + over / 4, c[2] + over / 4); /* the core of a tube is white */
    }
    picture_done(&light);
    picture_done(&near);
    picture_done(&far);
}

static void dreamy(struct picture *p) {
    struct picture soft = picture_copy(p);
    picture_blur(&soft, unit(p, 38) + 1);
    for (size_t i = 0; i < pixels_of(p); i++) {
        uint32_t a = p->px[i], b = soft.px[i];
        p->px[i] = px_of(255 - (255 - px_r(a) * 15 / 16) * (255 - px_r(b) * 3 / 5) / 255, 255 - (255 - px_g(a) * 15 / 16) * (255 - px_g(b) * 9 / 16) / 255,
                         255 - (255 - px_b(a) * 15 / 16) * (255 - px_b(b) * 3 / 5) / 255);
    }
    picture_done(&soft);
}

static void halftone(struct picture *p) {
    double cell = fmax(4, unit(p, 120));
    struct picture soft = picture_copy(p);
    picture_blur(&soft, (int)(cell / 3) + 1);
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            size_t i = (size_t)y * (size_t)p->w + (size_t)x;
            int l = px_luma(soft.px[i]), v = dot(x, y, cell, 255 - (255 - l) * (255 - l) / 255);
            p->px[i] = px_of(22 + v * 222 / 255, 20 + v * 217 / 255, 26 + v * 200 / 255);
        }
    picture_done(&soft);
}

/* Stones in a jittered grid, each in the colour of its place, with mortar between. */
static void mosaic(struct picture *p, uint64_t seed) {
    int cell = unit(p, 46) + 3;
    struct picture soft = picture_copy(p);
    picture_blur(&soft, cell / 4 + 1);
    saturate(&soft, 1.25);
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            double first = 1e9, second = 1e9, fx = 0, fy = 0;
            for (int k = 0; k < 9; k++) {
                int cx = x / cell + k % 3 - 1, cy = y / cell + k / 3 - 1;
                double sx = (cx + 0.5 + (px_noise(cx, cy, (uint32_t)seed) - 128) / 340.0) * cell, sy = (cy + 0.5 + (px_noise(cx, cy, (uint32_t)seed + 9) - 128) / 340.0) * cell;
                double d = (sx - x) * (sx - x) + (sy - y) * (sy - y);
                if (d < first) second = first, first = d, fx = sx, fy = sy;
                else if (d < second) second = d;
            }
            int px = (int)fmin(fmax(fx, 0), p->w - 1), py = (int)fmin(fmax(fy, 0), p->h - 1);
            uint32_t c = soft.px[(size_t)py * (size_t)p->w + (size_t)px];
            double gap = (sqrt(second) - sqrt(first)) / cell;
            int k = (int)(256 * fmin(1, 0.25 + gap * 7)), lift = (int)((fx - x + fy - y) / cell * 22);
            p->px[(size_t)y * (size_t)p->w + (size_t)x] = px_of((px_r(c) + lift) * k >> 8, (px_g(c) + lift) * k >> 8, (px_b(c) + lift) * k >> 8);
        }
    picture_done(&soft);
}

static void emboss(struct picture *p) {
    struct picture from = picture_copy(p);
    picture_blur(&from, 1);
    int d = unit(p, 400) + 1;
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            int x0 = x - d < 0 ? 0 : x - d, y0 = y - d < 0 ? 0 : y - d, x1 = x + d >= p->w ? p->w - 1 : x + d, y1 = y + d >= p->h ? p->h - 1 : y + d;
            int l = px_luma(from.px[(size_t)y1 * (size_t)p->w + (size_t)x1]) - px_luma(from.px[(size_t)y0 * (size_t)p->w + (size_t)x0]);
            p->px[(size_t)y * (size_t)p->w + (size_t)x] = px_of(134 + l, 130 + l, 124 + l);
        }
    picture_done(&from);
}

static void negative(struct picture *p) {
    for (size_t i = 0; i < pixels_of(p); i++) p->px[i] = ~p->px[i] & 0xffffff;
}

void edit_apply_style(struct picture *p, const struct edit_plan *plan, int nth, uint64_t seed) {
    double k = plan->degrees[nth];
    switch (plan->styles[nth]) {
    case STYLE_WATERCOLOUR: watercolour(p, seed, k); break;
    case STYLE_OIL: oil(p, k); break;
    case STYLE_PENCIL: pencil(p, seed, k); break;
    case STYLE_CHARCOAL: charcoal(p, seed); break;
    case STYLE_INK: ink(p); break;
    case STYLE_PIXEL: pixel_art(p, k); break;
    case STYLE_POSTER: poster(p); break;
    case STYLE_POP: pop_art(p, seed); break;
    case STYLE_COMIC: comic(p); break;
    case STYLE_SEPIA: sepia(p); break;
    case STYLE_MONO: grey(p); break;
    case STYLE_NOIR: noir(p, seed); break;
    case STYLE_VINTAGE: vintage(p, seed); break;
    case STYLE_NEON: neon(p, plan, k); break;
    case STYLE_BLUR: picture_blur(p, (int)(unit(p, 90) * k) + 1); break;
    case STYLE_DREAMY: dreamy(p); break;
    case STYLE_HALFTONE: halftone(p); break;
    case STYLE_MOSAIC: mosaic(p, seed); break;
    case STYLE_EMBOSS: emboss(p); break;
    case STYLE_NEGATIVE: negative(p); break;
    case STYLE_COUNT: break;
    }
}
