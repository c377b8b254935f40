/* Every command on a generation against every state and step it can be in: one table of what must come of it. */
#include "base/limits.h"
#include "core/fixture.h"

static const char *const starts[] = {"absent",
                                     "pending",
                                     "waiting",
                                     "opened",
                                     "sending",
                                     "accepted",
                                     "unresolved",
                                     "result",
                                     "completed",
                                     "failed",
                                     "cancelled",
                                     "local:opened",
                                     "local:sending",
                                     "local:result",
                                     "sending:cancelling",
                                     "accepted:cancelling",
                                     "unresolved:cancelling",
                                     "result:cancelling"};
enum { STARTS = sizeof starts / sizeof starts[0] };

static struct command claim_any(void) { return cmd_claim("fal", 0); }
static struct command claim_second(void) {
    struct command c = cmd_claim("fal", 2);
    c.at = 20;
    return c;
}
static struct command claim_too_late(void) {
    struct command c = cmd_claim("fal", 0);
    c.at = DEADLINE;
    return c;
}
static struct command claim_again(void) { return cmd_claim("fal", 1); }
static struct command sending(void) { return cmd_step(CMD_SENDING, 1); }
static struct command accepted(void) { return cmd_step(CMD_ACCEPTED, 1); }
static struct command accepted_otherwise(void) {
    struct command c = cmd_step(CMD_ACCEPTED, 1);
    c.step.their_ref = STR("theirs");
    return c;
}
static struct command unresolved(void) { return cmd_step(CMD_UNRESOLVED, 1); }
static struct command result_seen(void) { return cmd_step(CMD_RESULT_SEEN, 1); }
static struct command fresh_links(void) {
    struct command c = cmd_step(CMD_RESULT_SEEN, 1);
    c.step.reply = STR("{\"url\":\"https://example.org/fresh\"}");
    return c;
}
static struct command progress(void) { return cmd_step(CMD_PROGRESS, 1); }
static struct command failed_passing(void) { return cmd_failed(1, FAIL_TRANSIENT, true); }
static struct command failed_unsafe(void) { return cmd_failed(1, FAIL_TRANSIENT, false); }
static struct command failed_for_good(void) { return cmd_failed(1, FAIL_CALLER, true); }
static struct command failed_no_class(void) { return cmd_failed(1, FAIL_NONE, true); }
static struct command failed_no_time(void) {
    struct command c = cmd_failed(1, FAIL_RATE_LIMIT, true);
    c.step.retry_at = DEADLINE;
    return c;
}
static struct command settle(void) { return cmd_settle(1, 2); }
static struct command settle_nothing(void) { return cmd_settle(1, 0); }
static struct command settle_late(void) {
    struct command c = cmd_settle(1, 1);
    static struct output late;
    late = test_output("lateasset", 7);
    c.step.outputs = &late;
    c.step.late = true;
    return c;
}
static struct command cancel(void) { return cmd_cancel(PROJECT); }
static struct command cancel_foreign(void) { return cmd_cancel(FOREIGN); }
static struct command confirmed(void) { return cmd_step(CMD_CANCEL_CONFIRMED, 1); }
static struct command expire_early(void) { return cmd_expire(DEADLINE - 1); }
static struct command expire(void) { return cmd_expire(DEADLINE); }
static struct command give_up(void) { return cmd_step(CMD_RESOLVE, 1); }
static struct command resolve(void) {
    struct command c = give_up();
    c.step.node = STR("");
    return c;
}
static struct command resolve_newest(void) {
    struct command c = resolve();
    c.step.attempt = 0;
    return c;
}
static struct command adopt(void) { return cmd_adopt(NODE2, NODE); }
static struct command adopt_wrong(void) { return cmd_adopt(NODE, NODE2); }
static struct command other_node(void) {
    struct command c = cmd_step(CMD_SENDING, 1);
    c.step.node = STR(NODE2);
    return c;
}
static struct command other_node_settles(void) {
    struct command c = cmd_settle(1, 1);
    c.step.node = STR(NODE2);
    return c;
}
static struct command other_attempt(void) { return cmd_step(CMD_SENDING, 2); }
static struct command submit_again(void) { return cmd_submit(GEN); }

/* What comes of it: a word is where the generation goes; "=" accepted without any change; "+" accepted, changed, same place;
 * S stale, C conflict, N not found. Columns as in `starts`: absent pending waiting | opened sending accepted unresolved
 * result | completed failed cancelled | local: opened sending result | cancelling: sending accepted unresolved result */
