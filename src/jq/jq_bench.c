/* What a run of a jq program costs, socket and change of process included. Prints, never fails.
 *   jq_bench PURAS-JQ */
#include "base/limits.h"
#include "jq/jq.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

enum { ROUNDS = 20000 };

static void bench(struct jq *j, const char *name, struct str program, struct str input) {
    struct arena a = {0};
    struct str out;
    double start = now_us();
    must(jq_run(j, program, input, &a, NULL, &out) == OK);
    double first = now_us() - start;
    start = now_us();
    for (int i = 0; i < ROUNDS; i++) {
        arena_reset(&a);
        must(jq_run(j, program, input, &a, NULL, &out) == OK);
    }
    printf("jq %-10s first %7.0f us, then %6.2f us a run\n", name, first, (now_us() - start) / ROUNDS);
    arena_done(&a);
}

int main(int argc, char **argv) {
    struct jq *j = NULL;
    struct why why = {0};
    if (jq_start(&(struct jq_options){.program = argc > 1 ? argv[1] : NULL}, &why, &j)) return printf("%s\n", why_text(&why)), 1;
    bench(j, "identity", STR("."), STR("{}"));
    bench(j, "path", STR(".data[0].url"), STR("{\"data\":[{\"url\":\"https://example.net/a.png\"}]}"));
    bench(j, "request", STR(".input + {start_image_url: .inputs.image, duration: (.inputs.duration | tostring), generate_audio: .inputs.audio}"),
          STR("{\"inputs\":{\"image\":\"https://example.net/a.png\",\"duration\":5,\"audio\":false},\"input\":{\"prompt\":\"it spins\"}}"));
    jq_stop(j);
    struct rusage use;
    must(getrusage(RUSAGE_CHILDREN, &use) == 0);
    printf("jq the child computed for %.2f us a run (user time, compiling included)\n",
           ((double)use.ru_utime.tv_sec * 1e6 + (double)use.ru_utime.tv_usec) / (3.0 * ROUNDS));
    return 0;
}
