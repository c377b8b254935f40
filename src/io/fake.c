/* The fake side of the door, see fake.h. Owns a virtual clock, a seeded generator, and one queue of everything that is due:
 * timers, answers and stages of calls, in the order (moment, order of entry), as on the real side.
 *
 * Must always hold: nothing here reads the world, so a seed and the sequence of calls decide the run. Whatever a callback does,
 * a crash included, the event that is running stays readable until it returns. */
#include "io/fake.h"

#include "io/call.h"
#include "io/due.h"

#include <stdlib.h>

enum happening_kind { EVENT_TIMER, EVENT_ANSWER, EVENT_STAGE };

struct happening {
    struct due_entry due; /* first: the heap hands out entries */
    enum happening_kind kind;
    struct happening *next; /* in the graveyard */
    bool running;
    void (*fire)(void *arg); /* timer */
    void *arg;
    uint64_t call_id; /* answer, stage */
    struct arena arena;
    struct call_result result;
    struct str stage;
    int64_t percent;
};

/* io.h leaves the timer's type open; on this side it is an event. */
struct timer {
    struct happening h;
};

struct pending {
    struct arena arena;
    struct call call;
    call_stage_fn *stage;
    call_done_fn *done;
    void *arg;
    struct pending *next; /* in the graveyard */
};

/* A call id is (generation of the slot, slot), so an id of a call that is over finds nothing. */
struct slot {
    struct pending *pending;
    uint32_t generation;
    uint32_t next_free;
};

struct fake_io {
    struct io io; /* first: io_ops get this pointer */
    msec mono, wall_ahead, boot_ahead;
    uint64_t random[4];
    struct due due;
    struct slot *slots;
    uint32_t slot_count, slot_room, free_slot; /* free_slot: index plus one */
    fake_call_fn *on_call;
    void *on_call_self;
    fake_call_fn *on_unwanted;
    void *on_unwanted_self;
    struct pending *dead_calls; /* dropped while somebody may still look at them; freed between events */
    struct happening *dead_events;
    bool busy; /* inside a callback */
};

static uint64_t rotl(uint64_t x, int k) { return x << k | x >> (64 - k); }

