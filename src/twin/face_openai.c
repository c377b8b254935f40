/* OpenAI's images and speech, from its Python client and OpenAPI of 2026-08-21. Videos ended in 2026-09 and are gone here too. */
#include "twin/wire.h"

#include <stdio.h>

enum shape { PICTURES, SPEECH };
#define COMMON "prompt*:s1..32000 model*:s n:i1..10 size:s quality:s=auto|low|medium|high|xhigh|max background:s=auto|transparent|opaque output_format:s=png|jpeg|webp " \
               "output_compression:i0..100 moderation:s=auto|low stream:b partial_images:i0..3 user:s "

static void openai_refuse(struct ask *a, enum twin_class class, const char *field, const char *sentence) {
    static const struct { int status; const char *type, *code; } rows[CLASS_COUNT] = {
        [CLASS_CALLER] = {400, "invalid_request_error", "invalid_value"}, [CLASS_MODERATION] = {400, "image_generation_user_error", "moderation_blocked"},
        [CLASS_AUTH] = {401, "invalid_request_error", "invalid_api_key"}, [CLASS_QUOTA] = {429, "insufficient_quota", "insufficient_quota"},
        [CLASS_RATE_LIMIT] = {429, "requests", "rate_limit_exceeded"},    [CLASS_TRANSIENT] = {503, "server_error", NULL},
        [CLASS_GONE] = {404, "invalid_request_error", "model_not_found"}, [CLASS_UNCLASSIFIED] = {418, "teapot_error", "short_and_stout"}};
    struct buf b = {};
    struct jw w = {.out = &b};
    const char *code = strstr(sentence, "Unknown parameter") ? "unknown_parameter" : strstr(sentence, "required") ? "missing_required_parameter" : rows[class].code;
    jw_open(&w, '{'), jw_key(&w, "error"), jw_open(&w, '{');
    jw_kz(&w, "message", class == CLASS_MODERATION ? "Your request was rejected by the safety system." : sentence), jw_kz(&w, "type", rows[class].type);
    if (*field) jw_kz(&w, "param", field);
    else jw_kraw(&w, "param", STR("null"));
    if (code) jw_kz(&w, "code", code);
    else jw_kraw(&w, "code", STR("null"));
    if (class == CLASS_MODERATION) jw_kraw(&w, "moderation_details", STR("{\"moderation_stage\":\"input\",\"categories\":[\"violence\"]}"));
    jw_close(&w, '}'), jw_close(&w, '}');
    answer(a, rows[class].status, &b);
}

static bool openai_key(struct ask *a) {
    struct str key;
    if (ask_key(a, "Authorization", "Bearer ", &key) && !str_starts(key, STR("bad"))) return true;
    refuse(a, CLASS_AUTH, "", "Incorrect API key provided.");
    return false;
}

static bool openai_late(enum twin_class class) { return false; }

