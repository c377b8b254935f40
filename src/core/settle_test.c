/* What settle leaves: files under their paths, the usage row, late results; and a caller's own files. */
#include "base/limits.h"
#include "core/fixture.h"

static const struct drive_path *path_of(const struct bed *b, const char *path) {
    char id[256];
    snprintf(id, sizeof id, "%s/%s", PROJECT, path);
    return BED_GET(b, drive_path, id);
}

static void expect_shown(const struct bed *b, const char *path, const char *asset) {
    const struct drive_path *d = path_of(b, path);
    if (!d || !str_is(d->asset, asset))
        fail_msg("%s shows %.*s", path, d ? (int)d->asset.len : 7, d ? d->asset.ptr : "nothing");
    if (*asset) assert_true(str_is(BED_GET(b, asset, asset)->path, path));
}

static void outputs_get_default_paths(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_bring(&b, "local:opened");
    struct outcome out = bed_ok(&b, cmd_settle(1, 3));
    assert_string_equal(out.state, "completed");
    assert_string_equal(out.step, "ended");
    expect_shown(&b, "media/" GEN ".png", "asset1");
    expect_shown(&b, "media/" GEN "-2.png", "asset2");
    expect_shown(&b, "media/" GEN "-3.png", "asset3");
    const struct asset *a = BED_GET(&b, asset, "asset2");
    assert_true(a->n == 2 && str_is(a->generation, GEN) && a->bytes == 100 && str_is(a->type, "image/png"));
    const struct project *p = BED_GET(&b, project, PROJECT);
    assert_true(p->drive_bytes == 300 && p->drive_reserved == 0 && p->running == 0);
    const struct generation *g = BED_GET(&b, generation, GEN);
    assert_true(g->outputs == 3 && str_is(g->result, "{}") && g->finished_at == 10 && g->billed_micros == PRICE);
    const struct event *e = BED_GET(&b, event, GEN "/000003");
    assert_true(str_is(e->payload, "{\"state\":\"completed\",\"attempt\":1,\"provider\":\"local\",\"outputs\":3,\"billed_"
                                   "micros\":10000,\"released_micros\":0}"));
    bed_close(&b);
}

static struct command submit_to(const char *generation, const char *path) {
    struct command c = cmd_submit(generation);
    c.submit.output_path = str_of(path);
    return c;
}

static struct command settle_as(const char *generation, const char *asset) {
    static struct output made[2];
    static int next;
    struct output *o = &made[next++ % 2];
    *o = test_output(asset, 100);
    struct command c = cmd_settle(1, 1);
    c.step.generation = str_of(generation);
    c.step.outputs = o;
    return c;
}

static struct command claim_of(const char *generation) {
    struct command c = cmd_claim("local", 1);
    c.step.generation = str_of(generation);
    return c;
}

static void the_last_finished_writer_wins(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, submit_to(GEN, "cat.png"));
    bed_ok(&b, submit_to(GEN2, "cat.png"));
    bed_ok(&b, claim_of(GEN));
    bed_ok(&b, settle_as(GEN, "first"));
    expect_shown(&b, "cat.png", "first");
    bed_ok(&b, claim_of(GEN2));
    bed_ok(&b, settle_as(GEN2, "second"));
    expect_shown(&b, "cat.png", "second");
    const struct asset *replaced = BED_GET(&b, asset, "first");
    assert_true(str_empty(replaced->path) && !replaced->deleted_at); /* still there for its generation, still counted */
    assert_int_equal(BED_GET(&b, project, PROJECT)->drive_bytes, 200);
    bed_close(&b);
}

static void two_writers_of_a_path_in_one_batch(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, submit_to(GEN, "cat.png"));
    bed_ok(&b, submit_to(GEN2, "cat.png"));
    bed_ok(&b, claim_of(GEN));
    struct command c[] = {settle_as(GEN, "first"), claim_of(GEN2), settle_as(GEN2, "second")};
    struct outcome out[3];
    bed_batch(&b, c, 3, out);
    for (int i = 0; i < 3; i++) assert_int_equal(out[i].code, OK);
    expect_shown(&b, "cat.png", "second");
    assert_true(str_empty(BED_GET(&b, asset, "first")->path));
    bed_close(&b);
}

