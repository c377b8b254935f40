/* See prompt.h. Called by edit_words.c and motion_words.c; fuzzed with them. */
#include "media/helper/prompt.h"
#include "media/helper/sketch_words.h"

#include <ctype.h>
#include <stdlib.h>

/* The sketch's reader knows every kind of quotation mark; what it found is taken from it, what is left are words. */
static size_t quote_mark(struct str s, size_t i) {
    static const char *const marks[] = {"\"", "\xe2\x80\x9c", "\xe2\x80\x9d", "\xe2\x80\x9e", "\xc2\xab", "\xc2\xbb"};
    for (size_t m = 0; m < sizeof marks / sizeof *marks; m++)
        if (str_starts(str_skip(s, i), str_of(marks[m]))) return strlen(marks[m]);
    if (s.ptr[i] != '\'') return 0;
    bool left = i == 0 || s.ptr[i - 1] == ' ', right = i + 1 >= s.len || !isalnum((unsigned char)s.ptr[i + 1]);
    return left || right ? 1 : 0;
}

/* Past the closing mark; the opening one is at i and n bytes long. Without a closing one it is no quotation. */
static bool quotation(struct str s, size_t i, size_t n, size_t *out_next, struct str *out_text) {
    bool single = s.ptr[i] == '\'';
    if (single && i && s.ptr[i - 1] != ' ') return false;
    for (size_t k = i + n; k < s.len; k++) {
        size_t m = quote_mark(s, k);
        if (!m || (s.ptr[k] == '\'') != single) continue;
        *out_text = str_n(s.ptr + i + n, k - i - n);
        *out_next = k + m;
        return true;
    }
    return false;
}

static void add_quoted(struct prompt *p, struct str s) {
    size_t len = strlen(p->quoted);
    s = str_trim(s);
    if (!s.len || !str_is_utf8(s)) return;
    if (len && len < SKETCH_TEXT_BYTES) p->quoted[len++] = '\n';
    for (size_t i = 0; i < s.len && len < SKETCH_TEXT_BYTES; i++) p->quoted[len++] = (unsigned char)s.ptr[i] < 32 || s.ptr[i] == 127 ? ' ' : s.ptr[i];
    p->quoted[len] = 0;
    while (len && !str_is_utf8(str_n(p->quoted, len))) p->quoted[--len] = 0; /* cut inside a character */
    p->quoted_here[p->count] = true;
}

static void add_word(struct prompt *p, struct str w) {
    if (str_ends(w, STR("'s"))) w.len -= 2;
    if (!w.len || p->count == PROMPT_WORDS) return;
    char *to = p->word[p->count++];
    size_t n = w.len < PROMPT_WORD_BYTES - 1 ? w.len : PROMPT_WORD_BYTES - 1;
    for (size_t i = 0; i < n; i++) to[i] = (char)tolower((unsigned char)w.ptr[i]);
    to[n] = 0;
}

static bool letter(struct str s, size_t i) {
    unsigned char c = (unsigned char)s.ptr[i];
    if (isalnum(c) || c >= 0x80) return true;
    bool inside = i && i + 1 < s.len && isalnum((unsigned char)s.ptr[i - 1]) && isalnum((unsigned char)s.ptr[i + 1]);
    if (c == '.' || c == ':') return inside && isdigit((unsigned char)s.ptr[i - 1]) && isdigit((unsigned char)s.ptr[i + 1]); /* 2.5, 16:9 */
    return c == '\'' && inside;
}

void prompt_read(struct str s, struct prompt *p) {
    memset(p, 0, sizeof *p);
    for (size_t i = 0; i < s.len;) {
        struct str quoted;
        size_t mark = quote_mark(s, i), next = i + 1;
        if (mark && quotation(s, i, mark, &next, &quoted)) add_quoted(p, quoted);
        else if (mark) next = i + mark;
        else if (letter(s, i)) {
            size_t end = i;
            while (end < s.len && letter(s, end) && !quote_mark(s, end)) end++;
            add_word(p, str_n(s.ptr + i, end - i));
            next = end > i ? end : i + 1;
        } else if (strchr(",;:", s.ptr[i]) && s.ptr[i]) add_word(p, STR(","));
        else if (strchr(".!?\n", s.ptr[i]) && s.ptr[i]) add_word(p, STR("."));
        i = next;
    }
}

