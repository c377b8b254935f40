/* Scope cleanup: a resource is released where its name goes out of scope, on every path.
 *
 *   _cleanup_(closep) int fd = open(...);      closed on return
 *   *out_fd = TAKE_FD(fd);                     ownership leaves the scope
 */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* Hands a pointer out of a cleanup scope and leaves NULL behind. */
#define TAKE(p)                          \
    ({                                   \
        typeof(p) *take_src_ = &(p);     \
        typeof(p) take_val_ = *take_src_; \
        *take_src_ = NULL;               \
        take_val_;                       \
    })

#define TAKE_FD(fd)               \
    ({                            \
        int *take_fd_ = &(fd);    \
        int take_val_ = *take_fd_; \
        *take_fd_ = -1;           \
        take_val_;                \
    })

static inline void freep(void *p) { free(*(void **)p); }
static inline void closep(int *fd) {
    if (*fd >= 0) close(*fd);
}
static inline void fclosep(FILE **f) {
    if (*f) fclose(*f);
}
