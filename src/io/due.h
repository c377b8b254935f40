/* What is due when: a binary heap ordered by (moment, order of entry), shared by both sides of the door so that timers behave
 * the same on both. Intrusive: an entry is the first member of whatever waits. */
#pragma once
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>

struct due_entry {
    msec at;
    uint64_t order; /* given by due_add; equal moments come out in this order */
    size_t index;   /* place in the heap plus one; 0: not in it */
};
struct due {
    struct due_entry **heap;
    size_t count, room;
    uint64_t entered;
};
void due_done(struct due *d); /* frees the heap, not the entries */
void due_add(struct due *d, struct due_entry *e, msec at);
void due_remove(struct due *d, struct due_entry *e); /* nothing when it is not in */
static inline struct due_entry *due_first(const struct due *d) { return d->count ? d->heap[0] : NULL; }
