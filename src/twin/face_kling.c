/* Kling: the new standard with the model in the path, and the legacy paths for films, images, avatars; keys and HS256 tokens; callbacks
 * by Standard Webhooks. From the official pages as captured in 2026-09. */
#include "twin/wire.h"

#include <stdio.h>

enum shape { LEGACY = 1, MODERN = 2, AVATAR = -1 };
#define SECRET "twin-secret" /* of every access key; docs/TWIN.md */

static void kling_refuse(struct ask *a, enum twin_class class, const char *field, const char *sentence) {
    static const struct { int status, code; } rows[CLASS_COUNT] = {[CLASS_CALLER] = {400, 1201}, [CLASS_MODERATION] = {400, 1301}, [CLASS_AUTH] = {401, 1002}, [CLASS_QUOTA] = {429, 1101},
                                                                  [CLASS_RATE_LIMIT] = {429, 1302}, [CLASS_TRANSIENT] = {503, 5001}, [CLASS_GONE] = {404, 1203}, [CLASS_UNCLASSIFIED] = {409, 9999}};
    struct buf b = {};
    struct jw w = {.out = &b};
    jw_open(&w, '{'), jw_ki64(&w, "code", rows[class].code), jw_kz(&w, "message", sentence), jw_kstr(&w, "request_id", http_request_id(a->http)), jw_close(&w, '}');
    answer(a, rows[class].status, &b);
}

static bool kling_key(struct ask *a) {
    struct str key, head, rest;
    const char *problem = "Auth failed";
    if (ask_key(a, "Authorization", "Bearer ", &key) && !str_starts(key, STR("bad"))) {
        bool token = str_cut(key, '.', &head, &rest) && memchr(rest.ptr, '.', rest.len);
        bool legacy = str_starts(a->route ? str_of(a->route->path) : STR(""), STR("v1/"));
        if (!token) return true;
        if (legacy && jwt_check(key, STR(SECRET), io_now(server_io(a->server)), a->arena, &problem)) return true;
        if (!legacy) problem = "tokens are for the legacy paths only";
    }
    refuse(a, CLASS_AUTH, "", "%s", problem);
    return false;
}

static bool kling_late(enum twin_class class) { return class == CLASS_MODERATION || class == CLASS_UNCLASSIFIED; }

static struct work *by_external(struct twin_server *s, struct str id) {
    for (struct work *w = id.len ? server_works(s)->newest : NULL; w; w = w->next)
        if (w->face == &face_kling && str_eq(w->tag, id)) return w;
    return NULL;
}

static struct work *find(struct ask *a, struct str id) {
    struct work *w = work_find(a->server, &face_kling, id);
    return w ? w : by_external(a->server, id);
}

/* A link, or base64 without the head of a data URI. */
static bool take(struct ask *a, struct work *w, const char *input, struct str value, const char *field) {
    if (!value.len) return true;
    if (!str_starts(value, STR("data:")) && work_file(w, input, value)) return true;
    w->state = WORK_CANCELLED; /* never begun */
    return refuse(a, CLASS_CALLER, field, "%s is a link, or base64 without a prefix", field), false;
}

static bool fresh(struct ask *a, struct str external) {
    if (!by_external(a->server, external)) return true;
    refuse(a, CLASS_CALLER, "external_task_id", "external_task_id is used already");
    return false;
}

/* --- the new standard --- */

static const char *const modern_states[] = {"submitted", "processing", "succeeded", "failed", "failed"};

static void write_modern(const struct work *w, struct ask *a, struct jw *out) {
    struct work *mine = (struct work *)w;
    bool done = w->state == WORK_DONE && !w->mood.done_then_fail;
    jw_open(out, '{'), jw_kz(out, "id", w->id), jw_kz(out, "status", modern_states[w->state]), jw_kz(out, "message", w->failure == CLASS_MODERATION ? "Failure to pass the risk control system" : w->sentence);
    jw_ki64(out, "create_time", w->created), jw_ki64(out, "update_time", w->ended ? w->ended : w->created), jw_kstr(out, "external_id", w->tag);
    if (w->state == WORK_DONE) {
        mine->links++;
        jw_key(out, "outputs"), jw_open(out, '[');
        for (int i = 0; done && i < w->output_count; i++) {
            msec ms = w->outputs[i].duration_ms;
            jw_open(out, '{'), jw_kz(out, "type", w->kind), jw_kstr(out, "id", arena_printf(work_arena(w, a), "v%d", i)), jw_kstr(out, "url", work_link(mine, a, i)), jw_kz(out, "watermark_url", "");
            if (ms) jw_kstr(out, "duration", arena_printf(work_arena(w, a), "%lld.%lld", (long long)(ms / 1000), (long long)(ms % 1000 / 100)));
            jw_close(out, '}');
        }
        jw_close(out, ']');
        jw_kraw(out, "billing", STR("[{\"charge_type\":\"unit\",\"package_type\":\"video\",\"amount\":\"6\",\"list_price\":\"0.84\"}]"));
    }
    jw_close(out, '}');
}

