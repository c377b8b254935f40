/* A stand-in for the operations behind ops/ops.h, linked into this room's tests instead of the real room: it answers from a
 * script and remembers what it was asked. */
#pragma once
#include "io/loop.h"
#include "ops/ops.h"

#include <stdatomic.h>

struct ops {
    struct loop *loop;
    char folder[64];      /* where the files it opens lie */
    atomic_int abandoned; /* waits the surface gave up */
    atomic_int parked;
    atomic_int aborted;    /* uploads cut off */
    atomic_int closed;     /* event streams closed */
    atomic_int files_open; /* descriptors handed out */
    atomic_int submits;
};
struct ops *double_create(struct loop *l);
void double_destroy(struct ops *o);

/* Secrets: "admin", "live", "test"; "later" is a live key that is known only after a turn of the loop;
 * "live:read:balance drive" is one with scopes; "hasclass" is one with a rate class, and so is "toooften", which is always over it.
 * Models: "echo" answers what it was asked, "slow" never ends within a wait, "parked" never answers, "poor", "busy", "brief",
 * "refused" and "wordy" fail. Generation ids: all "a": completed, all "b": still running, all "e": five events, others
 * unknown. */
#define DOUBLE_PROJECT "0123456789abcdef0123456789abcdef"
#define DOUBLE_DONE    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DOUBLE_RUNNING "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DOUBLE_EVENTS  "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
#define DOUBLE_SHA     "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
