/* The operations: the one way in behind REST, MCP, the command line and skills. A surface translates its own wire format into
 * these calls and their answers back; it decides nothing.
 *
 * All calls are made on the loop's thread and answer through `done`, exactly once, possibly before the call returns. Answers
 * carry finished JSON, so that every surface shows the same fields. Strings of an answer are valid during the callback. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/time.h"
#include "catalog/shelf.h"
#include "core/command.h"
#include "io/io.h"

/* A call that looks for a route. */
struct route_call { const struct model *model; struct str book, inputs; /* canonical */ };

/* What a provider sent: headers of signatures with names in small letters. Views that end with the call. */
struct hook_in { struct str provider, token, body; const struct hook_header { struct str name, value; } *headers; size_t header_count; };
struct answer;
typedef void ops_done(void *arg, const struct answer *a);

struct ops;
struct ops_options {
    struct loop *loop;
    struct committer *committer;
    struct readers *readers;
    struct drive *drive;
    struct helper *helper;      /* reads foreign media for thumbnails */
    struct signer *signer;
    struct vault *vault;        /* seals secrets */
    struct notary *notary;      /* signs what is said about files */
    struct upstream *upstream;  /* fetches links among the inputs; NULL: none are taken */
    const struct egress_address *allowed; size_t allowed_count; /* private addresses to which webhooks may go, by http too */
    int64_t private_addresses;  /* to which such links may lead; shown by /readyz */
    const struct shelf *shelf;  /* its current version quotes */
    const char *public_url;
    const char *purchase_url;   /* shown with balances; may be NULL */
    struct str node;            /* for claims at submit */
    bool other_nodes;           /* others may end what we wait for: look every 250 ms */
    struct logger *log;
    void *engine;               /* the three below belong to whoever runs the work */
    bool (*slot)(void *engine); /* may a submit be claimed at once? */
    /* The route of a first attempt. E_NO_ROUTE, E_NO_PROVIDER_KEY with a sentence. *out_busy: there is one, and it cannot be taken at once. */
    err (*route)(void *engine, const struct route_call *c, struct why *why, struct str *out_provider, struct str *out_route, bool *out_busy);
    bool (*enabled)(void *engine, const struct model *m); /* does any route lead to it for live keys? NULL: all that have one */
    bool (*provider_known)(void *engine, struct str name);
    /* Whether a provider takes such a credential: its key, or with `webhook` the secret of its webhooks. A sentence when not. NULL: any. */
    err (*provider_key_fits)(void *engine, struct str name, bool webhook, struct str key, struct why *why);
    void (*providers)(void *engine, struct jw *w);        /* members of an open object: providers, paused_models */
    void (*hook)(void *engine, const struct hook_in *h, ops_done *done, void *arg);
    void (*metrics)(void *engine, struct buf *out);
    bool (*warnings)(void *engine, struct buf *out); /* appends JSON strings for /readyz; false: refuse to be ready */
};
struct ops *ops_create(const struct ops_options *o);
/* Ends the threads that move files; what they were at is answered by posts to the loop, which needs the committer for it. */
void ops_stop(struct ops *o);
void ops_destroy(struct ops *o); /* answers what is parked with E_UNAVAILABLE */
/* From committer_options.published. */
void ops_published(struct ops *o, const struct rec_change *changes, size_t n);
/* Parked callers get E_STILL_RUNNING, streams end; new work is refused. */
void ops_drain(struct ops *o);

/* Who calls. Filled by ops_authenticate. */
enum key_kind { KEY_NONE, KEY_ADMIN, KEY_LIVE, KEY_TEST, KEY_PUB /* of a web page: submits, and reads what it submitted */ };
enum { SCOPES_MAX = 160, JOB_MAX = 65 };
struct caller {
    enum key_kind kind;
    char project[33];
    char key[16];       /* prefix: names the key, proves nothing */
    const char *book;   /* "live" or "test" */
    bool service;       /* by a service token: for a program that runs on somebody's behalf */
    char job[JOB_MAX];  /* which the token is for; may be empty */
    char scopes[SCOPES_MAX]; /* words, empty: all that its kind may do */
};
/* generate:media, generate:music, generate:speech, generate:ads, read:balance, read:generations, admin; see scopes.c */
bool caller_may(const struct caller *c, const char *scope);

/* Whether a publishable key may be sent from that page: "https://app.example" */
bool ops_origin_allowed(struct ops *o, const struct caller *c, struct str origin);
/* What lets its holder read one generation with the publishable key that submitted it. */
void ops_read_token(struct ops *o, const struct caller *c, struct str generation, struct buf *out);
[[nodiscard]] err ops_may_read(struct ops *o, const struct caller *c, struct str generation, struct str read_token, struct why *why);

