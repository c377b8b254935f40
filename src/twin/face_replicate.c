/* Replicate's predictions, files and webhooks, from its clients (JavaScript 1.4.0, Python of 2025-12-18) and documentation. */
#include "base/hash.h"
#include "twin/wire.h"

#include <stdio.h>

enum shape { ONE, LIST, AVATAR = -1 };
#define SEEDANCE "prompt*:s image:u last_frame_image:u reference_images:U0..9 reference_videos:U0..3 reference_audios:U0..3 duration:i-1..30 " \
                 "aspect_ratio:s=16:9|4:3|1:1|3:4|9:16|21:9|9:21|adaptive generate_audio:b seed:i "
#define KLING "prompt:s start_image:u end_image:u mode:s=standard|pro|4k duration:i3..15 aspect_ratio:s=16:9|9:16|1:1 multi_prompt:s generate_audio:b negative_prompt:s "
#define VEO "prompt*:s image:u duration:i4..8 resolution:s=720p|1080p aspect_ratio:s=16:9|9:16 generate_audio:b negative_prompt:s seed:i "
#define VEO_DEFAULTS "{\"duration\":8,\"resolution\":\"1080p\",\"generate_audio\":true}"
#define GPT "prompt*:s aspect_ratio:s input_images:U background:s moderation:s output_format:s=png|jpeg|webp output_compression:i0..100 number_of_images:i1..10 user_id:s openai_api_key:s "

