/* Calls as OpenAI's clients make them: pictures, edits of pictures, speech. Each becomes an ordinary submission that is waited for; only the shape
 * of the request, of the answer and of errors is another. Bills, caps, scopes and idempotency are those of every call.
 *
 * What such a client sends without knowing us: a model without a family ("gpt-image-2" is openai/gpt-image-2), words that mean the default
 * ("auto"), and members that say nothing about the picture. */
#include "api/form.h"
#include "api/routes.h"
#include "base/cleanup.h"
#include "base/limits.h"

#include <stdio.h>

enum { IMAGES_MAX = 16, PROMPT_BYTES = 128 * 1024 };

enum answer_as { AS_BASE64, AS_URL, AS_AUDIO };
struct openai {
    enum answer_as as;
    struct buf inputs;     /* the submission's, being written: {"prompt": ... without its end */
    struct buf canonical;  /* of a form: what was said, and behind it the sha256 of each file in its order */
    struct jw w;
    struct str model, end_user;
    struct form_picture { struct str path, sha256; } images[IMAGES_MAX], mask; /* in the drive */
    size_t image_count;
    int storing;           /* files of the form that are on their way into the drive */
    bool mask_next, over, failed;
    int64_t room;
};

/* Members that say how to answer, or nothing that a model here could use. */
static bool is_ours(struct str name) {
    static const char *const names[] = {"model", "input", "response_format", "user", "stream", "stream_format", "partial_images", "image", "image[]", "images", "mask"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_is(name, names[i])) return true;
    return false;
}

static struct openai *begin(struct exchange *x, enum answer_as as) {
    struct openai *o = arena_new(&x->arena, struct openai);
    o->as = as;
    o->w.out = &o->inputs;
    jw_open(&o->w, '{');
    x->openai = o;
    return o;
}

/* With the exchange: a call ends in many ways, and a file of its form may still be on its way into the drive. */
void openai_done(struct exchange *x) {
    if (!x->openai) return;
    buf_done(&x->openai->inputs);
    buf_done(&x->openai->canonical);
}

/* --- members --- */

static err read_answer_shape(struct openai *o, struct str format, struct why *why) {
    if (str_empty(format) || str_is(format, "b64_json")) return OK;
    if (str_is(format, "url")) {
        o->as = AS_URL;
        return OK;
    }
    snprintf(why->field, sizeof why->field, "response_format");
    return why_set(why, E_INVALID, "response_format is b64_json or url.");
}

static err refuse_stream(const struct json *stream, struct why *why) {
    bool on = false;
    if (!json_as_bool(stream, &on) || !on) return OK;
    snprintf(why->field, sizeof why->field, "stream");
    return why_set(why, E_INVALID, "Parts of a picture are not streamed here; leave stream out. Nothing was charged.");
}

static err read_object(struct exchange *x, struct openai *o, struct why *why) {
    struct str format = {0};
    bool speech = o->as == AS_AUDIO;
    TRY(body_text(x->body, "model", true, MODEL_BYTES, why, &o->model));
    TRY(body_text(x->body, "user", false, END_USER_BYTES, why, &o->end_user));
    TRY(refuse_stream(json_get(x->body, "stream"), why));
    TRY(body_text(x->body, "response_format", false, 32, why, &format));
    if (!speech) TRY(read_answer_shape(o, format, why));
    else if (!str_empty(format)) jw_kstr(&o->w, "format", format);
    if (speech) {
        struct str text = {0};
        TRY(body_text(x->body, "input", true, PROMPT_BYTES, why, &text));
        jw_kstr(&o->w, "text", text);
    }
    for (const struct json *m = x->body->child; m; m = m->next) {
        if (is_ours(m->key) || m->type == JSON_NULL || (m->type == JSON_STRING && str_is(m->text, "auto"))) continue;
        jw_key_str(&o->w, m->key);
        json_write(&o->inputs, m);
        o->w.comma = true;
    }
    return OK;
}

/* [{"image_url": "https://..."}], or plain links and data URIs. */
static err read_link(const struct json *j, struct why *why, const struct json **out) {
    const struct json *link = json_is(j, JSON_OBJECT) ? json_get(j, "image_url") : j;
    if (json_is(link, JSON_OBJECT)) link = json_get(link, "url");
    if (!json_is(link, JSON_STRING) && !json_is(link, JSON_SPOOLED)) {
        snprintf(why->field, sizeof why->field, "images");
        return why_set(why, E_INVALID, "images is a list of {\"image_url\": \"https://... or data:...\"}; files by id are not known here.");
    }
    *out = link;
    return OK;
}

/* A text, or one that lies elsewhere. */
static void write_link(struct openai *o, const struct json *link) {
    if (link->type == JSON_STRING) {
        jw_str(&o->w, link->text);
        return;
    }
    struct buf b = {};
    json_write(&b, link);
    jw_raw(&o->w, buf_view(&b));
    buf_done(&b);
}

