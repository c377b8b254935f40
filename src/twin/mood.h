/* What the twin can be told to do wrong, for one call or for all of them: words such as "slow 3s, fail transient 2". In a call they
 * stand in its input `twin` (text, or an object {"slow": "3s"}), or anywhere in its text as "[twin: slow 3s]"; the server also
 * takes them in a header and by its own routes. docs/TWIN.md lists them. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

struct twin_mood {
    bool any;             /* something was said */
    msec slow;            /* before the work is done */
    char fail[16];        /* a failure's class, empty: none */
    int64_t fail_times;   /* the first so many tries; 0: every one */
    int64_t lose;         /* the first so many submits are taken, and their answers lost */
    int64_t busy;         /* the first so many requests are answered 429 ... */
    msec busy_for;        /* ... with this as Retry-After */
    int64_t fewer;        /* outputs less than asked for */
    bool wrong_type;      /* a file of another kind */
    msec length;          /* a file of this length, whatever was asked for; 0: as asked */
    bool twice;           /* the webhook comes twice ... */
    msec late;            /* ... or so much later */
    bool forged;          /* and its signature is wrong */
    bool v1a;             /* Google's is signed with Ed25519 instead of a token */
    bool expire;          /* links are dead before anyone can follow them, the first time */
    bool done_then_fail;  /* the state says done, the result says that it failed */
    int64_t die;          /* the first so many downloads break off half way */
};
/* E_INVALID with a sentence that names the word. Adds to what is there already. */
[[nodiscard]] err twin_mood_read(struct str words, struct why *why, struct twin_mood *io);
/* The words in a body or in inputs: the member `twin` of a JSON object, and every "[twin: ...]" in it. */
[[nodiscard]] err twin_mood_find(struct str json, struct arena *a, struct why *why, struct twin_mood *io);
