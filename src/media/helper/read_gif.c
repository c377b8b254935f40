/* The first frame of a GIF on its screen, read by giflib. Called by read_image.c. */
#include "media/helper/read_image.h"
#include "base/limits.h"
#include "media/helper/read_bytes.h"

#include <gif_lib.h>
#include <stdlib.h>

struct gif_work {
    struct str rest;
    GifFileType *gif;
    unsigned char *indices, *row; /* rows of the frame; one row of the screen */
    int transparent;              /* -1: none */
    struct scale scale;
};

static int take(GifFileType *gif, GifByteType *to, int n) {
    struct gif_work *w = gif->UserData;
    struct str head = str_head(w->rest, n > 0 ? (size_t)n : 0);
    if (head.len) memcpy(to, head.ptr, head.len);
    w->rest = str_skip(w->rest, head.len);
    return (int)head.len;
}

/* To the first picture, past extensions; keeps what one says about a transparent colour. */
static bool find_picture(struct gif_work *w) {
    GifRecordType kind;
    while (DGifGetRecordType(w->gif, &kind) == GIF_OK) {
        int code = 0;
        GifByteType *block = NULL;
        if (kind == IMAGE_DESC_RECORD_TYPE) return DGifGetImageDesc(w->gif) == GIF_OK;
        if (kind != EXTENSION_RECORD_TYPE || DGifGetExtension(w->gif, &code, &block) != GIF_OK) return false;
        if (code == GRAPHICS_EXT_FUNC_CODE && block && block[0] == 4) w->transparent = block[1] & 1 ? block[4] : -1;
        while (block)
            if (DGifGetExtensionNext(w->gif, &block) != GIF_OK) return false;
    }
    return false;
}

static bool read_indices(struct gif_work *w, int width, int height) {
    static const struct { int first, step; } passes[] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}}, whole = {0, 1};
    bool interlaced = w->gif->Image.Interlace;
    for (int i = 0; i < (interlaced ? 4 : 1); i++)
        for (int y = interlaced ? passes[i].first : whole.first; y < height; y += interlaced ? passes[i].step : whole.step)
            if (DGifGetLine(w->gif, w->indices + (size_t)y * (size_t)width, width) != GIF_OK) return false;
    return true;
}

static void lay(const struct gif_work *w, const ColorMapObject *colours, const unsigned char *from, int n, unsigned char *to) {
    for (int x = 0; x < n; x++, to += 4) {
        if (from[x] == w->transparent || from[x] >= colours->ColorCount) continue;
        const GifColorType *c = &colours->Colors[from[x]];
        to[0] = c->Red, to[1] = c->Green, to[2] = c->Blue, to[3] = 255;
    }
}

static err read_gif(struct gif_work *w, int longest, struct why *why) {
    if (!find_picture(w)) return image_broken(why);
    const GifImageDesc *i = &w->gif->Image;
    const ColorMapObject *colours = i->ColorMap ? i->ColorMap : w->gif->SColorMap;
    if (!colours || i->Width < 1 || i->Height < 1 || i->Left < 0 || i->Top < 0) return image_broken(why);
    /* Some files say a screen of nothing, or one smaller than the picture. */
    int64_t sw = w->gif->SWidth, sh = w->gif->SHeight;
    if (sw < (int64_t)i->Left + i->Width) sw = (int64_t)i->Left + i->Width;
    if (sh < (int64_t)i->Top + i->Height) sh = (int64_t)i->Top + i->Height;
    err e = image_bounds(sw, sh, false, why);
    if (e) return e;
    w->indices = malloc((size_t)i->Width * (size_t)i->Height);
    w->row = malloc((size_t)sw * 4);
    if (!w->indices || !w->row || !scale_begin(&w->scale, (int)sw, (int)sh, longest)) return image_no_memory(why);
    if (!read_indices(w, i->Width, i->Height)) return image_broken(why);
    for (int64_t y = 0; y < sh; y++) {
        memset(w->row, 0, (size_t)sw * 4);
        if (y >= i->Top && y < i->Top + i->Height)
            lay(w, colours, w->indices + (size_t)(y - i->Top) * (size_t)i->Width, i->Width, w->row + (size_t)i->Left * 4);
        scale_row(&w->scale, w->row);
    }
    return OK;
}

err gif_pixels(struct str file, int longest, struct why *why, struct pixels *out) {
    struct gif_work w = {.rest = file, .transparent = -1};
    int code = 0;
    w.gif = DGifOpen(&w, take, &code);
    if (!w.gif) return code == D_GIF_ERR_NOT_ENOUGH_MEM ? image_no_memory(why) : image_broken(why);
    err e = read_gif(&w, longest, why);
    if (!e && !scale_end(&w.scale, out)) e = image_broken(why);
    DGifCloseFile(w.gif, &code);
    scale_done(&w.scale);
    free(w.indices);
    free(w.row);
    return e;
}
