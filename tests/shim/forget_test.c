/* The disk that forgets, tested itself: what was synced is always there, what was not may be lost, and sometimes is. Each case
 * plays the same writes and cuts the power with many seeds; `always` and `sometimes` are both asked for, so a shim that loses
 * nothing fails as surely as one that loses too much. The shim is linked in: fsync here, and in SQLite, is its fsync. */
#include "forget.h"
#include "image.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

enum { SEEDS = 48, PAGE = 4096 };

static char root[128]; /* a temporary folder; the watched one is root/d */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) { return remove(path); }
static void remove_tree(const char *path) { (void)nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS); }

static int set_up(void **state) {
    const char *tmp = getenv("TMPDIR"); /* memory is fastest, and its forgetting is all ours */
    if (!tmp || strlen(tmp) > 80) tmp = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
    snprintf(root, sizeof root, "%s/forget_test.XXXXXX", tmp);
    return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state) {
    forget_folder[0] = 0;
    remove_tree(root);
    return 0;
}

/* --- a folder, written to and cut --- */

static void fresh(void) {
    forget_folder[0] = 0;
    snprintf(forget_folder, sizeof forget_folder, "%s/d", root);
    remove_tree(forget_folder);
    assert_int_equal(mkdir(forget_folder, 0700), 0);
    assert_true(image_begin(forget_folder));
}

static const char *in(const char *name) {
    static char path[4][256];
    static int turn;
    char *out = path[turn++ % 4];
    snprintf(out, 256, "%s/d/%s", root, name);
    return out;
}

