/* Provider descriptions as data: builds requests, reads replies, classifies failures. Pure: no clock, no I/O, no randomness; programs
 * are evaluated by whoever is handed in. docs/PROVIDERS.md is the language.
 *
 * A description is compiled from the published version of the catalog and lives as long as that version. */
#pragma once
#include "base/arena.h"
#include "base/json.h"
#include "catalog/catalog.h"
#include "core/command.h"

struct provider;  /* one description */
struct providers; /* those of one catalog version */

/* Compiles every description of the version, and finds for each route its endpoint; problems are lines as the catalog's are. Never fails half: NULL when
 * there is a problem. Programs are not run: see providers_lint. The catalog must live as long. */
[[nodiscard]] err providers_compile(const struct catalog *c, struct problems *p, struct providers **out);
void providers_destroy(struct providers *p);
const struct provider *providers_find(const struct providers *p, struct str name);

size_t providers_count(const struct providers *p);
const struct provider *providers_at(const struct providers *p, size_t i); /* in order of name */
msec providers_longest_window(const struct providers *p); /* of a rate of submits; 0: none is declared */
/* For this server the description's base, and every one of its hosts, is `base` (http://127.0.0.1:8099/fal), whose address it may have even when private. */
[[nodiscard]] err providers_rebase(struct providers *p, struct str name, struct str base, struct why *why);

/* Evaluates a jq program on JSON text; blocks for at most 100 ms. E_DESCRIPTION with a sentence. Programs go by their text. */
struct evaluator {
    err (*run)(void *self, struct str program, struct str input, struct arena *a, struct why *why, struct str *out /* JSON texts, one a line */);
    void *self;
};

/* What only running the programs can show: that each compiles, and that for every combination of the priced inputs each route's request carries them
 * (RULES B4). Files whose path begins with `trusted` are passed over (empty: none); `only`: one provider
 * and the routes to it (empty: all). E_INVALID when there are problems. */
[[nodiscard]] err providers_lint(const struct providers *p, const struct catalog *c, const struct evaluator *ev, struct str trusted, struct str only, struct problems *out);

enum protocol { PROTOCOL_SYNC, PROTOCOL_QUEUE, PROTOCOL_OPERATION, PROTOCOL_COMMAND };
enum description_status { DESCRIPTION_VERIFIED, DESCRIPTION_DOCUMENTED, DESCRIPTION_GUESS };
struct provider_info {
    struct str name, title, base, key_env, key_about, key_url;
    const struct str *hosts; size_t host_count;       /* origins that get credentials too */
    const struct str *private_addresses; size_t private_count;
    int64_t concurrency;                              /* 0: no bound */
    int64_t rate_count; msec rate_per;                /* submits; 0: no bound */
    int64_t poll_count; msec poll_per;                /* other requests */
    enum description_status status;
    bool needs_key;
    msec sunset_at;                                   /* 0: none */
};
const struct provider_info *provider_info(const struct provider *p);

/* Kept before the provider refuses. 0: no bound. */
struct provider_limits {
    int64_t concurrency;                              /* works of one credential at once */
    int64_t rate_count; msec rate_per;                /* submits */
    int64_t poll_count; msec poll_per;                /* other requests */
};
struct endpoint; /* of a provider */
/* Empty name: the first. NULL when there is none of that name. */
const struct endpoint *provider_endpoint(const struct provider *p, struct str name);
struct endpoint_info {
    enum protocol protocol;
    bool idempotent, has_lookup, absence_is_proof, can_cancel, has_result;
    msec pace_first, pace_every, pace_max, lookup_settles_after, submit_timeout, timeout;
    bool poll_is_simple;  /* neither poll nor its reply needs a program: may be built and read on the loop */
    bool credentials_on_downloads;
    msec links_live;      /* 0: not said */
    enum { FILES_URL, FILES_DATA, FILES_BASE64, FILES_PART, FILES_UPLOAD } files;
    bool upload_in_two;   /* FILES_UPLOAD: where to is asked first */
    int64_t max_inline;   /* bytes; 0: 8 MB */
    struct provider_limits limits; /* its own, else the provider's */
    const struct str *command; size_t command_count;  /* PROTOCOL_COMMAND */
};
const struct endpoint_info *endpoint_info(const struct endpoint *e);

