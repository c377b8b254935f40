/* A model document while it is being read: a tree of JSON nodes that know their line, and the list of problems found so far.
 *
 * Of this room and of provider/, which reads descriptions. The YAML reader makes these trees; a published version is JSON and has no lines. Problems are reported
 * where they stand and reading goes on, so that one run shows all of them. */
#pragma once
#include "base/limits.h"
#include "catalog/catalog.h"

/* A JSON node from YAML. `json` comes first, so that the tree can be read as plain JSON. */
struct node {
    struct json json;
    int line;  /* of the key for a member, of the value otherwise */
    bool bad;  /* was reported already: nothing more is said about it */
};

struct doc {
    struct arena *arena; /* where everything that outlives the reading goes */
    struct problems *problems;
    struct str file;
    bool lines;          /* every node of the tree is a struct node */
    int found;           /* problems of this document */
};

enum { CATALOG_PROBLEMS_MAX = 200 }; /* beyond that nobody reads on */

void doc_problem(struct doc *d, const struct json *at, const char *format, ...) __attribute__((format(printf, 3, 4)));
void doc_problem_line(struct doc *d, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
int doc_line(const struct doc *d, const struct json *at);

/* True when j has that type; otherwise says so, naming `name`. */
bool doc_is(struct doc *d, const struct json *j, enum json_type type, const char *name);
/* Reports members of `object` that are not in the NULL-terminated list, with the nearest known name. */
void doc_keys(struct doc *d, const struct json *object, const char *const *known, const char *where);
/* Optional members: false when absent or wrong (then reported). */
bool doc_text(struct doc *d, const struct json *object, const char *key, size_t max_bytes, struct str *out);
bool doc_bool(struct doc *d, const struct json *object, const char *key, bool *out);
bool doc_decimal(struct doc *d, const struct json *object, const char *key, int decimals, int64_t *out);
bool doc_micros(struct doc *d, const struct json *object, const char *key, micros *out);
/* A number of seconds, or text with a unit: 90, 90s, 10m, 1h, 2d; in milliseconds. At most 7 days. */
bool doc_duration(struct doc *d, const struct json *object, const char *key, int64_t *out);
bool doc_duration_to(struct doc *d, const struct json *object, const char *key, int days, int64_t *out);
/* A number of bytes, or text with a unit: 500KB, 32MB, 2GB (powers of ten). */
bool doc_bytes(struct doc *d, const struct json *object, const char *key, int64_t *out);
/* The member, or a report that it is missing. */
const struct json *doc_need(struct doc *d, const struct json *object, const char *key, const char *where);
