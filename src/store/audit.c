/* The audit: everything that the rules keep (balances, counters, holds) is recomputed from the transfers and compared, to the
 * micro. Each check is one statement that lists what disagrees as (id, found, expected); nothing listed is nothing wrong. All of
 * them read the database at one moment. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "store/query_rows.h"

enum { LINES = 100 };

/* What the transfers say about each account by its full name. */
#define MOVED                                                                                                                  \
    "(select name, cast(sum(amount) as bigint) as total from (select credit as name, amount from transfer union all select debit, " \
    "-amount from transfer) as moves group by name) as moved"
#define LIVE "generation.state in ('pending', 'processing')"
/* What each key's calls of each day hold or were billed; and what runs of each model with a limit of its own. The newest claim among
 * those that run found a slot below its own limit, and limits may change from one catalog to the next: `most` is the bound. */
#define SPENT                                                                                                                  \
    "select key, created_at / 86400000 as day, cast(sum(hold_micros + billed_micros) as bigint) as n from generation group by key, "  \
    "created_at / 86400000"
#define LIMITED                                                                                                                \
    "select model, count(*) as n, max(model_limit) as most from generation where state = 'processing' and model_limit > 0 group by model"
#define SUM_OF(what, more) "coalesce((select cast(sum(" what ") as bigint) " more "), 0)"
/* What live generations of a book reserve of its drive, and what its files take. */
#define RESERVED(book, column)                                                                                                          \
    "select * from (select id, " column ", " SUM_OF("needs", "from generation where generation.project = project.id and "              \
    "generation.book = '" book "' and " LIVE) " as n from project) as p where " column " <> n"
#define STORED(book, column)                                                                                                            \
    "select project.id, project." column ", coalesce(a.n, 0) from project left join (select project, cast(sum(bytes) as bigint) as n "  \
    "from asset where deleted_at = 0 and book = '" book "' group by project) as a on a.project = project.id where project." column " <> coalesce(a.n, 0)"

