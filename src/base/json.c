/* The reader of JSON: one pass over the text, nodes in the caller's arena. Look-ups are in json_find.c, numbers in
 * json_number.c, writing in json_write.c.
 *
 * Called with foreign bytes by every surface, so each rule is refused with the offset of the byte at fault (counted from 0). */
#include "base/json.h"

#include "base/limits.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CHUNK_NODES = 32,   /* nodes are taken from the arena by the chunk */
    SCAN_MEMBERS = 32,  /* objects up to this size are searched for duplicates key by key, larger ones are sorted */
};

struct parser {
    const char *start, *at, *end;
    struct arena *arena;
    struct why *why;
    struct json *spare; /* zeroed nodes not yet handed out */
    uint32_t spares, nodes, repairs;
    int depth;
    unsigned how;
};

static err read_value(struct parser *p, struct json *v);

static size_t offset(const struct parser *p, const char *at) { return (size_t)(at - p->start); }

/* `problem` completes "The JSON is wrong at byte 7: ..." */
static err wrong(struct parser *p, const char *at, const char *problem) {
    return why_set(p->why, E_BAD_JSON, "The JSON is wrong at byte %zu: %s.", offset(p, at), problem);
}

static err expected(struct parser *p, const char *what) {
    if (p->at == p->end)
        return why_set(p->why, E_BAD_JSON, "The JSON ends at byte %zu, where %s was expected.", offset(p, p->end), what);
    unsigned char c = (unsigned char)*p->at;
    char found[16];
    snprintf(found, sizeof found, c > ' ' && c < 0x7f ? "'%c'" : "byte 0x%02x", c);
    return why_set(p->why, E_BAD_JSON, "The JSON is wrong at byte %zu: %s was expected, but there is %s.", offset(p, p->at), what,
                   found);
}

static inline void skip_blanks(struct parser *p) {
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t')) p->at++;
}

static inline bool next_is(const struct parser *p, char c) { return p->at < p->end && *p->at == c; }

static err take_node(struct parser *p, struct json **out) {
    if (p->nodes == LIMIT_JSON_NODES)
        return why_set(p->why, E_LIMIT, "The JSON has more than %d values; the one too many is at byte %zu.", LIMIT_JSON_NODES,
                       offset(p, p->at));
    if (!p->spares) {
        size_t guess = (size_t)(p->end - p->at) / 8 + 1; /* a short text needs few nodes */
        p->spares = guess < CHUNK_NODES ? (uint32_t)guess : CHUNK_NODES;
        p->spare = arena_array(p->arena, struct json, p->spares);
    }
    p->nodes++;
    p->spares--;
    *out = p->spare++;
    return OK;
}

/* --- strings --- */

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

static inline bool is_plain(unsigned char c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; }

/* The first byte that is not plain: a quote, a backslash, a control byte or the start of a longer UTF-8 sequence. */
static inline const char *skip_plain(const char *at, const char *end) {
    while (end - at >= 8) {
        uint64_t w;
        memcpy(&w, at, 8);
        w = le64toh(w);
        /* the classic tests for "has a zero byte" and "has a byte below"; exact for the lowest byte they mark */
        uint64_t quote = w ^ EACH_BYTE('"'), slash = w ^ EACH_BYTE('\\');
        uint64_t hit = (((w - EACH_BYTE(0x20)) & ~w) | ((quote - EACH_BYTE(1)) & ~quote) | ((slash - EACH_BYTE(1)) & ~slash) | w) &
                       EACH_BYTE(0x80);
        if (hit) return at + __builtin_ctzll(hit) / 8;
        at += 8;
    }
    while (at < end && is_plain((unsigned char)*at)) at++;
    return at;
}

static bool hex4(const char *at, const char *end, uint32_t *out) {
    if (end - at < 4) return false;
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        uint32_t d;
        if (c >= '0' && c <= '9') d = (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f') d = (uint32_t)(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F') d = (uint32_t)(c - 'A' + 10);
        else return false;
        v = v << 4 | d;
    }
    *out = v;
    return true;
}

static char *put_utf8(char *to, uint32_t c) {
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    int tail = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    *to++ = (char)(lead[tail] | c >> (6 * tail));
    while (tail--) *to++ = (char)(0x80 | (c >> (6 * tail) & 0x3F));
    return to;
}

