/* The rules together: all short sequences of commands on one generation, and long random ones in batches of any size. After
 * every batch the fixture's audit recomputes the books. */
#include "core/generation.h"

#include "core/fixture.h"

static struct command at(struct command c, msec when) {
    c.at = when;
    return c;
}

static struct command late(struct command c) {
    static struct output o;
    o = test_output("lateasset", 7);
    c.step.outputs = &o;
    c.step.output_count = 1;
    c.step.late = true;
    return c;
}

static struct command keyed(const char *generation) {
    struct command c = cmd_submit(generation);
    c.submit.idempotency = STR("idem");
    return c;
}

enum { ALPHABET = 20, LENGTH = 7 };
static struct command letters[ALPHABET];

static void make_letters(void) {
    const struct command all[ALPHABET] = {keyed(GEN),
                                          keyed(GEN2),
                                          at(cmd_claim("fal", 1), 10),
                                          at(cmd_claim("local", 1), 10),
                                          at(cmd_claim("fal", 2), 30),
                                          cmd_step(CMD_SENDING, 1),
                                          cmd_step(CMD_SENDING, 2),
                                          cmd_step(CMD_ACCEPTED, 1),
                                          cmd_step(CMD_UNRESOLVED, 1),
                                          cmd_step(CMD_RESULT_SEEN, 1),
                                          cmd_failed(1, FAIL_TRANSIENT, true),
                                          cmd_failed(1, FAIL_CALLER, false),
                                          cmd_settle(1, 2),
                                          cmd_settle(1, 0),
                                          late(cmd_settle(1, 1)),
                                          cmd_cancel(PROJECT),
                                          cmd_step(CMD_CANCEL_CONFIRMED, 1),
                                          cmd_expire(DEADLINE),
                                          cmd_step(CMD_RESOLVE, 0),
                                          cmd_adopt(NODE2, NODE)};
    memcpy(letters, all, sizeof all);
}

struct tried {
    size_t sequences, refused, unchanged;
    int ends[3];
};

/* A command that changes nothing leads to where it began, so what follows it has been tried already. */
static void follow(struct bed *b, int left, struct tried *t) {
    for (int i = 0; i < ALPHABET; i++) {
        size_t mark = b->undo_count;
        const struct generation *g = BED_GET(b, generation, GEN);
        bool ended = g && generation_is_terminal(g->state);
        struct outcome out = bed_run(b, letters[i]);
        t->sequences++;
        if (out.code) t->refused++;
        g = BED_GET(b, generation, GEN);
        if (ended) assert_true(generation_is_terminal(g->state)); /* terminal is for ever */
        if (g) {
            t->ends[0] += str_eq(g->state, GEN_COMPLETED);
            t->ends[1] += str_eq(g->state, GEN_FAILED);
            t->ends[2] += str_eq(g->state, GEN_CANCELLED);
        }
        if (b->changes && left > 1) follow(b, left - 1, t);
        if (!b->changes) t->unchanged++;
        bed_undo(b, mark);
    }
}

static void every_short_sequence_keeps_the_books(void **state) {
    struct bed b;
    struct tried t = {};
    bed_ready(&b);
    make_letters();
    char *before = bed_text(&b);
    follow(&b, LENGTH, &t);
    char *after = bed_text(&b);
    assert_string_equal(before, after); /* the walk came back to where it began */
    free(before);
    free(after);
    assert_true(t.sequences > 5000 && t.refused && t.unchanged && t.ends[0] && t.ends[1] && t.ends[2]);
    bed_close(&b);
}

/* --- random sequences over three generations --- */

struct dice {
    uint64_t state;
};
static uint32_t roll(struct dice *d, uint32_t n) {
    d->state = d->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(d->state >> 33) % n;
}

static const char *const generations[] = {GEN, GEN2, "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"};
enum { STEPS = 60, ASSETS = STEPS * 3 };
struct play {
    char ids[ASSETS][32];
    struct output outputs[ASSETS];
    int used;
};

