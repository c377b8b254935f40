/* fal.ai's queue, storage and webhooks, from its documents (client types of 2026-08-02, pages on queue, webhooks and errors). Inputs are
 * looked at when the work runs, as there: a wrong one is a work that ends COMPLETED and whose result is a 422. */
#include "base/hash.h"
#include "twin/wire.h"

#include <stdio.h>

enum shape { IMAGES, VIDEO, AUDIO, TRANSCRIPT, AVATAR = -1 };

#define PICTURE "num_images:i1..4 output_format:s=jpeg|png|webp seed:i sync_mode:b "
#define PRESETS "|square_hd|square|portrait_4_3|portrait_16_9|landscape_4_3|landscape_16_9|auto"
#define SEEDREAM "prompt*:s num_images:i1..6 max_images:i1..6 enhance_prompt_mode:s=standard|fast enable_safety_checker:b seed:i sync_mode:b "
#define SEEDREAM_4 "image_size:z921600..16777216" PRESETS "|auto_2K|auto_4K " SEEDREAM
#define SEEDREAM_45 "image_size:z3686400..16777216" PRESETS "|auto_2K|auto_4K " SEEDREAM
#define SEEDREAM_5 "image_size:z1..33554432" PRESETS "|auto_2K|auto_3K|auto_4K return_byteplus_urls:b " SEEDREAM
#define GPT "prompt*:s image_size:z655360..8294400" PRESETS " quality:s=auto|low|medium|high num_images:i1..4 output_format:s=jpeg|png|webp sync_mode:b "
#define SEEDANCE "prompt*:s duration:d4..15|auto aspect_ratio:s=auto|21:9|16:9|4:3|1:1|3:4|9:16 generate_audio:b bitrate_mode:s=standard|high end_user_id:s "
#define SEEDANCE_LARGE SEEDANCE "resolution:s=480p|720p|1080p|4k "
#define SEEDANCE_SMALL SEEDANCE "resolution:s=480p|720p "
#define REFERENCES "image_urls:U0..9 video_urls:U0..3 audio_urls:U0..3 "
#define KLING "prompt:s0..2500 multi_prompt:o duration:d3..15 generate_audio:b negative_prompt:s cfg_scale:n shot_type:s=customize|intelligent "
#define KLING_2 "prompt*:s1..2500 duration:s=5|10 negative_prompt:s cfg_scale:n "
#define SEEDANCE_15 "prompt*:s duration:d4..12 aspect_ratio:s=21:9|16:9|4:3|1:1|3:4|9:16|auto resolution:s=480p|720p|1080p generate_audio:b camera_fixed:b seed:i enable_safety_checker:b "
#define HAILUO "prompt*:s1..2000 prompt_optimizer:b "
#define VEO "prompt*:s duration:s=4s|6s|8s generate_audio:b negative_prompt:s seed:i auto_fix:b safety_tolerance:s=1|2|3|4|5|6 aspect_ratio:s=auto|16:9|9:16 "
#define BANANA "prompt*:s aspect_ratio:s=auto|21:9|16:9|3:2|4:3|5:4|1:1|4:5|3:4|2:3|9:16|4:1|1:4|8:1|1:8 num_images:i1..4 output_format:s=jpeg|png|webp seed:i sync_mode:b "
#define SOUND_ON "{\"generate_audio\":true}"

