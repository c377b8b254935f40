/* What an operator says about providers: the credential to use there (sealed before it comes here), and what is not to be used for now. */
#include "core/rules.h"

void provider_key_want(const struct command *c, struct workset *w, int round) {
    if (!round) want(w, REC_provider_key, c->provider_key.provider);
}

err provider_key_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_provider_key *k = &c->provider_key;
    const struct provider_key *known = WS_GET(w, provider_key, k->provider);
    bool forget = str_empty(k->sealed);
    if (str_empty(k->provider)) return why_set(&out->why, E_INVALID, "A provider key needs the provider's name.");
    if (forget && (!known || known->deleted_at))
        return why_set(&out->why, E_NOT_FOUND, "No key of %.*s is stored on this server.", STR_ARG(str_head(k->provider, 60)));
    struct provider_key *r = known ? WS_EDIT(w, provider_key, k->provider) : WS_INSERT(w, provider_key, k->provider);
    r->sealed = k->sealed;
    r->author = k->author;
    r->updated_at = c->at;
    r->deleted_at = forget ? c->at : 0;
    return OK;
}

void pause_want(const struct command *c, struct workset *w, int round) {
    if (!round) want(w, REC_pause, c->pause.what);
}

err pause_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_pause *p = &c->pause;
    const struct pause *known = WS_GET(w, pause, p->what);
    bool is_on = known && known->since;
    if (is_on == p->on) return OK; /* it is as was asked */
    struct pause *r = known ? WS_EDIT(w, pause, p->what) : WS_INSERT(w, pause, p->what);
    r->author = p->author;
    r->since = p->on ? c->at : 0;
    return OK;
}

static enum rec_type sealed_type(const struct command *c) {
    return str_is(c->reseal.type, "secret") ? REC_secret : str_is(c->reseal.type, "webhook") ? REC_webhook : REC_provider_key;
}

void reseal_want(const struct command *c, struct workset *w, int round) {
    if (!round) want(w, sealed_type(c), c->reseal.id);
}

err reseal_apply(const struct command *c, struct workset *w, struct outcome *out) {
    const struct cmd_reseal *r = &c->reseal;
    if (sealed_type(c) == REC_secret) {
        const struct secret *s = WS_GET(w, secret, r->id);
        if (s && !str_empty(s->sealed) && str_eq(s->sealed, r->before)) WS_EDIT(w, secret, r->id)->sealed = r->after;
        return OK;
    }
    if (sealed_type(c) == REC_webhook) {
        const struct webhook *h = WS_GET(w, webhook, r->id);
        if (h && !str_empty(h->secret) && str_eq(h->secret, r->before)) WS_EDIT(w, webhook, r->id)->secret = r->after;
        return OK;
    }
    const struct provider_key *k = WS_GET(w, provider_key, r->id);
    if (k && !str_empty(k->sealed) && str_eq(k->sealed, r->before)) WS_EDIT(w, provider_key, r->id)->sealed = r->after;
    return OK;
}
