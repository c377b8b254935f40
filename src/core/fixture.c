/* The test bed of the rules; see fixture.h. */
#include "core/fixture.h"

#include "base/cleanup.h"
#include "core/generation.h"
#include "core/ledger.h"

/* --- rows --- */

static const struct str *text_of(const struct rec_head *r, const struct rec_field *f) {
    return (const struct str *)((const char *)r + f->offset);
}
static int64_t number_of(const struct rec_head *r, const struct rec_field *f) {
    return *(const int64_t *)((const char *)r + f->offset);
}

static struct str keep_text(char **end, struct str s) {
    char *p = *end;
    if (s.len) memcpy(p, s.ptr, s.len);
    *end += s.len;
    return str_n(p, s.len);
}

/* A row as a database would keep it: nothing in it points outside. */
static struct rec_head *row_copy(enum rec_type type, const struct rec_head *from) {
    const struct rec_info *info = rec_info(type);
    size_t size = info->size + from->id.len;
    for (int i = 0; i < info->field_count; i++)
        if (info->fields[i].kind == FIELD_STR) size += text_of(from, &info->fields[i])->len;
    struct rec_head *to = malloc(size);
    must(to);
    memcpy(to, from, info->size);
    char *end = (char *)to + info->size;
    to->id = keep_text(&end, from->id);
    for (int i = 0; i < info->field_count; i++)
        if (info->fields[i].kind == FIELD_STR) {
            struct str *s = (struct str *)((char *)to + info->fields[i].offset);
            *s = keep_text(&end, *s);
        }
    return to;
}

static struct stored *row_of(const struct bed *b, enum rec_type type, struct str id) {
    for (size_t i = 0; i < b->count; i++)
        if (b->rows[i].type == type && str_eq(b->rows[i].record->id, id)) return &b->rows[i];
    return NULL;
}

void bed_open(struct bed *b) { *b = (struct bed){.w = workset_create()}; }

void bed_close(struct bed *b) {
    bed_undo(b, 0);
    free(b->rows);
    free(b->undos);
    workset_destroy(b->w);
}

static void remember(struct bed *b, size_t row, struct rec_head *before) {
    if (b->undo_count == b->undo_cap) {
        b->undo_cap = b->undo_cap ? b->undo_cap * 2 : 64;
        b->undos = realloc(b->undos, b->undo_cap * sizeof *b->undos);
        must(b->undos);
    }
    b->undos[b->undo_count++] = (struct undo){row, before};
}

void bed_undo(struct bed *b, size_t mark) {
    while (b->undo_count > mark) {
        struct undo *u = &b->undos[--b->undo_count];
        free(b->rows[u->row].record);
        b->rows[u->row].record = u->before;
        if (!u->before) b->count--; /* rows are appended in order, so the last one goes first */
    }
}

static void save(struct bed *b, const struct rec_change *change) {
    struct stored *row = row_of(b, change->type, change->record->id);
    struct rec_head *copy = row_copy(change->type, change->record);
    copy->version++;
    if (row) {
        assert_int_equal(row->record->version, change->record->version); /* an insert of what exists, or a lost update */
        remember(b, (size_t)(row - b->rows), row->record);
        row->record = copy;
        return;
    }
    assert_int_equal(change->record->version, 0);
    if (b->count == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 64;
        b->rows = realloc(b->rows, b->cap * sizeof *b->rows);
        must(b->rows);
    }
    remember(b, b->count, NULL);
    b->rows[b->count++] = (struct stored){change->type, copy};
}

const void *bed_get(const struct bed *b, enum rec_type type, const char *id) {
    struct stored *row = row_of(b, type, str_of(id));
    return row ? row->record : NULL;
}

size_t bed_count(const struct bed *b, enum rec_type type) {
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++) n += b->rows[i].type == type;
    return n;
}

static int compare_rows(const void *x, const void *y) {
    const struct stored *a = x, *b = y;
    if (a->type != b->type) return a->type < b->type ? -1 : 1;
    return str_cmp(a->record->id, b->record->id);
}

