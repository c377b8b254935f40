/* Signatures of webhooks: the published vectors, keys made here, and everything a forger may change. */
#include "provider/provider.h"

#include "base/hash.h"

#include <openssl/evp.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* --- Standard Webhooks --- */

#define KLING_BODY "{\"id\":\"1234567890\",\"status\":\"succeeded\",\"message\":\"\",\"create_time\":1781080778802,\"update_time\":1781080794151}"
#define OURS "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static const struct standard { const char *secret, *id, *at, *body, *signature; int64_t now; err code; } STANDARD[] = {
    {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", 1614265330, OK},
    {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", 1614265330, OK},
    {"whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI=", "9876543210", "1781080794", KLING_BODY, "v1,UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4=", 1781080794, OK},
    {OURS, "evt_0001", "1800000000", "{\"type\":\"generation.completed\",\"timestamp\":\"2027-01-15T08:00:00Z\",\"data\":{\"id\":\"gen_1\"}}", "v1,PAERE4tUuprQ0cxxcnweZssJwpb8I7DTTNf7ic+S64I=", 1800000000, OK},
    {OURS, "evt_0002", "1800000001", "", "v1,8NLdfm+b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo=", 1800000001, OK},
    {OURS, "evt_0003", "1800000002", "{\"t\":\"h\xc3\xa9llo \xe4\xb8\x96\xe7\x95\x8c\"}", "v1,NbNNBfQ6EfElH/J9YdCXZRlbMzRrEzpTOhpn37/z9VA=", 1800000002, OK},
    /* several, the first ones wrong or of another kind */
    {OURS, "evt_0002", "1800000001", "", "v1,AAAA v1a,x v2,8NLdfm+b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo= v1,8NLdfm+b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo=", 1800000001, OK},
    {OURS, "evt_0002", "1800000001", "", "v1,8NLdfm+b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo=", 1800000301, OK},
    {OURS, "evt_0002", "1800000001", "", "v1,8NLdfm+b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo=", 1800000302, E_BAD_SIGNATURE},
    {OURS, "evt_0002", "1800000001", "", "v1,8NLdfm+b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo=", 1799999700, E_BAD_SIGNATURE},
    {OURS, "evt_0002", "1800000001", " ", "v1,8NLdfm+b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo=", 1800000001, E_BAD_SIGNATURE},
    {OURS, "evt_0004", "1800000001", "", "v1,8NLdfm+b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo=", 1800000001, E_BAD_SIGNATURE},
    {OURS, "evt_0002", "1800000002", "", "v1,8NLdfm+b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo=", 1800000001, E_BAD_SIGNATURE},
    {OURS, "evt_0002", "", "", "v1,8NLdfm+b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo=", 1800000001, E_BAD_SIGNATURE},
    {OURS, "", "1800000001", "", "v1,8NLdfm+b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo=", 1800000001, E_BAD_SIGNATURE},
    {OURS, "evt_0002", "1800000001", "", "", 1800000001, E_BAD_SIGNATURE},
    {OURS, "evt_0002", "1800000001", "", "v18NLdfm+b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo=", 1800000001, E_BAD_SIGNATURE},
    {OURS, "evt_0002", "1800000001", "", "v1a,8NLdfm+b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo=", 1800000001, E_BAD_SIGNATURE},
    {OURS, "evt_0002", "1800000001", "", "v1,8NLdfm-b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo", 1800000001, E_BAD_SIGNATURE},
    {OURS, "evt_0002", "99999999999999999999", "", "v1,8NLdfm+b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo=", 1800000001, E_BAD_SIGNATURE},
    {"whsec_", "evt_0002", "1800000001", "", "v1,8NLdfm+b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo=", 1800000001, E_BAD_SIGNATURE},
    {"", "evt_0002", "1800000001", "", "v1,8NLdfm+b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo=", 1800000001, E_BAD_SIGNATURE},
    {"whsec_!!!", "evt_0002", "1800000001", "", "v1,8NLdfm+b7kcl17h9cIFaLHSHF5Tqtrtrdag0fmgmqeo=", 1800000001, E_BAD_SIGNATURE},
};

static void checks_standard_webhooks(void **state) {
    for (size_t i = 0; i < sizeof STANDARD / sizeof *STANDARD; i++) {
        const struct standard *s = &STANDARD[i];
        struct arena a = {};
        struct why why = {};
        const struct header_out h[] = {{.name = STR("webhook-id"), .value = str_of(s->id)}, {.name = STR("webhook-timestamp"), .value = str_of(s->at)},
                                       {.name = STR("webhook-signature"), .value = str_of(s->signature)}};
        const struct signature_keys keys = {.secret = str_of(s->secret)};
        err e = signature_check(SIGNATURE_STANDARD, &keys, h, 3, str_of(s->body), s->now * 1000, &a, &why);
        if (e != s->code) fail_msg("%zu: %s, %s", i, err_name(e), why.detail);
        assert_int_equal(signature_check(SIGNATURE_GOOGLE, &keys, h, 3, str_of(s->body), s->now * 1000, &a, &why), s->code);
        arena_done(&a);
    }
}

/* --- fal --- */

struct fal { char jwks[400], id[40], user[40], at[24], body[80], signature[140]; };

static void fal_sign(EVP_PKEY *key, struct fal *f) {
    char digest[SHA256_HEX + 1], message[300], x[64];
    uint8_t signature[64], public[32];
    size_t n = sizeof signature, k = sizeof public;
    sha256_hex(str_of(f->body), digest);
    snprintf(message, sizeof message, "%s\n%s\n%s\n%s", f->id, f->user, f->at, digest);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &n, (unsigned char *)message, strlen(message)), 1);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_get_raw_public_key(key, public, &k);
    base64url_encode(public, k, x);
    snprintf(f->jwks, sizeof f->jwks, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"},{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"}]}", x);
    for (size_t i = 0; i < n; i++) snprintf(f->signature + i * 2, 3, "%02x", signature[i]);
}

