/* Parked callers, event streams and the key cache against a real store, with the moments of their races held still: the committer
 * has no thread, and what the readers found waits until the test lets it in. */
#include "base/hash.h"
#include "base/hash.h"
#include "ops/ops_int.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROJECT "11111111111111111111111111111111"
#define OTHER   "55555555555555555555555555555555"
#define NODE    "22222222222222222222222222222222"
#define GEN     "33333333333333333333333333333333"
#define BLOCKED "44444444444444444444444444444444"

struct bench {
    char folder[64];
    struct loop *loop;
    struct store *store;
    struct node_view node;
    struct committer *committer;
    struct readers *readers;
    struct signer *signer;
    struct drive *drive;
    struct shelf *shelf;
    struct ops *ops;
    struct caller caller;
    atomic_int reads; /* finished on a thread */
    int drained;      /* of them, let in */
    atomic_bool flows; /* they are let in as they come, while the loop turns */
};

struct said {
    int times;
    err code;
    bool terminal, replayed;
    char generation[ID_LEN + 1], json[4096];
};

static void hear(void *arg, const struct answer *a) {
    struct said *s = arg;
    s->times++;
    s->code = a->code;
    s->terminal = a->terminal;
    s->replayed = a->replayed;
    snprintf(s->generation, sizeof s->generation, "%.*s", STR_ARG(a->generation));
    snprintf(s->json, sizeof s->json, "%.*s", STR_ARG(str_head(a->json, sizeof s->json - 1)));
}

/* --- the bench --- */

static void let_in(void *bench) { readers_drain(((struct bench *)bench)->readers); }

static void read_finished(void *arg) {
    struct bench *b = arg;
    atomic_fetch_add(&b->reads, 1);
    if (atomic_load(&b->flows)) loop_post(b->loop, let_in, b);
}
static void published(void *arg, const struct rec_change *changes, size_t n) {
    struct bench *b = arg;
    if (b->ops) ops_published(b->ops, changes, n);
}
static void fatal(void *arg, err code, const char *text) { fail_msg("%s: %s", err_name(code), text); }
static msec now(void *arg) { return io_now(loop_io(((struct bench *)arg)->loop)); }
static bool no_slot(void *engine) { return false; }
static err any_route(void *engine, const struct route_call *c, struct why *why, struct str *out_provider, struct str *out_route, bool *out_busy) {
    *out_busy = false;
    *out_provider = *out_route = STR("local");
    return OK;
}

/* From now on the catalog has this one model. */
static void sell(struct bench *b, const char *slug, int price) {
    struct problems p = {};
    struct catalog *c = NULL;
    char text[400];
    snprintf(text, sizeof text, "slug: %s\nkind: image\ntitle: X\nabout: A model of a test.\ninputs:\n  prompt: {type: text, about: Words.}\nprice:\n  unit: call\n"
             "  rate_table:\n    - {micros: %d}\nroutes:\n  - {provider: local, model: x}\n", slug, price);
    if (catalog_read_text(STR("x.yaml"), str_of(text), &p, &c)) fail_msg("%s", p.text.ptr);
    problems_done(&p);
    shelf_put(b->shelf, c, true);
}

static void outcome_came(void *arg, const struct outcome *o) { *(struct outcome *)arg = *o; }

static void commit_waiting(struct bench *b) {
    while (committer_step(b->committer)) {}
    committer_drain(b->committer);
}

static err run(struct bench *b, struct command cmd) {
    struct outcome out = {.code = E_INTERNAL};
    if (!cmd.at) cmd.at = now(b);
    assert_int_equal(committer_submit(b->committer, &cmd, outcome_came, &out), OK);
    commit_waiting(b);
    return out.code;
}

/* Waits until `n` more reads have finished on their thread; their callbacks are not called yet. */
static void await_reads(struct bench *b, int n) {
    for (int i = 0; i < 10000 && atomic_load(&b->reads) < b->drained + n; i++) poll(NULL, 0, 1);
    assert_true(atomic_load(&b->reads) >= b->drained + n);
    b->drained += n;
}

static void stop(void *arg) { loop_stop(arg); }

/* Lets the loop turn for a while, so that timers fire. */
static void turn(struct bench *b, msec ms) {
    struct io *io = loop_io(b->loop);
    io->ops->timer_start(io, ms, stop, b->loop);
    loop_run(b->loop);
}

