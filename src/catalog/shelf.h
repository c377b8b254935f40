/* The versions of the catalog a server holds: the current one, by which new calls are quoted, and those that live work began
 * with. A version is never changed and, once put here, never moved, so a pointer into it is good for as long as the shelf.
 *
 * Not locked: everything happens on the loop's thread. */
#pragma once
#include "catalog/catalog.h"

struct shelf;
struct shelf *shelf_create(void);
void shelf_destroy(struct shelf *s);
/* Takes ownership. The same version twice is one; it becomes current when `current` says so. */
void shelf_put(struct shelf *s, struct catalog *c, bool current);
/* Makes a version current that is here already; false when it is not. */
bool shelf_use(struct shelf *s, struct str sha256);
const struct catalog *shelf_current(const struct shelf *s); /* NULL before the first */
const struct catalog *shelf_find(const struct shelf *s, struct str sha256);
