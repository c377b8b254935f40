/* Works: what a provider was asked to make. They wait on a timer as long as the mood says, are planned and made on a thread of the
 * pool, and stay until WORKS_MAX newer ones came, with their files. */
#include "base/cleanup.h"
#include "base/id.h"
#include "twin/wire.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const names[CLASS_COUNT] = {"", "caller", "moderation", "auth", "quota", "rate_limit", "transient", "gone", "unclassified"};

enum twin_class class_named(const char *name) {
    for (int i = 1; i < CLASS_COUNT; i++)
        if (!strcmp(name, names[i])) return (enum twin_class)i;
    return CLASS_NONE;
}

bool class_applies(const struct ask *a, enum twin_class *out) {
    *out = class_named(a->mood.fail);
    return *out && (!a->mood.fail_times || a->tries <= a->mood.fail_times);
}

bool work_over(const struct work *w) { return w->state == WORK_DONE || w->state == WORK_FAILED || w->state == WORK_CANCELLED; }

static void forget_files(struct work *w) {
    for (size_t i = 0; i < w->file_count; i++) close(w->fds[i]);
    w->file_count = 0;
}

static void work_free(struct work *w) {
    for (int i = 0; i < w->output_count; i++) unlink(w->outputs[i].path);
    forget_files(w);
    arena_done(&w->arena);
    free(w);
}

static bool idle(const struct work *w) { return work_over(w) && !w->busy && !w->waiter && !w->rest && !w->hook_rest && !w->hooks_under_way; }

static bool make_room(struct works *all) {
    struct work **last = NULL;
    if (all->count < WORKS_MAX) return true;
    for (struct work **at = &all->newest; *at; at = &(*at)->next)
        if (idle(*at)) last = at;
    if (!last) return false;
    struct work *old = *last;
    *last = old->next;
    work_free(old);
    all->count--;
    return true;
}

struct work *work_new(struct ask *a, const char *kind, struct str model, struct str settings) {
    struct works *all = server_works(a->server);
    struct io *io = server_io(a->server);
    if (!make_room(all)) return refuse(a, CLASS_RATE_LIMIT, "", "The twin has %d works under way.", WORKS_MAX), NULL;
    struct work *w = calloc(1, sizeof *w);
    must(w);
    *w = (struct work){.next = all->newest, .server = a->server, .face = a->face, .kind = kind, .mood = a->mood, .created = io_now(io)};
    struct id id = io_new_id(io);
    snprintf(w->id, sizeof w->id, "%s", id.hex);
    io->ops->random(io, &w->seed, sizeof w->seed);
    w->seed &= INT32_MAX;
    w->model = arena_dup(&w->arena, model);
    w->settings = arena_dup(&w->arena, settings);
    struct str body = arena_dup(&w->arena, a->json ? a->body : STR("null"));
    if (json_parse(body, &w->arena, NULL, &w->body)) w->body = NULL;
    all->newest = w;
    all->count++;
    all->made++;
    return w;
}

bool work_file_bytes(struct work *w, const char *input, struct str bytes) {
    if (w->file_count == WORK_FILES) return true; /* what is beyond is not looked at */
    struct sniffed s = media_sniff(str_head(bytes, 4096));
    bool sound = !strcmp(input, "audio"), film = !strcmp(input, "video");
    if (!s.kind || strcmp(s.kind, sound ? "audio" : film ? "video" : "image")) return false;
    struct media_facts facts = media_measure(str_head(bytes, 65536));
    int fd = memfd_create("twin", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes.ptr, bytes.len) != (ssize_t)bytes.len) {
        if (fd >= 0) close(fd);
        return false;
    }
    w->fds[w->file_count] = fd;
    w->files[w->file_count++] = (struct twin_file){.input = arena_dup(&w->arena, str_of(input)), .type = s.type, .width = facts.width, .height = facts.height};
    return true;
}

bool work_file(struct work *w, const char *input, struct str value) {
    struct str head, data, bytes;
    _cleanup_(arena_done) struct arena a = {};
    const struct upload *up = upload_in(w->server, value);
    if (up) return work_file_bytes(w, input, up->bytes);
    if (str_starts(value, STR("http://")) || str_starts(value, STR("https://"))) return true; /* the twin asks no other server for anything */
    if (str_starts(value, STR("data:"))) {
        if (!str_cut(value, ',', &head, &data) || !str_ends(head, STR(";base64"))) return false;
    } else data = value;
    return base64_read(data, &a, &bytes) && work_file_bytes(w, input, bytes);
}

const char *work_files(struct work *w, const struct json *body, const struct file_member *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const struct json *j = json_get(body, rows[i].member);
        bool list = json_is(j, JSON_ARRAY);
        for (const struct json *e = list ? j->child : j; e; e = list ? e->next : NULL)
            if (json_is(e, JSON_STRING) && !work_file(w, rows[i].input, e->text)) return rows[i].member;
    }
    return NULL;
}

