/* See read_bytes.h. */
#include "media/helper/read_bytes.h"

#include <ctype.h>

static unsigned byte_at(struct str s, size_t i) { return (unsigned char)s.ptr[i]; }
static uint32_t be16(struct str s, size_t i) { return byte_at(s, i) << 8 | byte_at(s, i + 1); }
static uint32_t be32(struct str s, size_t i) { return be16(s, i) << 16 | be16(s, i + 2); }
static uint32_t le16(struct str s, size_t i) { return byte_at(s, i + 1) << 8 | byte_at(s, i); }
static uint32_t le32(struct str s, size_t i) { return le16(s, i + 2) << 16 | le16(s, i); }

int exif_orientation(struct str t) {
    if (t.len < 14) return 1;
    bool little = str_starts(t, STR("II*\0"));
    if (!little && !str_starts(t, STR("MM\0*"))) return 1;
    size_t at = little ? le32(t, 4) : be32(t, 4);
    if (at < 8 || at > t.len - 2) return 1;
    size_t entries = little ? le16(t, at) : be16(t, at);
    at += 2;
    for (size_t i = 0; i < entries && t.len - at >= 12; i++, at += 12) {
        if ((little ? le16(t, at) : be16(t, at)) != 0x0112) continue;
        uint32_t type = little ? le16(t, at + 2) : be16(t, at + 2), count = little ? le32(t, at + 4) : be32(t, at + 4);
        uint32_t value = little ? le16(t, at + 8) : be16(t, at + 8);
        return type == 3 && count == 1 && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

struct str exif_in_png(struct str f) {
    for (size_t at = 8; at < f.len && f.len - at >= 12;) {
        size_t n = be32(f, at);
        if (n > f.len - at - 12) break;
        if (!memcmp(f.ptr + at + 4, "eXIf", 4)) return str_n(f.ptr + at + 8, n);
        at += 12 + n;
    }
    return (struct str){0};
}

struct str exif_in_jpeg(struct str f) {
    for (size_t at = 2; at < f.len && f.len - at >= 4;) {
        unsigned marker = byte_at(f, at + 1);
        if (byte_at(f, at) != 0xff || marker == 0xda || marker == 0xd9) break;
        if (marker == 0xff) { /* fill */
            at++;
            continue;
        }
        if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) { /* no length */
            at += 2;
            continue;
        }
        size_t n = be16(f, at + 2);
        if (n < 2 || n > f.len - at - 2) break;
        struct str body = str_n(f.ptr + at + 4, n - 2);
        if (marker == 0xe1 && str_starts(body, STR("Exif\0\0"))) return str_skip(body, 6);
        at += 2 + n;
    }
    return (struct str){0};
}

/* Past sub-blocks and the empty one that ends them; false when the file ends first. */
static bool skip_blocks(struct str f, size_t *at) {
    while (*at < f.len) {
        size_t n = byte_at(f, *at);
        if (n >= f.len - *at) return false;
        *at += 1 + n;
        if (!n) return true;
    }
    return false;
}

static size_t colours(unsigned flags) { return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0; }

bool gif_walk(struct str f, int64_t most, struct gif_walk *out) {
    struct gif_walk w = {0};
    if (f.len < 13) return false;
    size_t at = 13 + colours(byte_at(f, 10));
    while (at < f.len && w.frames <= most) {
        unsigned kind = byte_at(f, at);
        if (kind == 0x21 && f.len - at >= 2) {
            if (byte_at(f, at + 1) == 0xf9 && f.len - at >= 8 && byte_at(f, at + 2) == 4) w.duration_ms += 10LL * le16(f, at + 4);
            at += 2;
            if (!skip_blocks(f, &at)) break;
        } else if (kind == 0x2c && f.len - at >= 11) {
            at += 10 + colours(byte_at(f, at + 9));
            if (at >= f.len) break;
            at++; /* the first code size */
            if (!skip_blocks(f, &at)) break;
            w.frames++;
        } else break; /* the trailer, or rubbish */
    }
    if (!w.frames) return false;
    *out = w;
    return true;
}

/* A number and the one blank behind it. */
static bool ppm_number(struct str *s, int most, int *out) {
    int v = 0, digits = 0;
    for (; digits < 6 && s->len && isdigit((unsigned char)*s->ptr); digits++, *s = str_skip(*s, 1)) v = v * 10 + (*s->ptr - '0');
    if (!digits || v < 1 || v > most || !s->len || (*s->ptr != ' ' && *s->ptr != '\n')) return false;
    *s = str_skip(*s, 1);
    *out = v;
    return true;
}

bool ppm_read(struct str file, int longest, struct ppm *out) {
    struct ppm p = {0};
    int most = 0;
    if (!str_starts(file, STR("P6\n"))) return false;
    struct str s = str_skip(file, 3);
    if (!ppm_number(&s, longest, &p.w) || !ppm_number(&s, longest, &p.h) || !ppm_number(&s, 255, &most) || most != 255) return false;
    if (s.len != (size_t)p.w * (size_t)p.h * 3) return false;
    p.rgb = (const unsigned char *)s.ptr;
    *out = p;
    return true;
}
