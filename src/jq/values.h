/* Values of ours into values of libjq and back, so that numbers survive; see jq.h. Part of puras-jq only. */
#pragma once
#include "base/buf.h"
#include "base/json.h"

#include <jq.h>

/* A fraction that a double only comes near to. */
struct near_number {
    double near;
    struct str text;
};

struct exact {
    struct arena *arena;
    struct near_number *near;
    size_t count, room;
    struct spooled_text *spooled; /* strings that lie elsewhere, the newest first */
    bool altered;                 /* a result holds a part of such a string, or more than it */
};

/* Before the program's own text; on one line. */
extern const char values_prelude[];

jv values_in(struct exact *x, const struct json *j);
/* Borrows v. False when the text would pass `most` bytes, or when `altered` is set. */
bool values_out(struct exact *x, jv v, size_t most, struct buf *b);
