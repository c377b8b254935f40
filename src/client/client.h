/* A puras server seen from outside: requests with JSON, files in and out, events as they come. Used by the command line.
 *
 * Blocking, one call at a time; a client belongs to one thread. Nothing is taken from the environment but PURAS_API_BASE and
 * PURAS_API_KEY, no proxy either. Redirects are not followed.
 *
 * Must always hold: a request leaves more than once only when it carries an idempotency key. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/time.h"

struct client;
struct client_options {
    const char *base;  /* NULL: PURAS_API_BASE, or http://127.0.0.1:8080 */
    const char *key;   /* NULL: PURAS_API_KEY, which may be absent */
    msec timeout;      /* of one whole request with JSON; 0: ten minutes */
    msec retry_pause;  /* before the second try, doubled before the third; 0: 200 ms */
};
[[nodiscard]] err client_create(const struct client_options *o, struct why *why, struct client **out);
void client_destroy(struct client *c);
void client_destroyp(struct client **c);
const char *client_base(const struct client *c);
bool client_has_key(const struct client *c);

struct client_request {
    const char *method; /* "GET" */
    const char *path;   /* "/v1/balance?..": percent-encoded, or a whole URL of the same origin */
    struct str body;    /* JSON; empty: none */
    const char *idempotency_key;       /* NULL: none */
    const char *const *headers;        /* "Name: value", NULL-terminated; NULL: none */
};
struct client_reply {
    int status;
    struct json *json;  /* NULL when the body is not JSON */
    struct str body;
    int64_t date;       /* the server's clock, seconds since 1970; 0: not told */
    int tries;
};
/* OK for 2xx alone. Otherwise the server's own code and sentence; E_UNAVAILABLE when it could not be reached. `out` is filled
 * as far as an answer came. */
[[nodiscard]] err client_request(struct client *c, const struct client_request *r, struct arena *a, struct why *why, struct client_reply *out);

/* A file up: `size` bytes from `fd`. */
[[nodiscard]] err client_upload(struct client *c, const char *path, int fd, int64_t size, const char *type, struct arena *a, struct why *why,
                                struct client_reply *out);
/* A file down into `fd`; out_sha256 is hex of what was written. Whole URLs of another origin are fetched without the key. */
[[nodiscard]] err client_download(struct client *c, const char *path, int fd, struct why *why, int64_t *out_bytes, char out_sha256[65]);

struct client_event {
    struct str id, type, data;
};
/* Returns false to end the stream. The event's strings are valid during the call. */
typedef bool client_on_event(void *arg, const struct client_event *e);
/* Reads one stream until it ends, `on_event` ends it, `quiet` milliseconds bring no byte or `at_most` have passed (both then
 * E_UNAVAILABLE). last_id (NULL: from the start) is
 * sent as Last-Event-ID. OK when it ended by itself or was ended; the caller decides about coming back. */
/* From now on event streams end with E_UNAVAILABLE within a second of `fd` becoming readable; for signals. -1: none. */
void client_watch(struct client *c, int fd);
[[nodiscard]] err client_events(struct client *c, const char *path, const char *last_id, msec quiet, msec at_most, client_on_event *on_event,
                                void *arg, struct why *why);

/* A new idempotency key: 32 hex digits. */
void client_new_key(char out[33]);
/* Percent-encodes a path, '/' kept, or a query value. */
void url_add_path(struct buf *b, struct str path);
void url_add_value(struct buf *b, struct str value);
