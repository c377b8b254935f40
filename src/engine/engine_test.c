/* What the simulator's few generations do not show: more work than one page of a scan, and cancels that came through another node.
 * The store is a table in memory, the clock is the fake one. */
#include "base/limits.h"
#include "core/generation.h"
#include "engine/engine.h"
#include "io/fake.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define ME   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DEAD "dddddddddddddddddddddddddddddddd"
enum { MANY = 3 * LIMIT_ADOPT_CHUNK + 7 };

struct bench {
    struct fake_io *io;
    struct engine *engine;
    char ids[MANY][ID_LEN + 1], attempt_ids[MANY][ID_LEN + 3];
    struct generation generations[MANY];
    struct attempt attempts[MANY];
    bool polled[MANY], cancelled[MANY], ended[MANY], local, program;
    bool expired[MANY], waited[MANY];
    int adoptions;
};

static int number(struct str id) { return (int)strtol(id.ptr + ID_LEN - 9, NULL, 10); }

/* --- the store --- */

struct later {
    struct bench *b;
    struct scan *scan;
    committed_fn *done;
    void *arg;
    struct outcome outcome;
};

static void scan_answered(void *arg) {
    struct later l = *(struct later *)arg;
    free(arg);
    l.scan->done(l.scan);
}

static struct later *later(struct bench *b, void (*fire)(void *arg)) {
    struct later *l = calloc(1, sizeof *l);
    must(l);
    l->b = b;
    struct io *io = fake_io_io(b->io);
    io->ops->timer_start(io, 1, fire, l);
    return l;
}

static void find_work(struct bench *b, struct scan *s) {
    s->work = arena_array(&s->arena, struct work, (size_t)s->limit + 1);
    for (int i = 0; i < MANY && (int64_t)s->work_count < s->limit; i++) {
        const struct generation *g = &b->generations[i];
        if (str_eq(g->node, s->node) && str_cmp(g->head.id, s->after) > 0) s->work[s->work_count++] = (struct work){g, &b->attempts[i]};
    }
}

static void scan(void *self, struct scan *s) {
    struct bench *b = self;
    if (s->kind == SCAN_WORK) find_work(b, s);
    if (s->kind == SCAN_LAPSED) {
        s->ids = arena_array(&s->arena, struct str, 1);
        for (int i = 0; i < MANY && !s->id_count; i++)
            if (str_is(b->generations[i].node, DEAD)) s->ids[s->id_count++] = STR(DEAD);
    }
    later(b, scan_answered)->scan = s;
}

static void committed(void *arg) {
    struct later l = *(struct later *)arg;
    free(arg);
    l.done(l.arg, &l.outcome);
}

static err submit(void *self, const struct command *c, committed_fn *done, void *arg) {
    struct bench *b = self;
    struct later *l = later(b, committed);
    l->done = done;
    l->arg = arg;
    if (c->kind == CMD_EXPIRE) b->expired[number(c->expire.generation)] = true, b->waited[number(c->expire.generation)] = c->expire.waited;
    if (c->kind == CMD_CANCEL_CONFIRMED) b->cancelled[number(c->step.generation)] = true;
    if (c->kind != CMD_ADOPT) return OK;
    struct rec_change changes[LIMIT_ADOPT_CHUNK];
    b->adoptions++;
    for (int64_t i = 0; i < c->adopt.count; i++) {
        struct generation *g = &b->generations[number(c->adopt.generations[i])];
        g->node = STR(ME);
        changes[i] = (struct rec_change){REC_generation, &g->head};
    }
    l->outcome.moved = c->adopt.count;
    engine_published(b->engine, changes, (size_t)c->adopt.count);
    return OK;
}

static err route(void *self, const struct work *w, struct arena *a, struct str *out_provider, struct str *out_route) { return E_NO_ROUTE; }
static struct traits traits(void *self, const struct route_names *r) {
    if (((struct bench *)self)->local) return (struct traits){.local = true};
    if (((struct bench *)self)->program) return (struct traits){.program = true, .idempotent = true};
    return (struct traits){.can_cancel = true, .poll_every = MS_SECOND, .poll_max = MS_SECOND};
}
static void fenced(void *self) { fail(); }

