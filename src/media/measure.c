/* Image dimensions from header bytes, without decoding. Used by the drive and by helper.c. Fuzzed. */
#include "media/media.h"

static uint32_t be(struct str h, size_t i, int n) {
    uint32_t v = 0;
    for (int k = 0; k < n; k++) v = v << 8 | (unsigned char)h.ptr[i + (size_t)k];
    return v;
}

static uint32_t le(struct str h, size_t i, int n) {
    uint32_t v = 0;
    for (int k = n - 1; k >= 0; k--) v = v << 8 | (unsigned char)h.ptr[i + (size_t)k];
    return v;
}

static struct media_facts size_of(int64_t w, int64_t h) {
    if (w < 1 || h < 1) return (struct media_facts){0};
    return (struct media_facts){.width = w, .height = h};
}

static struct media_facts measure_png(struct str h) {
    if (h.len < 24 || be(h, 8, 4) < 13 || be(h, 16, 4) > INT32_MAX || be(h, 20, 4) > INT32_MAX) return (struct media_facts){0};
    return size_of(be(h, 16, 4), be(h, 20, 4));
}

/* From segment to segment until one that begins a frame. */
static struct media_facts measure_jpeg(struct str h) {
    size_t i = 2;
    while (i + 9 <= h.len) {
        unsigned marker = (unsigned char)h.ptr[i + 1];
        if ((unsigned char)h.ptr[i] != 0xff) break;
        if (marker == 0xff) { /* fill */
            i++;
            continue;
        }
        if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) { /* no length */
            i += 2;
            continue;
        }
        bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
        if (frame) return size_of(be(h, i + 7, 2), be(h, i + 5, 2));
        if (marker == 0xda || marker == 0xd9 || be(h, i + 2, 2) < 2) break;
        i += 2 + be(h, i + 2, 2);
    }
    return (struct media_facts){0};
}

static struct media_facts measure_webp(struct str h) {
    if (h.len < 30) return (struct media_facts){0};
    struct str chunk = str_n(h.ptr + 12, 4);
    if (str_is(chunk, "VP8X")) return size_of((int64_t)le(h, 24, 3) + 1, (int64_t)le(h, 27, 3) + 1);
    if (str_is(chunk, "VP8L") && h.ptr[20] == 0x2f) {
        uint32_t bits = le(h, 21, 4);
        return size_of((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1);
    }
    if (str_is(chunk, "VP8 ") && be(h, 23, 3) == 0x9d012a) return size_of(le(h, 26, 2) & 0x3fff, le(h, 28, 2) & 0x3fff);
    return (struct media_facts){0};
}

struct media_facts media_measure(struct str head) {
    struct sniffed s = media_sniff(head);
    if (!s.type) return (struct media_facts){0};
    if (!strcmp(s.ext, "png")) return measure_png(head);
    if (!strcmp(s.ext, "jpg")) return measure_jpeg(head);
    if (!strcmp(s.ext, "webp")) return measure_webp(head);
    if (!strcmp(s.ext, "gif") && head.len >= 10) return size_of(le(head, 6, 2), le(head, 8, 2));
    return (struct media_facts){0};
}
