/* Compiles the descriptions of one catalog version. */
#include "provider/describe.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <stdio.h>

/* --- addresses --- */

struct str url_origin(struct str url) {
    size_t scheme = str_starts(url, STR("https://")) ? 8 : str_starts(url, STR("http://")) ? 7 : 0;
    if (!scheme) return (struct str){};
    size_t end = scheme;
    while (end < url.len && !strchr("/?#\\", url.ptr[end])) end++;
    return end == scheme || memchr(url.ptr, '@', end) ? (struct str){} : str_head(url, end);
}

/* A name or address with an optional port; `*.` in front stands for any one or more labels. */
static bool is_origin(struct str s) {
    struct str origin = url_origin(s);
    if (!origin.len || origin.len != s.len) return false;
    struct str host = str_skip(s, str_starts(s, STR("https://")) ? 8 : 7);
    if (str_starts(host, STR("*."))) host = str_skip(host, 2);
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && !strchr("-.:[]", c)) return false;
    }
    return host.len > 0;
}

static bool is_port(struct str s) {
    int64_t n;
    return str_to_i64(s, &n) && n > 0 && n < 65536;
}

/* 127.0.0.1:8188, 10.0.0.5, [::1]:7860, fd00::5 */
static bool is_address(struct str s, struct arena *a) {
    unsigned char bytes[16];
    struct str host = s, port;
    if (str_starts(s, STR("["))) {
        if (!str_cut(str_skip(s, 1), ']', &host, &port)) return false;
        return inet_pton(AF_INET6, arena_strz(a, host), bytes) == 1 && (!port.len || (port.ptr[0] == ':' && is_port(str_skip(port, 1))));
    }
    if (inet_pton(AF_INET6, arena_strz(a, s), bytes) == 1) return true;
    bool has_port = str_cut(s, ':', &host, &port);
    return inet_pton(AF_INET, arena_strz(a, host), bytes) == 1 && (!has_port || is_port(port));
}

/* --- the parts of a description --- */

static void read_addresses(struct doc *d, const struct json *doc, struct provider_info *out) {
    const struct json *hosts = json_get(doc, "hosts"), *private = json_get(doc, "private");
    if (doc_need(d, doc, "base", "the description") && doc_text(d, doc, "base", 500, &out->base)) {
        while (str_ends(out->base, STR("/"))) out->base.len--;
        struct str origin = url_origin(out->base);
        if (!origin.len || !is_origin(origin) || memchr(origin.ptr, '*', origin.len) || memchr(out->base.ptr, '?', out->base.len))
            doc_problem(d, json_get(doc, "base"), "`base` must be an address such as https://api.example.com/v1, without a query.");
    }
    if (hosts && doc_is(d, hosts, JSON_ARRAY, "hosts")) {
        struct str *list = arena_array(d->arena, struct str, hosts->count + 1);
        for (const struct json *c = hosts->child; c; c = c->next) {
            if (!doc_is(d, c, JSON_STRING, "hosts")) continue;
            if (!is_origin(c->text)) doc_problem(d, c, "`hosts` must be origins such as https://rest.example.com or https://*.example.com, without a path.");
            else list[out->host_count++] = c->text;
        }
        out->hosts = list;
    }
    if (private && doc_is(d, private, JSON_ARRAY, "private")) {
        struct str *list = arena_array(d->arena, struct str, private->count + 1);
        for (const struct json *c = private->child; c; c = c->next) {
            if (!doc_is(d, c, JSON_STRING, "private")) continue;
            if (!is_address(c->text, d->arena))
                doc_problem(d, c, "`%.*s` cannot stand in `private`: write addresses in figures, in quotes, with or without a port: \"127.0.0.1:8188\", \"10.0.0.5\", \"[::1]:7860\".",
                            STR_ARG(str_head(c->text, 60)));
            else list[out->private_count++] = c->text;
        }
        out->private_addresses = list;
    }
}

