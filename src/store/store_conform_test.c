/* One suite, both engines: what a store is asked to do, it does in the same way on SQLite and on PostgreSQL. */
#include "base/limits.h"
#include "store/testbed.h"

#include <time.h>

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

/* --- records --- */

static union record_any sample(struct arena *a, enum rec_type t, int variant) {
    static const char *const texts[] = {"plain", "", "Zo\xc3\xab's \"caf\xc3\xa9\" \\ ; -- %s \xf0\x9f\x8e\xa8", "{\"a\":[1,2]}", "two\nlines\tand a tab"};
    static const int64_t numbers[] = {1, 0, -1, INT64_MAX, INT64_MIN, 1700000000000};
    const struct rec_info *info = rec_info(t);
    union record_any r;
    memset(&r, 0, sizeof r);
    r.head.id = arena_printf(a, "id-%d \xc3\xa9/'%d'", (int)t, variant / 100);
    for (int i = 0; i < info->field_count; i++) {
        const struct rec_field *f = &info->fields[i];
        if (f->kind == FIELD_I64) *record_i64(&r.head, f) = numbers[(i + variant) % 6];
        else *record_str(&r.head, f) = str_of(texts[(i + variant) % 5]);
    }
    return r;
}

static void same_record(enum rec_type t, const struct rec_head *x, const struct rec_head *y) {
    const struct rec_info *info = rec_info(t);
    assert_true(str_eq(x->id, y->id));
    for (int i = 0; i < info->field_count; i++) {
        const struct rec_field *f = &info->fields[i];
        bool same = f->kind == FIELD_I64 ? *record_i64(x, f) == *record_i64(y, f) : str_eq(*record_str(x, f), *record_str(y, f));
        if (!same) fail_msg("%s.%s is not what was saved", info->table, f->name);
    }
}

static err save_all(struct db *db, const struct rec_change *changes, size_t n) {
    err e = db->ops->begin(db, DB_WRITE, NULL);
    if (!e) e = db->ops->save(db, changes, n);
    if (!e) e = db->ops->commit(db);
    if (e) db->ops->rollback(db);
    return e;
}

/* Through the writer's own way of loading. */
static void loaded_same(struct db *db, enum rec_type t, const struct rec_head *wanted, int64_t version) {
    struct workset *w = workset_create();
    workset_want(w, (struct rec_key){t, wanted->id});
    workset_want(w, (struct rec_key){t, STR("nobody")});
    assert_int_equal(db->ops->begin(db, DB_WRITE, NULL), OK);
    assert_int_equal(db->ops->load(db, w), OK);
    assert_int_equal(db->ops->lock(db, w), OK);
    const struct rec_head *got = workset_get(w, t, wanted->id);
    assert_non_null(got);
    assert_int_equal(got->version, version);
    same_record(t, wanted, got);
    assert_null(workset_get(w, t, STR("nobody")));
    db->ops->rollback(db);
    workset_destroy(w);
}

static void records_round_trip(void **state) {
    struct bench *b = *state;
    bench_open(b);
    struct db *db = b->a.store->admin;
    for (int t = 0; t < REC_COUNT; t++)
        for (int variant = 0; variant < 12; variant++) {
            enum rec_type type = (enum rec_type)t;
            union record_any r = sample(&b->arena, type, variant + 100 * variant);
            struct rec_change c = {type, &r.head};
            assert_int_equal(save_all(db, &c, 1), OK);
            const struct rec_head *got;
            assert_int_equal(query_record(b->db, (struct rec_key){type, r.head.id}, &b->arena, &got), OK);
            assert_int_equal(got->version, 1);
            same_record(type, &r.head, got);
            loaded_same(db, type, &r.head, 1);

            assert_int_equal(save_all(db, &c, 1), E_STALE); /* it is there already */
            union record_any changed = sample(&b->arena, type, variant + 7 + 100 * variant);
            changed.head.id = r.head.id;
            changed.head.version = 5;
            c.record = &changed.head;
            assert_int_equal(save_all(db, &c, 1), E_STALE); /* not the version that is there */
            loaded_same(db, type, &r.head, 1);
            changed.head.version = 1;
            assert_int_equal(save_all(db, &c, 1), OK);
            loaded_same(db, type, &changed.head, 2);
        }
}

