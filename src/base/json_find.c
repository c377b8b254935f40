/* Look-ups in a tree of JSON: members, elements, paths. All are NULL-safe, so a chain of them needs one check at its end. */
#include "base/json.h"

const struct json *json_get_str(const struct json *object, struct str key) {
    if (!json_is(object, JSON_OBJECT)) return NULL;
    for (const struct json *m = object->child; m; m = m->next)
        if (str_eq(m->key, key)) return m;
    return NULL;
}

const struct json *json_get(const struct json *object, const char *key) { return json_get_str(object, str_of(key)); }

const struct json *json_at(const struct json *array, uint32_t index) {
    if (!json_is(array, JSON_ARRAY) || index >= array->count) return NULL;
    const struct json *element = array->child;
    while (index--) element = element->next;
    return element;
}

bool json_is(const struct json *j, enum json_type type) { return j && j->type == type; }

bool json_as_str(const struct json *j, struct str *out) {
    if (!json_is(j, JSON_STRING)) return false;
    *out = j->text;
    return true;
}

bool json_as_bool(const struct json *j, bool *out) {
    if (!json_is(j, JSON_BOOL)) return false;
    *out = j->boolean;
    return true;
}

/* --- paths --- */

/* What a name in a path may hold. Blanks, pipes and brackets are left out, so that a program given in place of a path is
 * told from one. */
static bool is_name_byte(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80 || (c && strchr("_-$@:/+", c));
}

static err bad_path(struct why *why, struct str path, const char *at, const char *problem) {
    return why_set(why, E_INVALID, "The path cannot be read at byte %zu: %s. A path looks like outputs[0].asset.url.",
                   (size_t)(at - path.ptr), problem);
}

static err step_index(struct str path, const char **at, const struct json **j, struct why *why) {
    const char *end = path.ptr + path.len, *from = *at, *p = from + 1;
    uint64_t index = 0;
    bool past = false; /* larger than any array here */
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        index = index * 10 + (uint64_t)(*p - '0');
        if (index > UINT32_MAX) past = true, index = 0;
    }
    if (p == from + 1) return bad_path(why, path, p, "a whole number was expected behind '['");
    if (p == end || *p != ']') return bad_path(why, path, p, "']' was expected");
    *j = past ? NULL : json_at(*j, (uint32_t)index);
    *at = p + 1;
    return OK;
}

static err step_name(struct str path, const char **at, const struct json **j, struct why *why) {
    const char *end = path.ptr + path.len, *p = *at;
    while (p < end && is_name_byte((unsigned char)*p)) p++;
    if (p == *at) return bad_path(why, path, p, "a name was expected");
    *j = json_get_str(*j, str_n(*at, (size_t)(p - *at)));
    *at = p;
    return OK;
}

err json_path(const struct json *root, struct str path, struct why *why, const struct json **out) {
    if (!path.len) return why_set(why, E_INVALID, "The path is empty. A path looks like outputs[0].asset.url.");
    if (!str_is_utf8(path)) return why_set(why, E_INVALID, "The path is not UTF-8.");
    const char *at = path.ptr, *end = path.ptr + path.len;
    const struct json *j = root;
    if (*at == '.') at++; /* a lone '.' is the whole document */
    bool start = true;
    while (at < end) {
        if (*at == '[') {
            TRY(step_index(path, &at, &j, why));
        } else {
            if (!start) {
                if (*at != '.') return bad_path(why, path, at, "'.' or '[' was expected");
                at++;
            }
            TRY(step_name(path, &at, &j, why));
        }
        start = false;
    }
    *out = j;
    return OK;
}

bool json_as_spool(const struct json *j, uint32_t *id, uint32_t *bytes, struct str *head) {
    if (!json_is(j, JSON_SPOOLED)) return false;
    *id = j->spool;
    *bytes = j->count;
    *head = j->text;
    return true;
}

bool json_has_spool(const struct json *j) {
    if (json_is(j, JSON_SPOOLED)) return true;
    for (const struct json *c = j ? j->child : NULL; c; c = c->next)
        if (json_has_spool(c)) return true;
    return false;
}
