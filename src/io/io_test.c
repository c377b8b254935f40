/* Both sides of the door: what holds for timers and calls must hold on each, so the shared cases run on both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "io/due.h"
#include "io/fake.h"
#include "io/loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* One of the two sides, run until nothing is left to happen. */
struct side {
    struct io *io;
    struct loop *loop;
    struct fake_io *fake;
    int left; /* the real loop stops when this many events have come */
};

static void side_open(struct side *s, bool real) {
    *s = (struct side){};
    if (real) s->io = loop_io(s->loop = loop_create());
    else s->io = fake_io_io(s->fake = fake_io_create(7, 1700000000000));
}
static void side_event(struct side *s) {
    if (--s->left == 0 && s->loop) loop_stop(s->loop);
}
static void side_run(struct side *s, int events) {
    s->left += events;
    if (s->loop) loop_run(s->loop);
    else while (s->left > 0) assert_true(fake_io_step(s->fake));
    assert_int_equal(s->left, 0);
}
static void side_close(struct side *s) {
    loop_destroy(s->loop);
    fake_io_destroy(s->fake);
}

struct trace {
    struct side *side;
    char seen[64];
    int count;
};
struct mark {
    struct trace *trace;
    char name;
    struct timer *victim; /* stopped when this one fires */
    struct mark *starts;  /* started with delay 0 when this one fires */
    msec at;
};
static void mark_fire(void *arg) {
    struct mark *m = arg;
    m->at = io_mono(m->trace->side->io);
    m->trace->seen[m->trace->count++] = m->name;
    struct io *io = m->trace->side->io;
    if (m->victim) io->ops->timer_stop(io, m->victim);
    if (m->starts) io->ops->timer_start(io, 0, mark_fire, m->starts);
    side_event(m->trace->side);
}

static void timers_fire_by_moment_then_by_order(bool real) {
    struct side s;
    side_open(&s, real);
    struct trace t = {.side = &s};
    struct mark a = {&t, 'a'}, b = {&t, 'b'}, c = {&t, 'c'}, d = {&t, 'd'}, e = {&t, 'e'};
    msec from = io_mono(s.io);
    s.io->ops->timer_start(s.io, 20, mark_fire, &d);
    s.io->ops->timer_start(s.io, 5, mark_fire, &b);
    s.io->ops->timer_start(s.io, -3, mark_fire, &a); /* a moment that has passed is now */
    s.io->ops->timer_start(s.io, 20, mark_fire, &e);
    s.io->ops->timer_start(s.io, 10, mark_fire, &c);
    assert_int_equal(t.count, 0); /* never before timer_start returned */
    side_run(&s, 5);
    assert_string_equal(t.seen, "abcde");
    assert_true(b.at >= from + 5 && c.at >= from + 10 && d.at >= from + 20);
    side_close(&s);
}

static void stopped_timers_do_not_fire(bool real) {
    struct side s;
    side_open(&s, real);
    struct trace t = {.side = &s};
    struct mark a = {&t, 'a'}, b = {&t, 'b'}, c = {&t, 'c'}, z = {&t, 'z'};
    s.io->ops->timer_start(s.io, 1, mark_fire, &a);
    a.victim = s.io->ops->timer_start(s.io, 1, mark_fire, &b); /* due at the same moment, stopped by the first */
    struct timer *early = s.io->ops->timer_start(s.io, 0, mark_fire, &c);
    s.io->ops->timer_stop(s.io, early);
    s.io->ops->timer_stop(s.io, NULL);
    s.io->ops->timer_start(s.io, 3, mark_fire, &z);
    side_run(&s, 2);
    assert_string_equal(t.seen, "az");
    side_close(&s);
}

static void a_timer_may_stop_itself_and_start_others(bool real) {
    struct side s;
    side_open(&s, real);
    struct trace t = {.side = &s};
    struct mark a = {&t, 'a'}, b = {&t, 'b'}, c = {&t, 'c'};
    a.starts = &b;
    b.starts = &c;
    a.victim = s.io->ops->timer_start(s.io, 0, mark_fire, &a); /* itself */
    side_run(&s, 3);
    assert_string_equal(t.seen, "abc");
    side_close(&s);
}

