/* jq programs in their child: results, numbers, what is refused, and what happens to a child that breaks. Started with the path of puras-jq. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "jq/jq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

static const char *program_path;

struct rig {
    struct jq *jq;
    struct arena a;
    struct why why;
    struct str out;
};

static int begin(void **state) {
    struct rig *r = calloc(1, sizeof *r);
    must(r && jq_start(&(struct jq_options){.program = program_path}, &r->why, &r->jq) == OK);
    *state = r;
    return 0;
}

static int end(void **state) {
    struct rig *r = *state;
    jq_stop(r->jq);
    arena_done(&r->a);
    free(r);
    return 0;
}

static err run(struct rig *r, const char *program, const char *input) {
    r->why = (struct why){0};
    r->out = (struct str){0};
    return jq_run(r->jq, str_of(program), str_of(input), &r->a, &r->why, &r->out);
}

struct row {
    const char *program, *input, *output;
};

static void gives(struct rig *r, const struct row *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        err e = run(r, rows[i].program, rows[i].input);
        if (e) fail_msg("%s on %s: %s", rows[i].program, rows[i].input, why_text(&r->why));
        if (!str_is(r->out, rows[i].output)) fail_msg("%s on %s: %.*s instead of %s", rows[i].program, rows[i].input, STR_ARG(r->out), rows[i].output);
    }
}

static void results(void **state) {
    static const struct row rows[] = {
        {".", "null", "null\n"},
        {"", "[1,true,\"x\"]", "[1,true,\"x\"]\n"},
        {".a.b[1]", "{\"a\":{\"b\":[1,\"zwei\"]}}", "\"zwei\"\n"},
        {".[]", "[1,2,3]", "1\n2\n3\n"},
        {"empty", "1", ""},
        {".rest + {d: (.d | tostring)}", "{\"rest\":{\"p\":\"it \\u00e4\\n\"},\"d\":5}", "{\"p\":\"it \xc3\xa4\\n\",\"d\":\"5\"}\n"},
        {". as $x | {a: $x.b}", "{\"b\":[]}", "{\"a\":[]}\n"},
        {".b, .a", "{\"a\":1,\"b\":2}", "2\n1\n"},
        {"[.[] | select(.type == \"video\") | .url]", "[{\"type\":\"video\",\"url\":\"u\"},{\"type\":\"audio\"}]", "[\"u\"]\n"},
        {"$ENV | length", "1", "0\n"},
        {"\"\\u0000\"", "1", "\"\xef\xbf\xbd\"\n"},
        {"nan, infinite, -infinite", "1", "null\n1.7976931348623157e+308\n-1.7976931348623157e+308\n"},
        {"1, try error(\"x\") catch ., 3", "1", "1\n\"x\"\n3\n"},
        {"@base64, @uri", "\"a b\"", "\"YSBi\"\n\"a%20b\"\n"},
        {"test(\"^a+b\")", "\"aaab\"", "true\n"},
    };
    gives(*state, rows, sizeof rows / sizeof *rows);
}

static void numbers(void **state) {
    static const struct row rows[] = {
        {".", "9007199254740993", "9007199254740993\n"},
        {".", "[9007199254740992,9007199254740993,-9007199254740993]", "[9007199254740992,9007199254740993,-9007199254740993]\n"},
        {".id", "{\"id\":12345678901234567890123456789}", "12345678901234567890123456789\n"},
        {"{ref: .id, text: \"job-\\(.id)\", s: (.id | tostring)}", "{\"id\":1234567890123456789}",
         "{\"ref\":1234567890123456789,\"text\":\"job-1234567890123456789\",\"s\":\"1234567890123456789\"}\n"},
        {"{(.id | tostring): 1}", "{\"id\":1234567890123456789}", "{\"1234567890123456789\":1}\n"},
        {".id | tonumber", "{\"id\":9007199254740993}", "9007199254740992\n"},
        {". + 1, . * 2, . / 2", "5", "6\n10\n2.5\n"},
        {".", "[0.1,1.10,5.0,1e2,1E-7,-0,0.30000000000000004]", "[0.1,1.1,5,100,1e-07,0,0.30000000000000004]\n"},
        {".", "[0.1234567890123456789,0.1234567890123456788]", "[0.1234567890123456789,0.1234567890123456788]\n"},
        {".x * 2", "{\"x\":0.25000000000000000001}", "0.5\n"},
        {".x", "{\"x\":3.00000000000000000000001}", "3.00000000000000000000001\n"},
        {".", "[1e400,-1e400,1e-400]", "[1e400,-1e400,1e-400]\n"},
        {".[0] + .[1]", "[9007199254740991,1]", "9007199254740992\n"},
        {"type", "9007199254740993", "\"string\"\n"},
        {"[.[] | . < 1000]", "[1,999,1000]", "[true,true,false]\n"},
        /* Foreign text that looks like a mark is text. */
        {".", "\"\xef\xb7\x90" "12\xef\xb7\x91\"", "\"\xef\xbf\xbd" "12\xef\xbf\xbd\"\n"},
        {".", "{\"\\ufdd0" "1\":\"\xef\xb7\x8f\"}", "{\"\xef\xbf\xbd" "1\":\"\xef\xb7\x8f\"}\n"},
    };
    struct rig *r = *state;
    gives(r, rows, sizeof rows / sizeof *rows);
    assert_int_equal(run(r, ". + 1", "100000000000000000001"), E_DESCRIPTION); /* no silent rounding */
}

