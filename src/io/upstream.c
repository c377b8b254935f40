/* Requests from their beginning to their one end, hop by hop. What a caller does from within a callback (send, cancel, resume) is put
 * on the kick, a list that the loop works off in its next turn, so that nothing changes under libcurl's hands. */
#include "io/upstream_int.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>

enum { KICKS_AT_ONCE = 64 };
static void on_kick(uv_idle_t *t);

static void kick(struct upstream_request *r) {
    struct upstream *u = r->u;
    if (r->kicked) return;
    r->kicked = true;
    r->next_kicked = NULL;
    *u->last_kicked = r;
    u->last_kicked = &r->next_kicked;
    if (!uv_is_active((uv_handle_t *)&u->kick)) must(uv_idle_start(&u->kick, on_kick) == 0);
}

/* --- made and unmade --- */

static struct upstream_request *request_new(struct upstream *u) {
    struct upstream_request *r = u->idle;
    if (r) {
        u->idle = r->next;
        u->idle_count--;
    } else {
        r = calloc(1, sizeof *r);
        must(r && (r->easy = curl_easy_init()));
    }
    r->u = u;
    r->next = u->live;
    r->prev = &u->live;
    if (r->next) r->next->prev = &r->next;
    u->live = r;
    u->stats.open++;
    u->stats.requests++;
    return r;
}

static void free_request(struct upstream_request *r) {
    curl_easy_cleanup(r->easy);
    arena_done(&r->arena);
    buf_done(&r->body);
    free(r);
}

/* Out of all lists but the kick's. */
static void detach(struct upstream_request *r) {
    lane_remove(&r->u->lanes[r->ask.policy], r);
    if (r->lookup) lookup_forget(r);
    r->u->io->ops->timer_stop(r->u->io, r->timer);
    r->timer = NULL;
    if (!r->ended) {
        *r->prev = r->next;
        if (r->next) r->next->prev = r->prev;
        r->u->stats.open--;
    }
    r->ended = true;
}

/* The handle and its memory serve the next request. */
static void recycle(struct upstream_request *r) {
    struct upstream *u = r->u;
    curl_easy_reset(r->easy);
    curl_easy_setopt(r->easy, CURLOPT_SHARE, NULL); /* the next one may be of another lane */
    curl_slist_free_all(r->lines);
    curl_slist_free_all(r->connect);
    if (u->idle_count >= IDLE_REQUESTS) {
        r->lines = r->connect = NULL;
        free_request(r);
        return;
    }
    CURL *easy = r->easy;
    struct arena arena = r->arena;
    struct buf body = r->body;
    arena_reset(&arena);
    if (body.cap > 256 * 1024) buf_done(&body);
    buf_clear(&body);
    memset(r, 0, sizeof *r);
    r->easy = easy;
    r->arena = arena;
    r->body = body;
    r->next = u->idle;
    u->idle = r;
    u->idle_count++;
}

/* --- the end --- */

void request_fail(struct upstream_request *r, err code, const char *format, ...) {
    if (r->code) return; /* the first reason is the reason */
    r->code = code;
    r->why = (struct why){.code = code};
    va_list args;
    va_start(args, format);
    vsnprintf(r->why.detail, sizeof r->why.detail, format, args);
    va_end(args);
}

void request_finish(struct upstream_request *r) {
    struct upstream *u = r->u;
    detach(r);
    if (r->code == E_EGRESS) u->stats.refused++;
    else if (r->code) u->stats.failed++;
    if (!r->cancelled) {
        struct upstream_answer a = {.code = r->code, .why = r->why, .sent = r->sent, .status = r->status, .headers = r->headers, .header_count = r->header_count,
                                    .bytes = r->bytes, .url = r->url.text, .took = io_mono(u->io) - r->began_at};
        if (!r->ask.on_body) a.body = buf_view(&r->body);
        r->ask.done(r->ask.arg, &a);
    }
    if (!r->kicked) recycle(r); /* otherwise the kick does */
}

