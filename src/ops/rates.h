/* Private to ops/: how often a key may call. Pure: the time comes in, nothing is read. A bucket lives with its key in the cache of keys,
 * so it is this process's own and begins full when the server starts. */
#pragma once
#include "ops/ops.h"

enum rate_group { RATE_media, RATE_sound, RATE_ads, RATE_reads, RATE_GROUPS };
enum { RATE_WORD = 16 }; /* of a class, with its end */

/* Zeroed it is full. */
struct rate_bucket {
    int64_t used; /* what is missing to full, in 1/60000 of a call: `a_minute` of them come back each millisecond */
    msec at;
};

bool rates_class_known(struct str name);
/* The class by which a key is bound whose record says `stored`. Whoever opens a page has its key, so a publishable one has a bound in any case; records from before
 * there was the class `page` name none. */
struct str rates_class_of(struct str kind, struct str stored);
/* Calls a minute; 0: no bound. A class that this version does not know (a newer one's record) is bounded as the first in the table. */
int64_t rates_limit(struct str name, enum rate_group group);
const char *rates_group_name(enum rate_group group);
/* One call at `now`, of the monotonic clock. False: it is one too many, and takes nothing. *out is what is left behind it. */
bool rates_take(struct rate_bucket *b, int64_t a_minute, msec now, struct rate *out);
