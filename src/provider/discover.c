/* Where the outputs stand in a reply. */
#include "provider/describe.h"

#include "base/limits.h"
#include "catalog/number.h"

#include <stdio.h>

enum { SEARCH_DEPTH = 4, BARE_BASE64_MIN = 64 };

struct finding {
    const struct endpoint *e;
    struct view *v;
    struct output_ref *list;
    size_t count;
};

/* --- one value --- */

static bool is_base64(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("+/=\r\n", c);
        if (!word) return false;
    }
    return s.len > 0;
}

static bool is_link(struct str s) { return str_starts(s, STR("http://")) || str_starts(s, STR("https://")); }

/* A path of the provider's own. In base64 a JPEG begins with /9j/ and an MP3 with two slashes; paths may consist of its characters alone. */
static bool is_path(struct str s) {
    if (!str_starts(s, STR("/"))) return false;
    return !is_base64(s) || s.len < BARE_BASE64_MIN || !(str_starts(s, STR("/9j/")) || str_starts(s, STR("//")));
}

static void push(struct finding *f, struct output_ref o) {
    if (f->count < LIMIT_OUTPUTS) f->list[f->count++] = o;
}

static bool take_text(struct finding *f, struct str s, struct str type) {
    const struct outputs_spec *o = &f->e->outputs;
    struct output_ref out = {.type = type.len ? type : o->type};
    if (is_link(s)) out.url = s;
    else if (str_starts(s, STR("data:"))) out.inline_data = s, out.encoding = ENC_DATA_URI;
    else if (o->encoded && s.len) out.inline_data = s, out.encoding = o->encoding;
    else if (is_path(s)) out.url = arena_printf(f->v->a, "%.*s%.*s", STR_ARG(f->e->provider->info.base), STR_ARG(s));
    else if (s.len >= BARE_BASE64_MIN && is_base64(s)) out.inline_data = s, out.encoding = ENC_BASE64;
    else return false;
    push(f, out);
    return true;
}

static bool take_spooled(struct finding *f, uint32_t id, struct str head, struct str type) {
    const struct outputs_spec *o = &f->e->outputs;
    enum output_encoding encoding = str_starts(head, STR("data:")) ? ENC_DATA_URI : o->encoded ? o->encoding : ENC_BASE64;
    push(f, (struct output_ref){.spool = arena_printf(f->v->a, "%u", id), .encoding = encoding, .type = type.len ? type : o->type});
    return true;
}

static struct str type_of(const struct json *j) {
    static const char *const keys[] = {"content_type", "mime_type", "mimeType", "media_type", "contentType", "type"};
    struct str s;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_as_str(json_get(j, keys[i]), &s) && memchr(s.ptr, '/', s.len)) return s;
    return (struct str){};
}

/* A link or data, an object around one, or a list of these. */
static bool take(struct finding *f, const struct json *j, struct str type) {
    static const char *const keys[] = {"url", "uri", "file_url", "output_url", "data", "b64_json", "base64", "bytesBase64Encoded"};
    uint32_t id, bytes;
    struct str head;
    if (!j) return false;
    if (json_as_spool(j, &id, &bytes, &head)) return take_spooled(f, id, head, type);
    if (j->type == JSON_STRING) return take_text(f, j->text, type);
    bool any = false;
    if (j->type == JSON_ARRAY)
        for (const struct json *c = j->child; c; c = c->next) any |= take(f, c, type);
    if (j->type != JSON_OBJECT) return any;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct json *m = json_get(j, keys[i]);
        if (m && m->type != JSON_ARRAY && take(f, m, type_of(j))) return true;
    }
    return false;
}

static bool take_all(struct finding *f, const struct values *found) {
    for (size_t i = 0; i < found->count; i++) take(f, found->at[i], (struct str){});
    return f->count > 0;
}

/* --- discovery --- */

static bool take_path(struct finding *f, const char *path) {
    const struct path_step *steps;
    size_t count;
    struct values found;
    if (path_parse(str_of(path), f->v->a, NULL, &steps, &count)) return false;
    path_walk(f->v->body, steps, count, f->v->a, &found);
    return take_all(f, &found);
}