static void submit_generation(struct bench *b, struct str id) {
    struct command cmd = {.kind = CMD_SUBMIT};
    cmd.submit = (struct cmd_submit){.generation = id, .project = STR(PROJECT), .book = STR("live"), .key = STR("livelive"), .model = STR("puras/x"), .kind = STR("image"),
                                     .catalog = STR("c"), .inputs = STR("{}"), .deadline_at = now(b) + MS_HOUR,
                                     .quote = {.amount = 10, .rate = 10, .unit = 1, .quantity = 1, .outputs = 1, .from = STR("call"), .row = STR("{}")}};
    assert_int_equal(run(b, cmd), OK);
}

static err cancel_one(struct bench *b, struct str id) {
    struct command cmd = {.kind = CMD_CANCEL};
    cmd.cancel.generation = id;
    return run(b, cmd);
}
static err cancel(struct bench *b) { return cancel_one(b, STR(GEN)); }

static void make_project(struct bench *b) {
    char hash[SHA256_HEX + 1];
    sha256_hex(STR("abcdefghabcdefghabcdefghabcdefgh"), hash);
    struct command project = {.kind = CMD_CREATE_PROJECT}, key = {.kind = CMD_CREATE_KEY}, credit = {.kind = CMD_TOP_UP};
    project.create_project = (struct cmd_create_project){.id = STR(PROJECT), .name = STR("p")};
    key.create_key = (struct cmd_create_key){.prefix = STR("livelive"), .project = STR(PROJECT), .kind = STR("live"), .hash = str_of(hash), .name = STR("k")};
    credit.top_up = (struct cmd_top_up){.transfer = STR("topup:1"), .project = STR(PROJECT), .book = STR("live"), .author = STR("a"), .amount = 1000000};
    assert_int_equal(run(b, project), OK);
    assert_int_equal(run(b, key), OK);
    assert_int_equal(run(b, credit), OK);
}

static void start_ops(struct bench *b, bool other_nodes) {
    struct ops_options oo = {.loop = b->loop, .committer = b->committer, .readers = b->readers, .drive = b->drive, .signer = b->signer, .shelf = b->shelf, .public_url = "http://x",
                             .node = STR(NODE), .other_nodes = other_nodes, .slot = no_slot, .route = any_route};
    ops_destroy(b->ops);
    b->ops = ops_create(&oo);
}

