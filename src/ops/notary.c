#include "ops/notary.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/id.h"

#include <sodium.h>
#include <stdlib.h>

enum { KEYS_MAX = 2, KID_BYTES = 8 };

struct notary_key {
    uint8_t public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
    char id[2 * KID_BYTES + 1];
};
struct notary {
    struct notary_key keys[KEYS_MAX]; /* the first one signs */
    int count;
};

void notary_accept(struct notary *n, struct str master_key) {
    must(n->count < KEYS_MAX);
    struct notary_key *k = &n->keys[n->count++];
    uint8_t seed[SHA256_LEN], hash[SHA256_LEN];
    _Static_assert(SHA256_LEN == crypto_sign_SEEDBYTES, "a seed is one hash");
    hmac_sha256(master_key, STR("puras lineage 1"), seed);
    must(crypto_sign_seed_keypair(k->public, k->secret, seed) == 0);
    sodium_memzero(seed, sizeof seed);
    sha256(str_n((const char *)k->public, sizeof k->public), hash);
    hex_encode(hash, KID_BYTES, k->id);
}

struct notary *notary_create(struct str master_key) {
    must(sodium_init() >= 0);
    struct notary *n = calloc(1, sizeof *n);
    must(n);
    notary_accept(n, master_key);
    return n;
}

void notary_destroy(struct notary *n) {
    if (!n) return;
    sodium_memzero(n, sizeof *n);
    free(n);
}

struct str notary_key_id(const struct notary *n) { return str_of(n->keys[0].id); }

static void add_base64(struct buf *out, const void *bytes, size_t len) {
    char *text = malloc(BASE64URL_LEN(len) + 1);
    must(text);
    base64url_encode(bytes, len, text);
    buf_z(out, text);
    free(text);
}

void notary_sign(const struct notary *n, struct str payload, struct buf *out) {
    const struct notary_key *k = &n->keys[0];
    char header[100];
    int len = snprintf(header, sizeof header, "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"puras-lineage+jws\"}", k->id);
    size_t from = out->len;
    add_base64(out, header, (size_t)len);
    buf_c(out, '.');
    add_base64(out, payload.ptr, payload.len);
    uint8_t sig[crypto_sign_BYTES];
    crypto_sign_detached(sig, NULL, (const uint8_t *)out->ptr + from, out->len - from, k->secret);
    buf_c(out, '.');
    add_base64(out, sig, sizeof sig);
}

void notary_keys(const struct notary *n, struct buf *out) {
    buf_z(out, "{\"keys\":[");
    for (int i = 0; i < n->count; i++) {
        buf_printf(out, "%s{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\",\"use\":\"sig\",\"kid\":\"%s\",\"x\":\"", i ? "," : "", n->keys[i].id);
        add_base64(out, n->keys[i].public, sizeof n->keys[i].public);
        buf_z(out, "\"}");
    }
    buf_z(out, "]}");
}