static void one_settle_may_replace_its_own(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, submit_to(GEN, "media/" GEN "-2.png"));
    bed_ok(&b, claim_of(GEN));
    bed_ok(&b, cmd_settle(1, 2));
    expect_shown(&b, "media/" GEN "-2.png", "asset2");
    assert_true(str_empty(BED_GET(&b, asset, "asset1")->path));
    bed_close(&b);
}

static void a_late_result_is_kept_unbilled_and_announced(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, submit_to(GEN, "cat.png"));
    bed_ok(&b, cmd_claim("fal", 1));
    bed_ok(&b, cmd_step(CMD_SENDING, 1));
    bed_ok(&b, cmd_expire(DEADLINE));
    struct command late = settle_as(GEN, "late1");
    late.step.late = true;
    bed_ok(&b, late);
    assert_string_equal(bed_where(&b), "failed");
    assert_null(path_of(&b, "cat.png")); /* somebody else may have it by now */
    expect_shown(&b, "media/" GEN ".png", "late1");
    assert_int_equal(LIVE(&b)->available, START);
    const struct generation *g = BED_GET(&b, generation, GEN);
    assert_true(g->outputs == 1 && g->billed_micros == 0);
    char id[64];
    snprintf(id, sizeof id, GEN "/%06d", (int)g->events);
    assert_true(str_is(BED_GET(&b, event, id)->type, "late_output"));
    bed_ok(&b, late);
    assert_int_equal(b.changes, 0);
    late = settle_as(GEN, "late2");
    late.step.late = true;
    bed_ok(&b, late);
    expect_shown(&b, "media/" GEN "-2.png", "late2");
    bed_close(&b);
}

/* RULES B7, C6: made, and hidden by the caller's own path: billed once, whoever delivers it, and as often as it is tried. */
static void what_the_callers_path_hides_is_billed_once_and_delivered(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, submit_to(GEN, "cat.png"));
    bed_ok(&b, cmd_claim("fal", 1));
    bed_ok(&b, cmd_step(CMD_SENDING, 1));
    bed_ok(&b, cmd_step(CMD_ACCEPTED, 1));
    struct command early = settle_as(GEN, "early");
    early.step.delivers = true;
    assert_int_equal(bed_run(&b, early).code, E_CONFLICT);
    struct command seen = cmd_step(CMD_RESULT_SEEN, 1);
    seen.step.reply = STR("{}");
    bed_ok(&b, seen);
    struct command hide = cmd_settle(1, 0);
    hide.step.hidden = 1;
    hide.step.detail = STR("No file stands there.");
    bed_ok(&b, hide);
    assert_string_equal(bed_where(&b), "completed");
    const struct generation *g = BED_GET(&b, generation, GEN);
    micros paid = g->billed_micros;
    assert_true(paid > 0 && paid == g->quoted_micros && g->outputs == 0 && g->hold_micros == 0);
    assert_true(str_is(g->error_code, "output_not_found") && str_is(g->error_detail, "No file stands there."));
    assert_int_equal(LIVE(&b)->available, START - paid);
    assert_int_equal(BED_GET(&b, usage_event, GEN)->billed_micros, paid);
    assert_null(path_of(&b, "cat.png"));
    bed_ok(&b, hide);
    assert_int_equal(b.changes, 0);

    struct command deliver = settle_as(GEN, "found");
    deliver.step.delivers = true;
    deliver.step.node = STR("");
    deliver.step.result = STR("{\"metrics\":{}}");
    bed_ok(&b, deliver);
    expect_shown(&b, "cat.png", "found");
    g = BED_GET(&b, generation, GEN);
    assert_true(str_is(g->state, "completed") && g->outputs == 1 && g->billed_micros == paid && str_empty(g->error_code) && str_empty(g->error_detail));
    assert_true(str_is(g->result, "{\"metrics\":{}}"));
    assert_int_equal(LIVE(&b)->available, START - paid);
    char id[64];
    snprintf(id, sizeof id, GEN "/%06d", (int)g->events);
    assert_true(str_is(BED_GET(&b, event, id)->type, "delivered"));
    deliver = settle_as(GEN, "again"); /* somebody else was at it too */
    deliver.step.delivers = true;
    bed_ok(&b, deliver);
    assert_int_equal(b.changes, 0);
    expect_shown(&b, "cat.png", "found");
    bed_close(&b);
}

