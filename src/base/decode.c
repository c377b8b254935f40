/* See decode.h. */
#include "base/decode.h"

#include <stdio.h>

enum { DIGIT = 0x80, BLANK = 0x40, PAD = 0x41 };

/* DIGIT and the value of a digit of base64, in either alphabet; 0 is no byte of base64. */
static const uint8_t base64_digit[256] = {
    ['A'] = 0x80, ['B'] = 0x81, ['C'] = 0x82, ['D'] = 0x83, ['E'] = 0x84, ['F'] = 0x85, ['G'] = 0x86, ['H'] = 0x87, ['I'] = 0x88,
    ['J'] = 0x89, ['K'] = 0x8A, ['L'] = 0x8B, ['M'] = 0x8C, ['N'] = 0x8D, ['O'] = 0x8E, ['P'] = 0x8F, ['Q'] = 0x90, ['R'] = 0x91,
    ['S'] = 0x92, ['T'] = 0x93, ['U'] = 0x94, ['V'] = 0x95, ['W'] = 0x96, ['X'] = 0x97, ['Y'] = 0x98, ['Z'] = 0x99, ['a'] = 0x9A,
    ['b'] = 0x9B, ['c'] = 0x9C, ['d'] = 0x9D, ['e'] = 0x9E, ['f'] = 0x9F, ['g'] = 0xA0, ['h'] = 0xA1, ['i'] = 0xA2, ['j'] = 0xA3,
    ['k'] = 0xA4, ['l'] = 0xA5, ['m'] = 0xA6, ['n'] = 0xA7, ['o'] = 0xA8, ['p'] = 0xA9, ['q'] = 0xAA, ['r'] = 0xAB, ['s'] = 0xAC,
    ['t'] = 0xAD, ['u'] = 0xAE, ['v'] = 0xAF, ['w'] = 0xB0, ['x'] = 0xB1, ['y'] = 0xB2, ['z'] = 0xB3, ['0'] = 0xB4, ['1'] = 0xB5,
    ['2'] = 0xB6, ['3'] = 0xB7, ['4'] = 0xB8, ['5'] = 0xB9, ['6'] = 0xBA, ['7'] = 0xBB, ['8'] = 0xBC, ['9'] = 0xBD, ['+'] = 0xBE,
    ['/'] = 0xBF, ['-'] = 0xBE, ['_'] = 0xBF,
    ['='] = PAD, [' '] = BLANK, ['\t'] = BLANK, ['\r'] = BLANK, ['\n'] = BLANK,
};

static int hex_digit(unsigned char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum decode_as decode_guess(struct str head) {
    bool hex = head.len >= 16, base64 = head.len > 0;
    if (head.len >= 5 && str_ieq(str_head(head, 5), STR("data:"))) return DECODE_DATA_URI;
    for (size_t i = 0; i < head.len; i++) {
        unsigned char c = (unsigned char)head.ptr[i];
        hex &= hex_digit(c) >= 0 || base64_digit[c] == BLANK;
        base64 &= base64_digit[c] != 0;
    }
    return hex ? DECODE_HEX : base64 ? DECODE_BASE64 : DECODE_RAW;
}

void decoder_begin(struct decoder *d, enum decode_as as) { *d = (struct decoder){.as = as, .in_prefix = as == DECODE_DATA_URI}; }

static err foreign(struct decoder *d, size_t i, const char *what, struct why *why) {
    return why_set(why, E_INVALID, "The file's text is no %s: byte %llu does not belong there.", what, (unsigned long long)(d->at + i));
}

static char *put_group(char *to, uint32_t acc) {
    to[0] = (char)(acc >> 16);
    to[1] = (char)(acc >> 8);
    to[2] = (char)acc;
    return to + 3;
}

enum { SIGNS = DIGIT << 18 ^ DIGIT << 12 ^ DIGIT << 6 ^ DIGIT }; /* the four marks of a group of digits */

static err feed_base64(struct decoder *d, struct str s, struct buf *out, struct why *why) {
    buf_reserve(out, s.len / 4 * 3 + 6);
    char *to = out->ptr + out->len;
    const unsigned char *p = (const unsigned char *)s.ptr;
    for (size_t i = 0; i < s.len; i++) {
        while (!d->count && !d->ended && s.len - i >= 4) { /* whole groups, as far as they go */
            uint32_t a = base64_digit[p[i]], b = base64_digit[p[i + 1]], c = base64_digit[p[i + 2]], e = base64_digit[p[i + 3]];
            if (!(a & b & c & e & DIGIT)) break;
            to = put_group(to, a << 18 ^ b << 12 ^ c << 6 ^ e ^ SIGNS);
            i += 4;
        }
        if (i == s.len) break;
        uint8_t v = base64_digit[p[i]];
        if (v == BLANK) continue;
        if (v == PAD && d->count != 1) {
            d->ended = true;
            continue;
        }
        if (!(v & DIGIT) || d->ended) return foreign(d, i, "base64", why);
        d->acc = d->acc << 6 | (v ^ DIGIT);
        if (++d->count < 4) continue;
        to = put_group(to, d->acc);
        d->acc = 0;
        d->count = 0;
    }
    out->len = (size_t)(to - out->ptr);
    out->ptr[out->len] = 0;
    return OK;
}

static err feed_hex(struct decoder *d, struct str s, struct buf *out, struct why *why) {
    buf_reserve(out, s.len / 2 + 2);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        int v = hex_digit(c);
        if (v < 0 && base64_digit[c] == BLANK) continue;
        if (v < 0) return foreign(d, i, "hex", why);
        d->acc = d->acc << 4 | (uint32_t)v;
        if (++d->count < 2) continue;
        buf_c(out, (char)d->acc);
        d->acc = 0;
        d->count = 0;
    }
    return OK;
}

