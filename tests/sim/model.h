/* An independent account of the money: what a careful bookkeeper would expect who has seen only what callers and providers saw.
 * It includes nothing of core/ and computes prices in its own way, so that a mistake there does not repeat itself here. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { MODEL_ACCOUNTS = 16, MODEL_CALLS = 4096 };

/* What a call costs: rate for `unit` parts of `quantity`, once per output. measured: the quantity is only known afterwards. */
struct model_price {
    int64_t rate, unit, quantity, outputs, if_unmeasured;
    bool measured, per_output;
};

enum model_state { MODEL_ASKED, /* sent; counts once the books know it */ MODEL_LIVE, MODEL_COMPLETED, MODEL_ENDED_UNPAID };

struct model_call {
    char id[33];
    int account;
    int64_t day;               /* UTC, on which it was asked */
    bool limited;              /* of the model that has a limit over all projects */
    int path;                  /* which of a few shared paths it wants its file under; -1: none */
    struct model_price price;
    int64_t quoted;
    enum model_state state;
    char final[16];
    int64_t stored, parts;     /* what was delivered: files, and measured parts (-1: unknown) */
    bool delivered, told, seen; /* told: its caller got a yes; seen: the books have it */
};

struct model {
    int64_t top_ups[MODEL_ACCOUNTS];
    struct model_call calls[MODEL_CALLS];
    int call_count;
    int64_t running;           /* limited calls that ran at the last look */
    char fault[400];           /* the first thing that was wrong; empty: nothing */
};

int64_t model_amount(const struct model_price *p, int64_t quantity, int64_t outputs);
void model_top_up(struct model *m, int account, int64_t amount);
/* A call leaves: whether it gets into the books is not known yet. */
void model_asked(struct model *m, const char *id, int account, int64_t day, bool limited, int path, const struct model_price *p);
/* Its caller was told yes: from now on it must be in the books. */
void model_told(struct model *m, const char *id);
/* A provider handed over files for this call. */
void model_delivered(struct model *m, const char *id, int64_t stored, int64_t parts);
struct model_call *model_find(struct model *m, const char *id);

/* What the books say now; compared with what they should. */
struct model_row {
    const char *id, *state;
    int64_t held, billed;
};
void model_look(struct model *m); /* before the rows of one look; */
void model_see_call(struct model *m, const struct model_row *row);
void model_seen_all(struct model *m); /* after them */
/* What the books say that the account's capped key spent on that day, and that runs of the limited model. */
void model_see_spent(struct model *m, int account, int64_t day, int64_t spent, int64_t cap);
void model_see_load(struct model *m, int64_t running, int64_t limit);
/* Whose file the account's drive shows under that path; empty: nobody's. After model_see_call. */
void model_see_path(struct model *m, int account, int path, const char *id);
void model_see_account(struct model *m, int account, int64_t available, int64_t held);
void model_fail(struct model *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
