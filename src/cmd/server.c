/* Wires the rooms into one running server, and takes it apart again. The order of start is the order of dependence: folder, facts,
 * catalog, bytes, helper, engine, operations, routes, socket. */
#include "api/headers.h"
#include "cmd/cli.h"
#include "cmd/desk.h"
#include "cmd/hooks.h"
#include "cmd/proof.h"
#include "cmd/server.h"
#include "cmd/watch.h"

#include "base/cleanup.h"
#include "base/limits.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

static int64_t log_now(void *arg) { return io_now(loop_io(((struct server *)arg)->loop)); }

/* --- from the store's threads to the loop: one posted call at a time --- */

static void drain_commits(void *arg) {
    struct server *s = arg;
    __atomic_store_n(&s->commits_waiting, false, __ATOMIC_RELEASE);
    committer_drain(s->committer);
}

static void commits_wait(void *arg) {
    struct server *s = arg;
    if (!__atomic_exchange_n(&s->commits_waiting, true, __ATOMIC_ACQ_REL)) loop_post(s->loop, drain_commits, s);
}

static void drain_reads(void *arg) {
    struct server *s = arg;
    __atomic_store_n(&s->reads_waiting, false, __ATOMIC_RELEASE);
    readers_drain(s->readers);
}

static void reads_wait(void *arg) {
    struct server *s = arg;
    if (!__atomic_exchange_n(&s->reads_waiting, true, __ATOMIC_ACQ_REL)) loop_post(s->loop, drain_reads, s);
}

static void published(void *arg, const struct rec_change *changes, size_t n) {
    struct server *s = arg;
    if (s->ops) ops_published(s->ops, changes, n);
    if (s->desk) desk_published(s->desk, changes, n);
    if (s->engine) engine_published(s->engine, changes, n);
}

/* Nothing may be answered after this: the node was replaced, or the disk lied. */
static void fatal(void *arg, err code, const char *text) {
    struct server *s = arg;
    char quoted[600];
    log_event(&s->log, LOG_ERROR, "server.fatal", "\"code\":\"%s\",\"error\":%s", err_info(code)->code, log_quote(text, quoted, sizeof quoted));
    _exit(err_info(code)->exit_status);
}

static void request_done(void *arg, struct http_req *r, int status, int64_t bytes, msec took) {
    struct server *s = arg;
    char path[400], quoted[900];
    if (s->log.least > LOG_INFO) return;
    snprintf(path, sizeof path, "%.*s", STR_ARG(str_head(http_path(r), sizeof path - 1)));
    struct str method = http_method(r), id = http_request_id(r);
    const char *code = http_code(r);
    struct str trace; /* 00-<trace>-<span>-<flags> */
    char traced[48] = "";
    if (traceparent_read(http_header(r, "traceparent"), &trace)) snprintf(traced, sizeof traced, ",\"trace\":\"%.32s\"", trace.ptr + 3);
    log_event(&s->log, LOG_INFO, "http.request", "\"method\":\"%.*s\",\"path\":%s,\"status\":%d,%s%s%s\"bytes\":%lld,\"ms\":%lld,\"request_id\":\"%.*s\"%s", STR_ARG(method),
              log_quote(path, quoted, sizeof quoted), status, code ? "\"code\":\"" : "", code ? code : "", code ? "\"," : "", (long long)bytes, (long long)took, STR_ARG(id), traced);
}

/* --- start --- */

enum { OWN_WORK_ROWS = 500 }; /* of the walk over this node's work: a start goes through all of it */

static err start_facts(struct server *s, struct why *why) {
    char url[FILE_PATH_MAX];
    snprintf(url, sizeof url, "sqlite:%s/puras.db", s->data_full);
    struct store_options so = {.url = s->o.database ? s->o.database : url, .folder = s->data_full, .create = true, .now = log_now, .now_arg = s};
    TRY(store_open(&so, why, &s->store));
    struct id node = io_new_id(loop_io(s->loop));
    TRY(store_node_resume(s->store, id_str(&node), why, &s->node));
    struct committer_options co = {.store = s->store, .node = s->node, .wake = commits_wait, .wake_arg = s, .threaded = true, .fatal = fatal, .published = published, .arg = s};
    s->committer = committer_create(&co);
    s->readers = readers_create(s->store, LIMIT_READERS, reads_wait, s);
    s->beats = pool_create(s->loop, "beat", 1, 16);
    s->upkeep = pool_create(s->loop, "upkeep", 1, 1);
    return OK;
}

/* The newest version the database knows; for a start with files that are broken now. */
static err stored_catalog(struct server *s, struct catalog **out) {
    _cleanup_(arena_done) struct arena a = {};
    const struct catalog_version *v = NULL;
    struct db *db = NULL;
    TRY(store_db(s->store, NULL, &db));
    err e = query_newest_catalog(db, &a, &v);
    if (!e) e = catalog_parse(v->content, NULL, out);
    db_close(db);
    return e;
}

