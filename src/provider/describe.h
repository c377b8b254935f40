/* What a description is compiled to. Inside the room only.
 *
 * Everything lies in the arena of its `struct providers` and points into the catalog's documents; nothing here is written after compiling. */
#pragma once
#include "catalog/doc.h"
#include "provider/provider.h"

enum {
    DESCRIBE_ENDPOINTS_MAX = 32,
    DESCRIBE_RULES_MAX = 128,
    DESCRIBE_STEPS_MAX = 32,
    DESCRIBE_PAIRS_MAX = 64,
    DESCRIBE_TEXT_BYTES = 2000,
    DESCRIBE_PROGRAM_BYTES = 64 * 1024,
    DESCRIBE_VALUES_MAX = 4096, /* what one expression may find */
};

/* --- how a value is found in a reply (expr.c) --- */

enum expr_kind { EXPR_NONE, EXPR_PATH, EXPR_FIRST, EXPR_HEADER, EXPR_JQ, EXPR_TEXT, EXPR_KEPT };
struct path_step { enum { STEP_NAME, STEP_INDEX, STEP_ALL } kind; struct str name; uint32_t index; };
struct expr {
    enum expr_kind kind;
    struct str text;                                    /* header's name in small letters, program, text, or the path as written */
    const struct path_step *steps; size_t step_count;
    const struct expr *list; size_t list_count;
    int line;
};
/* What an expression is asked of. */
struct view {
    const struct json *body;                            /* NULL: not JSON */
    const struct header_out *headers; size_t header_count;
    const struct evaluator *ev;
    struct arena *a;
    struct str their_ref;                               /* what was kept stands in it */
    struct str input;                                   /* the body for programs, made when first needed */
};
struct values { const struct json **at; size_t count; };

/* E_INVALID with a sentence. */
[[nodiscard]] err path_parse(struct str text, struct arena *a, struct why *why, const struct path_step **out, size_t *out_count);
void path_walk(const struct json *root, const struct path_step *steps, size_t count, struct arena *a, struct values *out);
void expr_read(struct doc *d, const struct json *node, const char *where, struct expr *out);
/* All that it finds, nothing of it null. */
[[nodiscard]] err expr_all(const struct expr *x, struct view *v, struct why *why, struct values *out);
/* The first, NULL when it leads nowhere. */
[[nodiscard]] err expr_one(const struct expr *x, struct view *v, struct why *why, const struct json **out);
/* The same as text: numbers as written, true and false, everything else as JSON; empty when it leads nowhere. */
[[nodiscard]] err expr_text(const struct expr *x, struct view *v, struct why *why, struct str *out);
bool expr_runs(const struct expr *x); /* whether a program is in it */
struct str json_plain(const struct json *j, struct arena *a);

/* --- conditions and rules (rules.c) --- */

struct cond {
    uint16_t lows[16], highs[16]; size_t range_count;   /* HTTP statuses; 0: any */
    struct expr at;
    const struct str *is, *has, *not; size_t is_count, has_count, not_count;
    bool exists_given, exists;
};
struct conds { const struct cond *list; size_t count; };
struct rule { struct cond when; enum failure failure; bool billed, lost; struct str message; };
struct rules { const struct rule *list; size_t count; };

void conds_read(struct doc *d, const struct json *node, const char *where, struct conds *out);
void rules_read(struct doc *d, const struct json *node, struct rules *out);
[[nodiscard]] err conds_hold(const struct conds *c, int status, struct view *v, struct why *why, bool *out);
/* Whether it says more of an answer than its class of statuses does: it looks into the answer, or names that very status. */
bool cond_explains(const struct cond *c, int status);
[[nodiscard]] err cond_holds_for(const struct cond *c, int status, struct view *v, struct why *why, bool *out);
bool conds_run(const struct conds *c);
bool rules_run(const struct rules *r);

/* --- templates (template.c) --- */

enum name_kind {
    NAME_NONE, NAME_REF, NAME_MODEL, NAME_BASE, NAME_SLUG, NAME_KIND, NAME_OUR_REF, NAME_WEBHOOK, NAME_KEY, NAME_KEPT, NAME_APP,
    NAME_INPUT, NAME_INPUTS, NAME_REST, NAME_FILE, NAME_REPLY,
};
struct template_part {
    struct str text;                                    /* before the name */
    enum name_kind kind;
    struct str name;                                    /* KEPT: which; INPUT, INPUTS, REST, FILE, REPLY: the path behind the dot */
    const struct path_step *steps; size_t step_count;
};
struct template { const struct template_part *parts; size_t count; struct str source; int line; };
struct pair { struct str name; struct template value; };
struct pairs { const struct pair *list; size_t count; };
/* What may stand in braces beside the names of every call. */
enum { ALLOW_KEY = 1, ALLOW_FILE = 2, ALLOW_REPLY = 4 };
void template_read(struct doc *d, const struct json *node, const char *where, unsigned allow, struct template *out);
void pairs_read(struct doc *d, const struct json *node, const char *where, unsigned allow, struct pairs *out);
bool template_uses(const struct template *t, enum name_kind kind);

/* --- a description (describe.c, endpoint.c) --- */