static err fal_check(const struct fal *f, int64_t now) {
    struct arena a = {};
    struct why why = {};
    const struct header_out h[] = {{.name = STR("x-fal-webhook-request-id"), .value = str_of(f->id)}, {.name = STR("x-fal-webhook-user-id"), .value = str_of(f->user)},
                                   {.name = STR("x-fal-webhook-timestamp"), .value = str_of(f->at)}, {.name = STR("x-fal-webhook-signature"), .value = str_of(f->signature)}};
    err e = signature_check(SIGNATURE_FAL, &(struct signature_keys){.jwks = str_of(f->jwks)}, h, 4, str_of(f->body), now * 1000, &a, &why);
    arena_done(&a);
    return e;
}

static void checks_fal(void **state) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), *other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    struct fal good = {.id = "7c1e", .user = "github|1234", .at = "1795313460", .body = "{\"request_id\":\"7c1e\",\"status\":\"OK\"}"}, forged, f;
    fal_sign(key, &good);
    forged = good;
    fal_sign(other, &forged);
    assert_int_equal(fal_check(&good, 1795313460), OK);
    assert_int_equal(fal_check(&good, 1795313760), OK);
    assert_int_equal(fal_check(&good, 1795313761), E_BAD_SIGNATURE);
    f = forged;
    memcpy(f.jwks, good.jwks, sizeof f.jwks);
    assert_int_equal(fal_check(&f, 1795313460), E_BAD_SIGNATURE);
    char *const parts[] = {good.id, good.user, good.at, good.body, good.signature, good.jwks};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) { /* one character of each changed, and each emptied */
        char was = parts[i][0];
        parts[i][0] = was == '0' ? '1' : '0';
        assert_int_equal(fal_check(&good, 1795313460), E_BAD_SIGNATURE);
        parts[i][0] = 0;
        assert_int_equal(fal_check(&good, 1795313460), E_BAD_SIGNATURE);
        parts[i][0] = was;
    }
    good.signature[5] = 'x';
    assert_int_equal(fal_check(&good, 1795313460), E_BAD_SIGNATURE);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

