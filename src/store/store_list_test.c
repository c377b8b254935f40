/* Lists, sums and the audit, on both engines: who asks gets what the rules wrote, and what nobody may write is found. */
#include "base/limits.h"
#include "store/testbed.h"

static enum engine engine;

static int setup(void **state) {
    struct bench *b = calloc(1, sizeof *b);
    bench_make(b, engine);
    *state = b;
    return 0;
}

static int teardown(void **state) {
    bench_close(*state);
    free(*state);
    return 0;
}

static struct command submit_as(struct arena *a, int n, const char *model, const char *end_user, msec at) {
    struct command c = cmd_submit(arena_printf(a, "%032x", n).ptr);
    c.at = at;
    c.submit.model = str_of(model);
    c.submit.end_user = str_of(end_user);
    c.submit.needs_bytes = 0;
    c.submit.quote.amount = c.submit.quote.rate = n * 100;
    c.submit.deadline_at = at + 10 * MS_DAY;
    if (n == 4) c.submit.book = STR("test"), c.submit.key = STR("testkey1");
    return c;
}

static void make_one(struct bench *b, struct command submit, const char *asset) {
    struct output o = test_output(asset, 1);
    struct command claim = cmd_claim("local", 1), settle = cmd_settle(1, 1);
    claim.at = settle.at = submit.at;
    claim.step.generation = settle.step.generation = submit.submit.generation;
    settle.step.outputs = &o;
    settle.step.cost_micros = 7;
    seat_ok(&b->a, submit);
    seat_ok(&b->a, claim);
    seat_ok(&b->a, settle);
}

static void usage_ready(struct bench *b) {
    static const char *const models[] = {"a/x", "a/y", "a/x", "a/x", "b/z"}, *const users[] = {"ann", "bob", "", "ann", "bob"};
    static const msec at[] = {1, MS_DAY - 1, MS_DAY, 3 * MS_DAY, 3 * MS_DAY + 5};
    for (int i = 0; i < 5; i++) {
        make_one(b, submit_as(&b->arena, i + 1, models[i], users[i], at[i]), arena_printf(&b->arena, "asset-%d", i).ptr);
    }
}

