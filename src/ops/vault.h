/* Seals secrets at rest with XChaCha20-Poly1305 (libsodium). The data key is sealed by the master key and derived per purpose; the
 * name of what is sealed is bound to it, so a sealed text cannot be moved to another project or name. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct vault;
struct vault *vault_create(struct str master_key); /* the master key is not kept */
/* What an older master key sealed opens too from now on; nothing is sealed by it any more. At most one. */
void vault_accept(struct vault *v, struct str old_master_key);
void vault_destroy(struct vault *v);               /* wiped */
/* "v1:" and base64url; nonce: 24 random bytes from io/. */
void vault_seal(const struct vault *v, const uint8_t nonce[24], struct str name, struct str plain, struct buf *out);
/* E_CORRUPT when it was not sealed here under that name. The plain text lives in the arena; wipe it after use. */
[[nodiscard]] err vault_open(const struct vault *v, struct str name, struct str sealed, struct arena *a, struct str *out);
/* Whether only the older key opens it: it is to be sealed anew. */
bool vault_is_old(const struct vault *v, struct str name, struct str sealed);
