/* The working set of a batch: what it asks for, what a refused command leaves behind (nothing), what has to be saved. */
#include "core/workset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct rec_key key(enum rec_type type, const char *id) { return (struct rec_key){type, str_of(id)}; }

static void fill_account(struct workset *w, const char *id, int64_t available) {
    struct account a = {.head = {str_of(id), 7}, .available = available};
    workset_fill(w, key(REC_account, id), &a.head);
}

static void asks_once_in_order(void **state) {
    struct workset *w = workset_create();
    workset_want(w, key(REC_generation, "b"));
    workset_want(w, key(REC_account, "p/test"));
    workset_want(w, key(REC_account, "p/live"));
    workset_want(w, key(REC_generation, "b"));
    const struct rec_key *keys;
    assert_int_equal(workset_unfilled(w, &keys), 3);
    assert_true(keys[0].type == REC_account && str_is(keys[0].id, "p/live"));
    assert_true(keys[1].type == REC_account && str_is(keys[1].id, "p/test"));
    assert_true(keys[2].type == REC_generation);
    fill_account(w, "p/live", 5);
    workset_fill(w, key(REC_generation, "b"), NULL);
    assert_int_equal(workset_unfilled(w, &keys), 1);
    workset_want(w, key(REC_account, "p/live"));
    assert_int_equal(workset_unfilled(w, &keys), 1);
    assert_true(str_is(keys[0].id, "p/test"));
    assert_null(WS_GET(w, generation, STR("b")));
    assert_int_equal(WS_GET(w, account, STR("p/live"))->available, 5);
    workset_destroy(w);
}

static void keeps_and_drops(void **state) {
    struct workset *w = workset_create();
    const struct rec_change *changes;
    workset_want(w, key(REC_account, "p/live"));
    workset_want(w, key(REC_event, "g/000001"));
    fill_account(w, "p/live", 100);
    workset_fill(w, key(REC_event, "g/000001"), NULL);

    workset_begin(w);
    WS_EDIT(w, account, STR("p/live"))->available = 1;
    WS_INSERT(w, event, STR("g/000001"))->n = 1;
    WS_INSERT(w, event, STR("g/000002"))->n = 2;
    assert_int_equal(WS_GET(w, account, STR("p/live"))->available, 1);
    assert_int_equal(WS_GET(w, event, STR("g/000002"))->n, 2);
    workset_drop(w);
    assert_int_equal(WS_GET(w, account, STR("p/live"))->available, 100);
    assert_null(WS_GET(w, event, STR("g/000001")));
    assert_int_equal(workset_changes(w, &changes), 0);

    workset_begin(w);
    WS_EDIT(w, account, STR("p/live"))->available -= 10;
    WS_INSERT(w, event, STR("g/000002"))->n = 2;
    workset_keep(w);
    workset_begin(w);
    WS_EDIT(w, account, STR("p/live"))->available -= 10;
    WS_EDIT(w, event, STR("g/000002"))->at = 3;
    WS_INSERT(w, event, STR("g/000001"))->n = 1;
    workset_keep(w);
    workset_begin(w);
    WS_EDIT(w, account, STR("p/live"))->available = -1;
    workset_drop(w);

    assert_int_equal(workset_changes(w, &changes), 3);
    assert_true(changes[0].type == REC_account && changes[0].record->version == 7);
    assert_int_equal(((const struct account *)changes[0].record)->available, 80);
    assert_true(changes[1].type == REC_event && str_is(changes[1].record->id, "g/000001") &&
                changes[1].record->version == 0);
    assert_true(str_is(changes[2].record->id, "g/000002") && ((const struct event *)changes[2].record)->at == 3);

    workset_reset(w);
    assert_int_equal(workset_changes(w, &changes), 0);
    const struct rec_key *keys;
    assert_int_equal(workset_unfilled(w, &keys), 0);
    workset_destroy(w);
}

static void holds_many(void **state) {
    struct workset *w = workset_create();
    enum { MANY = 20000 };
    static char ids[MANY][32];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            snprintf(ids[i], sizeof(ids[i]), "p%d/live", i);
            workset_want(w, key(REC_account, ids[i]));
        }
        const struct rec_key *keys;
        assert_int_equal(workset_unfilled(w, &keys), MANY);
        for (int i = 0; i < MANY; i++) fill_account(w, ids[i], i);
        for (int i = 0; i < MANY; i += 2) {
            workset_begin(w);
            WS_EDIT(w, account, str_of(ids[i]))->held = 1;
            workset_keep(w);
        }
        for (int i = 0; i < MANY; i++) {
            const struct account *a = WS_GET(w, account, str_of(ids[i]));
            assert_true(a->available == i && a->held == (i % 2 == 0));
        }
        const struct rec_change *changes;
        assert_int_equal(workset_changes(w, &changes), MANY / 2);
        workset_reset(w);
    }
    workset_destroy(w);
}

static void describes_every_record(void **state) {
    for (int t = 0; t < REC_COUNT; t++) {
        const struct rec_info *info = rec_info((enum rec_type)t);
        size_t end = sizeof(struct rec_head);
        for (int i = 0; i < info->field_count; i++) { /* the fields follow the head without a gap */
            assert_int_equal(info->fields[i].offset, end);
            end += info->fields[i].kind == FIELD_STR ? sizeof(struct str) : sizeof(int64_t);
        }
        assert_int_equal(info->size, end);
    }
    const struct rec_info *info = rec_info(REC_account);
    assert_string_equal(info->table, "account");
    assert_int_equal(info->field_count, 5);
    assert_string_equal(info->fields[2].name, "available");
    assert_int_equal(info->fields[2].kind, FIELD_I64);
    assert_int_equal(info->fields[2].offset, offsetof(struct account, available));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_once_in_order),
        cmocka_unit_test(keeps_and_drops),
        cmocka_unit_test(holds_many),
        cmocka_unit_test(describes_every_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
