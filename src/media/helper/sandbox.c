/* See sandbox.h. Called by main.c, job.c and tool.c. */
#include "media/helper/sandbox.h"
#include "media/helper/sandbox_root.h"
#include "media/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
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
    struct sock_fprog job, tool;
    char *program; /* see sandbox_program */
    struct sandbox_facts facts;
};

/* Calls on memory and on descriptors that are there, and the exits. None of them makes a new descriptor. */
static const int job_calls[] = {
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(clock_gettime), SCMP_SYS(sched_yield), SCMP_SYS(restart_syscall),
    SCMP_SYS(pread64), SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(wait4),
    SCMP_SYS(sysinfo), /* qsort asks once how much memory there is: on a machine with few fonts nobody has sorted before the fork */
#if SANITIZED
    SCMP_SYS(sigaltstack), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(sched_getaffinity), SCMP_SYS(getrusage), SCMP_SYS(rt_sigaction),
#endif
};

static int job_rules(scmp_filter_ctx c, const struct sandbox *s) {
    (void)s;
    for (size_t i = 0; i < sizeof job_calls / sizeof *job_calls; i++)
        if (seccomp_rule_add(c, SCMP_ACT_ALLOW, job_calls[i], 0)) return -1;
    /* Memory without a file behind it, never executable. */
    if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS),
                         SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0))) return -1;
    if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0))) return -1;
    if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(read), 1, SCMP_A0(SCMP_CMP_LT, WIRE_FD_END))) return -1;
    return seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_LT, WIRE_FD_END));
}

/* What a program with threads needs; whatever else it tries fails as if it were not allowed to, so that it can go on without. */
static const int tool_calls[] = {
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect),
    SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(get_robust_list), SCMP_SYS(set_tid_address), SCMP_SYS(rseq),
    SCMP_SYS(arch_prctl), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(sigaltstack),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday),
    SCMP_SYS(time), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler),
    SCMP_SYS(sched_get_priority_max), SCMP_SYS(sched_get_priority_min), SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(gettid),
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getrandom), SCMP_SYS(getrusage), SCMP_SYS(sysinfo),
    SCMP_SYS(uname), SCMP_SYS(getrlimit), SCMP_SYS(restart_syscall), SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev),
    SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(stat), SCMP_SYS(lstat),
    SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(access), SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(getdents64), SCMP_SYS(poll),
    SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(eventfd2), SCMP_SYS(dup),
    SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(fcntl), SCMP_SYS(fadvise64),
};

static int tool_rules(scmp_filter_ctx c, const struct sandbox *s) {
    enum { OPEN_TO_WRITE = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND };
    static const unsigned terminal_calls[] = {0x5401, 0x541b, 0x5421}; /* TCGETS, FIONREAD, FIONBIO */
    for (size_t i = 0; i < sizeof tool_calls / sizeof *tool_calls; i++)
        if (seccomp_rule_add(c, SCMP_ACT_ALLOW, tool_calls[i], 0)) return -1;
    for (int i = 0; i < 3; i++)
        if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, terminal_calls[i]))) return -1;
    /* Files are opened for reading only: this holds where neither namespaces nor Landlock do. */
    if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, OPEN_TO_WRITE, O_RDONLY))) return -1;
    if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(open), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, OPEN_TO_WRITE, O_RDONLY))) return -1;
    /* It becomes the tool: from one place in memory, which the tool itself does not have any more. */
    if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(execve), 1, SCMP_A0(SCMP_CMP_EQ, (uintptr_t)s->program))) return -1;
    /* Threads, not processes. The flags of clone3 lie in memory, where no filter sees them: the C library then takes clone. */
    if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM))) return -1;
    if (seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0)) return -1;
    if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME))) return -1;
    return seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0)); /* asks, sets nothing */
}

static bool compile(const struct sandbox *s, uint32_t otherwise, int (*rules)(scmp_filter_ctx c, const struct sandbox *s), struct sock_fprog *out) {
    scmp_filter_ctx c = seccomp_init(otherwise);
    int fd = memfd_create("filter", MFD_CLOEXEC);
    bool ok = false;
    if (c && fd >= 0 && rules(c, s) == 0 && seccomp_export_bpf(c, fd) == 0) {
        off_t size = lseek(fd, 0, SEEK_END);
        struct sock_filter *code = malloc((size_t)size);
        ok = code && pread(fd, code, (size_t)size, 0) == size;
        if (ok) *out = (struct sock_fprog){.len = (unsigned short)((size_t)size / sizeof *code), .filter = code};
        else free(code);
    }
    if (fd >= 0) close(fd);
    if (c) seccomp_release(c);
    return ok;
}

