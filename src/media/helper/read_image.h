/* Pictures of strangers into pixels, and pixels into files. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "media/helper/read_scale.h"

struct image_head {
    int64_t width, height; /* as shown: turned as EXIF asks */
    int64_t frames, duration_ms;
    int orientation;
};
/* type: image/png, image/jpeg, image/webp, image/gif. E_INVALID when the file is broken or past the limits. */
[[nodiscard]] err image_head(const char *type, struct str file, struct why *why, struct image_head *out);
/* The first frame, with at most `longest` pixels on its long side, as stored: pixels_orient is the caller's. E_INVALID, or
 * E_INTERNAL when there is no memory. */
[[nodiscard]] err image_pixels(const char *type, struct str file, int longest, struct why *why, struct pixels *out);

/* The four of them. */
err png_pixels(struct str file, int longest, struct why *why, struct pixels *out);
err jpeg_pixels(struct str file, int longest, struct why *why, struct pixels *out);
err webp_pixels(struct str file, int longest, struct why *why, struct pixels *out);
err gif_pixels(struct str file, int longest, struct why *why, struct pixels *out);
err webp_head(struct str file, struct why *why, struct image_head *out);

/* Refuses what is past the limits, before a byte is decoded. held: the decoder must keep the whole picture. */
[[nodiscard]] err image_bounds(int64_t w, int64_t h, bool held, struct why *why);
err image_broken(struct why *why);    /* E_INVALID */
err image_no_memory(struct why *why); /* E_INTERNAL */

/* quality 0 to 100. False when there is no memory. JPEG has no alpha: the picture is laid on white. */
[[nodiscard]] bool image_to_webp(const struct pixels *p, int quality, struct buf *out);
[[nodiscard]] bool image_to_jpeg(const struct pixels *p, int quality, struct buf *out);
