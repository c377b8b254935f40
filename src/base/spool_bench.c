/* Bytes a second through the filter and the decoder, 2 MB of base64 in pieces of 64 KB. Prints, never fails. */
#include "base/decode.h"
#include "base/json.h"
#include "base/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BODY = 2 * 1024 * 1024, PIECE = 64 * 1024, ROUNDS = 200 };

struct target {
    struct decoder d;
    struct buf out;
    bool decodes;
    uint64_t bytes;
};

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static err take(void *self, uint32_t id, struct str piece, struct why *why) {
    struct target *t = self;
    t->bytes += piece.len;
    if (!t->decodes) return OK;
    buf_clear(&t->out);
    return decoder_feed(&t->d, piece, &t->out, why);
}

static err end(void *self, uint32_t id, uint32_t bytes, struct why *why) {
    struct target *t = self;
    return t->decodes ? decoder_end(&t->d, &t->out, why) : OK;
}

static void bench(const char *name, struct str body, bool decodes, bool repair) {
    struct target t = {.decodes = decodes};
    double start = now_s();
    for (int i = 0; i < ROUNDS; i++) {
        struct str text;
        struct why why = {0};
        struct spool *s = spool_new(&(struct spool_options){.sink = {&t, take, end}, .repair = repair});
        decoder_begin(&t.d, DECODE_BASE64);
        for (struct str rest = body; rest.len; rest = str_skip(rest, PIECE)) must(spool_feed(s, str_head(rest, PIECE), &why) == OK);
        must(spool_end(s, &why, &text) == OK && text.len < 256);
        spool_free(s);
    }
    printf("spool %-30s %6.0f MB/s\n", name, (double)body.len * ROUNDS / (now_s() - start) / 1e6);
    buf_done(&t.out);
}

int main(void) {
    struct buf plain = {}, slashed = {};
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t x = 1;
    buf_z(&plain, "{\"data\":[{\"b64_json\":\"");
    buf_z(&slashed, "{\"data\":[{\"b64_json\":\"");
    for (int i = 0; i < BODY; i++) {
        x = x * 1664525 + 1013904223;
        char c = digits[x >> 26];
        buf_c(&plain, c);
        if (c == '/') buf_c(&slashed, '\\');
        buf_c(&slashed, c);
    }
    buf_z(&plain, "\"}]}");
    buf_z(&slashed, "\"}]}");
    bench("answers, scanned", buf_view(&plain), false, true);
    bench("requests, scanned", buf_view(&plain), false, false);
    bench("answers, scanned and decoded", buf_view(&plain), true, true);
    bench("with \\/, scanned", buf_view(&slashed), false, true);
    bench("with \\/, scanned and decoded", buf_view(&slashed), true, true);
    buf_done(&plain);
    buf_done(&slashed);
    return 0;
}
