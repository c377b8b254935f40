/* What projects set about webhooks: whom to tell, by which secret, and what was told. */
#include "base/hash.h"
#include "core/webhook.h"
#include "io/egress.h"
#include "ops/change.h"
#include "ops/vault.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum { SECRET_RANDOM = 32, SECRET_TEXT = 6 + BASE64_LEN(SECRET_RANDOM) };

static const int64_t events[] = {HOOK_COMPLETED, HOOK_FAILED, HOOK_CANCELLED, HOOK_LATE};

/* --- what is shown --- */

static void write_wants(struct jw *w, int64_t wants) {
    jw_key(w, "events");
    jw_open(w, '[');
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (wants & events[i]) jw_z(w, webhook_event(events[i]));
    jw_close(w, ']');
    jw_key(w, "books");
    jw_open(w, '[');
    if (wants & HOOK_LIVE) jw_z(w, "live");
    if (wants & HOOK_TEST) jw_z(w, "test");
    jw_close(w, ']');
}

static void write_webhook(struct jw *w, const struct webhook *h, msec now) {
    jw_open(w, '{');
    jw_kstr(w, "id", h->head.id);
    jw_kz(w, "object", "webhook");
    jw_kstr(w, "url", h->url);
    write_wants(w, h->wants);
    if (!h->secret.len) jw_kbool(w, "named_by_calls", true);
    jw_kstr(w, "state", h->state);
    jw_kopt(w, "detail", h->detail);
    view_time(w, "created_at", h->created_at);
    view_time(w, "failing_since", h->failing_since);
    jw_ki64(w, "failures", h->failures);
    view_time(w, "next_at", h->next_at > now ? h->next_at : 0);
    view_time(w, "old_secret_until", h->before_until > now ? h->before_until : 0);
    jw_close(w, '}');
}

void view_webhook_message(struct jw *w, const struct webhook_message *m) {
    jw_open(w, '{');
    jw_kstr(w, "id", m->head.id);
    jw_kstr(w, "webhook_id", m->webhook);
    jw_kstr(w, "type", m->event);
    jw_key(w, "generation_id");
    if (m->generation.len) jw_str(w, m->generation);
    else jw_null(w);
    jw_ki64(w, "sequence", m->n);
    jw_kstr(w, "state", m->state);
    jw_ki64(w, "attempts", m->attempts);
    jw_key(w, "response_status");
    if (m->status) jw_i64(w, m->status);
    else jw_null(w);
    jw_kopt(w, "detail", m->detail);
    view_time(w, "created_at", m->created_at);
    view_time(w, "next_attempt_at", str_is(m->state, "waiting") ? m->next_at : 0);
    view_time(w, "ended_at", m->ended_at);
    jw_close(w, '}');
}

static void run_list(struct read *r, struct db *db) {
    const struct webhook **rows;
    size_t n;
    err e = query_webhooks(db, str_of(r->caller.project), &r->arena, &rows, &n);
    if (e) {
        read_fail(r, e, "The webhooks could not be listed.");
        return;
    }
    struct jw w = {.out = &r->json};
    jw_open(&w, '{');
    jw_kz(&w, "object", "list");
    jw_key(&w, "webhooks");
    jw_open(&w, '[');
    for (size_t i = 0; i < n; i++) write_webhook(&w, rows[i], r->now);
    jw_close(&w, ']');
    jw_close(&w, '}');
}

void ops_webhooks(struct ops *o, const struct caller *c, ops_done *done, void *arg) { read_start(read_new(o, c, run_list, done, arg)); }

/* The project's own; the read has failed otherwise. */
static const struct webhook *own(struct read *r, struct db *db) {
    const struct webhook *h = NULL;
    err e = QUERY_RECORD(db, webhook, r->id, &r->arena, &h);
    if (!e && (!str_is(h->project, r->caller.project) || str_is(h->state, "deleted") || !h->url.len)) e = E_NOT_FOUND;
    if (!e) return h;
    read_fail(r, e, e == E_NOT_FOUND ? "The project has no webhook of that id." : "The webhook could not be read.");
    return NULL;
}

static void run_get(struct read *r, struct db *db) {
    const struct webhook *h = own(r, db);
    struct jw w = {.out = &r->json};
    if (h) write_webhook(&w, h, r->now);
}