static const struct model {
    const char *name, *kind;
    enum shape shape;
    const char *words, *defaults;
} models[] = {
    {"openai/gpt-image-2", "image", LIST, GPT "quality:s=low|medium|high|auto ", "{\"output_format\":\"webp\"}"},
    {"openai/gpt-image-2.5-flare", "image", LIST, GPT "quality:s=low|medium|high|auto|xhigh|max ", "{\"output_format\":\"webp\"}"},
    {"openai/gpt-image-2.5-sunburst", "image", LIST, GPT "quality:s=low|medium|high|auto|xhigh|max ", "{\"output_format\":\"webp\"}"},
    {"openai/gpt-image-1.5", "image", LIST, GPT "quality:s=low|medium|high|auto input_fidelity:s=low|high ", "{\"output_format\":\"webp\"}"},
    {"google/nano-banana-pro", "image", ONE, "prompt*:s image_input:U0..14 aspect_ratio:s resolution:s=1K|2K|4K output_format:s=jpg|png safety_filter_level:s allow_fallback_model:b ", "{\"resolution\":\"2K\",\"output_format\":\"jpg\"}"},
    {"google/nano-banana-2", "image", ONE, "prompt*:s image_input:U0..14 aspect_ratio:s resolution:s=1K|2K|4K output_format:s=jpg|png google_search:b image_search:b ", "{\"output_format\":\"jpg\"}"},
    {"google/nano-banana-2-lite", "image", ONE, "prompt*:s image_input:U0..14 aspect_ratio:s output_format:s=jpg|png ", "{}"},
    {"google/imagen-4", "image", ONE, "prompt*:s aspect_ratio:s=1:1|9:16|16:9|3:4|4:3 safety_filter_level:s output_format:s=jpg|png image_size:s=1K|2K ", "{}"},
    {"bytedance/seedream-4", "image", LIST, "prompt*:s image_input:U0..10 size:s=1K|2K|4K|custom width:i height:i aspect_ratio:s max_images:i1..15 sequential_image_generation:s=disabled|auto enhance_prompt:b ", "{\"size\":\"2K\"}"},
    {"bytedance/seedream-4.5", "image", LIST, "prompt*:s image_input:U0..14 size:s=2K|4K|custom width:i height:i aspect_ratio:s max_images:i1..15 sequential_image_generation:s=disabled|auto ", "{\"size\":\"2K\"}"},
    {"bytedance/seedream-5-lite", "image", LIST, "prompt*:s image_input:U0..14 size:s=2K|3K|4K|custom width:i height:i aspect_ratio:s max_images:i1..15 sequential_image_generation:s=disabled|auto output_format:s=png|jpeg ", "{\"size\":\"2K\"}"},
    {"black-forest-labs/flux-schnell", "image", LIST, "prompt*:s aspect_ratio:s num_outputs:i1..4 output_format:s=webp|jpg|png output_quality:i seed:i go_fast:b megapixels:s=1|0.25 num_inference_steps:i disable_safety_checker:b ", "{\"output_format\":\"webp\"}"},
    {"black-forest-labs/flux-dev", "image", LIST, "prompt*:s image:u aspect_ratio:s num_outputs:i1..4 output_format:s=webp|jpg|png output_quality:i seed:i go_fast:b megapixels:s=1|0.25 guidance:n num_inference_steps:i disable_safety_checker:b ", "{\"output_format\":\"webp\"}"},
    {"black-forest-labs/flux-kontext-pro", "image", ONE, "prompt*:s input_image:u aspect_ratio:s output_format:s=jpg|png seed:i safety_tolerance:i0..6 prompt_upsampling:b ", "{\"output_format\":\"png\"}"},
    {"black-forest-labs/flux-1.1-pro", "image", ONE, "prompt*:s aspect_ratio:s output_format:s=webp|jpg|png seed:i width:i height:i ", "{\"output_format\":\"webp\"}"},
    {"black-forest-labs/flux-2-dev", "image", ONE, "prompt*:s input_images:U aspect_ratio:s output_format:s=webp|jpg|png seed:i width:i height:i go_fast:b ", "{\"output_format\":\"jpg\"}"},
    {"black-forest-labs/flux-2-pro", "image", ONE, "prompt*:s input_images:U aspect_ratio:s resolution:s output_format:s=webp|jpg|png seed:i width:i height:i safety_tolerance:i ", "{\"output_format\":\"webp\"}"},
    {"bytedance/seedance-2.0", "video", ONE, SEEDANCE "resolution:s=480p|720p|1080p|4k ", "{\"generate_audio\":true}"},
    {"bytedance/seedance-2.0-fast", "video", ONE, SEEDANCE "resolution:s=480p|720p ", "{\"generate_audio\":true}"},
    {"bytedance/seedance-2.5", "video", ONE, SEEDANCE "resolution:s=480p|720p watermark:b output_format:s=mp4|mov ", "{\"generate_audio\":true}"},
    {"bytedance/seedance-1.5-pro", "video", ONE, "prompt*:s image:u last_frame_image:u duration:i2..12 resolution:s=480p|720p|1080p aspect_ratio:s camera_fixed:b generate_audio:b seed:i fps:i ", "{\"generate_audio\":true}"},
    {"bytedance/seedance-1-pro", "video", ONE, "prompt*:s image:u last_frame_image:u duration:i2..12 resolution:s=480p|720p|1080p aspect_ratio:s camera_fixed:b fps:i24..24 seed:i ", "{\"resolution\":\"1080p\"}"},
    {"kwaivgi/kling-v3-video", "video", ONE, KLING, "{}"},
    {"kwaivgi/kling-v3-omni-video", "video", ONE, KLING "reference_images:U0..7 reference_video:u video_reference_type:s=feature|base keep_original_sound:b ", "{}"},
    {"kwaivgi/kling-avatar-v2", "video", AVATAR, "image*:u audio*:u prompt:s mode:s=std|pro ", "{}"},
    {"kwaivgi/kling-v2.6", "video", ONE, "prompt*:s start_image:u duration:i5..10 aspect_ratio:s=16:9|9:16|1:1 generate_audio:b negative_prompt:s ", "{\"generate_audio\":true}"},
    {"kwaivgi/kling-v2.5-turbo-pro", "video", ONE, "prompt*:s start_image:u end_image:u duration:i5..10 aspect_ratio:s=16:9|9:16|1:1 guidance_scale:n negative_prompt:s ", "{}"},
    {"kwaivgi/kling-lip-sync", "video", ONE, "video_url*:u audio_file:u text:s voice_id:s voice_speed:n ", "{\"generate_audio\":true}"},
    {"wan-video/wan-2.2-t2v-fast", "video", ONE, "prompt*:s num_frames:i81..121 resolution:s=480p|720p aspect_ratio:s=16:9|9:16 interpolate_output:b seed:i go_fast:b ", "{}"},
    {"wan-video/wan-2.2-i2v-fast", "video", ONE, "prompt*:s image*:u last_image:u num_frames:i81..121 resolution:s=480p|720p interpolate_output:b seed:i go_fast:b ", "{}"},
    {"google/veo-3", "video", ONE, VEO, VEO_DEFAULTS},
    {"google/veo-3-fast", "video", ONE, VEO, VEO_DEFAULTS},
    {"google/veo-3.1", "video", ONE, VEO "last_frame:u reference_images:U0..3 ", VEO_DEFAULTS},
    {"google/veo-3.1-fast", "video", ONE, VEO "last_frame:u ", VEO_DEFAULTS},
    {"google/veo-3.1-lite", "video", ONE, "prompt*:s image:u last_frame:u duration:i4..8 resolution:s=720p|1080p aspect_ratio:s=16:9|9:16 seed:i ", "{\"duration\":8,\"generate_audio\":true}"},
    {"openai/sora-2", "video", ONE, "prompt*:s seconds:i4..12 aspect_ratio:s=portrait|landscape input_reference:u ", "{\"seconds\":4,\"generate_audio\":true}"},
};

