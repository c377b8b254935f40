/* Compares what left and what was read with what the documents say. */
#include "provider/wire_int.h"

#include <stdio.h>

void wire_problem(struct wire_step *s, const struct json *at, const char *format, ...) {
    char text[900];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    s->failed = true;
    int line = doc_line(s->d, at);
    doc_problem_line(s->d, line ? line : s->line, "%.*s, step %d: %s", STR_ARG(s->test), s->number, text);
}

const struct json *wire_json(struct wire_step *s, const struct json *node) {
    struct json *j = NULL;
    struct why why = {};
    if (!node || node->type != JSON_STRING) return node;
    if (!json_parse_how(node->text, JSON_SPOOLS | JSON_REPAIR, s->a, &why, NULL, &j)) return j;
    wire_problem(s, node, "the JSON cannot be read: %s", why.detail);
    return NULL;
}

static struct str canonical(const struct json *j, struct arena *a) {
    struct buf b = {};
    if (j) json_write_canonical(&b, j);
    struct str out = j ? arena_dup(a, buf_view(&b)) : STR("(nothing)");
    buf_done(&b);
    return out;
}

/* The first place where they differ. `partly`: members of `have` that are not wanted do not matter. */
static bool differs(struct wire_step *s, const struct json *want, const struct json *have, bool partly, struct str path, struct str *out) {
    struct str here = path.len ? path : STR("the whole");
    bool object = json_is(want, JSON_OBJECT) && json_is(have, JSON_OBJECT), list = json_is(want, JSON_ARRAY) && json_is(have, JSON_ARRAY);
    if (object) {
        for (const struct json *m = want->child; m; m = m->next) {
            struct str below = arena_printf(s->a, "%.*s%s%.*s", STR_ARG(path), path.len ? "." : "", STR_ARG(m->key));
            if (differs(s, m, json_get_str(have, m->key), partly, below, out)) return true;
        }
        for (const struct json *m = have->child; m && !partly; m = m->next) {
            if (json_get_str(want, m->key)) continue;
            *out = arena_printf(s->a, "%.*s has the member `%.*s`, which is not expected: %.*s", STR_ARG(here), STR_ARG(m->key), STR_ARG(str_head(canonical(m, s->a), 120)));
            return true;
        }
        return false;
    }
    if (list && want->count == have->count) {
        const struct json *h = have->child;
        uint32_t i = 0;
        for (const struct json *m = want->child; m; m = m->next, h = h->next, i++)
            if (differs(s, m, h, partly, arena_printf(s->a, "%.*s[%u]", STR_ARG(path), i), out)) return true;
        return false;
    }
    struct str a = canonical(want, s->a), b = canonical(have, s->a);
    if (want && have && str_eq(a, b)) return false;
    *out = arena_printf(s->a, "%.*s is %.*s and should be %.*s", STR_ARG(here), STR_ARG(str_head(b, 300)), STR_ARG(str_head(a, 300)));
    return true;
}

/* --- requests --- */

struct str wire_body(const struct request *r, const struct call_file *files, struct arena *a) {
    struct buf b = {};
    for (size_t i = 0; i < r->body_count; i++) {
        const struct body_part *p = &r->body[i];
        buf_str(&b, p->text);
        if (p->file < 0) continue;
        const struct call_file *f = &files[p->file];
        buf_printf(&b, "<%s%.*s", p->encoding == HOLE_BASE64 ? "base64 " : "", STR_ARG(f->input));
        if (f->index) buf_printf(&b, " %lld", (long long)f->index);
        buf_c(&b, '>');
    }
    struct str out = b.len ? arena_dup(a, buf_view(&b)) : (struct str){};
    buf_done(&b);
    return out;
}

static const struct header_out *find_header(const struct request *r, struct str name) {
    for (size_t i = 0; i < r->header_count; i++)
        if (str_ieq(r->headers[i].name, name)) return &r->headers[i];
    return NULL;
}

static void check_headers(struct wire_step *s, const struct json *want, const struct request *r) {
    for (const struct json *m = want ? want->child : NULL; m; m = m->next) {
        const struct header_out *h = find_header(r, m->key);
        struct str value = json_plain(m, s->a);
        if (!value.len && h) wire_problem(s, m, "the header %.*s must not be there; it is `%.*s`.", STR_ARG(m->key), STR_ARG(h->value));
        else if (value.len && !h) wire_problem(s, m, "the header %.*s is missing.", STR_ARG(m->key));
        else if (value.len && !str_eq(h->value, value))
            wire_problem(s, m, "the header %.*s is `%.*s` and should be `%.*s`.", STR_ARG(m->key), STR_ARG(str_head(h->value, 200)), STR_ARG(str_head(value, 200)));
    }
}