/* U+FFFD and a count where repairs are asked for, else the refusal. */
static err repair_point(struct parser *p, const char *at, const char *problem, uint32_t *out) {
    if (!(p->how & JSON_REPAIR)) return wrong(p, at, problem);
    p->repairs++;
    *out = 0xFFFD;
    return OK;
}

/* `at` is behind "\u"; a pair of surrogates is one character. */
static err read_code_point(struct parser *p, const char **at, const char *end, uint32_t *out) {
    const char *escape = *at - 2;
    uint32_t c, low;
    if (!hex4(*at, end, &c)) return wrong(p, escape, "\\u is not followed by four hex digits");
    *at += 4;
    if (c == 0) return repair_point(p, escape, "a string holds the character NUL (\\u0000), which is not taken here", out);
    if (c >= 0xDC00 && c <= 0xDFFF) return repair_point(p, escape, "a low surrogate stands without its high one", out);
    if (c >= 0xD800 && c <= 0xDBFF) {
        if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u' || !hex4(*at + 2, end, &low) || low < 0xDC00 || low > 0xDFFF)
            return repair_point(p, escape, "a high surrogate stands without its low one", out);
        *at += 6;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    *out = c;
    return OK;
}

/* Decodes [at, end), which is well-formed but for its escapes. The result is never longer than the source. */
static err decode(struct parser *p, const char *at, const char *end, struct str *out) {
    char *text = arena_bytes(p->arena, (size_t)(end - at)), *to = text;
    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        size_t run = (size_t)((slash ? slash : end) - at);
        memcpy(to, at, run);
        to += run;
        if (!slash) break;
        at = slash + 2; /* the scan has seen a byte behind every backslash */
        uint32_t c = 0;
        switch (slash[1]) {
        case '"': case '\\': case '/': *to++ = slash[1]; break;
        case 'b': *to++ = '\b'; break;
        case 'f': *to++ = '\f'; break;
        case 'n': *to++ = '\n'; break;
        case 'r': *to++ = '\r'; break;
        case 't': *to++ = '\t'; break;
        case 'u':
            TRY(read_code_point(p, &at, end, &c));
            to = put_utf8(to, c);
            break;
        default: return wrong(p, slash, "a backslash is followed by a byte that makes no escape");
        }
    }
    *out = str_n(text, (size_t)(to - text));
    return OK;
}

/* The text with U+FFFD for each byte that belongs to no character. */
static struct str repair_bytes(struct parser *p, struct str s) {
    char *text = arena_bytes(p->arena, s.len * 3), *to = text;
    for (size_t i = 0, n; i < s.len; i += n) {
        n = (unsigned char)s.ptr[i] < 0x80 ? 1 : utf8_length((const unsigned char *)s.ptr + i, s.len - i);
        if (n) {
            memcpy(to, s.ptr + i, n);
            to += n;
            continue;
        }
        to = put_utf8(to, 0xFFFD);
        p->repairs++;
        n = 1;
    }
    return str_n(text, (size_t)(to - text));
}

/* [at, end) lies between its quotes. */
static err take_string(struct parser *p, const char *at, const char *end, bool escaped, bool bad, struct str *out) {
    struct str s = str_n(at, (size_t)(end - at));
    if (escaped) TRY(decode(p, at, end, &s));
    *out = bad ? repair_bytes(p, s) : s;
    return OK;
}

static err read_string(struct parser *p, struct str *out) {
    const char *text = p->at + 1, *at = text, *end = p->end;
    bool escaped = false, bad = false;
    for (;;) {
        at = skip_plain(at, end);
        if (at == end) break;
        unsigned char c = (unsigned char)*at;
        if (c == '"') {
            p->at = at + 1;
            return take_string(p, text, at, escaped, bad, out);
        }
        if (c == '\\') {
            escaped = true;
            if (end - at < 2) break;
            if ((unsigned char)at[1] < 0x20 || (unsigned char)at[1] >= 0x7f)
                return wrong(p, at, "a backslash is followed by a byte that makes no escape");
            at += 2;
        } else if (c < 0x20) {
            return wrong(p, at, "a control byte stands in a string without an escape");
        } else {
            for (size_t n; at < end && (unsigned char)*at >= 0x80; at += n) {
                n = utf8_length((const unsigned char *)at, (size_t)(end - at));
                if (n) continue;
                if (!(p->how & JSON_REPAIR)) return wrong(p, at, "the bytes are not UTF-8");
                bad = true;
                n = 1;
            }
        }
    }
    return why_set(p->why, E_BAD_JSON, "The JSON ends at byte %zu, inside the string that begins at byte %zu.", offset(p, end),
                   offset(p, p->at));
}