/* Two may run at once, and one of the keys has a cap that three calls reach. */
static void play_ready(struct bed *b) {
    struct command key = cmd_create_key("capped01", PROJECT, "live");
    key.create_key.day_cap = 3 * PRICE - 1;
    bed_ready(b);
    bed_ok(b, cmd_project_set(PROJECT, 2, -1, -1));
    bed_ok(b, key);
}

static struct command random_submit(struct dice *d, const char *generation) {
    static const char *const keys[] = {"", "idem1", "idem2"};
    struct command c = cmd_submit(generation);
    c.submit.idempotency = str_of(keys[roll(d, 3)]);
    c.submit.quote.amount = roll(d, 4) ? PRICE : START - 1;
    c.submit.output_path = roll(d, 2) ? STR("same.png") : STR("");
    c.submit.needs_bytes = roll(d, 4) * 1000;
    c.submit.model_limit = roll(d, 3);
    if (!roll(d, 3)) c.submit.key = STR("capped01");
    if (roll(d, 2)) {
        c.submit.node = STR(NODE);
        c.submit.provider = roll(d, 2) ? STR("local") : STR("fal");
    }
    return c;
}

static struct command random_command(struct dice *d, struct play *play, int step) {
    static const enum command_kind steps[] = {CMD_SENDING,          CMD_ACCEPTED, CMD_UNRESOLVED, CMD_RESULT_SEEN,
                                              CMD_CANCEL_CONFIRMED, CMD_PROGRESS, CMD_RESOLVE};
    const char *g = generations[roll(d, 3)];
    int64_t attempt = roll(d, 4) ? 1 : 2;
    struct command c;
    switch (roll(d, 13)) {
    case 0:
    case 1:
        return random_submit(d, g);
    case 2:
    case 3:
        c = cmd_claim(roll(d, 2) ? "local" : "fal", roll(d, 3));
        break;
    case 4:
        c = cmd_failed(attempt, (enum failure)roll(d, FAIL_COUNT), roll(d, 2));
        break;
    case 5:
    case 6:
        c = cmd_settle(attempt, 0);
        c.step.outputs = &play->outputs[play->used];
        c.step.output_count = roll(d, 4);
        c.step.late = !roll(d, 4);
        play->used += (int)c.step.output_count;
        break;
    case 7:
        return at((struct command){.kind = CMD_CANCEL, .cancel = {str_of(g), STR(PROJECT)}}, step + 1);
    case 8:
        return at((struct command){.kind = CMD_EXPIRE, .expire = {str_of(g)}}, roll(d, 2) ? DEADLINE : 1);
    case 12:
        return cmd_adjust(roll(d, 2) ? "adjust:1" : "adjust:2", "live", roll(d, 2) ? -PRICE : roll(d, 2) ? PRICE : -START);
    case 9:
        return roll(d, 2) ? cmd_adopt(NODE2, NODE) : cmd_adopt(NODE, NODE2);
    default:
        c = cmd_step(steps[roll(d, 7)], attempt);
        break;
    }
    c.at = 10 + step;
    c.step.generation = str_of(g);
    if (!roll(d, 8)) c.step.node = STR(NODE2);
    return c;
}

static void outputs_ready(struct play *p) {
    p->used = 0;
    for (int i = 0; i < ASSETS; i++) {
        snprintf(p->ids[i], sizeof p->ids[i], "asset-%d", i);
        p->outputs[i] = test_output(p->ids[i], 10 + i);
    }
}

static bool same_outcome(const struct outcome *a, const struct outcome *b) {
    return a->code == b->code && !strcmp(a->why.detail, b->why.detail) && !strcmp(a->why.facts, b->why.facts) &&
           !strcmp(a->generation, b->generation) && a->replayed == b->replayed && a->claimed == b->claimed &&
           a->attempt == b->attempt && !strcmp(a->state, b->state) && !strcmp(a->step, b->step) && a->events == b->events &&
           a->available == b->available && a->retry == b->retry && a->retry_at == b->retry_at && a->moved == b->moved;
}

