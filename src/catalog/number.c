#include "catalog/number.h"

#include <stdio.h>

enum { DIGITS_MAX = 18, EXPONENT_MAX = 1000000 };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Counts the digits at s[*at] and moves behind them. */
static size_t digits(struct str s, size_t *at) {
    size_t from = *at;
    while (*at < s.len && is_digit(s.ptr[*at])) ++*at;
    return *at - from;
}

struct parts { bool minus; struct str whole, fraction; int64_t exponent; };

/* Splits by JSON's grammar: -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)? */
static bool split(struct str s, struct parts *out) {
    size_t at = 0;
    out->minus = s.len && s.ptr[0] == '-';
    at += out->minus;
    size_t from = at, n = digits(s, &at);
    if (!n || (n > 1 && s.ptr[from] == '0')) return false;
    out->whole = (struct str){s.ptr + from, n};
    out->fraction = (struct str){s.ptr + at, 0};
    if (at < s.len && s.ptr[at] == '.') {
        from = ++at;
        if (!(n = digits(s, &at))) return false;
        out->fraction = (struct str){s.ptr + from, n};
    }
    out->exponent = 0;
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        at++;
        bool minus = at < s.len && s.ptr[at] == '-';
        if (at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+')) at++;
        from = at;
        if (!(n = digits(s, &at))) return false;
        for (size_t i = from; i < at && out->exponent < EXPONENT_MAX; i++) out->exponent = out->exponent * 10 + (s.ptr[i] - '0');
        if (minus) out->exponent = -out->exponent;
    }
    return at == s.len;
}

enum decimal decimal_read(struct str text, int decimals, int64_t *out) {
    struct parts p;
    if (!split(text, &p)) return DECIMAL_BAD;
    /* `value` takes significant digits; zeros are owed until a digit follows them, so "5.000...0" of any length is 5. */
    int64_t value = 0, owed = 0;
    int64_t power = p.exponent + decimals - (int64_t)p.fraction.len; /* of the last digit */
    int significant = 0;
    bool overflow = false;
    for (size_t i = 0; i < p.whole.len + p.fraction.len; i++) {
        char c = i < p.whole.len ? p.whole.ptr[i] : p.fraction.ptr[i - p.whole.len];
        if (c == '0') {
            owed += significant > 0;
            continue;
        }
        for (; owed >= 0 && !overflow; owed--) {
            if (++significant > DIGITS_MAX) overflow = true;
            else value = value * 10;
        }
        owed = 0;
        if (!overflow) value += c - '0';
    }
    if (!value) return *out = 0, DECIMAL_OK;
    power += owed;
    if (overflow) { /* more significant digits than are counted: too large when all of them are whole parts, else too fine */
        return power >= 0 ? DECIMAL_RANGE : DECIMAL_FINE;
    }
    if (significant + power > DIGITS_MAX) return DECIMAL_RANGE;
    if (power < 0) return DECIMAL_FINE;
    for (; power; power--) value *= 10;
    *out = p.minus ? -value : value;
    return DECIMAL_OK;
}

size_t decimal_write(int64_t n, int decimals, char out[DECIMAL_TEXT]) {
    char text[DECIMAL_TEXT];
    uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    size_t at = sizeof text;
    bool begun = false; /* trailing zeros of the fraction are left out */
    for (int i = 0; i < decimals; i++, rest /= 10) {
        char c = (char)('0' + rest % 10);
        if (c != '0') begun = true;
        if (begun) text[--at] = c;
    }
    if (begun) text[--at] = '.';
    do text[--at] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (n < 0) text[--at] = '-';
    size_t len = sizeof text - at;
    memcpy(out, text + at, len);
    out[len] = 0;
    return len;
}
