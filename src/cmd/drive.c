/* puras drive: the project's files. */
#include "base/cleanup.h"
#include "base/limits.h"
#include "cmd/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *file_url(struct arena *a, const char *path) {
    _cleanup_(buf_done) struct buf b = {0};
    buf_z(&b, "/v1/drive/files/");
    while (*path == '/') path++;
    url_add_path(&b, str_of(path));
    return arena_strz(a, buf_view(&b));
}

static int drive_ls(struct cli *c, const struct words *args, int64_t limit) {
    static const char *const titles[] = {"modified", ">size", "type", "path"};
    struct table t = {.a = &c->a, .columns = 4, .titles = titles};
    const char *after = "";
    while (after && (!limit || t.rows < limit)) {
        _cleanup_(buf_done) struct buf path = {0};
        int64_t left = limit && limit - t.rows < LIMIT_PAGE ? limit - t.rows : LIMIT_PAGE;
        buf_printf(&path, "/v1/drive?limit=%lld", (long long)left);
        if (args->count) {
            buf_z(&path, "&prefix=");
            url_add_value(&path, str_of(args->at[0]));
        }
        if (*after) {
            buf_z(&path, "&after=");
            url_add_value(&path, str_of(after));
        }
        const struct json *j;
        int status = cli_get(c, path.ptr, &j);
        if (status || !j) return status; /* raw answers come one page at a time */
        const struct json *files = json_get(j, "files");
        for (const struct json *f = files ? files->child : NULL; f; f = f->next) {
            const char *cells[] = {time_text(&c->a, jtext(&c->a, f, "modified_at")), bytes_text(&c->a, jint(f, "size")), jtext(&c->a, f, "media_type"), jtext(&c->a, f, "path")};
            table_add(&t, cells);
        }
        struct str next;
        after = json_as_str(json_get(j, "next_after"), &next) ? arena_strz(&c->a, next) : NULL;
    }
    table_print(&t, stdout);
    return 0;
}

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int drive_put(struct cli *c, const struct words *args) {
    const char *file = args->at[0], *path = args->count > 1 ? args->at[1] : last_part(file);
    _cleanup_(closep) int fd = open(file, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) return cli_say(c, E_INVALID, "%s cannot be read: %s.", file, strerror(errno));
    if (!S_ISREG(st.st_mode)) return cli_say(c, E_INVALID, "%s is not a file.", file);
    if (*path && path[strlen(path) - 1] == '/') path = arena_printf(&c->a, "%s%s", path, last_part(file)).ptr;
    struct client_reply reply;
    struct why why = {0};
    if (client_upload(c->client, file_url(&c->a, path), fd, st.st_size, NULL, &c->a, &why, &reply)) return cli_fail(c, &why);
    if (c->json) cli_print_raw(reply.body);
    else printf("%s  %s  %s\n", jtext(&c->a, reply.json, "path"), jtext(&c->a, reply.json, "media_type"), bytes_text(&c->a, jint(reply.json, "size")));
    return 0;
}

static int drive_get(struct cli *c, const struct words *args) {
    const char *path = args->at[0], *file = args->count > 1 ? args->at[1] : last_part(path);
    bool to_stdout = !strcmp(file, "-");
    if (!*file) return cli_say(c, E_INVALID, "%s names a folder; name a file.", path);
    const char *part = to_stdout ? "standard output" : arena_printf(&c->a, "%s.part", file).ptr;
    _cleanup_(closep) int fd = to_stdout ? dup(STDOUT_FILENO) : open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return cli_say(c, E_INVALID, "%s cannot be written: %s.", part, strerror(errno));
    struct why why = {0};
    int64_t bytes;
    char sha256[65];
    err e = client_download(c->client, file_url(&c->a, path), fd, &why, &bytes, sha256);
    if (!e && !to_stdout && rename(part, file) != 0) e = why_set(&why, E_INVALID, "%s cannot be written: %s.", file, strerror(errno));
    if (e) {
        if (!to_stdout) unlink(part);
        return cli_fail(c, &why);
    }
    if (to_stdout) return 0;
    if (c->json) {
        _cleanup_(buf_done) struct buf b = {0};
        struct jw w = {.out = &b};
        jw_open(&w, '{');
        jw_kz(&w, "path", path);
        jw_kz(&w, "file", file);
        jw_ki64(&w, "size", bytes);
        jw_kz(&w, "sha256", sha256);
        jw_close(&w, '}');
        cli_print_raw(buf_view(&b));
    } else printf("%s  %s  sha256 %s\n", file, bytes_text(&c->a, bytes), sha256);
    return 0;
}

static int drive_rm(struct cli *c, const struct words *args) {
    for (int i = 0; i < args->count; i++) {
        struct client_reply reply;
        int status = cli_call(c, "DELETE", file_url(&c->a, args->at[i]), STR(""), false, &reply);
        if (status) return status;
        if (c->json) cli_print_raw(reply.body);
        else printf("removed %s\n", args->at[i]);
    }
    return 0;
}

static int drive_sign(struct cli *c, const struct words *args, int64_t ttl) {
    _cleanup_(buf_done) struct buf body = {0};
    struct jw w = {.out = &body};
    jw_open(&w, '{');
    jw_kz(&w, "path", args->at[0]);
    if (ttl) jw_ki64(&w, "ttl", ttl);
    jw_close(&w, '}');
    struct client_reply reply;
    int status = cli_call(c, "POST", "/v1/drive/sign", buf_view(&body), false, &reply);
    if (status) return status;
    if (c->json) cli_print_raw(reply.body);
    else printf("%s\n", jtext(&c->a, reply.json, "signed_url"));
    return 0;
}

int cmd_drive(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    struct words args;
    int64_t limit = 0, ttl = 0;
    const struct opt opts[] = {
        {'n', "limit", "N", "ls: at most N files", .number = &limit},
        {'t', "ttl", "S", "sign: seconds until the link ends (3600)", .number = &ttl},
        {0, "json", NULL, "print the server's answer", .flag = &c.json},
        {0},
    };
    const struct usage u = {"drive ls [PREFIX] | put FILE [PATH] | get PATH [FILE] | rm PATH... | sign PATH",
                            "The project's files. `get` writes to a file of the same name unless told otherwise (- is standard output);\n"
                            "`put` takes the file's own name unless told otherwise; `sign` prints a link that needs no key.",
                            opts, 1, -1};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    static const struct { const char *name; int least, most; } verbs[] = {{"ls", 0, 1}, {"put", 1, 2}, {"get", 1, 2}, {"rm", 1, 1000}, {"sign", 1, 1}};
    const char *names[5], *verb = args.at[0];
    int v = 5;
    for (int i = 0; i < 5; i++) {
        names[i] = verbs[i].name;
        if (!strcmp(verb, names[i])) v = i;
    }
    struct words rest = {args.at + 1, args.count - 1};
    if (v == 5) {
        const char *near = near_words(verb, names, 5, &c.a);
        return cli_say(&c, E_INVALID, "There is no `puras drive %s`; there are ls, put, get, rm and sign%s%s.", verb, near ? ". Perhaps you meant " : "", near ? near : "");
    }
    if (rest.count < verbs[v].least || rest.count > verbs[v].most) return cli_say(&c, E_INVALID, "usage: puras %s", u.synopsis);
    status = cli_connect(&c, true);
    if (status) return status;
    switch (v) {
    case 0: return drive_ls(&c, &rest, limit);
    case 1: return drive_put(&c, &rest);
    case 2: return drive_get(&c, &rest);
    case 3: return drive_rm(&c, &rest);
    default: return drive_sign(&c, &rest, ttl);
    }
}
