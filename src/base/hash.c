#include "base/hash.h"

#include "base/err.h"
#include "base/id.h"

/* The plain SHA256 calls: OpenSSL 3's others look the algorithm up by its name each time, which costs more than a short text. */
#define OPENSSL_API_COMPAT 10101
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>

void sha256(struct str data, uint8_t out[SHA256_LEN]) {
    SHA256_CTX ctx;
    must(SHA256_Init(&ctx) && SHA256_Update(&ctx, data.len ? data.ptr : "", data.len) && SHA256_Final(out, &ctx));
    OPENSSL_cleanse(&ctx, sizeof ctx);
}

void sha256_hex(struct str data, char out[SHA256_HEX + 1]) {
    uint8_t digest[SHA256_LEN];
    sha256(data, digest);
    hex_encode(digest, SHA256_LEN, out);
}

void hmac_sha256(struct str key, struct str data, uint8_t out[SHA256_LEN]) {
    unsigned int n = SHA256_LEN;
    must(HMAC(EVP_sha256(), key.len ? key.ptr : "", (int)key.len, (const unsigned char *)(data.len ? data.ptr : ""), data.len, out, &n));
}

struct hasher {
    EVP_MD_CTX *ctx;
};

struct hasher *hasher_new(void) {
    struct hasher *h = calloc(1, sizeof *h);
    must(h);
    h->ctx = EVP_MD_CTX_new();
    must(h->ctx && EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL));
    return h;
}

void hasher_add(struct hasher *h, const void *p, size_t n) { must(EVP_DigestUpdate(h->ctx, p, n)); }

void hasher_freep(struct hasher **h) {
    if (!*h) return;
    EVP_MD_CTX_free((*h)->ctx);
    free(*h);
    *h = NULL;
}

void hasher_end(struct hasher *h, uint8_t out[SHA256_LEN]) {
    unsigned int n = SHA256_LEN;
    must(EVP_DigestFinal_ex(h->ctx, out, &n));
    hasher_freep(&h);
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_encode(const void *bytes, size_t n, char *out) {
    const uint8_t *p = bytes;
    uint32_t acc = 0;
    int bits = 0;
    for (size_t i = 0; i < n; i++) {
        acc = acc << 8 | p[i];
        for (bits += 8; bits >= 6; bits -= 6) *out++ = alphabet[acc >> (bits - 6) & 63];
    }
    if (bits) *out++ = alphabet[acc << (6 - bits) & 63];
    *out = 0;
}

bool base64url_decode(struct str s, uint8_t *out, size_t *out_len) {
    uint32_t acc = 0;
    int bits = 0;
    size_t n = 0;
    if (s.len % 4 == 1) return false;
    for (size_t i = 0; i < s.len; i++) {
        const char *at = s.ptr[i] ? strchr(alphabet, s.ptr[i]) : NULL;
        if (!at) return false;
        acc = acc << 6 | (uint32_t)(at - alphabet);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (uint8_t)(acc >> bits);
        }
    }
    if (acc & ((1u << bits) - 1)) return false; /* one spelling per value */
    *out_len = n;
    return true;
}

void base64_encode(const void *bytes, size_t n, char *out) {
    base64url_encode(bytes, n, out);
    size_t len = BASE64URL_LEN(n);
    for (size_t i = 0; i < len; i++)
        if (out[i] == '-') out[i] = '+';
        else if (out[i] == '_') out[i] = '/';
    while (len % 4) out[len++] = '=';
    out[len] = 0;
}
