/* Private to `puras provider`. */
#pragma once
#include "cmd/cli.h"
#include "cmd/proof.h"
#include "jq/jq.h"

/* A description with the catalog it belongs to, compiled, and a child for its programs. */
struct described {
    struct problems problems;
    struct catalog *catalog;
    struct providers *providers;
    const struct provider *provider;
    struct jq *jq;
    struct evaluator ev;
};
/* Whether FILE and the folders could be read; problems are in d. */
bool described_read(struct described *d, const char *file, const struct words *catalogs, struct arena *a);
void described_done(struct described *d);
bool read_whole_file(const char *path, size_t most, struct buf *out);

struct try_options {
    const char *file, *slug, *model, *output, *record;
    struct words inputs, catalogs;
    int64_t timeout_s;
};
int provider_try(struct cli *c, struct try_options *o);