static bool is_mark(const char *w) { return (*w == ',' || *w == '.') && !w[1]; }

static bool in_list(const char *w, const char *list) {
    size_t n = strlen(w);
    for (const char *at = list; (at = strstr(at, w)); at += n)
        if ((at == list || at[-1] == ' ') && (!at[n] || at[n] == ' ')) return true;
    return false;
}

static bool denied(const struct prompt *p, int at) {
    for (int i = at - 1; i >= 0 && i >= at - 3 && !is_mark(p->word[i]) && !in_list(p->word[i], "but with just only"); i--)
        if (in_list(p->word[i], "no not without never don't dont remove avoid")) return true;
    return false;
}

/* Words of the phrase that stand at `at`; 0: it does not stand there. */
static int match(const struct prompt *p, const char *phrase, size_t len, int at) {
    int n = 0;
    for (size_t i = 0; i < len;) {
        size_t end = i;
        while (end < len && phrase[end] != '_') end++;
        if (at + n >= p->count || strlen(p->word[at + n]) != end - i || memcmp(p->word[at + n], phrase + i, end - i)) return 0;
        n++;
        i = end + 1;
    }
    return n;
}

static int find(const struct prompt *p, const char *phrase, size_t len, int from) {
    for (int i = from; i < p->count; i++)
        if (match(p, phrase, len, i) && !denied(p, i)) return i;
    return -1;
}

int prompt_find(const struct prompt *p, const char *phrase, int from) { return find(p, phrase, strlen(phrase), from); }

int prompt_any(const struct prompt *p, const char *phrases) {
    int best = -1;
    for (const char *at = phrases; *at;) {
        size_t n = strcspn(at, " ");
        int i = find(p, at, n, 0);
        if (i >= 0 && (best < 0 || i < best)) best = i;
        at += n;
        while (*at == ' ') at++;
    }
    return best;
}

bool prompt_has(const struct prompt *p, const char *phrases) { return prompt_any(p, phrases) >= 0; }

double prompt_degree(const struct prompt *p, int at) {
    for (int i = at - 3 < 0 ? 0 : at - 3; i <= at + 2 && i < p->count; i++) {
        if (is_mark(p->word[i]) && i > at) break;
        if (in_list(p->word[i], "slightly bit little subtle subtly gently softly mild mildly somewhat light lightly")) return 0.5;
        if (in_list(p->word[i], "very much strongly strong extremely heavily heavy lot deeply far super intensely intense")) return 1.7;
    }
    return 1;
}

bool prompt_colour(const struct prompt *p, int at, int before, int behind, struct rgb *out, const char **out_name) {
    for (int step = 0; step <= before + behind; step++) {
        int i = step <= before ? at - step : at + step - before, low = i < at ? i : at, high = i < at ? at : i;
        if (i < 0 || i >= p->count) continue;
        bool parted = false;
        for (int k = low; k < high; k++) parted = parted || is_mark(p->word[k]);
        for (size_t c = 0; !parted && c < sketch_colour_count; c++) {
            if (strcmp(sketch_colours[c].word, p->word[i])) continue;
            *out = rgb_hex(sketch_colours[c].hex);
            *out_name = sketch_colours[c].word;
            return true;
        }
    }
    return false;
}

bool prompt_number(const struct prompt *p, int at, double *out) {
    static const char *const names[] = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"};
    char *end = NULL;
    if (at < 0 || at >= p->count) return false;
    for (int i = 0; i < 11; i++)
        if (!strcmp(names[i], p->word[at])) return *out = i, true;
    if (!isdigit((unsigned char)p->word[at][0])) return false;
    double v = strtod(p->word[at], &end);
    if (!(v >= 0 && v <= 100000) || (*end && !in_list(end, "px s sec x deg degrees fps"))) return false;
    return *out = v, true;
}