/* --- Google --- */

static void number64(EVP_PKEY *key, const char *name, char *out) {
    BIGNUM *n = NULL;
    uint8_t bytes[512];
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
    base64url_encode(bytes, (size_t)BN_bn2bin(n, bytes), out);
    BN_free(n);
}

static void token_make(EVP_PKEY *key, const char *head, const char *claims, char *out, size_t size) {
    char head64[200], claims64[300], sign64[500];
    uint8_t signature[256];
    size_t n = sizeof signature;
    base64url_encode(head, strlen(head), head64);
    base64url_encode(claims, strlen(claims), claims64);
    int len = snprintf(out, size, "%s.%s", head64, claims64);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &n, (unsigned char *)out, (size_t)len), 1);
    EVP_MD_CTX_free(ctx);
    base64url_encode(signature, n, sign64);
    snprintf(out + len, size - (size_t)len, ".%s", sign64);
}

#define HERE "https://gw.test/v1/hooks/google/tok"
#define IN_TIME "\"iat\":1800000000,\"aud\":\"" HERE "\""

static err google_check_as(const struct signature_keys *keys, const char *signature, const char *at, const char *body) {
    struct arena a = {};
    struct why why = {};
    const struct header_out h[] = {{.name = STR("webhook-id"), .value = STR("msg_1")}, {.name = STR("webhook-timestamp"), .value = str_of(at)},
                                   {.name = STR("webhook-signature"), .value = str_of(signature)}};
    err e = signature_check(SIGNATURE_GOOGLE, keys, h, 3, str_of(body), 1800000000000, &a, &why);
    arena_done(&a);
    return e;
}

static err google_check(const char *jwks, const char *token) {
    return google_check_as(&(struct signature_keys){.jwks = str_of(jwks), .secret = STR(OURS), .url = STR(HERE)}, token, "1800000000", "{}");
}