static const struct endpoint {
    const char *id;   /* or its beginning, when it ends with a slash */
    const char *kind;
    enum shape shape;
    const char *words, *defaults;
} endpoints[] = {
    {"openai/gpt-image-2", "image", IMAGES, GPT, "{\"image_size\":\"landscape_4_3\"}"},
    {"openai/gpt-image-2/edit", "image", IMAGES, GPT "image_urls*:U1..16 mask_url:u ", "{}"},
    {"openai/gpt-image-2.5/", "image", IMAGES, "prompt*:s image_size:z quality:s=auto|low|medium|high|xhigh|max num_images:i1..10 output_format:s=jpeg|png|webp sync_mode:b ", "{}"},
    {"fal-ai/bytedance/seedream/v4/text-to-image", "image", IMAGES, SEEDREAM_4, "{\"image_size\":{\"width\":2048,\"height\":2048}}"},
    {"fal-ai/bytedance/seedream/v4/edit", "image", IMAGES, SEEDREAM_4 "image_urls*:U1..10 ", "{}"},
    {"fal-ai/bytedance/seedream/v4.5/text-to-image", "image", IMAGES, SEEDREAM_45, "{\"image_size\":{\"width\":2048,\"height\":2048}}"},
    {"fal-ai/bytedance/seedream/v4.5/edit", "image", IMAGES, SEEDREAM_45 "image_urls*:U1..10 ", "{}"},
    {"bytedance/seedream/v5/lite/text-to-image", "image", IMAGES, SEEDREAM_5, "{}"},
    {"bytedance/seedream/v5/lite/edit", "image", IMAGES, SEEDREAM_5 "image_urls*:U1..14 ", "{}"},
    {"fal-ai/imagen4/preview", "image", IMAGES, "prompt*:s aspect_ratio:s=1:1|16:9|9:16|3:4|4:3 num_images:i1..4 output_format:s=jpeg|png|webp resolution:s=1K|2K seed:i ", "{}"},
    {"fal-ai/nano-banana-pro", "image", IMAGES, BANANA "resolution:s=1K|2K|4K ", "{}"},
    {"fal-ai/nano-banana-pro/edit", "image", IMAGES, BANANA "resolution:s=1K|2K|4K image_urls*:U1..14 ", "{}"},
    {"fal-ai/nano-banana-2", "image", IMAGES, BANANA "resolution:s=0.5K|1K|2K|4K ", "{}"},
    {"fal-ai/nano-banana-2/edit", "image", IMAGES, BANANA "resolution:s=0.5K|1K|2K|4K image_urls*:U1..14 ", "{}"},
    {"fal-ai/kling-image/v3/text-to-image", "image", IMAGES, "prompt*:s1..2500 aspect_ratio:s=16:9|9:16|1:1|4:3|3:4|3:2|2:3|21:9 resolution:s=1K|2K num_images:i1..9 output_format:s=jpeg|png|webp negative_prompt:s ", "{\"aspect_ratio\":\"16:9\"}"},
    {"fal-ai/kling-image/v3/image-to-image", "image", IMAGES, "prompt*:s1..2500 image_url*:u resolution:s=1K|2K num_images:i1..9 output_format:s=jpeg|png|webp aspect_ratio:s=16:9|9:16|1:1|4:3|3:4|3:2|2:3|21:9 ", "{}"},
    {"fal-ai/flux/schnell", "image", IMAGES, "prompt*:s image_size:z num_inference_steps:i1..12 " PICTURE, "{\"image_size\":\"landscape_4_3\"}"},
    {"fal-ai/flux/dev", "image", IMAGES, "prompt*:s image_size:z num_inference_steps:i1..50 guidance_scale:n " PICTURE, "{\"image_size\":\"landscape_4_3\"}"},
    {"fal-ai/flux-2-pro", "image", IMAGES, "prompt*:s image_size:z seed:i sync_mode:b output_format:s=jpeg|png ", "{\"image_size\":\"landscape_4_3\"}"},
    {"fal-ai/flux-2", "image", IMAGES, "prompt*:s image_size:z num_inference_steps:i guidance_scale:n acceleration:s=none|regular|high enable_prompt_expansion:b enable_safety_checker:b " PICTURE,
     "{\"image_size\":\"landscape_4_3\"}"},
    {"fal-ai/flux-pro/kontext", "image", IMAGES, "prompt*:s image_url*:u aspect_ratio:s=21:9|16:9|4:3|3:2|1:1|2:3|3:4|9:16|9:21 " PICTURE, "{}"},
    {"bytedance/seedance-2.0/text-to-video", "video", VIDEO, SEEDANCE_LARGE, SOUND_ON},
    {"bytedance/seedance-2.0/image-to-video", "video", VIDEO, SEEDANCE_LARGE "image_url*:u end_image_url:u ", SOUND_ON},
    {"bytedance/seedance-2.0/reference-to-video", "video", VIDEO, SEEDANCE_LARGE REFERENCES, SOUND_ON},
    {"bytedance/seedance-2.0/fast/text-to-video", "video", VIDEO, SEEDANCE_SMALL, SOUND_ON},
    {"bytedance/seedance-2.0/fast/image-to-video", "video", VIDEO, SEEDANCE_SMALL "image_url*:u end_image_url:u ", SOUND_ON},
    {"bytedance/seedance-2.0/fast/reference-to-video", "video", VIDEO, SEEDANCE_SMALL REFERENCES, SOUND_ON},
    {"bytedance/seedance-2.5/", "video", VIDEO, "prompt*:s duration:d4..30|auto generate_audio:b resolution:s=480p|720p|1080p image_url:u end_image_url:u " REFERENCES, SOUND_ON},
    {"fal-ai/bytedance/seedance/v1.5/pro/text-to-video", "video", VIDEO, SEEDANCE_15, SOUND_ON},
    {"fal-ai/bytedance/seedance/v1.5/pro/image-to-video", "video", VIDEO, SEEDANCE_15 "image_url*:u end_image_url:u ", SOUND_ON},
    {"fal-ai/kling-video/v2.6/pro/text-to-video", "video", VIDEO, KLING_2 "generate_audio:b aspect_ratio:s=16:9|9:16|1:1 ", SOUND_ON},
    {"fal-ai/kling-video/v2.6/pro/image-to-video", "video", VIDEO, KLING_2 "generate_audio:b start_image_url*:u end_image_url:u voice_ids:o ", SOUND_ON},
    {"fal-ai/kling-video/v2.5-turbo/pro/text-to-video", "video", VIDEO, KLING_2 "aspect_ratio:s=16:9|9:16|1:1 ", "{}"},
    {"fal-ai/kling-video/v2.5-turbo/pro/image-to-video", "video", VIDEO, KLING_2 "image_url*:u tail_image_url:u ", "{}"},
    {"fal-ai/minimax/hailuo-2.3/standard/text-to-video", "video", VIDEO, HAILUO "duration:s=6|10 ", "{}"},
    {"fal-ai/minimax/hailuo-2.3/standard/image-to-video", "video", VIDEO, HAILUO "duration:s=6|10 image_url*:u ", "{}"},
    {"fal-ai/minimax/hailuo-2.3/pro/text-to-video", "video", VIDEO, HAILUO, "{}"},
    {"fal-ai/minimax/hailuo-2.3/pro/image-to-video", "video", VIDEO, HAILUO "image_url*:u ", "{}"},
    {"fal-ai/minimax/hailuo-2.3-fast/standard/image-to-video", "video", VIDEO, HAILUO "duration:s=6|10 image_url*:u ", "{}"},
    {"fal-ai/kling-video/v3/pro/text-to-video", "video", VIDEO, KLING "aspect_ratio:s=16:9|9:16|1:1 ", SOUND_ON},
    {"fal-ai/kling-video/v3/pro/image-to-video", "video", VIDEO, KLING "start_image_url*:u end_image_url:u elements:o ", SOUND_ON},
    {"fal-ai/kling-video/v3/standard/text-to-video", "video", VIDEO, KLING "aspect_ratio:s=16:9|9:16|1:1 ", SOUND_ON},
    {"fal-ai/kling-video/v3/standard/image-to-video", "video", VIDEO, KLING "start_image_url*:u end_image_url:u elements:o ", SOUND_ON},
    {"fal-ai/kling-video/v3/turbo/", "video", VIDEO, KLING "aspect_ratio:s=16:9|9:16|1:1 image_url:u ", SOUND_ON},
    {"fal-ai/kling-video/o3/pro/", "video", VIDEO, KLING "image_urls:U0..7 start_image_url:u end_image_url:u elements:o aspect_ratio:s=16:9|9:16|1:1 ", "{}"},
    {"fal-ai/kling-video/ai-avatar/v2/standard", "video", AVATAR, "image_url*:u audio_url*:u prompt:s ", "{}"},
    {"fal-ai/kling-video/ai-avatar/v2/pro", "video", AVATAR, "image_url*:u audio_url*:u prompt:s ", "{}"},
    {"fal-ai/veo3", "video", VIDEO, VEO "resolution:s=720p|1080p ", "{\"generate_audio\":true,\"duration\":\"8s\"}"},
    {"fal-ai/veo3/image-to-video", "video", VIDEO, VEO "resolution:s=720p|1080p image_url*:u ", "{\"generate_audio\":true,\"duration\":\"8s\"}"},
    {"fal-ai/veo3/fast", "video", VIDEO, VEO "resolution:s=720p|1080p ", "{\"generate_audio\":true,\"duration\":\"8s\"}"},
    {"fal-ai/veo3/fast/image-to-video", "video", VIDEO, VEO "resolution:s=720p|1080p image_url*:u ", "{\"generate_audio\":true,\"duration\":\"8s\"}"},
    {"fal-ai/veo3.1/first-last-frame-to-video", "video", VIDEO, VEO "resolution:s=720p|1080p|4k first_frame_url*:u last_frame_url*:u ", "{\"generate_audio\":true,\"duration\":\"8s\"}"},
    {"fal-ai/veo3.1/reference-to-video", "video", VIDEO, VEO "resolution:s=720p|1080p|4k image_urls*:U1..3 ", "{\"generate_audio\":true,\"duration\":\"8s\"}"},
    {"fal-ai/veo3.1/image-to-video", "video", VIDEO, VEO "resolution:s=720p|1080p|4k image_url*:u ", "{\"generate_audio\":true,\"duration\":\"8s\"}"},
    {"fal-ai/veo3.1/fast/image-to-video", "video", VIDEO, VEO "resolution:s=720p|1080p|4k image_url*:u ", "{\"generate_audio\":true,\"duration\":\"8s\"}"},
    {"fal-ai/veo3.1", "video", VIDEO, VEO "resolution:s=720p|1080p|4k ", "{\"generate_audio\":true,\"duration\":\"8s\"}"},
    {"fal-ai/veo3.1/fast", "video", VIDEO, VEO "resolution:s=720p|1080p|4k ", "{\"generate_audio\":true,\"duration\":\"8s\"}"},
    {"fal-ai/veo3.1/lite", "video", VIDEO, VEO "resolution:s=720p|1080p ", "{\"generate_audio\":true,\"duration\":\"8s\"}"},
    {"fal-ai/elevenlabs/tts/eleven-v3", "audio", AUDIO, "text*:s1..5000 voice:s stability:n0..1 language_code:s timestamps:b apply_text_normalization:s=auto|on|off ", "{}"},
    {"fal-ai/elevenlabs/tts/multilingual-v2", "audio", AUDIO, "text*:s1..10000 voice:s stability:n0..1 similarity_boost:n0..1 style:n speed:n0..1 language_code:s previous_text:s next_text:s ", "{}"},
    {"fal-ai/elevenlabs/speech-to-text/scribe-v2", "text", TRANSCRIPT, "audio_url*:u language_code:s diarize:b tag_audio_events:b keyterms:o ", "{}"},
    {"fal-ai/lyria2", "audio", AUDIO, "prompt*:s negative_prompt:s seed:i ", "{\"duration\":30}"},
    {"fal-ai/lyria3", "audio", AUDIO, "prompt*:s image_url:u negative_prompt:s ", "{\"duration\":30}"},
    {"fal-ai/minimax-music/v2.6", "audio", AUDIO, "prompt*:s10..2000 lyrics:s0..3500 lyrics_optimizer:b is_instrumental:b audio_setting:o ", "{\"duration\":30}"},
};

