/* puras projects and puras keys: for admin keys. */
#include "base/cleanup.h"
#include "cmd/cli.h"

static int projects_list(struct cli *c) {
    const struct json *j;
    int status = cli_get(c, "/v1/projects", &j);
    if (status || !j) return status;
    static const char *const titles[] = {"project", "name", "created", ">runs", ">waiting", ">running", ">drive"};
    struct table t = {.a = &c->a, .columns = 7, .titles = titles};
    const struct json *rows = json_get(j, "projects");
    for (const struct json *p = rows ? rows->child : NULL; p; p = p->next) {
        const char *cells[] = {jtext(&c->a, p, "id"), jtext(&c->a, p, "name"), time_text(&c->a, jtext(&c->a, p, "created_at")), jtext(&c->a, p, "generations"),
                               jtext(&c->a, p, "pending"), jtext(&c->a, p, "running"), bytes_text(&c->a, jint(p, "drive_bytes"))};
        table_add(&t, cells);
    }
    table_print(&t, stdout);
    return 0;
}

static int projects_create(struct cli *c, const char *name) {
    _cleanup_(buf_done) struct buf body = {0};
    struct jw w = {.out = &body};
    jw_open(&w, '{');
    jw_kz(&w, "name", name);
    jw_close(&w, '}');
    struct client_reply reply;
    int status = cli_call(c, "POST", "/v1/projects", buf_view(&body), false, &reply);
    if (status) return status;
    if (c->json) cli_print_raw(reply.body);
    else {
        const char *id = jtext(&c->a, reply.json, "id");
        printf("%s\nnext: puras keys create --kind live --project %s, then puras top-up 10 --project %s\n", id, id, id);
    }
    return 0;
}

int cmd_projects(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    struct words args;
    const struct opt opts[] = {{0, "json", NULL, "print the server's answer", .flag = &c.json}, {0}};
    const struct usage u = {"projects [create NAME] [--json]", "Lists projects, or creates one. A project has its own keys, credit and drive. Needs an admin key.", opts, 0, 2};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    bool create = args.count && !strcmp(args.at[0], "create");
    if (args.count && (!create || args.count != 2)) return cli_say(&c, E_INVALID, "usage: puras %s", u.synopsis);
    status = cli_connect(&c, true);
    if (status) return status;
    return create ? projects_create(&c, args.at[1]) : projects_list(&c);
}

static int keys_list(struct cli *c, const char *project) {
    _cleanup_(buf_done) struct buf path = {0};
    buf_z(&path, "/v1/keys");
    if (project) {
        buf_z(&path, "?project=");
        url_add_value(&path, str_of(project));
    }
    const struct json *j;
    int status = cli_get(c, path.ptr, &j);
    if (status || !j) return status;
    static const char *const titles[] = {"prefix", "kind", "name", "project", "created", "revoked"};
    struct table t = {.a = &c->a, .columns = 6, .titles = titles};
    const struct json *rows = json_get(j, "keys");
    for (const struct json *k = rows ? rows->child : NULL; k; k = k->next) {
        const char *cells[] = {jtext(&c->a, k, "prefix"), jtext(&c->a, k, "kind"), jtext(&c->a, k, "name"), jtext(&c->a, k, "project_id"),
                               time_text(&c->a, jtext(&c->a, k, "created_at")), time_text(&c->a, jtext(&c->a, k, "revoked_at"))};
        table_add(&t, cells);
    }
    table_print(&t, stdout);
    return 0;
}

static int keys_create(struct cli *c, const char *project, const char *kind, const char *name) {
    _cleanup_(buf_done) struct buf body = {0};
    struct jw w = {.out = &body};
    jw_open(&w, '{');
    jw_kz(&w, "kind", kind);
    if (project) jw_kz(&w, "project", project);
    if (name) jw_kz(&w, "name", name);
    jw_close(&w, '}');
    struct client_reply reply;
    int status = cli_call(c, "POST", "/v1/keys", buf_view(&body), false, &reply);
    if (status) return status;
    if (c->json) cli_print_raw(reply.body);
    else {
        printf("%s\n", jtext(&c->a, reply.json, "key"));
        fputs("puras: this is the only time the whole key is shown.\n", stderr);
    }
    return 0;
}

static int keys_revoke(struct cli *c, const char *prefix) {
    _cleanup_(buf_done) struct buf path = {0};
    buf_z(&path, "/v1/keys/");
    url_add_value(&path, str_of(prefix));
    struct client_reply reply;
    int status = cli_call(c, "DELETE", path.ptr, STR(""), false, &reply);
    if (status) return status;
    if (c->json) cli_print_raw(reply.body);
    else printf("revoked %s\n", prefix);
    return 0;
}

/* A whole key pasted in place of its prefix: puras_live_<prefix>.<secret> */
static const char *prefix_of(struct arena *a, const char *text) {
    struct str head, rest, t = str_of(text);
    if (!str_starts(t, STR("puras_"))) return text;
    str_cut(t, '.', &head, &rest);
    for (size_t i = head.len; i > 0; i--)
        if (head.ptr[i - 1] == '_') return arena_strz(a, str_skip(head, i));
    return text;
}

int cmd_keys(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    struct words args;
    const char *project = NULL, *kind = "live", *name = NULL;
    const struct opt opts[] = {
        {'p', "project", "ID", "whose keys (default the key's own project)", .text = &project},
        {'k', "kind", "KIND", "create: live, test or admin (live)", .text = &kind},
        {'n', "name", "TEXT", "create: a name for people", .text = &name},
        {0, "json", NULL, "print the server's answer", .flag = &c.json},
        {0},
    };
    const struct usage u = {"keys [list | create [--kind KIND] [--name TEXT] | revoke PREFIX] [--project ID] [--json]",
                            "Lists, creates and revokes keys. A live key spends the live book, a test key the test book, an admin key\n"
                            "manages projects, keys and credit. A key is shown whole once, when it is created. Needs an admin key.",
                            opts, 0, 2};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    const char *verb = args.count ? args.at[0] : "list";
    bool revoke = !strcmp(verb, "revoke"), create = !strcmp(verb, "create");
    if ((!revoke && !create && strcmp(verb, "list") != 0) || args.count > 1 + revoke || (revoke && args.count < 2))
        return cli_say(&c, E_INVALID, "usage: puras %s", u.synopsis);
    status = cli_connect(&c, true);
    if (status) return status;
    if (create) return keys_create(&c, project, kind, name);
    return revoke ? keys_revoke(&c, prefix_of(&c.a, args.at[1])) : keys_list(&c, project);
}