static void large_text_and_large_batches(void **state) {
    struct bench *b = *state;
    bench_open(b);
    struct db *db = b->a.store->admin;
    enum { N = 900 };
    struct rec_change changes[N];
    char *text = arena_bytes(&b->arena, 1 << 20);
    for (int i = 0; i < 1 << 20; i++) text[i] = (char)('a' + i % 26);
    for (int i = 0; i < N; i++) {
        struct event *e = arena_new(&b->arena, struct event);
        e->head.id = arena_printf(&b->arena, "%032d/%06d", i / 10, i % 10 + 1);
        e->generation = str_head(e->head.id, 32);
        e->n = i % 10 + 1;
        e->payload = str_n(text, i == 17 ? 1 << 20 : 100);
        changes[i] = (struct rec_change){REC_event, &e->head};
    }
    assert_int_equal(save_all(db, changes, N), OK);
    loaded_same(db, REC_event, changes[17].record, 1);
    const struct event **rows;
    size_t n;
    assert_int_equal(query_events(b->db, STR("00000000000000000000000000000003"), 4, 3, &b->arena, &rows, &n), OK);
    assert_int_equal(n, 3);
    assert_int_equal(rows[0]->n, 5);
    assert_int_equal(rows[2]->n, 7);
    /* one stale row of many: none is changed */
    struct event late = *(const struct event *)changes[500].record;
    late.head.version = 9;
    changes[500].record = &late.head;
    for (int i = 0; i < N; i++)
        if (i != 500) ((struct event *)changes[i].record)->head.version = 1;
    assert_int_equal(save_all(db, changes, N), E_STALE);
    ((struct event *)changes[3].record)->head.version = 1;
    loaded_same(db, REC_event, changes[3].record, 1);
}

/* --- batches --- */

static void second_command_sees_the_first(void **state) {
    struct bench *b = *state;
    bench_open(b);
    struct command c[] = {cmd_create_project(PROJECT), cmd_create_key("livekey1", PROJECT, "live"), cmd_top_up("topup:1", "live", PRICE),
                          cmd_submit(GEN), cmd_submit(GEN2)};
    struct outcome out[5];
    uint64_t batches = committer_stats(b->a.c).batches;
    seat_batch(&b->a, c, 5, out);
    assert_int_equal(committer_stats(b->a.c).batches, batches + 1);
    for (int i = 0; i < 4; i++) assert_int_equal(out[i].code, OK);
    assert_int_equal(out[4].code, E_INSUFFICIENT_CREDIT);
    assert_non_null(strstr(out[4].why.facts, "\"missing_micros\":10000"));
    assert_non_null(BENCH_GET(b, generation, GEN));
    assert_null(BENCH_GET(b, generation, GEN2));
    assert_int_equal(BENCH_GET(b, account, PROJECT "/live")->held, PRICE);
    assert_int_equal(BENCH_GET(b, project, PROJECT)->seq, 1);
    assert_true(b->a.published > 0);
    bench_sound(b);
}

static void refused_changes_nothing(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    int64_t version = BENCH_GET(b, account, PROJECT "/live")->head.version;
    int published = b->a.published;
    struct command dear = cmd_submit(GEN);
    dear.submit.quote.amount = START + 100;
    assert_int_equal(seat_run(&b->a, dear).code, E_INSUFFICIENT_CREDIT);
    assert_int_equal(seat_run(&b->a, cmd_cancel(PROJECT)).code, E_NOT_FOUND);
    assert_int_equal(BENCH_GET(b, account, PROJECT "/live")->head.version, version);
    assert_int_equal(b->a.published, published);
    /* among others that are kept */
    struct command c[] = {dear, cmd_top_up("topup:9", "live", 5), dear};
    struct outcome out[3];
    seat_batch(&b->a, c, 3, out);
    assert_int_equal(out[0].code, E_INSUFFICIENT_CREDIT);
    assert_int_equal(out[1].code, OK);
    assert_int_equal(out[1].available, START + 5);
    assert_int_equal(BENCH_GET(b, account, PROJECT "/live")->available, START + 5);
    bench_sound(b);
}

