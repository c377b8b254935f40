/* The way in: route, Origin, key, body, handler. In this order: who may not call learns nothing about the body, and no body
 * is asked for (Expect: 100-continue) before key, scope and length have been looked at. */
#include "api/form.h"
#include "api/routes.h"
#include "base/cleanup.h"
#include "base/limits.h"

struct api *api_create(const struct api_options *o) {
    struct api *a = calloc(1, sizeof *a);
    must(a != NULL);
    a->o = *o;
    struct str url = str_of(o->public_url);
    while (str_ends(url, STR("/"))) url.len--;
    a->public_url = strndup(url.ptr ? url.ptr : "", url.len);
    must(a->public_url != NULL);
    openapi_write(a->public_url, o->version ? o->version : "0", &a->openapi);
    return a;
}

void api_destroy(struct api *a) {
    if (!a) return;
    buf_done(&a->openapi);
    free(a->public_url);
    free(a);
}

/* --- who --- */

/* The secret the request carries. Two that differ would leave open who is charged. */
static err credentials(struct http_req *r, struct why *why, struct str *out) {
    if (http_has_header(r, "X-Puras-Service-Token") && !http_has_header(r, "Authorization") && !http_has_header(r, "X-API-Key")) {
        *out = str_trim(http_header(r, "X-Puras-Service-Token"));
        if (str_empty(*out)) return why_set(why, E_UNAUTHENTICATED, "The X-Puras-Service-Token header is empty.");
        return OK;
    }
    bool have_auth = http_has_header(r, "Authorization"), have_key = http_has_header(r, "X-API-Key");
    struct str bearer = {0}, key = str_trim(http_header(r, "X-API-Key"));
    if (have_auth && !bearer_token(http_header(r, "Authorization"), &bearer))
        return why_set(
            why, E_UNAUTHENTICATED,
            "The Authorization header could not be read; send \"Authorization: Bearer <key>\" or \"X-API-Key: <key>\".");
    if (have_auth && have_key && !str_eq(bearer, key))
        return why_set(why, E_BAD_REQUEST, "Authorization and X-API-Key name two different keys; send one of them.");
    struct str secret = have_auth ? bearer : key;
    if (str_empty(secret))
        return why_set(why, E_UNAUTHENTICATED,
                       "This call needs an API key; send \"Authorization: Bearer <key>\" or \"X-API-Key: <key>\".");
    *out = secret;
    return OK;
}

/* --- pages: publishable keys, and what browsers ask before they send one --- */

/* Its generations alone, each by the token that came with the answer to its submit. */
static err may_read(struct exchange *x, struct why *why) {
    struct str token = str_trim(http_header(x->req, "X-Puras-Read-Token"));
    if (x->caller.kind != KEY_PUB || str_empty(x->param) || !str_starts(str_of(x->route->pattern), STR("/v1/generations/"))) return OK;
    return ops_may_read(exchange_ops(x), &x->caller, x->param, token, why);
}

/* A page says where it is. Reads from the page of this very server come without an Origin; nothing that spends does. */
static err from_allowed_page(struct exchange *x, struct why *why) {
    struct str origin = http_header(x->req, "Origin");
    if (x->caller.kind != KEY_PUB) return OK;
    if (str_empty(origin) && str_is(http_method(x->req), "GET")) return OK;
    if (str_empty(origin)) return why_set(why, E_FORBIDDEN, "A publishable key is for web pages: the request has no Origin header. Use a secret key on a server.");
    if (!ops_origin_allowed(exchange_ops(x), &x->caller, origin))
        return why_set(why, E_FORBIDDEN, "The key %s may not be sent from %.*s; create one that lists this origin.", x->caller.key, STR_ARG(str_head(origin, 120)));
    x->origin = arena_dup(&x->arena, origin);
    return OK;
}

/* Tells nothing that the page could not try anyway: whether a key may be sent from there is decided when it comes. */
static bool answer_preflight(struct api *a, struct http_req *r) {
    struct str method = str_trim(http_header(r, "Access-Control-Request-Method")), raw, allow;
    const struct route *route = NULL;
    if (!str_is(http_method(r), "OPTIONS") || !http_has_header(r, "Origin") || str_empty(method)) return false;
    if (route_find(method, http_path(r), http_arena(r), &route, &raw, &allow) != MATCH_ROUTE || !(route->browser || route->who == WHO_LINK)) return false;
    http_add_header(r, "Access-Control-Allow-Origin", http_header(r, "Origin"));
    http_add_header(r, "Access-Control-Allow-Methods", STR("GET, POST, PUT"));
    http_add_header(r, "Access-Control-Allow-Headers", STR("Authorization, X-API-Key, Content-Type, Idempotency-Key, Prefer, X-Puras-Read-Token, Last-Event-ID, traceparent"));
    http_add_header(r, "Access-Control-Max-Age", STR("600"));
    http_add_header(r, "Vary", STR("Origin"));
    answer_headers(a, r);
    http_reply(r, 204, NULL, STR(""));
    return true;
}

