/* Inputs of a model as given on the command line. */
#pragma once
#include "cmd/cli.h"

/* The words behind MODEL are inputs too, without their -i: appended to `inputs`. E_INVALID for one that is no KEY=VALUE. */
[[nodiscard]] err inputs_take(const struct words *args, struct words *inputs, struct arena *a, struct why *why);
/* {"model":..,"inputs":{..}} without its last brace, so that the caller can add members. key=value: the value is JSON when it
 * reads as JSON, otherwise a string; key=@file is the file's text; key=@@x is the string "@x". */
[[nodiscard]] err inputs_body(const char *model, const struct words *inputs, struct buf *out, struct why *why);
