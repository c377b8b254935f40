/* Runs one program of this machine in a full sandbox of bubblewrap: namespaces of its own (no network, no other process in sight), a
 * read-only root with programs and libraries, a folder in/ to read and out/ to write, limits, a filter of system calls, and a time
 * after which all of it is killed. Used by command.c.
 *
 * Only where the host lets namespaces be made (walls of media.h: full); whether it does is the caller's question. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"

struct cage;
/* bwrap: NULL is /usr/bin/bwrap. E_SANDBOX with what to install. */
[[nodiscard]] err cage_create(const char *bwrap, struct why *why, struct cage **out);
void cage_destroy(struct cage *c); /* NULL is fine */

struct cage_job {
    const struct str *words; /* the program with its whole path, then its arguments; none holds a NUL */
    size_t word_count;
    struct str input;        /* its standard input */
    const char *in, *out;    /* folders of the host: /job/in and /job/out inside; the working folder is /job */
    msec timeout;
    bool (*stopped)(void *arg); /* asked ten times a second; true ends it. May be NULL */
    void *arg;
};
enum cage_end { CAGE_ENDED, CAGE_LATE, CAGE_STOPPED, CAGE_FLOODED /* LIMIT_COMMAND_OUT_BYTES or LIMIT_COMMAND_TEXT_BYTES */ };
struct cage_result {
    enum cage_end end;
    int status;       /* exit status; 128 and the signal when one ended it */
    struct str text;  /* its standard output, at most LIMIT_COMMAND_TEXT_BYTES */
    struct str said;  /* the end of its standard error, one line, for people */
};
/* Blocks; for a pool's thread that lives on. No process of it is left when this returns. E_SANDBOX: it did not come up. */
[[nodiscard]] err cage_run(struct cage *c, const struct cage_job *j, struct arena *a, struct why *why, struct cage_result *out);
