/* Setting up, the course of time, and the calm at the end in which everything must come to rest. */
#include "world.h"

#include "base/cleanup.h"
#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { STORM_MS = 180000, CALM_MS = 900000, CHECK_EVERY_MS = 20000 };
#define START_AT 1790035120000 /* midnight comes in the middle of the storm, and a day's cap begins anew */

uint64_t draw(struct world *w, uint64_t below) { return below ? fake_io_random(w->fake) % below : 0; }

bool chance(struct world *w, int percent) { return (int)draw(w, 100) < percent; }

void say(struct world *w, const char *format, ...) {
    if (!w->o.verbose) return;
    printf("%8.3f ", (double)(io_now(fake_io_io(w->fake)) - START_AT) / 1000);
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

enum fault next_fault(struct world *w) {
    if (w->calm) return FAULT_NONE;
    w->points++;
    if (w->o.sweep_at) return w->points == w->o.sweep_at ? w->o.sweep_fault : FAULT_NONE;
    if (!chance(w, w->o.fault_percent)) return FAULT_NONE;
    if (chance(w, w->o.crash_percent)) return chance(w, 50) ? FAULT_CRASH_BEFORE : FAULT_CRASH_AFTER;
    return chance(w, 50) ? FAULT_ERROR : FAULT_ANSWER_LOST;
}

static int64_t wall(void *arg) { return io_now(fake_io_io(((struct world *)arg)->fake)); }

static void done_ok(void *arg, const struct outcome *o) {
    if (o->code) BROKEN((struct world *)arg, "the set-up failed: %s", err_name(o->code));
}

static void set_up(struct world *w, struct node *n, const struct command *c) {
    if (committer_submit(n->committer, c, done_ok, w)) BROKEN(w, "the set-up failed");
    while (committer_step(n->committer)) committer_drain(n->committer);
}

static void set_up_projects(struct world *w) {
    static const char *const books[] = {"live", "test"};
    struct node *n = &w->nodes[0];
    msec at = wall(w);
    for (int i = 0; i < PROJECTS; i++) {
        struct id id = io_new_id(fake_io_io(w->fake));
        memcpy(w->projects[i], id.hex, sizeof id.hex);
        struct command c = {.kind = CMD_CREATE_PROJECT, .at = at};
        c.create_project = (struct cmd_create_project){.id = str_of(w->projects[i]), .name = STR("sim"), .run_limit = 3, .drive_limit = 10000000};
        set_up(w, n, &c);
    }
    for (int account = 0; account < PROJECTS * 2 + 1; account++) {
        char key[16], transfer[48];
        snprintf(key, sizeof key, "key%05d", account == PROJECTS * 2 ? 9 : account);
        struct str project = str_of(w->projects[account == PROJECTS * 2 ? 0 : account / 2]);
        struct command c = {.kind = CMD_CREATE_KEY, .at = at};
        c.create_key = (struct cmd_create_key){.prefix = str_of(key), .project = project, .kind = str_of(books[account % 2]), .hash = STR("h"), .name = STR("sim"), .day_cap = account == 0 ? DAY_CAP : 0};
        set_up(w, n, &c);
        if (account == PROJECTS * 2) break; /* key00009 is project 0's, and is tried on the others */
        int64_t amount = (1 + (int64_t)draw(w, 20)) * 200000;
        snprintf(transfer, sizeof transfer, "topup:first-%d", account);
        struct command t = {.kind = CMD_TOP_UP, .at = at};
        t.top_up = (struct cmd_top_up){.transfer = str_of(transfer), .project = project, .book = str_of(books[account % 2]), .amount = amount, .author = STR("sim"), .reason = STR("")};
        set_up(w, n, &t);
        model_top_up(&w->model, account, amount);
    }
}

struct world *world_create(const struct options *o) {
    struct world *w = calloc(1, sizeof *w);
    must(w);
    w->o = *o;
    w->fake = fake_io_create(o->seed, START_AT);
    fake_io_on_call(w->fake, upstream_answer, w);
    fake_io_on_unwanted(w->fake, upstream_unwanted, w);
    const char *base = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm"; /* memory: what an fsync means is another test's business */
    snprintf(w->folder, sizeof w->folder, "%s/puras-sim-XXXXXX", base);
    must(mkdtemp(w->folder));
    char url[128];
    snprintf(url, sizeof url, "sqlite:%s/sim.db", w->folder);
    struct why why = {};
    struct store_options so = {.url = url, .create = true, .now = wall, .now_arg = w};
    if (store_open(&so, &why, &w->store) || store_db(w->store, &why, &w->db)) {
        fprintf(stderr, "sim: %s\n", why_text(&why));
        exit(2);
    }
    w->calm = true; /* no faults while the stage is set */
    for (int i = 0; i < o->nodes; i++) {
        w->nodes[i].world = w;
        w->nodes[i].index = i;
        node_start(&w->nodes[i]);
    }
    set_up_projects(w);
    w->calm = false;
    return w;
}

void world_destroy(struct world *w) {
    for (int i = 0; i < w->o.nodes; i++) {
        if (!w->nodes[i].up) continue;
        w->nodes[i].life++;
        w->nodes[i].up = false;
        committer_destroy(w->nodes[i].committer);
        engine_destroy(w->nodes[i].engine);
        bounds_free(&w->nodes[i].bounds);
    }
    db_close(w->db);
    store_close(w->store);
    fake_io_destroy(w->fake);
    char command[128];
    for (const char *const *name = (const char *const[]){"sim.db", "sim.db-wal", "sim.db-shm", NULL}; *name; name++) {
        snprintf(command, sizeof command, "%s/%s", w->folder, *name);
        unlink(command);
    }
    rmdir(w->folder);
    free(w);
}

/* A node stands still for longer than its lease, and goes on as if nothing had happened. */
static void pauses(struct world *w) {
    for (int i = 0; i < w->o.nodes; i++) {
        struct node *n = &w->nodes[i];
        if (!n->up || n->paused_until || !chance(w, w->o.pause_percent)) continue;
        n->paused_until = wall(w) + LIMIT_LEASE_MS + (msec)draw(w, LIMIT_LEASE_MS * 2);
        say(w, "node %d stands still", i);
    }
    for (int i = 0; i < w->o.nodes; i++)
        if (w->nodes[i].paused_until <= wall(w)) w->nodes[i].paused_until = 0;
}

static void pass(struct world *w, msec until, bool storm) {
    int quiet = 0;
    msec next_check = wall(w) + CHECK_EVERY_MS, next_pause = wall(w) + MS_SECOND;
    while (wall(w) < until && !w->model.fault[0]) {
        fake_io_run_until(w->fake, wall(w) + 250);
        if (storm && wall(w) >= next_pause) {
            pauses(w);
            next_pause += MS_SECOND;
        }
        if (wall(w) < next_check) continue;
        world_check(w, false);
        next_check += CHECK_EVERY_MS;
        bool all_asked = w->submitted >= w->o.calls;
        if ((!storm || (w->o.sweep_at && all_asked)) && !w->live && ++quiet == 2) return; /* at rest, and stayed so for a while */
    }
}

void world_run(struct world *w) {
    callers_start(w);
    pass(w, wall(w) + STORM_MS, true);
    w->calm = true;
    for (int i = 0; i < w->o.nodes; i++) w->nodes[i].paused_until = 0;
    pass(w, wall(w) + CALM_MS, false);
    world_check(w, true);
}
