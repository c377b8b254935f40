/* What an attempt costs the operator: what the provider reports, or else what the route's table says of the call. */
#include "engine/task.h"

void cost_learn(struct task *t) {
    struct engine *e = t->engine;
    struct route_names names = {task_str(t->catalog), task_str(t->model), task_str(t->provider), task_str(t->route)};
    struct quote q;
    if (t->cost.asked || !e->o.port.cost || !t->inputs) return;
    t->cost.asked = true;
    if (!e->o.port.cost(e->o.port.self, &names, task_str(t->inputs), &q)) return;
    t->cost.known = true;
    t->cost.amount = q.amount;
    t->cost.rate = q.rate;
    t->cost.unit = q.unit;
    t->cost.quantity = q.quantity;
    t->cost.outputs = q.outputs;
    t->cost.measured = str_is(q.from, "measured") || str_is(q.from, "media");
}

static micros by_the_table(const struct task *t, int64_t measured, int64_t outputs) {
    struct quote q = {.amount = t->cost.amount, .rate = t->cost.rate, .unit = t->cost.unit, .quantity = t->cost.quantity, .outputs = t->cost.outputs,
                      .per_output = t->cost.outputs > 1, .from = t->cost.measured ? STR("measured") : STR("input"), .if_unmeasured = t->cost.amount};
    micros due = 0;
    struct price_facts facts = {.measured = measured, .outputs_stored = outputs > 0 ? outputs : 1};
    return price_bill(&q, &facts, INT64_MAX, &due) ? 0 : due;
}

micros cost_booked(struct task *t, micros reported, int64_t measured, int64_t outputs) {
    struct engine *e = t->engine;
    cost_learn(t);
    if (!reported) reported = t->reported;
    micros declared = t->cost.known ? by_the_table(t, measured, outputs) : 0;
    if (reported && declared && e->o.routes) routes_cost(e->o.routes, task_str(t->provider), task_str(t->route), declared, reported);
    return reported ? reported : declared;
}
