/* The model `sketch` as a job: inputs, drawing, file. Listed in models.c. */
#include "media/helper/encode.h"
#include "media/helper/models.h"
#include "media/helper/sketch.h"

#include <stdio.h>

void sketch_job(struct job *j) {
    struct wire_answer *a = j->answer;
    struct why why = {0};
    struct sketch_inputs in;
    struct buf file = {0};
    if (sketch_read_inputs(j->inputs, j->seed, &j->arena, &why, &in)) return job_fail(j, WIRE_INVALID, "%s", why_text(&why));
    int64_t start = job_now_us();
    cairo_surface_t *s = sketch_draw(&in, j->fonts, a->scene);
    if (!s) return job_fail(j, WIRE_FAILED, "There was no memory for a picture of that size.");
    int64_t drawn = job_now_us();
    if (!encode_picture(s, in.format, &file)) return job_fail(j, WIRE_FAILED, "The picture could not be encoded.");
    if (!job_write(j, file.ptr, file.len)) return;
    a->render_us = drawn - start;
    a->encode_us = job_now_us() - drawn;
    a->width = in.w;
    a->height = in.h;
    snprintf(a->type, sizeof a->type, "image/%s", in.format);
    snprintf(a->ext, sizeof a->ext, "%s", !strcmp(in.format, "jpeg") ? "jpg" : in.format);
    /* The child ends here; its memory goes with it. */
}
