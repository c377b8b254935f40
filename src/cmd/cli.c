/* The connection of one subcommand and what it says when something goes wrong. */
#include "cmd/cli.h"
#include "base/cleanup.h"

#include <limits.h>
#include <unistd.h>

void cli_done(struct cli *c) {
    client_destroy(c->client);
    arena_done(&c->a);
}

static void error_json(const struct why *why) {
    _cleanup_(buf_done) struct buf b = {0};
    struct jw w = {.out = &b};
    const struct err_info *info = err_info(why->code);
    jw_open(&w, '{');
    jw_kz(&w, "detail", why_text(why));
    jw_kz(&w, "code", info->code);
    jw_kz(&w, "message", why_text(why));
    jw_ki64(&w, "charged_micros", why->charged_micros);
    jw_kz(&w, "retry", info->retry == RETRY_never ? "never" : info->retry == RETRY_after ? "after" : "same_key");
    if (why->field[0]) jw_kz(&w, "field", why->field);
    if (why->facts[0]) {
        buf_c(&b, ',');
        buf_z(&b, why->facts);
    }
    jw_close(&w, '}');
    cli_print_raw(buf_view(&b));
}

int cli_fail(const struct cli *c, const struct why *why) {
    _cleanup_(arena_done) struct arena a = {0};
    fprintf(stderr, "puras: %s\n", safe_text(&a, str_of(why_text(why))));
    if (why->charged_micros) fprintf(stderr, "puras: %s was charged.\n", amount_text(&a, why->charged_micros));
    if (why->retry_after_s) fprintf(stderr, "puras: try again in %lld s.\n", (long long)why->retry_after_s);
    if (c->json) error_json(why);
    return err_info(why->code)->exit_status;
}

int cli_say(const struct cli *c, err code, const char *format, ...) {
    struct why why = {.code = code};
    va_list args;
    va_start(args, format);
    vsnprintf(why.detail, sizeof why.detail, format, args);
    va_end(args);
    return cli_fail(c, &why);
}

int cli_connect(struct cli *c, bool needs_key) {
    struct why why = {0};
    struct client_options o = {.base = c->base, .timeout = c->timeout};
    if (client_create(&o, &why, &c->client)) return cli_fail(c, &why);
    if (needs_key && !client_has_key(c->client))
        return cli_say(c, E_UNAUTHENTICATED,
                       "No API key: set PURAS_API_KEY. A server writes its first keys to credentials.json in its data folder (live_key, test_key, admin_key).");
    return 0;
}

void cli_print_raw(struct str json) {
    fwrite(json.ptr, 1, json.len, stdout);
    if (!json.len || json.ptr[json.len - 1] != '\n') fputc('\n', stdout);
}

int cli_call(struct cli *c, const char *method, const char *path, struct str body, bool keyed, struct client_reply *out) {
    char key[33];
    client_new_key(key);
    struct why why = {0};
    struct client_request r = {.method = method, .path = path, .body = body, .idempotency_key = keyed ? key : NULL};
    struct client_reply reply = {0};
    err e = client_request(c->client, &r, &c->a, &why, &reply);
    if (e && c->json && reply.json) { /* the server's own words, untouched */
        fprintf(stderr, "puras: %s\n", safe_text(&c->a, str_of(why_text(&why))));
        cli_print_raw(reply.body);
        return err_info(e)->exit_status;
    }
    if (e) return cli_fail(c, &why);
    *out = reply;
    return 0;
}

int cli_get(struct cli *c, const char *path, const struct json **out) {
    struct client_reply reply;
    int status = cli_call(c, "GET", path, STR(""), false, &reply);
    if (status) return status;
    *out = NULL;
    if (!reply.json) return cli_say(c, E_UPSTREAM, "The server at %s answered with something that is not JSON.", client_base(c->client));
    if (c->json) cli_print_raw(reply.body);
    else *out = reply.json;
    return 0;
}

/* --- places --- */

/* The first of the places relative to this program's folder that exists, with `holds` behind it. */
static bool beside(const char *const *places, size_t n, const char *holds, char *out, size_t size) {
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0) return false;
    self[len] = 0;
    *strrchr(self, '/') = 0;
    for (size_t i = 0; i < n; i++) {
        char path[PATH_MAX + 96], real[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s%s", self, places[i], holds);
        if (access(path, F_OK)) continue; /* a build folder has a folder of that name too */
        snprintf(path, sizeof path, "%s/%s", self, places[i]);
        if (!realpath(path, real) || strlen(real) >= size) continue;
        memcpy(out, real, strlen(real) + 1);
        return true;
    }
    return false;
}

bool shipped_catalog(char *out, size_t size) {
    /* a copied build folder, the build folder in its tree (program at its top, or where ninja puts it), an installation */
    static const char *const places[] = {"catalog", "../catalog", "../../../catalog", "../share/puras/catalog"};
    return beside(places, sizeof places / sizeof *places, "/models", out, size);
}

bool shipped_helper(char *out, size_t size) {
    static const char *const places[] = {"puras-media", "../media/puras-media"};
    return beside(places, sizeof places / sizeof *places, "", out, size);
}
