/* Numbers of JSON as decimal text: never through double, because money and hashes depend on them exactly. */
#include "base/json.h"

/* sign * 0.D * 10^point, where D are the significant digits: no zero at either end. No digits: zero. */
struct decimal {
    bool minus;
    struct str whole, part; /* the digits before and behind the point, as written */
    size_t first, count;    /* D within whole ++ part */
    int64_t point;
};

static char digit(const struct decimal *d, size_t i) {
    i += d->first;
    return i < d->whole.len ? d->whole.ptr[i] : d->part.ptr[i - d->whole.len];
}

/* Saturates far past the bound, so that adding the count of digits neither overflows nor brings it back within. */
static int64_t read_exponent(struct str s) {
    bool minus = s.len && s.ptr[0] == '-';
    if (s.len && (s.ptr[0] == '-' || s.ptr[0] == '+')) s = str_skip(s, 1);
    int64_t v = 0;
    for (size_t i = 0; i < s.len && v < INT64_C(1000000000000); i++) v = v * 10 + (s.ptr[i] - '0');
    return minus ? -v : v;
}

static struct decimal read_decimal(struct str text) {
    struct decimal d = {.minus = text.len && text.ptr[0] == '-'};
    if (d.minus) text = str_skip(text, 1);
    size_t n = 0;
    while (n < text.len && text.ptr[n] != 'e' && text.ptr[n] != 'E') n++;
    struct str exponent = str_skip(text, n + 1);
    str_cut(str_head(text, n), '.', &d.whole, &d.part);
    size_t digits = d.whole.len + d.part.len;
    while (d.first < digits && digit(&d, 0) == '0') d.first++;
    d.count = digits - d.first;
    if (!d.count) return (struct decimal){};
    while (digit(&d, d.count - 1) == '0') d.count--;
    d.point = (int64_t)d.whole.len - (int64_t)d.first + read_exponent(exponent);
    return d;
}

bool json_number_in_bounds(struct str number) {
    struct decimal d = read_decimal(number);
    int64_t exponent = d.point - 1; /* of D[0].D[1]... */
    return !d.count || (exponent <= JSON_EXPONENT_MAX && exponent >= -JSON_EXPONENT_MAX);
}

bool json_as_i64(const struct json *j, int64_t *out) {
    if (!json_is(j, JSON_NUMBER)) return false;
    struct decimal d = read_decimal(j->text);
    if (d.point < (int64_t)d.count || d.point > 19) return false; /* a fraction, or past 19 digits */
    int64_t v = 0;
    for (int64_t i = 0; i < d.point; i++) {
        int64_t next = i < (int64_t)d.count ? digit(&d, (size_t)i) - '0' : 0;
        /* counted downwards, so that INT64_MIN reads too */
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, next, &v)) return false;
    }
    if (!d.minus && __builtin_sub_overflow((int64_t)0, v, &v)) return false;
    *out = v;
    return true;
}

static void add_digits(struct buf *b, const struct decimal *d, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) buf_c(b, digit(d, i));
}

static void add_zeros(struct buf *b, int64_t n) {
    while (n-- > 0) buf_c(b, '0');
}

/* The layout is that of ECMAScript's Number.toString, which RFC 8785 also takes; the digits are all of them. */
void json_number_write(struct buf *b, struct str number) {
    enum { PLAIN_DIGITS = 21, PLAIN_ZEROS = 6 };
    struct decimal d = read_decimal(number);
    int64_t count = (int64_t)d.count;
    if (!count) {
        buf_c(b, '0');
        return;
    }
    if (d.minus) buf_c(b, '-');
    if (count <= d.point && d.point <= PLAIN_DIGITS) { /* 1200 */
        add_digits(b, &d, 0, d.count);
        add_zeros(b, d.point - count);
    } else if (d.point > 0 && d.point <= PLAIN_DIGITS) { /* 12.34 */
        add_digits(b, &d, 0, (size_t)d.point);
        buf_c(b, '.');
        add_digits(b, &d, (size_t)d.point, d.count);
    } else if (d.point > -PLAIN_ZEROS && d.point <= 0) { /* 0.0012 */
        buf_z(b, "0.");
        add_zeros(b, -d.point);
        add_digits(b, &d, 0, d.count);
    } else { /* 1.2e+30 */
        add_digits(b, &d, 0, 1);
        if (d.count > 1) buf_c(b, '.');
        add_digits(b, &d, 1, d.count);
        buf_z(b, d.point > 0 ? "e+" : "e");
        buf_i64(b, d.point - 1);
    }
}
