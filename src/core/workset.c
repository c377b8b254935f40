/* The records of one batch: a hash from (type, id) to what was loaded and what the commands made of it.
 *
 * An entry's record is never changed in place. The open command edits a copy, its draft, and the journal lists the entries
 * that have one; keep makes the drafts the records, drop forgets them. Both cost what the command touched, not what the set
 * holds. Everything but the tables of pointers lives in the arena. */
#include "core/workset.h"

#include "base/err.h"

#include <stdlib.h>

enum entry_state {
    ENTRY_UNKNOWN, /* nobody asked the store: only an insert knows the key */
    ENTRY_WANTED,  /* asked for, not answered */
    ENTRY_FILLED,
};

struct entry {
    struct rec_key key;
    enum entry_state state;
    bool changed;            /* a kept command wrote it */
    struct rec_head *record; /* as the kept commands left it; NULL: absent */
    struct rec_head *draft;  /* of the open command; NULL: not touched by it */
};

struct slot {
    uint64_t hash;
    struct entry *entry; /* NULL: free */
};

struct list {
    struct entry **items;
    size_t len, cap;
};

struct workset {
    struct arena arena;
    struct slot *slots;
    size_t slot_count; /* a power of two */
    size_t used;
    struct list wanted;  /* state ENTRY_WANTED, and some that were filled since */
    struct list changed; /* each once, in the order of their first change */
    struct list journal; /* entries with a draft */
    bool open;
};

enum { SLOTS_FIRST = 256, SLOTS_KEPT = 8192 };

static void list_add(struct list *l, struct entry *e) {
    if (l->len == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 64;
        l->items = realloc(l->items, l->cap * sizeof(*l->items));
        must(l->items);
    }
    l->items[l->len++] = e;
}

static struct slot *slots_new(size_t n) {
    struct slot *slots = calloc(n, sizeof(*slots));
    must(slots);
    return slots;
}

struct workset *workset_create(void) {
    struct workset *w = calloc(1, sizeof(*w));
    must(w);
    w->slot_count = SLOTS_FIRST;
    w->slots = slots_new(w->slot_count);
    return w;
}

void workset_destroy(struct workset *w) {
    if (!w) return;
    arena_done(&w->arena);
    free(w->slots);
    free(w->wanted.items);
    free(w->changed.items);
    free(w->journal.items);
    free(w);
}

void workset_freep(struct workset **w) { workset_destroy(*w); }

void workset_reset(struct workset *w) {
    arena_reset(&w->arena);
    if (w->slot_count > SLOTS_KEPT) {
        free(w->slots);
        w->slot_count = SLOTS_FIRST;
        w->slots = slots_new(w->slot_count);
    } else if (w->used) {
        memset(w->slots, 0, w->slot_count * sizeof(*w->slots));
    }
    w->used = 0;
    w->wanted.len = w->changed.len = w->journal.len = 0;
    w->open = false;
}

struct arena *workset_arena(struct workset *w) {
    return &w->arena;
}

