/* puras webhooks: whom the project has told when generations end. */
#include "base/cleanup.h"
#include "cmd/cli.h"

static int list(struct cli *c) {
    const struct json *j;
    int status = cli_get(c, "/v1/webhooks", &j);
    if (status || !j) return status;
    static const char *const titles[] = {"=id", "url", "books", "state", ">failures", "failing since", "detail"};
    struct table t = {.a = &c->a, .columns = 7, .titles = titles};
    const struct json *rows = json_get(j, "webhooks");
    for (const struct json *h = rows ? rows->child : NULL; h; h = h->next) {
        const char *cells[] = {jtext(&c->a, h, "id"), jtext(&c->a, h, "url"), jwords(&c->a, h, "books"), jtext(&c->a, h, "state"),
                               arena_printf(&c->a, "%lld", (long long)jint(h, "failures")).ptr, time_text(&c->a, jtext(&c->a, h, "failing_since")), jtext(&c->a, h, "detail")};
        table_add(&t, cells);
    }
    table_print(&t, stdout);
    return 0;
}

/* /v1/webhooks[/deliveries]/ID[/what] */
static void path_of(struct buf *path, const char *before, const char *id, const char *what) {
    buf_printf(path, "/v1/webhooks/%s", before);
    url_add_value(path, str_of(id));
    buf_z(path, what);
}

static int history(struct cli *c, const char *id) {
    const struct json *j;
    _cleanup_(buf_done) struct buf path = {0};
    path_of(&path, "", id, "/deliveries");
    int status = cli_get(c, path.ptr, &j);
    if (status || !j) return status;
    static const char *const titles[] = {"=message", "event", "generation", "state", ">attempts", ">answer", "made", "next try"};
    struct table t = {.a = &c->a, .columns = 8, .titles = titles};
    const struct json *rows = json_get(j, "deliveries");
    for (const struct json *m = rows ? rows->child : NULL; m; m = m->next) {
        int64_t answer = jint(m, "response_status");
        const char *cells[] = {jtext(&c->a, m, "id"), jtext(&c->a, m, "type"), jtext(&c->a, m, "generation_id"), jtext(&c->a, m, "state"),
                               arena_printf(&c->a, "%lld", (long long)jint(m, "attempts")).ptr, answer ? arena_printf(&c->a, "%lld", (long long)answer).ptr : "",
                               time_text(&c->a, jtext(&c->a, m, "created_at")), time_text(&c->a, jtext(&c->a, m, "next_attempt_at"))};
        table_add(&t, cells);
    }
    table_print(&t, stdout);
    return 0;
}

/* One request whose answer is told in a sentence; the secret, where it has one, on a line of its own. */
static int ask(struct cli *c, const char *method, const char *path, struct str body, const char *done) {
    struct client_reply reply;
    int status = cli_call(c, method, path, body, false, &reply);
    if (status) return status;
    if (c->json) {
        cli_print_raw(reply.body);
        return 0;
    }
    printf("%s %s\n", done, jtext(&c->a, reply.json, "id"));
    const char *secret = jtext(&c->a, reply.json, "secret");
    if (*secret) printf("secret %s\nIt is not shown again.\n", secret);
    return 0;
}

/* For the webhook_url of calls. */
static int secret(struct cli *c) {
    struct client_reply reply;
    int status = cli_call(c, "POST", "/v1/webhook-secret", STR("{}"), false, &reply);
    if (status) return status;
    if (c->json) cli_print_raw(reply.body);
    else printf("secret %s\nIt is not shown again. The one before signs as well until %s.\n", jtext(&c->a, reply.json, "secret"), time_text(&c->a, jtext(&c->a, reply.json, "old_secret_until")));
    return 0;
}

static int add(struct cli *c, const char *url) {
    _cleanup_(buf_done) struct buf body = {0};
    struct jw w = {.out = &body};
    jw_open(&w, '{');
    jw_kz(&w, "url", url);
    jw_close(&w, '}');
    return ask(c, "POST", "/v1/webhooks", buf_view(&body), "added");
}

static const struct verb {
    const char *name, *method, *before, *what, *body, *done;
} verbs[] = {
    {"rm", "DELETE", "", "", "", "removed"},
    {"enable", "PATCH", "", "", "{\"state\":\"enabled\"}", "enabled"},
    {"disable", "PATCH", "", "", "{\"state\":\"disabled\"}", "disabled"},
    {"rotate", "POST", "", "/rotate", "{}", "rotated"},
    {"test", "POST", "", "/test", "", "sent"},
    {"redeliver", "POST", "deliveries/", "/redeliver", "", "sent again"},
};

int cmd_webhooks(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    _cleanup_(buf_done) struct buf path = {0};
    struct words args;
    const struct opt opts[] = {{0, "json", NULL, "print the server's answer", .flag = &c.json}, {0}};
    const struct usage u = {"webhooks [ls | add URL | history ID | test ID | rotate ID | enable ID | disable ID | rm ID | redeliver MESSAGE | secret] [--json]",
                            "Whom the project has told when generations end. add and rotate print a secret, by which the receiver checks\n"
                            "signatures, once. history shows what was sent; redeliver sends one of it again. secret makes a new one for the\n"
                            "URLs that calls name themselves (`puras run --webhook-url`).", opts, 0, 2};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    const char *verb = args.count ? args.at[0] : "ls";
    const struct verb *v = NULL;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (!strcmp(verb, verbs[i].name)) v = &verbs[i];
    bool ls = !strcmp(verb, "ls"), of_calls = !strcmp(verb, "secret"), fresh = !strcmp(verb, "add"), told = !strcmp(verb, "history");
    if (!(v || ls || of_calls || fresh || told) || (ls || of_calls ? args.count > 1 : args.count != 2)) return cli_say(&c, E_INVALID, "usage: puras %s", u.synopsis);
    status = cli_connect(&c, true);
    if (status) return status;
    if (ls) return list(&c);
    if (of_calls) return secret(&c);
    if (fresh) return add(&c, args.at[1]);
    if (told) return history(&c, args.at[1]);
    path_of(&path, v->before, args.at[1], v->what);
    return ask(&c, v->method, path.ptr, str_of(v->body), v->done);
}
