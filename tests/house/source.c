/* Takes a C source apart just far enough for the house rules: code without comments and literals, and the literals. */
#include "house.h"

#include <ctype.h>
#include <stdint.h>
#include <strings.h>

bool is_word_char(char c) { return isalnum((unsigned char)c) || c == '_'; }

int line_at(struct str text, size_t offset) {
    int line = 1;
    for (size_t i = 0; i < offset && i < text.len; i++) line += text.ptr[i] == '\n';
    return line;
}

size_t find_word(struct str text, const char *word, size_t from) {
    size_t n = strlen(word);
    for (size_t i = from; i + n <= text.len; i++) {
        if (strncasecmp(text.ptr + i, word, n) != 0) continue;
        if (is_word_char(word[0]) && i > 0 && is_word_char(text.ptr[i - 1])) continue;
        if (is_word_char(word[n - 1]) && i + n < text.len && is_word_char(text.ptr[i + n])) continue;
        return i;
    }
    return SIZE_MAX;
}

struct scan {
    struct source *s;
    struct arena *a;
    char *code;
    size_t at;
    struct literal **tail;
    struct literal *last;
    bool joined; /* only blanks and comments since the last literal */
};

static char peek(const struct scan *c, size_t ahead) {
    return c->at + ahead < c->s->raw.len ? c->s->raw.ptr[c->at + ahead] : 0;
}

static void keep_line_ends(struct scan *c, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) c->code[i] = c->s->raw.ptr[i] == '\n' ? '\n' : ' ';
}

static void skip_comment(struct scan *c, bool block) {
    size_t from = c->at;
    c->at += 2;
    while (c->at < c->s->raw.len) {
        if (block && peek(c, 0) == '*' && peek(c, 1) == '/') {
            c->at += 2;
            break;
        }
        if (!block && peek(c, 0) == '\n') break;
        c->at++;
    }
    keep_line_ends(c, from, c->at);
}

static void add_literal(struct scan *c, struct str text, size_t offset) {
    if (c->joined && c->last) {
        c->last->text = arena_printf(c->a, "%.*s%.*s", STR_ARG(c->last->text), STR_ARG(text));
        return;
    }
    struct literal *l = arena_new(c->a, struct literal);
    l->text = text;
    l->line = line_at(c->s->raw, offset);
    *c->tail = c->last = l;
    c->tail = &l->next;
}

static void skip_quoted(struct scan *c, char quote) {
    size_t from = c->at++;
    while (c->at < c->s->raw.len && peek(c, 0) != quote && peek(c, 0) != '\n') c->at += peek(c, 0) == '\\' ? 2 : 1;
    if (c->at > c->s->raw.len) c->at = c->s->raw.len;
    struct str inside = str_n(c->s->raw.ptr + from + 1, c->at - from - 1);
    if (c->at < c->s->raw.len) c->at++;
    keep_line_ends(c, from, c->at);
    if (quote != '"') {
        c->joined = false;
        return;
    }
    c->code[from] = '"'; /* so that a call with a literal still looks like one */
    add_literal(c, inside, from);
    c->joined = true;
}

/* A directive is no code, but its literals count: SQL may hide in a macro. Returns false inside an #include. */
static bool directive(struct scan *c) {
    size_t i = c->at;
    while (i > 0 && (c->s->raw.ptr[i - 1] == ' ' || c->s->raw.ptr[i - 1] == '\t')) i--;
    return i == 0 || c->s->raw.ptr[i - 1] == '\n';
}

void source_read(struct source *s, struct arena *a) {
    struct scan c = {.s = s, .a = a, .code = arena_bytes(a, s->raw.len + 1), .tail = &s->literals};
    bool in_directive = false;
    while (c.at < s->raw.len) {
        char ch = peek(&c, 0);
        if (ch == '/' && (peek(&c, 1) == '*' || peek(&c, 1) == '/')) {
            skip_comment(&c, peek(&c, 1) == '*');
        } else if (ch == '"' || ch == '\'') {
            skip_quoted(&c, ch);
            if (in_directive && ch == '"') c.joined = false;
        } else {
            if (ch == '#' && directive(&c)) in_directive = true;
            if (ch == '\n' && in_directive && (c.at == 0 || s->raw.ptr[c.at - 1] != '\\')) in_directive = false;
            if (!isspace((unsigned char)ch) && ch != '\\') c.joined = false;
            c.code[c.at] = in_directive && ch != '\n' ? ' ' : ch;
            c.at++;
        }
    }
    c.code[s->raw.len] = 0;
    s->code = str_n(c.code, s->raw.len);
    s->lines = line_at(s->raw, s->raw.len) - (s->raw.len > 0 && s->raw.ptr[s->raw.len - 1] == '\n');
}