/* Two hundred files take longer than all else at a start: they are read on a thread while the database is opened. */
struct first_reading {
    struct server *s;
    struct problems problems;
    struct catalog *catalog;
    err code;
};

static void read_catalog(void *arg) {
    struct first_reading *r = arg;
    r->code = catalog_prove(r->s->o.catalogs, r->s->o.catalog_count, r->s->o.shipped, &r->problems, &r->catalog);
}

static err start_catalog(struct server *s, struct first_reading *r, struct why *why) {
    const struct problems *p = &r->problems;
    err e = r->code;
    s->shelf = shelf_create();
    if (e) {
        struct str first, rest;
        str_cut(buf_view(&p->text), '\n', &first, &rest);
        if (str_ends(first, STR("."))) first.len--;
        why_set(why, E_INVALID, "The catalog has %d problem%s; the first: %.*s. See `puras catalog lint`.", p->count, p->count == 1 ? "" : "s", STR_ARG(str_head(first, 300)));
        e = stored_catalog(s, &r->catalog) ? E_INVALID : OK;
        if (!e) {
            buf_str(&s->catalog_problems, buf_view(&p->text));
            char line[400], quoted[700];
            snprintf(line, sizeof line, "%.*s", STR_ARG(str_head(first, 300)));
            log_event(&s->log, LOG_WARN, "catalog.broken", "\"problems\":%d,\"first\":%s,\"kept\":\"%.*s\"", p->count, log_quote(line, quoted, sizeof quoted),
                      STR_ARG(catalog_sha256(r->catalog)));
        }
    }
    if (!e) shelf_put(s->shelf, TAKE(r->catalog), true);
    return e;
}

static err start_facts_and_catalog(struct server *s, struct why *why) {
    struct first_reading r = {.s = s};
    struct pool *reader = pool_create(s->loop, "catalog", 1, 1);
    must(pool_run(reader, read_catalog, NULL, &r) == OK);
    err e = start_facts(s, why);
    pool_destroy(reader); /* waits for it */
    if (!e) e = start_catalog(s, &r, why);
    problems_done(&r.problems);
    catalog_destroy(r.catalog);
    return e;
}

static void ignore(void *arg, const struct outcome *o) {}

static err publish_catalog(struct server *s, struct why *why) {
    const struct catalog *c = shelf_current(s->shelf);
    struct command cmd = {.kind = CMD_PUBLISH_CATALOG, .at = io_now(loop_io(s->loop))};
    cmd.publish = (struct cmd_publish){.sha256 = catalog_sha256(c), .content = catalog_content(c)};
    err e = committer_submit(s->committer, &cmd, ignore, s);
    return e ? why_set(why, e, "The catalog could not be stored.") : OK;
}

static err start_bytes(struct server *s, struct why *why) {
    char hex[65];
    TRY(drive_open(s->data_full, why, &s->drive));
    TRY(master_key_read(s, why, hex));
    s->signer = signer_create(str_of(hex));
    s->vault = vault_create(str_of(hex));
    s->notary = notary_create(str_of(hex));
    explicit_bzero(hex, sizeof hex);
    if (s->o.old_master_key) {
        TRY(master_key_file(s->o.old_master_key, why, hex));
        signer_accept(s->signer, str_of(hex));
        vault_accept(s->vault, str_of(hex));
        notary_accept(s->notary, str_of(hex));
        explicit_bzero(hex, sizeof hex);
    }
    char program[PATH_MAX];
    struct helper_options ho = {.program = shipped_helper(program, sizeof program) ? program : NULL, .at_once = s->o.renders};
    TRY(helper_start(&ho, why, &s->helper));
    return jq_start(NULL, why, &s->jq);
}

/* As it was when the call was admitted. */
static const struct model *find_model(void *self, struct str catalog, struct str slug) {
    const struct catalog *c = shelf_find(((struct server *)self)->shelf, catalog);
    return c ? catalog_find(c, slug) : NULL;
}

