#include "engine/atlas.h"

#include <stdlib.h>

struct sheet {
    struct sheet *next;
    const struct catalog *catalog;
    struct providers *providers;
};
struct base {
    struct base *next;
    char *name, *url;
};
struct atlas {
    const struct shelf *shelf;
    struct sheet *sheets;
    struct base *bases;
};

struct atlas *atlas_create(const struct shelf *shelf) {
    struct atlas *a = calloc(1, sizeof *a);
    must(a);
    a->shelf = shelf;
    return a;
}

void atlas_destroy(struct atlas *a) {
    if (!a) return;
    for (struct sheet *s = a->sheets, *next; s; s = next) {
        next = s->next;
        providers_destroy(s->providers);
        free(s);
    }
    for (struct base *b = a->bases, *next; b; b = next) {
        next = b->next;
        free(b->name);
        free(b->url);
        free(b);
    }
    free(a);
}

static struct sheet *sheet_of(struct atlas *a, const struct catalog *c, struct problems *problems) {
    for (struct sheet *s = a->sheets; s; s = s->next)
        if (s->catalog == c) return s;
    struct providers *providers = NULL;
    if (providers_compile(c, problems, &providers)) return NULL;
    for (const struct base *b = a->bases; b; b = b->next)
        if (providers_find(providers, str_of(b->name)) && providers_rebase(providers, str_of(b->name), str_of(b->url), NULL)) continue; /* it was looked at when it was given */
    struct sheet *s = calloc(1, sizeof *s);
    must(s);
    *s = (struct sheet){.next = a->sheets, .catalog = c, .providers = providers};
    a->sheets = s;
    return s;
}

const struct providers *atlas_providers(struct atlas *a, const struct catalog *c, struct problems *problems) {
    struct problems mine = {};
    struct sheet *s = sheet_of(a, c, problems ? problems : &mine);
    problems_done(&mine);
    return s ? s->providers : NULL;
}

err atlas_rebase(struct atlas *a, struct str name, struct str url, struct why *why) {
    struct problems problems = {};
    struct sheet *s = sheet_of(a, shelf_current(a->shelf), &problems);
    problems_done(&problems);
    if (!s) return why_set(why, E_INVALID, "The descriptions of providers are broken; see `puras catalog lint`.");
    TRY(providers_rebase(s->providers, name, url, why));
    struct base *b = calloc(1, sizeof *b);
    must(b);
    *b = (struct base){.next = a->bases, .name = strndup(name.ptr, name.len), .url = strndup(url.ptr, url.len)};
    must(b->name && b->url);
    a->bases = b;
    return OK;
}

size_t atlas_rebased(const struct atlas *a, size_t i, struct str *out_name, struct str *out_url) {
    size_t n = 0;
    for (const struct base *b = a->bases; b; b = b->next, n++) {
        if (n != i) continue;
        *out_name = str_of(b->name);
        *out_url = str_of(b->url);
    }
    return n;
}

bool atlas_find(struct atlas *a, const struct route_names *ref, struct place *out) {
    struct place p = {.catalog = shelf_find(a->shelf, ref->catalog)};
    p.model = p.catalog ? catalog_find(p.catalog, ref->model) : NULL;
    if (!p.model) return false;
    const struct providers *all = atlas_providers(a, p.catalog, NULL);
    for (size_t i = 0; all && i < p.model->route_count && !p.route; i++)
        if (str_eq(p.model->routes[i].provider, ref->provider) && str_eq(p.model->routes[i].model, ref->route)) p.route = &p.model->routes[i];
    p.provider = p.route ? providers_find(all, ref->provider) : NULL;
    p.endpoint = p.provider ? provider_endpoint(p.provider, p.route->endpoint) : NULL;
    if (!p.endpoint) return false;
    *out = p;
    return true;
}
