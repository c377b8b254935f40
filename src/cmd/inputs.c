/* key=value arguments to a JSON object. */
#include "cmd/inputs.h"
#include "base/cleanup.h"
#include "base/limits.h"

#include <errno.h>

err inputs_take(const struct words *args, struct words *inputs, struct arena *a, struct why *why) {
    if (args->count < 2) return OK;
    const char **all = arena_array(a, const char *, (size_t)(inputs->count + args->count));
    for (int i = 0; i < inputs->count; i++) all[i] = inputs->at[i];
    for (int i = 1; i < args->count; i++) {
        const char *equals = strchr(args->at[i], '=');
        if (!equals || equals == args->at[i])
            return why_set(why, E_INVALID, "\"%s\" is no input; write NAME=VALUE behind the model, for example prompt=\"%s\".", args->at[i], args->at[i]);
        all[inputs->count + i - 1] = args->at[i];
    }
    *inputs = (struct words){all, inputs->count + args->count - 1};
    return OK;
}

static err read_text(const char *path, struct buf *out, struct why *why) {
    _cleanup_(fclosep) FILE *f = fopen(path, "rb");
    if (!f) return why_set(why, E_INVALID, "%s cannot be read: %s.", path, strerror(errno));
    char piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) {
        buf_add(out, piece, n);
        if (out->len > LIMIT_INPUTS_BYTES) return why_set(why, E_TOO_LARGE, "%s is larger than the %d bytes an input may have.", path, LIMIT_INPUTS_BYTES);
    }
    if (ferror(f)) return why_set(why, E_INVALID, "%s cannot be read: %s.", path, strerror(errno));
    if (!str_is_utf8(buf_view(out))) return why_set(why, E_INVALID, "%s is not UTF-8 text; upload other files with `puras drive put` and name their path.", path);
    return OK;
}

static err add_value(struct jw *w, struct str key, struct str value, struct why *why) {
    _cleanup_(arena_done) struct arena a = {0};
    if (str_starts(value, STR("@@"))) {
        jw_str(w, str_skip(value, 1));
        return OK;
    }
    if (str_starts(value, STR("@"))) {
        _cleanup_(buf_done) struct buf text = {0};
        TRY(read_text(value.ptr + 1, &text, why));
        jw_str(w, buf_view(&text));
        return OK;
    }
    struct json *parsed;
    if (value.len && !json_parse(value, &a, NULL, &parsed)) jw_raw(w, value);
    else if (str_is_utf8(value)) jw_str(w, value);
    else return why_set(why, E_INVALID, "The value of %.*s is not UTF-8 text.", STR_ARG(key));
    return OK;
}

err inputs_body(const char *model, const struct words *inputs, struct buf *out, struct why *why) {
    if (!str_is_utf8(str_of(model))) return why_set(why, E_INVALID, "The model's name is not UTF-8 text.");
    struct jw w = {.out = out};
    jw_open(&w, '{');
    jw_kz(&w, "model", model);
    jw_key(&w, "inputs");
    jw_open(&w, '{');
    for (int i = 0; i < inputs->count; i++) {
        struct str key, value, other, ignored;
        if (!str_cut(str_of(inputs->at[i]), '=', &key, &value) || !key.len || !str_is_utf8(key))
            return why_set(why, E_INVALID, "\"%.100s\" is not an input; write -i key=value, for example -i prompt=\"a red bicycle\".", inputs->at[i]);
        for (int j = 0; j < i; j++)
            if (str_cut(str_of(inputs->at[j]), '=', &other, &ignored) && str_eq(other, key))
                return why_set(why, E_INVALID, "The input %.*s is given twice; for a list write -i '%.*s=[...]'.", STR_ARG(key), STR_ARG(key));
        jw_key_str(&w, key);
        TRY(add_value(&w, key, value, why));
    }
    jw_close(&w, '}');
    return OK;
}
