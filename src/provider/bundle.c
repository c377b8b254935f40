/* Many programs as few: see describe.h. */
#include "provider/describe.h"

#include <stdlib.h>

enum { BUNDLE_PROGRAMS = 24, BUNDLE_BYTES = 64 * 1024 };

struct bundled {
    struct str program;
    size_t group, branch;
};
struct group {
    struct str text;      /* empty until the first run */
    size_t count, bytes;
    bool broken;          /* one of its programs does not compile */
};
struct bundle {
    struct evaluator ev;
    struct arena a;
    struct bundled *list;
    struct group *groups;
    size_t count, cap, group_count;
};

struct bundle *bundle_new(const struct evaluator *ev) {
    struct bundle *b = calloc(1, sizeof *b);
    must(b);
    b->ev = *ev;
    return b;
}

void bundle_free(struct bundle *b) {
    arena_done(&b->a);
    free(b->list);
    free(b->groups);
    free(b);
}

static struct bundled *find(const struct bundle *b, struct str program) {
    for (size_t i = 0; i < b->count; i++)
        if (str_eq(b->list[i].program, program)) return &b->list[i];
    return NULL;
}

void bundle_add(struct bundle *b, struct str program) {
    if (find(b, program)) return;
    if (b->count == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 64;
        b->list = realloc(b->list, b->cap * sizeof *b->list);
        b->groups = realloc(b->groups, b->cap * sizeof *b->groups);
        must(b->list && b->groups);
    }
    struct group *g = b->group_count ? &b->groups[b->group_count - 1] : NULL;
    if (!g || g->count == BUNDLE_PROGRAMS || g->bytes + program.len > BUNDLE_BYTES) {
        g = &b->groups[b->group_count++];
        *g = (struct group){};
    }
    b->list[b->count++] = (struct bundled){arena_dup(&b->a, program), b->group_count - 1, g->count++};
    g->bytes += program.len;
}

static void build(struct bundle *b, size_t group) {
    struct buf text = {};
    struct arena scratch = {};
    struct str ignored;
    buf_z(&text, ".w as $w | .v | ");
    for (size_t i = 0; i < b->count; i++) {
        if (b->list[i].group != group) continue;
        buf_printf(&text, "%s $w == %zu then (%.*s\n)", b->list[i].branch ? " elif" : "if", b->list[i].branch, STR_ARG(b->list[i].program));
    }
    buf_z(&text, " else empty end");
    b->groups[group].text = arena_dup(&b->a, buf_view(&text));
    buf_done(&text);
    b->groups[group].broken = b->ev.run(b->ev.self, b->groups[group].text, STR("{}"), &scratch, NULL, &ignored) != OK;
    arena_done(&scratch);
}

static err run(void *self, struct str program, struct str input, struct arena *a, struct why *why, struct str *out) {
    struct bundle *b = self;
    const struct bundled *p = find(b, program);
    if (p && !b->groups[p->group].text.len) build(b, p->group);
    if (!p || b->groups[p->group].broken) return b->ev.run(b->ev.self, program, input, a, why, out);
    return b->ev.run(b->ev.self, b->groups[p->group].text, arena_printf(a, "{\"w\":%zu,\"v\":%.*s}", p->branch, STR_ARG(input)), a, why, out);
}

struct evaluator bundle_evaluator(struct bundle *b) { return (struct evaluator){run, b}; }
