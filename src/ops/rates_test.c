#include "ops/rates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void table_is_whole(void **state) {
    assert_int_equal(rates_limit(STR("mcp"), RATE_media), 30);
    assert_int_equal(rates_limit(STR("mcp"), RATE_sound), 10);
    assert_int_equal(rates_limit(STR("mcp"), RATE_ads), 5);
    assert_int_equal(rates_limit(STR("mcp"), RATE_reads), 120);
    for (int g = 0; g < RATE_GROUPS; g++) {
        assert_int_equal(rates_limit(STR(""), (enum rate_group)g), 0);
        assert_int_equal(rates_limit(STR("newer"), (enum rate_group)g), rates_limit(STR("mcp"), (enum rate_group)g));
        assert_string_equal(rates_group_name((enum rate_group)g), ((const char *[]){"media", "sound", "ads", "reads"})[g]);
    }
    assert_true(rates_class_known(STR("mcp")));
    assert_false(rates_class_known(STR("newer")));
    assert_false(rates_class_known(STR("")));
}

static void publishable_keys_have_a_class_in_any_case(void **state) {
    assert_true(str_is(rates_class_of(STR("pub"), STR("")), "page"));
    assert_true(str_is(rates_class_of(STR("pubtest"), STR("")), "page"));
    assert_true(str_is(rates_class_of(STR("pub"), STR("mcp")), "mcp"));
    assert_int_equal(rates_class_of(STR("live"), STR("")).len, 0);
    assert_true(str_is(rates_class_of(STR("live"), STR("mcp")), "mcp"));
    assert_true(rates_class_known(STR("page")));
}

/* One bucket of 10 a minute, moment after moment: a call comes back every 6 s. */
static void bucket_follows_the_clock(void **state) {
    static const struct {
        msec at;
        int calls; /* so many before it, all of which get through */
        bool through;
        int64_t remaining, reset_s, retry_after_s;
    } rows[] = {
        {1000, 0, true, 9, 6, 0}, /* full, though its clock never ran */
        {1000, 8, true, 0, 60, 6}, /* the last one of ten */
        {1000, 0, false, 0, 60, 6},
        {1001, 0, false, 0, 60, 6}, /* 5.999 s more: rounded up */
        {6000, 0, false, 0, 55, 1}, /* being refused takes nothing */
        {6999, 0, false, 0, 55, 1},
        {7000, 0, true, 0, 60, 6},
        {6000, 0, false, 0, 60, 6}, /* a clock that goes back gives nothing */
        {19000, 0, true, 1, 54, 0}, /* nor when it comes again */
        {1000 * 1000, 9, true, 0, 60, 6}, /* a long rest fills it once */
        {1000 * 1000, 0, false, 0, 60, 6},
        {INT64_MAX / 2, 0, true, 9, 6, 0},
    };
    struct rate_bucket b = {};
    struct rate r;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int n = 0; n < rows[i].calls; n++) assert_true(rates_take(&b, 10, rows[i].at, &r));
        assert_int_equal(rates_take(&b, 10, rows[i].at, &r), rows[i].through);
        assert_int_equal(r.limit, 10);
        if (r.remaining != rows[i].remaining || r.reset_s != rows[i].reset_s || r.retry_after_s != rows[i].retry_after_s)
            fail_msg("row %zu: remaining %d, reset %d, retry after %d", i, (int)r.remaining, (int)r.reset_s, (int)r.retry_after_s);
    }
}

/* Whoever waits as long as told gets through, at any rate and moment. */
static void told_time_is_enough(void **state) {
    for (int64_t a_minute = 1; a_minute <= 120; a_minute += 7) {
        struct rate_bucket b = {};
        struct rate r;
        msec now = 12345;
        while (rates_take(&b, a_minute, now, &r)) now += 3;
        assert_true(r.retry_after_s >= 1);
        assert_true(rates_take(&b, a_minute, now + r.retry_after_s * MS_SECOND, &r));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_whole), cmocka_unit_test(publishable_keys_have_a_class_in_any_case),
        cmocka_unit_test(bucket_follows_the_clock),
        cmocka_unit_test(told_time_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