/* xoshiro256**, seeded by splitmix64 as its authors advise. */
uint64_t fake_io_random(struct fake_io *f) {
    uint64_t *s = f->random, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

static void seed(struct fake_io *f, uint64_t x) {
    for (int i = 0; i < 4; i++) {
        uint64_t z = (x += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        f->random[i] = z ^ (z >> 31);
    }
}

static msec fake_now(struct io *io) {
    struct fake_io *f = (struct fake_io *)io;
    return f->mono + f->wall_ahead;
}
static msec fake_mono(struct io *io) { return ((struct fake_io *)io)->mono; }
static msec fake_boot(struct io *io) {
    struct fake_io *f = (struct fake_io *)io;
    return f->mono + f->boot_ahead;
}

static void fake_random_bytes(struct io *io, void *out, size_t n) {
    struct fake_io *f = (struct fake_io *)io;
    uint8_t *p = out;
    while (n) {
        uint64_t r = fake_io_random(f);
        for (int i = 0; i < 8 && n; i++, n--) *p++ = (uint8_t)(r >> (8 * i));
    }
}

static struct happening *event_add(struct fake_io *f, enum happening_kind kind, msec delay) {
    struct happening *e = calloc(1, sizeof(struct timer));
    must(e);
    e->kind = kind;
    due_add(&f->due, &e->due, f->mono + (delay > 0 ? delay : 0));
    return e;
}

static void event_free(struct happening *e) {
    arena_done(&e->arena);
    free(e);
}

static struct timer *fake_timer_start(struct io *io, msec delay, void (*fire)(void *arg), void *arg) {
    struct happening *e = event_add((struct fake_io *)io, EVENT_TIMER, delay);
    e->fire = fire;
    e->arg = arg;
    return (struct timer *)e;
}

static void fake_timer_stop(struct io *io, struct timer *t) {
    struct fake_io *f = (struct fake_io *)io;
    if (!t || t->h.running) return;
    due_remove(&f->due, &t->h.due);
    event_free(&t->h);
}

static uint64_t slot_take(struct fake_io *f, struct pending *p) {
    uint32_t i;
    if (f->free_slot) {
        i = f->free_slot - 1;
        f->free_slot = f->slots[i].next_free;
    } else {
        if (f->slot_count == f->slot_room) {
            f->slot_room = f->slot_room ? f->slot_room * 2 : 64;
            f->slots = realloc(f->slots, f->slot_room * sizeof *f->slots);
            must(f->slots);
        }
        i = f->slot_count++;
        f->slots[i] = (struct slot){.generation = 1};
    }
    f->slots[i].pending = p;
    return (uint64_t)f->slots[i].generation << 32 | i;
}

static struct pending *slot_find(struct fake_io *f, uint64_t id) {
    uint32_t i = (uint32_t)id;
    return i < f->slot_count && f->slots[i].generation == id >> 32 ? f->slots[i].pending : NULL;
}

static struct pending *slot_give(struct fake_io *f, uint32_t i) {
    struct pending *p = f->slots[i].pending;
    f->slots[i].pending = NULL;
    f->slots[i].generation++;
    f->slots[i].next_free = f->free_slot;
    f->free_slot = i + 1;
    return p;
}

static void pending_free(struct pending *p) {
    arena_done(&p->arena);
    free(p);
}

static void fake_call(struct io *io, const struct call *c, call_stage_fn *stage, call_done_fn *done, void *arg) {
    struct fake_io *f = (struct fake_io *)io;
    struct pending *p = calloc(1, sizeof *p);
    must(p);
    p->call = call_copy(&p->arena, c);
    p->stage = stage;
    p->done = done;
    p->arg = arg;
    uint64_t id = slot_take(f, p);
    if (!f->on_call) {
        struct call_result nobody = call_nobody();
        fake_io_answer_at(f, id, 0, &nobody);
        return;
    }
    bool outer = f->busy;
    f->busy = true;
    f->on_call(f->on_call_self, f, &p->call, id);
    f->busy = outer;
}

void fake_io_on_call(struct fake_io *f, fake_call_fn *fn, void *self) {
    f->on_call = fn;
    f->on_call_self = self;
}

static bool is_same_call(const struct call *a, const struct call *b) {
    return a->kind == b->kind && a->attempt == b->attempt && str_eq(a->generation, b->generation) && a->engine_ref == b->engine_ref;
}

static void fake_unwanted(struct io *io, const struct call *c) {
    struct fake_io *f = (struct fake_io *)io;
    if (!f->on_unwanted) return;
    for (uint32_t i = 0; i < f->slot_count; i++)
        if (f->slots[i].pending && is_same_call(&f->slots[i].pending->call, c))
            f->on_unwanted(f->on_unwanted_self, f, &f->slots[i].pending->call, (uint64_t)f->slots[i].generation << 32 | i);
}

void fake_io_on_unwanted(struct fake_io *f, fake_call_fn *fn, void *self) {
    f->on_unwanted = fn;
    f->on_unwanted_self = self;
}

void fake_io_answer_at(struct fake_io *f, uint64_t call_id, msec delay, const struct call_result *r) {
    struct happening *e = event_add(f, EVENT_ANSWER, delay);
    e->call_id = call_id;
    e->result = call_result_copy(&e->arena, r);
}

void fake_io_stage_at(struct fake_io *f, uint64_t call_id, msec delay, struct str stage, int64_t percent) {
    struct happening *e = event_add(f, EVENT_STAGE, delay);
    e->call_id = call_id;
    e->stage = arena_dup(&e->arena, stage);
    e->percent = percent;
}

static void bury(struct fake_io *f) {
    for (struct pending *p = f->dead_calls, *next; p; p = next) {
        next = p->next;
        pending_free(p);
    }
    for (struct happening *e = f->dead_events, *next; e; e = next) {
        next = e->next;
        event_free(e);
    }
    f->dead_calls = NULL;
    f->dead_events = NULL;
}

static void run_event(struct fake_io *f, struct happening *e) {
    if (e->kind == EVENT_TIMER) {
        e->fire(e->arg);
        return;
    }
    struct pending *p = slot_find(f, e->call_id);
    if (!p) return;
    if (e->kind == EVENT_STAGE) {
        if (p->stage) p->stage(p->arg, &p->call, e->stage, e->percent);
        return;
    }
    slot_give(f, (uint32_t)e->call_id);
    p->done(p->arg, &p->call, &e->result);
    pending_free(p);
}

bool fake_io_step(struct fake_io *f) {
    must(!f->busy);
    bury(f);
    struct happening *e = (struct happening *)due_first(&f->due);
    if (!e) return false;
    due_remove(&f->due, &e->due);
    if (e->due.at > f->mono) f->mono = e->due.at;
    e->running = f->busy = true;
    run_event(f, e);
    f->busy = false;
    event_free(e);
    return true;
}

msec fake_io_next_at(const struct fake_io *f) {
    const struct due_entry *e = due_first(&f->due);
    return e ? e->at + f->wall_ahead : -1;
}

void fake_io_run_until(struct fake_io *f, msec at) {
    /* Asked again after each event: a callback may suspend the machine, which moves what is due when. */
    for (msec next; (next = fake_io_next_at(f)) >= 0 && next <= at;) fake_io_step(f);
    if (at > fake_now(&f->io)) f->mono = at - f->wall_ahead;
}

void fake_io_suspend(struct fake_io *f, msec how_long) {
    must(how_long >= 0);
    f->wall_ahead += how_long;
    f->boot_ahead += how_long;
}

void fake_io_crash(struct fake_io *f) {
    for (struct happening *e; (e = (struct happening *)due_first(&f->due));) {
        due_remove(&f->due, &e->due);
        e->next = f->dead_events;
        f->dead_events = e;
    }
    for (uint32_t i = 0; i < f->slot_count; i++) {
        if (!f->slots[i].pending) continue;
        struct pending *p = slot_give(f, i);
        p->next = f->dead_calls;
        f->dead_calls = p;
    }
    if (!f->busy) bury(f);
}

struct fake_io *fake_io_create(uint64_t s, msec start_at) {
    static const struct io_ops ops = {
        .now = fake_now,
        .mono = fake_mono,
        .boot = fake_boot,
        .random = fake_random_bytes,
        .timer_start = fake_timer_start,
        .timer_stop = fake_timer_stop,
        .call = fake_call,
        .unwanted = fake_unwanted,
    };
    struct fake_io *f = calloc(1, sizeof *f);
    must(f);
    f->io.ops = &ops;
    /* The clocks differ from each other, so that code which mixes them up is found out. */
    f->mono = 1000000;
    f->wall_ahead = start_at - f->mono;
    f->boot_ahead = 5000;
    seed(f, s);
    return f;
}

void fake_io_destroy(struct fake_io *f) {
    if (!f) return;
    must(!f->busy);
    fake_io_crash(f);
    due_done(&f->due);
    free(f->slots);
    free(f);
}

struct io *fake_io_io(struct fake_io *f) { return &f->io; }
