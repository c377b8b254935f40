/* The models motion-t2v, motion-i2v and motion-r2v as jobs; see motion.h. Listed in models.c. */
#include "base/err.h"
#include "base/json.h"
#include "base/limits.h"
#include "media/helper/models.h"
#include "media/helper/motion.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLIP_TOOL = FILM_TOOLS, CLIP_FRAMES = 36, CLIP_SIDE = 640, CLIP_FPS = 12, REFERENCES = 4 };

/* The first seconds of a reference film as pictures. The demuxer is the one for the type that was sniffed, and no other; nothing but
 * the descriptor can be opened. */
#define FD(n) "file:/dev/fd/" #n
static const char *const clip_words[] = {"mov", "matroska", "ogg", FD(8), FD(9), FD(10), FD(11), FD(12), FD(13), FD(14), FD(15), FD(16), FD(17), FD(18), FD(19), FD(20), FD(21), FD(22), FD(23), NULL};
#undef FD
enum { CLIP_PATHS = 3 };
static const char *const clip_args[] = {
    "-nostdin", "-v", "error", "-max_alloc", "536870912", "-threads", "1", "-filter_threads", "1", "-protocol_whitelist", "file", "-max_streams", "32", "-max_pixels", "33554432",
    "-f", "@0", "-an", "-sn", "-dn", "-i", "@1", "-map", "0:V:0", "-vf",
    "fps=12,scale=w='max(2,trunc(iw*sar*min(1,640/max(iw*sar,ih))))':h='max(2,trunc(ih*min(1,640/max(iw*sar,ih))))'", "-frames:v", "36", "-c:v", "ppm",
    "-f", "image2pipe", "pipe:1", NULL};
static const struct tool_spec clip_tool = {.program = "ffmpeg", .args = clip_args, .words = clip_words, .files = true};
const struct tool_spec *const motion_tools[] = {&film_video_tool, &film_audio_tool, NULL};
const struct tool_spec *const motion_reference_tools[] = {&film_video_tool, &film_audio_tool, &clip_tool, NULL};

static bool refuse(struct job *j, const char *sentence) {
    job_fail(j, WIRE_INVALID, "%s", sentence);
    return false;
}

/* Whole milliseconds of a number with at most three decimals: 5, 2.5, "7.25". */
static bool read_ms(const struct json *v, int64_t *out) {
    struct str s, whole, part;
    int64_t a = 0, b = 0;
    if (!v || (v->type != JSON_NUMBER && v->type != JSON_STRING)) return false;
    s = v->text;
    if (json_as_i64(v, &a)) return *out = a * 1000, a >= 0 && a < 1000;
    if (s.len && s.ptr[s.len - 1] == 's') s.len--;
    if (!str_cut(s, '.', &whole, &part)) return str_to_i64(s, &a) && a >= 0 && a < 1000 && (*out = a * 1000, true);
    if (!str_to_i64(whole, &a) || a < 0 || a > 1000 || !part.len || part.len > 3 || !str_to_i64(part, &b) || b < 0) return false;
    for (size_t i = part.len; i < 3; i++) b *= 10;
    *out = a * 1000 + b;
    return true;
}

static int even(double v) { return (int)lround(v / 2) * 2; }