static void read_one(struct ops *o, const struct caller *c, struct str id, void (*run)(struct read *, struct db *), ops_done *done, void *arg) {
    struct read *r = read_new(o, c, run, done, arg);
    r->id = arena_dup(&r->arena, id);
    read_start(r);
}

void ops_webhook_get(struct ops *o, const struct caller *c, struct str id, ops_done *done, void *arg) { read_one(o, c, id, run_get, done, arg); }

static void run_messages(struct read *r, struct db *db) {
    const struct webhook_message **rows;
    size_t n;
    if (!own(r, db)) return;
    err e = query_webhook_messages(db, r->id, r->list.before_seq, r->list.limit, &r->arena, &rows, &n);
    if (e) {
        read_fail(r, e, "The webhook's history could not be read.");
        return;
    }
    struct jw w = {.out = &r->json};
    jw_open(&w, '{');
    jw_kz(&w, "object", "list");
    jw_key(&w, "deliveries");
    jw_open(&w, '[');
    for (size_t i = 0; i < n; i++) view_webhook_message(&w, rows[i]);
    jw_close(&w, ']');
    jw_key(&w, "next_before");
    if (n && (int64_t)n == r->list.limit) jw_i64(&w, rows[n - 1]->created_at);
    else jw_null(&w);
    jw_close(&w, '}');
}

void ops_webhook_messages(struct ops *o, const struct caller *c, struct str id, const struct list_query *q, ops_done *done, void *arg) {
    struct read *r = read_new(o, c, run_messages, done, arg);
    r->id = arena_dup(&r->arena, id);
    r->list = (struct list_query){.before_seq = q->before_seq, .limit = q->limit > 0 && q->limit <= LIMIT_PAGE ? q->limit : 50};
    read_start(r);
}

/* --- what is set --- */

/* https, and http only to a private address that the operator has named. Where a name leads is judged when a message is sent. */
static err check_url(struct ops *o, struct str url, const char *field, struct arena *a, struct why *why, struct egress_url *out) {
    struct egress_url u;
    snprintf(why->field, sizeof why->field, "%s", field);
    if (url.len > LIMIT_URL_BYTES) return why_set(why, E_INVALID, "%s: It is longer than %d bytes.", field, LIMIT_URL_BYTES);
    TRY(egress_url_read(url, STR(""), a, why, &u));
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)u.port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)u.port)};
    char host[256];
    snprintf(host, sizeof host, "%.*s", STR_ARG(str_head(u.host, sizeof host - 1)));
    const struct sockaddr *sa = inet_pton(AF_INET, host, &in4.sin_addr) == 1 ? (struct sockaddr *)&in4 : inet_pton(AF_INET6, host, &in6.sin6_addr) == 1 ? (struct sockaddr *)&in6 : NULL;
    struct egress_rule rule = {.list = o->o.allowed, .count = o->o.allowed_count};
    const char *what = sa ? egress_refuses(&rule, sa) : NULL;
    if (what) return why_set(why, E_EGRESS, "%s: Its server is %s, and messages go to public addresses only.", field, what);
    bool named = sa && egress_special(sa); /* special, and not refused: the operator named it */
    if (!u.tls && !named) return why_set(why, E_INVALID, "%s: It must begin with https://.", field);
    why->field[0] = 0;
    *out = u;
    return OK;
}

static int64_t event_bit(struct str word) {
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (str_is(word, webhook_event(events[i]))) return events[i];
    return 0;
}

static int64_t book_bit(struct str word) { return str_is(word, "live") ? HOOK_LIVE : str_is(word, "test") ? HOOK_TEST : 0; }

static err read_words(struct str words, int64_t (*bit)(struct str word), const char *field, const char *takes, struct why *why, int64_t *wants) {
    struct str word;
    while (words.len) {
        str_cut(words, ' ', &word, &words);
        if (!bit(word)) {
            snprintf(why->field, sizeof why->field, "%s", field);
            return why_set(why, E_INVALID, "%s: It takes %s.", field, takes);
        }
        *wants |= bit(word);
    }
    return OK;
}

