#include "cmd/proof.h"

#include "base/cleanup.h"
#include "jq/jq.h"

/* The child is started by the first program: most folders of one's own have none. */
struct lazy {
    struct jq *jq;
    err code;
    struct why why;
};

static err run(struct jq *jq, struct str program, struct str input, struct arena *a, struct why *why, struct str *out) {
    TRY(jq_check(program, why));
    return jq_run(jq, program, input, a, why, out);
}

static err run_lazily(void *self, struct str program, struct str input, struct arena *a, struct why *why, struct str *out) {
    struct lazy *l = self;
    if (!l->jq && !l->code) l->code = jq_start(&(struct jq_options){.children = 1}, &l->why, &l->jq);
    if (l->code) return why_set(why, E_DESCRIPTION, "%s", why_text(&l->why));
    return run(l->jq, program, input, a, why, out);
}

static err run_now(void *self, struct str program, struct str input, struct arena *a, struct why *why, struct str *out) {
    return run(self, program, input, a, why, out);
}

struct evaluator proof_evaluator(struct jq *jq) { return (struct evaluator){run_now, jq}; }

err catalog_prove(const char *const *folders, size_t n, const char *trusted, struct problems *p, struct catalog **out) {
    struct catalog *c = NULL;
    struct providers *all = NULL;
    struct lazy lazy = {};
    const struct evaluator ev = {run_lazily, &lazy};
    err e = catalog_read(folders, n, p, &c);
    if (!e) e = providers_compile(c, p, &all);
    if (!e) e = providers_lint(all, c, &ev, str_of(trusted), (struct str){}, p);
    providers_destroy(all);
    jq_stop(lazy.jq);
    if (e) catalog_destroy(c);
    else *out = c;
    return e;
}
