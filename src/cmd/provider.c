/* puras provider check: a description, its routes and its wire tests, without a network. try and record: provider_try.c. */
#include "cmd/provider.h"

#include "base/cleanup.h"
#include "catalog/yaml.h"
#include "provider/wire.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

enum { FOLDERS_MAX = 17 };

bool read_whole_file(const char *path, size_t most, struct buf *out) {
    _cleanup_(fclosep) FILE *f = fopen(path, "rb");
    size_t n = 1;
    while (f && n && out->len <= most) {
        buf_reserve(out, 65536);
        n = fread(out->ptr + out->len, 1, 65536, f);
        out->len += n;
    }
    return f && !ferror(f) && out->len <= most;
}

bool described_read(struct described *d, const char *file, const struct words *catalogs, struct arena *a) {
    const char *folders[FOLDERS_MAX];
    size_t n = 0;
    char shipped[PATH_MAX];
    struct why why = {};
    struct provider_doc doc;
    _cleanup_(buf_done) struct buf text = {};
    if (!read_whole_file(file, YAML_FILE_MAX, &text)) {
        buf_printf(&d->problems.text, "%s: the file cannot be read, or is larger than %d bytes.\n", file, YAML_FILE_MAX);
        d->problems.count++;
        return false;
    }
    if (shipped_catalog(shipped, sizeof shipped)) folders[n++] = arena_strz(a, str_of(shipped));
    for (int i = 0; i < catalogs->count && n < FOLDERS_MAX; i++) folders[n++] = catalogs->at[i];
    err e = catalog_read_provider(str_of(file), buf_view(&text), a, &d->problems, &doc);
    if (!e) e = catalog_read_with(folders, n, str_of(file), buf_view(&text), &d->problems, &d->catalog);
    if (!e) e = providers_compile(d->catalog, &d->problems, &d->providers);
    if (e) return false;
    d->provider = providers_find(d->providers, doc.name);
    if (jq_start(&(struct jq_options){.children = 1}, &why, &d->jq)) {
        buf_printf(&d->problems.text, "%s: %s\n", file, why_text(&why));
        d->problems.count++;
        return false;
    }
    d->ev = proof_evaluator(d->jq);
    return true;
}

void described_done(struct described *d) {
    providers_destroy(d->providers);
    catalog_destroy(d->catalog);
    jq_stop(d->jq);
    problems_done(&d->problems);
}

/* --- check --- */

static void run_tests(struct described *d, const char *folder, struct wire_count *count) {
    struct dirent **list;
    int n = scandir(folder, &list, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX];
        _cleanup_(buf_done) struct buf text = {};
        snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
        bool test = list[i]->d_name[0] != '.' && str_ends(str_of(path), STR(".yaml"));
        if (test && !read_whole_file(path, YAML_FILE_MAX, &text)) {
            buf_printf(&d->problems.text, "%s: the file cannot be read.\n", path);
            d->problems.count++;
        } else if (test && wire_run(d->providers, d->catalog, str_of(path), buf_view(&text), &d->ev, &d->problems, count)) {
            must(d->problems.count);
        }
        free(list[i]);
    }
    if (n >= 0) free(list);
    else {
        buf_printf(&d->problems.text, "%s: the folder cannot be read.\n", folder);
        d->problems.count++;
    }
}

/* The tests of a folder, or of the one in it that is named for the provider, as tests/wire is laid out. */
static void run_folder(struct described *d, const char *folder, struct wire_count *count) {
    char below[PATH_MAX / 2];
    snprintf(below, sizeof below, "%s/%.*s", folder, STR_ARG(provider_info(d->provider)->name));
    run_tests(d, access(below, F_OK) == 0 ? below : folder, count);
}

static void check_json(const struct described *d, const struct wire_count *count) {
    struct buf b = {};
    struct jw w = {.out = &b};
    struct str rest = buf_view(&d->problems.text), one;
    jw_open(&w, '{');
    jw_kbool(&w, "ok", !d->problems.count);
    if (d->provider) jw_kstr(&w, "provider", provider_info(d->provider)->name);
    jw_ki64(&w, "tests", count->tests);
    jw_ki64(&w, "steps", count->steps);
    jw_key(&w, "problems");
    jw_open(&w, '[');
    while (rest.len) {
        str_cut(rest, '\n', &one, &rest);
        if (one.len) jw_str(&w, one);
    }
    jw_close(&w, ']');
    jw_close(&w, '}');
    cli_print_raw(buf_view(&b));
    buf_done(&b);
}

