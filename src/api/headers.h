/* Request headers whose grammar matters, read by pure functions: no request, no clock, no memory. Foreign bytes come in
 * here. */
#pragma once
#include "base/str.h"
#include "base/time.h"

/* "Bearer <token>", the scheme in any case; false for any other scheme or an empty token. */
bool bearer_token(struct str header, struct str *out);

/* RFC 7240: what the caller prefers. Unknown preferences and malformed values are ignored, as that text asks. */
struct prefer {
    bool async; /* respond-async, or a wait was named: 202 is an answer this caller understands */
    bool has_wait;
    int64_t wait_s; /* at most 590 */
};
struct prefer prefer_parse(struct str header);

/* One byte range of a file of `size` bytes. Several ranges, other units and malformed ones mean the whole file. */
enum range { RANGE_WHOLE, RANGE_PART, RANGE_BEYOND };
enum range range_parse(struct str header, int64_t size, int64_t *out_from, int64_t *out_len);

/* Whether a list such as  "a", W/"b"  or  *  names `etag` (given with its quotes). Weak members count only with weak_ok. */
bool etag_listed(struct str header, struct str etag, bool weak_ok);

/* Sun, 22 Nov 2026 08:30:00 GMT and nothing else; false for other forms, which means: no such condition. */
bool http_date_read(struct str text, msec *out);

/* 2026-11-22T08:30:00Z, with or without a fraction (kept to the millisecond) and with Z or +hh:mm behind it; or a day alone, which is
 * its beginning in UTC. Years 1970 to 9999. */
bool iso_time_read(struct str text, msec *out);

/* W3C trace context: *out is the part that version 00 knows, a view of the header. False: there is none to go on with. */
bool traceparent_read(struct str header, struct str *out);

/* 1 to 255 visible ASCII characters. */
bool idempotency_key_ok(struct str key);

/* application/json with or without parameters. */
bool content_type_is_json(struct str header);