/* How often a key may call: its class's bound for the group a call belongs to. */
struct rate {
    int64_t limit;          /* calls a minute; 0: the key has no class, or none that bounds this */
    int64_t remaining;      /* that would get through now */
    int64_t reset_s;        /* until `remaining` is `limit` again */
    int64_t retry_after_s;  /* until one gets through; 0: now */
};
/* Counts one call. generates: it runs `model` (empty: unknown), otherwise it is a read. E_RATE_LIMITED: it is one too many; *out is
 * filled all the same. */
[[nodiscard]] err ops_rate(struct ops *o, const struct caller *c, bool generates, struct str model, struct why *why, struct rate *out);

struct answer {
    err code;
    struct why why;
    struct str json;            /* the body when OK */
    struct str generation;      /* the id, when there is one; also with E_STILL_RUNNING */
    bool terminal;              /* generation answers: it has ended (a waiting surface answers 200, otherwise 202) */
    bool replayed;              /* the idempotency key was known */
    /* drive reads only */
    int fd;                     /* -1; otherwise the receiver's to close */
    int64_t bytes;
    struct str type, etag;      /* etag: the sha256 */
    struct str path;
    msec modified_at;
    bool inline_ok;             /* a listed raster, audio or video type; anything else is sent as an attachment */
};
typedef void ops_done(void *arg, const struct answer *a);

/* --- keys --- */
/* secret: what stood behind "Bearer " or in X-API-Key. done gets the caller by ops_caller(answer)... */
typedef void ops_caller_done(void *arg, err code, const struct why *why, const struct caller *c);
void ops_authenticate(struct ops *o, struct str secret, ops_caller_done *done, void *arg);

/* A token that stands for the caller's key, for one job and a while: {"token","job_id","project_id","expires_at"}. Sealed and not stored; it ends with its key. */
void ops_token_create(struct ops *o, const struct caller *c, struct str job, int64_t ttl_s, struct str scopes, ops_done *done, void *arg);

/* --- prices and models: answered from memory --- */
void ops_models(struct ops *o, struct str kind /* empty: all */, struct str slug /* empty: list */, ops_done *done, void *arg);
void ops_pricing(struct ops *o, ops_done *done, void *arg);
/* {"quoted_micros","quoted_usd","quoted_credits","model","row","quote_id","expires_at"} */
void ops_quote(struct ops *o, const struct caller *c, struct str model, const struct json *inputs, ops_done *done, void *arg);

/* --- generations --- */
enum view {
    VIEW_GENERATION, /* id, generation_id, status, model, kind, quoted/held/billed, outputs[], error, stages, poll_after_s, ... */
    VIEW_MEDIA,      /* the seed's dictionary: model kind drive_path output_url request_id billed_micros billed_usd meta */
    VIEW_FILES,      /* id, billed_micros, outputs[] alone; an end without files is an error, as with VIEW_MEDIA */
};
struct intake;
struct submission {
    struct str model;
    const struct json *inputs;       /* object or NULL */
    struct intake *intake;           /* where its JSON_SPOOLED strings lie; NULL: there are none */
    struct str kind;                 /* "auto" or empty: resolved */
    bool kind_required;              /* a model of another kind is refused */
    struct str output_path, output_url_path;
    struct str webhook_url;          /* told of this call's end, beside the project's webhooks; empty: none */
    struct str idempotency_key;      /* empty: none */
    struct str route;                /* "POST /v1/generations": part of the idempotency namespace */
    struct str request_hash;         /* hex; of method, route and canonical body */
    enum repeat repeat;              /* what an idempotency_key made of the body means; see core/command.h */
    struct str quote_id;
    micros max_micros;               /* 0: no bound */
    struct str metadata;             /* the caller's own object as JSON, shown again everywhere; empty: none */
    struct str end_user;             /* whom the caller acts for; in filters and sums of usage */
    struct str trace;                /* W3C traceparent, handed on */
    int64_t ttl_s;                   /* of signed URLs; 0: default */
    msec wait;                       /* 0: answer when committed; else park until terminal, at most that long */
    enum view view;
};
/* A JSON body with inline files in it, read as it comes: strings over 64 KB are decoded on their way to the disk, and nothing but the rest is held
 * in memory. begin, feed until the body's end, end, then read; drop at any time, also with an end under way (done is not called any more).
 * E_STORAGE_FULL (507) past the bound on all of them together; E_BAD_JSON; E_TOO_LARGE. */
