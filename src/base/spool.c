/* See spool.h. Fed with foreign bytes by whoever reads a body: answers of providers, requests of callers.
 *
 * Always: what is kept is at most the bound on the text and one string of the kept length; every byte is looked at a fixed number of times,
 * however it is cut into pieces. */
#include "base/spool.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"

#include <stdlib.h>

enum place { OUTSIDE, SHORT, LONG };
enum { GATHER_BYTES = 16 * 1024, GATHER_BELOW = 4096 };

struct spool {
    struct spool_options o;
    enum place place;
    struct buf text;
    size_t from;      /* SHORT: where in the text the string begins, behind its quote */
    bool slash;       /* SHORT: the last byte was a backslash that counts */
    uint64_t objects; /* one bit a level of nesting: an object, not a list */
    int depth;
    bool key_next;
    bool key; /* of the string at hand */
    /* LONG */
    uint32_t id, repairs;
    uint64_t bytes;
    int escape; /* 0: none; 1: behind a backslash; 2 to 5: hex digits of \u that are still to come, and one */
    uint32_t point, high;
    char head[SPOOL_HEAD_BYTES];
    size_t head_len, gathered;
    char gather[GATHER_BYTES]; /* small pieces for the sink */
    err failed;
};

struct spool *spool_new(const struct spool_options *o) {
    struct spool *s = malloc(sizeof *s);
    must(s);
    memset(s, 0, offsetof(struct spool, gather));
    s->failed = OK;
    s->o = *o;
    if (!s->o.keep) s->o.keep = LIMIT_STRING_SPOOL_BYTES;
    if (!s->o.strings) s->o.strings = LIMIT_SPOOLED_STRINGS;
    if (!s->o.text) s->o.text = LIMIT_JSON_BODY_BYTES;
    return s;
}

void spool_free(struct spool *s) {
    if (!s) return;
    buf_done(&s->text);
    free(s);
}

void spool_freep(struct spool **s) { spool_free(*s); }
uint32_t spool_repairs(const struct spool *s) { return s->repairs; }
uint32_t spool_strings(const struct spool *s) { return s->id; }

/* --- to the sink --- */

static err flush(struct spool *s, struct why *why) {
    if (!s->gathered) return OK;
    size_t n = s->gathered;
    s->gathered = 0;
    return s->o.sink.take(s->o.sink.self, s->id, str_n(s->gather, n), why);
}

static err emit(struct spool *s, const char *p, size_t n, struct why *why) {
    if (!n) return OK;
    if (s->head_len < SPOOL_HEAD_BYTES) {
        size_t more = SPOOL_HEAD_BYTES - s->head_len < n ? SPOOL_HEAD_BYTES - s->head_len : n;
        memcpy(s->head + s->head_len, p, more);
        s->head_len += more;
    }
    s->bytes += n;
    if (s->bytes > UINT32_MAX) return why_set(why, E_LIMIT, "A string of the JSON is longer than 4 GB.");
    if (s->gathered + n > GATHER_BYTES || n >= GATHER_BELOW) TRY(flush(s, why));
    if (n >= GATHER_BELOW) return s->o.sink.take(s->o.sink.self, s->id, str_n(p, n), why);
    memcpy(s->gather + s->gathered, p, n);
    s->gathered += n;
    return OK;
}

static err begin_long(struct spool *s, struct why *why) {
    if (s->id == s->o.strings) return why_set(why, E_LIMIT, "The JSON has more than %u long strings.", s->o.strings);
    s->id++;
    s->place = LONG;
    s->bytes = 0;
    s->escape = 0;
    s->high = 0;
    s->head_len = s->gathered = 0;
    return OK;
}

static void write_node(struct spool *s) {
    struct str head = str_n(s->head, s->head_len);
    for (int i = 0; i < 3 && s->bytes > SPOOL_HEAD_BYTES && head.len && !str_is_utf8(head); i++) head.len--; /* not cut inside a character */
    if (!str_is_utf8(head)) head.len = s->head_len;
    json_write_spool(&s->text, s->id, (uint32_t)s->bytes, head);
}

/* --- unescaping --- */

static err wrong(struct why *why, const char *problem) { return why_set(why, E_BAD_JSON, "The JSON is wrong in a long string: %s.", problem); }

