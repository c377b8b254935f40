/* An answer becomes what the engine acts on: the reading of the description, outputs that came inside of it as blobs, and the normal form
 * that result_seen keeps:
 *
 *   {"outputs": [{"url", "expires_at", "type"} | {"blob", "sha256", "bytes", "type"}], "text", "words", "language_code", "meta": {}, "warnings": [],
 *    "hidden": see remote_hidden.c}  */
#include "engine/remote_int.h"

#include "core/generation.h"

/* --- sentences --- */

struct str sentence_of(const struct errand *e, enum failure f, struct str message) {
    const struct provider_info *p = provider_info(e->plan.provider);
    struct str who = p->title.len ? p->title : p->name;
    const char *what = NULL;
    switch (f) {
    case FAIL_CALLER: what = "refused the inputs"; break;
    case FAIL_MODERATION: what = "refused the content"; break;
    case FAIL_AUTH: what = "does not accept this server's key"; break;
    case FAIL_QUOTA: what = "reports that this server's balance or quota there is used up"; break;
    case FAIL_RATE_LIMIT: what = "takes no more requests at the moment"; break;
    case FAIL_TRANSIENT: what = "failed for the moment"; break;
    case FAIL_GONE: what = "does not know the model or the work any more"; break;
    default: what = "failed";
    }
    struct arena *a = (struct arena *)&e->arena;
    while (message.len && strchr(" .", message.ptr[message.len - 1])) message.len--;
    return arena_printf(a, "%.*s %s%s%.*s. Nothing was charged.", STR_ARG(who), what, message.len ? ": " : "", STR_ARG(str_head_text(message, 300)));
}

/* --- outputs inside of an answer --- */

struct id errand_id(const struct errand *e, size_t n) { return id_make(e->now, e->random[n]); }

static struct str place(struct errand *e, size_t n) {
    struct id id = errand_id(e, n);
    return arena_printf(&e->arena, "%.*s/%lld/%zu-%s", STR_ARG(e->call->generation), (long long)e->call->attempt, n + 1, id.hex + ID_LEN - 20);
}

err file_keep(struct errand *e, struct drive_file *file, struct kept *k) {
    char sha256[65];
    k->blob = place(e, (size_t)(k - e->items));
    k->bytes = file->bytes;
    TRY(drive_file_keep(e->r->o.drive, file, k->blob, &e->why, sha256));
    k->sha256 = arena_dup(&e->arena, str_of(sha256));
    return OK;
}

static enum decode_as decode_as(enum output_encoding encoding) {
    switch (encoding) {
    case ENC_BASE64:
    case ENC_BASE64URL: return DECODE_BASE64;
    case ENC_HEX: return DECODE_HEX;
    case ENC_DATA_URI: return DECODE_DATA_URI;
    default: return DECODE_RAW;
    }
}

static err keep_inline(struct errand *e, const struct output_ref *o, struct kept *k) {
    struct decoder d;
    struct buf bytes = {};
    struct drive_file file = {};
    struct id name = errand_id(e, (size_t)(k - e->items));
    decoder_begin(&d, decode_as(o->encoding));
    err r = decoder_feed(&d, o->inline_data, &bytes, &e->why);
    if (!r) r = decoder_end(&d, &bytes, &e->why);
    if (r) r = why_set(&e->why, E_UPSTREAM, "The provider's output cannot be decoded: %s Nothing was charged.", why_text(&e->why));
    if (!r && !bytes.len) r = why_set(&e->why, E_UPSTREAM, "The provider's output holds no byte. Nothing was charged.");
    if (!r) r = drive_file_begin(e->r->o.drive, name.hex + ID_LEN - 20, &e->why, &file);
    if (!r) r = drive_file_write(&file, buf_view(&bytes), &e->why);
    if (!r) r = file_keep(e, &file, k);
    drive_file_drop(&file);
    if (!r && d.type[0]) k->type = arena_dup(&e->arena, str_of(d.type));
    buf_done(&bytes);
    return r;
}

static err keep_spooled(struct errand *e, const struct output_ref *o, struct kept *k) {
    if (hidden_spool(e, o->spool, k)) return OK;
    struct spooled *s = inbox_string(e, o->spool);
    if (!s || s->broken) return why_set(&e->why, E_UPSTREAM, "The provider's output cannot be decoded. Nothing was charged.");
    if (!s->file.tmp[0]) return why_set(&e->why, E_UPSTREAM, "The provider's answer holds no byte of an output, or names one twice. Nothing was charged.");
    if (s->decoder.type[0]) k->type = arena_dup(&e->arena, str_of(s->decoder.type));
    return file_keep(e, &s->file, k);
}

err outputs_keep(struct errand *e) {
    const struct reading *g = &e->reading;
    e->item_count = 0;
    for (size_t i = 0; i < g->output_count && i < LIMIT_OUTPUTS; i++) {
        const struct output_ref *o = &g->outputs[i];
        struct kept *k = &e->items[e->item_count];
        *k = (struct kept){.type = o->type};
        if (o->url.len) {
            k->url = o->url;
            k->expires_at = g->links_expire_in ? e->now + g->links_expire_in : 0;
        } else if (o->spool.len) TRY(keep_spooled(e, o, k));
        else TRY(keep_inline(e, o, k));
        e->item_count++;
    }
    return OK;
}

/* --- the normal form --- */

