/* disk_sim: random work on the real drive room over a disk that forgets, and the power cut in the middle of it.
 *
 *   disk_sim --seeds FROM COUNT    clean: prints each seed at fault and a summary
 *   disk_sim --seed N [--planted]  one seed, told step by step
 *   disk_sim --plant COUNT         with the skipped fsync awake: prints the seed that finds it, fails when none does
 *
 * Each life of the drive runs in a child that dies at the n-th sync or change of names, or between two steps. The commit log is
 * memory shared with the parent, which outlives it: what stands there as kept was answered by drive_file_keep or drive_adopt. */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/plant.h"
#include "base/str.h"
#include "drive/drive.h"
#include "forget.h"
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { LIVES = 3, STEPS = 40, OPEN_MAX = 4, BLOBS_MAX = LIVES * STEPS, FAULT = 640 };

enum state { PLANNED, KEPT, GONE }; /* planned: keep or adopt was begun; gone: a delete was begun */

struct blob {
    char name[96], sha256[65];
    int64_t bytes;
    enum state state;
};

struct log { /* shared */
    int n;
    struct blob blobs[BLOBS_MAX];
    char fault[FAULT]; /* what the child itself saw */
};

struct sim {
    uint64_t seed, random;
    bool tell;
    char root[128];
    struct log *log;
    struct drive *d;
    struct drive_file open[OPEN_MAX];
    struct hasher *hashers[OPEN_MAX]; /* an opinion of its own on what was written */
};