static const struct model *find_model(struct str name) {
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (str_is(name, models[i].name)) return &models[i];
    return NULL;
}

static void replicate_refuse(struct ask *a, enum twin_class class, const char *field, const char *sentence) {
    static const struct { int status; const char *title; } rows[CLASS_COUNT] = {
        [CLASS_CALLER] = {422, "Input validation failed"}, [CLASS_MODERATION] = {422, "Input validation failed"}, [CLASS_AUTH] = {401, "Unauthenticated"},
        [CLASS_QUOTA] = {402, "Insufficient credit"}, [CLASS_RATE_LIMIT] = {429, "Too many requests"}, [CLASS_TRANSIENT] = {503, "Service unavailable"},
        [CLASS_GONE] = {404, "Not found"}, [CLASS_UNCLASSIFIED] = {409, "Conflict"}};
    struct buf b = {};
    struct jw w = {.out = &b};
    jw_open(&w, '{'), jw_kz(&w, "title", rows[class].title), jw_kz(&w, "detail", sentence), jw_ki64(&w, "status", rows[class].status);
    if (*field) {
        jw_key(&w, "invalid_fields"), jw_open(&w, '['), jw_open(&w, '{'), jw_kz(&w, "type", "invalid"), jw_kstr(&w, "field", arena_printf(a->arena, "input.%s", field));
        jw_kz(&w, "description", sentence), jw_close(&w, '}'), jw_close(&w, ']');
    }
    jw_close(&w, '}');
    answer(a, rows[class].status, &b);
}

static bool replicate_key(struct ask *a) {
    struct str key;
    if ((ask_key(a, "Authorization", "Bearer ", &key) || ask_key(a, "Authorization", "Token ", &key)) && !str_starts(key, STR("bad"))) return true;
    refuse(a, CLASS_AUTH, "", "You did not pass a valid authentication token");
    return false;
}

static bool replicate_late(enum twin_class class) { return class == CLASS_MODERATION || class == CLASS_UNCLASSIFIED; }

