/* BytePlus ModelArk: images and video tasks, from its documents as re-checked on 2026-10-08. */
#include "twin/wire.h"

#include <stdio.h>

enum shape { PICTURES, TASK };

static void ark_refuse(struct ask *a, enum twin_class class, const char *field, const char *sentence) {
    static const struct { int status; const char *code, *type; } rows[CLASS_COUNT] = {
        [CLASS_CALLER] = {400, "InvalidParameter", "BadRequest"}, [CLASS_MODERATION] = {400, "InputTextSensitiveContentDetected", "BadRequest"},
        [CLASS_AUTH] = {401, "AuthenticationError", "Unauthorized"}, [CLASS_QUOTA] = {403, "AccountOverdueError", "Forbidden"},
        [CLASS_RATE_LIMIT] = {429, "RateLimitExceeded.EndpointRPMExceeded", "TooManyRequests"}, [CLASS_TRANSIENT] = {500, "InternalServiceError", "InternalServerError"},
        [CLASS_GONE] = {404, "InvalidEndpointOrModel.NotFound", "NotFound"}, [CLASS_UNCLASSIFIED] = {409, "SomethingElse", "Conflict"}};
    struct buf b = {};
    struct jw w = {.out = &b};
    const char *code = class == CLASS_CALLER && strstr(sentence, "required") ? "MissingParameter" : rows[class].code;
    jw_open(&w, '{'), jw_key(&w, "error"), jw_open(&w, '{'), jw_kz(&w, "code", code), jw_kstr(&w, "message", arena_printf(a->arena, "%s Request id: 0217twin", sentence));
    jw_kz(&w, "param", field), jw_kz(&w, "type", rows[class].type), jw_close(&w, '}'), jw_close(&w, '}');
    answer_header(a, "x-error-code", str_of(code));
    answer(a, rows[class].status, &b);
}

static bool ark_key(struct ask *a) {
    struct str key;
    if (ask_key(a, "Authorization", "Bearer ", &key) && !str_starts(key, STR("bad"))) return true;
    refuse(a, CLASS_AUTH, "", "The API key in the request is missing or invalid.");
    return false;
}

static bool ark_late(enum twin_class class) { return class == CLASS_MODERATION || class == CLASS_UNCLASSIFIED; }

/* --- images --- */

/* Which tiers a family has, and its pixels. */
static const struct family { const char *begins, *tiers; int64_t least, most; bool formats, sets; int references; } families[] = {
    {"seedream-4-0-", "1K|2K|4K", 921600, 16777216, false, true, 14},      {"seedream-4-5-", "2K|4K", 3686400, 16777216, false, true, 14},
    {"seedream-5-0-", "2K|3K|4K", 3686400, 16777216, true, true, 14},      {"dola-seedream-5-0-pro-", "1K|1.5K|2K", 921600, 4624220, true, false, 10},
    {"dola-seedream-5-0-flash-", "1K|1.5K|2K", 921600, 4624220, true, false, 10}};

static const struct family *family_of(struct str model) {
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (str_starts(model, str_of(families[i].begins))) return &families[i];
    return NULL;
}

static bool size_allowed(const struct family *f, struct str size) {
    struct str rest = str_of(f->tiers), one, a, b;
    int64_t w, h;
    if (!size.len) return true;
    for (bool more = true; more;) {
        more = str_cut(rest, '|', &one, &rest);
        if (str_eq(one, size)) return true;
    }
    return str_cut(size, 'x', &a, &b) && str_to_i64(a, &w) && str_to_i64(b, &h) && w > 0 && h > 0 && w <= 16 * h && h <= 16 * w && w * h >= f->least && w * h <= f->most;
}

static bool take_images(struct ask *a, struct work *w, const struct json *image, int most) {
    int n = 0;
    const struct json *first = json_is(image, JSON_ARRAY) ? image->child : image;
    for (const struct json *e = first; e; e = json_is(image, JSON_ARRAY) ? e->next : NULL) {
        bool link = json_is(e, JSON_STRING) && (str_starts(e->text, STR("http")) || str_starts(e->text, STR("data:image/")));
        if (link && work_file(w, "image", e->text) && ++n <= most) continue;
        w->state = WORK_CANCELLED; /* never begun */
        return refuse(a, CLASS_CALLER, "image", link ? "The image cannot be read, or there are too many." : "InvalidImageURL.InvalidFormat: a link or a data URI."), false;
    }
    return true;
}

