/* Private to ops/: what a key may do, as words. */
#pragma once
#include "ops/ops.h"

/* Every word must be one of the list in scopes.c; E_INVALID names the first that is not. */
[[nodiscard]] err scopes_check(struct str scopes, struct why *why);
/* Whether the key may run a model of that type (model_type): E_FORBIDDEN names the scope it lacks. */
[[nodiscard]] err scopes_allow_type(const struct caller *c, const char *type, struct why *why);
