/* The records one batch works on: loaded once, changed in memory by one command after another, saved together.
 *
 * Must always hold:
 *  - a rule sees only records whose keys its command named; asking for another is a bug (must). Inserting one is not: a record
 *    whose number a loaded counter gives (an event, an attempt, a transfer) needs no reading, the save proves it was absent.
 *  - a command that is refused changes nothing: its edits live in copies that are dropped.
 *  - the second command of a batch sees what the first wrote.
 * Records, ids and the strings in them live in the set's arena (or in the commands, which outlive the batch). */
#pragma once
#include "core/record.h"

struct workset;

struct workset *workset_create(void);
void workset_destroy(struct workset *w);
void workset_freep(struct workset **w);
void workset_reset(struct workset *w);
struct arena *workset_arena(struct workset *w);

/* Filling it, by the store. `want` names a key; keys wanted twice are one. */
void workset_want(struct workset *w, struct rec_key key);
/* Keys wanted and not filled yet, in order of (type, id); the array is in the arena. The store answers each with workset_fill:
 * record NULL means absent. The record is copied shallowly; its strings must live in workset_arena. */
size_t workset_unfilled(struct workset *w, const struct rec_key **out_keys);
void workset_fill(struct workset *w, struct rec_key key, const struct rec_head *record);

/* For the rules. get: the record as the command sees it, or NULL when absent. edit: the same, to be changed; an absent one
 * cannot be edited. insert: a new record (must be absent), zeroed except id. Both belong to the open command; what `get` gave
 * before an `edit` of the same record does not follow the edit. */
const void *workset_get(const struct workset *w, enum rec_type type, struct str id);
void *workset_edit(struct workset *w, enum rec_type type, struct str id);
void *workset_insert(struct workset *w, enum rec_type type, struct str id);
/* True when `get` may be asked: the key was named, or a command of the batch wrote it. For the rare rule whose keys depend on what
 * another command of its batch may change; it answers E_AGAIN when one is missing. */
bool workset_knows(const struct workset *w, enum rec_type type, struct str id);
#define WS_GET(w, name, id) ((const struct name *)workset_get((w), REC_##name, (id)))
#define WS_EDIT(w, name, id) ((struct name *)workset_edit((w), REC_##name, (id)))
#define WS_INSERT(w, name, id) ((struct name *)workset_insert((w), REC_##name, (id)))

/* Around one command: begin, then the rule, then keep (its edits become the set's) or drop. */
void workset_begin(struct workset *w);
void workset_keep(struct workset *w);
void workset_drop(struct workset *w);

/* What has to be saved: records changed or inserted by kept commands, in order of (type, id). head.version is the version
 * loaded (0: insert). The array and the records are in the arena. */
struct rec_change {
    enum rec_type type;
    const struct rec_head *record;
};
size_t workset_changes(struct workset *w, const struct rec_change **out);
