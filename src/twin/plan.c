/* See plan.h. */
#include "twin/plan.h"
#include "base/json.h"

#include <stdio.h>

enum {
    PICTURE_SIDE = 4096, FILM_SIDE = 3840, FILM_PIXELS = 3840 * 2160, FPS = 12, LONGEST_MS = 600 * 1000, SPOKEN = 600,
    FILM_MS = 5000, SOUND_MS = 10000, FILES_MAX = 16, PIXELS_1K = 1024 * 1024,
};

struct shape { double w, h; };

/* --- reading inputs, whatever their provider calls them --- */

static const struct json *first_of(const struct json *root, const char *const *names) {
    for (; *names; names++) {
        const struct json *j = json_get(root, *names);
        if (j && !json_is(j, JSON_NULL)) return j;
    }
    return NULL;
}

/* 5, 5.5, "5", "5s" in thousandths. */
static bool thousandths(const struct json *j, int64_t *out) {
    struct str s, whole, part;
    int64_t n = 0, rest = 0;
    if (!j || (j->type != JSON_NUMBER && j->type != JSON_STRING)) return false;
    s = j->text;
    if (str_ends(s, STR("s"))) s.len--;
    if (!str_cut(s, '.', &whole, &part)) part = (struct str){};
    char digits[4] = "000";
    for (size_t i = 0; i < 3 && i < part.len; i++) digits[i] = part.ptr[i];
    if (!str_to_i64(whole, &n) || !str_to_i64(str_of(digits), &rest) || n < 0 || rest < 0 || n > 1000000) return false;
    return *out = n * 1000 + rest, true;
}

/* "1024x768", "1024*768", {"width": 1024, "height": 768} */
static bool two_numbers(const struct json *j, char between, struct shape *out) {
    struct str s, a, b;
    int64_t w, h;
    if (json_is(j, JSON_OBJECT)) {
        if (!json_as_i64(json_get(j, "width"), &w) || !json_as_i64(json_get(j, "height"), &h)) return false;
    } else if (!json_as_str(j, &s) || !str_cut(s, between, &a, &b) || !str_to_i64(a, &w) || !str_to_i64(b, &h)) return false;
    if (w < 1 || h < 1 || w > 100000 || h > 100000) return false;
    return *out = (struct shape){(double)w, (double)h}, true;
}

static bool named_shape(const struct json *j, struct shape *out) {
    static const struct { const char *name; struct shape shape; } table[] = {
        {"square_hd", {1024, 1024}}, {"square", {512, 512}}, {"portrait_4_3", {768, 1024}}, {"portrait_16_9", {576, 1024}},
        {"landscape_4_3", {1024, 768}}, {"landscape_16_9", {1024, 576}}, {"portrait", {1024, 1536}}, {"landscape", {1536, 1024}}};
    struct str s;
    for (size_t i = 0; json_as_str(j, &s) && i < sizeof table / sizeof *table; i++)
        if (str_is(s, table[i].name)) return *out = table[i].shape, true;
    return false;
}

/* How many lines 720p, 4k have, and how many pixels a side 1K, 2K. */
static int64_t tier(const struct json *j, bool film) {
    static const struct { const char *name; int64_t lines, side; } table[] = {
        {"0.5K", 360, 512}, {"1K", 1080, 1024}, {"1.5K", 1080, 1536}, {"2K", 1440, 2048}, {"3K", 2160, 3072}, {"4K", 2160, 4096},
        {"auto_1K", 1080, 1024}, {"auto_2K", 1440, 2048}, {"auto_3K", 2160, 3072}, {"auto_4K", 2160, 4096}, {"512", 512, 512}, {"standard", 720, 1024}, {"hd", 1080, 1536}, {"high", 1080, 1536}};
    struct str s;
    int64_t n = 0;
    if (!json_as_str(j, &s)) return 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (str_ieq(s, str_of(table[i].name))) return film ? table[i].lines : table[i].side;
    if ((str_ends(s, STR("p")) || str_ends(s, STR("P"))) && str_to_i64(str_head(s, s.len - 1), &n) && n >= 100 && n <= 4320) return n;
    return 0;
}

/* --- pixels --- */

