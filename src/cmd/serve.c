/* puras serve: options, the first words to the operator, signals. */
#include "cmd/cli.h"
#include "cmd/server.h"

#include "base/limits.h"

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>

static const char usage[] =
    "usage: puras serve [--data DIR] [--listen HOST:PORT] [options]\n"
    "\n"
    "Starts the server. An empty folder gets everything it needs: database, keys, first credit.\n"
    "\n"
    "  --data DIR         data folder (default: ./puras-data)\n"
    "  --listen HOST:PORT where to listen (default: 127.0.0.1:8080; port 0 picks a free one)\n"
    "  --database URL     postgres://... for many nodes (default: SQLite in the data folder)\n"
    "  --catalog DIR      a folder of your own models beside the shipped ones (repeatable)\n"
    "  --public-url URL   how clients reach this server; links are built from it\n"
    "  --proxy ADDRESS    a reverse proxy whose X-Forwarded-For is believed (repeatable)\n"
    "  --slots N          generations this node works on at once (default: 256)\n"
    "  --renders N        local renders at once (default: 4)\n"
    "  --quiet            log warnings and errors only\n";

static bool read_count(const char *name, const char *text, int max, int *out) {
    int64_t v;
    if (!str_to_i64(str_of(text), &v) || v < 1 || v > max) {
        fprintf(stderr, "puras serve: --%s takes a number from 1 to %d\n", name, max);
        return false;
    }
    *out = (int)v;
    return true;
}

static int read_options(int argc, char **argv, struct serve_options *o) {
    static const struct option longs[] = {{"data", 1, NULL, 'd'},    {"listen", 1, NULL, 'l'},  {"database", 1, NULL, 'D'}, {"catalog", 1, NULL, 'c'}, {"public-url", 1, NULL, 'u'},
                                          {"proxy", 1, NULL, 'p'}, {"slots", 1, NULL, 's'},   {"renders", 1, NULL, 'r'}, {"quiet", 0, NULL, 'q'},    {"help", 0, NULL, 'h'},    {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "d:l:D:c:u:p:s:r:qh", longs, NULL)) != -1;) switch (c) {
        case 'd': o->data = optarg; break;
        case 'l': o->listen = optarg; break;
        case 'D': o->database = optarg; break;
        case 'u': o->public_url = optarg; break;
        case 'q': o->log_level = LOG_WARN; break;
        case 's':
            if (!read_count("slots", optarg, 1000000, &o->slots)) return 2;
            break;
        case 'r':
            if (!read_count("renders", optarg, 64, &o->renders)) return 2;
            break;
        case 'c':
            if (o->catalog_count == CATALOG_FOLDERS_MAX) {
                fprintf(stderr, "puras serve: at most %d catalog folders\n", CATALOG_FOLDERS_MAX);
                return 2;
            }
            o->catalogs[o->catalog_count++] = optarg;
            break;
        case 'p':
            if (o->proxy_count == PROXIES_MAX) {
                fprintf(stderr, "puras serve: at most %d proxies\n", PROXIES_MAX);
                return 2;
            }
            o->proxies[o->proxy_count++] = optarg;
            break;
        case 'h': fputs(usage, stdout); return -1;
        default: fputs(usage, stderr); return 2;
        }
    if (optind < argc) {
        fprintf(stderr, "puras serve: '%s' is not an option\n%s", argv[optind], usage);
        return 2;
    }
    return 0;
}

/* Socket activation: the service manager hands over the listening socket as descriptor 3. */
static int handed_over(void) {
    const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
    int64_t count, ours;
    if (!fds || !pid || !str_to_i64(str_of(fds), &count) || !str_to_i64(str_of(pid), &ours)) return -1;
    return ours == getpid() && count >= 1 ? 3 : -1;
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

int cmd_serve(int argc, char **argv) {
    struct serve_options o = {.data = "puras-data", .listen = "127.0.0.1:8080", .slots = 256, .renders = LIMIT_RENDERS_AT_ONCE, .listen_fd = handed_over(), .log_level = LOG_INFO};
    char shipped[PATH_MAX];
    if (shipped_catalog(shipped, sizeof shipped)) o.catalogs[o.catalog_count++] = shipped;
    else fputs("puras serve: the shipped catalog is not beside the program; only folders given with --catalog are served\n", stderr);
    int usage_error = read_options(argc, argv, &o);
    if (usage_error) return usage_error < 0 ? 0 : usage_error;
    signal(SIGPIPE, SIG_IGN);

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
