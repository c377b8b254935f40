/* See command.h. */
#include "engine/command.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "engine/cage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 16, AT_ONCE = 2, FOLDER_BYTES = 400, PATH_BYTES = 800 };

struct commands {
    struct command_options o;
    struct cage *cage; /* NULL: why_not says why */
    struct why why_not;
    struct pool *pool;
    struct job *jobs; /* in the pool, and wanted */
    bool halted;      /* read on the pool's threads */
};

/* A job is taken by a thread of the pool, or left by the loop, whoever is first. */
enum turn { TURN_WAITS, TURN_TAKEN, TURN_LEFT };

/* One run with everything the thread needs and makes. */
struct job {
    struct commands *s;
    struct job *next, **at; /* in jobs; at NULL: not there */
    int turn;        /* an enum turn */
    bool unwanted;   /* read on the pool's threads */
    bool half_done;  /* left: answered, or back from the pool */
    const struct call *call; /* valid until done (io.h) */
    call_done_fn *done;
    void *arg;
    struct command_plan plan;
    char random[1 + 2 * LIMIT_OUTPUTS][ID_LEN + 1]; /* the folder; asset and blob of each output */
    msec timeout;
    struct arena arena;
    struct why why;
    char folder[FOLDER_BYTES];
    struct call_file files[FILES_MAX];
    size_t file_count;
    struct output outputs[LIMIT_OUTPUTS];
    struct call_result result;
};

/* --- life --- */

static void leave_list(struct job *j) {
    if (!j->at) return;
    *j->at = j->next;
    if (j->next) j->next->at = j->at;
    j->at = NULL;
}

static void enter_list(struct job *j) {
    j->next = j->s->jobs;
    j->at = &j->s->jobs;
    if (j->next) j->next->at = &j->next;
    *j->at = j;
}

struct commands *command_create(const struct command_options *o) {
    struct commands *s = calloc(1, sizeof *s);
    must(s);
    s->o = *o;
    if (o->walls.level != WALLS_FULL)
        why_set(&s->why_not, E_SANDBOX, "Programs of this machine run in a full sandbox only, and this host allows %s. Nothing was charged. %s", walls_level_name(o->walls.level), o->walls.detail);
    else if (cage_create(o->sandbox, &s->why_not, &s->cage)) s->cage = NULL;
    s->pool = pool_create(o->loop, "command", o->at_once > 0 ? o->at_once : AT_ONCE, LIMIT_COMMIT_QUEUE);
    return s;
}

void command_halt(struct commands *s) {
    if (s) __atomic_store_n(&s->halted, true, __ATOMIC_RELEASE);
}

void command_destroy(struct commands *s) {
    if (!s) return;
    command_halt(s);
    pool_destroy(s->pool);
    while (s->jobs) leave_list(s->jobs); /* what a thread had comes back by itself */
    cage_destroy(s->cage);
    free(s);
}

bool command_ready(const struct commands *s) { return s->cage != NULL; }
int command_waiting(const struct commands *s) { return pool_waiting(s->pool); }

/* --- failures --- */

static void failed(struct job *j, err code, enum failure failure, const char *detail) {
    if (j->result.code) return;
    j->result.code = code;
    j->result.failure = failure;
    j->result.detail = arena_dup(&j->arena, str_of(detail));
}

static void failed_why(struct job *j, err code, enum failure failure) { failed(j, code, failure, why_text(&j->why)); }

/* --- the folder: in/ and out/ --- */

static int open_entry(const char *path, const struct stat *st, int kind, struct FTW *at) {
    if ((kind == FTW_D || kind == FTW_DNR) && chmod(path, 0700)) return 0; /* the next round sees it again */
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at) {
    if (remove(path)) return 0;
    return 0;
}