/* As many files as were billed can be had, and none of them takes the place of what stands there by now, or more room than there is. */
static void a_delivery_owes_what_was_billed_and_replaces_nothing(void **state) {
    struct bed b;
    bed_ready(&b);
    struct command submit = submit_to(GEN, "cat.png");
    submit.submit.quote.outputs = 3;
    submit.submit.quote.per_output = true;
    submit.submit.quote.amount = 3 * PRICE;
    bed_ok(&b, submit);
    bed_ok(&b, cmd_claim("fal", 1));
    bed_ok(&b, cmd_step(CMD_SENDING, 1));
    bed_ok(&b, cmd_step(CMD_ACCEPTED, 1));
    struct command seen = cmd_step(CMD_RESULT_SEEN, 1);
    seen.step.reply = STR("{}");
    bed_ok(&b, seen);
    struct command hide = cmd_settle(1, 0);
    hide.step.hidden = 2; /* of three that were asked for */
    bed_ok(&b, hide);
    micros paid = BED_GET(&b, generation, GEN)->billed_micros;
    assert_int_equal(paid, 2 * PRICE);
    bed_ok(&b, (struct command){.kind = CMD_ASSET_PUT, .at = 3, .asset_put = {STR(PROJECT), STR("live"), STR("cat.png"), test_output("own", 10)}}); /* the caller's own, newer file */
    struct command one = settle_as(GEN, "first");
    one.step.delivers = true;
    bed_ok(&b, one);
    expect_shown(&b, "cat.png", "own");
    expect_shown(&b, "media/" GEN ".png", "first");
    assert_true(str_is(BED_GET(&b, generation, GEN)->error_code, "output_not_found"));
    bed_ok(&b, one); /* the same, told twice */
    assert_int_equal(BED_GET(&b, generation, GEN)->outputs, 1);
    struct command two = settle_as(GEN, "second");
    two.step.delivers = true;
    bed_ok(&b, cmd_project_set(PROJECT, -1, 110 + 99, -1)); /* two files are there, and one byte is missing for the third */
    assert_int_equal(bed_run(&b, two).code, E_DRIVE_FULL);
    assert_int_equal(BED_GET(&b, generation, GEN)->outputs, 1);
    bed_ok(&b, cmd_project_set(PROJECT, -1, 110 + 100, -1));
    bed_ok(&b, two);
    expect_shown(&b, "media/" GEN "-2.png", "second");
    const struct generation *g = BED_GET(&b, generation, GEN);
    assert_true(g->outputs == 2 && g->billed_micros == paid && str_empty(g->error_code));
    bed_close(&b);
}

static void a_text_needs_no_file(void **state) {
    struct bed b;
    bed_ready(&b);
    struct command c = cmd_submit(GEN);
    c.submit.kind = STR("text");
    bed_ok(&b, c);
    bed_ok(&b, cmd_claim("local", 1));
    bed_ok(&b, cmd_settle(1, 0));
    assert_string_equal(bed_where(&b), "completed");
    assert_int_equal(BED_GET(&b, generation, GEN)->billed_micros, PRICE);
    bed_close(&b);
}

static void no_output_is_a_failure_and_free(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_bring(&b, "result");
    struct command c = cmd_settle(1, 0);
    c.step.cost_micros = 44;
    bed_ok(&b, c);
    assert_string_equal(bed_where(&b), "failed");
    const struct attempt *a = BED_GET(&b, attempt, GEN ".1");
    assert_true(str_is(a->failure, "unclassified") && a->cost_micros == 44);
    assert_int_equal(LIVE(&b)->available, START);
    bed_close(&b);
}

