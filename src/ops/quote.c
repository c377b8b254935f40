/* Models, prices and quotes: answered from the catalog in memory. A quote id is a sealed token of what was promised (model,
 * inputs, catalog version, amount, expiry); the server keeps nothing. */
#include "ops/quote.h"

#include "base/hash.h"

err model_named(const struct catalog *c, struct str slug, struct why *why, const struct model **out) {
    const struct model *m = catalog_find(c, slug);
    if (m) {
        *out = m;
        return OK;
    }
    struct str near[3];
    size_t n = catalog_near(c, slug, near, 3);
    _cleanup_(buf_done) struct buf names = {};
    for (size_t i = 0; i < n; i++) buf_printf(&names, "%s%.*s", !i ? "" : i + 1 == n ? " or " : ", ", STR_ARG(near[i]));
    if (why) snprintf(why->field, sizeof why->field, "model");
    why_set(why, E_UNKNOWN_MODEL, "There is no model '%.*s'%s%.*s%s GET /v1/models lists them all.", STR_ARG(str_head(slug, 80)), n ? "; did you mean " : ".",
            STR_ARG(buf_view(&names)), n ? "?" : "");
    if (why && n) {
        char first[128];
        snprintf(first, sizeof first, "%.*s", STR_ARG(near[0]));
        why_fact_str(why, "did_you_mean", first);
    }
    return E_UNKNOWN_MODEL;
}

static bool is_enabled(struct ops *o, const struct model *m) { return o->o.enabled ? o->o.enabled(o->o.engine, m) : m->route_count > 0; }

void ops_models(struct ops *o, struct str kind, struct str slug, ops_done *done, void *arg) {
    const struct catalog *c = shelf_current(o->o.shelf);
    struct answer a = answer_of(OK);
    _cleanup_(buf_done) struct buf json = {};
    struct jw w = {.out = &json};
    if (slug.len) {
        const struct model *m;
        if (model_named(c, slug, &a.why, &m)) {
            a.code = a.why.code = E_NOT_FOUND;
            done(arg, &a);
            return;
        }
        model_write(m, is_enabled(o, m), &w);
        a.json = buf_view(&json);
        done(arg, &a);
        return;
    }
    /* One superset for the callers of both products and of OpenAI-shaped clients. */
    _cleanup_(buf_done) struct buf rows = {};
    struct jw row = {.out = &rows};
    int64_t count = 0;
    jw_open(&row, '[');
    for (size_t i = 0; i < catalog_count(c); i++) {
        const struct model *m = catalog_model(c, i);
        if (kind.len && !str_eq(kind, m->kind) && !str_is(kind, model_type(m))) continue;
        model_write(m, is_enabled(o, m), &row);
        count++;
    }
    jw_close(&row, ']');
    jw_open(&w, '{');
    jw_kz(&w, "object", "list");
    jw_kraw(&w, "data", buf_view(&rows));
    jw_kraw(&w, "models", buf_view(&rows));
    jw_ki64(&w, "total_count", count);
    jw_close(&w, '}');
    a.json = buf_view(&json);
    done(arg, &a);
}

void ops_pricing(struct ops *o, ops_done *done, void *arg) {
    const struct catalog *c = shelf_current(o->o.shelf);
    _cleanup_(buf_done) struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_key(&w, "models");
    jw_open(&w, '[');
    for (size_t i = 0; i < catalog_count(c); i++) {
        const struct model *m = catalog_model(c, i);
        jw_open(&w, '{');
        jw_kstr(&w, "slug", m->slug);
        jw_kstr(&w, "kind", m->kind);
        jw_kstr(&w, "unit", m->unit);
        jw_kraw(&w, "rate_table", m->rate_table);
        jw_close(&w, '}');
    }
    jw_close(&w, ']');
    jw_close(&w, '}');
    struct answer a = answer_of(OK);
    a.json = buf_view(&json);
    done(arg, &a);
}

static bool is_file(const struct model *m, struct str name) {
    for (size_t i = 0; i < m->input_count; i++)
        if (str_eq(m->inputs[i].name, name)) return m->inputs[i].type == INPUT_FILE;
    return false;
}

/* Of canonical inputs. A file counts by how many there are: a caller quotes with one shape of it and calls with another, and on its way in it
 * becomes a path of the drive in any case. */
