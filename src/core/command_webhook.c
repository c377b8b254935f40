/* Whom a project wants told of ends, what waits to be told, and what came of it. Messages are written by the very command that ends a
 * generation; the project's record names its webhooks, so that no rule looks for them. */
#include "core/webhook.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/limits.h"
#include "core/generation.h"
#include "core/rules.h"

#include <stdio.h>

enum { MESSAGE_ID = 4 + 32, TIMED_OUT = 408, GONE = 410, TOO_MANY = 429 };

const char *webhook_event(int64_t what) {
    switch (what) {
    case HOOK_COMPLETED: return "generation.completed";
    case HOOK_FAILED: return "generation.failed";
    case HOOK_CANCELLED: return "generation.cancelled";
    default: return "generation.late";
    }
}

msec webhook_backoff(int64_t failures, int64_t jitter) {
    static const int64_t seconds[] = {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
    int64_t last = sizeof seconds / sizeof *seconds, i = failures < 1 ? 1 : failures > last ? last : failures;
    msec wait = seconds[i - 1] * MS_SECOND;
    return wait + wait / 1000 * (jitter < 0 ? 0 : jitter > 1000 ? 1000 : jitter);
}

/* --- lists of "<webhook>:<number>" words: the project's, of what each wants, and a book's, of when calls named each --- */

/* The next word of the list; false at its end. */
static bool next_entry(struct str *list, struct str *out_id, int64_t *out_number) {
    struct str word, number;
    while (list->len) {
        str_cut(*list, ' ', &word, list);
        if (str_cut(word, ':', out_id, &number) && str_to_i64(number, out_number)) return true;
    }
    return false;
}

static int64_t entries(struct str list) {
    struct str id;
    int64_t number, n = 0;
    while (next_entry(&list, &id, &number)) n++;
    return n;
}

/* What is below `least` leaves the list. */
static struct str list_with(struct workset *w, struct str list, struct str webhook, int64_t number, int64_t least) {
    _cleanup_(buf_done) struct buf text = {};
    struct str id;
    int64_t old;
    while (next_entry(&list, &id, &old))
        if (!str_eq(id, webhook) && old >= least) buf_printf(&text, "%s%.*s:%lld", text.len ? " " : "", STR_ARG(id), (long long)old);
    if (number >= least) buf_printf(&text, "%s%.*s:%lld", text.len ? " " : "", STR_ARG(webhook), (long long)number);
    return arena_dup(workset_arena(w), buf_view(&text));
}

/* wants below 0: it leaves the list. */
static void list_set(struct workset *w, struct str project, struct str webhook, int64_t wants) {
    struct project *p = WS_EDIT(w, project, project);
    p->webhooks = list_with(w, p->webhooks, webhook, wants, 0);
}

static int64_t wanted_now(const struct webhook *h) { return str_is(h->state, "enabled") ? h->wants : 0; }

/* It has no secret of its own: calls name it, and the project's list does not. */
static bool is_of_calls(const struct webhook *h) { return str_empty(h->secret); }

static int64_t book_bit(struct str book) { return str_is(book, "test") ? HOOK_TEST : HOOK_LIVE; }

/* --- messages --- */

static struct str message_id(struct workset *w, const struct generation *g, struct str webhook) {
    char hex[SHA256_HEX + 1];
    sha256_hex(arena_printf(workset_arena(w), "%.*s/%lld/%.*s", STR_ARG(g->head.id), (long long)g->events, STR_ARG(webhook)), hex);
    return arena_printf(workset_arena(w), "msg_%.32s", hex);
}

static void add_message(struct workset *w, const struct generation *g, struct str webhook, int64_t what, msec at) {
    struct webhook_message *m = WS_INSERT(w, webhook_message, message_id(w, g, webhook));
    m->project = g->project;
    m->webhook = webhook;
    m->generation = g->head.id;
    m->event = str_of(webhook_event(what));
    m->n = g->events;
    m->created_at = m->since = m->next_at = at;
    m->state = STR("waiting");
}

void webhooks_tell(struct workset *w, const struct project *p, const struct generation *g, int64_t what, msec at) {
    struct str list = p->webhooks, id, url;
    int64_t wants, book = book_bit(g->book);
    while (next_entry(&list, &id, &wants)) {
        if ((wants & what) && (wants & book)) add_message(w, g, id, what, at);
    }
    if (str_cut(g->webhook, ' ', &id, &url)) add_message(w, g, id, what, at);
}

/* --- put and delete --- */

void webhook_put_want(const struct command *c, struct workset *w, int round) {
    if (round) return;
    want(w, REC_project, c->webhook_put.project);
    want(w, REC_webhook, c->webhook_put.id);
}

/* NULL: it is not there, or another project's. */
static const struct webhook *own(struct workset *w, struct str id, struct str project) {
    const struct webhook *h = WS_GET(w, webhook, id);
    return h && str_eq(h->project, project) && !str_is(h->state, "deleted") && !str_empty(h->url) ? h : NULL;
}

static err no_webhook(struct why *why) { return why_set(why, E_NOT_FOUND, "The project has no webhook of that id."); }

static void start_over(struct webhook *h) {
    h->detail = STR("");
    h->failing_since = h->failures = h->failed_at = h->next_at = 0;
}

static void set_secret(struct webhook *h, struct str secret, msec before_until, msec at) {
    h->secret_before = h->secret;
    h->before_until = before_until;
    h->secret = secret;
    h->changed_at = at;
}

/* --- URLs that calls name --- */

void webhook_call_id(struct str project, struct str book, struct str origin, char out[ID_LEN + 1]) {
    struct buf text = {};
    char hex[SHA256_HEX + 1];
    buf_printf(&text, "%.*s %.*s %.*s", STR_ARG(project), STR_ARG(book), STR_ARG(origin));
    sha256_hex(buf_view(&text), hex);
    buf_done(&text);
    memcpy(out, hex, ID_LEN);
    out[ID_LEN] = 0;
}

static struct str call_id(struct workset *w, struct str project, struct str book, struct str origin) {
    char id[ID_LEN + 1];
    webhook_call_id(project, book, origin, id);
    return arena_dup(workset_arena(w), str_of(id));
}

void webhook_call_want(struct workset *w, const struct cmd_submit *s) {
    want(w, REC_webhook, call_id(w, s->project, s->book, s->webhook_origin));
    want(w, REC_webhook, call_id(w, s->project, s->book, STR("")));
    want(w, REC_webhook, call_id(w, s->project, STR(""), STR("")));
}

static struct webhook *record_of_calls(struct workset *w, struct str id, struct str project, msec at) {
    if (WS_GET(w, webhook, id)) return WS_EDIT(w, webhook, id);
    struct webhook *h = WS_INSERT(w, webhook, id);
    h->project = project;
    h->state = STR("calls");
    h->created_at = at;
    return h;
}

/* Those that no call has named for long leave the list as the sweep forgets them. */
static err list_server(struct workset *w, const struct cmd_submit *s, struct str id, msec at, struct why *why) {
    struct webhook *book = record_of_calls(w, call_id(w, s->project, s->book, STR("")), s->project, at);
    struct str servers = list_with(w, book->servers, id, at, at - LIMIT_WEBHOOK_NAMED_DAYS * (msec)MS_DAY);
    if (entries(servers) > LIMIT_WEBHOOK_SERVERS)
        return why_set(why, E_CONFLICT, "webhook_url: Calls of this project and book have named %d other servers within %d days, and that is as many as they may; delete one of GET /v1/webhooks first. Nothing was charged.",
                       LIMIT_WEBHOOK_SERVERS, LIMIT_WEBHOOK_NAMED_DAYS);
    book->servers = servers;
    return OK;
}

/* What was given up or deleted is tried anew, what was disabled by hand stays so. The record says once a day that it is still named, for the sweep. */
err webhook_call_take(struct workset *w, const struct cmd_submit *s, msec at, struct why *why, struct str *out) {
    struct str id = call_id(w, s->project, s->book, s->webhook_origin), secret = call_id(w, s->project, STR(""), STR(""));
    const struct webhook *seen = WS_GET(w, webhook, id);
    bool on = seen && (str_is(seen->state, "enabled") || str_is(seen->state, "disabled"));
    if (!on || at - seen->changed_at >= MS_DAY) {
        TRY(list_server(w, s, id, at, why));
        struct webhook *h = seen ? WS_EDIT(w, webhook, id) : WS_INSERT(w, webhook, id);
        h->project = s->project;
        h->url = s->webhook_origin;
        h->wants = HOOK_EVENTS | book_bit(s->book);
        if (!seen) h->created_at = at;
        if (!on) {
            h->state = STR("enabled");
            start_over(h);
        }
        h->changed_at = at;
    }
    if (!WS_GET(w, webhook, secret)) set_secret(record_of_calls(w, secret, s->project, at), s->webhook_secret, 0, at);
    *out = arena_printf(workset_arena(w), "%.*s %.*s", STR_ARG(id), STR_ARG(s->webhook));
    return OK;
}

/* --- put and delete, of both kinds --- */

err webhook_put_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_webhook_put *p = &c->webhook_put;
    const struct project *project = WS_GET(w, project, p->project);
    if (!project) return why_set(&out->why, E_NOT_FOUND, "There is no such project.");
    if (p->of_calls) {
        set_secret(record_of_calls(w, p->id, p->project, c->at), p->secret, p->before_until, c->at);
        return OK;
    }
    const struct webhook *seen = p->fresh ? NULL : own(w, p->id, p->project);
    if (!p->fresh && !seen) return no_webhook(&out->why);
    if (seen && is_of_calls(seen) && (p->mask || !str_empty(p->url) || !str_empty(p->secret)))
        return why_set(&out->why, E_INVALID, "Calls name this server by their webhook_url, and each has it told of its own end; it can be enabled, disabled and deleted. POST /v1/webhook-secret makes a new secret.");
    if (p->fresh && entries(project->webhooks) >= LIMIT_WEBHOOKS)
        return why_set(&out->why, E_CONFLICT, "The project has %d webhooks, and that is as many as it may have; delete one first.", LIMIT_WEBHOOKS);
    struct webhook *h = p->fresh ? WS_INSERT(w, webhook, p->id) : WS_EDIT(w, webhook, p->id);
    if (p->fresh) {
        h->project = p->project;
        h->created_at = c->at;
        h->state = STR("enabled");
    }
    if (!str_empty(p->secret)) set_secret(h, p->secret, p->fresh ? 0 : p->before_until, c->at);
    if (!str_empty(p->url)) h->url = p->url;
    h->wants = (h->wants & ~p->mask) | (p->wants & p->mask);
    if (!str_empty(p->state)) h->state = p->state;
    if (str_is(h->state, "enabled") && (!str_empty(p->state) || !str_empty(p->url))) start_over(h);
    if (is_of_calls(h)) return OK; /* its changed_at is when it was last named */
    h->changed_at = c->at;
    list_set(w, p->project, p->id, wanted_now(h));
    return OK;
}