static void the_usage_row_says_what_was_billed(void **state) {
    static const struct {
        const char *from;
        int64_t measured;
        micros billed;
        int64_t quantity;
    } cases[] = {{"measured", 2500, 2500, 2500},
                 {"measured", -1, 700, 0},
                 {"measured", 99999, 10000, 99999},
                 {"input", 2500, 10000, 10000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bed b;
        bed_ready(&b);
        struct command c = cmd_submit(GEN);
        c.submit.kind = STR("video");
        c.submit.quote = (struct quote){.amount = 10000,
                                        .rate = 1000,
                                        .unit = 1000,
                                        .quantity = 10000,
                                        .outputs = 1,
                                        .from = str_of(cases[i].from),
                                        .if_unmeasured = 700,
                                        .row = STR("{\"index\":0,\"unit\":\"second\"}")};
        bed_ok(&b, c);
        bed_ok(&b, cmd_claim("local", 1));
        c = cmd_settle(1, 1);
        c.step.measured = cases[i].measured;
        c.step.cost_micros = 321;
        bed_ok(&b, c);
        const struct usage_event *u = BED_GET(&b, usage_event, GEN);
        assert_int_equal(u->billed_micros, cases[i].billed);
        assert_int_equal(u->quantity, cases[i].quantity);
        assert_int_equal(u->cost_micros, 321);
        assert_true(str_is(u->unit, "second") && u->seq == 1 && str_is(u->provider, "local") && str_is(u->key, "livekey1"));
        bed_close(&b);
    }
}

static struct command put_in(const char *book, const char *path, const char *asset, int64_t bytes) {
    return (struct command){
        .kind = CMD_ASSET_PUT, .at = 3, .asset_put = {STR(PROJECT), str_of(book), str_of(path), test_output(asset, bytes)}};
}

static struct command put(const char *path, const char *asset, int64_t bytes) { return put_in("live", path, asset, bytes); }

static struct command delete_in(const char *project, const char *book, const char *path, const char *asset) {
    return (struct command){.kind = CMD_ASSET_DELETE, .at = 4, .asset_delete = {str_of(project), str_of(book), str_of(path), str_of(asset)}};
}

static struct command delete_path(const char *project, const char *path) { return delete_in(project, "live", path, ""); }

static void a_callers_own_files(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, put("in/a.png", "up1", 4000));
    expect_shown(&b, "in/a.png", "up1");
    bed_ok(&b, put("in/a.png", "up1", 4000));
    assert_int_equal(b.changes, 0);
    bed_ok(&b, put("in/b.png", "up0", 4000));
    bed_ok(&b, put("in/a.png", "up2", 5000)); /* replaces: nobody could reach the old bytes any more, so they are not counted */
    expect_shown(&b, "in/a.png", "up2");
    assert_int_equal(BED_GET(&b, asset, "up1")->deleted_at, 3);
    assert_int_equal(BED_GET(&b, project, PROJECT)->drive_bytes, 9000);
    bed_ok(&b, put("in/a.png", "up5", 6000)); /* fits only in the place of what it replaces */
    assert_int_equal(BED_GET(&b, project, PROJECT)->drive_bytes, 10000);
    bed_ok(&b, put("in/a.png", "up2x", 5000));
    assert_int_equal(bed_run(&b, put("b.png", "up3", 1001)).code, E_DRIVE_FULL);
    assert_int_equal(bed_run(&b, put("b.png", "up3", INT64_MAX)).code, E_DRIVE_FULL);
    bed_ok(&b, cmd_submit(GEN)); /* reserves the last thousand */
    assert_int_equal(bed_run(&b, put("b.png", "up3", 1)).code, E_DRIVE_FULL);
    assert_int_equal(bed_run(&b, put("", "up3", 1)).code, E_BAD_PATH);
    assert_int_equal(bed_run(&b, delete_path(FOREIGN, "in/a.png")).code, E_NOT_FOUND);
    bed_ok(&b, delete_path(PROJECT, "in/a.png"));
    expect_shown(&b, "in/a.png", "");
    assert_int_equal(BED_GET(&b, asset, "up2x")->deleted_at, 4);
    assert_int_equal(BED_GET(&b, project, PROJECT)->drive_bytes, 4000);
    assert_int_equal(bed_run(&b, delete_path(PROJECT, "in/a.png")).code, E_NOT_FOUND);
    assert_int_equal(bed_run(&b, delete_path(PROJECT, "never")).code, E_NOT_FOUND);
    bed_ok(&b, put("in/a.png", "up4", 1));
    expect_shown(&b, "in/a.png", "up4");
    bed_close(&b);
}

