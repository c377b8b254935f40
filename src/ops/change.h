/* Private to ops/: a command whose answer is known before it is committed. */
#pragma once
#include "ops/ops_int.h"

/* Takes json over: it is the answer once the command is committed; a refusal answers with its sentence. */
void change(struct ops *o, const struct command *cmd, struct buf *json, ops_done *done, void *arg);
