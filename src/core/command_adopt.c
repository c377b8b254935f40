/* adopt: the work of a dead node becomes this node's, each generation at the step where it stands. The store has marked the
 * node dead in the same place that fences it, so nobody else writes to these records any more. */
#include "core/generation.h"
#include "core/rules.h"

void adopt_want(const struct command *c, struct workset *w, int round) {
    for (int64_t i = 0; !round && i < c->adopt.count; i++) want(w, REC_generation, c->adopt.generations[i]);
}

err adopt_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_adopt *d = &c->adopt;
    if (str_empty(d->node) || str_empty(d->dead) || str_eq(d->node, d->dead))
        return why_set(&out->why, E_INVALID, "A node adopts the work of another node.");
    for (int64_t i = 0; i < d->count; i++) {
        const struct generation *g = WS_GET(w, generation, d->generations[i]);
        if (!g || !str_eq(g->state, GEN_PROCESSING) || !str_eq(g->node, d->dead)) continue; /* ended, or moved by another */
        WS_EDIT(w, generation, d->generations[i])->node = d->node;
        out->moved++;
    }
    return OK;
}
