/* Tasks before their provider: who may leave when, who waits, and who takes another way. The store is what the test publishes, the clock is the fake one. */
#include "engine/permit.h"
#include "engine/route.h"

#include "core/generation.h"
#include "engine/engine.h"
#include "io/fake.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define ME "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
enum { MANY = 40 };

static struct bench {
    struct fake_io *io;
    struct engine *engine;
    struct permits *permits;
    struct routes *routes;
    char ids[MANY][ID_LEN + 1];
    struct { struct str step, state; bool sending, failed, may_retry, submitted; enum failure failure; msec submitted_at, retry_at; } works[MANY];
    int submits, polls;
    bool other, open;
    struct call_result reply; /* to submits */
} *bench;

static struct io *io(void) { return fake_io_io(bench->io); }
static int number(struct str id) { return (int)strtol(id.ptr + ID_LEN - 9, NULL, 10); }

static void run(msec ms) { fake_io_run_until(bench->io, io_now(io()) + ms); }

/* As the committer tells it. */
static void publish(int i, struct str state, struct str step) {
    char attempt_id[ID_LEN + 3];
    snprintf(attempt_id, sizeof attempt_id, "%s.1", bench->ids[i]);
    struct generation g = {.head = {str_of(bench->ids[i]), 1}, .state = state, .step = step, .kind = STR("image"), .node = STR(ME), .model = STR("a/x"), .catalog = STR("c"),
                           .inputs = STR("{}"), .attempts = 1, .deadline_at = 10 * (msec)MS_DAY};
    struct attempt a = {.head = {str_of(attempt_id), 1}, .generation = g.head.id, .n = 1, .provider = STR("p"), .route = STR("m"), .our_ref = STR("o"),
                        .their_ref = str_eq(step, STEP_ACCEPTED) ? STR("t") : STR("")};
    const struct rec_change changes[] = {{REC_attempt, &a.head}, {REC_generation, &g.head}};
    bench->works[i].step = step;
    bench->works[i].state = state;
    engine_published(bench->engine, changes, 2);
}

struct later {
    committed_fn *done;
    void *arg;
    enum command_kind kind;
    int work;
};

static void committed(void *arg) {
    struct later l = *(struct later *)arg;
    struct outcome o = {};
    free(arg);
    if (l.kind == CMD_SENDING) publish(l.work, GEN_PROCESSING, STEP_SENDING);
    if (l.kind == CMD_ACCEPTED) publish(l.work, GEN_PROCESSING, STEP_ACCEPTED);
    if (l.kind == CMD_RESULT_SEEN) publish(l.work, GEN_PROCESSING, STEP_RESULT);
    if (l.kind == CMD_SETTLE) publish(l.work, GEN_COMPLETED, STR(""));
    if (l.kind == CMD_ATTEMPT_FAILED) publish(l.work, bench->works[l.work].may_retry ? GEN_PENDING : GEN_FAILED, STR(""));
    l.done(l.arg, &o);
}

static err submit(void *self, const struct command *c, committed_fn *done, void *arg) {
    struct later *l = calloc(1, sizeof *l);
    assert_non_null(l);
    *l = (struct later){done, arg, c->kind, number(c->step.generation)};
    if (c->kind == CMD_SENDING) bench->works[l->work].sending = true;
    if (c->kind == CMD_ATTEMPT_FAILED) {
        bench->works[l->work].failed = true;
        bench->works[l->work].failure = c->step.failure;
        bench->works[l->work].may_retry = c->step.may_retry;
        bench->works[l->work].retry_at = c->step.retry_at;
    }
    io()->ops->timer_start(io(), 1, committed, l);
    return OK;
}

static void scanned(void *arg) { ((struct scan *)arg)->done(arg); }
static void scan(void *self, struct scan *s) { io()->ops->timer_start(io(), 1, scanned, s); }
static err route(void *self, const struct work *w, struct arena *a, struct str *out_provider, struct str *out_route) { return E_NO_ROUTE; }
static struct traits traits(void *self, const struct route_names *r) { return (struct traits){.poll_every = MS_SECOND, .poll_max = MS_SECOND, .first_wait = 100}; }
static bool other_route(void *self, const struct route_names *r, struct str inputs) { return bench->other; }
static bool open_route(void *self, const struct route_names *r, struct str inputs) { return bench->open; }
static struct str lane(void *self, const struct route_names *r) { return r->provider; }
static void fenced(void *self) { fail(); }

