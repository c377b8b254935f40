/* Carries out the calls of routes whose endpoint has the protocol `command`: a program of this machine in the full sandbox, its files
 * adopted into the drive, durable before the answer. See docs/PROVIDERS.md, "A program of this machine".
 *
 * Two ways lead here. To an engine for which the route is a provider like any other, the program runs in CALL_SUBMIT, which is finished when it
 * comes back, with a reply that names the blobs; CALL_FETCH makes outputs of that reply; CALL_POLL and CALL_LOOKUP know nothing, and CALL_CANCEL
 * stops nothing: a run that nobody wants is ended by command_unwanted. Where it is a local model, CALL_RENDER does both at once. Either way the route is idempotent (traits): an
 * interrupted attempt leaves nothing but a temporary folder and perhaps blobs without owner, and runs again.
 *
 * Everything starts and ends on the loop's thread; the work is done on threads of its own. */
#pragma once
#include "drive/drive.h"
#include "io/loop.h"
#include "media/media.h"
#include "provider/provider.h"

struct command_plan {
    const struct endpoint *endpoint;
    const struct model *model;
    const struct route_spec *route;
};

struct command_options {
    struct loop *loop;
    struct drive *drive;
    struct helper *helper;       /* measures what comes out; NULL: only pictures have facts */
    struct evaluator evaluator;  /* for a route's own `request`; run may be NULL */
    struct helper_walls walls;   /* below full every call fails with E_SANDBOX and the host's setting to change */
    const char *sandbox;         /* NULL: /usr/bin/bwrap */
    int at_once;                 /* 0: 2 */
    /* What the call's route means; it must stay until the call is done. On the loop's thread. */
    err (*find)(void *arg, const struct call *c, struct why *why, struct command_plan *out);
    void *arg;
};

struct commands;
struct commands *command_create(const struct command_options *o);
void command_halt(struct commands *s);    /* ends what runs, so that command_destroy does not wait; NULL is fine */
void command_destroy(struct commands *s); /* NULL is fine */
/* A loop_call_fn: whoever registers the kinds asks whether the route is one of these. */
void command_call(void *self, const struct call *c, call_stage_fn *stage, call_done_fn *done, void *arg);
void command_unwanted(void *self, const struct call *c); /* a loop_unwanted_fn: kills it with its children; E_CANCELLED, also where it only waits */
bool command_ready(const struct commands *s); /* the walls stand; else every call fails, and making it anew looks again */
int command_waiting(const struct commands *s);
