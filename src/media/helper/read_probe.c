/* See read_probe.h. Called by read_job.c behind the walls. */
#include "media/helper/read_probe.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"

#include <ctype.h>

enum { MOST_CHANNELS = 64, MOST_HERTZ = 768000, MOST_RATE_MILLI = 1000 * 1000 };

static err unusable(struct why *why) { return why_set(why, E_INVALID, "The file is damaged, or holds no sound or pictures that can be read."); }

static struct str text_of(const struct json *object, const char *key) {
    struct str s = {0};
    const struct json *j = json_get(object, key);
    if (json_is(j, JSON_NUMBER)) return j->text;
    return json_as_str(j, &s) ? s : (struct str){0};
}

/* A whole number, written as one or as a string; 0 when it is absent, negative or anything else. */
static int64_t count_of(const struct json *object, const char *key) {
    int64_t v = 0;
    return str_to_i64(text_of(object, key), &v) && v > 0 ? v : 0;
}

/* Seconds such as "12.345678" in milliseconds; 0 when absent or negative, MS_DAY + 1 for everything past a day. */
static int64_t ms_of(const struct json *object, const char *key) {
    struct str s = text_of(object, key);
    int64_t ms = 0;
    size_t i = 0;
    for (; i < s.len && isdigit((unsigned char)s.ptr[i]); i++) {
        ms = ms * 10 + (s.ptr[i] - '0') * 1000;
        if (ms > MS_DAY) return MS_DAY + 1;
    }
    if (!i || (i < s.len && s.ptr[i] != '.')) return 0;
    int64_t unit = 100;
    for (i++; i < s.len && unit; i++, unit /= 10) {
        if (!isdigit((unsigned char)s.ptr[i])) return 0;
        ms += (s.ptr[i] - '0') * unit;
    }
    return ms;
}

/* "30000/1001" in thousandths. */
static int64_t rate_of(const struct json *stream, const char *key) {
    struct str a, b;
    int64_t n = 0, d = 0;
    if (!str_cut(text_of(stream, key), '/', &a, &b) || !str_to_i64(a, &n) || !str_to_i64(b, &d)) return 0;
    if (n < 1 || d < 1 || n > INT32_MAX || d > INT32_MAX) return 0;
    int64_t milli = (n * 1000 + d / 2) / d;
    return milli <= MOST_RATE_MILLI ? milli : 0;
}

static void codec_of(const struct json *stream, char out[24]) {
    struct str s = text_of(stream, "codec_name");
    bool good = s.len > 0 && s.len < 24;
    for (size_t i = 0; good && i < s.len; i++) good = isalnum((unsigned char)s.ptr[i]) || s.ptr[i] == '_' || s.ptr[i] == '-';
    struct str name = good ? s : STR("unknown");
    memcpy(out, name.ptr, name.len);
    out[name.len] = 0;
}

static bool turned(const struct json *stream) {
    const struct json *list = json_get(stream, "side_data_list");
    if (!json_is(list, JSON_ARRAY)) return false;
    for (const struct json *j = list->child; j; j = j->next) {
        int64_t degrees = 0;
        if (str_to_i64(text_of(j, "rotation"), &degrees) && degrees % 180 != 0 && degrees % 90 == 0) return true;
    }
    return false;
}

static err read_video(const struct json *stream, struct why *why, struct probe_facts *f) {
    f->has_video = true;
    codec_of(stream, f->video_codec);
    int64_t w = count_of(stream, "width"), h = count_of(stream, "height");
    if (!w || !h) return unusable(why);
    if (w > LIMIT_READ_VIDEO_PIXELS || h > LIMIT_READ_VIDEO_PIXELS || w * h > LIMIT_READ_VIDEO_PIXELS)
        return why_set(why, E_INVALID, "The video says that it is %lld by %lld pixels; at most %lld pixels are read.", (long long)w, (long long)h,
                       (long long)LIMIT_READ_VIDEO_PIXELS);
    bool swap = turned(stream);
    f->width = swap ? h : w;
    f->height = swap ? w : h;
    f->rate_milli = rate_of(stream, "avg_frame_rate");
    if (!f->rate_milli) f->rate_milli = rate_of(stream, "r_frame_rate");
    f->frames = count_of(stream, "nb_frames");
    return OK;
}

static err read_audio(const struct json *stream, struct why *why, struct probe_facts *f) {
    f->has_audio = true;
    codec_of(stream, f->audio_codec);
    f->channels = count_of(stream, "channels");
    f->sample_rate = count_of(stream, "sample_rate");
    if (!f->channels || !f->sample_rate || f->channels > MOST_CHANNELS || f->sample_rate > MOST_HERTZ) return unusable(why);
    return OK;
}

/* The first track of a kind counts. */
static err read_stream(const struct json *stream, struct why *why, struct probe_facts *f) {
    struct str kind = text_of(stream, "codec_type");
    bool cover = count_of(json_get(stream, "disposition"), "attached_pic") == 1;
    if (str_is(kind, "video") && cover) f->has_cover = true;
    else if (str_is(kind, "video") && !f->has_video) return read_video(stream, why, f);
    else if (str_is(kind, "audio") && !f->has_audio) return read_audio(stream, why, f);
    return OK;
}

static err read_tree(const struct json *root, struct why *why, struct probe_facts *f) {
    const struct json *streams = json_get(root, "streams"), *format = json_get(root, "format");
    if (!json_is(streams, JSON_ARRAY) || !json_is(format, JSON_OBJECT)) return unusable(why);
    if (streams->count > LIMIT_READ_TRACKS || count_of(format, "nb_streams") > LIMIT_READ_TRACKS)
        return why_set(why, E_INVALID, "The file has more than %d tracks.", LIMIT_READ_TRACKS);
    int64_t longest = 0;
    for (const struct json *s = streams->child; s; s = s->next) {
        TRY(read_stream(s, why, f));
        int64_t ms = ms_of(s, "duration");
        if (ms > longest) longest = ms;
    }
    if (!f->has_audio && !f->has_video) return unusable(why);
    f->duration_ms = ms_of(format, "duration");
    if (!f->duration_ms) f->duration_ms = longest;
    if (f->duration_ms > MS_DAY) return why_set(why, E_INVALID, "The file says that it runs for more than a day.");
    int64_t expected = (f->duration_ms * f->rate_milli + 500000) / 1000000;
    if (f->has_video && (!f->frames || f->frames > LIMIT_READ_VIDEO_FRAMES)) f->frames = expected;
    if (f->frames > LIMIT_READ_VIDEO_FRAMES) return why_set(why, E_INVALID, "The video has more than %d frames.", LIMIT_READ_VIDEO_FRAMES);
    return OK;
}

err probe_read(struct str json, struct why *why, struct probe_facts *out) {
    struct arena a = {0};
    struct json *root = NULL;
    struct probe_facts f = {0};
    err e = json_parse(json, &a, NULL, &root) ? unusable(why) : read_tree(root, why, &f);
    arena_done(&a);
    if (!e) *out = f;
    return e;
}
