/* multipart/form-data (RFC 7578) as it streams: one file, or several, and small fields beside them, in any order. Nothing is kept but what a field or
 * the head of a part may have; the file's bytes go through. Foreign bytes come in here. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum { FORM_BOUNDARY = 70, FORM_HEAD_BYTES = 4096, FORM_FIELD_BYTES = 4096, FORM_FIELD_MOST = 128 * 1024, FORM_PARTS = 32, FORM_NAME_BYTES = 256, FORM_EXTRA_BYTES = 256 * 1024 };

struct form_sink {
    err (*file)(void *arg, struct str name, struct str filename, struct why *why); /* such a part begins; filename may be empty */
    bool (*data)(void *arg, struct str piece);                    /* of the file; false: it would rather wait */
    err (*field)(void *arg, struct str name, struct str value, struct why *why);
    void *arg;
    bool (*is_file)(struct str name); /* parts that are files, any number of them; NULL: one, and its name is "file" */
    size_t field_max;                 /* bytes of a field, at most FORM_FIELD_MOST; 0: FORM_FIELD_BYTES */
};

enum form_state { FORM_DATA, FORM_BEHIND, FORM_HEAD, FORM_END };
struct form {
    struct form_sink sink;
    enum form_state state;
    char mark[4 + FORM_BOUNDARY]; /* CR LF - - boundary */
    size_t mark_len, matched;
    bool begun, in_file, file_seen, waits;
    int parts;
    char name[FORM_NAME_BYTES];
    size_t held_len;
    char held[FORM_FIELD_MOST]; /* the head of a part, or the value of a field */
};

/* The boundary that a Content-Type names; false: it is no multipart/form-data, or names none that may be used. */
bool form_boundary(struct str content_type, char out[FORM_BOUNDARY + 1]);
void form_begin(struct form *f, const char *boundary, const struct form_sink *sink);
/* The next bytes. *out_waits: the sink would rather wait before more comes. After an error nothing may be fed any more. */
[[nodiscard]] err form_feed(struct form *f, struct str bytes, struct why *why, bool *out_waits);
/* No more comes: E_BAD_REQUEST when the form is not whole or has no file. */
[[nodiscard]] err form_end(const struct form *f, struct why *why);
