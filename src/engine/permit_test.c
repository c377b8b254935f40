#include "engine/permit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

/* A thousand works for one provider on a clock of our own: what left when, and how many are out. */
enum { MANY = 1000, SENT_MOST = 20000 };
struct bench {
    struct permits *p;
    msec now;
    struct permit_wait waits[MANY];
    int order[SENT_MOST];
    msec sent[SENT_MOST];
    int sent_count, out, most_out;
    struct bench *self;
};
static struct bench *bench;

static void leave(struct bench *b, int who) {
    assert_true(b->sent_count < SENT_MOST);
    b->order[b->sent_count] = who;
    b->sent[b->sent_count++] = b->now;
    if (++b->out > b->most_out) b->most_out = b->out;
}

static void granted(struct permit_wait *w) { leave(bench, (int)(w - bench->waits)); }

static void ask(struct bench *b, int who) {
    b->waits[who].granted = granted;
    if (permits_take(b->p, STR("p"), b->now, &b->waits[who])) leave(b, who);
}

/* To the next moment at which something may go by time alone; false: there is none before `until`. */
static bool step(struct bench *b, msec until) {
    msec next = permits_next(b->p);
    if (!next || next > until) {
        b->now = until;
        return false;
    }
    if (next > b->now) b->now = next;
    permits_turn(b->p, b->now);
    return true;
}

static void never_above(const struct bench *b, int64_t count, msec per) {
    for (int i = 0; i + count < b->sent_count; i++)
        if (b->sent[i + count] - b->sent[i] < per) fail_msg("%d submits from %lld to %lld", (int)count + 1, (long long)b->sent[i], (long long)b->sent[i + count]);
}

static int set_up(void **state) {
    *state = bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    bench->p = permits_create();
    bench->now = 1000;
    return 0;
}

static int tear_down(void **state) {
    permits_destroy(bench->p);
    free(bench);
    return 0;
}

static void without_limits_all_go(void **state) {
    for (int i = 0; i < MANY; i++) ask(bench, i);
    assert_int_equal(bench->sent_count, MANY);
    assert_int_equal(permits_poll(bench->p, STR("p"), bench->now), 0);
    assert_int_equal(permits_next(bench->p), 0);
}

static void the_rate_is_kept_in_every_window_and_the_order_is_theirs(void **state) {
    permits_declare(bench->p, STR("p"), &(struct permit_limits){.rate_count = 10, .rate_per = MS_SECOND});
    for (int i = 0; i < MANY; i++) ask(bench, i);
    assert_int_equal(bench->sent_count, 10);
    while (step(bench, 1000 * MS_SECOND)) {}
    assert_int_equal(bench->sent_count, MANY);
    never_above(bench, 10, MS_SECOND);
    for (int i = 0; i < MANY; i++) assert_int_equal(bench->order[i], i);
    assert_true(bench->sent[MANY - 1] - bench->sent[0] <= MANY / 10 * MS_SECOND); /* and no slower than it may be */
}

static void works_out_are_bounded_and_each_end_lets_the_next_go(void **state) {
    permits_declare(bench->p, STR("p"), &(struct permit_limits){.concurrency = 3});
    permits_count(bench->p, STR("p")); /* found after a start */
    bench->out = 1;
    for (int i = 0; i < 20; i++) ask(bench, i);
    assert_int_equal(bench->sent_count, 2);
    assert_int_equal(permits_next(bench->p), 0); /* no time makes room */
    while (bench->out) {
        bench->out--;
        permits_give(bench->p, STR("p"));
        bench->now += 5;
        permits_turn(bench->p, bench->now);
    }
    assert_int_equal(bench->sent_count, 20);
    assert_int_equal(bench->most_out, 3);
}

