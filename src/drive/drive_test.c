/* Path rules, and the disk: what is synced before what, full and read-only disks, adopting, sweeping.
 *
 * Linked with --wrap: the calls that make a file durable pass through here, are written down in order and can be made to fail. */
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/limits.h"
#include "drive/drive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define RANDOM "0123456789abcdef0123"
#define GEN    "01a202605fbb00000000000000000001"
#define BLOB   GEN "/1/0-abcdef"
#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct fixture {
    char root[64]; /* a temporary folder; the drive is root/drive */
    struct drive *d;
    struct arena arena;
} fx;

/* --- the calls between the room and the disk --- */

static struct {
    bool on;
    struct buf calls; /* "mkdir a;fsync b;" with paths below root */
    const char *fail; /* the call that fails, NULL: none */
    int fail_errno, fail_after;
    void (*before_rename)(void);
} spy;

static int spy_call(const char *name, const char *path) {
    if (!spy.on) return 0;
    size_t n = strlen(fx.root);
    if (!strncmp(path, fx.root, n)) path = path[n] ? path + n + 1 : ".";
    buf_printf(&spy.calls, "%s %s;", name, path);
    if (!spy.fail || strcmp(spy.fail, name) || spy.fail_after-- > 0) return 0;
    errno = spy.fail_errno;
    return -1;
}

static const char *fd_path(int fd, char out[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, PATH_MAX - 1);
    out[n > 0 ? n : 0] = 0;
    return out;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd) {
    char path[PATH_MAX];
    return spy_call("fsync", fd_path(fd, path)) ? -1 : __real_fsync(fd);
}

int __real_mkdirat(int at, const char *name, mode_t mode);
int __wrap_mkdirat(int at, const char *name, mode_t mode);
int __wrap_mkdirat(int at, const char *name, mode_t mode) { return spy_call("mkdir", name) ? -1 : __real_mkdirat(at, name, mode); }

int __real_renameat(int from_at, const char *from, int to_at, const char *to);
int __wrap_renameat(int from_at, const char *from, int to_at, const char *to);
int __wrap_renameat(int from_at, const char *from, int to_at, const char *to) {
    if (spy.on && spy.before_rename) {
        spy.before_rename();
        spy.before_rename = NULL;
    }
    return spy_call("rename", to) ? -1 : __real_renameat(from_at, from, to_at, to);
}

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n) {
    if (spy.on && spy.fail && !strcmp(spy.fail, "write")) {
        if (spy.fail_after-- <= 0) {
            errno = spy.fail_errno;
            return -1;
        }
        if (n > 3) n = 3; /* a short write before the failure */
    }
    return __real_write(fd, p, n);
}

static void watch(const char *fail, int fail_errno, int after) {
    buf_clear(&spy.calls);
    spy.on = true;
    spy.fail = fail;
    spy.fail_errno = fail_errno;
    spy.fail_after = after;
}

static void stop_watching(void) { spy.on = false; }

/* --- fixture --- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static const char *below(const char *name) {
    return arena_printf(&fx.arena, "%s/%s", fx.root, name).ptr;
}

static int set_up(void **state) {
    (void)state;
    snprintf(fx.root, sizeof fx.root, "/tmp/drive_test.XXXXXX");
    if (!mkdtemp(fx.root)) return -1;
    return drive_open(below("drive"), NULL, &fx.d) ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    stop_watching();
    buf_done(&spy.calls);
    drive_close(fx.d);
    fx.d = NULL;
    arena_done(&fx.arena);
    return nftw(fx.root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static bool exists(const char *name) { return access(below(name), F_OK) == 0; }

static int entries(const char *name) {
    DIR *dir = opendir(below(name));
    assert_non_null(dir);
    int n = -2; /* without . and .. */
    while (readdir(dir)) n++;
    closedir(dir);
    return n;
}

static void put_file(const char *name, const char *content) {
    _cleanup_(fclosep) FILE *f = fopen(below(name), "w");
    assert_non_null(f);
    assert_true(fputs(content, f) >= 0);
}

