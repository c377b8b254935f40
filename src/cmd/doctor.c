/* puras doctor: looks at everything a call needs, one line each, and says what to do about what is wrong. A stopped
 * server's database is opened as a server would open it. */
#include "base/cleanup.h"
#include "cmd/cli.h"
#include "jq/jq.h"
#include "media/media.h"
#include "store/query.h"
#include "store/store.h"

#include <dirent.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum verdict { GOOD, WARN, BAD };
struct doctor {
    struct cli cli;
    const char *data;
    int warnings, failures;
    struct buf json;
    struct jw w;
};

__attribute__((format(printf, 4, 5))) static void tell(struct doctor *d, enum verdict v, const char *what, const char *format, ...) {
    static const char *const words[] = {"ok", "warning", "FAIL"};
    char text[900];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    d->warnings += v == WARN;
    d->failures += v == BAD;
    const char *safe = safe_text(&d->cli.a, str_of(text));
    if (!d->cli.json) printf("%-8s %-10s %s\n", words[v], what, safe);
    jw_open(&d->w, '{');
    jw_kz(&d->w, "check", what);
    jw_kz(&d->w, "verdict", v == GOOD ? "ok" : v == WARN ? "warning" : "fail");
    jw_kz(&d->w, "text", safe);
    jw_close(&d->w, '}');
}

static void check_server(struct doctor *d) {
    struct why why = {0};
    struct client_reply reply;
    struct arena *a = &d->cli.a;
    struct client_request r = {.method = "GET", .path = "/readyz"};
    err e = client_request(d->cli.client, &r, a, &why, &reply);
    if (e && !reply.status) {
        tell(d, BAD, "server", "%s", why_text(&why));
        return;
    }
    if (e) tell(d, BAD, "server", "%s answers but takes no work: %s", client_base(d->cli.client), why_text(&why));
    else tell(d, GOOD, "server", "%s is ready", client_base(d->cli.client));
    const struct json *warnings = json_get(json_get(reply.json, "readiness") ? json_get(reply.json, "readiness") : reply.json, "warnings");
    for (const struct json *w = warnings ? warnings->child : NULL; w; w = w->next) tell(d, WARN, "server", "%s", safe_text(a, w->text));
    int64_t private = jint(reply.json, "private_addresses");
    if (!e && !private) tell(d, GOOD, "egress", "links of callers lead to public addresses only");
    else if (!e) tell(d, GOOD, "egress", "links of callers may lead to public addresses and to %lld private one%s (serve --allow-private)", (long long)private, private == 1 ? "" : "s");
    int64_t skew = reply.date ? reply.date - (int64_t)time(NULL) : 0;
    if (!reply.date) return;
    if (skew > 5 || skew < -5)
        tell(d, WARN, "clock", "the server's clock is %lld s %s this one; signed links end by the server's clock. Run a time service on both.", (long long)(skew < 0 ? -skew : skew), skew > 0 ? "ahead of" : "behind");
    else tell(d, GOOD, "clock", "agrees with the server's");
}

static void check_key(struct doctor *d) {
    if (!client_has_key(d->cli.client)) {
        tell(d, WARN, "key", "PURAS_API_KEY is not set; copy a key from credentials.json in the server's data folder, or make one with `puras keys create`.");
        return;
    }
    struct why why = {0};
    struct client_reply reply;
    struct client_request r = {.method = "GET", .path = "/v1/balance"};
    err e = client_request(d->cli.client, &r, &d->cli.a, &why, &reply);
    if (!reply.status) return; /* the server's line has said it */
    if (e) {
        tell(d, BAD, "key", "%s", why_text(&why));
        return;
    }
    micros available = jint(reply.json, "available_micros");
    tell(d, GOOD, "key", "is known; its %s book has %s", jtext(&d->cli.a, reply.json, "book"), usd_text(&d->cli.a, available));
    if (available <= 0) tell(d, WARN, "credit", "there is none left; add some with `puras top-up USD`.");
}