static bool read_size(struct job *j, const struct json *root, struct motion_inputs *in) {
    static const struct { const char *word; int lines; } named[] = {{"360p", 360}, {"480p", 480}, {"540p", 540}, {"720p", 720}, {"1080p", 1080}};
    struct str s, a, b;
    int64_t w, h;
    in->lines = 480;
    if (json_as_str(json_get(root, "resolution"), &s)) {
        in->lines = 0;
        for (size_t i = 0; i < sizeof named / sizeof *named; i++)
            if (str_ieq(s, str_of(named[i].word))) in->lines = named[i].lines;
        if (!in->lines) return refuse(j, "The resolution is one of 360p, 480p, 540p, 720p and 1080p.");
    }
    if (json_as_str(json_get(root, "size"), &s) && !str_empty(s)) {
        if (!str_cut(s, 'x', &a, &b) || !str_to_i64(a, &w) || !str_to_i64(b, &h)) return refuse(j, "The size could not be read; write it as 640x360.");
        if (w < MOTION_MIN_SIDE || h < MOTION_MIN_SIDE || w > MOTION_MAX_SIDE || h > MOTION_MAX_SIDE || w % 2 || h % 2 || w * h > MOTION_MAX_PIXELS)
            return refuse(j, "Each side of a film is an even number of pixels from 64 to 1920, and both together are at most 1920x1080.");
        in->w = (int)w, in->h = (int)h, in->sized = true;
        return true;
    }
    w = 16, h = 9;
    if (json_as_str(json_get(root, "aspect_ratio"), &s) && !str_empty(s) && !str_is(s, "auto")) {
        if (!str_cut(s, ':', &a, &b) || !str_to_i64(a, &w) || !str_to_i64(b, &h) || w < 1 || h < 1 || w > 100 || h > 100 || w > 3 * h || h > 3 * w)
            return refuse(j, "The aspect ratio could not be read; write it as 16:9.");
        in->sized = true;
    }
    in->w = w >= h ? even((double)in->lines * (double)w / (double)h) : in->lines;
    in->h = w >= h ? in->lines : even((double)in->lines * (double)h / (double)w);
    if (in->w > MOTION_MAX_SIDE || in->h > MOTION_MAX_SIDE) { /* 21:9 at 1080p */
        double k = fmin((double)MOTION_MAX_SIDE / in->w, (double)MOTION_MAX_SIDE / in->h);
        in->w = even(in->w * k - 0.99), in->h = even(in->h * k - 0.99);
    }
    return true;
}

static bool read_inputs(struct job *j, struct motion_inputs *in) {
    struct why why = {0};
    struct json *root = NULL;
    int64_t ms = 5000, fps = 24;
    *in = (struct motion_inputs){0};
    if (json_parse(j->inputs, &j->arena, &why, &root)) return refuse(j, why_text(&why));
    if (!json_as_str(json_get(root, "prompt"), &in->prompt)) return refuse(j, "A prompt is needed: what is to be seen, and how it moves.");
    if (in->prompt.len > LIMIT_PROMPT_BYTES) return refuse(j, "The prompt is too long.");
    if (json_get(root, "duration") && !read_ms(json_get(root, "duration"), &ms)) return refuse(j, "The duration could not be read; write it in seconds.");
    if (ms < 1000 || ms > MOTION_MAX_MS) return refuse(j, "The duration of a film is 1 to 15 seconds.");
    if (json_get(root, "fps") && !json_as_i64(json_get(root, "fps"), &fps)) return refuse(j, "The frame rate could not be read.");
    if (fps < 12 || fps > 60) return refuse(j, "The frame rate of a film is 12 to 60 frames a second.");
    (void)json_as_bool(json_get(root, "audio"), &in->audio);
    in->fps = (int)fps;
    in->duration = (double)ms / 1000;
    in->frames = (int)((ms * fps + 500) / 1000);
    return read_size(j, root, in);
}

/* The size follows the picture's shape, where none was asked for. */
static void follow(struct motion_inputs *in, const struct picture *p) {
    if (in->sized) return;
    double aspect = fmin(2.4, fmax(1 / 2.4, (double)p->w / p->h)), k;
    in->w = aspect >= 1 ? even(in->lines * aspect) : in->lines;
    in->h = aspect >= 1 ? in->lines : even(in->lines / aspect);
    k = fmin(1, fmin((double)MOTION_MAX_SIDE / fmax(in->w, in->h), sqrt((double)MOTION_MAX_PIXELS / ((double)in->w * in->h))));
    if (k < 1) in->w = even(in->w * k - 0.99), in->h = even(in->h * k - 0.99);
}

struct shot {
    struct job *job;
    struct motion_inputs in;
    struct motion_plan plan;
    double margin;
    struct scene *scene;           /* drawn; or */
    struct picture *pictures;      /* these, one after the other */
    int picture_count;
    bool clip;                     /* the pictures are frames of a film, to be played to and fro */
    struct look drawn, wanted;     /* references: colours carried from the one to the other */
    bool graded;
};

