/* What the parts of the server share; private to the room.
 *
 * A provider is a `struct face` in a file of its own: a table of routes, how a key is looked at, how each class of failure reads, and
 * what its webhook looks like. Everything else is common: server.c reads requests and finds the route, works.c makes the files on
 * timers and threads, hooks.c calls back, check.c compares bodies with what the documents say. Everything on the loop's thread but
 * the making itself. */
#pragma once
#include "base/arena.h"
#include "base/json.h"
#include "http/http.h"
#include "io/loop.h"
#include "io/upstream.h"
#include "media/media.h"
#include "twin/plan.h"
#include "twin/twin.h"

enum { ASK_ARGS = 6, WORK_OUTPUTS = 16, WORKS_MAX = 512, WORK_FILES = 16, BODY_MAX = 96 * 1024 * 1024, UPLOADS_MAX = 256 };

enum twin_class { CLASS_NONE, CLASS_CALLER, CLASS_MODERATION, CLASS_AUTH, CLASS_QUOTA, CLASS_RATE_LIMIT, CLASS_TRANSIENT, CLASS_GONE, CLASS_UNCLASSIFIED, CLASS_COUNT };
enum twin_class class_named(const char *name);

struct face;
struct ask;
struct face_route {
    const char *method, *path; /* behind the provider's prefix; "*" is any one segment, "**" at the end the rest */
    const char *what;          /* in the log: submit, poll, result, cancel, upload, ... */
    void (*run)(struct ask *a);
    bool open;                 /* no key is asked for */
};
struct work;
struct face {
    const char *name;
    const char *version; /* an optional first part of its paths: "v1/" */
    const struct face_route *routes;
    size_t route_count;
    /* A request that is refused: status, headers, body in the provider's own form. `field`: the input at fault, or empty. */
    void (*refuse)(struct ask *a, enum twin_class class, const char *field, const char *sentence);
    bool (*key)(struct ask *a); /* false: it has refused */
    bool (*late)(enum twin_class class); /* this class comes up in the work, not at its submit */
    void (*write)(const struct work *w, struct ask *a, struct jw *out);   /* the state of a work, for answers and webhooks */
    void (*sign)(struct twin_server *s, const struct work *w, struct str body, msec now, struct arena *a, struct upstream_header *out, size_t *count);
    void (*finish)(struct ask *a, struct work *w); /* answers a request that waited for its work */
};
extern const struct face face_fal, face_replicate, face_openai, face_google, face_ark, face_kling;

/* One request. Lives in the arena of its http_req. */
struct ask {
    struct twin_server *server;
    struct http_req *http;
    const struct face *face;
    const struct face_route *route;
    struct str args[ASK_ARGS];
    int arg_count;
    struct arena *arena;
    struct str body;
    struct json *json;      /* NULL: the body is not JSON */
    struct twin_mood mood;
    int64_t tries;          /* of this very submit, counted from 1 */
    struct work *work;      /* it waits for this one */
};

enum work_state { WORK_WAITING, WORK_RUNNING, WORK_DONE, WORK_FAILED, WORK_CANCELLED };
struct work_output { char *path; char type[32], ext[8]; int64_t width, height, duration_ms, bytes; };
struct work {
    struct work *next;      /* newest first */
    struct twin_server *server;
    const struct face *face;
    char id[96];
    struct str model;       /* as the provider calls it */
    const char *kind;
    enum work_state state;
    enum twin_class failure;
    char sentence[300], field[64];
    struct str settings;    /* what twin_plan is given: JSON */
    struct json *body;      /* the submit's, NULL: none */
    struct str webhook, tag;/* tag: the face's own: external ids, paths */
    int shape;              /* the face's own: how outputs are written */
    struct twin_mood mood;
    struct twin_plan plan;
    struct arena arena;
    int fds[WORK_FILES];
    struct twin_file files[WORK_FILES];
    size_t file_count;
    struct work_output outputs[WORK_OUTPUTS];
    int output_count;
    msec created, started, ended;
    uint64_t seed;
    int links;              /* times that links were given out */
    int64_t downloads;
    struct timer *rest;
    struct ask *waiter;
    struct timer *hook_rest;
    int hooks_under_way;
    bool busy, hooked;      /* on a thread; called back */
};

/* For what is written: gone with the answer; a webhook is written a few times only and may stay with its work. */
static inline struct arena *work_arena(const struct work *w, struct ask *a) { return a ? a->arena : &((struct work *)w)->arena; }

/* --- server.c --- */
struct io *server_io(struct twin_server *s);
struct str server_base(struct ask *a);  /* "http://127.0.0.1:8099", as the caller reached us */
struct str server_own(struct twin_server *s);
void answer(struct ask *a, int status, struct buf *json);             /* frees the buffer's memory */
void answer_text(struct ask *a, int status, const char *type, struct str body);
void answer_header(struct ask *a, const char *name, struct str value);
void refuse(struct ask *a, enum twin_class class, const char *field, const char *format, ...) __attribute__((format(printf, 4, 5)));
struct str ask_header(const struct ask *a, const char *name);
/* The key behind the words "Bearer " or the like; false: the header does not begin so. */
bool ask_key(const struct ask *a, const char *header, const char *scheme, struct str *out);
struct str ask_query(const struct ask *a, const char *name);
/* Bytes that a caller uploaded, by the id in a link of ours. */
struct upload { char id[33]; char type[64], name[128]; struct str bytes; msec at; };
struct upload *upload_new(struct ask *a, struct str type, struct str name, struct str bytes); /* bytes are copied */
struct upload *upload_in(struct twin_server *s, struct str link); /* whose id the link ends with */
struct helper *server_helper(struct twin_server *s);
struct upstream *server_upstream(struct twin_server *s);
struct pool *server_pool(struct twin_server *s);
const char *server_folder(struct twin_server *s);
struct works *server_works(struct twin_server *s);
struct str quoted(struct arena *a, struct str s); /* as a JSON string */
struct str text_of(const struct json *j, const char *name); /* empty when it is no text */