static const struct row {
    struct command (*make)(void);
    const char *name, *cells;
} table[] = {
    {claim_any, "claim", "N opened C  C C C C C  C C C  C C C  C C C C"},
    {claim_second, "claim, second", "N C opened  C C C C C  C C C  C C C  C C C C"},
    {claim_again, "claim, first, again", "N opened C  = C C C C  C C C  C C C  C C C C"},
    {claim_too_late, "claim at the deadline", "N C C  C C C C C  C C C  C C C  C C C C"},
    {sending, "sending", "N S S  sending = S S S  S S S  sending = S  = S S S"},
    {accepted, "accepted",
     "N S S  S accepted = accepted S  S S S  S accepted S  accepted:cancelling = accepted:cancelling S"},
    {accepted_otherwise, "accepted as another",
     "N S S  S accepted S accepted S  S S S  S accepted S  accepted:cancelling S accepted:cancelling S"},
    {unresolved, "unresolved", "N S S  S unresolved S = S  S S S  S unresolved S  unresolved:cancelling S = S"},
    {result_seen, "result_seen",
     "N S S  S result result result =  S S S  result result =  result:cancelling result:cancelling result:cancelling ="},
    {fresh_links, "result_seen, fresh links",
     "N S S  S result result result +  S S S  result result +  result:cancelling result:cancelling result:cancelling +"},
    {progress, "progress", "N S S  + + + + +  S S S  + + +  + + + +"},
    {failed_passing, "failed, passing",
     "N S =  pending pending pending pending pending  S = S  pending pending pending  cancelled cancelled cancelled "
     "cancelled"},
    {failed_unsafe, "failed, not to be repeated",
     "N S =  failed failed failed failed failed  S = S  failed failed failed  cancelled cancelled cancelled cancelled"},
    {failed_for_good, "failed for good",
     "N S =  failed failed failed failed failed  S = S  failed failed failed  cancelled cancelled cancelled cancelled"},
    {failed_no_class, "failed without a class",
     "N S =  failed failed failed failed failed  S = S  failed failed failed  cancelled cancelled cancelled cancelled"},
    {failed_no_time, "failed, no time left",
     "N S =  failed failed failed failed failed  S = S  failed failed failed  cancelled cancelled cancelled cancelled"},
    {settle, "settle", "N S S  S S S S completed  = S S  completed completed completed  S S S completed"},
    {settle_nothing, "settle, no output", "N S S  S S S S failed  = S S  failed failed failed  S S S cancelled"},
    {settle_late, "settle, late", "N S S  S S S S S  + + +  S S S  S S S S"},
    {cancel, "cancel",
     "N cancelled cancelled  cancelled sending:cancelling accepted:cancelling unresolved:cancelling result:cancelling  C C "
     "C  cancelled cancelled result:cancelling  = = = ="},
    {cancel_foreign, "cancel of another project", "N N N  N N N N N  N N N  N N N  N N N N"},
    {confirmed, "cancel_confirmed", "N S S  S S S S S  S S =  S S S  cancelled cancelled cancelled S"},
    {expire_early, "expire, early", "N C C  C C C C C  C C C  C C C  C C C C"},
    {expire, "expire",
     "N failed failed  failed failed failed failed failed  C C C  failed failed failed  failed failed failed failed"},
    {resolve, "resolve", "N C C  C C C failed C  C C C  C C C  C C failed C"},
    {give_up, "resolve, by its node", "N C C  C C C failed C  C C C  C C C  C C cancelled C"},
    {resolve_newest, "resolve, the newest", "N C C  C C C failed C  C C C  C C C  C C failed C"},
    {adopt, "adopt", "= = =  + + + + +  = = =  + + +  + + + +"},
    {adopt_wrong, "adopt from another", "= = =  = = = = =  = = =  = = =  = = = ="},
    {other_node, "another node", "N S S  S S S S S  S S S  S S S  S S S S"},
    {other_node_settles, "another node settles", "N S S  S S S S S  = S S  S S S  S S S S"},
    {other_attempt, "another attempt", "N S S  S S S S S  S S S  S S S  S S S S"},
    {submit_again, "submit again", "pending = =  = = = = =  = = =  = = =  = = = ="},
};

