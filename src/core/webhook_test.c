/* Webhooks on a virtual clock: who is told of what, when the next try is due, and when it is over. */
#include "base/cleanup.h"
#include "base/limits.h"
#include "core/fixture.h"
#include "core/webhook.h"

#define HOOK "00000000000000000000000000000001"
#define WEBHOOK(b) BED_GET(b, webhook, HOOK)

static struct command put(const char *id, int64_t wants) {
    struct command c = {.kind = CMD_WEBHOOK_PUT, .at = 5};
    c.webhook_put = (struct cmd_webhook_put){.id = str_of(id), .project = STR(PROJECT), .url = STR("https://a.example/"), .secret = STR("sealed1"), .wants = wants, .mask = 63, .fresh = true};
    return c;
}

static struct command change(const char *state) {
    struct command c = {.kind = CMD_WEBHOOK_PUT, .at = 6};
    c.webhook_put = (struct cmd_webhook_put){.id = STR(HOOK), .project = STR(PROJECT), .state = str_of(state)};
    return c;
}

static struct command lease(const char *node, msec at, bool alone) {
    struct command c = {.kind = CMD_WEBHOOK_LEASE, .at = at};
    c.webhook_lease = (struct cmd_webhook_lease){.webhook = STR(HOOK), .node = str_of(node), .until = at + 45000, .alone = alone};
    return c;
}

static struct command note(struct str message, int64_t status, msec at) {
    struct command c = {.kind = CMD_WEBHOOK_NOTE, .at = at};
    c.webhook_note = (struct cmd_webhook_note){.message = message, .webhook = STR(HOOK), .node = STR(NODE), .status = status, .began_at = at};
    return c;
}

/* The n-th message of the bed. */
static const struct webhook_message *message(const struct bed *b, size_t n) {
    for (size_t i = 0; i < b->count; i++)
        if (b->rows[i].type == REC_webhook_message && !n--) return (const struct webhook_message *)b->rows[i].record;
    return NULL;
}

/* A project with HOOK, a completed generation, and NODE sending. */
static struct str told(struct bed *b) {
    bed_ready(b);
    bed_ok(b, put(HOOK, HOOK_EVENTS | HOOK_LIVE));
    bed_bring(b, "local:opened");
    bed_ok(b, cmd_settle(1, 1));
    bed_ok(b, lease(NODE, 10, false));
    assert_int_equal(bed_count(b, REC_webhook_message), 1);
    return message(b, 0)->head.id;
}