enum auth_scheme { AUTH_NONE, AUTH_BEARER, AUTH_HEADER, AUTH_QUERY, AUTH_BASIC, AUTH_KLING_JWT, AUTH_GOOGLE_KEY };
struct auth { enum auth_scheme scheme; struct str name; struct template format; };
enum body_kind { BODY_JSON, BODY_FORM, BODY_MULTIPART, BODY_NONE, BODY_FILE };
struct request_spec {
    bool given;
    struct str method;
    struct template url;
    bool whole;                                         /* `url`: not joined to base */
    struct template otherwise;                          /* a path below base, when `url` comes to nothing */
    struct pairs query, headers;
    enum body_kind body;
    struct str program;                                 /* empty: `.input` for a submit, no body otherwise */
    int program_line;
    struct str part; struct pairs fields;               /* upload in multipart */
};
struct named_expr { struct str name; struct expr value; };
struct reply_spec {
    struct expr ref, status, progress, position, message, stage, done, error;
    const struct named_expr *keep; size_t keep_count;
    struct conds running_when, done_when;
};
struct status_word { struct str word; enum reply_state state; };
struct outputs_spec {
    struct expr files, text, words, language_code, usd, micros, units, expires_at;
    bool body, encoding_given;
    enum output_encoding encoding;
    bool encoded;                                       /* `encoding` is not url */
    struct str type;
    const struct named_expr *meta; size_t meta_count;
    int64_t each_nanos;                                 /* micros * 10^6 of one unit; 0: the route's */
};
struct endpoint {
    struct endpoint_info info;
    struct str name;
    const struct provider *provider;
    struct auth auth;
    struct pairs headers;
    struct request_spec submit, poll, result, cancel, lookup, upload_request, upload;
    struct reply_spec submit_reply, poll_reply, lookup_reply;
    struct conds stopped, failed_when;
    const struct status_word *statuses; size_t status_count;
    struct outputs_spec outputs;
    struct rules errors;
    struct expr error_message, retry_after, upload_value;
    struct str idempotency_header;
    const struct path_step *idempotency_field; size_t idempotency_steps;
    int line;
};
struct provider {
    struct provider_info info;
    struct str file;
    enum signature signature;
    struct expr webhook_ref;
    struct str webhook_keys; /* where the keys of its signatures stand; may be empty */
    struct str webhook_audience; /* who its tokens are for, where that is not the address of the webhook */
    bool own_secret;
    const struct endpoint *endpoints; size_t endpoint_count;
    struct str old_base;                                /* rebased: what the description says */
    const struct str *old_hosts; size_t old_host_count;
};
struct providers {
    struct arena arena;
    struct provider *list; size_t count;
};

/* Days since 1970-01-01, -1 when there is no such day. */
int64_t civil_days(int64_t year, int64_t month, int64_t day);
/* Reads one description; false when it has problems. */
bool describe_read(struct doc *d, const struct provider_doc *doc, struct provider *out);
void limits_read(struct doc *d, const struct json *node, struct provider_limits *out);
bool endpoint_read(struct doc *d, const struct json *doc, const struct json *top, struct str name, struct endpoint *out);
/* Each program of the description in turn. */
void describe_programs(const struct provider *p, void (*each)(void *arg, struct str program, int line, const char *where), void *arg);

/* --- a call (call.c) --- */

/* Everything about one call that templates and programs may ask for, made when first needed. */
struct calling {
    const struct endpoint *e;
    const struct provider_call *c;
    const struct evaluator *ev;
    struct arena *a;
    struct why *why;
    struct str token;                                   /* part of every stand-in for a file's bytes */
    const struct json *inputs, *rest, *files, *input, *ref, *reply; /* NULL: not made yet */
    bool split;
};
void calling_start(struct calling *k, const struct endpoint *e, const struct provider_call *c, const struct evaluator *ev, struct arena *a, struct why *why);
[[nodiscard]] err calling_input(struct calling *k, const struct json **out);   /* what the route makes of the inputs */
[[nodiscard]] err calling_run(struct calling *k, struct str program, const struct json **out); /* a program of the description on the call */
struct str route_program_text(struct str program, struct arena *a);
struct str call_program_text(struct str program, struct arena *a);

/* --- many programs as few (bundle.c) --- */

/* An evaluator over another one, for lint: jq needs 13 ms for each text that it has not seen, so programs that are known before are run as
 * branches of one. What is not known, or sits in a bundle that does not compile, runs as it is. */
struct bundle;
struct bundle *bundle_new(const struct evaluator *ev);
void bundle_free(struct bundle *b);
void bundle_add(struct bundle *b, struct str program); /* copied; twice is once */
struct evaluator bundle_evaluator(struct bundle *b);
/* How values are written into a template. */
enum escape { ESCAPE_NONE, ESCAPE_PATH, ESCAPE_QUERY };
[[nodiscard]] err template_write(const struct template *t, struct calling *k, enum escape escape, struct buf *out);
void escape_write(struct buf *b, struct str s, enum escape escape);
/* The index of the file whose stand-in begins at `at`, and its length; -1: none. */
int token_at(const struct calling *k, struct str text, size_t at, size_t *out_len);
/* The body of a submit before it is encoded; lint looks at it. */
[[nodiscard]] err calling_body(struct calling *k, const struct request_spec *s, enum ask ask, const struct json **out);
[[nodiscard]] err auth_write(const struct endpoint *e, const struct provider_call *c, struct arena *a, struct why *why, struct header_out *out_header, struct str *out_query);
struct str url_origin(struct str url);
const struct json *ref_parse(struct str their_ref, struct arena *a);
[[nodiscard]] err body_write(struct calling *k, const struct request_spec *s, const struct json *value, struct request *out, struct str *out_type);

/* --- outputs (discover.c) --- */
struct found { struct output_ref *list; size_t count; };
[[nodiscard]] err outputs_find(const struct endpoint *e, const struct provider_call *c, const struct reply_in *r, struct str url_path, struct view *v, struct why *why,
                               struct reading *out);