static void checks_google(void **state) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    char n[400], e[16], jwks[700], token[1400];
    number64(key, OSSL_PKEY_PARAM_RSA_N, n);
    number64(key, OSSL_PKEY_PARAM_RSA_E, e);
    snprintf(jwks, sizeof jwks, "{\"keys\":[{\"kid\":\"ed\",\"kty\":\"OKP\",\"x\":\"AAAA\"},{\"kid\":\"k1\",\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}]}", n, e);
    static const struct { const char *head, *claims; err code; } table[] = {
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{" IN_TIME ",\"exp\":1800000300}", OK},
        {"{\"alg\":\"RS256\"}", "{\"iat\":1799999701,\"aud\":[\"somebody\",\"" HERE "\"]}", OK},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{\"exp\":1800000300,\"aud\":\"https://gw.test\"}", OK},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{\"iat\":1800000000,\"aud\":\"https://gw.test/v1/hooks/\"}", OK},
        {"{\"alg\":\"RS256\",\"kid\":\"k2\"}", "{" IN_TIME "}", E_BAD_SIGNATURE},
        {"{\"alg\":\"none\",\"kid\":\"k1\"}", "{" IN_TIME "}", E_BAD_SIGNATURE},
        {"{\"alg\":\"HS256\",\"kid\":\"k1\"}", "{" IN_TIME "}", E_BAD_SIGNATURE},
        {"{\"alg\":\"PS256\",\"kid\":\"k1\"}", "{" IN_TIME "}", E_BAD_SIGNATURE},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\",\"crit\":[\"b64\"],\"b64\":false}", "{" IN_TIME "}", E_BAD_SIGNATURE},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{\"iat\":1799999699,\"aud\":\"" HERE "\"}", E_BAD_SIGNATURE},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{\"iat\":1800000301,\"aud\":\"" HERE "\"}", E_BAD_SIGNATURE},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{" IN_TIME ",\"exp\":1799999999}", E_BAD_SIGNATURE},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{" IN_TIME ",\"nbf\":1800000301}", E_BAD_SIGNATURE},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{\"aud\":\"" HERE "\"}", E_BAD_SIGNATURE},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{}", E_BAD_SIGNATURE},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "x", E_BAD_SIGNATURE},
        /* for somebody else, or for nobody */
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{\"iat\":1800000000}", E_BAD_SIGNATURE},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{\"iat\":1800000000,\"aud\":\"\"}", E_BAD_SIGNATURE},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{\"iat\":1800000000,\"aud\":[]}", E_BAD_SIGNATURE},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{\"iat\":1800000000,\"aud\":\"https://\"}", E_BAD_SIGNATURE},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{\"iat\":1800000000,\"aud\":\"https://gw.tes\"}", E_BAD_SIGNATURE},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{\"iat\":1800000000,\"aud\":\"https://gw.test.evil/\"}", E_BAD_SIGNATURE},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{\"iat\":1800000000,\"aud\":\"" HERE "n\"}", E_BAD_SIGNATURE},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{\"iat\":1800000000,\"aud\":\"https://gw.test/v1/hooks/google/to\"}", E_BAD_SIGNATURE},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "{\"iat\":1800000000,\"aud\":{\"aud\":\"" HERE "\"}}", E_BAD_SIGNATURE},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        token_make(key, table[i].head, table[i].claims, token, sizeof token);
        if (google_check(jwks, token) != table[i].code) fail_msg("%zu", i);
        token[strlen(token) - 5] ^= 1;
        if (google_check(jwks, token) != E_BAD_SIGNATURE) fail_msg("%zu changed", i);
    }
    static const char *const odd[] = {"", ".", "..", "a.b", "a.b.c", "....", "eyJ9.e30.e30"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) assert_int_equal(google_check(jwks, odd[i]), E_BAD_SIGNATURE);
    token_make(key, table[0].head, table[0].claims, token, sizeof token);
    assert_int_equal(google_check("{}", token), E_BAD_SIGNATURE);
    assert_int_equal(google_check("", token), E_BAD_SIGNATURE);
    assert_int_equal(google_check("no json", token), E_BAD_SIGNATURE);
    const struct signature_keys named = {.jwks = str_of(jwks), .url = STR(HERE), .audience = STR("client-7")}, here = {.jwks = str_of(jwks), .url = STR(HERE)};
    assert_int_equal(google_check_as(&here, token, "1800000000", "{}"), OK);
    assert_int_equal(google_check_as(&here, token, "1799999699", "{}"), E_BAD_SIGNATURE); /* the moment that each webhook says */
    assert_int_equal(google_check_as(&here, token, "", "{}"), E_BAD_SIGNATURE);
    assert_int_equal(google_check_as(&named, token, "1800000000", "{}"), E_BAD_SIGNATURE);
    token_make(key, table[0].head, "{\"iat\":1800000000,\"aud\":\"client-7\"}", token, sizeof token);
    assert_int_equal(google_check_as(&named, token, "1800000000", "{}"), OK);
    EVP_PKEY_free(key);
}

/* The oldest trick: HS256, and the published key, which everybody has, as its secret. */
static void checks_no_public_key_as_a_secret(void **state) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    char n[400], e[16], jwks[700], token[1400], head64[200], claims64[300], sign64[60];
    uint8_t modulus[512], mac[SHA256_LEN];
    size_t modulus_len;
    number64(key, OSSL_PKEY_PARAM_RSA_N, n);
    number64(key, OSSL_PKEY_PARAM_RSA_E, e);
    snprintf(jwks, sizeof jwks, "{\"keys\":[{\"kid\":\"k1\",\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}]}", n, e);
    assert_true(base64url_decode(str_of(n), modulus, &modulus_len));
    base64url_encode("{\"alg\":\"HS256\",\"kid\":\"k1\"}", 26, head64);
    base64url_encode("{" IN_TIME "}", strlen("{" IN_TIME "}"), claims64);
    int len = snprintf(token, sizeof token, "%s.%s", head64, claims64);
    const struct str secrets[] = {str_n((char *)modulus, modulus_len), str_of(n), str_of(jwks), STR("")};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        hmac_sha256(secrets[i], str_n(token, (size_t)len), mac);
        base64url_encode(mac, sizeof mac, sign64);
        snprintf(token + len, sizeof token - (size_t)len, ".%s", sign64);
        assert_int_equal(google_check(jwks, token), E_BAD_SIGNATURE);
    }
    EVP_PKEY_free(key);
}

