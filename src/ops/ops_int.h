/* Private to ops/: the owner's struct, reads on the reader pool, parked callers, and the JSON views. */
#pragma once
#include "base/cleanup.h"
#include "base/limits.h"
#include "drive/drive.h"
#include "io/loop.h"
#include "ops/ops.h"
#include "store/query.h"
#include "store/store.h"

struct key_entry;
struct link;
struct outbox;
struct delivery;
struct ops {
    struct ops_options o;
    struct io *io;
    struct pool *files;          /* uploads and opens: the loop never touches a disk */
    struct pool *makers;         /* thumbnails and other copies */
    struct key_entry **keys;     /* cache of key records by prefix */
    size_t key_buckets, key_count;
    struct wait **waits;         /* parked callers by generation */
    struct event_stream **streams;
    size_t parked;
    int64_t intake_bytes;        /* of inline files that lie in tmp/ */
    struct outbox *outbox;
    struct delivery *deliveries; /* under way */
    struct link *links;          /* files of calls that are being fetched from other servers */
    struct timer *look;          /* 250 ms, where other nodes may end what we wait for */
    size_t look_at;              /* the bucket where the next look begins */
    bool draining, looking;
    uint64_t submitted, refused, waited, uploads;
};
enum { WAIT_BUCKETS = 4096, KEY_BUCKETS = 1024 };
size_t bucket(struct str id, size_t buckets);

static inline bool is_operator(const struct caller *c) { return c->kind == KEY_ADMIN; }
struct answer answer_of(err code);
void answer_why(struct answer *a, const struct why *why);
/* Fails with a sentence, at once. */
void answer_err(ops_done *done, void *arg, err code, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A read: run on a reader's thread fills json or why; then the answer. Everything lives in the arena. */
struct read {
    struct ops *o;
    struct caller caller;
    struct arena arena;
    struct buf json;
    struct answer answer;
    void (*run)(struct read *r, struct db *db);
    ops_done *done;
    void *arg;
    struct str id, path, kind;   /* parameters, in the arena */
    struct list_query list;
    int64_t ttl_s, length;
    enum view view;
    msec now;
    char url[256];
    const struct signer *signer;
    struct wait *wait;           /* the parked caller this read is for */
};
/* A path of the caller's drive: that of the project and book of its key. */
static inline struct drive_spot spot_of(const struct caller *c, struct str path) { return (struct drive_spot){str_of(c->project), str_of(c->book), path}; }
static inline bool is_in_drive(const struct asset *a, const struct caller *c) { return str_is(a->project, c->project) && str_is(a->book, c->book); }
/* The file a path shows, and a file by its own name when it is in the caller's drive; E_NOT_FOUND, also for what was deleted. */
err asset_at(struct db *db, struct arena *a, struct drive_spot p, const struct asset **out);
err asset_named(struct db *db, struct arena *a, const struct caller *c, struct str id, const struct asset **out);
struct read *read_new(struct ops *o, const struct caller *c, void (*run)(struct read *, struct db *), ops_done *done, void *arg);
void read_start(struct read *r); /* answers E_AGAIN itself when the readers are busy */
/* For run: ends with the error and a sentence. */
void read_fail(struct read *r, err code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* view.c: everything a caller sees of a generation. */
struct shown {
    const struct generation *g;
    const struct asset *const *assets;
    size_t asset_count;
    const struct event *const *events; /* NULL: no stages */
    size_t event_count;
    const struct signer *signer;
    struct str public_url;
    msec now;
    int64_t ttl_s;
    struct str kind_wanted;            /* what the caller asked for, empty or "auto": none */
    bool url_path_given;
    bool message;                      /* to a webhook: it is told of no other's URL */
    bool brief;                        /* without inputs, text and price row, for whom all of it would be too long */
};
void view_generation(struct jw *w, const struct shown *s);
void view_media(struct jw *w, const struct shown *s, struct arena *a);
void view_files(struct jw *w, const struct shown *s, struct arena *a);
/* The error a surface answers for a generation that failed or was cancelled. */
void view_failure(const struct generation *g, struct why *why);
void view_money(struct jw *w, const char *name, micros m); /* name_micros, name_usd, name_credits */
void view_time(struct jw *w, const char *key, msec at);    /* null when 0 */
void view_event(struct buf *out, const struct event *e);   /* as SSE */
msec poll_after(const struct generation *g, msec now);

/* wait.c */
struct wait {
    struct wait *next;
    struct ops *o;
    struct caller caller;
    char generation[ID_LEN + 1];
    enum { WAIT_COMMITTING, WAIT_PARKED, WAIT_READING } stage;
    bool abandoned, timed_out, replayed;
    bool refused;                /* there is no generation of that id */
    bool missed;                 /* the end was published while the store was being asked */
    bool *answered;              /* told when it is answered before ops_wait has returned */
    enum view view;
    int64_t ttl_s;
    msec wait;
    char kind_wanted[16];
    bool url_path_given;
    struct timer *timer, *retry;
    struct buf ready;            /* the answer, made when its commit was published */
    bool ready_terminal, failed;
    struct why why;
    ops_done *done;
    void *arg;
};
struct wait *wait_new(struct ops *o, const struct caller *c, struct str generation, ops_done *done, void *arg);
void wait_clock(struct wait *w);  /* its time begins */
void wait_park(struct wait *w);   /* from now on until terminal or its time is up; frees it when it was abandoned */
void wait_read(struct wait *w);   /* answers from the store when terminal, else stays parked */
void wait_answer(struct wait *w, const struct answer *a); /* and frees it */
void wait_rename(struct wait *w, struct str generation);
void waits_published(struct ops *o, const struct rec_change *changes, size_t n);
void waits_end(struct ops *o, err code);
struct event_stream {
    struct event_stream *next;
    struct ops *o;
    struct caller caller;
    char generation[ID_LEN + 1];
    int64_t after;              /* the number of the last event given or waiting in `ready` */
    struct buf ready;
    bool ended, reading, closed, behind;
    struct timer *look, *retry;
    void (*wake)(void *arg);
    void *arg;
    ops_stream_done *opened;    /* until the first read came back */
};
void streams_published(struct ops *o, const struct rec_change *changes, size_t n);
void streams_end(struct ops *o);
void keys_published(struct ops *o, const struct rec_change *changes, size_t n);
void keys_done(struct ops *o);
/* On the files pool; E_UNAVAILABLE once that is gone. */
[[nodiscard]] err files_run(struct ops *o, void (*work)(void *arg), void (*done)(void *arg), void *arg);

void deliveries_end(struct ops *o); /* deliver.c: answers those under way; nothing calls back any more */

/* outbox.c: messages on their way to webhooks. NULL is fine. */
struct outbox *outbox_create(struct ops *o);
void outbox_published(struct outbox *b, const struct rec_change *changes, size_t n);
void outbox_stop(struct outbox *b);    /* nothing new is sent, and what is under way is forgotten: it is sent again */
void outbox_destroy(struct outbox *b);
void outbox_metrics(const struct outbox *b, struct buf *out);
/* The name a webhook's secrets are sealed under. */
struct str webhook_sealed_name(struct str webhook, struct arena *a);
/* A call's webhook_url, judged, in the command that submits the call. E_FORBIDDEN, E_INVALID, E_EGRESS. */
[[nodiscard]] err webhook_of_call(struct ops *o, const struct caller *c, struct str url, struct arena *a, struct why *why, struct cmd_submit *cmd);
void view_webhook_message(struct jw *w, const struct webhook_message *m);
