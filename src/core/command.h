/* Commands: plain data, the only way any fact changes.
 *
 * A command carries everything its rule needs besides the records it names: ids, the moment, the quote, limits. Applying it
 * twice to the same records gives the same result. Strings are views that must outlive the command's batch. */
#pragma once
#include "base/err.h"
#include "base/time.h"
#include "core/price.h"
#include "core/record.h"
#include "core/workset.h"

enum command_kind {
    CMD_CREATE_PROJECT,
    CMD_CREATE_KEY,
    CMD_REVOKE_KEY,
    CMD_TOP_UP,
    CMD_SUBMIT,           /* claim the idempotency key, reserve drive space, hold the quote, insert generation and first event */
    CMD_CLAIM,            /* pending -> processing on this node, first or next attempt opened */
    CMD_SENDING,          /* the submit is about to leave: after this commit its absence can no longer be assumed */
    CMD_ACCEPTED,         /* the provider took it: their_ref */
    CMD_PROGRESS,         /* an event for people; changes no state */
    CMD_RESULT_SEEN,      /* the provider says done; the reply is kept before any output is fetched */
    CMD_ATTEMPT_FAILED,   /* classified failure of one attempt; the rule decides: try again, next route, or end */
    CMD_UNRESOLVED,       /* a submit's answer was lost and look-up does not tell */
    CMD_SETTLE,           /* outputs are stored: capture, release the rest, usage event, assets, terminal state */
    CMD_CANCEL,
    CMD_CANCEL_CONFIRMED, /* the provider confirmed that it stopped, or bills nothing */
    CMD_EXPIRE,           /* the deadline has passed */
    CMD_RESOLVE,          /* an operator closes an unresolved generation by hand */
    CMD_ADOPT,            /* work of a dead node becomes this node's */
    CMD_ASSET_PUT,        /* a caller's own upload */
    CMD_ASSET_DELETE,
    CMD_PUBLISH_CATALOG,
    CMD_ADJUST,           /* an operator's correction: a new transfer with reason and author */
    CMD_SECRET_PUT,
    CMD_SECRET_DELETE,
    CMD_DERIVED_PUT,      /* a thumbnail, optimized copy or poster was made, or cannot be */
    CMD_PROJECT_SET,      /* limits and retention of a project */
    CMD_DELIVERED,        /* an answer reached its caller: the same call may be made anew */
    CMD_DEFER,            /* no route takes a pending generation just now: not before retry_at, so that others pass it */
    CMD_PROVIDER_KEY,     /* an operator's credential at a provider, sealed; empty: forgotten */
    CMD_PAUSE,            /* nothing new to a provider or of a model, or on again */
    CMD_RESEAL,           /* what was sealed under an older master key, sealed under the one of now */
    CMD_WEBHOOK_PUT,      /* a webhook is made or changed */
    CMD_WEBHOOK_DELETE,
    CMD_WEBHOOK_SEND,     /* a test message, or one once more */
    CMD_WEBHOOK_LEASE,    /* this node sends what waits for a webhook */
    CMD_WEBHOOK_NOTE,     /* what came of sending one message; the rule decides when the next try is due and when it is over */
    CMD_KIND_COUNT
};

/* Why an attempt failed. Decides who pays and whether another try is allowed. */
enum failure {
    FAIL_NONE,
    FAIL_CALLER,       /* the inputs: 422 */
    FAIL_MODERATION,   /* 422 */
    FAIL_AUTH,         /* our key: next route, else 502 */
    FAIL_QUOTA,        /* our quota there: next route, else 502 */
    FAIL_RATE_LIMIT,   /* wait, then again */
    FAIL_TRANSIENT,    /* wait, then again */
    FAIL_GONE,         /* the model or job does not exist there any more */
    FAIL_UNCLASSIFIED, /* no other route, no charge */
    FAIL_OUTPUT_LOST,
    FAIL_SANDBOX, /* this host does not allow the walls that the route asks for: next route, else 503 */
    FAIL_DEADLINE, /* a local render took longer than its model may: 504 */
    FAIL_COUNT
};
const char *failure_name(enum failure f);
enum failure failure_by_name(struct str name);
err failure_err(enum failure f); /* what the caller is answered */

/* One stored output, facts committed with settle. */
struct output {
    struct str asset;   /* id */
    struct str blob;    /* place under blobs/ */
    struct str ext;     /* "png"; the default path is media/<generation>.<ext>, media/<generation>-<n>.<ext> from the second on */
    struct str type;    /* "image/png", sniffed */
    struct str kind;    /* image, video, audio, text */
    struct str sha256;
    struct str facts;   /* JSON: {"width":..,"height":..,"duration_ms":..} */
    int64_t bytes;
};

