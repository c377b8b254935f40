/* See due.h. */
#include "io/due.h"

#include "base/err.h"

#include <stdlib.h>

static bool before(const struct due_entry *a, const struct due_entry *b) {
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void put(struct due *d, size_t i, struct due_entry *e) {
    d->heap[i] = e;
    e->index = i + 1;
}

static void rise(struct due *d, size_t i, struct due_entry *e) {
    for (size_t parent; i && before(e, d->heap[parent = (i - 1) / 2]); i = parent) put(d, i, d->heap[parent]);
    put(d, i, e);
}

static void sink(struct due *d, size_t i, struct due_entry *e) {
    for (size_t child; (child = 2 * i + 1) < d->count; i = child) {
        if (child + 1 < d->count && before(d->heap[child + 1], d->heap[child])) child++;
        if (!before(d->heap[child], e)) break;
        put(d, i, d->heap[child]);
    }
    put(d, i, e);
}

void due_done(struct due *d) {
    free(d->heap);
    *d = (struct due){};
}

void due_add(struct due *d, struct due_entry *e, msec at) {
    if (d->count == d->room) {
        d->room = d->room ? d->room * 2 : 64;
        d->heap = realloc(d->heap, d->room * sizeof *d->heap);
        must(d->heap);
    }
    e->at = at;
    e->order = d->entered++;
    rise(d, d->count++, e);
}

void due_remove(struct due *d, struct due_entry *e) {
    if (!e->index) return;
    size_t hole = e->index - 1;
    must(hole < d->count && d->heap[hole] == e);
    e->index = 0;
    struct due_entry *last = d->heap[--d->count];
    if (last == e) return;
    /* The last one may belong above or below the hole. */
    if (hole && before(last, d->heap[(hole - 1) / 2])) rise(d, hole, last);
    else sink(d, hole, last);
}
