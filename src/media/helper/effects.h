/* Weather and light over a picture at a moment: the models edit (one moment) and motion (all of them). */
#pragma once
#include "media/helper/picture.h"

/* t in seconds; speed 1 is usual; amount 1 is usual. Particles go round, so that any t is fine. */
void effect_rain(cairo_t *cr, int w, int h, uint64_t seed, double t, double speed, double amount);
void effect_snow(cairo_t *cr, int w, int h, uint64_t seed, double t, double speed, double amount);
void effect_sparkle(cairo_t *cr, int w, int h, uint64_t seed, double t, double speed, double amount);
void effect_petals(cairo_t *cr, int w, int h, uint64_t seed, double t, double speed, double amount, struct rgb colour); /* leaves, petals, confetti */
void effect_bubbles(cairo_t *cr, int w, int h, uint64_t seed, double t, double speed, double amount);
void effect_fog(cairo_t *cr, int w, int h, uint64_t seed, double t, double speed, double amount);
/* Pixels: amount 0 to 1. */
void effect_night(struct picture *p, double amount);
void effect_warm(struct picture *p, double amount); /* dusk and dawn; negative: cold */
