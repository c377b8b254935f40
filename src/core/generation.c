/* The table of a generation's states. */
#include "core/generation.h"

static const struct {
    const char *from, *to;
} arrows[] = {
    {"pending", "processing"},   {"pending", "cancelled"}, {"pending", "failed"},       {"processing", "pending"},
    {"processing", "completed"}, {"processing", "failed"}, {"processing", "cancelled"},
};

bool generation_is_terminal(struct str state) {
    return str_eq(state, GEN_COMPLETED) || str_eq(state, GEN_FAILED) || str_eq(state, GEN_CANCELLED);
}

bool generation_may_go(struct str from, struct str to) {
    for (size_t i = 0; i < sizeof(arrows) / sizeof(arrows[0]); i++)
        if (str_is(from, arrows[i].from) && str_is(to, arrows[i].to)) return true;
    return false;
}
