/* See program.h. */
#include "base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

err program_find(const char *given, const char *name, const char *room, const char *what, struct why *why, char out[PROGRAM_PATH]) {
    const char *const places[][3] = {{"", "", ""}, {"src/", room, "/"}, {"../libexec/puras/", "", ""}, {"../src/", room, "/"}};
    char exe[PROGRAM_PATH - 256], path[PROGRAM_PATH];
    if (given) {
        if (access(given, X_OK)) return why_set(why, E_UNAVAILABLE, "%s %s is not there or may not be run.", what, given);
        snprintf(out, PROGRAM_PATH, "%s", given);
        return OK;
    }
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n <= 0) return why_set(why, E_UNAVAILABLE, "The server could not find its own program file; name %s explicitly.", name);
    exe[n] = 0;
    *(strrchr(exe, '/') + 1) = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int len = snprintf(path, sizeof path, "%s%s%s%s%s", exe, places[i][0], places[i][1], places[i][2], name);
        if (len >= (int)sizeof path || access(path, X_OK)) continue;
        memcpy(out, path, (size_t)len + 1);
        return OK;
    }
    return why_set(why, E_UNAVAILABLE, "%s %s is neither beside the server (%s) nor in ../libexec/puras/.", what, name, exe);
}

static int plan(const struct program_start *o, int theirs, posix_spawn_file_actions_t *files, posix_spawnattr_t *attr) {
    enum { ABOVE = 1023 }; /* dup2 onto itself would keep the close-on-exec flag; by way of another number it never is the same */
    sigset_t none, all;
    int failed = 0;
    sigemptyset(&none);
    sigfillset(&all);
    for (int fd = 0; fd < (o->keep_stderr ? 2 : 3) && !failed; fd++)
        failed = posix_spawn_file_actions_addopen(files, fd, "/dev/null", O_RDWR, 0);
    if (!failed) failed = posix_spawn_file_actions_adddup2(files, theirs, ABOVE);
    if (!failed) failed = posix_spawn_file_actions_adddup2(files, ABOVE, o->socket_fd);
    if (!failed) failed = posix_spawn_file_actions_addclose(files, ABOVE);
    if (!failed) failed = posix_spawnattr_setsigmask(attr, &none);
    if (!failed) failed = posix_spawnattr_setsigdefault(attr, &all);
    if (!failed) failed = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    return failed;
}

err program_start(const struct program_start *o, struct why *why, int *out_socket, pid_t *out_pid) {
    char path[PROGRAM_PATH];
    char *argv[] = {path, NULL};
    int pair[2];
    pid_t pid = 0;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    snprintf(path, sizeof path, "%s", o->path);
    if (socketpair(AF_UNIX, o->socket_type | SOCK_CLOEXEC, 0, pair)) return why_set(why, E_UNAVAILABLE, "%s: no socket for it: %s.", o->what, strerror(errno));
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    int failed = plan(o, pair[1], &files, &attr);
    if (!failed) failed = posix_spawn(&pid, path, &files, &attr, argv, o->environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    close(pair[1]);
    if (failed) {
        close(pair[0]);
        return why_set(why, E_UNAVAILABLE, "%s %s did not start: %s.", o->what, path, strerror(failed));
    }
    *out_socket = pair[0];
    *out_pid = pid;
    return OK;
}

bool program_is_gone(pid_t pid, int *status) {
    pid_t r = waitpid(pid, status, WNOHANG);
    if (r == pid) return true;
    *status = -1;
    return r < 0 && errno == ECHILD;
}

int program_kill(pid_t pid) {
    int status = -1;
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) return -1;
    }
    return status;
}
