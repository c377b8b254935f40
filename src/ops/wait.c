/* Parked callers and event streams. A parked caller costs its struct: it is answered from the records of the batch that ended
 * its generation, without asking the store again wherever the view allows it.
 *
 * Must always hold: `done` is called exactly once unless the surface abandoned the wait; an answer about a commit is made when
 * that commit is published, never before; whoever is parked is woken by what ends its generation, also when that is published
 * while the store is still being asked. */
#include "core/generation.h"
#include "ops/ops_int.h"

#include <stdlib.h>

static void link_wait(struct wait *w) {
    size_t b = bucket(str_of(w->generation), WAIT_BUCKETS);
    w->next = w->o->waits[b];
    w->o->waits[b] = w;
}

static void unlink_wait(struct wait *w) {
    struct wait **at = &w->o->waits[bucket(str_of(w->generation), WAIT_BUCKETS)];
    while (*at != w) at = &(*at)->next;
    *at = w->next;
}

struct wait *wait_new(struct ops *o, const struct caller *c, struct str generation, ops_done *done, void *arg) {
    struct wait *w = calloc(1, sizeof *w);
    must(w && generation.len == ID_LEN);
    *w = (struct wait){.o = o, .caller = *c, .done = done, .arg = arg};
    memcpy(w->generation, generation.ptr, ID_LEN);
    link_wait(w);
    o->parked++;
    return w;
}

/* A replay: the idempotency key named another generation. */
void wait_rename(struct wait *w, struct str generation) {
    unlink_wait(w);
    memcpy(w->generation, generation.ptr, ID_LEN);
    link_wait(w);
}

static void wait_free(struct wait *w) {
    unlink_wait(w);
    w->o->parked--;
    w->o->io->ops->timer_stop(w->o->io, w->timer);
    w->o->io->ops->timer_stop(w->o->io, w->retry);
    buf_done(&w->ready);
    if (w->answered) *w->answered = true;
    free(w);
}

void wait_answer(struct wait *w, const struct answer *a) {
    struct answer copy = *a;
    copy.generation = w->refused ? STR("") : str_of(w->generation);
    copy.replayed = w->replayed;
    if (!w->abandoned) w->done(w->arg, &copy);
    wait_free(w);
}

void ops_abandon(struct wait *w) {
    if (!w) return;
    w->abandoned = true;
    if (w->stage == WAIT_PARKED) wait_free(w); /* otherwise its commit or read still holds it */
}

/* What a caller gets who waited long enough: the seed's callers an error that names the generation, others the generation. */
static void answer_still_running(struct wait *w) {
    struct answer a = answer_of(E_STILL_RUNNING);
    snprintf(a.why.detail, sizeof a.why.detail,
             "Generation %s is still running; nothing is lost. Ask GET /v1/generations/%s for it, or repeat the call with the same Idempotency-Key.", w->generation, w->generation);
    why_fact_str(&a.why, "generation_id", w->generation);
    why_fact_str(&a.why, "status", "processing");
    wait_answer(w, &a);
}

static void time_is_up(void *arg) {
    struct wait *w = arg;
    w->timer = NULL;
    w->timed_out = true;
    if (w->stage == WAIT_READING) return; /* the answer is on its way */
    if (w->view == VIEW_MEDIA) answer_still_running(w);
    else wait_read(w);
}

void wait_clock(struct wait *w) {
    if (w->wait && !w->timer) w->timer = w->o->io->ops->timer_start(w->o->io, w->wait, time_is_up, w);
}

void wait_park(struct wait *w) {
    w->stage = WAIT_PARKED;
    if (w->abandoned) wait_free(w);
    else if (w->o->draining) answer_still_running(w); /* its commit came after all others had been told */
    else wait_clock(w);
}

/* --- answers from the store --- */

static void run_wait(struct read *r, struct db *db) {
    const struct generation *g = NULL;
    const struct asset **assets = NULL;
    const struct event **events = NULL;
    size_t asset_count = 0, event_count = 0;
    err e = QUERY_RECORD(db, generation, r->id, &r->arena, &g);
    if (!e && !is_operator(&r->caller) && (!str_is(g->project, r->caller.project) || !str_is(g->book, r->caller.book))) e = E_NOT_FOUND;
    if (e) {
        read_fail(r, e, e == E_NOT_FOUND ? "There is no generation %.*s in this project." : "Generation %.*s could not be read.", STR_ARG(r->id));
        return;
    }
    bool terminal = generation_is_terminal(g->state);
    if (!terminal && r->wait && r->view != VIEW_GENERATION) return;
    e = query_assets_of(db, g->head.id, &r->arena, &assets, &asset_count);
    if (!e && r->view == VIEW_GENERATION) e = query_events(db, g->head.id, 0, LIMIT_EVENTS, &r->arena, &events, &event_count);
    if (e) {
        read_fail(r, e, "Generation %.*s could not be read.", STR_ARG(r->id));
        return;
    }
    r->answer.terminal = terminal;
    struct shown s = {.g = g, .assets = assets, .asset_count = asset_count, .events = events, .event_count = event_count, .signer = r->signer,
                      .public_url = str_of(r->url), .now = r->now, .ttl_s = r->ttl_s, .kind_wanted = r->kind, .url_path_given = r->wait && r->wait->url_path_given};
    struct jw w = {.out = &r->json};
    bool has_files = str_eq(g->state, GEN_COMPLETED) && !g->error_code.len;
    if (r->view == VIEW_GENERATION) view_generation(&w, &s);
    else if (has_files && r->view == VIEW_FILES) view_files(&w, &s, &r->arena);
    else if (has_files) view_media(&w, &s, &r->arena);
    else {
        struct why why;
        view_failure(g, &why);
        answer_why(&r->answer, &why);
    }
}

