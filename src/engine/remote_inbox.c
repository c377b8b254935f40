/* What a provider answers, as it comes: JSON whose long strings become files at once, or a body that is a file itself. */
#include "engine/remote_int.h"

#include <stdlib.h>

enum { GUESS_BYTES = 4096 };

static struct str header(const struct errand *e, const char *name) {
    for (size_t i = 0; i < e->header_count; i++)
        if (str_ieq(e->headers[i].name, str_of(name))) return e->headers[i].value;
    return (struct str){};
}

static bool is_media(struct str type) {
    return str_starts(type, STR("image/")) || str_starts(type, STR("video/")) || str_starts(type, STR("audio/")) || str_starts(type, STR("application/octet-stream"));
}

void inbox_open(struct errand *e) {
    inbox_close(e);
    struct str type = header(e, "content-type");
    e->inbox.whole = is_media(type);
    e->inbox.text = str_starts(type, STR("text/"));
}

void inbox_close(struct errand *e) {
    struct inbox *in = &e->inbox;
    spool_free(in->spool);
    for (size_t i = 0; in->strings && i < LIMIT_OUTPUTS; i++) {
        drive_file_drop(&in->strings[i].file);
        buf_done(&in->strings[i].bytes);
    }
    free(in->strings);
    buf_done(&in->head);
    *in = (struct inbox){};
}

/* --- long strings: decoded by their looks, into files that nothing names yet --- */

static err begin_string(struct errand *e, uint32_t id, struct str piece, struct why *why) {
    struct spooled *s = &e->inbox.strings[id - 1];
    struct id name = errand_id(e, LIMIT_OUTPUTS + id - 1);
    TRY(drive_file_begin(e->r->o.drive, name.hex + ID_LEN - 20, why, &s->file));
    s->begun = true;
    decoder_begin(&s->decoder, e->inbox.whole ? DECODE_RAW : decode_guess(str_head(piece, GUESS_BYTES)));
    return OK;
}

static err take(void *self, uint32_t id, struct str piece, struct why *why) {
    struct errand *e = self;
    if (id > LIMIT_OUTPUTS) return why_set(why, E_LIMIT, "The provider's answer holds more than %d files.", LIMIT_OUTPUTS);
    if (!e->inbox.strings) {
        e->inbox.strings = calloc(LIMIT_OUTPUTS, sizeof *e->inbox.strings); /* not of the arena, which is the loop's while this thread works */
        must(e->inbox.strings);
    }
    struct spooled *s = &e->inbox.strings[id - 1];
    if (!s->begun) TRY(begin_string(e, id, piece, why));
    if (s->broken) return OK;
    if (s->decoder.as == DECODE_RAW) return drive_file_write(&s->file, piece, why);
    buf_clear(&s->bytes);
    s->broken = decoder_feed(&s->decoder, piece, &s->bytes, NULL) != OK; /* told when somebody wants it */
    return drive_file_write(&s->file, buf_view(&s->bytes), why);
}

static err end(void *self, uint32_t id, uint32_t bytes, struct why *why) {
    struct errand *e = self;
    if (id > LIMIT_OUTPUTS || !e->inbox.strings) return OK; /* nothing came of it */
    struct spooled *s = &e->inbox.strings[id - 1];
    s->done = true;
    buf_clear(&s->bytes);
    if (!s->broken) s->broken = decoder_end(&s->decoder, &s->bytes, NULL) != OK;
    err r = s->bytes.len ? drive_file_write(&s->file, buf_view(&s->bytes), why) : OK;
    buf_done(&s->bytes);
    return r;
}

void inbox_write(struct errand *e, struct str piece) {
    struct inbox *in = &e->inbox;
    if (!in->spool) {
        struct spool_options o = {.sink = {.self = e, .take = take, .end = end}, .repair = true, .whole = in->whole};
        in->spool = spool_new(&o);
    }
    e->pump.code = spool_feed(in->spool, piece, &e->pump.why);
}

/* --- the whole --- */

struct spooled *inbox_string(struct errand *e, struct str id) {
    int64_t n;
    if (!e->inbox.strings || !str_to_i64(id, &n) || n < 1 || n > LIMIT_OUTPUTS) return NULL;
    struct spooled *s = &e->inbox.strings[n - 1];
    return s->done ? s : NULL;
}

err inbox_read(struct errand *e, struct json **out_body, struct str *out_text) {
    struct inbox *in = &e->inbox;
    struct str text = {};
    *out_body = NULL;
    if (e->pump.code) return why_set(&e->why, e->pump.code, "%s", why_text(&e->pump.why));
    inbox_write(e, buf_view(&e->pump.come)); /* what was too short for a thread of its own */
    if (e->pump.code || spool_end(in->spool, &e->pump.why, &text)) {
        if (in->whole || e->pump.code == E_STORAGE_FULL || e->pump.code == E_IO) return why_set(&e->why, e->pump.code ? e->pump.code : E_UPSTREAM, "%s", why_text(&e->pump.why));
        text = (struct str){};
    }
    *out_text = text.len ? text : str_head(buf_view(&e->pump.come), 4096);
    if (in->whole || !text.len) return OK;
    if (json_parse_how(text, JSON_REPAIR | JSON_SPOOLS, &e->arena, NULL, NULL, out_body)) *out_body = NULL;
    return OK;
}
