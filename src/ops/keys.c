/* Who calls: API keys. A key reads puras_<kind>_<prefix8>.<secret32>; the record holds the sha256 of the secret only.
 *
 * Records are cached by prefix and follow what is published; where other nodes may revoke, an entry is looked up again after a
 * second. The cache only decides who is asking: submit checks the key's record once more inside its command. */
#include "base/hash.h"
#include "ops/change.h"
#include "ops/quote.h"
#include "ops/rates.h"
#include "ops/scopes.h"

#include <stdlib.h>

enum { PREFIX_LEN = 8, SECRET_LEN = 32, FRESH_MS = 1000, TOKEN_MIN_S = 60, TOKEN_MAX_S = 86400, TOKEN_DEFAULT_S = 3600, ORIGINS_MAX = 512 };

struct key_entry {
    struct key_entry *next;
    char prefix[PREFIX_LEN + 1];
    char project[ID_LEN + 1], kind[16], hash[SHA256_HEX + 1], scopes[SCOPES_MAX], rate_class[RATE_WORD];
    char origins[ORIGINS_MAX]; /* words, of publishable keys alone */
    struct rate_bucket rates[RATE_GROUPS];
    msec expires_at;
    bool revoked;
    msec read_at;
};

static struct key_entry *find(struct ops *o, struct str prefix) {
    for (struct key_entry *k = o->keys[bucket(prefix, KEY_BUCKETS)]; k; k = k->next)
        if (str_is(prefix, k->prefix)) return k;
    return NULL;
}

static struct key_entry *remember(struct ops *o, const struct api_key *record) {
    if (record->head.id.len != PREFIX_LEN || record->hash.len != SHA256_HEX || record->project.len > ID_LEN || record->kind.len >= 16 || record->scopes.len >= SCOPES_MAX) return NULL;
    struct key_entry *k = find(o, record->head.id);
    if (!k) {
        k = calloc(1, sizeof *k);
        must(k);
        size_t b = bucket(record->head.id, KEY_BUCKETS);
        memcpy(k->prefix, record->head.id.ptr, PREFIX_LEN);
        k->next = o->keys[b];
        o->keys[b] = k;
    }
    snprintf(k->project, sizeof k->project, "%.*s", STR_ARG(record->project));
    snprintf(k->kind, sizeof k->kind, "%.*s", STR_ARG(record->kind));
    snprintf(k->hash, sizeof k->hash, "%.*s", STR_ARG(record->hash));
    if (record->scopes.len < sizeof k->scopes) snprintf(k->scopes, sizeof k->scopes, "%.*s", STR_ARG(record->scopes));
    snprintf(k->rate_class, sizeof k->rate_class, "%.*s", STR_ARG(rates_class_of(record->kind, record->rate_class)));
    if (record->origins.len < sizeof k->origins) snprintf(k->origins, sizeof k->origins, "%.*s", STR_ARG(record->origins));
    if (!k->expires_at || (record->expires_at && record->expires_at < k->expires_at)) k->expires_at = record->expires_at;
    k->revoked |= record->revoked_at != 0; /* for good: what was read may be older than what was published meanwhile */
    k->read_at = io_mono(o->io);
    return k;
}

void keys_published(struct ops *o, const struct rec_change *changes, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (changes[i].type == REC_api_key) remember(o, (const struct api_key *)changes[i].record);
}

void keys_done(struct ops *o) {
    for (size_t b = 0; b < KEY_BUCKETS; b++)
        for (struct key_entry *k = o->keys[b], *next; k; k = next) {
            next = k->next;
            free(k);
        }
}

static bool is_key_text(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) return false;
    }
    return true;
}

/* puras_<kind>_<prefix8>.<secret32> */
static bool split_key(struct str key, struct str *out_kind, struct str *out_prefix, struct str *out_secret) {
    struct str name, rest;
    if (!str_cut(key, '_', &name, &rest) || !str_is(name, "puras") || !str_cut(rest, '_', out_kind, &rest)) return false;
    return str_cut(rest, '.', out_prefix, out_secret) && out_prefix->len == PREFIX_LEN && out_secret->len == SECRET_LEN && is_key_text(*out_prefix) &&
           is_key_text(*out_secret);
}

