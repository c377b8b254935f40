#include "ops/inputs.h"

#include "base/hash.h"
#include "io/egress.h"
#include "ops/intake.h"
#include "media/media.h"

enum { BARE_BASE64_MIN = 64 }; /* shorter text is a path that was mistyped */

static err bad(struct why *why, struct str input, err code, const char *format, ...) __attribute__((format(printf, 4, 5)));
static err bad(struct why *why, struct str input, err code, const char *format, ...) {
    if (!why) return code;
    why->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(why->detail, sizeof why->detail, format, args);
    va_end(args);
    snprintf(why->field, sizeof why->field, "%.*s", STR_ARG(input));
    return code;
}

static bool is_link(struct str s) { return str_starts(s, STR("http://")) || str_starts(s, STR("https://")); }

static err take_elsewhere(struct ops *o, struct file_in *f, struct str url, struct arena *a, struct why *why) {
    struct egress_url u;
    struct why reason = {};
    if (!o->o.upstream)
        return bad(why, f->input, E_INVALID, "The input `%.*s` is a link to another server. Upload the file to the drive (PUT /v1/drive/files/...) and name it by path.", STR_ARG(f->input));
    if (egress_url_read(url, STR(""), a, &reason, &u)) return bad(why, f->input, E_INVALID, "The input `%.*s`: %s", STR_ARG(f->input), why_text(&reason));
    f->from = FROM_ELSEWHERE;
    f->text = u.text;
    return OK;
}

/* A link that this server signed names its file whatever the time; no request is made for it. */
static err take_link(struct ops *o, const struct caller *c, struct file_in *f, struct str url, struct arena *a, struct why *why) {
    struct str base = arena_printf(a, "%s/v1/drive/files/", o->o.public_url), path, query;
    struct signed_link link = {};
    if (!str_starts(url, base)) return take_elsewhere(o, f, url, a, why);
    str_cut(str_skip(url, base.len), '?', &path, &query);
    if (sign_check(o->o.signer, path, query, 0, a, NULL, &link) || !str_is(link.project, c->project))
        return bad(why, f->input, E_BAD_SIGNATURE, "The input `%.*s` is a link of this server that is not valid for this project.", STR_ARG(f->input));
    f->from = FROM_LINK;
    f->text = arena_dup(a, link.asset);
    return OK;
}

static err take_data(struct file_in *f, struct str text, struct why *why) {
    struct str head, rest = text;
    if (str_starts(text, STR("data:")) && (!str_cut(text, ',', &head, &rest) || !str_ends(head, STR(";base64"))))
        return bad(why, f->input, E_INVALID, "The input `%.*s` is a data URI that is not base64.", STR_ARG(f->input));
    f->from = FROM_DATA;
    f->text = rest;
    return OK;
}

static err take_text(struct ops *o, const struct caller *c, struct file_in *f, struct str s, struct arena *a, struct why *why) {
    if (is_link(s)) return take_link(o, c, f, s, a, why);
    if (str_starts(s, STR("data:"))) return take_data(f, s, why);
    f->maybe_data = s.len >= BARE_BASE64_MIN;
    f->from = FROM_PATH;
    f->text = s;
    if (f->maybe_data) return OK; /* judged once the store has been asked */
    struct why path_why = {};
    err e = drive_path_clean(s, a, &path_why, &f->text);
    return e ? bad(why, f->input, e, "%s", why_text(&path_why)) : OK;
}

/* A string over 64 KB is no path and no link: its bytes are the file. */
static bool take_spooled(struct file_in *f, const struct json *j) {
    if (!json_is(j, JSON_SPOOLED)) return false;
    f->from = FROM_INTAKE;
    f->spool = j->spool;
    return true;
}

