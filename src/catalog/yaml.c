#include "catalog/yaml.h"

#include "catalog/number.h"

#include <yaml.h>

struct reader {
    struct doc *doc;
    yaml_parser_t parser;
    int nodes;
    bool failed; /* the parser cannot go on */
};

static int mark_line(yaml_mark_t mark) { return (int)mark.line + 1; }

static bool next(struct reader *r, yaml_event_t *out) {
    if (yaml_parser_parse(&r->parser, out)) return true;
    r->failed = true;
    const yaml_parser_t *p = &r->parser;
    int line = p->error == YAML_READER_ERROR ? 0 : mark_line(p->problem_mark);
    const char *problem = p->problem ? p->problem : "the file cannot be read";
    if (p->context) doc_problem_line(r->doc, line, "not valid YAML: %s %s.", problem, p->context);
    else if (!line) doc_problem_line(r->doc, 0, "not valid YAML: %s at byte %zu.", problem, p->problem_offset);
    else doc_problem_line(r->doc, line, "not valid YAML: %s.", problem);
    return false;
}

static struct node *new_node(struct reader *r, enum json_type type, int line) {
    if (++r->nodes > YAML_NODES_MAX) {
        doc_problem_line(r->doc, line, "the file has more than %d values.", YAML_NODES_MAX);
        r->failed = true;
        return NULL;
    }
    struct node *n = arena_new(r->doc->arena, struct node);
    n->json.type = type;
    n->line = line;
    return n;
}

/* --- scalars --- */

/* Plain words that YAML readers disagree about. */
static bool is_surprising(struct str s) {
    static const char *const words[] = {"yes", "no", "on", "off", "true", "false", "null", "~", ".inf", "-.inf", ".nan"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_ieq(s, str_of(words[i]))) return true;
    return false;
}

/* Digits with signs, points, colons or underscores that are not a plain number: 0777, +5, .5, 1_000, 1:30, 0x1F */
static bool looks_numeric(struct str s) {
    size_t at = s.len && (s.ptr[0] == '+' || s.ptr[0] == '-');
    if (at < s.len && s.ptr[at] == '.') at++;
    if (at >= s.len || s.ptr[at] < '0' || s.ptr[at] > '9') return false;
    bool hex = s.len > at + 2 && s.ptr[at] == '0' && (s.ptr[at + 1] == 'x' || s.ptr[at + 1] == 'o');
    for (size_t i = hex ? at + 2 : at; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool digit = (c >= '0' && c <= '9') || (hex && ((c | 32) >= 'a' && (c | 32) <= 'f'));
        if (!digit && !strchr("._:eE+-", c)) return false;
    }
    return true;
}

static bool is_number(struct str s) {
    int64_t ignored;
    enum decimal d = decimal_read(s, 0, &ignored);
    return d != DECIMAL_BAD && !memchr(s.ptr, 'e', s.len) && !memchr(s.ptr, 'E', s.len);
}

static bool is_date(struct str s) {
    if (s.len != 10) return false;
    for (size_t i = 0; i < 10; i++) {
        bool dash = i == 4 || i == 7;
        if (dash ? s.ptr[i] != '-' : s.ptr[i] < '0' || s.ptr[i] > '9') return false;
    }
    return true;
}

