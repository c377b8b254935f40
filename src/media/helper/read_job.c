/* See read_job.h. The file is descriptor WIRE_FILES_FD; its type is the server's sniff and is forced on every reader. Inputs are
 * {"want": "probe" | "thumbnail" | "optimised" | "poster"}; the scene of the answer is what read.c reads back.
 *
 * Every derived file is encoded here from pixels, never copied from the stranger's file or from a tool's output: nothing that was
 * hidden in the file, neither metadata nor markup, is in its copy. */
#include "media/helper/read_job.h"
#include "base/json.h"
#include "base/limits.h"
#include "media/helper/read_bytes.h"
#include "media/helper/read_image.h"
#include "media/helper/read_probe.h"

#include <stdio.h>
#include <stdlib.h>

enum { PROBE, FRAME };
enum { FORMATS = 6, FILTERS = 3 };

/* What a copy is: its long side, and whether it is JPEG or WebP. */
struct copy { const char *want; int longest; bool jpeg; int quality; };
static const struct copy COPIES[FILTERS] = {
    {"thumbnail", LIMIT_THUMBNAIL_SIDE, false, 80}, {"optimised", LIMIT_OPTIMISED_SIDE, false, 82}, {"poster", LIMIT_POSTER_SIDE, true, 85}};

#define TEXT_OF(n) #n
#define TEXT(n) TEXT_OF(n)
/* Square pixels, never larger than the video, and of the first frames the one that is most like the others: not a black one. */
#define FRAME_OF(side)                                                              \
    "scale=w='max(1,trunc(iw*sar*min(1," TEXT(side) "/max(iw*sar,ih))))':"          \
    "h='max(1,trunc(ih*min(1," TEXT(side) "/max(iw*sar,ih))))',thumbnail=24"

/* The first six are the demuxers of the types below; then a filter for each copy; then which picture: the video, or the cover. */
static const char *const WORDS[] = {
    "mov", "matroska", "mp3", "wav", "flac", "ogg", FRAME_OF(LIMIT_THUMBNAIL_SIDE), FRAME_OF(LIMIT_OPTIMISED_SIDE), FRAME_OF(LIMIT_POSTER_SIDE), "0:V:0", "0:v:0", NULL};

static int demuxer(const char *type) {
    static const struct { const char *type; int word; } types[] = {
        {"video/mp4", 0}, {"video/quicktime", 0}, {"audio/mp4", 0}, {"video/webm", 1}, {"video/x-matroska", 1},
        {"audio/mpeg", 2}, {"audio/wav", 3}, {"audio/flac", 4}, {"audio/ogg", 5}, {"video/ogg", 5}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i].type, type)) return types[i].word;
    return -1;
}

/* Neither tool may open anything but the descriptor it was given: no network, no playlist, no file a container names. */
#define INPUT_LIMITS                                                                                                             \
    "-max_alloc", "536870912", "-threads", "1", "-protocol_whitelist", "file", "-max_streams", TEXT(LIMIT_READ_TRACKS), "-max_pixels", \
        TEXT(LIMIT_READ_VIDEO_PIXELS), "-probesize", "5000000", "-analyzeduration", "3000000", "-f", "@0"

static const char *const PROBE_ARGS[] = {
    "-hide_banner", "-v", "quiet", INPUT_LIMITS, "-show_entries",
    "format=duration,nb_streams:stream=codec_type,codec_name,width,height,r_frame_rate,avg_frame_rate,nb_frames,duration,channels,sample_rate:"
    "stream_disposition=attached_pic:stream_side_data=rotation",
    "-of", "json=compact=1", "-i", "file:/dev/fd/8", NULL};
static const char *const FRAME_ARGS[] = {
    "-hide_banner", "-v", "quiet", "-nostdin", "-filter_threads", "1", INPUT_LIMITS, "-t", "10", "-an", "-sn", "-dn", "-i", "file:/dev/fd/8",
    "-map", "@2", "-frames:v", "1", "-vf", "@1", "-c:v", "ppm", "-f", "image2pipe", "pipe:1", NULL};

static const struct tool_spec PROBE_TOOL = {.program = "ffprobe", .args = PROBE_ARGS, .words = WORDS, .files = true};
static const struct tool_spec FRAME_TOOL = {.program = "ffmpeg", .args = FRAME_ARGS, .words = WORDS, .files = true};
const struct tool_spec *const read_av_tools[] = {[PROBE] = &PROBE_TOOL, [FRAME] = &FRAME_TOOL, NULL};

static bool fails(struct job *j, err e, const struct why *why) {
    if (e) job_fail(j, e == E_INVALID || e == E_MEDIA_TYPE ? WIRE_INVALID : WIRE_FAILED, "%s", why_text(why));
    return e != OK;
}

/* The copy that is wanted, NULL for facts only. False, and the job has failed, when the request is not ours. */
static bool wanted(struct job *j, const struct copy **out) {
    struct json *root = NULL;
    struct str want = {0};
    *out = NULL;
    if (j->file_count == 1 && json_parse(j->inputs, &j->arena, NULL, &root) == OK && json_as_str(json_get(root, "want"), &want)) {
        for (int i = 0; i < FILTERS; i++)
            if (str_is(want, COPIES[i].want)) *out = &COPIES[i];
        if (*out || str_is(want, "probe")) return true;
    }
    job_fail(j, WIRE_FAILED, "The request to read a file was not understood.");
    return false;
}

