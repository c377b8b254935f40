/* The rules themselves, each a function over one source, and the walk over the tree. The tables at the top are the law; an
 * exception is a line with its reason. */
#include "house.h"
#include "base/cleanup.h"
#include "base/hash.h"

#include <dirent.h>
#include <stdint.h>
#include <sys/stat.h>

/* One row per room: exactly the rooms it may include besides itself. */
static const struct {
    const char *room, *may;
} ROOMS[] = {
    {"base", ""},
    {"core", "base"},
    {"io", "base core"},
    {"http", "base io"},
    {"media", "base"},
    {"drive", "base"},
    {"jq", "base"},
    {"store", "base core"},
    {"catalog", "base core"},
    {"provider", "base core catalog"},
    {"engine", "base core io store catalog media drive jq provider twin"},
    {"ops", "base core io store catalog drive media"},
    {"twin", "base io http media"},
    {"api", "base http ops io"},
    {"client", "base"},
    {"cmd", "base core io http media drive jq store catalog provider engine ops twin api client"},
};
enum { ROOM_COUNT = sizeof ROOMS / sizeof *ROOMS };

static const struct {
    enum house_rule rule;
    const char *file; /* a path, or its beginning */
    const char *what; /* call, word or function; NULL: anything */
    const char *reason;
} EXCEPTIONS[] = {
    {RULE_CLOCK, "src/io/", NULL, "the door: time and chance are read here"},
    {RULE_CLOCK, "src/client/", NULL, "runs in the caller's process, which has no door"},
    {RULE_CLOCK, "src/cmd/", NULL, "runs at the terminal, and makes the first key of an empty folder"},
    {RULE_CLOCK, "src/media/helper/", NULL, "another process, which measures its own work"},
    {RULE_BANNED, "src/media/helper/encode.c", "setjmp", "libpng reports errors in no other way"},
    {RULE_BANNED, "src/media/helper/encode.c", "longjmp", "libpng reports errors in no other way"},
    {RULE_BANNED, "src/media/helper/read_png.c", "setjmp", "libpng reports errors in no other way"},
    {RULE_BANNED, "src/media/helper/read_jpeg.c", "setjmp", "libjpeg reports errors in no other way"},
    {RULE_BANNED, "src/media/helper/read_jpeg.c", "longjmp", "libjpeg reports errors in no other way"},
};
enum { EXCEPTION_COUNT = sizeof EXCEPTIONS / sizeof *EXCEPTIONS };

static const char *const CLOCKS[] = {
    "time",     "clock",    "clock_gettime", "gettimeofday", "timespec_get",    "uv_now",   "uv_hrtime",  "getrandom",
    "getentropy", "rand",   "random",        "srand",        "srandom",         "drand48",  "lrand48",    "arc4random",
    "RAND_bytes", "RAND_priv_bytes", "randombytes_buf", "randombytes_random", "randombytes_uniform",
};
static const char *const BANNED[] = {
    "strcpy", "strcat", "stpcpy", "sprintf", "vsprintf", "gets", "strtok", "system", "popen", "alloca", "tmpnam", "tempnam", "mktemp",
    "atoi", "atol", "atoll", "atof", "asctime", "ctime", "localtime", "gmtime", "setjmp", "longjmp",
};
static const char *const SQL_WORDS[] = {
    "advisory", "pg_advisory_lock", "pg_advisory_xact_lock", "pg_try_advisory_lock", "pg_try_advisory_xact_lock", "listen", "notify",
    "pg_notify", "temp table", "temporary table", "sequence", "serial", "bigserial", "nextval", "trigger", "create function",
    "create or replace function", "create procedure", "now()", "ctid", "declare cursor", "cursor for", "autoincrement",
};
/* Written in two parts, or this file would find itself. */
static const char *const PATHS[] = {"/ho" "me/", "/Us" "ers/", "/wo" "rk/", "/ro" "ot/"};
static const char *const UNFINISHED[] = {"TO" "DO", "FIX" "ME", "XX" "X", "not imple" "mented yet"};
static const char *const DOCS[] = {
    "README.md", "CHANGELOG.md", "LICENSE", "docs/ARCHITECTURE.md", "docs/GLOSSARY.md", "docs/HACKING.md", "docs/HTTP.md",
    "docs/LEDGER.md", "docs/CATALOG.md", "docs/LIMITS.md", "docs/OPERATING.md", "docs/API.md", "docs/BENCHMARKS.md",
};
#define COUNT(table) (sizeof(table) / sizeof *(table))
enum { MAX_FILE_LINES = 800, MAX_FUNCTION_LINES = 100 };

