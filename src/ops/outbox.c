/* Webhooks out: what settle and its like wrote into the outbox is sent, signed, until somebody answers 2xx.
 *
 * The outbox is the truth: a scan finds what is due, and what was published only makes it run sooner. One node leases a webhook and sends
 * for it, so that what is under way to it is counted here; a message that was sent and not noted is sent again, under the same id. What
 * the rules made of an answer (the next try, the end) stands in core/command_webhook.c. */
#include "base/decode.h"
#include "base/hash.h"
#include "core/webhook.h"
#include "io/upstream.h"
#include "ops/ops_int.h"
#include "ops/vault.h"

#include <stdio.h>
#include <stdlib.h>

enum { TICK_MS = 1000, LEASE_MS = 45000, LEASE_LEFT_MS = 20000, LOOK_ROWS = 256, BOXES_MAX = 1024, MESSAGE_ID_MAX = 64, KEY_MAX = 64, JITTER_MAX = 200 };

/* A message under way. */
struct flight {
    struct flight *next, **back;
    struct outbox *outbox;
    struct box *box;
    struct upstream_request *request; /* NULL: answered, and being noted */
    char id[MESSAGE_ID_MAX];
    msec began_at;
};

/* One webhook that this node sends to. */
struct box {
    struct box *next;
    char id[ID_LEN + 1], project[ID_LEN + 1];
    bool test; /* it is told of the test book alone */
    msec leased_until;
    int flights;
    bool busy; /* leased or read just now */
    /* What ended while it is being read: the reader may have seen it waiting still. Nothing is sent meanwhile, so there are no more of them. */
    char ended[LIMIT_WEBHOOK_FLIGHT][MESSAGE_ID_MAX];
    int ended_count;
};

struct outbox {
    struct ops *o;
    struct box *boxes;
    struct flight *flights;
    struct job *jobs; /* reads and leases whose answer is to come */
    int under_way, box_count;
    struct timer *tick;
    bool looking, again, stopped;
    uint64_t sent, delivered, failed;
};

/* A question to the store, or a lease. outbox NULL: it is gone. */
struct job {
    struct job *next, **back;
    struct outbox *outbox;
    struct arena arena;
    struct box *box;
    const struct signer *signer;
    char url[256], node[ID_LEN + 1];
    msec now, leased_before;
    int64_t room;
    err code;
    const struct webhook **hooks; /* looking: the due ones; fetching: the one */
    size_t hook_count;
    const struct webhook *signer_of; /* whose secret signs: the one's own, or the project's for URLs that calls name */
    struct letter { struct str id, url, body; bool of_before; } *letters; /* of_before: not to be sent, only ended */
    size_t letter_count;
};

static struct job *job_new(struct outbox *b) {
    struct job *j = calloc(1, sizeof *j);
    must(j);
    *j = (struct job){.outbox = b, .next = b->jobs, .back = &b->jobs, .signer = b->o->o.signer, .now = io_now(b->o->io)};
    snprintf(j->url, sizeof j->url, "%s", b->o->o.public_url);
    snprintf(j->node, sizeof j->node, "%.*s", STR_ARG(b->o->o.node));
    if (j->next) j->next->back = &j->next;
    b->jobs = j;
    return j;
}

static void job_free(struct job *j) {
    if (j->outbox) {
        *j->back = j->next;
        if (j->next) j->next->back = j->back;
    }
    arena_done(&j->arena);
    free(j);
}

static void look(struct outbox *b);

/* --- what a message says --- */

static void write_body(struct buf *out, const struct webhook_message *m, const struct shown *s) {
    struct jw w = {.out = out};
    jw_open(&w, '{');
    jw_kstr(&w, "type", m->event);
    view_time(&w, "timestamp", m->created_at);
    if (m->n) jw_ki64(&w, "sequence", m->n);
    jw_key(&w, "data");
    if (s) view_generation(&w, s);
    else {
        jw_open(&w, '{');
        jw_kstr(&w, "webhook_id", m->webhook);
        jw_kstr(&w, "project_id", m->project);
        jw_close(&w, '}');
    }
    if (s && s->brief) jw_kbool(&w, "truncated", true);
    jw_close(&w, '}');
}

