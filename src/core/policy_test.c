/* What keys may do and spend, corrections of an operator, secrets, derived files, a project's settings, and the limit of a model
 * over all projects. */
#include "core/fixture.h"

#define GEN3 "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"

static struct command capped_key(micros call_cap, micros day_cap) {
    struct command c = cmd_create_key("capped01", PROJECT, "live");
    c.create_key.call_cap = call_cap;
    c.create_key.day_cap = day_cap;
    return c;
}

static struct command capped(const char *generation, micros amount, msec at) {
    struct command c = cmd_submit(generation);
    c.at = at;
    c.submit.key = STR("capped01");
    c.submit.quote.amount = c.submit.quote.rate = amount;
    c.submit.deadline_at = at + DEADLINE;
    return c;
}

static micros spent_on(const struct bed *b, const char *day) {
    const struct key_day *d = BED_GET(b, key_day, day);
    return d ? d->spent : -1;
}

/* --- caps --- */

static void caps_hold_to_the_micro(void **state) {
    static const struct {
        micros call_cap, day_cap, before, amount;
        err code;
        micros spent;
    } cases[] = {
        {0, 0, 500, 90000, OK, -1}, /* no cap, nothing is counted */
        {100, 0, 100, 100, OK, -1}, {100, 0, 100, 101, E_SPEND_CAP, -1},
        {0, 100, 99, 1, OK, 100}, {0, 100, 99, 2, E_SPEND_CAP, 99},
        {0, 100, 100, 0, OK, 100}, /* a free call is always within */
        {0, 100, 100, 1, E_SPEND_CAP, 100},
        {60, 100, 60, 40, OK, 100}, {60, 100, 60, 41, E_SPEND_CAP, 60}, {60, 100, 10, 61, E_SPEND_CAP, 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bed b;
        bed_ready(&b);
        bed_ok(&b, capped_key(cases[i].call_cap, cases[i].day_cap));
        bed_ok(&b, capped(GEN, cases[i].before, 5));
        struct outcome out = bed_run(&b, capped(GEN2, cases[i].amount, 6));
        if (out.code != cases[i].code) fail_msg("case %d: %s", (int)i, err_name(out.code));
        assert_int_equal(spent_on(&b, "capped01/0"), cases[i].spent);
        if (out.code) {
            assert_non_null(strstr(out.why.facts, "\"cap_micros\":"));
            assert_null(BED_GET(&b, generation, GEN2));
            assert_int_equal(LIVE(&b)->held, cases[i].before);
        }
        bed_close(&b);
    }
}

static void one_batch_keeps_the_cap(void **state) {
    struct bed b;
    struct outcome out[3];
    bed_ready(&b);
    bed_ok(&b, capped_key(0, 2 * PRICE));
    struct command c[] = {capped(GEN, PRICE, 5), capped(GEN2, PRICE, 5), capped(GEN3, PRICE, 5)};
    bed_batch(&b, c, 3, out);
    assert_true(!out[0].code && !out[1].code && out[2].code == E_SPEND_CAP);
    assert_int_equal(spent_on(&b, "capped01/0"), 2 * PRICE);
    bed_ok(&b, c[0]); /* said again it is the same call, not another one */
    assert_int_equal(b.changes, 0);
    bed_close(&b);
}

static void a_day_ends_at_midnight_utc(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, capped_key(0, PRICE));
    bed_ok(&b, capped(GEN, PRICE, 5));
    struct outcome out = bed_run(&b, capped(GEN2, 1, MS_DAY - 1));
    assert_int_equal(out.code, E_SPEND_CAP);
    assert_int_equal(out.why.retry_after_s, 1);
    assert_non_null(strstr(out.why.facts, "\"spent_micros\":10000"));
    assert_int_equal(bed_run(&b, capped(GEN2, 1, MS_DAY - MS_HOUR)).why.retry_after_s, 3601);
    bed_ok(&b, capped(GEN2, PRICE, MS_DAY));
    /* what ends on the next day is given back to the day on which it was counted in */
    struct command cancel = cmd_cancel(PROJECT);
    cancel.at = MS_DAY + 7;
    bed_ok(&b, cancel);
    assert_int_equal(spent_on(&b, "capped01/0"), 0);
    assert_int_equal(spent_on(&b, "capped01/1"), PRICE);
    bed_close(&b);
}

enum end { END_FAILED, END_RETRY, END_CANCELLED, END_CONFIRMED, END_EXPIRED, END_RESOLVED, END_SETTLED, END_FEWER, END_NOTHING, ENDS };

