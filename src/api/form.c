/* See form.h. A part's bytes end at CR LF -- boundary. CR stands nowhere else in that mark, so what looked like it and was not goes
 * through as it is, and the search begins anew with the byte that did not fit. */
#include "api/form.h"

#include <stddef.h>
#include <stdio.h>

/* name=value or name="value" behind a ';'; false at the end or where it cannot be read. */
static bool next_param(struct str *rest, struct str *out_name, char *value, size_t room, size_t *out_len) {
    struct str t = str_trim(*rest);
    size_t n = 0, len = 0;
    if (!str_starts(t, STR(";"))) return false;
    t = str_trim(str_skip(t, 1));
    while (n < t.len && t.ptr[n] != '=') n++;
    if (n == t.len) return false;
    *out_name = str_trim(str_head(t, n));
    t = str_skip(t, n + 1);
    bool quoted = str_starts(t, STR("\"")), closed = false;
    size_t i = quoted ? 1 : 0;
    for (; i < t.len; i++) {
        char c = t.ptr[i];
        if (quoted && c == '"') {
            closed = true;
            break;
        }
        if (!quoted && (c == ';' || c == ' ' || c == '\t')) break;
        if (quoted && c == '\\' && i + 1 < t.len && (t.ptr[i + 1] == '"' || t.ptr[i + 1] == '\\')) c = t.ptr[++i];
        if (len == room) return false;
        value[len++] = c;
    }
    if (quoted && !closed) return false;
    *rest = str_skip(t, i + quoted);
    *out_len = len;
    return true;
}

static bool is_boundary(const char *s, size_t len) {
    if (!len || s[len - 1] == ' ') return false;
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !memchr("'()+_,-./:=? ", c, 13)) return false;
    }
    return true;
}

bool form_boundary(struct str type, char out[FORM_BOUNDARY + 1]) {
    struct str head = type, rest = {0}, name;
    const char *semicolon = type.len ? memchr(type.ptr, ';', type.len) : NULL;
    if (semicolon) {
        head = str_head(type, (size_t)(semicolon - type.ptr));
        rest = str_skip(type, head.len);
    }
    if (!str_ieq(str_trim(head), STR("multipart/form-data"))) return false;
    char value[FORM_BOUNDARY];
    size_t len;
    while (next_param(&rest, &name, value, sizeof value, &len)) {
        if (!str_ieq(name, STR("boundary"))) continue;
        if (!is_boundary(value, len)) return false;
        memcpy(out, value, len);
        out[len] = 0;
        return true;
    }
    return false;
}

void form_begin(struct form *f, const char *boundary, const struct form_sink *sink) {
    /* as if a line had ended before the first byte: the first mark needs no line in front */
    memset(f, 0, offsetof(struct form, held)); /* not all of it: it is large */
    f->sink = *sink;
    f->state = FORM_DATA;
    f->matched = 2;
    if (!f->sink.field_max) f->sink.field_max = FORM_FIELD_BYTES;
    f->mark_len = (size_t)snprintf(f->mark, sizeof f->mark, "\r\n--%s", boundary);
    if (f->mark_len >= sizeof f->mark) { /* a boundary of full length: the terminator had no room */
        memcpy(f->mark + 4, boundary, FORM_BOUNDARY);
        f->mark_len = sizeof f->mark;
    }
}

/* --- parts --- */

static err bad(struct why *why, const char *sentence) { return why_set(why, E_BAD_REQUEST, "The form could not be read: %s", sentence); }

/* What is between two marks: the file, a field, or what stands before the first mark and means nothing. */
static err take(struct form *f, struct str bytes, struct why *why) {
    if (!f->begun || !bytes.len) return OK;
    if (f->in_file) {
        f->waits |= !f->sink.data(f->sink.arg, bytes);
        return OK;
    }
    if (bytes.len > f->sink.field_max - f->held_len) return why_set(why, E_TOO_LARGE, "The form's field %s has more than %zu bytes.", f->name, f->sink.field_max);
    memcpy(f->held + f->held_len, bytes.ptr, bytes.len);
    f->held_len += bytes.len;
    return OK;
}

static err part_over(struct form *f, struct why *why) {
    if (!f->begun || f->in_file) return OK;
    struct str value = str_n(f->held, f->held_len);
    if (!str_is_utf8(value) || memchr(f->held, 0, f->held_len)) return bad(why, "a field's value must be UTF-8 text.");
    return f->sink.field(f->sink.arg, str_of(f->name), value, why);
}

