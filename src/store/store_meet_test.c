/* Two servers on one database: they are made to meet between load and save with each kind of command, they fence each other,
 * one adopts the other's work. And what a committer does when the database says no at each place. */
#include "base/limits.h"
#include "store/testbed.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

static enum engine engine;

static int setup(void **state) {
    struct bench *b = calloc(1, sizeof *b);
    bench_make(b, engine);
    *state = b;
    return 0;
}

static int teardown(void **state) {
    bench_close(*state);
    free(*state);
    return 0;
}

/* --- meeting --- */

struct meeting {
    struct seat *other;
    struct command theirs;
    struct outcome answer;
    pthread_t thread;
    atomic_bool started, loaded, finished;
};

static err they_loaded(void *arg, enum committer_point p) {
    struct meeting *m = arg;
    if (p == POINT_LOADED) m->loaded = true;
    return OK;
}

static void *they_run(void *arg) {
    struct meeting *m = arg;
    m->answer = seat_run(m->other, m->theirs);
    m->finished = true;
    return NULL;
}

/* We have loaded and not saved: let the other one come as far as it gets. It waits for our locks, or it has loaded too. */
static err we_loaded(void *arg, enum committer_point p) {
    struct meeting *m = arg;
    if (p != POINT_LOADED || m->started) return OK;
    m->started = true;
    must(!pthread_create(&m->thread, NULL, they_run, m));
    for (int i = 0; i < 20 && !m->loaded && !m->finished; i++) poll(NULL, 0, 1);
    return OK;
}

