/* The real side of the door on libuv: one loop, one thread, small bounded pools beside it. */
#pragma once
#include "io/io.h"

#include <uv.h>

struct loop;
/* SIGPIPE is ignored from here on: a peer that left is an error of one write, never the end of the process. */
struct loop *loop_create(void);
/* Everybody else's handles must be closed (or closing) and pools destroyed; posts that still wait are dropped. */
void loop_destroy(struct loop *l);
uv_loop_t *loop_uv(struct loop *l);
/* Runs until loop_stop. Turns longer than 10 ms are counted under the name of the handler (loop_slow_turns). */
void loop_run(struct loop *l);
void loop_stop(struct loop *l); /* from any thread */
struct io *loop_io(struct loop *l);

/* Who carries out calls: registered once by cmd/, per call kind; an unregistered kind fails with E_NO_ROUTE, not sent.
 * The `c` handed to fn is the loop's own copy and stays until done was called (its strings are the caller's, see io.h). When fn
 * calls done before it returns, the loop keeps a copy of the result and delivers it later, so the promise of io.h holds. */
typedef void loop_call_fn(void *self, const struct call *c, call_stage_fn *stage, call_done_fn *done, void *arg);
void loop_on_call(struct loop *l, enum call_kind kind, loop_call_fn *fn, void *self);
/* Who ends calls of a kind that are not wanted any more; without one they go on to their end. `c` names one by generation and attempt. */
typedef void loop_unwanted_fn(void *self, const struct call *c);
void loop_on_unwanted(struct loop *l, enum call_kind kind, loop_unwanted_fn *fn, void *self);

/* Runs fn on the loop's thread soon; from any thread, in the order posted by each thread. */
void loop_post(struct loop *l, void (*fn)(void *arg), void *arg);

/* Runs what was posted, and what that posts, and returns: for an orderly end, when the threads that post are gone. */
void loop_flush(struct loop *l);

/* Handlers that libuv calls directly name themselves:  int64_t t = loop_enter(l); ... loop_leave(l, "http.read", t);
 * Timers, posts and finished pool work are measured by the loop itself. Names are string constants. */
int64_t loop_enter(struct loop *l);
void loop_leave(struct loop *l, const char *name, int64_t entered);
struct loop_slow {
    const char *name;
    uint64_t turns; /* longer than 10 ms */
    msec longest;
};
/* Fills up to `max` rows and returns how many there are. */
int loop_slow_turns(const struct loop *l, struct loop_slow *out, int max);

/* A bounded pool of threads: work runs there, then done runs on the loop. E_AGAIN when the queue is full. */
struct pool;
struct pool *pool_create(struct loop *l, const char *name, int threads, int queue_max);
/* Waits until all accepted work has run; its done callbacks still come if the loop runs on. */
void pool_destroy(struct pool *p);
[[nodiscard]] err pool_run(struct pool *p, void (*work)(void *arg), void (*done)(void *arg), void *arg);
int pool_waiting(const struct pool *p);