/* The provider: still at work, and stops when it is asked to. */
static void answer(void *self, struct fake_io *f, const struct call *c, uint64_t call_id) {
    struct bench *b = self;
    struct call_result r = {.state = c->kind == CALL_CANCEL ? CALL_STOPPED : CALL_RUNNING, .percent = -1};
    b->polled[number(c->generation)] = true;
    if (c->kind == CALL_RENDER) { /* it takes long; every second one waits, every fourth until its turn comes */
        if (number(c->generation) % 2) fake_io_stage_at(f, call_id, 10, STR(STAGE_WAITING ", 3 before it"), -1);
        if (number(c->generation) % 4 == 1) fake_io_stage_at(f, call_id, 1000, STR("preparing"), 0);
        return;
    }
    if (c->kind == CALL_SUBMIT) return; /* a program, which runs on and on */
    fake_io_answer_at(f, call_id, 10, &r);
}

static void unwanted(void *self, struct fake_io *f, const struct call *c, uint64_t call_id) {
    struct bench *b = self;
    struct call_result r = {.code = E_CANCELLED, .failure = FAIL_TRANSIENT, .percent = -1};
    assert_int_equal(c->kind, b->program ? CALL_SUBMIT : CALL_RENDER);
    assert_false(b->ended[number(c->generation)]);
    b->ended[number(c->generation)] = true;
    fake_io_answer_at(f, call_id, 10, &r);
}

static int set_up(void **state) {
    struct bench *b = calloc(1, sizeof *b);
    must(b);
    *state = b;
    b->io = fake_io_create(1, MS_DAY);
    fake_io_on_call(b->io, answer, b);
    fake_io_on_unwanted(b->io, unwanted, b);
    for (int i = 0; i < MANY; i++) {
        snprintf(b->ids[i], sizeof b->ids[i], "%032d", i);
        snprintf(b->attempt_ids[i], sizeof b->attempt_ids[i], "%s.1", b->ids[i]);
        b->generations[i] = (struct generation){.head = {str_of(b->ids[i]), 1}, .state = GEN_PROCESSING, .step = STEP_ACCEPTED, .kind = STR("image"),
                                                .attempts = 1, .deadline_at = MS_DAY + MS_HOUR};
        b->attempts[i] = (struct attempt){.head = {str_of(b->attempt_ids[i]), 1}, .generation = str_of(b->ids[i]), .n = 1, .provider = STR("p"), .route = STR("r"), .their_ref = STR("t")};
    }
    struct engine_options o = {.io = fake_io_io(b->io), .node = STR(ME), .slots = 1000, .scan_every = MS_SECOND,
                               .port = {.self = b, .submit = submit, .scan = scan, .route = route, .traits = traits, .fenced = fenced}};
    b->engine = engine_create(&o);
    return 0;
}

static int tear_down(void **state) {
    struct bench *b = *state;
    engine_stop(b->engine);
    fake_io_run_until(b->io, MS_DAY + MS_MINUTE);
    engine_destroy(b->engine);
    fake_io_destroy(b->io);
    free(b);
    return 0;
}

static void give_all_to(struct bench *b, const char *node) {
    for (int i = 0; i < MANY; i++) b->generations[i].node = str_of(node);
}

static int count(const bool *flags) {
    int n = 0;
    for (int i = 0; i < MANY; i++) n += flags[i];
    return n;
}

/* All of it is asked for at once, and not a page whenever one of the page before has ended. */
static void all_work_is_found_after_a_start(void **state) {
    struct bench *b = *state;
    give_all_to(b, ME);
    engine_start(b->engine);
    fake_io_run_until(b->io, MS_DAY + 500);
    assert_int_equal(count(b->polled), MANY);
}

static void all_work_of_a_dead_node_is_taken_over_at_once(void **state) {
    struct bench *b = *state;
    give_all_to(b, DEAD);
    engine_start(b->engine);
    fake_io_run_until(b->io, MS_DAY + 500);
    assert_int_equal(b->adoptions, 4);
    assert_int_equal(count(b->polled), MANY);
    assert_int_equal(engine_stats(b->engine).adopted, MANY);
}

