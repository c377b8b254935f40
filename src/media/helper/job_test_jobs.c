/* See job_test.h. Never part of the program that is shipped. Each job tries one thing that must not work; where it does work, the
 * answer is OK and the test fails. */
#ifndef PURAS_MEDIA_TEST
#define PURAS_MEDIA_TEST
#endif
#include "media/helper/job_test.h"

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
        memset(p, 1, 1 << 20);
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

bool job_test(const char *model, struct wire_answer *a) {
    static const struct { const char *name; void (*run)(struct wire_answer *a); } jobs[] = {
        {"test-open", job_open}, {"test-create", job_create}, {"test-socket", job_socket}, {"test-exec", job_exec}, {"test-fork", job_fork},
        {"test-kill", job_kill}, {"test-code", job_code}, {"test-ptrace", job_ptrace}, {"test-crash", job_crash}, {"test-hang", job_hang},
        {"test-flood", job_flood}, {"test-memory", job_memory}, {"test-descriptors", job_descriptors}, {"test-lie-bytes", job_lie_bytes},
        {"test-lie-type", job_lie_type}, {"test-lie-code", job_lie_code}, {"test-lie-text", job_lie_text}};
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
        if (!strcmp(jobs[i].name, model)) return jobs[i].run(a), true;
    return false;
}