/* Which models wait for a key of the operator's; only an admin key is told. */
static void check_providers(struct doctor *d) {
    struct why why = {0};
    struct client_reply reply;
    struct arena *a = &d->cli.a;
    _cleanup_(buf_done) struct buf missing = {0};
    struct client_request r = {.method = "GET", .path = "/v1/providers"};
    if (!client_has_key(d->cli.client) || client_request(d->cli.client, &r, a, &why, &reply)) return;
    const struct json *rows = json_get(reply.json, "providers");
    int ready = 0;
    for (const struct json *p = rows ? rows->child : NULL; p; p = p->next) {
        const char *key = jtext(a, p, "key"), *name = jtext(a, p, "name");
        if (!jint(p, "models")) continue;
        if (!strcmp(key, "missing")) buf_printf(&missing, "%s%s (%lld)", missing.len ? ", " : "", name, (long long)jint(p, "models"));
        else if (!strcmp(key, "unreadable")) tell(d, BAD, "providers", "the key of %s was sealed by another master key; start with --old-master-key, or set it again.", name);
        else ready++;
    }
    if (missing.len) tell(d, WARN, "providers", "no key for: %s (models with a route there). `puras providers set-key NAME` sets one.", missing.ptr);
    if (ready) tell(d, GOOD, "providers", "%d can be used", ready);
}

/* Nobody looks at a webhook that has gone silent. A test key may not see them: then nothing is said. */
static void check_webhooks(struct doctor *d) {
    struct why why = {0};
    struct client_reply reply;
    struct client_request r = {.method = "GET", .path = "/v1/webhooks"};
    struct arena *a = &d->cli.a;
    if (!client_has_key(d->cli.client) || client_request(d->cli.client, &r, a, &why, &reply)) return;
    const struct json *list = json_get(reply.json, "webhooks");
    int64_t fine = 0;
    for (const struct json *w = list ? list->child : NULL; w; w = w->next) {
        const char *state = jtext(a, w, "state"), *url = jtext(a, w, "url"), *id = jtext(a, w, "id");
        bool ended = !strcmp(state, "dead") || !strcmp(state, "gone"), failing = !strcmp(state, "enabled") && jint(w, "failures") > 0;
        if (ended) tell(d, WARN, "webhooks", "%s is %s and is told nothing any more; when it is mended, `puras webhooks enable %s`", url, state, id);
        else if (failing) tell(d, WARN, "webhooks", "%s fails: %lld times in a row, %s", url, (long long)jint(w, "failures"), jtext(a, w, "detail"));
        else fine++;
    }
    if (fine) tell(d, GOOD, "webhooks", "%lld without failures", (long long)fine);
}

static void check_disk(struct doctor *d) {
    const char *folder = d->data ? d->data : ".";
    struct statvfs v;
    if (statvfs(folder, &v) != 0) {
        tell(d, BAD, "disk", "%s cannot be looked at; is the path right?", folder);
        return;
    }
    int64_t available = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
    enum verdict verdict = available < 256000000 ? BAD : available < 2000000000 ? WARN : GOOD;
    tell(d, verdict, "disk", "%s has %s free%s", folder, bytes_text(&d->cli.a, available), verdict == GOOD ? "" : "; make room before the server has to refuse work");
    if (v.f_favail < 10000 && v.f_files) tell(d, WARN, "disk", "%s has only %lld file entries left.", folder, (long long)v.f_favail);
    if (d->data && access(d->data, W_OK) != 0) tell(d, BAD, "disk", "%s cannot be written by this user.", d->data);
}

