/* jq programs, evaluated in a child process: libjq aborts on some values, has no bound on steps and rounds large integers, so it is
 * never mapped into the server. The child is the program puras-jq beside the main one, started with an empty environment, 512 MB, no
 * network and no files; programs are compiled once and kept.
 *
 * Safe on any thread; blocks for at most 100 ms of evaluation. A child that overruns is killed and the next call starts another. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct jq;
struct jq_options { const char *program; int children; /* 0: 2 */ };
[[nodiscard]] err jq_start(const struct jq_options *o, struct why *why, struct jq **out);
void jq_stop(struct jq *j); /* NULL is fine */
/* Results as JSON texts, one a line; exact numbers survive. E_DESCRIPTION: the program does not compile, fails, overruns or dies; E_LIMIT: more than
 * 1 MB in or out. */
[[nodiscard]] err jq_run(struct jq *j, struct str program, struct str input, struct arena *a, struct why *why, struct str *out);
/* Words that no program may use: input, inputs, env, $ENV, include, import, input_line_number, debug, stderr, limit-less recursion is caught by time. */
[[nodiscard]] err jq_check(struct str program, struct why *why);
struct jq_stats { uint64_t runs, failures, restarts; };
struct jq_stats jq_stats(struct jq *j);
