/* One job in one child: which models there are, and what a model's code may use. Behind the walls nothing can be opened: input
 * files, tools and the output are descriptors that were there before. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "media/helper/sandbox.h"
#include "media/helper/tool.h"
#include "media/wire.h"

#include <pango/pango.h>

struct job {
    struct str inputs;   /* JSON, a caller's bytes */
    uint64_t seed;
    PangoContext *fonts; /* may be NULL; see fonts.h */
    const struct wire_file *files; /* names and sniffed types; file i is the descriptor WIRE_FILES_FD + i, for pread and lseek */
    int file_count;
    struct sandbox_facts walls;
    struct tool tools[TOOLS_MAX]; /* in the order of the model's table row, waiting for tool_go */
    struct wire_answer *answer;   /* what the model fills in; starts as zeros and WIRE_OK */
    struct arena arena;
    struct wire_progress told;
    int64_t told_at;
    int told_count;
    int64_t started;
    const char *mark; /* a sentence that job_write puts into the metadata of a file that comes whole; NULL: none */
};

/* A local model. The one table of them is in models.c. */
struct job_model {
    const char *name;
    const char *kind; /* of its file: image, video, audio; facts: it writes none */
    void (*run)(struct job *j);
    uint32_t deadline_ms; /* the job ends after this even where the caller would wait longer; 0: only the caller's deadline */
    const struct tool_spec *const *tools; /* NULL, or a list that NULL ends */
};
const struct job_model *job_model_find(const char *name);

/* In the child, right after fork: reads who is wanted, starts tools waiting, seals itself, runs the model, answers. Returns the
 * child's exit status. */
struct sandbox;
int job_main(const struct sandbox *walls, PangoContext *fonts, int null, int job, int out, const int *files, int file_count);

/* Fails the job with a sentence for a person. The first failure stays. */
void job_fail(struct job *j, enum wire_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Says how far it is; cheap enough to be called for every frame. percent is of the whole job and never falls. */
void job_stage(struct job *j, const char *stage, int percent);
/* Appends to the output file and counts its size. False, and the job has failed, when it could not be. */
bool job_write(struct job *j, const void *data, size_t n);
/* The nth file (from 0) whose name is `name`; -1 when there is none. */
int job_find_file(const struct job *j, const char *name, int nth);
/* All bytes of a file, at most `max` of them. False, and the job has failed, otherwise. */
bool job_read_file(struct job *j, int file, size_t max, struct buf *out);
int64_t job_now_us(void);
