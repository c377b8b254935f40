/* See job.h. Called by main.c behind the walls: nothing can be opened any more. */
#include "media/helper/job.h"
#include "base/json.h"
#include "media/helper/encode.h"
#include "media/helper/job_test.h"
#include "media/helper/sketch.h"
#include "media/wire.h"

#include <errno.h>
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

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void fail(struct wire_answer *a, enum wire_code code, const char *sentence) {
    a->code = code;
    snprintf(a->detail, sizeof a->detail, "%s", sentence);
}

static void run_sketch(struct str inputs, uint64_t seed, PangoContext *fonts, struct wire_answer *a) {
    struct arena arena = {0};
    struct why why = {0};
    struct sketch_inputs in;
    struct buf file = {0};
    if (sketch_read_inputs(inputs, seed, &arena, &why, &in)) return fail(a, WIRE_INVALID, why_text(&why));
    int64_t start = now_us();
    cairo_surface_t *s = sketch_draw(&in, fonts, a->scene);
    if (!s) return fail(a, WIRE_FAILED, "There was no memory for a picture of that size.");
    int64_t drawn = now_us();
    if (!encode_picture(s, in.format, &file)) return fail(a, WIRE_FAILED, "The picture could not be encoded.");
    int failed = write_all(WIRE_OUT_FD, file.ptr, file.len);
    if (failed == ENOSPC || failed == EDQUOT) return fail(a, WIRE_STORAGE_FULL, "The server's storage has no room for the picture.");
    if (failed) return fail(a, WIRE_FAILED, "The picture could not be written.");
    a->render_us = drawn - start;
    a->encode_us = now_us() - drawn;
    a->width = in.w;
    a->height = in.h;
    a->bytes = (int64_t)file.len;
    snprintf(a->type, sizeof a->type, "image/%s", in.format);
    snprintf(a->ext, sizeof a->ext, "%s", !strcmp(in.format, "jpeg") ? "jpg" : in.format);
    /* The child ends here; its memory goes with it. */
}

int job_run(PangoContext *fonts) {
    struct wire_request q;
    struct wire_answer *a = calloc(1, sizeof *a);
    if (!a || !read_all(&q, sizeof q) || q.magic != WIRE_MAGIC || q.inputs_len > WIRE_INPUTS_MAX) return 2;
    char *inputs = malloc(q.inputs_len + 1U);
    if (!inputs || !read_all(inputs, q.inputs_len)) return 2;
    q.model[sizeof q.model - 1] = 0;
    a->magic = WIRE_MAGIC;
    if (!strcmp(q.model, "sketch")) run_sketch(str_n(inputs, q.inputs_len), q.seed, fonts, a);
    else if (!job_test(q.model, a)) fail(a, WIRE_INVALID, "There is no local model of that name.");
    return write_all(WIRE_JOB_FD, a, sizeof *a) ? 3 : 0;
}