static bool living(struct str model) {
    static const char *const models[] = {"gpt-image-2", "gpt-image-2-2026-04-21", "gpt-image-1.5", "gpt-image-1-mini", "chatgpt-image-latest", "gpt-image-2.5-flare", "gpt-image-2.5-sunburst",
                                         "tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (str_is(model, models[i])) return true;
    return false;
}

/* auto; three sizes; and from gpt-image-2 on any of multiples of 16 within its bounds. */
static bool size_allowed(struct str model, struct str size) {
    static const char *const always[] = {"", "auto", "1024x1024", "1536x1024", "1024x1536"};
    struct str a, b;
    int64_t w, h;
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (str_is(size, always[i])) return true;
    if (!str_starts(model, STR("gpt-image-2")) || !str_cut(size, 'x', &a, &b) || !str_to_i64(a, &w) || !str_to_i64(b, &h)) return false;
    return gpt_size(w, h);
}

static bool check_pictures(struct ask *a, const struct json *body, const char *words) {
    struct fault f;
    struct str model = text_of(body, "model"), quality = text_of(body, "quality");
    if (!check_only(body, words, &f)) return refuse(a, CLASS_CALLER, f.field, "%s", f.sentence), false;
    if (!living(model) || str_starts(model, STR("tts"))) return refuse(a, CLASS_GONE, "model", "The model does not exist or you do not have access to it."), false;
    if (!size_allowed(model, text_of(body, "size"))) return refuse(a, CLASS_CALLER, "size", "Invalid value for size."), false;
    bool newer = str_starts(model, STR("gpt-image-2.5"));
    if ((str_is(quality, "xhigh") || str_is(quality, "max")) && !newer) return refuse(a, CLASS_CALLER, "quality", "Invalid value for quality."), false;
    if (str_is(text_of(body, "background"), "transparent") && str_is(text_of(body, "output_format"), "jpeg"))
        return refuse(a, CLASS_CALLER, "background", "A transparent background needs png or webp."), false;
    return true;
}

static struct work *begin(struct ask *a, const struct json *body, const char *kind, enum shape shape) {
    struct work *w = work_new(a, kind, text_of(body, "model"), merged(body, "{}", a->arena));
    if (w) w->shape = (int)shape;
    return w;
}

static void go(struct ask *a, struct work *w) {
    if (w && work_go(a, w)) work_wait(a, w);
}

static void generations(struct ask *a) {
    if (check_pictures(a, a->json, COMMON)) go(a, begin(a, a->json, "image", PICTURES));
}

/* The text parts of a form as members: numbers where they look like some. */
static struct json *members(struct ask *a, const struct part *parts, int n) {
    struct buf b = {};
    struct jw w = {.out = &b};
    struct json *out = NULL;
    jw_open(&w, '{');
    for (int i = 0; i < n; i++) {
        int64_t v;
        if (parts[i].filename.len) continue;
        jw_key_str(&w, parts[i].name);
        bool flag = str_is(parts[i].bytes, "true") || str_is(parts[i].bytes, "false");
        if (flag || (!str_is(parts[i].name, "prompt") && str_to_i64(parts[i].bytes, &v))) jw_raw(&w, parts[i].bytes);
        else jw_str(&w, parts[i].bytes);
    }
    jw_close(&w, '}');
    if (json_parse(arena_dup(a->arena, buf_view(&b)), a->arena, NULL, &out)) out = NULL;
    buf_done(&b);
    return out;
}

static void edit_form(struct ask *a, const struct part *parts, int n) {
    struct json *body = members(a, parts, n);
    int pictures = 0;
    if (!check_pictures(a, body, COMMON "input_fidelity:s=high|low ")) return;
    for (int i = 0; i < n; i++) pictures += parts[i].filename.len && str_starts(parts[i].name, STR("image"));
    if (!pictures || pictures > 16) return refuse(a, CLASS_CALLER, "image", pictures ? "At most 16 images." : "image: field required");
    struct work *w = begin(a, body, "image", PICTURES);
    if (!w) return;
    for (int i = 0; i < n; i++) {
        if (!parts[i].filename.len) continue;
        bool image = str_is(parts[i].name, "image") || str_is(parts[i].name, "image[]");
        if ((!image && !str_is(parts[i].name, "mask")) || !work_file_bytes(w, image ? "image" : "mask", parts[i].bytes)) {
            w->state = WORK_CANCELLED; /* never begun */
            return refuse(a, CLASS_CALLER, "image", "The file part %.*s is no image.", STR_ARG(parts[i].name));
        }
    }
    go(a, w);
}

static void edit_json(struct ask *a) {
    const struct json *images = json_get(a->json, "images");
    if (!check_pictures(a, a->json, COMMON "images*:o mask:o input_fidelity:s=high|low ")) return;
    if (!json_is(images, JSON_ARRAY) || !images->count || images->count > 16) return refuse(a, CLASS_CALLER, "images", "1 to 16 images are required");
    struct work *w = begin(a, a->json, "image", PICTURES);
    if (!w) return;
    for (const struct json *i = images->child; i; i = i->next) {
        struct str url = text_of(i, "image_url");
        if (url.len && work_file(w, "image", url)) continue;
        w->state = WORK_CANCELLED;
        return refuse(a, CLASS_CALLER, "images", "Each of images has an image_url that is an image.");
    }
    go(a, w);
}

static void edits(struct ask *a) {
    struct part parts[48];
    int n = parts_read(ask_header(a, "Content-Type"), a->body, parts, 48);
    if (n >= 0) edit_form(a, parts, n);
    else edit_json(a);
}

static void speech(struct ask *a) {
    struct fault f;
    struct str model = text_of(a->json, "model");
    static const char words[] = "input*:s1..4096 model*:s voice*:o instructions:s response_format:s=mp3|opus|aac|flac|wav|pcm speed:n0..4 stream_format:s=audio|sse";
    static const char voices[] = "voice*:s=alloy|ash|ballad|coral|echo|fable|onyx|nova|sage|shimmer|verse|marin|cedar";
    if (!check_only(a->json, words, &f)) return refuse(a, CLASS_CALLER, f.field, "%s", f.sentence);
    if (!living(model) || str_starts(model, STR("gpt-image"))) return refuse(a, CLASS_GONE, "model", "The model does not exist or you do not have access to it.");
    if (!json_is(json_get(a->json, "voice"), JSON_OBJECT) && !check(a->json, voices, &f)) return refuse(a, CLASS_CALLER, f.field, "%s", f.sentence);
    if (json_get(a->json, "instructions") && str_starts(model, STR("tts-1"))) return refuse(a, CLASS_CALLER, "instructions", "instructions is not supported by this model.");
    go(a, begin(a, a->json, "audio", SPEECH));
}

static void write_pictures(struct ask *a, struct work *w) {
    struct buf b = {};
    struct jw out = {.out = &b};
    const char *format = w->output_count ? strchr(w->outputs[0].type, '/') + 1 : "png";
    jw_open(&out, '{'), jw_ki64(&out, "created", w->ended / 1000), jw_kz(&out, "background", "opaque"), jw_kz(&out, "output_format", format);
    jw_kz(&out, "quality", "medium"), jw_key(&out, "data"), jw_open(&out, '[');
    for (int i = 0; i < w->output_count; i++) jw_open(&out, '{'), jw_kstr(&out, "b64_json", work_base64(w, i, a->arena)), jw_close(&out, '}');
    jw_close(&out, ']');
    int64_t tokens = 1372 * w->output_count;
    jw_kraw(&out, "usage", arena_printf(a->arena, "{\"input_tokens\":18,\"input_tokens_details\":{\"text_tokens\":18,\"image_tokens\":0},\"output_tokens\":%lld,\"total_tokens\":%lld}",
                                        (long long)tokens, (long long)tokens + 18));
    jw_close(&out, '}');
    answer(a, 200, &b);
}

static void finish(struct ask *a, struct work *w) {
    if (w->state != WORK_DONE || w->mood.done_then_fail) return openai_refuse(a, w->failure ? w->failure : CLASS_TRANSIENT, w->field, w->sentence);
    answer_header(a, "openai-processing-ms", arena_printf(a->arena, "%lld", (long long)(w->ended - w->started)));
    if (w->shape == PICTURES) return write_pictures(a, w);
    w->links = 2;
    a->args[0] = str_of(w->id), a->args[1] = STR("2"), a->args[2] = STR("0.mp3");
    works_media(a);
}

static const struct face_route routes[] = {
    {"POST", "images/generations", "submit", generations, false}, {"POST", "images/edits", "submit", edits, false}, {"POST", "audio/speech", "submit", speech, false}};
const struct face face_openai = {.name = "openai", .version = "v1/", .routes = routes, .route_count = sizeof routes / sizeof *routes, .refuse = openai_refuse, .key = openai_key,
                                 .late = openai_late, .finish = finish};
