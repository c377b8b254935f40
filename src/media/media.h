/* Pixels and sound happen in another process: the media helper, a zygote with its libraries loaded that forks once per file.
 * This face starts it and talks to it over a socket; answers are fixed-size structs, range-checked here.
 *
 * The helper is the program puras-media beside the main one, so that its libraries are never mapped into the server. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

/* What the first bytes of a file say it is. Works on any bytes, allocates nothing; belongs to the server too. */
struct sniffed { const char *type; const char *ext; const char *kind; }; /* "image/png", "png", "image"; type NULL: unknown */
struct sniffed media_sniff(struct str head); /* 4096 bytes are plenty */
/* Types served inline: listed raster, audio and video types. */
bool media_type_is_inline(struct str type);

struct media_facts { int64_t width, height, duration_ms; };
/* Image dimensions from the header bytes of png, jpeg, webp, gif without decoding; zeros when not found. */
struct media_facts media_measure(struct str head);

struct helper;
struct helper_options {
    const char *program; /* path of puras-media; NULL: beside /proc/self/exe, in src/media/ or ../libexec/puras/ from there */
    int at_once;         /* renders running together, the others wait; 0: LIMIT_RENDERS_AT_ONCE */
};
[[nodiscard]] err helper_start(const struct helper_options *o, struct why *why, struct helper **out);
void helper_stop(struct helper *h); /* ends what runs and waits for its callers to have their answers; NULL is fine */
int helper_pid(struct helper *h);   /* 0 when it is not running */

/* A render job: a local model's inputs as JSON, one file written to `out_path` (opened by us, handed over as a descriptor). */
struct render_job {
    const char *model;    /* "sketch", "nothing" */
    struct str inputs;    /* canonical inputs, JSON */
    uint64_t seed;        /* what is drawn with; the caller takes it from the inputs when they name one, and varies it over n files */
    const char *out_path;
    msec timeout;         /* for waiting and rendering together */
};
struct render_answer {
    err code;                  /* OK, E_INVALID (the inputs), E_DEADLINE, E_UPSTREAM (the child died), E_STORAGE_FULL */
    char detail[300];
    char type[32], ext[8];
    int64_t width, height, duration_ms, bytes;
    int64_t render_us, encode_us;
    char scene[4096];          /* what was drawn, JSON: {"subject":..|null,"colours":[..],"count":n,"subjects":[{"name","colour"|null,
                                * "colour_rgb":"#rrggbb","count","boxes":[[x,y,w,h],..]},..],"time_of_day","setting","weather",
                                * "text","seed"}; empty when nothing was */
};
/* Blocks for at most the timeout; call it on a pool's thread, any number at once. When the code is not OK there is no file at
 * out_path. A helper that died is started again by the next job; those that ran in it answer E_UPSTREAM. The model "nothing"
 * answers at once, with type "" and no file. */
void helper_render(struct helper *h, const struct render_job *job, struct render_answer *out);
