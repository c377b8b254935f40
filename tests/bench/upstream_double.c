/* A provider for the benchmarks, fast enough not to be what is measured: one thread, epoll, HTTP/1.1 kept alive. It speaks a queue and a
 * synchronous protocol, described in tests/bench/double.py.
 *
 *   upstream_double [-p PORT] [-t MS] [-b BYTES]
 *
 *   POST /works          {"id": "w7"}; its time is drawn between half and one and a half of MS
 *   GET  /works/w7       {"status": "running"} until then, {"status": "done"} after
 *   GET  /works/w7/result  {"images": [{"url": ".../files/w7.png"}]}
 *   GET  /files/w7.png   a small picture, no two alike
 *   POST /images         {"data": [{"b64_json": "..."}]} with a picture whose base64 is about BYTES long, always the same
 *   GET  /stats          {"works", "polls", "results", "files", "images"}
 *   POST /time/MS        works that come from now on take MS on average
 *   POST /end            all works are done now
 *
 * Prints its port. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum { IN_MAX = 64 * 1024, OUT_MAX = 16 * 1024, SMALL_SIDE = 16 };

struct connection {
    int fd;
    size_t in_len, body_left; /* body_left: of the request before, not read yet */
    size_t out_len, out_at;
    const char *tail; /* sent behind `out`: the long answer */
    size_t tail_len;
    bool waits; /* for room to write */
    char in[IN_MAX], out[OUT_MAX];
};

static int64_t mean_ms = 30000;
static size_t image_bytes = 2000000;
static int epoll_fd, port;
static int64_t *ends, works, room;
static struct { int64_t polls, results, files, images; } seen;
static char *image; /* the whole answer of POST /images, head included */
static size_t image_len;

