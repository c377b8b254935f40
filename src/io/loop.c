/* The loop: owns libuv's loop, the clocks, the kernel's randomness, all timers, and the way back from other threads.
 *
 * Timers live in one heap (due.h) behind a single libuv timer, so that a hundred thousand of them cost a small struct each and
 * fire in the same order as on the fake side. Posts are a lock-free stack that the loop takes as a whole and reverses. */
#include "io/loop.h"

#include "io/call.h"
#include "io/due.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum {
    CALL_KINDS = CALL_LOOKUP + 1,
    SLOW_NS = 10 * 1000 * 1000,
    SLOW_NAMES = 32,
    RANDOM_KEEP = 1024, /* one getrandom fills many ids */
};

struct timer {
    struct due_entry due; /* first: the heap hands out entries */
    void (*fire)(void *arg);
    void *arg;
    bool firing;
};

struct post {
    struct post *next;
    void (*fn)(void *arg);
    void *arg;
};

struct loop {
    struct io io; /* first: io_ops get this pointer */
    uv_loop_t uv;
    uv_async_t wake;
    uv_timer_t alarm;
    uv_idle_t again; /* due work is left over for the next turn, after I/O had its chance */
    struct due timers;
    msec alarm_at; /* -1: not set */
    _Atomic(struct post *) posts;
    atomic_bool stop;
    struct {
        loop_call_fn *fn;
        void *self;
    } callers[CALL_KINDS];
    struct {
        loop_unwanted_fn *fn;
        void *self;
    } enders[CALL_KINDS];
    struct flight *flights; /* calls whose done was not called yet */
    struct loop_slow slow[SLOW_NAMES];
    int slow_count;
    uint8_t random[RANDOM_KEEP];
    size_t random_left;
};

static msec clock_ms(clockid_t id) {
    struct timespec t;
    must(clock_gettime(id, &t) == 0);
    return (msec)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
static msec real_now(struct io *io) { return clock_ms(CLOCK_REALTIME); }
static msec real_mono(struct io *io) { return clock_ms(CLOCK_MONOTONIC); }
static msec real_boot(struct io *io) { return clock_ms(CLOCK_BOOTTIME); }

static void kernel_random(uint8_t *p, size_t n) {
    while (n) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0) {
            must(errno == EINTR);
            continue;
        }
        p += got;
        n -= (size_t)got;
    }
}

/* Bytes are handed out once and wiped behind the reader. */
static void real_random(struct io *io, void *out, size_t n) {
    struct loop *l = (struct loop *)io;
    if (n > 64) {
        kernel_random(out, n);
        return;
    }
    if (l->random_left < n) {
        kernel_random(l->random, RANDOM_KEEP);
        l->random_left = RANDOM_KEEP;
    }
    uint8_t *p = l->random + RANDOM_KEEP - l->random_left;
    memcpy(out, p, n);
    explicit_bzero(p, n);
    l->random_left -= n;
}

int64_t loop_enter(struct loop *l) { return (int64_t)uv_hrtime(); }

void loop_leave(struct loop *l, const char *name, int64_t entered) {
    int64_t took = (int64_t)uv_hrtime() - entered;
    if (took < SLOW_NS) return;
    int i = 0;
    while (i < l->slow_count && strcmp(l->slow[i].name, name)) i++;
    if (i == l->slow_count) {
        if (i == SLOW_NAMES) return;
        l->slow[l->slow_count++] = (struct loop_slow){.name = name};
    }
    l->slow[i].turns++;
    if (took / 1000000 > l->slow[i].longest) l->slow[i].longest = took / 1000000;
}

int loop_slow_turns(const struct loop *l, struct loop_slow *out, int max) {
    for (int i = 0; i < max && i < l->slow_count; i++) out[i] = l->slow[i];
    return l->slow_count;
}

static void on_alarm(uv_timer_t *t);
static void arm(struct loop *l, msec now) {
    struct due_entry *first = due_first(&l->timers);
    if (!first) {
        if (l->alarm_at >= 0) uv_timer_stop(&l->alarm);
        l->alarm_at = -1;
        return;
    }
    if (l->alarm_at == first->at) return;
    l->alarm_at = first->at;
    uv_update_time(&l->uv);
    must(uv_timer_start(&l->alarm, on_alarm, first->at > now ? (uint64_t)(first->at - now) : 0, 0) == 0);
}

