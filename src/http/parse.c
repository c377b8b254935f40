/* Heads of requests, see parse.h. Called by connections and by the fuzzer; allocates only the text of the head. */
#include "http/parse.h"

static enum parse_event refuse(struct parser *p, err bad, const char *why) {
    p->phase = PHASE_BAD;
    if (!p->bad) {
        p->bad = bad;
        p->why = why;
    }
    return PARSE_BAD;
}

static int stop(struct parser *p, err bad, const char *why) {
    refuse(p, bad, why);
    return HPE_USER;
}

static int on_url(llhttp_t *ll, const char *at, size_t len) {
    struct parser *p = ll->data;
    if (p->head->text.len + len > LIMIT_HTTP_TARGET_BYTES) return stop(p, E_URI_TOO_LONG, "The request target is longer than 8 KB.");
    buf_add(&p->head->text, at, len);
    return HPE_OK;
}

static int on_url_complete(llhttp_t *ll) {
    struct parser *p = ll->data;
    p->head->path.len = p->head->text.len; /* for now: the whole target */
    return HPE_OK;
}

static int on_field(llhttp_t *ll, const char *at, size_t len) {
    struct parser *p = ll->data;
    struct head *h = p->head;
    if (h->fields == LIMIT_HTTP_HEADERS) return stop(p, E_HEADERS_TOO_LARGE, "The request has more than 64 headers.");
    struct head_field *f = &h->field[h->fields];
    if (!f->name_len) f->name = (uint16_t)h->text.len;
    f->name_len = (uint16_t)(f->name_len + len);
    buf_reserve(&h->text, len);
    char *to = h->text.ptr + h->text.len;
    for (size_t i = 0; i < len; i++) to[i] = at[i] >= 'A' && at[i] <= 'Z' ? (char)(at[i] | 0x20) : at[i];
    h->text.len += len;
    return HPE_OK;
}

static int on_field_complete(llhttp_t *ll) {
    struct head *h = ((struct parser *)ll->data)->head;
    h->field[h->fields].value = (uint16_t)h->text.len;
    return HPE_OK;
}

static int on_value(llhttp_t *ll, const char *at, size_t len) {
    buf_add(&((struct parser *)ll->data)->head->text, at, len);
    return HPE_OK;
}

static int on_value_complete(llhttp_t *ll) {
    struct head *h = ((struct parser *)ll->data)->head;
    struct head_field *f = &h->field[h->fields++];
    struct str value = str_trim(str_n(h->text.ptr + f->value, h->text.len - f->value));
    f->value = (uint16_t)(value.ptr - h->text.ptr);
    f->value_len = (uint16_t)value.len;
    if (h->fields < LIMIT_HTTP_HEADERS) h->field[h->fields] = (struct head_field){};
    return HPE_OK;
}

static int on_headers_complete(llhttp_t *ll) { return HPE_PAUSED; }

void head_done(struct head *h) { buf_done(&h->text); }
struct str head_name(const struct head *h, int i) { return str_n(h->text.ptr + h->field[i].name, h->field[i].name_len); }
struct str head_value(const struct head *h, int i) { return str_n(h->text.ptr + h->field[i].value, h->field[i].value_len); }

void parser_begin(struct parser *p, struct head *h) {
    static const llhttp_settings_t settings = {
        .on_url = on_url,
        .on_url_complete = on_url_complete,
        .on_header_field = on_field,
        .on_header_field_complete = on_field_complete,
        .on_header_value = on_value,
        .on_header_value_complete = on_value_complete,
        .on_headers_complete = on_headers_complete,
    };
    llhttp_init(&p->ll, HTTP_REQUEST, &settings);
    p->ll.data = p;
    p->head = h;
    p->phase = PHASE_HEAD;
    p->head_bytes = p->line_bytes = 0;
    p->lines = p->blanks = 0;
    p->last = 0;
    p->method_over = p->method_junk = false;
    p->left = 0;
    p->chunks = (struct chunks){};
    p->bad = OK;
    p->why = NULL;
    buf_clear(&h->text);
    h->fields = 0;
    h->field[0] = (struct head_field){};
    h->method = h->authority = h->path = h->query = (struct str){};
    h->content_length = 0;
    h->keep_alive = h->expect_continue = false;
}

static bool is_token(unsigned char ch) {
    return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch && strchr("!#$%&'*+-.^_`|~", ch));
}

static void look_at_request_line(struct parser *p, const char *at, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (at[i] == ' ') {
            p->blanks++;
            p->method_over = true;
        } else if (!p->method_over && !is_token((unsigned char)at[i]) && at[i] != '\r' && at[i] != '\n') {
            p->method_junk = true;
        }
    }
}

