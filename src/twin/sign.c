/* Signatures as providers make them: fal's Ed25519 with a published key, Standard Webhooks, and the check of Kling's tokens. The keys
 * are drawn at the start. */
#include "base/hash.h"
#include "base/id.h"
#include "twin/wire.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

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

void sign_done(struct signer_keys *k) { EVP_PKEY_free(k->ed25519); }

void sign_fal(const struct signer_keys *k, struct str message, char out_hex[129]) {
    uint8_t sig[64] = {};
    size_t n = sizeof sig;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    must(c && EVP_DigestSignInit(c, NULL, NULL, NULL, k->ed25519) == 1 && EVP_DigestSign(c, sig, &n, (const unsigned char *)message.ptr, message.len) == 1);
    EVP_MD_CTX_free(c);
    hex_encode(sig, sizeof sig, out_hex);
}

struct str sign_standard(const struct signer_keys *k, struct str id, msec now, struct str body, struct arena *a) {
    uint8_t mac[SHA256_LEN];
    hmac_sha256(str_n(k->hmac, k->hmac_len), arena_printf(a, "%.*s.%lld.%.*s", STR_ARG(id), (long long)(now / 1000), STR_ARG(body)), mac);
    return arena_printf(a, "v1,%.*s", STR_ARG(base64_of(str_n(mac, sizeof mac), a)));
}

void sign_hook(struct twin_server *s, struct str id, struct str body, msec now, struct arena *a, struct upstream_header *out, size_t *count) {
    out[(*count)++] = (struct upstream_header){STR("webhook-id"), id};
    out[(*count)++] = (struct upstream_header){STR("webhook-timestamp"), arena_printf(a, "%lld", (long long)(now / 1000))};
    out[(*count)++] = (struct upstream_header){STR("webhook-signature"), sign_standard(server_keys(s), id, now, body, a)};
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