static struct command make_expire(void) { return cmd_expire(DEADLINE); }
static struct command make_cancel(void) { return cmd_cancel(PROJECT); }
static struct command make_create(void) { return cmd_create_project("33333333333333333333333333333333"); }
static struct command make_key(void) { return cmd_create_key("newkey01", PROJECT, "live"); }
static struct command make_revoke(void) { return (struct command){.kind = CMD_REVOKE_KEY, .at = 7, .revoke_key = {STR("livekey1"), STR("")}}; }
static struct command make_top_up(void) { return cmd_top_up("topup:7", "live", 7); }
static struct command make_other_top_up(void) { return cmd_top_up("topup:8", "live", 8); }
static struct command make_submit(void) { return cmd_submit(GEN); }
static struct command make_claim(void) { return cmd_claim("fal", 1); }
static struct command make_defer(void) {
    struct command c = cmd_step(CMD_DEFER, 0);
    c.step.retry_at = 5000;
    return c;
}
static struct command make_their_claim(void) {
    struct command c = cmd_claim("fal", 1);
    c.step.node = STR(NODE2);
    return c;
}
static struct command make_sending(void) { return cmd_step(CMD_SENDING, 1); }
static struct command make_accepted(void) { return cmd_step(CMD_ACCEPTED, 1); }
static struct command make_progress(void) { return cmd_step(CMD_PROGRESS, 1); }
static struct command make_result(void) { return cmd_step(CMD_RESULT_SEEN, 1); }
static struct command make_failed(void) { return cmd_failed(1, FAIL_TRANSIENT, true); }
static struct command make_unresolved(void) { return cmd_step(CMD_UNRESOLVED, 1); }
static struct command make_settle(void) { return cmd_settle(1, 2); }
static struct command make_confirmed(void) { return cmd_step(CMD_CANCEL_CONFIRMED, 1); }
static struct command make_resolve(void) { return cmd_step(CMD_RESOLVE, 1); }
static struct command make_adopt(void) { return cmd_adopt(NODE2, NODE); }
static struct command keyed(const char *generation) {
    struct command c = cmd_submit(generation);
    c.submit.idempotency = STR("0000000000000000000000000000000000000000000000000000000000000001");
    return c;
}
static struct command make_keyed(void) { return keyed(GEN); }
static struct command make_keyed_again(void) { return keyed(GEN2); }
static struct command dear(const char *generation) {
    struct command c = cmd_submit(generation);
    c.submit.quote.amount = START;
    return c;
}
static struct command make_dear(void) { return dear(GEN); }
static struct command make_other_dear(void) { return dear(GEN2); }
static struct command put(const char *asset) {
    struct command c = {.kind = CMD_ASSET_PUT, .at = 9};
    c.asset_put = (struct cmd_asset_put){STR(PROJECT), STR("live"), STR("a.png"), test_output(asset, 10)};
    return c;
}
static struct command make_put(void) { return put("up-1"); }
static struct command make_other_put(void) { return put("up-2"); }
static struct command make_delete(void) { return (struct command){.kind = CMD_ASSET_DELETE, .at = 10, .asset_delete = {STR(PROJECT), STR("live"), STR("a.png")}}; }
static struct command make_adjust(void) { return cmd_adjust("adjust:1", "live", -START); }
static struct command make_other_adjust(void) { return cmd_adjust("adjust:2", "live", -1); }
static struct command make_secret(void) { return cmd_secret(CMD_SECRET_PUT, PROJECT, "TOKEN", "one"); }
static struct command make_other_secret(void) { return cmd_secret(CMD_SECRET_PUT, PROJECT, "TOKEN", "two"); }
static struct command make_secret_delete(void) { return cmd_secret(CMD_SECRET_DELETE, PROJECT, "TOKEN", ""); }
static struct command make_provider_key(void) { return cmd_provider_key("fal", "one"); }
static struct command make_provider_key_gone(void) { return cmd_provider_key("fal", ""); }
static struct command make_pause(void) { return cmd_pause("provider/fal", true); }
static struct command make_reseal(void) { return cmd_reseal("provider_key", "fal", "zero", "two"); }
static struct command make_derived(void) { return cmd_derive("up-0", "thumbnail", "blob-1"); }
static struct command make_other_derived(void) { return cmd_derive("up-0", "thumbnail", "blob-2"); }
static struct command make_set(void) { return cmd_project_set(PROJECT, 7, -1, -1); }
static struct command make_other_set(void) { return cmd_project_set(PROJECT, -1, -1, 30); }
static struct command capped(const char *generation) {
    struct command c = cmd_submit(generation);
    c.submit.key = STR("capped01");
    return c;
}
static struct command make_capped(void) { return capped(GEN); }
static struct command make_other_capped(void) { return capped(GEN2); }
static struct command limited(const char *generation, const char *project, const char *key) {
    struct command c = cmd_submit(generation);
    c.submit.project = str_of(project);
    c.submit.key = str_of(key);
    c.submit.quote.amount = 0;
    c.submit.model_limit = 1;
    c.submit.node = STR(NODE);
    c.submit.provider = STR("fal");
    return c;
}
static struct command make_limited(void) { return limited(GEN, PROJECT, "livekey1"); }
static struct command make_other_limited(void) { return limited(GEN2, FOREIGN, "foreign1"); }
static struct command rotate(const char *prefix) {
    struct command c = cmd_create_key(prefix, PROJECT, "live");
    c.create_key.replaces = STR("livekey1");
    c.create_key.old_expires_at = 50;
    return c;
}
static struct command make_rotate(void) { return rotate("newkey01"); }
static struct command by_body(const char *generation) {
    struct command c = cmd_submit(generation);
    c.submit.idempotency = STR("idem");
    c.submit.request_hash = STR("hash");
    c.submit.repeat = REPEAT_UNDELIVERED;
    return c;
}
static struct command make_delivered(void) { return (struct command){.kind = CMD_DELIVERED, .at = 7, .delivered = {STR("idem"), STR(GEN)}}; }
static struct command make_by_body(void) { return by_body(GEN2); }
static struct command make_webhook(void) {
    return (struct command){.kind = CMD_WEBHOOK_PUT, .at = 5,
                            .webhook_put = {.id = STR("hook1"), .project = STR(PROJECT), .url = STR("https://a.example/"), .secret = STR("one"), .wants = 31, .mask = 63, .fresh = true}};
}
static struct command make_webhook_off(void) {
    return (struct command){.kind = CMD_WEBHOOK_PUT, .at = 6, .webhook_put = {.id = STR("hook1"), .project = STR(PROJECT), .state = STR("disabled")}};
}
static struct command make_webhook_gone(void) { return (struct command){.kind = CMD_WEBHOOK_DELETE, .at = 7, .webhook_delete = {STR("hook1"), STR(PROJECT)}}; }
static struct command make_message(void) {
    return (struct command){.kind = CMD_WEBHOOK_SEND, .at = 7, .webhook_send = {.message = STR("msg_1"), .webhook = STR("hook1"), .project = STR(PROJECT)}};
}
static struct command lease_by(const char *node) { return (struct command){.kind = CMD_WEBHOOK_LEASE, .at = 7, .webhook_lease = {STR("hook1"), str_of(node), 1000, false}}; }
static struct command make_lease(void) { return lease_by(NODE); }
static struct command make_their_lease(void) { return lease_by(NODE2); }
static struct command note_of(int64_t status) {
    return (struct command){.kind = CMD_WEBHOOK_NOTE, .at = 9, .webhook_note = {.message = STR("msg_1"), .webhook = STR("hook1"), .node = STR(""), .status = status, .began_at = 8}};
}
static struct command make_note(void) { return note_of(204); }
static struct command make_gone(void) { return note_of(410); }
static struct command telling(const char *generation, const char *sealed) {
    struct command c = cmd_submit(generation);
    c.submit.webhook = STR("https://a.example/h");
    c.submit.webhook_origin = STR("https://a.example:443");
    c.submit.webhook_secret = str_of(sealed);
    return c;
}
static struct command make_telling(void) { return telling(GEN, "one"); }
static struct command make_other_telling(void) { return telling(GEN2, "two"); }
static struct command make_publish(void) { return (struct command){.kind = CMD_PUBLISH_CATALOG, .at = 5, .publish = {STR("aa"), STR("text")}}; }