static void text_no_database_takes_is_refused(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    struct command c = cmd_submit(GEN);
    c.submit.inputs = STR("{\"prompt\":\"\xff\"}");
    assert_int_equal(committer_submit(b->a.c, &c, NULL, NULL), E_INVALID);
    c.submit.inputs = STR("eight by\0te");
    assert_int_equal(committer_submit(b->a.c, &c, NULL, NULL), E_INVALID);
    c.submit.inputs = STR("{\"prompt\":\"Zo\xc3\xab \xf0\x9f\x8e\xa8\"}");
    seat_ok(&b->a, c);
    assert_true(str_eq(BENCH_GET(b, generation, GEN)->inputs, c.submit.inputs));
}

/* Every string of every kind of command is copied: the caller's memory is overwritten before the batch runs. */
static void commands_are_copied(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    seat_bring(&b->a, "result");
    char ids[2][40] = {"asset-copied", "blob-copied"}, path[] = "media/copied.png", result[] = "{\"metrics\":{}}";
    struct output o = test_output(ids[0], 10);
    o.blob = str_of(ids[1]);
    struct command c = cmd_settle(1, 0), put = {.kind = CMD_ASSET_PUT, .at = 9};
    c.step.outputs = &o;
    c.step.output_count = 1;
    c.step.result = str_of(result);
    struct output mine = test_output("up", 3);
    put.asset_put = (struct cmd_asset_put){STR(PROJECT), STR("live"), str_of(path), mine};
    assert_int_equal(committer_submit(b->a.c, &c, NULL, NULL), OK);
    assert_int_equal(committer_submit(b->a.c, &put, NULL, NULL), OK);
    memset(ids, 'x', sizeof ids);
    memset(path, 'x', sizeof path - 1);
    memset(result, 'x', sizeof result - 1);
    memset(&o, 0, sizeof o);
    while (committer_step(b->a.c)) {}
    committer_drain(b->a.c);
    assert_true(str_is(BENCH_GET(b, asset, "asset-copied")->blob, "blob-copied"));
    assert_true(str_is(BENCH_GET(b, generation, GEN)->result, "{\"metrics\":{}}"));
    assert_non_null(BENCH_GET(b, drive_path, PROJECT "/media/copied.png"));
    bool owned;
    assert_int_equal(query_blob_owned(b->db, STR("blob-copied"), b->now, &owned), OK);
    assert_true(owned);
    assert_int_equal(query_blob_owned(b->db, STR("blob-copie"), b->now, &owned), OK);
    assert_false(owned);
    bench_sound(b);
}

static void many_commands_make_bounded_batches(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    enum { N = 600 };
    struct command *c = calloc(N, sizeof *c);
    struct outcome *out = calloc(N, sizeof *out);
    for (int i = 0; i < N; i++) {
        c[i] = cmd_submit(arena_printf(&b->arena, "%032x", i + 1).ptr);
        c[i].submit.idempotency = arena_printf(&b->arena, "%064x", i + 1);
        c[i].submit.quote.amount = 100;
        c[i].submit.needs_bytes = 0;
    }
    seat_batch(&b->a, c, N, out);
    for (int i = 0; i < N; i++) assert_int_equal(out[i].code, OK);
    struct committer_stats st = committer_stats(b->a.c);
    assert_true(st.max_batch >= 150 && st.max_batch <= LIMIT_BATCH_COMMANDS);
    seat_batch(&b->a, c, N, out); /* the same calls again are replays */
    for (int i = 0; i < N; i++) assert_true(out[i].code == OK && out[i].replayed && !strncmp(out[i].generation, c[i].submit.generation.ptr, 32));
    assert_int_equal(BENCH_GET(b, project, PROJECT)->pending, N);
    bench_sound(b);
    free(c);
    free(out);
}

/* Fat commands: a transaction stays under 4 MB although the count would allow more. */
static void fat_commands_are_split(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    enum { N = 100, SIZE = 60000 };
    char *text = arena_bytes(&b->arena, SIZE);
    memset(text, 'a', SIZE);
    struct command c[N];
    struct outcome out[N];
    for (int i = 0; i < N; i++) {
        c[i] = cmd_submit(arena_printf(&b->arena, "%032x", i + 1).ptr);
        c[i].submit.quote.amount = 1;
        c[i].submit.needs_bytes = 0;
        c[i].submit.inputs = str_n(text, SIZE);
    }
    seat_batch(&b->a, c, N, out);
    for (int i = 0; i < N; i++) assert_int_equal(out[i].code, OK);
    assert_true(committer_stats(b->a.c).max_batch * SIZE < LIMIT_BATCH_BYTES);
    /* their records are as fat when a small command touches them: the guess by commands is too low, the batch is cut */
    uint64_t batches = committer_stats(b->a.c).batches;
    for (int i = 0; i < N; i++) {
        c[i] = cmd_cancel(PROJECT);
        c[i].cancel.generation = arena_printf(&b->arena, "%032x", i + 1);
    }
    seat_batch(&b->a, c, N, out);
    for (int i = 0; i < N; i++) assert_int_equal(out[i].code, OK);
    assert_true(committer_stats(b->a.c).batches >= batches + 2);
    bench_sound(b);
}

