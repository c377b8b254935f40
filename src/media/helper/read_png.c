/* PNG, read by libpng a row at a time where the file is not interlaced. Called by read_image.c. */
#include "media/helper/read_image.h"
#include "base/limits.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>

/* What the jump out of the library must not lose. */
struct png_work {
    png_structp png;
    png_infop info;
    struct str rest;
    unsigned char *rows;
    png_bytep *starts;
    struct scale scale;
};

static void take(png_structp png, png_bytep to, png_size_t n) {
    struct png_work *w = png_get_io_ptr(png);
    if (n > w->rest.len) png_error(png, "early end");
    memcpy(to, w->rest.ptr, n);
    w->rest = str_skip(w->rest, n);
}

static void ignore(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

/* Only what makes pixels is read: a compressed profile or text may be a bomb of its own. */
static void forget_chunks(png_structp png) {
    static const png_byte names[] = "iCCP\0zTXt\0iTXt\0tEXt\0sPLT\0eXIf\0hIST\0sBIT\0pHYs\0gAMA\0cHRM\0sRGB\0bKGD\0tIME\0pCAL\0sCAL\0oFFs";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, names, sizeof names / 5);
    png_set_chunk_malloc_max(png, 1 << 20);
    png_set_chunk_cache_max(png, 64);
    png_set_user_limits(png, SCALE_SIDE_MAX, SCALE_SIDE_MAX);
}

static err read_rows(struct png_work *w, int longest, bool held, struct why *why) {
    png_uint_32 width = png_get_image_width(w->png, w->info), height = png_get_image_height(w->png, w->info);
    size_t row = (size_t)width * 4;
    if (png_get_rowbytes(w->png, w->info) != row) return image_broken(why);
    w->rows = malloc(held ? row * height : row);
    w->starts = held ? calloc(height, sizeof *w->starts) : NULL;
    if (!w->rows || (held && !w->starts) || !scale_begin(&w->scale, (int)width, (int)height, longest)) return image_no_memory(why);
    if (held) {
        for (size_t y = 0; y < height; y++) w->starts[y] = w->rows + y * row;
        png_read_image(w->png, w->starts);
    }
    for (size_t y = 0; y < height; y++) {
        if (!held) png_read_row(w->png, w->rows, NULL);
        scale_row(&w->scale, held ? w->starts[y] : w->rows);
    }
    return OK;
}

static err read_png(struct png_work *w, int longest, struct why *why) {
    png_set_read_fn(w->png, w, take);
    forget_chunks(w->png);
    png_read_info(w->png, w->info);
    bool held = png_get_interlace_type(w->png, w->info) != PNG_INTERLACE_NONE;
    err e = image_bounds(png_get_image_width(w->png, w->info), png_get_image_height(w->png, w->info), held, why);
    if (e) return e;
    png_set_expand(w->png);
    png_set_scale_16(w->png);
    png_set_gray_to_rgb(w->png);
    png_set_add_alpha(w->png, 0xff, PNG_FILLER_AFTER);
    if (held) png_set_interlace_handling(w->png);
    png_read_update_info(w->png, w->info);
    return read_rows(w, longest, held, why);
}

err png_pixels(struct str file, int longest, struct why *why, struct pixels *out) {
    struct png_work *w = calloc(1, sizeof *w);
    if (!w) return image_no_memory(why);
    err e = E_INTERNAL;
    w->rest = file;
    w->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, ignore);
    w->info = w->png ? png_create_info_struct(w->png) : NULL;
    if (!w->info) e = image_no_memory(why);
    else if (setjmp(png_jmpbuf(w->png))) e = image_broken(why);
    else e = read_png(w, longest, why);
    if (!e && !scale_end(&w->scale, out)) e = image_broken(why);
    if (w->png) png_destroy_read_struct(&w->png, &w->info, NULL);
    scale_done(&w->scale);
    free(w->rows);
    free(w->starts);
    free(w);
    return e;
}