static void the_command_that_ends_it_writes_the_message(void **state) {
    static const struct {
        const char *where;
        enum command_kind how;
        int64_t wants;
        const char *event;
    } table[] = {
        {"local:opened", CMD_SETTLE, HOOK_COMPLETED | HOOK_LIVE, "generation.completed"},
        {"local:opened", CMD_SETTLE, HOOK_FAILED | HOOK_CANCELLED | HOOK_LATE | HOOK_LIVE, NULL},
        {"local:opened", CMD_SETTLE, HOOK_EVENTS | HOOK_TEST, NULL},
        {"local:opened", CMD_SETTLE, 0, NULL},
        {"sending", CMD_ATTEMPT_FAILED, HOOK_FAILED | HOOK_LIVE, "generation.failed"},
        {"pending", CMD_CANCEL, HOOK_CANCELLED | HOOK_LIVE, "generation.cancelled"},
        {"pending", CMD_EXPIRE, HOOK_EVENTS | HOOK_LIVE, "generation.failed"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct bed b;
        bed_ready(&b);
        bed_ok(&b, put(HOOK, table[i].wants));
        bed_bring(&b, table[i].where);
        struct command end = table[i].how == CMD_SETTLE           ? cmd_settle(1, 1)
                             : table[i].how == CMD_ATTEMPT_FAILED ? cmd_failed(1, FAIL_CALLER, false)
                             : table[i].how == CMD_CANCEL         ? cmd_cancel(PROJECT)
                                                                  : cmd_expire(DEADLINE);
        bed_ok(&b, end);
        bed_run(&b, end); /* twice: told once */
        const struct webhook_message *m = message(&b, 0);
        if (!m != !table[i].event || bed_count(&b, REC_webhook_message) > 1) fail_msg("row %zu: %zu messages", i, bed_count(&b, REC_webhook_message));
        if (m) assert_true(str_is(m->event, table[i].event) && str_is(m->webhook, HOOK) && str_is(m->state, "waiting") && m->n == BED_GET(&b, generation, GEN)->events);
        bed_close(&b);
    }
}

static void a_project_has_so_many(void **state) {
    struct bed b;
    char id[33];
    bed_ready(&b);
    for (int i = 0; i < LIMIT_WEBHOOKS; i++) {
        snprintf(id, sizeof id, "%032d", i);
        bed_ok(&b, put(id, HOOK_EVENTS | HOOK_LIVE));
    }
    assert_int_equal(bed_run(&b, put("x", 1)).code, E_CONFLICT);
    struct command gone = {.kind = CMD_WEBHOOK_DELETE, .at = 7};
    gone.webhook_delete = (struct cmd_webhook_delete){.id = STR(HOOK), .project = STR(FOREIGN)};
    assert_int_equal(bed_run(&b, gone).code, E_NOT_FOUND);
    gone.webhook_delete.project = STR(PROJECT);
    bed_ok(&b, gone);
    assert_int_equal(bed_run(&b, gone).code, E_NOT_FOUND);
    bed_bring(&b, "local:opened");
    bed_ok(&b, cmd_settle(1, 1));
    assert_int_equal(bed_count(&b, REC_webhook_message), LIMIT_WEBHOOKS - 1);
    bed_ok(&b, put("x", 1));
    bed_close(&b);
}

static void waits_grow_and_five_days_end_it(void **state) {
    static const int64_t seconds[] = {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
    struct bed b;
    struct str id = told(&b);
    msec at = 1000, first = at;
    for (int tries = 1; str_is(WEBHOOK(&b)->state, "enabled"); tries++) {
        assert_true(tries < 15);
        bed_ok(&b, note(id, tries % 2 ? 500 : 0, at));
        if (!str_is(WEBHOOK(&b)->state, "enabled")) break;
        msec wait = seconds[(tries < 9 ? tries : 9) - 1] * MS_SECOND;
        assert_int_equal(WEBHOOK(&b)->next_at, at + wait);
        assert_int_equal(message(&b, 0)->next_at, at + wait);
        assert_int_equal(message(&b, 0)->attempts, tries);
        at = WEBHOOK(&b)->next_at;
    }
    assert_true(at - first >= 5 * MS_DAY && at - first < 6 * MS_DAY);
    assert_true(str_is(WEBHOOK(&b)->state, "dead") && WEBHOOK(&b)->detail.len && str_is(message(&b, 0)->state, "failed"));
    assert_true(str_is(BED_GET(&b, project, PROJECT)->webhooks, HOOK ":0"));
    struct command on = change("enabled");
    bed_ok(&b, on);
    assert_true(!WEBHOOK(&b)->failing_since && !WEBHOOK(&b)->next_at && str_is(BED_GET(&b, project, PROJECT)->webhooks, HOOK ":31"));
    bed_close(&b);
}

static void success_starts_over(void **state) {
    struct bed b;
    struct str id = told(&b);
    bed_ok(&b, note(id, 503, 1000));
    bed_ok(&b, note(id, 503, 7000));
    assert_int_equal(WEBHOOK(&b)->failures, 2);
    bed_ok(&b, note(id, 204, 400000));
    assert_true(!WEBHOOK(&b)->failures && !WEBHOOK(&b)->failing_since && str_is(message(&b, 0)->state, "delivered"));
    bed_ok(&b, note(id, 500, 400001)); /* noted before */
    assert_true(str_is(message(&b, 0)->state, "delivered") && message(&b, 0)->attempts == 3 && !WEBHOOK(&b)->failures);
    bed_close(&b);
}

static void what_fails_together_is_one_failure(void **state) {
    struct bed b;
    struct str id = told(&b);
    struct command n = note(id, 500, 2000);
    n.webhook_note.began_at = 1500;
    bed_ok(&b, n);
    n.at = 2500;
    bed_ok(&b, n); /* sent before the first failure was noted */
    assert_int_equal(WEBHOOK(&b)->failures, 1);
    assert_int_equal(WEBHOOK(&b)->next_at, 7000);
    n.at = n.webhook_note.began_at = 8000;
    n.webhook_note.retry_after = 600 * MS_SECOND;
    bed_ok(&b, n);
    assert_int_equal(WEBHOOK(&b)->next_at, 608000); /* later than its own 5 min */
    n.at = n.webhook_note.began_at = 700000;
    n.webhook_note.jitter = 200;
    bed_ok(&b, n);
    assert_int_equal(WEBHOOK(&b)->next_at, 700000 + 2160 * MS_SECOND); /* 1800 s and a fifth */
    bed_close(&b);
}

static void gone_is_gone(void **state) {
    struct bed b;
    struct str id = told(&b);
    bed_ok(&b, note(id, 410, 1000));
    assert_true(str_is(WEBHOOK(&b)->state, "gone") && str_is(message(&b, 0)->state, "failed"));
    struct command again = {.kind = CMD_WEBHOOK_SEND, .at = 2000};
    again.webhook_send = (struct cmd_webhook_send){.message = id, .project = STR(PROJECT), .again = true};
    assert_int_equal(bed_run(&b, again).code, E_CONFLICT);
    bed_ok(&b, change("enabled"));
    bed_ok(&b, again);
    assert_true(str_is(message(&b, 0)->state, "waiting") && message(&b, 0)->since == 2000);
    again.webhook_send.project = STR(FOREIGN);
    assert_int_equal(bed_run(&b, again).code, E_NOT_FOUND);
    bed_close(&b);
}

static void one_node_sends(void **state) {
    struct bed b;
    struct str id = told(&b);
    assert_int_equal(bed_run(&b, lease(NODE2, 1000, false)).code, E_STALE);
    bed_ok(&b, lease(NODE2, 50000, false));
    assert_int_equal(bed_run(&b, note(id, 500, 50001)).code, E_STALE); /* the other one counts failures now */
    bed_ok(&b, note(id, 200, 50002));                                  /* but what was delivered was delivered */
    bed_ok(&b, lease(NODE, 50003, true));
    assert_true(str_is(WEBHOOK(&b)->node, NODE));
    bed_close(&b);
}

static void rotation_keeps_two(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, put(HOOK, 31));
    struct command r = change("");
    r.webhook_put.secret = STR("sealed2");
    r.webhook_put.before_until = 900;
    bed_ok(&b, r);
    const struct webhook *h = WEBHOOK(&b);
    assert_true(str_is(h->secret, "sealed2") && str_is(h->secret_before, "sealed1") && h->before_until == 900 && h->wants == 31);
    bed_close(&b);
}

/* A call of a bed that has it told at `url`, taken by NODE at once. */
static struct command telling(const char *generation, const char *url, const char *origin, msec at) {
    struct command c = cmd_submit(generation);
    c.at = at;
    c.submit.node = STR(NODE);
    c.submit.provider = c.submit.route = STR("local");
    c.submit.webhook = str_of(url);
    c.submit.webhook_origin = str_of(origin);
    c.submit.webhook_secret = STR("sealed1");
    return c;
}

/* A call that names a server of its own, whose id is told. */
static void bed_with_server(struct bed *b, char server[ID_LEN + 1]) {
    webhook_call_id(STR(PROJECT), STR("live"), STR("https://a.example:443"), server);
    bed_ready(b);
    bed_ok(b, telling(GEN, "https://a.example/h", "https://a.example:443", 5));
}

/* NODE leases the server behind URLs of calls and is answered so, by message m. */
static void answered(struct bed *b, const char *server, const struct webhook_message *m, int64_t status, msec at) {
    struct command l = lease(NODE, at, false), n = note(m->head.id, status, at);
    l.webhook_lease.webhook = n.webhook_note.webhook = str_of(server);
    bed_ok(b, l);
    bed_ok(b, n);
}

static void a_call_has_its_own_told(void **state) {
    struct bed b;
    char server[ID_LEN + 1], secret[ID_LEN + 1], other[ID_LEN + 1];
    webhook_call_id(STR(PROJECT), STR("live"), STR("https://a.example:443"), server);
    webhook_call_id(STR(PROJECT), STR(""), STR(""), secret);
    webhook_call_id(STR(FOREIGN), STR("live"), STR("https://a.example:443"), other);
    assert_true(strcmp(server, secret) && strcmp(server, other));
    bed_ready(&b);
    bed_ok(&b, put(HOOK, HOOK_FAILED | HOOK_LIVE)); /* the project's own wants something else */
    struct command s = telling(GEN, "https://a.example/h?job=1", "https://a.example:443", 5);
    bed_ok(&b, s);
    bed_run(&b, s);
    const struct webhook *h = BED_GET(&b, webhook, server), *k = BED_GET(&b, webhook, secret);
    assert_true(str_is(h->url, "https://a.example:443") && !h->secret.len && h->wants == (HOOK_EVENTS | HOOK_LIVE) && str_is(h->state, "enabled"));
    assert_true(str_is(k->secret, "sealed1") && !k->secret_before.len && !k->url.len && str_is(k->state, "calls"));
    assert_true(str_is(BED_GET(&b, project, PROJECT)->webhooks, HOOK ":18")); /* and counts for none of its eight */
    bed_ok(&b, cmd_settle(1, 1));
    assert_int_equal(bed_count(&b, REC_webhook_message), 1);
    const struct webhook_message *m = message(&b, 0);
    assert_true(str_is(m->webhook, server) && str_is(m->event, "generation.completed") && str_is(m->generation, GEN));

    /* one URL that is gone ends its message, and not what goes to the same server */
    answered(&b, server, m, 410, 1000);
    assert_true(str_is(message(&b, 0)->state, "failed") && str_is(BED_GET(&b, webhook, server)->state, "enabled") && !BED_GET(&b, webhook, server)->failures);

    /* the next call finds both records; the project's secret stays */
    s = telling(GEN2, "https://a.example/h?job=2", "https://a.example:443", 2000);
    s.submit.webhook_secret = STR("sealed2");
    bed_ok(&b, s);
    assert_true(str_is(BED_GET(&b, webhook, secret)->secret, "sealed1") && bed_count(&b, REC_webhook) == 4);
    struct command made = {.kind = CMD_WEBHOOK_PUT, .at = 3000};
    made.webhook_put = (struct cmd_webhook_put){.id = str_of(secret), .project = STR(PROJECT), .secret = STR("sealed3"), .before_until = 9000, .of_calls = true};
    bed_ok(&b, made);
    k = BED_GET(&b, webhook, secret);
    assert_true(str_is(k->secret, "sealed3") && str_is(k->secret_before, "sealed1") && k->before_until == 9000);
    bed_close(&b);
}

static void one_url_holds_up_no_other(void **state) {
    static const struct { int64_t status; bool alone; } table[] = {{400, true}, {401, true}, {404, true}, {410, true}, {422, true}, {499, true}, {0, false}, {302, false}, {399, false}, {408, false}, {429, false}, {500, false}};
    char server[ID_LEN + 1];
    webhook_call_id(STR(PROJECT), STR("live"), STR("https://a.example:443"), server);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct bed b;
        bed_ready(&b);
        bed_ok(&b, telling(GEN, "https://a.example/none", "https://a.example:443", 5));
        bed_ok(&b, cmd_settle(1, 1));
        answered(&b, server, message(&b, 0), 500, 1000); /* it fails already */
        answered(&b, server, message(&b, 0), table[i].status, 7000);
        const struct webhook *h = BED_GET(&b, webhook, server);
        const struct webhook_message *m = message(&b, 0);
        bool waits = !table[i].alone && h->failures == 2 && h->next_at == 7000 + 300 * MS_SECOND, goes_on = table[i].alone && !h->failures && !h->next_at && !h->failing_since;
        if (!waits && !goes_on) fail_msg("%lld: %lld failures, next at %lld", (long long)table[i].status, (long long)h->failures, (long long)h->next_at);
        assert_true(m->attempts == 2 && m->status == table[i].status);
        if (table[i].status == 410) assert_true(str_is(m->state, "failed"));
        else assert_true(str_is(m->state, "waiting") && m->next_at == 7000 + 300 * MS_SECOND);
        bed_close(&b);
    }
    struct bed b; /* of a webhook of the project there is one URL, and it counts */
    struct str id = told(&b);
    bed_ok(&b, note(id, 404, 1000));
    assert_int_equal(WEBHOOK(&b)->failures, 1);
    bed_close(&b);
}

