/* The fonts of the media helper, opened before the walls go up. */
#pragma once
#include <pango/pango.h>

/* A context whose one font (bold, 64 pixels) is open with all its fallbacks: whatever text comes, no other file and no thread
 * will be wanted, as long as the text is laid out in the context's own font. Other sizes are had by scaling. NULL when the machine
 * has no font. */
PangoContext *fonts_load(void);