/* --- the whole life, and the lists over it --- */

static void life_and_lists(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    struct arena *a = &b->arena;
    struct turn *turns;
    const struct generation **gens;
    struct str *ids;
    size_t n;
    seat_ok(&b->a, cmd_submit(GEN));
    assert_int_equal(query_turns(b->db, 100, 10, a, &turns, &n), OK);
    assert_int_equal(n, 1);
    assert_true(str_is(turns[0].project, PROJECT) && turns[0].pending == 1 && turns[0].running == 0 && turns[0].run_limit == 1);
    assert_int_equal(query_pending(b->db, STR(PROJECT), 100, 10, a, &gens, &n), OK);
    assert_int_equal(n, 1);
    seat_ok(&b->a, cmd_claim("fal", 1));
    assert_int_equal(query_turns(b->db, 100, 10, a, &turns, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(query_work_of(b->db, STR(NODE), STR(""), 10, a, &gens, &n), OK);
    assert_int_equal(n, 1);
    assert_int_equal(query_work_of(b->db, STR(NODE), STR(GEN), 10, a, &gens, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(query_work_of(b->db, STR(NODE2), STR(""), 10, a, &gens, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(query_past_deadline(b->db, DEADLINE - 1, 10, a, &ids, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(query_past_deadline(b->db, DEADLINE, 10, a, &ids, &n), OK);
    assert_int_equal(n, 1);
    assert_true(str_is(ids[0], GEN));
    seat_ok(&b->a, cmd_failed(1, FAIL_TRANSIENT, true)); /* back to pending until 20 */
    assert_int_equal(query_turns(b->db, 19, 10, a, &turns, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(query_turns(b->db, 20, 10, a, &turns, &n), OK);
    assert_int_equal(n, 1);
    struct command again = cmd_claim("fal", 2);
    again.at = 21;
    seat_ok(&b->a, again);
    seat_ok(&b->a, cmd_step(CMD_SENDING, 2));
    seat_ok(&b->a, cmd_step(CMD_ACCEPTED, 2));
    seat_ok(&b->a, cmd_step(CMD_RESULT_SEEN, 2));
    seat_ok(&b->a, cmd_settle(2, 2));
    assert_int_equal(query_past_deadline(b->db, DEADLINE, 10, a, &ids, &n), OK);
    assert_int_equal(n, 0);
    const struct attempt **attempts;
    assert_int_equal(query_attempts(b->db, STR(GEN), a, &attempts, &n), OK);
    assert_int_equal(n, 2);
    assert_int_equal(attempts[1]->n, 2);
    struct sent_submit *sent;
    assert_true(attempts[1]->sent_at > 0 && !attempts[0]->sent_at);
    assert_int_equal(query_sent(b->db, 0, 10, a, &sent, &n), OK);
    assert_int_equal(n, 1); /* the first never left */
    assert_true(str_eq(sent[0].provider, attempts[1]->provider) && str_eq(sent[0].route, attempts[1]->route) && sent[0].at == attempts[1]->sent_at);
    assert_true(str_eq(sent[0].model, BENCH_GET(b, generation, GEN)->model));
    assert_int_equal(query_sent(b->db, attempts[1]->sent_at, 10, a, &sent, &n), OK);
    assert_int_equal(n, 0);
    const struct asset **assets;
    assert_int_equal(query_assets_of(b->db, STR(GEN), a, &assets, &n), OK);
    assert_int_equal(n, 2);
    const struct event **events;
    assert_int_equal(query_events(b->db, STR(GEN), 0, 100, a, &events, &n), OK);
    assert_int_equal(n, BENCH_GET(b, generation, GEN)->events);
    for (size_t i = 0; i < n; i++) assert_int_equal(events[i]->n, i + 1);
    const struct usage_event **usage;
    assert_int_equal(query_usage(b->db, STR(PROJECT), &(struct page){.limit = 10}, a, &usage, &n), OK);
    assert_int_equal(n, 1);
    struct audit audit = bench_audit(b);
    assert_int_equal(audit.findings, 0);
    assert_int_equal(audit.top_ups, 2 * START);
    assert_int_equal(audit.revenue, PRICE);
    assert_int_equal(audit.held, 0);
    assert_int_equal(audit.available, 2 * START - PRICE);
    assert_int_equal(audit.usage_events, 1);
}

static void pages(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    struct arena *a = &b->arena;
    const struct generation **gens;
    const struct transfer **transfers;
    size_t n;
    for (int i = 1; i <= 7; i++) {
        struct command c = cmd_submit(arena_printf(a, "%032x", i).ptr);
        c.submit.needs_bytes = 0;
        if (i % 2) c.submit.model = STR("odd");
        if (i == 3) c.submit.book = STR("test"), c.submit.key = STR("testkey1");
        seat_ok(&b->a, c);
    }
    struct page p = {.limit = 3};
    assert_int_equal(query_generations(b->db, STR(PROJECT), &p, a, &gens, &n), OK);
    assert_int_equal(n, 3);
    assert_int_equal(gens[0]->seq, 7);
    p.before_seq = gens[2]->seq;
    assert_int_equal(query_generations(b->db, STR(PROJECT), &p, a, &gens, &n), OK);
    assert_int_equal(gens[0]->seq, 4);
    assert_int_equal(query_generations(b->db, STR(PROJECT), &(struct page){.model = STR("odd")}, a, &gens, &n), OK);
    assert_int_equal(n, 4);
    assert_int_equal(query_generations(b->db, STR(PROJECT), &(struct page){.book = STR("test")}, a, &gens, &n), OK);
    assert_int_equal(n, 1);
    assert_int_equal(query_generations(b->db, STR(PROJECT), &(struct page){.state = STR("completed")}, a, &gens, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(query_generations(b->db, STR(FOREIGN), &(struct page){}, a, &gens, &n), OK);
    assert_int_equal(n, 0);
    /* 7 live transfers and 2 test ones, both counted from 1: no page cuts a pair of equal numbers */
    size_t seen = 0;
    for (p = (struct page){.limit = 1};;) {
        assert_int_equal(query_transfers(b->db, STR(PROJECT), &p, a, &transfers, &n), OK);
        if (!n) break;
        seen += n;
        p.before_seq = transfers[n - 1]->seq;
    }
    assert_int_equal(seen, 9);
    assert_int_equal(query_transfers(b->db, STR(PROJECT), &(struct page){.book = STR("live"), .limit = 4}, a, &transfers, &n), OK);
    assert_int_equal(n, 4);
    assert_int_equal(transfers[0]->seq, 7);
    const struct api_key **keys;
    assert_int_equal(query_keys(b->db, STR(PROJECT), a, &keys, &n), OK);
    assert_int_equal(n, 2);
    assert_int_equal(query_keys(b->db, STR(""), a, &keys, &n), OK);
    assert_int_equal(n, 3);
    const struct project **projects;
    assert_int_equal(query_projects(b->db, a, &projects, &n), OK);
    assert_int_equal(n, 2);
}

static void drive_lists(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    static const char *const paths[] = {"a.png", "a/1.png", "a/2.png", "a/\xc3\xa9.png", "ab", "b/x", "\xc3\xa9t\xc3\xa9/1", "\xc3\xa9t\xc3\xa9/2", "\xc3\xaa"};
    enum { N = sizeof paths / sizeof *paths };
    for (int i = N - 1; i >= 0; i--) {
        struct command c = {.kind = CMD_ASSET_PUT, .at = 9};
        c.asset_put = (struct cmd_asset_put){STR(PROJECT), STR("live"), str_of(paths[i]), test_output(arena_printf(&b->arena, "asset-%d", i).ptr, 10)};
        seat_ok(&b->a, c);
    }
    static const struct {
        const char *prefix, *after;
        int64_t limit;
        const char *first;
        size_t n;
    } cases[] = {
        {"", "", 100, "a.png", 9}, {"a", "", 100, "a.png", 5},          {"a/", "", 100, "a/1.png", 3}, {"a/", "a/1.png", 100, "a/2.png", 2},
        {"a/", "", 1, "a/1.png", 1}, {"", "ab", 100, "b/x", 4},         {"z", "", 100, "", 0},         {"\xc3\xa9", "", 100, "\xc3\xa9t\xc3\xa9/1", 2},
        {"\xc3\xa9", "\xc3\xa9t\xc3\xa9/1", 100, "\xc3\xa9t\xc3\xa9/2", 1}, {"a/\xc3\xa9", "", 100, "a/\xc3\xa9.png", 1}, {"a", "0", 100, "a.png", 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct asset **rows;
        size_t n;
        assert_int_equal(query_drive(b->db, (struct drive_spot){STR(PROJECT), STR("live"), str_of(cases[i].prefix)}, str_of(cases[i].after), cases[i].limit, &b->arena, &rows, &n), OK);
        if (n != cases[i].n || (n && !str_is(rows[0]->path, cases[i].first))) fail_msg("'%s' after '%s'", cases[i].prefix, cases[i].after);
        for (size_t k = 1; k < n; k++) assert_true(str_cmp(rows[k - 1]->path, rows[k]->path) < 0);
        assert_int_equal(query_drive(b->db, (struct drive_spot){STR(FOREIGN), STR("live"), str_of(cases[i].prefix)}, STR(""), 10, &b->arena, &rows, &n), OK);
        assert_int_equal(n, 0);
    }
    seat_ok(&b->a, (struct command){.kind = CMD_ASSET_DELETE, .at = 10, .asset_delete = {STR(PROJECT), STR("live"), STR("a/1.png")}});
    struct command test = {.kind = CMD_ASSET_PUT, .at = 11}; /* the test book's drive lies between two projects' in the index, and lists alone */
    test.asset_put = (struct cmd_asset_put){STR(PROJECT), STR("test"), STR("a/\xc3\xa9.png"), test_output("of-test", 10)};
    seat_ok(&b->a, test);
    static const struct {
        const char *book, *prefix;
        size_t n;
    } drives[] = {{"test", "", 1}, {"test", "a/", 1}, {"test", "a/\xc3\xa9", 1}, {"test", "b", 0}, {"live", "", 8}, {"live", "a/\xc3\xa9", 1}};
    for (size_t i = 0; i < sizeof drives / sizeof *drives; i++) {
        const struct asset **rows;
        size_t n;
        assert_int_equal(query_drive(b->db, (struct drive_spot){STR(PROJECT), str_of(drives[i].book), str_of(drives[i].prefix)}, STR(""), 100, &b->arena, &rows, &n), OK);
        if (n != drives[i].n || (n && !str_is(rows[0]->book, drives[i].book))) fail_msg("%s of the %s book", drives[i].prefix, drives[i].book);
    }
    const struct asset **rows;
    size_t n;
    assert_int_equal(query_drive(b->db, (struct drive_spot){STR(PROJECT), STR("live"), STR("a/")}, STR(""), 10, &b->arena, &rows, &n), OK);
    assert_int_equal(n, 2);
    bench_sound(b);
}

/* What a drive counts came out too low, as the bytes of one version moved by another once did: the audit says so, and no command ends the server for it. */
static void drive_counters_below_zero_are_survived(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    struct command put = {.kind = CMD_ASSET_PUT, .at = 9};
    put.asset_put = (struct cmd_asset_put){STR(PROJECT), STR("live"), STR("a.png"), test_output("a1", 10)};
    seat_ok(&b->a, put);
    seat_ok(&b->a, cmd_submit(GEN));
    bench_sql(b, "update project set drive_bytes = -7, drive_reserved = -1200 where id = '" PROJECT "'");
    struct str found = bench_audit(b).text;
    const char *const lines[] = {"drive space reserved by the project: found -1200, expected 1000", "drive bytes of the project: found -7, expected 10"};
    for (size_t i = 0; i < 2; i++)
        if (!memmem(found.ptr, found.len, lines[i], strlen(lines[i]))) fail_msg("%.*s", STR_ARG(found));
    seat_ok(&b->a, cmd_submit(GEN2));
    assert_int_equal(BENCH_GET(b, project, PROJECT)->drive_reserved, NEEDS);
    for (int i = 0; i < 2; i++) {
        struct command cancel = cmd_cancel(PROJECT);
        cancel.cancel.generation = i ? STR(GEN2) : STR(GEN);
        seat_ok(&b->a, cancel);
        assert_int_equal(BENCH_GET(b, project, PROJECT)->drive_reserved, 0);
    }
    seat_ok(&b->a, (struct command){.kind = CMD_ASSET_DELETE, .at = 10, .asset_delete = {STR(PROJECT), STR("live"), STR("a.png")}});
    assert_int_equal(BENCH_GET(b, project, PROJECT)->drive_bytes, 0);
    bench_sound(b);
}

static void newest_catalog(void **state) {
    struct bench *b = *state;
    bench_open(b);
    const struct catalog_version *v;
    assert_int_equal(query_newest_catalog(b->db, &b->arena, &v), E_NOT_FOUND);
    seat_ok(&b->a, (struct command){.kind = CMD_PUBLISH_CATALOG, .at = 5, .publish = {STR("bb"), STR("one")}});
    seat_ok(&b->a, (struct command){.kind = CMD_PUBLISH_CATALOG, .at = 6, .publish = {STR("aa"), STR("two")}});
    assert_int_equal(query_newest_catalog(b->db, &b->arena, &v), OK);
    assert_true(str_is(v->content, "two"));
}

static void sweep_deletes_what_expired(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    for (int i = 0; i < 30; i++) {
        struct command c = cmd_submit(arena_printf(&b->arena, "%032x", i + 1).ptr);
        c.submit.idempotency = arena_printf(&b->arena, "%064x", (i * 7919) % 65521);
        c.submit.needs_bytes = 0;
        c.at = i < 20 ? 5 : 6;
        seat_ok(&b->a, c);
    }
    int64_t deleted, all = 0, kept;
    const msec week = (msec)LIMIT_IDEMPOTENCY_DAYS * MS_DAY;
    assert_int_equal(store_sweep(b->a.store, &b->a.node, week, 1000, &deleted), OK);
    assert_int_equal(deleted, 0);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(store_sweep(b->a.store, &b->a.node, 6 + week, 4, &deleted), OK);
        assert_true(deleted <= 4);
        all += deleted;
    }
    assert_int_equal(all, 20);
    struct sql_rows rows;
    assert_int_equal(db_run(b->db, "select count(*) from idempotency", NULL, 0, &b->arena, &rows, NULL), OK);
    kept = sql_row(&rows, 0)->i;
    assert_int_equal(kept, 10);
}

static int64_t webhooks_left(struct bench *b, msec now) {
    int64_t deleted;
    struct sql_rows rows;
    assert_int_equal(store_sweep(b->a.store, &b->a.node, now, 1000, &deleted), OK);
    assert_int_equal(db_run(b->db, "select count(*) from webhook", NULL, 0, &b->arena, &rows, NULL), OK);
    return sql_row(&rows, 0)->i;
}

static void sweep_forgets_servers_that_no_call_names(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    for (int i = 0; i < 2; i++) {
        struct command c = cmd_submit(i ? GEN2 : GEN);
        c.at = i ? MS_DAY : 5;
        c.submit.webhook = STR("https://a.example/h");
        c.submit.webhook_origin = i ? STR("https://b.example:443") : STR("https://a.example:443");
        c.submit.webhook_secret = STR("sealed");
        seat_ok(&b->a, c);
    }
    seat_ok(&b->a, (struct command){.kind = CMD_WEBHOOK_PUT, .at = 5, .webhook_put = {.id = STR("hook1"), .project = STR(PROJECT), .url = STR("https://a.example/"), .secret = STR("s"), .wants = 31, .mask = 63, .fresh = true}});
    const msec kept = LIMIT_WEBHOOK_NAMED_DAYS * (msec)MS_DAY;
    assert_int_equal(webhooks_left(b, 5 + kept), 5); /* two servers, their list, the secret for both, and a webhook of the project */
    assert_int_equal(webhooks_left(b, 6 + kept), 4);
    assert_int_equal(webhooks_left(b, 100 * kept), 3);
}

/* The shortest of many looks, in microseconds. */
static int64_t look_takes(struct bench *b, size_t due) {
    int64_t least = INT64_MAX;
    for (int i = 0; i < 30; i++) {
        const struct webhook **rows;
        struct timespec from, to;
        size_t n;
        clock_gettime(CLOCK_MONOTONIC, &from);
        assert_int_equal(query_webhooks_due(b->db, STR(NODE), 1000, 1000, 256, &b->arena, &rows, &n), OK);
        clock_gettime(CLOCK_MONOTONIC, &to);
        assert_int_equal(n, due);
        int64_t took = (to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000;
        if (took < least) least = took;
    }
    return least;
}

static void put_hook(struct bench *b, const char *id) {
    seat_ok(&b->a, (struct command){.kind = CMD_WEBHOOK_PUT, .at = 5, .webhook_put = {.id = str_of(id), .project = STR(PROJECT), .url = STR("https://a.example/"), .secret = STR("s"), .wants = 31, .mask = 63, .fresh = true}});
}

static void send_test(struct bench *b, const char *id, const char *message) {
    seat_ok(&b->a, (struct command){.kind = CMD_WEBHOOK_SEND, .at = 7, .webhook_send = {.message = str_of(message), .webhook = str_of(id), .project = STR(PROJECT)}});
}

static void the_look_finds_what_is_due_and_passes_over_what_is_idle(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    static const char *const hooks[] = {"hook1", "hook2", "hook3", "hook4", "hook5"};
    for (int i = 0; i < 5; i++) put_hook(b, hooks[i]);
    send_test(b, "hook2", "msg_1");
    send_test(b, "hook2", "msg_2");
    send_test(b, "hook3", "msg_3");
    send_test(b, "hook5", "msg_4");
    seat_ok(&b->a, (struct command){.kind = CMD_WEBHOOK_PUT, .at = 8, .webhook_put = {.id = STR("hook3"), .project = STR(PROJECT), .state = STR("disabled")}});
    int64_t few = look_takes(b, 2); /* hook2 and hook5 */
    struct db *db = NULL;
    assert_int_equal(db_open(b->a.store, true, NULL, &db), OK);
    assert_int_equal(db->ops->script(db, "insert into webhook (id, version, project, url, secret, secret_before, before_until, wants, state, detail, created_at, changed_at, failing_since, failures, failed_at, next_at, node, "
                                         "leased_until) with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) select 'idle' || cast(i as varchar), 1, 'p', 'u', '', '', 0, 31, 'enabled', '', 5, 5, 0, 0, "
                                         "0, 0, '', 0 from n;"), OK);
    db_close(db);
    int64_t many = look_takes(b, 2);
    if (many > few * 10 + 1000) fail_msg("a look takes %lld us, and %lld us beside 20000 idle webhooks", (long long)few, (long long)many);
}

/* --- readers --- */

struct reading {
    struct bench *b;
    int64_t seen;
    int done;
};

static void read_it(struct db *db, void *arg) {
    struct reading *r = arg;
    struct arena a = {};
    const struct account *account;
    r->seen = QUERY_RECORD(db, account, STR(PROJECT "/live"), &a, &account) ? -1 : account->available;
    arena_done(&a);
}

static void was_read(void *arg) { ((struct reading *)arg)->done++; }

static void readers_answer_each_once(void **state) {
    struct bench *b = *state;
    bench_ready(b);
    enum { N = 200 };
    struct reading jobs[N] = {};
    struct readers *r = readers_create(b->a.store, 3, NULL, NULL);
    for (int i = 0; i < N; i++) assert_int_equal(readers_run(r, read_it, was_read, &jobs[i]), OK);
    readers_drain(r);
    readers_destroy(r); /* runs what waits, and calls every done */
    for (int i = 0; i < N; i++) assert_true(jobs[i].done == 1 && jobs[i].seen == START);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(records_round_trip), T(large_text_and_large_batches), T(second_command_sees_the_first), T(refused_changes_nothing),
        T(text_no_database_takes_is_refused), T(commands_are_copied), T(many_commands_make_bounded_batches), T(fat_commands_are_split),
        T(life_and_lists), T(pages), T(drive_lists), T(drive_counters_below_zero_are_survived), T(newest_catalog), T(sweep_deletes_what_expired), T(sweep_forgets_servers_that_no_call_names),
        T(the_look_finds_what_is_due_and_passes_over_what_is_idle),
        T(readers_answer_each_once),
    };
    int failed = 0;
    engine = ENGINE_SQLITE;
    failed += cmocka_run_group_tests_name("store on SQLite", tests, NULL, NULL);
    engine = ENGINE_POSTGRES;
    failed += cmocka_run_group_tests_name("store on PostgreSQL", tests, NULL, NULL);
    return failed;
}