/* The other server comes second, so it sees what ours did. */
static const struct meet {
    const char *where; /* GEN before */
    struct command (*ours)(void), (*theirs)(void);
    err theirs_code;
    const char *check; /* a statement that must find exactly one row */
} meets[] = {
    {"", make_create, make_create, E_EXISTS, "select 1 from project where id like '333%'"},
    {"", make_key, make_key, OK, "select 1 from api_key where id = 'newkey01' and version = 1"},
    {"", make_revoke, make_revoke, OK, "select 1 from api_key where id = 'livekey1' and version = 2"},
    {"", make_revoke, make_submit, E_UNAUTHENTICATED, "select 1 from project where id = '" PROJECT "' and seq = 0"},
    {"", make_top_up, make_top_up, OK, "select 1 from account where id = '" PROJECT "/live' and available = 1000007"},
    {"", make_top_up, make_other_top_up, OK, "select 1 from account where id = '" PROJECT "/live' and available = 1000015"},
    {"", make_submit, make_submit, OK, "select 1 from generation"},
    {"", make_keyed, make_keyed_again, OK, "select 1 from generation"},
    {"", make_dear, make_dear, OK, "select 1 from generation"},
    {"", make_dear, make_other_dear, E_INSUFFICIENT_CREDIT, "select 1 from generation"},
    {"", make_submit, make_top_up, OK, "select 1 from account where id = '" PROJECT "/live' and available + held = 1000007"},
    {"pending", make_claim, make_their_claim, E_CONFLICT, "select 1 from generation where node = '" NODE "' and attempts = 1"},
    {"pending", make_claim, make_defer, E_CONFLICT, "select 1 from generation where node = '" NODE "' and waits_until = 0"},
    {"pending", make_defer, make_defer, OK, "select 1 from generation where state = 'pending' and waits_until = 5000"},
    {"pending", make_claim, make_cancel, OK, "select 1 from generation where state = 'cancelled' and attempts = 1"},
    {"pending", make_cancel, make_their_claim, E_CONFLICT, "select 1 from generation where state = 'cancelled' and attempts = 0"},
    {"opened", make_sending, make_cancel, OK, "select 1 from generation where state = 'processing' and cancel_at > 0"},
    {"opened", make_sending, make_adopt, OK, "select 1 from generation where node = '" NODE2 "' and step = 'sending'"},
    {"sending", make_accepted, make_cancel, OK, "select 1 from generation where step = 'accepted' and cancel_at > 0"},
    {"accepted", make_progress, make_cancel, OK, "select 1 from generation where step = 'accepted' and cancel_at > 0"},
    {"accepted", make_result, make_adopt, OK, "select 1 from generation where step = 'result' and node = '" NODE2 "'"},
    {"accepted", make_failed, make_expire, OK, "select 1 from generation where state = 'failed' and attempts = 1"},
    {"sending", make_unresolved, make_resolve, OK, "select 1 from generation where state = 'failed'"},
    {"unresolved", make_resolve, make_expire, E_CONFLICT, "select 1 from generation where state = 'failed'"},
    {"result", make_settle, make_expire, E_CONFLICT, "select 1 from generation where state = 'completed' and billed_micros = 10000"},
    {"result", make_settle, make_settle, OK, "select 1 from usage_event"},
    {"result", make_expire, make_settle, E_STALE, "select 1 from generation where state = 'failed' and billed_micros = 0"},
    {"result", make_adopt, make_settle, E_STALE, "select 1 from generation where state = 'processing' and node = '" NODE2 "'"},
    {"cancelling", make_confirmed, make_expire, E_CONFLICT, "select 1 from generation where state = 'cancelled'"},
    {"", make_put, make_other_put, OK, "select 1 from asset where path <> ''"},
    {"up", make_delete, make_delete, E_NOT_FOUND, "select 1 from drive_path where asset = ''"},
    {"up", make_delete, make_put, OK, "select 1 from asset where deleted_at = 10"},
    {"", make_publish, make_publish, OK, "select 1 from catalog_version"},
    {"", make_adjust, make_adjust, OK, "select 1 from account where id = '" PROJECT "/live' and available = 0 and seq = 2"},
    {"", make_adjust, make_other_adjust, E_INSUFFICIENT_CREDIT, "select 1 from transfer where purpose = 'adjust'"},
    {"", make_secret, make_secret, OK, "select 1 from secret where sealed = 'one'"},
    {"", make_secret, make_other_secret, OK, "select 1 from secret where version = 2"},
    {"secret", make_secret_delete, make_secret_delete, E_NOT_FOUND, "select 1 from secret where sealed = '' and deleted_at > 0"},
    {"", make_provider_key, make_provider_key, OK, "select 1 from provider_key where sealed = 'one'"},
    {"provider_key", make_provider_key_gone, make_provider_key_gone, E_NOT_FOUND, "select 1 from provider_key where sealed = '' and deleted_at > 0"},
    {"provider_key", make_reseal, make_provider_key, OK, "select 1 from provider_key where sealed = 'one'"},
    {"", make_pause, make_pause, OK, "select 1 from pause where since = 3"},
    {"up", make_derived, make_other_derived, E_EXISTS, "select 1 from derived where version = 1"},
    {"up", make_derived, make_derived, OK, "select 1 from derived where blob = 'blob-1' and version = 1"},
    {"", make_set, make_other_set, OK, "select 1 from project where run_limit = 7 and retention_days = 30"},
    {"known", make_delivered, make_delivered, OK, "select 1 from idempotency where delivered_at = 7 and version = 2"},
    {"known", make_delivered, make_by_body, OK, "select 1 from idempotency where generation in ('" GEN "', '" GEN2 "')"},
    {"", make_webhook, make_submit, OK, "select 1 from project where webhooks = 'hook1:31' and seq = 1"},
    {"", make_telling, make_other_telling, OK, "select 1 from webhook where secret <> '' and version = 1 and (select count(*) from webhook) = 3 and (select count(*) from generation) = 2"},
    {"webhook", make_webhook_off, make_webhook_gone, OK, "select 1 from webhook where state = 'deleted' or version = 2"},
    {"webhook", make_webhook_gone, make_webhook_gone, E_NOT_FOUND, "select 1 from project where id = '" PROJECT "' and webhooks = ''"},
    {"webhook", make_lease, make_their_lease, E_STALE, "select 1 from webhook where leased_until = 1000 and version = 2"},
    {"webhook", make_message, make_lease, OK, "select 1 from webhook_message where state = 'waiting'"},
    {"message", make_note, make_note, OK, "select 1 from webhook_message where state = 'delivered' and attempts = 1"},
    {"message", make_gone, make_note, OK, "select 1 from webhook_message where attempts = 1"},
    {"capped", make_capped, make_other_capped, E_SPEND_CAP, "select 1 from key_day where spent = 10000"},
    {"", make_limited, make_other_limited, OK, "select 1 from generation where state = 'processing'"},
    {"", make_rotate, make_revoke, OK, "select 1 from api_key where id = 'livekey1' and expires_at in (0, 50) and revoked_at = 7"},
};

