#include "catalog/shelf.h"

#include <stdlib.h>

/* A list: an operator who edits a price fifty times between two starts still has fewer versions than a hash table has buckets. */
struct version {
    struct version *older;
    struct catalog *catalog;
};
struct shelf {
    struct version *newest;
    const struct catalog *current;
};

struct shelf *shelf_create(void) {
    struct shelf *s = calloc(1, sizeof *s);
    must(s);
    return s;
}

void shelf_destroy(struct shelf *s) {
    if (!s) return;
    for (struct version *v = s->newest, *older; v; v = older) {
        older = v->older;
        catalog_destroy(v->catalog);
        free(v);
    }
    free(s);
}

const struct catalog *shelf_current(const struct shelf *s) { return s->current; }

const struct catalog *shelf_find(const struct shelf *s, struct str sha256) {
    for (const struct version *v = s->newest; v; v = v->older)
        if (str_eq(catalog_sha256(v->catalog), sha256)) return v->catalog;
    return NULL;
}

bool shelf_use(struct shelf *s, struct str sha256) {
    const struct catalog *c = shelf_find(s, sha256);
    if (c) s->current = c;
    return c != NULL;
}

void shelf_put(struct shelf *s, struct catalog *c, bool current) {
    const struct catalog *known = shelf_find(s, catalog_sha256(c));
    if (known) catalog_destroy(c);
    else {
        struct version *v = calloc(1, sizeof *v);
        must(v);
        *v = (struct version){.older = s->newest, .catalog = c};
        s->newest = v;
        known = c;
    }
    if (current) s->current = known;
}
