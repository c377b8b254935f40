/* The server as a whole: listens, accepts within its caps, ticks, drains. Owned by cmd/, which gives it a loop and one handler.
 *
 * Must always hold: a descriptor is held in reserve, so that at the limit of descriptors the next peer is answered instead of
 * the loop spinning on a connection it cannot accept. */
#include "http/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- options --- */

static void take_deadlines(struct http_server *s, const struct http_deadlines *d) {
    struct http_deadlines none = {};
    if (!d) d = &none;
    s->limit = (struct http_deadlines){
        .header = d->header ? d->header : LIMIT_HTTP_HEADER_MS,
        .idle = d->idle ? d->idle : LIMIT_HTTP_IDLE_MS,
        .body_grace = d->body_grace ? d->body_grace : LIMIT_HTTP_BODY_GRACE_MS,
        .stall = d->stall ? d->stall : LIMIT_HTTP_STALL_MS,
        .bytes_per_s = d->bytes_per_s ? d->bytes_per_s : LIMIT_HTTP_BODY_BYTES_PER_S,
        .heartbeat = d->heartbeat ? d->heartbeat : LIMIT_SSE_HEARTBEAT_MS,
        .linger = d->linger ? d->linger : 5 * MS_SECOND,
        .half_closed = d->half_closed ? d->half_closed : 2 * MS_SECOND,
        .drain = d->drain ? d->drain : LIMIT_HTTP_DRAIN_MS,
    };
    if (!s->o.connections) s->o.connections = LIMIT_HTTP_CONNECTIONS;
    if (!s->o.connections_per_address) s->o.connections_per_address = LIMIT_HTTP_CONNECTIONS_PER_ADDRESS;
}

static err take_proxies(struct http_server *s, struct why *why) {
    int n = 0;
    while (s->o.proxies && s->o.proxies[n]) n++;
    s->proxies = calloc((size_t)n + 1, sizeof *s->proxies);
    must(s->proxies);
    for (; s->proxy_count < n; s->proxy_count++)
        if (!addr_net_parse(str_of(s->o.proxies[s->proxy_count]), &s->proxies[s->proxy_count]))
            return why_set(why, E_INVALID, "\"%s\" is not the address of a proxy; write it as 10.0.0.1 or 10.0.0.0/8.",
                           s->o.proxies[s->proxy_count]);
    return OK;
}

static void add_host(struct http_server *s, const char *host) { must(s->own_hosts[s->own_host_count++] = strdup(host)); }

static void take_hosts(struct http_server *s) {
    int n = 0;
    while (s->o.own_hosts && s->o.own_hosts[n]) n++;
    s->own_hosts = calloc((size_t)n + 2, sizeof *s->own_hosts);
    must(s->own_hosts);
    for (int i = 0; i < n; i++) add_host(s, s->o.own_hosts[i]);
    /* The address it listens on, with the port it really got. */
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    if (getsockname(s->fd, (struct sockaddr *)&sa, &len)) return;
    struct addr a = addr_of((struct sockaddr *)&sa);
    struct arena arena = {};
    struct str text = addr_text(&arena, &a);
    char host[80];
    snprintf(host, sizeof host, memchr(text.ptr, ':', text.len) ? "[%s]:%d" : "%s:%d", text.ptr, s->port);
    add_host(s, host);
    arena_done(&arena);
}

bool server_owns_host(const struct http_server *s, struct str authority) {
    for (int i = 0; i < s->own_host_count; i++) {
        struct str own = str_of(s->own_hosts[i]);
        if (str_ieq(authority, own)) return true;
        if (authority.len < own.len || !str_ieq(str_head(authority, own.len), own)) continue;
        struct str port = str_skip(authority, own.len); /* the scheme's own port may be spelled out */
        if (str_is(port, ":80") || str_is(port, ":443")) return true;
    }
    return false;
}

/* --- accepting --- */

bool server_trusts(const struct http_server *s, const struct addr *a) {
    for (int i = 0; i < s->proxy_count; i++)
        if (addr_in(a, &s->proxies[i])) return true;
    return false;
}

