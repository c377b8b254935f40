/* puras-media: the media helper. A zygote with its libraries loaded and its fonts open that forks once per job, so that a job
 * starts in a millisecond and a broken one takes nothing with it.
 *
 * Pictures are encoded with libpng, libjpeg and libwebp directly and drawn with cairo and pango. A larger image library (libvips)
 * would bring some forty shared objects and a thread pool: threads do not survive fork, and its memory would stand idle here.
 *
 * Always: one thread; no job's bytes are read in this process, only in children; the end of the control socket ends it, and its
 * end ends every child. Started by helper.c with the control socket as descriptor 3; nobody else runs it. */
#include "media/helper/fonts.h"
#include "media/helper/job.h"
#include "media/helper/sandbox.h"
#include "media/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_CHILDREN = 256, MAX_FDS = 2 + WIRE_FILES_MAX };

struct child {
    pid_t pid; /* 0: free */
    uint64_t job;
};

struct zygote {
    struct child children[MAX_CHILDREN];
    struct sandbox *walls;
    PangoContext *fonts;
    int null, signals;
};

static void reap(struct zygote *z) {
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        for (int i = 0; i < MAX_CHILDREN; i++)
            if (z->children[i].pid == pid) z->children[i].pid = 0;
}

static void kill_job(struct zygote *z, uint64_t job) {
    for (int i = 0; i < MAX_CHILDREN; i++)
        if (z->children[i].pid && z->children[i].job == job) kill(z->children[i].pid, SIGKILL);
}

/* fds: the job socket, the output, the input files. */
static void child_main(struct zygote *z, pid_t zygote, const int *fds, int count) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != zygote) _exit(4); /* it died before the line above */
    _exit(job_main(z->walls, z->fonts, z->null, fds[0], fds[1], fds + 2, count - 2));
}

static void run_job(struct zygote *z, const struct wire_order *o, const int *fds, int count) {
    int slot = 0;
    while (slot < MAX_CHILDREN && z->children[slot].pid) slot++;
    pid_t self = getpid(), pid = slot < MAX_CHILDREN ? fork() : -1;
    if (pid == 0) child_main(z, self, fds, count);
    if (pid > 0) z->children[slot] = (struct child){pid, o->job};
}

/* One packet; false when the server is gone. */
static bool take_order(struct zygote *z) {
    struct wire_order o = {0};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
    } control;
    struct iovec part = {&o, sizeof o};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int fds[MAX_FDS], count = 0;
    ssize_t n = recvmsg(WIRE_CONTROL_FD, &m, MSG_CMSG_CLOEXEC);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    if (n <= 0) return false;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(c), (size_t)count * sizeof(int));
    }
    if (n == sizeof o && o.magic == WIRE_MAGIC && o.op == WIRE_KILL) kill_job(z, o.job);
    if (n == sizeof o && o.magic == WIRE_MAGIC && o.op == WIRE_RUN && count >= 2 && (uint32_t)count == 2 + o.file_count) run_job(z, &o, fds, count);
    for (int i = 0; i < count; i++) close(fds[i]); /* without a child this is the answer: the server sees the end */
    return true;
}

static int serve(struct zygote *z) {
    struct pollfd p[2] = {{.fd = WIRE_CONTROL_FD, .events = POLLIN}, {.fd = z->signals, .events = POLLIN}};
    for (;;) {
        if (poll(p, 2, -1) < 0 && errno != EINTR) return 1;
        if (p[1].revents & POLLIN) {
            struct signalfd_siginfo info;
            if (read(z->signals, &info, sizeof info) < 0) { /* taken already; reap looks anyway */
            }
            reap(z);
        }
        if (p[0].revents && !take_order(z)) break;
    }
    for (int i = 0; i < MAX_CHILDREN; i++)
        if (z->children[i].pid) kill(z->children[i].pid, SIGKILL);
    return 0;
}

int main(void) {
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    sigset_t watched;
    if (getsockname(WIRE_CONTROL_FD, (struct sockaddr *)&peer, &len) || peer.ss_family != AF_UNIX) {
        fputs("puras-media is started by puras, not by hand.\n", stderr);
        return 2;
    }
    struct zygote *z = calloc(1, sizeof *z);
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigprocmask(SIG_BLOCK, &watched, NULL);
    if (!z || close_range(WIRE_CONTROL_FD + 1, ~0U, 0)) return 1;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* a killed job's tools end with it, and are buried here: process 1 of a container may bury nobody */
    z->signals = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
    z->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    z->walls = sandbox_compile();
    if (z->signals < 0 || z->null < 0 || !z->walls) {
        fputs("puras-media: the sandbox could not be prepared.\n", stderr);
        return 1;
    }
    z->fonts = fonts_load();
    if (!z->fonts) fputs("puras-media: no font was found; pictures will have no lettering.\n", stderr);
    sandbox_enclose(z->walls);
    malloc_trim(0);
    return serve(z);
}