[[nodiscard]] err ops_intake_begin(struct ops *o, void (*ready)(void *arg), void *arg, struct why *why, struct intake **out);
[[nodiscard]] err ops_intake_feed(struct intake *i, struct str piece, struct why *why, bool *waits); /* waits: no more until ready is called */
void ops_intake_end(struct intake *i, void (*done)(void *arg, err code, const struct why *why));
/* Once done was called: the body's tree in the arena. A JSON_SPOOLED string has the sha256 of its bytes for its text, so that the canonical form
 * stands for the whole body. */
[[nodiscard]] err ops_intake_read(struct intake *i, struct arena *a, struct why *why, struct json **out);
void ops_intake_drop(struct intake *i); /* what was made a file of the drive stays; NULL is fine */

/* The answer of a call whose repeat is not REPEAT_KEY reached its caller. */
void ops_delivered(struct ops *o, const struct caller *c, struct str route, struct str idempotency_key, struct str generation);
/* Parked callers: the handle abandons the wait (the generation goes on). NULL when the answer was given already. */
struct wait;
struct wait *ops_submit(struct ops *o, const struct caller *c, const struct submission *s, ops_done *done, void *arg);
struct wait *ops_wait(struct ops *o, const struct caller *c, struct str id, msec wait, enum view view, int64_t ttl_s, ops_done *done, void *arg);
void ops_abandon(struct wait *w); /* done is not called any more */
struct list_query { int64_t before_seq, limit; struct str state, model, end_user, key, meta_name, meta_value; msec since, until; };
void ops_list(struct ops *o, const struct caller *c, const struct list_query *q, ops_done *done, void *arg);
void ops_cancel(struct ops *o, const struct caller *c, struct str id, ops_done *done, void *arg);
/* The file of a generation that ended with E_OUTPUT_HIDDEN, found by url_path (empty: in the usual places, by the description of now), at no charge.
 * Answers with the generation, also one whose files are there already. E_CONFLICT, E_OUTPUT_HIDDEN, E_OUTPUT_LOST, E_UPSTREAM. */
void ops_deliver(struct ops *o, const struct caller *c, struct str id, struct str url_path, ops_done *done, void *arg);
/* An operator closes a generation whose provider cannot be asked any more: failed, released, nothing charged. */
void ops_resolve(struct ops *o, const struct caller *c, struct str id, ops_done *done, void *arg);

/* Events of one generation as a cursor: fill appends SSE events ("id: n\nevent: type\ndata: {...}\n\n") past the cursor and
 * returns false once the terminal event was given. wake is called when there may be more. */
struct event_stream;
typedef void ops_stream_done(void *arg, err code, const struct why *why, struct event_stream *s);
void ops_events(struct ops *o, const struct caller *c, struct str id, int64_t after, void (*wake)(void *arg), ops_stream_done *done, void *arg);
bool event_stream_fill(struct event_stream *s, struct buf *out);
void event_stream_close(struct event_stream *s);

/* --- money --- */
void ops_balance(struct ops *o, const struct caller *c, ops_done *done, void *arg);
void ops_usage(struct ops *o, const struct caller *c, const struct list_query *q, ops_done *done, void *arg);
void ops_ledger(struct ops *o, const struct caller *c, const struct list_query *q, ops_done *done, void *arg);
void ops_audit(struct ops *o, const struct caller *c, ops_done *done, void *arg);
/* amount > 0. An admin key fills the live book of `project` (empty: its own), a test key its own test book. */
void ops_top_up(struct ops *o, const struct caller *c, struct str project, micros amount, struct str idempotency_key, struct str reason, ops_done *done, void *arg);

/* --- projects and keys (admin) --- */
void ops_projects(struct ops *o, const struct caller *c, ops_done *done, void *arg);
void ops_project_create(struct ops *o, const struct caller *c, struct str name, ops_done *done, void *arg);
void ops_keys(struct ops *o, const struct caller *c, struct str project, ops_done *done, void *arg);
/* kind: live, test, admin, pub, pubtest. The answer is the only place where the whole key ever stands. A rotation takes kind, name and policy from
 * the key before; of what is given here only expires_at counts, when it is set. */
