/* puras: one program, one table of subcommands. */
#include "cmd/cli.h"
#include "base/cleanup.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int cmd_version(int argc, char **argv);
static int cmd_help(int argc, char **argv);

const struct command_row command_table[] = {
    {"serve", cmd_serve, "run a server on a data folder"},
    {"run", cmd_run, "run a model and fetch its file"},
    {"quote", cmd_quote, "say what a call would cost"},
    {"models", cmd_models, "list models, or show one with its inputs and prices"},
    {"generations", cmd_generations, "list, show or cancel generations"},
    {"drive", cmd_drive, "list, put, get, remove and sign files"},
    {"balance", cmd_balance, "show the credit of the key's book"},
    {"top-up", cmd_top_up, "add credit"},
    {"top", cmd_top, "watch what is waiting and running"},
    {"why", cmd_why, "tell everything about one generation, or where a file comes from"},
    {"adjust", cmd_adjust, "correct a book (admin)"},
    {"secrets", cmd_secrets, "store, name and remove secrets"},
    {"webhooks", cmd_webhooks, "have URLs told when generations end"},
    {"usage", cmd_usage, "list what was billed, call by call, or sums of it"},
    {"ledger", cmd_ledger, "list transfers, or audit the books"},
    {"projects", cmd_projects, "list, create and set projects (admin)"},
    {"keys", cmd_keys, "list, create, rotate and revoke keys (admin)"},
    {"catalog", cmd_catalog, "check catalog files"},
    {"providers", cmd_providers, "show providers, set their keys, pause and resume (admin)"},
    {"provider", cmd_provider, "check a provider's description, try it once, record that"},
    {"doctor", cmd_doctor, "look for what is wrong, and say what to do"},
    {"twin", cmd_twin, "stand in for providers on this machine"},
    {"completion", cmd_completion, "print a script that completes commands in a shell"},
    {"man", cmd_man, "print the manual page"},
    {"version", cmd_version, "print the version"},
    {"help", cmd_help, "explain a subcommand"},
};
enum { COMMAND_COUNT = sizeof command_table / sizeof *command_table };
const int command_count = COMMAND_COUNT;

static void overview(FILE *f) {
    fputs("usage: puras COMMAND [arguments]\n\n", f);
    for (int i = 0; i < COMMAND_COUNT; i++) fprintf(f, "  %-12s %s\n", command_table[i].name, command_table[i].about);
    fputs("\n`puras help COMMAND` says more. All but serve, catalog, provider, completion, man, version and help speak to a server:\n"
          "  PURAS_API_BASE   where it is (http://127.0.0.1:8080)\n"
          "  PURAS_API_KEY    the key to use; a new server writes its keys to credentials.json in its data folder\n",
          f);
}

static const struct command_row *find(const char *name) {
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (!strcmp(command_table[i].name, name)) return &command_table[i];
    return NULL;
}

static int unknown(const char *name) {
    _cleanup_(arena_done) struct arena a = {0};
    const char *names[COMMAND_COUNT];
    for (int i = 0; i < COMMAND_COUNT; i++) names[i] = command_table[i].name;
    const char *near = near_words(name, names, COMMAND_COUNT, &a);
    fprintf(stderr, "puras: there is no command \"%s\"", safe_text(&a, str_of(name)));
    if (near) fprintf(stderr, "; perhaps you meant: %s", near);
    fputs(". `puras help` lists the commands.\n", stderr);
    return 2;
}

static int cmd_version(int argc, char **argv) {
    _cleanup_(arena_done) struct arena a = {0};
    struct words args;
    const struct opt opts[] = {{0}};
    const struct usage u = {"version", "Prints the version.", opts, 0, 0};
    int status;
    if (!cli_parse(&u, argc, argv, &a, &args, &status)) return status;
    printf("puras %s\n", PURAS_VERSION);
    return 0;
}

int command_describe(const struct command_row *c, const char *format) {
    char option[32];
    snprintf(option, sizeof option, "--help=%s", format);
    return c->run(2, (char *[]){(char *)c->name, option, NULL});
}

static int cmd_help(int argc, char **argv) {
    _cleanup_(arena_done) struct arena a = {0};
    struct words args;
    const struct opt opts[] = {{0}};
    const struct usage u = {"help [COMMAND]", "Explains a subcommand; without one, lists them.", opts, 0, 1};
    int status;
    if (!cli_parse(&u, argc, argv, &a, &args, &status)) return status;
    if (!args.count) {
        overview(stdout);
        return 0;
    }
    const struct command_row *c = find(args.at[0]);
    return c ? command_describe(c, "text") : unknown(args.at[0]);
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of the write that met it */
    if (argc < 2) {
        overview(stderr);
        return 2;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) return cmd_help(1, argv);
    if (!strcmp(argv[1], "--version")) return cmd_version(1, argv);
    const struct command_row *c = find(argv[1]);
    int status = c ? c->run(argc - 1, argv + 1) : unknown(argv[1]);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        struct pollfd p = {.fd = STDOUT_FILENO};
        if (poll(&p, 1, 0) > 0 && p.revents & POLLERR) return status ? status : 1; /* `puras models | head`: the reader has had enough */
        fputs("puras: what was to be printed could not be written.\n", stderr);
        return status ? status : 1;
    }
    return status;
}