static const struct twin_file *nth_of(const struct twin_call *c, const char *kind) {
    for (size_t i = 0; i < c->file_count; i++)
        if (!strncmp(c->files[i].type, kind, strlen(kind)) && !str_is(c->files[i].input, "mask") && c->files[i].width) return &c->files[i];
    return NULL;
}

static double square_root(double v) {
    double x = v > 1 ? v : 1;
    for (int i = 0; i < 40; i++) x = (x + v / x) / 2;
    return x;
}

/* Width to height: asked for, else of the first picture or film that was given. */
static struct shape ratio(const struct twin_call *c, const struct json *root, bool film) {
    static const char *const names[] = {"aspect_ratio", "ratio", "aspectRatio", NULL};
    struct shape r;
    if (two_numbers(first_of(root, names), ':', &r) && r.w <= 8 * r.h && r.h <= 8 * r.w) return r;
    const struct twin_file *f = nth_of(c, "image");
    if (!f) f = nth_of(c, "video");
    if (f && f->width <= 8 * f->height && f->height <= 8 * f->width) return (struct shape){(double)f->width, (double)f->height};
    return film ? (struct shape){16, 9} : (struct shape){1, 1};
}

static int64_t to_step(double v, int64_t step, int64_t least, int64_t most) {
    int64_t n = (int64_t)(v / (double)step + 0.5) * step;
    return n < least ? least : n > most ? most : n;
}

/* What is given exactly stays exact. */
static bool exact(const struct json *root, struct shape *out) {
    static const char *const names[] = {"size", "image_size", "video_size", "dimensions", NULL};
    const struct json *j = first_of(root, names);
    int64_t w, h;
    if (two_numbers(j, 'x', out) || two_numbers(j, '*', out) || named_shape(j, out)) return true;
    if (!json_as_i64(json_get(root, "width"), &w) || !json_as_i64(json_get(root, "height"), &h) || w < 1 || h < 1 || w > 100000 || h > 100000) return false;
    return *out = (struct shape){(double)w, (double)h}, true;
}

static struct shape shape_of(const struct twin_call *c, const struct json *root, bool film) {
    static const char *const names[] = {"resolution", "size", "image_size", "sample_image_size", "output_resolution", "quality", NULL};
    struct shape s = {};
    bool given = exact(root, &s);
    if (!given) {
        int64_t t = 0;
        for (const char *const *n = names; *n && !t; n++) t = tier(json_get(root, *n), film);
        struct shape r = ratio(c, root, film);
        double small = r.w < r.h ? r.w : r.h, k = film ? (double)(t ? t : 720) / small : square_root((t ? (double)t * (double)t : PIXELS_1K) / (r.w * r.h));
        s = (struct shape){(double)to_step(r.w * k, film ? 2 : 8, 16, 1 << 20), (double)to_step(r.h * k, film ? 2 : 8, 16, 1 << 20)};
    }
    double most = film ? FILM_SIDE : PICTURE_SIDE, k = 1;
    if (s.w > most) k = most / s.w;
    if (s.h * k > most) k = most / s.h;
    if (film && s.w * s.h * k * k > FILM_PIXELS) k = square_root(FILM_PIXELS / (s.w * s.h));
    int64_t step = film ? 2 : given ? 1 : 8, top = film ? FILM_SIDE : PICTURE_SIDE;
    int64_t w = to_step(s.w * k, step, 16, top), h = to_step(s.h * k, step, 16, top);
    while (film && w * h > FILM_PIXELS) *(w > h ? &w : &h) -= step; /* both were rounded up */
    return (struct shape){(double)w, (double)h};
}

/* --- length, sound, number --- */

static int64_t length_of(const struct twin_call *c, const struct json *root, int64_t otherwise) {
    static const char *const names[] = {"duration", "seconds", "duration_seconds", "video_length", "length", NULL};
    int64_t ms = 0;
    for (size_t i = 0; i < c->file_count; i++)
        if (c->media_input.len && str_eq(c->files[i].input, c->media_input) && c->files[i].duration_ms > 0)
            return c->files[i].duration_ms < LONGEST_MS ? c->files[i].duration_ms : LONGEST_MS;
    bool said = (c->length_input.len && thousandths(json_get_str(root, c->length_input), &ms)) || thousandths(first_of(root, names), &ms) ||
                json_as_i64(json_get(root, "music_length_ms"), &ms);
    if (!said || ms <= 0) return otherwise;
    return ms < LONGEST_MS ? ms : LONGEST_MS;
}