struct key_policy {
    struct str scopes, models;          /* words separated by blanks; empty: no bound */
    struct str origins;                 /* of a publishable key: where it may be sent from */
    msec expires_at;                    /* 0: never */
    micros call_cap, day_cap;           /* 0: none */
    struct str rate_class;              /* a class of rates.def; empty: no bound on how often */
    struct str rotates;                 /* a prefix: the new key takes over kind, name and policy; the old one ends after overlap_s */
    int64_t overlap_s;
};
void ops_key_create(struct ops *o, const struct caller *c, struct str project, struct str kind, struct str name, const struct key_policy *policy, ops_done *done, void *arg);
/* A fresh key: what is shown once, and what is stored. Also for whoever sets up a new server. */
struct new_key {
    char text[64];   /* puras_live_<prefix8>.<secret32> */
    char prefix[9];
    char hash[65];
};
struct new_key new_key_make(struct io *io, struct str kind);
void ops_key_revoke(struct ops *o, const struct caller *c, struct str prefix, ops_done *done, void *arg);

void ops_project_set(struct ops *o, const struct caller *c, struct str id, int64_t run_limit, int64_t drive_limit, int64_t retention_days, ops_done *done, void *arg);
/* An operator's correction: amount above zero gives, below takes; a new transfer with reason and author. */
void ops_adjust(struct ops *o, const struct caller *c, struct str project, struct str book, micros amount, struct str idempotency_key, struct str reason, ops_done *done, void *arg);
/* group: model, key, end_user or day. Sums of usage from `since` to `until` (0: open). */
void ops_usage_sums(struct ops *o, const struct caller *c, struct str group, msec since, msec until, ops_done *done, void *arg);

/* A webhook of a provider: a hint to poll, once its token and, where it is signed, its signature fit. */
void ops_hook(struct ops *o, const struct hook_in *h, ops_done *done, void *arg);

/* --- webhooks out: whom the project has told of ends --- */
struct webhook_set {
    struct str url, state;     /* state: enabled or disabled. Empty: as it is, likewise below */
    struct str events, books;  /* words: generation.completed, ...; live, test. Of a new one empty means all events, and the live book */
};
void ops_webhooks(struct ops *o, const struct caller *c, ops_done *done, void *arg);
void ops_webhook_get(struct ops *o, const struct caller *c, struct str id, ops_done *done, void *arg);
/* The answers of these two are the only places where a secret ever stands. The one before goes on for overlap_s. */
void ops_webhook_create(struct ops *o, const struct caller *c, const struct webhook_set *s, ops_done *done, void *arg);
/* The project's secret for messages to the webhook_url of calls: made anew, the one before goes on for overlap_s. */
void ops_webhook_secret(struct ops *o, const struct caller *c, int64_t overlap_s, ops_done *done, void *arg);
void ops_webhook_rotate(struct ops *o, const struct caller *c, struct str id, int64_t overlap_s, ops_done *done, void *arg);
void ops_webhook_set(struct ops *o, const struct caller *c, struct str id, const struct webhook_set *s, ops_done *done, void *arg);
void ops_webhook_delete(struct ops *o, const struct caller *c, struct str id, ops_done *done, void *arg);
void ops_webhook_test(struct ops *o, const struct caller *c, struct str id, ops_done *done, void *arg);
/* What was sent and is to be; q->before_seq is the moment to look before, in milliseconds. */
void ops_webhook_messages(struct ops *o, const struct caller *c, struct str id, const struct list_query *q, ops_done *done, void *arg);
void ops_webhook_again(struct ops *o, const struct caller *c, struct str message, ops_done *done, void *arg);

/* --- secrets: written and named, never shown --- */
void ops_secrets(struct ops *o, const struct caller *c, ops_done *done, void *arg);
void ops_secret_put(struct ops *o, const struct caller *c, struct str name, struct str value, ops_done *done, void *arg);
void ops_secret_delete(struct ops *o, const struct caller *c, struct str name, ops_done *done, void *arg);

/* --- providers (admin): keys are written and never shown --- */
void ops_providers(struct ops *o, const struct caller *c, ops_done *done, void *arg);
void ops_provider_key_put(struct ops *o, const struct caller *c, struct str provider, struct str key, ops_done *done, void *arg);
void ops_provider_key_delete(struct ops *o, const struct caller *c, struct str provider, ops_done *done, void *arg);
/* One of the two is empty. While paused nothing new goes to the provider, or is run of the model; what runs goes on. */
void ops_pause(struct ops *o, const struct caller *c, struct str provider, struct str model, bool on, ops_done *done, void *arg);

