/* Test bed for the rules: a store in memory that loads and saves a workset the way the databases do, an audit that
 * recomputes everything from the records, and ready-made commands. Linked into tests only. */
#pragma once
#include "core/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct bed {
    struct workset *w;
    struct stored {
        enum rec_type type;
        struct rec_head *record;
    } * rows; /* record: one block, its strings behind it */
    size_t count, cap;
    struct undo {
        size_t row;
        struct rec_head *before;
    } * undos; /* before NULL: the row was appended */
    size_t undo_count, undo_cap;
    size_t changes; /* of the last batch */
    bool limits_fall; /* the test lowers a project's run_limit below what runs */
};

#define PROJECT "11111111111111111111111111111111"
#define FOREIGN "22222222222222222222222222222222"
#define GEN     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define GEN2    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define NODE    "cccccccccccccccccccccccccccccccc"
#define NODE2   "dddddddddddddddddddddddddddddddd"
enum { PRICE = 10000, NEEDS = 1000, START = 1000000, DEADLINE = 1000 };

void bed_open(struct bed *b);  /* an empty store */
void bed_ready(struct bed *b); /* with two projects, their keys, and START micros in the live and test books of the first */
void bed_close(struct bed *b);
/* Goes back to where undo_count was `mark`. */
void bed_undo(struct bed *b, size_t mark);

const void *bed_get(const struct bed *b, enum rec_type type, const char *id); /* NULL: absent */
#define BED_GET(b, name, id) ((const struct name *)bed_get((b), REC_##name, (id)))
#define LIVE(b)              BED_GET(b, account, PROJECT "/live")
size_t bed_count(const struct bed *b, enum rec_type type);
/* Every record as text, in order: two beds with equal text hold the same. */
char *bed_text(const struct bed *b);

/* One batch: load in rounds, apply all, save with version checks, then audit. A refused command must leave no change. */
void bed_batch(struct bed *b, const struct command *c, size_t n, struct outcome *out);
struct outcome bed_run(struct bed *b, struct command c);
struct outcome bed_ok(struct bed *b, struct command c); /* and it must succeed */
/* Recomputes accounts, counters, drive bytes, events and attempts, and fails the test where they disagree. */
void bed_audit(const struct bed *b);

struct command cmd_create_project(const char *id);
struct command cmd_create_key(const char *prefix, const char *project, const char *kind);
struct command cmd_top_up(const char *id, const char *book, micros amount);
struct command cmd_adjust(const char *id, const char *book, micros amount);
struct command cmd_secret(enum command_kind kind, const char *project, const char *name, const char *sealed);
struct command cmd_provider_key(const char *provider, const char *sealed);
struct command cmd_pause(const char *what, bool on);
struct command cmd_reseal(const char *type, const char *id, const char *before, const char *after);
struct command cmd_derive(const char *asset, const char *role, const char *blob);
struct command cmd_project_set(const char *id, int64_t run_limit, int64_t drive_limit, int64_t retention_days);
struct command cmd_submit(const char *generation);                /* one image of PRICE micros in the live book */
struct command cmd_step(enum command_kind kind, int64_t attempt); /* of GEN on NODE at moment 10 */
struct command cmd_claim(const char *provider, int64_t attempt);
struct command cmd_failed(int64_t attempt, enum failure f, bool may_retry);
struct command cmd_settle(int64_t attempt, int64_t outputs);
struct command cmd_cancel(const char *project);
struct command cmd_expire(msec at);
struct command cmd_adopt(const char *node, const char *dead);
struct output test_output(const char *asset, int64_t bytes);

/* Brings GEN, which is absent, to one of: pending waiting opened sending accepted unresolved result completed failed
 * cancelled, or with "local:" before or ":cancelling" behind a step. */
void bed_bring(struct bed *b, const char *where);
/* The state, or while processing the step, with ":cancelling" once asked for. */
const char *bed_where(const struct bed *b);
