/* Answers made readable: amounts, sizes, moments, tables that fit the terminal. What a server sends is printed only after bytes
 * that a terminal would obey have been taken out. */
#include "cmd/cli.h"
#include "base/cleanup.h"

#include <sys/ioctl.h>
#include <unistd.h>

const char *safe_text(struct arena *a, struct str s) {
    bool utf8 = str_is_utf8(s);
    char *out = arena_bytes(a, s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool c1 = utf8 && c == 0xc2 && i + 1 < s.len && (unsigned char)s.ptr[i + 1] < 0xa0; /* U+0080..U+009F */
        out[i] = c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8) ? '?' : (char)c;
        if (c == '\n' || c == '\t') out[i] = ' ';
        if (c1) {
            out[i] = '?';
            out[++i] = '?';
        }
    }
    out[s.len] = 0;
    return out;
}

const char *jtext(struct arena *a, const struct json *j, const char *key) {
    const struct json *m = json_get(j, key);
    struct str s;
    if (json_as_str(m, &s)) return safe_text(a, s);
    if (json_is(m, JSON_NUMBER)) return safe_text(a, m->text);
    if (json_is(m, JSON_BOOL)) return m->boolean ? "yes" : "no";
    return "";
}

const char *jwords(struct arena *a, const struct json *j, const char *key) {
    const struct json *list = json_get(j, key);
    const char *out = "";
    struct str s;
    for (const struct json *w = list ? list->child : NULL; w; w = w->next)
        if (json_as_str(w, &s)) out = arena_printf(a, "%s%s%s", out, *out ? " " : "", safe_text(a, s)).ptr;
    return out;
}

int64_t jint(const struct json *j, const char *key) {
    int64_t v = 0;
    json_as_i64(json_get(j, key), &v);
    return v;
}

const char *usd_text(struct arena *a, micros m) {
    _cleanup_(buf_done) struct buf b = {0};
    micros_write_usd(&b, m);
    return arena_printf(a, "%.*s USD", STR_ARG(buf_view(&b))).ptr;
}

const char *amount_text(struct arena *a, micros m) { return arena_printf(a, "%s (%lld micros)", usd_text(a, m), (long long)m).ptr; }

const char *bytes_text(struct arena *a, int64_t bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    int64_t whole = bytes, tenths = 0;
    int unit = 0;
    while (whole >= 1000 && unit < 4) {
        tenths = whole % 1000 / 100;
        whole /= 1000;
        unit++;
    }
    return unit ? arena_printf(a, "%lld.%lld %s", (long long)whole, (long long)tenths, units[unit]).ptr : arena_printf(a, "%lld B", (long long)whole).ptr;
}

const char *time_text(struct arena *a, const char *iso) {
    if (strlen(iso) < 19 || iso[10] != 'T') return iso;
    return arena_printf(a, "%.10s %.8s", iso, iso + 11).ptr;
}

int terminal_width(FILE *f) {
    struct winsize size;
    if (!isatty(fileno(f))) return 0;
    if (ioctl(fileno(f), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    const char *columns = getenv("COLUMNS");
    int64_t n;
    return columns && str_to_i64(str_of(columns), &n) && n > 20 && n < 1000 ? (int)n : 80;
}

void table_add(struct table *t, const char *const *cells) {
    if (t->rows == t->room) {
        int room = t->room ? 2 * t->room : 16;
        const char **more = arena_array(t->a, const char *, (size_t)(room * t->columns));
        if (t->rows) memcpy(more, t->cells, sizeof *more * (size_t)(t->rows * t->columns));
        t->cells = more;
        t->room = room;
    }
    memcpy(t->cells + t->rows * t->columns, cells, sizeof *cells * (size_t)t->columns);
    t->rows++;
}

static int width_of(const char *s) { return (int)str_code_points(str_of(s)); }

/* Prints at most `width` code points, padded unless it is the last column. */
static void print_cell(FILE *f, const char *text, int width, bool right, bool last) {
    int have = width_of(text);
    if (right)
        for (int i = have; i < width; i++) fputc(' ', f);
    int left = have > width ? width - 1 : have;
    const char *p = text;
    for (; *p && left > 0; left--) {
        do fputc(*p++, f);
        while (((unsigned char)*p & 0xc0) == 0x80);
    }
    if (have > width) fputs("\u2026", f);
    if (!right && !last)
        for (int i = have; i < width; i++) fputc(' ', f);
}

enum { TABLE_COLUMNS = 16, COLUMN_LEAST = 6 };

/* A title's marks: '>' sets the column to the right, '=' keeps it whole (an id that is cut is none). */
static bool marked(const char *title, char mark) { return title[0] == mark; }

static void fit(int *widths, const char *const *titles, int columns, int screen) {
    for (;;) {
        int sum = 2 * (columns - 1), widest = -1;
        for (int i = 0; i < columns; i++) {
            sum += widths[i];
            if (!marked(titles[i], '=') && (widest < 0 || widths[i] > widths[widest])) widest = i;
        }
        if (sum <= screen || widest < 0 || widths[widest] <= COLUMN_LEAST) return;
        widths[widest]--;
    }
}

/* How many columns a screen has room for at their least; those on the right are left out, two stay. */
static int columns_for(const int *widths, const char *const *titles, int columns, int screen) {
    for (; columns > 2; columns--) {
        int sum = 2 * (columns - 1);
        for (int i = 0; i < columns; i++) sum += marked(titles[i], '=') || widths[i] < COLUMN_LEAST ? widths[i] : COLUMN_LEAST;
        if (sum <= screen) break;
    }
    return columns;
}

void table_print(const struct table *t, FILE *f) {
    int widths[TABLE_COLUMNS], screen = terminal_width(f);
    must(t->columns <= TABLE_COLUMNS);
    for (int i = 0; i < t->columns; i++) {
        widths[i] = width_of(t->titles[i]) - (marked(t->titles[i], '>') || marked(t->titles[i], '='));
        for (int r = 0; r < t->rows; r++) {
            int w = width_of(t->cells[r * t->columns + i]);
            if (w > widths[i]) widths[i] = w;
        }
    }
    int columns = screen ? columns_for(widths, t->titles, t->columns, screen) : t->columns;
    if (screen) fit(widths, t->titles, columns, screen);
    for (int r = -1; r < t->rows; r++) {
        for (int i = 0; i < columns; i++) {
            bool right = marked(t->titles[i], '>');
            const char *text = r < 0 ? t->titles[i] + (right || marked(t->titles[i], '=')) : t->cells[r * t->columns + i];
            if (i) fputs("  ", f);
            print_cell(f, text, widths[i], right, i == columns - 1);
        }
        fputc('\n', f);
    }
}