/* What a caller showed: a key with its secret, or a token that stands for one. */
struct shown_key {
    char kind[16], prefix[PREFIX_LEN + 1], secret[SECRET_LEN + 1];
    bool token;
    char job[JOB_MAX], scopes[SCOPES_MAX];
};

/* The word in the key is what people go by: one that says test must never spend the live book, so it has to be the key's own. */
static err judge(const struct key_entry *k, const struct shown_key *s, msec now, struct why *why, struct caller *out) {
    char hash[SHA256_HEX + 1];
    sha256_hex(str_of(s->secret), hash);
    bool known = k && !strcmp(s->kind, k->kind) && (s->token || str_eq_secret(str_of(hash), str_of(k->hash)));
    if (!known) return why_set(why, E_UNAUTHENTICATED, "The API key is not known to this server. Check PURAS_API_KEY and PURAS_API_BASE.");
    if (k->revoked) return why_set(why, E_UNAUTHENTICATED, "The API key %s was revoked. Create another with `puras keys create`.", k->prefix);
    if (k->expires_at && k->expires_at <= now) return why_set(why, E_UNAUTHENTICATED, "The API key %s has expired. Use the key it was rotated to, or create another.", k->prefix);
    static const struct { const char *word; enum key_kind kind; const char *book; } kinds[] = {
        {"admin", KEY_ADMIN, "live"}, {"live", KEY_LIVE, "live"}, {"test", KEY_TEST, "test"}, {"pub", KEY_PUB, "live"}, {"pubtest", KEY_PUB, "test"}};
    struct caller c = {};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(k->kind, kinds[i].word)) c.kind = kinds[i].kind, c.book = kinds[i].book;
    if (!c.kind) return why_set(why, E_UNAUTHENTICATED, "The API key %s is of a kind that this server does not know; it was made by a newer one.", k->prefix);
    memcpy(c.project, k->project, sizeof c.project);
    memcpy(c.key, k->prefix, PREFIX_LEN + 1);
    memcpy(c.scopes, s->scopes[0] ? s->scopes : k->scopes, sizeof c.scopes);
    c.service = s->token;
    memcpy(c.job, s->job, sizeof c.job);
    *out = c;
    return OK;
}

struct lookup {
    struct ops *o;
    struct shown_key shown;
    struct arena arena;
    const struct api_key *record;
    err code;
    ops_caller_done *done;
    void *arg;
};

static void run_lookup(struct db *db, void *arg) {
    struct lookup *l = arg;
    l->code = QUERY_RECORD(db, api_key, str_of(l->shown.prefix), &l->arena, &l->record);
}

static void looked_up(void *arg) {
    struct lookup *l = arg;
    struct why why = {};
    struct caller c = {};
    err e = l->code == E_NOT_FOUND ? OK : l->code;
    if (!e) e = judge(l->record ? remember(l->o, l->record) : NULL, &l->shown, io_now(l->o->io), &why, &c);
    else why_set(&why, e, "The key could not be checked now; try again in a second.");
    l->done(l->arg, e, &why, &c);
    arena_done(&l->arena);
    free(l);
}

/* --- service tokens: puras_svc_<sealed: kind prefix job deadline scopes> --- */

#define TOKEN STR("puras_svc_")

