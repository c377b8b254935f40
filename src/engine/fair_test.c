/* Whose turn it is: told as who comes ("enter"), who ends ("leave") and who is expected next. */
#include "engine/fair.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { MANY = 40 };
struct work {
    struct fair_wait wait; /* first */
    char name[8];
};
struct bench {
    struct fair f;
    struct work work[MANY];
    int count;
};

static struct work *enter(struct bench *b, const char *project, const char *name) {
    struct work *w = &b->work[b->count++];
    snprintf(w->name, sizeof w->name, "%s", name);
    fair_enter(&b->f, str_of(project), &w->wait);
    return w;
}

static struct work *named(struct bench *b, const char *name) {
    for (int i = 0; i < b->count; i++)
        if (!strcmp(b->work[i].name, name)) return &b->work[i];
    fail_msg("no %s", name);
    return NULL;
}

/* All that have their turn now. */
static void begins(struct bench *b, const char *expected) {
    char seen[200] = "";
    for (struct fair_wait *w; (w = fair_next(&b->f));) snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%s", *seen ? " " : "", ((struct work *)w)->name);
    assert_string_equal(seen, expected);
}

static void ends(struct bench *b, const char *name, const char *expected) {
    fair_leave(&b->f, &named(b, name)->wait);
    begins(b, expected);
}

static void all_gone(struct bench *b) {
    for (int i = 0; i < b->count; i++) fair_leave(&b->f, &b->work[i].wait);
    assert_null(b->f.projects);
    assert_int_equal(b->f.inside + b->f.waiting, 0);
    fair_done(&b->f);
}

static void one_project_is_served_in_order(void **state) {
    struct bench b = {.f.places = 2};
    begins(&b, "");
    for (const char *const *n = (const char *const[]){"a1", "a2", "a3", "a4", NULL}; *n; n++) enter(&b, "a", *n);
    begins(&b, "a1 a2");
    ends(&b, "a2", "a3");
    ends(&b, "a1", "a4");
    ends(&b, "a3", "");
    all_gone(&b);
}

static void a_long_queue_of_one_does_not_hold_up_another(void **state) {
    struct bench b = {.f.places = 4};
    for (int i = 1; i <= 12; i++) {
        char name[8];
        snprintf(name, sizeof name, "a%d", i);
        enter(&b, "a", name);
    }
    begins(&b, "a1 a2 a3 a4");
    assert_int_equal(fair_before(&b.f, &named(&b, "a12")->wait), 7);
    struct work *first = enter(&b, "b", "b1"), *second = enter(&b, "b", "b2");
    assert_int_equal(fair_before(&b.f, &first->wait), 0);
    assert_int_equal(fair_before(&b.f, &second->wait), 0 + 1);
    assert_int_equal(fair_before(&b.f, &named(&b, "a5")->wait), 2);
    ends(&b, "a3", "b1");
    ends(&b, "a1", "b2");
    ends(&b, "b1", "a5"); /* a has two of the four places, b one and nothing that waits */
    ends(&b, "b2", "a6");
    all_gone(&b);
}

static void one_place_goes_round(void **state) {
    struct bench b = {.f.places = 1};
    for (const char *const *n = (const char *const[]){"a1", "a2", "a3", NULL}; *n; n++) enter(&b, "a", *n);
    begins(&b, "a1");
    for (const char *const *n = (const char *const[]){"b1", "b2", "c1", NULL}; *n; n++) enter(&b, (char[]){**n, 0}, *n);
    assert_int_equal(fair_before(&b.f, &named(&b, "b2")->wait), 1 + 1 + 1); /* b1, c1, a2 */
    ends(&b, "a1", "b1");
    ends(&b, "b1", "c1");
    ends(&b, "c1", "a2");
    ends(&b, "a2", "b2");
    ends(&b, "b2", "a3");
    all_gone(&b);
}

static void who_leaves_the_queue_makes_room(void **state) {
    struct bench b = {.f.places = 1};
    for (const char *const *n = (const char *const[]){"a1", "a2", "a3", "a4", NULL}; *n; n++) enter(&b, "a", *n);
    begins(&b, "a1");
    ends(&b, "a3", ""); /* from the middle */
    assert_int_equal(fair_before(&b.f, &named(&b, "a4")->wait), 1);
    ends(&b, "a2", ""); /* the first */
    assert_int_equal(fair_before(&b.f, &named(&b, "a4")->wait), 0);
    fair_leave(&b.f, &named(&b, "a2")->wait); /* once more: nothing */
    ends(&b, "a4", ""); /* the last */
    enter(&b, "a", "a5");
    ends(&b, "a1", "a5");
    all_gone(&b);
}

/* What fair_before says is what happens when each that begins ends only after all others have begun. */
static void the_order_told_is_the_order_kept(void **state) {
    for (unsigned seed = 1; seed <= 300; seed++) {
        struct bench b = {.f.places = 1 + seed % 3};
        unsigned r = seed * 2654435761u;
        for (int i = 0; i < MANY; i++) {
            r = r * 1664525u + 1013904223u;
            char name[8], project[2] = {(char)('a' + (r >> 24) % 4), 0};
            snprintf(name, sizeof name, "%d", i);
            enter(&b, project, name);
            if (i == MANY / 2)
                while (fair_next(&b.f)) {}
        }
        while (fair_next(&b.f)) {} /* all places are taken; now each turn is one place more */
        int64_t told[MANY], turn = 0;
        for (int i = 0; i < MANY; i++) told[i] = b.work[i].wait.inside ? -1 : fair_before(&b.f, &b.work[i].wait);
        for (struct fair_wait *w; b.f.places++, (w = fair_next(&b.f)); turn++) assert_int_equal(told[(struct work *)w - b.work], turn);
        all_gone(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_project_is_served_in_order), cmocka_unit_test(a_long_queue_of_one_does_not_hold_up_another),
        cmocka_unit_test(one_place_goes_round),           cmocka_unit_test(who_leaves_the_queue_makes_room),
        cmocka_unit_test(the_order_told_is_the_order_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
