/* See tune_words.h. Called by tune_plan.c and tune_lyrics.c. */
#include "media/helper/tune_words.h"
#include "media/helper/tune.h"

#include <ctype.h>

void tune_fold(struct str s, struct tune_text *out) {
    size_t n = 0;
    out->at[n++] = ' ';
    for (size_t i = 0; i < s.len && n < TUNE_TEXT_BYTES - 2; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (isalnum(c) || c >= 128 || c == '#') out->at[n++] = (char)tolower(c);
        else if (c != '\'' && out->at[n - 1] != ' ') out->at[n++] = ' ';
    }
    if (out->at[n - 1] != ' ') out->at[n++] = ' ';
    out->at[n] = 0;
}

/* The next expression of a list as " word word "; false at the end. */
static bool next_expression(const char **list, char out[64]) {
    size_t n = 0;
    while (**list == ' ') (*list)++;
    if (!**list) return false;
    out[n++] = ' ';
    for (; **list && **list != ' ' && n < 62; (*list)++) out[n++] = **list == '_' ? ' ' : **list;
    out[n++] = ' ';
    out[n] = 0;
    return true;
}

static bool negated(const char *text, const char *at) {
    static const char *const words[] = {" no", " not", " without", " never", " any"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(at - text) >= n && !memcmp(at - n, words[i], n)) return true;
    }
    return false;
}

const char *tune_find(const struct tune_text *t, const char *words) {
    char e[64];
    const char *best = NULL;
    while (next_expression(&words, e))
        for (const char *p = strstr(t->at, e); p; p = strstr(p + 1, e))
            if (!negated(t->at, p) && (!best || p < best)) best = p;
    return best;
}

double tune_count(const struct tune_text *t, const char *words) {
    char e[64];
    double sum = 0;
    while (next_expression(&words, e))
        for (const char *p = strstr(t->at, e); p; p = strstr(p + 1, e))
            if (!negated(t->at, p)) sum += (strchr(e + 1, ' ')[1] ? 1.5 : 1) - 0.4 * (double)(p - t->at) / TUNE_TEXT_BYTES;
    return sum;
}

bool tune_says(struct str text, const char *words) {
    struct tune_text t;
    tune_fold(text, &t);
    return tune_find(&t, words) != NULL;
}
