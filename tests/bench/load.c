/* A load generator: a fixed number of connections, each sending its next request when the last answer is whole. Every status is
 * checked, every body is unique where it holds {n}, every latency is kept.
 *
 *   load [-c CONNECTIONS] [-t THREADS] [-d SECONDS] [-w WARMUP] [-n REQUESTS] [-r RATE] [-m METHOD] [-s STATUS] [-H 'Name: value']... [-b BODY]
 *        HOST:PORT TARGET
 *
 * With a rate, requests leave at even distances, RATE a second in all, whatever the answers do: a latency counts from the moment at which
 * its request was due, also when no connection was free then.
 *
 * Prints one line of JSON; what happens during the warm-up is not counted. Ends with 1 when an answer had another status. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 16384, READ_BYTES = 256 * 1024, DIGITS = 16, REQUEST_MAX = 256 * 1024 };

static struct options {
    int connections, threads, status;
    double length, warmup, rate;
    int64_t requests;
    const char *method, *body, *target;
    struct sockaddr_in address;
    char host[64];
    char headers[4096];
} o = {.connections = 1, .threads = 1, .status = 200, .length = 2, .warmup = 0.2, .requests = INT64_MAX, .method = "GET"};

static char *template; /* the request; `digits` is where its number goes, SIZE_MAX: nowhere */
static size_t template_len, digits = SIZE_MAX;
static _Atomic int64_t sent;
static uint64_t first_number;
static int64_t began_ns, counted_ns, end_ns;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static _Noreturn void give_up(const char *what) {
    fprintf(stderr, "load: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

struct connection {
    int fd;
    char *request;
    size_t written;
    int64_t began;
    char head[HEAD_MAX];
    size_t head_len;
    bool in_body;
    int64_t body_left;
    struct connection *next; /* idle until another request is due */
};

struct thread {
    pthread_t id;
    int connections, epoll;
    struct connection *all, *idle;
    int64_t due, every;
    char *buffer;
    uint32_t *us;
    size_t n, cap;
    int64_t bytes, errors, last_ns;
    char complaint[400];
};

static void keep(struct thread *t, int64_t took_ns) {
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 65536;
        t->us = realloc(t->us, t->cap * sizeof *t->us);
        if (!t->us) give_up("no memory");
    }
    t->us[t->n++] = (uint32_t)(took_ns / 100); /* tenths of a microsecond: up to 7 minutes */
}

static void flush_request(struct thread *t, struct connection *c) {
    while (c->written < template_len) {
        ssize_t n = send(c->fd, c->request + c->written, template_len - c->written, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
            epoll_ctl(t->epoll, EPOLL_CTL_MOD, c->fd, &e);
            return;
        }
        if (n < 0) give_up("send");
        c->written += (size_t)n;
    }
}

/* False when enough were sent. */
static bool next_request(struct thread *t, struct connection *c) {
    int64_t number = atomic_fetch_add_explicit(&sent, 1, memory_order_relaxed);
    if (number >= o.requests) return false;
    if (digits != SIZE_MAX) {
        char text[DIGITS + 1];
        snprintf(text, sizeof text, "%016llx", (unsigned long long)(first_number + (uint64_t)number));
        memcpy(c->request + digits, text, DIGITS);
    }
    c->written = c->head_len = 0;
    c->in_body = false;
    c->began = now_ns();
    flush_request(t, c);
    return true;
}

/* Looks for the end of the head; the rest of `data` belongs to the body. Returns how much of data is head, -1: all, not yet whole. */
static ssize_t take_head(struct connection *c, const char *data, size_t n) {
    size_t from = c->head_len > 3 ? c->head_len - 3 : 0, before = c->head_len;
    size_t room = HEAD_MAX - 1 - c->head_len, part = n < room ? n : room;
    memcpy(c->head + c->head_len, data, part);
    c->head_len += part;
    char *end = memmem(c->head + from, c->head_len - from, "\r\n\r\n", 4);
    if (!end) {
        if (c->head_len == HEAD_MAX - 1) give_up("the head of an answer is too long");
        return -1;
    }
    c->head_len = (size_t)(end + 4 - c->head);
    c->head[c->head_len] = 0;
    return (ssize_t)(c->head_len - before);
}

static int64_t content_length(const char *head) {
    for (const char *line = strchr(head, '\n'); line && line[1]; line = strchr(line + 1, '\n'))
        if (!strncasecmp(line + 1, "content-length:", 15)) return strtoll(line + 16, NULL, 10);
    errno = 0;
    give_up("an answer has no Content-Length");
}

static void check_status(struct thread *t, const struct connection *c, const char *body, size_t n) {
    if (c->head_len > 12 && strtol(c->head + 9, NULL, 10) == o.status) return;
    if (!t->errors++) snprintf(t->complaint, sizeof t->complaint, "%.12s: %.*s", c->head, (int)(n < 300 ? n : 300), body);
}

/* False when the connection has nothing more to do. */
static bool answered(struct thread *t, struct connection *c) {
    int64_t now = now_ns();
    if (now >= counted_ns && now <= end_ns) {
        keep(t, now - c->began);
        t->last_ns = now;
    }
    if (o.rate <= 0) return now < end_ns && next_request(t, c);
    c->next = t->idle;
    t->idle = c;
    return true;
}

/* What is due is sent, as far as connections are free. Returns how many of them have ended: all, when the time is over. */
static int send_due(struct thread *t) {
    int ended = 0;
    for (int64_t now = now_ns(); t->idle && (t->due <= now || now >= end_ns);) {
        struct connection *c = t->idle;
        t->idle = c->next;
        if (now >= end_ns || !next_request(t, c)) ended++;
        c->began = t->due;
        t->due += t->every;
    }
    return ended;
}

static int patience_ms(const struct thread *t) {
    int64_t left = t->due - now_ns();
    return o.rate <= 0 || !t->idle || left > 100000000 ? 100 : left < 0 ? 0 : (int)(left / 1000000);
}

static bool receive(struct thread *t, struct connection *c) {
    ssize_t n = recv(c->fd, t->buffer, READ_BYTES, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n <= 0) give_up("the server closed a connection");
    const char *data = t->buffer;
    if (counted_ns <= c->began) t->bytes += n;
    if (!c->in_body) {
        ssize_t head = take_head(c, data, (size_t)n);
        if (head < 0) return true;
        data += head;
        n -= head;
        c->in_body = true;
        c->body_left = content_length(c->head);
        check_status(t, c, data, (size_t)n);
    }
    c->body_left -= n;
    if (c->body_left < 0) give_up("an answer is longer than it says");
    return c->body_left ? true : answered(t, c);
}

static void connect_one(struct thread *t, struct connection *c) {
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&o.address, sizeof o.address)) give_up("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    c->request = malloc(template_len);
    if (!c->request) give_up("no memory");
    memcpy(c->request, template, template_len);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(t->epoll, EPOLL_CTL_ADD, c->fd, &e)) give_up("epoll_ctl");
}

