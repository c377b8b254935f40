/* The walls around one job. Needs only no_new_privs, seccomp and rlimits; namespaces and Landlock come on top where they work. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct sandbox; /* the compiled filter; made once, used by every child */
struct sandbox *sandbox_compile(void);
/* In the helper itself, when everything is loaded: no network, no files for it and what it forks. Best effort. */
void sandbox_enclose(void);
/* In a child, right after fork: job and output descriptor become 3 and 4, everything else is closed, limits, filter. False
 * when a wall that is needed does not stand; the child must then end. */
bool sandbox_enter(const struct sandbox *s, int job, int out, int null, uint32_t timeout_ms);