/* Folders that the program closed are opened first, one level of such a round. What stays after all is left to the sweep. */
static void remove_folder(struct job *j) {
    enum { DESCRIPTORS = 16, ROUNDS = 16 };
    for (int i = 0; i < ROUNDS && j->folder[0] && access(j->folder, F_OK) == 0; i++) {
        nftw(j->folder, open_entry, DESCRIPTORS, FTW_PHYS);
        nftw(j->folder, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
    }
}

static bool make_folder(struct job *j) {
    char path[PATH_BYTES];
    snprintf(j->folder, sizeof j->folder, "%s/run-%s", drive_tmp(j->s->o.drive), j->random[0]);
    bool ok = mkdir(j->folder, 0700) == 0;
    snprintf(path, sizeof path, "%s/in", j->folder);
    ok = ok && mkdir(path, 0700) == 0;
    snprintf(path, sizeof path, "%s/out", j->folder);
    ok = ok && mkdir(path, 0700) == 0;
    if (!ok) failed(j, errno == ENOSPC ? E_STORAGE_FULL : E_IO, FAIL_TRANSIENT, "The program's folder could not be made on this server. Nothing was charged.");
    return ok;
}

/* The blob under a name of its own in in/: a second link, which the sandbox sees read-only. */
static bool place_file(struct job *j, struct str blob, struct call_file *f) {
    char from[64], to[PATH_BYTES], head[4096];
    _cleanup_(closep) int fd = -1;
    err e = drive_blob_open(j->s->o.drive, blob, &j->why, &fd, &f->bytes);
    if (e == E_NOT_FOUND) return failed(j, E_INVALID, FAIL_CALLER, "An input file was deleted before the program could read it. Nothing was charged; upload it again."), false;
    if (e) return failed_why(j, e, FAIL_TRANSIENT), false;
    ssize_t got = pread(fd, head, sizeof head, 0);
    struct sniffed s = media_sniff(str_n(head, got > 0 ? (size_t)got : 0));
    f->name = arena_printf(&j->arena, "%.*s-%lld.%s", STR_ARG(f->input), (long long)f->index + 1, s.ext ? s.ext : "bin");
    f->url = arena_printf(&j->arena, "in/%.*s", STR_ARG(f->name));
    snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
    snprintf(to, sizeof to, "%s/%.*s", j->folder, STR_ARG(f->url));
    if (linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW)) return failed(j, E_IO, FAIL_TRANSIENT, "An input file could not be handed to the program on this server. Nothing was charged."), false;
    return true;
}

static bool place_files(struct job *j) {
    struct json *list = NULL;
    if (str_empty(j->call->files)) return true;
    if (json_parse(j->call->files, &j->arena, NULL, &list)) return failed(j, E_CORRUPT, FAIL_UNCLASSIFIED, "The list of input files cannot be read. Nothing was charged."), false;
    for (const struct json *n = list->child; n; n = n->next) {
        struct call_file *f = &j->files[j->file_count];
        struct str blob;
        if (j->file_count == FILES_MAX || !json_as_str(json_get(n, "input"), &f->input) || !json_as_str(json_get(n, "blob"), &blob))
            return failed(j, E_INVALID, FAIL_CALLER, "There are more than 16 input files, which is what a program takes. Nothing was charged."), false;
        json_as_str(json_get(n, "type"), &f->type);
        for (size_t i = 0; i < j->file_count; i++) f->index += str_eq(j->files[i].input, f->input);
        j->file_count++;
        if (!place_file(j, blob, f)) return false;
    }
    return true;
}

/* --- the run --- */

static bool is_stopped(void *arg) {
    struct job *j = arg;
    return __atomic_load_n(&j->s->halted, __ATOMIC_ACQUIRE) || __atomic_load_n(&j->unwanted, __ATOMIC_ACQUIRE);
}

/* {model} in the words of the description. */
static const struct str *words_of(struct job *j, size_t *count) {
    const struct endpoint_info *info = endpoint_info(j->plan.endpoint);
    struct str *words = arena_array(&j->arena, struct str, info->command_count + 1);
    struct str model = j->plan.route ? j->plan.route->model : j->call->route;
    for (size_t i = 0; i < info->command_count; i++) {
        struct buf b = {};
        for (struct str rest = info->command[i]; rest.len;) {
            bool here = str_starts(rest, STR("{model}"));
            buf_str(&b, here ? model : str_head(rest, 1));
            rest = str_skip(rest, here ? 7 : 1);
        }
        words[i] = arena_dup(&j->arena, buf_view(&b));
        buf_done(&b);
    }
    *count = info->command_count;
    return words;
}

