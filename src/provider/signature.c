/* Signatures of webhooks that come in: fal (Ed25519), Standard Webhooks (HMAC-SHA-256), Google (Standard, or RS256 in a token). All of them cover the
 * bytes as they came; a moment further than five minutes away is refused in both directions. */
#include "provider/provider.h"

#include "base/hash.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdio.h>

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

static err check_standard(struct str secret, const struct header_out *h, size_t n, struct str body, msec now, struct arena *a, struct why *why) {
    struct str id = header(h, n, "webhook-id"), at = header(h, n, "webhook-timestamp"), signatures = header(h, n, "webhook-signature"), one;
    uint8_t key[SECRET_MAX], mac[SHA256_LEN], given[SHA256_LEN];
    size_t key_len, given_len;
    if (!id.len || !at.len || !signatures.len) return bad(why, "it is not signed");
    if (!is_near(at, now)) return bad(why, "its time is more than five minutes away");
    if (str_starts(secret, STR("whsec_"))) secret = str_skip(secret, 6);
    if (!secret.len || !base64_decode(secret, key, sizeof key, &key_len) || !key_len) return bad(why, "the secret for its signature is not set, or is not base64");
    char *content = arena_bytes(a, id.len + at.len + body.len + 2);
    size_t len = 0;
    const struct str parts[] = {id, STR("."), at, STR("."), body};
    for (size_t i = 0; i < 5; i++) {
        if (parts[i].len) memcpy(content + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    hmac_sha256(str_n(key, key_len), str_n(content, len), mac);
    bool ok = false;
    while (signatures.len) {
        str_cut(signatures, ' ', &one, &signatures);
        if (!str_starts(one, STR("v1,")) || !base64_decode(str_skip(one, 3), given, sizeof given, &given_len) || given_len != sizeof given) continue;
        ok |= str_eq_secret(str_n(mac, sizeof mac), str_n(given, sizeof given));
    }
    return ok ? OK : bad(why, "no signature of it fits");
}

/* --- fal --- */

static bool ed25519_fits(struct str key, const uint8_t *signature, struct str message) {
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)key.ptr, key.len);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = pkey && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
              EVP_DigestVerify(ctx, signature, ED25519_SIGNATURE, (const unsigned char *)message.ptr, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return ok;
}

static const struct json *keys_of(struct str jwks, struct arena *a) {
    struct json *doc = NULL;
    if (json_parse(jwks, a, NULL, &doc)) return NULL;
    const struct json *keys = json_get(doc, "keys");
    return json_is(keys, JSON_ARRAY) ? keys->child : NULL;
}

static err check_fal(struct str jwks, const struct header_out *h, size_t n, struct str body, msec now, struct arena *a, struct why *why) {
    struct str id = header(h, n, "x-fal-webhook-request-id"), user = header(h, n, "x-fal-webhook-user-id"), at = header(h, n, "x-fal-webhook-timestamp"),
               hex = header(h, n, "x-fal-webhook-signature"), x;
    uint8_t signature[ED25519_SIGNATURE], key[ED25519_KEY + 3];
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
    bool ok = false;
    for (const struct json *k = keys_of(jwks, a); k && !ok; k = k->next) {
        size_t len;
        if (!json_as_str(json_get(k, "x"), &x) || x.len > BASE64URL_LEN(ED25519_KEY) || !base64url_decode(x, key, &len) || len != ED25519_KEY) continue;
        ok = ed25519_fits(str_n(key, len), signature, message);
    }
    return ok ? OK : bad(why, "no key fits its signature");
}

/* --- Google --- */

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

/* The token does not cover the body, which is why a webhook is only ever a hint. */
static err check_token(struct str jwks, struct str token, msec now, struct arena *a, struct why *why) {
    struct str head64, rest, claims64, sign64, kid = {}, word;
    if (!str_cut(token, '.', &head64, &rest) || !str_cut(rest, '.', &claims64, &sign64) || sign64.len > 2048) return bad(why, "its token cannot be read");
    const struct json *head = token_part(head64, a), *claims = token_part(claims64, a);
    uint8_t *signature = arena_bytes(a, sign64.len + 4);
    size_t len;
    int64_t issued, expires;
    if (!json_as_str(json_get(head, "alg"), &word) || !str_is(word, "RS256") || !base64url_decode(sign64, signature, &len)) return bad(why, "its token is not RS256");
    json_as_str(json_get(head, "kid"), &kid);
    struct str content = str_head(token, head64.len + 1 + claims64.len);
    bool ok = false;
    for (const struct json *k = keys_of(jwks, a); k && !ok; k = k->next) {
        struct str id = {};
        json_as_str(json_get(k, "kid"), &id);
        if (!kid.len || str_eq(id, kid)) ok = rs256_fits(k, content, signature, len, a);
    }
    if (!ok) return bad(why, "no key fits its signature");
    int64_t s = now / MS_SECOND;
    if (!json_as_i64(json_get(claims, "iat"), &issued) || issued > s + TOLERANCE_S || issued < s - TOLERANCE_S)
        return bad(why, "its time is more than five minutes away");
    if (json_as_i64(json_get(claims, "exp"), &expires) && expires < s) return bad(why, "its token has expired");
    return OK;
}

err signature_check(enum signature s, struct str keys, const struct header_out *headers, size_t header_count, struct str body, msec now, struct arena *a,
                    struct why *why) {
    switch (s) {
    case SIGNATURE_NONE: return OK;
    case SIGNATURE_FAL: return check_fal(keys, headers, header_count, body, now, a, why);
    case SIGNATURE_STANDARD: return check_standard(keys, headers, header_count, body, now, a, why);
    case SIGNATURE_GOOGLE:
        if (str_starts(keys, STR("whsec_"))) return check_standard(keys, headers, header_count, body, now, a, why);
        return check_token(keys, header(headers, header_count, "webhook-signature"), now, a, why);
    }
    return bad(why, "its signature is of an unknown kind");
}

bool signature_secret_reads(struct str secret) {
    uint8_t key[64];
    size_t n = 0;
    return str_starts(secret, STR("whsec_")) && base64_decode(str_skip(secret, 6), key, sizeof key, &n) && n >= 16;
}
