/* Drawings as data, and the pen that draws them as a person would: filled with light from one side, hatched in the shade,
 * outlined by a hand that is not quite steady.
 *
 * A drawing is shapes separated by '|', painted in order. A shape is a colour letter, then '!' for no outline or '-N' for a
 * line of width N, then a path in absolute coordinates, y down:
 *   M x y   L x y   C x1 y1 x2 y2 x y   Q x1 y1 x y   Z   E cx cy rx ry (ellipse)   R x y w h radius (rectangle)
 * Colours: m main, d main in shade, l main in light, a accent; k black, w white, s skin, b brown, g green, y yellow,
 * t steel, r red, p pink, u glass, o orange, n sand. */
#pragma once
#include "media/helper/sketch.h"

struct pen {
    cairo_t *cr;
    struct rgb main, accent;
    double light;  /* as in struct canvas */
    double night;  /* 0 by day, up to 1 */
    uint64_t seed; /* of the hand */
};
/* The drawing's extent in its own coordinates, lines included. */
struct box pen_extent(cairo_t *cr, const char *art);
/* Draws it so that its extent becomes `box`; mirrored when asked. */
void pen_draw(struct pen *p, const char *art, struct box extent, struct box box, bool mirrored);
/* Outline of the current path with an unsteady hand; the path is kept. `width` and `wobble` in the units of the path. */
void pen_outline(cairo_t *cr, struct rgb colour, double width, double wobble, uint64_t seed);
