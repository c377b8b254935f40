/* puras why: everything about one generation on one screen, from the routes that anybody can ask: what was wanted, what happened
 * when, what it cost by which row and which transfers, which files came of it. Of a file: what it was made of, back to the uploads. */
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/id.h"
#include "cmd/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* --- of a file --- */

static err hash_file(const char *file, char out[SHA256_HEX + 1], struct why *why) {
    _cleanup_(closep) int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return why_set(why, E_INVALID, "%s cannot be read: %s.", file, strerror(errno));
    _cleanup_(hasher_freep) struct hasher *h = hasher_new();
    uint8_t bytes[SHA256_LEN];
    char piece[65536];
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0) hasher_add(h, piece, (size_t)n);
    if (n < 0) return why_set(why, E_INVALID, "%s cannot be read: %s.", file, strerror(errno));
    hasher_end(TAKE(h), bytes);
    hex_encode(bytes, sizeof bytes, out);
    return OK;
}

static const struct json *link_of(struct arena *a, const struct json *chain, const char *asset) {
    for (const struct json *l = chain ? chain->child : NULL; l; l = l->next)
        if (!strcmp(jtext(a, l, "asset"), asset)) return l;
    return NULL;
}

static const char *file_name(struct arena *a, const struct json *l) {
    const char *path = jtext(a, l, "drive_path");
    if (*path) return path;
    bool deleted = false;
    return json_as_bool(json_get(l, "deleted"), &deleted) && deleted ? "(deleted)" : "(its path was taken by another file)";
}

/* A file that several others were made of is written out once. */
static void print_tree(struct arena *a, const struct json *chain, const char *asset, const char *input, int depth, const char **seen, int *seen_count) {
    const struct json *l = link_of(a, chain, asset), *record = json_get(l, "record");
    if (!l) return;
    bool again = false;
    for (int i = 0; i < *seen_count; i++) again |= !strcmp(seen[i], asset);
    printf("%*s%s%s%s", depth * 3, "", *input ? input : "", *input ? ": " : "", file_name(a, l));
    if (!json_is(record, JSON_OBJECT)) {
        printf("  made in a book that this key does not read\n");
        return;
    }
    bool made = !strcmp(jtext(a, record, "origin"), "generation");
    if (made) printf("  %s by %s  %s", jtext(a, record, "model"), jtext(a, record, "provider"), usd_text(a, jint(record, "billed_micros")));
    else printf("  uploaded");
    printf("%s\n", again ? "  (see above)" : "");
    if (again) return;
    seen[(*seen_count)++] = asset;
    printf("%*s   %s  %s  sha256 %s\n", depth * 3, "", time_text(a, jtext(a, record, "made_at")), bytes_text(a, jint(record, "bytes")), jtext(a, record, "sha256"));
    if (made) printf("%*s   generation %s  by %s\n", depth * 3, "", jtext(a, record, "generation"), jtext(a, json_get(record, "price_row"), "why"));
    const struct json *parents = json_get(record, "parents");
    for (const struct json *p = parents ? parents->child : NULL; p; p = p->next) print_tree(a, chain, jtext(a, p, "asset"), jtext(a, p, "input"), depth + 1, seen, seen_count);
}

static int why_file(struct cli *c, const char *name) {
    _cleanup_(buf_done) struct buf path = {0};
    struct stat st;
    if (!stat(name, &st) && S_ISREG(st.st_mode)) { /* by its bytes: whatever it is called here */
        char hash[SHA256_HEX + 1];
        struct why why = {0};
        if (hash_file(name, hash, &why)) return cli_fail(c, &why);
        buf_printf(&path, "/v1/lineage?sha256=%s", hash);
    } else {
        buf_z(&path, "/v1/lineage?path=");
        url_add_value(&path, str_of(name));
    }
    const struct json *j = NULL;
    int status = cli_connect(c, true);
    if (!status) status = cli_get(c, path.ptr, &j);
    if (status || !j) return status;
    const struct json *chain = json_get(j, "chain");
    const char **seen = arena_array(&c->a, const char *, chain ? chain->count + 1 : 1);
    int seen_count = 0;
    print_tree(&c->a, chain, jtext(&c->a, j, "asset"), "", 0, seen, &seen_count);
    bool complete = true;
    if (json_as_bool(json_get(j, "complete"), &complete) && !complete) printf("... and more that it was made of\n");
    printf("\ntotal %s for %lld generation%s\n", amount_text(&c->a, jint(j, "total_micros")), (long long)jint(j, "generations"), jint(j, "generations") == 1 ? "" : "s");
    return 0;
}

int cmd_why(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    _cleanup_(buf_done) struct buf path = {0};
    struct words args;
    const struct opt opts[] = {{0, "json", NULL, "print the server's answer", .flag = &c.json}, {0}};
    const struct usage u = {"why ID|FILE [--json]", "Tells everything about one generation: what was asked, its states, its price and the row that matched,\n"
                                                    "its transfers, files and events. Of a file, one of this machine (found by its bytes, whatever\n"
                                                    "it is called) or a path of the drive: what it was made of and what all of that cost.", opts, 1, 1};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    if (!id_is(str_of(args.at[0]))) return why_file(&c, args.at[0]);
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
