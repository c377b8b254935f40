/* See film.h. Called by motion_job.c. */
#include "media/helper/film.h"
#include "base/err.h"
#include "media/helper/mp4.h"

#include <stdio.h>
#include <stdlib.h>

/* Two threads always: the bytes depend on their number. No frames out of order, so that mp4.c needs no times. */
static const char *const video_args[] = {
    "-nostdin", "-v", "error", "-f", "yuv4mpegpipe", "-i", "pipe:0", "-an", "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-bf", "0", "-g", "96",
    "-threads", "2", "-pix_fmt", "yuv420p", "-profile:v", "high", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv",
    "-flags", "+bitexact", "-f", "h264", "pipe:1", NULL};
const struct tool_spec film_video_tool = {.program = "ffmpeg", .args = video_args};

static const char *const audio_args[] = {"-nostdin", "-v", "error", "-f", "s16le", "-ar", "48000", "-ac", "2", "-i", "pipe:0", "-c:a", "aac", "-b:a", "128k",
                                         "-flags", "+bitexact", "-f", "adts", "pipe:1", NULL};
const struct tool_spec film_audio_tool = {.program = "ffmpeg", .args = audio_args};

static bool tool_failed(struct job *j, const struct tool *t) {
    job_fail(j, WIRE_FAILED, "%s", t->why);
    return false;
}

bool film_begin(struct film *f, struct job *j, int w, int h, int fps, int frames) {
    char head[120];
    struct tool *t = &j->tools[FILM_VIDEO_TOOL];
    *f = (struct film){.job = j, .w = w, .h = h, .fps = fps, .frames = frames};
    must(w % 2 == 0 && h % 2 == 0 && frames > 0);
    f->planes = malloc((size_t)w * (size_t)h * 3 / 2);
    must(f->planes);
    int n = snprintf(head, sizeof head, "YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C420mpeg2 XYSCSS=420MPEG2 XCOLORRANGE=LIMITED\n", w, h, fps);
    return (tool_go(t, NULL, 0) && tool_write(t, head, (size_t)n)) || tool_failed(j, t);
}

/* BT.709, limited range; colour is the mean of two by two pixels. */
static void to_planes(const struct picture *p, int from, unsigned char *out) {
    int w = p->w, h = p->h;
    unsigned char *luma = out, *u = out + (size_t)w * (size_t)h, *v = u + (size_t)w * (size_t)h / 4;
    u += (size_t)w * (size_t)from / 4, v += (size_t)w * (size_t)from / 4;
    for (size_t i = (size_t)w * (size_t)from; i < (size_t)w * (size_t)h; i++) {
        uint32_t c = p->px[i];
        luma[i] = (unsigned char)((px_r(c) * 11966 + px_g(c) * 40254 + px_b(c) * 4064 + (16 << 16) + 32768) >> 16);
    }
    for (int y = from; y < h; y += 2) {
        const uint32_t *a = p->px + (size_t)y * (size_t)w, *b = a + w;
        for (int x = 0; x < w; x += 2) {
            int r = px_r(a[x]) + px_r(a[x + 1]) + px_r(b[x]) + px_r(b[x + 1]), g = px_g(a[x]) + px_g(a[x + 1]) + px_g(b[x]) + px_g(b[x + 1]);
            int bl = px_b(a[x]) + px_b(a[x + 1]) + px_b(b[x]) + px_b(b[x + 1]);
            *u++ = (unsigned char)((-6596 * r - 22189 * g + 28784 * bl + (512 << 16) + (2 << 16)) >> 18);
            *v++ = (unsigned char)((28784 * r - 26145 * g - 2639 * bl + (512 << 16) + (2 << 16)) >> 18);
        }
    }
}

bool film_shoot(struct film *f, const struct picture *p) { return film_shoot_rows(f, p, 0); }

bool film_shoot_rows(struct film *f, const struct picture *p, int from) {
    struct tool *t = &f->job->tools[FILM_VIDEO_TOOL];
    must(p->w == f->w && p->h == f->h && f->shot < f->frames);
    to_planes(p, from, f->planes);
    f->shot++;
    job_stage(f->job, "drawing", 5 + 85 * f->shot / f->frames);
    return (tool_write(t, "FRAME\n", 6) && tool_write(t, f->planes, (size_t)f->w * (size_t)f->h * 3 / 2)) || tool_failed(f->job, t);
}

bool film_end(struct film *f, const int16_t *sound, int64_t samples) {
    struct job *j = f->job;
    struct tool *video = &j->tools[FILM_VIDEO_TOOL], *audio = &j->tools[FILM_AUDIO_TOOL];
    struct why why = {0};
    struct buf file = {0};
    free(f->planes);
    int64_t drawn = job_now_us();
    j->answer->render_us = drawn - j->started;
    job_stage(j, "encoding", 91);
    tool_end_input(video);
    if (sound && !(tool_go(audio, NULL, 0) && tool_write(audio, sound, (size_t)samples * 4) && tool_finish(audio))) return tool_failed(j, audio);
    if (!tool_finish(video)) return tool_failed(j, video);
    job_stage(j, "writing", 97);
    struct mp4_film m = {.h264 = tool_output(video), .w = f->w, .h = f->h, .fps = f->fps, .frames = f->frames, .rate = FILM_RATE, .channels = 2, .samples = samples, .comment = str_of(j->mark)};
    if (sound) m.aac = tool_output(audio);
    if (mp4_write(&m, &why, &file)) {
        job_fail(j, WIRE_FAILED, "%s", why_text(&why));
        return false;
    }
    if (!job_write(j, file.ptr, file.len)) return false;
    buf_done(&file);
    j->answer->encode_us = job_now_us() - drawn;
    j->answer->width = f->w;
    j->answer->height = f->h;
    j->answer->duration_ms = (1000LL * f->frames + f->fps / 2) / f->fps;
    snprintf(j->answer->type, sizeof j->answer->type, "video/mp4");
    snprintf(j->answer->ext, sizeof j->answer->ext, "mp4");
    return true;
}
