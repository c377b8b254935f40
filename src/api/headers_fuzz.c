/* Any bytes as any header: no read past the end (the sanitizers see to that) and answers inside their bounds. */
#include "api/headers.h"
#include "base/err.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 4) return 0;
    int64_t bytes = (int64_t)data[0] << 16 | data[1] << 8 | data[2], from = 0, len = 0;
    char *copy = malloc(size - 3); /* its own block, so that one byte too far is seen */
    must(copy != NULL);
    memcpy(copy, data + 3, size - 3);
    struct str s = str_n(copy, size - 3), token;
    if (range_parse(s, bytes, &from, &len) == RANGE_PART) must(from >= 0 && len > 0 && from + len <= bytes);
    struct prefer p = prefer_parse(s);
    must(p.wait_s >= 0 && p.wait_s <= 590 && (!p.has_wait || p.async));
    if (bearer_token(s, &token)) must(token.len > 0 && token.ptr >= s.ptr && token.ptr + token.len <= s.ptr + s.len);
    msec at;
    if (http_date_read(s, &at)) must(at >= 0);
    if (iso_time_read(s, &at)) must(at >= 0);
    if (traceparent_read(s, &token)) must(token.len == 55 && token.ptr >= s.ptr && token.ptr + token.len <= s.ptr + s.len);
    (void)etag_listed(s, STR("\"a\""), data[0] & 1);
    (void)content_type_is_json(s);
    (void)idempotency_key_ok(s);
    free(copy);
    return 0;
}
