/* `puras twin`: reads requests, finds their provider and route, keeps the log, and answers what is the twin's own (/twin/..., /media/...).
 * docs/TWIN.md is what can be asked. */
#include "twin/twin.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/id.h"
#include "twin/wire.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOG_MAX = 2000, COUNTERS_MAX = 1024, FACES = 6, WORDS_MAX = 400, MAKERS = 3, UPLOAD_BYTES_MAX = 256 * 1024 * 1024 };
static const struct face *const faces[FACES] = {&face_fal, &face_replicate, &face_openai, &face_google, &face_ark, &face_kling};

struct line { char face[12], what[16], method[8], path[200]; int status; msec at; };
struct twin_server {
    struct twin_server_options o;
    struct http_server *http;
    struct upstream *upstream;
    struct pool *pool;
    struct works works;
    struct signer_keys keys;
    char own[64], folder[256];
    char words[FACES][WORDS_MAX];  /* moods of all calls of a provider */
    struct line *log;              /* a ring */
    uint64_t logged;
    struct { uint8_t key[SHA256_LEN]; int64_t n; } counters[COUNTERS_MAX];
    uint64_t counted;
    struct upload uploads[UPLOADS_MAX];
    uint64_t uploaded;
    int64_t upload_bytes;
};

struct io *server_io(struct twin_server *s) { return loop_io(s->o.loop); }
struct helper *server_helper(struct twin_server *s) { return s->o.helper; }
struct upstream *server_upstream(struct twin_server *s) { return s->upstream; }
struct pool *server_pool(struct twin_server *s) { return s->pool; }
const char *server_folder(struct twin_server *s) { return s->folder; }
struct works *server_works(struct twin_server *s) { return &s->works; }
struct signer_keys *server_keys(struct twin_server *s) { return &s->keys; }
struct str server_own(struct twin_server *s) { return str_of(s->own); }

struct str server_base(struct ask *a) {
    struct str host = ask_header(a, "Host");
    return host.len && host.len < 200 ? arena_printf(a->arena, "http://%.*s", STR_ARG(host)) : server_own(a->server);
}

/* --- answering --- */

void answer_header(struct ask *a, const char *name, struct str value) { http_add_header(a->http, name, value); }

void answer(struct ask *a, int status, struct buf *json) {
    http_reply(a->http, status, "application/json", buf_view(json));
    buf_done(json);
}

void answer_text(struct ask *a, int status, const char *type, struct str body) { http_reply(a->http, status, type, body); }

struct str ask_header(const struct ask *a, const char *name) { return http_header(a->http, name); }

struct str ask_query(const struct ask *a, const char *name) {
    struct str out = {};
    return http_query_get(http_query(a->http), name, a->arena, &out) ? out : STR("");
}

bool ask_key(const struct ask *a, const char *header, const char *scheme, struct str *out) {
    struct str s = ask_header(a, header);
    if (!str_starts(s, str_of(scheme)) || s.len == strlen(scheme)) return false;
    *out = str_skip(s, strlen(scheme));
    return true;
}

void refuse(struct ask *a, enum twin_class class, const char *field, const char *format, ...) {
    char sentence[300];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    a->face->refuse(a, class, field, sentence);
}

/* --- uploads --- */

struct upload *upload_new(struct ask *a, struct str type, struct str name, struct str bytes) {
    struct twin_server *s = a->server;
    struct upload *u = &s->uploads[s->uploaded % UPLOADS_MAX];
    if (s->upload_bytes - (int64_t)u->bytes.len + (int64_t)bytes.len > UPLOAD_BYTES_MAX) return NULL;
    s->uploaded++;
    s->upload_bytes += (int64_t)bytes.len - (int64_t)u->bytes.len;
    free((char *)u->bytes.ptr);
    char *copy = malloc(bytes.len + 1);
    must(copy);
    if (bytes.len) memcpy(copy, bytes.ptr, bytes.len);
    struct id id = io_new_id(server_io(s));
    *u = (struct upload){.bytes = str_n(copy, bytes.len), .at = io_now(server_io(s))};
    snprintf(u->id, sizeof u->id, "%s", id.hex);
    snprintf(u->type, sizeof u->type, "%.*s", STR_ARG(type));
    snprintf(u->name, sizeof u->name, "%.*s", STR_ARG(name));
    return u;
}