static struct node *read_scalar(struct reader *r, const yaml_event_t *e) {
    struct str text = str_n(e->data.scalar.value, e->data.scalar.length);
    int line = mark_line(e->start_mark);
    struct node *n = new_node(r, JSON_STRING, line);
    if (!n) return NULL;
    n->json.text = arena_dup(r->doc->arena, text);
    if (memchr(n->json.text.ptr, 0, text.len) || !str_is_utf8(text)) {
        doc_problem_line(r->doc, line, "a value holds a NUL or bytes that are not UTF-8.");
        n->bad = true;
    }
    if (e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return n;
    bool is_true = str_is(text, "true");
    if (is_true || str_is(text, "false")) {
        n->json.type = JSON_BOOL;
        n->json.boolean = is_true;
    } else if (!text.len) {
        doc_problem_line(r->doc, line, "a value is missing; write \"\" if it is meant to be empty.");
        n->bad = true;
    } else if (is_number(text)) {
        n->json.type = JSON_NUMBER;
    } else if (is_surprising(text) || (looks_numeric(text) && !is_date(text))) {
        doc_problem_line(r->doc, line, "`%.*s` means different things to different readers; write true, false or a plain number, or quote it.",
                         STR_ARG(str_head(text, 40)));
        n->bad = true;
    }
    return n;
}

/* --- collections --- */

static struct node *read_value(struct reader *r, yaml_event_t *e, int depth);

static void append(struct node *parent, struct json ***tail, struct node *child) {
    **tail = &child->json;
    *tail = &child->json.next;
    parent->json.count++;
}

static bool too_deep(struct reader *r, int line, int depth) {
    if (depth < YAML_DEPTH_MAX) return false;
    doc_problem_line(r->doc, line, "values are nested more than %d deep.", YAML_DEPTH_MAX);
    r->failed = true;
    return true;
}

static struct node *read_sequence(struct reader *r, int line, int depth) {
    struct node *n = new_node(r, JSON_ARRAY, line);
    if (!n || too_deep(r, line, depth)) return NULL;
    struct json **tail = &n->json.child;
    for (;;) {
        yaml_event_t e;
        if (!next(r, &e)) return NULL;
        bool end = e.type == YAML_SEQUENCE_END_EVENT;
        struct node *child = end ? NULL : read_value(r, &e, depth + 1);
        yaml_event_delete(&e);
        if (end) return n;
        if (!child) return NULL;
        append(n, &tail, child);
    }
}

/* A key as text; *out_key.ptr NULL when it cannot be one (reported). False: the parser cannot go on. */
static bool read_key(struct reader *r, yaml_event_t *e, int depth, struct str *out_key) {
    int line = mark_line(e->start_mark);
    *out_key = (struct str){};
    if (e->type != YAML_SCALAR_EVENT) {
        doc_problem_line(r->doc, line, "a key must be plain text.");
        return read_value(r, e, depth + 1) != NULL;
    }
    if (e->data.scalar.anchor || e->data.scalar.tag) doc_problem_line(r->doc, line, "anchors and tags are not allowed.");
    struct str key = str_n(e->data.scalar.value, e->data.scalar.length);
    if (str_is(key, "<<")) doc_problem_line(r->doc, line, "merge keys (`<<`) are not allowed.");
    else if (!key.len || memchr(key.ptr, 0, key.len)) doc_problem_line(r->doc, line, "a key is empty or holds a NUL.");
    else *out_key = arena_dup(r->doc->arena, key);
    return true;
}

static struct node *read_mapping(struct reader *r, int line, int depth) {
    struct node *n = new_node(r, JSON_OBJECT, line);
    if (!n || too_deep(r, line, depth)) return NULL;
    struct json **tail = &n->json.child;
    for (;;) {
        yaml_event_t e;
        if (!next(r, &e)) return NULL;
        bool end = e.type == YAML_MAPPING_END_EVENT;
        int key_line = mark_line(e.start_mark);
        struct str key;
        bool ok = end || read_key(r, &e, depth, &key);
        yaml_event_delete(&e);
        if (end) return n;
        if (!ok || !next(r, &e)) return NULL;
        struct node *child = read_value(r, &e, depth + 1);
        yaml_event_delete(&e);
        if (!child) return NULL;
        if (!key.ptr) continue;
        const struct json *first = json_get_str(&n->json, key);
        if (first) {
            doc_problem_line(r->doc, key_line, "the key `%.*s` stands twice; the first is in line %d.", STR_ARG(str_head(key, 60)),
                             doc_line(r->doc, first));
            continue;
        }
        child->json.key = key;
        child->line = key_line;
        append(n, &tail, child);
    }
}

static struct node *read_value(struct reader *r, yaml_event_t *e, int depth) {
    int line = mark_line(e->start_mark);
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (e->type) {
    case YAML_ALIAS_EVENT: {
        doc_problem_line(r->doc, line, "aliases (`*%.40s`) are not allowed; write the value out.", (const char *)e->data.alias.anchor);
        struct node *n = new_node(r, JSON_NULL, line);
        if (n) n->bad = true;
        return n;
    }
    case YAML_SCALAR_EVENT: anchor = e->data.scalar.anchor, tag = e->data.scalar.tag; break;
    case YAML_SEQUENCE_START_EVENT: anchor = e->data.sequence_start.anchor, tag = e->data.sequence_start.tag; break;
    case YAML_MAPPING_START_EVENT: anchor = e->data.mapping_start.anchor, tag = e->data.mapping_start.tag; break;
    default: doc_problem_line(r->doc, line, "a value was expected."); r->failed = true; return NULL;
    }
    if (anchor) doc_problem_line(r->doc, line, "anchors (`&%.40s`) are not allowed.", (const char *)anchor);
    if (tag) doc_problem_line(r->doc, line, "tags (`%.40s`) are not allowed.", (const char *)tag);
    if (e->type == YAML_SCALAR_EVENT) return read_scalar(r, e);
    return e->type == YAML_SEQUENCE_START_EVENT ? read_sequence(r, line, depth) : read_mapping(r, line, depth);
}

/* --- the stream --- */

static const struct json *read_stream(struct reader *r) {
    struct node *root = NULL;
    for (int documents = 0;;) {
        yaml_event_t e;
        if (!next(r, &e)) return NULL;
        yaml_event_type_t type = e.type;
        int line = mark_line(e.start_mark);
        if (type == YAML_DOCUMENT_START_EVENT && ++documents > 1)
            doc_problem_line(r->doc, line, "a second document begins here; a file holds one model.");
        bool value = type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT ||
                     type == YAML_ALIAS_EVENT;
        struct node *n = value ? read_value(r, &e, 0) : NULL;
        yaml_event_delete(&e);
        if (r->failed) return NULL;
        if (n && !root) root = n;
        if (documents > 1 || type == YAML_STREAM_END_EVENT) break;
    }
    if (!root) doc_problem_line(r->doc, 1, "the file is empty; a model was expected.");
    return root ? &root->json : NULL;
}

const struct json *yaml_read(struct doc *d, struct str text) {
    d->lines = true;
    if (text.len > YAML_FILE_MAX) {
        doc_problem_line(d, 0, "the file has %zu bytes; at most %d are read.", text.len, YAML_FILE_MAX);
        return NULL;
    }
    struct reader r = {.doc = d};
    must(yaml_parser_initialize(&r.parser));
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.ptr, text.len);
    const struct json *root = read_stream(&r);
    yaml_parser_delete(&r.parser);
    return root;
}
