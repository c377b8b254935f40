/* Reads a stranger's file in the media helper: facts, and small copies of its picture. Used by the drive's derived files and by
 * whatever must know a file's length or size before it prices.
 *
 * Always: no byte of the file is interpreted in this process but by the sniff of its first 4096; what the helper answers is checked
 * against bounds here, and a copy against its own bytes in helper.c. */
#include "media/media.h"
#include "base/json.h"
#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void refuse(struct read_answer *a, err code, const char *sentence) {
    *a = (struct read_answer){.code = code};
    snprintf(a->detail, sizeof a->detail, "%s", sentence);
}

/* The model that reads files of this type; NULL for what is not read: playlists, SVG, PDF, text, and the unknown. */
static const char *model_for(const struct sniffed *s) {
    static const char *const pictures[] = {"image/png", "image/jpeg", "image/webp", "image/gif"};
    if (!s->type) return NULL;
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
        if (!strcmp(s->type, pictures[i])) return "read-image";
    return !strcmp(s->kind, "audio") || !strcmp(s->kind, "video") ? "read-av" : NULL;
}

static bool take_number(const struct json *facts, const char *key, int64_t most, int64_t *out) {
    int64_t v = -1;
    if (!json_as_i64(json_get(facts, key), &v) || v < 0 || v > most) return false;
    *out = v;
    return true;
}

static bool take_word(const struct json *facts, const char *key, char out[24]) {
    struct str s;
    if (!json_as_str(json_get(facts, key), &s) || s.len >= 24) return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || s.ptr[i] == '"' || s.ptr[i] == '\\') return false;
    if (s.len) memcpy(out, s.ptr, s.len);
    out[s.len] = 0;
    return true;
}

static bool take_facts(const struct json *f, struct read_answer *a) {
    if (!json_is(f, JSON_OBJECT) || !take_number(f, "width", 65535, &a->width) || !take_number(f, "height", 65535, &a->height)) return false;
    if (a->width * a->height > LIMIT_READ_PIXELS || !a->width != !a->height) return false;
    return take_number(f, "duration_ms", MS_DAY, &a->duration_ms) && take_number(f, "frames", LIMIT_READ_VIDEO_FRAMES, &a->frames) &&
           take_number(f, "rate_milli", 1000 * 1000, &a->rate_milli) && take_number(f, "channels", 64, &a->channels) &&
           take_number(f, "sample_rate", 768000, &a->sample_rate) && json_as_bool(json_get(f, "has_audio"), &a->has_audio) &&
           json_as_bool(json_get(f, "has_video"), &a->has_video) && take_word(f, "video_codec", a->video_codec) &&
           take_word(f, "audio_codec", a->audio_codec);
}

/* What belongs together must be there together. */
static bool consistent(const struct read_job *job, const struct sniffed *s, const struct read_answer *a) {
    bool picture = !strcmp(s->kind, "image");
    if (picture ? !a->width || a->has_audio || a->has_video || !a->frames : !a->has_audio && !a->has_video) return false;
    if ((a->has_video && !a->width) || (a->has_audio && (!a->channels || !a->sample_rate))) return false;
    if (job->want == READ_PROBE) return !a->bytes;
    int64_t side = job->want == READ_THUMBNAIL ? LIMIT_THUMBNAIL_SIDE : job->want == READ_OPTIMISED ? LIMIT_OPTIMISED_SIDE : LIMIT_POSTER_SIDE;
    return a->out_width >= 1 && a->out_height >= 1 && a->out_width <= side && a->out_height <= side &&
           !strcmp(a->out_type, job->want == READ_POSTER ? "image/jpeg" : "image/webp");
}

static void translate(const struct read_job *job, const struct sniffed *s, const struct render_answer *r, struct read_answer *out) {
    struct arena arena = {0};
    struct json *facts = NULL;
    struct read_answer a = {.code = OK};
    bool good = json_parse(str_of(r->scene), &arena, NULL, &facts) == OK && take_facts(facts, &a);
    arena_done(&arena);
    snprintf(a.type, sizeof a.type, "%s", s->type);
    snprintf(a.ext, sizeof a.ext, "%s", s->ext);
    if (job->want != READ_PROBE) {
        a.bytes = r->bytes;
        a.out_width = r->width;
        a.out_height = r->height;
        snprintf(a.out_type, sizeof a.out_type, "%s", r->type);
        snprintf(a.out_ext, sizeof a.out_ext, "%s", r->ext);
    }
    if (good && consistent(job, s, &a)) {
        *out = a;
        return;
    }
    if (job->want != READ_PROBE && unlink(job->out_path)) { /* it is not used, whatever it is */
    }
    refuse(out, E_UPSTREAM, "What the media helper said about the file made no sense and was not used.");
}

void helper_read(struct helper *h, const struct read_job *job, struct read_answer *out) {
    static const char *const inputs[] = {[READ_PROBE] = "{\"want\":\"probe\"}", [READ_THUMBNAIL] = "{\"want\":\"thumbnail\"}",
                                         [READ_OPTIMISED] = "{\"want\":\"optimised\"}", [READ_POSTER] = "{\"want\":\"poster\"}"};
    char head[4096];
    ssize_t n = pread(job->fd, head, sizeof head, 0);
    if (n < 0) return refuse(out, E_UPSTREAM, "The file could not be read.");
    struct sniffed s = media_sniff(str_n(head, (size_t)n));
    const char *model = model_for(&s);
    if (!model) return refuse(out, E_MEDIA_TYPE, "The file is no picture, sound or video of a type that is read here: PNG, JPEG, WebP, GIF, MP3, WAV, FLAC, Ogg, MP4, MOV, WebM or Matroska.");
    struct media_input file = {.name = "file", .fd = job->fd};
    msec timeout = job->timeout > 0 && job->timeout < LIMIT_MEDIA_READ_MS ? job->timeout : LIMIT_MEDIA_READ_MS;
    struct render_job r = {.model = model, .inputs = str_of(inputs[job->want]), .timeout = timeout, .files = &file, .file_count = 1,
                           .out_path = job->want == READ_PROBE ? NULL : job->out_path};
    struct render_answer *a = calloc(1, sizeof *a);
    must(a);
    if (job->want != READ_PROBE && !job->out_path) refuse(out, E_UPSTREAM, "No place was given for the copy.");
    else {
        helper_render(h, &r, a);
        if (a->code) refuse(out, a->code, a->code == E_DEADLINE ? "The file was not read before its deadline." : a->detail);
        else translate(job, &s, a, out);
    }
    free(a);
}
