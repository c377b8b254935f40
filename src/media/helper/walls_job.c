/* The model that says which walls stand around it. Row of the table in models.c; asked by walls.c. That it runs at all says that
 * the filter, the limits and no_new_privs stand: without them sandbox_seal ends the child. */
#include "media/helper/models.h"
#include "base/json.h"

void walls_job(struct job *j) {
    struct buf b = {0};
    struct jw w = {.out = &b};
    jw_open(&w, '{');
    jw_kbool(&w, "sealed", true);
    jw_kbool(&w, "namespaces", j->walls.namespaces);
    jw_kbool(&w, "own_root", j->walls.own_root);
    jw_kbool(&w, "landlock", j->walls.landlock);
    jw_close(&w, '}');
    memcpy(j->answer->scene, b.ptr, b.len + 1);
    buf_done(&b);
}
