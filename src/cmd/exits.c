/* What each exit status means. The codes behind a status are err.def's; docs/OPERATING.md repeats these sentences, and a test
 * compares them. */
#include "cmd/cli.h"

const struct exit_row exit_table[] = {
    {0, "done"},
    {1, "a fault of the program, of stored data or of a disk; the audit or `doctor` found something"},
    {2, "wrong usage or inputs, conflicts"},
    {3, "no such thing"},
    {4, "the key is missing, unknown or may not"},
    {5, "too little credit, drive full"},
    {6, "try again later: busy, not reachable, still running, storage full"},
    {7, "the model or its provider failed or refused; no route"},
    {8, "cancelled"},
};
const int exit_count = sizeof exit_table / sizeof *exit_table;
