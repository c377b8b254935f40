/* What both sides of the door share: new ids, and copies of calls and results. */
#include "io/call.h"

struct id io_new_id(struct io *io) {
    uint8_t random[10];
    io->ops->random(io, random, sizeof random);
    return id_make(io_now(io), random);
}

/* An absent string stays absent, so that a copy cannot be told from what was copied. */
static struct str dup(struct arena *a, struct str s) { return s.ptr ? arena_dup(a, s) : s; }

struct call call_copy(struct arena *a, const struct call *c) {
    struct call n = *c;
    n.generation = dup(a, c->generation);
    n.project = dup(a, c->project);
    n.provider = dup(a, c->provider);
    n.route = dup(a, c->route);
    n.our_ref = dup(a, c->our_ref);
    n.their_ref = dup(a, c->their_ref);
    n.kind_wanted = dup(a, c->kind_wanted);
    n.inputs = dup(a, c->inputs);
    n.files = dup(a, c->files);
    n.reply = dup(a, c->reply);
    n.catalog = dup(a, c->catalog);
    n.model = dup(a, c->model);
    n.url_path = dup(a, c->url_path);
    n.trace = dup(a, c->trace);
    return n;
}

static struct output output_copy(struct arena *a, const struct output *o) {
    struct output n = *o;
    n.asset = dup(a, o->asset);
    n.blob = dup(a, o->blob);
    n.ext = dup(a, o->ext);
    n.type = dup(a, o->type);
    n.kind = dup(a, o->kind);
    n.sha256 = dup(a, o->sha256);
    n.facts = dup(a, o->facts);
    return n;
}

struct call_result call_result_copy(struct arena *a, const struct call_result *r) {
    struct call_result n = *r;
    n.detail = dup(a, r->detail);
    n.their_ref = dup(a, r->their_ref);
    n.reply = dup(a, r->reply);
    n.result = dup(a, r->result);
    if (r->output_count > 0) {
        struct output *outputs = arena_array(a, struct output, (size_t)r->output_count);
        for (int64_t i = 0; i < r->output_count; i++) outputs[i] = output_copy(a, &r->outputs[i]);
        n.outputs = outputs;
    }
    return n;
}

struct call_result call_nobody(void) {
    return (struct call_result){
        .code = E_NO_ROUTE,
        .failure = FAIL_GONE,
        .sent = false,
        .detail = STR("Nothing on this server carries out calls of that kind."),
        .percent = -1,
    };
}
