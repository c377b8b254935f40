#include "engine/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Models with routes to descriptions of every sort, read from a folder; which of them has a key is the test's to say. */
static const char description[] =
    "provider: %s\ntitle: The %s service\nbase: https://%s.test\nstatus: %s\n%sauth: {scheme: %s}\nkey: {env: %s_KEY, about: a key}\nprotocol: sync\n"
    "submit: {path: /run}\noutputs: {files: url}\n";
static const struct { const char *name, *status, *more, *scheme; } providers[] = {
    {"one", "documented", "", "bearer"}, {"two", "verified", "", "bearer"}, {"open", "documented", "", "none"},
    {"guessed", "guess", "", "bearer"},  {"gone", "documented", "sunset: 2026-01-01\n", "bearer"},
};
static const char model[] = "slug: %s\nkind: image\ntitle: X\n%sinputs:\n  prompt: {type: text}\n  n: {type: int, default: 1, min: 1, max: 4}\n"
                            "price: {unit: call, rate_table: [{micros: 100}]}\nroutes: [%s]\n";
static const struct { const char *slug, *more, *routes; } models[] = {
    {"a/pair", "", "{provider: one, model: m1}, {provider: two, model: m2}"},
    {"a/open", "", "{provider: one, model: m1}, {provider: open, model: m3}"},
    {"a/guess", "", "{provider: guessed, model: m4}"},
    {"a/rough", "", "{provider: one, model: m5, status: guess}"},
    {"a/gone", "", "{provider: gone, model: m6}"},
    {"a/none", "", ""},
    {"a/ended", "ended: 2026-10-22\nsuccessor: a/pair\n", ""},
    {"a/over", "ended: 2026-10-22\n", ""},
    {"a/when", "", "{provider: one, model: m7, when: {n: 1}}, {provider: two, model: m8}"},
    {"a/single", "", "{provider: one, model: m7, when: {n: 1}}"},
    {"a/here", "", "{provider: local, model: sketch}"},
};
#define COUNT(list) (sizeof(list) / sizeof *(list))
/* of breakers and sunsets alike */
static const msec today = 1796000000000;

static struct bench {
    struct routes *r;
    struct catalog *c;
    struct providers *providers;
    const char *keys; /* names of those that have one, " a b " */
    struct why why;
} *bench;

__attribute__((format(printf, 2, 3))) static void write_file(const char *path, const char *format, ...) {
    FILE *f = fopen(path, "w");
    va_list args;
    assert_non_null(f);
    va_start(args, format);
    vfprintf(f, format, args);
    va_end(args);
    fclose(f);
}

