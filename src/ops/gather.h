/* Private to ops/: makes the files of a call files of the drive (inputs.h), then hands the call on. */
#pragma once
#include "ops/inputs.h"

struct gathered {
    err code;
    const struct why *why;
    const struct submission *submission; /* with inputs that name drive files only */
    struct str files;                    /* what the generation keeps */
};
/* Called exactly once, possibly before gather returns. Its strings are valid during the call. */
typedef void gathered_fn(struct wait *w, const struct gathered *g);
bool gather_needed(const struct model *m, const struct json *inputs);
void gather(struct wait *w, const struct model *m, const struct submission *s, micros price, gathered_fn *done);
