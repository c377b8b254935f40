/* See job_test.h. Never part of the program that is shipped. Each job tries one thing that must not work; where it does work, the
 * answer is OK and the test fails. */
#ifndef PURAS_MEDIA_TEST
#define PURAS_MEDIA_TEST
#endif
#include "media/helper/job_test.h"
#include "media/helper/tool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void job_open(struct wire_answer *a) { a->bytes = open("/etc/passwd", O_RDONLY); }
static void job_create(struct wire_answer *a) { a->bytes = open("/tmp/puras-escaped", O_WRONLY | O_CREAT, 0600); }
static void job_socket(struct wire_answer *a) { a->bytes = socket(AF_INET, SOCK_STREAM, 0); }
static void job_exec(struct wire_answer *a) { a->bytes = execl("/bin/true", "true", (char *)NULL); }
static void job_fork(struct wire_answer *a) { a->bytes = fork(); }
static void job_kill(struct wire_answer *a) { a->bytes = syscall(SYS_kill, 1, 0); }
static void job_code(struct wire_answer *a) { a->bytes = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED; }
static void job_ptrace(struct wire_answer *a) { a->bytes = syscall(SYS_ptrace, 0, 0, 0, 0); }
static void job_crash(struct wire_answer *a) {
    (void)a;
    abort();
}
static void job_hang(struct wire_answer *a) {
    for (volatile uint64_t i = 0;; i++) (void)a;
}
static void job_flood(struct wire_answer *a) {
    static const char block[65536];
    for (int i = 0; i < 65536; i++)
        if (write(WIRE_OUT_FD, block, sizeof block) <= 0) break;
    a->bytes = 1;
}
/* Holds memory in pages until none is given any more. */
static void job_memory(struct wire_answer *a) {
    for (int i = 0; i < 4096; i++) {
        char *p = malloc(1 << 20);
        if (!p) {
            a->code = WIRE_FAILED;
            snprintf(a->detail, sizeof a->detail, "memory ended after %d MB", i);
            return;
        }
        explicit_bzero(p, 1 << 20); /* writes that no compiler leaves out; clang leaves out malloc and memset of what nobody reads */
    }
}
/* A descriptor that is open takes an empty write; the filter lets 0 to 4 through, the limit forbids any beyond. */
static void job_descriptors(struct wire_answer *a) {
    for (int fd = 0; fd <= WIRE_OUT_FD; fd++)
        if (write(fd, "", 0) == 0) a->duration_ms |= 1 << fd;
    snprintf(a->detail, sizeof a->detail, "open: %lld", (long long)a->duration_ms);
    a->code = WIRE_FAILED;
}
static void job_lie_bytes(struct wire_answer *a) {
    memcpy(a->type, "image/png", 10);
    memcpy(a->ext, "png", 4);
    a->width = a->height = 64;
    a->bytes = 1234567;
}
static void job_lie_type(struct wire_answer *a) {
    static const char html[] = "<!doctype html><script>alert(1)</script>";
    if (write(WIRE_OUT_FD, html, sizeof html - 1) < 0) return;
    job_lie_bytes(a);
    a->bytes = sizeof html - 1;
}
static void job_lie_code(struct wire_answer *a) { a->code = 0x7fffffff; }
static void job_lie_text(struct wire_answer *a) {
    memset(a->detail, 'x', sizeof a->detail);
    memset(a->scene, '{', sizeof a->scene);
    memset(a->type, 'y', sizeof a->type);
    a->code = WIRE_INVALID;
}

static void job_lie_stages(struct wire_answer *a) {
    struct wire_progress p = {.magic = WIRE_PROGRESS, .percent = 5, .stage = "endless"};
    for (int i = 0; i < 100000; i++)
        if (write(WIRE_JOB_FD, &p, sizeof p) < 0) return;
    (void)a;
}
static void job_lie_percent(struct wire_answer *a) {
    struct wire_progress p = {.magic = WIRE_PROGRESS, .percent = 101, .stage = "more than all"};
    (void)a;
    if (write(WIRE_JOB_FD, &p, sizeof p) < 0) return;
}

static const struct { const char *name; void (*run)(struct wire_answer *a); } attempts[] = {
    {"test-open", job_open}, {"test-create", job_create}, {"test-socket", job_socket}, {"test-exec", job_exec}, {"test-fork", job_fork},
    {"test-kill", job_kill}, {"test-code", job_code}, {"test-ptrace", job_ptrace}, {"test-crash", job_crash}, {"test-hang", job_hang},
    {"test-flood", job_flood}, {"test-memory", job_memory}, {"test-descriptors", job_descriptors}, {"test-lie-bytes", job_lie_bytes},
    {"test-lie-type", job_lie_type}, {"test-lie-code", job_lie_code}, {"test-lie-text", job_lie_text}, {"test-lie-stages", job_lie_stages},
    {"test-lie-percent", job_lie_percent}};

/* The inputs of these jobs are one of the names above, bare. */
static void run_attempt(struct job *j) {
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
        if (str_is(j->inputs, attempts[i].name)) return attempts[i].run(j->answer);
    job_fail(j, WIRE_INVALID, "no such test");
}

/* Jobs about files and stages. */
static void run_files(struct job *j) {
    struct buf b = {0};
    for (int i = 0; i < j->file_count; i++) {
        buf_printf(&b, "%s %s %lld ", j->files[i].name, j->files[i].type, (long long)j->files[i].size);
        if (!job_read_file(j, i, 1 << 20, &b)) return;
    }
    job_fail(j, WIRE_FAILED, "%.200s second b: %d, writes: %zd", b.ptr, job_find_file(j, "b", 1), write(WIRE_FILES_FD, "x", 1));
}