static const struct endpoint *find_endpoint(struct str id) {
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        struct str e = str_of(endpoints[i].id);
        if (str_eq(e, id) || (str_ends(e, STR("/")) && str_starts(id, e) && id.len > e.len)) return &endpoints[i];
    }
    return NULL;
}

/* --- refusals --- */

static void write_detail(struct jw *w, const char *field, const char *sentence, const char *type) {
    jw_open(w, '{'), jw_key(w, "detail"), jw_open(w, '['), jw_open(w, '{');
    jw_key(w, "loc"), jw_open(w, '['), jw_z(w, "body");
    if (*field) jw_z(w, field);
    jw_close(w, ']');
    jw_kz(w, "msg", sentence), jw_kz(w, "type", type), jw_kz(w, "url", "https://docs.fal.ai/errors"), jw_close(w, '}'), jw_close(w, ']'), jw_close(w, '}');
}

static int write_failure(enum twin_class class, const char *field, const char *sentence, struct jw *w) {
    static const struct { int status; const char *detail, *error_type; } plain[CLASS_COUNT] = {
        [CLASS_AUTH] = {401, "Cannot access application. Authentication is required.", "auth_error"},
        [CLASS_QUOTA] = {403, "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.", ""},
        [CLASS_RATE_LIMIT] = {429, "Too many requests", ""},
        [CLASS_TRANSIENT] = {503, "Runner disconnected", "runner_disconnected"},
        [CLASS_GONE] = {404, "Application not found", "not_found"},
        [CLASS_UNCLASSIFIED] = {409, "Something that is written nowhere", "unheard_of"},
    };
    if (class == CLASS_MODERATION) return write_detail(w, "prompt", "The content could not be processed because it contained material flagged by a content checker.", "content_policy_violation"), 422;
    if (class == CLASS_CALLER) return write_detail(w, field, sentence, strstr(sentence, "required") ? "missing" : "value_error"), 422;
    jw_open(w, '{'), jw_kz(w, "detail", plain[class].detail);
    if (*plain[class].error_type) jw_kz(w, "error_type", plain[class].error_type);
    jw_close(w, '}');
    return plain[class].status;
}

