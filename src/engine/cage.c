/* See cage.h. */
#include "engine/cage.h"

#include "base/cleanup.h"
#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGV_MAX = 160, ABOVE = 200, FILTER_FD = 3, SAID_BYTES = 2000, TICK_MS = 100, WALK_DEPTH = 16, WALK_ENTRIES = 10000, DRAIN_MS = 2000 };

struct cage {
    char bwrap[256];
    int filter; /* the system calls that are refused, as bubblewrap wants them; opened anew for each run, because a descriptor has one offset */
};

/* --- the filter: what no program that makes files needs, and what kernels have been broken with --- */

static int refuse(scmp_filter_ctx c) {
    static const int calls[] = {
        SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(kcmp), SCMP_SYS(bpf), SCMP_SYS(perf_event_open),
        SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(keyctl), SCMP_SYS(add_key),
        SCMP_SYS(request_key), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(move_mount), SCMP_SYS(fsopen), SCMP_SYS(fsmount),
        SCMP_SYS(open_tree), SCMP_SYS(mount_setattr), SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(chroot), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load),
        SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(acct),
        SCMP_SYS(quotactl), SCMP_SYS(syslog), SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(adjtimex), SCMP_SYS(open_by_handle_at),
        SCMP_SYS(name_to_handle_at), SCMP_SYS(fanotify_init), SCMP_SYS(lookup_dcookie), SCMP_SYS(iopl), SCMP_SYS(ioperm), SCMP_SYS(vhangup),
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (seccomp_rule_add(c, SCMP_ACT_ERRNO(EPERM), calls[i], 0)) return -1;
    return seccomp_rule_add(c, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, 0x5412)); /* TIOCSTI: typing for others */
}

static int make_filter(void) {
    scmp_filter_ctx c = seccomp_init(SCMP_ACT_ALLOW);
    int fd = memfd_create("filter", MFD_CLOEXEC);
    bool ok = c && fd >= 0 && refuse(c) == 0 && seccomp_export_bpf(c, fd) == 0;
    if (c) seccomp_release(c);
    if (!ok && fd >= 0) close(TAKE_FD(fd));
    return fd;
}

err cage_create(const char *bwrap, struct why *why, struct cage **out) {
    if (!bwrap) bwrap = "/usr/bin/bwrap";
    if (access(bwrap, X_OK)) return why_set(why, E_SANDBOX, "%s is not there: install bubblewrap, without which programs of this machine are not run. Nothing was charged.", bwrap);
    struct cage *c = calloc(1, sizeof *c);
    must(c);
    snprintf(c->bwrap, sizeof c->bwrap, "%s", bwrap);
    c->filter = make_filter();
    if (c->filter < 0) {
        free(c);
        return why_set(why, E_SANDBOX, "The sandbox's filter of system calls could not be made. Nothing was charged.");
    }
    *out = c;
    return OK;
}

void cage_destroy(struct cage *c) {
    if (!c) return;
    close(c->filter);
    free(c);
}

/* --- the command line --- */

struct line {
    struct arena *a;
    char *argv[ARGV_MAX + 1];
    size_t n;
};

static void add(struct line *l, const char *word) {
    must(l->n < ARGV_MAX);
    l->argv[l->n++] = arena_strz(l->a, str_of(word));
}

static void add3(struct line *l, const char *option, const char *from, const char *to) {
    add(l, option);
    add(l, from);
    if (to) add(l, to);
}

