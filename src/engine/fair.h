/* Whose turn it is where projects share a few places, such as those of local renders. Pure: a table in memory, no clock.
 *
 * A free place goes to the project that has fewest of them; among those to the one whose last turn is the longest ago; and within a
 * project to whoever came first. So a project that fills the queue delays another by what is under way, never by what it has waiting. */
#pragma once
#include "base/str.h"

#include <stddef.h>

struct fair_project;
/* A part of whoever wants a place; all zeros to begin with. */
struct fair_wait {
    struct fair_wait *next, *prev; /* of its project, in the order they came; while it waits */
    struct fair_project *project;  /* NULL: it neither waits nor has a place */
    bool inside;                   /* it has a place */
};
struct fair {
    struct fair_project *projects; /* those that have or want a place */
    int64_t places, inside, waiting;
    uint64_t turns, arrivals; /* so far */
};
void fair_done(struct fair *f);
void fair_enter(struct fair *f, struct str project, struct fair_wait *w); /* it waits; fair_next tells when its turn has come */
struct fair_wait *fair_next(struct fair *f);                              /* gives a free place to whose turn it is; NULL: none is free, or nobody waits */
void fair_leave(struct fair *f, struct fair_wait *w);                     /* gives its place back, or waits no more */
/* How many of those that wait have their turn before it, as things stand. */
int64_t fair_before(const struct fair *f, const struct fair_wait *w);