static void ed25519_sign(EVP_PKEY *key, const char *message, const char *before, char *out, size_t size) {
    uint8_t signature[64];
    char base64[100];
    size_t n = sizeof signature;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &n, (const unsigned char *)message, strlen(message)), 1);
    EVP_MD_CTX_free(ctx);
    EVP_EncodeBlock((unsigned char *)base64, signature, (int)n);
    snprintf(out, size, "%sv1a,%s", before, base64);
}

/* As webhooks of one request are signed by a user's report. */
static void checks_google_ed25519(void **state) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), *other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    uint8_t public[32];
    size_t k = sizeof public;
    char x[64], jwks[300], signature[300];
    EVP_PKEY_get_raw_public_key(key, public, &k);
    base64url_encode(public, k, x);
    snprintf(jwks, sizeof jwks, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"},{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"},{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"}]}", x);
    const struct signature_keys keys = {.jwks = str_of(jwks), .url = STR(HERE)};
    ed25519_sign(key, "msg_1.1800000000.{}", "", signature, sizeof signature);
    assert_int_equal(google_check_as(&keys, signature, "1800000000", "{}"), OK);
    assert_int_equal(google_check_as(&keys, signature, "1800000000", "{ }"), E_BAD_SIGNATURE); /* this one covers the body */
    assert_int_equal(google_check_as(&keys, signature, "1800000001", "{}"), E_BAD_SIGNATURE);
    assert_int_equal(google_check_as(&(struct signature_keys){.secret = STR(OURS)}, signature, "1800000000", "{}"), E_BAD_SIGNATURE);
    ed25519_sign(key, "msg_1.1800000000.{}", "v1,AAAA v1a,AAAA ", signature, sizeof signature);
    assert_int_equal(google_check_as(&keys, signature, "1800000000", "{}"), OK); /* among others */
    ed25519_sign(key, "msg_1.1799999699.{}", "", signature, sizeof signature);
    assert_int_equal(google_check_as(&keys, signature, "1799999699", "{}"), E_BAD_SIGNATURE);
    ed25519_sign(other, "msg_1.1800000000.{}", "", signature, sizeof signature);
    assert_int_equal(google_check_as(&keys, signature, "1800000000", "{}"), E_BAD_SIGNATURE);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

static void keys_are_read_again_at_a_bounded_rate(void **state) {
    static const struct { msec now, read_at, failed_at; enum jwks_turn turn; } table[] = {
        {1000000, 0, 0, JWKS_READ}, {1000000, 1000000, 0, JWKS_DECIDES}, {1059999, 1000000, 0, JWKS_DECIDES}, {1060000, 1000000, 0, JWKS_READ},
        {1000000, 0, 1000000, JWKS_LATER}, {1009999, 0, 1000000, JWKS_LATER}, {1010000, 0, 1000000, JWKS_READ}, {1065000, 1000000, 1060000, JWKS_LATER}, {1070000, 1000000, 1060000, JWKS_READ},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (jwks_turn(table[i].now, table[i].read_at, table[i].failed_at) != table[i].turn) fail_msg("%zu", i);
    assert_false(jwks_is_kept(1000, 0));
    assert_true(jwks_is_kept(1000 + MS_DAY - 1, 1000));
    assert_false(jwks_is_kept(1000 + MS_DAY, 1000));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(checks_standard_webhooks), cmocka_unit_test(checks_fal), cmocka_unit_test(checks_google), cmocka_unit_test(checks_no_public_key_as_a_secret),
                                       cmocka_unit_test(checks_google_ed25519), cmocka_unit_test(keys_are_read_again_at_a_bounded_rate)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