static err emit_point(struct spool *s, uint32_t c, struct why *why) {
    char text[4];
    size_t n = 0;
    if (c < 0x80) text[n++] = (char)c;
    else {
        int tail = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
        static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
        text[n++] = (char)(lead[tail] | c >> (6 * tail));
        while (tail--) text[n++] = (char)(0x80 | (c >> (6 * tail) & 0x3F));
    }
    return emit(s, text, n, why);
}

static err repair(struct spool *s, const char *problem, struct why *why) {
    if (!s->o.repair) return wrong(why, problem);
    s->repairs++;
    return emit_point(s, 0xFFFD, why);
}

/* A high surrogate that no low one follows. */
static err settle_high(struct spool *s, struct why *why) {
    if (!s->high) return OK;
    s->high = 0;
    return repair(s, "a high surrogate stands without its low one", why);
}

static err take_point(struct spool *s, struct why *why) {
    uint32_t c = s->point;
    if (c >= 0xDC00 && c <= 0xDFFF) {
        if (!s->high) return repair(s, "a low surrogate stands without its high one", why);
        c = 0x10000 + ((s->high - 0xD800) << 10) + (c - 0xDC00);
        s->high = 0;
        return emit_point(s, c, why);
    }
    TRY(settle_high(s, why));
    if (c >= 0xD800 && c <= 0xDBFF) {
        s->high = c;
        return OK;
    }
    return c ? emit_point(s, c, why) : repair(s, "it holds the character NUL (\\u0000), which is not taken here", why);
}