/* Links are signed anew for each try. */
static err letter_of(struct job *j, struct db *db, const struct webhook *h, const struct webhook_message *m, struct letter *out) {
    _cleanup_(buf_done) struct buf text = {};
    if (webhook_message_is_of_before(h, m)) {
        *out = (struct letter){.id = m->head.id, .of_before = true};
        return OK;
    }
    const struct generation *g = NULL;
    const struct asset **assets = NULL;
    size_t n = 0;
    if (m->generation.len) {
        TRY(QUERY_RECORD(db, generation, m->generation, &j->arena, &g));
        TRY(query_assets_of(db, m->generation, &j->arena, &assets, &n));
    }
    struct shown s = {.g = g, .assets = assets, .asset_count = n, .signer = j->signer, .public_url = str_of(j->url), .now = j->now, .message = true};
    write_body(&text, m, g ? &s : NULL);
    if (g && text.len > LIMIT_WEBHOOK_BYTES) {
        buf_clear(&text);
        s.brief = true;
        write_body(&text, m, &s);
    }
    struct str url = h->url, webhook;
    if (!h->secret.len && !(g && str_cut(g->webhook, ' ', &webhook, &url))) return E_CORRUPT;
    *out = (struct letter){.id = m->head.id, .url = url, .body = arena_dup(&j->arena, buf_view(&text))};
    return OK;
}

/* --- noting what came of it --- */

static void flight_free(struct flight *f) {
    *f->back = f->next;
    if (f->next) f->next->back = f->back;
    free(f);
}

static void flight_over(struct flight *f) {
    struct box *box = f->box;
    box->flights--;
    if (box->busy && box->ended_count < LIMIT_WEBHOOK_FLIGHT) memcpy(box->ended[box->ended_count++], f->id, sizeof f->id);
    f->outbox->under_way--;
    flight_free(f);
}

static void noted(void *arg, const struct outcome *out) {
    struct flight *f = arg;
    struct outbox *b = f->outbox;
    if (!b) { /* the server stops */
        free(f);
        return;
    }
    flight_over(f);
    if (!out->code) look(b); /* otherwise the next tick: what could not be noted is sent again, though not at once */
}

static void note(struct flight *f, int64_t status, struct str detail, msec retry_after) {
    struct outbox *b = f->outbox;
    uint16_t chance;
    b->o->io->ops->random(b->o->io, &chance, sizeof chance);
    bool fine = status >= 200 && status < 300;
    if (fine) b->delivered++;
    else b->failed++;
    struct command cmd = {.kind = CMD_WEBHOOK_NOTE, .at = io_now(b->o->io)};
    cmd.webhook_note = (struct cmd_webhook_note){.message = str_of(f->id), .webhook = str_of(f->box->id), .node = b->o->o.node, .detail = detail, .status = status,
                                                 .began_at = f->began_at, .retry_after = retry_after, .jitter = chance % JITTER_MAX};
    if (committer_submit(b->o->o.committer, &cmd, noted, f)) flight_over(f);
}

static msec retry_after(const struct upstream_answer *a) {
    int64_t seconds;
    for (size_t i = 0; i < a->header_count; i++)
        if (str_is(a->headers[i].name, "retry-after") && str_to_i64(str_trim(a->headers[i].value), &seconds) && seconds > 0)
            return (seconds > 86400 ? 86400 : seconds) * MS_SECOND;
    return 0;
}

/* Of the answer only its status is kept. */
static void on_answer(void *arg, const struct upstream_answer *a) {
    struct flight *f = arg;
    f->request = NULL;
    char text[64];
    struct str detail = {};
    if (!a->status) detail = str_head(str_of(why_text(&a->why)), 300);
    else if (a->status < 200 || a->status > 299) {
        snprintf(text, sizeof text, "It answered %d%s.", a->status, a->status / 100 == 3 ? ", and redirects are not followed" : "");
        detail = str_of(text);
    }
    note(f, a->status, detail, retry_after(a));
}

/* --- signing and sending --- */

struct str webhook_sealed_name(struct str webhook, struct arena *a) { return arena_printf(a, "webhook/%.*s", STR_ARG(webhook)); }

