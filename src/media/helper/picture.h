/* A picture in memory while it is edited or filmed: 32 bits a pixel as cairo's RGB24 has them (0x00rrggbb), rows without gaps. */
#pragma once
#include "media/helper/job.h"
#include "media/helper/plan.h"

#include <cairo.h>

struct picture {
    int w, h;
    uint32_t *px; /* w * h, from malloc */
};
/* White. Ends the process when there is no memory: the child's limit is far above what the pixel limits allow. */
struct picture picture_new(int w, int h);
void picture_done(struct picture *p);
struct picture picture_copy(const struct picture *p);
/* A surface on its pixels, which must outlive it. After drawing: cairo_surface_flush. */
cairo_surface_t *picture_surface(const struct picture *p);
/* A part, scaled to w x h with good filters. */
struct picture picture_scaled(const struct picture *p, double x, double y, double pw, double ph, int w, int h);
/* Scaled so that it covers w x h, what sticks out cut off evenly. */
struct picture picture_cover(const struct picture *p, int w, int h);

/* The job's input file as a picture: sniffed, bounded, decoded, turned as it says, laid on white, its long side at most `longest`.
 * False, and the job has failed with a sentence, when it is none. out_type may be NULL. */
bool picture_load(struct job *j, int file, int longest, struct picture *out);

static inline int px_r(uint32_t p) { return (int)(p >> 16 & 255); }
static inline int px_g(uint32_t p) { return (int)(p >> 8 & 255); }
static inline int px_b(uint32_t p) { return (int)(p & 255); }
static inline int px_clamp(int v) { return v < 0 ? 0 : v > 255 ? 255 : v; }
static inline uint32_t px_of(int r, int g, int b) { return (uint32_t)px_clamp(r) << 16 | (uint32_t)px_clamp(g) << 8 | (uint32_t)px_clamp(b); }
static inline int px_luma(uint32_t p) { return (px_r(p) * 77 + px_g(p) * 151 + px_b(p) * 28) >> 8; }

/* Filters. Each works in place. */
void picture_blur(struct picture *p, int radius);             /* smooth, by three box passes */
void picture_smooth(struct picture *p, int radius);           /* Kuwahara: flat areas like paint, edges stay */
unsigned char *picture_edges(const struct picture *p);        /* strength of edges, 0 to 255, w * h, from malloc */
void picture_grain(struct picture *p, int amount, uint64_t seed);
void picture_vignette(struct picture *p, double amount);
void picture_mix(struct picture *p, const struct picture *with, double amount);
/* A hash of a place: the same paper and grain for a seed, whatever is drawn on it. 0 to 255. */
static inline int px_noise(int x, int y, uint32_t seed) {
    uint32_t h = (uint32_t)x * 0x9e3779b1u ^ (uint32_t)y * 0x85ebca77u ^ seed * 0xc2b2ae3du;
    h = (h ^ h >> 15) * 0x2c1b3c6du;
    h = (h ^ h >> 12) * 0x297a2d39u;
    return (int)(h >> 24);
}