static void a_cancel_through_another_node_is_heard(void **state) {
    struct bench *b = *state;
    give_all_to(b, ME);
    engine_start(b->engine);
    fake_io_run_until(b->io, MS_DAY + 500);
    b->generations[0].cancel_at = b->generations[MANY - 1].cancel_at = MS_DAY + 500;
    fake_io_run_until(b->io, MS_DAY + 10 * MS_SECOND);
    assert_true(b->cancelled[0] && b->cancelled[MANY - 1]);
    assert_int_equal(count(b->cancelled), 2);
}

static void render_all(struct bench *b) {
    give_all_to(b, ME);
    b->local = true;
    for (int i = 0; i < MANY; i++) b->generations[i].step = STEP_OPENED;
    engine_start(b->engine);
    fake_io_run_until(b->io, MS_DAY + 500);
    assert_int_equal(count(b->polled), MANY);
}

/* Committed by this node: heard at once. What the render answers after that is nobody's business. */
static void a_render_ends_with_its_generation(void **state) {
    struct bench *b = *state;
    render_all(b);
    b->generations[7].state = GEN_CANCELLED;
    b->generations[7].node = STR("");
    struct rec_change change = {.type = REC_generation, .record = (const struct rec_head *)&b->generations[7]};
    engine_published(b->engine, &change, 1);
    assert_true(b->ended[7]);
    int64_t tasks = engine_stats(b->engine).tasks;
    fake_io_run_until(b->io, MS_DAY + 10 * MS_SECOND);
    assert_int_equal(engine_stats(b->engine).tasks, tasks - 1);
    assert_int_equal(count(b->ended), 1);
}

/* Committed by another node: it is this one's no more, which the walk over its work shows. */
static void a_render_that_ended_through_another_node_is_ended(void **state) {
    struct bench *b = *state;
    render_all(b);
    for (int i = 3; i < MANY; i += 300) { /* in different pages; cancelled, adopted */
        bool adopted = i / 300 % 2;
        b->generations[i].state = adopted ? GEN_PROCESSING : GEN_CANCELLED;
        b->generations[i].node = !adopted ? STR("") : STR("cccccccccccccccccccccccccccccccc");
    }
    fake_io_run_until(b->io, MS_DAY + 20 * MS_SECOND);
    for (int i = 0; i < MANY; i++) assert_int_equal(b->ended[i], i % 300 == 3);
}

/* Nothing is with anybody else: the run is ended, and where none is under way none begins. */
static void a_cancelled_program_is_ended(void **state) {
    struct bench *b = *state;
    give_all_to(b, ME);
    b->program = true;
    for (int i = 0; i < MANY; i++) b->generations[i].step = STEP_SENDING;
    b->generations[3].cancel_at = MS_DAY;
    engine_start(b->engine);
    fake_io_run_until(b->io, MS_DAY + 500);
    assert_true(b->cancelled[3] && !b->polled[3] && !b->ended[3]);
    b->generations[7].cancel_at = MS_DAY + 500;
    struct rec_change change = {.type = REC_generation, .record = (const struct rec_head *)&b->generations[7]};
    for (int i = 0; i < 2; i++) engine_published(b->engine, &change, 1); /* told twice, ended once */
    assert_true(b->ended[7] && !b->cancelled[7]);
    fake_io_run_until(b->io, MS_DAY + 10 * MS_SECOND);
    assert_true(b->cancelled[7]);
    assert_int_equal(count(b->ended), 1);
    assert_int_equal(count(b->cancelled), 2);
}

/* Its node alone knows whether an attempt waited until the end. */
static void a_deadline_knows_who_waited(void **state) {
    struct bench *b = *state;
    for (int i = 0; i < MANY; i++) b->generations[i].deadline_at = MS_DAY + 5 * MS_SECOND;
    render_all(b);
    fake_io_run_until(b->io, MS_DAY + 6 * MS_SECOND);
    for (int i = 0; i < MANY; i++) assert_true(b->expired[i] && b->waited[i] == (i % 4 == 3));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(all_work_is_found_after_a_start),
        CASE(all_work_of_a_dead_node_is_taken_over_at_once),
        CASE(a_cancel_through_another_node_is_heard),
        CASE(a_render_ends_with_its_generation),
        CASE(a_render_that_ended_through_another_node_is_ended),
        CASE(a_cancelled_program_is_ended),
        CASE(a_deadline_knows_who_waited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
