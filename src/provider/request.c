/* Builds requests: URL, headers with the credential, body with holes where the bytes of files go. */
#include "provider/describe.h"

#include "base/hash.h"

#include <openssl/evp.h>
#include <stdio.h>

enum { HEADERS_MAX = 64, KLING_LIVES_S = 1800, KLING_EARLIER_S = 5 };

/* --- auth --- */

/* HS256 with the members in this order; the vector of the provider's documents is in the test. */
static struct str kling_jwt(struct str key, msec now, struct arena *a, struct str *out_secret) {
    struct str access, secret;
    if (!str_cut(key, ':', &access, &secret)) str_cut(key, '|', &access, &secret);
    int64_t s = now / MS_SECOND;
    struct buf claims = {};
    struct jw w = {.out = &claims};
    jw_open(&w, '{');
    jw_kstr(&w, "iss", access);
    jw_ki64(&w, "exp", s + KLING_LIVES_S);
    jw_ki64(&w, "nbf", s - KLING_EARLIER_S);
    jw_close(&w, '}');
    static const char head[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    char *head64 = arena_bytes(a, BASE64URL_LEN(sizeof head) + 1), *claims64 = arena_bytes(a, BASE64URL_LEN(claims.len) + 1), sign64[BASE64URL_LEN(SHA256_LEN) + 1];
    base64url_encode(head, sizeof head - 1, head64);
    base64url_encode(claims.ptr, claims.len, claims64);
    buf_done(&claims);
    struct str content = arena_printf(a, "%s.%s", head64, claims64);
    uint8_t mac[SHA256_LEN];
    hmac_sha256(secret, content, mac);
    base64url_encode(mac, sizeof mac, sign64);
    if (out_secret) *out_secret = secret;
    return arena_printf(a, "%.*s.%s", STR_ARG(content), sign64);
}

static struct str basic(struct str key, struct arena *a) {
    char *out = arena_bytes(a, key.len * 4 / 3 + 8);
    int n = EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)key.ptr, (int)key.len);
    return str_n(out, (size_t)n);
}

/* The credential as a header, or as `name=value` for the query. */
err auth_write(const struct endpoint *e, const struct provider_call *c, struct arena *a, struct why *why, struct header_out *out_header, struct str *out_query) {
    const struct auth *auth = &e->auth;
    *out_header = (struct header_out){.name = STR("Authorization"), .secret = true};
    *out_query = (struct str){};
    if (auth->scheme == AUTH_NONE) {
        *out_header = (struct header_out){};
        return OK;
    }
    struct str name = e->provider->info.name;
    if (!c->key.len) return why_set(why, E_NO_PROVIDER_KEY, "The key of the provider `%.*s` is not set on this server; `puras providers set-key %.*s` sets it.", STR_ARG(name), STR_ARG(name));
    for (size_t i = 0; i < c->key.len; i++)
        if ((unsigned char)c->key.ptr[i] < 0x20 || c->key.ptr[i] == 0x7F) return why_set(why, E_NO_PROVIDER_KEY, "The key of the provider `%.*s` holds a control character.", STR_ARG(name));
    struct calling k;
    struct buf b = {};
    switch (auth->scheme) {
    case AUTH_NONE: break;
    case AUTH_BEARER: out_header->value = arena_printf(a, "Bearer %.*s", STR_ARG(c->key)); break;
    case AUTH_BASIC: out_header->value = arena_printf(a, "Basic %.*s", STR_ARG(basic(c->key, a))); break;
    case AUTH_KLING_JWT:
        if (!memchr(c->key.ptr, ':', c->key.len) && !memchr(c->key.ptr, '|', c->key.len))
            return why_set(why, E_NO_PROVIDER_KEY, "The key of the provider `%.*s` must be access:secret.", STR_ARG(name));
        out_header->value = arena_printf(a, "Bearer %.*s", STR_ARG(kling_jwt(c->key, c->now, a, NULL)));
        break;
    case AUTH_GOOGLE_KEY:
        out_header->name = STR("x-goog-api-key");
        out_header->value = c->key;
        break;
    case AUTH_HEADER:
        calling_start(&k, e, c, NULL, a, why);
        out_header->name = auth->name;
        err failed = template_write(&auth->format, &k, ESCAPE_NONE, &b);
        out_header->value = arena_dup(a, buf_view(&b));
        buf_done(&b);
        return failed;
    case AUTH_QUERY:
        escape_write(&b, auth->name, ESCAPE_QUERY);
        buf_c(&b, '=');
        escape_write(&b, c->key, ESCAPE_QUERY);
        *out_header = (struct header_out){};
        *out_query = arena_dup(a, buf_view(&b));
        buf_done(&b);
        break;
    }
    return OK;
}

