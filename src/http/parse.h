/* Requests from bytes, without sockets: a head, then pieces of its body. Owned by a connection, which feeds it and pulls events.
 *
 * llhttp reads the head. Beside it runs a scanner of line ends that refuses what llhttp lets pass (bare LF, folded lines, more
 * than two blanks in the request line) and finds the end of the head on its own: when the two disagree, the request is refused,
 * because two readings of one message are how requests are smuggled. Chunks are decoded in chunks.c. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"

#include <llhttp.h>

enum {
    CHUNK_EXTENSION_BYTES = 4096, /* per body, all extensions together; read and dropped */
    TRAILER_BYTES = 4096,         /* likewise */
};

struct head_field {
    uint16_t name, name_len, value, value_len; /* places in text; names are in lower case */
};

struct head {
    struct buf text; /* target, then names and values, one after the other */
    struct head_field field[LIMIT_HTTP_HEADERS];
    int fields;
    /* Valid from PARSE_HEAD on; views of text. */
    struct str method;
    struct str authority; /* of an absolute-form target, else empty */
    struct str path, query;
    int64_t content_length; /* -1: chunked */
    int minor;              /* HTTP/1.<minor> */
    bool keep_alive, expect_continue;
};
void head_done(struct head *h);
struct str head_name(const struct head *h, int i);
struct str head_value(const struct head *h, int i);

enum chunk_state {
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_LINE_START, /* of a trailer, or the last line */
    CHUNK_TRAILER,
    CHUNK_TRAILER_LF,
    CHUNK_LAST_LF,
    CHUNK_OVER,
};
struct chunks {
    enum chunk_state state;
    int digits;
    int extension, trailer; /* bytes seen of them */
    uint64_t left;          /* of this chunk */
};

enum parse_event {
    PARSE_MORE, /* all input was used */
    PARSE_HEAD, /* once; what remains of the input belongs to the body or to the next request */
    PARSE_BODY, /* a piece */
    PARSE_END,  /* the message is over; comes again until parser_begin */
    PARSE_BAD,  /* bad and why say what the peer is answered */
};
enum parse_phase { PHASE_HEAD, PHASE_LENGTH, PHASE_CHUNKS, PHASE_END, PHASE_BAD };

struct parser {
    llhttp_t ll;
    struct head *head;
    enum parse_phase phase;
    size_t head_bytes, line_bytes;
    int lines, blanks; /* lines that are complete; blanks in the request line */
    char last;
    bool method_over, method_junk;
    uint64_t left; /* body bytes to come when their number was told */
    struct chunks chunks;
    err bad;
    const char *why;
};

void parser_begin(struct parser *p, struct head *h); /* h is emptied, its memory kept */
/* Takes from *in what it used. */
enum parse_event parser_next(struct parser *p, struct str *in, struct str *piece);

/* chunks.c: false with *why on a malformed body; *piece is empty when no data came. */
bool chunks_next(struct chunks *c, struct str *in, struct str *piece, err *bad, const char **why);