static void envelope(struct ask *a, struct jw *w) {
    jw_open(w, '{'), jw_ki64(w, "code", 0), jw_kz(w, "message", "SUCCEED"), jw_kstr(w, "request_id", http_request_id(a->http)), jw_key(w, "data");
}

static const struct line { const char *path, *model; int64_t least, most; const char *settings; bool sound_always; } lines[] = {
#define T2V "resolution:s=720p|1080p|4k aspect_ratio:s=16:9|9:16|1:1 duration:i audio:s=native|off multi_shot:b"
#define I2V "resolution:s=720p|1080p|4k duration:i audio:s=native|off multi_shot:b"
    {"text-to-video", "kling-3.0-turbo", 3, 15, "resolution:s=720p|1080p aspect_ratio:s=16:9|9:16|1:1 duration:i", true},
    {"image-to-video", "kling-3.0-turbo", 3, 15, "resolution:s=720p|1080p duration:i", true},
    {"text-to-video", "kling-3.0", 3, 15, T2V, false},
    {"image-to-video", "kling-3.0", 3, 15, I2V, false},
    {"text-to-video", "kling-2.6", 5, 10, "resolution:s=720p|1080p aspect_ratio:s=16:9|9:16|1:1 duration:i audio:s=native|off", false},
    {"image-to-video", "kling-2.6", 5, 10, "resolution:s=720p|1080p duration:i audio:s=native|off", false},
    {"text-to-video", "kling-2.5-turbo", 5, 10, "resolution:s=720p|1080p aspect_ratio:s=16:9|9:16|1:1 duration:i", false},
    {"image-to-video", "kling-2.5-turbo", 5, 10, "resolution:s=720p|1080p duration:i", false},
    {"omni-video", "kling-3.0-omni", 3, 15, "resolution:s=720p|1080p|4k aspect_ratio:s=16:9|9:16|1:1 duration:i audio:s=native|off|original multi_shot:b", false},
    {"omni-video", "kling-o1", 3, 10, "resolution:s=720p|1080p aspect_ratio:s=16:9|9:16|1:1 duration:i", false},
    {"motion-control", "kling-3.0", 3, 30, "resolution:s=720p|1080p audio:s=original|off character_orientation*:s=image|video", false},
    {"motion-control", "kling-2.6", 3, 30, "resolution:s=720p|1080p audio:s=original|off character_orientation*:s=image|video", false},
};

static const struct line *line_of(struct str path, struct str model) {
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (str_is(path, lines[i].path) && str_is(model, lines[i].model)) return &lines[i];
    return NULL;
}

static bool take_contents(struct ask *a, struct work *w, struct str *out_prompt) {
    static const struct { const char *type, *input; } kinds[] = {{"first_frame", "image"}, {"last_frame", "end_image"}, {"refer_image", "image"}, {"image", "image"},
                                                                 {"feature_video", "video"}, {"base_video", "video"}, {"video", "video"}};
    bool first = false, last = false;
    for (const struct json *c = json_get(a->json, "contents") ? json_get(a->json, "contents")->child : NULL; c; c = c->next) {
        struct str type = text_of(c, "type");
        bool known = str_is(type, "prompt") || str_is(type, "element") || str_is(type, "voice");
        if (str_is(type, "prompt")) *out_prompt = text_of(c, "text");
        first |= str_is(type, "first_frame"), last |= str_is(type, "last_frame");
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            if (!str_is(type, kinds[i].type)) continue;
            known = true;
            if (!text_of(c, "url").len || !take(a, w, kinds[i].input, text_of(c, "url"), "contents.url")) return w->state == WORK_CANCELLED ? false : (refuse(a, CLASS_CALLER, "contents", "url is required"), false);
        }
        if (!known) return refuse(a, CLASS_CALLER, "contents", "unknown type of contents"), w->state = WORK_CANCELLED, false;
    }
    if (last && !first) return refuse(a, CLASS_CALLER, "contents", "a last frame needs a first"), w->state = WORK_CANCELLED, false;
    return true;
}