static err open_token(struct ops *o, struct str token, struct why *why, struct shown_key *out) {
    _cleanup_(arena_done) struct arena a = {};
    struct str payload, kind, prefix, job, until;
    int64_t deadline;
    if (token_open(o->o.signer, "service", str_skip(token, TOKEN.len), &a, NULL, &payload))
        return why_set(why, E_UNAUTHENTICATED, "The service token is not one that this server gave out.");
    str_cut(payload, ' ', &kind, &payload);
    str_cut(payload, ' ', &prefix, &payload);
    str_cut(payload, ' ', &job, &payload);
    str_cut(payload, ' ', &until, &payload);
    if (!str_to_i64(until, &deadline) || prefix.len != PREFIX_LEN || payload.len >= sizeof out->scopes) return why_set(why, E_UNAUTHENTICATED, "The service token cannot be read.");
    if (deadline <= io_now(o->io)) return why_set(why, E_UNAUTHENTICATED, "The service token has expired; ask POST /v1/service-tokens for another.");
    *out = (struct shown_key){.token = true};
    snprintf(out->kind, sizeof out->kind, "%.*s", STR_ARG(kind));
    memcpy(out->prefix, prefix.ptr, PREFIX_LEN);
    if (!str_is(job, "-")) snprintf(out->job, sizeof out->job, "%.*s", STR_ARG(job));
    snprintf(out->scopes, sizeof out->scopes, "%.*s", STR_ARG(payload));
    return OK;
}

static bool is_job(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~') return false;
    return s.len < JOB_MAX && !str_is(s, "-");
}

/* A token may do less than its key, never more. */
static err check_token(const struct caller *c, struct str job, int64_t ttl_s, struct str scopes, struct why *why) {
    struct str word;
    if (c->service) return why_set(why, E_FORBIDDEN, "A service token makes no other tokens; use the key itself.");
    if (!is_job(job)) return why_set(why, E_INVALID, "job_id is at most %d visible ASCII characters.", JOB_MAX - 1);
    if (ttl_s < TOKEN_MIN_S || ttl_s > TOKEN_MAX_S) return why_set(why, E_INVALID, "ttl_s is a number of seconds from %d to %d.", TOKEN_MIN_S, TOKEN_MAX_S);
    TRY(scopes_check(scopes, why));
    while (scopes.len) {
        char name[64];
        str_cut(scopes, ' ', &word, &scopes);
        snprintf(name, sizeof name, "%.*s", STR_ARG(word));
        if (!caller_may(c, name)) return why_set(why, E_FORBIDDEN, "The key %s does not have the scope %s itself.", c->key, name);
    }
    return OK;
}

void ops_token_create(struct ops *o, const struct caller *c, struct str job, int64_t ttl_s, struct str scopes, ops_done *done, void *arg) {
    struct answer a = answer_of(OK);
    if (!ttl_s) ttl_s = TOKEN_DEFAULT_S;
    a.code = check_token(c, job, ttl_s, scopes, &a.why);
    if (a.code) {
        done(arg, &a);
        return;
    }
    _cleanup_(buf_done) struct buf payload = {}, token = {}, json = {};
    msec until = io_now(o->io) + ttl_s * MS_SECOND;
    buf_printf(&payload, "%s %s %.*s %lld %.*s", c->book, c->key, STR_ARG(job.len ? job : STR("-")), (long long)until, STR_ARG(scopes));
    buf_str(&token, TOKEN);
    token_seal(o->o.signer, "service", buf_view(&payload), &token);
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "token", buf_view(&token));
    jw_kstr(&w, "job_id", job);
    jw_kz(&w, "project_id", c->project);
    jw_kz(&w, "workspace_id", c->project);
    view_time(&w, "expires_at", until);
    jw_close(&w, '}');
    a.json = buf_view(&json);
    done(arg, &a);
}

static err read_key(struct ops *o, struct str key, struct why *why, struct shown_key *out) {
    struct str kind, prefix, secret;
    if (str_starts(key, TOKEN)) return open_token(o, key, why, out);
    if (split_key(key, &kind, &prefix, &secret)) {
        *out = (struct shown_key){};
        snprintf(out->kind, sizeof out->kind, "%.*s", STR_ARG(kind));
        memcpy(out->prefix, prefix.ptr, PREFIX_LEN);
        memcpy(out->secret, secret.ptr, SECRET_LEN);
        return OK;
    }
    return why_set(why, E_UNAUTHENTICATED, key.len ? "The API key is not well formed: it reads puras_live_<8 characters>.<32 characters>."
                                                   : "No API key was sent. Send it as `Authorization: Bearer <key>` or `X-API-Key: <key>`.");
}