static int check(struct cli *c, const char *file, const struct words *catalogs, const struct words *wires) {
    struct described d = {};
    struct wire_count count = {};
    if (described_read(&d, file, catalogs, &c->a)) {
        if (!providers_lint(d.providers, d.catalog, &d.ev, (struct str){}, provider_info(d.provider)->name, &d.problems))
            for (int i = 0; i < wires->count; i++) run_folder(&d, wires->at[i], &count);
    }
    int problems = d.problems.count;
    if (c->json) check_json(&d, &count);
    else {
        if (d.problems.text.len) fprintf(stderr, "%.*s", STR_ARG(buf_view(&d.problems.text)));
        if (problems) fprintf(stderr, "puras: %d problem%s\n", problems, problems == 1 ? "" : "s");
        else if (wires->count && !count.tests) printf("%s: no problems, but there is no wire test (a .yaml file) in what --wire names\n", file);
        else if (wires->count) printf("%s: no problems; %d tests with %d steps passed\n", file, count.tests, count.steps);
        else printf("%s: no problems; no wire tests were asked for (--wire DIR)\n", file);
    }
    described_done(&d);
    return problems ? err_info(E_INVALID)->exit_status : 0;
}

/* --- all of them --- */

int cmd_provider(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    struct words args, wires = {0};
    struct try_options o = {.timeout_s = 1800};
    const struct opt opts[] = {
        {'c', "catalog", "DIR", "a folder of models beside the shipped ones (repeatable)", .list = &o.catalogs},
        {'w', "wire", "DIR", "check: run the wire tests of this folder (repeatable)", .list = &wires},
        {'i', "input", "KEY=VALUE", "try, record: an input; KEY=@FILE hands a file over where the model takes one (repeatable)", .list = &o.inputs},
        {'m', "model", "NAME", "try, record: which of the slug's routes to this provider", .text = &o.model},
        {'o', "output", "FILE", "try: where the first output goes; record: where the test goes", .text = &o.output},
        {'t', "timeout", "SECONDS", "try, record: how long to wait for the result (default: 1800)", .number = &o.timeout_s},
        {0, "json", NULL, "check: print the findings as JSON", .flag = &c.json},
        {0}};
    const struct usage u = {"provider check FILE [--wire DIR]... | provider try FILE SLUG [-i KEY=VALUE]... | provider record FILE SLUG -o TEST [-i KEY=VALUE]... | provider status",
                            "check reads a description as a server would, proves its routes, and runs wire tests, all without a network.\n"
                            "try makes one real call, which the provider may charge for, and shows every message; the key is read from the\n"
                            "environment variable that the description names, and is masked. record writes that call as a wire test. status is `puras providers`.",
                            opts, 2, 3};
    int status;
    if (argc > 1 && !strcmp(argv[1], "status")) return cmd_providers(argc - 1, argv + 1);
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    bool record = !strcmp(args.at[0], "record");
    o.file = args.at[1];
    if (!strcmp(args.at[0], "check")) {
        if (args.count != 2) return cli_say(&c, E_INVALID, "`puras provider check` takes one FILE.");
        return check(&c, o.file, &o.catalogs, &wires);
    }
    if (!record && strcmp(args.at[0], "try") != 0)
        return cli_say(&c, E_INVALID, "There is no `puras provider %s`; there are check, try, record and status.", args.at[0]);
    if (args.count != 3) return cli_say(&c, E_INVALID, "`puras provider %s` takes a FILE and a SLUG.", args.at[0]);
    if (record && !o.output) return cli_say(&c, E_INVALID, "`puras provider record` needs -o FILE, where the test goes.");
    o.slug = args.at[2];
    if (record) {
        o.record = o.output;
        o.output = NULL;
    }
    return provider_try(&c, &o);
}