struct sandbox *sandbox_compile(void) {
    struct sandbox *s = calloc(1, sizeof *s);
    if (s) s->program = mmap(NULL, SANDBOX_PROGRAM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s && s->program != MAP_FAILED && compile(s, SCMP_ACT_KILL_PROCESS, job_rules, &s->job) && compile(s, SCMP_ACT_ERRNO(EPERM), tool_rules, &s->tool)) return s;
    free(s);
    return NULL;
}

static void write_file(const char *path, const char *text, size_t n) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (write(fd, text, n) < 0) { /* an outer user namespace may forbid it; nothing here depends on the mapping */
    }
    close(fd);
}

struct sandbox_facts sandbox_facts(const struct sandbox *s) { return s->facts; }

void sandbox_enclose(struct sandbox *s) {
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) == 0) {
        write_file("/proc/self/setgroups", "deny", 4);
        write_file("/proc/self/uid_map", map, (size_t)snprintf(map, sizeof map, "0 %u 1", (unsigned)uid));
        write_file("/proc/self/gid_map", map, (size_t)snprintf(map, sizeof map, "0 %u 1", (unsigned)gid));
        s->facts.namespaces = true;
        s->facts.own_root = root_replace();
    }
    s->facts.landlock = root_can_forbid();
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* not before: /proc/self/uid_map would belong to root */
}

static bool limit(int what, rlim_t n) {
    struct rlimit r = {n, n};
    return setrlimit((__rlimit_resource_t)what, &r) == 0;
}

bool sandbox_place(int job, int out, int null, const int *files, int file_count) {
    enum { ABOVE = 100 }; /* first out of the way, then into place: no number may be taken before it was read */
    int from[5 + WIRE_FILES_MAX] = {null, null, null, job, out};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 0; i < file_count; i++) from[5 + i] = files[i];
    for (int i = 0; i < 5 + file_count; i++)
        if ((from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, ABOVE)) < 0) return false;
    for (int i = 0; i < 5 + file_count; i++)
        if (dup2(from[i], i) < 0) return false;
    return close_range((unsigned)(5 + file_count), ~0U, 0) == 0;
}

bool sandbox_seal(const struct sandbox *s, uint32_t timeout_ms) {
    struct itimerval alarm = {.it_value = {.tv_sec = timeout_ms / 1000 + 1, .tv_usec = (timeout_ms % 1000) * 1000}};
    /* The server kills a late child; these are for the case that it cannot. */
    if (setitimer(ITIMER_REAL, &alarm, NULL) || !limit(RLIMIT_CPU, timeout_ms / 1000 + 2)) return false;
    if (!SANITIZED && !limit(RLIMIT_AS, 1024UL * 1024 * 1024)) return false; /* the sanitizers map terabytes */
    if (!limit(RLIMIT_FSIZE, WIRE_FILE_MAX) || !limit(RLIMIT_NOFILE, WIRE_FD_END) || !limit(RLIMIT_CORE, 0)) return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return false;
    root_forbid();
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &s->job, 0, 0) == 0;
}

/* Root in a namespace of its own, or root indeed: a tool needs nothing of it. */
static void drop_powers(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}, {0}};
    prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0);
    syscall(SYS_capset, &header, none);
}

char *sandbox_program(const struct sandbox *s) { return s->program; }

bool sandbox_tool(const struct sandbox *s, const int *files, int file_count, uint32_t timeout_ms) {
    enum { THREADS = 4 };
    root_show_descriptors();
    if (!limit(RLIMIT_CPU, (timeout_ms / 1000 + 2) * THREADS) || !limit(RLIMIT_FSIZE, WIRE_FILE_MAX) || !limit(RLIMIT_CORE, 0)) return false;
    if (!limit(RLIMIT_NOFILE, WIRE_FD_END) || !limit(RLIMIT_AS, 3072UL * 1024 * 1024)) return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return false;
    root_allow_tool(s->program, files, file_count);
    drop_powers();
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &s->tool, 0, 0) == 0;
}