static void read_catalog(struct bench *b) {
    char folder[] = "/tmp/puras-route-XXXXXX", path[100];
    const char *folders[] = {folder};
    struct problems p = {};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/providers", folder);
    mkdir(path, 0700);
    for (size_t i = 0; i < COUNT(providers); i++) {
        const char *n = providers[i].name;
        snprintf(path, sizeof path, "%s/providers/%s.yaml", folder, n);
        write_file(path, description, n, n, n, providers[i].status, providers[i].more, providers[i].scheme, n);
    }
    for (size_t i = 0; i < COUNT(models); i++) {
        snprintf(path, sizeof path, "%s/%zu.yaml", folder, i);
        write_file(path, model, models[i].slug, models[i].more, models[i].routes);
    }
    if (catalog_read(folders, 1, &p, &b->c) || providers_compile(b->c, &p, &b->providers)) fail_msg("%.*s", STR_ARG(buf_view(&p.text)));
    problems_done(&p);
    for (size_t i = 0; i < COUNT(providers); i++) {
        snprintf(path, sizeof path, "%s/providers/%s.yaml", folder, providers[i].name);
        unlink(path);
    }
    for (size_t i = 0; i < COUNT(models); i++) {
        snprintf(path, sizeof path, "%s/%zu.yaml", folder, i);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/providers", folder);
    rmdir(path);
    rmdir(folder);
}

static int set_up(void **state) {
    *state = bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    bench->r = routes_create();
    bench->keys = " one two guessed gone ";
    read_catalog(bench);
    return 0;
}

static int tear_down(void **state) {
    routes_destroy(bench->r);
    providers_destroy(bench->providers);
    catalog_destroy(bench->c);
    free(bench);
    return 0;
}

static bool has_key(void *self, const struct provider_info *p) {
    char word[64];
    snprintf(word, sizeof word, " %.*s ", STR_ARG(p->name));
    return strstr(bench->keys, word) != NULL;
}

static struct route_ask ask_of(const char *slug, msec now) {
    struct route_ask ask = {.model = catalog_find(bench->c, str_of(slug)), .providers = bench->providers, .has_key = has_key, .now = now};
    assert_non_null(ask.model);
    return ask;
}

/* The route's name, "busy" behind it when its breaker is open, or the error's name. */
static const char *picked(const struct route_ask *ask) {
    static char text[80];
    const struct route_spec *route;
    bool busy;
    bench->why = (struct why){};
    err e = routes_pick(bench->r, ask, &bench->why, &route, &busy);
    if (e) return err_name(e);
    snprintf(text, sizeof text, "%.*s%s", STR_ARG(route->model), busy ? " busy" : "");
    return text;
}

static const char *pick(const char *slug) {
    struct route_ask ask = ask_of(slug, today);
    return picked(&ask);
}

static void each_bar_has_its_answer(void **state) {
    static const struct { const char *slug, *keys, *answer, *says; } cases[] = {
        {"a/pair", " one two ", "m1", ""},
        {"a/pair", " two ", "m2", ""},
        {"a/pair", "", "E_NO_PROVIDER_KEY", "`puras providers set-key one` or with one_KEY"},
        {"a/pair", "", "E_NO_PROVIDER_KEY", "A key of two would do as well."},
        {"a/open", "", "m3", ""},
        {"a/guess", " guessed ", "E_NO_ROUTE", "a test key does"},
        {"a/rough", " one ", "E_NO_ROUTE", "a test key does"},
        {"a/gone", " gone ", "E_NO_ROUTE", "has ended the interface"},
        {"a/none", "", "E_NO_ROUTE", "nothing here can run it"},
        {"a/ended", "", "E_NO_ROUTE", "on 2026-10-22; a/pair takes its place"},
        {"a/over", "", "E_NO_ROUTE", "was ended by its provider on 2026-10-22"},
        {"a/here", "", "sketch", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        bench->keys = cases[i].keys;
        const char *answer = pick(cases[i].slug);
        if (strcmp(answer, cases[i].answer) || !strstr(bench->why.detail, cases[i].says)) fail_msg("%s with '%s': %s: %s", cases[i].slug, cases[i].keys, answer, bench->why.detail);
        if (bench->why.code && !strstr(bench->why.detail, "Nothing was charged")) fail_msg("%s: %s", cases[i].slug, bench->why.detail);
    }
}

static void a_sunset_counts_from_its_day_on(void **state) {
    struct route_ask before = ask_of("a/gone", 1767225600000LL - 1), last = ask_of("a/gone", 1767225600000LL + MS_DAY - 1), after = ask_of("a/gone", 1767225600000LL + MS_DAY);
    assert_string_equal(picked(&before), "m6");
    assert_string_equal(picked(&last), "m6");
    assert_string_equal(picked(&after), "E_NO_ROUTE");
}

static void pauses_hold_what_they_name(void **state) {
    routes_pause(bench->r, STR("provider/one"), true);
    routes_pause(bench->r, STR("provider/one"), true);
    assert_string_equal(pick("a/pair"), "m2");
    routes_pause(bench->r, STR("provider/two"), true);
    assert_string_equal(pick("a/pair"), "E_NO_ROUTE");
    assert_non_null(strstr(bench->why.detail, "has paused The one service"));
    routes_pause(bench->r, STR("provider/one"), false);
    assert_string_equal(pick("a/pair"), "m1");
    routes_pause(bench->r, STR("model/a/pair"), true);
    assert_string_equal(pick("a/pair"), "E_NO_ROUTE");
    assert_string_equal(pick("a/open"), "m1");
    assert_true(routes_paused(bench->r, "provider", STR("two")) && !routes_paused(bench->r, "provider", STR("one")) && !routes_paused(bench->r, "provider", STR("tw")));
    routes_pause(bench->r, STR("model/a/pair"), false);
    assert_string_equal(pick("a/pair"), "m1");
}

static void a_route_for_some_calls_is_taken_for_those(void **state) {
    struct arena a = {};
    struct json *one, *two;
    assert_int_equal(json_parse(STR("{\"n\":1}"), &a, NULL, &one), OK);
    assert_int_equal(json_parse(STR("{\"n\":2}"), &a, NULL, &two), OK);
    struct route_ask ask = ask_of("a/when", today), single = ask_of("a/single", today);
    assert_string_equal(picked(&ask), "m7");
    ask.inputs = one;
    assert_string_equal(picked(&ask), "m7");
    ask.inputs = two;
    assert_string_equal(picked(&ask), "m8");
    single.inputs = two;
    assert_string_equal(picked(&single), "E_NO_ROUTE");
    assert_non_null(strstr(bench->why.detail, "with these inputs"));
    arena_done(&a);
}

static void a_route_that_refused_our_key_is_not_tried_again(void **state) {
    struct attempt attempts[] = {{.provider = STR("one"), .route = STR("m1"), .failure = STR("transient")}, {.provider = STR("one"), .route = STR("m1"), .failure = STR("auth")},
                                 {.provider = STR("two"), .route = STR("m2"), .failure = STR("quota")}};
    const struct attempt *tried[] = {&attempts[0], &attempts[1], &attempts[2]};
    static const char *const answers[] = {"m1", "m2", "m2", "E_NO_ROUTE"};
    struct route_ask ask = ask_of("a/pair", today);
    ask.tried = tried;
    for (size_t n = 0; n <= 3; n++) {
        ask.tried_count = n;
        assert_string_equal(picked(&ask), answers[n]);
    }
    ask.tried_count = 0;
    assert_true(routes_another(bench->r, &ask, STR("one"), STR("m1")));
    assert_false(routes_another(bench->r, &ask, STR("two"), STR("m2")));
    ask.tried_count = 3;
    assert_false(routes_another(bench->r, &ask, STR("one"), STR("m1")));
    attempts[1].failure = attempts[2].failure = STR("gone"); /* the model is not there any more */
    assert_string_equal(picked(&ask), "E_NO_ROUTE");
    attempts[1].failure = attempts[2].failure = STR("transient"); /* all were tried and may do it by now: from the first again */
    assert_string_equal(picked(&ask), "m1");
    ask.tried_count = 0;
    routes_rest(bench->r, STR("one"), today + 1000); /* it asks to be left alone: the other one, unless there is none */
    assert_string_equal(picked(&ask), "m2");
    ask.now += 1000;
    assert_string_equal(picked(&ask), "m1");
    ask.now -= 1000;
    routes_rest(bench->r, STR("two"), today + 1000);
    assert_string_equal(picked(&ask), "m1");
    struct route_ask only = ask_of("a/gone", 0);
    assert_false(routes_another(bench->r, &only, STR("gone"), STR("m6")));
}

static void tell(const char *name, enum failure f, int times, msec now) {
    while (times--) routes_tell(bench->r, str_of(name), STR("m1"), f, STR("what it said"), now);
}

static bool is_open(const char *name) {
    struct route_health h;
    for (size_t i = 0; routes_health(bench->r, i, &h); i++)
        if (str_is(h.provider, name)) return h.open;
    return false;
}

static void breakers_open_by_what_the_provider_caused(void **state) {
    static const struct { enum failure f; bool opens; } cases[] = {
        {FAIL_CALLER, false}, {FAIL_MODERATION, false}, {FAIL_AUTH, true}, {FAIL_QUOTA, true}, {FAIL_RATE_LIMIT, true}, {FAIL_TRANSIENT, true}, {FAIL_GONE, true},
        {FAIL_UNCLASSIFIED, false}, {FAIL_OUTPUT_LOST, false}, {FAIL_NONE, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char name[16];
        snprintf(name, sizeof name, "p%zu", i);
        tell(name, cases[i].f, 4, today);
        assert_false(is_open(name));
        tell(name, cases[i].f, 1, today);
        if (is_open(name) != cases[i].opens) fail_msg("%s", failure_name(cases[i].f));
    }
}

static void five_of_the_last_twenty(void **state) {
    for (int i = 0; i < 10; i++) { /* every fifth fails: four of twenty */
        tell("one", FAIL_NONE, 4, today);
        tell("one", FAIL_TRANSIENT, 1, today);
    }
    assert_false(is_open("one"));
    tell("one", FAIL_CALLER, 30, today); /* says nothing */
    tell("one", FAIL_NONE, 3, today);
    assert_false(is_open("one"));
    tell("one", FAIL_TRANSIENT, 1, today);
    assert_true(is_open("one"));
    tell("two", FAIL_TRANSIENT, 4, today);
    tell("two", FAIL_NONE, 17, today);
    tell("two", FAIL_TRANSIENT, 1, today); /* the first of them has left the window */
    assert_false(is_open("two"));
}

static void one_probe_in_ten_seconds_and_a_good_one_closes(void **state) {
    msec t = today;
    tell("one", FAIL_TRANSIENT, 5, t);
    assert_string_equal(pick("a/pair"), "m2"); /* the next route meanwhile */
    bench->keys = " one ";
    assert_string_equal(pick("a/pair"), "m1 busy"); /* there is none: it may wait */
    assert_false(routes_gate(bench->r, STR("one"), STR("m1"), t + 9999));
    assert_int_equal(routes_gate_opens(bench->r, STR("one"), STR("m1")), t + 10000);
    struct route_ask then = ask_of("a/pair", t + 10000);
    assert_string_equal(picked(&then), "m1");
    assert_true(routes_gate(bench->r, STR("one"), STR("m1"), t + 10000));
    assert_false(routes_gate(bench->r, STR("one"), STR("m1"), t + 10000)); /* one */
    assert_string_equal(picked(&then), "m1 busy");
    tell("one", FAIL_TRANSIENT, 1, t + 11000);
    assert_true(is_open("one"));
    assert_true(routes_gate(bench->r, STR("one"), STR("m1"), t + 20000));
    tell("one", FAIL_NONE, 1, t + 21000);
    assert_false(is_open("one"));
    assert_true(routes_gate(bench->r, STR("one"), STR("m1"), t + 21000) && routes_gate(bench->r, STR("one"), STR("m1"), t + 21000));
    tell("one", FAIL_TRANSIENT, 4, t + 22000); /* what was before the probe is forgotten */
    assert_false(is_open("one"));
    assert_true(routes_gate(bench->r, STR("one"), STR("m2"), t)); /* another route of the same provider has its own */
}

static void health_is_shown(void **state) {
    struct route_health h;
    assert_false(routes_health(bench->r, 0, &h));
    tell("one", FAIL_NONE, 3, today);
    tell("one", FAIL_AUTH, 2, today + 5);
    assert_true(routes_health(bench->r, 0, &h) && !routes_health(bench->r, 1, &h));
    assert_true(str_is(h.provider, "one") && str_is(h.model, "m1") && h.failures == 2 && h.seen == 5 && h.told == 5 && h.failed[FAIL_AUTH] == 2 && h.failed[FAIL_NONE] == 3);
    routes_cost(bench->r, STR("one"), STR("m1"), 100, 120);
    routes_cost(bench->r, STR("one"), STR("m1"), 1, INT64_MAX);
    assert_true(routes_health(bench->r, 0, &h) && h.cost_declared == 101 && h.cost_reported == INT64_MAX);
    assert_true(h.last == FAIL_AUTH && str_is(h.last_detail, "what it said") && h.failed_at == today + 5);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(each_bar_has_its_answer), T(a_sunset_counts_from_its_day_on), T(pauses_hold_what_they_name), T(a_route_for_some_calls_is_taken_for_those),
        T(a_route_that_refused_our_key_is_not_tried_again), T(breakers_open_by_what_the_provider_caused), T(five_of_the_last_twenty),
        T(one_probe_in_ten_seconds_and_a_good_one_closes), T(health_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