static void usage_is_summed(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    usage_ready(b);
    static const struct {
        enum usage_group by;
        const char *book;
        msec since, until;
        const char *rows;
    } cases[] = {
        {USAGE_BY_MODEL, "", 0, 0, "a/x 3 800 21, b/z 1 500 7, a/y 1 200 7, "},
        {USAGE_BY_MODEL, "live", 0, 0, "b/z 1 500 7, a/x 2 400 14, a/y 1 200 7, "},
        {USAGE_BY_KEY, "", 0, 0, "livekey1 4 1100 28, testkey1 1 400 7, "},
        {USAGE_BY_END_USER, "live", 0, 0, "bob 2 700 14,  1 300 7, ann 1 100 7, "},
        {USAGE_BY_DAY, "", 0, 0, "1970-01-01 2 300 14, 1970-01-02 1 300 7, 1970-01-04 2 900 14, "},
        {USAGE_BY_DAY, "", MS_DAY, 3 * MS_DAY, "1970-01-02 1 300 7, "}, /* from, and before */
        {USAGE_BY_DAY, "", 3 * MS_DAY, 3 * MS_DAY + 1, "1970-01-04 1 400 7, "},
        {USAGE_BY_DAY, "", 4 * MS_DAY, 0, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct usage_range r = {.project = STR(PROJECT), .book = str_of(cases[i].book), .since = cases[i].since, .until = cases[i].until, .by = cases[i].by};
        struct usage_sum *sums;
        size_t n;
        struct buf text = {};
        if (query_usage_sums(b->db, &r, &b->arena, &sums, &n)) fail_msg("%s", b->db->why.detail);
        for (size_t k = 0; k < n; k++)
            buf_printf(&text, "%.*s %lld %lld %lld, ", STR_ARG(sums[k].group), (long long)sums[k].events, (long long)sums[k].billed_micros, (long long)sums[k].cost_micros);
        assert_string_equal(text.ptr ? text.ptr : "", cases[i].rows);
        buf_done(&text);
    }
    struct usage_sum *sums;
    size_t n;
    assert_int_equal(query_usage_sums(b->db, &(struct usage_range){.project = STR(FOREIGN)}, &b->arena, &sums, &n), OK);
    assert_int_equal(n, 0);
}

static void pages_are_filtered(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    usage_ready(b);
    static const struct {
        struct page page;
        size_t n;
        int64_t first;
    } cases[] = {
        {{}, 5, 5},
        {{.end_user = STR("ann")}, 2, 4},
        {{.key = STR("testkey1")}, 1, 4},
        {{.key = STR("livekey1"), .end_user = STR("ann")}, 1, 1},
        {{.since = MS_DAY}, 3, 5},
        {{.until = MS_DAY}, 2, 2},
        {{.since = MS_DAY - 1, .until = 3 * MS_DAY}, 2, 3},
        {{.since = 4 * MS_DAY}, 0, 0},
        {{.end_user = STR("bob"), .before_seq = 5}, 1, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct generation **gens;
        const struct usage_event **usage;
        size_t n, k;
        if (query_generations(b->db, STR(PROJECT), &cases[i].page, &b->arena, &gens, &n)) fail_msg("%s", b->db->why.detail);
        if (query_usage(b->db, STR(PROJECT), &cases[i].page, &b->arena, &usage, &k)) fail_msg("%s", b->db->why.detail);
        if (n != cases[i].n || k != n || (n && (gens[0]->seq != cases[i].first || usage[0]->seq != cases[i].first)))
            fail_msg("case %d: %d generations and %d usage events", (int)i, (int)n, (int)k);
    }
}

static struct command put_at(const char *path, const char *asset, msec at) {
    struct command c = {.kind = CMD_ASSET_PUT, .at = at};
    c.asset_put = (struct cmd_asset_put){STR(PROJECT), STR("live"), str_of(path), test_output(asset, 10)};
    c.asset_put.output.blob = c.asset_put.output.asset;
    return c;
}

static struct command delete_asset(const char *path, const char *asset) {
    return (struct command){.kind = CMD_ASSET_DELETE, .at = 14, .asset_delete = {STR(PROJECT), STR("live"), str_of(path), str_of(asset)}};
}

static void secrets_and_derived_files(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    struct arena *a = &b->arena;
    const struct secret **secrets;
    const struct derived **derived;
    size_t n;
    bool owned;
    seat_ok(&b->a, cmd_secret(CMD_SECRET_PUT, PROJECT, "TOKEN", "sealed"));
    seat_ok(&b->a, cmd_secret(CMD_SECRET_PUT, PROJECT, "APP_KEY", "sealed"));
    seat_ok(&b->a, cmd_secret(CMD_SECRET_PUT, PROJECT, "OLD", "sealed"));
    seat_ok(&b->a, cmd_secret(CMD_SECRET_PUT, FOREIGN, "THEIRS", "sealed"));
    seat_ok(&b->a, cmd_secret(CMD_SECRET_DELETE, PROJECT, "OLD", "sealed"));
    assert_int_equal(query_secrets(b->db, STR(PROJECT), a, &secrets, &n), OK);
    assert_int_equal(n, 2);
    assert_true(str_is(secrets[0]->name, "APP_KEY") && str_is(secrets[1]->name, "TOKEN") && str_is(secrets[1]->sealed, "sealed"));
    seat_ok(&b->a, put_at("a.png", "up-1", 9));
    seat_ok(&b->a, put_at("b.png", "up-2", 9));
    seat_ok(&b->a, cmd_derive("up-1", "thumbnail", "blob-t"));
    seat_ok(&b->a, cmd_derive("up-1", "optimized", "blob-o"));
    seat_ok(&b->a, cmd_derive("up-2", "poster", "blob-p"));
    assert_int_equal(query_derived(b->db, STR("up-1"), a, &derived, &n), OK);
    assert_int_equal(n, 2);
    assert_true(str_is(derived[0]->role, "optimized") && str_is(derived[1]->blob, "blob-t") && derived[1]->width == 4);
    assert_int_equal(query_derived(b->db, STR("up"), a, &derived, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(query_blob_owned(b->db, STR("blob-t"), b->now, &owned), OK);
    assert_true(owned);
    seat_ok(&b->a, delete_asset("a.png", "")); /* what was made of it goes with it */
    assert_int_equal(query_blob_owned(b->db, STR("blob-t"), b->now, &owned), OK);
    assert_false(owned);
    assert_int_equal(query_blob_owned(b->db, STR("blob-p"), b->now, &owned), OK);
    assert_true(owned);
    bench_sound(b);
}

/* Files that came inside of a provider's answer, from result_seen until they are settled; those that the caller's path hides, for 30 days. */
static void a_reply_owns_what_came_inside_of_it(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    static const char blob[] = GEN "/1/1-0123abcd";
    bool owned;
    seat_bring(&b->a, "accepted");
    struct command seen = cmd_step(CMD_RESULT_SEEN, 1);
    seen.step.reply = STR("{\"outputs\":[{\"blob\":\"" GEN "/1/1-0123abcd\"}]}");
    seat_ok(&b->a, seen);
    assert_int_equal(query_blob_owned(b->db, str_of(blob), b->now, &owned), OK);
    assert_true(owned);
    assert_int_equal(query_blob_owned(b->db, STR(GEN "/1/2-0123abcd"), b->now, &owned), OK);
    assert_false(owned);
    assert_int_equal(query_blob_owned(b->db, STR(GEN "/2/1-0123abcd"), b->now, &owned), OK);
    assert_false(owned);
    struct command hide = cmd_settle(1, 0);
    hide.step.hidden = 1;
    hide.step.detail = STR("No file stands there.");
    seat_ok(&b->a, hide);
    msec ended = BENCH_GET(b, generation, GEN)->finished_at;
    assert_int_equal(query_blob_owned(b->db, str_of(blob), ended + (msec)LIMIT_HIDDEN_DAYS * MS_DAY - 1, &owned), OK);
    assert_true(owned);
    assert_int_equal(query_blob_owned(b->db, str_of(blob), ended + (msec)LIMIT_HIDDEN_DAYS * MS_DAY, &owned), OK);
    assert_false(owned);
    struct command deliver = cmd_settle(1, 1);
    deliver.step.delivers = true;
    seat_ok(&b->a, deliver);
    assert_int_equal(query_blob_owned(b->db, str_of(blob), ended, &owned), OK);
    assert_false(owned); /* what was delivered has a blob of its own row */
    bench_sound(b);
}

/* A file that was deleted while a call reads it, until that call has ended. */
static void a_live_call_owns_its_inputs(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    bool owned;
    seat_ok(&b->a, put_at("a.png", "up-1", 4));
    seat_ok(&b->a, put_at("b.png", "up-2", 4));
    struct command c = cmd_submit(GEN);
    c.submit.files = STR("[{\"input\":\"image\",\"asset\":\"up-1\",\"blob\":\"up-1\",\"type\":\"image/png\"}]");
    seat_ok(&b->a, c);
    seat_ok(&b->a, delete_asset("a.png", ""));
    seat_ok(&b->a, delete_asset("b.png", ""));
    assert_int_equal(query_blob_owned(b->db, STR("up-1"), b->now, &owned), OK);
    assert_true(owned);
    assert_int_equal(query_blob_owned(b->db, STR("up-2"), b->now, &owned), OK);
    assert_false(owned);
    seat_ok(&b->a, cmd_cancel(PROJECT));
    assert_int_equal(query_blob_owned(b->db, STR("up-1"), b->now, &owned), OK);
    assert_false(owned);
    bench_sound(b);
}

static void old_assets_expire(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    const msec day = MS_DAY;
    const struct asset **rows;
    size_t n;
    struct command first = submit_as(&b->arena, 1, "a/x", "", day);
    first.submit.output_path = STR("a.png");
    make_one(b, first, "up-1");
    seat_ok(&b->a, put_at("a.png", "up-2", 2 * day)); /* replaces up-1, which no path shows any more */
    seat_ok(&b->a, put_at("b.png", "up-3", 3 * day));
    seat_ok(&b->a, put_at("c.png", "up-4", day));
    seat_ok(&b->a, delete_asset("c.png", "up-4"));
    assert_int_equal(query_assets_expired(b->db, 100 * day, 10, &b->arena, &rows, &n), OK);
    assert_int_equal(n, 0); /* they are kept for ever */
    seat_ok(&b->a, cmd_project_set(PROJECT, -1, -1, 2));
    static const struct {
        msec now;
        int64_t limit;
        const char *found;
    } cases[] = {{3 * MS_DAY - 1, 10, ""}, {3 * MS_DAY, 10, "up-1 "}, {5 * MS_DAY, 10, "up-1 up-2 up-3 "}, {5 * MS_DAY, 2, "up-1 up-2 "}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[100] = "";
        if (query_assets_expired(b->db, cases[i].now, cases[i].limit, &b->arena, &rows, &n)) fail_msg("%s", b->db->why.detail);
        for (size_t k = 0; k < n; k++) snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s ", STR_ARG(rows[k]->head.id));
        assert_string_equal(text, cases[i].found);
    }
    assert_true(str_empty(rows[0]->path) && str_is(rows[1]->path, "a.png") && str_is(rows[1]->project, PROJECT));
    struct command test = put_at("a.png", "up-5", day); /* one of the test book goes by its own name and book, and that of the live one stays */
    test.asset_put.book = STR("test");
    seat_ok(&b->a, test);
    assert_int_equal(query_assets_expired(b->db, 3 * day, 10, &b->arena, &rows, &n), OK);
    assert_true(n == 2 && str_is(rows[1]->head.id, "up-5") && str_is(rows[1]->book, "test"));
    seat_ok(&b->a, (struct command){.kind = CMD_ASSET_DELETE, .at = 14, .asset_delete = {rows[1]->project, rows[1]->book, rows[1]->path, rows[1]->head.id}});
    assert_true(!BENCH_GET(b, asset, "up-2")->deleted_at && BENCH_GET(b, asset, "up-5")->deleted_at);
    assert_int_equal(seat_run(&b->a, delete_asset("a.png", "up-1")).code, E_NOT_FOUND); /* the path shows another by now */
    seat_ok(&b->a, delete_asset("", "up-1"));
    seat_ok(&b->a, delete_asset("a.png", "up-2"));
    assert_int_equal(query_assets_expired(b->db, 5 * day, 10, &b->arena, &rows, &n), OK);
    assert_int_equal(n, 1);
    bench_sound(b);
}

static void work_is_paged(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    const struct generation **gens;
    size_t n, seen = 0;
    seat_ok(&b->a, cmd_project_set(PROJECT, 10, -1, -1));
    for (int i = 1; i <= 7; i++) {
        struct command c = submit_as(&b->arena, i, "a/x", "", 5);
        c.submit.node = STR(NODE);
        c.submit.book = STR("live"), c.submit.key = STR("livekey1");
        seat_ok(&b->a, c);
    }
    for (struct str after = STR("");; after = gens[n - 1]->head.id) {
        assert_int_equal(query_work_of(b->db, STR(NODE), after, 3, &b->arena, &gens, &n), OK);
        for (size_t i = 0; i < n; i++) assert_int_equal(gens[i]->seq, ++seen);
        if (n < 3) break;
    }
    assert_int_equal(seen, 7);
}

/* A model that runs as often as it may does not keep other models of the project from their turn. */
static void busy_models_are_passed_over(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    seat_ok(&b->a, cmd_project_set(PROJECT, 10, -1, -1));
    for (int i = 1; i <= 4; i++) {
        struct command c = submit_as(&b->arena, i, "a/x", "", 5);
        c.submit.book = STR("live"), c.submit.key = STR("livekey1");
        c.submit.model_limit = 1;
        if (i == 1) c.submit.node = STR(NODE);
        seat_ok(&b->a, c);
    }
    struct turn *turns;
    const struct generation **gens;
    size_t n;
    assert_int_equal(query_turns(b->db, 100, 10, &b->arena, &turns, &n), OK);
    assert_int_equal(n, 0);
    struct command other = submit_as(&b->arena, 6, "a/y", "", 5);
    seat_ok(&b->a, other);
    assert_int_equal(query_turns(b->db, 100, 10, &b->arena, &turns, &n), OK);
    assert_int_equal(n, 1);
    assert_int_equal(query_pending(b->db, STR(PROJECT), 100, 1, &b->arena, &gens, &n), OK);
    assert_true(n == 1 && str_is(gens[0]->model, "a/y"));
    struct command cancel = cmd_cancel(PROJECT);
    cancel.cancel.generation = submit_as(&b->arena, 1, "", "", 5).submit.generation;
    seat_ok(&b->a, cancel);
    assert_int_equal(query_pending(b->db, STR(PROJECT), 100, 1, &b->arena, &gens, &n), OK);
    assert_true(n == 1 && gens[0]->seq == 2);
    bench_sound(b);
}

/* --- the audit --- */

/* GEN is completed; GEN2 waits; GEN3 runs on a model with a limit, called with a capped key. */
#define GEN3 "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
static void audit_ready(struct bench *b) {
    bench_ready(b);
    seat_bring(&b->a, "completed");
    seat_ok(&b->a, cmd_submit(GEN2));
    struct command key = cmd_create_key("capped01", PROJECT, "live");
    key.create_key.day_cap = 2 * PRICE;
    seat_ok(&b->a, key);
    struct command c = cmd_submit(GEN3);
    c.submit.key = STR("capped01");
    c.submit.model = STR("a/limited");
    c.submit.model_limit = 2;
    seat_ok(&b->a, c);
    c = cmd_claim("fal", 1);
    c.step.generation = STR(GEN3);
    seat_ok(&b->a, c);
    seat_ok(&b->a, cmd_adjust("adjust:1", "live", 500));
    seat_ok(&b->a, cmd_adjust("adjust:2", "live", -300));
    seat_ok(&b->a, cmd_derive("asset1", "thumbnail", "blob-t"));
    seat_ok(&b->a, cmd_secret(CMD_SECRET_PUT, PROJECT, "TOKEN", "sealed"));
    seat_ok(&b->a, cmd_provider_key("fal", "sealed"));
    bench_sound(b);
    assert_int_equal(bench_audit(b).adjustments, -200);
}

static void audit_finds_what_was_tampered_with(void **state) {
    struct bench *b = *state;
    audit_ready(b);
    static const struct {
        const char *change, *undo, *finding;
    } cases[] = {
        {"update account set available = available + 1 where id = '" PROJECT "/live'", "update account set available = available - 1 where id = '" PROJECT "/live'", "account available"},
        {"update account set held = held - 1 where id = '" PROJECT "/live'", "update account set held = held + 1 where id = '" PROJECT "/live'", "account held"},
        {"update transfer set amount = amount + 1 where id = '" GEN ":capture'", "update transfer set amount = amount - 1 where id = '" GEN ":capture'", "capture and release"},
        {"update transfer set seq = seq + 100 where id = '" GEN ":hold'", "update transfer set seq = seq - 100 where id = '" GEN ":hold'", "transfers of the account"},
        {"update transfer set credit = 'platform/live/pocket' where id = '" GEN ":capture'", "update transfer set credit = 'platform/live/revenue' where id = '" GEN ":capture'", "no such platform account"},
        {"update transfer set book = 'test' where id = '" GEN ":capture'", "update transfer set book = 'live' where id = '" GEN ":capture'", "generation of the transfer"},
        {"update generation set billed_micros = billed_micros - 1 where id = '" GEN "'", "update generation set billed_micros = billed_micros + 1 where id = '" GEN "'", "bill of the generation"},
        {"update generation set hold_micros = 7 where id = '" GEN "'", "update generation set hold_micros = 0 where id = '" GEN "'", "pending hold"},
        {"update generation set hold_micros = 0 where id = '" GEN2 "'", "update generation set hold_micros = quoted_micros where id = '" GEN2 "'", "pending hold"},
        {"update generation set events = events + 1 where id = '" GEN2 "'", "update generation set events = events - 1 where id = '" GEN2 "'", "events of the generation"},
        {"update generation set node = 'x' where id = '" GEN2 "'", "update generation set node = '' where id = '" GEN2 "'", "node of the generation"},
        {"update usage_event set billed_micros = 1 where id = '" GEN "'", "update usage_event set billed_micros = 10000 where id = '" GEN "'", "usage event"},
        {"update usage_event set id = 'x' where id = '" GEN "'", "update usage_event set id = '" GEN "' where id = 'x'", "completed generation of the usage event"},
        {"update project set pending = 0 where id = '" PROJECT "'", "update project set pending = 1 where id = '" PROJECT "'", "pending generations"},
        {"update project set drive_bytes = drive_bytes + 1 where id = '" PROJECT "'", "update project set drive_bytes = drive_bytes - 1 where id = '" PROJECT "'", "drive bytes"},
        {"update project set drive_reserved = 0 where id = '" PROJECT "'", "update project set drive_reserved = 2000 where id = '" PROJECT "'", "drive space reserved"},
        {"update project set test_drive_bytes = 1 where id = '" PROJECT "'", "update project set test_drive_bytes = 0 where id = '" PROJECT "'", "test book: found 1, expected 0"},
        {"update project set test_drive_reserved = 1 where id = '" PROJECT "'", "update project set test_drive_reserved = 0 where id = '" PROJECT "'", "reserved by the project for test calls"},
        {"update asset set book = 'test' where id = 'asset1'", "update asset set book = 'live' where id = 'asset1'", "asset1: book of the asset"},
        {"update drive_path set id = '" PROJECT ":test/' || path where asset = 'asset1'", "update drive_path set id = '" PROJECT "/' || path where asset = 'asset1'", "live asset behind the path"},
        {"update asset set deleted_at = 1 where id = 'asset1'", "update asset set deleted_at = 0 where id = 'asset1'", "live asset behind the path"},
        {"update attempt set generation = 'x' where id = '" GEN ".1'", "update attempt set generation = '" GEN "' where generation = 'x'", "attempts of the generation"},
        {"update model_load set running = 0", "update model_load set running = 1", "a/limited: running generations of the model: found 0, expected 1"},
        {"update model_load set id = 'x'", "update model_load set id = 'a/limited'", "that nobody counts: found 1, expected 0"},
        {"update generation set model_limit = 0 where id = '" GEN3 "'", "update generation set model_limit = 2 where id = '" GEN3 "'", "running generations of the model: found 1, expected 0"},
        {"update key_day set spent = spent - 1", "update key_day set spent = spent + 1", "capped01/0: spending of the key on its day: found 9999, expected 10000"},
        {"update key_day set day = 1", "update key_day set day = 0", "spending of the key on its day: found 10000, expected 0"},
        {"update key_day set id = 'capped01/1'", "update key_day set id = 'capped01/0'", "spending of the key on its day"},
        {"update key_day set key = 'livekey1'", "update key_day set key = 'capped01'", "capped01: day of the capped key"},
        {"update api_key set day_cap = 9999 where id = 'capped01'", "update api_key set day_cap = 20000 where id = 'capped01'", "above its cap: found 10000, expected 9999"},
        {"update transfer set debit = 'platform/live/adjustments', credit = '" PROJECT "/live/held' where id = 'adjust:1'",
         "update transfer set credit = '" PROJECT "/live/available' where id = 'adjust:1'", "adjust:1: sides of the transfer"},
        {"update transfer set generation = '" GEN "' where id = 'adjust:2'", "update transfer set generation = '' where id = 'adjust:2'", "adjust:2: sides of the transfer"},
        {"update transfer set author = '' where id = 'adjust:1'", "update transfer set author = 'ann' where id = 'adjust:1'", "adjust:1: author and reason"},
        {"update transfer set reason = '' where id = 'adjust:2'", "update transfer set reason = 'a mistake' where id = 'adjust:2'", "adjust:2: author and reason"},
        {"update usage_event set end_user = 'bob'", "update usage_event set end_user = ''", "end user and metadata"},
        {"update usage_event set metadata = '{}'", "update usage_event set metadata = ''", "end user and metadata"},
        {"update derived set asset = 'x'", "update derived set asset = 'asset1'", "asset of the derived file"},
        {"update derived set role = 'poster'", "update derived set role = 'thumbnail'", "asset of the derived file"},
        {"update secret set deleted_at = 4", "update secret set deleted_at = 0", "text left of the deleted secret: found 6, expected 0"},
        {"update provider_key set deleted_at = 4", "update provider_key set deleted_at = 0", "text left of the forgotten provider key: found 6, expected 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench_sql(b, cases[i].change);
        struct audit a = bench_audit(b);
        if (!a.findings || !strstr(a.text.ptr ? a.text.ptr : "", cases[i].finding)) fail_msg("%s: %lld findings: %.*s", cases[i].change, (long long)a.findings, STR_ARG(a.text));
        bench_sql(b, cases[i].undo);
        bench_sound(b);
    }
    /* a third one of a model that allows two */
    bench_sql(b, "update generation set model_limit = 1, state = 'processing', model = 'a/limited' where id in ('" GEN "', '" GEN2 "')");
    struct audit many = bench_audit(b);
    assert_non_null(strstr(many.text.ptr, "above its limit: found 3, expected 2"));
    bench_sql(b, "delete from transfer where id = '" GEN2 ":hold'");
    assert_true(bench_audit(b).findings >= 2);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(usage_is_summed), T(pages_are_filtered), T(secrets_and_derived_files), T(a_reply_owns_what_came_inside_of_it), T(a_live_call_owns_its_inputs), T(old_assets_expire), T(work_is_paged),
        T(busy_models_are_passed_over), T(audit_finds_what_was_tampered_with),
    };
    int failed = 0;
    engine = ENGINE_SQLITE;
    failed += cmocka_run_group_tests_name("lists on SQLite", tests, NULL, NULL);
    engine = ENGINE_POSTGRES;
    failed += cmocka_run_group_tests_name("lists on PostgreSQL", tests, NULL, NULL);
    return failed;
}
