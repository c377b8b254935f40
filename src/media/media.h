/* Pixels and sound happen in another process: the media helper, a zygote with its libraries loaded that forks once per file
 * (RULES I1). This face starts it and talks to it over a socket; answers are fixed-size structs, range-checked here.
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
/* Types served inline (RULES J2): listed raster, audio and video types. */
bool media_type_is_inline(struct str type);

struct media_facts { int64_t width, height, duration_ms; };
/* Image dimensions from the header bytes of png, jpeg, webp, gif without decoding; zeros when not found. */
struct media_facts media_measure(struct str head);

struct helper;
struct helper_options {
    const char *program; /* path of puras-media; NULL: beside /proc/self/exe */
    int at_once;
};
[[nodiscard]] err helper_start(const struct helper_options *o, struct why *why, struct helper **out);
void helper_stop(struct helper *h);
int helper_pid(const struct helper *h);

/* A render job: a local model's inputs as JSON, one file written to `out_path` (opened by us, handed over as a descriptor). */
struct render_job {
    const char *model;    /* "sketch", "nothing" */
    struct str inputs;    /* canonical inputs, JSON */
    uint64_t seed;        /* used when the inputs name none */
    const char *out_path;
    msec timeout;
};
struct render_answer {
    err code;                  /* OK, E_INVALID (the inputs), E_DEADLINE, E_UPSTREAM (the child died), E_STORAGE_FULL */
    char detail[300];
    char type[32], ext[8];
    int64_t width, height, duration_ms, bytes;
    int64_t render_us, encode_us;
    char scene[4096];          /* what was drawn, JSON: {"subject":..,"colours":[..],"count":..,"time_of_day":..} */
};
/* Blocks; call it on a pool's thread. Any number at once, bounded by at_once. */
void helper_render(struct helper *h, const struct render_job *job, struct render_answer *out);