static void expect_shown_to_tests(const struct bed *b, const char *path, const char *asset) {
    char id[256];
    snprintf(id, sizeof id, PROJECT ":test/%s", path);
    const struct drive_path *d = BED_GET(b, drive_path, id);
    assert_true(str_is(d ? d->asset : STR(""), asset));
}

/* The same path in both books is two files: whatever is done to one leaves the other and its space as they were. */
static void each_book_has_a_drive_of_its_own(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, put("a.png", "live1", 4000));
    bed_ok(&b, put_in("test", "a.png", "test1", 3000));
    expect_shown(&b, "a.png", "live1");
    expect_shown_to_tests(&b, "a.png", "test1");
    assert_true(str_is(BED_GET(&b, asset, "live1")->book, "live") && str_is(BED_GET(&b, asset, "test1")->book, "test"));
    bed_ok(&b, put_in("test", "a.png", "test2", 3500)); /* replaces that of its own book */
    assert_true(BED_GET(&b, asset, "test1")->deleted_at && !BED_GET(&b, asset, "live1")->deleted_at);
    struct command only = put_in("test", "b.png", "test3", 1);
    bed_ok(&b, put("b.png", "live2", 1));
    only.asset_put.only_if = STR("*"); /* a file of the live book is no file to replace, */
    assert_int_equal(bed_run(&b, only).code, E_PRECONDITION);
    only.asset_put.only_if = STR("");
    only.asset_put.only_new = true; /* and none in the way */
    bed_ok(&b, only);
    assert_int_equal(bed_run(&b, put_in("test", "c.png", "live1", 4000)).code, E_CONFLICT); /* an id of the other book */
    bed_ok(&b, put("c.png", "live4", 1));
    assert_int_equal(bed_run(&b, delete_in(PROJECT, "test", "c.png", "")).code, E_NOT_FOUND);
    assert_int_equal(bed_run(&b, delete_in(PROJECT, "test", "a.png", "live1")).code, E_NOT_FOUND);
    assert_int_equal(bed_run(&b, delete_in(PROJECT, "live", "a.png", "test2")).code, E_NOT_FOUND);
    bed_ok(&b, delete_in(PROJECT, "test", "a.png", ""));
    expect_shown(&b, "a.png", "live1");
    expect_shown_to_tests(&b, "a.png", "");
    bed_close(&b);
}

/* A test call that names the path of a live file, by every way a generation gets files. */
static void a_test_call_writes_into_its_own_drive(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, put("cat.png", "live1", 100));
    struct command c = submit_to(GEN, "cat.png");
    c.submit.key = STR("testkey1");
    c.submit.book = STR("test");
    bed_ok(&b, c);
    assert_true(BED_GET(&b, project, PROJECT)->test_drive_reserved == NEEDS && !BED_GET(&b, project, PROJECT)->drive_reserved);
    bed_ok(&b, cmd_claim("local", 1));
    bed_ok(&b, settle_as(GEN, "made"));
    struct command late = settle_as(GEN, "late");
    late.step.late = true;
    bed_ok(&b, late);
    expect_shown(&b, "cat.png", "live1");
    assert_null(path_of(&b, "media/" GEN "-2.png"));
    expect_shown_to_tests(&b, "cat.png", "made");
    expect_shown_to_tests(&b, "media/" GEN "-2.png", "late");
    const struct project *p = BED_GET(&b, project, PROJECT);
    assert_true(p->drive_bytes == 100 && p->test_drive_bytes == 200 && !p->test_drive_reserved);
    bed_ok(&b, put_in("test", "cat.png", "newer", 1)); /* what it replaces stays with its generation, and is deleted by its name in its own book only */
    assert_int_equal(bed_run(&b, delete_in(PROJECT, "live", "", "made")).code, E_NOT_FOUND);
    bed_ok(&b, delete_in(PROJECT, "test", "", "made"));
    bed_close(&b);
}

