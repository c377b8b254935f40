/* Steps on threads, when more of them come than the queue of their pool takes. */
#include "engine/remote_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

enum { STEPS = 12, QUEUE = 2 };

static struct {
    struct loop *loop;
    struct remote *r;
    struct pool *pools[2];
    struct errand errands[STEPS];
    pthread_mutex_t gate; /* held: no step goes on */
    int worked, then[STEPS], thens;
} rig;

static void work(struct errand *e) {
    pthread_mutex_lock(&rig.gate);
    rig.worked++;
    pthread_mutex_unlock(&rig.gate);
}

static void then(struct errand *e) {
    rig.then[rig.thens++] = (int)(e - rig.errands);
    if (rig.thens == STEPS) loop_stop(rig.loop);
}

static void think(void *arg) {
    for (int i = 0; i < STEPS; i++) errand_think(&rig.errands[i], rig.pools[i % 2], work, then);
    assert_non_null(rig.r->steps); /* the queues are full, the rest waits outside */
    pthread_mutex_unlock(&rig.gate);
}

static int begin(void **state) {
    memset(&rig, 0, sizeof rig);
    must(!pthread_mutex_init(&rig.gate, NULL));
    rig.loop = loop_create();
    rig.r = remote_create(&(struct remote_options){.loop = rig.loop, .public_url = "http://127.0.0.1:9000"});
    for (int i = 0; i < 2; i++) rig.pools[i] = pool_create(rig.loop, "test", 1, QUEUE);
    for (int i = 0; i < STEPS; i++) rig.errands[i].r = rig.r;
    return 0;
}

static int end(void **state) {
    for (int i = 0; i < 2; i++) pool_destroy(rig.pools[i]);
    remote_destroy(rig.r);
    loop_destroy(rig.loop);
    return 0;
}

/* None is lost and none done twice; those of one pool keep their order. */
static void steps_wait_for_a_place(void **state) {
    pthread_mutex_lock(&rig.gate);
    loop_post(rig.loop, think, NULL);
    loop_run(rig.loop);
    assert_int_equal(rig.worked, STEPS);
    assert_null(rig.r->steps);
    int last[2] = {-1, -1};
    for (int i = 0; i < STEPS; i++) {
        int n = rig.then[i];
        assert_true(n > last[n % 2]);
        last[n % 2] = n;
        assert_int_equal(rig.errands[n].jobs, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(steps_wait_for_a_place, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