void ops_authenticate(struct ops *o, struct str key, ops_caller_done *done, void *arg) {
    struct shown_key shown;
    struct why why = {};
    struct caller c = {};
    err unread = read_key(o, key, &why, &shown);
    if (unread) {
        done(arg, unread, &why, &c);
        return;
    }
    struct key_entry *k = find(o, str_of(shown.prefix));
    if (k && (!o->o.other_nodes || io_mono(o->io) - k->read_at < FRESH_MS)) {
        err e = judge(k, &shown, io_now(o->io), &why, &c);
        done(arg, e, &why, &c);
        return;
    }
    struct lookup *l = calloc(1, sizeof *l);
    must(l);
    *l = (struct lookup){.o = o, .shown = shown, .done = done, .arg = arg};
    err e = readers_run(o->o.readers, run_lookup, looked_up, l); /* from here on l->code is the reader's to write */
    if (!e) return;
    l->code = e;
    looked_up(l);
}

/* --- publishable keys: everyone can read them --- */

bool ops_origin_allowed(struct ops *o, const struct caller *c, struct str origin) {
    const struct key_entry *k = find(o, str_of(c->key));
    struct str rest = str_of(k ? k->origins : ""), word;
    while (rest.len) {
        str_cut(rest, ' ', &word, &rest);
        if (str_eq(word, origin)) return true;
    }
    return false;
}

void ops_read_token(struct ops *o, const struct caller *c, struct str generation, struct buf *out) {
    char payload[64];
    snprintf(payload, sizeof payload, "%.*s %s", STR_ARG(generation), c->key);
    token_seal(o->o.signer, "read", str_of(payload), out);
}

err ops_may_read(struct ops *o, const struct caller *c, struct str generation, struct str read_token, struct why *why) {
    _cleanup_(arena_done) struct arena a = {};
    struct str payload, id, key;
    bool good = read_token.len && !token_open(o->o.signer, "read", read_token, &a, NULL, &payload) && str_cut(payload, ' ', &id, &key) && str_eq(id, generation) && str_is(key, c->key);
    if (good) return OK;
    return why_set(why, E_NOT_FOUND, "There is no generation of that id for this key: a publishable key reads what it submitted, with the read_token of its answer in X-Puras-Read-Token.");
}

/* --- how often --- */

static enum rate_group group_of(struct ops *o, bool generates, struct str model) {
    struct why why = {};
    const struct model *m;
    if (!generates) return RATE_reads;
    return !model_named(shelf_current(o->o.shelf), model, &why, &m) && str_is(m->kind, "audio") ? RATE_sound : RATE_media;
}

err ops_rate(struct ops *o, const struct caller *c, bool generates, struct str model, struct why *why, struct rate *out) {
    struct key_entry *k = find(o, str_of(c->key));
    *out = (struct rate){};
    if (!k || !k->rate_class[0]) return OK;
    enum rate_group group = group_of(o, generates, model);
    int64_t limit = rates_limit(str_of(k->rate_class), group);
    if (!limit) return OK;
    if (rates_take(&k->rates[group], limit, io_mono(o->io), out)) return OK;
    why_set(why, E_RATE_LIMITED, "The key %s may make %lld calls a minute for %s and has made them; call again in %lld s. Nothing was charged.", c->key, (long long)limit,
            rates_group_name(group), (long long)out->retry_after_s);
    why->retry_after_s = out->retry_after_s;
    return E_RATE_LIMITED;
}

/* --- keys as a resource (admin) --- */

static void write_words(struct jw *w, const char *key, struct str words) {
    struct str word;
    jw_key(w, key);
    jw_open(w, '[');
    while (words.len) {
        str_cut(words, ' ', &word, &words);
        jw_str(w, word);
    }
    jw_close(w, ']');
}

