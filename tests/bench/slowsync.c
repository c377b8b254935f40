/* LD_PRELOAD: each fsync and fdatasync takes a millisecond longer, so that a machine whose disk answers from a cache shows what a
 * cloud volume does. SLOWSYNC_US sets another delay. The benchmarks put it before the server and before the bare loop. */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

typedef int sync_fn(int fd);

static void wait_longer(void) {
    const char *text = getenv("SLOWSYNC_US");
    long us = text ? strtol(text, NULL, 10) : 1000;
    struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    prctl(PR_SET_TIMERSLACK, 1); /* the kernel would add 50 us of its own */
    nanosleep(&t, NULL);
}

static int slowly(const char *name, int fd) {
    sync_fn *real = (sync_fn *)dlsym(RTLD_NEXT, name);
    int result = real(fd);
    wait_longer();
    return result;
}

int fsync(int fd) { return slowly("fsync", fd); }
int fdatasync(int fd) { return slowly("fdatasync", fd); }
