/* puras run: submit, follow the events, fetch the file, print the receipt. The generation goes on when this program ends early;
 * every message that gives up says how to come back to it. */
#include "base/cleanup.h"
#include "client/follow.h"
#include "cmd/attach.h"
#include "cmd/cli.h"
#include "cmd/inputs.h"
#include "cmd/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct run {
    struct cli cli;
    const char *model, *file, *path, *url_path, *webhook, *metadata, *end_user;
    int64_t wait_s; /* 0: until it ends */
    bool async;
    char id[40];
    micros held;
    struct progress progress;
    bool left;   /* the person went and left it running */
    int signals; /* where Ctrl-C is read; 0: it ends this program */
};

/* From here on Ctrl-C is read, not suffered. */
static void catch_interrupts(struct run *r) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return;
    r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    client_watch(r->cli.client, r->signals);
}

/* True once for each Ctrl-C. */
static bool was_interrupted(struct run *r) {
    struct signalfd_siginfo info;
    return r->signals > 0 && read(r->signals, &info, sizeof info) == sizeof info;
}

/* --- following --- */

static bool on_step(void *arg, const char *stage, int64_t percent) {
    struct run *r = arg;
    progress_show(&r->progress, safe_text(&r->cli.a, str_of(stage)), percent);
    return true;
}

/* Asked after the first Ctrl-C. True: cancel it. On no terminal, at a second Ctrl-C or at the end of input it is left running. */
static bool asked_to_cancel(struct run *r) {
    progress_end(&r->progress);
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) return false;
    char answer = 0;
    fprintf(stderr, "puras: generation %s is running. [c]ancel or [l]eave running? ", r->id);
    while (answer != 'c' && answer != 'l') {
        struct pollfd p[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = r->signals, .events = POLLIN}};
        char typed[64];
        if (poll(p, 2, -1) <= 0 || was_interrupted(r) || read(STDIN_FILENO, typed, sizeof typed) <= 0) break;
        answer = (char)(typed[0] | 0x20);
    }
    if (answer != 'c') fputc('\n', stderr);
    return answer == 'c';
}

/* After a cancel the stream is read on: its end may be a file after all. */
static err interrupted(struct run *r, struct why *why) {
    if (!asked_to_cancel(r)) {
        r->left = true;
        return why_set(why, E_STILL_RUNNING, "Left running.");
    }
    char path[120];
    struct client_reply reply;
    snprintf(path, sizeof path, "/v1/generations/%s/cancel", r->id);
    struct client_request q = {.method = "POST", .path = path, .body = STR("{}")};
    err e = client_request(r->cli.client, &q, &r->cli.a, why, &reply);
    return e == E_CONFLICT ? OK : e; /* it has just ended */
}

static err go_on(void *arg, struct why *why) {
    struct run *r = arg;
    return was_interrupted(r) ? interrupted(r, why) : OK;
}

/* --- the file --- */

/* "a/b.png", 2 -> "a/b-2.png" */
static const char *numbered(struct arena *a, const char *file, uint32_t n) {
    if (n == 1) return file;
    const char *slash = strrchr(file, '/'), *dot = strrchr(slash ? slash : file, '.');
    if (!dot || dot == (slash ? slash + 1 : file)) dot = file + strlen(file);
    return arena_printf(a, "%.*s-%u%s", (int)(dot - file), file, n, dot).ptr;
}

/* Into FILE.part first, so that FILE is whole or not there. */
static err fetch(struct run *r, const struct json *output, const char *file, struct why *why) {
    struct arena *a = &r->cli.a;
    struct str drive_path = {0}, expected = {0};
    json_as_str(json_get(output, "drive_path"), &drive_path);
    json_as_str(json_get(output, "sha256"), &expected);
    if (!drive_path.len) return why_set(why, E_NOT_FOUND, "The generation has no file in the drive any more: another one has taken its path.");
    const char *part = arena_printf(a, "%s.part", file).ptr;
    _cleanup_(closep) int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return why_set(why, E_INVALID, "%s cannot be written: %s. The file stays in the drive.", part, strerror(errno));
    _cleanup_(buf_done) struct buf url = {0};
    buf_z(&url, "/v1/drive/files/");
    url_add_path(&url, drive_path);
    int64_t bytes;
    char sha256[65];
    err e = client_download(r->cli.client, url.ptr, fd, why, &bytes, sha256);
    if (!e && expected.len && !str_is(expected, sha256)) e = why_set(why, E_CORRUPT, "The file arrived changed: its sha256 is not the one the server names.");
    if (!e && rename(part, file) != 0) e = why_set(why, E_INVALID, "%s cannot be written: %s.", file, strerror(errno));
    if (e) unlink(part);
    return e;
}

