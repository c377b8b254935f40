/* One running server: the only struct that knows every room. Private to cmd/. */
#pragma once
#include "api/api.h"
#include "base/log.h"
#include "catalog/shelf.h"
#include "drive/drive.h"
#include "engine/engine.h"
#include "engine/command.h"
#include "engine/local.h"
#include "engine/remote.h"
#include "http/http.h"
#include "io/egress.h"
#include "io/loop.h"
#include "io/upstream.h"
#include "media/media.h"
#include "ops/ops.h"
#include "ops/notary.h"
#include "ops/vault.h"
#include "store/query.h"
#include "store/store.h"

enum {
    CATALOG_FOLDERS_MAX = 16,
    PROXIES_MAX = 16,
    BASES_MAX = 64,
    PRIVATE_MAX = 64,
    DATA_PATH_MAX = 512,
    FILE_PATH_MAX = DATA_PATH_MAX + 128, /* of a file in the data folder */
};

struct serve_options {
    const char *data;          /* data folder */
    const char *listen;        /* HOST:PORT */
    const char *database;      /* NULL: SQLite in the data folder */
    const char *public_url;    /* NULL: http:// and the listen address */
    const char *catalogs[CATALOG_FOLDERS_MAX]; /* the shipped one first */
    size_t catalog_count;
    const char *shipped;       /* which of them came with the program; NULL: none */
    const char *proxies[PROXIES_MAX + 1]; /* whose X-Forwarded-For is believed; NULL ends the list */
    size_t proxy_count;
    struct egress_address allowed[PRIVATE_MAX]; /* private addresses to which links of callers and in replies may lead */
    size_t allowed_count;
    const char *egress_proxy;  /* NULL: none */
    const char *bases[BASES_MAX]; /* NAME=URL: where calls for a provider go instead */
    size_t base_count;
    const char *old_master_key; /* a file: what it sealed and signed still counts; NULL: none */
    int slots, renders;
    int listen_fd;             /* handed over by the service manager, or -1 */
    enum log_level log_level;
};

struct server {
    struct serve_options o;
    struct logger log;
    struct loop *loop;
    struct store *store;
    struct node_view node;
    struct committer *committer;
    struct readers *readers;
    struct pool *beats, *upkeep; /* one thread each: a slow read never delays a heartbeat */
    struct shelf *shelf;
    struct watch *watch;
    struct buf catalog_problems; /* of the folders at the start, when an older version was taken instead */
    struct drive *drive;
    struct signer *signer;
    struct vault *vault;
    struct notary *notary;
    struct desk *desk;
    struct hooks *hooks;
    struct upstream *upstream;
    struct helper *helper;
    struct local *local;
    struct jq *jq;
    struct remote *remote;
    struct commands *commands; /* NULL before the first call of a program of this machine */
    struct engine *engine;
    struct ops *ops;
    struct api *api;
    struct http_server *http;
    char public_url[256];
    char data_full[DATA_PATH_MAX]; /* absolute path */
    char public_host[256];         /* host:port of public_url, which an absolute-form request may name */
    bool draining, callers_gone, commits_waiting, reads_waiting;
    struct timer *upkeep_tick, *drain_tick, *drain_look;
    struct arena expired_arena;    /* of one round of upkeep */
    const struct asset **expired;
    size_t expired_count;
};

[[nodiscard]] err server_start(const struct serve_options *o, struct why *why, struct server **out);
void server_run(struct server *s);   /* until drained */
void server_drain(struct server *s); /* begins the end; server_run returns when it is complete. Asked a second time it ends now */
void server_stop(struct server *s);  /* frees all */

/* bootstrap.c: what an empty folder needs before the first call. */
struct credentials {
    char project[33], admin_key[64], live_key[64], test_key[64];
};
[[nodiscard]] err folder_prepare(const char *path, struct why *why);
/* The same from a file that must be there. */
[[nodiscard]] err master_key_file(const char *path, struct why *why, char out_hex[65]);
[[nodiscard]] err master_key_read(struct server *s, struct why *why, char out_hex[65]);
/* Makes project, keys and first credit when the database has none. *out_first: they were made now. */
[[nodiscard]] err credentials_prepare(struct server *s, struct why *why, struct credentials *out, bool *out_first);
[[nodiscard]] err credentials_write_url(struct server *s, const struct credentials *c, struct why *why);

/* ports.c: what the engine and ops ask of the server. */
struct engine_port server_engine_port(struct server *s);
bool server_slot(void *server);
bool server_may_act(void *server); /* for struct remote_options */
void server_metrics(void *server, struct buf *out);
bool server_warnings(void *server, struct buf *out);
void upkeep_start(struct server *s);
