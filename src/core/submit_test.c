/* Submit: idempotency, keys and books, limits, drive space, and the claim at once. */
#include "core/fixture.h"

#define WEEK ((msec)7 * MS_DAY)

static struct command keyed(const char *generation, const char *hash) {
    struct command c = cmd_submit(generation);
    c.submit.idempotency = STR("idem");
    c.submit.request_hash = str_of(hash);
    return c;
}

static void writes_what_a_call_is(void **state) {
    struct bed b;
    bed_ready(&b);
    struct outcome out = bed_ok(&b, keyed(GEN, "hash"));
    assert_string_equal(out.generation, GEN);
    assert_string_equal(out.state, "pending");
    assert_false(out.replayed || out.claimed);
    assert_int_equal(out.events, 1);
    assert_int_equal(out.available, START - PRICE);
    const struct generation *g = BED_GET(&b, generation, GEN);
    assert_true(g->seq == 1 && g->quoted_micros == PRICE && g->hold_micros == PRICE && g->needs == NEEDS &&
                g->deadline_at == DEADLINE);
    assert_true(str_is(g->price_from, "call") && g->price_outputs == 1 && g->price_fixed == 0 && str_is(g->key, "livekey1"));
    const struct event *e = BED_GET(&b, event, GEN "/000001");
    assert_true(str_is(e->type, "submitted") && str_is(e->payload, "{\"state\":\"pending\",\"quoted_micros\":10000}"));
    const struct project *p = BED_GET(&b, project, PROJECT);
    assert_true(p->pending == 1 && p->running == 0 && p->drive_reserved == NEEDS && p->seq == 1);
    assert_int_equal(BED_GET(&b, idempotency, "idem")->expires_at, 5 + WEEK);
    bed_close(&b);
}

static void a_key_makes_one_generation(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, keyed(GEN, "hash"));
    bed_ok(&b, cmd_claim("local", 1));
    struct outcome out = bed_ok(&b, keyed(GEN2, "hash"));
    assert_string_equal(out.generation, GEN);
    assert_string_equal(out.state, "processing");
    assert_true(out.replayed);
    assert_int_equal(b.changes, 0);
    assert_int_equal(bed_run(&b, keyed(GEN2, "other")).code, E_KEY_REUSED);
    bed_ok(&b, cmd_settle(1, 1));
    out = bed_ok(&b, keyed(GEN2, "hash"));
    assert_string_equal(out.state, "completed");

    struct command later = keyed(GEN2, "other");
    later.at = 5 + WEEK - 1;
    assert_int_equal(bed_run(&b, later).code, E_KEY_REUSED);
    later.at = 5 + WEEK;
    later.submit.deadline_at = 2 * WEEK;
    out = bed_ok(&b, later);
    assert_string_equal(out.generation, GEN2);
    assert_false(out.replayed);
    assert_int_equal(BED_GET(&b, idempotency, "idem")->expires_at, 5 + 2 * WEEK);
    bed_close(&b);
}

static void a_key_makes_one_generation_within_a_batch(void **state) {
    struct bed b;
    bed_ready(&b);
    struct command c[] = {keyed(GEN, "hash"), keyed(GEN2, "hash"), keyed(GEN2, "other")};
    struct outcome out[3];
    bed_batch(&b, c, 3, out);
    assert_int_equal(out[0].code, OK);
    assert_string_equal(out[1].generation, GEN);
    assert_true(out[1].replayed);
    assert_int_equal(out[2].code, E_KEY_REUSED);
    assert_int_equal(bed_count(&b, REC_generation), 1);
    bed_close(&b);
}

static void a_refused_call_does_not_use_up_its_key(void **state) {
    struct bed b;
    bed_ready(&b);
    struct command c = keyed(GEN, "hash");
    c.submit.quote.amount = START + 1;
    assert_int_equal(bed_run(&b, c).code, E_INSUFFICIENT_CREDIT);
    bed_ok(&b, keyed(GEN2, "other"));
    bed_close(&b);
}

static void the_same_submit_twice_is_one(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, cmd_submit(GEN));
    struct outcome out = bed_ok(&b, cmd_submit(GEN));
    assert_true(out.replayed);
    assert_int_equal(b.changes, 0);
    struct command other = cmd_submit(GEN);
    other.submit.model = STR("another/model");
    assert_int_equal(bed_run(&b, other).code, E_CONFLICT);
    bed_close(&b);
}