static void explain(struct upstream_request *r, CURLcode result) {
    struct str host = str_head(r->url.host, 100);
    if (r->refused && !r->tried) { /* of several addresses of a name one may be refused and another not answer */
        request_fail(r, E_EGRESS, "The server %.*s is %s, to which this server does not connect.", STR_ARG(host), r->refused);
        return;
    }
    switch (result) {
    case CURLE_COULDNT_RESOLVE_HOST: request_fail(r, E_UPSTREAM, "There is no server named %.*s.", STR_ARG(host)); return;
    case CURLE_COULDNT_RESOLVE_PROXY: request_fail(r, E_UPSTREAM, "The proxy's name leads nowhere; an operator must look at it."); return;
    case CURLE_COULDNT_CONNECT: request_fail(r, E_UPSTREAM, "The server %.*s takes no connection.", STR_ARG(host)); return;
    case CURLE_OPERATION_TIMEDOUT: request_fail(r, E_UPSTREAM, "The server %.*s could not be reached within %d s.", STR_ARG(host), LIMIT_UPSTREAM_CONNECT_MS / 1000); return;
    case CURLE_PEER_FAILED_VERIFICATION: request_fail(r, E_UPSTREAM, "The server %.*s has no valid certificate for that name.", STR_ARG(host)); return;
    default: break;
    }
    const char *when = r->headed ? "in the middle of its answer" : r->begun ? "in the head of its answer" : r->sent ? "before it answered" : "before the request was sent";
    request_fail(r, E_UPSTREAM, "The exchange with %.*s broke %s (%s).", STR_ARG(host), when, curl_easy_strerror(result));
}

/* --- hops --- */

bool request_is_home(const struct upstream_request *r) {
    if (egress_same_origin(&r->url, r->ask.origin)) return true;
    for (size_t i = 0; i < r->ask.credential_origin_count; i++)
        if (egress_same_origin(&r->url, r->ask.credential_origins[i])) return true;
    return false;
}

/* What this hop may connect to. */
static err judge(struct upstream_request *r, struct why *why) {
    size_t own = r->u->o.allowed_count, given = r->ask.private_count;
    bool theirs = r->ask.policy == EGRESS_PROVIDER;
    if (theirs && !request_is_home(r))
        return why_set(why, E_EGRESS, "The server %.*s is none of those that the provider's description names.", STR_ARG(str_head(r->url.host, 100)));
    if (theirs) r->rule = (struct egress_rule){r->list + own, given, false};
    else {
        bool found = r->ask.policy == EGRESS_FOUND && egress_same_origin(&r->url, r->ask.origin);
        r->rule = (struct egress_rule){r->list, own + (found ? given : 0), r->u->o.allow_loopback};
    }
    return OK;
}

void request_add(struct upstream_request *r) {
    request_configure(r);
    lane_add(&r->u->lanes[r->ask.policy], r);
}

static void start_hop(struct upstream_request *r, struct str url, struct str base) {
    struct why why = {};
    r->status = 0;
    r->header_count = r->header_bytes = 0;
    r->begun = r->headed = r->tunnel = r->tried = false;
    r->location = (struct str){};
    r->uploaded = r->dropped = 0;
    r->refused = NULL;
    err e = egress_url_read(url, base, &r->arena, &why, &r->url);
    if (!e) e = judge(r, &why);
    if (e) {
        request_fail(r, e, "%s", why_text(&why));
        request_finish(r);
    } else if (r->u->o.proxy) request_look_up(r);
    else request_add(r);
}

static void redirect(struct upstream_request *r) {
    if (r->hops++ == LIMIT_REDIRECTS) {
        request_fail(r, E_UPSTREAM, "The server %.*s sent the request on for more than %d times.", STR_ARG(str_head(r->url.host, 100)), LIMIT_REDIRECTS);
        request_finish(r);
        return;
    }
    if (r->status == 303 && !str_is(r->method, "HEAD")) {
        r->method = STR("GET");
        r->bodiless = true;
    }
    start_hop(r, r->location, r->url.text);
}

void request_hop_ended(struct upstream_request *r, CURLcode result) {
    lane_remove(&r->u->lanes[r->ask.policy], r);
    if (r->cancelled) return; /* the kick takes it */
    if (!r->code && r->location.len) {
        redirect(r);
        return;
    }
    if (result != CURLE_OK) explain(r, result);
    request_finish(r);
}

