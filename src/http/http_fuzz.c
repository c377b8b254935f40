/* Random bytes as requests. The first byte chooses how the rest is cut into pieces. What must hold: cutting changes nothing (the
 * same events, the same bodies, the same refusal), nothing is read past the end of a request, and what is accepted is what the
 * table of docs/HTTP.md allows: one Host, one length, no line that a laxer reader would see differently. */
#include "http/http.h"
#include "http/parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    struct buf text; /* what happened, in words; pieces of one body run together */
    bool bad;
};

/* The strings of an accepted head are views of one text and hold no byte that could end a line. */
static void check_head(const struct head *h) {
    must(h->fields <= LIMIT_HTTP_HEADERS && h->text.len <= LIMIT_HTTP_HEADER_BYTES);
    must(h->path.len && (h->path.ptr[0] == '/' || str_is(h->path, "*")));
    int hosts = 0, lengths = 0, codings = 0;
    for (int i = 0; i < h->fields; i++) {
        struct str name = head_name(h, i), value = head_value(h, i);
        must(name.len > 0);
        for (size_t k = 0; k < name.len; k++) must(name.ptr[k] > ' ' && name.ptr[k] != ':' && !(name.ptr[k] >= 'A' && name.ptr[k] <= 'Z'));
        for (size_t k = 0; k < value.len; k++) must(value.ptr[k] == '\t' || (unsigned char)value.ptr[k] >= ' ');
        hosts += str_is(name, "host");
        lengths += str_is(name, "content-length");
        codings += str_is(name, "transfer-encoding");
    }
    must(hosts <= 1 && (hosts || !h->minor) && lengths + codings <= 1);
    must(!codings == (h->content_length >= 0));
}

static void describe_head(struct buf *b, const struct head *h) {
    buf_printf(b, "[%.*s|%.*s|%.*s|%.*s|%d|%lld|%d%d]", STR_ARG(h->method), STR_ARG(h->authority), STR_ARG(h->path), STR_ARG(h->query),
               h->minor, (long long)h->content_length, h->keep_alive, h->expect_continue);
    for (int i = 0; i < h->fields; i++) {
        struct str name = head_name(h, i), value = head_value(h, i);
        buf_printf(b, "(%.*s=%.*s)", STR_ARG(name), STR_ARG(value));
    }
}

/* Feeds one piece; false when the input was refused. */
static bool feed(struct parser *p, struct head *h, struct str in, struct outcome *o) {
    for (;;) {
        struct str piece = {}, before = in;
        enum parse_event e = parser_next(p, &in, &piece);
        must(in.len <= before.len && in.ptr + in.len == before.ptr + before.len);
        switch (e) {
        case PARSE_HEAD:
            check_head(h);
            describe_head(&o->text, h);
            break;
        case PARSE_BODY:
            must(piece.len && piece.ptr >= before.ptr && piece.ptr + piece.len <= before.ptr + before.len);
            buf_str(&o->text, piece);
            break;
        case PARSE_END:
            buf_z(&o->text, "<end>");
            parser_begin(p, h);
            break;
        case PARSE_MORE:
            must(in.len == 0);
            return true;
        case PARSE_BAD:
            must(p->bad && p->why);
            o->bad = true;
            return false;
        }
    }
}

static void run(const uint8_t *data, size_t size, size_t step, struct outcome *o) {
    struct head h = {};
    struct parser p = {};
    parser_begin(&p, &h);
    for (size_t at = 0; at < size; at += step) {
        size_t n = size - at < step ? size - at : step;
        char *exact = malloc(n); /* a read past the piece is found */
        memcpy(exact, data + at, n);
        bool go_on = feed(&p, &h, str_n(exact, n), o);
        free(exact);
        if (!go_on) break;
    }
    head_done(&h);
}

static void compare(const struct outcome *a, const struct outcome *b) {
    must(a->bad == b->bad);
    must(str_eq(buf_view(&a->text), buf_view(&b->text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    size_t step = 1 + data[0] % 64;
    struct outcome whole = {}, cut = {};
    run(data + 1, size - 1, size, &whole);
    run(data + 1, size - 1, step, &cut);
    compare(&whole, &cut);
    buf_done(&whole.text);
    buf_done(&cut.text);
    struct arena a = {};
    struct str out;
    if (http_percent_decode(str_n(data, size), data[0] & 1, &a, &out)) {
        struct buf b = {};
        http_percent_encode(&b, out, "/");
        struct str again;
        must(http_percent_decode(buf_view(&b), false, &a, &again) && str_eq(out, again));
        buf_done(&b);
    }
    http_query_get(str_n(data, size), "a", &a, &out);
    arena_done(&a);
    return 0;
}
