/* puras top: what waits and runs, once a second. Everything shown is asked anew. */
#include "base/cleanup.h"
#include "cmd/cli.h"
#include "cmd/progress.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { ROWS = 100, STAGE_ROWS = 12, REQUEST_MS = 5000, EVERY_MS = 1000 };

struct frame {
    int64_t pending, processing;
    bool more_pending, more_processing; /* than one page holds */
    struct table table;
    struct jw *w; /* rows as JSON, or NULL */
};
struct top {
    struct cli cli; /* its arena lives for one frame */
    int asked; /* generations whose stage this frame has asked for */
    int64_t commits, commits_at; /* of the last frame; at 0: none yet */
};

/* --- the last stage of one --- */

/* Lists do not tell it: so many are asked for one by one. A generation that has just ended has none. */
static const struct json *progress_of(struct top *t, const struct json *g) {
    if (t->asked == STAGE_ROWS) return NULL;
    t->asked++;
    _cleanup_(buf_done) struct buf path = {0};
    struct client_reply reply;
    buf_z(&path, "/v1/generations/");
    url_add_value(&path, str_of(jtext(&t->cli.a, g, "id")));
    return cli_call(&t->cli, "GET", path.ptr, STR(""), false, &reply) ? NULL : json_get(reply.json, "progress");
}

/* --- one frame --- */

static int64_t age_s(const char *iso) {
    struct tm tm = {0};
    if (!strptime(iso, "%Y-%m-%dT%H:%M:%S", &tm)) return 0;
    int64_t age = (int64_t)time(NULL) - (int64_t)timegm(&tm);
    return age > 0 ? age : 0;
}

static const char *age_text(struct arena *a, int64_t s) {
    if (s < 60) return arena_printf(a, "%lld s", (long long)s).ptr;
    if (s < 3600) return arena_printf(a, "%lld:%02lld min", (long long)s / 60, (long long)s % 60).ptr;
    return arena_printf(a, "%lld:%02lld h", (long long)s / 3600, (long long)s / 60 % 60).ptr;
}

static void add_row(struct top *t, struct frame *f, const struct json *g, bool processing) {
    struct arena *a = &t->cli.a;
    const struct json *progress = processing ? progress_of(t, g) : NULL;
    int64_t percent = -1;
    json_as_i64(json_get(progress, "percent"), &percent);
    int64_t age = age_s(jtext(a, g, "created_at"));
    const char *stage = progress ? jtext(a, progress, "stage") : jtext(a, g, "status_detail");
    if (f->w) {
        jw_open(f->w, '{');
        jw_kz(f->w, "id", jtext(a, g, "id"));
        jw_kz(f->w, "status", jtext(a, g, "status"));
        jw_kz(f->w, "model", jtext(a, g, "model"));
        jw_ki64(f->w, "age_s", age);
        jw_kz(f->w, "stage", stage);
        if (percent >= 0) jw_ki64(f->w, "percent", percent);
        jw_close(f->w, '}');
        return;
    }
    const char *done = percent >= 0 ? arena_printf(a, "%lld%%", (long long)percent).ptr : "";
    const char *cells[] = {jtext(a, g, "id"), jtext(a, g, "status"), age_text(a, age), jtext(a, g, "model"), stage, done};
    table_add(&f->table, cells);
}

static int add_state(struct top *t, struct frame *f, const char *state, int64_t *out_count, bool *out_more) {
    char path[80];
    struct client_reply reply;
    snprintf(path, sizeof path, "/v1/generations?limit=%d&state=%s", ROWS, state);
    int status = cli_call(&t->cli, "GET", path, STR(""), false, &reply);
    if (status) return status;
    const struct json *rows = json_get(reply.json, "generations");
    for (const struct json *g = rows ? rows->child : NULL; g; g = g->next) {
        add_row(t, f, g, !strcmp(state, "processing"));
        ++*out_count;
    }
    *out_more = json_is(json_get(reply.json, "next_before"), JSON_NUMBER);
    return 0;
}

/* The figure of that name in Prometheus text; 0 when it is not there. */
static int64_t figure(struct str text, const char *name) {
    struct str line;
    int64_t v;
    size_t n = strlen(name);
    while (text.len) {
        str_cut(text, '\n', &line, &text);
        if (line.len > n && line.ptr[n] == ' ' && !memcmp(line.ptr, name, n)) return str_to_i64(str_skip(line, n + 1), &v) ? v : 0;
    }
    return 0;
}

/* For operators, who hold an admin key. */
static int server_line(struct top *t, const struct frame *f, FILE *out) {
    const char *key = getenv("PURAS_API_KEY");
    struct client_reply reply;
    if (!key || !str_starts(str_of(key), STR("puras_admin_"))) return 0;
    int status = cli_call(&t->cli, "GET", "/metrics", STR(""), false, &reply);
    if (status) return status;
    int64_t now = progress_now_ms(), commits = figure(reply.body, "puras_commit_batches_total"), took = now - t->commits_at;
    int64_t tasks = figure(reply.body, "puras_tasks"), calls = figure(reply.body, "puras_calls"), queue = figure(reply.body, "puras_commit_queue");
    if (f->w) {
        jw_key(f->w, "server");
        jw_open(f->w, '{');
        jw_ki64(f->w, "tasks", tasks);
        jw_ki64(f->w, "calls", calls);
        jw_ki64(f->w, "commits", commits);
        jw_ki64(f->w, "commit_queue", queue);
        jw_close(f->w, '}');
    } else {
        fprintf(out, "server   %lld tasks, %lld calls, %lld commits", (long long)tasks, (long long)calls, (long long)commits);
        if (t->commits_at && took > 0 && commits >= t->commits) fprintf(out, " (%.1f a second)", (double)(commits - t->commits) * 1000 / (double)took);
        fprintf(out, ", %lld in the queue\n", (long long)queue);
    }
    t->commits = commits;
    t->commits_at = now;
    return 0;
}