static void answer(void *self, struct fake_io *f, const struct call *c, uint64_t call_id) {
    struct call_result r = {.state = CALL_RUNNING, .percent = -1, .their_ref = STR("t")};
    int i = number(c->generation);
    if (c->kind == CALL_SUBMIT) {
        bench->submits++;
        bench->works[i].submitted = true;
        bench->works[i].submitted_at = io_mono(io());
        r = bench->reply;
        if (!r.code) r.their_ref = STR("t");
    } else bench->polls++;
    fake_io_answer_at(f, call_id, 10, &r);
}

static int set_up(void **state) {
    *state = bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    bench->io = fake_io_create(1, MS_DAY);
    fake_io_on_call(bench->io, answer, bench);
    bench->permits = permits_create();
    bench->routes = routes_create();
    for (int i = 0; i < MANY; i++) snprintf(bench->ids[i], sizeof bench->ids[i], "%032d", i);
    struct engine_options o = {.io = io(), .node = STR(ME), .slots = 1000, .scan_every = MS_MINUTE, .permits = bench->permits, .routes = bench->routes,
                               .port = {.submit = submit, .scan = scan, .route = route, .traits = traits, .other_route = other_route, .open_route = open_route, .lane = lane, .fenced = fenced}};
    bench->engine = engine_create(&o);
    engine_start(bench->engine);
    run(100);
    return 0;
}

static int tear_down(void **state) {
    engine_stop(bench->engine);
    engine_destroy(bench->engine);
    permits_destroy(bench->permits);
    routes_destroy(bench->routes);
    fake_io_destroy(bench->io);
    free(bench);
    return 0;
}

static void what_waits_for_a_paused_provider_does_not_leave(void **state) {
    permits_declare(bench->permits, STR("p"), &(struct permit_limits){.concurrency = 1});
    for (int i = 0; i < 3; i++) publish(i, GEN_PROCESSING, STEP_OPENED);
    run(100);
    assert_int_equal(bench->submits, 1);
    routes_pause(bench->routes, STR("provider/p"), true);
    publish(0, GEN_PROCESSING, STEP_RESULT); /* its permit is free */
    run(5 * MS_SECOND);
    assert_true(bench->submits == 1 && !bench->works[1].sending);
    routes_pause(bench->routes, STR("provider/p"), false);
    run(2 * MS_SECOND);
    assert_int_equal(bench->submits, 2);
    routes_pause(bench->routes, STR("model/a/x"), true);
    publish(1, GEN_PROCESSING, STEP_RESULT);
    publish(2, GEN_PROCESSING, STEP_OPENED);
    run(5 * MS_SECOND);
    assert_int_equal(bench->submits, 2);
    bench->open = true; /* another route is open: it goes there */
    run(2 * MS_SECOND);
    assert_true(bench->works[2].failed && bench->works[2].may_retry && bench->submits == 2);
}

static void works_wait_for_the_end_of_others_in_their_order(void **state) {
    permits_declare(bench->permits, STR("p"), &(struct permit_limits){.concurrency = 2});
    for (int i = 0; i < 5; i++) publish(i, GEN_PROCESSING, STEP_OPENED);
    run(500);
    assert_int_equal(bench->submits, 2);
    assert_true(bench->works[0].submitted && bench->works[1].submitted && !bench->works[2].sending); /* whoever waits has not said that it leaves */
    publish(1, GEN_PROCESSING, STEP_RESULT); /* nothing of it is at work there any more */
    run(100);
    assert_true(bench->works[2].submitted && !bench->works[3].submitted);
    publish(0, GEN_CANCELLED, STR(""));
    publish(3, GEN_CANCELLED, STR("")); /* it waited, and wants to go no more */
    run(100);
    assert_true(bench->works[4].submitted && !bench->works[3].sending);
}

static void works_found_after_a_start_count(void **state) {
    permits_declare(bench->permits, STR("p"), &(struct permit_limits){.concurrency = 2});
    publish(0, GEN_PROCESSING, STEP_ACCEPTED);
    publish(1, GEN_PROCESSING, STEP_ACCEPTED);
    publish(2, GEN_PROCESSING, STEP_OPENED);
    run(500);
    assert_int_equal(bench->submits, 0);
    publish(0, GEN_COMPLETED, STR(""));
    run(100);
    assert_int_equal(bench->submits, 1);
}

