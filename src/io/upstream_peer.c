#include "io/upstream_peer.h"

#include "base/buf.h"
#include "base/err.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct talk {
    struct peer *peer;
    int fd, answered;
    struct buf in;
};

static void put(int fd, struct str s) {
    for (ssize_t n; s.len && (n = send(fd, s.ptr, s.len, MSG_NOSIGNAL)) > 0;) s = str_skip(s, (size_t)n);
}

static bool more(struct talk *t) {
    char piece[65536];
    ssize_t n = recv(t->fd, piece, sizeof piece, 0);
    if (n > 0) buf_add(&t->in, piece, (size_t)n);
    return n > 0;
}

static void wait_for_end(struct talk *t) {
    char piece[4096];
    while (recv(t->fd, piece, sizeof piece, 0) > 0) {}
}

static void answer(struct talk *t, const char *head, struct str body) {
    struct buf b = {};
    buf_printf(&b, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", head, body.len);
    buf_str(&b, body);
    put(t->fd, buf_view(&b));
    buf_done(&b);
    atomic_fetch_add(&t->peer->served, 1);
}

static size_t head_length(struct str s) {
    const char *end = s.len ? memmem(s.ptr, s.len, "\r\n\r\n", 4) : NULL;
    return end ? (size_t)(end - s.ptr) + 4 : 0;
}

static size_t body_length(struct str head) {
    const char *at = memmem(head.ptr, head.len, "Content-Length: ", 16);
    return at ? strtoul(at + 16, NULL, 10) : 0;
}

/* Forwards bytes both ways until one side ends. */
static void tunnel(struct talk *t) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)t->peer->inner), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int inner = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(connect(inner, (struct sockaddr *)&to, sizeof to) == 0);
    put(t->fd, STR("HTTP/1.1 200 go on\r\n\r\n"));
    struct pollfd p[2] = {{.fd = t->fd, .events = POLLIN}, {.fd = inner, .events = POLLIN}};
    char piece[65536];
    for (bool open = true; open && poll(p, 2, -1) > 0;)
        for (int i = 0; i < 2 && open; i++) {
            if (!p[i].revents) continue;
            ssize_t n = recv(p[i].fd, piece, sizeof piece, 0);
            open = n > 0;
            if (open) put(p[1 - i].fd, str_n(piece, (size_t)n));
        }
    close(inner);
}

static bool serve_connect(struct talk *t, struct str target) {
    int i = atomic_fetch_add(&t->peer->connect_count, 1);
    if (i < 16) snprintf(t->peer->connects[i], sizeof t->peer->connects[i], "%.*s", STR_ARG(target));
    tunnel(t);
    return false;
}

static bool serve_breaking(struct talk *t, struct str path) {
    if (str_is(path, "/half")) put(t->fd, STR("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789"));
    else if (str_is(path, "/stall")) {
        put(t->fd, STR("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789"));
        wait_for_end(t);
    } else if (str_is(path, "/silent")) wait_for_end(t);
    return false;
}

static bool serve_redirect(struct talk *t, struct str path) {
    struct buf b = {};
    if (str_is(path, "/loop")) buf_z(&b, "302 Found\r\nLocation: /loop");
    else buf_printf(&b, "%.3s Away\r\nLocation: %.*s", path.ptr + 1, STR_ARG(str_skip(path, 5)));
    answer(t, b.ptr, STR("over there"));
    buf_done(&b);
    return true;
}

static bool serve_bulk(struct talk *t, struct str path, size_t n) {
    struct buf b = {};
    if (str_starts(path, STR("/bytes/"))) {
        for (size_t i = 0; i < n; i++) buf_c(&b, (char)('a' + i % 26));
        answer(t, "200 OK", buf_view(&b));
    } else if (str_starts(path, STR("/headers/"))) {
        buf_z(&b, "200 OK");
        for (size_t i = 0; i < n; i++) buf_printf(&b, "\r\nX-%zu: 1", i);
        answer(t, b.ptr, STR(""));
    } else {
        buf_z(&b, "200 OK\r\nX-Long: ");
        for (size_t i = 0; i < n; i++) buf_c(&b, 'x');
        answer(t, b.ptr, STR(""));
    }
    buf_done(&b);
    return true;
}

