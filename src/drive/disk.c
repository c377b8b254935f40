/* Blobs on a local disk: <folder>/blobs/ holds what commits may name, <folder>/tmp/ what is being written.
 *
 * What must hold: once keep or adopt answered OK the blob survives a power cut, and a name in blobs/ always has its whole content.
 * Sentences for callers name no path of the server; only drive_open, which answers the operator, does. */
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/plant.h"
#include "drive/drive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

enum {
    BLOB_NAME_MAX = 160,
    FOLDER_MAX = 280, /* so that every temporary name fits struct drive_file */
    MAX_DEPTH = 8,    /* folders below blobs/ or tmp/ */
    PLACE_TRIES = 4,
    READ_SIZE = 128 * 1024,
};

struct drive {
    int blobs, tmp; /* the folders, open */
    char *tmp_path;
};

/* `doing` completes "The server could not ..."; errno says what went wrong. */
static err failed(struct why *why, const char *doing) {
    int e = errno;
    switch (e) {
    case ENOSPC:
        return why_set(why, E_STORAGE_FULL, "The server's disk is full: it could not %s. Try again when its operator has made room.", doing);
    case EDQUOT:
        return why_set(why, E_STORAGE_FULL, "The server's disk quota is used up: it could not %s. Try again when its operator has made room.", doing);
    case EROFS: return why_set(why, E_IO, "The server could not %s: its file system is read-only.", doing);
    case EACCES: case EPERM:
        return why_set(why, E_IO, "The server could not %s: its user may not write there; check the owner and the mode of the data folder.", doing);
    default: return why_set(why, E_IO, "The server could not %s: %s.", doing, strerrordesc_np(e));
    }
}

/* --- opening --- */

/* For the operator: the same, with the folder's name. */
static err cannot_open(struct why *why, const char *doing, const char *folder) {
    char text[FOLDER_MAX + 80];
    snprintf(text, sizeof text, "%s %.*s", doing, FOLDER_MAX, folder);
    return failed(why, text);
}

static err make_open_folder(int at, const char *name, const char *folder, struct why *why, int *out_fd) {
    if (mkdirat(at, name, 0700) && errno != EEXIST) return cannot_open(why, "make a folder in", folder);
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return cannot_open(why, "open a folder in", folder);
    *out_fd = fd;
    return OK;
}

/* A file can be made, moved from tmp/ to blobs/ and deleted: a read-only folder, or one that was mounted apart, shows now and not
 * with the first output. */