static void inputs_hash(const struct model *m, struct str inputs, struct arena *a, char out[SHA256_HEX + 1]) {
    struct json *all = NULL;
    _cleanup_(buf_done) struct buf text = {};
    struct jw w = {.out = &text};
    jw_open(&w, '{');
    if (json_parse(inputs, a, NULL, &all)) all = NULL; /* they were written by us just now */
    for (const struct json *j = all ? all->child : NULL; j; j = j->next) {
        jw_key_str(&w, j->key);
        if (is_file(m, j->key)) jw_i64(&w, j->type == JSON_ARRAY ? j->count : 1);
        else {
            json_write_canonical(&text, j);
            w.comma = true;
        }
    }
    jw_close(&w, '}');
    sha256_hex(buf_view(&text), out);
}

void ops_quote(struct ops *o, const struct caller *c, struct str slug, const struct json *inputs, ops_done *done, void *arg) {
    _cleanup_(arena_done) struct arena arena = {};
    struct answer a = answer_of(OK);
    const struct model *m = NULL;
    struct quote q = {};
    struct str stored = {};
    err e = model_named(shelf_current(o->o.shelf), slug, &a.why, &m);
    if (!e) e = catalog_quote(shelf_current(o->o.shelf), m, inputs, NULL, 0, &arena, &a.why, &q, &stored);
    if (e) {
        a.code = a.why.code = e;
        done(arg, &a);
        return;
    }
    msec expires = io_now(o->io) + LIMIT_QUOTE_ID_MS;
    char hash[SHA256_HEX + 1];
    inputs_hash(m, stored, &arena, hash);
    struct str payload = arena_printf(&arena, "%.*s %s %.*s %lld %lld", STR_ARG(m->slug), hash, STR_ARG(catalog_sha256(shelf_current(o->o.shelf))), (long long)q.amount, (long long)expires);
    _cleanup_(buf_done) struct buf token = {}, json = {};
    token_seal(o->o.signer, "quote", payload, &token);
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "model", m->slug);
    jw_kstr(&w, "kind", m->kind);
    view_money(&w, "quoted", q.amount);
    jw_kraw(&w, "row", q.row);
    jw_kraw(&w, "inputs", stored);
    jw_kstr(&w, "catalog", catalog_sha256(shelf_current(o->o.shelf)));
    jw_kstr(&w, "quote_id", buf_view(&token));
    view_time(&w, "expires_at", expires);
    jw_close(&w, '}');
    a.json = buf_view(&json);
    done(arg, &a);
}

static void lower_to(struct quote *q, micros promised) {
    q->amount = promised;
    if (!str_is(q->from, "input") && !str_is(q->from, "call")) return; /* measured later: the hold is the bound of the bill */
    q->rate = promised / q->outputs;
    q->unit = q->quantity = 1;
}

err quote_honour(struct ops *o, struct str quote_id, const struct model *m, struct str inputs, struct arena *a, struct why *why, struct quote *q) {
    struct str payload, slug, hash, version, amount, expiry;
    if (why) snprintf(why->field, sizeof why->field, "quote_id");
    if (token_open(o->o.signer, "quote", quote_id, a, why, &payload)) return why_set(why, E_INVALID, "The quote_id is not one that this server gave out.");
    str_cut(payload, ' ', &slug, &payload);
    str_cut(payload, ' ', &hash, &payload);
    str_cut(payload, ' ', &version, &payload);
    str_cut(payload, ' ', &amount, &expiry);
    int64_t promised, until;
    char now_hash[SHA256_HEX + 1];
    inputs_hash(m, inputs, a, now_hash);
    if (!str_to_i64(amount, &promised) || !str_to_i64(expiry, &until)) return why_set(why, E_INVALID, "The quote_id is not one that this server gave out.");
    if (!str_eq(slug, m->slug) || !str_is(hash, now_hash)) return why_set(why, E_INVALID, "The quote_id was given for another model or other inputs; ask POST /v1/quote again.");
    if (q->amount > promised && io_now(o->io) > until) {
        why_fact_int(why, "quoted_micros", promised);
        why_fact_int(why, "price_micros", q->amount);
        return why_set(why, E_PRICE_CHANGED, "The price was quoted as %lld micros more than ten minutes ago and is %lld micros now. Nothing was charged; ask POST /v1/quote again.",
                       (long long)promised, (long long)q->amount);
    }
    if (q->amount > promised) lower_to(q, promised);
    if (why) why->field[0] = 0;
    return OK;
}
