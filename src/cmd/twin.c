/* puras twin: the stand-in for providers as a program. */
#include "cmd/cli.h"
#include "cmd/server.h"

#include "base/cleanup.h"
#include "base/limits.h"
#include "twin/twin.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct stopping {
    struct loop *loop;
    uv_signal_t term, intr;
};

static void signalled(uv_signal_t *handle, int number) { loop_stop(((struct stopping *)handle->data)->loop); }

static void watch_signals(struct stopping *s) {
    uv_signal_init(loop_uv(s->loop), &s->term);
    uv_signal_init(loop_uv(s->loop), &s->intr);
    s->term.data = s->intr.data = s;
    uv_signal_start(&s->term, signalled, SIGTERM);
    uv_signal_start(&s->intr, signalled, SIGINT);
}

static int complain(const struct why *why) {
    fprintf(stderr, "puras twin: %s\n", why_text(why));
    return err_info(why->code)->exit_status;
}

int cmd_twin(int argc, char **argv) {
    const char *listen = "127.0.0.1:8099";
    const struct opt opts[] = {{'l', "listen", "HOST:PORT", "where to listen (default: 127.0.0.1:8099; port 0 picks a free one)", .text = &listen}, {0}};
    const struct usage u = {"twin [--listen HOST:PORT]",
                            "Stands in for fal, Replicate, OpenAI, Google, Ark and Kling: speaks their protocols under /fal, /replicate, /openai, /google,\n"
                            "/ark and /kling, makes real files on this machine, and can be told to misbehave (docs/TWIN.md).", opts, 0, 0};
    _cleanup_(arena_done) struct arena a = {0};
    struct words args;
    struct why why = {};
    int status;
    if (!cli_parse(&u, argc, argv, &a, &args, &status)) return status;
    char folder[] = "/tmp/puras-twin-XXXXXX", program[PATH_MAX];
    struct helper *helper = NULL;
    struct twin_server *twin = NULL;
    if (!mkdtemp(folder)) return fprintf(stderr, "puras twin: no folder for its files can be made in /tmp\n"), 1;
    struct helper_options ho = {.program = shipped_helper(program, sizeof program) ? program : NULL};
    struct stopping s = {.loop = loop_create()};
    struct twin_server_options o = {.loop = s.loop, .listen = listen, .folder = folder};
    err e = helper_start(&ho, &why, &helper);
    o.helper = helper;
    if (!e) e = twin_server_start(&o, &why, &twin);
    if (!e) {
        watch_signals(&s);
        printf("puras twin listening on http://127.0.0.1:%d\n", twin_server_port(twin));
        fflush(stdout);
        loop_run(s.loop);
        uv_close((uv_handle_t *)&s.term, NULL);
        uv_close((uv_handle_t *)&s.intr, NULL);
        helper_halt(helper);
    }
    twin_server_stop(twin);
    helper_stop(helper);
    loop_destroy(s.loop);
    rmdir(folder);
    return e ? complain(&why) : 0;
}
