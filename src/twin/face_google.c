/* The Gemini API: generateContent, predictLongRunning, interactions and file downloads, from the Python client of 2026-08-21 and
 * the documentation. Vertex is another plane and not here. */
#include "twin/wire.h"

#include <stdio.h>

enum shape { PICTURE, OPERATION, INTERACTION };

static void google_refuse(struct ask *a, enum twin_class class, const char *field, const char *sentence) {
    static const struct { int status; const char *word; } rows[CLASS_COUNT] = {
        [CLASS_CALLER] = {400, "INVALID_ARGUMENT"}, [CLASS_MODERATION] = {400, "INVALID_ARGUMENT"}, [CLASS_AUTH] = {403, "PERMISSION_DENIED"}, [CLASS_QUOTA] = {402, "FAILED_PRECONDITION"},
        [CLASS_RATE_LIMIT] = {429, "RESOURCE_EXHAUSTED"}, [CLASS_TRANSIENT] = {503, "UNAVAILABLE"}, [CLASS_GONE] = {404, "NOT_FOUND"}, [CLASS_UNCLASSIFIED] = {409, "ABORTED"}};
    struct buf b = {};
    struct jw w = {.out = &b};
    jw_open(&w, '{'), jw_key(&w, "error"), jw_open(&w, '{'), jw_ki64(&w, "code", rows[class].status), jw_kz(&w, "message", sentence), jw_kz(&w, "status", rows[class].word);
    if (class == CLASS_RATE_LIMIT)
        jw_kraw(&w, "details", arena_printf(a->arena, "[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"%llds\"}]", (long long)((a->mood.busy_for + 999) / 1000)));
    if (class == CLASS_CALLER && str_starts(str_of(sentence), STR("API key")))
        jw_kraw(&w, "details", STR("[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"API_KEY_INVALID\"}]"));
    jw_close(&w, '}'), jw_close(&w, '}');
    answer(a, rows[class].status, &b);
}

static bool google_key(struct ask *a) {
    struct str key = ask_header(a, "x-goog-api-key");
    if (!key.len) key = ask_query(a, "key");
    if (key.len && !str_starts(key, STR("bad"))) return true;
    if (key.len) refuse(a, CLASS_CALLER, "", "API key not valid. Please pass a valid API key.");
    else refuse(a, CLASS_AUTH, "", "Method doesn't allow unregistered callers.");
    return false;
}

static bool google_late(enum twin_class class) { return class == CLASS_MODERATION || class == CLASS_UNCLASSIFIED; }

static bool inline_file(struct ask *a, struct work *w, const char *input, struct str data, struct str mime) {
    if (mime.len && work_file(w, input, data)) return true;
    w->state = WORK_CANCELLED; /* never begun */
    refuse(a, CLASS_CALLER, input, "Unable to process input image. It is base64 with a mimeType.");
    return false;
}

/* --- pictures --- */

/* The first text, and each picture as an input. */
static bool read_parts(struct ask *a, struct work *w, const struct json *contents) {
    for (const struct json *c = contents->child; c; c = c->next)
        for (const struct json *p = json_get(c, "parts") ? json_get(c, "parts")->child : NULL; p; p = p->next) {
            const struct json *data = json_get(p, "inlineData");
            if (data && !inline_file(a, w, "image", text_of(data, "data"), text_of(data, "mimeType"))) return false;
        }
    return true;
}

static struct str first_text(const struct json *contents) {
    for (const struct json *c = json_is(contents, JSON_ARRAY) ? contents->child : NULL; c; c = c->next)
        for (const struct json *p = json_get(c, "parts") ? json_get(c, "parts")->child : NULL; p; p = p->next)
            if (text_of(p, "text").len) return text_of(p, "text");
    return STR("");
}