/* " v1,<signature>" behind what is there. */
static err sign(struct outbox *b, const struct webhook *h, struct str sealed, struct str content, struct arena *a, struct buf *out) {
    struct str secret;
    uint8_t key[KEY_MAX], mac[SHA256_LEN];
    char text[BASE64_LEN(SHA256_LEN) + 1];
    size_t n;
    TRY(vault_open(b->o->o.vault, webhook_sealed_name(h->head.id, a), sealed, a, &secret));
    struct buf raw = {};
    struct decoder d;
    decoder_begin(&d, DECODE_BASE64);
    err e = str_starts(secret, STR("whsec_")) ? decoder_feed(&d, str_skip(secret, 6), &raw, NULL) : E_CORRUPT;
    if (!e) e = decoder_end(&d, &raw, NULL);
    n = raw.len < sizeof key ? raw.len : sizeof key;
    if (n) memcpy(key, raw.ptr, n);
    if (raw.ptr) explicit_bzero(raw.ptr, raw.len);
    buf_done(&raw);
    explicit_bzero((char *)secret.ptr, secret.len);
    if (e) return E_CORRUPT;
    hmac_sha256(str_n(key, n), content, mac);
    explicit_bzero(key, sizeof key);
    base64_encode(mac, sizeof mac, text);
    buf_printf(out, "%sv1,%s", out->len ? " " : "", text);
    return OK;
}

static void send_letter(struct outbox *b, struct box *box, const struct webhook *signer, const struct letter *l, struct arena *a) {
    _cleanup_(buf_done) struct buf signature = {};
    msec now = io_now(b->o->io);
    struct flight *f = calloc(1, sizeof *f);
    must(f && l->id.len < sizeof f->id);
    *f = (struct flight){.next = b->flights, .back = &b->flights, .outbox = b, .box = box, .began_at = now};
    if (f->next) f->next->back = &f->next;
    b->flights = f;
    memcpy(f->id, l->id.ptr, l->id.len);
    box->flights++;
    b->under_way++;
    if (l->of_before) {
        note(f, 0, STR(""), 0); /* the rule says what became of it */
        return;
    }
    struct str at = arena_printf(a, "%lld", (long long)(now / MS_SECOND));
    struct str content = arena_printf(a, "%.*s.%.*s.%.*s", STR_ARG(l->id), STR_ARG(at), STR_ARG(l->body));
    err e = sign(b, signer, signer->secret, content, a, &signature);
    if (!e && signer->secret_before.len && signer->before_until > now) e = sign(b, signer, signer->secret_before, content, a, &signature);
    if (e) {
        note(f, 0, STR("Its secret cannot be opened with the master key of this server; rotate it."), 0);
        return;
    }
    const struct upstream_header headers[] = {{STR("content-type"), STR("application/json")},
                                              {STR("user-agent"), STR("puras-webhooks")},
                                              {STR("webhook-id"), l->id},
                                              {STR("webhook-timestamp"), at},
                                              {STR("webhook-signature"), buf_view(&signature)}};
    struct upstream_ask ask = {.policy = EGRESS_TENANT, .method = STR("POST"), .url = l->url, .headers = headers, .header_count = sizeof headers / sizeof *headers,
                               .body = l->body, .stays = true, .timeout = LIMIT_WEBHOOK_MS, .max_bytes = LIMIT_WEBHOOK_ANSWER_BYTES, .done = on_answer, .arg = f};
    b->sent++;
    f->request = upstream_send(b->o->o.upstream, &ask);
}

/* --- reading what is due --- */

static bool is_under_way(const struct outbox *b, const struct box *box, struct str id) {
    for (int i = 0; i < box->ended_count; i++)
        if (str_is(id, box->ended[i])) return true;
    for (const struct flight *f = b->flights; f; f = f->next)
        if (str_is(id, f->id)) return true;
    return false;
}

static void fetch_run(struct db *db, void *arg) {
    struct job *j = arg;
    const struct webhook_message **rows;
    const struct webhook **one = arena_new(&j->arena, const struct webhook *);
    size_t n;
    j->code = QUERY_RECORD(db, webhook, str_of(j->box->id), &j->arena, one); /* the box outlives the job: it is busy, and those stay as long as the outbox */
    if (!j->code) j->code = query_webhook_messages_due(db, (*one)->head.id, j->now, j->room, &j->arena, &rows, &n);
    if (!j->code) j->signer_of = *one;
    if (!j->code && !(*one)->secret.len) {
        char id[ID_LEN + 1];
        webhook_call_id((*one)->project, STR(""), STR(""), id);
        j->code = QUERY_RECORD(db, webhook, str_of(id), &j->arena, &j->signer_of);
    }
    if (j->code) return;
    j->hooks = one;
    j->hook_count = 1;
    j->letters = arena_array(&j->arena, struct letter, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (!letter_of(j, db, *one, rows[i], &j->letters[j->letter_count])) j->letter_count++;
    }
}