static void mask_one(struct buf *b, struct str secret) {
    if (secret.len < 4) return;
    for (size_t i = 0; i + secret.len <= b->len; i++) {
        if (memcmp(b->ptr + i, secret.ptr, secret.len) != 0) continue;
        memmove(b->ptr + i + 3, b->ptr + i + secret.len, b->len - i - secret.len);
        memcpy(b->ptr + i, "***", 3);
        b->len -= secret.len - 3;
        b->ptr[b->len] = 0;
    }
}

struct str provider_mask(const struct endpoint *e, const struct provider_call *c, struct str text, struct arena *a) {
    struct str head, tail;
    struct buf b = {}, escaped = {};
    buf_str(&b, text);
    escape_write(&escaped, c->key, ESCAPE_QUERY);
    if (e->auth.scheme == AUTH_KLING_JWT) mask_one(&b, kling_jwt(c->key, c->now, a, NULL));
    if (e->auth.scheme == AUTH_BASIC && c->key.len) mask_one(&b, basic(c->key, a));
    mask_one(&b, c->key);
    mask_one(&b, buf_view(&escaped));
    if (str_cut(c->key, ':', &head, &tail)) { /* either half alone */
        if (tail.len >= 8) mask_one(&b, tail);
        if (head.len >= 8) mask_one(&b, head);
    }
    struct str out = arena_dup(a, buf_view(&b));
    buf_done(&b);
    buf_done(&escaped);
    return out;
}

/* --- URL --- */

/* A path that climbs would leave what the description names. */
static bool climbs(struct str url) {
    struct str path = url;
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '?' || path.ptr[i] == '#') path.len = i;
    }
    for (size_t i = 0; i + 2 < path.len; i++) {
        bool dots = path.ptr[i] == '/' && path.ptr[i + 1] == '.' && path.ptr[i + 2] == '.';
        if (dots && (i + 3 == path.len || path.ptr[i + 3] == '/')) return true;
    }
    return false;
}

static struct str rebased(const struct provider *p, struct str url, struct arena *a) {
    if (!p->old_base.len) return url;
    struct str base = p->info.base, rest = str_skip(url, p->old_base.len), origin = url_origin(p->old_base);
    bool below = str_starts(url, p->old_base) && (!rest.len || strchr("/?", rest.ptr[0]));
    if (below) return arena_printf(a, "%.*s%.*s", STR_ARG(base), STR_ARG(rest));
    if (str_eq(url_origin(url), origin)) return arena_printf(a, "%.*s%.*s", STR_ARG(base), STR_ARG(str_skip(url, origin.len)));
    for (size_t i = 0; i < p->old_host_count; i++)
        if (str_eq(url_origin(url), p->old_hosts[i])) return arena_printf(a, "%.*s%.*s", STR_ARG(base), STR_ARG(str_skip(url, p->old_hosts[i].len)));
    return url;
}