static void generate(struct ask *a) {
    static const char ratios[] = "aspectRatio:s=1:1|2:3|3:2|3:4|4:3|4:5|5:4|9:16|16:9|21:9|1:4|4:1|1:8|8:1 imageSize:s=512|1K|2K|4K";
    struct fault f;
    const struct json *contents = json_get(a->json, "contents"), *config = json_get(a->json, "generationConfig"), *image = json_get(config, "imageConfig");
    if (!check_only(a->json, "contents*:o generationConfig:o safetySettings:o systemInstruction:o tools:o", &f)) return refuse(a, CLASS_CALLER, f.field, "%s", f.sentence);
    if (!str_ends(a->args[0], STR("-image"))) return refuse(a, CLASS_GONE, "", "models/%.*s is not found for API version v1beta.", STR_ARG(a->args[0]));
    if (image && !check_only(image, ratios, &f)) return refuse(a, CLASS_CALLER, f.field, "%s", f.sentence);
    struct str prompt = first_text(contents);
    if (!json_is(contents, JSON_ARRAY) || !prompt.len) return refuse(a, CLASS_CALLER, "contents", "contents is required, with a text.");
    struct work *w = work_new(a, "image", a->args[0], arena_printf(a->arena, "{\"prompt\":%.*s,\"aspect_ratio\":%.*s,\"resolution\":%.*s}", STR_ARG(quoted(a->arena, prompt)),
                                                                  STR_ARG(quoted(a->arena, text_of(image, "aspectRatio"))), STR_ARG(quoted(a->arena, text_of(image, "imageSize")))));
    if (w && read_parts(a, w, contents) && work_go(a, w)) work_wait(a, w);
}

static void answer_picture(struct ask *a, struct work *w) {
    struct buf b = {};
    struct jw out = {.out = &b};
    jw_open(&out, '{');
    if (w->failure == CLASS_MODERATION) jw_kraw(&out, "promptFeedback", STR("{\"blockReason\":\"PROHIBITED_CONTENT\"}"));
    else if (w->mood.done_then_fail) jw_kraw(&out, "candidates", STR("[{\"finishReason\":\"NO_IMAGE\",\"index\":0}]"));
    else {
        jw_key(&out, "candidates"), jw_open(&out, '['), jw_open(&out, '{'), jw_key(&out, "content"), jw_open(&out, '{'), jw_kz(&out, "role", "model"), jw_key(&out, "parts"), jw_open(&out, '[');
        jw_open(&out, '{'), jw_kz(&out, "text", "thinking of it"), jw_kbool(&out, "thought", true), jw_close(&out, '}');
        jw_open(&out, '{'), jw_key(&out, "inlineData"), jw_open(&out, '{'), jw_kz(&out, "mimeType", w->outputs[0].type), jw_kstr(&out, "data", work_base64(w, 0, a->arena));
        jw_close(&out, '}'), jw_close(&out, '}'), jw_close(&out, ']'), jw_close(&out, '}'), jw_kz(&out, "finishReason", "STOP"), jw_ki64(&out, "index", 0);
        jw_close(&out, '}'), jw_close(&out, ']');
    }
    jw_kraw(&out, "usageMetadata", STR("{\"promptTokenCount\":310,\"candidatesTokenCount\":1680,\"totalTokenCount\":1990}"));
    jw_kstr(&out, "modelVersion", w->model), jw_kz(&out, "responseId", w->id), jw_close(&out, '}');
    answer(a, 200, &b);
}

static void finish(struct ask *a, struct work *w) {
    if (w->failure && w->failure != CLASS_MODERATION) return google_refuse(a, w->failure, w->field, w->sentence);
    answer_picture(a, w);
}

/* --- operations --- */

static bool take_picture(struct ask *a, struct work *w, const struct json *image, const char *input) {
    return !image || inline_file(a, w, input, text_of(image, "bytesBase64Encoded"), text_of(image, "mimeType"));
}

