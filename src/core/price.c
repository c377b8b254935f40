/* What a call costs: pure arithmetic, called by the catalog for quotes and by settle for bills. */
#include "core/price.h"

#include "base/plant.h"

err price_amount(micros rate, int64_t quantity, int64_t unit, int64_t outputs, micros *out) {
    if (rate < 0 || quantity < 0 || unit <= 0 || outputs < 1) return E_INVALID;
    micros one, all;
    TRY(micros_price(rate, quantity, unit, &one));
    if (__builtin_mul_overflow(one, outputs, &all) || all > MICROS_MAX) return E_LIMIT;
    *out = all;
    return OK;
}

static bool is_measured(const struct quote *q) { return str_eq(q->from, STR("measured")) || str_eq(q->from, STR("media")); }

/* The quote's share for the outputs that came. Taken from the amount and not from rate and quantity, because the bill must
 * equal the quote to the micro whatever rounding the quote was made with. */
static micros quoted_share(const struct quote *q, int64_t outputs) {
    if (outputs >= q->outputs) return q->amount;
    return (micros)(((__int128)q->amount * outputs + q->outputs - 1) / q->outputs);
}

err price_bill(const struct quote *q, const struct price_facts *facts, micros held, micros *out) {
    if (q->rate < 0 || q->unit <= 0 || q->outputs < 1 || facts->outputs_stored < 1 || held < 0) return E_INVALID;
    int64_t outputs = 1;
    micros amount;
    if (q->per_output || q->outputs > 1) outputs = facts->outputs_stored < q->outputs ? facts->outputs_stored : q->outputs;
    if (!is_measured(q)) {
        amount = quoted_share(q, outputs);
    } else if (facts->measured < 0) {
        amount = q->if_unmeasured;
    } else {
        err r = price_amount(q->rate, facts->measured, q->unit, outputs, &amount);
        if (r == E_LIMIT)
            amount = held; /* more than can be counted is more than was held */
        else if (r)
            return r;
    }
    if (PLANTED(wrong_rounding) && (__int128)q->rate * (is_measured(q) ? facts->measured : q->quantity) % q->unit)
        amount -= outputs;
    *out = amount < held ? amount : held;
    return OK;
}
