/* The descriptions of every catalog version on the shelf, compiled once each, with the bases that this server was told to use. From here an attempt,
 * which stores names only, is found again: its model, its route, its provider. Loop's thread only; what it hands out lives as long as the atlas. */
#pragma once
#include "catalog/shelf.h"
#include "engine/engine.h"
#include "provider/provider.h"

struct atlas;
struct atlas *atlas_create(const struct shelf *shelf);
void atlas_destroy(struct atlas *a); /* before the shelf */
/* From now on the provider's base is `url`, in every version. E_INVALID when the current version has no such provider, or url is no address. */
[[nodiscard]] err atlas_rebase(struct atlas *a, struct str name, struct str url, struct why *why);
size_t atlas_rebased(const struct atlas *a, size_t i, struct str *out_name, struct str *out_url); /* how many there are; fills the i-th when there is one */
/* NULL when the version's descriptions cannot be compiled: then `problems` has why (may be NULL). */
const struct providers *atlas_providers(struct atlas *a, const struct catalog *c, struct problems *problems);

struct place {
    const struct catalog *catalog;
    const struct model *model;
    const struct route_spec *route;     /* NULL: local and twin, or the catalog has it no more */
    const struct provider *provider;    /* likewise */
    const struct endpoint *endpoint;
};
/* False: the version is not on the shelf (ask later), or it has no such model, route or provider. */
bool atlas_find(struct atlas *a, const struct route_names *ref, struct place *out);
