/* Follows a generation's events to its end, over as many connections as that takes. */
#pragma once
#include "client/client.h"

enum { FOLLOW_LOST_AT_MOST = 8 };

struct follow {
    const char *id;
    msec at_most;             /* of waiting; 0: until it ends */
    /* percent -1: not known. false ends the following (E_STILL_RUNNING). It may not use the client. */
    bool (*on_step)(void *arg, const char *stage, int64_t percent);
    /* Asked whenever a stream broke off, and may use the client: an error ends the following. NULL: always OK. */
    err (*go_on)(void *arg, struct why *why);
    void *arg;
    bool ended;               /* set when the terminal event was seen */
    char event_id[40];        /* the last event seen */
    msec began;
    bool stopped;
};
/* OK: it has ended. E_STILL_RUNNING: at_most has passed, or on_step said so. E_UNAVAILABLE: the server does not answer any more. */
[[nodiscard]] err client_follow(struct client *c, struct follow *f, struct why *why);
msec client_now(void); /* monotonic */
