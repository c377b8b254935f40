/* Inputs of a call that its model does not declare: which of them must not pass through. The list is undeclared.def. */
#pragma once
#include "base/json.h"

/* What providers charge by: such an input is left out. */
bool undeclared_is_costly(struct str name);
/* Whether it turns a provider's safety checks down with any value, so that no call can bring it. */
bool undeclared_is_refused(struct str name);
/* The member by which the provider's safety checks would be turned down, `member` itself or one anywhere below it; NULL: none. */
const struct json *undeclared_unsafe(const struct json *member);
