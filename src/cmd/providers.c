/* puras providers: what stands behind the models, the keys to use there, and what is paused. */
#include "base/cleanup.h"
#include "cmd/cli.h"

#include <errno.h>
#include <termios.h>
#include <unistd.h>

enum { DAY_CHARS = 10 }; /* of a moment: 2027-03-01 */

static const char *breaker_text(struct arena *a, const struct json *p) {
    const char *word = jtext(a, p, "breaker");
    const struct json *open = json_get(p, "open_routes");
    return !strcmp(word, "partly_open") && open ? arena_printf(a, "open for %u", (unsigned)open->count).ptr : word;
}

static const char *failure_text(struct arena *a, const struct json *p) {
    const struct json *f = json_get(p, "last_failure");
    if (!f || f->type != JSON_OBJECT) return "";
    struct str detail = str_of(jtext(a, f, "detail")), price = STR("Nothing was charged."); /* said to the caller, who is somebody else */
    if (str_ends(detail, price)) detail = str_trim(str_head(detail, detail.len - price.len));
    return arena_printf(a, "%s %s: %.*s", time_text(a, jtext(a, f, "at")), jtext(a, f, "class"), STR_ARG(detail)).ptr;
}

static const char *key_text(struct arena *a, const struct json *p) {
    const char *word = jtext(a, p, "key");
    if (!strcmp(word, "environment")) return arena_printf(a, "from %s", jtext(a, p, "key_env")).ptr;
    return !strcmp(word, "not_needed") ? "not needed" : word;
}

static bool flag(const struct json *j, const char *key) {
    const struct json *f = json_get(j, key);
    return f && f->type == JSON_BOOL && f->boolean;
}

static int list(struct cli *c) {
    const struct json *j;
    int status = cli_get(c, "/v1/providers", &j);
    if (status || !j) return status;
    static const char *const titles[] = {"=provider", "title", "key", "status", ">models", "breaker", ">running", ">waiting", "sunset", "last failure"};
    struct table t = {.a = &c->a, .columns = 10, .titles = titles};
    const struct json *rows = json_get(j, "providers"), *paused = json_get(j, "paused_models");
    for (const struct json *p = rows ? rows->child : NULL; p; p = p->next) {
        struct arena *a = &c->a;
        const char *state = flag(p, "paused") ? arena_printf(a, "%s, paused", jtext(a, p, "status")).ptr : jtext(a, p, "status");
        const char *cells[] = {jtext(a, p, "name"), jtext(a, p, "title"), key_text(a, p), state, arena_printf(a, "%lld", (long long)jint(p, "models")).ptr, breaker_text(a, p),
                               arena_printf(a, "%lld", (long long)jint(p, "running")).ptr, arena_printf(a, "%lld", (long long)jint(p, "waiting")).ptr,
                               arena_strz(a, str_head(str_of(jtext(a, p, "sunset_at")), DAY_CHARS)), failure_text(a, p)};
        table_add(&t, cells);
    }
    table_print(&t, stdout);
    for (const struct json *m = paused ? paused->child : NULL; m; m = m->next) printf("paused: %s\n", safe_text(&c->a, m->text));
    return 0;
}

/* One line from standard input; on a terminal it is asked for and not shown. Never from the command line, where others can read it. */
static int read_key(struct cli *c, const char *provider, struct buf *out) {
    struct termios saved, quiet;
    bool hidden = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &saved) == 0;
    if (hidden) {
        fprintf(stderr, "key for %s: ", safe_text(&c->a, str_of(provider)));
        quiet = saved;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    char piece[1024];
    ssize_t n;
    while ((n = read(STDIN_FILENO, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR)) {
        if (n < 0) continue;
        buf_add(out, piece, (size_t)n);
        if (out->len > 16 * 1024 || (hidden && memchr(piece, '\n', (size_t)n))) break;
    }
    explicit_bzero(piece, sizeof piece);
    if (hidden) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
        fputc('\n', stderr);
    }
    while (out->len && strchr("\r\n \t", out->ptr[out->len - 1])) out->len--;
    if (!out->len) return cli_say(c, E_INVALID, "No key was given; write it on standard input.");
    return str_is_utf8(buf_view(out)) ? 0 : cli_say(c, E_INVALID, "The key is not text.");
}