static void expect_blob(const char *blob, const char *content) {
    int fd = -1;
    int64_t bytes = -1;
    struct why why = {};
    if (drive_blob_open(fx.d, str_of(blob), &why, &fd, &bytes)) fail_msg("%s: %s", blob, why_text(&why));
    char text[256] = {};
    assert_int_equal(bytes, strlen(content));
    assert_int_equal(read(fd, text, sizeof text), bytes);
    assert_string_equal(text, content);
    close(fd);
}

static err keep(const char *blob, const char *content, struct why *why) {
    struct drive_file f = {};
    char sha[65] = {}, want[65];
    TRY(drive_file_begin(fx.d, RANDOM, why, &f));
    err e = drive_file_write(&f, str_of(content), why);
    if (e) {
        drive_file_drop(&f);
        return e;
    }
    assert_int_equal(f.bytes, strlen(content));
    e = drive_file_keep(fx.d, &f, str_of(blob), why, sha);
    drive_file_drop(&f); /* a no-op by now */
    assert_int_equal(f.fd, -1);
    if (e) return e;
    sha256_hex(str_of(content), want);
    assert_string_equal(sha, want);
    return OK;
}

/* --- paths --- */

static void paths_are_clean_or_refused(void **state) {
    (void)state;
    static const struct {
        struct str in;
        const char *want; /* NULL: refused */
    } cases[] = {
#define P(literal, clean) {{literal, sizeof(literal) - 1}, clean}
        P("a", "a"), P("media/12b5.mp4", "media/12b5.mp4"), P("drive/x.png", "x.png"), P("drive/a/b", "a/b"), P("a/drive/b", "a/drive/b"),
        P("drive", "drive"), P("drivex/a", "drivex/a"), P("a b/c d.txt", "a b/c d.txt"), P("\xC3\xA4/\xF0\x9F\x98\x80.png", "\xC3\xA4/\xF0\x9F\x98\x80.png"),
        P("back\\slash\\..\\x", "back\\slash\\..\\x"), P("...", "..."), P("..a/.hidden/a..", "..a/.hidden/a.."), P("%2e%2e/x", "%2e%2e/x"),
        P("-rf", "-rf"), P("a:b?c#d\"'<>|*", "a:b?c#d\"'<>|*"), P("\xC2\xA0x", "\xC2\xA0x"),
        P("", NULL), P("/", NULL), P("/a", NULL), P("/etc/passwd", NULL), P("//a", NULL), P("drive/", NULL), P("drive//a", NULL), P("/drive/a", NULL),
        P("drive/drive/a", NULL), P(".", NULL), P("..", NULL), P("../a", NULL), P("a/..", NULL), P("a/../b", NULL), P("./a", NULL), P("a/.", NULL),
        P("a/./b", NULL), P("drive/..", NULL), P("drive/../a", NULL), P("a/", NULL), P("a//b", NULL), P("a/b/", NULL), P("a\0b", NULL), P("\0", NULL),
        P("a\nb", NULL), P("a\tb", NULL), P("a\x1f", NULL), P("a\x7f", NULL), P("a\xC2\x85", NULL), P("a\xC2\x80/b", NULL), P("\xFF", NULL), P("a\xC3", NULL),
        P("\xC0\xAE\xC0\xAE/x", NULL), P("\xED\xA0\x80", NULL),
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str out = STR("untouched");
        struct why why = {};
        err e = drive_path_clean(cases[i].in, &fx.arena, &why, &out);
        if (e != (cases[i].want ? OK : E_BAD_PATH)) fail_msg("case %zu, %.*s: %s", i, STR_ARG(cases[i].in), err_name(e));
        assert_true(str_is(out, cases[i].want ? cases[i].want : "untouched"));
        assert_true(!e || (why.code == E_BAD_PATH && why.detail[0]));
        assert_int_equal(drive_path_clean(cases[i].in, &fx.arena, NULL, &out), e);
    }
}