static void *run(void *arg) {
    struct thread *t = arg;
    struct epoll_event events[256];
    int live = 0;
    for (int i = 0; i < t->connections; i++) {
        struct connection *c = &t->all[i];
        if (o.rate <= 0) live += next_request(t, c);
        else c->next = t->idle, t->idle = c, live++;
    }
    while (live > 0) {
        if (o.rate > 0) live -= send_due(t);
        int n = epoll_wait(t->epoll, events, 256, patience_ms(t));
        if (now_ns() > end_ns + 10000000000) give_up("an answer did not come within 10 s of the end");
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) {
                struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
                epoll_ctl(t->epoll, EPOLL_CTL_MOD, c->fd, &e);
                flush_request(t, c);
            }
            if (!(events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || receive(t, c)) continue;
            epoll_ctl(t->epoll, EPOLL_CTL_DEL, c->fd, NULL);
            live--;
        }
    }
    return NULL;
}

static void make_template(void) {
    static char text[REQUEST_MAX];
    const char *body = o.body ? o.body : "", *mark = strstr(body, "{n}");
    size_t body_len = strlen(body) + (mark ? DIGITS - 3 : 0);
    int n = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", o.method, o.target, o.host, o.headers);
    if (o.body) n += snprintf(text + n, sizeof text - (size_t)n, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body_len);
    n += snprintf(text + n, sizeof text - (size_t)n, "\r\n");
    if (mark) {
        digits = (size_t)n + (size_t)(mark - body);
        n += snprintf(text + n, sizeof text - (size_t)n, "%.*s%016d%s", (int)(mark - body), body, 0, mark + 3);
    } else n += snprintf(text + n, sizeof text - (size_t)n, "%s", body);
    if (n >= (int)sizeof text) give_up("the request is too long");
    template = text;
    template_len = (size_t)n;
}

static int by_size(const void *a, const void *b) { return (*(const uint32_t *)a > *(const uint32_t *)b) - (*(const uint32_t *)a < *(const uint32_t *)b); }