static void read_once_more(void *arg) {
    struct wait *w = arg;
    w->retry = NULL;
    if (w->stage == WAIT_PARKED) wait_read(w);
}

/* The store could not be asked. That is no end of the generation: a parked caller who was told of a failure would make, and pay
 * for, the same once more. */
static void wait_retry(struct wait *w) {
    w->stage = WAIT_PARKED;
    wait_clock(w);
    if (!w->retry) w->retry = w->o->io->ops->timer_start(w->o->io, LIMIT_WAKE_SCAN_MS, read_once_more, w);
}

static void wait_was_read(void *arg, const struct answer *a) {
    struct wait *w = arg;
    bool is_over = w->timed_out || w->o->draining;
    if (a->terminal || a->code == E_NOT_FOUND || !w->wait || w->abandoned) wait_answer(w, a);
    else if (is_over && (a->code || w->view != VIEW_GENERATION)) answer_still_running(w); /* there is nothing finished to show */
    else if (is_over) wait_answer(w, a);
    else if (a->code) wait_retry(w);
    else if (w->missed) wait_read(w);
    else wait_park(w);
}

void wait_read(struct wait *w) {
    w->stage = WAIT_READING;
    w->missed = false;
    struct read *r = read_new(w->o, &w->caller, run_wait, wait_was_read, w);
    r->id = arena_dup(&r->arena, str_of(w->generation));
    r->kind = arena_dup(&r->arena, str_of(w->kind_wanted));
    r->view = w->view;
    r->ttl_s = w->ttl_s;
    r->wait = w;
    read_start(r);
}

struct wait *ops_wait(struct ops *o, const struct caller *c, struct str id, msec wait, enum view view, int64_t ttl_s, ops_done *done, void *arg) {
    if (!id_is(id)) {
        answer_err(done, arg, E_NOT_FOUND, "There is no such generation: an id has 32 hexadecimal digits.");
        return NULL;
    }
    struct wait *w = wait_new(o, c, id, done, arg);
    w->view = view;
    w->ttl_s = ttl_s;
    w->wait = o->draining ? 0 : wait < LIMIT_WAIT_MS ? wait : LIMIT_WAIT_MS;
    bool answered = false;
    w->answered = &answered;
    wait_clock(w);
    wait_read(w); /* may have ended long ago */
    if (answered) return NULL;
    w->answered = NULL;
    return w;
}

/* --- answers from a published batch --- */

static size_t assets_in(const struct rec_change *changes, size_t n, struct str generation, const struct asset **out) {
    size_t count = 0;
    for (size_t i = 0; i < n && count < LIMIT_OUTPUTS; i++) {
        if (changes[i].type != REC_asset) continue;
        const struct asset *a = (const struct asset *)changes[i].record;
        if (str_eq(a->generation, generation)) out[count++] = a;
    }
    for (size_t i = 1; i < count; i++) /* in order of their number; there are few */
        for (size_t k = i; k && out[k - 1]->n > out[k]->n; k--) {
            const struct asset *swap = out[k];
            out[k] = out[k - 1];
            out[k - 1] = swap;
        }
    return count;
}

static void make_ready(struct wait *w, const struct generation *g, const struct rec_change *changes, size_t n) {
    const struct asset *assets[LIMIT_OUTPUTS];
    struct shown s = {.g = g, .assets = assets, .asset_count = assets_in(changes, n, g->head.id, assets), .signer = w->o->o.signer,
                      .public_url = str_of(w->o->o.public_url), .now = io_now(w->o->io), .ttl_s = w->ttl_s, .kind_wanted = str_of(w->kind_wanted),
                      .url_path_given = w->url_path_given};
    _cleanup_(arena_done) struct arena arena = {};
    struct jw out = {.out = &w->ready};
    buf_clear(&w->ready);
    w->ready_terminal = generation_is_terminal(g->state);
    bool has_files = str_eq(g->state, GEN_COMPLETED) && !g->error_code.len;
    if (w->view == VIEW_GENERATION) view_generation(&out, &s);
    else if (has_files && w->view == VIEW_FILES) view_files(&out, &s, &arena);
    else if (has_files) view_media(&out, &s, &arena);
    else if (w->ready_terminal) {
        view_failure(g, &w->why);
        w->failed = true;
    }
}