static void create_modern(struct ask *a, struct str path) {
    struct fault f;
    const struct line *l = line_of(path, a->args[0]);
    const struct json *settings = json_get(a->json, "settings"), *options = json_get(a->json, "options");
    bool text = str_is(path, "text-to-video");
    int64_t seconds = 5;
    if (!l) return refuse(a, CLASS_GONE, "", "model not found");
    if (!check_only(a->json, text ? "prompt*:s1..3072 settings:o options:o" : "contents*:o prompt:s settings:o options:o", &f)) return refuse(a, CLASS_CALLER, f.field, "%s", f.sentence);
    if (settings && !check_only(settings, l->settings, &f)) return refuse(a, CLASS_CALLER, f.field, "settings.%s", f.sentence);
    if (options && !check_only(options, "callback_url:s external_task_id:s watermark_info:o", &f)) return refuse(a, CLASS_CALLER, f.field, "options.%s", f.sentence);
    (void)json_as_i64(json_get(settings, "duration"), &seconds);
    if (seconds < l->least || seconds > l->most || (l->most == 10 && l->least == 5 && seconds % 5)) return refuse(a, CLASS_CALLER, "duration", "settings.duration is not valid for this model");
    if (!fresh(a, text_of(options, "external_task_id"))) return;
    struct str prompt = text_of(a->json, "prompt");
    struct work *w = work_new(a, "video", a->args[0], STR("{}"));
    if (!w || !take_contents(a, w, &prompt)) return;
    struct str more = arena_printf(a->arena, "{\"prompt\":%.*s,\"resolution\":\"720p\",\"duration\":5,\"audio\":\"%s\"}", STR_ARG(quoted(a->arena, prompt)), l->sound_always ? "native" : "off");
    w->settings = arena_dup(&w->arena, merged(settings ? settings : json_get(a->json, "settings"), more.ptr, a->arena));
    w->shape = MODERN;
    w->tag = arena_dup(&w->arena, text_of(options, "external_task_id"));
    w->webhook = arena_dup(&w->arena, text_of(options, "callback_url"));
    if (!work_go(a, w)) return;
    struct buf b = {};
    struct jw out = {.out = &b};
    envelope(a, &out);
    write_modern(w, a, &out);
    out.comma = true;
    jw_close(&out, '}');
    answer(a, 200, &b);
}

static void text_to_video(struct ask *a) { create_modern(a, STR("text-to-video")); }
static void image_to_video(struct ask *a) { create_modern(a, STR("image-to-video")); }
static void omni_video(struct ask *a) { create_modern(a, STR("omni-video")); }
static void motion_control(struct ask *a) { create_modern(a, STR("motion-control")); }

static void tasks(struct ask *a) {
    struct str ids = ask_query(a, "task_ids"), external = ask_query(a, "external_task_ids"), one, rest;
    if (!!ids.len == !!external.len) return refuse(a, CLASS_CALLER, "task_ids", "exactly one of task_ids and external_task_ids");
    struct buf b = {};
    struct jw out = {.out = &b};
    envelope(a, &out);
    jw_open(&out, '[');
    rest = ids.len ? ids : external;
    for (bool more = true; more;) {
        more = str_cut(rest, ',', &one, &rest);
        struct work *w = ids.len ? work_find(a->server, &face_kling, one) : by_external(a->server, one);
        if (w) write_modern(w, a, &out);
    }
    jw_close(&out, ']'), jw_close(&out, '}');
    answer(a, 200, &b);
}

/* --- legacy --- */

static void write_legacy(const struct work *w, struct ask *a, struct jw *out) {
    struct work *mine = (struct work *)w;
    static const char *const states[] = {"submitted", "processing", "succeed", "failed", "failed"};
    bool image = !strcmp(w->kind, "image");
    jw_open(out, '{'), jw_kz(out, "task_id", w->id), jw_kz(out, "task_status", states[w->state]), jw_kz(out, "task_status_msg", w->failure == CLASS_MODERATION ? "Failure to pass the risk control system" : w->sentence);
    jw_key(out, "task_info"), jw_open(out, '{'), jw_kstr(out, "external_task_id", w->tag), jw_close(out, '}');
    jw_ki64(out, "created_at", w->created), jw_ki64(out, "updated_at", w->ended ? w->ended : w->created);
    if (w->state == WORK_DONE) {
        mine->links++;
        jw_key(out, "task_result"), jw_open(out, '{'), jw_key(out, image ? "images" : "videos"), jw_open(out, '[');
        for (int i = 0; !w->mood.done_then_fail && i < w->output_count; i++) {
            msec ms = w->outputs[i].duration_ms;
            jw_open(out, '{');
            if (image) jw_ki64(out, "index", i);
            else jw_kstr(out, "id", arena_printf(work_arena(w, a), "v%d", i)), jw_kstr(out, "duration", arena_printf(work_arena(w, a), "%lld.%lld", (long long)(ms / 1000), (long long)(ms % 1000 / 100)));
            jw_kstr(out, "url", work_link(mine, a, i)), jw_close(out, '}');
        }
        jw_close(out, ']'), jw_close(out, '}'), jw_kz(out, "final_unit_deduction", "6");
    }
    jw_close(out, '}');
}

