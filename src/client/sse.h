/* Reads a text/event-stream piece by piece. */
#pragma once
#include "base/buf.h"
#include "client/client.h"

enum { SSE_EVENT_BYTES = 1 << 20 }; /* one event beyond this ends the stream */

/* `{}` is a fresh one. */
struct sse {
    struct buf line, data, type, id;
    bool after_cr, has_data, ended;
};
void sse_done(struct sse *s);
/* Feeds bytes; calls on_event for each complete event. False when the stream is to end: on_event said so, or an event is too large. */
bool sse_feed(struct sse *s, struct str bytes, client_on_event *on_event, void *arg);
