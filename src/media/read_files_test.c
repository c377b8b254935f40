/* See read_files_test.h. */
#include "media/read_files_test.h"

#include <gif_lib.h>
#include <png.h>
#include <stdlib.h>
#include <zlib.h>

struct pixels sample_pixels(int w, int h, bool clear) {
    struct pixels p = {w, h, malloc((size_t)w * (size_t)h * 4)};
    must(p.rgba);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            unsigned char *q = p.rgba + ((size_t)y * (size_t)w + (size_t)x) * 4, light = y < h / 2 ? 40 : 0;
            bool left = x < w / 2;
            q[0] = left ? 200 + light : light;
            q[1] = light;
            q[2] = left ? light : 200 + light;
            q[3] = clear && !left ? 0 : 255;
        }
    return p;
}

static void put_png(png_structp png, png_bytep data, png_size_t n) { buf_add(png_get_io_ptr(png), data, n); }
static void no_flush(png_structp png) { (void)png; }

struct buf sample_png(int w, int h, bool clear, bool interlaced, int depth) {
    struct buf b = {0};
    struct pixels p = sample_pixels(w, h, clear);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    size_t sample = depth / 8, row = (size_t)w * 4 * sample;
    unsigned char *bytes = calloc((size_t)h, row);
    png_bytep *rows = calloc((size_t)h, sizeof *rows);
    must(bytes && rows);
    for (size_t i = 0; i < (size_t)w * (size_t)h * 4; i++) bytes[i * sample] = p.rgba[i];
    for (int y = 0; y < h; y++) rows[y] = bytes + (size_t)y * row;
    png_set_write_fn(png, &b, put_png, no_flush);
    png_set_IHDR(png, info, (png_uint_32)w, (png_uint_32)h, depth, PNG_COLOR_TYPE_RGB_ALPHA, interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_rows(png, info, rows);
    png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
    png_destroy_write_struct(&png, &info);
    free(rows), free(bytes);
    pixels_done(&p);
    return b;
}

struct buf sample_jpeg(int w, int h) {
    struct buf b = {0};
    struct pixels p = sample_pixels(w, h, false);
    must(image_to_jpeg(&p, 90, &b));
    pixels_done(&p);
    return b;
}

struct buf sample_webp(int w, int h, bool clear) {
    struct buf b = {0};
    struct pixels p = sample_pixels(w, h, clear);
    must(image_to_webp(&p, 80, &b));
    pixels_done(&p);
    return b;
}

static void put_le24(struct buf *b, uint32_t v) {
    for (int i = 0; i < 3; i++) buf_c(b, (char)(v >> (8 * i)));
}
void put_le32(struct buf *b, uint32_t v) {
    for (int i = 0; i < 4; i++) buf_c(b, (char)(v >> (8 * i)));
}
void put_be32(struct buf *b, uint32_t v) {
    for (int i = 3; i >= 0; i--) buf_c(b, (char)(v >> (8 * i)));
}

/* The still picture's chunk, in frames of a container. */
struct buf sample_webp_frames(int w, int h, int frames) {
    struct buf still = sample_webp(w, h, false), body = {0}, b = {0};
    struct str chunk = str_skip(buf_view(&still), 12);
    buf_z(&body, "WEBPVP8X");
    put_le32(&body, 10);
    put_le32(&body, 2);
    put_le24(&body, (uint32_t)w - 1);
    put_le24(&body, (uint32_t)h - 1);
    buf_add(&body, "ANIM\6\0\0\0\0\0\0\0\0\0", 14);
    for (int i = 0; i < frames; i++) {
        buf_z(&body, "ANMF");
        put_le32(&body, (uint32_t)(16 + chunk.len));
        put_le24(&body, 0);
        put_le24(&body, 0);
        put_le24(&body, (uint32_t)w - 1);
        put_le24(&body, (uint32_t)h - 1);
        put_le24(&body, 40);
        buf_c(&body, 0);
        buf_str(&body, chunk);
    }
    buf_z(&b, "RIFF");
    put_le32(&b, (uint32_t)body.len);
    buf_str(&b, buf_view(&body));
    buf_done(&body), buf_done(&still);
    return b;
}

static int put_gif(GifFileType *gif, const GifByteType *data, int n) {
    buf_add(gif->UserData, data, (size_t)n);
    return n;
}

struct buf sample_gif(int w, int h, int frames, bool interlaced) {
    static GifColorType colours[4] = {{240, 40, 40}, {40, 40, 240}, {200, 0, 0}, {0, 0, 200}};
    static const int first[] = {0, 4, 2, 1}, step[] = {8, 8, 4, 2};
    struct buf b = {0};
    int code;
    GifFileType *gif = EGifOpen(&b, put_gif, &code);
    ColorMapObject *map = GifMakeMapObject(4, colours);
    unsigned char *row = malloc((size_t)w);
    must(gif && map && row);
    EGifSetGifVersion(gif, true);
    EGifPutScreenDesc(gif, w, h, 8, 0, map);
    for (int i = 0; i < frames; i++) {
        EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, 4, "\0\5\0\0");
        EGifPutImageDesc(gif, 0, 0, w, h, interlaced, NULL);
        for (int pass = 0; pass < (interlaced ? 4 : 1); pass++)
            for (int y = interlaced ? first[pass] : 0; y < h; y += interlaced ? step[pass] : 1) {
                for (int x = 0; x < w; x++) row[x] = (unsigned char)((y < h / 2 ? 0 : 2) + (x < w / 2 ? 0 : 1));
                EGifPutLine(gif, row, w);
            }
    }
    EGifCloseFile(gif, &code);
    GifFreeMapObject(map);
    free(row);
    return b;
}