static void paths_are_bounded(void **state) {
    (void)state;
    char text[600];
    memset(text, 'a', sizeof text);
    struct str out;
    assert_int_equal(drive_path_clean(str_n(text, LIMIT_PATH_PART_BYTES), &fx.arena, NULL, &out), OK);
    assert_int_equal(drive_path_clean(str_n(text, LIMIT_PATH_PART_BYTES + 1), &fx.arena, NULL, &out), E_BAD_PATH);
    for (size_t i = 200; i < sizeof text; i += 201) text[i] = '/';
    assert_int_equal(drive_path_clean(str_n(text, LIMIT_PATH_BYTES), &fx.arena, NULL, &out), OK);
    assert_int_equal(out.len, LIMIT_PATH_BYTES);
    assert_int_equal(drive_path_clean(str_n(text, LIMIT_PATH_BYTES + 1), &fx.arena, NULL, &out), E_BAD_PATH);
}

/* --- keeping --- */

static void a_kept_file_is_synced_in_order(void **state) {
    (void)state;
    watch(NULL, 0, 0);
    assert_int_equal(keep(BLOB, "picture", NULL), OK);
    stop_watching();
    assert_string_equal(spy.calls.ptr, "fsync drive/tmp/" RANDOM ";"
                                       "mkdir " GEN ";mkdir " GEN "/1;"
                                       "rename " BLOB ";"
                                       "fsync drive/blobs/" GEN "/1;fsync drive/blobs/" GEN ";fsync drive/blobs;");
    expect_blob(BLOB, "picture");
    assert_int_equal(entries("drive/tmp"), 0);
    assert_int_equal(keep("flat", "in no folder", NULL), OK);
    expect_blob("flat", "in no folder");
    assert_int_equal(keep("up/1/empty", "", NULL), OK);
    expect_blob("up/1/empty", "");
}

static void every_failing_call_is_told_and_cleaned_up(void **state) {
    (void)state;
    static const struct {
        const char *call;
        int number, after;
        err e;
        const char *says;
    } cases[] = {
        {"write", ENOSPC, 0, E_STORAGE_FULL, "disk is full"}, {"write", ENOSPC, 1, E_STORAGE_FULL, "disk is full"},
        {"write", EDQUOT, 0, E_STORAGE_FULL, "quota"}, {"write", EIO, 0, E_IO, "Input/output error"}, {"write", EFBIG, 0, E_IO, "write a file"},
        {"fsync", EIO, 0, E_IO, "sync a file"}, {"fsync", ENOSPC, 0, E_STORAGE_FULL, "full"}, {"fsync", EDQUOT, 0, E_STORAGE_FULL, "quota"},
        {"fsync", EIO, 1, E_IO, "folder"}, {"fsync", EIO, 2, E_IO, "folder"}, {"fsync", EIO, 3, E_IO, "folder"},
        {"mkdir", ENOSPC, 0, E_STORAGE_FULL, "full"}, {"mkdir", EDQUOT, 1, E_STORAGE_FULL, "quota"}, {"mkdir", EROFS, 0, E_IO, "read-only"},
        {"mkdir", EACCES, 0, E_IO, "may not write"}, {"rename", ENOSPC, 0, E_STORAGE_FULL, "full"}, {"rename", EROFS, 0, E_IO, "read-only"},
        {"rename", EXDEV, 0, E_IO, "move a file"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct why why = {};
        watch(cases[i].call, cases[i].number, cases[i].after);
        err e = keep(BLOB, "picture", &why);
        stop_watching();
        if (e != cases[i].e) fail_msg("case %zu, %s: %s", i, cases[i].call, err_name(e));
        if (!strstr(why.detail, cases[i].says)) fail_msg("case %zu, %s: says \"%s\"", i, cases[i].call, why.detail);
        assert_null(strstr(why.detail, fx.root)); /* callers learn no paths of the server */
        assert_int_equal(entries("drive/tmp"), 0);
        assert_false(exists("drive/blobs/" BLOB));
    }
    assert_int_equal(keep(BLOB, "picture", NULL), OK); /* and then it goes on */
    expect_blob(BLOB, "picture");
}

static void a_device_without_room_answers_storage_full(void **state) {
    (void)state;
    struct drive_file f = {};
    struct why why = {};
    assert_int_equal(drive_file_begin(fx.d, RANDOM, NULL, &f), OK);
    close(f.fd);
    f.fd = open("/dev/full", O_WRONLY);
    assert_int_equal(drive_file_write(&f, STR("x"), &why), E_STORAGE_FULL);
    assert_int_equal(why.code, E_STORAGE_FULL);
    drive_file_drop(&f);
    assert_int_equal(entries("drive/tmp"), 0);
}

static void dropping_leaves_nothing(void **state) {
    (void)state;
    struct drive_file never = {};
    drive_file_drop(&never);
    assert_int_not_equal(fcntl(0, F_GETFD), -1); /* standard input was not taken for its descriptor */
    {
        _cleanup_(drive_file_drop) struct drive_file f = {};
        assert_int_equal(drive_file_begin(fx.d, RANDOM, NULL, &f), OK);
        assert_int_equal(drive_file_write(&f, STR("x"), NULL), OK);
        struct drive_file twin = {};
        struct why why = {};
        assert_int_equal(drive_file_begin(fx.d, RANDOM, &why, &twin), E_IO); /* the same name twice */
        assert_int_equal(twin.tmp[0], 0);
        assert_int_equal(entries("drive/tmp"), 1);
    }
    assert_int_equal(entries("drive/tmp"), 0);
}

static void prune_under_rename(void) { nftw(below("drive/blobs/" GEN), remove_one, 16, FTW_DEPTH | FTW_PHYS); }

static void a_folder_pruned_meanwhile_is_made_again(void **state) {
    (void)state;
    watch(NULL, 0, 0);
    spy.before_rename = prune_under_rename;
    assert_int_equal(keep(BLOB, "picture", NULL), OK);
    stop_watching();
    expect_blob(BLOB, "picture");
    assert_true(str_ends(buf_view(&spy.calls), STR("fsync drive/blobs;")));
}

static void names_never_lead_out(void **state) {
    (void)state;
    static const char *const bad[] = {"", "/", "/x", "x/", "a//b", "..", "../x", "a/../b", ".", "a/.", ".hidden", "a b", "a\nb", "a\\b", "\xC3\xA4"};
    char sha[65];
    int64_t bytes;
    int fd = -7;
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (keep(bad[i], "x", NULL) != E_CORRUPT) fail_msg("\"%s\" was kept", bad[i]);
        assert_int_equal(drive_blob_open(fx.d, str_of(bad[i]), NULL, &fd, &bytes), E_CORRUPT);
        assert_int_equal(drive_blob_delete(fx.d, str_of(bad[i])), E_CORRUPT);
        put_file("drive/tmp/t", "x");
        assert_int_equal(drive_adopt(fx.d, below("drive/tmp/t"), str_of(bad[i]), NULL, sha, &bytes), E_CORRUPT);
        assert_false(exists("drive/tmp/t"));
    }
    char longer[200];
    memset(longer, 'a', sizeof longer);
    assert_int_equal(drive_blob_open(fx.d, str_n(longer, sizeof longer), NULL, &fd, &bytes), E_CORRUPT);
    assert_int_equal(fd, -7);
}