struct field { struct str name, value, type, file; };
struct fields { struct field list[128]; size_t count; };

static struct str unescape(struct str s, struct arena *a) {
    char *out = arena_bytes(a, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned hex;
        char two[3] = {};
        if (s.ptr[i] == '%' && i + 2 < s.len) {
            memcpy(two, s.ptr + i + 1, 2);
            if (sscanf(two, "%2x", &hex) == 1) {
                out[n++] = (char)hex;
                i += 2;
                continue;
            }
        }
        out[n++] = s.ptr[i] == '+' ? ' ' : s.ptr[i];
    }
    return str_n(out, n);
}

static void read_form(struct str body, struct arena *a, struct fields *out) {
    struct str one, name, value;
    while (body.len && out->count < 128) {
        str_cut(body, '&', &one, &body);
        str_cut(one, '=', &name, &value);
        out->list[out->count++] = (struct field){.name = unescape(name, a), .value = unescape(value, a)};
    }
}

static size_t find(struct str s, struct str part, size_t from) {
    for (size_t i = from; i + part.len <= s.len; i++)
        if (!memcmp(s.ptr + i, part.ptr, part.len)) return i;
    return SIZE_MAX;
}

static struct str between(struct str s, struct str open, struct str close) {
    size_t from = find(s, open, 0);
    if (from == SIZE_MAX) return (struct str){};
    size_t to = find(s, close, from + open.len);
    return to == SIZE_MAX ? (struct str){} : str_n(s.ptr + from + open.len, to - from - open.len);
}

static bool read_multipart(struct str body, struct str type, struct arena *a, struct fields *out) {
    size_t at = find(type, STR("boundary="), 0);
    if (at == SIZE_MAX) return false;
    struct str boundary = arena_printf(a, "--%.*s", STR_ARG(str_skip(type, at + 9)));
    if (!str_starts(body, boundary)) return false;
    for (at = boundary.len; out->count < 128;) {
        size_t end = find(body, boundary, at);
        if (end == SIZE_MAX) return str_is(str_skip(body, at), "--\r\n");
        struct str part = str_n(body.ptr + at, end - at);
        size_t cut = find(part, STR("\r\n\r\n"), 0);
        if (cut == SIZE_MAX || part.len < cut + 6) return false;
        struct str head = str_head(part, cut + 2), value = str_n(part.ptr + cut + 4, part.len - cut - 6);
        out->list[out->count++] = (struct field){.name = between(head, STR(" name=\""), STR("\"")), .file = between(head, STR("filename=\""), STR("\"")),
                                                 .type = between(head, STR("Content-Type: "), STR("\r\n")), .value = value};
        at = end + boundary.len;
    }
    return false;
}

static bool field_is(struct wire_step *s, const struct field *f, const struct json *want) {
    struct str text;
    if (!json_is(want, JSON_OBJECT)) return str_eq(f->value, json_plain(want, s->a));
    if (json_as_str(json_get(want, "file"), &text) && !str_eq(f->value, arena_printf(s->a, "<%.*s>", STR_ARG(text)))) return false;
    if (json_as_str(json_get(want, "type"), &text) && !str_eq(f->type, text)) return false;
    return !json_as_str(json_get(want, "name"), &text) || str_eq(f->file, text);
}

static void check_fields(struct wire_step *s, const struct json *want, const struct fields *have) {
    size_t wanted = 0;
    for (const struct json *m = want->child; m; m = m->next) {
        const struct json *one = m->type == JSON_ARRAY ? m->child : m;
        size_t seen = 0;
        for (size_t i = 0; i < have->count; i++) {
            if (!str_eq(have->list[i].name, m->key)) continue;
            seen++;
            if (one && !field_is(s, &have->list[i], one))
                wire_problem(s, m, "the field `%.*s` is `%.*s` (%.*s) and should be %.*s.", STR_ARG(m->key), STR_ARG(str_head(have->list[i].value, 200)),
                             STR_ARG(have->list[i].type), STR_ARG(str_head(canonical(one, s->a), 200)));
            one = m->type == JSON_ARRAY && one ? one->next : NULL;
        }
        size_t want_here = m->type == JSON_ARRAY ? m->count : 1;
        wanted += want_here;
        if (seen != want_here) wire_problem(s, m, "the field `%.*s` stands %zu times and should stand %zu times.", STR_ARG(m->key), seen, want_here);
    }
    for (size_t i = 0; i < have->count && wanted != have->count; i++)
        if (!json_get_str(want, have->list[i].name)) wire_problem(s, want, "the field `%.*s` is not expected.", STR_ARG(have->list[i].name));
}

