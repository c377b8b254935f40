/* What the readers find in a file's bytes without any library. Pure: any bytes are fine, nothing is read past their end. Fuzzed. */
#pragma once
#include "base/str.h"

/* The orientation, 1 to 8, of an EXIF block (TIFF, without the leading "Exif\0\0"); 1 when it says nothing usable. */
int exif_orientation(struct str tiff);
/* The EXIF block of a PNG file's eXIf chunk or of a JPEG file's APP1 segment; empty when there is none. */
struct str exif_in_png(struct str file);
struct str exif_in_jpeg(struct str file);

/* Frames of a GIF and how long they run, by its blocks; frames stop being counted at `most` + 1. False when the blocks end before
 * the first frame's data does. */
struct gif_walk { int64_t frames, duration_ms; };
bool gif_walk(struct str file, int64_t most, struct gif_walk *out);

/* The header of a binary PPM as ffmpeg writes it: the dimensions and where the pixels begin; false when it is anything else, a side
 * is longer than `longest`, or the bytes are not exactly as many as the dimensions ask for. */
struct ppm { int w, h; const unsigned char *rgb; };
bool ppm_read(struct str file, int longest, struct ppm *out);