static int set_up(void **state) {
    struct bench *b = calloc(1, sizeof *b);
    must(b);
    *state = b;
    snprintf(b->folder, sizeof b->folder, "/tmp/puras-ops-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    b->loop = loop_create();
    char url[100];
    snprintf(url, sizeof url, "sqlite:%s/puras.db", b->folder);
    struct store_options so = {.url = url, .folder = b->folder, .create = true, .now = now, .now_arg = b, .reserve_bytes = -1};
    assert_int_equal(store_open(&so, NULL, &b->store), OK);
    assert_int_equal(store_node_start(b->store, STR(NODE), NULL, &b->node), OK);
    struct committer_options co = {.store = b->store, .node = b->node, .fatal = fatal, .published = published, .arg = b};
    b->committer = committer_create(&co);
    b->readers = readers_create(b->store, 1, read_finished, b);
    b->signer = signer_create(STR("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
    b->shelf = shelf_create();
    sell(b, "puras/x", 10);
    assert_int_equal(drive_open(b->folder, NULL, &b->drive), OK);
    start_ops(b, false);
    b->caller = (struct caller){.kind = KEY_LIVE, .project = PROJECT, .key = "livelive", .book = "live"};
    make_project(b);
    submit_generation(b, STR(GEN));
    return 0;
}

static int tear_down(void **state) {
    struct bench *b = *state;
    committer_destroy(b->committer);
    readers_destroy(b->readers);
    ops_destroy(b->ops);
    signer_destroy(b->signer);
    drive_close(b->drive);
    shelf_destroy(b->shelf);
    assert_int_equal(store_node_stop(b->store, &b->node), OK);
    store_close(b->store);
    loop_destroy(b->loop);
    const char *const files[] = {"puras.db", "puras.db-wal", "puras.db-shm", "lock"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[100];
        snprintf(path, sizeof path, "%s/%s", b->folder, files[i]);
        unlink(path);
    }
    char blobs[100], tmp[100];
    snprintf(blobs, sizeof blobs, "%s/blobs", b->folder);
    snprintf(tmp, sizeof tmp, "%s/tmp", b->folder);
    rmdir(blobs); /* as empty as each test leaves it */
    rmdir(tmp);
    assert_int_equal(rmdir(b->folder), 0);
    free(b);
    return 0;
}

/* --- parked callers --- */

/* The state is read, the end is committed and published, and only then the loop learns what was read. */
static void an_end_published_while_the_store_is_asked_wakes_the_caller(void **state) {
    struct bench *b = *state;
    for (enum view view = VIEW_GENERATION; view <= VIEW_MEDIA; view++) {
        struct said said = {};
        struct wait *w = ops_wait(b->ops, &b->caller, STR(GEN), LIMIT_WAIT_MS, view, 0, hear, &said);
        assert_non_null(w);
        await_reads(b, 1);
        if (view == VIEW_GENERATION) assert_int_equal(cancel(b), OK);
        let_in(b);
        if (view == VIEW_GENERATION) {
            assert_int_equal(said.times, 0); /* what was read is old: it is asked again */
            await_reads(b, 1);
            let_in(b);
        }
        assert_int_equal(said.times, 1);
        assert_true(said.terminal);
    }
}

/* ops_wait may answer inside the call; then there is no handle that could be abandoned later. */
static void block(struct db *db, void *arg) {
    while (!atomic_load((atomic_bool *)arg)) poll(NULL, 0, 1);
}
static void unblocked(void *arg) {}

static void fill_readers(struct bench *b, atomic_bool *go) {
    int n = 0;
    while (!readers_run(b->readers, block, unblocked, go)) n++;
    assert_true(n >= LIMIT_READ_QUEUE);
    poll(NULL, 0, 50); /* the thread has taken one */
    while (!readers_run(b->readers, block, unblocked, go)) n++;
}

static void free_readers(struct bench *b, atomic_bool *go) {
    atomic_store(go, true);
    poll(NULL, 0, 100);
    b->drained = atomic_load(&b->reads);
    let_in(b);
}

static void busy_readers_end_no_wait(void **state) {
    struct bench *b = *state;
    atomic_bool go = false;
    struct said at_once = {}, parked = {};
    fill_readers(b, &go);
    assert_null(ops_wait(b->ops, &b->caller, STR(GEN), 0, VIEW_GENERATION, 0, hear, &at_once));
    assert_int_equal(at_once.times, 1);
    assert_int_equal(at_once.code, E_AGAIN);
    /* who waits is not told of a failure that is none of the generation's: the same call again would be paid again */
    assert_non_null(ops_wait(b->ops, &b->caller, STR(GEN), LIMIT_WAIT_MS, VIEW_MEDIA, 0, hear, &parked));
    assert_int_equal(parked.times, 0);
    free_readers(b, &go);
    assert_int_equal(parked.times, 0);
    assert_int_equal(cancel(b), OK);
    assert_int_equal(parked.times, 1);
    assert_int_equal(parked.code, E_CANCELLED);
}

static void the_question_is_asked_again_by_itself(void **state) {
    struct bench *b = *state;
    atomic_bool go = false;
    struct said said = {};
    assert_int_equal(cancel(b), OK);
    fill_readers(b, &go);
    assert_non_null(ops_wait(b->ops, &b->caller, STR(GEN), LIMIT_WAIT_MS, VIEW_MEDIA, 0, hear, &said));
    free_readers(b, &go);
    turn(b, LIMIT_WAKE_SCAN_MS + 100);
    await_reads(b, 1);
    let_in(b);
    assert_int_equal(said.times, 1);
    assert_int_equal(said.code, E_CANCELLED);
}

/* A stopping server tells everybody that it goes on, whichever step the call is at; an empty success would be taken for a result. */
static void a_drain_names_the_generation_while_the_store_is_asked(void **state) {
    struct bench *b = *state;
    struct said media = {}, other = {};
    assert_non_null(ops_wait(b->ops, &b->caller, STR(GEN), LIMIT_WAIT_MS, VIEW_MEDIA, 0, hear, &media));
    assert_non_null(ops_wait(b->ops, &b->caller, STR(GEN), LIMIT_WAIT_MS, VIEW_GENERATION, 0, hear, &other));
    await_reads(b, 2);
    ops_drain(b->ops);
    let_in(b);
    assert_int_equal(media.times, 1);
    assert_int_equal(media.code, E_STILL_RUNNING);
    assert_string_equal(media.generation, GEN);
    assert_int_equal(other.times, 1);
    assert_int_equal(other.code, OK);
    assert_non_null(strstr(other.json, "\"status\":\"pending\""));
}

static void a_commit_after_the_drain_is_not_parked(void **state) {
    struct bench *b = *state;
    struct said said = {};
    struct wait *w = wait_new(b->ops, &b->caller, STR(BLOCKED), hear, &said);
    w->wait = LIMIT_WAIT_MS;
    w->view = VIEW_MEDIA;
    ops_drain(b->ops);
    assert_int_equal(said.times, 0); /* its commit is under way */
    wait_park(w);
    assert_int_equal(said.times, 1);
    assert_int_equal(said.code, E_STILL_RUNNING);
    assert_string_equal(said.generation, BLOCKED);
}

/* One of many ends on another node: nothing is published here, so it must be looked for. */
static void everybody_has_a_turn_when_other_nodes_are_looked_at(void **state) {
    enum { MANY = 230 };
    struct bench *b = *state;
    struct said said[MANY] = {};
    char ids[MANY][ID_LEN + 1];
    int last = 0;
    start_ops(b, true);
    for (int i = 0; i < MANY; i++) {
        snprintf(ids[i], sizeof ids[i], "%032d", i);
        submit_generation(b, str_of(ids[i]));
        assert_non_null(ops_wait(b->ops, &b->caller, str_of(ids[i]), LIMIT_WAIT_MS, VIEW_MEDIA, 0, hear, &said[i]));
        if (bucket(str_of(ids[i]), WAIT_BUCKETS) > bucket(str_of(ids[last]), WAIT_BUCKETS)) last = i;
    }
    struct ops *silent = b->ops;
    b->ops = NULL;
    assert_int_equal(cancel_one(b, str_of(ids[last])), OK);
    b->ops = silent;
    let_in(b);
    atomic_store(&b->flows, true);
    for (int i = 0; i < 12 && !said[last].times; i++) turn(b, LIMIT_WAKE_SCAN_MS);
    assert_int_equal(said[last].times, 1);
    assert_int_equal(said[last].code, E_CANCELLED);
}

static void abandoned_waits_are_silent_at_every_stage(void **state) {
    struct bench *b = *state;
    struct said said = {};
    struct wait *reading = ops_wait(b->ops, &b->caller, STR(GEN), LIMIT_WAIT_MS, VIEW_MEDIA, 0, hear, &said);
    struct wait *parked = ops_wait(b->ops, &b->caller, STR(GEN), LIMIT_WAIT_MS, VIEW_MEDIA, 0, hear, &said);
    await_reads(b, 2);
    ops_abandon(reading);
    let_in(b);
    ops_abandon(parked);
    struct wait *committing = wait_new(b->ops, &b->caller, STR(BLOCKED), hear, &said);
    ops_abandon(committing);
    wait_park(committing);
    assert_int_equal(cancel(b), OK);
    assert_int_equal(said.times, 0);
    assert_int_equal(b->ops->parked, 0);
}

static void a_foreign_generation_is_not_found(void **state) {
    struct bench *b = *state;
    struct caller test = b->caller, other = b->caller;
    test.kind = KEY_TEST;
    test.book = "test";
    memset(other.project, 'f', ID_LEN);
    const struct caller *const strangers[] = {&test, &other};
    for (size_t i = 0; i < 2; i++) {
        struct said said = {};
        assert_non_null(ops_wait(b->ops, strangers[i], STR(GEN), LIMIT_WAIT_MS, VIEW_GENERATION, 0, hear, &said));
        await_reads(b, 1);
        let_in(b);
        assert_int_equal(said.times, 1);
        assert_int_equal(said.code, E_NOT_FOUND);
    }
}

/* --- submitting --- */

static struct said submit_call(struct bench *b, const char *key, const char *hash, micros most) {
    struct said said = {};
    const struct submission s = {.model = STR("puras/x"), .idempotency_key = str_of(key), .route = STR("POST /v1/generations"), .request_hash = str_of(hash), .max_micros = most, .view = VIEW_GENERATION};
    ops_submit(b->ops, &b->caller, &s, hear, &said);
    for (int i = 0; i < 1000 && !said.times; i++) {
        commit_waiting(b);
        let_in(b);
        poll(NULL, 0, 1);
    }
    assert_int_equal(said.times, 1);
    return said;
}

/* The answer of the first call was lost; when it is repeated the model is gone, or dearer than the caller allows. */
static void a_repeat_is_answered_although_the_call_would_be_refused_today(void **state) {
    struct bench *b = *state;
    struct said first = submit_call(b, "k", "h", 10);
    assert_int_equal(first.code, OK);
    sell(b, "puras/x", 11);
    struct said dearer = submit_call(b, "k", "h", 10);
    sell(b, "puras/y", 10);
    struct said gone = submit_call(b, "k", "h", 10);
    const struct said *const repeats[] = {&dearer, &gone};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(repeats[i]->code, OK);
        assert_true(repeats[i]->replayed);
        assert_string_equal(repeats[i]->generation, first.generation);
    }
    assert_int_equal(submit_call(b, "k", "another", 10).code, E_UNKNOWN_MODEL);
    assert_int_equal(submit_call(b, "another", "h", 10).code, E_UNKNOWN_MODEL);
    assert_int_equal(submit_call(b, "", "h", 10).code, E_UNKNOWN_MODEL);
}

static void a_refusal_names_no_generation(void **state) {
    struct bench *b = *state;
    assert_string_equal(submit_call(b, "", "h", 9).generation, "");
    sell(b, "puras/x", 2000000);
    struct said poor = submit_call(b, "", "h", 0);
    assert_int_equal(poor.code, E_INSUFFICIENT_CREDIT);
    assert_string_equal(poor.generation, "");
}

/* --- event streams --- */

struct listener {
    struct event_stream *stream;
    err code;
    int opened, woken;
    bool over;
    struct buf text;
};

static void listen_again(struct listener *l) {
    if (l->stream && !l->over && !event_stream_fill(l->stream, &l->text)) l->over = true;
}
static void woken(void *arg) {
    struct listener *l = arg;
    l->woken++;
    listen_again(l);
}
static void stream_opened(void *arg, err code, const struct why *why, struct event_stream *s) {
    struct listener *l = arg;
    l->opened++;
    l->code = code;
    l->stream = s;
    listen_again(l);
}
static void listener_done(struct listener *l) {
    if (l->stream) event_stream_close(l->stream);
    buf_done(&l->text);
}

/* An empty read is under way when the last event is published. */
static void a_stream_that_reads_nothing_misses_nothing(void **state) {
    struct bench *b = *state;
    struct listener l = {};
    ops_events(b->ops, &b->caller, STR(GEN), 0, woken, stream_opened, &l);
    await_reads(b, 1);
    let_in(b);
    assert_int_equal(l.opened, 1);
    assert_non_null(strstr(l.text.ptr, "event: submitted"));
    l.stream->behind = true; /* as a publication during the first read leaves it */
    listen_again(&l);
    await_reads(b, 1);
    assert_int_equal(cancel(b), OK);
    let_in(b);
    await_reads(b, 1);
    let_in(b);
    assert_non_null(strstr(l.text.ptr, "event: cancelled"));
    assert_true(l.over);
    listener_done(&l);
}

static void a_stream_asks_again_when_the_store_could_not_be_asked(void **state) {
    struct bench *b = *state;
    struct listener l = {};
    atomic_bool go = false;
    ops_events(b->ops, &b->caller, STR(GEN), 0, woken, stream_opened, &l);
    await_reads(b, 1);
    let_in(b);
    fill_readers(b, &go);
    l.stream->behind = true;
    listen_again(&l); /* refused */
    l.stream->after = 0; /* as if the event had come from elsewhere */
    free_readers(b, &go);
    buf_clear(&l.text);
    turn(b, LIMIT_WAKE_SCAN_MS + 100);
    await_reads(b, 1);
    let_in(b);
    assert_non_null(l.text.ptr);
    assert_non_null(strstr(l.text.ptr, "event: submitted"));
    listener_done(&l);
}

static void a_stream_opened_during_the_drain_ends_at_once(void **state) {
    struct bench *b = *state;
    struct listener l = {};
    ops_events(b->ops, &b->caller, STR(GEN), 0, woken, stream_opened, &l);
    await_reads(b, 1);
    ops_drain(b->ops);
    let_in(b);
    assert_int_equal(l.opened, 1);
    assert_true(l.over);
    assert_non_null(strstr(l.text.ptr, "retry: 2000"));
    listener_done(&l);
}

/* --- uploads --- */

static void upload_goes_on(void *arg) {}

static struct upload *upload(struct bench *b, const char *path, struct str data) {
    struct upload *u = NULL;
    assert_int_equal(ops_upload_begin(b->ops, &b->caller, str_of(path), -1, INT64_MAX, upload_goes_on, b, NULL, &u), OK);
    assert_true(ops_upload_write(u, data));
    return u;
}

static void set_drive_limit(struct bench *b, int64_t limit) {
    struct command cmd = {.kind = CMD_CREATE_PROJECT};
    cmd.create_project = (struct cmd_create_project){.id = STR(OTHER), .name = STR("small"), .drive_limit = limit};
    assert_int_equal(run(b, cmd), OK);
    memcpy(b->caller.project, OTHER, ID_LEN);
}

static bool folder_is_empty(struct bench *b, const char *name) {
    char path[100];
    snprintf(path, sizeof path, "%s/%s", b->folder, name);
    if (rmdir(path)) return false;
    return mkdir(path, 0700) == 0;
}

static void a_refused_upload_leaves_the_disk(void **state) {
    struct bench *b = *state;
    struct said said = {};
    set_drive_limit(b, 5);
    ops_upload_end(upload(b, "a.txt", STR("too much")), hear, &said);
    for (int i = 0; i < 100 && !said.times; i++) {
        turn(b, 10);
        commit_waiting(b);
    }
    assert_int_equal(said.times, 1);
    assert_int_equal(said.code, E_DRIVE_FULL);
    turn(b, 100);
    assert_true(folder_is_empty(b, "blobs"));
}

struct heard_intake {
    int times;
    err code;
};
static void intake_heard(void *arg, err code, const struct why *why) {
    struct heard_intake *h = arg;
    h->times++;
    h->code = code;
}
static void intake_goes_on(void *arg) {}

static struct buf body_of(size_t bytes) {
    struct buf b = {};
    buf_z(&b, "{\"image\":\"");
    for (size_t i = 0; i < bytes; i++) buf_c(&b, "iVBORw0KGgoA"[i % 12]);
    buf_z(&b, "\",\"n\":1}");
    return b;
}

/* What all calls together may have on the way is bounded; what is dropped in the middle leaves the disk and the count. */
static void inline_files_are_bounded_and_leave_no_trace(void **state) {
    struct bench *b = *state;
    struct buf body = body_of(300000);
    struct heard_intake h = {};
    struct why why = {};
    struct intake *i = NULL;
    bool waits = false;
    b->ops->intake_bytes = LIMIT_INTAKE_BYTES - 100000;
    assert_int_equal(ops_intake_begin(b->ops, intake_goes_on, &h, &why, &i), OK);
    assert_int_equal(ops_intake_feed(i, buf_view(&body), &why, &waits), E_STORAGE_FULL);
    assert_non_null(strstr(why_text(&why), "nothing was charged"));
    ops_intake_drop(i);
    turn(b, 100);
    assert_int_equal(b->ops->intake_bytes, LIMIT_INTAKE_BYTES - 100000);
    b->ops->intake_bytes = 0;
    /* dropped while the disk is busy, and while the end is awaited: nobody is told any more */
    for (int end = 0; end < 2; end++) {
        assert_int_equal(ops_intake_begin(b->ops, intake_goes_on, &h, &why, &i), OK);
        assert_int_equal(ops_intake_feed(i, buf_view(&body), &why, &waits), OK);
        if (end) ops_intake_end(i, intake_heard);
        ops_intake_drop(i);
        for (int n = 0; n < 50 && b->ops->intake_bytes; n++) turn(b, 10);
        turn(b, 50);
        assert_int_equal(h.times, 0);
        assert_int_equal(b->ops->intake_bytes, 0);
        assert_true(folder_is_empty(b, "tmp"));
    }
    buf_done(&body);
}

static void an_inline_file_is_named_by_what_was_sent(void **state) {
    struct bench *b = *state;
    struct heard_intake h = {};
    struct why why = {};
    struct intake *i = NULL;
    struct arena a = {};
    struct json *j = NULL;
    struct buf body = body_of(300000);
    char hash[SHA256_HEX + 1];
    bool waits = false;
    assert_int_equal(ops_intake_begin(b->ops, intake_goes_on, &h, &why, &i), OK);
    for (struct str rest = buf_view(&body); rest.len; rest = str_skip(rest, 7777)) assert_int_equal(ops_intake_feed(i, str_head(rest, 7777), &why, &waits), OK);
    ops_intake_end(i, intake_heard);
    for (int n = 0; n < 100 && !h.times; n++) turn(b, 10);
    assert_int_equal(h.times, 1);
    assert_int_equal(h.code, OK);
    assert_int_equal(ops_intake_read(i, &a, &why, &j), OK);
    sha256_hex(str_n(body.ptr + 10, 300000), hash);
    assert_true(json_is(json_get(j, "image"), JSON_SPOOLED) && str_is(json_get(j, "image")->text, hash));
    ops_intake_drop(i);
    for (int n = 0; n < 50 && b->ops->intake_bytes; n++) turn(b, 10);
    turn(b, 50);
    assert_true(folder_is_empty(b, "tmp"));
    arena_done(&a);
    buf_done(&body);
}

static struct said room(struct bench *b, const char *path, int64_t length) {
    struct said said = {};
    ops_drive_room(b->ops, &b->caller, str_of(path), length, hear, &said);
    await_reads(b, 1);
    let_in(b);
    assert_int_equal(said.times, 1);
    return said;
}

static void an_uploads_space_is_looked_at_when_it_begins(void **state) {
    struct bench *b = *state;
    assert_int_equal(room(b, "a.txt", 1 << 30).code, OK); /* no limit */
    set_drive_limit(b, 5);
    assert_int_equal(room(b, "a.txt", 5).code, OK);
    assert_int_equal(room(b, "a.txt", 6).code, E_DRIVE_FULL);
    assert_int_equal(room(b, "", -1).code, OK);
    struct command put = {.kind = CMD_ASSET_PUT};
    put.asset_put = (struct cmd_asset_put){.project = STR(OTHER), .book = STR("live"), .path = STR("a.txt"),
                                           .output = {.asset = STR(GEN), .blob = STR("b"), .ext = STR("txt"), .type = STR("text/plain"), .kind = STR("file"),
                                                      .sha256 = STR("s"), .facts = STR("{}"), .bytes = 4}};
    assert_int_equal(run(b, put), OK);
    assert_int_equal(room(b, "b.txt", 1).code, OK);
    assert_int_equal(room(b, "b.txt", 2).code, E_DRIVE_FULL);
    assert_int_equal(room(b, "a.txt", 5).code, OK); /* takes the place of the four */
    assert_int_equal(room(b, "a.txt", 6).code, E_DRIVE_FULL);
    b->caller.book = "test"; /* whose drive is empty, and where nothing would be replaced */
    assert_int_equal(room(b, "b.txt", 5).code, OK);
    assert_int_equal(room(b, "a.txt", 6).code, E_DRIVE_FULL);
}

/* What is too much never becomes a file, whatever the length was said to be. */
static void an_upload_stops_where_the_space_does(void **state) {
    struct bench *b = *state;
    struct upload *u = NULL;
    struct why why = {};
    assert_int_equal(ops_upload_begin(b->ops, &b->caller, STR("a.txt"), -1, 5, upload_goes_on, b, &why, &u), OK);
    assert_true(ops_upload_write(u, STR("12345")));
    assert_int_equal(ops_upload_fits(u, &why), OK);
    assert_true(ops_upload_write(u, STR("6")));
    assert_int_equal(ops_upload_fits(u, &why), E_DRIVE_FULL);
    assert_non_null(strstr(why.facts, "\"left_bytes\":5"));
    ops_upload_abort(u);
    turn(b, 100);
    assert_true(folder_is_empty(b, "blobs"));
}

/* A link that writes acts in the drive of the key that signed it; what names no drive (a link to a file, one of an older server) opens none. */
static void a_link_writes_to_the_drive_it_was_signed_for(void **state) {
    struct bench *b = *state;
    _cleanup_(arena_done) struct arena a = {};
    static const struct {
        enum key_kind signs;
        const char *book;
        enum key_kind writes;
    } cases[] = {{KEY_LIVE, "live", KEY_LIVE}, {KEY_TEST, "test", KEY_TEST}, {KEY_ADMIN, "live", KEY_LIVE}};
    struct str path, query;
    struct caller c;
    struct why why;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct said said = {};
        struct json *answer;
        struct str url;
        b->caller.kind = cases[i].signs;
        b->caller.book = cases[i].book;
        ops_drive_sign_put(b->ops, &b->caller, STR("a.txt"), 60, hear, &said);
        assert_int_equal(json_parse(str_of(said.json), &a, &why, &answer), OK);
        assert_true(json_as_str(json_get(answer, "signed_url"), &url));
        str_cut(str_skip(url, sizeof "http://x/v1/drive/put/" - 1), '?', &path, &query);
        assert_int_equal(ops_drive_put_link(b->ops, path, query, &a, &why, &c, &path), OK);
        assert_true(c.kind == cases[i].writes && !strcmp(c.book, cases[i].book) && !strcmp(c.project, PROJECT) && str_is(path, "a.txt"));
    }
    static const char *const none[] = {"00000000000000000000000000000000", "00000000000000000000000000000003", GEN};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        _cleanup_(buf_done) struct buf url = {};
        struct signed_link link = {.project = STR(PROJECT), .asset = str_of(none[i]), .path = STR("a.txt"), .folder = STR("put"), .expires_at = now(b) + MS_HOUR};
        sign_link(b->signer, &link, STR("http://x"), &url);
        str_cut(str_skip(buf_view(&url), sizeof "http://x/v1/drive/put/" - 1), '?', &path, &query);
        assert_int_equal(ops_drive_put_link(b->ops, path, query, &a, &why, &c, &path), E_BAD_SIGNATURE);
    }
}

