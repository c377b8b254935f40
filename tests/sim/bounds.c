#include "bounds.h"
#include "engine/permit.h"
#include "engine/route.h"

struct bounds bounds_make(void) {
    static const char *const lanes[] = {"idem", "lookup", "blind", "sync"};
    const struct permit_limits limits = {.concurrency = 4, .rate_count = 5, .rate_per = MS_SECOND, .poll_count = 20, .poll_per = MS_SECOND};
    struct bounds b = {permits_create(), routes_create()};
    for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++) permits_declare(b.permits, str_of(lanes[i]), &limits);
    return b;
}

void bounds_free(struct bounds *b) {
    permits_destroy(b->permits);
    routes_destroy(b->routes);
    *b = (struct bounds){};
}