/* A string that lies elsewhere passes through whole, or not at all; nobody else's text becomes one. */
static void spooled(void **state) {
#define NODE "{\"$spool\":7,\"bytes\":2000000,\"head\":\"data:image/png;base64,iVBO\"}"
    static const struct row rows[] = {
        {".", NODE, NODE "\n"},
        {".data[].b64", "{\"data\":[{\"b64\":" NODE "}]}", NODE "\n"},
        {"type, startswith(\"data:image/\")", NODE, "\"string\"\ntrue\n"},
        {"[.. | strings]", "[" NODE ",{\"$spool\":8,\"bytes\":70000,\"head\":\"\"}]", "[" NODE ",{\"$spool\":8,\"bytes\":70000,\"head\":\"\"}]\n"},
        {".", "{ \"$spool\":7,\"bytes\":2000000,\"head\":\"x\"}", "{\"\\u0024spool\":7,\"bytes\":2000000,\"head\":\"x\"}\n"},
        {"{\"$spool\": 1}", "1", "{\"\\u0024spool\":1}\n"},
        {"length > 0", NODE, "true\n"},
    };
    struct rig *r = *state;
    gives(r, rows, sizeof rows / sizeof *rows);
    static const char *const bad[] = {"\"x\" + .", ".[5:]", "{(.): 1}", "ltrimstr(\"data:image/png;base64,\")", "\"\\(.)\\(.)\"", "tojson"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (run(r, bad[i], NODE) != E_DESCRIPTION) fail_msg("%s: %.*s", bad[i], STR_ARG(r->out));
        assert_non_null(strstr(why_text(&r->why), "over 64 KB"));
    }
}

static void failures(void **state) {
    static const struct {
        const char *program, *input;
        err e;
        const char *says;
    } rows[] = {
        {".a | |", "1", E_DESCRIPTION, "does not compile: syntax error"},
        {"nosuch(1)", "1", E_DESCRIPTION, "nosuch/1 is not defined"},
        {"$nosuch", "1", E_DESCRIPTION, "not defined"},
        {".a", "1", E_DESCRIPTION, "failed: Cannot index number with"},
        {"error(\"own words\\nmore\")", "1", E_DESCRIPTION, "failed: own words."},
        {"error({a: 1})", "1", E_DESCRIPTION, "failed: {\"a\":1}"},
        {"halt_error", "1", E_DESCRIPTION, "failed"},
        {"input", "1", E_DESCRIPTION, "failed"},
        {".", "{\"a\":1,\"a\":2}", E_BAD_JSON, "twice"},
        {".", "", E_BAD_JSON, "empty"},
        {"import \"a\" as a; .", "1", E_DESCRIPTION, "does not compile"},
        {"range(1e9) | \"long enough to be past the bound on length well before that on time, also on a machine that is busy with others\"", "1", E_LIMIT, "results are longer than"},
        {"[limit(70; repeat([.]))] | reduce range(100) as $i (.; [.])", "1", E_LIMIT, "too deep"},
    };
    struct rig *r = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        err e = run(r, rows[i].program, rows[i].input);
        if (e != rows[i].e || !strstr(why_text(&r->why), rows[i].says)) fail_msg("%s: %s: %s", rows[i].program, err_name(e), why_text(&r->why));
        assert_true(str_is_utf8(str_of(r->why.detail)));
        assert_int_equal(run(r, ".", "1"), OK);
    }
    assert_int_equal(jq_stats(r->jq).restarts, 0);
    assert_int_equal(jq_stats(r->jq).failures, sizeof rows / sizeof *rows);
}

