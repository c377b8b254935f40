/* Decimal numbers as exact integers of their smallest counted part; no floating point comes near a price.
 *
 * Text follows JSON's grammar for numbers, exponent included: "5", "5.0" and "5e0" are one number. */
#pragma once
#include "base/str.h"

enum decimal {
    DECIMAL_OK,
    DECIMAL_BAD,   /* not a number */
    DECIMAL_RANGE, /* more than 18 digits of parts, either sign */
    DECIMAL_FINE,  /* finer than the parts that are counted */
};
/* decimals 3: thousandths, so "5.25" is 5250. Untouched unless DECIMAL_OK. */
enum decimal decimal_read(struct str text, int decimals, int64_t *out);

enum { DECIMAL_TEXT = 32 };
/* Shortest text: 5250 with 3 decimals is "5.25". Returns its length; out is NUL-terminated. */
size_t decimal_write(int64_t n, int decimals, char out[DECIMAL_TEXT]);