static bool origin_is(struct str origin, struct str pattern) {
    struct str scheme, host;
    for (size_t i = 0; i + 3 < pattern.len; i++) {
        if (memcmp(pattern.ptr + i, "//*.", 4) != 0) continue;
        scheme = str_head(pattern, i + 2);
        host = str_skip(pattern, i + 3); /* ".example.com" */
        return str_starts(origin, scheme) && str_ends(origin, host) && origin.len > scheme.len + host.len;
    }
    return str_ieq(origin, pattern);
}

static bool is_own(const struct provider *p, struct str origin) {
    if (origin_is(origin, url_origin(p->info.base))) return true;
    for (size_t i = 0; i < p->info.host_count; i++)
        if (origin_is(origin, p->info.hosts[i])) return true;
    return false;
}

static err write_query(struct calling *k, const struct request_spec *s, struct str auth, struct buf *url) {
    char sign = url->len && memchr(url->ptr, '?', url->len) ? '&' : '?';
    for (size_t i = 0; i < s->query.count; i++) {
        size_t before = url->len;
        buf_c(url, sign);
        escape_write(url, s->query.list[i].name, ESCAPE_QUERY);
        buf_c(url, '=');
        size_t named = url->len;
        TRY(template_write(&s->query.list[i].value, k, ESCAPE_QUERY, url));
        if (url->len == named) {
            url->len = before;
            url->ptr[before] = 0;
        } else {
            sign = '&';
        }
    }
    if (auth.len) buf_printf(url, "%c%.*s", sign, STR_ARG(auth));
    return OK;
}

static err write_url(struct calling *k, const struct request_spec *s, enum ask ask, struct buf *url, struct str *out_query, struct header_out *out_auth, struct request *out) {
    const struct provider *p = k->e->provider;
    struct buf head = {};
    struct buf path = {};
    err e = template_write(&s->url, k, ESCAPE_PATH, &path);
    bool otherwise = !e && !path.len && s->otherwise.count;
    if (otherwise) e = template_write(&s->otherwise, k, ESCAPE_PATH, &path);
    if (otherwise || !s->whole) buf_str(&head, p->info.base);
    size_t base = head.len;
    buf_str(&head, buf_view(&path));
    buf_done(&path);
    struct str text = rebased(p, arena_dup(k->a, buf_view(&head)), k->a);
    buf_done(&head);
    if (e) return e;
    struct str origin = url_origin(text);
    if (!origin.len || (base && text.len == base) || climbs(text))
        return why_set(k->why, E_DESCRIPTION, "The address of a request to `%.*s` cannot be made from `%.*s`: a part of it is missing.", STR_ARG(p->info.name),
                       STR_ARG(str_head(s->url.source, 120)));
    bool own = is_own(p, origin);
    if (!own && ask != ASK_UPLOAD)
        return why_set(k->why, E_EGRESS, "The provider `%.*s` gave an address on %.*s, which is neither its base nor one of its hosts; nothing is sent there.",
                       STR_ARG(p->info.name), STR_ARG(str_head(origin, 100)));
    out->foreign = !own;
    out->origin = origin;
    if (own) TRY(auth_write(k->e, k->c, k->a, k->why, out_auth, out_query));
    buf_str(url, text);
    return write_query(k, s, *out_query, url);
}

/* --- headers --- */

struct headers { struct header_out *list; size_t count; };

static err add_header(struct calling *k, struct headers *h, struct str name, const struct template *value) {
    struct buf b = {};
    err e = template_write(value, k, ESCAPE_NONE, &b);
    for (size_t i = 0; i < b.len; i++)
        if ((unsigned char)b.ptr[i] < 0x20 || b.ptr[i] == 0x7F) b.ptr[i] = ' ';
    size_t at = 0;
    while (at < h->count && !str_ieq(h->list[at].name, name)) at++; /* the request's own replaces the description's */
    if (!e && b.len && at < HEADERS_MAX) {
        h->list[at] = (struct header_out){.name = name, .value = arena_dup(k->a, buf_view(&b))};
        if (at == h->count) h->count++;
    }
    buf_done(&b);
    return e;
}

