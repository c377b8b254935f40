/* A published version: reads folders or stored content, keeps models in order of slug, finds them.
 *
 * Owns the arena in which everything of the version lives. Called at start-up, by the watcher and by whoever loads a version
 * that live work names; a version is never changed once it exists. */
#include "base/cleanup.h"
#include "base/hash.h"
#include "catalog/model.h"
#include "catalog/near.h"
#include "catalog/yaml.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum { FILES_MAX = 4096, MODELS_MAX = 4096, PROVIDERS_MAX = 256, CONTENT_FORMAT = 1 };

struct catalog {
    struct arena arena;
    struct model *models;
    size_t count, cap;
    struct provider_doc *providers;
    size_t provider_count;
    struct str content;
    char sha256[SHA256_HEX + 1];
};

static void destroyp(struct catalog **c) { catalog_destroy(*c); }

void catalog_destroy(struct catalog *c) {
    if (!c) return;
    arena_done(&c->arena);
    free(c);
}

static struct catalog *create(void) {
    struct catalog *c = calloc(1, sizeof *c);
    must(c);
    return c;
}

static void add_model(struct catalog *c, const struct model *m) {
    if (c->count == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 16;
        struct model *more = arena_array(&c->arena, struct model, cap);
        if (c->count) memcpy(more, c->models, c->count * sizeof *more);
        c->models = more;
        c->cap = cap;
    }
    c->models[c->count++] = *m;
}

/* False when there are too many. */
static bool add_provider(struct catalog *c, const struct provider_doc *p) {
    if (c->provider_count == PROVIDERS_MAX) return false;
    if (!c->providers) c->providers = arena_array(&c->arena, struct provider_doc, PROVIDERS_MAX);
    c->providers[c->provider_count++] = *p;
    return true;
}

/* --- publishing --- */

static int by_slug(const void *a, const void *b) { return str_cmp(((const struct model *)a)->slug, ((const struct model *)b)->slug); }

static int by_name(const void *a, const void *b) { return str_cmp(((const struct provider_doc *)a)->name, ((const struct provider_doc *)b)->name); }

/* The content depends on what the documents say, not on files, lines, order of keys or how numbers are written. */
static void seal(struct catalog *c) {
    if (c->count) qsort(c->models, c->count, sizeof *c->models, by_slug);
    struct buf b = {};
    struct jw w = {.out = &b};
    jw_open(&w, '{');
    jw_ki64(&w, "format", CONTENT_FORMAT);
    jw_key(&w, "models");
    jw_open(&w, '[');
    for (size_t i = 0; i < c->count; i++) {
        jw_raw(&w, (struct str){});
        json_write_canonical(&b, model_compiled(&c->models[i])->doc);
    }
    jw_close(&w, ']');
    if (c->provider_count) { /* left out when empty, so that versions without any keep their name */
        qsort(c->providers, c->provider_count, sizeof *c->providers, by_name);
        jw_key(&w, "providers");
        jw_open(&w, '[');
        for (size_t i = 0; i < c->provider_count; i++) {
            jw_raw(&w, (struct str){});
            json_write_canonical(&b, c->providers[i].doc);
        }
        jw_close(&w, ']');
    }
    jw_close(&w, '}');
    c->content = arena_dup(&c->arena, buf_view(&b));
    buf_done(&b);
    sha256_hex(c->content, c->sha256);
}

/* --- folders --- */

/* A slug and where it stands. */
struct seen {
    const struct seen *older;
    struct str slug, file;
    int line;
};

/* Everything one catalog_read works on. */
struct reading {
    struct catalog *catalog;
    struct problems *problems;
    struct seen *seen; /* newest first; also of models that have problems */
    size_t files;
    size_t nodes;
    bool in_providers; /* the folder being read holds descriptions */
    bool replacing;    /* a description that is there already gives way */
};

static void problem(struct reading *r, struct str file, int line, const char *format, ...) __attribute__((format(printf, 4, 5)));
static void problem(struct reading *r, struct str file, int line, const char *format, ...) {
    struct doc d = {.problems = r->problems, .file = file};
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    doc_problem_line(&d, line, "%s", text);
}