static void meet(struct bench *b, struct seat *other, const struct meet *m) {
    if (!strcmp(m->where, "up")) seat_ok(&b->a, put("up-0"));
    else if (!strcmp(m->where, "secret")) seat_ok(&b->a, make_secret());
    else if (!strcmp(m->where, "known")) seat_ok(&b->a, by_body(GEN));
    else if (!strcmp(m->where, "provider_key")) seat_ok(&b->a, cmd_provider_key("fal", "zero"));
    else if (!strcmp(m->where, "webhook")) seat_ok(&b->a, make_webhook());
    else if (!strcmp(m->where, "message")) {
        seat_ok(&b->a, make_webhook());
        seat_ok(&b->a, make_message());
    } else if (!strcmp(m->where, "capped")) {
        struct command key = cmd_create_key("capped01", PROJECT, "live");
        key.create_key.day_cap = 2 * PRICE - 1;
        seat_ok(&b->a, key);
    } else if (m->where[0]) seat_bring(&b->a, m->where);
    struct meeting meeting = {.other = other, .theirs = m->theirs()};
    struct command ours = m->ours();
    committer_hook(b->a.c, we_loaded, &meeting);
    committer_hook(other->c, they_loaded, &meeting);
    struct outcome o = seat_run(&b->a, ours);
    assert_true(meeting.started);
    pthread_join(meeting.thread, NULL);
    committer_hook(b->a.c, NULL, NULL);
    committer_hook(other->c, NULL, NULL);
    const char *a = command_name(ours.kind), *t = command_name(meeting.theirs.kind);
    /* where nothing was locked both had loaded, and either may have come first */
    bool swapped = o.code == m->theirs_code && meeting.answer.code == OK;
    if (!swapped && (o.code || meeting.answer.code != m->theirs_code))
        fail_msg("%s and %s: %s (%s) and %s (%s)", a, t, err_name(o.code), why_text(&o.why), err_name(meeting.answer.code), why_text(&meeting.answer.why));
    struct sql_rows rows;
    if (db_run(b->db, m->check, NULL, 0, &b->arena, &rows, NULL)) fail_msg("%s: %s", m->check, b->db->why.detail);
    if (rows.n != 1) fail_msg("%s and %s: %d rows: %s", a, t, (int)rows.n, m->check);
    bench_sound(b);
    assert_int_equal(b->a.fatal + other->fatal, 0);
}

