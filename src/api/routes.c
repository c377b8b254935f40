/* The table, and the search in it. Order matters nowhere: patterns do not overlap. */
#include "api/routes.h"

#define MONEY "402 409 422 429 502 504 507"

const struct route api_routes[] = {
    /* one call, one file */
    {"POST", "/v1/media/generate", WHO_RUN, TAKES_JSON, false, generate_media, "mediaGenerate", "Media",
     "Run a model and wait for its file", "MediaRequest", "MediaResult", NULL, "200 202", MONEY, "Prefer IdempotencyKey Traceparent", "generate"},
    /* the same for clients of OpenAI's shape */
    {"POST", "/v1/images/generations", WHO_RUN, TAKES_JSON, false, openai_images, "openaiImages", "OpenAI-shaped",
     "Make pictures from words, as OpenAI's clients ask for them", "OpenAIImageRequest", "OpenAIImages", NULL, "200", MONEY, "IdempotencyKey", "generate"},
    {"POST", "/v1/images/edits", WHO_RUN, TAKES_EITHER, false, openai_edits, "openaiEdits", "OpenAI-shaped",
     "Edit pictures, as OpenAI's clients ask for it", "OpenAIEditRequest", "OpenAIImages", NULL, "200", MONEY, "IdempotencyKey", "generate"},
    {"POST", "/v1/audio/speech", WHO_RUN, TAKES_JSON, false, openai_speech, "openaiSpeech", "OpenAI-shaped",
     "Read a text aloud, as OpenAI's clients ask for it", "OpenAISpeechRequest", NULL, "audio/*", "200", MONEY, "IdempotencyKey", "generate"},
    /* generations */
    {"POST", "/v1/generations", WHO_RUN, TAKES_JSON, false, generate_submit, "createGeneration", "Generations",
     "Start a generation", "GenerationRequest", "Generation", NULL, "202 200", "402 409 429 507", "Prefer IdempotencyKey Traceparent", "generate", true},
    {"GET", "/v1/generations", WHO_ANY, TAKES_NOTHING, false, generate_list, "listGenerations", "Generations",
     "List generations, newest first", NULL, "GenerationList", NULL, "200", "", "Before Limit State Model EndUser KeyPrefix Metadata Since Until", "read:generations"},
    {"GET", "/v1/generations/{id}", WHO_ANY, TAKES_NOTHING, false, generate_get, "getGeneration", "Generations",
     "Read a generation, waiting for its end if asked to", NULL, "Generation", NULL, "200", "404",
     "GenerationId Wait UrlTtl", "read:generations", true},
    {"POST", "/v1/generations/{id}/cancel", WHO_ANY, TAKES_ANYTHING, false, generate_cancel, "cancelGeneration",
     "Generations", "Cancel a generation", NULL, "Generation", NULL, "200", "404 409", "GenerationId", "generate", true},
    {"POST", "/v1/generations/{id}/deliver", WHO_ANY, TAKES_JSON, false, generate_deliver, "deliverGeneration",
     "Generations", "Find the file that the call's output_url_path hid, at no further charge", "DeliverRequest", "Generation", NULL, "200", "404 409 422 502 507", "GenerationId", "generate"},
    {"POST", "/v1/generations/{id}/resolve", WHO_ADMIN, TAKES_ANYTHING, false, generate_resolve, "resolveGeneration",
     "Generations", "Close an unresolved generation by hand: failed, nothing charged", NULL, "Generation", NULL, "200", "404 409",
     "GenerationId", "admin"},
    {"GET", "/v1/generations/{id}/events", WHO_ANY, TAKES_NOTHING, true, events_stream, "streamGenerationEvents",
     "Generations", "Follow a generation's events as they are committed", NULL, NULL, "text/event-stream", "200", "404",
     "GenerationId LastEventId After", "read:generations", true},
    /* prices and models */
    {"POST", "/v1/quote", WHO_ANY, TAKES_JSON, false, generate_quote, "quote", "Prices", "Price a call without making it",
     "QuoteRequest", "Quote", NULL, "200", "", NULL, NULL, true},
    {"GET", "/v1/pricing", WHO_PUBLIC, TAKES_NOTHING, false, account_pricing, "pricing", "Prices",
     "Every model with its rate table", NULL, "Pricing", NULL, "200", "", NULL, NULL},
    {"GET", "/v1/models", WHO_ANY, TAKES_NOTHING, false, account_models, "listModels", "Prices",
     "Every model with its inputs", NULL, "ModelList", NULL, "200", "", "Kind ModelType", NULL, true},
    {"GET", "/v1/models/{slug...}", WHO_ANY, TAKES_NOTHING, false, account_model, "getModel", "Prices",
     "One model with its inputs", NULL, "Model", NULL, "200", "404", "Slug", NULL, true},
    /* money */
    {"GET", "/v1/balance", WHO_ANY, TAKES_NOTHING, false, account_balance, "balance", "Money",
     "The balance of the key's book", NULL, "Balance", NULL, "200", "", NULL, "read:balance"},
    {"GET", "/v1/billing/balance", WHO_ANY, TAKES_NOTHING, false, account_balance, "billingBalance", "Money",
     "The same under its other name", NULL, "Balance", NULL, "200", "", NULL, "read:balance"},
    {"GET", "/v1/usage_events", WHO_ANY, TAKES_NOTHING, false, account_usage, "listUsageEvents", "Money",
     "What was billed, call by call, newest first, or summed by model, key, end_user or day", NULL, "Usage", NULL, "200", "",
     "Before Limit Model EndUser KeyPrefix Metadata Since Until Group", "read:balance"},
    {"GET", "/v1/ledger", WHO_ANY, TAKES_NOTHING, false, account_ledger, "listTransfers", "Money",
     "The transfers of the key's book, newest first", NULL, "LedgerList", NULL, "200", "", "Before Limit", "read:balance"},
    {"GET", "/v1/ledger/audit", WHO_ADMIN, TAKES_NOTHING, false, account_audit, "auditLedger", "Money",
     "Recompute every balance from its transfers", NULL, "Audit", NULL, "200", "", NULL, "admin"},
    {"POST", "/v1/top-up", WHO_FUND, TAKES_JSON, false, account_top_up, "topUp", "Money", "Add credit to a book",
     "TopUpRequest", "TopUp", NULL, "200", "404 409", "IdempotencyKey", "admin"},
    {"POST", "/v1/adjustments", WHO_ADMIN, TAKES_JSON, false, account_adjust, "adjust", "Money",
     "Correct a book: a new transfer with reason and author", "AdjustmentRequest", "Adjustment", NULL, "200", "402 404 409",
     "IdempotencyKey", "admin"},
    /* projects and keys */
    {"GET", "/v1/projects", WHO_ADMIN, TAKES_NOTHING, false, account_projects, "listProjects", "Projects", "List projects",
     NULL, "ProjectList", NULL, "200", "", NULL, "admin"},
    {"POST", "/v1/projects", WHO_ADMIN, TAKES_JSON, false, account_project_create, "createProject", "Projects",
     "Create a project", "ProjectRequest", "Project", NULL, "201", "", NULL, "admin"},
    {"PATCH", "/v1/projects/{id}", WHO_ADMIN, TAKES_JSON, false, account_project_set, "setProject", "Projects",
     "Set a project's limits", "ProjectLimits", "ProjectLimitsSet", NULL, "200", "404", "ProjectId", "admin"},
    {"GET", "/v1/keys", WHO_ADMIN, TAKES_NOTHING, false, account_keys, "listKeys", "Projects", "List a project's keys", NULL,
     "KeyList", NULL, "200", "404", "Project", "admin"},
    {"POST", "/v1/keys", WHO_ADMIN, TAKES_JSON, false, account_key_create, "createKey", "Projects",
     "Create a key; the answer is the only place where it ever stands", "KeyRequest", "CreatedKey", NULL, "201", "404",
     NULL, "admin"},
    {"POST", "/v1/keys/{prefix}/rotate", WHO_ADMIN, TAKES_JSON, false, account_key_rotate, "rotateKey", "Projects",
     "Create the key that takes over from this one, which goes on for a while", "RotateRequest", "CreatedKey", NULL, "201",
     "404 409", "Prefix", "admin"},
    {"DELETE", "/v1/keys/{prefix}", WHO_ADMIN, TAKES_ANYTHING, false, account_key_revoke, "deleteKey", "Projects",
     "Revoke a key", NULL, "RevokedKey", NULL, "200", "404", "Prefix", "admin"},
    {"POST", "/v1/keys/{prefix}/revoke", WHO_ADMIN, TAKES_ANYTHING, false, account_key_revoke, "revokeKey", "Projects",
     "Revoke a key", NULL, "RevokedKey", NULL, "200", "404", "Prefix", "admin"},
    {"POST", "/v1/service-tokens", WHO_RUN, TAKES_JSON, false, account_token_create, "createServiceToken", "Projects",
     "Make a token that stands for the key, for one job and a while", "TokenRequest", "ServiceToken", NULL, "201", "", NULL, NULL},
    /* secrets */
    {"GET", "/v1/secrets", WHO_OWN, TAKES_NOTHING, false, account_secrets, "listSecrets", "Secrets",
     "Name the project's secrets", NULL, "SecretList", NULL, "200", "", NULL, "admin"},
    {"PUT", "/v1/secrets", WHO_OWN, TAKES_JSON, false, account_secret_put, "putSecret", "Secrets",
     "Store a secret; its value is never shown again", "SecretRequest", "Secret", NULL, "200", "", NULL, "admin"},
    {"DELETE", "/v1/secrets/{name}", WHO_OWN, TAKES_ANYTHING, false, account_secret_delete, "deleteSecret", "Secrets",
     "Forget a secret", NULL, "DeletedSecret", NULL, "200", "404", "SecretName", "admin"},
    /* webhooks */
    {"GET", "/v1/webhooks", WHO_OWN, TAKES_NOTHING, false, webhooks_list, "listWebhooks", "Webhooks",
     "List who is told when generations end", NULL, "WebhookList", NULL, "200", "", NULL, "admin"},
    {"POST", "/v1/webhooks", WHO_OWN, TAKES_JSON, false, webhooks_create, "createWebhook", "Webhooks",
     "Have a URL told when generations end; the answer is the only place where its secret stands", "WebhookRequest", "CreatedWebhook", NULL, "201", "409", NULL, "admin"},
    {"GET", "/v1/webhooks/{id}", WHO_OWN, TAKES_NOTHING, false, webhooks_get, "getWebhook", "Webhooks",
     "Read a webhook and how it does", NULL, "Webhook", NULL, "200", "404", "WebhookId", "admin"},
    {"PATCH", "/v1/webhooks/{id}", WHO_OWN, TAKES_JSON, false, webhooks_set, "setWebhook", "Webhooks",
     "Change a webhook, or switch it off and on", "WebhookChange", "WebhookChanged", NULL, "200", "404", "WebhookId", "admin"},
    {"DELETE", "/v1/webhooks/{id}", WHO_OWN, TAKES_ANYTHING, false, webhooks_delete, "deleteWebhook", "Webhooks",
     "Tell it nothing any more", NULL, "DeletedWebhook", NULL, "200", "404", "WebhookId", "admin"},
    {"POST", "/v1/webhooks/{id}/rotate", WHO_OWN, TAKES_JSON, false, webhooks_rotate, "rotateWebhookSecret", "Webhooks",
     "Make a new secret; messages are signed with both for a while", "WebhookRotateRequest", "RotatedWebhook", NULL, "200", "404", "WebhookId", "admin"},
    {"POST", "/v1/webhook-secret", WHO_OWN, TAKES_JSON, false, webhooks_secret, "makeWebhookSecret", "Webhooks",
     "Make a new secret for messages to the webhook_url of calls; they are signed with both for a while", "WebhookRotateRequest", "WebhookSecret", NULL, "200", "", NULL, "admin"},
    {"POST", "/v1/webhooks/{id}/test", WHO_OWN, TAKES_ANYTHING, false, webhooks_test, "testWebhook", "Webhooks",
     "Send a message that tells of nothing", NULL, "WebhookQueued", NULL, "200", "404 409", "WebhookId", "admin"},
    {"GET", "/v1/webhooks/{id}/deliveries", WHO_OWN, TAKES_NOTHING, false, webhooks_deliveries, "listWebhookDeliveries", "Webhooks",
     "What was sent and is to be sent, newest first", NULL, "WebhookDeliveries", NULL, "200", "404", "WebhookId Before Limit", "admin"},
    {"POST", "/v1/webhooks/deliveries/{id}/redeliver", WHO_OWN, TAKES_ANYTHING, false, webhooks_redeliver, "redeliverWebhookMessage", "Webhooks",
     "Send a message once more, under the id it has", NULL, "WebhookQueued", NULL, "200", "404 409", "MessageId", "admin"},
    {"POST", "/v1/hooks/{token...}", WHO_PUBLIC, TAKES_BYTES, false, hooks_take, "takeProviderWebhook", "Webhooks",
     "Where a provider says that its work is over; it only makes the server ask the provider", NULL, "HookTaken", NULL, "200", "403 404", "HookToken", NULL},
    /* providers */
    {"GET", "/v1/providers", WHO_ADMIN, TAKES_NOTHING, false, account_providers, "listProviders", "Providers",
     "Show every provider: key, health, what runs and waits there", NULL, "ProviderList", NULL, "200", "", NULL, "admin"},
    {"PUT", "/v1/providers/{name}/key", WHO_ADMIN, TAKES_JSON, false, account_provider_key_put, "putProviderKey", "Providers",
     "Store the key to use at a provider; it is never shown again", "ProviderKeyRequest", "ProviderKey", NULL, "200", "404", "ProviderName", "admin"},
    {"DELETE", "/v1/providers/{name}/key", WHO_ADMIN, TAKES_ANYTHING, false, account_provider_key_delete, "deleteProviderKey", "Providers",
     "Forget a provider's key", NULL, "ProviderKey", NULL, "200", "404", "ProviderName", "admin"},
    {"PUT", "/v1/pauses", WHO_ADMIN, TAKES_JSON, false, account_pause, "setPause", "Providers",
     "Hand nothing new to a provider, or run nothing new of a model; or go on", "PauseRequest", "Pause", NULL, "200", "404", NULL, "admin"},
    /* drive */
    {"GET", "/v1/drive", WHO_ANY, TAKES_NOTHING, false, files_list, "listDrive", "Drive", "List files by path", NULL,
     "DriveList", NULL, "200", "", "PathPrefix AfterPath Limit", "drive"},
    {"POST", "/v1/drive/sign", WHO_ANY, TAKES_JSON, false, files_sign, "signDrive", "Drive", "Make a link that needs no key",
     "SignRequest", "SignedLink", NULL, "200", "404", NULL, "drive"},
    {"GET", "/v1/drive/files/{path...}", WHO_LINK, TAKES_NOTHING, false, files_get, "readFile", "Drive",
     "Read a file, or a range of it", NULL, NULL, "*/*", "200 206 304", "404 412 416",
     "Path Exp Kid Sig Range IfNoneMatch", "drive"},
    {"GET", "/v1/drive/thumbnails/{path...}", WHO_LINK, TAKES_NOTHING, false, files_get_thumbnail, "readThumbnail", "Drive",
     "A small picture of a file (a video's poster, a song's cover); redirects to the file where none can be made", NULL, NULL,
     "application/octet-stream", "200 206 302 304", "404 412 416", "Path Exp Kid Sig Range IfNoneMatch", "drive"},
    {"GET", "/v1/drive/optimized/{path...}", WHO_LINK, TAKES_NOTHING, false, files_get_optimized, "readOptimized", "Drive",
     "A picture at most 1600 pixels wide or high, as WebP; redirects to the file where none can be made", NULL, NULL,
     "application/octet-stream", "200 206 302 304", "404 412 416", "Path Exp Kid Sig Range IfNoneMatch", "drive"},
    {"PUT", "/v1/drive/files/{path...}", WHO_ANY, TAKES_FILE, false, files_put, "writeFile", "Drive",
     "Store a file; what stood there before stays with the generation that made it", NULL, "DriveFile", NULL, "201",
     "412 507", "Path OnlyIf OnlyNew", "drive"},
    {"PUT", "/v1/drive/put/{path...}", WHO_LINK, TAKES_FILE, false, files_put_signed, "writeFileByLink", "Drive",
     "Store a file by a link that lets its holder write that path", NULL, "DriveFile", NULL, "201", "412 507", "Path OnlyIf OnlyNew Exp Kid Sig", "drive"},
    {"POST", "/v1/drive/upload", WHO_ANY, TAKES_FORM, false, files_upload, "uploadFile", "Drive",
     "Store a file that comes in a form", "UploadForm", "DriveFile", NULL, "201", "507", NULL, "drive"},
    {"DELETE", "/v1/drive/assets/{id}", WHO_ANY, TAKES_ANYTHING, false, files_delete_asset, "deleteAsset", "Drive",
     "Delete one file by its id, also when another has taken its path", NULL, "Deleted", NULL, "200", "404", "AssetId", "drive"},
    {"DELETE", "/v1/drive/files/{path...}", WHO_ANY, TAKES_ANYTHING, false, files_delete, "deleteFile", "Drive",
     "Delete a file and end its links", NULL, "Deleted", NULL, "200", "404", "Path", "drive"},
    /* where files come from */
    {"GET", "/v1/lineage", WHO_ANY, TAKES_NOTHING, false, lineage_get, "lineage", "Lineage",
     "Where a file comes from: its signed record and those of the files it was made of, with what all of it cost", NULL, "Lineage", NULL,
     "200", "404", "LineagePath LineageAsset LineageSha256", "read:generations"},
    {"GET", "/.well-known/puras-lineage.json", WHO_PUBLIC, TAKES_NOTHING, false, lineage_keys, "lineageKeys", "Lineage",
     "The public keys that records are checked with, as a JWK set", NULL, "LineageKeys", NULL, "200", "", NULL, NULL},
    /* the server itself */
    {"GET", "/health", WHO_PUBLIC, TAKES_NOTHING, false, status_health, "health", "Server", "Whether the process answers",
     NULL, "Health", NULL, "200", "", NULL, NULL},
    {"GET", "/healthz", WHO_PUBLIC, TAKES_NOTHING, false, status_health, "healthz", "Server",
     "The same under its other name", NULL, "Health", NULL, "200", "", NULL, NULL},
    {"GET", "/readyz", WHO_PUBLIC, TAKES_NOTHING, false, status_ready, "readyz", "Server",
     "Whether the server takes work, with warnings", NULL, "Ready", NULL, "200", "", NULL, NULL},
    {"GET", "/metrics", WHO_PUBLIC, TAKES_NOTHING, false, status_metrics, "metrics", "Server", "Figures in Prometheus text",
     NULL, NULL, "text/plain", "200", "", NULL, NULL},
    {"GET", "/openapi.json", WHO_PUBLIC, TAKES_NOTHING, false, status_openapi, "openapi", "Server", "This document", NULL,
     "Anything", NULL, "200", "", NULL, NULL},
};
const int api_routes_count = sizeof api_routes / sizeof *api_routes;

