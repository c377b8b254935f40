/* Signatures of webhooks that come in: fal (Ed25519), Standard Webhooks (HMAC-SHA-256), Google (in one of three ways, below). All of them but Google's
 * token cover the bytes as they came; a moment further than five minutes away is refused in both directions. */
#include "provider/provider.h"

#include "base/hash.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdio.h>

enum { JWKS_KEPT_MS = 24 * 3600 * 1000, JWKS_AGAIN_MS = 60 * 1000, JWKS_FAILED_MS = 10 * 1000 };
enum { TOLERANCE_S = 300, ED25519_KEY = 32, ED25519_SIGNATURE = 64, SECRET_MAX = 256 };

static err bad(struct why *why, const char *text) { return why_set(why, E_BAD_SIGNATURE, "The webhook is refused: %s.", text); }

static struct str header(const struct header_out *h, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (str_ieq(h[i].name, str_of(name))) return str_trim(h[i].value);
    return (struct str){};
}

static bool is_near(struct str seconds, msec now) {
    int64_t at;
    if (!str_to_i64(seconds, &at) || at < 0 || at > INT64_MAX / MS_SECOND - TOLERANCE_S) return false;
    int64_t off = now / MS_SECOND - at;
    return off <= TOLERANCE_S && off >= -TOLERANCE_S;
}

/* base64, padded or not; strict otherwise. */
static bool base64_decode(struct str s, uint8_t *out, size_t max, size_t *out_len) {
    while (s.len && s.ptr[s.len - 1] == '=') s.len--;
    if (s.len > max * 4 / 3 + 2 || s.len > 1024) return false;
    char url[1026];
    for (size_t i = 0; i < s.len; i++) url[i] = s.ptr[i] == '+' ? '-' : s.ptr[i] == '/' ? '_' : s.ptr[i] == '-' || s.ptr[i] == '_' ? '!' : s.ptr[i];
    uint8_t bytes[1026];
    size_t n;
    if (!base64url_decode(str_n(url, s.len), bytes, &n) || n > max) return false;
    memcpy(out, bytes, n);
    *out_len = n;
    return true;
}

static int nibble(char c) { return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1; }

/* --- Standard Webhooks --- */

/* What is signed: id, time and body. */
struct message { struct str signatures, content; };