/* The one header that counts: Content-Disposition: form-data; name="file"; filename="a.png" */
static err read_disposition(struct form *f, struct str header, struct why *why) {
    struct str word = header, rest = {0}, name;
    const char *semicolon = header.len ? memchr(header.ptr, ';', header.len) : NULL;
    char value[FORM_NAME_BYTES - 1], filename[FORM_NAME_BYTES - 1];
    size_t len, filename_len = 0;
    if (semicolon) {
        word = str_head(header, (size_t)(semicolon - header.ptr));
        rest = str_skip(header, word.len);
    }
    if (!str_ieq(str_trim(word), STR("form-data"))) return bad(why, "a part's Content-Disposition must be form-data.");
    f->name[0] = 0;
    while (next_param(&rest, &name, value, sizeof value, &len)) {
        if (memchr(value, 0, len) || !str_is_utf8(str_n(value, len))) return bad(why, "a part's name must be UTF-8 text.");
        if (str_ieq(name, STR("name"))) {
            memcpy(f->name, value, len);
            f->name[len] = 0;
        } else if (str_ieq(name, STR("filename"))) {
            memcpy(filename, value, len);
            filename_len = len;
        }
    }
    if (str_trim(rest).len) return bad(why, "a part's Content-Disposition cannot be read, or a name in it is too long.");
    if (!f->name[0]) return bad(why, "a part has no name.");
    f->in_file = f->sink.is_file ? f->sink.is_file(str_of(f->name)) : !strcmp(f->name, "file");
    if (!f->in_file) return OK;
    if (f->file_seen && !f->sink.is_file) return bad(why, "it has two files; send one a call.");
    f->file_seen = true;
    return f->sink.file(f->sink.arg, str_of(f->name), str_n(filename, filename_len), why);
}

static err head_over(struct form *f, struct why *why) {
    struct str rest = str_n(f->held, f->held_len), line, name, value;
    bool found = false;
    if (++f->parts > FORM_PARTS) return why_set(why, E_TOO_LARGE, "The form has more than %d parts.", FORM_PARTS);
    while (rest.len) {
        str_cut(rest, '\n', &line, &rest);
        if (str_ends(line, STR("\r"))) line.len--;
        if (!str_cut(line, ':', &name, &value) || !str_ieq(name, STR("content-disposition"))) continue;
        if (found) return bad(why, "a part has two Content-Disposition headers.");
        found = true;
        TRY(read_disposition(f, value, why));
    }
    if (!found) return bad(why, "a part has no Content-Disposition header.");
    f->begun = true;
    f->held_len = 0;
    f->state = FORM_DATA;
    return OK;
}

/* --- bytes --- */

static err mark_found(struct form *f, struct why *why) {
    TRY(part_over(f, why));
    f->begun = f->in_file = false;
    f->held_len = f->matched = 0;
    f->state = FORM_BEHIND;
    return OK;
}

/* As much as is not the mark; *used bytes of it. */
static err step_data(struct form *f, struct str s, struct why *why, size_t *used) {
    if (!f->matched) {
        const char *cr = memchr(s.ptr, '\r', s.len);
        *used = cr ? (size_t)(cr - s.ptr) : s.len;
        TRY(take(f, str_head(s, *used), why));
        if (!cr) return OK;
        f->matched = 1;
        ++*used;
        return OK;
    }
    *used = 0;
    while (*used < s.len && f->matched < f->mark_len && s.ptr[*used] == f->mark[f->matched]) {
        f->matched++;
        ++*used;
    }
    if (f->matched == f->mark_len) return mark_found(f, why);
    if (*used == s.len) return OK;
    size_t was = f->matched;
    f->matched = 0;
    return take(f, str_n(f->mark, was), why);
}

/* Behind a mark: "--" ends the form, blanks and a line's end begin a part. */
static err step_behind(struct form *f, char c, struct why *why) {
    char before = f->held_len ? f->held[0] : 0;
    if ((c == ' ' || c == '\t') && !before) return OK;
    if (!before && (c == '-' || c == '\r')) {
        f->held[f->held_len++] = c;
        return OK;
    }
    f->held_len = 0;
    if (before == '-' && c == '-') f->state = FORM_END; /* what follows means nothing */
    else if (before == '\r' && c == '\n') f->state = FORM_HEAD;
    else return bad(why, "a boundary is not followed by a line's end.");
    return OK;
}

static err step_head(struct form *f, char c, struct why *why) {
    if (f->held_len == FORM_HEAD_BYTES) return why_set(why, E_TOO_LARGE, "The head of a part of the form has more than %d bytes.", FORM_HEAD_BYTES);
    f->held[f->held_len++] = c;
    struct str held = str_n(f->held, f->held_len);
    return str_ends(held, STR("\r\n\r\n")) || str_is(held, "\r\n") ? head_over(f, why) : OK;
}

err form_feed(struct form *f, struct str s, struct why *why, bool *out_waits) {
    f->waits = false;
    while (s.len && f->state != FORM_END) {
        size_t used = 1;
        if (f->state == FORM_DATA) TRY(step_data(f, s, why, &used));
        else if (f->state == FORM_BEHIND) TRY(step_behind(f, s.ptr[0], why));
        else TRY(step_head(f, s.ptr[0], why));
        s = str_skip(s, used);
    }
    *out_waits = f->waits;
    return OK;
}

err form_end(const struct form *f, struct why *why) {
    if (f->state != FORM_END) return bad(why, "it ends before its last boundary.");
    if (!f->file_seen && !f->sink.is_file) return bad(why, "it has no part named file.");
    return OK;
}
