#include "ops/vault.h"

#include "base/hash.h"

#include <sodium.h>
#include <stdlib.h>

enum { NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES };

struct vault {
    uint8_t key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES], old[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
    bool has_old;
};

static void derive(struct str master_key, uint8_t out[crypto_aead_xchacha20poly1305_ietf_KEYBYTES]) {
    uint8_t derived[SHA256_LEN];
    hmac_sha256(master_key, STR("puras secrets 1"), derived);
    memcpy(out, derived, crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
    sodium_memzero(derived, sizeof derived);
}

struct vault *vault_create(struct str master_key) {
    must(sodium_init() >= 0);
    struct vault *v = calloc(1, sizeof *v);
    must(v);
    derive(master_key, v->key);
    return v;
}

void vault_accept(struct vault *v, struct str old_master_key) {
    derive(old_master_key, v->old);
    v->has_old = true;
}

void vault_destroy(struct vault *v) {
    if (!v) return;
    sodium_memzero(v, sizeof *v);
    free(v);
}

void vault_seal(const struct vault *v, const uint8_t nonce[24], struct str name, struct str plain, struct buf *out) {
    size_t n = NONCE + plain.len + TAG;
    uint8_t *bytes = malloc(n);
    char *text = malloc(BASE64URL_LEN(n) + 1);
    must(bytes && text);
    unsigned long long sealed = 0;
    memcpy(bytes, nonce, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(bytes + NONCE, &sealed, (const uint8_t *)plain.ptr, plain.len, (const uint8_t *)name.ptr, name.len, NULL, nonce, v->key);
    base64url_encode(bytes, NONCE + (size_t)sealed, text);
    buf_z(out, "v1:");
    buf_z(out, text);
    free(bytes);
    free(text);
}

static err open_with(const uint8_t *key, struct str name, struct str sealed, struct arena *a, struct str *out) {
    if (!str_starts(sealed, STR("v1:"))) return E_CORRUPT;
    struct str text = str_skip(sealed, 3);
    uint8_t *bytes = arena_bytes(a, text.len + 4), *plain = arena_bytes(a, text.len + 4);
    size_t n;
    unsigned long long len = 0;
    if (!base64url_decode(text, bytes, &n) || n < NONCE + TAG) return E_CORRUPT;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &len, NULL, bytes + NONCE, n - NONCE, (const uint8_t *)name.ptr, name.len, bytes, key)) return E_CORRUPT;
    *out = str_n(plain, (size_t)len);
    return OK;
}

err vault_open(const struct vault *v, struct str name, struct str sealed, struct arena *a, struct str *out) {
    err e = open_with(v->key, name, sealed, a, out);
    return e && v->has_old ? open_with(v->old, name, sealed, a, out) : e;
}

bool vault_is_old(const struct vault *v, struct str name, struct str sealed) {
    struct arena a = {};
    struct str plain = {};
    bool old = v->has_old && open_with(v->key, name, sealed, &a, &plain) && !open_with(v->old, name, sealed, &a, &plain);
    if (plain.len) sodium_memzero((char *)plain.ptr, plain.len);
    arena_done(&a);
    return old;
}