/* What of it can be judged without the record. */
static err read_set(struct ops *o, const struct webhook_set *s, bool fresh, struct why *why, struct cmd_webhook_put *out) {
    _cleanup_(arena_done) struct arena a = {};
    struct egress_url u;
    if (s->url.len || fresh) TRY(check_url(o, s->url, "url", &a, why, &u));
    TRY(read_words(s->events, event_bit, "events", "generation.completed, generation.failed, generation.cancelled and generation.late", why, &out->wants));
    TRY(read_words(s->books, book_bit, "books", "live and test", why, &out->wants));
    if (s->state.len && !str_is(s->state, "enabled") && !str_is(s->state, "disabled")) {
        snprintf(why->field, sizeof why->field, "state");
        return why_set(why, E_INVALID, "state: It must be enabled or disabled.");
    }
    out->mask = (s->events.len || fresh ? HOOK_EVENTS : 0) | (s->books.len || fresh ? HOOK_BOOKS : 0);
    if (fresh && !s->events.len) out->wants |= HOOK_EVENTS;
    if (fresh && !s->books.len) out->wants |= HOOK_LIVE;
    out->url = s->url;
    out->state = s->state;
    out->fresh = fresh;
    return OK;
}

static void make_secret(struct ops *o, struct str webhook, char text[SECRET_TEXT + 1], struct buf *sealed) {
    _cleanup_(arena_done) struct arena a = {};
    uint8_t random[SECRET_RANDOM], nonce[24];
    o->io->ops->random(o->io, random, sizeof random);
    o->io->ops->random(o->io, nonce, sizeof nonce);
    memcpy(text, "whsec_", 6);
    base64_encode(random, sizeof random, text + 6);
    explicit_bzero(random, sizeof random);
    vault_seal(o->o.vault, nonce, webhook_sealed_name(webhook, &a), str_n(text, SECRET_TEXT), sealed);
}

static void answer_why_now(ops_done *done, void *arg, const struct why *why) {
    struct answer a = answer_of(why->code);
    answer_why(&a, why);
    done(arg, &a);
}

void ops_webhook_create(struct ops *o, const struct caller *c, const struct webhook_set *s, ops_done *done, void *arg) {
    struct why why = {};
    struct command cmd = {.kind = CMD_WEBHOOK_PUT, .at = io_now(o->io)};
    if (read_set(o, s, true, &why, &cmd.webhook_put)) {
        answer_why_now(done, arg, &why);
        return;
    }
    _cleanup_(buf_done) struct buf sealed = {};
    struct id id = io_new_id(o->io);
    char secret[SECRET_TEXT + 1];
    make_secret(o, id_str(&id), secret, &sealed);
    cmd.webhook_put.id = id_str(&id);
    cmd.webhook_put.project = str_of(c->project);
    cmd.webhook_put.secret = buf_view(&sealed);
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "id", id_str(&id));
    jw_kz(&w, "object", "webhook");
    jw_kstr(&w, "url", s->url);
    write_wants(&w, cmd.webhook_put.wants);
    jw_kz(&w, "state", "enabled");
    view_time(&w, "created_at", cmd.at);
    jw_kstr(&w, "secret", str_n(secret, SECRET_TEXT));
    jw_close(&w, '}');
    explicit_bzero(secret, sizeof secret);
    change(o, &cmd, &json, done, arg);
}

void ops_webhook_rotate(struct ops *o, const struct caller *c, struct str id, int64_t overlap_s, ops_done *done, void *arg) {
    _cleanup_(buf_done) struct buf sealed = {};
    char secret[SECRET_TEXT + 1];
    make_secret(o, id, secret, &sealed);
    struct command cmd = {.kind = CMD_WEBHOOK_PUT, .at = io_now(o->io)};
    cmd.webhook_put = (struct cmd_webhook_put){.id = id, .project = str_of(c->project), .secret = buf_view(&sealed), .before_until = cmd.at + overlap_s * MS_SECOND};
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "id", id);
    jw_kstr(&w, "secret", str_n(secret, SECRET_TEXT));
    view_time(&w, "old_secret_until", cmd.webhook_put.before_until);
    jw_close(&w, '}');
    explicit_bzero(secret, sizeof secret);
    change(o, &cmd, &json, done, arg);
}

/* --- URLs that calls name --- */