static void key_path(struct buf *path, const char *provider) {
    buf_z(path, "/v1/providers/");
    url_add_value(path, str_of(provider));
    buf_z(path, "/key");
}

static const char *what_of(struct arena *a, const char *name) {
    struct str s = str_of(name), hook = STR("+webhook");
    return str_ends(s, hook) ? arena_printf(a, "the webhook secret of %.*s", STR_ARG(str_head(s, s.len - hook.len))).ptr : arena_printf(a, "the key for %s", name).ptr;
}

static int set_key(struct cli *c, const char *provider) {
    _cleanup_(buf_done) struct buf path = {0}, key = {0}, body = {0};
    int status = read_key(c, provider, &key);
    if (status) return status;
    key_path(&path, provider);
    struct jw w = {.out = &body};
    jw_open(&w, '{');
    jw_kstr(&w, "key", buf_view(&key));
    jw_close(&w, '}');
    struct client_reply reply;
    status = cli_call(c, "PUT", path.ptr, buf_view(&body), false, &reply);
    explicit_bzero(key.ptr, key.len);
    explicit_bzero(body.ptr, body.len);
    if (status) return status;
    if (c->json) cli_print_raw(reply.body);
    else printf("%s is stored\n", what_of(&c->a, jtext(&c->a, reply.json, "provider")));
    return 0;
}

static int unset_key(struct cli *c, const char *provider) {
    _cleanup_(buf_done) struct buf path = {0};
    key_path(&path, provider);
    struct client_reply reply;
    int status = cli_call(c, "DELETE", path.ptr, STR(""), false, &reply);
    if (status) return status;
    if (c->json) cli_print_raw(reply.body);
    else printf("%s is forgotten\n", what_of(&c->a, jtext(&c->a, reply.json, "provider")));
    return 0;
}

/* A slug has a slash, a provider's name has none. */
static int pause_or_resume(struct cli *c, const char *what, bool on) {
    _cleanup_(buf_done) struct buf body = {0};
    struct jw w = {.out = &body};
    jw_open(&w, '{');
    jw_kz(&w, strchr(what, '/') ? "model" : "provider", what);
    jw_kbool(&w, "paused", on);
    jw_close(&w, '}');
    struct client_reply reply;
    int status = cli_call(c, "PUT", "/v1/pauses", buf_view(&body), false, &reply);
    if (status) return status;
    if (c->json) cli_print_raw(reply.body);
    else printf("%s %s\n", on ? "paused" : "resumed", safe_text(&c->a, str_of(what)));
    return 0;
}

int cmd_providers(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    struct words args;
    bool hook = false;
    const struct opt opts[] = {{0, "webhook-secret", NULL, "with set-key and unset-key: the secret by which its webhooks are signed", .flag = &hook},
                               {0, "json", NULL, "print the server's answer", .flag = &c.json}, {0}};
    const struct usage u = {"providers [list | set-key NAME | unset-key NAME | pause PROVIDER|SLUG | resume PROVIDER|SLUG] [--webhook-secret] [--json]",
                            "Shows providers: key, health, what runs and waits there. set-key reads the key from standard input (from a\n"
                            "terminal without showing it); it is stored sealed and never shown again. While a provider or a model is\n"
                            "paused nothing new goes there; what runs goes on. Needs an admin key.",
                            opts, 0, 2};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    const char *verb = args.count ? args.at[0] : "list";
    bool set = !strcmp(verb, "set-key"), unset = !strcmp(verb, "unset-key"), stop = !strcmp(verb, "pause"), go = !strcmp(verb, "resume");
    bool any = set || unset || stop || go;
    if (!strcmp(verb, "status") && args.count == 1) verb = "list"; /* as `puras provider status` */
    if ((!any && (strcmp(verb, "list") != 0 || args.count > 1)) || (any && args.count != 2)) return cli_say(&c, E_INVALID, "usage: puras %s", u.synopsis);
    status = cli_connect(&c, true);
    if (status) return status;
    const char *name = any && hook ? arena_printf(&c.a, "%s+webhook", args.at[1]).ptr : any ? args.at[1] : "";
    if (set) return set_key(&c, name);
    if (unset) return unset_key(&c, name);
    return any ? pause_or_resume(&c, args.at[1], stop) : list(&c);
}