/* --- making --- */

static void look_at(struct work *w, size_t i) {
    struct twin_file *f = &w->files[i];
    if (!strncmp(f->type, "image", 5)) return;
    struct read_answer *r = arena_new(&w->arena, struct read_answer);
    helper_read(server_helper(w->server), &(struct read_job){.fd = w->fds[i], .want = READ_PROBE}, r);
    if (!r->code) f->width = r->width, f->height = r->height, f->duration_ms = r->duration_ms;
}

static bool make_one(struct work *w, const struct render_job *what, int i) {
    struct work_output *o = &w->outputs[i];
    struct render_answer *r = arena_new(&w->arena, struct render_answer);
    struct render_job job = *what;
    o->path = arena_strz(&w->arena, arena_printf(&w->arena, "%s/%s-%d", server_folder(w->server), w->id, i));
    job.out_path = o->path;
    job.seed = w->seed + (uint64_t)i;
    helper_render(server_helper(w->server), &job, r);
    if (r->code) return work_fail(w, r->code == E_INVALID ? CLASS_CALLER : CLASS_TRANSIENT, "", "%s", r->detail), false;
    memcpy(o->type, r->type, sizeof o->type);
    memcpy(o->ext, r->ext, sizeof o->ext);
    o->width = r->width, o->height = r->height, o->duration_ms = r->duration_ms, o->bytes = r->bytes;
    w->output_count = i + 1;
    return true;
}

static void make(void *arg) {
    struct work *w = arg;
    struct media_input given[WORK_FILES];
    struct why why = {};
    for (size_t i = 0; i < w->file_count; i++) look_at(w, i);
    struct twin_call c = {.slug = w->model, .kind = str_of(w->kind), .inputs = w->settings, .media_input = w->shape < 0 ? STR("audio") : STR(""), .files = w->files, .file_count = w->file_count, .told = w->mood};
    if (twin_plan(&c, &w->arena, &why, &w->plan)) return work_fail(w, CLASS_CALLER, "", "%s", why_text(&why));
    if (!w->plan.model) return;
    struct render_job what = {.model = w->plan.model, .inputs = w->plan.inputs, .timeout = 600 * MS_SECOND, .files = given};
    for (size_t i = 0; i < w->file_count; i++)
        if (w->plan.names[i]) given[what.file_count++] = (struct media_input){.name = w->plan.names[i], .fd = w->fds[i]};
    for (int64_t i = 0; i < w->plan.outputs && i < WORK_OUTPUTS; i++)
        if (!make_one(w, &what, (int)i)) return;
}

static void over(struct work *w) {
    w->ended = io_now(server_io(w->server));
    if (w->waiter) {
        struct ask *a = w->waiter;
        w->waiter = NULL;
        a->work = NULL;
        w->face->finish(a, w);
    }
    hook_send(w);
}

static void made(void *arg) {
    struct work *w = arg;
    w->busy = false;
    forget_files(w);
    if (w->state == WORK_CANCELLED) return;
    w->state = w->failure ? WORK_FAILED : WORK_DONE;
    over(w);
}

static void begin(void *arg) {
    struct work *w = arg;
    w->rest = NULL;
    w->state = WORK_RUNNING;
    w->started = io_now(server_io(w->server));
    w->busy = true;
    if (!w->failure && !pool_run(server_pool(w->server), make, made, w)) return;
    if (!w->failure) work_fail(w, CLASS_TRANSIENT, "", "The twin's queue is full.");
    made(w);
}

bool work_go(struct ask *a, struct work *w) {
    struct io *io = server_io(a->server);
    enum twin_class class;
    if (class_applies(a, &class)) work_fail(w, class, "", "The twin was told to fail in the class %s.", names[class]);
    w->rest = io->ops->timer_start(io, w->mood.slow, begin, w);
    if (a->tries > w->mood.lose) return true;
    http_drop(a->http);
    return false;
}

static void waiter_left(void *arg, struct http_req *r) {
    struct ask *a = arg;
    if (a->work) a->work->waiter = NULL;
}

void work_wait(struct ask *a, struct work *w) {
    w->waiter = a;
    a->work = w;
    http_on_gone(a->http, waiter_left, a);
}

void work_fail(struct work *w, enum twin_class class, const char *field, const char *format, ...) {
    va_list args;
    if (w->failure) return;
    w->failure = class;
    snprintf(w->field, sizeof w->field, "%s", field);
    va_start(args, format);
    vsnprintf(w->sentence, sizeof w->sentence, format, args);
    va_end(args);
}

void work_cancel(struct work *w) {
    struct io *io = server_io(w->server);
    if (work_over(w)) return;
    io->ops->timer_stop(io, w->rest);
    w->rest = NULL;
    w->state = WORK_CANCELLED;
    over(w);
}

