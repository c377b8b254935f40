/* The one reader and writer of JSON.
 *
 * Reading is strict: UTF-8 only, no duplicate keys, no lone surrogates, no NUL in strings (they go into paths and databases),
 * depth and node bounds from limits.h, nothing after the value. Numbers keep their text, because money depends on exact numbers. Nodes and decoded strings live in the arena; number
 * text and unescaped strings are views of the input, which must live as long as the tree. Other people's answers are read with repairs. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* JSON_SPOOLED: a string whose bytes lie elsewhere; only where the reader was told to know it, see base/spool.h. */
enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT, JSON_SPOOLED };

struct json {
    enum json_type type;
    bool boolean;
    struct str key;     /* when a member of an object */
    struct str text;    /* decoded string, or the number as written; of a spooled string its first bytes */
    struct json *child; /* first element or member */
    struct json *next;  /* sibling */
    uint32_t count;     /* elements or members; bytes of a spooled string */
    uint32_t spool;     /* its number */
};

/* A number that is larger than 10^this, or closer to zero than 10^-this, is refused, so that every number has an exact normal form
 * and nobody's arithmetic on exponents overflows. */
enum { JSON_EXPONENT_MAX = 999999999 };

/* E_BAD_JSON with a sentence that names the byte offset (from 0) and what was wrong; E_LIMIT past depth, nodes or exponent. */
[[nodiscard]] err json_parse(struct str text, struct arena *a, struct why *why, struct json **out);

/* JSON_REPAIR: a wrong piece of text never loses what somebody rendered. Of equal keys the last wins, in the place of the first; lone
 * surrogates, NUL and bytes that are not UTF-8 become U+FFFD; a byte order mark is skipped. Each is counted in *repairs (may be NULL).
 * JSON_SPOOLS: {"$spool":...} as base/spool.h and json_write write it is a JSON_SPOOLED node. Only for text from these two. */
enum { JSON_REPAIR = 1, JSON_SPOOLS = 2 };
[[nodiscard]] err json_parse_how(struct str text, unsigned how, struct arena *a, struct why *why, uint32_t *repairs, struct json **out);

/* NULL-safe look-ups: a missing member, or a node of another type, is NULL or false. */
const struct json *json_get(const struct json *object, const char *key);
const struct json *json_get_str(const struct json *object, struct str key);
const struct json *json_at(const struct json *array, uint32_t index);
bool json_is(const struct json *j, enum json_type type);
bool json_as_str(const struct json *j, struct str *out);
/* Whole numbers only; 5, 5.0 and 5e0 are whole. */
bool json_as_i64(const struct json *j, int64_t *out);
bool json_as_bool(const struct json *j, bool *out);
bool json_has_spool(const struct json *j); /* at any depth */
bool json_as_spool(const struct json *j, uint32_t *id, uint32_t *bytes, struct str *head);

/* A path such as  outputs[0].asset.url  ; NULL when it leads nowhere. One leading '.' is allowed, '.' alone is the root. Names
 * hold letters, digits, bytes past ASCII and _-$@:/+ . E_INVALID when the path itself cannot be read. */
[[nodiscard]] err json_path(const struct json *root, struct str path, struct why *why, const struct json **out);

/* Writes any tree: json_write keeps member order; json_write_canonical sorts members by bytes of their keys and writes numbers
 * in one normal form, so that equal documents have equal bytes (for hashes). */
void json_write(struct buf *b, const struct json *j);
/* A spooled string. The text "$spool" of anybody else is written with an escape, so that reading with JSON_SPOOLS tells them apart. */
void json_write_spool(struct buf *b, uint32_t id, uint32_t bytes, struct str head);
void json_write_canonical(struct buf *b, const struct json *j);
/* The normal form of a number's text: 5, 5.0, 5e0 and 0.5e1 are "5", every zero is "0". Exact, whatever the length. */
void json_number_write(struct buf *b, struct str number);
bool json_number_in_bounds(struct str number); /* by JSON_EXPONENT_MAX; the reader asks this */

/* The writer: commas and quoting are its business. Use jw_raw for text that is JSON already.
 *   struct jw w = {.out = &b};  jw_open(&w, '{');  jw_key(&w, "id");  jw_str(&w, id);  jw_close(&w, '}');            */
struct jw {
    struct buf *out;
    bool comma; /* the next value needs one */
};
void jw_open(struct jw *w, char bracket);  /* '{' or '[' */
void jw_close(struct jw *w, char bracket); /* '}' or ']' */
void jw_key(struct jw *w, const char *key);
void jw_key_str(struct jw *w, struct str key);
void jw_str(struct jw *w, struct str s);   /* invalid UTF-8 and NUL become U+FFFD */
void jw_z(struct jw *w, const char *z);
void jw_i64(struct jw *w, int64_t v);
void jw_bool(struct jw *w, bool v);
void jw_null(struct jw *w);
void jw_raw(struct jw *w, struct str json);
/* Key and value at once. An empty str writes "" ; jw_kopt leaves the member out when the string is empty. */
void jw_kstr(struct jw *w, const char *key, struct str s);
void jw_kz(struct jw *w, const char *key, const char *z);
void jw_kopt(struct jw *w, const char *key, struct str s);
void jw_ki64(struct jw *w, const char *key, int64_t v);
void jw_kbool(struct jw *w, const char *key, bool v);
void jw_kraw(struct jw *w, const char *key, struct str json); /* null when empty */