/* Walks over the lines of the head. *end: how many bytes belong to the head; true when it is complete there. */
static bool scan(struct parser *p, struct str in, size_t *end) {
    for (size_t i = 0; i < in.len;) {
        if (p->lines && !p->line_bytes && (in.ptr[i] == ' ' || in.ptr[i] == '\t')) {
            refuse(p, E_BAD_REQUEST, "A header is folded over two lines.");
            return false;
        }
        const char *lf = memchr(in.ptr + i, '\n', in.len - i);
        size_t len = lf ? (size_t)(lf - in.ptr) - i : in.len - i;
        if (!p->lines) look_at_request_line(p, in.ptr + i, len);
        char before = len ? in.ptr[i + len - 1] : p->last;
        p->line_bytes += len;
        i += len;
        if (len) p->last = before;
        if (!lf) break;
        if (!p->line_bytes || before != '\r') {
            refuse(p, E_BAD_REQUEST, "A line of the head does not end with CR LF.");
            return false;
        }
        bool empty = p->line_bytes == 1;
        p->line_bytes = 0;
        p->last = '\n';
        i++;
        if (!empty) {
            p->lines++; /* an empty line before the request line is skipped, as clients of old send one */
        } else if (p->lines) {
            *end = i;
            return true;
        }
    }
    *end = in.len;
    return false;
}

/* llhttp's word for what is wrong, as an answer. */
static enum parse_event refuse_by(struct parser *p, llhttp_errno_t e) {
    bool known_version = p->ll.http_major == 1 && p->ll.http_minor <= 1;
    switch (e) {
    case HPE_INVALID_METHOD:
        if (p->method_junk) return refuse(p, E_BAD_REQUEST, "The bytes are not an HTTP request.");
        return refuse(p, E_NOT_IMPLEMENTED, "This server does not know that method.");
    case HPE_INVALID_VERSION:
        if (known_version) break;
        return refuse(p, E_VERSION, "This server speaks HTTP/1.1 and HTTP/1.0.");
    case HPE_PAUSED_H2_UPGRADE:
        return refuse(p, E_VERSION, "This server speaks HTTP/1.1 and HTTP/1.0.");
    case HPE_INVALID_TRANSFER_ENCODING:
        return refuse(p, E_NOT_IMPLEMENTED, "The only transfer coding taken here is chunked.");
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return refuse(p, E_BAD_REQUEST, "The length of the body is told twice.");
    case HPE_INVALID_CONTENT_LENGTH:
        return refuse(p, E_BAD_REQUEST, "Content-Length is not a number.");
    default:
        break;
    }
    return refuse(p, E_BAD_REQUEST, "The head of the request is malformed.");
}

/* The request target: origin-form, absolute-form of http and https, or * of OPTIONS. */
static bool read_target(struct head *h, llhttp_method_t method) {
    struct str target = str_n(h->text.ptr, h->path.len);
    h->authority = h->query = (struct str){};
    if (memchr(target.ptr, '#', target.len)) return false;
    if (str_is(target, "*")) {
        h->path = target;
        return method == HTTP_OPTIONS;
    }
    if (target.ptr[0] != '/') {
        size_t scheme = str_ieq(str_head(target, 7), STR("http://")) ? 7 : str_ieq(str_head(target, 8), STR("https://")) ? 8 : 0;
        if (!scheme) return false;
        struct str rest = str_skip(target, scheme);
        size_t len = 0;
        while (len < rest.len && rest.ptr[len] != '/' && rest.ptr[len] != '?') len++;
        h->authority = str_head(rest, len);
        if (!len) return false;
        target = str_skip(rest, len);
        /* http://host and http://host?query mean the path "/". */
        if (!target.len || target.ptr[0] == '?') {
            h->path = STR("/");
            h->query = str_skip(target, target.len ? 1 : 0);
            return true;
        }
    }
    str_cut(target, '?', &h->path, &h->query);
    return true;
}

static bool host_is_clean(struct str host) {
    for (size_t i = 0; i < host.len; i++) {
        unsigned char ch = (unsigned char)host.ptr[i];
        if (ch <= ' ' || ch >= 0x7f || strchr("/\\@?#\"<>^`{|},", ch)) return false;
    }
    return host.len > 0;
}

