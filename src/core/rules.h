/* What the rules share. Private to core/: everyone else sends commands (core/command.h). */
#pragma once
#include "core/command.h"
#include "core/drive.h"

/* A rule: what it reads, and what it decides on that. apply runs inside workset_begin; any code but OK drops its edits. */
typedef void want_fn(const struct command *c, struct workset *w, int round);
typedef err apply_fn(const struct command *c, struct workset *w, struct outcome *out);

want_fn create_project_want, create_key_want, revoke_key_want, top_up_want, publish_want; /* command_project.c */
apply_fn create_project_apply, create_key_apply, revoke_key_apply, top_up_apply, publish_apply;
want_fn adjust_want, secret_want, project_set_want; /* command_project.c, command_secret.c */
apply_fn adjust_apply, secret_put_apply, secret_delete_apply, project_set_apply;
want_fn defer_want; /* command_attempt.c */
apply_fn defer_apply;
want_fn provider_key_want, pause_want, reseal_want; /* command_provider.c */
apply_fn provider_key_apply, pause_apply, reseal_apply;
want_fn derived_want; /* command_drive.c */
apply_fn derived_put_apply;
want_fn submit_want, delivered_want; /* command_submit.c */
apply_fn submit_apply, delivered_apply;
want_fn claim_want, step_want; /* command_attempt.c */
apply_fn claim_apply, sending_apply, accepted_apply, progress_apply, result_seen_apply, unresolved_apply;
want_fn attempt_failed_want, settle_want; /* command_settle.c */
apply_fn attempt_failed_apply, settle_apply;
want_fn cancel_want, cancel_confirmed_want, expire_want, resolve_want; /* command_cancel.c */
apply_fn cancel_apply, cancel_confirmed_apply, expire_apply, resolve_apply;
want_fn adopt_want; /* command_adopt.c */
apply_fn adopt_apply;
want_fn asset_put_want, asset_delete_want; /* command_drive.c */
apply_fn asset_put_apply, asset_delete_apply;
want_fn webhook_put_want, webhook_delete_want, webhook_send_want, webhook_lease_want, webhook_note_want; /* command_webhook.c */
apply_fn webhook_put_apply, webhook_delete_apply, webhook_send_apply, webhook_lease_apply, webhook_note_apply;

/* --- lifecycle.c: events, attempts, and the one way a generation ends --- */

struct str attempt_id(struct arena *a, struct str generation, int64_t n);

/* Further members of an event's payload, written after the ones every event has. */
struct event_more {
    const char *key; /* NULL: none */
    struct str text; /* when not NULL: a string, else `number` */
    int64_t number;
};
/* Event of g, numbered without gaps: {"state","attempt","provider", more...}. */
void event_add(struct workset *w, struct generation *g, struct str type, const struct event_more *more, msec at);
/* The same with a payload made elsewhere. */
void event_add_raw(struct workset *w, struct generation *g, struct str type, struct str payload, msec at);

/* pending -> processing: opens the next attempt. The caller has checked the limits. */
void attempt_open(struct workset *w, struct generation *g, struct project *p, struct str node, struct str provider,
                  struct str route, msec at);
bool attempt_is_local(const struct attempt *a);

/* The newest attempt as its step's author sees it: E_STALE when the generation is not processing, another node works on it,
 * or another attempt is the newest. */
[[nodiscard]] err attempt_live(struct workset *w, const struct cmd_step *s, struct why *why, const struct generation **out_g,
                               const struct attempt **out_a);
/* Moves the live attempt and its generation on by one step; both are returned for further edits. */
struct generation *attempt_step(struct workset *w, struct str generation, struct str step, struct attempt **out_a);
/* Ends the live attempt: `outcome` is completed, failed, cancelled or unreconciled. */
struct attempt *attempt_end(struct workset *w, struct generation *g, struct str outcome, msec at);

struct ending {
    struct str state;   /* terminal */
    struct str attempt; /* outcome of the newest attempt, when it is still live */
    micros capture;
    int64_t outputs;
    err code; /* why it failed, OK otherwise */
    struct str detail;
};
/* Every terminal transition: ends the attempt, the hold, the reservation, the counters and the node's claim, and says so. */
void generation_end(struct workset *w, struct generation *g, const struct ending *e, msec at);
/* What hold and state promise each other. */
void generation_check(struct workset *w, const struct generation *g);

/* A slot of the project, and of the model where it has a limit of its own, is taken or given back. */
void running_add(struct workset *w, const struct generation *g, struct project *p, int64_t change);
bool model_has_slot(struct workset *w, struct str model, int64_t limit);
void want_model_load(struct workset *w, struct str model, int64_t limit);
/* The record of what failed in the hour of `at` at the operator's cost. */
struct str key_fault_id(struct arena *a, struct str key, msec at);
/* What a key with a cap per day has spent (core/caps.h); change counts a call in, or what was not taken back out. */
void key_day_add(struct workset *w, const struct generation *g, micros change);

void outcome_of(struct outcome *out, const struct generation *g);
void outcome_money(struct outcome *out, struct workset *w, struct str project, struct str book);
/* Round 1 of commands that may end a generation: its project and account. */
void want_ending(struct workset *w, struct str generation);
/* And the newest attempt it has. */
void want_newest_attempt(struct workset *w, struct str generation);

static inline void want(struct workset *w, enum rec_type type, struct str id) {
    workset_want(w, (struct rec_key){type, id});
}

/* --- command_webhook.c: whoever of the project wants to know of such an event (HOOK_*) gets a message; g's newest event is what it is about --- */
void webhooks_tell(struct workset *w, const struct project *p, const struct generation *g, int64_t what, msec at);
/* A submit with a URL of its own: what it reads, and what it comes to in the generation's record. */
void webhook_call_want(struct workset *w, const struct cmd_submit *s);
[[nodiscard]] err webhook_call_take(struct workset *w, const struct cmd_submit *s, msec at, struct why *why, struct str *out);

/* --- command_drive.c: what a path shows --- */
void want_path(struct workset *w, struct drive_spot p, int round); /* round 1: the path, round 2: its asset */
bool path_shows(struct workset *w, struct drive_spot p); /* a file, as far as it is loaded */
bool path_is_loaded(struct workset *w, struct drive_spot p);
struct asset *asset_add(struct workset *w, const struct output *o, struct drive_spot p, msec at);