static const struct check {
    const char *about; /* "<id>: <about> is <found>, expected <expected>" */
    const char *sql;
} checks[] = {
    {"account available",
     "select account.id, account.available, coalesce(moved.total, 0) from account left join " MOVED
     " on moved.name = account.id || '/available' where account.available <> coalesce(moved.total, 0)"},
    {"account held",
     "select account.id, account.held, coalesce(moved.total, 0) from account left join " MOVED
     " on moved.name = account.id || '/held' where account.held <> coalesce(moved.total, 0)"},
    {"lowest balance of the account",
     "select id, case when available < held then available else held end, 0 from account where available < 0 or held < 0"},
    {"transfers of the account",
     "select account.id, account.seq, coalesce(t.n, 0) from account left join (select project, book, count(*) as n, max(seq) as newest, "
     "count(distinct seq) as different from transfer group by project, book) as t on t.project = account.project and t.book = account.book "
     "where account.seq <> coalesce(t.n, 0) or account.seq <> coalesce(t.newest, 0) or account.seq <> coalesce(t.different, 0)"},
    {"accounts of the transfer",
     "select transfer.id, 0, 1 from transfer left join account on account.id = transfer.project || '/' || transfer.book where account.id is null"},
    {"amount of the transfer", "select id, amount, 1 from transfer where amount <= 0"},
    {"sides of the transfer that fit its purpose",
     "select id, 0, 2 from transfer where not case purpose "
     "when 'top_up' then debit = 'platform/' || book || '/top_ups' and credit = project || '/' || book || '/available' "
     "when 'hold' then debit = project || '/' || book || '/available' and credit = project || '/' || book || '/held' and id = generation || ':hold' "
     "when 'capture' then debit = project || '/' || book || '/held' and credit = 'platform/' || book || '/revenue' and id = generation || ':capture' "
     "when 'release' then debit = project || '/' || book || '/held' and credit = project || '/' || book || '/available' and id = generation || ':release' "
     "when 'adjust' then generation = '' and ((debit = 'platform/' || book || '/adjustments' and credit = project || '/' || book || '/available') "
     "or (credit = 'platform/' || book || '/adjustments' and debit = project || '/' || book || '/available')) else 1 = 0 end"},
    {"author and reason of the adjustment", "select id, 0, 2 from transfer where purpose = 'adjust' and (author = '' or reason = '')"},
    {"generation of the transfer",
     "select transfer.id, 0, 1 from transfer left join generation on generation.id = transfer.generation and generation.project = transfer.project "
     "and generation.book = transfer.book where transfer.generation <> '' and generation.id is null"},
    {"hold of the generation",
     "select generation.id, coalesce(transfer.amount, 0), generation.quoted_micros from generation left join transfer on "
     "transfer.id = generation.id || ':hold' where coalesce(transfer.amount, 0) <> generation.quoted_micros"},
    {"pending hold of the generation",
     "select id, hold_micros, case when " LIVE " then quoted_micros else 0 end from generation where hold_micros <> case when " LIVE
     " then quoted_micros else 0 end"},
    {"capture and release of the generation",
     "select generation.id, coalesce(c.amount, 0) + coalesce(r.amount, 0), case when " LIVE " then 0 else generation.quoted_micros end "
     "from generation left join transfer as c on c.id = generation.id || ':capture' left join transfer as r on r.id = generation.id || ':release' "
     "where coalesce(c.amount, 0) + coalesce(r.amount, 0) <> case when " LIVE " then 0 else generation.quoted_micros end"},
    {"bill of the generation",
     "select generation.id, generation.billed_micros, coalesce(transfer.amount, 0) from generation left join transfer on "
     "transfer.id = generation.id || ':capture' where generation.billed_micros <> coalesce(transfer.amount, 0)"},
    {"usage event of the completed generation",
     "select generation.id, coalesce(usage_event.billed_micros, -1), generation.billed_micros from generation left join usage_event on "
     "usage_event.id = generation.id and usage_event.project = generation.project and usage_event.book = generation.book "
     "where generation.state = 'completed' and coalesce(usage_event.billed_micros, -1) <> generation.billed_micros"},
    {"completed generation of the usage event",
     "select usage_event.id, 0, 1 from usage_event left join generation on generation.id = usage_event.id and generation.state = 'completed' "
     "where generation.id is null"},
    {"end user and metadata of the usage event",
     "select usage_event.id, 0, 1 from usage_event join generation on generation.id = usage_event.id "
     "where usage_event.end_user <> generation.end_user or usage_event.metadata <> generation.metadata"},
    {"spending of the key on its day",
     "select key_day.id, key_day.spent, coalesce(g.n, 0) from key_day left join (" SPENT ") as g on g.key = key_day.key and g.day = key_day.day "
     "where key_day.spent <> coalesce(g.n, 0) or key_day.id <> key_day.key || '/' || key_day.day"},
    {"spending of the key on its day, above its cap",
     "select key_day.id, key_day.spent, api_key.day_cap from key_day join api_key on api_key.id = key_day.key where key_day.spent > api_key.day_cap"},
    {"day of the capped key, where it spent something: its records",
     "select api_key.id, 0, 1 from api_key join (" SPENT ") as g on g.key = api_key.id left join key_day on key_day.key = g.key and "
     "key_day.day = g.day where api_key.day_cap > 0 and key_day.id is null"},
    {"running generations of the model",
     "select model_load.id, model_load.running, coalesce(g.n, 0) from model_load left join (" LIMITED ") as g on g.model = model_load.id "
     "where model_load.running <> coalesce(g.n, 0)"},
    {"running generations of the model, above its limit",
     "select model, n, most from (" LIMITED ") as g where n > most"},
    {"running generations of the model that nobody counts",
     "select g.model, g.n, 0 from (" LIMITED ") as g left join model_load on model_load.id = g.model where model_load.id is null"},
    {"node of the generation",
     "select id, case when node = '' then 0 else 1 end, case when state = 'processing' then 1 else 0 end from generation "
     "where case when node = '' then 0 else 1 end <> case when state = 'processing' then 1 else 0 end"},
    {"events of the generation",
     "select generation.id, generation.events, coalesce(e.n, 0) from generation left join (select generation, count(*) as n, max(n) as newest "
     "from event group by generation) as e on e.generation = generation.id where generation.events <> coalesce(e.n, 0) or "
     "generation.events <> coalesce(e.newest, 0)"},
    {"attempts of the generation",
     "select generation.id, generation.attempts, coalesce(t.n, 0) from generation left join (select generation, count(*) as n from attempt "
     "group by generation) as t on t.generation = generation.id where generation.attempts <> coalesce(t.n, 0)"},
    {"pending generations of the project",
     "select * from (select id, pending, " SUM_OF("1", "from generation where generation.project = project.id and state = 'pending'")
     " as n from project) as p where pending <> n"},
    {"running generations of the project",
     "select * from (select id, running, " SUM_OF("1", "from generation where generation.project = project.id and state = 'processing'")
     " as n from project) as p where running <> n"},
    {"drive space reserved by the project", RESERVED("live", "drive_reserved")},
    {"drive space reserved by the project for test calls", RESERVED("test", "test_drive_reserved")},
    {"drive bytes of the project", STORED("live", "drive_bytes")},
    {"drive bytes of the project's test book", STORED("test", "test_drive_bytes")},
    {"book of the asset, which is that of its generation",
     "select asset.id, 0, 1 from asset left join generation on generation.id = asset.generation where asset.book not in ('live', 'test') or "
     "asset.book <> coalesce(generation.book, asset.book)"},
    {"usage events of the project",
     "select project.id, project.usage_seq, coalesce(u.n, 0) from project left join (select project, count(*) as n, max(seq) as newest from "
     "usage_event group by project) as u on u.project = project.id where project.usage_seq <> coalesce(u.n, 0) or "
     "project.usage_seq <> coalesce(u.newest, 0)"},
    {"generations of the project",
     "select project.id, project.seq, coalesce(g.n, 0) from project left join (select project, count(*) as n, max(seq) as newest from "
     "generation group by project) as g on g.project = project.id where project.seq <> coalesce(g.n, 0) or project.seq <> coalesce(g.newest, 0)"},
    {"live asset behind the path",
     "select drive_path.id, 0, 1 from drive_path left join asset on asset.id = drive_path.asset and asset.deleted_at = 0 and "
     "asset.path = drive_path.path and asset.project = drive_path.project and drive_path.id = asset.project || case asset.book when 'test' then ':test/' "
     "else '/' end || asset.path where drive_path.asset <> '' and asset.id is null"},
    {"asset of the derived file",
     "select derived.id, 0, 1 from derived left join asset on asset.id = derived.asset where asset.id is null or derived.id <> derived.asset || ':' || derived.role"},
    {"text left of the forgotten provider key", "select id, length(sealed), 0 from provider_key where deleted_at <> 0 and sealed <> ''"},
    {"text left of the deleted secret", "select id, length(sealed), 0 from secret where deleted_at <> 0 and sealed <> ''"},
};
enum { CHECKS = sizeof checks / sizeof *checks };