static void fal_refuse(struct ask *a, enum twin_class class, const char *field, const char *sentence) {
    struct buf b = {};
    struct jw w = {.out = &b};
    int status = write_failure(class, field, sentence, &w);
    if (class == CLASS_TRANSIENT) answer_header(a, "X-Fal-Retryable", STR("true"));
    answer(a, status, &b);
}

static bool fal_key(struct ask *a) {
    struct str key;
    if (ask_key(a, "Authorization", "Key ", &key) && !str_starts(key, STR("bad"))) return true;
    refuse(a, CLASS_AUTH, "", "no key");
    return false;
}

static bool fal_late(enum twin_class class) {
    return class == CLASS_CALLER || class == CLASS_MODERATION || class == CLASS_TRANSIENT || class == CLASS_UNCLASSIFIED;
}

/* --- submit --- */

/* Beyond what words can say of a size. */
static bool size_fits(const struct endpoint *e, const struct json *body) {
    const struct json *size = json_get(body, "image_size");
    int64_t w, h;
    if (!str_starts(str_of(e->id), STR("openai/gpt-image-2")) || !json_as_i64(json_get(size, "width"), &w) || !json_as_i64(json_get(size, "height"), &h)) return true;
    return gpt_size(w, h);
}

/* owner/app of an endpoint: all that its later addresses keep. */
static struct str app_of(struct str id) {
    struct str owner, rest, app, more;
    if (!str_cut(id, '/', &owner, &rest)) return id;
    (void)str_cut(rest, '/', &app, &more);
    return str_head(id, owner.len + 1 + app.len);
}

