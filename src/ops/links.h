/* Private to ops/: a file input that is a link to another server. It is fetched through the guard for what callers name, streamed to the
 * drive with a bound on size and time, and is then a new file like one that came inline. */
#pragma once
#include "ops/inputs.h"

struct link;
/* Called exactly once, never before link_fetch has returned. OK: *f and *out are filled, and the blob is durable. Otherwise out->blob is
 * empty, unless the blob is there all the same. */
typedef void link_done(void *arg, struct file_in *f, err code, const struct why *why);
/* random: two ids, for the asset and the blob. f, out and a belong to the fetch until done. */
struct link *link_fetch(struct ops *o, struct file_in *f, const char (*random)[ID_LEN + 1], struct arena *a, struct output *out, link_done *done, void *arg);
/* The server stops: every fetch under way ends with E_UNAVAILABLE. */
void links_stop(struct ops *o);