static void a_test_call_holds_up_no_live_one(void **state) {
    struct bed b;
    char server[ID_LEN + 1], other[ID_LEN + 1];
    webhook_call_id(STR(PROJECT), STR("test"), STR("https://a.example:443"), other);
    bed_with_server(&b, server);
    bed_ok(&b, cmd_settle(1, 1));
    struct command t = telling(GEN2, "https://a.example/h", "https://a.example:443", 6);
    t.submit.book = STR("test");
    t.submit.key = STR("testkey1");
    t.submit.node = t.submit.provider = t.submit.route = STR("");
    bed_ok(&b, t);
    const struct webhook *h = BED_GET(&b, webhook, other);
    assert_true(h && h->wants == (HOOK_EVENTS | HOOK_TEST) && bed_count(&b, REC_webhook) == 5); /* two servers, each in a list, and one secret */
    t = cmd_cancel(PROJECT);
    t.cancel.generation = STR(GEN2);
    bed_ok(&b, t);
    const struct webhook_message *m = message(&b, 1);
    assert_true(m && str_is(m->webhook, other));
    answered(&b, other, m, 500, 1000);
    h = BED_GET(&b, webhook, server);
    assert_true(BED_GET(&b, webhook, other)->failures == 1 && !h->failures && !h->next_at && !message(&b, 0)->attempts);
    bed_close(&b);
}