static err read_images(struct exchange *x, struct openai *o, struct why *why) {
    const struct json *list = json_get(x->body, "images"), *mask = json_get(x->body, "mask"), *link;
    if (!list) list = json_get(x->body, "image");
    if (!list || (list->type == JSON_ARRAY && (!list->count || list->count > IMAGES_MAX))) {
        snprintf(why->field, sizeof why->field, "images");
        return why_set(why, E_INVALID, "An edit needs 1 to %d pictures in images.", IMAGES_MAX);
    }
    jw_key(&o->w, "image");
    if (list->type == JSON_ARRAY) jw_open(&o->w, '[');
    for (const struct json *j = list->type == JSON_ARRAY ? list->child : list; j; j = list->type == JSON_ARRAY ? j->next : NULL) {
        TRY(read_link(j, why, &link));
        write_link(o, link);
    }
    if (list->type == JSON_ARRAY) jw_close(&o->w, ']');
    if (!mask || mask->type == JSON_NULL) return OK;
    TRY(read_link(mask, why, &link));
    jw_key(&o->w, "mask");
    write_link(o, link);
    return OK;
}

/* --- answers --- */

static void opened(void *arg, const struct answer *a) {
    struct exchange *x = arg;
    _cleanup_(closep) int fd = a->code ? -1 : a->fd;
    if (x->req && a->code) {
        answer_ops_error(x, a);
    } else if (x->req) {
        bool audio = x->openai->as == AS_AUDIO;
        answer_headers(x->api, x->req);
        http_add_header(x->req, "Cache-Control", STR("no-store"));
        http_reply_file(x->req, 200, audio ? arena_strz(&x->arena, a->type) : "application/json", TAKE_FD(fd), 0, a->bytes);
        exchange_release(x);
    }
    exchange_unref(x);
}

static void write_bill(struct jw *w, const struct json *g) {
    int64_t billed = 0;
    struct str id = {0};
    json_as_str(json_get(g, "id"), &id);
    json_as_i64(json_get(g, "billed_micros"), &billed);
    jw_kstr(w, "generation_id", id);
    jw_ki64(w, "billed_micros", billed);
}

/* {"created": seconds, "data": [{"url"}]}; as base64 each file is a hole that is filled on its way out. */
static void answer_images(struct exchange *x, const struct json *g) {
    const struct json *outputs = json_get(g, "outputs");
    struct piece pieces[PIECES_MAX];
    size_t n = 0;
    bool base64 = x->openai->as == AS_BASE64;
    _cleanup_(buf_done) struct buf text = {0};
    struct jw w = {.out = &text};
    jw_open(&w, '{');
    jw_ki64(&w, "created", io_now(x->api->o.io) / MS_SECOND);
    write_bill(&w, g);
    jw_key(&w, "data");
    jw_open(&w, '[');
    for (const struct json *o = outputs ? outputs->child : NULL; o && n < PIECES_MAX - 1; o = o->next) {
        struct str id = {0}, url = {0};
        json_as_str(json_get(o, "id"), &id);
        json_as_str(json_get(o, "url"), &url);
        jw_open(&w, '{');
        if (!base64) {
            jw_kstr(&w, "url", url);
            jw_close(&w, '}');
            continue;
        }
        jw_key(&w, "b64_json");
        buf_c(&text, '"');
        pieces[n++] = (struct piece){.text = arena_dup(&x->arena, buf_view(&text)), .asset = arena_dup(&x->arena, id)};
        buf_clear(&text);
        buf_c(&text, '"');
        w.comma = true;
        jw_kstr(&w, "url", url);
        jw_close(&w, '}');
    }
    jw_close(&w, ']');
    jw_close(&w, '}');
    if (!base64) {
        answer_json(x, 200, buf_view(&text));
        return;
    }
    pieces[n++] = (struct piece){.text = arena_dup(&x->arena, buf_view(&text))};
    exchange_ref(x);
    ops_assemble(exchange_ops(x), &x->caller, pieces, n, opened, x);
}

static void answer_speech(struct exchange *x, const struct json *g) {
    struct str id = {0};
    json_as_str(json_get(json_at(json_get(g, "outputs"), 0), "id"), &id);
    exchange_ref(x);
    ops_asset_open(exchange_ops(x), &x->caller, arena_dup(&x->arena, id), opened, x);
}

