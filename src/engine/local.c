/* Local models. The work happens on a pool's thread: ask the helper for each file, measure it, adopt it into the drive. The loop
 * only hands over and receives, as many at once as there are threads; the others wait here, where projects have their turns (fair.h). A
 * local route is idempotent: whatever an interrupted attempt left is swept, and it runs again. */
#include "engine/local.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "engine/fair.h"
#include "twin/plan.h"

#include <fcntl.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { INPUT_FILES_MAX = 16, WAITS_LOOK_MS = 500, WAITS_EVERY_MS = 5000 };

struct local {
    struct loop *loop;
    struct drive *drive;
    struct helper *helper;
    struct pool *pool;
    const struct model *(*find)(void *self, struct str catalog, struct str slug);
    void *find_self;
    struct job *jobs;        /* not answered yet */
    struct fair fair;        /* threads as places */
    struct timer *wait_look; /* while some wait */
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
    bool twin;
    const struct model *model; /* of the twin; NULL: not known any more */
    struct twin_file facts[INPUT_FILES_MAX]; /* of each input file, for the twin */
    struct timer *rest; /* told to be slow: waits for it */
    struct job *next, **at;
    struct fair_wait turn;
    msec came, told_at; /* by the monotonic clock; when it was told that it waits, 0: never */
    int64_t told;       /* how many were before it */
    int ender;          /* an eventfd of the thread that works on it; 0: none */
    bool unwanted;      /* read on the thread too */
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
    l->pool = pool_create(loop, "render", at_once, at_once);
    l->fair.places = at_once;
    return l;
}

void local_find_models(struct local *l, const struct model *(*find)(void *self, struct str catalog, struct str slug), void *self) {
    l->find = find;
    l->find_self = self;
}