static bool search(struct finding *f, const struct json *j, int depth) {
    static const char *const keys[] = {"url", "file_url", "output_url"};
    struct str s;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_as_str(json_get(j, keys[i]), &s) && (is_link(s) || str_starts(s, STR("data:"))) && take_text(f, s, type_of(j))) return true;
    if (depth == 0 || !j || (j->type != JSON_OBJECT && j->type != JSON_ARRAY)) return false;
    for (const struct json *c = j->child; c; c = c->next)
        if (search(f, c, depth - 1)) return true;
    return false;
}

/* In the order that callers know: the slot of the wanted kind, then the others, then the top, then a search. */
static bool discover(struct finding *f, struct str kind) {
    static const struct { const char *kind, *paths[4]; } slots[] = {
        {"image", {"images[*]", "image.url", "image", NULL}},
        {"video", {"video.url", "video_url", "video", NULL}},
        {"audio", {"audio.url", "audio_url", "audio", NULL}},
    };
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
            for (size_t k = 0; (pass || str_is(kind, slots[i].kind)) && slots[i].paths[k]; k++)
                if (take_path(f, slots[i].paths[k])) return true;
    return take_path(f, "url") || search(f, f->v->body, SEARCH_DEPTH);
}

static struct str header(const struct reply_in *r, const char *name) {
    for (size_t i = 0; i < r->header_count; i++)
        if (str_ieq(r->headers[i].name, str_of(name))) return r->headers[i].value;
    return (struct str){};
}

static bool take_body(struct finding *f, const struct reply_in *r) {
    if (r->body || !r->body_spool.len) return false;
    struct str type = header(r, "content-type"), bare, rest;
    bool media = str_starts(type, STR("image/")) || str_starts(type, STR("video/")) || str_starts(type, STR("audio/"));
    if (!f->e->outputs.body && !media) return false;
    str_cut(type, ';', &bare, &rest);
    push(f, (struct output_ref){.spool = r->body_spool, .encoding = ENC_RAW, .type = bare.len ? bare : f->e->outputs.type});
    return true;
}

static err take_callers(struct finding *f, struct str path, struct reading *out) {
    const struct path_step *steps;
    size_t count;
    struct values found = {};
    struct why why = {};
    if (!path.len) return OK;
    if (!path_parse(path, f->v->a, &why, &steps, &count)) path_walk(f->v->body, steps, count, f->v->a, &found);
    if (take_all(f, &found)) return OK;
    out->path_warning = arena_printf(f->v->a, "output_url_path `%.*s` led to no file%s%s; the usual places were looked at instead.", STR_ARG(str_head(path, 120)),
                                     why.detail[0] ? ": " : "", why.detail);
    return OK;
}

/* --- what stands beside them --- */

static err read_meta(const struct outputs_spec *o, struct view *v, struct why *why, struct str *out) {
    struct buf b = {};
    struct jw w = {.out = &b};
    err e = OK;
    jw_open(&w, '{');
    for (size_t i = 0; i < o->meta_count && !e; i++) {
        const struct json *j = NULL;
        e = expr_one(&o->meta[i].value, v, why, &j);
        if (!j || j->type == JSON_SPOOLED) continue;
        jw_key_str(&w, o->meta[i].name);
        json_write(&b, j);
        w.comma = true;
    }
    jw_close(&w, '}');
    if (!e && b.len > 2) *out = arena_dup(v->a, buf_view(&b));
    buf_done(&b);
    return e;
}

/* A decimal times what one of it costs, rounded up; amounts past all bounds and what is no number are not said. */
static micros product(struct str number, int64_t each_nanos) {
    int64_t n;
    int decimals = 9;
    while (decimals > 0 && decimal_read(number, decimals, &n) == DECIMAL_RANGE) decimals--;
    enum decimal d = decimal_read(number, decimals, &n);
    if (d == DECIMAL_FINE) { /* finer than counted: cut it */
        const char *dot = memchr(number.ptr, '.', number.len);
        size_t most = dot ? (size_t)(dot - number.ptr) + 1 + (size_t)decimals : number.len;
        d = decimal_read(str_head(number, most), decimals, &n);
    }
    if (d != DECIMAL_OK || n < 0) return 0;
    __int128 scale = 1000000;
    for (int i = 0; i < decimals; i++) scale *= 10;
    __int128 sum = ((__int128)n * each_nanos + scale - 1) / scale;
    return sum > MICROS_MAX ? 0 : (micros)sum;
}

