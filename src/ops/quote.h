/* Private to ops/: models by name, and quote ids. */
#pragma once
#include "ops/ops_int.h"

/* E_UNKNOWN_MODEL with near names in the sentence and in facts. */
[[nodiscard]] err model_named(const struct catalog *c, struct str slug, struct why *why, const struct model **out);
/* A quote id promises a price for ten minutes; nothing of it is stored. Within them a dearer `q` is lowered to what was promised;
 * after them E_PRICE_CHANGED says both figures. A price that fell since is simply the lower one. */
[[nodiscard]] err quote_honour(struct ops *o, struct str quote_id, const struct model *m, struct str inputs, struct arena *a, struct why *why, struct quote *q);