static err write_headers(struct calling *k, const struct request_spec *s, enum ask ask, const struct header_out *auth, struct str type, bool own, struct request *out) {
    struct headers h = {.list = arena_array(k->a, struct header_out, HEADERS_MAX + 4)};
    if (own)
        for (size_t i = 0; i < k->e->headers.count; i++) TRY(add_header(k, &h, k->e->headers.list[i].name, &k->e->headers.list[i].value));
    for (size_t i = 0; i < s->headers.count; i++) TRY(add_header(k, &h, s->headers.list[i].name, &s->headers.list[i].value));
    bool stated = false;
    for (size_t i = 0; i < h.count; i++) stated |= str_ieq(h.list[i].name, STR("Content-Type"));
    if (type.len && (!stated || s->body == BODY_MULTIPART)) h.list[h.count++] = (struct header_out){.name = STR("Content-Type"), .value = type};
    if (ask == ASK_SUBMIT && k->e->idempotency_header.len)
        h.list[h.count++] = (struct header_out){.name = k->e->idempotency_header, .value = k->c->our_ref};
    if (auth->value.len) h.list[h.count++] = *auth;
    out->headers = h.list;
    out->header_count = h.count;
    return OK;
}

/* --- the whole --- */

static const struct request_spec *spec_for(const struct endpoint *e, enum ask ask) {
    switch (ask) {
    case ASK_SUBMIT: return &e->submit;
    case ASK_POLL: return &e->poll;
    case ASK_RESULT: return &e->result;
    case ASK_CANCEL: return &e->cancel;
    case ASK_LOOKUP: return &e->lookup;
    case ASK_UPLOAD_REQUEST: return &e->upload_request;
    case ASK_UPLOAD: return &e->upload;
    }
    return &e->submit;
}

static err check_inline(const struct endpoint *e, const struct provider_call *c, struct why *why) {
    enum { INLINE_DEFAULT = 8000000 };
    int64_t most = e->info.max_inline ? e->info.max_inline : INLINE_DEFAULT;
    for (size_t i = 0; i < c->file_count; i++) {
        const struct call_file *f = &c->files[i];
        bool counted = f->inline_bytes || (!f->url.len && e->info.files != FILES_PART);
        if (counted && e->info.files != FILES_PART && f->bytes > most)
            return why_set(why, E_TOO_LARGE, "The file of input `%.*s` has %lld bytes; this provider takes at most %lld. Send a smaller file.", STR_ARG(f->input),
                           (long long)f->bytes, (long long)most);
    }
    return OK;
}

err provider_request(const struct endpoint *e, enum ask ask, const struct provider_call *c, const struct evaluator *ev, struct arena *a, struct why *why,
                     struct request *out) {
    const struct request_spec *s = spec_for(e, ask);
    struct calling k;
    struct request made = {.fresh_connection = ask == ASK_SUBMIT && !e->info.idempotent, .timeout = ask == ASK_SUBMIT ? e->info.submit_timeout : e->info.timeout};
    if (!s->given) return why_set(why, E_DESCRIPTION, "The description of `%.*s` does not say how that is asked.", STR_ARG(e->provider->info.name));
    if (ask == ASK_SUBMIT) TRY(check_inline(e, c, why));
    calling_start(&k, e, c, ev, a, why);
    made.method = s->method;
    struct header_out auth = {};
    struct str query = {}, type = {};
    struct buf url = {};
    err failed = write_url(&k, s, ask, &url, &query, &auth, &made);
    made.url = arena_dup(a, buf_view(&url));
    buf_done(&url);
    if (failed) return failed;
    const struct json *body = NULL;
    TRY(calling_body(&k, s, ask, &body));
    TRY(body_write(&k, s, body, &made, &type));
    TRY(write_headers(&k, s, ask, &auth, type, !made.foreign, &made));
    *out = made;
    return OK;
}
