/* The fonts of the media helper, opened before the walls go up. */
#pragma once
#include <pango/pango.h>

/* A context whose fonts are all open: whatever text comes, no other file will be wanted. NULL when the machine has no font. */
PangoContext *fonts_load(void);
