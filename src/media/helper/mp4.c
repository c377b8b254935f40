/* See mp4.h. Called by film.c. */
#include "media/helper/mp4.h"

#include <stdlib.h>

struct sample { size_t at, size; bool key; };
struct track {
    struct buf data;         /* the samples, one behind the other, as they lie in the file */
    struct sample *samples;
    int count;
    uint32_t timescale, delta, last_delta;
    int per_chunk;
    uint32_t *chunk_at;      /* offsets from the beginning of mdat's content */
    int chunks;
};

static void u8(struct buf *b, unsigned v) { buf_c(b, (char)v); }
static void u16(struct buf *b, unsigned v) { u8(b, v >> 8 & 255), u8(b, v & 255); }
static void u32(struct buf *b, uint32_t v) { u16(b, v >> 16), u16(b, v & 0xffff); }
static void zeros(struct buf *b, int n) {
    while (n--) u8(b, 0);
}

/* Boxes: the length is known at the end. */
static size_t open_box(struct buf *b, const char *type) {
    size_t at = b->len;
    u32(b, 0);
    buf_add(b, type, 4);
    return at;
}
static size_t open_full(struct buf *b, const char *type, unsigned version, uint32_t flags) {
    size_t at = open_box(b, type);
    u32(b, version << 24 | flags);
    return at;
}
static void close_box(struct buf *b, size_t at) {
    uint32_t n = (uint32_t)(b->len - at);
    unsigned char *p = (unsigned char *)b->ptr + at;
    p[0] = (unsigned char)(n >> 24), p[1] = (unsigned char)(n >> 16), p[2] = (unsigned char)(n >> 8), p[3] = (unsigned char)n;
}

static struct sample *new_sample(struct track *t) {
    if ((t->count & (t->count + 1)) == 0 || !t->samples) { /* room doubles at each power of two */
        t->samples = realloc(t->samples, (size_t)(t->count + 1) * 2 * sizeof *t->samples);
        must(t->samples);
    }
    t->samples[t->count] = (struct sample){.at = t->data.len};
    return &t->samples[t->count++];
}

/* The next NAL unit from *at on; empty at the end. */
static struct str next_nal(struct str s, size_t *at) {
    size_t i = *at;
    while (i + 3 <= s.len && memcmp(s.ptr + i, "\0\0\1", 3)) i++;
    if (i + 3 > s.len) return (struct str){0};
    size_t from = i += 3;
    while (i < s.len && !(i + 3 <= s.len && !s.ptr[i] && !s.ptr[i + 1] && (s.ptr[i + 2] == 1 || !s.ptr[i + 2]))) i++;
    *at = i;
    return str_n(s.ptr + from, i - from);
}

struct headers { struct str sps, pps; };

/* Frames with lengths instead of start codes; the headers go into the index. */
static err read_h264(struct str s, struct why *why, struct track *t, struct headers *out) {
    struct headers h = {0};
    struct sample *now = NULL;
    size_t at = 0;
    for (struct str nal; (nal = next_nal(s, &at)).len;) {
        int type = nal.ptr[0] & 31;
        if (type == 7 && !h.sps.len) h.sps = nal;
        if (type == 8 && !h.pps.len) h.pps = nal;
        if (type != 1 && type != 5) continue;
        bool first = nal.len > 1 && (nal.ptr[1] & 0x80); /* first_mb_in_slice is 0 */
        if (first || !now) now = new_sample(t);
        now->key = type == 5;
        u32(&t->data, (uint32_t)nal.len);
        buf_add(&t->data, nal.ptr, nal.len);
        now->size = t->data.len - now->at;
    }
    if (h.sps.len < 4 || h.sps.len > 65535 || !h.pps.len || h.pps.len > 65535 || !t->count || !t->samples[0].key)
        return why_set(why, E_INVALID, "The encoder made no film.");
    *out = h;
    return OK;
}

