/* A disk that forgets: loaded into a program (LD_PRELOAD, or linked into a test), it takes fsync and fdatasync away from the
 * files below one folder and keeps the folder's durable image instead (image.h). Everything else reaches the folder as always,
 * so every process sees every write at once; after a kill `forget cut` leaves what a power cut could have left.
 *
 *   PURAS_FORGET          the folder, an absolute path without symbolic links; empty or not set: nothing is done
 *   PURAS_FORGET_KILL_AT  the process kills itself at its n-th call that changes names or syncs below the folder
 *
 * O_SYNC, sync, syncfs and msync make nothing durable here: nothing in puras relies on them, and if it began to, the proof would
 * say so. A sync inside the folder never reaches the real disk, which also makes thousands of cuts affordable. */
#include "forget.h"
#include "image.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char forget_folder[4096];
int64_t forget_kill_at = -1;

__attribute__((constructor)) static void forget_init(void) {
    const char *folder = getenv("PURAS_FORGET"), *kill_at = getenv("PURAS_FORGET_KILL_AT");
    if (folder && strlen(folder) < sizeof forget_folder) memcpy(forget_folder, folder, strlen(folder) + 1);
    if (kill_at) forget_kill_at = strtoll(kill_at, NULL, 10);
}

#define NEXT(name) ((typeof(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

static bool covered_fd(int fd) {
    char link[64], path[4096];
    if (!forget_folder[0]) return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0) return false;
    path[n] = 0;
    return image_covers(forget_folder, path);
}

/* Relative paths of `at` are those of an open folder below ours, or of no interest. */
static bool covered(int at, const char *path) {
    if (!forget_folder[0]) return false;
    return path[0] == '/' ? image_covers(forget_folder, path) : at != AT_FDCWD && covered_fd(at);
}

static void point(void) {
    if (__atomic_load_n(&forget_kill_at, __ATOMIC_RELAXED) < 0) return;
    if (__atomic_sub_fetch(&forget_kill_at, 1, __ATOMIC_RELAXED) < 0) {
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
}

static int synced(int fd) {
    point();
    return image_sync(forget_folder, fd) ? 0 : -1;
}

int fsync(int fd) { return covered_fd(fd) ? synced(fd) : NEXT(fsync)(fd); }
int fdatasync(int fd) { return covered_fd(fd) ? synced(fd) : NEXT(fdatasync)(fd); }

int rename(const char *from, const char *to) {
    if (covered(AT_FDCWD, to)) point();
    return NEXT(rename)(from, to);
}

int renameat(int from_at, const char *from, int to_at, const char *to) {
    if (covered(to_at, to)) point();
    return NEXT(renameat)(from_at, from, to_at, to);
}

int unlink(const char *path) {
    if (covered(AT_FDCWD, path)) point();
    return NEXT(unlink)(path);
}

int unlinkat(int at, const char *path, int flags) {
    if (covered(at, path)) point();
    return NEXT(unlinkat)(at, path, flags);
}

int mkdir(const char *path, mode_t mode) {
    if (covered(AT_FDCWD, path)) point();
    return NEXT(mkdir)(path, mode);
}

int mkdirat(int at, const char *path, mode_t mode) {
    if (covered(at, path)) point();
    return NEXT(mkdirat)(at, path, mode);
}
