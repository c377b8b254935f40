#include "ops/keyring.h"

#include <sodium.h>
#include <stdlib.h>

struct held {
    struct held *next;
    char *provider, *key; /* key NULL: forgotten, or not to be opened */
    size_t len;
    int64_t version, updated_at;
    bool broken;
};
struct keyring {
    const struct vault *vault;
    struct held *first;
};

struct keyring *keyring_create(const struct vault *v) {
    struct keyring *k = calloc(1, sizeof *k);
    must(k);
    k->vault = v;
    return k;
}

static void wipe(struct held *h) {
    if (h->key) sodium_memzero(h->key, h->len);
    free(h->key);
    h->key = NULL;
    h->len = 0;
}

void keyring_destroy(struct keyring *k) {
    if (!k) return;
    for (struct held *h = k->first, *next; h; h = next) {
        next = h->next;
        wipe(h);
        free(h->provider);
        free(h);
    }
    free(k);
}

static struct held *find(const struct keyring *k, struct str provider) {
    for (struct held *h = k->first; h; h = h->next)
        if (str_is(provider, h->provider)) return h;
    return NULL;
}

struct str keyring_name(struct str provider, struct arena *a) { return arena_printf(a, "provider/%.*s", STR_ARG(provider)); }

static void open_key(const struct keyring *k, struct held *h, struct str sealed) {
    struct arena a = {};
    struct str plain = {};
    h->broken = vault_open(k->vault, keyring_name(str_of(h->provider), &a), sealed, &a, &plain) != OK;
    if (!h->broken) {
        h->key = malloc(plain.len + 1);
        must(h->key);
        if (plain.len) memcpy(h->key, plain.ptr, plain.len);
        h->key[plain.len] = 0;
        h->len = plain.len;
        if (plain.len) sodium_memzero((char *)plain.ptr, plain.len);
    }
    arena_done(&a);
}

bool keyring_put(struct keyring *k, const struct provider_key *record) {
    struct held *h = find(k, record->head.id);
    if (h && record->head.version <= h->version) return false;
    if (!h) {
        h = calloc(1, sizeof *h);
        must(h);
        h->provider = strndup(record->head.id.ptr, record->head.id.len);
        must(h->provider);
        h->next = k->first;
        k->first = h;
    }
    wipe(h);
    h->broken = false;
    h->version = record->head.version;
    h->updated_at = record->deleted_at ? 0 : record->updated_at;
    if (!str_empty(record->sealed)) open_key(k, h, record->sealed);
    return true;
}

enum key_source keyring_find(const struct keyring *k, struct str provider, struct str env, struct str *out) {
    const struct held *h = find(k, provider);
    if (h && h->key) {
        if (out) *out = str_n(h->key, h->len);
        return KEY_SET;
    }
    if (h && h->broken) return KEY_BROKEN;
    char name[128];
    snprintf(name, sizeof name, "%.*s", STR_ARG(str_head(env, sizeof name - 1)));
    const char *value = name[0] ? getenv(name) : NULL;
    if (!value || !*value) return KEY_MISSING;
    if (out) *out = str_of(value);
    return KEY_ENV;
}

int64_t keyring_set_at(const struct keyring *k, struct str provider) {
    const struct held *h = find(k, provider);
    return h ? h->updated_at : 0;
}
