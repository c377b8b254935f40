/* Webhooks of providers. The token in the path names provider, generation and attempt, and only this server can make one; where the provider
 * signs, its signature is checked over the bytes as they came. Nothing that it says of the work is believed: the work is polled a little sooner, if
 * this node has it. Only where the answer to the submit was lost, the name that the provider calls the work by is taken from it, and asked after.
 * The answer never tells whether there is such a generation. */
#include "cmd/hooks.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "cmd/desk.h"
#include "provider/provider.h"

#include <stdio.h>
#include <stdlib.h>

enum { JWKS_BYTES = 64 * 1024, JWKS_MS = 10000, PROVIDERS_MAX = 64, WAITING_MAX = 256, HEADERS_MAX = 16, REF_BYTES = 200 };

/* One that waits for keys. */
struct held {
    struct held *next;
    struct arena arena;
    struct hook_in in;
    struct str generation;
    int64_t attempt;
    enum signature kind;
    struct str audience; /* of the description, as it was when this came in */
    ops_done *done;
    void *arg;
};

/* The keys of one provider's signatures. */
struct jwks {
    char provider[64];
    struct buf text;
    msec read_at, failed_at; /* 0: never */
    struct upstream_request *request;
    struct held *held;
    struct hooks *hooks;
};

struct hooks {
    struct server *server;
    struct jwks keys[PROVIDERS_MAX];
    size_t count, waiting;
    uint64_t polled, unsigned_ones, forged, unknown;
};

static msec now_of(const struct hooks *h) { return io_now(loop_io(h->server->loop)); }

static void refuse(ops_done *done, void *arg, err code, const char *text) {
    struct answer a = {.code = code, .why = {.code = code}, .fd = -1};
    snprintf(a.why.detail, sizeof a.why.detail, "%s", text);
    done(arg, &a);
}

static void take_ref(struct hooks *h, const struct hook_in *in, struct str generation, int64_t attempt) {
    _cleanup_(arena_done) struct arena a = {};
    struct server *s = h->server;
    const struct providers *all = atlas_providers(s->desk->atlas, shelf_current(s->shelf), NULL);
    const struct provider *p = all ? providers_find(all, in->provider) : NULL;
    struct json *body = NULL;
    if (!p || !engine_wants_ref(s->engine, generation, attempt) || json_parse(in->body, &a, NULL, &body)) return;
    struct str ref = provider_hook_ref(p, body, &a);
    if (ref.len && ref.len <= REF_BYTES && str_is_utf8(ref)) engine_hear_ref(s->engine, generation, attempt, ref);
}

static void poll_now(struct hooks *h, const struct hook_in *in, struct str generation, int64_t attempt, ops_done *done, void *arg) {
    take_ref(h, in, generation, attempt);
    engine_poke(h->server->engine, generation);
    h->polled++;
    struct answer a = {.json = STR("{\"received\":true}"), .fd = -1};
    done(arg, &a);
}

/* The token in the path is the only secret of the address; a token of Google's may be for the whole of it. */
static err check(struct hooks *h, enum signature kind, const struct signature_keys *with, const struct hook_in *in, struct why *why) {
    _cleanup_(arena_done) struct arena a = {};
    struct signature_keys keys = *with;
    keys.url = arena_printf(&a, "%s/v1/hooks/%.*s/%.*s", h->server->public_url, STR_ARG(in->provider), STR_ARG(in->token));
    struct header_out headers[HEADERS_MAX];
    size_t n = in->header_count < HEADERS_MAX ? in->header_count : HEADERS_MAX;
    for (size_t i = 0; i < n; i++) headers[i] = (struct header_out){.name = in->headers[i].name, .value = in->headers[i].value};
    return signature_check(kind, &keys, headers, n, in->body, now_of(h), &a, why);
}

/* The reason is for the operator, who may have to name an audience; a forger learns nothing from it. */
static void forged(struct hooks *h, struct str provider, const struct why *why, ops_done *done, void *arg) {
    h->forged++;
    log_event(&h->server->log, LOG_WARN, "hook.forged", "\"provider\":\"%.*s\",\"why\":\"%s\"", STR_ARG(provider), why->detail);
    refuse(done, arg, E_BAD_SIGNATURE, "The signature of this webhook does not fit; nothing was done.");
}

/* --- keys that the provider publishes --- */

