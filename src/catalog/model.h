/* What a model is compiled to: numbers that a quote can be taken from without reading text. Inside the room only.
 *
 * Must always hold after a model was read without problems: the last row of every rate table has no condition; conditions,
 * quantities and outputs name inputs by an index that exists; a quantity's input is always there and bounded. */
#pragma once
#include "catalog/doc.h"

enum {
    MODEL_INPUTS_MAX = 64,
    MODEL_NAMES_MAX = 512, /* names and aliases of one model */
    MODEL_VALUES_MAX = 256,
    MODEL_ROWS_MAX = 256,
    MODEL_ROUTES_MAX = 16,
    MODEL_NAME_BYTES = 60,
    MODEL_TEXT_BYTES = 2000,
    MODEL_PROGRAM_BYTES = 16 * 1024,
    REFUSAL_BYTES = 300,
};

/* A canonical value. What `n` counts depends on the type of its input:
 *   bool 0 or 1; int units; number and seconds thousandths; enum the index of the value; size pixels; text code points;
 *   file the number of files */
struct value {
    bool given;
    int64_t n;
    int32_t width, height;   /* size */
    int32_t word;            /* 1 + index of the word that stands in its place, n being the largest there is; 0: none */
    struct str text;         /* text */
    const struct json *json; /* file: as given */
};

/* --- inputs (inputs.c, values.c) --- */

struct input_name { struct str name; int input; };
struct inputs {
    struct input_spec *specs;
    size_t count;
    struct value *defaults;     /* one per spec, given when the spec has a default */
    struct input_name *names;   /* open addressing over names and aliases; input -1: free */
    size_t mask;
};
/* `list` is the document's inputs as a list of objects with a `name`, NULL for none. */
void inputs_read(struct doc *d, const struct json *list, struct inputs *out);
/* By name or alias, -1 when nobody is called that. */
int inputs_find(const struct inputs *in, struct str name);
/* By canonical name only. */
int inputs_named(const struct inputs *in, struct str name);
int input_decimals(enum input_type t); /* how many decimals `n` counts */
const char *input_type_name(enum input_type t);

enum misread {
    VALUE_OK,
    VALUE_UNREADABLE,
    VALUE_OUT_OF_RANGE,
    VALUE_OFF_STEP,
    VALUE_TOO_LONG,
    VALUE_EMPTY,
};
/* Within min, max and step; for every type but size, text and file. */
bool value_allowed(const struct input_spec *spec, int64_t n);
/* Sides, step, pixels and ratio. */
enum misread size_check(const struct input_spec *spec, int64_t width, int64_t height);
/* The i-th word as a value. */
struct value value_of_word(const struct input_spec *spec, size_t i);
enum misread value_read(const struct input_spec *spec, const struct json *given, struct value *out);
/* "must be a number of seconds from 3 to 15 in steps of 1, not 16" */
void value_complain(const struct input_spec *spec, enum misread m, const struct json *given, char *out, size_t out_size);
/* A size that is allowed, for sentences that show one: the default, 1024x1024, or the smallest square. */
void size_example(const struct input_spec *spec, char *out, size_t out_size);
/* "a number of seconds from 3 to 15 in steps of 1" */
void value_describe(const struct input_spec *spec, char *out, size_t out_size);
bool value_same(const struct input_spec *spec, const struct value *a, const struct value *b);
void value_write(struct jw *w, const struct input_spec *spec, const struct value *v);
/* For people: 5, true, 1024x1024, high */
struct str value_text(struct arena *a, const struct input_spec *spec, const struct value *v);
/* What value_write needs at most. */
size_t value_bound(const struct input_spec *spec, const struct value *v);
size_t json_bound(const struct json *j); /* what json_write needs at most */

/* --- rate tables (rates.c) --- */

enum unit { UNIT_CALL, UNIT_IMAGE, UNIT_SECOND, UNIT_MEGAPIXEL, UNIT_KCHAR, UNIT_COUNT };
struct unit_info {
    const char *name;
    int64_t parts;        /* how many smallest parts one unit has */
    int decimals;         /* the same as a power of ten */
    const char *one, *many;
    const char *measured; /* its word in `quantity: {measured: ...}`, NULL when it has none */
    int max_decimals;     /* of `max`, so that max counts smallest parts */
};
const struct unit_info *unit_info(enum unit u);