/* The limit is each drive's own: a full one of the test book refuses nothing of the live one, nor the other way round. */
static void each_drive_has_the_whole_limit(void **state) {
    static const char *const books[] = {"live", "test"};
    for (int full = 0; full < 2; full++) {
        const char *other = books[!full];
        struct bed b;
        bed_ready(&b);
        bed_ok(&b, put_in(books[full], "a.png", "up1", 10 * NEEDS));
        assert_int_equal(bed_run(&b, put_in(books[full], "b.png", "up2", 1)).code, E_DRIVE_FULL);
        bed_ok(&b, put_in(other, "b.png", "up3", 9 * NEEDS));
        struct command c = submit_to(GEN, "");
        c.submit.book = str_of(books[full]);
        c.submit.key = full ? STR("testkey1") : STR("livekey1");
        assert_int_equal(bed_run(&b, c).code, E_DRIVE_FULL);
        c.submit.book = str_of(other);
        c.submit.key = full ? STR("livekey1") : STR("testkey1");
        bed_ok(&b, c);
        assert_int_equal(bed_run(&b, put_in(other, "c.png", "up4", 1)).code, E_DRIVE_FULL); /* reserved by the call */
        bed_ok(&b, delete_in(PROJECT, books[full], "a.png", ""));
        bed_ok(&b, put_in(books[full], "c.png", "up5", 10 * NEEDS));
        bed_close(&b);
    }
}

/* What a provider bills although it refused is the operator's cost: counted by key and hour, and bounded. */
static void billed_failures_are_bounded(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, cmd_submit(GEN));
    bed_ok(&b, cmd_claim("fal", 1));
    bed_ok(&b, cmd_step(CMD_SENDING, 1));
    struct command c = cmd_failed(1, FAIL_MODERATION, false);
    c.step.billed = true;
    c.step.cost_micros = 700;
    bed_ok(&b, c);
    bed_ok(&b, c); /* its sender did not learn of the commit */
    struct str key = BED_GET(&b, generation, GEN)->key;
    char id[64];
    snprintf(id, sizeof id, "%.*s/0", STR_ARG(key));
    const struct key_fault *f = BED_GET(&b, key_fault, id);
    assert_true(f && f->count == 1 && f->cost == 700 && f->hour == 0);
    assert_int_equal(LIVE(&b)->available, START);
    for (int i = 1; i < LIMIT_BILLED_FAILURES; i++) {
        char generation[33];
        snprintf(generation, sizeof generation, "%032d", i);
        bed_ok(&b, cmd_submit(generation));
        struct command claim = cmd_claim("fal", 1), sending = cmd_step(CMD_SENDING, 1), failed = c;
        claim.step.generation = sending.step.generation = failed.step.generation = str_of(generation);
        bed_ok(&b, claim);
        bed_ok(&b, sending);
        bed_ok(&b, failed);
    }
    struct outcome o = bed_run(&b, cmd_submit(GEN2));
    assert_int_equal(o.code, E_TOO_MANY_FAILURES);
    assert_int_equal(o.why.retry_after_s, 3600);
    struct command later = cmd_submit(GEN2);
    later.at = MS_HOUR;
    later.submit.deadline_at += MS_HOUR;
    bed_ok(&b, later);
    bed_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_get_default_paths),
        cmocka_unit_test(the_last_finished_writer_wins),
        cmocka_unit_test(two_writers_of_a_path_in_one_batch),
        cmocka_unit_test(one_settle_may_replace_its_own),
        cmocka_unit_test(a_late_result_is_kept_unbilled_and_announced),
        cmocka_unit_test(what_the_callers_path_hides_is_billed_once_and_delivered),
        cmocka_unit_test(a_delivery_owes_what_was_billed_and_replaces_nothing),
        cmocka_unit_test(a_text_needs_no_file),
        cmocka_unit_test(no_output_is_a_failure_and_free),
        cmocka_unit_test(the_usage_row_says_what_was_billed),
        cmocka_unit_test(billed_failures_are_bounded),
        cmocka_unit_test(a_callers_own_files),
        cmocka_unit_test(each_book_has_a_drive_of_its_own),
        cmocka_unit_test(a_test_call_writes_into_its_own_drive),
        cmocka_unit_test(each_drive_has_the_whole_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