static struct jwks *jwks_of(struct hooks *h, struct str provider) {
    for (size_t i = 0; i < h->count; i++)
        if (str_is(provider, h->keys[i].provider)) return &h->keys[i];
    if (h->count == PROVIDERS_MAX || provider.len >= sizeof h->keys[0].provider) return NULL;
    struct jwks *k = &h->keys[h->count++];
    snprintf(k->provider, sizeof k->provider, "%.*s", STR_ARG(provider));
    k->hooks = h;
    return k;
}

static void later(ops_done *done, void *arg) { refuse(done, arg, E_UNAVAILABLE, "The keys of the provider's signatures cannot be read now; send it again later."); }

static void on_keys(void *arg, const struct upstream_answer *a) {
    struct jwks *k = arg;
    struct hooks *h = k->hooks;
    bool fine = !a->code && a->status == 200;
    k->request = NULL;
    if (fine) {
        buf_clear(&k->text);
        buf_str(&k->text, a->body);
        k->read_at = now_of(h);
    }
    k->failed_at = fine ? 0 : now_of(h);
    for (struct held *x = k->held, *next; x; x = next) {
        next = x->next;
        h->waiting--;
        struct why why = {};
        const struct signature_keys keys = {.jwks = buf_view(&k->text), .audience = x->audience}; /* with a secret it would have fitted before */
        if (!fine) later(x->done, x->arg);
        else if (check(h, x->kind, &keys, &x->in, &why)) forged(h, x->in.provider, &why, x->done, x->arg);
        else poll_now(h, &x->in, x->generation, x->attempt, x->done, x->arg);
        arena_done(&x->arena);
        free(x);
    }
    k->held = NULL;
}

/* Where a rebased provider is, its keys are too. */
static struct str keys_url(struct hooks *h, const struct provider *p, struct arena *a) {
    struct str url = provider_webhook_keys(p), name, base, rest;
    for (size_t i = 0, n = atlas_rebased(h->server->desk->atlas, 0, &name, &base); i < n; i++) {
        atlas_rebased(h->server->desk->atlas, i, &name, &base);
        if (!str_eq(name, provider_info(p)->name) || !str_starts(url, STR("https://"))) continue;
        rest = str_skip(url, 8);
        const char *slash = rest.len ? memchr(rest.ptr, '/', rest.len) : NULL;
        return arena_printf(a, "%.*s%.*s", STR_ARG(base), slash ? (int)(rest.len - (size_t)(slash - rest.ptr)) : 0, slash ? slash : "");
    }
    return url;
}

static void read_keys(struct hooks *h, struct jwks *k, const struct provider *p) {
    _cleanup_(arena_done) struct arena a = {};
    struct str url = keys_url(h, p, &a);
    const struct provider_info *info = provider_info(p);
    struct upstream_ask ask = {.policy = EGRESS_FOUND, .method = STR("GET"), .url = url, .origin = info->base, .private_addresses = info->private_addresses, .private_count = info->private_count,
                               .timeout = JWKS_MS, .max_bytes = JWKS_BYTES, .done = on_keys, .arg = k};
    k->request = upstream_send(h->server->upstream, &ask);
}

static void hold(struct hooks *h, struct jwks *k, const struct provider *p, const struct hook_in *in, struct str generation, int64_t attempt, ops_done *done, void *arg) {
    if (h->waiting >= WAITING_MAX) {
        refuse(done, arg, E_UNAVAILABLE, "Too many webhooks wait for the keys of their signatures; send it again later.");
        return;
    }
    struct held *x = calloc(1, sizeof *x);
    must(x);
    struct hook_header *headers = arena_array(&x->arena, struct hook_header, in->header_count + 1);
    for (size_t i = 0; i < in->header_count; i++) headers[i] = (struct hook_header){arena_dup(&x->arena, in->headers[i].name), arena_dup(&x->arena, in->headers[i].value)};
    x->in = (struct hook_in){.provider = arena_dup(&x->arena, in->provider), .token = arena_dup(&x->arena, in->token), .body = arena_dup(&x->arena, in->body), .headers = headers, .header_count = in->header_count};
    x->generation = arena_dup(&x->arena, generation);
    x->attempt = attempt;
    x->kind = provider_signature(p);
    x->audience = arena_dup(&x->arena, provider_webhook_audience(p));
    x->done = done;
    x->arg = arg;
    x->next = k->held;
    k->held = x;
    h->waiting++;
    if (!k->request) read_keys(h, k, p);
}