/* --- numbers and words --- */

static const char *skip_digits(const char *at, const char *end) {
    while (at < end && *at >= '0' && *at <= '9') at++;
    return at;
}

static err read_digits(struct parser *p, const char *what) {
    const char *from = p->at;
    p->at = skip_digits(p->at, p->end);
    return p->at > from ? OK : expected(p, what);
}

static err read_number(struct parser *p, struct json *v) {
    const char *from = p->at;
    if (*p->at == '-') p->at++;
    const char *whole = p->at;
    TRY(read_digits(p, "a digit"));
    if (*whole == '0' && p->at - whole > 1) return wrong(p, whole, "a number may not begin with a needless 0");
    if (next_is(p, '.')) {
        p->at++;
        TRY(read_digits(p, "a digit behind the point"));
    }
    if (next_is(p, 'e') || next_is(p, 'E')) {
        p->at++;
        if (next_is(p, '+') || next_is(p, '-')) p->at++;
        TRY(read_digits(p, "a digit of the exponent"));
        if (!json_number_in_bounds(str_n(from, (size_t)(p->at - from))))
            return why_set(p->why, E_LIMIT, "The number at byte %zu of the JSON has an exponent past %d.", offset(p, from),
                           JSON_EXPONENT_MAX);
    }
    v->type = JSON_NUMBER;
    v->text = str_n(from, (size_t)(p->at - from));
    return OK;
}

static err read_word(struct parser *p, struct str word, struct json *v, enum json_type type) {
    size_t left = (size_t)(p->end - p->at);
    if (left < word.len && !memcmp(p->at, word.ptr, left)) {
        p->at = p->end;
        return expected(p, "the rest of true, false or null");
    }
    if (left < word.len || memcmp(p->at, word.ptr, word.len)) return expected(p, "a value");
    p->at += word.len;
    v->type = type;
    v->boolean = word.ptr[0] == 't';
    return OK;
}

/* --- arrays and objects --- */

static err go_deeper(struct parser *p) {
    if (p->depth == LIMIT_JSON_DEPTH)
        return why_set(p->why, E_LIMIT, "The JSON is nested more than %d levels deep at byte %zu.", LIMIT_JSON_DEPTH, offset(p, p->at));
    p->depth++;
    p->at++;
    return OK;
}

static err read_array(struct parser *p, struct json *v) {
    const char *from = p->at;
    TRY(go_deeper(p));
    v->type = JSON_ARRAY;
    skip_blanks(p);
    struct json **link = &v->child;
    if (!next_is(p, ']')) {
        for (;;) {
            struct json *element = NULL;
            TRY(take_node(p, &element));
            TRY(read_value(p, element));
            *link = element;
            link = &element->next;
            v->count++;
            skip_blanks(p);
            if (!next_is(p, ',')) break;
            const char *comma = p->at++;
            skip_blanks(p);
            if (next_is(p, ']')) return wrong(p, comma, "a comma stands before the end of the array");
        }
        if (p->at == p->end)
            return why_set(p->why, E_BAD_JSON, "The JSON ends at byte %zu, inside the array that begins at byte %zu.",
                           offset(p, p->end), offset(p, from));
        if (!next_is(p, ']')) return expected(p, "',' or ']'");
    }
    p->at++;
    p->depth--;
    return OK;
}

static err duplicate(struct parser *p, const char *object, struct str key) {
    struct str head = str_head(key, 64);
    while (head.len && !str_is_utf8(head)) head.len--; /* not cut inside a character */
    return why_set(p->why, E_BAD_JSON, "The JSON is wrong at byte %zu: the object that begins there has the key \"%.*s\"%s twice.",
                   offset(p, object), STR_ARG(head), head.len < key.len ? "..." : "");
}

