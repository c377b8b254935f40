/* What the files of store/ share about an open store. Nobody outside the room includes it. */
#pragma once
#include "store/db.h"

#include <pthread.h>

struct store {
    bool sqlite;
    char *url, *path, *folder;   /* path: SQLite's file; folder: NULL without one */
    msec (*now)(void *arg);
    void *now_arg;
    int lock_fd;                 /* the folder's lock, held as long as the store is open; -1 without a folder */
    int64_t reserve_bytes;
    int64_t reserve_released;    /* size of the reserve that was given up; the writer's */
    pthread_mutex_t write_lock;  /* SQLite: one writer at a time inside this process, so that nobody sleeps in a busy handler */
    pthread_mutex_t admin_lock;  /* guards admin */
    struct db *admin;            /* node rows, sweeps */
    struct str sweep_after;      /* where the sweep of idempotency records goes on; guarded by admin_lock */
    char sweep_buf[128];
};

/* migrate.c */
err store_migrate(struct db *db, struct why *why);
err store_migrate_to(struct db *db, int64_t target, struct why *why); /* tests make older databases with it */
err store_schema_version(struct db *db, int64_t *out); /* 0: nothing of ours there */
struct migration {
    int number;
    const char *text;
};
extern const struct migration store_migrations[]; /* made from migrations/ at build time; ends with number 0 */

/* node.c */
err store_nodes_serving(struct db *db, struct arena *a, struct sql_rows *out_ids); /* those that beat within the lease; none where the folder's lock is held */

/* reserve.c: a file that is given up when the disk is full, so that running work can be settled. */
bool reserve_wanted(const struct store *s);  /* false: no folder to keep one in */
err reserve_make(struct store *s);           /* E_STORAGE_FULL when there is no room to spare for it */
void reserve_release(struct store *s);

/* fill.c */
err store_fill_drives(struct db *db); /* 0010: files and reservations of the test book */
