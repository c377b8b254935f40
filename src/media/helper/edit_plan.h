/* What a prompt of the model `edit` asks for, before any pixel. */
#pragma once
#include "media/helper/prompt.h"

enum edit_style {
    STYLE_WATERCOLOUR, STYLE_OIL, STYLE_PENCIL, STYLE_CHARCOAL, STYLE_INK, STYLE_PIXEL, STYLE_POSTER, STYLE_POP, STYLE_COMIC, STYLE_SEPIA,
    STYLE_MONO, STYLE_NOIR, STYLE_VINTAGE, STYLE_NEON, STYLE_BLUR, STYLE_DREAMY, STYLE_HALFTONE, STYLE_MOSAIC, STYLE_EMBOSS, STYLE_NEGATIVE,
    STYLE_COUNT
};
enum edit_layout { LAYOUT_NONE, LAYOUT_ROW, LAYOUT_COLUMN, LAYOUT_GRID, LAYOUT_INSET };
enum { EDIT_STYLES = 3, EDIT_PICTURES = 4, EDIT_MIN_SIDE = 16, EDIT_MAX_SIDE = 4096 };

struct edit_plan {
    enum edit_style styles[EDIT_STYLES];
    double degrees[EDIT_STYLES];
    int style_count;
    struct rgb neon;
    bool has_neon;
    double brightness, contrast, saturation, warmth, sharpness; /* 0: as it is; about -1 to 1 */
    struct rgb tint;
    double tint_amount;
    const char *tint_name;
    bool vignette, night, rain, snow;
    double crop_w, crop_h;  /* aspect; 0: none */
    double zoom;            /* part of each side that is kept by a crop to the middle; 0: none */
    int turns;              /* quarter turns clockwise */
    double tilt;            /* degrees clockwise besides */
    bool mirror, flip;      /* left and right; up and down */
    bool frame, polaroid;
    struct rgb frame_colour;
    enum edit_layout layout;
    int corner;             /* of an inset: 0 bottom right, 1 bottom left, 2 top right, 3 top left */
    int caption_at;         /* -1 top, 0 bottom, 1 middle */
    char caption[SKETCH_TEXT_BYTES + 1];
    char add[512];          /* what is to be drawn into the picture, as words for the sketch's reader; empty: nothing */
    bool understood;        /* false: no word was known, and a style was chosen for it */
};
void edit_read_prompt(struct str prompt, struct edit_plan *out);
const char *edit_style_name(enum edit_style s);
const char *edit_layout_name(enum edit_layout l);