static void generation_published(struct wait *w, const struct generation *g, const struct rec_change *changes, size_t n) {
    bool terminal = generation_is_terminal(g->state);
    if (w->stage == WAIT_COMMITTING) {
        if (terminal || (w->view == VIEW_GENERATION && w->wait == 0)) make_ready(w, g, changes, n);
    } else if (w->stage == WAIT_READING) {
        w->missed |= terminal; /* what is being read may be from before this commit */
    } else if (terminal) {
        if (w->view == VIEW_GENERATION) { /* its stages stand in earlier batches */
            wait_read(w);
            return;
        }
        make_ready(w, g, changes, n);
        struct answer a = answer_of(OK);
        if (w->failed) answer_why(&a, &w->why);
        a.terminal = true;
        a.json = buf_view(&w->ready);
        wait_answer(w, &a);
    }
}

void waits_published(struct ops *o, const struct rec_change *changes, size_t n) {
    if (!o->parked) return;
    for (size_t i = 0; i < n; i++) {
        if (changes[i].type != REC_generation) continue;
        const struct generation *g = (const struct generation *)changes[i].record;
        for (struct wait *w = o->waits[bucket(g->head.id, WAIT_BUCKETS)], *next; w; w = next) {
            next = w->next;
            if (str_is(g->head.id, w->generation)) generation_published(w, g, changes, n);
        }
    }
}

void waits_end(struct ops *o, err code) {
    for (size_t b = 0; b < WAIT_BUCKETS; b++)
        for (struct wait *w = o->waits[b], *next; w; w = next) {
            next = w->next;
            if (w->stage != WAIT_PARKED) continue; /* its commit or read answers it */
            if (code == E_STILL_RUNNING) answer_still_running(w);
            else {
                struct answer a = answer_of(code);
                wait_answer(w, &a);
            }
        }
}

/* --- event streams --- */

enum { STREAM_READY_BYTES = 64 * 1024, STREAM_PAGE = 100 };

static void stream_free(struct event_stream *s) {
    struct event_stream **at = &s->o->streams[bucket(str_of(s->generation), WAIT_BUCKETS)];
    while (*at != s) at = &(*at)->next;
    *at = s->next;
    s->o->io->ops->timer_stop(s->o->io, s->look);
    s->o->io->ops->timer_stop(s->o->io, s->retry);
    buf_done(&s->ready);
    free(s);
}

static bool is_last(struct str type) { return str_eq(type, GEN_COMPLETED) || str_eq(type, GEN_FAILED) || str_eq(type, GEN_CANCELLED); }

struct stream_read {
    struct event_stream *s;
    int64_t after, last;
    bool ended, full;
    struct arena arena;
    struct buf out;
    err code;
    char generation[ID_LEN + 1];
    struct caller caller;
};

static void run_stream(struct db *db, void *arg) {
    struct stream_read *r = arg;
    const struct generation *g = NULL;
    const struct event **events;
    size_t n;
    r->code = QUERY_RECORD(db, generation, str_of(r->generation), &r->arena, &g);
    if (!r->code && !is_operator(&r->caller) && (!str_is(g->project, r->caller.project) || !str_is(g->book, r->caller.book))) r->code = E_NOT_FOUND;
    if (r->code) return;
    r->code = query_events(db, str_of(r->generation), r->after, STREAM_PAGE, &r->arena, &events, &n);
    if (r->code) return;
    for (size_t i = 0; i < n; i++) {
        view_event(&r->out, events[i]);
        r->last = events[i]->n;
        if (is_last(events[i]->type)) r->ended = true;
    }
    r->full = n == STREAM_PAGE;
    if (!n && generation_is_terminal(g->state)) r->ended = true; /* asked for what lies behind the end */
}

static void stream_read(struct event_stream *s);

static void stream_again(void *arg) {
    struct event_stream *s = arg;
    s->retry = NULL;
    if (!s->ended) stream_read(s);
}

static void end_stream(struct event_stream *s) {
    buf_z(&s->ready, "retry: 2000\n\n");
    s->ended = true;
    s->behind = false;
}