static void who_leaves_the_queue_is_passed_over(void **state) {
    permits_declare(bench->p, STR("p"), &(struct permit_limits){.rate_count = 1, .rate_per = 100});
    for (int i = 0; i < 5; i++) ask(bench, i);
    permits_leave(bench->p, &bench->waits[1]);
    permits_leave(bench->p, &bench->waits[4]);
    permits_leave(bench->p, &bench->waits[0]); /* it went long ago */
    while (step(bench, 10 * MS_SECOND)) {}
    const int order[] = {0, 2, 3};
    assert_int_equal(bench->sent_count, 3);
    for (int i = 0; i < 3; i++) assert_int_equal(bench->order[i], order[i]);
    struct lane_view v;
    assert_true(permits_lane(bench->p, 0, &v) && v.waiting == 0 && v.out == 3 && !permits_lane(bench->p, 1, &v));
}

static void nobody_overtakes(void **state) {
    permits_declare(bench->p, STR("p"), &(struct permit_limits){.rate_count = 1, .rate_per = 100});
    ask(bench, 0);
    ask(bench, 1);
    bench->now += 100; /* there is room, and the one who waits has not been told yet */
    ask(bench, 2);
    assert_int_equal(bench->sent_count, 1);
    while (step(bench, 10 * MS_SECOND)) {}
    assert_true(bench->order[1] == 1 && bench->order[2] == 2);
}

static void a_refusal_stops_the_credential_until_its_time(void **state) {
    permits_declare(bench->p, STR("p"), &(struct permit_limits){.rate_count = 10, .rate_per = MS_SECOND});
    ask(bench, 0);
    permits_hold(bench->p, STR("p"), bench->now + 30 * MS_SECOND);
    permits_hold(bench->p, STR("p"), bench->now + 5 * MS_SECOND); /* an earlier one does not shorten it */
    msec held = bench->now;
    for (int i = 1; i < 40; i++) ask(bench, i);
    assert_int_equal(bench->sent_count, 1);
    while (step(bench, 1000 * MS_SECOND)) {}
    assert_int_equal(bench->sent_count, 40);
    assert_int_equal(bench->sent[1] - held, 30 * MS_SECOND);
    never_above(bench, 10, MS_SECOND);
}