/* A settle whose generation changes in its own batch would be told to come again; that has a test of its own. */
static bool may_join(const struct bed *b, const struct command *batch, int n, const struct command *c) {
    if (c->kind != CMD_SETTLE) return true;
    char id[33];
    snprintf(id, sizeof id, "%.*s", STR_ARG(c->step.generation));
    if (!BED_GET(b, generation, id)) return false;
    for (int i = 0; i < n; i++)
        if (batch[i].kind == CMD_SETTLE && str_eq(batch[i].step.generation, c->step.generation)) return false;
    return true;
}

static void a_settle_in_the_batch_of_its_submit_comes_again(void **state) {
    struct bed b;
    struct outcome out[2];
    bed_ready(&b);
    struct command c[2] = {cmd_submit(GEN), cmd_settle(1, 1)};
    c[0].submit.node = STR(NODE);
    c[0].submit.provider = STR("local");
    bed_batch(&b, c, 2, out);
    assert_int_equal(out[0].code, OK);
    assert_int_equal(out[1].code, E_AGAIN);
    bed_ok(&b, c[1]);
    assert_string_equal(bed_where(&b), "completed");
    bed_close(&b);
}

/* What a batch makes of commands must be what one after another makes of them. */
static void batches_are_as_one_after_another(void **state) {
    static struct play play;
    struct command c[STEPS];
    struct outcome one[STEPS], many[STEPS];
    int done = 0;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct dice d = {seed * 0x9e3779b97f4a7c15u};
        struct bed alone, batched;
        outputs_ready(&play);
        play_ready(&alone);
        play_ready(&batched);
        for (int i = 0; i < STEPS; i++) c[i] = random_command(&d, &play, i);
        for (int i = 0; i < STEPS; i++) one[i] = bed_run(&alone, c[i]);
        for (int i = 0, n; i < STEPS; i += n) {
            int most = 1 + (int)roll(&d, 12);
            for (n = 1; n < most && i + n < STEPS && may_join(&batched, c + i, n, &c[i + n]);) n++;
            bed_batch(&batched, c + i, (size_t)n, many + i);
        }
        for (int i = 0; i < STEPS; i++) {
            if (!same_outcome(&one[i], &many[i]))
                fail_msg("seed %d: %s, the %dth, answers otherwise in a batch", (int)seed, command_name(c[i].kind), i);
            done += !one[i].code;
        }
        char *a = bed_text(&alone), *b = bed_text(&batched);
        assert_string_equal(a, b);
        free(a);
        free(b);
        bed_close(&alone);
        bed_close(&batched);
    }
    assert_true(done > 1000); /* most refused would prove little */
}

/* A batch whose commit failed is applied again from the unchanged commands. */
static void applying_again_gives_the_same(void **state) {
    static struct play play;
    struct dice d = {4711};
    struct bed b;
    outputs_ready(&play);
    play_ready(&b);
    for (int i = 0; i < STEPS; i++) {
        struct command c = random_command(&d, &play, i);
        size_t mark = b.undo_count;
        struct outcome first = bed_run(&b, c);
        char *text = bed_text(&b);
        bed_undo(&b, mark);
        struct outcome second = bed_run(&b, c);
        char *again = bed_text(&b);
        assert_true(same_outcome(&first, &second));
        assert_string_equal(text, again);
        free(text);
        free(again);
    }
    bed_close(&b);
}

static void states_go_as_the_table_says(void **state) {
    static const char *const states[] = {"pending", "processing", "completed", "failed", "cancelled"};
    static const char *const may[] = {"01011", "10111", "00000", "00000", "00000"};
    for (int from = 0; from < 5; from++) {
        assert_int_equal(generation_is_terminal(str_of(states[from])), from >= 2);
        for (int to = 0; to < 5; to++)
            assert_int_equal(generation_may_go(str_of(states[from]), str_of(states[to])), may[from][to] == '1');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_go_as_the_table_says),
        cmocka_unit_test(every_short_sequence_keeps_the_books),
        cmocka_unit_test(a_settle_in_the_batch_of_its_submit_comes_again),
        cmocka_unit_test(batches_are_as_one_after_another),
        cmocka_unit_test(applying_again_gives_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
