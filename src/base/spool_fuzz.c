/* The filter of long strings against the reader alone: whatever the pieces, what the reader makes of a body is what it makes of the filtered
 * text when the long strings are put back. With it: reading with repairs agrees with strict reading where there is nothing to repair,
 * and base64 with OpenSSL. */
#include "base/decode.h"
#include "base/json.h"
#include "base/spool.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum { STRINGS = 64 };

struct target {
    struct buf strings[STRINGS];
    uint32_t count;
};

static err take(void *self, uint32_t id, struct str piece, struct why *why) {
    struct target *t = self;
    must(id == t->count + 1 && id <= STRINGS && piece.len);
    buf_str(&t->strings[id - 1], piece);
    return OK;
}

static err end(void *self, uint32_t id, uint32_t bytes, struct why *why) {
    struct target *t = self;
    must(id == ++t->count && t->strings[id - 1].len == bytes);
    return OK;
}

static void put_back(struct json *j, const struct target *t) {
    if (j->type == JSON_SPOOLED) {
        must(j->spool >= 1 && j->spool <= t->count);
        j->type = JSON_STRING;
        j->text = buf_view(&t->strings[j->spool - 1]);
    }
    for (struct json *c = j->child; c; c = c->next) put_back(c, t);
}

static void agree(struct str body, unsigned how, size_t step, uint32_t keep) {
    struct arena a = {};
    struct json *plain = NULL, *filtered = NULL;
    struct target t = {};
    struct why why = {};
    struct str text = {};
    struct buf x = {}, y = {};
    struct spool *s = spool_new(&(struct spool_options){.sink = {&t, take, end}, .keep = keep, .strings = STRINGS, .repair = how & JSON_REPAIR});
    err e = json_parse_how(body, how, &a, &why, NULL, &plain), f = OK;
    for (struct str rest = body; rest.len && !f; rest = str_skip(rest, step)) f = spool_feed(s, str_head(rest, step), &why);
    if (!f) f = spool_end(s, &why, &text);
    if (!f) f = json_parse_how(text, how | JSON_SPOOLS, &a, &why, NULL, &filtered);
    if (!e && f != E_LIMIT) { /* the filter bounds the count of strings, the reader does not */
        must(!f);
        put_back(filtered, &t);
        json_write(&x, plain);
        json_write(&y, filtered);
        must(str_eq(buf_view(&x), buf_view(&y)));
    }
    must(f == OK || f == E_BAD_JSON || f == E_LIMIT);
    for (int i = 0; i < STRINGS; i++) buf_done(&t.strings[i]);
    buf_done(&x);
    buf_done(&y);
    spool_free(s);
    arena_done(&a);
}

/* What strict reading takes needs no repair and reads the same; what was repaired reads strictly. */
static void repairs_are_sound(struct str body) {
    struct arena a = {};
    struct json *strict = NULL, *repaired = NULL, *again = NULL;
    struct buf x = {}, y = {};
    uint32_t count = 0;
    bool sound = json_parse(body, &a, NULL, &strict) == OK;
    bool read = json_parse_how(body, JSON_REPAIR, &a, NULL, &count, &repaired) == OK;
    must(!sound || (read && !count));
    if (read) {
        json_write(&x, repaired);
        must(json_parse(buf_view(&x), &a, NULL, &again) == OK);
        if (sound) json_write(&y, strict);
        must(!sound || str_eq(buf_view(&x), buf_view(&y)));
        must(sound || count);
    }
    buf_done(&x);
    buf_done(&y);
    arena_done(&a);
}

static void decodes_alike(struct str text, size_t step) {
    for (enum decode_as as = DECODE_RAW; as <= DECODE_DATA_URI; as++) {
        struct decoder once, pieces;
        struct buf x = {}, y = {};
        decoder_begin(&once, as);
        decoder_begin(&pieces, as);
        err e = decoder_feed(&once, text, &x, NULL), f = OK;
        if (!e) e = decoder_end(&once, &x, NULL);
        for (struct str rest = text; rest.len && !f; rest = str_skip(rest, step)) f = decoder_feed(&pieces, str_head(rest, step), &y, NULL);
        if (!f) f = decoder_end(&pieces, &y, NULL);
        must(e == f && (e || str_eq(buf_view(&x), buf_view(&y))));
        buf_done(&x);
        buf_done(&y);
    }
    unsigned char *bytes = malloc(text.len + 4), *coded = malloc(text.len * 2 + 8);
    struct decoder d;
    struct buf back = {};
    must(bytes && coded);
    int n = EVP_EncodeBlock(coded, (const unsigned char *)text.ptr, (int)text.len);
    decoder_begin(&d, DECODE_BASE64);
    must(decoder_feed(&d, str_n(coded, (size_t)n), &back, NULL) == OK && decoder_end(&d, &back, NULL) == OK && str_eq(buf_view(&back), text));
    bool url = memchr(text.ptr, '-', text.len) != NULL; /* the end of the data for OpenSSL, a digit of base64url for us */
    n = url ? 0 : EVP_DecodeBlock(bytes, (const unsigned char *)text.ptr, (int)text.len);
    if (n > 0) { /* what OpenSSL takes, so do we; it writes the padding as bytes */
        buf_clear(&back);
        decoder_begin(&d, DECODE_BASE64);
        if (decoder_feed(&d, text, &back, NULL) == OK && decoder_end(&d, &back, NULL) == OK)
            must(back.len <= (size_t)n && (!back.len || !memcmp(back.ptr, bytes, back.len)));
    }
    buf_done(&back);
    free(bytes);
    free(coded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3) return 0;
    struct str body = str_n(data + 2, size - 2);
    size_t step = data[0] % 32 + 1;
    uint32_t keep = data[1] % 16 + 1;
    agree(body, 0, step, keep);
    agree(body, JSON_REPAIR, step, keep);
    repairs_are_sound(body);
    decodes_alike(body, step);
    return 0;
}
