/* Signed links and sealed tokens. ops/ mints them at each read and checks them on each request without a key.
 *
 * The master key is used to derive and then forgotten; a link key, a token key and a key id come from each master key. Raw text is
 * what gets signed, never something decoded, so there is one spelling of each link and any changed byte is refused. */
#include "base/hash.h"
#include "base/id.h"
#include "drive/drive.h"

#include <stdlib.h>
#include <string.h>

enum {
    ID_BYTES = ID_LEN / 2,
    SIG_BYTES = 2 * ID_BYTES + SHA256_LEN, /* project, asset, HMAC */
    KID_LEN = 8,
    MAX_KEYS = 2, /* the one in use and, during a rotation, the one before */
};

struct key {
    char id[KID_LEN + 1];
    uint8_t link[SHA256_LEN], token[SHA256_LEN];
};

struct signer {
    struct key keys[MAX_KEYS]; /* the first one signs */
    int count;
};

static void add_key(struct signer *s, struct str master_key) {
    must(master_key.len > 0 && s->count < MAX_KEYS);
    struct key *k = &s->keys[s->count++];
    uint8_t id[SHA256_LEN];
    hmac_sha256(master_key, STR("puras signed link 1"), k->link);
    hmac_sha256(master_key, STR("puras sealed token 1"), k->token);
    hmac_sha256(master_key, STR("puras key id 1"), id);
    hex_encode(id, KID_LEN / 2, k->id);
}

struct signer *signer_create(struct str master_key) {
    struct signer *s = calloc(1, sizeof *s);
    must(s);
    add_key(s, master_key);
    return s;
}

void signer_accept(struct signer *s, struct str older_master_key) { add_key(s, older_master_key); }

void signer_destroy(struct signer *s) {
    if (!s) return;
    explicit_bzero(s, sizeof *s);
    free(s);
}

static struct str bytes(const uint8_t *p, size_t n) { return str_n(p, n); }

static bool same_mac(const uint8_t *a, const uint8_t *b) { return str_eq_secret(bytes(a, SHA256_LEN), bytes(b, SHA256_LEN)); }

/* --- links --- */

/* Letters, digits and -._~ stand for themselves in every spelling of a URL; '/' parts the path. */
static void percent_encode(struct buf *b, struct str s) {
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~/", c));
        if (plain) buf_c(b, (char)c);
        else buf_add(b, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
    }
}

/* Of a path this server wrote: its signature has been checked. */
static bool percent_decode(struct str s, struct arena *a, struct str *out) {
    char *text = arena_bytes(a, s.len + 1), *to = text;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '%') {
            *to++ = s.ptr[i];
            continue;
        }
        if (s.len - i < 3 || !hex_decode(str_n(s.ptr + i + 1, 2), (uint8_t *)to++)) return false;
        i += 2;
    }
    *to = 0;
    *out = str_n(text, (size_t)(to - text));
    return true;
}

/* exp and kid hold no line feed and the ids have one length, so no two links have the same signed text. */
static void link_mac(const struct key *k, struct str exp, const uint8_t ids[2 * ID_BYTES], struct str folder, struct str encoded_path, uint8_t out[SHA256_LEN]) {
    struct buf text = {};
    buf_str(&text, exp);
    buf_c(&text, '\n');
    buf_z(&text, k->id);
    buf_c(&text, '\n');
    buf_add(&text, ids, 2 * ID_BYTES);
    buf_str(&text, folder);
    buf_c(&text, '/');
    buf_str(&text, encoded_path);
    hmac_sha256(bytes(k->link, SHA256_LEN), buf_view(&text), out);
    buf_done(&text);
}

void sign_link(const struct signer *s, const struct signed_link *l, struct str public_url, struct buf *out) {
    must(id_is(l->project) && id_is(l->asset));
    const struct key *k = &s->keys[0];
    uint8_t sig[SIG_BYTES];
    char sig_text[BASE64URL_LEN(SIG_BYTES) + 1];
    hex_decode(l->project, sig);
    hex_decode(l->asset, sig + ID_BYTES);
    while (public_url.len && public_url.ptr[public_url.len - 1] == '/') public_url.len--;
    buf_str(out, public_url);
    struct str folder = l->folder.len ? l->folder : STR("files");
    buf_z(out, "/v1/drive/");
    buf_str(out, folder);
    buf_c(out, '/');
    size_t path_at = out->len;
    percent_encode(out, l->path);
    size_t path_len = out->len - path_at;
    buf_z(out, "?exp=");
    size_t exp_at = out->len;
    buf_i64(out, l->expires_at / MS_SECOND);
    link_mac(k, str_skip(buf_view(out), exp_at), sig, folder, str_n(out->ptr + path_at, path_len), sig + 2 * ID_BYTES);
    base64url_encode(sig, SIG_BYTES, sig_text);
    buf_printf(out, "&kid=%s&sig=%s", k->id, sig_text);
}