/* Which walls this host lets the helper build around what strangers send. */
static void check_walls(struct doctor *d, struct helper *h) {
    struct helper_walls w;
    helper_walls(h, &w);
    const struct {
        const char *name;
        bool stands;
    } walls[] = {{"seccomp", w.seccomp}, {"limits", w.limits}, {"namespaces", w.namespaces}, {"own root", w.own_root}, {"Landlock", w.landlock}, {"own user", w.own_user}};
    char list[200] = "";
    size_t n = 0;
    for (size_t i = 0; i < sizeof walls / sizeof *walls; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s %s", i ? ", " : "", walls[i].name, walls[i].stands ? "yes" : "no");
    tell(d, w.level == WALLS_FULL ? GOOD : WARN, "walls", "%s: %s%s%s", walls_level_name(w.level), list, w.detail[0] ? ". " : "", w.detail);
}

/* What runs programs of descriptions, and what stands around programs of this machine. */
static void check_runners(struct doctor *d) {
    struct why why = {0};
    struct jq *jq = NULL;
    struct str out;
    err e = jq_start(&(struct jq_options){.children = 1}, &why, &jq);
    if (!e) e = jq_run(jq, STR("1 + 1"), STR("null"), &d->cli.a, &why, &out);
    jq_stop(jq);
    if (e) tell(d, BAD, "jq", "programs of provider descriptions cannot run: %s", why_text(&why));
    else tell(d, GOOD, "jq", "puras-jq runs programs of provider descriptions");
    if (access("/usr/bin/bwrap", X_OK)) tell(d, WARN, "bubblewrap", "/usr/bin/bwrap is not there: providers that are programs of this machine answer 503; install bubblewrap.");
    else tell(d, GOOD, "bubblewrap", "is there");
}

static void check_helper(struct doctor *d) {
    char program[PATH_MAX];
    if (!shipped_helper(program, sizeof program)) {
        tell(d, BAD, "helper", "puras-media is not beside this program, so no local model can draw; build or install both.");
        return;
    }
    struct why why = {0};
    struct helper *h = NULL;
    struct helper_options o = {.program = program, .at_once = 1};
    if (helper_start(&o, &why, &h)) {
        tell(d, BAD, "helper", "%s does not start: %s", program, why_text(&why));
        return;
    }
    tell(d, GOOD, "helper", "%s starts", program);
    check_walls(d, h);
    helper_stop(h);
}

/* Programs and files that local models and the reading of films need, and the packages that bring them. The helper takes programs from
 * /usr/bin alone. */
static void check_tools(struct doctor *d) {
    static const struct {
        const char *what, *file, *package, *without;
    } needs[] = {
        {"ffmpeg", "/usr/bin/ffmpeg", "ffmpeg", "films and sound can be neither made nor read"},
        {"synth", "/usr/bin/fluidsynth", "fluidsynth", "puras/tune cannot play"},
        {"soundfont", "/usr/share/sounds/sf2/TimGM6mb.sf2", "timgm6mb-soundfont", "puras/tune has no instruments"},
        {"speech", "/usr/bin/espeak-ng", "espeak-ng", "puras/voice cannot speak"},
    };
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        if (access(needs[i].file, R_OK) == 0) tell(d, GOOD, needs[i].what, "%s is there", needs[i].file);
        else tell(d, WARN, needs[i].what, "%s is not there, so %s; install %s.", needs[i].file, needs[i].without, needs[i].package);
    }
}

/* Any outline font below `folder`, a few levels down. */
static bool has_font(const char *folder, int levels) {
    DIR *dir = opendir(folder);
    bool found = false;
    for (struct dirent *e; dir && !found && (e = readdir(dir));) {
        struct str name = str_of(e->d_name);
        char path[PATH_MAX];
        if (name.ptr[0] == '.') continue;
        found = str_ends(name, STR(".ttf")) || str_ends(name, STR(".otf")) || str_ends(name, STR(".ttc"));
        if (!found && levels > 0 && snprintf(path, sizeof path, "%s/%s", folder, e->d_name) < (int)sizeof path) found = has_font(path, levels - 1);
    }
    if (dir) closedir(dir);
    return found;
}

static void check_fonts(struct doctor *d) {
    if (has_font("/usr/share/fonts", 4) || has_font("/usr/local/share/fonts", 4)) tell(d, GOOD, "fonts", "there are outline fonts");
    else tell(d, WARN, "fonts", "there are no outline fonts, so letters in pictures become boxes; install fonts-dejavu-core.");
}

