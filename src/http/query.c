/* Percent-encoding and query strings. Called by handlers. */
#include "http/http.h"

static int nibble(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_percent_decode(struct str s, bool plus_is_space, struct arena *a, struct str *out) {
    char *to = arena_bytes(a, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '+' && plus_is_space) {
            c = ' ';
        } else if (c == '%') {
            int hi = i + 2 < s.len ? nibble(s.ptr[i + 1]) : -1, lo = hi >= 0 ? nibble(s.ptr[i + 2]) : -1;
            if (lo < 0 || (!hi && !lo)) return false;
            c = (char)(hi << 4 | lo);
            i += 2;
        } else if (!c) {
            return false;
        }
        to[n++] = c;
    }
    to[n] = 0;
    *out = str_n(to, n);
    return true;
}

void http_percent_encode(struct buf *b, struct str s, const char *keep) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c)) ||
                     (c && keep && strchr(keep, c));
        if (plain) {
            buf_c(b, (char)c);
        } else {
            buf_c(b, '%');
            buf_c(b, digits[c >> 4]);
            buf_c(b, digits[c & 15]);
        }
    }
}

bool http_query_get(struct str query, const char *name, struct arena *a, struct str *out) {
    struct str wanted = str_of(name);
    for (struct str pair, rest = query; rest.len; ) {
        str_cut(rest, '&', &pair, &rest);
        struct str key, value;
        str_cut(pair, '=', &key, &value);
        /* Names are compared as sent first: only an escaped one needs memory. */
        if (!str_eq(key, wanted)) {
            if (!key.len || (!memchr(key.ptr, '%', key.len) && !memchr(key.ptr, '+', key.len))) continue;
            if (!http_percent_decode(key, true, a, &key) || !str_eq(key, wanted)) continue;
        }
        return http_percent_decode(value, true, a, out);
    }
    return false;
}