struct house {
    struct arena *a;
    const char *root;
    struct finding *first, **tail;
    bool edge[ROOM_COUNT][ROOM_COUNT];
    bool used[EXCEPTION_COUNT];
};

const char *house_rule_name(enum house_rule r) {
    static const char *const names[] = {"include", "cycle", "sql", "clock", "banned", "file_size", "function", "sql_word", "path",
                                        "room", "docs", "guard", "unfinished", "exception", "limits"};
    return names[r];
}

static int room_index(struct str room) {
    for (int i = 0; i < ROOM_COUNT; i++)
        if (str_is(room, ROOMS[i].room)) return i;
    return -1;
}

static bool excused(struct house *h, enum house_rule rule, struct str file, const char *what) {
    for (int i = 0; i < EXCEPTION_COUNT; i++) {
        if (EXCEPTIONS[i].rule != rule || !str_starts(file, str_of(EXCEPTIONS[i].file))) continue;
        if (EXCEPTIONS[i].what && strcmp(EXCEPTIONS[i].what, what) != 0) continue;
        h->used[i] = true;
        return true;
    }
    return false;
}

__attribute__((format(printf, 6, 7))) static void found(struct house *h, enum house_rule rule, struct str file, int line, const char *what,
                                                        const char *format, ...) {
    if (excused(h, rule, file, what)) return;
    struct finding *f = arena_new(h->a, struct finding);
    f->rule = rule;
    f->line = line;
    snprintf(f->file, sizeof f->file, "%.*s", STR_ARG(file));
    va_list args;
    va_start(args, format);
    vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
    *h->tail = f;
    h->tail = &f->next;
}

static bool is_test(const struct source *s) {
    return str_starts(s->path, STR("tests/")) || str_ends(s->name, STR("_test.c")) || str_ends(s->name, STR("_fuzz.c")) ||
           str_ends(s->name, STR("_bench.c"));
}

/* --- who includes whom --- */

static void check_include(struct house *h, const struct source *s, struct str target, int line) {
    struct str room, rest;
    if (!str_cut(target, '/', &room, &rest)) {
        found(h, RULE_INCLUDE, s->path, line, "", "write the room too: \"%.*s/%.*s\"", STR_ARG(s->room), STR_ARG(target));
        return;
    }
    int from = room_index(s->room), to = room_index(room);
    if (from < 0 || to < 0) {
        found(h, RULE_INCLUDE, s->path, line, "", "\"%.*s\" is in no room of the table", STR_ARG(target));
        return;
    }
    if (from == to) return;
    if (!is_test(s)) h->edge[from][to] = true;
    if (find_word(str_of(ROOMS[from].may), ROOMS[to].room, 0) == SIZE_MAX)
        found(h, RULE_INCLUDE, s->path, line, ROOMS[to].room, "%s may not include %s", ROOMS[from].room, ROOMS[to].room);
}

static void check_includes(struct house *h, const struct source *s) {
    struct str rest = s->raw, line;
    for (int n = 1; rest.len; n++) {
        str_cut(rest, '\n', &line, &rest);
        struct str t = str_trim(line);
        if (!str_starts(t, STR("#include"))) continue;
        t = str_trim(str_skip(t, 8));
        if (t.len < 3) continue;
        struct str target = str_head(str_skip(t, 1), t.len - 2);
        struct str cut;
        if (str_cut(str_skip(t, 1), t.ptr[0] == '<' ? '>' : '"', &target, &cut) && t.ptr[0] == '"') check_include(h, s, target, n);
        bool database = str_is(target, "sqlite3.h") || str_is(target, "libpq-fe.h");
        if (database && !str_is(s->room, "store")) found(h, RULE_SQL, s->path, n, "", "<%.*s> belongs to src/store", STR_ARG(target));
    }
}