/* --- adopting --- */

static void adopts_what_another_process_wrote(void **state) {
    (void)state;
    const char *path = arena_printf(&fx.arena, "%s/from-helper", drive_tmp(fx.d)).ptr;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        _exit(fd >= 0 && write(fd, "rendered", 8) == 8 ? 0 : 1); /* not synced by the helper */
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    char sha[65], want[65];
    int64_t bytes = 0;
    watch(NULL, 0, 0);
    assert_int_equal(drive_adopt(fx.d, path, STR(BLOB), NULL, sha, &bytes), OK);
    stop_watching();
    assert_true(str_starts(buf_view(&spy.calls), STR("fsync drive/tmp/from-helper;mkdir ")));
    assert_true(str_ends(buf_view(&spy.calls), STR("fsync drive/blobs;")));
    sha256_hex(STR("rendered"), want);
    assert_string_equal(sha, want);
    assert_int_equal(bytes, 8);
    expect_blob(BLOB, "rendered");
    assert_int_equal(entries("drive/tmp"), 0);
}

static void adopts_large_files_whole(void **state) {
    (void)state;
    static char data[700001];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (char)(i * 131 + i / 977);
    FILE *f = fopen(below("drive/tmp/large"), "w");
    assert_int_equal(fwrite(data, 1, sizeof data, f), sizeof data);
    fclose(f);
    char sha[65], want[65];
    int64_t bytes;
    assert_int_equal(drive_adopt(fx.d, below("drive/tmp/large"), STR(BLOB), NULL, sha, &bytes), OK);
    sha256_hex(str_n(data, sizeof data), want);
    assert_string_equal(sha, want);
    assert_int_equal(bytes, sizeof data);
}

