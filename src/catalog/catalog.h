/* Models and prices as data: YAML in, an immutable published version out, quotes from it.
 *
 * A version is named by the sha256 of its content (all model documents as canonical JSON). Nodes keep every version that live
 * work names; quoting works on one version and allocates nothing beyond the caller's arena. */
#pragma once
#include "base/arena.h"
#include "base/json.h"
#include "core/price.h"

enum input_type { INPUT_TEXT, INPUT_INT, INPUT_NUMBER, INPUT_SECONDS, INPUT_BOOL, INPUT_ENUM, INPUT_SIZE, INPUT_FILE };
struct input_spec {
    struct str name;
    enum input_type type;
    struct str file_kind;               /* image, video, audio for INPUT_FILE */
    const struct str *aliases; size_t alias_count;
    const struct str *values; size_t value_count; /* INPUT_ENUM */
    const struct str *words; size_t word_count;   /* that may stand in place of a number or a size, and count as the largest */
    bool required, price, has_default, has_min, has_max, has_step;
    struct str default_text;            /* canonical text */
    int64_t min, max, step;             /* in milli-units for numbers and seconds, units for int, pixels a side for size */
    int64_t min_pixels, max_pixels;     /* INPUT_SIZE: both sides multiplied; 0: no bound */
    int64_t max_ratio;                  /* INPUT_SIZE: the longer side by the shorter, in thousandths; 0: no bound */
    int64_t max_chars;                  /* INPUT_TEXT, 0: LIMIT_PROMPT_BYTES */
    struct str about;                   /* a sentence for /v1/models */
};
struct route_spec {
    struct str provider, model;
    struct str endpoint;                /* of the provider's description; empty: its first */
    struct str request;                 /* jq program on the inputs; empty: inputs as they are */
    struct str status;                  /* verified, documented, guess; empty: as the description says */
    int64_t unit_nanos;                 /* what one of the provider's billable units costs, in thousandths of a micro; 0: not said */
    const struct json *carries;         /* where the outgoing body holds the priced inputs, NULL: under their names */
    /* all of it, with the cost table */
    const struct json *raw;
    int line;                           /* in the model's file, 0: not known */
};
struct model {
    struct str slug, kind, title, about;
    const struct input_spec *inputs; size_t input_count;
    const struct route_spec *routes; size_t route_count;
    struct str unit;                    /* call, image, second, megapixel, kchar */
    struct str rate_table;              /* JSON array as published by /v1/pricing */
    int64_t concurrency;                /* generations of it at once over all projects, 0: no bound */
    struct str ended, successor;        /* its provider has ended it on that day; the slug that takes its place */
    int64_t deadline_ms, estimated_ms, max_bytes; /* drive space one generation may need, reserved at submit */
    struct str file; int line;          /* where it was read */
    const void *price;                  /* catalog.c's own */
};

/* A provider's description, as it was read; provider/ gives it a meaning. */
struct provider_doc {
    struct str name;
    const struct json *doc;
    struct str file;                    /* for problems */
    bool lines;                         /* its nodes know their line (doc.h) */
};

struct catalog;
/* Problems are collected, not thrown: one line each, "file:line: sentence" and a newline. */
struct problems { struct buf text; int count; };
void problems_done(struct problems *p);

/* Reads every *.yaml at the top, in models/ and in providers/ of each folder. Later folders may not redefine a slug or a provider. Linted as a whole. */
[[nodiscard]] err catalog_read(const char *const *folders, size_t n, struct problems *p, struct catalog **out);
/* One file that is in memory already, as a catalog of one model; `name` stands for the file in problems. */
[[nodiscard]] err catalog_read_text(struct str name, struct str text, struct problems *p, struct catalog **out);
/* The same, with one description more that is in memory; it takes the place of one of the same name. */
[[nodiscard]] err catalog_read_with(const char *const *folders, size_t n, struct str file, struct str description, struct problems *p, struct catalog **out);
/* From a published version's content. */
[[nodiscard]] err catalog_parse(struct str content, struct why *why, struct catalog **out);
void catalog_destroy(struct catalog *c);
struct str catalog_sha256(const struct catalog *c);
struct str catalog_content(const struct catalog *c); /* canonical JSON, what publish stores */
size_t catalog_count(const struct catalog *c);
const struct model *catalog_model(const struct catalog *c, size_t i); /* in order of slug */
const struct model *catalog_find(const struct catalog *c, struct str slug);
size_t catalog_provider_count(const struct catalog *c);
const struct provider_doc *catalog_provider_at(const struct catalog *c, size_t i); /* in order of name */
/* One description from text, without a catalog around it. Everything of *out lies in the arena. */
[[nodiscard]] err catalog_read_provider(struct str name, struct str text, struct arena *a, struct problems *p, struct provider_doc *out);
/* Calls `each` with canonical inputs (as a generation stores them) for every combination of the inputs that the price's rows, quantity or outputs name,
 * at all values at which the price can change; required other inputs have a made-up value. False from `each` ends it. */
void catalog_points(const struct model *m, bool (*each)(void *arg, struct str inputs), void *arg);
/* Whether the route may be taken for these inputs (canonical, as stored): its `when` holds, or it has none. */
bool catalog_route_holds(const struct model *m, size_t route, const struct json *inputs);
/* What the route's cost table says of a call with these inputs, as a quote whose price_bill is the cost; false when the route states none. */
bool catalog_cost(const struct model *m, size_t route, const struct json *inputs, struct quote *out);
/* Whether the price's rows, quantity or outputs name the i-th input. */
bool catalog_priced(const struct model *m, size_t input);
/* Up to `max` slugs near to a mistyped one, best first. */
size_t catalog_near(const struct catalog *c, struct str slug, struct str *out, size_t max);

/* Facts about file inputs, for prices that depend on them; count 0 when none were measured yet. */
struct media_fact { struct str input; int64_t duration_ms, width, height; };

/* Canonical inputs and price in one go. `inputs` is the caller's object (NULL: {}). On success *out_inputs is the JSON to store:
 * canonical members first (defaults written in), all others untouched. E_UNPRICEABLE and E_INVALID name the field in why. */
[[nodiscard]] err catalog_quote(const struct catalog *c, const struct model *m, const struct json *inputs,
                                const struct media_fact *facts, size_t fact_count, struct arena *a, struct why *why,
                                struct quote *out_quote, struct str *out_inputs);
/* Whether every required input is there; a price is quoted without those it does not depend on. E_INVALID names the first that
 * is missing, with an example. */
[[nodiscard]] err catalog_require(const struct model *m, const struct json *inputs, struct why *why);
/* Which inputs the price takes its figures from; names are empty where it takes none. */
struct model_counts {
    struct str length; /* seconds */
    struct str outputs;
    struct str media;  /* the file that is measured */
    bool measured;     /* the output is */
};
struct model_counts model_counts(const struct model *m);
/* One row of /v1/models. enabled: whether a call of it has somewhere to go. */
void model_write(const struct model *m, bool enabled, struct jw *w);
/* image, video, music, speech or other: what the second product's clients ask for. */
const char *model_type(const struct model *m);
