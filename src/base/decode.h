/* Bytes out of the texts in which providers and callers send files: base64 in both alphabets, hex, data URIs; fed in pieces of any size. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

enum decode_as {
    DECODE_RAW,      /* the text itself */
    DECODE_BASE64,   /* + / and - _ alike; blanks and line ends are skipped, padding may be missing */
    DECODE_HEX,      /* likewise with blanks */
    DECODE_DATA_URI, /* data:[type][;name=value]...[;base64],...; what is not base64 has %XX */
};

/* From the first bytes of a text (those of a spooled string): data URI, hex, base64, or else raw. */
enum decode_as decode_guess(struct str head);

enum { DECODE_TYPE_BYTES = 80, DECODE_PREFIX_BYTES = 256 };
struct decoder {
    enum decode_as as;
    bool in_prefix, percent, ended;
    uint32_t acc;
    int count;   /* digits in acc */
    uint64_t at; /* bytes fed */
    char type[DECODE_TYPE_BYTES]; /* of a data URI, as written: "image/png", or empty */
    char prefix[DECODE_PREFIX_BYTES];
    size_t prefix_len;
};
void decoder_begin(struct decoder *d, enum decode_as as);
/* Appends to out; E_INVALID names the byte that does not belong there. */
[[nodiscard]] err decoder_feed(struct decoder *d, struct str piece, struct buf *out, struct why *why);
/* What is left; E_INVALID when the text ends within a byte. */
[[nodiscard]] err decoder_end(struct decoder *d, struct buf *out, struct why *why);