/* --- works.c --- */
struct works { struct work *newest; int count; uint64_t made; };
bool class_applies(const struct ask *a, enum twin_class *out); /* the mood wants this submit to fail so */
/* A new work with the mood of the request. NULL: it has been refused. `settings` may be the body itself. */
struct work *work_new(struct ask *a, const char *kind, struct str model, struct str settings);
/* One input file, bytes or a data URI or base64; links are taken as they are. False: neither. */
bool work_file(struct work *w, const char *input, struct str value);
/* Each member of `body` that a row names, a text or a list of them; the name of one that is no file, or NULL. */
struct file_member { const char *member, *input; };
const char *work_files(struct work *w, const struct json *body, const struct file_member *rows, size_t n);
bool work_file_bytes(struct work *w, const char *input, struct str bytes);
/* Sets it going and answers as the mood says: returns false when the answer was lost or refused, and the face must not answer. */
bool work_go(struct ask *a, struct work *w);
void work_wait(struct ask *a, struct work *w); /* face->finish later */
void work_fail(struct work *w, enum twin_class class, const char *field, const char *format, ...) __attribute__((format(printf, 4, 5)));
void work_cancel(struct work *w);
struct work *work_find(struct twin_server *s, const struct face *f, struct str id);
bool work_over(const struct work *w);
struct str work_link(struct work *w, struct ask *a, int i);     /* a link to output i, with the server's address */
struct str work_base64(const struct work *w, int i, struct arena *a);
void works_media(struct ask *a);                                /* GET /media/ID/LINKS/N */
void works_stop(struct twin_server *s);
/* Body members with those of `defaults` that it lacks; both JSON objects. */
struct str merged(const struct json *body, const char *defaults, struct arena *a);
/* --- hooks.c --- */
void hook_send(struct work *w);

/* --- check.c --- */
struct fault {
    char field[64];
    enum { FAULT_MISSING, FAULT_TYPE, FAULT_VALUE, FAULT_UNKNOWN } what;
    char sentence[240];
};
/* Words "name*:type" between blanks; * is required. Types: s text, i int, n number, b bool, u link or data URI, U list of them, o anything, z a fal
 * image_size, d text that is a number; behind it "=a|b|c" (the values), or "3..15" (the range; of text its length, of a size its pixels), "|auto" more values. */
bool gpt_size(int64_t width, int64_t height); /* OpenAI's rule for gpt-image-2 and later, which fal.ai repeats */
bool check(const struct json *body, const char *words, struct fault *out);
bool check_only(const struct json *body, const char *words, struct fault *out); /* no other members either: FAULT_UNKNOWN */

/* --- parts.c --- */
struct part { struct str name, filename, type, bytes; };
/* multipart/form-data that is there as a whole. -1: it is none. */
int parts_read(struct str content_type, struct str body, struct part *out, int most);

/* --- sign.c --- */
struct signer_keys { void *ed25519, *rsa; char x[64]; char secret[80]; uint8_t hmac[32]; size_t hmac_len; };
bool sign_make(struct io *io, struct signer_keys *out);
void sign_done(struct signer_keys *k);
void sign_fal(const struct signer_keys *k, struct str message, char out_hex[129]);
/* "v1,<base64>" of id.timestamp.body */
struct str sign_standard(const struct signer_keys *k, struct str id, msec now, struct str body, struct arena *a);
/* "v1a,<base64>" of the same, by Ed25519 */
struct str sign_standard_public(const struct signer_keys *k, struct str id, msec now, struct str body, struct arena *a);
/* The three headers of Standard Webhooks; sign_hook with its secret. */
void sign_hook(struct twin_server *s, struct str id, struct str body, msec now, struct arena *a, struct upstream_header *out, size_t *count);
void sign_headers(struct str id, msec now, struct str signature, struct arena *a, struct upstream_header *out, size_t *count);
/* An RS256 token of two JSON texts, and the document with its key and the Ed25519 one. */
#define SIGN_KID "twin-rsa"
struct str jwt_make(struct signer_keys *k, struct str head, struct str claims, struct arena *a);
struct str sign_jwks(struct signer_keys *k, struct arena *a);
struct str base64_of(struct str bytes, struct arena *a);
bool base64_read(struct str s, struct arena *a, struct str *out);
struct signer_keys *server_keys(struct twin_server *s);
/* Header, payload and signature of an HS256 token made with `secret`, valid at `now`; *out_issuer its iss. */
bool jwt_check(struct str token, struct str secret, msec now, struct arena *a, const char **out_problem);
