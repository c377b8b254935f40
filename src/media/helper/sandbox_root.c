/* See sandbox_root.h. Called by sandbox.c. */
#include "media/helper/sandbox_root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a tool may see: programs, libraries, fonts, sounds and voices of the system. */
static const char *const shown[] = {"/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/dev/null", "/dev/urandom"};
enum { SHOWN = sizeof shown / sizeof *shown };

static bool read_only(const char *path) {
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID};
    return syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attr, sizeof attr) == 0;
}

/* `from` at the same place in the new root, which is the working folder. */
static bool show(const char *from, const char *as) {
    char target[256];
    struct stat st;
    if (lstat(from, &st)) return errno == ENOENT;
    if (S_ISLNK(st.st_mode)) {
        ssize_t n = readlink(from, target, sizeof target - 1);
        if (n <= 0) return false;
        target[n] = 0;
        return symlink(target, as) == 0;
    }
    if (S_ISDIR(st.st_mode) ? mkdir(as, 0755) : mknod(as, S_IFREG | 0444, 0)) return false;
    if (mount(from, as, NULL, MS_BIND | MS_REC, NULL)) return false;
    return S_ISCHR(st.st_mode) || read_only(as);
}

/* A tmpfs with the few things becomes / and the old tree is let go. */
bool root_replace(void) {
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) return false;
    if (mount("none", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k,mode=0755")) return false;
    if (chdir("/tmp") || mkdir("etc", 0755) || mkdir("dev", 0755) || mkdir("dev/fd", 0755) || mkdir("proc", 0755)) return false;
    for (int i = 0; i < SHOWN; i++)
        if (!show(shown[i], shown[i] + 1)) return false;
    if (mount("/proc", "proc", NULL, MS_BIND | MS_REC, NULL)) return false; /* for root_show_descriptors only; children cannot open it */
    if (syscall(SYS_pivot_root, ".", ".")) return false;
    if (umount2(".", MNT_DETACH) || chdir("/")) return false;
    mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    return true;
}

void root_show_descriptors(void) {
    struct stat fd;
    if (lstat("/dev/fd", &fd) || !S_ISDIR(fd.st_mode)) return; /* not the root that we made: /dev/fd is there already */
    if (unshare(CLONE_NEWNS)) return;
    if (mount("/proc/self/fd", "/dev/fd", NULL, MS_BIND, NULL)) return;
    if (umount2("/proc", MNT_DETACH)) mount("/dev/fd", "/proc", NULL, MS_BIND, NULL);
}

enum { ALL = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1, READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR };

static int ruleset(void) {
    struct landlock_ruleset_attr attr = {.handled_access_fs = ALL};
    return (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
}

static void allow(int rules, int fd, uint64_t access) {
    struct stat st;
    struct landlock_path_beneath_attr attr = {.parent_fd = fd, .allowed_access = access};
    if (fstat(fd, &st)) return;
    if (!S_ISDIR(st.st_mode)) attr.allowed_access &= ~(uint64_t)LANDLOCK_ACCESS_FS_READ_DIR;
    syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &attr, 0);
}

static void allow_path(int rules, const char *path, uint64_t access) {
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return;
    allow(rules, fd, access);
    close(fd);
}

static void enforce(int rules) {
    if (syscall(SYS_landlock_restrict_self, rules, 0)) { /* seccomp still stands */
    }
    close(rules);
}

bool root_can_forbid(void) { return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1; }

void root_forbid(void) {
    int rules = ruleset();
    if (rules >= 0) enforce(rules); /* else an old kernel, or Landlock is off */
}

void root_allow_tool(const char *program, const int *files, int file_count) {
    int rules = ruleset();
    if (rules < 0) return;
    for (int i = 0; i < SHOWN; i++) allow_path(rules, shown[i], READ);
    allow_path(rules, "/dev/null", READ | LANDLOCK_ACCESS_FS_WRITE_FILE);
    /* To be run: the tool, and the loader, which lives among the libraries. */
    allow_path(rules, program, READ | LANDLOCK_ACCESS_FS_EXECUTE);
    static const char *const libraries[] = {"/usr/lib", "/usr/lib64", "/lib", "/lib64"};
    for (int i = 0; i < 4; i++) allow_path(rules, libraries[i], READ | LANDLOCK_ACCESS_FS_EXECUTE);
    for (int i = 0; i < file_count; i++) allow(rules, files[i], LANDLOCK_ACCESS_FS_READ_FILE);
    enforce(rules);
}
