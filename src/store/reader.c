/* A few threads with a read connection each, behind a bounded queue. */
#include "base/limits.h"
#include "store/internal.h"

#include <stdlib.h>

struct job {
    struct job *next;
    void (*fn)(struct db *db, void *arg);
    void (*done)(void *arg);
    void *arg;
};

struct readers {
    struct store *store;
    void (*wake)(void *arg);
    void *wake_arg;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;
    struct job *first, **last;
    struct job *finished, **finished_last;
    int queued;
    bool ending;
    int threads;
    pthread_t thread[];
};

/* A connection that could not be made: whatever is asked of it answers with the reason. */
static err refuse_ready(struct db *db) { return db->why.code; }
static err refuse_run(struct db *db, const char *sql, const struct sql_value *params, size_t n, struct arena *a, struct sql_rows *rows,
                      int64_t *changed) {
    return db->why.code;
}
static err refuse_begin(struct db *db, enum db_mode mode, const struct fence *fence) { return db->why.code; }
static void refuse_nothing(struct db *db) {}
static const struct db_ops refusing = {.ready = refuse_ready, .run = refuse_run, .begin = refuse_begin, .rollback = refuse_nothing};

static void run_job(struct readers *r, struct db **db, struct job *j) {
    struct why why = {};
    struct db none = {.ops = &refusing, .store = r->store};
    if (!*db) {
        err e = db_open(r->store, false, &why, db);
        if (e) {
            none.why = why;
            none.why.code = e;
        }
    }
    j->fn(*db ? *db : &none, j->arg);
}

static void *reader(void *arg) {
    struct readers *r = arg;
    struct db *db = NULL;
    pthread_mutex_lock(&r->lock);
    for (;;) {
        while (!r->first && !r->ending) pthread_cond_wait(&r->work, &r->lock);
        struct job *j = r->first;
        if (!j) break; /* ending, and nothing waits */
        r->first = j->next;
        if (!r->first) r->last = &r->first;
        r->queued--;
        pthread_mutex_unlock(&r->lock);
        run_job(r, &db, j);
        j->next = NULL;
        pthread_mutex_lock(&r->lock);
        *r->finished_last = j;
        r->finished_last = &j->next;
        pthread_mutex_unlock(&r->lock);
        if (r->wake) r->wake(r->wake_arg);
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    db_close(db);
    return NULL;
}

struct readers *readers_create(struct store *s, int threads, void (*wake)(void *arg), void *wake_arg) {
    must(threads > 0);
    struct readers *r = calloc(1, sizeof *r + (size_t)threads * sizeof r->thread[0]);
    must(r);
    r->store = s;
    r->wake = wake;
    r->wake_arg = wake_arg;
    r->last = &r->first;
    r->finished_last = &r->finished;
    r->threads = threads;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->work, NULL);
    for (int i = 0; i < threads; i++) must(!pthread_create(&r->thread[i], NULL, reader, r));
    return r;
}

err readers_run(struct readers *r, void (*fn)(struct db *db, void *arg), void (*done)(void *arg), void *arg) {
    struct job *j = malloc(sizeof *j);
    must(j);
    *j = (struct job){.fn = fn, .done = done, .arg = arg};
    pthread_mutex_lock(&r->lock);
    err e = r->ending ? E_UNAVAILABLE : r->queued >= LIMIT_READ_QUEUE ? E_AGAIN : OK;
    if (!e) {
        *r->last = j;
        r->last = &j->next;
        r->queued++;
        pthread_cond_signal(&r->work);
    }
    pthread_mutex_unlock(&r->lock);
    if (e) free(j);
    return e;
}

void readers_drain(struct readers *r) {
    pthread_mutex_lock(&r->lock);
    struct job *j = r->finished;
    r->finished = NULL;
    r->finished_last = &r->finished;
    pthread_mutex_unlock(&r->lock);
    for (struct job *next; j; j = next) {
        next = j->next;
        if (j->done) j->done(j->arg);
        free(j);
    }
}

/* What waits is run to its end: every done is called, here, on the caller's thread. */
void readers_destroy(struct readers *r) {
    if (!r) return;
    pthread_mutex_lock(&r->lock);
    r->ending = true;
    pthread_cond_broadcast(&r->work);
    pthread_mutex_unlock(&r->lock);
    for (int i = 0; i < r->threads; i++) pthread_join(r->thread[i], NULL);
    readers_drain(r);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->work);
    free(r);
}