static void paint_picture(struct shot *s, cairo_t *cr, int i, struct view v, double alpha) {
    struct picture *p = &s->pictures[i];
    cairo_surface_t *from = picture_surface(p);
    cairo_save(cr);
    motion_look(cr, v, s->margin, s->in.w, s->in.h);
    cairo_scale(cr, (double)s->in.w / p->w, (double)s->in.h / p->h);
    cairo_set_source_surface(cr, from, 0, 0);
    cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_REFLECT);
    cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_BILINEAR);
    cairo_paint_with_alpha(cr, alpha);
    cairo_restore(cr);
    cairo_surface_destroy(from);
}

/* Several pictures share the film and dissolve into each other; frames of a film go to and fro at their own pace. */
static void paint_pictures(struct shot *s, cairo_t *cr, double u, double seconds, struct view v) {
    if (s->clip) {
        double at = seconds * CLIP_FPS * fmin(2, fmax(0.5, s->plan.speed)), span = s->picture_count > 1 ? 2 * (s->picture_count - 1) : 1, x = at - span * floor(at / span);
        if (x > s->picture_count - 1) x = span - x;
        int i = (int)x;
        paint_picture(s, cr, i, v, 1);
        if (i + 1 < s->picture_count && x - i > 0.02) paint_picture(s, cr, i + 1, v, x - i);
        return;
    }
    double at = u * s->picture_count, k = at - floor(at), cross = 0.22;
    int i = (int)at < s->picture_count ? (int)at : s->picture_count - 1;
    paint_picture(s, cr, i, v, 1);
    if (i + 1 < s->picture_count && k > 1 - cross) paint_picture(s, cr, i + 1, v, (k - (1 - cross)) / cross);
}

static void paint_frame(struct shot *s, struct picture *frame, double seconds) {
    double duration = s->in.duration, u = seconds / duration;
    struct view v = motion_view(&s->plan, u, seconds);
    cairo_surface_t *to = picture_surface(frame);
    cairo_t *cr = cairo_create(to);
    if (s->scene) scene_draw(s->scene, cr, u, seconds, v, s->margin);
    else paint_pictures(s, cr, u, seconds, v);
    cairo_destroy(cr);
    cairo_surface_flush(to);
    if (s->graded) look_apply(frame, &s->drawn, &s->wanted, 0.8);
    motion_effects(frame, &s->plan, u, seconds, duration, s->job->seed);
    if (s->scene) {
        cr = cairo_create(to);
        scene_lettering(s->scene, cr, seconds, duration);
        cairo_destroy(cr);
        cairo_surface_flush(to);
    }
    cairo_surface_destroy(to);
}

static void write_scene(struct shot *s, const char *source) {
    struct job *j = s->job;
    struct buf b = {0};
    struct jw w = {.out = &b};
    jw_open(&w, '{');
    jw_kz(&w, "source", source);
    if (s->scene) scene_write(s->scene, &w);
    motion_write_plan(&s->plan, &w);
    jw_kbool(&w, "understood", s->plan.understood || (s->scene && scene_has_subject(s->scene)));
    jw_ki64(&w, "frames", s->in.frames);
    jw_ki64(&w, "fps", s->in.fps);
    jw_kbool(&w, "audio", s->in.audio);
    jw_ki64(&w, "seed", (int64_t)(j->seed & INT64_MAX));
    jw_close(&w, '}');
    must(b.len < sizeof j->answer->scene);
    memcpy(j->answer->scene, b.ptr, b.len + 1);
    buf_done(&b);
}

