/* Programs of ours that run beside the server as children: found next to it, started with an environment of their own and one socket.
 * Used by media/helper.c and jq/jq.c. */
#pragma once
#include "base/err.h"

#include <sys/types.h>

enum { PROGRAM_PATH = 4096 };

/* `given` when it is not NULL; else `name` beside the running program, where a build folder has it (src/ROOM), or in ../libexec/puras.
 * `what` begins the sentence: "The media helper". E_UNAVAILABLE. */
[[nodiscard]] err program_find(const char *given, const char *name, const char *room, const char *what, struct why *why, char out[PROGRAM_PATH]);

struct program_start {
    const char *path, *what;
    char *const *environment;
    int socket_type; /* SOCK_STREAM or SOCK_SEQPACKET */
    int socket_fd;   /* the child's number of its end; 0 to 2 that are not it are /dev/null, except that stderr stays ours if so said */
    bool keep_stderr;
};
/* Out: our end, close-on-exec, and the child. */
[[nodiscard]] err program_start(const struct program_start *o, struct why *why, int *out_socket, pid_t *out_pid);

/* True once the kernel says that the process is no more; *status as waitpid gives it, -1 when that is not known. */
bool program_is_gone(pid_t pid, int *status);
/* Kills and waits. The status of waitpid, -1 when not known. */
int program_kill(pid_t pid);
