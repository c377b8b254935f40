/* PNG, JPEG and WebP from a cairo surface, with the format's own small library each. Called by job.c in a child. */
#include "media/helper/encode.h"

#include <png.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <webp/encode.h>

static void to_rgb(const unsigned char *row, int w, unsigned char *out) {
    for (int x = 0; x < w; x++) {
        uint32_t p;
        memcpy(&p, row + x * 4, 4);
        out[x * 3] = (unsigned char)(p >> 16);
        out[x * 3 + 1] = (unsigned char)(p >> 8);
        out[x * 3 + 2] = (unsigned char)p;
    }
}

static void png_to_buf(png_structp png, png_bytep data, png_size_t n) { buf_add(png_get_io_ptr(png), data, n); }
static void png_no_flush(png_structp png) { (void)png; }

static bool encode_png(const unsigned char *pixels, int w, int h, int stride, struct buf *out) {
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    unsigned char *volatile row = malloc((size_t)w * 3);
    if (!info || !row || setjmp(png_jmpbuf(png))) {
        if (png) png_destroy_write_struct(&png, info ? &info : NULL);
        free(row);
        return false;
    }
    png_set_write_fn(png, out, png_to_buf, png_no_flush);
    png_set_IHDR(png, info, (png_uint_32)w, (png_uint_32)h, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    /* Gradients: differences to the row above are mostly zero; more effort buys a few percent for several times the time. */
    png_set_compression_level(png, 4);
    png_set_filter(png, 0, PNG_FILTER_UP);
    png_write_info(png, info);
    for (int y = 0; y < h; y++) {
        to_rgb(pixels + (size_t)y * (size_t)stride, w, row);
        png_write_row(png, row);
    }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(row);
    return true;
}

struct jpeg_failure {
    struct jpeg_error_mgr base;
    jmp_buf back;
};
static void jpeg_failed(j_common_ptr c) { longjmp(((struct jpeg_failure *)c->err)->back, 1); }

static bool encode_jpeg(const unsigned char *pixels, int w, int h, int stride, struct buf *out) {
    struct jpeg_compress_struct c = {0};
    struct jpeg_failure failure;
    unsigned char *bytes = NULL, *volatile row = malloc((size_t)w * 3);
    unsigned long n = 0;
    c.err = jpeg_std_error(&failure.base);
    failure.base.error_exit = jpeg_failed;
    if (!row || setjmp(failure.back)) {
        jpeg_destroy_compress(&c);
        free(row);
        return false;
    }
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &bytes, &n);
    c.image_width = (JDIMENSION)w;
    c.image_height = (JDIMENSION)h;
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 92, TRUE);
    jpeg_start_compress(&c, TRUE);
    for (int y = 0; y < h; y++) {
        JSAMPROW one = row;
        to_rgb(pixels + (size_t)y * (size_t)stride, w, row);
        jpeg_write_scanlines(&c, &one, 1);
    }
    jpeg_finish_compress(&c);
    buf_add(out, bytes, n);
    jpeg_destroy_compress(&c);
    free(bytes);
    free(row);
    return true;
}

static bool encode_webp(const unsigned char *pixels, int w, int h, int stride, struct buf *out) {
    WebPConfig config;
    WebPPicture picture;
    WebPMemoryWriter writer;
    if (!WebPConfigInit(&config) || !WebPPictureInit(&picture)) return false;
    config.quality = 88;
    config.method = 2;
    config.thread_level = 0;
    picture.width = w;
    picture.height = h;
    picture.use_argb = 1;
    WebPMemoryWriterInit(&writer);
    picture.writer = WebPMemoryWrite;
    picture.custom_ptr = &writer;
    bool ok = WebPPictureImportBGRX(&picture, pixels, stride) && WebPEncode(&config, &picture);
    if (ok) buf_add(out, writer.mem, writer.size);
    WebPMemoryWriterClear(&writer);
    WebPPictureFree(&picture);
    return ok;
}

bool encode_picture(cairo_surface_t *s, const char *format, struct buf *out) {
    const unsigned char *pixels = cairo_image_surface_get_data(s);
    int w = cairo_image_surface_get_width(s), h = cairo_image_surface_get_height(s), stride = cairo_image_surface_get_stride(s);
    if (!strcmp(format, "jpeg")) return encode_jpeg(pixels, w, h, stride, out);
    if (!strcmp(format, "webp")) return encode_webp(pixels, w, h, stride, out);
    return encode_png(pixels, w, h, stride, out);
}
