/* Texts with names in braces: paths, queries, headers. */
#include "provider/describe.h"

#include <stdio.h>

static const struct { const char *name; enum name_kind kind; unsigned allow; } NAMES[] = {
    {"ref", NAME_REF, 0},         {"model", NAME_MODEL, 0},     {"base", NAME_BASE, 0}, {"slug", NAME_SLUG, 0}, {"kind", NAME_KIND, 0},
    {"our_ref", NAME_OUR_REF, 0}, {"webhook", NAME_WEBHOOK, 0}, {"app", NAME_APP, 0}, {"key", NAME_KEY, ALLOW_KEY},
};
static const struct { const char *name; enum name_kind kind; unsigned allow; } ROOTS[] = {
    {"input", NAME_INPUT, 0}, {"inputs", NAME_INPUTS, 0}, {"rest", NAME_REST, 0}, {"file", NAME_FILE, ALLOW_FILE}, {"reply", NAME_REPLY, ALLOW_REPLY},
};

static bool is_word(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
    }
    return s.len > 0;
}

static void read_name(struct doc *d, const struct json *node, const char *where, unsigned allow, struct str name, struct template_part *out) {
    struct str root, path;
    bool dotted = str_cut(name, '.', &root, &path);
    out->name = dotted ? path : name;
    for (size_t i = 0; !dotted && i < sizeof NAMES / sizeof *NAMES; i++)
        if (str_is(name, NAMES[i].name) && (!NAMES[i].allow || allow & NAMES[i].allow)) out->kind = NAMES[i].kind;
    for (size_t i = 0; dotted && i < sizeof ROOTS / sizeof *ROOTS; i++)
        if (str_is(root, ROOTS[i].name) && (!ROOTS[i].allow || allow & ROOTS[i].allow)) out->kind = ROOTS[i].kind;
    if (out->kind == NAME_KEY || (!dotted && str_is(name, "key"))) {
        if (!(allow & ALLOW_KEY)) doc_problem(d, node, "`{key}` may stand in auth.format only; `%s` would show the credential.", where);
    } else if (!dotted && out->kind == NAME_NONE && is_word(name)) {
        out->kind = NAME_KEPT; /* looked for among what the endpoint keeps, once all of it is read */
    }
    struct why why = {};
    if (out->kind == NAME_NONE) {
        doc_problem(d, node, "`{%.*s}` in `%s` names nothing; known are {ref}, {model}, {base}, {slug}, {kind}, {our_ref}, {webhook}, {app}, what `keep` keeps, "
                             "and {input.NAME}, {inputs.NAME}, {rest.NAME}.", STR_ARG(str_head(name, 60)), where);
    } else if (dotted && path_parse(path, d->arena, &why, &out->steps, &out->step_count)) {
        doc_problem(d, node, "%s", why.detail);
    }
}

void template_read(struct doc *d, const struct json *node, const char *where, unsigned allow, struct template *out) {
    *out = (struct template){.line = doc_line(d, node)};
    if (!node) return;
    if (node->type == JSON_OBJECT || node->type == JSON_ARRAY || node->type == JSON_NULL) {
        doc_is(d, node, JSON_STRING, where);
        return;
    }
    struct str text = json_plain(node, d->arena), rest = text;
    size_t braces = 1;
    for (size_t i = 0; i < text.len; i++) braces += text.ptr[i] == '{';
    struct template_part *parts = arena_array(d->arena, struct template_part, braces);
    out->source = text;
    for (; rest.len; out->count++) {
        struct str literal, name, behind;
        struct template_part *p = &parts[out->count];
        bool open = str_cut(rest, '{', &literal, &rest);
        p->text = literal;
        if (!open) {
            rest = (struct str){};
            continue;
        }
        if (!str_cut(rest, '}', &name, &behind)) {
            doc_problem(d, node, "a brace of `%s` is not closed.", where);
            break;
        }
        read_name(d, node, where, allow, name, p);
        rest = behind;
    }
    out->parts = parts;
}

void pairs_read(struct doc *d, const struct json *node, const char *where, unsigned allow, struct pairs *out) {
    *out = (struct pairs){};
    if (!node || !doc_is(d, node, JSON_OBJECT, where)) return;
    if (node->count > DESCRIBE_PAIRS_MAX) {
        doc_problem(d, node, "`%s` has %u entries; at most %d are allowed.", where, node->count, DESCRIBE_PAIRS_MAX);
        return;
    }
    struct pair *list = arena_array(d->arena, struct pair, node->count + 1);
    for (const struct json *c = node->child; c; c = c->next) {
        list[out->count].name = c->key;
        template_read(d, c, where, allow, &list[out->count++].value);
    }
    out->list = list;
}

bool template_uses(const struct template *t, enum name_kind kind) {
    for (size_t i = 0; i < t->count; i++)
        if (t->parts[i].kind == kind) return true;
    return false;
}