static const char *result_of(struct bed *b, const struct outcome *out, const char *before, char *text, size_t size) {
    switch ((int)out->code) {
    case OK:
        break;
    case E_STALE:
        return "S";
    case E_CONFLICT:
        return "C";
    case E_NOT_FOUND:
        return "N";
    default:
        return err_name(out->code);
    }
    if (!b->changes) return "=";
    snprintf(text, size, "%s", bed_where(b));
    return strcmp(text, before) ? text : "+";
}

static void every_command_in_every_state(void **state) {
    for (size_t r = 0; r < sizeof table / sizeof table[0]; r++) {
        struct str cells = str_of(table[r].cells), cell;
        for (int s = 0; s < STARTS; s++) {
            do {
                assert_true(cells.len > 0);
                str_cut(cells, ' ', &cell, &cells);
            } while (!cell.len);
            struct bed b;
            bed_ready(&b);
            if (s) bed_bring(&b, starts[s]);
            char before[64], text[64];
            snprintf(before, sizeof before, "%s", bed_where(&b));
            struct command c = table[r].make();
            struct outcome out = bed_run(&b, c);
            const char *result = result_of(&b, &out, before, text, sizeof text);
            if (!str_is(cell, result))
                fail_msg("%s at %s: %s, expected %.*s (%s)", table[r].name, starts[s], result, STR_ARG(cell),
                         out.why.detail);
            if (!out.code && out.state[0] && !str_is(STR("adopt"), command_name(c.kind))) {
                const struct generation *g = BED_GET(&b, generation, GEN);
                assert_true(str_is(g->state, out.state) && str_is(g->step, out.step));
                assert_int_equal(out.events, g->events);
            }
            /* a second time: the same answer, or a refusal; never a second change of the same kind */
            struct outcome again = bed_run(&b, c);
            if (!out.code && !again.code && c.kind != CMD_PROGRESS) assert_int_equal(b.changes, 0);
            if (!again.code && !out.code && out.state[0]) assert_string_equal(again.state, out.state);
            bed_close(&b);
        }
        while (cells.len) {
            str_cut(cells, ' ', &cell, &cells);
            assert_int_equal(cell.len, 0);
        }
    }
}

static void a_retry_keeps_the_hold_and_waits(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_bring(&b, "sending");
    struct outcome out = bed_ok(&b, cmd_failed(1, FAIL_RATE_LIMIT, true));
    assert_true(out.retry && out.retry_at == 20);
    assert_int_equal(out.available, START - PRICE);
    struct command c = cmd_claim("fal", 2);
    c.at = 19;
    assert_int_equal(bed_run(&b, c).code, E_CONFLICT);
    c.at = 20;
    assert_int_equal(bed_ok(&b, c).attempt, 2);
    const struct attempt *a = BED_GET(&b, attempt, GEN ".1");
    assert_true(str_is(a->state, "failed") && str_is(a->failure, "rate_limit") && a->ended_at == 10);
    assert_int_equal(LIVE(&b)->held, PRICE);
    assert_int_equal(bed_run(&b, cmd_failed(1, FAIL_CALLER, true)).code, E_STALE); /* the first attempt is history */
    bed_close(&b);
}

static void attempts_are_bounded(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, cmd_submit(GEN));
    struct outcome out = {};
    int n = 0;
    do {
        struct command c = cmd_claim("fal", ++n);
        c.at = 30;
        bed_ok(&b, c);
        out = bed_ok(&b, cmd_failed(n, FAIL_TRANSIENT, true));
    } while (out.retry);
    assert_int_equal(n, 5);
    assert_string_equal(out.state, "failed");
    assert_int_equal(LIVE(&b)->available, START);
    const struct generation *g = BED_GET(&b, generation, GEN);
    assert_true(str_is(g->error_code, "provider_failed") && str_is(g->error_detail, "It did not work. Nothing was charged."));
    bed_close(&b);
}

/* A provider that asks to wait, or is only asked whether it is back, is waited for until the deadline. */
static void patient_attempts_are_bounded_too(void **state) {
    struct bed b;
    bed_ready(&b);
    struct command c = cmd_submit(GEN);
    c.submit.deadline_at = MS_HOUR;
    bed_ok(&b, c);
    struct outcome out = {};
    int n = 0;
    do {
        c = cmd_claim("fal", ++n);
        c.at = 30;
        bed_ok(&b, c);
        c = cmd_failed(n, FAIL_RATE_LIMIT, true);
        c.step.patient = true;
        out = bed_ok(&b, c);
    } while (out.retry);
    assert_int_equal(n, LIMIT_PATIENT_ATTEMPTS);
    assert_string_equal(out.state, "failed");
    assert_int_equal(LIVE(&b)->available, START);
    bed_close(&b);
}

