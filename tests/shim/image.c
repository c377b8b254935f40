/* The durable image of a folder (image.h). Used by forget.c inside the processes that are watched, and by forget_main.c and the
 * tests around them. Plain libc: it is loaded into programs of any kind. */
#include "image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ID = 48, PAGE = 4096, PATH = 4096, NAME = 256 };

static bool complain(const char *what, const char *path) {
    fprintf(stderr, "forget: %s %s: %s\n", what, path, strerror(errno));
    return false;
}

/* A path that does not fit ends the proof at once: cut off it would name another file. */
#define PUT(out, ...)                                                          \
    do {                                                                       \
        if (snprintf(out, sizeof(out), __VA_ARGS__) >= (int)sizeof(out)) {     \
            fprintf(stderr, "forget: a path is too long: %s\n", out);          \
            abort();                                                           \
        }                                                                      \
    } while (0)

bool image_covers(const char *folder, const char *path) {
    size_t n = strlen(folder);
    return n && !strncmp(folder, path, n) && (!path[n] || path[n] == '/');
}

struct entry {
    char id[ID];
    bool is_folder;
    int64_t bytes;
    mode_t mode;
};

/* What lies at `name`: false when nothing does, or something that is neither file nor folder (sockets are not on a disk). */
static bool look(int at, const char *name, struct entry *out) {
    struct statx st;
    if (statx(at, name, AT_SYMLINK_NOFOLLOW | (name[0] ? 0 : AT_EMPTY_PATH), STATX_BASIC_STATS | STATX_BTIME, &st)) return false;
    if (!S_ISREG(st.stx_mode) && !S_ISDIR(st.stx_mode)) return false;
    out->is_folder = S_ISDIR(st.stx_mode);
    out->bytes = (int64_t)st.stx_size;
    out->mode = st.stx_mode & 07777;
    PUT(out->id, "%llu-%lld.%09u", (unsigned long long)st.stx_ino, (long long)st.stx_btime.tv_sec, st.stx_btime.tv_nsec);
    return true;
}

/* --- copying: holes stay holes, so that a file with reserved space costs nothing --- */