static err try_out(const struct drive *d, const char *folder, struct why *why) {
    static const char name[] = ".probe";
    int fd = openat(d->tmp, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return cannot_open(why, "write to", folder);
    close(fd);
    if (renameat(d->tmp, name, d->blobs, name)) {
        err e = cannot_open(why, "move files between tmp and blobs in", folder);
        unlinkat(d->tmp, name, 0);
        return e;
    }
    if (unlinkat(d->blobs, name, 0)) return cannot_open(why, "delete files in", folder);
    return OK;
}

static err sync_path(const char *folder, struct why *why) {
    _cleanup_(closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) ? cannot_open(why, "sync the folder", folder) : OK;
}

static err sync_new_folders(const char *folder, bool made, struct why *why) {
    char above[FOLDER_MAX + 8];
    snprintf(above, sizeof above, "%s/..", folder);
    TRY(sync_path(folder, why));
    return made ? sync_path(above, why) : OK;
}

struct sweep {
    int root;
    msec before; /* only what was last written before this moment goes */
    bool (*owned)(void *arg, struct str name); /* NULL: nothing is */
    void *arg;
    int64_t deleted;
    err e; /* the first failure; the rest is swept nevertheless */
    char name[PATH_MAX]; /* of the entry at hand, below root */
};
static void sweep_folder(struct sweep *s, size_t len, int depth);

static err open_folders(struct drive *d, const char *folder, struct why *why) {
    bool made = mkdir(folder, 0700) == 0;
    if (!made && errno != EEXIST) return cannot_open(why, "make the folder", folder);
    _cleanup_(freep) char *real = realpath(folder, NULL);
    if (!real) return cannot_open(why, "find the folder", folder);
    if (strlen(real) > FOLDER_MAX)
        return why_set(why, E_INVALID, "The path of the drive's folder is %zu bytes long; at most %d are allowed.", strlen(real), FOLDER_MAX);
    _cleanup_(closep) int root = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return cannot_open(why, "open the folder", real);
    TRY(make_open_folder(root, "blobs", real, why, &d->blobs));
    TRY(make_open_folder(root, "tmp", real, why, &d->tmp));
    must(asprintf(&d->tmp_path, "%s/tmp", real) > 0);
    struct sweep s = {.root = d->tmp, .before = INT64_MAX};
    sweep_folder(&s, 0, 0);
    if (s.e) return why_set(why, s.e, "The server could not empty the folder %s; check its owner and mode.", d->tmp_path);
    TRY(try_out(d, real, why));
    return sync_new_folders(real, made, why);
}

err drive_open(const char *folder, struct why *why, struct drive **out) {
    struct drive *d = calloc(1, sizeof *d);
    must(d);
    d->blobs = d->tmp = -1;
    err e = open_folders(d, folder, why);
    if (e) drive_close(d);
    else *out = d;
    return e;
}

void drive_close(struct drive *d) {
    if (!d) return;
    closep(&d->blobs);
    closep(&d->tmp);
    free(d->tmp_path);
    free(d);
}

const char *drive_tmp(const struct drive *d) { return d->tmp_path; }

/* --- names of blobs --- */

/* They come from our own records, but a damaged one must not lead out of the folder. */
static bool copy_name(struct str blob, char out[BLOB_NAME_MAX + 1]) {
    if (!blob.len || blob.len > BLOB_NAME_MAX) return false;
    struct str part, rest = blob;
    bool more;
    do {
        more = str_cut(rest, '/', &part, &rest);
        if (!part.len || part.ptr[0] == '.') return false;
        for (size_t i = 0; i < part.len; i++) {
            unsigned char c = (unsigned char)part.ptr[i];
            if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.')) return false;
        }
    } while (more);
    memcpy(out, blob.ptr, blob.len);
    out[blob.len] = 0;
    return true;
}

static err bad_name(struct why *why) { return why_set(why, E_CORRUPT, "A record names a file in a way no file of the drive is named."); }

/* --- placing --- */

static err make_folders(const struct drive *d, char *name, struct why *why) {
    for (char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int r = mkdirat(d->blobs, name, 0700);
        *slash = '/';
        if (r && errno == ENOENT) return OK; /* pruned meanwhile; the rename fails and all begins again */
        if (r && errno != EEXIST) return failed(why, "make a folder for a file");
    }
    return OK;
}

/* From the blob's own folder up to blobs/ itself. Folders that were there already are synced too: another thread, or a server that
 * was killed, may have made them without coming so far. After the rename none of them can be pruned. */
static err sync_folders(const struct drive *d, char *name, struct why *why) {
    for (;;) {
        char *slash = strrchr(name, '/');
        if (!slash) break;
        *slash = 0;
        _cleanup_(closep) int fd = openat(d->blobs, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fsync(fd)) return failed(why, "sync the folder of a file");
    }
    return fsync(d->blobs) ? failed(why, "sync the folder of a file") : OK;
}

static err place(const struct drive *d, const char *tmp_path, struct str blob, struct why *why) {
    char name[BLOB_NAME_MAX + 1];
    if (!copy_name(blob, name)) return bad_name(why);
    for (int tries = 1;; tries++) {
        TRY(make_folders(d, name, why));
        if (!renameat(AT_FDCWD, tmp_path, d->blobs, name)) break;
        /* a delete or the sweep took an empty folder away between the two steps */
        if (errno != ENOENT || tries == PLACE_TRIES) return failed(why, "move a file into the drive");
    }
    err e = sync_folders(d, name, why);
    if (e && copy_name(blob, name)) unlinkat(d->blobs, name, 0); /* no commit will name it */
    return e;
}

static void hash_end(struct hasher *h, char out_sha256[65]) {
    uint8_t digest[SHA256_LEN];
    hasher_end(h, digest);
    hex_encode(digest, SHA256_LEN, out_sha256);
}

/* --- writing --- */

err drive_file_begin(struct drive *d, const char random_hex[21], struct why *why, struct drive_file *out) {
    struct drive_file f = {};
    int n = snprintf(f.tmp, sizeof f.tmp, "%s/%.20s", d->tmp_path, random_hex);
    must(n > 0 && (size_t)n < sizeof f.tmp);
    f.fd = open(f.tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f.fd < 0) return failed(why, "make a file");
    f.hasher = hasher_new();
    *out = f;
    return OK;
}

err drive_file_write(struct drive_file *f, struct str data, struct why *why) {
    while (data.len) {
        ssize_t n = write(f->fd, data.ptr, data.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed(why, "write a file");
        hasher_add(f->hasher, data.ptr, (size_t)n);
        f->bytes += n;
        data = str_skip(data, (size_t)n);
    }
    return OK;
}

void drive_file_drop(struct drive_file *f) {
    if (!f->tmp[0]) return;
    struct hasher *h = f->hasher;
    hasher_freep(&h);
    f->hasher = NULL;
    closep(&f->fd);
    f->fd = -1;
    unlink(f->tmp); /* after a rename it finds nothing */
    f->tmp[0] = 0;
}

err drive_file_keep(struct drive *d, struct drive_file *f, struct str blob, struct why *why, char out_sha256[65]) {
    err e = !PLANTED(skipped_fsync) && fsync(f->fd) ? failed(why, "sync a file") : place(d, f->tmp, blob, why);
    if (!e) {
        hash_end(f->hasher, out_sha256);
        f->hasher = NULL;
    }
    drive_file_drop(f);
    return e;
}

/* --- adopting --- */

static err hash_file(int fd, struct why *why, char out_sha256[65], int64_t *out_bytes) {
    _cleanup_(freep) char *data = malloc(READ_SIZE);
    must(data);
    _cleanup_(hasher_freep) struct hasher *h = hasher_new();
    int64_t total = 0;
    for (;;) {
        ssize_t n = read(fd, data, READ_SIZE);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed(why, "read a finished file");
        if (!n) break;
        hasher_add(h, data, (size_t)n);
        total += n;
    }
    hash_end(TAKE(h), out_sha256);
    *out_bytes = total;
    return OK;
}

static err adopt(struct drive *d, const char *tmp_path, struct str blob, struct why *why, char sha[65], int64_t *bytes) {
    /* O_NONBLOCK: should it be a pipe, the open must not wait */
    _cleanup_(closep) int fd = open(tmp_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) return failed(why, "open a finished file");
    if (!S_ISREG(st.st_mode)) return why_set(why, E_IO, "What should be a finished file is something else.");
    TRY(hash_file(fd, why, sha, bytes));
    /* fsync works on what any process wrote, also through a descriptor that only reads */
    if (!PLANTED(skipped_fsync) && fsync(fd)) return failed(why, "sync a finished file");
    return place(d, tmp_path, blob, why);
}

err drive_adopt(struct drive *d, const char *tmp_path, struct str blob, struct why *why, char out_sha256[65], int64_t *out_bytes) {
    char sha[65];
    int64_t bytes = 0;
    err e = adopt(d, tmp_path, blob, why, sha, &bytes);
    if (e) {
        unlink(tmp_path);
        return e;
    }
    memcpy(out_sha256, sha, sizeof sha);
    *out_bytes = bytes;
    return OK;
}

/* --- reading, deleting --- */

err drive_blob_open(struct drive *d, struct str blob, struct why *why, int *out_fd, int64_t *out_bytes) {
    char name[BLOB_NAME_MAX + 1];
    if (!copy_name(blob, name)) return bad_name(why);
    _cleanup_(closep) int fd = openat(d->blobs, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) return why_set(why, E_NOT_FOUND, "The drive no longer has the bytes of that file.");
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) return failed(why, "open a file of the drive");
    if (!S_ISREG(st.st_mode)) return bad_name(why);
    *out_bytes = st.st_size;
    *out_fd = TAKE_FD(fd);
    return OK;
}

err drive_blob_delete(struct drive *d, struct str blob) {
    char name[BLOB_NAME_MAX + 1];
    if (!copy_name(blob, name)) return E_CORRUPT;
    if (unlinkat(d->blobs, name, 0) && errno != ENOENT && errno != ENOTDIR) return E_IO;
    for (char *slash; (slash = strrchr(name, '/'));) {
        *slash = 0;
        if (unlinkat(d->blobs, name, AT_REMOVEDIR)) break; /* not empty */
    }
    return OK;
}

/* --- sweeping --- */

static void closedirp(DIR **dir) {
    if (*dir) closedir(*dir);
}

static void sweep_failed(struct sweep *s) {
    if (errno != ENOENT && !s->e) s->e = E_IO;
}

static void sweep_entry(struct sweep *s, size_t len, int depth) {
    struct stat st;
    if (fstatat(s->root, s->name, &st, AT_SYMLINK_NOFOLLOW)) return sweep_failed(s);
    bool old = st.st_mtim.tv_sec * (msec)MS_SECOND + st.st_mtim.tv_nsec / 1000000 < s->before;
    if (S_ISDIR(st.st_mode)) {
        sweep_folder(s, len, depth + 1);
        s->name[len] = 0;
        if (old && unlinkat(s->root, s->name, AT_REMOVEDIR) && errno != ENOTEMPTY && errno != EEXIST) sweep_failed(s);
    } else if (old && !(s->owned && s->owned(s->arg, str_n(s->name, len)))) {
        if (unlinkat(s->root, s->name, 0)) sweep_failed(s);
        else s->deleted++;
    }
}

/* The folder s->name[0..len); empty: root. */
static void sweep_folder(struct sweep *s, size_t len, int depth) {
    errno = ELOOP;
    int fd = depth > MAX_DEPTH ? -1 : openat(s->root, len ? s->name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return sweep_failed(s);
    _cleanup_(closedirp) DIR *dir = fdopendir(fd);
    must(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        int n = snprintf(s->name + len, sizeof s->name - len, "%s%s", len ? "/" : "", entry->d_name);
        errno = ENAMETOOLONG;
        if ((size_t)n >= sizeof s->name - len) sweep_failed(s);
        else sweep_entry(s, len + (size_t)n, depth);
        s->name[len] = 0;
    }
}

err drive_sweep(struct drive *d, msec now, msec age, bool (*owned)(void *arg, struct str blob), void *arg, int64_t *out_deleted) {
    struct sweep blobs = {.root = d->blobs, .before = now - age, .owned = owned, .arg = arg};
    struct sweep tmp = {.root = d->tmp, .before = now - age};
    sweep_folder(&blobs, 0, 0);
    sweep_folder(&tmp, 0, 0);
    *out_deleted = blobs.deleted;
    return blobs.e ? blobs.e : tmp.e;
}
