/* The model `edit` as a job: its inputs and files, the order of the steps, the answer. Listed in models.c. */
#include "base/json.h"
#include "base/limits.h"
#include "media/helper/edit.h"
#include "media/helper/encode.h"
#include "media/helper/models.h"
#include "media/helper/pen.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct edit_inputs {
    struct str prompt;
    int w, h;       /* 0: as the picture is */
    char format[8]; /* empty: as the picture is */
};

static bool fail(struct job *j, const char *sentence) {
    job_fail(j, WIRE_INVALID, "%s", sentence);
    return false;
}

static bool read_inputs(struct job *j, struct edit_inputs *in) {
    struct why why = {0};
    struct json *root = NULL;
    struct str s, a, b;
    int64_t w, h;
    if (json_parse(j->inputs, &j->arena, &why, &root)) return fail(j, why_text(&why));
    if (!json_as_str(json_get(root, "prompt"), &in->prompt)) return fail(j, "A prompt is needed: what is to be done to the picture.");
    if (in->prompt.len > LIMIT_PROMPT_BYTES) return fail(j, "The prompt is too long.");
    if (json_as_str(json_get(root, "size"), &s) && !str_empty(s)) {
        if (!str_cut(s, 'x', &a, &b) || !str_to_i64(a, &w) || !str_to_i64(b, &h)) return fail(j, "The size could not be read; write it as 1024x1024.");
        if (w < EDIT_MIN_SIDE || h < EDIT_MIN_SIDE || w > EDIT_MAX_SIDE || h > EDIT_MAX_SIDE) return fail(j, "Each side of a picture is 16 to 4096 pixels.");
        in->w = (int)w, in->h = (int)h;
    }
    if (json_as_str(json_get(root, "format"), &s) && !str_empty(s)) {
        if (!str_is(s, "png") && !str_is(s, "jpeg") && !str_is(s, "jpg") && !str_is(s, "webp")) return fail(j, "The format is one of png, jpeg and webp.");
        snprintf(in->format, sizeof in->format, "%s", str_is(s, "jpg") ? "jpeg" : str_is(s, "png") ? "png" : str_is(s, "webp") ? "webp" : "jpeg");
    }
    return true;
}

void edit_add(struct picture *p, const struct edit_plan *plan, uint64_t seed, struct buf *out_names) {
    struct plan *things = malloc(sizeof *things);
    must(things);
    sketch_read_prompt(str_of(plan->add), things);
    cairo_surface_t *s = picture_surface(p);
    struct canvas c = {.cr = cairo_create(s), .w = p->w, .h = p->h, .seed = seed, .light = 1, .plan = things};
    things->text[0] = 0;
    sketch_place(&c, things);
    struct jw w = {.out = out_names};
    for (int i = 0; i < things->subject_count; i++) {
        struct subject *sub = &things->subjects[i];
        struct box extent = pen_extent(c.cr, sub->noun->art);
        for (int k = 0; k < sub->count; k++) {
            struct box b = sub->boxes[k]; /* smaller than in a sketch of its own: the picture is the subject */
            double keep = 0.62, bottom = b.y + b.h;
            b.x += b.w * (1 - keep) / 2, b.w *= keep, b.y = sub->noun->place == PLACE_SKY ? b.y + b.h * 0.1 : bottom - b.h * keep, b.h *= keep;
            struct pen pen = {.cr = c.cr, .main = sub->main, .accent = sub->accent, .light = c.light, .seed = seed + (uint64_t)(i * 31 + k)};
            pen_draw(&pen, sub->noun->art, extent, b, k & 1);
        }
        jw_z(&w, sub->noun->name);
    }
    cairo_destroy(c.cr);
    cairo_surface_flush(s);
    cairo_surface_destroy(s);
    free(things);
}

static void say(struct jw *w, bool when, const char *what) {
    if (when) jw_z(w, what);
}

static void write_applied(struct jw *w, const struct edit_plan *e, int count, struct str added) {
    char text[80];
    jw_key(w, "applied");
    jw_open(w, '[');
    if (count > 1) {
        enum edit_layout l = e->layout ? e->layout : count > 2 ? LAYOUT_GRID : LAYOUT_ROW;
        snprintf(text, sizeof text, "layout %s", edit_layout_name(l));
        jw_z(w, text);
    }
    say(w, e->crop_w > 0 || e->zoom > 0, "crop");
    snprintf(text, sizeof text, "rotate %d", (int)lround(e->turns * 90 + e->tilt));
    say(w, e->turns || fabs(e->tilt) > 0.01, text);
    say(w, e->mirror, "mirror");
    say(w, e->flip, "flip");
    say(w, added.len > 0, "add");
    say(w, e->brightness > 0, "brighter"), say(w, e->brightness < 0, "darker");
    say(w, e->contrast > 0, "more contrast"), say(w, e->contrast < 0, "less contrast");
    say(w, e->saturation > 0, "more saturated"), say(w, e->saturation < 0, "less saturated");
    say(w, e->warmth > 0, "warmer"), say(w, e->warmth < 0, "cooler");
    say(w, e->sharpness > 0, "sharper");
    snprintf(text, sizeof text, "tint %s", e->tint_name ? e->tint_name : "");
    say(w, e->tint_name, text);
    say(w, e->night, "night"), say(w, e->vignette, "vignette"), say(w, e->rain, "rain"), say(w, e->snow, "snow");
    for (int i = 0; i < e->style_count; i++) {
        snprintf(text, sizeof text, "style %s", edit_style_name(e->styles[i]));
        jw_z(w, text);
    }
    say(w, e->frame, e->polaroid ? "polaroid frame" : "frame");
    say(w, *e->caption, "caption");
    jw_close(w, ']');
}

