/* libcurl's sockets and time-outs on libuv. */
#include "io/upstream_int.h"

#include <stdlib.h>

struct watch {
    uv_poll_t poll; /* first: freed through it */
    struct lane *lane;
    int fd;
};

static void settle(struct lane *l) {
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(l->multi, &left));) {
        if (m->msg != CURLMSG_DONE) continue;
        struct upstream_request *r = NULL;
        CURLcode result = m->data.result; /* m is gone once the handle is removed */
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&r);
        request_hop_ended(r, result);
    }
}

static void act(struct lane *l, curl_socket_t fd, int events) {
    int running;
    int64_t entered = loop_enter(l->u->loop);
    curl_multi_socket_action(l->multi, fd, events, &running);
    settle(l);
    loop_leave(l->u->loop, "upstream", entered);
}

static void on_ready(uv_poll_t *p, int status, int events) {
    struct watch *w = p->data;
    int flags = (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    act(w->lane, w->fd, status < 0 ? CURL_CSELECT_ERR : flags);
}

static void on_timer(uv_timer_t *t) { act(t->data, CURL_SOCKET_TIMEOUT, 0); }

static int set_timer(CURLM *multi, long ms, void *arg) {
    struct lane *l = arg;
    if (ms < 0) uv_timer_stop(&l->timer);
    else {
        uv_update_time(loop_uv(l->u->loop));
        must(uv_timer_start(&l->timer, on_timer, (uint64_t)ms, 0) == 0);
    }
    return 0;
}

static struct watch *watch_of(struct upstream *u, int fd) {
    if ((size_t)fd >= u->watch_room) {
        size_t room = u->watch_room ? u->watch_room : 64;
        while (room <= (size_t)fd) room *= 2;
        u->watches = realloc(u->watches, room * sizeof *u->watches);
        must(u->watches);
        memset(u->watches + u->watch_room, 0, (room - u->watch_room) * sizeof *u->watches);
        u->watch_room = room;
    }
    if (!u->watches[fd]) {
        struct watch *w = calloc(1, sizeof *w);
        must(w && uv_poll_init(loop_uv(u->loop), &w->poll, fd) == 0);
        w->fd = fd;
        w->poll.data = w;
        u->watches[fd] = w;
    }
    return u->watches[fd];
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused) {
    struct lane *l = arg;
    struct watch *w = watch_of(l->u, fd);
    w->lane = l;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    if (what == CURL_POLL_REMOVE) uv_poll_stop(&w->poll);
    else must(uv_poll_start(&w->poll, events, on_ready) == 0);
    return 0;
}

/* --- requests of a lane */

static void hand(struct lane *l, struct upstream_request *r) {
    r->added = true;
    l->handed++;
    curl_easy_setopt(r->easy, CURLOPT_SHARE, l->share);
    must(curl_multi_add_handle(l->multi, r->easy) == CURLM_OK);
}

static void unqueue(struct lane *l, struct upstream_request *r) {
    if (r->before) r->before->behind = r->behind;
    else l->first = r->behind;
    if (r->behind) r->behind->before = r->before;
    else l->last = r->before;
    r->before = r->behind = NULL;
    r->queued = false;
}

/* libcurl keeps those that find no connection in a list which it walks at every request's end: with twenty thousand of them that is all it does. */
void lane_add(struct lane *l, struct upstream_request *r) {
    if (l->handed < l->most) {
        hand(l, r);
        return;
    }
    r->queued = true;
    r->before = l->last;
    if (l->last) l->last->behind = r;
    else l->first = r;
    l->last = r;
}

void lane_remove(struct lane *l, struct upstream_request *r) {
    if (r->queued) unqueue(l, r);
    if (!r->added) return;
    curl_multi_remove_handle(l->multi, r->easy);
    r->added = false;
    l->handed--;
    struct upstream_request *next = l->first;
    if (!next) return;
    unqueue(l, next);
    hand(l, next);
}

static void lane_open(struct upstream *u, struct lane *l, long connections, long per_host) {
    l->u = u;
    l->most = (int)connections;
    l->multi = curl_multi_init();
    l->share = curl_share_init();
    must(l->multi && l->share);
    curl_share_setopt(l->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
    curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
    curl_multi_setopt(l->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
    curl_multi_setopt(l->multi, CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
    curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, connections);
    must(uv_timer_init(loop_uv(u->loop), &l->timer) == 0);
    l->timer.data = l;
    u->handles++;
}

void lanes_open(struct upstream *u) {
    long n = u->o.connections > 0 ? u->o.connections : LIMIT_UPSTREAM_CONNECTIONS;
    long quarter = n / 4 > 0 ? n / 4 : 1, part = quarter / 16 > 0 ? quarter / 16 : 1;
    lane_open(u, &u->lanes[EGRESS_PROVIDER], n / 2 > 0 ? n / 2 : 1, 0);
    lane_open(u, &u->lanes[EGRESS_FOUND], quarter, quarter / 2);
    lane_open(u, &u->lanes[EGRESS_TENANT], quarter, part); /* a slow server that somebody names is no reason for others to wait */
}

static void watch_closed(uv_handle_t *h) { free(h); }

static void handle_closed(uv_handle_t *h) {
    struct upstream *u = h->data;
    if (--u->handles == 0) {
        free(u->allowed);
        free(u);
    }
}

void lanes_close(struct upstream *u) {
    for (int i = 0; i < LANES; i++) {
        curl_multi_cleanup(u->lanes[i].multi); /* closes its connections, which tells set_socket */
        curl_share_cleanup(u->lanes[i].share);
        u->lanes[i].timer.data = u;
        uv_close((uv_handle_t *)&u->lanes[i].timer, handle_closed);
    }
    for (size_t fd = 0; fd < u->watch_room; fd++)
        if (u->watches[fd]) uv_close((uv_handle_t *)&u->watches[fd]->poll, watch_closed);
    free(u->watches);
    u->watches = NULL;
    u->watch_room = 0;
    u->kick.data = u;
    uv_close((uv_handle_t *)&u->kick, handle_closed);
}
