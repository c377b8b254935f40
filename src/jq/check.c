/* Finds words of the language in a jq program, as its own lexer would: what stands in text, in comments, behind a dot or as the key
 * of an object is a name, not a word. Text may hold programs again, in \( ). */
#include "jq/jq.h"

#include <ctype.h>

enum { NEST_MAX = 256 };

struct lexer {
    struct str s;
    size_t at;
    char nest[NEST_MAX]; /* open brackets: ( [ {, i for `if`, " for a program within text */
    int depth;
    bool key;    /* within { }: a key comes next */
    bool dollar; /* the last token was $ */
};

static const char *const FORBIDDEN[] = {
    "input", "inputs", "env", "include", "import", "input_line_number", "input_filename", "debug", "stderr", "modulemeta", "get_search_list",
    "halt", "halt_error", "now", "localtime", "strflocaltime",
};

static bool is_name_start(char c) { return isalpha((unsigned char)c) || c == '_'; }
static bool is_name(char c) { return isalnum((unsigned char)c) || c == '_'; }

static err forbidden(struct why *why, const char *sign, struct str word) {
    return why_set(why, E_DESCRIPTION, "The jq program uses %s%.*s, which is not allowed here: a program sees only what it is given.", sign, STR_ARG(word));
}

static err open_nest(struct lexer *l, char c, struct why *why) {
    if (l->depth == NEST_MAX) return why_set(why, E_DESCRIPTION, "The jq program is nested more than %d levels deep.", NEST_MAX);
    l->nest[l->depth++] = c;
    l->key = c == '{';
    return OK;
}

/* From behind a quote, or behind the ) that ends a program within the text, to the closing quote or the next \( . */
static err skip_text(struct lexer *l, struct why *why) {
    while (l->at < l->s.len) {
        char c = l->s.ptr[l->at++];
        if (c == '"') return OK;
        if (c != '\\' || l->at == l->s.len) continue;
        if (l->s.ptr[l->at++] == '(') return open_nest(l, '"', why);
    }
    return OK; /* it does not end: the compiler will say so */
}

static err close_nest(struct lexer *l, struct why *why) {
    char open = l->depth ? l->nest[--l->depth] : 0;
    l->key = false; /* a key that was a program, or a whole value: ':' or ',' comes next */
    return open == '"' ? skip_text(l, why) : OK;
}

static err take_word(struct lexer *l, struct why *why) {
    size_t from = l->at;
    bool field = from && l->s.ptr[from - 1] == '.';
    while (l->at < l->s.len && is_name(l->s.ptr[l->at])) l->at++;
    struct str word = str_n(l->s.ptr + from, l->at - from);
    bool dollar = l->dollar, key = l->key && l->depth && l->nest[l->depth - 1] == '{';
    l->dollar = false;
    if (dollar) return str_is(word, "ENV") ? forbidden(why, "$", word) : OK;
    if (field || key) return OK;
    if (str_is(word, "if")) return open_nest(l, 'i', why);
    if (str_is(word, "end")) return close_nest(l, why);
    for (size_t i = 0; i < sizeof FORBIDDEN / sizeof *FORBIDDEN; i++)
        if (str_is(word, FORBIDDEN[i])) return forbidden(why, "", word);
    return OK;
}

static err take_sign(struct lexer *l, struct why *why) {
    char c = l->s.ptr[l->at++];
    if (c == '#') {
        while (l->at < l->s.len && l->s.ptr[l->at] != '\n') l->at++;
        return OK;
    }
    if (isspace((unsigned char)c)) return OK;
    l->dollar = c == '$';
    switch (c) {
    case '"': return skip_text(l, why);
    case '(': case '[': case '{': return open_nest(l, c, why);
    case ')': case ']': case '}': return close_nest(l, why);
    case ',': l->key = l->depth && l->nest[l->depth - 1] == '{'; return OK;
    case ':': l->key = false; return OK;
    default: return OK;
    }
}

err jq_check(struct str program, struct why *why) {
    struct lexer l = {.s = program};
    while (l.at < program.len) TRY(is_name_start(program.ptr[l.at]) ? take_word(&l, why) : take_sign(&l, why));
    return OK;
}
