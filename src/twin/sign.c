/* Signatures as providers make them: fal's Ed25519 with a published key, Standard Webhooks, Google's RS256 tokens, and the check of Kling's tokens. The keys
 * are drawn at the start, that for RS256 when it is first wanted: it takes longer than the whole start. */
#include "base/hash.h"
#include "base/id.h"
#include "twin/wire.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

enum { ED25519_SIGNATURE = 64, RSA_BITS = 2048, RSA_BYTES = RSA_BITS / 8 };

struct str base64_of(struct str bytes, struct arena *a) {
    char *out = arena_bytes(a, (bytes.len + 2) / 3 * 4 + 1);
    int n = EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)bytes.ptr, (int)bytes.len);
    return str_n(out, (size_t)n);
}

bool base64_read(struct str s, struct arena *a, struct str *out) {
    size_t pad = str_ends(s, STR("==")) ? 2 : str_ends(s, STR("=")) ? 1 : 0;
    if (!s.len || s.len % 4 || s.len > BODY_MAX || memchr(s.ptr, '=', s.len - pad)) return false;
    unsigned char *bytes = arena_bytes(a, s.len / 4 * 3 + 1);
    int n = EVP_DecodeBlock(bytes, (const unsigned char *)s.ptr, (int)s.len);
    if (n < 0) return false;
    return *out = str_n(bytes, (size_t)n - pad), true;
}

bool sign_make(struct io *io, struct signer_keys *out) {
    uint8_t seed[32], pub[32];
    size_t n = sizeof pub;
    char secret[48];
    io->ops->random(io, seed, sizeof seed);
    io->ops->random(io, out->hmac, sizeof out->hmac);
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
    if (!key || EVP_PKEY_get_raw_public_key(key, pub, &n) != 1) return false;
    out->ed25519 = key;
    out->hmac_len = sizeof out->hmac;
    base64url_encode(pub, sizeof pub, out->x);
    EVP_EncodeBlock((unsigned char *)secret, out->hmac, sizeof out->hmac);
    snprintf(out->secret, sizeof out->secret, "whsec_%s", secret);
    return true;
}

void sign_done(struct signer_keys *k) {
    EVP_PKEY_free(k->ed25519);
    EVP_PKEY_free(k->rsa);
}

static void signature_of(EVP_PKEY *key, const EVP_MD *digest, struct str message, uint8_t *out, size_t size) {
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    must(c && EVP_DigestSignInit(c, NULL, digest, NULL, key) == 1 && EVP_DigestSign(c, out, &size, (const unsigned char *)message.ptr, message.len) == 1);
    EVP_MD_CTX_free(c);
}

void sign_fal(const struct signer_keys *k, struct str message, char out_hex[129]) {
    uint8_t sig[ED25519_SIGNATURE] = {};
    signature_of(k->ed25519, NULL, message, sig, sizeof sig);
    hex_encode(sig, sizeof sig, out_hex);
}

static struct str standard_message(struct str id, msec now, struct str body, struct arena *a) {
    return arena_printf(a, "%.*s.%lld.%.*s", STR_ARG(id), (long long)(now / 1000), STR_ARG(body));
}

struct str sign_standard(const struct signer_keys *k, struct str id, msec now, struct str body, struct arena *a) {
    uint8_t mac[SHA256_LEN];
    hmac_sha256(str_n(k->hmac, k->hmac_len), standard_message(id, now, body, a), mac);
    return arena_printf(a, "v1,%.*s", STR_ARG(base64_of(str_n(mac, sizeof mac), a)));
}

struct str sign_standard_public(const struct signer_keys *k, struct str id, msec now, struct str body, struct arena *a) {
    uint8_t sig[ED25519_SIGNATURE] = {};
    signature_of(k->ed25519, NULL, standard_message(id, now, body, a), sig, sizeof sig);
    return arena_printf(a, "v1a,%.*s", STR_ARG(base64_of(str_n(sig, sizeof sig), a)));
}