static err read_cost(const struct endpoint *e, const struct provider_call *c, struct view *v, struct why *why, micros *out) {
    const struct outputs_spec *o = &e->outputs;
    struct str text = {};
    int64_t each = 1000000;
    if (o->usd.kind != EXPR_NONE) {
        TRY(expr_text(&o->usd, v, why, &text));
        each = 1000000000000;
    } else if (o->micros.kind != EXPR_NONE) {
        TRY(expr_text(&o->micros, v, why, &text));
    } else if (o->units.kind != EXPR_NONE) {
        TRY(expr_text(&o->units, v, why, &text));
        each = o->each_nanos ? o->each_nanos : c->route ? c->route->unit_nanos * 1000 : 0;
    }
    *out = text.len && each ? product(text, each) : 0;
    return OK;
}

static err read_text(const struct endpoint *e, const struct provider_call *c, const struct reply_in *r, struct view *v, struct why *why, struct reading *out) {
    static const struct path_step text[] = {{.kind = STEP_NAME, .name = {"text", 4}}}, words[] = {{.kind = STEP_NAME, .name = {"words", 5}}},
                                  language[] = {{.kind = STEP_NAME, .name = {"language_code", 13}}};
    const struct expr by_name[] = {{.kind = EXPR_PATH, .steps = text, .step_count = 1}, {.kind = EXPR_PATH, .steps = words, .step_count = 1},
                                   {.kind = EXPR_PATH, .steps = language, .step_count = 1}};
    const struct outputs_spec *o = &e->outputs;
    const struct json *list = NULL, *said = NULL;
    uint32_t id, bytes;
    TRY(expr_one(o->text.kind ? &o->text : &by_name[0], v, why, &said));
    if (json_as_spool(said, &id, &bytes, &out->text)) { /* a book: its text is a file */
        struct output_ref *whole = arena_new(v->a, struct output_ref);
        *whole = (struct output_ref){.spool = arena_printf(v->a, "%u", id), .encoding = ENC_RAW, .type = STR("text/plain")};
        out->outputs = whole;
        out->output_count = 1;
    } else {
        out->text = json_plain(said, v->a);
    }
    TRY(expr_one(o->words.kind ? &o->words : &by_name[1], v, why, &list));
    TRY(expr_text(o->language_code.kind ? &o->language_code : &by_name[2], v, why, &out->language_code));
    if (json_is(list, JSON_ARRAY)) out->words = json_plain(list, v->a);
    if (!out->text.len && !r->body) out->text = r->text;
    return OK;
}

/* "1h", seconds, or a moment as seconds since 1970. */
static err read_expiry(const struct endpoint *e, const struct provider_call *c, struct view *v, struct why *why, msec *out) {
    struct str text;
    int64_t n;
    *out = e->info.links_live;
    TRY(expr_text(&e->outputs.expires_at, v, why, &text));
    if (text.len && decimal_read(text, 0, &n) == DECIMAL_OK && n * MS_SECOND > c->now) *out = n * MS_SECOND - c->now;
    return OK;
}

/* --- the whole --- */

err outputs_find(const struct endpoint *e, const struct provider_call *c, const struct reply_in *r, struct str url_path, struct view *v, struct why *why,
                 struct reading *out) {
    struct finding f = {.e = e, .v = v, .list = arena_array(v->a, struct output_ref, LIMIT_OUTPUTS)};
    TRY(read_meta(&e->outputs, v, why, &out->meta));
    TRY(read_cost(e, c, v, why, &out->cost_micros));
    TRY(read_expiry(e, c, v, why, &out->links_expire_in));
    if (str_is(c->kind, "text")) return read_text(e, c, r, v, why, out);
    struct values found;
    if (!take_body(&f, r)) {
        TRY(take_callers(&f, url_path, out));
        if (!f.count) {
            TRY(expr_all(&e->outputs.files, v, why, &found));
            take_all(&f, &found);
        }
        if (!f.count) discover(&f, c->kind);
    }
    out->outputs = f.list;
    out->output_count = f.count;
    return OK;
}

/* --- where they might stand, when none was found --- */