/* Time, memory and libjq's own assertions end the child; the next call has another. */
static void breaks(void **state) {
    struct rig *r = *state;
    assert_int_equal(run(r, "def f: f; f", "1"), E_DESCRIPTION);
    assert_non_null(strstr(why_text(&r->why), "longer than 100 ms"));
    assert_int_equal(run(r, "1 | until(false; . + 1)", "1"), E_DESCRIPTION);
    assert_int_equal(run(r, "\"x\" * 1e9 | length", "1"), E_DESCRIPTION);
    assert_int_equal(run(r, ".", "1"), OK);
    assert_true(jq_stats(r->jq).restarts >= 3);
}

static void bounds(void **state) {
    struct rig *r = *state;
    struct buf big = {};
    buf_c(&big, '"');
    while (big.len < LIMIT_JQ_BYTES - 1) buf_c(&big, 'x');
    buf_c(&big, '"');
    assert_int_equal(jq_run(r->jq, STR("length"), buf_view(&big), &r->a, &r->why, &r->out), OK);
    assert_true(str_is(r->out, "1048574\n"));
    assert_int_equal(jq_run(r->jq, STR("."), buf_view(&big), &r->a, &r->why, &r->out), E_LIMIT); /* with its newline it is one too long */
    assert_int_equal(jq_run(r->jq, STR(".[1:]"), buf_view(&big), &r->a, &r->why, &r->out), OK);
    assert_int_equal(r->out.len, LIMIT_JQ_BYTES);
    buf_c(&big, ' ');
    assert_int_equal(jq_run(r->jq, STR("length"), buf_view(&big), &r->a, &r->why, &r->out), E_LIMIT);
    big.len = LIMIT_JQ_PROGRAM_BYTES + 1;
    assert_int_equal(jq_run(r->jq, buf_view(&big), STR("1"), &r->a, &r->why, &r->out), E_LIMIT);
    buf_done(&big);
}

/* More programs than are kept: the oldest go, all of them run. */
static void cache(void **state) {
    struct rig *r = *state;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < LIMIT_JQ_PROGRAMS + 20; i += round ? 7 : 1) {
            char text[64], want[32];
            snprintf(text, sizeof text, "[.[] | . + %d] | length", i);
            snprintf(want, sizeof want, "2\n");
            assert_int_equal(run(r, text, "[1,2]"), OK);
            assert_true(str_is(r->out, want));
        }
}

static void *caller(void *arg) {
    struct jq *j = arg;
    struct arena a = {0};
    for (int i = 0; i < 300; i++) {
        struct str out;
        char input[32], want[32];
        snprintf(input, sizeof input, "{\"n\":%d}", i);
        snprintf(want, sizeof want, "%d\n", i + 1);
        arena_reset(&a);
        if (i % 100 == 50) must(jq_run(j, STR("def f: f; f"), STR("1"), &a, NULL, &out) == E_DESCRIPTION);
        must(jq_run(j, STR(".n + 1"), str_of(input), &a, NULL, &out) == OK);
        must(str_is(out, want));
    }
    arena_done(&a);
    return NULL;
}

static void threads(void **state) {
    struct rig *r = *state;
    pthread_t t[4];
    for (int i = 0; i < 4; i++) must(pthread_create(&t[i], NULL, caller, r->jq) == 0);
    for (int i = 0; i < 4; i++) must(pthread_join(t[i], NULL) == 0);
    assert_int_equal(jq_stats(r->jq).failures, 12);
}

static void *endless(void *arg) {
    struct jq *j = arg;
    struct arena a = {0};
    struct str out;
    while (jq_run(j, STR("[range(20000)] | length"), STR("1"), &a, NULL, &out) != E_UNAVAILABLE) arena_reset(&a);
    arena_done(&a);
    return NULL;
}

/* Stopping ends calls under way and those that wait. */
static void stops(void **state) {
    struct jq *j = NULL;
    pthread_t t[5];
    must(jq_start(&(struct jq_options){.program = program_path}, NULL, &j) == OK);
    for (int i = 0; i < 5; i++) must(pthread_create(&t[i], NULL, endless, j) == 0);
    while (jq_stats(j).runs < 20) sched_yield();
    jq_stop(j);
    for (int i = 0; i < 5; i++) must(pthread_join(t[i], NULL) == 0);
}

/* The child of this process that is puras-jq. */
static pid_t child_pid(void) {
    char path[64], text[64] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    _cleanup_(fclosep) FILE *f = fopen(path, "r");
    if (!f || !fgets(text, sizeof text, f)) return 0;
    return (pid_t)strtol(text, NULL, 10);
}

