/* What a key may run and spend, asked of its records. The submit decides by it in its command; whoever takes a stranger's files before
 * that asks beforehand, so that a call which will be refused leaves nothing behind. */
#pragma once
#include "core/command.h"

[[nodiscard]] err key_may_run(const struct api_key *k, struct str model, struct why *why);
/* today: NULL when nothing was spent yet. */
[[nodiscard]] err key_may_spend(const struct api_key *k, const struct key_day *today, micros amount, msec at, struct why *why);
/* The record of what a key with a cap per day has spent on the day of `at`. */
struct str key_day_id(struct arena *a, struct str key, msec at);