static err run_check(struct db *db, const struct check *c, struct audit *out, struct buf *text) {
    struct arena a = {};
    struct sql_rows rows;
    err e = db_run(db, c->sql, NULL, 0, &a, &rows, NULL);
    for (size_t i = 0; !e && i < rows.n; i++) {
        const struct sql_value *row = sql_row(&rows, i);
        if (out->findings++ >= LINES) continue;
        buf_printf(text, "%.*s: %s: found %lld, expected %lld\n", STR_ARG(row[0].s), c->about, (long long)row[1].i, (long long)row[2].i);
    }
    arena_done(&a);
    return e;
}

static err count(struct db *db, const char *sql, int64_t *out) {
    struct arena a = {};
    struct sql_rows rows;
    err e = db_run(db, sql, NULL, 0, &a, &rows, NULL);
    if (!e) *out = sql_row(&rows, 0)->i;
    arena_done(&a);
    return e;
}

/* Platform accounts are sums of transfers and nothing else. */
static err platform(struct db *db, struct audit *out, struct buf *text) {
    struct arena a = {};
    struct sql_rows rows;
    err e = db_run(db, "select name, total from " MOVED " where name like 'platform/%' order by name", NULL, 0, &a, &rows, NULL);
    for (size_t i = 0; !e && i < rows.n; i++) {
        const struct sql_value *row = sql_row(&rows, i);
        out->sum_micros += row[1].i;
        if (str_ends(row[0].s, STR("/top_ups"))) out->top_ups -= row[1].i; /* what it gave */
        else if (str_ends(row[0].s, STR("/revenue"))) out->revenue += row[1].i;
        else if (str_ends(row[0].s, STR("/adjustments"))) out->adjustments += row[1].i;
        else {
            out->findings++;
            buf_printf(text, "%.*s: no such platform account\n", STR_ARG(row[0].s));
        }
    }
    arena_done(&a);
    return e;
}

static err figures(struct db *db, struct audit *out, struct buf *text) {
    TRY(count(db, "select count(*) from transfer", &out->transfers));
    TRY(count(db, "select count(*) from account", &out->accounts));
    TRY(count(db, "select count(*) from generation", &out->generations));
    TRY(count(db, "select count(*) from usage_event", &out->usage_events));
    TRY(count(db, "select coalesce(cast(sum(available) as bigint), 0) from account", &out->available));
    TRY(count(db, "select coalesce(cast(sum(held) as bigint), 0) from account", &out->held));
    out->sum_micros = out->available + out->held;
    TRY(platform(db, out, text));
    if (!out->sum_micros) return OK;
    out->findings++;
    buf_printf(text, "all accounts: sum: found %lld, expected 0\n", (long long)out->sum_micros);
    return OK;
}

static err audit(struct db *db, struct audit *out, struct buf *text) {
    TRY(db->ops->ready(db));
    err e = db->ops->begin(db, DB_READ, NULL);
    if (!e) e = figures(db, out, text);
    for (int i = 0; i < CHECKS && !e; i++) e = run_check(db, &checks[i], out, text);
    db->ops->rollback(db);
    return e;
}

err query_audit(struct db *db, struct arena *a, struct audit *out) {
    _cleanup_(buf_done) struct buf text = {};
    struct audit found = {};
    err e = audit(db, &found, &text);
    if (e == E_UNAVAILABLE || e == E_STALE) { /* the connection was old, or the moment was a bad one */
        buf_clear(&text);
        found = (struct audit){};
        e = audit(db, &found, &text);
    }
    if (e) return e;
    found.text = arena_dup(a, buf_view(&text));
    *out = found;
    return OK;
}