err webhook_of_call(struct ops *o, const struct caller *c, struct str url, struct arena *a, struct why *why, struct cmd_submit *cmd) {
    struct egress_url u;
    if (c->kind == KEY_PUB) {
        snprintf(why->field, sizeof why->field, "webhook_url");
        return why_set(why, E_FORBIDDEN, "A publishable key does not say whom the server tells: whoever opens the page has it. Leave webhook_url out. Nothing was charged.");
    }
    TRY(check_url(o, url, "webhook_url", a, why, &u));
    char id[ID_LEN + 1], secret[SECRET_TEXT + 1];
    _cleanup_(buf_done) struct buf sealed = {};
    webhook_call_id(str_of(c->project), STR(""), STR(""), id);
    make_secret(o, str_of(id), secret, &sealed);
    explicit_bzero(secret, sizeof secret); /* the first such call gives it to the project; whoever wants to check signatures has one made that is shown */
    cmd->webhook = url;
    cmd->webhook_origin = u.origin;
    cmd->webhook_secret = arena_dup(a, buf_view(&sealed));
    return OK;
}

void ops_webhook_secret(struct ops *o, const struct caller *c, int64_t overlap_s, ops_done *done, void *arg) {
    _cleanup_(buf_done) struct buf sealed = {};
    char id[ID_LEN + 1], secret[SECRET_TEXT + 1];
    webhook_call_id(str_of(c->project), STR(""), STR(""), id);
    make_secret(o, str_of(id), secret, &sealed);
    struct command cmd = {.kind = CMD_WEBHOOK_PUT, .at = io_now(o->io)};
    cmd.webhook_put = (struct cmd_webhook_put){.id = str_of(id), .project = str_of(c->project), .secret = buf_view(&sealed), .before_until = cmd.at + overlap_s * MS_SECOND, .of_calls = true};
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "secret", str_n(secret, SECRET_TEXT));
    view_time(&w, "old_secret_until", cmd.webhook_put.before_until);
    jw_close(&w, '}');
    explicit_bzero(secret, sizeof secret);
    change(o, &cmd, &json, done, arg);
}

void ops_webhook_set(struct ops *o, const struct caller *c, struct str id, const struct webhook_set *s, ops_done *done, void *arg) {
    struct why why = {};
    struct command cmd = {.kind = CMD_WEBHOOK_PUT, .at = io_now(o->io)};
    if (read_set(o, s, false, &why, &cmd.webhook_put)) {
        answer_why_now(done, arg, &why);
        return;
    }
    cmd.webhook_put.id = id;
    cmd.webhook_put.project = str_of(c->project);
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "id", id);
    jw_kz(&w, "object", "webhook");
    if (s->url.len) jw_kstr(&w, "url", s->url);
    if (s->state.len) jw_kstr(&w, "state", s->state);
    view_time(&w, "changed_at", cmd.at);
    jw_close(&w, '}');
    change(o, &cmd, &json, done, arg);
}

void ops_webhook_delete(struct ops *o, const struct caller *c, struct str id, ops_done *done, void *arg) {
    struct command cmd = {.kind = CMD_WEBHOOK_DELETE, .at = io_now(o->io)};
    cmd.webhook_delete = (struct cmd_webhook_delete){.id = id, .project = str_of(c->project)};
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "id", id);
    jw_kbool(&w, "deleted", true);
    jw_close(&w, '}');
    change(o, &cmd, &json, done, arg);
}

static void send_message(struct ops *o, const struct caller *c, struct str message, struct str webhook, bool again, ops_done *done, void *arg) {
    struct command cmd = {.kind = CMD_WEBHOOK_SEND, .at = io_now(o->io)};
    cmd.webhook_send = (struct cmd_webhook_send){.message = message, .webhook = webhook, .project = str_of(c->project), .again = again};
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "id", message);
    jw_kz(&w, "state", "waiting");
    jw_close(&w, '}');
    change(o, &cmd, &json, done, arg);
}

void ops_webhook_test(struct ops *o, const struct caller *c, struct str id, ops_done *done, void *arg) {
    char message[5 + ID_LEN];
    struct id drawn = io_new_id(o->io);
    snprintf(message, sizeof message, "msg_%s", drawn.hex);
    send_message(o, c, str_of(message), id, false, done, arg);
}

void ops_webhook_again(struct ops *o, const struct caller *c, struct str message, ops_done *done, void *arg) { send_message(o, c, message, STR(""), true, done, arg); }
