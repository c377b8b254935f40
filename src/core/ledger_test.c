/* Double entry: what each movement writes, and what it refuses. */
#include "core/ledger.h"

#include "core/fixture.h"

static void expect_transfer(const struct bed *b, const char *id, const char *purpose, const char *debit, const char *credit,
                            micros amount) {
    const struct transfer *t = BED_GET(b, transfer, id);
    assert_non_null(t);
    assert_true(str_is(t->purpose, purpose) && str_is(t->debit, debit) && str_is(t->credit, credit));
    assert_int_equal(t->amount, amount);
}

static void each_purpose_has_its_accounts(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, cmd_submit(GEN));
    expect_transfer(&b, "topup:1", "top_up", "platform/live/top_ups", PROJECT "/live/available", START);
    expect_transfer(&b, GEN ":hold", "hold", PROJECT "/live/available", PROJECT "/live/held", PRICE);
    assert_int_equal(LIVE(&b)->available, START - PRICE);
    assert_int_equal(LIVE(&b)->held, PRICE);
    bed_ok(&b, cmd_claim("local", 1));
    bed_ok(&b, cmd_settle(1, 1));
    expect_transfer(&b, GEN ":capture", "capture", PROJECT "/live/held", "platform/live/revenue", PRICE);
    assert_null(BED_GET(&b, transfer, GEN ":release")); /* nothing was left to give back */
    assert_int_equal(LIVE(&b)->available, START - PRICE);
    assert_int_equal(LIVE(&b)->held, 0);
    assert_true(str_is(BED_GET(&b, transfer, GEN ":capture")->generation, GEN));
    bed_close(&b);
}

static void what_is_not_captured_is_released(void **state) {
    struct bed b;
    bed_ready(&b);
    struct command c = cmd_submit(GEN);
    c.submit.quote.outputs = 4;
    c.submit.quote.amount = 4 * PRICE;
    bed_ok(&b, c);
    bed_ok(&b, cmd_claim("local", 1));
    assert_int_equal(bed_ok(&b, cmd_settle(1, 3)).available, START - 3 * PRICE);
    expect_transfer(&b, GEN ":capture", "capture", PROJECT "/live/held", "platform/live/revenue", 3 * PRICE);
    expect_transfer(&b, GEN ":release", "release", PROJECT "/live/held", PROJECT "/live/available", PRICE);
    assert_int_equal(BED_GET(&b, generation, GEN)->billed_micros, 3 * PRICE);
    assert_int_equal(BED_GET(&b, usage_event, GEN)->quantity, 3);
    bed_close(&b);
}

static void top_ups(void **state) {
    struct bed b;
    bed_ready(&b);
    struct outcome out = bed_ok(&b, cmd_top_up("topup:3", "live", 5));
    assert_int_equal(out.available, START + 5);
    out = bed_ok(&b, cmd_top_up("topup:3", "live", 5)); /* a repeat finds itself */
    assert_int_equal(out.available, START + 5);
    assert_int_equal(b.changes, 0);
    assert_int_equal(bed_run(&b, cmd_top_up("topup:3", "live", 6)).code, E_KEY_REUSED);
    assert_int_equal(bed_run(&b, cmd_top_up("topup:3", "test", 5)).code, E_KEY_REUSED);
    assert_int_equal(bed_run(&b, cmd_top_up("topup:4", "live", 0)).code, E_INVALID);
    assert_int_equal(bed_run(&b, cmd_top_up("topup:4", "live", -5)).code, E_INVALID);
    assert_int_equal(bed_run(&b, cmd_top_up("", "live", 5)).code, E_INVALID);
    assert_int_equal(bed_run(&b, cmd_top_up("topup:4", "other", 5)).code, E_NOT_FOUND);
    assert_int_equal(bed_run(&b, cmd_top_up("topup:4", "live", MICROS_MAX)).code, E_INVALID);
    assert_int_equal(bed_run(&b, cmd_top_up("topup:4", "live", INT64_MAX)).code, E_INVALID);
    assert_int_equal(BED_GET(&b, account, PROJECT "/test")->available, START); /* the books are apart */
    struct command two[] = {cmd_top_up("topup:5", "live", 1), cmd_top_up("topup:5", "live", 1),
                            cmd_top_up("topup:6", "live", 1)};
    struct outcome outs[3];
    bed_batch(&b, two, 3, outs);
    assert_int_equal(outs[2].available, START + 7);
    bed_close(&b);
}

static void too_little_credit_names_what_is_missing(void **state) {
    struct bed b;
    bed_ready(&b);
    struct command c = cmd_submit(GEN);
    c.submit.quote.amount = START + 1;
    struct outcome out = bed_run(&b, c);
    assert_int_equal(out.code, E_INSUFFICIENT_CREDIT);
    assert_string_equal(out.why.facts, "\"required_micros\":1000001,\"available_micros\":1000000,\"missing_micros\":1");
    assert_int_equal(b.changes, 0);
    c.submit.quote.amount = START;
    assert_int_equal(bed_ok(&b, c).available, 0);
    bed_close(&b);
}

static void one_of_many_in_a_batch_gets_the_last_credit(void **state) {
    enum { CALLS = 50 };
    struct bed b;
    bed_ready(&b);
    static char ids[CALLS][33];
    struct command c[CALLS];
    struct outcome out[CALLS];
    for (int i = 0; i < CALLS; i++) {
        snprintf(ids[i], sizeof ids[i], "%032x", i);
        c[i] = cmd_submit(ids[i]);
        c[i].submit.quote.amount = START / 2 + 1;
        c[i].submit.needs_bytes = 0;
    }
    bed_batch(&b, c, CALLS, out);
    for (int i = 0; i < CALLS; i++) assert_int_equal(out[i].code, i ? E_INSUFFICIENT_CREDIT : OK);
    assert_int_equal(bed_count(&b, REC_generation), 1);
    bed_close(&b);
}

static void a_free_model_moves_nothing(void **state) {
    struct bed b;
    bed_ready(&b);
    struct command c = cmd_submit(GEN);
    c.submit.quote.amount = c.submit.quote.rate = 0;
    size_t before = bed_count(&b, REC_transfer);
    bed_ok(&b, c);
    bed_ok(&b, cmd_claim("local", 1));
    bed_ok(&b, cmd_settle(1, 1));
    assert_int_equal(bed_count(&b, REC_transfer), before);
    assert_int_equal(BED_GET(&b, usage_event, GEN)->billed_micros, 0);
    bed_close(&b);
}

static void ids_derive(void **state) {
    struct arena a = {};
    assert_true(str_is(account_id(&a, STR("p"), STR("live")), "p/live"));
    assert_true(str_is(transfer_id(&a, STR("g"), "hold"), "g:hold"));
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_purpose_has_its_accounts),
        cmocka_unit_test(what_is_not_captured_is_released),
        cmocka_unit_test(top_ups),
        cmocka_unit_test(too_little_credit_names_what_is_missing),
        cmocka_unit_test(one_of_many_in_a_batch_gets_the_last_credit),
        cmocka_unit_test(a_free_model_moves_nothing),
        cmocka_unit_test(ids_derive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
