/* A bump allocator with one lifetime: a request, a step, a batch. Freed as a whole.
 *
 * Must always hold: memory from an arena is valid until arena_reset or arena_done, never longer. Allocation never returns
 * NULL: out of memory ends the process, because inputs are bounded long before (base/limits.h). */
#pragma once
#include "base/str.h"

#include <stdarg.h>
#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *blocks; /* newest first */
    char *next, *end;
    size_t used;                /* bytes handed out since the last reset */
};

void arena_done(struct arena *a);  /* frees all; the arena may be used again */
void arena_reset(struct arena *a); /* forgets all, keeps one block for the next round */
void *arena_alloc(struct arena *a, size_t size);  /* zeroed, aligned for any type */
void *arena_bytes(struct arena *a, size_t size);  /* not zeroed, not aligned */
#define arena_new(a, type) ((type *)arena_alloc(a, sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc(a, sizeof(type) * (n)))

struct str arena_dup(struct arena *a, struct str s);      /* the copy is NUL-terminated behind its end */
char *arena_strz(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