/* Depth first: a room met again on the way down closes a circle. */
static bool walk_rooms(struct house *h, int room, int *state) {
    if (state[room]) return state[room] == 1;
    state[room] = 1;
    for (int to = 0; to < ROOM_COUNT; to++) {
        if (!h->edge[room][to] || !walk_rooms(h, to, state)) continue;
        if (state[to] == 1) found(h, RULE_CYCLE, STR("src"), 0, "", "%s and %s include each other, directly or not", ROOMS[room].room, ROOMS[to].room);
    }
    state[room] = 2;
    return false;
}

static void check_cycles(struct house *h) {
    int state[ROOM_COUNT] = {0};
    for (int i = 0; i < ROOM_COUNT; i++) walk_rooms(h, i, state);
}

/* --- what stands in literals --- */

static bool looks_like_sql(struct str text) {
    static const char *const alone[] = {"insert into", "delete from", "create table", "alter table", "drop table", "create index", "begin immediate"};
    for (size_t i = 0; i < COUNT(alone); i++)
        if (find_word(text, alone[i], 0) != SIZE_MAX) return true;
    struct str t = str_trim(text);
    size_t select = find_word(t, "select", 0), update = find_word(t, "update", 0);
    if (select == 0 && find_word(t, "from", 6) != SIZE_MAX) return true;
    return update == 0 && find_word(t, "set", 6) != SIZE_MAX;
}

static void check_literals(struct house *h, const struct source *s) {
    bool store = str_is(s->room, "store");
    for (const struct literal *l = s->literals; l; l = l->next) {
        if (!store && s->room.len && looks_like_sql(l->text)) found(h, RULE_SQL, s->path, l->line, "", "SQL outside src/store");
        if (!store || is_test(s)) continue;
        for (size_t i = 0; i < COUNT(SQL_WORDS); i++)
            if (find_word(l->text, SQL_WORDS[i], 0) != SIZE_MAX)
                found(h, RULE_SQL_WORD, s->path, l->line, SQL_WORDS[i], "%s is forbidden in SQL", SQL_WORDS[i]);
    }
}

/* --- what is called --- */

/* True when the word at `at` is called as a function of that name: not a member, not declared, not an argument. */
static bool is_call(struct str code, size_t at, const char *word) {
    size_t after = at + strlen(word);
    while (after < code.len && (code.ptr[after] == ' ' || code.ptr[after] == '\n')) after++;
    if (after >= code.len || code.ptr[after] != '(') return false;
    size_t before = at;
    while (before > 0 && code.ptr[before - 1] == ' ') before--;
    if (before > 0 && code.ptr[before - 1] == '.') return false;
    return !(before > 1 && code.ptr[before - 1] == '>' && code.ptr[before - 2] == '-');
}

static void check_calls(struct house *h, const struct source *s, enum house_rule rule, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++) {
        for (size_t at = 0; (at = find_word(s->code, words[i], at)) != SIZE_MAX; at++) {
            if (memcmp(s->code.ptr + at, words[i], strlen(words[i])) != 0 || !is_call(s->code, at, words[i])) continue;
            const char *text = rule == RULE_CLOCK ? "%s() reads a clock or chance; take it from io/ or from the command" : "%s() is not used here";
            char sentence[160];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(sentence, sizeof sentence, text, words[i]);
#pragma GCC diagnostic pop
            found(h, rule, s->path, line_at(s->code, at), words[i], "%s", sentence);
        }
    }
}

/* --- how long things are --- */

/* The name before the parameter list that ends at `close`; empty when there is none. */
static struct str function_name(struct str code, size_t close) {
    int depth = 0;
    size_t i = close + 1;
    while (i-- > 0) {
        if (code.ptr[i] == ')') depth++;
        if (code.ptr[i] == '(' && --depth == 0) break;
    }
    if (i >= code.len || depth != 0) return (struct str){0};
    while (i > 0 && (code.ptr[i - 1] == ' ' || code.ptr[i - 1] == '\n')) i--;
    size_t end = i;
    while (i > 0 && is_word_char(code.ptr[i - 1])) i--;
    return str_n(code.ptr + i, end - i);
}