enum source { FROM_CALL, FROM_INPUT, FROM_MEASURED, FROM_MEDIA };
const char *source_name(enum source s);
enum rounding { ROUND_UP, ROUND_DOWN, ROUND_NEAREST };

enum cond_kind { COND_ONE_OF, COND_RANGE, COND_GIVEN };
struct cond {
    int input;
    enum cond_kind kind;
    const struct value *values; size_t value_count; /* COND_ONE_OF */
    int64_t min, max;                               /* COND_RANGE, in `n` */
    bool has_min, has_max;
    bool given;                                     /* COND_GIVEN */
};
struct when { const struct cond *conds; size_t count; }; /* all of them hold; none: always */
struct row {
    const struct cond *conds; size_t cond_count;
    micros rate;
    int64_t max;           /* of what is measured, in smallest parts: more is not billed; 0: the price's own */
    enum rounding rounding;
    int line;
    struct str head; /* {"index":0,"when":{..},"micros":1,"unit":"second" */
    struct str why;  /* "row 1: audio is true; " as the inside of a JSON string */
};
struct rates {
    enum unit unit;
    enum source source;
    int input;             /* FROM_INPUT, FROM_MEDIA: which */
    int64_t scale;         /* FROM_INPUT: parts per n of the input */
    int64_t han;           /* FROM_INPUT: parts of a Chinese character */
    int64_t max;           /* FROM_MEASURED, FROM_MEDIA: in smallest parts */
    int outputs;           /* input that says how many, -1: one */
    micros if_unmeasured;
    const struct row *rows; size_t row_count;
    int line;
};
/* `base`: the model's own price when a route's cost is read (its quantity and outputs are taken over), else NULL. */
void rates_read(struct doc *d, const struct inputs *in, const struct json *node, const struct rates *base, struct rates *out);
/* priced: only inputs that change the price may be named. */
void when_read(struct doc *d, const struct inputs *in, const struct json *node, bool priced, struct when *out);
bool when_holds(const struct when *w, const struct inputs *in, const struct value *values);
bool cond_holds(const struct cond *c, const struct input_spec *spec, const struct value *v);
size_t rates_match(const struct rates *r, const struct inputs *in, const struct value *values);

/* What the rates say for these values. parts: quantity in smallest parts. E_LIMIT when the amount is past all bounds. */
struct due { size_t row; int64_t parts, outputs; micros amount; };
[[nodiscard]] err rates_due(const struct rates *r, const struct inputs *in, const struct value *values, int64_t parts, struct due *out);
/* The quantity without regard to measured facts: from the input, or the maximum. */
int64_t rates_parts(const struct rates *r, const struct value *values);

/* --- models (model.c, lint.c) --- */

/* Calls that no provider of the model takes, although each input by itself is allowed. */
struct refusal { struct when when; struct str why; };

struct compiled {
    struct inputs inputs;
    struct refusal *refusals;
    size_t refusal_count;
    struct rates price;
    const struct rates **costs; /* one per route, NULL where it states none */
    struct when *whens;         /* one per route: the calls it is taken for */
    bool *loss;                 /* one per route: its price may lie below its cost */
    const struct json *doc;     /* as published */
};
/* The first that holds for these values, NULL: none. */
const struct refusal *compiled_refusal(const struct compiled *c, const struct value *values);
static inline const struct compiled *model_compiled(const struct model *m) { return m->price; }

/* By canonical name, NULL when there is none. */
const struct input_spec *model_input(const struct model *m, const char *name);
/* The members of a row of /v1/models that the second product's clients know (card.c). */
void card_write(const struct model *m, struct jw *w);
/* Reads one document. False when it has problems. */
bool model_read(struct doc *d, const struct json *doc, struct model *out);
/* Proves the prices over all combinations of the inputs that matter to them. */
void model_lint(struct doc *d, const struct model *m);