static void images(struct ask *a) {
    static const char words[] = "model*:s prompt*:s image:o size:s response_format:s=url|b64_json output_format:s=jpeg|png watermark:b "
                                "sequential_image_generation:s=disabled|auto sequential_image_generation_options:o stream:b optimize_prompt_options:o background:s=opaque|transparent "
                                "layer_decomposition:b seed:i guidance_scale:n tools:o";
    struct fault f;
    struct str model = text_of(a->json, "model");
    const struct family *family = family_of(model);
    if (!check_only(a->json, words, &f)) return refuse(a, CLASS_CALLER, f.field, "%s", f.sentence);
    if (!family) return refuse(a, CLASS_GONE, "model", "The model or endpoint does not exist or you do not have access to it.");
    if (!size_allowed(family, text_of(a->json, "size"))) return refuse(a, CLASS_CALLER, "size", "The parameter size is not valid for this model.");
    if (json_get(a->json, "output_format") && !family->formats) return refuse(a, CLASS_CALLER, "output_format", "output_format is not supported by this model.");
    int64_t n = 1;
    if (str_is(text_of(a->json, "sequential_image_generation"), "auto")) {
        if (!family->sets) return refuse(a, CLASS_CALLER, "sequential_image_generation", "Sets are not supported by this model.");
        n = 15;
        (void)json_as_i64(json_get(json_get(a->json, "sequential_image_generation_options"), "max_images"), &n);
        if (n < 1 || n > 15) return refuse(a, CLASS_CALLER, "sequential_image_generation_options.max_images", "max_images is 1 to 15.");
    }
    struct str defaults = arena_printf(a->arena, "{\"size\":\"2K\",\"format\":\"%s\",\"n\":%lld}", str_is(text_of(a->json, "output_format"), "png") ? "png" : "jpeg", (long long)n);
    struct work *w = work_new(a, "image", model, merged(a->json, defaults.ptr, a->arena));
    if (w && take_images(a, w, json_get(a->json, "image"), family->references) && work_go(a, w)) work_wait(a, w);
}

static void finish(struct ask *a, struct work *w) {
    struct buf b = {};
    struct jw out = {.out = &b};
    int64_t pixels = 0;
    bool inline_wanted = str_is(text_of(w->body, "response_format"), "b64_json");
    if (w->state != WORK_DONE || w->mood.done_then_fail) return ark_refuse(a, w->failure ? w->failure : CLASS_TRANSIENT, w->field, w->sentence);
    w->links++;
    jw_open(&out, '{'), jw_kstr(&out, "model", w->model), jw_ki64(&out, "created", w->ended / 1000), jw_key(&out, "data"), jw_open(&out, '[');
    for (int i = 0; i < w->output_count; i++) {
        const struct work_output *o = &w->outputs[i];
        pixels += o->width * o->height;
        jw_open(&out, '{');
        if (inline_wanted) jw_kstr(&out, "b64_json", work_base64(w, i, a->arena));
        else jw_kstr(&out, "url", work_link(w, a, i));
        jw_kstr(&out, "size", arena_printf(a->arena, "%lldx%lld", (long long)o->width, (long long)o->height)), jw_close(&out, '}');
    }
    jw_close(&out, ']');
    jw_kraw(&out, "usage", arena_printf(a->arena, "{\"generated_images\":%d,\"output_tokens\":%lld,\"total_tokens\":%lld}", w->output_count, (long long)pixels / 256, (long long)pixels / 256));
    jw_close(&out, '}');
    answer(a, 200, &b);
}

/* --- video tasks --- */

static const struct film { const char *begins; int64_t least, most; const char *resolutions; bool sound, references; int64_t usual; } films[] = {
    {"dreamina-seedance-2-5-", 4, 30, "480p|720p|1080p", true, true, 5},  {"dreamina-seedance-2-0-fast-", 4, 15, "480p|720p", true, true, 5},
    {"dreamina-seedance-2-0-mini-", 4, 15, "480p|720p", true, true, 5},   {"dreamina-seedance-2-0-", 4, 15, "480p|720p|1080p|4k", true, true, 5},
    {"seedance-1-5-pro-", 4, 12, "480p|720p|1080p", true, false, 5},      {"seedance-1-0-", 2, 12, "480p|720p|1080p", false, false, 5}};

static const struct film *film_of(struct str model) {
    for (size_t i = 0; i < sizeof films / sizeof *films; i++)
        if (str_starts(model, str_of(films[i].begins))) return &films[i];
    return NULL;
}

