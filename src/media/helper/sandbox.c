/* See sandbox.h. Called by main.c only. */
#include "media/helper/sandbox.h"
#include "media/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

struct sandbox {
    struct sock_fprog program;
};

/* Calls on memory, and the exits. What takes a descriptor or protection bits is narrowed below. */
static const int allowed[] = {
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(clock_gettime), SCMP_SYS(sched_yield), SCMP_SYS(restart_syscall),
#if SANITIZED
    SCMP_SYS(sigaltstack), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(sched_getaffinity), SCMP_SYS(getrusage), SCMP_SYS(rt_sigaction),
#endif
};

static int add_rules(scmp_filter_ctx c) {
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (seccomp_rule_add(c, SCMP_ACT_ALLOW, allowed[i], 0)) return -1;
    /* Memory without a file behind it, never executable. */
    if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS),
                         SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0))) return -1;
    if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0))) return -1;
    if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(read), 1, SCMP_A0(SCMP_CMP_EQ, WIRE_JOB_FD))) return -1;
    return seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_LE, WIRE_OUT_FD));
}

struct sandbox *sandbox_compile(void) {
    scmp_filter_ctx c = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int fd = memfd_create("filter", MFD_CLOEXEC);
    struct sandbox *s = NULL;
    if (c && fd >= 0 && add_rules(c) == 0 && seccomp_export_bpf(c, fd) == 0) {
        off_t size = lseek(fd, 0, SEEK_END);
        struct sock_filter *code = malloc((size_t)size);
        s = malloc(sizeof *s);
        if (code && s && pread(fd, code, (size_t)size, 0) == size) {
            *s = (struct sandbox){{.len = (unsigned short)((size_t)size / sizeof *code), .filter = code}};
        } else {
            free(code);
            free(s);
            s = NULL;
        }
    }
    if (fd >= 0) close(fd);
    if (c) seccomp_release(c);
    return s;
}

static void write_file(const char *path, const char *text, size_t n) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (write(fd, text, n) < 0) { /* an outer user namespace may forbid it; nothing here depends on the mapping */
    }
    close(fd);
}

/* An empty root: a new tmpfs becomes / and the old tree is let go. */
static void empty_root(void) {
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) return;
    if (mount("none", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=0500")) return;
    if (chdir("/tmp")) return;
    if (syscall(SYS_pivot_root, ".", ".")) return;
    if (umount2(".", MNT_DETACH) || chdir("/")) return;
}

static void forbid_files(void) {
    struct landlock_ruleset_attr attr = {.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
    int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (fd < 0) return; /* an old kernel, or Landlock is off */
    if (syscall(SYS_landlock_restrict_self, fd, 0)) { /* seccomp still stands */
    }
    close(fd);
}

void sandbox_enclose(void) {
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) == 0) {
        write_file("/proc/self/setgroups", "deny", 4);
        write_file("/proc/self/uid_map", map, (size_t)snprintf(map, sizeof map, "0 %u 1", (unsigned)uid));
        write_file("/proc/self/gid_map", map, (size_t)snprintf(map, sizeof map, "0 %u 1", (unsigned)gid));
        empty_root();
    }
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* not before: /proc/self/uid_map would belong to root */
    forbid_files();
}

static bool limit(int what, rlim_t n) {
    struct rlimit r = {n, n};
    return setrlimit((__rlimit_resource_t)what, &r) == 0;
}

bool sandbox_enter(const struct sandbox *s, int job, int out, int null, uint32_t timeout_ms) {
    struct itimerval alarm = {.it_value = {.tv_sec = timeout_ms / 1000 + 1, .tv_usec = (timeout_ms % 1000) * 1000}};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 0; i < 3; i++)
        if (dup2(null, i) < 0) return false;
    if (dup2(job, WIRE_JOB_FD) < 0 || dup2(out, WIRE_OUT_FD) < 0 || close_range(WIRE_OUT_FD + 1, ~0U, 0)) return false;
    /* The server kills a late child; these are for the case that it cannot. */
    if (setitimer(ITIMER_REAL, &alarm, NULL) || !limit(RLIMIT_CPU, timeout_ms / 1000 + 2)) return false;
    if (!SANITIZED && !limit(RLIMIT_AS, 1024UL * 1024 * 1024)) return false; /* the sanitizers map terabytes */
    if (!limit(RLIMIT_FSIZE, WIRE_FILE_MAX) || !limit(RLIMIT_NOFILE, WIRE_OUT_FD + 1) || !limit(RLIMIT_CORE, 0)) return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return false;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &s->program, 0, 0) == 0;
}