static void servers_meet_with_each_kind(void **state) {
    bool seen[CMD_KIND_COUNT] = {};
    for (size_t i = 0; i < sizeof meets / sizeof *meets; i++) {
        struct bench b;
        struct seat other;
        bench_make(&b, engine);
        bench_ready(&b);
        seat_open(&b, &other, b.url, NODE2, false);
        meet(&b, &other, &meets[i]);
        seen[meets[i].ours().kind] = true;
        seat_close(&other);
        bench_close(&b);
    }
    for (int k = 0; k < CMD_KIND_COUNT; k++)
        if (!seen[k]) fail_msg("nobody meets with %s", command_name((enum command_kind)k));
}

/* --- many at once --- */

struct crowd {
    pthread_mutex_t lock;
    int answered, admitted, poor, other;
};
struct asked {
    struct crowd *crowd;
    bool again; /* told to repeat it */
};

static void crowd_answer(void *arg, const struct outcome *o) {
    struct crowd *c = arg;
    pthread_mutex_lock(&c->lock);
    c->answered++;
    if (!o->code) c->admitted++;
    else if (o->code == E_INSUFFICIENT_CREDIT) c->poor++;
    else c->other++;
    pthread_mutex_unlock(&c->lock);
}

static void asked_answer(void *arg, const struct outcome *o) {
    struct asked *a = arg;
    a->again = o->code == E_AGAIN;
    if (!a->again) crowd_answer(a->crowd, o);
}

