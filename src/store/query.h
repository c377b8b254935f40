/* Named queries: everything that lists, sums or searches. They return plain views in the arena and decide nothing. */
#pragma once
#include "core/drive.h"
#include "store/store.h"

/* One record by key; E_NOT_FOUND. *out points to the struct of that type. */
[[nodiscard]] err query_record(struct db *db, struct rec_key key, struct arena *a, const struct rec_head **out);
#define QUERY_RECORD(db, name, id, a, out) query_record((db), (struct rec_key){REC_##name, (id)}, (a), (const struct rec_head **)(out))

struct page {
    int64_t before_seq; /* 0: from the newest */
    int64_t limit;
    struct str state, model, book, end_user, key; /* empty: any */
    struct str meta_name, meta_value; /* a member of metadata: text, number, true or false. Rows in whose metadata it stands deeper are found too */
    msec since, until;  /* of created_at: from, and before; until 0: no end */
};
[[nodiscard]] err query_generations(struct db *db, struct str project, const struct page *p, struct arena *a, const struct generation ***out, size_t *n);
[[nodiscard]] err query_events(struct db *db, struct str generation, int64_t after_n, int64_t limit, struct arena *a, const struct event ***out, size_t *n);
[[nodiscard]] err query_attempts(struct db *db, struct str generation, struct arena *a, const struct attempt ***out, size_t *n);
[[nodiscard]] err query_assets_of(struct db *db, struct str generation, struct arena *a, const struct asset ***out, size_t *n);
/* The newest file of a project with these bytes in that book (empty: any), one that is not deleted and one that was made before others; E_NOT_FOUND. */
[[nodiscard]] err query_asset_of_bytes(struct db *db, struct str project, struct str book, struct str sha256, struct arena *a, const struct asset **out);
[[nodiscard]] err query_usage(struct db *db, struct str project, const struct page *p, struct arena *a, const struct usage_event ***out, size_t *n);
[[nodiscard]] err query_transfers(struct db *db, struct str project, const struct page *p, struct arena *a, const struct transfer ***out, size_t *n);
[[nodiscard]] err query_keys(struct db *db, struct str project, struct arena *a, const struct api_key ***out, size_t *n); /* project empty: all */
[[nodiscard]] err query_projects(struct db *db, struct arena *a, const struct project ***out, size_t *n);
/* The paths that show files and begin with below.path, in byte order, after `after` (empty: from the start). */
[[nodiscard]] err query_drive(struct db *db, struct drive_spot below, struct str after, int64_t limit, struct arena *a, const struct asset ***out, size_t *n);
[[nodiscard]] err query_secrets(struct db *db, struct str project, struct arena *a, const struct secret ***out, size_t *n); /* live ones, by name */
/* Of the operator's: every provider key, forgotten ones too, and everything that was ever paused, by id. */
[[nodiscard]] err query_provider_keys(struct db *db, struct arena *a, const struct provider_key ***out, size_t *n);
[[nodiscard]] err query_pauses(struct db *db, struct arena *a, const struct pause ***out, size_t *n);
/* Live secrets of all projects behind `after`, by id; for a new master key. */
[[nodiscard]] err query_all_secrets(struct db *db, struct str after, int64_t limit, struct arena *a, const struct secret ***out, size_t *n);
[[nodiscard]] err query_derived(struct db *db, struct str asset, struct arena *a, const struct derived ***out, size_t *n); /* by role */
/* Live assets, replaced ones too, that are older than their project keeps them, oldest first. */
[[nodiscard]] err query_assets_expired(struct db *db, msec now, int64_t limit, struct arena *a, const struct asset ***out, size_t *n);
/* What a project used, summed. Days are UTC and come in their order ("2026-11-22"), everything else dearest first; at most
 * LIMIT_EVENTS groups. */
enum usage_group { USAGE_BY_MODEL, USAGE_BY_KEY, USAGE_BY_END_USER, USAGE_BY_DAY };
struct usage_range {
    struct str project, book; /* book empty: both, live and test together */
    msec since, until;        /* from, and before; until 0: no end */
    enum usage_group by;
};
struct usage_sum { struct str group; int64_t events; micros billed_micros, cost_micros; };
[[nodiscard]] err query_usage_sums(struct db *db, const struct usage_range *r, struct arena *a, struct usage_sum **out, size_t *n);
[[nodiscard]] err query_newest_catalog(struct db *db, struct arena *a, const struct catalog_version **out); /* E_NOT_FOUND */

/* Webhooks. */
[[nodiscard]] err query_webhooks(struct db *db, struct str project, struct arena *a, const struct webhook ***out, size_t *n); /* oldest first, deleted ones left out */
/* What was and is to be told to one, newest first, made before `before` (0: from the newest). */
[[nodiscard]] err query_webhook_messages(struct db *db, struct str webhook, msec before, int64_t limit, struct arena *a, const struct webhook_message ***out, size_t *n);
/* Those that something waits for which may be sent at `now`, longest due first, unless another node than `node` leased them beyond
 * leased_before; and what that is. */
[[nodiscard]] err query_webhooks_due(struct db *db, struct str node, msec leased_before, msec now, int64_t limit, struct arena *a, const struct webhook ***out, size_t *n);
[[nodiscard]] err query_webhook_messages_due(struct db *db, struct str webhook, msec now, int64_t limit, struct arena *a, const struct webhook_message ***out, size_t *n);
/* Of all projects behind `after`, by id; for a new master key. */
[[nodiscard]] err query_all_webhooks(struct db *db, struct str after, int64_t limit, struct arena *a, const struct webhook ***out, size_t *n);

/* Work for the engine. */
struct turn { struct str project; int64_t running, pending, run_limit; };
/* Projects with pending work that is due at `now`, whose model has a free slot, and a free slot of their own, fewest running first. */
[[nodiscard]] err query_turns(struct db *db, msec now, int64_t limit, struct arena *a, struct turn **out, size_t *n);
[[nodiscard]] err query_pending(struct db *db, struct str project, msec now, int64_t limit, struct arena *a, const struct generation ***out, size_t *n); /* oldest first, none whose model is busy */
[[nodiscard]] err query_work_of(struct db *db, struct str node, struct str after, int64_t limit, struct arena *a, const struct generation ***out, size_t *n); /* by id, behind `after` */
[[nodiscard]] err query_past_deadline(struct db *db, msec now, int64_t limit, struct arena *a, struct str **out, size_t *n);
/* The last submits that may have left after `since`, newest first; those without a provider among them. */
struct sent_submit { struct str provider, route, model; msec at; };
[[nodiscard]] err query_sent(struct db *db, msec since, int64_t limit, struct arena *a, struct sent_submit **out, size_t *n);
/* Blobs any row owns: a live asset, or what was made of one; for the sweep of the drive. */
[[nodiscard]] err query_blob_owned(struct db *db, struct str blob, msec now, bool *out);

/* `puras ledger audit`: recomputes everything from transfers. Finds nothing when all agrees to the micro. */
struct audit {
    int64_t transfers, accounts, generations, usage_events;
    int64_t sum_micros;        /* of all accounts; must be 0 */
    int64_t findings;
    struct str text;           /* one line a finding, the first 100 */
    micros top_ups, revenue, available, held, adjustments; /* live and test together */
};
[[nodiscard]] err query_audit(struct db *db, struct arena *a, struct audit *out);

/* Deletes what has outlived its time (expired idempotency records), at most `limit` rows; on the writer's connection. */
[[nodiscard]] err store_sweep(struct store *s, const struct node_view *me, msec now, int64_t limit, int64_t *out_deleted);