/* The list that a server of calls is in. */
static struct str list_id(struct workset *w, const struct webhook *h) { return call_id(w, h->project, h->wants & HOOK_TEST ? STR("test") : STR("live"), STR("")); }

void webhook_delete_want(const struct command *c, struct workset *w, int round) {
    if (round == 0) {
        want(w, REC_project, c->webhook_delete.project);
        want(w, REC_webhook, c->webhook_delete.id);
    }
    const struct webhook *h = round == 1 ? WS_GET(w, webhook, c->webhook_delete.id) : NULL;
    if (h && is_of_calls(h)) want(w, REC_webhook, list_id(w, h));
}

err webhook_delete_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_webhook_delete *d = &c->webhook_delete;
    if (!own(w, d->id, d->project)) return no_webhook(&out->why);
    struct webhook *h = WS_EDIT(w, webhook, d->id);
    if (is_of_calls(h)) {
        struct webhook *book = record_of_calls(w, list_id(w, h), d->project, c->at);
        book->servers = list_with(w, book->servers, d->id, -1, 0);
    } else list_set(w, d->project, d->id, -1);
    h->state = STR("deleted");
    h->secret = h->secret_before = STR("");
    h->changed_at = h->deleted_at = c->at;
    return OK;
}

/* --- send: a test, or once more --- */

