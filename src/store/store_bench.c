/* How fast the committer is: submits in full batches, and one command at a time.
 *   store_bench URL [COMMANDS]        sqlite:/path/x.db or postgresql://...                                             */
#include "store/committer.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int answered, refused;
static void came(void *arg, const struct outcome *o) {
    answered++;
    if (o->code) {
        if (!refused++) fprintf(stderr, "%s: %s\n", err_name(o->code), why_text(&o->why));
    }
}

static void fatal(void *arg, err code, const char *text) {
    fprintf(stderr, "%s: %s\n", err_name(code), text);
    exit(1);
}

static const char project[] = "0123456789abcdef0123456789abcdef";

static struct command submit(struct arena *a, int64_t run, int i) {
    struct quote q = {.amount = 10000, .rate = 10000, .unit = 1, .quantity = 1, .outputs = 1, .per_output = true, .from = STR("input"),
                      .row = STR("{\"index\":0,\"micros\":10000,\"unit\":\"image\",\"why\":\"one image\"}")};
    struct str id = arena_printf(a, "%016llx%016x", (long long)run, i);
    char hex[SHA256_HEX + 1];
    sha256_hex(id, hex);
    return (struct command){.kind = CMD_SUBMIT, .at = run, .submit = {
        .generation = id, .project = str_of(project), .book = STR("live"), .key = STR("benchkey"), .idempotency = arena_dup(a, str_of(hex)),
        .request_hash = arena_dup(a, str_of(hex)), .model = STR("puras/sketch"), .kind = STR("image"), .catalog = arena_dup(a, str_of(hex)),
        .inputs = STR("{\"prompt\":\"three red balloons over a harbour at dusk\",\"size\":\"1024x1024\",\"format\":\"png\",\"seed\":7}"),
        .quote = q, .deadline_at = run + 600000}};
}

static void drain(struct committer *c, int until) {
    while (answered < until) {
        if (!committer_step(c)) break;
        committer_drain(c);
    }
    committer_drain(c);
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    int64_t wanted = 20000;
    if (argc > 2 && (!str_to_i64(str_of(argv[2]), &wanted) || wanted < 1 || wanted > 1000000)) return 2;
    int n = (int)wanted;
    struct why why = {};
    struct store *s;
    struct node_view node;
    int64_t run = (int64_t)time(NULL) * 1000;
    struct arena a = {};
    if (store_open(&(struct store_options){.url = argv[1], .create = true}, &why, &s) ||
        store_node_start(s, arena_printf(&a, "%032llx", (long long)run), &why, &node)) {
        fprintf(stderr, "%s\n", why_text(&why));
        return 1;
    }
    struct committer *c = committer_create(&(struct committer_options){.store = s, .node = node, .fatal = fatal});
    const struct command start[] = {
        {.kind = CMD_CREATE_PROJECT, .at = run, .create_project = {.id = str_of(project), .name = STR("bench")}},
        {.kind = CMD_CREATE_KEY, .at = run, .create_key = {STR("benchkey"), str_of(project), STR("live"), STR("hash"), STR("bench")}},
        {.kind = CMD_TOP_UP, .at = run, .top_up = {arena_printf(&a, "topup:%lld", (long long)run), str_of(project), STR("live"), STR("bench"), STR("bench"), 10000LL * 1000 * 1000}},
    };
    for (int i = 0; i < 3; i++) must(!committer_submit(c, &start[i], came, NULL));
    drain(c, 3);
    refused = 0;
    struct command *all = calloc((size_t)n, sizeof *all);
    for (int i = 0; i < n; i++) all[i] = submit(&a, run, i);

    double t = seconds();
    int done = answered;
    for (int i = 0; i < n;) {
        for (int k = 0; k < 10000 && i < n; k++, i++) must(!committer_submit(c, &all[i], came, NULL));
        drain(c, done + i);
    }
    t = seconds() - t;
    struct committer_stats st = committer_stats(c);
    printf("batches   %d submits in %.3f s: %.0f/s, largest batch %llu, refused %d\n", n, t, n / t, (unsigned long long)st.max_batch, refused);

    int single = n < 2000 ? n : 2000;
    for (int i = 0; i < single; i++) all[i] = submit(&a, run + 1, i);
    t = seconds();
    for (int i = 0; i < single; i++) {
        must(!committer_submit(c, &all[i], came, NULL));
        drain(c, answered + 1);
    }
    t = seconds() - t;
    printf("one by one %d submits: %.1f us each\n", single, t / single * 1e6);
    committer_destroy(c);
    store_close(s);
    arena_done(&a);
    free(all);
    return refused != 0;
}
