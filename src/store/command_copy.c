/* One table says where each kind of command keeps its strings; copying is the same for all. */
#include "store/command_copy.h"

#include <stddef.h>

enum { MAX_STRINGS = 28 };
#define AT(member) (uint16_t) offsetof(struct command, member)
#define STEP AT(step.generation), AT(step.node), AT(step.provider), AT(step.route), AT(step.their_ref), AT(step.reply), \
             AT(step.type), AT(step.payload), AT(step.detail), AT(step.result)

/* Offsets of struct str; 0 ends the list, because the first member of a command is its kind. */
static const uint16_t strings[CMD_KIND_COUNT][MAX_STRINGS] = {
    [CMD_CREATE_PROJECT] = {AT(create_project.id), AT(create_project.name)},
    [CMD_CREATE_KEY] = {AT(create_key.prefix), AT(create_key.project), AT(create_key.kind), AT(create_key.hash), AT(create_key.name),
                        AT(create_key.scopes), AT(create_key.models), AT(create_key.origins), AT(create_key.rate_class), AT(create_key.replaces)},
    [CMD_REVOKE_KEY] = {AT(revoke_key.prefix), AT(revoke_key.project)},
    [CMD_TOP_UP] = {AT(top_up.transfer), AT(top_up.project), AT(top_up.book), AT(top_up.author), AT(top_up.reason)},
    [CMD_SUBMIT] = {AT(submit.generation), AT(submit.project), AT(submit.book), AT(submit.key), AT(submit.idempotency),
                    AT(submit.request_hash), AT(submit.model), AT(submit.kind), AT(submit.catalog), AT(submit.inputs),
                    AT(submit.output_path), AT(submit.quote.from), AT(submit.quote.row), AT(submit.node), AT(submit.provider),
                    AT(submit.route), AT(submit.metadata), AT(submit.end_user), AT(submit.trace), AT(submit.files), AT(submit.url_path),
                    AT(submit.webhook), AT(submit.webhook_origin), AT(submit.webhook_secret)},
    [CMD_CLAIM] = {STEP},
    [CMD_SENDING] = {STEP},
    [CMD_ACCEPTED] = {STEP},
    [CMD_PROGRESS] = {STEP},
    [CMD_RESULT_SEEN] = {STEP},
    [CMD_ATTEMPT_FAILED] = {STEP},
    [CMD_UNRESOLVED] = {STEP},
    [CMD_SETTLE] = {STEP},
    [CMD_CANCEL] = {AT(cancel.generation), AT(cancel.project), AT(cancel.book)},
    [CMD_CANCEL_CONFIRMED] = {STEP},
    [CMD_EXPIRE] = {AT(expire.generation)},
    [CMD_RESOLVE] = {STEP},
    [CMD_ADOPT] = {AT(adopt.node), AT(adopt.dead)},
    [CMD_ASSET_PUT] = {AT(asset_put.project), AT(asset_put.book), AT(asset_put.path), AT(asset_put.only_if)},
    [CMD_ASSET_DELETE] = {AT(asset_delete.project), AT(asset_delete.book), AT(asset_delete.path), AT(asset_delete.asset)},
    [CMD_PUBLISH_CATALOG] = {AT(publish.sha256), AT(publish.content)},
    [CMD_ADJUST] = {AT(adjust.transfer), AT(adjust.project), AT(adjust.book), AT(adjust.author), AT(adjust.reason)},
    [CMD_SECRET_PUT] = {AT(secret.project), AT(secret.name), AT(secret.sealed)},
    [CMD_SECRET_DELETE] = {AT(secret.project), AT(secret.name)},
    [CMD_DERIVED_PUT] = {AT(derived.asset), AT(derived.role), AT(derived.state), AT(derived.blob), AT(derived.type)},
    [CMD_PROJECT_SET] = {AT(project_set.id)},
    [CMD_DELIVERED] = {AT(delivered.idempotency), AT(delivered.generation)},
    [CMD_DEFER] = {STEP},
    [CMD_PROVIDER_KEY] = {AT(provider_key.provider), AT(provider_key.sealed), AT(provider_key.author)},
    [CMD_PAUSE] = {AT(pause.what), AT(pause.author)},
    [CMD_RESEAL] = {AT(reseal.type), AT(reseal.id), AT(reseal.before), AT(reseal.after)},
    [CMD_WEBHOOK_PUT] = {AT(webhook_put.id), AT(webhook_put.project), AT(webhook_put.url), AT(webhook_put.secret), AT(webhook_put.state)},
    [CMD_WEBHOOK_DELETE] = {AT(webhook_delete.id), AT(webhook_delete.project)},
    [CMD_WEBHOOK_SEND] = {AT(webhook_send.message), AT(webhook_send.webhook), AT(webhook_send.project)},
    [CMD_WEBHOOK_LEASE] = {AT(webhook_lease.webhook), AT(webhook_lease.node)},
    [CMD_WEBHOOK_NOTE] = {AT(webhook_note.message), AT(webhook_note.webhook), AT(webhook_note.node), AT(webhook_note.detail)},
};

