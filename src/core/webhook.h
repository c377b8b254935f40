/* Webhooks out: what a webhook wants to be told, and how long to wait after a failure. */
#pragma once
#include "base/id.h"
#include "base/str.h"
#include "base/time.h"

#include <stdint.h>

struct webhook;
struct webhook_message;

/* Bits of webhook.wants: events, and the books they may be of. */
enum {
    HOOK_COMPLETED = 1,
    HOOK_FAILED = 2,
    HOOK_CANCELLED = 4,
    HOOK_LATE = 8, /* a file that came after the end */
    HOOK_EVENTS = 15,
    HOOK_LIVE = 16,
    HOOK_TEST = 32,
    HOOK_BOOKS = 48,
};
/* "generation.completed", ... */
const char *webhook_event(int64_t what);

/* A call may name a URL that is told of it alone. What is under way to the server behind it, its failures and its back-off are counted for all calls of one book
 * of the project together, in the record of this id: what a test key names delays nothing live. origin empty: the record with the list of the book's
 * servers; book empty, too: the one with the secret by which all these messages are signed, of both books. */
void webhook_call_id(struct str project, struct str book, struct str origin, char out[ID_LEN + 1]);

/* It waited when its server was deleted. A later call had the server tried anew, but nobody has asked for this message since. */
bool webhook_message_is_of_before(const struct webhook *h, const struct webhook_message *m);

/* Until the next try after `failures` (from 1) in a row: 5 s, 5 min, 30 min, 2, 5, 10, 14, 20, 24 h, and 24 h from then on. */
msec webhook_backoff(int64_t failures, int64_t jitter);
