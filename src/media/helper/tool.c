/* See tool.h. Called by job.c (tool_start) and by the models (the rest). */
#include "media/helper/tool.h"
#include "base/err.h"
#include "media/helper/sandbox.h"
#include "media/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ABOVE = 100, GO_FD = 30, PIPE_BYTES = 1 << 20, EXIT_WALLS = 126, EXIT_NO_PROGRAM = 127 };

struct go {
    int32_t count, reserved;
    int64_t numbers[TOOL_NUMBERS];
};

/* Our ends and theirs while they lie above everything else. */
struct ends {
    int in[2], out[2], go[2], scratch[TOOL_SCRATCH_MAX]; /* pipes: [0] is read, [1] written */
};

static int lift(int fd) {
    int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, ABOVE);
    if (fd >= 0) close(fd);
    return high;
}

static bool make_pipe(int fds[2]) {
    if (pipe2(fds, O_CLOEXEC)) return false;
    fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES); /* fewer turns; a smaller one works too */
    for (int i = 0; i < 2; i++) fds[i] = lift(fds[i]);
    return fds[0] >= 0 && fds[1] >= 0;
}

static bool make_ends(const struct tool_spec *spec, struct ends *e) {
    if (!make_pipe(e->in) || !make_pipe(e->out) || !make_pipe(e->go)) return false;
    for (int i = 0; i < spec->scratch; i++)
        if ((e->scratch[i] = lift(memfd_create("scratch", MFD_CLOEXEC))) < 0) return false;
    return true;
}

/* Numbers become decimal digits or one of our own words; nothing else can come into a command line. */
static bool write_args(const struct tool_spec *spec, char *path, const struct go *go, char *argv[TOOL_ARGS_MAX + 2]) {
    int n = 0;
    argv[n++] = path;
    for (const char *const *a = spec->args; *a; a++) {
        if (n > TOOL_ARGS_MAX) return false;
        int which = ((*a)[0] == '#' || (*a)[0] == '@') && (*a)[1] >= '0' && (*a)[1] < '0' + TOOL_NUMBERS && !(*a)[2] ? (*a)[1] - '0' : -1;
        if (which < 0) {
            argv[n++] = (char *)(uintptr_t)*a;
            continue;
        }
        if (which >= go->count) return false;
        int64_t v = go->numbers[which];
        if ((*a)[0] == '@') {
            int words = 0;
            while (spec->words && spec->words[words]) words++;
            if (v < 0 || v >= words) return false;
            argv[n++] = (char *)(uintptr_t)spec->words[v];
        } else if (asprintf(&argv[n++], "%lld", (long long)v) < 0) return false;
    }
    argv[n] = NULL;
    return true;
}

/* The process that becomes the tool once it is told to. What it has of ours it only reads: a number of fixed size. */
static _Noreturn void tool_main(const struct tool_spec *spec, const struct sandbox *walls, int null, const int *files, int file_count, uint32_t timeout_ms,
                                pid_t parent, const struct ends *e) {
    char *path = sandbox_program(walls), *argv[TOOL_ARGS_MAX + 2], *none[] = {NULL};
    struct go go;
    int high[WIRE_FILES_MAX];
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) _exit(4);
    signal(SIGPIPE, SIG_DFL);
    null = fcntl(null, F_DUPFD_CLOEXEC, ABOVE);
    for (int i = 0; i < file_count; i++) high[i] = fcntl(files[i], F_DUPFD_CLOEXEC, ABOVE);
    close_range(0, GO_FD, 0);
    bool placed = dup2(e->in[0], 0) == 0 && dup2(e->out[1], 1) == 1 && dup2(null, 2) == 2 && dup3(e->go[0], GO_FD, O_CLOEXEC) == GO_FD;
    for (int i = 0; i < spec->scratch; i++) placed = placed && dup2(e->scratch[i], TOOL_SCRATCH_FD + i) >= 0;
    for (int i = 0; spec->files && i < file_count; i++) placed = placed && dup2(high[i], TOOL_FILES_FD + i) >= 0;
    close_range(GO_FD + 1, ~0U, 0);
    ssize_t n;
    do n = read(GO_FD, &go, sizeof go);
    while (n < 0 && errno == EINTR);
    if (n == 0) _exit(0); /* not wanted */
    if (n != sizeof go || !placed) _exit(EXIT_WALLS);
    snprintf(path, SANDBOX_PROGRAM_BYTES, "/usr/bin/%s", spec->program);
    if (access(path, X_OK)) _exit(EXIT_NO_PROGRAM);
    for (int i = 0; i < file_count; i++) high[i] = TOOL_FILES_FD + i;
    if (!write_args(spec, path, &go, argv) || !sandbox_tool(walls, high, spec->files ? file_count : 0, timeout_ms)) _exit(EXIT_WALLS);
    execve(path, argv, none);
    _exit(EXIT_NO_PROGRAM);
}

static int settle(int from, int *next) {
    int fd = dup3(from, *next, O_CLOEXEC);
    close(from);
    ++*next;
    return fd;
}

