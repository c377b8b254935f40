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
/* Whether a file that was sniffed as this can be what was to be made (image, video, audio, text). In doubt it can: kind "file" is one that nobody here knows, a GIF
 * may move, what holds films may hold sound alone. */
bool media_may_be(struct str kind, struct str type, struct str wanted);

struct media_facts { int64_t width, height, duration_ms; };
/* Image dimensions from the header bytes of png, jpeg, webp, gif without decoding; zeros when not found. */
struct media_facts media_measure(struct str head);

struct helper;
struct helper_options {
    const char *program; /* path of puras-media; NULL: beside /proc/self/exe, in src/media/ or ../libexec/puras/ from there */
    int at_once;         /* renders running together, the others wait; 0: LIMIT_RENDERS_AT_ONCE */
};
[[nodiscard]] err helper_start(const struct helper_options *o, struct why *why, struct helper **out);
void helper_halt(struct helper *h); /* ends what runs and refuses what comes: nobody waits for a render any more; NULL is fine */
void helper_stop(struct helper *h); /* ends what runs and waits for its callers to have their answers; NULL is fine */
int helper_pid(struct helper *h);   /* 0 when it is not running */

/* An input file, open for reading. Its type is sniffed here; the child trusts nothing else about it. The caller keeps the descriptor. */
struct media_input {
    const char *name; /* of the input it was given for: "image"; several files of one input have the same name, in order */
    int fd;
};

/* A render job: a local model's inputs as JSON, one file written to `out_path` (opened by us, handed over as a descriptor). */
struct render_job {
    const char *model;    /* "sketch", "edit", ..., "nothing" */
    struct str inputs;    /* canonical inputs, JSON */
    uint64_t seed;        /* what is drawn with; the caller takes it from the inputs when they name one, and varies it over n files */
    const char *out_path; /* NULL: a model that only reads; its answer has no file and no type */
    msec timeout;         /* for waiting and rendering together */
    int unwanted;         /* a descriptor that can be read once nobody wants the file any more: the job ends at once. 0: none */
    const struct media_input *files; /* regular files; at most 16 */
    size_t file_count;
    /* Progress, on the caller's thread: a stage ("drawing") and the percent of the whole job, which never falls. Called at most
     * once for each pair of the two; may be NULL. */
    void (*stage)(void *arg, const char *stage, int percent);
    void *stage_arg;
};
struct render_answer {
    err code;                  /* OK, E_INVALID (the inputs), E_DEADLINE, E_CANCELLED (unwanted), E_UPSTREAM (the child died), E_STORAGE_FULL */
    char detail[300];
    char type[32], ext[8];
    int64_t width, height, duration_ms, bytes; /* of a picture the first two, of sound the duration, of video all */
    int64_t render_us, encode_us;
    char scene[4096];          /* what was made, a JSON object of the model's own; empty when nothing was. Of sketch: {"subject":..|null,
                                * "colours":[..],"count":n,"subjects":[{"name","colour"|null,"colour_rgb":"#rrggbb","count",
                                * "boxes":[[x,y,w,h],..]},..],"time_of_day","setting","weather","text","seed"} */
};
/* Blocks for at most the timeout; call it on a pool's thread, any number at once. When the code is not OK there is no file at
 * out_path. A helper that died is started again by the next job; those that ran in it answer E_UPSTREAM. The model "nothing"
 * answers at once, with type "" and no file. */
void helper_render(struct helper *h, const struct render_job *job, struct render_answer *out);

/* Reading a stranger's file: its facts, and small copies of its picture. Pictures are turned as EXIF asks; of several frames the
 * first is taken; copies never grow, and carry no metadata. */
enum read_want {
    READ_PROBE,     /* facts only, no copy */
    READ_THUMBNAIL, /* WebP, at most LIMIT_THUMBNAIL_SIDE on the long side */
    READ_OPTIMISED, /* WebP, at most LIMIT_OPTIMISED_SIDE */
    READ_POSTER     /* JPEG, at most LIMIT_POSTER_SIDE: of a video a frame from its beginning, of sound its cover */
};
struct read_job {
    int fd;               /* a regular file, open for reading; its offset is neither used nor moved; stays the caller's */
    enum read_want want;  /* any of them for any type that is read; sound without a cover has no copy: E_INVALID */
    const char *out_path; /* the copy; written anew. There is no file when the code is not OK. Not looked at for READ_PROBE */
    msec timeout;         /* waiting included; 0, or more than it: LIMIT_MEDIA_READ_MS */
};
struct read_answer {
    err code;         /* OK, E_MEDIA_TYPE (by the sniff, at once), E_INVALID (damaged, or past a limit), E_DEADLINE,
                       * E_UPSTREAM (the reader died, or is not there), E_STORAGE_FULL */
    char detail[300]; /* a sentence, when the code is not OK */
    char type[32], ext[8];                      /* of the file, by our sniff */
    int64_t width, height;                      /* as shown; 0 for sound */
    int64_t duration_ms, frames;                /* 0: the file does not say; 1 frame for a still picture */
    int64_t rate_milli, channels, sample_rate;  /* frames in 1000 s; 0 where there is no such track */
    bool has_audio, has_video;                  /* tracks; both false for a picture */
    char video_codec[24], audio_codec[24];      /* "h264", "aac", of a picture "png"; empty: none */
    char out_type[32], out_ext[8];              /* of the copy, and the three below */
    int64_t out_width, out_height, bytes;
};
/* Blocks for at most the timeout; call it on a pool's thread. Any bytes are fine. */
void helper_read(struct helper *h, const struct read_job *job, struct read_answer *out);

/* Which walls stand around the helper's children on this host. The helper itself needs seccomp and limits only; the level says what
 * programs of strangers could get: full (namespaces), reduced (own user, seccomp, Landlock; asked for by name only), or none. */
enum walls_level { WALLS_NONE, WALLS_REDUCED, WALLS_FULL };
struct helper_walls {
    enum walls_level level;
    bool seccomp, limits, namespaces, own_root, landlock, own_user;
    char detail[512]; /* empty at full; otherwise which setting of the host to change */
};
void helper_walls(struct helper *h, struct helper_walls *out); /* blocks for a few milliseconds, at most 5 s */
const char *walls_level_name(enum walls_level l);              /* "none", "reduced", "full" */