/* Folders of the system at their places; where the host has a link (/lib to usr/lib), the sandbox has it too. */
static void add_root(struct line *l) {
    static const char *const folders[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt"};
    static const char *const files[] = {"/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime"};
    static const char *const devices[] = {"/dev/dri", "/dev/kfd", "/dev/nvidia0", "/dev/nvidia1", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"};
    add3(l, "--ro-bind", "/usr", "/usr");
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char target[256];
        ssize_t n = readlink(folders[i], target, sizeof target - 1);
        if (n > 0) target[n] = 0;
        add3(l, n > 0 ? "--symlink" : "--ro-bind-try", n > 0 ? target : folders[i], folders[i]);
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) add3(l, "--ro-bind-try", files[i], files[i]);
    add3(l, "--proc", "/proc", NULL);
    add3(l, "--dev", "/dev", NULL);
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        if (access(devices[i], F_OK) == 0) add3(l, "--dev-bind-try", devices[i], devices[i]);
    add3(l, "--size", "1073741824", NULL);
    add3(l, "--tmpfs", "/tmp", NULL);
}

static void add_walls(struct line *l) {
    static const char *const walls[] = {"--unshare-all", "--unshare-user", "--disable-userns", "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL", "--hostname", "sandbox",
                                        "--die-with-parent", "--new-session", "--clearenv", "--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin", "--setenv", "LANG", "C.UTF-8",
                                        "--setenv", "HOME", "/tmp", "--setenv", "TMPDIR", "/tmp"};
    for (size_t i = 0; i < sizeof walls / sizeof *walls; i++) add(l, walls[i]);
    add3(l, "--seccomp", arena_strz(l->a, arena_printf(l->a, "%d", FILTER_FD)), NULL);
}

static void add_limit(struct line *l, const char *name, long long n) { add(l, arena_strz(l->a, arena_printf(l->a, "--%s=%lld", name, n))); }

static err build(struct cage *c, const struct cage_job *j, struct line *l, struct why *why) {
    if (j->word_count + l->n > ARGV_MAX - 100) return why_set(why, E_DESCRIPTION, "The description's command has too many words. Nothing was charged.");
    char *program = arena_strz(l->a, j->words[0]);
    add(l, c->bwrap);
    add_walls(l);
    add_root(l);
    add3(l, "--ro-bind", j->in, "/job/in");
    add3(l, "--bind", j->out, "/job/out");
    if (!str_starts(j->words[0], STR("/usr/")) && !str_starts(j->words[0], STR("/opt/"))) add3(l, "--ro-bind", program, program); /* itself, nothing beside it */
    add3(l, "--chdir", "/job", "--");
    add(l, "/usr/bin/prlimit");
    add_limit(l, "core", 0);
    add_limit(l, "as", LIMIT_COMMAND_MEMORY_BYTES);
    add_limit(l, "fsize", LIMIT_UPLOAD_BYTES);
    add_limit(l, "nofile", 1024);
    add_limit(l, "nproc", LIMIT_COMMAND_PROCESSES);
    add(l, "--");
    for (size_t i = 0; i < j->word_count; i++) add(l, arena_strz(l->a, j->words[i]));
    l->argv[l->n] = NULL;
    return OK;
}

/* --- the process --- */

struct run {
    pid_t pid;
    int input, filter, text[2], said[2], timer;
    struct buf out, words;
    bool flooded;
};

static void close_run(struct run *r) {
    int *const all[] = {&r->input, &r->filter, &r->text[0], &r->text[1], &r->said[0], &r->said[1], &r->timer};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) closep(all[i]);
    buf_done(&r->out);
    buf_done(&r->words);
}

static bool open_run(struct cage *c, const struct cage_job *j, struct run *r) {
    char path[64];
    struct itimerspec t = {.it_value = {.tv_sec = j->timeout / MS_SECOND, .tv_nsec = j->timeout % MS_SECOND * 1000000 + 1}};
    snprintf(path, sizeof path, "/proc/self/fd/%d", c->filter);
    r->filter = open(path, O_RDONLY | O_CLOEXEC);
    r->input = memfd_create("input", MFD_CLOEXEC);
    r->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (r->filter < 0 || r->input < 0 || r->timer < 0 || timerfd_settime(r->timer, 0, &t, NULL)) return false;
    if (pwrite(r->input, j->input.ptr, j->input.len, 0) != (ssize_t)j->input.len) return false; /* pwrite leaves the offset where reading begins */
    return pipe2(r->text, O_CLOEXEC) == 0 && pipe2(r->said, O_CLOEXEC) == 0;
}

static int spawn(struct run *r, struct line *l) {
    const int to[] = {0, 1, 2, FILTER_FD}, from[] = {r->input, r->text[1], r->said[1], r->filter};
    char *environment[] = {NULL};
    int high[4], failed = 0;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    for (int i = 0; i < 4; i++) high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, ABOVE); /* out of the way of the numbers they shall have */
    for (int i = 0; i < 4 && !failed; i++) failed = high[i] < 0 ? errno : posix_spawn_file_actions_adddup2(&files, high[i], to[i]);
    if (!failed) failed = posix_spawn_file_actions_addclosefrom_np(&files, FILTER_FD + 1); /* what the server inherited without a flag */
    if (!failed) failed = posix_spawnattr_setsigmask(&attr, &none);
    if (!failed) failed = posix_spawnattr_setsigdefault(&attr, &all);
    if (!failed) failed = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    if (!failed) failed = posix_spawn(&r->pid, l->argv[0], &files, &attr, l->argv, environment);
    for (int i = 0; i < 4; i++) closep(&high[i]);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    close(TAKE_FD(r->text[1]));
    close(TAKE_FD(r->said[1]));
    return failed;
}

/* What can be read now; closes the pipe at its end. */
static void take(struct run *r, int *fd, bool is_text) {
    char piece[16 * 1024];
    ssize_t n = read(*fd, piece, sizeof piece);
    if (n < 0 && errno == EINTR) return;
    if (n <= 0) {
        close(TAKE_FD(*fd));
        return;
    }
    if (is_text) {
        if (r->out.len + (size_t)n <= LIMIT_COMMAND_TEXT_BYTES) buf_add(&r->out, piece, (size_t)n);
        else r->flooded = true;
        return;
    }
    buf_add(&r->words, piece, (size_t)n);
    if (r->words.len > 2 * SAID_BYTES) { /* only the end is wanted */
        memmove(r->words.ptr, r->words.ptr + r->words.len - SAID_BYTES, SAID_BYTES);
        r->words.len = SAID_BYTES;
    }
}