/* 10/s, 600/m, 5/h */
static bool read_rate(struct doc *d, const struct json *object, const char *key, int64_t *out_count, msec *out_per) {
    struct str text, count, per;
    int64_t n;
    if (!json_get(object, key) || !doc_text(d, object, key, 40, &text)) return false;
    bool cut = str_cut(text, '/', &count, &per) && str_to_i64(count, &n) && n > 0 && n <= 1000000;
    msec unit = str_is(per, "s") ? MS_SECOND : str_is(per, "m") ? MS_MINUTE : str_is(per, "h") ? MS_HOUR : 0;
    if (!cut || !unit) {
        doc_problem(d, json_get(object, key), "`%s` must be a number and a time, such as 10/s, 600/m, 5/h.", key);
        return false;
    }
    *out_count = n;
    *out_per = unit;
    return true;
}

void limits_read(struct doc *d, const struct json *node, struct provider_limits *out) {
    static const char *const keys[] = {"concurrency", "rate", "polls", "about", NULL};
    if (!node || !doc_is(d, node, JSON_OBJECT, "limits")) return;
    doc_keys(d, node, keys, "limits");
    if (doc_decimal(d, node, "concurrency", 0, &out->concurrency) && (out->concurrency < 1 || out->concurrency > 1000000))
        doc_problem(d, json_get(node, "concurrency"), "`concurrency` must be from 1 to 1000000.");
    read_rate(d, node, "rate", &out->rate_count, &out->rate_per);
    read_rate(d, node, "polls", &out->poll_count, &out->poll_per);
}

int64_t civil_days(int64_t y, int64_t m, int64_t d) {
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334}, length[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    if (y < 1970 || y > 9999 || m < 1 || m > 12 || d < 1 || d > length[m - 1] || (m == 2 && d == 29 && !leap)) return -1;
    int64_t p = y - 1;
    return 365 * (y - 1970) + (p / 4 - p / 100 + p / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400) + before[m - 1] + (m > 2 && leap) + d - 1;
}

/* Of a date in figures, -1 when it is none. */
static int64_t days_of(struct str s) {
    int64_t y, m, d;
    if (s.len != 10 || s.ptr[4] != '-' || s.ptr[7] != '-') return -1;
    if (!str_to_i64(str_head(s, 4), &y) || !str_to_i64(str_n(s.ptr + 5, 2), &m) || !str_to_i64(str_n(s.ptr + 8, 2), &d)) return -1;
    return civil_days(y, m, d);
}

static void read_about(struct doc *d, const struct json *doc, struct provider_info *out) {
    static const char *const key_keys[] = {"env", "about", "url", NULL};
    static const char *const statuses[] = {"verified", "documented", "guess"};
    struct str word = {}, ignored;
    out->title = out->name;
    doc_text(d, doc, "title", 200, &out->title);
    doc_text(d, doc, "source", DESCRIBE_TEXT_BYTES, &ignored);
    doc_text(d, doc, "about", DESCRIBE_TEXT_BYTES, &ignored);
    doc_text(d, doc, "date", 40, &ignored);
    out->status = DESCRIPTION_DOCUMENTED;
    if (doc_need(d, doc, "status", "the description") && doc_text(d, doc, "status", 40, &word)) {
        size_t i = 0;
        while (i < 3 && !str_is(word, statuses[i])) i++;
        if (i == 3) doc_problem(d, json_get(doc, "status"), "`status: %.*s` is not known; it is verified, documented or guess.", STR_ARG(word));
        else out->status = (enum description_status)i;
    }
    const struct json *key = json_get(doc, "key"), *sunset = json_get(doc, "sunset");
    if (key && doc_is(d, key, JSON_OBJECT, "key")) {
        doc_keys(d, key, key_keys, "key");
        doc_text(d, key, "env", 100, &out->key_env);
        doc_text(d, key, "about", DESCRIBE_TEXT_BYTES, &out->key_about);
        doc_text(d, key, "url", 500, &out->key_url);
    }
    if (sunset) {
        int64_t days = days_of(sunset->text);
        if (days < 0) doc_problem(d, sunset, "`sunset` must be a day such as 2027-03-01.");
        out->sunset_at = (days + 1) * MS_DAY; /* the day itself still counts */
    }
}