/* Of this shell, which is what a server started from it would get. */
static void check_descriptors(struct doctor *d) {
    enum { WANTED = 16384 };
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l)) return;
    if (l.rlim_max < WANTED)
        tell(d, WARN, "files", "a server started from here may open %llu files, one for each connection; raise LimitNOFILE of its service (or ulimit -Hn) to %d or more.", (unsigned long long)l.rlim_max, WANTED);
    else tell(d, GOOD, "files", "a server started from here may open %llu files; it raises its soft limit itself", (unsigned long long)l.rlim_max);
}

static msec wall_clock(void *arg) { return (msec)time(NULL) * 1000; }

static void check_database(struct doctor *d) {
    if (!d->data) return;
    const char *file = arena_printf(&d->cli.a, "%s/puras.db", d->data).ptr;
    if (access(file, R_OK) != 0) {
        tell(d, BAD, "database", "%s cannot be read; is %s a folder given to `puras serve --data`?", file, d->data);
        return;
    }
    struct why why = {0};
    struct store *store = NULL;
    struct db *db = NULL;
    struct store_options o = {.url = arena_printf(&d->cli.a, "sqlite:%s", file).ptr, .folder = d->data, .now = wall_clock};
    err e = store_open(&o, &why, &store);
    if (e == E_CONFLICT) {
        tell(d, GOOD, "database", "a server is running on %s", d->data);
        return;
    }
    struct audit audit = {0};
    if (!e) e = store_db(store, &why, &db);
    if (!e && query_audit(db, &d->cli.a, &audit)) e = why_set(&why, E_CORRUPT, "The ledger could not be read to its end.");
    if (db) db_close(db);
    store_close(store);
    if (e) tell(d, BAD, "database", "%s", why_text(&why));
    else if (audit.findings) tell(d, BAD, "database", "the books do not agree; see `puras ledger audit --data %s`.", d->data);
    else tell(d, GOOD, "database", "is of this program's version, and its %lld transfers agree", (long long)audit.transfers);
}

static void doctor_done(struct doctor *d) {
    buf_done(&d->json);
    cli_done(&d->cli);
}

int cmd_doctor(int argc, char **argv) {
    _cleanup_(doctor_done) struct doctor d = {0};
    struct words args;
    const struct opt opts[] = {
        {0, "data", "DIR", "a server's data folder, looked at from here", .text = &d.data},
        {0, "server", "URL", "the server to ask (PURAS_API_BASE)", .text = &d.cli.base},
        {0, "json", NULL, "print the findings as JSON", .flag = &d.cli.json},
        {0},
    };
    const struct usage u = {"doctor [--data DIR] [--server URL] [--json]",
                            "Looks at server, key, clock, disk, media helper and its walls, ffmpeg, synthesiser, speech, fonts, open files\n"
                            "and, with --data, the database, and says what to do.\n"
                            "Status 1 when something fails.",
                            opts, 0, 0};
    int status;
    if (!cli_parse(&u, argc, argv, &d.cli.a, &args, &status)) return status;
    status = cli_connect(&d.cli, false);
    if (status) return status;
    d.w.out = &d.json;
    jw_open(&d.w, '{');
    jw_key(&d.w, "checks");
    jw_open(&d.w, '[');
    check_server(&d);
    check_key(&d);
    check_providers(&d);
    check_webhooks(&d);
    check_disk(&d);
    check_helper(&d);
    check_runners(&d);
    check_tools(&d);
    check_fonts(&d);
    check_descriptors(&d);
    check_database(&d);
    jw_close(&d.w, ']');
    jw_ki64(&d.w, "failures", d.failures);
    jw_ki64(&d.w, "warnings", d.warnings);
    jw_close(&d.w, '}');
    if (d.cli.json) cli_print_raw(buf_view(&d.json));
    else printf("%d failed, %d warning%s\n", d.failures, d.warnings, d.warnings == 1 ? "" : "s");
    return d.failures ? 1 : 0;
}