static void ids_are_new_and_sort_by_age(bool real) {
    struct side s;
    side_open(&s, real);
    struct id ids[200];
    for (int i = 0; i < 200; i++) {
        ids[i] = io_new_id(s.io);
        assert_true(id_is(id_str(&ids[i])));
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(ids[k].hex + 12, ids[i].hex + 12);
            assert_true(memcmp(ids[k].hex, ids[i].hex, 12) <= 0);
        }
    }
    uint8_t big[300] = {}, zero[300] = {};
    s.io->ops->random(s.io, big, sizeof big);
    assert_memory_not_equal(big, zero, sizeof big);
    side_close(&s);
}

struct asked {
    struct side *side;
    int done, stages;
    struct call_result result;
    char detail[64];
    bool returned;
    void *ref;
};
static void on_done(void *arg, const struct call *c, const struct call_result *r) {
    struct asked *a = arg;
    assert_true(a->returned);
    a->done++;
    a->result = *r;
    a->ref = c->engine_ref;
    snprintf(a->detail, sizeof a->detail, "%.*s", STR_ARG(r->detail));
    side_event(a->side);
}
static void on_stage(void *arg, const struct call *c, struct str stage, int64_t percent) {
    struct asked *a = arg;
    assert_true(str_is(stage, "half") && percent == 50);
    a->stages++;
}

static void an_unregistered_kind_is_answered_later(bool real) {
    struct side s;
    side_open(&s, real);
    struct asked a = {.side = &s};
    struct call c = {.kind = CALL_SUBMIT, .our_ref = STR("x"), .engine_ref = &s};
    s.io->ops->call(s.io, &c, NULL, on_done, &a);
    a.returned = true;
    assert_int_equal(a.done, 0);
    c = (struct call){}; /* the struct itself is the caller's again */
    side_run(&s, 1);
    assert_int_equal(a.done, 1);
    assert_int_equal(a.result.code, E_NO_ROUTE);
    assert_false(a.result.sent);
    assert_false(a.result.answer_lost);
    assert_ptr_equal(a.ref, &s);
    side_close(&s);
}

static void eager(void *self, const struct call *c, call_stage_fn *stage, call_done_fn *done, void *arg) {
    char text[] = "gone soon";
    struct output o = {.ext = str_of(text)};
    done(arg, c, &(struct call_result){.code = OK, .detail = str_of(text), .outputs = &o, .output_count = 1});
    memset(text, '#', sizeof text - 1);
}
static void fake_eager(void *self, struct fake_io *f, const struct call *c, uint64_t id) {
    char text[] = "gone soon", half[] = "half";
    struct output o = {.ext = str_of(text)};
    fake_io_stage_at(f, id, 0, str_of(half), 50);
    fake_io_answer_at(f, id, 0, &(struct call_result){.code = OK, .detail = str_of(text), .outputs = &o, .output_count = 1});
    fake_io_answer_at(f, id, 1, &(struct call_result){.code = E_IO}); /* too late */
    memset(text, '#', sizeof text - 1);
    memset(half, '#', sizeof half - 1);
}
static void done_never_comes_before_the_call_returned(bool real) {
    struct side s;
    side_open(&s, real);
    if (real) loop_on_call(s.loop, CALL_POLL, eager, NULL);
    else fake_io_on_call(s.fake, fake_eager, NULL);
    struct asked a = {.side = &s};
    s.io->ops->call(s.io, &(struct call){.kind = CALL_POLL}, on_stage, on_done, &a);
    a.returned = true;
    if (!real) assert_true(fake_io_step(s.fake)); /* the stage */
    side_run(&s, 1);
    assert_string_equal(a.detail, "gone soon");
    assert_int_equal(a.result.output_count, 1);
    assert_int_equal(a.stages, real ? 0 : 1);
    if (!real) while (fake_io_step(s.fake)) {}
    assert_int_equal(a.done, 1);
    side_close(&s);
}

static void cut_short(void *self, const struct call *c) {
    struct asked *a = self;
    assert_true(c->attempt == 2 && str_is(c->generation, "g"));
    a->stages++;
}
static void fake_cut_short(void *self, struct fake_io *f, const struct call *c, uint64_t id) {
    cut_short(self, c);
    fake_io_answer_at(f, id, 5, &(struct call_result){.code = E_CANCELLED});
}
static void long_one(void *self, const struct call *c, call_stage_fn *stage, call_done_fn *done, void *arg) {}
static void fake_long_one(void *self, struct fake_io *f, const struct call *c, uint64_t id) { fake_io_answer_at(f, id, 1000, &(struct call_result){.code = OK}); }