/* 2026-11-22T02:00:00.123Z */
static struct str moment(msec at, struct arena *a) {
    int64_t s = at / 1000, days = s / 86400, z = days + 719468, era = z / 146097, doe = z - era * 146097, yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153, d = doy - (153 * mp + 2) / 5 + 1, m = mp < 10 ? mp + 3 : mp - 9;
    return arena_printf(a, "%04lld-%02lld-%02lldT%02lld:%02lld:%02lld.%03dZ", (long long)(yoe + era * 400 + (m <= 2)), (long long)m, (long long)d, (long long)(s % 86400 / 3600),
                        (long long)(s % 3600 / 60), (long long)(s % 60), (int)(at % 1000));
}

static void kmoment(struct jw *w, const char *key, msec at, struct arena *a) {
    if (at) jw_kstr(w, key, moment(at, a));
    else jw_kraw(w, key, STR("null"));
}

static const char *error_of(const struct work *w) {
    if (w->failure == CLASS_MODERATION) return "The input or output was flagged as sensitive. Please try again with different inputs. (E005)";
    if (w->failure == CLASS_TRANSIENT) return "Prediction interrupted; please retry (code: PA)";
    return w->failure == CLASS_UNCLASSIFIED ? "Something that is written nowhere" : w->sentence;
}

static void write_output(struct work *w, struct ask *a, struct jw *out) {
    jw_key(out, "output");
    if (w->state != WORK_DONE || w->mood.done_then_fail || !w->output_count) {
        jw_null(out);
        return;
    }
    w->links++;
    if (w->shape != LIST) {
        jw_str(out, work_link(w, a, 0));
        return;
    }
    jw_open(out, '[');
    for (int i = 0; i < w->output_count; i++) jw_str(out, work_link(w, a, i));
    jw_close(out, ']');
}

static void replicate_write(const struct work *w, struct ask *a, struct jw *out) {
    static const char *const states[] = {"starting", "processing", "succeeded", "failed", "canceled"};
    struct work *mine = (struct work *)w;
    struct str base = a ? server_base(a) : server_own(w->server);
    struct buf input = {};
    jw_open(out, '{'), jw_kz(out, "id", w->id), jw_kstr(out, "model", w->model), jw_kz(out, "version", "hidden"), jw_kz(out, "status", states[w->state]);
    json_write(&input, json_get(w->body, "input"));
    jw_kraw(out, "input", buf_view(&input));
    buf_done(&input);
    write_output(mine, a, out);
    jw_key(out, "error");
    if (w->state == WORK_FAILED) jw_z(out, error_of(w));
    else jw_null(out);
    jw_kz(out, "logs", ""), jw_kz(out, "source", "api"), jw_kbool(out, "data_removed", false);
    kmoment(out, "created_at", w->created, work_arena(w, a)), kmoment(out, "started_at", w->started, work_arena(w, a)), kmoment(out, "completed_at", w->ended, work_arena(w, a));
    msec took = w->ended && w->started ? w->ended - w->started : 0;
    jw_kraw(out, "metrics", w->ended ? arena_printf(work_arena(w, a), "{\"predict_time\":%lld.%03d,\"total_time\":%lld.%03d}", (long long)(took / 1000), (int)(took % 1000),
                                                    (long long)((w->ended - w->created) / 1000), (int)((w->ended - w->created) % 1000)) : STR("{}"));
    struct str own = arena_printf(work_arena(w, a), "%.*s/replicate/v1/predictions/%s", STR_ARG(base), w->id);
    jw_key(out, "urls"), jw_open(out, '{'), jw_kstr(out, "get", own), jw_kstr(out, "cancel", arena_printf(work_arena(w, a), "%.*s/cancel", STR_ARG(own)));
    jw_kstr(out, "web", own), jw_close(out, '}'), jw_close(out, '}');
}

static void answer_prediction(struct ask *a, struct work *w, int status) {
    struct buf b = {};
    struct jw out = {.out = &b};
    replicate_write(w, a, &out);
    answer(a, status, &b);
}

