/* puras adjust and puras secrets: what an operator corrects, and what a project keeps to itself. */
#include "base/cleanup.h"
#include "cmd/cli.h"

#include <errno.h>
#include <unistd.h>

/* --- adjust --- */

static int adjust(struct cli *c, const char *usd, const char *project, const char *book, const char *reason) {
    micros amount;
    if (micros_read_usd(str_of(usd), &amount) || !amount)
        return cli_say(c, E_INVALID, "\"%s\" is not an amount; write dollars with at most six decimals, such as 10 or -0.5.", usd);
    if (!reason) return cli_say(c, E_INVALID, "Why? An adjustment needs --reason TEXT; it is kept with the transfer.");
    _cleanup_(buf_done) struct buf body = {0}, exact = {0};
    micros_write_usd(&exact, amount);
    struct jw w = {.out = &body};
    jw_open(&w, '{');
    jw_kraw(&w, "usd", buf_view(&exact));
    jw_kz(&w, "book", book);
    jw_kz(&w, "reason", reason);
    if (project) jw_kz(&w, "project", project);
    jw_close(&w, '}');
    struct client_reply reply;
    int status = cli_connect(c, true);
    if (!status) status = cli_call(c, "POST", "/v1/adjustments", buf_view(&body), true, &reply);
    if (status) return status;
    if (c->json) cli_print_raw(reply.body);
    else printf("adjusted the %s book of project %s by %s: %s\n", jtext(&c->a, reply.json, "book"), jtext(&c->a, reply.json, "project_id"),
                amount_text(&c->a, jint(reply.json, "amount_micros")), jtext(&c->a, reply.json, "id"));
    return 0;
}

int cmd_adjust(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    struct words args;
    const char *project = NULL, *book = "live", *reason = NULL;
    const struct opt opts[] = {
        {'p', "project", "ID", "whose book (default the key's own project)", .text = &project},
        {'b', "book", "BOOK", "live or test (live)", .text = &book},
        {'r', "reason", "TEXT", "kept with the transfer; required", .text = &reason},
        {0, "json", NULL, "print the server's answer", .flag = &c.json},
        {0},
    };
    const struct usage u = {"adjust --reason TEXT [--project ID] [--book BOOK] [--json] [--] USD",
                            "Corrects a book by a new transfer: an amount above zero gives, one below zero takes (write -- before it).\n"
                            "Nothing that was written is changed. Needs an admin key.", opts, 1, 1};
    int status;
    return cli_parse(&u, argc, argv, &c.a, &args, &status) ? adjust(&c, args.at[0], project, book, reason) : status;
}

/* --- secrets --- */

static int secrets_list(struct cli *c) {
    const struct json *j;
    int status = cli_get(c, "/v1/secrets", &j);
    if (status || !j) return status;
    static const char *const titles[] = {"name", "changed"};
    struct table t = {.a = &c->a, .columns = 2, .titles = titles};
    const struct json *rows = json_get(j, "secrets");
    for (const struct json *s = rows ? rows->child : NULL; s; s = s->next) {
        const char *cells[] = {jtext(&c->a, s, "name"), time_text(&c->a, jtext(&c->a, s, "updated_at"))};
        table_add(&t, cells);
    }
    table_print(&t, stdout);
    return 0;
}

/* Without a value on the command line, where others can read it, it comes from standard input, up to its last line's end. */
static int secret_value(struct cli *c, struct buf *out) {
    char piece[4096];
    ssize_t n;
    if (isatty(STDIN_FILENO)) fputs("value: ", stderr);
    while ((n = read(STDIN_FILENO, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR)) {
        if (n < 0) continue;
        buf_add(out, piece, (size_t)n);
        if (out->len > 64 * 1024) return cli_say(c, E_TOO_LARGE, "The value is too long for a secret.");
        if (isatty(STDIN_FILENO) && memchr(piece, '\n', (size_t)n)) break;
    }
    while (out->len && (out->ptr[out->len - 1] == '\n' || out->ptr[out->len - 1] == '\r')) out->len--;
    if (!out->len) return cli_say(c, E_INVALID, "The value is empty; write NAME=VALUE, or give it on standard input.");
    return str_is_utf8(buf_view(out)) ? 0 : cli_say(c, E_INVALID, "The value is not UTF-8 text.");
}

static int secret_set(struct cli *c, const char *word) {
    struct str name, value;
    _cleanup_(buf_done) struct buf typed = {0}, body = {0};
    if (!str_cut(str_of(word), '=', &name, &value)) {
        int status = secret_value(c, &typed);
        if (status) return status;
        value = buf_view(&typed);
    }
    struct jw w = {.out = &body};
    jw_open(&w, '{');
    jw_kstr(&w, "name", name);
    jw_kstr(&w, "value", value);
    jw_close(&w, '}');
    struct client_reply reply;
    int status = cli_call(c, "PUT", "/v1/secrets", buf_view(&body), false, &reply);
    if (status) return status;
    if (c->json) cli_print_raw(reply.body);
    else printf("stored %s\n", jtext(&c->a, reply.json, "name"));
    return 0;
}

static int secret_remove(struct cli *c, const char *name) {
    _cleanup_(buf_done) struct buf path = {0};
    buf_z(&path, "/v1/secrets/");
    url_add_value(&path, str_of(name));
    struct client_reply reply;
    int status = cli_call(c, "DELETE", path.ptr, STR(""), false, &reply);
    if (status) return status;
    if (c->json) cli_print_raw(reply.body);
    else printf("removed %s\n", jtext(&c->a, reply.json, "name"));
    return 0;
}

int cmd_secrets(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    struct words args;
    const struct opt opts[] = {{0, "json", NULL, "print the server's answer", .flag = &c.json}, {0}};
    const struct usage u = {"secrets [ls | set NAME[=VALUE] | rm NAME] [--json]",
                            "The project's secrets: stored sealed, named here, never shown. Without =VALUE the value is read from\n"
                            "standard input, where no list of processes shows it.", opts, 0, 2};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    const char *verb = args.count ? args.at[0] : "ls";
    bool set = !strcmp(verb, "set"), rm = !strcmp(verb, "rm"), ls = !strcmp(verb, "ls");
    if (!(set || rm || ls) || (ls ? args.count > 1 : args.count != 2)) return cli_say(&c, E_INVALID, "usage: puras %s", u.synopsis);
    status = cli_connect(&c, true);
    if (status) return status;
    return set ? secret_set(&c, args.at[1]) : rm ? secret_remove(&c, args.at[1]) : secrets_list(&c);
}
