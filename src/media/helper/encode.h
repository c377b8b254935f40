/* A picture into a file's bytes. */
#pragma once
#include "base/buf.h"

#include <cairo.h>
#include <stdbool.h>

/* format: png, jpeg or webp. The surface is RGB24. False when there is no memory. */
bool encode_picture(cairo_surface_t *s, const char *format, struct buf *out);
