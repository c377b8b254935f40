/* What one request to another server costs here: a plain answer of a server on loopback, so many at once. See docs/BENCHMARKS.md.
 *   upstream_bench URL REQUESTS AT_ONCE [get|post [CA]]      post: each on a connection of its own, as submits are */
#include "io/loop.h"
#include "io/upstream.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

struct bench {
    struct loop *loop;
    struct upstream *up;
    struct upstream_ask ask;
    int64_t wanted, started, ended, failed;
};

static void done(void *arg, const struct upstream_answer *a) {
    struct bench *b = arg;
    if (a->code || a->status != 200) {
        if (!b->failed++) fprintf(stderr, "%d %s\n", a->status, why_text(&a->why));
    }
    if (++b->ended == b->wanted) loop_stop(b->loop);
    if (b->started < b->wanted) b->started++, upstream_send(b->up, &b->ask);
}

static double cpu_us(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e6 + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    struct str here = STR("127.0.0.1");
    struct bench b = {.loop = loop_create(), .wanted = strtoll(argv[2], NULL, 10)};
    b.up = upstream_create(&(struct upstream_options){.loop = b.loop, .ca_file = argc > 5 ? argv[5] : NULL});
    b.ask = (struct upstream_ask){.url = str_of(argv[1]), .origin = str_of(argv[1]), .private_addresses = &here, .private_count = 1, .done = done, .arg = &b};
    if (argc > 4 && argv[4][0] == 'p') b.ask.method = STR("POST"), b.ask.body = STR("{\"prompt\":\"two red bicycles\"}"), b.ask.fresh = true;
    struct io *io = loop_io(b.loop);
    msec began = io_mono(io);
    double before = cpu_us();
    int64_t at_once = strtoll(argv[3], NULL, 10);
    while (b.started < at_once && b.started < b.wanted) b.started++, upstream_send(b.up, &b.ask);
    loop_run(b.loop);
    double took = (double)(io_mono(io) - began) / 1000;
    printf("%lld requests in %.2f s: %.0f a second, %.1f us of processor time each, %lld failed\n", (long long)b.ended, took, (double)b.ended / took, (cpu_us() - before) / (double)b.ended, (long long)b.failed);
    upstream_destroy(b.up);
    loop_destroy(b.loop);
    return b.failed != 0;
}