static err take_node(struct ops *o, const struct caller *c, struct file_in *f, struct arena *a, struct why *why) {
    static const char *const inline_members[] = {"url", "data", "base64"};
    struct str s;
    if (json_as_str(f->at, &s)) return take_text(o, c, f, s, a, why);
    if (take_spooled(f, f->at)) return OK;
    for (size_t i = 0; i < sizeof inline_members / sizeof *inline_members; i++)
        if (take_spooled(f, json_get(f->at, inline_members[i]))) return OK;
    if (json_as_str(json_get(f->at, "drive_path"), &s) || json_as_str(json_get(f->at, "path"), &s)) {
        struct why path_why = {};
        err e = drive_path_clean(s, a, &path_why, &f->text);
        f->from = FROM_PATH;
        return e ? bad(why, f->input, e, "%s", why_text(&path_why)) : OK;
    }
    if (json_as_str(json_get(f->at, "url"), &s)) return str_starts(s, STR("data:")) ? take_data(f, s, why) : take_link(o, c, f, s, a, why);
    if (json_as_str(json_get(f->at, "data"), &s) || json_as_str(json_get(f->at, "base64"), &s)) return take_data(f, s, why);
    return bad(why, f->input, E_INVALID, "The input `%.*s` is no file: give a drive path, a link, {\"drive_path\": ..}, {\"url\": ..} or {\"data\": ..}.", STR_ARG(f->input));
}

static bool takes_file(const struct model *m, struct str name) {
    for (size_t i = 0; i < m->input_count; i++) {
        const struct input_spec *s = &m->inputs[i];
        bool named = str_eq(s->name, name);
        for (size_t k = 0; k < s->alias_count; k++) named |= str_eq(s->aliases[k], name);
        if (named) return s->type == INPUT_FILE;
    }
    return false;
}

err files_only_spooled(const struct model *m, const struct json *inputs, struct why *why) {
    for (const struct json *j = inputs ? inputs->child : NULL; j; j = j->next)
        if (!takes_file(m, j->key) && json_has_spool(j))
            return bad(why, j->key, E_INVALID, "The input `%.*s` is longer than %d bytes, and it is not one in which this model takes a file. Nothing was charged.", STR_ARG(str_head(j->key, 60)), LIMIT_STRING_SPOOL_BYTES);
    return OK;
}

static const struct json *member(const struct json *inputs, const struct input_spec *s) {
    const struct json *j = json_get_str(inputs, s->name);
    for (size_t i = 0; !j && i < s->alias_count; i++) j = json_get_str(inputs, s->aliases[i]);
    return j;
}

err files_find(struct ops *o, const struct caller *c, const struct model *m, const struct json *inputs, struct arena *a, struct why *why, struct files_in *out) {
    *out = (struct files_in){.intake = out->intake};
    for (size_t i = 0; i < m->input_count; i++) {
        const struct input_spec *s = &m->inputs[i];
        const struct json *j = s->type == INPUT_FILE ? member(inputs, s) : NULL;
        if (!j) continue;
        for (const struct json *at = j->type == JSON_ARRAY ? j->child : j; at; at = j->type == JSON_ARRAY ? at->next : NULL) {
            if (out->n == FILES_MAX) return bad(why, s->name, E_INVALID, "A call takes at most %d files.", FILES_MAX);
            struct file_in *f = &out->list[out->n++];
            *f = (struct file_in){.input = s->name, .kind = s->file_kind, .at = at};
            TRY(take_node(o, c, f, a, why));
        }
    }
    return OK;
}

/* --- on a reader's thread --- */

static err fits(const struct file_in *f, struct str kind, struct str type, struct why *why) {
    if (str_eq(f->kind, kind)) return OK;
    return bad(why, f->input, E_MEDIA_TYPE, "The input `%.*s` takes %.*s, but the file is %.*s.", STR_ARG(f->input), STR_ARG(f->kind), STR_ARG(type));
}