static void crowd_ask(struct bench *b, struct seat *s, int i, struct asked *a) {
    struct command c = cmd_submit(arena_printf(&b->arena, "%032x", i + 1).ptr);
    c.submit.needs_bytes = 0;
    a->again = false;
    assert_int_equal(committer_submit(s[i % 2].c, &c, asked_answer, a), OK);
}

/* 400 calls on two servers, credit for 100 of them. A command that keeps meeting others may be told to try again, as SERIALIZABLE
 * makes likelier; it is repeated, as a caller would. */
static void two_servers_share_one_balance(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    struct seat s[2];
    seat_open(b, &s[0], b->url, "n1", true);
    seat_open(b, &s[1], b->url, "n2", true);
    struct crowd crowd = {.lock = PTHREAD_MUTEX_INITIALIZER};
    enum { N = 400 };
    struct asked asked[N] = {};
    for (int i = 0; i < N; i++) {
        asked[i].crowd = &crowd;
        crowd_ask(b, s, i, &asked[i]);
        if (i % 10 == 0) poll(NULL, 0, 1);
    }
    for (int i = 0; i < 20000 && crowd.answered < N; i++) {
        committer_drain(s[0].c);
        committer_drain(s[1].c);
        for (int k = 0; k < N; k++)
            if (asked[k].again) crowd_ask(b, s, k, &asked[k]);
        poll(NULL, 0, 1);
    }
    assert_int_equal(crowd.answered, N);
    assert_int_equal(crowd.other, 0);
    assert_int_equal(crowd.admitted, START / PRICE);
    assert_int_equal(crowd.poor, N - START / PRICE);
    assert_int_equal(BENCH_GET(b, account, PROJECT "/live")->available, 0);
    bench_sound(b);
    seat_close(&s[0]);
    seat_close(&s[1]);
}

static void what_waits_is_answered_at_the_end(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    struct crowd crowd = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct command c = cmd_submit(GEN);
    assert_int_equal(committer_submit(b->a.c, &c, crowd_answer, &crowd), OK);
    committer_destroy(b->a.c); /* without a step */
    b->a.c = NULL;
    assert_int_equal(crowd.answered, 1);
    assert_int_equal(crowd.other, 1);
    assert_null(BENCH_GET(b, generation, GEN));
}

/* --- fencing and adoption --- */

static void lapse(struct bench *b, const char *node) {
    if (engine == ENGINE_SQLITE) {
        b->now += LIMIT_LEASE_MS + 1;
        return;
    }
    char sql[128];
    snprintf(sql, sizeof sql, "update beat set at = at - %d where id = '%s'", LIMIT_LEASE_MS + 1, node);
    bench_sql(b, sql);
}