static bool may(const struct exchange *x, struct why *why) {
    enum key_kind k = x->caller.kind;
    if (k == KEY_PUB && !x->route->browser) {
        why_set(why, E_FORBIDDEN, "A publishable key submits with POST /v1/generations and reads what it submitted, nothing else; call this from a server with a secret key.");
        return false;
    }
    if (x->caller.service && (x->route->who == WHO_OWN || x->route->who == WHO_FUND || x->route->who == WHO_ADMIN)) {
        why_set(why, E_FORBIDDEN, "A service token makes and reads things for its job; secrets, credit and keys need the key itself.");
        return false;
    }
    switch (x->route->who) {
    case WHO_PUBLIC:
    case WHO_ANY:
    case WHO_LINK:
        return true;
    case WHO_RUN:
        if (k == KEY_LIVE || k == KEY_TEST || k == KEY_PUB) return true;
        why_set(why, E_FORBIDDEN,
                "An admin key manages projects, keys and credit and runs nothing; use a live or a test key of the project.");
        return false;
    case WHO_OWN:
        if (k == KEY_LIVE || k == KEY_ADMIN) return true;
        why_set(why, E_FORBIDDEN, "A test key sees nothing of the project's secrets; use a live or an admin key.");
        return false;
    case WHO_FUND:
        if (k == KEY_ADMIN || k == KEY_TEST) return true;
        why_set(why, E_FORBIDDEN,
                "A live key cannot add credit; use an admin key for the live book or a test key for its own test book.");
        return false;
    case WHO_ADMIN:
        if (k == KEY_ADMIN) return true;
        why_set(why, E_FORBIDDEN, "This call needs an admin key.");
        return false;
    }
    return false;
}

/* Which of them a generation needs depends on the model; the operation looks again. */
static bool in_scope(const struct exchange *x, struct why *why) {
    static const char *const generate[] = {"generate:media", "generate:music", "generate:speech", "generate:ads"};
    const char *scope = x->route->scope;
    if (!scope || x->caller.kind == KEY_NONE || caller_may(&x->caller, scope)) return true;
    bool any = false;
    if (!strcmp(scope, "generate"))
        for (size_t i = 0; i < sizeof generate / sizeof *generate; i++) any |= caller_may(&x->caller, generate[i]);
    if (any) return true;
    why_set(why, E_FORBIDDEN, "The key %s does not have the scope %s, which this call needs; use another key, or create one with it.", x->caller.key,
            strcmp(scope, "generate") ? scope : "generate:media (or another of generate:...)");
    return false;
}

/* --- how often --- */

/* Every call is counted once: what generates when its model is known or it is refused, everything else at once. */
static bool generates(const struct exchange *x) { return x->route->who == WHO_RUN; }

/* False: it was one call too many, and that was answered. Every answer of a key with a class says what is left. */
static bool within_rate(struct exchange *x, struct str model) {
    struct why why = {0};
    struct rate rate = {0};
    if (x->caller.kind == KEY_NONE) return true;
    err e = ops_rate(exchange_ops(x), &x->caller, generates(x), model, &why, &rate);
    if (rate.limit) {
        struct arena *a = http_arena(x->req);
        http_add_header(x->req, "RateLimit-Limit", arena_printf(a, "%lld", (long long)rate.limit));
        http_add_header(x->req, "RateLimit-Remaining", arena_printf(a, "%lld", (long long)rate.remaining));
        http_add_header(x->req, "RateLimit-Reset", arena_printf(a, "%lld", (long long)rate.reset_s));
    }
    if (e) answer_error(x, &why);
    return !e;
}

static struct str model_of(const struct json *body) {
    const struct json *model = json_get(body, "model");
    return model && json_is(model, JSON_STRING) ? model->text : STR("");
}

/* --- the body --- */

static err take_object(struct exchange *x, err e, struct json *body, struct why *why) {
    if (e) return why->code = E_BAD_JSON; /* depth and size of the tree are faults of the document too */
    if (body->type != JSON_OBJECT) return why_set(why, E_BAD_JSON, "The body must be a JSON object, such as {\"model\": \"...\"}.");
    x->body = body;
    return OK;
}