static void put(const char *name, const char *text, bool sync) {
    int fd = open(in(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    if (sync) assert_int_equal(fsync(fd), 0);
    close(fd);
}

static void sync_folder(const char *name) {
    int fd = open(in(name), O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    assert_int_equal(fsync(fd), 0);
    close(fd);
}

static const char *NONE = "(none)";

/* The content, or NONE. */
static const char *got(const char *name) {
    static char text[3 * PAGE];
    int fd = open(in(name), O_RDONLY);
    if (fd < 0) return NONE;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    return text;
}

/* Plays `writes` and cuts, for each seed; `name` must then be one of the words of `allowed` (ending with NULL), and over the
 * seeds each of them must come up. */
static void outcomes(void (*writes)(void), const char *name, const char *const *allowed) {
    int count[8] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        fresh();
        writes();
        assert_true(image_cut(forget_folder, seed));
        const char *is = got(name);
        int i = 0;
        while (allowed[i] && strcmp(allowed[i], is)) i++;
        if (!allowed[i]) fail_msg("seed %d: %s holds \"%s\"", (int)seed, name, is);
        count[i]++;
    }
    for (int i = 0; allowed[i]; i++)
        if (!count[i]) fail_msg("%s never holds \"%s\" in %d seeds", name, allowed[i], SEEDS);
}
#define OUTCOMES(writes, name, ...) outcomes(writes, name, (const char *const[]){__VA_ARGS__, NULL})

/* --- cases --- */

static void nothing_synced(void) { put("a", "one", false); }
static void name_synced(void) {
    put("a", "one", false);
    sync_folder("");
}
static void content_synced(void) { put("a", "one", true); }
static void both_synced(void) {
    put("a", "one", true);
    sync_folder("");
}
static void written_over(void) {
    both_synced();
    put("a", "two", false);
}
static void written_over_synced(void) {
    both_synced();
    put("a", "two", true);
}

static void content(void **state) {
    OUTCOMES(nothing_synced, "a", NONE, "", "one");
    OUTCOMES(name_synced, "a", "", "one");
    OUTCOMES(content_synced, "a", NONE, "one");
    OUTCOMES(both_synced, "a", "one");
    OUTCOMES(written_over, "a", "one", "two");
    OUTCOMES(written_over_synced, "a", "two");
}

static void moved(void) {
    both_synced();
    assert_int_equal(rename(in("a"), in("b")), 0);
}
static void moved_synced(void) {
    moved();
    sync_folder("");
}
static void moved_over(void) {
    put("b", "old", true);
    both_synced();
    assert_int_equal(rename(in("a"), in("b")), 0);
}
static void moved_over_synced(void) {
    moved_over();
    sync_folder("");
}
static void moved_unsynced_content(void) {
    name_synced();
    assert_int_equal(rename(in("a"), in("b")), 0);
    sync_folder("");
}

static void renames(void **state) {
    OUTCOMES(moved, "a", "one", NONE);
    OUTCOMES(moved, "b", "one", NONE);
    OUTCOMES(moved_synced, "a", NONE);
    OUTCOMES(moved_synced, "b", "one");
    OUTCOMES(moved_over, "b", "old", "one");
    OUTCOMES(moved_over_synced, "b", "one");
    OUTCOMES(moved_unsynced_content, "b", "one", "");
    for (uint64_t seed = 1; seed <= SEEDS; seed++) { /* a move is one step: never both, never neither */
        fresh();
        moved();
        assert_true(image_cut(forget_folder, seed));
        assert_int_equal(strcmp(got("a"), NONE) != 0, strcmp(got("b"), NONE) == 0);
    }
}

static void two_moves(void) {
    put("a", "one", true);
    put("b", "two", true);
    sync_folder("");
    assert_int_equal(rename(in("a"), in("c")), 0);
    assert_int_equal(rename(in("b"), in("d")), 0);
}

/* The second without the first comes up too: a disk keeps no order. */
static void order(void **state) {
    int second_only = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        fresh();
        two_moves();
        assert_true(image_cut(forget_folder, seed));
        second_only += !strcmp(got("c"), NONE) && !strcmp(got("d"), "two");
    }
    assert_true(second_only > 0);
}

static void unlinked(void) {
    both_synced();
    assert_int_equal(unlink(in("a")), 0);
}
static void unlinked_synced(void) {
    unlinked();
    sync_folder("");
}
/* The number of the file that went is used again; what it held must not show in the new one. */
static void number_again(void) {
    unlinked_synced();
    put("b", "new", false);
    sync_folder("");
}

static void unlinks(void **state) {
    OUTCOMES(unlinked, "a", "one", NONE);
    OUTCOMES(unlinked_synced, "a", NONE);
    OUTCOMES(number_again, "b", "", "new");
}

static void deep(void) {
    assert_int_equal(mkdir(in("x"), 0700), 0);
    assert_int_equal(mkdir(in("x/y"), 0700), 0);
    put("x/y/a", "one", true);
}
static void deep_inner_synced(void) {
    deep();
    sync_folder("x/y");
}
static void deep_outer_missing(void) {
    deep_inner_synced();
    sync_folder("x");
}
static void deep_synced(void) {
    deep_outer_missing();
    sync_folder("");
}

static void folders(void **state) {
    OUTCOMES(deep, "x/y/a", NONE, "one");
    OUTCOMES(deep_inner_synced, "x/y/a", NONE, "one");
    OUTCOMES(deep_outer_missing, "x/y/a", NONE, "one");
    OUTCOMES(deep_synced, "x/y/a", "one");
}

/* Pages that were not synced may be there or not, one by one. */
static void pages(void **state) {
    static char text[2 * PAGE];
    int seen[2][2] = {{0}};
    for (uint64_t seed = 1; seed <= 4 * SEEDS; seed++) {
        fresh();
        memset(text, 'o', sizeof text);
        int fd = open(in("a"), O_RDWR | O_CREAT, 0600);
        assert_int_equal(pwrite(fd, text, sizeof text, 0), sizeof text);
        assert_int_equal(fdatasync(fd), 0);
        sync_folder("");
        memset(text, 'n', sizeof text);
        assert_int_equal(pwrite(fd, text, sizeof text, 0), sizeof text);
        close(fd);
        assert_true(image_cut(forget_folder, seed));
        const char *is = got("a");
        assert_int_equal(strlen(is), sizeof text);
        for (int i = 1; i < PAGE; i++) assert_true(is[i] == is[0] && is[PAGE + i] == is[PAGE]);
        seen[is[0] == 'n'][is[PAGE] == 'n']++;
    }
    for (int i = 0; i < 4; i++) assert_true(seen[i / 2][i % 2] > 0);
}

/* Two cuts with one seed are one cut. */
static void repeatable(void **state) {
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        char first[2][8];
        for (int i = 0; i < 2; i++) {
            fresh();
            two_moves();
            put("e", "five", false);
            assert_true(image_cut(forget_folder, seed));
            snprintf(first[i], sizeof first[i], "%d%d%d", !strcmp(got("c"), NONE), !strcmp(got("d"), NONE), (int)got("e")[0]);
        }
        assert_string_equal(first[0], first[1]);
    }
}

