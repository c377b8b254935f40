#include "engine/task.h"

#include <stdlib.h>

static size_t bucket_of(const struct tasks *t, struct str id) {
    /* ids end in random hex digits; FNV-1a over them spreads evenly */
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < id.len; i++) h = (h ^ (unsigned char)id.ptr[i]) * 1099511628211u;
    return (size_t)(h ^ h >> 32) & (t->bucket_count - 1);
}

static void grow(struct tasks *t) {
    struct tasks bigger = {.bucket_count = t->bucket_count ? t->bucket_count * 2 : 256, .count = t->count};
    bigger.buckets = calloc(bigger.bucket_count, sizeof(struct task *));
    must(bigger.buckets);
    for (size_t i = 0; i < t->bucket_count; i++)
        for (struct task *task = t->buckets[i], *next; task; task = next) {
            next = task->next;
            size_t b = bucket_of(&bigger, str_of(task->id));
            task->next = bigger.buckets[b];
            bigger.buckets[b] = task;
        }
    free(t->buckets);
    *t = bigger;
}

struct task *tasks_find(const struct tasks *t, struct str id) {
    if (!t->bucket_count) return NULL;
    for (struct task *task = t->buckets[bucket_of(t, id)]; task; task = task->next)
        if (str_is(id, task->id)) return task;
    return NULL;
}

struct task *tasks_add(struct tasks *t, struct str id) {
    must(id.len == ID_LEN);
    if (t->count >= t->bucket_count) grow(t);
    struct task *task = calloc(1, sizeof *task);
    must(task);
    memcpy(task->id, id.ptr, ID_LEN);
    size_t b = bucket_of(t, id);
    task->next = t->buckets[b];
    t->buckets[b] = task;
    t->count++;
    return task;
}

static void task_free(struct task *task) {
    free(task->project);
    free(task->kind);
    free(task->provider);
    free(task->route);
    free(task->our_ref);
    free(task->their_ref);
    free(task->inputs);
    free(task->files);
    free(task->reply);
    free(task->catalog);
    free(task->model);
    free(task->lane);
    free(task->inside_of);
    free(task->url_path);
    free(task->heard_ref);
    free(task->trace);
    arena_done(&task->held);
    free(task);
}

void tasks_remove(struct tasks *t, struct task *task) {
    struct task **at = &t->buckets[bucket_of(t, str_of(task->id))];
    while (*at != task) at = &(*at)->next;
    *at = task->next;
    t->count--;
    task_free(task);
}

void tasks_done(struct tasks *t) {
    for (size_t i = 0; i < t->bucket_count; i++)
        for (struct task *task = t->buckets[i], *next; task; task = next) {
            next = task->next;
            task_free(task);
        }
    free(t->buckets);
    *t = (struct tasks){};
}

void task_set(char **slot, struct str value) {
    free(*slot);
    *slot = NULL;
    if (!value.len) return;
    *slot = malloc(value.len + 1);
    must(*slot);
    memcpy(*slot, value.ptr, value.len);
    (*slot)[value.len] = 0;
}

bool task_waits(const struct task *t) { return t->calling && t->call.kind == CALL_RENDER && str_starts(str_of(t->stage), STR(STAGE_WAITING)); }

struct str task_str(const char *slot) { return slot ? str_of(slot) : STR(""); }
