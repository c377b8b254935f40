#include "cmd/attach.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static bool is_attached(struct str word, struct str *out_key, struct str *out_file) {
    struct str value;
    if (!str_cut(word, '=', out_key, &value) || !str_starts(value, STR("@")) || str_starts(value, STR("@@"))) return false;
    *out_file = str_skip(value, 1);
    return true;
}

static bool is_file_input(const struct json *model, struct str key) {
    const struct json *inputs = json_get(model, "inputs");
    struct str name, type;
    for (const struct json *i = inputs ? inputs->child : NULL; i; i = i->next) {
        if (!json_as_str(json_get(i, "type"), &type) || !str_is(type, "file")) continue;
        if (json_as_str(json_get(i, "name"), &name) && str_eq(name, key)) return true;
        const struct json *aliases = json_get(i, "aliases");
        for (const struct json *a = aliases ? aliases->child : NULL; a; a = a->next)
            if (json_as_str(a, &name) && str_eq(name, key)) return true;
    }
    return false;
}

/* uploads/<32 hex>.png: a name of its own each time, so that nothing is written over. */
static int attach(struct cli *c, struct str key, const char *file, const char **out) {
    _cleanup_(closep) int fd = open(file, O_RDONLY | O_CLOEXEC);
    _cleanup_(buf_done) struct buf url = {0}, word = {0};
    struct stat st;
    struct why why = {0};
    struct client_reply reply;
    char fresh[33];
    if (fd < 0 || fstat(fd, &st) != 0) return cli_say(c, E_INVALID, "%s cannot be read: %s.", file, strerror(errno));
    if (!S_ISREG(st.st_mode)) return cli_say(c, E_INVALID, "%s is not a file.", file);
    const char *slash = strrchr(file, '/'), *dot = strrchr(slash ? slash : file, '.');
    client_new_key(fresh);
    buf_z(&url, "/v1/drive/files/");
    url_add_path(&url, arena_printf(&c->a, "uploads/%s%s", fresh, dot && strlen(dot) < 10 && str_is_utf8(str_of(dot)) ? dot : ""));
    if (client_upload(c->client, url.ptr, fd, st.st_size, NULL, &c->a, &why, &reply)) return cli_fail(c, &why);
    struct jw w = {.out = &word};
    buf_str(&word, key);
    buf_c(&word, '=');
    jw_open(&w, '{');
    jw_kz(&w, "drive_path", jtext(&c->a, reply.json, "path"));
    jw_close(&w, '}');
    *out = arena_strz(&c->a, buf_view(&word));
    return 0;
}

/* A quote looks at none of the files: that there is one is all it has to know. */
static int name(struct cli *c, struct str key, const char *file, const char **out) {
    if (access(file, R_OK)) return cli_say(c, E_INVALID, "%s cannot be read: %s.", file, strerror(errno));
    *out = arena_printf(&c->a, "%.*s={\"drive_path\":\"uploads/file\"}", STR_ARG(key)).ptr;
    return 0;
}

typedef int handle_file(struct cli *c, struct str key, const char *file, const char **out);

static int each_file(struct cli *c, const char *model, struct words *inputs, handle_file *handle) {
    const struct json *spec = NULL;
    struct str key, file;
    for (int i = 0; i < inputs->count; i++) {
        if (!is_attached(str_of(inputs->at[i]), &key, &file)) continue;
        if (!spec) {
            _cleanup_(buf_done) struct buf path = {0};
            struct client_reply reply;
            buf_z(&path, "/v1/models/");
            url_add_path(&path, str_of(model));
            int status = cli_call(c, "GET", path.ptr, STR(""), false, &reply);
            if (status) return status;
            spec = reply.json;
        }
        if (!is_file_input(spec, key)) continue;
        int status = handle(c, arena_dup(&c->a, key), arena_strz(&c->a, file), &inputs->at[i]);
        if (status) return status;
    }
    return 0;
}

int attach_files(struct cli *c, const char *model, struct words *inputs) { return each_file(c, model, inputs, attach); }
int attach_names(struct cli *c, const char *model, struct words *inputs) { return each_file(c, model, inputs, name); }