static void predict(struct ask *a) {
    static const char words[] = "sampleCount:i1..4 durationSeconds:i4..8 aspectRatio:s=16:9|9:16 resolution:s=720p|1080p|4k personGeneration:s=dont_allow|allow_adult|allow_all "
                                "negativePrompt:s enhancePrompt:b";
    struct fault f;
    const struct json *list = json_get(a->json, "instances"), *first = json_is(list, JSON_ARRAY) ? list->child : NULL, *p = json_get(a->json, "parameters");
    if (!check_only(a->json, "instances*:o parameters:o webhookConfig:o", &f)) return refuse(a, CLASS_CALLER, f.field, "%s", f.sentence);
    if (!str_starts(a->args[0], STR("veo-"))) return refuse(a, CLASS_GONE, "", "models/%.*s is not found for API version v1beta.", STR_ARG(a->args[0]));
    if (!first || !check_only(first, "prompt:s image:o lastFrame:o video:o referenceImages:o", &f)) return refuse(a, CLASS_CALLER, "instances", "%s", first ? f.sentence : "instances is required");
    if (p && !check_only(p, words, &f)) return refuse(a, CLASS_CALLER, f.field, "%s", f.sentence); /* generateAudio and seed are Vertex's */
    int64_t seconds = 8;
    (void)json_as_i64(json_get(p, "durationSeconds"), &seconds);
    if (seconds % 2) return refuse(a, CLASS_CALLER, "durationSeconds", "durationSeconds is 4, 6 or 8.");
    struct str more = arena_printf(a->arena, "{\"prompt\":%.*s,\"duration\":%lld,\"audio\":true,\"aspect_ratio\":%.*s}", STR_ARG(quoted(a->arena, text_of(first, "prompt"))), (long long)seconds,
                                   STR_ARG(quoted(a->arena, text_of(p, "aspectRatio").len ? text_of(p, "aspectRatio") : STR("16:9"))));
    struct work *w = work_new(a, "video", a->args[0], merged(p, more.ptr, a->arena));
    if (!w) return;
    w->shape = OPERATION;
    const struct json *uris = json_get(json_get(a->json, "webhookConfig"), "uris");
    if (json_is(uris, JSON_ARRAY) && uris->child && json_is(uris->child, JSON_STRING)) w->webhook = arena_dup(&w->arena, uris->child->text);
    if (!take_picture(a, w, json_get(first, "image"), "image") || !take_picture(a, w, json_get(first, "lastFrame"), "end_image")) return;
    for (const struct json *r = json_get(first, "referenceImages") ? json_get(first, "referenceImages")->child : NULL; r; r = r->next)
        if (!take_picture(a, w, json_get(r, "image"), "image")) return;
    if (!work_go(a, w)) return;
    struct buf b = {};
    buf_printf(&b, "{\"name\":\"models/%.*s/operations/%s\"}", STR_ARG(a->args[0]), w->id);
    answer(a, 200, &b);
}

static struct str file_link(struct work *w, struct ask *a, int i) {
    return arena_printf(work_arena(w, a), "%.*s/google/v1beta/files/%s-%d-%d:download?alt=media", STR_ARG(a ? server_base(a) : server_own(w->server)), w->id, w->links, i);
}

static void write_samples(struct work *w, struct ask *a, struct jw *out) {
    bool filtered = w->failure == CLASS_MODERATION;
    w->links++;
    jw_key(out, "response"), jw_open(out, '{'), jw_kz(out, "@type", "type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse");
    jw_key(out, "generateVideoResponse"), jw_open(out, '{');
    if (filtered) jw_ki64(out, "raiMediaFilteredCount", 1), jw_kraw(out, "raiMediaFilteredReasons", STR("[\"We encountered an issue with the prompt and could not generate the video.\"]"));
    else {
        jw_key(out, "generatedSamples"), jw_open(out, '[');
        for (int i = 0; i < w->output_count; i++)
            jw_open(out, '{'), jw_key(out, "video"), jw_open(out, '{'), jw_kstr(out, "uri", file_link(w, a, i)), jw_close(out, '}'), jw_close(out, '}');
        jw_close(out, ']');
    }
    jw_close(out, '}'), jw_close(out, '}');
}

static void operation(struct ask *a) {
    struct work *w = work_find(a->server, &face_google, a->args[1]);
    struct buf b = {};
    struct jw out = {.out = &b};
    if (!w) return refuse(a, CLASS_GONE, "", "Operation not found.");
    jw_open(&out, '{'), jw_kstr(&out, "name", arena_printf(a->arena, "models/%.*s/operations/%s", STR_ARG(w->model), w->id));
    if (work_over(w)) {
        jw_kbool(&out, "done", true);
        bool failed = (w->failure && w->failure != CLASS_MODERATION) || w->mood.done_then_fail;
        if (failed) jw_kraw(&out, "error", arena_printf(a->arena, "{\"code\":%d,\"message\":\"%s\"}", w->failure == CLASS_CALLER ? 3 : w->failure == CLASS_UNCLASSIFIED ? 10 : 13, "The video could not be generated."));
        else write_samples(w, a, &out);
    }
    jw_close(&out, '}');
    answer(a, 200, &b);
}

/* --- interactions --- */

