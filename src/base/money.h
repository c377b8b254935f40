/* Money is a count of micros in an int64: 1 USD = 1,000,000 micros, 1 credit = 10,000 micros. No floating point touches it. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

typedef int64_t micros;

enum { MICROS_PER_USD = 1000000, MICROS_PER_CREDIT = 10000 };
/* No single amount may pass this; it leaves room for 9,000 of them in one sum. */
#define MICROS_MAX ((micros)1000000000000000) /* a billion USD */

[[nodiscard]] err micros_add(micros a, micros b, micros *out); /* E_LIMIT on overflow */
[[nodiscard]] err micros_sub(micros a, micros b, micros *out);
/* ceil(rate * quantity / unit): `quantity` counts the smallest parts (milliseconds, pixels, characters) and `unit` says how
 * many of them the rate is for. Rounded up once. quantity >= 0, rate >= 0, unit > 0. E_LIMIT past MICROS_MAX. */
[[nodiscard]] err micros_price(micros rate, int64_t quantity, int64_t unit, micros *out);

/* Exact decimals, without trailing zeros: 672000 -> "0.672" USD, "67.2" credits. */
void micros_write_usd(struct buf *b, micros m);
void micros_write_credits(struct buf *b, micros m);
/* Reads a decimal number of dollars ("10", "0.672"); at most six decimals; E_INVALID otherwise. */
[[nodiscard]] err micros_read_usd(struct str text, micros *out);