static void a_rate_spreads_what_comes_at_once(void **state) {
    permits_declare(bench->permits, STR("p"), &(struct permit_limits){.rate_count = 4, .rate_per = MS_SECOND});
    for (int i = 0; i < MANY; i++) publish(i, GEN_PROCESSING, STEP_OPENED);
    run(12 * MS_SECOND);
    assert_int_equal(bench->submits, MANY);
    for (int i = 0; i + 4 < MANY; i++) assert_true(bench->works[i + 4].submitted_at - bench->works[i].submitted_at >= MS_SECOND);
}

static void a_refusal_with_a_time_holds_all_of_the_credential(void **state) {
    permits_declare(bench->permits, STR("p"), &(struct permit_limits){.concurrency = 100});
    bench->reply = (struct call_result){.code = E_UPSTREAM, .failure = FAIL_RATE_LIMIT, .sent = true, .retry_after = 20 * MS_SECOND};
    publish(0, GEN_PROCESSING, STEP_OPENED);
    run(100);
    assert_true(bench->works[0].failed && bench->works[0].may_retry);
    bench->reply = (struct call_result){.state = CALL_RUNNING};
    publish(1, GEN_PROCESSING, STEP_OPENED);
    run(19 * MS_SECOND);
    assert_false(bench->works[1].submitted);
    run(2 * MS_SECOND);
    assert_true(bench->works[1].submitted);
}

static void our_key_refused_is_tried_again_on_another_route_only(void **state) {
    bench->reply = (struct call_result){.code = E_UPSTREAM, .failure = FAIL_AUTH, .sent = true};
    publish(0, GEN_PROCESSING, STEP_OPENED);
    run(100);
    assert_true(bench->works[0].failed && !bench->works[0].may_retry && bench->works[0].failure == FAIL_AUTH);
    bench->other = true;
    publish(1, GEN_PROCESSING, STEP_OPENED);
    run(100);
    assert_true(bench->works[1].failed && bench->works[1].may_retry);
}

static void a_broken_route_is_left_or_waited_for(void **state) {
    bench->reply = (struct call_result){.code = E_UPSTREAM, .failure = FAIL_TRANSIENT, .sent = true};
    for (int i = 0; i < 5; i++) publish(i, GEN_PROCESSING, STEP_OPENED);
    run(200);
    assert_int_equal(bench->submits, 5);
    for (int i = 5; i < 8; i++) publish(i, GEN_PROCESSING, STEP_OPENED);
    run(5 * MS_SECOND);
    assert_int_equal(bench->submits, 5);
    bench->open = true;
    publish(8, GEN_PROCESSING, STEP_OPENED);
    run(100);
    assert_true(bench->works[8].failed && bench->works[8].may_retry && !bench->works[8].submitted && bench->works[8].retry_at <= io_now(io()));
    bench->open = false;
    run(6 * MS_SECOND); /* one probe, and it fails */
    assert_int_equal(bench->submits, 6);
    bench->reply = (struct call_result){.state = CALL_RUNNING};
    run(11 * MS_SECOND);
    assert_true(bench->submits >= 7);
    run(11 * MS_SECOND); /* the probe was good: all go */
    assert_true(bench->works[5].submitted && bench->works[6].submitted && bench->works[7].submitted);
    struct route_health h;
    assert_true(routes_health(bench->routes, 0, &h) && !h.open && h.failed[FAIL_TRANSIENT] == 6);
}

static void polls_are_spaced(void **state) {
    permits_declare(bench->permits, STR("p"), &(struct permit_limits){.poll_count = 10, .poll_per = MS_SECOND});
    for (int i = 0; i < MANY; i++) publish(i, GEN_PROCESSING, STEP_ACCEPTED);
    run(10 * MS_SECOND);
    assert_in_range(bench->polls, 80, 101);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(works_wait_for_the_end_of_others_in_their_order), T(works_found_after_a_start_count), T(a_rate_spreads_what_comes_at_once),
        T(a_refusal_with_a_time_holds_all_of_the_credential), T(our_key_refused_is_tried_again_on_another_route_only), T(a_broken_route_is_left_or_waited_for),
        T(polls_are_spaced), T(what_waits_for_a_paused_provider_does_not_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
