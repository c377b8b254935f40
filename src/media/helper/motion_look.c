/* Colour and motion of references, for motion-r2v; see motion.h. Colours are carried over by mean and spread of lightness and of the
 * two colour differences; motion is found by laying small grey pictures over each other. */
#include "media/helper/motion.h"
#include "base/err.h"

#include <math.h>
#include <stdlib.h>

static void parts(uint32_t p, double out[3]) {
    double l = 0.299 * px_r(p) + 0.587 * px_g(p) + 0.114 * px_b(p);
    out[0] = l, out[1] = px_r(p) - l, out[2] = px_b(p) - l;
}

void look_read(const struct picture *p, int count, struct look *out) {
    double sum[3] = {0}, square[3] = {0}, n = 0, v[3];
    for (int k = 0; k < count; k++) {
        size_t total = (size_t)p[k].w * (size_t)p[k].h, step = total / 40000 + 1;
        for (size_t i = 0; i < total; i += step, n++) {
            parts(p[k].px[i], v);
            for (int c = 0; c < 3; c++) sum[c] += v[c], square[c] += v[c] * v[c];
        }
    }
    for (int c = 0; c < 3; c++) {
        out->mean[c] = sum[c] / n;
        out->deviation[c] = sqrt(fmax(0, square[c] / n - out->mean[c] * out->mean[c])) + 1;
    }
}

/* All of it is linear in the three colours: twelve numbers, found by trying black and the three full colours. */
void look_apply(struct picture *p, const struct look *from, const struct look *to, double amount) {
    int m[3][4];
    double k[3], v[3], at[4][3];
    for (int c = 0; c < 3; c++) k[c] = fmin(c ? 1.5 : 1.8, fmax(0.5, to->deviation[c] / from->deviation[c]));
    for (int i = 0; i < 4; i++) {
        parts(i ? 255u << (24 - 8 * i) : 0, v);
        for (int c = 0; c < 3; c++) v[c] += ((v[c] - from->mean[c]) * k[c] + to->mean[c] - v[c]) * amount;
        at[i][0] = v[0] + v[1], at[i][2] = v[0] + v[2], at[i][1] = (v[0] - 0.299 * at[i][0] - 0.114 * at[i][2]) / 0.587;
    }
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < 3; i++) m[c][i] = (int)lround((at[i + 1][c] - at[0][c]) / 255 * 65536);
        m[c][3] = (int)lround(at[0][c] * 65536) + 32768;
    }
    for (size_t i = 0; i < (size_t)p->w * (size_t)p->h; i++) {
        int r = px_r(p->px[i]), g = px_g(p->px[i]), b = px_b(p->px[i]), o[3];
        for (int c = 0; c < 3; c++) o[c] = (m[c][0] * r + m[c][1] * g + m[c][2] * b + m[c][3]) >> 16;
        p->px[i] = px_of(o[0], o[1], o[2]);
    }
}

enum { SMALL_W = 64, SMALL_H = 36, REACH = 5 };

static void small_grey(const struct picture *p, double zoom, int *out) {
    double w = p->w / zoom, h = p->h / zoom;
    struct picture s = picture_scaled(p, (p->w - w) / 2, (p->h - h) / 2, w, h, SMALL_W, SMALL_H);
    for (int i = 0; i < SMALL_W * SMALL_H; i++) out[i] = px_luma(s.px[i]);
    picture_done(&s);
}

/* Mean difference when b lies dx, dy from a. */
static double difference(const int *a, const int *b, int dx, int dy) {
    int64_t sum = 0;
    int n = 0;
    for (int y = REACH; y < SMALL_H - REACH; y++)
        for (int x = REACH; x < SMALL_W - REACH; x++, n++) sum += abs(a[y * SMALL_W + x] - b[(y + dy) * SMALL_W + x + dx]);
    return (double)sum / n;
}

void look_motion(const struct picture *frames, int count, double fps, struct look *io) {
    static const double zooms[] = {0.94, 0.97, 1, 1.03, 1.06};
    int a[SMALL_W * SMALL_H], b[SMALL_W * SMALL_H], pairs = 0, apart = count / 4 < 1 ? 1 : count / 4;
    double x = 0, y = 0, zoom = 0;
    for (int i = 0; i + apart < count; i += apart, pairs++) {
        double best = 1e18, bx = 0, by = 0, bz = 0;
        small_grey(&frames[i + apart], 1, b);
        for (int z = 0; z < 5; z++) {
            small_grey(&frames[i], zooms[z], a);
            for (int dy = -REACH; dy <= REACH; dy++)
                for (int dx = -REACH; dx <= REACH; dx++) {
                    double d = difference(a, b, dx, dy) + 0.02 * (abs(dx) + abs(dy)) + 4 * fabs(zooms[z] - 1);
                    if (d < best) best = d, bx = dx, by = dy, bz = log(zooms[z]);
                }
        }
        x -= bx / SMALL_W, y -= by / SMALL_H, zoom += bz; /* what is seen goes one way when the camera goes the other */
    }
    if (!pairs) return;
    double seconds = pairs * apart / fps;
    io->pan_x = x / seconds, io->pan_y = y / seconds, io->zoom = zoom / seconds;
    io->has_motion = fabs(io->pan_x) > 0.008 || fabs(io->pan_y) > 0.008 || fabs(io->zoom) > 0.008;
}
