#include "cmd/watch.h"

#include "base/cleanup.h"
#include "cmd/proof.h"

#include <stdlib.h>

enum { SETTLE_MS = 150, LOOK_MS = 3000, FOLDERS = CATALOG_FOLDERS_MAX * 3 };

struct watch {
    struct server *server;
    uv_fs_event_t folders[FOLDERS];
    size_t folder_count;
    struct timer *settle, *look;
    bool reading, again, wanting;
    struct buf problems;
    /* filled on a thread while `reading` */
    struct problems found;
    struct catalog *read;
    err code;
    /* a version from the database, while `wanting` */
    char wanted[65];
    struct arena arena;
    const struct catalog_version *version;
    err version_code;
    bool newest; /* it was looked for as the newest, and becomes current */
};

static void read_again(struct watch *w);

/* --- from the folders --- */

static void read_work(void *arg) {
    struct watch *w = arg;
    w->found = (struct problems){};
    w->read = NULL;
    w->code = catalog_prove(w->server->o.catalogs, w->server->o.catalog_count, w->server->o.shipped, &w->found, &w->read);
}

struct publishing {
    struct watch *watch;
    struct catalog *catalog;
};

static void published(void *arg, const struct outcome *o) {
    struct publishing *p = arg;
    struct server *s = p->watch->server;
    if (o->code && o->code != E_EXISTS) {
        log_event(&s->log, LOG_WARN, "catalog.publish_failed", "\"code\":\"%s\"", err_info(o->code)->code);
        catalog_destroy(p->catalog);
        read_again(p->watch);
    } else {
        log_event(&s->log, LOG_INFO, "catalog.published", "\"sha256\":\"%.*s\",\"models\":%zu", STR_ARG(catalog_sha256(p->catalog)), catalog_count(p->catalog));
        shelf_put(s->shelf, p->catalog, true);
    }
    free(p);
}

static void publish(struct watch *w, struct catalog *c) {
    struct server *s = w->server;
    struct publishing *p = calloc(1, sizeof *p);
    must(p);
    *p = (struct publishing){.watch = w, .catalog = c};
    struct command cmd = {.kind = CMD_PUBLISH_CATALOG, .at = io_now(loop_io(s->loop))};
    cmd.publish = (struct cmd_publish){.sha256 = catalog_sha256(c), .content = catalog_content(c)};
    if (!committer_submit(s->committer, &cmd, published, p)) return;
    struct outcome refused = {.code = E_AGAIN};
    published(p, &refused);
}

static void read_done(void *arg) {
    struct watch *w = arg;
    struct server *s = w->server;
    w->reading = false;
    buf_clear(&w->problems);
    if (w->code) {
        buf_str(&w->problems, buf_view(&w->found.text));
        char quoted[700];
        struct str first, rest;
        str_cut(buf_view(&w->found.text), '\n', &first, &rest);
        char line[400];
        snprintf(line, sizeof line, "%.*s", STR_ARG(first));
        log_event(&s->log, LOG_WARN, "catalog.broken", "\"problems\":%d,\"first\":%s,\"kept\":\"%.*s\"", w->found.count, log_quote(line, quoted, sizeof quoted),
                  STR_ARG(catalog_sha256(shelf_current(s->shelf))));
    } else if (str_eq(catalog_sha256(w->read), catalog_sha256(shelf_current(s->shelf)))) {
        catalog_destroy(w->read);
    } else publish(w, w->read);
    problems_done(&w->found);
    if (w->again) read_again(w);
}

static void settled(void *arg) {
    struct watch *w = arg;
    w->settle = NULL;
    if (w->reading) {
        w->again = true;
        return;
    }
    w->again = false;
    w->reading = true;
    if (pool_run(w->server->upkeep, read_work, read_done, w)) { /* upkeep is at work: later */
        w->reading = false;
        read_again(w);
    }
}