static void outside(void **state) {
    fresh();
    char path[256];
    snprintf(path, sizeof path, "%s/d2", root); /* begins like the folder, and is not in it */
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(fsync(fd), 0);
    close(fd);
    assert_true(image_covers("/a/b", "/a/b") && image_covers("/a/b", "/a/b/c"));
    assert_false(image_covers("/a/b", "/a/bc") || image_covers("/a/b", "/a") || image_covers("", "/a"));
}

static void kills_itself(void **state) {
    fresh();
    for (int at = 0; at < 3; at++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (!pid) {
            forget_kill_at = at;
            (void)mkdir(in("k"), 0700);
            (void)rename(in("k"), in("l"));
            (void)unlinkat(AT_FDCWD, in("none"), 0);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(access(in("k"), F_OK) == 0, at == 1);
        assert_int_equal(access(in("l"), F_OK) == 0, at == 2);
    }
}

/* --- SQLite --- */

static int run_sql(sqlite3 *db, const char *sql) { return sqlite3_exec(db, sql, NULL, NULL, NULL); }

/* Rows committed before the process ended, whose power then failed; -1: the database is broken. */
static int sqlite_round(uint64_t seed, const char *synchronous) {
    enum { ROWS = 12 };
    fresh();
    pid_t pid = fork();
    if (!pid) { /* dies with the database open, as a server does */
        sqlite3 *db;
        char sql[128];
        snprintf(sql, sizeof sql, "pragma journal_mode = wal; pragma synchronous = %s; pragma wal_autocheckpoint = 6", synchronous);
        if (sqlite3_open(in("db"), &db) || run_sql(db, sql) || run_sql(db, "create table t (n integer primary key, x text)")) _exit(1);
        for (int i = 0; i < ROWS; i++)
            if (run_sql(db, "insert into t (x) values (hex(zeroblob(1500)))")) _exit(1);
        _exit(0);
    }
    int status, rows = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(image_cut(forget_folder, seed));
    sqlite3 *db;
    sqlite3_stmt *st = NULL;
    assert_int_equal(sqlite3_open(in("db"), &db), SQLITE_OK);
    if (!sqlite3_prepare_v2(db, "pragma quick_check(1)", -1, &st, NULL) && sqlite3_step(st) == SQLITE_ROW &&
        !strcmp((const char *)sqlite3_column_text(st, 0), "ok")) {
        sqlite3_finalize(st);
        rows = 0;
        if (!sqlite3_prepare_v2(db, "select count(*) from t", -1, &st, NULL) && sqlite3_step(st) == SQLITE_ROW) rows = sqlite3_column_int(st, 0);
    }
    sqlite3_finalize(st);
    sqlite3_close(db);
    return rows;
}

static void sqlite(void **state) {
    int lost = 0;
    for (uint64_t seed = 1; seed <= SEEDS / 2; seed++) {
        assert_int_equal(sqlite_round(seed, "full"), 12);
        lost += sqlite_round(seed, "off") != 12;
    }
    assert_true(lost > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content), cmocka_unit_test(renames),    cmocka_unit_test(order),   cmocka_unit_test(unlinks),      cmocka_unit_test(folders),
        cmocka_unit_test(pages),   cmocka_unit_test(repeatable), cmocka_unit_test(outside), cmocka_unit_test(kills_itself), cmocka_unit_test(sqlite),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
