/* Any bytes in any pieces: no crash, bounded memory, and the same events whether they come whole or one by one. */
#include "client/sse.h"

#include <stdlib.h>

static bool collect(void *arg, const struct client_event *e) {
    struct buf *b = arg;
    buf_c(b, '[');
    buf_str(b, e->id);
    buf_c(b, 0);
    buf_str(b, e->type);
    buf_c(b, 0);
    buf_str(b, e->data);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sse whole = {0}, pieces = {0};
    struct buf a = {0}, b = {0};
    bool on = sse_feed(&whole, str_n(data, size), collect, &a), still = true;
    for (size_t i = 0; i < size && still; i++) still = sse_feed(&pieces, str_n(data + i, 1), collect, &b);
    if (on != still || !str_eq(buf_view(&a), buf_view(&b))) abort();
    sse_done(&whole);
    sse_done(&pieces);
    buf_done(&a);
    buf_done(&b);
    return 0;
}
