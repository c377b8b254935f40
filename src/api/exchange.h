/* One request on its way through the surface: from the head, past the key and the body, into an operation, to one answer.
 *
 * An operation may answer after the client has gone, so an exchange lives on the heap and is counted: one reference for the
 * request, one for each operation under way. `req` is NULL once the answer was given or the client went; whoever finds it
 * NULL releases what came and says nothing. */
#pragma once
#include "api/api.h"
#include "api/headers.h"
#include "base/json.h"

enum { MODEL_BYTES = 200, END_USER_BYTES = 128, METADATA_BYTES = 4096 };

struct form;
struct delivery;
struct openai;
struct route;

struct api {
    struct api_options o;
    char *public_url;
    struct buf openapi;
};

struct exchange {
    struct api *api;
    struct http_req *req;
    const struct route *route;
    int refs;
    struct arena arena;
    struct caller caller;       /* kind KEY_NONE on public routes and signed links */
    struct str param;           /* what {name} of the pattern matched, decoded */
    struct str bytes;           /* the body on routes that take it as it is; ends with the handler */
    const struct json *body;    /* an object on routes that take one */
    struct str idempotency_key; /* empty: none */
    struct prefer prefer;
    struct wait *wait; /* a parked operation */
    bool waiting;      /* its answer is still to come */
    bool once_more;    /* the answer to come is the current state, asked for after the wait had run out */
    struct event_stream *stream;
    bool streaming; /* the event stream's headers are out */
    struct upload *upload;
    struct intake *intake; /* a body with inline files */
    struct form *form; /* in the arena; what the upload is cut out of */
    struct str path, filename; /* what it said so far */
    struct delivery *delivery; /* of a call that is known by what it sends, until its answer is on its way */
    struct str origin;         /* of the page a publishable key was sent from; empty: no page */
    bool service_header;       /* the key came as X-Puras-Service-Token */
    struct openai *openai;     /* in the arena; a call of that shape */
};

struct exchange *exchange_create(struct api *a, struct http_req *r, const struct route *route);
void exchange_ref(struct exchange *x);
void exchange_unref(struct exchange *x);
static inline struct ops *exchange_ops(struct exchange *x) { return x->api->o.ops; }

/* The request is over for us: answered, or ended by the server. It must not be touched afterwards. */
void exchange_release(struct exchange *x);

/* Answers: each is the request's last word. */
void answer_json(struct exchange *x, int status, struct str json);
void answer_error(struct exchange *x, const struct why *why);
void answer_ops_error(struct exchange *x, const struct answer *a);
err answer_fail(struct exchange *x, err code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The whole answer to a request that never became an exchange. `allow`: of a 405, or empty. */
void answer_refused(struct api *a, struct http_req *r, const struct why *why, struct str allow);
/* Headers that every answer carries. */
void answer_headers(struct api *a, struct http_req *r);

/* The usual end of an operation: its JSON with 200, or its error. An ops_done; arg is the exchange. */
void done_ok(void *arg, const struct answer *a);
void done_created(void *arg, const struct answer *a); /* with 201 */

/* Members of the body. null counts as absent; absent ones leave `out` untouched. Failures are E_INVALID with the field's
 * name. */
[[nodiscard]] err body_only(const struct json *body, const char *const *names, struct why *why);
[[nodiscard]] err body_text(const struct json *body, const char *name, bool required, size_t max, struct why *why,
                            struct str *out);
[[nodiscard]] err body_int(const struct json *body, const char *name, int64_t min, int64_t max, struct why *why,
                           int64_t *out);
/* An array of texts without blanks becomes words separated by blanks. */
[[nodiscard]] err body_words(const struct json *body, const char *name, uint32_t max, struct arena *a, struct why *why, struct str *out);
/* An exact amount of dollars, a number or a string: read from its digits, no floating point comes near it. Without USD_REQUIRED it may
 * be absent. */
enum { USD_ABOVE_ZERO = 1, USD_REQUIRED = 2, USD_NOT_ZERO = 4 | USD_REQUIRED };
[[nodiscard]] err body_usd(const struct json *body, const char *name, int rule, struct why *why, micros *out);
[[nodiscard]] err body_time(const struct json *body, const char *name, struct why *why, msec *out); /* ISO 8601 */
[[nodiscard]] err body_object(const struct json *body, const char *name, struct why *why, const struct json **out);
/* project_id and workspace_id, the two words for the tenant: E_FORBIDDEN when one names another than the key's. */
[[nodiscard]] err body_project(const struct exchange *x, struct why *why);
/* Parameters of the query: the same rules. */
[[nodiscard]] err param_text(struct exchange *x, const char *name, size_t max, struct why *why, struct str *out);
[[nodiscard]] err param_int(struct exchange *x, const char *name, int64_t min, int64_t max, struct why *why, int64_t *out);
[[nodiscard]] err param_time(struct exchange *x, const char *name, struct why *why, msec *out);
[[nodiscard]] err param_page(struct exchange *x, struct why *why, struct list_query *out); /* before, limit */
[[nodiscard]] err param_list(struct exchange *x, struct why *why, struct list_query *out); /* and model, end_user, key, since, until */
