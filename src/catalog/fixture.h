/* For tests, fuzzers and benchmarks: a catalog from text. */
#pragma once
#include "catalog/catalog.h"

/* `files` holds YAML files with a line "---8<---" between them. They are written to a temporary folder as 0.yaml, 1.yaml, ...,
 * read, and removed; problems name the files without their folder. */
err fixture_catalog(const char *files, struct problems *p, struct catalog **out);