static void what_calls_name_is_no_webhook_of_the_project(void **state) {
    struct bed b;
    char server[ID_LEN + 1], secret[ID_LEN + 1];
    webhook_call_id(STR(PROJECT), STR(""), STR(""), secret);
    bed_with_server(&b, server);
    struct command c = change("disabled"), test = {.kind = CMD_WEBHOOK_SEND, .at = 7};
    c.webhook_put.id = str_of(server);
    bed_ok(&b, c);
    assert_true(str_is(BED_GET(&b, webhook, server)->state, "disabled") && !BED_GET(&b, project, PROJECT)->webhooks.len);
    bed_ok(&b, telling(GEN2, "https://a.example/h", "https://a.example:443", 6));
    assert_true(str_is(BED_GET(&b, webhook, server)->state, "disabled")); /* by hand: it stays so */
    c.webhook_put.state = STR("");
    c.webhook_put.secret = STR("x");
    assert_int_equal(bed_run(&b, c).code, E_INVALID);
    c.webhook_put.secret = STR("");
    c.webhook_put.url = STR("https://b.example/");
    assert_int_equal(bed_run(&b, c).code, E_INVALID);
    c.webhook_put.url = STR("");
    c.webhook_put.wants = c.webhook_put.mask = HOOK_FAILED;
    assert_int_equal(bed_run(&b, c).code, E_INVALID);
    test.webhook_send = (struct cmd_webhook_send){.message = STR("msg_x"), .webhook = str_of(server), .project = STR(PROJECT)};
    assert_int_equal(bed_run(&b, test).code, E_CONFLICT);
    c.webhook_put = (struct cmd_webhook_put){.id = str_of(secret), .project = STR(PROJECT), .state = STR("enabled")};
    assert_int_equal(bed_run(&b, c).code, E_NOT_FOUND); /* nobody's to switch */
    struct command gone = {.kind = CMD_WEBHOOK_DELETE, .at = 8};
    gone.webhook_delete = (struct cmd_webhook_delete){.id = str_of(server), .project = STR(PROJECT)};
    bed_ok(&b, gone);
    assert_true(str_is(BED_GET(&b, webhook, server)->state, "deleted") && !BED_GET(&b, project, PROJECT)->webhooks.len);
    bed_close(&b);
}

