/* puras serve: options, the first words to the operator, signals. */
#include "cmd/cli.h"
#include "cmd/server.h"

#include "base/cleanup.h"
#include "base/limits.h"

#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

static bool read_count(const char *name, int64_t given, int max, int *out) {
    if (given < 1 || given > max) {
        fprintf(stderr, "puras serve: --%s takes a number from 1 to %d\n", name, max);
        return false;
    }
    *out = (int)given;
    return true;
}

static bool read_list(const char *what, const struct words *given, size_t most, const char **list, size_t *count) {
    for (int i = 0; i < given->count; i++) {
        if (*count == most) {
            fprintf(stderr, "puras serve: at most %zu %s\n", most, what);
            return false;
        }
        list[(*count)++] = given->at[i];
    }
    return true;
}

/* Addresses, several of them in one word with commas between. */
static bool read_private(const struct words *given, struct serve_options *o) {
    for (int i = 0; i < given->count; i++) {
        struct str rest = str_of(given->at[i]), one;
        for (bool more = true; more;) {
            struct why why = {};
            more = str_cut(rest, ',', &one, &rest);
            if (o->allowed_count == PRIVATE_MAX) why_set(&why, E_INVALID, "At most %d addresses can be given.", PRIVATE_MAX);
            else if (!egress_address_read(one, &why, &o->allowed[o->allowed_count])) o->allowed_count++;
            if (!why.code) continue;
            fprintf(stderr, "puras serve: --allow-private: %s\n", why_text(&why));
            return false;
        }
    }
    return true;
}

static bool read_proxy(const struct serve_options *o) {
    _cleanup_(arena_done) struct arena a = {};
    struct egress_url u;
    struct why why = {};
    if (!o->egress_proxy || !egress_url_read(str_of(o->egress_proxy), STR(""), &a, &why, &u)) return true;
    fprintf(stderr, "puras serve: --egress-proxy: %s\n", why_text(&why));
    return false;
}

/* True: start. False: *out_status says how to exit. */
static bool read_options(int argc, char **argv, struct arena *a, struct serve_options *o, int *out_status) {
    struct words args, catalogs = {0}, proxies = {0}, private = {0}, bases = {0};
    int64_t slots = o->slots, renders = o->renders;
    bool quiet = false;
    const struct opt opts[] = {
        {'d', "data", "DIR", "data folder (default: ./puras-data)", .text = &o->data},
        {'l', "listen", "HOST:PORT", "where to listen (default: 127.0.0.1:8080; port 0 picks a free one)", .text = &o->listen},
        {'D', "database", "URL", "postgres://... for many nodes (default: SQLite in the data folder)", .text = &o->database},
        {'c', "catalog", "DIR", "a folder of your own models beside the shipped ones (repeatable)", .list = &catalogs},
        {'u', "public-url", "URL", "how clients reach this server; links are built from it", .text = &o->public_url},
        {'p', "proxy", "ADDRESS", "a reverse proxy whose X-Forwarded-For is believed (repeatable)", .list = &proxies},
        {'a', "allow-private", "ADDRESS", "private addresses, as 10.0.0.5 or 10.0.0.5:9000, to which links of callers may lead (commas, repeatable; default: none)", .list = &private},
        {'e', "egress-proxy", "URL", "http://HOST:PORT through which other servers are reached by CONNECT (default: directly)", .text = &o->egress_proxy},
        {0, "provider-base", "NAME=URL", "calls for this provider go to URL, private addresses too (repeatable)", .list = &bases},
        {0, "old-master-key", "FILE", "the master key before this one: what it sealed is sealed anew, what it signed still counts", .text = &o->old_master_key},
        {'s', "slots", "N", "generations this node works on at once (default: 256)", .number = &slots},
        {'r', "renders", "N", "local renders at once (default: 4)", .number = &renders},
        {'q', "quiet", NULL, "log warnings and errors only", .flag = &quiet},
        {0},
    };
    const struct usage u = {"serve [--data DIR] [--listen HOST:PORT] [options]",
                            "Starts the server. An empty folder gets everything it needs: database, keys, first credit.", opts, 0, 0};
    if (!cli_parse(&u, argc, argv, a, &args, out_status)) return false;
    *out_status = 2;
    if (quiet) o->log_level = LOG_WARN;
    return read_count("slots", slots, 1000000, &o->slots) && read_count("renders", renders, 64, &o->renders) &&
           read_list("catalog folders", &catalogs, CATALOG_FOLDERS_MAX, o->catalogs, &o->catalog_count) &&
           read_list("proxies", &proxies, PROXIES_MAX, o->proxies, &o->proxy_count) && read_list("bases", &bases, BASES_MAX, o->bases, &o->base_count) && read_private(&private, o) && read_proxy(o);
}