static void start_work(struct server *s) {
    struct upstream_options uo = {.loop = s->loop, .proxy = s->o.egress_proxy, .allowed = s->o.allowed, .allowed_count = s->o.allowed_count};
    s->upstream = upstream_create(&uo);
    s->local = local_create(s->loop, s->drive, s->helper, s->o.renders);
    local_find_models(s->local, find_model, s);
    loop_on_call(s->loop, CALL_RENDER, local_call, s->local);
    loop_on_unwanted(s->loop, CALL_RENDER, local_unwanted, s->local);
    struct remote_options ro = {.loop = s->loop, .upstream = s->upstream, .jq = s->jq, .drive = s->drive, .helper = s->helper, .signer = s->signer,
                                .atlas = s->desk->atlas, .public_url = s->public_url, .key = desk_key, .may_act = server_may_act, .arg = s};
    s->remote = remote_create(&ro);
    static const enum call_kind remotes[] = {CALL_SUBMIT, CALL_POLL, CALL_FETCH, CALL_CANCEL, CALL_LOOKUP};
    for (size_t i = 0; i < sizeof remotes / sizeof *remotes; i++) loop_on_call(s->loop, remotes[i], desk_call, s);
    loop_on_unwanted(s->loop, CALL_SUBMIT, desk_unwanted, s);
    struct engine_options eo = {.io = loop_io(s->loop), .port = server_engine_port(s), .node = str_of(s->node.id), .slots = s->o.slots, .scan_rows = OWN_WORK_ROWS,
                                .scan_every = store_is_sqlite(s->store) ? MS_SECOND : LIMIT_WAKE_SCAN_MS, .permits = s->desk->permits, .routes = s->desk->routes, .log = &s->log};
    s->engine = engine_create(&eo);
    struct ops_options oo = {.loop = s->loop, .committer = s->committer, .readers = s->readers, .drive = s->drive, .helper = s->helper, .signer = s->signer, .vault = s->vault, .notary = s->notary, .upstream = s->upstream, .allowed = s->o.allowed, .allowed_count = s->o.allowed_count, .private_addresses = (int64_t)s->o.allowed_count, .shelf = s->shelf,
                             .public_url = s->public_url, .node = str_of(s->node.id), .other_nodes = !store_is_sqlite(s->store), .log = &s->log, .engine = s,
                             .slot = server_slot, .route = desk_route, .enabled = desk_enabled, .provider_known = desk_knows, .provider_key_fits = desk_key_fits, .providers = desk_write, .hook = hooks_take_in, .metrics = server_metrics, .warnings = server_warnings};
    s->ops = ops_create(&oo);
    struct api_options ao = {.ops = s->ops, .io = loop_io(s->loop), .public_url = s->public_url, .version = PURAS_VERSION, .log = &s->log};
    s->api = api_create(&ao);
    s->hooks = hooks_create(s);
}

static void listening_host(const char *listen, char *out, size_t size) {
    const char *colon = strrchr(listen, ':');
    snprintf(out, size, "%.*s", colon ? (int)(colon - listen) : (int)strlen(listen), listen);
    if (!strcmp(out, "0.0.0.0") || !strcmp(out, "[::]") || !out[0]) snprintf(out, size, "127.0.0.1");
}

static void on_head(void *arg, struct http_req *r) { api_handle(((struct server *)arg)->api, r); }

/* host:port behind the scheme of --public-url */
static void find_public_host(struct server *s) {
    const char *url = s->o.public_url ? s->o.public_url : "", *host = strstr(url, "://");
    host = host ? host + 3 : url;
    snprintf(s->public_host, sizeof s->public_host, "%.*s", (int)strcspn(host, "/"), host);
}

static err start_socket(struct server *s, struct why *why) {
    find_public_host(s);
    const char *const own[] = {s->public_host[0] ? s->public_host : NULL, NULL};
    struct http_options ho = {.loop = s->loop, .listen = s->o.listen, .fd = s->o.listen_fd, .own_hosts = own, .proxies = s->o.proxy_count ? s->o.proxies : NULL,
                              .on_head = on_head, .on_done = request_done, .arg = s};
    TRY(http_server_create(&ho, why, &s->http));
    char host[128];
    listening_host(s->o.listen, host, sizeof host);
    if (s->o.public_url) snprintf(s->public_url, sizeof s->public_url, "%s", s->o.public_url);
    else snprintf(s->public_url, sizeof s->public_url, "http://%s:%d", host, http_server_port(s->http));
    size_t n = strlen(s->public_url);
    if (n && s->public_url[n - 1] == '/') s->public_url[n - 1] = 0;
    return OK;
}

static err resolve_folder(struct server *s, struct why *why) {
    _cleanup_(freep) char *path = realpath(s->o.data, NULL);
    if (!path) return why_set(why, E_IO, "The folder %s cannot be resolved: %s.", s->o.data, strerror(errno));
    size_t n = strlen(path);
    if (n >= sizeof s->data_full) return why_set(why, E_INVALID, "The data folder's path is longer than %d bytes; choose a shorter one.", DATA_PATH_MAX - 1);
    memcpy(s->data_full, path, n + 1);
    return OK;
}