static void stream_take(struct event_stream *s, const struct stream_read *r) {
    if (s->ended) return; /* by a drain, meanwhile */
    if (r->code) {        /* the store could not be asked: its events are still to come */
        if (!s->retry) s->retry = s->o->io->ops->timer_start(s->o->io, LIMIT_WAKE_SCAN_MS, stream_again, s);
        return;
    }
    buf_str(&s->ready, buf_view(&r->out));
    if (r->last > s->after) s->after = r->last;
    s->ended = r->ended;
    s->behind |= r->full;
}

static void stream_open(struct event_stream *s, err code) {
    ops_stream_done *opened = s->opened;
    s->opened = NULL;
    if (code) {
        struct why why = {.code = code};
        snprintf(why.detail, sizeof why.detail, code == E_NOT_FOUND ? "There is no generation %s in this project." : "Generation %s could not be read.", s->generation);
        opened(s->arg, code, &why, NULL);
        stream_free(s);
        return;
    }
    if (s->o->draining && !s->ended) end_stream(s);
    opened(s->arg, OK, NULL, s);
}

static void stream_was_read(void *arg) {
    struct stream_read *r = arg;
    struct event_stream *s = r->s;
    s->reading = false;
    if (s->closed) stream_free(s);
    else if (s->opened) {
        if (!r->code) stream_take(s, r);
        stream_open(s, r->code);
    } else {
        stream_take(s, r);
        if (s->ready.len || s->ended) s->wake(s->arg);
        else if (s->behind && !r->code) stream_read(s); /* published while an older state was being read: nobody else will ask */
    }
    arena_done(&r->arena);
    buf_done(&r->out);
    free(r);
}

static void stream_read(struct event_stream *s) {
    if (s->reading) {
        s->behind = true;
        return;
    }
    s->behind = false;
    struct stream_read *r = calloc(1, sizeof *r);
    must(r);
    *r = (struct stream_read){.s = s, .after = s->after, .last = s->after, .caller = s->caller};
    memcpy(r->generation, s->generation, sizeof r->generation);
    s->reading = true;
    err e = readers_run(s->o->o.readers, run_stream, stream_was_read, r); /* from here on r->code is the reader's to write */
    if (!e) return;
    r->code = e;
    stream_was_read(r);
}

static void stream_look(void *arg) {
    struct event_stream *s = arg;
    s->look = s->o->io->ops->timer_start(s->o->io, LIMIT_WAKE_SCAN_MS, stream_look, s);
    if (!s->ended && s->ready.len < STREAM_READY_BYTES) stream_read(s);
}

void ops_events(struct ops *o, const struct caller *c, struct str id, int64_t after, void (*wake)(void *arg), ops_stream_done *done, void *arg) {
    struct why why = {.code = E_NOT_FOUND, .detail = "There is no such generation: an id has 32 hexadecimal digits."};
    if (!id_is(id)) {
        done(arg, E_NOT_FOUND, &why, NULL);
        return;
    }
    struct event_stream *s = calloc(1, sizeof *s);
    must(s);
    *s = (struct event_stream){.o = o, .caller = *c, .after = after, .wake = wake, .arg = arg, .opened = done};
    memcpy(s->generation, id.ptr, ID_LEN);
    size_t b = bucket(id, WAIT_BUCKETS);
    s->next = o->streams[b];
    o->streams[b] = s;
    if (o->o.other_nodes) s->look = o->io->ops->timer_start(o->io, LIMIT_WAKE_SCAN_MS, stream_look, s);
    stream_read(s);
}

bool event_stream_fill(struct event_stream *s, struct buf *out) {
    buf_str(out, buf_view(&s->ready));
    buf_clear(&s->ready);
    if (s->ended && !s->behind) return false;
    if (s->behind) stream_read(s);
    return true;
}

void event_stream_close(struct event_stream *s) {
    s->closed = true;
    if (!s->reading) stream_free(s);
}

void streams_published(struct ops *o, const struct rec_change *changes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (changes[i].type != REC_event) continue;
        const struct event *e = (const struct event *)changes[i].record;
        for (struct event_stream *s = o->streams[bucket(e->generation, WAIT_BUCKETS)], *next; s; s = next) {
            next = s->next;
            if (s->closed || s->ended || !str_is(e->generation, s->generation) || e->n <= s->after) continue;
            if (s->reading || s->opened || e->n != s->after + 1 || s->ready.len > STREAM_READY_BYTES) {
                s->behind = true; /* read from the store once the client has taken what waits */
                if (!s->reading && !s->ready.len) stream_read(s);
                continue;
            }
            view_event(&s->ready, e);
            s->after = e->n;
            if (is_last(e->type)) s->ended = true;
            s->wake(s->arg);
        }
    }
}

void streams_end(struct ops *o) {
    for (size_t b = 0; b < WAIT_BUCKETS; b++)
        for (struct event_stream *s = o->streams[b], *next; s; s = next) {
            next = s->next;
            if (s->closed || s->opened || s->ended) continue;
            end_stream(s);
            s->wake(s->arg);
        }
}