/* The inputs of a file are a mapping; published they are a list, because their order is for people and canonical JSON has none. */
static void list_inputs(struct doc *d, struct json *root) {
    struct json *inputs = root->type == JSON_OBJECT ? root->child : NULL;
    while (inputs && !str_is(inputs->key, "inputs")) inputs = inputs->next;
    if (!inputs) return;
    if (!doc_is(d, inputs, JSON_OBJECT, "inputs")) {
        inputs->type = JSON_ARRAY;
        inputs->child = NULL;
        inputs->count = 0;
        return;
    }
    inputs->type = JSON_ARRAY;
    for (struct json *j = inputs->child; j; j = j->next) {
        const struct json *named = json_get(j, "name");
        if (named) doc_problem(d, named, "unknown key `name` in an input; its name stands before the colon.");
        if (j->type == JSON_OBJECT && !named) {
            struct node *name = arena_new(d->arena, struct node);
            *name = (struct node){.json = {.type = JSON_STRING, .key = STR("name"), .text = j->key, .next = j->child}, .line = doc_line(d, j)};
            j->child = &name->json;
            j->count++;
        }
        j->key = (struct str){};
    }
}

static void note_slug(struct reading *r, struct doc *d, const struct model *m) {
    if (!m->slug.len) return;
    for (const struct seen *s = r->seen; s; s = s->older) {
        if (!str_eq(s->slug, m->slug)) continue;
        doc_problem_line(d, m->line, "the slug `%.*s` is taken; it stands in %.*s:%d.", STR_ARG(m->slug), STR_ARG(s->file), s->line);
        return;
    }
    struct seen *s = arena_new(d->arena, struct seen);
    *s = (struct seen){r->seen, m->slug, m->file, m->line};
    r->seen = s;
}

static size_t count_nodes(const struct json *j) {
    size_t n = 1;
    for (const struct json *c = j->child; c; c = c->next) n += count_nodes(c);
    return n;
}

static void read_model(struct reading *r, struct str path, struct str text) {
    struct doc d = {.arena = &r->catalog->arena, .problems = r->problems, .file = path};
    struct json *root = (struct json *)yaml_read(&d, text);
    if (!root) return;
    list_inputs(&d, root);
    struct model m = {};
    bool sound = model_read(&d, root, &m);
    note_slug(r, &d, &m);
    if (sound) model_lint(&d, &m);
    r->nodes += count_nodes(root);
    if (!d.found) add_model(r->catalog, &m);
}

static bool is_provider_name(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!word && (i == 0 || (c != '-' && c != '.' && c != '_'))) return false;
    }
    return s.len > 0;
}

/* Only the name is read here. False when it has none. */
static bool read_name(struct doc *d, const struct json *root, struct provider_doc *out) {
    if (!doc_is(d, root, JSON_OBJECT, "provider")) return false;
    if (!doc_need(d, root, "provider", "the description") || !doc_text(d, root, "provider", MODEL_NAME_BYTES, &out->name)) return false;
    const struct json *j = json_get(root, "provider");
    if (!is_provider_name(out->name)) doc_problem(d, j, "`provider: %.*s` must be small letters, digits, `-`, `.` and `_`.", STR_ARG(out->name));
    if (str_is(out->name, "local") || str_is(out->name, "twin")) doc_problem(d, j, "the provider `%.*s` is this server itself; choose another name.", STR_ARG(out->name));
    out->doc = root;
    out->file = d->file;
    out->lines = d->lines;
    return !d->found;
}

err catalog_read_provider(struct str name, struct str text, struct arena *a, struct problems *p, struct provider_doc *out) {
    struct doc d = {.arena = a, .problems = p, .file = arena_dup(a, name)};
    const struct json *root = yaml_read(&d, text);
    struct provider_doc read = {};
    if (!root || !read_name(&d, root, &read)) return E_INVALID;
    *out = read;
    return OK;
}

static void read_provider(struct reading *r, struct str path, struct str text) {
    struct catalog *c = r->catalog;
    struct provider_doc read = {};
    if (catalog_read_provider(path, text, &c->arena, r->problems, &read)) return;
    r->nodes += count_nodes(read.doc);
    for (size_t i = 0; i < c->provider_count; i++) {
        if (!str_eq(c->providers[i].name, read.name)) continue;
        if (r->replacing) c->providers[i] = read;
        else problem(r, path, 1, "the provider `%.*s` is taken; it stands in %.*s.", STR_ARG(read.name), STR_ARG(c->providers[i].file));
        return;
    }
    if (!add_provider(c, &read)) problem(r, path, 0, "there are more than %d providers.", PROVIDERS_MAX);
}