void webhook_send_want(const struct command *c, struct workset *w, int round) {
    const struct cmd_webhook_send *s = &c->webhook_send;
    if (round == 0) want(w, REC_webhook_message, s->message);
    if (round == 0 && !s->again) want(w, REC_webhook, s->webhook);
    if (round != 1 || !s->again) return;
    const struct webhook_message *m = WS_GET(w, webhook_message, s->message);
    if (m) want(w, REC_webhook, m->webhook);
}

err webhook_send_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_webhook_send *s = &c->webhook_send;
    const struct webhook_message *seen = WS_GET(w, webhook_message, s->message);
    if (s->again && (!seen || !str_eq(seen->project, s->project))) return why_set(&out->why, E_NOT_FOUND, "There is no message of that id, or its history is over.");
    const struct webhook *h = own(w, s->again ? seen->webhook : s->webhook, s->project);
    if (!h) return no_webhook(&out->why);
    if (!s->again && is_of_calls(h)) return why_set(&out->why, E_CONFLICT, "Calls name this server by their webhook_url; a call with a test key tries it.");
    if (!str_is(h->state, "enabled"))
        return why_set(&out->why, E_CONFLICT, "The webhook is not enabled: it is %.*s. Enable it first; what waits for it is then sent.", STR_ARG(h->state));
    struct webhook_message *m = seen ? WS_EDIT(w, webhook_message, s->message) : WS_INSERT(w, webhook_message, s->message);
    if (!seen) {
        m->project = s->project;
        m->webhook = s->webhook;
        m->event = STR("webhook.test");
        m->created_at = c->at;
    }
    m->state = STR("waiting");
    m->since = m->next_at = c->at;
    m->ended_at = 0;
    if (h->next_at > c->at) WS_EDIT(w, webhook, h->head.id)->next_at = c->at; /* somebody is looking: now, whatever its back-off says */
    return OK;
}