struct cmd_create_project { struct str id, name; int64_t run_limit, drive_limit; };
/* scopes, models, origins (kept for keys of browsers): words separated by blanks, empty: no bound. replaces: a key being rotated; it stays valid until
 * old_expires_at. Caps in micros, 0: none. */
struct cmd_create_key {
    struct str prefix, project, kind, hash, name;
    struct str scopes, models, origins, rate_class, replaces;
    msec expires_at, old_expires_at;
    micros call_cap, day_cap;
};
struct cmd_revoke_key { struct str prefix, project; /* project empty: an operator may revoke any */ };
struct cmd_top_up { struct str transfer /* topup:<id> */, project, book, author, reason; micros amount; };
/* What a call that was made before is. A key: the same, for as long as keys live. Without one the caller is known by what it sends: callers
 * that repeat a call whose answer they lost get that answer as long as it was not delivered; every other call is a new one. */
enum repeat { REPEAT_KEY, REPEAT_UNDELIVERED, REPEAT_NEVER };
struct cmd_submit {
    struct str generation, project, book, key;
    struct str idempotency, request_hash; /* idempotency empty: the caller gave no key, and is not known by what it sends */
    enum repeat repeat;
    struct str model, kind, catalog, inputs, output_path;
    struct quote quote;
    micros max_micros;      /* refuse with price_changed when dearer; 0: no bound */
    int64_t needs_bytes;    /* drive space to reserve */
    msec deadline_at;
    int64_t pending_limit;  /* refuse with rate_limited when that many of the project wait already */
    struct str node;        /* not empty: claim at once for this node when the project has a free slot and nothing waits */
    struct str provider, route; /* of the attempt opened then */
    struct str metadata, end_user, trace; /* the caller's own, shown again; JSON, text, traceparent */
    struct str files;       /* the drive files among the inputs, JSON */
    struct str url_path;    /* the caller's output_url_path */
    struct str webhook, webhook_origin; /* the caller's webhook_url and the server that it leads to; empty: none */
    struct str webhook_secret;          /* sealed; becomes the project's when it has none for such calls */
    int64_t model_limit;    /* of this model at once over all projects, 0: no bound */
};
/* Every step of the engine names the generation and the node that works on it; a rule refuses with E_STALE what comes from a
 * node that no longer does, or for a generation or attempt that is not in the state the step needs. */