static uint64_t next_random(struct sim *s) {
    uint64_t x = s->random += 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

static int below(struct sim *s, int n) { return (int)(next_random(s) % (uint64_t)n); }

__attribute__((format(printf, 2, 3))) static void tell(const struct sim *s, const char *format, ...) {
    if (!s->tell) return;
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

/* --- the child: one life of the drive --- */

static void fill(struct sim *s, char *data, size_t n) {
    for (size_t i = 0; i < n; i += 8) {
        uint64_t x = next_random(s);
        memcpy(data + i, &x, n - i < 8 ? n - i : 8);
    }
}

static size_t some_bytes(struct sim *s) { return (size_t)(below(s, 8) ? 1 + below(s, 3000) : 1 + below(s, 60000)); }

static struct blob *plan(struct sim *s) {
    struct blob *b = &s->log->blobs[s->log->n];
    /* few generations, so that folders are shared, and pruned when their last file goes */
    snprintf(b->name, sizeof b->name, "%s%d/%d/%d-%08x", below(s, 4) ? "gen" : "up", below(s, 4), 1 + below(s, 2), 1 + below(s, 4), (unsigned)(next_random(s) >> 32));
    b->state = PLANNED;
    return b;
}

static void hashed(struct hasher *h, char out[65]) {
    uint8_t digest[SHA256_LEN];
    hasher_end(h, digest);
    for (int i = 0; i < SHA256_LEN; i++) snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static void answered(struct sim *s, const char *what, struct blob *b, err e, const struct why *why, const char *sha256) {
    if (e) snprintf(s->log->fault, FAULT, "%s of %s answered %s: %s", what, b->name, err_name(e), why->detail);
    else if (strcmp(sha256, b->sha256)) snprintf(s->log->fault, FAULT, "%s of %s answered another sha256", what, b->name);
    else b->state = KEPT;
    tell(s, "  %s %s: %lld bytes, %s", what, b->name, (long long)b->bytes, err_name(e));
}

static void begin(struct sim *s, int i) {
    char random[21];
    struct why why = {};
    snprintf(random, sizeof random, "%016" PRIx64 "%04x", next_random(s), (unsigned)i);
    if (drive_file_begin(s->d, random, &why, &s->open[i])) snprintf(s->log->fault, FAULT, "begin: %s", why.detail);
    s->hashers[i] = hasher_new();
}

static void write_some(struct sim *s, int i) {
    static char data[64 * 1024];
    struct why why = {};
    size_t n = some_bytes(s);
    fill(s, data, n);
    if (drive_file_write(&s->open[i], str_n(data, n), &why)) snprintf(s->log->fault, FAULT, "write: %s", why.detail);
    hasher_add(s->hashers[i], data, n);
}

static void keep(struct sim *s, int i) {
    struct blob *b = plan(s);
    struct why why = {};
    char sha256[65] = "";
    b->bytes = s->open[i].bytes;
    hashed(TAKE(s->hashers[i]), b->sha256);
    s->log->n++; /* from here on it may appear */
    err e = drive_file_keep(s->d, &s->open[i], str_of(b->name), &why, sha256);
    answered(s, "keep", b, e, &why, sha256);
    s->open[i] = (struct drive_file){};
}

/* As the media helper does: a file in tmp/ written by someone who syncs nothing. */
static void adopt(struct sim *s) {
    static char data[64 * 1024];
    struct blob *b = plan(s);
    struct why why = {};
    char tmp[320], sha256[65] = "";
    size_t n = some_bytes(s);
    fill(s, data, n);
    sha256_hex(str_n(data, n), b->sha256);
    snprintf(tmp, sizeof tmp, "%s/adopt-%d", drive_tmp(s->d), s->log->n);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    close(fd);
    b->bytes = (int64_t)n;
    s->log->n++;
    int64_t bytes = 0;
    err e = drive_adopt(s->d, tmp, str_of(b->name), &why, sha256, &bytes);
    answered(s, "adopt", b, e, &why, sha256);
}

static void delete_one(struct sim *s) {
    if (!s->log->n) return;
    struct blob *b = &s->log->blobs[below(s, s->log->n)];
    if (b->state != KEPT) return;
    b->state = GONE;
    if (drive_blob_delete(s->d, str_of(b->name))) snprintf(s->log->fault, FAULT, "delete of %s failed", b->name);
    tell(s, "  delete %s", b->name);
}

static void step(struct sim *s) {
    int i = below(s, OPEN_MAX);
    int what = below(s, 10);
    if (what == 0) delete_one(s);
    else if (what <= 2) adopt(s);
    else if (!s->hashers[i]) begin(s, i);
    else if (what <= 5) write_some(s, i);
    else if (what == 6) {
        drive_file_drop(&s->open[i]);
        hasher_freep(&s->hashers[i]);
        s->hashers[i] = NULL;
        s->open[i] = (struct drive_file){};
    } else keep(s, i);
}

_Noreturn static void live(struct sim *s, int life) {
    struct why why = {};
    s->random = s->seed * 1000003 + (uint64_t)life;
    int steps = 1 + below(s, STEPS), kill_at = below(s, 60);
    forget_kill_at = kill_at < 50 ? kill_at : -1;
    if (drive_open(forget_folder, &why, &s->d)) {
        snprintf(s->log->fault, FAULT, "open: %s", why.detail);
        _exit(0);
    }
    for (int i = 0; i < steps && !s->log->fault[0]; i++) step(s);
    tell(s, "  ends between two steps");
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* --- the parent: what is left after the cut --- */

static bool whole(struct drive *d, const struct blob *b, bool *out_there) {
    _cleanup_(closep) int fd = -1;
    char data[16 * 1024], sha256[65];
    int64_t bytes = 0;
    *out_there = drive_blob_open(d, str_of(b->name), NULL, &fd, &bytes) == OK;
    if (!*out_there) return false;
    struct hasher *h = hasher_new();
    for (ssize_t n; (n = read(fd, data, sizeof data)) > 0;) hasher_add(h, data, (size_t)n);
    hashed(h, sha256);
    return bytes == b->bytes && !strcmp(sha256, b->sha256);
}

static void judge(struct sim *s, struct drive *d, char fault[FAULT]) {
    for (int i = 0; i < s->log->n && !fault[0]; i++) {
        struct blob *b = &s->log->blobs[i];
        bool there, good = whole(d, b, &there);
        if (b->state == KEPT && !there) snprintf(fault, FAULT, "%s was kept and is gone", b->name);
        else if (there && !good) snprintf(fault, FAULT, "%s %s and is not whole", b->name, b->state == KEPT ? "was kept" : "has its name");
        if (b->state == PLANNED && !there) b->state = GONE;
        if (b->state == PLANNED && there && good) b->state = GONE; /* no commit names it; it may go at any time */
    }
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) { return remove(path); }

static void clean(const struct sim *s) { (void)nftw(s->root, remove_one, 32, FTW_DEPTH | FTW_PHYS); }

static void one_life(struct sim *s, int life, char fault[FAULT]) {
    tell(s, "life %d", life);
    pid_t pid = fork();
    must(pid >= 0);
    if (!pid) live(s, life);
    int status;
    must(waitpid(pid, &status, 0) == pid);
    forget_kill_at = -1;
    snprintf(fault, FAULT, "%s", s->log->fault);
    if (!fault[0] && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) snprintf(fault, FAULT, "the drive's process ended with status %d", status);
    if (fault[0]) return;
    must(image_cut(forget_folder, s->seed * 31 + (uint64_t)life));
    tell(s, "power cut");
    struct drive *d;
    struct why why = {};
    if (drive_open(forget_folder, &why, &d)) {
        snprintf(fault, FAULT, "after the cut the drive does not open: %s", why.detail);
        return;
    }
    judge(s, d, fault);
    drive_close(d);
    must(image_begin(forget_folder)); /* what the parent's own look made */
}

/* Empty: all as it should be. */
static void run(struct sim *s, uint64_t seed, char fault[FAULT]) {
    clean(s);
    memset(s->log, 0, sizeof *s->log);
    s->seed = seed;
    fault[0] = 0;
    must(!mkdir(s->root, 0700) && !mkdir(forget_folder, 0700) && image_begin(forget_folder));
    for (int life = 0; life < LIVES && !fault[0]; life++) one_life(s, life, fault);
}

static int run_seeds(struct sim *s, uint64_t from, uint64_t count) {
    char fault[FAULT];
    int failed = 0, kept = 0;
    for (uint64_t seed = from; seed < from + count; seed++) {
        run(s, seed, fault);
        for (int i = 0; i < s->log->n; i++) kept += s->log->blobs[i].state == KEPT;
        if (!fault[0]) continue;
        printf("seed %" PRIu64 ": %s\n", seed, fault);
        failed++;
    }
    printf("%" PRIu64 " passed, %d failed: %d kept blobs outlived up to %d power cuts each\n", count - (uint64_t)failed, failed, kept, LIVES);
    return failed || !kept;
}

static int run_plant(struct sim *s, uint64_t count) {
    char fault[FAULT];
    plant_active = PLANT_skipped_fsync;
    for (uint64_t seed = 1; seed <= count; seed++) {
        run(s, seed, fault);
        if (!fault[0]) continue;
        printf("skipped_fsync            found by seed %" PRIu64 ": %s\n1 passed, 0 failed\n", seed, fault);
        return 0;
    }
    printf("skipped_fsync            NOT FOUND in %" PRIu64 " seeds\n0 passed, 1 failed\n", count);
    return 1;
}

static int run_one(struct sim *s, uint64_t seed, bool planted) {
    char fault[FAULT];
    plant_active = planted ? PLANT_skipped_fsync : PLANT_none;
    s->tell = true;
    run(s, seed, fault);
    printf("seed %" PRIu64 ": %s\n", seed, fault[0] ? fault : "all as it should be");
    return fault[0] != 0;
}

int main(int argc, char **argv) {
    static struct sim s;
    const char *mode = argc > 1 ? argv[1] : "", *tmp = getenv("TMPDIR");
    if (!tmp || strlen(tmp) > 80) tmp = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm"; /* memory: its forgetting is all ours */
    snprintf(s.root, sizeof s.root, "%s/disk_sim.XXXXXX", tmp);
    s.log = mmap(NULL, sizeof *s.log, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(mkdtemp(s.root) && s.log != MAP_FAILED);
    snprintf(forget_folder, sizeof forget_folder, "%s/d", s.root);
    int status = 2;
    if (!strcmp(mode, "--seeds") && argc == 4) status = run_seeds(&s, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    else if (!strcmp(mode, "--plant") && argc == 3) status = run_plant(&s, strtoull(argv[2], NULL, 10));
    else if (!strcmp(mode, "--seed") && argc >= 3) status = run_one(&s, strtoull(argv[2], NULL, 10), argc > 3);
    else fprintf(stderr, "usage: disk_sim --seeds FROM COUNT | --seed N [--planted] | --plant COUNT\n");
    clean(&s);
    return status;
}
