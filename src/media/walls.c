/* Which walls this host lets us build, as the media helper found them. Asked at start; doctor, readiness and job events show it. */
#include "media/media.h"
#include "base/json.h"

#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static bool flag(const struct json *facts, const char *key) {
    bool b = false;
    return json_as_bool(json_get(facts, key), &b) && b;
}

/* The level is what the walls allow for programs of strangers. Full needs namespaces; reduced a user of its own, which only root
 * can give away, and Landlock. */
static enum walls_level level(const struct helper_walls *w) {
    if (!w->seccomp || !w->limits) return WALLS_NONE;
    if (w->namespaces && w->own_root) return WALLS_FULL;
    return w->landlock && w->own_user ? WALLS_REDUCED : WALLS_NONE;
}

static void advise(struct helper_walls *w) {
    static const char *const namespaces =
        "User namespaces are not allowed here: set kernel.unprivileged_userns_clone=1 or kernel.apparmor_restrict_unprivileged_userns=0 where the host has "
        "them, user.max_user_namespaces above 0, and in a container a seccomp profile that lets unshare and mount through.";
    static const char *const text[] = {[WALLS_FULL] = "", [WALLS_REDUCED] = "", [WALLS_NONE] = " Landlock, or starting as root, would give the reduced level."};
    if (w->level != WALLS_FULL) snprintf(w->detail, sizeof w->detail, "%s%s", namespaces, text[w->level]);
}

void helper_walls(struct helper *h, struct helper_walls *out) {
    struct render_answer *a = calloc(1, sizeof *a);
    struct render_job job = {.model = "read-walls", .inputs = STR("{}"), .timeout = 5 * MS_SECOND};
    struct helper_walls w = {0};
    struct arena arena = {0};
    struct json *facts = NULL;
    must(a);
    helper_render(h, &job, a);
    if (a->code == OK && json_parse(str_of(a->scene), &arena, NULL, &facts) == OK) {
        w.seccomp = w.limits = flag(facts, "sealed");
        w.namespaces = flag(facts, "namespaces");
        w.own_root = flag(facts, "own_root");
        w.landlock = flag(facts, "landlock");
        w.own_user = geteuid() == 0 && prctl(PR_CAPBSET_READ, CAP_SETUID, 0, 0, 0) == 1;
        w.level = level(&w);
        advise(&w);
    } else snprintf(w.detail, sizeof w.detail, "The media helper did not start behind its walls: %s", a->detail);
    arena_done(&arena);
    free(a);
    *out = w;
}

const char *walls_level_name(enum walls_level l) {
    static const char *const names[] = {[WALLS_NONE] = "none", [WALLS_REDUCED] = "reduced", [WALLS_FULL] = "full"};
    return names[l];
}
