/* JPEG, read by libjpeg a row at a time, and written. Called by read_image.c and read_job.c. */
#include "media/helper/read_image.h"
#include "base/limits.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jerror.h>
#include <jpeglib.h>

/* The library comes back through the jump; the rest is what the jump must not lose. */
struct jpeg_work {
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf back;
    bool ended_early, no_memory;
    unsigned char *row, *rgba;
    struct scale scale;
};

static struct jpeg_work *work_of(j_common_ptr c) { return (struct jpeg_work *)(void *)c->err; }

static void give_up(j_common_ptr c) {
    struct jpeg_work *w = work_of(c);
    int code = w->errors.msg_code;
    w->no_memory = code == JERR_OUT_OF_MEMORY || code == JERR_NO_BACKING_STORE;
    longjmp(w->back, 1);
}

/* Other warnings are of what every viewer forgives; data that ends before the picture does would be painted grey for ever. */
static void note(j_common_ptr c, int level) {
    int code = work_of(c)->errors.msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) work_of(c)->ended_early = true;
}

/* A progressive file may have any number of scans, each a pass over the whole picture. */
static void watch_scans(j_common_ptr c) {
    if (c->is_decompressor && ((j_decompress_ptr)c)->input_scan_number > LIMIT_READ_SCANS) give_up(c);
}

static void to_rgba(const unsigned char *p, int w, bool cmyk, bool inverted, unsigned char *out) {
    for (int x = 0; x < w; x++, out += 4) {
        if (cmyk) {
            unsigned k = inverted ? p[3] : 255U - p[3];
            for (int c = 0; c < 3; c++) out[c] = (unsigned char)((inverted ? p[c] : 255U - p[c]) * k / 255);
            p += 4;
        } else {
            memcpy(out, p, 3);
            p += 3;
        }
        out[3] = 255;
    }
}

/* As much smaller as the transform can make it for nothing, while it stays larger than the copy. */
static void choose_fraction(struct jpeg_decompress_struct *c, int longest) {
    int w, h;
    scale_fit((int)c->image_width, (int)c->image_height, longest, &w, &h);
    c->scale_num = 1;
    for (c->scale_denom = 8; c->scale_denom > 1; c->scale_denom /= 2)
        if (c->image_width / c->scale_denom >= (unsigned)w && c->image_height / c->scale_denom >= (unsigned)h) break;
}

static err read_jpeg(struct jpeg_decompress_struct *c, struct jpeg_work *w, int longest, struct why *why) {
    jpeg_read_header(c, TRUE);
    err e = image_bounds(c->image_width, c->image_height, false, why);
    if (e) return e;
    bool cmyk = c->jpeg_color_space == JCS_CMYK || c->jpeg_color_space == JCS_YCCK;
    c->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    choose_fraction(c, longest);
    jpeg_start_decompress(c);
    if (c->output_components != (cmyk ? 4 : 3)) return image_broken(why);
    w->row = malloc((size_t)c->output_width * 4);
    w->rgba = malloc((size_t)c->output_width * 4);
    if (!w->row || !w->rgba || !scale_begin(&w->scale, (int)c->output_width, (int)c->output_height, longest)) return image_no_memory(why);
    while (c->output_scanline < c->output_height) {
        JSAMPROW one = w->row;
        jpeg_read_scanlines(c, &one, 1);
        if (w->ended_early) return image_broken(why);
        to_rgba(w->row, (int)c->output_width, cmyk, c->saw_Adobe_marker, w->rgba);
        scale_row(&w->scale, w->rgba);
    }
    return OK;
}

err jpeg_pixels(struct str file, int longest, struct why *why, struct pixels *out) {
    struct jpeg_decompress_struct *c = calloc(1, sizeof *c);
    struct jpeg_work *w = calloc(1, sizeof *w);
    err e = E_INTERNAL;
    if (!c || !w) {
        free(c), free(w);
        return image_no_memory(why);
    }
    c->err = jpeg_std_error(&w->errors);
    w->errors.error_exit = give_up;
    w->errors.emit_message = note;
    w->progress.progress_monitor = watch_scans;
    if (setjmp(w->back)) e = w->no_memory ? image_no_memory(why) : image_broken(why);
    else {
        jpeg_create_decompress(c);
        c->progress = &w->progress;
        c->mem->max_memory_to_use = LIMIT_READ_DECODER_BYTES;
        jpeg_mem_src(c, (const unsigned char *)file.ptr, file.len);
        e = read_jpeg(c, w, longest, why);
    }
    if (!e && !scale_end(&w->scale, out)) e = image_broken(why);
    jpeg_destroy_decompress(c);
    scale_done(&w->scale);
    free(w->row), free(w->rgba);
    free(c), free(w);
    return e;
}

static void on_white(const unsigned char *p, int w, unsigned char *out) {
    for (int x = 0; x < w; x++, p += 4, out += 3)
        for (int i = 0; i < 3; i++) out[i] = (unsigned char)((p[i] * p[3] + 255 * (255 - p[3]) + 127) / 255);
}

bool image_to_jpeg(const struct pixels *p, int quality, struct buf *out) {
    struct jpeg_compress_struct *c = calloc(1, sizeof *c);
    struct jpeg_work *w = calloc(1, sizeof *w);
    struct { unsigned char *bytes; unsigned long n; } *made = calloc(1, sizeof *made);
    volatile bool ok = false;
    if (c && w && made && (w->row = malloc((size_t)p->w * 3))) {
        c->err = jpeg_std_error(&w->errors);
        w->errors.error_exit = give_up;
        if (!setjmp(w->back)) {
            jpeg_create_compress(c);
            jpeg_mem_dest(c, &made->bytes, &made->n);
            c->image_width = (JDIMENSION)p->w;
            c->image_height = (JDIMENSION)p->h;
            c->input_components = 3;
            c->in_color_space = JCS_RGB;
            jpeg_set_defaults(c);
            jpeg_set_quality(c, quality, TRUE);
            jpeg_start_compress(c, TRUE);
            while (c->next_scanline < c->image_height) {
                JSAMPROW one = w->row;
                on_white(p->rgba + (size_t)c->next_scanline * (size_t)p->w * 4, p->w, w->row);
                jpeg_write_scanlines(c, &one, 1);
            }
            jpeg_finish_compress(c);
            buf_add(out, made->bytes, made->n);
            ok = true;
        }
        jpeg_destroy_compress(c);
    }
    if (w) free(w->row);
    if (made) free(made->bytes);
    free(made), free(w), free(c);
    return ok;
}