static void take_files(struct work *w) {
    static const struct file_member inputs[] = {
        {"image_url", "image"}, {"image_urls", "image"}, {"start_image_url", "image"}, {"first_frame_url", "image"}, {"end_image_url", "end_image"},
        {"last_frame_url", "end_image"}, {"mask_url", "mask"}, {"audio_url", "audio"}, {"audio_urls", "audio"}, {"video_urls", "video"}, {"video_url", "video"}};
    const char *bad = work_files(w, w->body, inputs, sizeof inputs / sizeof *inputs);
    if (bad) work_fail(w, CLASS_CALLER, bad, "Failed to load the file. Please ensure it is not corrupted and has a supported format.");
}

static void write_queued(const struct work *w, struct ask *a, struct jw *out) {
    struct str base = arena_printf(a->arena, "%.*s/fal/%.*s/requests/%s", STR_ARG(server_base(a)), STR_ARG(app_of(w->model)), w->id);
    jw_kz(out, "request_id", w->id), jw_kz(out, "gateway_request_id", w->id), jw_kstr(out, "response_url", base);
    jw_kstr(out, "status_url", arena_printf(a->arena, "%.*s/status", STR_ARG(base)));
    jw_kstr(out, "cancel_url", arena_printf(a->arena, "%.*s/cancel", STR_ARG(base)));
}

static void submit(struct ask *a) {
    struct fault f;
    const struct endpoint *e = find_endpoint(a->args[0]);
    if (!e) return refuse(a, CLASS_GONE, "", "no such application");
    if (!json_is(a->json, JSON_OBJECT)) return refuse(a, CLASS_CALLER, "", "The body is no JSON object");
    struct work *w = work_new(a, e->kind, a->args[0], merged(a->json, e->defaults, a->arena));
    if (!w) return;
    w->shape = (int)e->shape;
    w->webhook = arena_dup(&w->arena, ask_query(a, "fal_webhook"));
    if (!check(a->json, e->words, &f)) work_fail(w, CLASS_CALLER, f.field, "%s", f.sentence);
    else if (!size_fits(e, a->json)) work_fail(w, CLASS_CALLER, "image_size", "image_size: sides are multiples of 16, at most 3840, and at most 3 to 1");
    if (strstr(e->words, "multi_prompt") && !json_get(a->json, "prompt") && !json_get(a->json, "multi_prompt")) work_fail(w, CLASS_CALLER, "prompt", "prompt: field required");
    take_files(w);
    if (!work_go(a, w)) return;
    struct buf b = {};
    struct jw out = {.out = &b};
    jw_open(&out, '{'), jw_kz(&out, "status", "IN_QUEUE"), jw_ki64(&out, "queue_position", 0);
    write_queued(w, a, &out);
    jw_close(&out, '}');
    answer(a, 200, &b);
}

