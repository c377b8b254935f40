/* The reserve: a file of 64 MB beside the database that is given up when the disk is full, so that what runs can still be
 * settled and released. It is made again once there is clearly more room than it takes. */
#include "base/cleanup.h"
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { PATH_BYTES = 4096 };

static bool path_of(const struct store *s, char out[PATH_BYTES]) {
    return s->folder && s->reserve_bytes > 0 && snprintf(out, PATH_BYTES, "%s/reserve", s->folder) < PATH_BYTES;
}

bool reserve_wanted(const struct store *s) {
    char path[PATH_BYTES];
    return path_of(s, path);
}

static int64_t size_of(const char *path) {
    struct stat st;
    return stat(path, &st) ? 0 : st.st_size;
}

void reserve_release(struct store *s) {
    char path[PATH_BYTES];
    if (!path_of(s, path)) return;
    int64_t size = size_of(path);
    if (size > 0) s->reserve_released = size;
    unlink(path);
}

/* At most a quarter of what is free, so that a small disk is not filled by its own reserve. What giving up the last one made
 * free does not count as room: new work would eat it at once. */
err reserve_make(struct store *s) {
    char path[PATH_BYTES];
    if (!path_of(s, path) || size_of(path) > 0) return OK;
    struct statvfs fs;
    if (statvfs(s->folder, &fs)) return E_IO;
    int64_t room = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize, size = room / 4 < s->reserve_bytes ? room / 4 : s->reserve_bytes;
    if (s->reserve_released) {
        if (room < s->reserve_released / 2 * 3) return E_STORAGE_FULL;
        size = s->reserve_released;
    }
    if (size < s->reserve_bytes / 64) return E_STORAGE_FULL;
    _cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return errno == ENOSPC || errno == EDQUOT ? E_STORAGE_FULL : E_IO;
    if (!posix_fallocate(fd, 0, size)) {
        s->reserve_released = 0;
        return OK;
    }
    unlink(path);
    return E_STORAGE_FULL;
}