static bool read_input(struct ask *a, struct work *w, const struct json *input) {
    for (const struct json *i = json_is(input, JSON_ARRAY) ? input->child : NULL; i; i = i->next) {
        struct str type = text_of(i, "type");
        if (str_is(type, "text") || text_of(i, "uri").len) continue;
        if (!inline_file(a, w, str_is(type, "video") ? "video" : str_is(type, "audio") ? "audio" : "image", text_of(i, "data"), text_of(i, "mime_type"))) return false;
    }
    return true;
}

static struct str input_text(const struct json *input) {
    struct str s;
    if (json_as_str(input, &s)) return s;
    for (const struct json *i = json_is(input, JSON_ARRAY) ? input->child : NULL; i; i = i->next)
        if (str_is(text_of(i, "type"), "text")) return text_of(i, "text");
    return STR("");
}

static void write_interaction(const struct work *w, struct ask *a, struct jw *out) {
    struct work *mine = (struct work *)w;
    static const char *const states[] = {"queued", "in_progress", "completed", "failed", "cancelled"};
    bool failed = w->state == WORK_FAILED || (w->state == WORK_DONE && w->mood.done_then_fail);
    const char *key = strcmp(w->kind, "video") ? "output_image" : "output_video";
    jw_open(out, '{'), jw_kz(out, "id", w->id), jw_kz(out, "status", failed ? "failed" : states[w->state]), jw_kstr(out, "model", w->model);
    if (failed) jw_kraw(out, "errors", arena_printf(work_arena(w, a), "[{\"code\":\"%s\",\"message\":\"The request failed.\"}]", w->failure == CLASS_MODERATION ? "PROHIBITED_CONTENT" : w->failure == CLASS_CALLER ? "INVALID_ARGUMENT" : "INTERNAL"));
    else if (w->state == WORK_DONE && w->output_count) {
        bool inline_wanted = str_is(text_of(json_get(w->body, "response_format"), "delivery"), "inline");
        mine->links++;
        jw_key(out, key), jw_open(out, '{'), jw_kz(out, "type", w->kind), jw_kz(out, "mime_type", w->outputs[0].type);
        if (inline_wanted && a && w->outputs[0].bytes < 4000000) jw_kstr(out, "data", work_base64(w, 0, a->arena));
        else jw_kstr(out, "uri", file_link(mine, a, 0));
        jw_close(out, '}');
        jw_kraw(out, "usage", STR("{\"total_input_tokens\":280,\"total_output_tokens\":34800,\"total_tokens\":35080}"));
    }
    jw_close(out, '}');
}

static void interact(struct ask *a) {
    static const char words[] = "model*:s input*:o response_format*:o background:b store:b previous_interaction_id:s generation_config:o safety_settings:o service_tier:s labels:o stream:b webhook_config:o";
    static const char video[] = "type*:s aspect_ratio:s=16:9|9:16 resolution:s=360p|720p|1080p|4k duration:s delivery:s=inline|uri";
    static const char image[] = "type*:s aspect_ratio:s=1:1|2:3|3:2|3:4|4:3|4:5|5:4|9:16|16:9|21:9|1:8|8:1|1:4|4:1 image_size:s=512|1K|2K|4K mime_type:s delivery:s=inline|uri";
    struct fault f;
    const struct json *format = json_get(a->json, "response_format"), *hook = json_get(a->json, "webhook_config");
    bool film = str_is(text_of(format, "type"), "video"), background = false;
    if (!check_only(a->json, words, &f) || !check_only(format, film ? video : image, &f)) return refuse(a, CLASS_CALLER, f.field, "%s", f.sentence);
    if (!str_starts(text_of(a->json, "model"), STR("gemini-omni-"))) return refuse(a, CLASS_GONE, "model", "The model is not found.");
    (void)json_as_bool(json_get(a->json, "background"), &background);
    if (hook && !background) return refuse(a, CLASS_CALLER, "background", "background must be true with webhook_config.");
    struct str more = arena_printf(a->arena, "{\"prompt\":%.*s,\"audio\":true}", STR_ARG(quoted(a->arena, input_text(json_get(a->json, "input")))));
    struct work *w = work_new(a, film ? "video" : "image", text_of(a->json, "model"), merged(format, more.ptr, a->arena));
    if (!w) return;
    w->shape = INTERACTION;
    const struct json *uris = json_get(hook, "uris");
    if (json_is(uris, JSON_ARRAY) && uris->child && json_is(uris->child, JSON_STRING)) w->webhook = arena_dup(&w->arena, uris->child->text);
    if (!read_input(a, w, json_get(a->json, "input")) || !work_go(a, w)) return;
    struct buf b = {};
    struct jw out = {.out = &b};
    write_interaction(w, a, &out);
    answer(a, 200, &b);
}

