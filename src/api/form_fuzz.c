/* Any bytes as a form, in any pieces: nothing is read past its end, and what comes out is the same however it was cut. */
#include "api/form.h"

#include <stdlib.h>

struct seen {
    struct buf out;
};
static err on_file(void *arg, struct str name, struct str filename, struct why *why) {
    struct seen *s = arg;
    must(filename.len < FORM_NAME_BYTES);
    buf_c(&s->out, 'F');
    buf_str(&s->out, filename);
    return OK;
}
static bool on_data(void *arg, struct str piece) {
    buf_str(&((struct seen *)arg)->out, piece);
    return true;
}
static err on_field(void *arg, struct str name, struct str value, struct why *why) {
    struct seen *s = arg;
    must(value.len <= FORM_FIELD_BYTES && str_is_utf8(value));
    buf_str(&s->out, name);
    buf_str(&s->out, value);
    return OK;
}

static err feed(struct str bytes, size_t step, struct seen *s) {
    struct form *f = malloc(sizeof *f);
    struct form_sink sink = {.file = on_file, .data = on_data, .field = on_field, .arg = s};
    struct why why = {0};
    bool waits;
    err e = OK;
    must(f != NULL);
    form_begin(f, "b", &sink);
    for (size_t at = 0; at < bytes.len && !e; at += step) e = form_feed(f, str_head(str_skip(bytes, at), step), &why, &waits);
    if (!e) e = form_end(f, &why);
    free(f);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char boundary[FORM_BOUNDARY + 1];
    if (!size) return 0;
    char *copy = malloc(size);
    must(copy != NULL);
    memcpy(copy, data, size);
    struct str all = str_n(copy, size);
    if (form_boundary(all, boundary)) must(strlen(boundary) > 0 && strlen(boundary) <= FORM_BOUNDARY);
    struct seen whole = {0}, cut = {0};
    err a = feed(str_skip(all, 1), size, &whole), b = feed(str_skip(all, 1), 1 + (uint8_t)copy[0] % 7, &cut);
    must(a == b);
    if (!a) must(str_eq(buf_view(&whole.out), buf_view(&cut.out)));
    buf_done(&whole.out);
    buf_done(&cut.out);
    free(copy);
    return 0;
}