char *bed_text(const struct bed *b) {
    _cleanup_(freep) struct stored *rows = malloc((b->count + 1) * sizeof *rows);
    must(rows);
    if (b->count) memcpy(rows, b->rows, b->count * sizeof *rows);
    qsort(rows, b->count, sizeof *rows, compare_rows);
    struct buf out = {};
    buf_z(&out, "records\n");
    for (size_t i = 0; i < b->count; i++) {
        const struct rec_info *info = rec_info(rows[i].type);
        buf_printf(&out, "%s %.*s", info->table, STR_ARG(rows[i].record->id));
        for (int f = 0; f < info->field_count; f++) {
            buf_printf(&out, " %s=", info->fields[f].name);
            if (info->fields[f].kind == FIELD_STR)
                buf_str(&out, *text_of(rows[i].record, &info->fields[f]));
            else
                buf_i64(&out, number_of(rows[i].record, &info->fields[f]));
        }
        buf_c(&out, '\n');
    }
    return out.ptr;
}

/* --- batches --- */

static void load(struct bed *b, const struct command *c, size_t n) {
    for (int round = 0; round < COMMAND_ROUNDS; round++) {
        for (size_t i = 0; i < n; i++) command_want(&c[i], b->w, round);
        const struct rec_key *keys;
        size_t missing = workset_unfilled(b->w, &keys);
        for (size_t i = 0; i < missing; i++) {
            struct stored *row = row_of(b, keys[i].type, keys[i].id);
            workset_fill(b->w, keys[i], row ? row->record : NULL);
        }
    }
}

void bed_batch(struct bed *b, const struct command *c, size_t n, struct outcome *out) {
    workset_reset(b->w);
    load(b, c, n);
    const struct rec_change *changes;
    for (size_t i = 0; i < n; i++) {
        size_t before = workset_changes(b->w, &changes);
        command_apply(&c[i], b->w, &out[i]);
        if (out[i].code) {
            assert_int_equal(workset_changes(b->w, &changes), before);
            assert_int_equal(out[i].why.code, out[i].code);
            assert_true(out[i].why.detail[0]);
        }
        assert_int_not_equal(out[i].code, E_CORRUPT);
    }
    b->changes = workset_changes(b->w, &changes);
    for (size_t i = 0; i < b->changes; i++) save(b, &changes[i]);
    bed_audit(b);
}

struct outcome bed_run(struct bed *b, struct command c) {
    struct outcome out;
    bed_batch(b, &c, 1, &out);
    return out;
}

struct outcome bed_ok(struct bed *b, struct command c) {
    struct outcome out = bed_run(b, c);
    if (out.code) fail_msg("%s: %s: %s", command_name(c.kind), err_name(out.code), out.why.detail);
    return out;
}

/* --- the audit: written against the records alone, with no help from the rules --- */