static void end_in(struct bed *b, enum end how) {
    if (how >= END_CONFIRMED) bed_ok(b, cmd_step(CMD_SENDING, 1));
    switch (how) {
    case END_FAILED: bed_ok(b, cmd_failed(1, FAIL_CALLER, false)); break;
    case END_RETRY: bed_ok(b, cmd_failed(1, FAIL_TRANSIENT, true)); break;
    case END_CANCELLED: bed_ok(b, cmd_cancel(PROJECT)); break;
    case END_CONFIRMED:
        bed_ok(b, cmd_cancel(PROJECT));
        bed_ok(b, cmd_step(CMD_CANCEL_CONFIRMED, 1));
        break;
    case END_EXPIRED: bed_ok(b, cmd_expire(5 + DEADLINE)); break;
    case END_RESOLVED:
        bed_ok(b, cmd_step(CMD_UNRESOLVED, 1));
        bed_ok(b, cmd_step(CMD_RESOLVE, 1));
        break;
    default:
        bed_ok(b, cmd_step(CMD_RESULT_SEEN, 1));
        bed_ok(b, cmd_settle(1, how == END_SETTLED ? 4 : how == END_FEWER ? 1 : 0));
    }
}

/* Four pictures are held; what is not captured counts no more. */
static void what_is_given_back_is_not_spent(void **state) {
    static const micros spent[ENDS] = {[END_RETRY] = 4 * PRICE, [END_SETTLED] = 4 * PRICE, [END_FEWER] = PRICE};
    for (int how = 0; how < ENDS; how++) {
        struct bed b;
        bed_ready(&b);
        bed_ok(&b, capped_key(0, 4 * PRICE));
        struct command c = capped(GEN, 4 * PRICE, 5);
        c.submit.quote.rate = PRICE;
        c.submit.quote.outputs = 4;
        bed_ok(&b, c);
        bed_ok(&b, cmd_claim("fal", 1));
        assert_int_equal(spent_on(&b, "capped01/0"), 4 * PRICE);
        end_in(&b, (enum end)how);
        if (spent_on(&b, "capped01/0") != spent[how]) fail_msg("end %d: %lld", how, (long long)spent_on(&b, "capped01/0"));
        assert_int_equal(bed_run(&b, capped(GEN2, 4 * PRICE - spent[how] + 1, 6)).code, E_SPEND_CAP);
        bed_ok(&b, capped(GEN2, 4 * PRICE - spent[how], 6));
        bed_close(&b);
    }
}

/* --- what a key may run, and until when --- */

