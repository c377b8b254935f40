/* sim: runs seeds, or one; shows that each planted bug is found; sweeps one fault over every point of a small scenario.
 *
 *   sim --seeds FROM COUNT        one line per failing seed, a summary at the end
 *   sim --seed N [--verbose]      one run, as a log
 *   sim --plants COUNT            every planted bug, found within COUNT seeds, as a table
 *   sim --sweep [STRIDE]          every fault at every point, or at every STRIDE-th, batches of one and of many, one node and two */
#include "base/plant.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

/* Swarm options: each run leaves out some dangers, so that the others get room. */
static struct options options_of(uint64_t seed) {
    uint64_t x = seed * 0x9E3779B97F4A7C15u ^ seed >> 7;
    x ^= x >> 31;
    struct options o = {.seed = seed, .nodes = 1 + (int)(x & 1), .calls = 20 + (int)(x >> 1 & 63), .batch_max = x >> 7 & 1 ? 0 : 1};
    static const int faults[] = {0, 3, 8, 15}, crashes[] = {0, 10, 30, 60};
    o.fault_percent = faults[x >> 8 & 3];
    o.crash_percent = crashes[x >> 10 & 3];
    o.pause_percent = o.nodes > 1 && x >> 12 & 1 ? 3 : 0;
    return o;
}

static void describe(const struct options *o, const char *fault) {
    printf("seed %llu: nodes %d, calls %d, batches %s, faults %d%%, crashes %d%%, pauses %d%%%s: %s\n", (unsigned long long)o->seed, o->nodes, o->calls,
           o->batch_max == 1 ? "of one" : "of many", o->fault_percent, o->crash_percent, o->pause_percent, o->sweep_at ? " (sweep)" : "", fault);
}

/* Empty: all as it should be. */
static void run(const struct options *o, char fault[400], int64_t *out_points, int64_t outcomes[2]) {
    struct world *w = world_create(o);
    world_run(w);
    snprintf(fault, 400, "%s", w->model.fault);
    if (out_points) *out_points = w->points;
    if (outcomes) {
        outcomes[0] += w->outcomes[0];
        outcomes[1] += w->outcomes[1];
    }
    world_destroy(w);
}

static int run_seeds(uint64_t from, uint64_t count) {
    int failed = 0;
    int64_t outcomes[2] = {}, points = 0;
    for (uint64_t seed = from; seed < from + count; seed++) {
        struct options o = options_of(seed);
        char fault[400];
        int64_t p;
        run(&o, fault, &p, outcomes);
        points += p;
        if (!fault[0]) continue;
        failed++;
        describe(&o, fault);
    }
    printf("%llu seeds: %lld generations completed, %lld ended unpaid, %lld commits and effects\n", (unsigned long long)count, (long long)outcomes[0], (long long)outcomes[1], (long long)points);
    printf("%llu passed, %d failed\n", (unsigned long long)count - (uint64_t)failed, failed);
    return failed != 0;
}

static int run_plants(uint64_t count) {
#ifdef PURAS_PLANTS
    static const char *const names[] = {"",
#define PLANT(name, text) #name,
#include "base/plants.def"
#undef PLANT
    };
    int missed = 0, found = 0;
    for (int p = 1; p < PLANT_COUNT; p++) {
        if (p == PLANT_skipped_fsync) continue; /* a disk that forgets finds it: tests/shim */
        uint64_t seed = 1;
        char fault[400] = "";
        plant_active = p;
        for (; seed <= count && !fault[0]; seed++) {
            struct options o = options_of(seed);
            run(&o, fault, NULL, NULL);
        }
        plant_active = PLANT_none;
        printf("%-24s %s%llu: %s\n", names[p], fault[0] ? "found by seed " : "NOT FOUND in ", (unsigned long long)seed - 1, fault);
        fflush(stdout);
        if (fault[0]) found++;
        else missed++;
    }
    printf("%d passed, %d failed\n", found, missed);
    return missed != 0;
#else
    fprintf(stderr, "sim: built without planted bugs\n");
    return 2;
#endif
}

/* Every point, or every stride-th. */
static int run_sweep(int64_t stride) {
    static const char *const names[] = {"none", "crash before", "crash after", "error", "answer lost"};
    int failed = 0, passed = 0;
    for (int nodes = 1; nodes <= 2; nodes++)
        for (int many = 0; many <= 1; many++) {
            struct options o = {.seed = 42, .nodes = nodes, .calls = 6, .batch_max = many ? 0 : 1, .sweep_at = INT64_MAX};
            char fault[400];
            int64_t points;
            run(&o, fault, &points, NULL);
            for (o.sweep_at = 1; o.sweep_at <= points; o.sweep_at += stride)
                for (o.sweep_fault = FAULT_CRASH_BEFORE; o.sweep_fault < FAULT_KINDS; o.sweep_fault++) {
                    run(&o, fault, NULL, NULL);
                    passed++;
                    if (!fault[0]) continue;
                    failed++;
                    passed--;
                    printf("%s at point %lld of %lld, %d node%s, batches of %s: %s\n", names[o.sweep_fault], (long long)o.sweep_at, (long long)points, nodes, nodes > 1 ? "s" : "", many ? "many" : "one", fault);
                }
            printf("%lld points, %d node%s, batches of %s\n", (long long)points, nodes, nodes > 1 ? "s" : "", many ? "many" : "one");
            fflush(stdout);
        }
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    if (!strcmp(mode, "--seeds") && argc == 4) return run_seeds(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    if (!strcmp(mode, "--plants") && argc == 3) return run_plants(strtoull(argv[2], NULL, 10));
    if (!strcmp(mode, "--sweep") && argc <= 3) {
        long long stride = argc == 3 ? strtoll(argv[2], NULL, 10) : 1;
        return run_sweep(stride > 0 ? stride : 1);
    }
    if (!strcmp(mode, "--seed") && argc >= 3) {
        struct options o = options_of(strtoull(argv[2], NULL, 10));
        o.verbose = argc > 3;
        char fault[400];
        run(&o, fault, NULL, NULL);
        describe(&o, fault[0] ? fault : "all as it should be");
        return fault[0] != 0;
    }
    fprintf(stderr, "usage: sim --seeds FROM COUNT | --seed N [--verbose] | --plants COUNT | --sweep [STRIDE]\n");
    return 2;
}
