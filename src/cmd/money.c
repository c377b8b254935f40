/* puras balance and puras top-up. */
#include "base/cleanup.h"
#include "cmd/cli.h"

int cmd_balance(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    struct words args;
    const struct opt opts[] = {{0, "json", NULL, "print the server's answer", .flag = &c.json}, {0}};
    const struct usage u = {"balance [--json]", "Shows the credit of the key's book: a live key sees the live book, a test key the test book.", opts, 0, 0};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    status = cli_connect(&c, true);
    const struct json *j = NULL;
    if (!status) status = cli_get(&c, "/v1/balance", &j);
    if (status || !j) return status;
    printf("book       %s\n", jtext(&c.a, j, "book"));
    printf("available  %s\n", amount_text(&c.a, jint(j, "available_micros")));
    printf("held       %s\n", amount_text(&c.a, jint(j, "held_micros")));
    printf("project    %s\n", jtext(&c.a, j, "project_id"));
    return 0;
}

static int top_up(struct cli *c, const char *usd, const char *project, const char *reason) {
    micros amount;
    if (micros_read_usd(str_of(usd), &amount) || amount <= 0)
        return cli_say(c, E_INVALID, "\"%s\" is not an amount; write dollars with at most six decimals, such as 10 or 0.5.", usd);
    _cleanup_(buf_done) struct buf body = {0}, exact = {0};
    micros_write_usd(&exact, amount);
    struct jw w = {.out = &body};
    jw_open(&w, '{');
    jw_kraw(&w, "usd", buf_view(&exact));
    if (project) jw_kz(&w, "project", project);
    if (reason) jw_kz(&w, "reason", reason);
    jw_close(&w, '}');
    struct client_reply reply;
    int status = cli_connect(c, true);
    if (!status) status = cli_call(c, "POST", "/v1/top-up", buf_view(&body), true, &reply);
    if (status) return status;
    if (c->json) cli_print_raw(reply.body);
    else printf("added %s to the %s book of project %s\n", amount_text(&c->a, jint(reply.json, "amount_micros")), jtext(&c->a, reply.json, "book"), jtext(&c->a, reply.json, "project_id"));
    return 0;
}

int cmd_top_up(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    struct words args;
    const char *project = NULL, *reason = NULL;
    const struct opt opts[] = {
        {'p', "project", "ID", "whose book (an admin key; default its own project)", .text = &project},
        {'r', "reason", "TEXT", "kept with the transfer", .text = &reason},
        {0, "json", NULL, "print the server's answer", .flag = &c.json},
        {0},
    };
    const struct usage u = {"top-up USD [--project ID] [--reason TEXT] [--json]",
                            "Adds credit: an admin key fills a project's live book, a test key its own test book.", opts, 1, 1};
    int status;
    return cli_parse(&u, argc, argv, &c.a, &args, &status) ? top_up(&c, args.at[0], project, reason) : status;
}