static void write_policy(struct jw *w, const struct api_key *k) {
    write_words(w, "scopes", k->scopes);
    write_words(w, "models", k->models);
    write_words(w, "origins", k->origins);
    jw_ki64(w, "call_cap_micros", k->call_cap);
    jw_ki64(w, "day_cap_micros", k->day_cap);
    jw_kopt(w, "rate_class", rates_class_of(k->kind, k->rate_class));
    jw_kopt(w, "rotated_from", k->replaces);
}

static void run_keys(struct read *r, struct db *db) {
    const struct api_key **rows;
    const struct project *owner = NULL;
    size_t n;
    err e = r->id.len ? QUERY_RECORD(db, project, r->id, &r->arena, &owner) : OK;
    if (e == E_NOT_FOUND) {
        read_fail(r, e, "There is no project %.*s.", STR_ARG(str_head(r->id, 60)));
        return;
    }
    if (!e) e = query_keys(db, r->id, &r->arena, &rows, &n);
    if (e) {
        read_fail(r, e, "The keys could not be read.");
        return;
    }
    struct jw w = {.out = &r->json};
    jw_open(&w, '{');
    jw_kz(&w, "object", "list");
    jw_key(&w, "keys");
    jw_open(&w, '[');
    for (size_t i = 0; i < n; i++) {
        jw_open(&w, '{');
        jw_kstr(&w, "prefix", rows[i]->head.id);
        jw_kstr(&w, "masked", arena_printf(&r->arena, "puras_%.*s_%.*s.****", STR_ARG(rows[i]->kind), STR_ARG(rows[i]->head.id)));
        jw_kstr(&w, "kind", rows[i]->kind);
        jw_kstr(&w, "name", rows[i]->name);
        jw_kstr(&w, "project_id", rows[i]->project);
        write_policy(&w, rows[i]);
        view_time(&w, "created_at", rows[i]->created_at);
        view_time(&w, "revoked_at", rows[i]->revoked_at);
        view_time(&w, "expires_at", rows[i]->expires_at);
        jw_close(&w, '}');
    }
    jw_close(&w, ']');
    jw_close(&w, '}');
}

void ops_keys(struct ops *o, const struct caller *c, struct str project, ops_done *done, void *arg) {
    struct read *r = read_new(o, c, run_keys, done, arg);
    r->id = arena_dup(&r->arena, project);
    read_start(r);
}

/* scheme://host[:port], as browsers write it. */
static bool is_origin(struct str s) {
    struct str rest = str_starts(s, STR("https://")) ? str_skip(s, 8) : str_starts(s, STR("http://")) ? str_skip(s, 7) : STR("");
    for (size_t i = 0; i < rest.len; i++) {
        char c = rest.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':' || c == '[' || c == ']';
        if (!plain) return false;
    }
    return rest.len > 0;
}

static err check_origins(struct str words, bool publishable, struct why *why) {
    struct str word;
    if (words.len && !publishable) return why_set(why, E_INVALID, "Only publishable keys have origins: a secret key is never sent from a web page.");
    if (words.len >= ORIGINS_MAX) return why_set(why, E_INVALID, "The list of origins is longer than %d bytes.", ORIGINS_MAX - 1);
    while (words.len) {
        str_cut(words, ' ', &word, &words);
        if (!is_origin(word)) return why_set(why, E_INVALID, "'%.*s' is no origin; write it as browsers do: https://app.example or http://localhost:3000.", STR_ARG(str_head(word, 80)));
    }
    return OK;
}