/* One item of `content`; *io_modes: 1 frames, 2 references. */
static const char *take_item(struct work *w, const struct json *item, const struct film *film, int *io_modes, struct str *io_prompt) {
    static const struct { const char *type, *role, *input; int mode; } kinds[] = {
        {"image_url", "first_frame", "image", 1}, {"image_url", "last_frame", "end_image", 1}, {"image_url", "reference_image", "image", 2},
        {"video_url", "reference_video", "video", 2}, {"audio_url", "reference_audio", "audio", 2}};
    struct str type = text_of(item, "type"), role = text_of(item, "role");
    if (str_is(type, "text")) return *io_prompt = text_of(item, "text"), text_of(item, "text").len ? NULL : "content.text is required";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct str url = text_of(json_get(item, kinds[i].type), "url");
        if (!str_is(type, kinds[i].type) || !str_is(role, kinds[i].role)) continue;
        *io_modes |= kinds[i].mode;
        if (kinds[i].mode == 2 && !film->references) return "References are not supported by this model.";
        bool data = str_starts(url, STR("data:"));
        if (!url.len || (data && !strcmp(kinds[i].type, "video_url"))) return "url is required, and of a video it is a link.";
        if (!data && !str_starts(url, STR("http")) && !str_starts(url, STR("asset://"))) return "url is a link or a data URI.";
        return str_starts(url, STR("asset://")) || work_file(w, kinds[i].input, url) ? NULL : "The file cannot be read.";
    }
    return "An item of content has a type and a role that belong together.";
}

static bool take_content(struct ask *a, struct work *w, const struct film *film, struct str *out_prompt) {
    const struct json *content = json_get(a->json, "content");
    int modes = 0;
    const char *problem = json_is(content, JSON_ARRAY) && content->count ? NULL : "content is required";
    for (const struct json *i = problem ? NULL : content->child; i && !problem; i = i->next) problem = take_item(w, i, film, &modes, out_prompt);
    if (!problem && modes == 3) problem = "Frames and references cannot be mixed.";
    if (!problem) return true;
    w->state = WORK_CANCELLED; /* never begun */
    return refuse(a, CLASS_CALLER, "content", "%s", problem), false;
}

static bool has_resolution(const struct film *f, struct str s) {
    struct str rest = str_of(f->resolutions), one;
    for (bool more = s.len > 0; more;) {
        more = str_cut(rest, '|', &one, &rest);
        if (str_eq(one, s)) return true;
    }
    return !s.len;
}

static void create(struct ask *a) {
    static const char words[] = "model*:s content*:o resolution:s ratio:s=16:9|4:3|1:1|3:4|9:16|21:9|adaptive duration:i-1..30 frames:i29..289 generate_audio:b watermark:b seed:i camera_fixed:b "
                                "return_last_frame:b draft:b service_tier:s=default|flex callback_url:u execution_expires_after:i3600..259200 priority:i0..9 safety_identifier:s0..64 "
                                "output_format:s=mp4|mov omni_reference_task_type:s tools:o";
    struct fault f;
    struct str model = text_of(a->json, "model"), prompt = {};
    const struct film *film = film_of(model);
    int64_t seconds = -1;
    if (!check_only(a->json, words, &f)) return refuse(a, CLASS_CALLER, f.field, "%s", f.sentence);
    if (!film) return refuse(a, CLASS_GONE, "model", "The model or endpoint does not exist or you do not have access to it.");
    (void)json_as_i64(json_get(a->json, "duration"), &seconds);
    if (seconds != -1 && (seconds < film->least || seconds > film->most)) return refuse(a, CLASS_CALLER, "duration", "duration is not valid for this model.");
    if (!has_resolution(film, text_of(a->json, "resolution"))) return refuse(a, CLASS_CALLER, "resolution", "resolution is not valid for this model.");
    if (json_get(a->json, "generate_audio") && !film->sound) return refuse(a, CLASS_CALLER, "generate_audio", "generate_audio is not supported by this model.");
    if (str_is(text_of(a->json, "service_tier"), "flex") && film->references) return refuse(a, CLASS_CALLER, "service_tier", "InvalidParameter.UnsupportedParameter: flex is not allowed.");
    struct work *w = work_new(a, "video", model, STR("{}"));
    if (!w || !take_content(a, w, film, &prompt)) return;
    bool adaptive = seconds == -1;
    struct str more = arena_printf(a->arena, "{\"prompt\":%.*s,\"generate_audio\":%s,\"resolution\":\"720p\",\"length\":%lld}", STR_ARG(quoted(a->arena, prompt)), film->sound ? "true" : "false",
                                   (long long)(adaptive ? film->usual : seconds));
    w->settings = arena_dup(&w->arena, merged(a->json, more.ptr, a->arena));
    w->shape = TASK;
    snprintf(w->id, sizeof w->id, "cgt-%.40s", arena_printf(a->arena, "20261122100000-%.32s", w->id).ptr);
    w->webhook = arena_dup(&w->arena, text_of(a->json, "callback_url"));
    if (!work_go(a, w)) return;
    struct buf b = {};
    buf_printf(&b, "{\"id\":\"%s\"}", w->id);
    answer(a, 200, &b);
}

