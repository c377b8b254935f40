/* The door: every effect the engine has on the world goes through this table and comes back as an event, so that the simulator
 * can put itself in its place. Time is read here and nowhere else.
 *
 * Two sides: loop.c (libuv loop, clocks, getrandom, calls handed to whoever cmd/ registered) and fake.c (virtual clock, seeded
 * randomness, scripted calls). All functions are called on the loop's thread; call_done too. */
#pragma once
#include "base/err.h"
#include "base/id.h"
#include "base/str.h"
#include "base/time.h"
#include "core/command.h"

enum call_kind {
    CALL_RENDER, /* a local model: makes the files and stores their blobs, durable before it is done */
    CALL_SUBMIT, /* hand the work to a provider; their_ref comes back */
    CALL_POLL,   /* ask how it goes */
    CALL_FETCH,  /* bring the outputs named in `reply` into the drive, durable before it is done */
    CALL_CANCEL,
    CALL_LOOKUP, /* a submit's answer was lost: does the provider know our_ref? */
};

/* What the engine asks for. Strings are valid until the call is done. */
struct call {
    enum call_kind kind;
    struct str generation, project;
    int64_t attempt;
    struct str provider, route; /* "local", "sketch" */
    struct str catalog, model;  /* the version it was admitted with, and its slug */
    struct str our_ref, their_ref;
    struct str kind_wanted;     /* image, video, audio, text */
    struct str url_path;        /* the caller's output_url_path, or empty */
    struct str trace;           /* the caller's traceparent, or empty */
    bool late;                  /* the generation has ended: what comes is kept, and billed to nobody */
    int64_t outputs_wanted;     /* files that were priced */
    struct str inputs;          /* JSON */
    struct str files;           /* RENDER, SUBMIT: the drive files among the inputs, JSON: [{"input","asset","blob","type","path"}] */
    struct str reply;           /* FETCH: what result_seen kept */
    msec deadline_at;
    void *engine_ref;           /* the engine's own */
};

enum call_state { CALL_RUNNING, CALL_FINISHED, CALL_NOT_FOUND, CALL_STOPPED };

/* What came of it. code OK: state and the fields of that kind hold. Otherwise failure and detail say why. Strings are valid
 * during the callback only. */
struct call_result {
    err code;
    enum failure failure;
    bool sent;             /* SUBMIT failed: the request may have reached the provider (false: it surely did not) */
    bool answer_lost;      /* SUBMIT failed: no answer; only a look-up can tell */
    struct str detail;
    enum call_state state; /* POLL, LOOKUP, CANCEL */
    struct str their_ref;  /* SUBMIT, LOOKUP; POLL when it has learnt more */
    bool done_there;       /* POLL failed behind the provider's word that the work is done */
    bool billed;           /* failed, and the provider takes money for it nevertheless */
    struct str reply;      /* SUBMIT, POLL, LOOKUP that finished: to be kept by result_seen */
    int64_t percent;       /* POLL: -1 when not known */
    const struct output *outputs; /* RENDER, FETCH */
    int64_t output_count;
    int64_t measured;      /* RENDER, FETCH: see struct price_facts */
    bool hidden;           /* FETCH: the reply has files, and url_path leads to none of them; `detail` says so, output_count says how many of those that were priced */
    struct str result;     /* RENDER, FETCH: meta as JSON */
    micros cost_micros;
    msec retry_after;      /* 0: the engine's own back-off */
};
/* A render's stage while it waits for its turn; how many are before it follows behind a comma. */
#define STAGE_WAITING "waiting for a renderer"
typedef void call_done_fn(void *arg, const struct call *c, const struct call_result *r);
typedef void call_stage_fn(void *arg, const struct call *c, struct str stage, int64_t percent);

struct timer; /* owned by whoever started it; fires once */

struct io;
struct io_ops {
    msec (*now)(struct io *io);  /* wall clock */
    msec (*mono)(struct io *io); /* monotonic */
    msec (*boot)(struct io *io); /* CLOCK_BOOTTIME: also counts while the machine sleeps */
    void (*random)(struct io *io, void *out, size_t n);
    struct timer *(*timer_start)(struct io *io, msec delay, void (*fire)(void *arg), void *arg);
    void (*timer_stop)(struct io *io, struct timer *t); /* before it fired; NULL is fine */
    /* done is called exactly once, never before call() returned, unless the process dies. stage any number of times before. */
    void (*call)(struct io *io, const struct call *c, call_stage_fn *stage, call_done_fn *done, void *arg);
    /* Nobody wants the answer to that call any more: who carries it out may end it at once. done is still called, not before unwanted() returned. */
    void (*unwanted)(struct io *io, const struct call *c);
};
struct io {
    const struct io_ops *ops;
};

static inline msec io_now(struct io *io) { return io->ops->now(io); }
static inline msec io_mono(struct io *io) { return io->ops->mono(io); }
struct id io_new_id(struct io *io);
