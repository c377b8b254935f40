/* The way of one call: find what its route means, build the request, send it, read the answer, ask on where the description says so. */
#include "engine/remote_int.h"

#include "io/egress.h"

#include <stdlib.h>

enum { THINKERS = 4, WRITERS = 4, LIGHT_BYTES = 64 * 1024 };

struct step {
    struct step *next; /* of those that wait for a place in the queue of their pool */
    struct errand *e;
    struct pool *pool;
    void (*work)(struct errand *e);
    void (*then)(struct errand *e);
};

/* A link of this server is of use to a provider unless it leads to a special address, as far as its text can tell. */
static bool is_reachable(const char *url) {
    _cleanup_(arena_done) struct arena a = {};
    struct egress_url u;
    struct egress_address address;
    if (egress_url_read(str_of(url), STR(""), &a, NULL, &u) || str_is(u.host, "localhost") || str_ends(u.host, STR(".localhost"))) return false;
    if (egress_address_read(u.host, NULL, &address)) return true; /* a name */
    struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_addr = address.ip};
    return !egress_special((const struct sockaddr *)&sa);
}

static bool is_near(struct str url) {
    _cleanup_(arena_done) struct arena a = {};
    struct egress_url u;
    return !egress_url_read(url, STR(""), &a, NULL, &u) && (str_is(u.host, "localhost") || str_is(u.host, "::1") || str_starts(u.host, STR("127.")));
}

struct remote *remote_create(const struct remote_options *o) {
    struct remote *r = calloc(1, sizeof *r);
    must(r);
    *r = (struct remote){.o = *o, .reachable = is_reachable(o->public_url), .near = is_near(str_of(o->public_url))};
    r->last_step = &r->steps;
    r->thinkers = pool_create(o->loop, "providers", THINKERS, LIMIT_COMMIT_QUEUE);
    r->writers = pool_create(o->loop, "outputs", WRITERS, LIMIT_COMMIT_QUEUE);
    return r;
}

static void errand_free(struct errand *e) {
    *e->back = e->next;
    if (e->next) e->next->back = e->back;
    e->r->stats.calls--;
    sources_close(e);
    inbox_close(e);
    fetch_close(e);
    free(e->feed.chunk);
    buf_done(&e->pump.come);
    buf_done(&e->pump.going);
    arena_done(&e->arena);
    free(e);
}

void remote_stop(struct remote *r) {
    if (!r || r->stopping) return;
    r->stopping = true;
    for (struct errand *e = r->first; e; e = e->next) {
        if (e->sending) upstream_cancel(e->sending);
        e->sending = NULL;
    }
    pool_destroy(r->thinkers);
    pool_destroy(r->writers);
}