static void a_key_lists_its_models(void **state) {
    static const struct {
        const char *words, *model;
        err code;
    } cases[] = {
        {"", "any/thing", OK}, {"a/x", "a/x", OK}, {"a/x", "a/xy", E_FORBIDDEN}, {"a/xy", "a/x", E_FORBIDDEN},
        {"a/", "a/x", OK}, {"a/", "ab/x", E_FORBIDDEN}, {"a", "a/x", E_FORBIDDEN}, {"/", "a/x", E_FORBIDDEN}, {"/", "/x", E_FORBIDDEN},
        {"b/y a/x", "a/x", OK}, {"b/ a/", "a/x/pro", OK}, {"b/y  c/z", "a/x", E_FORBIDDEN}, {"b/y", "", E_FORBIDDEN}, {"a/x/", "a/x", E_FORBIDDEN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bed b;
        bed_ready(&b);
        struct command key = capped_key(0, 0), c = capped(GEN, 1, 5);
        key.create_key.models = str_of(cases[i].words);
        c.submit.model = str_of(cases[i].model);
        bed_ok(&b, key);
        struct outcome out = bed_run(&b, c);
        if (out.code != cases[i].code) fail_msg("'%s' and %s: %s", cases[i].words, cases[i].model, err_name(out.code));
        bed_close(&b);
    }
}

static struct command rotate(const char *prefix, const char *project, const char *replaces, msec old_expires_at) {
    struct command c = cmd_create_key(prefix, project, "live");
    c.create_key.replaces = str_of(replaces);
    c.create_key.old_expires_at = old_expires_at;
    return c;
}

static err submit_with(struct bed *b, const char *key, msec at) {
    size_t mark = b->undo_count;
    struct command c = capped(GEN, 1, at);
    c.submit.key = str_of(key);
    err code = bed_run(b, c).code;
    bed_undo(b, mark);
    return code;
}

static void keys_expire_and_are_rotated(void **state) {
    struct bed b;
    bed_ready(&b);
    struct command key = capped_key(0, 0);
    key.create_key.expires_at = 100;
    bed_ok(&b, key);
    assert_int_equal(submit_with(&b, "capped01", 99), OK);
    assert_int_equal(submit_with(&b, "capped01", 100), E_UNAUTHENTICATED);
    bed_ok(&b, rotate("newkey01", PROJECT, "capped01", 500)); /* never longer than it would have lived */
    assert_int_equal(BED_GET(&b, api_key, "capped01")->expires_at, 100);
    assert_true(str_is(BED_GET(&b, api_key, "newkey01")->replaces, "capped01"));
    assert_int_equal(submit_with(&b, "newkey01", 100), OK);
    bed_ok(&b, rotate("newkey02", PROJECT, "newkey01", 500));
    assert_int_equal(submit_with(&b, "newkey01", 499), OK);
    assert_int_equal(submit_with(&b, "newkey01", 500), E_UNAUTHENTICATED);
    bed_ok(&b, rotate("newkey02", PROJECT, "newkey01", 500)); /* the same again */
    assert_int_equal(b.changes, 0);
    bed_ok(&b, rotate("newkey03", PROJECT, "newkey01", 200));
    assert_int_equal(BED_GET(&b, api_key, "newkey01")->expires_at, 200);
    bed_ok(&b, (struct command){.kind = CMD_REVOKE_KEY, .at = 7, .revoke_key = {STR("livekey1"), STR("")}});
    static const struct {
        const char *project, *replaces;
        msec until;
        err code;
    } refused[] = {{PROJECT, "livekey1", 50, E_CONFLICT}, {PROJECT, "foreign1", 50, E_NOT_FOUND}, {PROJECT, "unknown1", 50, E_NOT_FOUND},
                   {PROJECT, "newkey02", 0, E_INVALID},   {PROJECT, "newkey09", 50, E_INVALID}};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct outcome out = bed_run(&b, rotate("newkey09", refused[i].project, refused[i].replaces, refused[i].until));
        if (out.code != refused[i].code) fail_msg("%s: %s", refused[i].replaces, err_name(out.code));
    }
    assert_null(BED_GET(&b, api_key, "newkey09"));
    bed_close(&b);
}

/* An answer to a repeated call is an answer too: an expired key gets none. */
static void an_expired_key_is_not_answered_again(void **state) {
    struct bed b;
    bed_ready(&b);
    struct command key = capped_key(0, 0);
    key.create_key.expires_at = 100;
    bed_ok(&b, key);
    bed_ok(&b, capped(GEN, 1, 5));
    assert_true(bed_ok(&b, capped(GEN, 1, 99)).replayed);
    assert_int_equal(bed_run(&b, capped(GEN, 1, 100)).code, E_UNAUTHENTICATED);
    bed_close(&b);
}

static void policies_of_keys_are_kept(void **state) {
    struct bed b;
    bed_ready(&b);
    struct command c = capped_key(7, 8);
    c.create_key.scopes = STR("run read");
    c.create_key.origins = STR("https://a.example");
    c.create_key.rate_class = STR("mcp");
    bed_ok(&b, c);
    const struct api_key *k = BED_GET(&b, api_key, "capped01");
    assert_true(k->call_cap == 7 && k->day_cap == 8 && !k->expires_at && str_empty(k->models) && str_is(k->scopes, "run read") && str_is(k->origins, "https://a.example") && str_is(k->rate_class, "mcp"));
    c = capped_key(-1, 0);
    c.create_key.prefix = STR("newkey01");
    assert_int_equal(bed_run(&b, c).code, E_INVALID);
    c.create_key.call_cap = 0;
    c.create_key.day_cap = -1;
    assert_int_equal(bed_run(&b, c).code, E_INVALID);
    c.create_key.day_cap = 0;
    bed_ok(&b, c);
    bed_close(&b);
}

/* --- what a caller says about its call --- */

static void what_a_caller_says_is_kept(void **state) {
    struct bed b;
    bed_ready(&b);
    struct command c = cmd_submit(GEN);
    c.submit.metadata = STR("{\"order\":7}");
    c.submit.end_user = STR("ann");
    c.submit.trace = STR("00-1-2-01");
    c.submit.files = STR("[]");
    c.submit.model_limit = 3;
    bed_ok(&b, c);
    const struct generation *g = BED_GET(&b, generation, GEN);
    assert_true(str_is(g->metadata, "{\"order\":7}") && str_is(g->end_user, "ann") && str_is(g->trace, "00-1-2-01") && str_is(g->files, "[]"));
    assert_int_equal(g->model_limit, 3);
    bed_ok(&b, cmd_claim("local", 1));
    bed_ok(&b, cmd_settle(1, 1));
    const struct usage_event *u = BED_GET(&b, usage_event, GEN);
    assert_true(str_is(u->metadata, "{\"order\":7}") && str_is(u->end_user, "ann"));
    bed_close(&b);
}