/* --- time --- */

static void watch_time(struct upstream_request *r);

static void on_time(void *arg) {
    struct upstream_request *r = arg;
    msec now = io_mono(r->u->io);
    bool sending = r->sent && !r->begun && r->uploaded < (r->ask.body_read ? r->ask.body_bytes : (int64_t)r->ask.body.len) && !r->held_body;
    bool moving = (sending || r->begun) && !r->held_answer && !r->paused;
    r->timer = NULL;
    if (now >= r->ends_at)
        request_fail(r, E_DEADLINE, "The server %.*s did not finish within %lld s.", STR_ARG(str_head(r->url.host, 100)), (long long)(r->ask.timeout + 999) / 1000);
    else if (moving && now - r->moved_at >= r->ask.stall)
        request_fail(r, E_DEADLINE, "Nothing moved between here and %.*s for %lld s.", STR_ARG(str_head(r->url.host, 100)), (long long)(r->ask.stall + 999) / 1000);
    if (r->code) {
        request_finish(r);
        return;
    }
    if (!moving) r->moved_at = now;
    watch_time(r);
}

static void watch_time(struct upstream_request *r) {
    msec now = io_mono(r->u->io), at = r->moved_at + r->ask.stall;
    if (at <= now) at = now + 1;
    if (at > r->ends_at) at = r->ends_at;
    r->timer = r->u->io->ops->timer_start(r->u->io, at - now, on_time, r);
}

/* --- what callers do --- */

static struct upstream_header *copy_headers(struct arena *a, const struct upstream_header *h, size_t n) {
    struct upstream_header *out = arena_array(a, struct upstream_header, n ? n : 1);
    for (size_t i = 0; i < n; i++) out[i] = (struct upstream_header){arena_dup(a, h[i].name), arena_dup(a, h[i].value)};
    return out;
}

static struct str *copy_strs(struct arena *a, const struct str *s, size_t n) {
    struct str *out = arena_array(a, struct str, n ? n : 1);
    for (size_t i = 0; i < n; i++) out[i] = arena_dup(a, s[i]);
    return out;
}

static bool is_token(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c))) return false;
    }
    return s.len > 0;
}

static bool headers_ok(const struct upstream_header *h, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!is_token(h[i].name)) return false;
        for (size_t k = 0; k < h[i].value.len; k++) {
            unsigned char c = (unsigned char)h[i].value.ptr[k];
            if ((c < ' ' && c != '\t') || c == 0x7f) return false;
        }
    }
    return true;
}

static void copy_ask(struct upstream_request *r, const struct upstream_ask *ask) {
    struct arena *a = &r->arena;
    struct upstream_ask *c = &r->ask;
    *c = *ask;
    c->method = ask->method.len ? arena_dup(a, ask->method) : STR("GET");
    c->url = arena_dup(a, ask->url);
    c->origin = arena_dup(a, ask->origin);
    c->headers = copy_headers(a, ask->headers, ask->header_count);
    c->secret_headers = copy_headers(a, ask->secret_headers, ask->secret_header_count);
    c->credential_origins = copy_strs(a, ask->credential_origins, ask->credential_origin_count);
    c->body = arena_dup(a, ask->body);
    if (!c->timeout) c->timeout = LIMIT_UPSTREAM_MS;
    if (!c->stall) c->stall = LIMIT_UPSTREAM_STALL_MS;
    if (!c->max_bytes) c->max_bytes = LIMIT_UPSTREAM_BODY_BYTES;
    r->method = c->method;
}

static void check_ask(struct upstream_request *r) {
    struct upstream *u = r->u;
    r->list = arena_array(&r->arena, struct egress_address, u->o.allowed_count + r->ask.private_count + 1);
    for (size_t i = 0; i < u->o.allowed_count; i++) r->list[i] = u->allowed[i];
    for (size_t i = 0; i < r->ask.private_count; i++) {
        struct why why = {};
        if (egress_address_read(r->ask.private_addresses[i], &why, &r->list[u->o.allowed_count + i])) request_fail(r, E_INVALID, "%s", why_text(&why));
    }
    if (!is_token(r->method)) request_fail(r, E_INVALID, "The request has no readable method.");
    if (!headers_ok(r->ask.headers, r->ask.header_count) || !headers_ok(r->ask.secret_headers, r->ask.secret_header_count))
        request_fail(r, E_INVALID, "A header of the request holds a character that no header may hold.");
}

