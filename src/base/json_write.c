/* The writer of JSON: streaming (struct jw) and whole trees. What it writes, the reader reads. */
#include "base/json.h"

#include <stdlib.h>

/* --- strings --- */

static void add_escape(struct buf *b, unsigned char c) {
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    const char *at = strchr("\"\"\\\\\bb\ff\nn\rr\tt", c); /* the byte and the letter of its short form */
    if (at) {
        text[1] = at[1];
        buf_add(b, text, 2);
    } else {
        buf_add(b, text, 6);
    }
}

/* Bytes that stand for themselves, and begin nothing longer. */
static const bool plain[256] = {[0x20 ... '"' - 1] = true, ['"' + 1 ... '\\' - 1] = true, ['\\' + 1 ... 0x7f] = true};

static void add_string(struct buf *b, struct str s) {
    static const char replacement[] = "\xEF\xBF\xBD";
    if (str_is(s, "$spool")) { /* nobody else's is written like that of json_write_spool */
        buf_z(b, "\"\\u0024spool\"");
        return;
    }
    buf_reserve(b, s.len + 2);
    buf_c(b, '"');
    size_t from = 0, i = 0;
    while (i < s.len) {
        while (i < s.len && plain[(unsigned char)s.ptr[i]]) i++;
        if (i == s.len) break;
        unsigned char c = (unsigned char)s.ptr[i];
        size_t n = c >= 0x80 ? utf8_length((const unsigned char *)s.ptr + i, s.len - i) : 0;
        if (n) {
            i += n;
            continue;
        }
        buf_add(b, s.ptr + from, i - from);
        if (c == 0 || c >= 0x80) buf_z(b, replacement); /* the reader refuses NUL, so it is not written either */
        else add_escape(b, c);
        from = ++i;
    }
    buf_str(b, str_skip(s, from));
    buf_c(b, '"');
}

/* --- streaming --- */

static void separate(struct jw *w) {
    if (w->comma) buf_c(w->out, ',');
    w->comma = true;
}

void jw_open(struct jw *w, char bracket) {
    separate(w);
    buf_c(w->out, bracket);
    w->comma = false;
}

void jw_close(struct jw *w, char bracket) {
    buf_c(w->out, bracket);
    w->comma = true;
}

void jw_key_str(struct jw *w, struct str key) {
    separate(w);
    add_string(w->out, key);
    buf_c(w->out, ':');
    w->comma = false;
}

void jw_key(struct jw *w, const char *key) { jw_key_str(w, str_of(key)); }

void jw_str(struct jw *w, struct str s) {
    separate(w);
    add_string(w->out, s);
}

void jw_z(struct jw *w, const char *z) { jw_str(w, str_of(z)); }

void jw_i64(struct jw *w, int64_t v) {
    separate(w);
    buf_i64(w->out, v);
}

void jw_raw(struct jw *w, struct str json) {
    separate(w);
    buf_str(w->out, json);
}

void jw_bool(struct jw *w, bool v) { jw_raw(w, v ? STR("true") : STR("false")); }
void jw_null(struct jw *w) { jw_raw(w, STR("null")); }

void jw_kstr(struct jw *w, const char *key, struct str s) {
    jw_key(w, key);
    jw_str(w, s);
}

void jw_kz(struct jw *w, const char *key, const char *z) { jw_kstr(w, key, str_of(z)); }

void jw_kopt(struct jw *w, const char *key, struct str s) {
    if (s.len) jw_kstr(w, key, s);
}

void jw_ki64(struct jw *w, const char *key, int64_t v) {
    jw_key(w, key);
    jw_i64(w, v);
}

void jw_kbool(struct jw *w, const char *key, bool v) {
    jw_key(w, key);
    jw_bool(w, v);
}

void jw_kraw(struct jw *w, const char *key, struct str json) {
    jw_key(w, key);
    if (json.len) jw_raw(w, json);
    else jw_null(w);
}

void json_write_spool(struct buf *b, uint32_t id, uint32_t bytes, struct str head) {
    buf_printf(b, "{\"$spool\":%u,\"bytes\":%u,\"head\":", id, bytes);
    add_string(b, head);
    buf_c(b, '}');
}

/* --- trees --- */

static void write_tree(struct jw *w, const struct json *j, bool canonical);

static int by_key(const void *a, const void *b) {
    return str_cmp((*(const struct json *const *)a)->key, (*(const struct json *const *)b)->key);
}

static void write_member(struct jw *w, const struct json *m, bool canonical) {
    jw_key_str(w, m->key);
    write_tree(w, m, canonical);
}

static void write_sorted_members(struct jw *w, const struct json *object) {
    const struct json *few[32], **members = few;
    if (object->count > 32) {
        members = malloc(object->count * sizeof *members);
        must(members);
    }
    uint32_t n = 0;
    for (const struct json *m = object->child; m; m = m->next) {
        must(n < object->count);
        members[n++] = m;
    }
    qsort(members, n, sizeof *members, by_key);
    for (uint32_t i = 0; i < n; i++) write_member(w, members[i], true);
    if (members != few) free(members);
}

static void write_tree(struct jw *w, const struct json *j, bool canonical) {
    switch (j->type) {
    case JSON_NULL: jw_null(w); break;
    case JSON_BOOL: jw_bool(w, j->boolean); break;
    case JSON_STRING: jw_str(w, j->text); break;
    case JSON_SPOOLED:
        separate(w);
        json_write_spool(w->out, j->spool, j->count, j->text);
        break;
    case JSON_NUMBER:
        if (canonical) {
            separate(w);
            json_number_write(w->out, j->text);
        } else {
            jw_raw(w, j->text);
        }
        break;
    case JSON_ARRAY:
        jw_open(w, '[');
        for (const struct json *e = j->child; e; e = e->next) write_tree(w, e, canonical);
        jw_close(w, ']');
        break;
    case JSON_OBJECT:
        jw_open(w, '{');
        if (canonical) write_sorted_members(w, j);
        else
            for (const struct json *m = j->child; m; m = m->next) write_member(w, m, false);
        jw_close(w, '}');
        break;
    }
}

void json_write(struct buf *b, const struct json *j) { write_tree(&(struct jw){.out = b}, j, false); }
void json_write_canonical(struct buf *b, const struct json *j) { write_tree(&(struct jw){.out = b}, j, true); }
