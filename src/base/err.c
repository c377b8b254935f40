#include "base/err.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct err_info infos[ERR_COUNT] = {
#define ERR(name, code, http, mcp, exit, retry, text) [name] = {#name, code, http, mcp, exit, RETRY_##retry, text},
#include "base/err.def"
#undef ERR
};

const struct err_info *err_info(err e) {
    must((unsigned)e < ERR_COUNT);
    return &infos[e];
}

const char *err_name(err e) { return err_info(e)->name; }

err err_by_code(const char *code) {
    for (int i = 0; i < ERR_COUNT; i++)
        if (!strcmp(infos[i].code, code)) return (err)i;
    return E_INTERNAL;
}

err why_set(struct why *why, err code, const char *format, ...) {
    if (!why) return code;
    char detail[sizeof why->detail]; /* an argument may be the sentence that stands there now */
    va_list args;
    va_start(args, format);
    int n = vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    if (n >= (int)sizeof detail) { /* cut, but not inside a character */
        size_t end = sizeof detail - 1;
        for (int i = 0; i < 3 && !str_is_utf8(str_n(detail, end)); i++) end--;
        detail[end] = 0;
    }
    why->code = code;
    memcpy(why->detail, detail, sizeof detail);
    return code;
}

static void add_fact(struct why *why, const char *text) {
    size_t used = strlen(why->facts), more = strlen(text);
    if (used + more + 2 > sizeof why->facts) return;
    if (used) why->facts[used++] = ',';
    memcpy(why->facts + used, text, more + 1);
}

void why_fact_int(struct why *why, const char *name, int64_t value) {
    if (!why) return;
    char text[128];
    snprintf(text, sizeof text, "\"%s\":%lld", name, (long long)value);
    add_fact(why, text);
}

void why_fact_str(struct why *why, const char *name, const char *value) {
    if (!why || !str_is_utf8(str_of(value))) return;
    char text[320];
    size_t n = (size_t)snprintf(text, sizeof text, "\"%s\":\"", name);
    for (; *value && n < sizeof text - 8; value++) {
        unsigned char c = (unsigned char)*value;
        if (c < 0x20) continue; /* a fact is a name or a number; control bytes have no business in it */
        if (c == '"' || c == '\\') text[n++] = '\\';
        text[n++] = (char)c;
    }
    if (*value) return; /* too long: dropped whole rather than cut inside a character */
    text[n++] = '"';
    text[n] = 0;
    add_fact(why, text);
}

const char *why_text(const struct why *why) { return why->detail[0] ? why->detail : err_info(why->code)->text; }

void must_failed(const char *cond, const char *file, int line) {
    fprintf(stderr, "puras: must hold but does not: %s (%s:%d)\n", cond, file, line);
    abort();
}

enum retry why_retry(const struct why *why) {
    return why->stays ? RETRY_never : why->passes && err_info(why->code)->retry == RETRY_never ? RETRY_after : err_info(why->code)->retry;
}