static err take_hex(struct spool *s, char c, struct why *why) {
    uint32_t d;
    if (c >= '0' && c <= '9') d = (uint32_t)(c - '0');
    else if (c >= 'a' && c <= 'f') d = (uint32_t)(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F') d = (uint32_t)(c - 'A' + 10);
    else return wrong(why, "\\u is not followed by four hex digits");
    s->point = s->point << 4 | d;
    if (--s->escape > 1) return OK;
    s->escape = 0;
    return take_point(s, why);
}

/* The byte behind a backslash, or one of the digits of \u. */
static err take_escape(struct spool *s, char c, struct why *why) {
    static const char letters[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    if (s->escape > 1) return take_hex(s, c, why);
    if (c == 'u') {
        s->escape = 5;
        s->point = 0;
        return OK;
    }
    TRY(settle_high(s, why));
    s->escape = 0;
    for (size_t i = 0; i < sizeof letters - 1; i += 2)
        if (letters[i] == c) return emit(s, &letters[i + 1], 1, why);
    return wrong(why, "a backslash is followed by a byte that makes no escape");
}

static bool has_control(const char *p, size_t n) {
    bool found = false;
    for (size_t i = 0; i < n; i++) found |= (unsigned char)p[i] < 0x20; /* without a branch, so that the compiler takes many bytes at once */
    return found;
}

static err emit_run(struct spool *s, const char *p, size_t n, struct why *why) {
    if (!n) return OK;
    TRY(settle_high(s, why));
    if (!s->o.repair && has_control(p, n)) return wrong(why, "a control byte stands in it without an escape");
    return emit(s, p, n, why);
}

/* What stands in a long string, up to its quote: which is at `quote`, or beyond the piece. */
static err unescape(struct spool *s, const char *at, const char *end, const char **out_quote, struct why *why) {
    const char *quote = NULL;
    while (at < end) {
        if (s->escape) {
            TRY(take_escape(s, *at++, why));
            continue;
        }
        if (!quote || quote < at) { /* searched once for every quote, not for every backslash */
            quote = memchr(at, '"', (size_t)(end - at));
            if (!quote) quote = end;
        }
        const char *slash = memchr(at, '\\', (size_t)(quote - at)), *stop = slash ? slash : quote;
        TRY(emit_run(s, at, (size_t)(stop - at), why));
        if (!slash) {
            *out_quote = quote;
            return OK;
        }
        s->escape = 1;
        at = slash + 1;
    }
    *out_quote = end;
    return OK;
}

static err end_long(struct spool *s, struct why *why) {
    TRY(settle_high(s, why));
    TRY(flush(s, why));
    s->place = OUTSIDE;
    write_node(s);
    return s->o.sink.end(s->o.sink.self, s->id, (uint32_t)s->bytes, why);
}

static err feed_long(struct spool *s, const char **at, const char *end, struct why *why) {
    const char *quote = end;
    TRY(unescape(s, *at, end, &quote, why));
    if (quote == end) return *at = end, OK;
    *at = quote + 1;
    return end_long(s, why);
}

/* --- what stays --- */

static err too_long(struct spool *s, struct why *why) {
    return why_set(why, E_LIMIT, "The JSON is longer than %zu bytes without its long strings.", s->o.text);
}

static void end_short(struct spool *s) {
    struct str content = str_n(s->text.ptr + s->from, s->text.len - s->from);
    s->place = OUTSIDE;
    if (str_is(content, "$spool")) { /* our own sign: written by anybody else it gets an escape */
        s->text.len = s->from;
        buf_z(&s->text, "\\u0024spool");
    }
    buf_c(&s->text, '"');
}

/* The string has become too long to stay: what was kept of it goes to the sink first. */
static err move_out(struct spool *s, struct why *why) {
    const char *quote;
    struct str kept = str_n(s->text.ptr + s->from, s->text.len - s->from);
    TRY(begin_long(s, why));
    TRY(unescape(s, kept.ptr, kept.ptr + kept.len, &quote, why));
    s->text.len = s->from - 1; /* with its quote */
    return OK;
}

static err feed_short(struct spool *s, const char **at, const char *end, struct why *why) {
    const char *p = *at;
    size_t room = s->key ? (size_t)(end - p) : s->o.keep + 1 - (s->text.len - s->from);
    if (room < (size_t)(end - p)) end = p + room;
    for (; p < end; p++) {
        if (s->slash) s->slash = false;
        else if (*p == '\\') s->slash = true;
        else if (*p == '"') break;
    }
    buf_add(&s->text, *at, (size_t)(p - *at));
    *at = p;
    if (p < end) {
        ++*at;
        end_short(s);
        return OK;
    }
    if (s->key || s->text.len - s->from <= s->o.keep) return s->text.len > s->o.text + s->o.keep ? too_long(s, why) : OK;
    return move_out(s, why);
}

static void nest(struct spool *s, bool object) {
    if (++s->depth <= 64) { /* deeper the reader refuses it anyway */
        uint64_t bit = UINT64_C(1) << (s->depth - 1);
        s->objects = object ? s->objects | bit : s->objects & ~bit;
    }
    s->key_next = object;
}

static bool in_object(const struct spool *s) { return s->depth >= 1 && s->depth <= 64 && s->objects >> (s->depth - 1) & 1; }

static void feed_outside(struct spool *s, const char **at, const char *end) {
    const char *p = *at;
    for (; p < end && *p != '"'; p++) switch (*p) {
        case '{': nest(s, true); break;
        case '[': nest(s, false); break;
        case '}': case ']': s->depth -= s->depth > 0; s->key_next = false; break;
        case ',': s->key_next = in_object(s); break;
        case ':': s->key_next = false; break;
        }
    if (p < end) p++;
    buf_add(&s->text, *at, (size_t)(p - *at));
    *at = p;
    if (p == end && p[-1] != '"') return;
    s->place = SHORT;
    s->from = s->text.len;
    s->slash = false;
    s->key = s->key_next;
}

static err feed(struct spool *s, struct str piece, struct why *why) {
    const char *at = piece.ptr, *end = piece.ptr + piece.len;
    while (at < end) {
        if (s->place == OUTSIDE) feed_outside(s, &at, end);
        else if (s->place == SHORT) TRY(feed_short(s, &at, end, why));
        else TRY(feed_long(s, &at, end, why));
        if (s->place == OUTSIDE && s->text.len > s->o.text) return too_long(s, why);
    }
    return OK;
}

static err feed_whole(struct spool *s, struct str piece, struct why *why) {
    if (!s->id) TRY(begin_long(s, why));
    return emit(s, piece.ptr, piece.len, why);
}

err spool_feed(struct spool *s, struct str piece, struct why *why) {
    if (s->failed) return why_set(why, s->failed, "The body was refused before.");
    if (!piece.len) return OK;
    s->failed = s->o.whole ? feed_whole(s, piece, why) : feed(s, piece, why);
    return s->failed;
}

err spool_end(struct spool *s, struct why *why, struct str *out) {
    if (s->failed) return why_set(why, s->failed, "The body was refused before.");
    if (s->o.whole) {
        if (!s->id) s->failed = begin_long(s, why);
        if (!s->failed) s->failed = end_long(s, why);
    } else if (s->place == LONG) s->failed = wrong(why, "the body ends before it does");
    else if (s->text.len > s->o.text) s->failed = too_long(s, why);
    if (!s->failed) *out = buf_view(&s->text);
    return s->failed;
}
