/* A catalog as a server takes it: folders read, descriptions compiled, and what only running their programs can show proved. */
#pragma once
#include "catalog/catalog.h"
#include "provider/provider.h"

struct jq;
/* trusted: a folder whose programs are not run, because they were when this version of puras was made (the shipped one); NULL: none. Blocks for as
 * long as the programs take, so not on the loop. E_INVALID with problems, or E_UNAVAILABLE when no program can be run (a problem too). */
[[nodiscard]] err catalog_prove(const char *const *folders, size_t n, const char *trusted, struct problems *p, struct catalog **out);
/* An evaluator on a running child; refuses the words that no program may use. */
struct evaluator proof_evaluator(struct jq *jq);
