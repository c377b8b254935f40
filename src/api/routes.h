/* The table of routes: what exists, who may, what it takes, what it answers. Dispatch, Allow headers and the OpenAPI
 * document are all read from it, so they cannot disagree. */
#pragma once
#include "api/exchange.h"

enum who {
    WHO_PUBLIC,
    WHO_ANY,  /* any key */
    WHO_RUN,  /* a live or a test key: it spends */
    WHO_OWN,  /* a live or an admin key: what belongs to the project */
    WHO_FUND, /* an admin or a test key */
    WHO_ADMIN,
    WHO_LINK, /* any key, or a signed link */
};
enum takes {
    TAKES_NOTHING,
    TAKES_JSON,     /* an object, required */
    TAKES_ANYTHING, /* a body is read and ignored, for clients that always send one */
    TAKES_BYTES,    /* whatever it is, whole: its handler gets x->bytes */
    TAKES_FILE,     /* raw bytes, streamed */
    TAKES_FORM,     /* multipart/form-data with a file, streamed */
    TAKES_EITHER,   /* an object or a form, which its handler finds out */
};

struct route {
    const char *method;  /* GET routes answer HEAD too, unless `stream` */
    const char *pattern; /* {name}: one segment; {name...}: the rest, slashes included */
    enum who who;
    enum takes takes;
    bool stream;
    void (*handle)(struct exchange *x);
    /* for the OpenAPI document; names are of openapi_schemas.json */
    const char *id, *tag, *summary;
    const char *request; /* schema of the body */
    const char *answer;  /* schema of the answer; NULL: `type` stands for itself */
    const char *type;    /* media type of an answer that is not JSON */
    const char *ok;      /* statuses of success, the first one usual */
    const char *errors;  /* statuses beyond those that every route of its sort can give */
    const char *params;  /* names of parameters */
    const char *scope;   /* what a key with scopes must have; "generate": any of generate:..., the model decides which; NULL: none */
    bool browser;        /* a publishable key may call it, from a page that it lists */
};
/* Paths of another product's shape: errors stand in {"error": {...}} there. */
bool path_is_openai(struct str path);
extern const struct route api_routes[];
extern const int api_routes_count;

enum match { MATCH_NONE, MATCH_OTHER_METHOD, MATCH_ROUTE };
/* `param` is still percent-encoded. `allow` is filled (from `a`) with MATCH_OTHER_METHOD. */
enum match route_find(struct str method, struct str path, struct arena *a, const struct route **out_route,
                      struct str *out_param, struct str *out_allow);

/* Sends a generation on its way and answers through `done`; canonical: the call as text that is equal for equal calls, of which the idempotency
 * hash is taken (empty: the body). The submission and what it points to live in the exchange's arena. */
void generate_run(struct exchange *x, struct submission *s, struct str canonical, ops_done *done);
/* For a `done`, first: the operation has answered. */
void generate_answered(struct exchange *x, const struct answer *a);

/* Handlers, by file. */
void generate_media(struct exchange *x);
void generate_submit(struct exchange *x);
void generate_list(struct exchange *x);
void generate_get(struct exchange *x);
void generate_cancel(struct exchange *x);
void generate_deliver(struct exchange *x);
void generate_resolve(struct exchange *x);
void generate_quote(struct exchange *x);
void events_stream(struct exchange *x);
void account_pricing(struct exchange *x);
void account_models(struct exchange *x);
void account_model(struct exchange *x);
void account_balance(struct exchange *x);
void account_usage(struct exchange *x);
void account_ledger(struct exchange *x);
void account_audit(struct exchange *x);
void account_top_up(struct exchange *x);
void account_projects(struct exchange *x);
void account_project_create(struct exchange *x);
void account_token_create(struct exchange *x);
void account_keys(struct exchange *x);
void account_key_create(struct exchange *x);
void account_key_revoke(struct exchange *x);
void account_key_rotate(struct exchange *x);
void account_project_set(struct exchange *x);
void account_adjust(struct exchange *x);
void account_secrets(struct exchange *x);
void account_secret_put(struct exchange *x);
void account_secret_delete(struct exchange *x);
void hooks_take(struct exchange *x);
void webhooks_list(struct exchange *x);
void webhooks_create(struct exchange *x);
void webhooks_get(struct exchange *x);
void webhooks_set(struct exchange *x);
void webhooks_delete(struct exchange *x);
void webhooks_rotate(struct exchange *x);
void webhooks_secret(struct exchange *x);
void webhooks_test(struct exchange *x);
void webhooks_deliveries(struct exchange *x);
void webhooks_redeliver(struct exchange *x);
void account_providers(struct exchange *x);
void account_provider_key_put(struct exchange *x);
void account_provider_key_delete(struct exchange *x);
void account_pause(struct exchange *x);
void openai_images(struct exchange *x);
void openai_edits(struct exchange *x);
void openai_speech(struct exchange *x);
void openai_done(struct exchange *x);
void files_list(struct exchange *x);
void files_get(struct exchange *x);
void files_get_thumbnail(struct exchange *x);
void files_get_optimized(struct exchange *x);
void files_put(struct exchange *x);
void files_put_signed(struct exchange *x);
void files_upload(struct exchange *x);
void files_delete(struct exchange *x);
void files_delete_asset(struct exchange *x);
void files_sign(struct exchange *x);
void lineage_get(struct exchange *x);
void lineage_keys(struct exchange *x);
void status_health(struct exchange *x);
void status_ready(struct exchange *x);
void status_metrics(struct exchange *x);
void status_openapi(struct exchange *x);

/* The OpenAPI document, built once from the table. */
void openapi_write(const char *public_url, const char *version, struct buf *out);
