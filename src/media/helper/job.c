/* See job.h. Called by main.c in a child. Until sandbox_seal this is our own code on our own server's words: nothing of a
 * caller's is read before. */
#include "media/helper/job.h"
#include "base/err.h"
#include "media/helper/mark.h"
#include "media/helper/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static bool read_all(void *p, size_t n) {
    char *at = p;
    while (n) {
        ssize_t got = read(WIRE_JOB_FD, at, n);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

/* 0, or the errno that stopped it. */
static int write_all(int fd, const void *p, size_t n) {
    const char *at = p;
    while (n) {
        ssize_t put = write(fd, at, n);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return errno;
        at += put;
        n -= (size_t)put;
    }
    return 0;
}

int64_t job_now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

void job_fail(struct job *j, enum wire_code code, const char *format, ...) {
    va_list args;
    if (j->answer->code) return;
    j->answer->code = code;
    va_start(args, format);
    vsnprintf(j->answer->detail, sizeof j->answer->detail, format, args);
    va_end(args);
}

void job_stage(struct job *j, const char *stage, int percent) {
    enum { EVERY_US = 50000 };
    bool other = strncmp(stage, j->told.stage, sizeof j->told.stage - 1) != 0;
    int64_t now = job_now_us();
    if (percent < j->told.percent) percent = j->told.percent;
    if (percent > 100) percent = 100;
    if (!other && (percent == j->told.percent || (now - j->told_at < EVERY_US && percent < 100))) return;
    if (j->told_count >= WIRE_PROGRESS_MAX) return;
    j->told.magic = WIRE_PROGRESS;
    j->told.percent = percent;
    snprintf(j->told.stage, sizeof j->told.stage, "%s", stage);
    j->told_at = now;
    j->told_count++;
    if (write_all(WIRE_JOB_FD, &j->told, sizeof j->told)) _exit(3); /* the server is gone */
}

bool job_write(struct job *j, const void *data, size_t n) {
    struct buf marked = {0};
    if (j->mark && !j->answer->bytes && mark_file(str_n(data, n), str_of(j->mark), &marked)) data = marked.ptr, n = marked.len;
    int failed = n > WIRE_FILE_MAX ? EFBIG : write_all(WIRE_OUT_FD, data, n);
    if (failed == ENOSPC || failed == EDQUOT) job_fail(j, WIRE_STORAGE_FULL, "The server's storage has no room for the file.");
    else if (failed == EFBIG) job_fail(j, WIRE_INVALID, "The file would be larger than %d MB.", WIRE_FILE_MAX >> 20);
    else if (failed) job_fail(j, WIRE_FAILED, "The file could not be written.");
    else j->answer->bytes += (int64_t)n;
    buf_done(&marked);
    return !failed;
}

int job_find_file(const struct job *j, const char *name, int nth) {
    for (int i = 0; i < j->file_count; i++)
        if (!strcmp(j->files[i].name, name) && nth-- == 0) return i;
    return -1;
}

bool job_read_file(struct job *j, int file, size_t max, struct buf *out) {
    static const size_t step = 1 << 20;
    int64_t size = j->files[file].size;
    size_t before = out->len;
    if (size < 0 || (size_t)size > max) {
        job_fail(j, WIRE_INVALID, "The file of the input %s is larger than %zu MB.", j->files[file].name, max >> 20);
        return false;
    }
    char *piece = malloc(step);
    must(piece);
    for (off_t at = 0; at < size;) {
        ssize_t n = pread(WIRE_FILES_FD + file, piece, step < (size_t)(size - at) ? step : (size_t)(size - at), at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        buf_add(out, piece, (size_t)n);
        at += n;
    }
    free(piece);
    if (out->len - before == (size_t)size && size) return true;
    job_fail(j, WIRE_INVALID, "The file of the input %s is empty or could not be read.", j->files[file].name);
    return false;
}

static bool start_tools(const struct job_model *m, const struct sandbox *walls, int null, uint32_t timeout_ms, struct job *j) {
    int next = WIRE_TOOLS_FD, files[WIRE_FILES_MAX];
    for (int i = 0; i < j->file_count; i++) files[i] = WIRE_FILES_FD + i;
    for (int i = 0; m->tools && m->tools[i]; i++)
        if (i == TOOLS_MAX || !tool_start(m->tools[i], walls, null, files, j->file_count, timeout_ms, &next, &j->tools[i])) return false;
    return true;
}

/* A tool that waits or still reads sees its end; one that goes on is killed with this process. */
static void stop_tools(struct job *j) {
    for (int i = 0; i < TOOLS_MAX; i++)
        if (j->tools[i].pid) {
            if (j->tools[i].go >= 0) close(j->tools[i].go);
            if (j->tools[i].in >= 0) close(j->tools[i].in);
            if (j->tools[i].out >= 0) close(j->tools[i].out);
        }
}

int job_main(const struct sandbox *walls, PangoContext *fonts, int null, int job, int out, const int *files, int file_count) {
    struct wire_request *q = calloc(1, sizeof *q);
    struct job *j = calloc(1, sizeof *j);
    if (!q || !j || !(j->answer = calloc(1, sizeof *j->answer)) || !sandbox_place(job, out, null, files, file_count)) return 5;
    null = 0; /* descriptor 0 to 2 are it now */
    signal(SIGPIPE, SIG_IGN); /* a tool that dies is told by write */
    if (!read_all(q, sizeof *q) || q->magic != WIRE_MAGIC || q->inputs_len > WIRE_INPUTS_MAX || (int)q->file_count != file_count) return 2;
    q->model[sizeof q->model - 1] = 0;
    const struct job_model *m = job_model_find(q->model);
    uint32_t timeout_ms = m && m->deadline_ms && m->deadline_ms < q->timeout_ms ? m->deadline_ms : q->timeout_ms;
    j->fonts = fonts;
    j->walls = sandbox_facts(walls);
    j->seed = q->seed;
    j->files = q->files;
    j->file_count = file_count;
    j->started = job_now_us();
    j->answer->magic = WIRE_MAGIC;
    j->told.percent = -1;
    if (m && !start_tools(m, walls, null, timeout_ms, j)) return 6;
    if (!sandbox_seal(walls, timeout_ms)) return 5;
    char *inputs = malloc(q->inputs_len + 1U);
    if (!inputs || !read_all(inputs, q->inputs_len)) return 2;
    j->inputs = str_n(inputs, q->inputs_len);
    if (m) m->run(j);
    else job_fail(j, WIRE_INVALID, "There is no local model of that name.");
    stop_tools(j);
    return write_all(WIRE_JOB_FD, j->answer, sizeof *j->answer) ? 3 : 0;
}
