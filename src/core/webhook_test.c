/* Webhooks on a virtual clock: who is told of what, when the next try is due, and when it is over. */
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