/* --- adjustments --- */

static void adjustments_move_what_is_available(void **state) {
    static const struct {
        micros amount;
        err code;
        micros available;
    } cases[] = {
        {1, OK, START - PRICE + 1}, {-1, OK, START - PRICE - 1}, {-(START - PRICE), OK, 0},
        {-(START - PRICE) - 1, E_INSUFFICIENT_CREDIT, START - PRICE}, /* what is held is not available */
        {0, E_INVALID, START - PRICE}, {MICROS_MAX, E_LIMIT, START - PRICE}, {MICROS_MAX - START + PRICE, OK, MICROS_MAX},
        {MICROS_MAX + 1, E_INVALID, START - PRICE}, {INT64_MAX, E_INVALID, START - PRICE}, {INT64_MIN, E_INVALID, START - PRICE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bed b;
        bed_ready(&b);
        bed_ok(&b, cmd_submit(GEN));
        struct outcome out = bed_run(&b, cmd_adjust("adjust:1", "live", cases[i].amount));
        if (out.code != cases[i].code || LIVE(&b)->available != cases[i].available || LIVE(&b)->held != PRICE)
            fail_msg("%lld: %s, %lld", (long long)cases[i].amount, err_name(out.code), (long long)LIVE(&b)->available);
        if (!out.code) assert_int_equal(out.available, cases[i].available);
        if (out.code == E_INSUFFICIENT_CREDIT) assert_non_null(strstr(out.why.facts, "\"available_micros\":990000"));
        assert_int_equal(BED_GET(&b, account, PROJECT "/test")->available, START);
        bed_close(&b);
    }
}

static void an_adjustment_names_all_and_finds_itself(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, cmd_adjust("adjust:1", "live", -START));
    const struct transfer *t = BED_GET(&b, transfer, "adjust:1");
    assert_true(str_is(t->purpose, "adjust") && str_is(t->author, "ann") && str_is(t->reason, "a mistake") && t->amount == START && t->created_at == 2);
    bed_ok(&b, cmd_adjust("adjust:1", "live", -START)); /* although nothing is left to take */
    assert_int_equal(b.changes, 0);
    assert_int_equal(bed_run(&b, cmd_adjust("adjust:1", "live", START)).code, E_KEY_REUSED);
    assert_int_equal(bed_run(&b, cmd_adjust("adjust:1", "live", -1)).code, E_KEY_REUSED);
    assert_int_equal(bed_run(&b, cmd_adjust("adjust:1", "test", -START)).code, E_KEY_REUSED);
    assert_int_equal(bed_run(&b, cmd_adjust("topup:2", "test", START)).code, E_KEY_REUSED);
    assert_int_equal(bed_run(&b, cmd_adjust("adjust:2", "gold", 1)).code, E_NOT_FOUND);
    for (int i = 0; i < 5; i++) {
        struct command c = cmd_adjust("adjust:2", "live", 1);
        struct str *const part[] = {&c.adjust.transfer, &c.adjust.project, &c.adjust.book, &c.adjust.author, &c.adjust.reason};
        *part[i] = STR("");
        assert_int_equal(bed_run(&b, c).code, E_INVALID);
    }
    bed_close(&b);
}

/* --- secrets --- */

static void names_of_secrets(void **state) {
    static const struct {
        const char *name;
        err code;
    } cases[] = {
        {"TOKEN", OK}, {"_a1", OK}, {"a", OK}, {"PATHS", OK}, {"MY_PATH", OK}, {"LD", OK}, {"PURAS", OK},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", OK},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", E_INVALID},
        {"", E_INVALID}, {"1A", E_INVALID}, {"A-B", E_INVALID}, {"A B", E_INVALID}, {"A/B", E_INVALID}, {"A=B", E_INVALID}, {"\xc3\xa9", E_INVALID},
        {"PATH", E_INVALID}, {"LD_PRELOAD", E_INVALID}, {"LD_", E_INVALID}, {"PYTHONPATH", E_INVALID}, {"PYTHON", E_INVALID}, {"PURAS_KEY", E_INVALID},
    };
    struct bed b;
    bed_ready(&b);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome out = bed_run(&b, cmd_secret(CMD_SECRET_PUT, PROJECT, cases[i].name, "sealed"));
        if (out.code != cases[i].code) fail_msg("'%s': %s", cases[i].name, err_name(out.code));
    }
    assert_int_equal(bed_count(&b, REC_secret), 8);
    bed_close(&b);
}