static bool has_sound(const struct twin_call *c, const struct json *root) {
    static const char *const names[] = {"audio", "generate_audio", "sound", "with_audio", NULL};
    bool on = false;
    struct str s;
    for (const char *const *n = names; *n; n++) {
        const struct json *j = json_get(root, *n);
        if (json_as_bool(j, &on)) return on;
        if (json_as_str(j, &s) && (str_is(s, "on") || str_is(s, "true") || str_is(s, "native") || str_is(s, "original"))) return true;
    }
    for (size_t i = 0; i < c->file_count; i++)
        if (!strncmp(c->files[i].type, "audio", 5)) return true; /* it was given a voice */
    return false;
}

static int64_t number_of(const struct twin_call *c, const struct json *root) {
    static const char *const names[] = {"n", "num_images", "num_outputs", "sampleCount", NULL};
    int64_t n = 1;
    if (!(c->outputs_input.len && json_as_i64(json_get_str(root, c->outputs_input), &n))) (void)json_as_i64(first_of(root, names), &n);
    return n < 1 ? 1 : n > 16 ? 16 : n;
}

static struct str words_of(const struct json *root) {
    static const char *const names[] = {"text", "prompt", "input", "lyrics", "style", "title", NULL};
    struct str s;
    return json_as_str(first_of(root, names), &s) && s.len ? s : STR("a quiet harbour at dusk");
}

/* --- what is made --- */

/* Whole code points. */
static struct str at_most(struct str s, size_t characters) {
    size_t i = 0;
    for (size_t n; i < s.len && characters--; i += n)
        if (!(n = utf8_length((const unsigned char *)s.ptr + i, s.len - i))) n = 1;
    return str_head(s, i);
}

static bool has_word(const struct json *root, const char *const *names, const char *word) {
    struct str s;
    return json_as_str(first_of(root, names), &s) && str_starts(s, str_of(word));
}

static const char *picture_format(const struct json *root) {
    static const char *const names[] = {"format", "output_format", NULL};
    return has_word(root, names, "jp") || has_word(root, names, "image/jp") ? "jpeg" : has_word(root, names, "webp") || has_word(root, names, "image/webp") ? "webp" : "png";
}

static const char *sound_format(const struct json *root) {
    static const char *const names[] = {"format", "output_format", "response_format", NULL};
    static const char *const waves[] = {"wav", "pcm", "linear16"}, *const oggs[] = {"ogg", "opus"};
    for (size_t i = 0; i < sizeof waves / sizeof *waves; i++)
        if (has_word(root, names, waves[i])) return "wav";
    for (size_t i = 0; i < sizeof oggs / sizeof *oggs; i++)
        if (has_word(root, names, oggs[i])) return "ogg";
    return "mp3";
}

static void plan_picture(const struct twin_call *c, const struct json *root, struct jw *w, struct twin_plan *p) {
    struct shape s = shape_of(c, root, false);
    p->model = "twin-picture";
    jw_ki64(w, "width", (int64_t)s.w), jw_ki64(w, "height", (int64_t)s.h);
    jw_kz(w, "format", picture_format(root));
}

static void plan_film(const struct twin_call *c, const struct json *root, struct jw *w, struct twin_plan *p) {
    struct shape s = shape_of(c, root, true);
    int64_t ms = p->mood.length ? p->mood.length : length_of(c, root, FILM_MS), frames = (ms * FPS + 500) / 1000;
    p->model = "twin-film";
    jw_ki64(w, "width", (int64_t)s.w), jw_ki64(w, "height", (int64_t)s.h);
    jw_ki64(w, "fps", FPS), jw_ki64(w, "frames", frames ? frames : 1);
    jw_kbool(w, "sound", has_sound(c, root));
}

/* Speech where a text is to be read; music and noises have a length or are songs. */
static bool is_speech(const struct twin_call *c, const struct json *root) {
    static const char *const names[] = {"voice", "voice_id", "language_code", NULL};
    return json_is(json_get(root, "text"), JSON_STRING) || json_is(json_get(root, "input"), JSON_STRING) || first_of(root, names);
}