static bool run(struct job *j, struct cage_result *r) {
    const struct call *c = j->call;
    const struct provider_call pc = {.slug = j->plan.model ? j->plan.model->slug : (struct str){}, .kind = c->kind_wanted, .model = j->plan.route ? j->plan.route->model : c->route,
                                     .our_ref = c->our_ref, .inputs = c->inputs, .spec = j->plan.model, .route = j->plan.route, .files = j->files, .file_count = j->file_count};
    char in[PATH_BYTES], out[PATH_BYTES];
    struct str text;
    err e = provider_call_text(j->plan.endpoint, &pc, j->s->o.evaluator.run ? &j->s->o.evaluator : NULL, &j->arena, &j->why, &text);
    if (e) return failed_why(j, e, FAIL_UNCLASSIFIED), false;
    snprintf(in, sizeof in, "%s/in", j->folder);
    snprintf(out, sizeof out, "%s/out", j->folder);
    struct cage_job job = {.input = text, .in = in, .out = out, .timeout = j->timeout, .stopped = is_stopped, .arg = j};
    job.words = words_of(j, &job.word_count);
    e = cage_run(j->s->cage, &job, &j->arena, &j->why, r);
    if (e) return failed_why(j, e, e == E_SANDBOX ? FAIL_SANDBOX : FAIL_UNCLASSIFIED), false;
    return true;
}

/* What the program says of itself on standard output; NULL when it says nothing that is an object. */
static const struct json *report_of(struct job *j, const struct cage_result *r) {
    struct json *report = NULL;
    if (!str_trim(r->text).len || json_parse_how(r->text, JSON_REPAIR, &j->arena, NULL, NULL, &report)) return NULL;
    return json_is(report, JSON_OBJECT) ? report : NULL;
}

static void judge(struct job *j, const struct cage_result *r, const struct json *report) {
    const struct json *error = json_get(report, "error");
    struct str word = {0}, message = {0};
    if (r->end == CAGE_STOPPED) return failed(j, E_UPSTREAM, FAIL_TRANSIENT, "The server stopped while the program ran. Nothing was charged.");
    if (r->end == CAGE_LATE)
        return failed(j, E_DEADLINE, FAIL_UNCLASSIFIED, arena_strz(&j->arena, arena_printf(&j->arena, "The program was not finished after %lld s and was ended; nothing was charged.", (long long)(j->timeout / MS_SECOND))));
    if (r->end == CAGE_FLOODED) return failed(j, E_UPSTREAM, FAIL_UNCLASSIFIED, "The program wrote more than this server takes and was ended; nothing was charged.");
    if (json_is(error, JSON_OBJECT)) {
        json_as_str(json_get(error, "class"), &word);
        json_as_str(json_get(error, "message"), &message);
        while (message.len && strchr(" .", message.ptr[message.len - 1])) message.len--;
        enum failure f = failure_by_name(word);
        if (f == FAIL_NONE || f >= FAIL_OUTPUT_LOST) f = FAIL_UNCLASSIFIED; /* those are not a program's to say */
        struct str line = arena_printf(&j->arena, "The program refused: %.*s. Nothing was charged.", STR_ARG(str_head_text(message.len ? message : STR("it said nothing about why"), 300)));
        return failed(j, failure_err(f), f, arena_strz(&j->arena, line));
    }
    if (r->status)
        failed(j, E_UPSTREAM, FAIL_UNCLASSIFIED,
               arena_strz(&j->arena, arena_printf(&j->arena, "The program ended with status %d%s%.*s; nothing was charged.", r->status, r->said.len ? ": " : "", STR_ARG(r->said))));
}

/* --- what it left --- */

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Names of the files in out/, in order; more than can be taken are none. */
static size_t list_outputs(struct job *j, const char *out, char *names[LIMIT_OUTPUTS + 1]) {
    size_t n = 0;
    DIR *d = opendir(out);
    if (!d) return 0;
    for (struct dirent *e; n <= LIMIT_OUTPUTS && (e = readdir(d));) {
        struct stat st;
        if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode)) continue;
        if (fchmodat(dirfd(d), e->d_name, 0600, 0)) continue; /* whatever it had given itself */
        names[n++] = arena_strz(&j->arena, str_of(e->d_name));
    }
    closedir(d);
    qsort(names, n, sizeof *names, by_name);
    return n;
}