static void check_body(struct wire_step *s, const struct json *want, const struct request *r, struct str body) {
    const struct json *json = json_get(want, "json"), *has = json_get(want, "has"), *form = json_get(want, "form"), *multipart = json_get(want, "multipart"),
                      *text = json_get(want, "text"), *none = json_get(want, "none");
    const struct header_out *type = find_header(r, STR("content-type"));
    struct str difference;
    if (json || has) {
        struct json *have = NULL;
        const struct json *whole = json ? wire_json(s, json) : NULL, *part = has ? wire_json(s, has) : NULL;
        if (json_parse(body, s->a, NULL, &have)) wire_problem(s, want, "the body is no JSON: `%.*s`.", STR_ARG(str_head(body, 200)));
        else if (whole && differs(s, whole, have, false, (struct str){}, &difference)) wire_problem(s, json, "in the body, %.*s.", STR_ARG(difference));
        else if (part && differs(s, part, have, true, (struct str){}, &difference)) wire_problem(s, has, "in the body, %.*s.", STR_ARG(difference));
    }
    struct fields fields = {};
    if (form) {
        read_form(body, s->a, &fields);
        check_fields(s, form, &fields);
    }
    if (multipart && (!type || !read_multipart(body, type->value, s->a, &fields))) wire_problem(s, multipart, "the body is no multipart form: `%.*s`.", STR_ARG(str_head(body, 200)));
    else if (multipart) check_fields(s, multipart, &fields);
    if (text && !str_eq(body, text->text)) wire_problem(s, text, "the body is `%.*s` and should be `%.*s`.", STR_ARG(str_head(body, 300)), STR_ARG(str_head(text->text, 300)));
    if (none && body.len) wire_problem(s, none, "there must be no body; it is `%.*s`.", STR_ARG(str_head(body, 200)));
}

void wire_check_request(struct wire_step *s, const struct json *want, const struct request *r, const struct provider_call *c) {
    static const char *const keys[] = {"method", "url", "headers", "json", "has", "form", "multipart", "text", "none", NULL};
    struct str text;
    if (!want) return;
    doc_keys(s->d, want, keys, "request");
    if (json_as_str(json_get(want, "method"), &text) && !str_eq(text, r->method))
        wire_problem(s, json_get(want, "method"), "the method is %.*s and should be %.*s.", STR_ARG(r->method), STR_ARG(text));
    if (json_as_str(json_get(want, "url"), &text) && !str_eq(text, r->url))
        wire_problem(s, json_get(want, "url"), "the address is %.*s and should be %.*s.", STR_ARG(r->url), STR_ARG(text));
    check_headers(s, json_get(want, "headers"), r);
    check_body(s, want, r, wire_body(r, c->files, s->a));
}

/* --- readings --- */

static const char *const STATES[] = {"waiting", "running", "done", "failed", "cancelled", "not_found"};
static const char *const ENCODINGS[] = {"raw", "base64", "base64url", "hex", "data_uri"};

static void check_text(struct wire_step *s, const struct json *want, const char *key, struct str have, bool part) {
    const struct json *m = json_get(want, key);
    if (!m) return;
    struct str text = json_plain(m, s->a);
    bool fits = part ? text.len ? find(have, text, 0) != SIZE_MAX : !have.len : str_eq(text, have);
    if (!fits) wire_problem(s, m, "%s is `%.*s` and should %s `%.*s`.", key, STR_ARG(str_head(have, 300)), part ? "contain" : "be", STR_ARG(str_head(text, 300)));
}

static void check_number(struct wire_step *s, const struct json *want, const char *key, int64_t have) {
    const struct json *m = json_get(want, key);
    int64_t n;
    if (m && (!json_as_i64(m, &n) || n != have)) wire_problem(s, m, "%s is %lld and should be %.*s.", key, (long long)have, STR_ARG(m->text));
}

static void check_bool(struct wire_step *s, const struct json *want, const char *key, bool have) {
    const struct json *m = json_get(want, key);
    bool b;
    if (m && (!json_as_bool(m, &b) || b != have)) wire_problem(s, m, "%s is %s.", key, have ? "true" : "false");
}

static void check_json(struct wire_step *s, const struct json *want, const char *key, struct str have) {
    const struct json *m = wire_json(s, json_get(want, key));
    struct json *j = NULL;
    struct str difference;
    if (!m) return;
    if (have.len && json_parse(have, s->a, NULL, &j)) wire_problem(s, m, "%s is no JSON: %.*s", key, STR_ARG(have));
    else if (differs(s, m, j, true, (struct str){}, &difference)) wire_problem(s, m, "in %s, %.*s.", key, STR_ARG(difference));
}

