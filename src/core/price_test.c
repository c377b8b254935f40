/* Prices: one rounding, per output, measured and capped. */
#include "core/price.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void amounts(void **state) {
    static const struct {
        const char *name;
        micros rate;
        int64_t quantity, unit, outputs;
        err code;
        micros amount;
    } cases[] = {
        {"call", 10000, 1, 1, 1, OK, 10000},
        {"image", 10000, 1, 1, 4, OK, 40000},
        {"five seconds", 134400, 5000, 1000, 1, OK, 672000},
        {"five seconds with sound", 201600, 5000, 1000, 1, OK, 1008000},
        {"half a second", 3, 500, 1000, 1, OK, 2},
        {"a millisecond", 1, 1, 1000, 1, OK, 1},
        {"rounded up once, then times outputs", 1, 1001, 1000, 3, OK, 6},
        {"megapixel", 6000, 1024 * 1024, 1000000, 1, OK, 6292},
        {"exactly one megapixel", 6000, 1000000, 1000000, 1, OK, 6000},
        {"a pixel more", 6000, 1000001, 1000000, 1, OK, 6001},
        {"kchar", 15000, 1234, 1000, 1, OK, 18510},
        {"nothing", 15000, 0, 1000, 1, OK, 0},
        {"free", 0, 5000, 1000, 2, OK, 0},
        {"the most", MICROS_MAX, 1, 1, 1, OK, MICROS_MAX},
        {"more than the most", MICROS_MAX, 2, 1, 1, E_LIMIT, 0},
        {"more by outputs", MICROS_MAX, 1, 1, 2, E_LIMIT, 0},
        {"more than can be counted", INT64_MAX, INT64_MAX, 1, INT64_MAX, E_LIMIT, 0},
        {"negative rate", -1, 1, 1, 1, E_INVALID, 0},
        {"negative quantity", 1, -1, 1, 1, E_INVALID, 0},
        {"no unit", 1, 1, 0, 1, E_INVALID, 0},
        {"no output", 1, 1, 1, 0, E_INVALID, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        micros amount = -7;
        err r = price_amount(cases[i].rate, cases[i].quantity, cases[i].unit, cases[i].outputs, &amount);
        if (r != cases[i].code || amount != (r ? -7 : cases[i].amount))
            fail_msg("%s: %s %lld", cases[i].name, err_name(r), (long long)amount);
    }
}

static struct quote quote(const char *from, micros rate, int64_t quantity, int64_t unit, int64_t outputs, bool per_output) {
    struct quote q = {.rate = rate,
                      .unit = unit,
                      .quantity = quantity,
                      .outputs = outputs,
                      .per_output = per_output,
                      .from = str_of(from),
                      .if_unmeasured = 333};
    must(!price_amount(rate, quantity, unit, outputs, &q.amount));
    return q;
}

static void bills(void **state) {
    const struct {
        const char *name;
        struct quote q;
        int64_t measured, stored;
        micros bill;
    } cases[] = {
        {"call", quote("call", 500, 1, 1, 1, false), -1, 1, 500},
        {"call with three files", quote("call", 500, 1, 1, 1, false), -1, 3, 500},
        {"input: whatever length came back", quote("input", 134400, 5000, 1000, 1, false), 4000, 1, 672000},
        {"four images, all", quote("call", 10000, 1, 1, 4, true), -1, 4, 40000},
        {"four images, three stored", quote("call", 10000, 1, 1, 4, true), -1, 3, 30000},
        {"four images, six stored", quote("call", 10000, 1, 1, 4, true), -1, 6, 40000},
        {"several outputs are billed per output", quote("call", 10000, 1, 1, 2, false), -1, 1, 10000},
        {"per output with a fraction", quote("input", 1, 1001, 1000, 3, true), -1, 2, 4},
        {"measured", quote("measured", 1000, 60000, 1000, 1, false), 1500, 1, 1500},
        {"measured, rounded up once", quote("measured", 1, 60000, 1000, 1, false), 1001, 1, 2},
        {"measured, capped at the hold", quote("measured", 1000, 60000, 1000, 1, false), 70000, 1, 60000},
        {"measured, beyond counting", quote("measured", 1000, 60000, 1000, 1, false), INT64_MAX, 1, 60000},
        {"measured, nothing", quote("measured", 1000, 60000, 1000, 1, false), 0, 1, 0},
        {"not measurable", quote("measured", 1000, 60000, 1000, 1, false), -1, 1, 333},
        {"not measurable, capped", quote("measured", 1, 60000, 1000, 1, false), -1, 1, 60},
        {"length of a file", quote("media", 1000, 60000, 1000, 1, false), 2500, 1, 2500},
        {"measured megapixels of two outputs", quote("measured", 6000, 4000000, 1000000, 2, true), 1000001, 2, 12002},
        {"free", quote("call", 0, 1, 1, 1, false), -1, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        micros bill = -7;
        err r = price_bill(&cases[i].q, &(struct price_facts){cases[i].measured, cases[i].stored}, cases[i].q.amount, &bill);
        if (r || bill != cases[i].bill) fail_msg("%s: %s %lld", cases[i].name, err_name(r), (long long)bill);
    }
}

static void a_bill_equals_the_quote_whatever_rounding_made_it(void **state) {
    struct quote q = quote("input", 7, 1001, 1000, 3, true);
    q.amount = 3000; /* a row that rounds to a thousand micros an output */
    micros bill;
    assert_int_equal(price_bill(&q, &(struct price_facts){-1, 3}, q.amount, &bill), OK);
    assert_int_equal(bill, 3000);
    assert_int_equal(price_bill(&q, &(struct price_facts){-1, 1}, q.amount, &bill), OK);
    assert_int_equal(bill, 1000);
    assert_int_equal(price_bill(&q, &(struct price_facts){-1, 0}, q.amount, &bill), E_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts),
        cmocka_unit_test(bills),
        cmocka_unit_test(a_bill_equals_the_quote_whatever_rounding_made_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