/* An editor writes in several steps; wait until it has been quiet for a moment. */
static void read_again(struct watch *w) {
    struct io *io = loop_io(w->server->loop);
    io->ops->timer_stop(io, w->settle);
    w->settle = io->ops->timer_start(io, SETTLE_MS, settled, w);
}

static void changed(uv_fs_event_t *handle, const char *name, int events, int status) { read_again(handle->data); }

static void watch_folder(struct watch *w, const char *path) {
    if (w->folder_count == FOLDERS) return;
    uv_fs_event_t *h = &w->folders[w->folder_count];
    if (uv_fs_event_init(loop_uv(w->server->loop), h)) return;
    w->folder_count++;
    h->data = w;
    (void)uv_fs_event_start(h, changed, path, 0); /* a folder that is not there is looked at by nobody, as at the start */
    uv_unref((uv_handle_t *)h);
}

/* --- from the database --- */

static void run_version(struct db *db, void *arg) {
    struct watch *w = arg;
    if (w->newest) w->version_code = query_newest_catalog(db, &w->arena, &w->version);
    else w->version_code = QUERY_RECORD(db, catalog_version, str_of(w->wanted), &w->arena, &w->version);
}

static void version_read(void *arg) {
    struct watch *w = arg;
    struct server *s = w->server;
    struct catalog *c = NULL;
    w->wanting = false;
    bool here = !w->version_code && (w->newest ? shelf_use(s->shelf, w->version->head.id) : shelf_find(s->shelf, w->version->head.id) != NULL);
    if (!w->version_code && !here && !catalog_parse(w->version->content, NULL, &c)) shelf_put(s->shelf, c, w->newest);
    arena_reset(&w->arena);
}

static void look_up(struct watch *w, struct str sha256) {
    if (w->wanting) return;
    w->wanting = true;
    w->newest = sha256.len == 0;
    snprintf(w->wanted, sizeof w->wanted, "%.*s", STR_ARG(sha256));
    if (readers_run(w->server->readers, run_version, version_read, w)) w->wanting = false; /* version_code is the reader's to write */
}

void watch_want(struct watch *w, struct str sha256) {
    if (sha256.len) look_up(w, sha256);
}

/* Another node may have published: its version is everybody's. */
static void look(void *arg) {
    struct watch *w = arg;
    struct io *io = loop_io(w->server->loop);
    w->look = io->ops->timer_start(io, LOOK_MS, look, w);
    look_up(w, STR(""));
}

/* --- life --- */

struct watch *watch_start(struct server *s, struct str problems) {
    struct watch *w = calloc(1, sizeof *w);
    must(w);
    w->server = s;
    buf_str(&w->problems, problems);
    char models[FILE_PATH_MAX + 512];
    for (size_t i = 0; i < s->o.catalog_count; i++) {
        watch_folder(w, s->o.catalogs[i]);
        snprintf(models, sizeof models, "%s/models", s->o.catalogs[i]);
        watch_folder(w, models);
        snprintf(models, sizeof models, "%s/providers", s->o.catalogs[i]);
        watch_folder(w, models);
    }
    struct io *io = loop_io(s->loop);
    if (!store_is_sqlite(s->store)) w->look = io->ops->timer_start(io, LOOK_MS, look, w);
    return w;
}

void watch_stop(struct watch *w) {
    if (!w) return;
    struct io *io = loop_io(w->server->loop);
    io->ops->timer_stop(io, w->settle);
    io->ops->timer_stop(io, w->look);
    for (size_t i = 0; i < w->folder_count; i++) uv_close((uv_handle_t *)&w->folders[i], NULL);
}

void watch_free(struct watch *w) { /* its handles lived in it until the loop had closed them */
    if (!w) return;
    arena_done(&w->arena);
    buf_done(&w->problems);
    free(w);
}

struct str watch_problems(const struct watch *w) { return w ? buf_view(&w->problems) : STR(""); }