static void secrets_are_replaced_and_forgotten(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, cmd_secret(CMD_SECRET_PUT, PROJECT, "TOKEN", "one"));
    bed_ok(&b, cmd_secret(CMD_SECRET_PUT, PROJECT, "TOKEN", "two"));
    assert_true(str_is(BED_GET(&b, secret, PROJECT "/TOKEN")->sealed, "two"));
    assert_int_equal(bed_run(&b, cmd_secret(CMD_SECRET_DELETE, FOREIGN, "TOKEN", "")).code, E_NOT_FOUND);
    bed_ok(&b, cmd_secret(CMD_SECRET_DELETE, PROJECT, "TOKEN", ""));
    const struct secret *s = BED_GET(&b, secret, PROJECT "/TOKEN");
    assert_true(str_empty(s->sealed) && s->deleted_at == 3);
    assert_int_equal(bed_run(&b, cmd_secret(CMD_SECRET_DELETE, PROJECT, "TOKEN", "")).code, E_NOT_FOUND);
    assert_int_equal(bed_run(&b, cmd_secret(CMD_SECRET_PUT, GEN, "TOKEN", "x")).code, E_NOT_FOUND);
    bed_ok(&b, cmd_secret(CMD_SECRET_PUT, PROJECT, "TOKEN", "three"));
    s = BED_GET(&b, secret, PROJECT "/TOKEN");
    assert_true(str_is(s->sealed, "three") && !s->deleted_at);
    bed_close(&b);
}

/* --- provider keys, pauses, a new master key --- */

static void provider_keys_are_replaced_and_forgotten(void **state) {
    struct bed b;
    bed_ready(&b);
    assert_int_equal(bed_run(&b, cmd_provider_key("fal", "")).code, E_NOT_FOUND);
    assert_int_equal(bed_run(&b, cmd_provider_key("", "x")).code, E_INVALID);
    bed_ok(&b, cmd_provider_key("fal", "one"));
    bed_ok(&b, cmd_provider_key("fal", "two"));
    assert_true(str_is(BED_GET(&b, provider_key, "fal")->sealed, "two"));
    assert_true(str_is(BED_GET(&b, provider_key, "fal")->author, "admin001"));
    bed_ok(&b, cmd_provider_key("fal", ""));
    const struct provider_key *k = BED_GET(&b, provider_key, "fal");
    assert_true(str_empty(k->sealed) && k->deleted_at == 3);
    assert_int_equal(bed_run(&b, cmd_provider_key("fal", "")).code, E_NOT_FOUND);
    bed_ok(&b, cmd_provider_key("fal", "three"));
    assert_true(!BED_GET(&b, provider_key, "fal")->deleted_at);
    bed_close(&b);
}

static void pauses_begin_and_end(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, cmd_pause("provider/fal", false)); /* it runs already: nothing to write */
    assert_int_equal(bed_count(&b, REC_pause), 0);
    bed_ok(&b, cmd_pause("provider/fal", true));
    bed_ok(&b, cmd_pause("provider/fal", true));
    assert_true(BED_GET(&b, pause, "provider/fal")->since == 3);
    bed_ok(&b, cmd_pause("provider/fal", false));
    assert_true(BED_GET(&b, pause, "provider/fal")->since == 0);
    assert_int_equal(bed_count(&b, REC_pause), 1);
    bed_close(&b);
}

static void a_new_seal_takes_the_place_of_the_one_it_was_made_from(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, cmd_secret(CMD_SECRET_PUT, PROJECT, "TOKEN", "old"));
    bed_ok(&b, cmd_provider_key("fal", "old"));
    bed_ok(&b, cmd_reseal("secret", PROJECT "/TOKEN", "old", "new"));
    bed_ok(&b, cmd_reseal("provider_key", "fal", "old", "new"));
    assert_true(str_is(BED_GET(&b, secret, PROJECT "/TOKEN")->sealed, "new") && str_is(BED_GET(&b, provider_key, "fal")->sealed, "new"));
    bed_ok(&b, cmd_reseal("secret", PROJECT "/TOKEN", "old", "late"));
    bed_ok(&b, cmd_reseal("provider_key", "fal", "old", "late"));
    bed_ok(&b, cmd_reseal("provider_key", "nobody", "", "late"));
    assert_true(str_is(BED_GET(&b, secret, PROJECT "/TOKEN")->sealed, "new") && str_is(BED_GET(&b, provider_key, "fal")->sealed, "new"));
    bed_ok(&b, cmd_provider_key("fal", ""));
    bed_ok(&b, cmd_reseal("provider_key", "fal", "", "late")); /* what was forgotten stays so */
    assert_true(str_empty(BED_GET(&b, provider_key, "fal")->sealed));
    bed_close(&b);
}