static void adopts_only_files(void **state) {
    (void)state;
    char sha[65] = "untouched";
    int64_t bytes = -7;
    struct why why = {};
    assert_int_equal(drive_adopt(fx.d, below("drive/tmp/nothing"), STR(BLOB), &why, sha, &bytes), E_IO);
    put_file("secret", "of the server");
    assert_int_equal(symlink(below("secret"), below("drive/tmp/link")), 0);
    assert_int_equal(drive_adopt(fx.d, below("drive/tmp/link"), STR(BLOB), &why, sha, &bytes), E_IO);
    assert_int_equal(mkfifo(below("drive/tmp/pipe"), 0600), 0);
    assert_int_equal(drive_adopt(fx.d, below("drive/tmp/pipe"), STR(BLOB), &why, sha, &bytes), E_IO);
    assert_int_equal(mkdir(below("drive/tmp/folder"), 0700), 0);
    assert_int_equal(drive_adopt(fx.d, below("drive/tmp/folder"), STR(BLOB), &why, sha, &bytes), E_IO);
    put_file("drive/tmp/full", "x");
    watch("fsync", ENOSPC, 0);
    assert_int_equal(drive_adopt(fx.d, below("drive/tmp/full"), STR(BLOB), &why, sha, &bytes), E_STORAGE_FULL);
    stop_watching();
    assert_false(exists("drive/tmp/full"));
    assert_false(exists("drive/blobs/" BLOB));
    assert_true(exists("secret"));
    assert_string_equal(sha, "untouched");
    assert_int_equal(bytes, -7);
}

/* --- opening --- */

static void opening_empties_tmp_and_keeps_blobs(void **state) {
    (void)state;
    assert_int_equal(keep(BLOB, "picture", NULL), OK);
    put_file("drive/tmp/left", "over");
    assert_int_equal(mkdir(below("drive/tmp/folder"), 0700), 0);
    put_file("drive/tmp/folder/deep", "x");
    put_file("outside", "stays");
    assert_int_equal(symlink(below(""), below("drive/tmp/link")), 0);
    drive_close(fx.d);
    fx.d = NULL;
    assert_int_equal(drive_open(below("drive"), NULL, &fx.d), OK);
    assert_int_equal(entries("drive/tmp"), 0);
    assert_int_equal(entries("drive/blobs"), 1);
    assert_true(exists("outside"));
    expect_blob(BLOB, "picture");
    assert_int_equal(drive_tmp(fx.d)[0], '/');
    drive_close(NULL);
}

static void a_new_folder_is_synced_with_its_parent(void **state) {
    (void)state;
    struct drive *d = NULL;
    watch(NULL, 0, 0);
    assert_int_equal(drive_open(below("second"), NULL, &d), OK);
    stop_watching();
    assert_true(str_ends(buf_view(&spy.calls), STR(";fsync second;fsync .;")));
    drive_close(d);
}

static void a_folder_that_cannot_be_used_is_told(void **state) {
    (void)state;
    struct drive *d = NULL;
    struct why why = {};
    assert_int_equal(drive_open(below("no/such/parent"), &why, &d), E_IO);
    assert_non_null(strstr(why.detail, "no/such/parent"));
    put_file("file", "x");
    assert_int_equal(drive_open(below("file"), &why, &d), E_IO);
    assert_non_null(strstr(why.detail, "Not a directory"));
    char longer[400];
    memset(longer, 0, sizeof longer);
    snprintf(longer, sizeof longer, "%s/%0200d", fx.root, 0);
    assert_int_equal(mkdir(longer, 0700), 0);
    size_t n = strlen(longer);
    longer[n] = '/';
    memset(longer + n + 1, 'x', 100);
    assert_int_equal(drive_open(longer, &why, &d), E_INVALID);
    assert_non_null(strstr(why.detail, "bytes long"));

    watch("mkdir", EROFS, 0);
    assert_int_equal(drive_open(below("drive"), &why, &d), E_IO);
    assert_non_null(strstr(why.detail, "read-only"));
    watch("rename", EXDEV, 0);
    assert_int_equal(drive_open(below("drive"), &why, &d), E_IO);
    assert_non_null(strstr(why.detail, "between tmp and blobs"));
    stop_watching();
    assert_int_equal(entries("drive/tmp"), 0);
    assert_null(d);
}