/* --- lease: one node sends to a webhook, so that what is under way is counted in one place --- */

void webhook_lease_want(const struct command *c, struct workset *w, int round) {
    if (!round) want(w, REC_webhook, c->webhook_lease.webhook);
}

err webhook_lease_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_webhook_lease *l = &c->webhook_lease;
    const struct webhook *h = WS_GET(w, webhook, l->webhook);
    if (!h || !str_is(h->state, "enabled")) return no_webhook(&out->why);
    if (!l->alone && !str_empty(h->node) && !str_eq(h->node, l->node) && h->leased_until > c->at)
        return why_set(&out->why, E_STALE, "Another node sends to that webhook.");
    struct webhook *e = WS_EDIT(w, webhook, l->webhook);
    e->node = l->node;
    e->leased_until = l->until;
    return OK;
}

/* --- note --- */

bool webhook_message_is_of_before(const struct webhook *h, const struct webhook_message *m) { return m->since <= h->deleted_at; }

/* Of a server that calls name: there is none of that URL, or it may not be told. What goes to its other URLs does not wait for that. */
static bool concerns_one_url(const struct webhook *h, const struct cmd_webhook_note *n) {
    return is_of_calls(h) && n->status >= 400 && n->status < 500 && n->status != TIMED_OUT && n->status != TOO_MANY;
}

/* Nobody is there any more, or has been for days. */
static bool ends_webhook(const struct webhook *h, const struct cmd_webhook_note *n, msec at) {
    if ((n->status >= 200 && n->status < 300) || concerns_one_url(h, n)) return false;
    return n->status == GONE || (h->failing_since && at - h->failing_since >= LIMIT_WEBHOOK_DEAD_DAYS * (msec)MS_DAY);
}

