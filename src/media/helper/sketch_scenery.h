/* Between sketch_back.c and sketch_scenery.c: the light of the hour, and the places. */
#pragma once
#include "media/helper/sketch.h"

struct light {
    struct rgb top, mid, low; /* of the sky */
    struct rgb tint;          /* what the hour does to every colour of the land */
    double amount;
};
struct light sketch_light(const struct canvas *c);
struct rgb lit(const struct light *l, const char *hex);
void source_down(cairo_t *cr, double y1, double y2, struct rgb a, struct rgb b);
void glow(cairo_t *cr, double x, double y, double r, struct rgb c, double alpha);

void scenery_land(struct canvas *c, const struct light *l); /* hills, sea, forest, city, desert, snow */
void scenery_room(struct canvas *c, const struct light *l);
void scenery_plain(struct canvas *c, const struct light *l);
void scenery_space(struct canvas *c, const struct light *l);
void scenery_moon_ground(struct canvas *c, const struct light *l);
