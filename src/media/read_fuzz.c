/* Any bytes as EXIF, PNG chunks, JPEG segments, GIF blocks, PPM and ffprobe's answer; the rest of them as pixels that are averaged and
 * turned. Sizes stay small, values go everywhere. */
#include "base/err.h"
#include "base/limits.h"
#include "base/time.h"
#include "media/helper/read_bytes.h"
#include "media/helper/read_probe.h"
#include "media/helper/read_scale.h"

#include <stdlib.h>

static void fuzz_bytes(struct str s) {
    struct gif_walk w;
    struct ppm p;
    struct probe_facts f;
    struct str found[2] = {exif_in_png(s), exif_in_jpeg(s)};
    int o = exif_orientation(s);
    must(o >= 1 && o <= 8);
    for (int i = 0; i < 2; i++) {
        must(!found[i].len || (found[i].ptr >= s.ptr && found[i].len <= s.len && found[i].ptr + found[i].len <= s.ptr + s.len));
        o = exif_orientation(found[i]);
        must(o >= 1 && o <= 8);
    }
    if (gif_walk(s, 50, &w)) must(w.frames >= 1 && w.frames <= 51 && w.duration_ms >= 0);
    if (ppm_read(s, 64, &p)) must(p.w >= 1 && p.h >= 1 && p.w <= 64 && p.h <= 64 && p.rgb + p.w * p.h * 3 == (const unsigned char *)s.ptr + s.len);
    if (probe_read(s, NULL, &f) == OK) {
        must(f.has_audio || f.has_video);
        must(f.width >= 0 && f.height >= 0 && f.width * f.height <= LIMIT_READ_VIDEO_PIXELS && !f.width == !f.has_video);
        must(f.duration_ms >= 0 && f.duration_ms <= MS_DAY && f.frames >= 0 && f.frames <= LIMIT_READ_VIDEO_FRAMES);
        must(f.channels >= 0 && f.channels <= 64 && f.sample_rate >= 0 && f.rate_milli >= 0);
        must(strnlen(f.video_codec, 24) < 24 && strnlen(f.audio_codec, 24) < 24);
    }
}

static void fuzz_pixels(const uint8_t *data, size_t size) {
    if (size < 8) return;
    int w = data[0] + 1, h = data[1] + 1, longest = data[2] + 1;
    struct scale s;
    struct pixels p;
    unsigned char *row = malloc((size_t)w * 4);
    must(row && scale_begin(&s, w, h, longest));
    for (int y = 0; y < h; y++) {
        for (int i = 0; i < w * 4; i++) row[i] = data[4 + (size_t)(y * w * 4 + i) % (size - 4)];
        scale_row(&s, row);
    }
    must(scale_end(&s, &p));
    scale_done(&s);
    free(row);
    must(p.w >= 1 && p.h >= 1 && p.w <= w && p.h <= h && (p.w <= longest && p.h <= longest));
    must(pixels_orient(&p, data[3]));
    pixels_done(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    must(exact);
    if (size) memcpy(exact, data, size);
    fuzz_bytes(str_n(exact, size));
    fuzz_pixels(data, size);
    free(exact);
    return 0;
}
