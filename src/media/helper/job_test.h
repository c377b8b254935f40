/* Jobs that try to break out, hang or lie; only in the helper that the tests start (built with PURAS_MEDIA_TEST). */
#pragma once
#include "media/wire.h"

#include <stdbool.h>

#ifdef PURAS_MEDIA_TEST
bool job_test(const char *model, struct wire_answer *a); /* false: no such job */
#else
static inline bool job_test(const char *model, struct wire_answer *a) {
    (void)model;
    (void)a;
    return false;
}
#endif