/* --- derived files, and deleting one file and no other --- */

static struct command put(const char *path, const char *asset) {
    return (struct command){.kind = CMD_ASSET_PUT, .at = 3, .asset_put = {STR(PROJECT), STR("live"), str_of(path), test_output(asset, 10)}};
}

static struct command erase(const char *project, const char *path, const char *asset) {
    return (struct command){.kind = CMD_ASSET_DELETE, .at = 4, .asset_delete = {str_of(project), STR("live"), str_of(path), str_of(asset)}};
}

static void a_derived_file_is_made_once(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, put("a.png", "up1"));
    bed_ok(&b, cmd_derive("up1", "thumbnail", "blob-1"));
    bed_ok(&b, cmd_derive("up1", "thumbnail", "blob-1")); /* the answer was lost */
    assert_int_equal(b.changes, 0);
    assert_int_equal(bed_run(&b, cmd_derive("up1", "thumbnail", "blob-2")).code, E_EXISTS);
    struct command refused = cmd_derive("up1", "thumbnail", "blob-1");
    refused.derived.state = STR("refused");
    assert_int_equal(bed_run(&b, refused).code, E_EXISTS);
    const struct derived *d = BED_GET(&b, derived, "up1:thumbnail");
    assert_true(str_is(d->blob, "blob-1") && str_is(d->state, "made") && str_is(d->type, "image/webp") && d->bytes == 5 && d->width == 4 && d->height == 3);
    bed_ok(&b, cmd_derive("up1", "poster", "blob-3"));
    assert_int_equal(bed_run(&b, cmd_derive("up9", "poster", "blob-3")).code, E_NOT_FOUND);
    bed_ok(&b, erase(PROJECT, "a.png", ""));
    assert_int_equal(bed_run(&b, cmd_derive("up1", "optimized", "blob-4")).code, E_NOT_FOUND);
    bed_close(&b);
}

static void one_file_and_no_other_is_deleted(void **state) {
    struct bed b;
    bed_ready(&b);
    static struct output made;
    made = test_output("up1", 10);
    struct command c = cmd_submit(GEN), settle = cmd_settle(1, 1);
    c.submit.output_path = STR("a.png");
    settle.step.outputs = &made;
    bed_ok(&b, c);
    bed_ok(&b, cmd_claim("local", 1));
    bed_ok(&b, settle);
    bed_ok(&b, put("a.png", "up2"));
    assert_int_equal(bed_run(&b, erase(PROJECT, "a.png", "up1")).code, E_NOT_FOUND); /* the path shows another by now */
    assert_int_equal(bed_run(&b, erase(FOREIGN, "", "up1")).code, E_NOT_FOUND);
    assert_int_equal(bed_run(&b, erase(PROJECT, "", "up2")).code, E_NOT_FOUND); /* a path shows it */
    assert_int_equal(bed_run(&b, erase(PROJECT, "", "")).code, E_NOT_FOUND);
    bed_ok(&b, erase(PROJECT, "", "up1"));
    assert_int_equal(BED_GET(&b, asset, "up1")->deleted_at, 4);
    assert_int_equal(BED_GET(&b, project, PROJECT)->drive_bytes, 10);
    assert_int_equal(bed_run(&b, erase(PROJECT, "", "up1")).code, E_NOT_FOUND);
    bed_ok(&b, erase(PROJECT, "a.png", "up2"));
    assert_int_equal(BED_GET(&b, project, PROJECT)->drive_bytes, 0);
    bed_close(&b);
}

/* --- settings --- */

