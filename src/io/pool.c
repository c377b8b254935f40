/* Bounded pools of our own threads (not libuv's, whose size is one global for everybody). Owned by whoever made them; work comes
 * from the loop's thread, results go back through loop_post. Memory is bounded by queue_max. */
#include "io/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct job {
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

struct pool {
    struct loop *loop;
    char name[16]; /* as threads are shown by the system */
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct job *ring;
    int room, first, waiting;
    bool ending;
    int threads;
    pthread_t thread[];
};

/* What goes back to the loop; it must not need the pool, which may be gone by then. */
struct finished {
    void (*done)(void *arg);
    void *arg;
};

static void deliver(void *arg) {
    struct finished f = *(struct finished *)arg;
    free(arg);
    f.done(f.arg);
}

static bool next_job(struct pool *p, struct job *out) {
    pthread_mutex_lock(&p->lock);
    while (!p->waiting && !p->ending) pthread_cond_wait(&p->more, &p->lock);
    bool got = p->waiting > 0;
    if (got) {
        *out = p->ring[p->first];
        p->first = (p->first + 1) % p->room;
        p->waiting--;
    }
    pthread_mutex_unlock(&p->lock);
    return got;
}

static void *run(void *arg) {
    struct pool *p = arg;
    pthread_setname_np(pthread_self(), p->name);
    for (struct job j; next_job(p, &j);) {
        j.work(j.arg);
        if (!j.done) continue;
        struct finished *f = malloc(sizeof *f);
        must(f);
        *f = (struct finished){j.done, j.arg};
        loop_post(p->loop, deliver, f);
    }
    return NULL;
}

struct pool *pool_create(struct loop *l, const char *name, int threads, int queue_max) {
    must(threads > 0 && queue_max > 0);
    struct pool *p = calloc(1, sizeof *p + sizeof(pthread_t) * (size_t)threads);
    must(p);
    p->loop = l;
    snprintf(p->name, sizeof p->name, "%s", name);
    p->room = queue_max;
    p->ring = calloc((size_t)queue_max, sizeof *p->ring);
    must(p->ring);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    /* Signals are the main thread's business: workers inherit a mask that blocks them all. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (; p->threads < threads; p->threads++) must(pthread_create(&p->thread[p->threads], NULL, run, p) == 0);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return p;
}

void pool_destroy(struct pool *p) {
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->more);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->threads; i++) pthread_join(p->thread[i], NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->more);
    free(p->ring);
    free(p);
}

err pool_run(struct pool *p, void (*work)(void *arg), void (*done)(void *arg), void *arg) {
    pthread_mutex_lock(&p->lock);
    bool full = p->waiting == p->room || p->ending;
    if (!full) {
        p->ring[(p->first + p->waiting) % p->room] = (struct job){.work = work, .done = done, .arg = arg};
        p->waiting++;
        pthread_cond_signal(&p->more);
    }
    pthread_mutex_unlock(&p->lock);
    return full ? E_AGAIN : OK;
}

int pool_waiting(const struct pool *p) {
    struct pool *q = (struct pool *)p; /* the lock is no part of what callers see change */
    pthread_mutex_lock(&q->lock);
    int n = q->waiting;
    pthread_mutex_unlock(&q->lock);
    return n;
}