static void finished(void *arg, const struct answer *a) {
    struct exchange *x = arg;
    struct json *g = NULL;
    generate_answered(x, a);
    if (x->req && a->code) {
        answer_ops_error(x, a);
    } else if (x->req) {
        struct str text = arena_dup(&x->arena, a->json);
        if (a->replayed) http_add_header(x->req, "Idempotent-Replayed", STR("true"));
        if (json_parse(text, &x->arena, NULL, &g)) {
            answer_fail(x, E_INTERNAL, "The finished generation could not be read.");
        } else if (json_at(json_get(g, "outputs"), 0)) {
            if (x->openai->as == AS_AUDIO) answer_speech(x, g);
            else answer_images(x, g);
        } else {
            answer_fail(x, E_OUTPUT_LOST, "The generation has no file any more.");
        }
    }
    exchange_unref(x);
}

static void run(struct exchange *x) {
    struct openai *o = x->openai;
    struct submission *s = arena_new(&x->arena, struct submission);
    struct why why = {0};
    struct json *inputs;
    jw_close(&o->w, '}');
    if (json_parse_how(arena_dup(&x->arena, buf_view(&o->inputs)), JSON_SPOOLS, &x->arena, &why, NULL, &inputs)) {
        why.code = E_INVALID;
        answer_error(x, &why);
        return;
    }
    bool bare = !memchr(o->model.ptr, '/', o->model.len);
    s->model = bare ? arena_printf(&x->arena, "openai/%.*s", STR_ARG(o->model)) : o->model;
    s->inputs = inputs;
    s->kind = o->as == AS_AUDIO ? STR("audio") : STR("image");
    s->kind_required = true;
    s->end_user = o->end_user;
    s->view = VIEW_FILES;
    s->wait = LIMIT_WAIT_MS;
    generate_run(x, s, arena_dup(&x->arena, buf_view(&o->canonical)), finished);
}

static void run_object(struct exchange *x, enum answer_as as, bool edits) {
    struct openai *o = begin(x, as);
    struct why why = {0};
    err e = read_object(x, o, &why);
    if (!e && edits) e = read_images(x, o, &why);
    if (!e) {
        run(x);
        return;
    }
    why.code = e;
    answer_error(x, &why);
}

void openai_images(struct exchange *x) { run_object(x, AS_BASE64, false); }
void openai_speech(struct exchange *x) { run_object(x, AS_AUDIO, false); }

/* --- an edit as a form --- */

static bool is_file(struct str name) { return str_is(name, "image") || str_is(name, "image[]") || str_is(name, "mask"); }

static void fail(struct exchange *x, err code, struct why *why) {
    why->code = code;
    x->openai->failed = true;
    answer_error(x, why); /* gives an upload up that is under way */
}

/* Runs once all files are in the drive and all fields are read. */
static void run_when_ready(struct exchange *x) {
    struct openai *o = x->openai;
    if (!o->over || o->storing || o->failed || !x->req) return;
    struct why why = {0};
    err e = OK;
    if (!o->image_count) {
        snprintf(why.field, sizeof why.field, "image");
        e = why_set(&why, E_INVALID, "The form has no picture: an edit needs a part image, or several named image[].");
    } else if (str_empty(o->model)) {
        snprintf(why.field, sizeof why.field, "model");
        e = why_set(&why, E_INVALID, "The form has no field model.");
    }
    if (e) {
        fail(x, e, &why);
        return;
    }
    jw_key(&o->w, "image");
    jw_open(&o->w, '[');
    for (size_t i = 0; i < o->image_count; i++) {
        jw_str(&o->w, o->images[i].path);
        buf_printf(&o->canonical, "image %.*s\n", STR_ARG(o->images[i].sha256));
    }
    jw_close(&o->w, ']');
    if (o->mask.path.len) {
        jw_kstr(&o->w, "mask", o->mask.path);
        buf_printf(&o->canonical, "mask %.*s\n", STR_ARG(o->mask.sha256));
    }
    run(x);
}

/* Which file it is was noted when it began: a slot of its own. */
struct stored { struct exchange *x; struct form_picture *slot; };

static void stored(void *arg, const struct answer *a) {
    struct stored *s = arg;
    struct exchange *x = s->x;
    struct openai *o = x->openai;
    struct json *file = NULL;
    struct str path = {0}, sha256 = {0};
    o->storing--;
    if (a->code) {
        if (x->req && !o->failed) {
            o->failed = true;
            answer_ops_error(x, a);
        }
    } else if (!json_parse(arena_dup(&x->arena, a->json), &x->arena, NULL, &file) && json_as_str(json_get(file, "path"), &path)) {
        json_as_str(json_get(file, "sha256"), &sha256);
        *s->slot = (struct form_picture){path, sha256}; /* they are stored in any order */
    }
    run_when_ready(x);
    exchange_unref(x);
}

static void store_current(struct exchange *x) {
    if (!x->upload) return;
    struct openai *o = x->openai;
    struct stored *s = arena_new(&x->arena, struct stored);
    *s = (struct stored){.x = x, .slot = o->mask_next ? &o->mask : &o->images[o->image_count - 1]};
    o->storing++;
    exchange_ref(x);
    ops_upload_end(TAKE(x->upload), stored, s);
}