/* One bit of 64 for a key: when the bit of a new key is not set yet, no earlier member can have that key. */
static inline uint64_t key_bit(struct str key) {
    uint64_t h = key.len;
    if (key.len) {
        h = h * 31 + (unsigned char)key.ptr[0];
        h = h * 31 + (unsigned char)key.ptr[key.len / 2];
        h = h * 31 + (unsigned char)key.ptr[key.len - 1];
    }
    return UINT64_C(1) << (h * UINT64_C(0x9E3779B97F4A7C15) >> 58);
}

static int by_key(const void *a, const void *b) { return str_cmp(*(const struct str *)a, *(const struct str *)b); }

/* Sorting costs n log n whatever the keys are; a hash table could be driven into its worst case from outside. */
static err check_large_object(struct parser *p, const char *object, const struct json *v) {
    struct str *keys = malloc(v->count * sizeof *keys);
    must(keys);
    uint32_t n = 0;
    for (const struct json *m = v->child; m; m = m->next) keys[n++] = m->key;
    qsort(keys, n, sizeof *keys, by_key);
    err e = OK;
    for (uint32_t i = 1; i < n && !e; i++)
        if (str_eq(keys[i - 1], keys[i])) e = duplicate(p, object, keys[i]);
    free(keys);
    return e;
}

struct ranked {
    struct json *member;
    uint32_t rank;
};

static int by_key_and_rank(const void *a, const void *b) {
    const struct ranked *x = a, *y = b;
    int c = str_cmp(x->member->key, y->member->key);
    return c ? c : (x->rank > y->rank) - (x->rank < y->rank);
}

/* The last of equal keys takes the place of the first; the others go. */
static void merge_duplicates(struct parser *p, struct json *v) {
    struct ranked *all = malloc(v->count * sizeof *all);
    must(all);
    uint32_t n = 0, gone = 0;
    for (struct json *m = v->child; m; m = m->next, n++) all[n] = (struct ranked){m, n};
    qsort(all, n, sizeof *all, by_key_and_rank);
    for (uint32_t i = 0, last; i < n; i = last + 1) {
        for (last = i; last + 1 < n && str_eq(all[last + 1].member->key, all[i].member->key);) last++;
        struct json *first = all[i].member, *next = first->next;
        if (last > i) *first = *all[last].member;
        first->next = next;
        for (uint32_t k = i + 1; k <= last; k++) all[k].member->key.ptr = NULL; /* no key that was read is NULL */
        gone += last - i;
    }
    free(all);
    for (struct json **link = &v->child; *link;) {
        if ((*link)->key.ptr) link = &(*link)->next;
        else *link = (*link)->next;
    }
    v->count -= gone;
    p->repairs += gone;
}

static err read_member(struct parser *p, const char *object, struct json *v, uint64_t *seen, struct json **out) {
    if (!next_is(p, '"')) return expected(p, v->count ? "a key in quotes" : "a key in quotes or '}'");
    struct json *m = NULL;
    TRY(take_node(p, &m));
    TRY(read_string(p, &m->key));
    uint64_t bit = key_bit(m->key);
    if (*seen & bit && v->count < SCAN_MEMBERS && !(p->how & JSON_REPAIR))
        for (const struct json *other = v->child; other; other = other->next)
            if (str_eq(other->key, m->key)) return duplicate(p, object, m->key);
    *seen |= bit;
    skip_blanks(p);
    if (!next_is(p, ':')) return expected(p, "':'");
    p->at++;
    skip_blanks(p);
    TRY(read_value(p, m));
    *out = m;
    return OK;
}