struct buf with_exif(struct str jpeg, int orientation) {
    struct buf b = {0};
    buf_str(&b, str_head(jpeg, 2));
    buf_add(&b, "\xff\xe1\0\x2c" "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 28);
    put_le32(&b, (uint32_t)orientation);
    buf_add(&b, "\0\0secret place", 14);
    buf_str(&b, str_skip(jpeg, 2));
    return b;
}

void png_chunk(struct buf *b, const char *name, struct str data) {
    put_be32(b, (uint32_t)data.len);
    size_t from = b->len;
    buf_z(b, name);
    buf_str(b, data);
    put_be32(b, (uint32_t)crc32(0, (const unsigned char *)b->ptr + from, (unsigned)(b->len - from)));
}

void png_start(struct buf *b, uint32_t w, uint32_t h, int depth, int colour) {
    struct buf head = {0};
    buf_add(b, "\x89PNG\r\n\x1a\n", 8);
    put_be32(&head, w);
    put_be32(&head, h);
    buf_c(&head, (char)depth);
    buf_c(&head, (char)colour);
    buf_add(&head, "\0\0\0", 3);
    png_chunk(b, "IHDR", buf_view(&head));
    buf_done(&head);
}

void png_deflated(struct buf *b, const char *name, struct str before, size_t zeros) {
    static unsigned char nothing[65536], out[65536];
    struct buf data = {0};
    z_stream z = {0};
    buf_str(&data, before);
    must(deflateInit(&z, 9) == Z_OK);
    for (bool last = false; !last;) {
        size_t n = zeros < sizeof nothing ? zeros : sizeof nothing;
        zeros -= n;
        last = !zeros;
        z.next_in = nothing;
        z.avail_in = (unsigned)n;
        do {
            z.next_out = out;
            z.avail_out = sizeof out;
            deflate(&z, last ? Z_FINISH : Z_NO_FLUSH);
            buf_add(&data, out, sizeof out - z.avail_out);
        } while (!z.avail_out);
    }
    deflateEnd(&z);
    png_chunk(b, name, buf_view(&data));
    buf_done(&data);
}

void put_box(struct buf *b, const char *name, struct buf *inside) {
    put_be32(b, (uint32_t)inside->len + 8);
    buf_add(b, name, 4);
    buf_str(b, buf_view(inside));
    buf_done(inside);
    *inside = (struct buf){0};
}
