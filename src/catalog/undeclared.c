#include "catalog/undeclared.h"

#include <string.h>

enum { PLAIN_BYTES = 64 };
struct plain { char text[PLAIN_BYTES]; size_t len; };

/* Small letters and digits alone. Of a name that is longer than any in the list the end is left out. */
static struct plain plain_of(struct str name) {
    struct plain p = {};
    for (size_t i = 0; i < name.len && p.len + 1 < sizeof p.text; i++) {
        char c = name.ptr[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c + ('a' - 'A'));
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) p.text[p.len++] = c;
    }
    return p;
}

static bool same_name(const struct plain *p, const char *listed) {
    struct plain other = plain_of(str_of(listed));
    return p->len == other.len && !memcmp(p->text, other.text, p->len);
}

bool undeclared_is_costly(struct str name) {
    static const char *const costly[] = {
#define COSTLY(name) #name,
#include "catalog/undeclared.def"
    };
    struct plain p = plain_of(name);
    for (size_t i = 0; i < sizeof costly / sizeof *costly; i++)
        if (same_name(&p, costly[i])) return true;
    return false;
}

static bool is_safety(const struct plain *p) {
    static const char *const words[] = {
#define SAFETY(word) #word,
#include "catalog/undeclared.def"
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(p->text, words[i])) return true;
    return false;
}

/* The values with which such a name turns nothing down, NULL: none. */
static const char *harmless_values(const struct plain *p) {
    static const struct { const char *name, *values; } harmless[] = {
#define HARMLESS(name, values) {#name, values},
#include "catalog/undeclared.def"
    };
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (same_name(p, harmless[i].name)) return harmless[i].values;
    return NULL;
}

bool undeclared_is_refused(struct str name) {
    struct plain p = plain_of(name);
    return is_safety(&p) && !harmless_values(&p);
}

static bool stands_in(struct str values, const struct json *j) {
    struct str one, text = j->type == JSON_BOOL ? (j->boolean ? STR("true") : STR("false")) : j->text;
    while (values.len) {
        str_cut(values, ' ', &one, &values);
        if (str_ieq(one, text)) return true;
    }
    return false;
}

static bool is_harmless(const struct plain *p, const struct json *j) {
    const char *values = harmless_values(p);
    return j->type == JSON_NULL /* as good as not said */ || (values && (!*values || stands_in(str_of(values), j)));
}

const struct json *undeclared_unsafe(const struct json *member) {
    struct plain p = plain_of(member->key);
    if (is_safety(&p)) return is_harmless(&p, member) ? NULL : member;
    for (const struct json *c = member->type == JSON_OBJECT || member->type == JSON_ARRAY ? member->child : NULL; c; c = c->next) {
        const struct json *found = undeclared_unsafe(c);
        if (found) return found;
    }
    return NULL;
}
