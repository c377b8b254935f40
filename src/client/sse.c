/* The event stream format of the HTML standard: fields `id`, `event`, `data`; an empty line ends an event; lines that begin
 * with a colon are heartbeats. Lines end with LF, CR or CRLF. */
#include "client/sse.h"

void sse_done(struct sse *s) {
    buf_done(&s->line);
    buf_done(&s->data);
    buf_done(&s->type);
    buf_done(&s->id);
}

static bool dispatch(struct sse *s, client_on_event *on_event, void *arg) {
    bool go_on = true;
    if (s->has_data) {
        struct client_event e = {.id = buf_view(&s->id), .type = s->type.len ? buf_view(&s->type) : STR("message"), .data = buf_view(&s->data)};
        go_on = on_event(arg, &e);
    }
    buf_clear(&s->data);
    buf_clear(&s->type); /* the id stays: it is the place in the stream */
    s->has_data = false;
    return go_on;
}

static void field(struct sse *s, struct str name, struct str value) {
    if (str_is(name, "data")) {
        if (s->has_data) buf_c(&s->data, '\n');
        buf_str(&s->data, value);
        s->has_data = true;
    } else if (str_is(name, "event")) {
        buf_clear(&s->type);
        buf_str(&s->type, value);
    } else if (str_is(name, "id") && (!value.len || !memchr(value.ptr, 0, value.len))) {
        buf_clear(&s->id);
        buf_str(&s->id, value);
    }
}

static bool end_line(struct sse *s, client_on_event *on_event, void *arg) {
    struct str line = buf_view(&s->line), name, value;
    if (!line.len) return dispatch(s, on_event, arg);
    if (line.ptr[0] != ':') {
        str_cut(line, ':', &name, &value);
        if (str_starts(value, STR(" "))) value = str_skip(value, 1);
        field(s, name, value);
    }
    buf_clear(&s->line);
    return s->data.len <= SSE_EVENT_BYTES;
}

bool sse_feed(struct sse *s, struct str bytes, client_on_event *on_event, void *arg) {
    for (size_t i = 0; i < bytes.len && !s->ended; i++) {
        char c = bytes.ptr[i];
        bool second_half = s->after_cr && c == '\n';
        s->after_cr = c == '\r';
        if (second_half) continue;
        if (c == '\n' || c == '\r') s->ended = !end_line(s, on_event, arg);
        else if (s->line.len < SSE_EVENT_BYTES) buf_c(&s->line, c);
        else s->ended = true;
    }
    return !s->ended;
}