/* As a user who may not write; root may everywhere, so the test steps down. */
static void a_read_only_folder_is_told(void **state) {
    (void)state;
    assert_int_equal(chmod(fx.root, 0755), 0);
    assert_int_equal(mkdir(below("closed"), 0755), 0);
    assert_int_equal(mkdir(below("half"), 0755), 0);
    assert_int_equal(mkdir(below("half/blobs"), 0755), 0);
    assert_int_equal(mkdir(below("half/tmp"), 0755), 0);
    bool root = geteuid() == 0;
    if (!root) {
        assert_int_equal(chmod(below("closed"), 0555), 0);
        assert_int_equal(chmod(below("half/tmp"), 0555), 0);
    }
    const char *const folders[] = {below("closed"), below("half")};
    if (root) assert_int_equal(seteuid(65534), 0);
    struct why why[2] = {};
    struct drive *d = NULL;
    err e[2];
    for (int i = 0; i < 2; i++) e[i] = drive_open(folders[i], &why[i], &d);
    if (root) assert_int_equal(seteuid(0), 0);
    else chmod(below("half/tmp"), 0755), chmod(below("closed"), 0755);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(e[i], E_IO);
        assert_non_null(strstr(why[i].detail, "may not write there"));
        assert_non_null(strstr(why[i].detail, folders[i]));
    }
    assert_null(d);
}

/* --- deleting, sweeping --- */

static void deleting_prunes_empty_folders(void **state) {
    (void)state;
    int fd = -7;
    int64_t bytes;
    struct why why = {};
    assert_int_equal(keep(GEN "/1/0-a", "a", NULL), OK);
    assert_int_equal(keep(GEN "/2/0-b", "b", NULL), OK);
    assert_int_equal(drive_blob_delete(fx.d, STR(GEN "/1/0-a")), OK);
    assert_false(exists("drive/blobs/" GEN "/1"));
    expect_blob(GEN "/2/0-b", "b");
    assert_int_equal(drive_blob_open(fx.d, STR(GEN "/1/0-a"), &why, &fd, &bytes), E_NOT_FOUND);
    assert_int_equal(drive_blob_open(fx.d, STR(GEN "/2/0-b/x"), &why, &fd, &bytes), E_NOT_FOUND);
    assert_int_equal(drive_blob_open(fx.d, STR(GEN), &why, &fd, &bytes), E_CORRUPT); /* a folder is no blob */
    assert_int_equal(fd, -7);
    assert_int_equal(drive_blob_delete(fx.d, STR(GEN "/1/0-a")), OK);
    assert_int_equal(drive_blob_delete(fx.d, STR(GEN "/2/0-b")), OK);
    assert_int_equal(entries("drive/blobs"), 0);
    assert_int_equal(drive_blob_delete(fx.d, STR("never/was")), OK);
}

static void make_old(const char *name, msec at) {
    struct timespec t[2] = {{.tv_sec = at / 1000}, {.tv_sec = at / 1000}};
    assert_int_equal(utimensat(AT_FDCWD, below(name), t, AT_SYMLINK_NOFOLLOW), 0);
}

static bool owned_by_name(void *arg, struct str blob) {
    buf_str(arg, blob);
    buf_c(arg, ';');
    return str_ends(blob, STR("owned"));
}