static void lapsed_server_is_fenced_and_its_work_adopted(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    seat_bring(&b->a, "sending");
    struct seat other;
    seat_open(b, &other, b->url, NODE2, false);
    struct str *ids;
    size_t n;
    struct why why = {};
    assert_int_equal(store_nodes_lapsed(other.store, &other.node, &b->arena, &ids, &n), OK);
    assert_int_equal(n, 0); /* it lives */
    lapse(b, NODE);
    assert_int_equal(store_node_beat(other.store, &other.node, &why), OK);
    assert_int_equal(store_nodes_lapsed(other.store, &other.node, &b->arena, &ids, &n), OK);
    assert_int_equal(n, 1);
    assert_true(str_is(ids[0], NODE));
    /* from here on nothing of the old one is written, although its step would have been right */
    int64_t version = BENCH_GET(b, generation, GEN)->head.version;
    struct command late = cmd_step(CMD_ACCEPTED, 1);
    struct crowd crowd = {.lock = PTHREAD_MUTEX_INITIALIZER};
    assert_int_equal(committer_submit(b->a.c, &late, crowd_answer, &crowd), OK);
    committer_step(b->a.c);
    committer_drain(b->a.c);
    assert_int_equal(crowd.answered, 0);
    assert_int_equal(b->a.fatal, 1);
    assert_int_equal(b->a.fatal_code, E_FENCED);
    assert_int_equal(committer_submit(b->a.c, &late, NULL, NULL), E_UNAVAILABLE);
    assert_int_equal(store_node_beat(b->a.store, &b->a.node, &why), E_FENCED);
    assert_int_equal(BENCH_GET(b, generation, GEN)->head.version, version);
    committer_destroy(b->a.c); /* only now it is answered: not done */
    b->a.c = NULL;
    assert_int_equal(crowd.answered, 1);
    assert_int_equal(crowd.other, 1);

    struct outcome o = seat_ok(&other, cmd_adopt(NODE2, NODE));
    assert_int_equal(o.moved, 1);
    assert_int_equal(store_nodes_lapsed(other.store, &other.node, &b->arena, &ids, &n), OK);
    assert_int_equal(n, 0);
    late.step.node = STR(NODE2);
    seat_ok(&other, late);
    bench_sound(b);
    seat_close(&other);
}

static void stopped_server_is_adopted_at_once(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    seat_bring(&b->a, "opened");
    struct seat other;
    seat_open(b, &other, b->url, NODE2, false);
    struct str *ids;
    size_t n;
    assert_int_equal(store_node_stop(b->a.store, &b->a.node), OK);
    assert_int_equal(store_nodes_lapsed(other.store, &other.node, &b->arena, &ids, &n), OK);
    assert_int_equal(n, 1);
    seat_close(&other);
}

static void restarted_server_fences_its_former_self(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    struct seat again;
    seat_open(b, &again, b->url, NODE, false);
    assert_int_equal(again.node.epoch, b->a.node.epoch + 1);
    struct command c = cmd_top_up("topup:7", "live", 7);
    assert_int_equal(committer_submit(b->a.c, &c, NULL, NULL), OK);
    committer_step(b->a.c);
    assert_int_equal(b->a.fatal_code, E_FENCED);
    seat_ok(&again, c);
    assert_int_equal(BENCH_GET(b, account, PROJECT "/live")->available, START + 7);
    seat_close(&again);
}

/* --- when the database says no --- */

struct refusal {
    enum committer_point at;
    err code;
    int times; /* -1: always */
    int calls;
};

static err refuse(void *arg, enum committer_point p) {
    struct refusal *r = arg;
    if (p != r->at || !r->times) return OK;
    r->calls++;
    if (r->times > 0) r->times--;
    return r->code;
}

static void conflicts_are_retried(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    struct refusal r = {POINT_LOADED, E_STALE, LIMIT_BATCH_TRIES - 1, 0};
    committer_hook(b->a.c, refuse, &r);
    seat_ok(&b->a, cmd_top_up("topup:7", "live", 7));
    assert_int_equal(committer_stats(b->a.c).retries, LIMIT_BATCH_TRIES - 1);
    r = (struct refusal){POINT_BEFORE_COMMIT, E_STALE, -1, 0};
    struct outcome o = seat_run(&b->a, cmd_top_up("topup:8", "live", 8));
    assert_int_equal(o.code, E_AGAIN);
    assert_int_equal(r.calls, LIMIT_BATCH_TRIES);
    /* many: halved down to the single ones, each of which answers */
    struct command c[5];
    struct outcome out[5];
    for (int i = 0; i < 5; i++) c[i] = cmd_top_up(arena_printf(&b->arena, "topup:9%d", i).ptr, "live", 1);
    r = (struct refusal){POINT_BEFORE_COMMIT, E_STALE, LIMIT_BATCH_TRIES, 0};
    seat_batch(&b->a, c, 5, out);
    for (int i = 0; i < 5; i++) assert_int_equal(out[i].code, OK);
    assert_int_equal(BENCH_GET(b, account, PROJECT "/live")->available, START + 12);
    bench_sound(b);
}