/* --- drive --- */
void ops_drive_list(struct ops *o, const struct caller *c, struct str prefix, struct str after, int64_t limit, ops_done *done, void *arg);
void ops_drive_open(struct ops *o, const struct caller *c, struct str path, ops_done *done, void *arg); /* fills fd, bytes, type, etag */
void ops_drive_open_signed(struct ops *o, struct str path, struct str query, ops_done *done, void *arg);
/* What was made of a file for showing it: folder is "thumbnails" (512 pixels, of a video its poster) or "optimized" (1600 pixels). Made
 * at the first request, which waits for it; E_STILL_RUNNING after 5 s and every refusal carry the link to the original in
 * answer.path, to be redirected to. With a key, path is the drive's; without (KEY_NONE), path and query are the link's as they came. */
void ops_drive_open_derived(struct ops *o, const struct caller *c, struct str folder, struct str path, struct str query, ops_done *done, void *arg);
/* A file by its own name, whatever path shows it now: an output's `id`. */
void ops_asset_open(struct ops *o, const struct caller *c, struct str asset, ops_done *done, void *arg);
/* Text with files in it as base64: text 0, file 0, text 1, ... (an empty asset: none). answer.fd is a file without a name, answer.bytes its length:
 * however large the files are, none of them is ever in memory. */
enum { PIECES_MAX = 32 };
struct piece { struct str text, asset; };
void ops_assemble(struct ops *o, const struct caller *c, const struct piece *pieces, size_t n, ops_done *done, void *arg);
void ops_drive_sign(struct ops *o, const struct caller *c, struct str path, int64_t ttl_s, ops_done *done, void *arg);
/* A link by which a file may be written: one PUT after another to that path until it ends. */
void ops_drive_sign_put(struct ops *o, const struct caller *c, struct str path, int64_t ttl_s, ops_done *done, void *arg);
/* Such a link as it came: whose drive it opens, and where. */
[[nodiscard]] err ops_drive_put_link(struct ops *o, struct str path, struct str query, struct arena *a, struct why *why, struct caller *out_caller, struct str *out_path);
void ops_drive_delete(struct ops *o, const struct caller *c, struct str path, ops_done *done, void *arg);
/* One file by its own name, also when another has taken its path: an output's `id`. */
void ops_asset_delete(struct ops *o, const struct caller *c, struct str asset, ops_done *done, void *arg);
/* What is left in the project's drive: answer.bytes, INT64_MAX where it has no limit. E_DRIVE_FULL with the figures when length (-1: not
 * known) is more. An upload that path shows now gives its space back; an empty path replaces nothing. */
void ops_drive_room(struct ops *o, const struct caller *c, struct str path, int64_t length, ops_done *done, void *arg);
/* An upload: begin checks path and length, write is called with each piece (returns false to pause until ready is called), end
 * stores and answers, abort forgets. */
struct upload;
typedef void ops_upload_ready(void *arg);
err ops_upload_begin(struct ops *o, const struct caller *c, struct str path /* empty: see below */, int64_t length /* -1 */, int64_t room, ops_upload_ready *ready, void *arg, struct why *why, struct upload **out);
/* Where it goes, said while it comes: a path, or a folder ("uploads/", which is also what an empty one means), where it gets a name
 * of its own with the ending of what its bytes are, or else of `filename`. An upload begun without a path is in uploads/. */
/* only_new: E_PRECONDITION when the path shows a file by then; only_if (a sha256 or "*"): unless it shows that one. */
void ops_upload_only(struct upload *u, bool only_new, struct str only_if);
err ops_upload_place(struct upload *u, struct str path, struct str filename, struct why *why);
bool ops_upload_write(struct upload *u, struct str data);
/* E_DRIVE_FULL once more was written than room; nothing of that piece or of a later one reaches the disk. */
err ops_upload_fits(const struct upload *u, struct why *why);
void ops_upload_end(struct upload *u, ops_done *done, void *arg);
void ops_upload_abort(struct upload *u);

/* --- where files come from --- */
/* One of the three is given: a path of the drive, an asset's id, or the sha256 of its bytes. {"object":"lineage","chain":[{"record","jws"}...]},
 * the file itself first, with what the whole chain has cost. */
void ops_lineage(struct ops *o, const struct caller *c, struct str path, struct str asset, struct str sha256, ops_done *done, void *arg);
void ops_lineage_keys(struct ops *o, struct buf *out); /* the public keys that records are checked with */

/* --- the server itself --- */
void ops_ready(struct ops *o, ops_done *done, void *arg);   /* /readyz: code OK or E_UNAVAILABLE, json with warnings[] */
void ops_metrics(struct ops *o, struct buf *out);           /* Prometheus text */
/* {"detail","code","message","charged_micros","retry","retry_after_s","request_id",facts...} for any surface */
void ops_error_json(const struct why *why, struct str request_id, struct buf *out);
