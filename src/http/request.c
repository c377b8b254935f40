/* What handlers ask of a request, and the spare structs that requests are made of. */
#include "http/conn.h"

#include <stdlib.h>
#include <unistd.h>

struct http_req *request_take(struct http_server *s) {
    struct http_req *r = s->spare;
    if (r) {
        s->spare = r->next_free;
        s->spare_count--;
    } else {
        r = calloc(1, sizeof *r);
        must(r);
    }
    r->next_free = NULL;
    r->file = -1;
    return r;
}

static void request_free(struct http_req *r) {
    head_done(&r->head);
    arena_done(&r->arena);
    buf_done(&r->extra);
    buf_done(&r->body);
    free(r);
}

static void trim(struct buf *b) {
    if (b->cap > KEEP_TEXT_BYTES) buf_done(b);
    else buf_clear(b);
}

/* Memory is kept for the next request unless this one needed much of it. The table of fields need not be wiped. */
void request_give(struct http_server *s, struct http_req *r) {
    if (r->file >= 0) close(r->file);
    if (s->spare_count >= KEEP_REQUESTS || s->destroyed) {
        request_free(r);
        return;
    }
    trim(&r->head.text);
    trim(&r->extra);
    trim(&r->body);
    arena_reset(&r->arena);
    r->conn = NULL;
    r->user = NULL;
    r->code = NULL;
    r->owner = OWNER_SERVER;
    r->gone = NULL;
    r->over = NULL;
    r->handed_over = false;
    r->sink_kind = SINK_NONE;
    r->fail = OK;
    r->status = 0;
    r->sent = r->received = 0;
    r->file = -1;
    r->file_left = 0;
    r->next_free = s->spare;
    s->spare = r;
    s->spare_count++;
}

void requests_free(struct http_server *s) {
    for (struct http_req *r = s->spare, *next; r; r = next) {
        next = r->next_free;
        request_free(r);
    }
    s->spare = NULL;
    s->spare_count = 0;
}

struct arena *http_arena(struct http_req *r) { return &r->arena; }
struct str http_method(const struct http_req *r) { return r->head.method; }
struct str http_path(const struct http_req *r) { return r->head.path; }
struct str http_query(const struct http_req *r) { return r->head.query; }
int64_t http_content_length(const struct http_req *r) { return r->head.content_length; }
struct str http_request_id(const struct http_req *r) { return id_str(&r->id); }
msec http_received_at(const struct http_req *r) { return r->received_at; }
void http_set_user(struct http_req *r, void *user) { r->user = user; }
void *http_user(const struct http_req *r) { return r->user; }
void http_set_code(struct http_req *r, const char *code) { r->code = code; }
const char *http_code(const struct http_req *r) { return r->code; }

void http_on_gone(struct http_req *r, void (*fn)(void *arg, struct http_req *r), void *arg) {
    r->gone = fn;
    r->gone_arg = arg;
}

void http_on_sent(struct http_req *r, void (*fn)(void *arg, bool whole), void *arg) {
    r->over = fn;
    r->over_arg = arg;
}

/* Index of the next field of that name from `i` on; -1: none. */
static int find_header(const struct head *h, struct str name, int i) {
    for (; i < h->fields; i++)
        if (h->field[i].name_len == name.len && str_ieq(head_name(h, i), name)) return i;
    return -1;
}

bool http_has_header(const struct http_req *r, const char *name) { return find_header(&r->head, str_of(name), 0) >= 0; }

struct str http_header(const struct http_req *r, const char *name) {
    struct str n = str_of(name);
    int i = find_header(&r->head, n, 0);
    if (i < 0) return (struct str){};
    struct str value = head_value(&r->head, i);
    /* Joining allocates from the request's own arena; the request itself does not change. */
    struct arena *a = &((struct http_req *)r)->arena;
    while ((i = find_header(&r->head, n, i + 1)) >= 0)
        value = arena_printf(a, "%.*s, %.*s", STR_ARG(value), STR_ARG(head_value(&r->head, i)));
    return value;
}

/* From the right, each proxy vouches for the address before it; the first that is no proxy is the client. */
struct str http_remote(const struct http_req *r) {
    struct arena *a = &((struct http_req *)r)->arena;
    struct addr client = r->conn->peer;
    if (server_trusts(r->conn->server, &client)) {
        struct str chain = http_header(r, "x-forwarded-for");
        while (chain.len && server_trusts(r->conn->server, &client)) {
            size_t at = chain.len;
            while (at && chain.ptr[at - 1] != ',') at--;
            struct addr before;
            if (!addr_parse(str_skip(chain, at), &before)) break;
            client = before;
            chain = str_head(chain, at ? at - 1 : 0);
        }
    }
    return addr_text(a, &client);
}