static void resume(void *arg) {
    struct exchange *x = arg;
    if (x->req) http_resume_body(x->req);
}

static err form_file(void *arg, struct str name, struct str filename, struct why *why) {
    struct exchange *x = arg;
    struct openai *o = x->openai;
    store_current(x);
    o->mask_next = str_is(name, "mask");
    if (!o->mask_next && o->image_count == IMAGES_MAX) return why_set(why, E_INVALID, "An edit takes at most %d pictures.", IMAGES_MAX);
    o->image_count += !o->mask_next;
    TRY(ops_upload_begin(exchange_ops(x), &x->caller, STR(""), -1, o->room, resume, x, why, &x->upload));
    return ops_upload_place(x->upload, STR(""), filename, why);
}

static bool form_data(void *arg, struct str piece) {
    struct exchange *x = arg;
    return ops_upload_write(x->upload, piece);
}

static bool is_number(struct str s) {
    struct json *j;
    _cleanup_(arena_done) struct arena a = {0};
    return s.len && !json_parse(s, &a, NULL, &j) && j->type == JSON_NUMBER;
}

/* A form knows text alone: what is written as a number or a truth value is one. */
static err form_field(void *arg, struct str name, struct str value, struct why *why) {
    struct exchange *x = arg;
    struct openai *o = x->openai;
    store_current(x);
    buf_printf(&o->canonical, "%.*s %zu %.*s\n", STR_ARG(name), value.len, STR_ARG(value));
    if (str_is(name, "model")) {
        if (value.len > MODEL_BYTES) return why_set(why, E_INVALID, "The field model has more than %d bytes.", MODEL_BYTES);
        o->model = arena_dup(&x->arena, value);
    } else if (str_is(name, "user")) {
        if (value.len > END_USER_BYTES) return why_set(why, E_INVALID, "The field user has more than %d bytes.", END_USER_BYTES);
        o->end_user = arena_dup(&x->arena, value);
    } else if (str_is(name, "response_format")) {
        return read_answer_shape(o, value, why);
    } else if (str_is(name, "stream")) {
        const struct json on = {.type = JSON_BOOL, .boolean = str_is(value, "true") || str_is(value, "1")};
        return refuse_stream(&on, why);
    } else if (!is_ours(name) && value.len && !str_is(value, "auto")) {
        jw_key_str(&o->w, name);
        if (is_number(value) || str_is(value, "true") || str_is(value, "false")) jw_raw(&o->w, value);
        else jw_str(&o->w, value);
    }
    return OK;
}

static bool form_chunk(void *arg, struct http_req *r, struct str bytes) {
    struct exchange *x = arg;
    struct why why = {0};
    bool waits = false;
    if (x->openai->failed) return true;
    err e = form_feed(x->form, bytes, &why, &waits);
    if (!e && x->upload) e = ops_upload_fits(x->upload, &why);
    if (!e) return !waits;
    fail(x, e, &why);
    return true;
}

static void form_over(void *arg, struct http_req *r, bool ok) {
    struct exchange *x = arg;
    struct why why = {0};
    x->openai->failed |= !ok;
    if (!ok) { /* cut off, or answered by the server: nothing runs */
        exchange_release(x);
        return;
    }
    err e = form_end(x->form, &why);
    if (e) {
        fail(x, e, &why);
        return;
    }
    store_current(x);
    x->openai->over = true;
    exchange_ref(x);
    run_when_ready(x);
    exchange_unref(x);
}

static void has_room(void *arg, const struct answer *a) {
    struct exchange *x = arg;
    const struct http_sink sink = {.chunk = form_chunk, .end = form_over, .arg = x};
    if (x->req && a->code) {
        answer_ops_error(x, a);
    } else if (x->req) {
        x->openai->room = a->bytes;
        http_stream_body(x->req, LIMIT_UPLOAD_BYTES + FORM_EXTRA_BYTES, &sink);
    }
    exchange_unref(x);
}

void openai_edits(struct exchange *x) {
    char boundary[FORM_BOUNDARY + 1];
    if (x->body || !form_boundary(http_header(x->req, "Content-Type"), boundary)) {
        run_object(x, AS_BASE64, true);
        return;
    }
    begin(x, AS_BASE64);
    x->form = arena_new(&x->arena, struct form);
    const struct form_sink parts = {.file = form_file, .data = form_data, .field = form_field, .arg = x, .is_file = is_file, .field_max = FORM_FIELD_MOST};
    form_begin(x->form, boundary, &parts);
    exchange_ref(x);
    ops_drive_room(exchange_ops(x), &x->caller, STR(""), -1, has_room, x);
}
