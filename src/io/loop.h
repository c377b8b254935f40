/* The real side of the door on libuv: one loop, one thread, small bounded pools beside it. */
#pragma once
#include "io/io.h"

#include <uv.h>

struct loop;
struct loop *loop_create(void);
void loop_destroy(struct loop *l);
uv_loop_t *loop_uv(struct loop *l);
/* Runs until loop_stop. Turns longer than 10 ms are counted under the name of the handler (loop_slow_turns). */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
struct io *loop_io(struct loop *l);

/* Who carries out calls: registered once by cmd/, per call kind; an unregistered kind fails with E_NO_ROUTE, not sent. */
typedef void loop_call_fn(void *self, const struct call *c, call_stage_fn *stage, call_done_fn *done, void *arg);
void loop_on_call(struct loop *l, enum call_kind kind, loop_call_fn *fn, void *self);

/* Runs fn on the loop's thread soon; from any thread. */
void loop_post(struct loop *l, void (*fn)(void *arg), void *arg);

/* A bounded pool of threads: work runs there, then done runs on the loop. E_AGAIN when the queue is full. */
struct pool;
struct pool *pool_create(struct loop *l, const char *name, int threads, int queue_max);
void pool_destroy(struct pool *p); /* waits for running work */
[[nodiscard]] err pool_run(struct pool *p, void (*work)(void *arg), void (*done)(void *arg), void *arg);
int pool_waiting(const struct pool *p);