/* The part of a data URI that is not base64: bytes, and %XX. */
static err feed_percent(struct decoder *d, struct str s, struct buf *out, struct why *why) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!d->count && c != '%') {
            buf_c(out, c);
            continue;
        }
        if (!d->count++) continue;
        int v = hex_digit((unsigned char)c);
        if (v < 0) return foreign(d, i, "data URI", why);
        d->acc = d->acc << 4 | (uint32_t)v;
        if (d->count < 3) continue;
        buf_c(out, (char)d->acc);
        d->acc = 0;
        d->count = 0;
    }
    return OK;
}

/* "data:image/png;base64" without its comma. */
static err take_prefix(struct decoder *d, struct why *why) {
    struct str rest = str_n(d->prefix, d->prefix_len), part;
    if (rest.len < 5 || !str_ieq(str_head(rest, 5), STR("data:"))) return why_set(why, E_INVALID, "The file's text is no data URI: it does not begin with data:.");
    rest = str_skip(rest, 5);
    str_cut(rest, ';', &part, &rest);
    if (part.len < sizeof d->type) snprintf(d->type, sizeof d->type, "%.*s", STR_ARG(part));
    d->percent = true;
    while (rest.len) {
        str_cut(rest, ';', &part, &rest);
        if (str_ieq(str_trim(part), STR("base64"))) d->percent = false;
    }
    return OK;
}

/* Eats the prefix from the piece. */
static err feed_prefix(struct decoder *d, struct str *s, struct why *why) {
    for (; s->len && d->in_prefix; *s = str_skip(*s, 1), d->at++) {
        if (*s->ptr == ',') {
            d->in_prefix = false;
            TRY(take_prefix(d, why));
        } else if (d->prefix_len == DECODE_PREFIX_BYTES) {
            return why_set(why, E_INVALID, "The file's text is no data URI: no comma ends its beginning within %d bytes.", DECODE_PREFIX_BYTES);
        } else d->prefix[d->prefix_len++] = *s->ptr;
    }
    return OK;
}

err decoder_feed(struct decoder *d, struct str piece, struct buf *out, struct why *why) {
    err e = OK;
    if (d->in_prefix) TRY(feed_prefix(d, &piece, why));
    if (!piece.len) return OK;
    if (d->as == DECODE_RAW) buf_str(out, piece);
    else if (d->as == DECODE_HEX) e = feed_hex(d, piece, out, why);
    else e = d->percent ? feed_percent(d, piece, out, why) : feed_base64(d, piece, out, why);
    d->at += piece.len;
    return e;
}

err decoder_end(struct decoder *d, struct buf *out, struct why *why) {
    if (d->in_prefix) return why_set(why, E_INVALID, "The file's text is no data URI: it ends before its comma.");
    if (d->as == DECODE_RAW || !d->count) return OK;
    if (d->as == DECODE_HEX || d->percent || d->count == 1) return why_set(why, E_INVALID, "The file's text ends within a byte, at byte %llu.", (unsigned long long)d->at);
    uint32_t acc = d->acc << (6 * (4 - d->count));
    buf_c(out, (char)(acc >> 16));
    if (d->count == 3) buf_c(out, (char)(acc >> 8));
    d->count = 0;
    return OK;
}