static void say(struct job *j, const struct probe_facts *f) {
    struct buf b = {0};
    struct jw w = {.out = &b};
    jw_open(&w, '{');
    jw_ki64(&w, "width", f->width);
    jw_ki64(&w, "height", f->height);
    jw_ki64(&w, "duration_ms", f->duration_ms);
    jw_ki64(&w, "frames", f->frames);
    jw_ki64(&w, "rate_milli", f->rate_milli);
    jw_ki64(&w, "channels", f->channels);
    jw_ki64(&w, "sample_rate", f->sample_rate);
    jw_kbool(&w, "has_audio", f->has_audio);
    jw_kbool(&w, "has_video", f->has_video);
    jw_kz(&w, "video_codec", f->video_codec);
    jw_kz(&w, "audio_codec", f->audio_codec);
    jw_close(&w, '}');
    must(b.len < sizeof j->answer->scene);
    memcpy(j->answer->scene, b.ptr, b.len + 1);
    buf_done(&b);
}

static void write_copy(struct job *j, const struct copy *c, const struct pixels *p) {
    struct buf file = {0};
    bool made = c->jpeg ? image_to_jpeg(p, c->quality, &file) : image_to_webp(p, c->quality, &file);
    if (!made) job_fail(j, WIRE_FAILED, "There was no memory for making the copy.");
    else if (job_write(j, file.ptr, file.len)) {
        j->answer->width = p->w;
        j->answer->height = p->h;
        snprintf(j->answer->type, sizeof j->answer->type, "%s", c->jpeg ? "image/jpeg" : "image/webp");
        snprintf(j->answer->ext, sizeof j->answer->ext, "%s", c->jpeg ? "jpg" : "webp");
    }
    buf_done(&file);
}

void read_image_run(struct job *j) {
    const struct copy *copy;
    struct buf file = {0};
    struct why why = {0};
    struct image_head head;
    struct pixels p = {0};
    if (!wanted(j, &copy) || !job_read_file(j, 0, LIMIT_READ_IMAGE_BYTES, &file)) return;
    const char *type = j->files[0].type;
    if (fails(j, image_head(type, buf_view(&file), &why, &head), &why)) return;
    struct probe_facts facts = {.width = head.width, .height = head.height, .frames = head.frames, .duration_ms = head.duration_ms};
    snprintf(facts.video_codec, sizeof facts.video_codec, "%s", type + strlen("image/"));
    say(j, &facts);
    if (!copy || fails(j, image_pixels(type, buf_view(&file), copy->longest, &why, &p), &why)) return;
    if (!pixels_orient(&p, head.orientation)) job_fail(j, WIRE_FAILED, "There was no memory for making the copy.");
    else write_copy(j, copy, &p);
    pixels_done(&p); /* the file's bytes go with the child */
}

/* The whole of what a tool says, or a failed job: E_INVALID when it would not read the file. */
static bool run_tool(struct job *j, struct tool *t, const int64_t *words, int count) {
    if (tool_go(t, words, count) && tool_finish(t) && tool_output(t).len) return true;
    if (t->absent) job_fail(j, WIRE_FAILED, "%s", t->why);
    else job_fail(j, WIRE_INVALID, "The file is damaged, or holds no sound or pictures that can be read.");
    return false;
}

static bool from_ppm(struct str file, int longest, struct pixels *out) {
    struct ppm ppm;
    if (!ppm_read(file, longest, &ppm)) return false;
    struct pixels p = {ppm.w, ppm.h, malloc((size_t)ppm.w * (size_t)ppm.h * 4)};
    if (!p.rgba) return false;
    for (size_t i = 0; i < (size_t)p.w * (size_t)p.h; i++) {
        memcpy(p.rgba + i * 4, ppm.rgb + i * 3, 3);
        p.rgba[i * 4 + 3] = 255;
    }
    *out = p;
    return true;
}

void read_av_run(struct job *j) {
    const struct copy *copy;
    struct why why = {0};
    struct probe_facts facts;
    struct pixels p = {0};
    int word = demuxer(j->files[0].type);
    if (!wanted(j, &copy)) return;
    if (word < 0) return job_fail(j, WIRE_INVALID, "Files of that type are not read.");
    if (!run_tool(j, &j->tools[PROBE], (int64_t[]){word}, 1)) return;
    if (fails(j, probe_read(tool_output(&j->tools[PROBE]), &why, &facts), &why)) return;
    say(j, &facts);
    if (!copy) return;
    if (!facts.has_video && !facts.has_cover) return job_fail(j, WIRE_INVALID, "The file has sound and no picture.");
    int64_t words[] = {word, FORMATS + (copy - COPIES), FORMATS + FILTERS + (facts.has_video ? 0 : 1)};
    if (!run_tool(j, &j->tools[FRAME], words, 3)) return;
    if (!from_ppm(tool_output(&j->tools[FRAME]), copy->longest, &p)) return job_fail(j, WIRE_INVALID, "No picture could be taken from the file.");
    write_copy(j, copy, &p);
    pixels_done(&p);
}
