/* A growing byte buffer on the heap. `{}` is a valid empty one; buf_done frees it. Always NUL-terminated when not empty. */
#pragma once
#include "base/str.h"

#include <stdarg.h>

struct buf {
    char *ptr;
    size_t len, cap;
};

void buf_done(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory */
void buf_grow(struct buf *b, size_t more);
/* Makes room for `more` bytes and the NUL behind them. */
static inline void buf_reserve(struct buf *b, size_t more) {
    if (b->cap - b->len <= more) buf_grow(b, more);
}
static inline void buf_add(struct buf *b, const void *p, size_t n) {
    buf_reserve(b, n);
    if (n) memcpy(b->ptr + b->len, p, n);
    b->len += n;
    b->ptr[b->len] = 0;
}
static inline void buf_str(struct buf *b, struct str s) { buf_add(b, s.ptr, s.len); }
static inline void buf_z(struct buf *b, const char *z) { buf_add(b, z, strlen(z)); }
static inline void buf_c(struct buf *b, char c) {
    buf_reserve(b, 1);
    b->ptr[b->len++] = c;
    b->ptr[b->len] = 0;
}
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
void buf_i64(struct buf *b, int64_t v);
static inline struct str buf_view(const struct buf *b) { return (struct str){b->ptr, b->len}; }