/* The threads are gone, and what they were at comes back to the loop: each upload ends exactly once, whatever it was at. */
static void uploads_end_when_the_server_does(void **state) {
    struct bench *b = *state;
    struct said ended = {};
    struct upload *cut = upload(b, "cut.txt", STR("abc"));
    ops_upload_end(upload(b, "ended.txt", STR("def")), hear, &ended);
    ops_upload_abort(cut);
    ops_stop(b->ops);
    loop_flush(b->loop);
    commit_waiting(b);
    assert_int_equal(ended.times, 1);
    assert_true(folder_is_empty(b, "tmp"));
    if (!ended.code) { /* it was stored before the threads ended */
        struct command drop = {.kind = CMD_ASSET_DELETE};
        drop.asset_delete = (struct cmd_asset_delete){.project = STR(PROJECT), .book = STR("live"), .path = STR("ended.txt")};
        assert_int_equal(run(b, drop), OK);
        int64_t files;
        assert_int_equal(drive_sweep(b->drive, now(b) + MS_DAY, 0, NULL, NULL, &files), OK);
    }
}

/* --- keys --- */

struct judged {
    int times;
    err code;
};
static void judged(void *arg, err code, const struct why *why, const struct caller *c) {
    struct judged *j = arg;
    j->times++;
    j->code = code;
}