struct upload *upload_in(struct twin_server *s, struct str link) {
    if (link.len < ID_LEN || link.len > 1000) return NULL;
    for (size_t i = 0; i < UPLOADS_MAX; i++)
        if (s->uploads[i].id[0] && str_is(str_skip(link, link.len - ID_LEN), s->uploads[i].id)) return &s->uploads[i];
    return NULL;
}

/* --- moods --- */

/* Which try of this it is. The words with what stands before them name it, so that a test counts its own calls only. */
static int64_t count_try(struct twin_server *s, const struct face *f, struct str words) {
    uint8_t key[SHA256_LEN];
    struct hasher *h = hasher_new();
    hasher_add(h, f->name, strlen(f->name));
    hasher_add(h, words.ptr, words.len);
    hasher_end(h, key);
    for (size_t i = 0; i < COUNTERS_MAX; i++)
        if (s->counters[i].n && !memcmp(s->counters[i].key, key, sizeof key)) return ++s->counters[i].n;
    size_t at = s->counted++ % COUNTERS_MAX;
    memcpy(s->counters[at].key, key, sizeof key);
    s->counters[at].n = 1;
    return 1;
}

static struct str marked(struct str body) {
    enum { BEFORE = 80, BEHIND = 200 };
    for (size_t i = 0; i + 6 <= body.len; i++) {
        const char *p = memchr(body.ptr + i, '[', body.len - i);
        if (!p) break;
        i = (size_t)(p - body.ptr);
        if (str_starts(str_skip(body, i), STR("[twin:"))) return str_head(str_skip(body, i > BEFORE ? i - BEFORE : 0), (i > BEFORE ? BEFORE : i) + BEHIND);
    }
    return (struct str){};
}

static int face_index(const struct face *f) {
    for (int i = 0; i < FACES; i++)
        if (faces[i] == f) return i;
    return 0;
}

/* False: it has been refused, or cut off. */
static bool take_mood(struct ask *a) {
    struct why why = {};
    struct str header = ask_header(a, "X-Twin"), own = marked(a->body), general = str_of(a->server->words[face_index(a->face)]);
    err e = twin_mood_read(general, &why, &a->mood);
    if (!e) e = twin_mood_read(header, &why, &a->mood);
    if (!e) e = twin_mood_find(a->json ? a->body : own, a->arena, &why, &a->mood);
    if (e) return refuse(a, CLASS_CALLER, "twin", "%s", why_text(&why)), false;
    a->tries = a->mood.any ? count_try(a->server, a->face, header.len ? header : own.len ? own : general.len ? general : str_head(a->body, 4096)) : 1;
    if (a->tries <= a->mood.busy) {
        answer_header(a, "Retry-After", arena_printf(a->arena, "%lld", (long long)((a->mood.busy_for + 999) / 1000)));
        return refuse(a, CLASS_RATE_LIMIT, "", "The twin was told to be busy."), false;
    }
    enum twin_class class;
    if (class_applies(a, &class) && !a->face->late(class)) return refuse(a, class, "", "The twin was told to fail."), false;
    return true;
}

/* --- the twin's own routes --- */

static void own_log(struct ask *a) {
    struct twin_server *s = a->server;
    struct buf b = {};
    struct jw w = {.out = &b};
    uint64_t first = s->logged > LOG_MAX ? s->logged - LOG_MAX : 0;
    struct str face = ask_query(a, "provider"), what = ask_query(a, "what");
    int64_t count = 0;
    jw_open(&w, '{'), jw_key(&w, "requests"), jw_open(&w, '[');
    for (uint64_t i = first; i < s->logged; i++) {
        const struct line *l = &s->log[i % LOG_MAX];
        if ((face.len && !str_is(face, l->face)) || (what.len && !str_is(what, l->what))) continue;
        count++;
        jw_open(&w, '{');
        jw_ki64(&w, "n", (int64_t)i + 1), jw_kz(&w, "provider", l->face), jw_kz(&w, "what", l->what), jw_kz(&w, "method", l->method);
        jw_kz(&w, "path", l->path), jw_ki64(&w, "status", l->status), jw_ki64(&w, "at_ms", l->at);
        jw_close(&w, '}');
    }
    jw_close(&w, ']'), jw_ki64(&w, "count", count), jw_ki64(&w, "made", (int64_t)s->works.made), jw_close(&w, '}');
    answer(a, 200, &b);
}