static void write_item(struct jw *w, const struct kept *k) {
    jw_open(w, '{');
    jw_kopt(w, "url", k->url);
    if (k->expires_at) jw_ki64(w, "expires_at", k->expires_at);
    jw_kopt(w, "blob", k->blob);
    jw_kopt(w, "sha256", k->sha256);
    if (k->bytes) jw_ki64(w, "bytes", k->bytes);
    jw_kopt(w, "type", k->type);
    jw_close(w, '}');
}

static void write_reply(struct errand *e, struct str warning) {
    const struct reading *g = &e->reading;
    struct buf b = {};
    struct jw w = {.out = &b};
    jw_open(&w, '{');
    jw_key(&w, "outputs");
    jw_open(&w, '[');
    for (size_t i = 0; i < e->item_count; i++) write_item(&w, &e->items[i]);
    jw_close(&w, ']');
    if (str_is(e->call->kind_wanted, "text")) jw_kstr(&w, "text", g->text);
    if (g->words.len) jw_kraw(&w, "words", g->words);
    jw_kopt(&w, "language_code", g->language_code);
    if (e->hidden.len) jw_kraw(&w, "hidden", e->hidden);
    if (g->meta.len) jw_kraw(&w, "meta", g->meta);
    jw_key(&w, "warnings");
    jw_open(&w, '[');
    if (warning.len) jw_str(&w, warning);
    jw_close(&w, ']');
    jw_close(&w, '}');
    e->result.reply = arena_dup(&e->arena, buf_view(&b));
    buf_done(&b);
}

/* --- reading --- */

static err no_outputs(struct errand *e, const struct json *body) {
    struct buf names = {}, places = {};
    struct output_hints hints = {};
    for (const struct json *m = json_is(body, JSON_OBJECT) ? body->child : NULL; m && names.len < 150; m = m->next)
        buf_printf(&names, "%s`%.*s`", names.len ? ", " : "", STR_ARG(str_head(m->key, 40)));
    if (!body) {
        struct str type = {};
        for (size_t i = 0; i < e->header_count; i++)
            if (str_ieq(e->headers[i].name, STR("content-type"))) type = e->headers[i].value;
        return why_set(&e->why, E_BAD_JSON, "The provider answered %d with what is neither JSON nor a file%s%.*s. Nothing was charged.", e->status, type.len ? ", but " : "",
                       STR_ARG(str_head_text(type, 60)));
    }
    output_hints(e->plan.provider, body, str_of(e->r->o.public_url), &e->arena, &hints);
    for (size_t i = 0; i < hints.path_count; i++)
        buf_printf(&places, "%s`%.*s`", i ? ", " : " With output_url_path a call says where else to look: links or data are at ", STR_ARG(hints.paths[i]));
    why_set(&e->why, E_UPSTREAM, "The provider reported success and its answer holds no output where one was looked for; it has %s%.*s. Nothing was charged.%.*s%s",
            names.len ? "the members " : "no members", (int)names.len, names.ptr ? names.ptr : "", (int)places.len, places.ptr ? places.ptr : "", places.len ? "." : "");
    buf_done(&names);
    buf_done(&places);
    return E_UPSTREAM;
}

static bool is_result(const struct errand *e) {
    if (e->reading.state != REPLY_DONE) return false;
    if (e->ask == ASK_RESULT) return true;
    return (e->ask == ASK_SUBMIT || e->ask == ASK_POLL) && !endpoint_info(e->plan.endpoint)->has_result;
}

void reply_read(struct errand *e) {
    struct json *body = NULL;
    struct str text = {};
    struct evaluator ev = errand_evaluator(e);
    e->code = inbox_read(e, &body, &text);
    if (e->code) return;
    struct reply_in in = {.status = e->status, .headers = e->headers, .header_count = e->header_count, .body = body};
    if (!body) in.text = text;
    if (!body && inbox_string(e, STR("1"))) in.body_spool = STR("1");
    e->code = provider_reply(e->plan.endpoint, e->ask, &e->pc, &in, e->call->url_path, &ev, &e->arena, &e->why, &e->reading);
    if (e->code || !is_result(e)) return;
    e->code = outputs_keep(e);
    if (!e->code && !e->item_count && !str_is(e->call->kind_wanted, "text") && !hidden_make(e, body) && !e->code) e->code = no_outputs(e, body);
    if (!e->code) write_reply(e, e->hidden.len ? (struct str){} : e->reading.path_warning);
}

void reply_kept(struct errand *e, struct str reply) {
    struct json *j = NULL;
    if (json_parse(reply, &e->arena, &e->why, &j)) {
        e->code = E_CORRUPT;
        return;
    }
    const struct json *list = json_get(j, "outputs");
    for (const struct json *o = list ? list->child : NULL; o && e->item_count < LIMIT_OUTPUTS; o = o->next) {
        struct kept *k = &e->items[e->item_count++];
        *k = (struct kept){};
        (void)json_as_str(json_get(o, "url"), &k->url);
        (void)json_as_str(json_get(o, "blob"), &k->blob);
        (void)json_as_str(json_get(o, "sha256"), &k->sha256);
        (void)json_as_str(json_get(o, "type"), &k->type);
        (void)json_as_i64(json_get(o, "bytes"), &k->bytes);
        (void)json_as_i64(json_get(o, "expires_at"), &k->expires_at);
    }
    e->kept = j;
}