static void check_sizes(struct house *h, const struct source *s) {
    if (str_ends(s->name, STR(".c")) && s->lines > MAX_FILE_LINES)
        found(h, RULE_FILE_SIZE, s->path, 0, "", "%d lines; at most %d", s->lines, MAX_FILE_LINES);
    int depth = 0;
    size_t last = 0; /* the newest character of the outermost level that is no blank */
    struct str name = {0};
    int began = 0;
    for (size_t i = 0; i < s->code.len; i++) {
        char c = s->code.ptr[i];
        if (c == '{' && depth++ == 0) {
            name = s->code.len && s->code.ptr[last] == ')' ? function_name(s->code, last) : (struct str){0};
            began = line_at(s->code, i);
        } else if (c == '}' && depth > 0 && --depth == 0 && name.len) {
            int lines = line_at(s->code, i) - began + 1;
            if (lines > MAX_FUNCTION_LINES)
                found(h, RULE_FUNCTION, s->path, began, arena_strz(h->a, name), "%.*s has %d lines; at most %d", STR_ARG(name), lines, MAX_FUNCTION_LINES);
        }
        if (depth == 0 && c != ' ' && c != '\n' && c != '\t') last = i;
    }
}

/* --- words in any text --- */

static size_t find_text(struct str text, const char *part, size_t from) {
    size_t n = strlen(part);
    for (size_t i = from; i + n <= text.len; i++)
        if (memcmp(text.ptr + i, part, n) == 0) return i;
    return SIZE_MAX;
}

static void check_text(struct house *h, const struct source *s) {
    for (size_t i = 0; i < COUNT(PATHS); i++) {
        size_t at = find_text(s->raw, PATHS[i], 0);
        bool inside = at != SIZE_MAX && at > 0 && (is_word_char(s->raw.ptr[at - 1]) || s->raw.ptr[at - 1] == '.');
        if (at != SIZE_MAX && !inside) found(h, RULE_PATH, s->path, line_at(s->raw, at), PATHS[i], "a path of somebody's machine: %s", PATHS[i]);
    }
    if (!s->room.len) return;
    for (size_t i = 0; i < COUNT(UNFINISHED); i++) {
        size_t at = find_text(s->raw, UNFINISHED[i], 0);
        if (at == SIZE_MAX || (at > 0 && is_word_char(s->raw.ptr[at - 1])) || is_word_char(s->raw.ptr[at + strlen(UNFINISHED[i])])) continue;
        found(h, RULE_UNFINISHED, s->path, line_at(s->raw, at), UNFINISHED[i], "a mark of unfinished work: %s", UNFINISHED[i]);
    }
}

/* --- the walk --- */

static bool read_whole(const char *path, struct arena *a, struct str *out) {
    _cleanup_(fclosep) FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st) != 0) return false;
    char *text = arena_bytes(a, (size_t)st.st_size + 1);
    size_t n = fread(text, 1, (size_t)st.st_size, f);
    text[n] = 0;
    *out = str_n(text, n);
    return true;
}

static void check_file(struct house *h, struct str path) {
    struct source s = {.path = path};
    char full[1024];
    snprintf(full, sizeof full, "%s/%.*s", h->root, STR_ARG(path));
    if (!read_whole(full, h->a, &s.raw)) return;
    struct str rest = path, part;
    bool in_src = str_starts(path, STR("src/"));
    while (str_cut(rest, '/', &part, &rest))
        if (in_src && !str_is(part, "src") && !s.room.len) s.room = part;
    s.name = part;
    bool c = str_ends(path, STR(".c")), header = str_ends(path, STR(".h"));
    check_text(h, &s);
    if (!c && !header && !str_ends(path, STR(".def"))) return;
    source_read(&s, h->a);
    check_literals(h, &s);
    check_calls(h, &s, RULE_BANNED, BANNED, COUNT(BANNED));
    check_sizes(h, &s);
    if (s.room.len) check_includes(h, &s);
    if (s.room.len && !is_test(&s)) check_calls(h, &s, RULE_CLOCK, CLOCKS, COUNT(CLOCKS));
    if (header && s.room.len && find_text(s.raw, "#pragma once", 0) == SIZE_MAX) found(h, RULE_GUARD, path, 1, "", "a header without #pragma once");
}

static bool exists(const struct house *h, const char *path) {
    char full[1024];
    snprintf(full, sizeof full, "%s/%s", h->root, path);
    return access(full, R_OK) == 0;
}

