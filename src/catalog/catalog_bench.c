/* What a quote costs: nanoseconds and heap allocations per call. Prints, never fails. */
#include "catalog/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Linked with --wrap, so that every allocation of ours is counted. */
void *__real_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_realloc(void *p, size_t n);
static long allocations;
void *__wrap_malloc(size_t n) { return allocations++, __real_malloc(n); }
void *__wrap_realloc(void *p, size_t n) { return allocations++, __real_realloc(p, n); }

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void bench(const struct catalog *c, const char *slug, const char *text) {
    enum { ROUNDS = 200000 };
    const struct model *m = catalog_find(c, str_of(slug));
    struct arena tree = {}, a = {};
    struct json *inputs;
    must(m && json_parse(str_of(text), &tree, NULL, &inputs) == OK);
    struct quote q = {};
    struct str stored;
    long before = 0;
    double start = 0;
    for (int i = -1000; i < ROUNDS; i++) {
        if (i == 0) start = now_ns(), before = allocations;
        arena_reset(&a);
        must(catalog_quote(c, m, inputs, NULL, 0, &a, NULL, &q, &stored) == OK);
    }
    double each = (now_ns() - start) / ROUNDS;
    printf("quote %-24s %6.0f ns  %.3f allocations  %lld micros  arena %zu bytes\n", slug, each, (double)(allocations - before) / ROUNDS,
           (long long)q.amount, a.used);
    arena_done(&a);
    arena_done(&tree);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: catalog_bench FOLDER\n");
        return 2;
    }
    struct problems p = {};
    struct catalog *c = NULL;
    const char *folders[] = {argv[1]};
    double start = now_ns();
    if (catalog_read(folders, 1, &p, &c)) {
        fprintf(stderr, "%s\n", p.text.ptr);
        return 1;
    }
    printf("read and lint %zu models %.2f ms\n", catalog_count(c), (now_ns() - start) / 1e6);
    bench(c, "kuaishou/kling-v3-i2v", "{\"image_url\":\"https://example.com/a.png\",\"prompt\":\"make it spin slowly, then stop\",\"duration\":8,\"generate_audio\":true}");
    bench(c, "puras/sketch", "{\"prompt\":\"three red balloons over a green hill at dusk, with a small house and two birds\",\"size\":\"1024x768\",\"seed\":7,\"n\":2}");
    catalog_destroy(c);
    problems_done(&p);
    return 0;
}
