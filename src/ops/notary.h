/* Signs what the server says about a file, so that anybody can check it later with nothing but the published public key: Ed25519, as a
 * compact JWS (RFC 7515 and 8037). The key is derived from the master key, so every node of a database signs with the same one. */
#pragma once
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"

struct notary;
struct notary *notary_create(struct str master_key);
/* What the older master key signed is still to be checked: its public key stays published. Nothing new is signed with it. */
void notary_accept(struct notary *n, struct str older_master_key);
void notary_destroy(struct notary *n); /* NULL is fine */
struct str notary_key_id(const struct notary *n);
/* Appends base64url(header).base64url(payload).base64url(signature). */
void notary_sign(const struct notary *n, struct str payload, struct buf *out);
/* Appends {"keys":[...]}, a JWK set (RFC 7517) of the public keys, the signing one first. */
void notary_keys(const struct notary *n, struct buf *out);