/* Only that very call hears of it, and only where its kind has somebody who ends calls. */
static void who_ends_calls_hears_of_unwanted_ones(bool real) {
    struct side s;
    side_open(&s, real);
    struct asked a = {.side = &s, .returned = true}, b = a;
    struct call c = {.kind = CALL_RENDER, .generation = STR("g"), .attempt = 2}, other = {.kind = CALL_RENDER, .generation = STR("g"), .attempt = 1};
    if (real) loop_on_call(s.loop, CALL_RENDER, long_one, NULL);
    else fake_io_on_call(s.fake, fake_long_one, NULL);
    s.io->ops->call(s.io, &c, NULL, on_done, &a);
    s.io->ops->call(s.io, &other, NULL, on_done, &b);
    s.io->ops->unwanted(s.io, &c); /* nobody is there to hear it */
    if (real) loop_on_unwanted(s.loop, CALL_RENDER, cut_short, &a);
    else fake_io_on_unwanted(s.fake, fake_cut_short, &a);
    s.io->ops->unwanted(s.io, &c);
    assert_int_equal(a.stages, 1);
    if (!real) {
        s.io->ops->unwanted(s.io, &(struct call){.kind = CALL_RENDER, .generation = STR("g"), .attempt = 3});
        side_run(&s, 1);
        assert_int_equal(a.result.code, E_CANCELLED);
        side_run(&s, 1);
        assert_int_equal(b.result.code, OK);
        assert_int_equal(a.done + b.done, 2);
    }
    side_close(&s);
}

#define BOTH(name)                                            \
    static void name##_real(void **state) { name(true); }     \
    static void name##_fake(void **state) { name(false); }
BOTH(timers_fire_by_moment_then_by_order)
BOTH(stopped_timers_do_not_fire)
BOTH(a_timer_may_stop_itself_and_start_others)
BOTH(ids_are_new_and_sort_by_age)
BOTH(an_unregistered_kind_is_answered_later)
BOTH(done_never_comes_before_the_call_returned)
BOTH(who_ends_calls_hears_of_unwanted_ones)

static void heap_orders_whatever_is_removed(void **state) {
    struct due d = {};
    enum { N = 500 };
    static struct due_entry e[N];
    uint32_t r = 1;
    for (int i = 0; i < N; i++) {
        r = r * 1103515245 + 12345;
        due_add(&d, &e[i], (r >> 16) % 50);
    }
    for (int i = 0; i < N; i += 3) due_remove(&d, &e[i]);
    due_remove(&d, &e[0]); /* again: nothing */
    msec at = -1;
    uint64_t order = 0;
    int count = 0;
    for (struct due_entry *first; (first = due_first(&d)); count++) {
        assert_true(first->at > at || (first->at == at && first->order > order));
        at = first->at;
        order = first->order;
        due_remove(&d, first);
    }
    assert_int_equal(count, N - (N + 2) / 3);
    due_done(&d);
}

/* A chain of timers without delay must let other things happen in between. */
struct chain {
    struct loop *loop;
    int links;
    bool posted;
};
static void chain_fire(void *arg) {
    struct chain *c = arg;
    c->links++;
    assert_true(c->links < 100000);
    loop_io(c->loop)->ops->timer_start(loop_io(c->loop), 0, chain_fire, c);
}
static void chain_posted(void *arg) {
    struct chain *c = arg;
    c->posted = true;
    loop_stop(c->loop);
}
static void timers_do_not_starve_the_rest(void **state) {
    struct chain c = {.loop = loop_create()};
    chain_fire(&c);
    loop_post(c.loop, chain_posted, &c);
    loop_run(c.loop);
    assert_true(c.posted);
    loop_destroy(c.loop); /* drops the timer that waits */
}

enum { POSTERS = 4, POSTS = 2000 };
struct poster {
    struct loop *loop;
    int sent, seen;
    atomic_int *total;
};
struct note {
    struct poster *from;
    int number;
};
static void note_read(void *arg) {
    struct note *n = arg;
    assert_int_equal(n->number, n->from->seen++); /* in the order of its thread */
    if (atomic_fetch_add(n->from->total, 1) + 1 == POSTERS * POSTS) loop_stop(n->from->loop);
    free(n);
}
static void *post_many(void *arg) {
    struct poster *p = arg;
    for (int i = 0; i < POSTS; i++) {
        struct note *n = malloc(sizeof *n);
        *n = (struct note){p, i};
        loop_post(p->loop, note_read, n);
    }
    return NULL;
}
static void post_again(void *arg) {
    struct poster *p = arg;
    if (p->seen++ < 3) loop_post(p->loop, post_again, p);
}
static void a_flush_runs_what_posts_post(void **state) {
    struct poster p = {.loop = loop_create()};
    loop_post(p.loop, post_again, &p);
    loop_flush(p.loop);
    assert_int_equal(p.seen, 4);
    loop_destroy(p.loop);
}