static struct work *asked(struct ask *a) {
    struct work *w = work_find(a->server, &face_google, a->args[0]);
    if (!w) refuse(a, CLASS_GONE, "", "The interaction is not found.");
    return w;
}

static void answer_interaction(struct ask *a, struct work *w) {
    struct buf b = {};
    struct jw out = {.out = &b};
    write_interaction(w, a, &out);
    answer(a, 200, &b);
}

static void interaction(struct ask *a) {
    struct work *w = asked(a);
    if (w) answer_interaction(a, w);
}

static void cancel(struct ask *a) {
    struct work *w = asked(a);
    if (!w) return;
    work_cancel(w);
    answer_interaction(a, w);
}

/* ID-LINKS-N:download: the key is asked for here, and the bytes are elsewhere. */
static void download(struct ask *a) {
    struct str id, rest, links, n;
    if (!str_cut(a->args[0], '-', &id, &rest) || !str_cut(rest, '-', &links, &n) || !work_find(a->server, &face_google, id)) return refuse(a, CLASS_GONE, "", "The file is not found.");
    answer_header(a, "Location", arena_printf(a->arena, "%.*s/media/%.*s/%.*s/%.*s.bin", STR_ARG(server_base(a)), STR_ARG(id), STR_ARG(links), STR_ARG(n)));
    answer_text(a, 302, "text/plain", STR(""));
}

static void google_write(const struct work *w, struct ask *a, struct jw *out) {
    jw_open(out, '{'), jw_kz(out, "type", w->shape == OPERATION ? "video.generated" : w->state == WORK_DONE ? "interaction.completed" : "interaction.failed"), jw_kz(out, "version", "v1");
    jw_key(out, "data"), jw_open(out, '{');
    jw_kstr(out, "id", w->shape == OPERATION ? arena_printf(work_arena(w, a), "models/%.*s/operations/%s", STR_ARG(w->model), w->id) : str_of(w->id));
    jw_close(out, '}'), jw_close(out, '}');
}

static void google_sign(struct twin_server *s, const struct work *w, struct str body, msec now, struct arena *a, struct upstream_header *out, size_t *count) {
    /* Of one request: a token, by the documents, which name its place, algorithm, key and audience and no other claim; told so, the signature that a user has seen instead
     * (googleapis/python-genai issue 2927, 2026-08-31). */
    struct str id = arena_printf(a, "msg_%s", w->id);
    long long at = (long long)(now / 1000);
    struct str claims = arena_printf(a, "{\"aud\":%.*s,\"iat\":%lld,\"exp\":%lld}", STR_ARG(quoted(a, w->webhook)), at, at + 300);
    struct str signature = w->mood.v1a ? sign_standard_public(server_keys(s), id, now, body, a) : jwt_make(server_keys(s), STR("{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"" SIGN_KID "\"}"), claims, a);
    sign_headers(id, now, signature, a, out, count);
}

static void keys(struct ask *a) { answer_text(a, 200, "application/json", sign_jwks(server_keys(a->server), a->arena)); }

static const struct face_route routes[] = {
    {"POST", "models/*:generateContent", "submit", generate, false}, {"POST", "models/*:predictLongRunning", "submit", predict, false},
    {"GET", "models/*/operations/*", "poll", operation, false},      {"POST", "interactions", "submit", interact, false},
    {"GET", "interactions/*", "poll", interaction, false},           {"POST", "interactions/*/cancel", "cancel", cancel, false},
    {"GET", "files/*:download", "download", download, false},        {"GET", ".well-known/jwks.json", "keys", keys, true},
};
const struct face face_google = {.name = "google", .version = "v1beta/", .routes = routes, .route_count = sizeof routes / sizeof *routes, .refuse = google_refuse, .key = google_key,
                                 .late = google_late, .write = google_write, .sign = google_sign, .finish = finish};
