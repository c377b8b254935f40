/* Many requests that are due at once start in turns, so that nobody else waits for all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "io/loop.h"
#include "io/upstream.h"

#include <uv.h>

struct turns {
    struct loop *loop;
    int done, wanted, in_turn, most, turns;
};
static void count_done(void *arg, const struct upstream_answer *a) {
    struct turns *t = arg;
    assert_int_equal(a->code, E_EGRESS);
    t->in_turn++;
    if (++t->done == t->wanted) loop_stop(t->loop);
}
static void count_turn(uv_check_t *check) {
    struct turns *t = check->data;
    if (t->in_turn > t->most) t->most = t->in_turn;
    t->turns += t->in_turn > 0;
    t->in_turn = 0;
}

static void a_crowd_starts_in_turns(void **state) {
    struct turns t = {.loop = loop_create(), .wanted = 300};
    struct upstream_options o = {.loop = t.loop};
    struct upstream *up = upstream_create(&o);
    uv_check_t check = {.data = &t};
    uv_check_init(loop_uv(t.loop), &check);
    uv_check_start(&check, count_turn);
    struct upstream_ask ask = {.policy = EGRESS_TENANT, .method = STR("GET"), .url = STR("http://127.0.0.1:9/"), .timeout = 10000, .done = count_done, .arg = &t};
    for (int i = 0; i < t.wanted; i++) upstream_send(up, &ask);
    loop_run(t.loop);
    assert_int_equal(t.done, t.wanted);
    if (t.in_turn > t.most) t.most = t.in_turn;
    if (t.most > 64 || t.turns < 4) fail_msg("%d in one turn, %d turns", t.most, t.turns);
    uv_close((uv_handle_t *)&check, NULL);
    upstream_destroy(up);
    loop_flush(t.loop);
    loop_destroy(t.loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_crowd_starts_in_turns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
