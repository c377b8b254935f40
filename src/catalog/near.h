/* Names near to a mistyped one. */
#pragma once
#include "base/str.h"

/* Letters to insert, delete, replace or swap to get from a to b; past NEAR_MAX letters the names never count as near. */
enum { NEAR_MAX = 100, NEAR_FAR = 1000 };
int near_distance(struct str a, struct str b);
/* The distance when it is small enough for a name of that length to be meant, NEAR_FAR otherwise. */
int near_score(struct str typed, struct str name);
/* The nearest of a NULL-terminated list, NULL when none is near. */
const char *near_word(struct str typed, const char *const *list);