static void own_refuse(struct ask *a, enum twin_class class, const char *field, const char *sentence) {
    struct buf b = {};
    struct jw w = {.out = &b};
    jw_open(&w, '{'), jw_kz(&w, "detail", sentence), jw_close(&w, '}');
    answer(a, class == CLASS_GONE ? 404 : 400, &b);
}

/* {"provider": "fal", "words": "slow 2s"}; without a provider it is for all. */
static void own_mood(struct ask *a) {
    struct why why = {};
    struct twin_mood m = {};
    struct str face = text_of(a->json, "provider"), words = text_of(a->json, "words");
    int hit = 0;
    if (!a->json || words.len >= WORDS_MAX || twin_mood_read(words, &why, &m))
        return own_refuse(a, CLASS_CALLER, "", why.code ? why_text(&why) : "A mood is {\"provider\": \"fal\", \"words\": \"slow 2s\"}.");
    for (int i = 0; i < FACES; i++)
        if (!face.len || str_is(face, faces[i]->name)) hit += snprintf(a->server->words[i], WORDS_MAX, "%.*s", STR_ARG(words)) >= 0;
    if (!hit) return own_refuse(a, CLASS_CALLER, "", "There is no such provider here.");
    memset(a->server->counters, 0, sizeof a->server->counters);
    answer_text(a, 200, "application/json", STR("{\"ok\":true}"));
}

static void own_reset(struct ask *a) {
    memset(a->server->words, 0, sizeof a->server->words);
    memset(a->server->counters, 0, sizeof a->server->counters);
    a->server->logged = 0;
    answer_text(a, 200, "application/json", STR("{\"ok\":true}"));
}

static void own_keys(struct ask *a) {
    struct buf b = {};
    buf_printf(&b, "{\"standard_secret\":\"%s\",\"ed25519\":\"%s\"}", a->server->keys.secret, a->server->keys.x);
    answer(a, 200, &b);
}

/* A token with any header and claims, signed by the key that Google's face publishes: for tests of who checks them. */
static void own_token(struct ask *a) {
    struct buf head = {}, claims = {};
    const struct json *h = json_get(a->json, "head"), *c = json_get(a->json, "claims");
    if (!json_is(h, JSON_OBJECT) || !json_is(c, JSON_OBJECT)) return own_refuse(a, CLASS_CALLER, "", "A token is asked for as {\"head\": {\"alg\": \"RS256\"}, \"claims\": {}}.");
    json_write(&head, h);
    json_write(&claims, c);
    struct str token = jwt_make(&a->server->keys, buf_view(&head), buf_view(&claims), a->arena);
    answer_text(a, 200, "application/json", arena_printf(a->arena, "{\"token\":\"%.*s\"}", STR_ARG(token)));
    buf_done(&head);
    buf_done(&claims);
}

static const struct face_route own_routes[] = {
    {"GET", "twin/log", "own", own_log, true},   {"POST", "twin/mood", "own", own_mood, true}, {"POST", "twin/reset", "own", own_reset, true},
    {"GET", "twin/keys", "own", own_keys, true}, {"POST", "twin/token", "own", own_token, true}, {"GET", "media/*/*/*", "download", works_media, true},
};
static const struct face own_face = {.name = "twin", .version = "", .routes = own_routes, .route_count = sizeof own_routes / sizeof *own_routes, .refuse = own_refuse};

/* --- routes --- */

static bool matches(const char *pattern, struct str path, struct ask *a) {
    struct str rest = str_of(pattern), want, have;
    a->arg_count = 0;
    for (;;) {
        if (str_is(rest, "**")) return a->args[a->arg_count++] = path, path.len > 0;
        bool more_want = str_cut(rest, '/', &want, &rest), more_have = str_cut(path, '/', &have, &path);
        bool any = str_is(want, "*"), tail = want.len > 1 && want.ptr[0] == '*'; /* "*:predict": ends so */
        if (tail ? !str_ends(have, str_skip(want, 1)) || have.len < want.len : any ? !have.len : !str_eq(want, have)) return false;
        if (any || tail) {
            if (a->arg_count == ASK_ARGS) return false;
            a->args[a->arg_count++] = tail ? str_head(have, have.len - want.len + 1) : have;
        }
        if (more_want != more_have) return more_want && str_is(rest, "**") && !more_have ? false : false;
        if (!more_want) return true;
    }
}

static const struct face *find_face(struct str *path) {
    struct str head, rest;
    (void)str_cut(*path, '/', &head, &rest);
    for (int i = 0; i < FACES; i++) {
        if (!str_is(head, faces[i]->name)) continue;
        *path = str_starts(rest, str_of(faces[i]->version)) ? str_skip(rest, strlen(faces[i]->version)) : rest;
        return faces[i];
    }
    return &own_face;
}