static void nodes_divide_what_there_is(void **state) {
    static const struct { int64_t nodes, count; msec per, took; int64_t out; } cases[] = {
        {1, 10, 1000, 1000, 6}, {2, 10, 1000, 2000, 3}, {3, 10, 1000, 3000, 2}, {10, 10, 1000, 9000, 1}, {20, 10, 1000, 18000, 1}, {7, 0, 0, 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        void *fresh = NULL;
        tear_down(NULL);
        set_up(&fresh);
        permits_declare(bench->p, STR("p"), &(struct permit_limits){.rate_count = cases[i].count, .rate_per = cases[i].per});
        permits_share(bench->p, cases[i].nodes);
        for (int k = 0; k < 10; k++) ask(bench, k);
        while (step(bench, 1000 * MS_SECOND)) {}
        assert_int_equal(bench->sent_count, 10);
        if (bench->sent[9] - bench->sent[0] > cases[i].took) fail_msg("%d nodes: %lld", (int)cases[i].nodes, (long long)(bench->sent[9] - bench->sent[0]));
        int64_t part = cases[i].count / cases[i].nodes;
        if (cases[i].count) never_above(bench, part ? part : 1, part ? cases[i].per : cases[i].per * cases[i].nodes / cases[i].count);
        permits_declare(bench->p, STR("q"), &(struct permit_limits){.concurrency = 6});
        int64_t out = 0;
        for (int k = 100; k < 110; k++) {
            bench->waits[k].granted = granted;
            out += permits_take(bench->p, STR("q"), bench->now, &bench->waits[k]);
        }
        assert_int_equal(out, cases[i].nodes > 6 ? 1 : 6 / cases[i].nodes);
    }
}

static void more_nodes_and_other_limits_keep_what_was_sent_in_mind(void **state) {
    permits_declare(bench->p, STR("p"), &(struct permit_limits){.rate_count = 10, .rate_per = MS_SECOND});
    for (int i = 0; i < 5; i++) ask(bench, i);
    permits_share(bench->p, 2);
    ask(bench, 5);
    assert_int_equal(bench->sent_count, 5);
    permits_declare(bench->p, STR("p"), &(struct permit_limits){.rate_count = 20, .rate_per = MS_SECOND}); /* a new catalog: ten of ours */
    permits_turn(bench->p, bench->now);
    for (int i = 6; i < 12; i++) ask(bench, i);
    assert_int_equal(bench->sent_count, 10);
    permits_declare(bench->p, STR("p"), &(struct permit_limits){.rate_count = 4, .rate_per = MS_SECOND});
    permits_turn(bench->p, bench->now + 999);
    assert_int_equal(bench->sent_count, 10);
    bench->now += 1000;
    permits_turn(bench->p, bench->now);
    assert_int_equal(bench->sent_count, 12);
}

/* A process that begins anew, on a clock of its own, knows of what left before it only what the database says of the last window. */
static void begin_anew(struct bench *b, const struct permit_limits *l, bool told) {
    int64_t count = 0;
    struct lane_view v;
    for (size_t i = 0; permits_lane(b->p, i, &v); i++) count += v.waiting;
    for (int i = 0; i < MANY && count; i++) permits_leave(b->p, &b->waits[i]);
    permits_destroy(b->p);
    b->p = permits_create();
    b->out = 0;
    permits_declare(b->p, STR("p"), l);
    for (int i = 0; told && i < b->sent_count; i++)
        if (b->now - b->sent[i] < l->rate_per) permits_sent(b->p, STR("p"), b->sent[i]);
}

/* Ends at every moment of a window, with any number of submits in it; true: the rate was kept over all lives. */
static bool holds_over_lives(bool told) {
    bool held = true;
    for (msec life = 50; life <= 1500; life += 50) {
        void *fresh = NULL;
        const struct permit_limits l = {.rate_count = 10, .rate_per = MS_SECOND};
        tear_down(NULL);
        set_up(&fresh);
        permits_declare(bench->p, STR("p"), &l);
        for (int n = 0, next = 0; n < 12; n++) {
            for (int i = next; i < MANY && i < next + 3 + n; i++) ask(bench, i);
            msec end = bench->now + life;
            while (step(bench, end)) {}
            begin_anew(bench, &l, told);
            next = next + 3 + n;
        }
        assert_true(bench->sent_count >= 10);
        for (int i = 0; i + 10 < bench->sent_count; i++) held = held && bench->sent[i + 10] - bench->sent[i] >= MS_SECOND;
    }
    return held;
}

static void a_process_that_begins_anew_counts_what_left_before_it(void **state) {
    assert_true(holds_over_lives(true));
    assert_false(holds_over_lives(false)); /* the test would see it */
    const struct permit_limits l = {.rate_count = 2, .rate_per = MS_MINUTE};
    bench->now = 500; /* the machine has just started as well: what left before lies below 0 */
    begin_anew(bench, &l, false);
    int before = bench->sent_count;
    permits_sent(bench->p, STR("p"), -30 * MS_SECOND);
    permits_sent(bench->p, STR("p"), -10 * MS_SECOND);
    permits_sent(bench->p, STR("without limits"), -10);
    struct lane_view v;
    assert_true(permits_lane(bench->p, 0, &v) && v.out == 0); /* its work may long be over; permits_count tells of those that are not */
    for (int i = 0; i < 2; i++) ask(bench, MANY - 1 - i);
    assert_int_equal(bench->sent_count, before);
    assert_int_equal(permits_next(bench->p), 30 * MS_SECOND);
    while (step(bench, 10 * MS_MINUTE)) {}
    assert_int_equal(bench->sent_count, before + 2);
    assert_int_equal(bench->sent[before + 1] - bench->sent[before], 20 * MS_SECOND);
}

static void polls_take_turns(void **state) {
    permits_declare(bench->p, STR("p"), &(struct permit_limits){.poll_count = 40, .poll_per = MS_SECOND});
    for (int i = 0; i < 100; i++) assert_int_equal(permits_poll(bench->p, STR("p"), bench->now), i * 25);
    assert_int_equal(permits_poll(bench->p, STR("p"), bench->now + 2500), 0); /* and afterwards at once again */
    permits_declare(bench->p, STR("f"), &(struct permit_limits){.poll_count = 3000, .poll_per = MS_SECOND});
    msec last = 0;
    for (int i = 0; i < 3000; i++) last = permits_poll(bench->p, STR("f"), bench->now);
    assert_in_range(last, 999, 1002); /* a gap is rounded up to a microsecond */
}

/* Down for an hour with a thousand waiting: each submit that leaves fails and comes back in a minute; then it is back. */
static void a_thousand_wait_for_an_hour_and_the_rate_holds(void **state) {
    struct bench *b = bench;
    permits_declare(b->p, STR("p"), &(struct permit_limits){.concurrency = 40, .rate_count = 10, .rate_per = MS_SECOND});
    static msec again[MANY];
    bool done[MANY] = {};
    int left = MANY, first_unhandled = 0;
    msec back = b->now + MS_HOUR, end = back + MS_HOUR;
    for (int i = 0; i < MANY; i++) again[i] = 0, ask(b, i);
    for (; left && b->now < end; b->now += 50) {
        permits_turn(b->p, b->now);
        for (; first_unhandled < b->sent_count; first_unhandled++) { /* whatever left has been answered by now */
            int who = b->order[first_unhandled];
            b->out--;
            permits_give(b->p, STR("p"));
            if (b->now >= back) done[who] = true, left--;
            else again[who] = b->now + MS_MINUTE;
        }
        for (int i = 0; i < MANY; i++)
            if (!done[i] && again[i] && again[i] <= b->now) again[i] = 0, ask(b, i);
        if (b->sent_count > SENT_MOST - MANY) { /* keep what the window needs */
            never_above(b, 10, MS_SECOND);
            memmove(b->sent, b->sent + b->sent_count - 100, 100 * sizeof *b->sent);
            memmove(b->order, b->order + b->sent_count - 100, 100 * sizeof *b->order);
            b->sent_count = first_unhandled = 100;
        }
    }
    assert_int_equal(left, 0);
    never_above(b, 10, MS_SECOND);
    assert_true(b->most_out <= 40);
    assert_true(b->now - back < 3 * MANY / 10 * MS_SECOND);
}

static void enter(struct bench *b, int who, enum permit_room room) {
    b->waits[who].granted = granted;
    if (permits_enter(b->p, STR("p"), room, 3, &b->waits[who])) leave(b, who);
}

static void a_room_holds_so_many_and_the_others_enter_in_their_order(void **state) {
    struct bench *b = *state;
    for (int i = 0; i < 8; i++) enter(b, i, ROOM_QUESTIONS);
    assert_int_equal(b->sent_count, 3);
    for (int i = 10; i < 14; i++) enter(b, i, ROOM_SUBMITS); /* the other room has places of its own, and another provider too */
    assert_int_equal(b->sent_count, 6);
    assert_true(permits_enter(b->p, STR("q"), ROOM_QUESTIONS, 1, &b->waits[20]));
    permits_leave(b->p, &b->waits[4]);
    for (int i = 0; i < 4; i++) permits_back(b->p, STR("p"), ROOM_QUESTIONS);
    const int order[] = {0, 1, 2, 10, 11, 12, 3, 5, 6, 7};
    assert_int_equal(b->sent_count, 10);
    assert_memory_equal(b->order, order, sizeof order);
    for (int i = 0; i < 3; i++) permits_back(b->p, STR("p"), ROOM_QUESTIONS);
    enter(b, 21, ROOM_QUESTIONS);
    assert_int_equal(b->sent_count, 11);
    assert_int_equal(permits_next(b->p), 0); /* no clock is needed for them */
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(without_limits_all_go), T(the_rate_is_kept_in_every_window_and_the_order_is_theirs), T(works_out_are_bounded_and_each_end_lets_the_next_go),
        T(who_leaves_the_queue_is_passed_over), T(nobody_overtakes), T(a_refusal_stops_the_credential_until_its_time), T(nodes_divide_what_there_is),
        T(more_nodes_and_other_limits_keep_what_was_sent_in_mind), T(a_process_that_begins_anew_counts_what_left_before_it), T(polls_take_turns),
        T(a_room_holds_so_many_and_the_others_enter_in_their_order), T(a_thousand_wait_for_an_hour_and_the_rate_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