static const char *const READ_METHODS[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"};

/* What the fields mean for framing. Counted, not looked up: a header that comes twice is the classic disagreement. */
static enum parse_event read_fields(struct parser *p) {
    struct head *h = p->head;
    int hosts = 0, lengths = 0, codings = 0;
    struct str host = {}, length = {}, coding = {}, expect = {};
    for (int i = 0; i < h->fields; i++) {
        struct str name = head_name(h, i);
        if (!name.len) return refuse(p, E_BAD_REQUEST, "A header has no name.");
        if (name.len == 4 && str_is(name, "host")) hosts++, host = head_value(h, i);
        else if (name.len == 14 && str_is(name, "content-length")) lengths++, length = head_value(h, i);
        else if (name.len == 17 && str_is(name, "transfer-encoding")) codings++, coding = head_value(h, i);
        else if (name.len == 6 && str_is(name, "expect")) expect = head_value(h, i);
    }
    if (hosts > 1) return refuse(p, E_BAD_REQUEST, "The request names two hosts.");
    if (!hosts && h->minor > 0) return refuse(p, E_BAD_REQUEST, "The request has no Host.");
    if (hosts && !host_is_clean(host)) return refuse(p, E_BAD_REQUEST, "The Host is malformed.");
    if (codings && lengths) return refuse(p, E_BAD_REQUEST, "The length of the body is told twice.");
    if (codings && !h->minor) return refuse(p, E_BAD_REQUEST, "HTTP/1.0 has no transfer codings.");
    if (codings && (codings > 1 || !str_ieq(coding, STR("chunked"))))
        return refuse(p, E_NOT_IMPLEMENTED, "The only transfer coding taken here is chunked.");
    if (lengths && (lengths > 1 || !length.len || length.ptr[0] == '-' || !str_to_i64(length, &h->content_length) ||
                    (uint64_t)h->content_length != p->ll.content_length))
        return refuse(p, E_BAD_REQUEST, "Content-Length is not a number.");
    if (codings) h->content_length = -1;
    if (expect.len && h->minor > 0) {
        if (!str_ieq(expect, STR("100-continue"))) return refuse(p, E_EXPECTATION, "The only expectation taken here is 100-continue.");
        h->expect_continue = h->content_length != 0;
    }
    return PARSE_HEAD;
}

static enum parse_event finish_head(struct parser *p) {
    struct head *h = p->head;
    llhttp_method_t method = (llhttp_method_t)p->ll.method;
    if (p->ll.http_major != 1 || p->ll.http_minor > 1) return refuse(p, E_VERSION, "This server speaks HTTP/1.1 and HTTP/1.0.");
    if (p->blanks != 2) return refuse(p, E_BAD_REQUEST, "The request line is not three words with one blank between them.");
    h->minor = p->ll.http_minor;
    h->keep_alive = llhttp_should_keep_alive(&p->ll);
    for (size_t i = 0; i < sizeof READ_METHODS / sizeof *READ_METHODS && !h->method.len; i++)
        if (!strcmp(READ_METHODS[i], llhttp_method_name(method))) h->method = str_of(READ_METHODS[i]);
    if (!h->method.len) return refuse(p, E_NOT_IMPLEMENTED, "This server does not know that method.");
    if (!read_target(h, method)) return refuse(p, E_BAD_REQUEST, "The request target is malformed.");
    enum parse_event e = read_fields(p);
    if (e != PARSE_HEAD) return e;
    if (h->content_length < 0) {
        p->phase = PHASE_CHUNKS;
    } else {
        p->left = (uint64_t)h->content_length;
        p->phase = p->left ? PHASE_LENGTH : PHASE_END;
    }
    return PARSE_HEAD;
}

static enum parse_event next_of_head(struct parser *p, struct str *in) {
    if (!in->len) return PARSE_MORE;
    size_t room = LIMIT_HTTP_HEADER_BYTES - p->head_bytes, end = 0;
    bool over = in->len > room;
    bool complete = scan(p, str_head(*in, room), &end);
    if (p->bad) return PARSE_BAD;
    p->head_bytes += end;
    llhttp_errno_t e = llhttp_execute(&p->ll, in->ptr, end);
    if (p->bad) return PARSE_BAD;
    if (e != HPE_OK && e != HPE_PAUSED) return refuse_by(p, e);
    bool agreed = (e == HPE_PAUSED) == complete && (!complete || llhttp_get_error_pos(&p->ll) == in->ptr + end);
    if (!agreed && p->ll.method == HTTP_PRI) return refuse(p, E_VERSION, "This server speaks HTTP/1.1 and HTTP/1.0.");
    if (!agreed) return refuse(p, E_BAD_REQUEST, "The head of the request is malformed.");
    *in = str_skip(*in, end);
    if (complete) return finish_head(p);
    if (!over) return PARSE_MORE;
    if (!p->lines) return refuse(p, E_URI_TOO_LONG, "The request line is too long.");
    return refuse(p, E_HEADERS_TOO_LARGE, "The head of the request is longer than 16 KB.");
}

enum parse_event parser_next(struct parser *p, struct str *in, struct str *piece) {
    switch (p->phase) {
    case PHASE_HEAD:
        return next_of_head(p, in);
    case PHASE_LENGTH:
        if (!in->len) return PARSE_MORE;
        *piece = str_head(*in, p->left < in->len ? (size_t)p->left : in->len);
        *in = str_skip(*in, piece->len);
        p->left -= piece->len;
        if (!p->left) p->phase = PHASE_END;
        return PARSE_BODY;
    case PHASE_CHUNKS:
        if (!chunks_next(&p->chunks, in, piece, &p->bad, &p->why)) {
            p->phase = PHASE_BAD;
            return PARSE_BAD;
        }
        if (p->chunks.state == CHUNK_OVER) p->phase = PHASE_END;
        if (piece->len) return PARSE_BODY;
        return p->phase == PHASE_END ? PARSE_END : PARSE_MORE;
    case PHASE_END:
        return PARSE_END;
    case PHASE_BAD:
        break;
    }
    return PARSE_BAD;
}