static bool copy_range(int from, int to, off_t at, off_t end) {
    char data[64 * 1024];
    while (at < end) {
        size_t want = end - at < (off_t)sizeof data ? (size_t)(end - at) : sizeof data;
        ssize_t n = pread(from, data, want, at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        if (!n) break; /* cut shorter meanwhile */
        if (pwrite(to, data, (size_t)n, at) != n) return false;
        at += n;
    }
    return true;
}

static bool copy_bytes(int from, int to, off_t bytes) {
    if (ftruncate(to, bytes)) return false;
    for (off_t at = 0; at < bytes;) {
        off_t data = lseek(from, at, SEEK_DATA), hole;
        if (data < 0) return errno == ENXIO; /* nothing but a hole from here */
        hole = lseek(from, data, SEEK_HOLE);
        if (hole < 0 || hole > bytes) hole = bytes;
        if (!copy_range(from, to, data, hole)) return false;
        at = hole;
    }
    return true;
}

/* --- publishing: written beside, then renamed, so that a process killed meanwhile has either synced or not --- */

static bool publish_content(const char *image, const char *id, int fd, off_t bytes) {
    char tmp[PATH], path[PATH], again[64];
    PUT(tmp, "%s/new", image);
    PUT(path, "%s/content/%s", image, id);
    PUT(again, "/proc/self/fd/%d", fd); /* the descriptor may be one that only writes */
    int from = open(again, O_RDONLY | O_CLOEXEC), to = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = from >= 0 && to >= 0 && copy_bytes(from, to, bytes) && !rename(tmp, path);
    if (from >= 0) close(from);
    if (to >= 0) close(to);
    return good;
}

static bool publish_names(const char *image, const char *id, int fd) {
    char tmp[PATH], path[PATH];
    PUT(tmp, "%s/new", image);
    PUT(path, "%s/names/%s", image, id);
    int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again < 0 ? NULL : fdopendir(again);
    FILE *out = dir ? fopen(tmp, "we") : NULL;
    if (!out) {
        if (dir) closedir(dir);
        return false;
    }
    for (struct dirent *d; (d = readdir(dir));) {
        struct entry e;
        if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") || !look(fd, d->d_name, &e)) continue;
        fprintf(out, "%c %o %s %s\n", e.is_folder ? 'd' : 'f', (unsigned)e.mode, e.id, d->d_name);
    }
    closedir(dir);
    return !fclose(out) && !rename(tmp, path);
}

static bool publish(const char *image, int fd) {
    struct entry e;
    if (!look(fd, "", &e)) return false;
    return e.is_folder ? publish_names(image, e.id, fd) : publish_content(image, e.id, fd, e.bytes);
}

bool image_sync(const char *folder, int fd) {
    char image[PATH], lock_path[PATH];
    PUT(image, "%s.durable", folder);
    PUT(lock_path, "%s/lock", image);
    int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* one open a call: it excludes threads and processes alike */
    if (lock < 0) return false;
    bool good = !flock(lock, LOCK_EX) && publish(image, fd);
    int e = errno;
    close(lock);
    errno = e;
    return good;
}

/* --- trees --- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) { return remove(path); }

static bool remove_tree(const char *path) { return !nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS) || errno == ENOENT; }

static bool begin_below(const char *image, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return errno == ENXIO || errno == ELOOP || complain("cannot open", path);
    struct entry e;
    bool good = !look(fd, "", &e) || publish(image, fd) || complain("cannot copy", path);
    DIR *dir = good ? fdopendir(fd) : NULL;
    if (!dir) return close(fd), good;
    for (struct dirent *d; good && (d = readdir(dir));) {
        char below[PATH];
        if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..")) continue;
        PUT(below, "%s/%s", path, d->d_name);
        good = begin_below(image, below);
    }
    closedir(dir);
    return good;
}

bool image_begin(const char *folder) {
    char image[PATH], part[PATH];
    PUT(image, "%s.durable", folder);
    if (!remove_tree(image)) return complain("cannot remove", image);
    if (mkdir(image, 0700)) return complain("cannot make", image);
    PUT(part, "%s/content", image);
    if (mkdir(part, 0700)) return complain("cannot make", part);
    PUT(part, "%s/names", image);
    if (mkdir(part, 0700)) return complain("cannot make", part);
    return begin_below(image, folder);
}

/* --- the cut --- */

/* Every file and folder that can be seen, by id. */
struct seen {
    char id[ID];
    char *path;
};

struct cut {
    uint64_t seed;
    const char *folder;
    char image[PATH];
    struct seen *seen;
    size_t n, cap;
};

static void note_seen(struct cut *c, const char *path) {
    struct entry e;
    if (!look(AT_FDCWD, path, &e)) return;
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 64;
        c->seen = realloc(c->seen, c->cap * sizeof *c->seen);
        if (!c->seen) abort();
    }
    memcpy(c->seen[c->n].id, e.id, sizeof e.id);
    c->seen[c->n++].path = strdup(path);
    DIR *dir = e.is_folder ? opendir(path) : NULL;
    if (!dir) return;
    for (struct dirent *d; (d = readdir(dir));) {
        char below[PATH];
        if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..")) continue;
        PUT(below, "%s/%s", path, d->d_name);
        note_seen(c, below);
    }
    closedir(dir);
}

static const char *seen_path(const struct cut *c, const char *id) {
    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->seen[i].id, id)) return c->seen[i].path;
    return NULL;
}

/* Chance decides by seed and name, never by inode, so that a seed gives the same cut again. A thing that moved is named by
 * where it is seen: both ends of the move ask the same coin. */
static unsigned coin(const struct cut *c, const char *id, const char *where, const char *about, uint64_t n) {
    const char *path = seen_path(c, id);
    const char *parts[] = {path ? path + strlen(c->folder) : where, about};
    uint64_t x = c->seed * 0x9E3779B97F4A7C15u ^ n * 0xD1B54A32D192ED03u;
    for (int k = 0; k < 2; k++)
        for (const char *p = parts[k]; *p; p++) x = (x ^ (unsigned char)*p) * 0x100000001B3u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return (unsigned)(x >> 40);
}

struct name {
    char text[NAME];
    struct entry durable, seen; /* id empty: not there */
};

struct names {
    struct name *at;
    size_t n, cap;
};

static struct name *name_of(struct names *l, const char *text) {
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->at[i].text, text)) return &l->at[i];
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 16;
        l->at = realloc(l->at, l->cap * sizeof *l->at);
        if (!l->at) abort();
    }
    struct name *f = &l->at[l->n++];
    memset(f, 0, sizeof *f);
    PUT(f->text, "%s", text);
    return f;
}

static void durable_names(const struct cut *c, const char *id, struct names *l) {
    char path[PATH], line[NAME + ID + 32];
    PUT(path, "%s/names/%s", c->image, id);
    FILE *in = fopen(path, "re");
    if (!in) return; /* never synced */
    while (fgets(line, sizeof line, in)) {
        struct entry e = {0};
        char kind, text[NAME];
        unsigned mode;
        if (sscanf(line, "%c %o %47s %255[^\n]", &kind, &mode, e.id, text) != 4) abort();
        e.is_folder = kind == 'd';
        e.mode = (mode_t)mode;
        name_of(l, text)->durable = e;
    }
    fclose(in);
}