static void a_server_given_up_is_asked_anew(void **state) {
    struct bed b;
    char server[ID_LEN + 1];
    bed_with_server(&b, server);
    bed_ok(&b, cmd_settle(1, 1));
    answered(&b, server, message(&b, 0), 500, 1000);
    answered(&b, server, message(&b, 0), 500, 1000 + 5 * MS_DAY);
    assert_true(str_is(BED_GET(&b, webhook, server)->state, "dead") && !BED_GET(&b, project, PROJECT)->webhooks.len);
    bed_ok(&b, telling(GEN2, "https://a.example/h", "https://a.example:443", 1001 + 5 * MS_DAY));
    const struct webhook *h = BED_GET(&b, webhook, server);
    assert_true(str_is(h->state, "enabled") && !h->failures && !h->failing_since && !h->detail.len && h->changed_at == 1001 + 5 * MS_DAY && h->created_at == 5);
    bed_close(&b);
}

static void what_waited_for_a_deleted_server_is_not_sent(void **state) {
    struct bed b;
    char server[ID_LEN + 1];
    bed_with_server(&b, server);
    bed_ok(&b, cmd_settle(1, 1));
    struct command gone = {.kind = CMD_WEBHOOK_DELETE, .at = 100};
    gone.webhook_delete = (struct cmd_webhook_delete){.id = str_of(server), .project = STR(PROJECT)};
    bed_ok(&b, gone);
    assert_true(str_is(message(&b, 0)->state, "waiting")); /* no rule looks for messages */
    struct command again = telling(GEN2, "https://a.example/h", "https://a.example:443", 200);
    again.submit.node = again.submit.provider = again.submit.route = STR("");
    bed_ok(&b, again);
    assert_true(str_is(BED_GET(&b, webhook, server)->state, "enabled"));
    struct command end = cmd_cancel(PROJECT);
    end.at = 300;
    end.cancel.generation = STR(GEN2);
    bed_ok(&b, end);
    const struct webhook *h = BED_GET(&b, webhook, server);
    assert_true(webhook_message_is_of_before(h, message(&b, 0)) && !webhook_message_is_of_before(h, message(&b, 1)));
    for (int i = 0; i < 2; i++) answered(&b, server, message(&b, (size_t)i), 0, 400); /* as the outbox ends the one that it does not send */
    h = BED_GET(&b, webhook, server);
    assert_true(str_is(message(&b, 0)->state, "failed") && !message(&b, 0)->attempts && message(&b, 0)->detail.len && message(&b, 0)->ended_at == 400);
    assert_true(str_is(message(&b, 1)->state, "waiting") && message(&b, 1)->attempts == 1 && h->failures == 1);
    struct command once_more = {.kind = CMD_WEBHOOK_SEND, .at = 500};
    once_more.webhook_send = (struct cmd_webhook_send){.message = message(&b, 0)->head.id, .project = STR(PROJECT), .again = true};
    bed_ok(&b, once_more); /* somebody wants it after all */
    assert_true(!webhook_message_is_of_before(BED_GET(&b, webhook, server), message(&b, 0)));
    bed_close(&b);
}