static _Noreturn void give_up(const char *what) {
    fprintf(stderr, "upstream_double: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- pictures */

static size_t chunk(uint8_t *out, const char *name, const uint8_t *data, size_t n) {
    uint32_t be = htonl((uint32_t)n);
    memcpy(out, &be, 4);
    memcpy(out + 4, name, 4);
    if (n) memcpy(out + 8, data, n);
    be = htonl((uint32_t)crc32(0, out + 4, (uInt)n + 4));
    memcpy(out + 8 + n, &be, 4);
    return n + 12;
}

/* A square of noise, which no deflate makes smaller; it is not tried. */
static size_t picture(uint8_t *out, uint32_t side, uint64_t seed) {
    size_t row = 1 + 3 * (size_t)side, raw_len = row * side;
    uint8_t *raw = malloc(raw_len), header[13] = {[8] = 8, [9] = 2};
    uLongf packed_len = compressBound((uLong)raw_len);
    uint8_t *packed = malloc(packed_len);
    if (!raw || !packed) give_up("memory");
    for (size_t i = 0; i < raw_len; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        raw[i] = i % row ? (uint8_t)(seed >> 56) : 0;
    }
    if (compress2(packed, &packed_len, raw, (uLong)raw_len, 0) != Z_OK) give_up("zlib");
    uint32_t be = htonl(side);
    memcpy(header, &be, 4);
    memcpy(header + 4, &be, 4);
    memcpy(out, "\x89PNG\r\n\x1a\n", 8);
    size_t n = 8;
    n += chunk(out + n, "IHDR", header, sizeof header);
    n += chunk(out + n, "IDAT", packed, packed_len);
    n += chunk(out + n, "IEND", NULL, 0);
    free(raw);
    free(packed);
    return n;
}

static size_t base64(char *out, const uint8_t *in, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t at = 0;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16 | (i + 1 < n ? (uint32_t)in[i + 1] << 8 : 0) | (i + 2 < n ? in[i + 2] : 0);
        out[at++] = digits[v >> 18];
        out[at++] = digits[v >> 12 & 63];
        out[at++] = i + 1 < n ? digits[v >> 6 & 63] : '=';
        out[at++] = i + 2 < n ? digits[v & 63] : '=';
    }
    return at;
}

static void make_image(void) {
    uint32_t side = 16;
    while ((size_t)(side + 1) * (side + 1) * 4 < image_bytes) side++; /* three bytes a point, four of base64 */
    size_t most = (size_t)side * (side + 1) * 3 * 2 + 4096;
    uint8_t *png = malloc(most);
    char *text = malloc(most * 2);
    image = malloc(most * 2 + 4096);
    if (!png || !text || !image) give_up("memory");
    size_t n = base64(text, png, picture(png, side, 7));
    static const char before[] = "{\"created\":1,\"data\":[{\"b64_json\":\"", after[] = "\"}]}";
    int head = snprintf(image, most * 2 + 4096, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", n + sizeof before - 1 + sizeof after - 1, before);
    memcpy(image + head, text, n);
    memcpy(image + head + n, after, sizeof after - 1);
    image_len = (size_t)head + n + sizeof after - 1;
    free(png);
    free(text);
}

/* --- answers */

static void answer(struct connection *c, int status, const char *type, const void *body, size_t n) {
    c->out_len += (size_t)snprintf(c->out + c->out_len, OUT_MAX - c->out_len, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", status, status == 200 ? "OK" : "Not Found", type, n);
    memcpy(c->out + c->out_len, body, n);
    c->out_len += n;
}

__attribute__((format(printf, 2, 3))) static void json(struct connection *c, const char *format, ...) {
    char text[512];
    va_list list;
    va_start(list, format);
    int n = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    answer(c, 200, "application/json", text, (size_t)n);
}

static int64_t start_work(void) {
    if (works == room) {
        room = room ? room * 2 : 65536;
        ends = realloc(ends, (size_t)room * sizeof *ends);
        if (!ends) give_up("memory");
    }
    uint32_t r;
    if (getrandom(&r, sizeof r, 0) != sizeof r) give_up("getrandom");
    ends[works] = now_ms() + mean_ms / 2 + (int64_t)((double)mean_ms * r / UINT32_MAX);
    return works++;
}

static void of_work(struct connection *c, int64_t n, const char *rest) {
    if (n < 0 || n >= works) {
        answer(c, 404, "application/json", "{}", 2);
    } else if (!strncmp(rest, "/result", 7)) {
        seen.results++;
        json(c, "{\"images\":[{\"url\":\"http://127.0.0.1:%d/files/w%lld.png\"}]}", port, (long long)n);
    } else {
        seen.polls++;
        json(c, "{\"id\":\"w%lld\",\"status\":\"%s\"}", (long long)n, ends[n] > now_ms() ? "running" : "done");
    }
}

static void small_file(struct connection *c, int64_t n) {
    uint8_t png[SMALL_SIDE * (3 * SMALL_SIDE + 1) + 1024];
    seen.files++;
    answer(c, 200, "image/png", png, picture(png, SMALL_SIDE, (uint64_t)n));
}

static void respond(struct connection *c, char *head) {
    char *path = strchr(head, ' '), *rest;
    bool post = head[0] == 'P';
    path = path ? path + 1 : head;
    if (post && !strncmp(path, "/works ", 7)) json(c, "{\"id\":\"w%lld\"}", (long long)start_work());
    else if (!strncmp(path, "/works/w", 8)) {
        int64_t n = strtoll(path + 8, &rest, 10);
        of_work(c, n, rest);
    } else if (!strncmp(path, "/files/w", 8)) small_file(c, strtoll(path + 8, NULL, 10));
    else if (post && !strncmp(path, "/images ", 8)) {
        seen.images++;
        c->tail = image;
        c->tail_len = image_len;
    } else if (!strncmp(path, "/stats ", 7)) {
        json(c, "{\"works\":%lld,\"polls\":%lld,\"results\":%lld,\"files\":%lld,\"images\":%lld}", (long long)works, (long long)seen.polls, (long long)seen.results, (long long)seen.files, (long long)seen.images);
    } else if (post && !strncmp(path, "/time/", 6)) {
        mean_ms = strtoll(path + 6, NULL, 10);
        json(c, "{}");
    } else if (post && !strncmp(path, "/end ", 5)) {
        for (int64_t i = 0; i < works; i++) ends[i] = 0;
        json(c, "{}");
    } else answer(c, 404, "application/json", "{}", 2);
}

/* --- connections */

static void hang_up(struct connection *c) {
    close(c->fd);
    free(c);
}

static void want(struct connection *c, bool write) {
    if (c->waits == write) return;
    c->waits = write;
    struct epoll_event e = {.events = write ? EPOLLOUT : EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e)) give_up("epoll_ctl");
}

/* False: the other side is gone. */
static bool flush(struct connection *c) {
    while (c->out_len + c->tail_len) {
        struct iovec parts[2] = {{c->out + c->out_at, c->out_len}, {(char *)c->tail, c->tail_len}};
        ssize_t n = writev(c->fd, parts, 2);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) return false;
        if (n < 0) break;
        size_t of_out = (size_t)n < c->out_len ? (size_t)n : c->out_len;
        c->out_at += of_out;
        c->out_len -= of_out;
        c->tail += (size_t)n - of_out;
        c->tail_len -= (size_t)n - of_out;
    }
    if (!c->out_len) c->out_at = 0;
    want(c, c->out_len + c->tail_len > 0);
    return true;
}

static size_t length_of(const char *head) {
    const char *line = strcasestr(head, "\r\ncontent-length:");
    return line ? strtoull(line + 17, NULL, 10) : 0;
}

/* One request after the other; the next one when the last answer has left. */
static bool take(struct connection *c) {
    while (!c->out_len && !c->tail_len) {
        size_t skip = c->body_left < c->in_len ? c->body_left : c->in_len;
        memmove(c->in, c->in + skip, c->in_len - skip);
        c->in_len -= skip;
        c->body_left -= skip;
        char *end = c->body_left ? NULL : memmem(c->in, c->in_len, "\r\n\r\n", 4);
        if (!end) return c->in_len < IN_MAX - 1;
        *end = 0;
        size_t head_len = (size_t)(end + 4 - c->in);
        c->body_left = length_of(c->in);
        respond(c, c->in);
        memmove(c->in, c->in + head_len, c->in_len - head_len);
        c->in_len -= head_len;
        if (!flush(c)) return false;
    }
    return true;
}

static bool receive(struct connection *c) {
    ssize_t n = recv(c->fd, c->in + c->in_len, IN_MAX - 1 - c->in_len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n <= 0) return false;
    c->in_len += (size_t)n;
    return take(c);
}

static void accept_all(int listener) {
    for (int fd, one = 1; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        struct connection *c = calloc(1, sizeof *c);
        if (!c) give_up("memory");
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e)) give_up("epoll_ctl");
    }
}

static int listen_on(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) || listen(fd, 4096) || getsockname(fd, (struct sockaddr *)&a, &n)) give_up("listen");
    port = ntohs(a.sin_port);
    return fd;
}

int main(int argc, char **argv) {
    for (int o; (o = getopt(argc, argv, "p:t:b:")) != -1;) switch (o) {
        case 'p': port = (int)strtol(optarg, NULL, 10); break;
        case 't': mean_ms = strtoll(optarg, NULL, 10); break;
        case 'b': image_bytes = strtoull(optarg, NULL, 10); break;
        default: return 2;
        }
    signal(SIGPIPE, SIG_IGN);
    make_image();
    int listener = listen_on();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN}, events[256];
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &e)) give_up("epoll");
    printf("%d\n", port);
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(epoll_fd, events, 256, -1);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c) accept_all(listener);
            else if (!(events[i].events & EPOLLOUT ? flush(c) && take(c) : receive(c))) hang_up(c);
        }
    }
}