static void keys_and_books(void **state) {
    static const struct {
        const char *key, *project, *book;
        err code;
    } cases[] = {
        {"livekey1", PROJECT, "live", OK},
        {"testkey1", PROJECT, "test", OK},
        {"adminkey", PROJECT, "live", OK},
        {"livekey1", PROJECT, "test", E_FORBIDDEN},
        {"testkey1", PROJECT, "live", E_FORBIDDEN},
        {"foreign1", PROJECT, "live", E_UNAUTHENTICATED},
        {"livekey1", FOREIGN, "live", E_UNAUTHENTICATED},
        {"revoked1", PROJECT, "live", E_UNAUTHENTICATED},
        {"unknown1", PROJECT, "live", E_UNAUTHENTICATED},
        {"", PROJECT, "live", E_UNAUTHENTICATED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bed b;
        bed_ready(&b);
        bed_ok(&b, cmd_create_key("adminkey", PROJECT, "admin"));
        bed_ok(&b, cmd_create_key("revoked1", PROJECT, "live"));
        bed_ok(&b, (struct command){.kind = CMD_REVOKE_KEY, .at = 2, .revoke_key = {STR("revoked1"), STR(PROJECT)}});
        struct command c = cmd_submit(GEN);
        c.submit.key = str_of(cases[i].key);
        c.submit.project = str_of(cases[i].project);
        c.submit.book = str_of(cases[i].book);
        struct outcome out = bed_run(&b, c);
        if (out.code != cases[i].code) fail_msg("%s %s: %s", cases[i].key, cases[i].book, err_name(out.code));
        if (out.code) assert_int_equal(b.changes, 0);
        bed_close(&b);
    }
}

static void limits(void **state) {
    static const struct {
        const char *name;
        micros max;
        int64_t pending_limit, needs, drive_limit;
        err code;
        const char *facts;
    } cases[] = {
        {"the price as agreed", PRICE, 0, 0, 0, OK, ""},
        {"dearer now", PRICE - 1, 0, 0, 0, E_PRICE_CHANGED, "\"quoted_micros\":10000,\"max_micros\":9999"},
        {"one waits, two may", 0, 2, 0, 0, OK, ""},
        {"one waits, one may", 0, 1, 0, 0, E_RATE_LIMITED, "\"pending\":1"},
        {"space for one more", 0, 0, 500, 1500, OK, ""},
        {"a byte too few", 0, 0, 501, 1500, E_DRIVE_FULL, "\"needs_bytes\":501,\"used_bytes\":1000,\"limit_bytes\":1500"},
        {"no bound on the drive", 0, 0, INT64_MAX / 4, 0, OK, ""},
        {"more than there is", 0, 0, INT64_MAX, 1500, E_DRIVE_FULL,
         "\"needs_bytes\":9223372036854775807,\"used_bytes\":1000,\"limit_bytes\":1500"},
        {"full already", 0, 0, 0, 999, E_DRIVE_FULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bed b;
        bed_ready(&b);
        bed_ok(&b, cmd_submit(GEN)); /* waits and reserves */
        /* limits change by hand here: no command does that yet */
        for (size_t r = 0; r < b.count; r++)
            if (b.rows[r].type == REC_project && str_is(b.rows[r].record->id, PROJECT))
                ((struct project *)b.rows[r].record)->drive_limit = cases[i].drive_limit;
        struct command c = cmd_submit(GEN2);
        c.submit.max_micros = cases[i].max;
        c.submit.pending_limit = cases[i].pending_limit;
        c.submit.needs_bytes = cases[i].needs;
        struct outcome out = bed_run(&b, c);
        if (out.code != cases[i].code) fail_msg("%s: %s", cases[i].name, err_name(out.code));
        if (cases[i].facts) assert_string_equal(out.why.facts, cases[i].facts);
        if (out.code) assert_int_equal(b.changes, 0);
        if (out.code == E_RATE_LIMITED) assert_true(out.why.retry_after_s > 0);
        bed_close(&b);
    }
}

static void claims_at_once_when_nothing_waits(void **state) {
    struct bed b;
    bed_ready(&b);
    struct command c = cmd_submit(GEN);
    c.submit.node = STR(NODE);
    c.submit.provider = STR("local");
    c.submit.route = STR("sketch");
    struct outcome out = bed_ok(&b, c);
    assert_true(out.claimed && out.attempt == 1 && out.events == 2);
    assert_string_equal(out.state, "processing");
    assert_string_equal(out.step, "opened");
    const struct attempt *a = BED_GET(&b, attempt, GEN ".1");
    assert_true(str_is(a->our_ref, GEN ".1") && str_is(a->provider, "local") && str_is(a->route, "sketch"));
    assert_true(str_is(BED_GET(&b, event, GEN "/000002")->type, "started"));
    c.submit.generation = STR(GEN2); /* the project's one slot is taken */
    out = bed_ok(&b, c);
    assert_false(out.claimed);
    assert_string_equal(out.state, "pending");
    bed_ok(&b, cmd_settle(1, 1));
    c.submit.generation = STR("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"); /* a free slot, but another one waits */
    out = bed_ok(&b, c);
    assert_false(out.claimed);
    bed_close(&b);
}

static struct command by_body(const char *generation, enum repeat repeat) {
    struct command c = keyed(generation, "hash");
    c.submit.repeat = repeat;
    return c;
}

static struct command delivered(const char *generation) {
    struct command c = {.kind = CMD_DELIVERED, .at = 7};
    c.delivered = (struct cmd_delivered){.idempotency = STR("idem"), .generation = str_of(generation)};
    return c;
}

/* Without a key: the same again is a repeat until the answer was delivered, and a new call from then on. */
static void a_lost_answer_is_asked_for_again(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, by_body(GEN, REPEAT_UNDELIVERED));
    assert_int_equal(BED_GET(&b, idempotency, "idem")->expires_at, 5 + MS_DAY);
    struct outcome out = bed_ok(&b, by_body(GEN2, REPEAT_UNDELIVERED));
    assert_true(out.replayed);
    assert_string_equal(out.generation, GEN);
    assert_int_equal(LIVE(&b)->available, START - PRICE);
    assert_int_equal(bed_run(&b, delivered(GEN2)).code, E_NOT_FOUND); /* of another call */
    bed_ok(&b, delivered(GEN));
    bed_ok(&b, delivered(GEN));
    assert_int_equal(BED_GET(&b, idempotency, "idem")->delivered_at, 7);
    out = bed_ok(&b, by_body(GEN2, REPEAT_UNDELIVERED));
    assert_false(out.replayed);
    assert_string_equal(out.generation, GEN2);
    assert_int_equal(LIVE(&b)->available, START - 2 * PRICE);
    assert_int_equal(BED_GET(&b, idempotency, "idem")->delivered_at, 0);
    assert_int_equal(bed_run(&b, delivered(GEN)).code, E_NOT_FOUND); /* it has gone on to a later call */
    bed_close(&b);
}

/* A client that counts its repeats says that this is none: a second wish for the same. */
static void a_first_try_is_always_a_new_call(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, by_body(GEN, REPEAT_NEVER));
    struct outcome out = bed_ok(&b, by_body(GEN2, REPEAT_NEVER));
    assert_string_equal(out.generation, GEN2);
    out = bed_ok(&b, by_body("cccccccccccccccccccccccccccccccc", REPEAT_UNDELIVERED));
    assert_true(out.replayed);
    assert_string_equal(out.generation, GEN2); /* the latest */
    struct command later = by_body("cccccccccccccccccccccccccccccccc", REPEAT_UNDELIVERED);
    later.at = 5 + MS_DAY;
    later.submit.deadline_at = 2 * MS_DAY;
    assert_false(bed_ok(&b, later).replayed); /* a day later nobody remembers */
    bed_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_a_call_is),
        cmocka_unit_test(a_key_makes_one_generation),
        cmocka_unit_test(a_key_makes_one_generation_within_a_batch),
        cmocka_unit_test(a_refused_call_does_not_use_up_its_key),
        cmocka_unit_test(the_same_submit_twice_is_one),
        cmocka_unit_test(keys_and_books),
        cmocka_unit_test(a_lost_answer_is_asked_for_again),
        cmocka_unit_test(a_first_try_is_always_a_new_call),
        cmocka_unit_test(limits),
        cmocka_unit_test(claims_at_once_when_nothing_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
