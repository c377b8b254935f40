/* Reads a prompt of the model `edit` into a plan; see edit_plan.h. Takes any bytes (fuzzed). */
#include "media/helper/edit_plan.h"
#include "base/err.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static const struct { const char *name, *words; } styles[STYLE_COUNT] = {
    [STYLE_WATERCOLOUR] = {"watercolour", "watercolour watercolor aquarelle water_colour water_color gouache"},
    [STYLE_OIL] = {"oil painting", "oil oil_painting impressionist impressionism van_gogh acrylic brush_strokes brushstrokes"},
    [STYLE_PENCIL] = {"pencil", "pencil pencil_sketch graphite crayon"},
    [STYLE_CHARCOAL] = {"charcoal", "charcoal chalk"},
    [STYLE_INK] = {"ink", "ink line_art lineart line_drawing outline outlines woodcut linocut engraving stencil"},
    [STYLE_PIXEL] = {"pixel art", "pixel pixel_art pixelart pixelated pixelate 8bit 8_bit 16_bit retro_game"},
    [STYLE_POSTER] = {"poster", "poster posterize posterise posterized screen_print screenprint flat_colours flat_colors propaganda travel_poster"},
    [STYLE_POP] = {"pop art", "pop_art popart warhol"},
    [STYLE_COMIC] = {"comic", "comic comics cartoon cartoonish anime manga graphic_novel cel_shaded"},
    [STYLE_SEPIA] = {"sepia", "sepia daguerreotype"},
    [STYLE_MONO] = {"black and white", "black_and_white black_white monochrome greyscale grayscale grey_scale b_w bw desaturated colourless colorless"},
    [STYLE_NOIR] = {"noir", "noir film_noir"},
    [STYLE_VINTAGE] = {"vintage", "vintage retro old_photo old_photograph faded polaroid analog analogue nostalgic kodachrome 1970s 70s seventies lomo"},
    [STYLE_NEON] = {"neon", "neon cyberpunk synthwave glowing_edges tron glowing_outline"},
    [STYLE_BLUR] = {"blur", "blur blurred blurry out_of_focus defocused soft_focus"},
    [STYLE_DREAMY] = {"dreamy", "dreamy glow glowing bloom ethereal soft_glow hazy"},
    [STYLE_HALFTONE] = {"halftone", "halftone newspaper newsprint dots"},
    [STYLE_MOSAIC] = {"mosaic", "mosaic stained_glass tiles low_poly lowpoly"},
    [STYLE_EMBOSS] = {"emboss", "emboss embossed relief stone_carving"},
    [STYLE_NEGATIVE] = {"negative", "negative invert inverted inverse x_ray"},
};

const char *edit_style_name(enum edit_style s) { return styles[s].name; }

const char *edit_layout_name(enum edit_layout l) {
    static const char *const names[] = {"none", "side by side", "stacked", "grid", "picture in picture"};
    return names[l];
}

static void read_styles(const struct prompt *p, struct edit_plan *e) {
    int at[STYLE_COUNT];
    for (int i = 0; i < STYLE_COUNT; i++) at[i] = prompt_any(p, styles[i].words);
    /* Words for many manners mean one of them only when no other is named: a charcoal sketch, a watercolour painting. */
    bool named = false;
    for (int i = 0; i < STYLE_COUNT; i++) named = named || at[i] >= 0;
    if (!named) at[STYLE_OIL] = prompt_any(p, "painting painterly painted canvas");
    if (!named) at[STYLE_PENCIL] = prompt_any(p, "sketch sketched hand_drawn drawing line");
    /* In the order in which they were said; a pencil sketch of a painting is a sketch. */
    while (e->style_count < EDIT_STYLES) {
        int best = -1;
        for (int i = 0; i < STYLE_COUNT; i++)
            if (at[i] >= 0 && (best < 0 || at[i] < at[best])) best = i;
        if (best < 0) return;
        e->degrees[e->style_count] = prompt_degree(p, at[best]);
        e->styles[e->style_count++] = (enum edit_style)best;
        if (best == STYLE_NEON) {
            const char *name;
            e->has_neon = prompt_colour(p, at[best], 3, 4, &e->neon, &name);
        }
        at[best] = -1;
    }
}

