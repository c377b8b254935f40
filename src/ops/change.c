#include "ops/change.h"

#include <stdlib.h>

struct pending_change {
    struct ops *o;
    struct buf json;
    ops_done *done;
    void *arg;
};

static void changed(void *arg, const struct outcome *out) {
    struct pending_change *ch = arg;
    struct answer a = answer_of(out->code);
    if (out->code) {
        a.why = out->why;
        a.why.code = out->code;
    } else a.json = buf_view(&ch->json);
    ch->done(ch->arg, &a);
    buf_done(&ch->json);
    free(ch);
}

void change(struct ops *o, const struct command *cmd, struct buf *json, ops_done *done, void *arg) {
    struct pending_change *ch = calloc(1, sizeof *ch);
    must(ch);
    *ch = (struct pending_change){.o = o, .json = *json, .done = done, .arg = arg};
    *json = (struct buf){};
    err e = committer_submit(o->o.committer, cmd, changed, ch);
    if (!e) return;
    buf_done(&ch->json);
    free(ch);
    answer_err(done, arg, e, "The change could not be stored now; try again in a second.");
}