static void shoot(struct shot *s, const char *source) {
    struct film f;
    struct picture frame = picture_new(s->in.w, s->in.h);
    int16_t *sound = NULL;
    int64_t samples = 0;
    if (!film_begin(&f, s->job, s->in.w, s->in.h, s->in.fps, s->in.frames)) return;
    for (int i = 0; i < s->in.frames; i++) {
        paint_frame(s, &frame, (double)i / s->in.fps);
        if (!film_shoot(&f, &frame)) return;
    }
    if (s->in.audio) sound = motion_sound(&s->plan, s->scene ? scene_plan(s->scene) : NULL, (double)s->in.frames / s->in.fps, s->job->seed, &samples);
    if (film_end(&f, sound, samples)) write_scene(s, source);
    free(sound);
    picture_done(&frame);
    scene_free(s->scene);
}

static double aspect_of(const struct motion_inputs *in) { return (double)in->w / in->h; }

/* What is drawn anew for the hour is not tinted for it a second time. */
static void draw_scene(struct shot *s) {
    motion_keep_camera(&s->plan);
    motion_drift(&s->plan, s->job->seed, 0.10);
    s->plan.night_from = s->plan.night_to = s->plan.warm_from = s->plan.warm_to = 0;
    s->margin = motion_margin(&s->plan, s->in.duration, aspect_of(&s->in));
    s->scene = scene_new(s->in.prompt, &s->plan, s->in.w, s->in.h, s->job->seed, s->job->fonts);
}

void motion_t2v_job(struct job *j) {
    struct shot s = {.job = j};
    if (!read_inputs(j, &s.in)) return;
    job_stage(j, "preparing", 1);
    motion_read_prompt(s.in.prompt, &s.plan);
    draw_scene(&s);
    shoot(&s, "text");
}

/* Pictures at the film's shape, with enough pixels for the nearest view, and no more. */
static void fit(struct shot *s) {
    motion_drift(&s->plan, s->job->seed, 0.16);
    s->margin = motion_margin(&s->plan, s->in.duration, aspect_of(&s->in));
    double nearest = 1;
    for (int i = 0; i <= 60; i++) nearest = fmax(nearest, motion_view(&s->plan, i / 60.0, s->in.duration * i / 60).zoom * s->margin);
    for (int i = 0; i < s->picture_count; i++) {
        struct picture *p = &s->pictures[i];
        double have = fmin((double)p->w / s->in.w, (double)p->h / s->in.h), k = fmin(fmax(1, have), fmin(nearest, 2.4));
        struct picture at_size = picture_cover(p, (int)ceil(s->in.w * k), (int)ceil(s->in.h * k));
        picture_done(p);
        *p = at_size;
    }
}

void motion_i2v_job(struct job *j) {
    struct picture p;
    struct shot s = {.job = j, .pictures = &p, .picture_count = 1};
    if (!read_inputs(j, &s.in)) return;
    int file = job_find_file(j, "image", 0);
    if (file < 0) {
        refuse(j, "An image is needed: the picture that is to move.");
        return;
    }
    job_stage(j, "reading", 1);
    if (!picture_load(j, file, 2 * MOTION_MAX_SIDE, &p)) return;
    follow(&s.in, &p);
    motion_read_prompt(s.in.prompt, &s.plan);
    fit(&s);
    shoot(&s, "image");
}

/* One binary PPM after the other, as ffmpeg writes them; whatever is not exactly so ends the reading. */
static int read_clip(struct str all, struct picture *out, int most) {
    int count = 0;
    while (count < most && str_starts(all, STR("P6\n"))) {
        struct str line, rest, a, b;
        int64_t w, h;
        if (!str_cut(str_skip(all, 3), '\n', &line, &rest) || !str_cut(line, ' ', &a, &b) || !str_to_i64(a, &w) || !str_to_i64(b, &h)) break;
        if (w < 1 || h < 1 || w > CLIP_SIDE || h > CLIP_SIDE || !str_starts(rest, STR("255\n"))) break;
        rest = str_skip(rest, 4);
        size_t n = (size_t)(w * h);
        if (rest.len < n * 3) break;
        out[count] = picture_new((int)w, (int)h);
        for (size_t i = 0; i < n; i++) {
            const unsigned char *c = (const unsigned char *)rest.ptr + i * 3;
            out[count].px[i] = px_of(c[0], c[1], c[2]);
        }
        count++;
        all = str_skip(rest, n * 3);
    }
    return count;
}