bool path_is_openai(struct str path) { return str_starts(path, STR("/v1/images/")) || str_starts(path, STR("/v1/audio/")); }

static bool path_matches(const char *pattern, struct str path, struct str *param) {
    for (const char *p = pattern;; p++) {
        if (*p != '{') {
            if (!*p) return str_empty(path);
            if (str_empty(path) || path.ptr[0] != *p) return false;
            path = str_skip(path, 1);
            continue;
        }
        const char *end = strchr(p, '}');
        size_t n = path.len;
        if (end[-1] != '.') {
            const char *slash = path.len ? memchr(path.ptr, '/', path.len) : NULL;
            if (slash) n = (size_t)(slash - path.ptr);
        }
        if (!n) return false;
        *param = str_head(path, n);
        path = str_skip(path, n);
        p = end;
    }
}

enum match route_find(struct str method, struct str path, struct arena *a, const struct route **out_route,
                      struct str *out_param, struct str *out_allow) {
    struct str allow = {0};
    bool head = str_is(method, "HEAD");
    for (int i = 0; i < api_routes_count; i++) {
        const struct route *r = &api_routes[i];
        struct str param = {0};
        if (!path_matches(r->pattern, path, &param)) continue;
        bool get = !strcmp(r->method, "GET") && !r->stream;
        if (str_is(method, r->method) || (head && get)) {
            *out_route = r;
            *out_param = param;
            return MATCH_ROUTE;
        }
        allow = arena_printf(a, "%.*s%s%s%s", STR_ARG(allow), allow.len ? ", " : "", r->method, get ? ", HEAD" : "");
    }
    if (str_empty(allow)) return MATCH_NONE;
    *out_allow = allow;
    return MATCH_OTHER_METHOD;
}