/* Socket activation: the service manager hands over the listening socket as descriptor 3. */
static int handed_over(void) {
    const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
    int64_t count, ours;
    if (!fds || !pid || !str_to_i64(str_of(fds), &count) || !str_to_i64(str_of(pid), &ours)) return -1;
    return ours == getpid() && count >= 1 ? 3 : -1;
}

/* Every parked caller holds a descriptor. The soft limit is low for the sake of programs that use select(); this one does not. */
static void raise_descriptors(void) {
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur == l.rlim_max) return;
    l.rlim_cur = l.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &l)) fputs("puras serve: the limit of open files could not be raised\n", stderr);
}

static void say_hello(const struct server *s, const struct credentials *c, bool first) {
    printf("puras %s listening on %s\n", PURAS_VERSION, s->public_url);
    if (first) {
        printf("\nA new server: project %s with 10 USD of live and 100 USD of test credit.\n", c->project);
        printf("Its keys are in %s/credentials.json, which only you can read.\n", s->data_full);
    }
    if (c->live_key[0])
        printf("\nTry it:\n  export PURAS_API_BASE=%s\n  export PURAS_API_KEY=$(sed -n 's/.*\"live_key\": \"\\(.*\\)\".*/\\1/p' %s/credentials.json)\n"
               "  puras run puras/sketch -i prompt='two red bicycles at sunset' -o picture.png\n",
               s->public_url, s->data_full);
    fflush(stdout);
}

struct signals {
    struct server *server;
    uv_signal_t term, intr;
};

static void signalled(uv_signal_t *handle, int number) { server_drain(((struct signals *)handle->data)->server); }

static void watch_signals(struct signals *sig, struct server *s) {
    sig->server = s;
    uv_signal_init(loop_uv(s->loop), &sig->term);
    uv_signal_init(loop_uv(s->loop), &sig->intr);
    sig->term.data = sig->intr.data = sig;
    uv_signal_start(&sig->term, signalled, SIGTERM);
    uv_signal_start(&sig->intr, signalled, SIGINT);
    uv_unref((uv_handle_t *)&sig->term);
    uv_unref((uv_handle_t *)&sig->intr);
}

/* Buffers of answers come and go by the megabyte, on many threads. Left to itself the allocator takes ever larger ones from its heaps, where
 * holes between small blocks keep them: with these two they go back to the system when they are freed. */
static void tame_allocator(void) {
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    mallopt(M_ARENA_MAX, 2);
}

int cmd_serve(int argc, char **argv) {
    struct serve_options o = {.data = "puras-data", .listen = "127.0.0.1:8080", .slots = 256, .renders = LIMIT_RENDERS_AT_ONCE, .listen_fd = handed_over(), .log_level = LOG_INFO};
    char shipped[PATH_MAX];
    bool have_shipped = shipped_catalog(shipped, sizeof shipped);
    if (have_shipped) o.catalogs[o.catalog_count++] = o.shipped = shipped;
    _cleanup_(arena_done) struct arena words = {0};
    int status;
    if (!read_options(argc, argv, &words, &o, &status)) return status;
    if (!have_shipped) fputs("puras serve: the shipped catalog is not beside the program; only folders given with --catalog are served\n", stderr);
    signal(SIGPIPE, SIG_IGN);
    tame_allocator();
    raise_descriptors();

    struct server *s = NULL;
    struct why why = {};
    struct credentials c = {};
    bool first = false;
    err e = server_start(&o, &why, &s);
    if (!e) e = credentials_prepare(s, &why, &c, &first);
    if (!e && c.live_key[0]) e = credentials_write_url(s, &c, &why);
    if (e) {
        why.code = e;
        fprintf(stderr, "puras serve: %s\n", why_text(&why));
        server_stop(s);
        return err_info(e)->exit_status;
    }
    struct signals sig;
    watch_signals(&sig, s);
    say_hello(s, &c, first);
    log_event(&s->log, LOG_INFO, "server.started", "\"url\":\"%s\",\"node\":\"%s\"", s->public_url, s->node.id);
    server_run(s);
    log_event(&s->log, LOG_INFO, "server.stopped", NULL);
    uv_close((uv_handle_t *)&sig.term, NULL);
    uv_close((uv_handle_t *)&sig.intr, NULL);
    server_stop(s);
    return 0;
}
