/* Files for read_test.c: good ones, and the parts that bad ones are made of. */
#pragma once
#include "base/buf.h"
#include "media/helper/read_image.h"

/* Left half red, right half blue; the upper half of each a little lighter. clear: the right half is transparent. */
struct pixels sample_pixels(int w, int h, bool clear);
struct buf sample_png(int w, int h, bool clear, bool interlaced, int depth);
struct buf sample_jpeg(int w, int h);
struct buf sample_webp(int w, int h, bool clear);
struct buf sample_webp_frames(int w, int h, int frames); /* 40 ms each */
struct buf sample_gif(int w, int h, int frames, bool interlaced); /* 50 ms each */
/* The JPEG with an EXIF block that says this orientation and holds the words "secret place". */
struct buf with_exif(struct str jpeg, int orientation);

void put_be32(struct buf *b, uint32_t v);
void put_le32(struct buf *b, uint32_t v);
/* A PNG's signature and chunks; data of an IDAT is deflated here. */
void png_start(struct buf *b, uint32_t w, uint32_t h, int depth, int colour);
void png_chunk(struct buf *b, const char *name, struct str data);
void png_deflated(struct buf *b, const char *name, struct str before, size_t zeros); /* `before`, then so many zeros deflated */
/* An ISO box around what `inside` holds; frees it. */
void put_box(struct buf *b, const char *name, struct buf *inside);