err server_start(const struct serve_options *o, struct why *why, struct server **out) {
    struct server *s = calloc(1, sizeof *s);
    must(s);
    s->o = *o;
    s->loop = loop_create();
    s->log = (struct logger){.fd = 2, .least = o->log_level, .now = log_now, .now_arg = s};
    err e = folder_prepare(o->data, why);
    if (!e) e = resolve_folder(s, why);
    if (!e) e = start_facts_and_catalog(s, why);
    if (!e) e = start_bytes(s, why);
    if (!e) e = desk_start(s, why);
    if (!e) e = start_socket(s, why); /* before the work starts: links name the port */
    if (!e) {
        start_work(s);
        e = publish_catalog(s, why);
        s->watch = watch_start(s, buf_view(&s->catalog_problems));
    }
    if (e) {
        server_stop(s);
        return e;
    }
    *out = s;
    return OK;
}

void server_run(struct server *s) {
    engine_start(s->engine);
    desk_run(s->desk);
    upkeep_start(s);
    while (!s->draining || s->http) loop_run(s->loop);
}

/* --- the end --- */

enum { DRAIN_LOOK_MS = 50 };

static void drain_ends(struct server *s) {
    struct io *io = loop_io(s->loop);
    io->ops->timer_stop(io, s->drain_tick);
    io->ops->timer_stop(io, s->drain_look);
    s->drain_tick = s->drain_look = NULL;
    http_server_destroy(s->http);
    s->http = NULL;
    loop_stop(s->loop);
}

/* Every connection has ended, and every submit that had left has its answer in the books. */
static void drain_looks(void *arg) {
    struct server *s = arg;
    struct io *io = loop_io(s->loop);
    s->drain_look = NULL;
    if (s->callers_gone && engine_drained(s->engine)) drain_ends(s);
    else s->drain_look = io->ops->timer_start(io, DRAIN_LOOK_MS, drain_looks, s);
}

static void drained(void *arg) {
    struct server *s = arg;
    s->callers_gone = true;
    if (engine_drained(s->engine)) drain_ends(s);
}

static void drain_is_over(void *arg) {
    struct server *s = arg;
    s->drain_tick = NULL;
    if (!engine_drained(s->engine)) log_event(&s->log, LOG_WARN, "server.drain_ended", "\"detail\":\"Submits were under way whose answers did not come in time.\"");
    if (s->http) drain_ends(s);
}

void server_drain(struct server *s) {
    if (s->draining) {
        if (s->http) drain_ends(s);
        return;
    }
    s->draining = true;
    struct io *io = loop_io(s->loop);
    log_event(&s->log, LOG_INFO, "server.draining", NULL);
    engine_drain(s->engine);
    s->drain_tick = io->ops->timer_start(io, LIMIT_HTTP_DRAIN_MS - 2000, drain_is_over, s);
    s->drain_look = io->ops->timer_start(io, DRAIN_LOOK_MS, drain_looks, s);
    http_server_drain(s->http, drained, s); /* before the parked are answered: their answers say that the connection closes */
    ops_drain(s->ops);
}

void server_stop(struct server *s) {
    if (!s) return;
    struct io *io = loop_io(s->loop);
    io->ops->timer_stop(io, s->upkeep_tick);
    watch_stop(s->watch);
    desk_stop(s->desk);
    if (s->engine) engine_stop(s->engine);
    if (s->http) http_server_destroy(s->http); /* before those who answer it: nobody is left who could ask for more */
    helper_halt(s->helper);  /* a render may take minutes more; a local attempt runs again after the next start */
    local_destroy(s->local);
    remote_stop(s->remote);
    command_halt(s->commands);
    command_destroy(s->commands);
    s->commands = NULL;
    if (s->beats) pool_destroy(s->beats);
    if (s->upkeep) pool_destroy(s->upkeep);
    if (s->ops) ops_stop(s->ops);
    loop_flush(s->loop); /* what the threads were at comes back while everybody is still here */
    if (s->committer) committer_destroy(s->committer);
    if (s->readers) readers_destroy(s->readers);
    if (s->api) api_destroy(s->api);
    hooks_destroy(s->hooks);
    ops_destroy(s->ops);
    engine_destroy(s->engine);
    remote_destroy(s->remote);
    desk_free(s->desk);
    s->desk = NULL;
    upstream_destroy(s->upstream);
    jq_stop(s->jq);
    helper_stop(s->helper);
    if (s->signer) signer_destroy(s->signer);
    vault_destroy(s->vault);
    notary_destroy(s->notary);
    if (s->drive) drive_close(s->drive);
    if (s->store && s->node.id[0] && store_node_stop(s->store, &s->node)) log_event(&s->log, LOG_WARN, "node.stop_failed", NULL);
    if (s->store) store_close(s->store);
    shelf_destroy(s->shelf);
    buf_done(&s->catalog_problems);
    arena_done(&s->expired_arena);
    loop_destroy(s->loop);
    watch_free(s->watch);
    free(s);
}