/* One round of waiting: text, words, time. True when the time is over. */
static bool wait_round(struct run *r, int ms) {
    struct pollfd p[3] = {{.fd = r->text[0], .events = POLLIN}, {.fd = r->said[0], .events = POLLIN}, {.fd = r->timer, .events = POLLIN}};
    if (poll(p, 3, ms) <= 0) return false;
    if (p[0].revents) take(r, &r->text[0], true);
    if (p[1].revents) take(r, &r->said[0], false);
    return p[2].revents != 0;
}

/* Bytes below a folder; negative once there are more than anybody needs. */
static int64_t bytes_below(int folder, int depth, int *entries) {
    DIR *d = fdopendir(folder);
    int64_t sum = 0;
    if (!d) return close(folder), 0;
    for (struct dirent *e; sum >= 0 && (e = readdir(d));) {
        struct stat st;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        if (++*entries > WALK_ENTRIES || depth > WALK_DEPTH) {
            sum = -1;
        } else if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            sum += (int64_t)st.st_blocks * 512;
            int below = S_ISDIR(st.st_mode) ? openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
            int64_t more = below >= 0 ? bytes_below(below, depth + 1, entries) : 0;
            sum = more < 0 ? -1 : sum + more;
        }
    }
    closedir(d);
    return sum;
}

static bool overflows(const char *out) {
    int entries = 0, fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int64_t sum = fd < 0 ? 0 : bytes_below(fd, 0, &entries);
    return sum < 0 || sum > LIMIT_COMMAND_OUT_BYTES;
}

static bool is_over(struct run *r, int *status) {
    pid_t p = waitpid(r->pid, status, WNOHANG);
    if (p == 0 || (p < 0 && errno == EINTR)) return false;
    r->pid = 0;
    return true;
}

static enum cage_end watch(struct run *r, const struct cage_job *j, int *status) {
    for (int round = 0;; round++) {
        if (wait_round(r, TICK_MS)) return CAGE_LATE;
        if (is_over(r, status)) return r->flooded ? CAGE_FLOODED : CAGE_ENDED;
        if (r->flooded || (round % 10 == 9 && overflows(j->out))) return CAGE_FLOODED;
        if (j->stopped && j->stopped(j->arg)) return CAGE_STOPPED;
    }
}

/* Kills bubblewrap, and with it its namespace. Both pipes ending says that nobody is left who could still write. */
static void put_down(struct run *r, int *status) {
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        while (waitpid(r->pid, status, 0) < 0 && errno == EINTR) {
        }
        r->pid = 0;
    }
    for (int i = 0; i < DRAIN_MS / TICK_MS && (r->text[0] >= 0 || r->said[0] >= 0);) {
        struct pollfd p[2] = {{.fd = r->text[0], .events = POLLIN}, {.fd = r->said[0], .events = POLLIN}};
        int n = poll(p, 2, TICK_MS);
        if (n > 0 && p[0].revents) take(r, &r->text[0], true);
        if (n > 0 && p[1].revents) take(r, &r->said[0], false);
        i += n == 0;
    }
}

/* The last line that is one, as part of a sentence. */
static struct str last_line(const struct buf *words, struct arena *a) {
    struct buf line = {};
    for (size_t i = 0; i < words->len; i++) {
        unsigned char c = (unsigned char)words->ptr[i];
        bool more = i + 1 < words->len;
        if (c == '\n' && more && words->ptr[i + 1] != '\n') buf_clear(&line);
        else if (c >= ' ' && c < 0x7f && line.len < 200) buf_c(&line, (char)c);
    }
    struct str out = arena_dup(a, buf_view(&line));
    buf_done(&line);
    return out;
}

err cage_run(struct cage *c, const struct cage_job *j, struct arena *a, struct why *why, struct cage_result *out) {
    _cleanup_(close_run) struct run r = {.input = -1, .filter = -1, .text = {-1, -1}, .said = {-1, -1}, .timer = -1};
    struct line l = {.a = a};
    int status = 0;
    TRY(build(c, j, &l, why));
    if (!open_run(c, j, &r)) return why_set(why, E_SANDBOX, "The sandbox could not be made: %s. Nothing was charged.", strerror(errno));
    int failed = spawn(&r, &l);
    if (failed) return why_set(why, E_SANDBOX, "%s did not start: %s. Nothing was charged.", c->bwrap, strerror(failed));
    out->end = watch(&r, j, &status);
    put_down(&r, &status);
    if (out->end == CAGE_ENDED && r.flooded) out->end = CAGE_FLOODED;
    out->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    out->text = arena_dup(a, buf_view(&r.out));
    out->said = last_line(&r.words, a);
    if (out->end == CAGE_ENDED && out->status && str_starts(out->said, STR("bwrap: ")))
        return why_set(why, E_SANDBOX, "The sandbox did not come up: %.*s. Nothing was charged.", STR_ARG(out->said));
    return OK;
}
