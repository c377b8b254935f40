/* Pixels, and making them fewer. Pure; nothing here reads foreign bytes but the values of pixels. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Four bytes a pixel: red, green, blue, alpha; colour not multiplied by alpha. */
struct pixels {
    int w, h;
    unsigned char *rgba; /* w * h * 4, from malloc */
};
void pixels_done(struct pixels *p);

enum { SCALE_SIDE_MAX = 65535 }; /* the sums below fit their types up to here */

/* What a picture of this size becomes when its long side may have at most `longest`; it never grows. */
void scale_fit(int w, int h, int longest, int *out_w, int *out_h);

/* Averages areas, row by row, so that a picture of any size needs memory for its small copy and one row. */
struct scale {
    int sw, sh, dw, dh;
    int row_fill, rows_in, rows_out; /* how much of the row under way is there, in parts of sh */
    uint32_t *across;                /* one source row, averaged across */
    uint64_t *down;                  /* the row under way */
    unsigned char *rgba;
};
/* Sides of the source are 1 to SCALE_SIDE_MAX. False when there is no memory; scale_done is fine after that too. */
[[nodiscard]] bool scale_begin(struct scale *s, int w, int h, int longest);
void scale_row(struct scale *s, const unsigned char *rgba); /* sw pixels; rows beyond sh are ignored */
/* Moves the result out; false when rows are missing. */
[[nodiscard]] bool scale_end(struct scale *s, struct pixels *out);
void scale_done(struct scale *s);

/* Turns and mirrors as EXIF orientation 1 to 8 asks, anything else is 1. False when there is no memory. */
[[nodiscard]] bool pixels_orient(struct pixels *p, int orientation);
