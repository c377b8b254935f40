#include "engine/permit.h"

#include "base/err.h"

#include <stdlib.h>

enum { RATE_MOST = 65536 }; /* submits of one window; a description that declares more has no bound in effect */

struct queue { struct permit_wait *first, *last; };

struct lane {
    char *provider;
    struct permit_limits limits;
    int64_t share_count; msec share_per;  /* this node's part of the rate; 0: no bound */
    int64_t share_out;                    /* and of the concurrency */
    msec *sent;                           /* a ring of when the last `room` submits left */
    int64_t room, at, filled;
    int64_t out, waiting;
    msec held_until;
    int64_t poll_gap_us, poll_next_us;
    struct queue permits;
    struct { struct queue queue; int64_t inside; } rooms[ROOMS];
};
struct permits {
    struct lane **lanes; /* few, and never moved: who waits points at its lane */
    size_t count;
    int64_t nodes;
    struct lane nameless;
};

struct permits *permits_create(void) {
    struct permits *p = calloc(1, sizeof *p);
    must(p);
    p->nodes = 1;
    return p;
}

void permits_destroy(struct permits *p) {
    if (!p) return;
    for (size_t i = 0; i < p->count; i++) {
        free(p->lanes[i]->provider);
        free(p->lanes[i]->sent);
        free(p->lanes[i]);
    }
    free(p->lanes);
    free(p);
}

static struct lane *find(const struct permits *p, struct str provider) {
    for (size_t i = 0; i < p->count; i++)
        if (str_is(provider, p->lanes[i]->provider)) return p->lanes[i];
    return NULL;
}

static struct lane *lane_of(struct permits *p, struct str provider) {
    if (!provider.len) return &p->nameless;
    struct lane *l = find(p, provider);
    if (l) return l;
    l = calloc(1, sizeof *l);
    p->lanes = realloc(p->lanes, (p->count + 1) * sizeof *p->lanes);
    must(l && p->lanes);
    l->provider = malloc(provider.len + 1);
    must(l->provider);
    if (provider.len) memcpy(l->provider, provider.ptr, provider.len);
    l->provider[provider.len] = 0;
    p->lanes[p->count++] = l;
    return l;
}

/* The ring holds as many moments as the whole rate has, so that a part of it can be looked back for at any number of nodes. */
static void ring_resize(struct lane *l, int64_t room) {
    if (room == l->room) return;
    msec *ring = calloc((size_t)room + 1, sizeof *ring);
    must(ring);
    int64_t keep = l->filled < room ? l->filled : room;
    for (int64_t i = 0; i < keep; i++) ring[keep - 1 - i] = l->sent[(l->at - 1 - i + l->room) % l->room];
    free(l->sent);
    l->sent = ring;
    l->room = room;
    l->filled = keep;
    l->at = room ? keep % room : 0;
}

static void divide(struct lane *l, int64_t nodes) {
    const struct permit_limits *m = &l->limits;
    l->share_count = m->rate_count / nodes;
    l->share_per = m->rate_per;
    if (m->rate_count && !l->share_count) { /* less than one submit a window: one in a longer one */
        l->share_count = 1;
        l->share_per = (m->rate_per * nodes + m->rate_count - 1) / m->rate_count;
    }
    l->share_out = m->concurrency / nodes;
    if (m->concurrency && !l->share_out) l->share_out = 1;
    l->poll_gap_us = m->poll_count ? (m->poll_per * 1000 * nodes + m->poll_count - 1) / m->poll_count : 0;
}

void permits_declare(struct permits *p, struct str provider, const struct permit_limits *limits) {
    struct lane *l = lane_of(p, provider);
    l->limits = *limits;
    if (l->limits.rate_count > RATE_MOST || l->limits.rate_per <= 0) l->limits.rate_count = 0;
    if (l->limits.poll_per <= 0) l->limits.poll_count = 0;
    ring_resize(l, l->limits.rate_count);
    divide(l, p->nodes);
}

void permits_share(struct permits *p, int64_t nodes) {
    if (nodes < 1) nodes = 1;
    if (nodes == p->nodes) return;
    p->nodes = nodes;
    for (size_t i = 0; i < p->count; i++) divide(p->lanes[i], nodes);
}

/* From when on the rate lets one more pass. */
static msec rate_opens(const struct lane *l) {
    msec at = l->held_until;
    if (!l->limits.rate_count || l->filled < l->share_count) return at;
    msec oldest = l->sent[(l->at - l->share_count + l->room) % l->room] + l->share_per;
    return oldest > at ? oldest : at;
}