/* One that was killed while nobody used it costs nobody his call. */
static void killed_idle(void **state) {
    struct rig *r = *state;
    assert_int_equal(run(r, ".", "1"), OK);
    pid_t pid = child_pid();
    assert_true(pid > 0);
    kill(pid, SIGKILL);
    siginfo_t info;
    must(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    assert_int_equal(run(r, ".", "1"), OK);
    assert_int_equal(jq_stats(r->jq).restarts, 1);
    assert_int_equal(jq_stats(r->jq).failures, 0);
}

/* What the child may not have: environment, files, other descriptors, more of anything. */
static void walls(void **state) {
    struct rig *r = *state;
    char path[64], text[8192];
    assert_int_equal(run(r, ".", "1"), OK);
    pid_t pid = child_pid();
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    must(fd >= 0);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    must(n > 0);
    text[n] = 0;
    assert_non_null(strstr(text, "Seccomp:\t2"));
    assert_non_null(strstr(text, "NoNewPrivs:\t1"));
    assert_non_null(strstr(text, "Threads:\t1\n"));
    assert_int_equal(run(r, "[env, $ENV]", "1"), OK);
    assert_true(str_is(r->out, "[{},{}]\n"));
}

static void words(void **state) {
    static const char *const fine[] = {
        "", ".", ".input", ".a.env", "{input: 1, env}", "{a: 1, debug: 2}", "\"input $ENV debug\"", "# env\n.", "\"\\\\(input\"", ".[\"input\"]",
        "{\"env\": 1}", ". as $input | $input", "\"\\(.input)\"", "@base64 \"x\\(.env)\"", "if .a then {input: 1} else . end", "inputs_of", "{(.a): .input}",
        "{a: (1, 2), include: .x}", "{\"a\\(1)\": 1, input}", ".a? // {import: 1}", "def f(x): x; f(.stderr)",
    };
    static const struct { const char *program, *word; } bad[] = {
        {"input", "input,"}, {"[inputs]", "inputs"}, {"env.HOME", "env"}, {"$ENV.PATH", "$ENV"}, {"$ # x\n ENV", "$ENV"}, {"include \"a\"; .", "include"},
        {"import \"a\" as a; .", "import"}, {"input_line_number", "input_line_number"}, {"debug", "debug"}, {". | debug(\"x\")", "debug"}, {"stderr", "stderr"},
        {"{a: input}", "input"}, {"{(input): 1}", "input"}, {"\"\\(input)\"", "input"}, {"\"a\\(\"b\\(env)\")\"", "env"}, {"{a: if . then 1, env else 2 end}", "env"},
        {"{\"\\(input)\": 1}", "input"}, {"[{a: 1}, input]", "input"}, {"{a: [1, input]}", "input"}, {"\"#\" | input", "input"}, {"{a:1} | input", "input"},
        {"halt", "halt"}, {"now", "now"}, {"modulemeta", "modulemeta"}, {"{a: (.b, {c: 1}, input)}", "input"}, {". input", "input"}, {"..|env", "env"},
    };
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        struct why why = {0};
        if (jq_check(str_of(fine[i]), &why)) fail_msg("%s: %s", fine[i], why_text(&why));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct why why = {0};
        if (jq_check(str_of(bad[i].program), &why) != E_DESCRIPTION || !strstr(why_text(&why), bad[i].word)) fail_msg("%s passed: %s", bad[i].program, why_text(&why));
    }
    char deep[600];
    memset(deep, '[', sizeof deep);
    assert_int_equal(jq_check(str_n(deep, sizeof deep), NULL), E_DESCRIPTION);
}

static void not_there(void **state) {
    struct jq *j = NULL;
    struct why why = {0};
    assert_int_equal(jq_start(&(struct jq_options){.program = "/nowhere/puras-jq"}, &why, &j), E_UNAVAILABLE);
    assert_null(j);
    assert_non_null(strstr(why_text(&why), "/nowhere/puras-jq"));
    jq_stop(NULL);
}

int main(int argc, char **argv) {
    if (argc < 2) return printf("jq_test PURAS-JQ\n"), 2;
    program_path = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(results, begin, end),  cmocka_unit_test_setup_teardown(numbers, begin, end),
        cmocka_unit_test_setup_teardown(spooled, begin, end),
        cmocka_unit_test_setup_teardown(failures, begin, end), cmocka_unit_test_setup_teardown(breaks, begin, end),
        cmocka_unit_test_setup_teardown(bounds, begin, end),   cmocka_unit_test_setup_teardown(cache, begin, end),
        cmocka_unit_test_setup_teardown(threads, begin, end),  cmocka_unit_test(stops),
        cmocka_unit_test_setup_teardown(killed_idle, begin, end), cmocka_unit_test_setup_teardown(walls, begin, end),
        cmocka_unit_test(words), cmocka_unit_test(not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