static void settings_of_a_project(void **state) {
    static const struct {
        const char *id;
        int64_t run, drive, days;
        err code;
    } cases[] = {
        {PROJECT, -1, -1, -1, OK}, {PROJECT, 4, -1, -1, OK}, {PROJECT, -1, 0, -1, OK}, {PROJECT, -1, -1, 30, OK}, {PROJECT, -1, -1, 0, OK},
        {PROJECT, 2, 5, 7, OK}, {PROJECT, 0, 6, 8, E_INVALID}, {PROJECT, 3, 6, 36501, E_INVALID}, {GEN, 3, 6, 8, E_NOT_FOUND},
    };
    struct bed b;
    bed_ready(&b);
    int64_t run = 1, drive = 10 * NEEDS, days = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome out = bed_run(&b, cmd_project_set(cases[i].id, cases[i].run, cases[i].drive, cases[i].days));
        if (out.code != cases[i].code) fail_msg("case %d: %s", (int)i, err_name(out.code));
        if (!out.code) {
            if (cases[i].run > 0) run = cases[i].run;
            if (cases[i].drive >= 0) drive = cases[i].drive;
            if (cases[i].days >= 0) days = cases[i].days;
        }
        const struct project *p = BED_GET(&b, project, PROJECT);
        assert_true(p->run_limit == run && p->drive_limit == drive && p->retention_days == days);
    }
    bed_close(&b);
}

static void what_runs_goes_on_when_the_limit_falls(void **state) {
    struct bed b;
    bed_ready(&b);
    b.limits_fall = true;
    bed_ok(&b, cmd_project_set(PROJECT, 2, -1, -1));
    struct command second = cmd_claim("fal", 1), third = cmd_claim("fal", 1);
    second.step.generation = STR(GEN2);
    third.step.generation = STR(GEN3);
    bed_bring(&b, "opened");
    bed_ok(&b, cmd_submit(GEN2));
    bed_ok(&b, second);
    bed_ok(&b, cmd_submit(GEN3));
    bed_ok(&b, cmd_project_set(PROJECT, 1, -1, -1));
    bed_ok(&b, cmd_cancel(PROJECT));
    assert_int_equal(bed_run(&b, third).code, E_CONFLICT);
    struct command cancel = cmd_cancel(PROJECT);
    cancel.cancel.generation = STR(GEN2);
    bed_ok(&b, cancel);
    bed_ok(&b, third);
    bed_close(&b);
}

/* --- a model's limit over all projects --- */

static struct command limited(const char *generation, const char *project, int64_t limit, bool at_once) {
    struct command c = cmd_submit(generation);
    c.submit.project = str_of(project);
    c.submit.key = str_of(strcmp(project, PROJECT) ? "foreign1" : "livekey1");
    c.submit.model_limit = limit;
    if (!at_once) return c;
    c.submit.node = STR(NODE);
    c.submit.provider = STR("fal");
    c.submit.route = STR("route");
    return c;
}

static void limits_ready(struct bed *b) {
    bed_ready(b);
    struct command pay = cmd_top_up("topup:3", "live", START);
    pay.top_up.project = STR(FOREIGN);
    bed_ok(b, pay);
    bed_ok(b, cmd_project_set(PROJECT, 5, -1, -1));
}

static int64_t load_of(const struct bed *b) {
    const struct model_load *l = BED_GET(b, model_load, "puras/sketch");
    return l ? l->running : -1;
}

static void a_model_is_limited_over_all_projects(void **state) {
    struct bed b;
    limits_ready(&b);
    assert_true(bed_ok(&b, limited(GEN, PROJECT, 2, true)).claimed);
    assert_true(bed_ok(&b, limited(GEN2, FOREIGN, 2, true)).claimed);
    struct outcome out = bed_ok(&b, limited(GEN3, PROJECT, 2, true));
    assert_false(out.claimed);
    assert_string_equal(out.state, "pending");
    assert_int_equal(load_of(&b), 2);
    struct command claim = cmd_claim("fal", 1);
    claim.step.generation = STR(GEN3);
    assert_int_equal(bed_run(&b, claim).code, E_CONFLICT);
    struct command cancel = cmd_cancel(FOREIGN);
    cancel.cancel.generation = STR(GEN2);
    bed_ok(&b, cancel);
    assert_int_equal(load_of(&b), 1);
    bed_ok(&b, claim);
    assert_int_equal(load_of(&b), 2);
    bed_ok(&b, claim); /* said again it takes no second slot */
    assert_int_equal(load_of(&b), 2);
    bed_close(&b);
}

