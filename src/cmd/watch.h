/* Keeps the catalog live: reads the folders again when a file in them changes, publishes what is sound, keeps the old version
 * and says why when it is not. Other nodes find a newly published version in the database. */
#pragma once
#include "cmd/server.h"

struct watch;
/* problems: what the folders say at the start when an older version had to be taken instead; copied. */
struct watch *watch_start(struct server *s, struct str problems);
void watch_stop(struct watch *w); /* before the loop goes; */
void watch_free(struct watch *w); /* after it */
/* What is wrong with the files as they are now, one line each; empty when they are what is served. */
struct str watch_problems(const struct watch *w);
/* A version that live work began with and this node does not hold: read from the database; the engine asks again later. */
void watch_want(struct watch *w, struct str sha256);
