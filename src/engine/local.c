/* Local models. The work happens on a pool's thread: ask the helper for each file, measure it, adopt it into the drive. The loop
 * only hands over and receives. A local route is idempotent: whatever an interrupted attempt left is swept, and it runs again. */
#include "engine/local.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { INPUT_FILES_MAX = 16 };

struct local {
    struct loop *loop;
    struct drive *drive;
    struct helper *helper;
    struct pool *pool;
};

/* One render with everything the thread needs and makes. */
struct job {
    struct local *local;
    const struct call *call; /* valid until done (io.h) */
    call_stage_fn *stage;
    call_done_fn *done;
    void *arg;
    uint64_t seed;
    char random[LIMIT_OUTPUTS][2][ID_LEN + 1]; /* asset id and blob name of each output, drawn on the loop */
    msec timeout;
    int64_t render_us;
    struct arena arena;
    struct output outputs[LIMIT_OUTPUTS];
    struct call_result result;
    struct media_input files[INPUT_FILES_MAX];
    size_t file_count;
    int64_t file, file_total; /* which of the outputs is being made, for the percent of the whole */
    int notes;                /* stages on their way to the loop; counted on both threads */
    bool finished;            /* answered; freed with the last note */
};
enum { STAGE_NAME = 48 };
struct note {
    struct job *job;
    char stage[STAGE_NAME];
    int percent;
};

struct local *local_create(struct loop *loop, struct drive *drive, struct helper *helper, int at_once) {
    struct local *l = calloc(1, sizeof *l);
    must(l);
    *l = (struct local){.loop = loop, .drive = drive, .helper = helper};
    l->pool = pool_create(loop, "render", at_once, LIMIT_COMMIT_QUEUE);
    return l;
}

void local_destroy(struct local *l) {
    if (!l) return;
    pool_destroy(l->pool);
    free(l);
}

int local_waiting(const struct local *l) { return pool_waiting(l->pool); }

static void failed(struct job *j, err code, const char *detail) {
    j->result.code = code;
    j->result.failure = code == E_INVALID ? FAIL_CALLER : code == E_NO_ROUTE ? FAIL_UNCLASSIFIED : FAIL_TRANSIENT;
    j->result.detail = arena_dup(&j->arena, str_of(detail));
}