static void seen_names(const char *path, struct names *l) {
    DIR *dir = path ? opendir(path) : NULL;
    if (!dir) return;
    for (struct dirent *d; (d = readdir(dir));) {
        struct entry e;
        if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") || !look(dirfd(dir), d->d_name, &e)) continue;
        name_of(l, d->d_name)->seen = e;
    }
    closedir(dir);
}

/* Pages of what was seen over what was synced. */
static bool mix(const struct cut *c, const struct entry *e, const char *where, int seen, int to) {
    struct stat st, had;
    if (fstat(seen, &st) || fstat(to, &had)) return false;
    off_t end = coin(c, e->id, where, "size", 0) & 1 ? st.st_size : had.st_size;
    if (ftruncate(to, end)) return false;
    for (off_t at = 0; at < end && at < st.st_size; at += PAGE) {
        off_t next = lseek(seen, at, SEEK_DATA);
        if (next < 0) break;
        if (next >= at + PAGE) {
            at = next / PAGE * PAGE - PAGE;
            continue;
        }
        off_t stop = at + PAGE < end ? at + PAGE : end;
        if (coin(c, e->id, where, "page", (uint64_t)at) & 1 && !copy_range(seen, to, at, stop)) return false;
    }
    return true;
}

static bool restore_file(const struct cut *c, const struct entry *e, const char *where, const char *out) {
    char path[PATH];
    const char *live = seen_path(c, e->id);
    PUT(path, "%s/content/%s", c->image, e->id);
    unsigned how = coin(c, e->id, where, "content", 0) % 4; /* 0, 1: as synced; 2: as seen; 3: a mixture */
    int synced = open(path, O_RDONLY | O_CLOEXEC), seen = live ? open(live, O_RDONLY | O_CLOEXEC) : -1;
    int to = open(out, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), from = seen >= 0 && how == 2 ? seen : synced;
    struct stat st;
    bool good = to >= 0 && !fchmod(to, e->mode);
    if (good && from >= 0) good = !fstat(from, &st) && copy_bytes(from, to, st.st_size);
    if (good && seen >= 0 && how == 3) good = mix(c, e, where, seen, to);
    if (synced >= 0) close(synced);
    if (seen >= 0) close(seen);
    if (to >= 0) close(to);
    return good || complain("cannot restore", out);
}

/* `where`: the folder's place below the root, "" or "/a/b". */
static bool restore_folder(const struct cut *c, const char *id, const char *where, const char *out) {
    struct names l = {0};
    bool good = true;
    durable_names(c, id, &l);
    seen_names(seen_path(c, id), &l);
    for (size_t i = 0; good && i < l.n; i++) {
        const struct name *f = &l.at[i];
        char here[PATH], to[PATH];
        PUT(here, "%s/%s", where, f->text);
        PUT(to, "%s/%s", out, f->text);
        const char *moved = f->seen.id[0] ? f->seen.id : f->durable.id;
        bool as_seen = !strcmp(f->seen.id, f->durable.id) || coin(c, moved, here, "name", 0) & 1;
        const struct entry *e = as_seen ? &f->seen : &f->durable;
        if (!e->id[0]) continue;
        if (!e->is_folder) good = restore_file(c, e, here, to);
        else good = (!mkdir(to, e->mode) || complain("cannot make", to)) && restore_folder(c, e->id, here, to);
    }
    free(l.at);
    return good;
}

bool image_cut(const char *folder, uint64_t seed) {
    struct cut c = {.seed = seed, .folder = folder};
    char fresh[PATH], gone[PATH];
    struct entry root;
    PUT(c.image, "%s.durable", folder);
    PUT(fresh, "%s.cut", folder);
    PUT(gone, "%s.gone", folder);
    if (!look(AT_FDCWD, folder, &root) || !root.is_folder) return complain("not a folder:", folder);
    if (access(c.image, F_OK)) return complain("no image was begun:", c.image);
    if (!remove_tree(fresh) || !remove_tree(gone) || mkdir(fresh, root.mode)) return complain("cannot make", fresh);
    note_seen(&c, folder);
    bool good = restore_folder(&c, root.id, "", fresh);
    for (size_t i = 0; i < c.n; i++) free(c.seen[i].path);
    free(c.seen);
    if (!good) return false;
    if (rename(folder, gone) || rename(fresh, folder)) return complain("cannot replace", folder);
    return remove_tree(gone) && image_begin(folder);
}