static err read_object(struct exchange *x, struct str text, struct why *why) {
    struct json *body = NULL;
    if (str_empty(text)) return why_set(why, E_BAD_JSON, "The body is empty; send a JSON object.");
    /* The tree keeps views of its text, and an operation may outlive the request: the text moves to the exchange. */
    err e = json_parse(arena_dup(&x->arena, text), &x->arena, why, &body);
    return take_object(x, e, body, why);
}

static void run(struct exchange *x, err e, const struct why *why) {
    if (generates(x) && !within_rate(x, model_of(x->body))) return;
    if (e) answer_error(x, why);
    else x->route->handle(x);
}

static void have_body(void *arg, struct http_req *r, struct str text) {
    struct exchange *x = arg;
    struct why why = {0};
    err e = x->route->takes == TAKES_JSON || x->route->takes == TAKES_EITHER ? read_object(x, text, &why) : OK;
    x->bytes = text;
    run(x, e, &why);
}

/* --- a body with inline files: read as it comes, with flat memory --- */

static void intake_ready(void *arg) {
    struct exchange *x = arg;
    if (x->req) http_resume_body(x->req);
}

static bool intake_chunk(void *arg, struct http_req *r, struct str data) {
    struct exchange *x = arg;
    struct why why = {0};
    bool waits = false;
    err e = ops_intake_feed(x->intake, data, &why, &waits);
    if (!e) return !waits;
    run(x, e, &why); /* the answer gives the body up */
    return true;
}

/* Not called once the exchange has let go of its body. */
static void intake_whole(void *arg, err code, const struct why *said) {
    struct exchange *x = arg;
    struct why why = said ? *said : (struct why){0};
    struct json *body = NULL;
    err e = code ? code : ops_intake_read(x->intake, &x->arena, &why, &body);
    run(x, code ? code : take_object(x, e, body, &why), &why);
}

static void intake_end(void *arg, struct http_req *r, bool ok) {
    struct exchange *x = arg;
    if (ok) ops_intake_end(x->intake, intake_whole);
    else exchange_release(x);
}

static void read_long_body(struct exchange *x) {
    const struct http_sink sink = {.chunk = intake_chunk, .end = intake_end, .arg = x};
    struct why why = {0};
    err e = ops_intake_begin(exchange_ops(x), intake_ready, x, &why, &x->intake);
    if (e) run(x, e, &why);
    else http_stream_body(x->req, LIMIT_LONG_BODY_BYTES, &sink);
}

static bool is_form(const struct exchange *x) {
    char boundary[FORM_BOUNDARY + 1];
    return x->route->takes == TAKES_EITHER && form_boundary(http_header(x->req, "Content-Type"), boundary);
}

static bool takes_json(const struct exchange *x) { return x->route->takes == TAKES_JSON || (x->route->takes == TAKES_EITHER && !is_form(x)); }

/* Only what generates takes files. */
static bool may_be_long(const struct exchange *x) {
    int64_t length = http_content_length(x->req);
    return generates(x) && takes_json(x) && (length < 0 || length > LIMIT_STRING_SPOOL_BYTES);
}

static err body_acceptable(const struct exchange *x, struct why *why) {
    struct http_req *r = x->req;
    struct str coding = str_trim(http_header(r, "Content-Encoding"));
    if (!str_empty(coding) && !str_ieq(coding, STR("identity")))
        return why_set(why, E_MEDIA_TYPE,
                       "The body is sent with a Content-Encoding, which is not taken here; send it as it is.");
    if (takes_json(x) && http_has_header(r, "Content-Type") &&
        !content_type_is_json(http_header(r, "Content-Type")))
        return why_set(why, E_MEDIA_TYPE, "The body must be JSON; send \"Content-Type: application/json\".");
    int64_t max = x->route->takes == TAKES_FILE   ? LIMIT_UPLOAD_BYTES
                  : x->route->takes == TAKES_FORM || is_form(x) ? LIMIT_UPLOAD_BYTES + FORM_EXTRA_BYTES
                  : may_be_long(x)            ? LIMIT_LONG_BODY_BYTES
                                              : LIMIT_JSON_BODY_BYTES;
    if (http_content_length(r) > max)
        return why_set(why, E_TOO_LARGE, "The body has %lld bytes; this call takes at most %lld.",
                       (long long)http_content_length(r), (long long)max);
    return OK;
}