/* "…/a.png?x", "…/file.mp4": addresses of an API seldom end so, files often do. */
static bool names_a_file(struct str url) {
    size_t end = 0, dot = 0;
    while (end < url.len && url.ptr[end] != '?' && url.ptr[end] != '#') end++;
    for (size_t i = 0; i < end; i++)
        if (url.ptr[i] == '.' || url.ptr[i] == '/') dot = i;
    return dot && url.ptr[dot] == '.' && end - dot >= 3 && end - dot <= 5;
}

static bool is_of(struct str url, struct str origin) {
    return origin.len && str_starts(url, origin) && (url.len == origin.len || strchr("/?:", url.ptr[origin.len]));
}

static struct str host_of(struct str url) {
    size_t from = 0;
    while (from + 3 <= url.len && memcmp(url.ptr + from, "://", 3) != 0) from++;
    struct str host = from + 3 <= url.len ? str_skip(url, from + 3) : url;
    size_t n = 0;
    while (n < host.len && !strchr("/?#:", host.ptr[n])) n++;
    return str_head(host, n);
}

/* "replicate.com" of "stream.replicate.com"; of a bare name or an address all of it. */
static struct str site_of(struct str host) {
    int dots = 0;
    for (size_t i = host.len; i > 0; i--)
        if (host.ptr[i - 1] == '.' && ++dots == 2) return host.ptr[host.len - 1] >= '0' && host.ptr[host.len - 1] <= '9' ? host : str_skip(host, i);
    return host;
}

struct hinting {
    const struct provider_info *p;
    struct str own;
    struct output_hints *out;
    struct arena *a;
};
/* The way to a node: paths are written for what is found alone. */
struct crumb { const struct crumb *up; const struct json *node; int index; /* of a list; -1: a member */ };

static bool is_the_providers(const struct hinting *h, struct str url) {
    struct str site = site_of(host_of(url));
    bool same = str_ieq(site, site_of(host_of(h->p->base)));
    for (size_t i = 0; i < h->p->host_count; i++) same |= str_ieq(site, site_of(host_of(h->p->hosts[i])));
    return same;
}

static bool may_be_output(const struct hinting *h, const struct json *j) {
    uint32_t id, bytes;
    struct str head;
    if (json_as_spool(j, &id, &bytes, &head)) return str_starts(head, STR("data:")) || is_base64(head);
    if (j->type != JSON_STRING) return false;
    if (str_starts(j->text, STR("data:"))) return true;
    if (!is_link(j->text) || is_of(j->text, h->own)) return false;
    return !is_the_providers(h, j->text) || names_a_file(j->text);
}

static void write_path(const struct crumb *c, struct buf *b) {
    if (!c->up || b->len > 4 * OUTPUT_HINT_BYTES) return;
    write_path(c->up, b);
    if (c->index >= 0) buf_printf(b, "[%d]", c->index);
    else buf_printf(b, "%s%.*s", b->len ? "." : "", STR_ARG(str_head(c->node->key, OUTPUT_HINT_BYTES + 1)));
}

static void found_hint(struct hinting *h, const struct crumb *c) {
    const struct path_step *steps;
    size_t count;
    struct buf b = {};
    if (h->out->count++ < LIMIT_OUTPUTS && h->out->path_count < OUTPUT_HINTS_MAX && c->up) {
        write_path(c, &b);
        bool good = b.len && b.len <= OUTPUT_HINT_BYTES && !path_parse(buf_view(&b), h->a, NULL, &steps, &count);
        if (good) h->out->paths[h->out->path_count++] = arena_dup(h->a, buf_view(&b));
    }
    buf_done(&b);
}

static void hint(struct hinting *h, const struct crumb *c) {
    const struct json *j = c->node;
    if (may_be_output(h, j)) {
        found_hint(h, c);
        return;
    }
    if (j->type != JSON_OBJECT && j->type != JSON_ARRAY) return;
    bool list = j->type == JSON_ARRAY;
    int n = 0;
    for (const struct json *m = j->child; m; m = m->next, n++) {
        if (!list && (str_is(m->key, "input") || str_is(m->key, "inputs"))) continue; /* what the caller gave, said again */
        hint(h, &(struct crumb){c, m, list ? n : -1});
    }
}

void output_hints(const struct provider *p, const struct json *body, struct str own, struct arena *a, struct output_hints *out) {
    struct output_hints found = {};
    struct hinting h = {.p = provider_info(p), .own = own, .out = &found, .a = a};
    if (body) hint(&h, &(struct crumb){NULL, body, -1});
    *out = found;
}
