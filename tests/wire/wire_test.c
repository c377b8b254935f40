/* Every wire test of the tree, against the shipped catalog, with programs run by the real child.
 *   wire_test [--lint] SOURCE_DIR PURAS_JQ [FILE...]                                                     */
#include "base/cleanup.h"
#include "jq/jq.h"
#include "provider/wire.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    struct jq *jq;
    struct catalog *catalog;
    struct providers *providers;
    struct evaluator ev;
    struct problems problems;
    struct wire_count count;
    int files;
};

static err evaluate(void *self, struct str program, struct str input, struct arena *a, struct why *why, struct str *out) {
    return jq_run(self, program, input, a, why, out);
}

static bool read_whole(const char *path, struct buf *out) {
    _cleanup_(fclosep) FILE *f = fopen(path, "r");
    if (!f) return false;
    for (size_t n = 1; n;) {
        buf_reserve(out, 65536);
        n = fread(out->ptr + out->len, 1, 65536, f);
        out->len += n;
    }
    return true;
}

static void run_file(struct run *r, const char *path) {
    struct buf text = {};
    if (!read_whole(path, &text)) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(2);
    }
    r->files++;
    if (wire_run(r->providers, r->catalog, str_of(path), buf_view(&text), &r->ev, &r->problems, &r->count)) must(r->problems.count);
    buf_done(&text);
}

static int wanted(const struct dirent *e) { return e->d_name[0] != '.'; }

static void run_folder(struct run *r, const char *path, int depth) {
    struct dirent **list;
    int n = scandir(path, &list, wanted, alphasort);
    for (int i = 0; i < n; i++) {
        char below[PATH_MAX];
        snprintf(below, sizeof below, "%s/%s", path, list[i]->d_name);
        if (str_ends(str_of(below), STR(".yaml"))) run_file(r, below);
        else if (depth == 0 && list[i]->d_type == DT_DIR) run_folder(r, below, depth + 1);
        free(list[i]);
    }
    if (n >= 0) free(list);
}

static int report(struct run *r) {
    fprintf(stderr, "%.*s", STR_ARG(buf_view(&r->problems.text)));
    printf("%d files, %d tests, %d steps, %d problems\n", r->files, r->count.tests, r->count.steps, r->problems.count);
    return r->problems.count != 0;
}

int main(int argc, char **argv) {
    struct run r = {};
    struct why why = {};
    bool lint = argc > 1 && !strcmp(argv[1], "--lint");
    if (lint) argv++, argc--;
    if (argc < 3) return fprintf(stderr, "usage: wire_test [--lint] SOURCE_DIR PURAS_JQ [FILE...]\n"), 2;
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s/catalog", argv[1]);
    const char *folders[] = {folder};
    if (jq_start(&(struct jq_options){.program = argv[2]}, &why, &r.jq)) return fprintf(stderr, "%s\n", why_text(&why)), 2;
    r.ev = (struct evaluator){evaluate, r.jq};
    err e = catalog_read(folders, 1, &r.problems, &r.catalog);
    if (!e) e = providers_compile(r.catalog, &r.problems, &r.providers);
    if (!e && lint) e = providers_lint(r.providers, r.catalog, &r.ev, (struct str){}, (struct str){}, &r.problems);
    char tests[PATH_MAX];
    snprintf(tests, sizeof tests, "%s/tests/wire", argv[1]);
    if (!e && !lint) {
        for (int i = 3; i < argc; i++) run_file(&r, argv[i]);
        if (argc == 3) run_folder(&r, tests, 0);
    }
    int status = report(&r);
    providers_destroy(r.providers);
    catalog_destroy(r.catalog);
    problems_done(&r.problems);
    jq_stop(r.jq);
    return status || (!e && !lint && !r.count.tests);
}