/* A poll without waiting lies between this and the next timers. */
static void on_again(uv_idle_t *idle) {
    struct loop *l = idle->data;
    uv_idle_stop(idle);
    must(uv_timer_start(&l->alarm, on_alarm, 0, 0) == 0);
}

static void on_alarm(uv_timer_t *t) {
    struct loop *l = t->data;
    msec now = real_mono(&l->io);
    uint64_t border = l->timers.entered; /* what is started from here on waits for the next turn: timers cannot starve sockets */
    l->alarm_at = -1;
    for (struct due_entry *e; (e = due_first(&l->timers)) && e->at <= now && e->order < border;) {
        struct timer *timer = (struct timer *)e;
        due_remove(&l->timers, e);
        timer->firing = true;
        int64_t entered = loop_enter(l);
        timer->fire(timer->arg);
        loop_leave(l, "timer", entered);
        free(timer);
    }
    struct due_entry *first = due_first(&l->timers);
    if (first && first->at <= now) {
        uv_timer_stop(&l->alarm);
        l->alarm_at = first->at;
        must(uv_idle_start(&l->again, on_again) == 0);
    } else {
        l->alarm_at = -1;
        arm(l, now);
    }
}

static struct timer *real_timer_start(struct io *io, msec delay, void (*fire)(void *arg), void *arg) {
    struct loop *l = (struct loop *)io;
    struct timer *t = malloc(sizeof *t);
    must(t);
    *t = (struct timer){.fire = fire, .arg = arg};
    msec now = real_mono(io);
    due_add(&l->timers, &t->due, now + (delay > 0 ? delay : 0));
    if (!uv_is_active((uv_handle_t *)&l->again)) arm(l, now);
    return t;
}

static void real_timer_stop(struct io *io, struct timer *t) {
    struct loop *l = (struct loop *)io;
    if (!t || t->firing) return;
    due_remove(&l->timers, &t->due);
    free(t);
    if (!l->timers.count && !uv_is_active((uv_handle_t *)&l->again)) arm(l, 0);
}

/* One call on its way. */
struct flight {
    struct loop *loop;
    struct flight *next, **prev;
    struct call call;
    call_stage_fn *stage;
    call_done_fn *done;
    void *arg;
    bool returned, answered;
    struct arena arena; /* holds the result of a call that was answered before it returned */
    struct call_result result;
};

static void flight_free(struct flight *f) {
    *f->prev = f->next;
    if (f->next) f->next->prev = f->prev;
    arena_done(&f->arena);
    free(f);
}

static void flight_deliver(void *arg) {
    struct flight *f = arg;
    f->done(f->arg, &f->call, &f->result);
    flight_free(f);
}

static void flight_stage(void *arg, const struct call *c, struct str stage, int64_t percent) {
    struct flight *f = arg;
    must(!f->answered);
    if (f->stage) f->stage(f->arg, &f->call, stage, percent);
}

static void flight_done(void *arg, const struct call *c, const struct call_result *r) {
    struct flight *f = arg;
    must(!f->answered);
    f->answered = true;
    if (f->returned) {
        f->done(f->arg, &f->call, r);
        flight_free(f);
        return;
    }
    f->result = call_result_copy(&f->arena, r);
    real_timer_start(&f->loop->io, 0, flight_deliver, f);
}

static void real_call(struct io *io, const struct call *c, call_stage_fn *stage, call_done_fn *done, void *arg) {
    struct loop *l = (struct loop *)io;
    must((int)c->kind < CALL_KINDS);
    struct flight *f = malloc(sizeof *f);
    must(f);
    *f = (struct flight){.loop = l, .next = l->flights, .prev = &l->flights, .call = *c, .stage = stage, .done = done, .arg = arg};
    if (l->flights) l->flights->prev = &f->next;
    l->flights = f;
    if (!l->callers[c->kind].fn) {
        struct call_result nobody = call_nobody();
        flight_done(f, &f->call, &nobody);
        return;
    }
    /* When it answers before it returns, the delivery waits in the timers, so f is still there. */
    l->callers[c->kind].fn(l->callers[c->kind].self, &f->call, flight_stage, flight_done, f);
    f->returned = true;
}