static void failed(struct job *j, err code, const char *detail) {
    j->result.code = code;
    j->result.failure = code == E_INVALID ? FAIL_CALLER : code == E_NO_ROUTE ? FAIL_UNCLASSIFIED : code == E_DEADLINE ? FAIL_DEADLINE : FAIL_TRANSIENT;
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
    if (j->ender) close(j->ender);
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

static void render_one(struct job *j, const struct render_job *what, int64_t i, struct buf *metrics) {
    char tmp[400] = "";
    bool text = str_is(j->call->kind_wanted, "text");
    if (!text) snprintf(tmp, sizeof tmp, "%s/%s", drive_tmp(j->local->drive), j->random[i][1]);
    struct render_answer *a = arena_new(&j->arena, struct render_answer);
    struct render_job job = *what;
    job.seed = j->seed + (uint64_t)i;
    job.out_path = text ? NULL : tmp;
    job.timeout = j->timeout;
    job.stage = on_stage;
    job.stage_arg = j;
    job.unwanted = j->ender;
    j->file = i;
    helper_render(j->local->helper, &job, a);
    if (a->code == E_DEADLINE) failed(j, a->code, arena_printf(&j->arena, "The render was not finished within the %lld s that it may take.", (long long)(j->timeout / MS_SECOND)).ptr);
    else if (a->code) failed(j, a->code, a->detail);
    else if (!text) keep(j, i, tmp, a);
    if (tmp[0]) unlink(tmp);
    buf_printf(metrics, "%s{\"render_us\":%lld,\"encode_us\":%lld}", i ? "," : "", (long long)a->render_us, (long long)a->encode_us);
    j->render_us += a->render_us + a->encode_us;
}

static int64_t read_number(struct job *j) {
    struct json *inputs = NULL;
    int64_t n = 1, seed;
    if (!json_parse(j->call->inputs, &j->arena, NULL, &inputs)) {
        (void)json_as_i64(json_get(inputs, "n"), &n);
        if (json_as_i64(json_get(inputs, "seed"), &seed)) j->seed = (uint64_t)seed;
    }
    return n < 1 || n > LIMIT_OUTPUTS ? 1 : n;
}

static void render_all(struct job *j, const struct render_job *what, int64_t n, struct buf *metrics) {
    j->file_total = n;
    for (int64_t i = 0; i < n && !j->result.code; i++) render_one(j, what, i, metrics);
}

static void work_local(struct job *j, struct buf *metrics) {
    int64_t n = read_number(j);
    if (!open_files(j)) return;
    const struct render_job what = {.model = arena_strz(&j->arena, j->call->route), .inputs = j->call->inputs, .files = j->files, .file_count = j->file_count};
    render_all(j, &what, n, metrics);
}

/* --- the twin --- */

static void failed_as(struct job *j, enum failure class, const char *detail) {
    failed(j, E_UPSTREAM, detail);
    j->result.failure = class;
}

/* What its mood says of this attempt. */
static bool plays_along(struct job *j, const struct twin_mood *m) {
    int64_t n = j->call->attempt;
    if (m->fail[0] && (!m->fail_times || n <= m->fail_times)) {
        enum failure class = failure_by_name(str_of(m->fail));
        failed_as(j, class, arena_printf(&j->arena, "The sandbox was told to fail in the class %s.", m->fail).ptr);
        return false;
    }
    if (n <= m->busy) {
        failed_as(j, FAIL_RATE_LIMIT, "The sandbox was told to be busy.");
        j->result.retry_after = m->busy_for;
        return false;
    }
    if (n <= m->lose) failed_as(j, FAIL_TRANSIENT, "The sandbox was told to lose its answer.");
    return !j->result.code;
}

static void look_at(struct job *j, size_t i) {
    uint8_t head[4096];
    struct twin_file *f = &j->facts[i];
    ssize_t got = pread(j->files[i].fd, head, sizeof head, 0);
    struct str view = str_n(head, got > 0 ? (size_t)got : 0);
    struct sniffed s = media_sniff(view);
    struct media_facts facts = media_measure(view);
    *f = (struct twin_file){.input = str_of(j->files[i].name), .type = s.type ? s.type : "", .width = facts.width, .height = facts.height};
    if (!s.kind || !strcmp(s.kind, "image")) return;
    struct read_job job = {.fd = j->files[i].fd, .want = READ_PROBE};
    struct read_answer *a = arena_new(&j->arena, struct read_answer);
    helper_read(j->local->helper, &job, a);
    if (!a->code) f->width = a->width, f->height = a->height, f->duration_ms = a->duration_ms;
}

/* Of one output, as the price counts: its own measure, or that of the file it was made from. */
static int64_t measure(struct job *j, const struct model_counts *counts, struct str text) {
    struct str unit = j->model ? j->model->unit : STR("");
    struct json *facts = NULL;
    int64_t ms = 0, w = 0, h = 0;
    if (counts->media.len) {
        for (size_t i = 0; i < j->file_count; i++)
            if (str_eq(j->facts[i].input, counts->media)) ms += j->facts[i].duration_ms;
        return ms ? ms : -1;
    }
    if (!counts->measured) return -1;
    if (str_is(unit, "kchar")) return (int64_t)str_code_points(text);
    if (!j->result.output_count || json_parse(j->outputs[0].facts, &j->arena, NULL, &facts)) return -1;
    (void)json_as_i64(json_get(facts, "duration_ms"), &ms), (void)json_as_i64(json_get(facts, "width"), &w), (void)json_as_i64(json_get(facts, "height"), &h);
    int64_t n = str_is(unit, "second") ? ms : w * h;
    return n ? n : -1;
}

static void write_warnings(struct job *j, struct jw *w, int64_t wanted) {
    struct str kind = j->call->kind_wanted;
    jw_key(w, "warnings");
    jw_open(w, '[');
    if (j->result.output_count && !str_eq(j->outputs[0].kind, kind))
        jw_str(w, arena_printf(&j->arena, "The sandbox delivered %.*s where %.*s was asked for; the file is kept as it is.", STR_ARG(j->outputs[0].type), STR_ARG(kind)));
    if (j->result.output_count && j->result.output_count < wanted)
        jw_str(w, arena_printf(&j->arena, "outputs_missing: %lld files were asked for and the sandbox made %lld; only these are billed.", (long long)wanted, (long long)j->result.output_count));
    jw_close(w, ']');
}

/* No row will ever name them. */
static void forget_outputs(struct job *j) {
    for (int64_t i = 0; i < j->result.output_count; i++)
        if (drive_blob_delete(j->local->drive, j->outputs[i].blob)) return; /* the sweep takes the rest */
    j->result.output_count = 0;
}

/* As of a provider: what the model does not make is neither kept nor billed. All are of one kind here. */
static void refuse_misfits(struct job *j) {
    const struct output *o = &j->outputs[0];
    if (j->result.code || !j->result.output_count || media_may_be(o->kind, o->type, j->call->kind_wanted)) return;
    failed_as(j, FAIL_OUTPUT_LOST, arena_printf(&j->arena, "The sandbox delivered %.*s where %.*s was to be made. Nothing was charged.", STR_ARG(o->type), STR_ARG(j->call->kind_wanted)).ptr);
    forget_outputs(j);
}

static void work_twin(struct job *j, struct buf *metrics, struct buf *more) {
    struct model_counts counts = j->model ? model_counts(j->model) : (struct model_counts){};
    struct media_input given[INPUT_FILES_MAX];
    struct twin_plan plan;
    struct why why = {};
    (void)read_number(j);
    if (!open_files(j)) return;
    for (size_t i = 0; i < j->file_count; i++) look_at(j, i);
    struct twin_call c = {.slug = j->call->route, .kind = j->call->kind_wanted, .inputs = j->call->inputs, .length_input = counts.length,
                          .outputs_input = counts.outputs, .media_input = counts.media, .files = j->facts, .file_count = j->file_count};
    if (twin_plan(&c, &j->arena, &why, &plan)) {
        failed(j, E_INVALID, why_text(&why));
        return;
    }
    if (!plays_along(j, &plan.mood)) return;
    if (plan.outputs < 1) failed_as(j, FAIL_UNCLASSIFIED, "The sandbox was told to hand over no file.");
    struct render_job what = {.model = plan.model, .inputs = plan.inputs, .files = given};
    for (size_t i = 0; i < j->file_count; i++)
        if (plan.names[i]) given[what.file_count++] = (struct media_input){.name = plan.names[i], .fd = j->files[i].fd};
    if (plan.model) render_all(j, &what, plan.outputs, metrics);
    refuse_misfits(j);
    struct jw w = {.out = more, .comma = true};
    jw_kbool(&w, "sandbox", true);
    if (!plan.model) jw_kstr(&w, "text", plan.text), jw_kstr(&w, "language_code", plan.language), jw_kraw(&w, "words", plan.words);
    write_warnings(j, &w, plan.outputs + plan.mood.fewer);
    j->result.measured = measure(j, &counts, plan.text);
}

static void work(void *arg) {
    struct job *j = arg;
    _cleanup_(buf_done) struct buf metrics = {}, more = {};
    j->result.measured = -1;
    if (j->twin) work_twin(j, &metrics, &more);
    else work_local(j, &metrics);
    if (!j->twin && j->model && !j->result.code) {
        struct model_counts counts = model_counts(j->model);
        for (size_t i = 0; counts.media.len && i < j->file_count; i++) look_at(j, i);
        j->result.measured = measure(j, &counts, STR(""));
    }
    close_files(j);
    if (__atomic_load_n(&j->unwanted, __ATOMIC_ACQUIRE)) forget_outputs(j);
    if (!j->twin && str_is(j->call->kind_wanted, "text")) buf_z(&more, ",\"text\":\"\"");
    j->result.result = arena_printf(&j->arena, "{\"metrics\":{\"inference_time\":%lld.%06d,\"files\":[%.*s]}%.*s}", (long long)(j->render_us / 1000000),
                                    (int)(j->render_us % 1000000), STR_ARG(buf_view(&metrics)), STR_ARG(buf_view(&more)));
    j->result.outputs = j->outputs;
}

/* --- whose turn it is --- */

static void next_ones(struct local *l);

static void off_the_list(struct job *j) {
    *j->at = j->next;
    if (j->next) j->next->at = j->at;
    j->next = NULL;
    j->at = NULL;
}

static void finish(void *arg) {
    struct job *j = arg;
    struct local *l = j->local;
    if (l) { /* it is not being destroyed */
        off_the_list(j);
        fair_leave(&l->fair, &j->turn);
        next_ones(l);
    }
    j->done(j->arg, j->call, &j->result);
    j->finished = true;
    if (__atomic_load_n(&j->notes, __ATOMIC_ACQUIRE) == 0) job_free(j);
}

/* Answered in a turn of its own. */
static void end_later(struct job *j, err code, const char *detail) {
    failed(j, code, detail);
    loop_post(j->local->loop, finish, j);
}

/* Only who waits for a while is told: each is a row that is kept, and most have their turn at once. */
static void tell_places(void *arg) {
    struct local *l = arg;
    struct io *io = loop_io(l->loop);
    msec now = io_mono(io);
    l->wait_look = l->fair.waiting ? io->ops->timer_start(io, WAITS_LOOK_MS, tell_places, l) : NULL;
    for (struct job *j = l->jobs; j; j = j->next) {
        if (!j->turn.project || j->turn.inside || now - j->came < WAITS_LOOK_MS || (j->told_at && now - j->told_at < WAITS_EVERY_MS)) continue;
        int64_t before = fair_before(&l->fair, &j->turn);
        if (j->told_at && before == j->told) continue;
        char stage[STAGE_NAME + 24] = STAGE_WAITING;
        if (before) snprintf(stage, sizeof stage, STAGE_WAITING ", %lld before it", (long long)before);
        j->told = before;
        j->told_at = now;
        j->stage(j->arg, j->call, str_of(stage), -1);
    }
}

static void begin(struct job *j) {
    struct io *io = loop_io(j->local->loop);
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd > 0) j->ender = fd; /* without one it goes on to its end */
    msec left = j->call->deadline_at - io_now(io);
    j->timeout = left > 0 ? left : 1;
    if (!j->twin && j->model && j->model->deadline_ms < j->timeout) j->timeout = j->model->deadline_ms; /* of this attempt: waiting does not eat it */
    if (j->told_at) j->stage(j->arg, j->call, STR("preparing"), 0); /* it waits no more */
    if (pool_run(j->local->pool, work, finish, j)) end_later(j, E_AGAIN, "The renderer's queue is full.");
}

