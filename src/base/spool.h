/* A filter before the JSON reader: a body comes in pieces of any size, and strings over 64 KB leave it for a sink, unescaped, piece by piece, so
 * that megabytes of base64 never lie in memory. In the text that is left stands {"$spool": id, "bytes": n, "head": first 64 bytes} in their
 * place; json_parse_how with JSON_SPOOLS reads that as a node of its own kind, and nobody else's text can make one. Keys stay.
 *
 *   struct spool *s = spool_new(&(struct spool_options){.sink = sink, .repair = true});
 *   spool_feed(s, piece, why) ...;  spool_end(s, why, &text);  json_parse_how(text, JSON_SPOOLS | JSON_REPAIR, ...);  spool_free(s);
 *
 * Only strings are looked at; whether the rest is JSON the reader says. No files here: where the bytes go is the sink's business, and so
 * is how many it takes. One thread at a time. */
#pragma once
#include "base/err.h"
#include "base/str.h"

enum { SPOOL_HEAD_BYTES = 64 };

/* Strings come one after the other: any number of take, then end. Ids count from 1 within a body. An error stops the filter for good, and
 * spool_feed returns it. When a feed or the end fails, a string that was begun stays without its end. */
struct spool_sink {
    void *self;
    err (*take)(void *self, uint32_t id, struct str piece, struct why *why);
    err (*end)(void *self, uint32_t id, uint32_t bytes, struct why *why);
};

struct spool_options {
    struct spool_sink sink;
    bool repair;      /* lone surrogates and NUL become U+FFFD and are counted, else E_BAD_JSON. Bytes that are not UTF-8 reach the sink as they are */
    bool whole;       /* the body is no JSON: all of it goes to the sink as string 1, and the text is that one node */
    uint32_t keep;    /* longest string that stays, in bytes as written; 0: 64 KB */
    uint32_t strings; /* most strings that are handed out; 0: LIMIT_SPOOLED_STRINGS */
    size_t text;      /* longest text that is left; 0: LIMIT_JSON_BODY_BYTES */
};

struct spool;
struct spool *spool_new(const struct spool_options *o);
void spool_free(struct spool *s); /* NULL is fine */
void spool_freep(struct spool **s);
/* E_LIMIT past a bound, E_BAD_JSON, or what the sink said. */
[[nodiscard]] err spool_feed(struct spool *s, struct str piece, struct why *why);
/* The text that is left, valid until spool_free. E_BAD_JSON when it ends inside a long string. */
[[nodiscard]] err spool_end(struct spool *s, struct why *why, struct str *out);
uint32_t spool_repairs(const struct spool *s);
uint32_t spool_strings(const struct spool *s); /* handed to the sink so far */