bool tool_start(const struct tool_spec *spec, const struct sandbox *walls, int null, const int *files, int file_count, uint32_t timeout_ms, int *next_fd,
                struct tool *out) {
    struct ends e;
    struct tool t = {.spec = spec, .output_max = WIRE_FILE_MAX};
    pid_t self = getpid();
    if (spec->scratch > TOOL_SCRATCH_MAX || file_count > WIRE_FILES_MAX || *next_fd + 3 + spec->scratch > WIRE_FD_END || !make_ends(spec, &e)) return false;
    t.pid = fork();
    if (t.pid == 0) tool_main(spec, walls, null, files, file_count, timeout_ms, self, &e);
    close(e.in[0]);
    close(e.out[1]);
    close(e.go[0]);
    t.in = settle(e.in[1], next_fd);
    t.out = settle(e.out[0], next_fd);
    t.go = settle(e.go[1], next_fd);
    for (int i = 0; i < spec->scratch; i++) t.scratch[i] = settle(e.scratch[i], next_fd);
    if (t.pid < 0 || fcntl(t.in, F_SETFL, O_NONBLOCK) || fcntl(t.out, F_SETFL, O_NONBLOCK)) return false;
    *out = t;
    return true;
}

static void shut(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static bool gave_up(struct tool *t, const char *sentence) {
    if (!t->failed) snprintf(t->why, sizeof t->why, "The program %s %s", t->spec->program, sentence);
    t->failed = true;
    return false;
}

/* Its end, whose status says how it went. */
static bool reap(struct tool *t) {
    int status = 0;
    char text[96];
    pid_t r;
    if (t->ended) return !t->failed;
    shut(&t->in);
    shut(&t->go);
    do r = waitpid(t->pid, &status, 0);
    while (r < 0 && errno == EINTR);
    t->ended = true;
    if (r == t->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0) return !t->failed;
    t->absent = r == t->pid && WIFEXITED(status) && (WEXITSTATUS(status) == EXIT_NO_PROGRAM || WEXITSTATUS(status) == EXIT_WALLS);
    if (r == t->pid && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_PROGRAM) return gave_up(t, "is not installed on this server.");
    if (r == t->pid && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_WALLS) return gave_up(t, "could not be put behind its walls.");
    if (r == t->pid && WIFEXITED(status)) snprintf(text, sizeof text, "gave up with status %d.", WEXITSTATUS(status));
    else snprintf(text, sizeof text, "was ended by signal %d.", WTERMSIG(status));
    return gave_up(t, text);
}

/* Takes what is there now. False at its end. */
static bool take(struct tool *t, void *p, size_t n, size_t *got) {
    ssize_t r = t->out < 0 ? 0 : read(t->out, p, n);
    *got = r > 0 ? (size_t)r : 0;
    if (r > 0 || (r < 0 && (errno == EAGAIN || errno == EINTR))) return true;
    shut(&t->out);
    return false;
}

static bool keep(struct tool *t) {
    static const size_t step = 1 << 16;
    size_t got;
    char *piece = malloc(step);
    must(piece);
    bool more = take(t, piece, step, &got);
    if (t->output.len + got > t->output_max) gave_up(t, "made more than it may.");
    else buf_add(&t->output, piece, got);
    free(piece);
    return more && !t->failed;
}

bool tool_go(struct tool *t, const int64_t *numbers, int count) {
    struct go go = {.count = count};
    must(count <= TOOL_NUMBERS);
    if (count) memcpy(go.numbers, numbers, (size_t)count * sizeof *numbers);
    for (int i = 0; i < t->spec->scratch; i++) {
        lseek(t->scratch[i], 0, SEEK_SET); /* the tool has the same place in it */
        shut(&t->scratch[i]);
    }
    bool sent = write(t->go, &go, sizeof go) == sizeof go;
    shut(&t->go);
    return sent || gave_up(t, "did not wait.");
}

bool tool_write(struct tool *t, const void *p, size_t n) {
    const char *at = p;
    if (t->in < 0) return gave_up(t, "takes no more.");
    while (n && !t->failed) {
        struct pollfd f[2] = {{.fd = t->in, .events = POLLOUT}, {.fd = t->out, .events = POLLIN}};
        if (poll(f, 2, -1) < 0 && errno != EINTR) return gave_up(t, "could not be reached.");
        if (f[1].revents) keep(t);
        if (!f[0].revents) continue;
        ssize_t put = t->in < 0 ? -1 : write(t->in, at, n);
        if (put < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (put < 0) { /* it reads no more: its status says why */
            shut(&t->in);
            while (keep(t)) poll(&(struct pollfd){.fd = t->out, .events = POLLIN}, 1, -1);
            return reap(t) && gave_up(t, "took only a part of what it was given.");
        }
        at += put;
        n -= (size_t)put;
    }
    return !t->failed;
}

void tool_end_input(struct tool *t) { shut(&t->in); }

struct str tool_output(const struct tool *t) { return str_n(t->output.ptr ? t->output.ptr + t->output_taken : "", t->output.len - t->output_taken); }

bool tool_read(struct tool *t, void *p, size_t n, size_t *got) {
    struct str kept = tool_output(t);
    size_t have = kept.len < n ? kept.len : n, more;
    if (have) memcpy(p, kept.ptr, have);
    t->output_taken += have;
    while (have < n && t->out >= 0) {
        poll(&(struct pollfd){.fd = t->out, .events = POLLIN}, 1, -1);
        take(t, (char *)p + have, n - have, &more);
        have += more;
    }
    *got = have;
    return have == n || reap(t);
}

bool tool_finish(struct tool *t) {
    shut(&t->in);
    shut(&t->go);
    while (keep(t)) poll(&(struct pollfd){.fd = t->out, .events = POLLIN}, 1, -1);
    return !t->failed && reap(t);
}