/* Servers that let everybody wait take the room of one book of one project, and no more. */
static int room_of_book(const struct outbox *b, const struct box *box) {
    int room = LIMIT_WEBHOOK_FLIGHT_BOOK;
    for (const struct flight *f = b->flights; f; f = f->next) room -= f->box->test == box->test && !strcmp(f->box->project, box->project);
    return room;
}

/* While it fails one message at a time asks whether it works again. */
static int room_of(const struct outbox *b, const struct box *box, const struct webhook *h) {
    int room = (h->failures ? 1 : LIMIT_WEBHOOK_FLIGHT) - box->flights, book = room_of_book(b, box), all = LIMIT_WEBHOOK_FLIGHT_ALL - b->under_way;
    if (book < room) room = book;
    return room < all ? room : all;
}

static void fetched(void *arg) {
    struct job *j = arg;
    struct outbox *b = j->outbox;
    if (b) {
        j->box->busy = false;
        const struct webhook *h = j->hook_count ? j->hooks[0] : NULL;
        bool may = h && !b->stopped && str_is(h->state, "enabled") && str_eq(h->node, b->o->o.node) && h->next_at <= io_now(b->o->io);
        for (size_t i = 0; may && i < j->letter_count && room_of(b, j->box, h) > 0; i++)
            if (!is_under_way(b, j->box, j->letters[i].id)) send_letter(b, j->box, j->signer_of, &j->letters[i], &j->arena);
    }
    job_free(j);
}

static void fetch(struct outbox *b, struct box *box) {
    struct job *j = job_new(b);
    j->box = box;
    j->room = LIMIT_WEBHOOK_FLIGHT + box->flights; /* those under way are due still */
    box->busy = true;
    box->ended_count = 0;
    if (!readers_run(b->o->o.readers, fetch_run, fetched, j)) return;
    box->busy = false; /* the next tick */
    job_free(j);
}

/* --- leases --- */

static void leased(void *arg, const struct outcome *out) {
    struct job *j = arg;
    struct outbox *b = j->outbox;
    if (b) {
        j->box->busy = false;
        if (!out->code && !b->stopped) {
            j->box->leased_until = j->now;
            fetch(b, j->box);
        }
    }
    job_free(j);
}

static void lease(struct outbox *b, struct box *box) {
    struct job *j = job_new(b);
    j->box = box;
    struct command cmd = {.kind = CMD_WEBHOOK_LEASE, .at = j->now};
    j->now += LEASE_MS;
    cmd.webhook_lease = (struct cmd_webhook_lease){.webhook = str_of(box->id), .node = b->o->o.node, .until = j->now, .alone = !b->o->o.other_nodes};
    box->busy = true;
    if (!committer_submit(b->o->o.committer, &cmd, leased, j)) return;
    box->busy = false;
    job_free(j);
}

/* --- the scan --- */

static struct box *box_of(struct outbox *b, const struct webhook *h) {
    struct box *x = b->boxes;
    while (x && !str_is(h->head.id, x->id)) x = x->next;
    if (!x) {
        x = calloc(1, sizeof *x);
        must(x && h->head.id.len <= ID_LEN && h->project.len <= ID_LEN);
        memcpy(x->id, h->head.id.ptr, h->head.id.len);
        memcpy(x->project, h->project.ptr, h->project.len);
        x->next = b->boxes;
        b->boxes = x;
        b->box_count++;
    }
    x->test = (h->wants & HOOK_BOOKS) == HOOK_TEST;
    return x;
}

/* Projects, and the servers that their calls name, may be many. What is idle is forgotten; its lease is asked for anew. */
static void forget_idle(struct outbox *b) {
    for (struct box **at = &b->boxes; b->box_count > BOXES_MAX && *at;) {
        struct box *x = *at;
        if (x->busy || x->flights) {
            at = &x->next;
            continue;
        }
        *at = x->next;
        free(x);
        b->box_count--;
    }
}

