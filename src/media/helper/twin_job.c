/* The models twin-picture, twin-film, twin-sound and twin-voice: what the twin hands over in place of other people's models. Of the
 * pixels, length and sound that are asked for, quickly: a small drawing or the caller's own picture made large, and of a film only
 * the strip at its foot moves. Each file says in its metadata that it is a sandbox's. Listed in models.c; src/twin/plan.c writes
 * the inputs. */
#include "base/err.h"
#include "base/json.h"
#include "base/limits.h"
#include "media/helper/edit.h"
#include "media/helper/encode.h"
#include "media/helper/models.h"
#include "media/helper/motion.h"
#include "media/helper/sound.h"
#include "media/helper/tune_tags.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { TWIN_SIDE = 4096, TWIN_FILM_SIDE = 3840, DRAWN_SIDE = 768, TWIN_SECONDS = 600, MP3, OGG };
static const char MARK[] = "puras sandbox: made by the twin on this machine, not by the model that was asked for";

/* As film.h's, in a hurry: most of each frame is the frame before. */
static const char *const video_args[] = {
    "-nostdin", "-v", "error", "-f", "yuv4mpegpipe", "-i", "pipe:0", "-an", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "26", "-bf", "0", "-g", "240",
    "-threads", "2", "-pix_fmt", "yuv420p", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv",
    "-flags", "+bitexact", "-f", "h264", "pipe:1", NULL};
static const struct tool_spec video_tool = {.program = "ffmpeg", .args = video_args};
const struct tool_spec *const twin_film_tools[] = {[FILM_VIDEO_TOOL] = &video_tool, [FILM_AUDIO_TOOL] = &film_audio_tool, NULL};
const struct tool_spec *const twin_sound_tools[] = {&sound_mp3_encoder, &sound_ogg_encoder, NULL};

struct twin_inputs {
    struct str prompt;
    int w, h, fps, frames;
    int64_t ms;
    bool sound;
    char format[8];
};

static bool read_inputs(struct job *j, struct twin_inputs *in) {
    struct why why = {0};
    struct json *root = NULL;
    struct str format;
    int64_t w = 0, h = 0, fps = 12, frames = 0;
    *in = (struct twin_inputs){.format = "png"};
    j->mark = MARK;
    snprintf(j->answer->scene, sizeof j->answer->scene, "{\"source\":\"twin\"}");
    if (json_parse(j->inputs, &j->arena, &why, &root)) return job_fail(j, WIRE_INVALID, "%s", why_text(&why)), false;
    (void)json_as_str(json_get(root, "prompt"), &in->prompt);
    (void)json_as_i64(json_get(root, "width"), &w), (void)json_as_i64(json_get(root, "height"), &h);
    (void)json_as_i64(json_get(root, "fps"), &fps), (void)json_as_i64(json_get(root, "frames"), &frames);
    (void)json_as_i64(json_get(root, "duration_ms"), &in->ms);
    (void)json_as_bool(json_get(root, "sound"), &in->sound);
    if (json_as_str(json_get(root, "format"), &format)) snprintf(in->format, sizeof in->format, "%.*s", STR_ARG(format));
    bool fits = w >= 0 && h >= 0 && w <= TWIN_SIDE && h <= TWIN_SIDE && fps > 0 && fps <= 60 && frames >= 0 && frames <= fps * TWIN_SECONDS && in->ms >= 0 &&
                in->ms <= TWIN_SECONDS * 1000 && in->prompt.len <= LIMIT_PROMPT_BYTES;
    if (!fits) return job_fail(j, WIRE_INVALID, "The twin makes no file that large."), false;
    in->w = (int)w, in->h = (int)h, in->fps = (int)fps, in->frames = (int)frames;
    return true;
}

/* --- pictures --- */

/* Scaled so that it covers the picture, quickly. */
static void lay(cairo_surface_t *from, int w, int h, const struct twin_inputs *in, struct picture *out) {
    double k = fmax((double)in->w / w, (double)in->h / h);
    *out = picture_new(in->w, in->h);
    cairo_surface_t *to = picture_surface(out);
    cairo_t *cr = cairo_create(to);
    cairo_translate(cr, (in->w - w * k) / 2, (in->h - h * k) / 2);
    cairo_scale(cr, k, k);
    cairo_set_source_surface(cr, from, 0, 0);
    cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
    cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_BILINEAR);
    cairo_paint(cr);
    cairo_destroy(cr);
    cairo_surface_flush(to);
    cairo_surface_destroy(to);
}

static void draw(struct job *j, const struct twin_inputs *in, struct picture *out) {
    double k = fmin(1, (double)DRAWN_SIDE / fmax(in->w, in->h));
    struct sketch_inputs s = {.prompt = in->prompt, .w = (int)fmax(64, in->w * k), .h = (int)fmax(64, in->h * k), .seed = j->seed, .format = "png"};
    cairo_surface_t *drawn = sketch_draw(&s, j->fonts, j->answer->scene);
    must(drawn);
    lay(drawn, s.w, s.h, in, out);
    cairo_surface_destroy(drawn);
}

/* The caller's pictures, toned as the prompt says, so that an edit looks like one. */
static bool change(struct job *j, const struct twin_inputs *in, struct picture *out) {
    struct picture given[EDIT_PICTURES], p;
    struct edit_plan e;
    int count = 0;
    for (int file; count < EDIT_PICTURES && (file = job_find_file(j, "image", count)) >= 0; count++)
        if (!picture_load(j, file, DRAWN_SIDE, &given[count])) return false;
    edit_read_prompt(in->prompt, &e);
    if (count > 1) edit_compose(given, count, &e, &p);
    else p = given[0];
    if (e.understood) {
        edit_apply_tone(&p, &e);
        for (int i = 0; i < e.style_count; i++) edit_apply_style(&p, &e, i, j->seed);
    }
    cairo_surface_t *from = picture_surface(&p);
    lay(from, p.w, p.h, in, out);
    cairo_surface_destroy(from);
    picture_done(&p);
    return true;
}

