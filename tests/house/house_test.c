/* Executes the house rules: one test per rule on the project's tree, and one per rule on tests/house/bad, a tree that breaks
 * each of them once, so that no rule can pass by looking away. */
#include "house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct trees {
    struct finding *good, *bad;
};

/* What tests/house/bad must yield, no more and no less. */
static const struct {
    enum house_rule rule;
    const char *file;
    int line;
} EXPECTED[] = {
    {RULE_INCLUDE, "src/core/include.c", 2},      {RULE_INCLUDE, "src/core/include.c", 3},      {RULE_INCLUDE, "src/io/cycle.h", 2},
    {RULE_INCLUDE, "src/http/cycle.h", 3},        {RULE_CYCLE, "src", 0},
    {RULE_SQL, "src/engine/sql.c", 1},            {RULE_SQL, "src/engine/sql.c", 3},            {RULE_SQL, "src/engine/sql.c", 4},
    {RULE_SQL, "src/engine/sql.c", 6},            {RULE_SQL, "src/engine/sql.c", 8},
    {RULE_CLOCK, "src/core/clock.c", 4},          {RULE_CLOCK, "src/core/clock.c", 5},
    {RULE_BANNED, "src/base/banned.c", 5},        {RULE_BANNED, "src/base/banned.c", 6},
    {RULE_FILE_SIZE, "src/base/long_file.c", 0},  {RULE_FUNCTION, "src/base/long_function.c", 1},
    {RULE_SQL_WORD, "src/store/words.c", 2},      {RULE_SQL_WORD, "src/store/words.c", 3},      {RULE_SQL_WORD, "src/store/words.c", 4},
    {RULE_PATH, "docs/path.md", 3},               {RULE_ROOM, "src/attic", 0},                  {RULE_ROOM, "src/attic", 0},
    {RULE_GUARD, "src/base/guard.h", 1},          {RULE_UNFINISHED, "src/base/unfinished.c", 1},
    {RULE_LIMITS, "docs/LIMITS.md", 0},
};
enum { EXPECTED_COUNT = sizeof EXPECTED / sizeof *EXPECTED };

static void print(const struct finding *f) {
    fprintf(stderr, "%s:%d: [%s] %s\n", f->file, f->line, house_rule_name(f->rule), f->text);
}

static int count(const struct finding *f, enum house_rule rule, bool show) {
    int n = 0;
    for (; f; f = f->next) {
        if (f->rule != rule) continue;
        n++;
        if (show) print(f);
    }
    return n;
}

struct one {
    struct trees *trees;
    enum house_rule rule;
};

static void tree_keeps(void **state) {
    const struct one *o = *state;
    assert_int_equal(count(o->trees->good, o->rule, true), 0);
}

static void bad_is_seen(void **state) {
    const struct one *o = *state;
    int expected = 0;
    for (int i = 0; i < EXPECTED_COUNT; i++) {
        if (EXPECTED[i].rule != o->rule) continue;
        expected++;
        bool seen = false;
        for (const struct finding *f = o->trees->bad; f && !seen; f = f->next)
            seen = f->rule == o->rule && f->line == EXPECTED[i].line && strcmp(f->file, EXPECTED[i].file) == 0;
        if (!seen) fail_msg("%s:%d breaks [%s] and was not seen", EXPECTED[i].file, EXPECTED[i].line, house_rule_name(o->rule));
    }
    assert_true(expected > 0);
    int seen = count(o->trees->bad, o->rule, false);
    if (seen != expected) count(o->trees->bad, o->rule, true);
    assert_int_equal(seen, expected);
}

/* A tree without documents, and exceptions that nothing needs. */
static void strict_is_seen(void **state) {
    const struct one *o = *state;
    assert_true(count(o->trees->bad, o->rule, false) > 0);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: house_test SOURCE_TREE\n");
        return 2;
    }
    struct arena a = {0};
    struct trees trees = {.good = house_check(argv[1], true, &a)};
    trees.bad = house_check(arena_printf(&a, "%s/tests/house/bad", argv[1]).ptr, true, &a);

    struct CMUnitTest tests[2 * RULE_COUNT];
    struct one ones[RULE_COUNT];
    for (int r = 0; r < RULE_COUNT; r++) {
        ones[r] = (struct one){.trees = &trees, .rule = (enum house_rule)r};
        const char *name = house_rule_name((enum house_rule)r);
        bool strict = r == RULE_DOCS || r == RULE_EXCEPTION;
        tests[2 * r] = (struct CMUnitTest){.name = arena_printf(&a, "tree_keeps_%s", name).ptr, .test_func = tree_keeps, .initial_state = &ones[r]};
        tests[2 * r + 1] = (struct CMUnitTest){.name = arena_printf(&a, "bad_%s_is_seen", name).ptr,
                                               .test_func = strict ? strict_is_seen : bad_is_seen,
                                               .initial_state = &ones[r]};
    }
    int failed = _cmocka_run_group_tests("house", tests, 2 * RULE_COUNT, NULL, NULL);
    arena_done(&a);
    return failed;
}
