/* The walls: around the helper, around one job, around one tool of a job. They need only no_new_privs, seccomp and rlimits;
 * namespaces and Landlock come on top where they work. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Which walls stand; all of it found out, none of it assumed. */
struct sandbox_facts {
    bool namespaces; /* of users, network, mounts, messages and host name */
    bool own_root;   /* a root with the system's files only */
    bool landlock;
};

struct sandbox; /* the compiled filters; made once, used by every child */
struct sandbox *sandbox_compile(void);
struct sandbox_facts sandbox_facts(const struct sandbox *s);

/* In the helper itself, when everything is loaded: no network, and of all files only the system's programs and data, read-only,
 * for the tools. Best effort. */
void sandbox_enclose(struct sandbox *s);

/* In a child, right after fork: 0 to 2 become null, job and output 3 and 4, input files 5 and up; everything else is closed. */
bool sandbox_place(int job, int out, int null, const int *files, int file_count);
/* Then, when its tools wait: limits, no files, the filter. False when a wall that is needed does not stand; the child must then end. */
bool sandbox_seal(const struct sandbox *s, uint32_t timeout_ms);

/* In a process that will become a tool: reads of the system's files and of `files` only, no writes but to descriptors it has, no
 * sockets, no other process. Its absolute path stands in sandbox_program before, and is run from there: no other place in memory
 * may be given to execve afterwards. False as above. */
enum { SANDBOX_PROGRAM_BYTES = 128 };
char *sandbox_program(const struct sandbox *s);
bool sandbox_tool(const struct sandbox *s, const int *files, int file_count, uint32_t timeout_ms);