static err resolve_one(struct db *db, const struct caller *c, struct file_in *f, struct arena *a, struct why *why) {
    const struct asset *asset = NULL;
    err e = OK;
    if (c->kind == KEY_PUB && f->from != FROM_LINK) { /* everyone has such a key: a path is not enough to show a file of the project */
        if (f->maybe_data) return take_data(f, f->text, why);
        return bad(why, f->input, E_FORBIDDEN, "The input `%.*s` names a file by its path, which a publishable key may not: give its signed link, or the file itself as a data URI.", STR_ARG(f->input));
    }
    if (f->from == FROM_LINK) e = asset_named(db, a, c, f->text, &asset);
    else {
        struct str clean = f->text;
        e = f->maybe_data ? drive_path_clean(f->text, a, NULL, &clean) : OK;
        if (!e) e = asset_at(db, a, spot_of(c, clean), &asset);
        if (e && f->maybe_data) return take_data(f, f->text, why); /* no such path, so the text itself may be the file */
    }
    if (e) return bad(why, f->input, e == E_NOT_FOUND ? E_INVALID : e, "The input `%.*s` names a file that is not in this drive.", STR_ARG(f->input));
    f->asset = asset->head.id;
    f->blob = asset->blob;
    f->type = asset->type;
    f->path = asset->path;
    return fits(f, asset->kind, asset->type, why);
}

err files_resolve(struct db *db, const struct caller *c, struct files_in *f, struct arena *a, struct why *why) {
    for (size_t i = 0; i < f->n; i++)
        if (!file_is_new(&f->list[i])) TRY(resolve_one(db, c, &f->list[i], a, why));
    return OK;
}

/* --- on the files pool --- */

struct stored {
    struct str head;
    int64_t bytes;
    char sha256[65];
};

/* Standard and url alphabets, padding and line breaks as they come. */
static bool decode(struct str s, uint8_t *out, size_t *out_len) {
    uint32_t acc = 0;
    int bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        int v = c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
        if (c == '\n' || c == '\r') continue;
        if (c == '=') break;
        if (v < 0) return false;
        acc = acc << 6 | (uint32_t)v;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        out[n++] = (uint8_t)(acc >> bits);
    }
    *out_len = n;
    return n > 0;
}

void file_describe(struct file_in *f, struct str head, int64_t bytes, struct str asset, const char *sha256, struct arena *a, struct output *out) {
    struct sniffed s = media_sniff(str_head(head, 4096));
    struct media_facts facts = media_measure(str_head(head, 4096));
    out->asset = arena_dup(a, asset);
    out->ext = str_of(s.ext);
    out->type = str_of(s.type);
    out->kind = str_of(s.kind);
    out->bytes = bytes;
    out->sha256 = arena_dup(a, str_of(sha256));
    out->facts = facts.width ? arena_printf(a, "{\"width\":%lld,\"height\":%lld}", (long long)facts.width, (long long)facts.height) : STR("{}");
    f->asset = out->asset;
    f->blob = out->blob;
    f->type = out->type;
    f->path = arena_printf(a, "inputs/%.32s.%s", sha256, s.ext); /* the same bytes are the same file, however often they are sent */
}

/* What the bytes are, before any is kept. */
static err look(const struct file_in *f, struct str head, struct why *why) {
    struct sniffed s = media_sniff(str_head(head, 4096));
    if (!s.type) return bad(why, f->input, E_MEDIA_TYPE, "The input `%.*s` holds no picture, sound or video that is known here.", STR_ARG(f->input));
    return fits(f, str_of(s.kind), str_of(s.type), why);
}

static err unreadable(const struct file_in *f, struct why *why) {
    return bad(why, f->input, E_INVALID, "The input `%.*s` is neither a file of this drive nor readable base64.", STR_ARG(f->input));
}

static err store_inline(struct drive *d, struct file_in *f, const char *random, struct str blob, struct arena *a, struct why *why, struct stored *out) {
    size_t len = 0;
    uint8_t *bytes = arena_bytes(a, f->text.len + 1);
    if (!decode(f->text, bytes, &len)) return unreadable(f, why);
    struct drive_file file;
    out->head = str_n(bytes, len);
    out->bytes = (int64_t)len;
    TRY(look(f, out->head, why));
    TRY(drive_file_begin(d, random, why, &file));
    err e = drive_file_write(&file, out->head, why);
    if (!e) return drive_file_keep(d, &file, blob, why, out->sha256);
    drive_file_drop(&file);
    return e;
}