void sign_headers(struct str id, msec now, struct str signature, struct arena *a, struct upstream_header *out, size_t *count) {
    out[(*count)++] = (struct upstream_header){STR("webhook-id"), id};
    out[(*count)++] = (struct upstream_header){STR("webhook-timestamp"), arena_printf(a, "%lld", (long long)(now / 1000))};
    out[(*count)++] = (struct upstream_header){STR("webhook-signature"), signature};
}

void sign_hook(struct twin_server *s, struct str id, struct str body, msec now, struct arena *a, struct upstream_header *out, size_t *count) {
    sign_headers(id, now, sign_standard(server_keys(s), id, now, body, a), a, out, count);
}

static EVP_PKEY *rsa_of(struct signer_keys *k) {
    if (!k->rsa) k->rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS);
    must(k->rsa);
    return k->rsa;
}

static struct str base64url_of(struct str bytes, struct arena *a) {
    char *out = arena_bytes(a, BASE64URL_LEN(bytes.len) + 1);
    base64url_encode(bytes.ptr, bytes.len, out);
    return str_of(out);
}

static struct str number_of(EVP_PKEY *key, const char *name, struct arena *a) {
    BIGNUM *n = NULL;
    must(EVP_PKEY_get_bn_param(key, name, &n) == 1);
    uint8_t *bytes = arena_bytes(a, (size_t)BN_num_bytes(n));
    size_t len = (size_t)BN_bn2bin(n, bytes);
    BN_free(n);
    return base64url_of(str_n(bytes, len), a);
}

struct str sign_jwks(struct signer_keys *k, struct arena *a) {
    EVP_PKEY *rsa = rsa_of(k);
    struct str n = number_of(rsa, OSSL_PKEY_PARAM_RSA_N, a), e = number_of(rsa, OSSL_PKEY_PARAM_RSA_E, a);
    return arena_printf(a, "{\"keys\":[{\"kty\":\"RSA\",\"alg\":\"RS256\",\"use\":\"sig\",\"kid\":\"" SIGN_KID "\",\"n\":\"%.*s\",\"e\":\"%.*s\"},{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"twin-ed\",\"x\":\"%s\"}]}",
                        STR_ARG(n), STR_ARG(e), k->x);
}

struct str jwt_make(struct signer_keys *k, struct str head, struct str claims, struct arena *a) {
    uint8_t sig[RSA_BYTES] = {};
    struct str content = arena_printf(a, "%.*s.%.*s", STR_ARG(base64url_of(head, a)), STR_ARG(base64url_of(claims, a)));
    signature_of(rsa_of(k), EVP_sha256(), content, sig, sizeof sig);
    return arena_printf(a, "%.*s.%.*s", STR_ARG(content), STR_ARG(base64url_of(str_n(sig, sizeof sig), a)));
}

static bool claims(struct str part, struct arena *a, struct json **out) {
    uint8_t *bytes = arena_bytes(a, part.len + 4);
    size_t n;
    return base64url_decode(part, bytes, &n) && !json_parse(str_n(bytes, n), a, NULL, out) && json_is(*out, JSON_OBJECT);
}

bool jwt_check(struct str token, struct str secret, msec now, struct arena *a, const char **out_problem) {
    struct str head, rest, payload, sig;
    struct json *h, *c;
    int64_t exp, nbf;
    uint8_t mac[SHA256_LEN];
    char want[BASE64URL_LEN(SHA256_LEN) + 1];
    *out_problem = "the token cannot be read";
    if (!str_cut(token, '.', &head, &rest) || !str_cut(rest, '.', &payload, &sig) || !claims(head, a, &h) || !claims(payload, a, &c)) return false;
    hmac_sha256(secret, str_n(token.ptr, head.len + 1 + payload.len), mac);
    base64url_encode(mac, sizeof mac, want);
    *out_problem = "the signature does not match";
    if (!str_is(text_of(h, "alg"), "HS256") || !str_is(sig, want) || !text_of(c, "iss").len) return false;
    *out_problem = "the token is not valid now";
    return json_as_i64(json_get(c, "exp"), &exp) && json_as_i64(json_get(c, "nbf"), &nbf) && nbf * 1000 <= now && now < exp * 1000 && exp * 1000 - now <= 3600 * 1000;
}
