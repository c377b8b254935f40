/* SHA-256 and HMAC-SHA-256 (OpenSSL), and base64url for tokens. */
#pragma once
#include "base/str.h"

enum { SHA256_LEN = 32, SHA256_HEX = 64 };

void sha256(struct str data, uint8_t out[SHA256_LEN]);
void sha256_hex(struct str data, char out[SHA256_HEX + 1]);
void hmac_sha256(struct str key, struct str data, uint8_t out[SHA256_LEN]);

/* Streaming: hasher_new, any number of hasher_add, then hasher_end frees it. */
struct hasher;
struct hasher *hasher_new(void);
void hasher_add(struct hasher *h, const void *p, size_t n);
void hasher_end(struct hasher *h, uint8_t out[SHA256_LEN]); /* frees h */
void hasher_freep(struct hasher **h);

/* base64url without padding. out needs BASE64URL_LEN(n) + 1 bytes. */
#define BASE64URL_LEN(n) (((n) * 4 + 2) / 3)
void base64url_encode(const void *bytes, size_t n, char *out);
/* out needs s.len * 3 / 4 bytes; false on foreign characters. */
bool base64url_decode(struct str s, uint8_t *out, size_t *out_len);

/* base64 with padding. out needs BASE64_LEN(n) + 1 bytes. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)
void base64_encode(const void *bytes, size_t n, char *out);