/* --- status, result, cancel --- */

static struct work *asked(struct ask *a) {
    struct work *w = work_find(a->server, &face_fal, a->args[2]);
    if (w && str_eq(app_of(w->model), arena_printf(a->arena, "%.*s/%.*s", STR_ARG(a->args[0]), STR_ARG(a->args[1])))) return w;
    answer_text(a, 404, "application/json", STR("{\"status\":\"NOT_FOUND\",\"detail\":\"Request not found\"}"));
    return NULL;
}

static void status(struct ask *a) {
    struct work *w = asked(a);
    struct buf b = {};
    struct jw out = {.out = &b};
    if (!w) return;
    bool over = work_over(w);
    jw_open(&out, '{'), jw_kz(&out, "status", over ? "COMPLETED" : w->state == WORK_WAITING ? "IN_QUEUE" : "IN_PROGRESS");
    if (w->state == WORK_WAITING) jw_ki64(&out, "queue_position", 1);
    write_queued(w, a, &out);
    if (over) {
        msec took = w->started ? w->ended - w->started : 0;
        jw_kraw(&out, "metrics", arena_printf(a->arena, "{\"inference_time\":%lld.%03d}", (long long)(took / 1000), (int)(took % 1000)));
    }
    if (w->state == WORK_FAILED) jw_kz(&out, "error", w->sentence);
    if (w->state == WORK_FAILED && (w->failure == CLASS_TRANSIENT || w->failure == CLASS_UNCLASSIFIED)) jw_kz(&out, "error_type", w->failure == CLASS_TRANSIENT ? "runner_disconnected" : "unheard_of");
    if (w->state == WORK_CANCELLED) jw_kz(&out, "error", "Cancelled"), jw_kz(&out, "error_type", "client_cancelled");
    jw_close(&out, '}');
    answer(a, over ? 200 : 202, &b);
}

static void write_file(struct work *w, struct ask *a, int i, struct jw *out) {
    const struct work_output *o = &w->outputs[i];
    bool sync = false;
    (void)json_as_bool(json_get(w->body, "sync_mode"), &sync);
    jw_open(out, '{');
    jw_kstr(out, "url", sync && a ? arena_printf(a->arena, "data:%s;base64,%.*s", o->type, STR_ARG(work_base64(w, i, a->arena))) : work_link(w, a, i));
    jw_kz(out, "content_type", o->type), jw_kstr(out, "file_name", arena_printf(work_arena(w, a), "output.%s", o->ext)), jw_ki64(out, "file_size", o->bytes);
    if (!strcmp(w->kind, "image")) jw_ki64(out, "width", o->width), jw_ki64(out, "height", o->height);
    jw_close(out, '}');
}

static void write_output(struct work *w, struct ask *a, struct jw *out) {
    w->links++;
    jw_open(out, '{');
    if (w->shape == TRANSCRIPT) {
        jw_kstr(out, "text", w->plan.text), jw_kstr(out, "language_code", w->plan.language), jw_kraw(out, "language_probability", STR("0.99")), jw_kraw(out, "words", w->plan.words);
    } else if (w->shape == IMAGES) {
        jw_key(out, "images"), jw_open(out, '[');
        for (int i = 0; i < w->output_count; i++) write_file(w, a, i, out);
        jw_close(out, ']'), jw_ki64(out, "seed", (int64_t)w->seed);
    } else if (w->output_count) {
        jw_key(out, w->shape == AUDIO ? "audio" : "video"), write_file(w, a, 0, out);
        if (w->shape == AVATAR) jw_kraw(out, "duration", arena_printf(work_arena(w, a), "%lld.%03d", (long long)(w->outputs[0].duration_ms / 1000), (int)(w->outputs[0].duration_ms % 1000)));
        else jw_ki64(out, "seed", (int64_t)w->seed);
    }
    jw_close(out, '}');
}

