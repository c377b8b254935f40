#include "base/log.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

#include <stdio.h>

void log_event(struct logger *l, enum log_level level, const char *ev, const char *members, ...) {
    static const char *const names[] = {"debug", "info", "warn", "error"};
    if (!l || level < l->least) return;
    _cleanup_(buf_done) struct buf b = {};
    buf_z(&b, "{\"ts\":\"");
    time_write_iso(&b, l->now(l->now_arg));
    buf_printf(&b, "\",\"level\":\"%s\",\"ev\":\"%s\"", names[level], ev);
    if (members && *members) {
        buf_c(&b, ',');
        va_list args;
        va_start(args, members);
        buf_vprintf(&b, members, args);
        va_end(args);
    }
    buf_z(&b, "}\n");
    if (write(l->fd, b.ptr, b.len) != (ssize_t)b.len) __atomic_fetch_add(&l->dropped, 1, __ATOMIC_RELAXED);
}

const char *log_quote(const char *text, char *out, uint32_t out_size) {
    must(out_size >= 3);
    struct str left = str_of(text);
    uint32_t n = 0;
    out[n++] = '"';
    while (left.len && n + 8 < out_size) { /* the longest step is 6 bytes, then the quote and the NUL */
        unsigned char c = (unsigned char)left.ptr[0];
        size_t step = utf8_length((const unsigned char *)left.ptr, left.len);
        if (!step) {
            memcpy(out + n, "\\ufffd", 6);
            n += 6;
            step = 1;
        } else if (c < 0x20 || c == 0x7f) {
            n += (uint32_t)snprintf(out + n, 7, "\\u%04x", c);
        } else {
            if (c == '"' || c == '\\') out[n++] = '\\';
            memcpy(out + n, left.ptr, step);
            n += (uint32_t)step;
        }
        left = str_skip(left, step);
    }
    out[n++] = '"';
    out[n] = 0;
    return out;
}
