/* See wire.h. */
#include "twin/wire.h"

#include <stdio.h>

static size_t find(struct str s, struct str what, size_t from) {
    if (s.len < what.len) return SIZE_MAX;
    for (size_t i = from; i + what.len <= s.len; i++) {
        const char *p = memchr(s.ptr + i, what.ptr[0], s.len - what.len - i + 1);
        if (!p) return SIZE_MAX;
        i = (size_t)(p - s.ptr);
        if (!memcmp(p, what.ptr, what.len)) return i;
    }
    return SIZE_MAX;
}

/* name="..." of a Content-Disposition, and not the end of filename="...". */
static struct str value_of(struct str head, const char *name) {
    char mark[32];
    struct str inside, rest;
    snprintf(mark, sizeof mark, "%s=\"", name);
    for (size_t at = 0; (at = find(head, str_of(mark), at)) != SIZE_MAX; at++)
        if (at && (head.ptr[at - 1] == ' ' || head.ptr[at - 1] == ';')) return str_cut(str_skip(head, at + strlen(mark)), '"', &inside, &rest) ? inside : (struct str){};
    return (struct str){};
}

static struct str type_of(struct str head) {
    struct str line, rest = head, name, value;
    for (bool more = true; more;) {
        more = str_cut(rest, '\n', &line, &rest);
        if (str_ends(line, STR("\r"))) line.len--;
        if (str_cut(line, ':', &name, &value) && str_ieq(name, STR("content-type"))) return str_trim(value);
    }
    return (struct str){};
}

int parts_read(struct str content_type, struct str body, struct part *out, int most) {
    char mark[100];
    size_t at = find(content_type, STR("boundary="), 0);
    if (!str_starts(content_type, STR("multipart/form-data")) || at == SIZE_MAX) return -1;
    struct str boundary = str_skip(content_type, at + 9);
    if (str_starts(boundary, STR("\""))) boundary = str_skip(str_head(boundary, boundary.len - 1), 1);
    if (!boundary.len || boundary.len > 70) return -1;
    int n = snprintf(mark, sizeof mark, "\r\n--%.*s", STR_ARG(boundary)), count = 0;
    struct str delimiter = str_n(mark, (size_t)n);
    if (!str_starts(body, str_skip(delimiter, 2))) return -1;
    for (size_t from = delimiter.len - 2;;) {
        struct str rest = str_skip(body, from);
        if (str_starts(rest, STR("--"))) return count;
        if (count == most || !str_starts(rest, STR("\r\n"))) return -1;
        size_t head_end = find(body, STR("\r\n\r\n"), from), end;
        if (head_end == SIZE_MAX || (end = find(body, delimiter, head_end + 2)) == SIZE_MAX) return -1;
        struct str head = str_head(rest, head_end - from);
        out[count++] = (struct part){.name = value_of(head, "name"), .filename = value_of(head, "filename"), .type = type_of(head),
                                     .bytes = end > head_end + 4 ? str_n(body.ptr + head_end + 4, end - head_end - 4) : STR("")};
        from = end + delimiter.len;
    }
}
