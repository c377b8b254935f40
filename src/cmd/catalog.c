/* puras catalog lint: reads catalog folders as a server would and says what is wrong, with file and line. */
#include "catalog/catalog.h"
#include "base/cleanup.h"
#include "cmd/cli.h"
#include "cmd/proof.h"

#include <limits.h>
#include <sys/stat.h>

/* What is no fault and should be said all the same: a route that costs money and does not say what is known of it has the status of its description,
 * which was written for other models. One line each. */
static void advise(const struct catalog *catalog, struct buf *out) {
    for (size_t i = 0; i < catalog_count(catalog); i++) {
        const struct model *m = catalog_model(catalog, i);
        for (size_t k = 0; k < m->route_count; k++) {
            const struct route_spec *r = &m->routes[k];
            if (r->status.len || !json_get(r->raw, "cost")) continue;
            buf_printf(out, "%.*s:%d: the route to %.*s states a cost and no `status`: verified, documented or guess; it has that of the description.\n", STR_ARG(m->file), r->line,
                       STR_ARG(r->provider));
        }
    }
}

static void lines_json(struct jw *w, const char *name, struct str text) {
    struct str one;
    jw_key(w, name);
    jw_open(w, '[');
    while (text.len) {
        str_cut(text, '\n', &one, &text);
        if (one.len) jw_str(w, one);
    }
    jw_close(w, ']');
}

static void lint_json(bool ok, const struct problems *p, struct str advice, const struct catalog *catalog, struct buf *out) {
    struct jw w = {.out = out};
    jw_open(&w, '{');
    jw_kbool(&w, "ok", ok);
    jw_ki64(&w, "models", catalog ? (int64_t)catalog_count(catalog) : 0);
    jw_ki64(&w, "providers", catalog ? (int64_t)catalog_provider_count(catalog) : 0);
    if (catalog) jw_kstr(&w, "sha256", catalog_sha256(catalog));
    lines_json(&w, "problems", buf_view(&p->text));
    lines_json(&w, "advice", advice);
    jw_close(&w, '}');
}

static int lint(struct cli *c, const char *const *folders, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        if (stat(folders[i], &st) != 0 || !S_ISDIR(st.st_mode)) return cli_say(c, E_NOT_FOUND, "%s is not a folder.", folders[i]);
    }
    struct problems p = {0};
    struct catalog *catalog = NULL;
    err e = catalog_prove(folders, n, NULL, &p, &catalog);
    bool ok = e == OK && p.count == 0;
    _cleanup_(buf_done) struct buf json = {0}, advice = {0};
    if (ok) advise(catalog, &advice);
    if (c->json) {
        lint_json(ok, &p, buf_view(&advice), catalog, &json);
        cli_print_raw(buf_view(&json));
    } else {
        if (advice.len) fprintf(stderr, "%.*s", STR_ARG(buf_view(&advice)));
        if (p.text.len) fprintf(stderr, "%.*s", STR_ARG(buf_view(&p.text)));
        if (ok) printf("%zu models, %zu providers, no problems; version %.12s\n", catalog_count(catalog), catalog_provider_count(catalog), catalog_sha256(catalog).ptr);
        else fprintf(stderr, "puras: %d problem%s\n", p.count, p.count == 1 ? "" : "s");
    }
    catalog_destroy(catalog);
    problems_done(&p);
    return ok ? 0 : err_info(e ? e : E_INVALID)->exit_status;
}

int cmd_catalog(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    struct words args;
    const struct opt opts[] = {{0, "json", NULL, "print the findings as JSON", .flag = &c.json}, {0}};
    const struct usage u = {"catalog lint [DIR]... [--json]",
                            "Checks catalog folders as a server would read them, without a server; without DIR the shipped one.\n"
                            "Several folders are read as one catalog, as with `puras serve --catalog`.",
                            opts, 1, -1};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    if (strcmp(args.at[0], "lint") != 0) return cli_say(&c, E_INVALID, "There is no `puras catalog %s`; there is `puras catalog lint`.", args.at[0]);
    if (args.count > 1) return lint(&c, args.at + 1, (size_t)args.count - 1);
    char shipped[PATH_MAX];
    if (!shipped_catalog(shipped, sizeof shipped)) return cli_say(&c, E_NOT_FOUND, "The shipped catalog is not beside this program; name a folder.");
    return lint(&c, (const char *const[]){shipped}, 1);
}