/* --- what it took --- */

/* Units of an endpoint's own price, in thousandths: what fal was seen to answer (recorded replies of 2026-04-18, its price list of 2026-07-22). */
static int64_t units_of_film(const struct work *w, int64_t seconds) {
    static const struct { const char *id; int64_t silent, sound; } a_second[] = {
        {"fal-ai/kling-video/v3/pro/", 800, 1200}, {"fal-ai/kling-video/v3/standard/", 600, 900}, {"fal-ai/veo3.1", 500, 1000}};
    struct str resolution = text_of(w->body, "resolution");
    bool sound = true;
    (void)json_as_bool(json_get(w->body, "generate_audio"), &sound);
    if (str_starts(w->model, STR("bytedance/seedance-2.0/"))) { /* a unit is a thousand tokens, a token 1024 pixels of a frame; a resolution has as many pixels in any shape */
        int64_t pixels = str_is(resolution, "480p") ? 640 * 640 : str_is(resolution, "1080p") ? 1920 * 1080 : 1280 * 720;
        return pixels * (24 * seconds + 1) / 1024;
    }
    if (str_starts(w->model, STR("fal-ai/minimax/hailuo-2.3/pro/"))) return 1000;
    for (size_t i = 0; i < sizeof a_second / sizeof *a_second; i++)
        if (str_starts(w->model, str_of(a_second[i].id))) return seconds * (sound ? a_second[i].sound : a_second[i].silent);
    return seconds * 1000;
}

static int64_t units_of_picture(const struct work *w) {
    struct str resolution = text_of(w->body, "resolution"), quality = text_of(w->body, "quality");
    bool banana = str_starts(w->model, STR("fal-ai/nano-banana")), pro = str_starts(w->model, STR("fal-ai/nano-banana-pro"));
    if (str_starts(w->model, STR("openai/gpt-image-2"))) return str_is(quality, "low") ? 20 : str_is(quality, "medium") ? 70 : 220; /* a unit is a dollar */
    if (str_starts(w->model, STR("fal-ai/flux/"))) return (w->outputs[0].width * w->outputs[0].height + 999999) / 1000000 * 1000;
    if (banana && str_is(resolution, "4K")) return 2000;
    if (banana && !pro) return str_is(resolution, "0.5K") ? 750 : str_is(resolution, "2K") ? 1500 : 1000;
    return 1000;
}

static struct str billable(const struct work *w, struct arena *a) {
    int64_t units = w->shape == IMAGES ? w->output_count * units_of_picture(w) : !strcmp(w->kind, "video") ? units_of_film(w, (w->outputs[0].duration_ms + 500) / 1000) : 1000;
    return arena_printf(a, "%lld.%03d", (long long)(units / 1000), (int)(units % 1000));
}

static void result(struct ask *a) {
    struct work *w = asked(a);
    struct buf b = {};
    struct jw out = {.out = &b};
    if (!w) return;
    if (!work_over(w)) return answer_text(a, 400, "application/json", STR("{\"detail\":\"Request is still in progress\"}"));
    if (w->state == WORK_CANCELLED) return answer_text(a, 499, "application/json", STR("{\"detail\":\"Request was cancelled\",\"error_type\":\"client_cancelled\"}"));
    if (w->state == WORK_FAILED) return fal_refuse(a, w->failure, w->field, w->sentence);
    if (w->mood.done_then_fail) {
        write_detail(&out, "", "The model made no media.", "no_media_generated");
        return answer(a, 422, &b);
    }
    write_output(w, a, &out);
    answer_header(a, "x-fal-request-id", str_of(w->id));
    answer_header(a, "x-fal-billable-units", billable(w, a->arena));
    answer(a, 200, &b);
}

static void cancel(struct ask *a) {
    struct work *w = asked(a);
    if (!w) return;
    if (work_over(w)) return answer_text(a, 400, "application/json", STR("{\"status\":\"ALREADY_COMPLETED\"}"));
    bool waiting = w->state == WORK_WAITING;
    if (waiting) work_cancel(w);
    answer_text(a, waiting ? 200 : 202, "application/json", STR("{\"status\":\"CANCELLATION_REQUESTED\"}"));
}

/* --- storage --- */

