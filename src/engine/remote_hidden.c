/* Work that was done, and whose files are not found: not where the caller's output_url_path leads, nor in the usual places, though the answer has
 * links or data. Nothing was lost and nobody but the caller can say where to look, so the answer is kept as it came, in the normal form beside no
 * outputs:
 *
 *   "hidden": {"body": "<the answer as text, long strings as base/spool.h marks them>", "files": 2, "paths": ["a.b[0].href"],
 *              "spools": [{"id": "1", "blob", "sha256", "bytes", "type"}]}
 *
 * Each fetch of such a reply looks again with the path that its call has: the first, right behind result_seen, in vain; that of `deliver` with
 * another one. Without a caller's path the description is at fault, and the call fails and costs nothing. */
#include "engine/remote_int.h"

#include "base/limits.h"

/* --- writing --- */

static err keep_spools(struct errand *e, struct jw *w) {
    jw_key(w, "spools");
    jw_open(w, '[');
    for (int64_t i = 1; i <= LIMIT_OUTPUTS; i++) {
        struct str id = arena_printf(&e->arena, "%lld", (long long)i);
        struct spooled *s = inbox_string(e, id);
        if (!s || s->broken || !s->file.tmp[0]) continue;
        struct kept *k = &e->items[i - 1];
        *k = (struct kept){};
        TRY(file_keep(e, &s->file, k));
        jw_open(w, '{');
        jw_kstr(w, "id", id);
        jw_kstr(w, "blob", k->blob);
        jw_kstr(w, "sha256", k->sha256);
        jw_ki64(w, "bytes", k->bytes);
        if (s->decoder.type[0]) jw_kz(w, "type", s->decoder.type);
        jw_close(w, '}');
    }
    jw_close(w, ']');
    return OK;
}

static err write_hidden(struct errand *e, struct str body, const struct output_hints *hints, struct buf *out) {
    struct jw w = {.out = out};
    jw_open(&w, '{');
    jw_kstr(&w, "body", body);
    jw_ki64(&w, "files", (int64_t)hints->count);
    jw_key(&w, "paths");
    jw_open(&w, '[');
    for (size_t i = 0; i < hints->path_count; i++) jw_str(&w, hints->paths[i]);
    jw_close(&w, ']');
    TRY(keep_spools(e, &w));
    jw_close(&w, '}');
    return OK;
}

bool hidden_make(struct errand *e, const struct json *body) {
    _cleanup_(buf_done) struct buf text = {}, out = {};
    struct output_hints hints;
    if (!e->call->url_path.len || !body) return false;
    json_write(&text, body);
    if (text.len > LIMIT_HIDDEN_BYTES) return false;
    output_hints(e->plan.provider, body, str_of(e->r->o.public_url), &e->arena, &hints);
    if (!hints.count) return false;
    e->code = write_hidden(e, buf_view(&text), &hints, &out);
    if (e->code) return false;
    e->hidden = arena_dup(&e->arena, buf_view(&out));
    return true;
}

/* --- reading --- */

static const struct json *kept_answer(const struct errand *e) { return json_get(e->kept, "hidden"); }

bool hidden_spool(const struct errand *e, struct str id, struct kept *k) {
    const struct json *list = json_get(kept_answer(e), "spools");
    struct str other;
    for (const struct json *s = list ? list->child : NULL; s; s = s->next) {
        if (!json_as_str(json_get(s, "id"), &other) || !str_eq(id, other)) continue;
        (void)json_as_str(json_get(s, "blob"), &k->blob);
        (void)json_as_str(json_get(s, "sha256"), &k->sha256);
        (void)json_as_str(json_get(s, "type"), &k->type);
        (void)json_as_i64(json_get(s, "bytes"), &k->bytes);
        return k->blob.len > 0;
    }
    return false;
}

void hidden_reveal(struct errand *e) {
    struct evaluator ev = errand_evaluator(e);
    struct str text = {};
    struct json *body = NULL;
    (void)json_as_str(json_get(kept_answer(e), "body"), &text);
    e->code = json_parse_how(text, JSON_SPOOLS, &e->arena, &e->why, NULL, &body);
    if (e->code) {
        e->code = E_CORRUPT;
        return;
    }
    struct reply_in in = {.status = 200, .body = body};
    e->code = provider_outputs(e->plan.endpoint, &e->pc, &in, e->call->url_path, &ev, &e->arena, &e->why, &e->reading);
    if (!e->code) e->code = outputs_keep(e);
}

struct str hidden_sentence(struct errand *e) {
    _cleanup_(buf_done) struct buf b = {};
    const struct json *paths = json_get(kept_answer(e), "paths");
    struct str path = e->call->url_path;
    buf_z(&b, "No file stands ");
    if (path.len) buf_printf(&b, "at `%.*s` in the provider's answer, nor ", STR_ARG(str_head_text(path, 50)));
    buf_z(&b, "in the usual places");
    if (!path.len) buf_z(&b, " of the provider's answer");
    buf_printf(&b, ". It was made and is billed, and kept for %d days: POST /v1/generations/%.*s/deliver with another output_url_path gives it at no further charge.",
               LIMIT_HIDDEN_DAYS, STR_ARG(e->call->generation));
    const struct json *first = paths ? paths->child : NULL;
    for (const struct json *p = first; p; p = p->next) buf_printf(&b, "%s`%.*s`", p == first ? " Links or data are at " : ", ", STR_ARG(p->text));
    if (first) buf_c(&b, '.');
    return arena_dup(&e->arena, buf_view(&b));
}