static void with_keys(struct hooks *h, const struct provider *p, struct str secret, const struct hook_in *in, struct str generation, int64_t attempt, ops_done *done, void *arg) {
    struct jwks *k = jwks_of(h, in->provider);
    msec now = now_of(h);
    const struct signature_keys keys = {.jwks = k && jwks_is_kept(now, k->read_at) ? buf_view(&k->text) : STR(""), .secret = secret, .audience = provider_webhook_audience(p)};
    struct why why = {};
    bool fits = !check(h, provider_signature(p), &keys, in, &why);
    enum jwks_turn turn = k ? jwks_turn(now, k->read_at, k->failed_at) : JWKS_DECIDES;
    if (fits) poll_now(h, in, generation, attempt, done, arg);
    else if (turn == JWKS_DECIDES) forged(h, in->provider, &why, done, arg);
    else if (turn == JWKS_LATER) later(done, arg);
    else hold(h, k, p, in, generation, attempt, done, arg);
}

/* --- the way in --- */

void hooks_take_in(void *self, const struct hook_in *in, ops_done *done, void *arg) {
    struct server *s = self;
    struct hooks *h = s->hooks;
    _cleanup_(arena_done) struct arena a = {};
    struct str payload, provider, work, generation, number, secret;
    int64_t attempt = 0;
    const struct providers *all = atlas_providers(s->desk->atlas, shelf_current(s->shelf), NULL);
    const struct provider *p = all && in->provider.len ? providers_find(all, in->provider) : NULL;
    bool ours = p && !token_open(s->signer, "hook", in->token, &a, NULL, &payload) && str_cut(payload, ' ', &provider, &work) && str_cut(work, '.', &generation, &number) && str_to_i64(number, &attempt) &&
                str_eq(provider, in->provider);
    if (!ours) {
        h->unknown++;
        refuse(done, arg, E_NOT_FOUND, "There is nothing at this path; GET /openapi.json lists what there is.");
        return;
    }
    enum signature kind = provider_signature(p);
    struct str name = arena_printf(&a, "%.*s" WEBHOOK_KEY, STR_ARG(provider));
    bool known = signature_has_secret(kind) && keyring_find(s->desk->keyring, name, STR(""), &secret) == KEY_SET;
    if (signature_is_published(kind) && provider_webhook_keys(p).len) {
        with_keys(h, p, known ? secret : STR(""), in, generation, attempt, done, arg);
        return;
    }
    struct why why = {};
    if (known && check(h, kind, &(struct signature_keys){.secret = secret}, in, &why)) {
        forged(h, provider, &why, done, arg);
        return;
    }
    if (!known) h->unsigned_ones++;
    poll_now(h, in, generation, attempt, done, arg);
}

/* --- life --- */

struct hooks *hooks_create(struct server *s) {
    struct hooks *h = calloc(1, sizeof *h);
    must(h);
    h->server = s;
    return h;
}

void hooks_destroy(struct hooks *h) {
    if (!h) return;
    for (size_t i = 0; i < h->count; i++) {
        if (h->keys[i].request) upstream_cancel(h->keys[i].request);
        for (struct held *x = h->keys[i].held, *next; x; x = next) {
            next = x->next;
            arena_done(&x->arena);
            free(x);
        }
        buf_done(&h->keys[i].text);
    }
    free(h);
}

void hooks_metrics(const struct hooks *h, struct buf *out) {
    const struct {
        const char *result;
        uint64_t value;
    } rows[] = {{"polled", h ? h->polled : 0}, {"forged", h ? h->forged : 0}, {"unknown", h ? h->unknown : 0}};
    buf_printf(out, "# HELP puras_hooks_total Webhooks of providers, by what came of them.\n# TYPE puras_hooks_total counter\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) buf_printf(out, "puras_hooks_total{result=\"%s\"} %llu\n", rows[i].result, (unsigned long long)rows[i].value);
    buf_printf(out, "# HELP puras_hooks_unsigned_total Those of them that were taken by their token alone.\n# TYPE puras_hooks_unsigned_total counter\npuras_hooks_unsigned_total %llu\n",
               (unsigned long long)(h ? h->unsigned_ones : 0));
}
