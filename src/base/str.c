#include "base/str.h"

int str_cmp(struct str a, struct str b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

static unsigned char fold(char c) { return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c); }

bool str_ieq(struct str a, struct str b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (fold(a.ptr[i]) != fold(b.ptr[i])) return false;
    return true;
}

struct str str_trim(struct str a) {
    while (a.len && (a.ptr[0] == ' ' || a.ptr[0] == '\t')) a.ptr++, a.len--;
    while (a.len && (a.ptr[a.len - 1] == ' ' || a.ptr[a.len - 1] == '\t')) a.len--;
    return a;
}

bool str_cut(struct str s, char sep, struct str *out_head, struct str *out_rest) {
    const char *at = s.len ? memchr(s.ptr, sep, s.len) : NULL;
    if (!at) {
        *out_head = s;
        *out_rest = str_skip(s, s.len);
        return false;
    }
    size_t n = (size_t)(at - s.ptr);
    *out_head = (struct str){s.ptr, n};
    *out_rest = (struct str){at + 1, s.len - n - 1};
    return true;
}

bool str_to_i64(struct str s, int64_t *out) {
    bool minus = s.len && s.ptr[0] == '-';
    if (minus) s = str_skip(s, 1);
    if (!s.len) return false;
    int64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c < '0' || c > '9') return false;
        /* counted downwards, so that INT64_MIN reads too */
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, c - '0', &v)) return false;
    }
    if (!minus && __builtin_sub_overflow((int64_t)0, v, &v)) return false;
    *out = v;
    return true;
}

size_t utf8_length(const unsigned char *p, size_t left) {
    if (!left) return 0;
    unsigned char c = p[0];
    if (c < 0x80) return 1;
    size_t n = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    if (c < 0xC2 || c > 0xF4 || left < n) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    if (c == 0xE0 && p[1] < 0xA0) return 0; /* overlong */
    if (c == 0xED && p[1] > 0x9F) return 0; /* surrogates */
    if (c == 0xF0 && p[1] < 0x90) return 0; /* overlong */
    if (c == 0xF4 && p[1] > 0x8F) return 0; /* past U+10FFFF */
    return n;
}

struct str str_head_text(struct str a, size_t n) {
    if (n >= a.len) return a;
    while (n && ((unsigned char)a.ptr[n] & 0xC0) == 0x80) n--;
    return str_head(a, n);
}

bool str_is_utf8(struct str s) {
    const unsigned char *p = (const unsigned char *)s.ptr;
    for (size_t i = 0; i < s.len;) {
        size_t n = utf8_length(p + i, s.len - i);
        if (!n) return false;
        i += n;
    }
    return true;
}

size_t str_code_points(struct str s) {
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) n += ((unsigned char)s.ptr[i] & 0xC0) != 0x80;
    return n;
}

bool str_eq_secret(struct str a, struct str b) {
    if (a.len != b.len) return false;
    unsigned char diff = 0;
    for (size_t i = 0; i < a.len; i++) diff |= (unsigned char)(a.ptr[i] ^ b.ptr[i]);
    return diff == 0;
}