static void posts_arrive_once_and_in_order(void **state) {
    struct loop *l = loop_create();
    atomic_int total = 0;
    struct poster p[POSTERS];
    pthread_t t[POSTERS];
    for (int i = 0; i < POSTERS; i++) {
        p[i] = (struct poster){.loop = l, .total = &total};
        pthread_create(&t[i], NULL, post_many, &p[i]);
    }
    loop_run(l);
    for (int i = 0; i < POSTERS; i++) pthread_join(t[i], NULL);
    assert_int_equal(total, POSTERS * POSTS);
    loop_destroy(l);
}

struct pooled {
    struct loop *loop;
    pthread_mutex_t gate;
    pthread_t loop_thread;
    atomic_int begun, worked;
    int done, expect;
};
static void pool_work(void *arg) {
    struct pooled *p = arg;
    assert_false(pthread_equal(pthread_self(), p->loop_thread));
    atomic_fetch_add(&p->begun, 1);
    pthread_mutex_lock(&p->gate);
    pthread_mutex_unlock(&p->gate);
    atomic_fetch_add(&p->worked, 1);
}
static void pool_done(void *arg) {
    struct pooled *p = arg;
    assert_true(pthread_equal(pthread_self(), p->loop_thread));
    if (++p->done == p->expect) loop_stop(p->loop);
}
static void pools_are_bounded(void **state) {
    struct pooled p = {.loop = loop_create(), .gate = PTHREAD_MUTEX_INITIALIZER, .loop_thread = pthread_self(), .expect = 5};
    struct pool *pool = pool_create(p.loop, "test", 2, 3);
    pthread_mutex_lock(&p.gate);
    for (int i = 0; i < 2; i++) assert_int_equal(pool_run(pool, pool_work, pool_done, &p), OK);
    while (atomic_load(&p.begun) < 2) usleep(200); /* both threads are at the gate */
    for (int i = 0; i < 3; i++) assert_int_equal(pool_run(pool, pool_work, pool_done, &p), OK);
    assert_int_equal(pool_waiting(pool), 3);
    assert_int_equal(pool_run(pool, pool_work, pool_done, &p), E_AGAIN);
    pthread_mutex_unlock(&p.gate);
    pool_destroy(pool); /* waits for what was accepted */
    assert_int_equal(p.worked, 5);
    loop_run(p.loop); /* the callbacks come although the pool is gone */
    assert_int_equal(p.done, 5);
    loop_destroy(p.loop);
}

static void slow(void *arg) {
    usleep(15000);
    loop_stop(arg);
}
static void slow_turns_are_counted_by_name(void **state) {
    struct loop *l = loop_create();
    struct loop_slow rows[4];
    assert_int_equal(loop_slow_turns(l, rows, 4), 0);
    loop_post(l, slow, l);
    loop_run(l);
    loop_io(l)->ops->timer_start(loop_io(l), 0, slow, l);
    loop_run(l);
    assert_int_equal(loop_slow_turns(l, rows, 4), 2);
    assert_string_equal(rows[0].name, "post");
    assert_string_equal(rows[1].name, "timer");
    assert_true(rows[1].turns == 1 && rows[1].longest >= 15);
    loop_destroy(l);
}

static void real_clocks_go_on(void **state) {
    struct loop *l = loop_create();
    struct io *io = loop_io(l);
    msec now = io_now(io), mono = io_mono(io), boot = io->ops->boot(io);
    usleep(3000);
    assert_true(now > 1600000000000 && io_now(io) >= now);
    assert_true(io_mono(io) >= mono + 2 && io->ops->boot(io) >= boot + 2);
    assert_true(boot >= mono);
    loop_destroy(l);
}

