/* puras ledger: the transfers of a book, and the audit that recomputes every balance from them, over a server or directly on a
 * stopped server's data. */
#include "base/cleanup.h"
#include "cmd/cli.h"
#include "store/query.h"
#include "store/store.h"

#include <time.h>
#include <unistd.h>

static int list(struct cli *c, int64_t limit) {
    const struct json *j = NULL;
    int status = cli_connect(c, true);
    if (!status) status = cli_get(c, arena_printf(&c->a, "/v1/ledger?limit=%lld", (long long)limit).ptr, &j);
    if (status || !j) return status;
    static const char *const titles[] = {">seq", "at", "purpose", ">amount", "debit", "credit", "generation"};
    struct table t = {.a = &c->a, .columns = 7, .titles = titles};
    const struct json *rows = json_get(j, "transfers");
    for (const struct json *r = rows ? rows->child : NULL; r; r = r->next) {
        const char *amount = usd_text(&c->a, jint(r, "amount_micros"));
        const char *cells[] = {jtext(&c->a, r, "seq"), time_text(&c->a, jtext(&c->a, r, "created_at")), jtext(&c->a, r, "purpose"), amount,
                               jtext(&c->a, r, "debit"), jtext(&c->a, r, "credit"), jtext(&c->a, r, "generation_id")};
        table_add(&t, cells);
    }
    table_print(&t, stdout);
    return 0;
}

/* --- audit --- */

static msec wall_clock(void *arg) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (msec)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void audit_json(const struct audit *x, struct buf *out) {
    struct jw w = {.out = out};
    jw_open(&w, '{');
    jw_kbool(&w, "ok", x->findings == 0 && x->sum_micros == 0);
    jw_ki64(&w, "findings", x->findings);
    jw_kstr(&w, "text", x->text);
    jw_ki64(&w, "sum_micros", x->sum_micros);
    jw_ki64(&w, "transfers", x->transfers);
    jw_ki64(&w, "accounts", x->accounts);
    jw_ki64(&w, "generations", x->generations);
    jw_ki64(&w, "usage_events", x->usage_events);
    jw_ki64(&w, "top_ups_micros", x->top_ups);
    jw_ki64(&w, "revenue_micros", x->revenue);
    jw_ki64(&w, "available_micros", x->available);
    jw_ki64(&w, "held_micros", x->held);
    jw_ki64(&w, "adjustments_micros", x->adjustments);
    jw_close(&w, '}');
}

/* The same report from the server's answer and from our own audit. Exit status 1 when the books do not agree. */
static int report(struct cli *c, struct str json) {
    struct json *j;
    struct why why = {0};
    if (json_parse(json, &c->a, &why, &j)) return cli_fail(c, &why);
    bool ok = false;
    json_as_bool(json_get(j, "ok"), &ok);
    int status = ok ? 0 : 1;
    if (c->json) {
        cli_print_raw(json);
        return status;
    }
    printf("%lld transfers, %lld accounts, %lld generations, %lld usage events\n", (long long)jint(j, "transfers"), (long long)jint(j, "accounts"),
           (long long)jint(j, "generations"), (long long)jint(j, "usage_events"));
    static const char *const lines[][2] = {{"topped up", "top_ups_micros"}, {"revenue", "revenue_micros"}, {"available", "available_micros"},
                                           {"held", "held_micros"}, {"adjusted", "adjustments_micros"}, {"sum of all", "sum_micros"}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) printf("%-11s %s\n", lines[i][0], amount_text(&c->a, jint(j, lines[i][1])));
    struct str text = {0}, one;
    json_as_str(json_get(j, "text"), &text);
    while (text.len) {
        str_cut(text, '\n', &one, &text);
        if (one.len) printf("FINDING    %s\n", safe_text(&c->a, one));
    }
    printf("%s\n", ok ? "the books agree to the micro" : "THE BOOKS DO NOT AGREE");
    return status;
}

/* A running server holds the folder's lock. Its database can be read beside it, because the audit is one consistent read. */
static err open_store(const char *url, const char *folder, struct why *why, struct store **out, bool *out_live) {
    struct store_options o = {.url = url, .folder = folder, .now = wall_clock};
    err e = store_open(&o, why, out);
    *out_live = e == E_CONFLICT && folder;
    if (!*out_live) return e;
    o.folder = NULL;
    return store_open(&o, why, out);
}

static int audit_here(struct cli *c, const char *url, const char *folder) {
    struct why why = {0};
    struct store *store = NULL;
    struct db *db = NULL;
    bool live = false;
    err e = open_store(url, folder, &why, &store, &live);
    if (e) return cli_fail(c, &why);
    if (live) fprintf(stderr, "puras: a server is running on %s; its database is read beside it.\n", folder);
    struct audit audit = {0};
    e = store_db(store, &why, &db);
    if (!e) {
        e = query_audit(db, &c->a, &audit);
        if (e) why_set(&why, e, "The ledger could not be read to its end.");
        db_close(db);
    }
    store_close(store);
    if (e) return cli_fail(c, &why);
    _cleanup_(buf_done) struct buf json = {0};
    audit_json(&audit, &json);
    return report(c, arena_dup(&c->a, buf_view(&json)));
}

static int audit(struct cli *c, const char *data, const char *database) {
    if (data && database) return cli_say(c, E_INVALID, "Give either --data or --database.");
    if (database) return audit_here(c, database, NULL);
    if (data) {
        const char *file = arena_printf(&c->a, "%s/puras.db", data).ptr;
        if (access(file, R_OK) != 0) return cli_say(c, E_NOT_FOUND, "There is no database at %s; is that the folder given to `puras serve --data`?", file);
        return audit_here(c, arena_printf(&c->a, "sqlite:%s", file).ptr, data);
    }
    struct client_reply reply;
    int status = cli_connect(c, true);
    if (!status) status = cli_call(c, "GET", "/v1/ledger/audit", STR(""), false, &reply);
    return status ? status : report(c, reply.body);
}

int cmd_ledger(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    struct words args;
    const char *data = NULL, *database = NULL;
    int64_t limit = 20;
    const struct opt opts[] = {
        {'n', "limit", "N", "at most N transfers (20)", .number = &limit},
        {0, "data", "DIR", "audit: a server's data folder, without the server", .text = &data},
        {0, "database", "URL", "audit: a PostgreSQL database, without the server", .text = &database},
        {0, "json", NULL, "print the answer as JSON", .flag = &c.json},
        {0},
    };
    const struct usage u = {"ledger [audit [--data DIR | --database URL]] [--limit N] [--json]",
                            "Lists the transfers of the key's book, newest first. `ledger audit` recomputes every balance from the\n"
                            "transfers and ends with status 1 when anything differs by a micro; over a server it needs an admin key.",
                            opts, 0, 1};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    if (args.count && strcmp(args.at[0], "audit") != 0) return cli_say(&c, E_INVALID, "There is no `puras ledger %s`; there is `puras ledger audit`.", args.at[0]);
    if (!args.count && (data || database)) return cli_say(&c, E_INVALID, "--data and --database belong to `puras ledger audit`.");
    return args.count ? audit(&c, data, database) : list(&c, limit);
}