static void plan_sound(const struct twin_call *c, const struct json *root, struct jw *w, struct twin_plan *p) {
    int64_t speed = 1000;
    bool wrong = p->mood.length > 0;
    if (is_speech(c, root) && !wrong && !length_of(c, root, 0)) {
        p->model = "twin-voice";
        jw_kstr(w, "text", at_most(words_of(root), SPOKEN));
        if (thousandths(json_get(root, "speed"), &speed) && speed >= 500 && speed <= 2000) {
            char text[24];
            snprintf(text, sizeof text, "%lld.%03lld", (long long)(speed / 1000), (long long)(speed % 1000));
            jw_kraw(w, "speed", str_of(text));
        }
    } else {
        p->model = "twin-sound";
        jw_ki64(w, "duration_ms", wrong ? p->mood.length : length_of(c, root, SOUND_MS));
    }
    jw_kz(w, "format", sound_format(root));
}

static void plan_text(const struct twin_call *c, struct arena *a, struct twin_plan *p) {
    static const char *const said[] = {"This", "is", "the", "twin's", "transcript", "in", "place", "of", "the", "words", "that", "were", "spoken."};
    enum { COUNT = sizeof said / sizeof *said };
    int64_t ms = 0;
    for (size_t i = 0; i < c->file_count && !ms; i++) ms = c->files[i].duration_ms;
    if (!ms) ms = COUNT * 300;
    struct buf text = {}, words = {};
    struct jw w = {.out = &words};
    jw_open(&w, '[');
    for (int i = 0; i < COUNT; i++) {
        int64_t from = ms * i / COUNT, to = ms * (i + 1) / COUNT;
        buf_printf(&text, "%s%s", i ? " " : "", said[i]);
        char start[24], end[24];
        snprintf(start, sizeof start, "%lld.%03lld", (long long)(from / 1000), (long long)(from % 1000));
        snprintf(end, sizeof end, "%lld.%03lld", (long long)(to / 1000), (long long)(to % 1000));
        jw_open(&w, '{');
        jw_kz(&w, "text", said[i]), jw_kraw(&w, "start", str_of(start)), jw_kraw(&w, "end", str_of(end)), jw_kz(&w, "type", "word");
        jw_close(&w, '}');
    }
    jw_close(&w, ']');
    p->text = arena_dup(a, buf_view(&text));
    p->words = arena_dup(a, buf_view(&words));
    p->language = STR("en");
    buf_done(&text), buf_done(&words);
}

/* The helper knows pictures as `image`; the rest is looked at here only. A picture that is a film's last frame comes behind the first. */
static const char *const *names_of(const struct twin_call *c, struct arena *a) {
    const char **names = arena_array(a, const char *, c->file_count + 1);
    static const char *const readable[] = {"image/png", "image/jpeg", "image/webp", "image/gif"};
    for (size_t i = 0; i < c->file_count; i++)
        for (size_t k = 0; k < sizeof readable / sizeof *readable; k++)
            if (!strcmp(c->files[i].type, readable[k]) && !str_is(c->files[i].input, "mask")) names[i] = "image";
    return names;
}

err twin_plan(const struct twin_call *c, struct arena *a, struct why *why, struct twin_plan *out) {
    struct twin_plan p = {.mood = c->told};
    struct json *root = NULL;
    TRY(json_parse(c->inputs, a, why, &root));
    TRY(twin_mood_find(c->inputs, a, why, &p.mood));
    struct buf b = {};
    struct jw w = {.out = &b};
    bool image = str_is(c->kind, "image"), video = str_is(c->kind, "video"), audio = str_is(c->kind, "audio"), text = str_is(c->kind, "text");
    bool wrong = p.mood.wrong_type && !text;
    jw_open(&w, '{');
    jw_kstr(&w, "prompt", at_most(words_of(root), 2000));
    if (text) plan_text(c, a, &p);
    else if (wrong ? image : audio) plan_sound(c, root, &w, &p);
    else if (wrong ? video || audio : image) plan_picture(c, root, &w, &p);
    else plan_film(c, root, &w, &p);
    jw_close(&w, '}');
    p.inputs = arena_dup(a, buf_view(&b));
    buf_done(&b);
    p.names = names_of(c, a);
    p.outputs = number_of(c, root) - p.mood.fewer;
    *out = p;
    return OK;
}