static err check_policy(const struct key_policy *p, bool publishable, msec now, struct why *why) {
    TRY(check_origins(p->origins, publishable, why));
    if (publishable && (!p->models.len || !p->origins.len || !p->day_cap))
        return why_set(why, E_INVALID, "A publishable key can be read by everyone who opens the page: it needs models, origins and day_cap_usd.");
    TRY(scopes_check(p->scopes, why));
    if (p->models.len > 2000) return why_set(why, E_INVALID, "The list of models is longer than 2000 bytes; name families as `family/`.");
    if (p->call_cap < 0 || p->day_cap < 0) return why_set(why, E_INVALID, "A cap is an amount above zero, or zero for none.");
    if (p->rate_class.len && !rates_class_known(p->rate_class))
        return why_set(why, E_INVALID, "'%.*s' is no rate class; docs/LIMITS.md lists them.", STR_ARG(str_head(p->rate_class, 60)));
    if (p->expires_at && p->expires_at <= now) return why_set(why, E_INVALID, "The key would have expired already.");
    return OK;
}

static void create_key(struct ops *o, struct str owner, struct str kind, struct str name, const struct key_policy *policy, ops_done *done, void *arg) {
    struct why why = {};
    msec now = io_now(o->io);
    bool publishable = str_is(kind, "pub") || str_is(kind, "pubtest");
    if (!publishable && !str_is(kind, "live") && !str_is(kind, "test") && !str_is(kind, "admin")) {
        answer_err(done, arg, E_INVALID, "kind is one of live, test, admin, pub or pubtest.");
        return;
    }
    if (name.len > 200 || !str_is_utf8(name)) {
        answer_err(done, arg, E_INVALID, "The name is at most 200 bytes of UTF-8.");
        return;
    }
    struct key_policy given = *policy;
    given.rate_class = rates_class_of(kind, given.rate_class);
    policy = &given;
    if (check_policy(policy, publishable, now, &why)) {
        answer_err(done, arg, E_INVALID, "%s", why_text(&why));
        return;
    }
    struct new_key key = new_key_make(o->io, kind);
    struct command cmd = {.kind = CMD_CREATE_KEY, .at = now};
    cmd.create_key = (struct cmd_create_key){.prefix = str_of(key.prefix), .project = owner, .kind = kind, .hash = str_of(key.hash), .name = name, .scopes = policy->scopes,
                                             .models = policy->models, .origins = policy->origins, .expires_at = policy->expires_at, .call_cap = policy->call_cap, .day_cap = policy->day_cap, .rate_class = policy->rate_class,
                                             .replaces = policy->rotates, .old_expires_at = now + policy->overlap_s * MS_SECOND};
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kz(&w, "prefix", key.prefix);
    jw_kz(&w, "key", key.text);
    jw_kstr(&w, "kind", kind);
    jw_kstr(&w, "name", name);
    jw_kstr(&w, "project_id", owner);
    write_words(&w, "scopes", policy->scopes);
    write_words(&w, "models", policy->models);
    write_words(&w, "origins", policy->origins);
    jw_ki64(&w, "call_cap_micros", policy->call_cap);
    jw_ki64(&w, "day_cap_micros", policy->day_cap);
    jw_kopt(&w, "rate_class", policy->rate_class);
    view_time(&w, "expires_at", policy->expires_at);
    jw_kopt(&w, "rotated_from", policy->rotates);
    jw_kz(&w, "message", "This is the only time the whole key is shown.");
    jw_close(&w, '}');
    change(o, &cmd, &json, done, arg);
}

/* --- rotation: the new key is what the old one was --- */

struct rotation {
    struct ops *o;
    struct arena arena;
    struct str prefix;
    msec expires_at; /* 0: as before */
    int64_t overlap_s;
    const struct api_key *old;
    err code;
    ops_done *done;
    void *arg;
};

static void run_rotation(struct db *db, void *arg) {
    struct rotation *r = arg;
    r->code = QUERY_RECORD(db, api_key, r->prefix, &r->arena, &r->old);
}

