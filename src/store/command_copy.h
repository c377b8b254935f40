/* Deep copies of commands: what waits in the committer's queue owns its strings. */
#pragma once
#include "core/command.h"

/* Bytes of text that a copy needs behind the struct. */
size_t command_copy_bytes(const struct command *c);
/* Copies into `memory` (that many bytes, aligned for pointers) and points the strings of *out there. E_INVALID when a string
 * is not UTF-8 or contains a NUL, which no database would take. */
[[nodiscard]] err command_copy(const struct command *c, void *memory, struct command *out);
/* About how many rows its commit writes, without those that many commands share (project, account). */
size_t command_rows(const struct command *c);