static void answer_legacy(struct ask *a, struct work *w) {
    struct buf b = {};
    struct jw out = {.out = &b};
    envelope(a, &out);
    write_legacy(w, a, &out);
    out.comma = true;
    jw_close(&out, '}');
    answer(a, 200, &b);
}

#define LEGACY_FILM "model_name:s=kling-v2-master|kling-v2-5-turbo|kling-v2-6|kling-v3|kling-v3-omni model:s prompt:s0..2500 negative_prompt:s0..2500 mode:s=std|pro|4k duration:d3..15 " \
                    "cfg_scale:n0..1 sound:s=on|off voice_list:o camera_control:o multi_shot:b shot_type:s=customize|intelligence multi_prompt:o element_list:o watermark_info:o callback_url:s external_task_id:s "

/* Pictures and films of the omni models stand in lists, those of motion-control beside each other. */
static bool take_lists(struct ask *a, struct work *w) {
    const struct json *images = json_get(a->json, "image_list"), *films = json_get(a->json, "video_list");
    for (const struct json *c = images ? images->child : NULL; c; c = c->next) {
        struct str url = text_of(c, json_get(c, "image_url") ? "image_url" : "image");
        if (!take(a, w, str_is(text_of(c, "type"), "end_frame") ? "end_image" : "image", url, "image_list")) return false;
    }
    for (const struct json *c = films ? films->child : NULL; c; c = c->next)
        if (!take(a, w, "video", text_of(c, "video_url"), "video_list")) return false;
    return take(a, w, "image", text_of(a->json, "image_url"), "image_url") && take(a, w, "video", text_of(a->json, "video_url"), "video_url");
}

static void create_legacy(struct ask *a, const char *kind, const char *words, const char *defaults, enum shape shape) {
    struct fault f;
    if (!check_only(a->json, words, &f)) return refuse(a, CLASS_CALLER, f.field, "%s", f.sentence);
    if (!fresh(a, text_of(a->json, "external_task_id"))) return;
    struct str mode = text_of(a->json, "mode");
    if (str_is(mode, "4k") || str_is(mode, "pro")) defaults = str_is(mode, "4k") ? "{\"resolution\":\"4k\",\"duration\":5}" : "{\"resolution\":\"1080p\",\"duration\":5}";
    struct work *w = work_new(a, kind, text_of(a->json, "model_name"), merged(a->json, defaults, a->arena));
    if (!w || !take(a, w, "image", text_of(a->json, "image"), "image") || !take(a, w, "end_image", text_of(a->json, "image_tail"), "image_tail") ||
        !take(a, w, "audio", text_of(a->json, "sound_file"), "sound_file") || !take_lists(a, w)) return;
    w->shape = shape;
    w->tag = arena_dup(&w->arena, text_of(a->json, "external_task_id"));
    w->webhook = arena_dup(&w->arena, text_of(a->json, "callback_url"));
    if (work_go(a, w)) answer_legacy(a, w);
}

static void text2video(struct ask *a) { create_legacy(a, "video", LEGACY_FILM "aspect_ratio:s=16:9|9:16|1:1 ", "{\"resolution\":\"720p\",\"duration\":5}", LEGACY); }

static void image2video(struct ask *a) {
    if (!text_of(a->json, "image").len && !text_of(a->json, "image_tail").len) return refuse(a, CLASS_CALLER, "image", "image or image_tail is required");
    create_legacy(a, "video", LEGACY_FILM "image:s image_tail:s static_mask:s dynamic_masks:o ", "{\"resolution\":\"720p\",\"duration\":5}", LEGACY);
}

static void avatar(struct ask *a) {
    create_legacy(a, "video", "image*:s sound_file:s audio_id:s prompt:s0..2500 mode:s=std|pro watermark_info:o callback_url:s external_task_id:s ", "{\"resolution\":\"720p\",\"duration\":5}", AVATAR);
}

