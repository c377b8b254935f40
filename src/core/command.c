/* The table of commands, and the frame around each rule: a refused command leaves nothing behind. */
#include "core/rules.h"

static const struct rule {
    const char *name;
    want_fn *want;
    apply_fn *apply;
} rules[CMD_KIND_COUNT] = {
    [CMD_CREATE_PROJECT] = {"create_project", create_project_want, create_project_apply},
    [CMD_CREATE_KEY] = {"create_key", create_key_want, create_key_apply},
    [CMD_REVOKE_KEY] = {"revoke_key", revoke_key_want, revoke_key_apply},
    [CMD_TOP_UP] = {"top_up", top_up_want, top_up_apply},
    [CMD_SUBMIT] = {"submit", submit_want, submit_apply},
    [CMD_CLAIM] = {"claim", claim_want, claim_apply},
    [CMD_SENDING] = {"sending", step_want, sending_apply},
    [CMD_ACCEPTED] = {"accepted", step_want, accepted_apply},
    [CMD_PROGRESS] = {"progress", step_want, progress_apply},
    [CMD_RESULT_SEEN] = {"result_seen", step_want, result_seen_apply},
    [CMD_ATTEMPT_FAILED] = {"attempt_failed", attempt_failed_want, attempt_failed_apply},
    [CMD_UNRESOLVED] = {"unresolved", step_want, unresolved_apply},
    [CMD_SETTLE] = {"settle", settle_want, settle_apply},
    [CMD_CANCEL] = {"cancel", cancel_want, cancel_apply},
    [CMD_CANCEL_CONFIRMED] = {"cancel_confirmed", cancel_confirmed_want, cancel_confirmed_apply},
    [CMD_EXPIRE] = {"expire", expire_want, expire_apply},
    [CMD_RESOLVE] = {"resolve", resolve_want, resolve_apply},
    [CMD_ADOPT] = {"adopt", adopt_want, adopt_apply},
    [CMD_ASSET_PUT] = {"asset_put", asset_put_want, asset_put_apply},
    [CMD_ASSET_DELETE] = {"asset_delete", asset_delete_want, asset_delete_apply},
    [CMD_PUBLISH_CATALOG] = {"publish_catalog", publish_want, publish_apply},
    [CMD_ADJUST] = {"adjust", adjust_want, adjust_apply},
    [CMD_SECRET_PUT] = {"secret_put", secret_want, secret_put_apply},
    [CMD_SECRET_DELETE] = {"secret_delete", secret_want, secret_delete_apply},
    [CMD_DERIVED_PUT] = {"derived_put", derived_want, derived_put_apply},
    [CMD_PROJECT_SET] = {"project_set", project_set_want, project_set_apply},
    [CMD_DELIVERED] = {"delivered", delivered_want, delivered_apply},
    [CMD_DEFER] = {"defer", defer_want, defer_apply},
    [CMD_PROVIDER_KEY] = {"provider_key", provider_key_want, provider_key_apply},
    [CMD_PAUSE] = {"pause", pause_want, pause_apply},
    [CMD_RESEAL] = {"reseal", reseal_want, reseal_apply},
    [CMD_WEBHOOK_PUT] = {"webhook_put", webhook_put_want, webhook_put_apply},
    [CMD_WEBHOOK_DELETE] = {"webhook_delete", webhook_delete_want, webhook_delete_apply},
    [CMD_WEBHOOK_SEND] = {"webhook_send", webhook_send_want, webhook_send_apply},
    [CMD_WEBHOOK_LEASE] = {"webhook_lease", webhook_lease_want, webhook_lease_apply},
    [CMD_WEBHOOK_NOTE] = {"webhook_note", webhook_note_want, webhook_note_apply},
};

static const struct rule *rule_of(enum command_kind kind) {
    must((unsigned)kind < CMD_KIND_COUNT);
    return &rules[kind];
}

const char *command_name(enum command_kind kind) { return rule_of(kind)->name; }

void command_want(const struct command *c, struct workset *w, int round) {
    must(round >= 0 && round < COMMAND_ROUNDS);
    rule_of(c->kind)->want(c, w, round);
}

void command_apply(const struct command *c, struct workset *w, struct outcome *out) {
    memset(out, 0, sizeof *out);
    workset_begin(w);
    out->code = rule_of(c->kind)->apply(c, w, out);
    if (out->code) {
        workset_drop(w);
        if (!out->why.code) out->why.code = out->code;
    } else {
        workset_keep(w);
    }
}

static const struct {
    const char *name;
    err answer;
} failures[FAIL_COUNT] = {
    [FAIL_NONE] = {"none", OK},
    [FAIL_CALLER] = {"caller", E_REFUSED},
    [FAIL_MODERATION] = {"moderation", E_REFUSED},
    [FAIL_AUTH] = {"auth", E_UPSTREAM},
    [FAIL_QUOTA] = {"quota", E_UPSTREAM},
    [FAIL_RATE_LIMIT] = {"rate_limit", E_UPSTREAM},
    [FAIL_TRANSIENT] = {"transient", E_UPSTREAM},
    [FAIL_GONE] = {"gone", E_UPSTREAM},
    [FAIL_UNCLASSIFIED] = {"unclassified", E_UPSTREAM},
    [FAIL_OUTPUT_LOST] = {"output_lost", E_OUTPUT_LOST},
    [FAIL_SANDBOX] = {"sandbox", E_SANDBOX},
    [FAIL_DEADLINE] = {"deadline", E_DEADLINE},
};

const char *failure_name(enum failure f) {
    must((unsigned)f < FAIL_COUNT);
    return failures[f].name;
}

enum failure failure_by_name(struct str name) {
    for (int f = 0; f < FAIL_COUNT; f++)
        if (str_is(name, failures[f].name)) return (enum failure)f;
    return FAIL_UNCLASSIFIED;
}

err failure_err(enum failure f) {
    must((unsigned)f < FAIL_COUNT);
    return failures[f].answer;
}
