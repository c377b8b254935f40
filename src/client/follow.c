#include "client/follow.h"
#include "base/cleanup.h"

#include <stdio.h>
#include <time.h>

enum { QUIET_MS = 40000, MOVED_MS = 5000, FOREVER_MS = 24 * 3600 * 1000 };

msec client_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (msec)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool on_event(void *arg, const struct client_event *e) {
    struct follow *f = arg;
    _cleanup_(arena_done) struct arena a = {0};
    struct json *j;
    snprintf(f->event_id, sizeof f->event_id, "%.*s", STR_ARG(e->id));
    f->ended = str_is(e->type, "completed") || str_is(e->type, "failed") || str_is(e->type, "cancelled");
    if (!json_parse(e->data, &a, NULL, &j)) {
        const struct json *data = json_get(j, "data");
        struct str stage = e->type;
        int64_t percent = -1;
        json_as_i64(json_get(data, "percent"), &percent);
        json_as_str(json_get(data, "stage"), &stage);
        f->stopped = f->on_step && !f->on_step(f->arg, arena_strz(&a, stage), percent);
    }
    return !f->ended && !f->stopped;
}

static msec left(const struct follow *f) {
    if (!f->at_most) return FOREVER_MS;
    msec l = f->at_most - (client_now() - f->began);
    return l > 0 ? l : 0;
}

static void pause_for(msec ms) {
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

err client_follow(struct client *c, struct follow *f, struct why *why) {
    char path[120];
    int lost = 0;
    snprintf(path, sizeof path, "/v1/generations/%s/events", f->id);
    f->began = client_now();
    while (!f->ended && !f->stopped && left(f) > 0) {
        char before[sizeof f->event_id];
        memcpy(before, f->event_id, sizeof before);
        msec opened = client_now();
        err e = client_events(c, path, f->event_id[0] ? f->event_id : NULL, QUIET_MS, left(f), on_event, f, why);
        if (f->ended || f->stopped) break;
        if (f->go_on) TRY(f->go_on(f->arg, why));
        if (e && e != E_UNAVAILABLE) return e;
        bool moved = strcmp(before, f->event_id) != 0 || client_now() - opened > MOVED_MS;
        lost = moved ? 0 : lost + 1;
        if (lost > FOLLOW_LOST_AT_MOST) return why_set(why, E_UNAVAILABLE, "The server at %s does not answer any more.", client_base(c));
        if (left(f) > 0) pause_for(lost < 5 ? 100 << lost : 2000);
    }
    if (f->ended) return OK;
    return why_set(why, E_STILL_RUNNING, "The generation %s is still running after %lld s; it goes on.", f->id, (long long)(client_now() - f->began) / 1000);
}
