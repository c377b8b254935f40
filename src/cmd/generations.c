/* puras generations and puras usage: what ran, and what it cost. */
#include "base/cleanup.h"
#include "cmd/cli.h"

static void add_query(struct buf *path, const char *name, const char *value) {
    buf_c(path, strchr(path->ptr, '?') ? '&' : '?');
    buf_printf(path, "%s=", name);
    url_add_value(path, str_of(value));
}

static int list(struct cli *c, const char *state, const char *metadata, int64_t limit) {
    _cleanup_(buf_done) struct buf path = {0};
    buf_printf(&path, "/v1/generations?limit=%lld", (long long)limit);
    if (state) add_query(&path, "state", state);
    if (metadata) add_query(&path, "metadata", metadata);
    const struct json *j;
    int status = cli_get(c, path.ptr, &j);
    if (status || !j) return status;
    static const char *const titles[] = {"created", "=id", "state", "model", ">billed", "file"};
    struct table t = {.a = &c->a, .columns = 6, .titles = titles};
    const struct json *rows = json_get(j, "generations");
    for (const struct json *g = rows ? rows->child : NULL; g; g = g->next) {
        const char *billed = usd_text(&c->a, jint(g, "billed_micros"));
        const char *cells[] = {time_text(&c->a, jtext(&c->a, g, "created_at")), jtext(&c->a, g, "id"), jtext(&c->a, g, "status"),
                               jtext(&c->a, g, "model"), billed, jtext(&c->a, json_at(json_get(g, "outputs"), 0), "drive_path")};
        table_add(&t, cells);
    }
    table_print(&t, stdout);
    return 0;
}

static void line(const char *name, const char *value) {
    if (value && *value) printf("%-11s%s\n", name, value);
}

static void print_one(struct arena *a, const struct json *g) {
    line("id", jtext(a, g, "id"));
    line("state", jtext(a, g, "status"));
    line("", jtext(a, g, "status_detail"));
    const struct json *progress = json_get(g, "progress");
    int64_t percent;
    if (json_as_i64(json_get(progress, "percent"), &percent)) line("progress", arena_printf(a, "%s %lld%%", jtext(a, progress, "stage"), (long long)percent).ptr);
    else line("progress", jtext(a, progress, "stage"));
    line("model", jtext(a, g, "model"));
    line("created", time_text(a, jtext(a, g, "created_at")));
    line("ended", time_text(a, jtext(a, g, "completed_at")));
    line("quoted", amount_text(a, jint(g, "quoted_micros")));
    line("held now", amount_text(a, jint(g, "held_micros")));
    line("billed", amount_text(a, jint(g, "billed_micros")));
    line("row", jtext(a, json_get(g, "price_row"), "why"));
    const struct json *outputs = json_get(g, "outputs"), *error = json_get(g, "error");
    for (const struct json *o = outputs ? outputs->child : NULL; o; o = o->next) {
        line("drive", jtext(a, o, "drive_path"));
        line("url", jtext(a, o, "url"));
    }
    if (json_is(error, JSON_OBJECT)) line("error", arena_printf(a, "%s: %s", jtext(a, error, "code"), jtext(a, error, "detail")).ptr);
    const struct json *stages = json_get(g, "stages");
    for (const struct json *s = stages ? stages->child : NULL; s; s = s->next)
        printf("%-11s%-12s %s  %.3f s\n", s == stages->child ? "stages" : "", jtext(a, s, "name"), time_text(a, jtext(a, s, "at")), (double)jint(s, "ms") / 1000);
}

/* change: "cancel", "deliver", "resolve" or NULL */
static int show(struct cli *c, const char *id, const char *change, const char *url_path) {
    _cleanup_(buf_done) struct buf path = {0};
    buf_z(&path, "/v1/generations/");
    url_add_value(&path, str_of(id));
    const struct json *g = NULL;
    if (change) {
        buf_c(&path, '/');
        buf_z(&path, change);
        _cleanup_(buf_done) struct buf body = {0};
        struct jw w = {.out = &body};
        jw_open(&w, '{');
        if (url_path) jw_kz(&w, "output_url_path", url_path);
        jw_close(&w, '}');
        struct client_reply reply;
        int status = cli_call(c, "POST", path.ptr, buf_view(&body), false, &reply);
        if (status) return status;
        if (c->json) cli_print_raw(reply.body);
        else g = reply.json;
    } else {
        int status = cli_get(c, path.ptr, &g);
        if (status) return status;
    }
    if (g) print_one(&c->a, g);
    return 0;
}