static void the_sweep_takes_only_old_unowned_blobs(void **state) {
    (void)state;
    const msec now = 1795336200000;
    static const struct {
        const char *blob;
        bool old, stays;
    } cases[] = {
        {"g1/1/0-owned", true, true}, {"g1/1/1-orphan", true, false}, {"g1/2/0-young", false, true}, {"g2/1/0-orphan", true, false},
        {"up/1/0-owned", true, true}, {"flat", true, false}, {"g3/1/0-young-owned", false, true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(keep(cases[i].blob, "x", NULL), OK);
        make_old(arena_printf(&fx.arena, "drive/blobs/%s", cases[i].blob).ptr, cases[i].old ? now - MS_DAY - 1000 : now - MS_DAY + 1000);
    }
    assert_int_equal(mkdir(below("drive/blobs/empty"), 0700), 0);
    assert_int_equal(mkdir(below("drive/blobs/new"), 0700), 0);
    put_file("drive/tmp/old", "x");
    put_file("drive/tmp/new", "x");
    make_old("drive/tmp/old", now - 2 * (msec)MS_DAY);
    make_old("drive/tmp/new", now);
    static const char *const folders[] = {"drive/blobs/empty", "drive/blobs/g2/1", "drive/blobs/g2"};
    for (size_t i = 0; i < COUNT(folders); i++) make_old(folders[i], now - 2 * (msec)MS_DAY);
    struct buf asked = {};
    int64_t deleted = -1;
    assert_int_equal(drive_sweep(fx.d, now, MS_DAY, owned_by_name, &asked, &deleted), OK);
    assert_int_equal(deleted, 3);
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool there = exists(arena_printf(&fx.arena, "drive/blobs/%s", cases[i].blob).ptr);
        if (there != cases[i].stays) fail_msg("%s %s", cases[i].blob, there ? "stayed" : "was deleted");
        assert_true((strstr(asked.ptr, cases[i].blob) != NULL) == cases[i].old); /* nobody is asked about the young */
    }
    assert_false(exists("drive/blobs/empty") || exists("drive/blobs/g2") || exists("drive/tmp/old"));
    assert_true(exists("drive/blobs/new") && exists("drive/tmp/new"));
    assert_int_equal(drive_sweep(fx.d, now, MS_DAY, owned_by_name, &asked, &deleted), OK);
    assert_int_equal(deleted, 0);
    buf_done(&asked);
}

static bool owned_by_nobody(void *arg, struct str blob) {
    (void)arg, (void)blob;
    return false;
}

/* Writers whose deletes prune folders that others are about to use: no write fails, no kept file is missing. */
static void *write_many(void *arg) {
    unsigned me = *(unsigned *)arg;
    for (int i = 0; i < 60; i++) {
        struct drive_file f = {};
        char random[32], blob[64], sha[65];
        struct why why = {};
        snprintf(random, sizeof random, "%010u%010d", me, i);
        snprintf(blob, sizeof blob, "shared/%d/%u", i, me);
        if (drive_file_begin(fx.d, random, &why, &f) || drive_file_write(&f, STR("x"), &why) ||
            drive_file_keep(fx.d, &f, str_of(blob), &why, sha))
            return "a write failed";
        int fd;
        int64_t bytes;
        if (drive_blob_open(fx.d, str_of(blob), &why, &fd, &bytes)) return "a kept file is missing";
        close(fd);
        if (drive_blob_delete(fx.d, str_of(blob))) return "a delete failed";
    }
    return NULL;
}

static void threads_do_not_meet(void **state) {
    (void)state;
    pthread_t threads[3];
    unsigned numbers[3] = {1, 2, 3};
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, write_many, &numbers[i]), 0);
    for (int i = 0; i < 3; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_null(result);
    }
    int64_t deleted;
    assert_int_equal(drive_sweep(fx.d, INT64_MAX, 0, owned_by_nobody, NULL, &deleted), OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(entries("drive/blobs"), 0);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(paths_are_clean_or_refused), T(paths_are_bounded), T(a_kept_file_is_synced_in_order), T(every_failing_call_is_told_and_cleaned_up),
        T(a_device_without_room_answers_storage_full), T(dropping_leaves_nothing), T(a_folder_pruned_meanwhile_is_made_again),
        T(names_never_lead_out), T(adopts_what_another_process_wrote), T(adopts_large_files_whole), T(adopts_only_files),
        T(opening_empties_tmp_and_keeps_blobs), T(a_new_folder_is_synced_with_its_parent), T(a_folder_that_cannot_be_used_is_told),
        T(a_read_only_folder_is_told), T(deleting_prunes_empty_folders), T(the_sweep_takes_only_old_unowned_blobs), T(threads_do_not_meet),
    };
    return cmocka_run_group_tests_name("drive", tests, NULL, NULL);
}
