#include "base/buf.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

void buf_done(struct buf *b) {
    free(b->ptr);
    *b = (struct buf){};
}

void buf_clear(struct buf *b) {
    b->len = 0;
    if (b->ptr) b->ptr[0] = 0;
}

void buf_grow(struct buf *b, size_t more) {
    must(more < SIZE_MAX / 4 && b->len < SIZE_MAX / 4);
    size_t need = b->len + more + 1;
    size_t cap = b->cap ? b->cap * 2 : 256;
    if (cap < need) cap = need;
    b->ptr = realloc(b->ptr, cap);
    must(b->ptr);
    b->cap = cap;
}

void buf_vprintf(struct buf *b, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    size_t room = b->cap - b->len; /* mostly enough: formatted once */
    int n = vsnprintf(room ? b->ptr + b->len : NULL, room, format, args);
    must(n >= 0);
    if ((size_t)n >= room) {
        buf_reserve(b, (size_t)n);
        vsnprintf(b->ptr + b->len, (size_t)n + 1, format, again);
    }
    va_end(again);
    b->len += (size_t)n;
}

void buf_printf(struct buf *b, const char *format, ...) {
    va_list args;
    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}

void buf_i64(struct buf *b, int64_t v) {
    char text[24];
    char *p = text + sizeof text;
    uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;
    do *--p = (char)('0' + u % 10);
    while (u /= 10);
    if (v < 0) *--p = '-';
    buf_add(b, p, (size_t)(text + sizeof text - p));
}