static err read_object(struct parser *p, struct json *v) {
    const char *from = p->at;
    uint64_t seen = 0, twice = 0;
    TRY(go_deeper(p));
    v->type = JSON_OBJECT;
    skip_blanks(p);
    struct json **link = &v->child;
    if (!next_is(p, '}')) {
        for (;;) {
            struct json *m = NULL;
            uint64_t before = seen;
            TRY(read_member(p, from, v, &seen, &m));
            twice |= before == seen;
            *link = m;
            link = &m->next;
            v->count++;
            skip_blanks(p);
            if (!next_is(p, ',')) break;
            const char *comma = p->at++;
            skip_blanks(p);
            if (next_is(p, '}')) return wrong(p, comma, "a comma stands before the end of the object");
        }
        if (p->at == p->end)
            return why_set(p->why, E_BAD_JSON, "The JSON ends at byte %zu, inside the object that begins at byte %zu.",
                           offset(p, p->end), offset(p, from));
        if (!next_is(p, '}')) return expected(p, "',' or '}'");
        if (p->how & JSON_REPAIR) {
            if (twice) merge_duplicates(p, v);
        } else if (v->count > SCAN_MEMBERS) TRY(check_large_object(p, from, v));
    }
    p->at++;
    p->depth--;
    return OK;
}

/* --- strings that lie elsewhere --- */

static const char spool_key[] = "{\"$spool\":"; /* exactly so: nobody else's text is written like this, see json_write.c and spool.c */

static bool is_spool(const struct parser *p) {
    return p->how & JSON_SPOOLS && str_starts(str_n(p->at, (size_t)(p->end - p->at)), str_of(spool_key));
}

static err read_u32(struct parser *p, uint32_t *out) {
    const char *from = p->at;
    int64_t v = 0;
    p->at = skip_digits(p->at, p->end);
    if (!str_to_i64(str_n(from, (size_t)(p->at - from)), &v) || v > UINT32_MAX) return wrong(p, from, "a spooled string has no sound number");
    *out = (uint32_t)v;
    return OK;
}

static err read_literal(struct parser *p, struct str text) {
    if (!str_starts(str_n(p->at, (size_t)(p->end - p->at)), text)) return wrong(p, p->at, "a spooled string is not told as one");
    p->at += text.len;
    return OK;
}

static err read_spool(struct parser *p, struct json *v) {
    v->type = JSON_SPOOLED;
    TRY(read_literal(p, str_of(spool_key)));
    TRY(read_u32(p, &v->spool));
    TRY(read_literal(p, STR(",\"bytes\":")));
    TRY(read_u32(p, &v->count));
    TRY(read_literal(p, STR(",\"head\":")));
    if (!next_is(p, '"')) return expected(p, "a string");
    TRY(read_string(p, &v->text));
    return read_literal(p, STR("}"));
}

static err read_value(struct parser *p, struct json *v) {
    if (p->at == p->end) return expected(p, "a value");
    switch (*p->at) {
    case '{': return is_spool(p) ? read_spool(p, v) : read_object(p, v);
    case '[': return read_array(p, v);
    case '"': v->type = JSON_STRING; return read_string(p, &v->text);
    case 't': return read_word(p, STR("true"), v, JSON_BOOL);
    case 'f': return read_word(p, STR("false"), v, JSON_BOOL);
    case 'n': return read_word(p, STR("null"), v, JSON_NULL);
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        return read_number(p, v);
    default: return expected(p, "a value");
    }
}

err json_parse_how(struct str text, unsigned how, struct arena *a, struct why *why, uint32_t *repairs, struct json **out) {
    if (!text.len) return why_set(why, E_BAD_JSON, "The JSON is empty; a value was expected at byte 0.");
    struct parser p = {.start = text.ptr, .at = text.ptr, .end = text.ptr + text.len, .arena = a, .why = why, .how = how};
    if (str_starts(text, STR("\xEF\xBB\xBF"))) {
        if (!(how & JSON_REPAIR)) return wrong(&p, p.at, "it begins with a byte order mark; send it without");
        p.at += 3;
        p.repairs++;
    }
    struct json *root = NULL;
    skip_blanks(&p);
    TRY(take_node(&p, &root));
    TRY(read_value(&p, root));
    skip_blanks(&p);
    if (p.at != p.end) return wrong(&p, p.at, "the value is complete, but more follows");
    if (repairs) *repairs = p.repairs;
    *out = root;
    return OK;
}

err json_parse(struct str text, struct arena *a, struct why *why, struct json **out) { return json_parse_how(text, 0, a, why, NULL, out); }