static int load_clip(struct job *j, int file, struct picture *out) {
    static const struct { const char *type; int64_t format; } types[] = {
        {"video/mp4", 0}, {"video/quicktime", 0}, {"video/webm", 1}, {"video/x-matroska", 1}, {"video/ogg", 2}};
    struct tool *t = &j->tools[CLIP_TOOL];
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].type, j->files[file].type)) continue;
        bool ok = tool_go(t, (int64_t[]){types[i].format, CLIP_PATHS + file}, 2) && tool_finish(t);
        int count = read_clip(tool_output(t), out, CLIP_FRAMES);
        buf_done(&t->output);
        if (count) return count;
        if (!ok && strstr(t->why, "installed")) job_fail(j, WIRE_FAILED, "%s", t->why);
        else refuse(j, "The reference video could not be read.");
        return 0;
    }
    refuse(j, "The reference video is no film that can be read: MP4, MOV, WebM, Matroska and Ogg are.");
    return 0;
}

/* The references' own motion, where the prompt asks for none. */
static void borrow_motion(struct shot *s, const struct look *look) {
    if (s->plan.camera_named || !look->has_motion) return;
    double seconds = s->in.duration;
    if (fabs(look->zoom) > 0.008) s->plan.moves[s->plan.move_count++] = (struct move){MOVE_ZOOM, fmax(-0.7, fmin(0.7, look->zoom * seconds)), 0, 1, 1};
    if (fabs(look->pan_x) > 0.008) s->plan.moves[s->plan.move_count++] = (struct move){MOVE_X, fmax(-0.45, fmin(0.45, look->pan_x * seconds)), 0, 1, 1};
    if (fabs(look->pan_y) > 0.008) s->plan.moves[s->plan.move_count++] = (struct move){MOVE_Y, fmax(-0.45, fmin(0.45, look->pan_y * seconds)), 0, 1, 1};
    s->plan.camera_named = true;
}

static bool load_references(struct shot *s) {
    struct job *j = s->job;
    int video = job_find_file(j, "video", 0);
    if (video >= 0) {
        job_stage(j, "reading", 1);
        s->picture_count = load_clip(j, video, s->pictures);
        s->clip = true;
        return s->picture_count > 0;
    }
    for (int file; s->picture_count < REFERENCES && (file = job_find_file(j, "image", s->picture_count)) >= 0; s->picture_count++) {
        job_stage(j, "reading", 1 + s->picture_count);
        if (!picture_load(j, file, MOTION_MAX_SIDE, &s->pictures[s->picture_count])) return false;
    }
    return s->picture_count > 0 || refuse(j, "A reference is needed: an image or a video.");
}

/* With things to draw, the scene takes colours and motion from the references; without, they are the film. */
void motion_r2v_job(struct job *j) {
    struct picture pictures[CLIP_FRAMES];
    struct shot s = {.job = j, .pictures = pictures};
    struct plan *words = malloc(sizeof *words);
    must(words);
    if (!read_inputs(j, &s.in) || !load_references(&s)) return;
    motion_read_prompt(s.in.prompt, &s.plan);
    sketch_read_prompt(s.in.prompt, words);
    look_read(pictures, s.picture_count, &s.wanted);
    if (s.clip) look_motion(pictures, s.picture_count, CLIP_FPS, &s.wanted);
    follow(&s.in, &pictures[0]);
    if (!words->subject_count) {
        if (s.clip) s.plan.camera_named = true; /* it has its own motion */
        fit(&s);
        return shoot(&s, s.clip ? "reference video" : "reference images");
    }
    motion_keep_camera(&s.plan);
    borrow_motion(&s, &s.wanted);
    draw_scene(&s);
    struct picture first = picture_new(s.in.w, s.in.h);
    paint_frame(&s, &first, s.in.duration / 2);
    look_read(&first, 1, &s.drawn);
    picture_done(&first);
    s.graded = true;
    shoot(&s, s.clip ? "text after a reference video" : "text after reference images");
}
