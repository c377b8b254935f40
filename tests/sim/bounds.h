/* Permits and breakers of one simulated node, narrow enough that the few works of a run wait for each other. */
#pragma once
struct bounds {
    struct permits *permits;
    struct routes *routes;
};
struct bounds bounds_make(void);
void bounds_free(struct bounds *b);