static void read_webhook(struct doc *d, const struct json *node, struct provider *out) {
    static const char *const keys[] = {"signature", "keys", "ref", "secret", "audience", "about", NULL};
    static const char *const words[] = {"none", "fal", "standard", "google"};
    struct str word = {}, secret = {}, ignored;
    if (!node || !doc_is(d, node, JSON_OBJECT, "webhook")) return;
    doc_keys(d, node, keys, "webhook");
    doc_text(d, node, "about", DESCRIBE_TEXT_BYTES, &ignored);
    expr_read(d, json_get(node, "ref"), "ref", &out->webhook_ref);
    doc_text(d, node, "keys", DESCRIBE_TEXT_BYTES, &out->webhook_keys);
    doc_text(d, node, "audience", DESCRIBE_TEXT_BYTES, &out->webhook_audience);
    if (doc_text(d, node, "secret", 10, &secret) && !str_is(secret, "key") && !str_is(secret, "own"))
        doc_problem(d, json_get(node, "secret"), "`secret` is `key` or `own`.");
    out->own_secret = str_is(secret, "own");
    if (!doc_text(d, node, "signature", 20, &word)) return;
    size_t i = 0;
    while (i < 4 && !str_is(word, words[i])) i++;
    if (i == 4) doc_problem(d, json_get(node, "signature"), "`signature: %.*s` is not known; it is one of fal, standard, google, none.", STR_ARG(word));
    else out->signature = (enum signature)i;
}

/* --- endpoints --- */

#define ENDPOINT_KEYS                                                                                                                                        \
    "protocol", "submit", "poll", "result", "cancel", "lookup", "statuses", "outputs", "command", "auth", "headers", "files", "pace", "idempotency", "errors", \
        "limits", "error_message", "retry_after", "failed_when", "timeout", "about"

static void read_endpoints(struct doc *d, const struct json *doc, struct provider *out) {
    static const char *const keys[] = {ENDPOINT_KEYS, NULL};
    const struct json *map = json_get(doc, "endpoints");
    if (map && !doc_is(d, map, JSON_OBJECT, "endpoints")) return;
    if (map && (map->count == 0 || map->count > DESCRIBE_ENDPOINTS_MAX)) {
        doc_problem(d, map, "`endpoints` has %u entries; 1 to %d are allowed.", map->count, DESCRIBE_ENDPOINTS_MAX);
        return;
    }
    struct endpoint *list = arena_array(d->arena, struct endpoint, map ? map->count : 1);
    out->endpoints = list;
    if (!map) {
        endpoint_read(d, doc, doc, (struct str){}, &list[out->endpoint_count++]);
    } else {
        for (const struct json *c = map->child; c; c = c->next) {
            if (!doc_is(d, c, JSON_OBJECT, "endpoint")) continue;
            doc_keys(d, c, keys, "an endpoint");
            endpoint_read(d, c, doc, c->key, &list[out->endpoint_count++]);
        }
        if (json_get(doc, "protocol")) doc_problem(d, json_get(doc, "protocol"), "`protocol` belongs into an endpoint when there are `endpoints`.");
    }
    for (size_t i = 0; i < out->endpoint_count; i++) {
        list[i].provider = out;
        if (list[i].auth.scheme != AUTH_NONE) out->info.needs_key = true;
    }
}

bool describe_read(struct doc *d, const struct provider_doc *from, struct provider *out) {
    static const char *const keys[] = {"provider", "title", "base",  "hosts", "private", "status",  "source", "date",
                                       "key",      "webhook", "sunset", "endpoints", ENDPOINT_KEYS, NULL};
    const struct json *doc = from->doc;
    *out = (struct provider){.info = {.name = from->name}, .file = from->file};
    doc_keys(d, doc, keys, "a description");
    bool command = json_get(doc, "command") && !json_get(doc, "endpoints");
    if (command && !json_get(doc, "base")) out->info.base = (struct str){};
    else read_addresses(d, doc, &out->info);
    read_about(d, doc, &out->info);
    struct provider_limits limits = {};
    limits_read(d, json_get(doc, "limits"), &limits);
    out->info.concurrency = limits.concurrency;
    out->info.rate_count = limits.rate_count;
    out->info.rate_per = limits.rate_per;
    out->info.poll_count = limits.poll_count;
    out->info.poll_per = limits.poll_per;
    read_webhook(d, json_get(doc, "webhook"), out);
    read_endpoints(d, doc, out);
    if (out->info.needs_key && !out->info.key_env.len) doc_problem(d, doc, "the provider takes a credential: `key: {env: NAME, about: ..}` is missing.");
    return !d->found;
}