/* Built things, what git keeps, and the tree that is wrong on purpose. */
static bool is_ours(const char *folder, const char *name) {
    if (name[0] == '.') return strcmp(name, ".ci") == 0;
    if (!folder[0] && (strncmp(name, "build", 5) == 0 || strcmp(name, "demo-out") == 0)) return false;
    return strcmp(name, "__pycache__") != 0 && !(strcmp(folder, "tests/house") == 0 && strcmp(name, "bad") == 0);
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static void walk(struct house *h, const char *folder) {
    char full[1024];
    snprintf(full, sizeof full, "%s/%s", h->root, folder);
    struct dirent **names = NULL;
    int n = scandir(full, &names, NULL, by_name);
    for (int i = 0; i < n; i++) {
        _cleanup_(freep) struct dirent *d = names[i];
        if (!is_ours(folder, d->d_name)) continue;
        struct str path = arena_printf(h->a, "%s%s%s", folder, folder[0] ? "/" : "", d->d_name);
        char at[1300];
        snprintf(at, sizeof at, "%s/%.*s", h->root, STR_ARG(path));
        struct stat st;
        if (lstat(at, &st) != 0) continue;
        if (S_ISDIR(st.st_mode)) walk(h, path.ptr);
        else if (S_ISREG(st.st_mode) && st.st_size < 4 << 20) check_file(h, path);
    }
    free(names);
}

static void check_rooms(struct house *h) {
    char full[1024];
    snprintf(full, sizeof full, "%s/src", h->root);
    struct dirent **names = NULL;
    int n = scandir(full, &names, NULL, by_name);
    for (int i = 0; i < n; i++) {
        _cleanup_(freep) struct dirent *d = names[i];
        if (d->d_name[0] == '.' || d->d_type == DT_REG) continue;
        struct str path = arena_printf(h->a, "src/%s", d->d_name);
        if (room_index(str_of(d->d_name)) < 0) found(h, RULE_ROOM, path, 0, "", "no row in the table of rooms");
        if (!exists(h, arena_printf(h->a, "src/%s/meson.build", d->d_name).ptr)) found(h, RULE_ROOM, path, 0, "", "no meson.build");
    }
    free(names);
}

/* --- the page that is made --- */

/* The page ends with a stamp: the sha256 of its sources, of the script and of the page itself above the stamp. So it fails when
 * any of them was changed and the script was not run, and when somebody wrote into the page by hand. */
static void check_limits(struct house *h) {
    static const char *const sources[] = {"src/base/limits.h", "src/base/err.def", "src/ops/rates.def", "scripts/limits.sh", "docs/LIMITS.md"};
    static const char mark[] = "\n<!-- made by scripts/limits.sh ";
    struct buf all = {0};
    struct str text = {0}, stamp = {0};
    if (!exists(h, sources[0])) return;
    for (size_t i = 0; i < COUNT(sources); i++) {
        char full[1024];
        snprintf(full, sizeof full, "%s/%s", h->root, sources[i]);
        text = read_whole(full, h->a, &text) ? text : STR("");
        if (i + 1 < COUNT(sources)) buf_str(&all, text);
    }
    size_t at = find_text(text, mark, 0);
    if (at != SIZE_MAX) {
        buf_str(&all, str_head(text, at));
        stamp = str_skip(text, at + strlen(mark));
        if (str_ends(stamp, STR(" -->\n"))) stamp.len -= 5; /* anything behind the stamp makes it wrong */
    }
    char hex[SHA256_HEX + 1];
    sha256_hex(buf_view(&all), hex);
    buf_done(&all);
    if (!str_is(stamp, hex)) found(h, RULE_LIMITS, STR("docs/LIMITS.md"), 0, "", "older than its sources, or changed by hand; run scripts/limits.sh");
}

struct finding *house_check(const char *root, bool strict, struct arena *a) {
    struct house h = {.a = a, .root = root};
    h.tail = &h.first;
    walk(&h, "");
    check_cycles(&h);
    check_rooms(&h);
    check_limits(&h);
    if (strict) {
        for (size_t i = 0; i < COUNT(DOCS); i++)
            if (!exists(&h, DOCS[i])) found(&h, RULE_DOCS, str_of(DOCS[i]), 0, "", "a public document is missing");
        for (int i = 0; i < EXCEPTION_COUNT; i++)
            if (!h.used[i]) found(&h, RULE_EXCEPTION, str_of(EXCEPTIONS[i].file), 0, "", "excuses nothing any more: %s", EXCEPTIONS[i].reason);
    }
    return h.first;
}