static const uint16_t output_strings[] = {
    offsetof(struct output, asset), offsetof(struct output, blob),   offsetof(struct output, ext),  offsetof(struct output, type),
    offsetof(struct output, kind),  offsetof(struct output, sha256), offsetof(struct output, facts),
};
enum { OUTPUT_STRINGS = sizeof output_strings / sizeof *output_strings };

static bool has_outputs(enum command_kind k) {
    switch (k) {
    case CMD_CLAIM: case CMD_SENDING: case CMD_ACCEPTED: case CMD_PROGRESS: case CMD_RESULT_SEEN: case CMD_ATTEMPT_FAILED:
    case CMD_UNRESOLVED: case CMD_SETTLE: case CMD_CANCEL_CONFIRMED: case CMD_RESOLVE: return true;
    default: return false;
    }
}

static struct str *str_at(const void *base, uint16_t offset) { return (struct str *)((char *)base + offset); }

/* Every string of the command, wherever it is. */
typedef void each_fn(void *arg, struct str *s);
static void each(struct command *c, each_fn *fn, void *arg) {
    for (int i = 0; i < MAX_STRINGS && strings[c->kind][i]; i++) fn(arg, str_at(c, strings[c->kind][i]));
    const struct output *outputs = NULL;
    size_t n = 0;
    if (has_outputs(c->kind)) outputs = c->step.outputs, n = (size_t)c->step.output_count;
    if (c->kind == CMD_ASSET_PUT) outputs = &c->asset_put.output, n = 1;
    for (size_t o = 0; o < n; o++)
        for (int i = 0; i < OUTPUT_STRINGS; i++) fn(arg, str_at(&outputs[o], output_strings[i]));
    if (c->kind == CMD_ADOPT)
        for (int64_t i = 0; i < c->adopt.count; i++) fn(arg, str_at(&c->adopt.generations[i], 0));
}

static void count(void *arg, struct str *s) { *(size_t *)arg += s->len + 1; }

static size_t array_bytes(const struct command *c) {
    if (has_outputs(c->kind)) return sizeof(struct output) * (size_t)c->step.output_count;
    return c->kind == CMD_ADOPT ? sizeof(struct str) * (size_t)c->adopt.count : 0;
}

size_t command_copy_bytes(const struct command *c) {
    size_t n = array_bytes(c);
    each((struct command *)c, count, &n);
    return n;
}

/* Text that databases take: UTF-8 without NUL. Most text is ASCII, so that is looked at eight bytes at a time. */
static bool is_text(struct str s) {
    size_t i = 0;
    const uint64_t low = 0x0101010101010101u, high = 0x8080808080808080u;
    for (uint64_t word; i + 8 <= s.len; i += 8) {
        memcpy(&word, s.ptr + i, 8);
        if (((word - low) | word) & high) break; /* a byte above 127, or maybe a zero */
    }
    for (; i < s.len && s.ptr[i] > 0; i++) {}
    return i == s.len || (!memchr(s.ptr + i, 0, s.len - i) && str_is_utf8(s));
}

struct copying {
    char *next;
    bool bad;
};

static void copy_one(void *arg, struct str *s) {
    struct copying *c = arg;
    if (s->len) {
        memcpy(c->next, s->ptr, s->len);
        if (!is_text(*s)) c->bad = true;
    }
    c->next[s->len] = 0;
    s->ptr = c->next;
    c->next += s->len + 1;
}

err command_copy(const struct command *c, void *memory, struct command *out) {
    *out = *c;
    size_t bytes = array_bytes(c);
    if (bytes && has_outputs(c->kind)) out->step.outputs = memcpy(memory, c->step.outputs, bytes);
    if (bytes && c->kind == CMD_ADOPT) out->adopt.generations = memcpy(memory, c->adopt.generations, bytes);
    struct copying copying = {.next = (char *)memory + bytes};
    each(out, copy_one, &copying);
    return copying.bad ? E_INVALID : OK;
}

size_t command_rows(const struct command *c) {
    switch (c->kind) {
    case CMD_SUBMIT: return 3 + !str_empty(c->submit.idempotency) + (str_empty(c->submit.node) ? 0 : 2);
    case CMD_SETTLE: return 7 + 2 * (size_t)c->step.output_count;
    case CMD_ADOPT: return 3 * (size_t)c->adopt.count;
    case CMD_CREATE_PROJECT: return 3;
    default: return 4;
    }
}