static void images(struct ask *a) {
    create_legacy(a, "image", "model_name:s=kling-v2-1|kling-v3|kling-v3-omni prompt*:s1..2500 negative_prompt:s n:i1..9 aspect_ratio:s=16:9|9:16|1:1|4:3|3:4|3:2|2:3|21:9 resolution:s=1k|2k|4k image:s "
                              "image_reference:s=subject|face image_fidelity:n0..1 human_fidelity:n0..1 element_list:o watermark_info:o callback_url:s external_task_id:s ",
                  "{\"aspect_ratio\":\"16:9\"}", LEGACY);
}

static void omni_images(struct ask *a) {
    create_legacy(a, "image", "model_name:s=kling-image-o1|kling-v3-omni prompt*:s1..2500 image_list:o element_list:o resolution:s=1k|2k|4k result_type:s=single|series n:i1..9 series_amount:i2..9 "
                              "aspect_ratio:s=16:9|9:16|1:1|4:3|3:4|3:2|2:3|21:9|auto watermark_info:o callback_url:s external_task_id:s ",
                  "{\"aspect_ratio\":\"1:1\"}", LEGACY);
}

static void omni_video_legacy(struct ask *a) {
    create_legacy(a, "video", "model_name*:s=kling-video-o1|kling-v3-omni prompt*:s1..2500 image_list:o video_list:o element_list:o mode:s=std|pro|4k duration:d3..15 aspect_ratio:s=16:9|9:16|1:1 sound:s=on|off "
                              "multi_shot:b shot_type:s multi_prompt:o watermark_info:o callback_url:s external_task_id:s ",
                  "{\"resolution\":\"720p\",\"duration\":5}", LEGACY);
}

static void motion_control_legacy(struct ask *a) {
    create_legacy(a, "video", "model_name*:s=kling-v2-6|kling-v3 prompt:s0..2500 image_url*:s video_url*:s keep_original_sound:s=yes|no character_orientation*:s=image|video mode*:s=std|pro watermark_info:o "
                              "callback_url:s external_task_id:s ",
                  "{\"resolution\":\"720p\",\"duration\":5}", LEGACY);
}

static void query(struct ask *a) {
    struct work *w = find(a, a->args[a->arg_count - 1]);
    if (w) answer_legacy(a, w);
    else refuse(a, CLASS_GONE, "", "task not found");
}

static void kling_write(const struct work *w, struct ask *a, struct jw *out) {
    if (w->shape == MODERN) write_modern(w, a, out);
    else write_legacy(w, a, out);
}

static void kling_sign(struct twin_server *s, const struct work *w, struct str body, msec now, struct arena *a, struct upstream_header *out, size_t *count) {
    sign_hook(s, arena_printf(a, "%s", w->id), body, now, a, out, count);
}

static const struct face_route routes[] = {
    {"POST", "text-to-video/*", "submit", text_to_video, false},     {"POST", "image-to-video/*", "submit", image_to_video, false},
    {"POST", "omni-video/*", "submit", omni_video, false},           {"POST", "motion-control/*", "submit", motion_control, false},
    {"GET", "tasks", "poll", tasks, false},                          {"POST", "v1/videos/text2video", "submit", text2video, false},
    {"POST", "v1/videos/image2video", "submit", image2video, false}, {"POST", "v1/videos/avatar/image2video", "submit", avatar, false},
    {"POST", "v1/images/generations", "submit", images, false},      {"GET", "v1/videos/avatar/image2video/*", "poll", query, false},
    {"GET", "v1/images/generations/*", "poll", query, false},        {"GET", "v1/videos/text2video/*", "poll", query, false},
    {"GET", "v1/videos/image2video/*", "poll", query, false},        {"POST", "v1/images/omni-image", "submit", omni_images, false},
    {"GET", "v1/images/omni-image/*", "poll", query, false},         {"POST", "v1/videos/omni-video", "submit", omni_video_legacy, false},
    {"GET", "v1/videos/omni-video/*", "poll", query, false},         {"POST", "v1/videos/motion-control", "submit", motion_control_legacy, false},
    {"GET", "v1/videos/motion-control/*", "poll", query, false},
};
const struct face face_kling = {.name = "kling", .version = "", .routes = routes, .route_count = sizeof routes / sizeof *routes, .refuse = kling_refuse, .key = kling_key, .late = kling_late,
                                .write = kling_write, .sign = kling_sign};
