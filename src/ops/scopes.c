/* The scopes a key can carry. A key without any may do what its kind may; one with scopes only those. */
#include "ops/scopes.h"

static const char *const scopes[] = {"generate:media", "generate:music", "generate:speech", "generate:ads", "read:balance", "read:generations", "drive", "admin"};

static bool holds(struct str words, struct str wanted) {
    struct str word;
    while (words.len) {
        str_cut(words, ' ', &word, &words);
        if (str_eq(word, wanted)) return true;
    }
    return false;
}

bool caller_may(const struct caller *c, const char *scope) { return !c->scopes[0] || holds(str_of(c->scopes), str_of(scope)); }

err scopes_check(struct str words, struct why *why) {
    struct str word;
    if (words.len >= SCOPES_MAX) return why_set(why, E_INVALID, "The list of scopes is too long.");
    while (words.len) {
        bool known = false;
        str_cut(words, ' ', &word, &words);
        for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) known |= str_is(word, scopes[i]);
        if (!known)
            return why_set(why, E_INVALID, "'%.*s' is no scope; there are generate:media, generate:music, generate:speech, generate:ads, read:balance, read:generations, drive and admin.",
                           STR_ARG(str_head(word, 60)));
    }
    return OK;
}

err scopes_allow_type(const struct caller *c, const char *type, struct why *why) {
    const char *scope = !strcmp(type, "music") ? "generate:music" : !strcmp(type, "speech") ? "generate:speech" : "generate:media";
    if (caller_may(c, scope)) return OK;
    return why_set(why, E_FORBIDDEN, "The key %s does not have the scope %s, which this model needs; use another key, or create one with it. Nothing was charged.", c->key, scope);
}
