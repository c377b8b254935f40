/* The model `tune` as a job: inputs, composition, fluidsynth, loudness, cover, tags, ffmpeg. Listed in models.c.
 *
 * fluidsynth and ffmpeg are programs of their own; no library of theirs is in this process. */
#include "media/helper/encode.h"
#include "media/helper/models.h"
#include "media/helper/sketch.h"
#include "media/helper/sound.h"
#include "media/helper/tune.h"
#include "media/helper/tune_tags.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SYNTH, ENCODER, RATE = 44100, MP3_BITS = 192000, COVER_SIDE = 640 };
/* A little under the -1 dBFS that is promised: what a decoder makes of an MP3 overshoots its source. */
static const double TARGET_LUFS = -16, CEILING_DBFS = -1.5;

/* Notes from the scratch file, float samples to stdout, as fast as it can; gain low enough that nothing is lost before mastering
 * (floats do not clip, but its own mixing of many voices is cleaner so). */
static const char *const SYNTH_ARGS[] = {
    "-n", "-i", "-q", "-g", "0.5", "-r", "44100", "-O", "float", "-T", "raw", "-o", "synth.lock-memory=0", "-o", "synth.cpu-cores=1",
    "-F", "-", "/usr/share/sounds/sf2/TimGM6mb.sf2", "/dev/fd/3", NULL};
static const struct tool_spec SYNTH_TOOL = {.program = "fluidsynth", .args = SYNTH_ARGS, .scratch = 1};
const struct tool_spec *const tune_tools[] = {[SYNTH] = &SYNTH_TOOL, [ENCODER] = &sound_mp3_encoder, NULL};

static bool write_scratch(int fd, const struct buf *b) {
    for (size_t at = 0; at < b->len;) {
        ssize_t n = write(fd, b->ptr + at, b->len - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += (size_t)n;
    }
    return true;
}

/* Exactly as many frames as asked for; what rings on after them is not fetched. */
static bool play(struct job *j, const struct tune_song *song, struct sound *out) {
    struct tool *synth = &j->tools[SYNTH];
    struct buf midi = {0};
    size_t frame = 2 * sizeof(float), got = 0, total = out->frames * frame;
    tune_write_smf(song, &midi);
    bool ok = write_scratch(synth->scratch[0], &midi) && tool_go(synth, NULL, 0);
    buf_done(&midi);
    tool_end_input(synth);
    for (size_t at = 0; ok && at < total; at += got) {
        size_t piece = total - at < 256 * 1024 ? total - at : 256 * 1024;
        ok = tool_read(synth, (char *)out->samples + at, piece, &got);
        job_stage(j, "playing", 4 + (int)(52 * at / total));
        if (got < piece) break;
    }
    if (!ok) job_fail(j, WIRE_FAILED, "The song could not be played. %s", synth->why);
    else if (peak_dbfs(out) < -80) job_fail(j, WIRE_FAILED, "The synthesiser played silence: the package timgm6mb-soundfont is not installed on this server.");
    return !j->answer->code;
}

static bool master(struct job *j, const struct tune_song *song, struct sound *s) {
    int64_t ring = song->plan.duration_ms - tune_bar_ms(&song->plan, song->plan.bars);
    size_t fade = (size_t)((ring > 3000 ? 3000 : ring) * RATE / 1000 * 3 / 4);
    job_stage(j, "mastering", 58);
    sound_fade_out(s, s->frames > fade ? s->frames - fade : 0);
    if (sound_normalise(s, TARGET_LUFS, CEILING_DBFS)) return true;
    job_fail(j, WIRE_FAILED, "There was no memory for a song of that length.");
    return false;
}

/* The prompt as `sketch` sees it, with the title lettered over it; a song without one is drawn from its theme and style. */
static void draw_cover(struct job *j, const struct tune_inputs *in, const struct tune_plan *p, struct buf *out) {
    char *scene = malloc(SKETCH_SCENE_BYTES), title[TUNE_TITLE_BYTES + 1];
    struct str words = in->prompt.len ? in->prompt : in->description.len ? in->description : str_of(p->theme);
    must(scene);
    snprintf(title, sizeof title, "%s", p->title);
    for (char *c = title; (c = strchr(c, '"'));) *c = '\''; /* a double quote would end the lettering */
    struct str prompt = arena_printf(&j->arena, "%.*s. \"%s\"", STR_ARG(str_head(words, 2000)), title);
    struct sketch_inputs drawing = {.prompt = prompt, .w = COVER_SIDE, .h = COVER_SIDE, .seed = in->seed, .format = "jpeg"};
    job_stage(j, "drawing the cover", 68);
    cairo_surface_t *s = sketch_draw(&drawing, j->fonts, scene);
    if (s && !encode_picture(s, "jpeg", out)) buf_clear(out); /* a song without a cover is still a song */
    if (s) cairo_surface_destroy(s);
    free(scene);
}

static bool write_mp3(struct job *j, const struct tune_inputs *in, const struct tune_song *song, const struct tune_lyrics *l, const struct sound *s) {
    struct buf cover = {0}, file = {0};
    draw_cover(j, in, &song->plan, &cover);
    tune_write_id3(&song->plan, l, buf_view(&cover), &file);
    bool ok = sound_encode(j, &j->tools[ENCODER], s, MP3_BITS, 72, 99, &file) && job_write(j, file.ptr, file.len);
    snprintf(j->answer->type, sizeof j->answer->type, "audio/mpeg");
    snprintf(j->answer->ext, sizeof j->answer->ext, "mp3");
    return ok;
}

static bool write_wav(struct job *j, const struct tune_song *song, const struct sound *s) {
    struct buf file = {0};
    job_stage(j, "encoding", 80);
    tune_write_wav(&song->plan, s->channels, s->rate, s->frames, &file);
    sound_to_pcm(s, &file);
    snprintf(j->answer->type, sizeof j->answer->type, "audio/wav");
    snprintf(j->answer->ext, sizeof j->answer->ext, "wav");
    return job_write(j, file.ptr, file.len);
}

void tune_job(struct job *j) {
    struct tune_inputs in;
    struct tune_song song;
    struct why why = {0};
    struct buf facts = {0};
    struct tune_lyrics *lyrics = arena_new(&j->arena, struct tune_lyrics);
    if (tune_read_inputs(j->inputs, j->seed, &j->arena, &why, &in)) return job_fail(j, WIRE_INVALID, "%s", why_text(&why));
    int64_t start = job_now_us();
    job_stage(j, "composing", 1);
    tune_compose(&in, &song);
    tune_make_lyrics(&in, &song.plan, &j->arena, lyrics);
    struct sound s = {.frames = (size_t)(in.duration_ms * RATE / 1000), .channels = 2, .rate = RATE};
    s.samples = calloc(s.frames * 2, sizeof *s.samples);
    if (!s.samples) return job_fail(j, WIRE_FAILED, "There was no memory for a song of that length.");
    if (!play(j, &song, &s) || !master(j, &song, &s)) return;
    int64_t mastered = job_now_us();
    if (!(strcmp(in.format, "wav") ? write_mp3(j, &in, &song, lyrics, &s) : write_wav(j, &song, &s))) return;
    tune_write_facts(&song, lyrics, in.seed, loudness_of(&s), peak_dbfs(&s), sizeof j->answer->scene, &facts);
    memcpy(j->answer->scene, facts.ptr, facts.len + 1);
    j->answer->render_us = mastered - start;
    j->answer->encode_us = job_now_us() - mastered;
    j->answer->duration_ms = in.duration_ms;
    /* The child ends here; its memory goes with it. */
}