static void keep(struct job *j, int64_t i, const char *tmp, const struct render_answer *a) {
    struct why why = {};
    struct output *o = &j->outputs[i];
    char sha256[65];
    uint8_t head[4096];
    _cleanup_(closep) int fd = open(tmp, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : pread(fd, head, sizeof head, 0);
    struct sniffed s = media_sniff(str_n(head, got > 0 ? (size_t)got : 0));
    if (got <= 0 || !s.type || strcmp(s.type, a->type)) {
        failed(j, E_UPSTREAM, "The local renderer made a file that is not what it says it is.");
        return;
    }
    o->blob = arena_printf(&j->arena, "%.*s/%lld/%lld-%s", STR_ARG(j->call->generation), (long long)j->call->attempt, (long long)i + 1, j->random[i][1]);
    err r = drive_adopt(j->local->drive, tmp, o->blob, &why, sha256, &o->bytes);
    if (r) {
        failed(j, r, why_text(&why));
        return;
    }
    o->asset = str_of(j->random[i][0]);
    o->type = str_of(s.type);
    o->ext = str_of(s.ext);
    o->kind = str_of(s.kind);
    o->sha256 = arena_dup(&j->arena, str_of(sha256));
    struct buf facts = {};
    struct jw w = {.out = &facts};
    jw_open(&w, '{');
    if (a->width) jw_ki64(&w, "width", a->width);
    if (a->height) jw_ki64(&w, "height", a->height);
    if (a->duration_ms) jw_ki64(&w, "duration_ms", a->duration_ms);
    if (a->scene[0]) jw_kraw(&w, "scene", str_of(a->scene));
    jw_close(&w, '}');
    o->facts = arena_dup(&j->arena, buf_view(&facts));
    buf_done(&facts);
    j->result.output_count = i + 1;
}

/* --- stages: from the pool's thread to the loop --- */

static void job_free(struct job *j) {
    arena_done(&j->arena);
    free(j);
}

static void note_arrived(void *arg) {
    struct note *n = arg;
    struct job *j = n->job;
    if (!j->finished) j->stage(j->arg, j->call, str_of(n->stage), n->percent);
    free(n);
    if (__atomic_sub_fetch(&j->notes, 1, __ATOMIC_ACQ_REL) == 0 && j->finished) job_free(j);
}

static void on_stage(void *arg, const char *stage, int percent) {
    struct job *j = arg;
    struct note *n = calloc(1, sizeof *n);
    must(n);
    n->job = j;
    n->percent = (int)((j->file * 100 + percent) / j->file_total);
    snprintf(n->stage, sizeof n->stage, "%s", stage);
    __atomic_add_fetch(&j->notes, 1, __ATOMIC_ACQ_REL);
    loop_post(j->local->loop, note_arrived, n);
}

/* --- input files --- */

static bool open_files(struct job *j) {
    struct json *list = NULL;
    if (str_empty(j->call->files)) return true;
    if (json_parse(j->call->files, &j->arena, NULL, &list)) {
        failed(j, E_CORRUPT, "The list of input files cannot be read.");
        return false;
    }
    for (const struct json *f = list->child; f; f = f->next) {
        struct str name, blob;
        struct why why = {};
        int64_t bytes;
        if (j->file_count == INPUT_FILES_MAX || !json_as_str(json_get(f, "input"), &name) || !json_as_str(json_get(f, "blob"), &blob)) {
            failed(j, E_INVALID, "There are more input files than a local model takes.");
            return false;
        }
        struct media_input *in = &j->files[j->file_count];
        in->name = arena_strz(&j->arena, name);
        err e = drive_blob_open(j->local->drive, blob, &why, &in->fd, &bytes);
        if (e) {
            failed(j, e == E_NOT_FOUND ? E_INVALID : e, e == E_NOT_FOUND ? "An input file was deleted before the model could read it." : why_text(&why));
            return false;
        }
        j->file_count++;
    }
    return true;
}

static void close_files(struct job *j) {
    while (j->file_count) close(j->files[--j->file_count].fd);
}

static void render_one(struct job *j, int64_t i, struct buf *metrics) {
    char tmp[400] = "";
    bool text = str_is(j->call->kind_wanted, "text");
    if (!text) snprintf(tmp, sizeof tmp, "%s/%s", drive_tmp(j->local->drive), j->random[i][1]);
    struct render_answer *a = arena_new(&j->arena, struct render_answer);
    struct render_job job = {.model = arena_strz(&j->arena, j->call->route), .inputs = j->call->inputs, .seed = j->seed + (uint64_t)i,
                             .out_path = text ? NULL : tmp, .timeout = j->timeout, .files = j->files, .file_count = j->file_count,
                             .stage = on_stage, .stage_arg = j};
    j->file = i;
    helper_render(j->local->helper, &job, a);
    if (a->code) failed(j, a->code, a->detail);
    else if (!text) keep(j, i, tmp, a);
    if (tmp[0]) unlink(tmp);
    buf_printf(metrics, "%s{\"render_us\":%lld,\"encode_us\":%lld}", i ? "," : "", (long long)a->render_us, (long long)a->encode_us);
    j->render_us += a->render_us + a->encode_us;
}

static void work(void *arg) {
    struct job *j = arg;
    struct json *inputs = NULL;
    int64_t n = 1, seed;
    if (!json_parse(j->call->inputs, &j->arena, NULL, &inputs)) {
        (void)json_as_i64(json_get(inputs, "n"), &n);
        if (json_as_i64(json_get(inputs, "seed"), &seed)) j->seed = (uint64_t)seed;
    }
    if (n < 1 || n > LIMIT_OUTPUTS) n = 1;
    _cleanup_(buf_done) struct buf metrics = {};
    j->file_total = n;
    if (open_files(j))
        for (int64_t i = 0; i < n && !j->result.code; i++) render_one(j, i, &metrics);
    close_files(j);
    bool text = str_is(j->call->kind_wanted, "text");
    j->result.result = arena_printf(&j->arena, "{\"metrics\":{\"inference_time\":%lld.%06d,\"files\":[%.*s]}%s}",
                                    (long long)(j->render_us / 1000000), (int)(j->render_us % 1000000), STR_ARG(buf_view(&metrics)), text ? ",\"text\":\"\"" : "");
    j->result.outputs = j->outputs;
    j->result.measured = -1;
}

static void finish(void *arg) {
    struct job *j = arg;
    j->done(j->arg, j->call, &j->result);
    j->finished = true;
    if (__atomic_load_n(&j->notes, __ATOMIC_ACQUIRE) == 0) job_free(j);
}

void local_call(void *self, const struct call *c, call_stage_fn *stage, call_done_fn *done, void *arg) {
    struct local *l = self;
    struct io *io = loop_io(l->loop);
    struct job *j = calloc(1, sizeof *j);
    must(j);
    *j = (struct job){.local = l, .call = c, .stage = stage, .done = done, .arg = arg};
    io->ops->random(io, &j->seed, sizeof j->seed);
    j->seed &= INT32_MAX; /* as a caller could give it, and as JSON readers keep it exact */
    for (int i = 0; i < LIMIT_OUTPUTS; i++)
        for (int k = 0; k < 2; k++) {
            struct id id = io_new_id(io);
            memcpy(j->random[i][k], id.hex, sizeof id.hex);
        }
    msec left = c->deadline_at - io_now(io);
    j->timeout = left > 0 ? left : 1;
    if (pool_run(l->pool, work, finish, j)) {
        failed(j, E_AGAIN, "The renderer's queue is full.");
        loop_post(l->loop, finish, j);
    }
}
