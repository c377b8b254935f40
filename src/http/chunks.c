/* The body coded as `chunked`. Sizes are at most 15 hex digits, every line ends with CR LF, extensions and trailers are read,
 * bounded and dropped: nothing downstream may depend on them. (llhttp's own decoder refuses two extensions on one chunk, and
 * does not bound leading zeros.) */
#include "http/parse.h"

static int digit(char ch) {
    if (ch >= '0' && ch <= '9') return ch - '0';
    ch |= 0x20;
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* What may stand inside an extension or a trailer: visible bytes, blanks and tabs. */
static bool printable(char ch) { return ch == '\t' || ((unsigned char)ch >= ' ' && ch != 0x7f); }

static const char *on_size(struct chunks *c, char ch) {
    int d = digit(ch);
    if (d >= 0) {
        if (++c->digits > 15) return "A chunk's size has too many digits.";
        c->left = c->left << 4 | (uint64_t)d;
        return NULL;
    }
    if (!c->digits || (ch != ';' && ch != '\r')) return "A chunk's size is not a hexadecimal number.";
    c->state = ch == ';' ? CHUNK_EXTENSION : CHUNK_SIZE_LF;
    return NULL;
}

/* One byte that is not data. NULL, or what is wrong. */
static const char *on_byte(struct chunks *c, char ch) {
    static const char bad_end[] = "A line of the chunked body does not end with CR LF.";
    switch (c->state) {
    case CHUNK_SIZE:
        return on_size(c, ch);
    case CHUNK_EXTENSION:
        if (ch == '\r') c->state = CHUNK_SIZE_LF;
        else if (!printable(ch)) return "A chunk extension contains a control byte.";
        else if (++c->extension > CHUNK_EXTENSION_BYTES) return "The chunk extensions are too long.";
        return NULL;
    case CHUNK_SIZE_LF:
        if (ch != '\n') return bad_end;
        c->state = c->left ? CHUNK_DATA : CHUNK_LINE_START;
        c->digits = 0;
        return NULL;
    case CHUNK_DATA_CR:
        if (ch != '\r') return "A chunk is longer than its size says.";
        c->state = CHUNK_DATA_LF;
        return NULL;
    case CHUNK_DATA_LF:
        if (ch != '\n') return bad_end;
        c->state = CHUNK_SIZE;
        return NULL;
    case CHUNK_LINE_START:
        c->state = ch == '\r' ? CHUNK_LAST_LF : CHUNK_TRAILER;
        if (ch == '\r') return NULL;
        if (ch == ' ' || ch == '\t') return "A trailer line is folded.";
        [[fallthrough]];
    case CHUNK_TRAILER:
        if (ch == '\r') c->state = CHUNK_TRAILER_LF;
        else if (!printable(ch)) return "A trailer contains a control byte.";
        else if (++c->trailer > TRAILER_BYTES) return "The trailers are too long.";
        return NULL;
    case CHUNK_TRAILER_LF:
        if (ch != '\n') return bad_end;
        c->state = CHUNK_LINE_START;
        return NULL;
    case CHUNK_LAST_LF:
        if (ch != '\n') return bad_end;
        c->state = CHUNK_OVER;
        return NULL;
    case CHUNK_DATA:
    case CHUNK_OVER:
        break;
    }
    return NULL;
}

bool chunks_next(struct chunks *c, struct str *in, struct str *piece, err *bad, const char **why) {
    *piece = (struct str){};
    while (in->len && c->state != CHUNK_OVER) {
        if (c->state == CHUNK_DATA) {
            *piece = str_head(*in, c->left < in->len ? (size_t)c->left : in->len);
            *in = str_skip(*in, piece->len);
            c->left -= piece->len;
            if (!c->left) c->state = CHUNK_DATA_CR;
            return true;
        }
        if ((*why = on_byte(c, *in->ptr))) {
            *bad = E_BAD_REQUEST;
            if (c->trailer > TRAILER_BYTES) *bad = E_HEADERS_TOO_LARGE;
            return false;
        }
        *in = str_skip(*in, 1);
    }
    return true;
}