/* --- requests --- */

enum ask { ASK_SUBMIT, ASK_POLL, ASK_RESULT, ASK_CANCEL, ASK_LOOKUP, ASK_UPLOAD_REQUEST, ASK_UPLOAD };

/* One input file. In programs it is `token`; in the finished body the token stands where its bytes go. */
struct call_file {
    struct str input, type, name; /* "image", "image/png", "image.png" */
    int64_t bytes, index;
    struct str url;               /* FILES_URL: the signed link, FILES_UPLOAD: the value once uploaded; else empty */
    bool inline_bytes;            /* data, base64, part: the body has a hole for it */
};
struct provider_call {
    struct str slug, kind, model, our_ref, webhook;
    struct str inputs;            /* the generation's inputs as stored: canonical members first, others behind */
    const struct model *spec;     /* tells canonical inputs from others, and has the route's own program */
    const struct route_spec *route;
    const struct call_file *files; size_t file_count;
    struct str their_ref;         /* as provider_reply gave it: the reference, or an object with it and what was kept */
    struct str key;               /* the credential; never logged */
    msec now;                     /* for tokens with a time in them */
    size_t upload;                /* ASK_UPLOAD*: which file */
    struct str upload_reply;      /* ASK_UPLOAD: the reply of ASK_UPLOAD_REQUEST as JSON */
};
struct header_out { struct str name, value; bool secret; /* a credential: masked in logs, sent to the description's origins only */ };
/* A body is text with holes: part i is text[i], then file[i] in the encoding (none: only text). */
enum hole_encoding { HOLE_RAW, HOLE_BASE64 };
struct body_part { struct str text; int file; enum hole_encoding encoding; }; /* file -1: none */
struct request {
    struct str method, url;
    const struct header_out *headers; size_t header_count; /* auth included */
    const struct body_part *body; size_t body_count;
    int64_t body_bytes;           /* all of it, holes filled */
    struct str origin;            /* of url; one of the description's own unless foreign */
    bool foreign;                 /* ASK_UPLOAD to somebody else's storage: without credentials, egress as for links in replies */
    bool fresh_connection;        /* a submit that must not be sent twice by itself */
    msec timeout;
};
[[nodiscard]] err provider_request(const struct endpoint *e, enum ask ask, const struct provider_call *c, const struct evaluator *ev, struct arena *a,
                                   struct why *why, struct request *out);
/* PROTOCOL_COMMAND: the call as its program reads it. Each file is told by its `url`, a path of the sandbox. */
[[nodiscard]] err provider_call_text(const struct endpoint *e, const struct provider_call *c, const struct evaluator *ev, struct arena *a, struct why *why,
                                     struct str *out);
/* What people may see of a request or header: credentials masked. */
struct str provider_mask(const struct endpoint *e, const struct provider_call *c, struct str text, struct arena *a);

/* --- replies --- */

struct reply_in {
    int status;
    const struct header_out *headers; size_t header_count; /* names in small letters */
    const struct json *body;      /* NULL: not JSON. Long strings are JSON_SPOOLED (base/spool.h) */
    struct str body_spool;        /* the whole body as one spooled file, when it is not JSON */
    struct str text;              /* the beginning of a body that is not JSON */
};
enum reply_state { REPLY_WAITING, REPLY_RUNNING, REPLY_DONE, REPLY_FAILED, REPLY_CANCELLED, REPLY_NOT_FOUND };
enum output_encoding { ENC_RAW, ENC_BASE64, ENC_BASE64URL, ENC_HEX, ENC_DATA_URI };
struct output_ref {
    struct str url;               /* a link ... */
    struct str spool;             /* ... or a spooled string (its number in figures) or the body (reply_in.body_spool), ... */
    struct str inline_data;       /* ... or the encoded data itself */
    enum output_encoding encoding;
    struct str type;              /* hint */
};
struct reading {
    enum reply_state state;
    bool unknown_status;          /* a word that `statuses` does not have */
    struct str ref;               /* SUBMIT, LOOKUP, and POLL when it learnt more: to be kept as their_ref, in place of the old one */
    int64_t percent;              /* -1: not known */
    struct str stage;             /* a few words for people, may be empty */
    enum failure failure; bool billed; struct str message; /* FAILED */
    bool lost;                    /* whether the work was taken is not known, although something was answered */
    bool by_status;               /* nothing but the HTTP status gave the class: no rule looked into the answer, or named that very status */
    msec retry_after;
    const struct output_ref *outputs; size_t output_count; /* DONE, when the outputs stand in this reply */
    struct str text, meta;        /* kind text; meta as JSON object for meta.metrics */
    struct str words, language_code; /* kind text: a JSON list, and a word */
    struct str path_warning;      /* the caller's output_url_path led nowhere */
    msec links_expire_in;         /* 0: not known */
    micros cost_micros;           /* 0: not said */
};
/* wanted: image, video, audio, text; url_path: the caller's output_url_path or empty. */
[[nodiscard]] err provider_reply(const struct endpoint *e, enum ask ask, const struct provider_call *c, const struct reply_in *r, struct str url_path,
                                 const struct evaluator *ev, struct arena *a, struct why *why, struct reading *out);