static void next_ones(struct local *l) {
    for (struct fair_wait *w; (w = fair_next(&l->fair));) begin((struct job *)((char *)w - offsetof(struct job, turn)));
    struct io *io = loop_io(l->loop);
    if (l->fair.waiting && !l->wait_look) l->wait_look = io->ops->timer_start(io, WAITS_LOOK_MS, tell_places, l);
}

static void start(struct job *j) {
    struct local *l = j->local;
    if (l->fair.waiting >= LIMIT_COMMIT_QUEUE) {
        end_later(j, E_AGAIN, "The renderer's queue is full.");
        return;
    }
    j->came = io_mono(loop_io(l->loop));
    fair_enter(&l->fair, j->call->project, &j->turn);
    next_ones(l);
}

static void rested(void *arg) {
    struct job *j = arg;
    j->rest = NULL;
    start(j);
}

void local_unwanted(void *self, const struct call *c) {
    struct local *l = self;
    struct io *io = loop_io(l->loop);
    struct job *j = l->jobs;
    while (j && (j->unwanted || j->call->attempt != c->attempt || !str_eq(j->call->generation, c->generation))) j = j->next;
    if (!j) return;
    __atomic_store_n(&j->unwanted, true, __ATOMIC_RELEASE);
    if (j->turn.inside) { /* its thread ends it, and answers */
        uint64_t one = 1;
        if (j->ender && write(j->ender, &one, sizeof one) != sizeof one) must(false);
        return;
    }
    bool waits = j->rest || j->turn.project; /* else its answer is on its way already */
    io->ops->timer_stop(io, j->rest);
    j->rest = NULL;
    fair_leave(&l->fair, &j->turn);
    if (waits) end_later(j, E_CANCELLED, "Nobody wants the file any more.");
}