static void on_connection(struct http_server *s, int fd, const struct addr *peer) {
    if (s->stats.open >= s->o.connections) {
        reply_refuse(s, fd, "The server has as many connections as it takes; try again soon.");
        return;
    }
    /* A proxy's address stands for many clients, and loopback for the operator. */
    bool counted = !server_trusts(s, peer) && (s->o.count_loopback || !addr_is_loopback(peer));
    if (counted && !addr_counts_add(&s->counts, peer, s->o.connections_per_address)) {
        reply_refuse(s, fd, "Your address has as many connections as one address may have.");
        return;
    }
    conn_open(s, fd, peer, counted);
}

static int accept_one(struct http_server *s, struct addr *peer) {
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    int fd = accept4(s->fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) *peer = addr_of((struct sockaddr *)&sa);
    return fd;
}

static int open_reserve(void) { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

/* No descriptor is left. False: the listener must rest until the next tick. */
static bool refuse_with_reserve(struct http_server *s) {
    struct addr peer;
    if (s->reserve < 0) return false;
    close(s->reserve);
    int fd = accept_one(s, &peer);
    if (fd >= 0) reply_refuse(s, fd, "The server has no descriptor left for another connection; try again soon.");
    s->reserve = open_reserve();
    return fd >= 0;
}

static void on_listener(uv_poll_t *handle, int status, int events) {
    struct http_server *s = handle->data;
    int64_t entered = loop_enter(s->loop);
    server_now(s);
    bool rest = status < 0;
    for (int i = 0; i < ACCEPT_TURN && !rest && s->listening; i++) {
        struct addr peer;
        int fd = accept_one(s, &peer);
        if (fd >= 0) on_connection(s, fd, &peer);
        else if (errno == EAGAIN) break;
        else if (errno == EMFILE || errno == ENFILE) rest = !refuse_with_reserve(s);
        else if (errno != ECONNABORTED && errno != EINTR && errno != EPROTO) rest = true;
    }
    if (rest) {
        uv_poll_stop(&s->listener);
        s->accept_paused = true;
    }
    loop_leave(s->loop, "http.accept", entered);
}

static void on_tick(uv_timer_t *t) {
    struct http_server *s = t->data;
    int64_t entered = loop_enter(s->loop);
    server_now(s);
    if (s->accept_paused && s->listening) {
        s->accept_paused = false;
        if (s->reserve < 0) s->reserve = open_reserve();
        must(uv_poll_start(&s->listener, UV_READABLE, on_listener) == 0);
    }
    deadline_expire(s);
    if (s->draining && s->now >= s->drain_at)
        while (s->all.first) conn_lost(s->all.first);
    server_check_drained(s);
    loop_leave(s->loop, "http.tick", entered);
}

struct str server_date(struct http_server *s) {
    msec now = io_now(s->io);
    if (now / 1000 != s->date_second) {
        struct buf b = {};
        time_write_http(&b, now);
        snprintf(s->date, sizeof s->date, "%s", b.ptr);
        s->date_second = now / 1000;
        buf_done(&b);
    }
    return str_of(s->date);
}

/* --- life --- */

static err open_listener(struct http_server *s, struct why *why) {
    if (s->o.fd >= 0) {
        s->fd = s->o.fd;
        fcntl(s->fd, F_SETFL, fcntl(s->fd, F_GETFL) | O_NONBLOCK);
        return OK;
    }
    struct sockaddr_storage sa;
    socklen_t len;
    TRY(addr_listen(s->o.listen, why, &sa, &len));
    s->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    if (s->fd < 0 || setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) || bind(s->fd, (struct sockaddr *)&sa, len) ||
        listen(s->fd, SOMAXCONN))
        return why_set(why, E_IO, "Cannot listen on %s: %s.", s->o.listen, strerror(errno));
    return OK;
}

static err find_port(struct http_server *s, struct why *why) {
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    int listens = 0;
    socklen_t size = sizeof listens;
    if (getsockname(s->fd, (struct sockaddr *)&sa, &len) || (sa.ss_family != AF_INET && sa.ss_family != AF_INET6) ||
        getsockopt(s->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) || !listens)
        return why_set(why, E_INVALID, "Descriptor %d is not a listening TCP socket.", s->fd);
    s->port = ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)&sa)->sin_port : ((struct sockaddr_in6 *)&sa)->sin6_port);
    return OK;
}

