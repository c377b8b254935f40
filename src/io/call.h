/* Copies of what goes through the door, for those who keep a call or a result past the call that brought it. */
#pragma once
#include "base/arena.h"
#include "io/io.h"

struct call call_copy(struct arena *a, const struct call *c);
struct call_result call_result_copy(struct arena *a, const struct call_result *r);
/* What a call of a kind that nobody carries out is answered: surely not sent, and not there. */
struct call_result call_nobody(void);
