/* Compares the books with the model: every call, every account, the audit, and at the end that nothing is left over. */
#include "base/cleanup.h"
#include "base/limits.h"
#include "core/generation.h"
#include "world.h"

#include <stdio.h>

const struct generation *world_generation(struct world *w, struct str id, struct arena *a) {
    const struct generation *g = NULL;
    return QUERY_RECORD(w->db, generation, id, a, &g) ? NULL : g;
}

static void check_project(struct world *w, int i, bool at_the_end) {
    _cleanup_(arena_done) struct arena a = {};
    const struct project *p = NULL;
    if (QUERY_RECORD(w->db, project, str_of(w->projects[i]), &a, &p)) {
        BROKEN(w, "project %d cannot be read", i);
        return;
    }
    int64_t pending = 0, running = 0;
    struct page page = {.limit = LIMIT_PAGE};
    for (;;) {
        const struct generation **rows;
        size_t n;
        if (query_generations(w->db, str_of(w->projects[i]), &page, &a, &rows, &n)) {
            BROKEN(w, "the generations of project %d cannot be read", i);
            return;
        }
        for (size_t k = 0; k < n; k++) {
            char id[64], state[32];
            snprintf(id, sizeof id, "%.*s", STR_ARG(rows[k]->head.id));
            snprintf(state, sizeof state, "%.*s", STR_ARG(rows[k]->state));
            struct model_row row = {.id = id, .state = state, .held = rows[k]->hold_micros, .billed = rows[k]->billed_micros};
            model_see_call(&w->model, &row);
            pending += str_eq(rows[k]->state, GEN_PENDING);
            running += str_eq(rows[k]->state, GEN_PROCESSING);
            if (generation_is_terminal(rows[k]->state)) w->outcomes[!str_eq(rows[k]->state, GEN_COMPLETED)]++;
            else w->live++;
            if (at_the_end && !generation_is_terminal(rows[k]->state)) {
                say(w, "left over: %s %s (%.*s) node %.*s attempts %lld", id, state, STR_ARG(rows[k]->step), STR_ARG(rows[k]->node), (long long)rows[k]->attempts);
                BROKEN(w, "generation %s is still %s (%.*s) long after the last fault", id, state, STR_ARG(rows[k]->step));
            }
        }
        if (n < LIMIT_PAGE) break;
        page.before_seq = rows[n - 1]->seq;
    }
    if (p->pending != pending || p->running != running)
        BROKEN(w, "project %d counts %lld pending and %lld running, there are %lld and %lld", i, (long long)p->pending, (long long)p->running, (long long)pending, (long long)running);
    int64_t reserved = p->drive_reserved + p->test_drive_reserved;
    if (at_the_end && reserved) BROKEN(w, "project %d still reserves %lld bytes", i, (long long)reserved);
}

/* The capped key's days, yesterday's too, and the limited model's slots. */
static void check_policies(struct world *w, bool at_the_end) {
    msec now = io_now(fake_io_io(w->fake));
    for (int64_t day = now / MS_DAY - 1; day <= now / MS_DAY; day++) {
        _cleanup_(arena_done) struct arena a = {};
        const struct key_day *row = NULL;
        err e = QUERY_RECORD(w->db, key_day, arena_printf(&a, "key00000/%lld", (long long)day), &a, &row);
        if (e && e != E_NOT_FOUND) BROKEN(w, "what a key spent cannot be read");
        else model_see_spent(&w->model, 0, day, row ? row->spent : 0, DAY_CAP);
    }
    _cleanup_(arena_done) struct arena a = {};
    const struct model_load *load = NULL;
    err e = QUERY_RECORD(w->db, model_load, STR(LIMITED_MODEL), &a, &load);
    if (e && e != E_NOT_FOUND) BROKEN(w, "what runs of a model cannot be read");
    else model_see_load(&w->model, load ? load->running : 0, MODEL_LIMIT);
    if (at_the_end && load && load->running) BROKEN(w, "%lld slots of a model are still taken", (long long)load->running);
}

/* Which call's file each drive shows under the paths that all of them use. */
static void check_drive(struct world *w, int account) {
    _cleanup_(arena_done) struct arena a = {};
    const struct asset **rows;
    size_t n, k = 0;
    struct drive_spot shared = {str_of(w->projects[account / 2]), account % 2 ? STR("test") : STR("live"), STR("shared/")};
    if (query_drive(w->db, shared, STR(""), LIMIT_PAGE, &a, &rows, &n)) {
        BROKEN(w, "the drive of account %d cannot be read", account);
        return;
    }
    for (int path = 0; path < PATHS; path++) {
        char name[32], id[ID_LEN + 1] = "";
        snprintf(name, sizeof name, SHARED_PATH, path);
        if (k < n && str_is(rows[k]->path, name)) {
            snprintf(id, sizeof id, "%.*s", STR_ARG(rows[k]->generation));
            k++;
        }
        model_see_path(&w->model, account, path, id);
    }
    if (k != n) BROKEN(w, "the drive of account %d shows %zu files that nobody named", account, n - k);
}

void world_check(struct world *w, bool at_the_end) {
    static const char *const books[] = {"live", "test"};
    if (w->model.fault[0]) return;
    w->outcomes[0] = w->outcomes[1] = w->live = 0;
    model_look(&w->model);
    for (int i = 0; i < PROJECTS; i++) check_project(w, i, at_the_end);
    model_seen_all(&w->model);
    check_policies(w, at_the_end);
    for (int account = 0; account < PROJECTS * 2; account++) {
        _cleanup_(arena_done) struct arena a = {};
        const struct account *row = NULL;
        struct str id = arena_printf(&a, "%s/%s", w->projects[account / 2], books[account % 2]);
        if (QUERY_RECORD(w->db, account, id, &a, &row)) BROKEN(w, "account %d cannot be read", account);
        else model_see_account(&w->model, account, row->available, row->held);
        check_drive(w, account);
    }
    _cleanup_(arena_done) struct arena a = {};
    struct audit audit = {};
    if (query_audit(w->db, &a, &audit)) BROKEN(w, "the books cannot be audited");
    else if (audit.findings || audit.sum_micros) BROKEN(w, "the audit finds: %.*s", STR_ARG(str_head(audit.text, 300)));
}