void loop_on_call(struct loop *l, enum call_kind kind, loop_call_fn *fn, void *self) {
    l->callers[kind].fn = fn;
    l->callers[kind].self = self;
}

void loop_on_unwanted(struct loop *l, enum call_kind kind, loop_unwanted_fn *fn, void *self) {
    l->enders[kind].fn = fn;
    l->enders[kind].self = self;
}

static void real_unwanted(struct io *io, const struct call *c) {
    struct loop *l = (struct loop *)io;
    if (l->enders[c->kind].fn) l->enders[c->kind].fn(l->enders[c->kind].self, c);
}

void loop_post(struct loop *l, void (*fn)(void *arg), void *arg) {
    struct post *p = malloc(sizeof *p);
    must(p);
    p->fn = fn;
    p->arg = arg;
    p->next = atomic_load_explicit(&l->posts, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&l->posts, &p->next, p, memory_order_release, memory_order_relaxed)) {}
    uv_async_send(&l->wake); /* cheap while a wake-up is on its way already */
}

static struct post *take_posts(struct loop *l) {
    struct post *p = atomic_exchange_explicit(&l->posts, NULL, memory_order_acquire), *in_order = NULL;
    while (p) {
        struct post *next = p->next;
        p->next = in_order;
        in_order = p;
        p = next;
    }
    return in_order;
}

static bool run_posts(struct loop *l) {
    struct post *p = take_posts(l);
    if (!p) return false;
    for (struct post *next; p; p = next) {
        next = p->next;
        int64_t entered = loop_enter(l);
        p->fn(p->arg);
        loop_leave(l, "post", entered);
        free(p);
    }
    return true;
}

void loop_flush(struct loop *l) {
    while (run_posts(l)) {}
}

static void on_wake(uv_async_t *a) {
    struct loop *l = a->data;
    run_posts(l);
    if (atomic_exchange(&l->stop, false)) uv_stop(&l->uv);
}

struct loop *loop_create(void) {
    static const struct io_ops ops = {
        .now = real_now,
        .mono = real_mono,
        .boot = real_boot,
        .random = real_random,
        .timer_start = real_timer_start,
        .timer_stop = real_timer_stop,
        .call = real_call,
        .unwanted = real_unwanted,
    };
    struct loop *l = calloc(1, sizeof *l);
    must(l);
    l->io.ops = &ops;
    l->alarm_at = -1;
    signal(SIGPIPE, SIG_IGN);
    must(uv_loop_init(&l->uv) == 0);
    must(uv_async_init(&l->uv, &l->wake, on_wake) == 0);
    must(uv_timer_init(&l->uv, &l->alarm) == 0);
    must(uv_idle_init(&l->uv, &l->again) == 0);
    l->wake.data = l->alarm.data = l->again.data = l;
    return l;
}

void loop_destroy(struct loop *l) {
    if (!l) return;
    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_close((uv_handle_t *)&l->alarm, NULL);
    uv_close((uv_handle_t *)&l->again, NULL);
    int left = UV_EBUSY;
    for (int turn = 0; turn < 16 && left; turn++) {
        uv_run(&l->uv, UV_RUN_NOWAIT);
        left = uv_loop_close(&l->uv);
    }
    must(left == 0); /* somebody's handle is still open */
    for (struct due_entry *e; (e = due_first(&l->timers));) {
        due_remove(&l->timers, e);
        free(e);
    }
    due_done(&l->timers);
    for (struct post *p = take_posts(l), *next; p; p = next) {
        next = p->next;
        free(p);
    }
    while (l->flights) flight_free(l->flights);
    explicit_bzero(l->random, sizeof l->random);
    free(l);
}

uv_loop_t *loop_uv(struct loop *l) { return &l->uv; }
struct io *loop_io(struct loop *l) { return &l->io; }
void loop_run(struct loop *l) { uv_run(&l->uv, UV_RUN_DEFAULT); }

void loop_stop(struct loop *l) {
    atomic_store(&l->stop, true);
    uv_async_send(&l->wake);
}
