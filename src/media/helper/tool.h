/* Tools: the programs ffmpeg, fluidsynth and espeak-ng, run for a job in walls of their own.
 *
 * A child starts its model's tools before it seals itself and before it has read a caller's byte. Each then is a process that waits
 * for tool_go and costs almost nothing until then; one that is not wanted simply ends with the job. Its command line is a constant
 * of this program with numbers filled in, and its program is looked for in /usr/bin only: a caller's text reaches a tool through
 * stdin or a scratch file and in no other way.
 *
 * What a tool has: descriptor 0 a pipe from the job, 1 a pipe to the job, 2 nothing; scratch files the job writes and the tool
 * reads (from TOOL_SCRATCH_FD on); the job's input files where asked for (from TOOL_FILES_FD on). /dev/fd/N opens any of them for
 * reading, seekable, where the tool wants a path; pipe:N of ffmpeg works everywhere. Nothing else can be written, no socket
 * opened, no process started or touched; threads are fine. It dies with the job. */
#pragma once
#include "base/buf.h"

#include <sys/types.h>

enum { TOOLS_MAX = 6, TOOL_NUMBERS = 8, TOOL_SCRATCH_MAX = 5, TOOL_SCRATCH_FD = 3, TOOL_FILES_FD = 8, TOOL_ARGS_MAX = 96 };

struct tool_spec {
    const char *program;      /* "ffmpeg" */
    const char *const *args;  /* without the program's name, NULL at the end; "#0".."#7": that number of tool_go in decimal;
                               * "@0".."@7": the word of that index */
    const char *const *words; /* what "@" chooses from, NULL at the end; may be NULL */
    int scratch;              /* scratch files: memory that the tool sees as regular files */
    bool files;               /* hand over the job's input files */
};

struct tool {
    const struct tool_spec *spec;
    pid_t pid;
    int in, out, go;               /* -1: closed. in and out do not block; the functions below wait */
    int scratch[TOOL_SCRATCH_MAX]; /* write them before tool_go */
    struct buf output;             /* what it said while we were writing */
    size_t output_taken, output_max;
    bool ended, failed;
    bool absent;                   /* failed because it never ran: not the file's fault */
    char why[160];                 /* the sentence, when failed */
};

/* Before sealing. `files` are the input files' descriptors. Descriptors of the tool lie below `fd_end` afterwards; they are moved
 * to `*next_fd` and up. False when the system gives no process or pipe. */
struct sandbox;
bool tool_start(const struct tool_spec *spec, const struct sandbox *walls, int null, const int *files, int file_count, uint32_t timeout_ms, int *next_fd,
                struct tool *out);

/* Behind the walls. Each is false when the tool died or gave up; t->why then says so in a sentence. */
bool tool_go(struct tool *t, const int64_t *numbers, int count);
/* Writes all of it to the tool's stdin; meanwhile what the tool says is kept in t->output (at most t->output_max, 64 MB). */
bool tool_write(struct tool *t, const void *p, size_t n);
void tool_end_input(struct tool *t);
/* Reads exactly n bytes; *got fewer at the tool's end, which is no failure. */
bool tool_read(struct tool *t, void *p, size_t n, size_t *got);
/* Ends its input, keeps the rest of what it says in t->output, waits for its end; false too when its exit status is not 0. */
bool tool_finish(struct tool *t);
/* What it said and nobody took yet. */
struct str tool_output(const struct tool *t);