static void old_key_read(void *arg) {
    struct rotation *r = arg;
    const struct api_key *k = r->old;
    msec now = io_now(r->o->io);
    if (r->code == E_NOT_FOUND) answer_err(r->done, r->arg, E_NOT_FOUND, "There is no key %.*s.", STR_ARG(str_head(r->prefix, 60)));
    else if (r->code) answer_err(r->done, r->arg, r->code, "The key could not be read now; try again in a second.");
    else if (k->revoked_at) answer_err(r->done, r->arg, E_CONFLICT, "The key %.*s was revoked; create another.", STR_ARG(k->head.id));
    else if (k->expires_at && k->expires_at <= now) answer_err(r->done, r->arg, E_CONFLICT, "The key %.*s has expired; create another.", STR_ARG(k->head.id));
    else {
        struct key_policy p = {.scopes = k->scopes, .models = k->models, .origins = k->origins, .expires_at = r->expires_at ? r->expires_at : k->expires_at, .call_cap = k->call_cap,
                               .day_cap = k->day_cap, .rate_class = k->rate_class, .rotates = k->head.id, .overlap_s = r->overlap_s};
        create_key(r->o, k->project, k->kind, k->name, &p, r->done, r->arg);
    }
    arena_done(&r->arena);
    free(r);
}

static void rotate(struct ops *o, const struct key_policy *policy, ops_done *done, void *arg) {
    if (policy->overlap_s < 0 || policy->overlap_s > 365 * 24 * 3600) {
        answer_err(done, arg, E_INVALID, "overlap_s is a number of seconds from 0 to a year.");
        return;
    }
    struct rotation *r = calloc(1, sizeof *r);
    must(r);
    *r = (struct rotation){.o = o, .expires_at = policy->expires_at, .overlap_s = policy->overlap_s, .done = done, .arg = arg};
    r->prefix = arena_dup(&r->arena, policy->rotates);
    err e = readers_run(o->o.readers, run_rotation, old_key_read, r);
    if (!e) return;
    r->code = e == E_NOT_FOUND ? E_AGAIN : e;
    old_key_read(r);
}

void ops_key_create(struct ops *o, const struct caller *c, struct str project, struct str kind, struct str name, const struct key_policy *policy, ops_done *done, void *arg) {
    if (policy->rotates.len) rotate(o, policy, done, arg);
    else create_key(o, project.len ? project : str_of(c->project), kind, name, policy, done, arg);
}

void ops_key_revoke(struct ops *o, const struct caller *c, struct str prefix, ops_done *done, void *arg) {
    if (prefix.len != PREFIX_LEN || !is_key_text(prefix)) {
        answer_err(done, arg, E_NOT_FOUND, "There is no such key: a key is named by the 8 characters before its dot.");
        return;
    }
    struct command cmd = {.kind = CMD_REVOKE_KEY, .at = io_now(o->io)};
    cmd.revoke_key.prefix = prefix;
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "prefix", prefix);
    jw_kbool(&w, "revoked", true);
    jw_close(&w, '}');
    change(o, &cmd, &json, done, arg);
}

struct new_key new_key_make(struct io *io, struct str kind) {
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789"; /* 32 of them: five bits each, none that look alike */
    uint8_t random[PREFIX_LEN + SECRET_LEN];
    struct new_key k = {};
    char secret[SECRET_LEN + 1] = "";
    io->ops->random(io, random, sizeof random);
    for (int i = 0; i < PREFIX_LEN; i++) k.prefix[i] = letters[random[i] & 31];
    for (int i = 0; i < SECRET_LEN; i++) secret[i] = letters[random[PREFIX_LEN + i] & 31];
    snprintf(k.text, sizeof k.text, "puras_%.*s_%s.%s", STR_ARG(kind), k.prefix, secret);
    sha256_hex(str_of(secret), k.hash);
    return k;
}

/* --- projects and money --- */