/* Whatever was said to have gone wrong, its end says that nothing was charged, once, whole and within an error's bounds. */
static void ends_say_that_nothing_was_charged(void **state) {
    char long_one[600];
    memset(long_one, 'x', sizeof long_one);
    memcpy(long_one + 439, "\xc3\xa4", 2); /* a character across the cut */
    const struct {
        struct str said;
        const char *kept;
    } cases[] = {
        {STR("No"), "No. Nothing was charged."},
        {STR("Why not?"), "Why not? Nothing was charged."},
        {STR("It broke; nothing was charged."), "It broke; nothing was charged."},
        {STR(""), "The model refused the request. Nothing was charged."},
        {str_n(long_one, sizeof long_one), NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bed b;
        bed_ready(&b);
        bed_ok(&b, cmd_submit(GEN));
        bed_ok(&b, cmd_claim("fal", 1));
        struct command c = cmd_failed(1, FAIL_CALLER, false);
        c.step.detail = cases[i].said;
        bed_ok(&b, c);
        struct str kept = BED_GET(&b, generation, GEN)->error_detail;
        if (cases[i].kept) assert_true(str_is(kept, cases[i].kept));
        else assert_true(str_is_utf8(kept) && kept.len < 480 && str_ends(kept, STR("xx. Nothing was charged.")));
        bed_close(&b);
    }
}

static void failures_have_their_answers(void **state) {
    static const struct {
        enum failure f;
        bool again;
        const char *code;
    } cases[] = {{FAIL_CALLER, false, "refused"},
                 {FAIL_MODERATION, false, "refused"},
                 {FAIL_AUTH, true, "provider_failed"},
                 {FAIL_QUOTA, true, "provider_failed"},
                 {FAIL_RATE_LIMIT, true, "provider_failed"},
                 {FAIL_TRANSIENT, true, "provider_failed"},
                 {FAIL_GONE, true, "provider_failed"},
                 {FAIL_UNCLASSIFIED, false, "provider_failed"},
                 {FAIL_OUTPUT_LOST, false, "output_lost"},
                 {FAIL_SANDBOX, true, "sandbox_unavailable"},
                 {FAIL_DEADLINE, false, "deadline_exceeded"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int may = 0; may < 2; may++) {
            struct bed b;
            bed_ready(&b);
            bed_bring(&b, "accepted");
            struct command c = cmd_failed(1, cases[i].f, may);
            c.step.cost_micros = 77;
            struct outcome out = bed_ok(&b, c);
            assert_int_equal(out.retry, may && cases[i].again);
            if (!out.retry) {
                assert_true(str_is(BED_GET(&b, generation, GEN)->error_code, cases[i].code));
                assert_int_equal(LIVE(&b)->available, START);
            }
            assert_int_equal(BED_GET(&b, attempt, GEN ".1")->cost_micros, 77); /* the operator's, whoever pays */
            bed_close(&b);
        }
    for (int f = 0; f < FAIL_COUNT; f++) assert_int_equal(failure_by_name(str_of(failure_name((enum failure)f))), f);
    assert_int_equal(failure_by_name(STR("unheard of")), FAIL_UNCLASSIFIED);
}

static void giving_up_books_what_may_have_cost(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_bring(&b, "unresolved");
    struct command other = give_up();
    other.step.node = STR("another node");
    assert_int_equal(bed_run(&b, other).code, E_STALE);
    bed_ok(&b, give_up());
    assert_true(str_is(BED_GET(&b, attempt, GEN ".1")->state, "unreconciled"));
    assert_true(str_is(BED_GET(&b, generation, GEN)->error_code, "provider_failed"));
    assert_int_equal(LIVE(&b)->available, START);
    bed_close(&b);
}

static void a_deadline_books_what_may_have_cost(void **state) {
    static const struct {
        const char *where, *outcome;
    } cases[] = {{"opened", "failed"},
                 {"sending", "unreconciled"},
                 {"accepted", "unreconciled"},
                 {"unresolved", "unreconciled"},
                 {"result", "unreconciled"},
                 {"local:sending", "failed"},
                 {"accepted:cancelling", "unreconciled"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bed b;
        bed_ready(&b);
        bed_bring(&b, cases[i].where);
        bed_ok(&b, cmd_expire(DEADLINE));
        assert_true(str_is(BED_GET(&b, attempt, GEN ".1")->state, cases[i].outcome));
        assert_true(str_is(BED_GET(&b, generation, GEN)->error_code, "deadline_exceeded"));
        assert_int_equal(LIVE(&b)->available, START);
        bed_close(&b);
    }
}

/* Whoever waited the whole time is told that it was this. */
static void a_deadline_says_whether_work_was_begun(void **state) {
    static const struct {
        const char *where;
        bool waited, never_begun;
    } cases[] = {{"pending", false, true}, {"local:opened", true, true}, {"local:opened", false, false}, {"accepted", true, false}, {"waiting", false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bed b;
        bed_ready(&b);
        bed_bring(&b, cases[i].where);
        struct command c = cmd_expire(DEADLINE);
        c.expire.waited = cases[i].waited;
        bed_ok(&b, c);
        const struct generation *g = BED_GET(&b, generation, GEN);
        bool says = memmem(g->error_detail.ptr, g->error_detail.len, "was not begun", 13);
        if (!str_is(g->error_code, "deadline_exceeded") || says != cases[i].never_begun) fail_msg("%s: %.*s", cases[i].where, STR_ARG(g->error_detail));
        bed_close(&b);
    }
}

static void running_is_limited_per_project(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, cmd_submit(GEN));
    bed_ok(&b, cmd_submit(GEN2));
    struct command second = cmd_claim("fal", 1);
    second.step.generation = STR(GEN2);
    bed_ok(&b, cmd_claim("fal", 1));
    assert_int_equal(bed_run(&b, second).code, E_CONFLICT);
    bed_ok(&b, cmd_cancel(PROJECT));
    bed_ok(&b, second);
    struct outcome out = bed_ok(&b, cmd_adopt(NODE2, NODE));
    assert_int_equal(out.moved, 1); /* the other one has ended */
    assert_true(str_is(BED_GET(&b, generation, GEN2)->node, NODE2));
    bed_close(&b);
}

static void progress_is_capped_and_states_are_not(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_bring(&b, "sending");
    struct command batch[100];
    struct outcome out[100];
    for (int i = 0; i < 100; i++) batch[i] = cmd_step(CMD_PROGRESS, 1);
    for (int i = 0; i < 11; i++) bed_batch(&b, batch, 100, out);
    assert_int_equal(out[99].code, OK);
    assert_int_equal(BED_GET(&b, generation, GEN)->events, 1000);
    assert_int_equal(b.changes, 0);
    bed_ok(&b, cmd_step(CMD_ACCEPTED, 1));
    bed_ok(&b, cmd_step(CMD_RESULT_SEEN, 1));
    bed_ok(&b, cmd_settle(1, 1));
    assert_int_equal(BED_GET(&b, generation, GEN)->events, 1003);
    bed_close(&b);
}

static struct command defer(const char *generation, msec until) {
    return (struct command){.kind = CMD_DEFER, .at = 3, .step = {.generation = str_of(generation), .retry_at = until}};
}

static void what_has_no_route_now_lets_others_pass(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_bring(&b, "pending");
    assert_int_equal(bed_run(&b, defer("no-such", 9)).code, E_NOT_FOUND);
    bed_ok(&b, defer(GEN, 50));
    assert_int_equal(BED_GET(&b, generation, GEN)->waits_until, 50);
    bed_ok(&b, defer(GEN, 40)); /* never nearer */
    assert_int_equal(b.changes, 0);
    assert_int_equal(bed_run(&b, cmd_claim("fal", 1)).code, E_CONFLICT);
    struct command claim = cmd_claim("fal", 1);
    claim.at = 50;
    bed_ok(&b, claim);
    assert_int_equal(bed_run(&b, defer(GEN, 90)).code, E_CONFLICT);
    bed_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_in_every_state),
        cmocka_unit_test(a_retry_keeps_the_hold_and_waits),
        cmocka_unit_test(attempts_are_bounded),
        cmocka_unit_test(patient_attempts_are_bounded_too),
        cmocka_unit_test(ends_say_that_nothing_was_charged), cmocka_unit_test(failures_have_their_answers),
        cmocka_unit_test(a_deadline_books_what_may_have_cost),
        cmocka_unit_test(a_deadline_says_whether_work_was_begun),
        cmocka_unit_test(giving_up_books_what_may_have_cost),
        cmocka_unit_test(running_is_limited_per_project),
        cmocka_unit_test(progress_is_capped_and_states_are_not),
        cmocka_unit_test(what_has_no_route_now_lets_others_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
