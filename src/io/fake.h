/* The other side of the door: a virtual clock that jumps to the next due moment, seeded randomness, and calls answered by the
 * test. Single-threaded; the same seed gives the same run. */
#pragma once
#include "io/io.h"

struct fake_io;
struct fake_io *fake_io_create(uint64_t seed, msec start_at);
void fake_io_destroy(struct fake_io *f);
struct io *fake_io_io(struct fake_io *f);
/* Who answers calls. It may answer later by fake_io_answer_at; the result is copied. */
typedef void fake_call_fn(void *self, struct fake_io *f, const struct call *c, uint64_t call_id);
void fake_io_on_call(struct fake_io *f, fake_call_fn *fn, void *self);
void fake_io_answer_at(struct fake_io *f, uint64_t call_id, msec delay, const struct call_result *r);
/* Runs the next due event; false when nothing is due any more. Time never goes back. */
bool fake_io_step(struct fake_io *f);
/* Runs events up to that moment and sets the clock to it. */
void fake_io_run_until(struct fake_io *f, msec at);
uint64_t fake_io_random(struct fake_io *f);
/* Everything in memory is gone: timers and calls are dropped without their callbacks. What calls did to the world stays. */
void fake_io_crash(struct fake_io *f);