/* A call of `generation` that names the i-th of many servers, of either book; it stays pending. */
static struct command naming(struct arena *a, int generation, int i, const char *book, msec at) {
    struct command c = telling(arena_printf(a, "%032x", generation + 1).ptr, arena_printf(a, "https://h%d.example/x", i).ptr, arena_printf(a, "https://h%d.example:443", i).ptr, at);
    c.submit.node = c.submit.provider = c.submit.route = STR("");
    c.submit.book = str_of(book);
    c.submit.needs_bytes = 0;
    if (str_is(c.submit.book, "test")) c.submit.key = STR("testkey1");
    return c;
}

static void a_book_names_so_many_servers(void **state) {
    _cleanup_(arena_done) struct arena a = {};
    struct bed b;
    char first[ID_LEN + 1];
    int n = 0, more = LIMIT_WEBHOOK_SERVERS;
    webhook_call_id(STR(PROJECT), STR("live"), STR("https://h0.example:443"), first);
    bed_ready(&b);
    for (; n < LIMIT_WEBHOOK_SERVERS; n++) bed_ok(&b, naming(&a, n, n, "live", 5));
    size_t before = bed_count(&b, REC_generation);
    struct outcome refused = bed_run(&b, naming(&a, n, more, "live", 6));
    assert_true(refused.code == E_CONFLICT && strstr(refused.why.detail, "64 other servers") && bed_count(&b, REC_generation) == before);
    bed_ok(&b, naming(&a, n++, 3, "live", 7));    /* one that is known */
    bed_ok(&b, naming(&a, n++, more, "test", 8)); /* the other book has its own */

    struct command c = {.kind = CMD_WEBHOOK_PUT, .at = 40 * (msec)MS_DAY};
    c.webhook_put = (struct cmd_webhook_put){.id = str_of(first), .project = STR(PROJECT), .state = STR("disabled")};
    bed_ok(&b, c);
    assert_int_equal(BED_GET(&b, webhook, first)->changed_at, 5); /* when it was named, and not when it was switched: the sweep goes by it as the list does */
    c = (struct command){.kind = CMD_WEBHOOK_DELETE, .at = 9};
    c.webhook_delete = (struct cmd_webhook_delete){.id = str_of(first), .project = STR(PROJECT)};
    bed_ok(&b, c); /* makes room for one */
    bed_ok(&b, naming(&a, n++, more, "live", 10));
    assert_int_equal(bed_run(&b, naming(&a, n, 0, "live", 11)).code, E_CONFLICT); /* also for itself */

    const msec forgotten = 5 + LIMIT_WEBHOOK_NAMED_DAYS * (msec)MS_DAY;
    assert_int_equal(bed_run(&b, naming(&a, n, more + 1, "live", forgotten)).code, E_CONFLICT);
    bed_ok(&b, naming(&a, n, more + 1, "live", forgotten + 1));
    bed_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_command_that_ends_it_writes_the_message),
        cmocka_unit_test(a_project_has_so_many),
        cmocka_unit_test(waits_grow_and_five_days_end_it),
        cmocka_unit_test(success_starts_over),
        cmocka_unit_test(what_fails_together_is_one_failure),
        cmocka_unit_test(gone_is_gone),
        cmocka_unit_test(one_node_sends),
        cmocka_unit_test(rotation_keeps_two),
        cmocka_unit_test(a_call_has_its_own_told),
        cmocka_unit_test(one_url_holds_up_no_other),
        cmocka_unit_test(a_test_call_holds_up_no_live_one),
        cmocka_unit_test(what_calls_name_is_no_webhook_of_the_project),
        cmocka_unit_test(a_server_given_up_is_asked_anew),
        cmocka_unit_test(what_waited_for_a_deleted_server_is_not_sent),
        cmocka_unit_test(a_book_names_so_many_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