/* --- all of a version --- */

static void destroyp(struct providers **p) { providers_destroy(*p); }

void providers_destroy(struct providers *p) {
    if (!p) return;
    arena_done(&p->arena);
    free(p);
}

static bool is_own(struct str provider) { return str_is(provider, "local") || str_is(provider, "twin"); }

/* A route leads to a description that is here, and to an endpoint of it. */
static void check_routes(const struct catalog *c, const struct providers *all, struct problems *p) {
    for (size_t i = 0; i < catalog_count(c); i++) {
        const struct model *m = catalog_model(c, i);
        struct doc d = {.problems = p, .file = m->file};
        for (size_t k = 0; k < m->route_count; k++) {
            const struct route_spec *r = &m->routes[k];
            if (is_own(r->provider)) continue;
            const struct provider *to = providers_find(all, r->provider);
            if (!to) doc_problem_line(&d, r->line, "the route leads to the provider `%.*s`, and no description of that name is in the catalog.", STR_ARG(r->provider));
            else if (!provider_endpoint(to, r->endpoint))
                doc_problem_line(&d, r->line, "`endpoint: %.*s` is none of the provider `%.*s`.", STR_ARG(r->endpoint), STR_ARG(r->provider));
        }
    }
}

err providers_compile(const struct catalog *c, struct problems *p, struct providers **out) {
    _cleanup_(destroyp) struct providers *all = calloc(1, sizeof *all);
    must(all);
    int before = p->count;
    size_t n = catalog_provider_count(c);
    all->list = arena_array(&all->arena, struct provider, n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct provider_doc *from = catalog_provider_at(c, i);
        struct doc d = {.arena = &all->arena, .problems = p, .file = from->file, .lines = from->lines};
        describe_read(&d, from, &all->list[all->count++]);
    }
    if (p->count == before) check_routes(c, all, p);
    if (p->count != before) return E_INVALID;
    *out = TAKE(all);
    return OK;
}

size_t providers_count(const struct providers *p) { return p->count; }
const struct provider *providers_at(const struct providers *p, size_t i) { return i < p->count ? &p->list[i] : NULL; }

msec providers_longest_window(const struct providers *p) {
    msec longest = 0;
    for (size_t i = 0; i < p->count; i++)
        for (size_t k = 0; k < p->list[i].endpoint_count; k++) {
            const struct provider_limits *l = &p->list[i].endpoints[k].info.limits;
            if (l->rate_count && l->rate_per > longest) longest = l->rate_per;
        }
    return longest;
}

const struct provider *providers_find(const struct providers *p, struct str name) {
    for (size_t i = 0; i < p->count; i++)
        if (str_eq(p->list[i].info.name, name)) return &p->list[i];
    return NULL;
}

const struct provider_info *provider_info(const struct provider *p) { return &p->info; }
enum signature provider_signature(const struct provider *p) { return p->signature; }
struct str provider_webhook_keys(const struct provider *p) { return p->webhook_keys; }
struct str provider_webhook_audience(const struct provider *p) { return p->webhook_audience; }
struct str provider_hook_ref(const struct provider *p, const struct json *body, struct arena *a) {
    struct view v = {.body = body, .a = a};
    struct str ref = {};
    if (p->webhook_ref.kind == EXPR_NONE || expr_runs(&p->webhook_ref) || expr_text(&p->webhook_ref, &v, NULL, &ref)) return (struct str){};
    return ref;
}

const struct endpoint_info *endpoint_info(const struct endpoint *e) { return &e->info; }

const struct endpoint *provider_endpoint(const struct provider *p, struct str name) {
    if (!name.len) return p->endpoint_count ? &p->endpoints[0] : NULL;
    for (size_t i = 0; i < p->endpoint_count; i++)
        if (str_eq(p->endpoints[i].name, name)) return &p->endpoints[i];
    return NULL;
}

