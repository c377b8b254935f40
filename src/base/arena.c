#include "base/arena.h"

#include "base/err.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_SIZE = 8192 }; /* most requests fit one block; larger needs get a block of their own size */

struct arena_block {
    struct arena_block *older;
    size_t size;
    alignas(max_align_t) char data[];
};

void arena_done(struct arena *a) {
    for (struct arena_block *b = a->blocks, *older; b; b = older) {
        older = b->older;
        free(b);
    }
    *a = (struct arena){};
}

void arena_reset(struct arena *a) {
    struct arena_block *keep = a->blocks;
    if (!keep) return;
    while (keep->older) {
        struct arena_block *newest = keep;
        keep = keep->older;
        free(newest);
    }
    if (keep->size > BLOCK_SIZE) {
        free(keep);
        *a = (struct arena){};
        return;
    }
    a->blocks = keep;
    a->next = keep->data;
    a->end = keep->data + keep->size;
    a->used = 0;
}

static void *grow(struct arena *a, size_t size) {
    must(size < SIZE_MAX / 2);
    size_t block = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    struct arena_block *b = malloc(sizeof *b + block);
    must(b);
    b->older = a->blocks;
    b->size = block;
    a->blocks = b;
    a->next = b->data + size;
    a->end = b->data + block;
    return b->data;
}

void *arena_bytes(struct arena *a, size_t size) {
    a->used += size;
    if (a->next && (size_t)(a->end - a->next) >= size) {
        void *p = a->next;
        a->next += size;
        return p;
    }
    return grow(a, size);
}

void *arena_alloc(struct arena *a, size_t size) {
    size_t align = alignof(max_align_t);
    if (a->next) {
        size_t pad = (size_t)(-(uintptr_t)a->next) & (align - 1);
        if ((size_t)(a->end - a->next) >= pad) a->next += pad;
        else a->next = a->end;
    }
    void *p = arena_bytes(a, size);
    return memset(p, 0, size);
}

struct str arena_dup(struct arena *a, struct str s) {
    char *p = arena_bytes(a, s.len + 1);
    if (s.len) memcpy(p, s.ptr, s.len);
    p[s.len] = 0;
    return (struct str){p, s.len};
}

char *arena_strz(struct arena *a, struct str s) { return (char *)arena_dup(a, s).ptr; }

struct str arena_printf(struct arena *a, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    char few[128]; /* ids and the like: formatted once */
    int n = vsnprintf(few, sizeof few, format, args);
    va_end(args);
    must(n >= 0);
    char *p = arena_bytes(a, (size_t)n + 1);
    if ((size_t)n < sizeof few) memcpy(p, few, (size_t)n + 1);
    else vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return (struct str){p, (size_t)n};
}