static void initiate(struct ask *a) {
    struct fault f;
    if (!check(a->json, "content_type*:s file_name*:s", &f)) return fal_refuse(a, CLASS_CALLER, f.field, f.sentence);
    struct upload *u = upload_new(a, text_of(a->json, "content_type"), text_of(a->json, "file_name"), STR(""));
    if (!u) return refuse(a, CLASS_TRANSIENT, "", "full");
    struct buf b = {};
    struct jw w = {.out = &b};
    jw_open(&w, '{');
    jw_kstr(&w, "upload_url", arena_printf(a->arena, "%.*s/fal/storage/put/%s", STR_ARG(server_base(a)), u->id));
    jw_kstr(&w, "file_url", arena_printf(a->arena, "%.*s/fal/files/%s", STR_ARG(server_base(a)), u->id));
    jw_close(&w, '}');
    answer(a, 200, &b);
}

static void put(struct ask *a) {
    struct upload *u = upload_in(a->server, a->args[0]);
    if (!u || u->bytes.len) return answer_text(a, 403, "text/plain", STR("this address takes nothing\n"));
    char id[33];
    memcpy(id, u->id, sizeof id);
    struct upload *filled = upload_new(a, str_of(u->type), str_of(u->name), a->body);
    if (!filled) return answer_text(a, 507, "text/plain", STR("full\n"));
    u->id[0] = 0;
    memcpy(filled->id, id, sizeof id);
    answer_text(a, 200, "text/plain", STR(""));
}

static void file(struct ask *a) {
    struct upload *u = upload_in(a->server, a->args[0]);
    if (!u) return answer_text(a, 404, "text/plain", STR("no such file\n"));
    answer_text(a, 200, u->type, u->bytes);
}

/* --- webhooks --- */

static void keys(struct ask *a) {
    struct buf b = {};
    buf_printf(&b, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"twin\",\"x\":\"%s\"}]}", server_keys(a->server)->x);
    answer(a, 200, &b);
}

static void fal_write(const struct work *w, struct ask *a, struct jw *out) {
    bool ok = w->state == WORK_DONE && !w->mood.done_then_fail;
    jw_open(out, '{'), jw_kz(out, "request_id", w->id), jw_kz(out, "gateway_request_id", w->id), jw_kz(out, "status", ok ? "OK" : "ERROR");
    if (!ok) jw_kz(out, "error", "The request failed");
    jw_key(out, "payload");
    if (ok) write_output((struct work *)w, a, out);
    else (void)write_failure(w->failure ? w->failure : CLASS_TRANSIENT, w->field, w->sentence, out);
    out->comma = true;
    jw_close(out, '}');
}

static void fal_sign(struct twin_server *s, const struct work *w, struct str body, msec now, struct arena *a, struct upstream_header *out, size_t *count) {
    char hash[SHA256_HEX + 1], *hex = arena_bytes(a, 129);
    struct str user = STR("twin|1"), at = arena_printf(a, "%lld", (long long)(now / 1000));
    sha256_hex(body, hash);
    sign_fal(server_keys(s), arena_printf(a, "%s\n%.*s\n%.*s\n%s", w->id, STR_ARG(user), STR_ARG(at), hash), hex);
    out[(*count)++] = (struct upstream_header){STR("X-Fal-Webhook-Request-Id"), str_of(w->id)};
    out[(*count)++] = (struct upstream_header){STR("X-Fal-Webhook-User-Id"), user};
    out[(*count)++] = (struct upstream_header){STR("X-Fal-Webhook-Timestamp"), at};
    out[(*count)++] = (struct upstream_header){STR("X-Fal-Webhook-Signature"), str_of(hex)};
}

static const struct face_route routes[] = {
    {"GET", ".well-known/jwks.json", "keys", keys, true},
    {"POST", "storage/upload/initiate", "upload", initiate, false},
    {"PUT", "storage/put/*", "upload", put, true},
    {"GET", "files/*", "download", file, true},
    {"GET", "*/*/requests/*/status", "poll", status, false},
    {"GET", "*/*/requests/*", "result", result, false},
    {"PUT", "*/*/requests/*/cancel", "cancel", cancel, false},
    {"POST", "**", "submit", submit, false},
};
const struct face face_fal = {.name = "fal", .version = "", .routes = routes, .route_count = sizeof routes / sizeof *routes, .refuse = fal_refuse, .key = fal_key, .late = fal_late,
                              .write = fal_write, .sign = fal_sign};
