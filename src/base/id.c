#include "base/id.h"

void hex_encode(const void *bytes, size_t n, char *out) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * n] = 0;
}

static int nibble(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool hex_decode(struct str hex, uint8_t *out) {
    if (hex.len % 2) return false;
    for (size_t i = 0; i < hex.len / 2; i++) {
        int hi = nibble(hex.ptr[2 * i]), lo = nibble(hex.ptr[2 * i + 1]);
        if (hi < 0 || lo < 0) return false;
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

struct id id_make(msec at, const uint8_t random[10]) {
    uint8_t bytes[16];
    for (int i = 0; i < 6; i++) bytes[i] = (uint8_t)((uint64_t)at >> (40 - 8 * i));
    memcpy(bytes + 6, random, 10);
    struct id id;
    hex_encode(bytes, 16, id.hex);
    return id;
}

bool id_is(struct str s) {
    if (s.len != ID_LEN) return false;
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))) return false;
    return true;
}
