/* Permits: how many works of one credential are at its provider at once, and how often it is asked, as the description declares: kept before the
 * provider has to refuse. Pure: time is handed in; who owns the clock calls permits_turn when permits_next says so.
 *
 * A lane is one provider (one credential). Submits wait in it first in, first out, each a struct that its owner embeds; nobody polls. In no
 * window of `rate_per` do more than `rate_count` submits leave, and no more than `concurrency` works are out. Both are divided by the nodes that
 * live; what does not divide is rounded down, and a part below one submit becomes a longer window. */
#pragma once
#include "base/str.h"
#include "base/time.h"

struct permits;
struct permits *permits_create(void);
void permits_destroy(struct permits *p); /* whoever waits is not told, and may be gone already */

struct permit_limits {
    int64_t concurrency;                    /* 0: no bound, in all three */
    int64_t rate_count; msec rate_per;      /* submits */
    int64_t poll_count; msec poll_per;      /* every other request */
};
/* Makes the lane, or changes its limits (a new catalog). A lane that was never declared has none. */
void permits_declare(struct permits *p, struct str provider, const struct permit_limits *l);
void permits_share(struct permits *p, int64_t nodes);

/* Requests under way, beside the works: each takes memory and a connection while it lasts, and a provider that answers nothing must not gather all. */
enum permit_room { ROOM_SUBMITS, ROOM_QUESTIONS, ROOMS };

struct permit_wait {
    struct permit_wait *prev, *next; /* in a queue of the lane; NULL, NULL when alone or not queued */
    struct lane *lane;               /* not NULL: it waits */
    bool enters;                     /* for room, not for a permit */
    enum permit_room room;
    void (*granted)(struct permit_wait *w);
};
/* True: a permit was taken, go. False: w waits, and `granted` is called from permits_turn once it has one. */
bool permits_take(struct permits *p, struct str provider, msec now, struct permit_wait *w);
void permits_leave(struct permits *p, struct permit_wait *w); /* waits no more; nothing when it did not */
/* A work is at the provider without having asked here: it was found after a start or taken over from another node. */
void permits_count(struct permits *p, struct str provider);
/* A submit left before this process began, at `at` of its clock, which may be below 0: the rate goes on to count it. In the order in which they
 * left, and before the first that leaves here. */
void permits_sent(struct permits *p, struct str provider, msec at);
/* The work has ended there: one more may go. Call permits_turn after it. */
void permits_give(struct permits *p, struct str provider);
/* The provider said 429: no submit of this credential before then. */
void permits_hold(struct permits *p, struct str provider, msec until);
/* For a request that is no submit: 0, go now; otherwise its turn is so many ms from now, and is kept for it. */
msec permits_poll(struct permits *p, struct str provider, msec now);

/* True: the request may leave, and has to come back with permits_back. False: w waits, and `granted` is called from a permits_back. A lane without
 * a name is no provider's. */
bool permits_enter(struct permits *p, struct str provider, enum permit_room room, int64_t most, struct permit_wait *w);
void permits_back(struct permits *p, struct str provider, enum permit_room room);

/* Grants what may be granted now. */
void permits_turn(struct permits *p, msec now);
/* When the next who waits may go by time alone; 0: nobody waits, or only for a work to end. */
msec permits_next(const struct permits *p);

struct lane_view { struct str provider; int64_t waiting, out; msec held_until; };
bool permits_lane(const struct permits *p, size_t i, struct lane_view *out); /* i from 0 until false */