static int fetch_all(struct run *r, const struct json *g) {
    const struct json *outputs = json_get(g, "outputs");
    struct why why = {0};
    uint32_t n = 1;
    for (const struct json *o = outputs ? outputs->child : NULL; o; o = o->next, n++) {
        if (fetch(r, o, numbered(&r->cli.a, r->file, n), &why)) {
            int status = cli_fail(&r->cli, &why);
            fprintf(stderr, "puras: the file is made and paid for; fetch it with `puras drive get %s`.\n", jtext(&r->cli.a, o, "drive_path"));
            return status;
        }
    }
    return 0;
}

/* --- the receipt --- */

static void print_stages(struct arena *a, const struct json *g) {
    const struct json *stages = json_get(g, "stages");
    if (!stages || !stages->child) return;
    printf("%-10s", "stages");
    for (const struct json *s = stages->child; s; s = s->next) {
        const char *name = jtext(a, s, "name");
        if (s->next) printf("%s %.3f s, ", name, (double)jint(s, "ms") / 1000);
        else printf("%s\n", name);
    }
}

static void line(const char *name, const char *value) {
    if (value && *value) printf("%-10s%s\n", name, value);
}

static void print_outputs(struct run *r, const struct json *g) {
    struct arena *a = &r->cli.a;
    const struct json *outputs = json_get(g, "outputs");
    uint32_t n = 1;
    for (const struct json *o = outputs ? outputs->child : NULL; o; o = o->next, n++) {
        if (r->file) line("file", numbered(a, r->file, n));
        line("drive", jtext(a, o, "drive_path"));
        const char *type = jtext(a, o, "media_type");
        if (jint(o, "width")) type = arena_printf(a, "%s, %lld x %lld, %s", type, (long long)jint(o, "width"), (long long)jint(o, "height"), bytes_text(a, jint(o, "file_size"))).ptr;
        line("type", type);
        line("sha256", jtext(a, o, "sha256"));
        line("url", jtext(a, o, "url"));
    }
}

static void receipt(struct run *r, const struct json *g) {
    struct arena *a = &r->cli.a;
    line("model", jtext(a, g, "model"));
    line("id", jtext(a, g, "id"));
    line("quoted", amount_text(a, jint(g, "quoted_micros")));
    line("held", amount_text(a, r->held));
    line("billed", amount_text(a, jint(g, "billed_micros")));
    line("row", jtext(a, json_get(g, "price_row"), "why"));
    print_stages(a, g);
    const struct json *made = json_get(json_get(g, "meta"), "metrics");
    for (const struct json *m = made ? made->child : NULL; m; m = m->next)
        if (m->type == JSON_NUMBER) printf("%-10s%s %s\n", m == made->child ? "metrics" : "", safe_text(a, m->key), safe_text(a, m->text));
    print_outputs(r, g);
    line("text", jtext(a, g, "text"));
}

/* --- the whole --- */

static int submit(struct run *r, struct str body) {
    struct client_reply reply;
    int status = cli_call(&r->cli, "POST", "/v1/generations", body, true, &reply);
    if (status) return status;
    snprintf(r->id, sizeof r->id, "%s", jtext(&r->cli.a, reply.json, "id"));
    if (!r->id[0]) return cli_say(&r->cli, E_UPSTREAM, "The server at %s took the call but named no generation.", client_base(r->cli.client));
    r->held = jint(reply.json, "held_micros");
    if (!r->held) r->held = jint(reply.json, "quoted_micros"); /* it had ended before the answer was written */
    if (!r->async) return 0;
    if (r->cli.json) cli_print_raw(reply.body);
    else printf("%s\n", r->id);
    return 0;
}

static int ended(struct run *r) {
    struct client_reply reply;
    char path[120];
    snprintf(path, sizeof path, "/v1/generations/%s", r->id);
    int status = cli_call(&r->cli, "GET", path, STR(""), false, &reply);
    if (status) return status;
    const struct json *g = reply.json, *error = json_get(g, "error");
    struct str state = {0};
    json_as_str(json_get(g, "status"), &state);
    bool completed = str_is(state, "completed"), has_files = completed && !json_is(error, JSON_OBJECT); /* not: billed, and its path hides them */
    if (has_files && r->file) status = fetch_all(r, g);
    if (r->cli.json) cli_print_raw(reply.body);
    else if (completed) receipt(r, g);
    if (has_files) return status;
    const char *code = jtext(&r->cli.a, error, "code"), *detail = jtext(&r->cli.a, error, "detail");
    err e = str_is(state, "cancelled") ? E_CANCELLED : err_by_code(code); /* a cancel is no error of the generation's own */
    if (e == OK) e = E_UPSTREAM;
    fprintf(stderr, "puras: %s: %s\n", completed ? code : jtext(&r->cli.a, g, "status"), *detail ? detail : err_info(e)->text);
    micros billed = jint(g, "billed_micros");
    if (billed || !strstr(detail, "othing was charged")) fprintf(stderr, "puras: %s was charged.\n", amount_text(&r->cli.a, billed));
    return err_info(e)->exit_status;
}

