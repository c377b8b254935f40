/* The operator's credentials at providers, opened and kept in memory for whoever builds requests: what `set-key` stored, or else what the environment
 * has. Follows the records as they are published; where other nodes may change them, whoever owns the ring reads them once a second.
 *
 * Loop's thread only. A key is wiped when it is replaced; nothing here is ever shown, logged or counted by its content. */
#pragma once
#include "core/record.h"
#include "ops/vault.h"

/* Behind a provider's name: the secret of its webhooks, kept as a key of its own. */
#define WEBHOOK_KEY "+webhook"

struct keyring;
struct keyring *keyring_create(const struct vault *v);
void keyring_destroy(struct keyring *k); /* wiped */
/* From a record as it stands now; an older one than the ring has changes nothing. True: something changed. */
bool keyring_put(struct keyring *k, const struct provider_key *record);
enum key_source { KEY_MISSING, KEY_SET, KEY_ENV, KEY_BROKEN /* stored, and no master key of this server opens it */ };
/* env: the variable that counts where none is set; may be empty. out (may be NULL) is valid until the loop's next turn. */
enum key_source keyring_find(const struct keyring *k, struct str provider, struct str env, struct str *out);
/* When the stored one was set; 0: none is. */
int64_t keyring_set_at(const struct keyring *k, struct str provider);
/* The name a provider's key is sealed under. */
struct str keyring_name(struct str provider, struct arena *a);
