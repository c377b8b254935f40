/* What an operator does about providers: keys, which come in and never go out again, and pauses. */
#include "ops/change.h"
#include "ops/keyring.h"
#include "ops/quote.h"

enum { PROVIDER_KEY_MAX = 4096, PROVIDER_NAME_MAX = 64 };

void ops_providers(struct ops *o, const struct caller *c, ops_done *done, void *arg) {
    _cleanup_(buf_done) struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kz(&w, "object", "list");
    o->o.providers(o->o.engine, &w);
    jw_close(&w, '}');
    struct answer a = answer_of(OK);
    a.json = buf_view(&json);
    done(arg, &a);
}

static bool is_name(struct str name) { return name.len && name.len <= PROVIDER_NAME_MAX && !memchr(name.ptr, '/', name.len) && str_is_utf8(name); }

void ops_provider_key_put(struct ops *o, const struct caller *c, struct str provider, struct str key, ops_done *done, void *arg) {
    struct str of = str_ends(provider, STR(WEBHOOK_KEY)) ? str_head(provider, provider.len - strlen(WEBHOOK_KEY)) : provider;
    if (!o->o.provider_known(o->o.engine, of)) {
        answer_err(done, arg, E_NOT_FOUND, "The catalog of this server describes no provider %.*s; `puras providers` lists them.", STR_ARG(str_head(provider, PROVIDER_NAME_MAX)));
        return;
    }
    if (!key.len || key.len > PROVIDER_KEY_MAX) {
        answer_err(done, arg, E_INVALID, "A provider's key has 1 to %d bytes.", PROVIDER_KEY_MAX);
        return;
    }
    for (size_t i = 0; i < key.len; i++)
        if (key.ptr[i] < 0x21 || key.ptr[i] > 0x7e) {
            answer_err(done, arg, E_INVALID, "A provider's key has visible ASCII characters only, without blanks; was a line too much copied?");
            return;
        }
    struct why why = {};
    err unfit = o->o.provider_key_fits ? o->o.provider_key_fits(o->o.engine, of, of.len < provider.len, key, &why) : OK;
    if (unfit) {
        answer_err(done, arg, unfit, "%s", why_text(&why));
        return;
    }
    _cleanup_(arena_done) struct arena arena = {};
    _cleanup_(buf_done) struct buf sealed = {};
    uint8_t nonce[24];
    o->io->ops->random(o->io, nonce, sizeof nonce);
    vault_seal(o->o.vault, nonce, keyring_name(provider, &arena), key, &sealed);
    struct command cmd = {.kind = CMD_PROVIDER_KEY, .at = io_now(o->io)};
    cmd.provider_key = (struct cmd_provider_key){.provider = provider, .sealed = buf_view(&sealed), .author = str_of(c->key)};
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "provider", provider);
    jw_kbool(&w, "key_set", true);
    view_time(&w, "key_set_at", cmd.at);
    jw_close(&w, '}');
    change(o, &cmd, &json, done, arg);
}

/* Also of one that the catalog does not describe any more. */
void ops_provider_key_delete(struct ops *o, const struct caller *c, struct str provider, ops_done *done, void *arg) {
    if (!is_name(provider)) {
        answer_err(done, arg, E_NOT_FOUND, "There is no provider of that name.");
        return;
    }
    struct command cmd = {.kind = CMD_PROVIDER_KEY, .at = io_now(o->io)};
    cmd.provider_key = (struct cmd_provider_key){.provider = provider, .author = str_of(c->key)};
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, "provider", provider);
    jw_kbool(&w, "key_set", false);
    jw_close(&w, '}');
    change(o, &cmd, &json, done, arg);
}

void ops_hook(struct ops *o, const struct hook_in *h, ops_done *done, void *arg) { o->o.hook(o->o.engine, h, done, arg); }

void ops_pause(struct ops *o, const struct caller *c, struct str provider, struct str model, bool on, ops_done *done, void *arg) {
    _cleanup_(arena_done) struct arena arena = {};
    struct why why = {};
    const struct model *m;
    if (!provider.len == !model.len) {
        answer_err(done, arg, E_INVALID, "Name a provider or a model, one of the two.");
        return;
    }
    if (provider.len && !o->o.provider_known(o->o.engine, provider)) {
        answer_err(done, arg, E_NOT_FOUND, "The catalog of this server describes no provider %.*s; `puras providers` lists them.", STR_ARG(str_head(provider, PROVIDER_NAME_MAX)));
        return;
    }
    if (model.len && model_named(shelf_current(o->o.shelf), model, &why, &m)) {
        answer_err(done, arg, E_NOT_FOUND, "%s", why_text(&why));
        return;
    }
    struct command cmd = {.kind = CMD_PAUSE, .at = io_now(o->io)};
    cmd.pause = (struct cmd_pause){.what = arena_printf(&arena, "%s/%.*s", provider.len ? "provider" : "model", STR_ARG(provider.len ? provider : model)), .author = str_of(c->key), .on = on};
    struct buf json = {};
    struct jw w = {.out = &json};
    jw_open(&w, '{');
    jw_kstr(&w, provider.len ? "provider" : "model", provider.len ? provider : model);
    jw_kbool(&w, "paused", on);
    jw_close(&w, '}');
    change(o, &cmd, &json, done, arg);
}
