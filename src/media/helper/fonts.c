/* Chooses at most a handful of font files that together cover the most scripts, and shows pango no others: a character that
 * none of them has becomes a box, never a look into the file system, which would end the child. Called by main.c before any fork. */
#include "media/helper/fonts.h"

#include <fontconfig/fontconfig.h>
#include <pango/pangocairo.h>
#include <pango/pangofc-fontmap.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

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

struct warming {
    cairo_t *cr;
    GHashTable *seen; /* fonts drawn with already */
};

/* Opens the font's file, and the small digits of the box it draws for characters it does not have. */
static gboolean warm_font(PangoFontset *set, PangoFont *font, gpointer arg) {
    struct warming *w = arg;
    (void)set;
    if (!g_hash_table_add(w->seen, font)) return FALSE;
    PangoGlyphString *glyphs = pango_glyph_string_new();
    pango_glyph_string_set_size(glyphs, 2);
    for (int i = 0; i < 2; i++)
        glyphs->glyphs[i] = (PangoGlyphInfo){.glyph = i ? PANGO_GET_UNKNOWN_GLYPH(0x10ffff) : 3, .geometry = {.width = 64 * PANGO_SCALE}};
    pango_cairo_show_glyph_string(w->cr, font, glyphs);
    pango_font_get_hb_font(font);
    pango_glyph_string_free(glyphs);
    return FALSE;
}

/* The fonts for one language, in the lettering's own family and in the one that pango takes for emoji. */
static void warm_language(PangoContext *context, PangoLanguage *language, struct warming *w) {
    /* A sample of it, laid out and drawn: shapers and word breakers (Thai has a dictionary) read their files now. */
    PangoLayout *layout = pango_layout_new(context);
    pango_layout_set_text(layout, pango_language_get_sample_string(language), -1);
    pango_layout_set_width(layout, 600 * PANGO_SCALE);
    pango_cairo_show_layout(w->cr, layout);
    g_object_unref(layout);
    PangoFontDescription *emoji = pango_font_description_copy(pango_context_get_font_description(context));
    pango_font_description_set_family_static(emoji, "emoji");
    const PangoFontDescription *both[] = {pango_context_get_font_description(context), emoji};
    for (int i = 0; i < 2; i++) {
        PangoFontset *set = pango_context_load_fontset(context, both[i], language);
        if (!set) continue;
        pango_fontset_foreach(set, warm_font, w);
        g_object_unref(set);
    }
    pango_font_description_free(emoji);
}

/* pango asks fontconfig in threads of its own whenever it meets a language for the first time. A child may not start threads,
 * so every language that any script can stand for is asked for now, in the one size there is. */
static void warm(PangoContext *context) {
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_A8, 64, 64);
    struct warming w = {cairo_create(s), g_hash_table_new(NULL, NULL)};
    warm_language(context, pango_context_get_language(context), &w);
    for (int script = 0; script < 256; script++) {
        PangoLanguage *language = pango_script_get_sample_language((PangoScript)script);
        if (language) warm_language(context, language, &w);
    }
    PangoLayout *layout = pango_layout_new(context);
    pango_layout_set_text(layout, "Ag \xe0\xb8\xaa\xe0\xb8\xa7\xe0\xb8\xb1\xe0\xb8\xaa \xe4\xb8\xad \xed\x95\x9c \xf0\x9f\x98\x80", -1);
    pango_cairo_show_layout(w.cr, layout);
    g_object_unref(layout);
    g_hash_table_destroy(w.seen);
    cairo_destroy(w.cr);
    cairo_surface_destroy(s);
}

/* pango's threads end by themselves soon after their answer. */
static bool wait_until_alone(void) {
    struct stat st;
    for (int i = 0; i < 500; i++) {
        if (stat("/proc/self/task", &st) || st.st_nlink <= 3) return true;
        g_usleep(2000);
    }
    return false;
}

PangoContext *fonts_load(void) {
    FcConfig *config = choose();
    if (!config) return NULL;
    PangoFontMap *map = pango_cairo_font_map_new_for_font_type(CAIRO_FONT_TYPE_FT);
    if (!map) return NULL;
    FcConfigSetCurrent(config);
    pango_fc_font_map_set_config(PANGO_FC_FONT_MAP(map), config);
    PangoContext *context = pango_font_map_create_context(map);
    pango_context_set_language(context, pango_language_from_string("en"));
    /* Grey antialiasing without hinting: the same letters on every machine with the same fonts. */
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(context, options);
    cairo_font_options_destroy(options);
    PangoFontDescription *font = pango_font_description_from_string("sans bold");
    pango_font_description_set_absolute_size(font, 64 * PANGO_SCALE);
    pango_context_set_font_description(context, font);
    pango_font_description_free(font);
    warm(context);
    return wait_until_alone() ? context : NULL;
}
