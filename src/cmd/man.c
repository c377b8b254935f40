/* puras man: the manual page, made from the tables of subcommands, options, exit statuses and error codes. */
#include "base/cleanup.h"
#include "cmd/cli.h"

static const struct {
    const char *name, *about;
} ENVIRONMENT[] = {
    {"PURAS_API_BASE", "Where the server is (http://127.0.0.1:8080)."},
    {"PURAS_API_KEY", "The key to use. A new server writes its keys to credentials.json in its data folder."},
    {"PURAS_MASTER_KEY_FILE", "For `puras serve`: a file with the master key, 64 hexadecimal digits, instead of master.key in the data folder."},
    {"LISTEN_FDS, LISTEN_PID", "For `puras serve`: the listening socket handed over by the service manager."},
    {"COLUMNS", "How wide tables are where the terminal does not tell."},
};

/* Codes of one exit status, from the table of all errors. */
static void put_codes(int status) {
    const char *between = "Codes: ";
    for (int e = 0; e < ERR_COUNT; e++) {
        if (e == OK || err_info((err)e)->exit_status != status) continue;
        fputs(between, stdout);
        roff_text(stdout, err_info((err)e)->code);
        between = ", ";
    }
    if (between[0] == ',') fputs(".\n", stdout);
}

static void put_rest(void) {
    fputs(".SH EXIT STATUS\n", stdout);
    for (int i = 0; i < exit_count; i++) {
        printf(".TP\n\\fB%d\\fR\n", exit_table[i].status);
        roff_text(stdout, exit_table[i].about);
        fputs(".\n", stdout);
        put_codes(exit_table[i].status);
    }
    fputs(".SH ENVIRONMENT\n", stdout);
    for (size_t i = 0; i < sizeof ENVIRONMENT / sizeof *ENVIRONMENT; i++) {
        printf(".TP\n\\fB%s\\fR\n", ENVIRONMENT[i].name);
        roff_text(stdout, ENVIRONMENT[i].about);
        fputc('\n', stdout);
    }
}

int cmd_man(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    struct words args;
    const struct opt opts[] = {{0}};
    const struct usage u = {"man", "Prints the manual page; read it with puras man | man -l -, or, once installed, man puras.", opts, 0, 0};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    printf(".\\\" made by `puras man`\n.TH PURAS 1 \"\" \"puras %s\" \"User Commands\"\n", PURAS_VERSION);
    fputs(".SH NAME\npuras \\- run image, video, music and voice models, priced and billed\n"
          ".SH SYNOPSIS\n\\fBpuras\\fR \\fICOMMAND\\fR [\\fIarguments\\fR]\n"
          ".SH DESCRIPTION\nA self\\-hosted media platform in one program: \\fBpuras serve\\fR is the server, the other commands speak to one.\n"
          "Options may stand before, between and after arguments; \\-\\- ends them. Every command takes \\-h and \\-\\-help.\n.SH COMMANDS\n", stdout);
    for (int i = 0; i < command_count; i++) {
        printf(".TP\n\\fB%s\\fR\n", command_table[i].name);
        roff_text(stdout, command_table[i].about);
        fputc('\n', stdout);
    }
    fputs(".SH USAGE\n", stdout);
    status = 0;
    for (int i = 0; i < command_count && !status; i++) status = command_describe(&command_table[i], "man");
    put_rest();
    return status;
}