static int show(struct top *t, FILE *out) {
    static const char *const titles[] = {"=id", "state", ">age", "model", "stage", ">done"};
    struct arena *a = &t->cli.a;
    _cleanup_(buf_done) struct buf json = {0};
    struct jw w = {.out = &json};
    struct frame f = {.table = {.a = a, .columns = 6, .titles = titles}, .w = t->cli.json ? &w : NULL};
    struct client_reply reply;
    t->asked = 0;
    jw_open(&w, '{');
    jw_key(&w, "generations");
    jw_open(&w, '[');
    int status = add_state(t, &f, "processing", &f.processing, &f.more_processing);
    if (!status) status = add_state(t, &f, "pending", &f.pending, &f.more_pending);
    jw_close(&w, ']');
    if (!status) status = cli_call(&t->cli, "GET", "/v1/balance", STR(""), false, &reply);
    if (status) return status;
    jw_ki64(&w, "processing", f.processing);
    jw_ki64(&w, "pending", f.pending);
    jw_kz(&w, "book", jtext(a, reply.json, "book"));
    jw_ki64(&w, "available_micros", jint(reply.json, "available_micros"));
    jw_ki64(&w, "held_micros", jint(reply.json, "held_micros"));
    if (!f.w) {
        fprintf(out, "work     %lld%s processing, %lld%s pending\n", (long long)f.processing, f.more_processing ? "+" : "", (long long)f.pending, f.more_pending ? "+" : "");
        fprintf(out, "balance  %s available, %s held in the %s book\n", usd_text(a, jint(reply.json, "available_micros")), usd_text(a, jint(reply.json, "held_micros")), jtext(a, reply.json, "book"));
    }
    status = server_line(t, &f, out);
    if (status) return status;
    jw_close(&w, '}');
    if (f.w) cli_print_raw(buf_view(&json));
    else if (f.table.rows) {
        fputc('\n', out);
        table_print(&f.table, out);
    }
    return 0;
}

/* --- the terminal --- */

struct screen {
    struct termios saved;
    bool changed;
    int signals;
};

static void screen_done(struct screen *s) {
    if (s->changed) {
        tcsetattr(STDIN_FILENO, TCSANOW, &s->saved);
        fputs("\033[?25h", stdout);
        fflush(stdout);
    }
    if (s->signals >= 0) close(s->signals);
}

/* Keys come one by one and unseen; what ends the program is read, so that the terminal is always given back as it was. */
static bool screen_take(struct screen *s) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    if (tcgetattr(STDIN_FILENO, &s->saved) || sigprocmask(SIG_BLOCK, &set, NULL)) return false;
    s->signals = signalfd(-1, &set, SFD_CLOEXEC);
    struct termios raw = s->saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    s->changed = s->signals >= 0 && tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    if (s->changed) fputs("\033[2J\033[?25l", stdout); /* no second screen: why it ended must stay to be read */
    return s->changed;
}

/* True: the time has passed. False: somebody wants to leave. */
static bool screen_wait(const struct screen *s) {
    int64_t end = progress_now_ms() + EVERY_MS, left;
    while ((left = end - progress_now_ms()) > 0) {
        struct pollfd p[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = s->signals, .events = POLLIN}};
        char key = 0;
        if (poll(p, 2, (int)left) <= 0) continue;
        if (p[1].revents || (p[0].revents && (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q'))) return false;
    }
    return true;
}

static int screen_height(void) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 4 ? size.ws_row : 24;
}

/* The frame is made apart and put on the screen as one, with as many lines as it has room for. */
static int draw(struct top *t) {
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    must(f);
    int status = show(t, f);
    fclose(f);
    struct str rest = {.ptr = text, .len = size}, line;
    int width = terminal_width(stdout);
    if (!status) fputs("\033[H", stdout);
    for (int lines = screen_height() - 2; !status && rest.len && lines > 0; lines--) {
        str_cut(rest, '\n', &line, &rest);
        while (line.len && (int)str_code_points(line) > width) line.len--;
        printf("%.*s\033[K\n", STR_ARG(line));
    }
    if (!status) fputs("\033[Jq leaves\n", stdout);
    fflush(stdout);
    free(text);
    return status;
}

static int watch(struct top *t) {
    _cleanup_(screen_done) struct screen s = {.signals = -1};
    if (!screen_take(&s)) return show(t, stdout);
    client_watch(t->cli.client, s.signals);
    int status;
    do {
        status = draw(t);
        arena_reset(&t->cli.a);
    } while (!status && screen_wait(&s));
    return status;
}

static void top_done(struct top *t) { cli_done(&t->cli); }

int cmd_top(int argc, char **argv) {
    _cleanup_(top_done) struct top t = {.cli = {.timeout = REQUEST_MS}};
    struct words args;
    bool once = false;
    const struct opt opts[] = {
        {'1', "once", NULL, "print one frame and end", .flag = &once},
        {0, "json", NULL, "print one frame as JSON and end", .flag = &t.cli.json},
        {0},
    };
    const struct usage u = {"top [--once] [--json]",
                            "Shows what waits and runs in the project, with age, model and last stage, and the balance, anew each second;\n"
                            "with an admin key the server's figures too. q or Ctrl-C leaves. Not on a terminal: one frame.", opts, 0, 0};
    int status;
    if (!cli_parse(&u, argc, argv, &t.cli.a, &args, &status)) return status;
    status = cli_connect(&t.cli, true);
    if (status) return status;
    bool live = !once && !t.cli.json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    return live ? watch(&t) : show(&t, stdout);
}
