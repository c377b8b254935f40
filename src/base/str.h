/* A view of bytes that somebody else owns. Not NUL-terminated unless it says so. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
/* For printf: "%.*s", STR_ARG(s) */
#define STR_ARG(s) (int)(s).len, (s).ptr

static inline struct str str_of(const char *z) { return (struct str){z, z ? strlen(z) : 0}; }
static inline struct str str_n(const void *p, size_t n) { return (struct str){p, n}; }
static inline bool str_eq(struct str a, struct str b) { return a.len == b.len && (!a.len || !memcmp(a.ptr, b.ptr, a.len)); }
static inline bool str_is(struct str a, const char *z) { return str_eq(a, str_of(z)); }
static inline bool str_empty(struct str a) { return a.len == 0; }
static inline bool str_starts(struct str a, struct str prefix) {
    return a.len >= prefix.len && (!prefix.len || !memcmp(a.ptr, prefix.ptr, prefix.len));
}
static inline bool str_ends(struct str a, struct str suffix) {
    return a.len >= suffix.len && (!suffix.len || !memcmp(a.ptr + a.len - suffix.len, suffix.ptr, suffix.len));
}
static inline struct str str_skip(struct str a, size_t n) {
    if (n > a.len) n = a.len;
    return n ? (struct str){a.ptr + n, a.len - n} : a; /* NULL + 0 is not defined */
}
static inline struct str str_head(struct str a, size_t n) { return (struct str){a.ptr, n < a.len ? n : a.len}; }

int str_cmp(struct str a, struct str b);
bool str_ieq(struct str a, struct str b); /* ASCII case folded */
struct str str_trim(struct str a);        /* without leading and trailing blanks and tabs */
/* Splits at the first `sep`; false (and *out_head = all, *out_rest empty) when there is none. */
bool str_cut(struct str s, char sep, struct str *out_head, struct str *out_rest);
/* Decimal digits with an optional minus, nothing else; false on overflow. */
bool str_to_i64(struct str s, int64_t *out);
/* Length of the well-formed UTF-8 sequence at p, of which `left` bytes may be read; 0 when it is not one. */
size_t utf8_length(const unsigned char *p, size_t left);
/* At most n bytes from the front, and no part of a character. */
struct str str_head_text(struct str a, size_t n);
/* True when the bytes are well-formed UTF-8 (no surrogates, no overlong forms). */
bool str_is_utf8(struct str s);
/* Unicode code points in well-formed UTF-8. */
size_t str_code_points(struct str s);
/* Constant in time over the bytes; for secrets and signatures. */
bool str_eq_secret(struct str a, struct str b);