static void read_file(struct reading *r, struct str path) {
    _cleanup_(closep) int fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) {
        problem(r, path, 0, "the file cannot be read: %s.", strerror(errno));
        return;
    }
    if (!S_ISREG(st.st_mode)) {
        problem(r, path, 0, "not a regular file.");
        return;
    }
    struct buf text = {};
    buf_reserve(&text, YAML_FILE_MAX + 1); /* one byte more, so that a longer file shows */
    ssize_t n = 1;
    while (n > 0 && text.len <= YAML_FILE_MAX) {
        n = read(fd, text.ptr + text.len, YAML_FILE_MAX + 1 - text.len);
        if (n > 0) text.len += (size_t)n;
    }
    if (n < 0) problem(r, path, 0, "the file cannot be read: %s.", strerror(errno));
    else if (r->in_providers) read_provider(r, path, buf_view(&text));
    else if (++r->files > MODELS_MAX) problem(r, path, 0, "there are more than %d models.", MODELS_MAX);
    else read_model(r, path, buf_view(&text));
    buf_done(&text);
}

static void closedirp(DIR **d) {
    if (*d) closedir(*d);
}

static int by_str(const void *a, const void *b) { return str_cmp(*(const struct str *)a, *(const struct str *)b); }

/* Reads *.yaml of one folder in order of name. */
static void read_folder(struct reading *r, struct str folder, bool optional) {
    _cleanup_(closedirp) DIR *dir = opendir(folder.ptr);
    if (!dir) {
        if (!optional || (errno != ENOENT && errno != ENOTDIR)) problem(r, folder, 0, "the folder cannot be read: %s.", strerror(errno));
        return;
    }
    struct arena *a = &r->catalog->arena;
    struct str *names = arena_array(a, struct str, FILES_MAX);
    size_t n = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        struct str name = str_of(e->d_name);
        if (name.ptr[0] == '.' || !str_ends(name, STR(".yaml"))) continue;
        if (n == FILES_MAX) {
            problem(r, folder, 0, "the folder has more than %d models.", FILES_MAX);
            break;
        }
        names[n++] = arena_printf(a, "%.*s/%s", STR_ARG(folder), e->d_name);
    }
    qsort(names, n, sizeof *names, by_str);
    for (size_t i = 0; i < n; i++) read_file(r, names[i]);
}

static void check_successors(struct reading *r) {
    const struct catalog *c = r->catalog;
    for (size_t i = 0; i < c->count; i++) {
        const struct model *m = &c->models[i];
        bool found = !m->successor.len;
        for (const struct seen *s = r->seen; s && !found; s = s->older) found = str_eq(s->slug, m->successor) && !str_eq(s->slug, m->slug);
        if (!found) problem(r, m->file, m->line, "`successor: %.*s` is no slug of the catalog.", STR_ARG(m->successor));
    }
}

static void read_folders(struct reading *r, const char *const *folders, size_t n) {
    struct arena *a = &r->catalog->arena;
    for (size_t i = 0; i < n; i++) {
        struct str folder = str_of(folders[i]);
        while (folder.len > 1 && folder.ptr[folder.len - 1] == '/') folder.len--;
        folder = arena_dup(a, folder);
        read_folder(r, folder, false);
        read_folder(r, arena_printf(a, "%.*s/models", STR_ARG(folder)), true);
        r->in_providers = true;
        read_folder(r, arena_printf(a, "%.*s/providers", STR_ARG(folder)), true);
        r->in_providers = false;
    }
    check_successors(r);
    if (r->nodes > LIMIT_JSON_NODES - 100) problem(r, STR("catalog"), 0, "all models and providers together have more than %d values.", LIMIT_JSON_NODES - 100);
}

/* Reads folders, and the one text: a description to go with them, or a model when there are none. */
static err read_all(const char *const *folders, size_t n, struct str name, struct str text, struct problems *p, struct catalog **out) {
    _cleanup_(destroyp) struct catalog *c = create();
    struct reading r = {.catalog = c, .problems = p};
    int before = p->count;
    if (folders) read_folders(&r, folders, n);
    r.replacing = true;
    if (folders && name.len) read_provider(&r, arena_dup(&c->arena, name), text);
    else if (!folders) read_model(&r, arena_dup(&c->arena, name), text);
    if (p->count != before) return E_INVALID;
    seal(c);
    *out = TAKE(c);
    return OK;
}

