/* Where everything goes: bands of the picture for what flies, swims and stands, rows in each band, a cell for each thing. Two
 * boxes never overlap, because cells do not. Called by sketch.c. */
#include "media/helper/pen.h"

#include <math.h>
#include <stdlib.h>

enum { BANDS = 3, MAX_ROWS = 8 };

struct item {
    struct subject *subject;
    int nth;
    double h, w; /* relative */
};

struct band {
    struct item items[SKETCH_MAX_BOXES];
    int count;
    double tallest;
    struct box box;
    int rows;
    double scale;
    bool floats; /* hangs in the air: no ground to stand on, no distance to shrink with */
    bool shore;  /* holds what swims and what stands behind it, side by side */
};

static int band_of(const struct plan *p, const struct subject *s) {
    if (p->setting == SETTING_SPACE && s->noun->place != PLACE_WATER) return s->noun->place == PLACE_SKY ? 0 : 2;
    if (s->noun->place == PLACE_SKY) return 0;
    return s->noun->place == PLACE_WATER && p->setting == SETTING_SEA ? 1 : 2;
}

static void fill_bands(struct canvas *c, struct plan *p, struct band bands[BANDS]) {
    for (int i = 0; i < p->subject_count; i++) {
        struct subject *s = &p->subjects[i];
        struct box e = pen_extent(c->cr, s->noun->art);
        struct band *b = &bands[band_of(p, s)];
        for (int k = 0; k < s->count; k++) {
            double h = pow(s->noun->size, 0.75);
            b->items[b->count++] = (struct item){s, k, h, h * e.w / e.h};
            b->tallest = fmax(b->tallest, h);
        }
    }
    for (int k = 0; k < BANDS; k++) {
        struct dice d = dice_of(c->seed, k == 0 ? "order sky" : k == 1 ? "order water" : "order ground");
        for (int i = bands[k].count - 1; i > 0; i--) {
            int j = (int)(dice_unit(&d) * (i + 1));
            struct item t = bands[k].items[i];
            bands[k].items[i] = bands[k].items[j];
            bands[k].items[j] = t;
        }
    }
}

/* A few things on a coast stand and swim side by side in one row; more get a band each. */
static void join_shore(const struct plan *p, struct band bands[BANDS]) {
    struct band *water = &bands[1], *ground = &bands[2];
    if (p->setting != SETTING_SEA || !water->count || !ground->count || water->count + ground->count > 6) return;
    for (int i = 0; i < water->count; i++) {
        struct item it = water->items[i];
        it.h *= 0.8, it.w *= 0.8; /* farther out */
        ground->items[ground->count++] = it;
    }
    ground->shore = true;
    water->count = 0;
}

/* Far rows are smaller. */
static double shrink(const struct band *b, int rows, int r) { return b->floats || rows < 2 ? 1 : 1 - 0.26 * (rows - 1 - r) / (rows - 1); }

/* On the ground the tall stand behind the small; among equals the shuffle's order stays. */
static void tall_first(struct band *b) {
    for (int i = 1; i < b->count && !b->floats && !b->shore; i++) {
        struct item it = b->items[i];
        int at = i;
        for (; at > 0 && b->items[at - 1].h < it.h; at--) b->items[at] = b->items[at - 1];
        b->items[at] = it;
    }
}

/* First item of row r when the items are dealt to `rows` rows as evenly as whole items allow. */
static int row_start(const struct band *b, int rows, int r) { return (int)((long)b->count * r / rows); }

static double scale_for(const struct band *b, int rows) {
    double scale = 1e9, row_h = b->box.h / rows;
    for (int r = 0; r < rows; r++) {
        double sum = 0;
        for (int i = row_start(b, rows, r); i < row_start(b, rows, r + 1); i++) sum += b->items[i].w * shrink(b, rows, r);
        scale = fmin(scale, b->box.w * 0.86 / fmax(sum, 0.01));
    }
    return fmin(scale, row_h * (rows == 1 ? 0.92 : 0.86) / b->tallest);
}

static void choose_rows(struct band *b) {
    b->scale = 0;
    for (int rows = 1; rows <= (b->shore ? 1 : MAX_ROWS) && rows <= b->count; rows++) {
        double s = scale_for(b, rows);
        if (s > b->scale * 1.15) b->scale = s, b->rows = rows; /* fewer rows unless it is worth it */
    }
}

static double top_of(const struct band *b, int r, const struct item *it, double h, struct dice *d) {
    double row_h = b->box.h / b->rows, room = row_h - h, bottom = b->box.y + (r + 1) * row_h;
    if (b->floats) return b->box.y + r * row_h + dice_in(d, 0.1, 0.9) * room;
    double lift = dice_in(d, 0.02, 0.10) * fmin(room, row_h * 0.8);
    if (b->shore && it->subject->noun->place == PLACE_WATER) lift = fmin(room, row_h * 0.30);
    return bottom - h - lift;
}

