/* One list of outcomes for every floor; it maps to HTTP statuses, MCP codes and exit statuses.
 *
 * A fallible function is   [[nodiscard]] err noun_verb(in..., struct why *why, out_x)
 * Out-parameters come last and are untouched on failure. `why` may be NULL; it is filled once, by the place that knows. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum err {
#define ERR(name, code, http, mcp, exit, retry, text) name,
#include "base/err.def"
#undef ERR
    ERR_COUNT
} err;

enum retry { RETRY_never, RETRY_same_key, RETRY_after };

struct err_info {
    const char *name;
    const char *code;
    int http_status;
    int mcp_code;
    int exit_status;
    enum retry retry;
    const char *text;
};

const struct err_info *err_info(err e);
const char *err_name(err e);
/* The outcome whose stable word is `code`; E_INTERNAL when there is none. */
err err_by_code(const char *code);

/* What happened, in words for a person and facts for a program. */
struct why {
    err code;
    char detail[480];       /* one sentence or two, complete; empty: the list's text is used */
    char field[64];         /* the input at fault, empty when none is */
    int64_t retry_after_s;  /* 0: not known */
    int64_t charged_micros; /* what the caller paid although this failed */
    bool passes, stays;     /* the same call may succeed later, or fails again, whatever the list says of the code */
    char facts[512];        /* further members as JSON without the braces: "\"required_micros\":10000,..." or empty */
};

/* Fills `why` (when not NULL) and returns `code`, so that a failure is one expression. */
err why_set(struct why *why, err code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Adds `"name":value` to the facts; dropped when there is no room. */
void why_fact_int(struct why *why, const char *name, int64_t value);
void why_fact_str(struct why *why, const char *name, const char *value);
const char *why_text(const struct why *why);
enum retry why_retry(const struct why *why);

#define TRY(expr)                 \
    do {                          \
        err try_err_ = (expr);    \
        if (try_err_) return try_err_; \
    } while (0)

/* What must hold or the process ends: the crash path is the best-tested path. */
#define must(cond) ((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__))
_Noreturn void must_failed(const char *cond, const char *file, int line);