static bool has_file(const struct words *inputs) {
    for (int i = 0; i < inputs->count; i++) {
        const char *value = strchr(inputs->at[i], '=');
        if (value && value[1] == '@' && value[2] != '@') return true;
    }
    return false;
}

static int run(struct run *r, struct words *inputs) {
    struct why why = {0};
    struct json *metadata = NULL;
    _cleanup_(buf_done) struct buf body = {0};
    if (r->metadata && (json_parse(str_of(r->metadata), &r->cli.a, NULL, &metadata) || metadata->type != JSON_OBJECT))
        return cli_say(&r->cli, E_INVALID, "--metadata must be a JSON object, for example '{\"order\":7}'.");
    bool named = has_file(inputs); /* what the words mean is known when the server has told which inputs are files */
    if (!named && inputs_body(r->model, inputs, &body, &why)) return cli_fail(&r->cli, &why);
    int status = cli_connect(&r->cli, true);
    if (!status && named) status = attach_files(&r->cli, r->model, inputs);
    if (status) return status;
    if (named && inputs_body(r->model, inputs, &body, &why)) return cli_fail(&r->cli, &why);
    struct jw w = {.out = &body, .comma = true};
    if (r->path) jw_kz(&w, "output_path", r->path);
    if (r->url_path) jw_kz(&w, "output_url_path", r->url_path);
    if (r->webhook) jw_kz(&w, "webhook_url", r->webhook);
    if (r->metadata) jw_kraw(&w, "metadata", str_of(r->metadata));
    if (r->end_user) jw_kz(&w, "end_user", r->end_user);
    jw_close(&w, '}');
    progress_begin(&r->progress, r->cli.json);
    status = submit(r, buf_view(&body));
    if (status || r->async) return status;
    catch_interrupts(r);
    struct follow f = {.id = r->id, .at_most = r->wait_s * MS_SECOND, .on_step = on_step, .go_on = go_on, .arg = r};
    err e = client_follow(r->cli.client, &f, &why);
    progress_end(&r->progress);
    if (e && r->left) {
        printf("%s\n", r->id);
        fprintf(stderr, "puras: left running; look with `puras generations %s`.\n", r->id);
        return err_info(e)->exit_status;
    }
    if (e) {
        status = cli_fail(&r->cli, &why);
        fprintf(stderr, "puras: the generation goes on; look with `puras generations %s`.\n", r->id);
        return status;
    }
    return ended(r);
}

static void run_done(struct run *r) {
    if (r->signals > 0) close(r->signals);
    cli_done(&r->cli);
}

int cmd_run(int argc, char **argv) {
    _cleanup_(run_done) struct run r = {0};
    struct words inputs = {0}, args;
    const struct opt opts[] = {
        {'i', "input", "KEY=VALUE", "an input, also without -i; VALUE is JSON or else a string, @FILE is a file: its text, or the file itself where the model takes one; repeatable", .list = &inputs},
        {'o', "output", "FILE", "write the made file here (the second to NAME-2.EXT, ...)", .text = &r.file},
        {0, "metadata", "JSON", "an object of your own, shown again with the generation", .text = &r.metadata},
        {0, "end-user", "NAME", "whom you act for; in filters and sums of usage", .text = &r.end_user},
        {'p', "path", "PATH", "where the drive shows it (default media/ID.EXT)", .text = &r.path},
        {0, "output-url-path", "PATH", "where its link stands in the provider's answer, when it is not found by itself", .text = &r.url_path},
        {0, "webhook-url", "URL", "told of its end, signed by the secret of `puras webhooks secret`", .text = &r.webhook},
        {0, "async", NULL, "print the generation's id and do not wait", .flag = &r.async},
        {0, "wait", "S", "wait at most S seconds; the generation goes on (exit status 6)", .number = &r.wait_s},
        {0, "json", NULL, "print the server's answer instead of a receipt", .flag = &r.cli.json},
        {0},
    };
    const struct usage u = {"run MODEL [KEY=VALUE]... [-o FILE] [--async] [--wait S] [--json]",
                            "Runs a model, shows its stages, fetches the file and prints a receipt:\n"
                            "what was quoted, held and billed, by which row of the price, and where the file is.",
                            opts, 1, -1};
    int status;
    struct why why = {0};
    if (!cli_parse(&u, argc, argv, &r.cli.a, &args, &status)) return status;
    if (inputs_take(&args, &inputs, &r.cli.a, &why)) return cli_fail(&r.cli, &why);
    r.model = args.at[0];
    return run(&r, &inputs);
}