int cmd_generations(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    struct words args;
    const char *state = NULL, *metadata = NULL, *url_path = NULL;
    int64_t limit = 20;
    const struct opt opts[] = {
        {0, "output-url-path", "PATH", "for deliver: where in the provider's answer the file stands", .text = &url_path},
        {'s', "state", "STATE", "only pending, processing, completed, failed or cancelled", .text = &state},
        {'m', "metadata", "NAME:VALUE", "only those whose metadata has it", .text = &metadata},
        {'n', "limit", "N", "at most N (20)", .number = &limit},
        {0, "json", NULL, "print the server's answer", .flag = &c.json},
        {0},
    };
    const struct usage u = {"generations [ID | cancel ID | deliver ID | resolve ID] [--output-url-path PATH] [--state STATE] [--limit N] [--json]",
                            "Lists generations, newest first; shows one with its money and stages; cancels one; delivers one whose file its\noutput_url_path did not find; or (admin) closes one whose provider cannot be asked any more.", opts, 0, 2};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    if (args.count == 1 && !strcmp(args.at[0], "list")) args.count = 0; /* as `keys list` and the others have it */
    bool change = args.count && (!strcmp(args.at[0], "cancel") || !strcmp(args.at[0], "deliver") || !strcmp(args.at[0], "resolve"));
    if (args.count == 2 && !change) return cli_say(&c, E_INVALID, "\"%s\" is one argument too many; to cancel write `puras generations cancel ID`.", args.at[1]);
    if (args.count == 1 && change) return cli_say(&c, E_INVALID, "Which one? Write `puras generations %s ID`; `puras generations` lists them.", args.at[0]);
    if (url_path && !(change && !strcmp(args.at[0], "deliver"))) return cli_say(&c, E_INVALID, "--output-url-path goes with `puras generations deliver ID`.");
    status = cli_connect(&c, true);
    if (status) return status;
    return args.count ? show(&c, args.at[args.count - 1], change ? args.at[0] : NULL, url_path) : list(&c, state, metadata, limit);
}

static int sums(struct cli *c, const char *by, const char *since, const char *until) {
    _cleanup_(buf_done) struct buf path = {0};
    buf_z(&path, "/v1/usage_events");
    add_query(&path, "group", by);
    if (since) add_query(&path, "since", since);
    if (until) add_query(&path, "until", until);
    const struct json *j;
    int status = cli_get(c, path.ptr, &j);
    if (status || !j) return status;
    const char *const titles[] = {by, ">calls", ">billed", ">upstream"};
    struct table t = {.a = &c->a, .columns = 4, .titles = titles};
    const struct json *rows = json_get(j, "sums");
    for (const struct json *e = rows ? rows->child : NULL; e; e = e->next) {
        const char *billed = usd_text(&c->a, jint(e, "billed_micros")), *cost = usd_text(&c->a, jint(e, "upstream_cost_micros"));
        const char *cells[] = {jtext(&c->a, e, by), jtext(&c->a, e, "events"), billed, cost};
        table_add(&t, cells);
    }
    table_print(&t, stdout);
    return 0;
}

int cmd_usage(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    struct words args;
    int64_t limit = 20;
    const char *by = NULL, *since = NULL, *until = NULL;
    const struct opt opts[] = {
        {'n', "limit", "N", "at most N (20)", .number = &limit},
        {'b', "by", "GROUP", "sums instead: by model, key, end_user or day", .text = &by},
        {0, "since", "TIME", "from this moment or day (UTC) on", .text = &since},
        {0, "until", "TIME", "before this moment or day (UTC)", .text = &until},
        {0, "json", NULL, "print the server's answer", .flag = &c.json},
        {0},
    };
    const struct usage u = {"usage [--by GROUP] [--since TIME] [--until TIME] [--limit N] [--json]",
                            "Lists usage events, newest first: one for each call that was billed; or sums them.", opts, 0, 0};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    status = cli_connect(&c, true);
    if (status) return status;
    if (by) return sums(&c, by, since, until);
    const struct json *j;
    _cleanup_(buf_done) struct buf path = {0};
    buf_printf(&path, "/v1/usage_events?limit=%lld", (long long)limit);
    if (since) add_query(&path, "since", since);
    if (until) add_query(&path, "until", until);
    status = cli_get(&c, path.ptr, &j);
    if (status || !j) return status;
    static const char *const titles[] = {"at", "generation", "model", "book", ">billed", "unit", "row"};
    struct table t = {.a = &c.a, .columns = 7, .titles = titles};
    const struct json *rows = json_get(j, "usage_events");
    for (const struct json *e = rows ? rows->child : NULL; e; e = e->next) {
        const char *billed = usd_text(&c.a, jint(e, "billed_micros"));
        const char *cells[] = {time_text(&c.a, jtext(&c.a, e, "created_at")), jtext(&c.a, e, "generation_id"), jtext(&c.a, e, "model"),
                               jtext(&c.a, e, "book"), billed, jtext(&c.a, e, "unit"), jtext(&c.a, json_get(e, "price_row"), "why")};
        table_add(&t, cells);
    }
    table_print(&t, stdout);
    return 0;
}
