/* puras why: everything about one generation on one screen, from the routes that anybody can ask: what was wanted, what happened
 * when, what it cost by which row and which transfers, which files came of it. */
#include "base/cleanup.h"
#include "cmd/cli.h"

enum { LEDGER_PAGES = 5, EVENTS_MS = 1500 };

static void line(const char *name, const char *value) {
    if (value && *value) printf("%-10s%s\n", name, value);
}

static const char *written(struct arena *a, const struct json *j) {
    if (!j || j->type == JSON_NULL) return "";
    _cleanup_(buf_done) struct buf b = {0};
    json_write(&b, j);
    return safe_text(a, str_head(buf_view(&b), 2000));
}

static void print_state(struct arena *a, const struct json *g) {
    const struct json *error = json_get(g, "error");
    line("id", jtext(a, g, "id"));
    line("state", jtext(a, g, "status"));
    line("", jtext(a, g, "status_detail"));
    if (json_is(error, JSON_OBJECT)) line("error", arena_printf(a, "%s: %s", jtext(a, error, "code"), jtext(a, error, "detail")).ptr);
    line("model", jtext(a, g, "model"));
    line("inputs", written(a, json_get(g, "inputs")));
    line("metadata", written(a, json_get(g, "metadata")));
    line("end user", jtext(a, g, "end_user"));
    line("created", time_text(a, jtext(a, g, "created_at")));
    line("started", time_text(a, jtext(a, g, "started_at")));
    line("ended", time_text(a, jtext(a, g, "completed_at")));
    line("deadline", time_text(a, jtext(a, g, "deadline_at")));
    line("attempts", jtext(a, g, "attempts"));
    line("catalog", jtext(a, g, "catalog"));
}

static void print_files(struct arena *a, const struct json *g) {
    const struct json *outputs = json_get(g, "outputs");
    for (const struct json *o = outputs ? outputs->child : NULL; o; o = o->next) {
        const char *path = jtext(a, o, "drive_path");
        line("file", arena_printf(a, "%s  %s  %s", *path ? path : "(its path was taken by another file)", jtext(a, o, "media_type"), bytes_text(a, jint(o, "file_size"))).ptr);
        line("", jtext(a, o, "sha256"));
    }
    line("text", jtext(a, g, "text"));
}

/* Its transfers are among the newest of the book; older pages are asked for while there is hope. */
static int print_money(struct cli *c, const struct json *g) {
    struct arena *a = &c->a;
    static const char *const titles[] = {">seq", "at", "purpose", ">amount", "debit", "credit"};
    struct table t = {.a = a, .columns = 6, .titles = titles};
    const char *id = jtext(a, g, "id"), *created = jtext(a, g, "created_at");
    int64_t before = 0;
    bool more = true;
    line("quoted", amount_text(a, jint(g, "quoted_micros")));
    line("held now", amount_text(a, jint(g, "held_micros")));
    line("billed", amount_text(a, jint(g, "billed_micros")));
    line("row", written(a, json_get(g, "price_row")));
    for (int page = 0; more && page < LEDGER_PAGES; page++) {
        struct client_reply reply;
        const char *path = before ? arena_printf(a, "/v1/ledger?limit=200&before=%lld", (long long)before).ptr : "/v1/ledger?limit=200";
        int status = cli_call(c, "GET", path, STR(""), false, &reply);
        if (status) return status;
        const struct json *rows = json_get(reply.json, "transfers");
        for (const struct json *r = rows ? rows->child : NULL; r; r = r->next) {
            more = strcmp(jtext(a, r, "created_at"), created) >= 0; /* nothing of it is older than itself */
            if (strcmp(jtext(a, r, "generation_id"), id) != 0) continue;
            const char *cells[] = {jtext(a, r, "seq"), time_text(a, jtext(a, r, "created_at")), jtext(a, r, "purpose"), usd_text(a, jint(r, "amount_micros")), jtext(a, r, "debit"), jtext(a, r, "credit")};
            table_add(&t, cells);
        }
        before = jint(reply.json, "next_before");
        more = more && before;
    }
    if (t.rows) {
        putchar('\n');
        table_print(&t, stdout);
    }
    return 0;
}

static bool on_event(void *arg, const struct client_event *e) {
    struct table *t = arg;
    struct json *j;
    if (json_parse(arena_dup(t->a, e->data), t->a, NULL, &j)) return true;
    const char *cells[] = {arena_strz(t->a, e->id), time_text(t->a, jtext(t->a, j, "at")), safe_text(t->a, e->type), written(t->a, json_get(j, "data"))};
    table_add(t, cells);
    return !str_is(e->type, "completed") && !str_is(e->type, "failed") && !str_is(e->type, "cancelled");
}

/* Of one that still runs: what there is by now. */
static void print_events(struct cli *c, const char *path) {
    static const char *const titles[] = {">n", "at", "event", "data"};
    struct table t = {.a = &c->a, .columns = 4, .titles = titles};
    struct why why = {0};
    err e = client_events(c->client, arena_printf(&c->a, "%s/events", path).ptr, NULL, EVENTS_MS, EVENTS_MS, on_event, &t, &why);
    if (e && !t.rows) fprintf(stderr, "puras: its events could not be read: %s\n", safe_text(&c->a, str_of(why_text(&why))));
    if (!t.rows) return;
    putchar('\n');
    table_print(&t, stdout);
}

int cmd_why(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    _cleanup_(buf_done) struct buf path = {0};
    struct words args;
    const struct opt opts[] = {{0, "json", NULL, "print the server's answer", .flag = &c.json}, {0}};
    const struct usage u = {"why ID [--json]", "Tells everything about one generation: what was asked, its states, its price and the row that matched,\n"
                                               "its transfers, files and events.", opts, 1, 1};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    buf_z(&path, "/v1/generations/");
    url_add_value(&path, str_of(args.at[0]));
    const struct json *g = NULL;
    status = cli_connect(&c, true);
    if (!status) status = cli_get(&c, path.ptr, &g);
    if (status || !g) return status;
    print_state(&c.a, g);
    print_files(&c.a, g);
    status = print_money(&c, g);
    print_events(&c, path.ptr);
    return status;
}
