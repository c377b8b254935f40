/* Ids are 32 hex digits: 48 bits of milliseconds, then 80 random bits, so they sort by age and never meet.
 * Nothing here reads a clock or randomness; both come from io/ (rules get finished ids inside their commands). */
#pragma once
#include "base/str.h"
#include "base/time.h"

enum { ID_LEN = 32 };
struct id {
    char hex[ID_LEN + 1]; /* lower case, NUL-terminated */
};

struct id id_make(msec at, const uint8_t random[10]);
bool id_is(struct str s); /* 32 lower-case hex digits */
static inline struct str id_str(const struct id *id) { return (struct str){id->hex, ID_LEN}; }

/* Lower-case hex of `n` bytes into out[2n+1]. */
void hex_encode(const void *bytes, size_t n, char *out);
bool hex_decode(struct str hex, uint8_t *out); /* writes hex.len / 2 bytes */
