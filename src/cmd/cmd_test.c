/* The parts of the command line that need no server: options, near names, inputs, text for people. */
#include "cmd/cli.h"
#include "cmd/inputs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
    const char *line; /* arguments behind the name, separated by blanks */
    bool goes_on;
    int status, args;
    bool flag;
    const char *text;
    int64_t number;
    int list;
} PARSES[] = {
    {"", true, 0, 0, false, NULL, 7, 0},
    {"a b", true, 0, 2, false, NULL, 7, 0},
    {"-f a", true, 0, 1, true, NULL, 7, 0},
    {"a --flag b", true, 0, 2, true, NULL, 7, 0},
    {"--text x a", true, 0, 1, false, "x", 7, 0},
    {"--text=x=y a", true, 0, 1, false, "x=y", 7, 0},
    {"-tx -f", true, 0, 0, true, "x", 7, 0},
    {"-ft x", true, 0, 0, true, "x", 7, 0},
    {"--number 12", true, 0, 0, false, NULL, 12, 0},
    {"-i a=1 -i b=2 -ic=3", true, 0, 0, false, NULL, 7, 3},
    {"-- -f --flag", true, 0, 2, false, NULL, 7, 0},
    {"-", true, 0, 1, false, NULL, 7, 0},
    {"--number -1", false, 2, 0, false, NULL, 7, 0},
    {"--number 1x", false, 2, 0, false, NULL, 7, 0},
    {"--text", false, 2, 0, false, NULL, 7, 0},
    {"--flag=1", false, 2, 0, false, NULL, 7, 0},
    {"--flga", false, 2, 0, false, NULL, 7, 0},
    {"-x", false, 2, 0, false, NULL, 7, 0},
    {"a b c", false, 2, 0, false, NULL, 7, 0},
    {"--help", false, 0, 0, false, NULL, 7, 0},
    {"--help=man", false, 0, 0, false, NULL, 7, 0},
    {"--help=potato", false, 2, 0, false, NULL, 7, 0},
};

static void options_are_read(void **state) {
    for (size_t i = 0; i < sizeof PARSES / sizeof *PARSES; i++) {
        struct arena a = {0};
        bool flag = false;
        const char *text = NULL;
        int64_t number = 7;
        struct words list = {0}, args = {0};
        const struct opt opts[] = {{'f', "flag", NULL, "", .flag = &flag}, {'t', "text", "T", "", .text = &text}, {0, "number", "N", "", .number = &number}, {'i', "input", "K=V", "", .list = &list}, {0}};
        const struct usage u = {"test", "", opts, 0, 2};
        char line[100], *argv[12] = {(char[]){"test"}}, *rest = line, *word;
        int argc = 1, status = 0;
        snprintf(line, sizeof line, "%s", PARSES[i].line);
        while ((word = strsep(&rest, " ")))
            if (*word) argv[argc++] = word;
        bool on = cli_parse(&u, argc, argv, &a, &args, &status);
        if (on != PARSES[i].goes_on) fail_msg("\"%s\" %s", PARSES[i].line, on ? "was taken" : "was refused");
        if (!on) assert_int_equal(status, PARSES[i].status);
        else {
            assert_int_equal(args.count, PARSES[i].args);
            assert_int_equal(flag, PARSES[i].flag);
            assert_int_equal(number, PARSES[i].number);
            assert_int_equal(list.count, PARSES[i].list);
            if (PARSES[i].text) assert_string_equal(text, PARSES[i].text);
            else assert_null(text);
        }
        arena_done(&a);
    }
}

static void near_names_are_found(void **state) {
    static const char *const names[] = {"run", "quote", "models", "generations", "keys"};
    static const char *const cases[][2] = {{"rum", "run"}, {"rnu", "run"}, {"qoute", "quote"}, {"model", "models"}, {"gen", "generations"}, {"kyes", "keys"}, {"banana", NULL}, {"x", NULL}};
    struct arena a = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *near = near_words(cases[i][0], names, 5, &a);
        if (cases[i][1]) assert_string_equal(near, cases[i][1]);
        else assert_null(near);
    }
    arena_done(&a);
}