static int report(struct thread *threads) {
    size_t n = 0;
    int64_t bytes = 0, errors = 0, last = counted_ns;
    const char *complaint = "";
    for (int i = 0; i < o.threads; i++) n += threads[i].n;
    uint32_t *us = malloc((n + 1) * sizeof *us);
    if (!us) give_up("no memory");
    n = 0;
    for (int i = 0; i < o.threads; i++) {
        struct thread *t = &threads[i];
        if (t->n) memcpy(us + n, t->us, t->n * sizeof *us);
        n += t->n;
        bytes += t->bytes;
        errors += t->errors;
        if (t->last_ns > last) last = t->last_ns;
        if (t->complaint[0]) complaint = t->complaint;
    }
    qsort(us, n, sizeof *us, by_size);
    double took = (double)(last - counted_ns) / 1e9;
#define AT(p) (n ? (double)us[(size_t)((p) * (double)(n - 1))] / 10 : 0.0)
    printf("{\"connections\": %d, \"requests\": %zu, \"seconds\": %.3f, \"rate\": %.0f, \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, "
           "\"bytes\": %lld, \"errors\": %lld}\n", o.connections, n, took, took > 0 ? (double)n / took : 0, AT(0.5), AT(0.9), AT(0.99), AT(1.0), (long long)bytes, (long long)errors);
#undef AT
    if (errors) fprintf(stderr, "load: %lld answers were not %d, the first: %s\n", (long long)errors, o.status, complaint);
    free(us);
    return errors || !n;
}

static void read_address(const char *text) {
    char host[64];
    const char *colon = strrchr(text, ':');
    snprintf(host, sizeof host, "%.*s", colon ? (int)(colon - text) : 0, text);
    snprintf(o.host, sizeof o.host, "%s", text);
    o.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(colon ? colon + 1 : "0", NULL, 10))};
    if (!colon || inet_pton(AF_INET, host, &o.address.sin_addr) != 1) give_up("HOST:PORT is an IPv4 address and a port");
}

static void read_options(int argc, char **argv) {
    size_t used = 0;
    for (int c; (c = getopt(argc, argv, "c:t:d:w:n:r:m:s:H:b:")) != -1;) switch (c) {
        case 'c': o.connections = (int)strtol(optarg, NULL, 10); break;
        case 't': o.threads = (int)strtol(optarg, NULL, 10); break;
        case 'd': o.length = strtod(optarg, NULL); break;
        case 'w': o.warmup = strtod(optarg, NULL); break;
        case 'n': o.requests = strtoll(optarg, NULL, 10); break;
        case 'r': o.rate = strtod(optarg, NULL); break;
        case 'm': o.method = optarg; break;
        case 's': o.status = (int)strtol(optarg, NULL, 10); break;
        case 'H': used += (size_t)snprintf(o.headers + used, sizeof o.headers - used, "%s\r\n", optarg); break;
        case 'b': o.body = optarg; break;
        default: exit(2);
        }
    if (optind + 2 != argc || o.connections < 1 || o.threads < 1 || used >= sizeof o.headers) {
        fprintf(stderr, "usage: load [-c CONNECTIONS] [-t THREADS] [-d SECONDS] [-w WARMUP] [-n REQUESTS] [-r RATE] [-m METHOD] [-s STATUS] [-H 'Name: value']... [-b BODY] HOST:PORT TARGET\n");
        exit(2);
    }
    if (o.threads > o.connections) o.threads = o.connections;
    read_address(argv[optind]);
    o.target = argv[optind + 1];
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    make_template();
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    first_number = (uint64_t)wall.tv_sec << 32 | ((uint64_t)wall.tv_nsec & 0xfff) << 20; /* no two runs send the same body */
    struct thread *threads = calloc((size_t)o.threads, sizeof *threads);
    if (!threads) give_up("no memory");
    for (int i = 0; i < o.threads; i++) {
        struct thread *t = &threads[i];
        t->connections = o.connections / o.threads + (i < o.connections % o.threads);
        t->epoll = epoll_create1(EPOLL_CLOEXEC);
        t->all = calloc((size_t)t->connections, sizeof *t->all);
        t->buffer = malloc(READ_BYTES);
        if (t->epoll < 0 || !t->all || !t->buffer) give_up("no memory");
        for (int k = 0; k < t->connections; k++) connect_one(t, &t->all[k]);
    }
    errno = 0;
    began_ns = now_ns();
    counted_ns = began_ns + (int64_t)(o.warmup * 1e9);
    end_ns = counted_ns + (int64_t)(o.length * 1e9);
    for (int i = 0; i < o.threads && o.rate > 0; i++) {
        threads[i].every = (int64_t)(1e9 * o.threads / o.rate);
        threads[i].due = began_ns + threads[i].every * i / o.threads;
    }
    for (int i = 0; i < o.threads; i++)
        if (pthread_create(&threads[i].id, NULL, run, &threads[i])) give_up("a thread");
    for (int i = 0; i < o.threads; i++) pthread_join(threads[i].id, NULL);
    return report(threads);
}
