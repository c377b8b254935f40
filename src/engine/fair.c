#include "engine/fair.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

struct fair_project {
    struct fair_project *next;
    struct fair_wait *first, *last;
    int64_t inside, waiting;
    uint64_t turn; /* number of its last one; 0: none since it came */
    uint64_t came;
    size_t name_len;
    char name[];
};

void fair_done(struct fair *f) {
    for (struct fair_project *p = f->projects, *next; p; p = next) {
        next = p->next;
        free(p);
    }
    *f = (struct fair){};
}

static struct fair_project *project_of(struct fair *f, struct str name) {
    for (struct fair_project *p = f->projects; p; p = p->next)
        if (str_eq(str_n(p->name, p->name_len), name)) return p;
    struct fair_project *p = calloc(1, sizeof *p + name.len);
    must(p);
    if (name.len) memcpy(p->name, name.ptr, name.len);
    p->name_len = name.len;
    p->came = ++f->arrivals;
    p->next = f->projects;
    return f->projects = p;
}

/* A project that wants nothing is forgotten: the table is never longer than what waits and runs. */
static void forget_idle(struct fair *f, struct fair_project *p) {
    if (p->inside || p->waiting) return;
    struct fair_project **at = &f->projects;
    while (*at != p) at = &(*at)->next;
    *at = p->next;
    free(p);
}

static void unlink_wait(struct fair *f, struct fair_wait *w) {
    struct fair_project *p = w->project;
    if (w->prev) w->prev->next = w->next;
    else p->first = w->next;
    if (w->next) w->next->prev = w->prev;
    else p->last = w->prev;
    w->next = w->prev = NULL;
    p->waiting--;
    f->waiting--;
}

void fair_enter(struct fair *f, struct str project, struct fair_wait *w) {
    must(!w->project);
    struct fair_project *p = project_of(f, project);
    *w = (struct fair_wait){.prev = p->last, .project = p};
    if (p->last) p->last->next = w;
    else p->first = w;
    p->last = w;
    p->waiting++;
    f->waiting++;
}

/* Of two that have as many places. */
static bool waits_longer(const struct fair_project *a, const struct fair_project *b) { return a->turn < b->turn || (a->turn == b->turn && a->came < b->came); }

static bool goes_before(const struct fair_project *a, const struct fair_project *b) {
    return a->inside < b->inside || (a->inside == b->inside && waits_longer(a, b));
}

struct fair_wait *fair_next(struct fair *f) {
    if (f->inside >= f->places) return NULL;
    struct fair_project *best = NULL;
    for (struct fair_project *p = f->projects; p; p = p->next)
        if (p->first && (!best || goes_before(p, best))) best = p;
    if (!best) return NULL;
    struct fair_wait *w = best->first;
    unlink_wait(f, w);
    w->inside = true;
    best->inside++;
    best->turn = ++f->turns;
    f->inside++;
    return w;
}

void fair_leave(struct fair *f, struct fair_wait *w) {
    struct fair_project *p = w->project;
    if (!p) return;
    if (w->inside) p->inside--, f->inside--;
    else unlink_wait(f, w);
    *w = (struct fair_wait){};
    forget_idle(f, p);
}

int64_t fair_before(const struct fair *f, const struct fair_wait *w) {
    const struct fair_project *mine = w->project;
    if (!mine || w->inside) return 0;
    int64_t before = 0;
    for (const struct fair_wait *x = w->prev; x; x = x->prev) before++;
    int64_t has = mine->inside + before; /* when its turn comes, were nothing to end until then */
    for (const struct fair_project *p = f->projects; p; p = p->next) {
        if (p == mine) continue;
        /* where both have as many, the one that had to be given less for it had its last turn earlier */
        bool first = p->inside > mine->inside || (p->inside == mine->inside && waits_longer(p, mine));
        int64_t n = has - p->inside + first;
        before += n < 0 ? 0 : n > p->waiting ? p->waiting : n;
    }
    return before;
}