static void inputs_become_json(void **state) {
    static const struct { const char *inputs[3]; const char *json; } cases[] = {
        {{NULL}, "{\"model\":\"m\",\"inputs\":{}"},
        {{"prompt=two red bicycles"}, "{\"model\":\"m\",\"inputs\":{\"prompt\":\"two red bicycles\"}"},
        {{"n=5", "audio=true"}, "{\"model\":\"m\",\"inputs\":{\"n\":5,\"audio\":true}"},
        {{"n=\"5\"", "list=[1,\"a\"]"}, "{\"model\":\"m\",\"inputs\":{\"n\":\"5\",\"list\":[1,\"a\"]}"},
        {{"d=5s", "e="}, "{\"model\":\"m\",\"inputs\":{\"d\":\"5s\",\"e\":\"\"}"},
        {{"p=a=b", "q=@@home"}, "{\"model\":\"m\",\"inputs\":{\"p\":\"a=b\",\"q\":\"@home\"}"},
        {{"big=12345678901234567890123"}, "{\"model\":\"m\",\"inputs\":{\"big\":12345678901234567890123}"},
        {{"bad=[1,"}, "{\"model\":\"m\",\"inputs\":{\"bad\":\"[1,\"}"},
        {{"novalue"}, NULL}, {{"=x"}, NULL}, {{"a=1", "a=2"}, NULL}, {{"a=@/nowhere/at/all"}, NULL}, {{"a=\xff"}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct words w = {(const char **)cases[i].inputs, 0};
        while (w.count < 3 && cases[i].inputs[w.count]) w.count++;
        struct buf b = {0};
        struct why why = {0};
        err e = inputs_body("m", &w, &b, &why);
        if (cases[i].json) {
            assert_int_equal(e, OK);
            assert_string_equal(b.ptr, cases[i].json);
        } else {
            assert_int_equal(e, E_INVALID);
            assert_true(strlen(why.detail) > 10);
        }
        buf_done(&b);
    }
}

static void text_is_safe(void **state) {
    static const char *const cases[][2] = {{"plain", "plain"}, {"\x1b[2Jred", "?[2Jred"}, {"a\nb", "a b"}, {"\xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac"},
                                           {"bad \xff", "bad ?"}, {"c1 \xc2\x9b", "c1 ??"}};
    struct arena a = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_string_equal(safe_text(&a, str_of(cases[i][0])), cases[i][1]);
    assert_string_equal(amount_text(&a, 672000), "0.672 USD (672000 micros)");
    assert_string_equal(bytes_text(&a, 999), "999 B");
    assert_string_equal(bytes_text(&a, 1234567), "1.2 MB");
    assert_string_equal(time_text(&a, "2026-11-22T08:30:00.123Z"), "2026-11-22 08:30:00");
    arena_done(&a);
}

static void tables_line_up(void **state) {
    static const char *const titles[] = {"name", ">n"};
    struct arena a = {0};
    struct table t = {.a = &a, .columns = 2, .titles = titles};
    for (int i = 0; i < 40; i++) table_add(&t, (const char *const[]){i ? "b" : "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", i ? "10" : "5"});
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    /* a memory stream has no descriptor, so it is no terminal and nothing is cut */
    table_print(&t, f);
    fclose(f);
    struct str top = STR("name    n\n\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4   5\nb      10\n");
    assert_memory_equal(text, top.ptr, top.len);
    free(text);
    arena_done(&a);
}

/* Every format has every option and verb, quoted as its reader wants it. */
static void one_table_is_told_five_ways(void **state) {
    static const struct { const char *format, *holds[5]; } cases[] = {
        {"text", {"usage: puras pets ls | put FILE", "-o, --out FILE", "it's \\ here", "--help"}},
        {"man", {".SS puras pets\n", "\\fB\\-o\\fR, \\fB\\-\\-out\\fR \\fIFILE\\fR\nit\\(aqs \\e here\n", "\\fB\\-\\-dry\\-run\\fR\n", "\n\\&.Keeps pets.\n"}},
        {"bash", {"pets) ", "options='-o --out --dry-run -h --help'", "values=' -o --out '", "verbs='ls put get'", "from='files'"}},
        {"zsh", {"'--out:it'\\''s \\ here'", "values=(-o --out )", "verbs=(ls put get)", "'--dry-run:nothing is done'"}},
        {"fish", {"-s o -l out -r -F -d 'it\\'s \\\\ here'", "-l dry-run -d", "-a 'ls put get'"}},
    };
    const char *text = NULL;
    bool flag = false;
    const struct opt opts[] = {{'o', "out", "FILE", "it's \\ here", .text = &text}, {0, "dry-run", NULL, "nothing is done", .flag = &flag}, {0}};
    const struct usage u = {"pets ls | put FILE [--dry-run] | [get NAME] | -o FILE | NAME", ".Keeps pets.", opts, 0, 1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *told = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&told, &size);
        assert_true(usage_print(&u, cases[i].format, f));
        fclose(f);
        for (int h = 0; h < 5 && cases[i].holds[h]; h++)
            if (!strstr(told, cases[i].holds[h])) fail_msg("%s: no %s in\n%s", cases[i].format, cases[i].holds[h], told);
        free(told);
    }
    assert_false(usage_print(&u, "potato", stdout));
}

/* Every status that an error can end with is explained once. */
static void exit_statuses_are_explained(void **state) {
    for (int e = 0; e < ERR_COUNT; e++) {
        int found = 0;
        for (int i = 0; i < exit_count; i++) found += exit_table[i].status == err_info((err)e)->exit_status;
        if (found != 1) fail_msg("status %d of %s stands %d times in the list", err_info((err)e)->exit_status, err_info((err)e)->code, found);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(options_are_read), cmocka_unit_test(near_names_are_found), cmocka_unit_test(inputs_become_json),
                                       cmocka_unit_test(text_is_safe), cmocka_unit_test(tables_line_up),
                                       cmocka_unit_test(one_table_is_told_five_ways), cmocka_unit_test(exit_statuses_are_explained)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