struct work *work_find(struct twin_server *s, const struct face *f, struct str id) {
    for (struct work *w = server_works(s)->newest; w; w = w->next)
        if (str_is(id, w->id) && (!f || w->face == f)) return w;
    return NULL;
}

/* --- what was made --- */

struct str work_link(struct work *w, struct ask *a, int i) {
    struct str base = a ? server_base(a) : server_own(w->server);
    return arena_printf(work_arena(w, a), "%.*s/media/%s/%d/%d.%s", STR_ARG(base), w->id, w->links, i, w->outputs[i].ext);
}

struct str work_base64(const struct work *w, int i, struct arena *a) {
    _cleanup_(closep) int fd = open(w->outputs[i].path, O_RDONLY | O_CLOEXEC);
    char *bytes = arena_bytes(a, (size_t)w->outputs[i].bytes + 1);
    ssize_t n = fd < 0 ? 0 : read(fd, bytes, (size_t)w->outputs[i].bytes);
    return base64_of(str_n(bytes, n > 0 ? (size_t)n : 0), a);
}

/* The first half of what is left, and nothing behind it. */
static int half_of(int fd, int64_t from, int64_t length) {
    char piece[4096];
    int out = memfd_create("half", MFD_CLOEXEC);
    for (int64_t left = length / 2; out >= 0 && left > 0;) {
        ssize_t n = pread(fd, piece, left < (int64_t)sizeof piece ? (size_t)left : sizeof piece, from);
        if (n <= 0 || write(out, piece, (size_t)n) != n) break;
        from += n, left -= n;
    }
    close(fd);
    return out;
}

/* bytes=N- or bytes=N-M */
static bool read_range(struct str s, int64_t size, int64_t *from, int64_t *to) {
    struct str a, b;
    if (!str_starts(s, STR("bytes=")) || !str_cut(str_skip(s, 6), '-', &a, &b) || !str_to_i64(a, from) || *from < 0 || *from >= size) return false;
    *to = size - 1;
    if (b.len && (!str_to_i64(b, to) || *to < *from)) return false;
    if (*to >= size) *to = size - 1;
    return true;
}

void works_media(struct ask *a) {
    struct work *w = work_find(a->server, NULL, a->args[0]);
    struct str number, ext;
    int64_t links = 0, n = -1, from = 0, to;
    (void)str_cut(a->args[2], '.', &number, &ext);
    (void)str_to_i64(a->args[1], &links), (void)str_to_i64(number, &n);
    if (!w || n < 0 || n >= w->output_count) return answer_text(a, 404, "text/plain", STR("no such file\n"));
    if (w->mood.expire && links <= 1) return answer_text(a, 403, "text/plain", STR("this link has expired\n"));
    struct work_output *o = &w->outputs[n];
    int fd = open(o->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return answer_text(a, 404, "text/plain", STR("the file is gone\n"));
    bool part = read_range(ask_header(a, "Range"), o->bytes, &from, &to);
    if (part) answer_header(a, "Content-Range", arena_printf(a->arena, "bytes %lld-%lld/%lld", (long long)from, (long long)to, (long long)o->bytes));
    int64_t length = part ? to - from + 1 : o->bytes;
    answer_header(a, "Accept-Ranges", STR("bytes"));
    answer_header(a, "ETag", arena_printf(a->arena, "\"%s-%lld\"", w->id, (long long)n));
    w->downloads++;
    bool dies = w->downloads <= w->mood.die && length > 1;
    http_reply_file(a->http, part ? 206 : 200, o->type, dies ? half_of(fd, from, length) : fd, dies ? 0 : from, length);
}

struct str merged(const struct json *body, const char *defaults, struct arena *a) {
    struct json *more = NULL;
    struct buf b = {};
    struct jw w = {.out = &b};
    if (!json_is(body, JSON_OBJECT)) return str_of(defaults);
    must(!json_parse(str_of(defaults), a, NULL, &more));
    jw_open(&w, '{');
    for (const struct json *lists[] = {body, more}, **l = lists; l < lists + 2; l++)
        for (const struct json *m = (*l)->child; m; m = m->next) {
            struct buf one = {};
            if (*l == more && json_get_str(body, m->key)) continue;
            json_write(&one, m);
            jw_key_str(&w, m->key);
            jw_raw(&w, buf_view(&one));
            buf_done(&one);
        }
    jw_close(&w, '}');
    struct str out = arena_dup(a, buf_view(&b));
    buf_done(&b);
    return out;
}

void works_stop(struct twin_server *s) {
    struct works *all = server_works(s);
    struct io *io = server_io(s);
    while (all->newest) {
        struct work *w = all->newest;
        all->newest = w->next;
        io->ops->timer_stop(io, w->rest);
        io->ops->timer_stop(io, w->hook_rest);
        work_free(w);
    }
}