void remote_destroy(struct remote *r) {
    if (!r) return;
    remote_stop(r);
    while (r->first) errand_free(r->first);
    for (struct step *s = r->steps, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    free(r);
}

struct remote_stats remote_stats(const struct remote *r) {
    struct remote_stats s = r->stats;
    s.downloads = r->downloading;
    return s;
}

/* --- steps on threads --- */

static void finish_posted(void *arg);

static void run_step(void *arg) {
    struct step *s = arg;
    s->work(s->e);
}

static void step_done(void *arg);

/* The queues are full only while steps of theirs are under way, and each end of one lets the oldest that waits have its place: what has arrived
 * is read, however busy the server is. */
static void steps_waiting(struct remote *r) {
    for (struct step *s = r->steps, *next; s; s = next) {
        next = s->next;
        if (pool_run(s->pool, run_step, step_done, s)) return;
        r->steps = next;
    }
    r->last_step = &r->steps;
}

static void step_done(void *arg) {
    struct step s = *(struct step *)arg;
    free(arg);
    s.e->jobs--;
    if (s.e->r->stopping) return;
    steps_waiting(s.e->r);
    if (s.e->gone) {
        if (!s.e->jobs) finish_posted(s.e);
        return;
    }
    s.then(s.e);
}

void errand_think(struct errand *e, struct pool *pool, void (*work)(struct errand *e), void (*then)(struct errand *e)) {
    struct remote *r = e->r;
    struct step *s = malloc(sizeof *s);
    must(s);
    *s = (struct step){.e = e, .pool = pool, .work = work, .then = then};
    e->jobs++;
    if (r->stopping) free(s); /* nobody waits for it any more */
    else if (r->steps || pool_run(pool, run_step, step_done, s)) {
        *r->last_step = s;
        r->last_step = &s->next;
    }
}

/* --- bodies on their way to a thread --- */

void pump_start(struct errand *e, void (*write)(struct errand *e, struct str piece), void (*end)(struct errand *e)) {
    struct pump *p = &e->pump;
    buf_clear(&p->come);
    buf_clear(&p->going);
    *p = (struct pump){.come = p->come, .going = p->going, .write = write, .end = end};
}

static void pump_work(struct errand *e) { e->pump.write(e, buf_view(&e->pump.going)); }
static void pump_done(struct errand *e);

static void pump_go(struct errand *e) {
    struct pump *p = &e->pump;
    struct buf empty = p->going;
    p->going = p->come;
    p->come = empty;
    p->busy = p->used = true;
    errand_think(e, e->r->writers, pump_work, pump_done);
}

static void pump_done(struct errand *e) {
    struct pump *p = &e->pump;
    p->busy = false;
    buf_clear(&p->going);
    if (p->code && e->sending) {
        upstream_cancel(e->sending);
        e->sending = NULL;
        p->ended = true;
    }
    if (p->code) buf_clear(&p->come);
    if (p->come.len && (p->ended || p->come.len >= REMOTE_CHUNK)) pump_go(e);
    else if (p->ended) p->end(e);
    if (p->paused && e->sending && p->come.len < REMOTE_CHUNK) {
        p->paused = false;
        upstream_resume(e->sending);
    }
}

void pump_take(struct errand *e, struct str piece) {
    struct pump *p = &e->pump;
    e->r->stats.bytes_in += piece.len;
    if (!p->busy && p->code) return; /* while a thread writes, the code is the thread's */
    buf_str(&p->come, piece);
    if (p->come.len >= REMOTE_CHUNK && !p->busy) pump_go(e);
    if (p->busy && p->come.len >= REMOTE_CHUNK && !p->paused && e->sending) {
        p->paused = true;
        upstream_pause(e->sending);
    }
}

void pump_end(struct errand *e) {
    struct pump *p = &e->pump;
    p->ended = true;
    if (p->busy) return;
    if (p->come.len && p->used) pump_go(e);
    else p->end(e);
}

static err run_program(void *self, struct str program, struct str input, struct arena *a, struct why *why, struct str *out) {
    return jq_run(self, program, input, a, why, out);
}

struct evaluator errand_evaluator(struct errand *e) { return (struct evaluator){.run = run_program, .self = e->r->o.jq}; }

/* --- the end --- */

static void finish_posted(void *arg) {
    struct errand *e = arg;
    if (e->r->stopping) return;
    e->done(e->arg, e->call, &e->result);
    errand_free(e);
}

/* From the top of the loop: whoever calls this may still stand in a callback of the request. */
void errand_finish(struct errand *e) {
    if (e->gone) return;
    e->gone = true;
    if (e->sending) upstream_cancel(e->sending);
    e->sending = NULL;
    if (!e->jobs) loop_post(e->r->o.loop, finish_posted, e);
}

void errand_fail(struct errand *e, err code, enum failure f, struct str detail) {
    e->result.code = code;
    e->result.failure = f;
    e->result.detail = arena_dup(&e->arena, detail);
    errand_finish(e);
}

static void tell(struct errand *e, enum failure f) {
    struct remote *r = e->r;
    r->stats.requests++;
    if (f != FAIL_NONE) r->stats.failed++;
}

/* --- what an answer means --- */

static void take_reading(struct errand *e) {
    const struct reading *g = &e->reading;
    struct call_result *r = &e->result;
    r->cost_micros = g->cost_micros;
    r->retry_after = g->retry_after;
    r->billed = g->billed;
    r->percent = g->percent;
    if (g->unknown_status) e->r->stats.unknown_statuses++;
    if (g->ref.len) e->pc.their_ref = g->ref;
    r->their_ref = g->ref;
}

static bool passes(enum failure f) { return f == FAIL_TRANSIENT || f == FAIL_RATE_LIMIT || f == FAIL_AUTH || f == FAIL_QUOTA; }

/* A poll that the provider answers with 429 or 503 says nothing about the work. */
static bool question_failed(const struct errand *e) { return e->status >= 400 && passes(e->reading.failure); }

/* What somebody between us and the provider says who got no answer from there himself: the provider may have taken it. The other ones of their
 * kind (503, 521 to 523, 525 to 527) say that it was not reached. */
static bool is_gateways(int status) { return status == 502 || status == 504 || status == 520 || status == 524; }

static void after_submit(struct errand *e) {
    struct call_result *r = &e->result;
    switch (e->reading.state) {
    case REPLY_FAILED:
    case REPLY_CANCELLED:
    case REPLY_NOT_FOUND: {
        enum failure f = e->reading.failure ? e->reading.failure : FAIL_UNCLASSIFIED;
        r->sent = true;
        r->answer_lost = e->reading.lost || (e->reading.by_status && is_gateways(e->status));
        errand_fail(e, E_UPSTREAM, f, sentence_of(e, f, e->reading.message));
        return;
    }
    case REPLY_DONE: r->state = endpoint_info(e->plan.endpoint)->has_result ? CALL_RUNNING : CALL_FINISHED; break;
    default: r->state = CALL_RUNNING;
    }
    errand_finish(e);
}

static void after_poll(struct errand *e) {
    struct call_result *r = &e->result;
    switch (e->reading.state) {
    case REPLY_WAITING:
    case REPLY_RUNNING:
        r->state = CALL_RUNNING;
        if (e->reading.stage.len) e->stage(e->arg, e->call, e->reading.stage, e->reading.percent);
        break;
    case REPLY_DONE:
        if (e->ask == ASK_POLL && endpoint_info(e->plan.endpoint)->has_result) {
            errand_ask(e, ASK_RESULT);
            return;
        }
        r->state = CALL_FINISHED;
        break;
    case REPLY_FAILED:
        r->done_there = e->ask == ASK_RESULT;
        if (question_failed(e)) {
            errand_fail(e, E_UPSTREAM, e->reading.failure, e->reading.message);
            return;
        }
        if (e->reading.failure == FAIL_GONE && e->status >= 400) {
            r->state = CALL_NOT_FOUND;
            break;
        }
        r->state = CALL_STOPPED;
        r->failure = e->reading.failure;
        r->detail = sentence_of(e, r->failure, e->reading.message);
        break;
    case REPLY_CANCELLED:
        r->state = CALL_STOPPED; /* wanted, or not: the engine knows */
        r->failure = FAIL_NONE;
        r->detail = sentence_of(e, FAIL_UNCLASSIFIED, STR("the work was cancelled there"));
        break;
    case REPLY_NOT_FOUND: r->state = CALL_NOT_FOUND; break;
    }
    errand_finish(e);
}

static void after_lookup(struct errand *e) {
    struct call_result *r = &e->result;
    if (e->reading.state == REPLY_FAILED) {
        errand_fail(e, E_UPSTREAM, e->reading.failure, e->reading.message);
        return;
    }
    r->state = e->reading.state == REPLY_NOT_FOUND ? CALL_NOT_FOUND : CALL_RUNNING;
    errand_finish(e);
}

/* The answer could not be read, or named no output: the provider has worked, and nobody knows what for. */
static void unreadable(struct errand *e) {
    bool ours = e->code == E_AGAIN || e->code == E_UNAVAILABLE || e->code == E_STORAGE_FULL || e->code == E_IO;
    struct str detail = str_of(why_text(&e->why));
    if (e->call->kind == CALL_SUBMIT) {
        e->result.sent = true;
        e->result.answer_lost = ours;
        errand_fail(e, e->code, ours ? FAIL_TRANSIENT : FAIL_UNCLASSIFIED, detail);
    } else if (!ours && e->code == E_UPSTREAM) {
        e->result.state = CALL_STOPPED;
        e->result.failure = FAIL_UNCLASSIFIED;
        e->result.detail = arena_dup(&e->arena, detail);
        errand_finish(e);
    } else {
        errand_fail(e, e->code, FAIL_TRANSIENT, detail);
    }
}

static void has_read(struct errand *e) {
    take_reading(e);
    tell(e, e->code ? FAIL_NONE : e->reading.state == REPLY_FAILED ? e->reading.failure : FAIL_NONE);
    if (e->code) {
        unreadable(e);
        return;
    }
    switch (e->ask) {
    case ASK_SUBMIT: after_submit(e); break;
    case ASK_POLL:
    case ASK_RESULT: after_poll(e); break;
    case ASK_LOOKUP: after_lookup(e); break;
    case ASK_CANCEL:
        e->result.state = e->reading.state == REPLY_CANCELLED ? CALL_STOPPED : CALL_RUNNING;
        errand_finish(e);
        break;
    default: errand_finish(e);
    }
}

static void read_uploaded(struct errand *e);
static void uploaded(struct errand *e);

/* All of the answer is there. A short one of a simple poll is read at once, everything else on a thread. */
static void has_come(struct errand *e) {
    bool upload = e->ask == ASK_UPLOAD || e->ask == ASK_UPLOAD_REQUEST;
    bool light = endpoint_info(e->plan.endpoint)->poll_is_simple && e->ask == ASK_POLL && e->pump.come.len <= LIGHT_BYTES && !e->pump.used;
    if (upload) errand_think(e, e->r->thinkers, read_uploaded, uploaded);
    else if (light && endpoint_info(e->plan.endpoint)->has_result) {
        reply_read(e);
        has_read(e);
    } else errand_think(e, e->r->thinkers, reply_read, has_read);
}

/* --- sending --- */

static bool on_head(void *arg, int status, const struct upstream_header *headers, size_t n, int64_t length) {
    struct errand *e = arg;
    struct header_out *list = arena_array(&e->arena, struct header_out, n + 1);
    for (size_t i = 0; i < n; i++)
        list[i] = (struct header_out){.name = arena_dup(&e->arena, headers[i].name), .value = arena_dup(&e->arena, headers[i].value)};
    e->status = status;
    e->headers = list;
    e->header_count = n;
    inbox_open(e);
    if (length > LIGHT_BYTES) buf_reserve(&e->pump.come, length < REMOTE_CHUNK ? (size_t)length : REMOTE_CHUNK * 3 / 2); /* it grew piece by piece otherwise */
    return length <= REMOTE_REPLY_MAX;
}

static bool on_body(void *arg, struct str piece) {
    pump_take(arg, piece);
    return true;
}

/* No answer. What never left is surely not there; what left may be. */
static void no_answer(struct errand *e, const struct upstream_answer *a) {
    struct call_result *r = &e->result;
    tell(e, FAIL_TRANSIENT);
    r->sent = a->sent;
    bool refused = a->code == E_EGRESS || a->code == E_INVALID;
    r->answer_lost = e->ask == ASK_SUBMIT && a->sent && !refused;
    struct str detail = arena_printf(&e->arena, "%s%s", why_text(&a->why), r->answer_lost ? "" : " Nothing was charged.");
    errand_fail(e, a->code, refused ? FAIL_UNCLASSIFIED : FAIL_TRANSIENT, detail);
}

static void answered(void *arg, const struct upstream_answer *a) {
    struct errand *e = arg;
    e->sending = NULL;
    e->took = a->took;
    e->answered = !a->code;
    e->sent = a->sent;
    if (a->code) no_answer(e, a);
    else pump_end(e);
}

static void split_headers(struct errand *e, struct upstream_ask *ask) {
    const struct request *q = &e->request;
    struct upstream_header *plain = arena_array(&e->arena, struct upstream_header, q->header_count + 2),
                           *secret = arena_array(&e->arena, struct upstream_header, q->header_count + 1);
    for (size_t i = 0; i < q->header_count; i++) {
        struct upstream_header h = {q->headers[i].name, q->headers[i].value};
        if (q->headers[i].secret) secret[ask->secret_header_count++] = h;
        else plain[ask->header_count++] = h;
    }
    if (e->ask == ASK_SUBMIT && e->call->trace.len) plain[ask->header_count++] = (struct upstream_header){STR("traceparent"), e->call->trace};
    ask->headers = plain;
    ask->secret_headers = secret;
}

void errand_send(struct errand *e) {
    if (e->ask == ASK_SUBMIT && !e->r->o.may_act(e->r->o.arg)) { /* uploads and programs took their time since the engine asked */
        errand_fail(e, E_UNAVAILABLE, FAIL_TRANSIENT, STR("This server lost its database before the call left it. Nothing was charged."));
        return;
    }
    const struct request *q = &e->request;
    const struct provider_info *p = provider_info(e->plan.provider);
    struct upstream_ask ask = {.policy = q->foreign ? EGRESS_FOUND : EGRESS_PROVIDER, .method = q->method, .url = q->url, .origin = q->origin,
                               .private_addresses = p->private_addresses, .private_count = p->private_count, .fresh = q->fresh_connection, .timeout = q->timeout,
                               .max_bytes = REMOTE_REPLY_MAX, .long_answer = e->ask == ASK_SUBMIT && endpoint_info(e->plan.endpoint)->protocol == PROTOCOL_SYNC, .on_head = on_head, .on_body = on_body, .done = answered, .arg = e};
    if (q->foreign) ask.private_count = 0;
    split_headers(e, &ask);
    e->feed = (struct feed){.parts = q->body, .count = q->body_count, .chunk = e->feed.chunk};
    bool holes = false;
    for (size_t i = 0; i < q->body_count; i++) holes |= q->body[i].file >= 0;
    if (q->body_count == 1 && !holes) ask.body = q->body[0].text;
    else if (q->body_count) {
        ask.body_bytes = q->body_bytes;
        ask.body_read = feed_read;
    }
    e->status = 0;
    e->answered = false;
    e->reading = (struct reading){.percent = -1};
    inbox_close(e);
    pump_start(e, inbox_write, has_come);
    e->sending = upstream_send(e->r->o.upstream, &ask);
}

/* --- building --- */

static void build(struct errand *e) {
    struct evaluator ev = errand_evaluator(e);
    e->code = provider_request(e->plan.endpoint, e->ask, &e->pc, &ev, &e->arena, &e->why, &e->request);
}

static void not_built(struct errand *e) {
    bool ours = e->code == E_AGAIN || e->code == E_UNAVAILABLE || e->code == E_IO;
    enum failure f = ours ? FAIL_TRANSIENT : e->code == E_TOO_LARGE || e->code == E_NOT_FOUND ? FAIL_CALLER : FAIL_UNCLASSIFIED;
    struct str detail = arena_printf(&e->arena, "%s Nothing was charged.", why_text(&e->why));
    errand_fail(e, e->code, f, detail);
}

static void built(struct errand *e) {
    if (e->code) not_built(e);
    else errand_send(e);
}

void errand_ask(struct errand *e, enum ask ask) {
    const struct endpoint_info *i = endpoint_info(e->plan.endpoint);
    e->ask = ask;
    e->code = OK;
    if (i->poll_is_simple && (ask == ASK_POLL || ask == ASK_RESULT)) {
        build(e);
        built(e);
    } else errand_think(e, e->r->thinkers, build, built);
}

/* --- uploads before the submit --- */

static void next_upload(struct errand *e) {
    const struct endpoint_info *i = endpoint_info(e->plan.endpoint);
    while (e->pc.upload < e->pc.file_count && e->files[e->pc.upload].url.len) e->pc.upload++;
    if (i->files != FILES_UPLOAD || e->pc.upload == e->pc.file_count) {
        e->pc.upload = e->pc.file_count;
        errand_ask(e, ASK_SUBMIT);
        return;
    }
    e->pc.upload_reply = (struct str){};
    errand_ask(e, i->upload_in_two ? ASK_UPLOAD_REQUEST : ASK_UPLOAD);
}

static void read_uploaded(struct errand *e) {
    struct evaluator ev = errand_evaluator(e);
    struct json *body = NULL;
    struct str value = {}, text = {};
    e->code = inbox_read(e, &body, &text);
    if (e->code) return;
    struct reply_in in = {.status = e->status, .headers = e->headers, .header_count = e->header_count, .body = body, .text = str_head(text, 4096)};
    e->code = provider_reply(e->plan.endpoint, e->ask, &e->pc, &in, STR(""), &ev, &e->arena, &e->why, &e->reading);
    if (e->code || e->reading.state == REPLY_FAILED) return;
    e->code = provider_uploaded(e->plan.endpoint, &e->pc, &in, &ev, &e->arena, &e->why, &value);
    if (value.len) e->files[e->pc.upload].url = value;
    if (e->ask != ASK_UPLOAD_REQUEST || !body) return;
    struct buf b = {};
    json_write(&b, body);
    e->pc.upload_reply = arena_dup(&e->arena, buf_view(&b));
    buf_done(&b);
}

static void uploaded(struct errand *e) {
    tell(e, !e->code && e->reading.state == REPLY_FAILED ? e->reading.failure : FAIL_NONE);
    e->result.retry_after = e->reading.retry_after;
    if (e->code) not_built(e);
    else if (e->reading.state == REPLY_FAILED) errand_fail(e, E_UPSTREAM, e->reading.failure, sentence_of(e, e->reading.failure, e->reading.message));
    else if (e->ask == ASK_UPLOAD_REQUEST) errand_ask(e, ASK_UPLOAD);
    else if (!e->files[e->pc.upload].url.len) {
        e->code = why_set(&e->why, E_DESCRIPTION, "The provider took an input file and gave no name for it where its description looks.");
        not_built(e);
    } else {
        e->pc.upload++;
        next_upload(e);
    }
}

static void opened(struct errand *e) {
    if (e->code) not_built(e);
    else next_upload(e);
}

/* --- the beginning --- */

static enum failure failure_of_key(err code) { return code == E_NO_PROVIDER_KEY ? FAIL_AUTH : FAIL_TRANSIENT; }

/* Where it may call back. The token is all that the route knows of the work; see cmd/hooks.c. */
static struct str webhook_of(struct errand *e, const struct provider_info *p) {
    struct remote *r = e->r;
    if (e->call->kind != CALL_SUBMIT || !(r->reachable || (r->near && is_near(p->base)))) return STR("");
    _cleanup_(buf_done) struct buf url = {};
    buf_printf(&url, "%s/v1/hooks/%.*s/", r->o.public_url, STR_ARG(p->name));
    token_seal(r->o.signer, "hook", arena_printf(&e->arena, "%.*s %.*s.%lld", STR_ARG(p->name), STR_ARG(e->call->generation), (long long)e->call->attempt), &url);
    return arena_dup(&e->arena, buf_view(&url));
}

static void begin(struct errand *e) {
    struct remote *r = e->r;
    const struct call *c = e->call;
    const struct provider_info *p = provider_info(e->plan.provider);
    e->pc = (struct provider_call){.slug = c->model, .kind = c->kind_wanted, .model = c->route, .our_ref = c->our_ref, .inputs = c->inputs, .spec = e->plan.model,
                                   .route = e->plan.route, .files = e->files, .their_ref = c->their_ref, .now = e->now};
    e->pc.webhook = webhook_of(e, p);
    struct why why = {};
    err k = p->needs_key ? r->o.key(r->o.arg, p, &e->arena, &why, &e->pc.key) : OK;
    bool done_there = c->kind == CALL_FETCH; /* it is paid for: a key that is gone may only delay it, and only where the links ask for one */
    if (k && (!done_there || endpoint_info(e->plan.endpoint)->credentials_on_downloads)) {
        errand_fail(e, k, done_there ? FAIL_TRANSIENT : failure_of_key(k), str_of(why_text(&why)));
        return;
    }
    switch (c->kind) {
    case CALL_SUBMIT: errand_think(e, r->writers, sources_open, opened); break;
    case CALL_POLL: errand_ask(e, ASK_POLL); break;
    case CALL_CANCEL: errand_ask(e, ASK_CANCEL); break;
    case CALL_LOOKUP: errand_ask(e, ASK_LOOKUP); break;
    default: fetch_start(e);
    }
}

void remote_call(void *self, const struct call *c, call_stage_fn *stage, call_done_fn *done, void *arg) {
    struct remote *r = self;
    struct io *io = loop_io(r->o.loop);
    struct errand *e = calloc(1, sizeof *e);
    must(e);
    *e = (struct errand){.next = r->first, .back = &r->first, .r = r, .call = c, .stage = stage, .done = done, .arg = arg, .now = io_now(io)};
    if (r->first) r->first->back = &e->next;
    r->first = e;
    r->stats.calls++;
    e->result = (struct call_result){.percent = -1, .measured = -1};
    for (size_t i = 0; i < REMOTE_FILES_MAX; i++) e->sources[i].fd = -1;
    if (c->kind != CALL_CANCEL && c->kind != CALL_LOOKUP) io->ops->random(io, e->random, sizeof e->random);
    struct route_names names = {c->catalog, c->model, c->provider, c->route};
    if (!atlas_find(r->o.atlas, &names, &e->plan) || !e->plan.endpoint)
        errand_fail(e, E_NO_ROUTE, FAIL_UNCLASSIFIED, STR("The catalog has no such route any more. Nothing was charged."));
    else begin(e);
}
