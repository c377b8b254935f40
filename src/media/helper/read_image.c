/* See read_image.h. Called by read_job.c in a child, behind the walls. */
#include "media/helper/read_image.h"
#include "base/limits.h"
#include "media/helper/read_bytes.h"
#include "media/media.h"

#include <stdlib.h>
#include <webp/encode.h>

err image_bounds(int64_t w, int64_t h, bool held, struct why *why) {
    if (w < 1 || h < 1) return image_broken(why);
    if (w > SCALE_SIDE_MAX || h > SCALE_SIDE_MAX || w * h > LIMIT_READ_PIXELS)
        return why_set(why, E_INVALID, "The picture says that it is %lld by %lld pixels; at most %lld pixels are read.", (long long)w, (long long)h,
                       (long long)LIMIT_READ_PIXELS);
    if (held && w * h > LIMIT_READ_HELD_PIXELS)
        return why_set(why, E_INVALID, "The picture is %lld by %lld pixels; interlaced, lossless WebP and animated pictures are read up to %lld pixels.",
                       (long long)w, (long long)h, (long long)LIMIT_READ_HELD_PIXELS);
    return OK;
}

err image_broken(struct why *why) { return why_set(why, E_INVALID, "The picture's data is damaged or ends early."); }
err image_no_memory(struct why *why) { return why_set(why, E_INTERNAL, "There was no memory for reading a picture of that size."); }

static err gif_head(struct str file, struct why *why, struct image_head *out) {
    struct gif_walk walk;
    struct media_facts f = media_measure(file);
    if (!gif_walk(file, LIMIT_READ_FRAMES, &walk)) return image_broken(why);
    *out = (struct image_head){f.width, f.height, walk.frames, walk.duration_ms, 1};
    return OK;
}

err image_head(const char *type, struct str file, struct why *why, struct image_head *out) {
    struct image_head head = {.frames = 1, .orientation = 1};
    err e = OK;
    if (!strcmp(type, "image/gif")) e = gif_head(file, why, &head);
    else if (!strcmp(type, "image/webp")) e = webp_head(file, why, &head);
    else {
        struct media_facts f = media_measure(file);
        head.width = f.width, head.height = f.height;
        head.orientation = exif_orientation(!strcmp(type, "image/png") ? exif_in_png(file) : exif_in_jpeg(file));
    }
    if (!e) e = image_bounds(head.width, head.height, false, why);
    if (e) return e;
    if (head.frames > LIMIT_READ_FRAMES) return why_set(why, E_INVALID, "The picture has more than %d frames.", LIMIT_READ_FRAMES);
    if (head.duration_ms > MS_DAY) head.duration_ms = MS_DAY;
    if (head.orientation >= 5) {
        int64_t w = head.width;
        head.width = head.height, head.height = w;
    }
    *out = head;
    return OK;
}

err image_pixels(const char *type, struct str file, int longest, struct why *why, struct pixels *out) {
    static const struct { const char *type; err (*read)(struct str file, int longest, struct why *why, struct pixels *out); } readers[] = {
        {"image/png", png_pixels}, {"image/jpeg", jpeg_pixels}, {"image/webp", webp_pixels}, {"image/gif", gif_pixels}};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (!strcmp(readers[i].type, type)) return readers[i].read(file, longest, why, out);
    return why_set(why, E_MEDIA_TYPE, "Files of that type are not read as pictures.");
}

bool image_to_webp(const struct pixels *p, int quality, struct buf *out) {
    WebPConfig config;
    WebPPicture picture;
    WebPMemoryWriter writer;
    if (!WebPConfigPreset(&config, WEBP_PRESET_PHOTO, (float)quality) || !WebPPictureInit(&picture)) return false;
    config.method = 3;
    config.thread_level = 0;
    picture.width = p->w;
    picture.height = p->h;
    picture.use_argb = 0;
    WebPMemoryWriterInit(&writer);
    picture.writer = WebPMemoryWrite;
    picture.custom_ptr = &writer;
    bool ok = WebPPictureImportRGBA(&picture, p->rgba, p->w * 4) && WebPEncode(&config, &picture);
    if (ok) buf_add(out, writer.mem, writer.size);
    WebPMemoryWriterClear(&writer);
    WebPPictureFree(&picture);
    return ok;
}
