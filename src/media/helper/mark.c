/* See mark.h. Called by job.c for jobs that mark what they write. */
#include "media/helper/mark.h"

static void be(struct buf *b, uint64_t v, int bytes) {
    while (bytes--) buf_c(b, (char)(v >> (8 * bytes)));
}

static void le32(struct buf *b, uint32_t v) {
    for (int i = 0; i < 4; i++) buf_c(b, (char)(v >> (8 * i)));
}

static uint32_t crc(struct str s) {
    uint32_t c = ~0U;
    for (size_t i = 0; i < s.len; i++) {
        c ^= (unsigned char)s.ptr[i];
        for (int k = 0; k < 8; k++) c = c >> 1 ^ (c & 1 ? 0xedb88320U : 0);
    }
    return ~c;
}

/* A text chunk behind the header, which is always the first chunk and always as long. */
static void mark_png(struct str file, struct str sentence, struct buf *out) {
    enum { HEAD = 8 + 25 };
    struct buf chunk = {0};
    buf_add(&chunk, "tEXtComment", 12);
    buf_str(&chunk, sentence);
    buf_str(out, str_head(file, HEAD));
    be(out, chunk.len - 4, 4);
    buf_str(out, buf_view(&chunk));
    be(out, crc(buf_view(&chunk)), 4);
    buf_str(out, str_skip(file, HEAD));
    buf_done(&chunk);
}

/* A comment segment behind the one of JFIF, which must be the first. */
static void mark_jpeg(struct str file, struct str sentence, struct buf *out) {
    const unsigned char *p = (const unsigned char *)file.ptr;
    size_t head = 2;
    if (file.len > 6 && p[2] == 0xff && p[3] == 0xe0) head += 2 + ((size_t)p[4] << 8 | p[5]);
    buf_str(out, str_head(file, head));
    be(out, 0xfffe, 2);
    be(out, sentence.len + 2, 2);
    buf_str(out, sentence);
    buf_str(out, str_skip(file, head));
}

static void mark_wav(struct str file, struct str sentence, struct buf *out) {
    size_t text = sentence.len + 1 + (sentence.len + 1) % 2, at = out->len, list = 4 + 8 + text;
    buf_str(out, file);
    if (file.len % 2) buf_c(out, 0);
    buf_add(out, "LIST", 4), le32(out, (uint32_t)list), buf_add(out, "INFOICMT", 8), le32(out, (uint32_t)text);
    buf_str(out, sentence);
    for (size_t i = sentence.len; i < text; i++) buf_c(out, 0);
    uint32_t all = (uint32_t)(out->len - at - 8);
    for (int i = 0; i < 4; i++) out->ptr[at + 4 + (size_t)i] = (char)(all >> (8 * i));
}

static void mark_mp3(struct str file, struct str sentence, struct buf *out) {
    size_t body = 1 + 3 + 1 + sentence.len, tag = 10 + body; /* both below 128 * 128: two bytes of seven bits */
    buf_add(out, "ID3\4\0\0\0\0", 8);
    be(out, tag >> 7 << 8 | (tag & 127), 2);
    buf_add(out, "COMM\0\0", 6);
    be(out, body >> 7 << 8 | (body & 127), 2);
    buf_add(out, "\0\0\3und\0", 7); /* flags; UTF-8, no language, no description */
    buf_str(out, sentence);
    buf_str(out, file);
}

bool mark_file(struct str file, struct str sentence, struct buf *out) {
    sentence = str_head(sentence, 1000);
    const unsigned char *p = (const unsigned char *)file.ptr;
    if (file.len > 64 && str_starts(file, STR("\x89PNG"))) mark_png(file, sentence, out);
    else if (file.len > 64 && p[0] == 0xff && p[1] == 0xd8) mark_jpeg(file, sentence, out);
    else if (file.len > 44 && str_starts(file, STR("RIFF")) && str_starts(str_skip(file, 8), STR("WAVE"))) mark_wav(file, sentence, out);
    else if (file.len > 64 && p[0] == 0xff && (p[1] & 0xe0) == 0xe0) mark_mp3(file, sentence, out);
    else return false;
    return true;
}