static bool find_route(struct ask *a, struct str path) {
    for (size_t i = 0; i < a->face->route_count; i++) {
        const struct face_route *r = &a->face->routes[i];
        if (!str_is(http_method(a->http), r->method) || !matches(r->path, path, a)) continue;
        a->route = r;
        return true;
    }
    return false;
}

static void run(struct ask *a) {
    if (a->body.len && json_parse(a->body, a->arena, NULL, &a->json)) a->json = NULL;
    if (!a->route->open && !a->face->key(a)) return;
    if (!strcmp(a->route->what, "submit") && !take_mood(a)) return;
    a->route->run(a);
}

static void body_read(void *arg, struct http_req *r, struct str body) {
    struct ask *a = arg;
    a->body = body;
    run(a);
}

static void on_head(void *arg, struct http_req *r) {
    struct ask *a = arena_new(http_arena(r), struct ask);
    struct str path = http_path(r), decoded;
    *a = (struct ask){.server = arg, .http = r, .arena = http_arena(r)};
    if (http_percent_decode(path, false, a->arena, &decoded)) path = decoded;
    path = str_skip(path, 1);
    a->face = find_face(&path);
    http_set_user(r, a);
    if (!find_route(a, path)) return refuse(a, CLASS_GONE, "", "There is nothing at this address.");
    if (http_content_length(r)) http_read_body(r, BODY_MAX, body_read, a);
    else run(a);
}

static void on_done(void *arg, struct http_req *r, int status, int64_t bytes, msec took) {
    struct twin_server *s = arg;
    struct ask *a = http_user(r);
    if (!a || (a->face == &own_face && (!a->route || strcmp(a->route->what, "download")))) return;
    struct line *l = &s->log[s->logged++ % LOG_MAX];
    *l = (struct line){.status = status, .at = io_now(server_io(s))};
    snprintf(l->face, sizeof l->face, "%s", a->face->name);
    snprintf(l->what, sizeof l->what, "%s", a->route ? a->route->what : "unknown");
    snprintf(l->method, sizeof l->method, "%.*s", STR_ARG(http_method(r)));
    snprintf(l->path, sizeof l->path, "%.*s", STR_ARG(http_path(r)));
}

/* --- life --- */

static err make_folder(struct twin_server *s, struct why *why) {
    snprintf(s->folder, sizeof s->folder, "%s", s->o.folder);
    if (mkdir(s->folder, 0700) && errno != EEXIST) return why_set(why, E_IO, "The folder %s cannot be made: %s.", s->folder, strerror(errno));
    return OK;
}

err twin_server_start(const struct twin_server_options *o, struct why *why, struct twin_server **out) {
    struct twin_server *s = calloc(1, sizeof *s);
    must(s);
    s->o = *o;
    s->log = calloc(LOG_MAX, sizeof *s->log);
    must(s->log);
    s->upstream = upstream_create(&(struct upstream_options){.loop = o->loop, .connections = 32, .allow_loopback = true});
    s->pool = pool_create(o->loop, "twin", MAKERS, WORKS_MAX);
    struct http_options ho = {.loop = o->loop, .listen = o->listen, .fd = -1, .on_head = on_head, .on_done = on_done, .arg = s};
    err e = make_folder(s, why);
    if (!e && !sign_make(loop_io(o->loop), &s->keys)) e = why_set(why, E_INTERNAL, "No signing key could be made.");
    if (!e) e = http_server_create(&ho, why, &s->http);
    if (e) {
        twin_server_stop(s);
        return e;
    }
    snprintf(s->own, sizeof s->own, "http://127.0.0.1:%d", http_server_port(s->http));
    *out = s;
    return OK;
}

int twin_server_port(const struct twin_server *s) { return http_server_port(s->http); }

void twin_server_stop(struct twin_server *s) {
    if (!s) return;
    if (s->http) http_server_destroy(s->http);
    pool_destroy(s->pool);
    upstream_destroy(s->upstream);
    loop_flush(s->o.loop);
    works_stop(s);
    for (size_t i = 0; i < UPLOADS_MAX; i++) free((char *)s->uploads[i].bytes.ptr);
    if (s->folder[0]) rmdir(s->folder);
    sign_done(&s->keys);
    free(s->log);
    free(s);
}
