/* Encodes bodies. The bytes of files are never here: where they go, the text has a hole. */
#include "provider/describe.h"

#include <stdio.h>

struct parts {
    struct calling *k;
    struct body_part *list;
    size_t count, cap;
    int64_t bytes;
};

static void add_part(struct parts *p, struct str text, int file, enum hole_encoding encoding) {
    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 8;
        struct body_part *more = arena_array(p->k->a, struct body_part, cap);
        if (p->count) memcpy(more, p->list, p->count * sizeof *more);
        p->list = more;
        p->cap = cap;
    }
    p->list[p->count++] = (struct body_part){text, file, encoding};
    p->bytes += (int64_t)text.len;
    if (file < 0) return;
    int64_t n = p->k->c->files[file].bytes;
    p->bytes += encoding == HOLE_BASE64 ? (n + 2) / 3 * 4 : n;
}

/* Cuts the text at the stand-ins of files. */
static void add_text(struct parts *p, struct str text) {
    size_t from = 0, len;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '@') continue;
        int file = token_at(p->k, text, i, &len);
        if (file < 0) continue;
        add_part(p, str_n(text.ptr + from, i - from), file, HOLE_BASE64);
        from = i + len;
        i = from - 1;
    }
    if (from < text.len) add_part(p, str_skip(text, from), -1, HOLE_RAW);
}

static bool holds_token(const struct calling *k, struct str text) {
    size_t len;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '@' && token_at(k, text, i, &len) >= 0) return true;
    return false;
}

static err not_here(struct calling *k) {
    return why_set(k->why, E_DESCRIPTION, "The description of `%.*s` puts the bytes of a file where they cannot stand.", STR_ARG(k->e->provider->info.name));
}

/* --- form --- */

static err form_pair(struct calling *k, struct buf *b, struct str name, const struct json *value) {
    struct str text = json_plain(value, k->a);
    if (holds_token(k, text)) return not_here(k);
    if (b->len) buf_c(b, '&');
    escape_write(b, name, ESCAPE_QUERY);
    buf_c(b, '=');
    escape_write(b, text, ESCAPE_QUERY);
    return OK;
}

static err form_write(struct calling *k, const struct json *value, struct buf *b) {
    for (const struct json *m = value->child; m; m = m->next) {
        if (m->type != JSON_ARRAY) TRY(form_pair(k, b, m->key, m));
        for (const struct json *c = m->type == JSON_ARRAY ? m->child : NULL; c; c = c->next) TRY(form_pair(k, b, m->key, c));
    }
    return OK;
}

/* --- multipart --- */

static void part_head(struct buf *b, struct str boundary, struct str name) {
    buf_printf(b, "--%.*s\r\nContent-Disposition: form-data; name=\"", STR_ARG(boundary));
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '"') buf_z(b, "%22");
        else if ((unsigned char)c >= 0x20) buf_c(b, c);
    }
    buf_c(b, '"');
}

static void file_part(struct parts *p, struct buf *b, struct str boundary, struct str name, int file) {
    const struct call_file *f = &p->k->c->files[file];
    part_head(b, boundary, name);
    buf_z(b, "; filename=\"");
    for (size_t i = 0; i < f->name.len; i++)
        if ((unsigned char)f->name.ptr[i] >= 0x20 && f->name.ptr[i] != '"' && f->name.ptr[i] != '\\') buf_c(b, f->name.ptr[i]);
    buf_printf(b, "\"\r\nContent-Type: %.*s\r\n\r\n", STR_ARG(f->type.len ? f->type : STR("application/octet-stream")));
    add_part(p, arena_dup(p->k->a, buf_view(b)), file, HOLE_RAW);
    buf_clear(b);
    buf_z(b, "\r\n");
}

static void multipart_value(struct parts *p, struct buf *b, struct str boundary, struct str name, const struct json *value) {
    struct str text = json_plain(value, p->k->a);
    size_t len;
    int file = value->type == JSON_STRING ? token_at(p->k, text, 0, &len) : -1;
    if (file >= 0 && len == text.len) {
        file_part(p, b, boundary, name, file);
        return;
    }
    part_head(b, boundary, name);
    buf_z(b, "\r\n\r\n");
    buf_str(b, text);
    buf_z(b, "\r\n");
}

static err multipart_write(struct parts *p, const struct request_spec *s, const struct json *value, struct str boundary) {
    struct buf b = {};
    err e = OK;
    for (size_t i = 0; i < s->fields.count && !e; i++) {
        struct buf text = {};
        e = template_write(&s->fields.list[i].value, p->k, ESCAPE_NONE, &text);
        const struct json field = {.type = JSON_STRING, .text = arena_dup(p->k->a, buf_view(&text))};
        if (field.text.len) multipart_value(p, &b, boundary, s->fields.list[i].name, &field);
        buf_done(&text);
    }
    for (const struct json *m = value ? value->child : NULL; m && !e; m = m->next) {
        bool list = m->type == JSON_ARRAY;
        if (!list) multipart_value(p, &b, boundary, m->key, m);
        for (const struct json *c = list ? m->child : NULL; c; c = c->next) multipart_value(p, &b, boundary, m->key, c);
    }
    if (s->part.len && p->k->c->upload < p->k->c->file_count) file_part(p, &b, boundary, s->part, (int)p->k->c->upload);
    buf_printf(&b, "--%.*s--\r\n", STR_ARG(boundary));
    add_text(p, arena_dup(p->k->a, buf_view(&b)));
    buf_done(&b);
    return e;
}

/* --- all of them --- */

static err write_encoded(struct parts *p, const struct request_spec *s, const struct json *value, struct str *out_type) {
    struct calling *k = p->k;
    bool mapping = json_is(value, JSON_OBJECT);
    if (value && !mapping && s->body != BODY_JSON)
        return why_set(k->why, E_DESCRIPTION, "A form of a request to `%.*s` must be a mapping.", STR_ARG(k->e->provider->info.name));
    if (s->body == BODY_MULTIPART) {
        struct str boundary = arena_printf(k->a, "puras-%.*s", STR_ARG(k->token));
        *out_type = arena_printf(k->a, "multipart/form-data; boundary=%.*s", STR_ARG(boundary));
        return multipart_write(p, s, value, boundary);
    }
    struct buf b = {};
    err e = OK;
    if (s->body == BODY_FORM) {
        *out_type = STR("application/x-www-form-urlencoded");
        if (value) e = form_write(k, value, &b);
    } else if (value) {
        *out_type = STR("application/json");
        json_write(&b, value);
    }
    if (!e) add_text(p, arena_dup(k->a, buf_view(&b)));
    buf_done(&b);
    return e;
}

err body_write(struct calling *k, const struct request_spec *s, const struct json *value, struct request *out, struct str *out_type) {
    struct parts p = {.k = k};
    if (s->body == BODY_FILE) {
        if (k->c->upload >= k->c->file_count) return why_set(k->why, E_DESCRIPTION, "There is no file to upload to `%.*s`.", STR_ARG(k->e->provider->info.name));
        *out_type = k->c->files[k->c->upload].type;
        add_part(&p, (struct str){}, (int)k->c->upload, HOLE_RAW);
    } else if (s->body != BODY_NONE) {
        TRY(write_encoded(&p, s, value, out_type));
    }
    out->body = p.list;
    out->body_count = p.count;
    out->body_bytes = p.bytes;
    return OK;
}