static err read_message(const struct header_out *h, size_t n, struct str body, msec now, struct arena *a, struct why *why, struct message *out) {
    struct str id = header(h, n, "webhook-id"), at = header(h, n, "webhook-timestamp"), signatures = header(h, n, "webhook-signature");
    if (!id.len || !at.len || !signatures.len) return bad(why, "it is not signed");
    if (!is_near(at, now)) return bad(why, "its time is more than five minutes away");
    char *content = arena_bytes(a, id.len + at.len + body.len + 2);
    size_t len = 0;
    const struct str parts[] = {id, STR("."), at, STR("."), body};
    for (size_t i = 0; i < 5; i++) {
        if (parts[i].len) memcpy(content + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    *out = (struct message){signatures, str_n(content, len)};
    return OK;
}

/* The next signature of a version among those in the header, as exactly `len` bytes. */
static bool next_signature(struct str *signatures, struct str version, uint8_t *out, size_t len) {
    struct str one;
    size_t n;
    while (signatures->len) {
        str_cut(*signatures, ' ', &one, signatures);
        if (str_starts(one, version) && base64_decode(str_skip(one, version.len), out, len, &n) && n == len) return true;
    }
    return false;
}

static err check_standard(struct str secret, const struct header_out *h, size_t n, struct str body, msec now, struct arena *a, struct why *why) {
    struct message m;
    uint8_t key[SECRET_MAX], mac[SHA256_LEN], given[SHA256_LEN];
    size_t key_len;
    TRY(read_message(h, n, body, now, a, why, &m));
    if (str_starts(secret, STR("whsec_"))) secret = str_skip(secret, 6);
    if (!secret.len || !base64_decode(secret, key, sizeof key, &key_len) || !key_len) return bad(why, "the secret for its signature is not set, or is not base64");
    hmac_sha256(str_n(key, key_len), m.content, mac);
    bool ok = false;
    while (next_signature(&m.signatures, STR("v1,"), given, sizeof given)) ok |= str_eq_secret(str_n(mac, sizeof mac), str_n(given, sizeof given));
    return ok ? OK : bad(why, "no signature of it fits");
}

/* --- keys that are published --- */

static const struct json *keys_of(struct str jwks, struct arena *a) {
    struct json *doc = NULL;
    if (json_parse(jwks, a, NULL, &doc)) return NULL;
    const struct json *keys = json_get(doc, "keys");
    return json_is(keys, JSON_ARRAY) ? keys->child : NULL;
}

static bool ed25519_fits(struct str key, const uint8_t *signature, struct str message) {
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)key.ptr, key.len);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = pkey && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
              EVP_DigestVerify(ctx, signature, ED25519_SIGNATURE, (const unsigned char *)message.ptr, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return ok;
}

/* Neither fal nor Google says by which key they signed. */
static bool ed25519_fits_one(struct str jwks, const uint8_t *signature, struct str message, struct arena *a) {
    uint8_t key[ED25519_KEY + 3];
    struct str x;
    size_t len;
    for (const struct json *k = keys_of(jwks, a); k; k = k->next)
        if (json_as_str(json_get(k, "x"), &x) && x.len <= BASE64URL_LEN(ED25519_KEY) && base64url_decode(x, key, &len) && len == ED25519_KEY &&
            ed25519_fits(str_n(key, len), signature, message))
            return true;
    return false;
}

/* --- fal --- */

static err check_fal(struct str jwks, const struct header_out *h, size_t n, struct str body, msec now, struct arena *a, struct why *why) {
    struct str id = header(h, n, "x-fal-webhook-request-id"), user = header(h, n, "x-fal-webhook-user-id"), at = header(h, n, "x-fal-webhook-timestamp"),
               hex = header(h, n, "x-fal-webhook-signature");
    uint8_t signature[ED25519_SIGNATURE];
    if (!id.len || !user.len || !at.len || hex.len != sizeof signature * 2) return bad(why, "it is not signed");
    if (!is_near(at, now)) return bad(why, "its time is more than five minutes away");
    for (size_t i = 0; i < sizeof signature; i++) {
        int high = nibble(hex.ptr[i * 2]), low = nibble(hex.ptr[i * 2 + 1]);
        if (high < 0 || low < 0) return bad(why, "its signature is not in hexadecimal digits");
        signature[i] = (uint8_t)(high << 4 | low);
    }
    char digest[SHA256_HEX + 1];
    sha256_hex(body, digest);
    struct str message = arena_printf(a, "%.*s\n%.*s\n%.*s\n%s", STR_ARG(id), STR_ARG(user), STR_ARG(at), digest);
    return ed25519_fits_one(jwks, signature, message, a) ? OK : bad(why, "no key fits its signature");
}

/* --- Google ---
 *
 * A webhook of the project (static) is signed by Standard Webhooks with the secret that its creation showed. One that a request asks for (dynamic) bears, by the
 * documents, an RS256 token in Webhook-Signature, to be checked with the published keys by `kid`, algorithm and audience, and every webhook says its moment in
 * Webhook-Timestamp (ai.google.dev/gemini-api/docs/webhooks, read 2026-11-28). What is really sent, a user reports, is Standard Webhooks' asymmetric signature
 * instead: v1a and Ed25519, with keys of the same place (github.com/googleapis/python-genai/issues/2927, 2026-08-31, open). So all three are taken, each with
 * its own keys. Written down nowhere: which claims the token has, what its audience is but "configured", for example a client's id, and who issues it. */

static EVP_PKEY *rsa_key(const struct json *jwk, struct arena *a) {
    struct str n64, e64;
    if (!json_as_str(json_get(jwk, "n"), &n64) || !json_as_str(json_get(jwk, "e"), &e64) || n64.len > 1400 || e64.len > 16) return NULL;
    uint8_t *modulus = arena_bytes(a, n64.len + 4), *exponent = arena_bytes(a, e64.len + 4);
    size_t modulus_len, exponent_len;
    if (!base64url_decode(n64, modulus, &modulus_len) || !base64url_decode(e64, exponent, &exponent_len)) return NULL;
    BIGNUM *n = BN_bin2bn(modulus, (int)modulus_len, NULL), *e = BN_bin2bn(exponent, (int)exponent_len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = NULL;
    if (n && e && build && ctx && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
        params = OSSL_PARAM_BLD_to_param(build);
    if (params && EVP_PKEY_fromdata_init(ctx) == 1) EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return key;
}

static bool rs256_fits(const struct json *jwk, struct str content, const uint8_t *signature, size_t len, struct arena *a) {
    EVP_PKEY *key = rsa_key(jwk, a);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = key && ctx && EVP_PKEY_get_bits(key) >= 2048 && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestVerify(ctx, signature, len, (const unsigned char *)content.ptr, content.len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ok;
}

static const struct json *token_part(struct str s, struct arena *a) {
    uint8_t *bytes = arena_bytes(a, s.len + 4);
    size_t len;
    struct json *j = NULL;
    if (!s.len || !base64url_decode(s, bytes, &len) || json_parse(str_n(bytes, len), a, NULL, &j)) return NULL;
    return j;
}

/* The address itself, a part of it that ends at a slash, or the origin. */
static bool leads_to(struct str audience, struct str url) {
    struct str scheme, rest, host, path;
    if (!str_cut(url, ':', &scheme, &rest) || !str_starts(rest, STR("//"))) return false;
    str_cut(str_skip(rest, 2), '/', &host, &path);
    if (audience.len < scheme.len + 3 + host.len || !str_starts(url, audience)) return false;
    return audience.len == url.len || url.ptr[audience.len] == '/' || audience.ptr[audience.len - 1] == '/';
}

static bool is_meant(const struct json *aud, const struct signature_keys *k) {
    for (const struct json *one = json_is(aud, JSON_ARRAY) ? aud->child : aud; one; one = json_is(aud, JSON_ARRAY) ? one->next : NULL) {
        struct str s;
        if (json_as_str(one, &s) && s.len && (k->audience.len ? str_eq(s, k->audience) : leads_to(s, k->url))) return true;
    }
    return false;
}

/* The moment in the header is not covered by the token, so the token must say one, too. */
static err check_claims(const struct json *claims, const struct signature_keys *k, msec now, struct why *why) {
    int64_t s = now / MS_SECOND, issued, expires, begins;
    bool has_issued = json_as_i64(json_get(claims, "iat"), &issued), has_expires = json_as_i64(json_get(claims, "exp"), &expires);
    if (!has_issued && !has_expires) return bad(why, "its token says no time");
    if (has_issued && (issued > s + TOLERANCE_S || issued < s - TOLERANCE_S)) return bad(why, "its time is more than five minutes away");
    if (has_expires && expires < s) return bad(why, "its token has expired");
    if (json_as_i64(json_get(claims, "nbf"), &begins) && begins > s + TOLERANCE_S) return bad(why, "its token is not valid yet");
    return is_meant(json_get(claims, "aud"), k) ? OK : bad(why, "its token is for somebody else");
}

/* The token does not cover the body, which is one more reason why a webhook is only ever a hint. */
static err check_token(const struct signature_keys *keys, struct str token, msec now, struct arena *a, struct why *why) {
    struct str head64, rest, claims64, sign64, kid = {}, word;
    if (!str_cut(token, '.', &head64, &rest) || !str_cut(rest, '.', &claims64, &sign64) || sign64.len > 2048) return bad(why, "its token cannot be read");
    const struct json *head = token_part(head64, a), *claims = token_part(claims64, a);
    uint8_t *signature = arena_bytes(a, sign64.len + 4);
    size_t len;
    /* the algorithm is ours to say and not the token's: no other is known here, none and HS256 with the public key for its secret least of all */
    if (!json_as_str(json_get(head, "alg"), &word) || !str_is(word, "RS256") || !base64url_decode(sign64, signature, &len)) return bad(why, "its token is not RS256");
    if (json_get(head, "crit")) return bad(why, "its token asks for what is not known here");
    json_as_str(json_get(head, "kid"), &kid);
    struct str content = str_head(token, head64.len + 1 + claims64.len);
    bool ok = false;
    for (const struct json *k = keys_of(keys->jwks, a); k && !ok; k = k->next) {
        struct str id = {};
        json_as_str(json_get(k, "kid"), &id);
        if (!kid.len || str_eq(id, kid)) ok = rs256_fits(k, content, signature, len, a);
    }
    return ok ? check_claims(claims, keys, now, why) : bad(why, "no key fits its signature");
}

static err check_google(const struct signature_keys *k, const struct header_out *h, size_t n, struct str body, msec now, struct arena *a, struct why *why) {
    struct message m;
    uint8_t given[ED25519_SIGNATURE];
    if (k->secret.len && !check_standard(k->secret, h, n, body, now, a, NULL)) return OK;
    TRY(read_message(h, n, body, now, a, why, &m));
    if (!memchr(m.signatures.ptr, ',', m.signatures.len)) return check_token(k, m.signatures, now, a, why);
    while (next_signature(&m.signatures, STR("v1a,"), given, sizeof given))
        if (ed25519_fits_one(k->jwks, given, m.content, a)) return OK;
    return bad(why, "no key fits its signature");
}

bool jwks_is_kept(msec now, msec read_at) { return read_at && now - read_at < JWKS_KEPT_MS; }

enum jwks_turn jwks_turn(msec now, msec read_at, msec failed_at) {
    if (read_at && now - read_at < JWKS_AGAIN_MS) return JWKS_DECIDES;
    return failed_at && now - failed_at < JWKS_FAILED_MS ? JWKS_LATER : JWKS_READ;
}

bool signature_is_published(enum signature s) { return s == SIGNATURE_FAL || s == SIGNATURE_GOOGLE; }
bool signature_has_secret(enum signature s) { return s == SIGNATURE_STANDARD || s == SIGNATURE_GOOGLE; }

err signature_check(enum signature s, const struct signature_keys *keys, const struct header_out *headers, size_t header_count, struct str body, msec now, struct arena *a,
                    struct why *why) {
    switch (s) {
    case SIGNATURE_NONE: return OK;
    case SIGNATURE_FAL: return check_fal(keys->jwks, headers, header_count, body, now, a, why);
    case SIGNATURE_STANDARD: return check_standard(keys->secret, headers, header_count, body, now, a, why);
    case SIGNATURE_GOOGLE: return check_google(keys, headers, header_count, body, now, a, why);
    }
    return bad(why, "its signature is of an unknown kind");
}

bool signature_secret_reads(struct str secret) {
    uint8_t key[64];
    size_t n = 0;
    return str_starts(secret, STR("whsec_")) && base64_decode(str_skip(secret, 6), key, sizeof key, &n) && n >= 16;
}