static void read_tone(const struct prompt *p, struct edit_plan *e) {
    static const struct { size_t field; double sign; const char *words; } t[] = {
#define F(name) offsetof(struct edit_plan, name)
        {F(brightness), 0.34, "brighter brighten bright lighter lighten more_light sunnier sunny lighten_up luminous more_brightness increase_brightness increase_the_brightness"},
        {F(brightness), -0.34, "darker darken dark dimmer dim moody gloomy low_key less_light less_brightness reduce_brightness"},
        {F(contrast), 0.38, "contrast more_contrast high_contrast contrasty punchy dramatic crisp bold"},
        {F(contrast), -0.76, "less_contrast low_contrast lower_contrast reduce_contrast reduce_the_contrast"},
        {F(contrast), -0.38, "flatter flat matte washed_out softer"},
        {F(saturation), 0.55, "saturated saturate saturation more_saturation vivid vibrant colourful colorful richer intense_colours intense_colors more_colour more_color"},
        {F(saturation), -1.0, "less_saturated less_saturation desaturate reduce_saturation undersaturated"},
        {F(saturation), -0.5, "muted pastel pale subdued"},
        {F(warmth), 0.42, "warmer warm golden golden_hour sunset sunlit autumn autumnal cosy cozy"},
        {F(warmth), -0.42, "cooler cool cold colder icy bluish wintry winter"},
        {F(sharpness), 0.8, "sharpen sharper sharp more_detail detailed crisper clearer"}};
#undef F
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        int at = prompt_any(p, t[i].words);
        if (at >= 0) *(double *)((char *)e + t[i].field) += t[i].sign * prompt_degree(p, at);
    }
    e->vignette = prompt_has(p, "vignette vignetted dark_edges dark_corners");
    e->night = prompt_has(p, "night nighttime at_night midnight moonlight moonlit by_night");
    e->rain = prompt_has(p, "rain rainy raining rainstorm");
    e->snow = prompt_has(p, "snow snowy snowing snowfall snowflakes");
}

/* A colour that stands with a word for tinting; or alone in "make it blue". */
static void read_tint(const struct prompt *p, struct edit_plan *e) {
    int at = prompt_any(p, "tint tinted tone toned tones hue hues wash overlay cast filter tinge light lighting colourise colorize duotone shade shades");
    if (at >= 0 && prompt_colour(p, at, 3, 3, &e->tint, &e->tint_name)) e->tint_amount = 0.42 * prompt_degree(p, at);
    for (int i = 0; i + 2 < p->count && !e->tint_name; i++) {
        bool verb = !strcmp(p->word[i], "make") || !strcmp(p->word[i], "turn") || !strcmp(p->word[i], "paint") || !strcmp(p->word[i], "colour") || !strcmp(p->word[i], "color");
        bool it = !strcmp(p->word[i + 1], "it") || !strcmp(p->word[i + 1], "everything") || !strcmp(p->word[i + 1], "this");
        if (verb && it && prompt_colour(p, i + 2, 0, 2, &e->tint, &e->tint_name)) e->tint_amount = 0.5;
    }
    /* "black and white" and "a white frame" name colours that tint nothing. */
    if (e->tint_name && (!strcmp(e->tint_name, "black") || !strcmp(e->tint_name, "white")) && prompt_has(p, "black_and_white frame border")) {
        e->tint_amount = 0;
        e->tint_name = NULL;
    }
    e->tint_amount = fmin(e->tint_amount, 0.8);
}

static void read_crop(const struct prompt *p, struct edit_plan *e) {
    int crop = prompt_any(p, "crop cropped trim_to cut_to");
    if (crop >= 0) {
        static const struct { const char *words; double w, h; } shapes[] = {
            {"square 1:1", 1, 1}, {"widescreen wide landscape 16:9 panorama", 16, 9}, {"portrait vertical tall 9:16", 9, 16}, {"4:3", 4, 3}, {"3:2", 3, 2},
            {"4:5", 4, 5}, {"2:3", 2, 3}, {"3:4", 3, 4}, {"21:9 cinematic", 21, 9}, {"2:1", 2, 1}};
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes && e->crop_w <= 0; i++)
            if (prompt_has(p, shapes[i].words)) e->crop_w = shapes[i].w, e->crop_h = shapes[i].h;
        if (e->crop_w <= 0 || prompt_has(p, "centre center middle tighter closer")) e->zoom = 0.6;
        if (e->crop_w > 0 && !prompt_has(p, "tighter closer")) e->zoom = 0;
    }
    if (prompt_has(p, "zoom zoom_in zoomed closer close_up")) e->zoom = 0.55;
}

static void read_turn(const struct prompt *p, struct edit_plan *e) {
    int at = prompt_any(p, "rotate rotated turn_it turned turn_left turn_right tilt tilted spin");
    double degrees = 0;
    bool said = false, left = prompt_has(p, "counterclockwise anticlockwise counter anti left ccw");
    for (int i = at < 0 ? p->count : at; i < p->count && i < at + 8 && !said; i++) {
        said = prompt_number(p, i, &degrees) && degrees >= 1;
        if (!strcmp(p->word[i], "half")) said = true, degrees = 180;
    }
    if (prompt_has(p, "upside_down")) at = 0, said = true, degrees = 180;
    if (at >= 0) {
        bool tilting = prompt_has(p, "tilt tilted slightly");
        if (!said && (tilting || prompt_has(p, "rotate rotated turn_left turn_right"))) degrees = tilting ? 8 : 90;
        degrees = fmod(left ? 360 - fmod(degrees, 360) : degrees, 360);
        e->turns = (int)lround(degrees / 90) % 4;
        e->tilt = degrees - 90 * lround(degrees / 90);
    }
    int flip = prompt_any(p, "mirror mirrored flip flipped");
    if (flip >= 0) {
        bool vertical = prompt_has(p, "vertically vertical upside top_to_bottom");
        (vertical ? &e->flip : &e->mirror)[0] = true;
        if (vertical && prompt_has(p, "horizontally horizontal")) e->mirror = true;
    }
}

