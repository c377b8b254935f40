/* WebP: a still picture, or the first frame of a moving one on its canvas. Called by read_image.c. */
#include "media/helper/read_image.h"
#include "base/limits.h"
#include "media/helper/read_bytes.h"

#include <stdlib.h>
#include <webp/decode.h>
#include <webp/demux.h>

static WebPDemuxer *open_file(struct str file) { return WebPDemux(&(WebPData){(const uint8_t *)file.ptr, file.len}); }

static int orientation(WebPDemuxer *d) {
    WebPChunkIterator chunk;
    if (!WebPDemuxGetChunk(d, "EXIF", 1, &chunk)) return 1;
    struct str block = str_n(chunk.chunk.bytes, chunk.chunk.size);
    int o = exif_orientation(str_starts(block, STR("Exif\0\0")) ? str_skip(block, 6) : block);
    WebPDemuxReleaseChunkIterator(&chunk);
    return o;
}

err webp_head(struct str file, struct why *why, struct image_head *out) {
    WebPDemuxer *d = open_file(file);
    WebPIterator frame;
    if (!d) return image_broken(why);
    struct image_head head = {WebPDemuxGetI(d, WEBP_FF_CANVAS_WIDTH), WebPDemuxGetI(d, WEBP_FF_CANVAS_HEIGHT), WebPDemuxGetI(d, WEBP_FF_FRAME_COUNT), 0,
                              orientation(d)};
    /* Each frame is found by walking from the first, so that the sum is made only for as many as are allowed. */
    if (head.frames > 1 && head.frames <= LIMIT_READ_FRAMES && WebPDemuxGetFrame(d, 1, &frame)) {
        do head.duration_ms += frame.duration;
        while (WebPDemuxNextFrame(&frame));
        WebPDemuxReleaseIterator(&frame);
    }
    WebPDemuxDelete(d);
    *out = head;
    return OK;
}

/* Decodes to w by h; the library makes it smaller while it decodes. */
static err decode(const WebPData *data, int w, int h, struct why *why, struct pixels *out) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) return image_no_memory(why);
    struct pixels p = {w, h, malloc((size_t)w * (size_t)h * 4)};
    if (!p.rgba) return image_no_memory(why);
    config.options.use_scaling = 1;
    config.options.scaled_width = w;
    config.options.scaled_height = h;
    config.output.colorspace = MODE_RGBA;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = p.rgba;
    config.output.u.RGBA.stride = w * 4;
    config.output.u.RGBA.size = (size_t)w * (size_t)h * 4;
    VP8StatusCode code = WebPDecode(data->bytes, data->size, &config);
    if (code == VP8_STATUS_OK) {
        *out = p;
        return OK;
    }
    free(p.rgba);
    return code == VP8_STATUS_OUT_OF_MEMORY ? image_no_memory(why) : image_broken(why);
}

/* The frame at its place, the canvas around it transparent. */
static err on_canvas(const WebPIterator *frame, int cw, int ch, int longest, struct why *why, struct pixels *out) {
    struct pixels p = {0};
    struct scale s = {0};
    unsigned char *row = calloc((size_t)cw, 4);
    err e = row && scale_begin(&s, cw, ch, longest) ? decode(&frame->fragment, frame->width, frame->height, why, &p) : image_no_memory(why);
    bool inside = frame->x_offset >= 0 && frame->y_offset >= 0 && frame->width <= cw - frame->x_offset && frame->height <= ch - frame->y_offset;
    if (!e && !inside) e = image_broken(why);
    for (int y = 0; !e && y < ch; y++) {
        int from = y - frame->y_offset;
        memset(row, 0, (size_t)cw * 4);
        if (from >= 0 && from < p.h) memcpy(row + (size_t)frame->x_offset * 4, p.rgba + (size_t)from * (size_t)p.w * 4, (size_t)p.w * 4);
        scale_row(&s, row);
    }
    if (!e && !scale_end(&s, out)) e = image_broken(why);
    scale_done(&s);
    pixels_done(&p);
    free(row);
    return e;
}

static err first_frame(const WebPIterator *frame, int cw, int ch, int longest, struct why *why, struct pixels *out) {
    WebPBitstreamFeatures f;
    if (WebPGetFeatures(frame->fragment.bytes, frame->fragment.size, &f) != VP8_STATUS_OK || f.width != frame->width || f.height != frame->height)
        return image_broken(why);
    bool part = frame->width != cw || frame->height != ch;
    err e = image_bounds(cw, ch, part || f.format != 1 || f.has_alpha, why); /* format 1 is lossy; its alpha is held whole */
    if (e) return e;
    if (part) return on_canvas(frame, cw, ch, longest, why, out);
    int w, h;
    scale_fit(cw, ch, longest, &w, &h);
    return decode(&frame->fragment, w, h, why, out);
}

err webp_pixels(struct str file, int longest, struct why *why, struct pixels *out) {
    WebPDemuxer *d = open_file(file);
    WebPIterator frame;
    if (!d) return image_broken(why);
    err e = E_INVALID;
    if (!WebPDemuxGetFrame(d, 1, &frame)) e = image_broken(why);
    else {
        int cw = (int)WebPDemuxGetI(d, WEBP_FF_CANVAS_WIDTH), ch = (int)WebPDemuxGetI(d, WEBP_FF_CANVAS_HEIGHT);
        e = first_frame(&frame, cw, ch, longest, why, out);
        WebPDemuxReleaseIterator(&frame);
    }
    WebPDemuxDelete(d);
    return e;
}