static void server_free(struct http_server *s) {
    requests_free(s);
    for (int i = 0; i < s->own_host_count; i++) free(s->own_hosts[i]);
    free(s->own_hosts);
    free(s->proxies);
    buf_done(&s->scratch);
    buf_done(&s->events);
    if (s->reserve >= 0) close(s->reserve);
    free(s);
}

/* A tick is an eighth of the shortest deadline: exact enough, and 4 a second with those of limits.h. */
static uint64_t tick_of(const struct http_deadlines *d) {
    msec all[] = {d->header, d->idle, d->body_grace, d->stall, d->heartbeat, d->linger, d->half_closed, d->drain}, least = MS_MINUTE;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] < least) least = all[i];
    least /= 8;
    return least < 2 ? 2 : least > 250 ? 250 : (uint64_t)least;
}

err http_server_create(const struct http_options *o, struct why *why, struct http_server **out) {
    struct http_server *s = calloc(1, sizeof *s);
    must(s);
    s->o = *o;
    s->loop = o->loop;
    s->io = loop_io(o->loop);
    s->fd = -1;
    s->reserve = open_reserve();
    take_deadlines(s, o->deadlines);
    err e = take_proxies(s, why);
    if (!e) e = open_listener(s, why);
    if (!e) e = find_port(s, why);
    if (e) {
        if (s->fd >= 0 && s->fd != o->fd) close(s->fd);
        server_free(s);
        return e;
    }
    take_hosts(s);
    s->io->ops->random(s->io, &s->counts.seed, sizeof s->counts.seed);
    int on = 1;
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* what it accepts inherits this */
    server_now(s);
    uv_loop_t *uv = loop_uv(s->loop);
    must(uv_poll_init(uv, &s->listener, s->fd) == 0 && uv_timer_init(uv, &s->tick) == 0 && uv_idle_init(uv, &s->again) == 0);
    s->listener.data = s->tick.data = s->again.data = s;
    s->open_handles = 3;
    s->listening = true;
    must(uv_poll_start(&s->listener, UV_READABLE, on_listener) == 0);
    must(uv_timer_start(&s->tick, on_tick, tick_of(&s->limit), tick_of(&s->limit)) == 0);
    *out = s;
    return OK;
}

int http_server_port(const struct http_server *s) { return s->port; }
struct http_stats http_server_stats(const struct http_server *s) { return s->stats; }

static void on_handle_closed(uv_handle_t *handle) {
    struct http_server *s = handle->data;
    if (--s->open_handles == 0 && s->destroyed) server_free(s);
}

void server_conn_freed(struct http_server *s) {
    server_check_drained(s);
    if (--s->open_handles == 0 && s->destroyed) server_free(s);
}

void server_check_drained(struct http_server *s) {
    if (!s->draining || s->drained || s->destroyed || s->all.first) return;
    s->drained = true;
    if (s->on_drained) s->on_drained(s->on_drained_arg);
}

static void stop_listening(struct http_server *s) {
    if (!s->listening) return;
    s->listening = false;
    uv_close((uv_handle_t *)&s->listener, on_handle_closed);
    close(s->fd);
}

void http_server_drain(struct http_server *s, void (*done)(void *arg), void *arg) {
    if (s->draining) return;
    s->draining = true;
    s->drain_at = server_now(s) + s->limit.drain;
    s->on_drained = done;
    s->on_drained_arg = arg;
    stop_listening(s);
    for (struct conn *c = s->all.first, *next; c; c = next) {
        next = c->all.next;
        if (c->state == CONN_IDLE && !c->in.len) conn_close(c);
        else if (c->state == CONN_SSE) conn_continue(c);
    }
    /* Also when nobody is left the callback comes from the loop, not from here. */
    server_turn(s);
}

void http_server_destroy(struct http_server *s) {
    if (!s || s->destroyed) return;
    while (s->all.first) conn_lost(s->all.first);
    s->destroyed = true;
    stop_listening(s);
    uv_close((uv_handle_t *)&s->tick, on_handle_closed);
    uv_close((uv_handle_t *)&s->again, on_handle_closed);
}
