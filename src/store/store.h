/* Facts on disk: the only place with SQL. Two engines behind one face: SQLite (a file) and PostgreSQL (a URL).
 *
 *   writer      one per node: the committer's connection. load -> apply -> save in one transaction per batch.
 *   readers     named queries (store/query.h) on their own connections, bounded.
 *   node        one row per start, fenced by every batch.
 *
 * The loop's thread never calls a database: committer_* and reader_* queue, and hand results back through a drain
 * that the loop calls after `wake`. In the simulator there are no threads: the caller runs committer_step itself. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "core/command.h"

struct store;
struct store_options {
    const char *url;      /* "sqlite:/path/puras.db" or "postgres://..." (also "postgresql://") */
    const char *folder;   /* data folder: lock, reserve file; NULL in tests that need neither */
    bool create;          /* make it when absent */
    msec (*now)(void *arg);      /* wall clock, for rows about nodes on SQLite; PostgreSQL uses its own */
    void *now_arg;
    int64_t reserve_bytes;       /* of the file kept for settling on a full disk; 0: LIMIT_RESERVE_FILE_BYTES, negative: none */
};
/* Opens, migrates forward, takes the folder's lock. E_NEWER, E_CORRUPT, E_CONFLICT (another server holds the folder),
 * E_STORAGE_FULL, E_IO with sentences that say what to do. */
[[nodiscard]] err store_open(const struct store_options *o, struct why *why, struct store **out);
void store_close(struct store *s);
bool store_is_sqlite(const struct store *s);

/* --- the node --- */
struct node_view { char id[33]; int64_t epoch; };
[[nodiscard]] err store_node_start(struct store *s, struct str id, struct why *why, struct node_view *out);
/* The same under the name of whoever used the folder last, where its lock proves that it is gone (SQLite): its work is this node's at once, and need
 * not be adopted record by record. The epoch keeps the two apart. `id`: when there is none. */
[[nodiscard]] err store_node_resume(struct store *s, struct str id, struct why *why, struct node_view *out);
[[nodiscard]] err store_node_beat(struct store *s, const struct node_view *me, struct why *why); /* E_FENCED when replaced */
/* Marks lapsed nodes dead (every other one, when the folder's lock on SQLite proves it) and lists the dead ones that still own work. */
[[nodiscard]] err store_nodes_lapsed(struct store *s, const struct node_view *me, struct arena *a, struct str **out_ids, size_t *out_n);
/* Nodes that are alive as far as is known; each takes its part of what is bounded for all together. */
[[nodiscard]] err store_nodes_live(struct store *s, int64_t *out_count);
[[nodiscard]] err store_node_stop(struct store *s, const struct node_view *me); /* a clean end: others adopt at once */

/* --- the committer --- */
typedef void committed_fn(void *arg, const struct outcome *o); /* on the thread that drains */
struct committer;
struct committer_options {
    struct store *store;
    struct node_view node;
    size_t batch_max;               /* 0: LIMIT_BATCH_COMMANDS */
    void (*wake)(void *arg);        /* outcomes wait to be drained; may be called from the writer's thread */
    void *wake_arg;
    bool threaded;                  /* false: the caller runs committer_step */
    void (*fatal)(void *arg, err code, const char *text); /* fenced, failed fsync: the server must end */
    /* the records a batch changed, as they are after its commit, on the draining thread, before the batch's `done` calls; valid
     * during the call; may be NULL. head.version is the version that was loaded (0: the record is new). */
    void (*published)(void *arg, const struct rec_change *changes, size_t n);
    void *arg;                      /* of fatal and published */
};
struct committer *committer_create(const struct committer_options *o);
void committer_destroy(struct committer *c); /* answers what waits with E_UNAVAILABLE, joins the thread */
/* The command is copied whole, strings too. E_AGAIN when the queue is full, E_UNAVAILABLE once ended, E_STORAGE_FULL for new
 * work while the disk is full, E_INVALID for text that no database takes (not UTF-8, or with a NUL). done is called exactly once after the commit (or the refusal) is certain. */
[[nodiscard]] err committer_submit(struct committer *c, const struct command *cmd, committed_fn *done, void *arg);
bool committer_step(struct committer *c); /* one batch; false when nothing waited */
void committer_drain(struct committer *c);/* calls done and published for finished batches */
struct committer_stats {
    uint64_t batches, commands, refused, conflicts, retries, max_batch;
    int64_t queued;
    bool storage_full;
};
struct committer_stats committer_stats(const struct committer *c);

/* --- readers --- */
struct db; /* a read connection, on the thread that runs the query; see store/query.h */
struct readers;
struct readers *readers_create(struct store *s, int threads, void (*wake)(void *arg), void *wake_arg);
void readers_destroy(struct readers *r);
/* fn runs on a reader's thread; done where readers_drain is called. E_AGAIN when the queue is full. */
[[nodiscard]] err readers_run(struct readers *r, void (*fn)(struct db *db, void *arg), void (*done)(void *arg), void *arg);
void readers_drain(struct readers *r);
/* A connection for callers without a loop: commands, tests, the simulator. */
[[nodiscard]] err store_db(struct store *s, struct why *why, struct db **out);
void db_close(struct db *db);