static void look_run(struct db *db, void *arg) {
    struct job *j = arg;
    j->code = query_webhooks_due(db, str_of(j->node), j->leased_before, j->now, LOOK_ROWS, &j->arena, &j->hooks, &j->hook_count);
}

static void looked(void *arg) {
    struct job *j = arg;
    struct outbox *b = j->outbox;
    if (b) {
        b->looking = false;
        forget_idle(b);
        for (size_t i = 0; !j->code && !b->stopped && i < j->hook_count; i++) {
            const struct webhook *h = j->hooks[i];
            struct box *box = box_of(b, h);
            if (box->busy || room_of(b, box, h) <= 0) continue;
            bool ours = str_eq(h->node, b->o->o.node) && box->leased_until - j->now > LEASE_LEFT_MS;
            if (ours) fetch(b, box);
            else lease(b, box);
        }
        if (b->again) look(b);
    }
    job_free(j);
}

static void look(struct outbox *b) {
    if (b->stopped) return;
    b->again = b->looking;
    if (b->looking) return;
    struct job *j = job_new(b);
    j->leased_before = b->o->o.other_nodes ? j->now : INT64_MAX;
    b->looking = true;
    if (!readers_run(b->o->o.readers, look_run, looked, j)) return;
    b->looking = false;
    job_free(j);
}

static void ticked(void *arg) {
    struct outbox *b = arg;
    b->tick = b->o->io->ops->timer_start(b->o->io, TICK_MS, ticked, b);
    look(b);
}

/* --- life --- */

struct outbox *outbox_create(struct ops *o) {
    struct outbox *b = calloc(1, sizeof *b);
    must(b);
    b->o = o;
    b->tick = o->io->ops->timer_start(o->io, TICK_MS, ticked, b);
    return b;
}

void outbox_published(struct outbox *b, const struct rec_change *changes, size_t n) {
    bool due = false;
    for (size_t i = 0; b && i < n; i++) {
        if (changes[i].type == REC_webhook_message) due |= str_is(((const struct webhook_message *)changes[i].record)->state, "waiting");
        if (changes[i].type != REC_webhook) continue;
        const struct webhook *h = (const struct webhook *)changes[i].record;
        due |= str_is(h->state, "enabled");
        if ((str_is(h->state, "gone") || str_is(h->state, "dead")) && b->o->o.log)
            log_event(b->o->o.log, LOG_WARN, "webhook.off", "\"webhook\":\"%.*s\",\"project\":\"%.*s\",\"state\":\"%.*s\"", STR_ARG(h->head.id), STR_ARG(h->project), STR_ARG(h->state));
    }
    if (due) look(b);
}

void outbox_stop(struct outbox *b) {
    if (!b || b->stopped) return;
    b->stopped = true;
    b->o->io->ops->timer_stop(b->o->io, b->tick);
    b->tick = NULL;
    for (struct flight *f = b->flights, *next; f; f = next) {
        next = f->next;
        if (!f->request) continue; /* being noted */
        upstream_cancel(f->request);
        flight_over(f);
    }
}

void outbox_destroy(struct outbox *b) {
    if (!b) return;
    outbox_stop(b);
    for (struct job *j = b->jobs; j; j = j->next) j->outbox = NULL;
    for (struct flight *f = b->flights; f; f = f->next) f->outbox = NULL;
    for (struct box *x = b->boxes, *next; x; x = next) {
        next = x->next;
        free(x);
    }
    free(b);
}

void outbox_metrics(const struct outbox *b, struct buf *out) {
    const struct {
        const char *name, *type, *help;
        int64_t value;
    } rows[] = {
        {"puras_webhook_sent_total", "counter", "Messages sent to webhooks, repetitions counted.", b ? (int64_t)b->sent : 0},
        {"puras_webhook_delivered_total", "counter", "Messages that were answered with 2xx.", b ? (int64_t)b->delivered : 0},
        {"puras_webhook_failed_total", "counter", "Messages that were not.", b ? (int64_t)b->failed : 0},
        {"puras_webhook_under_way", "gauge", "Messages under way to webhooks.", b ? b->under_way : 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %lld\n", rows[i].name, rows[i].help, rows[i].name, rows[i].type, rows[i].name, (long long)rows[i].value);
}