static void place_band(struct canvas *c, struct band *b, const char *stream) {
    struct dice d = dice_of(c->seed, stream);
    for (int r = 0; r < b->rows; r++) {
        double scale = b->scale * shrink(b, b->rows, r);
        int from = row_start(b, b->rows, r), to = row_start(b, b->rows, r + 1), n = to - from;
        double sum = 0, gaps[SKETCH_MAX_BOXES + 1], gap_sum = 0;
        for (int i = from; i < to; i++) sum += b->items[i].w * scale;
        for (int i = 0; i <= n; i++) gap_sum += gaps[i] = dice_in(&d, 0.55, 1.45) * (i == 0 || i == n ? 0.7 : 1);
        double slack = b->box.w - sum, x = b->box.x + slack * gaps[0] / gap_sum;
        for (int i = from; i < to; i++) {
            struct item *it = &b->items[i];
            double w = it->w * scale, h = it->h * scale, y = top_of(b, r, it, h, &d);
            it->subject->boxes[it->nth] = (struct box){x, y, w, h};
            x += w + slack * gaps[i - from + 1] / gap_sum;
        }
    }
}

static double horizon_of(const struct canvas *c, const struct plan *p, const struct band bands[BANDS]) {
    struct dice d = dice_of(c->seed, "horizon");
    double jitter = dice_in(&d, -0.025, 0.025) * c->h, y = c->h * 0.74;
    const struct band *low = bands[1].count ? &bands[1] : bands[2].count ? &bands[2] : NULL;
    if (p->setting == SETTING_SPACE && !bands[2].count) return c->h;
    if (low) {
        /* The feet of the farthest row stand a little below the horizon. */
        double feet = low->box.y + low->box.h / low->rows;
        y = fmin(low->box.y + low->box.h / low->rows * 0.72, feet - c->h * 0.03);
        if (low->shore) y = low->box.y + low->box.h * 0.50;
        if (bands[1].count) y = fmin(y, low->box.y + low->box.h / low->rows * 0.55);
        y = fmax(fmin(y, c->h * 0.70), c->h * 0.30);
        return fmin(y + jitter, feet);
    }
    return y + jitter;
}

void sketch_place(struct canvas *c, struct plan *p) {
    struct band *bands = calloc(BANDS, sizeof *bands);
    must(bands);
    static const double weight[BANDS] = {0.8, 0.9, 1.0};
    double top = c->h * 0.045, bottom = c->h * 0.95, sum = 0;
    if (*p->text) {
        int lines = 1 + (strlen(p->text) > 30) + (strlen(p->text) > 80);
        double h = fmin(c->h * 0.30, fmax(c->h * (0.12 + 0.05 * lines), fmin(c->w, c->h) * 0.12));
        c->lettering = (struct box){c->w * 0.07, c->h * 0.965 - h, c->w * 0.86, h};
        bottom = c->lettering.y - c->h * 0.015;
    }
    bands[0].floats = true;
    bands[2].floats = p->setting == SETTING_SPACE;
    fill_bands(c, p, bands);
    join_shore(p, bands);
    for (int i = 0; i < BANDS; i++)
        if (bands[i].count) sum += weight[i] * sqrt(bands[i].tallest) * (1 + 0.05 * fmin(bands[i].count, 12));
    double y = top;
    for (int i = 0; i < BANDS; i++) {
        if (!bands[i].count) continue;
        double h = (bottom - top) * weight[i] * sqrt(bands[i].tallest) * (1 + 0.05 * fmin(bands[i].count, 12)) / sum;
        bands[i].box = (struct box){c->w * 0.03, y, c->w * 0.94, h};
        /* One thing alone does not fill the sheet to its edges. */
        if (p->subject_count == 1 && bands[i].count == 1) {
            double keep = h * (i == 0 ? 0.74 : 0.80);
            bands[i].box.y = i == 0 ? y + h * 0.08 : y + h - keep;
            bands[i].box.h = keep;
            bands[i].box.x = c->w * 0.10, bands[i].box.w = c->w * 0.80;
        }
        y += h;
        choose_rows(&bands[i]);
        if (bands[i].rows > 1) {
            tall_first(&bands[i]);
            choose_rows(&bands[i]);
        }
    }
    c->horizon = horizon_of(c, p, bands);
    for (int i = 0; i < BANDS; i++)
        if (bands[i].count) place_band(c, &bands[i], i == 0 ? "sky" : i == 1 ? "water" : "ground");
    free(bands);
}
