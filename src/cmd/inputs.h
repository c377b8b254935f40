/* Inputs of a model as given on the command line. */
#pragma once
#include "cmd/cli.h"

/* {"model":..,"inputs":{..}} without its last brace, so that the caller can add members. key=value: the value is JSON when it
 * reads as JSON, otherwise a string; key=@file is the file's text; key=@@x is the string "@x". */
[[nodiscard]] err inputs_body(const char *model, const struct words *inputs, struct buf *out, struct why *why);