static uint64_t hash_of(enum rec_type type, struct str id) {
    uint64_t h = 0x9e3779b97f4a7c15u ^ ((uint64_t)type << 32) ^ id.len, word;
    size_t i = 0;
    for (; i + 8 <= id.len; i += 8) {
        memcpy(&word, id.ptr + i, 8);
        h = (h ^ word) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    word = 0;
    if (i < id.len) memcpy(&word, id.ptr + i, id.len - i);
    h = (h ^ word) * 0xc4ceb9fe1a85ec53u;
    return h ^ (h >> 29);
}

/* The key's slot, or the free one where it would go. */
static struct slot *slot_of(const struct workset *w, enum rec_type type, struct str id, uint64_t hash) {
    for (size_t i = hash & (w->slot_count - 1);; i = (i + 1) & (w->slot_count - 1)) {
        struct slot *s = &w->slots[i];
        if (!s->entry) return s;
        if (s->hash == hash && s->entry->key.type == type && str_eq(s->entry->key.id, id)) return s;
    }
}

static struct entry *find(const struct workset *w, enum rec_type type, struct str id) {
    return slot_of(w, type, id, hash_of(type, id))->entry;
}

static void grow(struct workset *w) {
    struct slot *old = w->slots;
    size_t old_count = w->slot_count;
    w->slot_count *= 2;
    w->slots = slots_new(w->slot_count);
    for (size_t i = 0; i < old_count; i++)
        if (old[i].entry) *slot_of(w, old[i].entry->key.type, old[i].entry->key.id, old[i].hash) = old[i];
    free(old);
}

static struct entry *find_or_add(struct workset *w, enum rec_type type, struct str id) {
    must(type < REC_COUNT && id.len > 0);
    uint64_t hash = hash_of(type, id);
    struct slot *s = slot_of(w, type, id, hash);
    if (s->entry) return s->entry;
    if ((w->used + 1) * 2 > w->slot_count) {
        grow(w);
        s = slot_of(w, type, id, hash);
    }
    struct entry *e = arena_new(&w->arena, struct entry);
    e->key = (struct rec_key){type, id};
    *s = (struct slot){hash, e};
    w->used++;
    return e;
}

void workset_want(struct workset *w, struct rec_key key) {
    must(!w->open);
    if (str_empty(key.id)) return;
    struct entry *e = find_or_add(w, key.type, key.id);
    if (e->state != ENTRY_UNKNOWN || e->record) return;
    e->state = ENTRY_WANTED;
    list_add(&w->wanted, e);
}

static int compare_entries(const void *a, const void *b) {
    const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
    if (x->key.type != y->key.type) return x->key.type < y->key.type ? -1 : 1;
    return str_cmp(x->key.id, y->key.id);
}

size_t workset_unfilled(struct workset *w, const struct rec_key **out_keys) {
    size_t n = 0;
    for (size_t i = 0; i < w->wanted.len; i++)
        if (w->wanted.items[i]->state == ENTRY_WANTED) w->wanted.items[n++] = w->wanted.items[i];
    w->wanted.len = n;
    if (n > 1) qsort(w->wanted.items, n, sizeof(*w->wanted.items), compare_entries);
    struct rec_key *keys = arena_array(&w->arena, struct rec_key, n + 1);
    for (size_t i = 0; i < n; i++) keys[i] = w->wanted.items[i]->key;
    *out_keys = keys;
    return n;
}

static struct rec_head *copy_record(struct workset *w, const struct entry *e, const struct rec_head *record) {
    size_t size = rec_info(e->key.type)->size;
    struct rec_head *copy = arena_alloc(&w->arena, size);
    if (record) memcpy(copy, record, size);
    copy->id = e->key.id;
    return copy;
}

void workset_fill(struct workset *w, struct rec_key key, const struct rec_head *record) {
    struct entry *e = find(w, key.type, key.id);
    must(e && e->state == ENTRY_WANTED);
    e->state = ENTRY_FILLED;
    if (record) {
        must(record->version > 0);
        e->record = copy_record(w, e, record);
    }
}

const void *workset_get(const struct workset *w, enum rec_type type, struct str id) {
    if (str_empty(id)) return NULL; /* no record has the empty id, and callers may send one */
    const struct entry *e = find(w, type, id);
    must(e); /* the command did not name this key in its read set */
    if (e->draft) return e->draft;
    must(e->state == ENTRY_FILLED || e->record);
    return e->record;
}

bool workset_knows(const struct workset *w, enum rec_type type, struct str id) {
    const struct entry *e = find(w, type, id);
    return e && (e->state == ENTRY_FILLED || e->record || e->draft);
}

static void draft(struct workset *w, struct entry *e, const struct rec_head *from) {
    must(w->open);
    e->draft = copy_record(w, e, from);
    list_add(&w->journal, e);
}

void *workset_edit(struct workset *w, enum rec_type type, struct str id) {
    struct entry *e = find(w, type, id);
    must(e);
    if (!e->draft) {
        must(e->record);
        draft(w, e, e->record);
    }
    return e->draft;
}

void *workset_insert(struct workset *w, enum rec_type type, struct str id) {
    struct entry *e = find_or_add(w, type, id);
    must(!e->record && !e->draft && e->state != ENTRY_WANTED);
    draft(w, e, NULL);
    return e->draft;
}

void workset_begin(struct workset *w) {
    must(!w->open && !w->journal.len);
    w->open = true;
}

void workset_keep(struct workset *w) {
    must(w->open);
    for (size_t i = 0; i < w->journal.len; i++) {
        struct entry *e = w->journal.items[i];
        e->record = e->draft;
        e->draft = NULL;
        if (!e->changed) {
            e->changed = true;
            list_add(&w->changed, e);
        }
    }
    w->journal.len = 0;
    w->open = false;
}

void workset_drop(struct workset *w) {
    must(w->open);
    for (size_t i = 0; i < w->journal.len; i++) w->journal.items[i]->draft = NULL;
    w->journal.len = 0;
    w->open = false;
}

size_t workset_changes(struct workset *w, const struct rec_change **out) {
    must(!w->open);
    size_t n = w->changed.len;
    if (n > 1) qsort(w->changed.items, n, sizeof(*w->changed.items), compare_entries);
    struct rec_change *changes = arena_array(&w->arena, struct rec_change, n + 1);
    for (size_t i = 0; i < n; i++)
        changes[i] = (struct rec_change){w->changed.items[i]->key.type, w->changed.items[i]->record};
    *out = changes;
    return n;
}
