/* Wire tests: what a provider's documents say goes out and comes back, run against its description without a network
 * (docs/PROVIDERS.md, "Wire tests"). For the test program, and for `puras provider check`. */
#pragma once
#include "provider/provider.h"

struct wire_count { int tests, steps; };
/* One file. Each difference is a problem "file:line: test: sentence". E_INVALID when there are any. */
[[nodiscard]] err wire_run(const struct providers *p, const struct catalog *c, struct str file, struct str text, const struct evaluator *ev, struct problems *out,
                           struct wire_count *count);
/* The body as people and tests see it: <image> where the bytes of a file go. */
struct str wire_body(const struct request *r, const struct call_file *files, struct arena *a);