void webhook_note_want(const struct command *c, struct workset *w, int round) {
    if (round == 0) {
        want(w, REC_webhook_message, c->webhook_note.message);
        want(w, REC_webhook, c->webhook_note.webhook);
    }
    const struct webhook *h = round == 1 ? WS_GET(w, webhook, c->webhook_note.webhook) : NULL;
    if (h && ends_webhook(h, &c->webhook_note, c->at)) want(w, REC_project, h->project);
}

static void switch_off(struct workset *w, struct webhook *h, struct str state, struct str detail, msec at) {
    h->state = state;
    h->detail = detail;
    if (is_of_calls(h)) return;
    h->changed_at = at;
    list_set(w, h->project, h->head.id, 0);
}

static void webhook_failed(struct workset *w, const struct cmd_webhook_note *n, msec at) {
    struct webhook *h = WS_EDIT(w, webhook, n->webhook);
    if (ends_webhook(h, n, at)) {
        if (n->status == GONE) switch_off(w, h, STR("gone"), STR("It answered 410, which means that nobody is there any more. Nothing is sent until it is enabled again."), at);
        else switch_off(w, h, STR("dead"), STR("It has failed for five days. Nothing is sent until it is enabled again; what waits is then sent."), at);
        return;
    }
    if (!h->failing_since) h->failing_since = at;
    msec wait = n->retry_after;
    if (n->began_at >= h->failed_at) { /* several under way that fail together are one failure */
        h->failures++;
        h->failed_at = at;
        msec own_wait = webhook_backoff(h->failures, n->jitter);
        if (own_wait > wait) wait = own_wait;
    }
    if (at + wait > h->next_at) h->next_at = at + wait;
}

static void webhook_works(struct workset *w, struct str id) {
    const struct webhook *h = WS_GET(w, webhook, id);
    if (h && h->failing_since) start_over(WS_EDIT(w, webhook, id));
}

err webhook_note_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_webhook_note *n = &c->webhook_note;
    const struct webhook_message *seen = WS_GET(w, webhook_message, n->message);
    const struct webhook *h = WS_GET(w, webhook, n->webhook);
    if (!seen || !h || !str_eq(seen->webhook, n->webhook)) return why_set(&out->why, E_NOT_FOUND, "There is no such message.");
    if (!str_is(seen->state, "waiting")) return OK; /* noted before */
    bool fine = n->status >= 200 && n->status < 300;
    if (!fine && !str_eq(h->node, n->node)) return why_set(&out->why, E_STALE, "Another node sends to that webhook now.");
    if (ends_webhook(h, n, c->at) && !workset_knows(w, REC_project, h->project)) return why_set(&out->why, E_AGAIN, "The webhook changed in the same instant; try again.");
    struct webhook_message *m = WS_EDIT(w, webhook_message, n->message);
    if (!fine && webhook_message_is_of_before(h, m)) { /* mostly it was not sent at all */
        m->state = STR("failed");
        m->detail = STR("It waited when its server was deleted, and was not sent when a later call named the server again. Redeliver it if it is wanted.");
        m->ended_at = c->at;
        return OK;
    }
    m->attempts++;
    m->status = n->status;
    m->detail = n->detail;
    if (fine) {
        m->state = STR("delivered");
        m->ended_at = c->at;
        webhook_works(w, n->webhook);
        return OK;
    }
    bool over = n->status == GONE || str_is(h->state, "deleted") || c->at - m->since >= LIMIT_WEBHOOK_DEAD_DAYS * (msec)MS_DAY;
    if (over) {
        m->state = STR("failed");
        m->ended_at = c->at;
    } else {
        msec wait = webhook_backoff(m->attempts, n->jitter);
        m->next_at = c->at + (wait > n->retry_after ? wait : n->retry_after);
    }
    if (str_is(h->state, "enabled")) {
        if (concerns_one_url(h, n)) webhook_works(w, n->webhook); /* somebody is there */
        else webhook_failed(w, n, c->at);
    }
    return OK;
}