/* The record is read, the key is revoked, and only then the loop learns what was read. */
static void a_key_revoked_while_it_is_looked_up_stays_revoked(void **state) {
    struct bench *b = *state;
    const struct str key = STR("puras_live_livelive.abcdefghabcdefghabcdefghabcdefgh");
    struct judged j = {};
    start_ops(b, false); /* its cache knew the key already */
    ops_authenticate(b->ops, key, judged, &j);
    await_reads(b, 1);
    struct command revoke = {.kind = CMD_REVOKE_KEY};
    revoke.revoke_key.prefix = STR("livelive");
    assert_int_equal(run(b, revoke), OK);
    let_in(b);
    assert_int_equal(j.times, 1);
    ops_authenticate(b->ops, key, judged, &j);
    assert_int_equal(j.times, 2);
    assert_int_equal(j.code, E_UNAUTHENTICATED);
}

static void what_is_no_key_is_not_found(void **state) {
    struct bench *b = *state;
    const char *const names[] = {"", "livelivelive", "live/ive", "\xff\xff\xff\xff\xff\xff\xff\xff"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct said said = {};
        ops_key_revoke(b->ops, &b->caller, str_of(names[i]), hear, &said);
        assert_int_equal(said.times, 1);
        assert_int_equal(said.code, E_NOT_FOUND);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(an_end_published_while_the_store_is_asked_wakes_the_caller),
        CASE(busy_readers_end_no_wait),
        CASE(the_question_is_asked_again_by_itself),
        CASE(a_drain_names_the_generation_while_the_store_is_asked),
        CASE(a_commit_after_the_drain_is_not_parked),
        CASE(everybody_has_a_turn_when_other_nodes_are_looked_at),
        CASE(abandoned_waits_are_silent_at_every_stage),
        CASE(a_foreign_generation_is_not_found),
        CASE(a_repeat_is_answered_although_the_call_would_be_refused_today),
        CASE(a_refusal_names_no_generation),
        CASE(inline_files_are_bounded_and_leave_no_trace),
        CASE(an_inline_file_is_named_by_what_was_sent),
        CASE(a_stream_that_reads_nothing_misses_nothing),
        CASE(a_stream_asks_again_when_the_store_could_not_be_asked),
        CASE(a_stream_opened_during_the_drain_ends_at_once),
        CASE(an_uploads_space_is_looked_at_when_it_begins),
        CASE(an_upload_stops_where_the_space_does),
        CASE(a_link_writes_to_the_drive_it_was_signed_for),
        CASE(a_refused_upload_leaves_the_disk),
        CASE(uploads_end_when_the_server_does),
        CASE(a_key_revoked_while_it_is_looked_up_stays_revoked),
        CASE(what_is_no_key_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