struct cmd_step {
    struct str generation, node;
    int64_t attempt;
    struct str provider, route;      /* CLAIM */
    struct str their_ref;            /* ACCEPTED */
    struct str reply;                /* RESULT_SEEN */
    struct str type, payload;        /* PROGRESS: event type and JSON payload */
    enum failure failure;            /* ATTEMPT_FAILED */
    struct str detail;               /* ATTEMPT_FAILED, UNRESOLVED, RESOLVE: a sentence */
    micros cost_micros;              /* what the provider took, 0 when nothing or unknown */
    bool billed;                     /* ATTEMPT_FAILED: the provider takes money for it nevertheless */
    bool may_retry;                  /* ATTEMPT_FAILED: nothing was started there, or the provider is idempotent */
    bool patient;                    /* ATTEMPT_FAILED: one more of these tells nobody anything new: it counts for little */
    msec retry_at;                   /* ATTEMPT_FAILED, DEFER: not before */
    const struct output *outputs;    /* SETTLE */
    int64_t output_count;
    int64_t measured;                /* SETTLE: -1 when not measured */
    struct str result;               /* SETTLE: meta as JSON */
    bool late;                       /* SETTLE of a generation that already ended: asset only, unbilled, announced */
    int64_t hidden;                  /* SETTLE without outputs: so many files were made, and the caller's own path hides them (`detail`): billed and kept */
    bool delivers;                   /* SETTLE of a generation that ended hidden: its files, billed before */
};
/* project and book empty: an operator may cancel any; a key cancels within its own book only (test keys move no live money) */
struct cmd_cancel { struct str generation, project, book; };
struct cmd_expire { struct str generation; bool waited; /* its node knows that its work was not begun */ };
struct cmd_adopt { struct str node, dead; const struct str *generations; int64_t count; };
/* only_new: refuse with E_PRECONDITION when the path shows a file; only_if (a sha256, or "*"): unless it shows that one. */
struct cmd_asset_put { struct str project, book, path; struct output output; struct str only_if; bool only_new; };
/* asset: not empty: this file and no other; its path is '' when it was replaced. E_NOT_FOUND when the path shows another by now. */
struct cmd_asset_delete { struct str project, book, path, asset; };
struct cmd_publish { struct str sha256, content; };
/* amount above zero gives, below zero takes; never below what is available. transfer: adjust:<id> */
struct cmd_adjust { struct str transfer, project, book, author, reason; micros amount; };
struct cmd_secret { struct str project, name, sealed; };
struct cmd_derived { struct str asset, role, state, blob, type; int64_t bytes, width, height; };
struct cmd_delivered { struct str idempotency, generation; };
struct cmd_project_set { struct str id; int64_t run_limit, drive_limit, retention_days; /* below 0: as it is */ };
struct cmd_provider_key { struct str provider, sealed, author; };
struct cmd_pause { struct str what /* provider/<name>, model/<slug> */, author; bool on; };
/* type: secret, provider_key or webhook. Changes nothing when `before` no longer stands there: somebody was faster, with the newer key. */
struct cmd_reseal { struct str type, id, before, after; };
/* secret not empty: a new one, sealed; the one before stays valid until before_until. state empty: as it is. Of `wants` the bits of `mask` count. */
struct cmd_webhook_put {
    struct str id, project, url, secret, state;
    int64_t wants, mask;
    msec before_until;
    bool fresh;
    bool of_calls; /* the secret for URLs that calls name, and nothing else */
};
struct cmd_webhook_delete { struct str id, project; };
/* again: the message is there; otherwise it is made, of type webhook.test */
struct cmd_webhook_send { struct str message, webhook, project; bool again; };
/* alone: whoever else had it is surely gone */
struct cmd_webhook_lease { struct str webhook, node; msec until; bool alone; };
struct cmd_webhook_note {
    struct str message, webhook, node;
    struct str detail;
    int64_t status;      /* of the answer; 0: none came */
    msec began_at;       /* when it was sent */
    msec retry_after;    /* what the answer asked for, 0: nothing */
    int64_t jitter;      /* thousandths by which the wait is longer */
};

struct command {
    enum command_kind kind;
    msec at;
    union {
        struct cmd_create_project create_project;
        struct cmd_create_key create_key;
        struct cmd_revoke_key revoke_key;
        struct cmd_top_up top_up;
        struct cmd_submit submit;
        struct cmd_step step;
        struct cmd_cancel cancel;
        struct cmd_expire expire;
        struct cmd_adopt adopt;
        struct cmd_asset_put asset_put;
        struct cmd_asset_delete asset_delete;
        struct cmd_publish publish;
        struct cmd_adjust adjust;
        struct cmd_secret secret;
        struct cmd_derived derived;
        struct cmd_project_set project_set;
        struct cmd_delivered delivered;
        struct cmd_provider_key provider_key;
        struct cmd_pause pause;
        struct cmd_reseal reseal;
        struct cmd_webhook_put webhook_put;
        struct cmd_webhook_delete webhook_delete;
        struct cmd_webhook_send webhook_send;
        struct cmd_webhook_lease webhook_lease;
        struct cmd_webhook_note webhook_note;
    };
};

/* What a command came to. `answer` fields are copies in fixed space, valid after the batch is gone. */
struct outcome {
    err code;
    struct why why;
    char generation[33];   /* submit: the generation that answers the call, which a replay finds instead of making one */
    bool replayed;         /* submit: the idempotency key was known, nothing new was written */
    bool claimed;          /* submit: processing on the given node at once */
    int64_t attempt;       /* claim, submit: the attempt opened */
    char state[16];        /* of the generation afterwards: pending, processing, completed, failed, cancelled */
    char step[16];         /* see core/generation.h */
    int64_t events;        /* events of the generation afterwards */
    micros available;      /* of the account touched */
    bool retry;            /* attempt_failed: another attempt is due at retry_at */
    msec retry_at;
    int64_t moved;         /* adopt: how many generations */
};

/* The read set. Round 0 is computable from the command alone; rounds 1 and 2 may look at records loaded before. Keys are added
 * with workset_want. Rounds without further keys add nothing. */
enum { COMMAND_ROUNDS = 3 };
void command_want(const struct command *c, struct workset *w, int round);

/* Applies one command inside workset_begin/keep/drop, which it calls itself. Never fails in any other way than out->code. */
void command_apply(const struct command *c, struct workset *w, struct outcome *out);

const char *command_name(enum command_kind kind);