static struct media_facts facts_of(struct job *j, int fd, struct str head, const struct sniffed *s) {
    struct media_facts f = media_measure(head);
    if (!j->s->o.helper || (!strcmp(s->kind, "image") && f.width)) return f;
    struct read_answer *a = arena_new(&j->arena, struct read_answer);
    helper_read(j->s->o.helper, &(struct read_job){.fd = fd, .want = READ_PROBE}, a);
    return a->code ? f : (struct media_facts){.width = a->width, .height = a->height, .duration_ms = a->duration_ms};
}

static void measure(struct job *j, const struct media_facts *f) {
    struct str unit = j->plan.model ? j->plan.model->unit : (struct str){};
    int64_t n = -1;
    if (str_is(unit, "second") && f->duration_ms > 0) n = f->duration_ms;
    if (str_is(unit, "megapixel") && f->width > 0) n = f->width * f->height;
    if (n > j->result.measured) j->result.measured = n;
}

static struct str facts_text(struct job *j, const struct media_facts *f) {
    struct buf b = {};
    struct jw w = {.out = &b};
    jw_open(&w, '{');
    if (f->width) jw_ki64(&w, "width", f->width);
    if (f->height) jw_ki64(&w, "height", f->height);
    if (f->duration_ms) jw_ki64(&w, "duration_ms", f->duration_ms);
    jw_close(&w, '}');
    struct str text = arena_dup(&j->arena, buf_view(&b));
    buf_done(&b);
    return text;
}

static bool keep(struct job *j, const char *path, size_t i) {
    struct output *o = &j->outputs[i];
    char head[4096], sha256[65];
    _cleanup_(closep) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : pread(fd, head, sizeof head, 0);
    struct str beginning = str_n(head, got > 0 ? (size_t)got : 0);
    struct sniffed s = media_sniff(beginning);
    if (!s.type || strcmp(s.kind, arena_strz(&j->arena, j->call->kind_wanted)))
        return failed(j, E_UPSTREAM, FAIL_UNCLASSIFIED, arena_strz(&j->arena, arena_printf(&j->arena, "The program left the file %.60s, which is %s and not %.*s; nothing was charged.", strrchr(path, '/') + 1, s.type ? s.type : "of no known kind", STR_ARG(j->call->kind_wanted)))), false;
    struct media_facts facts = facts_of(j, fd, beginning, &s);
    o->blob = arena_printf(&j->arena, "%.*s/%lld/%zu-%s", STR_ARG(j->call->generation), (long long)j->call->attempt, i + 1, j->random[2 + 2 * i]);
    err e = drive_adopt(j->s->o.drive, path, o->blob, &j->why, sha256, &o->bytes);
    if (e) return failed_why(j, e, FAIL_TRANSIENT), false;
    o->asset = str_of(j->random[1 + 2 * i]);
    o->type = str_of(s.type);
    o->ext = str_of(s.ext);
    o->kind = str_of(s.kind);
    o->sha256 = arena_dup(&j->arena, str_of(sha256));
    o->facts = facts_text(j, &facts);
    measure(j, &facts);
    j->result.output_count = (int64_t)i + 1;
    return true;
}

static void keep_all(struct job *j) {
    char out[PATH_BYTES], path[PATH_BYTES + 300], *names[LIMIT_OUTPUTS + 1];
    snprintf(out, sizeof out, "%s/out", j->folder);
    size_t n = list_outputs(j, out, names);
    if (!n) return failed(j, E_UPSTREAM, FAIL_UNCLASSIFIED, "The program ended well but left no file in out/; nothing was charged.");
    if (n > LIMIT_OUTPUTS) return failed(j, E_UPSTREAM, FAIL_UNCLASSIFIED, "The program left more than 16 files in out/; nothing was charged.");
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", out, names[i]);
        if (!keep(j, path, i)) return;
    }
}