static bool make_picture(struct job *j, const struct twin_inputs *in, struct picture *out) {
    job_stage(j, "drawing", 2);
    if (in->w < 16 || in->h < 16) return job_fail(j, WIRE_INVALID, "The twin makes no picture that small."), false;
    if (job_find_file(j, "image", 0) >= 0) return change(j, in, out);
    draw(j, in, out);
    return true;
}

void twin_picture_job(struct job *j) {
    struct wire_answer *a = j->answer;
    struct twin_inputs in;
    struct picture p;
    struct buf file = {0};
    int64_t start = job_now_us();
    if (!read_inputs(j, &in) || !make_picture(j, &in, &p)) return;
    int64_t drawn = job_now_us();
    job_stage(j, "writing", 70);
    bool jpeg = !strcmp(in.format, "jpeg"), webp = !strcmp(in.format, "webp");
    if (!encode_picture(picture_surface(&p), in.format, &file)) return job_fail(j, WIRE_FAILED, "The picture could not be encoded.");
    if (!job_write(j, file.ptr, file.len)) return;
    a->render_us = drawn - start;
    a->encode_us = job_now_us() - drawn;
    a->width = p.w;
    a->height = p.h;
    snprintf(a->type, sizeof a->type, "image/%s", jpeg ? "jpeg" : webp ? "webp" : "png");
    snprintf(a->ext, sizeof a->ext, "%s", jpeg ? "jpg" : webp ? "webp" : "png");
}

/* --- films --- */

/* How much of the film has passed, as a strip at its foot: what moves. */
static void paint_strip(struct picture *p, int top, double part) {
    int filled = (int)(p->w * part);
    for (int y = top; y < p->h; y++)
        for (int x = 0; x < p->w; x++) p->px[(size_t)y * (size_t)p->w + (size_t)x] = x < filled ? 0xf2b632 : 0x20242c;
}

void twin_film_job(struct job *j) {
    struct twin_inputs in;
    struct picture p;
    struct film f;
    struct motion_plan words;
    int16_t *sound = NULL;
    int64_t samples = 0;
    if (!read_inputs(j, &in)) return;
    if (in.w % 2 || in.h % 2 || in.w > TWIN_FILM_SIDE || in.h > TWIN_FILM_SIDE || !in.frames) return job_fail(j, WIRE_INVALID, "The twin makes no such film.");
    if (!make_picture(j, &in, &p) || !film_begin(&f, j, in.w, in.h, in.fps, in.frames)) return;
    int top = in.h - (in.h / 40 + 3) / 2 * 2;
    for (int i = 0; i < in.frames; i++) {
        paint_strip(&p, top, (i + 1.0) / in.frames);
        if (!film_shoot_rows(&f, &p, i ? top : 0)) return;
    }
    motion_read_prompt(in.prompt, &words);
    if (in.sound) sound = motion_sound(&words, NULL, (double)in.frames / in.fps, j->seed, &samples);
    (void)film_end(&f, sound, samples);
    free(sound);
}

/* --- sound --- */

/* A plucked note every half second, of five that never clash. */
static void play(struct sound *s, uint64_t seed) {
    static const double steps[] = {261.63, 293.66, 329.63, 392.00, 440.00, 523.25};
    double step = s->rate / 2.0;
    for (size_t i = 0; i < s->frames; i++) {
        size_t note = (size_t)((double)i / step);
        double t = ((double)i - (double)note * step) / s->rate, hz = steps[px_noise((int)note, 7, (uint32_t)seed) % 6];
        s->samples[i] = (float)(0.3 * exp(-4 * t) * (1 - exp(-400 * t)) * (sin(2 * M_PI * hz * t) + 0.3 * sin(4 * M_PI * hz * t)));
    }
}

void twin_sound_job(struct job *j) {
    enum { RATE = 44100, BITS = 96000 };
    struct twin_inputs in;
    struct buf file = {0};
    if (!read_inputs(j, &in)) return;
    int64_t start = job_now_us();
    struct sound s = {.frames = (size_t)(in.ms * RATE / 1000), .channels = 1, .rate = RATE};
    if (!s.frames) return job_fail(j, WIRE_INVALID, "The twin makes no sound without a length.");
    s.samples = malloc(s.frames * sizeof *s.samples);
    must(s.samples);
    job_stage(j, "playing", 5);
    play(&s, j->seed);
    int64_t played = job_now_us();
    bool wav = !strcmp(in.format, "wav"), ogg = !strcmp(in.format, "ogg");
    if (wav) {
        tune_write_wav(NULL, 1, s.rate, s.frames, &file);
        sound_to_pcm(&s, &file);
    } else if (!sound_encode(j, &j->tools[ogg], &s, BITS, 50, 95, &file)) return;
    if (!job_write(j, file.ptr, file.len)) return;
    snprintf(j->answer->type, sizeof j->answer->type, "audio/%s", wav ? "wav" : ogg ? "ogg" : "mpeg");
    snprintf(j->answer->ext, sizeof j->answer->ext, "%s", wav ? "wav" : ogg ? "ogg" : "mp3");
    j->answer->render_us = played - start;
    j->answer->encode_us = job_now_us() - played;
    j->answer->duration_ms = in.ms;
}

/* Speech is quick enough as it is. */
void twin_voice_job(struct job *j) {
    j->mark = MARK;
    voice_job(j);
}