static err not_ours(struct why *why) {
    return why_set(why, E_BAD_SIGNATURE, "The link was changed or not made by this server; ask for a new one.");
}

/* Takes `name` off the query and then the value, up to '&' or the end. */
static bool take_parameter(struct str *query, struct str name, struct str *out) {
    if (!str_starts(*query, name)) return false;
    str_cut(str_skip(*query, name.len), '&', out, query);
    return true;
}

static const struct key *find_key(const struct signer *s, struct str kid) {
    for (int i = 0; i < s->count; i++)
        if (str_is(kid, s->keys[i].id)) return &s->keys[i];
    return NULL;
}

static struct str hex_of(struct arena *a, const uint8_t id[ID_BYTES]) {
    char *hex = arena_bytes(a, ID_LEN + 1);
    hex_encode(id, ID_BYTES, hex);
    return str_n(hex, ID_LEN);
}

err sign_check(const struct signer *s, struct str path, struct str query, msec now, struct arena *a, struct why *why, struct signed_link *out) {
    return sign_check_in(s, STR("files"), path, query, now, a, why, out);
}

err sign_check_in(const struct signer *s, struct str folder, struct str path, struct str query, msec now, struct arena *a, struct why *why,
                  struct signed_link *out) {
    struct str exp, kid, sig_text;
    struct str all = query;
    if (!take_parameter(&query, STR("exp="), &exp) || !take_parameter(&query, STR("kid="), &kid) ||
        !take_parameter(&query, STR("sig="), &sig_text))
        return not_ours(why);
    if (sig_text.len != BASE64URL_LEN(SIG_BYTES) || sig_text.ptr + sig_text.len != all.ptr + all.len) return not_ours(why);
    const struct key *k = find_key(s, kid);
    uint8_t sig[SIG_BYTES + 2], mac[SHA256_LEN];
    size_t sig_len;
    if (!k || !base64url_decode(sig_text, sig, &sig_len) || sig_len != SIG_BYTES) return not_ours(why);
    link_mac(k, exp, sig, folder, path, mac);
    if (!same_mac(mac, sig + 2 * ID_BYTES)) return not_ours(why);

    struct signed_link l = {};
    int64_t seconds;
    if (!str_to_i64(exp, &seconds) || __builtin_mul_overflow(seconds, (int64_t)MS_SECOND, &l.expires_at)) return not_ours(why);
    if (now >= l.expires_at) return why_set(why, E_BAD_SIGNATURE, "The link has expired; ask for a new one.");
    if (!percent_decode(path, a, &l.path)) return not_ours(why);
    l.project = hex_of(a, sig);
    l.asset = hex_of(a, sig + ID_BYTES);
    l.folder = folder;
    *out = l;
    return OK;
}

/* --- tokens --- */

static void token_mac(const struct key *k, const char *purpose, struct str signed_text, uint8_t out[SHA256_LEN]) {
    uint8_t key[SHA256_LEN];
    hmac_sha256(bytes(k->token, SHA256_LEN), str_of(purpose), key);
    hmac_sha256(bytes(key, SHA256_LEN), signed_text, out);
    explicit_bzero(key, sizeof key);
}

static void add_base64url(struct buf *b, const void *p, size_t n) {
    buf_reserve(b, BASE64URL_LEN(n));
    base64url_encode(p, n, b->ptr + b->len);
    b->len += BASE64URL_LEN(n);
}

void token_seal(const struct signer *s, const char *purpose, struct str payload, struct buf *out) {
    size_t from = out->len;
    uint8_t mac[SHA256_LEN];
    buf_z(out, "v1.");
    add_base64url(out, payload.ptr, payload.len);
    token_mac(&s->keys[0], purpose, str_skip(buf_view(out), from), mac);
    buf_c(out, '.');
    add_base64url(out, mac, SHA256_LEN);
}

err token_open(const struct signer *s, const char *purpose, struct str token, struct arena *a, struct why *why, struct str *out_payload) {
    const char *refusal = "The token was changed or not made by this server.";
    struct str payload, mac_text;
    if (!str_starts(token, STR("v1.")) || !str_cut(str_skip(token, 3), '.', &payload, &mac_text) ||
        mac_text.len != BASE64URL_LEN(SHA256_LEN))
        return why_set(why, E_BAD_SIGNATURE, "%s", refusal);
    uint8_t given[SHA256_LEN + 2], mac[SHA256_LEN];
    size_t n;
    if (!base64url_decode(mac_text, given, &n) || n != SHA256_LEN) return why_set(why, E_BAD_SIGNATURE, "%s", refusal);
    for (int i = 0; i < s->count; i++) {
        token_mac(&s->keys[i], purpose, str_head(token, 3 + payload.len), mac);
        if (!same_mac(mac, given)) continue;
        uint8_t *text = arena_bytes(a, payload.len + 1);
        if (!base64url_decode(payload, text, &n)) break;
        *out_payload = str_n(text, n);
        return OK;
    }
    return why_set(why, E_BAD_SIGNATURE, "%s", refusal);
}