static void run_projects(struct read *r, struct db *db) {
    const struct project **rows;
    size_t n;
    err e = query_projects(db, &r->arena, &rows, &n);
    if (e) {
        read_fail(r, e, "The projects could not be read.");
        return;
    }
    struct jw w = {.out = &r->json};
    jw_open(&w, '{');
    jw_kz(&w, "object", "list");
    jw_key(&w, "projects");
    jw_open(&w, '[');
    for (size_t i = 0; i < n; i++) {
        const struct project *p = rows[i];
        jw_open(&w, '{');
        jw_kstr(&w, "id", p->head.id);
        jw_kstr(&w, "name", p->name);
        view_time(&w, "created_at", p->created_at);
        jw_ki64(&w, "generations", p->seq);
        jw_ki64(&w, "pending", p->pending);
        jw_ki64(&w, "running", p->running);
        jw_ki64(&w, "run_limit", p->run_limit);
        jw_ki64(&w, "drive_bytes", p->drive_bytes);
        jw_ki64(&w, "drive_reserved", p->drive_reserved);
        jw_ki64(&w, "test_drive_bytes", p->test_drive_bytes);
        jw_ki64(&w, "test_drive_reserved", p->test_drive_reserved);
        jw_ki64(&w, "drive_limit", p->drive_limit);
        jw_ki64(&w, "retention_days", p->retention_days);
        jw_close(&w, '}');
    }
    jw_close(&w, ']');
    jw_close(&w, '}');
}

void ops_projects(struct ops *o, const struct caller *c, ops_done *done, void *arg) { read_start(read_new(o, c, run_projects, done, arg)); }

void ops_project_create(struct ops *o, const struct caller *c, struct str name, ops_done *done, void *arg) {
    if (!name.len || name.len > 200 || !str_is_utf8(name)) {
        answer_err(done, arg, E_INVALID, "A project needs a name of 1 to 200 bytes of UTF-8.");
        return;
    }
    struct id id = io_new_id(o->io);
    struct command cmd = {.kind = CMD_CREATE_PROJECT, .at = io_now(o->io)};
    cmd.create_project = (struct cmd_create_project){.id = id_str(&id), .name = name, .run_limit = LIMIT_RUNNING_PER_PROJECT, .drive_limit = LIMIT_DRIVE_BYTES};
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "id", id_str(&id));
    jw_kstr(&w, "name", name);
    jw_close(&w, '}');
    change(o, &cmd, &json, done, arg);
}

void ops_top_up(struct ops *o, const struct caller *c, struct str project, micros amount, struct str idempotency_key, struct str reason, ops_done *done, void *arg) {
    if (amount <= 0 || amount > MICROS_MAX) {
        answer_err(done, arg, E_INVALID, "usd is a positive amount of at most a billion dollars with at most six decimals.");
        return;
    }
    if (c->kind == KEY_LIVE) {
        answer_err(done, arg, E_FORBIDDEN, "A live key cannot top up; use an admin key (or a test key for the test book).");
        return;
    }
    if (c->kind == KEY_TEST && project.len && !str_is(project, c->project)) {
        answer_err(done, arg, E_FORBIDDEN, "A test key tops up its own project's test book only.");
        return;
    }
    _cleanup_(arena_done) struct arena arena = {};
    struct str owner = project.len ? project : str_of(c->project);
    struct id id = io_new_id(o->io);
    struct str name = id_str(&id);
    char hex[SHA256_HEX + 1];
    if (idempotency_key.len) {
        sha256_hex(arena_printf(&arena, "top_up|%.*s|%s|%.*s", STR_ARG(owner), c->book, STR_ARG(idempotency_key)), hex);
        name = str_n(hex, ID_LEN);
    }
    struct command cmd = {.kind = CMD_TOP_UP, .at = io_now(o->io)};
    cmd.top_up = (struct cmd_top_up){.transfer = arena_printf(&arena, "topup:%.*s", STR_ARG(name)), .project = owner, .book = str_of(c->book), .author = str_of(c->key), .reason = reason, .amount = amount};
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "id", cmd.top_up.transfer);
    jw_kstr(&w, "project_id", owner);
    jw_kz(&w, "book", c->book);
    view_money(&w, "amount", amount);
    jw_close(&w, '}');
    change(o, &cmd, &json, done, arg);
}