static void read_frame(const struct prompt *p, struct edit_plan *e) {
    const char *name;
    int at = prompt_any(p, "frame framed border bordered passepartout");
    e->polaroid = prompt_has(p, "polaroid instant_photo");
    e->frame = at >= 0 || e->polaroid;
    e->frame_colour = rgb_hex(e->polaroid ? "f6f3ea" : "f4efe2");
    if (at >= 0) {
        if (prompt_has(p, "wooden wood")) e->frame_colour = rgb_hex("7a5230");
        prompt_colour(p, at, 3, 1, &e->frame_colour, &name);
    }
}

static void read_layout(const struct prompt *p, struct edit_plan *e) {
    static const struct { enum edit_layout layout; const char *words; } t[] = {
        {LAYOUT_INSET, "picture_in_picture inset pip corner thumbnail small_picture overlay_the"},
        {LAYOUT_ROW, "side_by_side beside next_to row left_and_right diptych triptych before_and_after compare comparison"},
        {LAYOUT_COLUMN, "stack stacked column on_top_of above below top_and_bottom"},
        {LAYOUT_GRID, "grid collage quad tiled contact_sheet mosaic four_panels moodboard mood_board"}};
    for (size_t i = 0; i < sizeof t / sizeof *t && !e->layout; i++)
        if (prompt_has(p, t[i].words)) e->layout = t[i].layout;
    bool top = prompt_has(p, "top upper"), left = prompt_has(p, "left");
    e->corner = (top ? 2 : 0) + (left ? 1 : 0);
}

static void read_caption(const struct prompt *p, struct edit_plan *e) {
    memcpy(e->caption, p->quoted, sizeof e->caption);
    if (!*e->caption) return;
    e->caption_at = prompt_has(p, "at_the_top on_top top above headline title heading") ? -1 : prompt_has(p, "middle centre center across") ? 1 : 0;
}

/* "add a red balloon and two birds": the words behind the verb up to the end of the sentence or another verb. */
static void read_add(const struct prompt *p, struct edit_plan *e) {
    static const char *const verbs[] = {"add", "put", "place", "draw", "insert", "include"};
    static const char *const others[] = {"make", "turn", "crop", "rotate", "mirror", "flip", "convert", "apply", "change", "set", "use", "then", "caption", "text", "frame",
                                         "border", "darken", "brighten", "title", "saying", "tint", "blur", "style", "filter", "them", "these"};
    size_t n = 0;
    bool adding = false;
    for (int i = 0; i < p->count; i++) {
        bool verb = false, other = false;
        for (size_t k = 0; k < sizeof verbs / sizeof *verbs; k++) verb = verb || !strcmp(p->word[i], verbs[k]);
        for (size_t k = 0; k < sizeof others / sizeof *others; k++) other = other || !strcmp(p->word[i], others[k]);
        if (verb) adding = true;
        else if (other || !strcmp(p->word[i], ".")) adding = false;
        else if (adding && n + PROMPT_WORD_BYTES + 2 < sizeof e->add) n += (size_t)snprintf(e->add + n, sizeof e->add - n, "%s ", p->word[i]);
    }
}

void edit_read_prompt(struct str text, struct edit_plan *out) {
    struct prompt *p = malloc(sizeof *p);
    struct edit_plan e = {0};
    must(p);
    prompt_read(text, p);
    read_layout(p, &e);
    read_styles(p, &e);
    read_tone(p, &e);
    read_tint(p, &e);
    read_crop(p, &e);
    read_turn(p, &e);
    read_frame(p, &e);
    read_caption(p, &e);
    read_add(p, &e);
    free(p);
    e.understood = e.style_count || e.brightness != 0 || e.contrast != 0 || e.saturation != 0 || e.warmth != 0 || e.sharpness > 0 || e.tint_name || e.vignette ||
                   e.night || e.rain || e.snow || e.crop_w > 0 || e.zoom > 0 || e.turns || fabs(e.tilt) > 0.01 || e.mirror || e.flip || e.frame ||
                   e.layout || *e.caption || *e.add;
    if (!e.understood) {
        e.styles[0] = STYLE_WATERCOLOUR; /* something to see for whoever tries it out */
        e.degrees[0] = 1;
        e.style_count = 1;
    }
    *out = e;
}