static err read_aac(const struct mp4_film *f, struct why *why, struct track *t, unsigned *out_config) {
    struct str s = f->aac;
    unsigned config = 0;
    while (s.len >= 7) {
        const unsigned char *p = (const unsigned char *)s.ptr;
        size_t size = (size_t)(p[3] & 3) << 11 | (size_t)p[4] << 3 | p[5] >> 5, head = p[1] & 1 ? 7 : 9;
        if (p[0] != 0xff || (p[1] & 0xf6) != 0xf0 || size <= head || size > s.len) return why_set(why, E_INVALID, "The encoder made no sound.");
        config = (unsigned)((p[2] >> 6) + 1) << 11 | (unsigned)(p[2] >> 2 & 15) << 7 | (unsigned)((p[2] & 1) << 2 | p[3] >> 6) << 3;
        struct sample *now = new_sample(t);
        now->key = true;
        now->size = size - head;
        buf_add(&t->data, s.ptr + head, size - head);
        s = str_skip(s, size);
    }
    int64_t total = f->samples + 1024, needed = (total + 1023) / 1024;
    if (t->count < needed) return why_set(why, E_INVALID, "The encoder made too little sound.");
    t->count = (int)needed; /* it may have padded the end */
    t->timescale = (uint32_t)f->rate, t->delta = 1024, t->last_delta = (uint32_t)(total - (needed - 1) * 1024);
    *out_config = config;
    return OK;
}

static uint64_t media_length(const struct track *t) { return (uint64_t)(t->count - 1) * t->delta + t->last_delta; }

static void write_stts(struct buf *b, const struct track *t) {
    size_t box = open_full(b, "stts", 0, 0);
    bool differs = t->last_delta != t->delta && t->count > 1;
    u32(b, differs ? 2 : 1);
    u32(b, (uint32_t)(differs ? t->count - 1 : t->count));
    u32(b, t->count > 1 ? t->delta : t->last_delta);
    if (differs) u32(b, 1), u32(b, t->last_delta);
    close_box(b, box);
}

static void write_tables(struct buf *b, const struct track *t, uint32_t base) {
    write_stts(b, t);
    int keys = 0;
    for (int i = 0; i < t->count; i++) keys += t->samples[i].key;
    if (keys < t->count) {
        size_t box = open_full(b, "stss", 0, 0);
        u32(b, (uint32_t)keys);
        for (int i = 0; i < t->count; i++)
            if (t->samples[i].key) u32(b, (uint32_t)i + 1);
        close_box(b, box);
    }
    int rest = t->count % t->per_chunk;
    bool last_differs = rest && t->chunks > 1;
    size_t box = open_full(b, "stsc", 0, 0);
    u32(b, last_differs ? 2 : 1);
    u32(b, 1), u32(b, (uint32_t)(t->chunks > 1 || !rest ? t->per_chunk : rest)), u32(b, 1);
    if (last_differs) u32(b, (uint32_t)t->chunks), u32(b, (uint32_t)rest), u32(b, 1);
    close_box(b, box);
    box = open_full(b, "stsz", 0, 0);
    u32(b, 0), u32(b, (uint32_t)t->count);
    for (int i = 0; i < t->count; i++) u32(b, (uint32_t)t->samples[i].size);
    close_box(b, box);
    box = open_full(b, "stco", 0, 0);
    u32(b, (uint32_t)t->chunks);
    for (int i = 0; i < t->chunks; i++) u32(b, base + t->chunk_at[i]);
    close_box(b, box);
}

