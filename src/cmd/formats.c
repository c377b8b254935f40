/* One table of a subcommand, told five ways: help, a section of the manual, and what three shells complete. Called by cli_parse alone,
 * so that nothing is explained or completed that would not be parsed. */
#include "cmd/cli.h"

#include <string.h>

/* --- what the synopsis says --- */

static bool is_verb_letter(char c) { return (c >= 'a' && c <= 'z') || c == '-'; }

/* The next lower-case word that begins an alternative: "keys [list | create ..." has list and create. */
static bool next_verb(const char **at, struct str *out) {
    const char *p = *at;
    while (*p) {
        while (*p == ' ' || *p == '[' || *p == '|') p++;
        const char *from = p;
        while (is_verb_letter(*p)) p++;
        bool ended = !*p || *p == ' ' || *p == ']' || *p == '|' || *p == '[';
        bool verb = p > from && *from != '-' && ended;
        *out = str_n(from, (size_t)(p - from));
        p += strcspn(p, "|");
        *at = p;
        if (verb) return true;
    }
    return false;
}

static const char *behind_name(const struct usage *u) { return u->synopsis + strcspn(u->synopsis, " "); }

static struct str name_of(const struct usage *u) { return str_n(u->synopsis, strcspn(u->synopsis, " ")); }

static void put_verbs(const struct usage *u, FILE *f) {
    struct str verb;
    const char *between = "";
    for (const char *p = behind_name(u); next_verb(&p, &verb); between = " ") fprintf(f, "%s%.*s", between, STR_ARG(verb));
}

/* What a positional argument is taken from, beside the verbs. */
static const char *source_of(const struct usage *u) {
    const char *rest = behind_name(u);
    if (strstr(rest, "MODEL") || strstr(rest, "SLUG")) return "models";
    if (strstr(rest, "COMMAND")) return "commands";
    return strstr(rest, "FILE") || strstr(rest, "[DIR]") ? "files" : "";
}

/* --- text in other languages --- */

/* Text inside single quotes of a shell: fish escapes, the others leave the quotes for a moment. */
void shell_text(FILE *f, const char *text, bool fish) {
    for (; *text; text++) {
        if (*text == '\'') fputs(fish ? "\\'" : "'\\''", f);
        else if (*text == '\\' && fish) fputs("\\\\", f);
        else fputc(*text == '\n' ? ' ' : *text, f);
    }
}

void roff_text(FILE *f, const char *text) {
    bool line_begins = true;
    for (; *text; text++) {
        if (line_begins && *text == '.') fputs("\\&", f);
        line_begins = *text == '\n';
        switch (*text) {
        case '\\': fputs("\\e", f); break;
        case '-': fputs("\\-", f); break;
        case '\'': fputs("\\(aq", f); break;
        case '`': fputs("\\(ga", f); break;
        case '^': fputs("\\(ha", f); break;
        case '~': fputs("\\(ti", f); break;
        default: fputc(*text, f);
        }
    }
}

/* --- the five --- */

static void print_help(const struct usage *u, FILE *f) {
    fprintf(f, "usage: puras %s\n\n%s\n\noptions:\n", u->synopsis, u->about);
    for (const struct opt *o = u->opts; o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "%c%c%s --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
                 o->value ? " " : "", o->value ? o->value : "");
        fprintf(f, "  %-26s %s\n", left, o->about);
    }
    fprintf(f, "  %-26s %s\n", "-h, --help", "this text");
}

static void print_man(const struct usage *u, FILE *f) {
    fprintf(f, ".SS puras %.*s\n\\fBpuras %.*s\\fR", STR_ARG(name_of(u)), STR_ARG(name_of(u)));
    roff_text(f, behind_name(u));
    fputs("\n.PP\n", f);
    roff_text(f, u->about);
    fputc('\n', f);
    for (const struct opt *o = u->opts; o->name; o++) {
        fputs(".TP\n\\fB", f);
        if (o->letter) fprintf(f, "\\-%c\\fR, \\fB", o->letter);
        fputs("\\-\\-", f);
        roff_text(f, o->name);
        fputs("\\fR", f);
        if (o->value) {
            fputs(" \\fI", f);
            roff_text(f, o->value);
            fputs("\\fR", f);
        }
        fputc('\n', f);
        roff_text(f, o->about);
        fputc('\n', f);
    }
}

/* Every name of the options; only those with a value, or all and help. */
static void put_options(const struct usage *u, bool with_value, FILE *f) {
    for (const struct opt *o = u->opts; o->name; o++) {
        if (with_value && !o->value) continue;
        if (o->letter) fprintf(f, "-%c ", o->letter);
        fprintf(f, "--%s ", o->name);
    }
    if (!with_value) fputs("-h --help", f);
}

static void print_bash(const struct usage *u, FILE *f) {
    fprintf(f, "    %.*s) options='", STR_ARG(name_of(u)));
    put_options(u, false, f);
    fputs("' values=' ", f);
    put_options(u, true, f);
    fputs("' verbs='", f);
    put_verbs(u, f);
    fprintf(f, "' from='%s' ;;\n", source_of(u));
}

static void print_zsh(const struct usage *u, FILE *f) {
    fprintf(f, "    %.*s) options=(", STR_ARG(name_of(u)));
    for (const struct opt *o = u->opts; o->name; o++) {
        fprintf(f, "'--%s:", o->name);
        shell_text(f, o->about, false);
        fputs("' ", f);
    }
    fputs("'--help:explain the subcommand') values=(", f);
    put_options(u, true, f);
    fputs(") verbs=(", f);
    put_verbs(u, f);
    fprintf(f, ") from='%s' ;;\n", source_of(u));
}

static void print_fish(const struct usage *u, FILE *f) {
    char begin[120];
    snprintf(begin, sizeof begin, "complete -c puras -n '__fish_seen_subcommand_from %.*s'", STR_ARG(name_of(u)));
    for (const struct opt *o = u->opts; o->name; o++) {
        bool file = o->value && (strstr(o->value, "FILE") || strstr(o->value, "DIR") || strstr(o->value, "KEY=VALUE"));
        fputs(begin, f);
        if (o->letter) fprintf(f, " -s %c", o->letter);
        fprintf(f, " -l %s%s -d '", o->name, !o->value ? "" : file ? " -r -F" : " -x");
        shell_text(f, o->about, true);
        fputs("'\n", f);
    }
    struct str verb;
    const char *verbs = behind_name(u), *source = source_of(u);
    if (next_verb(&verbs, &verb)) {
        fprintf(f, "%s -a '", begin);
        put_verbs(u, f);
        fputs("'\n", f);
    }
    if (!strcmp(source, "models")) fprintf(f, "%s -a '(__puras_models)'\n", begin);
    if (!strcmp(source, "commands")) fprintf(f, "%s -a '(__puras_commands)'\n", begin);
    if (!strcmp(source, "files")) fprintf(f, "%s -F\n", begin);
}

static const struct {
    const char *name;
    void (*print)(const struct usage *u, FILE *f);
} FORMATS[] = {{"text", print_help}, {"man", print_man}, {"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

bool usage_print(const struct usage *u, const char *format, FILE *f) {
    for (size_t i = 0; i < sizeof FORMATS / sizeof *FORMATS; i++)
        if (!strcmp(FORMATS[i].name, format)) {
            FORMATS[i].print(u, f);
            return true;
        }
    return false;
}
