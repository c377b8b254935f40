/* Jobs that try to break out, hang or lie; only in the helper that the tests start (built with PURAS_MEDIA_TEST). */
#pragma once
#include "media/helper/job.h"

#ifdef PURAS_MEDIA_TEST
const struct job_model *job_test_find(const char *name); /* NULL: no such job */
#else
static inline const struct job_model *job_test_find(const char *name) {
    (void)name;
    return NULL;
}
#endif