static void write_result(struct job *j, const struct json *report) {
    static const char *const members[] = {"metrics", "text", "words", "language_code"};
    bool text = str_is(j->call->kind_wanted, "text");
    struct buf b = {}, value = {};
    struct jw w = {.out = &b};
    jw_open(&w, '{');
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const struct json *m = json_get(report, members[i]);
        bool fits = i == 0 ? json_is(m, JSON_OBJECT) : text && m && m->type != JSON_NULL;
        if (i == 0 && !fits) jw_kraw(&w, "metrics", STR("{}"));
        if (!fits) continue;
        buf_clear(&value);
        json_write(&value, m);
        jw_kraw(&w, members[i], buf_view(&value));
    }
    jw_close(&w, '}');
    j->result.result = arena_dup(&j->arena, buf_view(&b));
    buf_done(&b);
    buf_done(&value);
    struct str said;
    if (text && !json_as_str(json_get(report, "text"), &said)) failed(j, E_UPSTREAM, FAIL_UNCLASSIFIED, "The program wrote no JSON object with `text` to its standard output; nothing was charged.");
}

/* --- a reply that stands for what was kept, and back --- */

static void write_reply(struct job *j) {
    struct buf b = {};
    struct jw w = {.out = &b};
    jw_open(&w, '{');
    jw_ki64(&w, "measured", j->result.measured);
    jw_kraw(&w, "result", j->result.result);
    jw_key(&w, "outputs");
    jw_open(&w, '[');
    for (int64_t i = 0; i < j->result.output_count; i++) {
        const struct output *o = &j->outputs[i];
        jw_open(&w, '{');
        jw_kstr(&w, "asset", o->asset);
        jw_kstr(&w, "blob", o->blob);
        jw_kstr(&w, "ext", o->ext);
        jw_kstr(&w, "type", o->type);
        jw_kstr(&w, "kind", o->kind);
        jw_kstr(&w, "sha256", o->sha256);
        jw_kraw(&w, "facts", o->facts);
        jw_ki64(&w, "bytes", o->bytes);
        jw_close(&w, '}');
    }
    jw_close(&w, ']');
    jw_close(&w, '}');
    j->result.reply = arena_dup(&j->arena, buf_view(&b));
    j->result.their_ref = j->call->our_ref;
    j->result.state = CALL_FINISHED;
    buf_done(&b);
}

static struct str json_text(struct job *j, const struct json *v) {
    struct buf b = {};
    if (v) json_write(&b, v);
    struct str text = arena_dup(&j->arena, buf_view(&b));
    buf_done(&b);
    return text;
}

static bool read_output(struct job *j, const struct json *v, struct output *o) {
    o->facts = json_text(j, json_get(v, "facts"));
    return json_as_str(json_get(v, "asset"), &o->asset) && json_as_str(json_get(v, "blob"), &o->blob) && json_as_str(json_get(v, "ext"), &o->ext) &&
           json_as_str(json_get(v, "type"), &o->type) && json_as_str(json_get(v, "kind"), &o->kind) && json_as_str(json_get(v, "sha256"), &o->sha256) &&
           json_as_i64(json_get(v, "bytes"), &o->bytes);
}

static void read_reply(struct job *j) {
    struct json *reply = NULL;
    bool ok = json_parse(j->call->reply, &j->arena, NULL, &reply) == OK && json_as_i64(json_get(reply, "measured"), &j->result.measured);
    const struct json *list = json_get(reply, "outputs");
    for (const struct json *v = list ? list->child : NULL; ok && v; v = v->next)
        ok = j->result.output_count < LIMIT_OUTPUTS && read_output(j, v, &j->outputs[j->result.output_count++]);
    if (!ok) return failed(j, E_CORRUPT, FAIL_UNCLASSIFIED, "What the program had made cannot be read any more. Nothing was charged.");
    j->result.outputs = j->outputs;
    j->result.result = json_text(j, json_get(reply, "result"));
}