#define EACH(b, name, var)                                                                                                  \
    for (size_t var##_i = 0; var##_i < (b)->count; var##_i++)                                                               \
        for (const struct name *var = (b)->rows[var##_i].type == REC_##name ? (const void *)(b)->rows[var##_i].record       \
                                                                            : NULL;                                         \
             var; var = NULL)

static void audit_account(const struct bed *b, const struct account *a) {
    micros available = 0, held = 0, live = 0;
    int64_t transfers = 0;
    char side[128];
    EACH(b, transfer, t) {
        if (!str_eq(t->project, a->project) || !str_eq(t->book, a->book)) continue;
        transfers++;
        assert_true(t->amount > 0 && t->seq >= 1 && t->seq <= a->seq);
        snprintf(side, sizeof side, "%.*s/available", STR_ARG(a->head.id));
        available += str_is(t->credit, side) ? t->amount : str_is(t->debit, side) ? -t->amount : 0;
        snprintf(side, sizeof side, "%.*s/held", STR_ARG(a->head.id));
        held += str_is(t->credit, side) ? t->amount : str_is(t->debit, side) ? -t->amount : 0;
    }
    EACH(b, generation, g) if (str_eq(g->project, a->project) && str_eq(g->book, a->book)) live += g->hold_micros;
    assert_int_equal(transfers, a->seq);
    assert_int_equal(available, a->available);
    assert_int_equal(held, a->held);
    assert_int_equal(live, a->held);
    assert_true(a->available >= 0 && a->held >= 0);
}

static void audit_project(const struct bed *b, const struct project *p) {
    int64_t pending = 0, running = 0, reserved[2] = {}, bytes[2] = {}, usage = 0, generations = 0; /* [1]: of the test book */
    EACH(b, generation, g) {
        if (!str_eq(g->project, p->head.id)) continue;
        generations++;
        pending += str_is(g->state, "pending");
        running += str_is(g->state, "processing");
        reserved[str_is(g->book, "test")] += generation_is_terminal(g->state) ? 0 : g->needs;
    }
    EACH(b, asset, a) if (str_eq(a->project, p->head.id) && !a->deleted_at) bytes[str_is(a->book, "test")] += a->bytes;
    EACH(b, usage_event, u) usage += str_eq(u->project, p->head.id);
    assert_int_equal(p->pending, pending);
    assert_int_equal(p->running, running);
    assert_int_equal(p->drive_reserved, reserved[0]);
    assert_int_equal(p->drive_bytes, bytes[0]);
    assert_int_equal(p->test_drive_reserved, reserved[1]);
    assert_int_equal(p->test_drive_bytes, bytes[1]);
    assert_int_equal(p->usage_seq, usage);
    assert_int_equal(p->seq, generations);
    if (!b->limits_fall) assert_true(p->running <= p->run_limit);
}

static micros moved(const struct bed *b, const struct generation *g, const char *purpose) {
    micros sum = 0;
    EACH(b, transfer, t) if (str_eq(t->generation, g->head.id) && str_is(t->purpose, purpose)) sum += t->amount;
    return sum;
}

static void audit_generation(const struct bed *b, const struct generation *g) {
    bool terminal = generation_is_terminal(g->state);
    bool completed = str_is(g->state, "completed"), processing = str_is(g->state, "processing");
    int64_t events = 0, attempts = 0, live = 0, last_event = 0;
    struct str last = STR("");
    EACH(b, event, e) {
        if (!str_eq(e->generation, g->head.id)) continue;
        events++;
        assert_true(e->n >= 1 && e->n <= g->events);
        if (e->n > last_event && !str_is(e->type, "late_output") && !str_is(e->type, "delivered")) last_event = e->n, last = e->type;
    }
    EACH(b, attempt, a) {
        if (!str_eq(a->generation, g->head.id)) continue;
        attempts++;
        live += !a->ended_at;
        if (!a->ended_at) assert_true(a->n == g->attempts && str_eq(a->state, g->step));
    }
    char id[64];
    snprintf(id, sizeof id, "%.*s", STR_ARG(g->head.id));
    const struct usage_event *usage = BED_GET(b, usage_event, id);
    assert_int_equal(events, g->events);
    assert_int_equal(attempts, g->attempts);
    assert_int_equal(live, processing);
    assert_int_equal(processing, !str_empty(g->node));
    assert_int_equal(moved(b, g, "hold"), g->quoted_micros);
    assert_int_equal(g->hold_micros, terminal ? 0 : g->quoted_micros);
    assert_int_equal(moved(b, g, "capture"), g->billed_micros);
    assert_int_equal(moved(b, g, "release"), terminal ? g->quoted_micros - g->billed_micros : 0);
    assert_true(completed || g->billed_micros == 0);
    assert_int_equal(completed, usage != NULL);
    if (usage) assert_int_equal(usage->billed_micros, g->billed_micros);
    if (usage) assert_true(str_eq(usage->end_user, g->end_user) && str_eq(usage->metadata, g->metadata));
    assert_int_equal(terminal, g->finished_at != 0);
    assert_int_equal(terminal, str_eq(last, g->state)); /* the end is announced, and nothing but late outputs follows it */
}

static const struct key_day *day_of(const struct bed *b, const struct generation *g) {
    EACH(b, key_day, d) if (str_eq(d->key, g->key) && d->day == g->created_at / MS_DAY) return d;
    return NULL;
}

static void audit_key_day(const struct bed *b, const struct key_day *d) {
    char id[64];
    micros spent = 0;
    snprintf(id, sizeof id, "%.*s/%lld", STR_ARG(d->key), (long long)d->day);
    assert_true(str_is(d->head.id, id));
    EACH(b, generation, g) if (day_of(b, g) == d) spent += g->hold_micros + g->billed_micros;
    assert_int_equal(d->spent, spent);
    EACH(b, api_key, k) if (str_eq(k->head.id, d->key)) assert_true(k->day_cap && d->spent <= k->day_cap);
}

/* Who runs holds a slot of the project and, where it has a limit, of the model. */
static void audit_slots(const struct bed *b, const struct generation *g) {
    int64_t running = 0, most = 0;
    EACH(b, api_key, k) if (str_eq(k->head.id, g->key) && k->day_cap) assert_non_null(day_of(b, g));
    if (!g->model_limit) return;
    EACH(b, generation, other) {
        if (!str_is(other->state, "processing") || !other->model_limit || !str_eq(other->model, g->model)) continue;
        running++;
        if (other->model_limit > most) most = other->model_limit;
    }
    assert_true(running <= most);
    int64_t counted = 0;
    EACH(b, model_load, l) if (str_eq(l->head.id, g->model)) counted = l->running;
    assert_int_equal(counted, running);
}

static void audit_adjustment(const struct transfer *t) {
    if (!str_is(t->purpose, "adjust")) return;
    char platform[64], available[128];
    snprintf(platform, sizeof platform, "platform/%.*s/adjustments", STR_ARG(t->book));
    snprintf(available, sizeof available, "%.*s/%.*s/available", STR_ARG(t->project), STR_ARG(t->book));
    bool gives = str_is(t->debit, platform) && str_is(t->credit, available), takes = str_is(t->credit, platform) && str_is(t->debit, available);
    assert_true(gives != takes && t->author.len && t->reason.len && !t->generation.len);
}

static void audit_paths(const struct bed *b) {
    EACH(b, drive_path, d) {
        int shown = 0;
        char live[700], test[700];
        snprintf(live, sizeof live, "%.*s/%.*s", STR_ARG(d->project), STR_ARG(d->path));
        snprintf(test, sizeof test, "%.*s:test/%.*s", STR_ARG(d->project), STR_ARG(d->path));
        assert_true(str_is(d->head.id, live) || str_is(d->head.id, test));
        const char *book = str_is(d->head.id, live) ? "live" : "test";
        EACH(b, asset, a) shown += str_eq(a->project, d->project) && str_is(a->book, book) && str_eq(a->path, d->path) && !a->deleted_at;
        assert_int_equal(shown, !str_empty(d->asset)); /* a path shows one file, or none */
    }
    EACH(b, asset, a) EACH(b, generation, g) assert_true(!str_eq(a->generation, g->head.id) || str_eq(a->book, g->book));
}

void bed_audit(const struct bed *b) {
    EACH(b, account, a) audit_account(b, a);
    EACH(b, project, p) audit_project(b, p);
    EACH(b, generation, g) audit_generation(b, g), audit_slots(b, g);
    EACH(b, key_day, d) audit_key_day(b, d);
    EACH(b, transfer, t) audit_adjustment(t);
    EACH(b, secret, s) assert_true(!s->deleted_at || str_empty(s->sealed));
    audit_paths(b);
}

/* --- commands --- */

struct command cmd_create_project(const char *id) {
    return (struct command){
        .kind = CMD_CREATE_PROJECT,
        .at = 1,
        .create_project = {.id = str_of(id), .name = STR("a project"), .run_limit = 1, .drive_limit = 10 * NEEDS}};
}

struct command cmd_create_key(const char *prefix, const char *project, const char *kind) {
    return (struct command){.kind = CMD_CREATE_KEY,
                            .at = 1,
                            .create_key = {str_of(prefix), str_of(project), str_of(kind), STR("hash"), STR("a key")}};
}

struct command cmd_top_up(const char *id, const char *book, micros amount) {
    return (struct command){.kind = CMD_TOP_UP,
                            .at = 1,
                            .top_up = {str_of(id), STR(PROJECT), str_of(book), STR("author"), STR("reason"), amount}};
}

struct command cmd_adjust(const char *id, const char *book, micros amount) {
    return (struct command){.kind = CMD_ADJUST, .at = 2, .adjust = {str_of(id), STR(PROJECT), str_of(book), STR("ann"), STR("a mistake"), amount}};
}

struct command cmd_secret(enum command_kind kind, const char *project, const char *name, const char *sealed) {
    return (struct command){.kind = kind, .at = 3, .secret = {str_of(project), str_of(name), str_of(sealed)}};
}

struct command cmd_provider_key(const char *provider, const char *sealed) {
    return (struct command){.kind = CMD_PROVIDER_KEY, .at = 3, .provider_key = {str_of(provider), str_of(sealed), STR("admin001")}};
}

struct command cmd_pause(const char *what, bool on) {
    return (struct command){.kind = CMD_PAUSE, .at = 3, .pause = {str_of(what), STR("admin001"), on}};
}

struct command cmd_reseal(const char *type, const char *id, const char *before, const char *after) {
    return (struct command){.kind = CMD_RESEAL, .at = 4, .reseal = {str_of(type), str_of(id), str_of(before), str_of(after)}};
}

struct command cmd_derive(const char *asset, const char *role, const char *blob) {
    return (struct command){.kind = CMD_DERIVED_PUT,
                            .at = 12,
                            .derived = {.asset = str_of(asset),
                                        .role = str_of(role),
                                        .state = STR("made"),
                                        .blob = str_of(blob),
                                        .type = STR("image/webp"),
                                        .bytes = 5,
                                        .width = 4,
                                        .height = 3}};
}

struct command cmd_project_set(const char *id, int64_t run_limit, int64_t drive_limit, int64_t retention_days) {
    return (struct command){.kind = CMD_PROJECT_SET, .at = 3, .project_set = {str_of(id), run_limit, drive_limit, retention_days}};
}

struct command cmd_submit(const char *generation) {
    struct quote quote = {.amount = PRICE,
                          .rate = PRICE,
                          .unit = 1,
                          .quantity = 1,
                          .outputs = 1,
                          .per_output = true,
                          .from = STR("call"),
                          .row = STR("{\"index\":0,\"micros\":10000,\"unit\":\"image\"}")};
    return (struct command){.kind = CMD_SUBMIT,
                            .at = 5,
                            .submit = {.generation = str_of(generation),
                                       .project = STR(PROJECT),
                                       .book = STR("live"),
                                       .key = STR("livekey1"),
                                       .request_hash = STR("hash"),
                                       .model = STR("puras/sketch"),
                                       .kind = STR("image"),
                                       .catalog = STR("v1"),
                                       .inputs = STR("{}"),
                                       .quote = quote,
                                       .needs_bytes = NEEDS,
                                       .deadline_at = DEADLINE}};
}

struct command cmd_step(enum command_kind kind, int64_t attempt) {
    return (struct command){
        .kind = kind, .at = 10, .step = {.generation = STR(GEN), .node = STR(NODE), .attempt = attempt, .measured = -1}};
}

struct command cmd_claim(const char *provider, int64_t attempt) {
    struct command c = cmd_step(CMD_CLAIM, attempt);
    c.step.provider = str_of(provider);
    c.step.route = STR("route");
    return c;
}

struct command cmd_failed(int64_t attempt, enum failure f, bool may_retry) {
    struct command c = cmd_step(CMD_ATTEMPT_FAILED, attempt);
    c.step.failure = f;
    c.step.detail = STR("It did not work.");
    c.step.may_retry = may_retry;
    c.step.retry_at = 20;
    return c;
}

struct output test_output(const char *asset, int64_t bytes) {
    return (struct output){.asset = str_of(asset),
                           .blob = STR("blob"),
                           .ext = STR("png"),
                           .type = STR("image/png"),
                           .kind = STR("image"),
                           .sha256 = STR("sha"),
                           .facts = STR("{}"),
                           .bytes = bytes};
}

struct command cmd_settle(int64_t attempt, int64_t outputs) {
    static const char *ids[] = {"asset1", "asset2", "asset3", "asset4"};
    static struct output made[4];
    for (int i = 0; i < 4; i++) made[i] = test_output(ids[i], 100);
    must(outputs <= 4);
    struct command c = cmd_step(CMD_SETTLE, attempt);
    c.step.outputs = made;
    c.step.output_count = outputs;
    c.step.result = STR("{}");
    return c;
}

struct command cmd_cancel(const char *project) {
    return (struct command){.kind = CMD_CANCEL, .at = 11, .cancel = {STR(GEN), str_of(project)}};
}
struct command cmd_expire(msec at) {
    return (struct command){.kind = CMD_EXPIRE, .at = at, .expire = {STR(GEN)}};
}

struct command cmd_adopt(const char *node, const char *dead) {
    static const struct str generations[] = {STR(GEN), STR(GEN2)};
    return (struct command){.kind = CMD_ADOPT, .at = 12, .adopt = {str_of(node), str_of(dead), generations, 2}};
}

void bed_ready(struct bed *b) {
    bed_open(b);
    bed_ok(b, cmd_create_project(PROJECT));
    bed_ok(b, cmd_create_project(FOREIGN));
    bed_ok(b, cmd_create_key("livekey1", PROJECT, "live"));
    bed_ok(b, cmd_create_key("testkey1", PROJECT, "test"));
    bed_ok(b, cmd_create_key("foreign1", FOREIGN, "live"));
    bed_ok(b, cmd_top_up("topup:1", "live", START));
    bed_ok(b, cmd_top_up("topup:2", "test", START));
}

/* --- states --- */

void bed_bring(struct bed *b, const char *where) {
    struct str w = str_of(where);
    bool local = str_starts(w, STR("local:")), cancelling = str_ends(w, STR(":cancelling"));
    if (local) w = str_skip(w, 6);
    if (cancelling) w = str_head(w, w.len - 11);
    static const char *const steps[] = {"opened", "sending", "accepted", "result", "completed"};
    bed_ok(b, cmd_submit(GEN));
    if (str_is(w, "pending")) return;
    bed_ok(b, cmd_claim(local ? "local" : "fal", 1));
    if (str_is(w, "waiting")) {
        bed_ok(b, cmd_failed(1, FAIL_TRANSIENT, true));
        return;
    }
    if (str_is(w, "failed")) bed_ok(b, cmd_failed(1, FAIL_CALLER, false));
    if (str_is(w, "cancelled")) bed_ok(b, cmd_cancel(PROJECT));
    if (str_is(w, "failed") || str_is(w, "cancelled")) return;
    int target = 0;
    while (target < 5 && !str_is(w, steps[target])) target++;
    if (str_is(w, "unresolved")) target = 1;
    assert_true(target < 5);
    if (target >= 1) bed_ok(b, cmd_step(CMD_SENDING, 1));
    if (str_is(w, "unresolved")) bed_ok(b, cmd_step(CMD_UNRESOLVED, 1));
    if (target >= 2) bed_ok(b, cmd_step(CMD_ACCEPTED, 1));
    if (target >= 3) bed_ok(b, cmd_step(CMD_RESULT_SEEN, 1));
    if (cancelling) bed_ok(b, cmd_cancel(PROJECT));
    if (target >= 4) bed_ok(b, cmd_settle(1, 1));
}

const char *bed_where(const struct bed *b) {
    static char text[64];
    const struct generation *g = BED_GET(b, generation, GEN);
    if (!g) return "absent";
    struct str word = str_eq(g->state, GEN_PROCESSING) ? g->step : g->state;
    bool cancelling = g->cancel_at && !generation_is_terminal(g->state);
    snprintf(text, sizeof text, "%.*s%s", STR_ARG(word), cancelling ? ":cancelling" : "");
    return text;
}
