/* The house rules of the source tree, executed: house_check reads a tree and lists what breaks them. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum house_rule {
    RULE_INCLUDE,    /* a room includes only the rooms of its row */
    RULE_CYCLE,      /* rooms do not include each other in a circle */
    RULE_SQL,        /* SQL, and the headers of databases, only in src/store */
    RULE_CLOCK,      /* clocks and randomness are read only in src/io */
    RULE_BANNED,     /* calls that are never safe enough */
    RULE_FILE_SIZE,  /* at most 800 lines in a .c file */
    RULE_FUNCTION,   /* at most 100 lines in a function */
    RULE_SQL_WORD,   /* what PostgreSQL-compatible distributed databases cannot serve */
    RULE_PATH,       /* no path of a developer's machine */
    RULE_ROOM,       /* every room has a meson.build and a row in the table */
    RULE_DOCS,       /* the public documents exist */
    RULE_GUARD,      /* every header begins with #pragma once */
    RULE_UNFINISHED, /* no marks of unfinished work */
    RULE_EXCEPTION,  /* an exception that excuses nothing any more */
    RULE_LIMITS,     /* docs/LIMITS.md is what scripts/limits.sh makes of its sources */
    RULE_COUNT
};

struct finding {
    enum house_rule rule;
    char file[160]; /* relative to the tree */
    int line;       /* 0: the file as a whole */
    char text[200];
    struct finding *next;
};

/* One source file, prepared for the rules. */
struct literal {
    struct str text; /* adjacent literals joined, quotes and escapes as written */
    int line;
    struct literal *next;
};
struct source {
    struct str path; /* "src/base/str.c" */
    struct str room; /* "base"; empty outside src/ */
    struct str name; /* "str.c" */
    struct str raw;
    struct str code; /* as long as raw: comments, literals and preprocessor lines are blanks, line ends are kept */
    struct literal *literals;
    int lines;
};
/* source.c: fills code and literals from raw. */
void source_read(struct source *s, struct arena *a);
int line_at(struct str text, size_t offset);
bool is_word_char(char c);
/* Finds `word` as a whole word, ASCII case folded; from and result are offsets, SIZE_MAX when there is none. */
size_t find_word(struct str text, const char *word, size_t from);

/* `strict`: also RULE_DOCS and RULE_EXCEPTION, which speak of the whole project. */
struct finding *house_check(const char *root, bool strict, struct arena *a);
const char *house_rule_name(enum house_rule r);
