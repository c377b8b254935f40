/* What the subcommands share: options, the connection, errors, tables, amounts for people. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/money.h"
#include "client/client.h"

#include <stdio.h>

/* --- the tables of the program: help, manual and completion are made from them --- */
struct command_row {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the name; the answer is the exit status */
    const char *about;
};
extern const struct command_row command_table[];
extern const int command_count;
struct exit_row {
    int status;
    const char *about;
};
extern const struct exit_row exit_table[]; /* every exit status of err.def and 0 */
extern const int exit_count;

/* --- arguments --- */
struct words {
    const char **at;
    int count;
};
/* One of flag, text, number, list is set. Names are given without dashes; letter 0: none. */
struct opt {
    char letter;
    const char *name;
    const char *value; /* how help names the value; NULL for flags */
    const char *about;
    bool *flag;
    const char **text;
    int64_t *number;    /* whole, not below zero */
    struct words *list; /* repeatable */
};
struct usage {
    const char *synopsis; /* "run MODEL [-i key=value]... [-o FILE]" */
    const char *about;    /* a paragraph, lines already broken */
    const struct opt *opts; /* ends with name NULL; --help is added */
    int least, most;        /* positional arguments; most -1: any number */
};
/* True: go on, *out_args holds the positional arguments (memory in `a`). False: *out_status says how to exit. Options may stand
 * before, between and after arguments; `--` ends them. */
bool cli_parse(const struct usage *u, int argc, char **argv, struct arena *a, struct words *out_args, int *out_status);
/* The table as "text" (help), "man" (a section of roff), or a part of the completion script for "bash", "zsh" or "fish"; false: there
 * is no such format. cli_parse calls it for --help and for --help=FORMAT, by which every subcommand describes itself. */
bool usage_print(const struct usage *u, const char *format, FILE *f);
/* Has a subcommand print itself so on stdout; its exit status. */
int command_describe(const struct command_row *c, const char *format);
void roff_text(FILE *f, const char *text); /* as running text of a manual page */
void shell_text(FILE *f, const char *text, bool fish); /* inside single quotes of a shell */
/* The names of `names` (n of them) that a mistyped word may have meant, as "a, b", or NULL. */
const char *near_words(const char *word, const char *const *names, size_t n, struct arena *a);

/* --- one run of a subcommand --- */
struct cli {
    struct arena a;
    struct client *client;
    const char *base; /* NULL: PURAS_API_BASE */
    msec timeout;     /* of one request; 0: the client's own */
    bool json; /* raw answers on stdout */
};
void cli_done(struct cli *c);
/* Prints the sentence on stderr (and, with --json, the error as JSON on stdout) and returns the exit status. */
int cli_fail(const struct cli *c, const struct why *why);
int cli_say(const struct cli *c, err code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Makes the client. 0, or the exit status after the error was printed. */
int cli_connect(struct cli *c, bool needs_key);
/* One request; `body` empty: none. With `keyed` it carries a fresh idempotency key. 0 and *out, or the exit status. */
int cli_call(struct cli *c, const char *method, const char *path, struct str body, bool keyed, struct client_reply *out);
/* cli_call for a GET, then prints the raw answer with --json (*out NULL) or hands it over. */
int cli_get(struct cli *c, const char *path, const struct json **out);
void cli_print_raw(struct str json);

/* --- reading answers --- */
const char *jtext(struct arena *a, const struct json *j, const char *key); /* "" when absent; safe to print on a terminal */
const char *jwords(struct arena *a, const struct json *j, const char *key); /* of a list, the texts, with blanks between them */
int64_t jint(const struct json *j, const char *key);                       /* 0 when absent */
/* Text for a terminal: control bytes and broken UTF-8 become '?'. */
const char *safe_text(struct arena *a, struct str s);
const char *usd_text(struct arena *a, micros m);    /* "0.01 USD" */
const char *amount_text(struct arena *a, micros m); /* "0.01 USD (10000 micros)" */
const char *bytes_text(struct arena *a, int64_t bytes);
const char *time_text(struct arena *a, const char *iso); /* "2026-11-22 08:30:00" */

/* --- tables --- */
struct table {
    struct arena *a;
    int columns;
    const char *const *titles; /* '>' before a title sets the column to the right, '=' keeps it whole on any screen */
    const char **cells;
    int rows, room;
};
void table_add(struct table *t, const char *const *cells);
/* Fits the terminal: the widest columns are cut, and where that is not enough those on the right are left out. Not a terminal: nothing is cut. */
void table_print(const struct table *t, FILE *f);
int terminal_width(FILE *f); /* 0: not a terminal */

/* --- places --- */
/* The catalog shipped with this program: beside the source tree it was built in, or below the prefix it was installed to. */
bool shipped_catalog(char *out, size_t size);
/* The media helper beside this program. */
bool shipped_helper(char *out, size_t size);

/* --- subcommands --- */
int cmd_top(int argc, char **argv);
int cmd_completion(int argc, char **argv);
int cmd_man(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_twin(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_quote(int argc, char **argv);
int cmd_models(int argc, char **argv);
int cmd_balance(int argc, char **argv);
int cmd_generations(int argc, char **argv);
int cmd_drive(int argc, char **argv);
int cmd_top_up(int argc, char **argv);
int cmd_projects(int argc, char **argv);
int cmd_keys(int argc, char **argv);
int cmd_ledger(int argc, char **argv);
int cmd_usage(int argc, char **argv);
int cmd_why(int argc, char **argv);
int cmd_adjust(int argc, char **argv);
int cmd_secrets(int argc, char **argv);
int cmd_webhooks(int argc, char **argv);
int cmd_catalog(int argc, char **argv);
int cmd_providers(int argc, char **argv);
int cmd_provider(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