static err store_intake(struct drive *d, struct intake *i, struct file_in *f, struct str blob, struct why *why, struct stored *out) {
    if (!intake_look(i, f->spool, &out->head, &out->bytes)) return unreadable(f, why);
    TRY(look(f, out->head, why));
    return intake_keep(i, f->spool, d, blob, why, out->sha256);
}

static err store_one(struct drive *d, struct intake *i, struct file_in *f, const char *asset, const char *random, struct arena *a, struct why *why, struct output *out) {
    struct stored s = {};
    struct str blob = arena_printf(a, "up/%.2s/1-%s", random + 18, random);
    TRY(f->from == FROM_INTAKE ? store_intake(d, i, f, blob, why, &s) : store_inline(d, f, random, blob, a, why, &s));
    out->blob = blob;
    file_describe(f, s.head, s.bytes, str_of(asset), s.sha256, a, out);
    return OK;
}

err files_store(struct drive *d, struct files_in *f, const char (*random)[ID_LEN + 1], struct arena *a, struct why *why, struct output *outputs) {
    for (size_t i = 0; i < f->n; i++) {
        if (f->list[i].from != FROM_DATA && f->list[i].from != FROM_INTAKE) continue;
        char name[21];
        memcpy(name, random[2 * i + 1] + ID_LEN - 20, 21); /* the random end of an id */
        TRY(store_one(d, f->intake, &f->list[i], random[2 * i], name, a, why, &outputs[i]));
    }
    return OK;
}

/* --- what is kept --- */

struct str files_json(const struct files_in *f, struct arena *a) {
    if (!f->n) return STR("");
    struct buf b = {};
    struct jw w = {.out = &b};
    jw_open(&w, '[');
    for (size_t i = 0; i < f->n; i++) {
        jw_open(&w, '{');
        jw_kstr(&w, "input", f->list[i].input);
        jw_kstr(&w, "asset", f->list[i].asset);
        jw_kstr(&w, "blob", f->list[i].blob);
        jw_kstr(&w, "type", f->list[i].type);
        jw_kopt(&w, "path", f->list[i].path);
        jw_close(&w, '}');
    }
    jw_close(&w, ']');
    struct str out = arena_dup(a, buf_view(&b));
    buf_done(&b);
    return out;
}

static const struct file_in *file_at(const struct files_in *f, const struct json *at) {
    for (size_t i = 0; i < f->n; i++)
        if (f->list[i].at == at) return &f->list[i];
    return NULL;
}

static void write_file(struct jw *w, const struct file_in *f) {
    jw_open(w, '{');
    jw_kstr(w, "drive_path", f->path);
    jw_kopt(w, "asset", f->path.len ? STR("") : f->asset); /* replaced since: only its own name is left */
    jw_close(w, '}');
}

static void write_value(struct jw *w, const struct json *j) {
    struct buf b = {};
    json_write(&b, j);
    jw_raw(w, buf_view(&b));
    buf_done(&b);
}

struct str files_rewrite(const struct files_in *f, const struct json *inputs, struct arena *a) {
    struct buf b = {};
    struct jw w = {.out = &b};
    jw_open(&w, '{');
    for (const struct json *m = inputs ? inputs->child : NULL; m; m = m->next) {
        jw_key_str(&w, m->key);
        const struct file_in *file = file_at(f, m);
        if (file) write_file(&w, file);
        else if (m->type == JSON_ARRAY && m->child && file_at(f, m->child)) {
            jw_open(&w, '[');
            for (const struct json *at = m->child; at; at = at->next) write_file(&w, file_at(f, at));
            jw_close(&w, ']');
        } else write_value(&w, m);
    }
    jw_close(&w, '}');
    struct str out = arena_dup(a, buf_view(&b));
    buf_done(&b);
    return out;
}