static void write_matrix(struct buf *b) {
    static const uint32_t unity[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
    for (int i = 0; i < 9; i++) u32(b, unity[i]);
}

static void write_avc1(struct buf *b, const struct mp4_film *f, const struct headers *h) {
    size_t entry = open_box(b, "avc1");
    zeros(b, 6), u16(b, 1), zeros(b, 16);
    u16(b, (unsigned)f->w), u16(b, (unsigned)f->h), u32(b, 0x480000), u32(b, 0x480000), u32(b, 0), u16(b, 1);
    zeros(b, 32), u16(b, 24), u16(b, 0xffff);
    size_t box = open_box(b, "avcC");
    u8(b, 1), u8(b, (unsigned char)h->sps.ptr[1]), u8(b, (unsigned char)h->sps.ptr[2]), u8(b, (unsigned char)h->sps.ptr[3]), u8(b, 0xff);
    u8(b, 0xe1), u16(b, (unsigned)h->sps.len), buf_str(b, h->sps);
    u8(b, 1), u16(b, (unsigned)h->pps.len), buf_str(b, h->pps);
    int profile = (unsigned char)h->sps.ptr[1];
    if (profile == 100) u8(b, 0xfd), u8(b, 0xf8), u8(b, 0xf8), u8(b, 0); /* 4:2:0, 8 bits */
    close_box(b, box);
    box = open_box(b, "colr");
    buf_add(b, "nclx", 4), u16(b, 1), u16(b, 1), u16(b, 1), u8(b, 0); /* BT.709, limited range */
    close_box(b, box);
    close_box(b, entry);
}

static void write_mp4a(struct buf *b, const struct mp4_film *f, unsigned config) {
    size_t entry = open_box(b, "mp4a");
    zeros(b, 6), u16(b, 1), zeros(b, 8), u16(b, (unsigned)f->channels), u16(b, 16), u32(b, 0), u32(b, (uint32_t)f->rate << 16);
    size_t box = open_full(b, "esds", 0, 0);
    u8(b, 3), u8(b, 25), u16(b, 2), u8(b, 0);
    u8(b, 4), u8(b, 17), u8(b, 0x40), u8(b, 0x15), zeros(b, 3), u32(b, 0), u32(b, 0);
    u8(b, 5), u8(b, 2), u16(b, config);
    u8(b, 6), u8(b, 1), u8(b, 2);
    close_box(b, box);
    close_box(b, entry);
}

/* What differs between picture and sound. */
struct kind {
    uint32_t id;
    const char *handler, *name;
    const struct mp4_film *film;
    const struct headers *headers; /* of a picture */
    unsigned config;               /* of sound */
    uint64_t film_length;          /* in the film's own timescale */
    uint32_t skip;                 /* lead-in */
};

static void write_media(struct buf *b, const struct track *t, const struct kind *k, uint32_t base) {
    bool picture = k->headers;
    size_t mdia = open_box(b, "mdia"), box = open_full(b, "mdhd", 0, 0);
    u32(b, 0), u32(b, 0), u32(b, t->timescale), u32(b, (uint32_t)media_length(t)), u16(b, 0x55c4), u16(b, 0);
    close_box(b, box);
    box = open_full(b, "hdlr", 0, 0);
    u32(b, 0), buf_add(b, k->handler, 4), zeros(b, 12), buf_add(b, k->name, strlen(k->name) + 1);
    close_box(b, box);
    size_t minf = open_box(b, "minf");
    box = picture ? open_full(b, "vmhd", 0, 1) : open_full(b, "smhd", 0, 0);
    zeros(b, picture ? 8 : 4);
    close_box(b, box);
    size_t dinf = open_box(b, "dinf"), dref = open_full(b, "dref", 0, 0);
    u32(b, 1);
    box = open_full(b, "url ", 0, 1);
    close_box(b, box), close_box(b, dref), close_box(b, dinf);
    size_t stbl = open_box(b, "stbl");
    box = open_full(b, "stsd", 0, 0);
    u32(b, 1);
    if (picture) write_avc1(b, k->film, k->headers);
    else write_mp4a(b, k->film, k->config);
    close_box(b, box);
    write_tables(b, t, base);
    close_box(b, stbl), close_box(b, minf), close_box(b, mdia);
}

static void write_trak(struct buf *b, const struct track *t, const struct kind *k, uint32_t base) {
    bool picture = k->headers;
    size_t trak = open_box(b, "trak"), box = open_full(b, "tkhd", 0, 3);
    u32(b, 0), u32(b, 0), u32(b, k->id), u32(b, 0), u32(b, (uint32_t)k->film_length), zeros(b, 8);
    u16(b, 0), u16(b, picture ? 0 : 1), u16(b, picture ? 0 : 0x100), u16(b, 0), write_matrix(b);
    u32(b, picture ? (uint32_t)k->film->w << 16 : 0), u32(b, picture ? (uint32_t)k->film->h << 16 : 0);
    close_box(b, box);
    size_t edts = open_box(b, "edts");
    box = open_full(b, "elst", 0, 0);
    u32(b, 1), u32(b, (uint32_t)k->film_length), u32(b, k->skip), u32(b, 0x10000);
    close_box(b, box), close_box(b, edts);
    write_media(b, t, k, base);
    close_box(b, trak);
}

static void write_comment(struct buf *b, struct str text) {
    size_t udta = open_box(b, "udta"), meta = open_full(b, "meta", 0, 0), box = open_full(b, "hdlr", 0, 0);
    u32(b, 0), buf_add(b, "mdirappl", 8), zeros(b, 9);
    close_box(b, box);
    size_t list = open_box(b, "ilst"), item = open_box(b, "\251cmt"), data = open_box(b, "data");
    u32(b, 1), u32(b, 0), buf_str(b, text); /* UTF-8 */
    close_box(b, data), close_box(b, item), close_box(b, list), close_box(b, meta), close_box(b, udta);
}

static void write_moov(struct buf *b, const struct mp4_film *f, const struct track *v, const struct track *a, const struct headers *h, unsigned config, uint32_t base) {
    uint64_t length = media_length(v);
    size_t moov = open_box(b, "moov"), box = open_full(b, "mvhd", 0, 0);
    u32(b, 0), u32(b, 0), u32(b, v->timescale), u32(b, (uint32_t)length), u32(b, 0x10000), u16(b, 0x100), zeros(b, 10), write_matrix(b), zeros(b, 24);
    u32(b, a->count ? 3 : 2);
    close_box(b, box);
    write_trak(b, v, &(struct kind){.id = 1, .handler = "vide", .name = "picture", .film = f, .headers = h, .film_length = length}, base);
    uint64_t sound = (uint64_t)f->samples * v->timescale / (uint64_t)(f->rate ? f->rate : 1);
    if (a->count) write_trak(b, a, &(struct kind){.id = 2, .handler = "soun", .name = "sound", .film = f, .config = config, .film_length = sound, .skip = 1024}, base);
    if (f->comment.len) write_comment(b, f->comment);
    close_box(b, moov);
}

/* Half a second of picture, then the same of sound, and so on. */
static void interleave(struct track *v, struct track *a, struct buf *out) {
    int vi = 0, ai = 0;
    v->chunks = a->chunks = 0;
    v->chunk_at = calloc((size_t)v->count + 1, sizeof *v->chunk_at), a->chunk_at = calloc((size_t)a->count + 1, sizeof *a->chunk_at);
    must(v->chunk_at && a->chunk_at);
    while (vi < v->count || ai < a->count)
        for (int which = 0; which < 2; which++) {
            struct track *t = which ? a : v;
            int *i = which ? &ai : &vi;
            if (*i >= t->count) continue;
            t->chunk_at[t->chunks++] = (uint32_t)out->len;
            for (int n = 0; n < t->per_chunk && *i < t->count; n++, ++*i) buf_add(out, t->data.ptr + t->samples[*i].at, t->samples[*i].size);
        }
}

static void track_done(struct track *t) {
    buf_done(&t->data);
    free(t->samples);
    free(t->chunk_at);
}

static void assemble(const struct mp4_film *f, struct track *v, struct track *a, const struct headers *h, unsigned config, struct buf *out) {
    struct buf media = {0}, moov = {0};
    interleave(v, a, &media);
    write_moov(&moov, f, v, a, h, config, 0); /* its length does not depend on the offsets in it */
    size_t box = open_box(out, "ftyp");
    buf_add(out, "isom", 4), u32(out, 0x200), buf_add(out, "isomiso2avc1mp41", 16);
    close_box(out, box);
    uint32_t base = (uint32_t)(out->len + moov.len + 8);
    buf_done(&moov);
    write_moov(out, f, v, a, h, config, base);
    u32(out, (uint32_t)(media.len + 8)), buf_add(out, "mdat", 4), buf_str(out, buf_view(&media));
    buf_done(&media);
}

err mp4_write(const struct mp4_film *f, struct why *why, struct buf *out) {
    struct track v = {.timescale = (uint32_t)f->fps * 512, .delta = 512, .last_delta = 512, .per_chunk = f->fps / 2}, a = {.per_chunk = f->rate / 2048 + 1};
    struct headers h;
    unsigned config = 0;
    err e = read_h264(f->h264, why, &v, &h);
    if (!e && v.count != f->frames) e = why_set(why, E_INVALID, "The encoder made %d frames of %d.", v.count, f->frames);
    if (!e && f->aac.len) e = read_aac(f, why, &a, &config);
    if (!e) assemble(f, &v, &a, &h, config, out);
    track_done(&v);
    track_done(&a);
    return e;
}