static bool serve_path(struct talk *t, struct str whole, struct str path) {
    struct str rest = str_skip(path, 1), word;
    str_cut(rest, '/', &word, &rest);
    size_t n = strtoul(rest.ptr ? rest.ptr : "", NULL, 10);
    if (str_is(path, "/echo")) answer(t, "200 OK\r\nX-Mixed-Case:  some value ", whole);
    else if (str_starts(path, STR("/30")) || str_is(path, "/loop")) return serve_redirect(t, path);
    else if (str_is(word, "bytes") || str_is(word, "headers") || str_is(word, "header")) return serve_bulk(t, path, n);
    else if (str_is(word, "status")) {
        char head[32];
        snprintf(head, sizeof head, "%zu Odd", n);
        answer(t, head, STR("as asked"));
    } else if (str_is(path, "/chunked")) put(t->fd, STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Trailer: t\r\n\r\n"));
    else if (str_is(path, "/folded")) put(t->fd, STR("HTTP/1.1 200 OK\r\nX-A: 1\r\n \r\n\tmore\r\nX-B: 2\r\nContent-Length: 2\r\n\r\nok"));
    else if (str_is(path, "/early")) {
        put(t->fd, STR("HTTP/1.1 103 Early\r\nLink: x\r\n\r\n"));
        answer(t, "200 OK\r\nX-Final: yes", STR("late"));
    } else if (str_is(path, "/tired")) {
        if (t->answered) return false;
        answer(t, "200 OK", STR("first"));
    } else if (str_is(path, "/ok")) answer(t, "200 OK", STR("hello"));
    else return serve_breaking(t, path);
    return true;
}

/* False: the connection is over. */
static bool serve_one(struct talk *t) {
    size_t head;
    while (!(head = head_length(buf_view(&t->in))))
        if (!more(t)) return false;
    atomic_fetch_add(&t->peer->arrivals, 1);
    struct str method, rest = buf_view(&t->in), path;
    str_cut(rest, ' ', &method, &rest);
    str_cut(rest, ' ', &path, &rest);
    if (str_is(method, "CONNECT")) return serve_connect(t, path);
    if (str_is(path, "/deaf")) {
        while (!atomic_load(&t->peer->closing)) poll(NULL, 0, 10); /* the end of the stream stands behind what is never read */
        return false;
    }
    size_t whole = head + body_length(str_head(buf_view(&t->in), head));
    while (t->in.len < whole)
        if (!more(t)) return false;
    rest = str_head(buf_view(&t->in), whole); /* the buffer may have moved */
    str_cut(rest, ' ', &method, &rest);
    str_cut(rest, ' ', &path, &rest);
    bool on = serve_path(t, str_head(buf_view(&t->in), whole), path);
    t->answered++;
    memmove(t->in.ptr, t->in.ptr + whole, t->in.len - whole);
    t->in.len -= whole;
    return on;
}

static void *talk_run(void *arg) {
    struct talk *t = arg;
    while (serve_one(t)) {}
    close(t->fd);
    buf_done(&t->in);
    atomic_fetch_sub(&t->peer->live, 1);
    free(t);
    return NULL;
}

static void *accept_run(void *arg) {
    struct peer *p = arg;
    for (int fd; (fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
        struct talk *t = calloc(1, sizeof *t);
        must(t);
        *t = (struct talk){.peer = p, .fd = fd};
        atomic_fetch_add(&p->connections, 1);
        atomic_fetch_add(&p->live, 1);
        pthread_t thread;
        must(pthread_create(&thread, NULL, talk_run, t) == 0);
        pthread_detach(thread);
    }
    return NULL;
}

void peer_open(struct peer *p, const char *address) {
    bool six = strchr(address, ':');
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
    must(inet_pton(six ? AF_INET6 : AF_INET, address, six ? (void *)&to6.sin6_addr : (void *)&four.sin_addr) == 1);
    struct sockaddr *sa = six ? (struct sockaddr *)&to6 : (struct sockaddr *)&four;
    socklen_t n = six ? sizeof to6 : sizeof four;
    p->fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int small = 16 * 1024, on = 1;
    setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small); /* so that /deaf is noticed early */
    if (six) setsockopt(p->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    must(p->fd >= 0 && bind(p->fd, sa, n) == 0 && listen(p->fd, 128) == 0 && getsockname(p->fd, sa, &n) == 0);
    p->port = ntohs(six ? to6.sin6_port : four.sin_port);
    must(pthread_create(&p->thread, NULL, accept_run, p) == 0);
}

void peer_close(struct peer *p) {
    atomic_store(&p->closing, true);
    shutdown(p->fd, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    close(p->fd);
    p->fd = -1;
    while (atomic_load(&p->live)) poll(NULL, 0, 1);
    atomic_store(&p->closing, false);
}