static void write_scene(struct job *j, const struct edit_plan *e, int count, struct str added) {
    struct buf b = {0};
    struct jw w = {.out = &b};
    jw_open(&w, '{');
    write_applied(&w, e, count, added);
    if (added.len) {
        jw_key(&w, "added");
        jw_open(&w, '[');
        if (added.len) jw_raw(&w, added);
        jw_close(&w, ']');
    }
    jw_key(&w, "text");
    if (*e->caption) jw_z(&w, e->caption);
    else jw_null(&w);
    jw_kbool(&w, "understood", e->understood);
    jw_ki64(&w, "pictures", count);
    jw_ki64(&w, "seed", (int64_t)(j->seed & INT64_MAX));
    jw_close(&w, '}');
    must(b.len < sizeof j->answer->scene);
    memcpy(j->answer->scene, b.ptr, b.len + 1);
    buf_done(&b);
}

static bool load_all(struct job *j, struct picture in[EDIT_PICTURES], int *out_count, int *out_first) {
    int count = 0;
    for (int file; count < EDIT_PICTURES && (file = job_find_file(j, "image", count)) >= 0; count++) {
        if (!count) *out_first = file;
        job_stage(j, "reading", 2 + 4 * count);
        /* Several share the space of one. */
        if (!picture_load(j, file, count || job_find_file(j, "image", 1) >= 0 ? EDIT_MAX_SIDE / 2 : EDIT_MAX_SIDE, &in[count])) return false;
    }
    if (job_find_file(j, "image", EDIT_PICTURES) >= 0) return fail(j, "At most four pictures are edited together.");
    if (!count) return fail(j, "An image is needed: the picture that is to be edited.");
    *out_count = count;
    return true;
}

static void edit(struct job *j, struct picture *p, const struct edit_plan *e, struct buf *added) {
    job_stage(j, "editing", 20);
    edit_crop(p, e);
    edit_turn(p, e);
    if (*e->add) edit_add(p, e, j->seed, added);
    job_stage(j, "editing", 35);
    edit_apply_tone(p, e);
    if (e->rain || e->snow) edit_weather(p, e, j->seed);
    for (int i = 0; i < e->style_count; i++) {
        job_stage(j, edit_style_name(e->styles[i]), 45 + i * 12);
        edit_apply_style(p, e, i, j->seed);
    }
}

/* A side below the least becomes the least; nothing else changes the size unasked. */
static void resize(struct picture *p, int w, int h) {
    struct picture t = picture_cover(p, w, h);
    picture_done(p);
    *p = t;
}

void edit_job(struct job *j) {
    struct wire_answer *a = j->answer;
    struct edit_inputs in = {0};
    struct edit_plan e;
    struct picture pictures[EDIT_PICTURES], p;
    struct buf added = {0}, file = {0};
    int count = 0, first = 0;
    if (!read_inputs(j, &in) || !load_all(j, pictures, &count, &first)) return;
    int64_t start = job_now_us();
    edit_read_prompt(in.prompt, &e);
    if (count > 1) edit_compose(pictures, count, &e, &p);
    else p = pictures[0];
    edit(j, &p, &e, &added);
    if (in.w) resize(&p, in.w, in.h);
    if (!e.polaroid) edit_caption(&p, &e, j->fonts);
    if (e.frame) edit_frame(&p, &e);
    if (e.polaroid) edit_caption(&p, &e, j->fonts); /* on its broad edge */
    int64_t drawn = job_now_us();
    job_stage(j, "writing", 85);
    const char *from = j->files[first].type;
    const char *format = *in.format ? in.format : !strcmp(from, "image/jpeg") ? "jpeg" : !strcmp(from, "image/webp") ? "webp" : "png";
    cairo_surface_t *s = picture_surface(&p);
    if (!encode_picture(s, format, &file)) return job_fail(j, WIRE_FAILED, "The picture could not be encoded.");
    if (!job_write(j, file.ptr, file.len)) return;
    write_scene(j, &e, count, buf_view(&added));
    a->render_us = drawn - start;
    a->encode_us = job_now_us() - drawn;
    a->width = p.w;
    a->height = p.h;
    snprintf(a->type, sizeof a->type, "image/%s", format);
    snprintf(a->ext, sizeof a->ext, "%s", !strcmp(format, "jpeg") ? "jpg" : format);
}