static void run_stages(struct job *j) {
    for (int i = 0; i <= 100000; i++) job_stage(j, i < 50000 ? "first" : "second", i / 1000);
    job_stage(j, "third", 20);
    job_fail(j, WIRE_FAILED, "told %d times", j->told_count);
}

/* Runs a perl script as the tool; its one line of output becomes the detail. */
static void run_tool(struct job *j) {
    struct tool *t = &j->tools[0];
    int64_t numbers[2] = {42, 1};
    if (t->spec->scratch && write(t->scratch[0], "scratch bytes", 13) != 13) return;
    bool ok = tool_go(t, numbers, 2) && tool_write(t, "from the job", 12) && tool_finish(t);
    struct str said = tool_output(t);
    job_fail(j, WIRE_FAILED, "%.*s%s%s", (int)(said.len < 150 ? said.len : 150), said.ptr, ok ? "" : "|", ok ? "" : t->why);
}

#define PERL(name, script) \
    static const char *const name##_args[] = {"-e", script, NULL}; \
    static const struct tool_spec name##_spec = {.program = "perl", .args = name##_args}; \
    static const struct tool_spec *const name[] = {&name##_spec, NULL};
PERL(tool_echo, "local $/; print 'got ', <STDIN>, ' env ', scalar(keys %ENV);")
PERL(tool_socket, "for my $f (1, 2, 10, 16) { print syscall(41, $f, 1, 0) < 0 ? 'no ' : 'YES ' }")
PERL(tool_write_out, "for ('/tmp/puras-escaped', '/puras-escaped', '/usr/puras-escaped', '/dev/shm/puras-escaped', '/var/tmp/puras-escaped', '/dev/fd/1')"
                     " { print open(F, '>', $_) ? 'YES ' : 'no ' } print mkdir('/tmp/puras-dir') ? 'YES' : 'no'")
PERL(tool_read_out, "for ('/etc/passwd', '/etc/shadow', '/proc/1/environ', '/proc/self/environ', '/root', '/home', '/tmp') "
                    "{ print open(F, '<', $_) || opendir(D, $_) ? \"YES $_ \" : 'no ' } print open(F, '<', '/usr/bin/perl') ? 'usr' : 'NOUSR'")
PERL(tool_process, "print defined fork() ? 'YES ' : 'no '; print kill(0, getppid()) ? 'YES ' : 'no '; print syscall(101, 16, getppid(), 0, 0) < 0 ? 'no ' : 'YES ';"
                   "print syscall(165, 0, 0, 0, 0, 0) < 0 && $!{EPERM} ? 'no ' : 'YES '; print syscall(272, 0x10000000) < 0 ? 'no ' : 'YES ';"
                   "print syscall(157, 38, 0, 0, 0, 0) < 0 ? 'no ' : 'YES '; print exec('/usr/bin/true') ? 'YES' : 'no'")
PERL(tool_descriptors, "for (0 .. 99) { print \"$_ \" if open(my $f, '<&', $_) } print -e '/proc/1' ? 'PROC' : 'alone'")
PERL(tool_exit, "exit 3")
PERL(tool_die, "kill 9, $$; print 'alive'; close STDIN; exit 9")
PERL(tool_hang, "sleep 100")
PERL(tool_flood, "print 'x' x 65536 while 1")
static const char *const args_args[] = {"-e", "print join ',', @ARGV", "#0", "@1", "#9", NULL}, *const args_words[] = {"zero", "one", NULL};
static const struct tool_spec args_spec = {.program = "perl", .args = args_args, .words = args_words};
static const struct tool_spec *const tool_args[] = {&args_spec, NULL};
static const char *const files_args[] = {"-e", "local $/; for (3, 8, 9) { open(F, '<', \"/dev/fd/$_\") or die; seek(F, 2, 0); print tell(F), <F>, ';' }", NULL};
static const struct tool_spec files_spec = {.program = "perl", .args = files_args, .scratch = 1, .files = true};
static const struct tool_spec *const tool_files[] = {&files_spec, NULL};
static const char *const no_args[] = {NULL};
static const struct tool_spec missing_spec = {.program = "no-such-program", .args = no_args};
static const struct tool_spec *const tool_missing[] = {&missing_spec, NULL};

const struct job_model *job_test_find(const char *name) {
    static const struct job_model models[] = {
        {"test", "facts", run_attempt, 0, NULL}, {"test-files", "facts", run_files, 0, NULL}, {"test-stages", "facts", run_stages, 0, NULL},
        {"tool-echo", "facts", run_tool, 0, tool_echo}, {"tool-socket", "facts", run_tool, 0, tool_socket}, {"tool-write", "facts", run_tool, 0, tool_write_out},
        {"tool-read", "facts", run_tool, 0, tool_read_out}, {"tool-process", "facts", run_tool, 0, tool_process},
        {"tool-descriptors", "facts", run_tool, 0, tool_descriptors}, {"tool-exit", "facts", run_tool, 0, tool_exit}, {"tool-die", "facts", run_tool, 0, tool_die},
        {"tool-hang", "facts", run_tool, 0, tool_hang}, {"tool-flood", "facts", run_tool, 0, tool_flood}, {"tool-args", "facts", run_tool, 0, tool_args},
        {"tool-files", "facts", run_tool, 0, tool_files}, {"tool-missing", "facts", run_tool, 0, tool_missing}};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (!strcmp(models[i].name, name)) return &models[i];
    return NULL;
}