static void lost_answers_are_resolved(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    static const enum committer_point points[] = {POINT_BEFORE_COMMIT, POINT_AFTER_COMMIT};
    for (int i = 0; i < 2; i++) {
        struct refusal r = {points[i], E_UNKNOWN, 1, 0};
        committer_hook(b->a.c, refuse, &r);
        struct command c[] = {cmd_top_up(i ? "topup:7" : "topup:8", "live", 7), cmd_cancel(PROJECT)};
        struct outcome out[2];
        seat_batch(&b->a, c, 2, out);
        assert_int_equal(r.calls, 1);
        assert_int_equal(out[0].code, OK);
        assert_int_equal(out[1].code, E_NOT_FOUND);
        assert_int_equal(BENCH_GET(b, account, PROJECT "/live")->available, START + 7 * (i + 1));
        assert_int_equal(BENCH_GET(b, account, PROJECT "/live")->seq, i + 2);
    }
    bench_sound(b);
}

static void failed_flush_ends_the_server(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    struct refusal r = {POINT_AFTER_COMMIT, E_IO, 1, 0};
    committer_hook(b->a.c, refuse, &r);
    struct crowd crowd = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct command c = cmd_top_up("topup:7", "live", 7);
    for (int i = 0; i < 3; i++) assert_int_equal(committer_submit(b->a.c, &c, crowd_answer, &crowd), OK);
    while (committer_step(b->a.c)) {}
    committer_drain(b->a.c);
    assert_int_equal(b->a.fatal, 1);
    assert_int_equal(b->a.fatal_code, E_IO);
    assert_int_equal(crowd.answered, 0); /* no answer, no retry */
    assert_int_equal(r.calls, 1);
    committer_destroy(b->a.c);
    b->a.c = NULL;
    assert_int_equal(crowd.answered, 3);
    assert_int_equal(crowd.other, 3);
}

static void full_disk_lets_running_work_end(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    seat_bring(&b->a, "result");
    struct refusal r = {POINT_BEFORE_COMMIT, E_STORAGE_FULL, 1, 0};
    committer_hook(b->a.c, refuse, &r);
    struct command c[] = {cmd_submit(GEN2), cmd_settle(1, 1), put("up-1")};
    struct outcome out[3];
    seat_batch(&b->a, c, 3, out);
    assert_int_equal(out[0].code, E_STORAGE_FULL);
    assert_int_equal(out[1].code, OK);
    assert_int_equal(out[2].code, E_STORAGE_FULL);
    assert_true(committer_stats(b->a.c).storage_full);
    assert_int_equal(committer_submit(b->a.c, &c[0], NULL, NULL), E_STORAGE_FULL);
    assert_null(BENCH_GET(b, generation, GEN2));
    assert_true(str_is(BENCH_GET(b, generation, GEN)->state, "completed"));
    for (int i = 0; i < 20; i++) committer_step(b->a.c); /* the disk is looked at again now and then */
    assert_false(committer_stats(b->a.c).storage_full);
    seat_ok(&b->a, c[0]);
    bench_sound(b);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_meet_with_each_kind), T(two_servers_share_one_balance), T(what_waits_is_answered_at_the_end),
        T(lapsed_server_is_fenced_and_its_work_adopted), T(stopped_server_is_adopted_at_once), T(restarted_server_fences_its_former_self),
        T(conflicts_are_retried), T(lost_answers_are_resolved), T(failed_flush_ends_the_server), T(full_disk_lets_running_work_end),
    };
    int failed = 0;
    engine = ENGINE_SQLITE;
    failed += cmocka_run_group_tests_name("servers on SQLite", tests, NULL, NULL);
    engine = ENGINE_POSTGRES;
    failed += cmocka_run_group_tests_name("servers on PostgreSQL", tests, NULL, NULL);
    return failed;
}
