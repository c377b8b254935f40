/* libpuras: pictures, films, songs and voices from a puras server, for C and C++.
 *
 *     puras *p = puras_open(NULL, NULL, &error);
 *     puras_inputs *in = puras_inputs_new();
 *     puras_text(in, "prompt", "a vintage red bicycle");
 *     puras_result *made;
 *     if (puras_run(p, "puras/sketch", in, NULL, &made, &error)) puts(made->outputs[0].drive_path);
 *
 * Calls block; nothing runs behind your back: no threads, no signal handlers, no environment but PURAS_API_BASE and PURAS_API_KEY, and no
 * proxy. One client belongs to one thread at a time; several clients on several threads are fine.
 *
 * Every function that can fail returns true when it succeeded; otherwise *error (which may be NULL) says why, and outputs are untouched.
 * Every call that costs money carries an idempotency key of its own: a lost connection is taken up again with it, and nobody pays twice.
 * Money is in micros: 1 USD = 1,000,000. Link with `pkg-config --cflags --libs puras`. */
#ifndef PURAS_H
#define PURAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PURAS_VERSION_MAJOR 0
#define PURAS_VERSION_MINOR 1

typedef struct puras puras;               /* one server and one key */
typedef struct puras_inputs puras_inputs; /* what a model takes, by name */

/* What went wrong, as data. Decide by `code`; show `message`. */
typedef struct puras_error {
    char code[40];            /* "insufficient_credits", "refused", "unavailable", ...; the list is in docs/API.md */
    char message[512];        /* whole sentences: what happened, what was not charged, what to do */
    char field[64];           /* the input at fault, or "" */
    char generation_id[33];   /* the generation it is about, or "" */
    int http_status;          /* of the answer; 0 when there was none */
    int64_t charged_micros;   /* what was charged all the same, usually 0 */
    bool can_retry;           /* the same call, made again, may succeed ... */
    int64_t retry_after_s;    /* ... after so many seconds; 0: not said */
} puras_error;

/* base: "http://127.0.0.1:8080"; NULL: PURAS_API_BASE, or that address. key: "puras_live_..."; NULL: PURAS_API_KEY. Connects to nothing yet. */
puras *puras_open(const char *base, const char *key, puras_error *error);
void puras_close(puras *p); /* NULL is fine */

/* --- inputs --- */

/* Grows as members are set; setting a name again replaces it. Text must be UTF-8. */
puras_inputs *puras_inputs_new(void);
void puras_inputs_free(puras_inputs *in); /* NULL is fine */
void puras_text(puras_inputs *in, const char *name, const char *value);
void puras_integer(puras_inputs *in, const char *name, int64_t value);
void puras_bool(puras_inputs *in, const char *name, bool value);
void puras_json(puras_inputs *in, const char *name, const char *json); /* anything else: numbers, lists, objects */
/* A file of this machine, uploaded when the inputs are used. A name that is set several times by this function is a list of files. */
void puras_file(puras_inputs *in, const char *name, const char *local_path);

/* --- running models --- */

typedef struct puras_output {
    const char *drive_path;   /* the file in the project's drive */
    const char *url;          /* a signed link to it, valid for an hour unless asked otherwise */
    const char *media_type;   /* "image/png" */
    const char *sha256;       /* hex */
    int64_t bytes;
    int64_t width, height;    /* pixels; 0 for sound */
    double duration_s;        /* 0 for a picture */
} puras_output;

typedef struct puras_result {
    const char *id;           /* of the generation, 32 hex digits */
    const char *model, *kind; /* kind: "image", "video", "audio", "text" */
    const char *text;         /* of a transcript, else "" */
    int64_t quoted_micros, billed_micros;
    const puras_output *outputs;
    size_t output_count;
    const char *json;         /* the whole generation as the server showed it */
} puras_result;
void puras_result_free(puras_result *r); /* NULL is fine */

/* stage: "drawing", "accepted"; percent: 0 to 100, -1 when not known. Called on the calling thread, while puras_run or puras_wait block. false: stop
 * waiting (error code "still_running"); the work goes on. */
typedef bool puras_progress_fn(void *arg, const char *stage, int percent);

typedef struct puras_options {
    const char *output_path;      /* where the drive shows the file; NULL: media/<id>.<ext> */
    const char *output_url_path;  /* where its link stands in the provider's answer, such as "outputs[0].asset.url"; NULL: it is found by itself */
    const char *kind;             /* NULL: as the model says */
    int64_t max_micros;           /* refuse when it costs more; 0: no bound */
    const char *quote_id;         /* of a quote whose price shall hold; NULL: none */
    const char *idempotency_key;  /* NULL: a fresh one. With your own, a second call finds the first one */
    const char *metadata_json;    /* an object of your own, shown again with the generation; NULL: none */
    const char *end_user;         /* whom you act for; NULL: none */
    int64_t url_ttl_s;            /* of links, 30 to 2592000; 0: 3600 */
    int64_t timeout_ms;           /* of waiting; 0: until it ends */
    puras_progress_fn *progress;  /* NULL: none */
    void *progress_arg;
    const char *webhook_url;      /* told of this call's end, a message signed by the secret of POST /v1/webhook-secret; NULL: none */
} puras_options; /* {0} is fine everywhere, and so is NULL */

typedef struct puras_quote {
    int64_t micros;
    char row[256];            /* the row of the price table that matched, in words */
    char quote_id[512];       /* holds the price for ten minutes */
} puras_quote;

/* The price, without running anything. Files are not uploaded for it. */
bool puras_quote_price(puras *p, const char *model, const puras_inputs *in, puras_quote *out, puras_error *error);
/* Starts and returns at once; wait with puras_wait, from any process. */
bool puras_submit(puras *p, const char *model, const puras_inputs *in, const puras_options *o, char out_id[33], puras_error *error);
/* Waits for the end. Failed and cancelled generations are errors. */
bool puras_wait(puras *p, const char *id, const puras_options *o, puras_result **out, puras_error *error);
/* puras_submit and puras_wait. When the waiting fails, error->generation_id says where to go on. */
bool puras_run(puras *p, const char *model, const puras_inputs *in, const puras_options *o, puras_result **out, puras_error *error);
bool puras_cancel(puras *p, const char *id, puras_error *error);
/* Has the file found that `output_url_path` of its call did not lead to (error code "output_not_found"), by another path; NULL: in the usual places once
 * more. It was billed when it was made; this costs nothing. */
bool puras_deliver(puras *p, const char *id, const char *output_url_path, puras_result **out, puras_error *error);

/* --- money and the drive --- */

bool puras_balance(puras *p, int64_t *out_available_micros, int64_t *out_held_micros, puras_error *error);
bool puras_upload(puras *p, const char *local_path, const char *drive_path, puras_error *error);
/* Whole or not at all. */
bool puras_download(puras *p, const char *drive_path, const char *local_path, puras_error *error);
/* A link that opens without a key for ttl_s seconds. Release it with free(). */
bool puras_sign(puras *p, const char *drive_path, int64_t ttl_s, char **out_url, puras_error *error);

#ifdef __cplusplus
}
#endif
#endif