static bool is_full(const struct lane *l) { return l->share_out && l->out >= l->share_out; }

static bool may_go(const struct lane *l, msec now) { return !is_full(l) && rate_opens(l) <= now; }

static void remember(struct lane *l, msec at) {
    if (!l->limits.rate_count) return;
    l->sent[l->at] = at;
    l->at = (l->at + 1) % l->room;
    if (l->filled < l->room) l->filled++;
}

static void note(struct lane *l, msec now) {
    l->out++;
    remember(l, now);
}

static void link_wait(struct queue *q, struct lane *l, struct permit_wait *w) {
    w->lane = l;
    w->next = NULL;
    w->prev = q->last;
    if (q->last) q->last->next = w;
    else q->first = w;
    q->last = w;
}

static void unlink_wait(struct permit_wait *w) {
    struct lane *l = w->lane;
    struct queue *q = w->enters ? &l->rooms[w->room].queue : &l->permits;
    if (w->prev) w->prev->next = w->next;
    else q->first = w->next;
    if (w->next) w->next->prev = w->prev;
    else q->last = w->prev;
    if (!w->enters) l->waiting--;
    w->prev = w->next = NULL;
    w->lane = NULL;
}

bool permits_take(struct permits *p, struct str provider, msec now, struct permit_wait *w) {
    struct lane *l = lane_of(p, provider);
    must(!w->lane);
    if (!l->permits.first && may_go(l, now)) {
        note(l, now);
        return true;
    }
    w->enters = false;
    link_wait(&l->permits, l, w);
    l->waiting++;
    return false;
}

bool permits_enter(struct permits *p, struct str provider, enum permit_room room, int64_t most, struct permit_wait *w) {
    struct lane *l = lane_of(p, provider);
    must(!w->lane);
    if (l->rooms[room].inside < most) {
        l->rooms[room].inside++;
        return true;
    }
    w->enters = true;
    w->room = room;
    link_wait(&l->rooms[room].queue, l, w);
    return false;
}

void permits_back(struct permits *p, struct str provider, enum permit_room room) {
    struct lane *l = lane_of(p, provider);
    struct permit_wait *w = l->rooms[room].queue.first;
    must(l->rooms[room].inside > 0);
    if (!w) {
        l->rooms[room].inside--;
        return;
    }
    unlink_wait(w); /* the place goes to the next */
    w->granted(w);
}

void permits_leave(struct permits *p, struct permit_wait *w) {
    if (w->lane) unlink_wait(w);
}

void permits_count(struct permits *p, struct str provider) { lane_of(p, provider)->out++; }

void permits_sent(struct permits *p, struct str provider, msec at) { remember(lane_of(p, provider), at); }

void permits_give(struct permits *p, struct str provider) {
    struct lane *l = lane_of(p, provider);
    must(l->out > 0);
    l->out--;
}

void permits_hold(struct permits *p, struct str provider, msec until) {
    struct lane *l = lane_of(p, provider);
    if (until > l->held_until) l->held_until = until;
}

msec permits_poll(struct permits *p, struct str provider, msec now) {
    struct lane *l = lane_of(p, provider);
    int64_t now_us = now * 1000;
    if (!l->poll_gap_us) return 0;
    int64_t at = l->poll_next_us > now_us ? l->poll_next_us : now_us;
    l->poll_next_us = at + l->poll_gap_us;
    return (at - now_us + 999) / 1000;
}

/* What `granted` does may change the lane: whoever is first is looked at anew each time. Who joins the queue meanwhile stands at its end. */
void permits_turn(struct permits *p, msec now) {
    for (size_t i = 0; i < p->count; i++) {
        struct lane *l = p->lanes[i];
        for (int64_t n = l->waiting; n > 0 && l->permits.first && may_go(l, now); n--) {
            struct permit_wait *w = l->permits.first;
            unlink_wait(w);
            note(l, now);
            w->granted(w);
        }
    }
}

msec permits_next(const struct permits *p) {
    msec next = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct lane *l = p->lanes[i];
        if (!l->permits.first || is_full(l)) continue;
        msec at = rate_opens(l);
        if (at < 1) at = 1; /* 0 says that there is none */
        if (!next || at < next) next = at;
    }
    return next;
}

bool permits_lane(const struct permits *p, size_t i, struct lane_view *out) {
    if (i >= p->count) return false;
    const struct lane *l = p->lanes[i];
    *out = (struct lane_view){.provider = str_of(l->provider), .waiting = l->waiting, .out = l->out, .held_until = l->held_until};
    return true;
}
