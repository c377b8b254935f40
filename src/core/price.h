/* What a call costs, as numbers: no catalog, no text. The catalog makes a quote; submit stores it; settle bills from it.
 *
 * amount = ceil(rate * quantity / unit), rounded up once, and times `outputs` when the price is per output.
 *   call       quantity 1, unit 1
 *   image      quantity 1, unit 1, per output
 *   second     quantity in milliseconds, unit 1000
 *   megapixel  quantity in pixels, unit 1000000
 *   kchar      quantity in code points, unit 1000 */
#pragma once
#include "base/err.h"
#include "base/money.h"
#include "base/str.h"

struct quote {
    micros amount;         /* what is held */
    micros rate;
    int64_t unit;
    int64_t quantity;      /* priced quantity; the maximum where it is measured later */
    int64_t outputs;       /* at least 1; above 1 or per_output: billed per stored output */
    bool per_output;
    struct str from;       /* "input", "measured", "media", "call": where the quantity comes from */
    micros if_unmeasured;  /* billed when nothing could be measured; only for "measured" and "media" */
    struct str row;        /* the matched row for people, JSON: {"index":0,"when":{..},"micros":..,"unit":"second","why":".."} */
};

[[nodiscard]] err price_amount(micros rate, int64_t quantity, int64_t unit, int64_t outputs, micros *out);

/* What settle captures: never more than `held`. measured < 0: not measured. outputs_stored >= 1. */
struct price_facts {
    int64_t measured; /* of one output, in the quote's smallest parts, -1 when unknown */
    int64_t outputs_stored;
};
[[nodiscard]] err price_bill(const struct quote *q, const struct price_facts *facts, micros held, micros *out);
