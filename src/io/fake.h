/* The other side of the door: a virtual clock that jumps to the next due moment, seeded randomness, and calls answered by the
 * test. Single-threaded; the same seed gives the same run. */
#pragma once
#include "io/io.h"

struct fake_io;
struct fake_io *fake_io_create(uint64_t seed, msec start_at);
void fake_io_destroy(struct fake_io *f);
struct io *fake_io_io(struct fake_io *f);
/* Who answers calls. It may answer later by fake_io_answer_at; the result is copied. `c` is the fake's own deep copy and stays
 * until the call is done or dropped. Without anybody, a call is answered as the real side answers an unregistered kind. */
typedef void fake_call_fn(void *self, struct fake_io *f, const struct call *c, uint64_t call_id);
void fake_io_on_call(struct fake_io *f, fake_call_fn *fn, void *self);
/* Who hears that a call is not wanted any more, and may answer it sooner. Without anybody, it goes on to its answer. */
void fake_io_on_unwanted(struct fake_io *f, fake_call_fn *fn, void *self);
/* The first answer that falls due is given; later ones, and those of dropped calls, come to nothing. */
void fake_io_answer_at(struct fake_io *f, uint64_t call_id, msec delay, const struct call_result *r);
void fake_io_stage_at(struct fake_io *f, uint64_t call_id, msec delay, struct str stage, int64_t percent);
/* Runs the next due event; false when nothing is due any more. Time never goes back. */
bool fake_io_step(struct fake_io *f);
/* When the next event is due; -1: never. */
msec fake_io_next_at(const struct fake_io *f);
/* Runs events up to that moment and sets the clock to it. */
void fake_io_run_until(struct fake_io *f, msec at);
uint64_t fake_io_random(struct fake_io *f);
/* The machine sleeps: wall clock and boot clock go on, timers and the monotonic clock do not. */
void fake_io_suspend(struct fake_io *f, msec how_long);
/* Everything in memory is gone: timers and calls are dropped without their callbacks. What calls did to the world stays. */
void fake_io_crash(struct fake_io *f);