static void ark_write(const struct work *w, struct ask *a, struct jw *out) {
    static const char *const states[] = {"queued", "running", "succeeded", "failed", "cancelled"};
    struct work *mine = (struct work *)w;
    const struct work_output *o = &w->outputs[0];
    jw_open(out, '{'), jw_kz(out, "id", w->id), jw_kstr(out, "model", w->model), jw_kz(out, "status", states[w->state]);
    jw_ki64(out, "created_at", w->created / 1000), jw_ki64(out, "updated_at", (w->ended ? w->ended : w->created) / 1000);
    jw_key(out, "error");
    if (w->state == WORK_FAILED) {
        static const char *const codes[CLASS_COUNT] = {[CLASS_MODERATION] = "OutputVideoSensitiveContentDetected", [CLASS_CALLER] = "InvalidParameter.TaskTypeConstraint", [CLASS_UNCLASSIFIED] = "SomethingElse"};
        jw_open(out, '{'), jw_kz(out, "code", codes[w->failure] ? codes[w->failure] : "InternalServiceError"), jw_kz(out, "message", w->sentence), jw_close(out, '}');
    } else jw_null(out);
    if (w->state == WORK_DONE) {
        int64_t tokens = o->duration_ms * o->width * o->height * 24 / 1024 / 1000;
        mine->links++;
        jw_key(out, "content"), jw_open(out, '{');
        if (!w->mood.done_then_fail && w->output_count) jw_kstr(out, "video_url", work_link(mine, a, 0));
        jw_close(out, '}');
        jw_kraw(out, "usage", arena_printf(work_arena(w, a), "{\"completion_tokens\":%lld,\"total_tokens\":%lld}", (long long)tokens, (long long)tokens));
        jw_ki64(out, "seed", (int64_t)w->seed), jw_ki64(out, "duration", o->duration_ms / 1000), jw_ki64(out, "framespersecond", 24), jw_kz(out, "service_tier", "default");
    }
    jw_close(out, '}');
}

static void answer_task(struct ask *a, struct work *w) {
    struct buf b = {};
    struct jw out = {.out = &b};
    ark_write(w, a, &out);
    answer(a, 200, &b);
}

static void get(struct ask *a) {
    struct work *w = work_find(a->server, &face_ark, a->args[0]);
    if (w) answer_task(a, w);
    else refuse(a, CLASS_GONE, "", "The specified task is not found.");
}

static void list(struct ask *a) {
    struct buf b = {};
    struct jw out = {.out = &b};
    int n = 0;
    jw_open(&out, '{'), jw_key(&out, "items"), jw_open(&out, '[');
    for (struct work *w = server_works(a->server)->newest; w && n < 100; w = w->next)
        if (w->face == &face_ark && w->shape == TASK) ark_write(w, a, &out), n++;
    jw_close(&out, ']'), jw_ki64(&out, "total", n), jw_close(&out, '}');
    answer(a, 200, &b);
}

/* Queued: cancelled. Running: it cannot be; the code of that refusal is not in the documents. Over: its record goes. */
static void drop(struct ask *a) {
    struct work *w = work_find(a->server, &face_ark, a->args[0]);
    if (!w) return refuse(a, CLASS_GONE, "", "The specified task is not found.");
    if (w->state == WORK_RUNNING || w->state == WORK_CANCELLED) return refuse(a, CLASS_CALLER, "", "A task in this state cannot be deleted.");
    if (w->state == WORK_WAITING) work_cancel(w);
    answer_text(a, 200, "application/json", STR("{}"));
}

static const struct face_route routes[] = {
    {"POST", "images/generations", "submit", images, false},        {"POST", "contents/generations/tasks", "submit", create, false},
    {"GET", "contents/generations/tasks/*", "poll", get, false},    {"GET", "contents/generations/tasks", "list", list, false},
    {"DELETE", "contents/generations/tasks/*", "cancel", drop, false},
};
const struct face face_ark = {.name = "ark", .version = "api/v3/", .routes = routes, .route_count = sizeof routes / sizeof *routes, .refuse = ark_refuse, .key = ark_key, .late = ark_late,
                              .write = ark_write, .finish = finish};
