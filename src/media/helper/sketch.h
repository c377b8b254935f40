/* The renderer `sketch`: a prompt becomes a plan (what is to be seen), the plan becomes places, the places become pixels.
 *
 * Always: the same inputs and seed give the same bytes; the seed moves things about but never changes what the prompt named.
 * Lives in the media helper only; nothing here opens a file, reads a clock or a random source. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "media/helper/plan.h"

#include <cairo.h>
#include <pango/pango.h>

/* The picture while it is made. */
struct canvas {
    cairo_t *cr;
    int w, h;
    uint64_t seed;
    double horizon;       /* y where the ground begins */
    double light;         /* -1: light from the left, 1: from the right */
    struct box lettering; /* kept free for the text; h 0: none */
    const struct plan *plan;
};
void sketch_place(struct canvas *c, struct plan *plan); /* horizon, lettering and every box; boxes never overlap */
void sketch_background(struct canvas *c); /* the four below, in that order; a film moves them one by one */
void sketch_sky(struct canvas *c);
void sketch_clouds(struct canvas *c);
void sketch_land(struct canvas *c);
void sketch_corners(struct canvas *c);
void sketch_weather(struct canvas *c);  /* in front of everything: rain, snow, fog */
void sketch_abstract(struct canvas *c); /* when nothing in the prompt could be drawn */
void sketch_lettering(struct canvas *c, PangoContext *fonts);

struct sketch_inputs {
    struct str prompt;
    int w, h;
    uint64_t seed;
    char format[8]; /* png, jpeg, webp */
};
/* E_INVALID with a sentence in `why`. */
err sketch_read_inputs(struct str json, uint64_t seed, struct arena *a, struct why *why, struct sketch_inputs *out);
/* A new RGB24 surface and the scene as JSON. NULL when there is no memory. */
cairo_surface_t *sketch_draw(const struct sketch_inputs *in, PangoContext *fonts, char scene[SKETCH_SCENE_BYTES]);