struct upstream_request *upstream_send(struct upstream *u, const struct upstream_ask *ask) {
    struct upstream_request *r = request_new(u);
    copy_ask(r, ask);
    check_ask(r);
    r->ask.private_addresses = NULL; /* read; the caller's list need not live on */
    r->began_at = r->moved_at = io_mono(u->io);
    r->ends_at = r->began_at + r->ask.timeout;
    watch_time(r);
    r->starts = true;
    kick(r);
    return r;
}

void upstream_cancel(struct upstream_request *r) {
    r->cancelled = true;
    r->u->io->ops->timer_stop(r->u->io, r->timer);
    r->timer = NULL;
    kick(r);
}

void upstream_pause(struct upstream_request *r) { r->paused = true; }

void upstream_resume(struct upstream_request *r) {
    r->paused = false;
    r->moved_at = io_mono(r->u->io);
    r->resumes = true;
    kick(r);
}

static void act(struct upstream_request *r) {
    bool starts = r->starts, resumes = r->resumes;
    r->starts = r->resumes = false;
    if (r->ended) recycle(r);
    else if (r->cancelled || r->code) request_finish(r);
    else if (starts) start_hop(r, r->ask.url, STR(""));
    else if (resumes && r->added && (r->held_answer || r->held_body)) {
        r->held_answer = r->held_body = false;
        CURLcode result = curl_easy_pause(r->easy, CURLPAUSE_CONT); /* hands over what was held back before it returns */
        if (result != CURLE_OK) request_hop_ended(r, result);
    }
}

/* A thousand polls that are due together would keep everybody else waiting: some in this turn, the others in the next, after callers had theirs. */
static void on_kick(uv_idle_t *idle) {
    struct upstream *u = idle->data;
    int64_t entered = loop_enter(u->loop);
    for (int n = 0; n < KICKS_AT_ONCE && u->first_kicked; n++) {
        struct upstream_request *r = u->first_kicked;
        u->first_kicked = r->next_kicked;
        if (!u->first_kicked) u->last_kicked = &u->first_kicked;
        r->kicked = false;
        act(r);
    }
    if (!u->first_kicked) uv_idle_stop(idle);
    loop_leave(u->loop, "upstream.start", entered);
}

struct upstream_stats upstream_stats(const struct upstream *u) { return u->stats; }

struct upstream *upstream_create(const struct upstream_options *o) {
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    struct upstream *u = calloc(1, sizeof *u);
    must(u);
    u->o = *o;
    u->loop = o->loop;
    u->io = loop_io(o->loop);
    u->last_kicked = &u->first_kicked;
    u->allowed = calloc(o->allowed_count + 1, sizeof *u->allowed);
    must(u->allowed);
    if (o->allowed_count) memcpy(u->allowed, o->allowed, o->allowed_count * sizeof *u->allowed);
    u->o.allowed = u->allowed;
    must(uv_idle_init(loop_uv(u->loop), &u->kick) == 0);
    u->kick.data = u;
    u->handles = 1;
    lanes_open(u);
    if (o->proxy) u->names = pool_create(u->loop, "names", 8, 4096);
    return u;
}

void upstream_destroy(struct upstream *u) {
    if (!u) return;
    uv_idle_stop(&u->kick);
    for (struct upstream_request *r = u->first_kicked, *next; r; r = next) {
        next = r->next_kicked;
        r->kicked = false;
        if (r->ended) recycle(r);
    }
    while (u->live) {
        u->live->cancelled = true;
        request_finish(u->live);
    }
    for (struct upstream_request *r = u->idle, *next; r; r = next) {
        next = r->next;
        free_request(r);
    }
    pool_destroy(u->names);
    lanes_close(u);
}