static void finish(struct ask *a, struct work *w) { answer_prediction(a, w, 201); }

static void take_files(struct work *w, const struct json *input) {
    static const struct file_member files[] = {
        {"image", "image"}, {"start_image", "image"}, {"input_image", "image"}, {"input_reference", "image"}, {"image_input", "image"}, {"input_images", "image"},
        {"reference_images", "image"}, {"last_frame_image", "end_image"}, {"end_image", "end_image"}, {"last_frame", "end_image"}, {"audio", "audio"},
        {"reference_audios", "audio"}, {"reference_videos", "video"}, {"reference_video", "video"}};
    const char *bad = work_files(w, input, files, sizeof files / sizeof *files);
    if (bad) work_fail(w, CLASS_CALLER, bad, "%s: cannot read this file", bad);
}

static bool prefers_wait(const struct ask *a) { return str_starts(ask_header(a, "Prefer"), STR("wait")); }

/* Beyond what words can say: 1080p of Veo 3.1 lite is 8 seconds long, which is its default too. */
static bool is_too_short(struct str name, const struct json *input) {
    int64_t seconds = 8;
    (void)json_as_i64(json_get(input, "duration"), &seconds);
    return str_is(name, "google/veo-3.1-lite") && str_is(text_of(input, "resolution"), "1080p") && seconds != 8;
}

static void create(struct ask *a, struct str name) {
    struct fault f;
    const struct model *m = find_model(name);
    const struct json *input = json_get(a->json, "input"), *number;
    int64_t n = 0;
    if (!m) return refuse(a, CLASS_GONE, "", "The requested model could not be found.");
    if (!check(a->json, "input*:o webhook:u webhook_events_filter:o stream:b", &f)) return refuse(a, CLASS_CALLER, f.field, "%s", f.sentence);
    if (!check(input, m->words, &f)) return refuse(a, CLASS_CALLER, f.field, "- input.%s", f.sentence);
    if (is_too_short(name, input)) return refuse(a, CLASS_CALLER, "duration", "- input.duration: 1080p is 8 seconds long");
    struct str settings = merged(input, m->defaults, a->arena);
    number = json_get(input, "number_of_images");
    if (!json_as_i64(number, &n) && m->shape == LIST && str_is(text_of(input, "sequential_image_generation"), "auto")) (void)json_as_i64(json_get(input, "max_images"), &n);
    if (n) settings = arena_printf(a->arena, "%.*s,\"n\":%lld}", (int)settings.len - 1, settings.ptr, (long long)n);
    struct work *w = work_new(a, m->kind, name, settings);
    if (!w) return;
    w->shape = (int)m->shape;
    w->webhook = arena_dup(&w->arena, text_of(a->json, "webhook"));
    take_files(w, input);
    if (!work_go(a, w)) return;
    if (prefers_wait(a)) work_wait(a, w);
    else answer_prediction(a, w, 201);
}

static void of_model(struct ask *a) { create(a, arena_printf(a->arena, "%.*s/%.*s", STR_ARG(a->args[0]), STR_ARG(a->args[1]))); }

static void of_version(struct ask *a) {
    struct str version = text_of(a->json, "version"), name, hash;
    if (!version.len) return refuse(a, CLASS_CALLER, "version", "version is required");
    (void)str_cut(version, ':', &name, &hash);
    create(a, name);
}

static void get(struct ask *a) {
    struct work *w = work_find(a->server, &face_replicate, a->args[0]);
    if (w) answer_prediction(a, w, 200);
    else refuse(a, CLASS_GONE, "", "The requested resource could not be found.");
}

static void cancel(struct ask *a) {
    struct work *w = work_find(a->server, &face_replicate, a->args[0]);
    if (!w) return refuse(a, CLASS_GONE, "", "The requested resource could not be found.");
    work_cancel(w);
    answer_prediction(a, w, 200);
}