static void a_slot_comes_back_with_every_end(void **state) {
    for (int how = 0; how < ENDS; how++) {
        struct bed b;
        limits_ready(&b);
        struct command c = limited(GEN, PROJECT, 1, true);
        c.submit.deadline_at = 5 + DEADLINE;
        assert_true(bed_ok(&b, c).claimed);
        assert_false(bed_ok(&b, limited(GEN2, FOREIGN, 1, true)).claimed);
        end_in(&b, (enum end)how);
        assert_int_equal(load_of(&b), 0);
        struct command claim = cmd_claim("fal", 1);
        claim.step.generation = STR(GEN2);
        bed_ok(&b, claim);
        assert_int_equal(load_of(&b), 1);
        if (how == END_RETRY) { /* and the one that waited has to find a slot again */
            struct command again = cmd_claim("fal", 2), done = cmd_cancel(FOREIGN);
            again.at = 20;
            assert_int_equal(bed_run(&b, again).code, E_CONFLICT);
            done.cancel.generation = STR(GEN2);
            bed_ok(&b, done);
            bed_ok(&b, again);
            assert_int_equal(load_of(&b), 1);
        }
        bed_close(&b);
    }
}

static void adoption_keeps_the_slot(void **state) {
    struct bed b;
    limits_ready(&b);
    bed_ok(&b, limited(GEN, PROJECT, 1, true));
    assert_int_equal(bed_ok(&b, cmd_adopt(NODE2, NODE)).moved, 1);
    assert_int_equal(load_of(&b), 1);
    assert_false(bed_ok(&b, limited(GEN2, FOREIGN, 1, true)).claimed);
    struct command settle = cmd_settle(1, 1);
    settle.step.node = STR(NODE2);
    struct command result = cmd_step(CMD_RESULT_SEEN, 1), sending = cmd_step(CMD_SENDING, 1);
    sending.step.node = result.step.node = STR(NODE2);
    bed_ok(&b, sending);
    bed_ok(&b, result);
    bed_ok(&b, settle);
    assert_int_equal(load_of(&b), 0);
    bed_close(&b);
}

static void one_batch_keeps_the_models_limit(void **state) {
    struct bed b;
    struct outcome out[4];
    limits_ready(&b);
    struct command cancel = cmd_cancel(PROJECT), claim = cmd_claim("fal", 1);
    claim.step.generation = STR(GEN2);
    struct command c[] = {limited(GEN, PROJECT, 1, true), limited(GEN2, FOREIGN, 1, true), cancel, claim};
    bed_batch(&b, c, 4, out);
    for (int i = 0; i < 3; i++) assert_int_equal(out[i].code, OK);
    assert_true(out[0].claimed && !out[1].claimed);
    assert_int_equal(load_of(&b), out[3].code ? 0 : 1); /* its project was not read for the claim: then the next scan claims */
    bed_close(&b);
}

static void without_a_limit_nothing_is_counted(void **state) {
    struct bed b;
    limits_ready(&b);
    assert_true(bed_ok(&b, limited(GEN, PROJECT, 0, true)).claimed);
    assert_int_equal(load_of(&b), -1);
    /* a limit of a later catalog counts those that came under it */
    assert_true(bed_ok(&b, limited(GEN2, FOREIGN, 1, true)).claimed);
    assert_int_equal(load_of(&b), 1);
    bed_ok(&b, cmd_cancel(PROJECT));
    assert_int_equal(load_of(&b), 1);
    bed_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caps_hold_to_the_micro),
        cmocka_unit_test(one_batch_keeps_the_cap),
        cmocka_unit_test(a_day_ends_at_midnight_utc),
        cmocka_unit_test(what_is_given_back_is_not_spent),
        cmocka_unit_test(a_key_lists_its_models),
        cmocka_unit_test(keys_expire_and_are_rotated),
        cmocka_unit_test(an_expired_key_is_not_answered_again),
        cmocka_unit_test(policies_of_keys_are_kept),
        cmocka_unit_test(what_a_caller_says_is_kept),
        cmocka_unit_test(adjustments_move_what_is_available),
        cmocka_unit_test(an_adjustment_names_all_and_finds_itself),
        cmocka_unit_test(names_of_secrets),
        cmocka_unit_test(secrets_are_replaced_and_forgotten),
        cmocka_unit_test(provider_keys_are_replaced_and_forgotten), cmocka_unit_test(pauses_begin_and_end),
        cmocka_unit_test(a_new_seal_takes_the_place_of_the_one_it_was_made_from),
        cmocka_unit_test(a_derived_file_is_made_once),
        cmocka_unit_test(one_file_and_no_other_is_deleted),
        cmocka_unit_test(settings_of_a_project),
        cmocka_unit_test(what_runs_goes_on_when_the_limit_falls),
        cmocka_unit_test(a_model_is_limited_over_all_projects),
        cmocka_unit_test(a_slot_comes_back_with_every_end),
        cmocka_unit_test(adoption_keeps_the_slot),
        cmocka_unit_test(one_batch_keeps_the_models_limit),
        cmocka_unit_test(without_a_limit_nothing_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