static void fake_clock_jumps(void **state) {
    struct fake_io *f = fake_io_create(1, 5000);
    struct side s = {.io = fake_io_io(f), .fake = f};
    struct trace t = {.side = &s};
    struct mark a = {&t, 'a'}, b = {&t, 'b'};
    assert_int_equal(io_now(s.io), 5000);
    s.io->ops->timer_start(s.io, MS_DAY, mark_fire, &b);
    s.io->ops->timer_start(s.io, 10, mark_fire, &a);
    assert_int_equal(fake_io_next_at(f), 5010);
    fake_io_run_until(f, 5009);
    assert_int_equal(t.count, 0);
    assert_int_equal(io_now(s.io), 5009);
    fake_io_run_until(f, 5010);
    assert_string_equal(t.seen, "a");
    assert_true(fake_io_step(f));
    assert_int_equal(io_now(s.io), 5000 + MS_DAY);
    assert_false(fake_io_step(f));
    fake_io_run_until(f, 6000); /* time never goes back */
    assert_int_equal(io_now(s.io), 5000 + MS_DAY);
    msec mono = io_mono(s.io), boot = s.io->ops->boot(s.io);
    fake_io_suspend(f, 700);
    assert_int_equal(io_mono(s.io), mono);
    assert_int_equal(s.io->ops->boot(s.io), boot + 700);
    assert_int_equal(io_now(s.io), 5700 + MS_DAY);
    fake_io_destroy(f);
}

static void fake_seed_decides(void **state) {
    struct fake_io *a = fake_io_create(42, 0), *b = fake_io_create(42, 0), *c = fake_io_create(43, 0);
    bool differs = false;
    for (int i = 0; i < 100; i++) {
        uint64_t x = fake_io_random(a);
        assert_true(x == fake_io_random(b));
        differs |= x != fake_io_random(c);
    }
    assert_true(differs);
    assert_string_equal(io_new_id(fake_io_io(a)).hex, io_new_id(fake_io_io(b)).hex);
    fake_io_destroy(a);
    fake_io_destroy(b);
    fake_io_destroy(c);
}

static void crash_in_call(void *self, struct fake_io *f, const struct call *c, uint64_t id) {
    *(uint64_t *)self = id;
    fake_io_answer_at(f, id, 1, &(struct call_result){.code = OK});
    fake_io_crash(f);
    assert_true(str_is(c->our_ref, "still readable"));
}
static void must_not_come(void *arg, const struct call *c, const struct call_result *r) { fail(); }
static void fake_crash_drops_all(void **state) {
    struct fake_io *f = fake_io_create(1, 0);
    struct side s = {.io = fake_io_io(f), .fake = f};
    struct trace t = {.side = &s};
    struct mark a = {&t, 'a'};
    uint64_t old = 0;
    s.io->ops->timer_start(s.io, 1, mark_fire, &a);
    fake_io_on_call(f, crash_in_call, &old);
    s.io->ops->call(s.io, &(struct call){.our_ref = STR("still readable")}, NULL, must_not_come, NULL);
    assert_false(fake_io_step(f));
    assert_int_equal(t.count, 0);
    /* The slot is used again, the old id is not. */
    fake_io_on_call(f, NULL, NULL);
    struct asked after = {.side = &s, .returned = true};
    s.io->ops->call(s.io, &(struct call){}, NULL, on_done, &after);
    fake_io_answer_at(f, old, 0, &(struct call_result){.code = E_CORRUPT});
    while (fake_io_step(f)) {}
    assert_int_equal(after.done, 1);
    assert_int_equal(after.result.code, E_NO_ROUTE);
    fake_io_destroy(f);
}

#define PAIR(name) cmocka_unit_test(name##_real), cmocka_unit_test(name##_fake)
int main(void) {
    const struct CMUnitTest tests[] = {
        PAIR(timers_fire_by_moment_then_by_order),
        PAIR(stopped_timers_do_not_fire),
        PAIR(a_timer_may_stop_itself_and_start_others),
        PAIR(ids_are_new_and_sort_by_age),
        PAIR(an_unregistered_kind_is_answered_later),
        PAIR(done_never_comes_before_the_call_returned),
        PAIR(who_ends_calls_hears_of_unwanted_ones),
        cmocka_unit_test(heap_orders_whatever_is_removed),
        cmocka_unit_test(timers_do_not_starve_the_rest),
        cmocka_unit_test(a_flush_runs_what_posts_post),
        cmocka_unit_test(posts_arrive_once_and_in_order),
        cmocka_unit_test(pools_are_bounded),
        cmocka_unit_test(slow_turns_are_counted_by_name),
        cmocka_unit_test(real_clocks_go_on),
        cmocka_unit_test(fake_clock_jumps),
        cmocka_unit_test(fake_seed_decides),
        cmocka_unit_test(fake_crash_drops_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