err providers_rebase(struct providers *all, struct str name, struct str base, struct why *why) {
    struct provider *p = (struct provider *)providers_find(all, name);
    if (!p) return why_set(why, E_INVALID, "There is no provider `%.*s` in the catalog.", STR_ARG(name));
    while (str_ends(base, STR("/"))) base.len--;
    struct str origin = url_origin(base);
    if (!is_origin(origin)) return why_set(why, E_INVALID, "`%.*s` is not an address such as http://127.0.0.1:8099/fal.", STR_ARG(str_head(base, 100)));
    struct arena *a = &all->arena;
    base = arena_dup(a, base);
    if (!p->old_base.len) {
        p->old_base = p->info.base;
        p->old_hosts = p->info.hosts;
        p->old_host_count = p->info.host_count;
    }
    p->info.base = base;
    p->info.hosts = NULL;
    p->info.host_count = 0;
    struct str *private = arena_array(a, struct str, p->info.private_count + 1), host = str_skip(origin, str_starts(origin, STR("https://")) ? 8 : 7);
    if (p->info.private_count) memcpy(private, p->info.private_addresses, p->info.private_count * sizeof *private);
    if (is_address(host, a)) private[p->info.private_count++] = arena_dup(a, host);
    p->info.private_addresses = private;
    return OK;
}

/* --- programs --- */

struct each_program { void (*each)(void *arg, struct str program, int line, const char *where); void *arg; };

static void expr_programs(const struct expr *x, const char *where, const struct each_program *to) {
    if (x->kind == EXPR_JQ) to->each(to->arg, x->text, x->line, where);
    for (size_t i = 0; i < x->list_count; i++) expr_programs(&x->list[i], where, to);
}

static void conds_programs(const struct conds *c, const char *where, const struct each_program *to) {
    for (size_t i = 0; i < c->count; i++) expr_programs(&c->list[i].at, where, to);
}

static void reply_programs(const struct reply_spec *s, const struct each_program *to) {
    const struct { const char *where; const struct expr *x; } list[] = {
        {"ref", &s->ref}, {"status", &s->status}, {"progress", &s->progress}, {"position", &s->position}, {"message", &s->message}, {"stage", &s->stage},
        {"done", &s->done}, {"error", &s->error}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) expr_programs(list[i].x, list[i].where, to);
    for (size_t i = 0; i < s->keep_count; i++) expr_programs(&s->keep[i].value, "keep", to);
    conds_programs(&s->running_when, "running_when", to);
    conds_programs(&s->done_when, "done_when", to);
}

static void endpoint_programs(const struct endpoint *e, const struct each_program *to) {
    const struct { const char *where; const struct request_spec *s; } requests[] = {
        {"submit.request", &e->submit}, {"poll.request", &e->poll}, {"result.request", &e->result}, {"cancel.request", &e->cancel}, {"lookup.request", &e->lookup},
        {"files.request.request", &e->upload_request}, {"files.upload.request", &e->upload}};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        if (requests[i].s->program.len) to->each(to->arg, requests[i].s->program, requests[i].s->program_line, requests[i].where);
    reply_programs(&e->submit_reply, to);
    reply_programs(&e->poll_reply, to);
    reply_programs(&e->lookup_reply, to);
    conds_programs(&e->stopped, "stopped", to);
    conds_programs(&e->failed_when, "failed_when", to);
    for (size_t i = 0; i < e->errors.count; i++) expr_programs(&e->errors.list[i].when.at, "errors", to);
    const struct outputs_spec *o = &e->outputs;
    const struct { const char *where; const struct expr *x; } list[] = {
        {"outputs.files", &o->files}, {"outputs.text", &o->text}, {"outputs.words", &o->words}, {"outputs.language_code", &o->language_code},
        {"outputs.expires_at", &o->expires_at}, {"cost.usd", &o->usd}, {"cost.micros", &o->micros}, {"cost.units", &o->units},
        {"error_message", &e->error_message}, {"retry_after", &e->retry_after}, {"files.value", &e->upload_value}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) expr_programs(list[i].x, list[i].where, to);
    for (size_t i = 0; i < o->meta_count; i++) expr_programs(&o->meta[i].value, "meta", to);
}

void describe_programs(const struct provider *p, void (*each)(void *arg, struct str program, int line, const char *where), void *arg) {
    struct each_program to = {each, arg};
    for (size_t i = 0; i < p->endpoint_count; i++) endpoint_programs(&p->endpoints[i], &to);
    expr_programs(&p->webhook_ref, "webhook.ref", &to);
}