err catalog_read(const char *const *folders, size_t n, struct problems *p, struct catalog **out) {
    return read_all(folders, n, (struct str){}, (struct str){}, p, out);
}

err catalog_read_with(const char *const *folders, size_t n, struct str file, struct str description, struct problems *p, struct catalog **out) {
    return read_all(folders, n, file, description, p, out);
}

err catalog_read_text(struct str name, struct str text, struct problems *p, struct catalog **out) {
    return read_all(NULL, 0, name, text, p, out);
}

/* --- stored content --- */

static err parse_providers(struct catalog *c, const struct json *list, struct problems *p) {
    for (const struct json *j = list ? list->child : NULL; j; j = j->next) {
        struct doc d = {.arena = &c->arena, .problems = p, .file = STR("published catalog")};
        struct provider_doc read = {};
        if (!read_name(&d, j, &read) || !add_provider(c, &read)) return E_CORRUPT;
    }
    return OK;
}

static err parse_models(struct catalog *c, const struct json *list, struct problems *p) {
    for (const struct json *j = list->child; j; j = j->next) {
        struct doc d = {.arena = &c->arena, .problems = p, .file = STR("published catalog")};
        struct model m;
        if (!model_read(&d, j, &m)) return E_CORRUPT;
        add_model(c, &m);
    }
    return OK;
}

err catalog_parse(struct str content, struct why *why, struct catalog **out) {
    _cleanup_(destroyp) struct catalog *c = create();
    struct json *root = NULL;
    TRY(json_parse(arena_dup(&c->arena, content), &c->arena, why, &root));
    int64_t format;
    const struct json *list = json_get(root, "models");
    if (!json_as_i64(json_get(root, "format"), &format) || format != CONTENT_FORMAT || !json_is(list, JSON_ARRAY) || list->count > MODELS_MAX)
        return why_set(why, E_CORRUPT, "The stored catalog is not of a form that this version of puras reads.");
    struct problems p = {};
    err e = parse_models(c, list, &p);
    if (!e) e = parse_providers(c, json_get(root, "providers"), &p);
    if (e) {
        struct str first, rest;
        str_cut(buf_view(&p.text), '\n', &first, &rest);
        why_set(why, e, "The stored catalog does not read as it was published: %.*s", STR_ARG(first));
    }
    problems_done(&p);
    if (e) return e;
    seal(c);
    *out = TAKE(c);
    return OK;
}

/* --- looking up --- */

struct str catalog_sha256(const struct catalog *c) { return str_n(c->sha256, SHA256_HEX); }
struct str catalog_content(const struct catalog *c) { return c->content; }
size_t catalog_count(const struct catalog *c) { return c->count; }
const struct model *catalog_model(const struct catalog *c, size_t i) { return i < c->count ? &c->models[i] : NULL; }

size_t catalog_provider_count(const struct catalog *c) { return c->provider_count; }
const struct provider_doc *catalog_provider_at(const struct catalog *c, size_t i) { return i < c->provider_count ? &c->providers[i] : NULL; }

const struct model *catalog_find(const struct catalog *c, struct str slug) {
    struct model key = {.slug = slug};
    return c->count ? bsearch(&key, c->models, c->count, sizeof key, by_slug) : NULL;
}

static struct str behind_slash(struct str slug) {
    struct str head, rest;
    return str_cut(slug, '/', &head, &rest) ? rest : slug;
}

size_t catalog_near(const struct catalog *c, struct str slug, struct str *out, size_t max) {
    enum { NEAR_RESULTS = 16 };
    int scores[NEAR_RESULTS];
    size_t n = 0;
    if (max > NEAR_RESULTS) max = NEAR_RESULTS;
    for (size_t i = 0; i < c->count && max; i++) {
        struct str have = c->models[i].slug;
        int whole = near_score(slug, have), part = near_score(behind_slash(slug), behind_slash(have));
        int score = whole < part ? whole : part;
        if (score == NEAR_FAR) continue;
        size_t at = n < max ? n : max - 1;
        if (n == max && score >= scores[at]) continue;
        for (; at && scores[at - 1] > score; at--) scores[at] = scores[at - 1], out[at] = out[at - 1];
        scores[at] = score;
        out[at] = have;
        if (n < max) n++;
    }
    return n;
}