/* True to the first who asks, once. */
static bool take_turn(struct job *j, enum turn turn) {
    int waits = TURN_WAITS;
    return __atomic_compare_exchange_n(&j->turn, &waits, turn, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static void work(void *arg) {
    struct job *j = arg;
    struct cage_result r = {0};
    if (!take_turn(j, TURN_TAKEN)) return;
    if (make_folder(j) && place_files(j) && run(j, &r)) {
        const struct json *report = report_of(j, &r);
        judge(j, &r, report);
        if (!j->result.code) write_result(j, report);
        if (!j->result.code && !str_is(j->call->kind_wanted, "text")) keep_all(j);
    }
    if (j->result.code) j->result.output_count = 0; /* what was adopted has no owner: the sweep takes it */
    j->result.outputs = j->outputs;
    if (!j->result.code && j->call->kind == CALL_SUBMIT) write_reply(j);
    remove_folder(j);
}

/* One that was left is answered by the loop and comes back from the pool, in either order: the second frees it. */
static void let_go(struct job *j) {
    if (j->turn == TURN_LEFT && !j->half_done) {
        j->half_done = true;
        return;
    }
    arena_done(&j->arena);
    free(j);
}

/* Of one that nobody wants nothing counts any more, not even that its files were stored already: no row will name them, and the sweep takes them. */
static void answer(struct job *j) {
    leave_list(j);
    if (j->unwanted)
        j->result = (struct call_result){.code = E_CANCELLED, .failure = FAIL_TRANSIENT, .detail = STR("Nobody wants the file any more. Nothing was charged."), .measured = -1, .percent = -1};
    j->done(j->arg, j->call, &j->result);
}

static void finish(void *arg) {
    struct job *j = arg;
    if (j->turn != TURN_LEFT) answer(j);
    let_go(j);
}

static void left(void *arg) {
    struct job *j = arg;
    answer(j);
    let_go(j);
}

static void begin(struct job *j) {
    struct commands *s = j->s;
    err e = s->cage ? s->o.find(s->o.arg, j->call, &j->why, &j->plan) : E_SANDBOX;
    if (!s->cage) j->why = s->why_not;
    if (e) failed_why(j, e, e == E_SANDBOX ? FAIL_SANDBOX : FAIL_UNCLASSIFIED);
    else if (endpoint_info(j->plan.endpoint)->protocol != PROTOCOL_COMMAND)
        failed(j, E_DESCRIPTION, FAIL_UNCLASSIFIED, "The route does not lead to a program of this machine. Nothing was charged.");
    msec own = e ? 0 : endpoint_info(j->plan.endpoint)->timeout;
    if (own > 0 && own < j->timeout) j->timeout = own;
}

void command_call(void *self, const struct call *c, call_stage_fn *stage, call_done_fn *done, void *arg) {
    struct commands *s = self;
    struct io *io = loop_io(s->o.loop);
    struct job *j = calloc(1, sizeof *j);
    must(j);
    *j = (struct job){.s = s, .call = c, .done = done, .arg = arg};
    for (size_t i = 0; i < sizeof j->random / sizeof *j->random; i++) {
        struct id id = io_new_id(io);
        memcpy(j->random[i], id.hex, sizeof id.hex);
    }
    j->timeout = c->deadline_at - io_now(io);
    if (j->timeout < 1) j->timeout = 1;
    j->result.measured = j->result.percent = -1;
    if (c->kind == CALL_RENDER || c->kind == CALL_SUBMIT) {
        begin(j);
        if (!j->result.code) enter_list(j);
        if (!j->result.code && !pool_run(s->pool, work, finish, j)) return;
        failed(j, E_AGAIN, FAIL_TRANSIENT, "The queue of programs is full. Nothing was charged.");
    } else if (c->kind == CALL_FETCH) read_reply(j);
    else j->result.state = c->kind == CALL_CANCEL ? CALL_RUNNING : CALL_NOT_FOUND; /* a program that ran before a restart runs no more */
    loop_post(s->o.loop, finish, j);
}

void command_unwanted(void *self, const struct call *c) {
    struct commands *s = self;
    struct job *j = s->jobs;
    while (j && (j->unwanted || j->call->attempt != c->attempt || !str_eq(j->call->generation, c->generation))) j = j->next;
    if (!j) return;
    __atomic_store_n(&j->unwanted, true, __ATOMIC_RELEASE); /* its thread sees it within moments */
    if (take_turn(j, TURN_LEFT)) loop_post(s->o.loop, left, j);
}
