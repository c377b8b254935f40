/* What a test that links forget.c sets instead of the environment. */
#pragma once
#include <stdint.h>

extern char forget_folder[4096]; /* empty: nothing is watched */
extern int64_t forget_kill_at;   /* counts down; the process dies when it would fall below 0. Below 0: never */
