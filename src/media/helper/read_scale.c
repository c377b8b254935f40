/* See read_scale.h. Called by the readers in a child, and by their tests. */
#include "media/helper/read_scale.h"

#include <stdlib.h>
#include <string.h>

void pixels_done(struct pixels *p) {
    free(p->rgba);
    *p = (struct pixels){0};
}

void scale_fit(int w, int h, int longest, int *out_w, int *out_h) {
    int64_t side = w > h ? w : h;
    *out_w = w;
    *out_h = h;
    if (side <= longest) return;
    *out_w = (int)((w * (int64_t)longest + side / 2) / side);
    *out_h = (int)((h * (int64_t)longest + side / 2) / side);
    if (*out_w < 1) *out_w = 1;
    if (*out_h < 1) *out_h = 1;
}

bool scale_begin(struct scale *s, int w, int h, int longest) {
    *s = (struct scale){.sw = w, .sh = h};
    if (w < 1 || h < 1 || w > SCALE_SIDE_MAX || h > SCALE_SIDE_MAX || longest < 1) return false;
    scale_fit(w, h, longest, &s->dw, &s->dh);
    size_t n = (size_t)s->dw * 4;
    s->across = malloc(n * sizeof *s->across);
    s->down = calloc(n, sizeof *s->down);
    s->rgba = malloc(n * (size_t)s->dh);
    return s->across && s->down && s->rgba;
}

/* A source pixel is dw wide, a target pixel sw; a target takes from a source what of it lies inside. Colour is multiplied by alpha
 * and alpha by 255, so both end at 65025 and a sum at 65025 * 65535, which is below 2^32. */
static void average_across(struct scale *s, const unsigned char *p) {
    uint32_t sum[4] = {0}, whole = (uint32_t)s->sw, part = (uint32_t)s->dw, fill = 0;
    uint32_t *to = s->across;
    for (int x = 0; x < s->sw; x++, p += 4) {
        uint32_t a = p[3], v[4] = {p[0] * a, p[1] * a, p[2] * a, 255 * a};
        uint32_t take = part < whole - fill ? part : whole - fill, rest = part - take;
        for (int c = 0; c < 4; c++) sum[c] += v[c] * take;
        fill += take;
        if (fill < whole) continue;
        for (int c = 0; c < 4; c++) {
            *to++ = sum[c] / whole;
            sum[c] = v[c] * rest;
        }
        fill = rest;
    }
}

static void write_row(struct scale *s) {
    unsigned char *to = s->rgba + (size_t)s->rows_out * (size_t)s->dw * 4;
    uint64_t whole = (uint64_t)s->sh;
    for (int x = 0; x < s->dw; x++, to += 4) {
        const uint64_t *v = s->down + (size_t)x * 4;
        uint64_t alpha = v[3] / whole;
        for (int c = 0; c < 3; c++) {
            uint64_t colour = alpha ? (v[c] / whole * 255 + alpha / 2) / alpha : 0;
            to[c] = (unsigned char)(colour > 255 ? 255 : colour);
        }
        to[3] = (unsigned char)((alpha + 127) / 255);
    }
    s->rows_out++;
}

void scale_row(struct scale *s, const unsigned char *rgba) {
    if (s->rows_in >= s->sh) return;
    s->rows_in++;
    if (s->dw == s->sw && s->dh == s->sh) {
        memcpy(s->rgba + (size_t)s->rows_out++ * (size_t)s->dw * 4, rgba, (size_t)s->dw * 4);
        return;
    }
    average_across(s, rgba);
    int room = s->sh - s->row_fill, take = s->dh < room ? s->dh : room, rest = s->dh - take;
    size_t n = (size_t)s->dw * 4;
    for (size_t i = 0; i < n; i++) s->down[i] += (uint64_t)s->across[i] * (uint64_t)take;
    s->row_fill += take;
    if (s->row_fill < s->sh) return;
    write_row(s);
    for (size_t i = 0; i < n; i++) s->down[i] = (uint64_t)s->across[i] * (uint64_t)rest;
    s->row_fill = rest;
}

bool scale_end(struct scale *s, struct pixels *out) {
    if (s->rows_in < s->sh || s->rows_out != s->dh) return false;
    *out = (struct pixels){s->dw, s->dh, s->rgba};
    s->rgba = NULL;
    return true;
}

void scale_done(struct scale *s) {
    free(s->across);
    free(s->down);
    free(s->rgba);
    *s = (struct scale){0};
}

bool pixels_orient(struct pixels *p, int orientation) {
    if (orientation < 2 || orientation > 8) return true;
    /* Where the next pixel of a row and the next row of the source go in the result. */
    bool turned = orientation >= 5, right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8,
         down = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    int w = turned ? p->h : p->w, h = turned ? p->w : p->h;
    unsigned char *to = malloc((size_t)w * (size_t)h * 4);
    if (!to) return false;
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            int fx = right ? p->w - 1 - x : x, fy = down ? p->h - 1 - y : y;
            size_t at = turned ? (size_t)fx * (size_t)w + (size_t)fy : (size_t)fy * (size_t)w + (size_t)fx;
            memcpy(to + at * 4, p->rgba + ((size_t)y * (size_t)p->w + (size_t)x) * 4, 4);
        }
    free(p->rgba);
    *p = (struct pixels){w, h, to};
    return true;
}
