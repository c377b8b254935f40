/* Between sandbox.c and sandbox_root.c: which files there are. Best effort, all of it. */
#pragma once
#include <stdbool.h>

bool root_replace(void);           /* in the helper, in its own mount namespace: a root with nothing but the system's files, read-only; false: it could not be made */
void root_show_descriptors(void);  /* in a tool to be: /dev/fd leads to its own descriptors, and to no other process */
bool root_can_forbid(void);        /* Landlock is there */
void root_forbid(void);            /* Landlock: no file can be opened at all */
void root_allow_tool(const char *program, const int *files, int file_count); /* Landlock: reads as sandbox_tool says */
