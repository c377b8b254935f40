/* puras projects and puras keys: for admin keys. */
#include "base/cleanup.h"
#include "cmd/cli.h"

static int projects_list(struct cli *c) {
    const struct json *j;
    int status = cli_get(c, "/v1/projects", &j);
    if (status || !j) return status;
    static const char *const titles[] = {"project", "name", "created", ">runs", ">waiting", ">running", ">drive", ">test drive"};
    struct table t = {.a = &c->a, .columns = 8, .titles = titles};
    const struct json *rows = json_get(j, "projects");
    for (const struct json *p = rows ? rows->child : NULL; p; p = p->next) {
        const char *cells[] = {jtext(&c->a, p, "id"), jtext(&c->a, p, "name"), time_text(&c->a, jtext(&c->a, p, "created_at")), jtext(&c->a, p, "generations"),
                               jtext(&c->a, p, "pending"), jtext(&c->a, p, "running"), bytes_text(&c->a, jint(p, "drive_bytes")), bytes_text(&c->a, jint(p, "test_drive_bytes"))};
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

/* Limits as they were given; -1: not at all. */
struct limits {
    int64_t run, drive, days;
};

static int projects_set(struct cli *c, const char *id, const struct limits *l) {
    _cleanup_(buf_done) struct buf body = {0}, path = {0};
    struct jw w = {.out = &body};
    jw_open(&w, '{');
    if (l->run >= 0) jw_ki64(&w, "run_limit", l->run);
    if (l->drive >= 0) jw_ki64(&w, "drive_limit", l->drive);
    if (l->days >= 0) jw_ki64(&w, "retention_days", l->days);
    jw_close(&w, '}');
    buf_z(&path, "/v1/projects/");
    url_add_value(&path, str_of(id));
    struct client_reply reply;
    int status = cli_call(c, "PATCH", path.ptr, buf_view(&body), false, &reply);
    if (status) return status;
    if (c->json) cli_print_raw(reply.body);
    else printf("set %s\n", id);
    return 0;
}

int cmd_projects(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    struct words args;
    struct limits l = {-1, -1, -1};
    const struct opt opts[] = {
        {0, "run-limit", "N", "set: generations processing at once", .number = &l.run},
        {0, "drive-limit", "BYTES", "set: what its drive may hold", .number = &l.drive},
        {0, "retention-days", "DAYS", "set: how long files are kept (0: for ever)", .number = &l.days},
        {0, "json", NULL, "print the server's answer", .flag = &c.json},
        {0},
    };
    const struct usage u = {"projects [create NAME | set ID [--run-limit N] [--drive-limit BYTES] [--retention-days DAYS]] [--json]",
                            "Lists projects, creates one, or sets one's limits. A project has its own keys, credit and drive.\n"
                            "Needs an admin key.", opts, 0, 2};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    bool create = args.count && !strcmp(args.at[0], "create"), set = args.count && !strcmp(args.at[0], "set"), any = l.run >= 0 || l.drive >= 0 || l.days >= 0;
    if ((args.count && (!(create || set) || args.count != 2)) || set != any) return cli_say(&c, E_INVALID, "usage: puras %s", u.synopsis);
    status = cli_connect(&c, true);
    if (status) return status;
    return create ? projects_create(&c, args.at[1]) : set ? projects_set(&c, args.at[1], &l) : projects_list(&c);
}

static const char *key_end(struct arena *a, const struct json *k) {
    const char *revoked = jtext(a, k, "revoked_at");
    return *revoked ? arena_printf(a, "revoked %s", time_text(a, revoked)).ptr : time_text(a, jtext(a, k, "expires_at"));
}

/* All that a key may not, in words; empty: whatever its kind may. */
static const char *key_bounds(struct arena *a, const struct json *k) {
    static const struct { const char *member, *title; } lists[] = {{"scopes", "scopes"}, {"models", "models"}, {"origins", "pages"}};
    const char *out = "", *class = jtext(a, k, "rate_class");
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const char *words = jwords(a, k, lists[i].member);
        if (*words) out = arena_printf(a, "%s%s%s %s", out, *out ? "; " : "", lists[i].title, words).ptr;
    }
    if (jint(k, "call_cap_micros")) out = arena_printf(a, "%s%s%s a call", out, *out ? "; " : "", usd_text(a, jint(k, "call_cap_micros"))).ptr;
    if (jint(k, "day_cap_micros")) out = arena_printf(a, "%s%s%s a day", out, *out ? "; " : "", usd_text(a, jint(k, "day_cap_micros"))).ptr;
    return *class ? arena_printf(a, "%s%sclass %s", out, *out ? "; " : "", class).ptr : out;
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
    static const char *const titles[] = {"=prefix", "kind", "name", "project", "created", "ends", "bounds"};
    struct table t = {.a = &c->a, .columns = 7, .titles = titles};
    const struct json *rows = json_get(j, "keys");
    for (const struct json *k = rows ? rows->child : NULL; k; k = k->next) {
        const char *cells[] = {jtext(&c->a, k, "prefix"), jtext(&c->a, k, "kind"), jtext(&c->a, k, "name"), jtext(&c->a, k, "project_id"),
                               time_text(&c->a, jtext(&c->a, k, "created_at")), key_end(&c->a, k), key_bounds(&c->a, k)};
        table_add(&t, cells);
    }
    table_print(&t, stdout);
    return 0;
}

/* Shows a new key: there is no second time. */
static int key_made(struct cli *c, const char *path, struct str body) {
    struct client_reply reply;
    int status = cli_call(c, "POST", path, body, false, &reply);
    if (status) return status;
    if (c->json) cli_print_raw(reply.body);
    else {
        printf("%s\n", jtext(&c->a, reply.json, "key"));
        fputs("puras: this is the only time the whole key is shown.\n", stderr);
    }
    return 0;
}

struct policy {
    struct words scopes, models, origins;
    const char *call_cap, *day_cap;
    int64_t days; /* NO_DAYS: no end */
};
enum { NO_DAYS = -1 };

static void add_words(struct jw *w, const char *name, const struct words *words) {
    if (!words->count) return;
    jw_key(w, name);
    jw_open(w, '[');
    for (int i = 0; i < words->count; i++) jw_z(w, words->at[i]);
    jw_close(w, ']');
}

static int keys_create(struct cli *c, const char *project, const char *kind, const char *name, const struct policy *p) {
    _cleanup_(buf_done) struct buf body = {0};
    struct jw w = {.out = &body};
    jw_open(&w, '{');
    jw_kz(&w, "kind", kind);
    if (project) jw_kz(&w, "project", project);
    if (name) jw_kz(&w, "name", name);
    add_words(&w, "scopes", &p->scopes);
    add_words(&w, "models", &p->models);
    add_words(&w, "origins", &p->origins);
    if (p->call_cap) jw_kz(&w, "call_cap_usd", p->call_cap);
    if (p->day_cap) jw_kz(&w, "day_cap_usd", p->day_cap);
    if (p->days != NO_DAYS) jw_ki64(&w, "expires_in_s", p->days > 100000 ? INT64_MAX : p->days * 24 * 3600);
    jw_close(&w, '}');
    return key_made(c, "/v1/keys", buf_view(&body));
}

static int keys_rotate(struct cli *c, const char *prefix, int64_t overlap_s) {
    _cleanup_(buf_done) struct buf path = {0}, body = {0};
    buf_z(&path, "/v1/keys/");
    url_add_value(&path, str_of(prefix));
    buf_z(&path, "/rotate");
    if (overlap_s < 0) buf_z(&body, "{}");
    else buf_printf(&body, "{\"overlap_s\":%lld}", (long long)overlap_s);
    return key_made(c, path.ptr, buf_view(&body));
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
    struct policy p = {.days = NO_DAYS};
    int64_t overlap_s = -1;
    const struct opt opts[] = {
        {'p', "project", "ID", "whose keys (default the key's own project)", .text = &project},
        {'k', "kind", "KIND", "create: live, test, admin, or pub and pubtest for web pages (live)", .text = &kind},
        {'n', "name", "TEXT", "create: a name for people", .text = &name},
        {'s', "scope", "SCOPE", "create: what it may do; repeatable (all that its kind may)", .list = &p.scopes},
        {0, "origin", "ORIGIN", "create a publishable key: a page it may be sent from, https://app.example; repeatable", .list = &p.origins},
        {'m', "model", "SLUG", "create: what it may run, FAMILY/ too; repeatable (all)", .list = &p.models},
        {0, "call-cap", "USD", "create: what one call may cost", .text = &p.call_cap},
        {0, "day-cap", "USD", "create: what a day (UTC) may cost", .text = &p.day_cap},
        {0, "expires", "DAYS", "create: days until it ends (never)", .number = &p.days},
        {0, "overlap", "S", "rotate: seconds the key before goes on (86400)", .number = &overlap_s},
        {0, "json", NULL, "print the server's answer", .flag = &c.json},
        {0},
    };
    const struct usage u = {"keys [list | create [--kind KIND] [--name TEXT] [--scope S]... | rotate PREFIX | revoke PREFIX] [--project ID] [--json]",
                            "Lists, creates, rotates and revokes keys. A live key spends the live book, a test key the test book, an admin key\n"
                            "manages projects, keys and credit. A key is shown whole once, when it is created. Needs an admin key.",
                            opts, 0, 2};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    const char *verb = args.count ? args.at[0] : "list";
    bool rotate = !strcmp(verb, "rotate"), one = rotate || !strcmp(verb, "revoke"), create = !strcmp(verb, "create");
    if ((!one && !create && strcmp(verb, "list") != 0) || args.count > 1 + one || (one && args.count < 2))
        return cli_say(&c, E_INVALID, "usage: puras %s", u.synopsis);
    if (p.days != NO_DAYS && p.days < 1) return cli_say(&c, E_INVALID, "--expires takes days from 1; without it the key does not end.");
    status = cli_connect(&c, true);
    if (status) return status;
    if (create) return keys_create(&c, project, kind, name, &p);
    if (rotate) return keys_rotate(&c, prefix_of(&c.a, args.at[1]), overlap_s);
    return one ? keys_revoke(&c, prefix_of(&c.a, args.at[1])) : keys_list(&c, project);
}