static bool output_is(struct wire_step *s, const struct json *want, const struct output_ref *o) {
    struct str text;
    bool body = false;
    if (want->type != JSON_OBJECT) return str_eq(o->url, json_plain(want, s->a));
    if (json_as_str(json_get(want, "url"), &text) && !str_eq(o->url, text)) return false;
    if (json_as_str(json_get(want, "data"), &text) && !str_eq(o->inline_data, text)) return false;
    if (json_as_str(json_get(want, "spool"), &text) && !str_eq(o->spool, text)) return false;
    if (json_as_str(json_get(want, "encoding"), &text) && !str_is(text, ENCODINGS[o->encoding])) return false;
    if (json_as_bool(json_get(want, "body"), &body) && body && (!o->spool.len || o->encoding != ENC_RAW)) return false;
    return !json_as_str(json_get(want, "type"), &text) || str_eq(o->type, text);
}

static void check_outputs(struct wire_step *s, const struct json *want, const struct reading *r) {
    if (!want) return;
    if (want->count != r->output_count) wire_problem(s, want, "there are %zu outputs and should be %u.", r->output_count, want->count);
    const struct json *m = want->child;
    for (size_t i = 0; i < r->output_count && m; i++, m = m->next) {
        const struct output_ref *o = &r->outputs[i];
        if (output_is(s, m, o)) continue;
        struct str have = o->url.len ? o->url : o->spool.len ? o->spool : o->inline_data;
        wire_problem(s, m, "output %zu is `%.*s` (%s, type `%.*s`) and should be %.*s.", i, STR_ARG(str_head(have, 200)), ENCODINGS[o->encoding], STR_ARG(o->type),
                     STR_ARG(str_head(canonical(m, s->a), 200)));
    }
}

static void check_keep(struct wire_step *s, const struct json *want, const struct json *ref) {
    for (const struct json *m = want ? want->child : NULL; m; m = m->next) {
        struct str have = json_plain(json_get_str(ref, m->key), s->a), text = json_plain(m, s->a);
        if (!str_eq(have, text)) wire_problem(s, m, "kept as `%.*s` is `%.*s` and should be `%.*s`.", STR_ARG(m->key), STR_ARG(str_head(have, 200)), STR_ARG(str_head(text, 200)));
    }
}

void wire_check_reading(struct wire_step *s, const struct json *want, const struct reading *r, struct str uploaded) {
    static const char *const keys[] = {"state", "unknown_status", "ref", "keep", "percent", "stage", "failure", "billed", "lost", "message", "retry_after", "outputs", "text",
                                       "words", "language_code", "meta", "expires", "cost_micros", "path_warning", "uploaded", NULL};
    if (!want) return;
    doc_keys(s->d, want, keys, "reading");
    const struct json *ref = ref_parse(r->ref, s->a);
    check_text(s, want, "state", str_of(STATES[r->state]), false);
    if (r->state == REPLY_FAILED && json_get(want, "state") && !str_is(json_plain(json_get(want, "state"), s->a), "failed"))
        wire_problem(s, want, "it failed as %s: %.*s", failure_name(r->failure), STR_ARG(r->message));
    check_text(s, want, "ref", json_plain(json_get(ref, "ref"), s->a), false);
    check_keep(s, json_get(want, "keep"), ref);
    check_text(s, want, "failure", r->state == REPLY_FAILED ? str_of(failure_name(r->failure)) : (struct str){}, false);
    check_text(s, want, "message", r->message, true);
    check_text(s, want, "stage", r->stage, false);
    check_text(s, want, "text", r->text, false);
    check_text(s, want, "language_code", r->language_code, false);
    check_text(s, want, "path_warning", r->path_warning, true);
    check_text(s, want, "uploaded", uploaded, false);
    check_bool(s, want, "unknown_status", r->unknown_status);
    check_bool(s, want, "billed", r->billed);
    check_bool(s, want, "lost", r->lost);
    check_number(s, want, "percent", r->percent);
    check_number(s, want, "retry_after", r->retry_after / MS_SECOND);
    check_number(s, want, "expires", r->links_expire_in / MS_SECOND);
    check_number(s, want, "cost_micros", r->cost_micros);
    check_json(s, want, "meta", r->meta);
    check_json(s, want, "words", r->words);
    check_outputs(s, json_get(want, "outputs"), r);
}