/* The outputs alone, of a reply that is known to have some. */
[[nodiscard]] err provider_outputs(const struct endpoint *e, const struct provider_call *c, const struct reply_in *r, struct str url_path, const struct evaluator *ev,
                                   struct arena *a, struct why *why, struct reading *out);
/* Where files seem to stand in a reply in which none was found: links and data, but those of the provider's own site that do not look like a file's, those that begin with `own`
 * (this server), and what is the caller's input said again. count: all of them; paths: of the first few, as output_url_path takes them. */
enum { OUTPUT_HINTS_MAX = 3, OUTPUT_HINT_BYTES = 64 };
struct output_hints { struct str paths[OUTPUT_HINTS_MAX]; size_t path_count, count; };
void output_hints(const struct provider *p, const struct json *body, struct str own, struct arena *a, struct output_hints *out);
/* FILES_UPLOAD: the value that stands for the file, from the reply of either request; empty: not in this one. */
[[nodiscard]] err provider_uploaded(const struct endpoint *e, const struct provider_call *c, const struct reply_in *r, const struct evaluator *ev, struct arena *a,
                                    struct why *why, struct str *out);

/* --- webhooks that come in --- */

enum signature { SIGNATURE_NONE, SIGNATURE_FAL, SIGNATURE_STANDARD, SIGNATURE_GOOGLE };
enum signature provider_signature(const struct provider *p);
struct str provider_webhook_keys(const struct provider *p); /* URL of its JWKS; may be empty */
struct str provider_webhook_audience(const struct provider *p); /* may be empty */
/* Whether it can be the secret of SIGNATURE_STANDARD: whsec_ and base64 of 16 to 64 bytes. */
bool signature_secret_reads(struct str secret);
/* The provider's name for the work, where the description says that its webhooks carry it; empty: not said, or not there. */
struct str provider_hook_ref(const struct provider *p, const struct json *body, struct arena *a);
/* What a signature is checked with. Empty: not at hand, and then nothing fits it. */
struct signature_keys {
    struct str jwks;          /* the published document: FAL and GOOGLE */
    struct str secret;        /* whsec_...: STANDARD and GOOGLE */
    struct str url, audience; /* GOOGLE's token is for this address, or for this audience where the description names one */
};
bool signature_is_published(enum signature s); /* may be made with keys that the provider publishes */
bool signature_has_secret(enum signature s);   /* may be made with a secret of one's own */
/* E_BAD_SIGNATURE. */
[[nodiscard]] err signature_check(enum signature s, const struct signature_keys *keys, const struct header_out *headers, size_t header_count, struct str body, msec now,
                                  struct arena *a, struct why *why);
/* How long the published document holds: a day. What fits none of its keys may be signed with a newer one, so it is read once more, but at most once a minute, and
 * ten seconds after a reading that failed: nobody who makes up signatures makes us ask the provider for more. 0: never read, never failed. */
enum jwks_turn { JWKS_DECIDES, JWKS_READ, JWKS_LATER };
bool jwks_is_kept(msec now, msec read_at);
enum jwks_turn jwks_turn(msec now, msec read_at, msec failed_at); /* when nothing in it fits */
