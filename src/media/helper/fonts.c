/* Chooses at most a handful of font files that together cover the most scripts, and shows pango no others: a character that
 * none of them has becomes a box, never a look into the file system, which would end the child. Called by main.c before any fork. */
#include "media/helper/fonts.h"

#include <fontconfig/fontconfig.h>
#include <pango/pangocairo.h>
#include <pango/pangofc-fontmap.h>
#include <string.h>

/* cairo keeps ten faces open and reopens beyond that; stay below. */
enum { MAX_FONTS = 6 };

/* The system's fonts in the order it would fall back through them, those that add nothing left out. */
static FcConfig *choose(void) {
    FcConfig *system = FcInitLoadConfigAndFonts(), *chosen = FcConfigCreate();
    FcPattern *want = FcNameParse((const FcChar8 *)"sans:bold:scalable=true");
    FcResult result;
    int count = 0;
    if (!system || !chosen || !want) return NULL;
    FcConfigSubstitute(system, want, FcMatchPattern);
    FcDefaultSubstitute(want);
    FcFontSet *sorted = FcFontSort(system, want, FcTrue, NULL, &result);
    for (int i = 0; sorted && i < sorted->nfont && count < MAX_FONTS; i++) {
        FcChar8 *file = NULL;
        FcBool outline = FcFalse;
        if (FcPatternGetString(sorted->fonts[i], FC_FILE, 0, &file) != FcResultMatch) continue;
        if (FcPatternGetBool(sorted->fonts[i], FC_OUTLINE, 0, &outline) != FcResultMatch || !outline) continue;
        size_t len = strlen((const char *)file);
        if (len < 4 || (strcmp((const char *)file + len - 4, ".ttf") && strcmp((const char *)file + len - 4, ".otf"))) continue;
        if (FcConfigAppFontAddFile(chosen, file)) count++;
    }
    if (sorted) FcFontSetDestroy(sorted);
    FcPatternDestroy(want);
    FcConfigDestroy(system);
    return count ? chosen : NULL;
}

/* Draws a few letters in every family, so that each file is open and each shaper has run. */
static void warm(PangoContext *context, FcConfig *config) {
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_A8, 64, 32);
    cairo_t *cr = cairo_create(s);
    FcFontSet *set = FcConfigGetFonts(config, FcSetApplication);
    for (int i = -1; set && i < set->nfont; i++) {
        FcChar8 *family = (FcChar8 *)(uintptr_t)"sans";
        if (i >= 0) FcPatternGetString(set->fonts[i], FC_FAMILY, 0, &family);
        PangoLayout *layout = pango_layout_new(context);
        PangoFontDescription *font = pango_font_description_from_string((const char *)family);
        pango_font_description_set_weight(font, PANGO_WEIGHT_BOLD);
        pango_font_description_set_absolute_size(font, 12 * PANGO_SCALE);
        pango_layout_set_font_description(layout, font);
        pango_layout_set_text(layout, "Ag \xce\xa9\xd0\x96 \xd7\x90 \xd8\xa7\xd9\x84 \xe0\xa4\x95 \xe4\xb8\xad \xed\x95\x9c \xf0\x9f\x98\x80", -1);
        pango_cairo_show_layout(cr, layout);
        pango_font_description_free(font);
        g_object_unref(layout);
    }
    cairo_destroy(cr);
    cairo_surface_destroy(s);
}

PangoContext *fonts_load(void) {
    FcConfig *config = choose();
    if (!config) return NULL;
    PangoFontMap *map = pango_cairo_font_map_new_for_font_type(CAIRO_FONT_TYPE_FT);
    if (!map) return NULL;
    FcConfigSetCurrent(config);
    pango_fc_font_map_set_config(PANGO_FC_FONT_MAP(map), config);
    PangoContext *context = pango_font_map_create_context(map);
    /* Grey antialiasing without hinting: the same letters on every machine with the same fonts. */
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(context, options);
    cairo_font_options_destroy(options);
    warm(context, config);
    return context;
}