static err head_acceptable(struct exchange *x, struct why *why) {
    if (!may(x, why) || !in_scope(x, why) || may_read(x, why)) return why->code;
    if (http_has_header(x->req, "Idempotency-Key")) {
        struct str key = str_trim(http_header(x->req, "Idempotency-Key"));
        if (!idempotency_key_ok(key))
            return why_set(why, E_BAD_REQUEST, "The Idempotency-Key header must be 1 to %d visible ASCII characters, sent once.",
                           LIMIT_IDEMPOTENCY_KEY_BYTES);
        x->idempotency_key = arena_dup(&x->arena, key);
    }
    x->prefer = prefer_parse(http_header(x->req, "Prefer"));
    return x->route->takes == TAKES_NOTHING ? OK : body_acceptable(x, why);
}

static void admitted(struct exchange *x) {
    struct why why = {0};
    if (!generates(x) && !within_rate(x, STR(""))) return;
    if (head_acceptable(x, &why)) {
        if (!generates(x) || within_rate(x, STR(""))) answer_error(x, &why);
        return;
    }
    if (may_be_long(x)) read_long_body(x);
    else if (takes_json(x) || x->route->takes == TAKES_ANYTHING || x->route->takes == TAKES_BYTES)
        http_read_body(x->req, LIMIT_JSON_BODY_BYTES, have_body, x);
    else
        x->route->handle(x);
}

static void authenticated(void *arg, err code, const struct why *why, const struct caller *c) {
    struct exchange *x = arg;
    if (x->req && code) {
        struct why w = why ? *why : (struct why){0};
        w.code = code;
        answer_error(x, &w);
    } else if (x->req) {
        struct why w = {0};
        x->caller = *c;
        if (from_allowed_page(x, &w)) answer_error(x, &w);
        else admitted(x);
    }
    exchange_unref(x);
}

/* --- the way in --- */

static bool holds(struct str s, struct str word) { return memmem(s.ptr ? s.ptr : "", s.len, word.ptr, word.len) != NULL; }

/* A request without a key that looks like a link of ours, if only in part: whatever was changed in it, its '?' or the names of its
 * parameters too, it is refused as a bad link and not for want of a key. */
static bool wants_signature(const struct route *route, struct http_req *r) {
    static const char *const words[] = {"exp=", "kid=", "sig="};
    if (route->who != WHO_LINK) return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (holds(http_query(r), str_of(words[i])) || holds(http_path(r), str_of(words[i]))) return true;
    return false;
}

static void refuse_path(struct api *a, struct http_req *r, enum match m, struct str allow) {
    struct why why = {0};
    if (m == MATCH_NONE)
        why_set(&why, E_NOT_FOUND, "There is nothing at this path; GET /openapi.json lists what there is.");
    else
        why_set(&why, E_METHOD, "This path does not take %.*s; it takes %.*s.", STR_ARG(str_head(http_method(r), 20)),
                STR_ARG(allow));
    answer_refused(a, r, &why, allow);
}

void api_handle(void *arg, struct http_req *r) {
    struct api *a = arg;
    const struct route *route = NULL;
    struct str raw = {0}, allow = {0}, secret = {0}, param = {0};
    struct why why = {0};
    if (answer_preflight(a, r)) return;
    enum match m = route_find(http_method(r), http_path(r), http_arena(r), &route, &raw, &allow);
    if (m != MATCH_ROUTE) {
        refuse_path(a, r, m, allow);
        return;
    }
    bool carries_key = http_has_header(r, "Authorization") || http_has_header(r, "X-API-Key") || http_has_header(r, "X-Puras-Service-Token");
    bool publishable = carries_key && !credentials(r, &why, &secret) && str_starts(secret, STR("puras_pub"));
    if (carries_key && !publishable && http_has_header(r, "Origin")) {
        why_set(&why, E_FORBIDDEN,
                "A secret key was sent from a web page (the request has an Origin header); keep it on a server, or make a publishable "
                "key for the page.");
        answer_refused(a, r, &why, STR(""));
        return;
    }
    bool link = !carries_key && wants_signature(route, r), open = route->who == WHO_PUBLIC || link;
    if (!open && credentials(r, &why, &secret)) {
        answer_refused(a, r, &why, STR(""));
        return;
    }
    if (!http_percent_decode(raw, false, http_arena(r), &param) && !link) { /* a link is checked as it was sent */
        why_set(&why, E_BAD_REQUEST, "The path has a percent escape that cannot be read.");
        answer_refused(a, r, &why, STR(""));
        return;
    }
    struct exchange *x = exchange_create(a, r, route);
    x->param = arena_dup(&x->arena, param);
    x->service_header = http_has_header(r, "X-Puras-Service-Token");
    if (open) {
        admitted(x);
        return;
    }
    exchange_ref(x);
    ops_authenticate(a->o.ops, arena_dup(&x->arena, secret), authenticated, x);
}
