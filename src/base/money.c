#include "base/money.h"

err micros_add(micros a, micros b, micros *out) {
    micros sum;
    if (__builtin_add_overflow(a, b, &sum)) return E_LIMIT;
    *out = sum;
    return OK;
}

err micros_sub(micros a, micros b, micros *out) {
    micros diff;
    if (__builtin_sub_overflow(a, b, &diff)) return E_LIMIT;
    *out = diff;
    return OK;
}

err micros_price(micros rate, int64_t quantity, int64_t unit, micros *out) {
    must(rate >= 0 && quantity >= 0 && unit > 0);
    __int128 product = (__int128)rate * quantity; /* below 2^126: cannot overflow */
    __int128 amount = (product + unit - 1) / unit;
    if (amount > MICROS_MAX) return E_LIMIT;
    *out = (micros)amount;
    return OK;
}

static void write_decimal(struct buf *b, micros m, int64_t unit, int digits) {
    if (m < 0) buf_c(b, '-');
    uint64_t size = m < 0 ? -(uint64_t)m : (uint64_t)m; /* the lowest int64 has no positive twin */
    buf_i64(b, (int64_t)(size / (uint64_t)unit));
    uint64_t rest = size % (uint64_t)unit;
    if (!rest) return;
    char text[8];
    for (int i = digits - 1; i >= 0; i--) {
        text[i] = (char)('0' + rest % 10);
        rest /= 10;
    }
    while (text[digits - 1] == '0') digits--;
    buf_c(b, '.');
    buf_add(b, text, (size_t)digits);
}

void micros_write_usd(struct buf *b, micros m) { write_decimal(b, m, MICROS_PER_USD, 6); }
void micros_write_credits(struct buf *b, micros m) { write_decimal(b, m, MICROS_PER_CREDIT, 4); }

err micros_read_usd(struct str text, micros *out) {
    struct str whole, part;
    bool dot = str_cut(text, '.', &whole, &part);
    bool minus = whole.len && whole.ptr[0] == '-';
    int64_t usd;
    if (!str_to_i64(whole, &usd) || part.len > 6 || (dot && !part.len)) return E_INVALID;
    if (usd > MICROS_MAX / MICROS_PER_USD || usd < -(MICROS_MAX / MICROS_PER_USD)) return E_INVALID;
    int64_t fraction = 0;
    for (size_t i = 0; i < 6; i++) {
        char c = i < part.len ? part.ptr[i] : '0';
        if (c < '0' || c > '9') return E_INVALID;
        fraction = fraction * 10 + (c - '0');
    }
    micros m = usd * MICROS_PER_USD + (minus ? -fraction : fraction);
    if (m > MICROS_MAX || m < -MICROS_MAX) return E_INVALID;
    *out = m;
    return OK;
}
