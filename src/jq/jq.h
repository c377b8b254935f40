/* jq programs, evaluated in a child process: libjq aborts on some values, has no bound on steps and rounds large integers, so it is
 * never mapped into the server. The child is the program puras-jq beside the main one, started with an empty environment, 512 MB, no
 * network and no files; programs are compiled once and kept.
 *
 * Safe on any thread; blocks for at most 100 ms of the child's processor time (500 ms more when the program is new to it), and 3 s by
 * the clock. A child that overruns or dies fails its own call; the next call starts another.
 *
 * Numbers. jq computes in double. A whole number that a double cannot hold reaches the program as text between two marks (U+FDD0 and
 * U+FDD1) and becomes the number again wherever the text of a result is exactly that; `tostring` and interpolation give its digits,
 * `tonumber` the nearest double, `type` says "string". A fraction that a double cannot hold is the nearest double, and is written as
 * it came wherever that double is a result. What lies within 2^53, or has at most 15 digits, is an ordinary number. Literals in the
 * program itself are doubles. Foreign text never forges a number: the marks are no characters of it (they become U+FFFD).
 *
 * Strings over 64 KB. Input is text of json_write or of the filter of base/spool.h; read results with JSON_SPOOLS. A spooled string reaches
 * the program as a string that begins like it, and is the same node in a result where the program passed it on whole. A program that
 * cuts it or joins it to something fails: it never sees the rest. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct jq;
struct jq_options {
    const char *program; /* NULL: puras-jq, looked for beside the running program */
    int children;        /* 0: 2 */
};
[[nodiscard]] err jq_start(const struct jq_options *o, struct why *why, struct jq **out);
void jq_stop(struct jq *j); /* ends calls under way; NULL is fine */

/* Results as JSON texts, each followed by a newline; exact numbers survive. E_DESCRIPTION: the program does not compile, fails, overruns
 * or dies; E_LIMIT: more than 1 MB in or out; E_BAD_JSON: the input is not JSON; E_UNAVAILABLE: no child starts, or jq_stop. */
[[nodiscard]] err jq_run(struct jq *j, struct str program, struct str input, struct arena *a, struct why *why, struct str *out);

/* Refuses the words that no program may use (E_DESCRIPTION names it): input, inputs, env, $ENV, include, import, input_line_number, debug,
 * stderr and their like. Text, comments, field names and keys of objects are not programs: .input and {env: 1} pass. Whether the
 * program compiles is another question. Recursion without end is caught by time. */
[[nodiscard]] err jq_check(struct str program, struct why *why);

struct jq_stats {
    uint64_t runs, failures, restarts;
};
struct jq_stats jq_stats(struct jq *j);
