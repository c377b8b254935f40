/* Options from small tables, and names near to a mistyped one. */
#include "cmd/cli.h"

#include <string.h>

enum { USAGE_STATUS = 2, NEAR_LONGEST = 40 };

/* Edits (insert, delete, replace, swap neighbours) between two short words. */
static int distance(const char *a, const char *b) {
    size_t m = strlen(a), n = strlen(b);
    int rows[3][NEAR_LONGEST + 1], *before = rows[0], *last = rows[1], *row = rows[2];
    if (m > NEAR_LONGEST || n > NEAR_LONGEST) return NEAR_LONGEST;
    for (size_t j = 0; j <= n; j++) last[j] = (int)j;
    for (size_t i = 1; i <= m; i++) {
        row[0] = (int)i;
        for (size_t j = 1; j <= n; j++) {
            int best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best) best = last[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && before[j - 2] + 1 < best) best = before[j - 2] + 1;
            row[j] = best;
        }
        int *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[n];
}

const char *near_words(const char *word, const char *const *names, size_t n, struct arena *a) {
    struct str list = {0};
    size_t length = strlen(word);
    for (size_t i = 0; i < n; i++) {
        bool begins = length >= 2 && strncmp(names[i], word, length) == 0;
        if (!begins && distance(word, names[i]) > (length <= 3 ? 1 : 2)) continue;
        list = list.len ? arena_printf(a, "%.*s, %s", STR_ARG(list), names[i]) : arena_printf(a, "%s", names[i]);
    }
    return list.len ? list.ptr : NULL;
}

static const struct opt *by_letter(const struct usage *u, char letter) {
    for (const struct opt *o = u->opts; o->name; o++)
        if (o->letter == letter) return o;
    return NULL;
}

static const struct opt *by_name(const struct usage *u, struct str name) {
    for (const struct opt *o = u->opts; o->name; o++)
        if (str_is(name, o->name)) return o;
    return NULL;
}

__attribute__((format(printf, 2, 3))) static bool wrong(const struct usage *u, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("puras: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    struct str command, rest;
    str_cut(str_of(u->synopsis), ' ', &command, &rest);
    fprintf(stderr, "\nusage: puras %s\n`puras help %.*s` says more.\n", u->synopsis, STR_ARG(command));
    return false;
}

static void add_word(struct words *w, const char *word, int most, struct arena *a) {
    if (!w->at) w->at = arena_array(a, const char *, (size_t)most);
    w->at[w->count++] = word;
}

static bool set_value(const struct usage *u, const struct opt *o, const char *value, int argc, struct arena *a) {
    if (o->text) *o->text = value;
    if (o->list) add_word(o->list, value, argc, a);
    if (o->number && (!str_to_i64(str_of(value), o->number) || *o->number < 0))
        return wrong(u, "--%s takes a whole number, not \"%s\".", o->name, value);
    return true;
}

static bool unknown(const struct usage *u, const char *given, struct str name, struct arena *a) {
    const char *names[64];
    size_t n = 0;
    for (const struct opt *o = u->opts; o->name && n < 63; o++) names[n++] = o->name;
    names[n++] = "help";
    const char *near = near_words(arena_strz(a, name), names, n, a);
    return near ? wrong(u, "there is no option %s; perhaps you meant --%s.", given, near) : wrong(u, "there is no option %s.", given);
}

struct walk {
    const struct usage *u;
    int argc, at;
    char **argv;
    struct arena *a;
};

static bool take_value(struct walk *w, const struct opt *o, const char *attached) {
    if (!attached && w->at + 1 >= w->argc) return wrong(w->u, "--%s needs a value: %s.", o->name, o->value);
    return set_value(w->u, o, attached ? attached : w->argv[++w->at], w->argc, w->a);
}

static bool long_option(struct walk *w, const char *arg) {
    struct str name, value;
    bool attached = str_cut(str_of(arg + 2), '=', &name, &value);
    const struct opt *o = by_name(w->u, name);
    if (!o) return unknown(w->u, arg, name, w->a);
    if (!o->value) {
        if (attached) return wrong(w->u, "--%s takes no value.", o->name);
        *o->flag = true;
        return true;
    }
    return take_value(w, o, attached ? value.ptr : NULL);
}

static bool short_options(struct walk *w, const char *arg) {
    for (const char *p = arg + 1; *p; p++) {
        const struct opt *o = by_letter(w->u, *p);
        if (!o) return unknown(w->u, arg, str_n(p, 1), w->a);
        if (o->value) return take_value(w, o, p[1] ? p + 1 : NULL);
        *o->flag = true;
    }
    return true;
}

bool cli_parse(const struct usage *u, int argc, char **argv, struct arena *a, struct words *out_args, int *out_status) {
    struct walk w = {.u = u, .argc = argc, .argv = argv, .a = a};
    struct words args = {0};
    bool only_args = false;
    *out_status = USAGE_STATUS;
    for (w.at = 1; w.at < argc; w.at++) {
        const char *arg = argv[w.at];
        bool number = arg[0] == '-' && arg[1] >= '0' && arg[1] <= '9'; /* an amount below zero, which no option is called */
        if (only_args || arg[0] != '-' || !arg[1] || number) add_word(&args, arg, argc, a);
        else if (!strcmp(arg, "--")) only_args = true;
        else if (!strcmp(arg, "--help") || !strcmp(arg, "-h")) {
            usage_print(u, "text", stdout);
            *out_status = 0;
            return false;
        } else if (!strncmp(arg, "--help=", 7)) {
            if (!usage_print(u, arg + 7, stdout)) return wrong(u, "--help takes no value but text, man, bash, zsh or fish.");
            *out_status = 0;
            return false;
        } else if (!(arg[1] == '-' ? long_option(&w, arg) : short_options(&w, arg))) return false;
    }
    if (args.count < u->least) return wrong(u, "something is missing.");
    if (u->most >= 0 && args.count > u->most) return wrong(u, "\"%s\" is one argument too many.", args.at[u->most]);
    *out_args = args;
    return true;
}
