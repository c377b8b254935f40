/* Webhooks of providers: checked, and then nothing but a hint to poll. Private to cmd/. */
#pragma once
#include "cmd/server.h"

struct hooks *hooks_create(struct server *s);
void hooks_destroy(struct hooks *h); /* after the API: nobody waits for an answer any more */
/* struct ops_options; self is the server */
void hooks_take_in(void *self, const struct hook_in *in, ops_done *done, void *arg);
void hooks_metrics(const struct hooks *h, struct buf *out);