static void list(struct ask *a) {
    struct buf b = {};
    struct jw out = {.out = &b};
    int n = 0;
    jw_open(&out, '{'), jw_kraw(&out, "previous", STR("null")), jw_kraw(&out, "next", STR("null")), jw_key(&out, "results"), jw_open(&out, '[');
    for (struct work *w = server_works(a->server)->newest; w && n < 100; w = w->next)
        if (w->face == &face_replicate) replicate_write(w, a, &out), n++;
    jw_close(&out, ']'), jw_close(&out, '}');
    answer(a, 200, &b);
}

static void write_upload(struct ask *a, const struct upload *u, struct jw *w) {
    char hash[SHA256_HEX + 1];
    sha256_hex(u->bytes, hash);
    jw_open(w, '{'), jw_kz(w, "id", u->id), jw_kz(w, "name", u->name), jw_kz(w, "content_type", u->type), jw_ki64(w, "size", (int64_t)u->bytes.len), jw_kstr(w, "etag", str_head(str_of(hash), 32));
    jw_key(w, "checksums"), jw_open(w, '{'), jw_kz(w, "sha256", hash), jw_close(w, '}'), jw_kraw(w, "metadata", STR("{}"));
    kmoment(w, "created_at", u->at, a->arena), kmoment(w, "expires_at", u->at + MS_DAY, a->arena);
    jw_key(w, "urls"), jw_open(w, '{'), jw_kstr(w, "get", arena_printf(a->arena, "%.*s/replicate/v1/files/%s", STR_ARG(server_base(a)), u->id)), jw_close(w, '}'), jw_close(w, '}');
}

static void upload(struct ask *a) {
    struct part parts[8];
    int n = parts_read(ask_header(a, "Content-Type"), a->body, parts, 8);
    for (int i = 0; i < n; i++) {
        if (!str_is(parts[i].name, "content")) continue;
        struct upload *u = upload_new(a, parts[i].type, parts[i].filename, parts[i].bytes);
        if (!u) return refuse(a, CLASS_TRANSIENT, "", "There is no room.");
        struct buf b = {};
        struct jw w = {.out = &b};
        write_upload(a, u, &w);
        return answer(a, 201, &b);
    }
    refuse(a, CLASS_CALLER, "content", "content is required as a part of multipart/form-data");
}

static void file(struct ask *a) {
    struct upload *u = upload_in(a->server, a->args[0]);
    struct buf b = {};
    struct jw w = {.out = &b};
    if (!u) return refuse(a, CLASS_GONE, "", "The requested resource could not be found.");
    write_upload(a, u, &w);
    answer(a, 200, &b);
}

static void secret(struct ask *a) {
    struct buf b = {};
    buf_printf(&b, "{\"key\":\"%s\"}", server_keys(a->server)->secret);
    answer(a, 200, &b);
}

static void replicate_sign(struct twin_server *s, const struct work *w, struct str body, msec now, struct arena *a, struct upstream_header *out, size_t *count) {
    sign_hook(s, arena_printf(a, "msg_%s", w->id), body, now, a, out, count);
}

static const struct face_route routes[] = {
    {"POST", "models/*/*/predictions", "submit", of_model, false}, {"POST", "predictions", "submit", of_version, false},
    {"GET", "predictions", "list", list, false},                   {"GET", "predictions/*", "poll", get, false},
    {"POST", "predictions/*/cancel", "cancel", cancel, false},     {"POST", "files", "upload", upload, false},
    {"GET", "files/*", "file", file, false},                       {"GET", "webhooks/default/secret", "keys", secret, false},
};
const struct face face_replicate = {.name = "replicate", .version = "v1/", .routes = routes, .route_count = sizeof routes / sizeof *routes, .refuse = replicate_refuse,
                                    .key = replicate_key, .late = replicate_late, .write = replicate_write, .sign = replicate_sign, .finish = finish};