void local_destroy(struct local *l) {
    if (!l) return;
    struct io *io = loop_io(l->loop);
    io->ops->timer_stop(io, l->wait_look);
    pool_destroy(l->pool);
    while (l->jobs) { /* what waits is forgotten; what a thread had comes back by itself, to find nobody here */
        struct job *j = l->jobs;
        bool waits = j->rest || (j->turn.project && !j->turn.inside);
        off_the_list(j);
        io->ops->timer_stop(io, j->rest);
        fair_leave(&l->fair, &j->turn);
        j->local = NULL;
        if (waits) job_free(j);
    }
    fair_done(&l->fair);
    free(l);
}

void local_call(void *self, const struct call *c, call_stage_fn *stage, call_done_fn *done, void *arg) {
    struct local *l = self;
    struct io *io = loop_io(l->loop);
    struct job *j = calloc(1, sizeof *j);
    must(j);
    *j = (struct job){.local = l, .next = l->jobs, .at = &l->jobs, .call = c, .stage = stage, .done = done, .arg = arg};
    if (j->next) j->next->at = &j->next;
    l->jobs = j;
    io->ops->random(io, &j->seed, sizeof j->seed);
    j->seed &= INT32_MAX; /* as a caller could give it, and as JSON readers keep it exact */
    for (int i = 0; i < LIMIT_OUTPUTS; i++)
        for (int k = 0; k < 2; k++) {
            struct id id = io_new_id(io);
            memcpy(j->random[i][k], id.hex, sizeof id.hex);
        }
    j->twin = str_is(c->provider, "twin");
    j->model = l->find ? l->find(l->find_self, c->catalog, j->twin ? c->route : c->model) : NULL;
    if (!j->twin) {
        start(j);
        return;
    }
    struct twin_mood mood = {};
    (void)twin_mood_find(c->inputs, &j->arena, NULL, &mood); /* what cannot be read is said by the plan */
    if (!mood.slow) start(j);
    else j->rest = io->ops->timer_start(io, mood.slow, rested, j); /* a provider that takes its time takes no thread */
}
