/* One call to a provider, from its start to its answer. Private to engine/remote*.c. */
#pragma once
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/decode.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/spool.h"
#include "engine/engine.h"
#include "engine/remote.h"

enum {
    REMOTE_FILES_MAX = 16,
    REMOTE_REPLY_MAX = 64 * 1024 * 1024, /* of one answer */
    REMOTE_CHUNK = 256 * 1024,           /* what goes to or comes from the disk at once */
    REMOTE_RANDOM = 10,
};

struct remote {
    struct remote_options o;
    struct pool *thinkers, *writers; /* programs and replies; files of drive and downloads */
    bool reachable, near;            /* public_url may be reached from outside; from this machine alone */
    struct errand *first;            /* those under way */
    struct step *steps, **last_step; /* that wait for a place in a queue, oldest first */
    struct errand *waiting;          /* downloads that wait for their turn, soonest expiry first */
    int downloading;
    bool stopping;
    struct remote_stats stats;
};

/* An input file of the caller, as it is handed over. */
struct source {
    struct str blob, asset, path;
    int fd;
};

/* A body with holes, read piece by piece; the bytes of files come from the writers' threads. */
struct feed {
    const struct body_part *parts;
    size_t count, at, text_at;
    int64_t file_at;
    bool loading, broken;
    char *chunk;
    size_t chunk_len, chunk_at;
};

/* One output as result_seen keeps it. */
struct kept {
    struct str url, blob, sha256, type;
    msec expires_at; /* 0: not known */
    int64_t bytes;
};

/* A body on its way from the network to a thread that may block: what has come, and what that thread works on. */
struct pump {
    struct buf come, going;
    bool busy, paused, ended;
    bool used;                /* something went through a thread */
    err code;
    struct why why;
    void (*write)(struct errand *e, struct str piece); /* on a thread; sets code */
    void (*end)(struct errand *e);                     /* on the loop, when all is written, or code is set */
};

/* A long string of a reply, or a whole one that is no JSON: decoded into a file of its own while it came. */
struct spooled {
    struct drive_file file;
    bool begun, done, broken;
    struct decoder decoder;
    struct buf bytes;
};
struct inbox {
    struct spool *spool;
    bool whole, text; /* no JSON: a file; words */
    struct spooled *strings; /* LIMIT_OUTPUTS of them, made when the first comes: most answers have none, and a thousand are under way */
    struct buf head;  /* the beginning of a body that is no JSON */
};

/* One download. */
struct fetching {
    size_t at;               /* of items, in order of expiry */
    struct drive_file file;
    bool begun, restart;
    bool whole;              /* its server does not go on where it was asked to: from the beginning, always */
    bool strayed;            /* this answer went on somewhere else */
    int tries;
    int64_t before;          /* bytes in the file when this request began */
    int64_t total;           /* of the whole file, as its server says; 0: it does not */
    char etag[128];
    struct why why;          /* of the last try */
    err code;
};

struct errand {
    struct errand *next, **back, *later;
    struct remote *r;
    const struct call *call;
    call_stage_fn *stage;
    call_done_fn *done;
    void *arg;
    struct arena arena;
    struct place plan;
    enum ask ask;
    struct provider_call pc;
    struct call_file files[REMOTE_FILES_MAX];
    struct source sources[REMOTE_FILES_MAX];
    struct request request;
    struct feed feed;
    struct upstream_request *sending;
    /* the answer */
    struct pump pump;
    struct inbox inbox;
    int status;
    const struct header_out *headers;
    size_t header_count;
    bool sent, answered;
    msec took;
    struct reading reading;
    /* outputs */
    struct kept items[LIMIT_OUTPUTS];
    size_t item_count;
    const struct json *kept; /* the normal form that the outputs come from */
    struct str hidden;       /* what of the answer goes into the normal form because its files were not found (remote_hidden.c) */
    struct fetching fetch;
    bool queued, downloading;
    struct output outputs[LIMIT_OUTPUTS];
    struct str misfits[LIMIT_OUTPUTS]; size_t misfit_count; /* types of files that are of no use to the caller */
    uint8_t random[LIMIT_OUTPUTS * 2][REMOTE_RANDOM];
    msec now;
    int jobs;      /* steps on threads */
    bool gone;     /* it has its result, and ends with the last of them */
    err code;
    struct why why;
    struct call_result result;
};

/* remote.c. then: on the loop, unless the errand has its result by then. */
void errand_think(struct errand *e, struct pool *pool, void (*work)(struct errand *e), void (*then)(struct errand *e));
void pump_start(struct errand *e, void (*write)(struct errand *e, struct str piece), void (*end)(struct errand *e));
void pump_take(struct errand *e, struct str piece);
void pump_end(struct errand *e);
void errand_finish(struct errand *e);                                        /* with e->result */
void errand_fail(struct errand *e, err code, enum failure f, struct str detail);
void errand_send(struct errand *e); /* e->request, then the answer is read */
void errand_ask(struct errand *e, enum ask ask);
struct evaluator errand_evaluator(struct errand *e);

/* remote_files.c */
void sources_open(struct errand *e); /* on a thread: fills files from the call; e->code */
void sources_close(struct errand *e);
int64_t feed_read(void *arg, char *buf, size_t n); /* upstream's body_read */

/* remote_inbox.c */
void inbox_open(struct errand *e);                 /* status and headers are there */
void inbox_write(struct errand *e, struct str piece); /* on a thread */
void inbox_close(struct errand *e);
/* What the answer came to: its text, or NULL and the beginning of something else. */
[[nodiscard]] err inbox_read(struct errand *e, struct json **out_body, struct str *out_text);
struct spooled *inbox_string(struct errand *e, struct str id);

/* remote_reply.c */
void reply_read(struct errand *e);    /* on a thread: the answer becomes e->reading, outputs in it become blobs, e->result.reply; e->code */
void reply_kept(struct errand *e, struct str reply); /* the other way: e->items and what stands beside them */
struct str sentence_of(const struct errand *e, enum failure f, struct str message);
[[nodiscard]] err outputs_keep(struct errand *e);                             /* on a thread: outputs of e->reading that are data become blobs; e->items */
[[nodiscard]] err file_keep(struct errand *e, struct drive_file *file, struct kept *k); /* as output k of the items */

/* remote_hidden.c */
bool hidden_make(struct errand *e, const struct json *body); /* on a thread: e->hidden, or false: the answer has no files to hide */
void hidden_reveal(struct errand *e);                        /* on a thread: looks into e->kept once more; e->items, e->code */
bool hidden_spool(const struct errand *e, struct str id, struct kept *k);
struct str hidden_sentence(struct errand *e);

/* remote_fetch.c */
void fetch_start(struct errand *e);
void fetch_close(struct errand *e);
struct id errand_id(const struct errand *e, size_t n);
